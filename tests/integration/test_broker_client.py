# tests/integration/test_broker_client.py: the 18 requests of xmpp-grid-broker, verbatim.
"""What that client, in the field since 2018, reads from each answer is there: where it is missing,
the client breaks. Writes come as iq of type get, booleans as 1 and 0, forms without FORM_TYPE."""

import unittest
import xml.etree.ElementTree as ET

from broker_client import DATA, DISCO_INFO, OWNER, PUBSUB, RSM, BrokerClient, form, tag
from gridd import ADMIN, BROKER, DOMAIN
from raw import Raw

OTHER = f"platform@{DOMAIN}"

# The client's start guard: when one of these is missing, it stops with "Configuration Problem".
GUARD = """access-open collections config-node create-and-configure create-nodes delete-nodes
get-pending instant-nodes item-ids meta-data modify-affiliations manage-subscriptions
multi-subscribe outcast-affiliation persistent-items presence-notifications publish
publisher-affiliation purge-nodes retract-items retrieve-affiliations retrieve-default
retrieve-items retrieve-subscriptions subscribe subscription-options""".split()

COMPAT = {
    "pubsub.compat.write_by_get": "true",
    "pubsub.compat.advertise": "access-open,presence-notifications",
    "pubsub.compat.empty_set": "true",
}


class Discovery(BrokerClient):
    """Requests 1 to 3, and 17."""

    settings = COMPAT

    def test_1_the_start_guard_finds_its_26_features(self):
        answer = self.works("get", f'<query xmlns="{DISCO_INFO}"/>')
        offered = {feature.get("var") for feature in answer.iter(tag(DISCO_INFO, "feature"))}
        missing = [name for name in GUARD if f"{PUBSUB}#{name}" not in offered]
        self.assertEqual(missing, [])
        self.assertEqual(len(GUARD), 26)

    def test_2_the_topics_by_pages(self):
        items, rsm = self.page()
        self.assertEqual(items, [])
        for number in range(120):
            self.create(f"t{number:03}", ("pubsub#node_type", "leaf"))
        seen, after, pages = [], None, 0
        while True:   # as the client does
            items, rsm = self.page(after=after)
            self.assertLessEqual(len(items), 50)
            self.assertEqual({item.get("jid") for item in items}, {BROKER})
            seen += [item.get("node") for item in items]
            pages += 1
            first = rsm.find(tag(RSM, "first"))
            count = int(rsm.find(tag(RSM, "count")).text)
            after = rsm.find(tag(RSM, "last")).text
            if not int(first.get("index")) + 50 < count:
                break
        self.assertEqual((count, pages), (120, 3))
        self.assertEqual(sorted(seen), [f"t{number:03}" for number in range(120)])

    def test_2_the_root_has_collections_and_orphans_only(self):
        self.create("C", ("pubsub#node_type", "collection"))
        self.create("inside", ("pubsub#node_type", "leaf"), ("pubsub#collection", "C"))
        self.create("orphan", ("pubsub#node_type", "leaf"))
        items, _ = self.page()
        self.assertEqual(sorted(item.get("node") for item in items), ["C", "orphan"])
        items, rsm = self.page("C")
        self.assertEqual([item.get("node") for item in items], ["inside"])
        self.assertEqual(rsm.find(tag(RSM, "count")).text, "1")

    def test_3_a_node_its_kind_and_its_parents(self):
        self.create("C", ("pubsub#node_type", "collection"))
        self.create("D", ("pubsub#node_type", "collection"))
        for node, parents in (("none", []), ("one", ["C"]), ("two", ["C", "D"])):
            fields = [("pubsub#collection", *parents)] if parents else []
            self.create(node, ("pubsub#node_type", "leaf"), ("pubsub#title", "Title"), *fields)
            query = self.works("get", f'<query xmlns="{DISCO_INFO}" node="{node}"/>')[0]
            self.assertEqual(query.get("node"), node)
            identity = query.find(tag(DISCO_INFO, "identity"))
            self.assertEqual((identity.get("category"), identity.get("type")), ("pubsub", "leaf"))
            data = query.find(tag(DATA, "x"))
            self.assertIsNotNone(data, ET.tostring(query))
            field = data.find(f"{tag(DATA, 'field')}[@var='pubsub#collection']")
            if not parents:
                continue
            values = [value.text for value in field.findall(tag(DATA, "value"))]
            self.assertEqual(sorted(values), parents)
            # Any other pairing of type and number gives the client an array where it wants a text.
            kinds = (None, "text-single") if len(parents) == 1 else ("text-multi",)
            self.assertIn(field.get("type"), kinds, ET.tostring(field))
        query = self.works("get", f'<query xmlns="{DISCO_INFO}" node="C"/>')[0]
        self.assertEqual(query.find(tag(DISCO_INFO, "identity")).get("type"), "collection")
        self.assertIsNotNone(query.find(tag(DATA, "x")))

    def test_17_items_of_a_leaf(self):
        self.create("leaf", ("pubsub#node_type", "leaf"))
        self.page("leaf")   # with its set, though nothing is there
        published = {self.publish_by_get("leaf") for _ in range(3)}
        items, rsm = self.page("leaf")
        self.assertEqual({item.get("name") for item in items}, published)
        self.assertEqual({item.get("jid") for item in items}, {BROKER})
        self.assertEqual([item.get("node") for item in items], [None] * 3)
        self.assertEqual(rsm.find(tag(RSM, "count")).text, "3")


