# tests/integration/test_xeps.py: the smaller XEPs that a client expects of a server.
"""What is advertised is asked for, and what is asked for is answered or refused as the XEP says."""

import base64
import hashlib
import json
import os
import re
import time
import unittest
import xml.etree.ElementTree as ET

from gridd import BROKER, CONTROLLER, DOMAIN, Operated
from raw import Raw
from topic import Topic

SECONDS = 20
INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
COMMANDS = "http://jabber.org/protocol/commands"
USERS = "http://jabber.org/protocol/admin#"
CAPS = "http://jabber.org/protocol/caps"
DATA = "{jabber:x:data}"
VCARD = "<vCard xmlns='vcard-temp'/>"
POLICY = """\
allow client anna to message client bert
allow client anna, bert to discover, create, publish, subscribe, retrieve on open/*
"""


class XepCase(unittest.TestCase):
    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        settings = {"accounts.auto_approve": "true"} | cls.SETTINGS
        cls.server = Operated(POLICY, settings).start()
        cls.addClassCleanup(cls.server.close)

    @classmethod
    def log_in(cls, bundle, resource="r", presence=True):
        client = Topic(cls.server, bundle, resource=resource)
        cls.addClassCleanup(client.close)
        if presence:
            client.raw.send("<presence/>")
        client.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)
        return client

    @classmethod
    def member(cls, name, resource="r", presence=True):
        return cls.log_in(cls.server.authority.client(f"{name}@{DOMAIN}"), resource, presence)

    def command(self, client, node, fields=None, to=DOMAIN):
        """Executes it, and submits the fields where it asks; the condition, and the last answer."""
        request = f"<command xmlns='{COMMANDS}' node='{USERS}{node}'%s>%s</command>"
        said, whole = client.ask("set", request % ("", ""), to)
        if said != "ok" or "status='executing'" not in whole:
            return said, whole
        session = re.search(r"sessionid='(.*?)'", whole).group(1)
        inside = "".join(
            f"<field var='{var}'><value>{value}</value></field>"
            for var, value in (fields or {}).items()
        )
        form = f"<x xmlns='jabber:x:data' type='submit'>{inside}</x>"
        return client.ask("set", request % (f" sessionid='{session}'", form), to)


def verification_string(info):
    """XEP-0115 5.1, of a disco#info answer."""
    query = ET.fromstring(info)[0]
    tag = lambda name: f"{{{INFO}}}{name}"
    lines = sorted(
        "/".join((i.get("category"), i.get("type"), "", i.get("name", "")))
        for i in query.iter(tag("identity"))
    )
    lines += sorted(feature.get("var") for feature in query.iter(tag("feature")))
    forms = []
    for form in query.iter(DATA + "x"):
        fields = {
            field.get("var"): sorted(value.text for value in field.iter(DATA + "value"))
            for field in form.iter(DATA + "field")
        }
        lines_of_form = fields.pop("FORM_TYPE")
        for var in sorted(fields):
            lines_of_form += [var, *fields[var]]
        forms.append(lines_of_form)
    for form in sorted(forms):
        lines += form
    digest = hashlib.sha1("".join(line + "<" for line in lines).encode()).digest()
    return base64.b64encode(digest).decode()


