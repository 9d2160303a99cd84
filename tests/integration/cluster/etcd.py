# tests/integration/cluster/etcd.py: a cluster of etcds on loopback, each of which can be killed,
# stopped, and started again.
"""Debian's etcd. Whoever connects to one, other etcds too, goes through the fabric when there is
one. With mutual TLS, by an own authority."""

import base64
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import time

from cryptography import x509

from certs import Authority
from revoking import free_port

START_SECONDS = 60
PROGRAM = shutil.which("etcd") or "/usr/bin/etcd"


def is_installed():
    return os.access(PROGRAM, os.X_OK)


class Etcd:
    """One of them."""

    def __init__(self, ensemble, name):
        self.ensemble, self.name = ensemble, name
        self.folder = os.path.join(ensemble.folder, name)
        fabric = ensemble.fabric
        host = fabric.host(name) if fabric else "127.0.0.1"
        self.client, self.peer = (host, free_port()), (host, free_port())
        self.client_reached = fabric.listen(name, self.client) if fabric else self.client
        self.peer_reached = fabric.listen(name, self.peer) if fabric else self.peer
        self.process = None
        self.is_stopped = False

    def url(self, address):
        return f"{self.ensemble.scheme}://{address[0]}:{address[1]}"

    def spawn(self):
        pki = self.ensemble.bundle
        command = [
            PROGRAM, "--name", self.name, "--data-dir", self.folder,
            "--listen-client-urls", self.url(self.client),
            "--advertise-client-urls", self.url(self.client_reached),
            "--listen-peer-urls", self.url(self.peer),
            "--initial-advertise-peer-urls", self.url(self.peer_reached),
            "--initial-cluster", self.ensemble.initial(),
            "--initial-cluster-token", "gridd-test",
            "--heartbeat-interval", "100", "--election-timeout", "1000",
            "--logger", "zap", "--log-level", "error",
        ] + self.ensemble.options
        if pki:
            command += ["--client-cert-auth", "--trusted-ca-file", pki.ca]
            command += ["--cert-file", pki.cert, "--key-file", pki.key]
            command += ["--peer-client-cert-auth", "--peer-trusted-ca-file", pki.ca]
            command += ["--peer-cert-file", pki.cert, "--peer-key-file", pki.key]
        if self.ensemble.fabric:
            command = self.ensemble.fabric.command(self.name, command)
        with open(self.folder + ".log", "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        if self.ensemble.fabric:
            self.ensemble.fabric.introduce(self.name, self.process.pid)

    def log(self):
        with open(self.folder + ".log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def kill9(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.is_stopped = False

    def stop(self):
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)
        self.is_stopped = True

    def go_on(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
        self.is_stopped = False

    def ask(self, path, body, seconds=5):
        """A request to the JSON gateway, without the fabric."""
        host, port = self.client
        if self.ensemble.bundle:
            connection = http.client.HTTPSConnection(
                host, port, timeout=seconds, context=self.ensemble.context
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=seconds)
        try:
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            found = json.loads(answer.read())
        finally:
            connection.close()
        assert answer.status == 200, (path, answer.status, found)
        return found

    def status(self):
        return self.ask("/v3/maintenance/status", {})

    def is_leader(self):
        found = self.status()
        return found.get("leader") == found["header"]["member_id"]


class Ensemble:
    """All of them; `endpoints_of` is what a member of gridd's cluster is told."""

    def __init__(self, folder, count=3, fabric=None, tls=True):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.fabric, self.scheme = folder, fabric, "https" if tls else "http"
        self.options = []   # further ones, of each
        self.bundle = self.context = None
        if tls:
            self.authority = Authority(os.path.join(folder, "pki"), "etcd CA")
            names = [x509.IPAddress(one) for one in fabric.addresses()] if fabric else []
            self.bundle = self.authority.both_ways("etcd", names)
            self.context = ssl.create_default_context(cafile=self.bundle.ca)
            self.context.load_cert_chain(self.bundle.cert, self.bundle.key)
        self.all = [Etcd(self, f"etcd{number}") for number in range(count)]

    def initial(self):
        return ",".join(f"{one.name}={one.url(one.peer_reached)}" for one in self.all)

    @property
    def endpoints(self):
        return [one.url(one.client_reached) for one in self.all]

    def endpoints_of(self, client):
        """As the process of that name reaches them, and no other."""
        if not self.fabric:
            return self.endpoints
        return [one.url(self.fabric.listen(one.name, one.client, client)) for one in self.all]

    def running(self):
        return [one for one in self.all if one.process is not None and not one.is_stopped]

    def start(self, count=None):
        """Starts those that do not run, and waits until the ensemble answers."""
        for one in self.all:
            if one.process is None:
                one.spawn()
        self.wait_leader()
        return self

    def leader(self):
        """None when there is none, or none can be asked."""
        for one in self.running():
            try:
                if one.is_leader():
                    return one
            except (OSError, AssertionError, http.client.HTTPException, ValueError):
                pass
        return None

    def wait_leader(self, seconds=START_SECONDS):
        deadline = time.monotonic() + seconds
        while True:
            found = self.leader()
            if found and self.can_write(found):
                return found
            for one in self.all:
                if one.process is not None and one.process.poll() is not None:
                    raise AssertionError(f"{one.name} ended:\n{one.log()[-2000:]}")
            if time.monotonic() > deadline:
                raise AssertionError("etcd has no leader:\n" + self.all[0].log()[-2000:])
            time.sleep(0.05)

    @staticmethod
    def can_write(etcd):
        word = base64.b64encode(b"/test").decode()
        try:
            etcd.ask("/v3/kv/put", {"key": word, "value": word})
        except (OSError, AssertionError, http.client.HTTPException, ValueError):
            return False
        return True

    def change(self, *operations, while_is=None):
        """One transaction: (key, bytes) puts, (key, None) deletes. `while_is`: a key and its value,
        without which nothing is changed. True: it is."""
        def coded(text):
            return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()

        compare = [] if while_is is None else [
            {"key": coded(while_is[0]), "target": "VALUE", "value": coded(while_is[1])}
        ]
        return self.wait_leader().ask("/v3/kv/txn", {"compare": compare, "success": [
            {"requestDeleteRange": {"key": coded(key)}} if value is None
            else {"requestPut": {"key": coded(key), "value": coded(value)}}
            for key, value in operations
        ]}).get("succeeded", False)

    def keys(self, prefix):
        """{key: value} below a prefix, in bytes."""
        begin = prefix.encode()
        ends = (begin, begin[:-1] + bytes([begin[-1] + 1]))
        body = dict(zip(("key", "range_end"), (base64.b64encode(end).decode() for end in ends)))
        found = self.wait_leader().ask("/v3/kv/range", body)
        return {
            base64.b64decode(one["key"]).decode(): base64.b64decode(one.get("value", ""))
            for one in found.get("kvs", [])
        }

    def close(self):
        for one in self.all:
            one.go_on()
            one.kill9()
