# tests/integration/test_personal.py: nodes of accounts (XEP-0163): who is told, who may read, how
# they end.
import asyncio
import unittest
import xml.etree.ElementTree as ET

from fan import Fan, version
from gridd import BROKER, DOMAIN, Operated
from person import INFO, address
from stanzas import PUBSUB, node_form, refusal
from stock import SECONDS, Client
from test_contacts import Case

MOOD, TUNE, NOTES = "urn:example:mood", "urn:example:tune", "urn:example:notes"
POLICY = """\
deny client mute to message any
allow group everyone to discover, create, publish, subscribe, retrieve on topics/*
allow group everyone to message any
"""
ABSENT = ["service-unavailable", ""]
BLOCK = "<block xmlns='urn:xmpp:blocking'><item jid='{}'/></block>"


class Accounts(Case):
    policy = POLICY

    def come(self, name, resource="one", wants=(), presence=True):
        if name not in self.bundles:
            self.account(name)
            self.bundles[name] = self.server.authority.client(address(name))
        fan = Fan(self.server, self.bundles[name], resource, wants, presence)
        self.addCleanup(fan.close)
        return fan

    def friends(self, first="ann", second="bob", wants=(MOOD,)):
        one, other = self.come(first), self.come(second, wants=wants)
        self.befriend(one, other, first, second)
        return one, other


class Events(Accounts):
    def test_the_own_resources_that_ask_are_told(self):
        ann = self.come("ann", "a", [MOOD])
        other, deaf = self.come("ann", "b", [MOOD, TUNE]), self.come("ann", "c", [TUNE])
        absent = self.come("ann", "d", presence=False)
        ann.has_published(MOOD, text="happy")
        for one in (ann, other):
            one.is_told("ann", MOOD, "happy")
        for one in (ann, other, deaf, absent):
            one.is_told_nothing()
        other.wants(TUNE)    # and no more
        ann.has_published(MOOD, text="sad")
        ann.is_told("ann", MOOD, "sad")
        other.is_told_nothing()

    def test_contacts_that_ask_are_told(self):
        ann, bob = self.friends()
        also, deaf = self.come("bob", "also", [MOOD]), self.come("bob", "deaf", [TUNE])
        stranger, admirer = self.come("cat", wants=[MOOD]), self.come("eve", wants=[MOOD])
        admirer.says("subscribe", "ann")
        admirer.sync()
        ann.has_published(MOOD, text="happy")
        for one in (bob, also):
            one.is_told("ann", MOOD, "happy")
        for one in (ann, bob, also, deaf, stranger, admirer):
            one.is_told_nothing()
        ann.says("subscribed", "eve")    # the node is there: its last item comes
        ann.sync()
        admirer.is_told("ann", MOOD, "happy", late=True)
        ann.has_published(MOOD, text="sad")
        admirer.is_told("ann", MOOD, "sad")
        bob.is_told("ann", MOOD, "sad")

    def test_an_end_of_the_subscription_or_a_block_is_one_of_events(self):
        ann, bob = self.friends()
        cat = self.come("cat", wants=[MOOD])
        self.befriend(ann, cat, "ann", "cat")
        ann.has_published(MOOD, text="one")
        bob.is_told("ann", MOOD, "one")
        cat.is_told("ann", MOOD, "one")
        ann.says("unsubscribed", "bob")
        ann.sync()
        blocked = ann.ask("set", BLOCK.format(address("cat")), ann.bare)
        self.assertEqual(blocked.get("type"), "result")
        ann.has_published(MOOD, text="two")
        bob.is_told_nothing()
        cat.is_told_nothing()
        for one in (bob, cat):
            self.assertEqual(one.refused_by("ann", "get", f"<items node='{MOOD}'/>"), ABSENT)
        unblock = "<unblock xmlns='urn:xmpp:blocking'/>"
        self.assertEqual(ann.ask("set", unblock, ann.bare).get("type"), "result")
        ann.has_published(MOOD, text="three")
        cat.is_told("ann", MOOD, "three")
        cat.ask("set", BLOCK.format(address("ann")), cat.bare)    # the reader's own list, too
        ann.has_published(MOOD, text="four")
        cat.is_told_nothing()

    def test_the_policy_has_its_say(self):
        mute, bob = self.friends("cat", "bob")
        mute.has_published(MOOD, text="heard")
        bob.is_told("cat", MOOD, "heard")
        self.set_policy("deny client cat to message any\n" + POLICY)
        mute.has_published(MOOD, text="unheard")
        bob.is_told_nothing()
        self.assertEqual(bob.refused_by("cat", "get", f"<items node='{MOOD}'/>"), ABSENT)

    def test_a_retract_and_the_end_of_a_node_are_told(self):
        ann, bob = self.friends()
        ann.has_published(MOOD, text="one")
        bob.is_told("ann", MOOD, "one")
        ann.done("set", f"<retract node='{MOOD}' notify='1'><item id='current'/></retract>")
        self.assertIn("retract", [child.tag.rpartition("}")[2] for child in bob.message().iter()])
        ann.done("set", f"<delete node='{MOOD}'/>", owner=True)
        self.assertIn("delete", [child.tag.rpartition("}")[2] for child in bob.message().iter()])
        self.assertEqual(ann.nodes(), [])


