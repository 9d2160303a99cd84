# tests/integration/test_files.py: files by HTTPS with slots (XEP-0363): rights, ranges, resumption,
# and what becomes of clients that lie, break off or go on for ever.
"""curl and bare sockets; the servers' limits are small so that each is reached."""

import asyncio
import base64
import functools
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
from unittest import mock

import aiohttp
from aiohttp.abc import AbstractResolver

from files import BULK, MIB, UPLOAD, WAIT, FilesCase, content, until
from gridd import DOMAIN, ROOT
from raw import Raw
from shifted_clock import ShiftedClock
from stock import Client

DISCO = "http://jabber.org/protocol/disco"
WAIT = 20


class Slots(FilesCase):
    """XEP-0363 at its own address."""

    settings = {"files.file_bytes_max": MIB, "files.files_max": 3, "files.bytes_max": 2 * MIB}

    def test_it_is_found_and_says_how_large_a_file_may_be(self):
        stream = self.log_in(self.ann)
        self.addCleanup(stream.close)
        items = stream.ask(f"<query xmlns='{DISCO}#items'/>", to=DOMAIN)
        self.assertIn(f"jid='{BULK}'", items)
        info = stream.ask(f"<query xmlns='{DISCO}#info'/>")
        self.assertRegex(info, "<identity category='store' type='file'")
        self.assertIn(f"<feature var='{UPLOAD}'/>", info)
        self.assertRegex(info, f"max-file-size.*<value>{MIB}</value>")
        self.assertIn("type='result'", stream.ask("<ping xmlns='urn:xmpp:ping'/>"))

    def test_too_large(self):
        answer = self.ask_slot(self.ann, MIB + 1)
        self.assertRegex(answer, "<error type='modify'><not-acceptable")
        self.assertRegex(
            answer,
            f"<file-too-large xmlns='{UPLOAD}'><max-file-size>{MIB}</max-file-size>",
        )

    def test_an_account_that_may_send_to_nobody(self):
        answer = self.ask_slot(self.eve, 10)
        self.assertRegex(answer, "<error type='auth'><forbidden")
        until(lambda: any(
            r["decision"] == "deny" and "eve" in r["actor"] for r in self.audit("bulk-offer")
        ))

    def test_a_quota_says_when_there_is_room_again(self):
        paths = [self.slot(self.ann, 100) for _ in range(3)]
        answer = self.ask_slot(self.ann, 100)
        self.assertRegex(answer, "<error type='wait'><resource-constraint")
        self.assertRegex(answer, f"<retry xmlns='{UPLOAD}' stamp='20[^']*Z'/>|<retry ")
        self.assertIn("files.files_max", answer)
        for path in paths:
            self.assertEqual(self.get(path, self.ann, method="DELETE").status, 204)
        until(lambda: "<slot" in self.ask_slot(self.ann, 100))
        for file in self.server.admin_json("files", "list")["files"]:
            self.server.admin_ctl("files", "remove", file["id"])
        self.assertEqual(self.server.admin_json("files", "list")["files"], [])

    def test_requests_that_are_none(self):
        for size, name in (("0", "a"), ("-1", "a"), ("", "a"), ("1e3", "a"), ("10", ""),
                           ("10", "."), ("10", ".."), ("10", "\u202egnp.exe"),
                           ("10", "a\u2066b\u2069"), ("10", "\u200f")):
            with self.subTest(size=size, name=name):
                self.assertRegex(self.ask_slot(self.ann, size, name=name), "<bad-request")
        answer = self.ask_slot(
            self.ann, 5, inside="<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>eA==</hash>"
        )
        self.assertRegex(answer, "<bad-request")


