#!/usr/bin/python3
# tests/tidy/prose.py: comments: their references resolve, and their sentences have a subject.
"""prose.py: prints what breaks the rules below, and how often; with --samples, what it finds in
sentences that break each of them. tidy.py runs both.

References: a comment names no document, section or number that is not in the repository. RFC and
XEP sections are welcome. In tests, a requirement "S42" has a row in rows.txt, and a case "found A7"
has one in the tables of tests/found. A file that a comment names is there. So is a path in a README
that begins with a folder beside it or at the top.

Sentences: none begins with a word that has no meaning yet (who, what, nobody, nothing …), and no
comment begins with a pronoun (it, they, those, one that, none): the subject is a noun."""

import fnmatch
import io
import os
import re
import sys
import tokenize

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = re.compile(r"^(xml|storage|pubsub|controller|server|tests|conf)/")
STARTS = re.compile(r"""^["'(]*(who|whoever|whom|whose|what|whatever|nobody|nothing)\b""", re.I)
STARTS_COMMENT = re.compile(r"^(?:(?i:its?)|They|Those|None|One (?:that|who|which|is))\b")
# A sentence begins behind a full stop, or behind a colon with a capital.
BETWEEN = re.compile(r"""(?<=[.!?])\s+|(?<=[:;])\s+(?=[A-Z"'(`])""")
FIRST_LINE = re.compile(r"^[\w-]*[./][\w./-]*: ")

ELSEWHERE = re.compile(
    r"\b(?:design|protocol)(?:\.md)?,? (?:§|[A-F]\.?\d)"
    r"|(?<!RFC \d{4} )(?<!appendix )\b[A-F]\.\d+\b|\b(?:house|found|design|protocol)\.md\b", re.I
)
REQUIREMENT = re.compile(r"(?<![\w.])S(\d{1,2})(?![\w.])(?:\s*[-–]\s*S(\d{1,2})(?!\w))?")
METHOD_REQUIREMENT = re.compile(r"\bdef test\w*?_s(\d{1,2})(?=_|\()")
FOUND = re.compile(r"\bfound ((?:[A-Z]?\d+(?:, | and | )?)+)")
TEXT_PATH = re.compile(r"`((?:[a-z_.-]+/)+[a-z0-9_.*-]*)`")
FILE = re.compile(r"(?<![\w./$*-])((?:[\w-]+/)*[\w-]+\.(?:cpp|hpp|py|md|toml))\b(?![\w*])")
CPP = (".cpp", ".hpp", ".c")
CPP_TOKENS = re.compile(
    r'R"(?P<end>[^(\s]*)\(.*?\)(?P=end)"|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)+\''
    r"|//[^\n]*|/\*.*?\*/", re.S
)

SAMPLES = (
    "Undelivered items are a position (design §2).",
    "As protocol B.9 says.",
    "Queries between clients (B.9).",
    "See design.md.",
    "S99: a requirement without a row.",
    "Fixed as in found Z1.",
    "Read there_is_no_such_file.hpp first.",
    "Who is away gets it later.",
    "The item is kept. Nothing is written for it.",
    "It is kept.",
    "Those that have room go on.",
    "One that waits.",
)


def _marks(path, text):
    """(line, column, text) of each comment of one line, without its marker."""
    if path.endswith(CPP):
        for match in CPP_TOKENS.finditer(text):
            if match[0].startswith(("//", "/*")):
                line = text.count("\n", 0, match.start()) + 1
                column = match.start() - text.rfind("\n", 0, match.start()) - 1
                for more, part in enumerate(match[0].split("\n")):
                    yield line + more, column, part.lstrip("/*<! ").rstrip("*/ ")
    elif path.endswith(".py") or text.startswith("#!/usr/bin/python3"):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and not token.string.startswith("#!"):
                yield token.start[0], token.start[1], token.string.lstrip("#: ")
    else:
        for line, whole in enumerate(text.split("\n"), 1):
            match = re.search(r"(?:^|\s)#+(?:\s|$)", whole)
            if match and not re.search(r"""^[^"']*(["'])[^"']*$""", whole[: match.start()]):
                yield line, whole.index("#", match.start()), whole[match.end() :].strip()


def comments(path, text):
    """(line, text) of each comment; those of one column in lines that follow each other are one."""
    begin, last, column, parts = 0, 0, 0, []
    for line, at, part in [*_marks(path, text), (0, 0, "")]:
        if parts and line == last + 1 and at == column and part:
            parts.append(part)
            last = line
            continue
        if parts:
            yield begin, " ".join(parts)
        begin, last, column, parts = line, line, at, [part] if part else []


def sentences(comment):
    return [part for part in BETWEEN.split(FIRST_LINE.sub("", comment)) if part]