class LastItems(Accounts):
    def test_they_come_with_the_first_presence_that_asks(self):
        ann, bob = self.friends(wants=())
        ann.has_published(MOOD, text="happy")
        ann.has_published(TUNE, text="bolero")
        ann.has_published(NOTES, text="quiet",
                          options={"pubsub#send_last_published_item": "never"})
        later = self.come("bob", "later", [MOOD, NOTES])
        later.is_told("ann", MOOD, "happy", late=True)
        later.is_told_nothing()
        own = self.come("ann", "own", [TUNE])
        own.is_told("ann", TUNE, "bolero", late=True)
        later.says(inside="<show>away</show>")    # without a word of what it can do
        later.wants(MOOD)
        later.is_told("ann", MOOD, "happy", late=True)
        later.wants(MOOD, TUNE)
        later.is_told("ann", TUNE, "bolero", late=True)    # the client has not asked for it before
        later.is_told_nothing()
        bob.is_told_nothing()

        self.server.kill9()
        self.server.start()
        bob = self.come("bob", wants=[MOOD])
        bob.is_told("ann", MOOD, "happy", late=True)
        bob.is_told_nothing()

    def test_of_many_contacts_all_come(self):
        bob = self.come("bob", "first")
        names = [f"n{number}" for number in range(12)]
        for name in names:
            friend = self.come(name)
            self.befriend(friend, bob, name, "bob")
            for node in (MOOD, TUNE, NOTES):
                friend.has_published(node, text=name)
        later = self.come("bob", "later", [MOOD, TUNE, NOTES])
        got = []
        while len(got) < 36:
            message = later.message()
            items = message.find(f"{{{PUBSUB}#event}}event/{{{PUBSUB}#event}}items")
            self.assertEqual(address(items[0][0].text), message.get("from"))
            got.append((message.get("from"), items.get("node")))
        self.assertEqual(len(set(got)), 36)
        later.is_told_nothing()


class Capabilities(Accounts):
    def test_a_version_is_asked_for_once_and_believed_where_it_is_proved(self):
        self.server.stay()   # each member asks for itself
        ann = self.come("ann", "a", [MOOD])
        self.assertEqual(ann.questions, 1)
        other = self.come("ann", "b", [MOOD])
        self.assertEqual(other.questions, 0)    # known by now
        honest = version((INFO, TUNE + "+notify"))
        liar = self.come("eve", presence=False)
        liar.wants(NOTES, ver=honest)    # other features than the hash is of
        self.assertEqual(liar.questions, 1)
        victim = self.come("ann", "c", [TUNE])
        self.assertEqual(victim.questions, 1)
        for node in (TUNE, NOTES):
            victim.has_published(node, text=node)
        victim.is_told("ann", TUNE, TUNE)
        victim.is_told_nothing()
        liar.has_published(NOTES, text="own")    # of the client itself the answer holds
        liar.is_told("eve", NOTES, "own")
        modern = self.come("ann", "d", presence=False)
        modern.wants(MOOD, hash_name="sha-256")
        old = self.come("ann", "e", presence=False)
        old.wants(MOOD, ver="1.0", hash_name="md5")    # no hash that is known here
        ann.has_published(MOOD, text="happy")
        for one in (ann, other, modern, old):
            one.is_told("ann", MOOD, "happy")

    def test_answers_that_were_not_asked_for_are_passed_over(self):
        ann = self.come("ann", "a", presence=False)
        ann.is_mute = True
        ann.wants(MOOD)
        for number in ("caps-1-sha-1", "caps-2-sha-1", "caps-", "caps-1", "caps-99-md5"):
            ann.send(
                f"<iq type='result' id='{number}' to='{address('ann')}/b'>"
                f"<query xmlns='{INFO}'><feature var='{MOOD}+notify'/></query></iq>"
            )
            ann.send(f"<iq type='error' id='{number}' to='{DOMAIN}'/>")
        ann.has_published(MOOD, text="happy")
        ann.is_told_nothing()


