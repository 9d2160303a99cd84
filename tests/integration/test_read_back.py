# tests/integration/test_read_back.py: every accepted value comes back, by every way, as it was.
"""Documents at every limit, default and raised: whatever the server takes it gives back whole."""

import sys
import unittest
import xml.etree.ElementTree as ET

from gridd import CONTROLLER, DOMAIN, Operated
from policies import EVERYTHING
from stanzas import MAM, PUBSUB, RSM, Stanzas, canonical, cursors

TOPIC = "Doc-1.0"
sys.setrecursionlimit(10_000)   # of Python's own serializer


def doc(inner="", attributes="", declarations=""):
    return f"<doc xmlns='urn:doc' k='v'{declarations}{attributes}>{inner}</doc>"


def prefixes(letter, count):
    return "".join(f" xmlns:{letter}{n}='urn:{letter}{n}'" for n in range(count))


def used(letter, count):
    return "".join(f"<{letter}{n}:e {letter}{n}:a='{letter}{n}:v'/>" for n in range(count))


def documents(limits):
    """Name, what stands on the <item/>, and the payload. The stanza's own elements are four."""
    depth = limits["depth_max"] - 5
    yield "depth", "", doc("<x>" * depth + "deep" + "</x>" * depth)
    yield "elements", "", doc("<x/>" * (limits["elements_max"] - 5))
    attributes = "".join(f" a{n}='{n}'" for n in range(limits["attributes_max"] - 1))
    yield "attributes", "", doc(attributes=attributes)
    # Declarations around the payload move onto it when stored: more than one element may have.
    most = limits["declarations_max"] - 1
    around = min(most, 100 - most)
    yield "declarations", prefixes("a", around), doc(
        used("a", around) + used("p", most), declarations=prefixes("p", most)
    )
    level = f"<x{prefixes('q', 20)}>{used('q', 20)}</x>"
    yield "nested", prefixes("a", 20), doc(used("a", 20) + level + f"<y{prefixes('r', 20)}/>")
    name = "n" * limits["name_bytes_max"]
    yield "names", "", doc(f"<{name} {name}='1'><p:{name[2:]} xmlns:p='urn:p'/></{name}>")
    empty = len(doc("."))
    yield "bytes", "", doc("x" * (limits["payload_bytes_max"] - empty + 1))
    yield "text", "", doc(
        "&#13;&#10;&#9; <![CDATA[<&>]]> ]]&gt; &apos;&quot; \u00e4\u4e2d\U0001f6a8 a0:b"
        "<t w='&#9;&#10;&#13;&lt;&apos;&quot;'> </t><u xmlns=''/>"
    )


class ReadBackCase(unittest.TestCase):
    limits = {
        "depth_max": 64,
        "elements_max": 16384,
        "attributes_max": 64,
        "declarations_max": 32,
        "name_bytes_max": 1024,
        "payload_bytes_max": 262144,
    }
    settings = {}

    def setUp(self):
        settings = {
            "accounts.auto_approve": "true",
            "pubsub.access_open": "true",
            "pubsub.default_access_model": "open",
            **self.settings,
        }
        self.server = Operated(EVERYTHING, settings).start()
        self.addCleanup(self.server.close)
        self.ann = self.log_in("ann")
        answer = self.ann.ask(
            "set",
            "<grid xmlns='xgrid' type='request'><initPublishRequest><capability>"
            "<name>Doc-1.0</name></capability><filterSupport>"
            "<attribute name='k' path='/doc/@k'/></filterSupport>"
            "<serverSideFilter>true</serverSideFilter></initPublishRequest></grid>",
            CONTROLLER,
        )
        self.assertEqual(answer.get("type"), "result", ET.tostring(answer))
        self.ann.configure(
            TOPIC, send_last_published_item="on_sub", max_payload_size="max", max_items="max"
        )

    def log_in(self, name):
        bundle = self.server.authority.client(f"{name}@{DOMAIN}")
        client = Stanzas(self.server, bundle)
        self.addCleanup(client.close)
        return client

    def same(self, how, got):
        self.assertIsNotNone(got, how)
        name = how.partition(" ")[0]
        self.assertEqual(canonical(got), self.expected[name], how)

    def all_items(self):
        found, after = {}, ""
        while True:
            page, answer = self.ann.items(TOPIC, rsm=f"<max>100</max>{after}")
            if not page:
                return found
            found.update(page)
            after = f"<after>{cursors(answer)['last']}</after>"

    def all_archived(self):
        found, after = {}, ""
        while True:
            page, answer = self.ann.archive(
                TOPIC, f"<set xmlns='{RSM}'><max>100</max>{after}</set>"
            )
            found.update({item: payload for _, item, payload in page})
            if answer.find(f"{{{MAM}}}fin").get("complete") == "true":
                return found
            after = f"<after>{cursors(answer)['last']}</after>"

    def publish_and_read_back(self):
        live, late = self.log_in("live"), self.log_in("late")
        live.subscribe(TOPIC)
        away = {}
        for name, options in (("away", {}), ("sieve", {"filter": "k = &apos;v&apos;"})):
            client = self.log_in(name)
            client.subscribe(TOPIC, **options)
            client.goodbye()
            away[name] = client
        self.expected = {}
        for name, around, payload in documents(self.limits):
            whole = ET.fromstring(f"<item xmlns='{PUBSUB}'{around}>{payload}</item>")
            self.expected[name] = canonical(whole[0])
            self.ann.publish(TOPIC, name, payload, around)
            item, got, _ = live.item()
            self.assertEqual(item, name)
            self.same(f"{name} live", got)
            late.subscribe(TOPIC)
            item, got, _ = late.item()
            self.assertEqual(item, name)
            self.same(f"{name} on subscription", got)
            late.ok("set", f"<unsubscribe node='{TOPIC}' jid='{late.bare}'/>")
            self.same(f"{name} by id", self.ann.items(TOPIC, f"<item id='{name}'/>")[0].get(name))
        for how, found in (("in pages", self.all_items()), ("archived", self.all_archived())):
            self.assertEqual(list(found), list(self.expected), how)
            for name, got in found.items():
                self.same(f"{name} {how}", got)
        for name in away:
            client = self.log_in(name)
            for wanted in self.expected:
                item, got, _ = client.item()
                self.assertEqual(item, wanted)
                self.same(f"{item} late, {name}", got)
            client.quiet()
        # The subtopic of the filter shows what passes it, of what is stored.
        listed = self.ann.ask(
            "get",
            f"<query xmlns='http://jabber.org/protocol/disco#items' node='{TOPIC}#subtopics'/>",
        )
        subtopics = [entry.get("node") for entry in listed[0]]
        self.assertEqual(len(subtopics), 1)
        for name in self.expected:
            found, _ = self.ann.items(subtopics[0], f"<item id='{name}'/>")
            self.same(f"{name} of the subtopic", found.get(name))


class ReadBack(ReadBackCase):
    def test_documents_at_every_limit_come_back_by_every_way(self):
        self.publish_and_read_back()


class ReadBackRaised(ReadBackCase):
    limits = {
        "depth_max": 300,
        "elements_max": 30_000,
        "attributes_max": 300,
        "declarations_max": 80,
        "name_bytes_max": 4000,
        "payload_bytes_max": 1_000_000,
    }
    settings = {
        **{f"limits.{name}": value for name, value in limits.items() if "payload" not in name},
        "limits.stanza_bytes_max": 2_000_000,
        "pubsub.payload_bytes_max": 1_000_000,
    }

    def test_documents_at_every_limit_come_back_by_every_way(self):
        self.publish_and_read_back()


if __name__ == "__main__":
    unittest.main()
