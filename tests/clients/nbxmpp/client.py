#!/usr/bin/python3
# tests/clients/nbxmpp/client.py: example: a Grid client on nbxmpp, the library of Gajim.
"""Logs in with a certificate, subscribes, publishes, receives, and comes back when it is cut off.

    client.py HOST PORT JID CERTS NODE

The arguments and the output are those of all examples: see ../README.md."""

import os
import sys

from gi.repository import Gio, GLib
from nbxmpp.client import Client as XmppClient
from nbxmpp.const import ConnectionProtocol, ConnectionType, StreamState
from nbxmpp.namespaces import Namespace
from nbxmpp.protocol import JID, Iq, Presence, isResultNode
from nbxmpp.simplexml import Node
from nbxmpp.structs import StanzaHandler
from nbxmpp.tcp import TCPConnection


class CertificateConnection(TCPConnection):
    """nbxmpp keeps what set_client_cert is given, and does not give it to TLS: this does."""

    identity = ca = None

    def start_tls_negotiation(self):
        super().start_tls_negotiation()   # the handshake itself begins with the first byte sent
        tls = self._con.get_base_io_stream()
        tls.set_certificate(self.identity)
        # The server's certificate must be of this CA; the name that it must have is the domain.
        tls.set_database(self.ca)


class GridXmppClient(XmppClient):
    def _get_connection(self, *arguments):
        return CertificateConnection(*arguments)


class Client:
    """Everything that happens is a signal of nbxmpp, and one method here."""

    def __init__(self, host, port, jid, certs, node):
        self.me, self.node = JID.from_string(jid), node
        # Step 1: the certificate, which also says who the client is. SASL EXTERNAL is the one
        # mechanism; nbxmpp sends the JID with it, which must then be that of the certificate.
        base = os.path.join(certs, self.me.localpart)
        CertificateConnection.identity = Gio.TlsCertificate.new_from_files(
            base + ".crt", base + ".key"
        )
        CertificateConnection.ca = Gio.TlsFileDatabase.new(os.path.join(certs, "ca.crt"))
        self.xmpp = GridXmppClient()
        self.xmpp.set_domain(self.me.domain)
        self.xmpp.set_username(self.me.localpart)
        self.xmpp.set_mechs({"EXTERNAL"})
        self.xmpp.set_custom_host(
            f"{host}:{port}", ConnectionProtocol.TCP, ConnectionType.START_TLS
        )
        # Step 2: the broker is a service of the domain (disco#items of the domain lists it).
        self.broker = JID.from_string("pubsub." + self.me.domain)
        self.logins, self.delay, self.is_leaving, self.watch = 0, 500, False, 0
        self.loop = GLib.MainLoop()
        self.xmpp.subscribe("connected", self.on_session)
        self.xmpp.subscribe("resume-successful", self.on_resumed)
        self.xmpp.subscribe("disconnected", self.on_disconnected)
        self.xmpp.subscribe("connection-failed", self.on_disconnected)
        self.xmpp.register_handler(
            StanzaHandler("message", self.on_message, ns=Namespace.PUBSUB_EVENT, priority=50)
        )

    def on_session(self, *_):
        """A new session, at the first login and at each one that is no resumption."""
        print("online", flush=True)
        self.on_login()
        # Step 3: presence. At this the broker replays what the account missed, and goes on live.
        self.xmpp.send_stanza(Presence())
        if self.logins == 1:
            # Step 4: subscribe once: the subscription is the account's and outlives sessions.
            self.request(
                Node("subscribe", {"node": self.node, "jid": str(self.me)}), self.on_subscribed
            )
        else:
            self.publish(f"{self.me.localpart}-{self.logins}")

    def on_resumed(self, *_):
        """The old session goes on: what was sent meanwhile comes without presence or replay."""
        print("resumed", flush=True)
        self.on_login()
        self.publish(f"{self.me.localpart}-{self.logins}")

    def on_login(self):
        self.logins, self.delay = self.logins + 1, 500
        self.end_watch()

    def end_watch(self):
        if self.watch:
            GLib.source_remove(self.watch)
        self.watch = 0

    def request(self, payload, callback):
        """nbxmpp has calls for one's own PEP node; for a broker the stanza is made here."""
        iq = Iq("set", to=self.broker)
        iq.addChild("pubsub", namespace=Namespace.PUBSUB, payload=[payload])
        self.xmpp.send_stanza(iq, callback=callback)

    def on_subscribed(self, _, answer):
        if not isResultNode(answer):
            raise SystemExit(f"not subscribed: {answer}")
        print("subscribed", flush=True)
        self.publish(f"{self.me.localpart}-1")

    def publish(self, item):
        """Step 5: the answer means that the item is on the server's disk."""
        alert = Node("alert", {"xmlns": "urn:example:alert"}, payload=["a client is here"])
        publish = Node(
            "publish", {"node": self.node}, payload=[Node("item", {"id": item}, payload=[alert])]
        )

        def on_published(_, answer):
            if isResultNode(answer):
                print("published", item, flush=True)

        self.request(publish, on_published)

    def on_message(self, _client, _stanza, properties):
        """Step 6: an item. Without stream management the last before a cut may come twice."""
        event = properties.pubsub_event
        if event is None or event.id is None:
            return
        print("item", event.id, flush=True)
        if event.id == "bye":
            self.is_leaving = True
            self.xmpp.disconnect()

    def on_disconnected(self, _client, _signal):
        """Step 7: come back, at growing intervals; not when the login itself was refused."""
        domain, error, text = self.xmpp.get_error()
        if self.is_leaving or (domain is not None and domain.is_sasl):
            self.loop.quit()
            return
        print("offline", error or "", text or "", flush=True)
        self.end_watch()
        GLib.timeout_add(self.delay, self.connect)
        self.delay = min(2 * self.delay, 30_000)

    def connect(self):
        self.xmpp.connect()
        # nbxmpp has no time limit for a login, and some ends of a connection in the middle of one
        # are told by no signal.
        self.watch = GLib.timeout_add_seconds(10, self.on_stuck)
        return GLib.SOURCE_REMOVE

    def on_stuck(self):
        if self.xmpp.state == StreamState.DISCONNECTED:
            self.xmpp.connect()
        else:
            self.xmpp.disconnect(immediate=True)
        return GLib.SOURCE_CONTINUE

    def run(self):
        self.connect()
        self.loop.run()
        return 0 if self.is_leaving else 2


sys.exit(Client(*sys.argv[1:]).run())
