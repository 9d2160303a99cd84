# tests/integration/test_resumption.py: stream management and resumption (XEP-0198).
"""Sessions that are cut off, and come back, or do not."""

import asyncio
import datetime
import os
import re
import threading
import time
import unittest
import xml.etree.ElementTree as ET

from gridd import BROKER, DOMAIN, MEMBERS, Operated
from managed import SM, Managed
from policies import EVERYTHING
from revoking import RevokingAuthority, serial_of, set_up
from stanzas import Stanzas
from stock import Client
from test_replay import PUBSUB, Replay
from websocket import WebSocket

SHORT = 2 if MEMBERS == 1 else 8   # seconds; a look at sessions must be shorter
NOT_FOUND = ["{urn:ietf:params:xml:ns:xmpp-stanzas}item-not-found"]
CARBONS = "urn:xmpp:carbons:2"
UNEXPECTED = ["{urn:ietf:params:xml:ns:xmpp-stanzas}unexpected-request"]


def ids(first, last):
    return [f"i{number}" for number in range(first, last)]


class Resumed(Replay):
    def connect(self):
        client = Managed(self.server.c2s, DOMAIN)
        self.addCleanup(lambda: client.socket.close())
        return client

    def manage(self, bundle, resource="raw", attributes="resume='true'"):
        """Logged in, present, with stream management."""
        client = self.connect().login(bundle, resource)
        client.enabled = client.enable(attributes)
        client.say("<presence/>")
        client.ping()
        return client

    def subscriber(self, resource="raw", attributes="resume='true'"):
        client = self.manage(self.desk, resource, attributes)
        answer = client.ask(
            "set",
            f"<pubsub xmlns='{PUBSUB}'><subscribe node='n' jid='desk@{DOMAIN}'/></pubsub>",
        )
        self.assertEqual(answer.get("type"), "result")
        return client

    def session(self, bundle, resource="raw"):
        """As the administrator sees it; None: there is no such session."""
        for one in self.server.admin_json("sessions", "list")["sessions"]:
            if one["jid"] == f"{bundle.jid}/{resource}":
                return one
        return None

    def wait_state(self, bundle, state, resource="raw", seconds=30):
        deadline = time.monotonic() + seconds
        while (one := self.session(bundle, resource)) and one["state"] != state or (
            (one is None) != (state is None)
        ):
            self.assertLess(time.monotonic(), deadline, f"{one}, not {state}")
            time.sleep(0.05)

    def cut(self, client, bundle=None):
        client.cut()
        self.wait_state(bundle or self.desk, "hibernating")


class LostRights(Resumed):
    """Rights that end while a session hibernates."""

    settings = {"pubsub.access_open": "true"}

    def hibernating(self):
        """A subscriber that has acknowledged i0, and for which i1 and i2 wait."""
        desk = self.subscriber()
        self.publish(0, 1)
        desk.wait_items("i0")
        desk.ack()
        desk.ping()
        self.cut(desk)
        self.publish(1, 3)
        return desk

    def resumed(self, desk):
        again = self.connect()
        again.resume(self.desk, desk)
        again.ping()
        # The stanzas in place of the items have their numbers.
        again.ack()
        self.publisher.send(
            f"<message to='desk@{DOMAIN}/raw' type='chat' id='after'><body>b</body></message>"
        )
        again.wait(lambda: any(e.get("id") == "after" for e in again.stanzas))
        self.assertEqual(again.errors, [])
        return again

    def set_policy(self, text):
        self.server.admin_ctl("policy", "set", "-", stdin=text)

    def test_by_the_policy(self):
        messages = "allow any to message any\n"
        self.set_policy(EVERYTHING + messages)
        desk = self.hibernating()
        self.set_policy(
            f"deny client desk@{DOMAIN} to subscribe, retrieve on any\n" + EVERYTHING + messages
        )
        again = self.resumed(desk)
        self.assertEqual(again.items(), [])
        self.assertNotIn("<item ", again.seen)

    def test_by_an_owner(self):
        self.set_policy(EVERYTHING + "allow any to message any\n")
        desk = self.hibernating()
        self.ask(
            self.publisher,
            "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><affiliations node='n'>"
            f"<affiliation jid='desk@{DOMAIN}' affiliation='outcast'/></affiliations></pubsub>",
        )
        self.assertEqual(self.resumed(desk).items(), [])

    def test_a_right_that_is_there_again(self):
        self.set_policy(EVERYTHING + "allow any to message any\n")
        desk = self.hibernating()
        again = self.resumed(desk)
        self.assertEqual(again.items(), ids(1, 3))


