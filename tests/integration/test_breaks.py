# tests/integration/test_breaks.py: 200 clients behind a network that breaks, and kill -9 in it.
"""Twenty seconds of it; tests/bench/breaks: as long as wanted."""

import asyncio
import random
import unittest

from breaks import story
from breaks.checks import faults

SECONDS = 20
CLIENTS = 200
STOCK = 8   # of them on slixmpp, and as many on libstrophe


class Breaks(unittest.TestCase):
    """A failure names its seed."""

    def test_what_was_acknowledged_arrives_once_and_in_order(self):
        told = []
        seed = random.randrange(10**6)
        one = story.Story(seed, CLIENTS, STOCK, told.append)
        self.addCleanup(one.server.close)
        try:
            problems = asyncio.run(one.run(SECONDS))
        except story.Busy as busy:
            self.skipTest(str(busy))
        self.assertEqual(problems, [], f"seed {seed}: {told}")


class Checks(unittest.TestCase):
    """The check finds what it is for."""

    ORDER = ["a", "b", "c", "d"]

    def faults(self, receipts, acknowledged=("a", "d")):
        return faults(self.ORDER, acknowledged, receipts)

    def test_everything_once(self):
        self.assertEqual(self.faults([(1, item) for item in self.ORDER]), [])

    def test_a_new_session_may_repeat(self):
        got = [(1, "a"), (1, "b"), (2, "a"), (2, "b"), (2, "c"), (3, "d")]
        self.assertEqual(self.faults(got), [])

    def test_what_is_wrong(self):
        for got, says in (
            ([(1, "a"), (1, "b"), (1, "b"), (1, "c"), (1, "d")], "again"),
            ([(1, "a"), (1, "c"), (1, "d")], "1 lost"),
            ([(1, "a"), (2, "c"), (2, "d")], "begins with c: 1 lost"),
            ([(1, "a"), (1, "b"), (1, "c")], "missing at the end"),
            ([(1, "a"), (1, "b"), (1, "x"), (1, "c"), (1, "d")], "x came and is gone"),
            ([], "4 items are missing"),
        ):
            self.assertRegex("\n".join(self.faults(got)), says)
        self.assertRegex(self.faults([(1, item) for item in self.ORDER], ["e"])[0], "e was ack")


if __name__ == "__main__":
    unittest.main()
