# tests/integration/test_cluster.py: three members over three etcds: one grid, whichever of them a
# client is at, and whatever ends.
"""tests/cluster/run does it for longer, with faults drawn by a seed."""

import asyncio
import json
import os
import random
import socket
import ssl
import tempfile
import time
import unittest

import test_scenario
from cluster.disk import DISK_MEBIBYTES
from cluster.etcd import is_installed
from cluster.history import check, checker
from cluster.members import Cluster, Refused
from cluster.story import Faults, Story
from gridd import DOMAIN
from policies import EVERYTHING
from grid_protocol import find
from raw import Raw
from revoking import RevokingAuthority, serial_of
from stock import SECONDS, Client
from talker import Talker, form

GOES_ON_SECONDS = 3    # after the loss of a member
PING = "<ping xmlns='urn:xmpp:ping'/>"
BUSY = 4               # times that, on a machine that has others to serve
ALL = "allow any any any\n"
STORY_SECONDS = float(os.environ.get("GRIDD_CLUSTER_SECONDS", 60))

needs_etcd = unittest.skipUnless(is_installed(), "etcd is not installed (conf/install-deps --test)")


@needs_etcd
class ScenarioOnThree(test_scenario.Scenario):
    """The publisher, the subscriber and the administrator are each at another member."""

    count, fabric = 3, True

    async def asyncSetUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gridd-test-")
        self.addCleanup(folder.cleanup)
        self.root = RevokingAuthority(os.path.join(folder.name, "root"))
        self.list = os.path.join(folder.name, "revoked.crl")
        self.root.crl(self.list)
        self.cluster = Cluster(
            self.count,
            policy=test_scenario.POLICY,
            settings={
                "accounts.approve": "o=Example Corp; group=readers -> readers",
                "controller.subtopic_grace_seconds": "0",
                "tls.crl": self.list,
                "cluster.acknowledge": "everywhere",
            },
            authority=self.root,
            fabric=self.fabric,
        )
        self.addCleanup(self.cluster.close)
        self.cluster.start()
        self.server = self.cluster[2]
        self.places = {"ise": self.cluster[0], "asa": self.cluster[1], "guest": self.cluster[2]}
        self.bundles = {}

    async def log_in(self, name, resource="test", presence=True):
        if name not in self.bundles:
            organization = "Example Corp" if name == "asa" else None
            self.bundles[name] = self.root.client(f"{name}@{DOMAIN}", organization=organization)
        client = Client(self.bundles[name], resource)
        await client.login(self.places[name].c2s, presence=presence)
        self.addCleanup(client.drop)
        return client

    async def revocation_while_connected(self, ise):
        """Each member reads the list by itself."""
        ended = ise.disconnected
        self.root.crl(self.list, [serial_of(self.bundles["ise"])])
        await asyncio.wait_for(ended, SECONDS)
        self.assertIn("reset", ise.stream_errors)
        deadline = time.monotonic() + 60
        for member in self.cluster:
            while is_let_in(member, self.bundles["ise"]):
                self.assertLess(time.monotonic(), deadline, member.name)
                await asyncio.sleep(0.2)
        guest = await self.log_in("guest", "after")
        self.assertEqual(await find(guest, test_scenario.SERVICE), [])


def is_let_in(member, bundle):
    with Raw(member.c2s, DOMAIN) as one:
        one.starttls(bundle)
        one.open()
        return "<success" in one.authenticate()


