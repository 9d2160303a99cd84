# tests/integration/test_subtopics.py: declarations of providers, and subtopics as a whole, by stock
# clients.
"""Declaring and discovering filters, the publisher's list, limits, the switch, and purges."""

import asyncio
import re
import time
import unittest

from grid_protocol import DISCO_INFO, gi
from gridd import BROKER, DOMAIN
from subtopic_case import ATTRIBUTES, PUBSUB, SERVER_SIDE, TOPIC, SubtopicCase, text_of

OWNER = PUBSUB + "#owner"
MANY = 45


def init_publish(more, topic=TOPIC):
    return (
        f"<initPublishRequest><capability><name>{topic}</name></capability>{more}"
        "</initPublishRequest>"
    )


def subscribe_request(text):
    return (
        f"<subscribeRequest><topicName>{TOPIC}</topicName><filter>{text}</filter>"
        "</subscribeRequest>"
    )


class Subtopics(SubtopicCase):
    def listed(self, answer):
        """Names and filters of an initPublishResponse."""
        return dict(
            re.findall(r"<ns\d+:name>([^<]+)</ns\d+:name><ns\d+:filter>([^<]+)</ns\d+:filter>",
                       answer)
        )

    def subtopics_there(self):
        """As an administrator sees them: clients see those that they use or serve."""
        topics = self.server.admin_json("topics", "list")["topics"]
        return [one["name"] for one in topics if one["name"].startswith(TOPIC + "/")]

    async def subtopics_shown(self, client):
        children = await client["xep_0030"].get_items(BROKER, f"{TOPIC}#subtopics")
        return [item[1] for item in children["disco_items"]["items"]]

    async def test_s58_s59_filters_are_declared_and_discovered(self):
        await self.provide()
        # Declared in the other dialect, too; attributes are added.
        more = "<filterSupport><attribute name='seen' type='date'/></filterSupport>"
        await self.grid(self.ise, init_publish(more), "gi")
        described = text_of(
            await gi(self.asa, "DiscoveryQuery", f"<describe><param>{TOPIC}</param></describe>")
        )
        for part in (
            'attribute="location"', 'match="eq ne in prefix"', 'attribute="risk"',
            'attribute="seen"', 'limit="3"',
        ):
            self.assertIn(part, described)
        # How many filters are in use is for those who serve them.
        self.assertNotIn('count="', described)
        described = text_of(
            await gi(self.ise, "DiscoveryQuery", f"<describe><param>{TOPIC}</param></describe>")
        )
        self.assertIn('count="0"', described)
        # By stock means: fields of the topic's meta-data.
        info = await self.asa.send_iq(
            BROKER, "get", f"<query xmlns='{DISCO_INFO}' node='{TOPIC}'/>"
        )
        values = [
            value.text
            for field in info.iter("{jabber:x:data}field")
            if field.get("var") == "x-grid#filters"
            for value in field
        ]
        self.assertIn("location string eq ne in prefix", values)
        self.assertEqual(len(values), 3)
        for dialect in ("xgrid", "gi"):
            for wrong in (
                "<filterSupport><attribute name='a' type='color'/></filterSupport>",
                "<filterSupport><attribute name='location' type='number'/></filterSupport>",
                "<filterSupport><attribute name='b' path='//a//b'/></filterSupport>",
                "<subtopicLimit>-1</subtopicLimit>",
            ):
                await self.refused(
                    self.grid(self.ise, init_publish(wrong), dialect), "malformed-request"
                )

    async def test_s55_s76_each_subscriber_gets_the_subset_it_asked_for(self):
        await self.provide(SERVER_SIDE)
        bob = await self.log_in("bob")
        await self.subscribe(self.asa, "location = &apos;SJC&apos;")
        await self.grid(bob, subscribe_request("location prefix 'L' and not risk &lt; 5"), "gi")
        for item, location, risk in (
            ("a", "SJC", 1), ("b", "LON", 4), ("c", "LON", 5), ("d", "SJC", 9), ("e", "MUC", 9)
        ):
            await self.publish(TOPIC, item, location, risk)
        for client, wanted in ((self.asa, ["a", "d"]), (bob, ["c"])):
            for item in wanted:
                _, items, _ = await client.next_items()
                self.assertEqual([one for one, _ in items], [item])
            await client.silence()

    async def test_s62_a_publisher_who_was_away_reads_the_list_when_it_registers(self):
        await self.provide()
        subid = await self.subscribe(self.asa, "location = &apos;SJC&apos;")
        await self.hears(self.ise, "created", "associate")
        await self.ise.leave()
        await self.subscribe(self.asa, "location = &apos;LON&apos;")
        await self.pubsub(
            self.asa, f"<unsubscribe node='{TOPIC}' jid='asa@{DOMAIN}' subid='{subid}'/>"
        )
        deadline = time.monotonic() + 10   # the grace time is 0
        while len(self.subtopics_there()) > 1:
            self.assertLess(time.monotonic(), deadline)
            await asyncio.sleep(0.05)
        self.ise = await self.log_in("ise")
        for dialect in ("xgrid", "gi"):
            listed = self.listed(await self.grid(self.ise, init_publish(""), dialect))
            self.assertEqual(list(listed.values()), ["location = 'LON'"])
        # The same by stock means: the children of the collection, and what they say of themselves.
        self.assertEqual(await self.subtopics_shown(self.ise), list(listed))
        info = await self.ise.send_iq(
            BROKER, "get", f"<query xmlns='{DISCO_INFO}' node='{list(listed)[0]}'/>"
        )
        self.assertIn("location = 'LON'", text_of(info))
        await self.publish(list(listed)[0], "x", "LON")
        _, items, _ = await self.asa.next_items()
        self.assertEqual(items[0][0], "x")

    async def test_s60_s61_many_first_subscribers_at_the_same_time(self):
        """They all rewrite the topic's guard: each waits for the others, none is turned away."""
        await self.provide(ATTRIBUTES.replace(">3<", ">24<"))
        clients = await asyncio.gather(*(self.log_in(f"c{number}") for number in range(16)))
        for turn in range(3):
            await asyncio.gather(
                *(
                    self.grid(client, subscribe_request(f"location = '{number // 2}-{turn}'"))
                    for number, client in enumerate(clients)
                )
            )
        listed = self.listed(await self.grid(self.ise, init_publish("")))
        self.assertEqual(len(listed), 24)
        # And all of them together do not pass the limit.
        refused = await asyncio.gather(
            *(self.grid(client, subscribe_request(f"risk = {number}"))
              for number, client in enumerate(clients)),
            return_exceptions=True,
        )
        self.assertEqual(
            {text_of(one.iq.xml).count("too-many-subtopics") for one in refused}, {1}
        )

    async def test_s64_the_limit_in_both_dialects_and_by_stock_means(self):
        await self.provide()
        for number in range(3):
            await self.subscribe(self.asa, f"location = &apos;{number}&apos;")
        refusals = [
            self.grid(self.asa, subscribe_request("location = 'x'"), "xgrid"),
            self.grid(self.asa, subscribe_request("location = 'x'"), "gi"),
            self.subscribe(self.asa, "location = &apos;x&apos;"),
        ]
        for refusal in refusals:
            answer = await self.refused(refusal, "too-many-subtopics")
            self.assertIn("resource-constraint", answer)
            self.assertIn('limit="3"', answer)
        # A subtopic that is there already takes no place.
        await self.grid(self.ise, subscribe_request("location = '1'"))
        # The provider raises its limit, but not beyond the server's.
        await self.provide("<subtopicLimit>4</subtopicLimit>")
        await self.grid(self.asa, subscribe_request("location = 'x'"))
        await self.refused(
            self.grid(self.ise, init_publish("<subtopicLimit>100000</subtopicLimit>")),
            "malformed-request",
        )

    async def test_s82_a_disabled_topic_takes_its_subtopics_along(self):
        await self.provide()
        answer = await self.grid(self.asa, subscribe_request("location = 'SJC'"))
        name = TOPIC + "/" + answer.split(TOPIC + "/")[1][:16]
        await self.publish(name, "a", "SJC")
        await self.asa.next_items()
        self.server.admin_ctl("topics", "disable", TOPIC)
        for refusal in (
            self.publish(name, "b", "SJC"),
            self.publish(TOPIC, "b", "SJC"),
            self.ise["xep_0060"].subscribe(BROKER, name),
            self.ise["xep_0060"].subscribe(BROKER, f"{TOPIC}#subtopics", bare=False),
            self.subscribe(self.ise, "location = &apos;SJC&apos;", "ise"),
            self.grid(self.ise, subscribe_request("location = 'SJC'"), "xgrid"),
            self.grid(self.ise, subscribe_request("location = 'LON'"), "gi"),
            self.asa["xep_0060"].get_items(BROKER, name),
        ):
            await self.refused(refusal, "not-allowed")
        await self.asa.silence()
        self.server.admin_ctl("topics", "enable", TOPIC)
        await self.publish(name, "c", "SJC")
        _, items, _ = await self.asa.next_items()
        self.assertEqual(items[0][0], "c")

    async def test_s73_the_end_of_a_registration_is_on_record(self):
        await self.provide()
        await gi(self.ise, "AccountQuery", "<logout/>")
        self.ise.drop()
        self.ise = await self.log_in("ise")
        await self.provide()
        self.ise.drop()
        reasons, deadline = [], time.monotonic() + 10
        while len(reasons) < 2:
            self.assertLess(time.monotonic(), deadline, reasons)
            await asyncio.sleep(0.2)
            records = self.server.admin_json(
                "audit", "--operation=publisher-ended", "--all")["records"]
            reasons = sorted(record["detail"] for record in records)
        self.assertIn("its stream ended", reasons)
        for record in records:
            self.assertEqual(
                (record["actor"], record["topic"]), (f"ise@{DOMAIN}/mac", TOPIC)
            )


