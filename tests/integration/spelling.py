# tests/integration/spelling.py: stanzas as strangely spelt as XML allows, and what they mean.
"""The meaning is what Python's Expat makes of them."""

import xml.etree.ElementTree as ET

NAMESPACES = ("jabber:client", "jabber:client", "urn:1", "urn:2", "urn:it's", "")
PREFIXES = "abcde"
PIECES = ("x", "&", "<", ">", "'", '"', "]]>", "\n", " ", "]", "\r", "\U0001f600", "\u00e4")
NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;", '"': "&quot;"}


def meaning(what):
    """Names with their namespaces, attributes, texts; of a document its first stanza's."""
    if isinstance(what, str):
        what = ET.fromstring(what.split("?>", 1)[-1])[0]
    return (
        what.tag,
        sorted(what.attrib.items()),
        what.text or "",
        [(meaning(child), child.tail or "") for child in what],
    )


class Speller:
    """One client: its header's prefixes, and stanza after stanza."""

    def __init__(self, random):
        self.random = random
        self.more = ""
        self.bound = {"": "jabber:client"}

    def chance(self, of):
        return self.random.randrange(of) == 0

    def header_more(self):
        for prefix in "abc":
            if self.chance(2):
                self.more += self.declare(self.bound, prefix, self.some_namespace())
        return self.more

    def message(self, to, kind):
        return self.stanza("message", {"to": to, "type": kind})

    def iq(self, to, identity):
        return self.stanza("iq", {"to": to, "type": "get", "id": identity})

    def stanza(self, name, attributes):
        return self.element(dict(self.bound), name, "jabber:client", 0, attributes)

    def some_namespace(self):
        return self.random.choice(NAMESPACES[:-1])

    def declare(self, scope, prefix, uri):
        scope[prefix] = uri
        return f" xmlns{':' if prefix else ''}{prefix}={self.value(uri)}"

    def element(self, scope, name, namespace, depth, attributes):
        tag, own, declared = "", "", set()
        if not namespace or self.chance(2):
            if scope[""] != namespace:
                tag += self.declare(scope, "", namespace)
                declared.add("")
        else:
            known = [p for p, uri in scope.items() if p and uri == namespace]
            if known and self.chance(2):
                own = self.random.choice(known)
            else:
                own = self.random.choice(PREFIXES)
                tag += self.declare(scope, own, namespace)
                declared.add(own)
            if self.chance(3):
                tag += self.declare(scope, "", self.random.choice(NAMESPACES))
            own += ":"
        for key, text in attributes.items():
            tag += f" {key}={self.value(text)}"
        if self.chance(3):
            prefix = self.random.choice(PREFIXES)
            if prefix not in scope:
                tag += self.declare(scope, prefix, self.some_namespace())
            tag += f"\n{prefix}:k{prefix}={self.value(self.plain())}"
        if depth and self.chance(4):
            tag += f" xml:lang={self.value('de')}"
        full = own + name
        if depth > 4 or (depth and self.chance(4)):
            return f"<{full}{tag}/>" if self.chance(2) else f"<{full}{tag}></{full} >"
        children = [self.child(scope, depth)]
        for _ in range(self.random.randrange(4)):
            if depth:
                children.append(
                    self.characters() if self.chance(2) else self.child(scope, depth)
                )
        return f"<{full}{tag}>{''.join(children)}</{full}>"

    def child(self, scope, depth):
        name = self.random.choice(("body", "q", "x-1", "\u00e4"))
        return self.element(dict(scope), name, self.random.choice(NAMESPACES), depth + 1, {})

    def plain(self):
        return "".join(self.random.choice(PIECES) for _ in range(self.random.randrange(6)))

    def reference(self, character):
        if character in NAMED and self.chance(2):
            return NAMED[character]
        return f"&#{ord(character)};" if self.chance(2) else f"&#x{ord(character):x};"

    def escaped(self, text, odd):
        return "".join(
            self.reference(c) if c in odd or self.chance(30) else c for c in text
        )

    def value(self, text):
        quote = self.random.choice("'\"")
        return quote + self.escaped(text, "&<\n\r" + quote) + quote

    def characters(self):
        text = self.plain() + self.plain() + "".join(
            self.random.choice("&<") for _ in range(self.random.choice((0, 0, 40)))
        )
        if self.chance(3):
            text = text.replace("\r", "")
            return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"
        return self.escaped(text, "&<>\r")
