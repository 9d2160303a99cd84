# tests/integration/component.py: an external component on a bare socket (XEP-0114).
import hashlib
import re
import xml.etree.ElementTree as ET

from exchange import Exchange
from raw import STREAM_NS, Raw

ACCEPT = "jabber:component:accept"
COMPONENT = "{" + ACCEPT + "}"


def header(domain, namespace=ACCEPT):
    return (
        f"<stream:stream xmlns='{namespace}' xmlns:stream='{STREAM_NS}' to='{domain}'>"
    )


class Component(Exchange):
    """`answers` are the iqs of type result and error, `others` everything else."""

    def __init__(self, address, domain):
        super().__init__(Raw(address, domain))
        self.domain, self.others = domain, []

    def take(self, element):
        if element.tag == COMPONENT + "iq" and element.get("type") in ("result", "error"):
            return True
        self.others.append(element)
        return False

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
        self.parse_as(ACCEPT)
        return self

    def next(self, name="message"):
        """The next stanza that is no answer; it has that name."""
        found = self.first_of(self.others)
        assert found.tag == COMPONENT + name, ET.tostring(found)
        return found

    def ask(self, kind, payload, to, sender=None):
        return self.request(kind, payload, f" from='{sender or self.domain}' to='{to}'")

    def condition(self):
        """Of the stream error."""
        return self.raw.stream_error()


def condition_of(stanza):
    error = next(child for child in stanza if child.tag.endswith("}error"))
    return re.sub("^{.*}", "", error[0].tag)
