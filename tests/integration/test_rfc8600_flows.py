# tests/integration/test_rfc8600_flows.py: RFC 8600 §5–§6 with slixmpp, step by step (flows 1 to 5).
"""Publisher and subscriber are slixmpp with a certificate each; neither knows of gridd."""

import unittest
import xml.etree.ElementTree as ET

from slixmpp.exceptions import IqError

import iodef
from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from stock import Client

META_DATA = "http://jabber.org/protocol/pubsub#meta-data"


class Flows(unittest.IsolatedAsyncioTestCase):
    """A new server for each test: a flow starts from an empty grid."""

    async def asyncSetUp(self):
        self.server = Operated(EVERYTHING, {"accounts.auto_approve": "true"}).start()
        self.addCleanup(self.server.close)
        issue = self.server.authority.client
        self.provider_bundle = issue(f"datasource@{DOMAIN}")
        self.consumer_bundle = issue(f"xmpp-grid-client@{DOMAIN}")
        self.provider = await self.log_in(self.provider_bundle)
        self.consumer = await self.log_in(self.consumer_bundle)

    async def log_in(self, bundle, **options):
        client = Client(bundle)
        await client.login(self.server.c2s, **options)
        self.addAsyncCleanup(client.leave)
        return client

    async def create(self, node, **fields):
        form = self.provider["xep_0004"].make_form(ftype="submit")
        form.add_field(
            "FORM_TYPE", "hidden", value="http://jabber.org/protocol/pubsub#node_config"
        )
        fields.setdefault("type", iodef.NAMESPACE)
        for name, value in fields.items():
            form.add_field("pubsub#" + name, value=value)
        return await self.provider["xep_0060"].create_node(BROKER, node, config=form)

    async def let_in(self, node, bundle=None):
        bundle = bundle or self.consumer_bundle
        await self.provider["xep_0060"].modify_affiliations(
            BROKER, node, affiliations=[(bundle.jid, "member")]
        )

    async def subscribe(self, node):
        answer = await self.consumer["xep_0060"].subscribe(BROKER, node)
        return answer["pubsub"]["subscription"]

    async def publish(self, node, item, document):
        return await self.provider["xep_0060"].publish(
            BROKER, node, id=item, payload=ET.fromstring(document)
        )

    async def test_the_broker_is_found_by_service_discovery(self):
        items = await self.consumer["xep_0030"].get_items(jid=DOMAIN)
        addresses = [entry[0] for entry in items["disco_items"]["items"]]
        self.assertIn(BROKER, addresses)
        info = await self.consumer["xep_0030"].get_info(jid=BROKER)
        kinds = [entry[:2] for entry in info["disco_info"]["identities"]]
        self.assertIn(("pubsub", "service"), kinds)
        self.assertIn("http://jabber.org/protocol/pubsub", info["disco_info"]["features"])

    async def test_flow_1_topic_list(self):
        await self.create("NEA1", title="Endpoint Posture Information")
        await self.create("MILEHost", title="MILE Host Data")
        items = await self.consumer["xep_0060"].get_nodes(jid=BROKER)
        found = {entry[1]: entry for entry in items["disco_items"]["items"]}
        self.assertEqual(set(found), {"NEA1", "MILEHost"})
        self.assertEqual(found["MILEHost"][0], BROKER)
        self.assertEqual(found["MILEHost"][2], "MILE Host Data")

    async def test_flow_1_in_pages(self):
        for number in range(5):
            await self.create(f"topic{number}")
        answer = await self.consumer.send_iq(
            BROKER,
            "get",
            "<query xmlns='http://jabber.org/protocol/disco#items'>"
            "<set xmlns='http://jabber.org/protocol/rsm'><max>2</max></set></query>",
        )
        rsm = "{http://jabber.org/protocol/rsm}"
        self.assertEqual(len(answer.findall(".//{http://jabber.org/protocol/disco#items}item")), 2)
        self.assertEqual(answer.find(f".//{rsm}count").text, "5")
        self.assertEqual(answer.find(f".//{rsm}first").get("index"), "0")
        self.assertTrue(answer.find(f".//{rsm}last").text)

    async def test_flow_2_topic_data_names_the_type(self):
        await self.create("MILEHost")
        info = await self.consumer["xep_0030"].get_info(jid=BROKER, node="MILEHost")
        kinds = [entry[:2] for entry in info["disco_info"]["identities"]]
        self.assertIn(("pubsub", "leaf"), kinds)
        form = info.xml.find(".//{jabber:x:data}x")
        values = {
            field.get("var"): [value.text for value in field]
            for field in form.findall("{jabber:x:data}field")
        }
        self.assertEqual(values["FORM_TYPE"], [META_DATA])
        self.assertEqual(values["pubsub#type"], [iodef.NAMESPACE])

    async def test_flow_2_a_bare_node_has_the_field_and_learns_its_type(self):
        await self.provider["xep_0060"].create_node(BROKER, "bare")
        for expected in ("", iodef.NAMESPACE):
            info = await self.provider["xep_0030"].get_info(jid=BROKER, node="bare")
            field = info.xml.find(".//{jabber:x:data}field[@var='pubsub#type']")
            self.assertIsNotNone(field, "RFC 8600 §5: every node's disco#info has pubsub#type")
            self.assertEqual("".join(value.text or "" for value in field), expected)
            await self.publish("bare", "1", iodef.incident())

    async def test_flow_3_create_answers_with_an_empty_result(self):
        answer = await self.provider["xep_0060"].create_node(BROKER, "MILEHost")
        self.assertEqual(len(answer.xml), 0)
        with self.assertRaises(IqError) as caught:
            await self.provider["xep_0060"].create_node(BROKER, "MILEHost")
        self.assertEqual(caught.exception.condition, "conflict")

    async def test_flow_3b_create_with_the_configuration_of_the_rfc(self):
        await self.create(
            "MILEHost",
            access_model="authorize",
            persist_items="1",
            send_last_published_item="never",
        )
        config = await self.provider["xep_0060"].get_node_config(BROKER, "MILEHost")
        values = {
            field.get("var"): [value.text for value in field.findall("{jabber:x:data}value")]
            for field in config.xml.iter("{jabber:x:data}field")
        }
        self.assertEqual(values["pubsub#access_model"], ["authorize"])
        self.assertEqual(values["pubsub#persist_items"], ["1"])
        self.assertEqual(values["pubsub#send_last_published_item"], ["never"])

    async def test_flow_4_and_5_an_incident_arrives_unchanged(self):
        await self.create("MILEHost")
        await self.let_in("MILEHost")
        subscription = await self.subscribe("MILEHost")
        self.assertEqual(subscription["subscription"], "subscribed")
        self.assertEqual(subscription["jid"].bare, self.consumer_bundle.jid)
        document = iodef.incident(492382)
        await self.publish("MILEHost", "8bh1g27skbga47fh9wk7", document)
        node, items, message = await self.consumer.next_items()
        self.assertEqual(node, "MILEHost")
        self.assertEqual([item for item, _ in items], ["8bh1g27skbga47fh9wk7"])
        received = ET.tostring(items[0][1], encoding="unicode")
        self.assertEqual(iodef.canonical(received), iodef.canonical(document))
        self.assertEqual(message.get("from"), BROKER)
        self.assertTrue(message.get("id"))
        self.assertNotEqual(message.get("type"), "headline")
        stored = await self.consumer["xep_0060"].get_item(
            BROKER, "MILEHost", "8bh1g27skbga47fh9wk7"
        )
        payload = stored.xml.find(f".//{{{iodef.NAMESPACE}}}IODEF-Document")
        self.assertEqual(
            iodef.canonical(ET.tostring(payload, encoding="unicode")), iodef.canonical(document)
        )

    async def test_flow_5_prefixes_survive(self):
        await self.create("prefixed")
        document = iodef.incident_with_prefixes()
        with Raw(self.server.c2s, DOMAIN) as publisher:
            publisher.login(self.provider_bundle, "raw")
            publisher.send(
                f"<iq type='set' id='p' to='{BROKER}'>"
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='prefixed'>"
                f"<item id='1'>{document}</item></publish></pubsub></iq>"
            )
            publisher.expect(r"<iq\b[^>]*result")
            publisher.send(
                f"<iq type='get' id='g' to='{BROKER}'>"
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='prefixed'/>"
                "</pubsub></iq>"
            )
            found = publisher.expect(
                r"<item\b[^>]*>(<(?:\w+:)?IODEF-Document\b.*?IODEF-Document>)"
            )
        self.assertEqual(iodef.canonical_exact(found.group(1)), iodef.canonical_exact(document))

    async def test_flow_4_with_approval_by_the_owner(self):
        await self.create("asked", access_model="authorize")
        self.assertEqual((await self.subscribe("asked"))["subscription"], "pending")
        request = await self.provider.next_message()
        form = request.find("{jabber:x:data}x")
        self.assertIsNotNone(form, "XEP-0060 §8.6: the owner is asked by a form")
        fields = {field.get("var"): field for field in form.findall("{jabber:x:data}field")}
        self.assertEqual(fields["pubsub#node"][0].text, "asked")
        self.assertEqual(fields["pubsub#subscriber_jid"][0].text, self.consumer_bundle.jid)
        answer = self.provider.make_message(mto=BROKER)
        answer["id"] = request.get("id")
        reply = self.provider["xep_0004"].make_form(ftype="submit")
        for name, field in fields.items():
            values = [value.text for value in field.findall("{jabber:x:data}value")]
            value = "true" if name == "pubsub#allow" else (values or [""])[0]
            reply.add_field(name, field.get("type"), value=value)
        answer.append(reply)
        answer.send()
        for wanted in ("pending", "subscribed"):
            told = await self.consumer.next_message()
            self.assertEqual(told.find(".//*[@subscription]").get("subscription"), wanted)
        await self.publish("asked", "1", iodef.incident())
        _, items, _ = await self.consumer.next_items()
        self.assertEqual(items[0][0], "1")

    async def test_errors_of_each_step(self):
        await self.create("closed", access_model="whitelist")
        await self.publish("closed", "1", iodef.incident())
        pubsub = self.consumer["xep_0060"]
        document = ET.fromstring(iodef.incident())
        foreign = ET.fromstring("<other xmlns='urn:other'/>")
        cases = (
            (pubsub.subscribe(BROKER, "closed"), "not-allowed", "closed-node"),
            (pubsub.get_items(BROKER, "closed"), "not-allowed", "closed-node"),
            (pubsub.publish(BROKER, "closed", payload=document), "forbidden", None),
            (pubsub.subscribe(BROKER, "missing"), "item-not-found", None),
            (pubsub.publish(BROKER, "missing", payload=document), "item-not-found", None),
            (pubsub.delete_node(BROKER, "closed"), "forbidden", None),
            (
                self.provider["xep_0060"].publish(BROKER, "closed", payload=foreign),
                "bad-request",
                "invalid-payload",
            ),
        )
        for number, (request, condition, detail) in enumerate(cases):
            with self.subTest(number=number, condition=condition):
                with self.assertRaises(IqError) as caught:
                    await request
                self.assertEqual(caught.exception.condition, condition)
                if detail:
                    error = caught.exception.iq.xml.find("{jabber:client}error")
                    names = [child.tag.rpartition("}")[2] for child in error]
                    self.assertIn(detail, names)

    async def test_a_subscriber_who_was_away_gets_what_it_missed(self):
        # RFC 8600 §6: offline delivery, with the delay stamp of XEP-0203.
        await self.create("MILEHost")
        await self.let_in("MILEHost")
        await self.subscribe("MILEHost")
        await self.consumer.leave()
        for number in range(3):
            await self.publish("MILEHost", f"missed-{number}", iodef.incident(number))
        self.consumer = await self.log_in(self.consumer_bundle)
        for number in range(3):
            _, items, message = await self.consumer.next_items()
            self.assertEqual(items[0][0], f"missed-{number}")
            self.assertIsNotNone(message.find("{urn:xmpp:delay}delay"))
        await self.publish("MILEHost", "live", iodef.incident())
        _, items, message = await self.consumer.next_items()
        self.assertEqual(items[0][0], "live")
        self.assertIsNone(message.find("{urn:xmpp:delay}delay"))
        await self.consumer.silence()

    async def test_direct_tls_works_the_same(self):
        client = Client(self.consumer_bundle, resource="direct")
        await client.login(self.server.c2s_tls, direct_tls=True)
        info = await client["xep_0030"].get_info(jid=DOMAIN)
        self.assertIn(("server", "im"), [entry[:2] for entry in info["disco_info"]["identities"]])
        await client.leave()


if __name__ == "__main__":
    unittest.main()
