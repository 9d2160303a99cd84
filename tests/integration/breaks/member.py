# tests/integration/breaks/member.py: a client that comes back whatever breaks, with and without
# stream management (XEP-0198).
"""It counts as the XEP says, so that what it gets twice is the server's doing."""

import asyncio
import re
import ssl
import time

from crash.wire import BIND, FEATURES, HEADER, PUBSUB, SASL, Gone, Wire, context

SM = "urn:xmpp:sm:3"
ELEMENT = re.compile(
    r"<(iq|message|presence|failed)\b[^>]*?(?:/>|>.*?</\1>)|<(?:a|r|enabled|resumed)\b[^>]*?/>",
    re.DOTALL,
)
ITEM = re.compile(r"<item\b[^>]*?\bid='([^']*)'")
SECONDS = 8   # for one step of a login; more than what the network holds back
BACK_OFF_SECONDS = (0.05, 0.5)
PATIENCE_MAX = 32
BROKEN = (Gone, OSError, ssl.SSLError, asyncio.TimeoutError, asyncio.IncompleteReadError)


def attribute(text, name):
    found = re.search(rf"\b{name}='([^']*)'", text)
    return found.group(1) if found else None


class Link(Wire):
    """One connection. `on_element(text)` gets every element but the answers to a login."""

    def __init__(self, on_element):
        super().__init__()
        self.on_element = on_element
        self.port = None

    def _cut(self):
        end = 0
        for match in ELEMENT.finditer(self.text):
            end = match.end()
            self.on_element(match.group())
        self.text = self.text[end:]

    @classmethod
    async def open(cls, address, bundle, on_element):
        """To the features after the login."""
        domain = bundle.jid.split("@")[1]
        connecting = asyncio.get_running_loop().create_connection(
            lambda: cls(on_element), *address, ssl=context(bundle), server_hostname=domain
        )
        transport, self = await asyncio.wait_for(connecting, SECONDS)
        if name := transport.get_extra_info("sockname"):   # else it is gone already
            self.port = name[1]
        try:
            self.write(HEADER.format(domain))
            await self.expect(FEATURES)
            self.write(SASL)
            await self.expect(r"<success\b[^>]*>")
            self.write(HEADER.format(domain))
            self.features = (await self.expect(rf"<stream:features.*?{FEATURES}")).group()
        except BaseException:
            self.drop()
            raise
        return self

    async def expect(self, pattern):
        return await asyncio.wait_for(self._expect(pattern), SECONDS)


