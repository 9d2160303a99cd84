# tests/integration/socks.py: SOCKS5 on a bare socket, as byte streams use it, and worse.
"""A connection to the proxy, and a pair of clients that has one each."""

import contextlib
import hashlib
import socket
import ssl
import struct
import time

from gridd import DOMAIN
from topic import Topic

SECONDS = 20
BYTESTREAMS = "http://jabber.org/protocol/bytestreams"
INFO = "http://jabber.org/protocol/disco#info"
PROXY = "proxy." + DOMAIN


def stream_hash(sid, requester, target):
    """XEP-0065 §5.3.2."""
    return hashlib.sha1((sid + requester + target).encode()).hexdigest()


class Socks:
    """One connection; `read` gives what came until so many bytes, the end, or a reset (None)."""

    def __init__(self, address, source="", bundle=None):
        self.socket = socket.create_connection(address, SECONDS, (source, 0))
        if bundle is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(bundle.ca)
            context.load_cert_chain(bundle.cert, bundle.key)
            self.socket = context.wrap_socket(self.socket, server_hostname=DOMAIN)

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read(self, size, seconds=SECONDS):
        data, deadline = b"", time.monotonic() + seconds
        while len(data) < size:
            left = deadline - time.monotonic()
            assert left > 0, f"only {len(data)} of {size} bytes came"
            self.socket.settimeout(left)
            try:
                part = self.socket.recv(min(size - len(data), 1 << 20))
            except (ConnectionResetError, ConnectionAbortedError, ssl.SSLError):
                return None
            if not part:
                break
            data += part
        return data

    def is_reset(self, seconds=SECONDS):
        """It ends by a reset, whatever comes before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            data = self.read(1 << 20, deadline - time.monotonic())
            if data is None:
                return True
            if len(data) < 1 << 20:
                return False
        return False

    def greet(self, methods=b"\0"):
        self.send(bytes((5, len(methods))) + methods)
        return self.read(2)

    def request(self, name, command=1, kind=3, port=0, reserved=0, version=5):
        """The reply's code; the whole reply in `answer`."""
        name = name.encode() if isinstance(name, str) else name
        place = bytes((len(name),)) + name if kind == 3 else name
        self.send(bytes((version, command, reserved, kind)) + place + struct.pack(">H", port))
        self.answer = self.read(4)
        if not self.answer:
            return None
        if self.answer[3] == 3:
            self.answer += self.read(1)
        self.answer += self.read((self.answer[4] if self.answer[3] == 3 else 4) + 2)
        return self.answer[1]

    def connect(self, name):
        assert self.greet() == b"\5\0"
        code = self.request(name)
        assert code == 0, f"the proxy said {code}"
        return self


def log_in(server, bundle, resource):
    """A client that is available, and has been seen to be."""
    client = Topic(server, bundle, resource=resource)
    client.raw.send("<presence/>")
    said, whole = client.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)
    assert said == "ok", whole
    client.raw.seen = ""
    return client


class Pair:
    """Two clients of one server, and how they get a stream."""

    def __init__(self, server, sender, receiver, resource="p"):
        self.server = server
        self.sender = log_in(server, sender, resource)
        self.receiver = log_in(server, receiver, resource)
        self.sender_jid, self.receiver_jid = (f"{b.jid}/{resource}" for b in (sender, receiver))
        with server.at(self.sender.raw) as member:   # the sender may use its proxy
            self.proxy = member.addresses["socks5"]

    def close(self):
        self.sender.close()
        self.receiver.close()

    def hash(self, sid):
        return stream_hash(sid, self.sender_jid, self.receiver_jid)

    def connections(self, sid, source="", bundles=(None, None)):
        """The receiver's is there first (XEP-0065 §6.3)."""
        there = Socks(self.proxy, source, bundles[1]).connect(self.hash(sid))
        here = Socks(self.proxy, source, bundles[0]).connect(self.hash(sid))
        return here, there

    def activate(self, sid, client=None, target=None):
        """ok, or the condition of the error; and the whole answer."""
        return (client or self.sender).ask(
            "set",
            f"<query xmlns='{BYTESTREAMS}' sid='{sid}'>"
            f"<activate>{target or self.receiver_jid}</activate></query>",
            PROXY,
        )

    @contextlib.contextmanager
    def stream(self, sid, **how):
        """Both ends of an active stream."""
        here, there = self.connections(sid, **how)
        try:
            said, whole = self.activate(sid)
            assert said == "ok", whole
            yield here, there
        finally:
            here.close()
            there.close()


def running(server, client):
    """The transfers under way that the member of that client has."""
    with server.at(client.raw):
        return server.admin_json("transfers", "list")["transfers"]


def records(server, operation, what, seconds=SECONDS, who="", decision=""):
    """The audit's records of that operation whose detail holds the text, of that account and with
    that decision; at least one."""
    deadline = time.monotonic() + seconds
    while True:
        rows = server.admin_json("audit", "--operation", operation)["records"]
        found = [
            row for row in rows
            if what in row["detail"] and who in ("", row["actor"].split("/")[0])
            and decision in ("", row["decision"])
        ]
        if found:
            return found
        assert time.monotonic() < deadline, rows
        time.sleep(0.1)


def ended(server, what, seconds=SECONDS):
    """The transfer of that name, once it has ended, as `gridctl transfers recent` has it."""
    deadline = time.monotonic() + seconds
    while True:
        recent = server.admin_json("transfers", "recent")["recent"]
        found = [row for row in recent if row["what"] == what]
        if found:
            return found[0]
        assert time.monotonic() < deadline, recent
        time.sleep(0.1)