class Nodes(Accounts):
    def test_an_account_says_what_it_offers(self):
        ann, bob = self.friends()
        for found in (ann.info(), bob.info("ann")):
            self.assertIn("pubsub/pep", found)
            self.assertIn("account/registered", found)
            for name in ("publish", "filtered-notifications", "auto-subscribe", "last-published"):
                self.assertIn(f"{PUBSUB}#{name}", found)
        self.assertEqual(self.come("cat").info("ann"), "service-unavailable")
        self.assertEqual(ann.info("nobody"), "service-unavailable")
        ann.has_published(MOOD)
        self.assertIn("pubsub/leaf", bob.info("ann", MOOD))
        self.assertEqual(bob.info("ann", NOTES), "item-not-found")

    def test_a_publish_makes_the_node_as_it_wishes(self):
        ann, bob = self.friends()
        private = {"pubsub#persist_items": "true", "pubsub#max_items": "max",
                   "pubsub#access_model": "whitelist"}
        ann.has_published(NOTES, "one", "1", options=private)
        ann.has_published(NOTES, "two", "2", options=private)
        self.assertEqual(ann.texts(NOTES), ["1", "2"])
        ann.has_published(MOOD, "a", "1")
        ann.has_published(MOOD, "b", "2")
        self.assertEqual(ann.texts(MOOD), ["2"])    # one item, by default
        wrong = refusal(ann.publishes(NOTES, options={"pubsub#access_model": "open"}))
        self.assertEqual(wrong[:2], ["conflict", "precondition-not-met"])
        self.assertEqual(ann.nodes(), [MOOD, NOTES])
        self.assertEqual(bob.nodes("ann"), [MOOD])
        self.assertEqual(bob.texts(MOOD, "ann"), ["2"])
        self.assertEqual(
            bob.refused_by("ann", "get", f"<items node='{NOTES}'/>"), ["not-allowed", "closed-node"]
        )
        self.assertEqual(bob.info("ann", NOTES), "item-not-found")
        cat = self.come("cat")
        for inner in (f"<items node='{MOOD}'/>", f"<items node='{NOTES}'/>", "<items node='no'/>"):
            self.assertEqual(cat.refused_by("ann", "get", inner), ABSENT)
            self.assertEqual(cat.refused_by("nobody", "get", inner), ABSENT)
        self.assertEqual(cat.nodes("ann"), [])
        ann.has_published(TUNE, options={"pubsub#access_model": "open"})
        self.assertEqual(cat.nodes("ann"), [TUNE])    # for all accounts that may hear of ann
        self.assertEqual(cat.texts(TUNE, "ann"), ["x"])

    def test_the_owner_alone_manages_them(self):
        ann, bob = self.friends()
        form = node_form({"pubsub#access_model": "whitelist"})
        ann.done("set", f"<create node='{NOTES}'/><configure>{form}</configure>")
        for inner in (f"<configure node='{NOTES}'/>", f"<affiliations node='{NOTES}'/>"):
            ann.done("get", inner, owner=True)
            self.assertEqual(bob.refused_by("ann", "get", inner, owner=True)[0], "forbidden")
        for inner in (f"<purge node='{NOTES}'/>", f"<delete node='{NOTES}'/>"):
            self.assertEqual(bob.refused_by("ann", "set", inner, owner=True)[0], "forbidden")
        for node in (NOTES, MOOD):
            self.assertEqual(refusal(bob.publishes(node, name="ann"))[0], "forbidden")
        member = f"<affiliation jid='{bob.bare}' affiliation='member'/>"
        ann.done("set", f"<affiliations node='{NOTES}'>{member}</affiliations>", owner=True)
        bob.message()
        ann.has_published(NOTES, text="for bob")
        self.assertEqual(bob.texts(NOTES, "ann"), ["for bob"])
        bob.wants(NOTES)
        bob.is_told("ann", NOTES, "for bob", late=True)
        for line in (member.replace("member", "owner"), member.replace(bob.bare, ann.bare)):
            self.assertEqual(
                ann.refused_by(None, "set", f"<affiliations node='{NOTES}'>{line}</affiliations>",
                               owner=True)[0],
                "not-allowed",
            )
        collection = node_form({"pubsub#collection": "topics/all"})
        self.assertEqual(
            ann.refused_by(None, "set", f"<configure node='{NOTES}'>{collection}</configure>",
                           owner=True),
            ["feature-not-implemented", "unsupported"],
        )
        ann.done("set", f"<purge node='{NOTES}'/>", owner=True)
        self.assertEqual(ann.texts(NOTES), [])
        ann.done("set", f"<delete node='{NOTES}'/>", owner=True)
        self.assertEqual(ann.nodes(), [])

    def test_they_are_not_at_the_broker(self):
        ann, bob = self.friends()
        ann.has_published("topics/one", text="personal")
        self.assertEqual(
            refusal(ann.ask("get", f"<query xmlns='{INFO}' node='topics/one'/>"))[0],
            "item-not-found",
        )
        form = node_form({"pubsub#access_model": "whitelist"})
        ann.ok("set", f"<create node='topics/one'/><configure>{form}</configure>")
        ann.publish("topics/one", "i", "<x xmlns='urn:x'>shared</x>")
        self.assertEqual(ann.texts("topics/one"), ["personal"])
        self.assertEqual([e.text for e in ann.items("topics/one")[0].values()], ["shared"])
        ann.has_published(MOOD)
        items = "http://jabber.org/protocol/disco#items"
        answer = ann.ask("get", f"<query xmlns='{items}'/>", BROKER)
        self.assertEqual([item.get("node") for item in answer[0]], ["topics/one"])
        mine = ann.ok("get", "<affiliations/>")
        self.assertEqual([e.get("node") for e in mine[0][0]], ["topics/one"])
        mine = ann.done("get", "<affiliations/>")
        self.assertEqual([e.get("node") for e in mine[0][0]], ["topics/one", MOOD])
        topics = [topic["name"] for topic in self.server.admin_json("topics", "list")["topics"]]
        self.assertEqual(topics, ["topics/one"])
        self.assertEqual(bob.texts("topics/one", "ann"), ["personal"])

    def test_an_owner_answers_for_its_node(self):
        ann, bob = self.friends(wants=())
        form = node_form({"pubsub#access_model": "authorize"})
        ann.done("set", f"<create node='{NOTES}'/><configure>{form}</configure>")
        subscribe = f"<subscribe node='{NOTES}' jid='{bob.bare}'/>"
        pending = bob.done("set", subscribe, "ann")
        self.assertEqual(pending[0][0].get("subscription"), "pending")
        self.assertEqual(bob.nodes("ann"), [NOTES])
        request = ann.message()
        self.assertEqual(request.get("from"), ann.bare)
        answer = {"pubsub#node": NOTES, "pubsub#subscriber_jid": bob.bare, "pubsub#allow": "true"}
        answer = node_form(answer, "subscribe_authorization")
        ann.send(f"<message to='{ann.bare}'>{answer}</message>")
        told = bob.message()
        self.assertEqual(told.get("from"), ann.bare)
        ann.has_published(NOTES, text="for bob")
        self.assertEqual(bob.item()[1].text, "for bob")
        self.assertEqual(bob.texts(NOTES, "ann"), ["for bob"])
        ann.is_told_nothing()    # neither of them came to the own clients as a message

    def test_what_waits_for_a_login_comes_from_the_account_of_the_node(self):
        ann, bob = self.friends(wants=())
        form = node_form({"pubsub#access_model": "authorize"})
        ann.done("set", f"<create node='{NOTES}'/><configure>{form}</configure>")
        ann.close()
        bob.done("set", f"<subscribe node='{NOTES}' jid='{bob.bare}'/>", "ann")
        bob.close()
        ann = self.come("ann", "two")
        request = ann.message()
        self.assertEqual(request.get("from"), ann.bare)
        self.assertIn(address("bob"), ET.tostring(request, "unicode"))
        answer = {"pubsub#node": NOTES, "pubsub#subscriber_jid": address("bob"),
                  "pubsub#allow": "true"}
        answer = node_form(answer, "subscribe_authorization")
        ann.send(f"<message to='{ann.bare}'>{answer}</message>")
        ann.sync()
        told = self.come("bob", "two").message()
        self.assertEqual(told.get("from"), ann.bare)
        self.assertEqual(told.find(f".//{{{PUBSUB}#event}}subscription").get("node"), NOTES)

    def test_subscriptions_hold_as_at_any_node(self):
        ann, bob = self.friends(wants=())
        ann.has_published(MOOD, text="one")
        bob.done("set", f"<subscribe node='{MOOD}' jid='{bob.bare}'/>", "ann")
        last = bob.item()    # with the subscription
        self.assertEqual((last[1].text, last[2].get("from")), ("one", ann.bare))
        bob.wants(MOOD)
        ann.has_published(MOOD, text="two")
        self.assertEqual(bob.item()[1].text, "two")
        bob.is_told_nothing()    # once, though it asks twice
        self.assertEqual(self.come("cat").refused_by(
            "ann", "set", f"<subscribe node='{MOOD}' jid='{address('cat')}'/>"), ABSENT)
        ann.says("unsubscribed", "bob")
        ann.sync()
        ann.has_published(MOOD, text="three")
        left = [one for one in bob.messages if one.find(f".//{{{PUBSUB}#event}}items") is not None]
        self.assertEqual(left, [])


