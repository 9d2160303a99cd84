# tests/integration/talker.py: a bare client that asks and waits for each answer.
"""For tests that need many requests in a known order, one after the other."""

import itertools
import re

from gridd import BROKER
from raw import Raw

PUBSUB = "http://jabber.org/protocol/pubsub"


class Talker(Raw):
    """Logged in with a certificate; `ask` gives the whole answer as text."""

    numbers = itertools.count(1)

    def ask(self, kind, payload, to=BROKER, seconds=20):
        number = f"q{next(self.numbers)}"
        self.send(f"<iq type='{kind}' id='{number}' to='{to}'>{payload}</iq>")
        answer = self.expect(
            rf"<iq (?:[^>]*? )?id=['\"]{number}['\"][^>]*?(?:/>|>.*?</iq>)", seconds
        )
        return answer.group()

    def pubsub(self, kind, inner, owner=False):
        space = PUBSUB + ("#owner" if owner else "")
        return self.ask(kind, f"<pubsub xmlns='{space}'>{inner}</pubsub>")

    def does(self, inner, owner=False):
        answer = self.pubsub("set", inner, owner)
        assert re.search(r"type=['\"]result['\"]", answer), answer
        return answer

    def is_refused(self, inner, owner=False):
        answer = self.pubsub("set", inner, owner)
        assert re.search(r"type=['\"]error['\"]", answer), answer
        return answer

    def publish(self, node, text="x", item=""):
        item = f" id='{item}'" if item else ""
        return (
            f"<publish node='{node}'><item{item}><alert xmlns='urn:x:alert'>{text}</alert></item>"
            "</publish>"
        )

    def presence(self):
        """Login; the answer to a ping behind it says that it was taken."""
        self.send("<presence/>")
        self.ask("get", "<ping xmlns='urn:xmpp:ping'/>", self.domain)


def form(kind, **fields):
    """A submitted form of XEP-0060."""
    lines = "".join(
        f"<field var='pubsub#{name}'><value>{value}</value></field>"
        for name, value in fields.items()
    )
    return (
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
        f"<value>{PUBSUB}#{kind}</value></field>{lines}</x>"
    )