class Three(unittest.TestCase):
    """Each test finds all members serving."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(policy=ALL, settings={"accounts.auto_approve": "true"})
        cls.addClassCleanup(cls.cluster.close)
        cls.prepare_members()
        cls.cluster.start()
        cls.bundles = {}

    @classmethod
    def prepare_members(cls):
        """Before they start."""

    def setUp(self):
        self.cluster.fabric.mend()
        self.cluster.etcd.start()
        for one in self.cluster:
            if one.process is None or one.process.poll() is not None:
                one.kill9()
                one.spawn()
        for one in self.cluster:
            one.wait_started()
        self.cluster.wait_ready()

    def client(self, name, member, resource="r"):
        if name not in self.bundles:
            self.bundles[name] = self.cluster.client(name)
        talker = Talker(member.c2s, DOMAIN)
        self.addCleanup(talker.socket.close)
        talker.login(self.bundles[name], resource)
        talker.presence()
        return talker

    def node(self, name, owner, **fields):
        owner.does(f"<create node='{name}'/><configure>{form('node_config', **fields)}</configure>")

    def items(self, client, node):
        """Ids, oldest first."""
        text = client.pubsub("get", f"<items node='{node}'/>")
        self.assertNotIn("type='error'", text)
        return [part.split("'")[0] for part in text.split("<item id='")[1:]]

    def on_member(self, node, member):
        """The items as that member has them, behind a change of its own."""
        one = self.client("pub", member, f"look-{time.monotonic_ns()}")
        one.does(f"<create node='look-{time.monotonic_ns()}'/>")
        return self.items(one, node)

    def publishes_again(self, client, node, item, seconds=GOES_ON_SECONDS * BUSY):
        """From now on until a publish is acknowledged; how long that took. A refusal says that the
        client should wait, and nothing else."""
        begin = time.monotonic()
        while True:
            answer = client.pubsub("set", client.publish(node, item, item))
            took = time.monotonic() - begin
            if "type='result'" in answer:
                return took
            self.assertRegex(answer, "type='wait'")
            self.assertLess(took, seconds, answer)
            time.sleep(0.05)


@needs_etcd
class Together(Three):
    """Nothing is lost."""

    def test_an_item_reaches_subscribers_at_every_member_in_one_order(self):
        publisher = self.client("pub", self.cluster[0])
        self.node("spread", publisher, max_items=100)
        readers = [self.client(f"sub{one.name}", one) for one in self.cluster]
        for number, reader in enumerate(readers):
            jid = f"sub{self.cluster[number].name}@{DOMAIN}"
            reader.does(f"<subscribe node='spread' jid='{jid}'/>")
        writers = [publisher] + [
            self.client("pub", one, "other") for one in self.cluster.members[1:2]
        ]
        for number in range(10):
            writer = writers[number % 2]
            writer.does(writer.publish("spread", "x", f"i{number}"))
        for reader in readers:
            for number in range(10):
                reader.expect(rf"<item id='i{number}'")

    def test_messages_reach_sessions_elsewhere(self):
        one, other = self.client("ann", self.cluster[0]), self.client("bob", self.cluster[1])
        self.cluster.wait_same()   # a member refuses messages to an account that it has not yet
        one.send(f"<message type='chat' id='m1' to='bob@{DOMAIN}/r'><body>hello</body></message>")
        other.expect(rf"<message [^>]*from='ann@{DOMAIN}/r'.*?hello")
        one.send(f"<message type='chat' id='m2' to='bob@{DOMAIN}'><body>bare</body></message>")
        other.expect("bare")

    def test_a_query_to_a_session_that_is_nowhere_is_answered(self):
        one = self.client("ann", self.cluster[0])
        answer = one.ask(
            "get", "<query xmlns='jabber:iq:version'/>", f"nobody@{DOMAIN}/none"
        )
        self.assertIn("type='error'", answer)

    def test_one_full_address_is_one_session(self):
        """RFC 6120 section 7.7.2.2: one of two ends with a conflict."""
        two = [self.client("cat", self.cluster[number], "same") for number in (0, 1)]
        ended = self.first_that_ends(two)
        self.assertIn("<conflict ", ended.until_closed())
        other = next(one for one in two if one is not ended)
        self.assertIn("result", other.ask("get", PING, DOMAIN))
        again = self.client("cat", self.cluster[2], "same")
        self.assertIs(self.first_that_ends([other, again]), other)

    def first_that_ends(self, clients, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for one in clients:
                one.receive(time.monotonic() + 0.1)
                if "</stream:stream>" in one.seen or one.closed:
                    return one
        raise AssertionError("both go on")

    def test_a_change_of_one_administrator_is_known_everywhere(self):
        victim = self.client("vic", self.cluster[0])
        self.cluster.wait_same()   # the account is new, and each member decides by what it knows
        self.cluster[1].rest("POST", f"accounts/vic@{DOMAIN}/disable")
        for member in self.cluster:
            with self.assertRaises(AssertionError):
                again = Raw(member.c2s, DOMAIN)
                self.addCleanup(again.socket.close)
                again.login(self.bundles["vic"])
        victim.until_closed()
        found = [one.rest("GET", f"accounts/vic@{DOMAIN}")["state"] for one in self.cluster]
        self.assertEqual(found, ["disabled"] * 3)

    def test_the_audit_is_one_chain(self):
        heads = []
        self.client("ann", self.cluster[0]).does(f"<create node='audited-{time.time_ns()}'/>")
        for member in self.cluster:
            member.rest("PUT", "welcome", {"text": f"hello {time.time_ns()}"})
            told = member.admin_json("audit", "verify")
            self.assertTrue(told["ok"], told)
            heads.append(told)
        # Asked again, with nothing between, all say the same.
        deadline = time.monotonic() + 20
        while True:
            heads = [one.admin_json("audit", "verify") for one in self.cluster]
            if heads[0] == heads[1] == heads[2]:
                break
            self.assertLess(time.monotonic(), deadline, heads)
            time.sleep(0.2)

    def test_an_etag_of_one_member_is_refused_by_another_when_it_is_old(self):
        headers, found = self.cluster[0].rest_whole("GET", "policy")
        tag, text = headers["ETag"], found["text"].rstrip("\n")
        self.cluster[1].rest("PUT", "policy", {"text": text + "\n# one\n"}, {"If-Match": tag})
        with self.assertRaises(Refused) as caught:
            self.cluster[2].rest("PUT", "policy", {"text": text + "\n# two\n"}, {"If-Match": tag})
        self.assertEqual(caught.exception.status, 412)

    def test_gridctl_shows_the_cluster(self):
        leader = self.cluster.wait_leader()
        for member in self.cluster:
            text = member.admin_ctl("cluster", "status")
            for other in self.cluster:
                self.assertIn(other.name, text)
            found = member.admin_json("cluster", "status")
            self.assertIn(leader.name, json.dumps(found))

    def test_nobody_gets_in_without_a_members_certificate(self):
        port = int(self.cluster[0].settings["listen.cluster"].rpartition(":")[2])
        authority = self.cluster.members_authority
        for bundle, says in (
            (None, "none at all"),
            (self.cluster.client("stranger"), "a client of the grid"),
            (authority.both_ways("plain", []), "of the right authority, without the role"),
            (authority.member("x", role="urn:gridd:other:x"), "another role"),
        ):
            with self.subTest(says):
                self.assertTrue(is_turned_away(port, authority.path, bundle))
        # The same way a member's own gets in: this test would see the difference.
        self.assertFalse(is_turned_away(port, authority.path, authority.member("m9"), 0.5))


def is_turned_away(port, trusted, bundle, seconds=10):
    """Whether a listener for members closes the connection at once, or in the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(trusted)
    if bundle:
        context.load_cert_chain(bundle.cert, bundle.key)
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as tcp:
            with context.wrap_socket(tcp) as one:
                one.settimeout(seconds)
                while one.recv(4096):   # TLS 1.3: the refusal comes with the first read
                    pass
        return True
    except socket.timeout:
        return False
    except OSError:
        return True


