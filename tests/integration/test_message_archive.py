# tests/integration/test_message_archive.py: the archives of messages of accounts.
"""XEP-0313 at an account's own address, with the ids of XEP-0359 and the wishes of XEP-0441."""

import time
import unittest

from gridd import DOMAIN
from stanzas import CLIENT, MAM, RSM
from test_delivery import CARBONS, FORWARD, INFO, SID, STANZAS, Delivering


class Archive(Delivering):
    SETTINGS = {"archive.messages": "true", "archive.messages_max": "8"}

    def query(self, client, fields="", rsm="", to=None):
        """The archived messages and the end of the answer, or the error."""
        form = (
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
            f"<value>{MAM}</value></field>{fields}</x>"
        )
        page = f"<set xmlns='{RSM}'>{rsm}</set>" if rsm else ""
        answer = client.ask(
            "set", f"<query xmlns='{MAM}' queryid='q'>{form}{page}</query>", to or client.bare
        )
        fin = answer.find(f"{{{MAM}}}fin")
        results = [one.find(f"{{{MAM}}}result") for one in client.messages]
        found = [one for one in results if one is not None]
        client.messages = [
            one for one, result in zip(client.messages, results) if result is None
        ]
        return found, fin if fin is not None else answer

    def field(self, name, value):
        return f"<field var='{name}'><value>{value}</value></field>"

    def ids(self, found):
        """The ids of the messages themselves."""
        return [
            one.find(f"{{{FORWARD}}}forwarded/{CLIENT}message").get("id") for one in found
        ]

    def own_id(self, message, account):
        return [
            one.get("id") for one in message.iter(f"{{{SID}}}stanza-id")
            if one.get("by") == account
        ]

    def test_both_sides_have_what_was_said_and_its_id(self):
        anna, bert = self.login("anna"), self.login("bert")
        desk = self.login("anna", "desk")
        desk.ask("set", f"<enable xmlns='{CARBONS}'/>", desk.bare)
        first, second = self.say(anna, bert.full), self.say(anna, f"dora@{DOMAIN}")
        third = self.say(bert, anna.full, "normal")
        self.say(anna, bert.full, "headline")
        message = bert.message()
        self.assertEqual(message.get("id"), first)
        seen = self.own_id(message, bert.bare)
        self.assertEqual(len(seen), 1)
        self.assertEqual(self.own_id(message, anna.bare), [])
        self.settle(anna)
        found, fin = self.query(anna)
        self.assertEqual(self.ids(found), [first, second, third])
        self.assertEqual(fin.get("complete"), "true")
        copy = desk.message()
        self.assertEqual(self.own_id(copy, anna.bare), [found[0].get("id")])
        theirs, _ = self.query(bert)
        self.assertEqual(self.ids(theirs), [first, third])
        self.assertEqual([theirs[0].get("id")], seen)
        # A message that waited is in the archive, too, and has its id.
        dora = self.login("dora")
        late = dora.message()
        waiting, _ = self.query(dora)
        self.assertEqual(self.own_id(late, dora.bare), [waiting[0].get("id")])

    def test_pages_and_filters(self):
        anna, bert, carl = self.login("anna"), self.login("bert"), self.login("carl")
        sent = [self.say(anna, to.full) for to in (bert, carl, bert, carl, bert)]
        self.settle(anna)
        found, fin = self.query(anna, rsm="<max>2</max>")
        self.assertEqual(self.ids(found), sent[:2])
        self.assertIsNone(fin.get("complete"))
        self.assertEqual(fin.find(f"{{{RSM}}}set/{{{RSM}}}count").text, "5")
        last = fin.find(f"{{{RSM}}}set/{{{RSM}}}last").text
        found, fin = self.query(anna, rsm=f"<max>10</max><after>{last}</after>")
        self.assertEqual(self.ids(found), sent[2:])
        self.assertEqual(fin.get("complete"), "true")
        self.check_complete(anna)
        self.assertEqual(self.ids(self.query(anna, self.field("with", carl.bare))[0]), sent[1::2])
        self.assertEqual(self.ids(self.query(anna, self.field("after-id", last))[0]), sent[2:])
        self.assertEqual(self.query(anna, self.field("end", "2001-01-01T00:00:00Z"))[0], [])
        _, error = self.query(anna, self.field("after-id", "nothing"))
        self.assertIsNotNone(error.find(f"{CLIENT}error/{{{STANZAS}}}item-not-found"))
        _, error = self.query(anna, self.field("colour", "red"))
        self.assertIsNotNone(error.find(f"{CLIENT}error/{{{STANZAS}}}feature-not-implemented"))

    def check_complete(self, client):
        """A page between two bounds."""
        first, *_, last = [one.get("id") for one in self.query(client)[0]]
        bounds = f"<after>{first}</after><before>{last}</before>"
        for most, count in (("9", 3), ("3", 3), ("2", 2)):
            found, fin = self.query(client, rsm=f"<max>{most}</max>{bounds}")
            self.assertEqual(len(found), count)
            self.assertEqual(fin.get("complete"), "true" if count == 3 else None)
        found, fin = self.query(client, rsm=f"<after>{last}</after><before>{first}</before>")
        self.assertEqual((found, fin.get("complete")), ([], "true"))

    def test_nobody_reads_the_archive_of_another(self):
        anna, bert = self.login("anna"), self.login("bert")
        self.say(anna, bert.full)
        self.settle(anna, bert)
        bert.messages = []
        carl = self.login("carl")
        for to in (anna.bare, f"nobody@{DOMAIN}"):
            found, answer = self.query(carl, to=to)
            self.assertEqual(found, [])
            self.assertIsNotNone(
                answer.find(f"{CLIENT}error/{{{STANZAS}}}service-unavailable")
            )

    def test_an_account_has_no_archive_of_a_node(self):
        anna, bert = self.login("anna"), self.login("bert")
        self.say(anna, bert.full)
        for kind, name in (("set", "query"), ("get", "metadata")):
            answer = bert.ask(kind, f"<{name} xmlns='{MAM}' node='urn:n'/>", bert.bare)
            self.assertIsNotNone(answer.find(f"{CLIENT}error/{{{STANZAS}}}item-not-found"))
        self.assertEqual(len(self.query(bert)[0]), 1)

    def test_the_archive_survives_kill_9_and_keeps_the_newest(self):
        anna, bert = self.login("anna"), self.login("bert")
        sent = [self.say(anna, bert.full) for _ in range(12)]
        self.settle(anna)
        deadline = time.monotonic() + 20
        while len(found := self.query(anna)[0]) != 8:   # the oldest go in the background
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(self.ids(found), sent[-8:])
        self.server.kill9()
        self.server.start()
        self.assertEqual(self.ids(self.query(self.login("anna"))[0]), sent[-8:])

    def test_what_an_account_or_a_sender_leaves_out(self):
        anna, bert = self.login("anna"), self.login("bert")
        answer = anna.ask(
            "set",
            f"<prefs xmlns='{MAM}' default='always'><never><jid>{bert.bare}</jid></never></prefs>",
            anna.bare,
        )
        self.assertEqual(answer.get("type"), "result")
        first = self.say(anna, bert.full)
        self.say(anna, bert.full, more="<no-permanent-store xmlns='urn:xmpp:hints'/>")
        self.say(anna, bert.full, more="<no-store xmlns='urn:xmpp:hints'/>")
        self.settle(anna)
        self.assertEqual(self.query(anna)[0], [])
        self.settle(bert)
        self.assertEqual([one.get("id") for one in bert.messages].count(first), 1)
        bert.messages = []
        self.assertEqual(self.ids(self.query(bert)[0]), [first])

    def test_an_account_keeps_what_its_contacts_say(self):
        anna, bert, carl = self.login("anna"), self.login("bert"), self.login("carl")
        prefs = f"<prefs xmlns='{MAM}' default='roster'/>"
        answer = anna.ask("set", prefs, anna.bare)
        self.assertEqual(answer.find(f"{{{MAM}}}prefs").get("default"), "roster")
        item = f"<query xmlns='jabber:iq:roster'><item jid='{bert.bare}'/></query>"
        self.assertEqual(anna.ask("set", item, anna.bare).get("type"), "result")
        kept = self.say(anna, bert.full)
        self.say(anna, carl.full)
        self.settle(anna)
        self.assertEqual(self.ids(self.query(anna)[0]), [kept])
        prefs = f"<prefs xmlns='{MAM}' default='roster'><always><jid>{carl.bare}</jid></always>"
        never = f"<never><jid>{bert.bare}</jid></never></prefs>"
        self.assertEqual(anna.ask("set", prefs + never, anna.bare).get("type"), "result")
        self.say(anna, bert.full)
        also = self.say(anna, carl.full)
        self.settle(anna)
        self.server.kill9()   # the wish is on disk
        self.server.start()
        anna, bert = self.login("anna"), self.login("bert")
        self.say(anna, bert.full)
        self.settle(anna)
        self.assertEqual(self.ids(self.query(anna)[0]), [kept, also])
        answer = anna.ask("set", f"<prefs xmlns='{MAM}' default='friends'/>", anna.bare)
        self.assertIsNotNone(answer.find(f"{CLIENT}error/{{{STANZAS}}}bad-request"))

    def test_the_account_says_that_it_has_one(self):
        anna = self.login("anna")
        info = anna.ask("get", f"<query xmlns='{INFO}'/>", anna.bare)
        features = {one.get("var") for one in info.iter(f"{{{INFO}}}feature")}
        self.assertLessEqual({MAM, MAM + "#extended", SID}, features)


class NoArchive(Delivering):
    def test_without_the_option_there_is_none(self):
        anna = self.login("anna")
        answer = anna.ask("set", f"<query xmlns='{MAM}'/>", anna.bare)
        self.assertIsNotNone(answer.find(f"{CLIENT}error/{{{STANZAS}}}service-unavailable"))
        info = anna.ask("get", f"<query xmlns='{INFO}'/>", anna.bare)
        features = {one.get("var") for one in info.iter(f"{{{INFO}}}feature")}
        self.assertNotIn(MAM, features)


if __name__ == "__main__":
    unittest.main()
