# tests/integration/crash/looking.py: after a crash, the store and the readers are looked at.
"""The requests for that; what must be true of the answers is in verify.py."""

import asyncio
import re

from gridd import BROKER

from . import verify
from .changer import SUBSCRIPTION, Changer
from .ledger import NEVER, Failure, now
from .wire import PUBSUB, SECONDS

RSM = "http://jabber.org/protocol/rsm"
ENTRY = re.compile(r"<item\b[^>]*?\bid='([^']*)'[^>]*>.*?</item>", re.DOTALL)
LAST = re.compile(r"<last>(.*?)</last>")


class Looking:
    """Half of a Story: see there for its members."""

    async def _look_at_the_store(self):
        self.ledger.infer()
        for changer in self.changers:
            await changer.verify()
        stored = {}
        for node in self.targets:
            if node.persists:
                stored[node.name] = await self._items(node)
                verify.check_store(node, stored[node.name])
            else:
                await self._check_nothing_kept(node)
        for items in stored.values():
            for item in items:
                item.seen()
        return stored

    async def _items(self, node):
        """By pages, oldest first; nothing of a node that is deleted just now."""
        if node.name == "reborn" and not self.changers[0].states[-1]["is_reborn"]:
            return []
        found, after, ask = [], "", self.changers[0].wire.request
        while True:
            answer = await ask(
                "get", BROKER,
                f"<pubsub xmlns='{PUBSUB}'><items node='{node.name}'/>"
                f"<set xmlns='{RSM}'><max>500</max>{after}</set></pubsub>",
            )
            if "type='result'" not in answer[:300]:
                raise Failure(f"items of {node.name}: {answer}")
            page = [self.ledger.find(entry.group()) for entry in ENTRY.finditer(answer)]
            if not page:
                return found
            found += page
            after = f"<after>{LAST.search(answer).group(1)}</after>"

    async def _check_nothing_kept(self, node):
        answer = await self.changers[0].wire.request(
            "get", BROKER,
            f"<pubsub xmlns='{PUBSUB}'><items node='{node.name}'/></pubsub>",
        )
        if ENTRY.search(answer):
            raise Failure(f"{node.name} does not persist, and has items: {answer[:300]}")

    async def _look_at_the_readers(self, number, stored):
        received = {
            (reader.name, name): {receipt.item for receipt in receipts}
            for reader in self.readers
            for name, receipts in reader.receipts.items()
        }
        await self._connect(self.readers)
        for reader in self.readers:
            await self._check_subscriptions(reader)
        owner = self.changers[0]
        markers = {}
        for node in self.followed:
            markers[node.name] = item = self.ledger.publish(owner.name, node, f"mark-{number}")
            answer = await owner.wire.request("set", BROKER, self.publication(item))
            if "type='result'" not in answer[:300]:
                raise Failure(f"{item} was refused: {answer}")
            item.seen()
        await self._wait_for(markers)
        for reader in self.readers:
            verify.check_receipts(reader)
            for node in self.followed:
                if self.checks_replay and node.persists:
                    before = received.get((reader.name, node.name), set())
                    self.replayed += verify.check_replay(
                        reader, node, stored[node.name], before, markers[node.name]
                    ) if self._follows(reader, node) else 0

    @staticmethod
    def _follows(reader, node):
        return not reader.subscriptions[node.name].is_ended

    async def _wait_for(self, markers):
        deadline = now() + SECONDS
        for reader in self.readers:
            for node in self.followed:
                if not self._follows(reader, node):
                    continue
                while not self._has(reader, markers[node.name]):
                    if now() > deadline:
                        raise Failure(f"{reader.name} never got {markers[node.name]}")
                    self._raise_failures()
                    await asyncio.sleep(0.01)

    @staticmethod
    def _has(reader, item):
        receipts = reader.receipts.get(item.node.name, [])
        return any(receipt.item is item for receipt in reversed(receipts[-50:]))

    async def _check_subscriptions(self, reader):
        answer = await reader.wire.pubsub("get", BROKER, "<subscriptions/>")
        there = Changer.nodes_in(answer)
        count = len(SUBSCRIPTION.findall(answer))
        if count != len(there):
            raise Failure(f"{reader.name}: a subscription is there twice: {answer}")
        for node in self.followed:
            subscription = reader.subscriptions[node.name]
            is_there = node.name in there
            if subscription.is_ended and is_there:
                raise Failure(f"{reader.name} had left {node.name}, and is subscribed")
            is_certain = subscription.since != NEVER and subscription.until == NEVER
            if is_certain and not is_there:
                raise Failure(f"{reader.name} had subscribed to {node.name}, and is not")
            if is_there:
                subscription.until = NEVER
                if subscription.since == NEVER:
                    subscription.since = now()
            else:
                subscription.is_ended = True
