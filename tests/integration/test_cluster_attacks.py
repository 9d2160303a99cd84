# tests/integration/test_cluster_attacks.py: strangers at the links, a member that lies, an etcd
# that lies, a log that somebody changes, wrong clocks, and members that others must not wait for.
import os
import socket
import ssl
import threading
import time
import unittest

from cluster.disk import DISK_MEBIBYTES
from cluster.etcd import is_installed
from cluster.impostor import (
    CONTROL, COPY, DIRECTORY, STANZA, STORE, Impostor, mutations, query, session_number, state,
    states, text, to_session, u64, varint,
)
from cluster.liar import Liar
from cluster.members import Cluster, Refused
from gridd import DOMAIN
from managed import Managed
from raw import PATIENCE
from talker import Talker

WAIT_SECONDS = 60       # on a machine that has others to serve
ANSWER_SECONDS = 20     # of an answer that waits for nobody in vain
ALL = "allow any to message any\nallow any any any\n"
SEED = int(os.environ.get("GRIDD_SEED", time.time()))

needs_etcd = unittest.skipUnless(is_installed(), "etcd is not installed (conf/install-deps --test)")


def until(condition, what, seconds=WAIT_SECONDS):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


class Attacked(unittest.TestCase):
    settings = {}
    disk = False

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(
            policy=ALL, settings={"accounts.auto_approve": "true", **cls.settings}
        )
        cls.addClassCleanup(cls.cluster.close)
        if cls.disk:
            cls.cluster[2].with_small_disk(DISK_MEBIBYTES)
        cls.cluster.start()
        cls.bundles = {}

    def setUp(self):
        self.cluster.fabric.mend()
        self.cluster.wait_ready(self.cluster.members)
        until(self.are_linked, "the links")

    def are_linked(self):
        found = self.cluster.status().values()
        names = {one.name for one in self.cluster}
        return len(found) == len(names) and all(
            one["linked"] or one["self"] for status in found for one in status["members"]
            if one["name"] in names
        )

    def client(self, name, member, resource="r"):
        if name not in self.bundles:
            self.bundles[name] = self.cluster.client(name)
        talker = Talker(member.c2s, DOMAIN)
        self.addCleanup(lambda: talker.socket.close())
        talker.login(self.bundles[name], resource, PATIENCE)
        talker.presence()
        return talker

    def cut_from_etcd(self, member):
        for one in self.cluster.etcd.all:
            self.cluster.fabric.cut(member.name, one.name)

    def disable(self, name, by):
        begin = time.monotonic()
        by.rest("POST", f"accounts/{name}@{DOMAIN}/disable", {}, seconds=WAIT_SECONDS)
        return time.monotonic() - begin

    def serves(self):
        """All run, and what one writes the others have."""
        for one in self.cluster:
            self.assertIsNone(one.process.poll(), one.log()[-3000:])
        node = f"serves-{time.monotonic_ns()}"
        self.client("pub", self.cluster[0], node).does(f"<create node='{node}'/>")
        self.cluster.wait_same()
        for one in self.cluster:
            self.client("pub", one, "look" + node).does(
                Talker.publish(None, node, "x", "i" + one.name)
            )