class Member:
    """One account, subscribed to one topic; `receipts` has (session, item)."""

    def __init__(self, network, bundle, rng, node, wants_sm):
        self.network, self.bundle, self.rng = network, bundle, rng
        self.broker = "pubsub." + bundle.jid.split("@")[1]
        self.node, self.wants_sm = node, wants_sm
        self.kind = "counts" if wants_sm else "does not count"
        self.receipts = []
        self.session = self.resumptions = 0
        self.lines = {}   # of the network, by session: where one is not resumed, it has one
        self.acknowledged = []   # items of this publisher
        self.events = []         # (when, session, what it saw of its streams)
        self.link = None
        self.is_online = asyncio.Event()
        self.is_subscribed = False
        self.waiting = {}   # id of an iq → called with its answer, or with None
        self.numbers = 0
        self._forget()

    def _forget(self):
        """There is no stream to resume any more."""
        self.token, self.handled, self.acked, self.unacked = None, 0, 0, []
        waiting, self.waiting = self.waiting, {}
        for done in waiting.values():
            done(None)

    def told(self):
        """What it is doing."""
        return f"session {self.session}, {self.resumptions} resumptions"

    def note(self, what):
        """For whoever looks into a fault."""
        self.events.append((time.time(), self.session, what))

    # --- its life -----------------------------------------------------------------------------

    async def live(self):
        patience = 1   # grows with each login that fails: a busy machine gets to fewer at a time
        while True:
            factor, patience = patience, min(2 * patience, PATIENCE_MAX)
            try:
                await self._connect()
                factor = patience = 1
                self.is_online.set()
                await self.link.closed
                self.note("closed")
            except BROKEN as error:
                self.note(f"no login: {error!r}")
            self.is_online.clear()
            if self.link is not None:
                self.link.drop()
            if self.token is None:
                self._forget()
            await asyncio.sleep(factor * self.rng.uniform(*BACK_OFF_SECONDS))

    async def _connect(self):
        address = self.network.address
        self.note(f"connects to {address}")
        self.link = link = await Link.open(address, self.bundle, self._on_element)
        if self.token is not None and await self._resume(link):
            return
        self._forget()
        link.write(BIND.format("breaks"))
        await link.expect(r"<iq\b[^>]*type='result'.*?</iq>")
        self.session += 1
        self.note(f"bound, behind {self.receipts[-1:]}")
        self.lines[self.session] = self.network.line_of(link.port)
        if self.wants_sm and SM in link.features:
            link.write(f"<enable xmlns='{SM}' resume='true'/>")
            enabled = await link.expect(r"<enabled\b[^>]*/>")
            self.token = attribute(enabled.group(), "id")
        self._send("<presence/>")
        link._cut()   # elements may have come in the same read as the last answer
        if not self.is_subscribed:
            jid = self.bundle.jid
            await self.request(f"<subscribe node='{self.node}' jid='{jid}'/>")
            self.is_subscribed = True

    async def _resume(self, link):
        link.write(f"<resume xmlns='{SM}' h='{self.handled}' previd='{self.token}'/>")
        answer = (await link.expect(r"<resumed\b[^>]*/>|<failed\b.*?(?:/>|</failed>)")).group()
        self.note(f"resumes with h='{self.handled}' behind {self.receipts[-1:]}: {answer}")
        if answer.startswith("<failed"):
            return False
        self.resumptions += 1
        self._on_acked(int(attribute(answer, "h")))
        for text in self.unacked:
            link.write(text)
        link._cut()
        return True

    # --- what comes ---------------------------------------------------------------------------

    def _on_element(self, text):
        if text.startswith("<r"):
            self.link.write(f"<a xmlns='{SM}' h='{self.handled}'/>")
        elif text.startswith("<a"):
            self._on_acked(int(attribute(text, "h")))
        elif text.startswith("<message"):
            self._count()
            self.receipts += [(self.session, item) for item in ITEM.findall(text)]
        elif text.startswith("<iq"):
            self._count()
            done = self.waiting.pop(attribute(text[:300], "id"), None)
            if done is not None:
                done(text)
        elif text.startswith("<presence"):
            self._count()

    def _count(self):
        if self.token is not None:
            self.handled = (self.handled + 1) % 2**32

    def _on_acked(self, count):
        news = (count - self.acked) % 2**32
        assert news <= len(self.unacked), f"h='{count}' after {self.acked} and {self.unacked}"
        del self.unacked[:news]
        self.acked = count

    # --- what goes ----------------------------------------------------------------------------

    def _send(self, text):
        if self.token is not None:
            self.unacked.append(text)
        self.link.write(text)

    async def request(self, inner):
        """True when the answer is a result, None when it can never be known, else the answer."""
        future = asyncio.get_running_loop().create_future()
        self.numbers += 1
        number = f"q{self.session}-{self.numbers}"
        self.waiting[number] = lambda text: future.done() or future.set_result(text)
        self._send(
            f"<iq type='set' id='{number}' to='{self.broker}'><pubsub xmlns='{PUBSUB}'>{inner}"
            "</pubsub></iq>"
        )
        text = await future
        return True if text and "type='result'" in text[:300] else text

    async def publish(self, item):
        """An item whose answer is lost may be there or not: its id is not used again."""
        if not self.is_online.is_set():
            return
        payload = f"<alert xmlns='urn:example:alert'>{item}</alert>"
        answer = await self.request(
            f"<publish node='{self.node}'><item id='{item}'>{payload}</item></publish>"
        )
        if answer is True:
            self.acknowledged.append(item)
        else:
            assert answer is None, answer
