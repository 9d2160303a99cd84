#!/usr/bin/python3
# tests/stories/coverage.py: each requirement of the controller, and the tests with its number.
"""coverage.py [BUILD]: writes BUILD/grid-coverage.md, a table that names the tests of every row in
rows.txt, and fails where a row has none, unless the row says why it is missing. A test carries a
number when its name does: "S42: …" of a unit test that is in the program which was built,
`test_s42_…` of an integration test."""

import ast
import glob
import os
import re
import subprocess
import sys
from collections import defaultdict, namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAMS = ("unit_xml", "unit_storage", "unit_pubsub", "unit_controller", "unit_server")
# "S42", "S58–S62": a number stands alone, so that neither ABS42 nor S420 is meant by S42.
NUMBER = re.compile(r"(?<![A-Za-z0-9])S(\d+)(?:\s*[-–]\s*S(\d+))?(?![0-9])")
METHOD_NUMBER = re.compile(r"_s(\d+)(?=_|$)")

Row = namedtuple("Row", "number text missing")
Test = namedtuple("Test", "name place is_stream")


def rows():
    with open(os.path.join(HERE, "rows.txt"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                number, text, missing, *_ = (part.strip() for part in (line + "||").split("|"))
                yield Row(int(number[1:]), text, missing)


def numbers_in(name):
    for first, last in NUMBER.findall(name):
        yield from range(int(first), int(last or first) + 1)


def unit_tests(build):
    """By number, and the programs that are not there."""
    found, missing = defaultdict(list), []
    for program in PROGRAMS:
        path = os.path.join(build, program)
        if not os.path.exists(path):
            missing.append(program)
            continue
        # The long form would be wrapped; names have a line each.
        done = subprocess.run(
            [path, "--list-test-names-only"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for line in done.stdout.splitlines():
            name = line.strip().strip('"')
            for number in set(numbers_in(name)):
                found[number].append(Test(name, program, False))
    return found, missing


def integration_tests():
    found = defaultdict(list)
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "integration", "test_*.py"))):
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        for case in tree.body:
            if not isinstance(case, ast.ClassDef):
                continue
            for method in case.body:
                if not isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    continue
                if not method.name.startswith("test"):
                    continue
                place = f"{os.path.basename(path)[:-3]}.{case.name}"
                for number in {int(n) for n in METHOD_NUMBER.findall(method.name)}:
                    found[number].append(Test(method.name, place, True))
    return found


def table(found):
    lines = ["# Every requirement of the controller, and its tests", ""]
    lines += ["By tests/stories/coverage.py. A cell names two tests and counts the others.", ""]
    lines += ["| # | requirement | by itself | over real streams |", "|---|---|---|---|"]
    for row, tests in found:
        cells = []
        for is_stream in (False, True):
            chosen = [test for test in tests if test.is_stream == is_stream]
            shown = "; ".join(f"{test.name} (`{test.place}`)" for test in chosen[:2])
            more = f"; and {len(chosen) - 2} more" if len(chosen) > 2 else ""
            nothing = f"missing: {row.missing}" if row.missing and not tests else "–"
            cells.append((shown + more or nothing).replace("|", "\\|"))
        lines.append(f"| S{row.number} | {row.text} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) + "\n"


def main():
    build = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build"))
    unit, absent = unit_tests(build)
    streams = integration_tests()
    found = [(row, unit[row.number] + streams[row.number]) for row in rows()]
    with open(os.path.join(build, "grid-coverage.md"), "w", encoding="utf-8") as file:
        file.write(table(found))
    for program in absent:
        print(f"FAIL  {program} is not built")
    missing = [row for row, tests in found if not tests and not row.missing]
    skipped = [row for row, tests in found if not tests and row.missing]
    for row in missing:
        print(f"FAIL  S{row.number} {row.text}: no test carries its number")
    for row in skipped:
        print(f"skip  S{row.number} {row.text}: missing, {row.missing}")
    for row in (row for row, tests in found if tests and row.missing):
        print(f"note  S{row.number} has a test now: rows.txt need not say why it is missing")
    tests = {test for _, row_tests in found for test in row_tests}
    over_streams = sum(1 for _, row_tests in found if any(test.is_stream for test in row_tests))
    print(
        f"ok    {len(tests)} tests; {over_streams} of {len(found)} rows over real streams; the "
        f"table is {os.path.relpath(build)}/grid-coverage.md"
    )
    failed = len(missing) + len(absent)
    total = f"{len(found) - len(missing) - len(skipped)} passed, {failed} failed"
    print(total + (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
