#!/usr/bin/python3
# tests/integration/run.py: runs the integration tests and prints the total as its last line.
"""run.py [--jobs N] [NAME…]: all tests, or those whose id contains one of the names; N classes of
tests at a time (default: 3). Most of a test is waiting, and every server has ports and data of its
own. With GRIDD_CLUSTER=3 each server is a cluster (cluster/spread.py); `--spread` before the names
is that with the tests of some minutes."""

import logging
import multiprocessing
import os
import re
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
if "--spread" in sys.argv:
    os.environ.setdefault("GRIDD_CLUSTER", "3")
IS_CLUSTER = int(os.environ.get("GRIDD_CLUSTER", "1")) > 1


class Result(unittest.TestResult):
    """One line per test; a traceback at once, not at the end."""

    def __init__(self):
        super().__init__()
        self.passed, self.begin, self.bad = 0, 0.0, set()

    def startTest(self, test):
        super().startTest(test)
        self.begin = time.monotonic()

    def _line(self, word, test, text=""):
        took = time.monotonic() - self.begin
        shown = f"{word:5} {test.id()} ({took:.1f} s)\n"
        if text:
            shown += "    " + text.replace("\n", "\n    ") + "\n"
        os.write(1, shown.encode())   # whole, though another process writes as well

    def addSuccess(self, test):
        self.passed += 1
        self._line("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line("skip", test, reason)

    def _bad(self, test, error, shown=None):
        self.bad.add(test.id())
        trace = self._exc_info_to_string(error, test)
        # The frames of Python's own library say nothing about a test.
        own = re.sub(r'  File "/usr/lib/python3\.[^\n]*\n(?:    [^\n]*\n)+', "", trace)
        self._line("FAIL", shown or test, own.rstrip())

    def addFailure(self, test, err):
        self._bad(test, err)

    def addError(self, test, err):
        self._bad(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._bad(test, err, subtest)


def flatten(suite):
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from flatten(entry)
        else:
            yield entry


WORK = []   # the tests of each class; a process that is forked later has them, too


def run_class(index):
    result = Result()
    tests = []
    for test in WORK[index]:
        why = None
        if IS_CLUSTER:
            from cluster.spread import why_not   # pylint: disable=import-outside-toplevel
            why = why_not(test)
        if why:
            result.startTest(test)
            result.addSkip(test, "in a cluster: " + why)
            result.stopTest(test)
        else:
            tests.append(test)
    unittest.TestSuite(tests).run(result)
    return result.passed, len(result.bad), len(result.skipped)


def main():
    sys.dont_write_bytecode = True
    sys.path.insert(0, HERE)
    logging.getLogger("asyncio").setLevel(logging.ERROR)   # "slow callback" is not news here
    names, jobs = sys.argv[1:], 3
    if names[:1] == ["--jobs"]:
        names, jobs = names[2:], int(names[1])
    if names[:1] == ["--spread"]:
        from cluster.spread import SHORT   # pylint: disable=import-outside-toplevel
        names = names[1:] or SHORT
    found = flatten(unittest.defaultTestLoader.discover(HERE, pattern="test_*.py"))
    classes = {}
    for test in found:
        if not names or any(name in test.id() for name in names):
            classes.setdefault(type(test), []).append(test)
    # Classes of many tests first: at the end all processes have something to do.
    WORK.extend(sorted(classes.values(), key=len, reverse=True))
    with multiprocessing.get_context("fork").Pool(min(jobs, len(WORK)) or 1) as pool:
        counts = list(pool.imap_unordered(run_class, range(len(WORK))))
    passed, failed, skipped = (sum(column) for column in zip((0, 0, 0), *counts))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
