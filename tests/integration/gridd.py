# tests/integration/gridd.py: the real server as a child process, and gridctl beside it.
"""Every server listens on free loopback ports and keeps its data in a temporary directory."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from certs import Authority, Bundle

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("GRIDD_BUILD", os.path.join(ROOT, "build"))
DOMAIN = "grid.localhost"
BROKER = "pubsub." + DOMAIN
CONTROLLER = "controller." + DOMAIN
ADMIN = "admin@" + DOMAIN
MEMBERS = int(os.environ.get("GRIDD_CLUSTER", "1"))   # of which each Operated server is one
START_SECONDS = 60   # on a machine that has others to serve
STOP_SECONDS = 15


def binary(name):
    return os.path.join(BUILD, name)


def wait_taken(pid, number, seconds=30):
    """A thread of that process has taken the signal, which was sent to the whole of it."""
    deadline = time.monotonic() + seconds
    while True:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            pending = int(re.search(r"^ShdPnd:\s*([0-9a-f]+)", file.read(), re.M).group(1), 16)
        if not pending >> (number - 1) & 1:
            return
        assert time.monotonic() < deadline, f"signal {number} is pending"
        time.sleep(0.01)


class Gridd:
    """One server: start, kill9 and start again on the same data, stop; its log; its memory."""

    def __init__(self, settings=None, program="gridd"):
        self.folder = tempfile.mkdtemp(prefix="gridd-test-")
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "log")
        self.program = binary(program)
        self.settings = {
            "listen.c2s": "127.0.0.1:0",
            "listen.c2s_tls": "127.0.0.1:0",
            "listen.http": "127.0.0.1:0",
            "listen.socks5": "127.0.0.1:0",
            "storage.free_bytes_min": 64 * 1024 * 1024,
        }
        self.settings.update(settings or {})
        self.process = None
        self.addresses = {}

    # --- life -------------------------------------------------------------------------------

    def start(self, config=None):
        ready = os.path.join(self.folder, "ready.json")
        if os.path.exists(ready):
            os.unlink(ready)
        command = [self.program, "--data", self.data, "--ready-file", ready]
        command += ["--config", config] if config else []
        for key, value in self.settings.items():
            command += ["--set", f"{key}={value}"]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        deadline = time.monotonic() + START_SECONDS
        while not os.path.exists(ready):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill9()
                raise AssertionError("gridd did not start:\n" + self.log()[-3000:])
            time.sleep(0.02)
        with open(ready, encoding="utf-8") as file:
            self.addresses = self._bound(json.load(file))
        return self

    @staticmethod
    def _bound(ready):
        def split(address):
            host, port = address.rsplit(":", 1)
            return host.strip("[]"), int(port)

        return {name: split(address) for name, address in ready["listen"].items()}

    def kill9(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self):
        """An orderly end; a server that hangs or fails in it is an error of the test."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("gridd did not stop:\n" + self.log()[-3000:]) from None
        assert code == 0, f"gridd ended with {code}:\n{self.log()[-3000:]}"

    def close(self):
        try:
            self.stop()
        finally:
            if os.environ.get("GRIDD_KEEP"):
                print("kept", self.folder)
            else:
                shutil.rmtree(self.folder, ignore_errors=True)

    # --- the server as seen from outside ------------------------------------------------------

    @property
    def c2s(self):
        return self.addresses["c2s"]

    @property
    def c2s_tls(self):
        return self.addresses["c2s_tls"]

    @property
    def http(self):
        return self.addresses["http"]

    def log(self, since=0):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()[since:]

    def log_mark(self):
        return len(self.log())

    def wait_log(self, pattern, since=0, seconds=30):
        """The first log line that matches, from the mark on."""
        deadline = time.monotonic() + seconds
        while True:
            for line in self.log(since).splitlines():
                if re.search(pattern, line):
                    return line
            if time.monotonic() > deadline:
                raise AssertionError(f"no log line like {pattern!r} in:\n{self.log(since)[-2000:]}")
            time.sleep(0.02)

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    # --- one of several members (cluster/spread.py) ---------------------------------------------

    @contextlib.contextmanager
    def at(self, client):   # pylint: disable=unused-argument
        """Within, requests go to the member of that client (raw.Raw), or of that address."""
        yield self

    def each(self):
        """Requests go to one member after the other."""
        yield self

    # --- gridctl ----------------------------------------------------------------------------

    def gridctl(self, *arguments, identity=None, stdin=None):
        """Runs gridctl: with `identity` over REST as that client, else on the data directory."""
        command = [binary("gridctl")]
        if identity is None:
            command += ["--data", self.data]
        else:
            host, port = self.http
            command += ["--server", f"{host}:{port}", "--ca", identity.ca]
            command += ["--server-name", DOMAIN]
            command += ["--cert", identity.cert, "--key", identity.key]
        return subprocess.run(
            command + list(arguments),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def ctl(self, *arguments, identity=None, stdin=None):
        """gridctl that must succeed; its output."""
        done = self.gridctl(*arguments, identity=identity, stdin=stdin)
        assert done.returncode == 0, f"gridctl {arguments}: {done.returncode}\n{done.stderr}"
        return done.stdout

    def ctl_json(self, *arguments, identity=None):
        return json.loads(self.ctl("--json", *arguments, identity=identity))


def skip_in_a_cluster(why):
    if MEMBERS > 1:
        raise unittest.SkipTest("in a cluster: " + why)


class Evaluation(Gridd):
    """A first start without configuration: evaluation CA, accounts of that CA are approved."""

    def start(self, config=None):
        skip_in_a_cluster("an evaluation is one server")
        return super().start(config)

    def client(self, name):
        folder = os.path.join(self.folder, "clients", name)
        self.ctl("pki", "client", name, "--out", folder)
        path = {end: os.path.join(folder, end) for end in (f"{name}.crt", f"{name}.key", "ca.crt")}
        return Bundle(
            f"{name}@{DOMAIN}", path[f"{name}.crt"], path[f"{name}.key"], path["ca.crt"]
        )


class Operated(Gridd):
    """A real set-up: own CA, own server certificate, an administrator, a policy, no approval
    without a person."""

    def __init__(self, policy, settings=None, program="gridd"):
        super().__init__(program=program)
        self.authority = Authority(os.path.join(self.folder, "pki"))
        server = self.authority.server(DOMAIN)
        policy_path = os.path.join(self.folder, "policy")
        with open(policy_path, "w", encoding="utf-8") as file:
            file.write(policy)
        self.settings.update(
            {
                "tls.certificate": server.cert,
                "tls.key": server.key,
                "tls.client_ca": self.authority.path,
                "policy.file": policy_path,
            }
        )
        self.settings.update(settings or {})
        self.admin = self.authority.client(ADMIN)
        self.spread = None
        if MEMBERS > 1:
            from cluster.spread import Spread   # pylint: disable=import-outside-toplevel

            self.spread = Spread(self, MEMBERS, lambda: Gridd(program=program))

    def prepare(self):
        """The data directory, with its administrator; once."""
        if not os.path.exists(self.data):
            os.mkdir(self.data, 0o700)
            self.ctl("admin", "add", ADMIN)

    def start(self):
        if self.spread:
            self.spread.before_start()
        self.prepare()
        super().start()
        if self.spread:
            self.spread.after_start()
        return self

    # Of any member, or of all of them, where there are several (cluster/spread.py).

    def log_mark(self):
        if not self.spread:
            return super().log_mark()
        return tuple(len(Gridd.log(one)) for one in self.spread.heard())

    def log(self, since=0):
        if not self.spread:
            return super().log(since)
        all_of_them = [one for one in self.spread.heard() if os.path.exists(one.log_path)]
        marks = since if isinstance(since, tuple) else (since,) * len(all_of_them)
        return "".join(Gridd.log(one, mark) for one, mark in zip(all_of_them, marks))

    def resident_bytes(self):
        skip_in_a_cluster("the memory of one server")
        return super().resident_bytes()

    @contextlib.contextmanager
    def _choose(self, one):
        before, self.spread.chosen = self.spread.chosen, one
        try:
            yield one
        finally:
            self.spread.chosen = before

    def at(self, client):
        if not self.spread:
            return super().at(client)
        address = client if isinstance(client, tuple) else client.socket.getpeername()
        return self._choose(next(
            one for one in self.spread.all() if address in one.addresses.values()
        ))

    def each(self):
        if not self.spread:
            yield from super().each()
            return
        for one in self.spread.all():
            with self._choose(one):
                yield one

    def stay(self):
        """From now on all go to this one: for what each member counts or keeps for itself."""
        if self.spread:
            self.spread.chosen = self
        return self

    def _any(self, name):
        return (self.spread.pick() if self.spread else self).addresses[name]

    @property
    def c2s(self):
        return self._any("c2s")

    @property
    def c2s_tls(self):
        return self._any("c2s_tls")

    @property
    def http(self):
        return self._any("http")

    def kill9(self):
        if self.spread:
            self.spread.kill9()
        super().kill9()

    def stop(self):
        if self.spread:
            self.spread.stop()
        super().stop()

    def close(self):
        try:
            super().close()
        finally:
            if self.spread:
                self.spread.close()

    def admin_ctl(self, *arguments, stdin=None):
        return self.ctl(*arguments, identity=self.admin, stdin=stdin)

    def admin_json(self, *arguments):
        return self.ctl_json(*arguments, identity=self.admin)
