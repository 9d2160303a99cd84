# tests/integration/test_etcd.py: the log and the roster of a cluster, in real etcds.
"""The cases of build/etcd_tests (tests/etcd), which starts etcds on loopback ports: /usr/bin/etcd, or
$GRIDD_ETCD."""

import os
import subprocess
import unittest

from gridd import ROOT


class Etcd(unittest.TestCase):
    def test_log_roster_and_tls(self):
        """Appending and fencing, lost answers, followers, trimming, leases, campaigns, TLS."""
        done = subprocess.run(
            [os.path.join(ROOT, "build", "etcd_tests")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