@needs_etcd
class Liars(Attacked):
    """Who has a member's certificate may do much; what cannot be understood hurts nobody."""

    def impostor(self):
        one = Impostor(self.cluster)
        one.register()
        self.addCleanup(one.leave)
        for member in self.cluster:
            until(
                lambda m=member: any(
                    o["name"] == one.name for o in m.rest("GET", "cluster")["members"]
                ), "it is known",
            )
        return one

    def test_strangers_by_the_hundred_do_not_part_members(self):
        member = self.cluster[0]
        host, _, port = member.settings["listen.cluster"].rpartition(":")
        client = self.client("pub", member, "beside")
        client.does("<create node='beside'/>")
        mark = member.log_mark()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        ends = threading.Event()

        def knock(kind):
            while not ends.is_set():
                try:
                    with socket.create_connection((host, int(port)), 5) as one:
                        one.settimeout(2)
                        if kind == 0:
                            one.send(b"\x16\x03\x01")   # half a hello of TLS
                            ends.wait(0.3)
                        elif kind == 1:
                            ends.wait(0.3)              # not a word
                        elif kind == 2:
                            one.send(b"\0\0\1\0\0" + b"x" * 300)
                            one.recv(100)
                        else:
                            context.wrap_socket(one).recv(100)
                except OSError:
                    pass

        threads = [threading.Thread(target=knock, args=(n % 4,)) for n in range(40)]
        for one in threads:
            one.start()
        slowest = 0.0
        try:
            for number in range(60):
                begin = time.monotonic()
                client.does(client.publish("beside", "x", f"i{number}"))
                slowest = max(slowest, time.monotonic() - begin)
                time.sleep(0.05)
        finally:
            ends.set()
            for one in threads:
                one.join()
        print(f"    the slowest publish beside strangers took {slowest:.2f} s")
        self.assertNotIn("cluster_link_down", member.log(mark))
        self.assertIn("cluster_link_refused", member.log(mark))
        self.serves()

    def test_a_member_that_lies_ends_nobody(self):
        one = self.impostor()
        victim = self.client("victim", self.cluster[1])
        number = next(
            found["id"] for found in
            self.cluster[1].rest("GET", f"sessions?jid=victim@{DOMAIN}")["sessions"]
        )
        number = int(number)
        print(f"    seed {SEED}")
        own = session_number(one.number, 1)
        jid = f"liar@{DOMAIN}/x"
        deep = "<iq type='get' id='d'>" + "<a xmlns='u'>" * 100_000 + "</a>" * 100_000 + "</iq>"
        frames = [
            (DIRECTORY, b"\1" + u64(0)), (DIRECTORY, b"\4"),
            (DIRECTORY, states(state(own, jid, words=f" from='{jid}'/>"))),
            (DIRECTORY, states(state(number, f"victim@{DOMAIN}/r"))),       # another one's number
            (DIRECTORY, states(*(state(own + n, f"{'l' * n}@{DOMAIN}/x") for n in range(300)))),
            (DIRECTORY, states(state(own + 900, ""), state(own + 901, "@/"))),
            (DIRECTORY, b"\2" + varint(2**63)), (DIRECTORY, b"\2" + varint(99_999)),
            (DIRECTORY, b"\3" + varint(2) + u64(number) + u64(own)),
            (DIRECTORY, b"\5" + varint(2) + u64(own) + u64(2**63) + u64(own) + u64(2**64 - 1)),
            (DIRECTORY, b"\6" + u64(2**64 - 1)), (DIRECTORY, b"\1" + u64(2**64 - 1)),
            (STANZA, to_session(1, number, f"victim@{DOMAIN}/r", "<no xml")),
            (STANZA, to_session(2, 2**64 - 1, "nobody", f" from='{jid}'><body>x</body></message>")),
            (STANZA, query(3, own, number, f"victim@{DOMAIN}/r", deep)),
            (STANZA, query(4, number, own, f"victim@{DOMAIN}/r", "<iq/>")),   # of another's asker
            (STANZA, query(5, own, 7, "", "<iq type='get' id='x'><q xmlns='u'/></iq>")),
            (STANZA, query(6, own, 7, f"victim@{DOMAIN}/r", "<iq type='get' id='x'/>")),
            (STANZA, query(7, own, 7, f"victim@{DOMAIN}/r", "x" * 100_000)),
            (STORE, b"\1" + u64(1) + u64(1) + u64(0) + u64(1) + u64(0)),
            (STORE, b"\2" + u64(1) + varint(1) + u64(1) + b"\1" + text("no") + u64(2**63)),
            (STORE, b"\3" + u64(1) + u64(1)), (STORE, b""), (STORE, b"\1" * 5000),
            (COPY, b"\1" + u64(1)), (COPY, b"\2" + u64(1)), (COPY, b"\3" + u64(9)),
            (COPY, b"\4" + u64(1) + text("s") + u64(1) + u64(1) + varint(2**40)),
            (COPY, b"\6" + u64(1) + varint(2**63) + text("x") + text("")),
            (CONTROL, b"\1" + u64(2**64 - 1)), (CONTROL, b"\2" + u64(2**64 - 1)),
            (CONTROL, b"\3" + u64(99)), (CONTROL, b"\x09" + u64(1)), (CONTROL, b""),
            (200, b"x" * (8 << 20)), (6, b"y"), (0, b"\2"), (0, b""), (0, b"\x09"),
        ]
        for member in self.cluster:
            wire = one.connect(member)
            for channel, payload in frames:
                one.say(wire, channel, payload)
            self.serves()
        for member in self.cluster:
            wire = one.connect(member)
            for channel, payload in mutations(SEED, frames, 3_000):
                try:
                    one.say(wire, channel, payload)
                except OSError:
                    wire = one.connect(member)
        self.serves()
        self.assertIn("result", victim.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN))
        self.floods(one)
        self.assertEqual([], [other.name for other in self.cluster if "Sanitizer" in other.log()])

    def floods(self, one):
        member = self.cluster[0]
        wire = one.connect(member)
        before = member.resident_bytes()
        for number in range(100):
            one.say(wire, COPY, b"\1" + u64(number))
        for number in range(20_000):
            one.say(wire, CONTROL, b"\1" + u64(2**62 + number))
        self.serves()
        with self.assertRaises(OSError):
            one.say(wire, DIRECTORY, b"\2" + b"x" * (8 << 20))   # longer than a frame may be
            while True:
                one.hear(wire)
        self.serves()
        grown = member.resident_bytes() - before
        print(f"    {grown / 2**20:.0f} MiB more after the floods")
        self.assertLess(grown, 256 << 20)

    def test_a_key_without_a_lease_is_no_member(self):
        one = Impostor(self.cluster, "ghost", 77)
        one.put("/gridd/test/members/ghost", (
            '{"version":1,"id":"77","name":"ghost","address":"127.0.0.1:9","flushed_group":"0"}'
        ))
        self.client("haunted", self.cluster[0])
        self.cluster.wait_same()
        self.assertLess(self.disable("haunted", self.cluster[1]), ANSWER_SECONDS)
        for member in self.cluster:
            self.assertNotIn("ghost", str(member.rest("GET", "cluster")["members"]))


