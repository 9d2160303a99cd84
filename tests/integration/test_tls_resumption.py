# tests/integration/test_tls_resumption.py: TLS resumed gives no more than a full handshake.
"""Identity, revocation, expiry, trust anchors and accounts are looked at anew each time."""

import datetime
import os
import signal
import ssl
import time
import unittest

from gridd import DOMAIN, Operated
from policies import EVERYTHING
from raw import SECONDS, STARTTLS, Raw
from revoking import RevokingAuthority, free_port, serial_of, set_up


class Resumer:
    """A client of one certificate, or none, that keeps its newest ticket."""

    def __init__(self, server, bundle=None, newest=None):
        self.server = server
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        if newest:
            self.context.maximum_version = newest
        if bundle:
            self.context.load_cert_chain(bundle.cert, bundle.key)
        self.session = None
        self.last = None

    def secure(self, raw):
        raw.socket.settimeout(SECONDS)
        raw.socket = self.context.wrap_socket(
            raw.socket, server_hostname=DOMAIN, session=self.session
        )
        raw.seen = ""

    def connect(self):
        """Up to the features of the stream under TLS."""
        if self.last:
            self.last.socket.close()
        raw = self.last = Raw(self.server.c2s, DOMAIN)
        raw.open()
        raw.send(STARTTLS)
        raw.expect(r"<proceed\b.*?>")
        self.secure(raw)
        raw.features = raw.open()
        self.session = raw.socket.session   # came before the features
        return raw

    def login(self):
        """Whether TLS was resumed, and the answer to EXTERNAL."""
        raw = self.connect()
        return raw.socket.session_reused, raw.authenticate()

    def close(self):
        if self.last:
            self.last.socket.close()


class Resumption(unittest.TestCase):
    settings = {}

    def setUp(self):
        settings = {"accounts.auto_approve": "true"} | self.settings
        self.server = Operated(EVERYTHING, settings)
        self.addCleanup(self.server.close)
        self.prepare()
        self.server.start().stay()   # each member has tickets of its own

    def prepare(self):
        """Before the start."""

    def client(self, bundle=None, **how):
        one = Resumer(self.server, bundle, **how)
        self.addCleanup(one.close)
        return one

    def ann(self, **how):
        return self.client(self.server.authority.client(f"ann@{DOMAIN}"), **how)

    def check(self, client, is_resumed, answer="<success"):
        resumed, said = client.login()
        self.assertIn(answer, said)
        self.assertEqual(resumed, is_resumed)
        return said


