# tests/integration/crash/story.py: rounds of full speed, kill -9, restart, and a look at all.
"""One server directory lives through all rounds, so that crash follows crash on the same store."""

import asyncio
import os
import random
import time

import gridd
from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING

from .actors import Publisher, Reader
from .changer import GUESTS, Changer, form
from .ledger import NEVER, Failure, Ledger, now, payload
from .looking import Looking
from .wire import SECONDS, Wire

HABITS = ("steady", "leaver", "slow", "fickle")
PUBLISHES_MAX = 4000     # of one publisher in one round
CHANGES_MAX = 2000


class Story(Looking):
    """Everything follows from the seed, but for what the machine's timing adds."""

    def __init__(self, seed, *, program="gridd", publishers=3, readers=6, checks_replay=True):
        self.seed, self.checks_replay = seed, checks_replay
        self.broker, self.domain = BROKER, DOMAIN
        self.ledger = Ledger()
        self.crashes = self.returns = self.replayed = self.late = 0
        self.failures = []
        draw = random.Random(f"{seed}/settings")
        settings = {
            "accounts.auto_approve": "true",
            "log.level": "warn",
            # Small enough, sometimes, that a slow reader falls behind what is kept for it.
            "limits.outbox_bytes_max": draw.choice([65536, 262144, 4194304]),
            "reactor.threads": draw.choice([1, 2]),
        }
        self.server = Operated(EVERYTHING, settings, program=program)
        self.bundles = {}
        self._nodes()
        self.publishers = [Publisher(self, f"pub{i}", draw.choice([4, 16, 32])) for i in
                           range(publishers)]
        self.readers = [
            Reader(self, f"sub{i}", HABITS[i % len(HABITS)], is_full=i % 8 >= 4 or i % 2 == 1)
            for i in range(readers)
        ]
        self.changers = [Changer(self, f"chg{i}", i == 0) for i in range(2)]

    def _nodes(self):
        add = self.ledger.node
        self.targets = [
            add("keep0", items_max=4000),
            add("keep1", items_max=400),
            add("small", items_max=5),
            add("over", items_max=2000, is_shared_id=True),
            add("purged", items_max=2000),
            add("fleeting", persists=False),
            add("gate", items_max=2000, refusals=("forbidden",)),
            add("reborn", items_max=2000, refusals=("item-not-found",)),
        ]
        self.followed = [node for node in self.targets if node.name not in ("gate", "reborn")]

    def bundle(self, name):
        if name not in self.bundles:
            self.bundles[name] = self.server.authority.client(f"{name}@{DOMAIN}")
        return self.bundles[name]

    def failed(self, text):
        """Something wrong that a callback saw."""
        if len(self.failures) < 5:
            self.failures.append(text)

    def publication(self, item):
        return (
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
            f"<publish node='{item.node.name}'><item id='{item.id}'>{payload(item.key)}</item>"
            "</publish></pubsub>"
        )

    # --- the set -----------------------------------------------------------------------------

    async def prepare(self):
        self.server.start()
        await self._connect(self.changers + self.publishers)
        owner = self.changers[0]
        for changer in self.changers:
            configure = f"<configure>{form(node_type='collection')}</configure>"
            await changer.ask("set", f"<create node='{changer.collection}'/>{configure}")
        for node in self.targets:
            fields = {"max_items": node.items_max} if node.persists else {"persist_items": 0}
            if node.name == "reborn":
                fields["publish_model"] = "open"
            configure = f"<configure>{form(**fields)}</configure>"
            await owner.ask("set", f"<create node='{node.name}'/>{configure}")
            entries = [(publisher, "publisher") for publisher in self.publishers]
            entries += [(reader, "member") for reader in self.readers]
            affiliations = "".join(
                f"<affiliation jid='{actor.bundle.jid}' affiliation='{affiliation}'/>"
                for actor, affiliation in entries
            )
            inner = f"<affiliations node='{node.name}'>{affiliations}</affiliations>"
            await owner.ask("set", inner, owner=True)
        await self._let_guests_in()
        await self._connect(self.readers)
        for reader in self.readers:
            for node in self.followed:
                await reader.subscribe(node)

    async def _let_guests_in(self):
        """Once, so that they have accounts."""
        for name in GUESTS:
            wire = await Wire.login(self.server, self.bundle(name), "g")
            await wire.leave()

    async def _connect(self, actors):
        await asyncio.gather(*(actor.connect() for actor in actors))

    # --- one round ---------------------------------------------------------------------------

    async def round(self, number):
        draw = random.Random(f"{self.seed}/{number}")
        seconds = draw.choice([draw.uniform(0.02, 0.5), draw.uniform(0.3, 2.5)])
        self.returns = self.replayed = self.late = 0
        begin = sum(1 for item in self.ledger.items.values() if item.known != NEVER)
        for reader in self.readers:
            reader.begin(random.Random(f"{self.seed}/{number}/{reader.name}"))
        for publisher in self.publishers:
            publisher.begin(random.Random(f"{self.seed}/{number}/{publisher.name}"), PUBLISHES_MAX)
        for changer in self.changers:
            changer.begin(random.Random(f"{self.seed}/{number}/{changer.name}"), 4, CHANGES_MAX)
        await asyncio.sleep(seconds)
        await self._crash()
        changes = sum(changer.acknowledged for changer in self.changers)
        await self._restart(draw)
        stored = await self._look_at_the_store()
        if self.checks_replay and draw.random() < 0.25:
            await self._crash_in_replay(draw)
        await self._look_at_the_readers(number, stored)
        self._raise_failures()
        committed = sum(1 for item in self.ledger.items.values() if item.known != NEVER) - begin
        return (
            f"killed after {seconds:.2f} s: {committed} items, {changes} changes, "
            f"{self.returns} readers left and came, {self.replayed} items replayed after it, "
            f"{self.late} to slow ones before"
        )

    def _raise_failures(self):
        if self.failures:
            failures, self.failures = self.failures, []
            raise Failure("\n".join(failures))

    async def _crash(self):
        self.server.kill9()
        for reader in self.readers:
            reader.log.append(f"killed {now():.3f}")
            await reader.end()
        wires = [actor.wire for actor in self.publishers + self.changers if actor.wire]
        await asyncio.wait_for(asyncio.gather(*(asyncio.shield(w.closed) for w in wires)), SECONDS)
        self.crashes += 1
        self.ledger.crashed()
        self._raise_failures()

    async def _restart(self, draw):
        """Sometimes it is killed in the middle of starting, once or twice."""
        while draw.random() < 0.2:
            seconds = draw.uniform(0, 0.25)
            self._start_and_kill(seconds)
        await asyncio.get_running_loop().run_in_executor(None, self.server.start)
        await self._connect(self.changers + self.publishers)

    def _start_and_kill(self, seconds):
        saved, gridd.START_SECONDS = gridd.START_SECONDS, seconds
        try:
            self.server.start()
        except AssertionError:
            pass   # not ready in that time, and so killed
        finally:
            gridd.START_SECONDS = saved
        self.server.kill9()

    async def _crash_in_replay(self, draw):
        await self._connect(self.readers)
        await asyncio.sleep(draw.uniform(0, 0.3))
        await self._crash()
        await self._restart(draw)

    # --- all rounds --------------------------------------------------------------------------

    async def run(self, rounds, say=print):
        """Failure says the seed and the round; the server's directory is kept then if asked for."""
        try:
            await asyncio.wait_for(self.prepare(), 60)
            for number in range(rounds):
                begin = time.monotonic()
                try:
                    told = await asyncio.wait_for(self.round(number), 120)
                except Exception as error:
                    raise Failure(
                        f"seed {self.seed}, round {number}: {type(error).__name__}: {error}"
                    ) from error
                say(f"round {number}: {told} ({time.monotonic() - begin:.1f} s)")
        finally:
            for actor in self.publishers + self.readers + self.changers:
                if actor.wire:
                    actor.wire.drop()
            self.server.kill9()
            self.server.close()


def run(seed, rounds, say=print, **what):
    asyncio.run(Story(seed, **what).run(rounds, say))


def fresh_seed():
    return int.from_bytes(os.urandom(4), "big")
