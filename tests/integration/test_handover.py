# tests/integration/test_handover.py: done for others, and incidents handed to the grid.
"""Subscriptions that an administrator makes for another account, and XEP-0268."""

import asyncio
import time
import xml.etree.ElementTree as ET

import iodef
from grid_protocol import GridCase, answer_queries, init_publish, xgrid
from gridd import BROKER, CONTROLLER, DOMAIN
from stock import SECONDS

INCIDENT = "urn:xmpp:incident:2"


def item(text="x"):
    return ET.fromstring(f"<session xmlns='urn:session:1'>{text}</session>")


def subscribe_request(topic):
    return f"<subscribeRequest><topicName>{topic}</topicName></subscribeRequest>"


class OnBehalf(GridCase):
    """An administrator's client acts for another account (S80)."""

    policy = (
        "allow group administrators any any\n"
        f"allow client asa@{DOMAIN} to discover, subscribe, retrieve on Session-*\n"
    )

    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.admin = await self.log_in("admin")
        await init_publish(self.admin, "Session-1.0")
        self.asa = await self.log_in("asa")
        self.eve = await self.log_in("eve")

    async def ask(self, inside, kind="set"):
        return await self.admin.send_iq(
            BROKER, kind, f"<pubsub xmlns='http://jabber.org/protocol/pubsub'>{inside}</pubsub>"
        )

    async def test_s80_the_right_of_the_subscriber_decides_and_both_are_on_record(self):
        who = f"node='Session-1.0' jid='asa@{DOMAIN}'"
        answer = await self.ask(f"<subscribe {who}/>")
        subid = next(answer.iter("{http://jabber.org/protocol/pubsub}subscription")).get("subid")
        await self.refused(
            "forbidden", self.ask(f"<subscribe node='Session-1.0' jid='eve@{DOMAIN}'/>")
        )
        await self.refused(
            "forbidden", self.ask(f"<subscribe node='Session-1.0' jid='nobody@{DOMAIN}'/>")
        )
        await self.admin["xep_0060"].publish(BROKER, "Session-1.0", id="1", payload=item())
        self.assertEqual((await self.asa.next_items())[1][0][0], "1")
        await self.eve.silence()
        await self.ask(f"<options {who} subid='{subid}'/>", "get")
        await self.ask(
            f"<options {who} subid='{subid}'><x xmlns='jabber:x:data' type='submit'>"
            "<field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#subscribe_options"
            "</value></field><field var='pubsub#deliver'><value>0</value></field></x></options>"
        )
        await self.admin["xep_0060"].publish(BROKER, "Session-1.0", id="2", payload=item())
        await self.ask(f"<unsubscribe {who} subid='{subid}'/>")
        deadline = time.monotonic() + SECONDS
        while True:
            records = self.server.admin_json("audit", "--topic", "Session-1.0")["records"]
            names = ("subscribe", "subscription-options", "unsubscribe")
            behalf = [r for r in records if r["target"] and r["operation"] in names]
            if len(behalf) >= 5 or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)
        self.assertEqual({r["actor"].split("/")[0] for r in behalf}, {f"admin@{DOMAIN}"})
        allowed = [r["target"] for r in behalf if r["decision"] == "allow"]
        denied = {r["target"] for r in behalf if r["decision"] == "deny"}
        self.assertEqual(allowed, [f"asa@{DOMAIN}"] * 3)
        self.assertEqual(
            {r["operation"] for r in behalf if r["decision"] == "allow"}, set(names)
        )
        self.assertEqual(denied, {f"eve@{DOMAIN}", f"nobody@{DOMAIN}"})

    async def test_s80_who_is_no_administrator_acts_for_himself_only(self):
        await self.refused(
            "bad-request",
            self.asa.send_iq(
                BROKER,
                "set",
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
                f"<subscribe node='Session-1.0' jid='eve@{DOMAIN}'/></pubsub>",
            ),
        )


