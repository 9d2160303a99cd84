# tests/integration/test_services.py: service names, the answers for the grid, administration at the
# domain itself.
"""Three servers in all: one for services and discovery, one for those who are not in yet."""

import re
import unittest

from gridd import CONTROLLER, DOMAIN, Operated
from raw import Raw
from topic import Topic

SECONDS = 20
COMMANDS = "http://jabber.org/protocol/commands"
ADMIN_FORM = "http://jabber.org/protocol/admin"
INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
INCIDENTS = "urn:xmpp:incident:2"
SERVICE = "SessionDirectory"

# The scenario: mallory may publish on topics of its own, and wants to be asked in bob's place.
POLICY = f"""\
allow client bob to discover, create, publish on {SERVICE}-1.0, incidents
allow client dora to discover, create, publish on dora/*
allow client dora to publish on service {SERVICE}
allow client mallory to discover, create, publish on mallory/*
allow client carol to discover, query on service {SERVICE}*, urn:xmpp:incident:2
allow client anna, bob to discover, create, publish, query on incidents
"""


class ServiceCase(unittest.TestCase):
    @classmethod
    def log_in(cls, bundle, resource="r"):
        client = Topic(cls.server, bundle, resource=resource)
        cls.addClassCleanup(client.close)
        client.raw.send("<presence/>")
        client.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)
        return client

    @classmethod
    def member(cls, name, resource="r"):
        return cls.log_in(cls.server.authority.client(f"{name}@{DOMAIN}"), resource)