class Nodes(BrokerClient):
    """Requests 4 to 8."""

    settings = COMPAT

    def test_4_the_default_configuration(self):
        answer = self.works("get", self.owner("<default/>"))
        self.check_form(answer.find(f".//{tag(DATA, 'x')}"))

    def check_form(self, data):
        """A field without a name, or without a value to compare with, ends the client."""
        self.assertEqual(data.get("type"), "form")
        fields = data.findall(tag(DATA, "field"))
        self.assertGreater(len(fields), 15)
        for field in fields:
            self.assertNotEqual(field.get("type"), "fixed")
            self.assertTrue(field.get("var"), ET.tostring(field))
            self.assertIsNotNone(field.find(tag(DATA, "value")), ET.tostring(field))
        kinds = {field.get("var"): field.get("type") for field in fields}
        self.assertEqual(kinds["FORM_TYPE"], "hidden")
        self.assertEqual(kinds["pubsub#notify_config"], "boolean")
        self.assertEqual(kinds["pubsub#access_model"], "list-single")
        return {
            field.get("var"): [value.text for value in field.findall(tag(DATA, "value"))]
            for field in fields
        }

    def test_5_create_without_form_type_and_field_types(self):
        self.create("plain", ("pubsub#node_type", "leaf"))
        self.create("collected", ("pubsub#node_type", "collection"))
        changed = (("pubsub#deliver_payloads", "0"), ("pubsub#notify_config", "1"))
        self.create("quiet", *changed, form_type=PUBSUB + "#node_config")
        values = self.configuration("quiet")
        self.assertIn(values["pubsub#deliver_payloads"], (["0"], ["false"]))
        self.assertIn(values["pubsub#notify_config"], (["1"], ["true"]))
        self.assertEqual(self.configuration("collected")["pubsub#node_type"], ["collection"])

    def test_5_an_instant_node_is_named(self):
        fields = form(("pubsub#node_type", "leaf"), form_type=None)
        answer = self.works("set", self.pubsub(f"<create/><configure>{fields}</configure>"))
        node = answer.find(f"./{tag(PUBSUB, 'pubsub')}/{tag(PUBSUB, 'create')}").get("node")
        self.works("get", f'<query xmlns="{DISCO_INFO}" node="{node}"/>')

    def test_5_the_conditions_that_it_words(self):
        self.create("n", ("pubsub#node_type", "leaf"))
        self.fails("set", self.pubsub('<create node="n"/>'), "conflict")
        fields = form(("pubsub#access_model", "magic"), form_type=None)
        request = self.pubsub(f'<create node="m"/><configure>{fields}</configure>')
        self.fails("set", request, "not-acceptable")

    def configuration(self, node):
        answer = self.works("get", self.owner(f'<configure node="{node}"/>'))
        return self.check_form(answer.find(f".//{tag(DATA, 'x')}"))

    def test_6_and_7_configure_what_changed_and_look_again(self):
        self.create("n", ("pubsub#node_type", "leaf"))
        values = self.configuration("n")
        self.assertEqual(values["pubsub#node_type"], ["leaf"])
        changed = form(("pubsub#title", "New"), ("pubsub#persist_items", "1"),
                       ("pubsub#notify_retract", "0"))
        self.empty("set", self.owner(f'<configure node="n">{changed}</configure>'))
        again = self.configuration("n")
        self.assertEqual(again["pubsub#title"], ["New"])
        self.assertIn(again["pubsub#notify_retract"], (["0"], ["false"]))
        untouched = ("pubsub#max_items", "pubsub#access_model", "pubsub#publish_model")
        self.assertEqual([again[key] for key in untouched], [values[key] for key in untouched])
        wrong = form(("pubsub#max_items", "many"))
        request = self.owner(f'<configure node="n">{wrong}</configure>')
        self.fails("set", request, "not-acceptable")
        self.assertEqual(self.configuration("n"), again)

    def test_8_delete(self):
        self.create("n", ("pubsub#node_type", "leaf"))
        self.empty("set", self.owner('<delete node="n"/>'))
        self.fails("get", f'<query xmlns="{DISCO_INFO}" node="n"/>', "item-not-found")


