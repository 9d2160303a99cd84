# tests/integration/walk/session.py: a bound resource as its client knows it, over any line.
"""A session counts as XEP-0198 wants it, says again what the server has not handled, and answers
what it is asked. All that comes goes to the ledger."""

import itertools
import xml.etree.ElementTree as ET

from managed import EVENT, SM, STANZAS
from raw import SASL

from .lines import Polled, Tcp, Web

CLIENT = "{jabber:client}"
SASL2 = "urn:xmpp:sasl:2"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
BIND2 = "urn:xmpp:bind:0"
CARBONS = "urn:xmpp:carbons:2"
MAM = "urn:xmpp:mam:2"
QUESTION = "urn:walk:question"
LINES = {
    "starttls": lambda server, bundle: Tcp(server, bundle, True),
    "tls": lambda server, bundle: Tcp(server, bundle, False),
    "websocket": Web,
    "bosh": Polled,
}


def authenticate(line):
    """SASL EXTERNAL, up to the features with which a session is bound or resumed."""
    line.open()
    line.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>")
    answer = line.wait(lambda one: one.tag.startswith(f"{{{SASL}}}"))
    assert answer.tag.endswith("}success"), ET.tostring(answer)
    line.open()


def authenticate2(line, inner):
    """SASL2 with what is to be done with the login; its answer."""
    line.open()
    line.send(
        f"<authenticate xmlns='{SASL2}' mechanism='EXTERNAL'><initial-response/>"
        f"{inner}</authenticate>"
    )
    answer = line.wait(lambda one: one.tag.startswith(f"{{{SASL2}}}"))
    assert answer.tag.endswith("}success"), ET.tostring(answer)
    if answer.find(f"{{{SM}}}resumed") is None:
        line.features()
    return answer


