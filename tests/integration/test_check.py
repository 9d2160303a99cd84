# tests/integration/test_check.py: gridd --check refuses what a start refuses, with its place.
"""A table: what stands in the configuration, which option is to blame, what is said of it."""

import concurrent.futures
import datetime
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest

from certs import DAY, Authority
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from gridd import Gridd, binary
from revoking import RevokingAuthority

DOMAIN = "grid.example"
FREE_LEAST = 402653184
ENVIRONMENT = {name: text for name, text in os.environ.items() if not name.startswith("GRIDD_")}


def toml(value):
    return json.dumps(value, ensure_ascii=False)


def run(arguments, environment=None, user=None):
    command = ["setpriv", "--reuid", str(user), "--regid", "0", "--clear-groups"] if user else []
    return subprocess.run(
        command + [binary("gridd"), *arguments],
        capture_output=True, text=True, timeout=120, check=False,
        env={**ENVIRONMENT, **(environment or {})}, stdin=subprocess.DEVNULL,
    )


class Issuer(Authority):
    """Server certificates as a real CA would not make them."""

    def expired_authority(self, name):
        now = datetime.datetime.utcnow()
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * DAY).not_valid_after(now - DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = os.path.join(self.folder, "late.crt")
        with open(path, "wb") as out:
            out.write(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def special(self, file, names, usages=None, purpose=ExtendedKeyUsageOID.SERVER_AUTH, end=30):
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, file)]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=10))
            .not_valid_after(now + datetime.timedelta(days=end))
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
            )
        )
        if usages:
            builder = builder.add_extension(usages, critical=True)
        base = os.path.join(self.folder, file)
        with open(base + ".crt", "wb") as out:
            out.write(
                builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
            )
        with open(os.open(base + ".key", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
            out.write(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
        return {"tls.certificate": base + ".crt", "tls.key": base + ".key"}

    def many_names(self, count):
        """CAs whose names together are longer than a handshake carries."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        path = os.path.join(self.folder, "many.crt")
        with open(path, "wb") as out:
            for number in range(count):
                name = x509.Name(
                    [x509.NameAttribute(NameOID.COMMON_NAME, f"CA {number}")]
                    + [
                        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{part:064d}")
                        for part in range(10)
                    ]
                )
                out.write(
                    x509.CertificateBuilder()
                    .subject_name(name).issuer_name(name).public_key(key.public_key())
                    .serial_number(number + 1)
                    .not_valid_before(now - datetime.timedelta(days=1))
                    .not_valid_after(now + datetime.timedelta(days=30))
                    .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                    .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
                )
        return path


def timeless(text):
    """A second may pass between two answers."""
    return re.sub(r"our clock says \S+", "our clock says", text)


class Check(unittest.TestCase):
    """Each row is tried with --check and, where that refuses, with a start."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="gridd-check-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.issuer = Issuer(os.path.join(cls.folder, "pki"))
        cls.server = cls.issuer.server(DOMAIN)
        cls.client = cls.issuer.client("ann@" + DOMAIN)
        cls.numbers = iter(range(10_000))

    def path(self, name, text=""):
        path = os.path.join(self.folder, f"{next(self.numbers)}-{name}")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def base(self):
        return {
            "domain": DOMAIN,
            "listen.c2s": "127.0.0.1:0",
            "listen.c2s_tls": "127.0.0.1:0",
            "listen.http": "127.0.0.1:0",
            "listen.socks5": "127.0.0.1:0",
            "tls.certificate": self.server.cert,
            "tls.key": self.server.key,
            "tls.client_ca": self.issuer.path,
            "storage.free_bytes_min": FREE_LEAST,
        }

    def data(self):
        return os.path.join(self.folder, f"data-{next(self.numbers)}")

    def write(self, settings):
        """The file, and the line of each key."""
        lines = [f"{key} = {toml(value)}" for key, value in settings.items()]
        place = {key: number for number, key in enumerate(settings, 1)}
        return self.path("gridd.toml", "\n".join(lines) + "\n"), place

    def judge(self, row):
        """One row: (changes, the option to blame or None, what is said)."""
        changes, blamed, says = row
        settings = {**self.base(), **changes}
        settings = {key: value for key, value in settings.items() if value is not None}
        file, place = self.write(settings)
        arguments = ["--config", file, "--data", self.data()]
        checked = run(["--check", *arguments])
        where = rf"{re.escape(file)}:{place[blamed]}:\d+: " if blamed else ""
        wanted = rf"(?m)^gridd: {where}.*(?:{says})"
        if checked.returncode != 1 or not re.search(wanted, checked.stderr):
            return f"{changes}: --check: {checked.returncode} {checked.stderr} ≠ {wanted}"
        started = run(arguments)
        if (started.returncode, timeless(started.stderr)) != (1, timeless(checked.stderr)):
            return f"{changes}: a start: {started.returncode} {started.stderr} ≠ {checked.stderr}"
        return None

    def judge_all(self, rows):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            wrong = [complaint for complaint in pool.map(self.judge, rows) if complaint]
        self.assertEqual([], wrong, "\n\n".join(wrong))

    # --- refused ----------------------------------------------------------------------------

    def test_names(self):
        """found 4, 5, 6, M5, M25"""
        admins, aliases = "accounts.administrators", "controller.aliases"
        self.judge_all([
            ({"domain": "my_grid.example"}, "domain", "underscore; 'my-grid.example'"),
            ({"domain": "My_Grid.Example."}, "domain", "underscore; 'my-grid.example'"),
            ({"domain": "1.2.3.4"}, "domain", "an IP address names no grid"),
            ({"domain": "[2001:db8::1]"}, "domain", "an IP address names no grid"),
            ({"domain": "2001:db8::1"}, "domain", "an IP address names no grid"),
            ({"domain": "grid example"}, "domain", "no host name"),
            ({"domain": "-grid.example"}, "domain", "no host name"),
            ({"domain": "grid..example"}, "domain", "no host name"),
            ({"domain": ""}, "domain", "no host name"),
            ({"domain": "ann@grid.example"}, "domain", "no host name"),
            ({"domain": "xn--a.example"}, "domain", "no host name"),
            ({"domain": ".".join(["a" * 60] * 4)}, "domain", "too long"),
            ({admins: ["bob@elsewhere.example"]}, admins, "could never log in.*grid.example"),
            ({admins: ["bob"]}, admins, "no bare address"),
            ({admins: ["bob@grid.example/desk"]}, admins, "no bare address"),
            ({aliases: ["Grid.Example."]}, aliases, "address of the server"),
            ({aliases: ["pubsub.grid.example"]}, aliases, "address of the broker"),
            ({aliases: ["broker.grid.example"]}, aliases, "address of the broker"),
            ({aliases: ["a b"]}, aliases, "no domain name"),
        ])

    def test_web(self):
        origins, folder = "http.allowed_origins", "http.static_dir"
        self.judge_all([
            ({origins: ["app.example"]}, origins, "no origin"),
            ({origins: ["https://app.example/"]}, origins, "no origin"),
            ({origins: ["https://"]}, origins, "no origin"),
            ({origins: ["https://app.example", "*"]}, origins, r"'\*' is no origin"),
            ({folder: "/nowhere/at/all"}, folder, "No such file"),
        ])

    def test_listeners(self):
        """found M5, X1"""
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        port = taken.getsockname()[1]
        c2s, tls, http_ = "listen.c2s", "listen.c2s_tls", "listen.http"
        self.judge_all([
            ({c2s: "localhost:5222"}, c2s, "'localhost' is no IP address"),
            ({http_: "nonsense"}, http_, "has no port"),
            ({c2s: "127.0.0.1:99999"}, c2s, "'99999' is no port from 0 to 65535"),
            ({c2s: "127.0.0.1:"}, c2s, "'' is no port"),
            ({c2s: "::1:5222"}, c2s, "in brackets"),
            ({c2s: "127.0.0.1:15999", tls: "127.0.0.1:15999"}, tls, "the same port, 15999"),
            ({c2s: "0.0.0.0:15999", http_: "127.0.0.1:15999"}, http_, "the same port, 15999"),
            ({c2s: "[::]:15999", http_: "127.0.0.1:15999"}, http_, "the same port, 15999"),
            ({"listen.health": "localhost:1"}, "listen.health", "is no IP address"),
            ({"listen.health": "203.0.113.7:1"}, "listen.health", "Cannot assign requested"),
            ({c2s: "203.0.113.7:5222"}, c2s, "Cannot assign requested address"),
            ({c2s: f"127.0.0.1:{port}"}, c2s, "Address already in use"),
            ({c2s: "", tls: "", http_: ""}, c2s, "all listeners are off"),
        ])

    def test_certificates(self):
        """found 31, 33, 43, M5, X1"""
        crt, key, trust, crl = "tls.certificate", "tls.key", "tls.client_ca", "tls.crl"
        none = {crt: None, key: None}
        special = self.issuer.special
        for_keys = x509.KeyUsage(False, False, True, False, False, False, False, False, False)
        expired = special("expired", [DOMAIN], end=-1)
        client = special("client", [DOMAIN], purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
        folder = os.path.join(self.folder, "pki")
        self.judge_all([
            (special("other", ["other.example"]), crt, "does not name the domain grid.example"),
            (special("wild", ["*.example.org"]), crt, "does not name the domain grid.example"),
            (special("cipher", [DOMAIN], for_keys), crt, "lacks digitalSignature"),
            (expired, crt, "expired"),
            (client, crt, "lacks serverAuth"),
            ({crt: "/etc/hostname"}, crt, "no certificate in it"),
            ({crt: "/no/such"}, crt, "No such file"),
            ({crt: folder}, crt, "directory"),
            ({crt: None}, key, "given together"),
            ({key: None}, crt, "given together"),
            ({key: self.client.key}, key, "does not belong to the certificate"),
            ({key: "/no/such"}, key, "No such file"),
            ({trust: None}, crt, "tls.client_ca is needed"),
            ({trust: "/no/such"}, trust, "No such file"),
            ({trust: self.client.cert}, trust, "is not a CA certificate"),
            ({trust: "/no/such", **none}, trust, "No such file"),
            ({trust: self.client.cert, **none}, trust, "is not a CA certificate"),
            ({trust: "/etc/hostname", **none}, trust, "no certificate in it"),
            ({crl: ["/no/such"]}, crl, "/no/such"),
            ({crl: ["/etc/hostname"]}, crl, "/etc/hostname"),
            ({"tls.ciphers": "NONSENSE"}, "tls.ciphers", "no cipher"),
            ({"tls.ciphers": "NONSENSE", **none, trust: None}, "tls.ciphers", "no cipher"),
            ({"tls.min_version": "1.1"}, "tls.min_version", "1.2 or 1.3"),
            ({"tls.ocsp": "maybe"}, "tls.ocsp", "off, open or closed"),
            ({"tls.ocsp_responder": "https://x"}, "tls.ocsp_responder", "http://"),
            ({"tls.crl_policy": "shut"}, "tls.crl_policy", "open or closed"),
            ({"sasl.mappings": ["phone"]}, "sasl.mappings", "cn, dns or email"),
        ])

    def test_policy_file(self):
        """found M5, M6"""
        bad = self.path("policy", "# mine\nallow group a to frobnicate on x\n")
        policy = "policy.file"
        self.judge_all([
            ({policy: bad}, policy, re.escape(bad) + r":2:\d+: .*frobnicate"),
            ({policy: "/no/such/policy"}, policy, "/no/such/policy: No such file"),
            ({policy: self.folder}, policy, "is a directory"),
        ])

    def test_only_regular_files_are_read(self):
        """A pipe without a writer, or a device without an end, would hang the start."""
        pipe = os.path.join(self.folder, "pipe")
        os.mkfifo(pipe)
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(os.path.join(self.folder, "socket"))
        kinds = [
            (pipe, "is a pipe"),
            ("/dev/zero", "is a device"),
            ("/dev/null", "is a device"),
            (os.path.join(self.folder, "socket"), "is a socket"),
        ]
        keys = ["tls.certificate", "tls.key", "tls.client_ca", "policy.file"]
        self.judge_all(
            [({key: path}, key, says) for key in keys for path, says in kinds]
            + [({"tls.crl": [path]}, "tls.crl", says) for path, says in kinds]
        )
        for path, says in kinds:
            for arguments in (["--config", path], ["--set", f"domain=@{path}"]):
                done = run(["--check", *arguments, "--data", self.data()])
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, says)

    def test_what_would_run_wrongly_is_refused(self):
        responder, export = "tls.ocsp_responder", "audit.export_to"
        topic = "controller.incident_topic"
        noise = os.path.join(self.folder, "noise")
        with open(noise, "wb") as file:
            file.write(b"# mine\nallow \xff\x1b[31m\n")
        urls = ["http://", "http://x:99999/", "http://x:0/", "http://a b/", "http://:80/"]
        ciphers = ["eNULL", "aNULL", "NULL-SHA256"]
        self.judge_all(
            [({key: 0}, key, "at least 1") for key in (
                "limits.http_connections_max", "limits.http_per_address_max",
                "limits.http_strangers_max",
            )]
            + [({"tls.ocsp": "open", "tls.ocsp_questions_max": 0}, "tls.ocsp_questions_max", "1")]
            + [({"tls.ocsp": "open", responder: url}, responder, "HOST") for url in urls]
            + [({"tls.staple_responder": url}, "tls.staple_responder", "HOST") for url in urls]
            + [({"tls.ciphers": text}, "tls.ciphers", "encrypts nothing") for text in ciphers]
            + [({export: f"file:{self.folder}"}, export, "is a directory")]
            + [({export: f"udp:127.0.0.1:{port}"}, export, "1 to 65535") for port in (0, 99999)]
            + [({topic: text}, topic, "name of a topic") for text in (" ", "a\u0007", "a\u0085")]
            + [({"limits.stanza_bytes_max": 2**40}, "limits.stanza_bytes_max", "1073741824")]
            + [({"policy.file": noise}, "policy.file", "noise:2: is no UTF-8")]
        )

    def test_no_byte_of_a_file_commands_the_terminal(self):
        bad = os.path.join(self.folder, "coloured")
        with open(bad, "wb") as file:
            file.write(b"allow group a to \x1b[31mred on x\n")
        done = run(["--check", "--data", self.data(), "--set", f"policy.file={bad}"])
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("\x1b", done.stderr)
        done = run(["--check", "--data", self.data(), "--set", "log.level=\x1b[31m"])
        self.assertNotIn("\x1b", done.stderr)

    def test_what_would_run_wrongly_is_warned_of(self):
        shared = self.issuer.special("shared", [DOMAIN])
        os.chmod(shared["tls.key"], 0o644)
        empty = os.path.join(self.folder, "no-lists")
        os.mkdir(empty)
        approve, ciphers = "accounts.approve", "tls.ciphers"
        rows = [
            (shared, "tls.key", "every user of this machine may read"),
            ({"tls.crl": [empty]}, "tls.crl", "without any list"),
            ({ciphers: "ECDHE+aRSA+AESGCM"}, ciphers, "no client of TLS 1.2"),
            ({ciphers: "ECDHE+AESGCM:eNULL"}, ciphers, "encrypts nothing"),
            ({approve: ["ca=abcd -> sensors"]}, approve, "the rule never fits"),
            ({approve: ["-> sensors"]}, approve, "without any condition"),
            ({"limits.stanza_bytes_max": 2**26}, "limits.stanza_bytes_max", "never reaches"),
            ({"limits.pre_auth_stanza_bytes_max": 20000}, "limits.pre_auth_stanza_bytes_max",
             "is above limits.pre_auth_bytes_max"),
        ]
        for changes, key, says in rows:
            file, place = self.write({**self.base(), **changes})
            done = run(["--check", "--config", file, "--data", self.data()])
            self.assertEqual(done.returncode, 0, (changes, done.stderr))
            wanted = rf"(?m)^gridd: warning: {re.escape(file)}:{place[key]}:\d+: .*{says}"
            self.assertRegex(done.stderr, wanted, changes)

    def test_values(self):
        """found M5, M6, C5"""
        def same(key, value, says):
            return ({key: value}, key, says)

        self.judge_all([
            same("domain", 5, "'domain' must be a text in quotes, not a whole number"),
            same("domain", True, "must be a text in quotes, not true or false"),
            same("listen.c2s", ["a"], "one value|must be a text in quotes, not a list"),
            same("tls.crl", "x", "must be a list of texts, not a text"),
            same("limits.connections_max", 1.5, "must be a whole number, not a number with"),
            same("limits.connections_max", -1, "whole number from 0"),
            same("limits.connections_max", 99999999999, "whole number from 0 to 4294967295"),
            same("limits.connections_max", 0, "at least 1"),
            same("limits.pre_auth_seconds_max", 0, "at least 1"),
            same("limits.pre_auth_connections_max", 0, "at least 1"),
            same("limits.pre_auth_tls_max", 0, "at least 1"),
            same("limits.idle_seconds_max", 0, "at least 1"),
            same("limits.depth_max", 1, "at least 4"),
            same("limits.stanza_bytes_max", 9999, "10000"),
            same("limits.resources_per_account_max", 0, "at least 1"),
            same("sasl.attempts_max", 0, "at least 1"),
            same("reactor.threads", 5000, "at most 1024"),
            same("tls.resumption_seconds_max", 604801, "at most 604800"),
            same("pubsub.page_max", 0, "at least 1"),
            same("pubsub.payload_bytes_max", 2000000, "1048576"),
            same("pubsub.max_items_default", 2000000, r"exceed pubsub.max_items_max \(1000000\)"),
            same("pubsub.max_items_max", 5, r"pubsub.max_items_default \(1000\) must not exceed"),
            same("pubsub.types", ["nothing"], "NODE-PATTERN=NAMESPACE"),
            same("pubsub.default_access_model", "open", "access_open"),
            same("pubsub.default_access_model", "closed", "whitelist, authorize or open"),
            same("pubsub.subscribe_again", "twice", "same or new"),
            same("accounts.approve", ["nonsense"], "nonsense"),
            same("accounts.auto_approve", "perhaps", "true, false or .evaluation"),
            same("accounts.default_groups", ["administrators"], "must not hold administrators"),
            same("accounts.default_groups", [""], "no name of a group"),
            same("audit.export_to", "ftp:x", "audit.export_to|ftp"),
            same("audit.queue_max", 0, "at least 1"),
            same("log.level", "loud", "debug, info, warn or error"),
            same("log.level", "warning", "debug, info, warn or error"),
            same("log.format", "xml", "text or json"),
            same("limits.stanza_byte_max", 20000, "did you mean 'limits.stanza_bytes_max'"),
            same("lisen.c2s", "x", "did you mean 'listen.c2s'"),
        ])

    def test_several_mistakes_are_told_at_once(self):
        file, place = self.write({**self.base(), "log.level": "loud", "tls.ocsp": "maybe"})
        done = run(["--check", "--config", file, "--data", self.data()])
        for key in ("log.level", "tls.ocsp"):
            self.assertRegex(done.stderr, rf"{re.escape(file)}:{place[key]}:\d+: {key}")

    def test_mistakes_of_every_kind_are_told_at_once(self):
        """What cannot be read, what is no value, and what is wrong with the files."""
        policy = self.path("policy", "allow nonsense\nallow group a to publish on x\ndeny\n")
        other = self.issuer.special("other-key", [DOMAIN])
        settings = {**self.base(), "tls.key": other["tls.key"], "policy.file": policy,
                    "limits.idle_seconds_max": "soon", "log.level": "loud", "no.such": 1,
                    "listen.c2s": "203.0.113.7:5222"}
        file, place = self.write(settings)
        data = self.data()
        with open(data, "w", encoding="utf-8"):
            pass   # no directory
        done = run(["--check", "--config", file, "--data", data])
        self.assertEqual(done.returncode, 1)
        for key, words in [
            ("limits.idle_seconds_max", "whole number"), ("log.level", "log.level must be"),
            ("no.such", "there is no option"), ("tls.key", "does not belong"),
            ("policy.file", re.escape(policy) + r":1:\d+: "),
            ("policy.file", re.escape(policy) + r":3:\d+: "),
            ("listen.c2s", "Cannot assign requested address"),
        ]:
            where = rf"{re.escape(file)}:{place[key]}:\d+"
            self.assertRegex(done.stderr, rf"(?m)^gridd: {where}: .*{words}")
        self.assertIn(data, done.stderr)

    def test_authorities_that_expired_are_warned_of(self):
        late = self.issuer.expired_authority("late CA")
        chain = self.path("chain.crt")
        with open(chain, "wb") as out:
            for part in (self.server.cert, late):
                with open(part, "rb") as source:
                    out.write(source.read())
        file, place = self.write({**self.base(), "tls.certificate": chain, "tls.client_ca": late})
        done = run(["--check", "--config", file, "--data", self.data()])
        self.assertEqual(done.returncode, 0, done.stderr)
        for key, words in [("tls.certificate", "late CA.*, which is sent .*expired on 20"),
                           ("tls.client_ca", "late CA.* expired on 20.*no client of it")]:
            self.assertRegex(
                done.stderr, rf"warning: {re.escape(file)}:{place[key]}:\d+: .*{words}"
            )

    def test_lists_that_are_late_or_broken_are_warned_of(self):
        root = RevokingAuthority(os.path.join(self.folder, "revoking"))
        lists = os.path.join(self.folder, "lists")
        os.mkdir(lists)
        root.crl(os.path.join(lists, "late.pem"), this_update=-2 * DAY, next_update=-DAY)
        with open(os.path.join(lists, "bad.pem"), "w", encoding="ascii") as out:
            out.write("no list\n")
        file, place = self.write({**self.base(), "tls.crl": [lists]})
        done = run(["--check", "--config", file, "--data", self.data()])
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("late.pem: the nextUpdate of the list of .* was 20", "bad.pem"):
            self.assertRegex(
                done.stderr, rf"warning: {re.escape(file)}:{place['tls.crl']}:\d+: .*{words}"
            )

    def chain_of(self, *parts):
        path = self.path("chain.crt")
        with open(path, "wb") as out:
            for part in parts:
                with open(part, "rb") as source:
                    out.write(source.read())
        return path

    def test_a_chain_that_clients_cannot_complete_is_warned_of(self):
        root = RevokingAuthority(os.path.join(self.folder, "public"), "public root")
        middle = RevokingAuthority(os.path.join(self.folder, "middle"), "middle CA", root)
        own = middle.server(DOMAIN)
        with open(own.cert, encoding="ascii") as file:
            leaf = file.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        alone = self.path("alone.crt", leaf)
        says = "CN=grid.example was issued by CN=middle CA, whose certificate is not in the file"
        known = f"{says} and is no root: .* append that certificate"
        unknown = f"{says}, and it is no root that is known here: .* append"
        both = self.chain_of(middle.path, root.path)
        whole = self.chain_of(alone, middle.path)
        for certificate, client_ca, words in (
            (alone, both, known),
            (alone, self.issuer.path, unknown),
            (alone, root.path, unknown),
            (whole, root.path, None),
            (whole, self.issuer.path, None),   # clients have its root
            (own.cert, self.issuer.path, None),
        ):
            with self.subTest(certificate=certificate, client_ca=client_ca):
                file, place = self.write({
                    **self.base(), "tls.certificate": certificate, "tls.key": own.key,
                    "tls.client_ca": client_ca,
                })
                done = run(["--check", "--config", file, "--data", self.data()])
                self.assertEqual(done.returncode, 0, done.stderr)
                if words is None:
                    self.assertNotIn("was issued by", done.stderr)
                else:
                    where = rf"warning: {re.escape(file)}:{place['tls.certificate']}:\d+: "
                    self.assertRegex(done.stderr, where + ".*" + words)

    def test_lists_that_keep_all_clients_out_are_warned_of(self):
        """While tls.crl_policy is closed; and what the server logs, at its start and a reload."""
        mine = RevokingAuthority(os.path.join(self.folder, "mine"), "my CA")
        other = RevokingAuthority(os.path.join(self.folder, "other"), "other CA")
        namesake = RevokingAuthority(os.path.join(self.folder, "namesake"), "my CA")
        lists = os.path.join(self.folder, "closed-lists")
        os.mkdir(lists)
        place_of_list = os.path.join(lists, "list.pem")
        settings = {**self.base(), "tls.client_ca": mine.path, "tls.crl": [lists],
                    "tls.crl_policy": "closed", "reload.on_change": False}
        file, place = self.write(settings)
        unsigned = "no CA that is known here signed it"
        refused = "every client whose certificate CN=my CA has issued is refused"
        none = f"closed, and no list of it is in tls.crl: {refused}"
        another = "its signature is not by the key of the CA of that name"
        for made, is_refused, words in (
            (lambda: other.crl(place_of_list), True,
             {"tls.crl": f"other CA: {unsigned}: it revokes nothing until",
              "tls.crl_policy": none}),
            (lambda: namesake.crl(place_of_list), True,
             {"tls.crl": f"my CA: {unsigned}, {another}", "tls.crl_policy": none}),
            (lambda: mine.crl(place_of_list, this_update=-2 * DAY, next_update=-DAY), True,
             {"tls.crl_policy": f"closed, and its list ended on 20.*: {refused}"}),
            (lambda: mine.crl(place_of_list), False, {}),
        ):
            made()
            done = run(["--check", "--config", file, "--data", self.data()])
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(refused in done.stderr, is_refused, done.stderr)
            for key, text in words.items():
                where = rf"(?m)^gridd: warning: {re.escape(file)}:{place[key]}:\d+: .*"
                self.assertRegex(done.stderr, where + text)
        # Open, it lets them in all the same.
        file, _ = self.write({**settings, "tls.crl_policy": "open"})
        other.crl(place_of_list)
        done = run(["--check", "--config", file, "--data", self.data()])
        self.assertNotIn("is refused", done.stderr)
        self.assertIn(unsigned, done.stderr)
        self.starts_and_says(settings, f"what=configuration .*{none}")

    def starts_and_says(self, settings, pattern):
        file, _ = self.write(settings)
        server = Gridd()
        self.addCleanup(server.close)
        os.mkdir(server.data, 0o700)
        server.settings = {}
        server.start(config=file)
        server.wait_log(pattern)
        mark = server.log_mark()
        server.process.send_signal(signal.SIGHUP)
        server.wait_log(pattern, mark)

    def test_places_outside_the_file(self):
        """found M6"""
        file, _ = self.write(self.base())
        arguments = ["--check", "--config", file, "--data", self.data()]
        done = run([*arguments, "--set", "log.level=loud"])
        self.assertRegex(done.stderr, "^gridd: --set log.level: log.level must be")
        done = run(arguments, {"GRIDD_LOG_LEVEL": "loud"})
        self.assertRegex(done.stderr, "^gridd: GRIDD_LOG_LEVEL: log.level must be")
        self.assertEqual(done.returncode, 1)
        done = run(["--check", "--config", "/no/such.toml"])
        self.assertRegex(done.stderr, "^gridd: /no/such.toml: No such file")
        done = run(["--check", "--config", self.folder])
        self.assertRegex(done.stderr, "is a directory")
        done = run(["--check", "--config", self.path("bad.toml", "domain = 'a'\n[listen\n")])
        self.assertRegex(done.stderr, r"bad.toml:2:\d+: ")

    def test_an_unknown_option_of_the_command_line_is_a_mistake_of_usage(self):
        """found C5"""
        done = run(["--bogus"])
        self.assertEqual(done.returncode, 2)
        self.assertIn("--bogus", done.stderr)

    def test_an_option_without_its_value_is_a_mistake_of_usage(self):
        # Most likely a variable of a shell that is not set: the default is another thing.
        for option in ("--config", "--data", "--restore", "--ready-file"):
            for more in ([], ["--check"]):
                done = run([option, "", *more])
                self.assertEqual((done.returncode, option in done.stderr), (2, True), done.stderr)
                self.assertIn("empty", done.stderr)
        done = run(["--check"], {"GRIDD_DATA": ""})
        self.assertEqual(done.returncode, 0, done.stderr)
        for option in ("--data", "--server", "--server-name", "--cert", "--key", "--ca"):
            done = subprocess.run(
                [binary("gridctl"), option, "", "status"],
                capture_output=True, text=True, timeout=60, check=False,
            )
            self.assertEqual((done.returncode, option in done.stderr), (2, True), done.stderr)

    def test_data_directory(self):
        """found 43, M5, X1"""
        os.chmod(self.folder, 0o755)   # for the other user
        file, _ = self.write({**self.base(), "tls.certificate": "", "tls.key": "",
                              "tls.client_ca": ""})
        a_file = self.path("file")
        private = os.path.join(self.folder, "private")
        os.makedirs(os.path.join(private, "theirs"), 0o700)
        os.chmod(private, 0o700)
        ours = os.path.join(self.folder, "ours")
        os.makedirs(os.path.join(ours, "store"), 0o700)
        os.chmod(ours, 0o770)
        rows = [
            (a_file, None, "is no directory"),
            (os.path.join(a_file, "data"), None, "Not a directory"),
        ]
        if os.geteuid() == 0:
            rows += [
                (private, 12345, "belongs to the user 0 .mode 0700., gridd runs as the user 12345"),
                (os.path.join(private, "theirs"), 12345, "Permission denied"),
                (os.path.join(private, "new"), 12345, "Permission denied"),
                (os.path.join(self.folder, "new"), 12345, "cannot make the data directory"),
                (ours, 12345, "store belongs to the user 0 .*chown -R 12345"),
            ]
        for data, user, says in rows:
            arguments = ["--config", file, "--data", data]
            checked = run(["--check", *arguments], user=user)
            self.assertEqual(checked.returncode, 1, (data, checked.stderr))
            self.assertRegex(checked.stderr, says)
            started = run(arguments, user=user)
            self.assertEqual((started.returncode, started.stderr), (1, checked.stderr))

    def test_a_ready_file_that_cannot_be_written(self):
        file, _ = self.write(self.base())
        arguments = ["--config", file, "--data", self.data(), "--ready-file", "/no/such/ready"]
        checked = run(["--check", *arguments])
        self.assertRegex(checked.stderr, "--ready-file /no/such/ready: cannot write into /no/such")
        self.assertEqual((checked.returncode, run(arguments).stderr), (1, checked.stderr))

    def test_room_on_the_volume(self):
        """found 47"""
        file, place = self.write({**self.base(), "storage.free_bytes_min": 2**62})
        arguments = ["--config", file, "--data", self.data()]
        checked = run(["--check", *arguments])
        line = place["storage.free_bytes_min"]
        says = rf":{line}:\d+: .* bytes free, .* at the least {FREE_LEAST}"
        self.assertRegex(checked.stderr, says)
        started = run(arguments)   # the free bytes may differ by then
        self.assertEqual((checked.returncode, started.returncode), (1, 1))
        self.assertRegex(started.stderr, says)

    def test_an_evaluation_of_another_domain(self):
        """found 4"""
        data = self.data()
        made = subprocess.run(
            [binary("gridctl"), "--data", data, "pki", "init", "--domain", "other.example"],
            capture_output=True, text=True, timeout=60, check=False,
        )
        self.assertEqual(made.returncode, 0, made.stderr)
        settings = {key: value for key, value in self.base().items() if not key.startswith("tls")}
        file, place = self.write(settings)
        arguments = ["--config", file, "--data", data]
        checked = run(["--check", *arguments])
        says = rf"(?m)^gridd: {re.escape(file)}:{place['domain']}:\d+: .*not for the domain"
        for done in (checked, run(arguments)):
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, says)

    # --- warned of --------------------------------------------------------------------------

    def test_warnings_and_a_start_that_logs_them(self):
        """found 35, 47, M5, M8, M25"""
        server = Gridd()
        self.addCleanup(server.close)
        os.mkdir(server.data, 0o700)
        with open(os.path.join(server.data, "administrators"), "w", encoding="utf-8") as file:
            file.write("# ours\nbob@elsewhere.example\n")
        settings = {
            **self.base(),
            **self.issuer.special("lone", [DOMAIN]),
            "tls.client_ca": self.issuer.many_names(100),
            "tls.crl_policy": "closed",
            "tls.ocsp_responder": "http://127.0.0.1:1/",
            "sasl.mappings": ["cn@abcd"],
            "limits.outbox_bytes_max": 20000,
            "limits.process_bytes_max": 70000,
            "storage.free_bytes_min": 0,
            "listen.c2s": "",
            "listen.c2s_tls": "",
            "audit.export_to": "file:/no/such/dir/audit.jsonl",
        }
        file, place = self.write(settings)
        says = {
            "tls.certificate": "name pubsub.grid.example, broker.grid.example, controller.grid",
            "tls.client_ca": "are not sent",
            "tls.crl_policy": "tls.crl names no list",
            "tls.ocsp_responder": "not asked while tls.ocsp is off",
            "sasl.mappings": "the rule never fits",
            "limits.outbox_bytes_max": "below limits.stanza_bytes_max",
            "storage.free_bytes_min": f"counts as {FREE_LEAST}",
            "listen.c2s": "no client can log in",
            "audit.export_to": "/no/such/dir",
        }
        checked = run(
            ["--check", "--config", file, "--data", server.data], {"GRIDD_LISTEN_C3S": "x"}
        )
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertRegex(checked.stdout, r"^the configuration is good, with \d+ warnings")
        server.settings = {}
        os.environ["GRIDD_LISTEN_C3S"] = "x"
        self.addCleanup(os.environ.pop, "GRIDD_LISTEN_C3S", None)
        server.start(config=file)
        log = server.log()
        elsewhere = "administrators: line 2: 'bob@elsewhere.example' is no administrator here"
        for text in (checked.stderr, log):
            for key, words in says.items():
                self.assertRegex(text, rf"{re.escape(file)}:{place[key]}:\d+: .*{words}")
            self.assertRegex(text, "GRIDD_LISTEN_C3S .*did you mean GRIDD_LISTEN_C2S")
            self.assertIn(elsewhere, text)
        # As many CAs as no handshake can name: it goes through without their names.
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(self.issuer.path)
            context.minimum_version = context.maximum_version = version
            with socket.create_connection(server.http, 20) as plain:
                with context.wrap_socket(plain, server_hostname=DOMAIN) as tls:
                    tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: grid.example\r\n\r\n")
                    answer = http.client.HTTPResponse(tls)
                    answer.begin()
                    self.assertEqual(answer.status, 200)

    def test_admin_add_of_another_domain(self):
        """found M25"""
        data = self.data()

        def gridctl(*arguments):
            return subprocess.run(
                [binary("gridctl"), "--data", data, *arguments],
                capture_output=True, text=True, timeout=60, check=False,
            )

        self.assertEqual(gridctl("pki", "init", "--domain", DOMAIN).returncode, 0)
        done = gridctl("admin", "add", "bob@elsewhere.example")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("accounts are in the domain grid.example", done.stderr)
        self.assertEqual(gridctl("admin", "add", "Bob@Grid.Example").returncode, 0)
        self.assertIn("bob@grid.example", gridctl("admin", "list").stdout)

    def test_beside_the_running_server(self):
        """What systemctl reload does: the ports are taken, by the server itself."""
        def free_port():
            with socket.create_server(("127.0.0.1", 0)) as taken:
                return taken.getsockname()[1]

        for _ in range(5):   # somebody may take a port meanwhile
            server = Gridd({
                f"listen.{name}": f"127.0.0.1:{free_port()}"
                for name in ("c2s", "c2s_tls", "http", "socks5")
            })
            self.addCleanup(server.close)
            try:
                server.start()
                break
            except AssertionError as error:
                if "Address already in use" not in str(error):
                    raise
        sets = [f"--set={key}={value}" for key, value in server.settings.items()]
        done = run(["--check", "--data", server.data, *sets])
        self.assertEqual(done.returncode, 0, done.stderr)
        other = run(["--check", "--data", self.data(), *sets])
        self.assertEqual(other.returncode, 1)
        self.assertRegex(other.stderr, "Address already in use")

    def test_a_good_one_has_nothing_to_say(self):
        file, _ = self.write(self.base())
        done = run(["--check", "--config", file, "--data", self.data()])
        self.assertEqual(
            (done.returncode, done.stdout, done.stderr), (0, "the configuration is good\n", "")
        )


if __name__ == "__main__":
    unittest.main()
