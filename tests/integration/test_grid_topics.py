# tests/integration/test_grid_topics.py: directory, registration, switch, over real streams.
"""What the Grid protocol says of topics, each time with its stock twin."""

import asyncio
import time
import xml.etree.ElementTree as ET

from grid_protocol import (
    DISCO_INFO,
    GridCase,
    find,
    find_by_disco,
    gi,
    init_publish,
    texts,
    xgrid,
)
from gridd import BROKER, CONTROLLER, DOMAIN
from stock import SECONDS

QUERY = "com.domain.ise.session.SessionQuery"
DECLARED = (
    f"<query name='{QUERY}'/><notification name='SessionNotification'/>"
    "<schema namespace='urn:session:1' location='https://x.example/s.xsd'/>"
)


def item(text="x"):
    return ET.fromstring(f"<session xmlns='urn:session:1'>{text}</session>")


def subscribe_request(topic):
    return f"<subscribeRequest><topicName>{topic}</topicName></subscribeRequest>"


class Directory(GridCase):
    policy = (
        f"allow client ise@{DOMAIN} any any\n"
        f"allow client asa@{DOMAIN} to discover, subscribe, retrieve on Session-*\n"
    )

    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.ise = await self.log_in("ise", "provider")
        self.asa = await self.log_in("asa")

    async def meta_data(self, client, topic):
        info = await client.send_iq(BROKER, "get", f"<query xmlns='{DISCO_INFO}' node='{topic}'/>")
        return {
            field.get("var"): [value.text or "" for value in field]
            for field in info.iter("{jabber:x:data}field")
        }

    async def test_s52_s53_s56_s57_a_topic_is_declared_listed_and_described(self):
        await init_publish(self.ise, "Session-1.0", DECLARED)
        await init_publish(self.ise, "Session-2.0")
        await init_publish(self.ise, "Secret-1.0")
        listed = texts(await xgrid(self.asa, "<getCapabilityListRequest/>", "get"))
        self.assertEqual(listed["name"], ["Session-1.0", "Session-2.0"])   # not the hidden one
        self.assertEqual(listed["version"], ["1.0", "2.0"])
        answer = await gi(self.asa, "DiscoveryQuery", "<list/>")
        self.assertEqual(
            [c.get("topic") for c in answer.iter("capability")], ["Session-1.0", "Session-2.0"]
        )
        nodes = await self.asa["xep_0060"].get_nodes(jid=BROKER)
        found = {entry[1] for entry in nodes["disco_items"]["items"]}
        self.assertEqual(found, {"Session-1.0", "Session-2.0"})
        answer = await gi(
            self.asa, "DiscoveryQuery", "<describe><param>Session-1.0</param></describe>"
        )
        capability = next(answer.iter("capability"))
        self.assertEqual(capability.get("version"), "1.0")
        self.assertEqual(capability.find("schema").get("namespace"), "urn:session:1")
        self.assertEqual(capability.find("query").get("name"), QUERY)
        self.assertEqual(capability.find("notification").get("name"), "SessionNotification")
        self.assertEqual(capability.find("provider").get("jid"), self.ise.boundjid.full)
        fields = await self.meta_data(self.asa, "Session-1.0")
        self.assertEqual(fields["x-grid#version"], ["1.0"])
        self.assertEqual(fields["x-grid#schema"], ["https://x.example/s.xsd"])
        self.assertEqual(fields["x-grid#queries"], [QUERY])
        self.assertEqual(fields["x-grid#notifications"], ["SessionNotification"])
        self.assertEqual(fields["pubsub#owner"], [f"ise@{DOMAIN}"])
        for topic in ("Secret-1.0", "Nothing-1.0"):
            await self.refused(
                "item-not-found",
                gi(self.asa, "DiscoveryQuery", f"<describe><param>{topic}</param></describe>"),
                "unknown-capability",
            )

    async def test_s54_one_topic_for_each_schema(self):
        for topic, schema in (("Session-1.0", "urn:session:1"), ("Session-2.0", "urn:other")):
            await init_publish(self.ise, topic, f"<schema namespace='{schema}'/>")
            await self.ise["xep_0060"].publish(
                BROKER, topic, payload=ET.fromstring(f"<a xmlns='{schema}'/>")
            )
            await self.refused(
                "bad-request",
                self.ise["xep_0060"].publish(
                    BROKER, topic, payload=ET.fromstring("<a xmlns='urn:third'/>")
                ),
            )

    async def test_s31_s32_s33_s47_s70_s71_rights_by_the_controller_and_data_by_the_broker(self):
        registered = await init_publish(self.ise, "Session-1.0")
        self.assertEqual(registered["topicName"], ["Session-1.0"])
        answer = await xgrid(self.asa, subscribe_request("Session-1.0"))
        self.assertEqual(texts(answer)["jid"], [self.ise.boundjid.full])
        await self.ise["xep_0060"].publish(BROKER, "Session-1.0", id="1", payload=item("one"))
        node, found, message = await self.asa.next_items()
        self.assertEqual((node, found[0][0], found[0][1].text), ("Session-1.0", "1", "one"))
        self.assertEqual(message.get("from"), BROKER)
        # A request that was not authorized neither registers nor publishes.
        await self.refused("forbidden", init_publish(self.asa, "Session-1.0"), "denied")
        await self.refused(
            "forbidden", self.asa["xep_0060"].publish(BROKER, "Session-1.0", payload=item())
        )
        await init_publish(self.ise, "Secret-1.0")
        await self.refused(
            "item-not-found", xgrid(self.asa, subscribe_request("Secret-1.0")), "unknown-capability"
        )

    async def test_s34_providers_are_found_while_they_are_registered(self):
        await self.refused("item-not-found", find(self.asa, QUERY), "unknown-capability")
        await init_publish(self.ise, "Session-1.0", DECLARED)
        second = await self.log_in("ise", "second", presence=False)
        await init_publish(second, "Session-1.0")
        both = sorted([self.ise.boundjid.full, second.boundjid.full])
        self.assertEqual(await find(self.asa, QUERY), both)
        self.assertEqual(await find_by_disco(self.asa, QUERY), both)
        orders = {
            next((await gi(
                self.asa, "DiscoveryQuery", f"<find><param>{QUERY}</param></find>"
            )).iter("item")).text
            for _ in range(40)
        }
        self.assertEqual(sorted(orders), both)   # the load is spread
        await xgrid(
            second,
            "<finishPublishRequest><capability><name>Session-1.0</name></capability>"
            "</finishPublishRequest>",
        )
        self.assertEqual(await find(self.asa, QUERY), [self.ise.boundjid.full])
        await self.ise.leave()
        deadline = time.monotonic() + SECONDS
        while await find(self.asa, QUERY) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        self.assertEqual(await find(self.asa, QUERY), [])   # no error: nobody is there
        self.assertEqual(await find_by_disco(self.asa, QUERY), [])
        # Coming back is not registering; being registered outlives no restart.
        self.ise = await self.log_in("ise", "provider")
        self.assertEqual(await find(self.asa, QUERY), [])
        await init_publish(self.ise, "Session-1.0")
        self.assertEqual(await find(self.asa, QUERY), [self.ise.boundjid.full])

    async def test_s44_streams_share_an_account_and_subscriptions_share_a_stream(self):
        second = await self.log_in("asa", "second")
        for topic in ("Session-1.0", "Session-2.0"):
            await init_publish(self.ise, topic)
            await xgrid(self.asa, subscribe_request(topic))   # of the account: every stream of it
        # One application subscribes for itself alone.
        await self.ise["xep_0060"].modify_affiliations(
            BROKER, "Session-1.0", affiliations=[(f"asa@{DOMAIN}", "member")]
        )
        await second["xep_0060"].subscribe(BROKER, "Session-1.0", bare=False)
        await self.ise["xep_0060"].publish(BROKER, "Session-1.0", id="1", payload=item())
        await self.ise["xep_0060"].publish(BROKER, "Session-2.0", id="2", payload=item())
        for client in (self.asa, second):
            nodes = set()
            while nodes != {"Session-1.0", "Session-2.0"}:
                nodes.add((await client.next_items())[0])
        for topic in ("Session-1.0", "Session-2.0"):
            await xgrid(
                self.asa,
                f"<unsubscribeRequest><topicName>{topic}</topicName></unsubscribeRequest>",
            )
        while not second.messages.empty():
            second.messages.get_nowait()
        await self.ise["xep_0060"].publish(BROKER, "Session-1.0", id="3", payload=item())
        self.assertEqual((await second.next_items())[1][0][0], "3")
        self.assertNotEqual(self.asa.boundjid.full, second.boundjid.full)

    async def test_s82_a_topic_is_disabled_and_enabled(self):
        await init_publish(self.ise, "Session-1.0")
        await xgrid(self.asa, subscribe_request("Session-1.0"))
        broker, asa = self.ise["xep_0060"], self.asa["xep_0060"]
        self.server.admin_ctl("topics", "disable", "Session-1.0")
        topics = self.server.admin_json("topics", "list")["topics"]
        self.assertEqual([topic["enabled"] for topic in topics], [False])
        for attempt in (
            broker.publish(BROKER, "Session-1.0", payload=item()),
            asa.subscribe(BROKER, "Session-1.0"),
            asa.get_items(BROKER, "Session-1.0"),
            xgrid(self.asa, subscribe_request("Session-1.0")),
        ):
            error = await self.refused("not-allowed", attempt)
            self.assertIn("disabled", error.iq["error"]["text"])
        self.assertEqual((await self.meta_data(self.asa, "Session-1.0"))["x-grid#enabled"], ["0"])
        # The switch stays so over a restart.
        self.server.kill9()
        self.server.start()
        self.ise = await self.log_in("ise", "provider")
        await self.refused(
            "not-allowed", self.ise["xep_0060"].publish(BROKER, "Session-1.0", payload=item())
        )
        self.server.admin_ctl("topics", "enable", "Session-1.0")
        await self.ise["xep_0060"].publish(BROKER, "Session-1.0", payload=item())

    async def test_s87_a_publish_to_the_controller_is_one_to_the_broker(self):
        await init_publish(self.ise, "Session-1.0")
        await xgrid(self.asa, subscribe_request("Session-1.0"))
        request = (
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='Session-1.0'>"
            "<item id='alias'><session xmlns='urn:session:1'/></item></publish></pubsub>"
        )
        answer = await self.ise.send_iq(CONTROLLER, "set", request)
        self.assertEqual(answer.get("from"), CONTROLLER)
        _, found, message = await self.asa.next_items()
        self.assertEqual((found[0][0], message.get("from")), ("alias", BROKER))
        # The same rights; and nothing else of the broker is there.
        await self.refused("forbidden", self.asa.send_iq(CONTROLLER, "set", request))
        await self.refused(
            "service-unavailable",
            self.ise.send_iq(
                CONTROLLER,
                "set",
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='x'/></pubsub>",
            ),
        )
