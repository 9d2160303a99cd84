# tests/integration/test_ocsp.py: OCSP with `openssl ocsp` as the responder, and stapling.
"""S84, S86: clients are asked about, answers cached; our own certificate's answer is stapled."""

import os
import socket
import subprocess
import threading
import time
import unittest

from gridd import DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from revoking import Counter, RevokingAuthority, free_port, serial_of, set_up


class Ocsp(unittest.TestCase):
    """The responder signs with the CA's own key."""

    def serve(self, ocsp, own_ocsp=None, **settings):
        self.server = Operated(EVERYTHING, {"accounts.auto_approve": "true"})
        self.addCleanup(self.server.close)
        self.authority = RevokingAuthority(os.path.join(self.server.folder, "root"))
        set_up(self.server, self.authority, own_ocsp)
        self.server.settings["tls.ocsp"] = ocsp
        self.server.settings.update({key.replace("__", "."): v for key, v in settings.items()})
        self.server.start()
        return self.server

    def responder(self, port, revoked=(), **how):
        one = self.authority.responder(port, [serial_of(r) for r in revoked], **how)
        self.addCleanup(one.close)
        return one

    def client(self, name, port=None):
        place = f"http://127.0.0.1:{port}/ocsp" if port else None
        return self.authority.client(f"{name}@{DOMAIN}", ocsp=place)

    def attempt(self, bundle):
        with Raw(self.server.c2s, DOMAIN) as client:
            client.starttls(bundle)
            client.open()
            return client.authenticate()

    def test_s84_good_and_revoked_by_the_responder_that_the_certificate_names(self):
        self.serve("closed")
        port = free_port()
        good, bad = self.client("good", port), self.client("bad", port)
        self.responder(port, [bad])
        self.assertIn("<success", self.attempt(good))
        answer = self.attempt(bad)
        self.assertIn("<not-authorized", answer)
        self.assertIn("revoked on 20", answer)
        self.server.wait_log("what=certificate_refused.*OCSP")

    def test_s86_without_an_answer_closed_refuses_and_open_lets_in(self):
        port = free_port()   # without a listener
        for ocsp, expected in (("closed", "<temporary-auth-failure"), ("open", "<success")):
            with self.subTest(ocsp):
                self.serve(ocsp)
                answer = self.attempt(self.client("alice", port))
                self.assertIn(expected, answer)
                self.server.wait_log("what=ocsp_failed")
                # A certificate that names no responder, and none is configured.
                self.assertIn(expected, self.attempt(self.client("bob")))
                self.server.stop()

    def test_s86_a_responder_that_is_silent_holds_up_nobody_else(self):
        silent = socket.socket()
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        self.serve("closed", tls__ocsp_timeout_ms="1500", reactor__threads="1")
        port = free_port()
        alice, bob = self.client("alice", silent.getsockname()[1]), self.client("bob", port)
        self.responder(port)
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(self.attempt(alice)))
        began = time.monotonic()
        waiting.start()
        self.assertIn("<success", self.attempt(bob))
        self.assertLess(time.monotonic() - began, 1.4)
        waiting.join()
        self.assertGreater(time.monotonic() - began, 1.4)
        self.assertIn("did not answer within 1500 ms", answers[0])

    def test_s84_answers_are_cached_until_their_next_update(self):
        self.serve("closed")
        # Without a nextUpdate there is always newer information.
        for minutes, expected in ((5, 1), (None, 4)):
            with self.subTest(minutes):
                port = free_port()
                counter = Counter(port)
                self.addCleanup(counter.close)
                alice = self.client(f"alice{minutes}", counter.port)
                self.responder(port, minutes=minutes)
                for _ in range(4):
                    self.assertIn("<success", self.attempt(alice))
                self.assertEqual(counter.count, expected)

    def test_s84_a_revocation_that_a_login_finds_ends_the_other_streams(self):
        self.serve("closed")
        port = free_port()
        alice = self.client("alice", port)
        first = self.responder(port)
        stream = Raw(self.server.c2s, DOMAIN)
        self.addCleanup(stream.socket.close)
        stream.login(alice)
        first.close()
        self.responder(port, [alice])
        self.assertIn("<not-authorized", self.attempt(alice))
        self.assertEqual(stream.stream_error(5), "reset")

    def test_s84_a_stream_ends_when_its_certificate_is_found_revoked_later(self):
        self.serve("closed", tls__ocsp_cache_seconds_max="2")
        port, other = free_port(), free_port()
        alice, bob = self.client("alice", port), self.client("bob", other)
        good, silent = self.responder(port, minutes=5), self.responder(other, minutes=5)
        streams = []
        for bundle in (alice, bob):
            stream = Raw(self.server.c2s, DOMAIN)
            self.addCleanup(stream.socket.close)
            streams.append(stream.login(bundle))
        good.close()
        silent.close()   # and stays so: who was let in is not put out for that
        self.responder(port, [alice], minutes=5)
        self.assertEqual(streams[0].stream_error(15), "reset")
        self.server.wait_log("what=ocsp_failed")
        streams[1].send(
            f"<iq type='get' id='p' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>"
        )
        streams[1].expect("<iq[^>]*id='p'")

    def test_s86_a_configured_responder_a_foreign_signature_and_garbage(self):
        port = free_port()
        self.serve("closed", tls__ocsp_responder=f"http://127.0.0.1:{port}")
        alice = self.client("alice")
        mine = self.responder(port)
        self.assertIn("<success", self.attempt(alice))
        mine.close()
        twin = RevokingAuthority(os.path.join(self.server.folder, "twin"))
        bob = self.client("bob")
        twin.issued = self.authority.issued
        forged = self.authority.responder(
            port, extra=("-rsigner", twin.path, "-rkey", twin.key_path)
        )
        self.addCleanup(forged.close)
        answer = self.attempt(bob)
        self.assertIn("<temporary-auth-failure", answer)
        self.assertIn("signature", answer)

    def test_our_own_answer_is_stapled_on_every_port(self):
        port = free_port()
        place = f"http://127.0.0.1:{port}"
        self.server = Operated(EVERYTHING)
        self.addCleanup(self.server.close)
        self.authority = RevokingAuthority(os.path.join(self.server.folder, "root"))
        set_up(self.server, self.authority, place)
        self.responder(port, minutes=5)
        self.server.start()
        self.server.wait_log("what=stapled.*good")
        for address, how in (
            (self.server.c2s, ("-starttls", "xmpp", "-xmpphost", DOMAIN)),
            (self.server.c2s_tls, ()),
            (self.server.http, ()),
        ):
            done = subprocess.run(
                ["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", "-status",
                 "-CAfile", self.authority.path, "-servername", DOMAIN, *how],
                input="", capture_output=True, text=True, timeout=20, check=False,
            )
            self.assertIn("OCSP Response Status: successful", done.stdout)
            self.assertIn("Cert Status: good", done.stdout)


if __name__ == "__main__":
    unittest.main()
