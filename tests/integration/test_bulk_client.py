# tests/integration/test_bulk_client.py: `gridctl bulk send` and `bulk receive`.
"""ann sends files to bob, by HTTPS and a message, through connections that break."""

import glob
import hashlib
import json
import os
import subprocess
import tempfile
import time
import unittest

from files import FilesCase, POLICY, content
from gridd import DOMAIN, binary
from relay import Relay
from small_disk import may_mount

SECONDS = 60
MIB = 1024 * 1024
DONE, REFUSED, USAGE, NO_CONNECTION = range(4)


class BulkCase(FilesCase):
    policy = POLICY + "allow client ann to message client bob\n"
    more = {}   # settings

    @classmethod
    def setUpClass(cls):
        cls.relay = Relay(("127.0.0.1", 1))
        url = f"https://{DOMAIN}:{cls.relay.address[1]}"
        cls.settings = {"listen.socks5": "127.0.0.1:0", "files.url": url} | cls.more
        super().setUpClass()
        cls.relay.target = cls.server.http

    @classmethod
    def tearDownClass(cls):
        cls.relay.close()
        super().tearDownClass()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def command(self, who, *arguments):
        host, port = self.server.c2s
        command = [binary("gridctl"), "--json", "--server", f"{host}:{port}", "--ca", who.ca]
        return command + ["--cert", who.cert, "--key", who.key, "bulk", *arguments]

    def bulk(self, who, *arguments, code=DONE):
        done = subprocess.run(
            self.command(who, *arguments), capture_output=True, text=True, timeout=SECONDS,
            check=False,
        )
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def file(self, data, name="a file.bin"):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def receive(self, count=1, *more):
        out = os.path.join(self.folder.name, "in")
        os.makedirs(out, exist_ok=True)
        done = self.bulk(self.bob, "receive", "-o", out, "--count", str(count), *more)
        return [json.loads(line) for line in done.stdout.splitlines()]


