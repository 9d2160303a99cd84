# tests/integration/events.py: a client that listens to GET /api/v1/events.
"""Bytes over TLS, and the events that a browser would make of them."""

import json
import time
from dataclasses import dataclass

from files import Https

SECONDS = 30


@dataclass(frozen=True)
class Event:
    kind: str
    id: str
    data: object


class Listening:
    """A listener; its answer's head has been read. With another status than 200, `answer` is that
    of the refusal."""

    def __init__(self, server, identity, query="", *headers):
        self.https = Https(server, identity)
        self.https.socket.settimeout(SECONDS)
        self.https.send(f"GET /api/v1/events{query} HTTP/1.1", *headers)
        self.text = ""
        self.is_over = False
        self.deadline = time.monotonic() + SECONDS
        self.status, self.headers = self.https.head()
        self.refusal = self._refusal() if self.status != 200 else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.https.socket.close()

    def _refusal(self):
        size = int(self.headers["content-length"])
        while len(self.https.seen) < size:
            assert self.https._more(), "closed within the refusal"
        return json.loads(self.https.seen[:size])

    def _chunk(self):
        """The next chunk's text; "" at the end."""
        assert time.monotonic() < self.deadline, "what was expected did not come in time"
        while b"\r\n" not in self.https.seen:
            if not self.https._more():
                raise AssertionError("closed before the last chunk")
        size, _, rest = self.https.seen.partition(b"\r\n")
        size = int(size, 16)
        self.https.seen = rest
        while len(self.https.seen) < size + 2:
            if not self.https._more():
                raise AssertionError("closed within a chunk")
        chunk, self.https.seen = self.https.seen[:size], self.https.seen[size + 2:]
        return chunk.decode()

    def next(self):
        """The next event; None at the end of the stream."""
        while True:
            block, mark, rest = self.text.partition("\n\n")
            if not mark:
                chunk = "" if self.is_over else self._chunk()
                if not chunk:
                    self.is_over = True
                    return None
                self.text += chunk
                continue
            self.text = rest
            lines = block.split("\n")
            fields = dict(line.split(": ", 1) for line in lines if ": " in line)
            if "event" in fields:
                return Event(fields["event"], fields.get("id", ""), json.loads(fields["data"]))

    def comment(self):
        """The first chunk that is a comment."""
        self.deadline = time.monotonic() + SECONDS
        while True:
            chunk = self._chunk()
            assert chunk, "the stream ended before a comment"
            if chunk.startswith(":"):
                return chunk

    def expect(self, kind, fits=lambda _: True, seconds=SECONDS):
        """The next event of that kind whose data fits."""
        self.deadline = time.monotonic() + seconds
        while True:
            event = self.next()
            assert event is not None, f"the stream ended before {kind}"
            if event.kind == kind and fits(event.data):
                return event

    def expect_end(self, seconds=SECONDS):
        """All events up to the end of the stream."""
        self.deadline = time.monotonic() + seconds
        events = []
        while (event := self.next()) is not None:
            events.append(event)
        return events
