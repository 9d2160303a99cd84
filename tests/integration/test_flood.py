# tests/integration/test_flood.py: one client floods; another must not suffer for it.
"""A slow reader keeps its stream, whoever writes to it."""

import unittest

from gridd import DOMAIN, Operated
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


if __name__ == "__main__":
    unittest.main()
