# tests/integration/test_contacts.py: rosters, subscriptions and presence of accounts with several
# resources (RFC 6121 §2 to §4), under the policy, over restarts.
import asyncio
import os
import unittest

from gridd import BROKER, CONTROLLER, DOMAIN, Operated
from managed import Managed
from person import Person, address, word_of_presence
from stanzas import CLIENT, EVENT, refusal
from stock import Client

POLICY = """\
deny client mute to message any
deny client ann to message client stranger
allow group everyone to discover, create, publish, subscribe, retrieve on any
allow group everyone to message any
"""


class Case(unittest.TestCase):
    """One server for all tests of a class; each test has accounts of its own."""

    settings = {}
    policy = POLICY

    def setUp(self):
        self.server = Operated(self.policy, self.settings).start()
        self.addCleanup(self.server.close)
        self.bundles = {}

    def set_policy(self, text):
        path = os.path.join(self.server.folder, "next-policy")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.server.admin_ctl("policy", "set", path)

    def account(self, *names):
        for name in names:
            self.server.admin_ctl("accounts", "add", address(name), "--group", "everyone")

    def log_in(self, name, resource="one", presence="<presence/>", interested=True):
        """Ready: its own presence has come back."""
        if name not in self.bundles:
            self.bundles[name] = self.server.authority.client(address(name))
        person = Person(self.server, self.bundles[name], resource)
        self.addCleanup(person.close)
        if interested:
            person.roster()
        if presence:
            person.send(presence)
            own = f"{name}/{resource} available"
            while not any(word.startswith(own) for word in person.heard):
                person.sync()
            person.heard.remove(next(word for word in person.heard if word.startswith(own)))
        return person

    def befriend(self, one, other, first="ann", second="bob"):
        """`one` and `other` are sessions of these accounts: both subscribe to each other."""
        one.says("subscribe", second)
        one.sync()
        other.says("subscribed", first)
        other.says("subscribe", first)
        other.sync()
        one.says("subscribed", second)
        for person in (one, other, one, other):
            person.sync()
            person.heard.clear()


