# tests/integration/test_bulk_faults.py: files and histories whose disk fills, whose certificate is
# revoked, whose right goes in the middle: what both ends are told, and what is left behind.
"""Others go on meanwhile, and what was cut goes on where that is possible again."""

import os
import subprocess
import tempfile
import threading
import unittest

from files import MIB, FilesCase, content, until
from gridd import DOMAIN, binary
from revoking import RevokingAuthority, serial_of, set_up
from small_disk import SmallDisk, may_mount
from test_history import RIGHTS, SETTINGS, TOPIC, Chunks, HistoryCase

DONE, REFUSED = 0, 1
SECONDS = 60


def send_in_parts(one, data):
    """Until the server takes no more of it: it may have answered."""
    try:
        for at in range(0, len(data), 65536):
            one.socket.sendall(data[at : at + 65536])
    except OSError:
        pass


class FaultsCase(FilesCase):
    def running(self):
        return self.server.admin_json("transfers", "list")["transfers"]

    def begin_upload(self, bundle, data, count):
        """A slot, and a connection that has sent so many of its bytes, which are on the disk."""
        path = self.slot(bundle, len(data))
        one = self.https(bundle)
        one.send(f"PUT {path} HTTP/1.1", f"Content-Length: {len(data)}", body=data[:count])
        until(lambda: self.on_disk(path) == count)
        return path, one

    def offset_of(self, path, bundle):
        return self.get(path, bundle, method="HEAD").headers["upload-offset"]

    def gridctl(self, who, *arguments):
        host, port = self.server.c2s
        command = [binary("gridctl"), "--server", f"{host}:{port}", "--ca", who.ca]
        return [*command, "--cert", who.cert, "--key", who.key, "bulk", *arguments]


@unittest.skipUnless(may_mount(), "a file system of its own cannot be mounted here")
class FullDisk(FaultsCase):
    """DATA/files is a file system of 48 MiB."""

    policy = FilesCase.policy + "allow client ann to message client bob\n"
    settings = {"bulk.idle_seconds_max": 30}

    @classmethod
    def prepare(cls):
        cls.server.stay().prepare()
        cls.disk = SmallDisk(cls.server, "files", 48)

    def setUp(self):
        self.disk.make_space()

    def files_folders(self):
        return [self.disk.path]

    def test_it_fills_in_the_middle_of_an_upload(self):
        data = content(16 * MIB, seed=21)
        kept = self.stored(content(4 * MIB, seed=22), name="kept")
        path, one = self.begin_upload(self.ann, data, 4 * MIB)
        with self.https(self.bob, buffer=4096) as reading:   # a reader in the middle of its file
            reading.send(f"GET {kept} HTTP/1.1")
            reading.head()
            mark = self.server.log_mark()
            self.disk.fill()
            send_in_parts(one, data[4 * MIB : 8 * MIB])
            got = one.answer()
            self.assertEqual((got.status, got.code), (507, "insufficient-storage"))
            self.assertIn("free_bytes_min", got.body.decode())
            self.server.wait_log("file_unwritable", mark)
            self.assertIsNone(self.on_disk(path), "a part of the file is left behind")
            until(lambda: any("failed" in r["detail"] for r in self.audit("upload")))
            # The reader is not disturbed, and its file is whole.
            while len(reading.seen) < 4 * MIB:
                reading.seen += reading.socket.recv(65536)
            self.assertEqual(reading.seen, content(4 * MIB, seed=22))
        until(lambda: self.running() == [])
        # Where it is full already, an upload is refused before its first byte is written.
        self.disk.fill()
        again = self.slot(self.ann, MIB)
        self.assertEqual(self.put(again, content(MIB)).status, 507)
        self.assertIsNone(self.on_disk(again))
        self.disk.make_space()
        # The slot is still there, from the first byte on.
        self.assertEqual(self.offset_of(path, self.ann), "0")
        self.assertEqual(self.put(path, data).status, 201)
        self.assertEqual(self.get(path).body, data)
        for one in (kept, path, again):
            self.get(one, self.ann, method="DELETE")

    def test_the_same_in_a_part_that_goes_on(self):
        data = content(12 * MIB, seed=23)
        path, one = self.begin_upload(self.ann, data, 2 * MIB)
        one.socket.close()
        with self.https(self.ann) as again:
            rest = len(data) - 2 * MIB
            again.send(
                f"PUT {path} HTTP/1.1", f"Content-Length: {rest}",
                f"Content-Range: bytes {2 * MIB}-{len(data) - 1}/{len(data)}",
                body=data[2 * MIB : 3 * MIB],
            )
            until(lambda: self.on_disk(path) == 3 * MIB)
            self.disk.fill()
            send_in_parts(again, data[3 * MIB : 6 * MIB])
            self.assertEqual(again.answer().status, 507)
        self.assertIsNone(self.on_disk(path))
        self.get(path, self.ann, method="DELETE")

    def test_gridctl_says_it_and_ends(self):
        """The disk is full before it is asked, so that no moment has to be met."""
        self.disk.fill(MIB)
        with tempfile.NamedTemporaryFile() as file:
            file.write(content(4 * MIB))
            file.flush()
            done = subprocess.run(
                self.gridctl(self.ann, "send", file.name, self.bob.jid), capture_output=True,
                text=True, timeout=SECONDS, check=False,
            )
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        self.assertIn("disk has no room", done.stderr)
        until(lambda: self.on_disk() == ["ballast"])


