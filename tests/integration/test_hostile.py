# tests/integration/test_hostile.py: every hostile input gets the protocol's error and a log line.
"""RFC 6120 §4.9 and §11.1; the names of the errors are those that the protocol gives."""

import time
import unittest

from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from raw import STARTTLS, Raw, header

STANZA_BYTES_MAX = 64 * 1024
PRE_AUTH_SECONDS_MAX = 2

# Bytes sent inside an open stream, and the stream error that they must get.
INSIDE = {
    "comment": ("<message><!-- c --></message>", "restricted-xml"),
    "comment between stanzas": ("<!-- c --><presence/>", "restricted-xml"),
    "processing instruction": ("<message><?php x?></message>", "restricted-xml"),
    "DTD": ("<!DOCTYPE m [<!ENTITY a 'b'>]><message/>", "not-well-formed|restricted-xml"),
    "unknown entity": ("<message><body>&bomb;</body></message>", "restricted-xml"),
    "mismatched tags": ("<message><body></message></body>", "not-well-formed"),
    "undeclared prefix": ("<message><x:y/></message>", "bad-namespace-prefix|not-well-formed"),
    "text between stanzas": ("hello", "bad-format|not-well-formed"),
    "unknown stanza": ("<shout xmlns='jabber:client'/>", "unsupported-stanza-type"),
    "foreign stanza": ("<x xmlns='urn:x'/>", "unsupported-stanza-type"),
    "oversized stanza": (
        "<message><body>" + "a" * (STANZA_BYTES_MAX + 1000) + "</body></message>",
        "policy-violation",
    ),
    "endless start tag": ("<message a='" + "a" * (STANZA_BYTES_MAX + 1000), "policy-violation"),
    "depth bomb": ("<message>" + "<a>" * 1000, "policy-violation"),
    "attribute bomb": (
        "<message " + " ".join(f"a{i}='1'" for i in range(1000)) + "/>",
        "policy-violation",
    ),
    "namespace bomb": (
        "<message " + " ".join(f"xmlns:a{i}='urn:{i}'" for i in range(1000)) + "/>",
        "policy-violation",
    ),
    "invalid UTF-8": (b"<message><body>\xff\xfe</body></message>", "unsupported-encoding"),
    "overlong UTF-8": (b"<message><body>\xc0\xaf</body></message>", "unsupported-encoding"),
    "surrogate in UTF-8": (b"<message><body>\xed\xa0\x80</body></message>", "unsupported-encoding"),
    "forbidden character": ("<message><body>&#1;</body></message>", "not-well-formed"),
    "NUL byte": (b"<message><body>\x00</body></message>", "not-well-formed"),
}