class Rosters(Case):
    def test_items_are_kept_pushed_and_given_back(self):
        self.account("ann")
        ann, other = self.log_in("ann", "a"), self.log_in("ann", "b", presence=None)
        deaf = self.log_in("ann", "deaf", presence=None, interested=False)
        ann.heard.clear()
        self.assertEqual(ann.roster(), [])
        ann.put("bob", "<group>friends</group><group>work</group>", name="Bob")
        for one in (ann, other):    # the one that asked, too (§2.3.2)
            one.hears('push bob none "Bob" (friends, work)')
        deaf.quiet()
        ann.put("bob", "<group>work</group>", name="Robert", subscription="both", ask="subscribe")
        other.hears('push bob none "Robert" (work)')    # the client's word on these is nothing
        ann.hears('push bob none "Robert" (work)')
        ann.put("cat")
        ann.hears("push cat none")
        self.assertEqual(other.roster(), ['bob none "Robert" (work)', "cat none"])
        other.put("cat", subscription="remove")
        ann.hears("push cat remove")
        self.assertEqual(ann.roster(), ['bob none "Robert" (work)'])
        self.assertEqual(sorted(ann.versions, key=int), ann.versions)

        self.server.kill9()
        self.server.start()
        ann = self.log_in("ann", "a", presence=None, interested=False)
        self.assertEqual(ann.roster(), ['bob none "Robert" (work)'])

    def test_only_what_changed_is_sent_to_whom_knows_the_rest(self):
        self.account("ann")
        ann = self.log_in("ann", "a", presence=None)
        for name in ("bob", "cat", "dan", "eve"):
            ann.put(name)
        ann.roster()
        version = ann.versions[-1]
        self.assertIsNone(ann.roster(version))
        ann.heard.clear()
        ann.put("cat", name="Cat")
        later = self.log_in("ann", "b", presence=None, interested=False)
        self.assertIsNone(later.roster(version))
        later.hears('push cat none "Cat"')    # behind the answer
        self.assertIsNone(later.roster(later.versions[-1]))
        later.quiet()
        ann.put("dan", subscription="remove")
        later.hears("push dan remove")
        self.assertEqual(len(later.roster(version)), 3)    # a removal is told by the whole
        self.assertEqual(len(later.roster("")), 3)
        self.assertEqual(len(later.roster("nonsense")), 3)
        self.server.stop()
        self.server.start()
        ann = self.log_in("ann", "a", presence=None, interested=False)
        self.assertIsNone(ann.roster(later.versions[-1]))

    def test_requests_that_break_the_rules(self):
        self.account("ann", "bob")
        ann = self.log_in("ann", "a", presence=None)
        self.assertEqual(ann.refused("nobody", subscription="remove"), "item-not-found")
        self.assertEqual(ann.refused("ann"), "not-allowed")
        self.assertEqual(ann.refused("bob", "<group/>"), "not-acceptable")
        self.assertEqual(ann.refused("bob", "<group>a</group>" * 2), "bad-request")
        self.assertEqual(ann.refused("bob", name="n" * 1024), "not-acceptable")
        many = "".join(f"<group>{i}</group>" for i in range(33))
        self.assertEqual(ann.refused("bob", many), "not-acceptable")
        for inner in ("", "<item jid='a@b'/><item jid='c@d'/>", "<item/>"):
            self.assertEqual(refusal(ann.query("set", inner))[0], "bad-request")
        self.assertEqual(refusal(ann.query("get", "<item jid='a@b'/>"))[0], "bad-request")
        # Another account's, whether there is such a one or not.
        for name in ("bob", "nobody"):
            for kind in ("get", "set"):
                answer = ann.query(kind, "<item jid='a@b'/>" * (kind == "set"), to=address(name))
                self.assertEqual(refusal(answer)[0], "forbidden")
        self.assertEqual(ann.roster(), [])
        ann.quiet()

    def test_an_account_that_waits_has_an_empty_roster_and_no_presence(self):
        self.account("ann")
        ann = self.log_in("ann", "a")
        bundle = self.server.authority.client(address("newcomer"))
        newcomer = Person(self.server, bundle)
        self.addCleanup(newcomer.close)
        self.assertEqual(newcomer.roster(), [])
        self.assertEqual(newcomer.refused("ann"), "not-allowed")
        newcomer.says()
        newcomer.says("subscribe", "ann")
        newcomer.says(to="ann")
        newcomer.sync()
        self.assertFalse([word for word in newcomer.heard if "error" not in word])
        self.assertEqual(newcomer.roster(), [])
        ann.quiet()


class Bounds(Case):
    settings = {
        "contacts.items_max": 3,
        "contacts.bytes_max": 4096,
        "contacts.presence_bytes_max": 1024,
    }

    def test_bounds_are_told(self):
        self.account("ann", "bob", "cat")
        ann, bob = self.log_in("ann"), self.log_in("bob", presence=None)
        for name in ("x", "y", "z"):
            ann.put(name)
        ann.heard.clear()
        self.assertEqual(ann.refused("w"), "resource-constraint")
        ann.says("subscribe", "bob")
        ann.hears("bob error resource-constraint")
        # A request finds no room with bob either, and nothing is half done.
        for name in ("x", "y", "z"):
            bob.put(name)
        cat = self.log_in("cat")
        cat.says("subscribe", "bob")
        cat.hears("bob error resource-constraint")
        self.assertEqual(cat.roster(), [])
        cat.says(inside=f"<status>{'s' * 1024}</status>")
        cat.hears(" error policy-violation")
        cat.says("subscribe", "ann", inside=f"<status>{'s' * 1024}</status>")
        cat.hears("ann error policy-violation")