@needs_etcd
class Losses(Three):
    """Members and etcds end, and come back."""

    def setUp(self):
        super().setUp()
        self.name = f"n{time.time_ns()}"
        self.leader = self.cluster.wait_leader()
        self.first, self.second = self.cluster.followers()

    def prepare(self, member):
        client = self.client("pub", member, self.name)
        self.node(self.name, client, max_items=1000)
        for number in range(5):
            client.does(client.publish(self.name, "x", f"a{number}"))
        return client

    def until(self, condition, says, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline, says)
            time.sleep(0.05)

    def test_the_leader_is_killed(self):
        client = self.prepare(self.first)
        self.leader.kill9()
        took = self.publishes_again(client, self.name, "b0")
        print(f"    after the leader's end a publish was acknowledged in {took:.2f} s")
        client.does(client.publish(self.name, "x", "b1"))
        self.leader.spawn()
        self.leader.wait_started()
        self.cluster.wait_ready()
        wanted = [f"a{number}" for number in range(5)] + ["b0", "b1"]
        for member in self.cluster:
            self.assertEqual(self.on_member(self.name, member), wanted, member.name)

    def test_a_follower_is_killed_and_others_do_not_notice(self):
        client = self.prepare(self.leader)
        self.first.kill9()
        for number in range(20):
            begin = time.monotonic()
            client.does(client.publish(self.name, "x", f"b{number}"))
            self.assertLess(time.monotonic() - begin, GOES_ON_SECONDS * BUSY)
        # A client of that member comes back at another one.
        self.client("pub", self.second, "came-back").does(
            client.publish(self.name, "x", "b20")
        )
        self.first.spawn()
        self.first.wait_started()
        self.cluster.wait_ready()
        wanted = [f"a{number}" for number in range(5)] + [f"b{number}" for number in range(21)]
        self.assertEqual(self.on_member(self.name, self.first), wanted)

    def test_a_wiped_member_comes_back_by_a_copy(self):
        client = self.prepare(self.leader)
        self.first.kill9()
        self.first.wipe()
        client.does(client.publish(self.name, "x", "b0"))
        self.first.spawn()
        self.first.wait_started()
        self.cluster.wait_ready()
        wanted = [f"a{number}" for number in range(5)] + ["b0"]
        self.assertEqual(self.on_member(self.name, self.first), wanted)
        self.assertTrue(self.first.admin_json("audit", "verify")["ok"])

    def test_all_members_are_killed_at_once(self):
        client = self.prepare(self.first)
        for member in self.cluster:
            member.kill9()
        client.socket.close()
        for member in self.cluster:
            member.spawn()
        for member in self.cluster:
            member.wait_started()
        self.cluster.wait_ready()
        for member in self.cluster:
            found = self.on_member(self.name, member)
            self.assertEqual(found, [f"a{number}" for number in range(5)], member.name)

    def test_one_etcd_of_three_is_not_missed(self):
        client = self.prepare(self.first)
        self.cluster.etcd.leader().kill9()
        self.publishes_again(client, self.name, "b0")
        for number in range(1, 5):
            self.publishes_again(client, self.name, f"b{number}")
        self.assertEqual(len(self.on_member(self.name, self.second)), 10)

    def test_without_a_majority_of_etcd_all_is_refused_until_it_is_back(self):
        """Fail closed: what may be out of date decides nothing."""
        client = self.prepare(self.first)
        for one in self.cluster.etcd.all[:2]:
            one.kill9()
        self.until(
            lambda: not any(self.cluster.is_ready(one) for one in self.cluster),
            "a member says that it is ready",
        )
        answer = client.pubsub("set", client.publish(self.name, "x", "no"))
        self.assertRegex(answer, "type='error'.*type='wait'")
        with self.assertRaises(AssertionError):
            self.client("pub", self.second, "late")
        self.cluster.etcd.start()
        self.until(
            lambda: all(self.cluster.is_ready(one) for one in self.cluster),
            "a member is not ready again",
        )
        again = self.client("pub", self.first, "again")
        self.publishes_again(again, self.name, "b0")
        found = self.on_member(self.name, self.second)
        self.assertEqual([item for item in found if item != "no"][-1], "b0")

    def test_a_leader_that_is_cut_off_is_followed_by_another(self):
        client = self.prepare(self.first)
        self.cluster.isolate(self.leader.name)
        took = self.publishes_again(client, self.name, "b0")
        print(f"    after the leader was cut off a publish was acknowledged in {took:.2f} s")
        self.until(lambda: not self.cluster.is_ready(self.leader), "the old one still serves")
        self.cluster.fabric.mend()
        self.cluster.wait_ready()
        self.assertIn("b0", self.on_member(self.name, self.leader))


