# tests/integration/test_log_events.py: the manual lists every event of the log, and no other.
"""Name, level and fields of each call of the log in the source are a row of the manual; a server
that runs writes no event that has none."""

import hashlib
import json
import os
import re
import signal
import ssl
import unittest

from configured import Configured
from gridd import DOMAIN, ROOT
from policies import EVERYTHING
from talker import Talker

MANUAL = os.path.join(ROOT, "conf", "manual", "log-events.md")
CALL = re.compile(r"\blog_?(?:\(\))?(?:\.|->)(debug|info|warn|error|write|fold)\(")
# "name", or IS_SO ? "name" : "other", at the beginning of a field.
FIELD = re.compile(r'\{\s*(?:[\w.]+ \? )?"([a-z_]+)"(?: : "([a-z_]+)")?,')


def arguments(text, begin):
    """What stands between the parentheses that are open at `begin`."""
    depth, at = 1, begin
    while depth:
        if text[at] == '"':
            at += 1
            while text[at] != '"':
                at += 2 if text[at] == "\\" else 1
        elif text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            depth -= 1
        at += 1
    return text[begin : at - 1]


def sources():
    for folder, _, files in os.walk(os.path.join(ROOT, "server")):
        if "gridctl" in folder:
            continue
        for name in sorted(files):
            if name.endswith((".cpp", ".hpp")):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    yield name, file.read()


def events_of_source():
    """By name: levels and fields, of all calls together; and the calls without a name."""
    found, nameless = {}, []
    for file, text in sources():
        for call in CALL.finditer(text):
            method, inside = call.group(1), arguments(text, call.end())
            head, _, rest = inside.partition("{")
            names = re.findall(r'"([a-z0-9_]+)"', head)
            if not names:
                nameless.append((file, inside))
            levels = {method}
            fields = {field for pair in FIELD.findall("{" + rest) for field in pair if field}
            if method in ("write", "fold"):
                levels = {word.lower() for word in re.findall(r"Level::(\w+)", head)}
            if method == "fold":
                fields.add("count")
            for name in names:
                event = found.setdefault(name, (set(), set()))
                event[0].update(levels)
                event[1].update(fields)
    return found, nameless


def events_of_manual():
    found = {}
    with open(MANUAL, encoding="utf-8") as file:
        for line in file:
            row = re.match(r"\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", line)
            if not row:
                continue
            name, levels, fields, meaning, advice = row.groups()
            assert name not in found, name
            assert len(meaning) > 8 and advice.strip(), line
            found[name] = (set(re.findall(r"\w+", levels)), set(re.findall(r"`(\w+)`", fields)))
    return found


class Manual(unittest.TestCase):
    def test_it_has_the_events_of_the_source_and_no_other(self):
        in_source, nameless = events_of_source()
        self.assertEqual([], nameless, "the name of an event stands in the call")
        self.assertGreater(len(in_source), 70)
        in_manual = events_of_manual()
        self.assertEqual(sorted(in_source), sorted(in_manual))
        for name, (levels, fields) in in_source.items():
            with self.subTest(name):
                self.assertEqual((levels, fields), in_manual[name])

    def test_runbooks_name_events_that_there_are(self):
        events = set(events_of_manual())
        with open(os.path.join(ROOT, "conf", "manual", "runbooks.md"), encoding="utf-8") as file:
            named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", file.read()))
        metrics = {name for name in named if name.startswith("gridd_")}
        self.assertIn("login_refused", named)
        self.assertEqual(named - metrics - events, set())

    def test_lines_of_a_server_are_rows_of_it(self):
        known = events_of_manual()
        server = Configured(EVERYTHING, {"accounts.auto_approve": "true", "log.format": "json",
                                         "log.level": "debug", "reload.on_change": "false"})
        self.addCleanup(server.close)
        server.start()
        ann = server.authority.client(f"ann@{DOMAIN}")
        with Talker(server.c2s, DOMAIN) as client:
            client.login(ann)
            client.presence()
        with Talker(server.c2s, DOMAIN) as client:
            client.starttls()   # without a certificate
            with self.assertRaisesRegex(AssertionError, "no client certificate"):
                client.open()
        server.admin_ctl("announce", "noon")
        server.gridctl("accounts", "show", "nobody", identity=server.admin)
        server.configure(log__level="loud")
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("reload_refused", seconds=60)
        server.stop()
        seen = set()
        for line in server.log().splitlines():
            event = json.loads(line)
            seen.add(event["what"])
            levels, fields = known[event["what"]]
            self.assertIn(event["level"], levels, line)
            self.assertLessEqual(set(event) - {"time", "level", "what"}, fields, line)
        started = re.search(r'"what": ?"session_started".*', server.log()).group()
        with open(ann.cert, encoding="ascii") as file:
            shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()
        self.assertIn(f'"{shown}"', started)
        self.assertLessEqual({"ready", "session_started", "session_ended", "http_request",
                              "reload_refused", "stopped"}, seen)


if __name__ == "__main__":
    unittest.main()
