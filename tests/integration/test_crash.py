# tests/integration/test_crash.py: kill -9 in a stream of publishes; what was acknowledged is there.
"""Also over a file system that forgets what was not synced: kill -9 alone never shows a missing
fsync, since the kernel keeps what the process had written."""

import asyncio
import os
import unittest
import xml.etree.ElementTree as ET

import iodef
from gridd import BROKER, DOMAIN, Operated, binary
from policies import EVERYTHING
from stock import Client

ACKNOWLEDGED = 150
IN_FLIGHT = 16
RSM = "{http://jabber.org/protocol/rsm}"


class Crash(unittest.IsolatedAsyncioTestCase):
    """The same story on two programs."""

    program = "gridd"

    async def asyncSetUp(self):
        if not os.path.exists(binary(self.program)):
            self.skipTest(f"{self.program} is not built")
        settings = {"accounts.auto_approve": "true"}
        self.server = Operated(EVERYTHING, settings, program=self.program).start()
        self.addCleanup(self.server.close)
        self.publisher_bundle = self.server.authority.client(f"sensor@{DOMAIN}")
        self.reader_bundle = self.server.authority.client(f"desk@{DOMAIN}")
        self.acknowledged, self.sent = [], 0
        self.enough = asyncio.Event()

    async def log_in(self, bundle):
        return await Client(bundle).login(self.server.c2s)

    async def publish_until_it_breaks(self, client):
        """Keeps some publishes in flight, as a busy sensor does; notes what was acknowledged."""
        while True:
            number, self.sent = self.sent, self.sent + 1
            await client["xep_0060"].publish(
                BROKER, "stream", id=f"i{number}", payload=ET.fromstring(iodef.incident(number))
            )
            self.acknowledged.append(f"i{number}")
            if len(self.acknowledged) >= ACKNOWLEDGED:
                self.enough.set()

    async def items(self, client):
        """All item ids of the node, by pages, oldest first."""
        found, after = [], ""
        while True:
            answer = await client.send_iq(
                BROKER,
                "get",
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='stream'/>"
                f"<set xmlns='http://jabber.org/protocol/rsm'><max>100</max>{after}</set></pubsub>",
            )
            items = answer.iter("{http://jabber.org/protocol/pubsub}item")
            page = [item.get("id") for item in items]
            last = answer.find(f".//{RSM}last")
            if not page:
                return found
            found += page
            after = f"<after>{last.text}</after>"

    @staticmethod
    def drain(client):
        """Item ids in the events that have arrived."""
        ids = []
        while not client.messages.empty():
            message = client.messages.get_nowait()
            found = message.iter("{http://jabber.org/protocol/pubsub#event}item")
            ids += [item.get("id") for item in found]
        return ids

    async def test_kill_9_during_a_stream_of_publishes(self):
        publisher = await self.log_in(self.publisher_bundle)
        reader = await self.log_in(self.reader_bundle)
        pubsub = publisher["xep_0060"]
        await pubsub.create_node(BROKER, "stream")
        await pubsub.modify_affiliations(
            BROKER, "stream", affiliations=[(self.reader_bundle.jid, "member")]
        )
        await reader["xep_0060"].subscribe(BROKER, "stream")
        streams = [
            asyncio.ensure_future(self.publish_until_it_breaks(publisher))
            for _ in range(IN_FLIGHT)
        ]
        await asyncio.wait_for(self.enough.wait(), 60)
        self.server.kill9()
        # What the kernel still had for us counts as seen by the clients.
        await asyncio.sleep(0.3)
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        acknowledged, delivered = list(self.acknowledged), self.drain(reader)
        publisher.drop()
        reader.drop()
        self.assertGreaterEqual(len(acknowledged), ACKNOWLEDGED)

        self.server.start()
        reader = await self.log_in(self.reader_bundle)
        publisher = await self.log_in(self.publisher_bundle)
        stored = await self.items(publisher)
        self.assertEqual(len(stored), len(set(stored)))
        self.assertEqual(set(acknowledged) - set(stored), set(), "acknowledged, but lost")
        self.assertEqual(set(delivered) - set(stored), set(), "delivered, but not committed")
        # One sender's publishes are stored in the order in which they were sent.
        numbers = [int(item[1:]) for item in stored]
        self.assertEqual(numbers, sorted(numbers))

        # The subscription works: a new item arrives.
        await publisher["xep_0060"].publish(
            BROKER, "stream", id="after", payload=ET.fromstring(iodef.incident())
        )
        seen = []
        while "after" not in seen:
            _, items, _ = await reader.next_items()
            seen += [item for item, _ in items]
        self.assertEqual(set(seen) - set(stored), {"after"}, "delivered, but not committed")
        await publisher.leave()
        await reader.leave()

    async def test_a_node_and_its_configuration_survive_an_immediate_kill(self):
        publisher = await self.log_in(self.publisher_bundle)
        await publisher["xep_0060"].create_node(BROKER, "born")
        self.server.kill9()
        publisher.drop()
        self.server.start()
        publisher = await self.log_in(self.publisher_bundle)
        answer = await publisher["xep_0060"].get_affiliations(BROKER, node="born")
        owners = [a.get("affiliation") for a in answer.xml.iter() if a.get("node") == "born"]
        self.assertIn("owner", owners)
        await publisher.leave()


class ForgetfulCrash(Crash):
    """What was not synced lives in the process only, and dies with it."""

    program = "gridd_forgetful"


if __name__ == "__main__":
    unittest.main()
