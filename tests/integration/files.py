# tests/integration/files.py: a server with files, its clients, and HTTPS by curl and by hand.
"""ann may send bulk data to bob, and to nobody else; eve has an account and no right."""

import contextlib
import hashlib
import json
import os
import re
import socket
import ssl
import subprocess
import time
import unittest

from gridd import DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw

UPLOAD = "urn:xmpp:http:upload:0"
BULK = f"bulk.{DOMAIN}"
POLICY = EVERYTHING + "allow client ann to bulk client bob\n"
MIB = 1024 * 1024
WAIT = 20


def content(size, seed=1):
    """Bytes that do not repeat within a piece, the same for the same seed."""
    block = hashlib.sha512(str(seed).encode()).digest() * 1024
    out = bytearray()
    for number in range(size // len(block) + 1):
        out += number.to_bytes(8, "big") + block[8:]
    return bytes(out[:size])


def until(condition, seconds=WAIT):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come to pass")
        time.sleep(0.02)


class Answer:
    """Of an HTTP exchange: status, headers in lower case, body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def code(self):
        return json.loads(self.body)["code"]

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r}"


class Https:
    """A TLS connection of a client, for requests that no library would send."""

    def __init__(self, server, bundle, buffer=None):
        context = ssl.create_default_context(cafile=server.authority.path)
        if bundle is not None:
            context.load_cert_chain(bundle.cert, bundle.key)
        plain = socket.socket()
        if buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        plain.settimeout(20)
        plain.connect(server.http)
        self.socket = context.wrap_socket(plain, server_hostname=DOMAIN)
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *lines, body=b""):
        head = "\r\n".join(lines) + f"\r\nHost: {DOMAIN}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        return self

    def _more(self):
        data = self.socket.recv(65536)
        self.seen += data
        return data

    def head(self):
        """The next head: its status and its headers."""
        while b"\r\n\r\n" not in self.seen:
            if not self._more():
                raise AssertionError(f"closed without an answer; so far: {self.seen!r}")
        head, _, self.seen = self.seen.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(first.split()[1]), headers

    def answer(self, has_body=True):
        status, headers = self.head()
        size = int(headers.get("content-length", 0)) if has_body else 0
        while len(self.seen) < size:
            if not self._more():
                raise AssertionError(f"{len(self.seen)} of {size} bytes came")
        body, self.seen = self.seen[:size], self.seen[size:]
        return Answer(status, headers, body)

    def until_closed(self):
        """All bytes that come before the end."""
        try:
            while self._more():
                pass
        except OSError:
            pass
        return self.seen


class FilesCase(unittest.TestCase):
    """A server for all tests of a class; ann and bob are known to it."""

    settings = {}
    policy = POLICY

    @classmethod
    def prepare(cls):
        """More of the server, before it starts."""

    @classmethod
    def setUpClass(cls):
        settings = {"accounts.auto_approve": "true", "files.free_bytes_min": 1}
        cls.server = Operated(cls.policy, settings | cls.settings)
        cls.prepare()
        cls.server.start()
        for name in ("ann", "bob", "eve"):
            setattr(cls, name, cls.server.authority.client(f"{name}@{DOMAIN}"))
            cls.log_in(getattr(cls, name)).close()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    @classmethod
    def log_in(cls, bundle, resource="files"):
        raw = Raw(cls.server.c2s, DOMAIN).login(bundle, resource)
        cls.streams = getattr(cls, "streams", 0) + 1
        return Stream(raw)

    def ask_slot(self, bundle, size, name="a file.bin", inside="", more=""):
        """The answer to a request for a slot, as text."""
        stream = self.log_in(bundle)
        self.addCleanup(stream.close)
        return stream.ask(
            f"<request xmlns='{UPLOAD}' filename='{name}' size='{size}' "
            f"content-type='text/plain'{more}>{inside}</request>"
        )

    def slot(self, bundle, size, **how):
        """The path of a slot's URL."""
        answer = self.ask_slot(bundle, size, **how)
        match = re.search(r"<put url='(https://[^']*)'/><get url='([^']*)'/>", answer)
        self.assertIsNotNone(match, answer)
        self.assertEqual(match[1], match[2])
        return self.path_of(match[1])

    def path_of(self, url):
        """Of a URL of this server, or of any of its members."""
        bases = [f"https://{DOMAIN}:{one.addresses['http'][1]}" for one in self.server.each()]
        base = next((base for base in bases if url.startswith(base + "/bulk/")), None)
        self.assertIsNotNone(base, url)
        return url[len(base) :]

    def https(self, bundle, **how):
        made = Https(self.server, bundle, **how)
        self.addCleanup(made.socket.close)
        return made

    def put(self, path, data, bundle=None, *headers):
        return (
            self.https(bundle or self.ann)
            .send(f"PUT {path} HTTP/1.1", f"Content-Length: {len(data)}", *headers, body=data)
            .answer()
        )

    def get(self, path, bundle=None, *headers, method="GET"):
        made = self.https(bundle or self.bob).send(f"{method} {path} HTTP/1.1", *headers)
        return made.answer(method != "HEAD")

    def stored(self, data, name="a file.bin", bundle=None, **how):
        """The path of a file with these bytes."""
        path = self.slot(bundle or self.ann, len(data), name=name, **how)
        answer = self.put(path, data, bundle)
        self.assertEqual(answer.status, 201, answer)
        return path

    def curl(self, bundle, path, *options):
        """curl with the client's certificate: its exit code, status and what it wrote."""
        host, port = self.server.http
        command = ["curl", "-sS", "--max-time", "60", "--cacert", self.server.authority.path]
        command += ["--resolve", f"{DOMAIN}:{port}:{host}", "-w", "\n%{http_code}"]
        if bundle is not None:
            command += ["--cert", bundle.cert, "--key", bundle.key]
        done = subprocess.run(
            command + list(options) + [f"https://{DOMAIN}:{port}{path}"],
            capture_output=True, timeout=90, check=False,
        )
        body, _, status = done.stdout.rpartition(b"\n")
        return done.returncode, int(status), body

    def files_folders(self):
        """Of each member, where there are several."""
        return [os.path.join(one.data, "files") for one in self.server.each()]

    def on_disk(self, path=None):
        """The names in the server's folder, or the size of one file; None: it is not there."""
        folders = self.files_folders()
        if path is None:
            return [name for folder in folders for name in os.listdir(folder)]
        ends = ("", ".part") if getattr(self.server, "spread", None) else ("",)   # half here
        sizes = []
        for file in (os.path.join(f, path.split("/")[2] + end) for f in folders for end in ends):
            with contextlib.suppress(FileNotFoundError):
                sizes.append(os.path.getsize(file))
        return max(sizes, default=None)

    def audit(self, operation):
        return self.server.admin_json("audit", "--operation", operation)["records"]


class Stream:
    """A logged-in stream that asks the service of files."""

    number = 0

    def __init__(self, raw):
        self.raw = raw

    def ask(self, payload, kind="get", to=BULK):
        Stream.number += 1
        mark = f"f{Stream.number}"
        self.raw.send(f"<iq type='{kind}' id='{mark}' to='{to}'>{payload}</iq>")
        return self.raw.expect(f"<iq [^>]*id='{mark}'.*?</iq>|<iq [^>]*id='{mark}'[^>]*/>")[0]

    def settle(self):
        """What was sent before was handled."""
        self.ask("<ping xmlns='urn:xmpp:ping'/>", to=DOMAIN)

    def close(self):
        self.raw.socket.close()
