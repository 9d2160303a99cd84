# tests/integration/test_passwords.py: accounts that log in by password, over TLS.
"""Passwords are off unless the operator wants them; then SCRAM, and PLAIN if it is wanted, too."""

import asyncio
import hashlib
import os
import re
import time
import unittest

import slixmpp
from bosh import Bosh
from gridd import ADMIN, BROKER, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from scram import Scram, authenticate, challenge, offered, plain
from websocket import WebSocket

ALL = [
    "SCRAM-SHA-512-PLUS",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-512",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
]
ANN = f"ann@{DOMAIN}"
SESSION_END = 10


class Passwords(unittest.TestCase):
    """An operated grid with passwords, and one account that has one."""

    settings = {}

    def setUp(self):
        self.server = Operated(EVERYTHING, {"sasl.passwords": "true"} | self.settings)
        self.addCleanup(self.server.close)
        self.server.start()
        self.give("ann", "pencil")

    def give(self, name, password):
        self.server.admin_ctl("accounts", "add", name, "--password", "-", stdin=password + "\n")

    def change(self, name, password):
        self.server.admin_ctl("accounts", "password", name, "-", stdin=password + "\n")

    def raw(self, bundle=None):
        raw = Raw(self.server.c2s, DOMAIN)
        self.addCleanup(raw.socket.close)
        raw.starttls(bundle)
        raw.features = raw.open()
        return raw

    def attempt(self, *arguments, raw=None, nonce=None, **more):
        exchange = Scram(*arguments, **more)
        return authenticate(raw or self.raw(), exchange, nonce)

    def end_point(self, raw):
        """tls-server-end-point: the hash of the server's certificate."""
        return hashlib.sha256(raw.socket.getpeercert(binary_form=True)).digest()

    def log_in(self, password="pencil", name="ann", resource="raw"):
        raw = self.raw()
        self.assertIsNone(self.attempt("SCRAM-SHA-256", name, password, raw=raw))
        self.assertEqual(raw.bind(resource), f"{name}@{DOMAIN}/{resource}")
        return raw


