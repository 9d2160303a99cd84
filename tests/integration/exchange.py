# tests/integration/exchange.py: stanzas of a bare stream, taken apart by a parser of their own.
"""The client speaks bytes; what comes back goes through Python's expat as one document, so that a
stanza which is no XML, or not what was meant, is noticed."""

import itertools
import time
import xml.etree.ElementTree as ET

from raw import STREAM_NS

SECONDS = 60


class Exchange:
    """Both ends of requests over `raw`. `answers` are iqs by id; `take` gets each stanza first, and
    says whether it is an answer."""

    def __init__(self, raw):
        self.raw = raw
        self.ids, self.answers = itertools.count(1), {}
        self.parser, self.depth = None, 0

    def take(self, element):
        raise NotImplementedError

    def close(self):
        self.raw.socket.close()

    def send(self, text):
        self.raw.send(text)

    def parse_as(self, namespace):
        """From here on; what was read already comes first."""
        self.parser = ET.XMLPullParser(("start", "end"))
        self.parser.feed(f"<stream xmlns='{namespace}' xmlns:stream='{STREAM_NS}'>")
        self._feed(self.raw.seen.encode())

    def _feed(self, data):
        self.parser.feed(data)
        for what, element in self.parser.read_events():
            self.depth += 1 if what == "start" else -1
            if what == "end" and self.depth == 1 and self.take(element):
                self.answers[element.get("id")] = element

    def _receive(self, deadline):
        left = deadline - time.monotonic()
        assert left > 0, "nothing more came"
        self.raw.socket.settimeout(left)
        try:
            data = self.raw.socket.recv(65536)
        except TimeoutError:
            return
        assert data, "the stream ended"
        self._feed(data)

    def first_of(self, waiting, seconds=SECONDS):
        """The first one of a list that `take` fills."""
        deadline = time.monotonic() + seconds
        while not waiting:
            self._receive(deadline)
        return waiting.pop(0)

    def request(self, kind, payload, addresses="", seconds=SECONDS):
        """The answer to an iq, whatever it is."""
        number = f"q{next(self.ids)}"
        self.send(f"<iq type='{kind}' id='{number}'{addresses}>{payload}</iq>")
        deadline = time.monotonic() + seconds
        while number not in self.answers:
            self._receive(deadline)
        return self.answers.pop(number)
