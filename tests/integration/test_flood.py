# tests/integration/test_flood.py: one client floods; another must not suffer for it.
"""A slow reader keeps its stream, whoever writes to it."""

import time
import unittest

from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw


class Flood(unittest.TestCase):
    def setUp(self):
        settings = {"accounts.auto_approve": "true", "limits.outbox_bytes_max": "262144"}
        policy = EVERYTHING + "allow group everyone to message any\n"
        self.server = Operated(policy, settings).start()
        self.addCleanup(self.server.close)

    def log_in(self, name):
        bundle = self.server.authority.client(f"{name}@{DOMAIN}")
        client = Raw(self.server.c2s, DOMAIN).login(bundle)
        self.addCleanup(client.socket.close)
        client.send("<presence/>")
        client.send("<iq type='get' id='in'><ping xmlns='urn:xmpp:ping'/></iq>")
        client.expect("<iq type='result' id='in'")
        return client

    def test_messages_to_one_who_does_not_read_are_refused_and_he_stays(self):
        victim, flooder = self.log_in("victim"), self.log_in("flooder")
        body = "x" * 8000
        sent = 0
        # Far more than both machines' socket buffers and the outbox hold.
        for _ in range(60):
            for _ in range(20):
                flooder.send(
                    f"<message type='chat' id='m{sent}' to='victim@{DOMAIN}/raw'>"
                    f"<body>{body}</body></message>"
                )
                sent += 1
            flooder.send("<iq type='get' id='on'><ping xmlns='urn:xmpp:ping'/></iq>")
            before = flooder.expect("<iq type='result' id='on'").string
            if "<resource-constraint" in before:
                break
        else:
            self.fail("nothing was refused")
        self.assertNotIn("slow_reader", self.server.log())
        victim.send("<iq type='get' id='there'><ping xmlns='urn:xmpp:ping'/></iq>")
        victim.expect("<iq type='result' id='there'", 30)
    def hoard(self, name, items):
        """A node of its own with items of 2 KB."""
        client = self.log_in(name)
        begin = f"<iq type='set' to='{BROKER}' id="
        inside = "<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
        client.send(f"{begin}'c'>{inside}<create node='{name}'/></pubsub></iq>")
        client.send("".join(
            f"{begin}'p{number}'>{inside}<publish node='{name}'><item id='i{number}'>"
            f"<a xmlns='urn:a'>{'x' * 2000}</a></item></publish></pubsub></iq>"
            for number in range(items)
        ))
        client.expect(f"id='p{items - 1}'", 60)
        return client

    def ask_for_all(self, client, name, times):
        client.send_quietly("".join(
            f"<iq type='set' to='{BROKER}' id='m{number}'><query xmlns='urn:xmpp:mam:2' "
            f"node='{name}'/></iq>" for number in range(times)
        ))

    def test_an_account_that_is_full_takes_no_other_account_along(self):
        """Many sessions ask for much and read nothing, until what may wait for their account is
        full. A reader of another account, which holds more than each of them, stays."""
        slow = self.hoard("slow", 20)
        self.hoard("greedy", 200).socket.close()
        self.ask_for_all(slow, "slow", 400)
        bundle = self.server.authority.client(f"greedy@{DOMAIN}")
        greedy = [
            Raw(self.server.c2s, DOMAIN).login(bundle, f"r{number}") for number in range(20)
        ]
        for client in greedy:
            self.addCleanup(client.socket.close)
        deadline = time.monotonic() + 60
        while "slow_reader" not in self.server.log() and time.monotonic() < deadline:
            for client in greedy:
                self.ask_for_all(client, "greedy", 10)
        self.server.wait_log("slow_reader.*greedy@", 0, 10)
        self.assertNotRegex(self.server.log(), "slow_reader.*slow@")
        (held,) = [
            session["outbox_bytes"]
            for session in self.server.admin_json("sessions", "list")["sessions"]
            if session["jid"].startswith("slow@")
        ]
        self.assertGreater(held, 0)


if __name__ == "__main__":
    unittest.main()
