# tests/integration/test_delivery.py: messages between clients: where they go, and which wait.
"""RFC 6121 §8.5 with offline storage (XEP-0160), copies (XEP-0280) and block lists (XEP-0191)."""

import itertools
import time
import unittest

from gridd import DOMAIN, Operated
from managed import Managed
from stanzas import CLIENT, Stanzas, refusal

DELAY = "{urn:xmpp:delay}delay"
INFO = "http://jabber.org/protocol/disco#info"
CARBONS = "urn:xmpp:carbons:2"
FORWARD = "urn:xmpp:forward:0"
BLOCKING = "urn:xmpp:blocking"
SID = "urn:xmpp:sid:0"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"

POLICY = """\
deny client mute to message any
allow any to discover, create, publish, subscribe, retrieve, query on any
allow any to message any
"""
ACCOUNTS = ("anna", "bert", "carl", "dora", "emil", "fred", "mute")
numbers = itertools.count(1)


class Delivering(unittest.TestCase):
    SETTINGS = {"offline.messages_max": "20"}

    def setUp(self):
        self.server = Operated(POLICY, self.SETTINGS).start()
        self.addCleanup(self.server.close)
        for name in ACCOUNTS:
            self.server.admin_ctl("accounts", "add", f"{name}@{DOMAIN}", "--group", "everyone")

    def login(self, name, resource="one", presence="<presence/>"):
        bundle = self.server.authority.client(f"{name}@{DOMAIN}")
        client = Stanzas(self.server, bundle, resource, presence)
        self.addCleanup(client.close)
        self.settle(client)
        return client

    def settle(self, *clients):
        """What they sent was taken, in their turn, and what was sent to them has come."""
        for client in clients:
            client.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)

    def say(self, client, to, kind="chat", more="", settles=True):
        """Sends one, which has gone its way; its id, which is its text, too."""
        number = f"m{next(numbers)}"
        client.send(
            f"<message to='{to}' type='{kind}' id='{number}'><body>{number}</body>{more}</message>"
        )
        if settles:
            self.settle(client)
        return number

    def got(self, client):
        """The ids of the messages that have come from others."""
        self.settle(client)
        all_of_it, client.messages = client.messages, []
        return [one.get("id") for one in all_of_it if one.find(f"{CLIENT}error") is None]

    def errors(self, client):
        """Id and condition of the refusals that have come."""
        self.settle(client)
        found = [one for one in client.messages if one.find(f"{CLIENT}error") is not None]
        client.messages = [one for one in client.messages if one not in found]
        return [(one.get("id"), one.find(f"{CLIENT}error")[0].tag.split("}")[1]) for one in found]

    def until(self, client, count, seconds=20):
        """The next so many messages."""
        return [client.message(seconds) for _ in range(count)]

    def before(self, client, sender):
        """The ids of all that waits for a client: what the sender says now comes behind it."""
        last, found = self.say(sender, client.bare), []
        while not found or found[-1] != last:
            found.append(client.message().get("id"))
        return found[:-1]


