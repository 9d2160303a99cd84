# tests/integration/walk/ledger.py: messages, questions and items of a walk, and the rules for them.
"""Times are ticks, one for each thing that happens in a walk. A fault is a sentence."""

import itertools
import random
import time

from gridd import BROKER

CLIENT = "{jabber:client}"
CARBONS = "{urn:xmpp:carbons:2}"
FORWARDED = "{urn:xmpp:forward:0}forwarded"
DELAY = "{urn:xmpp:delay}delay"
REFUSAL = (
    "<error type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
)
EVENT = "{http://jabber.org/protocol/pubsub#event}"


class Message:
    """Of one client to another. `expected`: who must get it and how, where that is known for sure;
    None: the walk did not wait for what was under way."""

    def __init__(self, number, sender, account, resource, kind, hints, at):
        self.number, self.sender = number, sender
        self.account, self.resource, self.kind, self.hints = account, resource, kind, hints
        self.at, self.place = at, sender.sent + 1
        self.is_accepted, self.error = False, None
        self.expected, self.is_stored = None, False
        self.receipts = []
        self.may_be_lost = ""
        self.left_at = None   # since when it may have been handed on

    def __repr__(self):
        to = f"{self.account}/{self.resource}" if self.resource else self.account
        return f"{self.number} ({self.kind}{self.hints or ''}, {self.sender} to {to})"

    @property
    def waits(self):
        """It may wait for an account that is away (XEP-0160)."""
        return self.kind in ("chat", "normal") and "no-store" not in self.hints

    @property
    def is_owed(self):
        """Its sender may be gone when it would go back: of one resource alone a chat waits."""
        return self.waits and (self.kind == "chat" or self.resource is None)

    @property
    def is_copied(self):
        return self.kind in ("chat", "normal") and "no-copy" not in self.hints

    @property
    def is_archived(self):
        return self.waits and "no-permanent-store" not in self.hints

    @property
    def readers(self):
        return [one.session for one in self.receipts if one.form != "sent"]


class Receipt:
    def __init__(self, session, form, is_delayed, at):
        self.session, self.form, self.is_delayed, self.at = session, form, is_delayed, at
        self.place = session.handled if session.is_managed else 0   # among those that count
        self.certain_at = None   # since when the server knows that it has arrived

    def __repr__(self):
        return (
            f"{self.form}{' late' * self.is_delayed} at {self.session} at {self.at} as {self.place}"
            f", certain {self.certain_at}"
        )


class Item:
    def __init__(self, node, number, session, at):
        self.node, self.number, self.session, self.at = node, number, session, at
        self.accepted_at, self.is_refused = None, False
        self.gone_at = None   # since when it is retracted or purged
        self.came = []   # (session, address, tick)

    def __repr__(self):
        return f"{self.number} of {self.node}"


class Subscription:
    def __init__(self, session, node, address, kind, at):
        self.session, self.node, self.address, self.kind = session, node, address, kind
        self.asked_at, self.made_at = at, None
        self.ending_at, self.over_at = None, None

    def __repr__(self):
        return f"subscription of {self.address} to {self.node} {self.kind}"


