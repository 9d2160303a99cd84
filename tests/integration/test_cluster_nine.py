# tests/integration/test_cluster_nine.py: nine members over three etcds walk the scenario, and lose
# any four at once.
"""tests/cluster/nine runs it, and draws more losses, with figures. Not a part of tests/run: twelve
processes that lose each other need a machine that has little else to do."""

import asyncio
import os
import random
import unittest

import test_cluster
from cluster.many import BAR_SECONDS, Draw, wait_linked


@test_cluster.needs_etcd
@unittest.skipUnless(os.environ.get("GRIDD_NINE"), "GRIDD_NINE is not set (tests/cluster/nine)")
class ScenarioOnNine(test_cluster.ScenarioOnThree):
    """One cluster for both: nine servers take some seconds to start."""

    count, fabric = 9, False   # one relay for nine members is too slow on a busy machine

    async def test_s29_s30_s31_s32_s36_s38_s39_s41_s46_s61_s80_s83_the_sequences_in_order(self):
        await super().test_s29_s30_s31_s32_s36_s38_s39_s41_s46_s61_s80_s83_the_sequences_in_order()
        seed = random.randrange(10**6)
        with self.subTest("the loss of any four", seed=seed):
            await asyncio.to_thread(self.lose_four, random.Random(seed))

    def lose_four(self, rng):
        self.cluster[0].rest("PUT", "policy", {"text": test_cluster.ALL}, {"If-Match": "*"})
        self.cluster.wait_same()
        wait_linked(self.cluster)
        draw = Draw(self.cluster, rng, 0, 4, with_leader=True)
        self.assertEqual(draw.run(), [])
        for what, took in draw.figures.items():
            if what != "until all are back":
                self.assertLess(took, BAR_SECONDS * test_cluster.BUSY, what)


if __name__ == "__main__":
    unittest.main()
