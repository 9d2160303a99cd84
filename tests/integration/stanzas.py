# tests/integration/stanzas.py: stanzas of a bare stream, taken apart by a parser of their own.
"""The client speaks bytes; what comes back goes through Python's expat as one document, so that a
stanza which is no XML, or not what was meant, is noticed."""

import itertools
import time
import xml.etree.ElementTree as ET

from gridd import BROKER, DOMAIN
from raw import STREAM_NS, Raw

CLIENT = "{jabber:client}"
PUBSUB = "http://jabber.org/protocol/pubsub"
EVENT = PUBSUB + "#event"
RSM = "http://jabber.org/protocol/rsm"
MAM = "urn:xmpp:mam:2"
SECONDS = 60


def node_form(fields, kind="node_config"):
    inner = "".join(
        f"<field var='{name}'><value>{value}</value></field>" for name, value in fields.items()
    )
    return (
        f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{PUBSUB}#{kind}"
        f"</value></field>{inner}</x>"
    )


class Stanzas:
    """A logged-in client; messages wait in `messages` until they are asked for."""

    def __init__(self, server, bundle, resource="one", presence="<presence/>"):
        self.raw = Raw(server.c2s, DOMAIN).login(bundle, resource)
        self.bare, self.full = bundle.jid, f"{bundle.jid}/{resource}"
        self.parser = ET.XMLPullParser(("start", "end"))
        self.parser.feed(f"<stream xmlns='jabber:client' xmlns:stream='{STREAM_NS}'>")
        self.depth, self.ids = 0, itertools.count(1)
        self.messages, self.answers = [], {}
        self._feed(self.raw.seen.encode())
        if presence:
            self.send(presence)

    def close(self):
        self.raw.socket.close()

    def goodbye(self):
        """Says that it has read all that was sent, and goes."""
        self.ping()
        self.send("</stream:stream>")
        self.raw.until_closed(SECONDS)
        self.close()

    def send(self, text):
        self.raw.send(text)

    def _feed(self, data):
        self.parser.feed(data)
        for what, element in self.parser.read_events():
            self.depth += 1 if what == "start" else -1
            if what == "start" or self.depth != 1:
                continue
            if element.tag == CLIENT + "iq":
                self.answers[element.get("id")] = element
            elif element.tag == CLIENT + "message":
                self.messages.append(element)

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

    def ask(self, kind, payload, to=BROKER, seconds=SECONDS):
        """The answer to an iq, whatever it is."""
        number = f"q{next(self.ids)}"
        self.send(f"<iq type='{kind}' id='{number}' to='{to}'>{payload}</iq>")
        deadline = time.monotonic() + seconds
        while number not in self.answers:
            self._receive(deadline)
        return self.answers.pop(number)

    def pubsub(self, kind, inner, owner=False):
        return self.ask(kind, f"<pubsub xmlns='{PUBSUB}{'#owner' * owner}'>{inner}</pubsub>")

    def ok(self, kind, inner, owner=False):
        answer = self.pubsub(kind, inner, owner)
        assert answer.get("type") == "result", ET.tostring(answer)
        return answer

    def error(self, kind, inner, owner=False):
        """Condition, pubsub condition and text of the refusal."""
        return refusal(self.pubsub(kind, inner, owner))

    def ping(self):
        answer = self.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)
        assert answer.get("type") == "result"

    def message(self, seconds=SECONDS):
        """The next one."""
        deadline = time.monotonic() + seconds
        while not self.messages:
            self._receive(deadline)
        return self.messages.pop(0)

    def item(self, seconds=SECONDS):
        """Id and payload of the next event with an item, and the message."""
        while True:
            message = self.message(seconds)
            found = message.find(f"{{{EVENT}}}event/{{{EVENT}}}items/{{{EVENT}}}item")
            if found is not None:
                return found.get("id"), (found[0] if len(found) else None), message

    def quiet(self):
        """What was due has come: nothing with an item waits."""
        self.ping()
        left = [m for m in self.messages if m.find(f".//{{{EVENT}}}item") is not None]
        assert not left, [ET.tostring(m) for m in left]
        self.messages.clear()

    # --- one node ---------------------------------------------------------------------------

    def create(self, node, **fields):
        form = node_form({f"pubsub#{name}": value for name, value in fields.items()})
        self.ok("set", f"<create node='{node}'/><configure>{form}</configure>")

    def configure(self, node, **fields):
        form = node_form({f"pubsub#{name}": value for name, value in fields.items()})
        self.ok("set", f"<configure node='{node}'>{form}</configure>", owner=True)

    def publish(self, node, item, payload=None, around=""):
        payload = payload or f"<x xmlns='urn:x'>{item}</x>"
        return self.ok(
            "set", f"<publish node='{node}'><item id='{item}'{around}>{payload}</item></publish>"
        )

    def subscribe(self, node, jid=None, **options):
        """The subid; `filter` is x-grid#filter."""
        fields = {
            ("x-grid#filter" if name == "filter" else f"pubsub#{name}"): value
            for name, value in options.items()
        }
        form = node_form(fields, "subscribe_options")
        answer = self.ok(
            "set",
            f"<subscribe node='{node}' jid='{jid or self.bare}'/>"
            + (f"<options>{form}</options>" if options else ""),
        )
        return answer.find(f".//{{{PUBSUB}}}subscription").get("subid")

    def items(self, node, inner="", attributes="", rsm=""):
        """What an answer has: {id: payload}, in order."""
        rsm = f"<set xmlns='{RSM}'>{rsm}</set>" if rsm else ""
        answer = self.ok("get", f"<items node='{node}'{attributes}>{inner}</items>{rsm}")
        return {
            item.get("id"): (item[0] if len(item) else None)
            for item in answer.iter(f"{{{PUBSUB}}}item")
        }, answer

    def archive(self, node, inner=""):
        """Cursors and ids of what comes, the payloads, and the answer."""
        self.ping()
        self.messages.clear()
        answer = self.ask("set", f"<query xmlns='{MAM}' node='{node}'>{inner}</query>")
        found = []
        for message in self.messages:
            result = message.find(f"{{{MAM}}}result")
            item = message.find(f".//{{{EVENT}}}item")
            found.append((result.get("id"), item.get("id"), item[0] if len(item) else None))
        self.messages.clear()
        return found, answer


def refusal(answer):
    assert answer.get("type") == "error", ET.tostring(answer)
    error = answer.find(f"{CLIENT}error")
    names = [child.tag.rpartition("}")[2] for child in error if not child.tag.endswith("}text")]
    text = "".join(child.text or "" for child in error if child.tag.endswith("}text"))
    return [*names, ""][:2] + [text]


def cursors(answer, kind=RSM):
    """<first>, <last> and <count> of an answer."""
    found = {}
    for name in ("first", "last", "count"):
        element = answer.find(f".//{{{kind}}}{name}")
        found[name] = None if element is None else element.text
    return found


def canonical(element):
    """C14N 2.0, without the spelling of prefixes."""
    element.tail = None
    return ET.canonicalize(ET.tostring(element, encoding="unicode"), rewrite_prefixes=True)
