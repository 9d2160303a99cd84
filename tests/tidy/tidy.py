#!/usr/bin/python3
# tests/tidy/tidy.py: the rules that a machine can check; the total is the last line.
"""Each rule is one test. Files are those that git tracks or would track."""

import os
import re
import subprocess
import sys

import members
import prose
import rooms
import unnamed
import unused

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COLUMNS_MAX = 100
CPP = (".cpp", ".hpp", ".c")
LAYERS = ("xml", "storage", "pubsub", "controller", "server")
# A lower layer may use what stands here, and itself (CMake's link table says the same).
MAY_USE = {
    "xml": (),
    "storage": (),
    "pubsub": ("xml", "storage"),
    "controller": ("xml", "storage", "pubsub"),
    "server": ("xml", "storage", "pubsub", "controller"),
}
# xml/, pubsub/ and controller/ are plain functions over state.
PURE = re.compile(r"^(xml|pubsub|controller)/")
IO = re.compile(
    r"#include <(mutex|thread|condition_variable|future|fstream|iostream|random|spdlog/.*"
    r"|boost/asio.*|boost/beast.*|sys/socket\.h)>|\bco_(await|return|yield)\b"
    r"|\b(system|steady)_clock::now\b|\brandom_device\b|\bstd::rand\b|\btime\(nullptr\)"
)
BANNED = re.compile(
    r"\b(FIXME|XXX|HACK)\b|using namespace std;|std::endl|\bsprintf\(|\bstrcpy\(|\bgets\("
    r"|(?<![\w.])/(root|home|work)/"
)
TODO = re.compile(r"\bTODO\b(?!\(#?\d+\)| issue \d+)")
SLEEP = re.compile(r"\bsleep_(for|until)\b|\busleep\(|\bnanosleep\(")


def source_files():
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()
    return sorted(path for path in listed if os.path.isfile(os.path.join(ROOT, path)))


def is_code(path):
    if path.endswith(CPP + (".py", ".sh", ".cmake")) or path.endswith("CMakeLists.txt"):
        return True
    with open(os.path.join(ROOT, path), "rb") as file:
        return file.read(2) == b"#!"


class Tidy:
    """Reads every source file once; a rule is a method that yields what breaks it."""

    def __init__(self):
        self.text = {}
        for path in source_files():
            if is_code(path):
                with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                    self.text[path] = file.read().splitlines()

    def sources(self):
        """The C++ of the five folders, path to text."""
        return {
            path: "\n".join(lines) + "\n" for path, lines in self.text.items()
            if path.split("/")[0] in LAYERS and path.endswith((".cpp", ".hpp"))
        }

    def matches(self, pattern, wanted):
        for path, lines in self.text.items():
            if not wanted(path) or path == "tests/tidy/tidy.py":
                continue
            for number, line in enumerate(lines, 1):
                if pattern.search(line):
                    yield f"{path}:{number}: {line.strip()}"

    def rule_lines_have_at_most_100_columns(self):
        for path, lines in self.text.items():
            for number, line in enumerate(lines, 1):
                if len(line) > COLUMNS_MAX:
                    yield f"{path}:{number}: {len(line)} columns"

    def rule_the_first_line_says_what_the_file_is(self):
        for path, lines in self.text.items():
            first = lines[1] if lines and lines[0].startswith("#!") else (lines or [""])[0]
            names = {path, os.path.dirname(path) + "/", os.path.basename(path)}
            if path == "CMakeLists.txt":
                names.add("gridd")
            if not any(
                first.startswith(f"{mark} {name}: ") and len(first) > len(name) + 15
                for mark in ("//", "#", "/*")
                for name in names
            ):
                yield f"{path}: first line is {first!r}"

    def rule_no_banned_words(self):
        return self.matches(BANNED, lambda path: True)

    def rule_a_todo_names_its_issue(self):
        return self.matches(TODO, lambda path: True)

    def rule_unit_tests_do_not_sleep(self):
        return self.matches(SLEEP, lambda path: re.match(r"tests/(unit|xep|stories)/", path))

    def rule_all_io_is_in_server(self):
        return self.matches(IO, lambda path: path.endswith(CPP) and PURE.match(path))

    def rule_layers_include_only_what_they_may(self):
        include = re.compile(r'#include "([a-z]+)/')
        for path, lines in self.text.items():
            layer = path.split("/")[0]
            if layer not in MAY_USE or not path.endswith(CPP):
                continue
            for number, line in enumerate(lines, 1):
                found = include.match(line)
                used = found.group(1) if found else layer
                if used in LAYERS and used != layer and used not in MAY_USE[layer]:
                    yield f"{path}:{number}: {layer}/ may not use {used}/"

    def rule_references_in_comments_resolve(self):
        yield from prose.bad_references(self.text, source_files())
        yield from prose.bad_references_of_texts(source_files())

    def rule_records_and_events_are_in_the_grammar(self):
        with open(os.path.join(ROOT, "storage", "README.md"), encoding="utf-8") as file:
            grammar = file.read()
        for name, letter in re.findall(r"(\w+) = '(.)',", "\n".join(self.text["storage/keys.hpp"])):
            if f"'{letter}'" not in grammar:
                yield f"storage/README.md: no '{letter}', {name} of storage/keys.hpp"

    def rule_sentences_of_comments_have_a_subject(self):
        return prose.bad_sentences(self.text)

    def rule_the_rules_of_prose_find_their_samples(self):
        return prose.missed_samples(source_files())

    def rule_units_include_what_is_in_their_room_or_below(self):
        for name in rooms.FOLDERS:
            yield from rooms.Folder(name).faults()

    def rule_readmes_name_the_files_beside_them(self):
        read = {}
        for path in source_files():
            if path.split("/")[0] in LAYERS and path.endswith((".cpp", ".hpp", "README.md")):
                with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                    read[path] = file.read() if path.endswith(".md") else ""
        return rooms.files_without_a_word(read)

    def rule_no_trailing_space_and_no_tabs(self):
        return self.matches(re.compile(r"[ \t]+$|\t"), lambda path: True)

    def rule_headers_are_included_once(self):
        for path, lines in self.text.items():
            if path.endswith(".hpp") and "#pragma once" not in lines:
                yield f"{path}: no #pragma once"

    def rule_files_of_a_library_can_be_compiled_together(self):
        libraries = {}
        for path, lines in self.text.items():
            layer = path.split("/")[0]
            if layer not in LAYERS or not path.endswith((".cpp", ".hpp")):
                continue
            name = "gridctl" if "/gridctl/" in path else layer
            if not path.endswith("/main.cpp"):
                libraries.setdefault(name, {})[path] = "\n".join(lines)
        for files in libraries.values():
            yield from unnamed.collisions(files)

    def rule_what_is_declared_is_used(self):
        yield from unused.missed_samples()
        yield from unused.faults(self.sources())

    def rule_members_are_in_files_of_the_name_of_their_class(self):
        return members.faults(self.sources())

    def rule_tests_of_a_file_are_in_a_namespace_of_its_name(self):
        for path, lines in self.text.items():
            if not re.match(r"tests/(unit|xep|stories)/.*\.cpp$", path):
                continue
            if any("TEST_CASE" in line for line in lines):
                stem = os.path.basename(path)[:-4]
                if not any(re.match(rf"namespace (\w+::)*{stem} \{{", line) for line in lines):
                    yield f"{path}: no namespace {stem}"

    def rule_code_is_formatted(self):
        files = [path for path in self.text if path.endswith(CPP)]
        done = subprocess.run(
            ["clang-format-19", "--dry-run", "--Werror", "--ferror-limit=1", *files],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )
        if done.returncode:
            found = re.findall(r"(?m)^(\S+?):(\d+):\d+: error", done.stderr)
            yield from (f"{path}:{line}: clang-format-19 -i {path}" for path, line in found)

    def rule_scripts_use_what_they_import(self):
        for path, lines in self.text.items():
            if path.endswith(".py") or "python" in (lines or [""])[0]:
                try:
                    found = list(unused.unused_imports("\n".join(lines) + "\n"))
                except SyntaxError:   # rule_scripts_parse names it
                    continue
                yield from (f"{path}:{line}: {name} has no user" for line, name in found)

    def rule_scripts_parse(self):
        for path, lines in self.text.items():
            if path.endswith(".py") or "python" in (lines or [""])[0]:
                try:
                    compile("\n".join(lines) + "\n", path, "exec")
                except SyntaxError as error:
                    yield f"{path}:{error.lineno}: {error.msg}"
            elif path.endswith(".sh") or "bash" in (lines or [""])[0]:
                done = subprocess.run(
                    ["bash", "-n", path], cwd=ROOT, capture_output=True, text=True, check=False
                )
                if done.returncode:
                    yield done.stderr.strip()

    def rule_the_root_holds_nothing_else(self):
        allowed = {*LAYERS, "tests", "conf", "CMakeLists.txt", "Dockerfile", "README.md"}
        allowed |= {"LICENSE", "CHANGELOG.md"}
        for name in sorted({path.split("/")[0] for path in source_files()}):
            if name not in allowed and not name.startswith("."):
                yield f"{name}: does not belong in the root folder"


def main():
    tidy = Tidy()
    passed = failed = 0
    for name in [name for name in dir(Tidy) if name.startswith("rule_")]:
        found = list(getattr(tidy, name)())
        passed, failed = passed + (not found), failed + bool(found)
        print(("FAIL  " if found else "ok    ") + name[5:].replace("_", " "))
        for line in found[:40]:
            print("    " + line)
        if len(found) > 40:
            print(f"    … and {len(found) - 40} more")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
