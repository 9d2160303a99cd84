# tests/integration/test_scale.py: a million items in ten thousand nodes: start and memory.
"""Nothing of a start or of the resident memory may grow out of hand with what is stored."""

import subprocess
import time
import unittest

from gridd import Evaluation, binary

NODES = 10_000
ITEMS = 1_000_000
START_SECONDS_MAX = 5
RESIDENT_KIB_MAX = 256 * 1024


class Scale(unittest.TestCase):
    def setUp(self):
        self.server = Evaluation()
        self.addCleanup(self.server.close)

    def resident_kib(self):
        with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
        raise AssertionError("no VmHWM")

    def test_a_million_items(self):
        subprocess.run(
            [binary("fill_store"), self.server.data, str(NODES), str(ITEMS)],
            check=True,
            timeout=300,
        )
        begun = time.monotonic()
        self.server.start()
        seconds = time.monotonic() - begun
        status = self.server.ctl_json("status")
        self.assertEqual(status["topics"], NODES)
        self.assertEqual(status["items"], ITEMS)
        resident = self.resident_kib()
        print(f"      started in {seconds:.2f} s, at most {resident // 1024} MiB resident")
        self.assertLess(seconds, START_SECONDS_MAX)
        self.assertLess(resident, RESIDENT_KIB_MAX)


if __name__ == "__main__":
    unittest.main()
