# tests/integration/grid_protocol.py: the Grid protocol in both dialects, spoken by slixmpp.
"""Requests as the drafts write them; answers come back as elements, errors as IqError."""

import unittest
import xml.etree.ElementTree as ET

from slixmpp.exceptions import IqError
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from gridd import CONTROLLER, DOMAIN, Operated
from stock import Client

GI = "com.domain.gi.gcl.controller"
GRID = "com.domain.gi.grid"
ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
DISCO_INFO = "http://jabber.org/protocol/disco#info"


async def gi(client, service, method, kind="get", to=CONTROLLER):
    """`method` is the whole method element, `<find><param>x</param></find>`."""
    return await client.send_iq(
        to,
        kind,
        f"<grid xmlns='gi' type='request'><{service} xmlns='{GI}'>{method}</{service}></grid>",
    )


async def xgrid(client, operation, kind="set", to=CONTROLLER):
    return await client.send_iq(to, kind, f"<grid xmlns='xgrid' type='request'>{operation}</grid>")


async def init_publish(client, topic, more=""):
    """The response as local name → texts."""
    answer = await xgrid(
        client,
        f"<initPublishRequest><capability><name>{topic}</name></capability>{more}"
        "</initPublishRequest>",
    )
    return texts(answer)


def texts(answer):
    found = {}
    for element in answer.iter():
        name = element.tag.rpartition("}")[2]
        found.setdefault(name, []).append((element.text or "").strip())
    return found


async def find(client, service):
    answer = await gi(client, "DiscoveryQuery", f"<find><param>{service}</param></find>")
    return sorted(element.text for element in answer.iter("item"))


async def find_by_disco(client, service):
    answer = await client.send_iq(
        CONTROLLER, "get", f"<query xmlns='{DISCO_ITEMS}' node='{service}'/>"
    )
    return sorted(item.get("jid") for item in answer.iter(f"{{{DISCO_ITEMS}}}item"))


async def is_authorized(client, kind="get", **params):
    """(value, grant, identity) of an isAuthorized question; the chain is a list of base64."""
    parts = []
    for name, value in params.items():
        if isinstance(value, list):
            value = "".join(f"<cert>{one}</cert>" for one in value)
        parts.append(f"<param name='{name}'>{value}</param>")
    answer = await gi(
        client, "AuthorizationQuery", f"<isAuthorized>{''.join(parts)}</isAuthorized>", kind
    )
    found = texts(answer)
    return found["value"][0] == "true", *(found.get(n, [None])[0] for n in ("grant", "identity"))


def application_condition(error):
    """What stands in gi#errors, of an IqError."""
    for element in error.iq.xml.iter():
        if element.tag.startswith("{gi#errors}"):
            return element.tag[len("{gi#errors}"):]
    return None


class GridCase(unittest.IsolatedAsyncioTestCase):
    """A server with accounts approved by themselves, and slixmpp clients."""

    policy = "allow any any any\n"
    settings = {}

    async def asyncSetUp(self):
        settings = {"accounts.auto_approve": "true", **self.settings}
        self.server = Operated(self.policy, settings).start()
        self.addCleanup(self.server.close)

    async def log_in(self, name, resource="test", presence=True):
        client = Client(self.server.authority.client(f"{name}@{DOMAIN}"), resource)
        await client.login(self.server.c2s, presence=presence)
        self.addCleanup(client.drop)
        if presence:
            await gi(client, "AccountQuery", "<status/>")   # the presence was taken before this
        return client

    async def refused(self, condition, awaitable, application=None):
        with self.assertRaises(IqError) as caught:
            await awaitable
        self.assertEqual(caught.exception.condition, condition)
        if application:
            self.assertEqual(application_condition(caught.exception), application)
        return caught.exception


def answer_queries(client, tag, answer):
    """The client answers iqs whose child is `tag` ("{ns}name") with this XML, or leaves them."""
    seen = []

    def on_query(iq):
        seen.append(iq)
        if answer is None:
            return
        reply = iq.reply()
        reply.append(ET.fromstring(answer))
        reply.send()

    client.register_handler(
        Callback(f"query {tag}", MatchXPath(f"{{{client.default_ns}}}iq/{tag}"), on_query)
    )
    return seen
