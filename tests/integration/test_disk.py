# tests/integration/test_disk.py: a full disk and one that fails: errors, reads, and the way back.
"""Nothing that was acknowledged is lost, nobody waits for ever, and no restart is needed."""

import http.client
import signal
import ssl
import time
import unittest

from gridd import Evaluation, wait_taken
from small_disk import MIB, SmallDisk, may_mount
from topic import Topic

# The space that the store keeps free at the least: four times all its write buffers.
FREE_MIB = 384


def readiness(server):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(*server.http, timeout=20, context=context)
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


class Disk(unittest.TestCase):
    def begin(self, server):
        self.server = server.start()
        self.addCleanup(self.server.close)
        self.server.ctl("status")   # binds the administrator to its certificate, which is a write
        self.sensor = self.server.client("sensor")
        self.topic = Topic(self.server, self.sensor)
        self.addCleanup(self.topic.close)
        self.assertEqual(self.topic.create(max_items=10000)[0], "ok")
        self.assertEqual(self.topic.subscribe(self.sensor.jid)[0], "ok")
        for item in ("a", "b"):
            self.assertEqual(self.topic.publish(item)[0], "ok")
            self.assertEqual(self.topic.event(), item)

    def assert_reads_go_on(self, items):
        self.assertEqual(self.topic.ping(), "ok")
        self.assertEqual(self.topic.items(), items)
        late = Topic(self.server, self.sensor, resource="late")   # a new client may read, too
        self.assertEqual(late.items(), items)
        late.close()

    def assert_red(self, why):
        status, text = readiness(self.server)
        self.assertEqual(status, 503, text)
        self.assertRegex(text, why)
        self.server.wait_log("store_not_writable.*" + why)
        store = self.server.ctl_json("status")["store"]
        self.assertFalse(store["writable"])
        self.assertRegex(store["reason"] + store["do"], why)
        return store["do"]

    def assert_green(self):
        self.assertEqual(readiness(self.server)[0], 200)
        self.assertTrue(self.server.ctl_json("status")["store"]["writable"])

    def publish_when_possible(self, item, seconds=30):
        deadline = time.monotonic() + seconds
        while (said := self.topic.publish(item))[0] != "ok":
            self.assertLess(time.monotonic(), deadline, said)
            time.sleep(0.1)

    def after_a_crash(self):
        """What another start finds."""
        self.server.kill9()
        self.server.start()
        again = Topic(self.server, self.sensor, resource="again")
        self.addCleanup(again.close)
        return again.items()