class Break(Resumed):
    def test_what_was_missed_comes_once_and_in_order(self):
        desk = self.subscriber()
        self.publish(0, 10)
        self.assertEqual(desk.wait_items("i9"), ids(0, 10))
        desk.answers_requests = False
        self.publish(10, 20)
        desk.wait_items("i14")
        # Of what had come, five more are lost with the machine that they came to.
        lost = len(desk.items()) - 15
        desk.handled -= lost
        self.cut(desk)
        self.publish(20, 40)
        again = self.connect().resume(self.desk, desk)
        again.wait_items("i39")
        self.assertEqual(again.items(), ids(15, 40))
        again.ping()
        self.assertEqual(again.items(), ids(15, 40))
        # The session goes on as before, and a second break is like the first.
        self.cut(again)
        self.publish(40, 50)
        third = self.connect().resume(self.desk, again)
        self.assertEqual(third.wait_items("i49"), ids(40, 50))

    def test_acknowledged_items_do_not_come_to_the_next_session(self):
        desk = self.subscriber()
        self.publish(0, 5)
        desk.wait_items("i4")
        desk.ack()
        desk.ping()
        member = self.server.at(desk)   # which alone knows its counts later
        self.cut(desk)
        self.publish(5, 8)
        raw = self.log_in(self.desk)   # the same full address: the session is replaced
        self.assertEqual(self.ids(raw, "i7"), ids(5, 8))
        self.quiet(raw)
        with member:
            again = self.connect()
        name, attributes, children = again.try_to_resume(self.desk, desk.token, desk.handled)
        self.assertEqual((name, children), ("failed", NOT_FOUND))
        self.assertEqual(int(attributes["h"]), desk.sent)

    def test_unacknowledged_items_come_to_the_next_session(self):
        desk = self.subscriber()
        desk.answers_requests = False
        self.publish(0, 5)
        desk.wait_items("i4")
        desk.ack(desk.handled - 2)
        desk.ping()
        self.cut(desk)
        raw = self.log_in(self.desk)
        self.assertEqual(self.ids(raw, "i4"), ids(3, 5))
        self.quiet(raw)

    def test_items_do_not_wait_for_a_session_that_its_client_forgot(self):
        desk = self.subscriber()
        desk.answers_requests = False
        self.publish(0, 4)
        desk.wait_items("i3")
        desk.ack(desk.handled - 2)
        desk.ping()
        self.cut(desk)
        self.publish(4, 6)
        other = self.log_in(self.desk, "other")
        self.assertEqual(self.ids(other, "i5", 5), ids(2, 6))
        # Both have them if the client remembers.
        again = self.connect().resume(self.desk, desk)
        self.assertEqual(again.wait_items("i5"), ids(4, 6))
        self.publish(6, 8)
        self.assertEqual(again.wait_items("i7"), ids(4, 8))
        self.assertEqual(self.ids(other, "i7"), ids(6, 8))
        self.quiet(other)
        # While a session reads, another one gets what is new.
        third = self.log_in(self.desk, "third")
        self.publish(8, 9)
        self.assertEqual(self.ids(third, "i8"), ids(8, 9))

    def test_requests_under_way_are_done_once(self):
        sensor = self.manage(self.sensor, "sm")
        for number in range(200):
            sensor.publish("n", f"i{number}")
        sensor.cut()
        self.wait_state(self.sensor, "hibernating", "sm")
        again = self.connect().resume(self.sensor, sensor)
        taken = again.sent - 2   # of the publishes, besides presence and ping
        self.assertGreaterEqual(taken, 0)
        for number in range(taken, 200):   # those that were not taken over
            again.publish("n", f"i{number}")
        # The answer to a ping waits for no publish.
        again.wait(lambda: self.answers(again, range(taken, 200)))
        self.assertEqual(set(self.answers(again, range(taken, 200))), {"result"})
        desk = self.log_in(self.desk)
        answer = self.ask_get(desk, f"<pubsub xmlns='{PUBSUB}'><items node='n'/></pubsub>")
        found = sorted(int(n) for n in re.findall(r"<item\b[^>]*\bid='i(\d+)'", answer))
        self.assertEqual(found, list(range(200)))

    @staticmethod
    def answers(client, numbers):
        """Their types, once all of these publishes are answered, and those of others, too."""
        types = {e.get("id"): e.get("type") for e in client.stanzas if e.get("id")}
        if not all(f"p-i{number}" in types for number in numbers):
            return []
        return [kind for name, kind in types.items() if name.startswith("p-i")]

    def ask_get(self, client, payload):
        client.send(f"<iq type='get' id='g' to='pubsub.{DOMAIN}'>{payload}</iq>")
        return client.expect("<iq type='result' id='g'.*?</iq>").group()

    def test_the_stream_that_is_replaced_hears_of_a_conflict(self):
        desk = self.subscriber()
        self.publish(0, 3)
        desk.wait_items("i2")
        again = self.connect().resume(self.desk, desk)
        self.assertEqual(desk.stream_error(), "conflict")
        self.publish(3, 6)
        self.assertEqual(again.wait_items("i5"), ids(3, 6))

    def test_of_two_that_resume_at_once_one_has_the_session(self):
        desk = self.subscriber()
        self.cut(desk)
        both = [self.connect().authenticated(self.desk) for _ in range(2)]
        for one in both:
            one.ask_to_resume(desk.token, desk.handled)
        self.publish(0, 5)
        winners = []
        for one in both:
            one.wait(lambda: one.words or one.errors)
            if one.words[0][0] != "resumed":
                continue
            try:
                one.wait_items("i4", 2)
                one.ping()
                winners.append(one)
            except (AssertionError, OSError):
                self.assertEqual(one.stream_error(), "conflict")
        self.assertEqual(len(winners), 1)
        self.assertEqual(winners[0].items(), ids(0, 5))

    def test_a_goodbye_ends_the_session(self):
        desk = self.subscriber()
        desk.send("</stream:stream>")
        desk.until_closed()
        self.wait_state(self.desk, None)
        answer = self.connect().try_to_resume(self.desk, desk.token, desk.handled)
        self.assertEqual((answer[0], answer[2]), ("failed", NOT_FOUND))

    def test_items_that_were_not_acknowledged_come_after_a_goodbye(self):
        """A client says goodbye without having read: its acknowledgements alone tell."""
        desk = self.subscriber()
        desk.answers_requests = False
        self.publish(0, 5)
        desk.wait_items("i4")
        desk.ack(desk.handled - 2)
        desk.send("</stream:stream>")
        desk.until_closed()
        self.wait_state(self.desk, None)
        raw = self.log_in(self.desk)
        self.assertEqual(self.ids(raw, "i4"), ids(3, 5))
        self.quiet(raw)

    def test_a_kill_of_the_server_loses_nothing(self):
        desk = self.subscriber()
        self.publish(0, 5)
        desk.wait_items("i4")
        desk.ack()
        desk.ping()
        self.publish(5, 10)
        self.server.kill9()
        self.server.start()
        late = self.connect()
        answer = late.try_to_resume(self.desk, desk.token, desk.handled)
        self.assertEqual(answer, ("failed", {}, NOT_FOUND))
        late.bind_after_refusal("raw")
        late.send("<presence/>")
        items = late.wait_items("i9")
        self.assertEqual(items[-5:], ids(5, 10))

    def test_the_state_is_shown(self):
        desk = self.subscriber()
        self.assertEqual(self.session(self.desk)["state"], "connected")
        self.cut(desk)
        self.wait_state(self.desk, "hibernating")
        self.assertTrue(self.session(self.desk)["active"])
        counts = [self.server.admin_json("status")["hibernating"] for _ in self.server.each()]
        self.assertEqual(sum(counts), 1)


