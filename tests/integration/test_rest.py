# tests/integration/test_rest.py: the REST interface refuses who and what it must.
"""curl over mutual TLS, as a stranger, as a client, as the administrator."""

import json
import subprocess
import unittest

from gridd import DOMAIN, Operated
from policies import EVERYTHING

JSON = ("-H", "Content-Type: application/json")


class Refusals(unittest.TestCase):
    """Design §6: without an acceptable certificate only health and host-meta answer."""

    @classmethod
    def setUpClass(cls):
        cls.server = Operated(EVERYTHING, {"accounts.auto_approve": "true"}).start()
        cls.user = cls.server.authority.client(f"user@{DOMAIN}")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def curl(self, path, *options, identity=None):
        """Status and body of an HTTP exchange; the server's certificate is checked."""
        host, port = self.server.http
        command = ["curl", "-sS", "--max-time", "15", "--cacert", self.server.authority.path]
        command += ["--resolve", f"{DOMAIN}:{port}:{host}", "-w", "\n%{http_code}"]
        if identity is not None:
            command += ["--cert", identity.cert, "--key", identity.key]
        done = subprocess.run(
            command + list(options) + [f"https://{DOMAIN}:{port}{path}"],
            capture_output=True, text=True, timeout=30, check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def assert_error(self, status, got):
        self.assertEqual(got[0], status, got[1])
        problem = json.loads(got[1])
        self.assertEqual(problem["status"], status)
        for member in ("type", "title", "detail", "code"):
            self.assertTrue(problem[member], member)

    def test_health_needs_no_certificate(self):
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.curl(path)[0], 200, path)

    def test_everything_else_needs_one(self):
        for path in ("/api/v1/status", "/api/v1/accounts", "/api/v1/policy", "/metrics", "/other"):
            with self.subTest(path):
                self.assertEqual(self.curl(path)[0], 401)

    def test_a_bad_certificate_is_none(self):
        expired = self.server.authority.expired(f"user@{DOMAIN}")
        self.assertEqual(self.curl("/api/v1/status", identity=expired)[0], 401)

    def test_a_client_is_no_administrator(self):
        for path in ("/api/v1/status", "/api/v1/accounts", "/api/v1/policy"):
            with self.subTest(path):
                self.assert_error(403, self.curl(path, identity=self.user))

    def test_the_administrator_gets_answers(self):
        status, body = self.curl("/api/v1/status", identity=self.server.admin)
        self.assertEqual(status, 200, body)
        self.assertEqual(json.loads(body)["domain"], DOMAIN)

    def test_changes_need_json(self):
        body = json.dumps({"text": EVERYTHING})
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            with self.subTest(kind):
                got = self.curl(
                    "/api/v1/policy", "-X", "PUT", "-H", f"Content-Type: {kind}", "-d", body,
                    identity=self.server.admin,
                )
                self.assert_error(415, got)
        got = self.curl(
            "/api/v1/policy", "-X", "PUT", *JSON, "-H", "If-Match: *", "-d", body,
            identity=self.server.admin,
        )
        self.assertEqual(got[0], 200, got[1])

    def test_changes_from_a_foreign_page_are_refused(self):
        body = json.dumps({"text": EVERYTHING})
        for extra in ("Origin: https://evil.example", "Sec-Fetch-Site: cross-site"):
            with self.subTest(extra):
                got = self.curl(
                    "/api/v1/policy", "-X", "PUT", *JSON, "-H", extra, "-d", body,
                    identity=self.server.admin,
                )
                self.assert_error(403, got)

    def test_a_foreign_host_is_refused(self):
        got = self.curl(
            "/api/v1/status", "-H", "Host: evil.example", identity=self.server.admin
        )
        self.assertIn(got[0], (400, 403, 421), got[1])

    def test_unknown_paths_and_methods(self):
        admin = self.server.admin
        self.assert_error(404, self.curl("/api/v1/nonsense", identity=admin))
        self.assert_error(404, self.curl(f"/api/v1/accounts/nobody@{DOMAIN}", identity=admin))
        self.assert_error(405, self.curl("/api/v1/status", "-X", "DELETE", *JSON, identity=admin))

    def test_bodies_that_are_wrong(self):
        for body in ("", "{", "[]", '{"text": 7}', '{"text": "x", "text2": 1}'):
            with self.subTest(body):
                got = self.curl(
                    "/api/v1/policy", "-X", "PUT", *JSON, "-H", "If-Match: *", "-d", body,
                    identity=self.server.admin,
                )
                self.assert_error(400, got)

    def test_what_is_there_twice(self):
        """A reader takes the first or the last of them: what one has checked another one undoes."""
        put = ("-X", "PUT", *JSON, "-H", "If-Match: *", "-d")
        for path, options, member in (
            ("policy", (*put, '{"text": "# a", "text": "# b"}'), "text"),
            ("policy", (*put, '{"text": "# a", "t\\u0065xt": "# b"}'), "text"),
            ("policy", (*put, '{"text": {"a": [{"b": 1, "b": 1}]}}'), "b"),
            ("policy", (*put, '{"": 1, "": 2}'), ""),
            ("accounts?max=1&max=2", (), "max"),
            ("accounts?max=1&%6dax=1", (), "max"),
            ("events?kinds=state&kinds=audit", (), "kinds"),
        ):
            with self.subTest(path + str(options)):
                got = self.curl("/api/v1/" + path, *options, identity=self.server.admin)
                self.assert_error(400, got)
                self.assertIn(f"'{member}' is there twice", json.loads(got[1])["detail"])
        whole = '{"text": "# {\\"a\\": 1, \\"a\\": 2}"}'
        got = self.curl("/api/v1/policy/test", *put, whole, identity=self.server.admin)
        self.assertNotIn("twice", got[1])

    def test_bodies_in_another_coding(self):
        put = ("/api/v1/policy", "-X", "PUT", *JSON, "-H", "If-Match: *", "--data-binary")
        for body, says in (
            (b'\xef\xbb\xbf{"text": "# x"}', "byte order mark"),
            (b'{"text": "# \xff"}', "not UTF-8"),
        ):
            got = self.curl(*put, body, identity=self.server.admin)
            self.assert_error(400, got)
            self.assertIn(says, got[1])
        for coding, status in (("gzip", 415), ("gzip, identity", 415), ("Identity", 200)):
            with self.subTest(coding):
                got = self.curl(
                    *put, json.dumps({"text": EVERYTHING}), "-H", f"Content-Encoding: {coding}",
                    identity=self.server.admin,
                )
                self.assertEqual(got[0], status, got[1])

    def test_a_body_beyond_the_limit(self):
        path = self.server.folder + "/large"
        with open(path, "w", encoding="ascii") as file:
            file.write('{"text": "' + "#" * (2 * 1024 * 1024) + '"}')
        got = self.curl(
            "/api/v1/policy", "-X", "PUT", *JSON, "-H", "Expect:", "--data-binary", "@" + path,
            identity=self.server.admin,
        )
        self.assertEqual(got[0], 413, got[1][:300])

    def test_lists_are_in_pages(self):
        for number in range(5):
            self.server.admin_ctl("accounts", "add", f"page{number}@{DOMAIN}")
        seen, after = [], ""
        while True:
            status, body = self.curl(
                f"/api/v1/accounts?max=2&after={after}", identity=self.server.admin
            )
            self.assertEqual(status, 200, body)
            page = json.loads(body)
            self.assertLessEqual(len(page["accounts"]), 2)
            seen += [account["jid"] for account in page["accounts"]]
            after = page["next"]
            if after is None:
                break
        self.assertEqual(len(seen), len(set(seen)))
        for number in range(5):
            self.assertIn(f"page{number}@{DOMAIN}", seen)


if __name__ == "__main__":
    unittest.main()
