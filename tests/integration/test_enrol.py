# tests/integration/test_enrol.py: gridctl enrol makes all files of a client, wherever the CA is.
"""The files are judged by openssl, and by a login."""

import json
import os
import shutil
import stat
import subprocess
import tempfile
import unittest

from certs import Authority, Bundle
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID
from gridd import DOMAIN, Evaluation, binary
from stock import Client

DONE, REFUSED, USAGE = range(3)


def gridctl(*arguments, stdin=None):
    return subprocess.run(
        [binary("gridctl"), *arguments], capture_output=True, text=True, timeout=60, check=False,
        input=stdin, cwd="/",
    )


class Elsewhere(unittest.TestCase):
    """The CA is not in the data directory: a request goes out, a certificate comes back."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="gridd-enrol-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.out = os.path.join(self.folder, "out")
        self.authority = Authority(os.path.join(self.folder, "ca"))

    def enrol(self, *arguments, stdin=None):
        return gridctl(
            "--data", os.path.join(self.folder, "data"), "enrol", "sensor@grid.example", "--out",
            self.out, *arguments, stdin=stdin,
        )

    def read(self, name):
        with open(os.path.join(self.out, name), "rb") as file:
            return file.read()

    def sign(self, name="signed.crt", key=None, jid=None):
        """As a CA that keeps what the request asks for."""
        request = x509.load_pem_x509_csr(self.read("sensor.csr"))
        self.assertTrue(request.is_signature_valid)
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        usage = request.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        self.assertEqual(list(usage), [ExtendedKeyUsageOID.CLIENT_AUTH])
        [address] = list(names)
        self.assertEqual(address.type_id.dotted_string, "1.3.6.1.5.5.7.8.5")
        self.assertEqual(address.value[2:].decode(), "sensor@grid.example")
        given = self.authority.client(jid or "sensor@grid.example", file="given")
        with open(given.cert, "rb") as file:
            template = x509.load_pem_x509_certificate(file.read())
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(self.authority.certificate.subject)
            .public_key(key or request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(template.not_valid_before)
            .not_valid_after(template.not_valid_after)
            .add_extension(usage, critical=False)
            .add_extension(
                template.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
                if jid else names, critical=False,
            )
        )
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            certificate = builder.sign(self.authority.key, hashes.SHA256())
            file.write(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def test_two_steps(self):
        first = self.enrol()
        self.assertEqual(first.returncode, DONE, first.stderr)
        self.assertIn("--certificate SIGNED.crt", first.stdout)
        self.assertEqual(set(os.listdir(self.out)), {"sensor.key", "sensor.csr"})
        mode = os.stat(os.path.join(self.out, "sensor.key")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        key = self.read("sensor.key")
        again = self.enrol()
        self.assertEqual(again.returncode, REFUSED, again.stdout)
        self.assertIn("is there already", again.stderr)
        self.assertEqual(self.read("sensor.key"), key)
        password = os.path.join(self.folder, "password")
        with open(password, "w", encoding="utf-8") as file:
            file.write("to import\n")
        second = self.enrol(
            "--certificate", self.sign(), "--ca", self.authority.path, "--pkcs12", "--password",
            "@" + password,
        )
        self.assertEqual(second.returncode, DONE, second.stderr)
        self.assertEqual(
            set(os.listdir(self.out)),
            {"sensor.key", "sensor.csr", "sensor.crt", "ca.crt", "README.txt", "sensor.p12"},
        )
        self.assertEqual(self.read("sensor.key"), key)
        mode = os.stat(os.path.join(self.out, "sensor.p12")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        bundle = pkcs12.load_pkcs12(self.read("sensor.p12"), b"to import")
        self.assertEqual(bundle.cert.friendly_name, b"sensor@grid.example")
        self.assertEqual(len(bundle.additional_certs), 1)
        self.assertEqual(
            bundle.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ), key,
        )
        with self.assertRaises(ValueError):
            pkcs12.load_pkcs12(self.read("sensor.p12"), b"another")

    def test_what_comes_back_is_checked(self):
        self.assertEqual(self.enrol().returncode, DONE)
        other = Authority(os.path.join(self.folder, "other"), "another CA")
        ca = ("--ca", self.authority.path)
        for arguments, says in (
            (("--certificate", self.sign("key", other.key.public_key()), *ca), "for another key"),
            (("--certificate", self.sign("name", jid="desk@grid.example"), *ca), "desk@grid.exam"),
            (("--certificate", self.sign(), "--ca", other.path), "not issued by the given CA"),
            (("--certificate", "/there/is/none", *ca), "no file"),
            (("--certificate", self.sign()), "no file"),
        ):
            done = self.enrol(*arguments)
            self.assertIn(done.returncode, (REFUSED, USAGE), arguments)
            self.assertIn(says, done.stderr)
            self.assertEqual(set(os.listdir(self.out)), {"sensor.key", "sensor.csr"}, arguments)

    def test_refusals(self):
        for name, says in (("@grid.example", "no account address"), ("a b@c", "no account"),
                           ("sensor", "give the full address")):
            done = gridctl("--data", self.folder, "enrol", name, "--out", self.out)
            self.assertEqual(done.returncode, USAGE, name)
            self.assertIn(says, done.stderr)
        self.assertFalse(os.path.exists(self.out))
        done = self.enrol("--pkcs12", "--password", "secret")
        # The first step makes no such file: the password is not read.
        self.assertEqual(done.returncode, DONE, done.stderr)
        done = self.enrol(
            "--certificate", self.sign(), "--ca", self.authority.path, "--pkcs12", "--password",
            "secret",
        )
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("arguments are no secret", done.stderr)
        self.assertEqual(set(os.listdir(self.out)), {"sensor.key", "sensor.csr"})


class Here(unittest.IsolatedAsyncioTestCase):
    """An evaluation: the CA is in the data directory, and one step is enough."""

    async def test_one_step_and_a_login(self):
        server = Evaluation().start()
        self.addCleanup(server.close)
        out = os.path.join(server.folder, "out")
        told = json.loads(
            server.ctl("--json", "enrol", "sensor", "--out", out, "--pkcs12", "--password", "-",
                       stdin="pass\n")
        )
        self.assertEqual(told["jid"], f"sensor@{DOMAIN}")
        self.assertEqual(told["state"], "enrolled")
        path = {os.path.basename(file): file for file in told["files"]}
        self.assertEqual(
            set(path), {"sensor.crt", "sensor.key", "ca.crt", "README.txt", "sensor.p12"}
        )
        client = Client(
            Bundle(told["jid"], path["sensor.crt"], path["sensor.key"], path["ca.crt"])
        )
        await client.login(server.c2s)
        await client.leave()
        done = server.gridctl("enrol", "sensor", "--out", out)
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn("--force", done.stderr)
        self.assertEqual(server.gridctl("enrol", "sensor", "--out", out, "--force").returncode, 0)

    def test_pki_client_makes_the_file_for_browsers_too(self):
        server = Evaluation().start()
        self.addCleanup(server.close)
        out = os.path.join(server.folder, "out")
        asked = ("pki", "client", "desk", "--out", out, "--pkcs12", "--password")
        done = server.gridctl(*asked, "secret")
        self.assertEqual((done.returncode, os.path.exists(out)), (USAGE, False), done.stderr)
        self.assertIn("desk.p12", server.ctl(*asked, "-", stdin="pass\n"))
        path = os.path.join(out, "desk.p12")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, "rb") as file:
            made = pkcs12.load_pkcs12(file.read(), b"pass")
        with open(os.path.join(out, "desk.crt"), "rb") as file:
            self.assertEqual(made.cert.certificate, x509.load_pem_x509_certificate(file.read()))
        os.remove(os.path.join(out, "desk.crt"))
        done = server.gridctl(*asked, "-", stdin="pass\n")
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn("desk.p12 is there already: --force", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(out, "desk.crt")))


if __name__ == "__main__":
    unittest.main()