class References:
    """The numbers and files that comments may name."""

    def __init__(self, files):
        self.files = set()
        for path in files:
            parts = path.split("/")
            self.files |= {"/".join(parts[at:]) for at in range(len(parts))}
        self.rows = self._first_fields(
            [path for path in files if re.fullmatch(r"tests/(grid|stories)/rows\.txt", path)]
        )
        self.cases = self._first_fields(
            [path for path in files if re.fullmatch(r"tests/found/\w+\.txt", path)]
        )

    @staticmethod
    def _first_fields(paths):
        found = set()
        for path in paths:
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                found |= {line.split("|")[0].strip() for line in file if not line.startswith("#")}
        return found

    def unresolved_numbers(self, path, text):
        for first, last in REQUIREMENT.findall(text):
            for number in range(int(first), int(last or first) + 1):
                if f"S{number}" not in self.rows or not path.startswith("tests/"):
                    yield f"S{number}"
        for number in METHOD_REQUIREMENT.findall(text):
            if f"S{number}" not in self.rows:
                yield f"_s{number}"
        for numbers in FOUND.findall(text):
            for number in re.findall(r"[A-Z]?\d+", numbers):
                if number not in self.cases:
                    yield f"found {number}"

    def unresolved_sections(self, path, text):
        yield from (match[0] for match in ELSEWHERE.finditer(text))
        yield from self.unresolved_numbers(path, text)

    def unresolved(self, path, comment):
        yield from self.unresolved_sections(path, comment)
        yield from (name for name in FILE.findall(comment) if name not in self.files)


def is_read(path):
    return FOLDERS.match(path) and not path.startswith("tests/tidy/prose")


def bad_references(text_of, files):
    references = References(files)
    for path, lines in text_of.items():
        if not is_read(path):
            continue
        text = "\n".join(lines) + "\n"
        for line, comment in comments(path, text):
            for name in references.unresolved(path, comment):
                yield f"{path}:{line}: {name} is not in the repository: {comment[:60]}"
        if re.search(r"(_test\.cpp|/test_\w+\.py)$", path):
            for line, part in enumerate(lines, 1):
                for name in references.unresolved_numbers(path, part):
                    yield f"{path}:{line}: {name} has no row"


def known_paths(files):
    """Files with and without their ends, and folders."""
    known = set(files) | {os.path.splitext(path)[0] for path in files}
    for path in files:
        while path := os.path.dirname(path):
            known.add(path)
    return known


def unresolved_paths(readme, text, known):
    for name in TEXT_PATH.findall(text):
        here = os.path.normpath(os.path.join(os.path.dirname(readme), name))
        first = name.split("/")[0]
        begins = {first, os.path.normpath(os.path.join(os.path.dirname(readme), first))}
        if not begins & known:
            continue   # no path of ours: a type, a request, a place on the disk
        if not any(fnmatch.filter(known, path) for path in (here, name.rstrip("/"))):
            yield name


def bad_references_of_texts(files):
    """The same for READMEs, whose files are links and paths that stand beside them."""
    references, known = References(files), known_paths(files)
    for path in (path for path in files if path.endswith(".md")):
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            for line, text in enumerate(file, 1):
                for name in references.unresolved_sections(path, text):
                    yield f"{path}:{line}: {name} is not in the repository"
                if path.endswith("README.md"):
                    for name in unresolved_paths(path, text, known):
                        yield f"{path}:{line}: there is no {name}"


def bad_sentences(text_of):
    for path, lines in text_of.items():
        if not is_read(path):
            continue
        for line, comment in comments(path, "\n".join(lines) + "\n"):
            found = [part for part in sentences(comment) if STARTS.match(part)]
            if STARTS_COMMENT.match(FIRST_LINE.sub("", comment)):
                found.append(comment)
            for part in found:
                yield f"{path}:{line}: begins without a subject: {part[:60]}"


def missed_samples(files):
    """The samples in which no rule finds anything: each is a mistake of this program."""
    for sample in SAMPLES:
        text_of = {"pubsub/sample.cpp": [f"// {sample}"], "tests/sample.cpp": [f"// {sample}"]}
        if not list(bad_references(text_of, files)) and not list(bad_sentences(text_of)):
            yield f"no rule finds anything in: {sample}"
    if not list(unresolved_paths("server/README.md", "`net/no_such_unit`", known_paths(files))):
        yield "no rule finds the path of no file in a README"


def main():
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import tidy   # the list of files, and their lines

    files = tidy.source_files()
    if sys.argv[1:] == ["--samples"]:
        text_of = {f"tests/sample{at}.cpp": [f"// {text}"] for at, text in enumerate(SAMPLES)}
    else:
        text_of = tidy.Tidy().text
    references = list(bad_references(text_of, files))
    references += [] if sys.argv[1:] else list(bad_references_of_texts(files))
    starts = list(bad_sentences(text_of))
    print("\n".join(references + starts))
    print(f"{len(references)} references, {len(starts)} sentences")
    return 1 if references or starts else 0


if __name__ == "__main__":
    sys.exit(main())
