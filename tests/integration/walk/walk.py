# tests/integration/walk/walk.py: a random walk of some accounts' resources over what gridd does.
"""Everything follows from the seed, but for what the machine's timing adds."""

import random
import re
import time
import xml.etree.ElementTree as ET

from gridd import DOMAIN

from .connections import Connections
from .grounds import ACCOUNTS, FRIENDS, INFO, PATIENCE, form
from .operations import Operations
from .session import Session
from .talk import Talk
from .topics import COLLECTION, NODES, Topics

ANSWER_SECONDS = 10   # more than controller.query_timeout_seconds
AT_REST = ("gridd_messages_waiting", "gridd_queued_bytes", "gridd_sessions_replaying")   # are 0
FAULT = re.compile("internal_fault|connection_failed|request_failed|Z (error|critical) ")


class Walk(Connections, Talk, Topics, Operations):
    STEPS = {
        "log_in": 10, "cut": 6, "goodbye": 4, "shut": 1, "come_back": 8, "come_back_wrongly": 2,
        "take_over": 3, "enable_late": 3, "leave_in_haste": 2, "say_and_go": 4, "wait": 2,
        "stop_reading": 3, "stop_acks": 3, "ack_some": 5,
        "show": 8, "hide": 3, "direct": 2, "copies": 5, "message": 30, "burst": 5, "ask": 8,
        "block": 2, "unblock": 2,
        "subscribe": 5, "unsubscribe": 2, "publish": 15, "retract": 2, "purge": 1,
        "look_in_archive": 1,
        "deny": 1, "allow": 2, "disable": 1, "end_session": 1, "reload": 1, "kill": 1, "restart": 1,
        "come_to_rest": 12,
    }   # and how often each is done

    def __init__(self, seed, steps):
        super().__init__(seed)
        self.steps, self.done = steps, 0

    def run(self):
        """The faults, as sentences."""
        try:
            self.begin()
            for _ in ACCOUNTS:
                self.log_in()
            for _ in range(self.steps):
                if self.ledger.faults:
                    break
                self.step()
            if not self.ledger.faults:
                self.end()
        except AssertionError as failure:
            self.ledger.fault(f"{type(failure).__name__}: {failure}")
        finally:
            self.close()
        return self.ledger.faults

    def step(self):
        self.done += 1
        # Each step draws anew: what timing adds to one changes no other.
        self.rng = random.Random(f"{self.seed}/{self.done}")
        name = self.rng.choices(list(self.STEPS), self.STEPS.values())[0]
        getattr(self, name)()
        self.pump()

    def come_to_rest(self):
        if self.rng.random() < self.calm:
            self.settle()

    def told(self):
        """What there was, in a line."""
        ledger = self.ledger
        return (
            f"{self.done} steps, {len(ledger.sessions)} sessions, {len(ledger.messages)} messages, "
            f"{len(ledger.items)} items, {len(ledger.questions)} questions"
        )

    def close(self):
        for session in [*self.sessions, self.owner]:
            if session and session.state == "on":
                session.line.cut()
        for line in self.server.log().splitlines():
            if FAULT.search(line):
                self.ledger.fault("in the log: " + line)
        if self.rest:
            self.rest.__exit__()
        self.server.close()

    def begin(self):
        self.server.start()
        for account in (*ACCOUNTS, "owner"):
            self.server.admin_ctl("accounts", "add", f"{account}@{DOMAIN}", "--group", "everyone")
        self.open_owner()
        for node in (COLLECTION, *NODES):
            self.create(node)
        self.ledger.children[COLLECTION] = ("leaf", "other")
        # As publishers they may be asked by the others.
        publishers = "".join(
            f"<affiliation jid='{account}@{DOMAIN}' affiliation='publisher'/>"
            for account in ACCOUNTS
        )
        self.does(
            self.owner, f"<affiliations node='plain'>{publishers}</affiliations>", "#owner"
        )
        self.make_friends()

    def create(self, node):
        fields = {"access_model": "open", "publish_model": "open", "max_items": "10000",
                  "notify_retract": "1"}
        if node == COLLECTION:
            fields = {"access_model": "open", "node_type": "collection"}
        elif node != "plain":
            fields["collection"] = COLLECTION
        self.does(self.owner, f"<create node='{node}'/><configure>{form(fields, 'node_config')}"
                  "</configure>")

    def make_friends(self):
        """Contacts, by sessions that are over before the walk."""
        all_of_them = {}
        for account in FRIENDS:
            one = Session(self.ledger, self.bundle(account), "roster")
            one.bind(self.server, "tls", "classic")
            one.presence()
            all_of_them[account] = one
        for account, one in all_of_them.items():
            for other in FRIENDS:
                if other != account:
                    one.presence(attributes=f" type='subscribe' to='{other}@{DOMAIN}'")
        for _ in range(3):
            for one in all_of_them.values():
                one.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)
        for account, one in all_of_them.items():
            roster = one.ask("get", "<query xmlns='jabber:iq:roster'/>")
            both = [item for item in roster.iter("{jabber:iq:roster}item")
                    if item.get("subscription") == "both"]
            assert len(both) == 2, ET.tostring(roster)
            one.line.bye()
            one.cut()
        self.wait_for(lambda: len(self.present()) == 1, "the sessions of the rosters are over")

    def end(self):
        """Everything comes to rest; what has not come waits, or was lost."""
        self.note("end")
        self.settle()
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.ledger.unanswered() and time.monotonic() < deadline:
            self.pump()
            time.sleep(0.02)
        for text in self.ledger.unanswered():
            self.ledger.fault(text)
        for one in self.away():
            if one.seconds > 5:
                self.come_back(one)
        for one in self.on():
            if not one.how:
                self.goodbye(one)
        self.wait_for(lambda: len(self.present()) == 1, "all sessions are over")
        for one in self.away():
            one.over("timed out")
        archives = {} if self.is_archived else None
        for account in ACCOUNTS:
            self.read_all(account, archives)
        self.ledger.judge_messages(archives)
        order = {node: self.order(node) for node in NODES}
        self.ledger.judge_items(ACCOUNTS, DOMAIN, order)
        for node in NODES:
            archived = self.archive(self.owner, node)
            if archived != order[node]:
                self.ledger.fault(f"the archive of {node} has {archived} and not {order[node]}")
        self.rest_at_the_end()

    def read_all(self, account, archives):
        one = Session(self.ledger, self.bundle(account), "reader")
        one.bind(self.server, "tls", "classic", "resume='true' max='600'")
        one.number = max(self.present())
        one.seconds = 600
        self.sessions.append(one)
        one.is_present = True
        one.presence()
        one.is_used()
        self.note(f"read_all {one}")
        deadline = time.monotonic() + PATIENCE
        self.settle()
        while self.lacks(account) and time.monotonic() < deadline:
            self.settle()
            time.sleep(0.05)
        if archives is not None:
            archives[account] = self.archive(one)
        one.ack()
        self.settle()
        self.goodbye(one)

    def lacks(self, account):
        address = f"{account}@{DOMAIN}"
        return any(
            message.account == account and message.is_accepted and not message.error
            and not message.readers and message.is_owed and not message.may_be_lost
            for message in self.ledger.messages.values()
        ) or any(
            item.accepted_at and not item.gone_at and self.ledger.is_owed(address, item)
            and not any(to == address for _, to, _ in item.came)
            for item in self.ledger.items.values()
        )

    def rest_at_the_end(self):
        self.wait_for(lambda: len(self.present()) == 1, "all sessions are over")
        deadline = time.monotonic() + PATIENCE
        while any(left := self.figures(*AT_REST)):
            if time.monotonic() > deadline:
                self.ledger.fault(f"left at the end: {left} of {AT_REST}")
                return
            time.sleep(0.1)

    def figures(self, *names):
        self.rest.connection.request("GET", "/metrics")
        text = self.rest.connection.getresponse().read().decode()
        return [float(re.search(rf"^{name} (\S+)", text, re.M).group(1)) for name in names]
