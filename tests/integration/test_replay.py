# tests/integration/test_replay.py: no item is missed: away, slow, cut off, killed, several
# resources.
"""Raw streams, so that it is known what was read and what was not."""

import re
import socket
import threading
import time
import unittest

from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw

PUBSUB = "http://jabber.org/protocol/pubsub"
ITEM = re.compile(r"<message\b[^>]*?to='([^']*)'.*?<item\b[^>]*?\bid='([^']*)'", re.S)


class Replay(unittest.TestCase):
    settings = {}

    def setUp(self):
        settings = {"accounts.auto_approve": "true", "pubsub.access_open": "true", **self.settings}
        self.server = Operated(EVERYTHING, settings).start()
        self.addCleanup(self.server.close)
        self.sensor = self.server.authority.client(f"sensor@{DOMAIN}")
        self.desk = self.server.authority.client(f"desk@{DOMAIN}")
        self.count = 0
        self.publisher = self.log_in(self.sensor)
        self.ask(
            self.publisher,
            f"<pubsub xmlns='{PUBSUB}'><create node='n'/><configure><x xmlns='jabber:x:data' "
            "type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub"
            "#node_config</value></field><field var='pubsub#access_model'><value>open</value>"
            "</field></x></configure></pubsub>",
        )

    def log_in(self, bundle, resource="raw", presence="<presence/>"):
        client = Raw(self.server.c2s, DOMAIN).login(bundle, resource)
        self.addCleanup(client.socket.close)
        client.send(presence)
        return client

    def ask(self, client, payload):
        self.count += 1
        name = f"q{self.count}"
        client.send(f"<iq type='set' id='{name}' to='{BROKER}'>{payload}</iq>")
        start = f"<iq type='result' id='{name}'"
        return client.expect(f"{start}[^>]*/>|{start}.*?</iq>")

    def subscribe(self, client, jid):
        self.ask(client, f"<pubsub xmlns='{PUBSUB}'><subscribe node='n' jid='{jid}'/></pubsub>")

    def publish(self, first, last, payload="<x xmlns='urn:x'/>", node="n"):
        """Items i<first> to i<last - 1>, pipelined; returns when all are acknowledged."""
        for number in range(first, last):
            self.publisher.send(
                f"<iq type='set' id='p{number}' to='{BROKER}'><pubsub xmlns='{PUBSUB}'><publish "
                f"node='{node}'><item id='i{number}'>{payload}</item></publish></pubsub></iq>"
            )
        for number in range(first, last):
            self.publisher.expect(f"<iq type='result' id='p{number}'")

    @staticmethod
    def items(client, last, seconds=20):
        """Ids that came, up to that one: (address, id, whether it was late)."""
        deadline, found = time.monotonic() + seconds, []
        while True:
            # Complete messages are taken out, so that a long wait does not search them all again.
            *parts, client.seen = client.seen.split("</message>")
            for number, part in enumerate(parts):
                if match := ITEM.search(part):
                    found.append((match.group(1), match.group(2), "urn:xmpp:delay" in part))
                if found and found[-1][1] == last:
                    client.seen = "</message>".join([*parts[number + 1 :], client.seen])
                    return found
            client.receive(deadline)

    def ids(self, client, last, seconds=20):
        return [item for _, item, _ in self.items(client, last, seconds)]

    @staticmethod
    def goodbye(client):
        client.send("</stream:stream>")
        client.until_closed()

    def quiet(self, client):
        client.send("<iq type='get' id='quiet'><ping xmlns='urn:xmpp:ping'/></iq>")
        before = client.expect("<iq type='result' id='quiet'").string
        self.assertNotIn("<message", before)


