# tests/integration/test_scale.py: a million items in ten thousand nodes: start and memory.
"""Nothing of a start or of the resident memory may grow out of hand with what is stored."""

import os
import subprocess
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

    def cpu_seconds(self):
        """What the start cost: the wall clock would measure the machine's other work, too."""
        with open(f"/proc/{self.server.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_a_million_items(self):
        subprocess.run(
            [binary("fill_store"), self.server.data, str(NODES), str(ITEMS)],
            check=True,
            timeout=300,
        )
        self.server.start()
        seconds = self.cpu_seconds()
        status = self.server.ctl_json("status")
        self.assertEqual(status["topics"], NODES)
        self.assertEqual(status["items"], ITEMS)
        resident = self.resident_kib()
        print(f"      started with {seconds:.2f} s of CPU, at most {resident // 1024} MiB resident")
        self.assertLess(seconds, START_SECONDS_MAX)
        self.assertLess(resident, RESIDENT_KIB_MAX)


if __name__ == "__main__":
    unittest.main()