class BoundAgain(Resumed):
    """A client that lost its stream binds its resource again, before the server knows of it."""

    rounds = 100

    def publish_until(self, is_over):
        """Items one after the other; how many is known when it returns."""
        self.published = 0
        while not is_over.is_set():
            self.publish(self.published, self.published + 1)
            self.published += 1

    @staticmethod
    def read(client):
        """All that comes, acknowledged as soon as it comes, until the stream ends."""
        try:
            while not client.closed:
                client.receive(time.monotonic() + 30)
                client.ack()
        except (OSError, AssertionError):
            pass

    def test_no_item_falls_between_the_two_streams(self):
        is_over = threading.Event()
        publisher = threading.Thread(target=self.publish_until, args=(is_over,))
        streams, readers = [self.subscriber()], []
        publisher.start()
        try:
            for number in range(self.rounds):
                readers.append(threading.Thread(target=self.read, args=(streams[-1],)))
                readers[-1].start()
                time.sleep(0.01 + 0.003 * (number % 7))
                streams.append(self.manage(self.desk))
        finally:
            is_over.set()
            publisher.join(60)
        last = f"i{self.published - 1}"
        streams[-1].wait_items(last)
        for reader in readers:
            reader.join(60)
        reached = -1
        for number, stream in enumerate(streams):
            numbers = [int(item[1:]) for item in stream.items()]
            if not numbers:
                continue
            with self.subTest(stream=number):
                self.assertLessEqual(numbers[0], reached + 1, "items were left out")
                self.assertEqual(numbers, list(range(numbers[0], numbers[-1] + 1)))
            reached = max(reached, numbers[-1])
        self.assertEqual(reached, self.published - 1)


class StockClient(Resumed):
    """slixmpp's own plugin."""

    def test_slixmpp_resumes(self):
        async def run():
            desk = Client(self.desk, "stock")
            try:
                await self.breaks_twice(desk)
            finally:
                desk.drop()

        asyncio.run(run())

    async def breaks_twice(self, desk):
        desk.register_plugin("xep_0198")
        managed = asyncio.get_running_loop().create_future()
        desk.add_event_handler("sm_enabled", managed.set_result)
        await desk.login(self.server.c2s)
        await asyncio.wait_for(managed, 10)
        await desk["xep_0060"].subscribe(BROKER, "n", subscribee=f"desk@{DOMAIN}")
        await asyncio.to_thread(self.publish, 0, 5)
        self.assertEqual([await self.item(desk) for _ in range(5)], ids(0, 5))
        for first in (5, 10):
            resumed = asyncio.get_running_loop().create_future()
            desk.add_event_handler("session_resumed", resumed.set_result, disposable=True)
            desk.abort()
            await asyncio.to_thread(self.wait_state, self.desk, "hibernating", "stock")
            await asyncio.to_thread(self.publish, first, first + 5)
            desk.connect(self.server.c2s)
            await asyncio.wait_for(resumed, 10)
            self.assertEqual([await self.item(desk) for _ in range(5)], ids(first, first + 5))
        await desk.silence()
        self.assertEqual(desk.stream_errors, [])

    @staticmethod
    async def item(client):
        _, found, _ = await client.next_items()
        return found[0][0]


