# tests/integration/broker_client.py: asks as xmpp-grid-broker does, in its own spelling.
"""The administration client of 2018 (Angular, stanza.io) that operators of XMPP-Grids have: UUIDs
as ids, no `from`, forms without FORM_TYPE or field types."""

import unittest
import uuid
import xml.etree.ElementTree as ET

from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw

PUBSUB = "http://jabber.org/protocol/pubsub"
OWNER = PUBSUB + "#owner"
ERRORS = PUBSUB + "#errors"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
DATA = "jabber:x:data"
RSM = "http://jabber.org/protocol/rsm"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"


def tag(namespace, name):
    return "{%s}%s" % (namespace, name)


def form(*fields, form_type=OWNER[:-6] + "#node_config"):
    """As stanza.io submits one: fields without a type, FORM_TYPE only when it had got a form."""
    head = f'<field var="FORM_TYPE"><value>{form_type}</value></field>' if form_type else ""
    body = "".join(
        f'<field var="{name}">' + "".join(f"<value>{v}</value>" for v in values) + "</field>"
        for name, *values in fields
    )
    return f'<x xmlns="{DATA}" type="submit">{head}{body}</x>'


class BrokerClient(unittest.TestCase):
    """What every test needs: a server, and the client's way to ask."""

    settings = {}

    def setUp(self):
        settings = {"accounts.auto_approve": "true", **self.settings}
        self.server = Operated(EVERYTHING, settings).start()
        self.addCleanup(self.server.close)
        # No `from`, no authorization identity: the certificate says who it is.
        self.client = Raw(self.server.c2s, DOMAIN)
        self.addCleanup(self.client.socket.close)
        self.client.login(self.server.admin, "60")

    def ask(self, kind, payload, to=BROKER):
        """The whole answer as an element."""
        number = str(uuid.uuid4())
        self.client.send(
            f'<iq xmlns="jabber:client" to="{to}" type="{kind}" id="{number}">{payload}</iq>'
        )
        match = self.client.expect(rf"<iq\b[^>]*\bid='{number}'[^>]*?(/>|>.*?</iq>)")
        answer = ET.fromstring(match.group())
        self.assertIn(answer.get("type"), ("result", "error"))
        self.assertEqual(answer.get("from"), to)
        return answer

    def works(self, kind, payload, to=BROKER):
        answer = self.ask(kind, payload, to)
        self.assertEqual(answer.get("type"), "result", ET.tostring(answer))
        return answer

    def empty(self, kind, payload):
        answer = self.works(kind, payload)
        self.assertEqual(len(answer), 0, ET.tostring(answer))

    def fails(self, kind, payload, condition, application=None):
        answer = self.ask(kind, payload)
        self.assertEqual(answer.get("type"), "error", ET.tostring(answer))
        error = answer.find("error")
        self.assertEqual(error[0].tag, tag(STANZAS, condition), ET.tostring(answer))
        if application:
            self.assertIsNotNone(error.find(tag(ERRORS, application)), ET.tostring(answer))

    @staticmethod
    def pubsub(inner):
        return f'<pubsub xmlns="{PUBSUB}">{inner}</pubsub>'

    @staticmethod
    def owner(inner):
        return f'<pubsub xmlns="{OWNER}">{inner}</pubsub>'

    def create(self, node, *fields, form_type=None):
        configure = f"<configure>{form(*fields, form_type=form_type)}</configure>"
        self.empty("set", self.pubsub(f'<create node="{node}"/>{configure}'))

    def page(self, node=None, after=None):
        """Request 2 and 17: items and the set, which must always be there."""
        where = f' node="{node}"' if node else ""
        after = f"<after>{after}</after>" if after else ""
        query = (
            f'<query xmlns="{DISCO_ITEMS}"{where}><set xmlns="{RSM}"><max>50</max>{after}</set>'
            "</query>"
        )
        answer = self.works("get", query)[0]
        rsm = answer.find(tag(RSM, "set"))
        self.assertIsNotNone(rsm, ET.tostring(answer))
        return answer.findall(tag(DISCO_ITEMS, "item")), rsm

    def publish_by_get(self, node, payload="<json xmlns='urn:xmpp:json:0'>{}</json>"):
        answer = self.works(
            "get", self.pubsub(f'<publish node="{node}"><item>{payload}</item></publish>')
        )
        item = answer.find(f".//{tag(PUBSUB, 'item')}")
        self.assertIsNotNone(item, ET.tostring(answer))
        return item.get("id")