class Tickets(Resumption):
    def test_each_login_gets_a_ticket_that_the_next_one_may_use(self):
        ann = self.ann()
        self.check(ann, False)
        first = ann.session
        self.check(ann, True)
        self.assertNotEqual(first.id, ann.session.id)
        ann.session = first   # a ticket that was used before
        self.check(ann, True)
        jid = ann.last.bind("desk")
        self.assertEqual(jid, f"ann@{DOMAIN}/desk")
        ann.last.send("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        ann.last.expect("<iq type='result' id='p'")

    def test_an_account_sees_no_difference(self):
        ann = self.ann()
        self.check(ann, False)
        before = self.server.admin_json("accounts", "show", f"ann@{DOMAIN}")
        self.check(ann, True)
        ann.last.bind("desk")
        after = self.server.admin_json("accounts", "show", f"ann@{DOMAIN}")
        for what in ("fingerprint", "subject", "issuer", "state"):
            self.assertEqual(before.get(what), after.get(what))

    def test_the_other_port_and_a_new_process_know_no_ticket_of_this_one(self):
        ann = self.ann()
        self.check(ann, False)
        raw = Raw(self.server.http, DOMAIN)
        self.addCleanup(lambda: raw.socket.close())
        ann.secure(raw)
        self.assertFalse(raw.socket.session_reused)
        self.server.kill9()
        self.server.start()
        self.check(ann, False)
        self.check(ann, True)

    def test_a_disabled_account_stays_out(self):
        ann = self.ann()
        self.check(ann, False)
        self.server.admin_ctl("accounts", "disable", f"ann@{DOMAIN}")
        self.check(ann, True, "<account-disabled")
        self.server.admin_ctl("accounts", "enable", f"ann@{DOMAIN}")
        self.check(ann, True)

    def test_a_certificate_that_is_refused_gets_no_ticket(self):
        stranger = RevokingAuthority(os.path.join(self.server.folder, "stranger"), "a stranger")
        eve = self.client(stranger.client(f"ann@{DOMAIN}"))
        for _ in range(2):
            self.check(eve, False, "<not-authorized")

    def test_tls_1_2_makes_full_handshakes(self):
        ann = self.ann(newest=ssl.TLSVersion.TLSv1_2)
        self.check(ann, False)
        self.check(ann, False)

    def test_https_resumes_by_tickets_of_its_own(self):
        admin = self.client(self.server.admin)
        for is_resumed in (False, True):
            raw = Raw(self.server.http, DOMAIN)
            self.addCleanup(raw.socket.close)
            admin.secure(raw)
            raw.send(f"GET /api/v1/status HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n\r\n")
            self.assertIn("HTTP/1.1 200", raw.until_closed())
            self.assertEqual(raw.socket.session_reused, is_resumed)
            admin.session = raw.socket.session


class WithoutCertificate(Resumption):
    settings = {"sasl.passwords": "true"}

    def test_one_without_a_certificate_is_without_one_again(self):
        nobody = self.client()
        for is_resumed in (False, True, True):
            raw = nobody.connect()
            self.assertEqual(raw.socket.session_reused, is_resumed)
            self.assertNotIn("EXTERNAL", raw.features)
            self.assertIn("SCRAM-SHA-256", raw.features)


class SwitchedOff(Resumption):
    settings = {"tls.resumption_seconds_max": "0"}

    def test_there_are_no_tickets(self):
        ann = self.ann()
        self.check(ann, False)
        self.assertFalse(ann.session and ann.session.has_ticket)
        self.check(ann, False)


class KeysAreProved(Resumption):
    settings = {"tls.resumption_seconds_max": "3"}

    def test_new_tickets_do_not_last_longer_than_the_first(self):
        ann = self.ann()
        began = time.monotonic()
        self.check(ann, False)
        resumed = 0
        while True:
            is_resumed, said = ann.login()
            self.assertIn("<success", said)
            if not is_resumed:
                break
            resumed += 1
            self.assertLess(time.monotonic() - began, 15)
            time.sleep(0.2)
        self.assertGreater(resumed, 0)
        self.assertGreater(time.monotonic() - began, 1)


class Revoked(Resumption):
    def prepare(self):
        self.root = RevokingAuthority(os.path.join(self.server.folder, "root"))
        set_up(self.server, self.root)
        lists = os.path.join(self.server.folder, "lists")
        os.makedirs(lists)
        self.server.settings["tls.crl"] = lists
        self.server.settings["reload.on_change"] = "false"   # SIGHUP alone
        self.list = self.root.crl(os.path.join(lists, "one.crl"))

    def test_a_ticket_does_not_outlive_its_certificate(self):
        bundle = self.root.client(f"bad@{DOMAIN}")
        bad = self.client(bundle)
        self.check(bad, False)
        self.check(bad, True)
        mark = self.server.log_mark()
        self.root.crl(self.list, [serial_of(bundle)])
        self.server.wait_log("crl_loaded.*revoked=1", mark, 10)
        said = self.check(bad, True, "<not-authorized")
        self.assertIn("revoked", said)

    def test_nor_a_ca_between(self):
        between = RevokingAuthority(
            os.path.join(self.server.folder, "between"), "a CA between", self.root
        )
        ann = self.client(between.client(f"ann@{DOMAIN}"))
        self.check(ann, False)
        self.check(ann, True)
        mark = self.server.log_mark()
        self.root.crl(self.list, [between.certificate.serial_number])
        self.server.wait_log("crl_loaded.*revoked=1", mark, 10)
        self.check(ann, True, "<not-authorized")

    def test_an_expired_certificate_resumes_nothing(self):
        end = datetime.timedelta(seconds=4)
        short = self.client(self.root.client(f"short@{DOMAIN}", end=end))
        self.check(short, False)
        self.assertLessEqual(short.session.ticket_lifetime_hint, 4)
        deadline = time.monotonic() + 10
        while True:
            _, said = short.login()
            if "expired" in said:
                break
            self.assertIn("<success", said)
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.3)
        self.check(short, False, "expired on")

    def test_a_ca_that_is_trusted_no_more_takes_its_tickets_along(self):
        ann = self.client(self.root.client(f"ann@{DOMAIN}"))
        self.check(ann, False)
        self.check(ann, True)
        other = RevokingAuthority(os.path.join(self.server.folder, "other"), "another CA")
        with open(other.path, "rb") as file:
            text = file.read()
        with open(self.server.settings["tls.client_ca"], "wb") as file:
            file.write(text)
        mark = self.server.log_mark()
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_log("what=reloaded.*certificates", mark, 10)
        self.check(ann, False, "<not-authorized")
        self.check(ann, False, "<not-authorized")
        bob = self.client(other.client(f"bob@{DOMAIN}"))
        self.check(bob, False)
        self.check(bob, True)


class AskedAgain(Resumption):
    def prepare(self):
        self.root = RevokingAuthority(os.path.join(self.server.folder, "root"))
        set_up(self.server, self.root)
        self.server.settings["tls.ocsp"] = "closed"

    def test_the_responder_is_asked_as_at_a_full_handshake(self):
        port = free_port()
        bundle = self.root.client(f"ann@{DOMAIN}", ocsp=f"http://127.0.0.1:{port}/ocsp")
        ann = self.client(bundle)
        first = self.root.responder(port)
        self.check(ann, False)
        self.check(ann, True)
        first.close()
        second = self.root.responder(port, [serial_of(bundle)])
        self.addCleanup(second.close)
        said = self.check(ann, True, "<not-authorized")
        self.assertIn("revoked on 20", said)


if __name__ == "__main__":
    unittest.main()
