# tests/integration/test_scenario.py: registration, publishing and subscribing in their order.
"""A publisher and a subscriber, both slixmpp, and an administrator, over the real program. Each
step leaves the grid as the next one finds it."""

import asyncio
import os
import unittest
import xml.etree.ElementTree as ET

from slixmpp.exceptions import IqError

from grid_protocol import (
    GI,
    answer_queries,
    find,
    gi,
    init_publish,
    is_authorized,
    texts,
    xgrid,
)
from gridd import BROKER, DOMAIN, Operated
from raw import Raw
from revoking import RevokingAuthority, serial_of, set_up
from stock import SECONDS, Client, LoginFailed

TOPIC = "SessionCapability-1.0"
SERVICE = "com.domain.ise.session.SessionQuery"
SESSION = "urn:session:1"
QUERY = "<SessionQuery xmlns='com.domain.ise.session'/>"
TAG = "{com.domain.ise.session}SessionQuery"

SUPPORT = (
    "<filterSupport><attribute name='location' type='string' match='eq in' "
    "path='/session/@location'/></filterSupport><subtopicLimit>8</subtopicLimit>"
)
CAPABILITY = "<capability><name>SessionCapability</name><version>1.0</version></capability>"

POLICY = """\
allow group publishers to discover, create, publish, subscribe on SessionCapability-*
allow group publishers to publish on service com.domain.ise.session.*
allow group readers to discover, subscribe, retrieve, query on SessionCapability-*
allow group guests to discover on any
"""


def session(location):
    return ET.fromstring(f"<session xmlns='{SESSION}' location='{location}'/>")