class Session:
    """`state`: on, away (its line is gone, and it may be resumed), over."""

    numbers = itertools.count(1)

    def __init__(self, ledger, bundle, resource):
        self.ledger, self.bundle = ledger, bundle
        self.account, self.resource = bundle.jid.partition("@")[0], resource
        self.bare, self.full = bundle.jid, f"{bundle.jid}/{resource}"
        self.line, self.transport, self.state = None, "", "away"
        self.is_unnoticed = False   # the server may not know that its connection is gone
        self.archived = []   # the ids of what an archive gave
        self.number = None   # the server's
        self.bound_at, self.over_at, self.how = ledger.tick(), None, ""
        self.line_since, self.deaf_since = self.bound_at, None
        # Stream management.
        self.token, self.seconds, self.away_since = None, 0, None
        self.is_counting, self.handled, self.acked = False, 0, 0
        self.sent, self.outgoing, self.answers_requests = 0, [], True
        self.resumed = None
        # Told to the server.
        self.is_present, self.priority = False, 0
        self.is_active, self.willing_since = False, None   # the server is known to know it
        self.copies = False
        self.answers, self.view, self.faults = {}, set(), []
        self.unchecked = set()   # accounts whose presence it may not know

    def __repr__(self):
        return f"{self.account}/{self.resource}#{self.number}({self.state})"

    @property
    def is_managed(self):
        return self.is_counting

    @property
    def is_willing(self):
        return self.is_active and self.priority >= 0

    # --- a line -----------------------------------------------------------------------------

    def connect(self, server, transport):
        self.line, self.transport = LINES[transport](server, self.bundle), transport
        return self.line

    def bind(self, server, transport, way, enable=""):
        """`way`: classic or bind2. `enable`: attributes of <enable/>, or none."""
        line = self.connect(server, transport)
        wish = f"<enable xmlns='{SM}' {enable}/>" if enable else ""
        if way == "bind2":
            answer = authenticate2(
                line, f"<bind xmlns='{BIND2}'><tag>{self.resource}</tag>{wish}</bind>"
            )
            self.full = answer.find(f"{{{SASL2}}}authorization-identifier").text
            self.resource = self.full.partition("/")[2]
            for one in answer.iter(f"{{{SM}}}enabled"):
                self.take(one)
        else:
            authenticate(line)
            line.send(
                f"<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='{BIND}'>"
                f"<resource>{self.resource}</resource></bind></iq>"
            )
            answer = line.wait(lambda one: one.get("id") == "bind")
            assert answer.get("type") == "result", ET.tostring(answer)
        self.state = "on"
        self.line_since = self.ledger.tick()
        if enable and way != "bind2":
            self.enable(enable)
        assert self.is_counting or not enable

    def enable(self, attributes):
        self.line.send(f"<enable xmlns='{SM}' {attributes}/>")
        self.until(lambda: self.is_counting)

    def resume(self, server, transport, way, handled=None):
        """Whether the session goes on; else the answer's condition."""
        line = self.connect(server, transport)
        handled = self.handled if handled is None else handled
        wish = f"<resume xmlns='{SM}' previd='{self.token}' h='{handled}'/>"
        self.resumed = None
        if way == "bind2":
            answer = authenticate2(line, wish)
            for one in answer:
                if one.tag.startswith(f"{{{SM}}}"):
                    self.take(one)
        else:
            authenticate(line)
            line.send(wish)
        self.state = "on"
        self.line_since = self.ledger.tick()
        self.until(lambda: self.resumed is not None or line.closed)
        if self.resumed == "":
            self.acked = handled
            return ""
        self.state = "away"
        line.cut()
        return self.resumed or "closed"

    def cut(self):
        self.line.cut()
        self.state = "away"

    def over(self, how):
        if self.state != "over":
            self.state, self.how, self.over_at = "over", how, self.ledger.tick()

    def is_used(self):
        """It asks something that logs it in, as its presence would."""
        self.is_active = True

    def settled(self):
        """What it said has been taken."""
        if self.is_active and self.willing_since is None:
            self.willing_since = self.ledger.tick()

    # --- what it says -----------------------------------------------------------------------

    def say(self, stanza):
        self.sent += 1
        if self.is_counting:
            self.outgoing.append((self.sent, stanza))
        self.line.send(stanza)

    def iq(self, kind, payload, to="", number=None):
        """A request; its id, under which the answer will be in `answers`."""
        number = number or f"q{next(self.numbers)}"
        to = f" to='{to}'" if to else ""
        self.say(f"<iq xmlns='jabber:client' type='{kind}' id='{number}'{to}>{payload}</iq>")
        return number

    def ask(self, kind, payload, to=""):
        number = self.iq(kind, payload, to)
        self.until(lambda: number in self.answers)
        return self.answers.pop(number)

    def presence(self, inner="", attributes=""):
        self.say(f"<presence xmlns='jabber:client'{attributes}>{inner}</presence>")

    def ack(self, count=None):
        """Of so many stanzas; of all that came."""
        count = self.handled if count is None else count
        self.line.send(f"<a xmlns='{SM}' h='{count}'/>")
        if not self.how:   # else the server may not read it any more
            self.acked = max(self.acked, count)

    # --- what comes -------------------------------------------------------------------------

    def until(self, is_it, seconds=30):
        deadline, self.deaf_since = self.ledger.time() + seconds, None
        while True:
            self.pump()
            if is_it():
                return
            assert not self.line.closed, f"{self} was closed: {self.faults}"
            assert self.ledger.time() < deadline, f"{self}: nothing more came"
            self.line.pause(0.1)

    def is_behind(self, seconds):
        """It has not read for so long."""
        return self.deaf_since is not None and self.ledger.time() - self.deaf_since > seconds

    def pump(self):
        if self.state != "on" or self.deaf_since is not None:
            return
        self.line.fetch()
        while self.line.came:
            self.take(self.line.came.pop(0))

    def take(self, element):
        if element.tag in STANZAS:
            self.handled += self.is_counting
            getattr(self, "take_" + element.tag.removeprefix(CLIENT))(element)
        elif element.tag.startswith(f"{{{SM}}}"):
            self.take_word(element)
        elif element.tag.endswith("}error"):
            self.faults.append(element[0].tag.rpartition("}")[2])

    def take_word(self, element):
        name = element.tag.rpartition("}")[2]
        if name == "r" and self.answers_requests:
            self.ack()
        elif name == "a":
            self.told(int(element.get("h")))
        elif name == "enabled":
            self.token, self.is_counting = element.get("id"), True
            self.handled = self.sent = 0
        elif name == "resumed":
            self.resumed = ""
            self.say_again(int(element.get("h")))
        elif name == "failed":
            self.resumed = element[0].tag.rpartition("}")[2] if len(element) else "failed"

    def told(self, handled):
        """The server has handled so many."""
        assert handled <= self.sent, f"{self}: h={handled} of {self.sent}"
        self.outgoing = [one for one in self.outgoing if one[0] > handled]
        self.ledger.handled(self, handled)

    def say_again(self, handled):
        self.told(handled)
        again, self.outgoing, self.sent = self.outgoing, [], handled
        for _, stanza in again:
            self.say(stanza)

    def take_message(self, element):
        result = element.find(f"{{{MAM}}}result")
        if result is None:
            return self.ledger.message_came(self, element)
        item = result.find(f".//{EVENT}item")
        inner = result.find(f".//{CLIENT}message") if item is None else item
        return self.archived.append(inner.get("id"))

    def take_presence(self, element):
        sender, kind = element.get("from", ""), element.get("type")
        if kind is None:
            self.view.add(sender)
        elif kind == "unavailable":
            self.view.discard(sender)
        elif kind == "subscribe":
            self.presence(attributes=f" type='subscribed' to='{sender}'")

    def take_iq(self, element):
        kind = element.get("type")
        if kind in ("result", "error"):
            self.answers[element.get("id")] = element
            self.ledger.answered(self, element)
        elif element.find(f"{{{QUESTION}}}question") is not None:
            self.ledger.asked(self, element)
        else:   # a push of the server's, or a question about the client's version
            sender = element.get("from")
            to = f" to='{sender}'" if sender else ""
            self.say(f"<iq xmlns='jabber:client' type='result' id='{element.get('id')}'{to}/>")
