# tests/integration/test_acknowledge.py: cluster.acknowledge = "everywhere": what one member has
# answered is so at the others; and clients that move from one member to another.
"""The clients ask another member as soon as they have an answer, without a pause."""

import itertools
import random
import time
import unittest

from cluster.etcd import is_installed
from cluster.members import Cluster
from gridd import DOMAIN
from managed import Managed
from policies import EVERYTHING
from raw import PATIENCE, Raw
from stanzas import Stanzas
from talker import Talker, form

DELAY = "{urn:xmpp:delay}delay"
ROUNDS = 40
LATE = 0.7   # seconds, of what etcd tells a member: less than cluster.max_staleness_ms
POLICY = EVERYTHING + "allow any to message any\n"

needs_etcd = unittest.skipUnless(is_installed(), "etcd is not installed (conf/install-deps --test)")


class Case(unittest.TestCase):
    VALUE = "everywhere"
    has_fabric, settings = False, {}
    numbers = itertools.count(1)

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(
            3, 1, policy=POLICY, fabric=cls.has_fabric, tls=False,
            settings={
                "accounts.auto_approve": "true", "cluster.acknowledge": cls.VALUE, **cls.settings
            },
        )
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()
        cls.bundles = {}

    def setUp(self):
        for one in self.cluster:
            one.go_on()
        self.cluster.wait_ready()

    def bundle(self, name):
        if name not in self.bundles:
            self.bundles[name] = self.cluster.client(name)
        return self.bundles[name]

    def talker(self, name, member, resource="r"):
        talker = Talker(member.c2s, DOMAIN, seconds=60)
        self.addCleanup(lambda: talker.socket.close())
        talker.login(self.bundle(name), resource, PATIENCE)
        talker.presence()
        return talker

    def stanzas(self, name, member, resource="one", presence="<presence/>"):
        client = Stanzas(member, self.bundle(name), resource, presence)
        self.addCleanup(client.close)
        return client

    def wait_delivered(self, sender, client, what):
        sender.send(f"<message type='chat' id='{what}' to='{client.bare}'><body>x</body></message>")
        found = []
        while not found or found[-1] != what:
            found.append(client.message().get("id"))
        return found

    def two(self):
        """Members."""
        return random.sample(self.cluster.members, 2)


@needs_etcd
class Everywhere(Case):
    def test_changes_are_seen_at_every_member_at_once(self):
        at = {one.name: self.talker("pub", one, one.name) for one in self.cluster}
        for number in range(ROUNDS):
            one, other = (at[member.name] for member in self.two())
            node = f"n{next(self.numbers)}"
            one.does(f"<create node='{node}'/><configure>{form('node_config', max_items=5)}"
                     "</configure>")
            other.does(other.publish(node, "x", f"i{number}"))
            self.assertIn(f"id='i{number}'", one.pubsub("get", f"<items node='{node}'/>"))
            one.does(f"<subscribe node='{node}' jid='pub@{DOMAIN}'/>")
            self.assertIn(f"node='{node}'", other.pubsub("get", "<subscriptions/>"))
            other.does(f"<retract node='{node}'><item id='i{number}'/></retract>")
            self.assertNotIn(f"i{number}", one.pubsub("get", f"<items node='{node}'/>"))
            one.does(f"<delete node='{node}'/>", owner=True)
            other.is_refused(other.publish(node))

    def test_answers_keep_their_order(self):
        """Also those of requests that do not wait for anybody."""
        one = self.talker("pub", self.cluster[0], "order")
        one.does("<create node='order'/>")
        sent = []
        text = ""
        for number in range(300):
            name = f"o{number}"
            sent.append(name)
            inner = (f"<publish node='order'><item id='{number % 7}'/></publish>" if number % 3
                     else "<items node='order' max_items='1'/>")
            kind = "set" if number % 3 else "get"
            text += (f"<iq type='{kind}' id='{name}' to='pubsub.{DOMAIN}'>"
                     f"<pubsub xmlns='http://jabber.org/protocol/pubsub'>{inner}</pubsub></iq>")
        one.send(text)
        for name in sent:
            answer = one.expect(r"<iq [^>]*?id='(o\d+)'")
            self.assertEqual(answer.group(1), name)

    def test_a_session_is_found_at_every_member_at_once(self):
        for number in range(ROUNDS):
            here, there = self.two()
            sender = self.stanzas("ann", there, f"s{number}")
            receiver = self.stanzas("bob", here, f"r{number}", presence=None)
            # To the full address, of one that is bound and said nothing.
            sender.send(f"<message type='headline' id='f{number}' to='{receiver.full}'/>")
            self.assertEqual(receiver.message().get("id"), f"f{number}")
            receiver.send("<presence/>")
            receiver.ping()
            sender.send(f"<message type='chat' id='b{number}' to='{receiver.bare}'>"
                        "<body>hello</body></message>")
            message = receiver.message()
            self.assertEqual(message.get("id"), f"b{number}")
            self.assertIsNone(message.find(DELAY))
            receiver.goodbye()
            sender.goodbye()

    def test_what_a_session_left_comes_behind_the_answer_to_the_next_bind(self):
        """That one waits for other members, and the message for none."""
        sender = self.stanzas("ann", self.cluster[1], "sender")
        for number in range(5):
            left = Managed(self.cluster[0].c2s, DOMAIN).login(self.bundle("dot"), "same")
            left.enable()
            left.say("<presence/>")
            left.ping()
            left.cut()
            sender.send(
                f"<message type='chat' id='l{number}' to='dot@{DOMAIN}/same'><body>x</body>"
                "</message>"
            )
            sender.ping()
            client = self.stanzas("dot", self.cluster[0], "same")
            self.assertEqual(client.message().get("id"), f"l{number}")
            client.goodbye()

    def test_a_member_that_stands_still_holds_nobody_up_for_long(self):
        leader = self.cluster.wait_leader()
        stalled, other = [one for one in self.cluster if one is not leader]
        one = self.talker("pub", other, "stall")
        one.does("<create node='stall'/>")
        stalled.pause()
        began = time.monotonic()
        one.does(one.publish("stall", "x", "held"))
        took = time.monotonic() - began
        one.does(one.publish("stall", "x", "after"))
        self.stanzas("ann", other, "stall").ping()
        stalled.go_on()
        self.assertLess(took, 30)   # the member's lease is over
        self.cluster.wait_ready()
        late = self.talker("pub", stalled, "late")
        self.assertIn("id='held'", late.pubsub("get", "<items node='stall'/>"))


