# tests/integration/test_before_login.py: the memory of connections that never log in.
"""Handshakes that stay unfinished, each shape on a server of its own: 30 MB stay below 64 MiB."""

import collections
import concurrent.futures
import contextlib
import itertools
import os
import re
import resource
import socket
import ssl
import threading
import time
import unittest

from gridd import DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from revoking import RevokingAuthority, set_up

MIB = 1024 * 1024
CROWD = 1_900   # of 16 KB each: 30 MB


def context_of(bundle=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if bundle is not None:
        context.load_cert_chain(bundle.cert, bundle.key)
    return context


class Handshake:
    """A client of TLS whose bytes are in the caller's hands."""

    def __init__(self, context):
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.into, self.out, server_hostname=DOMAIN)

    def step(self, data=b""):
        """What the client says to `data`, and whether it is done."""
        self.into.write(data)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return self.out.read(), False
        return self.out.read(), True


class Turns(unittest.TestCase):
    """Connections without a place within TLS wait for their turn."""

    def serve(self, places, more=None):
        settings = {"accounts.auto_approve": "true", "limits.pre_auth_tls_max": str(places)}
        server = Operated(EVERYTHING, settings | (more or {})).start()
        self.addCleanup(server.close)
        return server

    def test_forty_clients_at_one_time_have_four_places(self):
        """A client whose handshake takes longer than the line is patient gives way, and comes back;
        no other connection is closed."""
        server = self.serve(4, {"limits.pre_auth_seconds_max": "120"})
        bundles = [server.authority.client(f"c{number}@{DOMAIN}") for number in range(40)]
        cut, over = [], time.monotonic() + 120

        def log_in(number):
            address = server.c2s_tls if number % 2 else server.c2s
            with Raw(address, DOMAIN, "127.0.0.2", 120) as client:
                if number % 2:
                    client.handshake(bundles[number])
                    client.open()
                    self.assertIn("<success", client.authenticate())
                    return client.bind()
                return client.login(bundles[number]).seen

        def come_in(number):
            while True:
                try:
                    return log_in(number)
                except (OSError, AssertionError):
                    cut.append(number)
                    if time.monotonic() > over:
                        raise

        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            self.assertEqual(len(list(pool.map(come_in, range(40)))), 40)
        server.stop()   # the log is whole
        gave_way = re.findall(r"gave way to others that wait.*count=(\d+)", server.log())
        self.assertLessEqual(len(cut), sum(map(int, gave_way)), server.log()[-3000:])

    def test_handshakes_that_do_not_end_give_way(self):
        server = self.serve(4)
        hello = Handshake(context_of()).step()[0]
        alice = server.authority.client(f"alice@{DOMAIN}")
        for sources in (1, 4):   # sooner where a source has more of them
            with self.subTest(sources=sources), contextlib.ExitStack() as held:
                for number in range(4):
                    source = f"127.0.0.{2 + number % sources}"
                    one = held.enter_context(
                        socket.create_connection(server.c2s_tls, 20, (source, 0))
                    )
                    one.sendall(hello)
                    self.assertTrue(one.recv(5))   # the place is taken
                mark = server.log_mark()
                with Raw(server.c2s, DOMAIN, "127.0.0.99").login(alice):
                    server.wait_log("gave way.*limits.pre_auth_tls_max is reached", mark)

    def test_logins_beside_half_handshakes(self):
        """More than there are places for, from several sources, all the time."""
        server = self.serve(32)
        hello = Handshake(context_of()).step()[0]
        alice = server.authority.client(f"alice@{DOMAIN}")
        over = threading.Event()

        def begin_and_stay(source):
            with contextlib.ExitStack() as held:
                for _ in range(1_000):
                    if over.wait(0.01):
                        return
                    one = socket.create_connection(server.c2s_tls, 20, (source, 0))
                    held.enter_context(one)
                    one.sendall(hello)

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            crowd = [pool.submit(begin_and_stay, f"127.0.0.{2 + number}") for number in range(3)]
            try:
                for number in range(20):
                    with Raw(server.c2s_tls, DOMAIN, "127.0.0.99") as client:
                        client.handshake(alice)
                        client.open()
                        self.assertIn("<success", client.authenticate())
                        client.bind(f"r{number}")
            finally:
                over.set()
            for one in crowd:
                one.result()

    def test_a_connection_waits_as_long_as_it_may_take_to_log_in(self):
        server = self.serve(1, {"limits.pre_auth_seconds_max": "3"})
        hello = Handshake(context_of()).step()[0]
        with socket.create_connection(server.c2s_tls, 20, ("127.0.0.2", 0)) as waiting:
            time.sleep(0.2)
            with socket.create_connection(server.c2s_tls, 20, ("127.0.0.2", 0)) as first:
                first.sendall(hello)
                self.assertTrue(first.recv(5))
                mark = server.log_mark()
                waiting.sendall(hello)
                waiting.settimeout(20)
                self.assertEqual(waiting.recv(5), b"")
                server.wait_log("not begun in time: limits.pre_auth_tls_max is reached", mark)

    def test_a_slow_responder_makes_no_client_give_way(self):
        """Clients whose certificates are good wait for it longer than a place may be kept."""
        silent = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.addCleanup(silent.close)
        server = Operated(EVERYTHING, {"accounts.auto_approve": "true"})
        self.addCleanup(server.close)
        authority = RevokingAuthority(os.path.join(server.folder, "root"))
        set_up(server, authority)
        server.settings |= {
            "limits.pre_auth_tls_max": "4",
            "tls.ocsp": "open",
            "tls.ocsp_timeout_ms": "5000",
        }
        server.start()
        responder = f"http://127.0.0.1:{silent.getsockname()[1]}/ocsp"
        bundles = [
            authority.client(f"c{number}@{DOMAIN}", ocsp=responder) for number in range(12)
        ]

        def log_in(number):
            with Raw(server.c2s_tls, DOMAIN, f"127.0.0.{2 + number}") as client:
                client.handshake(bundles[number])
                client.open()
                return client.authenticate()

        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            for answer in pool.map(log_in, range(12)):
                self.assertIn("<success", answer)
        server.wait_log("what=ocsp_failed")
        self.assertNotIn("gave way", server.log())

    def test_one_client_beside_a_line_from_many_sources(self):
        """More than the places can be given away to in the time of a login, all the time."""
        server = self.serve(16, {"limits.pre_auth_connections_max": "160"})
        hello = Handshake(context_of()).step()[0]
        alice = server.authority.client(f"alice@{DOMAIN}")
        over, full = threading.Event(), threading.Event()

        def crowd():
            held = collections.deque()
            for number in itertools.count():
                if over.wait(0.05):
                    break
                source = f"127.0.1.{2 + number % 20}"
                one = socket.create_connection(server.c2s_tls, 20, (source, 0))
                one.sendall(hello)
                held.append(one)
                if number == 200:
                    full.set()
                if len(held) > 250:
                    held.popleft().close()
            for one in held:
                one.close()

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            running = pool.submit(crowd)
            try:
                self.assertTrue(full.wait(60))
                for number in range(8):
                    with Raw(server.c2s, DOMAIN, "127.0.0.99").login(alice, f"r{number}"):
                        pass
            finally:
                over.set()
            running.result()


