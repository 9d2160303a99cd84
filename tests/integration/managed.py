# tests/integration/managed.py: a bare client with stream management that counts right, or wrong.
"""XEP-0198 over raw.Raw: stanzas are counted as they come, tokens kept, acknowledgements sent."""

import itertools
import re
import time
import xml.etree.ElementTree as ET

from gridd import BROKER
from raw import SECONDS, STREAM_NS, Raw

SM = "urn:xmpp:sm:3"
CLIENT = "{jabber:client}"
EVENT = "{http://jabber.org/protocol/pubsub#event}"
PUBSUB = "http://jabber.org/protocol/pubsub"
STANZAS = {CLIENT + name for name in ("iq", "message", "presence")}


class Managed(Raw):
    """`stanzas` are those since `<enabled/>` or `<resumed/>`, `words` the elements of stream
    management; `handled` goes on when the session does."""

    numbers = itertools.count(1)

    def __init__(self, address, domain, source=""):
        super().__init__(address, domain, source)
        self.parser = None
        self.depth = 0
        self.is_counting = False
        self.handled = 0
        self.sent = 0
        self.acknowledged = 0
        self.token = None
        self.answers_requests = True
        self.stanzas = []
        self.words = []
        self.errors = []

    # --- parsing ----------------------------------------------------------------------------

    def parse(self):
        """From here on what comes is parsed as elements."""
        self.seen = ""
        self.depth = 0
        self.parser = ET.XMLPullParser(("start", "end"))
        self.parser.feed(f"<stream:stream xmlns='jabber:client' xmlns:stream='{STREAM_NS}'>")

    def receive(self, deadline):
        before = len(self.seen)
        super().receive(deadline)
        if self.parser is not None and len(self.seen) > before:
            self.feed_seen(before)

    def feed_seen(self, since=0):
        self.parser.feed(self.seen[since:])
        for event, element in self.parser.read_events():
            self.depth += 1 if event == "start" else -1
            if event == "end" and self.depth == 1:
                self.take(element)

    def take(self, element):
        if element.tag in STANZAS:
            self.stanzas.append(element)
            self.handled += self.is_counting
        elif element.tag == f"{{{SM}}}r":
            if self.answers_requests:
                self.ack()
        elif element.tag.startswith(f"{{{SM}}}"):
            name = element.tag.partition("}")[2]
            self.words.append((name, dict(element.attrib), [e.tag for e in element]))
            self.is_counting = self.is_counting or name in ("enabled", "resumed")
            if name == "a":
                self.acknowledged = int(element.get("h"))
        else:
            self.errors.append(element)

    def wait(self, what, seconds=SECONDS):
        deadline = time.monotonic() + seconds
        while not what():
            assert not self.closed, f"closed: {self.seen[-1000:]}"
            self.receive(deadline)

    # --- what a client says -----------------------------------------------------------------

    def say(self, stanza):
        """A stanza, which is counted."""
        self.send(stanza)
        self.sent += 1

    def ack(self, count=None):
        self.send_quietly(f"<a xmlns='{SM}' h='{self.handled if count is None else count}'/>")

    def enable(self, attributes="resume='true'"):
        self.parse()
        self.send(f"<enable xmlns='{SM}' {attributes}/>")
        self.wait(lambda: self.words)
        name, attributes, _ = self.words[0]
        assert name == "enabled", self.words
        self.token = attributes.get("id")
        return attributes

    def authenticated(self, bundle):
        """Up to the features with which a session is bound or resumed."""
        self.starttls(bundle)
        self.open()
        answer = self.authenticate()
        assert "<success" in answer, answer
        self.features = self.open()
        return self

    def ask_to_resume(self, token, handled):
        self.parse()
        self.handled = handled
        self.send(f"<resume xmlns='{SM}' previd='{token}' h='{handled}'/>")

    def try_to_resume(self, bundle, token, handled):
        """The answer: its name, attributes and the tags of its children."""
        self.authenticated(bundle)
        self.ask_to_resume(token, handled)
        self.wait(lambda: self.words or self.errors)
        return self.words[0] if self.words else ("error", {}, [])

    def resume(self, bundle, other):
        """Goes on with the session of another connection."""
        name, attributes, children = self.try_to_resume(bundle, other.token, other.handled)
        assert name == "resumed", (name, attributes, children)
        assert attributes["previd"] == other.token
        self.token = other.token
        self.sent = self.acknowledged = int(attributes["h"])
        return self

    def bind_after_refusal(self, resource):
        self.send(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"<resource>{resource}</resource></bind></iq>"
        )
        self.wait(lambda: any(e.get("id") == "bind" for e in self.stanzas))
        bound = next(e for e in self.stanzas if e.get("id") == "bind")
        assert bound.get("type") == "result", ET.tostring(bound)

    # --- what comes -------------------------------------------------------------------------

    def items(self):
        """The ids of all items so far, in order."""
        return [
            item.get("id")
            for message in self.stanzas
            for item in message.iterfind(f"{EVENT}event/{EVENT}items/{EVENT}item")
        ]

    def wait_items(self, last, seconds=20):
        self.wait(lambda: last in self.items(), seconds)
        return self.items()

    def ask(self, kind, payload, to=BROKER, seconds=20):
        """A request and its answer."""
        name = f"m{next(self.numbers)}"
        self.say(f"<iq type='{kind}' id='{name}' to='{to}'>{payload}</iq>")
        self.wait(lambda: any(e.get("id") == name for e in self.stanzas), seconds)
        return next(e for e in self.stanzas if e.get("id") == name)

    def ping(self):
        return self.ask("get", "<ping xmlns='urn:xmpp:ping'/>", self.domain)

    def publish(self, node, item, payload="<x xmlns='urn:x'/>"):
        self.say(
            f"<iq type='set' id='p-{item}' to='{BROKER}'><pubsub xmlns='{PUBSUB}'><publish "
            f"node='{node}'><item id='{item}'>{payload}</item></publish></pubsub></iq>"
        )

    def cut(self):
        """The connection is gone without a word."""
        self.socket.close()

    def too_high(self):
        """The counts of <handled-count-too-high/>, after which the stream has ended."""
        text = self.until_closed()
        match = re.search(r"<handled-count-too-high [^>]*h='(\d+)' send-count='(\d+)'", text)
        assert match and "<undefined-condition" in text, text[-1000:]
        return int(match.group(1)), int(match.group(2))
