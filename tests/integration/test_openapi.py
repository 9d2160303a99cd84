# tests/integration/test_openapi.py: the REST interface is what its description says.
"""The description is held against the routes of the program, and schemathesis asks a server
whatever the description allows, and some things that it does not."""

import os
import re
import shutil
import subprocess
import unittest

from gridd import DOMAIN, ROOT, Operated
from policies import EVERYTHING

REST = os.path.join(ROOT, "controller", "rest")
SCHEMATHESIS = os.path.join(ROOT, "build-rest", "bin", "schemathesis")
SECONDS = 30
# Paths that would take the server or its administrator away, and one whose answer has no end.
LEFT_OUT = ("/shutdown", "/administrators", "/events")


class Description(unittest.TestCase):
    def test_its_operations_are_the_routes(self):
        done = subprocess.run([os.path.join(REST, "make-openapi"), "--check"], capture_output=True,
                              text=True, timeout=30, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stdout), done.stderr)


class Served(unittest.TestCase):
    def setUp(self):
        self.server = Operated(EVERYTHING, {"sasl.passwords": "true"})
        self.addCleanup(self.server.close)
        self.server.start()
        self.port = self.server.http[1]

    def curl(self, *arguments, identity=None):
        identity = identity or self.server.admin
        return subprocess.run(
            ["curl", "-sS", "--max-time", "15", "--cacert", self.server.authority.path,
             "--cert", identity.cert, "--key", identity.key,
             "--resolve", f"{DOMAIN}:{self.port}:{self.server.http[0]}", *arguments],
            capture_output=True, text=True, timeout=30, check=True).stdout

    def test_administrators_get_it(self):
        url = f"https://{DOMAIN}:{self.port}/api/v1/openapi.json"
        with open(os.path.join(REST, "openapi.json"), encoding="utf-8") as file:
            self.assertEqual(file.read(), self.curl(url))
        sensor = self.server.authority.client(f"sensor@{DOMAIN}")
        self.assertIn('"code":', self.curl(url, identity=sensor))

    @unittest.skipUnless(os.path.exists(SCHEMATHESIS), "tests/rest/install has not been run")
    def test_answers_are_those_described(self):
        both = os.path.join(self.server.folder, "admin.pem")
        with open(both, "wb") as out:
            for part in (self.server.admin.cert, self.server.admin.key):
                with open(part, "rb") as file:
                    shutil.copyfileobj(file, out)
        command = [SCHEMATHESIS, "--no-color", "run", os.path.join(REST, "openapi.json"),
                   "--url", f"https://127.0.0.1:{self.port}/api/v1", "--tls-verify", "false",
                   "--request-cert", both, "--phases", "coverage,fuzzing", "--max-examples", "5",
                   "--max-time", str(SECONDS), "--continue-on-failure", "--generation-database",
                   "none", "--checks", "not_a_server_error,status_code_conformance,"
                   "content_type_conformance,response_schema_conformance"]
        for path in LEFT_OUT:
            command += ["--exclude-path", path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 120,
                              cwd=self.server.folder, check=False)
        self.assertEqual(0, done.returncode, done.stdout[-6000:])
        asked = re.search(r"(\d+) generated", done.stdout)
        self.assertGreater(int(asked.group(1)), 1_000, done.stdout[-2000:])
        self.assertRegex(done.stdout, r"Tested: (4[5-9]|[5-9]\d)")


if __name__ == "__main__":
    unittest.main()
