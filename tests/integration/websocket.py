# tests/integration/websocket.py: a WebSocket on a bare TLS socket, for what no library sends.
"""Frames go out as they are given; each message that comes is kept whole."""

import base64
import os
import re
import socket
import ssl
import struct
import time

FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
SECONDS = 10
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def connect(address, domain, bundle=None):
    """TLS to the HTTPS port, with the bundle's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if bundle:
        context.load_cert_chain(bundle.cert, bundle.key)
    plain = socket.create_connection(address, SECONDS)
    return context.wrap_socket(plain, server_hostname=domain)


def frame(opcode, payload, *, final=True, masked=True, reserved=0, size=None):
    """One frame; `size` is told instead of the true one."""
    data = payload.encode() if isinstance(payload, str) else payload
    size = len(data) if size is None else size
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += struct.pack("!BH", bit | 126, size)
    else:
        head += struct.pack("!BQ", bit | 127, size)
    if not masked:
        return head + data
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


class WebSocket:
    """One connection. `messages` has the texts that came since the last `expect`."""

    def __init__(self, address, domain, bundle=None, *, early=b"", **headers):
        self.domain = domain
        self.socket = connect(address, domain, bundle)
        self.buffer = b""
        self.messages, self.pongs = [], []
        self.closed = False   # the TCP connection is
        self.close_code = None
        self.key = base64.b64encode(os.urandom(16)).decode()
        fields = {
            "Host": f"{domain}:{address[1]}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": self.key,
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "xmpp",
        }
        for name, value in headers.items():
            fields[name.replace("_", "-")] = value
        request = "GET /xmpp-websocket HTTP/1.1\r\n"
        request += "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
        self.socket.sendall((request + "\r\n").encode() + early)
        self.status, self.head = self._read_head()

    def _read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise AssertionError(f"closed within the answer: {self.buffer!r}")
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # --- frames -------------------------------------------------------------------------------

    def send(self, text):
        self.socket.sendall(frame(TEXT, text))

    def send_frame(self, opcode, payload, **more):
        self.socket.sendall(frame(opcode, payload, **more))

    def send_quietly(self, data):
        """For what the server may cut short: it is what it answers that counts."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def _take_frame(self):
        """Takes one frame of the server out of the buffer; False: it is not whole yet."""
        data = self.buffer
        if len(data) < 2:
            return False
        assert data[0] & 0x80 and not data[0] & 0x70, "fragmented, or an extension"
        assert not data[1] & 0x80, "a server does not mask"
        size, at = data[1], 2
        if size == 126:
            size, at = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(data[2:10], "big"), 10
        if len(data) < at or len(data) < at + size:
            return False
        payload, self.buffer = data[at : at + size], data[at + size :]
        opcode = data[0] & 0x0F
        assert self.close_code is None, "a frame behind the Close frame"
        if opcode == TEXT:
            self.messages.append(payload.decode())
        elif opcode == PING:
            self.send_frame(PONG, payload)
        elif opcode == PONG:
            self.pongs.append(payload)
        elif opcode == CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big")
        else:
            raise AssertionError(f"a frame of kind {opcode}")
        return True

    def receive(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(f"nothing more came; so far: {self.messages}")
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except (TimeoutError, socket.timeout):
            return
        except OSError:
            data = b""
        self.closed = not data
        self.feed(data)

    def feed(self, data):
        """Bytes that have come."""
        self.buffer += data
        while self._take_frame():
            pass

    def expect(self, pattern, seconds=SECONDS):
        """Waits for a message that matches, forgets those up to it, gives the match."""
        deadline = time.monotonic() + seconds
        while self._take_frame():
            pass
        while True:
            for at, text in enumerate(self.messages):
                match = re.search(pattern, text, re.DOTALL)
                if match:
                    del self.messages[: at + 1]
                    return match
            if self.closed:
                raise AssertionError(f"closed without {pattern!r}; so far: {self.messages}")
            self.receive(deadline)

    def until_closed(self, seconds=SECONDS):
        """All messages that come until the server closes the connection."""
        deadline = time.monotonic() + seconds
        while not self.closed:
            self.receive(deadline)
        return self.messages

    # --- a stream -----------------------------------------------------------------------------

    def open(self, more="", ns=FRAMING):
        self.send(f"<open xmlns='{ns}' to='{self.domain}' version='1.0' {more}/>")

    def features(self):
        self.expect(rf"<open xmlns='{FRAMING}' from='{self.domain}' id='[^']+'[^>]*/>")
        return self.expect(r"^<stream:features xmlns:stream=.*</stream:features>$").group()

    def authenticate(self, text="="):
        self.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{text}</auth>")
        return self.expect(r"<success\b[^>]*>|<failure\b.*?</failure>").group()

    def bind(self, resource="ws"):
        self.send(
            "<iq xmlns='jabber:client' type='set' id='bind'>"
            "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"<resource>{resource}</resource></bind></iq>"
        )
        return self.expect(r"<jid>(.*?)</jid>").group(1)

    def login(self, resource="ws", text="="):
        self.open()
        self.features()
        answer = self.authenticate(text)
        assert "<success" in answer, answer
        self.open()
        self.features()
        self.bind(resource)
        return self

    def stream_error(self, seconds=SECONDS):
        """The condition of the stream error, behind which the stream and the connection end."""
        messages = self.until_closed(seconds)
        assert len(messages) >= 2, f"no stream error in {messages}"
        assert messages[-1] == f"<close xmlns='{FRAMING}'/>", messages
        match = re.search(r"^<stream:error xmlns:stream='[^']+'>\s*<([a-z-]+)", messages[-2])
        assert match, f"no stream error in {messages}"
        assert self.close_code is not None, "no Close frame"
        return match.group(1)
