#!/usr/bin/python3
# tests/found/coverage.py: each case that use and attack have found, and the tests that hold it.
"""coverage.py [BUILD]: reads the tables beside this file, one row per case:

    A1 | a relayed iq with a prefix arrives well-formed | integration:MODULE.CLASS.METHOD

The last field names what holds the case, several separated by " ; ": a test of
tests/integration, a test of a unit program ("unit_xml:name of the test"), or, for what is meant
to be so, a phrase of the manual ("text:FILE:phrase"). A case without a row, and a row whose test
or phrase is not there, fails."""

import ast
import glob
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# How many cases there are of each kind: by number alone from other servers' users, M and C from
# black-box checks (minor, cosmetic), X from beside, A from an attack, I from foreign clients.
CASES = {"": 49, "X": 11, "M": 28, "C": 13, "A": 29, "I": 9}


def rows():
    for path in sorted(glob.glob(os.path.join(HERE, "*.txt"))):
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip() or line.startswith("#"):
                    continue
                fields = [field.strip() for field in line.split(" | ")]
                if len(fields) != 3:
                    yield None, f"{os.path.basename(path)}:{number}: not three fields", []
                    continue
                holders = [holder.strip() for holder in fields[2].split(" ; ")]
                yield fields[0], fields[1], holders


def integration_tests():
    """Every MODULE.CLASS.METHOD, and MODULE.CLASS for a class with tests."""
    found = set()
    for path in glob.glob(os.path.join(ROOT, "tests", "integration", "test_*.py")):
        module = os.path.basename(path)[:-3]
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        for case in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            for method in case.body:
                if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    if method.name.startswith("test"):
                        found.add(f"{module}.{case.name}.{method.name}")
                        found.add(f"{module}.{case.name}")
    return found


def unit_tests(program):
    done = subprocess.run(
        [program, "--list-test-names-only"], capture_output=True, text=True, timeout=60, check=False
    )
    return {line.strip().strip('"') for line in done.stdout.splitlines()}


class Holders:
    """Answers whether a test or a phrase is there; each program is asked once."""

    def __init__(self, build):
        self.build, self.units, self.streams = build, {}, integration_tests()

    def has(self, holder):
        kind, _, rest = holder.partition(":")
        if kind == "integration":
            return rest in self.streams
        if kind == "text":
            path, _, phrase = rest.partition(":")
            path = os.path.join(ROOT, path)
            return bool(phrase) and os.path.isfile(path) and phrase in plain(path)
        if kind.startswith("unit_"):
            if kind not in self.units:
                program = os.path.join(self.build, kind)
                self.units[kind] = unit_tests(program) if os.path.exists(program) else set()
            return rest in self.units[kind]
        return False


def plain(path):
    """A file's words with single spaces, so that a phrase may go over the end of a line."""
    with open(path, encoding="utf-8") as file:
        return re.sub(r"\s*\n[#/* ]*", " ", file.read())


def main():
    holders = Holders(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build"))
    wanted = [f"{kind}{n}" for kind, most in CASES.items() for n in range(1, most + 1)]
    held, bad = set(), 0
    for number, text, names in rows():
        missing = [name for name in names if not holders.has(name)]
        if number is None or number not in wanted or missing or not names:
            print(f"FAIL  {number}: {text}: " + ("; ".join(missing) or "no such case"))
            bad += 1
        held.add(number)
    absent = [number for number in wanted if number not in held]
    for number in absent:
        print(f"FAIL  {number}: no row names it")
    print(f"{len(wanted) - len(absent)} passed, {bad + len(absent)} failed")
    return 1 if bad or absent else 0


if __name__ == "__main__":
    sys.exit(main())
