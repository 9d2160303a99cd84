# tests/integration/topic.py: one client on a bare stream that publishes to and reads one topic.
"""Each request waits for its own answer, so that a test reads like what happened."""

import itertools
import re
import time

from gridd import BROKER, DOMAIN
from raw import Raw

PUBSUB = "http://jabber.org/protocol/pubsub"


class Topic:
    """Logs in, and speaks of one node."""

    def __init__(
        self, server, bundle, node="alerts", resource="raw", source="", payload="urn:x:alert"
    ):
        self.raw = Raw(server.c2s, DOMAIN, source).login(bundle, resource)
        self.node, self.payload = node, payload
        self.ids = itertools.count(1)

    def close(self):
        self.raw.socket.close()

    def send(self, kind, payload, to=BROKER):
        """Sends an iq; its id."""
        number = f"{kind}{next(self.ids)}"
        self.raw.send(f"<iq type='{kind}' id='{number}' to='{to}'>{payload}</iq>")
        return number

    def take(self, pattern, seconds):
        """Waits for it and takes it out; what else came, before or after, stays."""
        deadline = time.monotonic() + seconds
        while not (match := re.search(pattern, self.raw.seen, re.DOTALL)):
            if self.raw.closed:
                raise AssertionError(f"closed without {pattern!r}: {self.raw.seen[-1000:]}")
            self.raw.receive(deadline)
        self.raw.seen = self.raw.seen[: match.start()] + self.raw.seen[match.end() :]
        return match

    def answer(self, number, seconds=20):
        """The condition of the error, or "ok"; and the whole answer."""
        found = self.take(
            rf"<iq\b(?=[^>]*\bid='{number}')[^>]*?(?:/>|>.*?</iq>)", seconds
        ).group()
        if "type='result'" in found:
            return "ok", found
        return re.search(r"<error[^>]*><([a-z-]+)", found).group(1), found

    def ask(self, kind, payload, to=BROKER, seconds=20):
        return self.answer(self.send(kind, payload, to), seconds)

    def pubsub(self, kind, inner):
        return self.ask(kind, f"<pubsub xmlns='{PUBSUB}'>{inner}</pubsub>")

    def create(self, **fields):
        form = "".join(
            f"<field var='pubsub#{name}'><value>{value}</value></field>"
            for name, value in fields.items()
        )
        kind = f"{PUBSUB}#node_config"
        return self.pubsub(
            "set",
            f"<create node='{self.node}'/><configure><x xmlns='jabber:x:data' type='submit'>"
            f"<field var='FORM_TYPE'><value>{kind}</value></field>{form}</x></configure>",
        )

    def subscribe(self, jid):
        return self.pubsub("set", f"<subscribe node='{self.node}' jid='{jid}'/>")

    def publication(self, item):
        return (
            f"<pubsub xmlns='{PUBSUB}'><publish node='{self.node}'><item id='{item}'>"
            f"<alert xmlns='{self.payload}'>{item}</alert></item></publish></pubsub>"
        )

    def publish(self, item):
        return self.ask("set", self.publication(item))

    def items(self):
        """The ids that a retrieval shows, with RSM as far as it goes."""
        ids, after = [], ""
        while True:
            rsm = f"<set xmlns='http://jabber.org/protocol/rsm'><max>100</max>{after}</set>"
            said, whole = self.pubsub("get", f"<items node='{self.node}'/>{rsm}")
            if said != "ok":
                return said
            page = re.findall(r"<item id='([^']*)'", whole)
            if not page:
                return ids
            ids += page
            after = f"<after>{re.search('<last>(.*?)</last>', whole).group(1)}</after>"

    def ping(self):
        return self.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)[0]

    def event(self, seconds=10):
        """The id of the next item, or "-id" of the next retracted one, that it is told of."""
        found = self.take(r"<(item|retract) id='([^']*)'", seconds)
        return found.group(2) if found.group(1) == "item" else "-" + found.group(2)
