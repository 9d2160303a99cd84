# tests/integration/test_cluster_life.py: one server becomes a cluster and goes back; members are
# restarted one after the other, and lost.
"""With `GRIDD_OLD_PROGRAM=/path/gridd` the store comes from that program, of an earlier version."""

import json
import os
import random
import re
import tempfile
import time
import unittest

from cluster.etcd import is_installed
from cluster.many import BAR_SECONDS, audit_heads, audit_problems, wait_linked
from cluster.members import Cluster
from cluster.story import Faults, Story
from gridd import DOMAIN
from person import Person
from policies import EVERYTHING
from talker import Talker, form

BUSY = 4   # times the bar, on a machine that has others to serve
OLD_PROGRAM = os.environ.get("GRIDD_OLD_PROGRAM")
ALL = "allow any any any\n"
SECONDS = 60

needs_etcd = unittest.skipUnless(is_installed(), "etcd is not installed (conf/install-deps --test)")


class Upgrade(unittest.TestCase):
    """The store of one server has items, accounts, a policy, subscriptions, and their audit."""

    def setUp(self):
        self.cluster = Cluster(
            3, 3, policy=ALL, settings={"accounts.auto_approve": "true"}, fabric=False
        )
        self.addCleanup(self.cluster.close)
        self.memberships = {}

    # --- one server, and a member -----------------------------------------------------------------

    def be_alone(self, member):
        """It has no `[cluster]`."""
        mine = {
            key: value for key, value in member.settings.items()
            if key.startswith("cluster.") or key == "listen.cluster"
        }
        self.memberships[member.name] = mine
        for key in mine:
            del member.settings[key]

    def be_member(self, member):
        member.settings.update(self.memberships[member.name])

    def client(self, name, member, presence=True):
        talker = Talker(member.c2s, DOMAIN)
        self.addCleanup(talker.socket.close)
        talker.login(self.cluster.client(name), "r")
        if presence:
            talker.presence()
        return talker

    # --- what it has ------------------------------------------------------------------------------

    def fill(self, member):
        owner = self.client("owner", member)
        for node, size in (("small", 40), ("large", 20_000)):
            owner.does(
                f"<create node='{node}'/><configure>{form('node_config', max_items=1000)}"
                "</configure>"
            )
            for number in range(60 if size < 100 else 10):
                owner.does(owner.publish(node, f"{number}" + "x" * size, f"i{number}"))
        reader = self.client("reader", member)
        reader.does(f"<subscribe node='small' jid='reader@{DOMAIN}'/>")
        reader.socket.close()
        for name, groups in (("one", ["readers"]), ("two", ["readers", "writers"])):
            member.rest("POST", "accounts", {"jid": f"{name}@{DOMAIN}", "groups": groups})
        member.rest("POST", f"accounts/two@{DOMAIN}/disable", {})
        member.rest("PUT", "policy", {"text": ALL + "# of one server\n"}, {"If-Match": "*"})
        for number in range(5):   # the reader is away
            owner.does(owner.publish("small", f"missed{number}", f"m{number}"))
        owner.socket.close()

    def facts(self, member):
        """All that clients and operators see of it, and that does not change by looking."""
        looker = self.client("owner", member)
        found = {}
        for node in ("small", "large"):
            text = looker.pubsub("get", f"<items node='{node}'/>")
            found[node] = re.findall(r"<item id='([^']*)'[^>]*>(.*?)</item>", text)
        looker.socket.close()
        found["accounts"] = sorted(
            (one["jid"], one["state"], one["groups"])
            for one in member.rest("GET", "accounts")["accounts"]
        )
        found["policy"] = member.rest("GET", "policy")["text"]
        return found

    def head(self, member):
        """Of a server that has ended."""
        found = json.loads(member.ctl("--json", "audit", "verify", "--offline"))
        self.assertTrue(found["ok"], found)
        return found["head"]

    def has_passed(self, member, head):
        """Its chain goes through that record, unchanged."""
        found = member.admin_json(
            "audit", "verify", "--number", str(head["number"]), "--hash", head["hash"]
        )
        self.assertTrue(found["ok"] and found["passed"], found)

    # --- the way there and back -------------------------------------------------------------------

    def make_store(self, first):
        """By one server; what it has, and its audit's head."""
        program, socks5 = first.program, first.settings.pop("listen.socks5")
        first.program = OLD_PROGRAM or program   # an old one knows no SOCKS5
        self.be_alone(first)
        os.mkdir(first.data, 0o700)
        first.ctl("admin", "add", f"admin@{DOMAIN}")
        first.start()
        self.fill(first)
        facts = self.facts(first)
        first.stop()
        first.program, first.settings["listen.socks5"] = program, socks5
        return facts, self.head(first)

    @unittest.skipUnless(is_installed(), "etcd is not installed")
    def test_a_store_becomes_the_first_member_two_join_by_copy_and_one_goes_back(self):
        first, second, third = self.cluster
        facts, head = self.make_store(first)
        self.be_member(first)
        self.cluster.start()
        for member in self.cluster:
            self.assertEqual(self.facts(member), facts, member.name)
            self.has_passed(member, head)
        self.assertIn("cluster_copy_given", "".join(one.log() for one in self.cluster))
        later = self.use_all(first, second, third)
        self.assertEqual(audit_problems(self.cluster), [])
        head = audit_heads(self.cluster)[second.name]["head"]
        for member in (first, third, second):
            member.stop()
        # Any of them may be the one; it has what all had.
        for member in (second, first):
            with self.subTest(member.name):
                self.goes_back(member, later, head)
        self.does_not_come_back(second)

    def use_all(self, first, second, third):
        """Members serve what the one server has left, and change it."""
        reader = self.client("reader", third, presence=False)
        reader.send("<presence/>")
        for number in range(5):
            reader.expect(rf"<item id='m{number}'", SECONDS)
        owner = self.client("owner", second)
        owner.does(owner.publish("small", "of a member", "n0"))
        reader.expect("<item id='n0'", SECONDS)
        third.rest("POST", f"accounts/two@{DOMAIN}/enable", {})
        first.rest("PUT", "policy", {"text": ALL + "# of a cluster\n"}, {"If-Match": "*"})
        self.cluster.wait_same()
        for one in (reader, owner):
            one.socket.close()
        found = [self.facts(one) for one in self.cluster]
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0], found[2])
        self.assertIn("# of a cluster", found[0]["policy"])
        self.assertIn("n0", [item for item, _ in found[0]["small"]])
        return found[0]

    def goes_back(self, member, facts, head):
        self.be_alone(member)
        member.start()
        self.assertEqual(self.facts(member), facts)
        self.has_passed(member, head)
        owner = self.client("owner", member)
        owner.does(owner.publish("small", "alone again", "z0"))
        owner.socket.close()
        member.stop()
        offline = self.head(member)
        member.start()
        self.has_passed(member, offline)
        self.assertIn("z0", [item for item, _ in self.facts(member)["small"]])
        member.stop()

    def does_not_come_back(self, member):
        """It went on without the log: its changes are not the others'."""
        self.be_member(member)
        with self.assertRaises(AssertionError) as caught:
            member.start()
        self.assertIn("cannot be opened as a member of the cluster", str(caught.exception))
        self.be_alone(member)
        member.start()
        self.assertIn("z0", [item for item, _ in self.facts(member)["small"]])