class Services(ServiceCase):
    @classmethod
    def setUpClass(cls):
        settings = {"accounts.auto_approve": "true", "controller.incident_topic": "incidents"}
        cls.server = Operated(POLICY, settings).start()
        cls.addClassCleanup(cls.server.close)
        cls.bob, cls.carol = cls.member("bob", "prov"), cls.member("carol")
        cls.mallory, cls.dora = cls.member("mallory", "rogue"), cls.member("dora", "prov")

    def grid(self, client, operation, dialect="xgrid", kind="get"):
        request = f"<grid xmlns='{dialect}' type='request'>{operation}</grid>"
        return client.ask(kind, request, CONTROLLER)

    def declare(self, client, topic, queries=""):
        return self.grid(
            client,
            f"<initPublishRequest><capability><name>{topic}</name></capability>{queries}"
            "</initPublishRequest>",
        )

    def find(self, client, name):
        said, whole = self.grid(
            client,
            "<DiscoveryQuery xmlns='com.domain.gi.gcl.controller'>"
            f"<find><param>{name}</param></find></DiscoveryQuery>", "gi",
        )
        return (said, sorted(re.findall(r"<item>(.*?)</item>", whole)), whole)

    def test_a_name_is_served_only_by_whom_the_policy_lets(self):
        """found A6: registration, find, directed queries and isAuthorized agree."""
        self.assertEqual(self.declare(self.bob, f"{SERVICE}-1.0")[0], "ok")
        self.assertEqual(self.find(self.carol, SERVICE)[1], [f"bob@{DOMAIN}/prov"])
        query = f"<query name='{SERVICE}'/>"
        said, whole = self.declare(self.mallory, "mallory/x-1.0", query)
        self.assertEqual(said, "forbidden")
        self.assertIn("denied", whole)
        self.assertIn(f"publish under service {SERVICE}", whole)
        # The topic itself it may have.
        own = "<query name='mallory/q'/>"
        self.assertEqual(self.declare(self.mallory, "mallory/x-1.0", own)[0], "ok")
        self.assertEqual(self.find(self.carol, SERVICE)[1], [f"bob@{DOMAIN}/prov"])
        # A question that is sent there all the same does not arrive.
        said, whole = self.carol.ask(
            "get", f"<getActiveSessions xmlns='{SERVICE}'/>", f"mallory@{DOMAIN}/rogue"
        )
        self.assertIn(said, ("forbidden", "service-unavailable"))
        self.mallory.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)
        self.assertNotIn("getActiveSessions", self.mallory.raw.seen)
        # Nor does it learn from the policy what others may.
        asked = (
            "<AuthorizationQuery xmlns='com.domain.gi.gcl.controller'><isAuthorized>"
            f"<param name='identity'>carol@{DOMAIN}</param><param name='service'>{SERVICE}</param>"
            "</isAuthorized></AuthorizationQuery>"
        )
        self.assertEqual(self.grid(self.mallory, asked, "gi")[0], "forbidden")
        self.assertEqual(self.grid(self.bob, asked, "gi")[0], "ok")
        # A client that may publish under the service may serve it, from a topic of any name.
        self.assertEqual(self.declare(self.dora, "dora/y-1.0", query)[0], "ok")
        self.assertEqual(
            self.find(self.carol, SERVICE)[1], [f"bob@{DOMAIN}/prov", f"dora@{DOMAIN}/prov"]
        )
        # And a right that is taken back takes the name with it.
        denial = f"deny client dora to publish on service {SERVICE}\n"
        self.server.admin_ctl("policy", "set", "-", stdin=denial + POLICY)
        self.assertEqual(self.find(self.carol, SERVICE)[1], [f"bob@{DOMAIN}/prov"])

    def test_find_does_not_tell_which_services_there_are(self):
        """found C13, A15: a name that is not there, and one that the asker may not ask about."""
        self.assertEqual(self.declare(self.bob, f"{SERVICE}-1.0")[0], "ok")
        answers = {
            re.sub(r" id='[^']*'", "", self.find(self.mallory, name)[2]).replace(name, "X")
            for name in (SERVICE, f"{SERVICE}-1.0", "Nothing", "Nothing-1.0")
        }
        self.assertEqual(len(answers), 1, answers)
        self.assertIn("item-not-found", answers.pop())

    def test_an_inquiry_never_goes_to_its_asker(self):
        """found C10: it would wait for itself."""
        self.assertEqual(self.declare(self.bob, "incidents")[0], "ok")
        inquiry = f"<inquiry xmlns='{INCIDENTS}'/>"
        for _ in range(8):
            self.assertEqual(self.bob.ask("get", inquiry, DOMAIN)[0], "recipient-unavailable")
        anna = self.member("anna")
        number = anna.send("get", inquiry, DOMAIN)
        asked = self.bob.take(rf"<iq\b(?=[^>]*id='{number}')[^>]*>", SECONDS).group()
        self.assertIn(f"from='anna@{DOMAIN}/r'", asked)
        # Nor to a client that provides no incidents, whoever asks it.
        self.assertEqual(
            self.carol.ask("get", inquiry, f"mallory@{DOMAIN}/rogue")[0], "service-unavailable"
        )
        self.bob.raw.send(f"<iq type='result' id='{number}' to='anna@{DOMAIN}/r'/>")
        self.assertEqual(anna.answer(number)[0], "ok")

    # --- administration at the domain ---------------------------------------------------------

    def command(self, client, node, form="", to=DOMAIN):
        x = ""
        if form:
            x = (
                "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
                f"<value>{ADMIN_FORM}</value></field>{form}</x>"
            )
        return client.ask("set", f"<command xmlns='{COMMANDS}' node='{node}'>{x}</command>", to)

    def test_commands_are_answered_at_the_domain_too(self):
        """found I9, C1: Smack sends administration there."""
        admin = self.log_in(self.server.admin)
        said, whole = admin.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)
        self.assertIn(f"<feature var='{COMMANDS}'/>", whole)
        lists = {}
        for place in (DOMAIN, CONTROLLER):
            said, whole = admin.ask("get", f"<query xmlns='{ITEMS}' node='{COMMANDS}'/>", place)
            self.assertEqual(said, "ok")
            self.assertEqual(set(re.findall(r"<item jid='(.*?)'", whole)), {place})
            lists[place] = re.findall(r" node='(.*?)'", whole)
        self.assertEqual(lists[DOMAIN], lists[CONTROLLER])
        self.assertIn(f"{ADMIN_FORM}#add-user", lists[DOMAIN])
        self.assertNotIn(f"{ADMIN_FORM}#change-user-password", lists[DOMAIN])
        said, whole = admin.ask(
            "get", f"<query xmlns='{INFO}' node='{ADMIN_FORM}#add-user'/>", DOMAIN
        )
        self.assertIn("command-node", whole)
        # A client that does not look is told why.
        said, whole = self.command(admin, f"{ADMIN_FORM}#change-user-password")
        self.assertEqual(said, "not-allowed")
        self.assertIn("sasl.passwords is switched off", whole)

    def test_a_user_is_added_and_deleted_at_the_domain(self):
        """found I9: the fields that must be filled in say so."""
        admin = self.log_in(self.server.admin, "users")
        for node, field, kind in (
            ("add-user", "accountjid", "single"), ("delete-user", "accountjids", "multi"),
            ("disable-user", "accountjids", "multi"), ("user-stats", "accountjid", "single"),
        ):
            said, whole = self.command(admin, f"{ADMIN_FORM}#{node}")
            self.assertEqual(said, "ok", whole)
            self.assertIn(f" from='{DOMAIN}'", whole)
            self.assertRegex(
                whole, rf"<field var='{field}' type='jid-{kind}'[^>]*>\s*<required/>"
            )
        fields = f"<field var='%s'><value>zoe@{DOMAIN}</value></field>"
        said, whole = self.command(admin, f"{ADMIN_FORM}#add-user", fields % "accountjid")
        self.assertIn("completed", whole)
        self.assertEqual(
            self.server.admin_json("accounts", "show", f"zoe@{DOMAIN}")["state"], "enabled"
        )
        said, whole = self.command(admin, f"{ADMIN_FORM}#delete-user", fields % "accountjids")
        self.assertIn("completed", whole)
        self.assertEqual(self.command(self.carol, f"{ADMIN_FORM}#add-user")[0], "forbidden")


