# tests/integration/component.py: an external component on a bare socket (XEP-0114).
"""What comes is taken apart by a parser of its own, as in stanzas.py."""

import hashlib
import itertools
import re
import time
import xml.etree.ElementTree as ET

from raw import STREAM_NS, Raw

ACCEPT = "jabber:component:accept"
COMPONENT = "{" + ACCEPT + "}"
SECONDS = 60


def header(domain, namespace=ACCEPT):
    return (
        f"<stream:stream xmlns='{namespace}' xmlns:stream='{STREAM_NS}' to='{domain}'>"
    )


class Component:
    """`answers` are the iqs of type result and error, `others` everything else."""

    def __init__(self, address, domain):
        self.raw = Raw(address, domain)
        self.domain, self.ids = domain, itertools.count(1)
        self.answers, self.others = {}, []
        self.parser, self.depth = None, 0

    def close(self):
        self.raw.socket.close()

    def begin(self, namespace=ACCEPT, domain=None):
        """The stream's id."""
        self.raw.send(header(domain or self.domain, namespace))
        return self.raw.expect(r"<stream:stream [^>]*\bid='([^']*)'[^>]*>").group(1)

    def shake_hands(self, secret, stream_id=None):
        stream_id = stream_id or self.begin()
        proof = hashlib.sha1((stream_id + secret).encode()).hexdigest()
        self.raw.send(f"<handshake>{proof}</handshake>")

    def login(self, secret):
        self.shake_hands(secret)
        self.raw.expect(r"<handshake\s*/>")
        self.parser = ET.XMLPullParser(("start", "end"))
        self.parser.feed(f"<stream:stream xmlns='{ACCEPT}' xmlns:stream='{STREAM_NS}'>")
        self._feed(self.raw.seen.encode())
        return self

    def send(self, text):
        self.raw.send(text)

    def _feed(self, data):
        self.parser.feed(data)
        for what, element in self.parser.read_events():
            self.depth += 1 if what == "start" else -1
            if what == "start" or self.depth != 1:
                continue
            kind = element.get("type")
            if element.tag == COMPONENT + "iq" and kind in ("result", "error"):
                self.answers[element.get("id")] = element
            else:
                self.others.append(element)

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

    def next(self, name="message"):
        """The next stanza that is no answer; it has that name."""
        deadline = time.monotonic() + SECONDS
        while not self.others:
            self._receive(deadline)
        found = self.others.pop(0)
        assert found.tag == COMPONENT + name, ET.tostring(found)
        return found

    def ask(self, kind, payload, to, sender=None):
        number = f"c{next(self.ids)}"
        self.send(
            f"<iq type='{kind}' id='{number}' from='{sender or self.domain}' to='{to}'>{payload}"
            "</iq>"
        )
        deadline = time.monotonic() + SECONDS
        while number not in self.answers:
            self._receive(deadline)
        return self.answers.pop(number)

    def condition(self):
        """Of the stream error."""
        return self.raw.stream_error()


def condition_of(stanza):
    error = next(child for child in stanza if child.tag.endswith("}error"))
    return re.sub("^{.*}", "", error[0].tag)