class Subscriptions(Case):
    def test_two_accounts_with_two_resources_each(self):
        self.account("ann", "bob")
        ann, anns = self.log_in("ann", "a"), self.log_in("ann", "a2")
        ann.hears("ann/a2 available")
        anns.hears("ann/a available")
        bob, bobs = self.log_in("bob", "b"), self.log_in("bob", "b2", interested=False)
        bob.hears("bob/b2 available")
        bobs.hears("bob/b available")

        ann.says("subscribe", "bob/b2", inside="<status>hello</status><x xmlns='urn:x'/>", id="s1")
        for one in (bob, bobs):    # to the bare address, from the bare address (§3.1.2)
            one.hears("ann subscribe hello")
            self.assertEqual(one.stanzas[-1].get("to"), address("bob"))
            self.assertEqual(one.stanzas[-1].get("id"), "s1")
            self.assertIsNotNone(one.stanzas[-1].find("{urn:x}x"))
        for one in (ann, anns):
            one.hears("push bob none ask")
        self.assertEqual(bob.roster(), [])    # not before bob says yes

        bob.says("subscribed", "ann")
        for one in (ann, anns):
            one.hears("bob subscribed", "push bob to")
            one.hears_all("bob/b available", "bob/b2 available")
        bob.hears("push ann from")
        bobs.quiet()    # a session that did not ask for the roster

        bob.says(inside="<show>away</show><priority>5</priority>")
        for one in (ann, anns):
            one.hears("bob/b available away 5")
        for one in (bob, bobs):
            one.hears("bob/b available away 5")
        ann.says(inside="<show>dnd</show>")
        ann.hears("ann/a available dnd")
        anns.hears("ann/a available dnd")
        bob.quiet()    # bob is not subscribed

        bob.says("subscribe", "ann")
        for one in (ann, anns):
            one.hears("bob subscribe")
        bob.hears("push ann from ask")
        anns.says("subscribed", "bob")
        bob.hears("ann subscribed", "push ann both")
        bob.hears_all("ann/a available dnd", "ann/a2 available")
        bobs.hears_all("ann/a available dnd", "ann/a2 available")
        for one in (ann, anns):
            one.hears("push bob both")

        with self.subTest("over a restart"):
            self.server.kill9()
            self.server.start()
            ann = self.log_in("ann", "a")
            bob = self.log_in("bob", "b")
            bob.hears("ann/a available")
            ann.hears("bob/b available")
            self.assertEqual(ann.roster(), ["bob both"])
            self.assertEqual(bob.roster(), ["ann both"])

        with self.subTest("the end of what bob gives"):
            bob.says("unsubscribed", "ann")
            ann.hears("bob/b unavailable", "bob unsubscribed", "push bob from")
            bob.hears("push ann to")
            bob.says(inside="<show>xa</show>")
            bob.hears("bob/b available xa")
            ann.quiet()

        with self.subTest("the end of what bob gets"):
            bob.says("unsubscribe", "ann")
            ann.hears("bob unsubscribe", "push bob none")
            bob.hears("push ann none", "ann/a unavailable")
            ann.says()
            ann.hears("ann/a available")
            bob.quiet()

    def test_requests_wait_for_the_contact(self):
        self.account("ann", "bob")
        ann = self.log_in("ann", "a")
        for text in ("first", "second"):
            ann.says("subscribe", "bob", inside=f"<status>{text}</status>")
        ann.hears("push bob none ask")
        self.server.kill9()
        self.server.start()
        for resource in ("b", "b2"):    # at each login, until it is answered (§3.1.3)
            bob = self.log_in("bob", resource)
            bob.heard = [word for word in bob.heard if word.startswith("ann")]
            bob.hears("ann subscribe first")
        bob.says("unsubscribed", "ann")
        bob.sync()
        ann = self.log_in("ann", "a", presence=None)
        self.assertEqual(ann.roster(), ["bob none"])
        self.assertEqual(bob.roster(), [])
        bob = self.log_in("bob", "b3")
        self.assertNotIn("ann subscribe first", bob.heard)

    def test_an_approval_in_advance(self):
        self.account("ann", "bob")
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b")
        bob.says("subscribed", "ann")
        bob.hears("push ann none approved")
        ann.quiet()
        ann.says("subscribe", "bob")
        ann.hears("bob subscribed", "push bob to", "bob/b available")
        bob.hears("push ann from approved")
        bob.quiet()    # the request itself does not come
        bob.says("unsubscribed", "ann")
        bob.hears("push ann none")
        ann.hears("bob/b unavailable", "bob unsubscribed", "push bob none")

    def test_removal_of_an_item_ends_both_subscriptions(self):
        self.account("ann", "bob")
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b")
        self.befriend(ann, bob)
        ann.put("bob", subscription="remove")
        ann.hears("push bob remove", "bob/b unavailable")
        bob.hears("ann unsubscribe", "ann/a unavailable", "ann unsubscribed", "push ann none")
        self.assertEqual(ann.roster(), [])
        ann.says()
        bob.quiet()

    def test_a_request_that_is_repeated_is_answered_in_the_contacts_name(self):
        self.account("ann", "bob")
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b")
        self.befriend(ann, bob)
        for kind in ("subscribe", "subscribed"):
            ann.says(kind, "bob")
        for one in (ann, bob):
            one.quiet()

    def test_stanzas_of_no_use(self):
        self.account("ann", "bob")
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b")
        for kind in ("subscribe", "subscribed", "unsubscribe", "unsubscribed"):
            ann.says(kind, "ann")       # oneself
            ann.says(kind, f"{BROKER}@")    # no address
            ann.says(kind, "x@" + BROKER)
        ann.sync()
        errors = [word for word in ann.heard if "error" in word]
        self.assertEqual(errors, ann.heard)
        ann.heard.clear()
        ann.says("invisible", id="i1")
        ann.hears(" error bad-request")
        ann.says("invisible", "bob")
        ann.hears("bob error bad-request")
        ann.says("subscribe", "someone@elsewhere.example")
        ann.hears("someone@elsewhere.example error remote-server-not-found")
        for inside in (
            "<show>here</show>", "<show>away</show><show>xa</show>", "<priority>128</priority>",
            "<priority>-129</priority>", "<priority>high</priority>", "<priority/>",
            "<priority>1</priority><priority>1</priority>", "<status>a</status><status>b</status>",
        ):
            ann.says(inside=inside)
            ann.hears(" error bad-request")
        ann.says(inside="<status>a</status><status xml:lang='de'>b</status>")
        ann.hears("ann/a available a")
        for service in (DOMAIN, BROKER, CONTROLLER):
            for kind in (None, "unavailable", "subscribe", "probe", "error"):
                ann.says(kind, service)
        for one in (ann, bob):
            one.quiet()


