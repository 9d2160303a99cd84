#!/usr/bin/python3
# tests/tidy/members.py: the members of a class are defined in the file that has its name.
"""members.py: prints where members of a class are defined in a file whose name does not tell.

Members of `Name`, whose class stands in `path/unit.hpp`, are defined in `unit.cpp` or in
`unit_part.cpp`; those of a class that a source file has for itself in that file."""

import collections
import re
import sys

import unnamed
import unused

# Source file to reason: members that the reader finds sooner where they are.
ALLOWED = {
    "controller/gi/broker_call.cpp": "Call::node is a question to the broker, as all of the file",
    "controller/controller_access.cpp": "what State knows of a right, and who asks, read together",
    "xml/namespaces.cpp": "an Ns is made from the table of the namespaces that are known",
}
CLASS = re.compile(r"\b(?:class|struct) (\w+)(?: final)?(?: : [^;{()]*)? ?\{")
MEMBER = re.compile(r"(?:^|[\s*&])(\w+)(?:<[^<>()]*>)?::(?:~?\w+|operator[^(\s]+) ?\(")


def faults(files):
    """`files`: path to text."""
    homes = collections.defaultdict(set)   # by class, the units in which one of that name stands
    for path, text in files.items():
        for name in CLASS.findall(unused.plain(text)):
            homes[name].add(path.rsplit(".", 1)[0])
    needless = set(ALLOWED)
    for path, text in sorted(files.items()):
        if not path.endswith(".cpp"):
            continue
        unit, told = path[:-4], set()
        for _, declaration, line in unnamed.statements(text):
            if not declaration.endswith("}"):
                continue
            found = MEMBER.search(declaration.split("{")[0].split(" = ")[0])
            if not found or found[1] in told or found[1] not in homes:
                continue
            if any(unit == home or unit.startswith(home + "_") for home in homes[found[1]]):
                continue
            told.add(found[1])
            needless.discard(path)
            if path not in ALLOWED:
                stands = " ".join(sorted(homes[found[1]]))
                yield f"{path}:{line}: members of {found[1]}, which stands in {stands}"
    for path in sorted(needless):
        yield f"tests/tidy/members.py: {path} needs no exception"


def main():
    files = unused.read_files()
    found = list(faults(files))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
