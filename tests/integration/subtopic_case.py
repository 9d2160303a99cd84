# tests/integration/subtopic_case.py: a provider with filters and those who subscribe with one.
"""Stock clients `ise`, who provides a topic, and `asa`, and what they say to each other."""

import asyncio
import time
import unittest

from gridd import BROKER, CONTROLLER, DOMAIN, Operated
from policies import EVERYTHING
from slixmpp.exceptions import IqError
from slixmpp.xmlstream import ET
from stock import Client

PUBSUB = "http://jabber.org/protocol/pubsub"
OPTIONS = PUBSUB + "#subscribe_options"
TOPIC = "SessionCapability-1.0"
ATTRIBUTES = (
    "<filterSupport><attribute name='location' type='string' match='eq in prefix'/>"
    "<attribute name='risk' type='number' path='/session/@risk'/></filterSupport>"
    "<subtopicLimit>3</subtopicLimit>"
)
SERVER_SIDE = ATTRIBUTES + "<serverSideFilter>true</serverSideFilter>"


def text_of(message):
    return ET.tostring(message, encoding="unicode")


class SubtopicCase(unittest.IsolatedAsyncioTestCase):
    policy = EVERYTHING

    async def asyncSetUp(self):
        self.server = Operated(
            self.policy,
            {
                "accounts.auto_approve": "true",
                "pubsub.access_open": "true",
                "pubsub.default_access_model": "open",
                "controller.subtopic_grace_seconds": "0",
                # One client plays all subscribers.
                "controller.subtopics_share_percent": "100",
            },
        ).start()
        self.addCleanup(self.server.close)
        self.bundles = {}
        self.ise = await self.log_in("ise")
        self.asa = await self.log_in("asa")

    async def log_in(self, name):
        if name not in self.bundles:
            self.bundles[name] = self.server.authority.client(f"{name}@{DOMAIN}")
        client = Client(self.bundles[name], "mac")
        await client.login(self.server.c2s)
        self.addAsyncCleanup(client.leave)
        return client

    async def grid(self, client, operation, dialect="xgrid"):
        answer = await client.send_iq(
            CONTROLLER, "get", f"<grid xmlns='{dialect}' type='request'>{operation}</grid>"
        )
        return text_of(answer)

    async def provide(self, more=ATTRIBUTES):
        answer = await self.grid(
            self.ise,
            f"<initPublishRequest><capability><name>{TOPIC}</name></capability>{more}"
            "</initPublishRequest>",
        )
        # The collection of subtopics is made just behind it.
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            listed = await self.ise["xep_0030"].get_items(BROKER)
            if f"{TOPIC}#subtopics" in text_of(listed.xml):
                return answer
            await asyncio.sleep(0.05)
        raise AssertionError("there is no collection of subtopics")

    async def pubsub(self, client, inner):
        return await client.send_iq(BROKER, "set", f"<pubsub xmlns='{PUBSUB}'>{inner}</pubsub>")

    async def subscribe(self, client, text, name="asa"):
        """By stock means; the subid."""
        answer = await self.pubsub(
            client,
            f"<subscribe node='{TOPIC}' jid='{name}@{DOMAIN}'/><options>"
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
            f"<value>{OPTIONS}</value></field><field var='x-grid#filter'>"
            f"<value>{text}</value></field></x></options>",
        )
        made = answer.find(f".//{{{PUBSUB}}}subscription")
        self.assertEqual(made.get("node"), TOPIC)
        return made.get("subid")

    async def publish(self, node, item, location, risk=1):
        await self.pubsub(
            self.ise,
            f"<publish node='{node}'><item id='{item}'><session xmlns='urn:x:session' "
            f"risk='{risk}'><location>{location}</location></session></item></publish>",
        )

    async def hears(self, client, *words):
        """The next messages, in any order, have each of these."""
        left = list(words)
        while left:
            text = text_of(await client.next_message())
            known = [word for word in left if word in text]
            self.assertTrue(known, f"{left} are not in {text}")
            left = [word for word in left if word not in text]
            last = text
        return last

    async def refused(self, request, condition):
        with self.assertRaises(IqError) as caught:
            await request
        answer = text_of(caught.exception.iq.xml)
        self.assertIn(condition, answer)
        return answer
