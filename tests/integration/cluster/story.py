# tests/integration/cluster/story.py: clients, registers and faults at the same time, and the checks
# afterwards.
"""Checked: the history of all registers is linearizable; everything that was acknowledged is there,
on every member alike; no item came twice within a session, resumed ones too; nothing came to a
client whose account had been disabled before it was published, and no member let it in."""

import asyncio
import itertools
import json
import os
import random
import re
import shutil
import threading
import time

from breaks.checks import faults as delivery_faults
from breaks.member import Member as Subscriber
from gridd import BROKER, DOMAIN
from talker import Talker, form

from .faults import Faults, Nemesis
from .history import History, check, now
from .worker import ASK_SECONDS, BROKEN, Declined, Registers, Session, Unknown, Worker

FEED = "feed"   # the node whose items are counted
FINAL_SECONDS = 60


class Somewhere:
    """What a subscriber takes for its network: each connection goes to any member that runs, every
    other one to the member of the one before, where a session may be resumed."""

    def __init__(self, cluster, rng):
        self.cluster, self.rng, self.last = cluster, rng, None

    @property
    def address(self):
        running = self.cluster.running() or self.cluster.members
        if self.last not in running or self.rng.random() < 0.5:
            self.last = self.rng.choice(running)
        return self.last.c2s_tls

    @staticmethod
    def line_of(_port):
        return None


class Publisher(threading.Thread):
    """Publishes to the feed through any member; never twice with one id."""

    def __init__(self, story, seed):
        super().__init__(daemon=True)
        self.story, self.rng = story, random.Random(f"{seed}/publisher")
        self.sent = {}           # id → when, before it was sent
        self.acknowledged = []   # (id, when)
        self.numbers = itertools.count(1)
        self.session = None

    def run(self):
        try:
            while not self.story.is_over():
                self.publish()
                time.sleep(self.story.publish_pause)
        except Exception as error:   # pylint: disable=broad-except
            self.story.failed(f"the publisher: {error!r}")
        if self.session:
            self.session.close()

    def publish(self):
        if self.session is None:
            try:
                member = self.rng.choice(self.story.cluster.running() or [None])
                if member is None:
                    return
                self.session = Session(member, self.story.bundle, self.story.history.process())
            except BROKEN:
                return
        item = f"i{next(self.numbers)}"
        self.sent[item] = time.monotonic()
        try:
            self.session.pubsub(
                "set",
                f"<publish node='{FEED}'><item id='{item}'><n xmlns='urn:n'>{item}</n></item>"
                "</publish>",
            )
            self.acknowledged.append((item, time.monotonic()))
        except (Unknown, Declined):
            self.session.close()
            self.session = None

    def pauses(self):
        """The longest times without an acknowledgement: (seconds, since when)."""
        times = [self.story.begin] + [when for _, when in self.acknowledged]
        return sorted(
            ((after - before, before - self.story.begin) for before, after in
             zip(times, times[1:])), reverse=True,
        )


class Revoker(threading.Thread):
    """Disables an account at one member while its client is at another, again and again."""

    def __init__(self, story, seed):
        super().__init__(daemon=True)
        self.story, self.rng = story, random.Random(f"{seed}/revoker")
        self.rounds, self.violations = 0, []
        self.name = "revoked"
        self.bundle = story.cluster.client(self.name)
        self.jid = f"{self.name}@{DOMAIN}"

    def run(self):
        try:
            while not self.story.waits(self.rng.uniform(0.1, 1.0)):
                try:
                    self.round()
                except (Unknown, Declined) + BROKEN:
                    pass   # a fault came between: no round
        except Exception as error:   # pylint: disable=broad-except
            self.story.failed(f"the revoker: {error!r}")

    def somewhere(self):
        """A member that runs."""
        running = self.story.cluster.running()
        if not running:
            raise Declined("no member runs")
        return self.rng.choice(running)

    def change(self, verb):
        self.somewhere().rest("POST", f"accounts/{self.jid}/{verb}", seconds=30)

    def round(self):
        self.change("enable")
        client = Talker(self.somewhere().c2s, DOMAIN)
        try:
            client.seconds = ASK_SECONDS
            client.login(self.bundle, f"r{self.rounds}")
            client.presence()
            client.does(f"<subscribe node='{FEED}' jid='{self.jid}'/>")
            client.expect(r"<item id=['\"]i\d+", ASK_SECONDS)   # items come
            self.change("disable")
            acknowledged = time.monotonic()
            self.stays_out()
            self.watch(client, acknowledged)
            self.rounds += 1
        finally:
            client.socket.close()

    def watch(self, client, acknowledged):
        end = time.monotonic() + 1.5
        while not client.closed and time.monotonic() < end:
            try:
                client.receive(end)
            except AssertionError:
                break
        for item in re.findall(r"<item id=['\"](i\d+)", client.seen):
            sent = self.story.publisher.sent.get(item)
            if sent is not None and sent > acknowledged:
                self.violations.append(
                    f"{item} came, published {sent - acknowledged:.3f} s after the account was "
                    "disabled"
                )

    def stays_out(self):
        member = self.somewhere()
        begin = time.monotonic()
        again = None
        try:
            again = Talker(member.c2s, DOMAIN)
            again.seconds = ASK_SECONDS
            again.starttls(self.bundle)
            again.open()
            if "<success" in again.authenticate():
                again.bind("again")
                again.presence()
                self.violations.append(
                    f"{member.name} let the disabled account in, {begin - self.story.begin:.3f}"
                )
        except BROKEN:
            pass
        finally:
            if again:
                again.socket.close()