class Advertised(XepCase):
    SETTINGS = {
        "contact.admin": f"xmpp:admin@{DOMAIN},mailto:soc@example.com",
        "contact.security": "https://example.com/security",
        "external.services": "stun:stun.example.com:3478?transport=udp,turn:turn.example.com",
        "external.turn_secret": "north",
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna, cls.bert = cls.member("anna"), cls.member("bert")

    def features(self, address, node=""):
        node = f" node='{node}'" if node else ""
        said, whole = self.anna.ask("get", f"<query xmlns='{INFO}'{node}/>", address)
        self.assertEqual(said, "ok", whole)
        return set(re.findall(r"<feature var='(.*?)'", whole)), whole

    def test_discovery_is_answered_at_each_address(self):
        """XEP-0030 3: both disco features, an identity, and the node that was asked for."""
        for address, identity in (
            (DOMAIN, "server"), (BROKER, "pubsub"), (CONTROLLER, "component"),
            (f"anna@{DOMAIN}", "account"),
        ):
            features, whole = self.features(address)
            self.assertLessEqual({INFO, ITEMS}, features, address)
            self.assertIn(f"category='{identity}'", whole)
            self.assertEqual(
                self.anna.ask("get", f"<query xmlns='{ITEMS}'/>", address)[0], "ok", address
            )
            said, whole = self.anna.ask(
                "get", f"<query xmlns='{INFO}' node='open/none'/>", address
            )
            self.assertEqual(said, "item-not-found", whole)
        self.assertIn("vcard-temp", self.features(f"anna@{DOMAIN}")[0])
        self.assertIn("jabber:iq:search", self.features(CONTROLLER)[0])
        # Of another account nothing can be learnt, not even whether it is there.
        for name in ("bert", "nobody"):
            said, whole = self.anna.ask("get", f"<query xmlns='{INFO}'/>", f"{name}@{DOMAIN}")
            self.assertEqual(said, "service-unavailable", whole)

    def test_the_hash_in_the_stream_features_is_that_of_the_answer(self):
        """XEP-0115 6.3: and its node is answered, as any client verifies it."""
        with Raw(self.server.c2s, DOMAIN) as raw:
            raw.starttls(self.server.authority.client(f"carl@{DOMAIN}"))
            raw.open()
            raw.authenticate()
            offered = raw.open()
        caps = re.search(rf"<c xmlns='{CAPS}'([^>]*)/>", offered).group(1)
        node = re.search("node='(.*?)'", caps).group(1)
        ver = re.search("ver='(.*?)'", caps).group(1)
        self.assertIn("hash='sha-1'", caps)
        for asked in ("", f"{node}#{ver}"):
            self.assertEqual(verification_string(self.features(DOMAIN, asked)[1]), ver)
        self.assertIn("<csi xmlns='urn:xmpp:csi:0'/>", offered)
        self.assertIn("<max-bytes>", offered)   # XEP-0478

    def test_each_service_of_the_domain_answers(self):
        """XEP-0092, XEP-0199, XEP-0202, XEP-0215."""
        features = self.features(DOMAIN)[0]
        for payload, namespace, expected in (
            ("query", "jabber:iq:version", "<name>gridd</name>"),
            ("ping", "urn:xmpp:ping", ""),
            ("time", "urn:xmpp:time", "<tzo>+00:00</tzo><utc>2"),
            ("services", "urn:xmpp:extdisco:2", "host='stun.example.com'"),
        ):
            self.assertIn(namespace, features)
            said, whole = self.anna.ask("get", f"<{payload} xmlns='{namespace}'/>", DOMAIN)
            self.assertEqual(said, "ok", whole)
            self.assertIn(expected, whole)
        said, whole = self.anna.ask(
            "get", "<credentials xmlns='urn:xmpp:extdisco:2'>"
            "<service type='turn' host='turn.example.com'/></credentials>", DOMAIN
        )
        self.assertRegex(whole, r"username='\d+' password='[A-Za-z0-9+/=]+' expires='2")

    def test_contact_addresses_are_in_the_domains_discovery(self):
        """XEP-0157 2."""
        whole = self.features(DOMAIN)[1]
        form = ET.fromstring(whole).find(f".//{DATA}x")
        self.assertEqual(form.get("type"), "result")
        fields = {
            field.get("var"): [value.text for value in field]
            for field in form.iter(DATA + "field")
        }
        self.assertEqual(fields, {
            "FORM_TYPE": ["http://jabber.org/network/serverinfo"],
            "admin-addresses": [f"xmpp:admin@{DOMAIN}", "mailto:soc@example.com"],
            "security-addresses": ["https://example.com/security"],
        })

    def test_a_vcard_is_for_those_that_may_send_messages(self):
        """XEP-0054 3: and the answer does not tell whether an account is there."""
        card = "<vCard xmlns='vcard-temp'><FN>Bert &amp; Co</FN><N><GIVEN>Bert</GIVEN></N></vCard>"
        ask = lambda client, to: client.ask("get", VCARD, to)
        self.bert.raw.send(f"<iq type='set' id='own'>{card}</iq>")
        self.assertEqual(self.bert.answer("own")[0], "ok")
        for to in (f"bert@{DOMAIN}",):
            said, whole = ask(self.bert, to)
            self.assertIn("<FN>Bert &amp; Co</FN>", whole)
        self.bert.raw.send(f"<iq type='get' id='own2'>{VCARD}</iq>")
        self.assertIn("<GIVEN>Bert</GIVEN>", self.bert.answer("own2")[1])
        said, whole = ask(self.anna, f"bert@{DOMAIN}")
        self.assertEqual(said, "ok", whole)
        self.assertIn(card[len("<vCard xmlns='vcard-temp'>"):], whole)
        self.assertIn(f" from='bert@{DOMAIN}'", whole)
        self.assertEqual(self.anna.ask("set", card, f"bert@{DOMAIN}")[0], "forbidden")
        answers = {
            re.sub(r"id='.*?'", "", ask(self.bert, f"{name}@{DOMAIN}")[1]).replace(name, "X")
            for name in ("anna", "zoe")
        }
        self.assertEqual(len(answers), 1, answers)
        self.assertIn("service-unavailable", answers.pop())
        large = f"<vCard xmlns='vcard-temp'><DESC>{'x' * 40_000}</DESC></vCard>"
        self.assertEqual(self.bert.ask("set", large, f"bert@{DOMAIN}")[0], "not-acceptable")

    def test_an_escaped_name_is_a_name_as_any_other(self):
        """XEP-0106 4: d'artagnan, as the certificate names the account."""
        name = "d\\27artagnan"
        client = self.member(name)
        said, whole = client.ask("get", VCARD, f"{name}@{DOMAIN}")
        self.assertEqual(said, "ok", whole)
        self.assertIn(f" to='{name}@{DOMAIN}/r'", whole)
        shown = self.server.admin_json("accounts", "show", f"{name}@{DOMAIN}")
        self.assertEqual(shown["jid"], f"{name}@{DOMAIN}")

    def test_search_finds_what_the_asker_may_see(self):
        """XEP-0055 3."""
        _, whole = self.anna.ask("get", "<query xmlns='jabber:iq:search'/>", CONTROLLER)
        self.assertIn("<value>jabber:iq:search</value>", whole)
        find = (
            "<query xmlns='jabber:iq:search'><x xmlns='jabber:x:data' type='submit'>"
            "<field var='nick'><value>{}</value></field></x></query>"
        )
        for client, expected in ((self.anna, [f"bert@{DOMAIN}"]), (self.bert, [])):
            whole = client.ask("set", find.format("er"), CONTROLLER)[1]
            found = re.findall(r"<field var='jid'><value>(.*?)</value>", whole)
            self.assertEqual([one for one in found if "bert" not in one or client is self.anna],
                             expected)

    def test_an_inactive_client_still_gets_what_is_no_presence(self):
        """XEP-0352: the indication is neither answered nor an error."""
        self.bert.raw.send("<inactive xmlns='urn:xmpp:csi:0'/>")
        message = f"<message to='bert@{DOMAIN}' type='chat'><body>wake up</body></message>"
        self.anna.raw.send(message)
        self.bert.take("<body>wake up</body>", SECONDS)
        self.bert.raw.send("<active xmlns='urn:xmpp:csi:0'/>")
        self.assertEqual(self.bert.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)[0], "ok")
        with Raw(self.server.c2s, DOMAIN) as raw:
            raw.login(self.server.authority.client(f"dora@{DOMAIN}"))
            raw.send("<sleeping xmlns='urn:xmpp:csi:0'/>")
            self.assertEqual(raw.stream_error(), "unsupported-stanza-type")


