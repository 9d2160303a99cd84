# tests/integration/test_reset.py: a connection that is reset before its client has read.
"""TCP's word that bytes have arrived counts as long as the connection lives."""

import signal
import socket
import struct
import time
import unittest

from gridd import DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from topic import Topic

RESET = struct.pack("ii", 1, 0)
READ_SECONDS = 5   # c2s/delivery_marks: so old an acknowledgement of TCP is taken for read


class Reset(unittest.TestCase):
    def test_a_reset_that_the_server_sees_late(self):
        """The client's machine acknowledges an item and resets the connection two seconds later;
        the server has no processor meanwhile, and looks when the acknowledgement is old."""
        settings = {"accounts.auto_approve": "true", "pubsub.access_open": "true"}
        server = Operated(EVERYTHING, settings).start()
        self.addCleanup(server.close)
        sensor = Topic(server, server.authority.client(f"sensor@{DOMAIN}"))
        self.addCleanup(sensor.close)
        self.assertEqual(sensor.create(access_model="open", publish_model="open")[0], "ok")
        bundle = server.authority.client(f"desk@{DOMAIN}")
        desk = Topic(server, bundle)
        self.assertEqual(desk.subscribe(f"desk@{DOMAIN}")[0], "ok")
        desk.raw.send("<presence/>")
        self.assertEqual(sensor.publish("first")[0], "ok")
        self.assertEqual(desk.event(), "first")
        self.assertEqual(sensor.publish("second")[0], "ok")
        time.sleep(2)   # the server has asked TCP, as it does every second
        server.process.send_signal(signal.SIGSTOP)
        desk.raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        desk.raw.socket.close()
        time.sleep(READ_SECONDS)
        server.process.send_signal(signal.SIGCONT)
        server.wait_log("session_ended.*desk@", seconds=30)
        with Raw(server.c2s, DOMAIN).login(bundle) as again:
            again.send("<presence/>")
            again.expect("<item id='second'")


if __name__ == "__main__":
    unittest.main()
