# tests/integration/crash/actors.py: publishers at full speed, and readers that come and go.
"""Each actor draws from a generator of its own, seeded by the round and its name."""

import asyncio
import re

from .ledger import NEVER, Failure, now
from .wire import Gone, Wire

ITEMS = re.compile(r"<items node='([^']*)'>")
ITEM = re.compile(r"<item\b[^>]*?\bid='([^']*)'[^>]*>.*?</item>", re.DOTALL)
CONDITION = re.compile(r"<error\b[^>]*>\s*<([a-z-]+)")


class Publisher:
    """Keeps a window of publishes in flight until the stream ends."""

    def __init__(self, story, name, window):
        self.story, self.name, self.window = story, name, window
        self.bundle = story.bundle(name)
        self.wire = None
        self.rng = None
        self.left = 0
        self.acknowledged = 0
        self.mine = []      # items that could be taken back

    async def connect(self):
        self.wire = await Wire.login(self.story.server, self.bundle, "p")

    def begin(self, rng, most):
        self.rng, self.left = rng, most
        self.mine = []
        for _ in range(self.window):
            self.step()

    def step(self):
        if self.left <= 0 or self.wire.closed.done():
            return
        self.left -= 1
        if self.mine and self.rng.random() < 0.03:
            self.retract(self.mine.pop(self.rng.randrange(len(self.mine))))
        else:
            self.publish()

    def publish(self):
        node = self.rng.choice(self.story.targets)
        shared = f"k{self.rng.randrange(12)}" if node.is_shared_id else None
        item = self.story.ledger.publish(self.name, node, shared)
        self.wire.ask("set", self.story.broker, self.story.publication(item), self._done(item))

    def _done(self, item):
        def done(answer):
            if answer is None:
                return
            if "type='result'" in answer[:300]:
                item.seen()
                self.acknowledged += 1
                if item.node.name == "keep1":
                    self.mine.append(item)
            else:
                self._refused(item, answer)
            self.step()

        return done

    def _refused(self, item, answer):
        found = CONDITION.search(answer)
        item.refused = found.group(1) if found else answer
        if item.refused not in item.node.refusals:
            self.story.failed(f"{item} was refused: {answer}")

    def retract(self, item):
        operation = item.retract = self.story.ledger.operation()

        def done(answer):
            if answer is None:
                return
            # The item may have been trimmed already.
            if "type='result'" in answer[:300] or "item-not-found" in answer:
                operation.happened()
            else:
                self.story.failed(f"retract of {item} was refused: {answer}")
            self.step()

        self.wire.ask(
            "set",
            self.story.broker,
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
            f"<retract node='{item.node.name}'><item id='{item.id}'/></retract></pubsub>",
            done,
        )


class Subscription:
    """Of one reader to one node; `since` is when it had surely begun, `until` when its end was
    asked for."""

    def __init__(self):
        self.since, self.until, self.is_ended = NEVER, NEVER, False


class Receipt:
    """One item as it came."""

    __slots__ = ("item", "session", "crashes", "is_delayed", "at")

    def __init__(self, item, session, crashes, is_delayed):
        self.item, self.session, self.crashes = item, session, crashes
        self.is_delayed, self.at = is_delayed, now()


class Reader:
    """A subscriber: steady, coming and going, slow, or one that changes its mind."""

    def __init__(self, story, name, habit, is_full):
        self.story, self.name, self.habit = story, name, habit
        self.bundle = story.bundle(name)
        self.resource = "r" + name
        self.jid = self.bundle.jid + (f"/{self.resource}" if is_full else "")
        self.subscriptions = {}    # node name → the present one, if any
        self.receipts = {}         # node name → receipts in order
        self.sessions, self.began = 0, NEVER
        self.log = []    # the acts of the actor's sessions, with times
        self.wire = None
        self.task = None

    async def connect(self):
        self.sessions += 1
        self.began = now()
        self.log.append(f"{self.sessions} begins {self.began:.3f}")
        small = 8192 if self.habit == "slow" else None
        self.wire = await Wire.login(
            self.story.server, self.bundle, self.resource, self.on_message, small
        )

    def on_message(self, text):
        found = ITEMS.search(text)
        if not found:
            return
        try:
            node = self.story.ledger.nodes[found.group(1)]
            for entry in ITEM.finditer(text):
                item = self.story.ledger.find(entry.group())
                if item.id != entry.group(1) or item.node is not node:
                    raise Failure(f"{item} came as {entry.group(1)} of {node.name}")
                item.seen()
                is_delayed = "urn:xmpp:delay" in text
                if is_delayed and item.sent > self.began:
                    self.story.late += 1   # the reader had fallen behind while it was there
                receipt = Receipt(item, self.sessions, self.story.crashes, is_delayed)
                self.receipts.setdefault(node.name, []).append(receipt)
        except Failure as failure:
            self.story.failed(f"{self.name}: {failure}")

    async def subscribe(self, node):
        subscription = self.subscriptions[node.name] = Subscription()
        inner = f"<subscribe node='{node.name}' jid='{self.jid}'/>"
        await self.wire.pubsub("set", self.story.broker, inner)
        subscription.since = now()

    async def unsubscribe(self, node):
        subscription = self.subscriptions[node.name]
        subscription.until = now()
        inner = f"<unsubscribe node='{node.name}' jid='{self.jid}'/>"
        await self.wire.pubsub("set", self.story.broker, inner)
        subscription.is_ended = True

    def begin(self, rng):
        habits = {"steady": None, "leaver": self._leave, "slow": self._dawdle, "fickle": self._turn}
        habit = habits[self.habit]
        self.task = asyncio.ensure_future(habit(rng)) if habit else None

    async def end(self):
        """The server is dead: what had come is read to the end."""
        if self.task:
            self.task.cancel()
            results = await asyncio.gather(self.task, return_exceptions=True)
            if isinstance(results[0], (Failure, AssertionError)):
                self.story.failed(f"{self.name}: {results[0]}")
        if self.wire and not self.wire.closed.done():
            self.wire.transport.resume_reading()
            await asyncio.wait_for(asyncio.shield(self.wire.closed), 20)

    async def _leave(self, rng):
        """Goes in good order, and comes back a moment later."""
        try:
            while True:
                await asyncio.sleep(rng.uniform(0.05, 0.5))
                self.log.append(f"{self.sessions} leaves {now():.3f}")
                await self.wire.leave()
                self.story.returns += 1
                await asyncio.sleep(rng.uniform(0, 0.3))
                await self.connect()
        except (Gone, OSError):
            pass

    async def _dawdle(self, rng):
        """Reads for a moment, and then not; sometimes not at all."""
        if rng.random() < 0.4:
            self.wire.transport.pause_reading()
            return
        while not self.wire.closed.done():
            self.wire.transport.pause_reading()
            await asyncio.sleep(rng.uniform(0.1, 0.6))
            self.wire.transport.resume_reading()
            await asyncio.sleep(rng.uniform(0, 0.05))

    async def _turn(self, rng):
        """Unsubscribes from one node and subscribes again."""
        node = self.story.ledger.nodes["keep0"]
        try:
            while True:
                await asyncio.sleep(rng.uniform(0, 0.1))
                if self.subscriptions[node.name].is_ended:
                    await self.subscribe(node)
                else:
                    await self.unsubscribe(node)
        except (Gone, OSError):
            pass
