# tests/integration/test_stock_pubsub.py: items, configuration and lists by slixmpp's own calls.
"""And what the library sends besides, such as max_items='' with every page."""

import unittest

from gridd import BROKER
from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0059 import Set
from slixmpp.plugins.xep_0060.stanza import Pubsub
from slixmpp.xmlstream import register_stanza_plugin
from stock_pubsub import PUBSUB, StockPubsub, alert


class Requests(StockPubsub):
    """One way and back."""

    async def test_items_all_some_and_by_pages(self):
        await self.create("n")
        expected = [f"i{number:02}" for number in range(25)]
        for number in expected:
            await self.pubsub.publish(BROKER, "n", id=number, payload=alert(number))
        self.assertEqual(self.ids(await self.pubsub.get_items(BROKER, "n")), expected)
        recent = await self.pubsub.get_items(BROKER, "n", max_items=3)
        self.assertEqual(self.ids(recent), expected[-3:])
        some = await self.pubsub.get_items(BROKER, "n", item_ids=["i03", "i20", "nowhere"])
        self.assertEqual(self.ids(some), ["i03", "i20"])
        one = await self.pubsub.get_item(BROKER, "n", "i07")
        self.assertEqual(one["pubsub"]["items"]["item"]["payload"].text, "i07")
        # slixmpp 1.8.3 forgets to tell its own classes that <pubsub/> may hold a <set/>.
        register_stanza_plugin(Pubsub, Set)
        pages = [self.ids(page) async for page in self.pubsub.get_items(BROKER, "n", iterator=True)]
        self.assertEqual(pages, [expected[:10], expected[10:20], expected[20:]])
        found = await self.owner["xep_0030"].get_items(BROKER, "n")
        self.assertEqual({name for _, _, name in found["disco_items"]["items"]}, set(expected))

    async def test_a_configuration_goes_round_with_every_field_of_the_form(self):
        await self.create("n")
        config = (await self.pubsub.get_node_config(BROKER, "n"))["pubsub_owner"]["configure"]
        form = config["form"]
        before = form.get_values()
        self.assertEqual(before["pubsub#access_model"], "whitelist")
        form["type"] = "submit"
        form.field["pubsub#title"]["value"] = "A new title"
        form.field["pubsub#max_items"]["value"] = "7"
        form.field["pubsub#notify_retract"]["value"] = False
        await self.pubsub.set_node_config(BROKER, "n", form)
        config = (await self.pubsub.get_node_config(BROKER, "n"))["pubsub_owner"]["configure"]
        changes = {"pubsub#title": "A new title", "pubsub#max_items": "7",
                   "pubsub#notify_retract": False}
        self.assertEqual(config["form"].get_values(), {**before, **changes})
        default = (await self.pubsub.get_node_config(BROKER))["pubsub_owner"]["default"]
        self.assertEqual(default["form"].get_values()["pubsub#persist_items"], True)

    async def test_affiliations_and_subscriptions_from_both_sides(self):
        await self.create("n")
        jid = self.desk.boundjid.bare
        await self.desk["xep_0060"].subscribe(BROKER, "n")
        mine = (await self.desk["xep_0060"].get_subscriptions(BROKER))["pubsub"]["subscriptions"]
        (mine,) = list(mine)
        self.assertEqual((mine["node"], mine["jid"]), ("n", jid))
        answer = await self.pubsub.get_node_subscriptions(BROKER, "n")
        (entry,) = list(answer["pubsub_owner"]["subscriptions"])
        self.assertEqual((entry["jid"], entry["subscription"]), (jid, "subscribed"))
        answer = await self.pubsub.get_node_affiliations(BROKER, "n")
        found = {str(e["jid"]): e["affiliation"] for e in answer["pubsub_owner"]["affiliations"]}
        self.assertEqual(found, {self.owner.boundjid.bare: "owner", jid: "member"})
        own = (await self.desk["xep_0060"].get_affiliations(BROKER))["pubsub"]["affiliations"]
        self.assertEqual([(e["node"], e["affiliation"]) for e in own], [("n", "member")])
        await self.desk["xep_0060"].unsubscribe(BROKER, "n", subid=mine["subid"])
        await self.pubsub.modify_subscriptions(BROKER, "n", subscriptions=[(jid, "subscribed")])
        await self.pubsub.publish(BROKER, "n", id="a", payload=alert())
        self.assertEqual((await self.desk.next_items())[1][0][0], "a")
        await self.pubsub.modify_subscriptions(BROKER, "n", subscriptions=[(jid, "none")])
        with self.assertRaises(IqError) as caught:
            await self.desk["xep_0060"].unsubscribe(BROKER, "n")
        self.assertEqual(caught.exception.condition, "unexpected-request")

    async def test_publish_options_retract_purge_and_delete(self):
        await self.create("n", persist_items="1")
        await self.desk["xep_0060"].subscribe(BROKER, "n")
        right = self.form("publish-options", persist_items="1", access_model="whitelist")
        await self.pubsub.publish(BROKER, "n", id="a", payload=alert(), options=right)
        wrong = self.form("publish-options", access_model="authorize")
        with self.assertRaises(IqError) as caught:
            await self.pubsub.publish(BROKER, "n", id="b", payload=alert(), options=wrong)
        self.assertEqual(caught.exception.condition, "conflict")
        self.assertEqual((await self.desk.next_items())[1][0][0], "a")
        await self.pubsub.retract(BROKER, "n", "a", notify="1")
        retracted = (await self.desk.next_message()).find(f".//{{{PUBSUB}#event}}retract")
        self.assertEqual(retracted.get("id"), "a")
        await self.pubsub.publish(BROKER, "n", payload=alert())
        await self.desk.next_items()
        await self.pubsub.purge(BROKER, "n")
        self.assertIsNotNone((await self.desk.next_message()).find(f".//{{{PUBSUB}#event}}purge"))
        await self.pubsub.delete_node(BROKER, "n")
        self.assertIsNotNone((await self.desk.next_message()).find(f".//{{{PUBSUB}#event}}delete"))
        with self.assertRaises(IqError) as caught:
            await self.pubsub.get_items(BROKER, "n")
        self.assertEqual(caught.exception.condition, "item-not-found")


if __name__ == "__main__":
    unittest.main()
