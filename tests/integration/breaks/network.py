# tests/integration/breaks/network.py: a relay that cuts, stalls, half-closes and delays, and has an
# account of what it dropped.
"""It does what a network does, and no more: a cut is a reset on both sides, what was closed on one
side is still carried on the other, and a side hears of the other's end behind everything that was
said before it. Bytes that the relay has taken may be lost at a cut, never long after it took them:
a server without stream management rests on that, since TCP tells it that they have arrived. How
many were lost and how old they were is in the account of the line."""

import array
import asyncio
import fcntl
import socket
import struct
import termios
import time
from collections import Counter, deque
from dataclasses import dataclass

FATES = ("cut", "stall", "stall and cut", "half-close", "delay")
STALL_SECONDS_MAX = 1.5
DELAY_SECONDS_MAX = 0.2
TAKEN_BYTES_MAX = 128 * 1024   # then it reads no more from that side
RESET = struct.pack("ii", 1, 0)
FIONREAD, SIOCOUTQ = termios.FIONREAD, termios.TIOCOUTQ


def bytes_in(transport, which):
    """In the kernel: received and not read, or sent and not acknowledged. 0 of a closed socket."""
    tcp = transport.get_extra_info("socket")
    if tcp is None or tcp.fileno() == -1:
        return 0
    count = array.array("i", [0])
    fcntl.ioctl(tcp.fileno(), which, count)
    return count[0]


@dataclass
class Loss:
    """What the server sent, was acknowledged by TCP, and the client never got."""

    bytes: int
    seconds: float   # for so long the oldest of it may have been acknowledged, at the most
    is_orderly: bool   # the server had been told that its client closed


class End(asyncio.Protocol):
    """One socket of a line; what comes is the flow's."""

    def __init__(self, line):
        self.line, self.flow = line, None
        self.transport = None
        self.is_lost = False
        self.is_writable = asyncio.Event()
        self.is_writable.set()

    def connection_made(self, transport):
        self.transport = transport
        self.line.on_connected(self)

    def data_received(self, data):
        self.flow.take(data)

    def eof_received(self):
        self.flow.end()
        return True   # the other direction goes on

    def connection_lost(self, exc):
        self.is_lost = True
        self.is_writable.set()
        self.line.on_lost(self)

    def pause_writing(self):
        self.is_writable.clear()

    def resume_writing(self):
        self.is_writable.set()


class Flow:
    """One direction of a line."""

    def __init__(self, line, source, sink):
        self.line, self.source, self.sink = line, source, sink
        self.waiting, self.waiting_bytes = [], 0
        self.taken, self.written = 0, 0   # bytes in all
        self.times = deque()   # (when, taken in all by then), of what may be on its way
        self.news = asyncio.Event()
        self.is_ended = self.is_discarding = False
        self.paused_at = None
        source.flow = self

    def take(self, data):
        if self.is_discarding:
            return
        self.taken += len(data)
        self.times.append((time.monotonic(), self.taken))
        self.waiting.append(data)
        self.waiting_bytes += len(data)
        if self.waiting_bytes > TAKEN_BYTES_MAX and self.paused_at is None:
            self.paused_at = time.monotonic()
            self.source.transport.pause_reading()
        self.news.set()

    def end(self):
        self.is_ended = True
        self.news.set()

    async def carry(self):
        while True:
            await self.news.wait()
            await self.line.open.wait()
            if self.line.delay:
                await asyncio.sleep(self.line.delay)
            if self.sink.is_lost:
                return
            if self.waiting and not self.is_discarding:
                self._pass_on()
                await self.sink.is_writable.wait()
            elif self.is_ended:
                break
            else:
                self.news.clear()
        if not self.is_discarding:   # else the sink has heard the end
            await self.line.before_end(self)
            if not self.sink.is_lost:
                self.sink.transport.write_eof()

    def _pass_on(self):
        data, self.waiting, self.waiting_bytes = b"".join(self.waiting), [], 0
        self.sink.transport.write(data)
        self.written += len(data)
        if self.paused_at is not None and not self.source.is_lost:
            self.source.transport.resume_reading()
        self.paused_at = None

    def held(self):
        """(bytes, seconds): what TCP told the source has arrived, and the sink's kernel has not;
        for how long, at the most. Bytes may have come as long before they were read as this process
        did not get to read."""
        now = time.monotonic()
        underway = self.sink.transport.get_write_buffer_size()
        arrived = self.written - underway - bytes_in(self.sink.transport, SIOCOUTQ)
        while self.times and self.times[0][1] <= arrived:
            self.times.popleft()
        unread = bytes_in(self.source.transport, FIONREAD)
        count = self.taken - arrived + unread
        since = [self.times[0][0]] if self.times else []
        if unread:
            since.append(now if self.paused_at is None else self.paused_at)
        return count, now - min(since, default=now) + self.line.network.lag() if count else 0.0


