# tests/integration/test_contact_queries.py: iqs between clients that share presence (RFC 6121
# §8.5.3.1), beside those to providers, which are under the policy's `query`.
import time
import xml.etree.ElementTree as ET

from exchange import SECONDS
from gridd import BROKER
from person import INFO, ROSTER, Person, address
from stanzas import CLIENT, refusal
from test_contacts import POLICY, Case

ABSENT = ["service-unavailable", ""]
PING, OWN = "<ping xmlns='urn:xmpp:ping'/>", "<question xmlns='urn:example:own'/>"
BLOCK = "<block xmlns='urn:xmpp:blocking'><item jid='{}'/></block>"

class Answering(Person):
    """Answers whatever it is asked, and notes it."""

    def __init__(self, *arguments, **more):
        self.questions = []
        super().__init__(*arguments, **more)

    def take(self, element):
        is_question = element.tag == CLIENT + "iq" and element.get("type") in ("get", "set")
        if is_question and not element[0].tag.startswith(f"{{{ROSTER}}}"):
            self.asked(element)
            return False
        return super().take(element)

    def asked(self, question):
        self.questions.append((question.get("from"), question[0].tag))
        self.send(
            f"<iq type='result' to='{question.get('from')}' id='{question.get('id')}'>"
            "<told xmlns='urn:example:told'/></iq>"
        )

    def answer(self, number):
        deadline = time.monotonic() + SECONDS
        while number not in self.answers:
            self._receive(deadline)
        return self.answers.pop(number)


