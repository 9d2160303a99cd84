# tests/integration/scram.py: SCRAM and PLAIN as a client says them, right or wrong in one place.
"""Messages for a Raw client. What is said wrongly on purpose is given by name."""

import base64
import hashlib
import hmac
import os
import re

from raw import SASL


def b64(data):
    return base64.b64encode(data).decode()


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


class Scram:
    """One exchange; `mechanism` as it is offered, with or without -PLUS."""

    def __init__(self, mechanism, name, password, *, flag="n", binding=b"", authzid=""):
        self.mechanism = mechanism
        self.hash = "sha" + re.match(r"SCRAM-SHA-(\d+)", mechanism).group(1)
        self.password, self.binding = password, binding
        self.header = f"{flag},{'a=' + authzid if authzid else ''},"
        self.nonce = b64(os.urandom(18))
        self.bare = f"n={name},r={self.nonce}"
        self.signature = None

    def first(self):
        return self.header + self.bare

    def hmac(self, key, text):
        return hmac.new(key, text if isinstance(text, bytes) else text.encode(), self.hash).digest()

    def final(self, challenge, nonce=None):
        parts = dict(part.split("=", 1) for part in challenge.split(","))
        self.parts = parts
        assert parts["r"].startswith(self.nonce) and parts["r"] != self.nonce, challenge
        salted = hashlib.pbkdf2_hmac(
            self.hash, self.password.encode(), base64.b64decode(parts["s"]), int(parts["i"])
        )
        key = self.hmac(salted, "Client Key")
        without = f"c={b64(self.header.encode() + self.binding)},r={nonce or parts['r']}"
        message = f"{self.bare},{challenge},{without}"
        stored = hashlib.new(self.hash, key).digest()
        self.signature = self.hmac(self.hmac(salted, "Server Key"), message)
        return f"{without},p={b64(xor(key, self.hmac(stored, message)))}"


def challenge(raw, exchange):
    """Sends the first message; the server's challenge, or None and the failure."""
    text = b64(exchange.first().encode())
    raw.send(f"<auth xmlns='{SASL}' mechanism='{exchange.mechanism}'>{text}</auth>")
    answer = raw.expect(r"<challenge\b[^>]*>([^<]*)</challenge>|<failure\b.*?</failure>")
    if answer.group(1) is None:
        return None, answer.group()
    return base64.b64decode(answer.group(1)).decode(), None


def authenticate(raw, exchange, nonce=None):
    """The whole exchange: None for a success whose signature is right, or the condition."""
    asked, failure = challenge(raw, exchange)
    if asked is not None:
        final = b64(exchange.final(asked, nonce).encode())
        raw.send(f"<response xmlns='{SASL}'>{final}</response>")
        answer = raw.expect(r"<success\b[^>]*>([^<]*)</success>|<failure\b.*?</failure>")
        if answer.group(1) is not None:
            assert answer.group(1) == b64(b"v=" + b64(exchange.signature).encode()), answer.group()
            return None
        failure = answer.group()
    return re.search(r"<failure[^>]*><([a-z-]+)", failure).group(1)


def plain(raw, name, password):
    text = b64(f"\0{name}\0{password}".encode())
    raw.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{text}</auth>")
    answer = raw.expect(r"<success\b[^>]*/>|<failure\b.*?</failure>").group()
    if answer.startswith("<success"):
        return None
    return re.search(r"<failure[^>]*><([a-z-]+)", answer).group(1)


def offered(features):
    """The mechanisms in the order in which they are offered."""
    listed = re.search(r"<mechanisms\b.*?</mechanisms>", features).group()
    return re.findall(r"<mechanism>([^<]*)</mechanism>", listed)
