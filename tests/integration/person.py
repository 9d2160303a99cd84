# tests/integration/person.py: a client that hears presence and roster pushes, in their order.
"""What comes is noted in words, `bob/desk available away`, `bob subscribe`, `push bob both`, and
asked for with `hears` and `quiet`. Names are local parts of the grid's domain."""

import time
import xml.etree.ElementTree as ET

from exchange import SECONDS
from gridd import DOMAIN
from stanzas import CLIENT, Stanzas, refusal

ROSTER = "jabber:iq:roster"
INFO = "http://jabber.org/protocol/disco#info"


def address(name):
    """Of a local part, with a resource or without; any other address is itself."""
    account, slash, resource = name.partition("/")
    return name if "@" in name or "." in account else f"{account}@{DOMAIN}{slash}{resource}"


def short(jid):
    return (jid or "").replace("@" + DOMAIN, "")


def word_of_item(item):
    """`bob both [ask] [approved] ["Bob"] [(friends, work)]`."""
    words = [short(item.get("jid")), item.get("subscription", "none")]
    words += ["ask"] if item.get("ask") == "subscribe" else []
    words += ["approved"] if item.get("approved") == "true" else []
    words += [f'"{item.get("name")}"'] if item.get("name") else []
    groups = [group.text for group in item.findall(f"{{{ROSTER}}}group")]
    words += [f"({', '.join(groups)})"] if groups else []
    return " ".join(words)


def word_of_presence(presence):
    words = [short(presence.get("from")), presence.get("type", "available")]
    for name in ("show", "status", "priority"):
        child = presence.find(CLIENT + name)
        words += [child.text] if child is not None else []
    error = presence.find(CLIENT + "error")
    words += [error[0].tag.rpartition("}")[2]] if error is not None else []
    return " ".join(words)


class Person(Stanzas):
    """Logged in without presence; `presence` is its first stanza where it is given."""

    def __init__(self, server, bundle, resource="one", presence=None):
        self.heard, self.versions, self.stanzas = [], [], []
        super().__init__(server, bundle, resource, presence)

    def take(self, element):
        if element.tag == CLIENT + "presence":
            self.heard.append(word_of_presence(element))
            self.stanzas.append(element)
        elif element.tag == CLIENT + "iq" and element.get("type") == "set":
            query = element.find(f"{{{ROSTER}}}query")
            assert query is not None and len(query) == 1, ET.tostring(element)
            assert element.get("to") == self.full and element.get("from") in (None, self.bare)
            self.versions.append(query.get("ver"))
            self.heard.append("push " + word_of_item(query[0]))
            self.send(f"<iq type='result' id='{element.get('id')}'/>")
        elif element.tag == CLIENT + "iq" and element.get("type") == "get":
            self.asked(element)
        else:
            return super().take(element)
        return False

    def asked(self, question):
        """By the server or another client; what answers is a class of its own."""

    def says(self, kind=None, to=None, inside="", **attributes):
        """A presence."""
        attributes = {"type": kind, "to": to and address(to), **attributes}
        text = "".join(f" {name}='{value}'" for name, value in attributes.items() if value)
        self.send(f"<presence{text}>{inside}</presence>")

    def sync(self):
        """What it sent was taken, and what follows from it was begun: twice through the core."""
        for _ in range(2):
            self.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)

    def hears(self, *words, seconds=SECONDS):
        """Exactly these come next, in this order."""
        deadline = time.monotonic() + seconds
        while len(self.heard) < len(words) and self.heard == list(words[: len(self.heard)]):
            self._receive(deadline)
        heard, self.heard = self.heard[: len(words)], self.heard[len(words) :]
        assert heard == list(words), f"{heard} and not {list(words)}"

    def hears_all(self, *words, seconds=SECONDS):
        """These come next, in any order."""
        deadline = time.monotonic() + seconds
        while len(self.heard) < len(words):
            self._receive(deadline)
        heard, self.heard = self.heard[: len(words)], self.heard[len(words) :]
        assert sorted(heard) == sorted(words), f"{heard} and not {list(words)}"

    def forget_own(self):
        """What it said itself, and its account's other sessions."""
        own = short(self.bare) + "/"
        self.heard = [word for word in self.heard if not word.startswith(own)]

    def quiet(self):
        """Nothing came but what was asked for."""
        self.sync()
        assert not self.heard, self.heard

    def quiet_of_items(self):
        self.sync()
        super().quiet()

    def query(self, kind, inner="", attributes="", to=None):
        to = f" to='{to}'" if to else ""
        return self.request(kind, f"<query xmlns='{ROSTER}'{attributes}>{inner}</query>", to)

    def roster(self, version=None):
        """The items as words, sorted; None: the server said that nothing more is to be said."""
        attributes = "" if version is None else f" ver='{version}'"
        answer = self.query("get", attributes=attributes)
        assert answer.get("type") == "result", ET.tostring(answer)
        if len(answer) == 0:
            return None
        self.versions.append(answer[0].get("ver"))
        return sorted(word_of_item(item) for item in answer[0])

    def puts(self, contact, /, inner="", **attributes):
        text = "".join(f" {key}='{value}'" for key, value in attributes.items())
        return self.query("set", f"<item jid='{address(contact)}'{text}>{inner}</item>")

    def put(self, contact, /, inner="", **attributes):
        answer = self.puts(contact, inner, **attributes)
        assert answer.get("type") == "result" and len(answer) == 0, ET.tostring(answer)

    def refused(self, contact, /, inner="", **attributes):
        return refusal(self.puts(contact, inner, **attributes))[0]