class Queries(Case):
    def come(self, name, resource="one", presence="<presence/>"):
        if name not in self.bundles:
            self.bundles[name] = self.server.authority.client(address(name))
        person = Answering(self.server, self.bundles[name], resource, presence)
        self.addCleanup(person.close)
        person.roster()
        person.sync()
        person.heard.clear()
        return person

    def outcome(self, asker, asked, payload, kind="get"):
        """The answer's payload, or the refusal; whether the question was delivered."""
        before = len(asked.questions)
        asker.send(f"<iq type='{kind}' id='question' to='{asked.full}'>{payload}</iq>")
        asker.sync()
        asked.sync()
        answer = asker.answer("question")
        delivered = len(asked.questions) - before
        if answer.get("type") == "error":
            self.assertEqual(delivered, 0)
            return refusal(answer)[:2]
        self.assertEqual(delivered, 1)
        self.assertEqual(answer.get("from"), asked.full)
        return answer[0].tag.rpartition("}")[2]

    def friends(self, first="ann", second="bob"):
        self.account(first, second)
        one, other = self.come(first), self.come(second)
        self.befriend(one, other, first, second)
        return one, other

    def test_contacts_ask_each_other_whatever_they_like(self):
        ann, bob = self.friends()
        for payload in (PING, OWN, f"<query xmlns='{INFO}'/>"):
            self.assertEqual(self.outcome(ann, bob, payload), "told")
            self.assertEqual(self.outcome(bob, ann, payload, "set"), "told")

    def test_strangers_hear_that_nobody_is_there(self):
        self.account("ann", "bob")
        ann, bob = self.come("ann"), self.come("bob")
        for payload in (PING, OWN):
            self.assertEqual(self.outcome(ann, bob, payload), ABSENT)
            said = [refusal(ann.ask("get", payload, to)) for to in (
                bob.full, bob.bare + "/none", address("nobody/none"))]
            self.assertEqual(said, said[:1] * 3)

    def test_one_that_sees_may_ask_and_one_that_is_seen_may_not(self):
        self.account("ann", "bob")
        ann, bob = self.come("ann"), self.come("bob")
        ann.says("subscribe", "bob")
        ann.sync()
        bob.says("subscribed", "ann")
        bob.sync()
        self.assertEqual(self.outcome(ann, bob, PING), "told")
        self.assertEqual(self.outcome(bob, ann, PING), ABSENT)
        bob.says("unavailable")
        bob.sync()
        self.assertEqual(self.outcome(ann, bob, PING), ABSENT)
        bob.says()
        bob.sync()
        self.assertEqual(self.outcome(ann, bob, PING), "told")
        bob.says("unsubscribed", "ann")
        bob.sync()
        self.assertEqual(self.outcome(ann, bob, PING), ABSENT)

    def test_directed_presence_is_enough(self):
        self.account("ann", "bob")
        ann, bob = self.come("ann"), self.come("bob", presence=None)
        bob.ask("get", f"<query xmlns='{INFO}'/>", BROKER)    # so it logs in
        bob.says(to="ann/one")
        bob.sync()
        self.assertEqual(self.outcome(ann, bob, OWN), "told")
        bob.says("unavailable", "ann/one")
        bob.sync()
        self.assertEqual(self.outcome(ann, bob, OWN), ABSENT)

    def test_policy_and_block_lists_come_first(self):
        ann, bob = self.friends()
        self.set_policy("deny client ann to message client bob\n" + POLICY)
        self.assertEqual(self.outcome(ann, bob, PING), ABSENT)
        self.set_policy("deny client bob to message client ann\n" + POLICY)
        self.assertEqual(self.outcome(ann, bob, PING), ABSENT)    # nor does bob share its presence
        self.set_policy(POLICY)
        self.assertEqual(self.outcome(ann, bob, PING), "told")
        self.assertEqual(bob.ask("set", BLOCK.format(ann.bare), bob.bare).get("type"), "result")
        self.assertEqual(self.outcome(ann, bob, PING), ABSENT)

    def test_directed_presence_that_the_policy_ends(self):
        self.account("ann", "bob")
        ann, bob = self.come("ann"), self.come("bob")
        bob.says(to="ann/one")
        bob.sync()
        self.assertEqual(self.outcome(ann, bob, OWN), "told")
        self.set_policy("deny client bob to message client ann\n" + POLICY)
        self.assertEqual(self.outcome(ann, bob, OWN), ABSENT)

    def late(self, payload, between, first="ann", second="bob"):
        """What comes of a question whose answer waits until `between` is done."""
        ann, bob = self.friends(first, second)
        bob.asked = bob.questions.append
        ann.send(f"<iq type='get' id='late' to='{bob.full}'>{payload}</iq>")
        ann.sync()
        bob.sync()
        self.assertEqual(len(bob.questions), 1)
        between(ann, bob)
        bob.send(f"<iq type='result' to='{ann.full}' id='late'><secret/></iq>")
        bob.sync()
        ann.sync()
        answer = ann.answer("late")
        self.assertNotIn("secret", ET.tostring(answer, "unicode"))
        return refusal(answer)[:2]

    def test_a_right_that_ends_meanwhile_ends_the_answer(self):
        def goes_out_of_sight(_ann, bob):
            bob.says("unsubscribed", "ann")
            bob.sync()

        def blocks(ann, bob):
            bob.ask("set", BLOCK.format(ann.bare), bob.bare)

        for number, between in enumerate((
            lambda ann, bob: self.set_policy("deny client ann to message client bob\n" + POLICY),
            lambda ann, bob: self.set_policy("deny client bob to message client ann\n" + POLICY),
            goes_out_of_sight,
            blocks,
        )):
            with self.subTest(number):
                self.setUp()
                self.assertEqual(self.late(OWN, between), ABSENT)

    def test_a_right_to_a_topic_that_ends_is_not_made_up_for_by_messages(self):
        allowed = "allow client ann to query on sessions\n" + POLICY
        self.account("ann", "bob")
        ann, bob = self.come("ann"), self.come("bob")
        bob.create("sessions")
        bob.publish("sessions", "one")
        bob.asked = bob.questions.append
        for number, policy in enumerate((
            POLICY, "deny client bob to publish on sessions\n" + POLICY,
        )):
            self.set_policy(allowed)
            ann.send(f"<iq type='get' id='l{number}' to='{bob.full}'>{OWN}</iq>")
            ann.sync()
            bob.sync()
            self.assertEqual(len(bob.questions), number + 1)
            self.set_policy(policy)
            bob.send(f"<iq type='result' to='{ann.full}' id='l{number}'><secret/></iq>")
            bob.sync()
            ann.sync()
            answer = ann.answer(f"l{number}")
            self.assertEqual(answer.get("type"), "error")
            self.assertNotIn("secret", ET.tostring(answer, "unicode"))

    def test_refusals_are_on_record(self):
        ann, bob = self.friends()
        self.set_policy("deny client ann to message client bob\n" + POLICY)
        self.assertEqual(self.outcome(ann, bob, OWN), ABSENT)
        deadline = time.monotonic() + SECONDS
        while not (found := self.refused_queries(bob.full)):    # a moment later
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual([one["detail"] for one in found], ["urn:example:own.question"])

    def refused_queries(self, target):
        records = self.server.admin_json("audit", "--all", "--operation=query")["records"]
        return [one for one in records if one["target"] == target and one["decision"] == "deny"]

    def test_a_provider_is_asked_about_topics_under_the_policy_alone(self):
        ann, bob = self.friends()
        bob.create("sessions")
        bob.publish("sessions", "one")
        info = "http://jabber.org/protocol/disco#info"
        grid = "<grid xmlns='gi' type='request'><ask xmlns='urn:example:own'/></grid>"
        for payload in (PING, f"<query xmlns='{info}'/>", "<query xmlns='jabber:iq:version'/>"):
            self.assertEqual(self.outcome(ann, bob, payload), "told")
        for payload, kind in (
            (OWN, "get"), (grid, "get"), (PING, "set"),
            (f"<ping xmlns='urn:xmpp:ping'>{grid}</ping>", "get"),
            ("<anything xmlns='jabber:iq:version'/>", "get"),
            (f"<query xmlns='{info}' node='sessions'/>", "get"),
        ):
            with self.subTest(payload, kind=kind):
                self.assertEqual(self.outcome(ann, bob, payload, kind)[0], "forbidden")
        self.set_policy("deny client bob to publish on sessions\n" + POLICY)
        self.assertEqual(self.outcome(ann, bob, OWN), ABSENT)    # a provider all the same
        self.set_policy("allow client ann to query on sessions\n" + POLICY)
        self.assertEqual(self.outcome(ann, bob, OWN), "told")
