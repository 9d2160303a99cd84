# tests/integration/cluster/namespaces.py: a network namespace for each process, and a router
# between them that drops what is cut.
"""What `Fabric` offers, by the kernel: packets are lost, acknowledgements too, and TCP sends again
in its own time. `enter` first makes the test itself the router. Needs root."""

import ctypes
import ipaddress
import shutil
import subprocess
import threading

CLONE_NEWNET = 0x40000000
PLACES = 24   # that certificates name; a place is a namespace and its line to the router
NETWORK = "10.77.{}.{}"
ROUTER, PROCESS = 1, 2


def enter():
    """From now on this process, before it has any thread, sees a network of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare: a network namespace needs root")
    ip("link", "set", "lo", "up")
    with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as file:
        file.write("1\n")


def ip(*words, pid=None):
    """iproute2's, in the namespace of that process."""
    program = shutil.which("ip") or "/usr/sbin/ip"
    inside = ["nsenter", "-t", str(pid), "-n", "--"] if pid else []
    done = subprocess.run(
        [*inside, program, *words], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Place:
    """A namespace, which a process that sleeps keeps until the test ends."""

    def __init__(self, number):
        self.address = NETWORK.format(number, PROCESS)
        router, line, end = NETWORK.format(number, ROUTER), f"to{number}", f"end{number}"
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "-n", "sh", "-c",
             "echo ready && exec sleep 100000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )
        assert self.holder.stdout.readline() == "ready\n", "no namespace"
        pid = self.holder.pid
        ip("link", "add", line, "type", "veth", "peer", "name", end, "netns", str(pid))
        ip("addr", "add", f"{router}/30", "dev", line)
        ip("link", "set", line, "up")
        ip("link", "set", "lo", "up", pid=pid)
        ip("addr", "add", f"{self.address}/30", "dev", end, pid=pid)
        ip("link", "set", end, "up", pid=pid)
        ip("route", "add", "default", "via", router, pid=pid)

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


class Namespaces:
    """Its methods may be called from any thread."""

    can_slow = False   # that takes a queueing discipline which not every kernel has

    def __init__(self):
        self._lock = threading.Lock()
        self._places, self._cuts = {}, set()

    def _place(self, name):
        with self._lock:
            if name not in self._places:
                assert len(self._places) < PLACES, "certificates do not name so many"
                self._places[name] = Place(len(self._places) + 1)
            return self._places[name]

    # --- where a process lives ------------------------------------------------------------------

    def host(self, name):
        """The address on which that process listens."""
        return self._place(name).address

    @staticmethod
    def addresses():
        """What a certificate has to name, so that it is good for any process here."""
        return [
            ipaddress.ip_address(NETWORK.format(number, end))
            for number in range(1, PLACES + 1) for end in (ROUTER, PROCESS)
        ]

    def command(self, name, command):
        """Starts that process where it lives; its pid stays its own."""
        return ["nsenter", "-t", str(self._place(name).holder.pid), "-n", "--", *command]

    def listen(self, _name, target, _dialer=None):
        return target

    def introduce(self, name, pid):
        """Its place tells which process it is."""

    # --- faults -----------------------------------------------------------------------------------

    def cut_one_way(self, source, sink):
        ends = self.host(source), self.host(sink)
        with self._lock:
            if ends not in self._cuts:
                ip("rule", "add", "from", ends[0], "to", ends[1], "blackhole")
                self._cuts.add(ends)

    def cut(self, one, other):
        self.cut_one_way(one, other)
        self.cut_one_way(other, one)

    def mend(self):
        with self._lock:
            for ends in self._cuts:
                ip("rule", "del", "from", ends[0], "to", ends[1], "blackhole")
            self._cuts.clear()

    def close(self):
        with self._lock:
            for place in self._places.values():
                place.close()
