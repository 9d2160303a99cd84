# tests/bench/harness/quiet.py: a client that publishes now and then, beside what others do.
"""How long its publishes wait is what the others cost it. Beside it a bare process, of which gridd
knows nothing, writes and syncs a record for each byte that it is sent: so long anybody waits here
for a processor and the disk meanwhile."""

import os
import subprocess
import sys
import threading
import time

from raw import Raw

DOMAIN = "grid.localhost"
QUIET_SECONDS = 0.02   # between two publishes
BARE = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
while os.read(0, 1):
    os.write(file, bytes(1024))
    os.fdatasync(file)
    os.write(1, b"+")
"""


def percentile(waits):
    """The 99th, in ms."""
    waits = sorted(waits) or [0.0]
    return round(waits[min(len(waits) - 1, len(waits) * 99 // 100)], 1)


class Bare:
    """A process that syncs, on the disk of that folder."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [sys.executable, "-c", BARE, os.path.join(folder, "bare")], bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        self.ask()

    def ask(self):
        began = time.monotonic()
        self.process.stdin.write(b"+")
        if not self.process.stdout.read(1):
            raise SystemExit("the bare writer ended")
        return (time.monotonic() - began) * 1000

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Quiet:
    """Publishes one item at a time, and notes what it waits for each."""

    def __init__(self, server):
        self.raw = Raw(server.c2s, DOMAIN).login(server.bundle, "quiet")
        self.bare = Bare(server.folder)
        self.waits, self.bare_waits, self.done = [], [], threading.Event()
        self.node = "quiet-" + os.urandom(4).hex()
        self.ask("made", f"<create node='{self.node}'/>")
        self.publish(0)

    def ask(self, number, what):
        self.raw.send(
            f"<iq type='set' id='q{number}' to='pubsub.{DOMAIN}'><pubsub "
            f"xmlns='http://jabber.org/protocol/pubsub'>{what}</pubsub></iq>"
        )
        kind = self.raw.expect(rf"<iq [^>]*?type='(\w+)'[^>]*?id='q{number}'", 60)[1]
        if kind != "result":
            raise SystemExit(f"a publish of the quiet client ended with {kind}: {what}")

    def publish(self, number):
        """A refusal is no publish; each item is another than the one before."""
        began = time.monotonic()
        self.ask(number, f"<publish node='{self.node}'><item id='one'><x xmlns='urn:x'>{number}</x>"
                         "</item></publish>")
        return (time.monotonic() - began) * 1000

    def _run(self):
        number = 0
        while not self.done.wait(QUIET_SECONDS):
            number += 1
            self.waits.append(self.publish(number))

    def _run_bare(self):
        while not self.done.wait(QUIET_SECONDS):
            self.bare_waits.append(self.bare.ask())

    def p99(self, work):
        """What `work` returns, and the figures while it runs."""
        threads = [threading.Thread(target=run) for run in (self._run, self._run_bare)]
        for thread in threads:
            thread.start()
        try:
            result = work()
        finally:
            self.done.set()
            for thread in threads:
                thread.join()
            self.raw.socket.close()
            self.bare.close()
        return result, {
            "p99_ms": percentile(self.waits), "bare_p99_ms": percentile(self.bare_waits),
        }
