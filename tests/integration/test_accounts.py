# tests/integration/test_accounts.py: an account after its registration.
"""Notifications, disabling, deleting, group changes, keys: S38-S40, S42."""

import asyncio
import time
import unittest
import xml.etree.ElementTree as ET

from cryptography.hazmat.primitives.asymmetric import ec
from slixmpp.exceptions import IqError

import iodef
from accounts import AccountCase, find, texts
from gridd import BROKER, DOMAIN
from policies import SENSORS_AND_DESKS
from raw import Raw
from revoking import key_of
from stock import LoginFailed


class Accounts(AccountCase):
    """One server for each test, since accounts stay."""

    async def test_s38_administrators_see_the_status_of_others_and_hear_of_who_waits(self):
        self.serve()
        admin = await self.log_in(self.server.admin)
        bundle = self.client("node2")
        client = await self.log_in(bundle)
        await self.ask(client, "<register><param name='group'>Session</param></register>")
        state, groups, message = await self.notification(admin)
        self.assertEqual((state, groups), ("pending", ["Session"]))
        self.assertEqual(texts(message, "username"), [bundle.jid])
        self.assertIn("waits for approval", find(message, "body").text)
        answer = await self.ask(admin, "<status><param name='username'>node2</param></status>")
        self.assertEqual(texts(answer, "state"), ["pending"])
        self.assertIsNotNone(find(answer, "certificate").get("notAfter"))
        self.assertEqual(
            await self.fails(
                self.ask(admin, "<status><param name='username'>nobody</param></status>")
            ),
            ("item-not-found", "cancel", None),
        )
        # Other clients cannot learn even whether an account exists.
        for name in ("admin", "nobody"):
            self.assertEqual(
                (
                    await self.fails(
                        self.ask(client, f"<status><param name='username'>{name}</param></status>")
                    )
                )[:2],
                ("forbidden", "auth"),
            )

    async def test_b4_who_is_away_is_told_once_at_the_next_login(self):
        server = self.serve()
        bundle = self.client("node2")
        client = await self.log_in(bundle)
        await self.ask(client, "<register/>")
        await self.notification(client)
        await client.leave()
        self.ctl("approve", bundle.jid, "--group", "everyone")
        # Durable: it outlives the process.
        server.kill9()
        server.start()
        client = await self.log_in(bundle)
        state, groups, message = await self.notification(client)
        self.assertEqual((state, groups), ("enabled", ["everyone"]))
        self.assertIsNotNone(message.find("{urn:xmpp:delay}delay"))
        await client.silence(0.6)
        await client.leave()
        client = await self.log_in(bundle)
        await client.silence(0.6)
        # The administrator was away as well, and one of two who wait has gone meanwhile.
        waiting, gone = self.client("waiting"), self.client("gone")
        for one in (waiting, gone):
            await self.ask(await self.log_in(one), "<register/>")
        self.ctl("delete", gone.jid)
        admin = await self.log_in(server.admin)
        names = []
        while not names or waiting.jid not in names:
            state, _, message = await self.notification(admin)
            names += texts(message, "username")
        await admin.silence(0.5)
        self.assertNotIn(gone.jid, names)

    async def test_b4_every_resource_is_told_confined_or_not(self):
        self.serve()
        bundle = self.client("node2")
        clients = [await self.log_in(bundle, f"r{i}", presence=False) for i in range(3)]
        await self.ask(clients[0], "<register/>")
        for client in clients:
            self.assertEqual((await self.notification(client))[0], "pending")
        self.ctl("approve", bundle.jid)
        for client in clients:
            self.assertEqual((await self.notification(client))[0], "enabled")
            await client.silence(0.1)

    async def test_b1_disabled_declined_deleted_enabled_again(self):
        self.serve()
        bundle = self.client("node2")
        client = await self.log_in(bundle)
        await self.ask(client, "<register/>")
        self.ctl("approve", bundle.jid)
        steps = (("disable", "policy-violation"), ("delete", "not-authorized"))
        for verb, condition in steps:
            client = await self.log_in(bundle)
            ended = client.disconnected
            self.ctl(verb, bundle.jid)
            await asyncio.wait_for(ended, 10)
            self.assertEqual(client.stream_errors, [condition])
            if verb == "disable":
                with self.assertRaises(LoginFailed) as caught:
                    await self.log_in(bundle)
                self.assertIn("account-disabled", str(caught.exception))
                self.ctl("enable", bundle.jid)
        client = await self.log_in(bundle)   # an account without rights again
        self.assertEqual(texts(await self.ask(client, "<status/>"), "state"), ["init"])
        await self.ask(client, "<register/>")
        ended = client.disconnected
        self.ctl("decline", bundle.jid)
        await asyncio.wait_for(ended, 10)
        self.assertEqual(client.stream_errors, ["policy-violation"])
        with self.assertRaises(LoginFailed) as caught:
            await self.log_in(bundle)
        self.assertIn("account-disabled", str(caught.exception))

    # --- keys -------------------------------------------------------------------------------

    async def test_s42_a_renewed_certificate_is_the_same_account_and_a_pinned_key_is_not(self):
        self.serve()
        key = ec.generate_private_key(ec.SECP256R1())
        bundle = self.client("node2", key=key)
        client = await self.log_in(bundle)
        await self.ask(client, "<register/>")
        self.ctl("approve", bundle.jid)
        # Renewed, the same key or another: no administrator is needed.
        for file, renewed_key in (("same-key", key), ("new-key", None)):
            client = await self.log_in(self.client("node2", file=file, key=renewed_key))
            self.assertEqual(texts(await self.ask(client, "<status/>"), "state"), ["enabled"])
            await client.leave()
        # Pinned to the first key: its stream ends, and only that key gets in.
        client = await self.log_in(self.client("node2", file="third"))
        ended = client.disconnected
        self.ctl("pin", bundle.jid, "--sha256", key_of(bundle))
        await asyncio.wait_for(ended, 10)
        self.assertEqual(client.stream_errors, ["reset"])
        self.assertEqual(self.shown(bundle)["key_pin"], key_of(bundle))
        stranger = self.client("node2", file="fourth")
        with Raw(self.server.c2s, DOMAIN) as raw:
            raw.starttls(stranger)
            raw.open()
            answer = raw.authenticate()
            self.assertIn("<not-authorized", answer)
            self.assertIn("pinned to another key", answer)
        await (await self.log_in(self.client("node2", file="again", key=key))).leave()
        self.ctl("unpin", bundle.jid)
        await self.log_in(stranger)

    async def test_s40_pin_keys_pins_at_registration(self):
        self.serve(accounts__pin_keys="true", accounts__auto_approve="true")
        bundle = self.client("node2")
        await self.log_in(bundle)
        self.assertEqual(self.shown(bundle)["key_pin"], key_of(bundle))
        with self.assertRaises(LoginFailed) as caught:
            await self.log_in(self.client("node2", file="other"))
        self.assertIn("not-authorized", str(caught.exception))


