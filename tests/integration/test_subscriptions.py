# tests/integration/test_subscriptions.py: subscriptions that hang on a session, over real streams.
"""What the broker's tests cannot see: when a session ends, that error messages reach the broker,
and that nothing is left of a session that was cut off in the middle of subscribing."""

import asyncio
import time
import unittest

import iodef
from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from stock import Client

PUBSUB = "http://jabber.org/protocol/pubsub"
EVENT = "{http://jabber.org/protocol/pubsub#event}"
COMMANDS = "http://jabber.org/protocol/commands"


def options(**fields):
    named = "".join(
        f"<field var='pubsub#{name}'><value>{value}</value></field>"
        for name, value in fields.items()
    )
    return (
        f"<options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
        f"<value>{PUBSUB}#subscribe_options</value></field>{named}</x></options>"
    )


class Subscriptions(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.server = Operated(EVERYTHING, {"accounts.auto_approve": "true"}).start()
        self.addCleanup(self.server.close)
        self.owner = await self.log_in(self.server.authority.client(f"owner@{DOMAIN}"))
        self.bundle = self.server.authority.client(f"reader@{DOMAIN}")
        self.reader = await self.log_in(self.bundle)
        await self.owner["xep_0060"].create_node(BROKER, "n")
        await self.owner["xep_0060"].modify_affiliations(
            BROKER, "n", affiliations=[(f"reader@{DOMAIN}", "member")]
        )

    async def log_in(self, bundle, resource="test"):
        client = Client(bundle, resource)
        await client.login(self.server.c2s)
        self.addAsyncCleanup(client.leave)
        return client

    async def subscribe(self, client, jid, **fields):
        return await client.send_iq(
            BROKER,
            "set",
            f"<pubsub xmlns='{PUBSUB}'><subscribe node='n' jid='{jid}'/>{options(**fields)}"
            "</pubsub>",
        )

    async def subscribers(self):
        answer = await self.owner["xep_0060"].get_node_subscriptions(BROKER, "n")
        return sorted(
            line.get("jid") for line in answer.xml.iter(f"{{{PUBSUB}#owner}}subscription")
        )

    async def until(self, expected, seconds=20):
        deadline = time.monotonic() + seconds
        while (now := await self.subscribers()) != expected:
            self.assertLess(time.monotonic(), deadline, now)
            await asyncio.sleep(0.05)

    async def publish(self):
        await self.owner["xep_0060"].publish(
            BROKER, "n", id="i", payload=iodef.ET.fromstring(iodef.incident())
        )

    async def test_12_5_a_temporary_subscription_ends_with_the_last_session(self):
        bare, full = f"reader@{DOMAIN}", f"reader@{DOMAIN}/test"
        await self.subscribe(self.reader, bare, expire="presence")
        await self.subscribe(self.reader, full, expire="presence")
        self.assertEqual(await self.subscribers(), [bare, full])
        other = await self.log_in(self.bundle, "other")
        # Bound is not yet there: the answer comes after its presence was taken.
        await other["xep_0060"].get_subscriptions(BROKER)
        await self.reader.leave()
        await self.until([bare])
        other.send_presence(ptype="unavailable")
        await self.until([])

    async def test_12_5_a_resource_that_is_bound_again_keeps_it(self):
        """In a cluster also at another member, and whichever of them leads."""
        full = f"reader@{DOMAIN}/again"
        before = await self.log_in(self.bundle, "again")
        await self.subscribe(before, full, expire="presence")
        for _ in range(6):
            after = await self.log_in(self.bundle, "again")
            await after["xep_0060"].get_subscriptions(BROKER)
            before.drop()
            await asyncio.sleep(1.5)   # those whose session has ended are looked for once a second
            self.assertEqual(await self.subscribers(), [full])
            before = after
        await before.leave()
        await self.until([])

    async def test_12_5_also_when_the_stream_is_cut_right_behind_the_request(self):
        for _ in range(5):
            client = await self.log_in(self.bundle, "short")
            client.send_raw(
                f"<iq xmlns='jabber:client' type='set' id='s' to='{BROKER}'>"
                f"<pubsub xmlns='{PUBSUB}'><subscribe node='n' jid='reader@{DOMAIN}/short'/>"
                f"{options(expire='presence')}</pubsub></iq>"
            )
            await asyncio.sleep(0.02)
            client.drop()
        await self.until([])

    async def test_12_5_nothing_temporary_survives_a_crash(self):
        await self.subscribe(self.reader, f"reader@{DOMAIN}", expire="presence")
        self.reader.drop()
        self.owner.drop()
        self.server.kill9()
        self.server.start()
        self.owner = await self.log_in(self.server.authority.client(f"owner@{DOMAIN}"), "again")
        await self.until([])

    async def test_12_4_a_notification_that_comes_back_ends_the_subscription(self):
        await self.reader["xep_0060"].subscribe(BROKER, "n")
        await self.publish()
        _, _, message = await self.reader.next_items()
        stranger = await self.log_in(self.server.authority.client(f"stranger@{DOMAIN}"))
        for client in (stranger, self.reader):
            self.assertEqual(await self.subscribers(), [f"reader@{DOMAIN}"])
            client.send_raw(
                f"<message xmlns='jabber:client' type='error' to='{BROKER}' "
                f"id='{message.get('id')}'><error type='cancel'><service-unavailable "
                "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
            )
            await client["xep_0199"].send_ping(DOMAIN, timeout=5)
        await self.until([])

    async def test_12_19_a_lease_ends(self):
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        await self.subscribe(self.reader, f"reader@{DOMAIN}", expire=end)
        self.assertEqual(await self.subscribers(), [f"reader@{DOMAIN}"])
        states = []
        while len(states) < 2:   # earlier messages were about the affiliation
            message = await self.reader.next_message(5)
            told = message.find(f"{EVENT}event/{EVENT}subscription")
            if told is not None:
                states.append((told.get("node"), told.get("subscription")))
        self.assertEqual(states, [("n", "subscribed"), ("n", "none")])
        await self.until([])   # the owner may be at a member that hears of it a moment later

    async def test_8_7_what_waits_for_approval_is_sent_again(self):
        await self.owner["xep_0060"].create_node(BROKER, "asked")
        form = self.owner["xep_0004"].make_form(ftype="submit")
        form.add_field("pubsub#access_model", value="authorize")
        await self.owner["xep_0060"].set_node_config(BROKER, "asked", form)
        await self.reader["xep_0060"].subscribe(BROKER, "asked")
        first = await self.owner.next_message()
        node = f"node='{PUBSUB}#get-pending'"
        answer = await self.owner.send_iq(
            BROKER, "set", f"<command xmlns='{COMMANDS}' {node} action='execute'/>"
        )
        command = answer.find(f"{{{COMMANDS}}}command")
        values = [value.text for value in command.iter("{jabber:x:data}value")]
        self.assertIn("asked", values)
        answer = await self.owner.send_iq(
            BROKER,
            "set",
            f"<command xmlns='{COMMANDS}' {node} sessionid='{command.get('sessionid')}'>"
            "<x xmlns='jabber:x:data' type='submit'><field var='pubsub#node'>"
            "<value>asked</value></field></x></command>",
        )
        command = answer.find(f"{{{COMMANDS}}}command")
        self.assertEqual(command.get("status"), "completed")
        again = await self.owner.next_message()
        shown = [[v.text for v in m.iter("{jabber:x:data}value")] for m in (first, again)]
        self.assertEqual(shown[0], shown[1])


if __name__ == "__main__":
    unittest.main()
