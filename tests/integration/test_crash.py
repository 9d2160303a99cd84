# tests/integration/test_crash.py: kill -9 under full load, few rounds; tests/bench/crash: many.
"""Also over a file system that forgets what was not synced: kill -9 alone never shows a missing
fsync, since the kernel keeps what the process had written."""

import os
import unittest

from crash import story
from gridd import binary

ROUNDS = 3


class Crash(unittest.TestCase):
    """The same rounds on two programs; a failure names its seed."""

    def rounds(self, program):
        if not os.path.exists(binary(program)):
            self.skipTest(f"{program} is not built")
        told = []
        seed = story.fresh_seed()
        story.run(seed, ROUNDS, told.append, program=program)
        self.assertEqual(len(told), ROUNDS)

    def test_kill_9_under_full_load(self):
        self.rounds("gridd")

    def test_power_loss_under_full_load(self):
        self.rounds("gridd_forgetful")


if __name__ == "__main__":
    unittest.main()
