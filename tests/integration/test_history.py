# tests/integration/test_history.py: the history of a topic by HTTPS, and BulkQuery.
"""ann publishes and may take what she published; bob may take it, too; eve may only see the topic.
Answers are parsed by the parsers of Python's library, and compared with what was published."""

import json
import os
import re
import threading
import time
import unittest
from urllib.parse import quote, urlencode

from files import BULK, FilesCase
from gridd import BROKER, CONTROLLER, DOMAIN
from stock import ET
from topic import PUBSUB, Topic

TOPIC = "Alerts-1.0"
HISTORY = "{gi#history}"
PAYLOAD = "urn:x:alert"
RIGHTS = (
    "allow client ann, bob to discover, create, publish, subscribe, retrieve on *\n"
    "allow client eve to discover on *\n"
    "allow client ann, bob to query on *\n"
)
POLICY = RIGHTS + "allow client ann, bob to bulk on *\n"
SETTINGS = {
    "pubsub.default_access_model": "open",
    "pubsub.access_open": "true",
    "bulk.idle_seconds_max": 3,
}
ITEMS = 50_000
AT_ONCE = 400
MIB = 1024 * 1024


def payload_of(number, pad):
    return (
        f"<alert xmlns='{PAYLOAD}' risk='{number % 10}'>n {number} &lt;&amp;&quot;\\ é "
        f"{'x' * pad}<more/></alert>"
    )


def publish_all(topic, numbers, pad=300):
    """All of them, each acknowledged."""
    numbers = list(numbers)
    for at in range(0, len(numbers), AT_ONCE):
        some = numbers[at : at + AT_ONCE]
        topic.raw.seen = ""
        topic.raw.send(
            "".join(
                f"<iq type='set' id='h{number}' to='{BROKER}'><pubsub xmlns='{PUBSUB}'>"
                f"<publish node='{topic.node}'><item id='i{number}'>{payload_of(number, pad)}"
                "</item></publish></pubsub></iq>"
                for number in some
            )
        )
        deadline = time.monotonic() + 60
        while topic.raw.seen.count("type='result'") < len(some):
            if "type='error'" in topic.raw.seen:
                raise AssertionError(topic.raw.seen[:2000])
            topic.raw.receive(deadline)


def stamp(seconds):
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}Z"


def number_in(payload):
    """Of an element that came back whole."""
    assert payload.tag == f"{{{PAYLOAD}}}alert", payload.tag
    number = int(payload.text.split()[1])
    assert payload.get("risk") == str(number % 10)
    assert payload.text.startswith(f'n {number} <&"\\ é x'), payload.text[:80]
    assert len(payload) == 1
    return number


class Taken:
    """The content of an answer: numbers in their order, cursors, whether it is whole."""

    def __init__(self, body, is_json):
        self.numbers, self.cursors, self.end, self.root = [], [], None, None
        (self._json if is_json else self._xml)(body)

    def _xml(self, body):
        self.root = ET.fromstring(body)
        assert self.root.tag == HISTORY + "history"
        for child in self.root:
            if child.tag == HISTORY + "end":
                self.end = (int(child.get("items")), child.get("cursor"))
                continue
            assert child.tag == HISTORY + "item" and self.end is None, child.tag
            self._one(child.get("id"), child.get("cursor"), child.get("time"), child[0])

    def _json(self, body):
        for line in body.decode().splitlines():
            item = json.loads(line)
            if item.get("end"):
                self.end = (item["items"], item["cursor"])
                continue
            assert self.end is None
            self._one(item["id"], item["cursor"], item["time"], ET.fromstring(item["payload"]))

    def _one(self, name, cursor, when, payload):
        number = number_in(payload)
        assert name == f"i{number}", name
        assert re.fullmatch(r"20\d\d-.*Z", when), when
        self.numbers.append(number)
        self.cursors.append(cursor)


