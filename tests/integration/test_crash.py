# tests/integration/test_crash.py: kill -9 under full load, few rounds; tests/bench/crash: many.
"""Also over a file system that forgets what was not synced: kill -9 alone never shows a missing
fsync, since the kernel keeps what the process had written."""

import os
import random
import threading
import time
import unittest

from crash import story
from gridd import DOMAIN, Operated, binary
from policies import EVERYTHING
from topic import PUBSUB, Topic

ROUNDS = 3


class Crash(unittest.TestCase):
    """The same rounds on two programs; a failure names its seed."""

    def rounds(self, program):
        if not os.path.exists(binary(program)):
            self.skipTest(f"{program} is not built")
        told = []
        seed = story.fresh_seed()
        story.run(seed, ROUNDS, told.append, program=program)
        self.assertEqual(len(told), ROUNDS)

    def test_kill_9_under_full_load(self):
        self.rounds("gridd")

    def test_power_loss_under_full_load(self):
        self.rounds("gridd_forgetful")


class Purges(unittest.TestCase):
    """found 20: two publishers go on while their node is purged, deleted and killed."""

    PER_SECOND = 100   # of each publisher
    PREFILLED = 2_000   # for a purge that takes its time

    def setUp(self):
        settings = {"accounts.auto_approve": "true", "pubsub.access_open": "true"}
        self.server = Operated(EVERYTHING, settings).start()
        self.addCleanup(self.server.close)
        self.bundles = {
            name: self.server.authority.client(f"{name}@{DOMAIN}")
            for name in ("owner", "one", "two")
        }
        self.count = 0
        self.acknowledged = []   # (id, when it was sent, when its answer came)
        self.emptied = (0.0, 0.0)   # the last that was acknowledged: sent, answered
        self.threads = []

    def log_in(self):
        self.owner = Topic(self.server, self.bundles["owner"])
        self.addCleanup(self.owner.close)

    def create(self):
        said = self.owner.create(max_items=50_000, publish_model="open", access_model="open")
        self.assertEqual(said[0], "ok", said)

    def own(self, what):
        inner = f"<{what} node='{self.owner.node}'/>"
        return self.owner.send("set", f"<pubsub xmlns='{PUBSUB}#owner'>{inner}</pubsub>")

    def begin(self):
        """Two publishers, until the server is killed or `end`."""
        self.over = threading.Event()
        self.threads = [
            threading.Thread(target=self.publish, args=(name,)) for name in ("one", "two")
        ]
        for thread in self.threads:
            thread.start()

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def publish(self, name):
        topic = Topic(self.server, self.bundles[name])
        begun, number = time.monotonic(), 0
        try:
            while not self.over.is_set():
                self.count += 1
                item, sent = f"{name}-{self.count}-{number}", time.monotonic()
                if topic.publish(item)[0] == "ok":   # not between delete and create
                    self.acknowledged.append((item, sent, time.monotonic()))
                number += 1
                ahead = begun + number / self.PER_SECOND - time.monotonic()
                self.over.wait(max(ahead, 0))
        except (OSError, AssertionError):
            pass   # killed: what had no answer may be there or not
        finally:
            topic.close()

    def prefill(self):
        sent = time.monotonic()
        self.count += self.PREFILLED
        ids = [f"many-{self.count - number}" for number in range(self.PREFILLED)]
        for some in range(0, len(ids), 100):
            part = ids[some : some + 100]
            numbers = [self.owner.send("set", self.owner.publication(item)) for item in part]
            for item, number in zip(part, numbers):
                self.assertEqual(self.owner.answer(number)[0], "ok")
                self.acknowledged.append((item, sent, time.monotonic()))

    def purge(self):
        sent = time.monotonic()
        self.assertEqual(self.owner.answer(self.own("purge"))[0], "ok")
        self.emptied = (sent, time.monotonic())

    def replace(self):
        sent = time.monotonic()
        self.assertEqual(self.owner.answer(self.own("delete"))[0], "ok")
        self.create()
        self.emptied = (sent, time.monotonic())

    def kill(self, unanswered=None):
        """... and start; `unanswered`: when a purge was sent that nobody saw the end of."""
        self.server.kill9()
        self.end()
        self.owner.close()
        self.server.start()
        self.log_in()
        self.look(unanswered)

    def look(self, unanswered=None):
        there = set(self.owner.items())
        sent, answered = self.emptied
        old = {item for item, _, done in self.acknowledged if done < sent}
        self.assertEqual(old & there, set(), "purged, and there")
        new = {item for item, begun, _ in self.acknowledged if begun > answered}
        if unanswered is not None:   # whole or not at all
            before = {
                item
                for item, begun, done in self.acknowledged
                if begun > answered and done < unanswered
            }
            self.assertTrue(before)
            self.assertIn(before & there, (set(), before), "half a purge")
            if not before & there:
                self.emptied = (unanswered, time.monotonic())
                return
        self.assertTrue(new)
        self.assertEqual(new - there, set(), "acknowledged after the purge, and not there")

    def test_five_purges_two_deletions_and_two_kills(self):
        self.log_in()
        self.create()
        self.begin()
        self.prefill()
        for change in (self.purge, self.replace, self.purge):
            change()
            time.sleep(1)
        self.prefill()
        sent = time.monotonic()
        self.own("purge")
        time.sleep(random.uniform(0, 0.004))
        self.kill(sent)   # while it is asked

        self.begin()
        for change in (self.replace, self.purge):
            time.sleep(1)
            change()
        self.prefill()
        self.purge()
        time.sleep(random.uniform(0, 0.2))
        mark = len(self.acknowledged)
        self.kill_while_erasing(mark)

        self.begin()
        time.sleep(1)
        self.end()
        self.look()

    def kill_while_erasing(self, mark):
        """Killed once something was published behind the purge."""
        deadline = time.monotonic() + 20
        while len(self.acknowledged) < mark + 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        self.kill()


if __name__ == "__main__":
    unittest.main()
