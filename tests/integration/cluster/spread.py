# tests/integration/cluster/spread.py: other members beside a server of a test that knows nothing of
# clusters, so that its clients are spread over all of them.
"""`GRIDD_CLUSTER=3 tests/run integration test_items`: each `Operated` server is one of three
members, and `c2s`, `c2s_tls` and `http` name any of them, drawn anew each time. Tests that read a
server's log or its memory look at the first one."""

import os
import random
import shutil
import tempfile

from certs import Authority


class Spread:
    """Of one `Operated` server: etcd, and the members besides it."""

    def __init__(self, server, count, make):
        from .etcd import Ensemble   # pylint: disable=import-outside-toplevel

        self.server, self.make = server, make
        self.folder = tempfile.mkdtemp(prefix="gridd-spread-")
        self.etcd = Ensemble(os.path.join(self.folder, "etcd"), 1, tls=False)
        self.authority = Authority(os.path.join(self.folder, "members"), "members' CA")
        self.names = [f"m{number}" for number in range(count)]
        self.others = []
        server.settings.update(self.settings(self.names[0]))

    def settings(self, name):
        bundle = self.authority.member(name)
        return {
            "listen.cluster": "127.0.0.1:0", "cluster.name": "test", "cluster.member": name,
            "cluster.etcd": ",".join(self.etcd.endpoints), "cluster.ca": bundle.ca,
            "cluster.certificate": bundle.cert, "cluster.key": bundle.key,
        }

    def before_start(self):
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
                key: value for key, value in other.settings.items() if key.startswith("listen.")
            }
            other.settings = {**self.server.settings, **listen, **own}
            other.start()

    def pick(self):
        return random.choice([self.server, *self.others])

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
