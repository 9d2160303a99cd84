# tests/integration/test_gridctl.py: gridctl from the keys on disk to a running server's REST.
"""Tables for people, --json and exit codes for scripts: 0 done, 1 refused, 2 usage, 3 no
connection,
4 not found."""

import asyncio
import fcntl
import http.server
import json
import os
import pty
import ssl
import stat
import struct
import subprocess
import termios
import threading
import unittest
import unittest.mock
import xml.etree.ElementTree as ET

import iodef
from gridd import ADMIN, BROKER, CONTROLLER, DOMAIN, Evaluation, Operated, binary
from policies import EVERYTHING, SENSORS_AND_DESKS
from stock import Client

DONE, REFUSED, USAGE, NO_CONNECTION, NOT_FOUND = range(5)
REGISTER = (
    "<grid xmlns='gi' type='request'><AccountQuery xmlns='com.domain.gi.gcl.controller'>"
    "<register><param name='group'>sensors</param></register></AccountQuery></grid>"
)


class Commands(unittest.IsolatedAsyncioTestCase):
    """A real set-up: own CA, nobody approved, one administrator."""

    async def asyncSetUp(self):
        self.server = Operated(SENSORS_AND_DESKS).start()
        self.addCleanup(self.server.close)
        self.sensor = self.server.authority.client(f"sensor@{DOMAIN}")

    async def log_in(self, bundle):
        client = Client(bundle)
        await client.login(self.server.c2s)
        self.addAsyncCleanup(client.leave)
        return client

    def fails(self, code, *arguments, identity=None, says=None):
        done = self.server.gridctl(*arguments, identity=identity or self.server.admin)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertTrue(done.stderr.strip(), "a failure says what is wrong")
        if says:
            self.assertRegex(done.stderr, says)

    def account(self, jid):
        return self.server.admin_json("accounts", "show", jid)

    async def test_a_full_disk_is_no_success(self):
        admin = self.server.admin
        host, port = self.server.http
        asking = [binary("gridctl"), "--server", f"{host}:{port}", "--server-name", DOMAIN,
                  "--ca", admin.ca, "--cert", admin.cert, "--key", admin.key]
        for command in (["policy", "show"], ["--json", "audit"], ["accounts", "list"],
                        ["completion", "bash"], ["--help"]):
            with self.subTest(command), open("/dev/full", "w", encoding="utf-8") as full:
                done = await asyncio.to_thread(
                    subprocess.run, [*asking, *command], stdout=full, stderr=subprocess.PIPE,
                    text=True, timeout=60, check=False,
                )
                self.assertEqual(done.returncode, REFUSED)
                self.assertIn("cannot write to standard output", done.stderr)

    async def test_an_empty_text_is_no_policy(self):
        before = self.server.admin_ctl("policy", "show")
        for text in ("", "\n", " \t\n\n"):
            done = self.server.gridctl(
                "policy", "set", "-", identity=self.server.admin, stdin=text
            )
            self.assertEqual(done.returncode, REFUSED, done)
            self.assertIn("write a comment in it", done.stderr)
        self.assertEqual(self.server.admin_ctl("policy", "show"), before)
        self.server.admin_ctl("policy", "set", "-", stdin="# allows nothing\n")

    async def test_s38_s82_the_life_of_an_account(self):
        control = self.server.admin_ctl
        client = await self.log_in(self.sensor)
        await client.send_iq(CONTROLLER, "set", REGISTER)
        account = self.account(self.sensor.jid)
        self.assertEqual(account["state"], "pending")
        self.assertEqual(account["wished_groups"], ["sensors"])
        self.assertIn("sensor", account["certificate"]["subject"])
        self.assertEqual(len(account["certificate"]["fingerprint"]), 64)
        table = control("accounts", "list", "--state", "pending")
        self.assertRegex(table.splitlines()[0], "^ACCOUNT +STATE +GROUPS")
        self.assertRegex(table, f"{self.sensor.jid} +pending")
        self.assertNotIn(ADMIN, table)

        approved = control("accounts", "approve", self.sensor.jid, "--group", "sensors")
        self.assertIn("enabled", approved)
        self.assertEqual(self.account(self.sensor.jid)["groups"], ["sensors"])
        self.assertIn("disabled", control("accounts", "disable", self.sensor.jid))
        self.assertEqual(self.account(self.sensor.jid)["state"], "disabled")
        self.assertIn("enabled", control("accounts", "enable", self.sensor.jid))
        control("accounts", "groups", self.sensor.jid, "desks", "sensors")
        self.assertEqual(set(self.account(self.sensor.jid)["groups"]), {"desks", "sensors"})
        control("accounts", "delete", self.sensor.jid)
        self.fails(NOT_FOUND, "accounts", "show", self.sensor.jid)

    async def test_s39_group_change_ends_the_sessions_of_the_account(self):
        # S39: the change takes effect at the next login.
        client = await self.log_in(self.sensor)
        await client.send_iq(CONTROLLER, "set", REGISTER)
        self.server.admin_ctl("accounts", "approve", self.sensor.jid, "--group", "sensors")
        client = await self.log_in(self.sensor)
        ended = client.disconnected
        self.server.admin_ctl("accounts", "groups", self.sensor.jid, "desks")
        await asyncio.wait_for(ended, 5)
        self.assertIn("reset", client.stream_errors)

    async def test_s38_declined_accounts_stay_out(self):
        client = await self.log_in(self.sensor)
        await client.send_iq(CONTROLLER, "set", REGISTER)
        self.server.admin_ctl("accounts", "decline", self.sensor.jid)
        self.assertEqual(self.account(self.sensor.jid)["state"], "disabled")

    async def test_policy(self):
        control = self.server.admin_ctl
        self.assertEqual(control("policy", "show"), SENSORS_AND_DESKS)
        path = os.path.join(self.server.folder, "new-policy")
        with open(path, "w", encoding="utf-8") as file:
            file.write("allow group x to publish on a/*\nallow gruop y to publish on b\n")
        done = self.server.gridctl("policy", "check", path, identity=self.server.admin)
        self.assertEqual(done.returncode, REFUSED)
        self.assertRegex(done.stdout, f"(?m)^{path}:2:[0-9]+: ")
        self.fails(REFUSED, "policy", "set", path, says=f"{path}:2:")
        self.assertEqual(control("policy", "show"), SENSORS_AND_DESKS)
        with open(path, "w", encoding="utf-8") as file:
            file.write(EVERYTHING)
        self.assertIn("would be", control("policy", "set", "--dry-run", path))
        self.assertEqual(control("policy", "show"), SENSORS_AND_DESKS)
        before = self.server.admin_json("policy", "show")["version"]
        control("policy", "set", path, "--expect-version", str(before))
        self.assertEqual(control("policy", "show"), EVERYTHING)
        self.fails(REFUSED, "policy", "set", path, "--expect-version", str(before))
        control("policy", "set", "-", stdin=SENSORS_AND_DESKS)
        self.assertEqual(control("policy", "show"), SENSORS_AND_DESKS)

    async def test_s74_policy_test_names_the_rule_that_decides(self):
        question = ("policy", "test", "--client", f"new@{DOMAIN}", "--group", "sensors")
        yes = self.server.admin_json(
            *question, "--topic", "incidents/ssh", "--operation", "publish"
        )
        self.assertTrue(yes["allowed"])
        self.assertEqual(yes["line"], 1)
        self.assertIn("group sensors", yes["rule"])
        for topic, operation in (("incidents/ssh", "subscribe"), ("other", "publish")):
            done = self.server.gridctl(
                "--json", *question, "--topic", topic, "--operation", operation,
                identity=self.server.admin,
            )
            self.assertEqual(done.returncode, REFUSED)
            self.assertFalse(json.loads(done.stdout)["allowed"])

    async def test_s73_s82_topics_sessions_and_status(self):
        self.server.ctl("policy", "set", "-", identity=self.server.admin, stdin=EVERYTHING)
        client = await self.log_in(self.sensor)
        await client.send_iq(CONTROLLER, "set", REGISTER)
        self.server.admin_ctl("accounts", "approve", self.sensor.jid)
        client = await self.log_in(self.sensor)
        await client["xep_0060"].create_node(BROKER, "incidents/ssh")
        payload = ET.fromstring(iodef.incident())
        await client["xep_0060"].publish(BROKER, "incidents/ssh", id="1", payload=payload)
        topic = self.server.admin_json("topics", "show", "incidents/ssh")
        self.assertEqual(topic["items"], 1)
        self.assertEqual(topic["type"], iodef.NAMESPACE)
        listed = self.server.admin_json("topics", "list")["topics"]
        self.assertEqual([entry["name"] for entry in listed], ["incidents/ssh"])
        topics = self.server.admin_ctl("topics", "list")
        self.assertRegex(topics, "incidents/ssh +" + iodef.NAMESPACE)
        self.fails(NOT_FOUND, "topics", "show", "missing")

        counts = []
        for _ in self.server.each():
            sessions = self.server.admin_json("sessions", "list")["sessions"]
            mine = [entry for entry in sessions if entry["jid"] == client.boundjid.full]
            self.assertEqual(len(mine), 1)
            self.assertRegex(mine[0]["address"], r"^127\.0\.0\.1")
            counts.append(mine[0]["stanzas_in"])
        self.assertGreater(max(counts), 0)   # other members do not count them
        self.assertRegex(self.server.admin_ctl("sessions", "list"), client.boundjid.full)
        status = self.server.admin_json("status")
        self.assertEqual(status["domain"], DOMAIN)
        self.assertIs(status["evaluation"], False)
        self.assertTrue(self.server.admin_ctl("status").strip())

    def at_a_terminal(self, columns, *arguments):
        """What gridctl writes to a terminal that is so wide."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        host, port = self.server.http
        admin = self.server.admin
        command = [binary("gridctl"), "--server", f"{host}:{port}", "--ca", admin.ca,
                   "--server-name", DOMAIN, "--cert", admin.cert, "--key", admin.key, *arguments]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs) as running:
            os.close(theirs)
            text = b""
            while True:
                try:
                    got = os.read(ours, 65536)
                except OSError:   # the other end is closed
                    break
                text += got
        os.close(ours)
        self.assertEqual(running.returncode, DONE)
        return text.decode().replace("\r\n", "\n")

    async def test_a_table_is_as_wide_as_the_terminal(self):
        names = [f"alerts-{'ö' * 150}-{number}" for number in range(3)] + ["short"]
        admin = await self.log_in(self.server.admin)
        for name in names:
            await admin["xep_0060"].create_node(BROKER, name)
        for columns in (80, 120):
            lines = self.at_a_terminal(columns, "topics", "list").splitlines()
            self.assertEqual(len(lines), 5, lines)
            self.assertLessEqual(max(map(len, lines)), columns, lines)
            for number, line in enumerate(lines[1:4]):
                self.assertRegex(line, f"^alerts-ö+…ö+-{number} ")
            self.assertRegex(lines[4], "^short ")
            heads = self.server.admin_ctl("topics", "list").splitlines()[0].split()
            self.assertEqual(lines[0].split(), heads)
        for whole in (
            self.at_a_terminal(500, "topics", "list"),
            self.server.admin_ctl("topics", "list"),   # a pipe
            self.at_a_terminal(80, "--json", "topics", "list"),
        ):
            self.assertIn(names[0], whole)
            self.assertNotIn("…", whole)
        # One thing with all that there is of it.
        self.assertIn(names[0], self.at_a_terminal(80, "topics", "show", names[0]))

    async def test_what_is_refused_is_on_record(self):
        client = await self.log_in(self.sensor)
        await client.send_iq(CONTROLLER, "set", REGISTER)
        self.server.admin_ctl("accounts", "approve", self.sensor.jid, "--group", "sensors")
        client = await self.log_in(self.sensor)
        with self.assertRaises(Exception):
            await client["xep_0060"].create_node(BROKER, "elsewhere")
        for _ in range(50):
            found = self.server.admin_json("audit", "--account", self.sensor.jid)["records"]
            denied = [r for r in found if r["decision"] == "deny" and r["topic"] == "elsewhere"]
            if denied:
                break
            await asyncio.sleep(0.1)
        self.assertTrue(denied, found)
        self.assertEqual(denied[0]["operation"], "create")
        self.assertIn("default", denied[0]["rule"])

    async def test_exit_codes(self):
        self.fails(USAGE, "no-such-command")
        self.fails(USAGE, "accounts", "list", "--state", "nonsense")
        self.fails(NOT_FOUND, "accounts", "approve", f"nobody@{DOMAIN}")
        client = await self.log_in(self.sensor)
        await client.send_iq(CONTROLLER, "set", REGISTER)
        self.server.admin_ctl("accounts", "approve", self.sensor.jid)
        self.fails(REFUSED, "status", identity=self.sensor, says="administrator|forbidden|403")
        done = subprocess.run(
            [binary("gridctl"), "--server", "127.0.0.1:1", "--ca", self.server.admin.ca]
            + ["--cert", self.server.admin.cert, "--key", self.server.admin.key, "status"],
            capture_output=True, text=True, timeout=20, check=False,
        )
        self.assertEqual(done.returncode, NO_CONNECTION)

    def on_the_command_line(self, *arguments, environment=None, **how):
        return subprocess.run(
            [binary("gridctl"), *arguments], capture_output=True, text=True, timeout=60,
            check=False, env={**os.environ, **(environment or {})}, **how,
        )

    async def test_what_is_no_server(self):
        for server, says in (
            (f"{DOMAIN}:73979", "'73979' is no port"), (f"{DOMAIN}:0", "is no port"),
            (f"{DOMAIN}:", "is no port"), (f"{DOMAIN}:80a", "is no port"),
            ("::1", r"in brackets, as \[::1\]"), (f"https://{DOMAIN}", "no URL"),
            ("[::1", "is not .ADDRESS.:PORT"), ("[::1]8443", "is not .ADDRESS.:PORT"),
            (":8443", "names no host"),
        ):
            for environment in ({}, {"GRIDCTL_SERVER": server}):
                with self.subTest(server, environment=environment):
                    place = [] if environment else ["--server", server]
                    done = self.on_the_command_line(*place, "status", environment=environment)
                    self.assertEqual(done.returncode, USAGE, done.stderr)
                    self.assertRegex(done.stderr, says)

    async def test_the_command_line_wins_over_the_environment(self):
        other = Evaluation()
        self.addCleanup(other.close)
        other.start()
        there = {
            "GRIDCTL_SERVER": "127.0.0.1:1", "GRIDCTL_CA": self.server.admin.ca,
            "GRIDCTL_CERT": self.server.admin.cert, "GRIDCTL_KEY": self.server.admin.key,
        }
        status = ("--json", "--data", other.data, "status")
        done = self.on_the_command_line(*status, environment=there)
        self.assertEqual(done.returncode, DONE, done.stderr)
        done = self.on_the_command_line(*status, "--server", "127.0.0.1:1", environment=there)
        self.assertEqual(done.returncode, NO_CONNECTION, done.stderr)
        missing = ("doctor", "--config", "/nonexistent", "--set", "no.such=1")
        done = self.on_the_command_line(*missing, environment=there)
        self.assertEqual(done.returncode, REFUSED, done.stdout)
        self.assertIn("/nonexistent", done.stdout)
        done = self.on_the_command_line(*missing, "--server", DOMAIN)
        self.assertEqual(done.returncode, USAGE, done.stdout)
        self.assertIn("give one of them", done.stderr)

    async def test_health_of_another_server(self):
        host, port = self.server.http
        done = self.on_the_command_line("--server", f"{host}:{port}", "health")
        self.assertEqual((done.returncode, done.stdout), (DONE, "ok\n"), done.stderr)
        done = self.on_the_command_line(
            "--data", self.server.data, "--server", "127.0.0.1:1", "health"
        )
        self.assertEqual(done.returncode, NO_CONNECTION)

    async def test_check_connect_as_a_client(self):
        client = await self.log_in(self.sensor)
        await client.send_iq(CONTROLLER, "set", REGISTER)
        self.server.admin_ctl("accounts", "approve", self.sensor.jid)
        files = ("--cert", self.sensor.cert, "--key", self.sensor.key, "--ca", self.sensor.ca)
        done = self.server.gridctl(*files, "check", "connect")
        self.assertEqual(done.returncode, DONE, done.stdout + done.stderr)
        self.assertIn("ok    the certificate is taken; it is no administrator's", done.stdout)
        self.assertIn(f" as {self.sensor.jid}/", done.stdout)
        self.assertNotIn("FAIL", done.stdout)

    async def test_texts_that_are_not_utf_8(self):
        path = os.path.join(self.server.folder, "latin1")
        with open(path, "wb") as file:
            file.write(b"# gr\xfc\xdfe\n")
        for command in (("policy", "set"), ("policy", "check"), ("schemas", "put")):
            self.fails(USAGE, *command, path, says="latin1 is not UTF-8, byte 5")
        self.fails(
            USAGE, "accounts", "add", f"new@{DOMAIN}", "--password", "@" + path,
            says="the password is not UTF-8, byte 5",
        )
        self.fails(USAGE, "groups", "create", "new", "--description", b"gr\xfc", says="not UTF-8")

    async def test_what_may_not_be_read_is_not_absent(self):
        if os.geteuid() != 0:
            self.skipTest("another user than the server's is needed")
        command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        done = subprocess.run(
            [*command, binary("gridctl"), "--data", self.server.data, "status"],
            capture_output=True, text=True, timeout=20, check=False,
        )
        self.assertEqual(done.returncode, NO_CONNECTION)
        self.assertIn("permission denied: run gridctl as root or as gridd's user", done.stderr)

    async def test_a_server_of_another_ca_is_not_trusted(self):
        # RFC 8600 §8.3.1: the client verifies the server.
        other = Operated(SENSORS_AND_DESKS)
        self.addCleanup(other.close)
        done = self.server.gridctl("--ca", other.authority.path, "status")
        self.assertEqual(done.returncode, USAGE)
        host, port = self.server.http
        done = subprocess.run(
            [binary("gridctl"), "--server", f"{host}:{port}", "--ca", other.authority.path]
            + ["--server-name", DOMAIN]
            + ["--cert", self.server.admin.cert, "--key", self.server.admin.key, "status"],
            capture_output=True, text=True, timeout=20, check=False,
        )
        self.assertEqual(done.returncode, NO_CONNECTION, done.stdout + done.stderr)


class Keys(unittest.TestCase):
    """`pki`: files only, private keys for their owner alone."""

    def setUp(self):
        self.server = Evaluation()
        self.addCleanup(self.server.close)

    def test_evaluation_from_the_first_start_to_a_client(self):
        self.server.start()
        self.assertIs(self.server.ctl_json("status")["evaluation"], True)
        self.assertRegex(self.server.log(), "(?i)evaluation")
        bundle = self.server.client("probe")
        self.assertEqual(stat.S_IMODE(os.stat(bundle.key).st_mode), 0o600)
        folder = os.path.dirname(bundle.cert)
        with open(os.path.join(folder, "README.txt"), encoding="utf-8") as file:
            text = file.read()
        # Both examples in it are complete: pasted as they stand, they work.
        command = text[text.index("  (printf") :].split("\n\n")[0]
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        self.assertIn("Verification: OK", done.stdout + done.stderr)
        self.assertIn("<stream:features", done.stdout)
        script = text[text.index("import asyncio") :]
        done = subprocess.run(
            ["/usr/bin/python3", "-c", script],
            cwd=folder, capture_output=True, text=True, timeout=30, check=False,
        )
        self.assertIn(f"connected as probe@{DOMAIN}/", done.stdout, done.stderr)

    def test_nothing_is_overwritten_unasked(self):
        self.server.ctl("pki", "init")
        before = self.server.ctl("pki", "show")
        self.server.ctl("pki", "init")
        self.assertEqual(self.server.ctl("pki", "show"), before)
        self.server.client("probe")
        again = self.server.gridctl(
            "pki", "client", "probe", "--out", os.path.join(self.server.folder, "clients", "probe")
        )
        self.assertEqual(again.returncode, REFUSED)

    def test_a_members_certificate_has_its_role_and_replaces_none(self):
        self.server.ctl("pki", "init")
        folder = os.path.join(self.server.folder, "member")
        hosts = ("--host", "a.example", "--host", "127.0.0.1")
        command = ("pki", "member", "a", *hosts, "--out", folder)
        self.assertIn("cluster.certificate", self.server.ctl(*command))
        key = os.path.join(folder, "a.key")
        self.assertEqual(stat.S_IMODE(os.stat(key).st_mode), 0o600)
        text = subprocess.run(
            ["openssl", "x509", "-in", os.path.join(folder, "a.crt"), "-noout", "-text"],
            capture_output=True, text=True, timeout=20, check=True,
        ).stdout
        for part in ("URI:urn:gridd:member:a", "DNS:a.example", "IP Address:127.0.0.1"):
            self.assertIn(part, text)
        self.assertRegex(text, "TLS Web Server Authentication, TLS Web Client Authentication")
        with open(key, encoding="ascii") as file:
            before = file.read()
        self.assertEqual(self.server.gridctl(*command).returncode, REFUSED)
        self.assertEqual(self.server.gridctl("pki", "member", "a/b").returncode, REFUSED)
        with open(key, encoding="ascii") as file:
            self.assertEqual(file.read(), before)
        self.server.ctl(*command, "--force")
        with open(key, encoding="ascii") as file:
            self.assertNotEqual(file.read(), before)

    def test_an_administrator_is_made_where_gridd_looks(self):
        done = self.server.gridctl("admin", "add", ADMIN)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn(f"mkdir -m 700 {self.server.data}", done.stderr)
        self.assertFalse(os.path.exists(self.server.data))
        for command in (("list",), ("remove", ADMIN)):
            done = self.server.gridctl("admin", *command)
            self.assertEqual(done.returncode, USAGE, done.stdout)
            self.assertIn("there is no data directory", done.stderr)
        os.mkdir(self.server.data, 0o700)
        self.server.ctl("admin", "add", ADMIN)
        self.assertEqual(self.server.ctl("admin", "list"), ADMIN + "\n")

    def test_every_private_key_is_private(self):
        self.server.start()
        self.server.client("probe")
        keys = [
            os.path.join(folder, name)
            for folder, _, names in os.walk(self.server.folder)
            for name in names
            if name.endswith(".key")
        ]
        self.assertGreaterEqual(len(keys), 4)
        for path in keys:
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600, path)


class EmptyNames(unittest.TestCase):
    """As those of a shell's variables that are not set: no server is asked."""

    def test_every_command(self):
        server = Operated(EVERYTHING)   # never started
        self.addCleanup(server.close)
        for command in (
            ["backup", "-o", ""], ["backups", "fetch", ""], ["backups", "remove", ""],
            ["topics", "show", ""], ["topics", "delete", ""], ["topics", "subscribers", ""],
            ["schemas", "show", ""], ["schemas", "delete", ""], ["groups", "create", ""],
            ["groups", "delete", ""], ["files", "remove", ""], ["sessions", "end", ""],
            ["accounts", "show", ""], ["trace", "", "topic"], ["trace", "el", ""],
        ):
            with self.subTest(command):
                done = server.gridctl(*command)
                self.assertEqual(done.returncode, USAGE, done)
                self.assertIn("is empty", done.stderr)