class PresenceOfContacts(Case):
    def friends(self):
        self.account("ann", "bob")
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b")
        self.befriend(ann, bob)
        return ann, bob

    def test_a_contact_that_is_blocked_does_not_see_the_account(self):
        ann, bob = self.friends()

        def block(how, jid):
            item = f"<item jid='{jid}'/>" if jid else ""
            answer = ann.ask("set", f"<{how} xmlns='urn:xmpp:blocking'>{item}</{how}>", ann.bare)
            self.assertEqual(answer.get("type"), "result")

        for jid in (bob.bare, DOMAIN):
            with self.subTest(jid=jid):
                block("block", jid)
                bob.hears("ann/a unavailable")
                ann.says(inside="<show>away</show>")
                bob.quiet()
                bob.says("probe", "ann")
                bob.hears("ann unavailable")
                block("unblock", jid if jid != DOMAIN else None)
                bob.hears("ann/a available away")

    def test_one_resource_of_a_contact_is_blocked(self):
        """XEP-0191 §5: by its full JID; the contact's other resources see no change."""
        ann, bob = self.friends()
        phone = self.log_in("bob", "phone")
        ann.forget_own()
        ann.hears("bob/phone available")
        while "ann/a available" not in phone.heard:
            phone.sync()
        bob.sync()
        for one in (bob, phone):
            one.heard.clear()

        def block(how, person):
            item = f"<{how} xmlns='urn:xmpp:blocking'><item jid='{person.full}'/></{how}>"
            self.assertEqual(ann.ask("set", item, ann.bare).get("type"), "result")

        block("block", phone)
        phone.hears("ann/a unavailable")
        bob.quiet()
        ann.says(inside="<show>away</show>")
        bob.hears("ann/a available away")
        phone.quiet()
        phone.says("probe", "ann")
        phone.hears("ann unavailable")
        ann.says(to="bob", inside="<status>directed</status>")
        bob.hears("ann/a available directed")
        phone.quiet()
        # Nor does it hear the end of what it was not told, or of the beginning of another one.
        desk = self.log_in("ann", "desk")
        bob.hears("ann/desk available")
        desk.says("unavailable")
        bob.hears("ann/desk unavailable")
        phone.quiet()
        # A login under that name is told nothing either; another resource is.
        phone.close()
        bob.hears("bob/phone unavailable")
        phone, tablet = self.log_in("bob", "phone"), self.log_in("bob", "tablet")
        while "ann/a available away" not in tablet.heard:
            tablet.sync()
        phone.sync()
        self.assertEqual([word for word in phone.heard if word.startswith("ann")], [])
        phone.heard.clear()
        bob.sync()
        bob.heard.clear()
        block("unblock", phone)
        phone.hears("ann/a available away")
        bob.quiet()

    def test_the_end_of_a_session_is_told(self):
        ann, bob = self.friends()
        bob.says("unavailable", inside="<status>bye</status>")
        ann.hears("bob/b unavailable bye")
        bob.says()
        ann.hears("bob/b available")
        bob.hears_all("bob/b available", "ann/a available")
        ann.says()
        ann.hears("ann/a available")
        bob.hears("ann/a available")
        for end in ("</stream:stream>", ""):
            with self.subTest(end=end):
                bob.send(end)
                bob.close()
                ann.forget_own()
                ann.hears("bob/b unavailable")
                bob = self.log_in("bob", "b")
                ann.hears("bob/b available")
        # A stream that takes the resource over: it is not told as gone afterwards.
        again = self.log_in("bob", "b")
        ann.sync()
        self.assertEqual(ann.heard[-1:], ["bob/b available"])
        ann.heard.clear()
        again.says("unavailable")
        ann.hears("bob/b unavailable")

    def test_probes(self):
        ann, bob = self.friends()
        self.account("cat")
        ann.says("probe", "bob", id="p1")
        ann.hears("bob/b available")
        ann.says("probe", "bob/b")
        ann.hears("bob/b available")
        bob.says("unavailable")
        ann.hears("bob/b unavailable")
        ann.says("probe", "bob", id="p2")
        ann.hears("bob unavailable")
        self.assertEqual(ann.stanzas[-1].get("id"), "p2")
        # Accounts whose presence ann does not get, that are not there, that are kept away: alike.
        for name in ("cat", "nobody", "stranger"):
            ann.says("probe", name)
            ann.hears(f"{name} unsubscribed")
        self.assertEqual(ann.roster(), ["bob both"])

    def test_directed_presence(self):
        self.account("ann", "cat")
        ann, cat = self.log_in("ann", "a"), self.log_in("cat", "c")
        cats = self.log_in("cat", "c2", presence=None)
        ann.says(to="cat/c2", inside="<show>chat</show>")
        cats.hears("ann/a available chat")
        ann.says(to="cat", inside="<show>chat</show>")
        cat.heard.clear()
        ann.sync()
        cat.sync()
        ann.says(inside="<show>away</show>")
        ann.hears("ann/a available away")
        for one in (cat, cats):    # subsequent presence is not for them (§4.6.3)
            one.heard = [word for word in one.heard if word != "ann/a available chat"]
            one.quiet()
        cat.says("probe", "ann/a")
        cat.hears("ann/a available")    # and no more than that
        ann.says("unavailable", "cat/c2", inside="<status>done</status>")
        cats.hears("ann/a unavailable done")
        ann.says("unavailable")
        cat.hears("ann/a unavailable")
        cats.quiet()
        cat.says("probe", "ann/a")
        cat.hears("ann unsubscribed")
        # Without initial presence, too; the end of the stream is told.
        other = self.log_in("ann", "x", presence=None)
        other.says(to="cat")
        cat.hears("ann/x available")
        other.close()
        cat.hears("ann/x unavailable")

    def test_the_policy_decides_who_shares_presence(self):
        self.account("ann", "mute", "stranger", "bob")
        ann, mute = self.log_in("ann", "a"), self.log_in("mute", "m")
        stranger, bob = self.log_in("stranger", "s"), self.log_in("bob", "b")
        words = []
        for name in ("stranger", "nobody"):
            ann.says("subscribe", name)
            ann.says("probe", name)
            ann.says(to=name)
            ann.says("unsubscribe", name)
            ann.sync()
            words.append([word.replace(name, "X") for word in ann.heard])
            ann.heard.clear()
        self.assertEqual(*words)
        stranger.quiet()
        # mute may say nothing: nothing of its presence goes out, even where it is asked for.
        ann.says("subscribe", "mute")
        mute.hears("ann subscribe")
        mute.says("subscribed", "ann")
        mute.hears("ann error not-allowed")
        ann.hears("push mute none ask")
        ann.quiet()

        self.befriend(ann, bob)
        forbidden = "deny client bob to message client ann\n" + POLICY
        self.set_policy(forbidden)
        ann.hears("bob/b unavailable")
        bob.says(inside="<show>away</show>")
        bob.hears("bob/b available away")
        ann.says("probe", "bob")
        ann.hears("bob unavailable")
        again = self.log_in("ann", "a2")
        ann.hears("ann/a2 available")
        again.forget_own()
        again.quiet()
        self.set_policy(POLICY)
        for one in (ann, again):
            one.forget_own()
            one.hears("bob/b available away")

    def test_a_disabled_and_a_deleted_account(self):
        self.account("ann", "off", "gone")
        ann = self.log_in("ann", "a")
        for name in ("off", "gone"):
            other = self.log_in(name, "o")
            self.befriend(ann, other, "ann", name)
        self.server.admin_ctl("accounts", "disable", address("off"))
        ann.hears("off/o unavailable")
        ann.says("probe", "off")
        ann.hears("off unavailable")
        self.server.admin_ctl("accounts", "enable", address("off"))
        off = self.log_in("off", "o")
        ann.hears("off/o available")
        off.hears("ann/a available")

        self.server.admin_ctl("accounts", "delete", address("gone"))
        heard = ["gone/o unavailable", "gone unavailable", "gone unsubscribe", "gone unsubscribed",
                 "push gone none"]
        while "push gone none" not in ann.heard:
            ann.sync()
        self.assertLessEqual(set(ann.heard), set(heard))
        self.assertEqual(ann.roster(), ["gone none", "off both"])
        ann.heard.clear()
        # The next holder of the name has none of the earlier one's contacts.
        for _ in range(50):
            again = ("accounts", "add", address("gone"), "--group", "everyone")
            if self.server.gridctl(*again, identity=self.server.admin).returncode == 0:
                break
        gone = self.log_in("gone", "o")
        self.assertEqual(gone.roster(), [])
        ann.says()
        gone.quiet()