class OtherTransport(Resumed):
    def test_a_session_goes_on_over_a_websocket_and_comes_back(self):
        desk = self.subscriber()
        self.publish(0, 3)
        desk.wait_items("i2")
        self.cut(desk)
        self.publish(3, 6)
        web = WebSocket(self.server.http, DOMAIN, self.desk)
        self.addCleanup(web.socket.close)
        web.open()
        web.features()
        self.assertIn("<success", web.authenticate())
        web.open()
        self.assertIn(f"<sm xmlns='{SM}'/>", web.features())
        web.send(f"<resume xmlns='{SM}' previd='{desk.token}' h='{desk.handled}'/>")
        handled = web.expect(rf"^<resumed xmlns='{SM}' [^>]*\bh='(\d+)'[^>]*/>$").group(1)
        self.assertEqual(int(handled), desk.sent)
        message = rf"^<message xmlns='jabber:client' to='desk@{DOMAIN}'.*<item\b[^>]*id='(i\d)'"
        self.assertEqual([web.expect(message).group(1) for _ in range(3)], ids(3, 6))
        self.assertEqual(self.session(self.desk)["transport"], "websocket")
        web.send(f"<r xmlns='{SM}'/>")
        web.expect(rf"^<a xmlns='{SM}' h='{handled}'/>$")
        web.socket.close()
        self.wait_state(self.desk, "hibernating")
        self.publish(6, 8)
        desk.handled += 3
        again = self.connect().resume(self.desk, desk)
        self.assertEqual(again.wait_items("i7"), ids(6, 8))
        self.assertEqual(self.session(self.desk)["transport"], "c2s")


class Refused(Resumed):
    def test_order_and_form(self):
        client = self.connect().authenticated(self.desk)
        self.assertIn(f"<sm xmlns='{SM}'/>", client.features)
        client.parse()
        client.send(f"<enable xmlns='{SM}'/>")
        client.wait(lambda: client.words)
        self.assertEqual(client.words.pop(), ("failed", {}, UNEXPECTED))
        client.send(f"<resume xmlns='{SM}' previd='x'/>")
        client.wait(lambda: client.words)
        self.assertIn("bad-request", client.words.pop()[2][0])
        client.bind_after_refusal("raw")
        client.send(f"<r xmlns='{SM}'/>")
        client.wait(lambda: client.words)
        self.assertEqual(client.words.pop(), ("failed", {}, UNEXPECTED))
        client.enable("")
        self.assertIsNone(client.token)
        client.send(f"<resume xmlns='{SM}' previd='x' h='0'/>")
        client.wait(lambda: len(client.words) == 2)
        self.assertEqual(client.words.pop(), ("failed", {}, UNEXPECTED))
        client.send(f"<enable xmlns='{SM}'/>")
        self.assertEqual(client.stream_error(), "policy-violation")

    def test_counts_that_are_too_high(self):
        desk = self.subscriber()
        desk.ack(desk.handled + 1)
        self.assertEqual(desk.too_high(), (desk.handled + 1, desk.handled))
        self.wait_state(self.desk, None)
        desk = self.manage(self.desk)
        self.cut(desk)
        again = self.connect()
        self.assertEqual(
            again.try_to_resume(self.desk, desk.token, desk.handled + 5)[0], "error"
        )
        self.assertEqual(again.too_high(), (desk.handled + 5, desk.handled))
        self.connect().resume(self.desk, desk)   # the session itself is as it was

    def test_counts_from_before_the_first_stanza(self):
        """Behind zero there is none, however far."""
        for count in (2**31, 2**32 - 1):
            with self.subTest(count):
                desk = self.manage(self.desk)
                desk.ack(count)
                self.assertEqual(desk.too_high()[0], count)

    def test_counts_that_are_no_numbers(self):
        for attributes in ("", "h=''", "h='-1'", "h='4294967296'", "h='x'"):
            desk = self.manage(self.desk)
            desk.send(f"<a xmlns='{SM}' {attributes}/>")
            self.assertEqual(desk.stream_error(), "bad-format")

    def test_a_token_is_of_use_to_its_account_only(self):
        desk = self.subscriber()
        self.cut(desk)
        thief = self.connect()
        answer = thief.try_to_resume(self.sensor, desk.token, desk.handled)
        self.assertEqual(answer, ("failed", {}, NOT_FOUND))
        self.assertEqual(
            answer, self.connect().try_to_resume(self.sensor, "0" * 48, desk.handled)
        )
        thief.bind_after_refusal("after")
        other_key = self.server.authority.client(self.desk.jid, file="other_key")
        self.assertEqual(
            self.connect().try_to_resume(other_key, desk.token, desk.handled),
            ("failed", {}, NOT_FOUND),
        )
        self.connect().resume(self.desk, desk)

    def test_a_session_that_does_not_want_it_is_not_resumed(self):
        desk = self.subscriber(attributes="")
        desk.cut()
        self.wait_state(self.desk, None)

    def test_an_account_that_is_disabled_meanwhile(self):
        desk = self.subscriber()
        self.cut(desk)
        self.server.admin_ctl("accounts", "disable", self.desk.jid)
        self.wait_state(self.desk, None)
        self.server.admin_ctl("accounts", "enable", self.desk.jid)
        answer = self.connect().try_to_resume(self.desk, desk.token, desk.handled)
        self.assertEqual((answer[0], answer[2]), ("failed", NOT_FOUND))

    def test_an_account_whose_groups_change_meanwhile(self):
        desk = self.subscriber()
        self.cut(desk)
        self.server.admin_ctl("groups", "create", "readers")
        self.server.admin_ctl("accounts", "groups", self.desk.jid, "readers")
        self.wait_state(self.desk, None)
        answer = self.connect().try_to_resume(self.desk, desk.token, desk.handled)
        self.assertEqual((answer[0], answer[2]), ("failed", NOT_FOUND))


