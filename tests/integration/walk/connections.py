# tests/integration/walk/connections.py: steps: sessions begin, break, are resumed, and end.
import time

from .grounds import ACCOUNTS, PATIENCE, Grounds
from .session import Session

RESOURCES = ("desk", "phone", "tab")
AWAY_SECONDS = (1, 3, 300)   # for which a session may be resumed


class Connections(Grounds):
    def log_in(self):
        account = self.pick(ACCOUNTS)
        resource = self.pick(RESOURCES)
        transport = self.pick(("starttls", "tls", "tls", "websocket", "bosh"))
        way = self.pick(("classic", "classic", "bind2"))
        enable, seconds = "", 0
        if self.rng.random() < 0.65:
            seconds = self.pick(AWAY_SECONDS)
            enable = f"resume='true' max='{seconds}'"
        elif self.rng.random() < 0.3:
            enable = "resume='false'"
        one = Session(self.ledger, self.bundle(account), resource)
        if way == "classic":
            self.replaced(one.full)
        one.seconds = seconds
        one.bind(self.server, transport, way, enable)
        one.number = max(
            number for number, said in self.present().items() if said["jid"] == one.full
        )
        self.sessions.append(one)
        self.note(f"log_in {one} {transport} {way} {enable}")
        if self.rng.random() < 0.8:
            self.show(one)

    def replaced(self, full):
        for other in self.sessions:
            if other.full == full and other.state != "over":
                other.how = "replaced"
                if other.state == "away":
                    other.over("replaced")

    def enable_late(self):
        """What came before counts as it did."""
        one = self.pick(one for one in self.free() if not one.is_managed)
        if one is None:
            return
        one.seconds = self.pick(AWAY_SECONDS)
        self.note(f"enable_late {one} {one.seconds}")
        one.enable(f"resume='true' max='{one.seconds}'")

    def stop_acks(self):
        one = self.pick(one for one in self.on() if one.is_managed)
        if one:
            one.answers_requests = not one.answers_requests
            self.note(f"stop_acks {one} {one.answers_requests}")

    def ack_some(self):
        one = self.pick(one for one in self.on() if one.is_managed and one.handled > one.acked)
        if one:
            one.ack(self.rng.randint(one.acked + 1, one.handled))
            self.note(f"ack_some {one} {one.acked} of {one.handled}")

    def stop_reading(self):
        one = self.pick(self.free())
        if one:
            self.note(f"stop_reading {one}")
            one.deaf_since = time.monotonic()

    def lose(self, one, how):
        """What a client without stream management had not read is lost with its connection."""
        for message in self.ledger.messages.values():
            if not one.is_managed and message.account == one.account and not message.readers:
                message.may_be_lost = message.may_be_lost or how
        one.how, one.away_since = how, time.monotonic()
        if not one.token:
            one.over(how)
            one.is_unnoticed = not one.is_managed

    def cut(self, one=None):
        one = one or self.pick(
            one for one in self.on() if one.transport != "bosh" and not one.how
        )
        if one is None or (not one.is_managed and one.is_behind(3)):
            return   # TCP took its messages long ago: they count as read
        self.note(f"cut {one} {one.handled} {one.acked}")
        one.cut()
        self.lose(one, "cut")

    def say_and_go(self):
        """The connection is gone with what was said last."""
        one = self.pick(
            one for one in self.on() if one.transport in ("tls", "websocket") and not one.how
        )
        if one is None:
            return
        for _ in range(self.rng.randint(1, 4)):
            self.message(False, one)
        self.cut(one)

    def leave_in_haste(self):
        """The client says goodbye, and does not wait for the server's."""
        one = self.pick(
            one for one in self.on() if one.transport != "bosh" and one.is_managed and not one.how
        )
        if one is None:
            return
        self.note(f"leave_in_haste {one} {one.handled} {one.acked}")
        one.line.bye()
        one.cut()
        self.lose(one, "cut")
        self.wait_for(
            lambda: self.present().get(one.number, {}).get("state") != "connected",
            f"the end of {one} is noticed",
        )
        if one.number not in self.present():   # else a reset has overtaken the goodbye
            one.over("cut")

    def take_over(self):
        """The session is resumed while its connection is there."""
        one = self.pick(one for one in self.on() if one.token and not one.how)
        if one is None:
            return
        transport = self.pick(("tls", "starttls", "websocket", "bosh"))
        self.note(f"take_over {one} {transport} {one.handled}")
        before = one.line
        refused = one.resume(self.server, transport, self.pick(("classic", "bind2")))
        before.cut()
        if refused:
            self.ledger.fault(f"{one} was not resumed: {refused}")

    def shut(self):
        """The client's half of the connection."""
        one = self.pick(
            one for one in self.on()
            if one.transport in ("tls", "starttls") and not one.how
        )
        if one is None:
            return
        self.note(f"shut {one}")
        one.line.half_close()
        one.how, one.deaf_since = "shut", None
        deadline = time.monotonic() + PATIENCE
        while not one.line.closed and time.monotonic() < deadline:
            one.pump()
            one.line.pause(0.05)
        one.pump()
        one.cut()
        self.lose(one, "shut")

    def goodbye(self, one=None):
        one = one or self.pick(self.free())
        if one is None:
            return
        if one.is_managed and self.rng.random() < 0.7:
            one.pump()
            one.ack()
        self.note(f"goodbye {one} {one.handled} {one.acked}")
        one.line.bye()
        one.how, one.deaf_since = "goodbye", None
        deadline = time.monotonic() + PATIENCE
        while not one.line.closed:
            one.pump()
            one.line.pause(0.05)
            if time.monotonic() > deadline:
                self.ledger.fault(f"{one} said goodbye and was not closed")
                break
        one.pump()
        one.line.cut()
        one.over("goodbye")

    def come_back(self, one=None):
        one = one or self.pick(self.away())
        if one is None:
            return
        transport = self.pick(("tls", "starttls", "websocket", "bosh"))
        self.note(f"come_back {one} {transport} {one.handled}")
        refused = one.resume(self.server, transport, self.pick(("classic", "bind2")))
        one.how = ""
        if not refused:
            return
        waited = time.monotonic() - one.away_since
        if waited < one.seconds - 0.5:
            self.ledger.fault(f"{one} was not resumed after {waited:.1f} s: {refused}")
        one.over(refused)

    def come_back_wrongly(self):
        one = self.pick(one for one in self.away() if one.seconds > 5)
        if one is None:
            return
        wrong = one.handled + 10_000   # more than the server has sent
        if one.acked > 1 and self.rng.random() < 0.5:
            wrong = self.rng.randint(0, one.acked - 1)
        self.note(f"come_back_wrongly {one} {wrong} of {one.handled}")
        kept = one.handled, one.acked, one.sent, list(one.outgoing)
        refused = one.resume(self.server, "tls", "classic", wrong)
        one.handled, one.acked, one.sent, one.outgoing = kept
        one.faults = []
        if not refused:
            self.ledger.fault(f"{one} was resumed with h={wrong} of {one.handled}, {one.acked}")

    def wait(self):
        """The time of some that are away is over."""
        self.note("wait")
        end = time.monotonic() + self.pick((0.3, 1.5))
        while time.monotonic() < end:
            self.pump()
            time.sleep(0.02)