@needs_etcd
@unittest.skipUnless(os.geteuid() == 0, "a small file system needs root")
class FullDisk(Three):
    """What a member cannot write it refuses, and others go on."""

    @classmethod
    def prepare_members(cls):
        cls.cluster[2].with_small_disk(DISK_MEBIBYTES)

    def setUp(self):
        super().setUp()
        self.full = self.cluster[2]
        self.name = f"n{time.time_ns()}"
        self.other = self.client("pub", self.cluster[0], self.name)
        self.node(self.name, self.other, max_items=1000)
        self.addCleanup(self.full.disk.make_space)

    def make_it_lead(self):
        """It may some seconds after its disk has room again."""
        deadline = time.monotonic() + 30
        while self.cluster.leader() is not self.full:
            self.assertLess(time.monotonic(), deadline, self.cluster.status())
            try:
                self.full.rest("POST", "cluster/members/m2/promote", {})
            except Refused as refused:
                self.assertIn("takes no writes", str(refused))
            time.sleep(0.5)

    def check_all_goes_on(self):
        client = self.client("pub", self.full, self.name + "-full")
        self.full.disk.fill()
        self.publishes_again(self.other, self.name, "b0", 30)
        deadline = time.monotonic() + 30
        while self.cluster.says_ready(self.full):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        answer = client.pubsub("set", client.publish(self.name, "x", "no"))
        self.assertRegex(answer, "type='error'.*type='wait'")
        self.cluster.wait_leader(other_than=self.full)
        with self.assertRaises(Refused) as caught:
            self.full.rest("POST", "cluster/members/m2/promote", {})
        self.assertEqual(caught.exception.status, 409)
        self.full.disk.make_space()
        self.cluster.wait_ready()
        self.assertEqual(self.on_member(self.name, self.full), ["b0"])

    def test_a_followers_disk_is_full(self):
        if self.cluster.wait_leader() is self.full:
            self.cluster[0].admin_ctl("cluster", "promote", "m0")
            self.cluster.wait_leader(other_than=self.full)
        self.check_all_goes_on()

    def test_the_leaders_disk_is_full(self):
        self.make_it_lead()
        self.check_all_goes_on()


