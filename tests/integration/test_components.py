# tests/integration/test_components.py: external components (XEP-0114), under the policy.
"""A component on a bare socket, and one on slixmpp."""

import asyncio
import re
import unittest

import slixmpp

from component import Component, condition_of
from gridd import BROKER, CONTROLLER, DOMAIN, Operated
from managed import Managed
from stanzas import CLIENT, Stanzas, refusal

ECHO = "echo." + DOMAIN
OTHER = "other." + DOMAIN
SECRET = "a-secret-that-is-long-enough"
PING = "<ping xmlns='urn:xmpp:ping'/>"
POLICY = """\
deny client ann to message client other
deny client other to message client ann
allow any to message any
"""
KNOWN = f"{ECHO} echo@{DOMAIN} {SECRET},{OTHER} other@{DOMAIN} {SECRET}"


class Components(unittest.TestCase):
    settings = {"listen.component": "127.0.0.1:0", "components.known": KNOWN}

    def setUp(self):
        self.server = Operated(POLICY, self.settings)
        self.addCleanup(self.server.close)
        self.server.start()
        for name in ("ann", "bob", "echo", "other"):
            self.server.admin_ctl("accounts", "add", f"{name}@{DOMAIN}", "--group", "everyone")

    def component(self, domain=ECHO):
        component = Component(self.server.addresses["component"], domain)
        self.addCleanup(component.close)
        return component

    def log_in(self, name="ann", presence="<presence/>"):
        bundle = self.server.authority.client(f"{name}@{DOMAIN}")
        client = Stanzas(self.server, bundle, "r", presence)
        self.addCleanup(client.close)
        client.ping()
        return client


class Entrance(Components):
    def test_the_handshake(self):
        echo = self.component().login(SECRET)
        answer = echo.ask("get", PING, DOMAIN)
        self.assertEqual((answer.get("type"), answer.get("to")), ("result", ECHO))
        self.assertEqual(answer.get("from"), DOMAIN)

    def test_each_way_to_be_refused(self):
        self.component().login(SECRET)   # the good case, to compare with
        wrong = self.component()
        wrong.shake_hands("another-secret-of-that-length")
        self.assertEqual(wrong.condition(), "not-authorized")
        stale = self.component()
        stale.begin()
        stale.shake_hands(SECRET, "not-the-id-of-this-stream")
        self.assertEqual(stale.condition(), "not-authorized")
        unknown = self.component("nobody." + DOMAIN)
        unknown.begin()
        self.assertEqual(unknown.condition(), "host-unknown")
        client = self.component()
        client.begin("jabber:client")
        self.assertEqual(client.condition(), "invalid-namespace")
        early = self.component()
        early.begin()
        early.send(f"<message from='{ECHO}' to='ann@{DOMAIN}'/>")
        self.assertEqual(early.condition(), "not-authorized")
        # A client's port knows no components.
        raw = Component(self.server.c2s, ECHO)
        self.addCleanup(raw.close)
        raw.begin(domain=DOMAIN)
        self.assertEqual(raw.condition(), "invalid-namespace")

    def test_the_account_must_be_there_and_enabled(self):
        self.server.admin_ctl("accounts", "disable", f"echo@{DOMAIN}")
        echo = self.component()
        echo.shake_hands(SECRET)
        self.assertEqual(echo.condition(), "not-authorized")
        self.server.admin_ctl("accounts", "enable", f"echo@{DOMAIN}")
        echo = self.component().login(SECRET)
        self.server.admin_ctl("accounts", "disable", f"echo@{DOMAIN}")
        self.assertEqual(echo.condition(), "policy-violation")

    def test_one_that_comes_again_takes_the_place_of_the_first(self):
        first = self.component().login(SECRET)
        second = self.component().login(SECRET)
        self.assertEqual(first.condition(), "conflict")
        self.assertEqual(second.ask("get", PING, DOMAIN).get("type"), "result")

    def test_addresses_of_others_are_refused(self):
        for sender in (DOMAIN, OTHER, f"ann@{DOMAIN}", "x." + ECHO, ""):
            with self.subTest(sender=sender):
                echo = self.component().login(SECRET)
                echo.send(f"<message from='{sender}' to='ann@{DOMAIN}'><body>x</body></message>")
                self.assertEqual(echo.condition(), "invalid-from")
        echo = self.component().login(SECRET)
        echo.send(f"<message from='{ECHO}'><body>x</body></message>")
        self.assertEqual(echo.condition(), "improper-addressing")