class Inactive(Case):
    """XEP-0352: presence waits for a client that nobody looks at."""

    settings = {"sessions.held_presence_max": 3}
    INACTIVE, ACTIVE = (f"<{name} xmlns='urn:xmpp:csi:0'/>" for name in ("inactive", "active"))

    def friends(self):
        self.account("ann", "bob")
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b")
        self.befriend(ann, bob)
        return ann, bob

    def rests(self, person):
        """What was due has come, and the server has heard that nobody looks."""
        person.sync()
        person.send(self.INACTIVE)
        person.sync()
        person.heard.clear()

    def look_out(self, ann, bob):
        """Another resource of Bob's, which hears what the first one does not yet; at the same
        member of a cluster, or else before it or behind it."""
        with self.server.at(bob.raw):
            other = self.log_in("bob", "look-out")
        ann.heard.clear()
        other.sync()
        other.heard.clear()
        return other

    def test_the_last_of_each_sender_comes_with_active(self):
        ann, bob = self.friends()
        other = self.look_out(ann, bob)
        self.rests(bob)
        for number in range(5):
            ann.says(inside=f"<status>{number}</status>")
            other.hears(f"ann/a available {number}")
        desk = self.log_in("ann", "desk")
        other.hears("ann/desk available")
        bob.send(self.ACTIVE)
        bob.hears("ann/a available 4", "ann/desk available")
        ann.says(inside="<status>at once</status>")
        bob.hears("ann/a available at once")
        desk.close()

    def test_a_message_takes_it_along_in_its_order(self):
        ann, bob = self.friends()
        other = self.look_out(ann, bob)
        self.rests(bob)
        for status in ("one", "two"):
            ann.says(inside=f"<status>{status}</status>")
            other.hears(f"ann/a available {status}")
        ann.send(f"<message to='{bob.full}' type='chat' id='m'><body>x</body></message>")
        self.assertEqual(bob.message().get("id"), "m")
        self.assertEqual(bob.heard, ["ann/a available two"])
        bob.heard.clear()
        # And it waits again.
        ann.says(inside="<status>three</status>")
        other.hears("ann/a available three")
        ann.says("unavailable")
        other.hears("ann/a unavailable")
        bob.send(self.ACTIVE)
        bob.hears("ann/a unavailable")

    def test_more_senders_than_may_wait(self):
        ann, bob = self.friends()
        other = self.look_out(ann, bob)
        self.rests(bob)
        sessions = [self.log_in("ann", f"d{number}") for number in range(4)]
        other.hears(*(f"ann/d{number} available" for number in range(4)))
        bob.hears(*(f"ann/d{number} available" for number in range(4)))
        self.assertEqual(len(sessions), 4)

    def test_a_request_for_a_subscription_does_not_wait(self):
        self.account("ann", "bob")
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b")
        self.rests(bob)
        ann.says("subscribe", "bob")
        bob.hears("ann subscribe")

    def test_what_waited_comes_with_a_resumption(self):
        """XEP-0352 §5: a stream that was resumed is active."""
        ann, bob = self.friends()
        phone = Managed(self.server.c2s, DOMAIN)
        self.addCleanup(lambda: phone.socket.close())
        phone.login(self.bundles["bob"], "phone")
        phone.enable()
        phone.say("<presence/>")

        def of_ann(client):
            said = [one for one in client.stanzas if one.tag == f"{CLIENT}presence"]
            return [w for w in map(word_of_presence, said) if w.startswith("ann")]

        phone.wait(lambda: of_ann(phone), 60)
        phone.send(self.INACTIVE)
        phone.ping()
        while "bob/phone available" not in bob.heard:
            bob.sync()
        bob.heard.clear()
        for status in "12":
            ann.says(inside=f"<status>{status}</status>")
            bob.hears(f"ann/a available {status}")
        phone.cut()
        ann.says(inside="<status>3</status>")
        bob.hears("ann/a available 3")
        again = Managed(self.server.c2s, DOMAIN)
        self.addCleanup(lambda: again.socket.close())
        again.resume(self.bundles["bob"], phone)
        again.wait(lambda: of_ann(again), 60)
        ann.says(inside="<status>4</status>")
        again.wait(lambda: of_ann(again)[-1] == "ann/a available 4", 60)
        self.assertEqual(of_ann(again), ["ann/a available 3", "ann/a available 4"])

    def test_a_resource_that_logs_out_hears_no_more(self):
        ann, bob = self.friends()
        other = self.look_out(ann, bob)
        self.rests(bob)
        ann.says(inside="<show>away</show>")
        other.hears("ann/a available away")
        bob.says("unavailable")
        other.hears("bob/b unavailable")
        bob.send(self.ACTIVE)
        bob.sync()
        self.assertEqual([word for word in bob.heard if word.startswith("ann")], [])


