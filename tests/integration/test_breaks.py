# tests/integration/test_breaks.py: 200 clients behind a network that breaks, and kill -9 in it.
"""Twenty seconds of it; tests/bench/breaks: as long as wanted."""

import asyncio
import random
import time
import unittest

from breaks import story
from breaks.checks import dropped_items, faults
from breaks.network import Loss, Network

SECONDS = 20
CLIENTS = 200
STOCK = 8   # of them on slixmpp, and as many on libstrophe and strophe.js


class Breaks(unittest.TestCase):
    """A failure names its seed."""

    def test_what_was_acknowledged_arrives_once_and_in_order(self):
        told = []
        seed = random.randrange(10**6)
        one = story.Story(seed, CLIENTS, STOCK, told.append)
        self.addCleanup(one.server.close)
        problems = asyncio.run(one.run(SECONDS))
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

    def test_what_the_network_dropped_for_good_is_no_fault(self):
        got = [(1, "a"), (3, "c"), (3, "d")]
        self.assertEqual(faults(self.ORDER, ["a"], got, {1: 1}), [])
        self.assertEqual(faults(self.ORDER, ["a"], got, {2: 1}), [])
        self.assertRegex(faults(self.ORDER, ["a"], got, {3: 1})[0], "1 lost")
        self.assertRegex(faults(self.ORDER, ["a"], [(1, "a"), (2, "d")], {1: 1})[0], "2 lost")

    def test_what_counts_as_dropped_for_good(self):
        self.assertEqual(dropped_items(None), 0)
        self.assertEqual(dropped_items(Loss(1000, 4.9, False)), 0)
        self.assertEqual(dropped_items(Loss(1000, 5.1, False)), 3)
        self.assertEqual(dropped_items(Loss(1000, 0.1, True)), 3)
        self.assertEqual(dropped_items(Loss(100, 5.1, False)), 0)


class Account(unittest.IsolatedAsyncioTestCase):
    """The relay knows what it dropped."""

    async def asyncSetUp(self):
        self.served = asyncio.get_running_loop().create_future()

        async def serve(reader, writer):
            self.served.set_result((reader, writer))

        self.server = await asyncio.start_server(serve, "127.0.0.1", 0)
        target = self.server.sockets[0].getsockname()[:2]
        self.network = await Network(random.Random(1), target, 8).start()
        self.reader, self.writer = await asyncio.open_connection(*self.network.address)
        self.far_reader, self.far_writer = await self.served
        self.line = self.network.line_of(self.writer.get_extra_info("sockname")[1])

    async def asyncTearDown(self):
        for writer in (self.writer, self.far_writer):
            writer.transport.abort()
        await self.network.stop()
        self.server.close()

    async def until(self, is_so):
        while not is_so():
            await asyncio.sleep(0.01)

    async def test_what_was_stalled_at_a_cut_is_lost(self):
        self.far_writer.write(b"a" * 100)
        self.assertEqual(await self.reader.readexactly(100), b"a" * 100)
        self.line.open.clear()
        begin = time.monotonic()
        self.far_writer.write(b"b" * 70)
        await self.until(lambda: self.line.down.taken == 170)
        taken = time.monotonic()
        await asyncio.sleep(0.05)
        held = time.monotonic() - taken
        self.line.reset()
        self.assertEqual((self.line.loss.bytes, self.line.loss.is_orderly), (70, False))
        self.assertGreaterEqual(self.line.loss.seconds, held)
        self.assertLessEqual(self.line.loss.seconds, time.monotonic() - begin)
        with self.assertRaises(ConnectionError):
            await self.reader.readexactly(1)

    async def test_what_has_arrived_is_not(self):
        self.far_writer.write(b"a" * 100)
        self.assertEqual(await self.reader.readexactly(100), b"a" * 100)
        await self.until(lambda: self.line.down.held() == (0, 0.0))
        self.line.reset()
        self.assertIsNone(self.line.loss)

    async def test_the_servers_end_comes_behind_its_last_words(self):
        self.line.open.clear()
        self.far_writer.write(b"last")
        self.far_writer.transport.close()
        await self.until(lambda: self.line.down.is_ended)
        self.line.open.set()
        self.assertEqual(await self.reader.read(), b"last")
        self.assertIsNone(self.line.loss)

    async def test_a_clients_end_waits_for_what_it_has_not_got(self):
        self.line.open.clear()
        self.far_writer.write(b"word")
        await self.until(lambda: self.line.down.taken == 4)
        self.writer.write_eof()
        await self.until(lambda: self.line.up.is_ended)
        self.assertFalse(self.far_reader.at_eof())
        self.line.open.set()
        self.assertEqual(await self.reader.readexactly(4), b"word")
        self.assertEqual(await self.far_reader.read(), b"")


if __name__ == "__main__":
    unittest.main()