class Exchange(Components):
    def setUp(self):
        super().setUp()
        self.echo = self.component().login(SECRET)
        self.ann = self.log_in()

    def settle(self):
        """What both sent has gone its way: their questions go the same."""
        for _ in range(2):
            self.echo.ask("get", PING, f"bob@{DOMAIN}/away")
            self.ann.ask("get", PING, f"bob@{DOMAIN}/away")

    def hears(self, number):
        """Ann: the iq of that id."""
        while number not in self.ann.answers:
            self.ann.ping()
        return self.ann.answers.pop(number)

    def test_messages_both_ways_in_any_name_of_the_component(self):
        self.ann.send(f"<message to='bot@{ECHO}/x' type='chat' id='1'><body>hi</body></message>")
        got = self.echo.next()
        self.assertEqual((got.get("from"), got.get("to")), (self.ann.full, f"bot@{ECHO}/x"))
        self.echo.send(
            f"<message from='bot@{ECHO}/x' to='{self.ann.bare}' type='chat' id='2'>"
            "<body>hello</body></message>"
        )
        got = self.ann.message()
        self.assertEqual((got.get("from"), got.get("id")), (f"bot@{ECHO}/x", "2"))
        self.assertEqual(got.find(f"{CLIENT}body").text, "hello")

    def test_messages_wait_for_an_account_that_is_away(self):
        def say(number, to):
            self.echo.send(
                f"<message from='bot@{ECHO}/x' to='{to}' type='chat' id='{number}'>"
                "<body>hello</body></message>"
            )
            self.settle()

        say("away", f"bob@{DOMAIN}")
        bob = self.log_in("bob")
        self.assertEqual(bob.message().get("id"), "away")
        bob.goodbye()
        # And what a session did not acknowledge.
        managed = Managed(self.server.c2s, DOMAIN).login(
            self.server.authority.client(f"bob@{DOMAIN}"), "sm"
        )
        managed.answers_requests = False
        managed.enable()
        managed.say("<presence/>")
        managed.ping()
        say("unread", f"bob@{DOMAIN}/sm")
        managed.send("</stream:stream>")
        managed.until_closed()
        self.assertEqual(self.log_in("bob").message().get("id"), "unread")

    def test_queries_both_ways(self):
        self.ann.send(f"<iq type='get' id='q' to='{ECHO}'>{PING}</iq>")
        asked = self.echo.next("iq")
        self.assertEqual(asked.get("from"), self.ann.full)
        self.echo.send(f"<iq type='result' id='q' from='{ECHO}' to='{self.ann.full}'/>")
        self.assertEqual(self.hears("q").get("from"), ECHO)
        self.echo.send(f"<iq type='get' id='p' from='bot@{ECHO}' to='{self.ann.full}'>{PING}</iq>")
        asked = self.hears("p")
        self.assertEqual((asked.get("type"), asked.get("from")), ("get", f"bot@{ECHO}"))
        self.ann.send(f"<iq type='result' id='p' to='bot@{ECHO}'/>")
        self.settle()
        self.assertEqual(self.echo.answers.pop("p").get("from"), self.ann.full)

    def answers_too_late(self, asker, change):
        """The refusal that `asker` hears of a question whose answer comes after the change."""
        asked_at, address = (self.ann, self.ann.full) if asker is self.echo else (self.echo, ECHO)
        sender = f" from='{ECHO}'" if asker is self.echo else ""
        asker.send(f"<iq type='get' id='q' to='{address}'{sender}>{PING}</iq>")
        if asked_at is self.ann:
            self.hears("q")
        else:
            self.echo.next("iq")
        change()
        to = ECHO if asker is self.echo else self.ann.full
        sender = f" from='{ECHO}'" if asker is self.ann else ""
        asked_at.send(f"<iq type='result' id='q' to='{to}'{sender}/>")
        self.settle()
        return condition_of(asker.answers.pop("q"))

    def test_a_right_that_ends_while_a_question_waits(self):
        for name, asker in (("ann", self.ann), ("echo", self.echo)):
            with self.subTest(asker=name):
                allowed = "allow any to message any\n"
                change = f"deny client {name} to message any\n" + allowed
                self.server.admin_ctl("policy", "set", "-", stdin=allowed)
                condition = self.answers_too_late(
                    asker, lambda: self.server.admin_ctl("policy", "set", "-", stdin=change)
                )
                self.assertEqual(condition, "service-unavailable")

    def test_a_component_that_is_blocked_while_a_question_waits(self):
        block = f"<block xmlns='urn:xmpp:blocking'><item jid='{ECHO}'/></block>"
        condition = self.answers_too_late(
            self.ann, lambda: self.ann.ask("set", block, self.ann.bare)
        )
        self.assertEqual(condition, "not-acceptable")

    def test_an_answer_in_another_name_and_one_without_a_question_are_dropped(self):
        self.ann.send(f"<iq type='get' id='q' to='{ECHO}'>{PING}</iq>")
        self.echo.next("iq")
        self.echo.send(f"<iq type='result' id='q' from='bot@{ECHO}' to='{self.ann.full}'/>")
        self.echo.send(f"<iq type='result' id='z' from='{ECHO}' to='{self.ann.full}'/>")
        self.settle()
        self.assertEqual(self.ann.answers, {})

    def test_presence_is_passed_on_and_its_end_is_told(self):
        self.ann.send(f"<presence to='room@{ECHO}/ann'><show>away</show></presence>")
        self.assertEqual(self.echo.next("presence").get("from"), self.ann.full)
        self.ann.close()
        ended = self.echo.next("presence")
        self.assertEqual(
            (ended.get("type"), ended.get("from"), ended.get("to")),
            ("unavailable", self.ann.full, f"room@{ECHO}/ann"),
        )

    def test_where_nobody_answers(self):
        for to, condition in (
            (f"ann@{DOMAIN}", "service-unavailable"), (f"bob@{DOMAIN}/r", "service-unavailable"),
            (f"nobody@{DOMAIN}/r", "service-unavailable"), (BROKER, "service-unavailable"),
            (CONTROLLER, "service-unavailable"), (ECHO, "service-unavailable"),
            (f"room@{ECHO}", "service-unavailable"),
            (OTHER, "service-unavailable"), ("other.example", "remote-server-not-found"),
            ("a@b@c", "jid-malformed"),
        ):
            with self.subTest(to=to):
                answer = self.echo.ask("get", PING, to)
                self.assertEqual(condition_of(answer), condition)
                self.assertEqual(answer.get("to"), ECHO)
                self.assertEqual(answer.get("from"), DOMAIN if "@b@" in to else to)
        answer = self.ann.ask("get", PING, OTHER)
        self.assertEqual(refusal(answer)[0], "service-unavailable")
        self.echo.send(f"<presence type='subscribe' from='{ECHO}' to='ann@{DOMAIN}'/>")
        self.assertEqual(condition_of(self.echo.next("presence")), "feature-not-implemented")

    def test_a_component_that_goes_leaves_no_question_open(self):
        self.ann.send(f"<iq type='get' id='q' to='{ECHO}'>{PING}</iq>")
        self.echo.next("iq")
        self.echo.send("</stream:stream>")
        self.echo.raw.until_closed()
        self.assertEqual(refusal(self.hears("q"))[0], "recipient-unavailable")
        answer = self.ann.ask("get", PING, ECHO)
        self.assertEqual(refusal(answer)[0], "service-unavailable")

    def test_the_policy_and_block_lists_decide(self):
        other = self.component(OTHER).login(SECRET)
        self.assertEqual(refusal(self.ann.ask("get", PING, OTHER))[0], "service-unavailable")
        answer = other.ask("get", PING, self.ann.full)
        self.assertEqual(condition_of(answer), "service-unavailable")
        other.send(f"<message id='m' from='{OTHER}' to='{self.ann.bare}'><body>x</body></message>")
        self.assertEqual(condition_of(other.next()), "service-unavailable")
        block = f"<block xmlns='urn:xmpp:blocking'><item jid='{ECHO}'/></block>"
        self.assertEqual(self.ann.ask("set", block, self.ann.bare).get("type"), "result")
        answer = self.echo.ask("get", PING, self.ann.full)
        self.assertEqual(condition_of(answer), "service-unavailable")
        self.assertEqual(refusal(self.ann.ask("get", PING, ECHO))[0], "not-acceptable")
        self.settle()
        self.assertEqual(self.ann.messages, [])

    def test_bulk_data_is_not_carried(self):
        opens = "<open xmlns='http://jabber.org/protocol/ibb' sid='s' block-size='4096'/>"
        self.assertEqual(refusal(self.ann.ask("set", opens, ECHO))[0], "feature-not-implemented")
        answer = self.echo.ask("set", opens, self.ann.full)
        self.assertEqual(condition_of(answer), "feature-not-implemented")