class Story:
    """One run over a cluster that has started. `cluster` needs accounts that are approved by
    themselves, and a policy that allows what is asked here."""

    def __init__(self, cluster, folder, seed, *, workers=4, subscribers=4, pause=0.05, say=print,
                 kinds=None):
        self.cluster, self.folder, self.seed, self.say = cluster, folder, seed, say
        self.pause, self.publish_pause = pause, 0.02
        self.state_op = "write"
        self.begin = time.monotonic()
        self.bundle = cluster.client("worker")
        self.history = History(os.path.join(folder, "history.jsonl"))
        self.registers = Registers(self.history, *([kinds] if kinds else []))
        self.workers = [Worker(self, number, seed) for number in range(workers)]
        self.publisher = Publisher(self, seed)
        self.revoker = Revoker(self, seed)
        self.rng = random.Random(f"{seed}/subscribers")
        self.subscriber_count = subscribers
        self.subscribers = []
        self.audits = {}
        self.problems, self.marks, self.ended_by_itself = [], [], []
        self._over = threading.Event()

    # --- for the threads ----------------------------------------------------------------------

    def is_over(self):
        return self._over.is_set()

    def waits(self, seconds):
        """True when the story is over."""
        return self._over.wait(seconds)

    def end(self):
        self._over.set()

    def failed(self, text):
        self.problems.append(text)

    def mark(self, kind, when):
        self.marks.append((kind, when))

    # --- the run ------------------------------------------------------------------------------

    def prepare(self):
        session = Session(self.cluster.members[0], self.bundle, self.history.process())
        self.registers.prepare(session)
        session.pubsub(
            "set",
            f"<create node='{FEED}'/><configure>{form('node_config', max_items=100_000)}"
            "</configure>",
        )
        session.close()
        # Once, so that the account is there.
        first = Talker(self.cluster.members[0].c2s, DOMAIN)
        first.login(self.revoker.bundle, "first")
        first.socket.close()

    async def live(self):
        for number in range(self.subscriber_count):
            self.subscribers.append(
                Subscriber(
                    Somewhere(self.cluster, self.rng), self.cluster.client(f"reader{number}"),
                    random.Random(f"{self.seed}/reader{number}"), FEED, True,
                )
            )
        tasks = [asyncio.create_task(one.live()) for one in self.subscribers]
        while not all(one.is_subscribed for one in self.subscribers):
            await asyncio.sleep(0.02)
            self.end_of(tasks)
        tasks.append(asyncio.create_task(self.break_connections()))
        self.begin = time.monotonic()
        threads = [*self.workers, self.publisher, self.revoker]
        if self.nemesis:
            threads.append(self.nemesis)
        for one in threads:
            one.start()
        await asyncio.get_running_loop().run_in_executor(None, self._over.wait, self.seconds)
        self.end()
        for one in threads:
            await asyncio.get_running_loop().run_in_executor(None, one.join, 120)
            if one.is_alive():
                self.failed(f"{one} hangs")
        self.end_of(tasks)
        order = await asyncio.get_running_loop().run_in_executor(None, self.look)
        await self.until_all_came(order)
        for task in tasks:
            task.cancel()
        for one in self.subscribers:
            if one.link is not None:
                one.link.drop()
        return order

    async def break_connections(self):
        """Of subscribers, one after the other."""
        while not self.is_over():
            await asyncio.sleep(self.rng.uniform(0.5, 2.0))
            one = self.rng.choice(self.subscribers)
            if one.link is not None:
                one.link.drop()

    @staticmethod
    def end_of(tasks):
        for task in tasks:
            if task.done():
                task.result()   # raises its error

    async def until_all_came(self, order):
        deadline = time.monotonic() + FINAL_SECONDS
        while order and time.monotonic() < deadline:
            if all(one.receipts and one.receipts[-1][1] == order[-1] for one in self.subscribers):
                return
            await asyncio.sleep(0.1)

    def run(self, seconds, faults=None):
        """The problems, as sentences; none when all is well."""
        self.seconds = seconds
        self.nemesis = Nemesis(self, faults) if faults else None
        self.prepare()
        order = asyncio.run(self.live())
        self.history.close()
        self.judge(order)
        return self.problems

    # --- afterwards ----------------------------------------------------------------------------

    def look(self):
        """The feed's items as each member has them, which must be the same."""
        if self.cluster.fabric:
            self.cluster.fabric.mend()
        self.cluster.wait_ready(self.cluster.members)
        orders = {}
        for member in self.cluster.members:
            session = Session(member, self.bundle, self.history.process())
            try:
                session.barrier()
                orders[member.name] = items_of(session)
            finally:
                session.close()
        first = orders[self.cluster.members[0].name]
        for name, order in orders.items():
            if order != first:
                self.failed(
                    f"{name} has other items: {len(order)} and {len(first)}, "
                    f"{sorted(set(order) ^ set(first))[:5]}"
                )
        self.compare_audits()
        return first

    def compare_audits(self):
        """One chain. A member that is asked later may have some records more, until no more come:
        then all say the same."""
        deadline = time.monotonic() + FINAL_SECONDS
        while True:
            try:
                told = {one.name: one.admin_json("audit", "verify") for one in self.cluster}
            except AssertionError as error:
                self.failed(f"audit verify: {error}")
                return
            broken = [name for name, one in told.items() if not one["ok"]]
            heads = {json.dumps(one, sort_keys=True) for one in told.values()}
            if broken or len(heads) == 1:
                break
            if time.monotonic() > deadline:
                self.failed(f"the audit has several heads: {told}")
                return
            time.sleep(0.2)
        self.audits = told
        for name in broken:
            self.failed(f"{name}: the audit's chain is broken: {told[name]}")

    def judge(self, order):
        acknowledged = [item for item, _ in self.publisher.acknowledged]
        for number, one in enumerate(self.subscribers):
            for text in delivery_faults(order, acknowledged, one.receipts):
                self.failed(f"reader{number}: {text}")
        self.problems += self.revoker.violations
        self.is_linearizable, self.verdict = check(
            self.history.path, self.folder if os.environ.get("GRIDD_KEEP") else None
        )
        if not self.is_linearizable:
            self.failed(self.verdict)

    def keep(self):
        """Beside the history: the members' logs, and what each reader saw."""
        for member in self.cluster:
            shutil.copy(member.log_path, os.path.join(self.folder, f"{member.name}.log"))
        for number, one in enumerate(self.subscribers):
            path = os.path.join(self.folder, f"reader{number}.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"events": one.events, "receipts": one.receipts}, file, indent=0)

    def summary(self):
        resumed = sum(one.resumptions for one in self.subscribers)
        sessions = sum(one.session for one in self.subscribers)
        lines = [self.verdict.rstrip()]
        lines.append(
            f"{len(self.publisher.acknowledged)} items acknowledged of {len(self.publisher.sent)}; "
            f"{sum(len(one.receipts) for one in self.subscribers)} deliveries in {sessions} "
            f"sessions, {resumed} times resumed; {self.revoker.rounds} revocations"
        )
        head = next(iter(self.audits.values()), None)
        lines.append(f"the audit at all {len(self.audits)} members: {json.dumps(head)}")
        pauses = ", ".join(f"{took:.1f} s at {at:.0f}" for took, at in self.publisher.pauses()[:5])
        lines.append(f"longest pauses of the publisher: {pauses}")
        return "\n".join(lines)


def items_of(session):
    """All ids of the feed, oldest first."""
    ids, after = [], ""
    while True:
        rsm = f"<set xmlns='http://jabber.org/protocol/rsm'><max>500</max>{after}</set>"
        space = "http://jabber.org/protocol/pubsub"
        text = session.talker.ask(
            "get", f"<pubsub xmlns='{space}'><items node='{FEED}'/>{rsm}</pubsub>", BROKER
        )
        page = re.findall(r"<item id=['\"]([^'\"]*)", text)
        if not page:
            return ids
        ids += page
        after = f"<after>{re.search('<last>(.*?)</last>', text).group(1)}</after>"


__all__ = ["Faults", "Story", "now"]
