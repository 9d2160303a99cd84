# tests/integration/stanzas.py: a client on a bare stream, and its stanzas.
import xml.etree.ElementTree as ET

from exchange import SECONDS, Exchange
from gridd import BROKER, DOMAIN
from raw import Raw

CLIENT = "{jabber:client}"
PUBSUB = "http://jabber.org/protocol/pubsub"
EVENT = PUBSUB + "#event"
RSM = "http://jabber.org/protocol/rsm"
MAM = "urn:xmpp:mam:2"


def node_form(fields, kind="node_config"):
    inner = "".join(
        f"<field var='{name}'><value>{value}</value></field>" for name, value in fields.items()
    )
    return (
        f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{PUBSUB}#{kind}"
        f"</value></field>{inner}</x>"
    )


class Stanzas(Exchange):
    """A logged-in client; messages wait in `messages` until they are asked for."""

    def __init__(self, server, bundle, resource="one", presence="<presence/>"):
        super().__init__(Raw(server.c2s, DOMAIN).login(bundle, resource))
        self.bare, self.full = bundle.jid, f"{bundle.jid}/{resource}"
        self.messages = []
        self.parse_as("jabber:client")
        if presence:
            self.send(presence)

    def take(self, element):
        if element.tag == CLIENT + "message":
            self.messages.append(element)
        return element.tag == CLIENT + "iq"

    def goodbye(self):
        """Says that it has read all that was sent, and goes."""
        self.ping()
        self.send("</stream:stream>")
        self.raw.until_closed(SECONDS)
        self.close()

    def ask(self, kind, payload, to=BROKER, seconds=SECONDS):
        """The answer to an iq, whatever it is."""
        return self.request(kind, payload, f" to='{to}'", seconds)

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
        return self.first_of(self.messages, seconds)

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
