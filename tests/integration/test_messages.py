# tests/integration/test_messages.py: stanzas from one client to another: messages, presence,
# discovery.
"""Messages go by RFC 6121 §8.5, and only where the policy says so. One server for all."""

import re
import tempfile
import time
import unittest
import xml.etree.ElementTree as ET

from gridd import BROKER, DOMAIN, Operated
from topic import Topic

SECONDS = 20
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
TYPES = (None, "normal", "chat", "headline", "groupchat", "error", "nonsense")

POLICY = f"""\
deny client mute to message any
allow group everyone to discover, create, publish, subscribe, retrieve on any
allow client anna to message client bert, carl, away
allow group sensors to message group desks
allow client carl to message any network 192.0.2.0/24
"""


def sync(client):
    """What it sent before was taken, and what was sent to it before has come. (A ping would not do:
    it is answered past everything else.)"""
    said, whole = client.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)
    assert said == "ok", whole


class Messages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Operated(POLICY).start()
        cls.addClassCleanup(cls.server.close)
        groups = {"sensor": ["sensors"], "desk": ["desks"], "mute": ["sensors"]}
        for name in ("anna", "bert", "carl", "away", "sensor", "desk", "mute"):
            more = [part for g in groups.get(name, []) for part in ("--group", g)]
            account = f"{name}@{DOMAIN}"
            cls.server.admin_ctl("accounts", "add", account, "--group", "everyone", *more)
        cls.anna = cls.log_in("anna", "a")
        cls.bert = cls.log_in("bert", "b")
        cls.quiet = cls.log_in("bert", "quiet", presence=False)

    @classmethod
    def log_in(cls, name, resource, presence=True):
        bundle = cls.server.authority.client(f"{name}@{DOMAIN}")
        client = Topic(cls.server, bundle, resource=resource)
        cls.addClassCleanup(client.close)
        if presence:
            client.raw.send("<presence/>")
        sync(client)
        return client

    def message(self, client, to, kind, number):
        type_ = f" type='{kind}'" if kind else ""
        client.raw.send(f"<message to='{to}'{type_} id='{number}'><body>x</body></message>")

    def answer(self, client, number):
        """The condition and text of the error that answers it; None: nothing did."""
        sync(client)    # answered behind it
        found = re.search(rf"<message\b[^>]*id='{number}'.*?</message>", client.raw.seen, re.DOTALL)
        if not found:
            return None
        client.raw.seen = client.raw.seen.replace(found.group(), "")
        self.assertIn("type='error'", found.group())
        return found.group()

    def refused(self, client, number):
        error = self.answer(client, number)
        self.assertIsNotNone(error, "no answer to " + number)
        self.assertIn(f"<service-unavailable xmlns='{STANZA_ERRORS}'/>", error)
        return error

    def received(self, client, number):
        """The message of that id, if it came."""
        sync(client)
        found = re.search(rf"<message\b[^>]*id='{number}'.*?</message>", client.raw.seen, re.DOTALL)
        if not found:
            return None
        client.raw.seen = client.raw.seen.replace(found.group(), "")
        return ET.fromstring(found.group())

    def reach(self, to, kind, number):
        """Who gets it: letters of bert's two resources; and what anna is answered."""
        self.message(self.anna, to, kind, number)
        answered = self.answer(self.anna, number)
        who = "".join(
            letter
            for letter, client in (("b", self.bert), ("q", self.quiet))
            if self.received(client, number) is not None
        )
        return who, answered is not None

    # --- RFC 6121 §8.5 ------------------------------------------------------------------------

    def test_a_full_address_reaches_that_resource_and_no_other(self):
        """found 3, X5, I5: every type; also a resource that sent no presence."""
        for place, kind in enumerate(TYPES):
            for resource, letter in (("b", "b"), ("quiet", "q")):
                with self.subTest(kind=kind, resource=resource):
                    reached = self.reach(f"bert@{DOMAIN}/{resource}", kind, f"full{place}{letter}")
                    self.assertEqual(reached, (letter, False))

    def test_a_resource_that_is_gone_is_not_replaced_by_another(self):
        """found 3, I3, I4: §8.5.3.2.1: only a chat is as to the bare address."""
        right = {
            None: ("", True), "normal": ("", True), "nonsense": ("", True), "groupchat": ("", True),
            "headline": ("", False), "error": ("", False), "chat": ("b", False),
        }
        for place, kind in enumerate(TYPES):
            with self.subTest(kind=kind):
                self.assertEqual(
                    self.reach(f"bert@{DOMAIN}/gone", kind, f"gone{place}"), right[kind]
                )

    def test_a_bare_address_reaches_who_is_there(self):
        """found I3: §8.5.2.1.1: errors are ignored, groupchats refused."""
        right = {"groupchat": ("", True), "error": ("", False)}
        for place, kind in enumerate(TYPES):
            with self.subTest(kind=kind):
                reached = self.reach(f"bert@{DOMAIN}", kind, f"bare{place}")
                self.assertEqual(reached, right.get(kind, ("b", False)))

    def test_nobody_there_is_said_of_what_wants_an_answer(self):
        """§8.5.2.2.1: normal and chat wait, groupchat is answered, headline and error are not."""
        for place, kind in enumerate(TYPES):
            with self.subTest(kind=kind):
                self.assertEqual(
                    self.reach(f"away@{DOMAIN}", kind, f"away{place}"), ("", kind == "groupchat")
                )

    def test_another_server_is_not_reached(self):
        """RFC 6120 §10.4: a message is told so as an iq is."""
        self.message(self.anna, "bert@elsewhere.example", "chat", "away")
        error = self.answer(self.anna, "away")
        self.assertIn(f"<remote-server-not-found xmlns='{STANZA_ERRORS}'/>", error)

    # --- the policy ---------------------------------------------------------------------------

    def test_only_the_policy_lets_a_message_through(self):
        """found M1: refused like a message to an account that is not there."""
        mute = self.log_in("mute", "m")
        self.log_in("desk", "d")
        sensor = self.log_in("sensor", "s")
        for place, (client, to) in enumerate(
            ((mute, "bert"), (mute, "desk"), (sensor, "bert"), (self.bert, "anna"), (mute, "admin"))
        ):
            for kind in (None, "chat", "groupchat"):
                number = f"deny{place}{kind}"
                for address in (to, "nobody"):
                    with self.subTest(client=client, to=address, kind=kind):
                        self.message(client, f"{address}@{DOMAIN}", kind, number)
                        error = self.refused(client, number).replace(f"{address}@", "X@")
                        if address == to:
                            expected = error
                        self.assertEqual(error, expected)
            for kind in ("headline", "error"):
                self.message(client, f"{to}@{DOMAIN}/b", kind, f"quiet{place}{kind}")
                self.assertIsNone(self.answer(client, f"quiet{place}{kind}"))
        for client in (self.bert, self.quiet, self.anna):
            sync(client)
            self.assertNotIn("id='deny", client.raw.seen)
            self.assertNotIn("id='quiet", client.raw.seen)

    def test_a_group_as_sender_and_as_recipient(self):
        """found M1: the recipient's groups count; one's own resources need no rule."""
        desk, sensor = self.log_in("desk", "g"), self.log_in("sensor", "g")
        self.message(sensor, f"desk@{DOMAIN}/g", "chat", "grp1")
        self.assertIsNone(self.answer(sensor, "grp1"))
        got = self.received(desk, "grp1")
        self.assertEqual(got.get("from"), f"sensor@{DOMAIN}/g")
        self.message(desk, f"sensor@{DOMAIN}/g", "chat", "grp2")
        self.refused(desk, "grp2")
        self.message(self.bert, f"bert@{DOMAIN}/quiet", "chat", "own")
        self.assertIsNone(self.answer(self.bert, "own"))
        self.assertIsNotNone(self.received(self.quiet, "own"))

    def test_announcements_of_administrators_need_no_rule(self):
        """found M1: nor do the server's own notices; an administrator's own messages do."""
        admin = self.log_in("admin", "m")
        self.message(admin, f"anna@{DOMAIN}", "chat", "adm")
        self.refused(admin, "adm")
        self.server.admin_ctl("announce", "maintenance at noon")
        told = self.anna.take(r"<message\b[^>]*id='announce-.*?</message>", SECONDS).group()
        self.assertIn("maintenance at noon", told)

    def test_messages_are_on_record_and_folded(self):
        """found M1: who sent whom, by which rule; what was said is not."""
        mute = self.log_in("mute", "r")
        for number in range(20):
            self.message(mute, f"carl@{DOMAIN}", "chat", f"rec{number}")
            self.message(self.anna, f"carl@{DOMAIN}", "headline", f"rec{number}")
        sync(mute)
        sync(self.anna)
        deadline = time.monotonic() + SECONDS
        while True:
            rows = [
                row
                for row in self.server.admin_json("audit", "--operation", "message")["records"]
                if row["target"] == f"carl@{DOMAIN}"
            ]
            counts = {
                (row["actor"].split("@")[0], row["decision"]): 0 for row in rows
            }
            for row in rows:
                counts[row["actor"].split("@")[0], row["decision"]] += row["count"]
            if counts == {("mute", "deny"): 20, ("anna", "allow"): 20}:
                break
            self.assertLess(time.monotonic(), deadline, rows)
            time.sleep(0.1)
        self.assertLess(len(rows), 40)
        for row in rows:
            line = 1 if row["decision"] == "deny" else 3
            self.assertIn(f"line {line}: ", row["rule"])

    def test_the_policy_is_asked_about_messages_before_it_is_in_force(self):
        """found M1: test, explain and dry-run know them."""
        def ask(client, to, *more):
            done = self.server.gridctl(
                "--json", "policy", "test", "--client", client, "--operation", "message",
                "--to", to, *more, identity=self.server.admin,
            )
            return done.returncode, done.stdout

        code, text = ask("sensor", "desk")
        self.assertEqual(code, 0, text)
        self.assertIn("allow group sensors message group desks", text)
        self.assertIn("the recipient is in group desks", text)
        self.assertNotEqual(ask("mute", "desk")[0], 0)
        self.assertNotEqual(ask("sensor", "bert")[0], 0)
        self.assertEqual(ask("sensor", "bert", "--to-group", "desks")[0], 0)
        self.assertNotEqual(ask("carl", "bert", "--network", "198.51.100.1")[0], 0)
        self.assertEqual(ask("carl", "bert", "--network", "192.0.2.1")[0], 0)
        with tempfile.NamedTemporaryFile("w", suffix=".policy") as file:
            file.write("deny any to message group desks\n")
            file.flush()
            self.assertNotEqual(ask("sensor", "desk", "--file", file.name)[0], 0)
            self.assertIn("1 rules", self.server.admin_ctl("policy", "dry-run", file.name))
            self.server.admin_ctl("policy", "check", file.name)

    def test_what_reads_like_a_typo_is_no_policy(self):
        """found M24: words of the language are names only in quotes."""
        for text, column in (
            ("allow any to publish on\n", 24),
            ("allow group to publish on x\n", 13),
            ("allow any to message incidents\n", 22),
        ):
            done = self.server.gridctl(
                "policy", "check", "-", identity=self.server.admin, stdin=text
            )
            self.assertNotEqual(done.returncode, 0, text)
            self.assertIn(f"1:{column}: ", done.stdout + done.stderr)
        for name in ("bad group", "a,b", 'a"b', "#a"):
            done = self.server.gridctl("groups", "create", name, identity=self.server.admin)
            self.assertNotEqual(done.returncode, 0, name)
            self.assertIn("without blanks, commas, quotes", done.stderr)

    # --- presence, discovery, leaving ---------------------------------------------------------

    def test_presence_for_others_is_answered_alike(self):
        """found I6: the same for an account that is there, one that the policy keeps away, and one
        that is not there."""
        heard = []
        for name in ("bert", "desk", "nobody"):
            sync(self.anna)
            self.anna.raw.seen = ""
            for place, kind in enumerate(("probe", "subscribed", "unsubscribe", "unsubscribed")):
                self.anna.raw.send(
                    f"<presence to='{name}@{DOMAIN}' type='{kind}' id='p{place}'/>"
                )
            sync(self.anna)
            found = re.findall(r"<presence.*?/>", self.anna.raw.seen)
            heard.append([stanza.replace(name, "X") for stanza in found])
        self.assertEqual(len(heard[0]), 1)    # the probe's
        self.assertEqual(heard, heard[:1] * 3)
        sync(self.bert)
        self.assertNotIn("anna", "".join(re.findall("<presence.*?>", self.bert.raw.seen)))

    def test_items_of_an_account_are_an_empty_list(self):
        """found I2: XEP-0030 §8, whether there is such an account or not."""
        for node in ("", " node='n'"):
            answers = set()
            for name in ("bert", "nobody"):
                said, whole = self.anna.ask(
                    "get", f"<query xmlns='{ITEMS}'{node}/>", f"{name}@{DOMAIN}"
                )
                self.assertEqual(said, "ok")
                query = ET.fromstring(whole).find(f"{{{ITEMS}}}query")
                self.assertEqual((len(query), query.get("node")), (0, node[7:-1] or None))
                answers.add(re.sub(r" (id|from)='[^']*'", "", whole))
            self.assertEqual(len(answers), 1)

    def test_queries_do_not_tell_which_accounts_there_are(self):
        """The same for a missing account and for one that provides nothing, whatever is asked."""
        self.anna.ask("get", f"<query xmlns='{INFO}'/>", BROKER)
        for payload in (
            "<grid xmlns='gi' type='request'><a xmlns='urn:a'/></grid>",
            "<query xmlns='jabber:iq:version'/>", "<vCard xmlns='vcard-temp'/>",
            f"<query xmlns='{INFO}'/>", "<inquiry xmlns='urn:xmpp:incident:2'/>",
        ):
            for kind in ("get", "set"):
                for resource in ("", "/b"):
                    answers = set()
                    for name in ("bert", "nobody"):
                        said, whole = self.anna.ask(kind, payload, f"{name}@{DOMAIN}{resource}")
                        # XEP-0054 3.2: the server keeps vCards, and accounts change their own.
                        is_vcard = "vCard" in payload and (kind, resource) == ("set", "")
                        expected = "forbidden" if is_vcard else "service-unavailable"
                        self.assertEqual(said, expected, payload)
                        answers.add(re.sub(r" id='[^']*'", "", whole).replace(f"{name}@", "X@"))
                    self.assertEqual(len(answers), 1, answers)

    def test_an_owner_may_give_the_authorization_form_up(self):
        """found M12: XEP-0060 §8.6: the subscription stays pending, and that is no error."""
        self.anna.node = "asks"
        said, whole = self.anna.create(access_model="authorize")
        self.assertEqual(said, "ok", whole)
        self.bert.node = "asks"
        self.assertIn("pending", self.bert.subscribe(f"bert@{DOMAIN}")[1])
        form = self.anna.take(r"<message\b(?=[^>]*from='pubsub).*?</message>", SECONDS).group()
        self.assertIn("subscribe_authorization", form)
        self.anna.raw.send(
            f"<message to='{BROKER}' id='gu'><x xmlns='jabber:x:data' type='cancel'>"
            "<field var='FORM_TYPE' type='hidden'><value>"
            "http://jabber.org/protocol/pubsub#subscribe_authorization</value></field></x>"
            "</message>"
        )
        self.assertIsNone(self.answer(self.anna, "gu"))
        for field, value in (("allow", "1"), ("subscriber_jid", f"bert@{DOMAIN}")):
            self.anna.raw.send(
                f"<message to='{BROKER}' id='{field}'><x xmlns='jabber:x:data' type='submit'>"
                "<field var='FORM_TYPE' type='hidden'><value>"
                "http://jabber.org/protocol/pubsub#subscribe_authorization</value></field>"
                "<field var='pubsub#node'><value>asks</value></field>"
                f"<field var='pubsub#{field}'><value>{value}</value></field></x></message>"
            )
            error = self.answer(self.anna, field)
            self.assertIn("<bad-request", error)
            self.assertIn("pubsub#subscriber_jid" if field == "allow" else "pubsub#allow", error)
        self.assertIn(
            "subscription='pending'", self.bert.pubsub("get", "<subscriptions/>")[1]
        )

    def test_answers_are_never_answered(self):
        """RFC 6120 §8.3.1, §8.2.3: not even those that are addressed to nobody."""
        for kind in ("result", "error"):
            for to in ("a@b@c", "", "@", "other.example", f"nobody@{DOMAIN}/r", BROKER):
                self.anna.raw.send(f"<iq type='{kind}' id='ans' to='{to}'><q xmlns='u'/></iq>")
        sync(self.anna)
        self.assertNotIn("'ans'", self.anna.raw.seen)

    def test_a_client_that_gives_its_account_up_is_told_so(self):
        """found M22: XEP-0077 §3.2; the audit says the same."""
        self.server.admin_ctl("accounts", "add", f"leaver@{DOMAIN}")
        leaver = self.log_in("leaver", "l")
        leaver.raw.send(
            f"<iq type='set' id='rm' to='controller.{DOMAIN}'>"
            "<query xmlns='jabber:iq:register'><remove/></query></iq>"
        )
        seen = leaver.raw.until_closed(SECONDS)
        self.assertIn("id='rm'", seen)
        self.assertIn("given up by its client", seen)
        self.assertNotIn("administrator", seen)
        rows = self.server.admin_json("audit", "--operation", "account-unregister")["records"]
        self.assertEqual([row["target"] for row in rows], [f"leaver@{DOMAIN}"])


if __name__ == "__main__":
    unittest.main()
