# tests/integration/breaks/story.py: so many clients, so many seconds, two kills of the server.
"""Everything follows from the seed, but for what the machine's timing adds."""

import asyncio
import os
import random
import time
from collections import Counter

from gridd import DOMAIN, ROOT, Operated, binary
from policies import EVERYTHING
from topic import Topic

from .checks import dropped_items, faults, repeated_faults
from .member import Member
from .network import Network
from .program_member import ProgramMember
from .stock_member import StockMember

NODES = 4
PUBLISHERS = 8
PER_SECOND = 2.5   # of each publisher
SECONDS_BETWEEN = 8   # breaks of one connection
READY_SECONDS = 120
KILLS = 2
LOOK_SECONDS = 0.05
EXAMPLES = os.path.join(ROOT, "tests", "clients")
STROPHE_JS = os.path.join(EXAMPLES, "strophe.js")
RECORDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "record_strophe.mjs")
# Kind, what must be there, command, listener. Not gloox: version 1.0.24 frees its TLS session twice
# when a handshake is cut. Not nbxmpp: version 4.2.2 sometimes ends neither a connection attempt nor
# the program's wait for it when a login is cut.
PROGRAMS = [
    ("libstrophe", binary("libstrophe_client"), [binary("libstrophe_client")], "c2s"),
    (
        "strophe.js",
        os.path.join(STROPHE_JS, "node_modules"),
        ["node", os.path.join(STROPHE_JS, "client.mjs")],
        "http",
    ),
]


