# tests/integration/test_items.py: the promises about pages, cursors, archives, forms and names of
# nodes.
"""One server for all: each test has nodes of its own."""

import subprocess
import time
import unittest
import xml.etree.ElementTree as ET

from gridd import BROKER, CONTROLLER, DOMAIN, Operated, binary
from policies import EVERYTHING
from stanzas import EVENT, MAM, PUBSUB, RSM, Stanzas, cursors, node_form, refusal

DATA = "{jabber:x:data}"
ATOM = "http://www.w3.org/2005/Atom"
SHIM = "{http://jabber.org/protocol/shim}"


class OneServer(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        settings = {
            "accounts.auto_approve": "true",
            "pubsub.access_open": "true",
            "pubsub.default_access_model": "open",
            "pubsub.auto_create": "true",
            **cls.settings,
        }
        cls.server = Operated(EVERYTHING, settings).start()
        cls.addClassCleanup(cls.server.close)
        cls.bundles = {}

    def setUp(self):
        self.ann = self.log_in("ann")
        self.node = self.id().rpartition(".")[2][:40].replace("_", "-")
        self.who = "b-" + self.node[-12:].strip("-")   # no other test's subscriptions

    def log_in(self, name, resource="one", presence="<presence/>"):
        if name not in self.bundles:
            self.bundles[name] = self.server.authority.client(f"{name}@{DOMAIN}")
        client = Stanzas(self.server, self.bundles[name], resource, presence)
        self.addCleanup(client.close)
        return client

    def provide(self, client, topic, more):
        return client.ask(
            "set",
            "<grid xmlns='xgrid' type='request'><initPublishRequest><capability>"
            f"<name>{topic}</name></capability>{more}</initPublishRequest></grid>",
            CONTROLLER,
        )

    @staticmethod
    def fields(answer):
        return {field.get("var"): field for field in answer.iter(f"{DATA}field")}


class Names(OneServer):
    def test_names_of_subtopics_are_kept(self):
        """found 13, X8, M20: by create and by publishing, with and without the topic."""
        for name in ("dev/0123456789abcdef", "dev#subtopics"):
            for _ in range(2):
                for request in (
                    f"<create node='{name}'/>",
                    f"<publish node='{name}'><item><x xmlns='urn:x'/></item></publish>",
                ):
                    condition, _, text = self.ann.error("set", request)
                    self.assertEqual(condition, "not-allowed")
                    self.assertIn("kept for the subtopics", text)
                if name == "dev/0123456789abcdef":
                    self.ann.pubsub("set", "<create node='dev'/>")   # the second round: it is there
        for name in ("dev/0123456789abcde", "dev/0123456789ABCDEF", "dev/0123456789abcdefg"):
            self.ann.create(name)


class Publishing(OneServer):
    def test_a_transient_node_wants_a_payload_and_a_kept_one_an_item(self):
        """found 14"""
        cells = {("0", "1"): "payload-required", ("1", "0"): "item-required"}
        cells[("1", "1")] = "item-required"
        for number, ((persist, deliver), wanted) in enumerate(cells.items()):
            node = f"{self.node}-{number}"
            self.ann.create(node, persist_items=persist, deliver_payloads=deliver)
            said = self.ann.error("set", f"<publish node='{node}'/>")
            self.assertEqual(said[:2], ["bad-request", wanted])

    def test_empty_publish_options_are_refused(self):
        """found C3"""
        said = self.ann.error(
            "set",
            f"<publish node='{self.node}'><item><x xmlns='urn:x'/></item></publish>"
            "<publish-options/>",
        )
        self.assertEqual(said[0], "bad-request")

    def test_a_payload_without_a_namespace_of_its_own_is_told_so(self):
        """found 24"""
        self.ann.create(self.node, type="urn:x")
        said = self.ann.error(
            "set", f"<publish node='{self.node}'><item><x/></item></publish>"
        )
        self.assertEqual(said[:2], ["bad-request", "invalid-payload"])
        self.assertIn("declares no namespace of its own", said[2])

    def test_options_compare_meanings(self):
        """found 19"""
        jids = f"ann@{DOMAIN}</value><value>bob@{DOMAIN}"
        self.ann.create(self.node, max_items="max", contact=jids, notify_retract="1")

        def publish(**fields):
            form = node_form(
                {f"pubsub#{name}": value for name, value in fields.items()}, "publish-options"
            )
            return self.ann.pubsub(
                "set",
                f"<publish node='{self.node}'><item id='i'><x xmlns='urn:x'/></item></publish>"
                f"<publish-options>{form}</publish-options>",
            )

        for good in (
            {"max_items": "1000000"},
            {"max_items": "max"},
            {"max_items": "01000000"},
            {"contact": f"bob@{DOMAIN}</value><value>ann@{DOMAIN}</value><value>BOB@{DOMAIN}"},
            {"notify_retract": "true"},
            {"item_expire": "max"},
            {"max_payload_size": "max"},
        ):
            answer = publish(**good)
            self.assertEqual(answer.get("type"), "result", f"{good}: {ET.tostring(answer)}")
        for bad, text in (
            ({"max_items": "999999"}, "max_items is max"),
            ({"contact": f"bob@{DOMAIN}"}, f"ann@{DOMAIN}, bob@{DOMAIN}"),
            ({"notify_retract": "0"}, "notify_retract is 1"),
        ):
            said = refusal(publish(**bad))
            self.assertEqual(said[:2], ["conflict", "precondition-not-met"], bad)
            self.assertIn(text, said[2])
        self.ann.configure(self.node, max_items="1000000")
        self.assertEqual(publish(max_items="max").get("type"), "result")

    def test_what_max_items_hides_can_be_taken_back(self):
        """found M15: and is handed to nobody any more."""
        self.ann.create(self.node, max_items="1")
        bob = self.log_in(self.who)
        bob.subscribe(self.node)
        bob.goodbye()
        for item in ("a", "b", "c"):
            self.ann.publish(self.node, item)
        self.assertEqual(list(self.ann.items(self.node)[0]), ["c"])
        self.ann.ok("set", f"<retract node='{self.node}'><item id='a'/></retract>")
        said = self.ann.error("set", f"<retract node='{self.node}'><item id='a'/></retract>")
        self.assertEqual(said[0], "item-not-found")
        self.assertEqual([item for _, item, _ in self.ann.archive(self.node)[0]], ["b", "c"])
        self.assertEqual(list(self.ann.items(self.node)[0]), ["c"])
        bob = self.log_in(self.who)
        self.assertEqual([bob.item()[0] for _ in range(2)], ["b", "c"])
        bob.quiet()
        bob.ok("set", f"<unsubscribe node='{self.node}' jid='{bob.bare}'/>")


class Payloads(OneServer):
    def test_what_was_told_without_its_payload_has_it_later(self):
        """found 17, XEP-0060 §6.5.6: by retrieval, archive, replay and as the last item."""
        node, names = self.node, ["a", "b", "c"]
        self.ann.create(node, deliver_payloads=0, send_last_published_item="on_sub")
        here, away = self.log_in(self.who + "-here"), self.log_in(self.who + "-away")
        for subscriber in (here, away):
            subscriber.subscribe(node)
        away.goodbye()
        for name in names:
            self.ann.publish(node, name)
            item, payload, _ = here.item()
            self.assertEqual((item, payload), (name, None))
        self.ann.configure(node, deliver_payloads=1)

        def text(payload):
            self.assertIsNotNone(payload)
            self.assertEqual(payload.tag, "{urn:x}x")
            return payload.text

        found, _ = here.items(node)
        self.assertEqual([(name, text(found[name])) for name in found], [(n, n) for n in names])
        found, _ = here.items(node, "<item id='b'/>")
        self.assertEqual([(name, text(found[name])) for name in found], [("b", "b")])
        found, _ = here.archive(node)
        self.assertEqual([(item, text(payload)) for _, item, payload in found],
                         [(n, n) for n in names])
        away = self.log_in(self.who + "-away")
        for name in names:
            item, payload, message = away.item()
            self.assertEqual((item, text(payload)), (name, name))
            self.assertIsNotNone(message.find("{urn:xmpp:delay}delay"))
        late = self.log_in(self.who + "-late")
        late.subscribe(node)
        item, payload, _ = late.item()
        self.assertEqual((item, text(payload)), ("c", "c"))
        for subscriber in (here, away, late):
            subscriber.quiet()


class Pages(OneServer):
    def rsm(self, inner):
        return f"<set xmlns='{RSM}'>{inner}</set>"

    def test_a_client_without_pages_gets_all_of_a_node_by_default(self):
        """found 15: and max_items counts beside pages."""
        self.ann.create(self.node)
        for number in range(600):
            self.ann.send(
                f"<iq type='set' id='p{number}' to='{BROKER}'><pubsub xmlns='{PUBSUB}'><publish "
                f"node='{self.node}'><item id='{number}'><x xmlns='urn:x'/></item></publish>"
                "</pubsub></iq>"
            )
        self.ann.ping()
        found, answer = self.ann.items(self.node)
        self.assertEqual(list(found), [str(number) for number in range(600)])
        self.assertIsNone(answer.find(f".//{{{RSM}}}set"))
        newest, answer = self.ann.items(self.node, "", " max_items='3'", "<max>2</max>")
        self.assertEqual(list(newest), ["597", "598"])
        self.assertEqual(cursors(answer)["count"], "3")
        rest, answer = self.ann.items(
            self.node, "", " max_items='3'", f"<max>2</max><after>{cursors(answer)['last']}</after>"
        )
        self.assertEqual(list(rest), ["599"])

    def test_a_cursor_is_good_until_retention_has_erased_behind_it(self):
        """found 18, M16: in the archive and in pages alike; ids say nothing of other nodes."""
        self.ann.create(self.node, max_items="max")
        for item in ("i1", "i2", "i3"):
            self.ann.publish(self.node, item)
        found, answer = self.ann.archive(self.node)
        last = cursors(answer)["last"]
        for cursor, _, _ in found:
            self.assertRegex(cursor, "^[0-9a-f]{32}$")
        self.assertEqual(len({cursor[:6] for cursor, _, _ in found}), 3)
        for item in ("i3", "i2", "i1"):
            self.ann.ok("set", f"<retract node='{self.node}'><item id='{item}'/></retract>")
        after = self.rsm(f"<after>{last}</after>")
        self.assertEqual(self.ann.archive(self.node, after)[0], [])
        field = (
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
            f"{MAM}</value></field><field var='after-id'><value>{last}</value></field></x>"
        )
        self.assertEqual(self.ann.archive(self.node, field)[0], [])
        self.assertEqual(self.ann.items(self.node, rsm=f"<after>{last}</after>")[0], {})
        self.ann.publish(self.node, "i4")
        self.assertEqual([item for _, item, _ in self.ann.archive(self.node, after)[0]], ["i4"])
        self.assertEqual(
            list(self.ann.items(self.node, rsm=f"<after>{last}</after>")[0]), ["i4"]
        )
        self.ann.ok("set", f"<purge node='{self.node}'/>", owner=True)
        self.ann.publish(self.node, "i5")
        self.assertEqual([item for _, item, _ in self.ann.archive(self.node, after)[0]], ["i5"])
        # A cursor that was never given out, one of another node, one of an older version.
        other = f"{self.node}-other"
        self.ann.create(other)
        self.ann.publish(other, "x")
        foreign = self.ann.archive(other)[0][0][0]
        for wrong in (foreign, "0" * 32, "1:12"):
            answer = self.ann.archive(self.node, self.rsm(f"<after>{wrong}</after>"))[1]
            self.assertEqual(refusal(answer)[0], "item-not-found", wrong)

    def test_order_is_refused_in_an_archive(self):
        """found C6"""
        self.ann.create(self.node)
        answer = self.ann.archive(
            self.node, "<order xmlns='urn:xmpp:order-by:1' by='creation'/>"
        )[1]
        self.assertEqual(refusal(answer)[0], "feature-not-implemented")


class Check(unittest.TestCase):
    def test_pages_that_are_shorter_than_a_node_are_a_warning(self):
        """found 15"""
        def check(*sets):
            command = [binary("gridd"), "--check", "--data", "/nonexistent/gridd-data"]
            done = subprocess.run(
                command + [word for one in sets for word in ("--set", one)],
                capture_output=True, text=True, timeout=60, check=False,
            )
            return done.stdout + done.stderr

        self.assertNotIn("page_max", check())
        said = check("pubsub.page_max=100")
        self.assertRegex(said, r"warning: .*pubsub\.page_max \(100\) is less than")
        self.assertNotIn("page_max", check("pubsub.page_max=100", "pubsub.max_items_default=100"))


class Forms(OneServer):
    def test_forms_have_no_empty_addresses(self):
        """found I1"""
        self.ann.create(self.node)
        for request in ("<default/>", f"<configure node='{self.node}'/>"):
            fields = self.fields(self.ann.ok("get", request, owner=True))
            self.assertIn("pubsub#contact", fields)
            for name, field in fields.items():
                kind = field.get("type")
                values = [value.text for value in field.findall(f"{DATA}value")]
                if kind.startswith("jid") or kind.endswith("-multi"):
                    self.assertNotIn(None, values, name)
                else:
                    self.assertEqual(len(values), 1, name)
        info = self.ann.ask(
            "get",
            f"<query xmlns='http://jabber.org/protocol/disco#info' node='{self.node}'/>",
        )
        for name, field in self.fields(info).items():
            if field.get("type", "").startswith("jid"):
                self.assertNotIn(None, [v.text for v in field.findall(f"{DATA}value")], name)

    def test_an_owner_as_address_for_replies_is_not_offered(self):
        """found M26"""
        fields = self.fields(self.ann.ok("get", "<default/>", owner=True))
        offered = [
            value.text for value in fields["pubsub#itemreply"].iter(f"{DATA}value")
        ]
        self.assertNotIn("owner", offered)
        self.ann.create(self.node)
        form = node_form({"pubsub#itemreply": "owner"})
        said = self.ann.error(
            "set", f"<configure node='{self.node}'>{form}</configure>", owner=True
        )
        self.assertEqual(said[0], "not-acceptable")

    def test_a_body_is_offered_where_payloads_have_a_text(self):
        """found M17"""
        self.ann.create(self.node)
        self.ann.create(self.node + "-atom", type=ATOM)
        for node, is_offered in ((self.node, False), (self.node + "-atom", True)):
            fields = self.fields(self.ann.ok("get", f"<default node='{node}'/>"))
            self.assertEqual("pubsub#include_body" in fields, is_offered, node)
        form = node_form({"pubsub#include_body": "1"}, "subscribe_options")
        said = self.ann.error(
            "set",
            f"<subscribe node='{self.node}' jid='{self.ann.bare}'/><options>{form}</options>",
        )
        self.assertEqual(said[1], "invalid-options")
        self.ann.subscribe(self.node + "-atom", include_body="1")
        self.ann.publish(
            self.node + "-atom", "a", f"<entry xmlns='{ATOM}'><title>Hello</title></entry>"
        )
        self.assertEqual(self.ann.item()[2].findtext("{jabber:client}body"), "Hello")


class Telling(OneServer):
    def test_one_message_for_several_matching_subscriptions(self):
        """found M13: live and late, with an id of its own."""
        topic = "Joint-1.0"
        answer = self.provide(
            self.ann,
            topic,
            "<filterSupport><attribute name='k' path='/x/@k'/></filterSupport>"
            "<serverSideFilter>true</serverSideFilter>",
        )
        self.assertEqual(answer.get("type"), "result", ET.tostring(answer))
        self.ann.configure(topic, access_model="open")
        bob = self.log_in(self.who)
        plain = bob.subscribe(topic)
        some = bob.subscribe(topic, filter="k = &apos;1&apos;")
        more = bob.subscribe(topic, filter="k in (&apos;1&apos;,&apos;2&apos;)")

        def check(late):
            for item, wanted in (("1", {plain, some, more}), ("2", {plain, more}), ("3", None)):
                got, payload, message = bob.item()
                self.assertEqual((got, payload.get("k")), (item, item))
                said = {header.text for header in message.iter(f"{SHIM}header")}
                if wanted is not None:
                    self.assertEqual(said, wanted, f"{item} late={late}")
                self.assertEqual(
                    message.find("{urn:xmpp:delay}delay") is not None, late, item
                )
                seen.append(message.get("id"))
                items = message.find(f"{{{EVENT}}}event/{{{EVENT}}}items")
                self.assertEqual(items.get("node"), topic)
            bob.quiet()

        seen = []
        for k in ("1", "2", "3"):
            self.ann.publish(topic, k, f"<x xmlns='urn:x' k='{k}'/>")
        check(late=False)
        bob.goodbye()
        for k in ("1", "2", "3"):
            self.ann.publish(topic, k, f"<x xmlns='urn:x' k='{k}'/>")
        bob = self.log_in(self.who)
        check(late=True)
        self.assertEqual(len(set(seen)), 6)

    def test_a_subscriber_is_told_of_the_state_that_it_changes_itself(self):
        """found C2: in all its sessions."""
        self.ann.create(self.node)
        one, two = self.log_in(self.who), self.log_in(self.who, "two")
        subid = one.subscribe(self.node)
        one.ok("set", f"<unsubscribe node='{self.node}' jid='{one.bare}'/>")
        for client in (one, two):
            for state in ("subscribed", "none"):
                told = client.message().find(f"{{{EVENT}}}event/{{{EVENT}}}subscription")
                self.assertEqual(
                    (told.get("node"), told.get("jid"), told.get("subid")),
                    (self.node, one.bare, subid),
                )
                self.assertEqual(told.get("subscription"), state)

    def test_what_a_stream_was_handed_is_not_told_again(self):
        """found M11: by logging out and in, and by toggling availability."""
        self.ann.create(self.node)
        bob = self.log_in(self.who)
        bob.subscribe(self.node)
        bob.subscribe(self.node, bob.full)
        toggles = (
            "<presence type='unavailable'/><presence/>",
            "<presence><priority>-1</priority></presence><presence/>",
        )
        for number, toggle in enumerate(toggles):
            self.ann.publish(self.node, f"a{number}")
            self.assertEqual({bob.item()[0] for _ in range(2)}, {f"a{number}"})
            for _ in range(3):
                bob.send(toggle)
            bob.quiet()
            self.ann.publish(self.node, f"b{number}")
            self.assertEqual([bob.item()[0] for _ in range(2)], [f"b{number}"] * 2)
            # Meanwhile something is missed, and comes once.
            bob.send(toggle[: toggle.rindex("<presence")])
            bob.ping()
            self.ann.publish(self.node, f"c{number}")
            bob.send("<presence/>")
            got = [bob.item()[0] for _ in range(2)]
            self.assertEqual(got, [f"c{number}"] * 2)
            bob.quiet()
        # Items read before it logged out are not told to the account's next stream either.
        self.ann.publish(self.node, "d")
        self.assertEqual({bob.item()[0] for _ in range(2)}, {"d"})
        bob.send("<presence type='unavailable'/>")
        bob.goodbye()
        bob = self.log_in(self.who)
        bob.quiet()

    def test_the_last_item_comes_with_presence_where_the_node_says_so(self):
        """found M10"""
        self.ann.create(self.node, send_last_published_item="on_sub_and_presence")
        self.ann.publish(self.node, "a")
        self.ann.publish(self.node, "b")
        bob = self.log_in(self.who)
        bob.subscribe(self.node)
        self.assertEqual(bob.item()[0], "b")   # on subscription
        bob.quiet()
        bob.goodbye()
        for _ in range(2):
            bob = self.log_in(self.who)
            item, _, message = bob.item()
            self.assertEqual(item, "b")
            self.assertIsNotNone(message.find("{urn:xmpp:delay}delay"))
            bob.quiet()
            bob.goodbye()
        self.ann.publish(self.node, "c")
        bob = self.log_in(self.who)
        self.assertEqual(bob.item()[0], "c")   # missed, and the last one: once
        bob.quiet()
        bob.ok("set", f"<unsubscribe node='{self.node}' jid='{bob.bare}'/>")

    def test_headlines_are_not_kept_for_those_who_are_away(self):
        """found M27"""
        self.ann.create(self.node, notification_type="headline")
        self.ann.create(self.node + "-normal")
        bob = self.log_in(self.who)
        bob.subscribe(self.node)
        bob.subscribe(self.node + "-normal")
        self.ann.publish(self.node, "a")
        item, _, message = bob.item()
        self.assertEqual((item, message.get("type")), ("a", "headline"))
        bob.goodbye()
        self.ann.publish(self.node, "b")
        self.ann.publish(self.node + "-normal", "c")
        bob = self.log_in(self.who)
        self.assertEqual(bob.item()[0], "c")
        bob.quiet()
        self.ann.publish(self.node, "d")
        self.assertEqual(bob.item()[0], "d")

    def test_retracts_and_expiry_are_for_the_filters_that_had_the_item(self):
        topic = "Ending-1.0"
        self.provide(
            self.ann,
            topic,
            "<filterSupport><attribute name='k' path='/x/@k'/></filterSupport>"
            "<serverSideFilter>true</serverSideFilter>",
        )
        self.ann.configure(topic, access_model="open", notify_retract="1")
        one, two = self.log_in("one"), self.log_in("two")
        one.subscribe(topic, filter="k = &apos;1&apos;")
        two.subscribe(topic, filter="k = &apos;2&apos;")

        def retracted(client):
            while True:
                found = client.message().find(f".//{{{EVENT}}}retract")
                if found is not None:
                    return found.get("id")

        def publish(prefix):
            for client, k in ((one, "1"), (two, "2")):
                self.ann.publish(topic, prefix + k, f"<x xmlns='urn:x' k='{k}'/>")
                self.assertEqual(client.item()[0], prefix + k)

        publish("a")
        for k in ("1", "2"):
            self.ann.ok("set", f"<retract node='{topic}' notify='1'><item id='a{k}'/></retract>")
        self.assertEqual([retracted(one), retracted(two)], ["a1", "a2"])
        for client in (one, two):
            client.ping()
            self.assertEqual(client.messages, [])
        publish("b")
        self.ann.configure(topic, item_expire="1")
        self.assertEqual([retracted(one), retracted(two)], ["b1", "b2"])
        for client in (one, two):
            client.ping()
            self.assertEqual(client.messages, [])

    def filtered(self, topic):
        self.provide(
            self.ann,
            topic,
            "<filterSupport><attribute name='k' path='/x/@k'/></filterSupport>"
            "<serverSideFilter>true</serverSideFilter>",
        )
        self.ann.configure(topic, access_model="open", notify_retract="1")
        return self.log_in(self.who)

    def test_an_end_is_told_once_to_several_subscriptions(self):
        topic = "Several-1.0"
        bob = self.filtered(topic)
        bob.subscribe(topic)
        for among in ("&apos;1&apos;", "&apos;1&apos;,&apos;2&apos;"):
            bob.subscribe(topic, filter=f"k in ({among})")

        def ends():
            bob.ping()
            found = [
                (end.tag.rpartition("}")[2], end.get("id"))
                for message in bob.messages
                for end in message.iter()
                if end.tag in (f"{{{EVENT}}}retract", f"{{{EVENT}}}purge")
            ]
            bob.messages.clear()
            return found

        for item in ("a", "b"):
            self.ann.publish(topic, item, "<x xmlns='urn:x' k='1'/>")
        bob.item()
        self.ann.ok("set", f"<retract node='{topic}'><item id='a'/></retract>")
        self.assertEqual(ends(), [("retract", "a")])
        self.ann.ok("set", f"<purge node='{topic}'/>", owner=True)
        self.assertEqual(ends(), [("purge", None)])

    def test_what_passed_a_filter_comes_though_the_filter_changes(self):
        topic = "Digested-1.0"
        bob = self.filtered(topic)
        digest = {"digest": "1", "digest_frequency": "86400000"}
        bob.subscribe(topic, filter="k = &apos;1&apos;", **digest)
        self.ann.publish(topic, "a", "<x xmlns='urn:x' k='1'/>")
        form = node_form({"x-grid#filter": "k = &apos;2&apos;"}, "subscribe_options")
        bob.ok("set", f"<options node='{topic}' jid='{bob.bare}'>{form}</options>")
        self.assertEqual(bob.item()[0], "a")
        bob.quiet()

    def test_what_another_live_provider_declared_stays(self):
        topic = "Shared-1.0"
        declared = (
            "<filterSupport><attribute name='ip' type='address' path='//ip'/></filterSupport>"
            "<subtopicLimit>5</subtopicLimit>"
        )
        self.assertEqual(self.provide(self.ann, topic, declared).get("type"), "result")
        bob = self.log_in(self.who)
        self.assertEqual(self.provide(bob, topic, declared).get("type"), "result")
        for wrong in (
            "<filterSupport><attribute name='ip' type='address' path='//else'/></filterSupport>",
            "<subtopicLimit>1</subtopicLimit>",
        ):
            answer = self.provide(bob, topic, wrong)
            self.assertEqual(answer.get("type"), "error", wrong)
            self.assertIn(f"ann@{DOMAIN}", ET.tostring(answer, encoding="unicode"))
        more = "<filterSupport><attribute name='host' type='string'/></filterSupport>"
        self.assertEqual(self.provide(bob, topic, more).get("type"), "result")


class LastPublished(OneServer):
    settings = {"pubsub.last_published": "true"}

    def test_new_nodes_send_their_last_item_and_the_broker_says_so(self):
        """XEP-0060 §6.1.7, §12.2"""
        answer = self.ann.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
        features = {one.get("var") for one in answer[0]}
        self.assertIn(f"{PUBSUB}#last-published", features)
        self.ann.create(self.node)
        self.ann.create(self.node + "-never", send_last_published_item="never")
        bob = self.log_in(self.who)
        for node in (self.node, self.node + "-never"):
            for item in ("a", "b"):
                self.ann.publish(node, item)
            bob.subscribe(node)
        self.assertEqual(bob.item()[0], "b")   # on subscription
        bob.quiet()
        bob.goodbye()
        bob = self.log_in(self.who)
        self.assertEqual(bob.item()[0], "b")   # with presence
        bob.quiet()


class Away(OneServer):
    """Who is away hears at the next login what became of its subscriptions."""

    def answer(self, node, jid, is_allowed):
        fields = {
            "pubsub#node": node, "pubsub#subscriber_jid": jid, "pubsub#allow": int(is_allowed)
        }
        form = node_form(fields, "subscribe_authorization")
        self.ann.send(f"<message to='{BROKER}'>{form}</message>")
        self.ann.ping()

    def test_ends_denials_approvals_and_deletions(self):
        bob = self.log_in(self.who)
        names = {name: f"away-{name}" for name in ("ended", "banned", "deleted", "no", "yes")}
        for name, node in names.items():
            self.ann.create(node, access_model="authorize" if name in ("no", "yes") else "open")
            bob.subscribe(node)
        bob.goodbye()
        self.ann.ok(
            "set",
            f"<subscriptions node='{names['ended']}'><subscription jid='{bob.bare}' "
            "subscription='none'/></subscriptions>",
            owner=True,
        )
        self.ann.ok(
            "set",
            f"<affiliations node='{names['banned']}'><affiliation jid='{bob.bare}' "
            "affiliation='outcast'/></affiliations>",
            owner=True,
        )
        self.answer(names["no"], bob.bare, False)
        self.answer(names["yes"], bob.bare, True)
        self.ann.ok("set", f"<delete node='{names['deleted']}'/>", owner=True)
        time.sleep(1)    # records of a deleted node are erased in the background
        wanted = {
            (names["ended"], "none"),
            (names["banned"], "none"),
            (names["no"], "none"),
            (names["yes"], "subscribed"),
            (names["deleted"], "delete"),
        }
        bob = self.log_in(self.who)
        told = set()
        while told != wanted:
            event = bob.message().find(f"{{{EVENT}}}event")
            if event is None:
                continue
            said = event[0]
            kind = said.get("subscription") or said.tag.rpartition("}")[2]
            told.add((said.get("node"), kind))
            self.assertLessEqual(told, wanted)
        bob.quiet()

    def test_an_end_of_which_no_event_reaches_the_account(self):
        """Those for a bare address do not go to a negative priority (RFC 6121 §8.5.2.1)."""
        bob = self.log_in(self.who)
        self.ann.create(self.node)
        bob.subscribe(self.node)
        bob.message()   # of the new state
        bob.send("<presence><priority>-1</priority></presence>")
        bob.ping()
        self.ann.ok(
            "set",
            f"<subscriptions node='{self.node}'><subscription jid='{bob.bare}' "
            "subscription='none'/></subscriptions>",
            owner=True,
        )
        told = bob.message().find(f"{{{EVENT}}}event")[0]
        self.assertEqual((told.get("node"), told.get("subscription")), (self.node, "none"))
        bob.goodbye()
        bob = self.log_in(self.who)
        bob.quiet()   # the end was told


if __name__ == "__main__":
    unittest.main()