class BulkClient(BulkCase):
    def test_a_file_arrives_with_its_name(self):
        data = content(3 * MIB + 1)
        sent = json.loads(
            self.bulk(self.ann, "send", self.file(data, "größe 1.bin"), self.bob.jid).stdout
        )
        self.assertEqual(sent["sha256"], hashlib.sha256(data).hexdigest())
        got = self.receive()[0]
        self.assertEqual(os.path.basename(got["file"]), "größe 1.bin")
        self.assertEqual(got["from"].split("/")[0], self.ann.jid)
        with open(got["file"], "rb") as file:
            self.assertEqual(file.read(), data)
        self.assertEqual(
            os.listdir(os.path.dirname(got["file"])), ["größe 1.bin"], "no part is left behind"
        )

    def test_a_receiver_that_waits(self):
        out = os.path.join(self.folder.name, "in")
        os.makedirs(out)
        process = subprocess.Popen(
            self.command(self.bob, "receive", "-o", out, "--count", "2"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.addCleanup(process.kill)
        for data in (b"one", b"two"):
            self.bulk(self.ann, "send", self.file(data), self.bob.jid)
        said, errors = process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, DONE, errors)
        names = [os.path.basename(json.loads(line)["file"]) for line in said.splitlines()]
        self.assertEqual(names, ["a file.bin", "a file.bin.1"])

    def test_names_do_not_leave_the_folder_nor_replace_files(self):
        for data in (b"one", b"two"):
            self.bulk(
                self.ann, "send", self.file(data), self.bob.jid, "--name", "../.hidden"
            )
        got = self.receive(2)
        names = [os.path.basename(one["file"]) for one in got]
        self.assertEqual(len(set(names)), 2)
        for one, data in zip(got, (b"one", b"two")):
            self.assertEqual(
                os.path.dirname(one["file"]), os.path.join(self.folder.name, "in")
            )
            self.assertFalse(os.path.basename(one["file"]).startswith("."))
            with open(one["file"], "rb") as file:
                self.assertEqual(file.read(), data)

    def test_those_who_may_not(self):
        done = self.bulk(self.bob, "send", self.file(b"x"), self.ann.jid, code=REFUSED)
        self.assertRegex(done.stderr, "no slot: forbidden")
        self.bulk(self.ann, "send", "/nonexistent", self.bob.jid, code=USAGE)

    def test_what_is_no_file_is_not_waited_for(self):
        pipe = os.path.join(self.folder.name, "pipe")
        os.mkfifo(pipe)
        for path in (pipe, self.folder.name, "/dev/zero"):
            done = self.bulk(self.ann, "send", path, self.bob.jid, code=USAGE)
            self.assertIn("no regular file", done.stderr)

    def wait_until_open(self, pid, path):
        deadline = time.monotonic() + SECONDS
        while not any(os.path.realpath(one) == path for one in glob.glob(f"/proc/{pid}/fd/*")):
            self.assertLess(time.monotonic(), deadline, "it opens the file")
            time.sleep(0.02)
        time.sleep(0.1)   # the size is read at once

    def test_a_file_that_shrinks_in_the_middle_is_refused(self):
        path = self.file(b"")
        os.truncate(path, 3 << 30)   # takes seconds to read
        process = subprocess.Popen(
            self.command(self.ann, "send", path, self.bob.jid),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.addCleanup(process.kill)
        self.wait_until_open(process.pid, path)
        os.truncate(path, 1)
        _, errors = process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, REFUSED, errors)
        self.assertIn("became shorter", errors)

    def test_names_that_lie_about_their_end(self):
        lying = "\u202efdp.exe"
        done = self.bulk(
            self.ann, "send", self.file(b"x"), self.bob.jid, "--name", lying, code=REFUSED
        )
        self.assertIn("filename", done.stderr)

    def test_a_foreign_link_is_not_followed(self):
        stream = self.log_in(self.ann, "linker")
        self.addCleanup(stream.close)
        for url in ("https://127.0.0.1:1/bulk/x/y", f"http://{DOMAIN}/bulk/x/y"):
            stream.raw.send(
                f"<message to='{self.bob.jid}' type='normal'><x xmlns='jabber:x:oob'>"
                f"<url>{url}</url></x></message>"
            )
        stream.settle()   # both messages are there before the next
        self.bulk(self.ann, "send", self.file(b"good"), self.bob.jid)
        out = os.path.join(self.folder.name, "in")
        os.makedirs(out)
        done = self.bulk(self.bob, "receive", "-o", out, "--count", "1")
        self.assertEqual(done.stderr.count("not of this grid"), 2)

    def test_a_link_that_leads_nowhere_holds_up_none(self):
        stream = self.log_in(self.ann, "linker")
        self.addCleanup(stream.close)
        stream.raw.send(
            f"<message to='{self.bob.jid}' type='normal'><x xmlns='jabber:x:oob'>"
            f"<url>https://{DOMAIN}:1/bulk/{'0' * 32}/x</url></x></message>"
        )
        stream.settle()
        self.bulk(self.ann, "send", self.file(b"good"), self.bob.jid)
        out = os.path.join(self.folder.name, "in")
        os.makedirs(out)
        done = self.bulk(
            self.bob, "receive", "-o", out, "--count", "1", "--reconnect", "1"
        )
        self.assertIn(f"https://{DOMAIN}:1/bulk", done.stderr)
        self.assertEqual(os.listdir(out), ["a file.bin"])

    def test_names_that_leave_no_room_for_a_number(self):
        for data in (b"one", b"two"):
            self.bulk(self.ann, "send", self.file(data), self.bob.jid, "--name", "ö" * 127)
        names = [os.path.basename(one["file"]) for one in self.receive(2)]
        self.assertEqual(names, ["ö" * 120, "ö" * 120 + ".1"])

    def test_who_is_to_be_received_from(self):
        self.bulk(self.bob, "receive", "--from", "no jid at all@@", code=USAGE)
        self.bulk(self.ann, "send", self.file(b"good"), self.bob.jid)
        got = self.receive(1, "--from", self.ann.jid.upper())
        self.assertEqual(got[0]["from"].split("/")[0], self.ann.jid)

    def test_a_partial_file_that_is_wrong_is_fetched_anew(self):
        data = content(MIB, seed=8)
        for wrong in (b"x" * 1000, b"x" * (MIB + 1)):
            self.bulk(self.ann, "send", self.file(data), self.bob.jid)
            out = os.path.join(self.folder.name, "in")
            os.makedirs(out, exist_ok=True)
            part = os.path.join(out, f".{hashlib.sha256(data).hexdigest()}.part")
            with open(part, "wb") as file:
                file.write(wrong)
            got = self.receive()[0]
            with open(got["file"], "rb") as file:
                self.assertEqual(file.read(), data)

    def test_a_partial_file_of_an_earlier_run_is_completed(self):
        data = content(2 * MIB, seed=3)
        self.bulk(self.ann, "send", self.file(data), self.bob.jid)
        out = os.path.join(self.folder.name, "in")
        os.makedirs(out)
        part = os.path.join(out, f".{hashlib.sha256(data).hexdigest()}.part")
        with open(part, "wb") as file:
            file.write(data[: MIB + 5])
        got = self.receive()[0]
        with open(got["file"], "rb") as file:
            self.assertEqual(file.read(), data)
        # The audit is written behind.
        deadline = time.monotonic() + SECONDS
        while not any(str(MIB - 5) in json.dumps(one) for one in self.audit("download")):
            self.assertLess(time.monotonic(), deadline, self.audit("download"))
            time.sleep(0.05)

    @unittest.skipUnless(may_mount(), "needs the right to mount a file system")
    def test_what_came_before_the_disk_was_full_does_not_come_twice(self):
        for name, data in (("one", b"one"), ("two", content(2 * MIB, seed=5))):
            self.bulk(self.ann, "send", self.file(data, name), self.bob.jid)
        out = os.path.join(self.folder.name, "in")
        os.makedirs(out)
        script = f"mount -t tmpfs -o size=1m none {out} && exec \"$@\""
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh",
             *self.command(self.bob, "receive", "-o", out, "--count", "2")],
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        self.assertRegex(done.stderr, r"in/\.[0-9a-f]{64}\.part: its disk is full: No space left")
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertEqual([os.path.basename(one["file"]) for one in self.receive()], ["two"])

    def test_both_ways_through_a_line_that_breaks(self):
        """The links name a relay, which cuts every connection at each quarter of the file."""
        data = content(32 * MIB, seed=4)
        out = os.path.join(self.folder.name, "in")
        os.makedirs(out)

        known = set()

        def sizes(folder):
            names = set(os.listdir(folder)) - known
            return max([0, *(os.path.getsize(os.path.join(folder, one)) for one in names)])

        def through_cuts(folder, *command):
            """What it printed, and how often it was cut."""
            process = subprocess.Popen(
                self.command(*command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            self.addCleanup(process.kill)
            cuts = 0
            for quarter in range(1, 4):
                while process.poll() is None and sizes(folder) < quarter * len(data) // 4:
                    time.sleep(0.001)
                if process.poll() is None:
                    self.relay.cut()
                    self.relay.mend()
                    cuts += 1
            said, errors = process.communicate(timeout=SECONDS)
            self.assertEqual(process.returncode, DONE, errors)
            return said, cuts

        with self.server.at(self.relay.target) as member:
            on_server = os.path.join(member.data, "files")
        known |= set(os.listdir(on_server))
        said, cuts = through_cuts(on_server, self.ann, "send", self.file(data), self.bob.jid)
        self.assertGreater(cuts, 0)
        said, cuts = through_cuts(out, self.bob, "receive", "-o", out, "--count", "1")
        self.assertGreater(cuts, 0)
        got = json.loads(said)
        self.assertEqual(got["sha256"], hashlib.sha256(data).hexdigest())
        self.assertEqual(got["size"], len(data))


class Quota(BulkCase):
    more = {"bulk.bytes_per_account_max": "1000000", "bulk.window_seconds": "8"}

    def path_of(self, url):
        return url[url.index("/bulk/"):]

    def refused(self):
        """How many transfers were refused; the audit is written behind."""
        time.sleep(1)
        return sum(one["decision"] == "deny" for one in self.audit("bulk-start"))

    def test_the_time_that_the_server_names_is_waited_for(self):
        path = self.slot(self.ann, 1_000_000)
        self.assertEqual(self.put(path, content(1_000_000)).status, 201)
        answer = self.put(self.slot(self.ann, 10), content(10))
        self.assertEqual((answer.status, answer.code), (429, "too-many-bytes"))
        self.assertRegex(answer.headers["retry-after"], "^[1-8]$")
        self.assertIn(
            "the 1000000 bytes that it may move within 8 seconds (the option "
            "bulk.bytes_per_account_max)", json.loads(answer.body)["detail"],
        )
        before = self.refused()
        self.bulk(self.ann, "send", self.file(b"x"), self.bob.jid)
        self.assertLessEqual(self.refused() - before, 1)
        self.assertEqual(self.put(self.slot(self.ann, 999_999), content(999_999)).status, 201)
        begun = time.monotonic()
        done = self.bulk(
            self.ann, "send", self.file(b"x"), self.bob.jid, "--reconnect", "1", code=REFUSED
        )
        self.assertLess(time.monotonic() - begun, 5)
        self.assertRegex(done.stderr, r"bulk\.bytes_per_account_max\).*: try again in [2-8] s")
