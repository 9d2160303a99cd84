#!/usr/bin/python3
# tests/clients/slixmpp/client.py: example: a Grid client on slixmpp that survives lost connections.
"""Logs in with a certificate, subscribes, publishes, receives, and comes back when it is cut off.

    client.py HOST PORT JID CERTS NODE

CERTS is a folder with NAME.crt, NAME.key and ca.crt, where NAME is the part of JID before the @.
NODE is a topic that JID may publish to and subscribe to. One line is printed for each thing that
happens; an item with the id "bye" ends the program."""

import asyncio
import os
import sys
import xml.etree.ElementTree as ET

import slixmpp

EVENT = "{http://jabber.org/protocol/pubsub#event}"


class Client(slixmpp.ClientXMPP):
    """Everything that happens is an event of slixmpp, and one method here."""

    def __init__(self, address, jid, certs, node):
        # Step 1: SASL EXTERNAL. The certificate says who the client is: there is no password, and
        # slixmpp sends no authorization identity ("="), so that the server takes the JID from the
        # certificate's xmppAddr. To name the mechanism keeps slixmpp from falling back to another.
        super().__init__(jid, "", sasl_mech="EXTERNAL")
        base = os.path.join(certs, self.boundjid.user)
        self.certfile, self.keyfile = base + ".crt", base + ".key"
        # The server's certificate must be of this CA, and name the domain; else slixmpp trusts the
        # CAs of the machine.
        self.ca_certs = os.path.join(certs, "ca.crt")
        self.address, self.node = address, node
        # Step 2: the broker is a service of the domain, with an address of its own. Where the name
        # is not known, disco#items of the domain lists it (RFC 8600 §5); connect.py does so.
        self.broker = "pubsub." + self.boundjid.domain
        self.logins = 0
        self.delay = 0.5
        self.is_leaving = False
        self.done = asyncio.get_running_loop().create_future()
        self.default_port, self.use_ipv6 = address[1], False
        for plugin in ("xep_0060", "xep_0199"):
            self.register_plugin(plugin)
        # Stream management: where the server offers it, slixmpp resumes a stream that was cut.
        self.register_plugin("xep_0198")
        self.add_event_handler("session_start", self.on_session)
        self.add_event_handler("session_resumed", self.on_resumed)
        self.add_event_handler("disconnected", self.on_disconnected)
        self.add_event_handler("connection_failed", self.on_disconnected)
        self.add_event_handler("failed_all_auth", self.on_refused)
        self.add_event_handler("pubsub_publish", self.on_items)

    def open(self):
        self.connect(self.address)

    async def on_session(self, _):
        """A new session, at the first login and at each one that is no resumption."""
        print("online", flush=True)
        self.logins += 1
        self.delay = 0.5
        # Step 3: presence. The broker sends events to a session that is available, and replays
        # what this account missed at this moment, oldest first, before anything new.
        self.send_presence()
        if self.logins == 1:
            # Step 4: subscribe once. The subscription belongs to the account and outlives sessions.
            await self["xep_0060"].subscribe(self.broker, self.node)
            print("subscribed", flush=True)
        await self.publish(f"{self.boundjid.user}-{self.logins}")

    async def on_resumed(self, _):
        """The old session goes on: what was sent meanwhile comes without presence or replay."""
        print("resumed", flush=True)
        self.logins += 1
        self.delay = 0.5
        await self.publish(f"{self.boundjid.user}-{self.logins}")

    async def publish(self, item):
        """Step 5: the answer means that the item is on the server's disk; until then a client
        that is cut off publishes again, under the same id."""
        alert = ET.Element("{urn:example:alert}alert")
        alert.text = "a client is here"
        await self["xep_0060"].publish(self.broker, self.node, id=item, payload=alert)
        print("published", item, flush=True)

    def on_items(self, message):
        """Step 6: an item. Without stream management the last ones before a cut may come twice:
        remember their ids."""
        for item in message.xml.iterfind(f"{EVENT}event/{EVENT}items/{EVENT}item"):
            print("item", item.get("id"), flush=True)
            if item.get("id") == "bye":
                self.is_leaving = True
                self.disconnect()

    def on_refused(self, _):
        """The certificate or the account was refused: to try again would not help."""
        self.is_leaving = True
        self.done.set_exception(SystemExit("the server refused the login"))

    async def on_disconnected(self, reason):
        """Step 7: come back, at growing intervals: when a server restarts, all its clients do."""
        if self.is_leaving:
            if not self.done.done():
                self.done.set_result(None)
            return
        print("offline", reason or "", flush=True)
        await asyncio.sleep(self.delay)
        self.delay = min(2 * self.delay, 30)
        self.open()


async def main():
    host, port, jid, certs, node = sys.argv[1:]
    client = Client((host, int(port)), jid, certs, node)
    client.open()
    await client.done


asyncio.run(main())