class Table(Delivering):
    """RFC 6121 §8.5.4: each type of message to each kind of address."""

    KINDS = ("normal", "chat", "groupchat", "headline", "error")

    def row(self, to, sessions):
        """For each type: the letters of those that got it, E for an error, O where it waits."""
        cells = []
        for kind in self.KINDS:
            number = self.say(self.anna, to, kind)
            self.settle(self.anna)
            cell = "E" * len(self.errors(self.anna))
            cell += "".join(
                letter for letter, session in sessions.items() if number in self.got(session)
            )
            cells.append(cell or "-")
        return cells

    def waiting(self, name):
        """What waits for an account, which logs in for it."""
        client = self.login(name, "reader")
        found = self.before(client, self.anna)
        client.goodbye()
        return found

    def test_each_type_to_each_kind_of_address(self):
        self.anna = self.login("anna")
        bert = f"bert@{DOMAIN}"
        self.assertEqual(self.row(f"nobody@{DOMAIN}", {}), ["E", "E", "E", "-", "-"])
        self.assertEqual(self.row(f"nobody@{DOMAIN}/x", {}), ["E", "E", "E", "-", "-"])
        # No resource: normal and chat wait, of a full address chat alone.
        self.assertEqual(self.row(bert, {}), ["-", "-", "E", "-", "-"])
        self.assertEqual(len(self.waiting("bert")), 2)
        self.assertEqual(self.row(f"{bert}/gone", {}), ["E", "-", "E", "-", "-"])
        self.assertEqual(len(self.waiting("bert")), 1)
        # Only a resource with a negative priority.
        shy = self.login("bert", "shy", "<presence><priority>-1</priority></presence>")
        self.assertEqual(self.row(bert, {"s": shy}), ["-", "-", "E", "-", "-"])
        self.assertEqual(self.row(f"{bert}/shy", {"s": shy}), ["s"] * 5)
        self.assertEqual(self.row(f"{bert}/gone", {"s": shy}), ["E", "-", "E", "-", "-"])
        self.assertEqual(len(self.waiting("bert")), 3)
        # A resource that takes messages beside it.
        open_ = self.login("bert", "open")
        both = {"s": shy, "o": open_}
        self.assertEqual(self.row(bert, both), ["o", "o", "E", "o", "-"])
        self.assertEqual(self.row(f"{bert}/open", both), ["o"] * 5)
        self.assertEqual(self.row(f"{bert}/gone", both), ["E", "o", "E", "-", "-"])
        # Two that take messages.
        other = self.login("bert", "other")
        all_ = {"s": shy, "o": open_, "p": other}
        self.assertEqual(self.row(bert, all_), ["op", "op", "E", "op", "-"])
        self.assertEqual(self.row(f"{bert}/other", all_), ["p"] * 5)
        self.assertEqual(self.row(f"{bert}/gone", all_), ["E", "op", "E", "-", "-"])

    def test_iqs_to_accounts_and_resources(self):
        anna, bert = self.login("anna"), self.login("bert")
        for to in (f"nobody@{DOMAIN}", f"bert@{DOMAIN}", f"nobody@{DOMAIN}/x", f"bert@{DOMAIN}/x"):
            answer = anna.ask("get", "<query xmlns='jabber:iq:last'/>", to)
            self.assertEqual(answer.get("type"), "error")
            self.assertIsNotNone(
                answer.find(f"{CLIENT}error/{{{STANZAS}}}service-unavailable"), to
            )
        self.settle(bert)
        self.assertNotIn("jabber:iq:last", str(bert.answers))

    def test_an_asker_that_becomes_unavailable_is_answered(self):
        anna, desk = self.login("anna"), self.login("anna", "desk")
        anna.send(f"<iq type='get' id='asked' to='{desk.full}'><query xmlns='urn:q'/></iq>")
        anna.send("<presence type='unavailable'/>")
        self.settle(anna, desk)
        self.assertIn("asked", desk.answers)
        desk.send(f"<iq type='result' id='asked' to='{anna.full}'/>")
        self.settle(desk, anna)
        self.assertEqual(anna.answers["asked"].get("type"), "result")

    def test_services_answer_a_ping_at_their_one_address(self):
        anna, ping = self.login("anna"), "<ping xmlns='urn:xmpp:ping'/>"
        for name in ("pubsub.", "controller.", "proxy.", "bulk.", ""):
            self.assertEqual(anna.ask("get", ping, name + DOMAIN).get("type"), "result", name)
            if not name:
                continue
            answer = anna.ask("get", ping, f"x@{name}{DOMAIN}")
            self.assertIsNotNone(answer.find(f"{CLIENT}error/{{{STANZAS}}}item-not-found"), name)
            self.say(anna, f"x@{name}{DOMAIN}")
        self.assertEqual({condition for _, condition in self.errors(anna)}, {"item-not-found"})
        answer = anna.ask("get", ping, "other.example")
        self.assertIsNotNone(
            answer.find(f"{CLIENT}error/{{{STANZAS}}}remote-server-not-found")
        )


