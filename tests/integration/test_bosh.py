# tests/integration/test_bosh.py: streams over BOSH (XEP-0124, XEP-0206), as clients and attackers
# open them.
"""One server; each test has sessions of its own."""

import time
import unittest
import xml.etree.ElementTree as ET

from bosh import BIND, SASL, XBOSH, Bosh, Link, condition
from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from topic import PUBSUB

APP = "https://app.example"
PING = "<iq xmlns='jabber:client' type='get' id='{}'><ping xmlns='urn:xmpp:ping'/></iq>"


class BoshCase(unittest.TestCase):
    """A server for all tests of a class, and two clients."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        settings = {"accounts.auto_approve": "true", "http.allowed_origins": APP}
        cls.server = Operated(EVERYTHING, settings | cls.settings).start()
        cls.ann = cls.server.authority.client(f"ann@{DOMAIN}")
        cls.bob = cls.server.authority.client(f"bob@{DOMAIN}")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def bosh(self, bundle=None, **more):
        return Bosh(self.server.http, DOMAIN, bundle or self.ann, **more)

    def link(self, bundle=None, **headers):
        made = Link(self.server.http, DOMAIN, bundle, **headers)
        self.addCleanup(made.close)
        return made


class Sessions(BoshCase):
    """What the XEPs say of a session."""

    def test_creation(self):
        one = self.bosh()
        answer = one.create()
        self.assertEqual(answer.tag, f"{{{BIND}}}body")
        for name in ("sid", "wait", "hold", "requests", "inactivity", "polling", "ver", "from"):
            self.assertTrue(answer.get(name), name)
        self.assertGreater(int(answer.get("requests")), int(answer.get("hold")))
        self.assertEqual(answer.get("{urn:xmpp:xbosh}restartlogic"), "true")
        self.assertEqual(answer.get("{urn:xmpp:xbosh}version"), "1.0")
        features = answer[0]
        self.assertEqual(features.tag, "{http://etherx.jabber.org/streams}features")
        self.assertIn("EXTERNAL", ET.tostring(features).decode())

    def test_login_request_and_end(self):
        one = self.bosh().login("one")
        sessions = self.server.admin_json("sessions", "list")["sessions"]
        mine = [session for session in sessions if session["jid"] == f"ann@{DOMAIN}/one"]
        self.assertEqual([session["transport"] for session in mine], ["bosh"])
        answer = one.ask(PING.format("p1"))
        self.assertEqual(answer[0].tag, "{jabber:client}iq")
        bye = "<presence xmlns='jabber:client' type='unavailable'/>"
        last = one.ask(bye, more="type='terminate'")
        self.assertIsNone(condition(last))
        self.assertEqual(condition(one.ask()), "item-not-found")

    def test_the_answer_to_the_end_has_the_last_stanzas(self):
        for wait, hold in ((30, 1), (0, 0)):
            with self.subTest(hold):
                one = self.bosh(wait=wait, hold=hold).login("ends")
                last = one.ask(PING.format("lp"), more="type='terminate'")
                self.assertIsNone(condition(last))
                self.assertEqual([stanza.get("id") for stanza in last], ["lp"])
                self.assertEqual(condition(one.ask()), "item-not-found")

    def test_names_by_their_namespaces(self):
        one = self.bosh()
        one.create()
        one.expect("EXTERNAL")
        one.ask(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'></auth>")
        one.expect("<success")
        one.ask(more=f"to='{DOMAIN}' xmlns:q='{XBOSH}' q:restart='1'")
        one.expect("<bind")
        text = self.link(self.ann).ask(
            f"<b:body xmlns:b='{BIND}' rid='5' to='{DOMAIN}' wait='10' hold='1' "
            f"xmlns:q='{XBOSH}' q:version='0.9'/>"
        )[2]
        self.assertIn("unsupported-version", text)

    def test_declarations_of_the_body(self):
        one = self.bosh().login("scope")
        ping = f"<c:iq type='get' id='{{}}' to='{DOMAIN}'><p:ping/></c:iq>"
        scope = "xmlns:c='jabber:client' xmlns:p='urn:xmpp:ping' xmlns:stream='urn:own'"
        for number in range(2):
            answer = one.ask(ping.format(number) + ping.format("b"), more=scope)
            self.assertEqual([each.get("id") for each in answer], [str(number), "b"])
        # A default namespace can be there where the body's own has a prefix.
        sid, rid = one.sid, next(one.rid)
        text = self.link(self.ann).ask(
            f"<b:body xmlns:b='{BIND}' xmlns='jabber:client' rid='{rid}' sid='{sid}'>"
            f"<iq type='get' id='d' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq></b:body>"
        )[2]
        self.assertEqual([each.get("id") for each in ET.fromstring(text)], ["d"])
        # The next body has none of them.
        self.assertEqual(len(one.ask(PING.format("plain"))), 1)
        last = one.ask(ping.format("late"))
        self.assertEqual(condition(last), "remote-stream-error")
        self.assertIn("bad-namespace-prefix", ET.tostring(last).decode())

    def test_an_event_comes_by_the_request_that_waits(self):
        with Raw(self.server.c2s, DOMAIN).login(self.bob, "tcp") as tcp:
            tcp.send(
                f"<iq type='set' id='c' to='{BROKER}'>"
                f"<pubsub xmlns='{PUBSUB}'><create node='held'/></pubsub></iq>"
            )
            tcp.expect("id='c'")
            one = self.bosh(wait=30).login("waits")
            own = list(one.ask(
                f"<iq xmlns='jabber:client' type='set' id='s' to='{BROKER}'><pubsub "
                f"xmlns='{PUBSUB}'><subscribe node='held' jid='ann@{DOMAIN}'/></pubsub></iq>"
            ))
            own += one.ask("<presence xmlns='jabber:client'/>")   # comes back: RFC 6121 §4.2.2
            wanted = {"{jabber:client}iq", "{jabber:client}presence"}
            while not wanted <= {stanza.tag for stanza in own}:
                own += one.ask()
            one.ask_later()
            time.sleep(0.3)
            self.assertTrue(one.came.empty(), "an empty answer came too early")
            tcp.send(
                f"<iq type='set' id='n' to='{BROKER}'><pubsub xmlns='{PUBSUB}'>"
                "<publish node='held'><item id='i1'><a xmlns='urn:x:a'>&lt;1</a></item></publish>"
                "</pubsub></iq>"
            )
            text = one.came.get(timeout=20)   # and not when its time is over
        event = ET.fromstring(text)[0]
        self.assertEqual(event.tag, "{jabber:client}message")
        self.assertIn("i1", text)

    def test_an_empty_answer_when_the_time_is_over(self):
        one = self.bosh(wait=1).login("patient")
        begin = time.monotonic()
        self.assertEqual(len(one.ask()), 0)
        self.assertGreater(time.monotonic() - begin, 0.8)

    def test_one_request_too_many_is_answered_at_once(self):
        one = self.bosh(wait=20, hold=1).login("two")
        first = one.ask_later()
        time.sleep(0.2)
        one.ask_later()
        self.assertEqual(len(ET.fromstring(one.came.get(timeout=15))), 0)
        first.join(5)
        one.ask(PING.format("free"))

    def test_requests_out_of_order(self):
        one = self.bosh(wait=5).login("order")
        rid = next(one.rid)
        one.ask_later(PING.format("third"), rid=rid + 2)
        one.ask_later(PING.format("second"), rid=rid + 1)
        time.sleep(0.3)
        self.assertTrue(one.came.empty(), "answered before its turn")
        text = ET.tostring(one.ask(PING.format("first"), rid=rid)).decode()
        text += one.came.get(timeout=10) + one.came.get(timeout=10)
        for number in ("first", "second", "third"):
            self.assertEqual(text.count(f'"{number}"') + text.count(f"'{number}'"), 1, text)

    def test_an_answer_is_sent_again(self):
        one = self.bosh().login("again")
        rid = next(one.rid)
        first = ET.tostring(one.ask(PING.format("once"), rid=rid))
        self.assertIn(b"once", first)
        # The content is not handled twice: the answer is the one of before.
        self.assertEqual(ET.tostring(one.ask(PING.format("twice"), rid=rid)), first)

    def test_a_held_request_moves_to_a_new_connection(self):
        one = self.bosh(wait=20).login("moves")
        rid = next(one.rid)
        one.ask_later(rid=rid)
        time.sleep(0.2)
        one.ask_later(rid=rid)
        self.assertEqual(len(ET.fromstring(one.came.get(timeout=15))), 0)
        one.ask(PING.format("now"))
        self.assertIn("now", one.came.get(timeout=15) + one.seen)

    def test_polling(self):
        one = self.bosh(wait=0, hold=0)
        created = one.create()
        self.assertEqual(created.get("hold"), "0")
        # The features come as soon as the certificate is vetted: with that answer or a later one.
        one.expect("EXTERNAL")
        self.assertEqual(len(one.ask()), 0)
        one.ask(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'></auth>")
        self.assertIsNone(one.ask().get("type"))   # not two empty ones in a row
        one.expect("<success")
        answer = one.ask()
        if answer.get("type") is None:   # the one before brought the success
            answer = one.ask()
        self.assertEqual(condition(answer), "policy-violation")

    def test_the_other_end_of_a_conflict(self):
        one = self.bosh().login("same")
        one.ask_later()
        time.sleep(0.2)
        self.bosh().login("same")
        last = ET.fromstring(one.came.get(timeout=10))
        self.assertEqual(condition(last), "remote-stream-error")
        self.assertIn("conflict", ET.tostring(last).decode())

    def test_silence_ends_a_session(self):
        # The bound is a minute: what counts is that the session is there before, and goes.
        one = self.bosh(wait=1).login("silent")
        time.sleep(2)
        one.ask(PING.format("there"))


class Refusals(BoshCase):
    """The condition of the protocol each time, and the server goes on."""

    settings = {
        "limits.stanza_bytes_max": "100000",
        "pubsub.payload_bytes_max": "50000",
        "limits.http_body_bytes_max": "200000",
    }

    def tearDown(self):
        one = self.bosh(self.bob).login("alive")
        one.ask(PING.format("p"), more="type='terminate'")

    def test_requests_that_are_none(self):
        for body in (
            "", "text", "<body", "<body/>", f"<body xmlns='{BIND}'/>", "<a xmlns='x'/>",
            f"<body xmlns='{BIND}' rid='0' to='{DOMAIN}'/>",
            f"<body xmlns='{BIND}' rid='-1' to='{DOMAIN}'/>",
            f"<body xmlns='{BIND}' rid='9007199254740992' to='{DOMAIN}'/>",
            f"<body xmlns='{BIND}' rid='1' to='{DOMAIN}' wait='abc'/>",
            f"<body xmlns='{BIND}' rid='1' to='{DOMAIN}' wait=''/>",
            f"<body xmlns='{BIND}' rid='1' to='{DOMAIN}' hold='-1'/>",
            f"<body xmlns='{BIND}' rid='1' to='{DOMAIN}'>",
            f"<body xmlns='{BIND}' rid='1' to='{DOMAIN}'></body>x",
            f"<body xmlns='{BIND}' rid='1' to='{DOMAIN}'>\x01</body>",
            f"<body xmlns='{BIND}' rid='1' rid='1' to='{DOMAIN}'/>",
            f"<body xmlns='urn:other' rid='1' to='{DOMAIN}'/>",
            "<!DOCTYPE body><body/>",
        ):
            with self.subTest(body):
                status, headers, text = self.link(self.ann).ask(body)
                self.assertEqual(status, 200)
                self.assertEqual(headers["Content-Type"], "text/xml; charset=utf-8")
                self.assertEqual(condition(ET.fromstring(text)), "bad-request")

    def test_hosts(self):
        for to, wanted in (("other.example", "host-unknown"), ("", "improper-addressing"),
                           (f"ann@{DOMAIN}", "improper-addressing")):
            with self.subTest(to):
                self.assertEqual(condition(self.bosh().create(to)), wanted)

    def test_methods_and_certificates(self):
        self.assertEqual(self.link(self.ann).ask(None, "GET")[0], 405)
        self.assertEqual(self.link(self.ann).ask("x", "PUT")[0], 405)
        self.assertEqual(self.link().ask("<body/>")[0], 401)

    def test_origins(self):
        status, headers, _ = self.link(Origin=APP).ask(None, "OPTIONS")
        self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (204, APP))
        self.assertEqual(headers["Access-Control-Allow-Credentials"], "true")
        self.assertIn("POST", headers["Access-Control-Allow-Methods"])
        status, headers, _ = self.link(self.ann, Origin=APP).ask("<body/>")
        self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (200, APP))
        for method in ("OPTIONS", "POST"):
            foreign = self.link(self.ann, Origin="https://evil.example")
            status, headers, _ = foreign.ask("<body/>", method)
            self.assertEqual(status, 403)
            self.assertNotIn("Access-Control-Allow-Origin", headers)

    def test_another_certificate(self):
        one = self.bosh().login("mine")
        thief = self.link(self.bob)
        status, _, text = thief.ask(one.body(PING.format("x"), rid=next(one.rid)))
        self.assertEqual((status, condition(ET.fromstring(text))), (200, "item-not-found"))
        one = self.bosh().login("mine")
        one.ask(PING.format("still"))

    def test_rids_out_of_the_window(self):
        for distance in (-100, 5, 100, 10**15):
            with self.subTest(distance):
                one = self.bosh().login("window")
                rid = next(one.rid)
                self.assertEqual(condition(one.ask(rid=rid + distance)), "item-not-found")
                self.assertEqual(condition(one.ask(rid=rid)), "item-not-found")

    def test_too_many_in_parallel(self):
        one = self.bosh(wait=5).login("parallel")
        rid = next(one.rid)
        for ahead in range(1, 5):
            one.ask_later(PING.format(f"n{ahead}"), rid=rid + ahead)
        time.sleep(0.3)
        one.ask(PING.format("n0"), rid=rid)
        text = one.seen + "".join(one.came.get(timeout=10) for _ in range(4))
        for number in range(5):
            self.assertIn(f"n{number}", text)

    def test_stanzas_that_are_refused(self):
        for content, wanted in (
            ("text", "bad-format"),
            ("<iq", "not-well-formed"),
            ("</body><evil/>", "not-well-formed"),
            ("<iq type='get' id='p'/>", "unsupported-stanza-type"),
            ("<!-- -->", "restricted-xml"),
            (f"<message xmlns='jabber:client'>{'x' * 101_000}</message>", "policy-violation"),
        ):
            with self.subTest(content[:40]):
                one = self.bosh().login("bad")
                answer = one.ask(content)
                self.assertEqual(condition(answer), "remote-stream-error")
                self.assertIn(wanted, ET.tostring(answer).decode())

    def test_a_body_that_is_too_large(self):
        one = self.bosh().login("large")
        status, headers, text = one.link().ask(one.body("x" * 201_000))
        self.assertEqual((status, headers["Content-Type"]), (200, "text/xml; charset=utf-8"))
        self.assertEqual(condition(ET.fromstring(text)), "policy-violation")

    def test_strangers_have_little_room(self):
        one = self.bosh()
        one.create()
        begin = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
        answer = one.ask(begin + "A" * 20_000 + "</auth>")
        self.assertEqual(condition(answer), "remote-stream-error")
        self.assertIn("policy-violation", ET.tostring(answer).decode())

    def test_an_account_that_is_disabled(self):
        carl = self.server.authority.client(f"carl@{DOMAIN}")
        one = self.bosh(carl).login("gone")
        one.ask_later()
        time.sleep(0.2)
        self.server.admin_ctl("accounts", "disable", f"carl@{DOMAIN}")
        one.came.get(timeout=10)   # that the account is disabled; the end waits for a request
        self.assertEqual(condition(one.ask()), "remote-stream-error")


if __name__ == "__main__":
    unittest.main()
