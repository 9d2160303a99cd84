# tests/integration/cluster/many.py: a cluster of many members loses some of them at once, and what
# its clients see.
"""Several members, not more than half, are killed at the same moment. Clients of the others publish
and read meanwhile; clients of those that are lost come back elsewhere; then the members come back,
and all have the same."""

import http.client
import json
import os
import re
import threading
import time

from gridd import DOMAIN
from talker import Talker, form

from .members import Refused

BAR_SECONDS = 3         # for those who go on, and for those who come back
ITEMS_AFTER = 40        # published behind the loss
ITEMS_BEFORE = 10
READERS = 3
PATIENCE_SECONDS = 60
BROKEN = (OSError, AssertionError, http.client.HTTPException, ValueError)
TICKS = os.sysconf("SC_CLK_TCK")


class Reader(threading.Thread):
    """A subscriber at one member, which stays; `came` has (item, when)."""

    def __init__(self, talker):
        super().__init__(daemon=True)
        self.talker, self.came, self.is_over = talker, [], False

    def run(self):
        while not self.is_over and not self.talker.closed:
            try:
                self.talker.receive(time.monotonic() + 0.2)
            except AssertionError:
                continue
            now, end = time.monotonic(), 0
            for found in re.finditer(r"<item id=['\"]([^'\"]*)['\"]", self.talker.seen):
                self.came.append((found.group(1), now))
                end = found.end()
            self.talker.seen = self.talker.seen[end:]

    def items(self):
        return [item for item, _ in self.came]