@needs_etcd
class CutOff(Attacked):
    """A member that etcd does not know any more is not waited for, and does no harm."""

    settings = {"cluster.max_staleness_ms": "6000"}

    def test_nothing_goes_to_a_disabled_account_after_the_answer(self):
        here, there = self.cluster[0], self.cluster[1]
        victim, friend = self.client("vic", there), self.client("fay", here)
        other = self.client("ned", there)
        until(lambda: len(here.rest("GET", f"sessions?jid=vic@{DOMAIN}")["sessions"]), "it is told")
        self.cluster.wait_same()   # the accounts are known, too
        friend.send(f"<message type='chat' to='vic@{DOMAIN}/r'><body>before</body></message>")
        victim.expect("before", WAIT_SECONDS)
        victim.does("<create node='of-vic'/>")
        self.cut_from_etcd(there)
        took = self.disable("vic", here)
        print(f"    the answer came {took:.1f} s after the request")
        # The member refuses by now, and not some time later.
        self.assertIn("type='wait'", victim.pubsub("get", "<items node='of-vic'/>"))
        self.assertIn("type='wait'", other.pubsub("get", "<items node='of-vic'/>"))
        for kind in ("chat", "headline"):
            friend.send(f"<message type='{kind}' to='vic@{DOMAIN}/r'><body>after</body></message>")
        friend.send(f"<presence to='vic@{DOMAIN}/r'><status>after</status></presence>")
        friend.send(
            f"<iq type='get' id='late' to='vic@{DOMAIN}/r'><query xmlns='jabber:iq:version'/></iq>"
        )
        friend.expect("id='late'", WAIT_SECONDS)
        time.sleep(1)   # for those that would be under way
        self.cluster.fabric.mend()
        self.assertNotIn("after", victim.until_closed(WAIT_SECONDS))

    def test_a_member_whose_name_another_one_took_refuses(self):
        member = self.cluster[2]
        client = self.client("pub", member, "stays")
        client.does("<create node='stays'/>")
        member.pause()
        until(
            lambda: "m2" not in str(self.cluster[0].rest("GET", "cluster")["members"]),
            "its lease ends",
        )
        thief = Impostor(self.cluster, "m2", 3)
        thief.register()
        try:
            member.go_on()
            until(lambda: not self.cluster.says_ready(member), "it is not ready")
            time.sleep(10)
            self.assertFalse(self.cluster.says_ready(member))
            self.assertIn("type='wait'", client.pubsub("get", "<items node='stays'/>"))
        finally:
            thief.leave()
        self.cluster.wait_ready([member])


