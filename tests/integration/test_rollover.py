# tests/integration/test_rollover.py: the accounts of a grid go over from one CA to the next.
"""Both CAs are trusted meanwhile; one command moves everybody, or says what it would do."""

import json
import os
import unittest
from dataclasses import replace

from certs import _write
from gridd import ADMIN, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from revoking import RevokingAuthority, set_up

NAMES = tuple(f"sensor{number}" for number in range(60))   # more than one batch has


class RollOver(unittest.TestCase):
    def setUp(self):
        self.server = Operated(EVERYTHING, {"accounts.auto_approve": "true"})
        self.addCleanup(self.server.close)
        self.old, self.new = (
            RevokingAuthority(os.path.join(self.server.folder, name), "Example CA")
            for name in ("old", "new")
        )
        set_up(self.server, self.old)
        path = os.path.join(self.server.folder, "bundle.pem")
        _write(path, self.old.pem() + self.new.pem())
        self.server.settings["tls.client_ca"] = path
        self.server.start()
        self.clients = {name: self.old.client(f"{name}@{DOMAIN}") for name in NAMES}
        for name in NAMES:
            self.assertIn("<success", self.attempt(self.clients[name]))

    def attempt(self, bundle):
        with Raw(self.server.c2s, DOMAIN) as client:
            client.starttls(bundle)
            client.open()
            return client.authenticate()

    def rebind(self, *options):
        done = self.server.gridctl(
            "--json", "accounts", "rebind", *options, identity=self.server.admin
        )
        return done.returncode, json.loads(done.stdout or done.stderr)

    def records(self):
        answer = self.server.admin_json("audit", "--operation", "account-rebind", "--all")
        return {record["target"] for record in answer["records"]}

    def test_one_command_moves_all_and_says_so_before(self):
        pair = ("--from-anchor", self.old.path, "--to-anchor", self.new.path)
        everybody = {f"{name}@{DOMAIN}" for name in NAMES} | {ADMIN}
        code, answer = self.rebind(*pair, "--dry-run")
        self.assertEqual((code, answer["dry_run"]), (0, True))
        self.assertEqual(set(answer["moved"]), everybody)
        self.assertEqual(self.records(), set())
        self.assertIn("<success", self.attempt(self.clients["sensor0"]))

        code, answer = self.rebind(*pair)
        self.assertEqual((code, answer["dry_run"], answer["refused"]), (0, False, []))
        self.assertEqual(set(answer["moved"]), everybody)
        of = {"ca": self.old.path}   # the server's own certificate is of the old one
        for name in (NAMES[0], NAMES[-1]):
            self.assertIn("<not-authorized", self.attempt(self.clients[name]))
            client = replace(self.new.client(f"{name}@{DOMAIN}"), **of)
            self.assertIn("<success", self.attempt(client))
        self.server.admin = replace(self.new.client(ADMIN, file="admin2"), **of)
        self.assertEqual(self.records(), everybody)
        code, answer = self.rebind(*pair)
        self.assertEqual((code, answer["moved"]), (0, []))

    def test_what_is_refused_moves_nobody(self):
        other = RevokingAuthority(os.path.join(self.server.folder, "other"), "other")
        for options, code, said in (
            (("--from-anchor", self.old.path, "--to-anchor", other.path), 1, "tls.client_ca"),
            (("--from-anchor", self.old.path, "--to-anchor", self.old.path), 1, "the same"),
            (("--from-anchor", self.old.path, "--to-anchor", self.clients["sensor1"].cert), 2,
             "no certificate of a CA"),
            (("--from-anchor", "0" * 63, "--to-anchor", self.new.path), 2, "0" * 63),
            (("--to-anchor", self.new.path), 2, "say which accounts"),
            ((f"sensor1@{DOMAIN}", "--to-anchor", self.new.path, "--dry-run"), 2, "--dry-run"),
        ):
            with self.subTest(said):
                found, answer = self.rebind(*options)
                self.assertEqual(found, code, answer)
                self.assertIn(said, answer["error"]["text"])
        self.assertEqual(self.records(), set())


if __name__ == "__main__":
    unittest.main()