class Entities(BrokerClient):
    """Requests 9 to 14: all for another JID than the administrator's own."""

    settings = COMPAT

    def setUp(self):
        super().setUp()
        self.create("n", ("pubsub#node_type", "leaf"))
        # An account is there once its owner has logged in.
        with Raw(self.server.c2s, DOMAIN) as platform:
            platform.login(self.server.authority.client(OTHER))

    def affiliations(self):
        answer = self.works("get", self.owner('<affiliations node="n"/>'))
        found = answer.findall(f".//{tag(OWNER, 'affiliation')}")
        self.assertGreater(len(found), 0)   # an empty list ends the client
        return {entry.get("jid"): entry.get("affiliation") for entry in found}

    def test_9_and_10_affiliations_of_every_kind(self):
        self.assertEqual(self.affiliations(), {ADMIN: "owner"})
        for kind in ("owner", "publisher", "publish-only", "member", "outcast", "none"):
            entry = f'<affiliation jid="{OTHER}" affiliation="{kind}"/>'
            self.empty("set", self.owner(f'<affiliations node="n">{entry}</affiliations>'))
            expected = {ADMIN: "owner", **({} if kind == "none" else {OTHER: kind})}
            self.assertEqual(self.affiliations(), expected)

    def subscribe(self):
        # An account that the policy does not know may receive nothing, whoever subscribes it.
        with Raw(self.server.c2s, DOMAIN) as other:
            other.login(self.server.authority.client(OTHER))
        entry = f'<affiliation jid="{OTHER}" affiliation="member"/>'
        self.empty("set", self.owner(f'<affiliations node="n">{entry}</affiliations>'))
        answer = self.works("set", self.pubsub(f'<subscribe node="n" jid="{OTHER}"/>'))
        entry = answer.find(f".//{tag(PUBSUB, 'subscription')}")
        self.assertEqual((entry.get("jid"), entry.get("subscription")), (OTHER, "subscribed"))

    def subscriptions(self):
        answer = self.works("get", self.owner('<subscriptions node="n"/>'))
        self.assertIsNotNone(answer.find(f".//{tag(OWNER, 'subscriptions')}"))
        return answer.findall(f".//{tag(OWNER, 'subscription')}")

    def test_11_to_13_subscriptions_of_another(self):
        self.assertEqual(self.subscriptions(), [])
        self.subscribe()
        (entry,) = self.subscriptions()
        self.assertEqual((entry.get("jid"), entry.get("subscription")), (OTHER, "subscribed"))
        # The client's link to the editor is /subscriptions/:jid/:subId.
        self.assertTrue(entry.get("subid"), ET.tostring(entry))
        self.works("set", self.pubsub(
            f'<unsubscribe node="n" jid="{OTHER}" subid="{entry.get("subid")}"/>'
        ))
        self.assertEqual(self.subscriptions(), [])

    def test_14_subscription_options_of_another(self):
        self.subscribe()
        (entry,) = self.subscriptions()
        where = f'<options node="n" jid="{OTHER}" subid="{entry.get("subid")}"'
        data = self.works("get", self.pubsub(where + "/>")).find(f".//{tag(DATA, 'x')}")
        self.assertEqual(data.get("type"), "form")
        options = {field.get("var") for field in data.findall(tag(DATA, "field"))}
        self.assertIn("pubsub#deliver", options)
        changed = form(("pubsub#deliver", "0"), form_type=PUBSUB + "#subscribe_options")
        self.works("set", self.pubsub(f"{where}>{changed}</options>"))
        data = self.works("get", self.pubsub(where + "/>")).find(f".//{tag(DATA, 'x')}")
        value = data.find(f"{tag(DATA, 'field')}[@var='pubsub#deliver']/{tag(DATA, 'value')}")
        self.assertIn(value.text, ("0", "false"))
        wrong = form(("pubsub#digest_frequency", "soon"), form_type=PUBSUB + "#subscribe_options")
        request = self.pubsub(f"{where}>{wrong}</options>")
        self.fails("set", request, "bad-request", "invalid-options")


