# tests/integration/test_cluster_beside.py: resources of one account on different members of a
# cluster, without stream management: what one has had is not told to another, and what it leaves
# unread is.
import array
import fcntl
import termios
import threading
import time
import unittest

import test_cluster_resumption
import test_replay
from gridd import DOMAIN
from raw import PATIENCE, Raw
from test_cluster_resumption import PUBSUB, needs_etcd, until

# A resource that has come waits so long, and less, for word of what others have had.
PLACED_SECONDS = 0.7


@needs_etcd
class Beside(test_cluster_resumption.Members):
    def raw(self, name, member, resource, presence="<presence/>"):
        client = Raw(member.c2s, DOMAIN).login(self.bundle(name), resource, PATIENCE)
        self.addCleanup(client.socket.close)
        client.send(presence)
        return client

    def subscribed(self, name, member, resource="one"):
        client = self.raw(name, member, resource)
        until(lambda: self.subscribe(client, name), "the node is known there")
        return client

    def subscribe(self, client, name):
        client.send(
            f"<iq type='set' id='s' to='pubsub.{DOMAIN}'><pubsub xmlns='{PUBSUB}'>"
            f"<subscribe node='{self.name}' jid='{name}@{DOMAIN}'/></pubsub></iq>"
        )
        return client.expect("<iq [^>]*type='(result|error)'").group(1) == "result"

    @staticmethod
    def got(client, last):
        return [item for _, item, _ in test_replay.Replay.items(client, last)]

    def quiet(self, client, seconds=0.0):
        """None comes before an answer that is asked for so much later."""
        time.sleep(seconds)
        client.send("<iq type='get' id='quiet'><ping xmlns='urn:xmpp:ping'/></iq>")
        before = client.expect("<iq [^>]*id='quiet'").string
        self.assertNotIn("<item ", before)

    @staticmethod
    def unread(client):
        """Bytes that wait in its socket."""
        count = array.array("i", [0])
        fcntl.ioctl(client.socket.fileno(), termios.FIONREAD, count)
        return count[0]

    def leaves_unread(self, name):
        """One resource has five items in its socket, another one at another member nothing."""
        one = self.subscribed(name, self.cluster[0])
        self.publish(0, 5)
        self.cluster.wait_same()
        until(lambda: self.unread(one), "what was sent arrives")
        two = self.raw(name, self.cluster[1], "two")
        self.quiet(two, PLACED_SECONDS)   # else the first member may have had this one, too
        self.publish(5, 6)
        self.assertEqual(self.got(two, "i5"), ["i5"])
        return one, two

    def test_what_one_has_had_is_not_told_to_another(self):
        one = self.subscribed("ann", self.cluster[0])
        for first in range(0, 30, 10):
            self.publish(first, first + 10)
            self.assertEqual(self.got(one, f"i{first + 9}"), self.ids(first, first + 10))
            for member in (self.cluster[1], self.cluster[2]):
                other = self.raw("ann", member, f"other{first}")
                self.quiet(other, 0.7)
                other.send("</stream:stream>")
                other.until_closed()
        self.publish(30, 31)
        self.assertEqual(self.got(one, "i30"), ["i30"])

    def test_what_one_leaves_unread_is_told_to_the_other(self):
        one, two = self.leaves_unread("ben")
        one.socket.close()   # with data unread: a reset
        self.assertEqual(self.got(two, "i4"), self.ids(0, 5))
        self.quiet(two)

    def test_who_says_goodbye_leaves_nothing(self):
        one, two = self.leaves_unread("cyd")
        one.send("</stream:stream>")
        one.until_closed()
        self.quiet(two, 2.5)
        self.publish(6, 7)
        self.assertEqual(self.got(two, "i6"), ["i6"])

    def test_what_a_killed_member_had_not_delivered_is_told_to_the_other(self):
        _, two = self.leaves_unread("dan")
        begin = time.monotonic()
        self.cluster[0].kill9()
        self.assertEqual(self.got(two, "i4"), self.ids(0, 5))
        print(f"    what a lost member left came after {time.monotonic() - begin:.2f} s")

    def test_a_member_that_is_stopped_holds_nobody_up(self):
        one = self.subscribed("eve", self.cluster[0])
        self.publish(0, 5)
        self.assertEqual(self.got(one, "i4"), self.ids(0, 5))
        self.cluster[0].pause()
        try:
            two = self.raw("eve", self.cluster[1], "two")
            begin = time.monotonic()
            self.assertEqual(self.got(two, "i4")[-1], "i4")
            print(f"    beside a member that says nothing: {time.monotonic() - begin:.2f} s")
        finally:
            self.cluster[0].go_on()

    def test_two_that_come_at_once_get_all_and_one_of_them_what_waited(self):
        one = self.subscribed("fay", self.cluster[0])
        one.send("</stream:stream>")
        one.until_closed()
        for turn in range(5):
            first = 10 * turn
            self.publish(first, first + 9)
            clients = {}
            threads = [
                threading.Thread(
                    target=lambda at=at: clients.__setitem__(
                        at, self.raw("fay", self.cluster[at], f"r{at}")
                    )
                )
                for at in (0, 1)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            # Both are there, whichever takes what waited.
            for client in clients.values():
                client.send("<iq type='get' id='here'><ping xmlns='urn:xmpp:ping'/></iq>")
                until(
                    lambda c=client: "id='here'" in c.seen or c.receive(time.monotonic() + 1),
                    "an answer",
                )
            time.sleep(1)   # one that waits for the other has what that one had by now
            self.publish(first + 9, first + 10)
            got = [self.got(client, f"i{first + 9}") for client in clients.values()]
            waited = sorted(
                (item for part in got for item in part[:-1]), key=lambda item: int(item[1:])
            )
            self.assertEqual(waited, self.ids(first, first + 9), got)
            for client in clients.values():
                client.send("</stream:stream>")
                client.until_closed()

    def test_a_member_that_was_killed_has_noted_nothing_that_was_not_read(self):
        one, two = self.leaves_unread("gus")
        time.sleep(1.2)   # positions would have been noted by now
        self.cluster[1].kill9()
        one.socket.close()   # before what its machine has acknowledged counts as read
        two.socket.close()
        self.cluster[1].spawn()
        self.cluster[1].wait_started()
        self.cluster.wait_ready()
        until(self.are_linked, "the links")
        again = self.raw("gus", self.cluster[1], "two")
        self.assertEqual([item for item in self.got(again, "i4") if item != "i5"], self.ids(0, 5))

    def test_a_link_that_is_cut_while_one_relies_on_the_other_loses_nothing(self):
        one, two = self.leaves_unread("hal")
        fabric, names = self.cluster.fabric, [one.name for one in self.cluster]
        fabric.cut(names[0], names[1])
        try:
            one.socket.close()
            self.quiet(two)
        finally:
            fabric.mend()
        self.assertEqual(self.got(two, "i4"), self.ids(0, 5))


if __name__ == "__main__":
    unittest.main()