class Revoked(unittest.TestCase):
    def test_a_certificate_that_is_revoked_while_its_session_hibernates(self):
        server = Operated(EVERYTHING, {"accounts.auto_approve": "true"})
        self.addCleanup(server.close)
        root = RevokingAuthority(os.path.join(server.folder, "root"))
        set_up(server, root)
        lists = os.path.join(server.folder, "lists")
        os.makedirs(lists)
        server.settings["tls.crl"] = lists
        one = os.path.join(lists, "one.crl")
        root.crl(one, [])
        server.start()
        bad = root.client(f"bad@{DOMAIN}")
        client = Managed(server.c2s, DOMAIN).login(bad)
        client.enable()
        client.cut()
        server.wait_log("connection_ended.*may be resumed")
        mark = server.log_mark()
        root.crl(one, [serial_of(bad)])
        server.wait_log("session_ended.*revoked", mark)
        root.crl(one, [])   # the certificate counts again, the token does not
        server.wait_log("crl_loaded.*revoked=0", mark)
        deadline = time.monotonic() + 30
        while True:
            again = Managed(server.c2s, DOMAIN)
            self.addCleanup(again.socket.close)
            try:
                answer = again.try_to_resume(bad, client.token, client.handled)
                break
            except AssertionError:
                self.assertLess(time.monotonic(), deadline)
        self.assertEqual((answer[0], answer[2]), ("failed", NOT_FOUND))


class Expiry(Resumed):
    settings = {"sessions.hibernation_seconds_max": SHORT}

    def test_a_client_that_does_not_come_back(self):
        self.server.stay()   # a member knows the counts of its own sessions alone
        desk = self.subscriber()
        self.assertEqual(desk.enabled["max"], str(SHORT))
        self.cut(desk)
        self.publish(0, 3)
        self.wait_state(self.desk, None)
        answer = self.connect().try_to_resume(self.desk, desk.token, desk.handled)
        self.assertEqual(answer, ("failed", {"h": str(desk.sent)}, NOT_FOUND))
        self.assertEqual(self.ids(self.log_in(self.desk), "i2"), ids(0, 3))

    def test_the_end_of_a_forgotten_session_repeats_nothing(self):
        desk = self.subscriber()
        desk.answers_requests = False
        self.publish(0, 4)
        desk.wait_items("i3")
        desk.ack(desk.handled - 2)
        desk.ping()
        self.cut(desk)
        other = self.log_in(self.desk, "other")
        self.assertEqual(self.ids(other, "i3"), ids(2, 4))
        self.wait_state(self.desk, None)
        self.publish(4, 6)
        self.assertEqual(self.ids(other, "i5"), ids(4, 6))
        self.quiet(other)

    def test_a_client_may_ask_for_less(self):
        self.assertEqual(
            self.manage(self.desk, attributes="resume='1' max='1'").enabled["max"], "1"
        )
        self.assertEqual(
            self.manage(self.desk, "b", attributes="resume='1' max='99'").enabled["max"], str(SHORT)
        )
        self.assertNotIn("resume", self.manage(self.desk, "c", "resume='1' max='0'").enabled)


