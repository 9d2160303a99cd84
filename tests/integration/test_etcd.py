# tests/integration/test_etcd.py: the log and the roster of a cluster, in real etcds.
"""The cases of build/etcd_tests (tests/etcd), which starts etcds on loopback ports: Debian's, the
oldest that is supported, and the newest, when tests/etcd/newest/install has built it."""

import os
import subprocess
import unittest

from gridd import ROOT

NEWEST = os.path.join(ROOT, "build", "etcd-newest")


class Etcd(unittest.TestCase):
    def run_with(self, etcd):
        """Appending and fencing, lost answers, followers, trimming, leases, campaigns, TLS."""
        done = subprocess.run(
            [os.path.join(ROOT, "build", "etcd_tests")], env={**os.environ, "GRIDD_ETCD": etcd},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_oldest(self):
        self.run_with("/usr/bin/etcd")

    def test_newest(self):
        if not os.path.exists(NEWEST):
            self.skipTest("there is no build/etcd-newest (tests/etcd/newest/install)")
        self.run_with(NEWEST)


if __name__ == "__main__":
    unittest.main()
