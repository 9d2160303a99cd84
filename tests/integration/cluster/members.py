# tests/integration/cluster/members.py: the servers of a cluster: each can be killed, stopped,
# wiped, cut off, and started again.
"""All of them have one authority for clients, one for members, one policy and one administrator.
Members reach each other and etcd through the fabric."""

import http.client
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time

from certs import Authority
from gridd import ADMIN, DOMAIN, Gridd, binary
from policies import EVERYTHING
from revoking import free_port

from .disk import HeldDisk
from .etcd import Ensemble
from .fabric import Fabric

LEAVE_SECONDS = 60
READY_SECONDS = float(os.environ.get("READY_SECONDS", "60"))
REST_SECONDS = 20
SILENCE = re.compile(
    r"gridd: .*(etcd runs|does not answer|due to a timeout|the lease ended at once)"
)


class Refused(AssertionError):
    """REST said no."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Member(Gridd):
    """One of them; `name` is its name in the cluster and in the fabric."""

    def __init__(self, cluster, name, settings=None, program="gridd"):
        super().__init__(program=program)
        self.cluster, self.name = cluster, name
        self.authority, self.admin = cluster.authority, cluster.admin
        self.settings.update(cluster.settings)
        if cluster.etcd:
            self.settings.update(self._membership())
        self.settings.update(settings or {})
        self.clock = None
        self.disk = None
        self.is_stopped = self.is_leaving = False
        # The same ports after each start, so that clients find it again.
        for key in ("listen.c2s", "listen.c2s_tls", "listen.http", "listen.socks5"):
            if self.settings[key].endswith(":0"):
                self.settings[key] = f"{self.host()}:{free_port()}"
        if cluster.etcd:
            self.settings.setdefault("cluster.clients", self.settings["listen.c2s"])

    def host(self):
        """The address on which it listens."""
        fabric = self.cluster.fabric
        return fabric.host(self.name) if fabric else "127.0.0.1"

    def _membership(self):
        cluster, name = self.cluster, self.name
        own = (self.host(), free_port())
        reached = cluster.fabric.listen(name, own) if cluster.fabric else own
        bundle, etcd = cluster.members_authority.member(name), cluster.etcd
        made = {
            "listen.cluster": f"{own[0]}:{own[1]}",
            "cluster.name": "test",
            "cluster.member": name,
            "cluster.address": f"{reached[0]}:{reached[1]}",
            "cluster.etcd": ",".join(etcd.endpoints_of(name)),
            "cluster.ca": bundle.ca,
            "cluster.certificate": bundle.cert,
            "cluster.key": bundle.key,
        }
        if etcd.bundle:
            made["cluster.etcd_ca"] = etcd.bundle.ca
            made["cluster.etcd_certificate"] = etcd.bundle.cert
            made["cluster.etcd_key"] = etcd.bundle.key
        return made

    # --- life -------------------------------------------------------------------------------

    def start(self, config=None):
        self.spawn()
        return self.wait_started()

    def spawn(self):
        """Started, and not waited for."""
        ready = os.path.join(self.folder, "ready.json")
        if os.path.exists(ready):
            os.unlink(ready)
        command = [self.program, "--data", self.data, "--ready-file", ready]
        for key, value in self.settings.items():
            command += ["--set", f"{key}={value}"]
        if self.cluster.fabric:
            command = self.cluster.fabric.command(self.name, command)
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith("GRIDD_")
        }
        if self.clock:
            environment["SHIFTED_CLOCK"] = self.clock
            environment["LD_PRELOAD"] = binary("libshifted_clock.so")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env=environment, start_new_session=True,
            )
        if self.cluster.fabric:
            self.cluster.fabric.introduce(self.name, self.process.pid)

    def has_started(self):
        return os.path.exists(os.path.join(self.folder, "ready.json"))

    def wait_started(self, seconds=READY_SECONDS):
        """One that ends because etcd does not answer, as on a busy machine, is started again, as
        its supervisor does."""
        ready = os.path.join(self.folder, "ready.json")
        deadline = time.monotonic() + seconds
        while not os.path.exists(ready):
            has_ended = self.process.poll() is not None
            if has_ended and SILENCE.search(self.log()[-2000:]) and time.monotonic() < deadline:
                time.sleep(0.5)
                self.spawn()
                continue
            if has_ended or time.monotonic() > deadline:
                self.kill9()
                raise AssertionError(f"{self.name} did not start:\n" + self.log()[-3000:])
            time.sleep(0.02)
        with open(ready, encoding="utf-8") as file:
            self.addresses = self._bound(json.load(file))
        return self

    def kill9(self):
        super().kill9()
        self.is_stopped = False

    def is_running(self):
        return self.process is not None and not self.is_stopped and not self.is_leaving

    def leave(self):
        """As an operator ends it: its clients go to other members, another one leads, and its
        server stops by itself."""
        self.is_leaving = True
        try:
            self.rest("POST", f"cluster/members/{self.name}/leave", {})
            code = self.process.wait(LEAVE_SECONDS)
            assert code == 0, f"{self.name} ended with {code}:\n{self.log()[-3000:]}"
            self.process = None
        finally:
            self.is_leaving = False

    def pause(self):
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)
        self.is_stopped = True

    def go_on(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
        self.is_stopped = False

    def wipe(self):
        """All that it has is gone, as with a new disk; it must not run."""
        assert self.process is None
        if self.disk:
            self.disk.wipe()
        else:
            shutil.rmtree(self.data, ignore_errors=True)

    def stop(self):
        self.go_on()
        super().stop()

    # --- what else may happen to it: asked for before its first start ------------------------

    def with_clock(self):
        self.clock = os.path.join(self.folder, "clock")
        self.set_clock(0)
        return self

    def set_clock(self, ahead):
        """Its wall clock is so many seconds ahead of this machine's."""
        with open(self.clock + ".new", "w", encoding="ascii") as file:
            file.write(f"{ahead}\n")
        os.rename(self.clock + ".new", self.clock)

    def with_small_disk(self, mebibytes):
        self.disk = HeldDisk(self, mebibytes)
        return self

    # --- REST, as the administrator ----------------------------------------------------------

    def rest(self, method, path, body=None, headers=None, seconds=REST_SECONDS):
        """The JSON of the answer; Refused when it is an error."""
        return self.rest_whole(method, path, body, headers, seconds)[1]

    def rest_whole(self, method, path, body=None, headers=None, seconds=REST_SECONDS):
        connection = http.client.HTTPSConnection(
            *self.http, timeout=seconds, context=self.cluster.admin_context
        )
        try:
            text = None if body is None else json.dumps(body)
            connection.request(
                method, "/api/v1/" + path, text,
                {"Content-Type": "application/json", **(headers or {})},
            )
            answer = connection.getresponse()
            found = json.loads(answer.read() or b"null")
            if answer.status >= 300:
                raise Refused(answer.status, found)
            return answer.headers, found
        finally:
            connection.close()

    def cluster_status(self, seconds=REST_SECONDS):
        return self.rest("GET", "cluster", seconds=seconds)

    def admin_ctl(self, *arguments, stdin=None):
        return self.ctl(*arguments, identity=self.admin, stdin=stdin)

    def admin_json(self, *arguments):
        return self.ctl_json(*arguments, identity=self.admin)


