# tests/integration/test_revocation.py: certificates that are revoked while they are in use.
"""S40, S84, S86: CRL files of a CA and of one below it, HTTP too, fail-open and fail-closed."""

import os
import time
import unittest

from certs import DAY
from gridd import DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from revoking import RevokingAuthority, serial_of, set_up

DENIED = "<not-authorized"
SECOND = DAY / 86400


class Revocation(unittest.TestCase):
    """The lists are in a directory that the server watches."""

    def serve(self, **settings):
        self.server = Operated(EVERYTHING, {"accounts.auto_approve": "true"})
        self.addCleanup(self.server.close)
        self.root = RevokingAuthority(os.path.join(self.server.folder, "root"))
        set_up(self.server, self.root)
        self.lists = os.path.join(self.server.folder, "lists")
        os.makedirs(self.lists)
        self.server.settings["tls.crl"] = self.lists
        self.server.settings.update({key.replace("__", "."): v for key, v in settings.items()})
        return self.server

    def list_of(self, authority, revoked=(), name="one.crl", **how):
        return authority.crl(os.path.join(self.lists, name), [serial_of(r) for r in revoked], **how)

    def attempt(self, bundle):
        """The answer to EXTERNAL."""
        with Raw(self.server.c2s, DOMAIN) as client:
            client.starttls(bundle)
            client.open()
            return client.authenticate()

    def open(self, bundle, resource="raw"):
        client = Raw(self.server.c2s, DOMAIN)
        self.addCleanup(client.socket.close)
        return client.login(bundle, resource)

    def test_s84_a_crl_that_comes_while_connected_ends_the_stream_and_keeps_out(self):
        server = self.serve()
        self.list_of(self.root)
        server.start()
        bad, good = self.root.client(f"bad@{DOMAIN}"), self.root.client(f"good@{DOMAIN}")
        streams = [self.open(bad, "a"), self.open(bad, "b")]
        other = self.open(good)
        began = time.monotonic()
        self.list_of(self.root, [bad])
        for stream in streams:
            self.assertEqual(stream.stream_error(20), "reset")
        self.assertLess(time.monotonic() - began, 5)
        answer = self.attempt(bad)
        self.assertIn(DENIED, answer)
        self.assertIn("revoked", answer)
        other.send("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        other.expect("<iq[^>]*id='p'")
        # The list says nothing of it any more: it may come in again.
        mark = server.log_mark()
        self.list_of(self.root)
        server.wait_log("crl_loaded.*revoked=0", mark)
        deadline = time.monotonic() + 30
        while "<success" not in self.attempt(bad):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)

    def test_s86_der_and_pem_and_the_certificate_of_the_crl_at_start(self):
        server = self.serve()
        bad = self.root.client(f"bad@{DOMAIN}")
        self.list_of(self.root, [bad], der=True)
        server.start()
        self.assertIn(DENIED, self.attempt(bad))
        line = server.wait_log("what=certificate_refused.*revoked")
        self.assertIn("serial" if "serial=" in line else "subject=", line)

    def test_s84_a_ca_below_the_root_has_a_list_of_its_own_and_can_be_revoked_itself(self):
        server = self.serve()
        branch = RevokingAuthority(os.path.join(server.folder, "branch"), "branch", self.root)
        bad, good = branch.client(f"bad@{DOMAIN}"), branch.client(f"good@{DOMAIN}")
        # The branch is not in client_ca: its list can be verified only when a client shows it.
        self.list_of(self.root, name="root.crl")
        self.list_of(branch, [bad], name="branch.crl")
        server.start()
        self.assertIn(DENIED, self.attempt(bad))
        stream = self.open(good)
        self.root.crl(
            os.path.join(self.lists, "root.crl"), [branch.certificate.serial_number]
        )
        self.assertEqual(stream.stream_error(20), "reset")
        answer = self.attempt(good)
        self.assertIn(DENIED, answer)
        self.assertIn("CA certificate", answer)

    def test_s86_closed_without_a_current_list_nobody_new_gets_in(self):
        server = self.serve(tls__crl_policy="closed")
        server.start()
        client = self.root.client(f"alice@{DOMAIN}")
        answer = self.attempt(client)
        self.assertIn("<temporary-auth-failure", answer)
        self.assertIn("no revocation list", answer)
        self.list_of(self.root, next_update=10 * SECOND)
        deadline = time.monotonic() + 10
        while "<success" not in self.attempt(client):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        while "<success" in (answer := self.attempt(client)):
            self.assertLess(time.monotonic(), deadline + 30)
            time.sleep(0.1)
        self.assertIn("<temporary-auth-failure", answer)
        self.assertIn("ended on", answer)

    def test_s86_open_lets_in_without_a_list_and_with_an_old_one_but_not_who_it_names(self):
        server = self.serve()
        server.start()
        client, bad = self.root.client(f"alice@{DOMAIN}"), self.root.client(f"bad@{DOMAIN}")
        self.assertIn("<success", self.attempt(client))
        mark = server.log_mark()
        self.list_of(self.root, [bad], this_update=-2 * DAY, next_update=-DAY)
        server.wait_log("crl_unusable.*nextUpdate", mark)
        self.assertIn("<success", self.attempt(client))
        self.assertIn(DENIED, self.attempt(bad))

    def test_s84_lists_that_nobody_here_signed_or_that_are_broken_change_nothing(self):
        server = self.serve()
        bad = self.root.client(f"bad@{DOMAIN}")
        path = self.list_of(self.root, [bad])
        server.start()
        self.assertIn(DENIED, self.attempt(bad))
        mark = server.log_mark()
        with open(path, "r+b") as file:
            file.truncate(100)
        server.wait_log("crl_unusable", mark)
        self.assertIn(DENIED, self.attempt(bad), "what was in force stays")
        # Another CA of the same name revokes nobody of ours.
        alice = self.root.client(f"alice@{DOMAIN}")
        twin = RevokingAuthority(os.path.join(server.folder, "twin"))
        mark = server.log_mark()
        self.list_of(twin, [alice], name="twin.crl")
        server.wait_log("crl_unusable.*no CA", mark)
        self.assertIn("<success", self.attempt(alice))

    def test_s86_an_older_list_takes_no_revocation_back(self):
        server = self.serve()
        bad = self.root.client(f"bad@{DOMAIN}")
        self.list_of(self.root, [bad])
        server.start()
        self.assertIn(DENIED, self.attempt(bad))
        mark = server.log_mark()
        self.list_of(self.root, this_update=-2 * DAY)
        server.wait_log("crl_unusable.*older", mark)
        self.assertIn(DENIED, self.attempt(bad))
        self.list_of(self.root, this_update=-SECOND)   # the CA took it back itself
        server.wait_log("crl_loaded.*revoked=0", mark)
        self.assertIn("<success", self.attempt(bad))

    def test_s84_http_too(self):
        server = self.serve()
        self.list_of(self.root)
        server.start()
        other = self.root.client(f"root@{DOMAIN}")
        server.admin_ctl("accounts", "list")
        self.list_of(self.root, [server.admin])
        server.wait_log("crl_loaded.*revoked=1")
        done = server.gridctl("accounts", "list", identity=server.admin)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("revoked", done.stdout + done.stderr)
        self.assertIn("<success", self.attempt(other))

    def test_s84_an_expired_certificate_ends_its_stream_within_a_second(self):
        server = self.serve()
        server.start()
        begin = time.time()
        short = self.root.client(f"short@{DOMAIN}", end=3 * SECOND)
        stream = self.open(short)
        self.assertEqual(stream.stream_error(20), "reset")
        # Dates in certificates are whole seconds.
        self.assertLess(time.time() - begin, 4.5)
        self.assertGreater(time.time() - begin, 1.9)


if __name__ == "__main__":
    unittest.main()
