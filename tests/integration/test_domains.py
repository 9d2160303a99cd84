# tests/integration/test_domains.py: a domain in every spelling that an operator may configure.
"""The stream, the certificates and HTTP compare the prepared form, whatever was typed."""

import http.client
import os
import ssl
import subprocess
import unittest

from certs import Bundle
from gridd import DOMAIN, Evaluation, Operated, binary, skip_in_a_cluster
from policies import EVERYTHING
from raw import Raw, header


class Domains(unittest.TestCase):
    def serve(self, configured):
        self.server = Evaluation({"domain": configured}).start()
        self.addCleanup(self.server.close)
        folder = os.path.join(self.server.folder, "ann")
        self.server.ctl("pki", "client", "ann", "--out", folder)
        files = (os.path.join(folder, name) for name in ("ann.crt", "ann.key", "ca.crt"))
        self.ann = Bundle("ann", *files)

    def jid_at(self, spelling):
        with Raw(self.server.c2s, spelling) as stream:
            return self.bound(stream)

    def bound(self, stream):
        stream.starttls(self.ann)
        stream.open()
        self.assertIn("<success", stream.authenticate())
        return stream.bind()

    def http_status(self, host):
        context = ssl.create_default_context(cafile=self.ann.ca)
        context.check_hostname = False
        pki = os.path.join(self.server.data, "pki")
        context.load_cert_chain(os.path.join(pki, "admin.crt"), os.path.join(pki, "admin.key"))
        connection = http.client.HTTPSConnection(*self.server.http, timeout=20, context=context)
        connection.putrequest("GET", "/api/v1/status", skip_host=True)
        connection.putheader(b"Host", host.encode())
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status

    def test_capitals_and_a_trailing_dot(self):
        """found 4"""
        self.serve("Grid.Localhost.")
        for spelling in ("grid.localhost", "Grid.Localhost"):
            self.assertEqual(self.jid_at(spelling), "ann@grid.localhost/raw")
        with Raw(self.server.c2s, "grid.localhost") as stream:
            stream.send(header("GRID.localhost."))
            stream.expect("<stream:features")
        self.server.ctl("status")
        self.server.stop()
        self.server.settings["domain"] = "GRID.localhost"   # the same grid, spelt otherwise
        self.server.start()
        self.assertEqual(self.server.ctl_json("status")["domain"], "grid.localhost")

    def test_an_international_domain(self):
        """found 5, 6"""
        for configured in ("xn--bcher-kva.example", "bücher.example"):
            with self.subTest(configured):
                self.serve(configured)
                for spelling in ("bücher.example", "xn--bcher-kva.example"):
                    self.assertEqual(self.jid_at(spelling), "ann@bücher.example/raw")
                    self.assertEqual(self.http_status(spelling), 200)
                self.assertEqual(self.http_status("controller.xn--bcher-kva.example"), 200)
                self.assertEqual(self.http_status("xn--bcher-kvb.example"), 421)
                self.assertEqual(self.server.ctl_json("status")["domain"], "bücher.example")
                self.assertIn("ann@bücher.example", self.server.ctl("accounts", "list"))
                self.server.stop()

    def ctl(self, *arguments, stdin=None):
        """gridctl as ann, who has the data directory to find the server by."""
        files = ("--cert", self.ann.cert, "--key", self.ann.key, "--ca", self.ann.ca)
        return self.server.ctl(*files, *arguments, stdin=stdin)

    def test_gridctl_on_an_international_domain(self):
        """Addresses have the domain in U-labels, URLs, DNS and certificates in A-labels."""
        self.serve("BÜCHER.example")
        policy = EVERYTHING + "allow client ann to bulk on *\nallow client ann to bulk client ann\n"
        self.server.ctl("policy", "set", "-", stdin=policy)
        self.ctl("publish", "t", "--create", stdin='{"a": 1.0}')
        (item,) = self.ctl("--json", "bulk", "get", "t").splitlines()
        self.assertTrue(item.endswith('"payload":{"a":1.0}}'), item)
        folder = os.path.join(self.server.folder, "in")
        os.mkdir(folder)
        sent = self.ctl("bulk", "send", self.ann.cert, "ann")
        self.assertTrue(sent.startswith("https://xn--bcher-kva.example:"), sent)
        self.ctl("bulk", "receive", "-o", folder, "--count", "1")
        self.assertEqual(os.listdir(folder), ["ann.crt"])
        readme = os.path.join(os.path.dirname(self.ann.cert), "README.txt")
        with open(readme, encoding="utf-8") as file:
            readme = file.read()
        self.assertIn("-verify_hostname xn--bcher-kva.example ", readme)
        self.assertIn("ann@bücher.example", readme)
        server = f"bücher.example:{self.server.http[1]}"
        done = self.server.gridctl("--server", server, "status")
        self.assertEqual(done.returncode, 3)
        self.assertIn("xn--bcher-kva.example:", done.stderr)

    def test_the_data_of_another_domain_are_another_grids(self):
        server = Operated(EVERYTHING)
        self.addCleanup(server.close)
        skip_in_a_cluster("the data of one server are looked at")
        server.start()   # with its administrator
        server.stop()
        other = server.authority.server("other.localhost")
        settings = {
            **server.settings, "domain": "other.localhost", "tls.certificate": other.cert,
            "tls.key": other.key,
        }
        command = [binary("gridd"), "--data", server.data]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        for more in ([], ["--check"]):
            done = subprocess.run(
                command + more, capture_output=True, text=True, timeout=120, check=False,
                stdin=subprocess.DEVNULL,
            )
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(
                done.stderr, f"domain: the data in .* is of the domain {DOMAIN}, and the "
                "configuration is of other.localhost"
            )
        server.authority.server(DOMAIN)   # takes the place of the other one's files
        server.start()


if __name__ == "__main__":
    unittest.main()