@needs_etcd
@unittest.skipUnless(os.geteuid() == 0, "a small file system needs root")
class Stuck(Attacked):
    """A member that cannot follow keeps its lease, and holds up nobody."""

    disk = True

    def test_a_full_disk_of_a_member_holds_up_no_answer_and_no_leader(self):
        stuck = self.cluster[2]
        if self.cluster.wait_leader() is stuck:
            stuck.admin_ctl("cluster", "promote", "m0")
            until(lambda: self.cluster.leader() is self.cluster[0], "m0 leads")
        for name in ("one", "two"):
            self.client(name, self.cluster[0])
        stuck.disk.fill()
        try:
            writer = self.client("pub", self.cluster[0], "writer")
            writer.does("<create node='written'/>")
            until(lambda: not self.cluster.says_ready(stuck), "it says that it is stuck")
            took = self.disable("one", self.cluster[1])
            print(f"    with a member on a full disk the answer came after {took:.1f} s")
            self.assertLess(took, ANSWER_SECONDS)
            for member in self.cluster.members[:2]:
                self.assertTrue(self.cluster.says_ready(member))
            # A member that can follow can lead.
            leader = self.cluster.wait_leader()
            self.assertIsNot(leader, stuck)
            other = next(one for one in self.cluster.members[:2] if one is not leader)
            writer = self.client("pub", other, "again")
            leader.kill9()
            begin = time.monotonic()
            until(
                lambda: "type='result'" in writer.pubsub("set", writer.publish("written")),
                "writes go on",
            )
            print(f"    and writes went on {time.monotonic() - begin:.1f} s after the leader's end")
            leader.spawn()
            leader.wait_started()
        finally:
            stuck.disk.make_space()
        self.cluster.wait_ready()
        self.cluster.wait_same()
        with self.assertRaises(AssertionError):
            self.client("one", stuck)
        self.assertLess(self.disable("two", stuck), ANSWER_SECONDS)
        until(
            lambda: all(
                one["flushed_group"] for one in self.cluster[0].rest("GET", "cluster")["members"]
            ), "all are waited for again",
        )


@needs_etcd
class Joining(Attacked):
    settings = {"cluster.groups_kept": "100"}

    def test_a_member_joins_while_others_write_more_than_the_log_keeps(self):
        leader = self.cluster.wait_leader()
        giver, joining = self.cluster.followers()
        owner = self.client("pub", leader, "owner")
        owner.does("<create node='large'/>")
        owner.does("<create node='small'/>")
        for number in range(48):
            owner.does(owner.publish("large", "x" * 250_000, f"i{number}"))
        log = lambda: self.cluster.etcd.keys("/gridd/test/log/")   # noqa: E731
        number = 0
        while f"/gridd/test/log/{1:020}" in log():   # a start begins with a copy
            for number in range(number, number + 50):
                owner.does(owner.publish("small", "x", f"i{number}"))
        joining.kill9()
        joining.wipe()
        ends = threading.Event()
        written = []

        def write(name):
            one = self.client("pub", leader, name)
            while not ends.is_set():
                if "type='result'" in one.pubsub("set", one.publish("small", "x", "i")):
                    written.append(1)

        threads = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(2)]
        # Half a second for each quarter of a mebibyte.
        for other in (leader, giver):
            self.cluster.fabric.slow(other.name, joining.name, 0.1)
        for one in threads:
            one.start()
        try:
            before = joining.log_mark()
            joining.spawn()
            joining.wait_started()
            self.assertIn("cluster_copy_fetched", joining.log(before))
            begin = len(written)
            self.cluster.fabric.mend()
            self.cluster.wait_ready([joining])
        finally:
            ends.set()
            for one in threads:
                one.join()
        print(f"    {begin} changes while a member joined")
        self.assertGreater(begin, 300)
        self.cluster.wait_same()
        # The log is kept for 20 × groups_kept: a copy may take longer, and is made again.
        self.assertLessEqual(joining.log(before).count("cluster_copy_fetched"), 3)
        until(lambda: len(log()) < 400, "the log is trimmed again")