@needs_etcd
class Linearizable(unittest.TestCase):
    """Registers under faults; the seed is in the failure."""

    def test_what_clients_saw_fits_into_one_order(self):
        seed = random.randrange(10**6)
        cluster = Cluster(policy=EVERYTHING, settings={"accounts.auto_approve": "true"})
        self.addCleanup(cluster.close)
        cluster.members[-1].with_clock()
        if os.geteuid() == 0:
            cluster.members[-1].with_small_disk(DISK_MEBIBYTES)
        cluster.start()
        with tempfile.TemporaryDirectory(prefix="gridd-history-") as folder:
            told = []
            story = Story(cluster, folder, seed, say=told.append)
            problems = story.run(STORY_SECONDS, Faults(cluster, seed, longest=5.0))
            self.assertEqual(problems, [], f"seed {seed}:\n" + "\n".join(told))
            self.assertGreater(len(story.publisher.acknowledged), 20)


class Checker(unittest.TestCase):
    """A history that is broken on purpose is refused."""

    GOOD = (
        ("write", "a", 0, 1, "ok"), ("write", "b", 2, 3, "ok"), ("read", "b", 4, 5, "ok"),
    )

    def check(self, *lines):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            for number, (op, value, call, end, outcome) in enumerate(lines):
                record = {"kind": "item", "key": "k", "process": number, "op": op, "value": value,
                          "call": call, "return": end, "outcome": outcome}
                file.write(json.dumps(record) + "\n")
            file.flush()
            return check(file.name)

    def test_good_and_broken_histories(self):
        checker()
        self.assertEqual(self.check(*self.GOOD)[0], True)
        is_good, says = self.check(*self.GOOD[:2], ("read", "a", 4, 5, "ok"))
        self.assertFalse(is_good)
        self.assertIn("FAIL  item k", says)
        self.assertFalse(self.check(*self.GOOD[:2], ("read", "", 4, 5, "ok"))[0])
        self.assertFalse(self.check(*self.GOOD, ("read", "a", 6, 7, "ok"))[0])
        self.assertTrue(self.check(("write", "a", 0, 9, "unknown"), ("read", "", 1, 2, "ok"))[0])


if __name__ == "__main__":
    unittest.main()