class Hostile(unittest.TestCase):
    """One server for all; its limits are low so that the bombs are small."""

    @classmethod
    def setUpClass(cls):
        settings = {
            "accounts.auto_approve": "true",
            "limits.stanza_bytes_max": STANZA_BYTES_MAX,
            "limits.pre_auth_seconds_max": PRE_AUTH_SECONDS_MAX,
            "pubsub.payload_bytes_max": STANZA_BYTES_MAX // 2,
        }
        cls.server = Operated(EVERYTHING, settings).start()
        cls.alice = cls.server.authority.client(f"alice@{DOMAIN}")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def connect(self):
        return Raw(self.server.c2s, DOMAIN)

    def assert_ends(self, connection, conditions, mark, log=None):
        condition = connection.stream_error()
        self.assertIn(condition, conditions.split("|"))
        self.server.wait_log(log or condition, mark)

    def test_inside_an_authenticated_stream(self):
        for name, (data, conditions) in INSIDE.items():
            with self.subTest(name), self.connect() as connection:
                mark = self.server.log_mark()
                connection.login(self.alice)
                connection.send_quietly(data)
                self.assert_ends(connection, conditions, mark)

    def test_before_authentication(self):
        for name, (data, conditions) in INSIDE.items():
            if "stanza" in name and "oversized" not in name:
                continue
            with self.subTest(name), self.connect() as connection:
                mark = self.server.log_mark()
                connection.starttls(self.alice)
                connection.open()
                connection.send_quietly(data)
                # Before anything else is looked at: a stanza is not authorized (§4.9.3.12), bytes
                # beyond the limit are a violation of policy.
                self.assert_ends(connection, conditions + "|not-authorized|policy-violation", mark)

    def test_a_stanza_before_authentication_is_not_authorized(self):
        with self.connect() as connection:
            mark = self.server.log_mark()
            connection.starttls(self.alice)
            connection.open()
            connection.send(f"<message to='{DOMAIN}'><body>hi</body></message>")
            self.assert_ends(connection, "not-authorized", mark)

    def test_no_stanza_and_no_authentication_without_tls(self):
        for data in (
            "<message><body>hi</body></message>",
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>",
        ):
            with self.subTest(data[:8]), self.connect() as connection:
                mark = self.server.log_mark()
                features = connection.open()
                self.assertIn("<required/>", features)
                self.assertNotIn("<mechanism", features)
                connection.send(data)
                text = connection.until_closed()
                self.assertRegex(text, "<stream:error|<failure")
                self.assertRegex(text, "not-authorized|policy-violation|encryption-required")
                self.server.wait_log("not-authorized|policy-violation|encryption-required", mark)

    def test_bytes_injected_after_starttls(self):
        # RFC 6120 §5.4.3.3 and CVE-2011-0411: what came in clear must never be read as if it came
        # inside TLS.
        injected = header(DOMAIN) + "<injected/>"
        with self.connect() as connection:
            mark = self.server.log_mark()
            connection.open()
            connection.send(STARTTLS + injected)
            text = connection.until_closed()
            self.assertNotIn("<proceed", text)
            self.assertRegex(text, "<stream:error|<failure")
            self.server.wait_log("starttls|STARTTLS", mark)

    def test_forged_from_ends_the_stream(self):
        for forged in (f"mallory@{DOMAIN}", f"alice@{DOMAIN}/other", f"{BROKER}"):
            with self.subTest(forged), self.connect() as connection:
                mark = self.server.log_mark()
                connection.login(self.alice)
                connection.send(
                    f"<iq type='get' id='1' from='{forged}' to='{BROKER}'>"
                    "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
                )
                self.assert_ends(connection, "invalid-from", mark)

    def test_own_address_in_from_is_accepted(self):
        for own in (f"alice@{DOMAIN}/raw", f"alice@{DOMAIN}"):
            with self.subTest(own), self.connect() as connection:
                connection.login(self.alice)
                connection.send(
                    f"<iq type='get' id='1' from='{own}' to='{DOMAIN}'>"
                    "<ping xmlns='urn:xmpp:ping'/></iq>"
                )
                connection.expect(r"<iq\b[^>]*type='result'|<iq\b[^>]*type=\"result\"")

    def test_stream_headers_that_are_wrong(self):
        cases = {
            header("other.example"): "host-unknown",
            header(DOMAIN).replace("http://etherx", "http://x"): "invalid-namespace",
            header(DOMAIN).replace("'jabber:client'", "'jabber:foo'"): "invalid-namespace",
            header(DOMAIN).replace("version='1.0' ", "version='9.0' "): "unsupported-version",
            header(DOMAIN).replace("?xml version='1.0'", "?xml version='1.0' encoding='latin1'"): (
                "unsupported-encoding"
            ),
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n": "not-well-formed|bad-format",
            header(DOMAIN + "a" * 20000): "policy-violation",
        }
        for data, conditions in cases.items():
            if conditions == "unsupported-version":
                continue   # RFC 6120 §4.7.5: a higher version is answered with ours.
            with self.subTest(conditions), self.connect() as connection:
                mark = self.server.log_mark()
                connection.send_quietly(data)
                self.assert_ends(connection, conditions, mark)

    def test_slow_loris_before_authentication(self):
        begin = time.monotonic()
        with self.connect() as connection:
            mark = self.server.log_mark()
            connection.open()
            while time.monotonic() < begin + PRE_AUTH_SECONDS_MAX + 5:
                connection.send_quietly(" ")
                try:
                    connection.expect("<stream:error", seconds=0.2)
                    break
                except AssertionError:
                    continue
            took = time.monotonic() - begin
            self.assertLess(took, PRE_AUTH_SECONDS_MAX + 3)
            self.assertRegex(connection.until_closed(), "connection-timeout|policy-violation")
            self.server.wait_log("connection-timeout|policy-violation", mark)

    def test_silence_inside_the_tls_handshake(self):
        with self.connect() as connection:
            connection.open()
            connection.send(STARTTLS)
            connection.expect("<proceed")
            begin = time.monotonic()
            connection.until_closed(PRE_AUTH_SECONDS_MAX + 5)
            self.assertLess(time.monotonic() - begin, PRE_AUTH_SECONDS_MAX + 3)

    def test_the_server_is_well_after_all_that(self):
        with self.connect() as connection:
            connection.login(self.alice)
            ping = "<ping xmlns='urn:xmpp:ping'/>"
            connection.send(f"<iq type='get' id='1' to='{DOMAIN}'>{ping}</iq>")
            connection.expect(r"<iq\b[^>]*result")


if __name__ == "__main__":
    unittest.main()
