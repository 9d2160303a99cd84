# tests/integration/test_memory.py: a thousand hostile connections leave nothing behind.
"""Resident memory grows by at most 8 MiB over them, and no descriptor stays open."""

import os
import time
import unittest

from gridd import DOMAIN, Operated
from policies import EVERYTHING
from raw import STARTTLS, Raw, header
from test_hostile import INSIDE, STANZA_BYTES_MAX

CONNECTIONS = 1_000
WARM_UP = 150
GROWTH_BYTES_MAX = 8 * 1024 * 1024


class Memory(unittest.TestCase):
    """The kinds of test_hostile take turns."""

    @classmethod
    def setUpClass(cls):
        settings = {
            "accounts.auto_approve": "true",
            "limits.stanza_bytes_max": STANZA_BYTES_MAX,
            "limits.pre_auth_seconds_max": 2,
            "pubsub.payload_bytes_max": STANZA_BYTES_MAX // 2,
        }
        cls.server = Operated(EVERYTHING, settings).start()
        cls.alice = cls.server.authority.client(f"alice@{DOMAIN}")
        cls.expired = cls.server.authority.expired(f"alice@{DOMAIN}")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def kinds(self):
        for data, _ in INSIDE.values():
            yield lambda c, data=data: (c.login(self.alice), c.send_quietly(data), c.until_closed())
            yield lambda c, data=data: (
                c.starttls(self.alice), c.open(), c.send_quietly(data), c.until_closed()
            )
        yield lambda c: (c.starttls(self.expired), c.open(), c.authenticate())
        yield lambda c: (c.starttls(), c.send(header(DOMAIN)), c.until_closed())
        yield lambda c: (c.open(), c.send(STARTTLS + header(DOMAIN)), c.until_closed())
        yield lambda c: (c.open(), c.send(STARTTLS), c.expect("<proceed"), c.send(b"\x00" * 99))
        yield lambda c: c.send("<stream:stream")
        yield lambda c: (c.send_quietly(header(DOMAIN + "a" * 20000)), c.until_closed())
        yield lambda c: (c.login(self.alice), c.send("<message to='"))

    def rounds(self, count):
        kinds = list(self.kinds())
        for number in range(count):
            with Raw(self.server.c2s, DOMAIN) as connection:
                kinds[number % len(kinds)](connection)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def settled_descriptors(self, most):
        deadline = time.monotonic() + 10
        while self.descriptors() > most and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.descriptors()

    def test_a_thousand_hostile_connections(self):
        self.rounds(WARM_UP)
        time.sleep(2.5)   # The abandoned ones among them have run into their time limit.
        descriptors, resident = self.descriptors(), self.server.resident_bytes()
        self.rounds(CONNECTIONS)
        self.assertLessEqual(self.settled_descriptors(descriptors + 2), descriptors + 2)
        growth = self.server.resident_bytes() - resident
        print(f"resident {resident // 1024} KiB, growth {growth // 1024} KiB", flush=True)
        self.assertLessEqual(growth, GROWTH_BYTES_MAX)


if __name__ == "__main__":
    unittest.main()