class Nodes(Case):
    """What the broker gets by rosters and presence (XEP-0060 §4.5, §12.1)."""

    def refused(self, person, node):
        answer = person.error("set", f"<subscribe node='{node}' jid='{person.bare}'/>")
        return answer[:2]

    def told_of_the_end(self, person, node):
        while True:
            found = person.message().find(f".//{{{EVENT}}}subscription")
            if found is not None and found.get("subscription") == "none":
                self.assertEqual((found.get("node"), found.get("jid")), (node, person.bare))
                return

    def test_a_node_for_those_who_get_the_owners_presence(self):
        self.account("ann", "bob")
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b")
        ann.create("n", access_model="presence")
        refusal_ = ["not-authorized", "presence-subscription-required"]
        self.assertEqual(self.refused(bob, "n"), refusal_)
        self.befriend(ann, bob)
        bob.subscribe("n")
        ann.publish("n", "one")
        self.assertEqual(bob.item()[0], "one")
        ann.says("unsubscribed", "bob")
        ann.sync()
        ann.publish("n", "two")
        self.told_of_the_end(bob, "n")
        bob.quiet_of_items()
        self.assertEqual(self.refused(bob, "n"), refusal_)
        self.assertEqual(bob.error("get", "<items node='n'/>")[:2], refusal_)

    def test_a_node_for_groups_of_the_owners_roster(self):
        self.account("ann", "bob")
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b")
        ann.create("n", access_model="roster", roster_groups_allowed="friends")
        self.assertEqual(self.refused(bob, "n"), ["not-authorized", "not-in-roster-group"])
        ann.put("bob", "<group>friends</group>")
        bob.subscribe("n")
        self.server.kill9()
        self.server.start()
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b")
        ann.publish("n", "one")
        self.assertEqual(bob.item()[0], "one")
        ann.put("bob", "<group>others</group>")
        self.told_of_the_end(bob, "n")
        ann.put("bob", "<group>friends</group>")
        bob.subscribe("n")
        ann.put("bob", subscription="remove")
        self.told_of_the_end(bob, "n")

    def test_a_node_for_other_groups_ends_subscriptions(self):
        self.account("ann", "bob")
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b")
        for node in ("n", "m"):
            ann.create(
                node,
                access_model="roster",
                roster_groups_allowed="friends",
                publish_model="subscribers",
            )
        ann.put("bob", "<group>friends</group>")
        for node in ("n", "m"):
            bob.subscribe(node)
        ann.configure("n", roster_groups_allowed="others")
        ann.publish("n", "one")
        self.told_of_the_end(bob, "n")
        ann.put("bob", "<group>others</group>")
        self.told_of_the_end(bob, "m")
        bob.quiet_of_items()
        refusal_ = ["not-authorized", "not-in-roster-group"]
        self.assertEqual(bob.error("get", "<items node='m'/>")[:2], refusal_)
        bob.subscribe("n")
        ann.publish("n", "two")
        self.assertEqual(bob.item()[0], "two")

    def test_delivery_to_those_who_are_available(self):
        self.account("ann", "bob")
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b", presence=None)
        for node, option in (("n", "1"), ("m", "0")):
            ann.create(node, access_model="whitelist", presence_based_delivery=option)
            ann.ok(
                "set",
                f"<affiliations node='{node}'><affiliation jid='{bob.bare}' affiliation='member'/>"
                "</affiliations>",
                owner=True,
            )
            bob.subscribe(node)    # which logs it in
        ann.publish("n", "for the present")
        ann.publish("m", "for all")
        self.assertEqual(bob.item()[0], "for all")
        bob.says(inside="<show>away</show>")
        bob.hears("bob/b available away")
        ann.publish("n", "now")
        self.assertEqual(bob.item()[0], "now")

    def test_items_that_go_with_their_publisher(self):
        self.account("ann", "bob")
        ann, bob = self.log_in("ann", "a"), self.log_in("bob", "b")
        ann.create("n", purge_offline="1", publish_model="publishers")
        ann.ok(
            "set",
            f"<affiliations node='n'><affiliation jid='{bob.bare}' affiliation='publisher'/>"
            "</affiliations>",
            owner=True,
        )
        ann.publish("n", "one")
        bob.publish("n", "two")
        bob.says("unavailable")
        while ann.items("n")[0]:
            pass
        ann.publish("n", "three")
        bob.says()
        bob.says("unavailable")
        bob.sync()
        self.assertEqual(list(ann.items("n")[0]), ["three"])
        bob.says()
        bob.publish("n", "four")
        self.server.kill9()    # which no session's end is seen before
        self.server.start()
        ann = self.log_in("ann", "a")
        while ann.items("n")[0]:
            pass


class Stock(Case):
    """slixmpp's own roster, with nothing added."""

    def test_slixmpp(self):
        self.account("ann", "bob")
        asyncio.run(self.both())

    async def both(self):
        ann, bob = (
            Client(self.server.authority.client(address(name)), "s") for name in ("ann", "bob")
        )
        came = asyncio.Queue()
        ann.add_event_handler("presence_available", came.put_nowait)
        for client in (ann, bob):
            client.auto_authorize = client.auto_subscribe = True
            await client.login(self.server.c2s, presence=False)
            await client.get_roster()
            client.send_presence()
        ann.send_presence_subscription(address("bob"))
        while True:
            presence = await asyncio.wait_for(came.get(), 15)
            if presence["from"].bare == address("bob"):
                break
        for _ in range(100):
            item = ann.client_roster[address("bob")]
            if item["subscription"] == "both":
                break
            await asyncio.sleep(0.1)
        self.assertEqual(ann.client_roster[address("bob")]["subscription"], "both")
        self.assertIn("s", ann.client_roster.presence(address("bob")))
        await ann.leave()
        await bob.leave()


if __name__ == "__main__":
    unittest.main()