class Talking(Resumed):
    """With an account that sends messages to the desk."""

    def setUp(self):
        super().setUp()
        self.server.admin_ctl(
            "policy", "set", "-", stdin=f"allow client sensor to message client desk\n{EVERYTHING}"
        )
        self.sender = self.manage(self.sensor, "talks")

    def say(self, name, to="", kind="chat", more=""):
        self.sender.say(
            f"<message to='desk@{DOMAIN}{to}' type='{kind}' id='{name}'><body>{name}</body>{more}"
            "</message>"
        )
        self.sender.ping()

    def returned(self):
        """Id and condition of each message that came back."""
        self.sender.ping()
        return [
            (e.get("id"), e.find("{jabber:client}error")[0].tag.partition("}")[2])
            for e in self.sender.stanzas
            if e.get("type") == "error"
        ]

    def reader(self, resource, presence="<presence/>"):
        client = Stanzas(self.server, self.desk, resource, presence)
        self.addCleanup(client.close)
        return client

    def read(self, client, count, since=None):
        """The ids of so many messages, each with one stamp, and that there are no more."""
        found = [client.message() for _ in range(count)]
        client.ping()
        self.assertEqual([ET.tostring(one) for one in client.messages], [])
        for one in found:
            (delay,) = one.findall("{urn:xmpp:delay}delay")
            self.assertEqual(delay.get("from"), DOMAIN)
            stamp = datetime.datetime.fromisoformat(delay.get("stamp")).timestamp()
            self.assertLess(abs(stamp - since), 1)   # when it was sent, not when it was stored
        return [one.get("id") for one in found]


class LeftBehind(Talking):
    """Messages that a session was sent and did not acknowledge, when it ends."""

    settings = {"sessions.hibernation_seconds_max": SHORT, "offline.messages_max": 3}

    def test_after_the_time_to_come_back_they_wait(self):
        desk = self.manage(self.desk)
        desk.answers_requests = False
        self.say("seen", "/raw")
        desk.ping()
        desk.ack()
        desk.ping()
        since = time.time()
        self.say("chat", "/raw")   # comes, and is not acknowledged
        self.cut(desk)
        self.say("bare", kind="normal")
        self.say("single", "/raw", "normal")   # for that resource and no other
        self.say("transient", "/raw", more="<no-store xmlns='urn:xmpp:hints'/>")
        self.say("news", "/raw", "headline")
        self.assertEqual(self.returned(), [])
        self.wait_state(self.desk, None)
        unavailable = "service-unavailable"
        self.assertEqual(self.returned(), [("single", unavailable), ("transient", unavailable)])
        self.server.kill9()
        self.server.start()
        reader = self.reader("later")
        self.assertEqual(self.read(reader, 2, since), ["chat", "bare"])
        reader.goodbye()
        self.assertEqual(self.read(self.reader("last"), 0), [])

    def test_after_a_goodbye_they_wait(self):
        desk = self.manage(self.desk)
        desk.answers_requests = False
        self.say("seen", "/raw")
        desk.ping()
        desk.ack()
        desk.ping()
        since = time.time()
        self.say("unread", "/raw")
        desk.send("</stream:stream>")
        desk.until_closed()
        self.wait_state(self.desk, None)
        self.assertEqual(self.read(self.reader("later"), 1, since), ["unread"])
        self.assertEqual(self.returned(), [])

    def test_what_a_bound_session_does_not_live_to_read_waits(self):
        """Before its presence it counts nothing, and may break."""
        self.cut(self.manage(self.desk))
        since = time.time()
        for name, to, kind in (("full", "/raw", "chat"), ("bare", "", "chat"),
                               ("single", "/raw", "normal")):
            self.say(name, to, kind)
        early = self.connect().login(self.desk, "raw")
        self.wait_state(self.desk, "connected")
        early.socket.close()
        self.wait_state(self.desk, None)
        self.assertEqual(
            sorted(self.read(self.reader("later"), 3, since)), ["bare", "full", "single"]
        )
        self.assertEqual(self.returned(), [])

    def test_at_an_orderly_stop_of_the_server_they_wait(self):
        for resource in ("raw", "second"):
            client = self.manage(self.desk, resource)
            client.answers_requests = False
            client.cut()
            self.wait_state(self.desk, "hibernating", resource)
        since = time.time()
        self.say("full", "/raw")
        self.say("both")
        self.server.stop()
        self.server.start()
        reader = self.reader("later")
        self.assertEqual(sorted(self.read(reader, 2, since)), ["both", "full"])

    def test_a_session_of_the_same_resource_gets_them(self):
        self.cut(self.manage(self.desk))
        since = time.time()
        self.say("full", "/raw")
        self.say("bare")
        reader = self.reader("raw")
        self.assertEqual(sorted(self.read(reader, 2, since)), ["bare", "full"])
        self.assertEqual(self.returned(), [])

    def test_another_resource_gets_them_and_one_that_had_them_does_not(self):
        self.cut(self.manage(self.desk))
        since = time.time()
        self.say("early", "/raw")
        reader = self.reader("other")
        reader.ping()
        self.say("both")
        self.assertEqual(reader.message().get("id"), "both")
        self.wait_state(self.desk, None)
        self.assertEqual(self.read(reader, 1, since), ["early"])
        self.assertEqual(self.returned(), [])

    def test_what_went_to_two_that_do_not_come_back_waits_once(self):
        for resource in ("raw", "second"):
            self.manage(self.desk, resource).cut()
            self.wait_state(self.desk, "hibernating", resource)
        since = time.time()
        self.say("both")
        self.wait_state(self.desk, None)
        self.wait_state(self.desk, None, "second")
        self.assertEqual(self.read(self.reader("later"), 1, since), ["both"])

    def test_what_another_resource_has_read_does_not_wait(self):
        """Also where that one is no longer there, or takes no messages any more."""
        for number, leave in enumerate(
            ("</stream:stream>", "<presence><priority>-1</priority></presence>")
        ):
            with self.subTest(leave):
                self.cut(self.manage(self.desk))
                other = self.manage(self.desk, f"other{number}")
                self.say(f"both{number}")
                other.wait(lambda o=other, n=number: f"both{n}" in {e.get("id") for e in o.stanzas})
                other.ack()
                other.ping()
                other.send(leave)
                self.wait_state(self.desk, None)
                reader = self.reader("later")
                self.assertEqual(self.read(reader, 0), [])
                reader.goodbye()

    def test_two_that_are_alike_are_two(self):
        for resource in ("raw", "second"):
            self.manage(self.desk, resource).cut()
            self.wait_state(self.desk, "hibernating", resource)
        since = time.time()
        self.sender.send(2 * f"<message to='desk@{DOMAIN}' type='chat' id='twin'><body/></message>")
        self.sender.sent += 2
        self.sender.ping()
        self.wait_state(self.desk, None)
        self.wait_state(self.desk, None, "second")
        self.assertEqual(self.read(self.reader("later"), 2, since), ["twin", "twin"])

    def test_where_no_more_may_wait_the_sender_hears_of_it(self):
        self.cut(self.manage(self.desk))
        since = time.time()
        for number in range(5):
            self.say(f"m{number}", "/raw")
        self.wait_state(self.desk, None)
        self.sender.wait(lambda: len(self.returned()) == 2)
        self.assertEqual({name for name, _ in self.returned()}, {"m3", "m4"})
        self.assertEqual(self.read(self.reader("later"), 3, since), ["m0", "m1", "m2"])

    def test_an_account_that_is_disabled_gets_none(self):
        self.cut(self.manage(self.desk))
        self.say("chat", "/raw")
        self.server.admin_ctl("accounts", "disable", self.desk.jid)
        self.wait_state(self.desk, None)
        self.assertEqual(self.returned(), [("chat", "service-unavailable")])
        self.server.admin_ctl("accounts", "enable", self.desk.jid)
        reader = self.reader("later")
        reader.ping()
        # The controller tells of the account's state, and no other message is there.
        self.assertEqual(
            [one.get("from") for one in reader.messages], [f"controller.{DOMAIN}"]
        )