class PagesWithoutEnd(unittest.TestCase):
    """The cursor of a server stands still: a command ends, and does not claim to be whole."""

    ANSWER = {
        "sessions": [], "cuts": [], "rules": 1, "moved": [], "refused": [], "records": [],
        "checked": 1, "unlinked": 0, "cut": 0, "kept": 0, "lost": [], "lost_count": 0,
        "passed": True, "ok": True, "head": {"number": 1, "hash": "00"}, "next": "here",
        "domain": DOMAIN,
    }

    def setUp(self):
        self.server = Operated(EVERYTHING)   # for its keys, and never started
        self.addCleanup(self.server.close)
        asked = self.asked = []

        class Answers(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked.append(self.path)
                text = json.dumps(PagesWithoutEnd.ANSWER).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = answer

            def log_message(self, *_):   # pylint: disable=arguments-differ
                pass

        liar = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        settings = self.server.settings
        context.load_cert_chain(settings["tls.certificate"], settings["tls.key"])
        liar.socket = context.wrap_socket(liar.socket, server_side=True)
        threading.Thread(target=liar.serve_forever, daemon=True).start()
        self.addCleanup(liar.server_close)
        self.addCleanup(liar.shutdown)
        patch = unittest.mock.patch.object(Operated, "http", liar.server_address)
        patch.start()
        self.addCleanup(patch.stop)

    def test_every_list(self):
        authority = self.server.authority.path
        for command in (
            ["sessions", "list"],
            ["audit", "verify"],
            ["policy", "dry-run", self.server.settings["policy.file"]],
            ["accounts", "rebind", "--from-anchor", authority, "--to-anchor", authority],
        ):
            with self.subTest(command):
                self.asked.clear()
                done = self.server.gridctl(*command, identity=self.server.admin)
                self.assertEqual(done.returncode, REFUSED, done)
                self.assertIn("its pages do not go on", done.stderr)
                self.assertLessEqual(len(self.asked), 3, self.asked)


if __name__ == "__main__":
    unittest.main()