class Scenario(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.server = Operated(
            POLICY,
            {
                # Figure 4 by itself, for those whose certificate says enough.
                "accounts.approve": "o=Example Corp; group=readers -> readers",
                "controller.subtopic_grace_seconds": "0",
            },
        )
        self.addCleanup(self.server.close)
        self.root = RevokingAuthority(os.path.join(self.server.folder, "root"))
        set_up(self.server, self.root)
        self.list = os.path.join(self.server.folder, "revoked.crl")
        self.root.crl(self.list)
        self.server.settings["tls.crl"] = self.list
        self.server.start()
        self.bundles = {}

    async def log_in(self, name, resource="test", presence=True):
        if name not in self.bundles:
            organization = "Example Corp" if name == "asa" else None
            self.bundles[name] = self.root.client(f"{name}@{DOMAIN}", organization=organization)
        client = Client(self.bundles[name], resource)
        await client.login(self.server.c2s, presence=presence)
        self.addCleanup(client.drop)
        return client

    async def refused(self, condition, awaitable):
        with self.assertRaises(IqError) as caught:
            await awaitable
        self.assertEqual(caught.exception.condition, condition)

    async def state(self, client):
        return texts(await gi(client, "AccountQuery", "<status/>"))

    async def test_s29_s30_s31_s32_s36_s38_s39_s41_s46_s61_s80_s83_the_sequences_in_order(self):
        ise = await self.register_and_approve("ise", "publishers")
        asa = await self.register_by_itself("asa", "readers")
        await self.authorize_publisher(ise, asa)
        await self.authorize_subscriber(ise, asa)
        await self.publish(ise, asa)
        subtopic = await self.subscribe_with_filter(ise, asa)
        await self.publish_to_who_filters(ise, asa, subtopic)
        await self.clean_up(ise, asa, subtopic)
        await self.directed_query(ise, asa)
        await self.change_of_group(ise, asa)
        await self.revocation_while_connected(ise)

    async def register_and_approve(self, name, group):
        """Figure 4: certificate, register, approval by a person, login; before that nothing."""
        client = await self.log_in(name, presence=False)
        self.assertEqual((await self.state(client))["state"], ["init"])
        await self.refused("registration-required", client["xep_0060"].get_nodes(jid=BROKER))
        await self.refused("registration-required", gi(client, "AccountQuery", "<login/>"))
        wish = f"<register><param name='group'>{group}</param></register>"
        answer = await gi(client, "AccountQuery", wish, "set")
        self.assertEqual(next(answer.iter("account")).get("state"), "pending")
        await self.refused("registration-required", init_publish(client, TOPIC))
        shown = self.server.admin_json("accounts", "show", f"{name}@{DOMAIN}")
        self.assertEqual((shown["state"], shown["wished_groups"]), ("pending", [group]))
        self.server.admin_ctl("accounts", "approve", f"{name}@{DOMAIN}", "--group", group)
        self.assertEqual((await self.state(client))["state"], ["enabled"])
        await client.leave()
        client = await self.log_in(name)
        await gi(client, "AccountQuery", "<login/>")
        found = await self.state(client)
        self.assertEqual((found["state"], found["group"]), (["enabled"], [group]))
        return client

    async def register_by_itself(self, name, group):
        """The same without a person, where a rule says so."""
        client = await self.log_in(name, presence=False)
        wish = f"<register><param name='group'>{group}</param></register>"
        answer = await gi(client, "AccountQuery", wish, "set")
        self.assertEqual(next(answer.iter("account")).get("state"), "enabled")
        await client.leave()
        client = await self.log_in(name)
        self.assertEqual((await self.state(client))["group"], [group])
        return client

    async def authorize_publisher(self, ise, asa):
        """Figure 10: the topic is made, the publisher added; who may not publish is not."""
        await self.refused("forbidden", init_publish(asa, TOPIC))
        answer = await init_publish(
            ise,
            TOPIC,
            f"<query name='{SERVICE}'/><schema namespace='{SESSION}' location='x.xsd'/>{SUPPORT}",
        )
        self.assertEqual(answer["topicName"], [TOPIC])
        self.assertEqual(await find(asa, SERVICE), [ise.boundjid.full])

    async def authorize_subscriber(self, ise, asa):
        """Figure 3, the subscriber's half: added to the topic, and told who publishes."""
        answer = await xgrid(
            asa, f"<subscribeRequest>{CAPABILITY}</subscribeRequest>", "get"
        )
        found = texts(answer)
        self.assertEqual((found["topicName"], found["jid"]), ([TOPIC], [ise.boundjid.full]))

    async def publish(self, ise, asa):
        """The data plane: broker to subscriber, the controller is out of it."""
        await ise["xep_0060"].publish(BROKER, TOPIC, id="1", payload=session("SJC"))
        node, items, message = await asa.next_items()
        self.assertEqual((node, items[0][0], message.get("from")), (TOPIC, "1", BROKER))
        await self.refused(
            "forbidden", asa["xep_0060"].publish(BROKER, TOPIC, payload=session("SJC"))
        )

    async def subtopic_notification(self, client, action):
        while True:
            message = await client.next_message()
            for found in message.iter(f"{{{GI}}}SubtopicNotification"):
                self.assertEqual(found.get("action"), action)
                return texts(found)

    async def told_of_subscription(self, client, node, state):
        """XEP-0060 section 12.14: a subscriber is told of its own state, too."""
        while True:
            message = await client.next_message()
            for found in message.iter("{http://jabber.org/protocol/pubsub#event}subscription"):
                if (found.get("node"), found.get("subscription")) == (node, state):
                    return

    async def subscribe_with_filter(self, ise, asa):
        """Figure 9: translate, validate, make the subtopic, tell the publisher."""
        await xgrid(asa, f"<unsubscribeRequest>{CAPABILITY}</unsubscribeRequest>")
        await self.told_of_subscription(asa, TOPIC, "none")
        request = f"<subscribeRequest>{CAPABILITY}<filter>%s</filter></subscribeRequest>"
        await self.refused("bad-request", xgrid(asa, request % "<eq attribute='color'>red</eq>"))
        answer = texts(await xgrid(asa, request % "<eq attribute='location'>SJC</eq>"))
        subtopic = answer["subtopicName"][0]
        self.assertTrue(subtopic.startswith(TOPIC + "/"))
        told = await self.subtopic_notification(ise, "created")
        self.assertEqual((told["topicName"], told["subtopicName"]), ([TOPIC], [subtopic]))
        # Figure 10: who registers now hears of it in the answer.
        again = await init_publish(ise, TOPIC)
        self.assertEqual((again["name"], again["filter"]), ([subtopic], ["location = 'SJC'"]))
        return subtopic

    async def publish_to_who_filters(self, ise, asa, subtopic):
        """The main topic always; each subtopic whose filter matches."""
        await ise["xep_0060"].publish(BROKER, TOPIC, id="london", payload=session("LON"))
        await asa.silence()
        for node in (TOPIC, subtopic):
            await ise["xep_0060"].publish(BROKER, node, id="sanjose", payload=session("SJC"))
        _, items, _ = await asa.next_items()
        self.assertEqual([one for one, _ in items], ["sanjose"])
        await asa.silence()

    async def clean_up(self, ise, asa, subtopic):
        """The last subscriber goes, so does the subtopic, and the publisher hears of it."""
        await xgrid(
            asa,
            f"<unsubscribeRequest>{CAPABILITY}<subtopicName>{subtopic}</subtopicName>"
            "</unsubscribeRequest>",
        )
        told = await self.subtopic_notification(ise, "deleted")
        self.assertEqual(told["subtopicName"], [subtopic])
        await self.refused(
            "item-not-found", ise["xep_0060"].publish(BROKER, subtopic, payload=session("SJC"))
        )
        self.assertNotIn("name", await init_publish(ise, TOPIC))
        await xgrid(asa, f"<subscribeRequest>{CAPABILITY}</subscribeRequest>")

    async def directed_query(self, ise, asa):
        """Figure 5: the provider asks about the requester before it answers."""
        guest = await self.register_and_approve("guest", "guests")
        answer_queries(ise, TAG, "<SessionQuery xmlns='com.domain.ise.session'/>")
        for client, may in ((asa, True), (guest, False)):
            value, _, identity = await is_authorized(
                ise, identity=client.boundjid.full, service=SERVICE, operation="query"
            )
            self.assertEqual((value, identity), (may, client.boundjid.bare))
        answer = await asa.send_iq(ise.boundjid.full, "get", QUERY)
        self.assertIsNotNone(answer.find(TAG))
        await self.refused("forbidden", guest.send_iq(ise.boundjid.full, "get", QUERY))

    async def change_of_group(self, ise, asa):
        """S39: the client is logged off; what its group no longer allows is gone at once."""
        ended = asa.disconnected
        self.server.admin_ctl("accounts", "groups", asa.boundjid.bare, "guests")
        await asyncio.wait_for(ended, SECONDS)
        self.assertIn("reset", asa.stream_errors)
        asa = await self.log_in("asa")
        self.assertEqual((await self.state(asa))["group"], ["guests"])
        await self.refused("forbidden", asa.send_iq(ise.boundjid.full, "get", QUERY))
        await ise["xep_0060"].publish(BROKER, TOPIC, id="2", payload=session("SJC"))
        await asa["xep_0199"].send_ping(DOMAIN)
        await asyncio.sleep(0.3)
        while not asa.messages.empty():
            message = asa.messages.get_nowait()
            items = list(message.iter("{http://jabber.org/protocol/pubsub#event}items"))
            self.assertEqual(items, [], ET.tostring(message))
        self.server.admin_ctl("accounts", "disable", asa.boundjid.bare)
        with self.assertRaises(LoginFailed):
            await self.log_in("asa")

    async def revocation_while_connected(self, ise):
        """A list comes that names the publisher's certificate: its stream ends, it stays out."""
        ended = ise.disconnected
        self.root.crl(self.list, [serial_of(self.bundles["ise"])])
        await asyncio.wait_for(ended, SECONDS)
        self.assertIn("reset", ise.stream_errors)
        with Raw(self.server.c2s, DOMAIN) as again:
            again.starttls(self.bundles["ise"])
            again.open()
            self.assertIn("<not-authorized", again.authenticate())
        guest = await self.log_in("guest", "after")
        self.assertEqual(await find(guest, SERVICE), [])


if __name__ == "__main__":
    unittest.main()
