# tests/integration/cluster/fabric.py: relays between processes that know each other by name, each
# direction of which can be cut or slowed down.
"""`Fabric` is the test's handle; run as a program the file is the process that carries the bytes. A
process is known by the port that it alone was told, or by its socket: the kernel's tables tell
which process has the other end, which is dear where many connections are made at once. What a cut
direction holds back arrives when it is mended, as what TCP sends again; so does the end of a
connection."""

import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
import threading

RESET = struct.pack("ii", 1, 0)
CHUNK = 65536
INTRODUCED_SECONDS = 0.2
REFUSED_SECONDS = 0.05   # or those who try again at once would do nothing else
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST = 4, 20, 1
STRANGER = "?"   # a process that was not introduced, such as the test itself; never cut off


class Fabric:
    """Carries bytes between named processes. Its methods may be called from any thread."""

    can_slow = True

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-B", os.path.abspath(__file__)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            start_new_session=True,
        )
        self._lock = threading.Lock()

    def _do(self, **what):
        with self._lock:
            self._process.stdin.write(json.dumps(what) + "\n")
            answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer
        return answer

    @staticmethod
    def host(_name):
        """The address on which that process listens."""
        return "127.0.0.1"

    @staticmethod
    def addresses():
        """What a certificate has to name besides."""
        return []

    @staticmethod
    def command(_name, command):
        """Starts that process where it lives."""
        return command

    def listen(self, name, target, dialer=None):
        """The address at which others reach the process `name`, which listens on `target`; only
        the process `dialer`, if it is given: then it need not be looked for."""
        order = {"name": name, "target": list(target), "dialer": dialer}
        return "127.0.0.1", self._do(do="listen", **order)["port"]

    def introduce(self, name, pid):
        """The process of that name, from now on; `None`: it has ended."""
        self._do(do="introduce", name=name, pid=pid)

    def cut_one_way(self, source, sink):
        """Nothing that `source` says reaches `sink`."""
        self._do(do="hold", source=source, sink=sink, held=True)

    def cut(self, one, other):
        self.cut_one_way(one, other)
        self.cut_one_way(other, one)

    def slow(self, source, sink, seconds):
        self._do(do="slow", source=source, sink=sink, seconds=seconds)

    def reset(self, one, other):
        """Their connections end at once; they may make new ones."""
        self._do(do="reset", one=one, other=other)

    def mend(self):
        """Nothing is cut or slow any more."""
        self._do(do="mend")

    def carried(self, source, sink):
        """Bytes so far."""
        return self._do(do="carried", source=source, sink=sink)["bytes"]

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


class Way:
    """One direction between two processes, for all their connections."""

    def __init__(self):
        self.may_pass = asyncio.Event()
        self.may_pass.set()
        self.seconds = 0.0
        self.bytes = 0


def inode_of(near, far):
    """Of the socket that is bound to `near` and connected to `far`; None when it is gone.
    The kernel is asked for this one (sock_diag(7)): its table of all is long on a busy machine."""
    ends = struct.pack(
        "!HH16s16s", near[1], far[1], socket.inet_aton(near[0]), socket.inet_aton(far[0])
    ) + struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
    request = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + ends
    head = struct.pack("=IHHII", 16 + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(1)
        kernel.send(head + request)
        answer = kernel.recv(4096)
    if struct.unpack_from("=H", answer, 4)[0] != SOCK_DIAG_BY_FAMILY:
        return None
    return struct.unpack_from("=I", answer, 16 + 4 + 48 + 16)[0]


def has_socket(pid, inode):
    wanted, folder = f"socket:[{inode}]", f"/proc/{pid}/fd"
    try:
        for one in os.listdir(folder):
            try:
                if os.readlink(f"{folder}/{one}") == wanted:
                    return True
            except OSError:
                pass
    except OSError:
        pass
    return False


class Line:
    """One connection that was accepted, and the one that goes on to its target."""

    def __init__(self, relays, dialer, listener, near):
        self.relays, self.dialer, self.listener = relays, dialer, listener
        self.writers = [near[1]]
        self.near = near

    async def carry(self, target):
        try:
            far = await asyncio.open_connection(*target)
        except OSError:
            await asyncio.sleep(REFUSED_SECONDS)
            self.abort()
            return
        self.writers.append(far[1])
        if self.dialer is None:
            self.dialer = await self.relays.dialer_of(self.near[1])
        there = self.relays.way(self.dialer, self.listener)
        back = self.relays.way(self.listener, self.dialer)
        await asyncio.gather(
            self._pump(self.near[0], far[1], there), self._pump(far[0], self.near[1], back)
        )
        for writer in self.writers:
            writer.close()

    async def _pump(self, reader, writer, way):
        while True:
            try:
                data = await reader.read(CHUNK)
            except OSError:
                data = None
            await way.may_pass.wait()
            if way.seconds:
                await asyncio.sleep(way.seconds)
            if data is None:
                self.abort()
                return
            try:
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                way.bytes += len(data)
                await writer.drain()
            except OSError:
                self.abort()
                return

    def abort(self):
        for writer in self.writers:
            tcp = writer.get_extra_info("socket")
            if tcp is not None and tcp.fileno() != -1:
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


class Relays:
    """All of them, in one process of its own."""

    def __init__(self):
        self.pids, self.ways, self.lines, self.servers = {}, {}, set(), []

    def way(self, source, sink):
        if (source, sink) not in self.ways:
            self.ways[source, sink] = Way()
        return self.ways[source, sink]

    async def dialer_of(self, writer):
        """The name of the process at the other end; it may connect before it is introduced."""
        ends = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        if ends[0] is None:
            return STRANGER
        name = self.name_of(*ends)
        if name == STRANGER:
            await asyncio.sleep(INTRODUCED_SECONDS)
            name = self.name_of(*ends)
        return name

    def name_of(self, near, far):
        inode = inode_of(near, far)
        if inode is not None:
            for name, pid in self.pids.items():
                if has_socket(pid, inode):
                    return name
        return STRANGER

    async def do(self, order):
        return await getattr(self, "do_" + order.pop("do"))(**order) or {}

    async def do_listen(self, name, target, dialer):
        async def accept(reader, writer):
            line = Line(self, dialer, name, (reader, writer))
            self.lines.add(line)
            try:
                await line.carry(target)
            finally:
                self.lines.discard(line)

        server = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=1024)
        self.servers.append(server)
        return {"port": server.sockets[0].getsockname()[1]}

    async def do_introduce(self, name, pid):
        if pid is None:
            self.pids.pop(name, None)
        else:
            self.pids[name] = pid

    async def do_hold(self, source, sink, held):
        way = self.way(source, sink)
        (way.may_pass.clear if held else way.may_pass.set)()

    async def do_slow(self, source, sink, seconds):
        self.way(source, sink).seconds = seconds

    async def do_reset(self, one, other):
        for line in list(self.lines):
            if {line.dialer, line.listener} == {one, other}:
                line.abort()

    async def do_mend(self):
        for way in self.ways.values():
            way.seconds = 0.0
            way.may_pass.set()

    async def do_carried(self, source, sink):
        return {"bytes": self.way(source, sink).bytes}


async def serve():
    relays, loop = Relays(), asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        try:
            answer = await relays.do(json.loads(line))
        except Exception as error:   # pylint: disable=broad-except
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)
    for line in list(relays.lines):
        line.abort()


if __name__ == "__main__":
    asyncio.run(serve())