class Transfers(FilesCase):
    """Up, down, by whom."""

    def test_a_file_goes_up_and_comes_down(self):
        data = content(3 * MIB + 17)
        path = self.slot(self.ann, len(data), name="größe 1.bin")
        sent = self.put(path, data)
        self.assertEqual(sent.status, 201, sent)
        digest = hashlib.sha256(data)
        self.assertEqual(sent.headers["etag"], f'"{digest.hexdigest()}"')
        got = self.get(path)
        self.assertEqual(got.status, 200)
        self.assertEqual(got.body, data)
        self.assertEqual(got.headers["etag"], f'"{digest.hexdigest()}"')
        wanted = f"sha-256=:{base64.b64encode(digest.digest()).decode()}:".lower()
        self.assertEqual(got.headers["repr-digest"], wanted)
        self.assertEqual(got.headers["x-content-type-options"], "nosniff")
        self.assertEqual(got.headers["content-type"], "text/plain")
        self.assertIn("attachment; filename*=utf-8''gr%c3%b6%c3%9fe%201.bin",
                      got.headers["content-disposition"])
        head = self.get(path, method="HEAD")
        self.assertEqual((head.status, head.headers["content-length"]), (200, str(len(data))))
        known = self.get(path, self.bob, f'If-None-Match: "x", W/{got.headers["etag"]}')
        self.assertEqual((known.status, known.body), (304, b""))
        self.assertEqual(self.get(path, self.bob, 'If-Match: "other"').status, 412)
        self.assertTrue(any(digest.hexdigest() in r["detail"] for r in self.audit("upload")))
        until(lambda: any("bob" in r["actor"] for r in self.audit("download")))

    def test_curl_gets_ranges_and_goes_on_with_an_upload(self):
        data = content(2 * MIB, seed=2)
        path = self.slot(self.ann, len(data))
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            # The first half, as a connection that broke leaves it.
            half = len(data) // 2
            with self.https(self.ann) as broken:
                broken.send(
                    f"PUT {path} HTTP/1.1", f"Content-Length: {len(data)}", body=data[:half]
                )
                until(lambda: self.on_disk(path) == half)
            shown = self.get(path, self.ann, method="HEAD")
            self.assertEqual(shown.status, 204)
            self.assertEqual(shown.headers["upload-offset"], str(half))
            self.assertEqual(shown.headers["upload-complete"], "?0")
            self.assertEqual(self.get(path, self.ann).code, "not-complete")
            code, status, _ = self.curl(self.ann, path, "-T", file.name, "-C", str(half))
            self.assertEqual((code, status), (0, 201))
        code, status, body = self.curl(self.bob, path, "-r", "100-199")
        self.assertEqual((code, status, body), (0, 206, data[100:200]))
        code, status, body = self.curl(self.bob, path, "-r", "-100")
        self.assertEqual((code, status, body), (0, 206, data[-100:]))
        code, status, body = self.curl(self.bob, path)
        self.assertEqual((code, status), (0, 200))
        self.assertEqual(body, data)
        with tempfile.TemporaryDirectory() as folder:
            partial = os.path.join(folder, "partial")
            with open(partial, "wb") as file:
                file.write(data[:MIB])
            code, status, _ = self.curl(self.bob, path, "-C", "-", "-o", partial)
            self.assertEqual((code, status), (0, 206))
            with open(partial, "rb") as file:
                self.assertEqual(file.read(), data)

    def test_ranges(self):
        data = content(1000)
        path = self.stored(data)
        tag = f'"{hashlib.sha256(data).hexdigest()}"'
        for value, status, part in (
            ("bytes=0-0", 206, data[:1]),
            ("bytes=990-", 206, data[990:]),
            ("bytes=990-5000", 206, data[990:]),
            ("bytes=-5000", 206, data),
            ("bytes=1000-", 416, None),
            ("bytes=-0", 416, None),
            ("bytes=5-2", 200, data),
            ("lines=0-1", 200, data),
            ("bytes=a-b", 200, data),
            ("bytes=0-0,5-6", 200, data),
            ("bytes=99999999999999999999-", 416, None),
            ("bytes=0-99999999999999999999999", 206, data),
        ):
            with self.subTest(value):
                got = self.get(path, self.bob, f"Range: {value}")
                self.assertEqual(got.status, status, got)
                if part is None:
                    self.assertEqual(got.headers["content-range"], "bytes */1000")
                else:
                    self.assertEqual(got.body, part)
        got = self.get(path, self.bob, "Range: bytes=1-2", f"If-Range: {tag}")
        self.assertEqual((got.status, got.body), (206, data[1:3]))
        self.assertEqual(got.headers["content-range"], "bytes 1-2/1000")
        got = self.get(path, self.bob, "Range: bytes=1-2", 'If-Range: "other"')
        self.assertEqual((got.status, got.body), (200, data))

    def test_a_thousand_overlapping_ranges_are_the_whole_file_once(self):
        data = content(5000)
        path = self.stored(data)
        ranges = ",".join(f"{n}-" for n in range(1000))
        got = self.get(path, self.bob, f"Range: bytes={ranges}")
        self.assertEqual((got.status, got.body), (200, data))

    def test_others_learn_nothing(self):
        data = content(100)
        path = self.stored(data)
        missing = path.replace(path.split("/")[2], "0" * 32)
        answers = [self.get(p, self.eve) for p in (path, missing)]
        self.assertEqual([a.status for a in answers], [404, 404])
        self.assertEqual(answers[0].body, answers[1].body)
        stranger = self.https(None).send(f"GET {path} HTTP/1.1").answer()
        self.assertEqual(stranger.status, 401)
        self.assertEqual(self.curl(None, path)[1], 401)
        self.assertEqual(self.curl(self.eve, path)[1], 404)
        other = self.server.authority.expired(f"bob@{DOMAIN}")
        self.assertEqual(self.get(path, other).status, 401)
        self.assertEqual(self.put(path, data, self.bob).status, 404)
        self.assertEqual(self.get(path, self.bob, method="DELETE").status, 404)
        unknown = self.server.authority.client(f"unknown@{DOMAIN}")
        self.assertEqual(self.get(path, unknown).status, 403)
        self.assertEqual(self.get(path, self.ann).status, 200)

    def test_readers_that_the_owner_named(self):
        data = content(100)
        alone = f"<readers xmlns='xgrid'><reader jid='ann@{DOMAIN}'/></readers>"
        path = self.stored(data, inside=alone)
        self.assertEqual(self.get(path).status, 404)
        both = f"<readers xmlns='xgrid'><reader jid='bob@{DOMAIN}'/></readers>"
        self.assertEqual(self.get(self.stored(data, inside=both)).status, 200)
        named = f"<readers xmlns='xgrid'><reader jid='eve@{DOMAIN}'/></readers>"
        # Named, and yet without a right: it may know why.
        self.assertEqual(self.get(self.stored(data, inside=named), self.eve).status, 403)

    def test_the_owner_removes(self):
        data = content(MIB)
        path = self.stored(data)
        self.assertEqual(self.on_disk(path), MIB)
        self.assertEqual(self.get(path, self.ann, method="DELETE").status, 204)
        until(lambda: self.on_disk(path) is None)
        self.assertEqual(self.get(path).status, 404)
        self.assertEqual(self.put(path, data).status, 404)

    def test_preconditions_of_changes(self):
        data = content(1000)
        path = self.slot(self.ann, len(data))
        self.assertEqual(self.put(path, data, None, "If-Match: *").status, 412)
        self.assertEqual(self.put(path, data, None, "If-None-Match: *").status, 201)
        self.assertEqual(self.put(path, data, None, "If-None-Match: *").status, 412)
        tag = self.get(path).headers["etag"]
        for header in ('If-Match: "other"', "If-None-Match: *", f"If-None-Match: {tag}"):
            with self.subTest(header):
                got = self.get(path, self.ann, header, method="DELETE")
                self.assertEqual((got.status, got.code), (412, "precondition-failed"))
        self.assertEqual(self.get(path).body, data)
        self.assertEqual(self.get(path, self.ann, f"If-Match: {tag}", method="DELETE").status, 204)
        self.assertEqual(self.get(path).status, 404)

    def test_an_administrator_lists_and_removes(self):
        path = self.stored(content(1234), name="listed")
        mark = path.split("/")[2]
        listed = {f["id"]: f for f in self.server.admin_json("files", "list")["files"]}
        self.assertEqual(listed[mark]["owner"], f"ann@{DOMAIN}")
        self.assertEqual((listed[mark]["size"], listed[mark]["state"]), (1234, "complete"))
        mine = self.server.admin_json("files", "list", "--account", "bob")["files"]
        self.assertNotIn(mark, [f["id"] for f in mine])
        self.server.admin_ctl("files", "remove", mark)
        until(lambda: self.on_disk(path) is None)
        self.assertEqual(self.get(path).status, 404)
        done = self.server.gridctl("files", "list", identity=self.ann)
        self.assertNotEqual(done.returncode, 0)

    def test_one_connection_serves_many_requests(self):
        data = content(50_000)
        path = self.stored(data)
        two = self.slot(self.ann, len(data))
        with self.https(self.ann) as one:
            for _ in range(3):
                self.assertEqual(one.send(f"GET {path} HTTP/1.1").answer().body, data)
            one.send(f"PUT {two} HTTP/1.1", f"Content-Length: {len(data)}", body=data)
            self.assertEqual(one.answer().status, 201)
            self.assertEqual(one.send(f"GET {two} HTTP/1.1").answer().body, data)

    def test_the_client_is_asked_to_send(self):
        data = content(100_000)
        path = self.slot(self.ann, len(data))
        with self.https(self.ann) as one:
            one.send(
                f"PUT {path} HTTP/1.1", f"Content-Length: {len(data)}", "Expect: 100-continue"
            )
            self.assertEqual(one.head()[0], 100)
            one.socket.sendall(data)
            self.assertEqual(one.answer().status, 201)
        with self.https(self.ann) as one:   # refused before a byte is sent
            one.send(f"PUT {path} HTTP/1.1", "Content-Length: 5", "Expect: 100-continue")
            self.assertEqual(one.answer().status, 409)

    def test_a_refusal_is_read_behind_all_that_was_sent(self):
        """By a client that looks for the answer when its upload is out."""
        data = content(24 * MIB)
        path = self.slot(self.ann, len(data))
        for _ in range(3):
            with self.https(self.bob) as one:
                one.send(f"PUT {path} HTTP/1.1", f"Content-Length: {len(data)}", body=data)
                self.assertEqual(one.answer().status, 404)

    def test_a_client_that_goes_on_sending_behind_a_refusal_is_cut_off(self):
        path = self.slot(self.ann, 1000)
        with self.https(self.bob) as one:
            one.send(f"PUT {path} HTTP/1.1", "Content-Length: 100000000000")
            began, sent = time.monotonic(), 0
            with self.assertRaises(OSError):
                while time.monotonic() - began < WAIT:
                    one.socket.sendall(bytes(65536))
                    sent += 65536
            self.assertLess(time.monotonic() - began, 6)
            self.assertLess(sent, 100 * MIB)

    def test_other_expectations_are_refused(self):
        path = self.slot(self.ann, 5)
        for lines in (("Expect: 200-ok",), ("Expect: 100-continue", "Expect: 200-ok")):
            self.assertEqual(self.put(path, b"12345", None, *lines).status, 417, lines)

    def test_oob_links_are_only_messages(self):
        path = self.stored(content(10))
        policy = self.policy + f"allow client ann to message client bob\n"
        with open(os.path.join(self.server.folder, "with"), "w", encoding="utf-8") as file:
            file.write(policy)
        self.server.admin_ctl("policy", "set", file.name)
        with Raw(self.server.c2s, DOMAIN).login(self.bob, "oob") as bob:
            bob.send("<presence/>")
            with Raw(self.server.c2s, DOMAIN).login(self.ann, "oob") as ann:
                ann.send(
                    f"<message to='bob@{DOMAIN}' type='chat'><body>look</body>"
                    f"<x xmlns='jabber:x:oob'><url>https://{DOMAIN}{path}</url></x></message>"
                )
                bob.expect(f"<x xmlns='jabber:x:oob'><url>https://{DOMAIN}{path}</url></x>")


