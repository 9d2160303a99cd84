# tests/integration/crash/wire.py: a fast XMPP client on asyncio, for many sessions in one process.
"""Stanzas are cut out of the stream by a pattern and handed on as text: nothing is parsed twice,
and what had arrived when the server died is still read to its last byte."""

import asyncio
import functools
import re
import socket
import ssl

SECONDS = 20
STANZA = re.compile(r"<(iq|message|presence)\b[^>]*?(?:/>|>.*?</\1>)", re.DOTALL)
ID = re.compile(r"<iq\b[^>]*\bid='([^']*)'")
HEADER = (
    "<?xml version='1.0'?><stream:stream to='{}' version='1.0' xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams'>"
)
FEATURES = r"</stream:features>"
SASL = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>"
BIND = (
    "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
    "<resource>{}</resource></bind></iq>"
)
PUBSUB = "http://jabber.org/protocol/pubsub"


class Gone(Exception):
    """The stream ended before the answer came."""


@functools.lru_cache(maxsize=None)
def context(bundle):
    made = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=bundle.ca)
    made.load_cert_chain(bundle.cert, bundle.key)
    made.set_alpn_protocols(["xmpp-client"])
    return made


class Wire(asyncio.Protocol):
    """One stream. `on_message(text)` gets every message; requests are futures of the answer."""

    def __init__(self, on_message=None):
        self.on_message = on_message or (lambda text: None)
        self.transport = None
        self.buffer = b""
        self.text = ""
        self.waiting = {}    # iq id → called with the answer, or with None when the stream ends
        self.expected = None   # (pattern, future) while negotiating
        self.numbers = 0
        self.closed = asyncio.get_running_loop().create_future()
        self.stream_error = None

    # --- asyncio.Protocol -------------------------------------------------------------------

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        # A character may be cut in two.
        try:
            self.text += self.buffer.decode()
            self.buffer = b""
        except UnicodeDecodeError as error:
            self.text += self.buffer[: error.start].decode()
            self.buffer = self.buffer[error.start :]
        if self.expected is not None:
            self._negotiate()
        else:
            self._cut()

    def connection_lost(self, exc):
        if self.expected is not None and not self.expected[1].done():
            self.expected[1].set_exception(Gone("closed while negotiating: " + self.text[-300:]))
        waiting, self.waiting = self.waiting, {}
        for done in waiting.values():
            done(None)
        if not self.closed.done():
            self.closed.set_result(exc)

    def _negotiate(self):
        pattern, future = self.expected
        match = pattern.search(self.text)
        if match and not future.done():
            self.text = self.text[match.end() :]
            self.expected = None
            future.set_result(match)

    def _cut(self):
        end = 0
        for match in STANZA.finditer(self.text):
            end = match.end()
            if match.group(1) == "message":
                self.on_message(match.group())
            elif match.group(1) == "iq":
                self._answered(match.group())
        self.text = self.text[end:]
        if "<stream:error" in self.text:
            self.stream_error = self.text[:400]

    def _answered(self, text):
        found = ID.match(text)
        done = self.waiting.pop(found.group(1), None) if found else None
        if done is not None:
            done(text)
        elif "urn:xmpp:ping" in text and "type='get'" in text and found:
            self.transport.write(f"<iq type='result' id='{found.group(1)}'/>".encode())

    # --- for the actors --------------------------------------------------------------------

    async def _expect(self, pattern):
        future = asyncio.get_running_loop().create_future()
        self.expected = (re.compile(pattern, re.DOTALL), future)
        self._negotiate()
        return await asyncio.wait_for(future, SECONDS)

    @classmethod
    async def login(cls, server, bundle, resource, on_message=None, receive_bytes=None):
        """Direct TLS, EXTERNAL, bind, presence; the domain is that of the bundle's address. With a
        small buffer in the kernel, what is not read piles up at the server."""
        domain = bundle.jid.split("@")[1]
        loop = asyncio.get_running_loop()
        tcp = socket.socket()
        tcp.setblocking(False)
        if receive_bytes:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        await asyncio.wait_for(loop.sock_connect(tcp, server.c2s_tls), SECONDS)
        connecting = loop.create_connection(
            lambda: cls(on_message), sock=tcp, ssl=context(bundle), server_hostname=domain
        )
        _, self = await asyncio.wait_for(connecting, SECONDS)
        self.write(HEADER.format(domain))
        await self._expect(FEATURES)
        self.write(SASL)
        await self._expect(r"<success\b[^>]*>")
        self.write(HEADER.format(domain))
        await self._expect(FEATURES)
        self.write(BIND.format(resource))
        await self._expect(r"<iq\b[^>]*type='result'.*?</iq>")
        self.write("<presence/>")
        # Stanzas may have come in the same read as the last answer.
        self._cut()
        return self

    def write(self, text):
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(text.encode())

    def ask(self, kind, to, payload, done):
        """Sends an iq; `done(text)` is called with the answer, or with None if none comes."""
        self.numbers += 1
        number = f"q{self.numbers}"
        if self.closed.done():
            done(None)
            return
        self.waiting[number] = done
        self.write(f"<iq type='{kind}' id='{number}' to='{to}'>{payload}</iq>")

    async def request(self, kind, to, payload):
        """The answer as text; Gone when the stream ends without one."""
        future = asyncio.get_running_loop().create_future()
        self.ask(kind, to, payload, lambda text: future.done() or future.set_result(text))
        text = await asyncio.wait_for(future, SECONDS)
        if text is None:
            raise Gone(payload[:100])
        return text

    async def pubsub(self, kind, to, inner, owner=False):
        """A pubsub request that must succeed."""
        namespace = PUBSUB + ("#owner" if owner else "")
        text = await self.request(kind, to, f"<pubsub xmlns='{namespace}'>{inner}</pubsub>")
        assert "type='result'" in text[:300], f"{inner}: {text}"
        return text

    async def leave(self):
        """An orderly end: everything that the server still sends is read."""
        self.write("</stream:stream>")
        await asyncio.wait_for(asyncio.shield(self.closed), SECONDS)

    def drop(self):
        if self.transport is not None:
            self.transport.abort()
