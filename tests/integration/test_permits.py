# tests/integration/test_permits.py: a provider's answer to a BulkQuery permits one stream to the
# client that asked, and nothing else.
"""ise provides two topics and may send bulk data to nobody; asa may take one of them in bulk."""

import base64
import os
import threading
import unittest

from gridd import CONTROLLER, DOMAIN, Operated
from socks import (
    BYTESTREAMS, PROXY, SECONDS, Pair, Socks, ended, log_in, records, running, stream_hash
)

IBB = "http://jabber.org/protocol/ibb"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
GCL = "com.domain.gi.gcl.controller"
OPEN, CLOSED = "Session-1.0", "Secret-1.0"
RIGHTS = "allow client ise to discover, create, publish on *\nallow any to discover on *\n"
POLICY = RIGHTS + f"allow client asa, eve to bulk on {OPEN}\n"
MIB = 1 << 20


def question(topic):
    return (
        f"<grid xmlns='gi' type='request'><BulkQuery xmlns='{GCL}'><download>"
        f"<param name='start'>2026-01-01T00:00:00Z</param><param name='topic'>{topic}</param>"
        "<transport>s5b</transport></download></BulkQuery></grid>"
    )


def offer(sid, transport="s5b"):
    return (
        f"<grid xmlns='gi' type='response'><BulkQuery xmlns='{GCL}'><download xmlns=''>"
        f"<value sid='{sid}' transport='{transport}' items='3'/></download></BulkQuery></grid>"
    )


