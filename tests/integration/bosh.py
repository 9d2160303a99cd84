# tests/integration/bosh.py: a BOSH client (XEP-0124, XEP-0206) on HTTPS, for what no library sends.
"""Each request is a connection of its own, unless it says otherwise; answers are parsed."""

import http.client
import itertools
import queue
import re
import ssl
import threading
import time
import xml.etree.ElementTree as ET

BIND = "http://jabber.org/protocol/httpbind"
XBOSH = "urn:xmpp:xbosh"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
SECONDS = 70


class Link:
    """A keep-alive connection with a certificate."""

    def __init__(self, address, domain, bundle, **headers):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if bundle:
            context.load_cert_chain(bundle.cert, bundle.key)
        self.http = http.client.HTTPSConnection(*address, context=context, timeout=SECONDS)
        self.headers = {"Host": f"{domain}:{address[1]}", "Content-Type": "text/xml; charset=utf-8"}
        self.headers.update({name.replace("_", "-"): value for name, value in headers.items()})

    def ask(self, body, method="POST", path="/http-bind"):
        """(status, headers, text)"""
        self.http.request(method, path, body=body, headers=self.headers)
        answer = self.http.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()

    def close(self):
        self.http.close()


class Bosh:
    """One session; two links in turn, so that one request can be held while another is sent."""

    def __init__(self, address, domain, bundle, *, rid=1000, wait=10, hold=1):
        self.address, self.domain, self.bundle = address, domain, bundle
        self.wait, self.hold = wait, hold
        self.rid = itertools.count(rid)
        self.sid = None
        self.links = itertools.cycle([self.link(), self.link()])
        self.came = queue.Queue()   # texts of answers to what was sent without waiting
        self.seen = ""

    def link(self, bundle=None, **headers):
        return Link(self.address, self.domain, bundle or self.bundle, **headers)

    # --- one request --------------------------------------------------------------------------

    def body(self, content="", *, rid=None, sid=None, more=""):
        rid = next(self.rid) if rid is None else rid
        sid = self.sid if sid is None else sid
        sid = f" sid='{sid}'" if sid else ""
        return f"<body xmlns='{BIND}' rid='{rid}'{sid} {more}>{content}</body>"

    def ask(self, content="", link=None, **more):
        """The parsed answer of one request."""
        status, _, text = (link or next(self.links)).ask(self.body(content, **more))
        assert status == 200, (status, text)
        self.seen += text
        return ET.fromstring(text)

    def ask_later(self, content="", **more):
        """Sends it in a thread; the answer is put into `came`."""
        body, link = self.body(content, **more), self.link()

        def run():
            try:
                self.came.put(link.ask(body)[2])
            except OSError as error:
                self.came.put(repr(error))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def expect(self, pattern, seconds=20):
        """Asks until something that matches has come; the match."""
        for _ in range(200):
            match = re.search(pattern, self.seen, re.DOTALL)
            if match:
                self.seen = self.seen[match.end() :]
                return match
            if self.wait == 0:
                time.sleep(1.05)   # no less between two empty requests: `polling`
            self.ask()
        raise AssertionError(f"no {pattern!r} in {self.seen[-1000:]}")

    # --- a stream -----------------------------------------------------------------------------

    def create(self, to=None, more=""):
        to = self.domain if to is None else to
        answer = self.ask(
            more=f"to='{to}' wait='{self.wait}' hold='{self.hold}' ver='1.6' xml:lang='en' "
            f"xmlns:xmpp='{XBOSH}' xmpp:version='1.0' content='text/xml; charset=utf-8' {more}"
        )
        self.sid = answer.get("sid")
        return answer

    def restart(self):
        return self.ask(
            more=f"to='{self.domain}' xml:lang='en' xmlns:xmpp='{XBOSH}' xmpp:restart='true'"
        )

    def login(self, resource="bosh"):
        self.create()
        self.expect("EXTERNAL")
        self.ask(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'></auth>")
        self.expect("<success")
        self.restart()
        self.expect("<bind")
        self.ask(
            "<iq xmlns='jabber:client' type='set' id='bind'>"
            "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"<resource>{resource}</resource></bind></iq>"
        )
        self.expect("<jid>.*?</jid>")
        return self


def condition(answer):
    """Of an answer that ends the session."""
    assert answer.get("type") == "terminate", ET.tostring(answer)
    return answer.get("condition")
