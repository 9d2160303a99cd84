# tests/integration/test_half_closed.py: clients that end their side of TCP, and read on.
"""A network may take one direction away, without TLS's close_notify. Requests before that are
answered, and the end of the stream follows, no alert."""

import os
import re
import socket
import ssl
import unittest

from gridd import DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from topic import Topic

PINGS = 20
ROUNDS = 20


def end_output(raw):
    """TCP's end alone, without close_notify."""
    with socket.socket(fileno=os.dup(raw.socket.fileno())) as beneath:
        beneath.shutdown(socket.SHUT_WR)


def read_on(raw):
    """All that comes until the end; an alert of TLS is an error."""
    raw.socket.settimeout(raw.seconds)
    while data := raw.socket.recv(65536):
        raw.seen += data.decode()
    return raw.seen


class HalfClosed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Operated(
            EVERYTHING, {"accounts.auto_approve": "true", "pubsub.access_open": "true"}
        )
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.bundles = {
            name: cls.server.authority.client(f"{name}@{DOMAIN}")
            for name in ("owner", "ann", "bob", "eve")
        }

    def login(self, name, version=ssl.TLSVersion.TLSv1_3):
        raw = Raw(self.server.c2s_tls, DOMAIN)
        self.addCleanup(lambda: raw.socket.close())
        raw.handshake(self.bundles[name], low=version, high=version)
        raw.open()
        self.assertIn("<success", raw.authenticate())
        raw.bind()
        raw.send("<presence/>")
        return raw

    def test_requests_before_the_end_are_answered(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            raw = self.login("ann", version)
            raw.send(
                "".join(
                    f"<iq type='get' id='p{number}'><ping xmlns='urn:xmpp:ping'/></iq>"
                    for number in range(PINGS)
                )
            )
            end_output(raw)
            said = read_on(raw)
            answered = re.findall(r"<iq type='result' id='(p\d+)'", said)
            self.assertEqual(answered, [f"p{number}" for number in range(PINGS)])
            self.assertTrue(said.endswith("</stream:stream>"), said[-200:])

    def test_no_item_is_lost_between_the_end_and_the_next_login(self):
        owner = Topic(self.server, self.bundles["owner"], "followed")
        self.assertEqual(owner.create(access_model="open", max_items=1000)[0], "ok")
        reader = self.login("eve")
        reader.send(
            f"<iq type='set' id='s' to='pubsub.{DOMAIN}'><pubsub "
            f"xmlns='http://jabber.org/protocol/pubsub'><subscribe node='followed' "
            f"jid='eve@{DOMAIN}'/></pubsub></iq>"
        )
        reader.expect("id='s'")
        got, published = [], []
        for number in range(ROUNDS):
            for item in (f"{number}-before", f"{number}-after"):
                self.assertEqual(owner.publish(item)[0], "ok")
                published.append(item)
                if item.endswith("before"):
                    end_output(reader)
            got += re.findall(r"<item id='([^']*)'", read_on(reader))
            reader = self.login("eve")
        while published[-1] not in got:
            got.append(reader.expect(r"<item id='([^']*)'").group(1))
        self.assertEqual(list(dict.fromkeys(got)), published)   # some may come twice
        owner.close()


if __name__ == "__main__":
    unittest.main()