class Ends(Accounts):
    settings = {
        "pubsub.personal.nodes_per_account_max": 3,
        "pubsub.personal.item_bytes_max": 1000,
        "pubsub.personal.bytes_per_account_max": 1500,
    }

    def test_bounds(self):
        ann = self.come("ann")
        for node in "abc":
            ann.has_published(node)
        self.assertEqual(refusal(ann.publishes("d"))[0], "resource-constraint")
        self.assertEqual(refusal(ann.publishes("a", text="x" * 1000))[:2],
                         ["not-acceptable", "payload-too-big"])
        ann.has_published("a", text="x" * 900)
        self.assertEqual(refusal(ann.publishes("b", text="x" * 900))[0], "resource-constraint")
        ann.has_published("a", text="y" * 900)    # in place of the other
        ann.has_published("a", "other", text="z" * 300)
        ann.done("set", "<delete node='a'/>", owner=True)
        ann.has_published("b", text="x" * 900)
        ann.has_published("d")

    def test_they_go_with_their_account(self):
        ann, bob = self.friends()
        ann.has_published(MOOD, text="one")
        bob.is_told("ann", MOOD, "one")
        self.server.admin_ctl("accounts", "delete", ann.bare)
        del self.bundles["ann"]
        self.server.stop()
        self.server.start()
        again = self.come("ann", wants=[MOOD])
        self.assertEqual(again.nodes(), [])
        again.is_told_nothing()