class NotInYet(ServiceCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Operated(POLICY).start()
        cls.addClassCleanup(cls.server.close)

    def test_who_is_not_in_yet_finds_the_controller(self):
        """found C9: and sees nothing else."""
        bundle = self.server.authority.client(f"new@{DOMAIN}")
        with Raw(self.server.c2s, DOMAIN).login(bundle, "n") as new:
            new.send(f"<iq type='get' id='i' to='{DOMAIN}'><query xmlns='{ITEMS}'/></iq>")
            answer = new.expect(r"<iq\b[^>]*id='i'.*?</iq>").group()
            self.assertIn("type='result'", answer)
            self.assertIn(f"jid='{CONTROLLER}'", answer)
            query = f"<query xmlns='{ITEMS}' node='{COMMANDS}'/>"
            new.send(f"<iq type='get' id='c' to='{DOMAIN}'>{query}</iq>")
            answer = new.expect(r"<iq\b[^>]*id='c'.*?</iq>").group()
            self.assertEqual(re.findall(r" node='([^']*#[^']*)'", answer), [
                "com.domain.gi.gcl.controller#my-account"
            ])
            for address in (f"anna@{DOMAIN}", f"pubsub.{DOMAIN}"):
                new.send(f"<iq type='get' id='a' to='{address}'><query xmlns='{ITEMS}'/></iq>")
                answer = new.expect(r"<iq\b[^>]*id='a'.*?</iq>").group()
                self.assertIn("registration-required", answer)


class AtBrokerD(ServiceCase):
    """The broker is broker.D, as in the examples of RFC 8600."""

    @classmethod
    def setUpClass(cls):
        settings = {"accounts.auto_approve": "true", "pubsub.address": "broker"}
        cls.server = Operated("allow any to any on any\n", settings).start()
        cls.addClassCleanup(cls.server.close)

    def test_answers_events_and_items_come_from_one_address(self):
        """found M9: a client that checks `from` drops nothing."""
        broker = f"broker.{DOMAIN}"
        anna, bert = self.member("anna"), self.member("bert")
        said, whole = anna.ask("get", f"<query xmlns='{ITEMS}'/>", DOMAIN)
        self.assertIn(f"jid='{broker}'", whole)
        pubsub = "<pubsub xmlns='http://jabber.org/protocol/pubsub'>%s</pubsub>"
        ask = lambda client, inside: client.ask("set", pubsub % inside, broker)
        self.assertEqual(ask(anna, "<create node='n'/>")[0], "ok")
        owner = (
            "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><affiliations node='n'>"
            f"<affiliation jid='bert@{DOMAIN}' affiliation='member'/></affiliations></pubsub>"
        )
        self.assertEqual(anna.ask("set", owner, broker)[0], "ok")
        said, whole = ask(bert, f"<subscribe node='n' jid='bert@{DOMAIN}'/>")
        self.assertEqual(said, "ok", whole)
        self.assertIn(f" from='{broker}'", whole)
        item = "<item id='i'><a xmlns='urn:a'/></item>"
        said, whole = ask(anna, f"<publish node='n'>{item}</publish>")
        self.assertEqual(said, "ok", whole)
        event = bert.take(r"<message\b(?:(?!</message>).)*<item id='i'.*?</message>", SECONDS)
        self.assertIn(f" from='{broker}'", event.group())
        said, whole = bert.ask("get", f"<query xmlns='{ITEMS}'/>", broker)
        self.assertEqual(re.findall(r"jid='(.*?)'", whole), [broker])


if __name__ == "__main__":
    unittest.main()
