# tests/integration/walk/grounds.py: one server, the sessions of a walk, and what is known of them.
"""`settle` waits for all that is under way, and holds what came against the ledger."""

import random
import time
import xml.etree.ElementTree as ET

from configured import Rest
from gridd import BROKER, DOMAIN, Operated

from .ledger import Ledger
from .session import Session

ACCOUNTS = ("anna", "bert", "carl", "dora")
FRIENDS = ("anna", "bert", "carl")   # each other's contacts; dora is nobody's
PUBSUB = "http://jabber.org/protocol/pubsub"
INFO = "http://jabber.org/protocol/disco#info"
POLICY = """\
{}allow any to discover, create, publish, subscribe, retrieve, query on any
allow any to message any
"""
PATIENCE = 20   # for what must come


def form(fields, kind):
    """A submitted one of XEP-0060."""
    inner = "".join(
        f"<field var='pubsub#{name}'><value>{value}</value></field>"
        for name, value in fields.items()
    )
    return (
        f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{PUBSUB}#{kind}"
        f"</value></field>{inner}</x>"
    )


class Grounds:
    def __init__(self, seed):
        self.seed, self.rng = seed, random.Random(seed)
        self.ledger = Ledger(seed)
        self.is_archived = self.rng.random() < 0.5
        self.server = Operated(POLICY.format(""), {
            "log.level": "info", "controller.query_timeout_seconds": "3",
            "pubsub.access_open": "true",
            "archive.messages": "true" if self.is_archived else "false",
        })
        self.sessions = self.ledger.sessions
        self.calm = self.rng.choice((0.1, 0.4, 0.7))   # how often what is under way is waited for
        self.rest = self.owner = None   # the administrator's connection, a session with topics
        self.bundles = {}
        # Pairs of accounts, the first of which has blocked the second; accounts without topics.
        self.blocked, self.denied = set(), set()

    def bundle(self, account):
        """One for all of its sessions: another key resumes none of them."""
        if account not in self.bundles:
            self.bundles[account] = self.server.authority.client(f"{account}@{DOMAIN}")
        return self.bundles[account]

    def open_owner(self):
        self.rest = Rest(self.server)
        self.owner = Session(self.ledger, self.bundle("owner"), "owner")
        self.owner.bind(self.server, "tls", "classic")

    def close_administration(self):
        self.owner.line.cut()
        self.rest.__exit__()

    def does(self, session, inner, owner=""):
        answer = session.ask("set", f"<pubsub xmlns='{PUBSUB}{owner}'>{inner}</pubsub>", BROKER)
        assert answer.get("type") == "result", ET.tostring(answer)
        return answer

    def pick(self, among):
        among = list(among)
        return self.rng.choice(among) if among else None

    def note(self, text):
        self.ledger.note(f"{self.ledger.tick()} {text}")

    def wait_for(self, is_it, what, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while not is_it():
            assert time.monotonic() < deadline, f"not: {what}"
            self.pump()
            time.sleep(0.02)

    def present(self):
        """The server's sessions: state by number."""
        _, said = self.rest.ask("GET", "sessions")
        return {one["id"]: one for one in said["sessions"]}

    def on(self):
        return [one for one in self.sessions if one.state == "on"]

    def free(self):
        """Those that may go on."""
        return [one for one in self.on() if not one.how]

    def away(self):
        return [one for one in self.sessions if one.state == "away"]

    def pump(self):
        for one in self.on():
            one.pump()
            if one.line.closed:
                self.was_closed(one)
        if self.owner.state == "on":
            self.owner.pump()

    def was_closed(self, session):
        """By the server, or in the course of a goodbye."""
        if session.state == "on":
            if session.how:
                session.over(session.how)
            elif session.token and not session.faults:
                session.state = "away"
                session.away_since = time.monotonic()
            else:
                self.ledger.fault(f"{session} was closed: {session.faults}")
                session.over("closed")

    def lookup(self):
        """What the server says of its sessions, beside what is known here."""
        present = self.present()
        for one in self.away():
            if one.number not in present:
                waited = time.monotonic() - (one.away_since or 0)
                if waited < one.seconds - 0.5 and one.how not in ("cut", "shut"):
                    self.ledger.fault(f"{one} is over after {waited:.1f} s of {one.seconds}")
                one.over(one.how or "timed out")
        for one in self.on():
            if one.number not in present and not one.how:
                self.ledger.fault(f"{one} is not among the server's sessions")
        return present

    def settle(self):
        """What all said was taken, in its turn, and what they are to be sent has come."""
        for one in self.on():
            one.deaf_since = None
        self.pump()
        acked = {one: one.acked for one in self.sessions}
        for _ in range(2):
            asked = [(one, one.iq("get", f"<query xmlns='{INFO}'/>", DOMAIN)) for one in self.on()]
            deadline = time.monotonic() + PATIENCE
            for one, number in asked:
                while number not in one.answers and one.state == "on":
                    self.pump()
                    if time.monotonic() > deadline:
                        self.ledger.fault(f"{one} got no answer to {number}")
                        return
                    if one.state == "on":
                        one.line.pause(0.05)
                one.answers.pop(number, None)
        for one in self.on():
            self.ledger.settled(one)
            one.settled()
        for account in ACCOUNTS:
            self.end_temporary(account)
        self.drop_the_gone()
        self.lookup()
        self.check(self.on())
        self.ledger.note_certain(acked)

    def end_temporary(self, account):
        """A subscription for the time of its account's presence."""
        if any(one.is_active and one.state != "over" for one in self.ledger.of(account)):
            return
        for one in self.ledger.subscriptions:
            if one.session.account == account and "expire" in one.kind and one.over_at is None:
                one.ending_at, one.over_at = 0, self.ledger.tick()

    def drop_the_gone(self):
        """Connections that were cut: the server has noticed."""
        def is_known(one, present):
            state = present.get(one.number, {}).get("state")
            if one.state == "away":
                return state != "connected"
            return one.state == "on" or state is None

        def are_known():
            present = self.present()
            return all(is_known(one, present) for one in self.sessions)

        self.wait_for(are_known, "the server knows which sessions are over")
        for one in self.sessions:
            one.is_unnoticed = False

    def check(self, settled):
        """What must be there comes within its time."""
        deadline = time.monotonic() + PATIENCE
        while True:
            settled = [one for one in settled if one.state == "on"]
            missing = self.ledger.check_exact(settled) + self.ledger.check_live(settled)
            missing += self.check_presence(settled) + self.check_directed(settled)
            if not missing:
                return
            if time.monotonic() > deadline:
                for one in missing:
                    self.ledger.fault(one)
                return
            self.pump()
            time.sleep(0.02)
            self.lookup()   # one that was away may be over meanwhile

    def check_presence(self, settled):
        missing = []
        for one in settled:
            if not one.is_present:
                continue
            for account in FRIENDS if one.account in FRIENDS else (one.account,):
                if account in one.unchecked:
                    continue
                there = {
                    other.full for other in self.ledger.of(account)
                    if other.state != "over" and other.is_present
                }
                if account != one.account and self.is_cut_off(one.account, account):
                    there = set()
                seen = {jid for jid in one.view if jid.startswith(f"{account}@")}
                if there != seen:
                    missing.append(f"{one} sees {sorted(seen)} and not {sorted(there)}")
        return missing

    def check_directed(self, settled):
        """Presence that was directed ends with its session."""
        present = {one.full for one in self.sessions if one.state != "over"}
        return [
            f"{one} still sees {jid}" for one in settled for jid in one.view
            if jid not in present and jid.partition("@")[0] not in one.unchecked
            and "/roster" not in jid and "@" in jid
        ]

    def is_cut_off(self, one, other):
        return bool({(one, other), (other, one)} & self.blocked)
