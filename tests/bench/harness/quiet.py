# tests/bench/harness/quiet.py: a client that publishes now and then, beside what others do.
"""How long its publishes wait is what the others cost it."""

import threading
import time

from raw import Raw

DOMAIN = "grid.localhost"
QUIET_SECONDS = 0.02   # between two publishes


class Quiet:
    """Publishes one item at a time, and notes what it waits for each."""

    def __init__(self, server):
        self.raw = Raw(server.c2s, DOMAIN).login(server.bundle, "quiet")
        self.waits, self.done = [], threading.Event()
        self.publish(0)
        self.thread = threading.Thread(target=self._run)

    def publish(self, number):
        began = time.monotonic()
        self.raw.send(
            f"<iq type='set' id='q{number}' to='pubsub.{DOMAIN}'><pubsub "
            "xmlns='http://jabber.org/protocol/pubsub'><publish node='quiet'><item id='one'>"
            "<x xmlns='urn:x'/></item></publish></pubsub></iq>"
        )
        self.raw.expect(f"<iq [^>]*id='q{number}'", 60)
        return (time.monotonic() - began) * 1000

    def _run(self):
        number = 0
        while not self.done.wait(QUIET_SECONDS):
            number += 1
            self.waits.append(self.publish(number))

    def p99(self, work):
        """While `work` runs."""
        self.thread.start()
        result = work()
        self.done.set()
        self.thread.join()
        self.raw.socket.close()
        waits = sorted(self.waits) or [0.0]
        return result, round(waits[min(len(waits) - 1, len(waits) * 99 // 100)], 1)