class Chunks:
    """A chunked answer as it comes: `body` so far, and whether its last chunk was there."""

    def __init__(self, https, path, *headers):
        self.https = https.send(f"GET {path} HTTP/1.1", *headers)
        self.status, self.headers = self.https.head()
        self.body, self.is_whole = b"", False
        if self.headers.get("transfer-encoding") != "chunked":
            size = int(self.headers.get("content-length", 0))
            self._have(size)
            self.body, self.https.seen = self.https.seen[:size], self.https.seen[size:]
            self.is_whole = True

    def _have(self, size):
        while len(self.https.seen) < size:
            try:
                data = self.https.socket.recv(65536)
            except OSError:
                data = b""
            if not data:
                return False
            self.https.seen += data
        return True

    def chunk(self):
        """One more; False: it was the last, or the connection is gone."""
        while b"\r\n" not in self.https.seen:
            if not self._have(len(self.https.seen) + 1):
                return False
        size, _, self.https.seen = self.https.seen.partition(b"\r\n")
        size = int(size, 16)
        if not self._have(size + 2):
            self.body += self.https.seen
            return False
        self.body += self.https.seen[:size]
        self.https.seen = self.https.seen[size + 2 :]
        self.is_whole = size == 0
        return size != 0

    def until(self, size):
        while len(self.body) < size and self.chunk():
            pass
        return self

    def rest(self):
        while self.chunk():
            pass
        return self


class HistoryCase(FilesCase):
    """A topic with items."""

    policy = POLICY
    settings = SETTINGS
    items, pad = 0, 300

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.topic = Topic(cls.server, cls.ann, TOPIC, "source")
        said, whole = cls.topic.ask(
            "get",
            f"<grid xmlns='xgrid' type='request'><initPublishRequest><capability><name>{TOPIC}"
            "</name></capability><filterSupport><attribute name='risk' type='number' "
            "path='/alert/@risk'/></filterSupport></initPublishRequest></grid>",
            CONTROLLER,
        )
        assert said == "ok", whole
        half = cls.items * 2 // 5
        publish_all(cls.topic, range(half), cls.pad)
        time.sleep(0.05)
        cls.between = time.time()
        time.sleep(0.05)
        publish_all(cls.topic, range(half, cls.items), cls.pad)

    @classmethod
    def tearDownClass(cls):
        cls.topic.close()
        super().tearDownClass()

    @staticmethod
    def path(**parameters):
        return "/bulk/history?" + urlencode({"topic": TOPIC} | parameters, quote_via=quote)

    def take(self, bundle=None, path=None, **parameters):
        """All of it, by curl."""
        path = path or self.path(**parameters)
        code, status, body = self.curl(bundle or self.bob, path)
        self.assertEqual((code, status), (0, 200), body[:500])
        return Taken(body, "format=ndjson" in path)

    def refused(self, bundle, path, method="GET"):
        made = self.https(bundle).send(f"{method} {path} HTTP/1.1")
        got = made.answer(method != "HEAD")
        return got.status, got.code if got.body else ""

    def query(self, bundle, inner, to=BULK, dialect="gi"):
        stream = self.log_in(bundle, "asks")
        self.addCleanup(stream.close)
        return stream.ask(
            f"<grid xmlns='{dialect}' type='request'><BulkQuery "
            f"xmlns='com.domain.gi.gcl.controller'>{inner}</BulkQuery></grid>",
            to=to,
        )

    def offer(self, bundle, *params, more="<transport>https</transport>", **where):
        inner = "".join(f"<param name='{name}'>{value}</param>" for name, value in params)
        return self.query(bundle, f"<download>{inner}{more}</download>", **where)

    def set_policy(self, text):
        path = os.path.join(self.server.folder, "policy-now")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.server.admin_ctl("policy", "set", path)

    def wait_audit(self, operation, *words):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for record in self.audit(operation):
                if all(word in json.dumps(record) for word in words):
                    return record
            time.sleep(0.1)
        raise AssertionError(f"no {operation} with {words}: {self.audit(operation)[-3:]}")


