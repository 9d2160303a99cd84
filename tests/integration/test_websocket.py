# tests/integration/test_websocket.py: streams over WebSocket (RFC 7395), files, host-meta.
"""One server; each test has connections of its own."""

import base64
import hashlib
import http.client
import json
import ssl
import time
import unittest
import xml.etree.ElementTree as ET

from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from topic import PUBSUB
from websocket import BINARY, CLOSE, FRAMING, PING, PONG, TEXT, WebSocket, frame

APP = "https://app.example:8443"
POLICY = EVERYTHING + "allow group everyone to message group everyone\n"


class WebSocketCase(unittest.TestCase):
    """A server for all tests of a class, and two clients."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        settings = {"accounts.auto_approve": "true", "http.allowed_origins": APP}
        cls.server = Operated(POLICY, settings | cls.settings).start()
        cls.ann = cls.server.authority.client(f"ann@{DOMAIN}")
        cls.bob = cls.server.authority.client(f"bob@{DOMAIN}")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def connect(self, bundle=None, **more):
        made = WebSocket(self.server.http, DOMAIN, bundle or self.ann, **more)
        self.addCleanup(made.socket.close)
        return made

    def bound(self, bundle=None, resource="ws", **more):
        return self.connect(bundle, **more).login(resource)

    def check_alive(self):
        one = self.bound(self.bob, "alive")
        one.send("<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        one.expect("id='p'")


class Streams(WebSocketCase):
    """What RFC 7395 says of a stream."""

    def test_the_handshake_agrees_on_xmpp(self):
        one = self.connect(Sec_WebSocket_Protocol="soap, xmpp")
        self.assertEqual(one.status, 101)
        self.assertIn("Sec-WebSocket-Protocol: xmpp\r\n", one.head + "\r\n")
        wanted = hashlib.sha1((one.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode())
        self.assertIn(base64.b64encode(wanted.digest()).decode(), one.head)

    def test_login_and_features(self):
        one = self.connect()
        one.open("xml:lang='de'")
        features = one.features()
        self.assertIn("<mechanism>EXTERNAL</mechanism>", features)
        self.assertNotIn("starttls", features)
        # An empty <auth/> and one with '=' are the same here: the certificate says it all.
        self.assertIn("<success", one.authenticate(""))
        one.open()
        self.assertIn("<bind", one.features())
        self.assertEqual(one.bind("one"), f"ann@{DOMAIN}/one")
        sessions = self.server.admin_json("sessions", "list")["sessions"]
        mine = [session for session in sessions if session["jid"] == f"ann@{DOMAIN}/one"]
        self.assertEqual([session["transport"] for session in mine], ["websocket"])

    def test_every_message_is_one_element_with_its_own_namespace(self):
        one = self.bound(resource="forms")
        one.send("<presence xmlns='jabber:client'/>")
        one.send(
            f"<iq xmlns='jabber:client' type='get' id='d' to='{BROKER}'>"
            "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        )
        answer = ET.fromstring(one.expect("^<iq .*id='d'.*$").string)
        self.assertEqual(answer.tag, "{jabber:client}iq")
        self.assertEqual(answer[0].tag, "{http://jabber.org/protocol/disco#info}query")
        one.send("<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        self.assertEqual(ET.fromstring(one.expect("id='p'").string).tag, "{jabber:client}iq")

    def test_events_and_messages_between_transports(self):
        ws = self.bound(resource="events")
        ws.send("<presence xmlns='jabber:client'/>")
        with Raw(self.server.c2s, DOMAIN).login(self.bob, "tcp") as tcp:
            tcp.send("<presence/>")
            tcp.send(
                f"<iq type='set' id='c' to='{BROKER}'><pubsub xmlns='{PUBSUB}'>"
                "<create node='between'/></pubsub></iq>"
            )
            tcp.expect("id='c'")
            ws.send(
                f"<iq xmlns='jabber:client' type='set' id='s' to='{BROKER}'>"
                f"<pubsub xmlns='{PUBSUB}'><subscribe node='between' jid='ann@{DOMAIN}'/>"
                "</pubsub></iq>"
            )
            ws.expect("id='s'")
            for number in range(50):
                tcp.send(
                    f"<iq type='set' id='n{number}' to='{BROKER}'><pubsub xmlns='{PUBSUB}'>"
                    f"<publish node='between'><item id='i{number}'><a xmlns='urn:x:a'>&lt;{number}"
                    "</a></item></publish></pubsub></iq>"
                )
            for number in range(50):
                event = ET.fromstring(ws.expect(f"<item id='i{number}'").string)
                self.assertEqual(event.tag, "{jabber:client}message")
                self.assertEqual(event.get("to"), f"ann@{DOMAIN}")
            ws.send(
                f"<c:message xmlns:c='jabber:client' to='bob@{DOMAIN}/tcp' type='chat'>"
                "<c:body>hello</c:body></c:message>"
            )
            tcp.expect("<message[^>]*><body>hello</body></message>")
            tcp.send(f"<message to='ann@{DOMAIN}/events' type='chat'><body>back</body></message>")
            back = ET.fromstring(ws.expect("<body>back").string)
            self.assertEqual(back.tag, "{jabber:client}message")

    def test_the_client_closes(self):
        one = self.bound(resource="closes")
        one.send(f"<close xmlns='{FRAMING}'/>")
        self.assertEqual(one.until_closed(), [f"<close xmlns='{FRAMING}'/>"])
        self.assertEqual(one.close_code, 1000)
        # Without <close/>: the socket is the stream's end, too.
        two = self.bound(resource="leaves")
        two.send_frame(CLOSE, (1001).to_bytes(2, "big"))
        self.assertEqual(two.until_closed(), [])
        self.assertEqual(two.close_code, 1000)

    def test_the_server_stops_a_stream_by_conflict(self):
        one = self.bound(resource="same")
        two = self.bound(resource="same")
        self.assertEqual(one.stream_error(), "conflict")
        two.send("<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        two.expect("id='p'")

    def test_pings_are_answered(self):
        one = self.bound(resource="pings")
        one.send_frame(PING, b"are you there")
        one.send_frame(PONG, b"unasked")
        deadline = time.monotonic() + 5
        while not one.pongs:
            one.receive(deadline)
        self.assertEqual(one.pongs, [b"are you there"])

    def test_fragments_make_one_element(self):
        one = self.bound(resource="pieces")
        text = b"<iq xmlns='jabber:client' type='get' id='f'><ping xmlns='urn:xmpp:ping'/></iq>"
        one.send_frame(TEXT, text[:10], final=False)
        one.send_frame(0, b"", final=False)
        one.send_frame(PING, b"between")
        for at in range(10, len(text)):
            one.send_frame(0, text[at : at + 1], final=at + 1 == len(text))
        one.expect("id='f'")
        self.assertEqual(one.pongs, [b"between"])

    def test_what_comes_with_the_request_is_read(self):
        header = f"<open xmlns='{FRAMING}' to='{DOMAIN}' version='1.0'/>"
        one = self.connect(early=frame(TEXT, header))
        self.assertIn("EXTERNAL", one.features())

    def test_large_answers_and_items(self):
        one = self.bound(resource="large")
        payload = "x" * 200_000
        one.send(
            f"<iq xmlns='jabber:client' type='set' id='c' to='{BROKER}'>"
            f"<pubsub xmlns='{PUBSUB}'><create node='large'/></pubsub></iq>"
        )
        one.expect("id='c'")
        one.send(
            f"<iq xmlns='jabber:client' type='set' id='l' to='{BROKER}'><pubsub xmlns='{PUBSUB}'>"
            f"<publish node='large'><item id='1'><a xmlns='urn:x:a'>{payload}</a></item>"
            "</publish></pubsub></iq>"
        )
        one.expect("type='result'.*id='l'|id='l'.*type='result'")
        one.send(
            f"<iq xmlns='jabber:client' type='get' id='g' to='{BROKER}'><pubsub xmlns='{PUBSUB}'>"
            "<items node='large'/></pubsub></iq>"
        )
        self.assertIn(payload, one.expect("id='g'").string)


class Refusals(WebSocketCase):
    """The protocol's error each time, and the server goes on."""

    settings = {
        "limits.stanza_seconds_max": "2",
        "limits.stanza_bytes_max": "100000",
        "pubsub.payload_bytes_max": "50000",
    }

    def tearDown(self):
        self.check_alive()

    def test_requests_that_become_no_websocket(self):
        for more, status in (
            ({"Sec_WebSocket_Protocol": None}, 400),
            ({"Sec_WebSocket_Protocol": "soap"}, 400),
            ({"Sec_WebSocket_Protocol": "XMPP"}, 400),   # RFC 6455 §4.1: as it is written
            ({"Sec_WebSocket_Version": "8"}, 426),
            ({"Sec_WebSocket_Key": "short"}, 400),
            ({"Sec_WebSocket_Key": None}, 400),
            ({"Upgrade": None}, 426),
            ({"Connection": "keep-alive"}, 426),
            ({"Origin": "https://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": f"http://{DOMAIN}"}, 403),
            ({"Host": "evil.example"}, 421),
        ):
            with self.subTest(more):
                self.assertEqual(self.connect(**more).status, status)

    def test_own_and_allowed_origins(self):
        address = self.server.http
        own = f"https://{DOMAIN}:{address[1]}"
        for origin in (own, APP):
            with self.server.at(address):
                self.assertEqual(self.connect(Origin=origin).status, 101)

    def test_no_certificate_no_websocket(self):
        one = WebSocket(self.server.http, DOMAIN)
        self.addCleanup(one.socket.close)
        self.assertEqual(one.status, 401)

    def test_a_wrong_framing_namespace(self):
        one = self.connect()
        one.open(ns="urn:wrong")
        self.assertEqual(one.stream_error(), "invalid-namespace")
        # As before RFC 7395.
        two = self.connect()
        two.send(
            f"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
            f" to='{DOMAIN}' version='1.0'>"
        )
        self.assertIn(two.stream_error(), ("bad-format", "not-well-formed"))

    def test_headers_that_are_refused(self):
        for header, condition in (
            (f"<open xmlns='{FRAMING}' to='other.example' version='1.0'/>", "host-unknown"),
            (f"<open xmlns='{FRAMING}' version='1.0'/>", "host-unknown"),
            (f"<open xmlns='{FRAMING}' to='{DOMAIN}'/>", "unsupported-version"),
            (f"<shut xmlns='{FRAMING}' to='{DOMAIN}' version='1.0'/>", "bad-format"),
            ("<iq type='get'/>", "invalid-namespace"),
            ("not xml at all", "bad-format"),
            ("", "bad-format"),
            ("<open", "not-well-formed"),
            ("<?xml version='1.0'?><open/>", "restricted-xml"),
            ("<!DOCTYPE open><open/>", "restricted-xml"),
        ):
            with self.subTest(header):
                one = self.connect()
                one.send(header)
                self.assertEqual(one.stream_error(), condition)

    def test_messages_of_a_bound_stream_that_are_refused(self):
        ping = "<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>"
        for text, condition in (
            (ping + ping, "bad-format"),
            (ping + "text", "bad-format"),
            (" " + ping, "bad-format"),
            (" ", "bad-format"),
            ("", "bad-format"),
            (ping[:-5], "not-well-formed"),
            (ping[:-1] + "x>", "not-well-formed"),
            ("</stream:stream>", "bad-format"),
            ("<!-- comment -->", "restricted-xml"),
            (f"<open xmlns='{FRAMING}' to='{DOMAIN}' version='1.0'/>", "bad-format"),
            ("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>", "unsupported-stanza-type"),
            ("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "unsupported-stanza-type"),
            (f"<message xmlns='jabber:client'>{'x' * 101_000}</message>", "policy-violation"),
        ):
            with self.subTest(text[:80]):
                one = self.bound(resource="bad")
                one.send_quietly(frame(TEXT, text))
                self.assertEqual(one.stream_error(), condition)

    def test_frames_that_are_refused(self):
        good = "<presence xmlns='jabber:client'/>"
        for data, condition, code in (
            (frame(BINARY, good), "bad-format", 1003),
            (frame(TEXT, good, masked=False), "bad-format", 1002),
            (frame(TEXT, good, reserved=4), "bad-format", 1002),
            (frame(3, good), "bad-format", 1002),
            (frame(11, good), "bad-format", 1002),
            (frame(0, good), "bad-format", 1002),
            (frame(TEXT, "<a", final=False) + frame(TEXT, good), "bad-format", 1002),
            (frame(PING, "x" * 126), "bad-format", 1002),
            (frame(PING, "x", final=False), "bad-format", 1002),
            (frame(TEXT, "<a", size=200_000), "policy-violation", 1009),
            (frame(TEXT, "<a", size=1 << 62), "policy-violation", 1009),
            (frame(TEXT, "<a", size=1 << 63), "bad-format", 1002),
            (frame(TEXT, b"<message xmlns='jabber:client'>\xff\xfe</message>"), None, 1007),
        ):
            with self.subTest(data[:20]):
                one = self.bound(resource="bad")
                one.send_quietly(data)
                found = one.stream_error()
                self.assertIn(found, [condition] if condition else
                              ["not-well-formed", "unsupported-encoding"])
                self.assertEqual(one.close_code, code)

    def test_what_never_ends(self):
        # An element that is continued for ever, in frames that are each small.
        one = self.bound(resource="endless")
        one.send_frame(TEXT, "<message xmlns='jabber:client'><body>", final=False)
        piece = frame(0, "x" * 1000, final=False)
        for _ in range(150):
            one.send_quietly(piece)
        self.assertEqual(one.stream_error(), "policy-violation")
        # A message that is begun and never ended, with and without anything in it.
        for begin in ("", "<message xmlns='jabber:client'"):
            with self.subTest(begin):
                two = self.bound(resource="stalls")
                two.send_frame(TEXT, begin, final=False)
                for _ in range(3):
                    two.send_frame(0, "", final=False)
                self.assertEqual(two.stream_error(), "policy-violation")

    def test_strangers_have_little_room(self):
        one = self.connect()
        one.open()
        one.features()
        begin = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
        one.send_quietly(frame(TEXT, begin + "A" * 20_000))
        self.assertEqual(one.stream_error(), "policy-violation")

    def test_stanzas_before_login(self):
        one = self.connect()
        one.open()
        one.features()
        one.send("<message xmlns='jabber:client' to='x'/>")
        self.assertEqual(one.stream_error(), "not-authorized")

    def test_starttls_is_refused(self):
        one = self.connect()
        one.open()
        one.features()
        one.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        messages = one.until_closed()
        self.assertIn("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", messages)

    def test_somebody_elses_name(self):
        one = self.connect()
        one.open()
        one.features()
        authzid = base64.b64encode(f"bob@{DOMAIN}".encode()).decode()
        self.assertIn("<invalid-authzid", one.authenticate(authzid))

    def test_pings_without_end(self):
        one = self.bound(resource="floods")
        one.send_quietly(frame(PING, "x") * 20_000)
        one.send("<iq xmlns='jabber:client' type='get' id='q'><ping xmlns='urn:xmpp:ping'/></iq>")
        one.expect("id='q'", 20)


class HostMeta(WebSocketCase):
    """XEP-0156, and files of a web application."""

    @classmethod
    def setUpClass(cls):
        import os
        import tempfile

        cls.folder = tempfile.TemporaryDirectory()
        top = cls.folder.name
        os.makedirs(os.path.join(top, "app"))
        for name, text in (
            ("index.html", "<!doctype html><p>hello"),
            ("app/main.js", "export {};"),
            ("app/index.html", "<p>app"),
            ("a b.txt", "blank"),
            (".secret", "hidden"),
        ):
            with open(os.path.join(top, name), "w", encoding="utf-8") as file:
                file.write(text)
        cls.settings = {"http.static_dir": top}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def get(self, path, bundle="ann", method="GET", **headers):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if bundle:
            one = getattr(self, bundle)
            context.load_cert_chain(one.cert, one.key)
        host, port = self.server.http
        link = http.client.HTTPSConnection(host, port, context=context, timeout=10)
        self.addCleanup(link.close)
        link.request(method, path, headers={"Host": f"{DOMAIN}:{port}", **headers})
        answer = link.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()

    def test_host_meta_needs_no_certificate(self):
        port = self.server.stay().http[1]
        status, headers, body = self.get("/.well-known/host-meta", None)
        self.assertEqual((status, headers["Content-Type"]), (200, "application/xrd+xml"))
        self.assertEqual(headers["Access-Control-Allow-Origin"], "*")
        links = {link.get("rel"): link.get("href") for link in ET.fromstring(body)}
        address = f"wss://{DOMAIN}:{port}/xmpp-websocket"
        self.assertEqual(links["urn:xmpp:alt-connections:websocket"], address)
        status, headers, body = self.get("/.well-known/host-meta.json", None)
        self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
        links = {link["rel"]: link["href"] for link in json.loads(body)["links"]}
        self.assertEqual(links["urn:xmpp:alt-connections:websocket"], address)

    def test_host_meta_of_another_name(self):
        self.assertEqual(self.get("/.well-known/host-meta", None, Host="evil.example")[0], 421)

    def test_files(self):
        for path, type_of, body in (
            ("/", "text/html; charset=utf-8", "<!doctype html><p>hello"),
            ("/app/main.js", "text/javascript; charset=utf-8", "export {};"),
            ("/app/", "text/html; charset=utf-8", "<p>app"),
            ("/a%20b.txt", "text/plain; charset=utf-8", "blank"),
        ):
            with self.subTest(path):
                status, headers, text = self.get(path)
                self.assertEqual((status, headers["Content-Type"], text), (200, type_of, body))
                self.assertNotIn("Content-Security-Policy", headers)
                again = self.get(path, **{"If-None-Match": headers["ETag"]})
                self.assertEqual((again[0], again[2]), (304, ""))

    def test_no_file_outside(self):
        for path in (
            "/../log", "/..%2flog", "/%2e%2e/log", "/app/../../log", "/.secret", "/app", "/none",
            "//etc/passwd", "/%00", "/app%2fmain.js%00.html", "/%zz",
        ):
            with self.subTest(path):
                self.assertEqual(self.get(path)[0], 404)

    def test_files_need_a_certificate_and_get(self):
        self.assertEqual(self.get("/", None)[0], 401)
        self.assertEqual(self.get("/", method="POST")[0], 405)
        self.assertEqual(self.get("/", method="HEAD")[::2], (200, ""))

    def test_administration_is_still_for_administrators(self):
        self.assertIn(self.get("/api/v1/status")[0], (401, 403))
        self.assertEqual(self.get("/api/v1/status", None)[0], 401)


class WithoutWebSocket(WebSocketCase):
    """Switched off."""

    settings = {"http.websocket": "false", "http.bosh": "false"}

    def test_there_is_nothing(self):
        self.assertIn(self.connect().status, (401, 403, 404))
        one = WebSocket(self.server.http, DOMAIN, self.server.admin)
        self.addCleanup(one.socket.close)
        self.assertEqual(one.status, 404)


class ServerStops(WebSocketCase):
    """The goodbye of the server."""

    def test_shutdown(self):
        one = self.bound(resource="stays")
        with self.server.at(one) as member:
            member.process.send_signal(15)
            self.assertEqual(one.stream_error(), "system-shutdown")
            member.process.wait(10)
        self.server.kill9()   # other members, where there are any
        self.server.start()


if __name__ == "__main__":
    unittest.main()