class Administration(XepCase):
    """XEP-0133, at the domain."""

    def setUp(self):
        self.admin = self.log_in(self.server.admin, f"admin-{self.id()[-8:]}")

    def test_the_message_of_the_day_reaches_each_account_once(self):
        anna = self.member("anna", "motd")
        said, whole = self.command(self.admin, "set-motd", {"motd": "maintenance at noon"})
        self.assertEqual(said, "ok", whole)
        anna.take("<body>maintenance at noon</body>", SECONDS)
        late = self.member("late", "motd")
        event = late.take(r"<message\b[^>]*type='headline'.*?</message>", SECONDS).group()
        self.assertIn("<body>maintenance at noon</body>", event)
        again = self.member("anna", "motd2")
        again.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)
        self.assertNotIn("maintenance", again.raw.seen)
        self.assertIn("maintenance", self.server.admin_ctl("motd", "show"))
        self.assertEqual(self.command(self.admin, "delete-motd")[0], "ok")
        self.assertNotIn("maintenance", self.server.admin_ctl("motd", "show"))

    def test_a_new_account_is_welcomed(self):
        self.server.admin_ctl("welcome", "set", "Welcome to the grid")
        new = self.member("newcomer", "w")
        new.take("<body>Welcome to the grid</body>", SECONDS)
        self.assertEqual(self.command(self.admin, "delete-welcome")[0], "ok")

    def test_lists_and_counts_of_active_and_idle_users(self):
        self.member("anna", "active")
        _, whole = self.command(self.admin, "get-active-users")
        self.assertIn(f"<value>anna@{DOMAIN}</value>", whole)
        _, whole = self.command(self.admin, "get-idle-users-num")
        self.assertRegex(whole, r"var='idleusersnum'[^>]*><value>0</value>")

    def test_black_and_white_lists_are_refused_with_the_way_to_go(self):
        said, whole = self.command(self.admin, "edit-blacklist")
        self.assertEqual(said, "not-allowed")
        self.assertIn("policy", whole)

    def test_the_list_of_administrators_is_edited(self):
        self.member("bert", "adm")
        admin = f"admin@{DOMAIN}"
        self.assertIn(admin, self.server.admin_ctl("administrators", "show"))
        self.server.admin_ctl("administrators", "set", "admin", "bert")
        self.assertIn(f"bert@{DOMAIN}", self.server.admin_ctl("administrators", "show"))
        form = self.admin.ask(
            "set", f"<command xmlns='{COMMANDS}' node='{USERS}edit-admin'/>", DOMAIN
        )[1]
        self.assertIn(f"<value>bert@{DOMAIN}</value>", form)
        self.assertEqual(self.command(self.admin, "edit-admin", {"adminjids": admin})[0], "ok")
        self.assertNotIn("bert", self.server.admin_ctl("administrators", "show"))