class Away(Replay):
    def test_what_was_read_does_not_come_again(self):
        desk = self.log_in(self.desk)
        self.subscribe(desk, f"desk@{DOMAIN}")
        self.publish(0, 10)
        self.assertEqual(self.ids(desk, "i9"), [f"i{n}" for n in range(10)])
        self.goodbye(desk)
        self.publish(10, 13)
        desk = self.log_in(self.desk)
        items = self.items(desk, "i12")
        self.assertEqual([item for _, item, _ in items], ["i10", "i11", "i12"])
        self.assertTrue(all(late for _, _, late in items))
        self.quiet(desk)

    def test_a_kill_of_the_server_loses_nothing(self):
        desk = self.log_in(self.desk)
        self.subscribe(desk, f"desk@{DOMAIN}")
        self.goodbye(desk)
        self.publish(0, 50)
        self.server.kill9()
        self.server.start()
        desk = self.log_in(self.desk)
        self.assertEqual(self.ids(desk, "i49"), [f"i{n}" for n in range(50)])
        self.publisher = self.log_in(self.sensor)
        self.publish(50, 51)
        self.assertEqual(self.items(desk, "i50"), [(f"desk@{DOMAIN}", "i50", False)])

    def test_a_restart_of_the_server_repeats_nothing(self):
        desk = self.log_in(self.desk)
        self.subscribe(desk, f"desk@{DOMAIN}")
        self.publish(0, 10)
        self.ids(desk, "i9")
        stopping = threading.Thread(target=self.server.stop)
        stopping.start()
        for client in (desk, self.publisher):
            client.until_closed()
            client.socket.close()
        stopping.join()
        self.server.start()
        self.publisher = self.log_in(self.sensor)
        self.publish(10, 11)
        desk = self.log_in(self.desk)
        self.assertEqual(self.ids(desk, "i10"), ["i10"])
        self.quiet(desk)

    def test_a_stream_that_never_logged_in_has_read_nothing(self):
        """It was sent no item, and reads everything to its end: the server's."""
        desk = self.log_in(self.desk)
        self.subscribe(desk, f"desk@{DOMAIN}")
        self.goodbye(desk)
        self.publish(0, 3)
        bound = Raw(self.server.c2s, DOMAIN).login(self.desk)
        stopping = threading.Thread(target=self.server.stop)
        stopping.start()
        for client in (bound, self.publisher):
            client.until_closed()
            client.socket.close()
        stopping.join()
        self.server.start()
        self.assertEqual(self.ids(self.log_in(self.desk), "i2"), ["i0", "i1", "i2"])

    def test_who_is_cut_off_before_it_reads_gets_it_again(self):
        desk = self.log_in(self.desk)
        self.subscribe(desk, f"desk@{DOMAIN}")
        self.publish(0, 20)
        desk.socket.close()   # with everything unread: a reset
        self.publish(20, 21)
        desk = self.log_in(self.desk, "again")
        self.assertEqual(self.ids(desk, "i20"), [f"i{n}" for n in range(21)])

    def test_a_full_address_has_a_position_of_its_own(self):
        desk = self.log_in(self.desk, "one")
        self.subscribe(desk, f"desk@{DOMAIN}/one")
        self.goodbye(desk)
        self.publish(0, 2)
        other = self.log_in(self.desk, "two")
        self.quiet(other)
        desk = self.log_in(self.desk, "one")
        self.assertEqual(
            [(to, item) for to, item, _ in self.items(desk, "i1")],
            [(f"desk@{DOMAIN}/one", "i0"), (f"desk@{DOMAIN}/one", "i1")],
        )

    def test_what_one_resource_got_is_not_owed_to_another(self):
        one = self.log_in(self.desk, "one")
        self.subscribe(one, f"desk@{DOMAIN}")
        self.publish(0, 3)
        self.ids(one, "i2")
        two = self.log_in(self.desk, "two")
        self.quiet(two)
        self.publish(3, 4)
        self.assertEqual(self.ids(one, "i3"), ["i3"])
        self.assertEqual(self.ids(two, "i3"), ["i3"])

    def test_a_negative_priority_leaves_it_for_later(self):
        desk = self.log_in(self.desk)
        self.subscribe(desk, f"desk@{DOMAIN}")
        self.goodbye(desk)
        self.publish(0, 2)
        desk = self.log_in(self.desk, presence="<presence><priority>-1</priority></presence>")
        self.quiet(desk)
        desk.send("<presence/>")
        self.assertEqual(self.ids(desk, "i1"), ["i0", "i1"])


