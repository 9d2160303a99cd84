# tests/integration/test_cluster_resumption.py: sessions that are resumed at another member of a
# cluster than the one that they were at, and clients that come back where that one is lost.
import random
import re
import threading
import time
import unittest
import xml.etree.ElementTree as ET

from cluster.etcd import is_installed
from cluster.members import Cluster
from gridd import DOMAIN
from managed import SM, Managed
from raw import PATIENCE
from talker import PUBSUB, Talker, form
from websocket import WebSocket

ALL = "allow any any any\n"
ALERT = "<alert xmlns='urn:x:alert'>x</alert>"
CLIENTS = 50           # of the member that is drained
LOAD_ITEMS = 300       # published meanwhile, at least
WANDERERS, WANDERING_SECONDS = 9, 8
WAIT_SECONDS = 60      # on a machine that has others to serve
LAG_SECONDS = 2.5      # of delivery positions: asked each second, noted with the tick that follows

needs_etcd = unittest.skipUnless(is_installed(), "etcd is not installed (conf/install-deps --test)")


def until(condition, what, seconds=WAIT_SECONDS):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


class Members(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(policy=ALL, settings={"accounts.auto_approve": "true"})
        cls.addClassCleanup(cls.cluster.close)
        for one in cls.cluster:
            one.settings["cluster.clients"] = one.settings["listen.c2s"]
        cls.cluster.start()
        cls.bundles = {}

    def setUp(self):
        for one in self.cluster:
            if one.process is None or one.process.poll() is not None:
                one.kill9()
                one.spawn()
        for one in self.cluster:
            one.wait_started()
            if one.cluster_status()["draining"]:
                one.admin_ctl("cluster", "join")
        self.cluster.wait_ready()
        until(self.are_linked, "the links")
        self.name = f"n{time.time_ns()}"
        self.publisher = self.talker("pub", self.cluster[2])
        self.publisher.does(
            f"<create node='{self.name}'/><configure>"
            f"{form('node_config', publish_model='open', max_items=1000)}</configure>"
        )

    def are_linked(self):
        found = self.cluster.status().values()
        return len(found) == 3 and all(
            one["linked"] or one["self"] for status in found for one in status["members"]
        )

    def bundle(self, name):
        if name not in self.bundles:
            self.bundles[name] = self.cluster.client(name)
        return self.bundles[name]

    def talker(self, name, member, resource="r"):
        talker = Talker(member.c2s, DOMAIN)
        self.addCleanup(lambda: talker.socket.close())
        talker.login(self.bundle(name), resource, PATIENCE)
        talker.presence()
        return talker

    def connect(self, member):
        client = Managed(member.c2s, DOMAIN)
        self.addCleanup(lambda: client.socket.close())
        return client

    def subscriber(self, name, member, resource="r"):
        """Logged in there, with stream management, and subscribed to the test's node."""
        client = self.connect(member).login(self.bundle(name), resource, PATIENCE)
        client.enable()
        client.say("<presence/>")
        client.ping()
        until(lambda: self.subscribes(client, name), "the node is known there")
        return client

    def subscribes(self, client, name):
        answer = client.ask(
            "set",
            f"<pubsub xmlns='{PUBSUB}'><subscribe node='{self.name}' jid='{name}@{DOMAIN}'/>"
            "</pubsub>",
        )
        return answer.get("type") == "result"

    def publish(self, first, last):
        for number in range(first, last):
            self.publisher.does(self.publisher.publish(self.name, "x", f"i{number}"))

    def ids(self, first, last):
        return [f"i{number}" for number in range(first, last)]

    def has_one_session(self, member, name):
        return len(member.rest("GET", f"sessions?jid={name}@{DOMAIN}")["sessions"]) == 1

    def is_at(self, member, name, seen_from):
        """That one knows of one session of the account. Its own member alone tells whether it has
        stream management."""
        found = seen_from.rest("GET", f"sessions?jid={name}@{DOMAIN}")["sessions"]
        return [one["stream_management"] for one in found] == [member is seen_from]


@needs_etcd
class Moves(Members):
    """The member of the session is there, and hands it over."""

    def test_a_session_goes_on_at_another_member(self):
        client = self.subscriber("ann", self.cluster[0])
        contact = self.talker("bob", self.cluster[2])
        self.publish(0, 5)
        client.wait_items("i4")
        client.cut()
        self.publish(5, 10)
        contact.send(
            f"<message type='chat' to='ann@{DOMAIN}/r' id='m1'><body>meanwhile</body></message>"
        )
        contact.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)
        again = self.connect(self.cluster[1]).resume(self.bundle("ann"), client)
        again.wait_items("i9")
        again.wait(lambda: any(one.get("id") == "m1" for one in again.stanzas))
        self.publish(10, 15)
        again.wait_items("i14")
        again.ping()
        self.assertEqual(again.items(), self.ids(5, 15))
        self.assertEqual(sum(one.get("id") == "m1" for one in again.stanzas), 1)
        for member in self.cluster:
            until(lambda one=member: self.is_at(self.cluster[1], "ann", one), member.name)
        # The session answers requests, and moves on.
        again.publish(self.name, "own", ALERT)
        again.wait(lambda: any(one.get("id") == "p-own" for one in again.stanzas))
        answer = next(one for one in again.stanzas if one.get("id") == "p-own")
        self.assertEqual(answer.get("type"), "result", ET.tostring(answer))
        again.wait_items("own")
        third = self.connect(self.cluster[2]).resume(self.bundle("ann"), again)
        self.publish(15, 17)
        self.assertEqual(third.wait_items("i16"), self.ids(15, 17))
        third.ping()
        for number in range(17, 20):
            third.publish(self.name, f"i{number}", ALERT)
        third.wait_items("i19")
        third.cut()
        # And back to where it began, with its last items unread.
        back = self.connect(self.cluster[0]).resume(self.bundle("ann"), third)
        self.publish(20, 22)
        self.assertEqual(back.wait_items("i21"), self.ids(20, 22))

    def test_contacts_hear_nothing_of_it(self):
        client = self.connect(self.cluster[0]).login(self.bundle("fan"), "r")
        client.enable()
        contact = self.talker("gus", self.cluster[1])
        other = self.talker("gus", self.cluster[2], "other")
        self.cluster.wait_same()   # either account is known at the other's members
        client.say("<presence/>")
        client.say(f"<presence to='gus@{DOMAIN}' type='subscribe'/>")
        contact.expect("type='subscribe'")
        contact.send(f"<presence to='fan@{DOMAIN}' type='subscribed'/>")
        contact.send(f"<presence to='fan@{DOMAIN}' type='subscribe'/>")
        client.wait(lambda: any(one.get("type") == "subscribe" for one in client.stanzas))
        client.say(f"<presence to='gus@{DOMAIN}' type='subscribed'/>")
        for one in (contact, other):
            one.expect(rf"<presence [^>]*from='fan@{DOMAIN}/r'", WAIT_SECONDS)
        client.ping()
        client.cut()
        again = self.connect(self.cluster[1]).resume(self.bundle("fan"), client)
        again.ping()
        for member in self.cluster:
            until(lambda one=member: self.is_at(self.cluster[1], "fan", one), member.name)
        for one in (contact, other):
            one.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)
            self.assertNotIn(f"from='fan@{DOMAIN}/r'", one.seen)
        again.say("<presence><show>away</show></presence>")
        for one in (contact, other):
            one.expect(rf"<presence [^>]*from='fan@{DOMAIN}/r'.*?<show>away", WAIT_SECONDS)

    def test_a_temporary_subscription_lives_on(self):
        client = self.connect(self.cluster[0]).login(self.bundle("temp"), "r")
        client.enable()
        client.say("<presence/>")
        client.ping()
        until(lambda: self.subscribes_for_a_while(client), "the node is known there")
        client.cut()
        again = self.connect(self.cluster[1]).resume(self.bundle("temp"), client)
        until(lambda: self.is_at(self.cluster[1], "temp", self.cluster[0]), "it is there")
        self.publish(0, 3)
        self.assertEqual(again.wait_items("i2"), self.ids(0, 3))

    def subscribes_for_a_while(self, client):
        answer = client.ask(
            "set",
            f"<pubsub xmlns='{PUBSUB}'><subscribe node='{self.name}' jid='temp@{DOMAIN}/r'/>"
            "<options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
            f"{PUBSUB}#subscribe_options</value></field><field var='pubsub#expire'>"
            "<value>presence</value></field></x></options></pubsub>",
        )
        return answer.get("type") == "result"

    def test_a_wrong_token_and_another_account_find_nothing(self):
        client = self.subscriber("sue", self.cluster[0])
        wrong = client.token[:-4] + ("0000" if client.token[-4:] != "0000" else "1111")
        for name, token in (("sue", wrong), ("eve", client.token)):
            answer = self.connect(self.cluster[1]).try_to_resume(self.bundle(name), token, 0)
            self.assertEqual(answer[0], "failed")
            self.assertIn("item-not-found", answer[2][0])
        client.ping()
        again = self.connect(self.cluster[1])
        again.authenticated(self.bundle("sue"))
        again.ask_to_resume(client.token, client.handled + 7)
        again.too_high()
        client.ping()
        self.assertIn(
            "<conflict", self.after_resumption_elsewhere(client, self.cluster[1], "sue")
        )

    def after_resumption_elsewhere(self, client, member, name):
        self.connect(member).resume(self.bundle(name), client)
        return client.until_closed()

    def test_over_a_websocket_and_within_sasl2(self):
        client = self.subscriber("web", self.cluster[0])
        self.publish(0, 3)
        client.wait_items("i2")
        client.cut()
        self.publish(3, 6)
        web = WebSocket(self.cluster[1].http, DOMAIN, self.bundle("web"))
        self.addCleanup(web.socket.close)
        web.open()
        web.features()
        self.assertIn("<success", web.authenticate())
        web.open()
        web.features()
        web.send(f"<resume xmlns='{SM}' previd='{client.token}' h='{client.handled}'/>")
        web.expect(rf"^<resumed xmlns='{SM}' [^>]*\bh='(\d+)'[^>]*/>$")
        message = r"<item\b[^>]*id='(i\d)'"
        self.assertEqual([web.expect(message).group(1) for _ in range(3)], self.ids(3, 6))
        web.socket.close()
        self.publish(6, 8)
        raw = self.connect(self.cluster[2])
        raw.starttls(self.bundle("web"))
        raw.open()
        raw.send(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='EXTERNAL'>"
            "<initial-response/>"
            f"<resume xmlns='{SM}' previd='{client.token}' h='{client.handled + 3}'/>"
            "</authenticate>"
        )
        success = raw.expect(r"<success\b.*?</success>|<failure\b.*?</failure>").group()
        self.assertIn("<resumed ", success)
        for number in (6, 7):
            raw.expect(rf"<item\b[^>]*id='i{number}'")


