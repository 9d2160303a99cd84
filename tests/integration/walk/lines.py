# tests/integration/walk/lines.py: a line carries a session's stanzas: TCP, WebSocket, BOSH.
"""Each line sends text, and gives the elements that came, whole and in their order."""

import http.client
import itertools
import queue
import select
import socket
import ssl
import threading
import time
import xml.etree.ElementTree as ET

from bosh import BIND, XBOSH, Link
from gridd import DOMAIN
from raw import Raw, header
from websocket import WebSocket

SECONDS = 30   # for something that must come, on a machine that has others to serve


def read_ready(plain):
    """The bytes that are there, and whether the peer has closed."""
    got = b""
    plain.settimeout(0)
    while True:
        try:
            data = plain.recv(65536)
        except (ssl.SSLWantReadError, BlockingIOError):
            return got, False
        except OSError:
            return got, True
        if not data:
            return got, True
        got += data


class Line:
    """`came` are the elements that nobody has taken yet."""

    def __init__(self):
        self.came, self.closed = [], False

    def fetch(self):
        """Takes what is there, without waiting."""
        raise NotImplementedError

    def pause(self, seconds):
        """Waits until there may be something to fetch."""
        time.sleep(min(seconds, 0.02))

    def wait(self, is_it, seconds=SECONDS):
        """The first element like this, which is taken; others stay."""
        deadline = time.monotonic() + seconds
        while True:
            self.fetch()
            for at, element in enumerate(self.came):
                if is_it(element):
                    return self.came.pop(at)
            assert not self.closed, f"closed; came: {[ET.tostring(one) for one in self.came]}"
            assert time.monotonic() < deadline, "nothing more came"
            self.pause(deadline - time.monotonic())

    def features(self):
        return self.wait(lambda one: one.tag.endswith("}features"))


class Tcp(Line):
    """Port 5222 with STARTTLS, or 5223."""

    def __init__(self, server, bundle, starttls):
        super().__init__()
        self.raw = Raw(server.c2s if starttls else server.c2s_tls, DOMAIN)
        if starttls:
            self.raw.starttls(bundle)
        else:
            self.raw.handshake(bundle)
        self.parser, self.depth = None, 0

    def open(self):
        self.parser, self.depth = ET.XMLPullParser(("start", "end")), 0
        self.send(header(DOMAIN))
        return self.features()

    def send(self, text):
        self.raw.socket.settimeout(SECONDS)
        self.raw.send_quietly(text)

    def fetch(self):
        if self.closed:
            return
        data, self.closed = read_ready(self.raw.socket)
        self.parser.feed(data)
        for what, element in self.parser.read_events():
            self.depth += 1 if what == "start" else -1
            if what == "end" and self.depth == 1:
                self.came.append(element)

    def pause(self, seconds):
        if not self.raw.socket.pending():
            select.select([self.raw.socket], [], [], max(0, min(seconds, 0.1)))

    def bye(self):
        self.send("</stream:stream>")

    def half_close(self):
        """The client's side of TCP alone, without a word of TLS."""
        socket.socket.shutdown(self.raw.socket, socket.SHUT_WR)

    def cut(self):
        self.raw.socket.close()
        self.closed = True


class Web(Line):
    """A WebSocket."""

    def __init__(self, server, bundle):
        super().__init__()
        self.web = WebSocket(server.http, DOMAIN, bundle)

    def open(self):
        self.web.socket.settimeout(SECONDS)
        self.web.open()
        return self.features()

    def send(self, text):
        self.web.socket.settimeout(SECONDS)
        try:
            self.web.send(text)
        except OSError:
            pass

    def fetch(self):
        if self.closed:
            return
        data, self.closed = read_ready(self.web.socket)
        self.web.feed(data)
        self.came += [ET.fromstring(text) for text in self.web.messages]
        self.web.messages.clear()

    def pause(self, seconds):
        if not self.web.socket.pending():
            select.select([self.web.socket], [], [], max(0, min(seconds, 0.1)))

    def bye(self):
        self.send("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")

    def half_close(self):
        socket.socket.shutdown(self.web.socket, socket.SHUT_WR)

    def cut(self):
        self.web.socket.close()
        self.closed = True


class Polled(Line):
    """BOSH: two links, each with a thread; one request waits at the server."""

    def __init__(self, server, bundle):
        super().__init__()
        self.rids, self.sid = itertools.count(1000), None
        self.next_rid, self.answers = 1000, {}
        self.heard = queue.Queue()
        self.asked = [queue.Queue(), queue.Queue()]
        for waiting in self.asked:
            link = Link(server.http, DOMAIN, bundle)
            threading.Thread(target=self.serve, args=(link, waiting), daemon=True).start()
        self.open_requests = 0

    def serve(self, link, waiting):
        while (asked := waiting.get()) is not None:
            rid, body = asked
            try:
                status, _, text = link.ask(body)
            except (OSError, http.client.HTTPException) as fault:   # the server was killed
                status, text = 0, repr(fault)
            self.heard.put((rid, status, text))
        link.close()

    def ask(self, content="", more=""):
        if self.closed:
            return
        rid = next(self.rids)
        sid = f" sid='{self.sid}'" if self.sid else ""
        self.open_requests += 1
        body = f"<body xmlns='{BIND}' rid='{rid}'{sid} {more}>{content}</body>"
        self.asked[rid % 2].put((rid, body))

    def open(self):
        restart = f"xmlns:xmpp='{XBOSH}' xml:lang='en' to='{DOMAIN}'"
        if self.sid is None:
            self.ask(more=f"{restart} wait='5' hold='1' ver='1.6' xmpp:version='1.0' "
                     "content='text/xml; charset=utf-8'")
        else:
            self.ask(more=f"{restart} xmpp:restart='true'")
        return self.features()

    def send(self, text):
        self.ask(text)

    def fetch(self):
        while not self.heard.empty():
            rid, status, text = self.heard.get()
            self.open_requests -= 1
            self.answers[rid] = (status, text)
        while self.next_rid in self.answers:
            status, text = self.answers.pop(self.next_rid)
            self.next_rid += 1
            self.take(status, text)
        if self.sid and self.open_requests == 0 and not self.closed:
            self.ask()

    def take(self, status, text):
        if status != 200:
            return self.end()
        body = ET.fromstring(text)
        self.sid = body.get("sid", self.sid)
        self.came += list(body)
        if body.get("type") == "terminate":
            self.end()

    def end(self):
        self.closed = True
        for waiting in self.asked:
            waiting.put(None)

    def bye(self):
        self.ask(more="type='terminate'")

    def cut(self):
        """No more is asked. The server learns of it when its patience is over."""
        self.end()