class Ledger:
    def __init__(self, seed):
        self.seed, self.ticks = seed, itertools.count(1)
        self.faults, self.story = [], []
        self.messages, self.items, self.subscriptions = {}, {}, []
        self.questions = {}
        self.publishes, self.answer_of = {}, {}
        self.sessions = []
        self.killed_at = [0]
        self.children = {}   # of collections

    def tick(self):
        return next(self.ticks)

    @staticmethod
    def time():
        return time.monotonic()

    def fault(self, text):
        if text not in self.faults:
            self.faults.append(text)
            self.story.append("FAULT " + text)

    def note(self, text):
        self.story.append(text)

    def of(self, account):
        return [one for one in self.sessions if one.account == account]

    # --- messages ---------------------------------------------------------------------------

    def say(self, sender, account, resource, kind, hints, inner=""):
        number = f"m{len(self.messages) + 1}"
        message = Message(number, sender, account, resource, kind, hints, self.tick())
        self.messages[number] = message
        domain = sender.bare.partition("@")[2]
        to = f"{account}@{domain}" + (f"/{resource}" if resource else "")
        hints = "".join(f"<{hint} xmlns='urn:xmpp:hints'/>" for hint in hints)
        sender.say(
            f"<message xmlns='jabber:client' type='{kind}' id='{number}' to='{to}'>"
            f"<body>{number}</body>{hints}{inner}</message>"
        )
        return message

    def handled(self, session, count):
        for message in self.messages.values():
            if message.sender is session and message.place <= count:
                message.is_accepted = True

    def settled(self, session):
        """All that it said was taken, and what was sent to it has come."""
        for message in self.messages.values():
            if message.sender is session:
                message.is_accepted = True

    def message_came(self, session, element):
        if element.find(f"{EVENT}event") is not None:
            return self.event_came(session, element)
        if element.get("type") == "error":
            message = self.messages.get(element.get("id"))
            if message and message.sender is session:
                message.error = element.find(f"{CLIENT}error")[0].tag.rpartition("}")[2]
            return None
        for form in ("received", "sent"):
            inner = element.find(f"{CARBONS}{form}/{FORWARDED}/{CLIENT}message")
            if inner is not None:
                return self.read(session, inner, form, inner.find(DELAY) is not None)
        if element.get("id") in self.messages:
            return self.read(session, element, "direct", element.find(DELAY) is not None)
        return None

    def read(self, session, element, form, is_delayed):
        message = self.messages.get(element.get("id"))
        if message is None:   # the copy of an error
            return
        owner = message.sender.account if form == "sent" else message.account
        if session.account != owner:
            self.fault(f"{session} got {message}, which is not for it ({form})")
        again = [
            one for one in message.receipts
            if one.session is session and (one.form == "sent") == (form == "sent")
        ]
        if again:
            self.fault(f"{session} got {message} twice: {again[0].form}, {form}")
        receipt = Receipt(session, form, is_delayed, self.tick())
        if form != "sent":
            self.check_read_before(message, receipt)
        if form == "direct":
            self.check_order(message, receipt)
        message.receipts.append(receipt)
        if message.expected is not None and not is_delayed and element.get("type") != "error":
            if message.expected.get(session) != form:
                self.fault(
                    f"{session} got {message} as {form} and not {message.expected.get(session)}"
                )

    def check_read_before(self, message, receipt):
        """A session that began when the message had been read does not get it. Where two were given
        what had waited, one after the other, the acknowledgement of the second one counts."""
        if len({one.session for one in message.receipts if one.is_delayed}) > 1:
            return
        for one in message.receipts:
            read_at = one.certain_at
            if one.form == "sent" or read_at is None or one.session is receipt.session:
                continue
            if receipt.session.bound_at > read_at and self.killed_at[-1] < read_at:
                self.fault(
                    f"{receipt.session} got {message} ({receipt.form}), which {one.session} "
                    f"had read: {message.receipts}"
                )

    def note_certain(self, acked):
        """What clients had acknowledged, by session, the server has heard."""
        at = self.tick()
        for message in self.messages.values():
            for one in message.receipts:
                if one.certain_at is not None:
                    continue
                session = one.session
                if session.state != "on" and session.how != "goodbye":
                    continue
                if session.is_managed:
                    is_certain = 0 < one.place <= acked.get(session, 0)
                else:   # the server cannot know what is read live
                    is_certain = one.is_delayed and session.how == "goodbye"
                if is_certain:
                    one.certain_at = at

    def may_have_left(self, account, since):
        """A session of that account may have left something unread since then."""
        return any(
            one.state != "on" or one.line_since > since
            for one in self.of(account) if one.over_at is None or one.over_at > since
        )

    def check_order(self, message, receipt):
        for other in self.messages.values():
            if other.sender is not message.sender or other.at <= message.at:
                continue
            for one in other.receipts:
                if one.session is not receipt.session or one.form != "direct":
                    continue
                if receipt.is_delayed and (
                    other.resource != message.resource or not other.waits
                    or self.may_have_left(message.account, message.at)
                ):
                    continue
                self.fault(f"{receipt.session} got {message} after {other}")

    def check_exact(self, settled):
        """Of messages whose ways were known: they have come where they were to come."""
        missing = []
        for message in self.messages.values():
            for session, form in (message.expected or {}).items():
                if session not in settled or session.line_since > message.at:
                    continue
                if not any(
                    one.session is session and one.form == form for one in message.receipts
                ):
                    missing.append(f"{session} has not got {message} as {form}")
        return missing

    def judge_messages(self, archives):
        for message in self.messages.values():
            if archives is not None and message.is_archived and message.may_be_lost != "disabled":
                self.judge_archives(message, archives)
            if not message.is_accepted or message.error or message.readers:
                continue
            if message.is_owed and not message.may_be_lost:
                self.fault(f"{message} was lost")

    def judge_archives(self, message, archives):
        for account in {message.account, message.sender.account}:
            times = archives[account].count(message.number)
            if times > 1 or (message.is_accepted and not message.error and times == 0):
                self.fault(f"{message} is {times} times in the archive of {account}")

    # --- questions --------------------------------------------------------------------------

    def question(self, asker, to):
        number = f"i{len(self.questions) + 1}"
        self.questions[number] = [asker, to, [], []]
        if to != asker.bare:   # which the server answers itself
            asker.is_used()
        asker.iq("get", "<question xmlns='urn:walk:question'/>", to, number)

    def asked(self, session, element):
        number = element.get("id")
        asked_at = self.questions[number][3]
        if session in asked_at:
            self.fault(f"{session} was asked {number} twice")
        asked_at.append(session)
        reply = random.Random(f"{self.seed}/{number}").random()
        if reply < 0.15:
            return
        kind = "result" if reply < 0.8 else "error"
        session.say(
            f"<iq xmlns='jabber:client' type='{kind}' id='{number}' to='{element.get('from')}'>"
            f"{REFUSAL if kind == 'error' else ''}</iq>"
        )

    def answered(self, session, element):
        number = element.get("id")
        if number in self.questions:
            asker, to, answers, _ = self.questions[number]
            answers.append(element.get("type"))
            if asker is not session or len(answers) > 1:
                self.fault(f"{session} got for {number} to {to} of {asker}: {answers}")
        if number in self.publishes:
            self.published(number, element)

    def unanswered(self):
        return [
            f"{asker} got no answer to {number} to {to}, which {asked} got"
            for number, (asker, to, answers, asked) in self.questions.items()
            if asker.state == "on" and not answers
        ]

    # --- items ------------------------------------------------------------------------------

    def publish(self, session, node, payload="<x xmlns='urn:x'/>"):
        number = f"{node}-{len(self.items) + 1}"
        item = self.items[number] = Item(node, number, session, self.tick())
        self.publishes[f"p-{number}"] = item
        session.is_used()
        session.iq(
            "set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
            f"<publish node='{node}'><item id='{number}'>{payload}</item></publish></pubsub>",
            BROKER, f"p-{number}",
        )
        return item

    def published(self, number, element):
        item = self.publishes[number]
        if item.accepted_at or item.is_refused:
            self.fault(f"the publish of {item} was answered twice")
        if element.get("type") == "result":
            item.accepted_at = self.tick()
        else:
            item.is_refused = True

    def event_came(self, session, message):
        to = message.get("to", session.full)
        for items in message.iterfind(f"{EVENT}event/{EVENT}items"):
            for one in items.iterfind(f"{EVENT}item"):
                item = self.items.get(one.get("id"))
                if item is None or item.node != items.get("node"):
                    self.fault(f"{session} got {one.get('id')} of {items.get('node')}")
                else:
                    self.item_came(session, to, item)

    def covering(self, address, node):
        return [
            one for one in self.subscriptions
            if one.address == address
            and (one.node == node or node in self.children.get(one.node, ()))
        ]

    def item_came(self, session, to, item):
        subscriptions = self.covering(to, item.node)
        at = self.tick()
        if not any(
            (one.over_at is None or item.at < one.over_at)
            and (item.accepted_at is None or item.accepted_at > one.asked_at)
            for one in subscriptions
        ):
            self.fault(f"{session} got {item} for {to} without a right: {subscriptions}")
        is_plain = all("digest" not in one.kind for one in subscriptions)
        if is_plain and any(one[:2] == (session, to) for one in item.came):
            self.fault(f"{session} got {item} for {to} twice")
        if item.gone_at and session.bound_at > item.gone_at:
            self.fault(f"{session} got {item}, which was retracted before it began")
        item.came.append((session, to, at))

    def check_live(self, settled):
        """Each session that is there has got what was published since."""
        missing = []
        for item in self.items.values():
            if item.accepted_at is None or item.gone_at:
                continue
            for session in settled:
                if session.willing_since is None or session.willing_since > item.at:
                    continue
                for address in (session.bare, session.full):
                    if address == session.bare and not session.is_willing:
                        continue
                    if self.is_due(address, item) and not any(
                        one[:2] == (session, address) for one in item.came
                    ):
                        missing.append(f"{session} has not got {item} for {address}")
        return missing

    def is_due(self, address, item):
        """There is a session that must get it."""
        return any(
            one.made_at is not None and one.made_at < item.at
            and (one.ending_at is None or one.ending_at > item.accepted_at)
            and ("expire" not in one.kind or one.session.is_active
                 and one.session.state == "on")
            for one in self.covering(address, item.node)
        )

    def is_owed(self, address, item):
        """Whenever the account comes back."""
        return item.accepted_at is not None and any(
            "expire" not in one.kind and one.made_at is not None and one.made_at < item.at
            and (one.ending_at is None or one.ending_at > item.accepted_at)
            for one in self.covering(address, item.node)
        )

    def judge_items(self, accounts, domain, order):
        for item in self.items.values():
            if item.gone_at or item.is_refused:
                continue
            if item.accepted_at and item.number not in order[item.node]:
                self.fault(f"{item} was acknowledged and is gone")
            for account in accounts:
                address = f"{account}@{domain}"
                if self.is_owed(address, item) and not any(to == address for _, to, _ in item.came):
                    covering = self.covering(address, item.node)
                    self.fault(f"{item} never came to {address}: {covering}")
        self.judge_order(order)

    def judge_order(self, order):
        """Of one session and one address, within a topic."""
        place = {number: at for numbers in order.values() for at, number in enumerate(numbers)}
        seen = {}
        for item in self.items.values():
            for session, to, at in item.came:
                if item.number in place:
                    seen.setdefault((session, to, item.node), []).append((at, item))
        for (session, to, node), came in seen.items():
            if any("digest" in one.kind for one in self.covering(to, node)):
                continue
            places = [place[item.number] for _, item in sorted(came, key=lambda one: one[0])]
            if places != sorted(places):
                got = [item.number for _, item in sorted(came, key=lambda one: one[0])]
                self.fault(f"{session} got items of {node} for {to} out of order: {got}")
