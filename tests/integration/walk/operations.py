# tests/integration/walk/operations.py: steps: what operators do, and ends of the server.
import signal
import time

from gridd import DOMAIN

from .grounds import ACCOUNTS, PATIENCE, POLICY, Grounds


class Operations(Grounds):
    def set_policy(self):
        rules = "".join(
            f"deny client {one} to subscribe on any\n" for one in sorted(self.denied)
        )
        self.server.admin_ctl("policy", "set", "-", stdin=POLICY.format(rules))

    def deny(self):
        account = self.pick(ACCOUNTS)
        if account in self.denied:
            return
        self.settle()
        self.note(f"deny {account}")
        self.denied.add(account)
        self.set_policy()
        for one in self.ledger.subscriptions:
            if one.session.account == account and one.over_at is None:
                one.ending_at, one.over_at = 0, self.ledger.tick()

    def allow(self):
        account = self.pick(sorted(self.denied))
        if account is None:
            return
        self.note(f"allow {account}")
        self.denied.remove(account)
        self.set_policy()

    def disable(self):
        account = self.pick(ACCOUNTS)
        self.settle()
        self.note(f"disable {account}")
        jid = f"{account}@{DOMAIN}"
        for message in self.ledger.messages.values():
            if message.account == account and not message.readers:
                message.may_be_lost = "disabled"
        for one in self.ledger.of(account):
            if one.state != "over":
                one.how = "disabled"
        self.server.admin_ctl("accounts", "disable", jid)
        self.wait_for(
            lambda: not any(one["jid"].startswith(jid) for one in self.present().values()),
            "a disabled account has no sessions",
        )
        for one in self.ledger.of(account):
            if one.state != "over":
                if one.line and not one.line.closed:
                    one.line.cut()
                one.over("disabled")
        for one in self.ledger.subscriptions:
            if one.session.account == account and one.over_at is None:
                one.ending_at, one.over_at = 0, self.ledger.tick()
        self.server.admin_ctl("accounts", "enable", jid)

    def end_session(self):
        one = self.pick(one for one in self.sessions if one.state != "over" and not one.how)
        if one is None:
            return
        self.settle()
        if one.state == "over" or one.how:
            return
        self.note(f"end_session {one} {one.handled} {one.acked}")
        was_away = one.state == "away"
        one.how = "ended"
        self.server.admin_ctl("sessions", "end", one.full)
        if was_away:
            one.over("ended")
        else:
            self.wait_for(lambda: one.state == "over", f"{one} is ended", 10)

    def reload(self):
        self.note("reload")
        self.server.process.send_signal(signal.SIGHUP)

    def kill(self):
        self.note("kill")
        at = self.ledger.tick()
        for message in self.ledger.messages.values():
            held = [
                one for one in self.ledger.of(message.account)
                if one.over_at is None or one.over_at > message.at
            ]
            if held and not message.readers:
                message.may_be_lost = message.may_be_lost or "killed"
        for one in self.sessions:
            if one.state != "over":
                if one.line:
                    one.line.cut()
                one.over("killed")
        for one in self.sessions:   # the disk may lack what they read last
            one.how = "killed"
        self.close_administration()
        self.server.kill9()
        self.ledger.killed_at.append(at)
        self.start_again()

    def restart(self):
        """In order: nothing is lost."""
        self.note("restart")
        self.close_administration()
        for one in self.sessions:
            one.deaf_since = None
        self.server.stop()
        deadline = time.monotonic() + PATIENCE
        for one in self.on():
            while not one.line.closed and time.monotonic() < deadline:
                one.pump()
                one.line.pause(0.02)
            one.pump()
            one.line.cut()
        for one in self.sessions:
            one.over("stopped")
        self.start_again()

    def start_again(self):
        self.server.start()
        for one in self.sessions:
            one.number = None   # this process counts anew
        at = self.ledger.tick()
        for one in self.ledger.subscriptions:
            if "expire" in one.kind and one.over_at is None:
                one.ending_at, one.over_at = 0, at
        self.open_owner()