@needs_etcd
class Lies(unittest.TestCase):
    def test_a_member_survives_whatever_etcd_answers(self):
        cluster = Cluster(1, 1, ALL, {"accounts.auto_approve": "true"}, fabric=False, tls=False)
        self.addCleanup(cluster.close)
        member, etcd = cluster[0], cluster.etcd.all[0]
        liar = Liar(etcd)
        self.addCleanup(liar.close)
        member.settings["cluster.etcd"] = liar.url
        cluster.start()
        talker = Talker(member.c2s, DOMAIN)
        self.addCleanup(talker.socket.close)
        talker.login(cluster.client("pub"), "r")
        talker.does("<create node='told'/>")
        before = member.resident_bytes()
        for number, way in enumerate(
            ("cut", "empty", "words", "html", "deep", "silent", "huge", "slow", "bare")
        ):
            with self.subTest(way):
                liar.lie(way)
                until(lambda: not cluster.says_ready(member), f"{way}: it believes that")
                answer = talker.pubsub("set", talker.publish("told", "x", "no"))
                self.assertIn("type='wait'", answer)
                liar.lie(None)
                cluster.wait_ready()
                until(
                    lambda: "type='result'" in talker.pubsub(
                        "set", talker.publish("told", "x", f"i{number}")
                    ), "publishes are taken again",
                )
        self.assertLess(member.resident_bytes() - before, 600 << 20)
        self.assertIsNone(member.process.poll())

    def test_what_is_under_way_when_etcd_falls_silent_is_answered(self):
        """A publish that was taken before the member knew: its client hears in time that the
        outcome is not known, or that there is none."""
        cluster = Cluster(1, 1, ALL, {"accounts.auto_approve": "true"}, fabric=False, tls=False)
        self.addCleanup(cluster.close)
        member = cluster[0]
        liar = Liar(cluster.etcd.all[0])
        self.addCleanup(liar.close)
        member.settings["cluster.etcd"] = liar.url
        cluster.start()
        talker = Talker(member.c2s, DOMAIN)
        self.addCleanup(talker.socket.close)
        talker.login(cluster.client("pub"), "r")
        talker.does("<create node='told'/>")
        publish = "<pubsub xmlns='http://jabber.org/protocol/pubsub'>{}</pubsub>"
        for way in ("silent", "html", "huge"):
            with self.subTest(way):
                begin = time.monotonic()
                liar.lie(way)
                answer = talker.ask(
                    "set", publish.format(talker.publish("told", "x", way)), seconds=WAIT_SECONDS
                )
                print(f"    {way}: answered after {time.monotonic() - begin:.1f} s")
                self.assertIn("type='wait'", answer)
                liar.lie(None)
                until(
                    lambda: "type='result'" in talker.pubsub("set", talker.publish("told")),
                    "publishes are taken again",
                )

    def test_what_was_acknowledged_on_a_wrong_answer_is_there(self):
        """Answers that come twice, and so behind the next question; revisions that are not those of
        the change: publishes may wait or be refused, and go on when etcd says the truth."""
        cluster = Cluster(1, 1, ALL, {"accounts.auto_approve": "true"}, fabric=False, tls=False)
        self.addCleanup(cluster.close)
        member = cluster[0]
        liar = Liar(cluster.etcd.all[0])
        self.addCleanup(liar.close)
        member.settings["cluster.etcd"] = liar.url
        cluster.start()
        bundle, acknowledged = cluster.client("pub"), []

        def publish(item):
            talker = Talker(member.c2s, DOMAIN)
            self.addCleanup(talker.socket.close)
            talker.seconds = 8
            try:
                talker.login(bundle, item)
                if "type='result'" in talker.pubsub("set", talker.publish("told", "x", item)):
                    acknowledged.append(item)
                    return True
            except (AssertionError, OSError):
                pass   # no answer, or no login
            return False

        first = Talker(member.c2s, DOMAIN)
        self.addCleanup(first.socket.close)
        first.login(bundle, "first")
        first.does("<create node='told'/>")
        for way in ("twice", "late", "early", "stale"):
            with self.subTest(way):
                liar.lie(way)
                for number in range(3):
                    publish(f"{way}{number}")
                liar.lie(None)
                until(lambda w=way: publish(f"{w}-{time.monotonic_ns()}"), "publishes go on")
                self.assertIsNone(member.process.poll())
        member.kill9()   # a start reads etcd's log again
        member.start()
        cluster.wait_ready()
        last = Talker(member.c2s, DOMAIN)
        self.addCleanup(last.socket.close)
        last.login(bundle, "last")
        answer = last.pubsub("get", "<items node='told'/>")
        self.assertEqual([], [item for item in acknowledged if f"id='{item}'" not in answer])
        self.assertTrue(member.admin_json("audit", "verify")["ok"])