class FailedSync(Disk):
    """A sync that fails leaves an unknown outcome: only reopening ends that."""

    def begin_on_a_bad_disk(self, after=0):
        settings = {"storage.reopen_after_seconds": after}
        self.begin(Evaluation(settings, program="gridd_forgetful"))

    def order(self, how):
        self.server.process.send_signal(how)
        wait_taken(self.server.process.pid, how)
        time.sleep(0.2)   # the thread that has taken the order carries it out

    def test_writes_stop_until_an_administrator_reopens(self):
        for how, items in ((signal.SIGUSR1, ["a", "b"]), (signal.SIGUSR2, ["a", "b", "c"])):
            with self.subTest(how.name):
                self.begin_on_a_bad_disk()
                self.order(how)
                said, whole = self.topic.publish("c")
                self.assertEqual(said, "internal-server-error")
                self.assertIn("type='wait'", whole)
                self.assertIn("outcome unknown, look before you repeat", whole)
                said, whole = self.topic.publish("d")
                self.assertEqual(said, "internal-server-error")
                self.assertIn("read-only", whole)
                self.assert_reads_go_on(["a", "b"])
                self.assertIn("gridctl store reopen", self.assert_red("a write failed"))

                self.server.ctl("store", "reopen")
                self.assert_green()
                self.server.wait_log("rebuilt")
                # The streams live on, and what landed is told of like what comes.
                self.assertEqual(self.topic.items(), items)
                for item in items[2:]:
                    self.assertEqual(self.topic.event(), item)
                self.assertEqual(self.topic.publish("e")[0], "ok")
                self.assertEqual(self.topic.event(), "e")
                audit = self.server.ctl_json("audit", "--max", "100")
                deadline = time.monotonic() + 10
                while not any(r["operation"] == "reopen store" for r in audit["records"]):
                    self.assertLess(time.monotonic(), deadline, "no audit record")
                    time.sleep(0.1)
                    audit = self.server.ctl_json("audit", "--max", "100")
                self.assertEqual(self.after_a_crash(), items + ["e"])

    def test_it_is_reopened_by_itself(self):
        self.begin_on_a_bad_disk(after=1)
        self.order(signal.SIGUSR1)
        self.assertEqual(self.topic.publish("c")[0], "internal-server-error")
        self.publish_when_possible("d")
        self.server.wait_log("store_reopened")
        self.assert_green()
        self.assertEqual(self.topic.items(), ["a", "b", "d"])
        self.assertEqual(self.after_a_crash(), ["a", "b", "d"])

    def test_requests_in_flight_are_all_answered(self):
        self.begin_on_a_bad_disk(after=1)
        acknowledged, refused = [], 0
        for round_number in range(3):
            names = [f"r{round_number}-{i}" for i in range(300)]
            numbers = []
            for i, name in enumerate(names):
                numbers.append(self.topic.send("set", self.topic.publication(name)))
                if i == 100:
                    self.server.process.send_signal(signal.SIGUSR1)
            for name, number in zip(names, numbers):
                if self.topic.answer(number, 60)[0] == "ok":
                    acknowledged.append(name)
                else:
                    refused += 1
            self.publish_when_possible(f"r{round_number}-end")
            acknowledged.append(f"r{round_number}-end")
        self.assertGreater(refused, 0, "the failure hit nothing")
        there = self.topic.items()
        self.assertEqual(len(there), len(set(there)))
        self.assertEqual([i for i in there if i in set(acknowledged)], acknowledged)
        self.assertEqual(self.after_a_crash(), there)

    def test_a_disk_that_goes_on_failing_can_still_be_read(self):
        self.begin_on_a_bad_disk()
        self.order(signal.SIGHUP)
        self.assertEqual(self.topic.publish("c")[0], "internal-server-error")
        for _ in range(2):
            done = self.server.gridctl("store", "reopen")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("gridctl store reopen", done.stderr)
            self.assert_reads_go_on(["a", "b"])
        self.assert_red("reopening failed")
        self.order(signal.SIGHUP)
        self.server.ctl("store", "reopen")
        self.assert_green()
        self.assertEqual(self.topic.publish("d")[0], "ok")
        self.assertEqual(self.topic.items()[:2], ["a", "b"])


@unittest.skipUnless(may_mount(), "a file system of its own cannot be mounted here")
class FullDisk(Disk):
    """No space is noticed before it hurts; when there is some again, writes go on."""

    def begin_on_a_small_disk(self):
        server = Evaluation({"storage.free_bytes_min": 1})
        disk = SmallDisk(server, "store", FREE_MIB + 64)
        self.begin(server)
        return disk

    def test_full_refused_read_and_full_no_more(self):
        disk = self.begin_on_a_small_disk()
        there = ["a", "b"]
        for leave in (FREE_MIB - 8, 0):
            disk.fill(leave * MIB)
            for _ in range(3):
                said, whole = self.topic.publish("refused")
                self.assertEqual(said, "resource-constraint", whole)
                self.assertIn("type='wait'", whole)
                self.assertIn("disk is full; nothing was changed", whole)
            self.assert_reads_go_on(there)
            self.assertIn("make space", self.assert_red("bytes free"))
            said, whole = self.topic.pubsub("set", "<create node='other'/>")
            self.assertEqual(said, "resource-constraint", whole)
            disk.make_space()
            there.append(f"left-{leave}")
            self.assertEqual(self.topic.publish(there[-1])[0], "ok")   # at once
            self.assertEqual(self.topic.event(), there[-1])
            self.assert_green()
            self.server.wait_log("store_writable")
        self.assertEqual(self.topic.items(), there)

    def test_a_disk_that_fills_under_load(self):
        disk = self.begin_on_a_small_disk()
        acknowledged, refused = ["a", "b"], 0
        for turn in range(30):
            if turn == 10:
                disk.fill()
            if turn == 20:
                disk.make_space()
            names = [f"i{turn}-{number}" for number in range(20)]
            numbers = [self.topic.send("set", self.topic.publication(name)) for name in names]
            for name, number in zip(names, numbers):
                if self.topic.answer(number)[0] == "ok":
                    acknowledged.append(name)
                else:
                    refused += 1
        self.assertEqual(refused, 200)
        self.assertEqual(self.topic.items(), acknowledged)


if __name__ == "__main__":
    unittest.main()
