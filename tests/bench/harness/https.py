# tests/bench/harness/https.py: gridd with files, curl as its client, what a server costs meanwhile.
"""A server is a child process below a folder of its own; its port of HTTPS is `port`."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

from raw import Raw

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
DOMAIN = "grid.localhost"
CIPHER = "TLS_AES_128_GCM_SHA256"
MIB = 1024 * 1024
START_SECONDS_MAX = 30
TRANSFER_SECONDS_MAX = 1800
TICKS = os.sysconf("SC_CLK_TCK")
UPLOAD = "urn:xmpp:http:upload:0"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """A child process and what it costs."""

    def __init__(self, folder, authority, bundle):
        self.folder, self.authority, self.bundle = folder, authority, bundle
        self.process = None
        self.port = None

    def pids(self):
        found, left = [], [self.process.pid]
        while left:
            pid = left.pop()
            found.append(pid)
            try:
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                    left += [int(child) for child in file.read().split()]
            except OSError:
                pass
        return found

    def cpu(self):
        ticks = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def resident(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                total += int(re.search(r"VmRSS:\s*(\d+)", file.read())[1])
        return total / 1024

    def wait_open(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise SystemExit("a server did not start: see " + self.folder) from None
                time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Gridd(Server):
    """gridd with all transfers that it is asked for."""

    def start(self):
        data, ready = os.path.join(self.folder, "data"), os.path.join(self.folder, "ready")
        policy = os.path.join(self.folder, "policy")
        with open(policy, "w", encoding="utf-8") as file:
            file.write("allow any any any\n")
        cert = self.authority.server(DOMAIN)
        settings = {
            "listen.c2s": "127.0.0.1:0", "listen.c2s_tls": "", "listen.http": "127.0.0.1:0",
            "listen.socks5": "127.0.0.1:0", "bulk.proxy_host": "127.0.0.1",
            "tls.certificate": cert.cert, "tls.key": cert.key, "tls.client_ca": self.authority.path,
            "policy.file": policy, "accounts.auto_approve": "true", "files.bytes_max": 1 << 40,
            "files.total_bytes_max": 1 << 40, "files.file_bytes_max": 1 << 40,
        }
        command = [os.path.join(ROOT, "build", "gridd"), "--data", data, "--ready-file", ready]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not os.path.exists(ready):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit("gridd did not start: see " + self.folder)
            time.sleep(0.05)
        with open(ready, encoding="utf-8") as file:
            listen = json.load(file)["listen"]
        self.port = int(listen["http"].rsplit(":", 1)[1])
        self.c2s = ("127.0.0.1", int(listen["c2s"].rsplit(":", 1)[1]))
        self.addresses = {"socks5": ("127.0.0.1", int(listen["socks5"].rsplit(":", 1)[1]))}
        self.stream = Raw(self.c2s, DOMAIN).login(self.bundle, "bench")

    @contextlib.contextmanager
    def at(self, _client):
        """The server that the client is at, for what tests of clusters share with this."""
        yield self

    def slot(self, size, name):
        self.stream.send(
            f"<iq type='get' id='{name}' to='bulk.{DOMAIN}'><request xmlns='{UPLOAD}' "
            f"filename='{name}' size='{size}'/></iq>"
        )
        url = self.stream.expect(f"id='{name}'.*?<put url='(https://[^']*)'")[1]
        return "/" + url.split("/", 3)[3]


def curl(server, path, *options):
    command = ["curl", "-sS", "--fail", "--max-time", str(TRANSFER_SECONDS_MAX)]
    command += ["--tls13-ciphers", CIPHER]
    command += ["--cacert", server.authority.path, "--cert", server.bundle.cert]
    command += ["--key", server.bundle.key, "--resolve", f"{DOMAIN}:{server.port}:127.0.0.1"]
    return subprocess.Popen(command + [*options, f"https://{DOMAIN}:{server.port}{path}"])


class Watched:
    """What a server costs while the block runs."""

    def __init__(self, server):
        self.server = server
        self.before, self.peak, self.done = 0, 0, threading.Event()

    def __enter__(self):
        self.before = self.peak = self.server.resident()
        self.watcher = threading.Thread(target=self._watch)
        self.cpu, self.began = self.server.cpu(), time.monotonic()
        self.watcher.start()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.began
        self.cpu = self.server.cpu() - self.cpu
        self.done.set()
        self.watcher.join()
        self.after = self.server.resident()

    def _watch(self):
        while not self.done.wait(0.05):
            self.peak = max(self.peak, self.server.resident())

    def figures(self, size):
        """Of so many bytes in all."""
        return {
            "mib_per_second": round(size / MIB / self.seconds, 1),
            "cpu_per_gib": round(self.cpu / (size / MIB / 1024), 2),
            "rss_before_mib": round(self.before, 1), "rss_peak_mib": round(self.peak, 1),
            "rss_after_mib": round(self.after, 1),
        }