class Loopback(AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET,
                 "proto": 0, "flags": 0}]

    async def close(self):
        pass


class StockClients(FilesCase):
    """Libraries that know XEP-0363 and nothing of gridd."""

    def test_slixmpp_uploads(self):
        data = content(300_000, seed=12)
        context = ssl.create_default_context(cafile=self.server.authority.path)
        context.load_cert_chain(self.ann.cert, self.ann.key)

        async def upload():
            client = Client(self.ann, "slixmpp")
            client.register_plugin("xep_0363")
            await client.login(self.server.c2s)
            # The library's HTTP client shows the certificate that the stream was opened with.
            connector = aiohttp.TCPConnector(ssl=context, resolver=Loopback())
            session = functools.partial(aiohttp.ClientSession, connector=connector)
            with mock.patch("slixmpp.plugins.xep_0363.http_upload.ClientSession", session):
                with tempfile.NamedTemporaryFile(suffix=".txt") as file:
                    file.write(data)
                    file.flush()
                    # The library's own search for the service needs an older Python than Debian's.
                    client["xep_0363"].upload_service = BULK
                    url = await client["xep_0363"].upload_file(file.name, timeout=20)
            await client.leave()
            return url

        url = asyncio.run(upload())
        self.assertTrue(url.endswith(".txt"))
        got = self.get("/" + url.split("/", 3)[3])
        self.assertEqual((got.status, got.headers["content-type"]), (200, "text/plain"))
        self.assertEqual(got.body, data)

    def test_smack_finds_the_service_and_uploads(self):
        example = os.path.join(ROOT, "tests", "clients", "smack")
        if shutil.which("javac") is None or not os.path.exists(os.path.join(example, "lib")):
            self.skipTest("there is no JDK, or no Smack (conf/install-deps --clients)")
        data = content(300_000, seed=13)
        bundle = self.server.authority.client(f"ann@{DOMAIN}", file="ann")
        folder = tempfile.mkdtemp(dir=self.server.folder)
        hosts, path = os.path.join(folder, "hosts"), os.path.join(folder, "of smack.bin")
        with open(hosts, "w", encoding="ascii") as file:
            file.write(f"127.0.0.1 {DOMAIN}\n")
        with open(path, "wb") as file:
            file.write(data)
        host, port = self.server.c2s
        done = subprocess.run(
            ["java", "-XX:TieredStopAtLevel=1", f"-Djdk.net.hosts.file={hosts}", "-cp",
             os.path.join(example, "lib", "*"), os.path.join(example, "Upload.java"),
             host, str(port), bundle.jid, os.path.dirname(bundle.cert), path],
            capture_output=True, text=True, timeout=120, check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        url = done.stdout.split()[-1]
        self.assertTrue(url.endswith("/of%20smack.bin"), url)
        self.assertEqual(self.get("/" + url.split("/", 3)[3]).body, data)


class Uploads(FilesCase):
    """Clients that lie, break off, come back."""

    settings = {"bulk.idle_seconds_max": 4}

    def test_an_upload_cut_at_each_quarter_goes_on(self):
        data = content(4 * MIB, seed=3)
        path = self.slot(self.ann, len(data))
        for quarter in range(4):
            with self.https(self.ann) as one:
                start, end = quarter * MIB, (quarter + 1) * MIB
                one.send(
                    f"PUT {path} HTTP/1.1", f"Content-Length: {len(data) - start}",
                    f"Content-Range: bytes {start}-{len(data) - 1}/{len(data)}",
                    body=data[start:end],
                )
                if quarter == 3:
                    self.assertEqual(one.answer().status, 201)
                else:
                    until(lambda end=end: self.on_disk(path) == end)
        self.assertEqual(self.get(path).body, data)

    def test_a_later_connection_takes_over(self):
        data = content(MIB, seed=4)
        path = self.slot(self.ann, len(data))
        with self.https(self.ann) as silent:   # the server does not see that it is gone
            silent.send(f"PUT {path} HTTP/1.1", f"Content-Length: {MIB}", body=data[:1000])
            until(lambda: self.on_disk(path) == 1000)
            self.assertEqual(self.put(path, data).status, 201)
            silent.until_closed()
        self.assertEqual(self.get(path).body, data)

    def test_patch_appends(self):
        data = content(100_000, seed=5)
        path = self.slot(self.ann, len(data))
        with self.https(self.ann) as one:
            for start, end in ((0, 40_000), (40_000, 100_000)):
                part = data[start:end]
                one.send(
                    f"PATCH {path} HTTP/1.1", f"Upload-Offset: {start}",
                    f"Content-Length: {len(part)}", "Content-Type: application/partial-upload",
                    body=part,
                )
                got = one.answer()
                self.assertEqual(got.status, 204 if end < len(data) else 201, got)
                self.assertEqual(got.headers["upload-offset"], str(end))
        self.assertEqual(self.get(path).body, data)

    def append(self, path, offset, data):
        one = self.https(self.ann)
        one.send(
            f"PATCH {path} HTTP/1.1", f"Upload-Offset: {offset}", f"Content-Length: {len(data)}",
            body=data,
        )
        return one.answer()

    def test_an_empty_patch_completes_what_has_no_record_yet(self):
        """As after a crash between the last byte and the commit."""
        data = content(1000, seed=6)
        path = self.slot(self.ann, len(data))
        self.assertEqual(self.append(path, 0, data[:-1]).status, 204)
        (file,) = (
            os.path.join(folder, name) for folder in self.files_folders()
            for name in os.listdir(folder) if name.startswith(path.split("/")[2])
        )
        with open(file, "ab") as bytes_there:
            bytes_there.write(data[-1:])
        there = self.get(path, self.ann, method="HEAD").headers
        self.assertEqual((there["upload-offset"], there["upload-complete"]), ("1000", "?0"))
        self.assertEqual(self.append(path, 1000, b"").status, 201)
        self.assertEqual(self.get(path).body, data)

    def test_a_request_that_brings_nothing_costs_nothing(self):
        data = content(100_000, seed=7)
        path = self.slot(self.ann, len(data))
        with self.https(self.ann) as one:
            one.send(f"PUT {path} HTTP/1.1", f"Content-Length: {len(data)}", body=data[:50_000])
            until(lambda: self.on_disk(path) == 50_000)
            self.assertEqual(self.append(path, 7, data[7:]).status, 409)
            one.socket.sendall(data[50_000:])
            self.assertEqual(one.answer().status, 201)
        path = self.slot(self.ann, len(data))
        self.assertEqual(self.append(path, 0, data[:50_000]).status, 204)
        with self.https(self.ann) as one:
            one.send(f"PUT {path} HTTP/1.1", f"Content-Length: {len(data)}", "Expect: 100-continue")
            self.assertEqual(one.head()[0], 100)
        self.assertEqual(self.on_disk(path), 50_000)
        self.assertEqual(self.append(path, 50_000, data[50_000:]).status, 201)
        self.assertEqual(self.get(path).body, data)

    def test_offsets_that_are_wrong(self):
        data = content(1000)
        path = self.slot(self.ann, len(data))
        got = self.put(path, data[500:], None, "Content-Range: bytes 500-999/1000")
        self.assertEqual((got.status, got.headers["upload-offset"]), (409, "0"))
        for value in ("bytes 0-499/1000", "bytes 0-999/999", "bytes 999-0/1000", "bytes */1000",
                      "0-999/1000", "bytes 0-998/1000"):
            with self.subTest(value):
                self.assertEqual(self.put(path, data, None, f"Content-Range: {value}").status, 400)
        self.assertEqual(self.put(path, data).status, 201)

    def test_lies_about_the_size(self):
        path = self.slot(self.ann, 1000)
        self.assertEqual(self.put(path, content(1001)).status, 413)
        self.assertEqual(self.put(path, content(999)).status, 400)
        got = self.https(self.ann).send(
            f"PUT {path} HTTP/1.1", "Content-Length: 18446744073709551615"
        )
        self.assertIn(got.answer().status, (400, 413))
        # More than was said is no part of the request.
        data = content(1000)
        with self.https(self.ann) as one:
            one.send(f"PUT {path} HTTP/1.1", "Content-Length: 1000", body=data + b"more bytes")
            self.assertEqual(one.answer().status, 201)
        self.assertEqual(self.get(path).body, data)

    def test_lies_about_the_hash(self):
        data = content(1000)
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        inside = f"<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>{digest}</hash>"
        path = self.slot(self.ann, 1000, inside=inside)
        got = self.put(path, content(1000, seed=9))
        self.assertEqual((got.status, got.code), (422, "digest-mismatch"))
        self.assertIsNone(self.on_disk(path))
        self.assertEqual(self.get(path).status, 404)
        self.assertEqual(self.put(path, data).status, 201)

    def test_a_slot_is_used_once(self):
        data = content(1000)
        path = self.stored(data)
        got = self.put(path, content(1000, seed=8))
        self.assertEqual((got.status, got.code), (409, "already-complete"))
        self.assertEqual(self.get(path).body, data)

    def test_slots_of_another_account(self):
        path = self.slot(self.ann, 10)
        for bundle in (self.bob, self.eve):
            self.assertEqual(self.put(path, content(10), bundle).status, 404)
            self.assertEqual(self.get(path, bundle, method="HEAD").status, 404)
        self.assertIsNone(self.on_disk(path))

    def test_content_codings_are_not_taken(self):
        path = self.slot(self.ann, 1000)
        for coding in ("gzip", "deflate", "br", "gzip, identity"):
            with self.subTest(coding):
                got = self.put(path, content(1000), None, f"Content-Encoding: {coding}")
                self.assertEqual(got.status, 415)
        taken = self.put(path, content(1000), None, "Content-Encoding: identity")
        self.assertEqual(taken.status, 201)

    def test_smuggling(self):
        path = self.slot(self.ann, 5)
        inner = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        for lines in (
            ("Transfer-Encoding: chunked", "Content-Length: 5"),
            ("Content-Length: 5", "Transfer-Encoding: chunked"),
            ("Content-Length: 5", "Content-Length: 6"),
            ("Content-Length: 5", "Content-Length: 5"),
            ("Content-Length: 5, 6",),
            ("Content-Length: +5",),
            ("Content-Length: 0x5",),
            ("Transfer-Encoding: chunked",),
            ("Transfer-Encoding: identity, chunked",),
            ("Content-Length : 5",),
            (),
        ):
            with self.subTest(lines):
                with self.https(self.ann) as one:
                    one.send(f"PUT {path} HTTP/1.1", *lines, body=inner)
                    expected = (400,) if len(lines) == 2 else (400, 411)
                    self.assertIn(one.answer().status, expected, lines)
                    # The bytes behind it are no request of their own.
                    self.assertNotIn(b"200 OK", one.until_closed())
        self.assertEqual(self.put(path, b"12345").status, 201)

    def test_no_path_of_a_client_is_one_on_the_disk(self):
        path = self.stored(content(10))
        mark = path.split("/")[2]
        for bad in (
            "/bulk/../LOCK", "/bulk/..%2f..%2fetc%2fpasswd", "/bulk/%2e%2e/LOCK", "/bulk/",
            "/bulk//etc/passwd", f"/bulk/{mark}/../../../../etc/passwd", f"/bulk/{mark}/other",
            f"/bulk/{mark.upper()}/a%20file.bin", f"/bulk/{mark}%00", f"/bulk/{mark[:-1]}",
            f"/bulk/{mark}/a%20file.bin/..", f"/bulk/./{mark}",
        ):
            with self.subTest(bad):
                for method in ("GET", "PUT", "DELETE"):
                    got = self.https(self.ann).send(
                        f"{method} {bad} HTTP/1.1", "Content-Length: 0"
                    ).answer()
                    self.assertIn(got.status, (400, 404), (method, bad))
        self.assertEqual(self.get(path).status, 200)

    def test_pages_of_other_sites_change_nothing(self):
        path = self.slot(self.ann, 10)
        for header in ("Origin: https://evil.example", "Sec-Fetch-Site: cross-site"):
            self.assertEqual(self.put(path, content(10), None, header).status, 403)

    def test_a_stalled_upload_ends(self):
        path = self.slot(self.ann, 100_000)
        with self.https(self.ann) as one:
            one.send(f"PUT {path} HTTP/1.1", "Content-Length: 100000", body=b"x" * 10)
            got = one.answer()
            self.assertEqual((got.status, got.code), (408, "too-slow"))
        self.assertEqual(self.get(path, self.ann, method="HEAD").headers["upload-offset"], "10")

    def test_a_byte_a_second_is_no_reading(self):
        data = content(24 * MIB, seed=6)
        path = self.stored(data)
        with self.https(self.bob, buffer=4096) as one:
            one.send(f"GET {path} HTTP/1.1")
            one.head()

            def is_cut():
                one.socket.recv(1)
                return any("idle" in r["detail"] for r in self.audit("download"))

            until(is_cut, 60)
            self.assertLess(len(one.until_closed()), len(data))
        self.assertEqual(self.get(path, method="HEAD").status, 200)


class Rights(FilesCase):
    """What a right rests on goes in the middle of a transfer."""

    def setUp(self):
        self.reset()

    def reset(self):
        with open(os.path.join(self.server.folder, "policy"), encoding="utf-8") as file:
            text = file.read()
        path = os.path.join(self.server.folder, "again")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.server.admin_ctl("policy", "set", path)

    def set_policy(self, text):
        path = os.path.join(self.server.folder, "changed")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.server.admin_ctl("policy", "set", path)

    def begin_upload(self):
        path = self.slot(self.ann, MIB)
        one = self.https(self.ann)
        one.send(f"PUT {path} HTTP/1.1", f"Content-Length: {MIB}", body=b"x" * 1000)
        until(lambda: self.on_disk(path) == 1000)
        return path, one

    def begin_download(self):
        path = self.stored(content(24 * MIB, seed=7))
        one = self.https(self.bob, buffer=4096)
        one.send(f"GET {path} HTTP/1.1")
        one.head()
        one.socket.recv(1000)
        return path, one

    def test_the_policy_takes_the_right_to_upload(self):
        path, one = self.begin_upload()
        self.set_policy("deny any to bulk client bob\n")
        self.assertEqual(one.answer().status, 403)
        self.assertEqual(self.put(path, b"x" * MIB).status, 403)
        until(lambda: any("denied" in r["detail"] for r in self.audit("upload")))

    def test_the_policy_takes_the_right_to_read(self):
        path, one = self.begin_download()
        self.set_policy("allow client ann to bulk client eve\n")
        self.assertLess(len(one.until_closed()), 24 * MIB)
        self.assertEqual(self.get(path).status, 404)
        until(lambda: any("denied" in r["detail"] for r in self.audit("download")))

    def test_an_account_is_disabled(self):
        path, one = self.begin_upload()
        _, reading = self.begin_download()
        self.server.admin_ctl("accounts", "disable", "ann")
        try:
            self.assertEqual(one.answer().status, 403)
            # Files of an account that is disabled are given to none.
            self.assertLess(len(reading.until_closed()), 24 * MIB)
            self.assertEqual(self.get(path, self.ann, method="HEAD").status, 403)
        finally:
            self.server.admin_ctl("accounts", "enable", "ann")
        self.assertEqual(self.get(path, self.ann, method="HEAD").headers["upload-offset"], "1000")

    def test_a_file_is_removed_while_it_is_read(self):
        path, one = self.begin_download()
        self.server.admin_ctl("files", "remove", path.split("/")[2])
        self.assertLess(len(one.until_closed()), 24 * MIB)

    def test_a_slot_is_removed_while_it_is_filled(self):
        path, one = self.begin_upload()
        self.server.admin_ctl("files", "remove", path.split("/")[2])
        self.assertIn(one.answer().status, (403, 404))
        until(lambda: self.on_disk(path) is None)

    def test_a_later_account_of_the_name_is_no_reader(self):
        self.set_policy(self.policy + "allow client ann to bulk client heir\n")
        named = f"<readers xmlns='xgrid'><reader jid='heir@{DOMAIN}'/></readers>"
        first = self.server.authority.client(f"heir@{DOMAIN}")
        self.log_in(first).close()
        path = self.stored(content(100), inside=named)
        self.assertEqual(self.get(path, first).status, 200)
        self.server.admin_ctl("accounts", "delete", "heir")
        until(lambda: self.server.gridctl(
            "accounts", "add", "heir", identity=self.server.admin).returncode == 0)
        other = self.server.authority.client(f"heir@{DOMAIN}")
        self.log_in(other).close()
        self.assertEqual(self.get(path, other).status, 404)
        self.assertEqual(self.get(self.stored(content(100), inside=named), other).status, 200)

    def test_a_deleted_account_leaves_no_files(self):
        gone = self.server.authority.client(f"gone@{DOMAIN}")
        self.log_in(gone).close()
        self.set_policy(self.policy + "allow client gone to bulk client bob\n")
        path = self.stored(content(100), bundle=gone)
        self.server.admin_ctl("accounts", "delete", "gone")
        until(lambda: self.on_disk(path) is None)
        self.assertEqual(self.get(path).status, 404)


class Endings(FilesCase):
    """Of the process, of time, of the disk."""

    settings = {"files.total_bytes_max": 64 * MIB}

    def test_kill_9_in_the_middle(self):
        data = content(4 * MIB, seed=10)
        kept = self.stored(data)
        path = self.slot(self.ann, len(data))
        one = self.https(self.ann)
        one.send(f"PUT {path} HTTP/1.1", f"Content-Length: {len(data)}", body=data[: 2 * MIB])
        until(lambda: self.on_disk(path) == 2 * MIB)
        self.server.kill9()
        stray = os.path.join(self.server.data, "files", "f" * 32)
        with open(stray, "wb") as file:
            file.write(b"left by a crash")
        mark = self.server.log_mark()
        self.server.start()
        self.server.wait_log("files_without_record", mark)
        self.assertFalse(os.path.exists(stray))
        self.assertEqual(self.get(kept).body, data)
        shown = self.get(path, self.ann, method="HEAD")
        self.assertEqual(shown.headers["upload-offset"], str(2 * MIB))
        rest = self.put(
            path, data[2 * MIB :], None,
            f"Content-Range: bytes {2 * MIB}-{len(data) - 1}/{len(data)}",
        )
        self.assertEqual(rest.status, 201)
        self.assertEqual(self.get(path).body, data)

    def test_what_was_acknowledged_is_there_after_kill_9(self):
        data = content(MIB, seed=11)
        path = self.stored(data)
        self.server.kill9()
        self.server.start()
        self.assertEqual(self.get(path).body, data)

    def test_stopping_cuts_what_runs(self):
        path = self.slot(self.ann, MIB)
        one = self.https(self.ann)
        one.send(f"PUT {path} HTTP/1.1", f"Content-Length: {MIB}", body=b"x" * 1000)
        until(lambda: self.on_disk(path) == 1000)
        self.server.stop()
        self.server.start()
        self.assertEqual(
            self.get(path, self.ann, method="HEAD").headers["upload-offset"], "1000"
        )


class Expired(FilesCase):
    """A server whose clock is set forward."""

    settings = {"files.slot_minutes": 10}

    @classmethod
    def prepare(cls):
        cls.clock = ShiftedClock(cls.server)

    def test_expired_slots_take_nothing_and_leave_nothing(self):
        data = content(MIB, seed=14)
        unused, begun, kept = self.slot(self.ann, MIB), self.slot(self.ann, MIB), self.stored(data)
        with self.https(self.ann) as one:
            one.send(f"PUT {begun} HTTP/1.1", f"Content-Length: {MIB}", body=data[: MIB // 2])
            until(lambda: self.on_disk(begun) == MIB // 2)
        self.clock.set(11 * 60)
        until(lambda: self.on_disk(begun) is None)
        rest = f"Content-Range: bytes {MIB // 2}-{MIB - 1}/{MIB}"
        self.assertEqual(self.put(begun, data[MIB // 2 :], None, rest).status, 404)
        for path in (unused, begun):
            self.assertEqual(self.put(path, data).status, 404)
            self.assertEqual(self.get(path, self.ann, method="HEAD").status, 404)
            self.assertIsNone(self.on_disk(path))
        # A file is none: its own time counts. Nor is its slot filled once more when it is gone.
        self.assertEqual(self.get(kept).body, data)
        self.assertEqual(self.get(kept, self.ann, method="DELETE").status, 204)
        self.assertEqual(self.put(kept, data).status, 404)
        self.assertIsNone(self.on_disk(kept))


class FullDisk(FilesCase):
    """The reserve is larger than any disk: as if it were full."""

    settings = {"files.free_bytes_min": 1 << 60}

    def test_no_room_is_said_and_nothing_is_left(self):
        path = self.slot(self.ann, MIB)
        got = self.put(path, content(MIB))
        self.assertEqual((got.status, got.code), (507, "insufficient-storage"))
        self.assertIsNone(self.on_disk(path))


if __name__ == "__main__":
    unittest.main()
