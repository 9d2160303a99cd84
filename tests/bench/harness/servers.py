# tests/bench/harness/servers.py: builds the tools, starts a server with empty data, stops it.
import json
import os
import shutil
import socket
import subprocess
import sys
import time

PEERS = {   # the script in peers/ and its own arguments
    "ejabberd": ["ejabberd"], "prosody": ["prosody"], "mosquitto": ["mosquitto"],
    "nats-lazy": ["nats"], "nats-sync": ["nats", "--sync"],
}
KINDS = ("floor", "floor-tls", "gridd", *PEERS)
PROTOCOLS = {   # gridload's option, where it is not XMPP
    "floor": "--raw", "floor-tls": "--raw", "mosquitto": "--mqtt",
    "nats-lazy": "--nats", "nats-sync": "--nats",
}
NATS_SERVER = os.path.abspath(os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "build-bench", "nats-server"))
DOMAIN = "grid.localhost"
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 20
IDENTITIES = 5200   # at the least


def build(root):
    """gridload and the floors, in a build directory of their own. A no-op when they are current."""
    where = os.path.join(root, "build-bench")
    source = os.path.join(root, "tests", "bench")
    if not os.path.exists(os.path.join(where, "CMakeCache.txt")):
        compiler = shutil.which("clang++-19") or "c++"
        subprocess.run(["cmake", "-S", source, "-B", where, "-DCMAKE_CXX_COMPILER=" + compiler],
                       check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", where, "-j2"], check=True, stdout=subprocess.DEVNULL)
    return where


def find(value, key):
    """The first value of `key` anywhere in a JSON document."""
    if isinstance(value, dict):
        if key in value:
            return value[key]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            found = find(part, key)
            if found is not None:
                return found
    return None


class Server:
    """A running server: its process, where it listens, its output."""

    def __init__(self, kind, process, address, log):
        self.kind, self.process, self.address, self.log = kind, process, address, log
        self.https = None   # of gridd: where WebSockets are

    @property
    def pid(self):
        return self.process.pid

    def tail(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return " | ".join(file.read().strip().splitlines()[-5:])

    def stop(self):
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bench:
    """Directories, certificates and whatever runs."""

    def __init__(self, options, programs, directory, source, identities=IDENTITIES):
        self.options, self.programs, self.directory = options, programs, directory
        self.source = source
        self.certs = os.path.join(directory, "certs")
        self.count = 0
        self.running = []
        count = max(identities, IDENTITIES)
        subprocess.run([os.path.join(programs, "benchcerts"), self.certs, str(count), DOMAIN],
                       check=True)

    def fresh_directory(self, name):
        self.count += 1
        return os.path.join(self.directory, f"{name}-{self.count}")

    def start(self, kind, where=None):
        """A server with empty data, or gridd with what an earlier one left in `where`. The caller
        stops it."""
        where = where or self.fresh_directory(kind)
        server = {"floor": self._floor, "floor-tls": self._floor,
                  "gridd": self._gridd}.get(kind, self._peer)(kind, where)
        self.running.append(server)
        host, port = server.address.rsplit(":", 1)
        self._wait(server, lambda: can_connect(host, int(port)), "takes no connections")
        return server

    def stop(self, server):
        server.stop()
        self.running.remove(server)

    def stop_all(self):
        for server in list(self.running):
            self.stop(server)

    def _spawn(self, command, log):
        with open(log, "wb") as output:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=subprocess.STDOUT)

    def _wait(self, server, condition, complaint):
        end = time.monotonic() + START_SECONDS_MAX
        while True:
            found = condition()
            if found:
                return found
            if server.process.poll() is not None or time.monotonic() > end:
                server.stop()
                raise RuntimeError(f"{server.kind} {complaint}: {server.tail()}")
            time.sleep(0.05)

    def _ready(self, kind, process, log, ready_file):
        server = Server(kind, process, "", log)
        self.running.append(server)   # stopped, whatever happens next
        ready = self._wait(server, lambda: read_json(ready_file), "is not ready")
        server.address = find(ready, "c2s_tls" if self.options.direct else "c2s")
        server.https = find(ready, "http")
        self.running.remove(server)
        if not server.address:
            server.stop()
            raise RuntimeError(f"{kind}: no address in the ready file {ready}")
        return server

    def _floor(self, kind, where):
        os.makedirs(where)
        log = os.path.join(where, "output.log")
        port = free_port()
        command = [os.path.join(self.programs, "floor_fanout"), f"127.0.0.1:{port}", self.certs]
        if kind == "floor-tls":
            command += ["--journal", os.path.join(where, "journal")]
        return Server(kind, self._spawn(command, log), f"127.0.0.1:{port}", log)

    def _gridd(self, kind, where):
        os.makedirs(os.path.join(where, "data"), exist_ok=True)
        policy, config = os.path.join(where, "policy"), os.path.join(where, "gridd.toml")
        with open(policy, "w", encoding="utf-8") as file:
            file.write("allow any to any on any\n")
        with open(config, "w", encoding="utf-8") as file:
            file.write("# Defaults; what differs is on the command line.\n")
        settings = {
            "domain": DOMAIN,
            "listen.c2s": "127.0.0.1:0", "listen.c2s_tls": "127.0.0.1:0",
            "listen.http": "127.0.0.1:0", "listen.socks5": "127.0.0.1:0",
            "tls.certificate": os.path.join(self.certs, "server.pem"),
            "tls.key": os.path.join(self.certs, "server.key"),
            "tls.client_ca": os.path.join(self.certs, "ca.pem"),
            "accounts.auto_approve": "true", "pubsub.access_open": "true",
            "policy.file": policy, "log.level": "warn",
        }
        command = [self.options.gridd, "--config", config, "--data", os.path.join(where, "data")]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        for setting in self.options.gridd_set:
            command += ["--set", setting]
        ready, log = os.path.join(where, "ready.json"), os.path.join(where, "output.log")
        if os.path.exists(ready):
            os.remove(ready)
        return self._ready(kind, self._spawn(command + ["--ready-file", ready], log), log, ready)

    def _peer(self, kind, where):
        ready, log = where + ".ready.json", where + ".log"
        script, *own = PEERS[kind]
        command = [sys.executable, "-B", os.path.join(self.source, "peers", script), *own,
                   "--dir", where, "--certs", self.certs, "--domain", DOMAIN,
                   "--ready-file", ready]
        return self._ready(kind, self._spawn(command, log), log, ready)


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None   # not there, or not all of it yet


def can_connect(host, port):
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