class Wanderer(threading.Thread):
    """A client that goes to the next member again and again, cut off or not."""

    def __init__(self, case, name, seed):
        super().__init__(daemon=True)
        self.case, self.name_, self.seed = case, name, seed
        self.at = seed % 3
        self.client = case.subscriber(name, case.cluster[self.at])
        self.items, self.hops, self.failure = [], 0, None
        self.last = None   # the item after which it has all

    def run(self):
        chance = random.Random(self.seed)
        try:
            while self.last is None or self.last not in self.all():
                self.read(chance.uniform(0.0, 0.4))
                if self.last is None:
                    self.hop(chance.random() < 0.5)
        except Exception as failure:   # told by the test
            self.failure = repr(failure)

    def read(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.client.closed:
            self.client.receive(max(deadline, time.monotonic()) + 0.01)

    def hop(self, is_cut):
        before, self.at = self.client, (self.at + 1) % 3
        if is_cut:
            before.cut()
        again = Managed(self.case.cluster[self.at].c2s, DOMAIN)
        again.resume(self.case.bundle(self.name_), before)
        self.items += before.items()
        self.client = again
        before.socket.close()
        self.hops += 1

    def all(self):
        return self.items + self.client.items()


class Survivor(Wanderer):
    """The same where members are lost: what cannot be resumed begins anew."""

    anew = 0

    def hop(self, is_cut):
        before = self.client
        before.socket.close()
        self.items += before.items()
        before.stanzas = []
        while not self.comes_back(before):
            time.sleep(0.1)
        self.hops += 1

    def comes_back(self, before):
        self.at = (self.at + 1) % 3
        bundle = self.case.bundle(self.name_)
        try:
            again = Managed(self.case.cluster[self.at].c2s, DOMAIN)
            name, attributes, children = again.try_to_resume(bundle, before.token, before.handled)
            if name == "resumed":
                again.token, again.sent = before.token, int(attributes["h"])
            elif name == "failed" and "item-not-found" in children[0]:
                again.is_counting, again.words = False, []
                again.bind_after_refusal("r")
                again.handled = 0
                again.enable()
                again.say("<presence/>")
                self.anew += 1
            else:   # not at the moment
                again.socket.close()
                return False
        except (OSError, AssertionError):
            return False
        self.client = again
        return True


@needs_etcd
class Wandering(Members):
    def test_sessions_that_move_again_and_again_under_load_miss_nothing(self):
        seed = random.randrange(1000) * 3
        all_ = [Wanderer(self, f"wander{number}", seed + number) for number in range(WANDERERS)]
        for one in all_:
            one.start()
            self.addCleanup(lambda who=one: who.client.socket.close())
        end = time.monotonic() + WANDERING_SECONDS
        number = 0
        while time.monotonic() < end:
            self.publish(number, number + 1)
            number += 1
        for one in all_:
            one.last = f"i{number - 1}"
        for one in all_:
            one.join(WAIT_SECONDS)
            self.assertIsNone(one.failure, f"{one.name_}, seed {seed}")
            self.assertFalse(one.is_alive(), f"{one.name_}, seed {seed}")
            self.assertEqual(one.all(), self.ids(0, number), f"{one.name_}, seed {seed}")
        hops = sum(one.hops for one in all_)
        print(f"    {WANDERERS} sessions moved {hops} times while {number} items were published")
        self.assertGreater(hops, WANDERERS)


    def test_sessions_that_move_while_a_member_is_killed_lose_nothing(self):
        """What was sent and not acknowledged, or acknowledged just before, may come again."""
        seed = random.randrange(1000) * 3
        all_ = [Survivor(self, f"survive{number}", seed + number) for number in range(WANDERERS)]
        for one in all_:
            one.start()
            self.addCleanup(lambda who=one: who.client.socket.close())
        killed = threading.Thread(target=self.kill_one, daemon=True)
        killed.start()
        number = 0
        while killed.is_alive():
            self.publish_surely(number)
            number += 1
        self.publish_surely(number)
        for one in all_:
            one.last = f"i{number}"
        for one in all_:
            one.join(WAIT_SECONDS)
            self.assertIsNone(one.failure, f"{one.name_}, seed {seed}")
            self.assertFalse(one.is_alive(), f"{one.name_}, seed {seed}")
            missing = set(self.ids(0, number + 1)) - set(one.all())
            self.assertEqual(missing, set(), f"{one.name_}, seed {seed}")
        came = sum(len(one.all()) for one in all_)
        print(
            f"    {WANDERERS} sessions moved {sum(one.hops for one in all_)} times, began anew "
            f"{sum(one.anew for one in all_)} times, and got {came - WANDERERS * (number + 1)} of "
            f"{WANDERERS * (number + 1)} items again"
        )

    def kill_one(self):
        time.sleep(2)
        self.cluster[0].kill9()
        time.sleep(3)
        self.cluster[0].spawn()
        self.cluster[0].wait_started()
        time.sleep(2)

    def publish_surely(self, number):
        """Where the leader is lost: until it is acknowledged."""
        until(
            lambda: "type='result'" in self.publisher.pubsub(
                "set", self.publisher.publish(self.name, "x", f"i{number}")
            ),
            f"i{number} is taken",
        )


@needs_etcd
class Lost(Members):
    """The member of the session is gone."""

    def test_a_client_of_a_lost_member_begins_anew_at_once(self):
        client = self.subscriber("kim", self.cluster[0])
        self.publish(0, 5)
        client.wait_items("i4")
        client.ack()
        client.answers_requests = False
        self.publish(5, 10)
        client.wait_items("i9")
        self.cluster[0].kill9()
        begin = time.monotonic()
        again = self.connect(self.cluster[1])
        name, _, children = again.try_to_resume(self.bundle("kim"), client.token, client.handled)
        self.assertEqual(name, "failed")
        self.assertIn("item-not-found", children[0])
        again.is_counting = False
        again.bind_after_refusal("r")
        again.send("<presence/>")
        again.wait_items("i9")
        took = time.monotonic() - begin
        print(f"    after the loss of its member a client had what it lacked in {took:.2f} s")
        got = again.items()
        self.assertEqual(got[-5:], self.ids(5, 10))
        self.assertEqual(got, [f"i{number}" for number in range(10 - len(got), 10)])
        self.publish(10, 12)
        again.wait_items("i11")
        self.assertEqual(again.items()[-2:], self.ids(10, 12))
        for member in (self.cluster[1], self.cluster[2]):
            until(lambda one=member: self.has_one_session(one, "kim"), member.name)

    def test_what_was_acknowledged_comes_again_within_the_lag_of_positions_alone(self):
        """Delivery positions are asked for once a second, and noted with the tick that follows."""
        client = self.subscriber("lag", self.cluster[0])
        published = {}
        end = time.monotonic() + 6
        number = 0
        while time.monotonic() < end:
            self.publish(number, number + 1)
            published[f"i{number}"] = time.monotonic()
            client.wait_items(f"i{number}")
            client.ack()
            number += 1
        client.ping()
        last = time.monotonic()
        self.cluster[0].kill9()
        again = self.connect(self.cluster[1]).login(self.bundle("lag"), "r")
        again.enable()
        again.say("<presence/>")
        again.ping()
        self.publish(number, number + 1)
        got = again.wait_items(f"i{number}")
        repeated = got[:-1]
        oldest = max((last - published[one] for one in repeated), default=0)
        print(
            f"    of {number} items that were acknowledged {len(repeated)} came again, the oldest "
            f"{oldest:.2f} s old"
        )
        self.assertEqual(got, self.ids(number - len(repeated), number + 1))
        self.assertLess(oldest, LAG_SECONDS * 2)

    def test_a_member_that_dies_while_it_is_asked_loses_nothing(self):
        client = self.subscriber("hal", self.cluster[0])
        self.publish(0, 5)
        client.wait_items("i4")
        client.answers_requests = False
        self.publish(5, 10)
        client.cut()
        self.cluster[0].pause()
        again = self.connect(self.cluster[1])
        again.authenticated(self.bundle("hal"))
        begin = time.monotonic()
        again.ask_to_resume(client.token, 0)
        again.wait(lambda: again.words, WAIT_SECONDS)
        print(f"    a member that says nothing is given up after {time.monotonic() - begin:.2f} s")
        self.assertEqual(again.words[0][0], "failed")
        self.cluster[0].kill9()
        again.is_counting = False
        again.bind_after_refusal("r")
        again.send("<presence/>")
        again.wait_items("i9")
        self.assertEqual(again.items()[-5:], self.ids(5, 10))


class Reader(threading.Thread):
    """A client of the drained member: goes where it is sent, and resumes there."""

    def __init__(self, case, name, member, last):
        super().__init__(daemon=True)
        self.case, self.name_, self.last = case, name, last
        self.client = case.subscriber(name, member)
        self.items, self.seconds, self.moves, self.failure = [], [], 0, None

    def run(self):
        try:
            while not self.is_done():
                self.read()
        except Exception as failure:   # told by the test
            self.failure = repr(failure)

    def is_done(self):
        return self.last.is_set() and self.last.name in self.items + self.client.items()

    def read(self):
        client = self.client
        client.receive(time.monotonic() + 2)   # this thread may not run for a part of that
        if not client.closed:
            return
        host = re.search(r"<see-other-host[^>]*>([^<]*):(\d+)</see-other-host>", client.seen)
        assert host, client.seen[-500:]
        self.items += client.items()
        begin = time.monotonic()
        again = Managed((host[1], int(host[2])), DOMAIN)
        self.client = again.resume(self.case.bundle(self.name_), client)
        self.seconds.append(time.monotonic() - begin)
        self.moves += 1

    def all(self):
        return self.items + self.client.items()


@needs_etcd
class Draining(Members):
    def drained(self, publish):
        """Readers at a member that is drained while `publish` runs."""
        member = self.cluster[0]
        last = threading.Event()
        last.name = None
        readers = [Reader(self, f"drain{number}", member, last) for number in range(CLIENTS)]
        for reader in readers:
            reader.start()
            self.addCleanup(lambda one=reader: one.client.socket.close())
        published = publish(lambda: member.admin_ctl("cluster", "drain"))
        last.name = published[-1]
        last.set()
        for reader in readers:
            reader.join(WAIT_SECONDS)
        return readers, published

    def test_clients_of_a_drained_member_go_on_elsewhere_and_miss_nothing(self):
        def publish(drain):
            published = []
            for number in range(LOAD_ITEMS):
                self.publish(number, number + 1)
                published.append(f"i{number}")
                if number == LOAD_ITEMS // 3:
                    threading.Thread(target=drain, daemon=True).start()
            return published

        readers, published = self.drained(publish)
        for reader in readers:
            self.assertIsNone(reader.failure, reader.name_)
            self.assertFalse(reader.is_alive(), reader.name_)
            self.assertEqual(reader.all(), published, reader.name_)
            self.assertEqual(reader.moves, 1)
        seconds = sorted(one for reader in readers for one in reader.seconds)
        print(
            f"    {CLIENTS} clients resumed at another member in {seconds[len(seconds) // 2]:.2f} s"
            f" at the median, {seconds[-1]:.2f} s at most"
        )
        until(
            lambda: not any(
                session["stream_management"]
                for session in self.cluster[0].rest("GET", "sessions")["sessions"]
            ),
            "nothing of them is left there",
        )

    def test_a_client_without_stream_management_gets_what_it_missed(self):
        client = self.talker("plain", self.cluster[0])
        until(lambda: self.takes(client), "the node is known there")
        self.publish(0, 5)
        client.expect("<item [^>]*id='i4'")
        self.cluster[0].admin_ctl("cluster", "drain")
        text = client.until_closed(WAIT_SECONDS)
        self.assertIn("<see-other-host", text)
        self.publish(5, 10)
        again = Talker(self.cluster[1].c2s, DOMAIN)
        self.addCleanup(again.socket.close)
        again.login(self.bundle("plain"), "r")
        again.send("<presence/>")
        again.expect("<item [^>]*id='i5'.*?<item [^>]*id='i9'")

    def takes(self, client):
        answer = client.pubsub("set", f"<subscribe node='{self.name}' jid='plain@{DOMAIN}'/>")
        return "type='result'" in answer


if __name__ == "__main__":
    unittest.main()