class Ending(unittest.TestCase):
    """XEP-0133 4.30, 4.31: the process itself."""

    def setUp(self):
        self.server = Operated(POLICY, {"accounts.auto_approve": "true"}).start().stay()
        self.addCleanup(self.server.close)

    def connect(self, bundle):
        client = Topic(self.server, bundle)
        self.addCleanup(client.close)
        client.raw.send("<presence/>")
        client.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)
        return client

    command = XepCase.command

    def ready(self):
        with open(os.path.join(self.server.folder, "ready.json"), encoding="utf-8") as file:
            return json.load(file)

    def test_a_shutdown_is_announced_and_orderly(self):
        admin = self.connect(self.server.admin)
        anna = self.connect(self.server.authority.client(f"anna@{DOMAIN}"))
        fields = {"delay": "1", "announcement": "see you"}
        said, whole = self.command(admin, "shutdown", fields)
        self.assertEqual(said, "ok", whole)
        anna.take("<body>see you</body>", SECONDS)
        self.assertEqual(anna.raw.stream_error(SECONDS), "system-shutdown")
        self.assertEqual(self.server.process.wait(SECONDS), 0)
        self.server.process = None
        self.server.kill9()   # other members, where there are any
        self.server.start()
        audit = self.server.admin_ctl("audit", "--operation", "shutdown")
        self.assertIn(f"admin@{DOMAIN}", audit)

    def test_a_restart_is_the_same_process_with_the_same_data(self):
        anna = self.connect(self.server.authority.client(f"anna@{DOMAIN}"))
        admin = self.connect(self.server.admin)
        before = self.command(admin, "get-user-lastlogin", {"accountjid": f"anna@{DOMAIN}"})[1]
        stamp = re.search(r"var='lastlogin'[^>]*><value>(.*?)</value>", before).group(1)
        old = self.server.process.pid
        self.server.admin_ctl("shutdown", "--restart", "--delay", "2")
        self.assertEqual(anna.raw.stream_error(SECONDS), "system-shutdown")
        ready = os.path.join(self.server.folder, "ready.json")
        deadline = time.monotonic() + SECONDS
        self.server.wait_log("what=restart ", seconds=SECONDS)
        while not os.path.exists(ready) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.server.addresses = self.server._bound(self.ready())
        self.assertIsNone(self.server.process.poll())
        self.assertEqual(self.server.process.pid, old)
        admin = self.connect(self.server.admin)
        after = self.command(admin, "get-user-lastlogin", {"accountjid": f"anna@{DOMAIN}"})[1]
        self.assertIn(stamp, after)

    def test_a_client_ends_nothing(self):
        anna = self.connect(self.server.authority.client(f"anna@{DOMAIN}"))
        for node in ("shutdown", "restart", "set-motd", "edit-admin"):
            self.assertEqual(self.command(anna, node)[0], "forbidden")
        self.assertEqual(anna.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)[0], "ok")


if __name__ == "__main__":
    unittest.main()