class Cluster:
    """Members and etcds; `start` gives it when all serve."""

    def __init__(self, members=3, etcds=3, policy=EVERYTHING, settings=None, *, fabric=True,
                 tls=True, authority=None, program="gridd"):
        """`fabric`: whether there is one, or what takes its place (`Namespaces`)."""
        self.folder = tempfile.mkdtemp(prefix="gridd-cluster-")
        self.fabric = Fabric() if fabric is True else fabric or None
        self.etcd = None
        if etcds:
            self.etcd = Ensemble(os.path.join(self.folder, "etcd"), etcds, self.fabric, tls)
        self.authority = authority or Authority(os.path.join(self.folder, "pki"))
        self.members_authority = Authority(os.path.join(self.folder, "members"), "members' CA")
        self.admin = self.authority.client(ADMIN)
        self._clients = {}
        self.policy = os.path.join(self.folder, "policy")
        with open(self.policy, "w", encoding="utf-8") as file:
            file.write(policy)
        own = self.authority.server(DOMAIN)
        self.settings = {
            "tls.certificate": own.cert, "tls.key": own.key, "tls.client_ca": self.authority.path,
            "policy.file": self.policy,
        }
        self.settings.update(settings or {})
        self.admin_context = ssl.create_default_context(cafile=self.authority.path)
        self.admin_context.check_hostname = False
        self.admin_context.load_cert_chain(self.admin.cert, self.admin.key)
        self.members = [
            Member(self, f"m{number}", program=program) for number in range(members)
        ]

    def __getitem__(self, number):
        return self.members[number]

    def __iter__(self):
        return iter(self.members)

    def start(self):
        if self.etcd:
            self.etcd.start()
        first = self.members[0]
        if not os.path.exists(first.data):
            os.mkdir(first.data, 0o700)
            first.ctl("admin", "add", ADMIN)
        first.start()
        for one in self.members[1:]:
            one.spawn()
        for one in self.members[1:]:
            one.wait_started()
        self.wait_ready()
        return self

    def running(self):
        return [one for one in self.members if one.is_running()]

    def client(self, name, **what):
        """The same certificate each time, unless it is to be another one."""
        if what:
            return self.authority.client(f"{name}@{DOMAIN}", **what)
        if name not in self._clients:
            self._clients[name] = self.authority.client(f"{name}@{DOMAIN}")
        return self._clients[name]

    # --- who leads ---------------------------------------------------------------------------

    def status(self):
        """{name: status} of those that answer."""
        found = {}
        for one in self.running():
            try:
                found[one.name] = one.cluster_status(5)
            except (OSError, AssertionError, http.client.HTTPException, ValueError):
                pass
        return found

    def leader(self):
        """None when no member leads, or more than one says so."""
        if not self.etcd:
            return self.members[0] if self.members[0].is_running() else None
        leading = [
            one for one in self.running()
            if (found := self.status_of(one)) and found["is_leader"]
        ]
        return leading[0] if len(leading) == 1 else None

    @staticmethod
    def status_of(member):
        try:
            return member.cluster_status(5)
        except (OSError, AssertionError, http.client.HTTPException, ValueError):
            return None

    def wait_leader(self, seconds=READY_SECONDS, other_than=None):
        deadline = time.monotonic() + seconds
        while True:
            found = self.leader()
            if found is not None and found is not other_than:
                return found
            assert time.monotonic() < deadline, f"no leader: {self.status()}\n{self.tails()}"
            time.sleep(0.05)

    def followers(self):
        leader = self.wait_leader()
        return [one for one in self.running() if one is not leader]

    def is_ready(self, member):
        """Its clients are served, and it knows who leads."""
        if not self.etcd:
            return self.says_ready(member)
        status = self.status_of(member)
        return bool(status and status["leader"]) and self.says_ready(member)

    def says_ready(self, member):
        """As a load balancer asks."""
        connection = http.client.HTTPSConnection(
            *member.http, timeout=5, context=self.admin_context
        )
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait_ready(self, members=None, seconds=READY_SECONDS):
        """All of them serve, and are up to date."""
        deadline = time.monotonic() + seconds
        for one in members or self.running():
            while not self.is_ready(one):
                if one.process is not None and one.process.poll() is not None:
                    raise AssertionError(f"{one.name} ended:\n{one.log()[-3000:]}")
                assert time.monotonic() < deadline, f"{one.name} is not ready\n{self.tails()}"
                time.sleep(0.05)

    def wait_same(self, seconds=READY_SECONDS):
        """Every member has applied what any had applied at the call: a change that one of them has
        acknowledged is seen at the others a moment later."""
        target = max((one["applied"] for one in self.status().values()), default=0)
        deadline = time.monotonic() + seconds
        while any(one["applied"] < target for one in self.status().values()):
            assert time.monotonic() < deadline, f"not at {target}\n{self.tails()}"
            time.sleep(0.02)

    def tails(self):
        return "\n".join(f"{one.name}: {one.log()[-800:]}" for one in self.members)

    # --- cuts --------------------------------------------------------------------------------

    def isolate(self, name):
        """Nothing goes to or from it but what the test itself sends."""
        for other in self.names():
            if other != name:
                self.fabric.cut(name, other)

    def names(self):
        return [one.name for one in self.members + (self.etcd.all if self.etcd else [])]

    def close(self):
        try:
            for one in self.members:
                one.go_on()
                one.kill9()
                if one.disk:
                    one.disk.close()
            if self.etcd:
                self.etcd.close()
        finally:
            if self.fabric:
                self.fabric.close()
            if os.environ.get("GRIDD_KEEP"):
                print("kept", self.folder, *(one.folder for one in self.members))
                return
            for one in self.members:
                shutil.rmtree(one.folder, ignore_errors=True)
            shutil.rmtree(self.folder, ignore_errors=True)
