# tests/integration/cluster/spread.py: other members beside a server of a test that knows nothing of
# clusters, so that its clients are spread over all of them.
"""`GRIDD_CLUSTER=3 tests/run integration test_items`: each `Operated` server is one of three
members that acknowledge everywhere, and `c2s`, `c2s_tls` and `http` name any of them, drawn anew
each time. The log is that of all; `kill9`, `stop` and `start` are of all.

State that each member keeps for itself is tested at one of them: `Operated.stay`, `at`, `each`.
Tests that have no meaning so are printed as skipped, with the reason: those of whole modules by
`why_not`, others by what they ask of the server (`Operated`, `Configured`, `Evaluation`)."""

import os
import random
import re
import shutil
import tempfile
import time

from certs import Authority
from gridd import Gridd

FILES = "the configuration, data directory or command line of one server"
PROCESS = "memory, speed, disk or clock of one process"
ONE_SERVER = {
    FILES: "backup certificates check cert_check compose domains doctor enrol evaluation_end "
           "gridd_toml health known_revocations manual ocsp process reload rollover revocation "
           "systemd usage",
    PROCESS: "bounds breaks clock crash crash_checks disk flood hostile memory metrics reset scale "
             "strangers before_login layers log_events",
    "of the tests, the documents or the cluster itself":
        "acknowledge cluster etcd doap openapi",
}
# A cluster does not do these as one server does.
SHORTCOMINGS = {
    "test_audit_deeds.Order.test_one_session_lies_in_the_order_of_what_happened":
        "what one member refuses is on record up to a second behind what another one does",
    "test_scenario.Scenario."
    "test_s29_s30_s31_s32_s36_s38_s39_s41_s46_s61_s80_s83_the_sequences_in_order":
        "each member reads the revocation list by itself (test_cluster.ScenarioOnThree)",
}
# About four minutes, of all that is left.
SHORT = (
    "test_items.", "test_subscriptions.", "test_stock_pubsub.", "test_stock_options.",
    "test_conditions.", "test_spelling.", "test_messages.", "test_delivery.Offline.",
    "test_lost_rights.", "test_delivery.Copies.", "test_ibb.", "test_resumption.Bounds.",
)


def why_not(test):
    """Why a test is not for several members, by its name alone; None: it is."""
    if known := SHORTCOMINGS.get(test.id()):
        return "not yet: " + known
    module = type(test).__module__.rpartition(".")[2].removeprefix("test_")
    name = "cluster" if module.startswith("cluster_") else module
    return next((why for why, names in ONE_SERVER.items() if name in names.split()), None)


class Spread:
    """Of one `Operated` server: etcd, and the members besides it."""

    def __init__(self, server, count, make):
        from .etcd import Ensemble   # pylint: disable=import-outside-toplevel

        self.server, self.make = server, make
        self.folder = tempfile.mkdtemp(prefix="gridd-spread-")
        self.etcd = Ensemble(os.path.join(self.folder, "etcd"), 1, tls=False)
        # Leases of five seconds instead of two: on a machine that has others to serve a member that
        # was not heard for a moment would be gone for the others, and refuse its clients.
        self.etcd.options = ["--election-timeout", "3000"]
        self.authority = Authority(os.path.join(self.folder, "members"), "members' CA")
        self.names = [f"m{number}" for number in range(count)]
        self.others, self.marks = [], {}
        self.chosen = None
        server.settings.update(self.settings(self.names[0]))

    def settings(self, name):
        bundle = self.authority.member(name)
        return {
            "listen.cluster": "127.0.0.1:0", "cluster.name": "test", "cluster.member": name,
            "cluster.etcd": ",".join(self.etcd.endpoints), "cluster.ca": bundle.ca,
            "cluster.certificate": bundle.cert, "cluster.key": bundle.key,
            "cluster.acknowledge": "everywhere",
            "cluster.max_staleness_ms": 10_000,   # on a machine that has others to serve
        }

    def before_start(self):
        self.marks = {
            id(one): len(Gridd.log(one)) for one in self.all() if os.path.exists(one.log_path)
        }
        self.etcd.start()

    def after_start(self):
        """The others have what the test has told the first one."""
        if not self.others:
            self.others = [self.make() for _ in self.names[1:]]
        for name, other in zip(self.names[1:], self.others):
            own = self.settings(name) if "cluster.member" not in other.settings else {
                key: value for key, value in other.settings.items()
                if key.startswith("cluster.") or key == "listen.cluster"
            }
            listen = {
                key: value if self.server.settings.get(key, value) else ""
                for key, value in other.settings.items() if key.startswith("listen.")
            }
            other.settings = {**self.server.settings, **listen, **own}
            other.start()
        self.wait_linked()

    def wait_linked(self, seconds=60):
        """Each is connected to each, and knows the others' sessions: from now on none answers
        before the others know."""
        deadline = time.monotonic() + seconds
        for one, name in zip(self.all(), self.names):
            mark = self.marks.get(id(one), 0)
            others = [other for other in self.names if other != name]
            while not self.knows(Gridd.log(one, mark), others):
                assert time.monotonic() < deadline, Gridd.log(one, mark)[-3000:]
                time.sleep(0.02)

    @staticmethod
    def knows(log, others):
        complete = re.findall(r"\bdirectory\b.*\bcomplete\W+(yes|no)", log)
        return complete[-1:] == ["yes"] and all(
            re.search(rf"\bcluster_link_up\b.*\b{name}\b", log) for name in others
        )

    def all(self):
        return [self.server, *self.others]

    def heard(self):
        """Those whose log the test reads."""
        return [self.chosen] if self.chosen else self.all()

    def pick(self):
        return self.chosen or random.choice(self.all())

    def kill9(self):
        for one in self.others:
            one.kill9()

    def stop(self):
        for one in self.others:
            one.stop()

    def close(self):
        for one in self.others:
            one.kill9()
            shutil.rmtree(one.folder, ignore_errors=True)
        self.etcd.close()
        shutil.rmtree(self.folder, ignore_errors=True)
