# tests/integration/fan.py: a client that says which events it wants, by its capabilities.
"""XEP-0115 and `+notify` on a bare stream, and requests to the own account or a contact's."""

import base64
import hashlib
import xml.etree.ElementTree as ET

from gridd import DOMAIN
from person import INFO, Person, address
from stanzas import EVENT, PUBSUB, node_form, refusal

CAPS = "http://jabber.org/protocol/caps"
ITEMS = "http://jabber.org/protocol/disco#items"
DELAY = "{urn:xmpp:delay}delay"
PROGRAM = "https://example.com/program"


def version(features, name="sha-1"):
    """XEP-0115 §5.1, of a client with one identity."""
    text = "client/pc//<" + "".join(feature + "<" for feature in sorted(features))
    digest = hashlib.new(name.replace("sha-1", "sha1"), text.encode()).digest()
    return base64.b64encode(digest).decode()


class Fan(Person):
    """Available, and known to ask for those nodes; `questions` counts what it was asked."""

    def __init__(self, server, bundle, resource="one", wants=(), presence=True):
        self.features, self.questions, self.is_mute = (), 0, False
        super().__init__(server, bundle, resource)
        if presence:
            self.wants(*wants)

    def wants(self, *nodes, ver=None, hash_name="sha-1"):
        """Says so, and is heard."""
        self.features = (INFO, *(node + "+notify" for node in nodes))
        ver = ver or version(self.features, hash_name)
        self.says(inside=f"<c xmlns='{CAPS}' hash='{hash_name}' node='{PROGRAM}' ver='{ver}'/>")
        self.sync()
        self.heard.clear()

    def asked(self, question):
        self.questions += 1
        assert question.get("from") == DOMAIN and question[0].get("node").startswith(PROGRAM + "#")
        if self.is_mute:
            return
        features = "".join(f"<feature var='{feature}'/>" for feature in self.features)
        self.send(
            f"<iq type='result' id='{question.get('id')}' to='{DOMAIN}'><query xmlns='{INFO}' "
            f"node='{question[0].get('node')}'><identity category='client' type='pc'/>{features}"
            "</query></iq>"
        )

    # --- requests to an account --------------------------------------------------------------

    def of(self, kind, inner, name=None, owner=False):
        """The answer of that account, the own one without a name."""
        payload = f"<pubsub xmlns='{PUBSUB}{'#owner' * owner}'>{inner}</pubsub>"
        return self.ask(kind, payload, address(name) if name else self.bare)

    def done(self, kind, inner, name=None, owner=False):
        answer = self.of(kind, inner, name, owner)
        assert answer.get("type") == "result", ET.tostring(answer)
        return answer

    def refused_by(self, name, kind, inner, owner=False):
        """Condition and pubsub condition."""
        return refusal(self.of(kind, inner, name, owner))[:2]

    def publishes(self, node, item="current", text="x", name=None, options=None):
        form = node_form(options or {}, "publish-options")
        return self.of(
            "set",
            f"<publish node='{node}'><item id='{item}'><x xmlns='urn:x'>{text}</x></item></publish>"
            + (f"<publish-options>{form}</publish-options>" if options else ""),
            name,
        )

    def has_published(self, *arguments, **options):
        answer = self.publishes(*arguments, **options)
        assert answer.get("type") == "result", ET.tostring(answer)

    def texts(self, node, name=None):
        answer = self.done("get", f"<items node='{node}'/>", name)
        return [item[0].text for item in answer.iter(f"{{{PUBSUB}}}item")]

    def nodes(self, name=None):
        answer = self.ask("get", f"<query xmlns='{ITEMS}'/>", address(name) if name else self.bare)
        assert answer.get("type") == "result", ET.tostring(answer)
        return [item.get("node") for item in answer[0]]

    def info(self, name=None, node=None):
        """Identities and features, or the refusal's condition."""
        node = f" node='{node}'" if node else ""
        answer = self.ask(
            "get", f"<query xmlns='{INFO}'{node}/>", address(name) if name else self.bare
        )
        if answer.get("type") == "error":
            return refusal(answer)[0]
        found = {f"{one.get('category')}/{one.get('type')}" for one in answer[0] if one.get("type")}
        return found | {one.get("var") for one in answer[0] if one.get("var")}

    # --- events ------------------------------------------------------------------------------

    def is_told(self, name, node, text, late=False, item="current"):
        """The next event: of that account."""
        message = self.message()
        items = message.find(f"{{{EVENT}}}event/{{{EVENT}}}items")
        assert items is not None, ET.tostring(message)
        assert message.get("from") == address(name), ET.tostring(message)
        assert message.get("to") == self.full and message.get("type") == "headline"
        found = (items.get("node"), items[0].get("id"), items[0][0].text)
        assert found == (node, item, text), ET.tostring(message)
        assert (message.find(DELAY) is not None) == late, ET.tostring(message)

    def is_told_nothing(self):
        self.sync()
        assert not self.messages, [ET.tostring(one) for one in self.messages]
