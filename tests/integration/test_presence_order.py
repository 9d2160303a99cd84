# tests/integration/test_presence_order.py: presence stands where its client sent it, before what
# the client sends after it and behind what it sent before (RFC 6120 §10.1).
"""What is about order goes in one write, so that the server has it all at once."""

import time
import unittest

from exchange import SECONDS
from person import Person, address
from stanzas import CLIENT, refusal
from test_contacts import Case

VCARD = "<vCard xmlns='vcard-temp'/>"
PING = "<ping xmlns='urn:xmpp:ping'/>"


def status(text):
    return f"<presence><status>{text}</status></presence>"


class Witness(Person):
    """Notes stanzas of all kinds in their order."""

    def __init__(self, server, bundle, resource="one", presence="<presence/>"):
        self.noted = []
        super().__init__(server, bundle, resource, presence)

    def take(self, element):
        kind = element.tag.removeprefix(CLIENT)
        if element.get("from", "").startswith("ann@") and kind != "iq":
            self.noted.append(element.get("id") or element.findtext(CLIENT + "status") or kind)
        return super().take(element)


class Ordered(Case):
    def friends(self, kind=Person):
        self.account("ann", "bob")
        ann = self.log_in("ann", "a")
        self.bundles["bob"] = self.server.authority.client(address("bob"))
        bob = kind(self.server, self.bundles["bob"], "b", "<presence/>")
        self.addCleanup(bob.close)
        bob.roster()
        bob.sync()
        self.befriend(ann, bob)
        return ann, bob

    def stranger(self):
        self.account("cat")
        return self.log_in("cat", "c")

    def until(self, person, what):
        deadline = time.monotonic() + SECONDS
        while not what():
            self.assertLess(time.monotonic(), deadline, person.heard)
            person.sync()

    def until_hears(self, person, word):
        """Others may come before it."""
        self.until(person, lambda: word in person.heard)
        person.heard.clear()

    def notes(self, witness, *words):
        self.until(witness, lambda: len(witness.noted) >= len(words))
        self.assertEqual(witness.noted, list(words))

    def block_of(self, person):
        return f"<block xmlns='urn:xmpp:blocking'><item jid='{person.bare}'/></block>"


class Directed(Ordered):
    def test_the_end_is_the_last_that_an_addressee_hears(self):
        self.account("ann")
        ann, cat = self.log_in("ann", "a"), self.stranger()
        for to in ("cat", "cat/c"):
            with self.subTest(to=to):
                ann.says(to=to)
                cat.hears("ann/a available")
                ann.send("<presence type='unavailable'/>" + status("for contacts"))
                ann.hears("ann/a available for contacts")
                cat.hears("ann/a unavailable")
                ann.send(status("more"))
                ann.hears("ann/a available more")
                cat.quiet()
        # Of two ends each has its own addressees.
        dan = self.log_in_of("dan")
        ann.says(to="cat")
        cat.hears("ann/a available")
        ann.send(
            f"<presence type='unavailable'><status>one</status></presence><presence/>"
            f"<presence to='{dan.bare}'/>"
            f"<presence type='unavailable'><status>two</status></presence><presence/>"
        )
        cat.hears("ann/a unavailable one")
        dan.hears("ann/a available", "ann/a unavailable two")
        cat.quiet()

    def test_a_resource_of_a_contact_that_is_not_available(self):
        ann, bob = self.friends()
        desk = self.log_in("bob", "desk", presence=None)
        ann.says(to="bob/desk")
        desk.hears("ann/a available")
        ann.says("unavailable")
        for one in (bob, desk):
            one.hears("ann/a unavailable")

    def log_in_of(self, name):
        self.account(name)
        return self.log_in(name, "d")

    def test_it_stands_where_it_was_sent(self):
        ann, bob = self.friends()
        to = f"to='{bob.bare}'"
        end = "<presence type='unavailable'/>"
        for text, words in (
            (f"{end}<presence {to}/>", ["unavailable", "available"]),
            (end, ["unavailable"]),    # of what it told that contact alone
            (f"<presence/><presence {to} type='unavailable'/>", ["available", "unavailable"]),
            (
                f"{status('all')}<presence {to}><status>bob</status></presence>{status('again')}",
                ["available all", "available bob", "available again"],
            ),
            (
                f"{end}<presence to='{bob.full}'/>{status('x')}{end}",
                ["unavailable", "available", "unavailable"],
            ),
        ):
            with self.subTest(text=text):
                ann.send(text)
                bob.hears(*(f"ann/a {word}" for word in words))
                ann.sync()
                bob.quiet()

    def test_an_addressee_that_is_no_contact(self):
        self.account("ann")
        ann, cat = self.log_in("ann", "a"), self.stranger()
        ann.says(to="cat")
        cat.hears("ann/a available")
        ann.send(f"<presence type='unavailable'/><presence to='{cat.bare}'/>")
        cat.hears("ann/a unavailable", "ann/a available")
        ann.says("unavailable")
        cat.hears("ann/a unavailable")


