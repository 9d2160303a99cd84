# tests/integration/test_ibb.py: in-band byte streams between clients (XEP-0047) under the policy's
# `bulk`.
"""Bare streams for what a library would not do, and slixmpp's own plugin in both roles."""

import asyncio
import base64
import re
import threading
import time
import unittest

from gridd import DOMAIN, Operated
from socks import SECONDS, Pair, ended, records, running
from stock import Client
from topic import Topic

IBB = "http://jabber.org/protocol/ibb"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
POLICY = """\
allow client anna to bulk client bert
allow client stock* to bulk client stock*
allow client dora to message any
"""


def packet(sid, seq, data):
    return f"<data xmlns='{IBB}' sid='{sid}' seq='{seq}'>{base64.b64encode(data).decode()}</data>"


class InBand(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Operated(POLICY).start()
        cls.addClassCleanup(cls.server.close)
        cls.bundles = {}
        for name in ("anna", "bert", "dora", "stock1", "stock2"):
            cls.server.admin_ctl("accounts", "add", f"{name}@{DOMAIN}")
            cls.bundles[name] = cls.server.authority.client(f"{name}@{DOMAIN}")

    def setUp(self):
        self.pair = Pair(self.server, self.bundles["anna"], self.bundles["bert"], self.id()[-20:])
        self.addCleanup(self.pair.close)
        self.here, self.there = self.pair.sender, self.pair.receiver

    def reply(self, client, to, kind, number):
        """The client answers an iq that it got."""
        client.take(rf"<iq\b[^>]*id='{number}'.*?(?:</iq>)", SECONDS)
        error = f"<error type='cancel'><not-acceptable xmlns='{STANZAS}'/></error>"
        client.raw.send(
            f"<iq type='{kind}' id='{number}' to='{to}'>{error if kind == 'error' else ''}</iq>"
        )

    def open(self, sid, kind="result", stanza="iq"):
        number = self.here.send(
            "set", f"<open xmlns='{IBB}' sid='{sid}' block-size='4096' stanza='{stanza}'/>",
            self.pair.receiver_jid,
        )
        self.reply(self.there, self.pair.sender_jid, kind, number)
        return self.here.answer(number)[0]

    def send(self, sender, receiver, sid, seq, data):
        jid = self.pair.receiver_jid if sender is self.here else self.pair.sender_jid
        back = self.pair.sender_jid if sender is self.here else self.pair.receiver_jid
        number = sender.send("set", packet(sid, seq, data), jid)
        self.reply(receiver, back, "result", number)
        return sender.answer(number)[0]

    def close_stream(self, sid):
        number = self.here.send(
            "set", f"<close xmlns='{IBB}' sid='{sid}'/>", self.pair.receiver_jid
        )
        self.reply(self.there, self.pair.sender_jid, "result", number)
        return self.here.answer(number)[0]

    def test_a_stream_is_opened_used_both_ways_and_closed(self):
        """The right is that of the side that opened it: bert alone may send nothing."""
        self.assertEqual(self.open("both"), "ok")
        self.assertEqual(self.send(self.here, self.there, "both", 0, b"x" * 1000), "ok")
        self.assertEqual(self.send(self.there, self.here, "both", 0, b"y" * 17), "ok")
        found = running(self.server, self.there)
        self.assertEqual([(row["what"], row["bytes"]) for row in found], [("both", 1017)])
        self.assertEqual(self.close_stream("both"), "ok")
        found = ended(self.server, "both")
        self.assertEqual((found["state"], found["kind"], found["bytes"]), ("complete", "ibb", 1017))
        self.assertIn("1017 bytes: complete", records(self.server, "bulk-end", "both")[0]["detail"])
        self.assertEqual(
            self.here.ask("set", packet("both", 1, b"z"), self.pair.receiver_jid)[0],
            "item-not-found",
        )

    def test_the_policy_decides_who_opens(self):
        opening = f"<open xmlns='{IBB}' sid='s' block-size='4096'/>"
        said, whole = self.there.ask("set", opening, self.pair.sender_jid)
        self.assertEqual(said, "service-unavailable", whole)    # bert may not even write to anna
        dora = Topic(self.server, self.bundles["dora"])
        self.addCleanup(dora.close)
        self.assertEqual(dora.ask("set", opening, self.pair.receiver_jid)[0], "forbidden")
        self.assertEqual(
            dora.ask("set", packet("s", 0, b"x"), self.pair.receiver_jid)[0], "item-not-found"
        )
        self.assertNotIn(IBB, self.there.raw.seen)

    def test_a_stream_that_is_declined_is_none(self):
        self.assertEqual(self.open("no", "error"), "not-acceptable")
        self.assertEqual(ended(self.server, "no")["state"], "declined")
        self.assertEqual(
            self.here.ask("set", packet("no", 0, b"x"), self.pair.receiver_jid)[0],
            "item-not-found",
        )

    def test_bad_openings(self):
        for attributes in (
            "sid='s'", "block-size='4096'", "sid='' block-size='4096'", "sid='s' block-size='0'",
            "sid='s' block-size='65536'", "sid='s' block-size='many'",
        ):
            said, _ = self.here.ask(
                "set", f"<open xmlns='{IBB}' {attributes}/>", self.pair.receiver_jid
            )
            self.assertEqual(said, "bad-request", attributes)
        self.assertEqual(self.open("twice"), "ok")
        said, _ = self.here.ask(
            "set", f"<open xmlns='{IBB}' sid='twice' block-size='4096'/>", self.pair.receiver_jid
        )
        self.assertEqual(said, "not-acceptable")
        self.assertEqual(self.close_stream("twice"), "ok")

    def test_nothing_is_sent_before_the_other_side_agrees(self):
        number = self.here.send(
            "set", f"<open xmlns='{IBB}' sid='early' block-size='4096'/>", self.pair.receiver_jid
        )
        self.assertEqual(
            self.here.ask("set", packet("early", 0, b"x"), self.pair.receiver_jid)[0],
            "unexpected-request",
        )
        self.reply(self.there, self.pair.sender_jid, "result", number)
        self.assertEqual(self.here.answer(number)[0], "ok")
        self.assertEqual(self.close_stream("early"), "ok")

    def test_a_packet_larger_than_its_stream_has_said_is_refused(self):
        """The stream goes on, and the other side never sees the packet."""
        self.assertEqual(self.open("large"), "ok")
        said, whole = self.here.ask(
            "set", packet("large", 0, b"x" * 4097), self.pair.receiver_jid
        )
        self.assertEqual(said, "bad-request", whole)
        self.assertIn("4096 bytes", whole)
        back, whole = self.there.ask("set", packet("large", 0, b"x" * 4097), self.pair.sender_jid)
        self.assertEqual(back, "bad-request", whole)
        self.assertEqual(self.send(self.here, self.there, "large", 0, b"y" * 4096), "ok")
        self.assertEqual(self.close_stream("large"), "ok")
        self.assertEqual(ended(self.server, "large")["bytes"], 4096)

    def test_packets_in_messages(self):
        """Without the policy's `message`: a message that is no packet does not pass."""
        self.assertEqual(self.open("words", stanza="message"), "ok")
        for seq in range(3):
            self.here.raw.send(
                f"<message to='{self.pair.receiver_jid}' id='m{seq}'>"
                f"{packet('words', seq, b'0123456789')}</message>"
            )
            got = self.there.take(rf"<message\b[^>]*id='m{seq}'.*?</message>", SECONDS).group()
            self.assertIn(f"seq='{seq}'", got)
            self.assertIn(f"from='{self.pair.sender_jid}'", got)
        for number, inside, to in (
            ("w1", packet("other", 0, b"x"), self.pair.receiver_jid),
            ("w2", packet("words", 0, b"x"), self.pair.receiver_jid.split("/")[0]),
            ("w3", "<body>hello</body>", self.pair.receiver_jid),
        ):
            self.here.raw.send(f"<message to='{to}' id='{number}'>{inside}</message>")
            error = self.here.take(rf"<message\b[^>]*id='{number}'.*?</message>", SECONDS).group()
            expected = "service-unavailable" if number == "w3" else "item-not-found"
            self.assertIn("<" + expected, error)
        self.assertEqual(self.close_stream("words"), "ok")
        self.assertEqual(ended(self.server, "words")["bytes"], 30)

    def refused(self, inside, number):
        """By the server, and the other side sees nothing of it."""
        self.here.raw.send(
            f"<message to='{self.pair.receiver_jid}' id='{number}' type='chat'>{inside}</message>"
        )
        error = self.here.take(rf"<message\b[^>]*id='{number}'.*?</message>", SECONDS).group()
        self.assertIn("<bad-request", error)
        self.assertNotIn(f"id='{number}'", self.there.raw.seen)

    def test_a_message_with_a_packet_has_nothing_else_in_it(self):
        """anna may send bert bulk data, and no messages: not beside a packet either."""
        self.assertEqual(self.open("cover", stanza="message"), "ok")
        one = packet("cover", 0, b"x")
        opening = f"<open xmlns='{IBB}' sid='k' block-size='10'/>"
        for at, inside in enumerate((
            one + "<body>hello</body>", "<body>hello</body>" + packet("cover", 0, b""),
            one + "<x xmlns='jabber:x:oob'><url>https://evil</url></x>",
            one + packet("cover", 1, b"x" * 9000), one + packet("other", 0, b"y"), one + opening,
        )):
            with self.subTest(at):
                self.refused(inside, f"cover{at}")
        # Markings for those that carry it are no content.
        self.here.raw.send(
            f"<message to='{self.pair.receiver_jid}' id='marked'>{one}<thread>t</thread>"
            "<no-copy xmlns='urn:xmpp:hints'/></message>"
        )
        self.there.take(r"<message\b[^>]*id='marked'.*?</message>", SECONDS)
        self.assertEqual(self.close_stream("cover"), "ok")
        self.assertEqual(ended(self.server, "cover")["bytes"], 1)

    def test_a_packet_is_base64_text_with_a_number(self):
        self.assertEqual(self.open("strict"), "ok")
        whole = "xmlns='%s' sid='strict'" % IBB
        for inside in (
            f"<data {whole} seq='0'>{'@' * 100}</data>", f"<data {whole} seq='0'>QUJ</data>",
            f"<data {whole} seq='0'>{' ' * 20000}QUJD</data>",
            f"<data {whole} seq='0'>QUJD<x>{'Q' * 20000}</x></data>",
            f"<data {whole} seq='0'>{'=' * 20000}</data>",
            f"<data {whole} seq='0' more='{'Q' * 20000}'>QUJD</data>",
            f"<data {whole}>QUJD</data>", f"<data {whole} seq='65536'>QUJD</data>",
            f"<data {whole} seq='first'>QUJD</data>", f"<close {whole}><x/></close>",
        ):
            with self.subTest(inside[-60:]):
                said, _ = self.here.ask("set", inside, self.pair.receiver_jid)
                self.assertEqual(said, "bad-request")
        number = self.here.send(   # in lines, as some write it
            "set", f"<data {whole} seq='0'>\n  QUJD\n  QUI=\n</data>", self.pair.receiver_jid
        )
        self.reply(self.there, self.pair.sender_jid, "result", number)
        self.assertEqual(self.here.answer(number)[0], "ok")
        self.assertEqual(self.close_stream("strict"), "ok")
        self.assertEqual(ended(self.server, "strict")["bytes"], 5)

    def test_a_third_client_cannot_send_into_a_stream(self):
        self.assertEqual(self.open("ours"), "ok")
        dora = Topic(self.server, self.bundles["dora"])
        other = Topic(self.server, self.bundles["anna"], resource="another")
        for client in (dora, other):
            self.addCleanup(client.close)
            for inside in (packet("ours", 0, b"x"), f"<close xmlns='{IBB}' sid='ours'/>"):
                self.assertEqual(
                    client.ask("set", inside, self.pair.receiver_jid)[0], "item-not-found"
                )
        self.assertEqual(self.send(self.here, self.there, "ours", 0, b"still open"), "ok")
        self.assertEqual(self.close_stream("ours"), "ok")

    def test_a_side_that_goes_away_ends_it(self):
        self.assertEqual(self.open("gone"), "ok")
        self.there.raw.send("</stream:stream>")
        self.there.raw.until_closed()
        found = ended(self.server, "gone")
        self.assertEqual(found["state"], "lost")
        self.assertEqual(found["detail"], f"{self.pair.receiver_jid} is gone")

    def test_other_offers_need_the_same_right(self):
        """XEP-0095, Jingle (XEP-0234, 0260, 0261): also back from the side that may not begin."""
        si = "<si xmlns='http://jabber.org/protocol/si' id='a' profile='p'/>"
        jingle = "<jingle xmlns='urn:xmpp:jingle:1' sid='j' action='session-%s'/>"
        for payload in (si, jingle % "initiate"):
            number = self.here.send("set", payload, self.pair.receiver_jid)
            self.there.take(rf"<iq\b[^>]*id='{number}'.*?</iq>", SECONDS)
            self.assertEqual(
                self.there.ask("set", payload, self.pair.sender_jid)[0], "service-unavailable"
            )
        number = self.there.send("set", jingle % "accept", self.pair.sender_jid)
        self.here.take(rf"<iq\b[^>]*id='{number}'.*?</iq>", SECONDS)

    def test_slixmpp_sends_and_receives_in_band(self):
        self.slixmpp_sends_and_receives(use_messages=False)

    def test_slixmpp_sends_and_receives_in_messages(self):
        self.slixmpp_sends_and_receives(use_messages=True)

    def slixmpp_sends_and_receives(self, use_messages):
        data = bytes(range(256)) * 200

        def told():
            return [
                (row["state"], row["bytes"]) for _ in self.server.each()
                for row in self.server.admin_json("transfers", "recent")["recent"]
                if row["account"].startswith("stock")
            ]

        async def transfer(sender, receiver):
            arrived = asyncio.get_running_loop().create_future()
            receiver.add_event_handler(
                "ibb_stream_start",
                lambda stream: arrived.done() or arrived.set_result(stream), disposable=True,
            )
            stream = await sender["xep_0047"].open_stream(
                receiver.boundjid.full, use_messages=use_messages, timeout=SECONDS
            )
            incoming = await asyncio.wait_for(arrived, SECONDS)
            gathering = asyncio.ensure_future(incoming.gather(timeout=SECONDS))
            await asyncio.sleep(0)
            await stream.sendall(data, timeout=SECONDS)
            await stream.close(timeout=SECONDS)
            self.assertEqual(await gathering, data)

        async def run():
            one = Client(self.bundles["stock1"], "s")
            other = Client(self.bundles["stock2"], "s")
            for client in (one, other):
                client.register_plugin("xep_0047", {"auto_accept": True})
                await client.login(self.server.c2s)
                await client["xep_0030"].get_info(DOMAIN)    # seen to be available
            await transfer(one, other)
            await transfer(other, one)
            await one.leave()
            await other.leave()

        before = len(told())
        asyncio.run(run())
        found = told()
        self.assertEqual(len(found) - before, 2)
        self.assertEqual(set(found), {("complete", len(data))})


class Served(unittest.TestCase):
    """A server of each test's own, on which anna and bert may do all."""

    def serve(self, **settings):
        settings = {key.replace("__", "."): value for key, value in settings.items()}
        server = Operated("allow any to bulk any\n", settings).start()
        self.addCleanup(server.close)
        bundles = []
        for name in ("anna", "bert"):
            server.admin_ctl("accounts", "add", f"{name}@{DOMAIN}")
            bundles.append(server.authority.client(f"{name}@{DOMAIN}"))
        pair = Pair(server, *bundles)
        self.addCleanup(pair.close)
        return server, pair

    def open(self, pair, sid, stanza="iq"):
        number = pair.sender.send(
            "set", f"<open xmlns='{IBB}' sid='{sid}' block-size='4096' stanza='{stanza}'/>",
            pair.receiver_jid,
        )
        self.reply(pair, number)
        self.assertEqual(pair.sender.answer(number)[0], "ok")

    def reply(self, pair, number):
        pair.receiver.take(rf"<iq\b[^>]*id='{number}'.*?(?:/>|</iq>)", SECONDS)
        pair.receiver.raw.send(f"<iq type='result' id='{number}' to='{pair.sender_jid}'/>")


class Rates(Served):
    """A client that sends faster than it may is not read for a while; no packet is lost."""

    def flood(self, pair, count):
        pair.sender.raw.send("".join(
            f"<message to='{pair.receiver_jid}' id='m{seq}'>{packet('fast', seq, b'x' * 4096)}"
            "</message>"
            for seq in range(count)
        ))

    def arrives(self, pair, seq):
        pair.receiver.take(rf"<message\b[^>]*id='m{seq}'.*?</message>", SECONDS)

    def test_packets_in_messages_wait_for_the_rate_of_their_account(self):
        # More than are taken in one turn of a stream.
        _, pair = self.serve(bulk__bytes_per_second_per_account="200000")
        self.open(pair, "fast", "message")
        began = time.monotonic()
        thread = threading.Thread(target=self.flood, args=(pair, 200))
        thread.start()
        self.arrives(pair, 0)
        # Others do not wait, and neither does what is sent to the sender.
        self.assertEqual(
            pair.receiver.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)[0], "ok"
        )
        self.assertNotIn("id='m199'", pair.receiver.raw.seen)
        for seq in range(1, 200):
            self.arrives(pair, seq)
        thread.join()
        self.assertGreater(time.monotonic() - began, 1)

    def test_packets_in_iqs_wait_for_the_rate_of_the_server(self):
        _, pair = self.serve(bulk__bytes_per_second="16000")
        self.open(pair, "slow")
        began = time.monotonic()
        for seq in range(8):
            number = pair.sender.send("set", packet("slow", seq, b"x" * 4096), pair.receiver_jid)
            self.reply(pair, number)
            self.assertEqual(pair.sender.answer(number)[0], "ok")
        self.assertGreater(time.monotonic() - began, 1)

    def test_a_stream_that_waits_can_be_ended(self):
        server, pair = self.serve(bulk__bytes_per_second_per_account="500")
        self.open(pair, "fast", "message")
        self.flood(pair, 8)   # then the sender is not read for a minute
        self.arrives(pair, 0)
        began = time.monotonic()
        server.admin_ctl("sessions", "end", pair.sender_jid)
        pair.sender.raw.until_closed()
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual(ended(server, "fast")["state"], "ended")