class Offline(Delivering):
    def test_messages_wait_and_come_in_their_order_with_a_stamp(self):
        anna = self.login("anna")
        sent = [self.say(anna, f"bert@{DOMAIN}") for _ in range(5)]
        self.settle(anna)
        bert = self.login("bert")
        found = self.until(bert, 5)
        self.assertEqual([one.get("id") for one in found], sent)
        for one in found:
            self.assertEqual(one.get("from"), anna.full)
            self.assertEqual(one.get("to"), f"bert@{DOMAIN}")
            self.assertEqual(one.find(DELAY).get("from"), DOMAIN)
        last = self.say(anna, f"bert@{DOMAIN}")
        self.assertEqual(self.got(bert), [last])
        bert.goodbye()
        # A delivered message does not come again.
        self.assertEqual(self.before(self.login("bert"), anna), [])
        self.assertEqual(self.errors(anna), [])

    def test_messages_survive_kill_9(self):
        anna = self.login("anna")
        sent = [self.say(anna, f"bert@{DOMAIN}") for _ in range(10)]
        self.settle(anna)    # answered behind them: they are durable
        self.server.kill9()
        self.server.start()
        bert = self.login("bert")
        self.assertEqual([one.get("id") for one in self.until(bert, 10)], sent)
        # Messages which did not arrive for sure come again after another one.
        self.server.kill9()
        self.server.start()
        again = self.before(self.login("bert"), self.login("anna"))
        self.assertEqual(again, sent[len(sent) - len(again):])

    def managed(self, bundle):
        """Available, with stream management."""
        client = Managed(self.server.c2s, DOMAIN)
        self.addCleanup(lambda: client.socket.close())
        client.login(bundle, "one")
        client.answers_requests = False
        client.enable("")
        client.say("<presence/>")
        return client

    @staticmethod
    def messages(client):
        return [one.get("id") for one in client.stanzas if one.tag == f"{CLIENT}message"]

    def test_one_that_was_acknowledged_does_not_come_again(self):
        """XEP-0198 §4: however soon the client binds the same resource, and whatever became of the
        connection by which it acknowledged."""
        anna = self.login("anna")
        bundle = self.server.authority.client(f"bert@{DOMAIN}")
        for what in ("cut", "left", "closed") * 4:
            with self.subTest(what=what):
                number = self.say(anna, bundle.jid)
                client = self.managed(bundle)
                client.wait(lambda: number in self.messages(client), 60)
                self.assertEqual(self.messages(client), [number])
                client.ack()
                if what == "closed":
                    client.send("</stream:stream>")
                if what != "left":
                    client.cut()
                again = self.managed(bundle)
                last = self.say(anna, bundle.jid)
                again.wait(lambda: last in self.messages(again), 60)
                self.assertEqual(self.messages(again), [last])
                again.ack()
                again.ping()
                again.send("</stream:stream>")
                again.until_closed(60)

    def test_those_that_are_acknowledged_after_the_presence_has_ended_do_not_come_again(self):
        """Whatever waits behind them meanwhile."""
        anna = self.login("anna")
        bundle = self.server.authority.client(f"bert@{DOMAIN}")
        away = "<presence type='unavailable'/>", "<presence><priority>-1</priority></presence>"
        for how in away:
            with self.subTest(how=how):
                sent = [self.say(anna, bundle.jid) for _ in range(2)]
                client = self.managed(bundle)
                client.wait(lambda: sent[-1] in self.messages(client), 60)
                client.say(how)
                client.ping()
                waits = self.say(anna, bundle.jid)
                client.ack()
                client.ping()
                client.send("</stream:stream>")
                client.until_closed(60)
                again = self.managed(bundle)
                again.wait(lambda: waits in self.messages(again), 60)
                self.assertEqual(self.messages(again), [waits])
                again.ack()
                again.ping()
                again.send("</stream:stream>")
                again.until_closed(60)

    def test_those_that_were_acknowledged_do_not_come_with_those_that_were_not(self):
        anna = self.login("anna")
        bundle = self.server.authority.client(f"bert@{DOMAIN}")
        sent = [self.say(anna, bundle.jid) for _ in range(3)]
        for number in range(3):
            client = self.managed(bundle)
            client.wait(lambda: sent[-1] in self.messages(client), 60)
            self.assertEqual(self.messages(client), sent[number:])
            place = [one.get("id") for one in client.stanzas].index(sent[number])
            client.ack(place + 1)
            client.ping()   # the server has read it
            client.cut()
        last = self.say(anna, bundle.jid)
        client = self.managed(bundle)
        client.wait(lambda: last in self.messages(client), 60)
        self.assertEqual(self.messages(client), [last])

    def test_a_client_without_presence_gets_them_when_it_logs_in(self):
        anna = self.login("anna")
        number = self.say(anna, f"bert@{DOMAIN}")
        self.settle(anna)
        bert = self.login("bert", presence="")
        self.assertEqual(self.got(bert), [])
        bert.ask("get", f"<query xmlns='{INFO}'/>")     # at the broker: it logs in
        self.assertEqual([one.get("id") for one in self.until(bert, 1)], [number])

    def test_a_negative_priority_leaves_them_until_it_is_none(self):
        anna = self.login("anna")
        number = self.say(anna, f"bert@{DOMAIN}")
        bert = self.login("bert", presence="<presence><priority>-5</priority></presence>")
        self.assertEqual(self.got(bert), [])
        bert.send("<presence><priority>5</priority></presence>")
        self.assertEqual([one.get("id") for one in self.until(bert, 1)], [number])

    def test_what_says_nothing_or_wants_no_store_does_not_wait(self):
        anna, to = self.login("anna"), f"bert@{DOMAIN}"
        state = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
        hint = "<{} xmlns='urn:xmpp:hints'/>"
        anna.send(f"<message to='{to}' type='chat' id='state'>{state}<thread>t</thread></message>")
        anna.send(f"<message to='{to}' type='chat' id='empty'/>")
        self.assertEqual(self.errors(anna), [])
        once = self.say(anna, to, more=hint.format("no-store"))
        self.assertEqual(self.errors(anna), [(once, "service-unavailable")])
        kept = self.say(anna, to, more=hint.format("no-permanent-store"))
        anna.send(
            f"<message to='{to}' type='chat' id='worth'>{state}{hint.format('store')}</message>"
        )
        self.assertEqual(self.errors(anna), [])
        self.assertEqual(self.before(self.login("bert"), anna), [kept, "worth"])

    def test_a_full_store_is_told_to_the_sender_and_to_no_other(self):
        anna, carl = self.login("anna"), self.login("carl")
        sent = [self.say(anna, f"bert@{DOMAIN}", settles=False) for _ in range(200)]
        refused = self.errors(anna)
        self.assertEqual(len(refused), 180)
        self.assertEqual({condition for _, condition in refused}, {"service-unavailable"})
        self.say(carl, f"bert@{DOMAIN}")
        self.assertEqual(len(self.errors(carl)), 1)
        waits = self.say(carl, f"dora@{DOMAIN}")
        self.assertEqual(self.errors(carl), [])
        bert = self.login("bert")
        self.assertEqual([one.get("id") for one in self.until(bert, 20)], sent[:20])
        self.assertEqual(self.before(self.login("dora"), carl), [waits])

    def test_a_flood_for_an_account_that_is_away_makes_nobody_else_wait(self):
        anna, carl, dora = self.login("anna"), self.login("carl"), self.login("dora")
        flood = [self.say(anna, f"bert@{DOMAIN}", settles=False) for _ in range(3000)]
        began = time.monotonic()
        number = self.say(carl, dora.bare)
        self.assertEqual(self.got(dora), [number])
        carl.ping()
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(len(self.errors(anna)), len(flood) - 20)
        # No message behind them yet: until they have arrived there is room for no other.
        came = self.until(self.login("bert"), 20)
        self.assertEqual([message.get("id") for message in came], flood[:20])

    def test_a_right_that_is_gone_stops_what_is_sent_from_then_on(self):
        anna = self.login("anna")
        kept = self.say(anna, f"bert@{DOMAIN}")
        self.server.admin_ctl(
            "policy", "set", "-", stdin=f"deny client anna to message any\n{POLICY}"
        )
        number = self.say(anna, f"bert@{DOMAIN}")
        self.assertEqual(self.errors(anna), [(number, "service-unavailable")])
        self.assertEqual(self.before(self.login("bert"), self.login("carl")), [kept])

    def test_senders_keep_their_order_while_the_account_comes_back(self):
        anna = self.login("anna")
        sent = [self.say(anna, f"bert@{DOMAIN}") for _ in range(15)]
        bundle = self.server.authority.client(f"bert@{DOMAIN}")
        bert = Stanzas(self.server, bundle)
        self.addCleanup(bert.close)
        sent += [self.say(anna, f"bert@{DOMAIN}", settles=False) for _ in range(30)]
        self.settle(anna)
        refused = {number for number, _ in self.errors(anna)}
        expected = [number for number in sent if number not in refused]
        self.assertEqual([one.get("id") for one in self.until(bert, len(expected))], expected)

    def test_an_account_that_is_deleted_takes_its_messages_along(self):
        anna = self.login("anna")
        self.say(anna, f"bert@{DOMAIN}")
        self.settle(anna)
        self.server.admin_ctl("accounts", "delete", f"bert@{DOMAIN}")
        self.server.admin_ctl("accounts", "add", f"bert@{DOMAIN}", "--group", "everyone")
        self.assertEqual(self.before(self.login("bert"), anna), [])

    def test_a_sender_without_the_right_cannot_tell_who_is_away(self):
        mute = self.login("mute")
        for to in ("bert", "nobody"):
            number = self.say(mute, f"{to}@{DOMAIN}")
            self.assertEqual(self.errors(mute), [(number, "service-unavailable")])
        self.assertEqual(self.before(self.login("bert"), self.login("anna")), [])

    def test_the_server_says_that_it_keeps_messages(self):
        info = self.login("anna").ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)
        features = {one.get("var") for one in info.iter(f"{{{INFO}}}feature")}
        self.assertLessEqual(
            {"msgoffline", CARBONS, "urn:xmpp:carbons:rules:0", BLOCKING}, features
        )


