# tests/integration/test_grid_readme.py: the examples in the Grid protocol's manual, as printed.
"""The blocks of controller/…/README.md, in their order: "CLIENT sends" is sent by that client, and
"CLIENT gets" is the next stanza that it receives, where "…" stands for any text. Requests to the
controller are sent again in the other dialect, but those marked "once"."""

import glob
import os
import re
import time
import unittest

from gridd import CONTROLLER, DOMAIN, ROOT, Operated
from raw import Raw
from stock import ET

BLOCK = re.compile(r"^```([^\n]+)\n(.*?)^```$", re.M | re.S)
STANZA = re.compile(r"<(iq|message|presence)\b(?:[^>]*/>|.*?</\1>)", re.S)
OTHER = {"gi": "xgrid", "xgrid": "gi"}


def manual():
    for path in glob.glob(os.path.join(ROOT, "controller", "g*", "README.md")):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if text.startswith("# The Grid protocol"):
            return BLOCK.findall(text.replace("grid.example", DOMAIN))
    raise AssertionError("there is no manual of the Grid protocol")


def parse(stanza):
    return ET.fromstring(f"<s xmlns='jabber:client'>{stanza}</s>")[0]


def difference(got, wanted):
    """What differs, or nothing; `to` and declarations need not be printed."""
    if got.tag != wanted.tag:
        return f"{got.tag} instead of {wanted.tag}"
    for name in {**got.attrib, **wanted.attrib}:
        if name == "to" or name.endswith("}lang"):
            continue
        if not is_like(got.get(name), wanted.get(name)):
            return f"{wanted.tag} {name}={got.get(name)!r}, not {wanted.get(name)!r}"
    if not is_like((got.text or "").strip(), (wanted.text or "").strip()):
        return f"{wanted.tag}: {got.text!r}, not {wanted.text!r}"
    if len(got) != len(wanted):
        return f"{wanted.tag}: {[child.tag for child in got]}, not {[c.tag for c in wanted]}"
    return next(filter(None, map(difference, got, wanted)), None)


def is_like(got, wanted):
    if got is None or wanted is None:
        return got == wanted
    return re.fullmatch(".*".join(map(re.escape, wanted.split("…"))), got, re.S) is not None


class Speaker:
    """A client on a raw stream, and the stanzas that it has not looked at yet."""

    def __init__(self, server, name):
        self.raw = Raw(server.c2s, DOMAIN)
        self.raw.login(server.authority.client(f"{name}@{DOMAIN}"), "mac")
        self.raw.seen = ""

    def next(self, is_wanted, seconds=10):
        """The first stanza that is wanted; earlier ones are kept for later."""
        deadline = time.monotonic() + seconds
        while True:
            for match in STANZA.finditer(self.raw.seen):
                if is_wanted(parse(match[0])):
                    self.raw.seen = self.raw.seen[: match.start()] + self.raw.seen[match.end() :]
                    return parse(match[0])
            self.raw.receive(deadline)


class Manual(unittest.TestCase):
    def setUp(self):
        blocks = manual()
        policy = "".join(text for kind, text in blocks if kind == "policy")
        self.blocks = [block for block in blocks if block[0] != "policy"]
        self.server = Operated(policy).start()
        self.addCleanup(self.server.close)
        self.speakers = {}
        for name, group in (("ise", "providers"), ("asa", "consumers")):
            self.server.authority.client(f"{name}@{DOMAIN}")
            self.control(f"gridctl accounts add {name}@{DOMAIN} --group {group}")
        for name in ("node2", "ise", "asa"):
            self.speakers[name] = Speaker(self.server, name)
            self.addCleanup(self.speakers[name].raw.socket.close)

    def control(self, line):
        self.server.admin_ctl(*line.split()[1:])

    def receives(self, name, text):
        wanted = parse(text)
        if wanted.get("id") == "…":
            seen = []

            def is_it(got):
                seen.append(difference(got, wanted))
                return seen[-1] is None

            try:
                return self.speakers[name].next(is_it)
            except AssertionError as missing:
                raise AssertionError(f"{seen}: {missing}") from None
        got = self.speakers[name].next(lambda one: one.get("id") == wanted.get("id"))
        self.assertIsNone(difference(got, wanted), ET.tostring(got, encoding="unicode"))

    def test_every_example_is_answered_as_printed_in_both_dialects(self):
        again = None
        for kind, text in self.blocks:
            words = kind.split()
            with self.subTest(kind, text=text):
                if words[0] == "console":
                    self.control(text.strip())
                elif words[2] == "sends":
                    self.speakers[words[1]].raw.send(text)
                    is_grid = re.search(r"<grid xmlns='(gi|xgrid)'", text)
                    again = text if is_grid and CONTROLLER in text and len(words) == 3 else None
                else:
                    self.receives(words[1], text)
                    if again:
                        self.in_the_other_dialect(words[1], again, text)
                    again = None

    def in_the_other_dialect(self, name, request, answer):
        swap = re.compile(r"<grid xmlns='(gi|xgrid)'")

        def other(text):
            text = swap.sub(lambda found: f"<grid xmlns='{OTHER[found[1]]}'", text)
            return re.sub(r"^<iq id='", "<iq id='other-", text)

        self.speakers[name].raw.send(other(request))
        self.receives(name, other(answer))


if __name__ == "__main__":
    unittest.main()
