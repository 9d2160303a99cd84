# tests/integration/cluster/impostor.py: a member that etcd knows, with a certificate, that says
# what a test likes (the grammar is in server/cluster/README.md).
import base64
import json
import random
import socket
import ssl
import struct
import threading

STORE, DIRECTORY, STANZA, COPY, CONTROL = 1, 2, 3, 4, 5
NOBODY = 2**64 - 1   # flushed_group of one for which nobody waits
LEASE = 600
VERSION = 3          # of the links' grammar


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return varint(len(value)) + value


def u64(number):
    return struct.pack(">Q", number)


def session_number(member, number):
    """20 bits of the member, 32 of its own."""
    folded = member ^ (member >> 20) ^ (member >> 40) ^ (member >> 60)
    return ((folded & 0xFFFFF) << 32) + number


def identity(account):
    names = text(account) + text("anchor") + text("f") + text("") * 3
    return (names + u64(0) + u64(2**42) + b"\0" + text("") + varint(0) * 2 + u64(2**42) + u64(0)
            + text("") * 2)


def state(number, jid, account=None, words=b""):
    constant = (b"\1" + text(jid) + text("") + text("192.0.2.9:1") + b"\0" + u64(0)
                + identity(account or jid.split("/", maxsplit=1)[0]) + varint(0))
    said = b"\1" + text(words) if words else b"\0"
    return (u64(number) + constant + b"\1\1\0\0" + u64(0) + b"\0" + u64(1 if words else 0)
            + (b"\1" if words else b"\0") + said)


def states(*them):
    return b"\2" + varint(len(them)) + b"".join(them)


def to_session(number, session, jid, what):
    return (u64(number) + b"\1" + u64(session) + text(jid) + b"\0\2\1\0" + u64(0) + text(what))


def query(number, asker, answerer, jid, what):
    return (u64(number) + b"\2" + u64(asker) + u64(answerer) + text(jid) + text("") + text("q1")
            + b"\0" + text(what))


class Impostor:
    """Its number is 1, less than that of any other, so that it is the one that connects."""

    def __init__(self, cluster, name="impostor", number=1):
        self.cluster, self.name, self.number = cluster, name, number
        self.bundle = cluster.members_authority.member(name)
        self.connections = 0
        self.sockets = []
        self.address = "127.0.0.1:9"

    def register(self):
        etcd = self.cluster.etcd.wait_leader()
        etcd.ask("/v3/lease/grant", {"ID": "4711", "TTL": str(LEASE)})
        self.put(f"/gridd/test/members/{self.name}", json.dumps({
            "version": 1, "id": str(self.number), "name": self.name, "address": self.address,
            "clients": "", "flushed_group": str(NOBODY), "is_draining": False,
        }), lease="4711")

    def leave(self):
        for one in self.sockets:
            one.close()
        self.cluster.etcd.wait_leader().ask("/v3/lease/revoke", {"ID": "4711"})

    def put(self, key, value, **more):
        self.cluster.etcd.wait_leader().ask("/v3/kv/put", {
            "key": base64.b64encode(key.encode()).decode(),
            "value": base64.b64encode(value.encode()).decode(), **more,
        })

    def connect(self, member, greets=True, version=VERSION):
        """Greeted, the answer read; an OSError when it is turned away."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.bundle.ca)
        context.load_cert_chain(self.bundle.cert, self.bundle.key)
        host, _, port = member.settings["listen.cluster"].rpartition(":")
        wire = context.wrap_socket(socket.create_connection((host, int(port)), 10))
        wire.settimeout(10)
        self.sockets.append(wire)
        if not greets:
            return wire
        self.connections += 1
        hello = (b"\1" + struct.pack(">II", version, version) + text("test") + text(self.name)
                 + u64(self.number) + u64(self.connections))
        self.say(wire, 0, hello)
        answer = self.hear(wire)
        if answer[:2] != (0, b"\1"):
            raise ConnectionError(answer[1])
        return wire

    def listen(self, answer):
        """A port to which members connect whose number is less; each gets that frame for its
        hello."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(self.bundle.ca)
        context.load_cert_chain(self.bundle.cert, self.bundle.key)
        context.verify_mode = ssl.CERT_REQUIRED
        listener = socket.create_server(("127.0.0.1", 0))
        self.sockets.append(listener)
        self.address = "127.0.0.1:{}".format(listener.getsockname()[1])

        def serve():
            while True:
                try:
                    near, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(near, server_side=True) as wire:
                        wire.settimeout(5)
                        self.hear(wire)
                        self.say(wire, 0, answer)
                        wire.recv(1)
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()

    @staticmethod
    def say(wire, channel, payload):
        wire.sendall(struct.pack(">IB", len(payload), channel) + payload)

    @staticmethod
    def hear(wire):
        """The next frame's channel, and the first byte of its payload."""
        def exactly(count):
            got = b""
            while len(got) < count:
                more = wire.recv(count - len(got))
                if not more:
                    raise ConnectionError("closed")
                got += more
            return got
        size, channel = struct.unpack(">IB", exactly(5))
        return channel, exactly(size)[:1]


def is_order_to_go(channel, payload):
    """A wish of an administrator at another member, to drain or to leave: members follow those."""
    return channel == CONTROL and payload in (b"\3" + u64(0), b"\3" + u64(3))


def mutations(seed, frames, count):
    """Frames with bytes changed, cut off, doubled, or put into another channel; no orders to go."""
    rng = random.Random(seed)
    made = 0
    while made < count:
        channel, payload = rng.choice(frames)
        payload = bytearray(payload)
        for _ in range(rng.randrange(4)):
            if payload:
                payload[rng.randrange(len(payload))] = rng.randrange(256)
        if rng.random() < 0.3:
            del payload[rng.randrange(len(payload) + 1):]
        if rng.random() < 0.1:
            payload += bytes(payload)
        if rng.random() < 0.1:
            channel = rng.randrange(1, 8)
        made += 1
        if not is_order_to_go(channel, payload):
            yield channel, bytes(payload)
