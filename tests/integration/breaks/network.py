# tests/integration/breaks/network.py: a relay that cuts, stalls, half-closes and delays.
"""It does what a network does, and no more: a cut is a reset on both sides, and what was closed on
one side is still carried on the other. So bytes that the relay has taken may be lost, but never
long after it took them: a server without stream management rests on that."""

import asyncio
import socket
import struct
from collections import Counter

FATES = ("cut", "stall", "stall and cut", "half-close", "delay")
STALL_SECONDS_MAX = 1.5
DELAY_SECONDS_MAX = 0.2
RESET = struct.pack("ii", 1, 0)


class Line:
    """One connection of a client, and the one that is made to the server for it."""

    def __init__(self, network, near, far):
        self.network = network
        self.near, self.far = near, far   # (reader, writer) each
        self.open = asyncio.Event()   # bytes are carried while it is set
        self.open.set()
        self.delay = 0.0
        self.is_half_closed = False
        self.fate = None

    def begin(self):
        """From now on things happen to it."""
        self.fate = asyncio.ensure_future(self._fate())

    async def carry(self):
        if not self.network.is_calm:
            self.begin()
        try:
            await asyncio.gather(
                self._pump(self.near[0], self.far[1]), self._pump(self.far[0], self.near[1])
            )
        finally:
            if self.fate:
                self.fate.cancel()
            self.reset()

    async def _pump(self, reader, writer):
        try:
            while True:
                data = await reader.read(65536)
                await self.open.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                if writer is self.far[1] and self.is_half_closed:
                    if not data:
                        return
                    continue   # the server heard the end already
                if not data:
                    break
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            self.reset()

    def reset(self):
        """Neither side gets what is on its way."""
        for _, writer in (self.near, self.far):
            tcp = writer.get_extra_info("socket")
            if tcp is not None and tcp.fileno() != -1:
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        self.open.set()

    async def _fate(self):
        rng = self.network.rng
        while True:
            await asyncio.sleep(rng.expovariate(1 / self.network.seconds_between))
            if self.network.is_calm:
                return
            what = rng.choice(FATES)
            self.network.counts[what] += 1
            if what == "cut":
                self.reset()
            elif what.startswith("stall"):
                self.open.clear()
                await asyncio.sleep(rng.uniform(0.1, STALL_SECONDS_MAX))
                if what == "stall":
                    self.open.set()
                else:
                    self.reset()
            elif what == "half-close":
                # The client's side is closed for the server; what this still sends is carried, come
                # what may: a server takes an orderly end as one after which its peer reads on.
                self.is_half_closed = True
                self.far[1].write_eof()
                return
            else:
                self.delay = rng.uniform(0, DELAY_SECONDS_MAX)


class Network:
    """`address` is where clients connect; `target` may change when the server starts again."""

    def __init__(self, rng, target, seconds_between):
        self.rng, self.target, self.seconds_between = rng, target, seconds_between
        self.address = self.server = None
        self.is_calm = True
        self.lines = set()
        self.counts = Counter()

    async def start(self):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1024)
        self.address = self.server.sockets[0].getsockname()[:2]
        return self

    async def _accept(self, reader, writer):
        try:
            far = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        line = Line(self, (reader, writer), far)
        self.lines.add(line)
        await line.carry()
        self.lines.discard(line)

    def break_things(self):
        self.is_calm = False
        for line in self.lines:
            line.begin()

    def calm(self):
        """From now on nothing breaks; what is stalled or slow is reset."""
        self.is_calm = True
        for line in self.lines:
            if not line.is_half_closed and (not line.open.is_set() or line.delay):
                line.reset()

    async def stop(self):
        self.server.close()
        for line in list(self.lines):
            line.reset()
