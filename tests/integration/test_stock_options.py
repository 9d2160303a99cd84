# tests/integration/test_stock_options.py: options, approvals, collections by slixmpp's calls.
"""Subscription options, the ad-hoc command for pending subscriptions, XEP-0248."""

import unittest
import xml.etree.ElementTree as ET

from gridd import BROKER
from slixmpp.exceptions import IqError
from stock_pubsub import PUBSUB, StockPubsub, alert

SHIM = "{http://jabber.org/protocol/shim}"
GET_PENDING = PUBSUB + "#get-pending"


class Options(StockPubsub):
    """What the service offers by itself."""

    async def test_subscribe_with_options_and_change_them(self):
        await self.create("n")
        options = self.form("subscribe_options", deliver="0")
        await self.desk["xep_0060"].subscribe(BROKER, "n", options=options)
        await self.desk.next_message()   # the state of its subscription
        await self.pubsub.publish(BROKER, "n", id="unseen", payload=alert())
        await self.desk.silence()
        jid = self.desk.boundjid.bare
        answer = await self.desk["xep_0060"].get_subscription_options(BROKER, "n", jid)
        values = answer["pubsub"]["options"]["options"].get_values()
        self.assertEqual(values["pubsub#deliver"], False)
        # The library's call for changing them sends an iq of type get: see WithSwitches.
        await self.desk.send_iq(
            BROKER, "set",
            f"<pubsub xmlns='{PUBSUB}'><options node='n' jid='{jid}'>"
            + ET.tostring(self.form("subscribe_options", deliver="1").xml).decode()
            + "</options></pubsub>",
        )
        await self.pubsub.publish(BROKER, "n", id="seen", payload=alert())
        self.assertEqual((await self.desk.next_items())[1][0][0], "seen")
        default = await self.desk["xep_0060"].get_subscription_options(BROKER, "n")
        fields = {field.get("var"): field.findtext("{jabber:x:data}value")
                  for field in default.xml.iter("{jabber:x:data}field")}
        self.assertEqual(fields["pubsub#deliver"], "1")

    async def test_pending_subscriptions_by_the_ad_hoc_command(self):
        config = self.form("node_config", access_model="authorize")
        await self.pubsub.create_node(BROKER, "n", config=config)
        answer = await self.desk["xep_0060"].subscribe(BROKER, "n")
        self.assertEqual(answer["pubsub"]["subscription"]["subscription"], "pending")
        await self.owner.next_message()   # the request itself
        adhoc = self.owner["xep_0050"]
        commands = await adhoc.get_commands(BROKER)
        self.assertIn(GET_PENDING, {node for _, node, _ in commands["disco_items"]["items"]})
        answer = await adhoc.send_command(BROKER, GET_PENDING)
        command = answer["command"]
        self.assertEqual(command["status"], "executing")
        field = command["form"].field["pubsub#node"]
        self.assertEqual([option["value"] for option in field["options"]], ["n"])
        choice = self.form("subscribe_authorization", node="n")
        answer = await adhoc.send_command(
            BROKER, GET_PENDING, sessionid=command["sessionid"], payload=choice, action="execute"
        )
        self.assertEqual(answer["command"]["status"], "completed")
        again = await self.owner.next_message()
        fields = {f.get("var"): f.findtext("{jabber:x:data}value")
                  for f in again.iter("{jabber:x:data}field")}
        self.assertEqual(fields["pubsub#subscriber_jid"], self.desk.boundjid.bare)
        with self.assertRaises(IqError) as caught:
            await self.desk["xep_0050"].send_command(BROKER, GET_PENDING)
        self.assertEqual(caught.exception.condition, "forbidden")

    async def test_a_collection_and_what_is_published_beneath_it(self):
        blank = self.owner["xep_0004"].make_form(ftype="submit")
        await self.pubsub.create_node(BROKER, "all", config=blank, ntype="collection")
        await self.affiliate("all", "member")
        await self.create("leaf", collection="all")
        found = await self.pubsub.get_nodes(BROKER, "all")
        self.assertEqual([node for _, node, _ in found["disco_items"]["items"]], ["leaf"])
        options = self.form("subscribe_options", subscription_type="items",
                            subscription_depth="all")
        await self.desk["xep_0060"].subscribe(BROKER, "all", options=options)
        await self.pubsub.publish(BROKER, "leaf", id="a", payload=alert())
        node, items, message = await self.desk.next_items()
        self.assertEqual((node, items[0][0]), ("leaf", "a"))
        header = message.find(f"{SHIM}headers/{SHIM}header")
        self.assertEqual((header.get("name"), header.text), ("Collection", "all"))


class WithSwitches(StockPubsub):
    """slixmpp 1.8.3 changes subscription options by an iq of type get."""

    settings = {"pubsub.compat.write_by_get": "true"}

    async def test_set_subscription_options(self):
        await self.create("n")
        await self.desk["xep_0060"].subscribe(BROKER, "n")
        await self.desk.next_message()   # the state of its subscription
        options = self.form("subscribe_options", deliver="0")
        jid = self.desk.boundjid.bare
        await self.desk["xep_0060"].set_subscription_options(BROKER, "n", jid, options)
        await self.pubsub.publish(BROKER, "n", id="unseen", payload=alert())
        await self.desk.silence()


if __name__ == "__main__":
    unittest.main()