class BeforeTheRest(Ordered):
    def test_messages_come_behind_presence(self):
        ann, bob = self.friends(Witness)
        bob.noted.clear()
        ann.send(
            f"{status('1')}<message to='{bob.full}' type='chat' id='2'><body>x</body></message>"
            f"{status('3')}<message to='{bob.bare}' type='chat' id='4'><body>x</body></message>"
            f"{status('5')}"
        )
        self.notes(bob, *"12345")

    def test_an_account_that_is_told_first_is_not_told_twice(self):
        ann, bob = self.friends()
        cat = self.stranger()
        self.befriend(ann, cat, "ann", "cat")
        ann.sync()
        ann.send(f"{status('x')}<message to='{bob.full}' type='chat'><body>x</body></message>")
        for one in (bob, cat):
            one.hears("ann/a available x")
        ann.sync()
        for one in (bob, cat):
            one.quiet()


class BehindTheRest(Ordered):
    settings = {"archive.messages": "true"}

    def test_presence_comes_behind_messages_that_are_kept(self):
        ann, bob = self.friends(Witness)
        bob.noted.clear()

        def message(identity):
            return f"<message to='{bob.full}' type='chat' id='{identity}'><body>x</body></message>"

        ann.send(
            f"{message(1)}<presence to='{bob.bare}'><status>2</status></presence>"
            f"{message(3)}{status('4')}{message(5)}"
        )
        self.notes(bob, *"12345")

    def test_a_client_that_goes_at_once_leaves_no_presence(self):
        ann, bob = self.friends()
        ann.send(
            f"<message to='{bob.full}' type='chat'><body>x</body></message>{status('x')}"
        )
        ann.close()
        self.until_hears(bob, "ann/a unavailable")
        bob.message()
        bob.says("probe", "ann")
        bob.hears("ann unavailable")

    def test_a_contact_that_is_one_no_more_hears_nothing_more(self):
        ann, bob = self.friends()
        ann.send(f"<presence to='{bob.bare}' type='unsubscribed'/>{status('secret')}")
        self.until_hears(ann, "ann/a available secret")
        bob.sync()
        self.assertIn("ann/a unavailable", bob.heard)
        self.assertEqual([word for word in bob.heard if "secret" in word], [])

    def test_removed_from_the_roster(self):
        ann, bob = self.friends()
        ann.send(
            "<iq type='set' id='r'><query xmlns='jabber:iq:roster'>"
            f"<item jid='{bob.bare}' subscription='remove'/></query></iq>{status('secret')}"
        )
        self.until_hears(ann, "ann/a available secret")
        bob.sync()
        self.assertIn("ann/a unavailable", bob.heard)
        self.assertEqual([word for word in bob.heard if "secret" in word], [])

    def test_an_address_that_is_blocked_gets_nothing_more(self):
        ann, bob = self.friends(Witness)
        bob.noted.clear()
        ann.send(
            f"<iq type='set' id='b'>{self.block_of(bob)}</iq>{status('secret')}"
            f"<message to='{bob.full}' type='chat' id='m'><body>x</body></message>"
            f"<presence to='{bob.bare}'><status>secret</status></presence>"
        )
        answer = ann.ask("get", PING, bob.full)
        self.assertEqual(refusal(answer)[0], "not-acceptable")
        bob.hears("ann/a unavailable")
        bob.quiet()
        self.assertEqual(bob.noted, ["presence"])


class Blocked(Ordered):
    """XEP-0191 §3.3."""

    def test_an_addressee_of_directed_presence_hears_the_end(self):
        ann, bob = self.friends()
        cat = self.stranger()
        for to in ("cat", "cat/c", "bob"):
            ann.says(to=to)
        cat.hears("ann/a available", "ann/a available")
        bob.hears("ann/a available")
        for one in (bob, cat):
            ann.request("set", self.block_of(one))
        cat.hears("ann/a unavailable", "ann/a unavailable")
        bob.hears("ann/a unavailable")
        ann.says("unavailable")
        ann.sync()
        for one in (bob, cat):
            one.quiet()

    def test_what_is_sent_to_it_is_refused(self):
        self.account("ann")
        ann, cat = self.log_in("ann", "a"), self.stranger()
        ann.request("set", self.block_of(cat))
        for kind in (None, "unavailable", "subscribe", "subscribed"):
            with self.subTest(kind=kind):
                ann.says(kind, "cat", id="p")
                ann.hears("cat error not-acceptable")
        for payload in (VCARD, "<query xmlns='http://jabber.org/protocol/disco#info'/>"):
            answer = ann.ask("get", payload, cat.bare)
            self.assertEqual(refusal(answer)[0], "not-acceptable")
        cat.quiet()
        for kind in ("unsubscribe", "unsubscribed"):
            ann.says(kind, "cat")
        ann.quiet()


if __name__ == "__main__":
    unittest.main()