class Purge(SubtopicCase):
    policy = "allow any to any on any\n"

    async def shown(self, names):
        count = 0
        for name in names:
            answer = await self.ise["xep_0060"].get_items(BROKER, name)
            count += len(answer["pubsub"]["items"]["substanzas"])
        return count

    async def test_s62_a_purge_of_many_subtopics_is_whole_after_kill_9(self):
        await self.provide(ATTRIBUTES.replace(">3<", ">64<"))
        names = []
        for number in range(MANY):
            answer = await self.grid(self.asa, subscribe_request(f"location = '{number}'"))
            names.append(TOPIC + "/" + answer.split(TOPIC + "/")[1][:16])
            await self.publish(names[-1], "a", str(number))
        self.assertEqual(await self.shown(names), MANY)
        await self.ise.send_iq(
            BROKER, "set", f"<pubsub xmlns='{OWNER}'><purge node='{TOPIC}'/></pubsub>"
        )
        self.server.kill9()
        self.ise.drop()
        self.asa.drop()
        self.server.start()
        self.ise = await self.log_in("ise")
        self.assertEqual(await self.shown(names), 0)
        await self.publish(names[3], "b", "3")
        self.server.kill9()
        self.ise.drop()
        self.server.start()
        self.ise = await self.log_in("ise")
        self.assertEqual(await self.shown(names), 1)


if __name__ == "__main__":
    unittest.main()
