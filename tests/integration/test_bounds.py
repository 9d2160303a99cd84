# tests/integration/test_bounds.py: the bounds of a client on the server, before and after login.
"""GRIDD_LONG=1: a session sends 1 GiB in each shape instead of 64 MiB."""

import os
import resource
import ssl
import time
import unittest

from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw, header

MIB = 1024 * 1024
LONG = os.environ.get("GRIDD_LONG", "") not in ("", "0")
SENT_BYTES = (1024 if LONG else 64) * MIB   # in each of four shapes
PING = "<ping xmlns='urn:xmpp:ping'/>"
PUBSUB = "http://jabber.org/protocol/pubsub"


class Bounded(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
        settings = {"accounts.auto_approve": "true"} | cls.settings
        cls.server = Operated(EVERYTHING, settings).start()
        cls.alice = cls.server.authority.client(f"alice@{DOMAIN}")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def connect(self, source=""):
        client = Raw(self.server.c2s, DOMAIN, source)
        self.addCleanup(lambda: client.socket.close())
        return client

    def log_in(self, resource_name="raw"):
        return self.connect().login(self.alice, resource_name)


class BeforeLogin(Bounded):
    def test_thirty_megabytes_in_the_clear(self):
        """found A4: 1,900 connections, each with an unfinished element of 16 KB."""
        shapes = (
            "<q xmlns='urn:q'>" + "<a/>" * 4000,
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + "<a/>" * 4000,
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + "A" * 16_000,
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls' a='" + "a" * 16_000,
        )
        before, most = self.server.resident_bytes(), 0
        for number in range(1_900):
            client = self.connect(f"127.0.0.{2 + number % 8}")
            client.send_quietly(header(DOMAIN) + shapes[number % len(shapes)][:15_800])
            if number % 50 == 0:
                most = max(most, self.server.resident_bytes())
        # The server is done with them when a client that comes after them has its answer.
        behind = self.connect("127.0.0.99")
        behind.send(header(DOMAIN))
        while "</stream:features>" not in behind.seen and not behind.closed:
            most = max(most, self.server.resident_bytes())
            behind.receive(time.monotonic() + 10)
        most = max(most, self.server.resident_bytes())
        print(f"before login: {(most - before) // MIB} MiB", flush=True)
        self.assertLess(most - before, 64 * MIB)
        self.doCleanups()
        self.log_in()   # and an honest client gets in

    def test_an_unfinished_element_of_a_stranger_costs_its_bytes(self):
        """Under TLS, with a certificate that is not acceptable: at 16 KB for each connection,
        30 MB stay below 64 MiB."""
        expired, held = self.server.authority.expired(f"alice@{DOMAIN}"), 500
        auth = header(DOMAIN) + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + "A" * 9_800
        self.log_in("warm")
        before = self.server.resident_bytes()
        for number in range(held):
            client = Raw(self.server.c2s_tls, DOMAIN, f"127.0.0.{2 + number % 8}")
            self.addCleanup(lambda client=client: client.socket.close())
            client.handshake(expired)
            client.send(auth)
        client.expect("</stream:features>")
        growth = self.server.resident_bytes() - before
        print(f"under TLS: {growth // held // 1024} KiB for each", flush=True)
        self.assertLess(growth, held * 40 * 1024)

    def first_hello(self, alter=lambda data: data):
        """What a client begins TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        out = ssl.MemoryBIO()
        client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=DOMAIN)
        with self.assertRaises(ssl.SSLWantReadError):
            client.do_handshake()
        return alter(out.read())

    def test_a_hello_that_claims_128_kib_gets_no_room(self):
        """Whole, in pieces, and as the second one that the server asks for (RFC 8446 §4.1.4)."""
        claim = b"\x01\x01\xff\x00"   # a ClientHello of 130,816 bytes
        record = b"\x16\x03\x01"
        whole = record + b"\0\x04" + claim
        pieces = b"".join(record + b"\0\x01" + claim[i : i + 1] for i in range(4))
        # A key of a group that nobody has: the server names another and wants a new hello.
        asking = self.first_hello(
            lambda data: data.replace(b"\x00\x1d\x00\x20", b"\x1a\x1a\x00\x20").replace(
                b"\x00\x17\x00\x1e", b"\x00\x17\x1a\x1a"
            )
        )
        change = b"\x14\x03\x03\0\x01\x01"
        for name, begin, then in (
            ("whole", b"", whole), ("pieces", b"", pieces), ("second", asking, change + whole),
        ):
            with self.subTest(name), Raw(self.server.c2s_tls, DOMAIN) as client:
                mark = self.server.log_mark()
                if begin:
                    client.send(begin)
                    client.socket.settimeout(10)
                    hello = client.socket.recv(65536)
                    # The random by which a HelloRetryRequest is known.
                    self.assertIn(bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891"), hello)
                client.send(then)
                client.until_closed()
                self.server.wait_log("excessive message size", mark)

    def test_an_unknown_element_is_refused_at_its_start_tag(self):
        for data in ("<q xmlns='urn:q'>", "<message><body>"):
            client = self.connect()
            client.open()
            client.send(data)
            self.assertIn(client.stream_error(), ("unsupported-stanza-type", "not-authorized"))

    def test_the_limits_before_login_name_themselves(self):
        auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
        for data, name in (
            (auth + ">" + "<a/>" * 65, "limits.pre_auth_elements_max"),
            (auth + ">" + "<a>" * 9, "limits.pre_auth_depth_max"),
            (
                auth + "".join(f" a{i}=''" for i in range(17)) + ">",
                "limits.pre_auth_attributes_max",
            ),
            (auth + ">" + "A" * 11_000, "limits.pre_auth_stanza_bytes_max"),
        ):
            client = self.connect().starttls(self.alice)
            client.open()
            client.send_quietly(data)
            text = client.until_closed()
            self.assertIn("<policy-violation", text)
            self.assertIn(name, text)

    def test_a_client_without_a_certificate_is_told_at_once(self):
        """found I8"""
        client = self.connect().starttls(None)
        client.send(header(DOMAIN))
        text = client.until_closed()
        self.assertIn("<not-authorized", text)
        self.assertIn("no client certificate was presented", text)
        self.assertNotIn("<stream:features", text)
        self.server.wait_log("stream_ended.*no client certificate was presented")


class AfterLogin(Bounded):
    settings = {"limits.stanza_seconds_max": 2}

    def test_answers_come_before_the_error(self):
        """found 11, X3: fifty publishes and then each kind of fault."""
        faults = {
            "policy-violation": "<message><body>" + "x" * 600_000 + "</body></message>",
            "not-well-formed": "</b>",
            "restricted-xml": "<!-- c -->",
            "unsupported-stanza-type": "<foo/>",
            "invalid-from": f"<message from='mallory@{DOMAIN}'/>",
        }
        owner = self.log_in("owner")
        owner.send(
            f"<iq type='set' id='c' to='{BROKER}'><pubsub xmlns='{PUBSUB}'>"
            "<create node='faults'/></pubsub></iq>"
        )
        owner.expect("<iq type='result' id='c'")
        for condition, data in faults.items():
            with self.subTest(condition):
                client = self.log_in("faulty")
                publishes = "".join(
                    f"<iq type='set' id='p{number}' to='{BROKER}'><pubsub xmlns='{PUBSUB}'>"
                    "<publish node='faults'><item><x xmlns='urn:x'/></item></publish></pubsub></iq>"
                    for number in range(50)
                )
                client.send_quietly(publishes + data)
                text = client.until_closed(60)
                self.assertEqual(text.count("<iq type='result' id='p"), 50)
                self.assertIn(f"<{condition}", text)
                self.assertLess(text.rindex("id='p"), text.index("<stream:error"))

    def test_a_stanza_has_its_time(self):
        """found A16: one byte now and then does not keep it alive."""
        client = self.log_in("slow")
        client.send("<message to='a@b'><body>")
        deadline = time.monotonic() + 60
        while not client.closed and time.monotonic() < deadline:
            client.send_quietly("x")
            try:
                client.receive(time.monotonic() + 0.2)
            except AssertionError:
                continue
        self.assertIn("<policy-violation", client.seen)
        self.assertIn("limits.stanza_seconds_max", client.seen)

    def test_the_size_limit_names_its_number(self):
        client = self.log_in("big")
        client.send_quietly("<message><body>" + "x" * 600_000)
        text = client.until_closed()
        self.assertIn("524288", text)
        self.assertIn("limits.stanza_bytes_max", text)


class Held(Bounded):
    settings = {"limits.stanza_seconds_max": 600}

    def test_unfinished_stanzas_are_charged_to_their_account(self):
        """found A16: 32 sessions with 80 KB each, of which every five bytes are two elements."""
        before = self.server.resident_bytes()
        clients = [self.log_in(f"r{number}") for number in range(32)]
        for client in clients:
            client.send_quietly("<message><q>" + "x<a/>" * 16_000)
            client.send_quietly("<b>")
        ended = 0
        for client in clients:
            client.send_quietly("</b>")
        deadline = time.monotonic() + 30
        while ended == 0 and time.monotonic() < deadline:
            for client in clients:
                try:
                    client.receive(time.monotonic() + 0.05)
                except AssertionError:
                    pass
            ended = sum("<policy-violation" in client.seen for client in clients)
        self.assertGreater(ended, 0)
        self.assertTrue(any("limits.outbox_bytes_max" in client.seen for client in clients))
        growth = self.server.resident_bytes() - before
        print(f"unfinished: {growth // MIB} MiB, {ended} of 32 ended", flush=True)
        self.assertLess(growth, 64 * MIB)

    def test_own_answers_draw_on_the_budget(self):
        """A client that pings and does not read is not read any more, and its answers count."""
        client = self.log_in("deaf")
        pings = "".join(f"<iq type='get' id='{n}'>{PING}</iq>" for n in range(400)).encode()
        client.socket.settimeout(3)
        sent = 0
        with self.assertRaises(OSError):   # the send blocks once all buffers between are full
            while sent < 512 * MIB:
                client.socket.sendall(pings)
                sent += len(pings)
        (session,) = [
            each
            for each in self.server.admin_json("sessions", "list")["sessions"]
            if each["jid"].endswith("/deaf")
        ]
        self.assertGreater(session["outbox_bytes"], 0)
        self.assertLessEqual(session["outbox_bytes"], 4 * MIB)
        other = self.log_in("other")
        other.send(f"<iq type='get' id='o'>{PING}</iq>")
        other.expect("<iq type='result' id='o'")

    def shapes(self):
        """Endless data, each time about 64 KiB; records that end between and inside stanzas."""

        def names(at):
            return "".join(
                f"<message type='error' to='a.b'><n{at}-{i} a{at}-{i}=''/></message>"
                for i in range(900)
            )

        def inside(at):
            return "".join(
                f"<n{at}-{i}/></message><message type='error' to='a.b'>" for i in range(1000)
            )

        def long_names(at):
            return "".join(
                f"<message type='error' to='a.b'><n{at}-{i}{'N' * 900}/></message>"
                for i in range(64)
            )

        def deep(at):
            depth = 60
            return (f"<d{at}>" * depth + "x<e/>" * 40 + f"</d{at}>" * depth) * 64

        yield "names", "", names, ""
        yield "inside", "<message type='error' to='a.b'>", inside, "</message>"
        yield "long names", "", long_names, ""
        yield "deep", "", lambda at: f"<message type='error' to='a.b'>{deep(at)}</message>", ""

    def test_a_session_leaves_the_server_as_it_was(self):
        """found A3"""
        self.log_in("warm").socket.close()
        client = self.log_in("sender")
        before = self.server.resident_bytes()
        for name, begin, data, end in self.shapes():
            client.send(begin)
            sent = at = 0
            while sent < SENT_BYTES:
                piece = data(at).encode()
                client.socket.sendall(piece)
                sent += len(piece)
                at += 1
            client.send(end + f"<iq type='get' id='{name[0]}'>{PING}</iq>")
            client.expect(f"<iq type='result' id='{name[0]}'", 120)
            growth = self.server.resident_bytes() - before
            print(f"{name}: {sent // MIB} MiB sent, {growth // MIB} MiB kept", flush=True)
            self.assertLess(growth, 32 * MIB, name)


if __name__ == "__main__":
    unittest.main()