class SlowReaders(Accounts):
    settings = {"limits.outbox_bytes_max": 262144}

    def test_one_that_lost_events_gets_the_last(self):
        ann, bob = self.friends(wants=[NOTES])
        # Bob does not read for a while. His window stays as it is: with a small one TCP would take
        # a fifth of a second for each few kilobytes.
        text, count = "x" * 100_000, 80
        for number in range(count):
            ann.has_published(NOTES, text=f"{number} {text}")
        ann.has_published(NOTES, text="the last")
        got, last = 0, ""
        while last != "the last":
            last = bob.item()[1].text
            got += 1
        self.assertLess(got, count)    # or none was left out


BOOKMARKS = "urn:xmpp:bookmarks:1"


class Stock(unittest.IsolatedAsyncioTestCase):
    """slixmpp with its own plugins: what any client does with its account."""

    async def asyncSetUp(self):
        self.server = Operated(POLICY, {"accounts.auto_approve": "true"}).start()
        self.addCleanup(self.server.close)

    async def log_in(self, name, resource="test", interests=()):
        bundle = self.server.authority.client(f"{name}@{DOMAIN}")
        client = Client(bundle, resource)
        for plugin in ("xep_0163", "xep_0084", "xep_0107", "xep_0223"):
            client.register_plugin(plugin)
        client.heard = asyncio.Queue()
        for event in ("user_mood_publish", "avatar_metadata_publish"):
            client.add_event_handler(event, client.heard.put_nowait)
        await client.login(self.server.c2s, presence=False)
        self.addCleanup(client.drop)
        for node in interests:
            client["xep_0163"].add_interest(node)
        await client["xep_0115"].update_caps(broadcast=False)
        client.send_presence()
        return client

    async def hears(self, client):
        message = await asyncio.wait_for(client.heard.get(), SECONDS)
        return message["from"].bare, message["pubsub_event"]["items"]["item"]

    async def test_moods_and_avatars_reach_contacts(self):
        ann, bob = await self.log_in("ann"), await self.log_in("bob")
        for one in (ann, bob):
            await one.get_roster()
        # Answered by the library, both ways.
        bob.send_presence_subscription(pto=ann.boundjid.bare)
        async with asyncio.timeout(SECONDS):
            while ann.client_roster[bob.boundjid.bare]["subscription"] != "both":
                await asyncio.sleep(0.05)
        await ann["xep_0107"].publish_mood(value="happy", text="at last")
        for one in (ann, bob):
            whose, item = await self.hears(one)
            self.assertEqual((whose, item["mood"]["value"]), (ann.boundjid.bare, "happy"))
        picture = bytes(range(256)) * 64
        await ann["xep_0084"].publish_avatar(picture)
        number = ann["xep_0084"].generate_id(picture)
        await ann["xep_0084"].publish_avatar_metadata(
            {"id": number, "type": "image/png", "bytes": len(picture)}
        )
        whose, item = await self.hears(bob)
        self.assertEqual((whose, item["id"]), (ann.boundjid.bare, number))
        found = await bob["xep_0084"].retrieve_avatar(ann.boundjid.bare, number)
        self.assertEqual(found["pubsub"]["items"]["item"]["avatar_data"]["value"], picture)
        later = await self.log_in("bob", "later")
        heard = {(await self.hears(later))[1]["id"] for _ in range(2)}
        self.assertEqual(heard, {"current", number})

    async def test_bookmarks_are_private_and_reach_the_other_client(self):
        ann = await self.log_in("ann", "desk", [BOOKMARKS])
        other = await self.log_in("ann", "phone", [BOOKMARKS])
        stranger = await self.log_in("bob", interests=[BOOKMARKS])
        options = ann["xep_0004"].make_form(ftype="submit")
        options.add_field(var="FORM_TYPE", ftype="hidden", value=f"{PUBSUB}#publish-options")
        for name, value in (("persist_items", "true"), ("max_items", "max"),
                            ("send_last_published_item", "never"), ("access_model", "whitelist")):
            options.add_field(var="pubsub#" + name, value=value)
        rooms = [f"room{number}@rooms.example" for number in range(3)]
        for room in rooms:
            payload = ET.fromstring(f"<conference xmlns='{BOOKMARKS}' autojoin='true'/>")
            await ann["xep_0060"].publish(
                None, BOOKMARKS, id=room, payload=payload, options=options
            )
        for one in (ann, other):
            for room in rooms:
                node, items, _ = await one.next_items()
                self.assertEqual((node, items[0][0]), (BOOKMARKS, room))
        found = await other["xep_0060"].get_items(None, BOOKMARKS)
        self.assertEqual([item["id"] for item in found["pubsub"]["items"]], rooms)
        await other["xep_0060"].retract(None, BOOKMARKS, rooms[0], notify="true")
        found = await ann["xep_0060"].get_items(None, BOOKMARKS)
        self.assertEqual([item["id"] for item in found["pubsub"]["items"]], rooms[1:])
        self.assertTrue(stranger.messages.empty())


if __name__ == "__main__":
    unittest.main()