class Leaving(Replay):
    """Who leaves in the middle of a stream of events has what came before the server's goodbye, and
    is owed the rest: what is on its way from one strand to the other at that moment too."""

    ROUNDS = 60
    AT_A_TIME = 40

    def flood(self, stop, counts):
        publisher = self.log_in(self.sensor, "flood")
        number = 0
        while not stop.is_set():
            for n in range(number, number + self.AT_A_TIME):
                publisher.send(
                    f"<iq type='set' id='p{n}' to='{BROKER}'><pubsub xmlns='{PUBSUB}'><publish "
                    f"node='n'><item id='i{n}'><x xmlns='urn:x'/></item></publish></pubsub></iq>"
                )
            number += self.AT_A_TIME
            publisher.expect(f"<iq type='result' id='p{number - 1}'")
        counts.append(number)

    @staticmethod
    def some(client):
        """The items that came, one at least."""
        return [match.group(2) for match in ITEM.finditer(client.expect("^.*</message>").group())]

    def leave_again_and_again(self, end):
        desk = self.log_in(self.desk)
        self.subscribe(desk, f"desk@{DOMAIN}")
        stop, counts = threading.Event(), []
        flood = threading.Thread(target=self.flood, args=(stop, counts))
        flood.start()
        got = []
        try:
            for number in range(self.ROUNDS):
                got += self.some(desk)   # events are coming
                time.sleep(0.002 * (number % 7))
                end(desk)
                got += [match.group(2) for match in ITEM.finditer(desk.until_closed())]
                desk.socket.close()
                desk = self.log_in(self.desk)
        finally:
            stop.set()
            flood.join()
        self.publish(counts[0], counts[0] + 1)
        got += self.ids(desk, f"i{counts[0]}", 60)
        return got, [f"i{n}" for n in range(counts[0] + 1)]

    def test_nothing_is_lost_or_doubled_by_those_who_say_goodbye(self):
        got, published = self.leave_again_and_again(lambda desk: desk.send("</stream:stream>"))
        missing = sorted(set(published[published.index(got[0]) :]) - set(got))
        self.assertEqual(missing, [])
        self.assertEqual(len(got), len(set(got)))

    def test_nothing_is_lost_by_those_whose_stream_the_server_ends(self):
        got, published = self.leave_again_and_again(lambda desk: desk.send("<bad></worse>"))
        missing = sorted(set(published[published.index(got[0]) :]) - set(got))
        self.assertEqual(missing, [])


class Narrow(Raw):
    """A client whose machine takes a few KiB, and no more until it reads."""

    def connect(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(self.seconds)
        self.socket.connect(self.ends[0])
        self.seen, self.closed = "", False


class Slow(Replay):
    settings = {"limits.outbox_bytes_max": "262144"}

    def test_a_goodbye_does_not_stand_for_what_was_never_sent(self):
        desk = Narrow(self.server.c2s, DOMAIN).login(self.desk, "raw")
        desk.send("<presence/>")
        self.subscribe(desk, f"desk@{DOMAIN}")
        self.publish(0, 400, "<x xmlns='urn:x'>" + "y" * 20_000 + "</x>")
        desk.send("</stream:stream>")
        time.sleep(0.5)
        desk.socket.close()   # with all of it unread
        again = self.log_in(self.desk)
        got = self.ids(again, "i399", 60)
        self.assertEqual(got, [f"i{n}" for n in range(400 - len(got), 400)])
        self.assertGreater(len(got), 100)   # the rest was in the sockets

    def test_a_slow_reader_is_not_closed_and_misses_nothing(self):
        desk = self.log_in(self.desk)
        other = self.log_in(self.server.authority.client(f"other@{DOMAIN}"))
        self.subscribe(desk, f"desk@{DOMAIN}")
        self.subscribe(other, f"other@{DOMAIN}")
        payload = "<x xmlns='urn:x'>" + "y" * 8000 + "</x>"
        # Far more than both machines' socket buffers and the outbox hold; nobody else waits.
        for first in range(0, 1500, 50):
            self.publish(first, first + 50, payload)
            self.ids(other, f"i{first + 49}")
        got = self.ids(desk, "i1499", 60)
        self.assertEqual(got, [f"i{n}" for n in range(1500)])
        self.publish(1500, 1501)
        self.assertEqual(self.items(desk, "i1500"), [(f"desk@{DOMAIN}", "i1500", False)])
        self.assertNotIn("slow_reader", self.server.log())


if __name__ == "__main__":
    unittest.main()