@needs_etcd
class Changed(Attacked):
    """Somebody who has etcd's certificates changes the log while a member does not run."""

    LOG, HEAD = "/gridd/test/log/", "/gridd/test/head"

    def setUp(self):
        super().setUp()
        self.leader = self.cluster.wait_leader()
        self.late = next(one for one in self.cluster if one is not self.leader)
        self.node = f"n{time.monotonic_ns()}"
        self.publisher = self.client("pub", self.leader, self.node)
        self.publisher.does(f"<create node='{self.node}'/>")
        self.publish("before")
        self.cluster.wait_same()
        self.mark = self.late.log_mark()

    def publish(self, item):
        until(
            lambda: "type='result'" in self.publisher.pubsub(
                "set", self.publisher.publish(self.node, f"original {item}", item)
            ), "it is published",
        )

    @staticmethod
    def number_in(head):
        return int(head.split(b"groups=")[1].split()[0])

    def number(self):
        return self.number_in(self.cluster.etcd.keys(self.HEAD)[self.HEAD])

    def key(self, number):
        return f"{self.LOG}{number:020}"

    def behind(self):
        """The late member is away while items are written; the numbers of their groups."""
        self.late.kill9()
        first = self.number() + 1
        for number in range(6):
            self.publish(f"i{number}")
        return range(first, self.number() + 1)

    def group_of(self, numbers, item):
        log = self.cluster.etcd.keys(self.LOG)
        return next(
            number for number in numbers if f"original {item}".encode() in log[self.key(number)]
        )

    def heals(self, reason):
        """The late member says so, copies the store of another one, and is as they are."""
        self.late.spawn()
        until(lambda: reason in self.late.log(self.mark), f"it says {reason}")
        until(lambda: "cluster_copy_fetched" in self.late.log(self.mark), "it has a copy")
        self.is_whole()

    def items(self, member):
        answer = self.client("pub", member, f"look{time.monotonic_ns()}").pubsub(
            "get", f"<items node='{self.node}'/>"
        )
        return sorted(part.split("<")[0] for part in answer.split("original ")[1:])

    def is_whole(self):
        until(lambda: all(map(self.cluster.is_ready, self.cluster)), "all are ready")
        self.publish("after")
        self.cluster.wait_same()
        found = [self.items(one) for one in self.cluster]
        self.assertIn("after", found[0])
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0], found[2])
        until(
            lambda: len({one.admin_ctl("audit", "verify") for one in self.cluster}) == 1,
            "the members have one chain",
        )

    def test_bytes_that_are_no_group(self):
        numbers = self.behind()
        self.cluster.etcd.change((self.key(self.group_of(numbers, "i2")), b"\2 no group at all"))
        self.heals("etcd_log_changed")

    def test_a_group_is_deleted(self):
        numbers = self.behind()
        self.cluster.etcd.change((self.key(self.group_of(numbers, "i2")), None))
        self.heals("cluster_copy_fetched")

    def test_groups_change_places(self):
        numbers = self.behind()
        log = self.cluster.etcd.keys(self.LOG)
        one, other = (self.key(self.group_of(numbers, item)) for item in ("i1", "i2"))
        self.cluster.etcd.change((one, log[other]), (other, log[one]))
        self.heals("etcd_log_changed")

    def test_a_group_stands_there_twice(self):
        numbers = self.behind()
        log = self.cluster.etcd.keys(self.LOG)
        one, other = (self.key(self.group_of(numbers, item)) for item in ("i1", "i2"))
        self.cluster.etcd.change((other, log[one]))
        self.heals("etcd_log_changed")

    def test_a_group_behind_the_head_is_passed_over(self):
        marks = {one.name: one.log_mark() for one in self.cluster}
        until(self.put_behind_the_head, "no member writes meanwhile")
        self.is_whole()
        for one in self.cluster:
            self.assertNotIn("cluster_needs_copy", one.log(marks[one.name]))

    def put_behind_the_head(self):
        """False where a member has written meanwhile: they would take the place of its groups."""
        head = self.cluster.etcd.keys(self.HEAD)[self.HEAD]
        log, last = self.cluster.etcd.keys(self.LOG), self.number_in(head)
        return self.cluster.etcd.change(
            (self.key(last + 1), log[self.key(last)]), (self.key(last + 2), b"nothing"),
            while_is=(self.HEAD, head),
        )

    def test_old_groups_that_all_have_applied_are_changed(self):
        last = self.number()
        until(
            lambda: all(one.cluster_status()["applied_group"] >= last for one in self.cluster),
            "all have applied it",
        )
        self.cluster.etcd.change((self.key(last), b"nothing"))
        self.cluster.etcd.change((self.key(last), None))
        self.is_whole()

    def changes_head(self, kind):
        """What it was and is; None where a member has written meanwhile."""
        good = self.cluster.etcd.keys(self.HEAD)[self.HEAD]
        bad = {
            "no head": b"v1 nonsense", "none": None,
            "ahead": good.replace(b"groups=", b"groups=9"),
        }[kind]
        is_done = self.cluster.etcd.change((self.HEAD, bad), while_is=(self.HEAD, good))
        return (good, bad) if is_done else None

    def test_the_head_is_changed(self):
        """Nobody can know what is committed: all refuse, and say why."""
        for number, kind in enumerate(("no head", "none", "ahead")):
            with self.subTest(kind):
                marks = {one.name: one.log_mark() for one in self.cluster}
                good, bad = until(lambda k=kind: self.changes_head(k), "the head is changed")
                for one in self.cluster:
                    until(lambda one=one: not self.cluster.says_ready(one), f"{bad}: {one.name}")
                    until(
                        lambda one=one: any(
                            word in one.log(marks[one.name])
                            for word in ("etcd_log_changed", "etcd_log_trimmed")
                        ), f"{bad}: {one.name} says so",
                    )
                self.cluster.etcd.change((self.HEAD, good))
                if kind == "ahead":   # they wait for groups that never were
                    for one in self.cluster:
                        self.assertIsNone(one.process.poll())
                        one.kill9()
                        one.spawn()
                    for one in self.cluster:
                        one.wait_started()
                until(lambda: all(map(self.cluster.is_ready, self.cluster)), "all are ready")
                self.publisher = self.client("pub", self.cluster.wait_leader(), f"again{number}")
                self.publish(f"again{number}")