class Idle(Components):
    settings = Components.settings | {"limits.idle_seconds_max": 4}

    def test_a_component_that_is_quiet_is_asked_and_one_that_is_gone_is_given_up(self):
        echo, gone = self.component().login(SECRET), self.component(OTHER).login(SECRET)
        for _ in range(2):
            asked = echo.next("iq")
            self.assertEqual((asked.get("from"), asked.get("to")), (DOMAIN, ECHO))
            echo.send(
                f"<iq type='result' id='{asked.get('id')}' from='{ECHO}' to='{DOMAIN}'/>"
            )
        self.assertEqual(gone.condition(), "connection-timeout")


class Off(Components):
    settings = {}

    def test_without_a_listener_the_domain_is_elsewhere(self):
        answer = self.log_in().ask("get", PING, ECHO)
        self.assertEqual(refusal(answer)[0], "remote-server-not-found")

    def test_what_a_start_refuses(self):
        for settings, text in (
            ({"listen.component": "0.0.0.0:0"}, "loopback"),
            ({"components.known": f"{ECHO} echo@{DOMAIN} short"}, "less than 16 bytes"),
            ({"components.known": f"{BROKER} echo@{DOMAIN} {SECRET}"}, "no service's"),
        ):
            with self.subTest(text=text):
                server = Operated(POLICY, self.settings | settings)
                self.addCleanup(server.close)
                with self.assertRaisesRegex(AssertionError, text):
                    server.start()


class Stock(Components):
    def test_slixmpp(self):
        """Its component answers a ping, and echoes what a client says."""
        host, port = self.server.addresses["component"]

        async def run():
            echo = slixmpp.ComponentXMPP(ECHO, SECRET, host, port)
            echo.register_plugin("xep_0199")
            started = asyncio.get_running_loop().create_future()
            echo.add_event_handler("session_start", started.set_result)
            echo.add_event_handler("message", lambda m: m.reply("echo: " + m["body"]).send())
            echo.connect()
            await asyncio.wait_for(started, 30)
            ann = await asyncio.to_thread(self.log_in)
            answer = await asyncio.to_thread(ann.ask, "get", PING, ECHO)
            self.assertEqual(answer.get("type"), "result")
            ann.send(f"<message to='{ECHO}' type='chat'><body>hi</body></message>")
            said = await asyncio.to_thread(ann.message)
            self.assertEqual(said.find(f"{CLIENT}body").text, "echo: hi")
            self.assertTrue(re.match(f"(.*@)?{ECHO}", said.get("from")))
            echo.abort()

        asyncio.run(run())


if __name__ == "__main__":
    unittest.main()
