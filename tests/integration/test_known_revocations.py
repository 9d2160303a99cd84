# tests/integration/test_known_revocations.py: a revoked certificate stays revoked, whatever becomes
# of the list.
"""Lists that cover a part, lists that are away, cut or older, also over a restart."""

import datetime
import http.client
import json
import os
import shutil
import signal
import ssl
import stat
import subprocess
import time
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from certs import DAY, _write
from gridd import DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from revoking import RevokingAuthority, serial_of, set_up

DENIED = "<not-authorized"


def point(**what):
    """An issuingDistributionPoint, critical as RFC 5280 wants it."""
    values = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    values.update(what)
    return x509.IssuingDistributionPoint(**values)


def write_list(
    authority, path, revoked=(), *, extension=None, number=None, age=1, life=DAY, about=None
):
    """A list that is `age` hours old, written beside the place and moved there. `about`: the CA
    whose certificates an indirect list names."""
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.name)
        .last_update(now - age * DAY / 24)
        .next_update(now + life)
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    for bundle in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(serial_of(bundle))
            .revocation_date(now - DAY / 24)
        )
        if about is not None:
            issuer = x509.CertificateIssuer([x509.DirectoryName(about.name)])
            entry = entry.add_extension(issuer, critical=True)
        builder = builder.add_revoked_certificate(entry.build())
    data = builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    hidden = os.path.join(os.path.dirname(path), "." + os.path.basename(path))
    os.replace(_write(hidden, data), path)


