# tests/integration/breaks/stock_member.py: slixmpp, which comes back as its example does.
"""Counting, resuming and reading are the library's own."""

import asyncio

from stock import EVENT, Client


class StockMember:
    """One account, subscribed to one topic; `receipts` has (session, item)."""

    def __init__(self, network, bundle, rng, node):
        self.network, self.rng, self.node = network, rng, node
        self.kind = "slixmpp"
        self.broker = "pubsub." + bundle.jid.split("@")[1]
        self.receipts = []
        self.session = self.resumptions = 0
        self.acknowledged = []
        self.is_online = asyncio.Event()
        self.is_subscribed = False
        self.client = Client(bundle, resource="breaks")
        self.client.register_plugin("xep_0198")
        self.client.add_event_handler("session_start", self._on_session)
        self.client.add_event_handler("session_resumed", self._on_resumed)
        self.client.add_event_handler("pubsub_publish", self._on_items)
        self.client.default_port = network.address[1]

    def told(self):
        """What it is doing."""
        return f"session {self.session}, {self.resumptions} resumptions"

    async def live(self):
        """slixmpp has its own way to connect again; this is a plain one."""
        while True:
            ended = asyncio.get_running_loop().create_future()

            def end(_, ended=ended):
                if not ended.done():
                    ended.set_result(None)

            self.client.add_event_handler("disconnected", end)
            self.client.add_event_handler("connection_failed", end)
            self.client.connect(self.network.address, use_ssl=True)
            await ended
            self.client.del_event_handler("disconnected", end)
            self.client.del_event_handler("connection_failed", end)
            self.is_online.clear()
            self.client.abort()
            await asyncio.sleep(self.rng.uniform(0.1, 1))

    async def _on_session(self, _):
        self.session += 1
        self.client.send_presence()
        if not self.is_subscribed:
            await self.client["xep_0060"].subscribe(self.broker, self.node)
            self.is_subscribed = True
        self.is_online.set()

    def _on_resumed(self, _):
        self.resumptions += 1
        self.is_online.set()

    def _on_items(self, message):
        for item in message.xml.iterfind(f"{EVENT}event/{EVENT}items/{EVENT}item"):
            self.receipts.append((self.session, item.get("id")))
