# tests/integration/test_known_revocations.py: who is revoked stays revoked, whatever becomes of the
# list.
"""Lists that cover a part, lists that are away, cut or older, also over a restart."""

import datetime
import http.client
import json
import os
import shutil
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


def write_list(authority, path, revoked=(), *, extension=None, number=None, age=1, life=DAY):
    """A list that is `age` hours old, written beside the place and moved there."""
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
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(serial_of(bundle))
            .revocation_date(now - DAY / 24)
            .build()
        )
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
        # What is complete for clients is enough for them.
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


if __name__ == "__main__":
    unittest.main()
