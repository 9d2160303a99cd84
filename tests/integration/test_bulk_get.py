# tests/integration/test_bulk_get.py: `gridctl bulk get`: the history of a topic as lines.
"""ann publishes; bob may take the history, eve may only see the topic."""

import json
import os
import signal
import subprocess
import tempfile
import time

from files import FilesCase
from gridd import DOMAIN, binary
from relay import Relay

ITEMS = 6000
SECONDS = 60
DONE, REFUSED, USAGE, NO_CONNECTION, NOT_FOUND = range(5)
INTERRUPTED = 130


class BulkGet(FilesCase):
    policy = (
        "allow client ann, bob to discover, create, publish, subscribe, retrieve, bulk on *\n"
        "allow client eve to discover on *\n"
    )

    @classmethod
    def setUpClass(cls):
        cls.relay = Relay(("127.0.0.1", 1))
        url = f"https://{DOMAIN}:{cls.relay.address[1]}"
        cls.settings = {
            "listen.socks5": "127.0.0.1:0", "files.url": url,
            "pubsub.default_access_model": "open", "pubsub.access_open": "true",
        }
        super().setUpClass()
        cls.relay.target = cls.server.http
        lines = "".join(json.dumps({"n": n, "pad": "x" * 2000}) + "\n" for n in range(ITEMS))
        cls.gridctl(cls.ann, "publish", "past", "-", "--lines", "--create", stdin=lines)

    @classmethod
    def tearDownClass(cls):
        cls.relay.close()
        super().tearDownClass()

    @classmethod
    def command(cls, who, *arguments):
        host, port = cls.server.c2s
        command = [binary("gridctl"), "--json", "--server", f"{host}:{port}", "--ca", who.ca]
        return command + ["--cert", who.cert, "--key", who.key, *arguments]

    @classmethod
    def gridctl(cls, who, *arguments, stdin="", code=DONE):
        done = subprocess.run(
            cls.command(who, *arguments), input=stdin, capture_output=True, text=True,
            timeout=SECONDS, check=False,
        )
        assert done.returncode == code, (done.returncode, done.stdout[-500:], done.stderr)
        return done

    def numbers(self, text):
        return [json.loads(line)["payload"]["n"] for line in text.splitlines()]

    def test_all_of_it_in_order(self):
        done = self.gridctl(self.bob, "bulk", "get", "past")
        self.assertEqual(self.numbers(done.stdout), list(range(ITEMS)))
        one = json.loads(done.stdout.splitlines()[0])
        self.assertEqual(set(one), {"topic", "id", "publisher", "time", "payload"})
        self.assertEqual((one["topic"], one["publisher"]), ("past", self.ann.jid))
        middle = json.loads(done.stdout.splitlines()[ITEMS // 2])["time"]
        late = self.numbers(self.gridctl(self.bob, "bulk", "get", "past", "--from", middle).stdout)
        early = self.numbers(self.gridctl(self.bob, "bulk", "get", "past", "--to", middle).stdout)
        self.assertEqual(late[-1], ITEMS - 1)
        self.assertEqual(sorted(set(early + late)), list(range(ITEMS)))
        self.assertLess(len(early) + len(late), 2 * ITEMS)

    def test_through_a_line_that_breaks(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out")
            process = subprocess.Popen(self.command(self.bob, "bulk", "get", "past", "-o", path))
            self.addCleanup(process.kill)
            cuts, whole = 0, ITEMS * 2000
            for quarter in range(1, 4):
                while process.poll() is None and not (
                    os.path.exists(path) and os.path.getsize(path) >= quarter * whole // 4
                ):
                    time.sleep(0.001)
                if process.poll() is None:
                    self.relay.cut()
                    self.relay.mend()
                    cuts += 1
            self.assertEqual(process.wait(SECONDS), DONE)
            self.assertGreater(cuts, 0)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(self.numbers(file.read()), list(range(ITEMS)))

    def interrupted(self, path, how, *more):
        """A run that ends in the middle: the server's answer is held, then it is stopped, or
        killed."""
        size = os.path.getsize(path) if os.path.exists(path) else 0
        self.relay.allow(4 << 20)
        process = subprocess.Popen(
            self.command(self.bob, "bulk", "get", "past", "-o", path, *more),
            stderr=subprocess.PIPE,
        )
        self.addCleanup(process.kill)
        deadline = time.monotonic() + SECONDS
        while not (os.path.exists(path) and os.path.getsize(path) >= size + (1 << 20)):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        process.send_signal(how)
        _, errors = process.communicate(timeout=SECONDS)
        self.relay.allow()
        return process.returncode, errors.decode()

    def test_a_later_run_goes_on(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out")
            code, said = self.interrupted(path, signal.SIGINT)
            self.assertEqual(code, INTERRUPTED, said)
            with open(path, encoding="utf-8") as file:
                there = self.numbers(file.read())
            self.assertEqual(there, list(range(len(there))))
            self.assertLess(len(there), ITEMS)
            # A run that is killed may leave half a line.
            self.interrupted(path, signal.SIGKILL, "-c")
            self.assertTrue(os.path.exists(path + ".resume"))
            with open(path, "ab") as file:
                file.write(b'{"topic":"pa')
            self.gridctl(self.bob, "bulk", "get", "past", "-o", path, "-c")
            with open(path, encoding="utf-8") as file:
                self.assertEqual(self.numbers(file.read()), list(range(ITEMS)))
            self.assertEqual(os.listdir(folder), ["out"])
            done = self.gridctl(
                self.bob, "bulk", "get", "past", "-o", path, "-c", code=USAGE
            )
            self.assertIn("is complete, or another program's", done.stderr)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(len(self.numbers(file.read())), ITEMS)
            # Without -c it begins again.
            self.gridctl(self.bob, "bulk", "get", "past", "-o", path)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(self.numbers(file.read()), list(range(ITEMS)))

    def test_what_cannot_go_on_says_why(self):
        get = ("bulk", "get", "past", "-c")
        done = self.gridctl(self.bob, *get, code=USAGE)
        self.assertIn("name it with -o", done.stderr)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out")
            self.assertEqual(self.interrupted(path, signal.SIGINT)[0], INTERRUPTED)
            with open(path, "rb") as file:
                before = file.read()
            for more, words in (
                (("--from", "2020-01-01T00:00:00Z"), "another topic, span, filter"),
                (("--filter", "n > 3"), "another topic, span, filter"),
            ):
                done = self.gridctl(self.bob, *get, "-o", path, *more, code=USAGE)
                self.assertIn(words, done.stderr)
            with open(path, "rb") as file:
                self.assertEqual(file.read(), before, "it was written to")
            os.truncate(path, 10)
            done = self.gridctl(self.bob, *get, "-o", path, code=USAGE)
            self.assertIn("shorter than it was", done.stderr)
            with open(path + ".resume", "w", encoding="ascii") as file:
                file.write("{}")
            done = self.gridctl(self.bob, *get, "-o", path, code=USAGE)
            self.assertIn("damaged", done.stderr)
            # With nothing to go on with it begins.
            other = os.path.join(folder, "other")
            self.gridctl(self.bob, *get, "-o", other)
            with open(other, encoding="utf-8") as file:
                self.assertEqual(self.numbers(file.read()), list(range(ITEMS)))
            self.gridctl(self.bob, "bulk", "get", "past", "-o", "/dev/null")

    def test_refusals(self):
        self.gridctl(self.bob, "bulk", "get", "nowhere", code=NOT_FOUND)
        self.gridctl(self.bob, "bulk", "get", "past", "--from", "today", code=USAGE)
        done = self.gridctl(self.eve, "bulk", "get", "past", code=REFUSED)
        self.assertIn("past", done.stderr)
        full = self.gridctl(self.bob, "bulk", "get", "past", "-o", "/dev/full", code=REFUSED)
        self.assertIn("/dev/full: its disk is full: No space left", full.stderr)
        none = self.gridctl(self.bob, "bulk", "get", "past", "--to", "2020-01-01T00:00:00Z")
        self.assertEqual(none.stdout, "")
