# tests/integration/test_cluster_shared.py: messages that several resources of an account on
# different members of a cluster had, and that all leave unread: the next one gets each, once.
import itertools
import threading
import time
import unittest

import test_cluster_resumption
from cluster.members import Refused
from gridd import DOMAIN
from managed import CLIENT
from raw import PATIENCE
from test_cluster_resumption import needs_etcd, until

ACCOUNTS = 30   # each has a message of its own in a turn
TURNS = 3


@needs_etcd
class Shared(test_cluster_resumption.Members):
    numbers = itertools.count()

    def resource(self, name, at, enable=""):
        """Logged in at the member with that index, and it never acknowledges what it is sent."""
        client = self.connect(self.cluster[at]).login(
            self.bundle(name), f"at{at}", PATIENCE
        )
        client.answers_requests = False
        client.enable(enable)
        client.say("<presence/>")
        client.ping()
        return client

    def bodies(self, client):
        found = [one.findtext(f"{CLIENT}body") for one in client.stanzas]
        return [body for body in found if body is not None]

    def say(self, name):
        body = f"b{next(self.numbers)}"
        self.publisher.send(
            f"<message type='chat' to='{name}@{DOMAIN}' id='{body}'><body>{body}</body></message>"
        )
        return body

    def told(self, members, enable="", names=tuple(f"s{number}" for number in range(ACCOUNTS))):
        """{account: (resources at these members, a message that all of them have had)}. `enable`:
        the attributes of <enable/>, at all of them or by member."""
        if isinstance(enable, str):
            enable = dict.fromkeys(members, enable)
        found = {
            name: ([self.resource(name, at, enable.get(at, "")) for at in members], None)
            for name in names
        }
        all_ = [len(found) * len(members)] * 3
        until(lambda: self.known() == all_, "all members know the resources")
        self.cluster.wait_same()
        for name, (clients, _) in found.items():
            body = self.say(name)
            found[name] = clients, body
            for client in clients:
                client.wait(lambda one=client, text=body: text in self.bodies(one))
        return found

    def known(self):
        """How many of their resources each member knows; None: one refuses to say."""
        try:
            lists = [one.rest("GET", "sessions?max=1000")["sessions"] for one in self.cluster]
        except Refused:
            return None
        return [
            sum(found["active"] and found["jid"].startswith("s") for found in one) for one in lists
        ]

    def waited(self, name, at):
        """What comes to the next resource."""
        client = self.connect(self.cluster[at]).login(self.bundle(name), "next", PATIENCE)
        client.enable()
        client.say("<presence/>")
        client.ping()
        last = self.say(name)
        client.wait(lambda: last in self.bodies(client))
        client.ack()
        client.send("</stream:stream>")
        client.until_closed()
        return [body for body in self.bodies(client) if body != last]   # one may come behind it

    def count(self, members, end, enable="", turns=TURNS):
        lost, twice, wrong = 0, 0, []
        for turn in range(turns):
            all_ = self.told(members, enable)
            end([clients for clients, _ in all_.values()])
            until(lambda: self.known() == [0, 0, 0], "they have ended")
            time.sleep(1)
            for number, (name, (_, body)) in enumerate(all_.items()):
                came = self.waited(name, (turn + number) % 3)
                lost += came == []
                twice += len(came) > 1
                if came != [body]:
                    wrong.append((name, body, came))
        print(f"    of {turns * ACCOUNTS} messages {lost} were lost, {twice} came twice")
        self.assertEqual(wrong, [])

    @staticmethod
    def at_once(all_):
        for clients in all_:
            for client in clients:
                client.cut()

    @staticmethod
    def one_after_the_other(all_):
        for pause, clients in zip(itertools.cycle((0.0, 0.002, 0.02, 0.2)), all_):
            for client in clients:
                client.cut()
                time.sleep(pause)

    def test_two_that_end_at_once(self):
        self.count((0, 1), self.at_once)

    def test_three_that_end_at_once(self):
        self.count((0, 1, 2), self.at_once)

    def test_two_that_end_one_after_the_other(self):
        self.count((1, 2), self.one_after_the_other, turns=1)

    def test_two_whose_clients_do_not_come_back_in_time(self):
        self.count((2, 0), self.at_once, "resume='true' max='1'")

    def test_one_is_resumed_elsewhere_while_the_other_ends(self):
        again_ = []
        all_ = self.told((0, 1), {0: "resume='true' max='60'"})
        for number, (name, ((stays, goes), body)) in enumerate(all_.items()):
            stays.cut()
            again = self.connect(self.cluster[1 + number % 2])
            again.authenticated(self.bundle(name))
            stays.handled = 0   # none of what it was sent
            ends = threading.Thread(target=goes.cut)
            ends.start()
            again.ask_to_resume(stays.token, 0)
            again.wait(lambda one=again: one.words)
            ends.join()
            self.assertEqual(again.words[0][0], "resumed", again.words)
            again.wait(lambda one=again, text=body: text in self.bodies(one))
            again.ack()
            again.send("</stream:stream>")
            again.until_closed()
            self.assertEqual(self.bodies(again), [body], name)
            again_ += self.waited(name, number % 3)
        print(f"    of {len(all_)} messages {len(again_)} came again")
        self.assertEqual(again_, [])

    def test_a_member_that_does_not_answer_holds_none_for_ever(self):
        name = "still"   # an account of its own: other tests are not to find the rest
        (one, _), body = self.told((0, 1), names=[name])[name]
        self.cluster[1].pause()
        try:
            one.cut()
            begin = time.monotonic()
            until(lambda: body in self.waited(name, 0), "what was left unread")
            print(f"    beside a member that says nothing: {time.monotonic() - begin:.1f} s")
        finally:
            self.cluster[1].go_on()


if __name__ == "__main__":
    unittest.main()