class Draw:
    """One loss. After `run`, `problems` has sentences, `figures` {what: seconds}."""

    def __init__(self, cluster, rng, number, count, with_leader):
        self.cluster, self.rng, self.node = cluster, rng, f"draw{number}"
        self.problems, self.figures, self.talkers = [], {}, []
        leader = cluster.wait_leader()
        others = [one for one in cluster if one is not leader]
        self.victims = (
            [leader, *rng.sample(others, count - 1)] if with_leader else rng.sample(others, count)
        )
        self.stay = [one for one in cluster if one not in self.victims]
        self.acknowledged = []   # (item, when)

    def client(self, name, member, resource):
        talker = Talker(member.c2s, DOMAIN)
        self.talkers.append(talker)
        talker.seconds = PATIENCE_SECONDS
        talker.login(self.cluster.client(name), f"{self.node}-{resource}")
        talker.presence()
        return talker

    def run(self):
        try:
            self._begin()
            self._lose()
            self._come_back()
        finally:
            for talker in self.talkers:
                talker.socket.close()
        return self.problems

    # --- before -----------------------------------------------------------------------------------

    def _make_accounts(self):
        names = ["many"] + [f"many{number}" for number in range(READERS)]
        for name in names + [f"lost{number}" for number in range(len(self.victims))]:
            try:
                self.stay[0].rest("POST", "accounts", {"jid": f"{name}@{DOMAIN}"})
            except Refused as refused:
                assert refused.status == 409, refused   # from a draw before
        self.cluster.wait_same()

    def _begin(self):
        self._make_accounts()
        at = self.rng.sample(self.stay, min(READERS, len(self.stay)))
        self.publisher = self.client("many", at[0], "publisher")
        self.publisher.does(
            f"<create node='{self.node}'/><configure>{form('node_config', max_items=1000)}"
            "</configure>"
        )
        self.cluster.wait_same()
        self.readers = []
        for number, member in enumerate(at):
            talker = self.client(f"many{number}", member, "reader")
            talker.does(f"<subscribe node='{self.node}' jid='many{number}@{DOMAIN}'/>")
            self.readers.append(Reader(talker))
            self.readers[-1].start()
        self.cluster.wait_same()
        for number, member in enumerate(self.victims):
            self.client(f"lost{number}", member, "lost")
        for number in range(ITEMS_BEFORE):
            self.publish(f"a{number}")

    def publish(self, item):
        """Until it is acknowledged; a refusal may only say that the client should wait."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self.publisher.pubsub("set", self.publisher.publish(self.node, item, item))
            now = time.monotonic()
            if "type='result'" in answer:
                self.acknowledged.append((item, now))
                return
            assert "type='wait'" in answer, answer
            assert now < deadline, answer
            time.sleep(0.02)

    # --- the loss ---------------------------------------------------------------------------------

    def _lose(self):
        begin = time.monotonic()
        for one in self.victims:
            one.process.kill()
        for one in self.victims:
            one.kill9()
        back = [
            threading.Thread(target=self._returns, args=(number, begin), daemon=True)
            for number in range(len(self.victims))
        ]
        for one in back:
            one.start()
        for number in range(ITEMS_AFTER):
            self.publish(f"b{number}")
            time.sleep(0.02)
        for one in back:
            one.join(PATIENCE_SECONDS)
        wanted = [item for item, _ in self.acknowledged]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(one.items() != wanted for one in self.readers) and time.monotonic() < deadline:
            time.sleep(0.05)
        for number, one in enumerate(self.readers):
            one.is_over = True
            if one.items() != wanted:
                self.problems.append(f"reader {number} got {one.items()} of {wanted}")
        self.figures["longest pause of the publisher"] = longest(self.acknowledged, begin)
        self.figures["longest pause of a reader"] = max(
            longest(one.came, begin) for one in self.readers
        )

    def _returns(self, number, begin):
        """A client of a member that is gone, at one that is there."""
        member = self.rng.choice(self.stay)
        while time.monotonic() < begin + PATIENCE_SECONDS:
            try:
                self.client(f"lost{number}", member, "back")
                took = time.monotonic() - begin
                self.figures["the last of the clients that came back"] = max(
                    took, self.figures.get("the last of the clients that came back", 0)
                )
                return
            except BROKEN:
                time.sleep(0.05)
        self.problems.append(f"lost{number} is not back at {member.name}")

    # --- afterwards -------------------------------------------------------------------------------

    def _come_back(self):
        begin = time.monotonic()
        for one in self.victims:
            one.spawn()
        for one in self.victims:
            one.wait_started()
        self.cluster.wait_ready()
        self.cluster.wait_same()
        self.figures["until all are back"] = time.monotonic() - begin
        wanted = [item for item, _ in self.acknowledged]
        for one in self.cluster:
            found = re.findall(
                r"<item id='([^']*)'",
                self.client("many", one, f"look-{one.name}").pubsub(
                    "get", f"<items node='{self.node}'/>"
                ),
            )
            if found != wanted:
                self.problems.append(f"{one.name} has {found} of {wanted}")
        self.problems += audit_problems(self.cluster)


def longest(moments, since):
    """Between two of them, or from `since` on to the first behind it."""
    times = [since] + [when for _, when in moments if when > since]
    return max((after - before for before, after in zip(times, times[1:])), default=0.0)


def audit_heads(cluster):
    return {one.name: one.admin_json("audit", "verify") for one in cluster}


def audit_problems(cluster, seconds=PATIENCE_SECONDS):
    """One chain: with nothing between, all members tell the same head."""
    deadline = time.monotonic() + seconds
    while True:
        heads = audit_heads(cluster)
        broken = [f"{name}: the audit is broken: {one}" for name, one in heads.items()
                  if not one["ok"]]
        if broken or len({json.dumps(one, sort_keys=True) for one in heads.values()}) == 1:
            return broken
        if time.monotonic() > deadline:
            return [f"the audit has several heads: {heads}"]
        time.sleep(0.2)


def wait_linked(cluster, seconds=PATIENCE_SECONDS):
    """Every member has a link to each other one."""
    deadline = time.monotonic() + seconds
    count = len(cluster.members)
    while True:
        found = cluster.status().values()
        if len(found) == count and all(
            len(status["members"]) == count
            and all(one["linked"] or one["self"] for one in status["members"])
            for status in found
        ):
            return
        assert time.monotonic() < deadline, f"links are missing: {cluster.status()}"
        time.sleep(0.1)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def costs(cluster, seconds=10.0):
    """{name: (part of one processor, resident bytes)} while it does nothing; of the etcds too."""
    all_of_them = {one.name: one.process for one in [*cluster, *cluster.etcd.all]}
    before = {name: cpu_seconds(one.pid) for name, one in all_of_them.items()}
    begin = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - begin
    found = {}
    for name, one in all_of_them.items():
        with open(f"/proc/{one.pid}/statm", encoding="ascii") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        found[name] = ((cpu_seconds(one.pid) - before[name]) / took, resident)
    return found
