# tests/integration/test_strangers.py: strangers take nothing that others need.
"""Crowds of idle connections beside a publisher, newcomers, administrators and health checks."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
import unittest

from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from strangers import Crowd, alive, allow_many_files, limited

SETTINGS = {"accounts.auto_approve": "true"}
PUBSUB = "http://jabber.org/protocol/pubsub"


def publish(client, number, size):
    """Publishes one item; the answer."""
    client.send(
        f"<iq type='set' id='p{number}' to='{BROKER}'><pubsub xmlns='{PUBSUB}'>"
        f"<publish node='crowd'><item id='i{number % 4}'><x xmlns='urn:x'>{'y' * size}</x></item>"
        "</publish></pubsub></iq>"
    )
    return client.expect(rf"<iq [^>]*id='p{number}'(?:[^>]*/>|.*?</iq>)", 60).group()


def status(server, path, admin=None):
    """HTTP status of a GET by curl."""
    host, port = server.http
    command = ["curl", "-sk", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}"]
    if admin is not None:
        command += ["--cert", admin.cert, "--key", admin.key]
    done = subprocess.run(
        command + [f"https://{host}:{port}{path}"], capture_output=True, text=True, check=False
    )
    return done.stdout


class FewFiles(unittest.TestCase):
    """found 46: the store always has the files that it needs."""

    def setUp(self):
        allow_many_files()

    def crowd_at(self, files):
        server = limited(Operated(EVERYTHING, SETTINGS), files)
        self.addCleanup(server.close)
        server.start()
        self.assertRegex(server.log(), rf"descriptors_short limit={files} .*limits.connections_max")
        owner = server.authority.client(f"owner@{DOMAIN}")
        with Raw(server.c2s, DOMAIN).login(owner) as publisher:
            self.assertIn("type='result'", publish_node(publisher))
            with Crowd([server.c2s, server.c2s_tls, server.http], 2000, 6000) as crowd:
                for number in range(60):
                    answer = publish(publisher, number, 200_000)
                    self.assertIn("type='result'", answer)
                    if number % 20 == 10:
                        self.log_in_at_once(server, f"honest{number}")
                self.assertEqual(status(server, "/readyz"), "200")
                self.assertGreaterEqual(crowd.made, 2000)
        log = server.log()
        self.assertNotIn("Too many open files", log)
        self.assertNotIn("commit_refused", log)
        self.assertRegex(log, r"connection_displaced .*reason=\"limits\.[a-z_]+ \(\d+\) is reached")

    def log_in_at_once(self, server, name):
        """The first try gets in."""
        bundle = server.authority.client(f"{name}@{DOMAIN}")
        begin = time.monotonic()
        with Raw(server.c2s, DOMAIN).login(bundle):
            took = time.monotonic() - begin
        print(f"    login beside 2,000 strangers: {took * 1000:.0f} ms", flush=True)
        self.assertLess(took, 10)   # on a machine that is busy with other tests, too

    def test_256_files(self):
        self.crowd_at(256)

    def test_1024_files(self):
        self.crowd_at(1024)

    def test_too_few_files_are_refused_with_a_word(self):
        server = limited(Operated(EVERYTHING, SETTINGS), 128)
        self.addCleanup(server.close)
        with self.assertRaisesRegex(AssertionError, "limit of open files is 128, gridd needs"):
            server.start()

    def test_the_soft_limit_is_raised(self):
        server = Operated(EVERYTHING, SETTINGS)
        self.addCleanup(server.close)
        path = server.folder + "/soft"
        with open(path, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nulimit -S -n 256 && exec {server.program} "$@"\n')
        os.chmod(path, 0o755)
        server.program = path
        server.start()
        with open(f"/proc/{server.process.pid}/limits", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("Max open files"))
        soft, hard = line.split()[3:5]
        self.assertEqual(soft, hard)

    def test_a_reload_knows_what_was_cut_down(self):
        server = limited(Operated(EVERYTHING, SETTINGS), 1024)
        self.addCleanup(server.close)
        server.start()
        mark = server.log_mark()
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("what=reloaded", mark)
        self.assertEqual(server.gridctl("health").stdout, "ok\n")
        server.stop()   # all that the reload had to say is said
        self.assertNotIn("reload_needs_restart", server.log(mark))


def publish_node(client):
    client.send(
        f"<iq type='set' id='c' to='{BROKER}'><pubsub xmlns='{PUBSUB}'><create node='crowd'/>"
        "</pubsub></iq>"
    )
    return client.expect(r"<iq [^>]*id='c'(?:[^>]*/>|.*?</iq>)", 30).group()


class Crowds(unittest.TestCase):
    """found 49 A8 A9: at the defaults, with crowds at every door at once."""

    @classmethod
    def setUpClass(cls):
        allow_many_files()
        cls.server = Operated(EVERYTHING, SETTINGS).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def test_administration_health_and_login_beside_crowds(self):
        server = self.server
        with Crowd([server.c2s, server.http], 2500, 4000):
            held = self.anonymous_keep_alive(600)
            self.assertEqual(server.gridctl("health").stdout, "ok\n")
            shown = json.loads(server.admin_ctl("--json", "status"))
            self.assertEqual(shown["domain"], DOMAIN)
            self.assertEqual(status(server, "/healthz"), "200")
            bundle = server.authority.client(f"newcomer@{DOMAIN}")
            with Raw(server.c2s, DOMAIN).login(bundle):
                pass
            self.assertEqual(server.gridctl("health").stdout, "ok\n")
            for one in held:
                one.close()

    def anonymous_keep_alive(self, count):
        """TLS connections without certificate that ask for health and would stay."""
        context, held = self.tls(), []
        for number in range(count):
            one = socket.socket()
            one.bind((f"127.0.1.{number % 4 + 1}", 0))
            one.settimeout(20)
            try:
                one.connect(self.server.http)
                one = context.wrap_socket(one)
                one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            except OSError:   # gave way to a later one
                continue
            held.append(one)
        self.assertGreater(len(held), count // 2)
        return held

    def test_a_client_without_the_right_is_a_stranger_here(self):
        """Also where its requests are refused for another reason than that."""
        user = self.server.authority.client(f"user@{DOMAIN}")
        context = self.tls()
        context.load_cert_chain(user.cert, user.key)
        held = []
        for number in range(90):
            one = socket.socket()
            one.bind((f"127.0.2.{number % 4 + 1}", 0))
            one.settimeout(20)
            one.connect(self.server.http)
            one = context.wrap_socket(one)
            self.addCleanup(one.close)
            one.sendall(f"GET /api/v1/nonsense HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n".encode())
            self.assertTrue(one.recv(4096).startswith(b"HTTP/1.1 404 "))
            held.append(one)
        self.server.admin_ctl("status")
        open_now = 0
        for one in held:
            one.settimeout(0.01)
            try:
                open_now += one.recv(1) != b""
            except (TimeoutError, ssl.SSLWantReadError):
                open_now += 1
            except OSError:
                pass
        self.assertGreater(open_now, 0)
        self.assertLessEqual(open_now, 64)

    def test_an_anonymous_request_is_answered_once(self):
        with socket.create_connection(self.server.http, 20) as plain:
            with self.tls().wrap_socket(plain) as one:
                request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                one.sendall(request + request)
                text = b""
                while data := one.recv(4096):
                    text += data
        self.assertEqual(text.count(b"HTTP/1.1 200"), 1)
        self.assertIn(b"Connection: close\r\n", text)


class Order(unittest.TestCase):
    """found 49 A9: which one gives way."""

    def serve(self, **settings):
        server = Operated(EVERYTHING, {**SETTINGS, **settings})
        self.addCleanup(server.close)
        return server.start()

    def connect(self, server, source):
        one = socket.socket()
        self.addCleanup(one.close)
        one.bind((source, 0))
        one.settimeout(20)
        one.connect(server.c2s)
        return one

    def test_the_oldest_that_has_not_begun_tls_goes(self):
        server = self.serve(**{"limits.pre_auth_connections_max": "4"})
        with Raw(server.c2s, DOMAIN, "127.0.0.2") as first:
            first.open()
            first.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            first.expect("<proceed")
            idle = [self.connect(server, f"127.0.0.{n}") for n in (3, 4, 5)]
            mark = server.log_mark()
            newcomer = self.connect(server, "127.0.0.6")
            server.wait_log("connection_displaced .*limits.pre_auth_connections_max", mark)
            self.assertEqual(idle[0].recv(1), b"")
            self.assertEqual(alive([first.socket, *idle, newcomer], 0.5),
                             {first.socket, idle[1], idle[2], newcomer})

    def test_a_crowd_from_one_address_displaces_itself(self):
        server = self.serve(**{"limits.pre_auth_connections_max": "6"})
        alone = self.connect(server, "127.0.0.2")
        crowd = [self.connect(server, "127.0.0.3") for _ in range(12)]
        self.assertEqual(alive([alone, *crowd], 1), {alone, *crowd[-5:]})

    def test_a_refusal_has_its_reason_and_a_burst_one_line(self):
        server = self.serve(**{"limits.connections_max": "1"})
        bundle = server.authority.client(f"one@{DOMAIN}")
        with Raw(server.c2s, DOMAIN).login(bundle):
            mark = server.log_mark()
            refused = [self.connect(server, "127.0.0.3") for _ in range(40)]
            self.assertEqual(alive(refused, 30), set())
            deadline = time.monotonic() + 10
            while True:
                lines = [line for line in server.log(mark).splitlines()
                         if "connection_refused" in line]
                counts = [int(re.search(r"count=(\d+)", line).group(1)) for line in lines]
                if sum(counts) == 40 or time.monotonic() > deadline:
                    break
                time.sleep(0.05)
        self.assertEqual(sum(counts), 40)
        self.assertLess(len(lines), 20)
        for line in lines:
            self.assertIn('reason="limits.connections_max (1) is reached"', line)
            self.assertRegex(line, r"address=127\.0\.0\.3:\d+")

    def test_a_client_of_a_full_server_is_not_displaced(self):
        server = self.serve(**{"limits.connections_max": "3"})
        bundle = server.authority.client(f"one@{DOMAIN}")
        with Raw(server.c2s, DOMAIN).login(bundle) as client:
            strangers = [self.connect(server, f"127.0.0.{n}") for n in range(2, 12)]
            self.assertEqual(len(alive(strangers, 1)), 2)
            client.send(f"<iq type='get' id='on' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>")
            client.expect("id='on'")


class Networks(unittest.TestCase):
    """found 49 48 X11: IPv6, in a network namespace of its own."""

    def inside(self, what, **environment):
        command = ["unshare", "-n", "/usr/bin/python3", "-B",
                   os.path.join(os.path.dirname(__file__), "ipv6_strangers.py"), what]
        probe = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
        if probe.returncode != 0:
            self.skipTest("no network namespace can be made here")
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, **environment},
        )
        if done.returncode == 77:
            self.skipTest(done.stdout.strip())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def test_a_network_of_64_bits_counts_as_one_source(self):
        found = self.inside("crowd")
        # 4 addresses of one /64 have one share together, another /64 has its own.
        self.assertEqual(found["one_network"], 20)
        self.assertEqual(found["other_network"], 20)
        self.assertEqual(found["mapped"], 20)
        self.assertTrue(found["honest"])

    def test_a_server_on_all_addresses_is_found_without_ipv6(self):
        found = self.inside("no-ipv6")
        self.assertEqual(found["health"], 0)
        self.assertEqual(found["health_without_socket"], 0)
        self.assertEqual(found["status"], 0)


if __name__ == "__main__":
    unittest.main()
