# tests/integration/test_clients.py: each example of tests/clients/ is cut off and misses nothing.
"""Each stands on a stock library. It logs in through a relay, subscribes and publishes; the test
publishes too, cuts the relay, publishes more, and lets the example come back."""

import base64
import hashlib
import http.client
import importlib.util
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
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
        client.expect("published desk-1")
        client.expect("item desk-1")
        self.publish("before")
        client.expect("item before")
        relay.cut()
        client.expect("offline")
        self.publish("away-1", "away-2")
        relay.mend()
        back = client.expect("online", "resumed")
        client.expect("published desk-2")
        self.publish("bye")
        client.finish()
        if resumes and self.offers(STREAM_MANAGEMENT):
            self.assertRegex(back, "^resumed")
        self.check_items(client.items(), is_once=back.startswith("resumed"))

    def check_items(self, got, is_once):
        """Each item in its order. What came before the cut may come again, as the server cannot
        know that it was read; not so where the client has counted it for the server."""
        before, after = ["desk-1", "before"], ["away-1", "away-2", "desk-2", "bye"]
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
        self.cut_and_come_back([program], resumes=True)

    def test_smack(self):
        self.needs(shutil.which("javac"), "a JDK")
        self.needs(os.path.exists(example("smack", "lib")), "Smack")
        # The option makes the start faster, and the rest slower.
        java = ["java", "-XX:TieredStopAtLevel=1", "-cp", example("smack", "lib", "*")]
        self.cut_and_come_back(java + [example("smack", "Client.java")], resumes=True)


class OverWebSocket(ComesBack):
    """SASL EXTERNAL; the certificate is shown below HTTP."""

    def setUp(self):
        super().setUp()
        self.needs(shutil.which("node"), "Node.js")
        if "urn:xmpp:alt-connections:websocket" not in self.host_meta():
            self.skipTest("the server offers no WebSocket")

    def host_meta(self):
        """What the server says of other ways to reach it (XEP-0156); "" when it says nothing."""
        bundle = self.server.authority.client(f"looker@{DOMAIN}")
        context = ssl.create_default_context(cafile=bundle.ca)
        context.load_cert_chain(bundle.cert, bundle.key)
        connection = http.client.HTTPSConnection(*self.server.http, context=context, timeout=10)
        try:
            connection.request("GET", "/.well-known/host-meta", headers={"Host": DOMAIN})
            answer = connection.getresponse()
            return answer.read().decode() if answer.status == 200 else ""
        finally:
            connection.close()

    def run_in_node(self, folder, program):
        self.needs(os.path.exists(example(folder, "node_modules")), folder)
        command = ["node", example(folder, program)]
        self.cut_and_come_back(command, self.server.http, resumes=True)

    def test_strophe_js(self):
        self.run_in_node("strophe.js", "client.mjs")

    def strophe_js_behind_a_relay(self):
        """It is there, and has published once."""
        self.needs(os.path.exists(example("strophe.js", "node_modules")), "strophe.js")
        relay = Relay(self.server.http)
        self.addCleanup(relay.close)
        host, port = relay.address
        client = ExampleClient([
            "node", example("strophe.js", "client.mjs"), host, str(port), f"desk@{DOMAIN}",
            self.certificates("desk"), "alerts",
        ])
        self.addCleanup(client.close)
        client.expect("published desk-1")
        return relay, client

    def test_strophe_js_has_one_connection_after_attempts_that_failed(self):
        """The library tells the end of each of these twice."""
        relay, client = self.strophe_js_behind_a_relay()
        relay.cut()
        for _ in range(3):   # the cut, and two attempts
            client.expect("offline")
        relay.mend()
        client.expect("published desk-2")
        self.publish("bye")
        client.finish()
        ends = client.lines.count("offline")
        self.assertEqual(ends, 1 + relay.refused, client.lines)
        self.assertEqual(client.items()[-2:], ["desk-2", "bye"])

    def test_strophe_js_comes_back_where_a_server_closes_before_the_stream(self):
        """The library tells its program nothing of that."""
        relay, client = self.strophe_js_behind_a_relay()
        closing = ClosingServer(self.server.settings)
        self.addCleanup(closing.close)
        relay.target = closing.address
        relay.cut()
        relay.mend()
        for _ in range(3):   # the cut, and two attempts
            client.expect("offline")
        self.assertGreaterEqual(closing.closed, 2)
        relay.target = self.server.http
        client.expect("published desk-2")
        self.publish("bye")
        client.finish()

    def test_stanza_js(self):
        self.run_in_node("stanza.js", "client.js")


class ClosingServer:
    """Takes WebSockets for streams, and closes each at once, in good order (RFC 6455 §7.4.1:
    1001, the server goes away)."""

    def __init__(self, settings):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings["tls.certificate"], settings["tls.key"])
        self.listener = context.wrap_socket(
            socket.create_server(("127.0.0.1", 0)), server_side=True
        )
        self.address = self.listener.getsockname()
        self.closed = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except ssl.SSLError:
                continue
            except OSError:
                return   # closed
            with client:
                self._close_politely(client)

    def _close_politely(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += (part := client.recv(4096))
            if not part:
                return
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", head, re.IGNORECASE)[1]
        proof = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        client.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Accept: " + base64.b64encode(proof) +
            b"\r\n\r\n" + b"\x88\x02" + (1001).to_bytes(2, "big")
        )
        client.settimeout(10)
        try:
            while client.recv(4096):   # the client's own close
                pass
        except OSError:
            pass
        self.closed += 1

    def close(self):
        self.listener.close()


class WithPassword(ComesBack):
    """SCRAM."""

    settings = {"sasl.passwords": "true"}
    PASSWORD = "correct horse battery staple"

    def setUp(self):
        known = [binary("gridd"), "--check", "--set", "sasl.passwords=true"]
        if subprocess.run(known, capture_output=True, check=False).returncode:
            self.skipTest("the server has no passwords")
        super().setUp()
        account = ["accounts", "add", f"desk@{DOMAIN}", "--password", "-"]
        self.server.admin_ctl(*account, stdin=self.PASSWORD + "\n")

    def with_password(self, command, resumes):
        """The folder of certificates is there for ca.crt; the name of its client is another."""
        ca = os.path.join(self.certificates("other"), "ca.crt")
        env = {"GRID_PASSWORD": self.PASSWORD, "NODE_EXTRA_CA_CERTS": ca}
        self.cut_and_come_back(command, resumes=resumes, env=env)

    def test_qxmpp(self):
        program = binary("qxmpp_client")
        self.needs(os.path.exists(program), "libqxmpp-dev")
        self.with_password([program], resumes=False)

    def test_xmpp_js(self):
        self.needs(shutil.which("node"), "Node.js")
        self.needs(os.path.exists(example("xmpp.js", "node_modules")), "@xmpp/client")
        # The library says so itself; Debian 12 has Node.js 18.
        version = subprocess.check_output(["node", "--version"], text=True)
        if int(re.match(r"v(\d+)", version).group(1)) < 20:
            self.skipTest("@xmpp/client needs Node.js 20")
        self.with_password(["node", example("xmpp.js", "client.mjs")], resumes=True)


if __name__ == "__main__":
    unittest.main()