class Groups(AccountCase):
    """Only the group change, under a policy that tells groups apart."""

    policy = SENSORS_AND_DESKS

    async def test_s39_a_group_change_resets_and_what_is_not_allowed_any_more_is_gone(self):
        self.serve()
        sensor, desk = self.client("sensor"), self.client("desk")
        self.ctl("add", sensor.jid, "--group", "sensors")
        self.ctl("add", desk.jid, "--group", "desks")
        publisher, reader = await self.log_in(sensor), await self.log_in(desk)
        await publisher["xep_0060"].create_node(BROKER, "incidents/a")
        affiliations = (
            "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>"
            f"<affiliations node='incidents/a'><affiliation jid='{desk.jid}' "
            "affiliation='member'/></affiliations></pubsub>"
        )
        await publisher.send_iq(BROKER, "set", affiliations)
        await reader["xep_0060"].subscribe(BROKER, "incidents/a", bare=True)
        ended = reader.disconnected
        self.ctl("groups", desk.jid, "sensors")
        await asyncio.wait_for(ended, 10)
        self.assertEqual(reader.stream_errors, ["reset"])
        # Told before the stream ended: the new groups.
        state, groups, _ = await self.notification(reader)
        self.assertEqual((state, groups), ("enabled", ["sensors"]))
        document = ET.fromstring(iodef.incident())
        await publisher["xep_0060"].publish(BROKER, "incidents/a", payload=document)
        reader = await self.log_in(desk)
        with self.assertRaises(IqError) as caught:
            await reader["xep_0060"].get_items(BROKER, "incidents/a")
        self.assertEqual(caught.exception.condition, "forbidden")
        await reader["xep_0060"].create_node(BROKER, "incidents/b")   # the new group's right
        deadline = time.monotonic() + 5
        while True:
            subscriptions = await publisher.send_iq(
                BROKER,
                "get",
                "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>"
                "<subscriptions node='incidents/a'/></pubsub>",
            )
            if find(subscriptions, "subscription") is None:
                break
            self.assertLess(time.monotonic(), deadline)
            await asyncio.sleep(0.1)
        told = []
        while not told or not reader.messages.empty():
            message = await reader.next_message(10)
            self.assertIsNone(find(message, "item"))
            if (found := find(message, "subscription")) is not None:
                told.append((found.get("node"), found.get("subscription"), message.get("from")))
        # Once, at this login or as it happened.
        self.assertEqual(told, [("incidents/a", "none", BROKER)])


if __name__ == "__main__":
    unittest.main()
