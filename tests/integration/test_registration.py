# tests/integration/test_registration.py: how a client gets its account.
"""A person, rules, the stock twin, confined sessions: S36, S37, S41-S43, S83, S85."""

import asyncio
import os
import unittest

from accounts import CTRL, REGISTER_NS, AccountCase, find, texts
from gridd import BROKER, CONTROLLER, DOMAIN
from revoking import RevokingAuthority
from stock import LoginFailed


class Registration(AccountCase):
    """One server for each test, since accounts stay."""

    async def test_s41_the_sequence_of_registration_with_a_person(self):
        self.serve()
        bundle = self.client("node2")
        client = await self.log_in(bundle)
        answer = await self.ask(client, "<status/>")
        self.assertEqual(texts(answer, "state"), ["init"])
        answer = await self.ask(
            client,
            "<register><param name='group'>Session</param><param name='group'>Desk</param>"
            "<param name='description'>a firewall</param>"
            "<param name='deviceType'>firewall</param></register>",
        )
        account = find(answer, "account")
        self.assertEqual((account.get("state"), account.get("username")), ("pending", "node2"))
        self.assertEqual((await self.notification(client))[0], "pending")
        # S37: the client's wishes and description are shown to the administrator.
        shown = self.shown(bundle)
        self.assertEqual(shown["wished_groups"], ["Desk", "Session"])
        self.assertEqual(shown["wished_device_type"], "firewall")
        self.assertEqual(shown["device_type"], "")
        self.assertEqual(shown["description"], "a firewall")
        self.assertEqual(
            await self.fails(self.ask(client, "<login/>")),
            ("registration-required", "auth", "account-pending"),
        )
        self.ctl("approve", bundle.jid, "--group", "Session")
        self.assertEqual(self.shown(bundle)["device_type"], "firewall")
        state, groups, message = await self.notification(client)
        self.assertEqual((state, groups), ("enabled", ["Session"]))
        self.assertEqual(message.get("from"), CONTROLLER)
        answer = await self.ask(client, "<login/>")
        self.assertIsNotNone(find(answer, "value"))
        await self.ask(client, "<logout/>")
        await client.silence(0.2)

    async def test_s42_who_registers_second_with_another_certificate_gets_a_conflict(self):
        server = self.serve()
        other = RevokingAuthority(os.path.join(server.folder, "other"), "other CA")
        both = os.path.join(server.folder, "both.pem")
        with open(both, "wb") as file:
            file.write(self.authority.pem() + other.pem())
        server.stop()
        server.settings["tls.client_ca"] = both
        server.start()
        bundle = self.client("alice")
        with open(self.authority.path, "rb") as ours, open(other.path, "wb") as theirs:
            theirs.write(ours.read())
        impostor_bundle = other.client(f"alice@{DOMAIN}")
        first = await self.log_in(bundle, "first")
        second = await self.log_in(impostor_bundle, "second")
        third = await self.log_in(impostor_bundle, "third")
        await self.ask(first, "<register/>")
        self.assertEqual(
            await self.fails(self.ask(second, "<register/>")),
            ("conflict", "cancel", "username-taken"),
        )
        form = f"<query xmlns='{REGISTER_NS}'/>"
        self.assertEqual(
            await self.fails(third.send_iq(CONTROLLER, "set", form)),
            ("conflict", "cancel", "username-taken"),
        )
        # Not told of the account, nor let in once it is approved.
        self.ctl("approve", bundle.jid)
        self.assertEqual((await self.notification(first))[0], "pending")
        self.assertEqual((await self.notification(first))[0], "enabled")
        await second.silence(0.2)
        self.assertEqual(
            (await self.fails(self.ask(second, "<login/>")))[2], "account-unregistered"
        )
        with self.assertRaises(LoginFailed):
            await self.log_in(impostor_bundle, "fourth")

    async def test_s36_rules_approve_by_issuer_attributes_and_group(self):
        rules = ",".join(
            [
                f"ca={'0' * 64} -> nobody",
                "o=Example; ou=Guests -> ask",
                "o=Example; ou=Sensors; group=Session-* -> sensors; *",
                "san=xmpp:desk*@* -> desks",
            ]
        )
        self.serve(accounts__approve=rules)
        # By the certificate alone: at the login, without a word.
        desk = self.client("desk1")
        client = await self.log_in(desk)
        self.assertEqual(texts(await self.ask(client, "<status/>"), "state"), ["enabled"])
        self.assertEqual(self.shown(desk)["groups"], ["desks"])
        self.assertIn("san=xmpp:desk", self.shown(desk)["approved_by"])
        # An explicit register then just succeeds, and its wishes are kept (S37).
        answer = await self.ask(
            client, "<register><param name='deviceType'>desk</param></register>"
        )
        self.assertEqual(find(answer, "account").get("state"), "enabled")
        self.assertEqual(self.shown(desk)["wished_device_type"], "desk")
        self.assertEqual(self.shown(desk)["device_type"], "")
        # A rule that looks at groups waits for what the client asks for.
        sensor = self.client("probe", organization="Example", unit="Sensors")
        client = await self.log_in(sensor)
        self.assertEqual(texts(await self.ask(client, "<status/>"), "state"), ["init"])
        await self.ask(client, "<register><param name='group'>Session-1</param></register>")
        self.assertEqual(self.shown(sensor)["groups"], ["Session-1", "sensors"])
        # Another wish, or "ask", is for a person; nobody becomes administrator so.
        greedy = self.client("greedy", organization="Example", unit="Sensors")
        client = await self.log_in(greedy)
        await self.ask(
            client,
            "<register><param name='group'>Session-1</param>"
            "<param name='group'>administrators</param></register>",
        )
        guest = self.client("desk2", organization="Example", unit="Guests")
        client = await self.log_in(guest)
        await self.ask(client, "<register/>")
        for bundle in (greedy, guest):
            self.assertEqual((self.shown(bundle)["state"], self.shown(bundle)["groups"]),
                             ("pending", []))

    async def test_s37_the_stock_twin_registers_asks_and_unregisters(self):
        self.serve()
        bundle = self.client("stock")
        client = await self.log_in(bundle)
        get = f"<query xmlns='{REGISTER_NS}'/>"
        answer = await client.send_iq(CONTROLLER, "get", get)
        fields = {e.get("var") for e in answer.iter("{jabber:x:data}field")}
        self.assertLessEqual(
            {"x-grid#group", "x-grid#description", "x-grid#deviceType", "FORM_TYPE"}, fields
        )
        self.assertIsNone(find(answer, "registered"))
        self.assertEqual(
            await self.fails(
                client.send_iq(CONTROLLER, "set", f"<query xmlns='{REGISTER_NS}'><remove/></query>")
            ),
            ("registration-required", "auth", "account-unregistered"),
        )
        await client.send_iq(
            CONTROLLER,
            "set",
            f"<query xmlns='{REGISTER_NS}'><x xmlns='jabber:x:data' type='submit'>"
            f"<field var='FORM_TYPE'><value>{REGISTER_NS}</value></field>"
            "<field var='x-grid#group'><value>A</value><value>B</value></field>"
            "<field var='x-grid#deviceType'><value>siem</value></field></x></query>",
        )
        self.assertEqual(self.shown(bundle)["wished_groups"], ["A", "B"])
        answer = await client.send_iq(CONTROLLER, "get", get)
        self.assertIsNotNone(find(answer, "registered"))
        self.assertIn("pending", texts(answer, "value"))
        info = (
            "<query xmlns='http://jabber.org/protocol/disco#info' node='account'/>"
        )
        answer = await client.send_iq(CONTROLLER, "get", info)
        self.assertIn("com.domain.gi.gcl.controller#account", texts(answer, "value"))
        self.assertIn("pending", texts(answer, "value"))
        ended = client.disconnected
        await client.send_iq(CONTROLLER, "set", f"<query xmlns='{REGISTER_NS}'><remove/></query>")
        await asyncio.wait_for(ended, 10)
        self.assertEqual(client.stream_errors, ["not-authorized"])
        accounts = self.server.admin_json("accounts", "list")["accounts"]
        self.assertNotIn(bundle.jid, [account["jid"] for account in accounts])

    async def test_s43_s85_a_confined_session_reaches_the_controller_and_nobody_else(self):
        self.serve()
        member, confined = self.client("member"), self.client("confined")
        self.ctl("add", member.jid)
        other = await self.log_in(member)
        client = await self.log_in(confined)
        for state in ("unregistered", "pending"):
            for to, payload in (
                (BROKER, "<query xmlns='http://jabber.org/protocol/disco#info'/>"),
                (BROKER, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create/></pubsub>"),
                (DOMAIN, "<query xmlns='jabber:iq:version'/>"),
                (f"{member.jid}/test", "<query xmlns='jabber:iq:version'/>"),
                (CONTROLLER, "<query xmlns='http://jabber.org/protocol/disco#items'/>"),
            ):
                condition, kind, _ = await self.fails(client.send_iq(to, "get", payload))
                self.assertEqual((condition, kind), ("registration-required", "auth"), to)
            for dialect in (
                "<grid xmlns='gi' type='request'><DiscoveryQuery "
                f"xmlns='{CTRL}'><find><param>x</param></find></DiscoveryQuery></grid>",
                "<grid xmlns='xgrid' type='request'><getCapabilityListRequest/></grid>",
                "<grid xmlns='xgrid' type='request'><subscribeRequest/></grid>",
                "<grid xmlns='xgrid' type='request'><initPublishRequest/></grid>",
            ):
                condition, kind, own = await self.fails(client.send_iq(CONTROLLER, "get", dialect))
                self.assertEqual(
                    (condition, kind, own), ("registration-required", "auth", f"account-{state}")
                )
            for to, payload in (
                (DOMAIN, "<query xmlns='http://jabber.org/protocol/disco#info'/>"),
                (CONTROLLER, "<query xmlns='http://jabber.org/protocol/disco#info'/>"),
                (DOMAIN, "<ping xmlns='urn:xmpp:ping'/>"),
                (confined.jid, "<query xmlns='jabber:iq:roster'/>"),
            ):
                await client.send_iq(to, "get", payload)
            # Messages of the client do not arrive; those of others to it are refused as for a
            # missing account.
            client.send_message(member.jid, "let me in")
            other.send_message(confined.jid, "hello?")
            error = await other.next_message()
            self.assertEqual(error.get("type"), "error")
            self.assertIsNotNone(find(error, "service-unavailable"))
            other.send_message(f"nobody@{DOMAIN}", "hello?")
            same = await other.next_message()
            self.assertEqual(
                [e.tag for e in same.find("{jabber:client}error")],
                [e.tag for e in error.find("{jabber:client}error")],
            )
            refused = await client.next_message()
            self.assertEqual(refused.get("type"), "error")
            self.assertIsNotNone(find(refused, "registration-required"))
            if state == "unregistered":
                await self.ask(client, "<register/>")
                await self.notification(client)
        await other.silence(0.2)
        # REST looks at the account on each request, too.
        done = self.server.gridctl("accounts", "list", identity=confined)
        self.assertNotEqual(done.returncode, 0)
        # Approved, the same session is free.
        self.ctl("approve", confined.jid)
        self.assertEqual((await self.notification(client))[0], "enabled")
        await client["xep_0060"].create_node(BROKER, "n")

    async def test_s83_not_logged_in_where_login_is_not_implicit(self):
        self.serve(controller__implicit_login="false", accounts__auto_approve="true")
        client = await self.log_in(self.client("node2"), presence=False)
        capabilities = "<grid xmlns='xgrid' type='request'><getCapabilityListRequest/></grid>"
        find_query = (
            f"<grid xmlns='gi' type='request'><DiscoveryQuery xmlns='{CTRL}'><list/>"
            "</DiscoveryQuery></grid>"
        )
        for request in (capabilities, find_query):
            self.assertEqual(
                await self.fails(client.send_iq(CONTROLLER, "get", request)),
                ("unexpected-request", "wait", "not-logged-in"),
            )
        create = (
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='early'/></pubsub>"
        )
        self.assertEqual(
            (await self.fails(client.send_iq(BROKER, "set", create)))[:2],
            ("unexpected-request", "wait"),
        )
        await self.ask(client, "<login/>")
        await client.send_iq(BROKER, "set", create)
        for request in (capabilities, find_query):
            await client.send_iq(CONTROLLER, "get", request)
        await self.ask(client, "<logout/>")
        self.assertEqual(
            (await self.fails(client.send_iq(CONTROLLER, "get", capabilities)))[2], "not-logged-in"
        )


if __name__ == "__main__":
    unittest.main()