class Incidents(GridCase):
    """XEP-0268: reports that are sent to the grid."""

    policy = (
        f"allow client sensor@{DOMAIN} to discover, publish, create on incidents\n"
        f"allow client desk@{DOMAIN} to discover, subscribe, retrieve, query on incidents\n"
        f"allow client eve@{DOMAIN} to discover on incidents\n"
    )
    settings = {"controller.incident_topic": "incidents"}

    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.sensor = await self.log_in("sensor")
        self.desk = await self.log_in("desk")
        self.eve = await self.log_in("eve")
        await init_publish(self.sensor, "incidents")
        await xgrid(self.desk, subscribe_request("incidents"))

    @staticmethod
    def wrapped(name):
        return f"<{name} xmlns='{INCIDENT}'>{iodef.incident()}</{name}>"

    async def test_xep0268_a_report_becomes_a_publish_under_the_senders_rights(self):
        for address in (DOMAIN, CONTROLLER):
            with self.subTest(address):
                answer = await self.sensor.send_iq(address, "set", self.wrapped("report"))
                self.assertEqual((answer.get("type"), len(answer)), ("result", 0))
                self.assertEqual(answer.get("from"), address)
                node, found, _ = await self.desk.next_items()
                self.assertEqual(node, "incidents")
                self.assertEqual(*(
                    ET.canonicalize(text, strip_text=True, rewrite_prefixes=True)
                    for text in (ET.tostring(found[0][1]), iodef.incident())
                ))
                await self.refused(
                    "forbidden", self.eve.send_iq(address, "set", self.wrapped("report"))
                )

    async def test_xep0268_support_is_announced(self):
        for address in (DOMAIN, CONTROLLER):
            info = await self.desk["xep_0030"].get_info(jid=address)
            self.assertIn(INCIDENT, info["disco_info"]["features"])

    async def test_xep0268_inquiries_and_requests_are_routed_to_a_provider(self):
        for name in ("inquiry", "request"):
            seen = answer_queries(
                self.sensor, f"{{{INCIDENT}}}{name}", f"<seen xmlns='urn:{name}'/>"
            )
            answer = await self.desk.send_iq(DOMAIN, "get", self.wrapped(name))
            self.assertIsNotNone(answer.find(f"{{urn:{name}}}seen"))
            self.assertEqual(answer.get("from"), DOMAIN)   # from where it was asked
            self.assertEqual(str(seen[0]["from"]), self.desk.boundjid.full)
            await self.refused("forbidden", self.eve.send_iq(DOMAIN, "get", self.wrapped(name)))
        await self.sensor.leave()
        await self.desk["xep_0199"].send_ping(DOMAIN)
        await self.refused(
            "recipient-unavailable", self.desk.send_iq(DOMAIN, "get", self.wrapped("inquiry"))
        )

    async def test_xep0268_refusals(self):
        empty = f"<report xmlns='{INCIDENT}'/>"
        await self.refused("bad-request", self.sensor.send_iq(DOMAIN, "set", empty))
        for name, kind in (("report", "get"), ("inquiry", "set"), ("other", "set")):
            await self.refused(
                "bad-request", self.sensor.send_iq(DOMAIN, kind, self.wrapped(name))
            )
        await self.refused(
            "feature-not-implemented",
            self.sensor.send_iq(DOMAIN, "set", self.wrapped("response")),
        )


class NoIncidents(GridCase):
    async def test_xep0268_without_a_topic_nothing_is_taken_or_announced(self):
        sensor = await self.log_in("sensor")
        await self.refused(
            "service-unavailable",
            sensor.send_iq(DOMAIN, "set", Incidents.wrapped("report")),
        )
        for address in (DOMAIN, CONTROLLER):
            info = await sensor["xep_0030"].get_info(jid=address)
            self.assertNotIn(INCIDENT, info["disco_info"]["features"])
