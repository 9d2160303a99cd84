#!/usr/bin/python3
# tests/tidy/rooms.py: the rooms of each folder, the includes between them, and those that run up.
"""rooms.py [FOLDER…]: prints, per folder, its rooms from top to bottom with the number of their
units and of the includes to each room below, then every include that runs upwards and every
circle of units. A unit is a header and its source, with its parts: `x_part` is a part of `x` when
`x` includes it, and nothing else but parts of `x` does.

The rooms stand in the folder's README.md, under "## Rooms", as the rows of a table from top to
bottom. A row's first cell names a room: a folder ("`decide/`"), or units of the folder itself
("`errors`, `reply`"). A unit may include what is in its own room or in one below. An exception is
a line "`from` may include `to`: reason" below the table."""

import fnmatch
import os
import re
import sys
from collections import Counter, defaultdict

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("xml", "storage", "pubsub", "controller", "server")
FILES_MAX = 30   # of one room
INCLUDE = re.compile(r'^#include "([a-z0-9_/]+)\.hpp"', re.M)
EXCEPTION = re.compile(r"^[-*] `([^`]+)` may include `([^`]+)`: \S")


class Folder:
    """One layer: its rooms as its README names them, and the includes between its units."""

    def __init__(self, name):
        self.name = name
        self.files = sorted(
            os.path.relpath(os.path.join(path, file), ROOT)
            for path, _, files in os.walk(os.path.join(ROOT, name))
            for file in files
            if file.endswith((".cpp", ".hpp"))
        )
        self.units = sorted({file.rsplit(".", 1)[0] for file in self.files})
        self.rooms, self.allowed = self._read()
        self.includes = defaultdict(set)
        for file in self.files:
            with open(os.path.join(ROOT, file), encoding="utf-8") as text:
                for used in INCLUDE.findall(text.read()):
                    unit = file.rsplit(".", 1)[0]
                    if used.startswith(name + "/") and used != unit:
                        self.includes[unit].add(used)
        self.subjects = self._subjects()

    def _subjects(self):
        """By unit, the unit that it is a part of, or itself."""
        users = defaultdict(set)
        for unit, all_used in self.includes.items():
            for used in all_used:
                users[used].add(unit)
        subjects = {}
        for unit in self.units:
            subjects[unit] = unit
            for whole in self.units:
                if unit.startswith(whole + "_") and whole in users[unit]:
                    if all(user == whole or user.startswith(whole + "_") for user in users[unit]):
                        subjects[unit] = subjects.get(whole, whole)
                        break
        return subjects

    def _read(self):
        path = os.path.join(ROOT, self.name, "README.md")
        rooms, allowed, is_inside = [], set(), False
        with open(path, encoding="utf-8") if os.path.exists(path) else open(os.devnull) as file:
            for line in file:
                if line.startswith("## "):
                    is_inside = line.strip() == "## Rooms"
                exception = EXCEPTION.match(line)
                if is_inside and exception:
                    allowed.add((f"{self.name}/{exception[1]}", f"{self.name}/{exception[2]}"))
                elif is_inside and line.startswith("| `"):
                    rooms.append(re.findall(r"`([^`]+)`", line.split("|")[1]))
        return rooms, allowed

    def room_of(self, unit):
        """The number of a unit's room, from the top; None when no row names it."""
        inside = unit[len(self.name) + 1 :]
        best = None
        for number, names in enumerate(self.rooms):
            for name in names:
                if inside == name or (name.endswith("/") and inside.startswith(name)):
                    if best is None or len(name) > best[0]:
                        best = (len(name), number)
        return best[1] if best else None

    def upward(self):
        for unit in self.units:
            for used in sorted(self.includes[unit]):
                here, there = self.room_of(unit), self.room_of(used)
                if here is not None and there is not None and there < here:
                    if (unit, used) not in self.allowed:
                        yield f"{unit} includes {used}, which is in a room above"

    def homeless(self):
        return [unit for unit in self.units if self.room_of(unit) is None]

    def crowded(self):
        """Rooms, and folders in a room, with too many files."""
        files = Counter(
            (self.room_of(file.rsplit(".", 1)[0]), os.path.dirname(file)) for file in self.files
        )
        for (room, folder), count in sorted(files.items(), key=str):
            if room is not None and count > FILES_MAX:
                yield f"{folder}/ has {count} files in the room {', '.join(self.rooms[room])}"

    def named_wrongly(self):
        """Rooms that have two rows, or none of whose files is there."""
        names = [name for row in self.rooms for name in row]
        for name in sorted(set(names)):
            if names.count(name) > 1:
                yield f"{self.name}/README.md names {name} twice"
            path = os.path.join(ROOT, self.name, name)
            is_there = f"{self.name}/{name}" in self.units
            if not (os.path.isdir(path) if name.endswith("/") else is_there):
                yield f"{self.name}/README.md names {name}, which is not there"

    def circles(self):
        """Strongly connected units (Tarjan), each as one line."""
        includes = defaultdict(set)
        for unit, all_used in self.includes.items():
            for used in all_used:
                if self.subjects[used] != self.subjects[unit]:
                    includes[self.subjects[unit]].add(self.subjects[used])
        index, low, stack, on_stack, found = {}, {}, [], set(), []

        def visit(unit):
            index[unit] = low[unit] = len(index)
            stack.append(unit)
            on_stack.add(unit)
            for used in includes[unit]:
                if used not in index:
                    visit(used)
                    low[unit] = min(low[unit], low[used])
                elif used in on_stack:
                    low[unit] = min(low[unit], index[used])
            if low[unit] == index[unit]:
                group = []
                while not group or group[-1] != unit:
                    group.append(stack.pop())
                    on_stack.discard(group[-1])
                if len(group) > 1:
                    found.append(" ↔ ".join(sorted(group)))

        sys.setrecursionlimit(10_000)
        for unit in self.units:
            if unit not in index:
                visit(unit)
        return found

    def faults(self):
        if not self.rooms:
            yield f"{self.name}/README.md names no rooms"
            return
        yield from (f"{unit} is in no room of {self.name}/README.md" for unit in self.homeless())
        yield from self.named_wrongly()
        yield from self.upward()
        yield from (f"circle: {circle}" for circle in self.circles())
        yield from self.crowded()

    def show(self):
        print(f"{self.name}/: {len(self.units)} units, {len(self.rooms)} rooms")
        arrows = defaultdict(Counter)
        members = Counter(self.room_of(unit) for unit in self.units)
        for unit in self.units:
            for used in self.includes[unit]:
                if self.room_of(used) != self.room_of(unit):
                    arrows[self.room_of(unit)][self.room_of(used)] += 1
        for number, names in enumerate(self.rooms):
            below = ", ".join(
                f"{self.rooms[other][0]} {count}" if other is not None else f"? {count}"
                for other, count in sorted(arrows[number].items(), key=lambda row: str(row[0]))
            )
            shown = ", ".join(names) if len(names) < 5 else f"{names[0]} … {names[-1]}"
            print(f"  {shown:<28} {members[number]:>3} units → {below or '–'}")
        faults = list(self.faults())
        print(f"  upward, circles, homeless, crowded: {len(faults)}")
        for fault in faults:
            print("    " + fault)
        return len(faults)


def files_without_a_word(read):
    """A README of a room that names its files in tables or lists names all of them: by itself, as a
    part of another unit (`x` of `x_part`), or by a pattern (`*_routes`). `read`: path to text."""
    for readme in (path for path in read if re.fullmatch(r"[^/]+/.+/README\.md", path)):
        folder = os.path.dirname(readme)
        words = {re.sub(r"\.[ch]pp$", "", os.path.basename(word))
                 for word in re.findall(r"`([\w./*-]+)`", read[readme])}
        units = {os.path.basename(path).rsplit(".", 1)[0] for path in read
                 if os.path.dirname(path) == folder and path.endswith((".cpp", ".hpp"))}
        for unit in sorted(units):
            parts = unit.split("_")
            wholes = {"_".join(parts[:at]) for at in range(1, len(parts) + 1)} & (units | {unit})
            if not any(fnmatch.filter(wholes, word) for word in words):
                yield f"{readme} does not name {unit}"


def main():
    names = sys.argv[1:] or FOLDERS
    return 1 if sum(Folder(name).show() for name in names) else 0


if __name__ == "__main__":
    sys.exit(main())