class Story:
    """`stock` clients are on slixmpp, as many are the examples of tests/clients/, and the others
    the driver's own."""

    def __init__(self, seed, clients, stock, tell=lambda text: None, kinds=None, record=None):
        """`kinds`: of PROGRAMS; all of them where it is left out. `record`: a folder for what the
        clients on strophe.js say, hear and print, a file each."""
        self.seed, self.tell = seed, tell
        self.rng = random.Random(seed)
        self.server = Operated(EVERYTHING, {
            "accounts.auto_approve": "true", "pubsub.access_open": "true", "log.level": "info",
        })
        self.clients, self.stock, self.record = clients, stock, record
        self.programs = [
            entry for entry in PROGRAMS
            if os.path.exists(entry[1]) and (kinds is None or entry[0] in kinds)
        ]
        self.networks, self.members, self.tasks = {}, [], []
        self.repeating = set()   # publishers that may publish an item twice
        self.lag, self.last_look = 0.0, time.monotonic()

    async def run(self, seconds):
        self.server.start()
        watch = asyncio.ensure_future(self._watch())
        try:
            await self._prepare()
            await self._break(seconds)
            await self._settle()
        finally:
            watch.cancel()
            for network in self.networks.values():
                await network.stop()
            # In Python 3.11 a wait that ends at that very moment swallows the cancellation.
            while left := [task for task in self.tasks if not task.done()]:
                for task in left:
                    task.cancel()
                await asyncio.wait(left, timeout=1)
        return self._judge()

    async def _watch(self):
        """The longest time for which this process did not get to its clients."""
        while True:
            self.last_look = time.monotonic()
            await asyncio.sleep(LOOK_SECONDS)
            self.lag = self._lag_now()

    def _lag_now(self):
        """The same, with the time that has just passed: its end may be seen elsewhere first."""
        return max(self.lag, time.monotonic() - self.last_look - LOOK_SECONDS)

    # --- before -------------------------------------------------------------------------------

    def _topic(self, node):
        bundle = self.server.authority.client(f"owner@{DOMAIN}")
        return Topic(self.server, bundle, node, payload="urn:example:alert")

    async def _prepare(self):
        for number in range(NODES):
            owner = self._topic(f"n{number}")
            said = owner.create(access_model="open", publish_model="open", max_items=100_000)
            assert said[0] == "ok", said
            owner.close()
        for listener in ("c2s_tls", "c2s", "http"):
            rng = random.Random(f"{self.seed}/{listener}")
            target = self.server.addresses[listener]
            network = Network(rng, target, SECONDS_BETWEEN, self._lag_now)
            self.networks[listener] = await network.start()
        self.members = [self._member(number) for number in range(self.clients)]
        began = time.monotonic()
        for member in self.members:
            self.tasks.append(asyncio.ensure_future(member.live()))
            # Not all handshakes at once; a process needs a processor for itself to begin.
            await asyncio.sleep(0.01)
            if isinstance(member, ProgramMember):
                await self._all(lambda member: member.is_subscribed, [member])
        await self._all(lambda member: member.is_subscribed)
        await self._mark("begin")
        self.tell(f"{self.clients} clients are there after {time.monotonic() - began:.1f} s")

    def _member(self, number):
        """Those of libraries are the last ones, so that they do not publish for the story."""
        bundle = self.server.authority.client(f"m{number}@{DOMAIN}", file=f"m{number}")
        rng = random.Random(f"{self.seed}/{number}")
        node = f"n{number % NODES}"
        from_end = self.clients - number
        if from_end <= self.stock:
            kind, _, command, listener = self.programs[from_end % len(self.programs)]
            if self.record and kind == "strophe.js":
                command = [*command[:1], "--import", RECORDER, *command[1:]]
            return ProgramMember(self.networks[listener], bundle, node, kind, command, self.record)
        network = self.networks["c2s_tls"]
        if from_end <= 2 * self.stock:
            return StockMember(network, bundle, rng, node)
        # Half of them, in each topic and of the publishers.
        return Member(network, bundle, rng, node, wants_sm=number // NODES % 2 == 0)

    async def _all(self, is_done, members=None):
        members = members or self.members
        deadline, most = time.monotonic() + READY_SECONDS, 0
        while (done := sum(1 for member in members if is_done(member))) < len(members):
            if done > most:   # a busy machine gets to them one after the other
                deadline, most = time.monotonic() + READY_SECONDS, done
            for task in self.tasks:
                if task.done():
                    task.result()   # an assertion of a client
            assert time.monotonic() < deadline, "\n".join(
                f"{member.kind} {self.members.index(member)} waits for ever: {member.told()}"
                for member in members if not is_done(member)
            )
            await asyncio.sleep(0.05)

    async def _mark(self, item):
        """An item in each topic, which each client has got when this returns."""
        for number in range(NODES):
            owner = self._topic(f"n{number}")
            assert owner.publish(item)[0] == "ok"
            owner.close()
        # A program may have published its own first item behind it.
        await self._all(lambda member: any(got == item for _, got in member.receipts))

    # --- the storm ----------------------------------------------------------------------------

    async def _break(self, seconds):
        for network in self.networks.values():
            network.break_things()
        self.lag = 0.0
        publishing = [
            asyncio.ensure_future(self._publish(number, self.members[number], seconds))
            for number in range(PUBLISHERS)
        ]
        for _ in range(KILLS):
            await asyncio.sleep(seconds / (KILLS + 1))
            self.server.kill9()
            await asyncio.get_running_loop().run_in_executor(None, self.server.start)
            for listener, network in self.networks.items():
                network.target = self.server.addresses[listener]
        await asyncio.gather(*publishing)

    def _has_resumed(self):
        return any(member.resumptions for member in self.members)

    async def _publish(self, number, member, seconds):
        """Several of one publisher may be on their way at a time. On a busy machine clients may be
        so slow that none has resumed its stream between two kills: the storm goes on for them."""
        end = time.monotonic() + seconds
        count, all_sent = 0, []
        while (now := time.monotonic()) < end + READY_SECONDS:
            if now >= end and self._has_resumed():
                break
            all_sent.append(asyncio.ensure_future(member.publish(f"p{number}-{count}")))
            count += 1
            await asyncio.sleep(member.rng.uniform(0, 2 / PER_SECOND))
        member.last_sent = all_sent

    # --- after --------------------------------------------------------------------------------

    async def _settle(self):
        for network in self.networks.values():
            network.calm()
        await self._all(lambda member: member.is_online.is_set())
        for member in self.members[:PUBLISHERS]:
            await asyncio.wait_for(asyncio.gather(*member.last_sent), READY_SECONDS)
        await self._mark("end")

    def _order(self, node):
        """The items of the storm, between the marks; and the others, before and behind it: a
        program whose connection was reset at the end publishes one more when it is back."""
        owner = self._topic(node)
        order = owner.items()
        owner.close()
        begin, end = order.index("begin"), order.index("end") + 1
        return order[begin:end], {*order[:begin], *order[end:]}

    @staticmethod
    def _dropped(member):
        """By session, where a client without stream management may have lost items for good."""
        if not isinstance(member, Member) or member.wants_sm:
            return {}
        return {
            session: dropped_items(line.loss) for session, line in member.lines.items() if line
        }

    def _is_repeated(self, item):
        """strophe.js says again what was not acknowledged when a resumption is refused, as after a
        kill of the server: an item of its clients may be published twice (XEP-0198 §5)."""
        publisher = item.partition("-")[0]
        return publisher in self.repeating

    def _faults(self, order, acknowledged, receipts, may_lack):
        repeated = [item for item in order if self._is_repeated(item)]
        found = repeated_faults(
            repeated, [item for item in acknowledged if self._is_repeated(item)], receipts,
            sum(may_lack.values()),
        )
        return found + faults(
            [item for item in order if not self._is_repeated(item)],
            [item for item in acknowledged if not self._is_repeated(item)],
            [entry for entry in receipts if not self._is_repeated(entry[1])],
            may_lack,
        )

    def _ends(self, member):
        """What the server said of the ends of its sessions."""
        jid = member.bundle.jid + "/"
        return [line for line in self.server.log().splitlines() if jid in line]

    def _judge(self):
        problems, items, dropped = [], 0, 0
        self.repeating = {
            f"m{number}" for number, member in enumerate(self.members)
            if member.kind == "strophe.js"
        }
        for node in map("n{}".format, range(NODES)):
            order, others = self._order(node)
            items += len(order)
            acknowledged = [
                item for member in self.members if member.node == node
                for item in member.acknowledged if item not in others
            ]
            for number, member in enumerate(self.members):
                if member.node == node:
                    receipts = [entry for entry in member.receipts if entry[1] not in others]
                    may_lack = self._dropped(member)
                    dropped += sum(may_lack.values())
                    found = self._faults(order, acknowledged, receipts, may_lack)
                    problems += [f"m{number} ({member.kind}): {fault}" for fault in found]
                    if found and isinstance(member, Member):
                        problems.append(f"m{number}: its lines: {member.lines}")
                        problems += self._ends(member)
        counts = sum((network.counts for network in self.networks.values()), Counter())
        self.tell(
            f"{items} items, "
            f"{sum(len(member.acknowledged) for member in self.members)} acknowledged; "
            f"{sum(member.session for member in self.members)} sessions, "
            f"{sum(member.resumptions for member in self.members)} resumptions; "
            f"breaks {counts}; the network dropped room for {dropped} items that the server had "
            f"to take as read; lag {self.lag:.1f} s; seed {self.seed}"
        )
        if not self._has_resumed():
            problems.append("no stream was resumed")
        return problems
