# tests/tidy/unnamed.py: names that collide when files of a library are compiled together.
"""What is in an unnamed namespace, or static, must be there once per library, and no declaration of
the namespace around it may have its name. Reads C++ as clang-format leaves it."""

import collections
import re

# Comments and literals, which may hold anything.
OPAQUE = re.compile(
    r"//[^\n]*|/\*.*?\*/|R\"(\w*)\(.*?\)\1\"|\"(?:[^\"\\\n]|\\.)*\""
    r"|(?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+'|^#(?:[^\n]*\\\n)*[^\n]*",
    re.S | re.M,
)
NAMESPACE = re.compile(r"(?:inline )?namespace\s*([\w:]*)\s*\{")
FUNCTION = re.compile(
    r"\)( const)?( noexcept)?( override)?( -> [\w:<>, &*]+)?( : .*)? \{\}$", re.S
)
PREFIX = re.compile(
    r"^(template <(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>|\[\[[^\]]*\]\]|static|inline|constexpr|const"
    r"|extern|requires [^{;(]*|;) ?"
)
STATIC = re.compile(r"(\[\[[^\]]*\]\] ?)*(template <.*> ?)?(inline )?static ")
TYPE = re.compile(r"(?:struct|class|enum class|enum|union) (\w+)(?: final)?(?: : [^{]*)? ?(\{\}|;)")


def statements(text):
    """(namespaces, declaration, line) of what stands in a namespace; bodies become {}."""
    text = OPAQUE.sub(lambda found: '""' + "\n" * found[0].count("\n"), text)
    text = re.sub(r'^""', "", text, flags=re.M)
    stack, at, start, open_brackets = [], 0, 0, 0
    said = ""
    while at < len(text):
        char = text[at]
        if not said.strip():
            start = at
        if open_brackets == 0 and not said.strip():
            opened = NAMESPACE.match(text, at)
            if opened:
                stack.append(opened[1])
                at, said = opened.end(), ""
                continue
            if char == "}":
                stack.pop()
                at, said = at + 1, ""
                continue
        open_brackets += (char == "(") - (char == ")")
        if char == "{":
            depth = 1
            while depth:
                at += 1
                depth += (text[at] == "{") - (text[at] == "}")
            said += "{}"
            is_whole = FUNCTION.search(re.sub(r"\s+", " ", said).strip()) and "= [" not in said
        else:
            said += char
            is_whole = char == ";"
        at += 1
        if is_whole and open_brackets == 0:
            words = re.sub(r"\s+", " ", said).strip()
            yield tuple(stack), words, text.count("\n", 0, start) + 1
            said = ""


def names_of(declaration):
    """The names that it declares: none for members, specializations and using-declarations."""
    said, before = declaration, None
    while said != before:
        said, before = PREFIX.sub("", said), said
    alias = re.match(r"using (\w+) ?=", said)
    if alias:
        return [alias[1] + " " + said]   # the same alias twice is no collision
    if re.match(r"using |namespace |friend |static_assert|[A-Z_]{6,}\(", said) or not said:
        return []
    named = TYPE.match(said)
    if named:
        return [named[1]] if named[2] != ";" else []
    before = None
    said = re.sub(r"\[[^\]]*\]", "", said)
    while said != before:
        said, before = re.sub(r"<[^<>]*>", "", said), said
    found = re.match(r"([^=({;]*?)([\w:~]+) ?([=({;,])", said)
    if not found or "::" in found[2] or "operator" in found[0]:
        return []
    if found[3] == "(":
        return [found[2]]
    rest, before = said[found.end() - 1:], None
    while rest != before:
        rest, before = re.sub(r"\([^()]*\)|\{[^{}]*\}", "", rest), rest
    return [found[2]] + re.findall(r", ?[*&]?(\w+)", rest)


def collisions(files):
    """`files`: those of one library, path to text. Yields a line for each name."""
    hidden, shown = collections.defaultdict(dict), collections.defaultdict(set)
    for path, text in files.items():
        for namespaces, declaration, line in statements(text):
            scope = "::".join(name for name in namespaces if name)
            is_hidden = "" in namespaces or STATIC.match(declaration)
            for name in names_of(declaration):
                word, _, alias = name.partition(" ")
                if is_hidden:
                    hidden[scope, word].setdefault(path, (line, alias))
                elif path.endswith(".hpp"):
                    shown[scope, word].add(path)
    for (scope, word), places in sorted(hidden.items()):
        different = {alias or path for path, (_, alias) in places.items()}
        others = list(shown[scope, word] - set(places))
        if len(different) > 1 or others:
            at = [f"{path}:{line}" for path, (line, _) in places.items()]
            yield f"{scope}::{word}: {' '.join(at + others)}"
