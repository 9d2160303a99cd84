# tests/integration/test_in_band_histories.py: the history of a topic in an in-band stream
# (XEP-0047) of which the server is an end.
"""bob asks BulkQuery for the carrier `ibb`: the server opens the stream, sends packets as long as
their answers come, and closes it. A bare stream for what a library would not do, and slixmpp."""

import asyncio
import base64
import os
import re
import time
import unittest
from unittest import mock

from files import BULK
from gridd import CONTROLLER, DOMAIN
from stock import ET, Client
from test_history import POLICY, SETTINGS, TOPIC, HistoryCase, Taken
from topic import Topic

IBB = "http://jabber.org/protocol/ibb"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
ITEMS = 400
SECONDS = 30
PACKETS_MAX = 4
SERVICE = "com.domain.gi.gcl.controller"


def question(*params, transports=("ibb",), topic=TOPIC):
    inner = "".join(f"<param name='{name}'>{value}</param>"
                    for name, value in (("topic", topic), *params))
    inner += "".join(f"<transport>{word}</transport>" for word in transports)
    return (f"<grid xmlns='gi' type='request'><BulkQuery xmlns='{SERVICE}'><download>{inner}"
            "</download></BulkQuery></grid>")


class Receiver:
    """The client's end: what it was sent, and answers when the test says so."""

    def __init__(self, case, bundle, resource="receiver"):
        self.case = case
        self.client = Topic(case.server, bundle, resource=resource)
        self.data, self.next = b"", 0

    def ask(self, *params, to=BULK, **about):
        """The transport of the offer, and its id; or the condition of the refusal."""
        said, whole = self.client.ask("get", question(*params, **about), to)
        if said != "ok":
            return said, whole
        value = re.search("<value[^>]*/>", whole).group()
        named = dict(re.findall(r"(\S+)='([^']*)'", value))
        return named.get("transport"), named.get("sid")

    def iq(self, child, seconds=SECONDS):
        """The next iq of the server's with that child: its id, its text."""
        found = self.client.take(
            rf"<iq\b[^>]*id='(in-band-\d+)'[^>]*><{child}\b.*?</iq>", seconds
        )
        assert "type='set'" in found.group() and IBB in found.group(), found.group()
        return found.group(1), found.group()

    def waits(self):
        """How many packets are here and not looked at."""
        return len(re.findall("<data ", self.client.raw.seen))

    def reply(self, number, condition="", to=BULK):
        error = f"<error type='cancel'><{condition} xmlns='{STANZAS}'/></error>"
        self.client.raw.send(f"<iq type='{'error' if condition else 'result'}' id='{number}' "
                             f"to='{to}'>{error if condition else ''}</iq>")

    def accept(self, sid, to=BULK):
        number, text = self.iq("open")
        self.case.assertIn(f"sid='{sid}'", text)
        self.case.assertIn("stanza='iq'", text)
        self.reply(number, to=to)
        return int(re.search(r"block-size='(\d+)'", text).group(1))

    def packet(self, block=4096):
        """Takes one, and keeps its bytes; its id, which is to be answered."""
        number, text = self.iq("data")
        self.case.assertIn(f"seq='{self.next}'", text)
        self.next += 1
        bytes_of = base64.b64decode(re.search("<data[^>]*>([^<]*)<", text).group(1), validate=True)
        self.case.assertLessEqual(len(bytes_of), block)
        self.data += bytes_of
        return number

    def take_all(self, block=4096, to=BULK):
        """Until the server closes the stream."""
        while True:
            seen = self.client.raw.seen
            if "<data " in seen:
                self.reply(self.packet(block), to=to)
            elif "<close " in seen:
                self.reply(self.iq("close")[0], to=to)
                return self.data
            else:
                self.client.raw.receive(time.monotonic() + SECONDS)


class StreamCase(HistoryCase):
    items = ITEMS
    settings = SETTINGS | {"bulk.idle_seconds_max": 60}   # a busy machine is no silent client

    def receiver(self, bundle=None, resource="receiver"):
        made = Receiver(self, bundle or self.bob, resource)
        self.addCleanup(made.client.close)
        return made

    def ended(self, resource, state, detail="", seconds=SECONDS):
        """The transfer to bob's client of that name that ended last, once it has that state. In a
        cluster each member shows its own."""
        deadline = time.monotonic() + seconds
        to = f"bob@{DOMAIN}/{resource}"
        while True:
            listed = self.server.admin_json("transfers", "recent")["recent"]
            mine = [one for one in listed if (one["kind"], one["what"], one["to"])
                    == ("ibb", TOPIC, to)]
            if mine and mine[0]["state"] == state and detail in (mine[0]["detail"] or ""):
                return mine[0]
            self.assertLess(time.monotonic(), deadline, mine[:2])
            time.sleep(0.1)

    def running(self):
        return [one for _ in self.server.each()
                for one in self.server.admin_json("transfers", "list")["transfers"]]


