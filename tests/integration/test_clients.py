# tests/integration/test_clients.py: each example of tests/clients/ is cut off and misses nothing.
"""Each stands on a stock library. It logs in through a relay, subscribes and publishes; the test
publishes too, cuts the relay, publishes more, and lets the example come back."""

import importlib.util
import os
import shutil
import unittest

from example_client import ExampleClient
from gridd import DOMAIN, ROOT, Operated, binary
from policies import EVERYTHING
from raw import Raw
from relay import Relay
from topic import Topic

EXAMPLES = os.path.join(ROOT, "tests", "clients")
PYTHON = ["/usr/bin/python3", "-B"]
STREAM_MANAGEMENT = "urn:xmpp:sm:3"


def example(*parts):
    return os.path.join(EXAMPLES, *parts)


class ComesBack(unittest.TestCase):
    """A server with a topic that everybody may use, a relay before it, and one who publishes."""

    settings = {}

    def setUp(self):
        settings = {"accounts.auto_approve": "true", "pubsub.access_open": "true", **self.settings}
        self.server = Operated(EVERYTHING, settings).start()
        self.addCleanup(self.server.close)
        bundle = self.server.authority.client(f"sensor@{DOMAIN}")
        self.sensor = Topic(self.server, bundle, payload="urn:example:alert")
        self.addCleanup(self.sensor.close)
        created = self.sensor.create(access_model="open", publish_model="open")
        self.assertEqual(created[0], "ok", created)

    def needs(self, is_there, what):
        if not is_there:
            self.skipTest(f"there is no {what} (conf/install-deps --clients)")

    def publish(self, *items):
        for item in items:
            answer = self.sensor.publish(item)
            self.assertEqual(answer[0], "ok", answer)

    def certificates(self, name):
        """A folder with NAME.crt, NAME.key and ca.crt, as the examples want it."""
        bundle = self.server.authority.client(f"{name}@{DOMAIN}", file=name)
        return os.path.dirname(bundle.cert)

    def offers(self, namespace):
        """Whether the server's features after login have this namespace."""
        with Raw(self.server.c2s, DOMAIN) as client:
            client.starttls(self.server.authority.client(f"looker@{DOMAIN}"))
            client.open()
            client.authenticate()
            return namespace in client.open()

    def cut_and_come_back(self, command, target=None, *, resumes=False, env=None):
        """The example's whole life; `resumes` says that its library knows stream management."""
        relay = Relay(target or self.server.c2s)
        self.addCleanup(relay.close)
        host, port = relay.address
        arguments = [host, str(port), f"desk@{DOMAIN}", self.certificates("desk"), "alerts"]
        client = ExampleClient(command + arguments, env)
        self.addCleanup(client.close)
        client.expect("online")
        client.expect("subscribed")
        client.expect("published online-1")
        client.expect("item online-1")
        self.publish("before")
        client.expect("item before")
        relay.cut()
        client.expect("offline")
        self.publish("away-1", "away-2")
        relay.mend()
        back = client.expect("online", "resumed")
        client.expect("published online-2")
        self.publish("bye")
        client.finish()
        if resumes and self.offers(STREAM_MANAGEMENT):
            self.assertRegex(back, "^resumed")
        self.check_items(client.items(), is_once=back.startswith("resumed"))

    def check_items(self, got, is_once):
        """Each item in its order. What came before the cut may come again, as the server cannot
        know that it was read; not so where the client has counted it for the server."""
        before, after = ["online-1", "before"], ["away-1", "away-2", "online-2", "bye"]
        again = got[len(before) : len(got) - len(after)]
        self.assertEqual(got, before + again + after)
        self.assertEqual(again, [] if is_once else before[len(before) - len(again) :])


class WithCertificate(ComesBack):
    """SASL EXTERNAL."""

    def test_slixmpp(self):
        self.cut_and_come_back(PYTHON + [example("slixmpp", "client.py")], resumes=True)

    def test_nbxmpp(self):
        self.needs(importlib.util.find_spec("nbxmpp"), "python3-nbxmpp")
        self.cut_and_come_back(PYTHON + [example("nbxmpp", "client.py")], resumes=True)

    def test_libstrophe(self):
        self.cut_and_come_back([binary("libstrophe_client")], resumes=True)

    def test_gloox(self):
        program = binary("gloox_client")
        self.needs(os.path.exists(program), "libgloox-dev")
        self.cut_and_come_back([program])

    def test_smack(self):
        self.needs(shutil.which("javac"), "a JDK")
        self.needs(os.path.exists(example("smack", "lib")), "Smack")
        command = ["java", "-cp", example("smack", "lib", "*"), example("smack", "Client.java")]
        self.cut_and_come_back(command, resumes=True)


if __name__ == "__main__":
    unittest.main()
