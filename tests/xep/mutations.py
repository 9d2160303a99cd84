#!/usr/bin/python3
# tests/xep/mutations.py: takes one check after the other out of the code: its test must fail.
"""mutations.py [BUILD]: edits a check in the sources so that an environment variable takes it out,
builds unit_pubsub once with all of them, and runs each row's test with its check out: a test that
then still passes proves nothing. The sources are put back; what is edited must be committed."""

import os
import subprocess
import sys

from mutants import MUTANTS

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SWITCH = """
#include <cstdlib>
#ifndef GRIDD_CHECK_OUT
#define GRIDD_CHECK_OUT
namespace {
[[maybe_unused]] bool is_out(int number) {
    const char* const out = std::getenv("GRIDD_CHECK_OUT");
    return out && std::atoi(out) == number;
}
}   // namespace
#endif
"""


def edited(text, number, mutant):
    if text.count(mutant.check) != 1:
        sys.exit(f"{mutant.file}: {text.count(mutant.check)} × {mutant.check!r}")
    out = mutant.out.replace("OUT", f"is_out({number})").replace("CHECK", mutant.check)
    return text.replace(mutant.check, out)


def with_switch(text):
    """Behind the includes."""
    lines = text.split("\n")
    last = max(i for i, line in enumerate(lines) if line.startswith("#include"))
    return "\n".join(lines[: last + 1]) + SWITCH + "\n".join(lines[last + 1 :])


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def build(folder):
    done = subprocess.run(
        ["ninja", "-C", folder, "-j2", "unit_pubsub"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )
    if done.returncode != 0:
        errors = [line for line in done.stdout.splitlines() if "error:" in line]
        raise RuntimeError("the build failed:\n" + "\n".join(errors[:10]))


def passes(folder, test, number):
    """Whether it passes, with that check out; a name that matches no test is a failure of ours."""
    try:
        done = subprocess.run(
            [os.path.join(folder, "unit_pubsub"), test],
            env={**os.environ, "GRIDD_CHECK_OUT": str(number)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False,
        )
    except subprocess.TimeoutExpired:
        return False   # the endless work that the check guarded against
    if "No test cases matched" in done.stdout or "test case" not in done.stdout:
        return None
    return done.returncode == 0


def report(folder):
    bad = 0
    print("| row | check that is taken out | test | |\n|---|---|---|---|")
    for number, mutant in enumerate(MUTANTS, 1):
        intact, without = passes(folder, mutant.test, 0), passes(folder, mutant.test, number)
        verdict = "fails, as it must" if intact and without is False else (
            f"WRONG: {'passes' if intact else 'fails'} with the check, "
            f"{'passes' if without else 'fails or is missing'} without"
        )
        bad += verdict.startswith("WRONG")
        check = " ".join(mutant.check.split())
        print(f"| {mutant.row} | `{check[:70]}` ({mutant.file}) | {mutant.test} | {verdict} |")
    print(f"{len(MUTANTS) - bad} passed, {bad} failed")
    return bad


def main():
    folder = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build"))
    files = sorted({mutant.file for mutant in MUTANTS})
    dirty = subprocess.run(
        ["git", "-C", ROOT, "status", "--porcelain", "--", *files],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout
    if dirty:
        sys.exit("commit these first, they are edited and put back:\n" + dirty)
    originals = {}
    try:
        for name in files:
            path = os.path.join(ROOT, name)
            with open(path, encoding="utf-8") as file:
                originals[path] = text = file.read()
            for number, mutant in enumerate(MUTANTS, 1):
                if mutant.file == name:
                    text = edited(text, number, mutant)
            write(path, with_switch(text))
        build(folder)
        bad = report(folder)
    finally:
        for path, text in originals.items():
            write(path, text)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
