# tests/integration/test_filters.py: filters and subtopics over real streams.
"""Two stock clients: one provides a topic with filters, the other subscribes with one."""

import asyncio
import time
import unittest

from gridd import DOMAIN
from subtopic_case import PUBSUB, SERVER_SIDE, TOPIC, SubtopicCase, text_of


class Filters(SubtopicCase):
    async def test_s61_the_whole_sequence_with_two_stock_clients(self):
        await self.provide()
        subid = await self.subscribe(self.asa, "location = &apos;SJC&apos;")
        created = await self.hears(self.ise, "SubtopicNotification", "associate")
        listed = await self.provide("")
        name = TOPIC + "/" + listed.split(TOPIC + "/")[1][:16]
        self.assertIn(TOPIC, created)
        self.assertIn("location = 'SJC'", listed)
        await self.hears(self.asa, 'subscription="subscribed"')
        # The publisher publishes to the topic, and to each subtopic that matches.
        await self.publish(TOPIC, "none", "LON")
        await self.publish(TOPIC, "one", "SJC")
        await self.publish(name, "one", "SJC")
        told = text_of(await self.asa.next_message())
        self.assertIn('id="one"', told)
        self.assertIn(f'node="{TOPIC}"', told)
        self.assertIn(f">{subid}<", told)
        await self.asa.silence()
        await self.pubsub(
            self.asa, f"<unsubscribe node='{TOPIC}' jid='asa@{DOMAIN}' subid='{subid}'/>"
        )
        await self.hears(self.asa, 'subscription="none"')
        await self.hears(self.ise, "deleted", "dissociate")
        await self.refused(self.publish(name, "two", "SJC"), "item-not-found")
        self.assertNotIn("subtopic>", await self.provide(""))

    async def test_s60_s61_the_grid_protocol_in_both_dialects(self):
        await self.provide()
        request = (
            f"<subscribeRequest><topicName>{TOPIC}</topicName><filter>%s</filter>"
            "</subscribeRequest>"
        )
        both = "<in attribute='location'><v>SJC</v><v>LON</v></in>"
        first = await self.grid(self.asa, request % both)
        again = await self.grid(
            self.ise, request % "location = 'LON' or location in ('SJC')", "gi"
        )
        name = TOPIC + "/" + first.split(TOPIC + "/")[1][:16]
        self.assertIn(name, again)
        self.assertIn("location in ('LON','SJC')", again)
        await self.publish(name, "x", "LON")
        await self.hears(self.asa, f'node="{name}"')
        for number in range(2):
            await self.grid(self.asa, request % f"location = '{number}'")
        for dialect in ("xgrid", "gi"):
            full = await self.refused(
                self.grid(self.asa, request % "location = 'x'", dialect), "too-many-subtopics"
            )
            self.assertIn('limit="3"', full)
            wrong = await self.refused(
                self.grid(self.asa, request % "color = 'red'", dialect), "invalid-filter"
            )
            self.assertIn("its providers offer location string", wrong)

    async def test_s66_the_broker_filters(self):
        await self.provide(SERVER_SIDE)
        subid = await self.subscribe(self.asa, "location prefix &apos;SJ&apos; and risk &gt; 5")
        await self.hears(self.asa, 'subscription="subscribed"')
        await self.publish(TOPIC, "no", "SJC", 5)
        await self.publish(TOPIC, "elsewhere", "LON", 9)
        await self.publish(TOPIC, "yes", "SJC", 6)
        told = text_of(await self.asa.next_message())
        self.assertIn('id="yes"', told)
        self.assertIn(f'node="{TOPIC}"', told)
        self.assertIn(f">{subid}<", told)
        await self.asa.silence()
        # Other options, another filter.
        await self.pubsub(
            self.asa,
            f"<options node='{TOPIC}' jid='asa@{DOMAIN}' subid='{subid}'>"
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
            f"<value>{PUBSUB}#subscribe_options</value></field><field var='x-grid#filter'>"
            "<value>location = &apos;LON&apos;</value></field></x></options>",
        )
        await self.publish(TOPIC, "late", "SJC", 6)
        await self.publish(TOPIC, "london", "LON")
        self.assertIn('id="london"', text_of(await self.asa.next_message()))

    async def test_s66_what_matched_while_away_is_told_after_a_crash(self):
        await self.provide(SERVER_SIDE)
        await self.subscribe(self.asa, "location = &apos;SJC&apos;")
        await self.asa.leave()
        for number in range(6):
            await self.publish(TOPIC, f"i{number}", "SJC" if number % 3 == 0 else "LON")
        self.server.kill9()
        self.server.start()
        self.ise = await self.log_in("ise")
        again = await self.provide("")
        self.assertIn("location = 'SJC'", again)
        self.asa = await self.log_in("asa")
        for item in ("i0", "i3"):
            told = text_of(await self.asa.next_message())
            self.assertIn(f'id="{item}"', told)
            self.assertIn(f'node="{TOPIC}"', told)
        await self.asa.silence()

    async def test_s63_kill9_between_the_last_unsubscribe_and_the_clean_up(self):
        self.server.stop()
        self.server.settings["controller.subtopic_grace_seconds"] = "3600"
        self.server.start()
        self.ise, self.asa = await self.log_in("ise"), await self.log_in("asa")
        await self.provide()
        subid = await self.subscribe(self.asa, "location = &apos;SJC&apos;")
        await self.pubsub(
            self.asa, f"<unsubscribe node='{TOPIC}' jid='asa@{DOMAIN}' subid='{subid}'/>"
        )
        self.assertIn("location = 'SJC'", await self.provide(""))
        self.server.kill9()
        self.server.settings["controller.subtopic_grace_seconds"] = "0"
        self.server.start()
        self.ise = await self.log_in("ise")
        deadline = time.monotonic() + 5
        while "location = 'SJC'" in await self.provide(""):
            self.assertLess(time.monotonic(), deadline)
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