class Logins(Passwords):
    settings = {"sasl.failures_per_account_max": "0"}

    def test_every_mechanism(self):
        raw = self.raw()
        self.assertEqual(offered(raw.features), ALL)
        self.assertRegex(raw.features, "<sasl-channel-binding xmlns=.urn:xmpp:sasl-cb:0.>")
        for kind in ("tls-exporter", "tls-server-end-point"):
            self.assertRegex(raw.features, f"<channel-binding type=.{kind}.")
        for mechanism in ALL:
            with self.subTest(mechanism):
                raw = self.raw()
                more = {}
                if mechanism.endswith("-PLUS"):
                    more = {"flag": "p=tls-server-end-point", "binding": self.end_point(raw)}
                self.assertIsNone(self.attempt(mechanism, "ann", "pencil", raw=raw, **more))
                self.assertEqual(raw.bind("r"), f"{ANN}/r")

    def test_an_acceptable_certificate_comes_first(self):
        bob = self.server.authority.client(f"bob@{DOMAIN}")
        raw = self.raw(bob)
        self.assertEqual(offered(raw.features), ["EXTERNAL"] + ALL)
        self.assertIn("<success", raw.authenticate())
        # A password is good beside a certificate, too.
        raw = self.raw(bob)
        self.assertIsNone(self.attempt("SCRAM-SHA-256", "ann", "pencil", raw=raw))
        self.assertEqual(raw.bind("r"), f"{ANN}/r")

    def test_what_is_wrong_is_refused_and_nothing_is_told(self):
        wrong = self.attempt
        self.assertEqual(wrong("SCRAM-SHA-256", "ann", "pencils"), "not-authorized")
        self.server.wait_log(f"what=login_refused .*account={ANN} ")
        self.assertEqual(wrong("SCRAM-SHA-256", "nobody", "pencil"), "not-authorized")
        self.assertEqual(wrong("SCRAM-SHA-256", "admin", "pencil"), "not-authorized")
        self.assertEqual(wrong("SCRAM-SHA-256", "ann", "pencil", nonce="x"), "not-authorized")
        self.assertEqual(wrong("SCRAM-SHA-256", "ann", "pencil", flag="y"), "not-authorized")
        self.assertEqual(
            wrong("SCRAM-SHA-256", "ann", "pencil", authzid=ADMIN), "invalid-authzid"
        )
        plus = {"flag": "p=tls-server-end-point", "binding": b"another"}
        self.assertEqual(wrong("SCRAM-SHA-256-PLUS", "ann", "pencil", **plus), "not-authorized")
        plus = {"flag": "p=tls-other", "binding": b""}
        self.assertEqual(wrong("SCRAM-SHA-256-PLUS", "ann", "pencil", **plus), "malformed-request")
        self.assertEqual(
            wrong("SCRAM-SHA-256-PLUS", "ann", "pencil", flag="y"), "malformed-request"
        )
        self.assertEqual(plain(self.raw(), "ann", "pencil"), "invalid-mechanism")
        self.assertIsNone(wrong("SCRAM-SHA-256", "ann", "pencil", authzid=ANN))
        for name in (ANN, f"nobody@{DOMAIN}"):
            self.on_record(name)

    def on_record(self, target):
        """Refusals are written within a second."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = self.server.admin_json("audit", "list", "--operation", "login-refused")
            if target in [record["target"] for record in found["records"]]:
                return
            time.sleep(0.2)
        self.fail(f"no login-refused of {target}")

    def test_a_name_without_an_account_has_its_salt_for_ever(self):
        def asked(name):
            text, failure = challenge(self.raw(), Scram("SCRAM-SHA-256", name, "x"))
            self.assertIsNone(failure)
            return re.search("s=([^,]*),i=([0-9]*)", text).groups()

        before = [asked(name) for name in ("ann", "nobody", "a b")]
        self.assertEqual(len(set(before)), 3)
        self.assertEqual({count for _, count in before}, {"10000"})
        self.server.stop()
        self.server.start()
        self.assertEqual([asked(name) for name in ("ann", "nobody", "a b")], before)

    def test_attempts_are_bounded(self):
        raw = self.raw()
        for _ in range(3):
            self.assertEqual(self.attempt("SCRAM-SHA-256", "ann", "x", raw=raw), "not-authorized")
        self.assertEqual(raw.stream_error(), "policy-violation")

    def test_a_restart_forgets_nothing(self):
        self.server.kill9()
        self.server.start()
        self.log_in()

    def test_a_new_password_ends_the_streams_of_the_old_one(self):
        raw = self.log_in()
        self.change("ann", "crayon")
        self.assertEqual(raw.stream_error(), "reset")
        self.assertEqual(self.attempt("SCRAM-SHA-256", "ann", "pencil"), "not-authorized")
        path = os.path.join(self.server.folder, "password")
        with open(path, "w", encoding="utf-8") as file:
            file.write("chalk\nthis line is a remark\n")
        self.server.admin_ctl("accounts", "password", "ann", "@" + path)
        raw = self.log_in("chalk")
        self.server.admin_ctl("accounts", "password", "ann", "--remove")
        self.assertEqual(raw.stream_error(), "reset")
        self.assertEqual(self.attempt("SCRAM-SHA-256", "ann", "chalk"), "not-authorized")

    def test_disabled_and_deleted_accounts(self):
        raw = self.log_in()
        self.server.admin_ctl("accounts", "disable", ANN)
        self.assertEqual(raw.stream_error(), "policy-violation")
        self.assertEqual(self.attempt("SCRAM-SHA-256", "ann", "pencil"), "account-disabled")
        self.assertEqual(self.attempt("SCRAM-SHA-256", "ann", "x"), "not-authorized")
        self.server.admin_ctl("accounts", "enable", ANN)
        raw = self.log_in()
        self.server.admin_ctl("accounts", "delete", ANN)
        self.assertEqual(raw.stream_error(), "not-authorized")
        self.assertEqual(self.attempt("SCRAM-SHA-256", "ann", "pencil"), "not-authorized")
        # The name's next account does not inherit it.
        self.server.admin_ctl("accounts", "add", "ann")
        self.assertEqual(self.attempt("SCRAM-SHA-256", "ann", "pencil"), "not-authorized")

    def test_a_certificate_does_not_join_an_account_with_a_password(self):
        ann = self.server.authority.client(ANN)
        raw = self.raw(ann)
        self.assertIn("not-authorized", raw.authenticate())
        key = self.server.authority.path
        self.server.admin_ctl("accounts", "rebind", ANN, "--ca", key)
        raw = self.raw(ann)
        self.assertIn("<success", raw.authenticate())
        self.log_in()   # both are good now
        self.server.admin_ctl("accounts", "pin", ANN, "--sha256", "0" * 64)
        self.assertEqual(self.attempt("SCRAM-SHA-256", "ann", "pencil"), "not-authorized")

    def test_the_account_shows_that_it_has_one(self):
        self.assertTrue(self.server.admin_json("accounts", "show", ANN)["password"])
        self.assertFalse(self.server.admin_json("accounts", "show", ADMIN)["password"])
        raw = self.log_in()
        sessions = self.server.admin_json("sessions", "list")["sessions"]
        self.assertEqual([s["certificate"] for s in sessions if s["jid"].startswith(ANN)], [None])
        raw.socket.close()
        done = self.server.gridctl(
            "accounts", "password", "ann", "-", identity=self.server.admin, stdin="bell\x07\n"
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("RFC 4013", done.stderr)
        done = self.server.gridctl("accounts", "password", "x", "pw", identity=self.server.admin)
        self.assertEqual(done.returncode, 2)   # an argument is no secret
        # No file of the store has it, nor has the log.
        for folder, _, files in os.walk(self.server.data):
            for file in files:
                if not os.path.isfile(os.path.join(folder, file)):
                    continue   # the socket for probes
                with open(os.path.join(folder, file), "rb") as opened:
                    self.assertNotIn(b"pencil", opened.read(), file)
        self.assertNotIn("pencil", self.server.log())

    def test_a_password_outside_ascii_is_prepared(self):
        self.change("ann", "I\u00adX \u2168")   # RFC 4013: soft hyphen goes, roman nine is "IX"
        self.log_in("IX IX")


class OverHttps(Passwords):
    """No certificate is needed where a password will do."""

    def websocket(self):
        made = WebSocket(self.server.http, DOMAIN)
        self.addCleanup(made.socket.close)
        made.open()
        made.features()
        return made

    def bosh(self):
        made = Bosh(self.server.http, DOMAIN, None)
        made.send = made.ask   # as a Raw client has it
        made.create()
        made.expect("</mechanisms>")
        return made

    def test_a_websocket(self):
        self.assertEqual(
            self.attempt("SCRAM-SHA-256", "ann", "pencils", raw=self.websocket()), "not-authorized"
        )
        made = self.websocket()
        self.assertIsNone(self.attempt("SCRAM-SHA-256", "ann", "pencil", raw=made))
        made.open()
        made.features()
        self.assertEqual(made.bind("ws"), f"{ANN}/ws")

    def test_bosh(self):
        self.assertEqual(
            self.attempt("SCRAM-SHA-256", "ann", "pencils", raw=self.bosh()), "not-authorized"
        )
        made = self.bosh()
        self.assertIsNone(self.attempt("SCRAM-SHA-256", "ann", "pencil", raw=made))
        made.restart()
        made.expect("<bind")


class Slow(Passwords):
    settings = {"sasl.failures_per_account_max": "4", "sasl.failures_per_address_max": "9"}

    def test_failures_are_bounded_over_time(self):
        self.server.stay()   # each member counts
        for name in ("ann", "nobody"):
            for _ in range(4):
                self.assertEqual(self.attempt("SCRAM-SHA-256", name, "x"), "not-authorized")
            for password in ("x", "pencil"):
                self.assertEqual(
                    self.attempt("SCRAM-SHA-256", name, password), "temporary-auth-failure"
                )
        self.give("bob", "pencil")
        for _ in range(5):   # a login that succeeds is not counted
            self.log_in(name="bob")
        self.assertEqual(self.attempt("SCRAM-SHA-256", "bob", "x"), "not-authorized")
        self.assertEqual(self.attempt("SCRAM-SHA-256", "bob", "x"), "temporary-auth-failure")
        # Five minutes, over which nine go back.
        raw = self.raw()
        _, failure = challenge(raw, Scram("SCRAM-SHA-256", "nobody", "x"))
        seconds = re.search(
            "<text[^>]*>too many logins have failed: try again in ([0-9]+) s</text>", failure
        )
        self.assertTrue(seconds, failure)
        self.assertIn(int(seconds.group(1)), range(1, 76))

    def from_address(self, address):
        raw = Raw(self.server.c2s, DOMAIN, address)
        self.addCleanup(lambda: raw.socket.close())
        raw.starttls()
        raw.open()
        return raw

    def test_guesses_from_elsewhere_do_not_lock_an_account_out_where_it_is_at_home(self):
        self.server.stay()   # each member counts
        guess = ("SCRAM-SHA-256", "ann", "x")
        self.log_in()
        for number in range(2, 7):   # five times four
            for _ in range(4):
                raw = self.from_address(f"127.0.0.{number}")
                self.assertEqual(self.attempt(*guess, raw=raw), "not-authorized")
            raw = self.from_address(f"127.0.0.{number}")
            self.assertEqual(self.attempt(*guess, raw=raw), "temporary-auth-failure")
        right = ("SCRAM-SHA-256", "ann", "pencil")
        raw = self.from_address("127.0.0.9")
        self.assertEqual(self.attempt(*right, raw=raw), "temporary-auth-failure")
        for _ in range(3):
            self.log_in()


class Plain(Passwords):
    settings = {"sasl.plain": "true", "sasl.mechanisms": "SCRAM-SHA-256"}

    def test_plain_where_it_is_wanted(self):
        raw = self.raw()
        self.assertEqual(offered(raw.features), ["SCRAM-SHA-256", "PLAIN"])
        self.assertNotIn("sasl-channel-binding", raw.features)
        self.assertEqual(plain(raw, "ann", "pencils"), "not-authorized")
        self.assertEqual(plain(raw, "nobody", "pencil"), "not-authorized")
        self.assertIsNone(plain(raw, "ann", "pencil"))
        self.assertEqual(raw.bind("r"), f"{ANN}/r")
        self.assertEqual(self.attempt("SCRAM-SHA-1", "ann", "pencil"), "invalid-mechanism")
        # "y" is honest where no -PLUS is offered.
        self.assertIsNone(self.attempt("SCRAM-SHA-256", "ann", "pencil", flag="y"))


class Off(unittest.TestCase):
    def test_without_the_operators_wish_there_are_none(self):
        server = Operated(EVERYTHING).start()
        self.addCleanup(server.close)
        done = server.gridctl(
            "accounts", "add", "ann", "--password", "-", identity=server.admin, stdin="pencil\n"
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("sasl.passwords", done.stderr)
        with Raw(server.c2s, DOMAIN) as raw:
            raw.starttls()
            raw.send(f"<stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' "
                     "xmlns:stream='http://etherx.jabber.org/streams'>")
            self.assertEqual(raw.stream_error(), "not-authorized")
        with Raw(server.c2s, DOMAIN) as raw:
            raw.starttls(server.admin)
            self.assertEqual(offered(raw.open()), ["EXTERNAL"])
            self.assertEqual(
                authenticate(raw, Scram("SCRAM-SHA-256", "ann", "pencil")), "invalid-mechanism"
            )


class Stock(unittest.IsolatedAsyncioTestCase):
    """slixmpp with a name and a password, as its manual says."""

    async def test_slixmpp_publishes(self):
        server = Operated(EVERYTHING, {"sasl.passwords": "true"}).start()
        self.addCleanup(server.close)
        server.admin_ctl("accounts", "add", "ann", "--password", "-", stdin="pencil\n")
        # slixmpp binds the channel by tls-unique, unasked.
        for mechanism in (None, "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"):
            with self.subTest(mechanism):
                client = slixmpp.ClientXMPP(f"{ANN}/s", "pencil", sasl_mech=mechanism)
                client.ca_certs, client.use_ipv6 = server.admin.ca, False
                client.register_plugin("xep_0060")
                started = asyncio.get_running_loop().create_future()
                client.add_event_handler("session_start", lambda _: started.set_result(None))
                client.default_port = server.c2s[1]
                client.connect(server.c2s)
                await asyncio.wait_for(started, SESSION_END)
                node = f"n{mechanism}"
                await client["xep_0060"].create_node(BROKER, node)
                done = client.disconnected
                client.disconnect(wait=2.0)
                await asyncio.wait_for(done, SESSION_END)


if __name__ == "__main__":
    unittest.main()