class OwnStreams(StreamCase):
    @classmethod
    def setUpClass(cls):
        """Memory that was freed is overwritten, so that a use of it shows."""
        with mock.patch.dict(os.environ, {"MALLOC_CONF": "junk:free"}):
            super().setUpClass()

    def tearDown(self):
        self.set_policy(POLICY)

    def test_the_whole_history_comes_in_band(self):
        for to, form in ((BULK, "xml"), (CONTROLLER, "ndjson")):
            with self.subTest(form):
                receiver = self.receiver(resource=form)
                kind, sid = receiver.ask(("format", form), to=to)
                self.assertEqual(kind, "ibb", sid)
                self.assertEqual(receiver.accept(sid, to), 4096)
                data = receiver.take_all(to=to)
                taken = Taken(data, form == "ndjson")
                self.assertEqual(taken.numbers, list(range(ITEMS)))
                self.assertEqual(taken.end[0], ITEMS)
                ended = self.ended(form, "complete", f"{ITEMS} items")
                self.assertEqual((ended["bytes"], ended["from"]), (len(data), None))
                self.assertRegex(ended["rule"], "^policy .*line")
        self.wait_audit("bulk-start", "bob", TOPIC)
        self.wait_audit("bulk-end", "bob", f"{ITEMS} items")

    def test_slixmpp_takes_it(self):
        async def run():
            client = Client(self.bob, "stock")
            client.register_plugin("xep_0047", {"auto_accept": True})
            arrived = asyncio.get_running_loop().create_future()

            def begun(stream):
                # Before its first packet is read.
                arrived.set_result(asyncio.ensure_future(stream.gather(timeout=SECONDS)))

            client.add_event_handler("ibb_stream_start", begun)
            await client.login(self.server.c2s)
            iq = client.make_iq_get(ito=BULK)
            iq.append(ET.fromstring(question()))
            await iq.send(timeout=SECONDS)
            data = await asyncio.wait_for(await asyncio.wait_for(arrived, SECONDS), SECONDS)
            await client.leave()
            return data

        taken = Taken(asyncio.run(run()), False)
        self.assertEqual(taken.numbers, list(range(ITEMS)))
        self.ended("stock", "complete", f"{ITEMS} items")

    def test_the_first_carrier_that_both_have_is_taken(self):
        for transports, wanted in (
            (("ibb", "https"), "ibb"), (("https", "ibb"), "https"), (("s5b", "ibb"), "ibb"),
            ((), "https"),
        ):
            receiver = self.receiver(resource=f"r{'-'.join(transports)}")
            self.assertEqual(receiver.ask(transports=transports)[0], wanted, transports)
            if wanted == "ibb":
                self.reply_to_open(receiver, "not-acceptable")
        said, whole = self.receiver().ask(transports=("s5b",))
        self.assertEqual(said, "feature-not-implemented")
        self.assertIn("it has https and ibb", whole)

    def reply_to_open(self, receiver, condition):
        receiver.reply(receiver.iq("open")[0], condition)

    def test_packets_wait_for_their_answers(self):
        receiver = self.receiver()
        _, sid = receiver.ask()
        # The client wants smaller packets (XEP-0047 §2.1).
        self.reply_to_open(receiver, "resource-constraint")
        self.assertEqual(receiver.accept(sid), 2048)
        numbers = [receiver.packet(2048) for _ in range(PACKETS_MAX)]
        self.assertEqual(receiver.client.ping(), "ok")
        self.assertEqual(receiver.waits(), 0)
        receiver.reply(numbers[0])
        numbers.append(receiver.packet(2048))
        self.assertEqual(receiver.client.ping(), "ok")
        self.assertEqual(receiver.waits(), 0)
        # Answers of another client count for nothing.
        other = self.receiver(resource="other")
        for number in numbers:
            other.reply(number)
        self.assertEqual(other.client.ping(), "ok")
        self.assertEqual(receiver.client.ping(), "ok")
        self.assertEqual(receiver.waits(), 0)
        for number in numbers[1:]:
            receiver.reply(number)
        self.assertEqual(Taken(receiver.take_all(2048), False).numbers, list(range(ITEMS)))

    def test_refusals_of_either_side(self):
        receiver = self.receiver()
        receiver.ask()
        self.reply_to_open(receiver, "not-acceptable")
        self.ended("receiver", "declined", "not-acceptable")
        _, sid = receiver.ask()
        receiver.accept(sid)
        number = receiver.packet()
        # This server takes nothing: no packet, no stream; and closes what the client closes.
        ask = receiver.client.ask
        data = f"<data xmlns='{IBB}' sid='{sid}' seq='0'>eA==</data>"
        self.assertEqual(ask("set", data, BULK)[0], "unexpected-request")
        self.assertEqual(ask("set", data.replace(sid, "other"), BULK)[0], "item-not-found")
        opening = f"<open xmlns='{IBB}' sid='mine' block-size='4096'/>"
        self.assertEqual(ask("set", opening, BULK)[0], "not-acceptable")
        other = self.receiver(resource="other")
        close = f"<close xmlns='{IBB}' sid='{sid}'/>"
        self.assertEqual(other.client.ask("set", close, BULK)[0], "item-not-found")
        self.assertEqual(ask("set", close, BULK)[0], "ok")
        self.ended("receiver", "lost", "closed the stream")
        receiver.reply(number)
        self.assertEqual(ask("set", close, BULK)[0], "item-not-found")
        self.assertEqual(self.running(), [])
        # A packet that is refused ends it.
        receiver = self.receiver(resource="refuses")
        _, sid = receiver.ask()
        receiver.accept(sid)
        receiver.reply(receiver.packet(), "unexpected-request")
        self.ended("refuses", "lost", "unexpected-request")
        receiver.iq("close")

    def test_who_may_not_have_it_is_offered_nothing(self):
        said, whole = self.receiver(self.eve).ask()
        self.assertEqual(said, "forbidden", whole)
        self.assertEqual(self.receiver().ask(topic="none")[0], "item-not-found")
        kind, whole = self.receiver(resource="none").ask(("end", "2020-01-01T00:00:00Z"))
        self.assertEqual((kind, whole), (None, None))

    def test_a_right_that_is_taken_away_cuts_it(self):
        receiver = self.receiver()
        _, sid = receiver.ask()
        receiver.accept(sid)
        receiver.reply(receiver.packet())
        self.set_policy(POLICY.replace("client ann, bob to bulk", "client ann to bulk"))
        receiver.iq("close")
        self.ended("receiver", "denied")
        self.assertEqual(self.running(), [])
        self.wait_audit("bulk-end", "bob", "policy")

    def test_an_end_of_the_session_ends_it(self):
        receiver = self.receiver()
        _, sid = receiver.ask()
        receiver.accept(sid)
        receiver.packet()
        receiver.client.close()
        self.ended("receiver", "lost", "is gone")
        receiver = self.receiver(resource="disabled")
        _, sid = receiver.ask()
        receiver.accept(sid)
        receiver.packet()
        self.server.admin_ctl("accounts", "disable", "bob")
        self.addCleanup(self.server.admin_ctl, "accounts", "enable", "bob")
        deadline = time.monotonic() + SECONDS
        while self.running():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def test_a_client_closes_the_stream_before_its_end(self):
        receiver = self.receiver(resource="closer")
        _, sid = receiver.ask()
        receiver.accept(sid)
        receiver.packet()
        said, whole = receiver.client.ask("set", f"<close xmlns='{IBB}' sid='{sid}'/>", BULK)
        self.assertEqual(said, "ok", whole)
        self.ended("closer", "lost", "the client closed the stream")
        self.assertEqual(self.running(), [])

    def test_a_param_that_is_there_twice(self):
        receiver = self.receiver(resource="twice")
        for param in (("topic", "other"), ("format", "xml"), ("after", "x")):
            with self.subTest(param[0]):
                _, whole = receiver.ask(param, param)
                self.assertIn(f"param {param[0]} is there twice", whole)

    def test_it_is_said_what_this_server_can(self):
        info = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
        said, whole = self.receiver().client.ask("get", info, BULK)
        self.assertEqual(said, "ok")
        self.assertIn(f"<feature var='{IBB}'/>", whole)


