# tests/integration/test_clock.py: the wall clock is set forward and back under a running server.
"""The monotonic clock stays as it is, as on a machine whose clock is set."""

import calendar
import re
import subprocess
import time
import unittest
from unittest import mock

import certs
from gridd import BROKER, CONTROLLER, DOMAIN, Operated
from policies import EVERYTHING
from shifted_clock import ShiftedClock
from talker import Talker, form

MAM = "urn:xmpp:mam:2"
MONTH = 30 * 86400
MINUTE = 60


def seconds_of(stamp):
    return calendar.timegm(time.strptime(stamp.partition(".")[0].rstrip("Z"), "%Y-%m-%dT%H:%M:%S"))


def stamp_of(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Clock(unittest.TestCase):
    def setUp(self):
        with mock.patch.object(certs, "DAY", 20 * certs.DAY):   # certificates outlive the jump
            self.server = Operated(EVERYTHING, {"accounts.auto_approve": "true"})
            self.bundle = self.server.authority.client(f"sensor@{DOMAIN}", end=10 * certs.DAY)
        self.addCleanup(self.server.close)
        self.clock = ShiftedClock(self.server)
        self.server.start()
        self.open()

    def open(self):
        self.client = Talker(self.server.c2s, DOMAIN)
        self.addCleanup(self.client.socket.close)
        self.client.login(self.bundle, "r")
        self.client.presence()

    def jump(self, ahead, direction):
        mark = self.server.log_mark()
        self.clock.set(ahead)
        self.server.wait_log(rf"clock_jump.*set {direction} by", mark, 20)

    def test_a_clock_that_is_behind_the_audit_is_warned_of(self):
        self.jump(3600, "forward")
        self.client.does("<create node='later'/>")
        self.server.stop()
        self.clock.set(0)
        command = [self.server.program, "--check", "--data", self.server.data]
        command += [f"--set={key}={value}" for key, value in self.server.settings.items()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stderr, "warning: the newest record .*the clock was set back")
        self.clock.set(3600)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self.assertNotIn("set back", done.stderr)

    def publish(self, node, item):
        self.client.does(self.client.publish(node, item, item))

    def archived(self, node, **bounds):
        """Item ids and stamps, by the archive."""
        fields = "".join(
            f"<field var='{name}'><value>{value}</value></field>"
            for name, value in bounds.items()
        )
        self.client.seen = ""
        self.client.send(
            f"<iq type='set' id='mam' to='{BROKER}'><query xmlns='{MAM}' node='{node}'>"
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
            f"<value>{MAM}</value></field>{fields}</x></query></iq>"
        )
        answer = self.client.expect(r"^(.*?)<iq [^>]*id='mam'.*?</iq>", 20).group(1)
        return [
            (item, stamp)
            for stamp, item in re.findall(r"stamp='([^']*)'.*?<item id='([^']*)'", answer)
        ]

    def items(self, node):
        return re.findall(
            r"<item id='([^']*)'", self.client.pubsub("get", f"<items node='{node}'/>")
        )

    def until_empty(self, node, seconds=40):
        deadline = time.monotonic() + seconds
        while self.items(node):
            self.assertLess(time.monotonic(), deadline, "the item never expired")
            time.sleep(0.2)

    def check_after(self):
        """The clock is right again: stamps, expiry and bounds are, too."""
        self.publish("brief", "b2")
        self.publish("long", "l2")
        start = time.time() + 1.1   # whole seconds below
        while time.time() < start:
            time.sleep(0.05)
        self.publish("long", "l3")
        now = time.time()
        found = dict(self.archived("long"))
        self.assertEqual(list(found), ["l0", "l1", "l2", "l3"])
        for stamp in found.values():
            self.assertLess(abs(seconds_of(stamp) - now), MINUTE)
        within = self.archived("long", end=stamp_of(now + 5 * MINUTE))
        self.assertEqual([item for item, _ in within], ["l0", "l1", "l2", "l3"])
        later = self.archived("long", start=stamp_of(start))
        self.assertEqual([item for item, _ in later], ["l3"])
        self.until_empty("brief")

    def prepare(self):
        self.client.does(
            "<create node='brief'/><configure>" + form("node_config", item_expire="4")
            + "</configure>"
        )
        self.client.does("<create node='long'/>")
        self.publish("long", "l0")

    def audited_times(self):
        records = self.server.admin_json("audit", "--all")["records"]
        return [
            (record["operation"], seconds_of(record["time"])) for record in reversed(records)
        ]

    def test_a_clock_that_jumps_a_month_and_comes_back(self):
        """found 45: stamps follow the wall clock, expiry and bounds compare like with like"""
        self.prepare()
        self.jump(MONTH, "forward")
        self.publish("brief", "b1")
        self.publish("long", "l1")
        self.assertLess(
            abs(seconds_of(dict(self.archived("long"))["l1"]) - time.time() - MONTH), MINUTE
        )
        self.jump(0, "back")
        self.check_after()
        times = self.audited_times()
        self.assertEqual([op for op, _ in times].count("clock-jump"), 2)
        after = times[[i for i, (op, _) in enumerate(times) if op == "clock-jump"][-1]:]
        self.assertGreater(len(after), 3)
        for operation, at in after:
            self.assertLess(abs(at - time.time()), MINUTE, operation)
        self.assertTrue(self.server.admin_json("audit", "verify")["ok"])

    def test_a_publisher_is_found_after_the_clock_came_back(self):
        """found 45: a lease is no matter of what the clock was set to"""
        begin = (
            "<grid xmlns='xgrid' type='request'><initPublishRequest><capability><name>Feed</name>"
            "</capability></initPublishRequest></grid>"
        )
        self.assertIn("result", self.client.ask("set", begin, CONTROLLER))
        self.jump(MONTH, "forward")
        other = Talker(self.server.c2s, DOMAIN)
        self.addCleanup(other.socket.close)
        other.login(self.bundle, "other")
        other.presence()
        self.jump(0, "back")
        self.assertIn("result", other.ask("set", begin, CONTROLLER))
        self.publish("Feed", "f1")   # behind the work that ends what is over
        self.server.admin_json("status")
        time_is_up = time.monotonic() + 1.5
        while time.monotonic() < time_is_up:
            self.assertFalse(self.server.admin_json("audit", "--operation=publisher-ended")[
                "records"])

    def test_a_start_behind_the_newest_record(self):
        """found X7: a head that lies in the future is logged, and not followed"""
        self.prepare()
        self.jump(MONTH, "forward")
        self.publish("brief", "b1")
        self.publish("long", "l1")
        self.client.socket.close()
        self.server.stop()
        self.clock.set(0)
        mark = self.server.log_mark()
        self.server.start()
        self.server.wait_log(r"seconds behind the newest record", mark, 20)
        self.open()
        self.check_after()
        self.assertTrue(self.server.admin_json("audit", "verify")["ok"])


if __name__ == "__main__":
    unittest.main()