class Cut(Served):
    def test_what_takes_the_right_away_closes_the_stream_at_both_ends(self):
        server, pair = self.serve()
        self.open(pair, "cut")
        server.admin_ctl("policy", "set", "-", stdin="allow any to message any\n")
        for client, other in (
            (pair.sender, pair.receiver_jid), (pair.receiver, pair.sender_jid)
        ):
            told = client.take(rf"<iq\b[^>]*type='set'.*?<close\b.*?</iq>", SECONDS).group()
            self.assertIn(f"from='{other}'", told)
            self.assertIn("sid='cut'", told)
            answer = re.search(r"id='([^']+)'", told).group(1)
            client.raw.send(f"<iq type='result' id='{answer}' to='{other}'/>")
        self.assertEqual(ended(server, "cut")["state"], "denied")
        said, _ = pair.sender.ask("set", packet("cut", 0, b"x"), pair.receiver_jid)
        self.assertEqual(said, "item-not-found")

    def test_a_quota_of_bytes_closes_the_stream(self):
        server, pair = self.serve(bulk__bytes_per_account_max="5000")
        self.open(pair, "much")
        pair.sender.send("set", packet("much", 0, b"x" * 4096), pair.receiver_jid)
        said, whole = pair.sender.ask("set", packet("much", 1, b"x" * 4096), pair.receiver_jid)
        self.assertEqual(said, "resource-constraint")
        self.assertIn("bulk.bytes_per_account_max", whole)
        self.assertEqual(ended(server, "much")["state"], "quota")

    def test_what_stands_around_a_packet_counts(self):
        server, pair = self.serve(bulk__bytes_per_account_max="5000")
        self.open(pair, "around", "message")
        for seq in range(2):
            pair.sender.raw.send(
                f"<message to='{pair.receiver_jid}' id='m{seq}'><thread>{'x' * 4000}</thread>"
                f"{packet('around', seq, b'')}</message>"
            )
        error = pair.sender.take(r"<message\b[^>]*id='m1'.*?</message>", SECONDS).group()
        self.assertIn("<resource-constraint", error)
        self.assertEqual(ended(server, "around")["state"], "quota")

    def test_closing_without_an_end_counts(self):
        server, pair = self.serve(bulk__bytes_per_account_max="5000")
        self.open(pair, "again")
        for number in ("c0", "c1"):   # the other side answers neither
            pair.sender.raw.send(
                f"<iq type='set' id='{number}{'x' * 4000}' to='{pair.receiver_jid}'>"
                f"<close xmlns='{IBB}' sid='again'/></iq>"
            )
        pair.sender.take(r"<iq\b[^>]*id='c1x.*?<resource-constraint.*?</iq>", SECONDS)
        self.assertEqual(ended(server, "again")["state"], "quota")


if __name__ == "__main__":
    unittest.main()
