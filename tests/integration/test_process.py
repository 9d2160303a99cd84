# tests/integration/test_process.py: signals, permissions, users: what the system asks of a server.
"""What is not a client's business, and decides whether one is served tomorrow."""

import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import time
import unittest

from certs import Authority
from gridd import ADMIN, BUILD, DOMAIN, ROOT, Evaluation, Operated, binary
from raw import Raw

POLICY = "allow group everyone to discover, create, publish, subscribe, retrieve on *\n"


def shown_issuer(server, trust):
    """Shakes hands by HTTPS: an error unless that CA issued the server's certificate."""
    context = ssl.create_default_context(cafile=trust)
    with socket.create_connection(server.http, 20) as plain:
        with context.wrap_socket(plain, server_hostname=DOMAIN) as tls:
            return tls.getpeercert()["issuer"]


class Signals(unittest.TestCase):
    def setUp(self):
        self.server = Operated(
            POLICY, {"accounts.auto_approve": "true", "reload.on_change": "false"}
        )
        self.addCleanup(self.server.close)

    def hup(self, pattern):
        mark = self.server.log_mark()
        self.server.process.send_signal(signal.SIGHUP)
        return self.server.wait_log(pattern, mark, seconds=30)

    def start_with_file(self):
        self.config = os.path.join(self.server.folder, "gridd.toml")
        self.write_config("info")
        os.mkdir(self.server.data, 0o700)
        self.server.ctl("admin", "add", ADMIN)
        settings, self.server.settings = self.server.settings, {}
        self.settings = settings
        super(Operated, self.server).start(config=self.config)

    def write_config(self, level, **more):
        lines = [f"{key} = '{value}'" for key, value in self.server.settings.items()
                 if key not in ("accounts.auto_approve", "storage.free_bytes_min",
                                "reload.on_change")]
        lines += ["accounts.auto_approve = true", f"log.level = '{level}'",
                  "reload.on_change = false"]   # SIGHUP alone
        lines += [f"{key} = {value}" for key, value in more.items()]
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def test_reload(self):
        """found 44"""
        server = self.server
        self.start_with_file()
        server.settings = self.settings   # for gridctl and the file
        own = server.authority
        session = Raw(server.c2s, DOMAIN).login(own.client("ann@" + DOMAIN))
        self.addCleanup(session.socket.close)
        self.hup("what=reloaded changed=nothing")
        # The log's level.
        self.write_config("debug")
        self.hup("what=reloaded changed=log.level")
        # A policy whose text has changed, and one that does not parse.
        policy = server.settings["policy.file"]
        with open(policy, "a", encoding="utf-8") as file:
            file.write("# and more\n")
        self.hup("what=reloaded changed=policy")
        self.assertIn("# and more", server.admin_ctl("policy", "show"))
        with open(policy, "a", encoding="utf-8") as file:
            file.write("allow nonsense\n")
        line = self.hup("what=reload_refused")
        self.assertRegex(line, "policy:3:")
        self.assertNotIn("nonsense", server.admin_ctl("policy", "show"))
        # A policy that an administrator set afterwards stays while the file is the same.
        with open(policy, "w", encoding="utf-8") as file:
            file.write(POLICY)
        self.hup("what=reloaded changed=policy")
        set_by_hand = os.path.join(server.folder, "by-hand")
        with open(set_by_hand, "w", encoding="utf-8") as file:
            file.write(POLICY + "# by hand\n")
        server.admin_ctl("policy", "set", set_by_hand)
        self.hup("what=reloaded changed=nothing")
        self.assertIn("# by hand", server.admin_ctl("policy", "show"))
        # Certificates: the server's by another CA, clients of another CA beside the first.
        self.assertTrue(shown_issuer(server, own.path))
        other = Authority(os.path.join(server.folder, "other"), name="another CA")
        fresh = other.server(DOMAIN)
        shutil.copy(fresh.cert, server.settings["tls.certificate"])
        line = self.hup("what=reload_refused")   # the key is still the old one
        self.assertIn("does not belong", line)
        self.assertTrue(shown_issuer(server, own.path))
        shutil.copy(fresh.key, server.settings["tls.key"])
        with open(server.settings["tls.client_ca"], "a", encoding="utf-8") as file:
            with open(other.path, encoding="utf-8") as more:
                file.write(more.read())
        self.hup("what=reloaded changed=certificates")
        self.assertTrue(shown_issuer(server, other.path))
        with Raw(server.c2s, DOMAIN) as bob:
            bob.login(other.client("bob@" + DOMAIN))   # trusts `other`, and is of it
        # Options that cannot change are named; a broken file is refused.
        self.write_config("debug", **{"pubsub.nodes_max": 7})
        self.assertIn("pubsub.nodes_max", self.hup("what=reload_needs_restart"))
        with open(self.config, "a", encoding="utf-8") as file:
            file.write("nonsense = 1\n")
        self.assertIn("there is no option 'nonsense'", self.hup("what=reload_refused"))
        # The stream that was there at the beginning has seen nothing of it.
        session.send("<iq type='get' id='p' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>" % DOMAIN)
        session.expect("<iq [^>]*id='p'")

    def test_no_signal_kills_and_two_ends_end_at_once(self):
        """found 44"""
        self.server.start()
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE,
                       signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO, signal.SIGPWR,
                       signal.SIGXFSZ):
            self.server.process.send_signal(number)
        self.hup("what=reload")
        self.server.admin_ctl("status")
        # A client that does not let go keeps an orderly end waiting; the second signal does not.
        stuck = Raw(self.server.c2s, DOMAIN)
        self.addCleanup(stuck.socket.close)
        stuck.open()
        self.server.process.send_signal(signal.SIGTERM)
        self.server.process.send_signal(signal.SIGTERM)
        self.assertIn(self.server.process.wait(20), (0, 1))
        self.server.process = None

    def test_a_signal_ends_a_server_that_is_to_start_again(self):
        """Before the restart, while the streams end, and at the second signal."""
        self.server.start()
        process = self.server.process
        self.server.admin_ctl("shutdown", "--restart", "--delay", "60")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)
        self.assertNotIn("what=restart ", self.server.log())

        self.server.start()
        process = self.server.process
        stuck = Raw(self.server.c2s, DOMAIN)   # keeps an orderly end waiting
        self.addCleanup(stuck.socket.close)
        stuck.open()
        mark = self.server.log_mark()
        self.server.admin_ctl("shutdown", "--restart")
        self.server.wait_log("what=stopping", mark, 30)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)
        self.assertNotIn("what=restart ", self.server.log(mark))
        self.server.process = None

    def test_a_closed_terminal(self):
        """found 44"""
        self.server.settings["log.level"] = "info"
        master, slave = os.openpty()
        os.mkdir(self.server.data, 0o700)
        ready = os.path.join(self.server.folder, "ready.json")
        command = [binary("gridd"), "--data", self.server.data, "--ready-file", ready]
        for key, value in self.server.settings.items():
            command += ["--set", f"{key}={value}"]
        process = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=slave, stdout=slave, stderr=slave
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(slave)
        deadline = time.monotonic() + 60
        while not os.path.exists(ready):
            self.assertIsNone(process.poll())
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        os.close(master)   # the terminal is gone: SIGHUP, and nobody reads the log
        with open(ready, encoding="utf-8") as file:
            text = file.read()
        port = int(text.partition('"c2s":"127.0.0.1:')[2].partition('"')[0])
        for _ in range(3):
            with Raw(("127.0.0.1", port), DOMAIN) as stream:
                self.assertIn("starttls", stream.open())
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)

    def test_the_unit(self):
        """found 44"""
        with open(os.path.join(ROOT, "conf", "gridd.service"), encoding="utf-8") as file:
            unit = file.read()
        self.assertIn("\nRestart=always\n", unit)
        signal_by_shell = r'ExecReload=/bin/sh -c "kill -HUP \$MAINPID"\n'
        reload = r"\nExecReload=\S+gridd --check .*\n(#.*\n)*" + signal_by_shell
        self.assertRegex(unit, reload)