class TwoThatHold(Talking):
    """One resource has a message, another one a copy of it (XEP-0280), and neither reads."""

    settings = {"sessions.hibernation_seconds_max": 60}

    def holder(self, resource, copies=False, presence="<presence/>"):
        client = self.connect().login(self.desk, resource)
        client.enable()
        if copies:
            answer = client.ask("set", f"<enable xmlns='{CARBONS}'/>", self.desk.jid)
            self.assertEqual(answer.get("type"), "result")
        if presence:
            client.say(presence)
        client.ping()
        client.ack()
        client.ping()
        client.answers_requests = False
        return client

    def end(self, resource):
        self.server.admin_ctl("sessions", "end", f"{self.desk.jid}/{resource}")
        self.wait_state(self.desk, None, resource)

    def test_the_last_one_hands_it_on(self):
        number = 0
        for to in ("/b1", ""):
            for copies in (True, False):
                for presence in ("<presence/>", "<presence><priority>-1</priority></presence>"):
                    for order in (("b1", "b2"), ("b2", "b1")):
                        with self.subTest(f"{to} {copies} {presence} {order}"):
                            self.holder("b1")
                            self.holder("b2", copies, presence)
                            number += 1
                            since = time.time()
                            self.say(f"m{number}", to)
                            for resource in order:
                                self.end(resource)
                            reader = self.reader("later")
                            self.assertEqual(self.read(reader, 1, since), [f"m{number}"])
                            reader.goodbye()

    def test_a_resource_that_never_had_it_gets_it(self):
        there = self.reader("b0")
        there.ping()
        for order in (("b1", "c3"), ("c3", "b1")):
            self.holder("b1")
            self.holder("c3", True)
            since = time.time()
            self.say("m", "/b1")
            for resource in order:
                self.end(resource)
            self.assertEqual(self.read(there, 1, since), ["m"])

    def test_who_has_had_it_gets_it_once(self):
        """Also after it was away from its messages for a while."""
        self.holder("b1")
        other = self.holder("b2")
        self.say("once")
        other.wait(lambda: "once" in {e.get("id") for e in other.stanzas})
        other.say("<presence type='unavailable'/>")
        other.say("<presence/>")
        other.ping()
        self.end("b1")
        other.ping()
        self.assertEqual([e.get("id") for e in other.stanzas].count("once"), 1)

    def test_one_for_a_resource_that_is_gone_comes_once(self):
        """It went to all that take messages."""
        there = self.reader("b0")
        there.ping()
        self.holder("b1")
        self.say("gone", "/none")
        self.assertEqual(there.message().get("id"), "gone")
        self.end("b1")
        there.ping()
        self.assertEqual(there.messages, [])

    def test_a_copy_that_was_read_is_enough(self):
        self.holder("b1")
        other = self.holder("c3", True)
        self.say("read", "/b1")
        other.wait(lambda: any(e.find(f"{{{CARBONS}}}received") is not None for e in other.stanzas))
        other.ack()
        other.ping()
        other.send("</stream:stream>")
        other.until_closed()
        self.end("b1")
        self.assertEqual(self.read(self.reader("later"), 0), [])


