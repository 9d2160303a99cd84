# tests/integration/test_walk.py: random walks of some accounts' resources, and what must hold.
"""GRIDD_SEED=N is the walk of that seed, GRIDD_WALKS=N so many from the clock's seed on, each of
GRIDD_STEPS steps."""

import os
import time
import unittest

from gridd import skip_in_a_cluster
from walk.walk import Walk

KNOWN = (2, 5, 9)
STEPS = int(os.environ.get("GRIDD_STEPS", "100"))
SEED = int(os.environ.get("GRIDD_SEED", time.time()))
WALKS = int(os.environ.get("GRIDD_WALKS", "1"))
TOLD_MAX = 60   # of the steps before a fault


class Walks(unittest.TestCase):
    def setUp(self):
        skip_in_a_cluster("the sessions of one server")

    def follow(self, seed):
        with self.subTest(seed=seed):
            walk = Walk(seed, STEPS)
            faults = walk.run()
            print(f"    seed {seed}: {walk.told()}", flush=True)
            story = "\n".join(walk.ledger.story[-TOLD_MAX:])
            self.assertEqual(faults, [], f"seed {seed}\n{story}")

    def test_walks_that_are_known(self):
        for seed in KNOWN if "GRIDD_SEED" not in os.environ else ():
            self.follow(seed)

    def test_walks_that_nobody_has_gone(self):
        for seed in range(SEED, SEED + WALKS):
            self.follow(seed)


if __name__ == "__main__":
    unittest.main()