@needs_etcd
class Moves(Case):
    """Whatever the value is."""

    VALUE = "here"

    def test_a_message_that_has_been_read_does_not_come_again_elsewhere(self):
        sender = self.stanzas("ann", self.cluster[0], "sender")
        self.stanzas("bob", self.cluster[0]).goodbye()   # the account is there
        for number in range(ROUNDS // 2):
            here, there = self.two()
            sender.send(f"<message type='chat' id='w{number}' to='bob@{DOMAIN}'><body>x</body>"
                        "</message>")
            sender.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", DOMAIN)
            self.cluster.wait_same()
            first = self.stanzas("bob", here)
            self.assertEqual(first.message().get("id"), f"w{number}")
            first.goodbye()
            second = self.stanzas("bob", there)
            self.assertEqual(
                self.wait_delivered(sender, second, f"l{number}"), [f"l{number}"], number
            )
            second.goodbye()

    def test_an_item_that_has_been_read_does_not_come_again_elsewhere(self):
        owner = self.stanzas("pub", self.cluster[0], "owner")
        owner.create("moves", max_items=100)
        first = self.stanzas("eve", self.cluster[1])
        first.ok("set", f"<subscribe node='moves' jid='{first.bare}'/>")
        for number in range(ROUNDS // 2):
            owner.publish("moves", f"i{number}")
            self.assertEqual(first.item()[0], f"i{number}")
            first.ping()
            first.goodbye()
            first = self.stanzas("eve", random.choice(self.cluster.members))
            owner.publish("moves", f"j{number}")
            self.assertEqual(first.item()[0], f"j{number}")


@needs_etcd
class Behind(Case):
    """A client goes to a member that hears late of what was committed."""

    VALUE = "here"
    has_fabric, settings = True, {"cluster.max_staleness_ms": "6000"}

    def setUp(self):
        super().setUp()
        self.addCleanup(self.cluster.fabric.mend)

    def falls_behind(self):
        self.cluster.fabric.slow(self.cluster.etcd.all[0].name, self.cluster[2].name, LATE)

    def test_an_item_that_has_been_read_does_not_come_again(self):
        owner = self.stanzas("pub", self.cluster[0], "owner")
        owner.create("late", max_items=100)
        first = self.stanzas("eve", self.cluster[1])
        first.ok("set", f"<subscribe node='late' jid='{first.bare}'/>")
        first.ok("set", f"<subscribe node='late' jid='{first.full}'/>")
        self.cluster.wait_same()
        self.falls_behind()
        owner.publish("late", "read")
        for _ in range(2):
            self.assertEqual(first.item()[0], "read")
        first.goodbye()
        second = self.stanzas("eve", self.cluster[2])
        owner.publish("late", "next")
        self.assertEqual([second.item()[0] for _ in range(2)], ["next"] * 2)

    def test_a_message_that_has_been_read_does_not_come_again(self):
        sender = self.stanzas("ann", self.cluster[0], "sender")
        self.stanzas("bob", self.cluster[1]).goodbye()   # the account is there
        self.cluster.wait_same()
        self.falls_behind()
        sender.send(f"<message type='chat' id='w' to='bob@{DOMAIN}'><body>x</body></message>")
        sender.ping()
        first = self.stanzas("bob", self.cluster[1])
        self.assertEqual(first.message().get("id"), "w")
        first.goodbye()
        second = self.stanzas("bob", self.cluster[2])
        second.ping()
        self.cluster.wait_same()
        self.assertEqual(self.wait_delivered(sender, second, "l"), ["l"])


@needs_etcd
class Strangers(Case):
    def test_a_resource_is_taken_over_at_once_from_a_client_that_is_there(self):
        for number in range(10):
            here, there = self.two()
            first = self.stanzas("cat", here)
            first.ping()
            second = Raw(there.c2s, DOMAIN).login(self.bundle("cat"), "one")
            self.addCleanup(second.socket.close)
            self.assertIn("<conflict ", first.raw.until_closed(60), number)
            second.send("</stream:stream>")
            second.until_closed(60)


if __name__ == "__main__":
    unittest.main()