class NothingKept(Delivering):
    SETTINGS = {"offline.messages_max": "0"}

    def test_who_is_away_looks_like_who_is_missing(self):
        anna = self.login("anna")
        for to in ("bert", "nobody"):
            number = self.say(anna, f"{to}@{DOMAIN}")
            self.assertEqual(self.errors(anna), [(number, "service-unavailable")])
        info = anna.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)
        self.assertNotIn("msgoffline", {one.get("var") for one in info.iter(f"{{{INFO}}}feature")})


class Copies(Delivering):
    def copies(self, client, way):
        """The ids of the messages of which it got copies."""
        if how := getattr(client, "switched", None):
            self.switch(client, how)   # answered behind all that other members sent before
        self.settle(client)
        found, rest = [], []
        for one in client.messages:
            inner = one.find(f"{{{CARBONS}}}{way}/{{{FORWARD}}}forwarded/{CLIENT}message")
            if inner is None:
                rest.append(one)
                continue
            self.assertEqual(one.get("from"), client.bare)
            self.assertEqual(one.get("to"), client.full)
            self.assertEqual(one.get("type"), inner.get("type"))
            found.append(inner.get("id"))
        client.messages = rest
        return found

    def switch(self, client, how):
        answer = client.ask("set", f"<{how} xmlns='{CARBONS}'/>", client.bare)
        self.assertEqual(answer.get("type"), "result")
        client.switched = how

    def test_other_resources_get_copies_of_both_directions(self):
        anna, desk = self.login("anna"), self.login("anna", "desk")
        bert, phone = self.login("bert"), self.login("bert", "phone")
        self.switch(desk, "enable")
        self.switch(phone, "enable")
        self.switch(phone, "enable")     # again is no error
        number = self.say(anna, bert.full)
        self.assertEqual(self.got(bert), [number])
        self.assertEqual(self.copies(desk, "sent"), [number])
        self.assertEqual(self.copies(phone, "received"), [number])
        # To the bare address both get the message itself, and no copy.
        number = self.say(anna, bert.bare)
        self.assertEqual(self.copies(phone, "received"), [])
        self.assertEqual((self.got(bert), self.got(phone)), ([number], [number]))
        self.assertEqual(self.copies(desk, "sent"), [number])
        # Not the sender, whether it wants copies or not.
        self.assertEqual(self.copies(anna, "sent"), [])
        self.switch(phone, "disable")
        self.say(anna, bert.full)
        self.assertEqual(self.copies(phone, "received"), [])
        # A message that waits comes from the store, and to no resource as a copy before.
        deaf = self.login("dora", "deaf", "<presence><priority>-1</priority></presence>")
        self.switch(deaf, "enable")
        number = self.say(anna, f"dora@{DOMAIN}")
        self.assertEqual(self.copies(deaf, "received"), [])
        deaf.send("<presence/>")
        self.assertEqual(deaf.message().get("id"), number)
        self.assertEqual(self.copies(desk, "sent")[-1:], [number])
        deaf.goodbye()
        # While it is away its sender's resources hear of it, too.
        number = self.say(anna, f"dora@{DOMAIN}")
        self.assertEqual(self.copies(desk, "sent")[-1:], [number])

    def test_which_messages_are_copied(self):
        anna, desk, bert = self.login("anna"), self.login("anna", "desk"), self.login("bert")
        self.switch(desk, "enable")
        to = bert.full
        plain = self.say(anna, to, "normal")
        for kind in ("headline", "groupchat", "error"):
            self.say(anna, to, kind)
        self.say(anna, to, more=f"<private xmlns='{CARBONS}'/>")
        self.say(anna, to, more="<no-copy xmlns='urn:xmpp:hints'/>")
        anna.send(f"<message to='{to}' id='nothing'><x xmlns='urn:x'/></message>")
        anna.send(
            f"<message to='{to}' id='receipt'>"
            "<received xmlns='urn:xmpp:receipts' id='1'/></message>"
        )
        anna.send(
            f"<message to='{to}' id='state' type='chat'>"
            "<active xmlns='http://jabber.org/protocol/chatstates'/></message>"
        )
        self.settle(anna)
        self.assertEqual(self.copies(desk, "sent"), [plain, "receipt", "state"])

    def test_wrong_requests_are_refused(self):
        anna = self.login("anna")
        for kind, payload in (("get", "enable"), ("set", "other")):
            answer = anna.ask(kind, f"<{payload} xmlns='{CARBONS}'/>", anna.bare)
            self.assertIsNotNone(answer.find(f"{CLIENT}error/{{{STANZAS}}}bad-request"))
        answer = anna.ask("set", f"<enable xmlns='{CARBONS}'/>", f"bert@{DOMAIN}")
        self.assertEqual(answer.get("type"), "error")

    def test_an_error_is_copied_where_its_message_was(self):
        anna, desk = self.login("anna"), self.login("anna", "desk")
        bert, phone = self.login("bert"), self.login("bert", "phone")
        self.switch(desk, "enable")
        self.switch(phone, "enable")
        sent = self.say(anna, bert.full)
        self.assertEqual(self.copies(desk, "sent"), [sent])
        self.assertEqual(self.copies(phone, "received"), [sent])
        error = (
            "<error type='cancel'><service-unavailable "
            "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        )
        self.settle(bert)
        for name in (sent, "never-sent"):
            bert.send(f"<message type='error' to='{anna.full}' id='{name}'>{error}</message>")
        self.settle(bert)
        self.assertEqual(
            [(one.get("id"), one.get("type")) for one in self.until(anna, 2)],
            [(sent, "error"), ("never-sent", "error")],
        )
        self.assertEqual(self.copies(desk, "received"), [sent])
        self.assertEqual(self.copies(phone, "sent"), [sent])

    def test_ids_in_our_name_are_taken_off(self):
        anna, bert = self.login("anna"), self.login("bert")
        self.say(
            anna, bert.full,
            more=f"<stanza-id xmlns='{SID}' by='{bert.bare}' id='forged'/>"
            f"<stanza-id xmlns='{SID}' by='room@elsewhere.example' id='theirs'/>"
            f"<origin-id xmlns='{SID}' id='mine'/>"
            f"<delay xmlns='urn:xmpp:delay' from='{DOMAIN}' stamp='2001-01-01T00:00:00Z'/>",
        )
        found = bert.message()
        ids = [one.get("id") for one in found if one.tag.startswith("{" + SID)]
        self.assertEqual(ids, ["theirs", "mine"])
        self.assertIsNone(found.find(DELAY))


class Blocking(Delivering):
    SETTINGS = {"blocking.addresses_max": "3"}

    def block(self, client, *jids, how="block"):
        items = "".join(f"<item jid='{jid}'/>" for jid in jids)
        return client.ask("set", f"<{how} xmlns='{BLOCKING}'>{items}</{how}>", client.bare)

    def blocklist(self, client):
        answer = client.ask("get", f"<blocklist xmlns='{BLOCKING}'/>", client.bare)
        return sorted(one.get("jid") for one in answer.iter(f"{{{BLOCKING}}}item"))

    def pushes(self, client):
        self.settle(client)
        found = []
        for number in sorted(client.answers):
            iq = client.answers[number]
            if number.startswith("push-"):
                found.append((iq[0].tag.split("}")[1], [item.get("jid") for item in iq[0]]))
                del client.answers[number]
        return found

    def test_the_list_is_kept_and_its_changes_are_pushed(self):
        anna, desk, other = (self.login("anna", name) for name in ("one", "desk", "other"))
        self.assertEqual(self.blocklist(anna), [])
        self.assertEqual(self.blocklist(desk), [])
        jids = [f"bert@{DOMAIN}", f"carl@{DOMAIN}"]
        self.assertEqual(self.block(anna, *jids).get("type"), "result")
        for client in (anna, desk):
            self.assertEqual(self.pushes(client), [("block", jids)])
        self.assertEqual(self.pushes(other), [])
        self.server.kill9()
        self.server.start()
        anna = self.login("anna")
        self.assertEqual(self.blocklist(anna), jids)
        self.block(anna, jids[0], how="unblock")
        self.assertEqual(self.blocklist(anna), jids[1:])
        self.block(anna, how="unblock")
        self.assertEqual(self.pushes(anna), [("unblock", jids[:1]), ("unblock", [])])
        self.assertEqual(self.blocklist(anna), [])
        records = self.server.admin_json("audit", "--account", anna.bare)["records"]
        deeds = [
            (one["operation"], one["detail"]) for one in records if "block" in one["operation"]
        ]
        self.assertEqual(
            sorted(deeds),
            [
                ("block", f"2 addresses: {jids[0]}, {jids[1]}"),
                ("unblock", "all"), ("unblock", jids[0]),
            ],
        )

    def test_a_block_list_does_not_tell_which_accounts_there_are(self):
        """The asker's own list answers alike for an account and for none."""
        anna, bert, nobody = self.login("anna"), self.login("bert"), f"nobody@{DOMAIN}"
        self.block(bert, anna.bare, nobody)
        version = "<query xmlns='jabber:iq:version'/>"
        for to in (anna.bare, anna.full, anna.bare + "/none", nobody, nobody + "/one"):
            with self.subTest(to=to):
                answer = refusal(bert.ask("get", version, to))
                self.assertEqual(answer[:2], ["not-acceptable", "blocked"])

    def test_nothing_passes_either_way(self):
        anna, bert = self.login("anna"), self.login("bert")
        self.block(anna, bert.bare)
        number = self.say(bert, anna.bare)
        self.assertEqual(self.errors(bert), [(number, "service-unavailable")])
        self.say(bert, anna.full, "headline")
        self.assertEqual(self.errors(bert), [])
        answer = bert.ask("get", "<query xmlns='jabber:iq:last'/>", anna.full)
        self.assertIsNotNone(answer.find(f"{CLIENT}error/{{{STANZAS}}}service-unavailable"))
        self.assertEqual(self.got(anna), [])
        self.say(anna, bert.full)
        self.settle(anna)
        error = anna.messages.pop().find(f"{CLIENT}error")
        self.assertEqual(error[0].tag, f"{{{STANZAS}}}not-acceptable")
        self.assertIsNotNone(error.find("{urn:xmpp:blocking:errors}blocked"))
        answer = anna.ask("get", "<query xmlns='jabber:iq:last'/>", bert.full)
        self.assertIsNotNone(answer.find(f"{CLIENT}error/{{{STANZAS}}}not-acceptable"))
        self.assertEqual(self.got(bert), [])
        self.block(anna, bert.bare, how="unblock")
        number = self.say(bert, anna.bare)
        self.assertEqual(self.got(anna), [number])

    def test_a_resource_or_a_whole_domain(self):
        anna, bert, phone = self.login("anna"), self.login("bert"), self.login("bert", "phone")
        self.block(anna, phone.full)
        self.say(phone, anna.full)
        number = self.say(bert, anna.full)
        self.assertEqual(len(self.errors(phone)), 1)
        self.assertEqual(self.got(anna), [number])
        self.block(anna, DOMAIN)
        self.say(bert, anna.full)
        self.assertEqual(len(self.errors(bert)), 1)
        # One's own resources are never blocked, nor is the server.
        desk = self.login("anna", "desk")
        number = self.say(desk, anna.full)
        self.assertEqual(self.got(anna), [number])

    def test_a_blocked_sender_leaves_nothing_for_later(self):
        anna, bert = self.login("anna"), self.login("bert")
        self.block(anna, bert.bare)
        anna.goodbye()
        number = self.say(bert, anna.bare)
        self.assertEqual(self.errors(bert), [(number, "service-unavailable")])
        self.assertEqual(self.before(self.login("anna"), self.login("carl")), [])

    def test_what_waits_from_a_sender_is_not_heard_once_it_is_blocked(self):
        bert, carl = self.login("bert"), self.login("carl")
        self.say(bert, f"anna@{DOMAIN}")
        number = self.say(carl, f"anna@{DOMAIN}")
        self.settle(bert, carl)
        anna = self.login("anna", presence="")
        self.block(anna, bert.bare)
        anna.send("<presence/>")
        self.assertEqual(self.before(anna, carl), [number])

    def test_wrong_requests_are_refused(self):
        anna = self.login("anna")
        for payload, condition in (
            (f"<block xmlns='{BLOCKING}'/>", "bad-request"),
            (f"<block xmlns='{BLOCKING}'><item jid='a@@b'/></block>", "jid-malformed"),
            (f"<block xmlns='{BLOCKING}'><item/></block>", "jid-malformed"),
            (f"<unblock xmlns='{BLOCKING}'><x xmlns='urn:x'/></unblock>", "bad-request"),
            (f"<blocklist xmlns='{BLOCKING}'/>", "bad-request"),
        ):
            answer = anna.ask("set", payload, anna.bare)
            self.assertIsNotNone(answer.find(f"{CLIENT}error/{{{STANZAS}}}{condition}"), payload)
        answer = self.block(anna, *(f"x{n}@{DOMAIN}" for n in range(4)))
        self.assertIsNotNone(answer.find(f"{CLIENT}error/{{{STANZAS}}}resource-constraint"))
        self.assertEqual(self.blocklist(anna), [])
        answer = anna.ask("get", f"<blocklist xmlns='{BLOCKING}'/>", f"bert@{DOMAIN}")
        self.assertEqual(answer.get("type"), "error")


if __name__ == "__main__":
    unittest.main()