class InTurn(Faults):
    """Each member once, in any order; then the story is over."""

    def __init__(self, cluster, seed):
        super().__init__(cluster, seed, ["restart"])
        self.left = list(cluster.members)
        self.rng.shuffle(self.left)
        self.story = None

    def do_restart(self):
        if not self.left:
            self.story.end()
            return "all were restarted", 0.0, lambda: None
        one = self.left.pop()
        one.leave()
        return f"{one.name} left", 1.0, one.spawn


@needs_etcd
class RollingRestart(unittest.TestCase):
    """As for an upgrade, under load."""

    def test_members_are_restarted_one_after_the_other(self):
        seed = random.randrange(10**6)
        cluster = Cluster(policy=EVERYTHING, settings={"accounts.auto_approve": "true"})
        self.addCleanup(cluster.close)
        cluster.start()
        wait_linked(cluster)
        with tempfile.TemporaryDirectory(prefix="gridd-history-") as folder:
            told = []
            story = Story(cluster, folder, seed, workers=2, say=told.append)
            faults = InTurn(cluster, seed)
            faults.story = story
            problems = story.run(300, faults)
            self.assertEqual(problems, [], f"seed {seed}:\n" + "\n".join(told))
            self.assertEqual(faults.left, [], told)
            self.assertEqual(story.ended_by_itself, [])
            longest, when = story.publisher.pauses()[0]
            print(f"    longest pause of the publisher: {longest:.2f} s")
            self.assertLess(longest, BAR_SECONDS * BUSY, f"at {when:.1f} of\n" + "\n".join(told))


