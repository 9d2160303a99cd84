#!/usr/bin/python3
# tests/xep/coverage.py: each feature, use case, error, rule and option of the XEPs, and its test.
"""coverage.py [BUILD]: writes BUILD/xep-coverage.md, a table that names the test of every row in
rows/*.txt, and fails where a row has none. A test counts when it is in the sources and in the
program that was built from them. Rows that no request can reach, and those that need presence, say
so."""

import glob
import os
import re
import subprocess
import sys
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CASE = re.compile(
    r"TEST_CASE(?:_METHOD)?\(\s*(?:\w+,\s*)?((?:\"(?:[^\"\\]|\\.)*\"\s*)+)(?:,\s*\"([^\"]*)\")?"
)
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
CONDITION = re.compile(r"[a-z]+(?:-[a-z]+)*")
WORDS = ("success", "option", "proved", "advertised", "enforced", "shown", "ignored")
WORDS += ("only where it asks for nothing",)

Test = namedtuple("Test", "name tags place body")
Row = namedtuple("Row", "file section case answer pattern")


def tests_of_sources():
    found = []
    paths = glob.glob(os.path.join(HERE, "*_test.cpp"))
    paths += glob.glob(os.path.join(ROOT, "tests", "unit", "pubsub", "*_test.cpp"))
    for path in sorted(paths):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        matches = list(CASE.finditer(text))
        ends = [match.start() for match in matches[1:]] + [len(text)]
        helpers = text[: matches[0].start()] if matches else ""
        for match, end in zip(matches, ends):
            line = text.count("\n", 0, match.start()) + 1
            name = "".join(LITERAL.findall(match.group(1))).replace('\\"', '"')
            place = f"{os.path.relpath(path, ROOT)}:{line}"
            found.append(Test(name, match.group(2) or "", place, helpers + text[match.end() : end]))
    return found


def tests_of_program(build):
    command = [os.path.join(build, "unit_pubsub"), "--list-test-names-only"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return {line.strip().strip('"') for line in done.stdout.splitlines()}


def rows():
    for path in sorted(glob.glob(os.path.join(HERE, "rows", "*.txt"))):
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.strip() and not line.startswith("#"):
                    parts = [part.strip() for part in line.split(" |")]
                    section, case, answer = parts[:3]
                    yield Row(os.path.basename(path), section, case, answer, " |".join(parts[3:]))


def pattern_of(row):
    """Without one of its own, a row wants its section and the name of its error or option."""
    if row.pattern:
        return row.pattern
    name = row.case if row.answer in WORDS else re.split(r"[/+ ]", row.answer)[-1]
    where = r"\b" if row.answer in WORDS else rf"(^|\[){re.escape(row.section)}\b.*"
    return rf"{where}{re.escape(name)}\b"


def proofs(row, tests):
    """Named so, and the body must speak of each condition of the error."""
    pattern = re.compile(pattern_of(row))
    words = [] if row.answer in WORDS else CONDITION.findall(row.answer)
    return [
        test
        for test in tests
        # The tags also in front, so that an error's name is found behind its section.
        if pattern.search(f"{test.name} {test.tags}") or pattern.search(f"{test.tags} {test.name}")
        if all(re.search(rf"\b{word}\b", test.body) for word in words)
    ]


def is_left_out(row):
    return row.answer.startswith(("never:", "presence:"))


def table(found):
    lines = ["# Every row of the XEPs, and its test", ""]
    file = None
    for row, tests in found:
        if row.file != file:
            file = row.file
            lines += ["", f"## {file[:-4]}", "", "| § | case | answer | test |"]
            lines += ["|---|---|---|---|"]
        if is_left_out(row):
            shown = "–"
        else:
            names = [f"{test.name} (`{test.place}`)" for test in tests[:2]]
            shown = "; ".join(names) or "**none**"
        cells = (row.section, row.case, row.answer, shown)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    build = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build"))
    built = tests_of_program(build)
    tests = [test for test in tests_of_sources() if test.name in built]
    found = [(row, [] if is_left_out(row) else proofs(row, tests)) for row in rows()]
    with open(os.path.join(build, "xep-coverage.md"), "w", encoding="utf-8") as file:
        file.write(table(found))
    missing = [row for row, proof in found if not proof and not is_left_out(row)]
    for row in missing:
        print(f"FAIL  {row.section} {row.case} ({row.answer}): no test")
    left_out = sum(1 for row, _ in found if is_left_out(row))
    print(f"ok    {len(tests)} tests; the table is {os.path.relpath(build)}/xep-coverage.md")
    passed = len(found) - len(missing) - left_out
    print(f"{passed} passed, {len(missing)} failed, {left_out} skipped")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
