# tests/integration/test_http_names.py: names and requests at the edge of what HTTP can say.
"""Bytes over mutual TLS, and gridctl beside them."""

import json
import re
import socket
import ssl
import subprocess
import unittest

from files import Https
from gridd import BROKER, DOMAIN, Operated, binary
from policies import EVERYTHING
from raw import Raw

PUBSUB = "http://jabber.org/protocol/pubsub"
JSON_TYPE = "Content-Type: application/json\r\n"


class HttpNames(unittest.TestCase):
    """One server that logs JSON, so that each line can be checked."""

    @classmethod
    def setUpClass(cls):
        settings = {"accounts.auto_approve": "true", "log.format": "json"}
        cls.server = Operated(EVERYTHING, settings).start()
        cls.owner = cls.server.authority.client(f"owner@{DOMAIN}")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    # --- helpers ------------------------------------------------------------------------------

    def exchange(self, data, admin=True, certificate=None):
        """All that comes until the server closes, or until a second's silence."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if admin:
            context.load_cert_chain(self.server.admin.cert, self.server.admin.key)
        if certificate:
            context.load_cert_chain(*certificate)
        with socket.create_connection(self.server.http, 20) as plain:
            with context.wrap_socket(plain, server_hostname=DOMAIN) as one:
                one.sendall(data if isinstance(data, bytes) else data.encode())
                one.settimeout(20)
                text = b""
                while True:
                    try:
                        data = one.recv(65536)
                    except ssl.SSLEOFError:
                        break
                    if not data:
                        break
                    text += data
        return text.decode()

    def ask(self, method, path, body=None, more=""):
        """(status, JSON) of one administrator's request."""
        text = "" if body is None else json.dumps(body)
        request = f"{method} {path} HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n{more}"
        if method != "GET":
            request += f"{JSON_TYPE}Content-Length: {len(text)}\r\n"
        head, _, body = self.exchange(request + "\r\n" + text).partition("\r\n\r\n")
        return int(head.split()[1]), json.loads(body) if body else None

    def create(self, name, client=None):
        """Creates a node by XMPP; the answer."""
        with Raw(self.server.c2s, DOMAIN).login(self.owner, "creator") as client:
            client.send(
                f"<iq type='set' id='c' to='{BROKER}'><pubsub xmlns='{PUBSUB}'>"
                f"<create node='{name}'/></pubsub></iq>"
            )
            return client.expect(r"<iq [^>]*id='c'(?:[^>]*/>|.*?</iq>)", 20).group()

    def topics(self):
        return {topic["name"] for topic in self.server.admin_json("topics", "list")["topics"]}

    # --- names --------------------------------------------------------------------------------

    def test_a_slash_at_the_end_is_part_of_the_name(self):
        """found A7"""
        for name in ("incidents", "incidents/", "/", "//x", "a/b"):
            self.assertIn("type='result'", self.create(name), name)
        for name in ("incidents", "incidents/", "/", "//x", "a/b"):
            shown = self.server.admin_json("topics", "show", name)
            self.assertEqual(shown["name"], name)
        self.assertEqual(self.ask("GET", "/api/v1/topics/a/b")[1]["name"], "a/b")
        self.assertEqual(self.ask("GET", "/api/v1/topics/incidents/")[1]["name"], "incidents/")
        self.assertIn("topics", self.ask("GET", "/api/v1/topics/")[1])   # no name follows
        self.assertEqual(self.ask("GET", "/api/v1/topics/a%2")[0], 400)
        self.assertEqual(self.ask("GET", "/api/v1/topics/a+b")[0], 404)   # no blank in a path
        self.server.admin_ctl("topics", "disable", "incidents/")
        self.assertTrue(self.server.admin_json("topics", "show", "incidents")["enabled"])
        deleted = self.server.admin_json("topics", "delete", "incidents/")
        self.assertEqual(deleted, {"deleted": "incidents/"})
        self.server.admin_ctl("topics", "delete", "/")
        self.assertIn("incidents", self.topics())
        self.assertFalse({"incidents/", "/"} & self.topics())

    def test_control_characters_are_refused_where_a_name_is_made(self):
        """found A23"""
        for name in ("line&#10;end", "tab&#9;", "del&#127;", "c1&#x9b;31m"):
            answer = self.create(name)
            self.assertIn("not-acceptable", answer, name)
            self.assertIn("control characters", answer)
        for name in ("%ff%fe", "a%0ab", "a%7f", "%c2%9b"):
            self.assertEqual(self.ask("PUT", f"/api/v1/groups/{name}", {})[0], 400, name)
        self.assertEqual(self.ask("PUT", "/api/v1/groups/a%2Fb", {})[1]["name"], "a/b")
        status, groups = self.ask("GET", "/api/v1/groups")
        self.assertEqual(status, 200)
        self.assertIn("a/b", [group["name"] for group in groups["groups"]])
        self.assertEqual(self.ask("DELETE", "/api/v1/groups/a%2Fb")[0], 200)

    def test_what_turns_the_writing_is_escaped_on_the_terminal(self):
        """found A23"""
        self.assertIn("type='result'", self.create("gpj\u202eexe"))
        listed = self.server.admin_ctl("topics", "list")
        self.assertIn("gpj\\u202eexe", listed)
        self.assertNotIn("\u202e", listed)
        self.assertNotIn("\u202e", self.server.admin_ctl("--json", "topics", "list"))
        self.assertIn("gpj\u202eexe", self.topics())

    # --- requests -----------------------------------------------------------------------------

    def test_an_unknown_transfer_coding_ends_the_connection(self):
        """found A18"""
        smuggled = (
            f"PUT /api/v1/groups/smuggled HTTP/1.1\r\nHost: {DOMAIN}\r\n{JSON_TYPE}"
            "Content-Length: 2\r\n\r\n{}"
        )
        for coding in ("xchunked", "gzip", "chunked, identity", "identity"):
            text = self.exchange(
                f"POST /api/v1/policy/check HTTP/1.1\r\nHost: {DOMAIN}\r\n{JSON_TYPE}"
                f"Transfer-Encoding: {coding}\r\n\r\n{smuggled}"
            )
            self.assertEqual(text.count("HTTP/1.1 "), 1, coding)
            self.assertTrue(text.startswith("HTTP/1.1 400 "), text)
        groups = self.ask("GET", "/api/v1/groups")[1]["groups"]
        self.assertNotIn("smuggled", [group["name"] for group in groups])

    def test_host_is_needed_once(self):
        """found C11"""
        for head in (
            "GET /healthz HTTP/1.1\r\n\r\n",
            f"GET /api/v1/status HTTP/1.1\r\nHost: {DOMAIN}\r\nHost: {DOMAIN}\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ):
            self.assertTrue(self.exchange(head).startswith("HTTP/1.1 400 "), head)
        self.assertTrue(self.exchange("GET /healthz HTTP/1.0\r\n\r\n").startswith("HTTP/1.1 200 "))

    def test_two_headers_of_which_one_would_be_looked_at(self):
        """found A23"""
        for more in (
            f"Origin: https://{DOMAIN}\r\nOrigin: https://evil.example\r\n",
            "Content-Type: text/plain\r\n",
        ):
            status, answer = self.ask("PUT", "/api/v1/groups/twice", {}, more)
            self.assertEqual(status, 400, more)
            self.assertIn("more than once", answer["detail"])

    def test_a_host_that_is_none_is_refused_and_repeated_nowhere(self):
        """RFC 9112 §3.2: a Host that is no host is 400; host-meta repeats it."""
        for host in (f"{DOMAIN}:1/evil?", f"{DOMAIN}:x", f"ann@{DOMAIN}", f"{DOMAIN}, b", "<b>"):
            for path in ("/.well-known/host-meta", "/healthz", "/api/v1/status"):
                text = self.exchange(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
                self.assertTrue(text.startswith("HTTP/1.1 400 "), (host, path, text[:200]))

    def test_a_target_in_absolute_form(self):
        """RFC 9112 §3.2.2: its host counts, and Host does not."""
        def got(method, target, host="evil.example"):
            return self.exchange(
                f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            )
        text = got("GET", f"https://{DOMAIN}/api/v1/motd")
        self.assertTrue(text.startswith("HTTP/1.1 200 "), text[:100])
        self.assertTrue(text.endswith('{"motd":null}'), text)
        text = got("GET", f"HTTPS://{DOMAIN}:8443/.well-known/host-meta.json")
        self.assertIn(f"wss://{DOMAIN}:8443/xmpp-websocket", text)
        for target in ("https://evil.example/api/v1/motd", f"http://{DOMAIN}/healthz"):
            self.assertTrue(got("GET", target, DOMAIN).startswith("HTTP/1.1 421 "), target)
        for target in ("api/v1/motd", f"{DOMAIN}:443", "*"):
            self.assertTrue(got("GET", target, DOMAIN).startswith("HTTP/1.1 400 "), target)
        self.assertRegex(got("OPTIONS", "*", DOMAIN), "^HTTP/1.1 204 (.|\n)*\r\nAllow: GET")

    def test_clients_of_http_1_0(self):
        """Without an answer in words of HTTP/1.0 they wait for the end; interim answers they do
        not know (RFC 9112 §C.2.2, RFC 9110 §15.2)."""
        text = self.exchange("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        self.assertIn("\r\nConnection: close\r\n", text)
        body = '{"text": ""}'
        with Https(self.server, self.server.admin) as one:
            one.socket.sendall(
                f"POST /api/v1/policy/check HTTP/1.0\r\nHost: {DOMAIN}\r\n{JSON_TYPE}"
                f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            )
            one.socket.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                one.head()
            one.socket.settimeout(20)
            one.socket.sendall(body.encode())
            self.assertEqual(one.answer().status, 200)

    def test_an_empty_line_before_a_request(self):
        """RFC 9112 §2.2"""
        request = f"GET /healthz HTTP/1.1\r\nHost: {DOMAIN}\r\n"
        text = self.exchange(f"\r\n{request}\r\n\r\n{request}Connection: close\r\n\r\n")
        self.assertEqual(text.count("HTTP/1.1 200 "), 2, text)

    def test_a_trailer_is_no_header(self):
        """RFC 9110 §6.5.1: a condition behind the content is none."""
        body = json.dumps({"text": EVERYTHING})
        text = self.exchange(
            f"PUT /api/v1/policy HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n{JSON_TYPE}"
            f"Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n{body}\r\n0\r\nIf-Match: *\r\n\r\n"
        )
        self.assertTrue(text.startswith("HTTP/1.1 428 "), text)

    def test_what_stands_between_chunks_is_bounded(self):
        """Extensions of a chunk, and what stands behind the last one, are no part of a body."""
        before = self.server.resident_bytes()
        for more in ("2;a=", "2\r\n{}\r\n0\r\nX: "):
            with Https(self.server, self.server.admin) as one:
                one.send("POST /api/v1/policy/check HTTP/1.1", JSON_TYPE.strip(),
                         "Transfer-Encoding: chunked", body=more.encode())
                with self.assertRaises(OSError):   # the server closes
                    for _ in range(2048):   # the server throws away half of it
                        one.socket.sendall(b"x" * 65536)
        self.assertLess(self.server.resident_bytes() - before, 8 * 1024 * 1024)

    def test_refusals_say_what_is_possible(self):
        """RFC 9110 §11.6.1 and §15.5.6: 401 has WWW-Authenticate, 405 has Allow."""
        head = f" HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n{JSON_TYPE}\r\n"
        text = self.exchange("GET /api/v1/status" + head, admin=False)
        self.assertTrue(text.startswith("HTTP/1.1 401 "), text)
        self.assertIn("\r\nWWW-Authenticate: ", text)
        text = self.exchange("DELETE /api/v1/accounts" + head)
        self.assertTrue(text.startswith("HTTP/1.1 405 "), text)
        self.assertIn("\r\nAllow: GET, POST, HEAD, OPTIONS\r\n", text)

    def test_head_of_events_has_no_length(self):
        """RFC 9110 §8.6: GET has none."""
        text = self.exchange(
            f"HEAD /api/v1/events HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n\r\n"
        )
        self.assertTrue(text.startswith("HTTP/1.1 200 "), text)
        self.assertIn("\r\nContent-Type: text/event-stream\r\n", text)
        self.assertNotIn("Content-Length", text)

    def test_two_changes_of_a_topic_at_once_are_refused(self):
        """found C4"""
        self.create("both")
        body = {"enabled": False, "validation": "off"}
        self.assertEqual(self.ask("PUT", "/api/v1/topics/both", body)[0], 400)
        self.assertTrue(self.ask("GET", "/api/v1/topics/both")[1]["enabled"])
        self.assertEqual(self.ask("PUT", "/api/v1/topics/both", {"enable": True})[0], 400)
        self.assertEqual(self.ask("PUT", "/api/v1/topics/both", {})[0], 400)

    def test_what_was_purged_is_not_counted(self):
        """found C11"""
        self.create("full")
        with Raw(self.server.c2s, DOMAIN).login(self.owner, "purger") as client:
            for number in range(200):
                client.send(
                    f"<iq type='set' id='p{number}' to='{BROKER}'><pubsub xmlns='{PUBSUB}'>"
                    f"<publish node='full'><item id='{number}'><x xmlns='urn:x'/></item></publish>"
                    "</pubsub></iq>"
                )
            client.expect("id='p199'", 60)
            before = self.ask("GET", "/api/v1/status")[1]["items"]
            client.send(
                f"<iq type='set' id='e' to='{BROKER}'><pubsub xmlns='{PUBSUB}#owner'>"
                "<purge node='full'/></pubsub></iq>"
            )
            client.expect("id='e'", 60)
            self.assertEqual(self.ask("GET", "/api/v1/status")[1]["items"], before - 200)

    # --- the log ------------------------------------------------------------------------------

    def test_log_lines_are_json_whatever_peers_send(self):
        """found A19 X9"""
        mark = self.server.log_mark()
        path = b"/\x80\x9b\xff\xe2\x80\xae"
        text = self.exchange(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n", admin=False)
        self.assertRegex(text, "^HTTP/1.1 40[01] ")
        self.exchange("GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n", admin=False)
        self.ask("DELETE", "/api/v1/groups/nothing")
        self.server.wait_log("http_refused.*groups/nothing", mark)
        with open(self.server.log_path, "rb") as file:
            whole = file.read()
        lines = whole.decode("utf-8").splitlines()   # strictly
        self.assertFalse([c for c in whole.decode() if 0x7f <= ord(c) < 0xa0 or c == "\u202e"])
        refused = [line for line in map(json.loads, lines) if line["what"] == "http_refused"]
        self.assertGreater(len(refused), 1)
        for line in refused:
            self.assertTrue(line["reason"], line)
            self.assertGreater(int(line["count"]), 0)

    def test_long_names_are_cut_in_the_log(self):
        """found A19"""
        key, cert = self.server.folder + "/long.key", self.server.folder + "/long.crt"
        subject = "".join(f"/OU={'x' * 60}" for _ in range(200))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", subject + "/CN=long"],
            capture_output=True, check=True,
        )
        mark = self.server.log_mark()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(cert, key)
        with socket.create_connection(self.server.c2s_tls, 20) as plain:
            with context.wrap_socket(plain, server_hostname=DOMAIN) as one:
                one.settimeout(20)
                one.sendall(b"<a/>")
                while one.recv(4096):
                    pass
        line = self.server.wait_log("certificate_refused", mark)
        self.assertLess(len(line), 3000)
        self.assertRegex(json.loads(line)["subject"], r"… \(\d{5} bytes\)$")

    # --- gridctl ------------------------------------------------------------------------------

    def test_gridctl_says_what_was_wrong(self):
        """found C5"""
        run = self.server.gridctl
        admin = self.server.admin
        self.assertEqual(run("audit", "--max", "-1", identity=admin).returncode, 2)
        self.assertEqual(run("topics", "schema", "x", "sometimes", identity=admin).returncode, 2)
        self.assertEqual(run("nonsense").returncode, 2)
        for arguments, code in (
            (("--json", "nonsense"), 2),
            (("--json", "audit", "--max", "-1"), 2),
            (("--json", "topics", "show", "absent"), 4),
            (("--json", "groups", "delete", "absent"), 4),
        ):
            done = run(*arguments, identity=admin)
            self.assertEqual(done.returncode, code, done.stderr)
            error = json.loads(done.stderr)["error"]
            self.assertEqual(error["exit"], code)
            self.assertTrue(error["text"])
        with open(self.server.settings["policy.file"], encoding="utf-8") as file:
            policy = file.read()
        said = self.server.admin_ctl("policy", "set", "-", stdin=policy)
        self.assertRegex(said, r"^the policy is version \d+, \d+ rules\n$")

    def test_a_short_name_is_the_servers(self):
        """found C5"""
        command = [binary("gridctl"), "--data", self.server.folder + "/nowhere"]
        host, port = self.server.http
        admin = self.server.admin
        command += ["--server", f"{host}:{port}", "--server-name", DOMAIN, "--ca", admin.ca]
        command += ["--cert", admin.cert, "--key", admin.key, "--json", "accounts", "show", "admin"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["jid"], f"admin@{DOMAIN}")

    def test_providers_are_readable(self):
        """found C5"""
        self.create("provided")
        text = self.server.admin_ctl("topics", "show", "provided")
        self.assertNotRegex(text, r"[{}\[\]]")
        self.assertTrue(re.search(rf"jid=owner@{re.escape(DOMAIN)}", text), text)


if __name__ == "__main__":
    unittest.main()
