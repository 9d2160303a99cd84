# tests/integration/test_control_plane.py: the server tells the controller which clients are there.
"""S29, S30: authentication status and account; S31: the controller adds the publisher; S44."""

import time
import unittest
import xml.etree.ElementTree as ET

from slixmpp.exceptions import IqError

import iodef
from accounts import AccountCase, find
from gridd import BROKER, CONTROLLER, DOMAIN
from policies import SENSORS_AND_DESKS
from revoking import key_of

INIT_PUBLISH = (
    "<grid xmlns='xgrid' type='request'><initPublishRequest><capability>"
    "<name>incidents/session-1.0</name></capability></initPublishRequest></grid>"
)


class ControlPlane(AccountCase):
    """Publisher and subscriber, seen from the controller."""

    policy = SENSORS_AND_DESKS

    def people(self):
        self.serve()
        self.sensor, self.desk = self.client("sensor"), self.client("desk")
        self.ctl("add", self.sensor.jid, "--group", "sensors")
        self.ctl("add", self.desk.jid, "--group", "desks")

    def records(self, jid):
        """What the audit has of an account, once its queue is written."""
        deadline = time.monotonic() + 5
        while True:
            found = self.server.admin_json("audit", "--account", jid)["records"]
            if "connect" in [r["operation"] for r in found] or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    async def test_s29_s30_the_controller_knows_who_authenticated_and_with_what(self):
        self.people()
        for bundle in (self.sensor, self.desk):
            self.assertEqual(self.shown(bundle)["certificate"], None)
            await self.log_in(bundle, "here")
            shown = self.shown(bundle)
            self.assertEqual(shown["certificate"]["key"], key_of(bundle))
            self.assertEqual(shown["certificate"]["anchor"], self.authority.key_hash())
            self.assertIn("connect", [r["operation"] for r in self.records(bundle.jid)])
            sessions = self.server.admin_json("sessions", "list")["sessions"]
            mine = [s for s in sessions if s["jid"] == f"{bundle.jid}/here"]
            self.assertEqual(len(mine), 1)
            self.assertTrue(mine[0]["certificate"]["fingerprint"])

    async def test_s31_the_controller_adds_the_publisher_to_the_topic(self):
        self.people()
        publisher = await self.log_in(self.sensor)
        second_bundle = self.client("second")
        self.ctl("add", second_bundle.jid, "--group", "sensors")
        second = await self.log_in(second_bundle)
        reader = await self.log_in(self.desk)
        await publisher.send_iq(CONTROLLER, "get", INIT_PUBLISH)
        document = ET.fromstring(iodef.incident())
        with self.assertRaises(IqError):
            await second["xep_0060"].publish(BROKER, "incidents/session-1.0", payload=document)
        await second.send_iq(CONTROLLER, "get", INIT_PUBLISH)
        await second["xep_0060"].publish(BROKER, "incidents/session-1.0", payload=document)
        with self.assertRaises(IqError) as caught:
            await reader.send_iq(CONTROLLER, "get", INIT_PUBLISH)
        error = caught.exception.iq.xml
        self.assertEqual(caught.exception.condition, "forbidden")
        self.assertIsNotNone(find(error, "denied"))

    async def test_s44_applications_share_a_stream_or_have_an_identity_of_their_own(self):
        self.people()
        publisher = await self.log_in(self.sensor)
        await publisher.send_iq(CONTROLLER, "get", INIT_PUBLISH)
        subscribe = (
            "<grid xmlns='xgrid' type='request'><subscribeRequest><capability>"
            "<name>incidents/session-1.0</name></capability></subscribeRequest></grid>"
        )
        await publisher["xep_0060"].create_node(BROKER, "incidents/other")
        # Two applications multiplexed on one stream: a subscription each.
        shared = await self.log_in(self.desk, "shared")
        own = await self.log_in(self.desk, "own")
        await shared.send_iq(CONTROLLER, "get", subscribe)
        affiliations = (
            "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>"
            f"<affiliations node='incidents/other'><affiliation jid='{self.desk.jid}' "
            "affiliation='member'/></affiliations></pubsub>"
        )
        await publisher.send_iq(BROKER, "set", affiliations)
        await shared["xep_0060"].subscribe(BROKER, "incidents/other", bare=False)
        document = ET.fromstring(iodef.incident())
        for node in ("incidents/session-1.0", "incidents/other"):
            await publisher["xep_0060"].publish(BROKER, node, payload=document)
        nodes = {(await shared.next_items())[0] for _ in range(2)}
        self.assertEqual(nodes, {"incidents/session-1.0", "incidents/other"})
        # The other stream of the account has its own address, and what was subscribed for the first
        # one's full address is not its business.
        seen = []
        while not own.messages.empty():
            message = own.messages.get_nowait()
            items = find(message, "items")
            seen.append(items.get("node") if items is not None else None)
        self.assertNotIn("incidents/other", seen)
        self.assertNotEqual(shared.boundjid.full, own.boundjid.full)
        self.assertEqual(shared.boundjid.domain, DOMAIN)


if __name__ == "__main__":
    unittest.main()