@needs_etcd
class Presence(unittest.TestCase):
    """What clients hear of others whose member is lost."""

    def setUp(self):
        self.cluster = Cluster(policy=ALL, settings={"accounts.auto_approve": "true"}, fabric=False)
        self.addCleanup(self.cluster.close)
        self.cluster.start()
        wait_linked(self.cluster)
        self.lost = self.cluster.wait_leader()
        self.first, self.second = self.cluster.followers()

    def log_in(self, name, member, resource):
        """Its own presence has come back."""
        person = Person(member, self.cluster.client(name), resource)
        self.addCleanup(person.close)
        person.roster()
        person.says()
        self.until_hears(person, f"{name}/{resource} available")
        return person

    def until_hears(self, person, word):
        """Other words may come before it."""
        deadline = time.monotonic() + SECONDS
        while word not in person.heard:
            self.assertLess(time.monotonic(), deadline, f"{word!r} is not in {person.heard}")
            person.sync()
            time.sleep(0.05)
        person.heard.remove(word)

    def befriend(self, one, other):
        self.cluster.wait_same()   # either account is known at the other's member
        names = [person.bare.partition("@")[0] for person in (one, other)]
        for asker, answerer, to in ((one, other, names[1]), (other, one, names[0])):
            asker.says("subscribe", to)
            self.until_hears(answerer, f"{asker.bare.partition('@')[0]} subscribe")
            answerer.says("subscribed", asker.bare.partition("@")[0])
            self.until_hears(asker, f"{to} subscribed")

    def test_contacts_and_addressees_hear_the_end_and_the_return(self):
        ann = self.log_in("ann", self.first, "desk")
        bob = self.log_in("bob", self.lost, "desk")
        self.befriend(ann, bob)
        self.until_hears(ann, "bob/desk available")
        eve = self.log_in("eve", self.lost, "desk")   # no contact of ann's
        eve.says(to="ann/desk")
        self.until_hears(ann, "eve/desk available")
        ann.sync()
        ann.heard.clear()
        self.lost.kill9()
        self.until_hears(ann, "bob/desk unavailable")
        self.until_hears(ann, "eve/desk unavailable")
        # A fresh client of that account, at a member that is there.
        again = self.log_in("bob", self.second, "phone")
        self.until_hears(ann, "bob/phone available")
        self.until_hears(again, "ann/desk available")
        ann.sync()
        self.assertEqual([word for word in ann.heard if "desk" in word and "ann" not in word], [])
        # And at the member that is back.
        self.lost.spawn()
        self.lost.wait_started()
        self.cluster.wait_ready()
        third = self.log_in("bob", self.lost, "desk")
        self.until_hears(ann, "bob/desk available")
        self.until_hears(third, "ann/desk available")
        ann.says("unavailable")
        self.until_hears(third, "ann/desk unavailable")
        self.until_hears(again, "ann/desk unavailable")

    def test_presence_of_a_client_elsewhere_stands_where_it_was_sent(self):
        ann = self.log_in("ann", self.first, "desk")
        bob = self.log_in("bob", self.second, "desk")
        cat = self.log_in("cat", self.second, "desk")   # no contact of ann's
        self.befriend(ann, bob)
        self.until_hears(bob, "ann/desk available")
        bob.sync()
        bob.heard.clear()
        end = "<presence type='unavailable'/>"
        ann.send(f"{end}<presence to='{bob.bare}'/>")
        bob.hears("ann/desk unavailable", "ann/desk available", seconds=SECONDS)
        ann.says("unavailable", "bob")
        bob.hears("ann/desk unavailable", seconds=SECONDS)
        ann.send(f"<presence/><presence to='{bob.bare}'><status>you</status></presence>")
        bob.hears("ann/desk available", "ann/desk available you", seconds=SECONDS)
        ann.says(to="cat")
        cat.hears("ann/desk available", seconds=SECONDS)
        ann.send(f"{end}<presence><status>contacts</status></presence>")
        cat.hears("ann/desk unavailable", seconds=SECONDS)
        self.until_hears(bob, "ann/desk available contacts")
        for one in (bob, cat):
            one.quiet()


if __name__ == "__main__":
    unittest.main()
