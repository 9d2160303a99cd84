# tests/integration/raw.py: an XMPP client on a bare socket, for what no library would send.
"""Bytes go out as they are given; what comes back is searched as text."""

import base64
import re
import socket
import ssl
import time

from gridd import MEMBERS

SECONDS = 30   # for something that must come, on a machine that has others to serve
CLOSED_SECONDS = 10   # within which a server closes
PATIENCE = 20   # of a client, where a machine with others to serve keeps a member from its cluster
STREAM_NS = "http://etherx.jabber.org/streams"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"


def header(domain, sender=None):
    sender = f" from='{sender}'" if sender else ""
    return (
        f"<?xml version='1.0'?><stream:stream to='{domain}'{sender} version='1.0' "
        f"xmlns='jabber:client' xmlns:stream='{STREAM_NS}'>"
    )


class Raw:
    """One connection; `seen` is everything that came since the last `take`."""

    def __init__(self, address, domain, source="", seconds=SECONDS):
        """`seconds`: for one step, where its method is not told otherwise."""
        self.domain, self.seconds = domain, seconds
        self.ends = address, (source, 0)
        self.connect()

    def connect(self):
        address, source = self.ends
        self.socket = socket.create_connection(address, self.seconds, source)
        self.seen = ""
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # --- bytes ------------------------------------------------------------------------------

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def send_quietly(self, data):
        """For what the server may cut short: it is what it answers that counts."""
        try:
            self.send(data)
        except OSError:
            pass

    def receive(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise AssertionError("nothing more came; so far: " + self.seen[-1000:])
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except (TimeoutError, socket.timeout):
            return
        except OSError:
            data = b""
        if data:
            self.seen += data.decode("utf-8", "replace")
        else:
            self.closed = True

    def expect(self, pattern, seconds=None):
        """Waits for the pattern, forgets what came up to its end, gives the match."""
        deadline = time.monotonic() + (seconds or self.seconds)
        while True:
            match = re.search(pattern, self.seen, re.DOTALL)
            if match:
                self.seen = self.seen[match.end() :]
                return match
            if self.closed:
                raise AssertionError(f"closed without {pattern!r}; so far: {self.seen[-1000:]}")
            self.receive(deadline)

    def until_closed(self, seconds=CLOSED_SECONDS):
        """All that comes until the server closes the connection."""
        deadline = time.monotonic() + seconds
        while not self.closed:
            self.receive(deadline)
        return self.seen

    # --- a stream ---------------------------------------------------------------------------

    def open(self, sender=None):
        self.send(header(self.domain, sender))
        return self.expect(
            r"<stream:features[^>]*/>|<stream:features\b.*?</stream:features>"
        ).group()

    def handshake(self, bundle=None, *, alpn=None, low=None, high=None):
        """TLS on the bare connection; the bundle's certificate is shown when there is one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if bundle is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(bundle.ca)
            context.load_cert_chain(bundle.cert, bundle.key)
        if alpn:
            context.set_alpn_protocols(alpn)
        if low:
            context.minimum_version = low
        if high:
            context.maximum_version = high
        self.socket.settimeout(self.seconds)
        self.socket = context.wrap_socket(self.socket, server_hostname=self.domain)
        self.seen = ""

    def starttls(self, bundle=None):
        self.open()
        self.send(STARTTLS)
        self.expect(r"<proceed\b.*?>")
        self.handshake(bundle)
        return self

    def authenticate(self, authzid=""):
        """EXTERNAL; the whole answer: success, or the failure."""
        text = base64.b64encode(authzid.encode()).decode() if authzid else "="
        self.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{text}</auth>")
        return self.expect(r"<success\b[^>]*>|<failure\b.*?</failure>").group()

    def authenticate_anew(self, bundle):
        """On a connection of which nothing was used."""
        self.starttls(bundle)
        self.open()
        return self.authenticate()

    def bind(self, resource="raw"):
        self.open()
        self.send(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"<resource>{resource}</resource></bind></iq>"
        )
        return self.expect(r"<jid>(.*?)</jid>.*?</iq>").group(1)

    def login(self, bundle, resource="raw", patience=PATIENCE if MEMBERS > 1 else 0):
        """A member that does not hear from its cluster refuses, and is asked again for so many
        seconds."""
        deadline = time.monotonic() + patience
        while re.search(
            "does not (hear from its cluster|reach the member that leads)",
            answer := self.authenticate_anew(bundle),
        ):
            if time.monotonic() > deadline:
                break
            self.socket.close()
            time.sleep(0.5)
            self.connect()
        assert "<success" in answer, answer
        self.bind(resource)
        return self

    def stream_error(self, seconds=CLOSED_SECONDS):
        """The condition of the stream error, after which the stream and the connection must end."""
        text = self.until_closed(seconds)
        match = re.search(r"<stream:error\b[^>]*>\s*<([a-z-]+)", text)
        assert match, "no stream error in: " + text[-1000:]
        assert "</stream:stream>" in text, "stream not closed: " + text[-1000:]
        return match.group(1)