class Histories(HistoryCase):
    """50,000 items."""

    items = ITEMS

    def tearDown(self):
        self.set_policy(POLICY)

    def test_all_items_as_one_document(self):
        taken = self.take()
        self.assertEqual(taken.numbers[:ITEMS], list(range(ITEMS)))
        self.assertEqual(taken.end[0], len(taken.numbers))
        self.assertEqual(taken.end[1], taken.cursors[-1])
        self.assertEqual(taken.root.get("topic"), TOPIC)
        self.assertEqual(len(set(taken.cursors)), len(taken.cursors))
        self.wait_audit("bulk-start", "bob", TOPIC, "history")
        self.wait_audit("bulk-end", "bob", TOPIC, "complete", "items")

    def test_all_items_as_lines_of_json(self):
        taken = self.take(format="ndjson")
        self.assertEqual(taken.numbers[:ITEMS], list(range(ITEMS)))
        self.assertEqual(taken.end, (len(taken.numbers), taken.cursors[-1]))

    def test_a_span_of_time_is_offered_and_taken(self):
        half = ITEMS * 2 // 5
        for dialect, to, params, wanted in (
            ("gi", BULK, [("end", stamp(self.between))], range(half)),
            ("xgrid", CONTROLLER, [("start", stamp(self.between)), ("format", "ndjson")],
             range(half, ITEMS)),
        ):
            answer = self.offer(self.bob, ("topic", TOPIC), *params, to=to, dialect=dialect)
            value = re.search("<value [^>]*/>", answer)
            self.assertIsNotNone(value, answer)
            value = ET.fromstring(value[0])
            self.assertEqual(value.get("transport"), "https")
            self.assertRegex(value.get("sid"), "^bd-[0-9a-f]{16}$")
            path = self.path_of(value.get("url"))
            taken = self.take(path=path)
            self.assertEqual(taken.numbers[: len(wanted)], list(wanted))
            self.assertEqual(int(value.get("items")), taken.end[0])
            # The URL alone gives nothing.
            self.assertIn(self.refused(self.eve, path)[0], (403, 404))
            self.assertEqual(self.refused(None, path)[0], 401)

    def test_a_filter(self):
        taken = self.take(filter="risk = 3 or risk = 8")
        wanted = [number for number in range(ITEMS) if number % 5 == 3]
        self.assertEqual(taken.numbers[: len(wanted)], wanted)
        self.assertEqual(taken.end[0], len(taken.numbers))
        self.assertEqual(self.refused(self.bob, self.path(filter="colour = 'red'"))[0], 400)
        self.assertEqual(self.refused(self.bob, self.path(filter="risk = = 3"))[0], 400)

    def test_it_goes_on_behind_a_cut(self):
        for form in ("xml", "ndjson"):
            with self.subTest(form):
                numbers, after = [], ""
                for _ in range(3):
                    path = self.path(format=form, **({"after": after} if after else {}))
                    with self.https(self.bob, buffer=65536) as broken:
                        got = Chunks(broken, path).until(2 * MIB)
                        self.assertFalse(got.is_whole)
                    if form == "xml":   # the last item that came whole
                        body = got.body[: got.body.rindex(b"</item>\n")] + b"</item></history>"
                    else:
                        body = got.body[: got.body.rindex(b"\n")]
                    some = Taken(body, form == "ndjson")
                    self.assertIsNone(some.end)
                    numbers += some.numbers
                    after = some.cursors[-1]
                rest = self.take(format=form, after=after)
                numbers += rest.numbers
                self.assertEqual(rest.end[0], len(rest.numbers))
                self.assertEqual(numbers[:ITEMS], list(range(ITEMS)))
                self.assertEqual(len(numbers), len(set(numbers)))

    def test_publishes_under_way_are_neither_hindered_nor_shown(self):
        with self.https(self.bob, buffer=65536) as one:
            got = Chunks(one, self.path()).until(MIB)
            before = ITEMS + 1000 * len(self.audit("bulk-start"))
            publish_all(self.topic, range(before, before + 600), self.pad)
            taken = Taken(got.rest().body, False)
        self.assertTrue(got.is_whole)
        self.assertEqual(taken.numbers[:ITEMS], list(range(ITEMS)))
        self.assertNotIn(before, taken.numbers)
        again = self.take(after=taken.end[1])
        self.assertEqual(again.numbers, list(range(before, before + 600)))

    def test_a_right_that_is_taken_cuts_it(self):
        with self.https(self.bob, buffer=65536) as one:
            got = Chunks(one, self.path()).until(MIB)
            self.set_policy(RIGHTS + "allow client ann to bulk on *\n")
            got.rest()
        self.assertFalse(got.is_whole)
        self.assertNotIn(b"<end ", got.body)
        self.wait_audit("bulk-end", "bob", "denied")
        self.assertEqual(self.refused(self.bob, self.path()), (403, "forbidden"))
        self.wait_audit("bulk-start", "bob", "deny")

    def test_a_disabled_account_is_cut_off(self):
        self.server.authority.client(f"dan@{DOMAIN}")
        dan = self.server.authority.client(f"dan@{DOMAIN}")
        self.log_in(dan).close()
        self.set_policy(POLICY + "allow client dan to bulk on *\n")
        with self.https(dan, buffer=65536) as one:
            got = Chunks(one, self.path()).until(MIB)
            self.server.admin_ctl("accounts", "disable", f"dan@{DOMAIN}")
            got.rest()
        self.assertFalse(got.is_whole)
        self.wait_audit("bulk-end", "dan", "disabled")

    def test_who_reads_nothing_is_cut_and_bothers_nobody(self):
        with self.https(self.bob, buffer=4096) as one:
            got = Chunks(one, self.path()).until(100)
            self.assertEqual(self.take(self.ann).numbers[:ITEMS], list(range(ITEMS)))
            self.assertEqual(self.topic.ping(), "ok")
            self.wait_audit("bulk-end", "bob", "idle")
            got.rest()
        self.assertFalse(got.is_whole)

    def test_memory_is_flat(self):
        self.take()
        before = self.server.resident_bytes()
        highest = [before]
        stop = threading.Event()

        def watch():
            while not stop.wait(0.05):
                highest.append(self.server.resident_bytes())

        watcher = threading.Thread(target=watch)
        watcher.start()
        threads = [threading.Thread(target=self.take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stop.set()
        watcher.join()
        self.assertLess(max(highest) - before, 16 * MIB)

    def test_head(self):
        made = self.https(self.bob).send(f"HEAD {self.path()} HTTP/1.1")
        status, headers = made.head()
        self.assertEqual((status, headers["content-type"]), (200, "application/xml"))
        # The connection can go on: nothing followed.
        made.send("GET /bulk/history?topic=none HTTP/1.1")
        self.assertEqual(made.answer().status, 404)

    def test_requests_that_are_refused(self):
        for path, wanted in (
            (self.path(topic="none"), (404, "not-found")),
            (self.path(topic="none", after="0" * 32), (404, "not-found")),
            (self.path(after="x"), (410, "cursor-gone")),
            (self.path(after="0" * 32), (410, "cursor-gone")),
            (self.path(expires="2020-01-01T00:00:00Z"), (410, "offer-expired")),
            (self.path(start="yesterday"), (400, "bad-request")),
            (self.path(start="2026-01-02T00:00:00Z", end="2026-01-01T00:00:00Z"),
             (400, "bad-request")),
            (self.path(format="csv"), (400, "bad-request")),
            (self.path(colour="red"), (400, "bad-request")),
            (self.path() + "&topic=other", (400, "bad-request")),
            (self.path() + "&start=%zz", (400, "bad-request")),
            ("/bulk/history", (400, "bad-request")),
        ):
            with self.subTest(path):
                self.assertEqual(self.refused(self.bob, path), wanted)
        self.assertEqual(self.refused(self.bob, self.path(), "DELETE")[0], 405)
        # eve sees the topic; who does not gets the same answer as for none.
        self.assertEqual(self.refused(self.eve, self.path()), (403, "forbidden"))
        self.set_policy(RIGHTS.replace("allow client eve to discover on *\n", ""))
        self.assertEqual(self.refused(self.eve, self.path()), (404, "not-found"))
        self.assertEqual(self.refused(self.eve, self.path(topic="none")), (404, "not-found"))


class BulkQueries(HistoryCase):
    """What is offered to whom."""

    items = 20

    def tearDown(self):
        self.set_policy(POLICY)

    def condition(self, answer):
        self.assertIn("type='error'", answer)
        return re.search(r"<error[^>]*type='(\w+)'[^>]*><([a-z-]+)", answer).groups() + (
            (re.search(r"<([a-z-]+)[^>]* xmlns='gi#errors'|<([a-z-]+) xmlns='gi#errors'", answer)
             or [""])[0],
        )

    def test_lists(self):
        for to in (BULK, CONTROLLER):
            for dialect in ("gi", "xgrid"):
                answer = self.query(self.bob, "<list/>", to, dialect)
                found = re.search(f"<history [^>]*topic='{TOPIC}'[^>]*/>", answer)
                self.assertIsNotNone(found, answer)
                found = ET.fromstring(found[0])
                self.assertEqual(found.get("items"), "20")
                self.assertLess(found.get("oldest"), found.get("newest"))
        self.assertNotIn(TOPIC, self.query(self.eve, "<list/>"))

    def test_errors_in_both_dialects(self):
        for dialect in ("gi", "xgrid"):
            for bundle, params, more, wanted in (
                (self.bob, [], "", ("modify", "bad-request")),
                (self.bob, [("topic", TOPIC), ("start", "now")], "", ("modify", "bad-request")),
                (self.bob, [("topic", TOPIC), ("start", "2026-01-02T00:00:00Z"),
                            ("end", "2026-01-01T00:00:00Z")], "", ("modify", "bad-request")),
                (self.bob, [("topic", TOPIC), ("format", "csv")], "", ("modify", "bad-request")),
                (self.bob, [("topic", TOPIC), ("filter", "colour = 1")], "",
                 ("modify", "bad-request")),
                (self.bob, [("topic", "none")], "", ("cancel", "item-not-found")),
                (self.eve, [("topic", TOPIC)], "", ("auth", "forbidden")),
                (self.bob, [("topic", TOPIC)], "<transport>s5b</transport>",
                 ("cancel", "feature-not-implemented")),
            ):
                with self.subTest(dialect=dialect, params=params, more=more):
                    answer = self.offer(bundle, *params, more=more, dialect=dialect)
                    self.assertEqual(self.condition(answer)[:2], wanted, answer)

    def test_nothing_in_the_span(self):
        answer = self.offer(self.bob, ("topic", TOPIC), ("end", "2020-01-01T00:00:00Z"))
        self.assertIn("<value items='0'/>", answer)
        self.assertNotIn("url=", answer)

    def test_several_transports(self):
        answer = self.offer(
            self.bob, ("topic", TOPIC),
            more="<transport>s5b</transport><transport>https</transport>",
        )
        self.assertIn("transport='https'", answer)
        self.wait_audit("bulk-offer", "bob", TOPIC)

    def test_a_filter_as_an_element(self):
        answer = self.offer(
            self.bob, ("topic", TOPIC), more="<filter><eq attribute='risk'>3</eq></filter>"
        )
        url = re.search("url='[^']*?(/bulk/[^']*)'", answer)[1].replace("&amp;", "&")
        self.assertEqual(self.take(path=url).numbers, [3, 13])

    def test_a_provider_is_asked_under_bulk(self):
        """ann provides the topic: the policy's `bulk` decides who may ask her for its past."""
        question = (
            f"<grid xmlns='gi' type='request'><BulkQuery xmlns='com.domain.gi.gcl.controller'>"
            f"<download><param name='topic'>{TOPIC}</param></download></BulkQuery></grid>"
        )
        bob = Topic(self.server, self.bob, TOPIC, "consumer")
        self.addCleanup(bob.close)
        ann = f"ann@{DOMAIN}/source"
        for text, is_passed in ((POLICY, True), (RIGHTS, False)):
            self.set_policy(text)
            number = bob.send("get", question, ann)
            if not is_passed:
                self.assertEqual(bob.answer(number)[0], "forbidden")
                continue
            asked = self.topic.take("<iq [^>]*><grid (?:(?!<iq ).)*?</iq>", 10).group()
            mark = re.search(r"<iq[^>]* id='([^']*)'", asked)[1]
            sender = re.search(r"<iq[^>]* from='([^']*)'", asked)[1]
            self.topic.raw.send(f"<iq type='result' id='{mark}' to='{sender}'/>")
            self.assertEqual(bob.answer(number)[0], "ok")
        self.wait_audit("bulk-offer", "bob", "ann", "deny")


class Restarts(HistoryCase):
    """Items so large that no buffer between the two holds them all."""

    items, pad = 6_000, 4_000

    def test_killed_in_the_middle_it_goes_on_after_the_restart(self):
        with self.https(self.bob, buffer=65536) as one:
            got = Chunks(one, self.path(format="ndjson")).until(4 * MIB)
            self.server.kill9()
            got.rest()
        self.assertFalse(got.is_whole)
        some = Taken(got.body[: got.body.rindex(b"\n")], True)
        self.assertLess(len(some.numbers), self.items)
        self.server.start()
        rest = self.take(format="ndjson", after=some.cursors[-1])
        self.assertEqual(some.numbers + rest.numbers, list(range(self.items)))

    def test_a_topic_that_is_deleted_cuts_it(self):
        # After the test above: its server is another one.
        node = "short-lived"
        other = Topic(self.server, self.ann, node, "other")
        self.addCleanup(other.close)
        self.assertEqual(other.create(access_model="open", max_items=5_000)[0], "ok")
        publish_all(other, range(5_000), 4_000)
        with self.https(self.bob, buffer=65536) as one:
            got = Chunks(one, self.path(topic=node)).until(MIB)
            said, whole = other.ask(
                "set",
                f"<pubsub xmlns='{PUBSUB}#owner'><delete node='{node}'/></pubsub>",
            )
            self.assertEqual(said, "ok", whole)
            got.rest()
        self.assertFalse(got.is_whole)
        self.wait_audit("bulk-end", "bob", node, "denied")
        self.assertEqual(self.refused(self.bob, self.path(topic=node)), (404, "not-found"))


if __name__ == "__main__":
    unittest.main()