@needs_etcd
class Clocks(unittest.TestCase):
    """One member's clock is wrong. Leases, staleness and links do not go by it."""

    def test_a_member_whose_clock_is_wrong(self):
        cluster = Cluster(policy=ALL, settings={"accounts.auto_approve": "true"})
        self.addCleanup(cluster.close)
        wrong = cluster[2].with_clock()
        cluster.start()

        def log_in(name, member, resource):
            talker = Talker(member.c2s, DOMAIN)
            self.addCleanup(lambda: talker.socket.close())
            talker.login(cluster.client(name), resource, PATIENCE)
            talker.presence()
            return talker

        log_in("pub", cluster[0], "first").does("<create node='timed'/>")
        def disturbs(ahead):
            """What the clock's way there and back does to leases and links."""
            marks = {one.name: one.log_mark() for one in cluster}
            wrong.set_clock(ahead)
            self.goes_on(cluster, wrong, log_in, ahead)
            wrong.set_clock(0)
            said = "".join(one.log(marks[one.name]) for one in cluster)
            return [
                word for word in ("cluster_lease_lost", "cluster_cut_off", "cluster_link_down")
                if word in said
            ]

        for ahead in (60, -60, 86_400, -86_400):
            with self.subTest(ahead=ahead):
                # A clock does so each time, and a machine that has others to serve now and then.
                self.assertTrue(any(disturbs(ahead) == [] for _ in range(3)))
        # Sessions may be ending yet, each of which is a record.
        until(
            lambda: len({one.admin_ctl("audit", "verify") for one in cluster}) == 1,
            "the members have one chain",
        )

    @staticmethod
    def resumed(member, bundle, client):
        """None: the member has not been told of the session yet."""
        again = Managed(member.c2s, DOMAIN)
        try:
            return again.resume(bundle, client)
        except AssertionError:
            again.socket.close()
            return None

    @staticmethod
    def knows(member, name):
        try:
            return member.rest("GET", f"accounts/{name}@{DOMAIN}")
        except Refused:
            return None

    def goes_on(self, cluster, wrong, log_in, ahead):
        right = cluster[0]
        until(
            lambda: any(
                one["clock_ahead_ms"] is not None
                and abs(one["clock_ahead_ms"] - 1000 * ahead) < 20_000
                for one in right.cluster_status()["members"] if one["name"] == wrong.name
            ), "the others see it",
        )
        # Items are written while the wrong clock leads, and afterwards.
        for leader in (wrong, right):
            right.admin_ctl("cluster", "promote", leader.name)
            until(lambda one=leader: cluster.leader() is one, "it leads")
            for one in cluster:
                talker = log_in("pub", one, f"at{time.monotonic_ns()}")
                until(
                    lambda t=talker, o=one: "type='result'" in t.pubsub(
                        "set", t.publish("timed", "x", f"{o.name}{ahead}")
                    ), f"{one.name} publishes",
                )
            cluster.wait_same()
        # A session goes on from the wrong clock to a right one, and back.
        name = f"moves{time.monotonic_ns()}"
        client = Managed(wrong.c2s, DOMAIN)
        self.addCleanup(lambda: client.socket.close())
        client.login(cluster.client(name), "r")
        client.enable()
        for member in (right, wrong):
            client.ping()
            client.cut()
            client = until(
                lambda m=member, c=client: self.resumed(m, cluster.client(name), c),
                f"it goes on at {member.name}",
            )
        # A right that is taken away is gone there, too, at once.
        name = f"gone{time.monotonic_ns()}"
        there = log_in(name, wrong, "r")
        until(
            lambda: self.knows(right, name), "the member has heard of the account"
        )
        begin = time.monotonic()
        right.rest("POST", f"accounts/{name}@{DOMAIN}/disable", {}, seconds=WAIT_SECONDS)
        self.assertLess(time.monotonic() - begin, ANSWER_SECONDS)
        there.until_closed(WAIT_SECONDS)