class Line:
    """One connection of a client, and the one that is made to the server for it."""

    def __init__(self, network):
        self.network = network
        self.near, self.far = End(self), End(self)   # towards the client, the server
        self.up, self.down = Flow(self, self.near, self.far), Flow(self, self.far, self.near)
        self.open = asyncio.Event()   # bytes are carried while it is set
        self.open.set()
        self.delay = 0.0
        self.is_half_closed = self.is_over = False
        self.loss = None
        self.tasks, self.fate = [], None
        self.history = [f"begun {time.strftime('%T')}"]

    def __repr__(self):
        return ", ".join([*self.history, str(self.loss or "nothing lost")])

    def note(self, what):
        """For a person who reads of a fault."""
        self.history.append(f"{what} {time.strftime('%T')}")

    # --- its ends -----------------------------------------------------------------------------

    def on_connected(self, end):
        if end is self.near:
            self.network.lines.add(self)
            self.network.by_port[end.transport.get_extra_info("peername")[1]] = self
            end.transport.pause_reading()   # until the server is there
            self.tasks.append(asyncio.ensure_future(self._run()))

    def on_lost(self, end):
        """The server's end is an end of what it says; the client's is one of the line."""
        self.note("the server's end" if end is self.far else "the client's end")
        if end is self.far:
            self.down.end()
            self.up.is_discarding = True
            self.up.end()
        else:
            self.reset()

    async def before_end(self, flow):
        """The server takes an orderly end as one before which its peer has read everything."""
        while flow is self.up and not self.near.is_lost and self.down.held()[0]:
            await asyncio.sleep(0.02)

    async def _run(self):
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self.far, *self.network.target)
        except OSError:
            return self.reset()
        if self.near.is_lost:
            return self.reset()
        self.near.transport.resume_reading()
        if not self.network.is_calm:
            self.begin()
        await asyncio.gather(self.up.carry(), self.down.carry())
        self._finish(lambda transport: transport.close())

    def reset(self):
        """Neither side gets what is on its way."""
        self.note("reset")
        if not self.is_over and self.far.transport is not None:
            self._note_loss()

        def abort(transport):
            tcp = transport.get_extra_info("socket")
            if tcp is not None and tcp.fileno() != -1:
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            transport.abort()

        self._finish(abort)

    def _note_loss(self):
        count, seconds = self.down.held()
        if self.near.is_lost:   # bytes that were written may have arrived, or not
            count = self.down.waiting_bytes
        if count:
            self.loss = Loss(count, seconds, self.is_half_closed)

    def _finish(self, close):
        if self.is_over:
            return
        self.is_over = True
        for end in (self.near, self.far):
            if end.transport is not None and not end.is_lost:
                close(end.transport)
        for task in (*self.tasks, self.fate):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        self.network.lines.discard(self)

    # --- what happens to it -------------------------------------------------------------------

    def begin(self):
        """From now on things happen to it."""
        self.fate = asyncio.ensure_future(self._fate())

    async def _fate(self):
        rng = self.network.rng
        while True:
            await asyncio.sleep(rng.expovariate(1 / self.network.seconds_between))
            while self.down.waiting:
                await asyncio.sleep(0.02)   # one stall does not follow upon the other
            if self.network.is_calm or self.is_over:
                return
            what = rng.choice(FATES)
            self.note(what)
            self.network.counts[what] += 1
            if what == "cut":
                return self.reset()
            if what.startswith("stall"):
                self.open.clear()
                await asyncio.sleep(rng.uniform(0.1, STALL_SECONDS_MAX))
                if what != "stall":
                    return self.reset()
                self.open.set()
            elif what == "half-close":
                # The client's side is closed for the server; what this still sends is carried, come
                # what may: a server takes an orderly end as one after which its peer reads on.
                self.is_half_closed = self.up.is_discarding = True
                if not self.far.is_lost:
                    self.far.transport.write_eof()
                return
            else:
                self.delay = rng.uniform(0, DELAY_SECONDS_MAX)


class Network:
    """`address` is where clients connect; `target` may change when the server starts again.
    `lag()`: the longest time for which this process did not get to its sockets."""

    def __init__(self, rng, target, seconds_between, lag=lambda: 0.0):
        self.rng, self.target, self.seconds_between = rng, target, seconds_between
        self.lag = lag
        self.address = self.server = None
        self.is_calm = True
        self.lines, self.by_port = set(), {}
        self.counts = Counter()

    async def start(self):
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(
            lambda: Line(self).near, "127.0.0.1", 0, backlog=1024
        )
        self.address = self.server.sockets[0].getsockname()[:2]
        return self

    def line_of(self, port):
        """The latest line of a client with this port; None where there was none."""
        return self.by_port.get(port)

    def break_things(self):
        self.is_calm = False
        for line in self.lines:
            line.begin()

    def calm(self):
        """From now on nothing breaks; what is stalled or slow is reset."""
        self.is_calm = True
        for line in list(self.lines):
            if not line.is_half_closed and (not line.open.is_set() or line.delay):
                line.reset()

    async def stop(self):
        self.server.close()
        for line in list(self.lines):
            line.reset()
