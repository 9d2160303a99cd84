# tests/integration/walk/talk.py: steps: presence, messages, questions, block lists.
import xml.etree.ElementTree as ET

from gridd import DOMAIN

from .connections import RESOURCES
from .grounds import ACCOUNTS, FRIENDS, Grounds
from .session import CARBONS

BLOCKING = "urn:xmpp:blocking"


class Talk(Grounds):
    def show(self, one=None):
        one = one or self.pick(self.free())
        if one is None:
            return
        if not one.is_present:
            one.view = set()
        was_willing, one.is_present, one.is_active = one.is_willing, True, True
        one.priority = self.pick((0, 0, 5, -1))
        one.presence(f"<priority>{one.priority}</priority>")
        if not was_willing:
            one.willing_since = None
        self.note(f"show {one} {one.priority}")

    def hide(self):
        one = self.pick(one for one in self.on() if one.is_present and not one.how)
        if one is None:
            return
        one.is_present, one.is_active, one.willing_since = False, False, None
        one.presence(attributes=" type='unavailable'")
        one.view = set()
        self.note(f"hide {one}")
        self.end_temporary(one.account)

    def direct(self):
        """Presence for one account alone, which hears its end."""
        one = self.pick(self.free())
        account = self.pick(ACCOUNTS)
        if one is None or (account == one.account or {account, one.account} <= set(FRIENDS)):
            return
        self.note(f"direct {one} {account}")
        one.presence(attributes=f" to='{account}@{DOMAIN}'")

    def copies(self):
        one = self.pick(self.free())
        if one is None:
            return
        one.copies = not one.copies
        how = "enable" if one.copies else "disable"
        self.note(f"copies {one} {how}")
        one.ask("set", f"<{how} xmlns='{CARBONS}'/>")

    def message(self, is_exact=None, sender=None):
        sender = sender or self.pick(self.free())
        if sender is None:
            return
        is_exact = self.rng.random() < self.calm if is_exact is None else is_exact
        if is_exact:
            self.settle()
            if sender.state != "on" or sender.how:
                return
        account = self.pick(ACCOUNTS)
        resource = self.pick((None, None, *RESOURCES))
        live = [one for one in self.ledger.of(account) if one.state != "over"]
        if resource and live and self.rng.random() < 0.7:
            resource = self.pick(live).resource
        kind = self.pick(("chat", "chat", "normal", "headline"))
        hints = self.pick(((), (), (), (), ("no-store",), ("no-copy",), ("no-permanent-store",),
                           ("store",)))
        inner = self.pick((
            "", "<request xmlns='urn:xmpp:receipts'/>",
            "<origin-id xmlns='urn:xmpp:sid:0' id='o'/>",
        ))
        message = self.ledger.say(sender, account, resource, kind, hints, inner)
        if is_exact:
            self.expect(message)
        self.note(f"message {message} expected {message.expected} stored {message.is_stored}")
        if is_exact:
            self.settle()
        else:
            if any(one.account == account and one.is_unnoticed for one in self.sessions):
                message.may_be_lost = "cut"

    def burst(self):
        for _ in range(self.rng.randint(3, 12)):
            self.message(False)

    def expect(self, message):
        """RFC 6121 §8.5, XEP-0280."""
        sender, account = message.sender, message.account
        live = [one for one in self.ledger.of(account) if one.state != "over"]
        if account != sender.account and self.is_cut_off(account, sender.account):
            message.expected = {}
            return
        full = [one for one in live if one.resource == message.resource]
        willing = [one for one in live if one.is_willing]
        if full:
            meant = full
        elif message.resource and message.kind != "chat":
            meant = []
        else:
            meant = willing
            message.is_stored = not willing and message.waits
        expected = {one: "direct" for one in meant}
        if message.is_copied and (meant or message.is_stored):
            others = [one for one in live if one.copies and one not in meant]
            if meant and account != sender.account:
                expected.update({one: "received" for one in others})
            for one in self.ledger.of(sender.account):
                if one.state != "over" and one.copies and one is not sender and one not in meant:
                    expected[one] = "sent"
        message.expected = expected

    def ask(self):
        asker = self.pick(self.free())
        if asker is None:
            return
        answerer = self.pick(one for one in self.sessions if one.state != "over")
        to = self.pick((answerer.full, answerer.full, answerer.bare, f"{answerer.bare}/none"))
        self.note(f"ask {asker} {to}")
        self.ledger.question(asker, to)

    def block(self):
        one = self.pick(self.free())
        other = self.pick(ACCOUNTS)
        if one is None or other == one.account or (one.account, other) in self.blocked:
            return
        self.settle()
        if one.state != "on":
            return
        self.note(f"block {one} {other}")
        self.set_block(one, other, "block")
        self.blocked.add((one.account, other))
        for mine in self.ledger.of(one.account):
            mine.unchecked.add(other)
        for message in self.ledger.messages.values():   # those that wait are not heard
            if message.sender.account == other and message.account == one.account:
                message.may_be_lost = "blocked"

    def set_block(self, one, other, how):
        answer = one.ask(
            "set", f"<{how} xmlns='{BLOCKING}'><item jid='{other}@{DOMAIN}'/></{how}>"
        )
        assert answer.get("type") == "result", ET.tostring(answer)

    def unblock(self):
        pair = self.pick(sorted(self.blocked))
        one = pair and self.pick(
            one for one in self.on() if one.account == pair[0] and not one.how
        )
        if not one:
            return
        self.note(f"unblock {one} {pair[1]}")
        self.set_block(one, pair[1], "unblock")
        self.blocked.remove(pair)