class Items(BrokerClient):
    """Requests 15, 16 and 18: writes by iq of type get."""

    settings = COMPAT

    def ids(self):
        answer = self.works("get", self.pubsub('<items node="n"/>'))
        return [item.get("id") for item in answer.iter(tag(PUBSUB, "item"))]

    def test_15_16_and_18_publish_retract_and_purge_by_get(self):
        self.create("n", ("pubsub#node_type", "leaf"))
        first = self.publish_by_get("n", "<alert xmlns='urn:x:alert'>1</alert>")
        second = self.publish_by_get("n", "<alert xmlns='urn:x:alert'>2</alert>")
        answer = self.works("get", self.pubsub(f'<items node="n"><item id="{second}"/></items>'))
        (item,) = answer.iter(tag(PUBSUB, "item"))
        self.assertEqual(item.get("id"), second)
        self.assertEqual([child.text for child in item], ["2"])
        request = self.pubsub(f'<retract node="n"><item id="{first}"/></retract>')
        self.works("get", request)
        self.assertEqual(self.ids(), [second])
        self.works("get", self.owner('<purge node="n"/>'))
        self.assertEqual(self.ids(), [])


class Strict(BrokerClient):
    """Without the switches, which are off by default."""

    def test_writes_by_get_are_bad_requests_and_change_nothing(self):
        self.create("n", ("pubsub#node_type", "leaf"))
        item = "<item id='i'><alert xmlns='urn:x:alert'/></item>"
        publish = self.pubsub(f'<publish node="n">{item}</publish>')
        self.fails("get", publish, "bad-request")
        self.works("set", publish)
        self.fails("get", self.pubsub('<retract node="n"><item id="i"/></retract>'), "bad-request")
        self.fails("get", self.owner('<purge node="n"/>'), "bad-request")
        answer = self.works("get", self.pubsub('<items node="n"/>'))
        self.assertEqual([i.get("id") for i in answer.iter(tag(PUBSUB, "item"))], ["i"])

    def test_one_access_model_is_advertised(self):
        answer = self.works("get", f'<query xmlns="{DISCO_INFO}"/>')
        offered = [feature.get("var") for feature in answer.iter(tag(DISCO_INFO, "feature"))]
        models = [name for name in offered if "#access-" in name]
        self.assertEqual(models, [PUBSUB + "#access-whitelist"])
        self.assertIn(PUBSUB + "#presence-notifications", offered)


if __name__ == "__main__":
    unittest.main()
