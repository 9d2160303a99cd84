# tests/integration/cluster/faults.py: faults of a cluster, one after the other.
"""Each fault is done, lasts for a while, and is undone; then all members must serve again."""

import random
import threading
import time

CLOCK_SECONDS = 60
MANY = 4   # members, from which on less than half of them may be more than the leader


class Faults:
    """Everything follows from the seed, but for who leads at that time."""

    def __init__(self, cluster, seed, kinds=None, longest=20.0):
        self.cluster, self.longest = cluster, longest
        self.rng = random.Random(f"{seed}/faults")
        self.kinds = kinds or self.possible()
        self._left = []

    def possible(self):
        """What this cluster can have."""
        kinds = {name[3:] for name in dir(self) if name.startswith("do_")}
        members = self.cluster.members
        if len(members) < MANY:
            kinds.discard("kill_many")
        if not (self.cluster.fabric and self.cluster.fabric.can_slow):
            kinds.discard("slow")
        if not any(one.disk for one in members):
            kinds.discard("full_disk")
        if not any(one.clock for one in members):
            kinds.discard("clock")
        return sorted(kinds)

    def draw(self):
        """Each kind once, in a new order, before any comes again."""
        if not self._left:
            self._left = list(self.kinds)
            self.rng.shuffle(self._left)
        return self._left.pop()

    def seconds(self, low, high):
        return min(self.rng.uniform(low, high), self.longest)

    def leader(self):
        return self.cluster.leader() or self.rng.choice(self.cluster.members)

    def follower(self):
        leader = self.leader()
        return self.rng.choice([one for one in self.cluster.members if one is not leader])

    # --- each: what it did, and how to undo it ------------------------------------------------

    def killed(self, victims):
        for one in victims:
            one.kill9()

        def again():
            for one in victims:
                one.spawn()

        names = " and ".join(one.name for one in victims)
        return f"kill -9 of {names}", self.seconds(0.2, 5), again

    def stopped(self, one):
        one.pause() if hasattr(one, "pause") else one.stop()
        return f"SIGSTOP of {one.name}", self.seconds(1, 20), one.go_on

    def do_kill_leader(self):
        return self.killed([self.leader()])

    def do_kill_follower(self):
        return self.killed([self.follower()])

    def do_kill_etcd_leader(self):
        return self.killed([self.cluster.etcd.leader() or self.rng.choice(self.cluster.etcd.all)])

    def do_kill_two_etcds(self):
        return self.killed(self.rng.sample(self.cluster.etcd.all, 2))

    def do_kill_all_members(self):
        return self.killed(list(self.cluster.members))

    def do_kill_all_but_one(self):
        members = self.cluster.members
        return self.killed(self.rng.sample(members, len(members) - 1))

    def do_kill_many(self):
        """Four of nine, and the leader is one of them."""
        leader = self.leader()
        others = [one for one in self.cluster.members if one is not leader]
        count = (len(self.cluster.members) - 1) // 2
        return self.killed([leader, *self.rng.sample(others, count - 1)])

    def do_restart(self):
        """As for an upgrade."""
        one = self.rng.choice(self.cluster.members)
        one.leave()
        return f"{one.name} left", self.seconds(0.2, 2), one.spawn

    def do_stop_leader(self):
        return self.stopped(self.leader())

    def do_stop_follower(self):
        return self.stopped(self.follower())

    def do_stop_etcd_leader(self):
        return self.stopped(self.cluster.etcd.leader() or self.rng.choice(self.cluster.etcd.all))

    def two(self):
        names = self.cluster.names()
        one = self.leader().name if self.rng.random() < 0.5 else self.rng.choice(names)
        return one, self.rng.choice([name for name in names if name != one])

    def do_cut(self):
        one, other = self.two()
        self.cluster.fabric.cut(one, other)
        return f"cut {one} | {other}", self.seconds(2, 12), self.cluster.fabric.mend

    def do_cut_one_way(self):
        pair = list(self.two())
        self.rng.shuffle(pair)
        self.cluster.fabric.cut_one_way(*pair)
        return f"cut {pair[0]} → {pair[1]}", self.seconds(2, 12), self.cluster.fabric.mend

    def do_isolate_leader(self):
        name = self.leader().name
        self.cluster.isolate(name)
        return f"{name} isolated", self.seconds(2, 12), self.cluster.fabric.mend

    def do_slow(self):
        one, other = self.two()
        seconds = self.rng.uniform(0.02, 0.3)
        self.cluster.fabric.slow(one, other, seconds)
        return f"{one} → {other} slow by {seconds:.2f} s", self.seconds(2, 8), (
            self.cluster.fabric.mend)

    def do_clock(self):
        """The clock stays where it is until the next jump."""
        one = self.rng.choice([one for one in self.cluster.members if one.clock])
        ahead = self.rng.choice((-CLOCK_SECONDS, 0, CLOCK_SECONDS))
        one.set_clock(ahead)
        return f"clock of {one.name} at {ahead:+} s", 1.0, lambda: None

    def do_full_disk(self):
        one = next(one for one in self.cluster.members if one.disk)
        one.disk.fill()
        return f"disk of {one.name} full", self.seconds(2, 8), one.disk.make_space

    def do_wipe(self):
        one = self.follower()
        one.kill9()
        one.wipe()
        return f"{one.name} wiped", self.seconds(0.2, 3), one.spawn


class Nemesis(threading.Thread):
    """Fault after fault, until the story is over; `log` has (seconds, what, recovered after)."""

    def __init__(self, story, faults, calm_seconds=(1.0, 3.0), ready_seconds=60):
        super().__init__(daemon=True)
        self.story, self.faults = story, faults
        self.calm_seconds, self.ready_seconds = calm_seconds, ready_seconds
        self.log = []

    def run(self):
        try:
            while not self.story.waits(self.faults.rng.uniform(*self.calm_seconds)):
                self.once()
        except Exception as error:   # pylint: disable=broad-except
            self.story.failed(f"faults: {type(error).__name__}: {error}")
            self.story.end()

    def once(self):
        kind = self.faults.draw()
        begin = time.monotonic()
        what, seconds, undo = getattr(self.faults, "do_" + kind)()
        self.story.say(f"{begin - self.story.begin:6.1f}  {what} for {seconds:.1f} s")
        self.story.mark(kind, begin)
        try:
            time.sleep(seconds)
        finally:
            undo()
        undone = time.monotonic()
        self.recover()
        took = time.monotonic() - undone
        self.log.append((begin - self.story.begin, what, seconds, took))
        self.story.say(f"{time.monotonic() - self.story.begin:6.1f}  ready {took:.1f} s after it")

    def recover(self):
        """All members serve. One that ended because it could not go on is started again, as its
        supervisor does."""
        cluster = self.story.cluster
        deadline = time.monotonic() + self.ready_seconds
        for one in cluster.members:
            while True:
                if one.process is None or one.process.poll() is not None:
                    self.story.say(f"        {one.name} ended by itself; started again")
                    self.story.ended_by_itself.append(one.name)
                    one.kill9()
                    time.sleep(0.5)
                    one.spawn()
                if one.has_started() and cluster.is_ready(one):
                    break
                if time.monotonic() > deadline:
                    raise AssertionError(
                        f"{one.name} is not ready {self.ready_seconds} s after the fault:\n"
                        + one.log()[-1500:]
                    )
                time.sleep(0.05)
