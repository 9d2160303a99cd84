# tests/integration/test_compliance.py: each item of the compliance suites that README.md claims
# (XEP-0479: Core and Web, servers, advanced), asked of one running server.
"""What each item means in detail is tested by the files that README.md names beside it."""

import os
import re
import unittest

from bosh import Bosh
from component import Component
from fan import Fan
from gridd import DOMAIN, ROOT, Operated
from person import Person
from policies import EVERYTHING
from raw import Raw
from stanzas import Stanzas
from websocket import WebSocket

INFO = "http://jabber.org/protocol/disco#info"
NOTES = "urn:example:notes"
ECHO, SECRET = "echo." + DOMAIN, "a-secret-that-is-long-enough"
PING = "<ping xmlns='urn:xmpp:ping'/>"


class Compliance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Operated(EVERYTHING + "allow any to message any\n", {
            "accounts.auto_approve": "true", "listen.component": "127.0.0.1:0",
            "components.known": f"{ECHO} echo@{DOMAIN} {SECRET}",
        }).start()
        cls.addClassCleanup(cls.server.close)
        cls.server.admin_ctl("accounts", "add", f"echo@{DOMAIN}", "--group", "everyone")
        cls.ann = cls.server.authority.client(f"ann@{DOMAIN}")
        cls.bob = cls.server.authority.client(f"bob@{DOMAIN}")

    def raw(self, address=None):
        raw = Raw(address or self.server.c2s, DOMAIN)
        self.addCleanup(lambda: raw.socket.close())
        return raw

    def test_core_rfc6120(self):
        """STARTTLS, SASL, resource binding, an iq, a stream's end."""
        raw = self.raw()
        self.assertIn("<required/>", raw.open())
        raw.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        raw.expect(r"<proceed\b.*?>")
        raw.handshake(self.ann)
        self.assertIn("<mechanism>EXTERNAL</mechanism>", raw.open())
        self.assertIn("<success", raw.authenticate())
        self.assertEqual(raw.bind("here"), f"ann@{DOMAIN}/here")
        raw.send(f"<iq type='get' id='1' to='{DOMAIN}'><unknown xmlns='urn:x'/></iq>")
        raw.expect("<iq [^>]*id='1'.*?<service-unavailable.*?</iq>")
        raw.send("</stream:stream>")
        self.assertIn("</stream:stream>", raw.until_closed())

    def test_core_rfc7590(self):
        """TLS 1.2 or newer, before anything else is said."""
        raw = self.raw()
        raw.open()
        raw.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
        raw.expect("<failure [^>]*><encryption-required/>")
        raw = self.raw().starttls(self.ann)
        self.assertIn(raw.socket.version(), ("TLSv1.2", "TLSv1.3"))

    def test_core_xep0030(self):
        ann = Stanzas(self.server, self.ann, "disco")
        self.addCleanup(ann.close)
        query = ann.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)[0]
        identities = {one.get("category") for one in query if one.tag.endswith("}identity")}
        features = {one.get("var") for one in query if one.tag.endswith("}feature")}
        self.assertIn("server", identities)
        self.assertIn(INFO, features)
        items = ann.ask("get", f"<query xmlns='{INFO.replace('info', 'items')}'/>", DOMAIN)[0]
        self.assertIn("pubsub." + DOMAIN, {one.get("jid") for one in items})

    def test_core_xep0114(self):
        echo = Component(self.server.addresses["component"], ECHO)
        self.addCleanup(echo.close)
        echo.login(SECRET)
        ann = Stanzas(self.server, self.ann, "component")
        self.addCleanup(ann.close)
        ann.send(f"<message to='{ECHO}'><body>x</body></message>")
        self.assertEqual(echo.next().get("from"), ann.full)
        echo.send(f"<message from='{ECHO}' to='{ann.full}'><body>y</body></message>")
        self.assertEqual(ann.message().get("from"), ECHO)

    def test_core_advanced_xep0368(self):
        raw = self.raw(self.server.c2s_tls)
        raw.handshake(self.ann, alpn=["xmpp-client"])
        self.assertEqual(raw.socket.selected_alpn_protocol(), "xmpp-client")
        self.assertIn("<mechanism>EXTERNAL</mechanism>", raw.open())

    def test_core_advanced_xep0115(self):
        raw = self.raw().starttls(self.ann)
        raw.open()
        raw.authenticate()
        caps = re.search("<c xmlns='http://jabber.org/protocol/caps'[^>]*/>", raw.open()).group()
        self.assertIn("hash='sha-1'", caps)
        node, ver = (re.search(f" {name}='([^']*)'", caps).group(1) for name in ("node", "ver"))
        ann = Stanzas(self.server, self.ann, "caps")
        self.addCleanup(ann.close)
        answer = ann.ask("get", f"<query xmlns='{INFO}' node='{node}#{ver}'/>", DOMAIN)
        self.assertEqual(answer.get("type"), "result")

    def test_core_advanced_xep0163(self):
        ann, bob = Person(self.server, self.ann, "pep"), Person(self.server, self.bob, "pep")
        for one in (ann, bob):
            self.addCleanup(one.close)
            one.roster()
            one.send("<presence/>")
            one.sync()
        bob.says("subscribe", "ann")
        bob.sync()
        ann.says("subscribed", "bob")
        ann.sync()
        fan = Fan(self.server, self.bob, "fan", wants=[NOTES])
        self.addCleanup(fan.close)
        publish = (
            f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='{NOTES}'>"
            "<item id='1'><x xmlns='urn:x'/></item></publish></pubsub>"
        )
        answer = ann.ask("set", publish, ann.bare)
        self.assertEqual(answer.get("type"), "result")
        item, _, message = fan.item()
        self.assertEqual((item, message.get("from")), ("1", ann.bare))

    def test_web_rfc7395(self):
        with WebSocket(self.server.http, DOMAIN, self.ann) as socket:
            socket.login("ws")
            socket.send(f"<iq xmlns='jabber:client' type='get' id='p' to='{DOMAIN}'>{PING}</iq>")
            socket.expect("id='p'")

    def test_web_xep0206(self):
        bosh = Bosh(self.server.http, DOMAIN, self.ann)
        bosh.login("bosh")
        bosh.ask(f"<iq xmlns='jabber:client' type='get' id='p' to='{DOMAIN}'>{PING}</iq>")
        bosh.expect("id='p'|id=\"p\"")

    def test_each_item_has_a_row(self):
        """In conf/xeps.txt, and so in the DOAP file."""
        with open(os.path.join(ROOT, "conf", "xeps.txt"), encoding="utf-8") as file:
            lines = [line.split(" | ") for line in file if line[0] in "0123"]
        rows = {line[0]: line[2] for line in lines}
        for number in ("0030", "0114", "0115", "0163", "0206", "0368"):
            self.assertEqual(rows[number], "complete", number)
        self.assertIn("0124", rows)


if __name__ == "__main__":
    unittest.main()