class Permissions(unittest.TestCase):
    def wide(self, folder):
        """What others could read or write."""
        found = []
        for where, folders, files in os.walk(folder):
            for name in [".", *folders, *files]:
                path = os.path.join(where, name)
                if stat.S_IMODE(os.lstat(path).st_mode) & 0o077:
                    found.append(os.path.relpath(path, folder))
        return found

    def test_private_whatever_the_umask_and_narrowed_afterwards(self):
        """found 43, A20, X2"""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        server = Evaluation().start()
        self.addCleanup(server.close)
        server.ctl("status")
        self.assertEqual(self.wide(server.data), [])
        server.stop()
        self.assertEqual(self.wide(server.data), [])
        # As an earlier version left it.
        os.chmod(server.data, 0o755)
        for name in ("store", "run"):
            os.chmod(os.path.join(server.data, name), 0o755)
        store = os.path.join(server.data, "store")
        for name in os.listdir(store):
            os.chmod(os.path.join(store, name), 0o644)
        mark = server.log_mark()
        server.start()
        server.wait_log(rf"permissions_narrowed path={server.data} from=0755 to=0700", mark)
        server.wait_log(rf"permissions_narrowed path={store} files=\d+ to=0600", mark)
        self.assertEqual(self.wide(server.data), [])

    @unittest.skipUnless(os.geteuid() == 0, "other users need root")
    def test_any_user_of_a_fresh_volume(self):
        """found 43"""
        with open(os.path.join(ROOT, "Dockerfile"), encoding="utf-8") as file:
            self.assertIn("install -d -m 0770 -o gridd -g root /var/lib/gridd", file.read())
        folder = tempfile.mkdtemp(prefix="gridd-volume-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        os.chmod(folder, 0o755)
        data = os.path.join(folder, "data")
        os.mkdir(data)
        os.chown(data, 10001, 0)
        os.chmod(data, 0o770)

        def start(user):
            command = ["setpriv", "--reuid", str(user), "--regid", "0", "--clear-groups",
                       binary("gridd"), "--data", data]
            for name in ("c2s", "c2s_tls", "http"):
                command += ["--set", f"listen.{name}=127.0.0.1:0"]
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, cwd=folder,
            )

        if not os.access(BUILD, os.X_OK) or subprocess.run(
            ["setpriv", "--reuid", "12345", "--regid", "0", "--clear-groups",
             "test", "-x", binary("gridd")], check=False
        ).returncode:
            self.skipTest("another user cannot reach the program")
        first = start(12345)
        self.addCleanup(first.wait)
        self.addCleanup(first.kill)
        deadline = time.monotonic() + 60
        while not os.path.exists(os.path.join(data, "run", "ready.json")):
            self.assertIsNone(first.poll(), first.poll() is not None and first.stdout.read())
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=30)
        self.assertEqual(self.wide(os.path.join(data, "store")), [])
        second = start(12346)
        said, _ = second.communicate(timeout=30)
        self.assertEqual(second.returncode, 1)
        self.assertRegex(said, "belongs to the user 12345 .*gridd runs as the user 12346")


if __name__ == "__main__":
    unittest.main()
