# tests/integration/cluster/history.py: operations of clients and their answers, for the checker.
"""Lines of JSON as tests/cluster/checker reads them."""

import json
import os
import subprocess
import threading
import time

from gridd import BUILD, ROOT


def now():
    """Nanoseconds of a clock that nobody sets."""
    return time.monotonic_ns()


class History:
    """Written by many threads."""

    def __init__(self, path):
        self.path = path
        self._file = open(path, "w", encoding="utf-8")   # pylint: disable=consider-using-with
        self._lock = threading.Lock()
        self._process = 0
        self.counts = {}   # (kind, op, outcome) → operations

    def process(self):
        """A client that does not know how its last operation ended goes on as another one."""
        with self._lock:
            self._process += 1
            return self._process

    def add(self, kind, key, process, op, value, call, outcome, **more):
        record = {"kind": kind, "key": key, "process": process, "op": op, "value": value,
                  "call": call, "return": now(), "outcome": outcome, **more}
        with self._lock:
            self._file.write(json.dumps(record) + "\n")
            name = (kind, op, outcome)
            self.counts[name] = self.counts.get(name, 0) + 1

    def close(self):
        self._file.close()

    def total(self, **wanted):
        fields = ("kind", "op", "outcome")
        return sum(
            count for name, count in self.counts.items()
            if all(name[fields.index(field)] == value for field, value in wanted.items())
        )


def checker():
    """The program, built if need be."""
    subprocess.run([os.path.join(ROOT, "tests", "cluster", "checker", "build")], check=True)
    return os.path.join(BUILD, "cluster-checker")


def check(path, html=None, seconds=60):
    """(whether every register is linearizable, what the checker says)."""
    command = [checker(), "-timeout", str(seconds)] + (["-html", html] if html else []) + [path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr
