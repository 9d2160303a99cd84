#!/usr/bin/python3
# tests/tidy/unused.py: functions, members and enumerators that the program declares and never uses.
"""unused.py: prints each name that headers of the five folders declare and that no line of them
uses: every place where the name stands declares or defines it (an override is a definition). Tests
do not count as users. A name that two things share counts as used when one of them is, so that the
check finds less than there is, and is never wrong but for what a library calls by its name."""

import ast
import os
import re
import sys

import unnamed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("xml", "storage", "pubsub", "controller", "server")
# Names that have no user here, and why they stay.
POSITION = "chosen by its number: by its place in a table of names, or in the store"
BY_ROCKSDB = "RocksDB calls it"
BY_LIBRARY = "std::allocate_shared calls it"
ALLOWED = {
    "AssociationPolicy::Whitelist": POSITION,
    "ItemReply::None": POSITION,
    "SendLast::OnSub": POSITION,
    "Type::Boolean": POSITION,
    "Stage::Silent": "where each place begins: number 0",
    "OnBackgroundError": BY_ROCKSDB,
    "OnErrorRecoveryBegin": BY_ROCKSDB,
    "LogRecordFound": BY_ROCKSDB,
    "async_write_some": "Asio calls it, as of any stream",
    "allocate": BY_LIBRARY,
    "deallocate": BY_LIBRARY,
    "deleted": "the tests that compare two memories dump it",
    "changed_ns": "FileStamp is compared as a whole",
}
# Files whose users are tests: the store that they run on, with its faults.
FOR_TESTS = ("storage/memory_store.hpp",)
TOKEN = re.compile(r"[A-Za-z_]\w*|::|->|&&|[^\s\w]")
NO_TYPES = {
    "return", "co_return", "co_await", "co_yield", "new", "delete", "throw", "else", "case", "goto",
    "not", "and", "or", "do", "typename", "struct", "class", "enum", "union", "namespace", "using",
    "template", "operator", "if", "while", "for", "switch", "sizeof",
}
NOT_NAMES = NO_TYPES | {
    "const", "noexcept", "override", "final", "public", "private", "protected", "default",
    "mutable", "static", "constexpr", "inline", "explicit", "virtual", "auto", "void", "bool",
    "int", "char", "this", "nullptr", "true", "false", "requires", "concept", "friend", "extern",
    "unsigned", "decltype", "catch", "try", "break", "continue",
}
ENUM = re.compile(r"\benum (?:class )?(\w*)(?: : [\w:]+)? ?\{([^}]*)\}")


def plain(text):
    """The text without comments and literals; lines keep their numbers."""
    return unnamed.OPAQUE.sub(lambda found: '""' + "\n" * found[0].count("\n"), text)


def declares(text, tokens, index):
    """Whether the name at this place is declared or defined here, after its type."""
    if tokens[index + 1][0] not in ("(", ";", "=", "{", ",", ":", "["):
        return False
    at = index - 1
    while tokens[at][0] == "::" and tokens[at - 1][0].isidentifier():
        at -= 2   # the class of a definition
    before, place = tokens[at]
    if before.isidentifier():
        return before not in NO_TYPES
    # A type's end, which clang-format joins to the type; an operator has a space before it.
    return before in ("*", "&", "&&", ">") and not text[place - 1].isspace()


def writes(tokens, index):
    """Whether the member at this place is given a value, and not read."""
    return (
        tokens[index - 1][0] in (".", "->") and tokens[index + 1][0] == "="
        and tokens[index + 2][0] != "="
    )


class Names:
    """Where the names of files are declared, and which of them are used."""

    def __init__(self, files):
        self.declared = {}      # name, or `Enum::name`, to its first place in a header
        self.used = set()       # names
        self.qualified = set()  # (what stands before the last ::, name)
        self.enums = set()
        self.opened = set()     # enums whose names are used without it
        for path, text in sorted(files.items()):
            self.read(path, plain(text))

    def read(self, path, text):
        self.opened |= set(re.findall(r"using enum (?:\w+::)*(\w+);", text))
        enumerators = {}
        for body in ENUM.finditer(text):
            self.enums.add(body[1])
            for name in re.finditer(r"(?:^|,)\s*(\w+)", body[2]):
                enumerators[body.start(2) + name.start(1)] = f"{body[1]}::{name[1]}"
        tokens = [(found[0], found.start()) for found in TOKEN.finditer(text)]
        tokens += [("", len(text))] * 2
        open_brackets = []   # around the name: one in ( is a parameter
        for index, (name, place) in enumerate(tokens):
            if name in ("(", "{", "["):
                open_brackets.append(name)
            elif name in (")", "}", "]") and open_brackets:
                open_brackets.pop()
            if index < 2 or not name.isidentifier() or name in NOT_NAMES:
                continue
            if place in enumerators or declares(text, tokens, index):
                if path.endswith(".hpp") and path not in FOR_TESTS and open_brackets[-1:] != ["("]:
                    line = text.count("\n", 0, place) + 1
                    self.declared.setdefault(enumerators.get(place, name), f"{path}:{line}")
            elif not writes(tokens, index):
                self.used.add(name)
                if tokens[index - 1][0] == "::":
                    self.qualified.add((tokens[index - 2][0], name))

    def is_used(self, name):
        enum, _, enumerator = name.rpartition("::")
        if not enum:
            return name in self.used
        if enum in self.opened and enumerator in self.used:
            return True
        return any(
            said == enumerator and (before == enum or before not in self.enums)
            for before, said in self.qualified
        )

    def unused(self):
        return {name: at for name, at in self.declared.items() if not self.is_used(name)}


def faults(files):
    found = Names(files).unused()
    for name, place in sorted(found.items()):
        if name not in ALLOWED:
            yield f"{place}: {name} has no user"
    for name in ALLOWED:
        if name not in found:
            yield f"tests/tidy/unused.py: {name} has a user, or is gone"


SAMPLE = {
    "a.hpp": """
enum class Kind { Used, Opened, Unused };
class Thing {
public:
    void called(int parameter, int other);
    void uncalled();
    std::vector<int>& overridden() const override;
    int read_member = 0, written = 0;
};
""",
    "a.cpp": """
void Thing::called(int parameter, int other) { return ask(Kind::Used, read_member); }
void Thing::uncalled() { called(1, 2); }
std::vector<int>& Thing::overridden() const { this->written = 3; }
bool is(Kind kind) { using enum Kind; return kind == Opened; }   // uncalled() is a comment
""",
}
FOUND_IN_SAMPLE = {"Kind::Unused", "uncalled", "overridden"}


def missed_samples():
    found = set(Names(SAMPLE).unused())
    for name in sorted(found ^ FOUND_IN_SAMPLE):
        yield f"tests/tidy/unused.py: {name} of the sample"


def unused_imports(text):
    """(line, name) of what a Python script imports and never names; __all__ names things, too."""
    tree = ast.parse(text)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used |= {node.value for node in ast.walk(tree)
             if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for imported in node.names:
                name = (imported.asname or imported.name).split(".")[0]
                if name not in used:
                    yield node.lineno, name


def read_files():
    files = {}
    for folder in FOLDERS:
        for path, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in names:
                if name.endswith((".cpp", ".hpp")):
                    file = os.path.join(path, name)
                    with open(file, encoding="utf-8") as text:
                        files[os.path.relpath(file, ROOT)] = text.read()
    return files


def main():
    found = list(faults(read_files()))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