class Revoked(HistoryCase, FaultsCase):
    """A CA whose list grows while files and a history are under way."""

    items, pad = 6_000, 4_000
    settings = SETTINGS | {"bulk.idle_seconds_max": 60}
    policy = RIGHTS + (
        "allow client ann, bob to bulk on *\n"
        "allow client ann to bulk client bob\nallow client bob to bulk client ann\n"
    )

    @classmethod
    def prepare(cls):
        cls.root = RevokingAuthority(os.path.join(cls.server.folder, "root"))
        set_up(cls.server, cls.root)
        lists = os.path.join(cls.server.folder, "lists")
        os.makedirs(lists)
        cls.crl = cls.root.crl(os.path.join(lists, "one.crl"))
        cls.server.settings["tls.crl"] = lists

    def test_a_certificate_is_revoked_in_the_middle(self):
        """bob's; ann, who goes on, is not disturbed."""
        data = content(24 * MIB, seed=24)
        theirs = self.stored(data)
        up, one = self.begin_upload(self.bob, data, MIB)
        mine, other = self.begin_upload(self.ann, data, MIB)
        reading = self.https(self.bob, buffer=4096)
        reading.send(f"GET {theirs} HTTP/1.1")
        reading.head()
        history = Chunks(self.https(self.bob, buffer=65536), self.path()).until(MIB)
        self.root.crl(self.crl, [serial_of(self.bob)])
        got = one.answer()
        self.assertEqual((got.status, got.code), (401, "certificate-required"))
        self.assertIn("revoked", got.body.decode())
        self.assertLess(len(reading.until_closed()), len(data))
        history.rest()
        self.assertFalse(history.is_whole)
        self.assertNotIn(b"<end ", history.body)
        for operation, word in (("upload", ""), ("download", ""), ("bulk-end", TOPIC)):
            self.wait_audit(operation, "bob", word, "revoked")
        # ann's is the only one that runs, and becomes whole.
        until(lambda: [t["account"] for t in self.running()] == [self.ann.jid])
        send_in_parts(other, data[MIB:])
        self.assertEqual(other.answer().status, 201)
        self.assertEqual(self.get(mine, self.ann).body, data)
        until(lambda: self.running() == [])
        # A new connection with that certificate gets nothing of any kind.
        for path in (theirs, up, self.path()):
            self.assertEqual(self.get(path, self.bob).status, 401)
        self.server.admin_ctl("files", "remove", up.split("/")[2])
        until(lambda: self.on_disk(up) is None)


class Changed(HistoryCase, FaultsCase):
    """What gridctl says when the right goes in the middle of what it takes."""

    items, pad = 6_000, 4_000
    settings = SETTINGS | {"bulk.idle_seconds_max": 60}
    policy = RIGHTS + "allow client ann, bob to bulk on *\n"

    def cut_in_the_middle(self, act):
        """Its exit code and what it said, with the act behind its first lines."""
        process = subprocess.Popen(
            self.gridctl(self.bob, "get", TOPIC), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.addCleanup(process.kill)
        # As long as nobody reads on, most of the items are still to come.
        lines = [process.stdout.readline() for _ in range(10)]
        act()
        until(lambda: self.running() == [])
        errors = []
        reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))
        reader.start()
        lines += process.stdout.readlines()
        code = process.wait(SECONDS)
        reader.join()
        self.assertLess(len(lines), self.items)
        self.assertTrue(all(line.endswith(b"\n") for line in lines), "half a line came out")
        return code, errors[0].decode()

    def test_the_policy_takes_the_right_to_a_history(self):
        code, said = self.cut_in_the_middle(lambda: self.set_policy(RIGHTS))
        self.set_policy(self.policy)
        self.assertEqual(code, REFUSED, said)
        self.assertIn("HTTP 403", said)
        self.wait_audit("bulk-end", "bob", "denied")

    def test_the_account_is_disabled(self):
        def disable():
            self.server.admin_ctl("accounts", "disable", f"bob@{DOMAIN}")

        code, said = self.cut_in_the_middle(disable)
        self.server.admin_ctl("accounts", "enable", f"bob@{DOMAIN}")
        self.assertEqual(code, REFUSED, said)
        self.assertRegex(said, "HTTP 40[13]")
        self.wait_audit("bulk-end", "bob", "disabled")


if __name__ == "__main__":
    unittest.main()