@needs_etcd
class Versions(Attacked):
    """A member of another version of the links is refused, and operators see why."""

    def why(self, member, name):
        found = member.rest("GET", "cluster")["members"]
        return next((one["link_failure"] for one in found if one["name"] == name), "")

    def meet(self, one, words):
        for member in self.cluster:
            until(lambda m=member: words in self.why(m, one.name), member.log()[-2000:])
            self.assertIn(words, member.admin_ctl("cluster", "status"))
            self.assertIn("same version", self.why(member, one.name))

    def test_an_older_member_that_connects(self):
        one = Impostor(self.cluster, "older")
        one.register()
        self.addCleanup(one.leave)
        for member in self.cluster:
            until(lambda m=member: one.name in str(m.rest("GET", "cluster")), "it is known")
            with self.assertRaises(ConnectionError):
                one.connect(member, version=1)
            until(lambda m=member: "the versions 1 to 1 of the links" in m.log(), "it is logged")
        self.meet(one, "the versions 1 to 1 of the links")

    def test_a_newer_member_that_is_connected_to(self):
        """It says so in its own words, or by its hello."""
        for number, answer in enumerate((
            b"\3it speaks the versions 3 to 3 of the links' protocol, and newer0 7 to 7: install "
            b"the same version of gridd on all members",
            b"\1" + bytes((0, 0, 0, 7)) * 2 + text("test") + text("newer1") + u64(2**64 - 3)
            + u64(1),
        )):
            one = Impostor(self.cluster, f"newer{number}", 2**64 - 2 - number)
            one.listen(answer)
            one.register()
            try:
                self.meet(one, "7 to 7")
                for member in self.cluster:
                    until(lambda m=member: "cluster_link_failed" in m.log(), "it is logged")
            finally:
                one.leave()


if __name__ == "__main__":
    unittest.main()