class KnownRevocations(unittest.TestCase):
    """One CA, a list of it in a file or a directory."""

    def serve(self, source, **settings):
        self.server = Operated(EVERYTHING, {"accounts.auto_approve": "true"})
        self.addCleanup(self.server.close)
        self.root = RevokingAuthority(os.path.join(self.server.folder, "root"))
        set_up(self.server, self.root)
        self.place = os.path.join(self.server.folder, source)
        self.server.settings["tls.crl"] = self.place
        self.server.settings.update({key.replace("__", "."): v for key, v in settings.items()})
        return self.server

    def attempt(self, bundle):
        with Raw(self.server.c2s, DOMAIN) as client:
            client.starttls(bundle)
            client.open()
            return client.authenticate()

    def ready(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(*self.server.http, timeout=20, context=context)
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        self.assertEqual(answer.status, 200)   # a list that is away takes no grid down
        return body["problems"]

    def problems(self):
        return self.server.admin_json("status")["problems"]

    def wait_problem(self, text):
        """Until `status` says it, or says that there is none."""
        deadline = time.monotonic() + 30
        while True:
            problems = self.problems()
            if (text in " ".join(problems)) if text else not problems:
                return
            self.assertLess(time.monotonic(), deadline, problems)
            time.sleep(0.1)

    def test_the_list_of_a_ca_that_a_reload_brought_counts_before_any_login(self):
        server = self.serve("lists")
        os.mkdir(self.place)
        write_list(self.root, os.path.join(self.place, "first.crl"))
        second = RevokingAuthority(os.path.join(server.folder, "second"), "second CA")
        write_list(second, os.path.join(self.place, "second.crl"), [second.client(f"a@{DOMAIN}")])
        server.start()
        server.wait_log("what=crl_unusable .*second CA: no CA that is known", seconds=30)
        mark = server.log_mark()
        with open(server.settings["tls.client_ca"], "ab") as file:
            file.write(second.pem())
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("what=crl_loaded issuer=.*second CA.* revoked=1", mark, seconds=30)

    def test_found_30_whom_any_list_names_is_revoked(self):
        server = self.serve("lists")
        os.mkdir(self.place)
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\5\0")
        kinds = {
            "plain": None,
            "name": point(full_name=[x509.UniformResourceIdentifier("http://ca.example/1.crl")]),
            "users": point(only_contains_user_certs=True),
            "authorities": point(only_contains_ca_certs=True),
            "attributes": point(only_contains_attribute_certs=True),
            "reasons": point(only_some_reasons=frozenset([x509.ReasonFlags.key_compromise])),
            "indirect": point(indirect_crl=True),
            "delta": x509.DeltaCRLIndicator(1),
            "unknown": unknown,
        }
        clients = {kind: self.root.client(f"{kind}@{DOMAIN}") for kind in kinds}
        for kind, extension in kinds.items():
            path = os.path.join(self.place, kind + ".crl")
            write_list(self.root, path, [clients[kind]], extension=extension)
        server.start()
        for kind, client in clients.items():
            with self.subTest(kind):
                answer = self.attempt(client)
                self.assertIn(DENIED, answer)
                self.assertIn("revoked", answer)
        self.assertIn("<success", self.attempt(self.root.client(f"good@{DOMAIN}")))

    def test_found_30_a_list_of_a_part_makes_nobody_good(self):
        server = self.serve("one.crl", tls__crl_policy="closed")
        reasons = point(only_some_reasons=frozenset([x509.ReasonFlags.key_compromise]))
        good = self.root.client(f"good@{DOMAIN}")
        write_list(self.root, self.place, extension=reasons)
        server.start()
        answer = self.attempt(good)
        self.assertIn("<temporary-auth-failure", answer)
        self.assertIn("for some reasons of revocation only", answer)
        # A list that is complete for clients is enough for them.
        mark = server.log_mark()
        write_list(self.root, self.place, extension=point(only_contains_user_certs=True))
        server.wait_log("crl_loaded", mark, 30)
        self.assertIn("<success", self.attempt(good))

    def test_found_31_a_list_counts_although_its_file_does_not(self):
        server = self.serve("one.crl")
        bad, good = self.root.client(f"bad@{DOMAIN}"), self.root.client(f"good@{DOMAIN}")
        write_list(self.root, self.place, [bad], number=7)
        server.start()
        self.assertIn(DENIED, self.attempt(bad))
        self.assertEqual(self.problems(), [])
        self.assertEqual(self.ready(), [])
        aside = self.place + ".aside"

        def check(what):
            with self.subTest(what):
                self.assertIn(DENIED, self.attempt(bad))
                self.assertIn("<success", self.attempt(good))
                self.assertIn("tls.crl", " ".join(self.ready()))

        os.rename(self.place, aside)
        self.wait_problem("is not there")
        check("away")
        os.mkdir(self.place)
        self.wait_problem("a directory without any list")
        server.wait_log("crl_unusable.*a directory without any list")
        check("an empty directory")
        os.rmdir(self.place)
        for content, what, said in (
            (b"", "emptied", "no certificate revocation list in it"),
            (open(aside, "rb").read()[:200], "cut", "no certificate revocation list in it"),
        ):
            _write(self.place, content)
            self.wait_problem(said)
            check(what)
        twin = RevokingAuthority(os.path.join(server.folder, "twin"))
        write_list(twin, self.place, number=9)
        self.wait_problem("no CA that is known here signed it")
        check("of another key")
        write_list(self.root, self.place, number=6, age=2)
        self.wait_problem("an older list than the one in force")
        check("older")
        shutil.copy(aside, self.place)
        self.wait_problem("")
        self.assertEqual(self.ready(), [])
        self.assertIn(DENIED, self.attempt(bad))

    def test_found_31_and_over_a_restart(self):
        server = self.serve("one.crl")
        bad = self.root.client(f"bad@{DOMAIN}")
        write_list(self.root, self.place, [bad], number=7)
        server.start()
        kept = os.path.join(server.data, "crl")
        self.assertEqual(stat.S_IMODE(os.stat(kept).st_mode), 0o700)
        for file in os.listdir(kept):
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(kept, file)).st_mode), 0o600, file)
        # kill -9: what was taken over is on disk already.
        server.kill9()
        os.unlink(self.place)
        server.start()
        self.assertIn(DENIED, self.attempt(bad))
        self.wait_problem("is not there")
        server.wait_log("crl_unusable.*is not there")
        server.stop()
        write_list(self.root, self.place, number=6, age=2)   # found M7: an older one
        server.start()
        self.assertIn(DENIED, self.attempt(bad))
        self.wait_problem("an older list")
        mark = server.log_mark()
        write_list(self.root, self.place, number=8)
        server.wait_log("crl_loaded.*revoked=0", mark, 30)
        self.assertIn("<success", self.attempt(bad))

    def test_found_31_a_source_of_which_nothing_is_known_stops_the_start(self):
        server = self.serve("missing.crl")
        missing, broken = "is not there", "no certificate revocation list"
        for content, said in ((None, missing), (b"hello\n", broken)):
            if content is not None:
                _write(self.place, content)
            with self.assertRaises(AssertionError) as failed:
                server.start()
            self.assertIn("tls.crl: " + self.place, str(failed.exception))
            self.assertIn(said, str(failed.exception))
            checked = subprocess.run(
                [server.program, "--data", server.data, "--check"]
                + [f"--set={key}={value}" for key, value in server.settings.items()],
                capture_output=True, text=True, timeout=60, check=False,
            )
            self.assertNotEqual(checked.returncode, 0)
            self.assertIn(self.place, checked.stderr + checked.stdout)
        write_list(self.root, self.place)
        server.start()

    # --- lists that do not say which of them is the newer -----------------------------------

    def assert_revoked(self, bundle, what):
        with self.subTest(what):
            self.assertIn(DENIED, self.attempt(bundle))

    def below(self, file):
        """A CA below the root; of one name, whatever its key."""
        return RevokingAuthority(os.path.join(self.server.folder, file), "sub CA", issuer=self.root)

    def replace(self, *arguments, authority=None, **values):
        mark = self.server.log_mark()
        write_list(authority or self.root, *arguments, **values)
        self.server.wait_log("crl_(loaded|unusable)", mark, 30)

    def test_lists_of_which_none_is_clearly_newer_all_revoke(self):
        server = self.serve("lists")
        os.mkdir(self.place)
        first, second = (os.path.join(self.place, name) for name in ("a.crl", "b.crl"))
        one, two, good = (self.root.client(f"{name}@{DOMAIN}") for name in ("one", "two", "good"))
        # A CA that counts anew: the lower number is the younger, and is read first.
        write_list(self.root, first, [one], number=1, age=1)
        write_list(self.root, second, [two], number=7, age=5)
        server.start()
        self.assert_revoked(one, "the younger")
        self.assert_revoked(two, "the higher number")
        server.kill9()
        os.unlink(first)
        os.unlink(second)
        server.start()
        self.assert_revoked(one, "the younger, after a restart without files")
        self.assert_revoked(two, "the higher number, after a restart without files")
        self.assertIn("<success", self.attempt(good))
        self.replace(first, [], number=8, age=0)   # newer than both by both
        server.wait_log("crl_loaded.*number=0*8 .*revoked=0", 0, 30)
        self.assertIn("<success", self.attempt(one))
        self.assertEqual(
            1, sum(name.endswith(".crl") for name in os.listdir(os.path.join(server.data, "crl")))
        )

    def test_a_list_of_the_future_takes_no_others_place(self):
        server = self.serve("one.crl")
        one, two = self.root.client(f"one@{DOMAIN}"), self.root.client(f"two@{DOMAIN}")
        write_list(self.root, self.place, [one], age=-24 * 365, life=DAY * 800)
        server.start()
        self.assert_revoked(one, "by the list of next year")
        self.wait_problem("its thisUpdate is in the future")
        self.replace(self.place, [two])
        self.assert_revoked(two, "by the list of today")
        self.assert_revoked(one, "by both")

    def test_a_delta_of_another_base_says_nothing_of_the_last_one(self):
        server = self.serve("lists")
        os.mkdir(self.place)
        base, delta = (os.path.join(self.place, name) for name in ("base.crl", "delta.crl"))
        bad = self.root.client(f"bad@{DOMAIN}")
        write_list(self.root, base, number=5, age=4)
        write_list(self.root, delta, [bad], number=8, age=3, extension=x509.DeltaCRLIndicator(5))
        server.start()
        self.assert_revoked(bad, "by the delta")
        self.replace(delta, number=10, age=2, extension=x509.DeltaCRLIndicator(9))
        self.assert_revoked(bad, "the base that has it is not here")
        self.replace(base, number=11, age=1)
        self.assertIn("<success", self.attempt(bad))

    def test_an_indirect_list_stays_although_its_signer_has_a_younger_one(self):
        server = self.serve("lists")
        os.mkdir(self.place)
        indirect, whole = (os.path.join(self.place, name) for name in ("i.crl", "w.crl"))
        sub = self.below("sub")
        bad = sub.client(f"bad@{DOMAIN}")
        values = {"extension": point(indirect_crl=True), "about": sub, "number": 3}
        write_list(self.root, indirect, [bad], age=2, life=DAY / 86400, **values)
        write_list(self.root, whole, number=4, age=3)
        server.start()
        server.kill9()
        os.unlink(indirect)
        server.start()
        # The CA that it names is seen only now.
        self.assert_revoked(bad, "after a restart")
        self.replace(whole, number=5, age=0)
        self.assert_revoked(bad, "past its nextUpdate")
        self.replace(whole, number=6, age=-0.001)
        self.assert_revoked(bad, "and again")

    def test_one_ca_with_two_keys_signs_one_list(self):
        server = self.serve("lists")
        os.mkdir(self.place)
        old, new = self.below("old"), self.below("new")
        bad, other = old.client(f"bad@{DOMAIN}"), old.client(f"other@{DOMAIN}")
        good = new.client(f"good@{DOMAIN}")
        path = os.path.join(self.place, "new.crl")
        write_list(new, path, [bad], number=4)
        server.start()
        self.assertIn("<success", self.attempt(good))   # shows the CA with its new key
        self.assert_revoked(bad, "of the old key, by a list of the new one")
        with Raw(server.c2s, DOMAIN) as client:
            client.login(other)
            self.replace(path, [bad, other], authority=new, number=5)
            self.assertIn("your certificate was revoked", client.until_closed(30))

    def rolled_over(self):
        """A CA with a list by its new key alone, which clients of the new key have shown; a client
        of the old key that it names, and another one."""
        server = self.serve("lists")
        os.mkdir(self.place)
        old, new = self.below("old"), self.below("new")
        bad, good = old.client(f"bad@{DOMAIN}"), old.client(f"good@{DOMAIN}")
        write_list(new, os.path.join(self.place, "new.crl"), [bad], number=4)
        server.start()
        self.assertIn("<success", self.attempt(new.client(f"shows@{DOMAIN}")))
        (kept,) = self.authorities()
        self.assertEqual(stat.S_IMODE(os.stat(kept).st_mode), 0o600)
        return bad, good, kept

    def authorities(self):
        folder = os.path.join(self.server.data, "crl")
        return [os.path.join(folder, name) for name in os.listdir(folder) if ".pem" in name]

    def test_a_new_key_is_known_after_a_restart_before_any_client_shows_it(self):
        bad, good, kept = self.rolled_over()
        server = self.server
        server.kill9()
        server.start()
        self.assert_revoked(bad, "with the list's file")
        self.assertIn("<success", self.attempt(good))
        self.assertEqual(self.authorities(), [kept])   # the old key signed no list
        server.kill9()
        os.rename(self.place, self.place + ".away")
        server.start()
        self.assert_revoked(bad, "without it")
        server.stop()
        _write(kept, b"cut")
        server.start()
        self.wait_problem("a CA that was kept cannot be read")

    def test_a_kept_ca_counts_below_an_anchor_only(self):
        _, _, kept = self.rolled_over()
        server = self.server
        server.stop()
        # A CA that no anchor certified, although its name and the list's are the same.
        stray = RevokingAuthority(os.path.join(server.folder, "stray"), "sub CA")
        _write(kept, stray.pem())
        write_list(stray, os.path.join(self.place, "new.crl"), number=9)
        server.start()
        self.wait_problem("no CA that is known here signed it")
        self.assertIn("<success", self.attempt(self.root.client(f"fine@{DOMAIN}")))

    def test_what_no_known_ca_signed_is_kept_until_one_is(self):
        server = self.serve("lists")
        os.mkdir(self.place)
        sub = self.below("sub")
        bad = sub.client(f"bad@{DOMAIN}")
        write_list(sub, os.path.join(self.place, "sub.crl"), [bad], number=4)
        server.start()
        server.kill9()
        os.rename(self.place, self.place + ".away")
        server.start()
        self.assert_revoked(bad, "of a CA that no path had shown")

    def test_a_source_that_was_known_stops_the_start_when_what_was_kept_is_gone(self):
        server = self.serve("one.crl")
        write_list(self.root, self.place, number=7)
        server.start()
        server.kill9()
        os.unlink(self.place)
        folder = os.path.join(server.data, "crl")
        kept = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".crl")]
        for change in (lambda path: _write(path, b"cut"), os.unlink):
            for path in kept:
                change(path)
            with self.assertRaises(AssertionError) as failed:
                server.start()
            self.assertIn("Nothing is known of what it revokes", str(failed.exception))


if __name__ == "__main__":
    unittest.main()
