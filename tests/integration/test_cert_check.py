# tests/integration/test_cert_check.py: gridctl cert check says what a login would hear.
"""Each certificate is shown to a real server and to `gridctl cert check`: both give one answer."""

import html
import json
import os
import re
import unittest

from certs import Authority
from gridd import DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from revoking import RevokingAuthority, free_port, serial_of, set_up

DONE, REFUSED, USAGE, NO_CONNECTION = range(4)


def shared(text):
    """The reason without what the clock says."""
    return re.split(r",? ?(?:our|and the) clock", text)[0].strip()


class CertCheck(unittest.TestCase):
    """A CA that revokes, and an account of each state."""

    def serve(self, **settings):
        self.server = Operated(EVERYTHING, {"accounts.auto_approve": "true"})
        self.addCleanup(self.server.close)
        self.authority = RevokingAuthority(os.path.join(self.server.folder, "root"))
        set_up(self.server, self.authority)
        self.server.settings.update({key.replace("__", "."): v for key, v in settings.items()})
        return self.server

    def check(self, bundle, *arguments, json_too=True):
        """(exit code, the report)"""
        command = ["--json"] if json_too else []
        command += ["cert", "check", bundle if isinstance(bundle, str) else bundle.cert]
        for key, value in self.server.settings.items():
            command += ["--set", f"{key}={value}"]
        done = self.server.gridctl(*command, *arguments)
        if done.returncode in (USAGE, NO_CONNECTION):
            return done.returncode, done.stderr
        return done.returncode, json.loads(done.stdout) if json_too else done.stdout

    def login(self, bundle):
        """What the server says to it: "" or the text of the failure."""
        with Raw(self.server.c2s, DOMAIN) as client:
            client.starttls(bundle)
            client.open()
            answer = client.authenticate()
            if "<success" in answer:
                return ""
            return html.unescape(re.search(r"<text\b[^>]*>(.*?)</text>", answer)[1])

    def agree(self, bundle, says=None):
        """Login and check give one answer; says: a part of the refusal, None: it is let in."""
        code, report = self.check(bundle)
        heard = self.login(bundle)
        if says is None:
            self.assertEqual((heard, code), ("", DONE), report)
            self.assertTrue(report["accepted"])
        else:
            self.assertEqual(code, REFUSED, report)
            self.assertIn(says, report["why"])
            self.assertEqual(shared(report["why"]), shared(heard))
            failed = [line for line in report["checks"] if line["state"] == "fail"]
            self.assertTrue(all(line["todo"] for line in failed), failed)
        return report

    def test_good_and_bad_ones(self):
        self.serve().start()
        jid = f"sensor@{DOMAIN}"
        plain = Authority(os.path.join(self.server.folder, "plain"))
        below = RevokingAuthority(
            os.path.join(self.server.folder, "below"), "a CA below", self.authority
        )
        self.agree(self.authority.client(jid))
        chained = below.client(f"chained@{DOMAIN}")
        self.agree(chained)
        with open(chained.cert, encoding="ascii") as file:
            alone = file.read().split("-----END CERTIFICATE-----")[0]
        with open(chained.cert, "w", encoding="ascii") as file:
            file.write(alone + "-----END CERTIFICATE-----\n")
        self.agree(chained, "not among the trusted CAs")
        self.agree(plain.client(jid, trust=self.authority.path), "not among the trusted CAs")
        # As plain's would be, but of the CA that is trusted.
        plain.key, plain.certificate = self.authority.key, self.authority.certificate
        plain.path = self.authority.path
        self.agree(plain.expired(jid), "expired")
        self.agree(plain.not_yet_valid(jid), "not valid until")
        self.agree(plain.server_only(jid), "")
        self.agree(plain.client("a@elsewhere.example"), "elsewhere.example")
        self.agree(plain.client(jid, file="none", addresses=[]), "xmppAddr")

    def test_revocation(self):
        self.serve(tls__crl_policy="closed")
        place = os.path.join(self.server.folder, "one.crl")
        self.server.settings["tls.crl"] = place
        good = self.authority.client(f"good@{DOMAIN}")
        bad = self.authority.client(f"bad@{DOMAIN}")
        self.authority.crl(place, [serial_of(bad)])
        self.server.start()
        self.agree(good)
        self.agree(bad, "revoked by")
        # A list that was read once counts although its file is away.
        os.rename(place, place + ".away")
        kept = set(os.listdir(os.path.join(self.server.data, "crl")))
        self.agree(bad, "revoked by")
        self.assertEqual(set(os.listdir(os.path.join(self.server.data, "crl"))), kept)

    def test_ocsp(self):
        self.serve(tls__ocsp="closed")
        port = free_port()
        place = f"http://127.0.0.1:{port}/ocsp"
        good = self.authority.client(f"good@{DOMAIN}", ocsp=place)
        bad = self.authority.client(f"bad@{DOMAIN}", ocsp=place)
        silent = self.authority.client(
            f"silent@{DOMAIN}", ocsp=f"http://127.0.0.1:{free_port()}/ocsp"
        )
        responder = self.authority.responder(port, [serial_of(bad)])
        self.addCleanup(responder.close)
        self.server.start()
        self.agree(good)
        self.agree(bad, "its OCSP responder says")
        self.agree(silent, "not known")

    def test_the_account_and_a_server_that_is_down(self):
        self.serve().start()
        jid = f"sensor@{DOMAIN}"
        first = self.authority.client(jid)
        with Raw(self.server.c2s, DOMAIN) as client:
            client.login(first)
        for what, says in (("disable", "disabled"), ("enable", None)):
            self.server.admin_ctl("accounts", what, jid)
            self.agree(first, says)
        second = self.authority.client(jid, file="second")
        self.server.admin_ctl("accounts", "pin", jid)
        self.agree(first)
        report = self.agree(second, "pinned to another key")
        self.assertIn("unpin", report["checks"][-1]["todo"])
        self.server.stop()
        code, report = self.check(second)
        self.assertEqual(code, REFUSED)
        self.assertIn("pinned to another key", report["why"])
        self.assertEqual(self.check(first)[0], DONE)
        # No such account yet: not refused, but told.
        code, report = self.check(self.authority.client(f"new@{DOMAIN}"))
        self.assertEqual(code, DONE)
        self.assertEqual(report["checks"][-1]["state"], "warn")
        self.server.start()   # the store is as it was

    def test_the_server_is_asked_with_the_key(self):
        self.serve().start()
        good = self.authority.client(f"good@{DOMAIN}")
        code, report = self.check(good, "--key", good.key, "--ca", self.authority.path)
        self.assertEqual((code, report["checks"][-1]["check"]), (DONE, "server"), report)
        host, port = self.server.http
        there = ("--server", f"{host}:{port}", "--server-name", DOMAIN, "--ca", good.ca)
        done = self.server.gridctl(*there, "--key", good.key, "cert", "check", good.cert)
        self.assertEqual(done.returncode, DONE, done.stderr)
        stranger = Authority(os.path.join(self.server.folder, "stranger"))
        bad = stranger.client(f"bad@{DOMAIN}")
        done = self.server.gridctl(*there, "--key", bad.key, "cert", "check", bad.cert)
        self.assertEqual(done.returncode, REFUSED, done.stdout)
        self.assertRegex(done.stderr, "it would be refused: .*not among the trusted CAs")
        done = self.server.gridctl(*there, "cert", "check", good.cert)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("--key", done.stderr)

    def test_files_that_are_none(self):
        self.serve().start()
        empty = os.path.join(self.server.folder, "empty")
        with open(empty, "w", encoding="ascii"):
            pass
        with open(empty + ".crt", "w", encoding="ascii") as file:
            file.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        for path in (empty, empty + ".crt", empty + ".none", self.server.folder, "/dev/zero",
                     self.authority.key_path):
            code, text = self.check(path)
            self.assertEqual(code, USAGE, (path, text))
            self.assertIn(path, text)
        code, text = self.check(self.authority.path, "--set", "tls.client_ca=" + empty)
        self.assertEqual(code, REFUSED, text)
        code, text = self.check(self.authority.path, "--set", "no.such=1")
        self.assertEqual(code, USAGE)
        self.assertIn("there is no option", text)

    def test_for_people(self):
        self.serve().start()
        code, text = self.check(self.authority.client(f"x@{DOMAIN}"), json_too=False)
        self.assertEqual(code, DONE)
        self.assertTrue(text.endswith("it would be let in\n"), text)


if __name__ == "__main__":
    unittest.main()