class Crowds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))

    def connect(self, server, number):
        one = socket.create_connection(server.c2s_tls, 20, (f"127.0.0.{2 + number % 8}", 0))
        self.addCleanup(one.close)
        return one

    def hold(self, shape):
        """CROWD connections of one shape; an honest client gets in beside them."""
        server = Operated(EVERYTHING, {"accounts.auto_approve": "true"}).start()
        self.addCleanup(server.close)
        alice = server.authority.client(f"alice@{DOMAIN}")
        with Raw(server.c2s, DOMAIN).login(alice, "warm"):
            before = most = server.resident_bytes()
        for number in range(CROWD):
            shape(server, self.connect(server, number))
            if number % 20 == 0:
                most = max(most, server.resident_bytes())
        deadline = time.monotonic() + 3   # bytes are still read and parsed
        while time.monotonic() < deadline:
            most = max(most, server.resident_bytes())
            time.sleep(0.02)
        begin = time.monotonic()
        with Raw(server.c2s, DOMAIN).login(alice, "beside"):
            took = time.monotonic() - begin
        print(
            f"    {(most - before) / MIB:.1f} MiB, a login beside them {1000 * took:.0f} ms",
            flush=True,
        )
        self.assertLess(most - before, 64 * MIB)

    def test_silent_after_the_hello(self):
        hello = Handshake(context_of()).step()[0]
        self.hold(lambda server, one: one.sendall(hello))

    def test_a_record_that_does_not_end(self):
        hello = Handshake(context_of()).step()[0]
        record = b"\x17\x03\x03\x40\x00" + b"x" * 15_000
        self.hold(lambda server, one: one.sendall(hello + record))

    def test_a_first_record_that_does_not_end(self):
        record = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc" + b"x" * 15_000
        self.hold(lambda server, one: one.sendall(record))

    def test_a_hello_that_claims_128_kib(self):
        claim = b"\x16\x03\x01\x40\x00\x01\x01\xff\x00" + b"x" * 15_000
        def send(server, one):
            try:
                one.sendall(claim)
            except OSError:
                pass   # refused at its first bytes
        self.hold(send)

    def test_a_long_chain_without_the_last_byte(self):
        authority = None
        def send(server, one):
            nonlocal authority
            if authority is None:
                many = [f"alice-{'a' * 100}-{number}@{DOMAIN}" for number in range(100)]
                bundle = server.authority.client(f"long@{DOMAIN}", addresses=many)
                authority = context_of(bundle)
            shake = Handshake(authority)
            one.sendall(shake.step()[0])
            answer, done = b"", False
            while not done:
                one.settimeout(20)
                data = one.recv(65536)
                if not data:
                    return
                answer, done = shake.step(data)
            one.sendall(answer[:-1])
        self.hold(send)
