# tests/integration/test_systemd.py: words to the service manager, and the unit that it has.
"""The manager's end is a datagram socket of the test (sd_notify(3)); systemd-analyze judges the
unit without a running systemd."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import unittest
from unittest import mock

from configured import Configured, replace
from gridd import DOMAIN, ROOT, binary
from policies import EVERYTHING

UNIT = os.path.join(ROOT, "conf", "gridd.service")
SECONDS = 60   # for what must come, on a machine that has others to serve


class Manager:
    """Messages in their order, each as a dictionary."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def next(self, seconds=SECONDS):
        self.socket.settimeout(seconds)
        text = self.socket.recv(65536).decode()
        return dict(line.split("=", 1) for line in text.splitlines())

    def until(self, word, seconds=SECONDS):
        """The next message with that word; the others before it."""
        passed, deadline = [], time.monotonic() + seconds
        while True:
            message = self.next(max(0.01, deadline - time.monotonic()))
            if word in message:
                return message, passed
            passed.append(message)


class Notified(unittest.TestCase):
    def begin(self, address=None, **environment):
        folder = tempfile.mkdtemp(prefix="gridd-manager-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        address = address or os.path.join(folder, "notify")
        self.manager = Manager(address)
        self.addCleanup(self.manager.socket.close)
        self.server = Configured(
            EVERYTHING, {"accounts.auto_approve": "true", "reload.on_change": "false"}
        )
        self.addCleanup(self.server.close)
        with mock.patch.dict(os.environ, {"NOTIFY_SOCKET": address, **environment}):
            self.server.start()
        return self.server

    def test_start_reload_and_end(self):
        server = self.begin()
        ready = self.manager.next()
        self.assertEqual("1", ready["READY"])
        status, _ = self.manager.until("WATCHDOG")   # without a watchdog: for the status alone
        self.assertEqual(f"serving {DOMAIN}: 0 sessions", status["STATUS"])
        before = time.monotonic_ns() // 1000
        server.process.send_signal(signal.SIGHUP)
        begun, _ = self.manager.until("RELOADING")
        self.assertEqual("1", begun["RELOADING"])
        self.assertLess(before, int(begun["MONOTONIC_USEC"]))
        self.assertLess(int(begun["MONOTONIC_USEC"]), time.monotonic_ns() // 1000)
        done, _ = self.manager.until("READY")
        self.assertNotIn("refused", done["STATUS"])
        # A refused reload is over, too, and the status says so until one is taken.
        replace(server.config, "nonsense = 1\n")
        server.process.send_signal(signal.SIGHUP)
        self.manager.until("RELOADING")
        done, _ = self.manager.until("READY")
        self.assertRegex(done["STATUS"], "the last reload was refused: .*gridd.toml:1:1: ")
        server.configure()
        server.process.send_signal(signal.SIGHUP)
        self.manager.until("RELOADING")
        done, _ = self.manager.until("READY")
        self.assertNotIn("refused", done["STATUS"])
        server.process.send_signal(signal.SIGTERM)
        self.manager.until("STOPPING")
        self.assertEqual(0, server.process.wait(SECONDS))
        server.process = None

    def test_a_restart_by_an_administrator_is_a_reload_to_the_manager(self):
        server = self.begin(f"@gridd-test-{os.getpid()}")
        self.manager.until("READY")
        number = server.process.pid
        server.admin_ctl("shutdown", "--restart")
        self.manager.until("RELOADING")
        _, passed = self.manager.until("READY")
        self.assertFalse([message for message in passed if "STOPPING" in message])
        self.assertEqual(number, server.process.pid)
        self.assertIsNone(server.process.poll())

    def test_the_watchdog_hears_nothing_of_a_process_that_does_not_run(self):
        server = self.begin(WATCHDOG_USEC="2000000")
        self.manager.until("READY")
        for _ in range(5):   # each within the limit, which a busy machine may stretch
            self.manager.until("WATCHDOG")
        server.process.send_signal(signal.SIGSTOP)
        self.addCleanup(server.process.send_signal, signal.SIGCONT)
        with self.assertRaises(OSError):
            while True:
                self.manager.next(4)
        server.process.send_signal(signal.SIGCONT)
        self.manager.until("WATCHDOG")

    def test_a_watchdog_of_another_process_is_none(self):
        self.begin(WATCHDOG_USEC="200000", WATCHDOG_PID="1")
        self.manager.until("WATCHDOG")   # the status, at the start
        with self.assertRaises(OSError):
            self.manager.next(2)


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
class Unit(unittest.TestCase):
    def setUp(self):
        with open(UNIT, encoding="utf-8") as file:
            self.unit = file.read()

    def analyze(self, *arguments):
        return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True,
                              timeout=60, check=False)

    def test_it_is_one(self):
        """The program is another one here than where the unit expects it."""
        folder = tempfile.mkdtemp(prefix="gridd-unit-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        path = os.path.join(folder, "gridd.service")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.unit.replace("/usr/local/bin/gridd", binary("gridd")))
        self.assertTrue(os.stat(binary("gridd")).st_mode & stat.S_IXUSR)
        done = self.analyze("verify", "--man=no", path)
        self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr))

    def test_its_exposure_is_2_at_the_most(self):
        done = self.analyze("security", "--offline=yes", "--no-pager", "--threshold=20", UNIT)
        self.assertEqual(0, done.returncode, done.stdout[-300:] + done.stderr)
        level = re.search(r"exposure level for gridd.service: (\d+\.\d)", done.stdout)
        self.assertLessEqual(float(level.group(1)), 2.0)

    def test_it_notifies_and_is_watched(self):
        for line in ("Type=notify", "NotifyAccess=main", "WatchdogSec=30", "Restart=always"):
            self.assertRegex(self.unit, f"(?m)^{line}$")


if __name__ == "__main__":
    unittest.main()
