# tests/integration/stock.py: slixmpp, the stock client, with nothing added that knows of gridd.
"""Log in with a certificate, collect messages, and use slixmpp's own XEP plugins."""

import asyncio
import logging
import xml.etree.ElementTree as ET

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import StanzaPath

logging.getLogger("slixmpp").setLevel(logging.CRITICAL)

EVENT = "{http://jabber.org/protocol/pubsub#event}"
SECONDS = 15


class LoginFailed(Exception):
    """The server said no; the text says how."""


class Client(slixmpp.ClientXMPP):
    """A slixmpp client that authenticates by SASL EXTERNAL, as slixmpp's manual tells."""

    def __init__(self, bundle, resource="test", authzid=None):
        super().__init__(f"{bundle.jid}/{resource}", "", sasl_mech="EXTERNAL")
        self.certfile, self.keyfile, self.ca_certs = bundle.cert, bundle.key, bundle.ca
        self.use_ipv6 = False
        if authzid is not None:
            self.credentials["authzid"] = authzid
        for plugin in ("xep_0004", "xep_0030", "xep_0059", "xep_0060", "xep_0199", "xep_0203"):
            self.register_plugin(plugin)
        self.messages = asyncio.Queue()
        # slixmpp's event "message" is for those with a body only.
        self.register_handler(Callback("every message", StanzaPath("message"), self._on_message))
        self.stream_errors = []
        self.add_event_handler("stream_error", lambda e: self.stream_errors.append(e["condition"]))
        self._outcome = None

    def _on_message(self, message):
        self.messages.put_nowait(message.xml)

    async def login(self, address, direct_tls=False, presence=True):
        self._outcome = asyncio.get_running_loop().create_future()

        def settle(result):
            if not self._outcome.done():
                self._outcome.set_result(result)

        self.add_event_handler("session_start", lambda _: settle(None), disposable=True)
        self.add_event_handler("failed_all_auth", lambda _: settle("no mechanism was accepted"))
        self.add_event_handler("failed_auth", lambda e: settle(f"auth: {e['condition']}"))
        self.add_event_handler("disconnected", lambda e: settle(f"disconnected: {e}"))
        # A name server that knows *.localhost must not replace the port.
        self.default_port = address[1]
        self.connect(address, use_ssl=direct_tls)
        failure = await asyncio.wait_for(self._outcome, SECONDS)
        if failure:
            self.drop()
            raise LoginFailed(failure)
        if presence:
            self.send_presence()
        return self

    async def leave(self):
        if self.is_connected():
            done = self.disconnected
            self.disconnect(wait=2.0)
            await asyncio.wait_for(done, SECONDS)

    def drop(self):
        """Gone without a goodbye, as after a crash; slixmpp's own task too."""
        self.abort()
        if self._run_out_filters is not None:
            self._run_out_filters.cancel()

    async def next_message(self, seconds=SECONDS):
        return await asyncio.wait_for(self.messages.get(), seconds)

    async def next_items(self, seconds=SECONDS):
        """The next message that carries items: (node, [(id, payload or None)], message)."""
        while True:
            message = await self.next_message(seconds)
            items = message.find(f"{EVENT}event/{EVENT}items")
            if items is not None:
                found = [
                    (item.get("id"), item[0] if len(item) else None)
                    for item in items.findall(f"{EVENT}item")
                ]
                return items.get("node"), found, message

    async def silence(self, seconds=0.5):
        """Nothing comes: a ping answered, and then this long."""
        await self["xep_0199"].send_ping(self.boundjid.host, timeout=SECONDS)
        await asyncio.sleep(seconds)
        assert self.messages.empty(), ET.tostring(self.messages.get_nowait())

    async def send_iq(self, to, kind, payload):
        """An iq with this XML; the whole answer as an element. IqError when it is an error."""
        iq = self.make_iq(ito=to, itype=kind)
        iq.append(ET.fromstring(payload))
        return (await iq.send(timeout=SECONDS)).xml
