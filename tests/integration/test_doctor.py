# tests/integration/test_doctor.py: gridctl doctor finds what is wrong, also when gridd is down.
"""Each fault is made, and the line about it, its next step and the exit code are looked at."""

import datetime
import json
import os
import socket
import ssl
import threading
import unittest

from certs import DAY, Authority
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from gridd import DOMAIN, Evaluation, Gridd, Operated
from policies import EVERYTHING

DONE, REFUSED, USAGE, NO_CONNECTION = range(4)


def tree(folder):
    """Every file below, with its owner and time: what a look must leave as it is."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            about = os.lstat(os.path.join(path, name))
            found[os.path.join(path, name)] = (about.st_uid, about.st_size, about.st_mtime_ns)
    return found


class Doctor(unittest.TestCase):
    """By --json: {"checks": [{"check", "state", "text", "todo"}…], "warnings", "failures"}."""

    def examine(self, server, *arguments, identity=None, sets=True):
        command = ["--json", "doctor"]
        if sets:
            for key, value in server.settings.items():
                command += ["--set", f"{key}={value}"]
        done = server.gridctl(*command, *arguments, identity=identity)
        report = json.loads(done.stdout)
        for line in report["checks"]:
            self.assertEqual(line["state"] == "ok", line["todo"] == "", line)
        states = [line["state"] for line in report["checks"]]
        self.assertEqual(report["failures"], states.count("fail"))
        self.assertEqual(report["warnings"], states.count("warn"))
        self.assertEqual(done.returncode, REFUSED if report["failures"] else DONE, done.stderr)
        return report["checks"]

    def line(self, checks, check, part, state):
        found = [one for one in checks if one["check"] == check and part in one["text"]]
        self.assertEqual([one["state"] for one in found], [state], (check, part, checks))
        return found[0]

    def failures(self, checks):
        return [one for one in checks if one["state"] == "fail"]

    def evaluation(self, settings=None):
        server = Evaluation(settings)
        self.addCleanup(server.close)
        return server.start()

    def operated(self, settings=None):
        server = Operated(EVERYTHING, settings)
        self.addCleanup(server.close)
        return server

    def test_a_good_one_and_one_that_is_down(self):
        server = self.evaluation()
        checks = self.examine(server)
        self.assertEqual(self.failures(checks), [])
        for check in ("config", "store", "disk", "clock", "certificate", "client CA", "our own",
                      "names", "open files", "server", "port", "connection"):
            self.assertIn(check, [one["check"] for one in checks])
        self.assertEqual(len([one for one in checks if one["check"] == "port"]), 4)
        text = server.gridctl("doctor").stdout
        self.assertIn("ok    server", text)
        server.stop()
        before = tree(server.data)
        checks = self.examine(server)
        self.assertEqual([one["check"] for one in self.failures(checks)], ["server"])
        self.assertIn("systemctl start", self.failures(checks)[0]["todo"])
        self.line(checks, "store", "can be read", "ok")
        self.assertEqual(tree(server.data), before)
        done = server.gridctl("doctor")
        self.assertIn("FAIL  server", done.stdout)
        self.assertIn("1 check failed", done.stderr)

    def test_nothing_there_at_all(self):
        server = Gridd()
        self.addCleanup(server.close)
        checks = self.examine(server)
        self.assertEqual([one["check"] for one in self.failures(checks)][-1], "server")
        self.assertFalse(os.path.exists(server.data))

    def test_certificates(self):
        server = self.operated()
        authority = server.authority
        short = Authority(os.path.join(server.folder, "short"))
        short.key, short.certificate = authority.key, authority.certificate

        def serve_with(begin, end, names):
            made = short._issue(   # pylint: disable=protected-access
                "odd", DOMAIN, names, ExtendedKeyUsageOID.SERVER_AUTH, begin, end, authority.path
            )
            server.settings.update({"tls.certificate": made.cert, "tls.key": made.key})
            return self.examine(server)

        names = [x509.DNSName(f"{part}{DOMAIN}")
                 for part in ("", "pubsub.", "broker.", "controller.")]
        checks = serve_with(-DAY, 3 * DAY + DAY / 24, names)
        self.line(checks, "certificate", "3 days left", "warn")
        checks = serve_with(-10 * DAY, -2 * DAY, names)
        self.line(checks, "certificate", "expired on", "fail")
        checks = serve_with(-DAY, 20 * DAY, names[:1])
        self.line(checks, "certificate", f"does not name pubsub.{DOMAIN}", "warn")
        checks = serve_with(-DAY, 20 * DAY, [x509.DNSName("elsewhere.example")])
        self.assertIn("does not name the domain", str(self.failures(checks)))
        checks = serve_with(DAY, 20 * DAY, names)
        self.assertIn("not valid before", str(self.failures(checks)))

    def test_configuration_ports_and_disk(self):
        server = self.operated()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            server.settings["listen.c2s"] = f"127.0.0.1:{port}"
            checks = self.examine(server)
            self.assertIn("listen.c2s", str(self.failures(checks)))
        server.settings["listen.c2s"] = "127.0.0.1:0"
        free = os.statvfs(server.folder)
        server.settings["storage.free_bytes_min"] = 2 * free.f_bavail * free.f_frsize
        os.mkdir(server.data, 0o700)
        self.line(self.examine(server), "disk", "takes no writes", "fail")
        server.settings["storage.free_bytes_min"] = 64 * 1024 * 1024
        server.settings["tls.client_ca"] = "/there/is/none"
        self.assertIn("/there/is/none", str(self.failures(self.examine(server))))
        file = os.path.join(server.folder, "bad.toml")
        with open(file, "w", encoding="utf-8") as out:
            out.write("[limits]\ndepth_maxi = 3\n")
        checks = self.examine(server, "--config", file, sets=False)
        self.assertIn(f"{file}:2:1", self.line(checks, "config", "depth_max", "fail")["text"])

    def test_another_certificate_is_shown_than_the_file_has(self):
        server = self.operated()
        server.settings["reload.on_change"] = "false"   # a slow look would see it taken
        server.start()
        other = server.authority.server(DOMAIN)   # the same files, written anew
        self.assertEqual(other.cert, server.settings["tls.certificate"])
        checks = self.examine(server)
        found = [one for one in checks if one["check"] == "port" and one["state"] == "warn"]
        self.assertEqual(len(found), 2, checks)   # c2s_tls and http
        self.assertIn("reload", found[0]["todo"])

    def test_from_elsewhere(self):
        server = self.operated().start()
        checks = self.examine(server, identity=server.admin, sets=False)
        self.assertEqual(self.failures(checks), [])
        self.line(checks, "connection", f"admin@{DOMAIN}", "ok")
        self.line(checks, "clock", "differ by", "ok")
        self.line(checks, "certificate", "was issued by", "ok")
        host, port = server.http
        server.stop()
        server.addresses["http"] = (host, port)
        checks = self.examine(server, identity=server.admin, sets=False)
        self.line(checks, "server", "does not answer", "fail")

    def test_a_server_of_another_time(self):
        """The Date of a stand-in is an hour old."""
        authority = Authority(os.path.join(self.operated().folder, "stand-in"))
        own, admin = authority.server(DOMAIN), authority.client(f"admin@{DOMAIN}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own.cert, own.key)
        past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        answer = (
            f"HTTP/1.1 200 OK\r\nDate: {past:%a, %d %b %Y %H:%M:%S} GMT\r\n"
            "Content-Length: 2\r\nConnection: close\r\n\r\n{}"
        ).encode()
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            while True:
                try:
                    one, _ = listener.accept()
                    with context.wrap_socket(one, server_side=True) as stream:
                        if stream.recv(4096):
                            stream.sendall(answer)
                except (OSError, ValueError):
                    if listener.fileno() < 0:
                        return

        threading.Thread(target=serve, daemon=True).start()
        server = Gridd()
        self.addCleanup(server.close)
        server.addresses["http"] = listener.getsockname()
        checks = self.examine(server, identity=admin, sets=False)
        self.assertIn("NTP", self.line(checks, "clock", "differ by", "fail")["todo"])


if __name__ == "__main__":
    unittest.main()
