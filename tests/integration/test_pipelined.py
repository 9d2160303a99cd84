# tests/integration/test_pipelined.py: clients that send more before their login is answered.
"""RFC 6120 §6.4.6: behind <success/> a new stream begins, and its header may have come already."""

import re
import time
import unittest

from gridd import DOMAIN, Operated
from policies import EVERYTHING
from raw import SASL, STARTTLS, STREAM_NS, Raw, header
from websocket import FRAMING, TEXT, WebSocket, frame

AUTH = f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>"
BIND = (
    "<iq xmlns='jabber:client' type='set' id='b'>"
    "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>"
)
PING = "<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>"
OPEN = f"<open xmlns='{FRAMING}' to='{DOMAIN}' version='1.0'/>"
RESET = (
    f"<stream:error xmlns:stream='{STREAM_NS}'>"
    "<reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
)


class Pipelined(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Operated(EVERYTHING, {"accounts.auto_approve": "true"}).start()
        cls.addClassCleanup(cls.server.close)
        cls.ann = cls.server.authority.client(f"ann@{DOMAIN}")

    def secured(self):
        client = Raw(self.server.c2s, DOMAIN)
        self.addCleanup(client.socket.close)
        client.starttls(self.ann)
        return client

    def wait_log(self, pattern):
        deadline = time.monotonic() + 10
        while not re.search(pattern, self.server.log()):
            self.assertLess(time.monotonic(), deadline, pattern)
            time.sleep(0.05)


class OverTcp(Pipelined):
    def test_a_whole_login_in_one_write(self):
        for between in ("", " \n", "\r\n\r\n"):
            with self.subTest(between):
                client = self.secured()
                head = header(DOMAIN)
                client.send(head + AUTH + between + head + BIND + PING)
                client.expect("<success ")
                client.expect("<iq type='result' id='b'.*?/r</jid>")
                client.expect("<iq type='result' id='p'")

    def test_a_header_cut_at_any_byte(self):
        whole = AUTH + header(DOMAIN) + BIND
        for at in range(1, len(whole), 29):
            client = self.secured()
            client.open()
            client.send(whole[:at])
            client.send(whole[at:])
            client.expect("<success ")
            client.expect("<iq type='result' id='b'")
            client.socket.close()

    def test_an_attempt_that_fails_leaves_the_rest_to_the_stream(self):
        client = self.secured()
        client.send(header(DOMAIN) + f"<auth xmlns='{SASL}' mechanism='NONE'/>" + AUTH)
        client.expect("<invalid-mechanism/>")
        client.expect("<success ")

    def test_what_begins_no_stream_is_said_at_once(self):
        for rest in (BIND, AUTH, "</stream:stream>", "<!-- x -->", "text<"):
            with self.subTest(rest):
                client = self.secured()
                client.send(header(DOMAIN) + AUTH + rest)
                client.expect("<success ")
                client.expect("<stream:error")
                client.until_closed()

    def test_bytes_behind_starttls_are_refused_as_ever(self):
        client = Raw(self.server.c2s, DOMAIN)
        self.addCleanup(client.socket.close)
        client.send(header(DOMAIN) + STARTTLS + header(DOMAIN))
        text = client.until_closed()
        self.assertIn("<policy-violation", text)
        self.assertNotIn("<proceed", text)


class OverWebSocket(Pipelined):
    def test_a_whole_login_in_one_write(self):
        client = WebSocket(self.server.http, DOMAIN, self.ann)
        self.addCleanup(client.socket.close)
        client.socket.sendall(
            b"".join(frame(TEXT, text) for text in (OPEN, AUTH, OPEN, BIND, PING))
        )
        for answer in ("<success ", "<open ", "id='b'", "id='p'"):
            client.expect(answer)


class ErrorsOfClients(Pipelined):
    """RFC 6120 §4.9.1.1: an error of the peer ends the stream; there is none in answer."""

    def test_at_each_step(self):
        for steps in range(4):
            with self.subTest(steps):
                client = Raw(self.server.c2s, DOMAIN)
                self.addCleanup(client.socket.close)
                if steps == 0:
                    client.open()
                elif steps == 1:
                    client.starttls(self.ann)
                    client.open()
                elif steps == 2:
                    client.starttls(self.ann)
                    client.open()
                    client.authenticate()
                    client.open()
                else:
                    client.login(self.ann, "r")
                client.seen = ""
                client.send(RESET)
                self.assertEqual(client.until_closed(), "</stream:stream>")
        self.wait_log("session_ended.*with an error, reset")
        self.wait_log("stream_ended.*with an error, reset")

    def test_over_a_websocket(self):
        client = WebSocket(self.server.http, DOMAIN, self.ann)
        self.addCleanup(client.socket.close)
        client.login("ws")
        client.send(
            f"<error xmlns='{STREAM_NS}'><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
            "</error>"
        )
        client.expect("<close ")
        self.wait_log("session_ended.*ann@[^ ]*/ws.*with an error, reset")


class Questions(Pipelined):
    """Before a resource is bound an iq is looked at as after it."""

    def bind(self, attributes, more=""):
        client = self.secured()
        client.open()
        client.authenticate()
        client.open()
        client.seen = ""
        client.send(
            f"<iq {attributes}><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>{more}</iq>"
        )
        return client

    def test_answers_are_not_answered(self):
        for kind in ("result", "error"):
            client = self.bind(f"type='{kind}' id='a'")
            client.send(BIND)
            answer = client.expect("<iq .*?</iq>").group()
            self.assertIn("id='b'", answer)

    def test_another_sender_is_no_sender(self):
        for sender in ("x@y/z", f"bob@{DOMAIN}", "@@"):
            client = self.bind(f"type='set' id='a' from='{sender}'")
            self.assertIn("<invalid-from", client.until_closed())
        self.bind(f"type='set' id='a' from='{self.ann.jid}'").expect("<iq type='result' id='a'")

    def test_a_question_has_one_child(self):
        client = self.bind("type='set' id='a'", "<x xmlns='urn:x'/>")
        self.assertIn("<bad-request", client.expect("<iq type='error' id='a'.*?</iq>").group())
        client.send(BIND)
        client.expect("<iq type='result' id='b'")


if __name__ == "__main__":
    unittest.main()