class Behind(Talking):
    """A resource that is slow to take what waited, while no more may wait."""

    settings = {"offline.messages_max": 4, "limits.outbox_bytes_max": 262_144}

    def test_another_resource_takes_what_may_not_wait(self):
        self.reader("before").goodbye()
        body = "x" * 60_000
        for number in range(4):
            self.sender.say(
                f"<message to='desk@{DOMAIN}' type='chat' id='m{number}'><body>{body}</body>"
                "</message>"
            )
            self.sender.ping()
        self.assertEqual(self.returned(), [])
        slow = self.connect().login(self.desk, "slow")
        slow.answers_requests = False
        slow.enable()
        slow.say("<presence/>")
        slow.ping()

        def came():
            return [e.get("id") for e in slow.stanzas if (e.get("id") or "").startswith("m")]

        slow.wait(lambda: "m0" in came())
        self.say("early")
        self.sender.wait(self.returned)
        self.assertEqual(self.returned(), [("early", "service-unavailable")])
        other = self.reader("other")
        other.ping()
        self.say("late")
        self.assertEqual(other.message().get("id"), "late")
        self.assertEqual(len(self.returned()), 1)
        self.assertNotIn("m3", came())
        slow.ack()
        slow.answers_requests = True
        slow.ping()
        slow.wait(lambda: "m3" in came())


class Full(Resumed):
    settings = {"limits.outbox_bytes_max": 600_000}

    def test_a_flood_while_away_is_replayed(self):
        desk = self.subscriber()
        self.cut(desk)
        payload = "<x xmlns='urn:x'>" + "y" * 16_000 + "</x>"
        self.publish(0, 100, payload)
        self.assertLessEqual(self.session(self.desk)["outbox_bytes"], 600_000)
        again = self.connect().resume(self.desk, desk)
        self.assertEqual(again.wait_items("i99", 30), ids(0, 100))
        self.publish(100, 105, payload)
        self.assertEqual(again.wait_items("i104"), ids(0, 105))
        self.cut(again)
        third = self.connect().resume(self.desk, again)
        third.ping()
        self.assertEqual(third.items(), [])

    def test_a_client_that_acknowledges_late_is_not_cut_off(self):
        desk = self.subscriber()
        desk.answers_requests = False
        payload = "<x xmlns='urn:x'>" + "y" * 16_000 + "</x>"
        self.publish(0, 60, payload)
        desk.wait_items("i5")
        for _ in range(3):
            desk.ping()
        deadline = time.monotonic() + 20
        while "i59" not in desk.items():
            desk.ack()
            desk.receive(deadline)
        self.assertEqual(desk.items(), ids(0, 60))

    def test_answers_that_are_not_acknowledged_do_not_stop_a_client(self):
        sensor = self.manage(self.sensor, "sm")
        sensor.answers_requests = False
        for _ in range(8):   # a megabyte of answers
            for number in range(1_000):
                sensor.say(
                    f"<iq type='get' id='ping-{'z' * 80}{number}' to='{DOMAIN}'>"
                    "<ping xmlns='urn:xmpp:ping'/></iq>"
                )
            sensor.ping()
        sensor.ack()
        sensor.ping()
        self.cut_resource(sensor)

    def cut_resource(self, sensor):
        sensor.cut()
        self.wait_state(self.sensor, "hibernating", "sm")
        self.connect().resume(self.sensor, sensor)


class Bounds(Resumed):
    settings = {"sessions.hibernating_max": 3, "limits.resources_per_account_max": 4}

    def test_only_so_many_hibernate(self):
        self.server.stay()
        clients = [self.manage(self.desk, f"r{number}") for number in range(4)]
        for number, client in enumerate(clients):
            client.cut()
            self.wait_state(self.desk, "hibernating", f"r{number}")
        self.wait_state(self.desk, None, "r0")

    def test_a_hibernating_session_gives_way_to_a_new_one_of_its_account(self):
        clients = [self.manage(self.desk, f"r{number}") for number in range(4)]
        clients[1].cut()
        for _ in self.server.each():   # the member that is to make room knows, too
            self.wait_state(self.desk, "hibernating", "r1")
        self.log_in(self.desk, "new")
        self.wait_state(self.desk, None, "r1")
        self.assertEqual(self.session(self.desk, "r0")["state"], "connected")


if __name__ == "__main__":
    unittest.main()