class Permits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Operated(POLICY, {"bulk.proxy_host": "127.0.0.1"}).start()
        cls.addClassCleanup(cls.server.close)
        cls.bundles = {}
        for name in ("ise", "asa", "eve"):
            cls.server.admin_ctl("accounts", "add", f"{name}@{DOMAIN}")
            cls.bundles[name] = cls.server.authority.client(f"{name}@{DOMAIN}")

    def setUp(self):
        self.set_policy(POLICY)
        self.pair = Pair(self.server, self.bundles["ise"], self.bundles["asa"], self.id()[-20:])
        self.addCleanup(self.pair.close)
        self.provider, self.client = self.pair.sender, self.pair.receiver
        self.provider_jid, self.client_jid = self.pair.sender_jid, self.pair.receiver_jid
        for topic in (OPEN, CLOSED):
            said, whole = self.provider.ask(
                "get",
                "<grid xmlns='xgrid' type='request'><initPublishRequest><capability>"
                f"<name>{topic}</name></capability></initPublishRequest></grid>",
                CONTROLLER,
            )
            self.assertEqual(said, "ok", whole)
        self.sid = "bd-" + os.urandom(6).hex()

    def set_policy(self, text):
        self.server.admin_ctl("policy", "set", "-", stdin=text)

    def ask(self, topic=OPEN, client=None):
        return (client or self.client).send("get", question(topic), self.provider_jid)

    def answer(self, number, payload, to=None, kind="result", client=None):
        """The provider answers that question; what the client gets."""
        self.provider.take(rf"<iq\b[^>]*id='{number}'.*?</iq>", SECONDS)
        self.provider.raw.send(
            f"<iq type='{kind}' id='{number}' to='{to or self.client_jid}'>{payload}</iq>"
        )
        return (client or self.client).answer(number)

    def permit(self, transport="s5b"):
        said, whole = self.answer(self.ask(), offer(self.sid, transport))
        self.assertEqual(said, "ok")
        self.assertIn(f"sid='{self.sid}'", whole)

    def connected(self, sid=None, requester=None, target=None):
        """Both connections of that stream."""
        name = stream_hash(
            sid or self.sid, requester or self.provider_jid, target or self.client_jid
        )
        pair = [Socks(self.pair.proxy).connect(name) for _ in range(2)]
        for connection in pair:
            self.addCleanup(connection.close)
        return pair

    def open_in_band(self, sender=None, to=None, sid=None):
        return (sender or self.provider).ask(
            "set", f"<open xmlns='{IBB}' sid='{sid or self.sid}' block-size='4096'/>",
            to or self.client_jid,
        )[0]

    def test_a_stream_through_the_proxy_by_the_permit(self):
        address = f"<query xmlns='{BYTESTREAMS}'/>"
        self.assertEqual(self.provider.ask("get", address, PROXY)[0], "forbidden")
        self.permit()
        self.assertEqual(self.provider.ask("get", address, PROXY)[0], "ok")
        # The offer of XEP-0065 reaches the client, and its answer the provider.
        hosts = f"<query xmlns='{BYTESTREAMS}' sid='{self.sid}'><streamhost jid='{PROXY}'/></query>"
        number = self.provider.send("set", hosts, self.client_jid)
        self.client.take(rf"<iq\b[^>]*id='{number}'.*?</iq>", SECONDS)
        self.client.raw.send(f"<iq type='result' id='{number}' to='{self.provider_jid}'/>")
        self.assertEqual(self.provider.answer(number)[0], "ok")
        with self.pair.stream(self.sid) as (here, there):
            sender = threading.Thread(target=here.send, args=(b"x" * MIB,))
            sender.start()
            self.assertEqual(there.read(MIB), b"x" * MIB)
            sender.join()
            found = running(self.server, self.provider)[0]
            # Of the client that asked, and by its own right.
            self.assertEqual(found["account"], self.bundles["asa"].jid)
            self.assertIn(f"bulk {OPEN}", found["rule"])
        self.assertEqual(ended(self.server, self.sid)["bytes"], MIB)
        # Once.
        self.connected()
        self.assertEqual(self.pair.activate(self.sid)[0], "forbidden")
        self.assertEqual(self.provider.ask("get", address, PROXY)[0], "forbidden")

    def test_a_stream_in_band_by_the_permit(self):
        self.assertEqual(self.open_in_band(), "service-unavailable")
        self.permit("ibb")
        number = self.provider.send(
            "set", f"<open xmlns='{IBB}' sid='{self.sid}' block-size='4096'/>", self.client_jid
        )
        for payload in (None, "packet", "close"):
            if payload == "packet":
                data = base64.b64encode(b"past items").decode()
                number = self.provider.send(
                    "set", f"<data xmlns='{IBB}' sid='{self.sid}' seq='0'>{data}</data>",
                    self.client_jid,
                )
            elif payload == "close":
                number = self.provider.send(
                    "set", f"<close xmlns='{IBB}' sid='{self.sid}'/>", self.client_jid
                )
            self.client.take(rf"<iq\b[^>]*id='{number}'.*?(?:/>|</iq>)", SECONDS)
            self.client.raw.send(f"<iq type='result' id='{number}' to='{self.provider_jid}'/>")
            self.assertEqual(self.provider.answer(number)[0], "ok")
        found = ended(self.server, self.sid)
        self.assertEqual((found["state"], found["bytes"]), ("complete", 10))
        self.assertEqual(self.open_in_band(), "service-unavailable")

    def test_it_is_for_that_stream_of_those_two_alone(self):
        self.permit()
        eve = log_in(self.server, self.bundles["eve"], "e")
        other = log_in(self.server, self.bundles["asa"], "another")
        twin = log_in(self.server, self.bundles["ise"], "twin")
        for client in (eve, other, twin):
            self.addCleanup(client.close)
        asa, eve_jid = self.bundles["asa"].jid, f"{self.bundles['eve'].jid}/e"
        for sid, sender, requester, to in (
            ("bd-guessed", self.provider, self.provider_jid, self.client_jid),
            (self.sid, self.provider, self.provider_jid, eve_jid),
            (self.sid, self.provider, self.provider_jid, f"{asa}/another"),
            (self.sid, twin, f"{self.bundles['ise'].jid}/twin", self.client_jid),
            (self.sid, self.client, self.client_jid, self.provider_jid),
            (self.sid, eve, eve_jid, self.client_jid),
        ):
            with self.subTest(sid=sid, requester=requester, to=to):
                connections = self.connected(sid, requester, to)
                said, _ = self.pair.activate(sid, sender, to)
                with self.server.at(sender.raw) as member:   # the proxy of this one is asked
                    has_connections = member.addresses["socks5"] == self.pair.proxy
                self.assertEqual(said, "forbidden" if has_connections else "item-not-found")
                self.assertIn(self.open_in_band(sender, to, sid), (
                    "service-unavailable", "forbidden"
                ))
                for connection in connections:
                    connection.close()
        # And still there.
        with self.pair.stream(self.sid) as (here, there):
            here.send(b"its own")
            self.assertEqual(there.read(7), b"its own")

    def test_the_clients_right_is_asked_again(self):
        self.permit()
        self.set_policy(RIGHTS)
        self.connected()
        self.assertEqual(self.pair.activate(self.sid)[0], "forbidden")
        self.set_policy(POLICY)
        self.sid += "-2"
        self.permit()
        with self.pair.stream(self.sid) as (here, there):
            here.send(b"half of it")
            self.assertEqual(there.read(10), b"half of it")
            self.set_policy(RIGHTS)
            self.assertTrue(there.is_reset())
        self.assertEqual(ended(self.server, self.sid)["state"], "denied")
        self.assertTrue(records(self.server, "bulk-end", self.sid))

    def test_a_block_list_counts(self):
        self.permit()
        said, whole = self.client.ask(
            "set",
            f"<block xmlns='urn:xmpp:blocking'><item jid='{self.bundles['ise'].jid}'/></block>",
            self.bundles["asa"].jid,
        )
        self.assertEqual(said, "ok", whole)
        self.addCleanup(
            self.client.ask, "set", "<unblock xmlns='urn:xmpp:blocking'/>", self.bundles["asa"].jid
        )
        self.connected()
        self.assertEqual(self.pair.activate(self.sid)[0], "forbidden")

    def test_no_answer_no_permit(self):
        cannot = f"<error type='cancel'><item-not-found xmlns='{STANZAS}'/></error>"
        self.assertEqual(
            self.answer(self.ask(), offer(self.sid) + cannot, kind="error")[0], "item-not-found"
        )
        # Without a question.
        self.provider.raw.send(
            f"<iq type='result' id='none' to='{self.client_jid}'>{offer(self.sid)}</iq>"
        )
        # To a query that is none for bulk data, the same.
        self.set_policy(POLICY + f"allow client asa to query on {OPEN}\n")
        number = self.client.send("get", "<other xmlns='urn:x:other'/>", self.provider_jid)
        self.assertEqual(self.answer(number, offer(self.sid))[0], "ok")
        # A file or another carrier is no stream.
        self.assertEqual(self.answer(self.ask(), offer(self.sid, "https"))[0], "ok")
        self.connected()
        self.assertEqual(self.pair.activate(self.sid)[0], "forbidden")

    def test_a_permit_ends_with_its_sessions(self):
        self.permit()
        self.client.raw.send("</stream:stream>")
        self.client.raw.until_closed()
        again = log_in(self.server, self.bundles["asa"], self.client_jid.split("/")[1])
        self.addCleanup(again.close)
        self.connected()
        self.assertEqual(self.pair.activate(self.sid)[0], "forbidden")

    def test_the_topic_that_is_named_counts(self):
        """Of the provider's two topics asa may take the one; the question names the other."""
        for topic, expected in ((CLOSED, "forbidden"), (OPEN, "ok")):
            number = self.ask(topic)
            if expected == "ok":
                self.assertEqual(self.answer(number, offer(self.sid))[0], "ok")
            else:
                self.assertEqual(self.client.answer(number)[0], expected)
        self.assertNotIn("BulkQuery", self.provider.raw.seen)


if __name__ == "__main__":
    unittest.main()