class Idle(StreamCase):
    settings = SETTINGS | {"bulk.idle_seconds_max": 3}

    def test_a_client_that_answers_nothing_is_given_up(self):
        receiver = self.receiver()
        _, sid = receiver.ask()
        receiver.accept(sid)
        self.assertEqual(receiver.client.ping(), "ok")
        receiver.iq("close")
        self.ended("receiver", "idle")
        self.assertEqual(self.running(), [])
        # Neither is one that does not even answer the opening.
        receiver = self.receiver(resource="silent")
        receiver.ask()
        receiver.iq("open")
        receiver.iq("close")
        self.ended("silent", "idle")


class Bounded(HistoryCase):
    """The account's limits hold as for other transfers."""

    items = 200
    settings = SETTINGS | {
        "bulk.transfers_per_account_max": 1, "bulk.bytes_per_second_per_account": 20_000,
        "bulk.idle_seconds_max": 60,
    }

    def test_one_at_a_time_and_no_faster_than_allowed(self):
        receiver = Receiver(self, self.bob)
        self.addCleanup(receiver.client.close)
        _, sid = receiver.ask()
        said, whole = receiver.ask()
        self.assertEqual(said, "resource-constraint", whole)
        self.assertIn("bulk.transfers_per_account_max", whole)
        began = time.monotonic()
        receiver.accept(sid)
        data = receiver.take_all()
        self.assertEqual(Taken(data, False).numbers, list(range(200)))
        # The bucket may have been full: a second's bytes, and the packets that were on their way.
        least = (len(data) - 2 * 20_000 - PACKETS_MAX * 4096) / 20_000
        self.assertGreater(least, 1)
        self.assertGreater(time.monotonic() - began, least)
        self.assertEqual(receiver.ask()[0], "ibb")


if __name__ == "__main__":
    unittest.main()
