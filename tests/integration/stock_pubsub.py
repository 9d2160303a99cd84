# tests/integration/stock_pubsub.py: an owner and a desk with slixmpp and its XEP-0060 plugin.
"""Every request is made by the library's own call, and every answer read by its own classes: what a
programmer gets without knowing gridd."""

import unittest
import xml.etree.ElementTree as ET

from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from stock import Client

PUBSUB = "http://jabber.org/protocol/pubsub"


def alert(text="x"):
    return ET.fromstring(f"<alert xmlns='urn:x:alert'>{text}</alert>")


class StockPubsub(unittest.IsolatedAsyncioTestCase):
    """An owner and a desk, both slixmpp."""

    settings = {}

    async def asyncSetUp(self):
        settings = {"accounts.auto_approve": "true", **self.settings}
        self.server = Operated(EVERYTHING, settings).start()
        self.addCleanup(self.server.close)
        self.owner = await self.log_in("owner")
        self.desk = await self.log_in("desk")
        self.pubsub = self.owner["xep_0060"]

    async def log_in(self, name):
        client = Client(self.server.authority.client(f"{name}@{DOMAIN}"))
        client.register_plugin("xep_0050")
        await client.login(self.server.c2s)
        self.addCleanup(client.drop)
        return client

    def form(self, kind, **fields):
        form = self.owner["xep_0004"].make_form(ftype="submit")
        form.add_field(var="FORM_TYPE", ftype="hidden", value=f"{PUBSUB}#{kind}")
        for name, value in fields.items():
            form.add_field(var="pubsub#" + name, value=value)
        return form

    async def create(self, node, **fields):
        config = self.form("node_config", **fields) if fields else None
        await self.pubsub.create_node(BROKER, node, config=config)
        await self.affiliate(node, "member")

    async def affiliate(self, node, affiliation):
        desk = self.desk.boundjid.bare
        await self.pubsub.modify_affiliations(BROKER, node, affiliations=[(desk, affiliation)])
        told = (await self.desk.next_message()).find(f".//{{{PUBSUB}}}affiliation")
        assert told.get("affiliation") == affiliation

    @staticmethod
    def ids(answer):
        return [item["id"] for item in answer["pubsub"]["items"]]
