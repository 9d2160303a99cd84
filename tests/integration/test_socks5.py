# tests/integration/test_socks5.py: SOCKS5 byte streams (XEP-0065) through the proxy, and all that
# must not pass.
"""Bare sockets for both sides, and slixmpp's own plugin in both roles."""

import asyncio
import os
import re
import resource
import shutil
import socket
import struct
import subprocess
import threading
import time
import unittest

from gridd import DOMAIN, Operated, binary
from raw import Raw
from revoking import RevokingAuthority, serial_of, set_up
from socks import (
    BYTESTREAMS, PROXY, SECONDS, Pair, Socks, ended, records, running, stream_hash
)
from stock import Client
from topic import Topic

INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
NOT_ALLOWED, NO_COMMAND, NO_ADDRESS_TYPE = 2, 7, 8

POLICY = f"""\
allow client anna to bulk client bert, carl, stock*
allow client stock* to bulk any
allow client anna to message client bert
allow client mallory, dora to message any
"""


def chunk(size, seed=7):
    """Bytes that a loss or a swap would show in."""
    return bytes((i * 31 + seed + (i >> 8)) % 256 for i in range(65536)) * (size // 65536)


def send_all(connection, data):
    """In a thread of its own, since the other side is to be read meanwhile."""
    def run():
        try:
            connection.send(data)
        except OSError:
            pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


class ByteStreams(unittest.TestCase):
    """One server; accounts anna, bert, carl, dora, mallory."""

    @classmethod
    def setUpClass(cls):
        cls.server = Operated(POLICY, {"bulk.proxy_host": "127.0.0.1"}).start()
        cls.addClassCleanup(cls.server.close)
        cls.bundles = {}
        for name in ("anna", "bert", "carl", "dora", "mallory", "stock1", "stock2"):
            account = f"{name}@{DOMAIN}"
            cls.server.admin_ctl("accounts", "add", account)
            cls.bundles[name] = cls.server.authority.client(account)

    def setUp(self):
        self.pair = Pair(self.server, self.bundles["anna"], self.bundles["bert"], self.id()[-20:])
        self.addCleanup(self.pair.close)

    def client(self, name, resource_="other"):
        topic = Topic(self.server, self.bundles[name], resource=resource_)
        self.addCleanup(topic.close)
        return topic

    def connect(self, **how):
        connection = Socks(self.pair.proxy, **how)
        self.addCleanup(connection.close)
        return connection

    def sid(self):
        return "sid-" + os.urandom(8).hex()

    # --- what it is for -----------------------------------------------------------------------

    def test_bytes_pass_both_ways_and_an_end_is_passed_on(self):
        sid, there_data, back_data = self.sid(), chunk(4 << 20), chunk(1 << 20, 3)
        with self.pair.stream(sid) as (here, there):
            threads = send_all(here, there_data), send_all(there, back_data)
            self.assertEqual(there.read(len(there_data)), there_data)
            self.assertEqual(here.read(len(back_data)), back_data)
            for thread in threads:
                thread.join()
            here.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(there.read(1), b"")
            there.send(b"the other way goes on")
            self.assertEqual(here.read(21), b"the other way goes on")
            there.close()
            self.assertEqual(here.read(1), b"")
        found = ended(self.server, sid)
        self.assertEqual(found["state"], "complete")
        self.assertEqual(found["bytes"], len(there_data) + len(back_data) + 21)
        self.assertEqual(found["from"], self.pair.sender_jid)
        self.assertEqual(found["to"], self.pair.receiver_jid)
        begun = records(self.server, "bulk-start", sid)[0]
        self.assertEqual(begun["actor"], self.bundles["anna"].jid)
        self.assertEqual(begun["target"], self.pair.receiver_jid)
        self.assertIn("line 1: allow client anna", begun["rule"])
        over = records(self.server, "bulk-end", sid)[0]
        self.assertIn(f"{found['bytes']} bytes: complete", over["detail"])
        shown = [self.server.admin_ctl("transfers", "recent") for _ in self.server.each()]
        self.assertRegex("".join(shown), rf"{sid} +complete +\d+")

    def test_the_reply_names_what_was_asked_for(self):
        name = self.pair.hash(self.sid())
        connection = self.connect()
        self.assertEqual(connection.greet(), b"\5\0")
        self.assertEqual(connection.request(name), 0)
        self.assertEqual(connection.answer, b"\5\0\0\3\x28" + name.encode() + b"\0\0")

    def test_service_discovery_finds_the_proxy_and_its_address(self):
        said, items = self.pair.sender.ask("get", f"<query xmlns='{ITEMS}'/>", DOMAIN)
        self.assertIn(f"jid='{PROXY}'", items)
        said, info = self.pair.sender.ask("get", f"<query xmlns='{INFO}'/>", PROXY)
        self.assertEqual(said, "ok")
        self.assertRegex(info, "<identity [^>]*category='proxy'[^>]*type='bytestreams'")
        self.assertIn(f"var='{BYTESTREAMS}'", info)
        said, whole = self.pair.sender.ask("get", f"<query xmlns='{BYTESTREAMS}'/>", PROXY)
        self.assertEqual(said, "ok")
        self.assertIn(
            f"<streamhost jid='{PROXY}' host='127.0.0.1' port='{self.pair.proxy[1]}'/>", whole
        )
        said, _ = self.pair.sender.ask("get", f"<query xmlns='{INFO}' node='x'/>", PROXY)
        self.assertEqual(said, "item-not-found")
        said, _ = self.pair.sender.ask("get", "<query xmlns='jabber:iq:version'/>", PROXY)
        self.assertEqual(said, "service-unavailable")

    def test_a_client_that_may_send_to_nobody_is_told_no_address(self):
        said, whole = self.client("dora").ask("get", f"<query xmlns='{BYTESTREAMS}'/>", PROXY)
        self.assertEqual(said, "forbidden")
        self.assertIn("type='auth'", whole)

    def test_slixmpp_sends_and_receives_through_the_proxy(self):
        """Both roles are slixmpp's own code; then the other way round."""
        data = chunk(2 << 20)

        async def transfer(sender, receiver):
            loop = asyncio.get_running_loop()
            got, is_all, is_closed = bytearray(), loop.create_future(), asyncio.Event()

            def on_data(event):
                got.extend(event["data"] if isinstance(event, dict) else event)
                if len(got) >= len(data) and not is_all.done():
                    is_all.set_result(True)

            receiver.add_event_handler("socks5_data", on_data)
            receiver.add_event_handler("socks5_closed", lambda _: is_closed.set())
            connection = await sender["xep_0065"].handshake(
                receiver.boundjid.full, timeout=SECONDS
            )
            await connection.write(data)
            await asyncio.wait_for(is_all, SECONDS)
            connection.transport.close()
            await asyncio.wait_for(is_closed.wait(), SECONDS)
            self.assertEqual(bytes(got), data)

        async def run():
            one = Client(self.bundles["stock1"], "s")
            other = Client(self.bundles["stock2"], "s")
            for client in (one, other):
                client.register_plugin("xep_0065", {"auto_accept": True})
                await client.login(self.server.c2s)
                await client["xep_0030"].get_info(DOMAIN)    # seen to be available
            await transfer(one, other)
            await transfer(other, one)
            await one.leave()
            await other.leave()

        asyncio.run(run())
        deadline = time.monotonic() + SECONDS
        while True:
            ours = [
                row for _ in self.server.each()
                for row in self.server.admin_json("transfers", "recent")["recent"]
                if row["from"].endswith("/s")
            ]
            if len(ours) == 2:
                break
            self.assertLess(time.monotonic(), deadline, ours)
            time.sleep(0.1)
        self.assertEqual({row["account"] for row in ours}, {f"stock{n}@{DOMAIN}" for n in (1, 2)})
        self.assertEqual([row["bytes"] for row in ours], [len(data)] * 2)

    def test_gloox_sends_and_receives_through_the_proxy_and_in_band(self):
        """Both roles are gloox' own code (XEP-0096 over XEP-0065 and XEP-0047)."""
        program = binary("gloox_files")
        if not os.path.exists(program):
            self.skipTest("libgloox-dev is not installed")
        certs = os.path.join(self.server.folder, "gloox")
        os.makedirs(certs, exist_ok=True)
        for name in ("stock1", "stock2"):
            bundle = self.bundles[name]
            for source, end in (
                (bundle.cert, f"{name}.crt"), (bundle.key, f"{name}.key"), (bundle.ca, "ca.crt")
            ):
                shutil.copy(source, os.path.join(certs, end))
        with self.server.at(self.pair.sender.raw):   # that one's proxy is used
            host, port = (str(part) for part in self.server.c2s)
        for way, size in (("s5b", 1 << 20), ("ibb", 100_000)):
            with self.subTest(way=way):
                to = f"stock2@{DOMAIN}/{way}"
                receiver = subprocess.Popen(
                    [program, host, port, to, certs, "receive"], stdout=subprocess.PIPE, text=True
                )
                self.addCleanup(receiver.stdout.close)
                self.addCleanup(receiver.kill)
                self.assertEqual(receiver.stdout.readline(), "online\n")
                done = subprocess.run(
                    [program, host, port, f"stock1@{DOMAIN}/{way}", certs, way, to, str(size),
                     self.pair.proxy[0], str(self.pair.proxy[1])],
                    capture_output=True, text=True, timeout=60, check=False,
                )
                sent = re.search(r"sent (\d+ \d+)", done.stdout)
                self.assertIsNotNone(sent, done)
                self.assertEqual(receiver.stdout.readline(), f"got {sent.group(1)}\n")
                self.assertTrue(sent.group(1).startswith(f"{size} "))
                self.assertEqual(receiver.wait(SECONDS), 0)

    # --- who may not --------------------------------------------------------------------------

    def test_activation_by_a_third_party_is_refused(self):
        """Also by the target, and by another resource of the requester."""
        sid = self.sid()
        here, there = self.pair.connections(sid)
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        for client in (self.client("mallory"), self.pair.receiver, self.client("anna")):
            said, _ = self.pair.activate(sid, client)
            self.assertEqual(said, "item-not-found")
        here.send(b"x")
        there.socket.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            there.socket.recv(1)    # no byte is relayed before activation
        self.assertEqual(self.pair.activate(sid)[0], "ok")
        self.assertEqual(there.read(1), b"x")

    def test_guessed_stream_ids_find_nothing(self):
        here, there = self.pair.connections(self.sid())
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        for guess in ("1", "sid", "sid-", self.sid(), "x" * 5000):
            self.assertEqual(self.pair.activate(guess)[0], "item-not-found")
        self.assertEqual(self.pair.activate("")[0], "bad-request")
        for target in (f"bert@{DOMAIN}", "not an address@", DOMAIN):
            self.assertEqual(self.pair.activate("x", target=target)[0], "bad-request")

    def test_a_hash_in_capitals_or_another_encoding_is_refused(self):
        name = self.pair.hash(self.sid())
        for other in (
            name.upper(), name[:-1] + name[-1].upper() if name[-1].isalpha() else name[:-1] + "G",
            name[:39], name + "0", bytes.fromhex(name), " " + name[1:], name[:39] + "\0",
        ):
            with self.subTest(other=other):
                connection = self.connect()
                connection.greet()
                self.assertEqual(connection.request(other), NOT_ALLOWED)
                self.assertEqual(connection.read(1), b"")
        connection = self.connect()
        connection.greet()
        self.assertEqual(connection.request(name, port=80), NOT_ALLOWED)

    def test_connect_to_a_domain_or_an_address_is_refused(self):
        for kind, place in (
            (1, socket.inet_aton("127.0.0.1")), (4, socket.inet_pton(socket.AF_INET6, "::1")),
        ):
            connection = self.connect()
            connection.greet()
            self.assertEqual(connection.request(place, kind=kind, port=22), NO_ADDRESS_TYPE)
        for name in ("localhost", "example.com", DOMAIN, "a" * 255):
            connection = self.connect()
            connection.greet()
            self.assertEqual(connection.request(name, port=443), NOT_ALLOWED)

    def test_connect_reaches_no_other_port_of_this_machine(self):
        """A listener that waits for it hears nothing."""
        with socket.socket() as trap:
            trap.bind(("127.0.0.1", 0))
            trap.listen()
            connection = self.connect()
            connection.greet()
            connection.request(socket.inet_aton("127.0.0.1"), kind=1, port=trap.getsockname()[1])
            trap.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                trap.accept()

    def test_udp_associate_and_bind_are_refused(self):
        for command in (2, 3, 0, 9):
            connection = self.connect()
            connection.greet()
            self.assertEqual(connection.request(self.pair.hash("s"), command=command), NO_COMMAND)

    def test_other_methods_and_versions_are_refused(self):
        for methods in (b"\2", b"\1\2\xff", b""):
            connection = self.connect()
            self.assertEqual(connection.greet(methods), b"\5\xff")
            self.assertEqual(connection.read(1), b"")
        connection = self.connect()
        connection.send(b"\4\1\0\x50\x7f\0\0\1user\0")    # SOCKS4
        self.assertIn(connection.read(1), (b"", None))
        connection = self.connect()
        connection.send(b"GET / HTTP/1.1\r\n\r\n")
        self.assertIn(connection.read(1), (b"", None))

    def test_one_side_alone_cannot_be_activated(self):
        sid = self.sid()
        self.connect().connect(self.pair.hash(sid))
        self.assertEqual(self.pair.activate(sid)[0], "not-allowed")

    def test_a_third_connection_of_a_stream_is_refused(self):
        sid = self.sid()
        here, there = self.pair.connections(sid)
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        third = self.connect()
        third.greet()
        self.assertEqual(third.request(self.pair.hash(sid)), NOT_ALLOWED)
        self.assertEqual(self.pair.activate(sid)[0], "ok")
        here.send(b"y")
        self.assertEqual(there.read(1), b"y")

    def test_a_connection_that_went_away_leaves_its_place(self):
        sid = self.sid()
        first = self.connect().connect(self.pair.hash(sid))
        here = self.connect().connect(self.pair.hash(sid))
        first.close()
        deadline = time.monotonic() + SECONDS
        while True:
            again = self.connect()
            again.greet()
            if again.request(self.pair.hash(sid)) == 0:
                break
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(self.pair.activate(sid)[0], "ok")
        here.send(b"z")
        self.assertEqual(again.read(1), b"z")

    def comes_again_after_a_reset(self, early, **how):
        sid = self.sid()
        first = self.connect(**how).connect(self.pair.hash(sid))
        own = {"bundle": self.bundles["anna"]} if how else {}
        here = self.connect(**own).connect(self.pair.hash(sid))
        first.send(early)
        time.sleep(0.1)   # the server has it before the reset
        first.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        first.close()
        deadline = time.monotonic() + 5
        while True:
            again = self.connect(**how)
            again.greet()
            if again.request(self.pair.hash(sid)) == 0:
                break
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.assertEqual(self.pair.activate(sid)[0], "ok")
        here.send(b"z")
        self.assertEqual(again.read(1), b"z")

    def test_a_connection_that_was_reset_leaves_its_place(self):
        for early in (b"", b"early"):
            for how in ({}, {"bundle": self.bundles["bert"]}):
                with self.subTest(early=early, tls=bool(how)):
                    self.comes_again_after_a_reset(early, **how)

    def test_the_policy_decides_about_the_offer_and_at_activation(self):
        """dora may send nothing; anna may not send to dora. Offers are on record."""
        offer = f"<query xmlns='{BYTESTREAMS}' sid='s'><streamhost jid='{PROXY}'/></query>"
        with self.server.at(self.pair.sender.raw):   # that one's proxy is used
            dora = self.client("dora", "d")
        self.assertEqual(dora.ask("set", offer, self.pair.receiver_jid)[0], "forbidden")
        self.assertEqual(
            self.pair.sender.ask("set", offer, f"dora@{DOMAIN}/d")[0], "service-unavailable"
        )
        self.assertEqual(
            self.pair.sender.ask("set", offer, f"nobody@{DOMAIN}/d")[0], "service-unavailable"
        )
        sid, jid = self.sid(), f"dora@{DOMAIN}/d"
        name = stream_hash(sid, jid, self.pair.receiver_jid)
        for _ in range(2):
            self.connect().connect(name)
        said, whole = self.pair.activate(sid, dora)
        self.assertEqual(said, "forbidden")
        self.assertIn("type='auth'", whole)
        denied = records(self.server, "bulk-start", sid)[0]
        self.assertEqual((denied["decision"], denied["actor"]), ("deny", f"dora@{DOMAIN}"))
        records(self.server, "bulk-offer", "", who=f"dora@{DOMAIN}", decision="deny")

    def test_an_offer_that_the_policy_allows_reaches_its_target_and_comes_back(self):
        offer = f"<query xmlns='{BYTESTREAMS}' sid='s1'><streamhost jid='{PROXY}'/></query>"
        number = self.pair.sender.send("set", offer, self.pair.receiver_jid)
        got = self.pair.receiver.take(rf"<iq\b[^>]*id='{number}'.*?</iq>", SECONDS).group()
        self.assertIn("sid='s1'", got)
        self.pair.receiver.raw.send(
            f"<iq type='result' id='{number}' to='{self.pair.sender_jid}'>"
            f"<query xmlns='{BYTESTREAMS}'><streamhost-used jid='{PROXY}'/></query></iq>"
        )
        said, whole = self.pair.sender.answer(number)
        self.assertEqual(said, "ok")
        self.assertIn("streamhost-used", whole)

    # --- TLS at the proxy ---------------------------------------------------------------------

    def test_tls_with_the_certificates_of_the_two(self):
        both = self.bundles["anna"], self.bundles["bert"]
        for bundles in (both, (both[0], None), (None, both[1])):
            sid, data = self.sid(), chunk(1 << 20)
            with self.subTest(bundles=bundles), self.pair.stream(sid, bundles=bundles) as ends:
                for one, other in (ends, reversed(ends)):
                    thread = send_all(one, data)
                    self.assertEqual(other.read(len(data)), data)
                    thread.join()
                ends[0].close()
                self.assertEqual(ends[1].read(1), b"")

    def test_tls_with_the_certificate_of_another_account_is_refused(self):
        for bundles in (
            (self.bundles["mallory"], None), (self.bundles["anna"], self.bundles["mallory"]),
            (self.bundles["anna"], self.bundles["anna"]),
        ):
            sid = self.sid()
            here, there = self.pair.connections(sid, bundles=bundles)
            said, whole = self.pair.activate(sid)
            self.assertEqual(said, "not-authorized", whole)
            here.close()
            there.close()

    # --- crowds -------------------------------------------------------------------------------

    def test_half_open_connections_cost_others_nothing(self):
        """Up to 10,000 from one address, as many as this process may have, in every state before
        activation."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        count = min(10_000, hard - 500)
        before = self.server.resident_bytes()
        crowd = []
        try:
            for number in range(count):
                one = socket.create_connection(self.pair.proxy, SECONDS, ("127.0.0.9", 0))
                crowd.append(one)
                try:
                    if number % 3:
                        one.sendall(b"\5\1\0")
                    if number % 3 == 2:
                        one.sendall(b"\5\1\0\3\x28" + os.urandom(20).hex().encode() + b"\0\0")
                except OSError:
                    pass    # the proxy has let this one give way already
            sid = self.sid()
            with self.pair.stream(sid, source="127.0.0.10") as (here, there):
                here.send(b"through the crowd")
                self.assertEqual(there.read(17), b"through the crowd")
                grown = self.server.resident_bytes() - before
                self.assertLess(grown, 32 << 20, f"{count} connections")
                said, _ = self.pair.sender.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)
                self.assertEqual(said, "ok")
        finally:
            for one in crowd:
                one.close()


class Faults(unittest.TestCase):
    """A server of each test's own."""

    def serve(self, policy="allow any to bulk any\nallow any to message any\n", **settings):
        self.server = Operated(policy, {"bulk.proxy_host": "127.0.0.1"})
        self.addCleanup(self.server.close)
        self.server.settings.update({k.replace("__", "."): v for k, v in settings.items()})
        self.server.start()
        self.bundles = []
        for name in ("anna", "bert"):
            self.server.admin_ctl("accounts", "add", f"{name}@{DOMAIN}")
            self.bundles.append(self.server.authority.client(f"{name}@{DOMAIN}"))
        return self.open()

    def open(self):
        pair = Pair(self.server, *self.bundles)
        self.addCleanup(pair.close)
        return pair

    def cut_by(self, pair, sid, act, state, why):
        """The act cuts a stream in the middle: both ends see it, and the audit says why."""
        with pair.stream(sid) as (here, there):
            thread = send_all(here, chunk(256 << 20))
            there.read(4 << 20)
            act()
            self.assertTrue(there.is_reset(), "the receiver takes it for whole")
            thread.join(SECONDS)
            self.assertFalse(thread.is_alive(), "the sender goes on")
        found = ended(self.server, sid)
        self.assertEqual(found["state"], state, found)
        self.assertIn(why, found["detail"])
        over = records(self.server, "bulk-end", sid)[0]
        self.assertIn(f"{found['bytes']} bytes: {state}", over["detail"])

    def test_a_change_of_the_policy_cuts_a_stream_in_the_middle(self):
        pair = self.serve()

        def change():
            self.server.admin_ctl("policy", "set", "-", stdin="deny any to bulk any\n")

        self.cut_by(pair, "policy-sid", change, "denied", "deny any bulk any")
        here, there = pair.connections("again")
        self.assertEqual(pair.activate("again")[0], "forbidden")
        here.close()
        there.close()

    def test_disabling_either_account_cuts_a_stream_in_the_middle(self):
        pair = self.serve()
        for place, name in enumerate(("anna", "bert")):
            account = f"{name}@{DOMAIN}"
            if place:
                pair = self.open()
            self.cut_by(
                pair, f"disabled-{name}",
                lambda account=account: self.server.admin_ctl("accounts", "disable", account),
                "disabled", f"{account} is not enabled",
            )
            self.server.admin_ctl("accounts", "enable", account)

    def test_an_administrator_who_ends_a_session_ends_its_streams(self):
        pair = self.serve()
        self.cut_by(
            pair, "ended-sid",
            lambda: self.server.admin_ctl("sessions", "end", pair.receiver_jid),
            "ended", pair.receiver_jid,
        )

    def test_a_block_list_cuts_a_stream_in_the_middle(self):
        pair = self.serve()

        def block():
            said, whole = pair.receiver.ask(
                "set",
                f"<block xmlns='urn:xmpp:blocking'><item jid='{self.bundles[0].jid}'/></block>",
                self.bundles[1].jid,
            )
            assert said == "ok", whole

        self.cut_by(pair, "block-sid", block, "denied", "block list")

    def test_a_block_that_is_taken_back_at_once_has_cut_all_the_same(self):
        """The look that transfers get every two seconds would hardly see it."""
        pair = self.serve()

        def block():
            jid = self.bundles[0].jid
            for word in ("block", "unblock"):
                said, whole = pair.receiver.ask(
                    "set", f"<{word} xmlns='urn:xmpp:blocking'><item jid='{jid}'/></{word}>",
                    self.bundles[1].jid,
                )
                assert said == "ok", whole

        self.cut_by(pair, "moment-sid", block, "denied", "block list")
        with pair.stream("after") as (here, there):
            here.send(b"again")
            self.assertEqual(there.read(5), b"again")

    def test_an_in_use_certificate_that_is_revoked_cuts_a_stream_in_the_middle(self):
        """Also when the XMPP stream of that client has ended before."""
        self.server = Operated("allow any to bulk any\n", {"bulk.proxy_host": "127.0.0.1"})
        self.addCleanup(self.server.close)
        root = RevokingAuthority(os.path.join(self.server.folder, "root"))
        set_up(self.server, root)
        lists = os.path.join(self.server.folder, "lists")
        os.makedirs(lists)
        crl = os.path.join(lists, "one.crl")
        root.crl(crl)
        self.server.settings.update({"tls.crl": lists, "accounts.auto_approve": "true"})
        self.server.start()
        self.bundles = [root.client(f"{name}@{DOMAIN}") for name in ("anna", "bert")]
        pair = self.open()

        def revoke():
            pair.receiver.raw.send("</stream:stream>")
            pair.receiver.raw.until_closed()
            root.crl(crl, [serial_of(self.bundles[1])])

        self.cut_by(pair, "revoked-sid", revoke, "revoked", "revoked")

    def test_a_stalled_peer_and_a_reader_of_a_byte_a_second_are_cut_as_idle(self):
        pair = self.serve(bulk__idle_seconds_max="3")
        for sid, reads in (("stalled", 0), ("trickle", 1)):
            with self.subTest(sid=sid), pair.stream(sid) as (here, there):
                there.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                thread = send_all(here, chunk(256 << 20))
                deadline = time.monotonic() + 60
                while thread.is_alive() and time.monotonic() < deadline:
                    if reads:
                        there.read(1)
                    time.sleep(0.2)
                self.assertFalse(thread.is_alive(), "the sender was not told")
            self.assertEqual(ended(self.server, sid)["state"], "idle")

    def test_a_peer_that_dies_resets_the_other(self):
        pair = self.serve()
        with pair.stream("dies") as (here, there):
            here.send(b"half of")
            self.assertEqual(there.read(7), b"half of")
            here.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            here.close()
            self.assertTrue(there.is_reset())
        self.assertEqual(ended(self.server, "dies")["state"], "lost")

    def test_a_quota_of_bytes_cuts_and_then_refuses(self):
        pair = self.serve(bulk__bytes_per_account_max="1000000")
        with pair.stream("much") as (here, there):
            thread = send_all(here, chunk(64 << 20))
            self.assertTrue(there.is_reset())
            thread.join(SECONDS)
        self.assertEqual(ended(self.server, "much")["state"], "quota")
        here, there = pair.connections("more")
        said, whole = pair.activate("more")
        self.assertEqual(said, "resource-constraint")
        self.assertIn("bulk.bytes_per_account_max", whole)
        here.close()
        there.close()

    def test_a_quota_of_transfers_refuses_the_next(self):
        pair = self.serve(bulk__transfers_per_account_max="1")
        with pair.stream("one"):
            here, there = pair.connections("two")
            said, whole = pair.activate("two")
            self.assertEqual(said, "resource-constraint")
            self.assertIn("bulk.transfers_per_account_max", whole)
            found = running(self.server, pair.sender)
            self.assertEqual([row["what"] for row in found], ["one"])
        ended(self.server, "one")
        self.assertEqual(pair.activate("two")[0], "ok")
        here.close()
        there.close()

    def test_a_rate_of_bytes_slows_down(self):
        pair = self.serve(bulk__bytes_per_second_per_account="1000000")
        with pair.stream("slow") as (here, there):
            began = time.monotonic()
            thread = send_all(here, chunk(3 << 20))
            self.assertEqual(len(there.read(3 << 20)), 3 << 20)
            self.assertGreater(time.monotonic() - began, 1.5)
            thread.join()

    def test_the_end_of_the_server_resets_both_and_leaves_nothing(self):
        pair = self.serve()
        for how in ("kill9", "stop"):
            with self.subTest(how=how), pair.stream(how) as (here, there):
                here.send(b"half of")
                self.assertEqual(there.read(7), b"half of")
                getattr(self.server, how)()
                self.assertIn(there.read(1), (b"", None))
            self.server.start()
            pair = self.open()
            self.assertEqual(self.server.admin_json("transfers", "list")["transfers"], [])
            with pair.stream("after-" + how) as (here, there):
                here.send(b"again")
                self.assertEqual(there.read(5), b"again")
        self.assertIn("stopped", records(self.server, "bulk-end", "s5b stop,")[0]["detail"])

    def test_tls_can_be_required(self):
        pair = self.serve(bulk__tls_required="true")
        plain = Socks(pair.proxy)
        self.addCleanup(plain.close)
        plain.send(b"\5\1\0")
        self.assertIn(plain.read(1), (b"", None))
        with pair.stream("tls", bundles=self.bundles) as (here, there):
            here.send(b"sealed")
            self.assertEqual(there.read(6), b"sealed")

    def test_without_a_listener_there_is_no_proxy(self):
        self.server = Operated("allow any to bulk any\n", {"listen.socks5": ""})
        self.addCleanup(self.server.close)
        self.server.start()
        self.server.admin_ctl("accounts", "add", f"anna@{DOMAIN}")
        bundle = self.server.authority.client(f"anna@{DOMAIN}")
        client = Topic(self.server, bundle)
        self.addCleanup(client.close)
        self.assertNotIn(PROXY, client.ask("get", f"<query xmlns='{ITEMS}'/>", DOMAIN)[1])
        self.assertEqual(
            client.ask("get", f"<query xmlns='{BYTESTREAMS}'/>", PROXY)[0], "service-unavailable"
        )

    def test_an_account_that_is_not_enabled_gets_nothing_at_the_proxy(self):
        pair = self.serve()
        stranger = self.server.authority.client(f"new@{DOMAIN}")
        with Raw(self.server.c2s, DOMAIN) as raw:
            raw.login(stranger)
            raw.send(f"<iq type='get' id='q' to='{PROXY}'><query xmlns='{BYTESTREAMS}'/></iq>")
            self.assertIn("type='error'", raw.expect("<iq[^>]*id='q'.*?</iq>").group())
        pair.close()


if __name__ == "__main__":
    unittest.main()
