# tests/integration/test_health.py: health without certificate, without HTTPS, without network.
"""gridctl health, the socket in the data directory, and the listener for probes."""

import os
import socket
import stat
import subprocess
import unittest

from gridd import Gridd, Operated
from policies import EVERYTHING


def get(address, path, head="GET {} HTTP/1.1\r\nHost: x\r\n\r\n"):
    """The whole answer over plain TCP or a Unix socket."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.settimeout(20)
        one.connect(address)
        one.sendall(head.format(path).encode())
        text = b""
        while data := one.recv(4096):
            text += data
    return text.decode()


class Health(unittest.TestCase):
    """found 41"""

    def serve(self, settings):
        server = Operated(EVERYTHING, settings)
        self.addCleanup(server.close)
        return server.start()

    def assert_healthy(self, server):
        done = server.gridctl("health")
        self.assertEqual((done.returncode, done.stdout), (0, "ok\n"), done.stderr)

    def test_certificates_in_the_handshake_and_a_listener_for_probes(self):
        server = self.serve(
            {"tls.require_client_certificate": "true", "listen.health": "127.0.0.1:0"}
        )
        self.assert_healthy(server)
        address = server.addresses["health"]
        self.assertTrue(get(address, "/healthz").startswith("HTTP/1.1 200 "))
        self.assertIn('{"ready":true,"problems":[]}', get(address, "/readyz"))
        for path in ("/", "/api/v1/status", "/metrics", "/healthz/", "/.well-known/host-meta"):
            self.assertTrue(get(address, path).startswith("HTTP/1.1 404 "), path)
        post = "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        self.assertTrue(get(address, "/healthz", post).startswith("HTTP/1.1 405 "))
        self.assertTrue(get(address, "/healthz", "nonsense {}\r\n\r\n").startswith("HTTP/1.1 400 "))
        # Handshakes that failed at HTTPS are in the log (found X9).
        mark = server.log_mark()
        host, port = server.http
        done = subprocess.run(
            ["curl", "-sk", "--max-time", "20", f"https://{host}:{port}/healthz"],
            capture_output=True, check=False,
        )
        self.assertNotEqual(done.returncode, 0)
        line = server.wait_log("http_handshake_failed", mark)
        self.assertRegex(line, r'reason="[^"]+"|reason=\S+')

    def test_crowds_at_the_probes_do_not_reach_the_socket(self):
        server = self.serve({"listen.http": "", "listen.health": "127.0.0.1:0"})
        idle = []
        for _ in range(40):
            one = socket.create_connection(server.addresses["health"], 20)
            self.addCleanup(one.close)
            idle.append(one)
        self.assert_healthy(server)
        self.assertTrue(get(server.addresses["health"], "/healthz").startswith("HTTP/1.1 200 "))

    def test_without_https_and_in_a_deep_directory(self):
        server = Operated(EVERYTHING, {"listen.http": ""})
        self.addCleanup(server.close)
        server.data = os.path.join(server.folder, "d" * 120, "data")
        os.makedirs(os.path.dirname(server.data))
        server.start()
        self.assert_healthy(server)
        server.close()

    def test_the_socket_is_its_own_users_and_goes_with_it(self):
        server = self.serve({"listen.http": ""})
        path = os.path.join(server.data, "run", "health.sock")
        mode = os.stat(path).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertTrue(get(path, "/readyz").startswith("HTTP/1.1 200 "))
        server.kill9()
        done = server.gridctl("health")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no gridd runs on", done.stderr)
        server.start()   # in place of the one that was left
        self.assert_healthy(server)
        server.stop()
        self.assertFalse(os.path.exists(path))
        self.assertEqual(server.gridctl("health").returncode, 3)

    def test_usage_ends_with_2(self):
        server = Gridd()
        self.addCleanup(server.close)
        done = subprocess.run(
            [server.program, "--bogus"], capture_output=True, check=False, timeout=20
        )
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
