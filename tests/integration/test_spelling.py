# tests/integration/test_spelling.py: the meaning of a stanza, however a client spells it, reaches
# its peer.
"""Bare sockets; the reader is Python's own Expat, which knows nothing of the server."""

import codecs
import os
import random
import unittest
import xml.etree.ElementTree as ET

from gridd import BROKER, CONTROLLER, DOMAIN, Operated
from policies import EVERYTHING
from raw import SASL, STREAM_NS, Raw
from spelling import Speller, meaning

POLICY = EVERYTHING + "allow group everyone to message group everyone\n"
ROUNDS = 15
PING = "<ping xmlns='urn:xmpp:ping'/>"


def opening(more=""):
    return (
        f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' "
        f"xmlns:stream='{STREAM_NS}'{more}>"
    )


class Peer(Raw):
    """A logged-in client with a header of its own; what it gets is read as XML."""

    def login_as(self, bundle, resource, more=""):
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.starttls(bundle)
        self.open()
        self.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>")
        self.expect(r"<success\b[^>]*>")
        self.send(opening(more))
        self.expect(r"</stream:features>")
        self.send(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"<resource>{resource}</resource></bind></iq><presence/>"
        )
        self.expect(r"<jid>.*?</iq>")
        # Asked behind the presence, at a service: a ping is answered by the stream itself.
        self.send(
            f"<iq type='get' id='in' to='{CONTROLLER}'>"
            "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        )
        self.expect(r"<iq [^>]*id='in'.*?</iq>")
        return self

    def ping(self, number="p"):
        self.send(f"<iq type='get' id='{number}'>{PING}</iq>")
        return self.expect(rf"<iq type='result' id='{number}'[^>]*/>")

    def stanzas(self, count=1):
        """That many besides presence, each as an element of ElementTree; anything that is no XML is
        an error."""
        parser = ET.XMLPullParser(("start", "end"))
        parser.feed(opening())
        found, depth = [], 0
        while len(found) < count:
            data, self.seen = self.seen, ""
            parser.feed(data)
            for event, element in parser.read_events():
                depth += 1 if event == "start" else -1
                if event == "end" and depth == 1 and not element.tag.endswith("}presence"):
                    found.append(element)
            if len(found) < count:
                assert not self.closed, f"closed after {len(found)} stanzas"
                self.receive_for(60)
        return found

    def receive_for(self, seconds):
        self.socket.settimeout(seconds)
        data = self.socket.recv(65536)
        self.closed = not data
        self.seen += self.decoder.decode(data)


class Spelling(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Operated(POLICY, {"accounts.auto_approve": "true"}).start()
        issue = cls.server.authority.client
        cls.ann, cls.bob = issue(f"ann@{DOMAIN}"), issue(f"bob@{DOMAIN}")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def peer(self, bundle, resource, more=""):
        client = Peer(self.server.c2s, DOMAIN)
        self.addCleanup(client.socket.close)
        client = client.login_as(bundle, resource, more)
        self.addCleanup(client.socket.close)
        return client

    def test_iq_both_ways(self):
        """found A1, 1: a prefix from the header or from the stanza; the answer with one, too."""
        for number, (more, prefix, own) in enumerate(
            ((" xmlns:x='jabber:client'", "x", ""), ("", "c", " xmlns:c='jabber:client'"))
        ):
            one = self.peer(self.ann, f"one{number}", more)
            two = self.peer(self.ann, f"two{number}", more)
            one.send(
                f"<{prefix}:iq{own} type='get' id='k1' to='ann@{DOMAIN}/two{number}'>"
                f"<q xmlns='urn:q'>a</q></{prefix}:iq>"
            )
            (query,) = two.stanzas()
            self.assertEqual(query.tag, "{jabber:client}iq")
            self.assertEqual(query.get("from"), f"ann@{DOMAIN}/one{number}")
            self.assertEqual(query.get("to"), f"ann@{DOMAIN}/two{number}")
            self.assertEqual(query[0].tag, "{urn:q}q")
            two.send(
                f"<{prefix}:iq{own} type='result' id='k1' to='ann@{DOMAIN}/one{number}'>"
                f"<{prefix}:r/></{prefix}:iq>"
            )
            answer = one.expect("<iq [^>]*>.*?</iq>").group()
            self.assertRegex(answer, f"from='ann@{DOMAIN}/two{number}'")
            self.assertIn("<r/>", answer)
            one.ping()
            two.ping()

    def test_message_and_its_children(self):
        """found 2, A26"""
        one, bob = self.peer(self.ann, "m"), self.peer(self.bob, "x")
        one.send(
            f"<c:message xmlns:c='jabber:client' to='bob@{DOMAIN}/x' type='chat'>"
            "<c:body>hi</c:body><a xmlns='urn:a' stream:x='1'/></c:message>"
        )
        text = bob.expect("<message .*?</message>").group()
        self.assertIn("<body>hi</body>", text)
        message = ET.fromstring(opening() + text + "</stream:stream>")[0]
        self.assertEqual(message.find("{urn:a}a").get(f"{{{STREAM_NS}}}x"), "1")

    def test_language_of_the_stream(self):
        """found 7"""
        one, bob = self.peer(self.ann, "fr", " xml:lang='fr'"), self.peer(self.bob, "l")
        for own, lang in (("", "fr"), (" xml:lang='de'", "de")):
            one.send(f"<message to='bob@{DOMAIN}/l' type='chat'{own}><body>x</body></message>")
            (message,) = bob.stanzas()
            self.assertEqual(message.get("{http://www.w3.org/XML/1998/namespace}lang"), lang)

    def test_nothing_grows_on_its_way(self):
        """found 12, X6: characters that need an escape in one spelling and not in the other."""
        one, bob = self.peer(self.ann, "g"), self.peer(self.bob, "g")
        for text in ("&" * 400_000, "<" * 400_000, ">" * 400_000, "]]&gt;" * 60_000):
            content = text if text.startswith("]]") else f"<![CDATA[{text}]]>"
            sent = (
                f"<message to='bob@{DOMAIN}/g' type='chat'><body>{content}</body></message>"
            )
            one.send(sent)
            got = bob.expect("<message .*?</message>", 60).group()
            self.assertLess(len(got), len(sent) + 200)
        value = "'" * 100_000
        one.send(f"<message to='bob@{DOMAIN}/g' type='chat'><b xmlns='u' v=\"{value}\"/></message>")
        got = bob.expect("<message .*?</message>", 60).group()
        self.assertLess(len(got), len(value) + 400)

    def test_a_payload_is_as_long_as_it_came(self):
        """found 12: 260,000 bytes are within the default bound of 262,144 in every spelling."""
        one = self.peer(self.ann, "p")
        for number, character in enumerate(">&<"):
            payload = f"<j xmlns='urn:j'><![CDATA[{character * 260_000}]]></j>"
            one.send(
                f"<iq type='set' id='s{number}' to='{BROKER}'>"
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='grow'>"
                f"<item id='i'>{payload}</item></publish></pubsub></iq>"
                if number
                else f"<iq type='set' id='c' to='{BROKER}'>"
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='grow'/></pubsub>"
                f"</iq><iq type='set' id='s{number}' to='{BROKER}'>"
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='grow'>"
                f"<item id='i'>{payload}</item></publish></pubsub></iq>"
            )
            answer = one.expect(f"<iq type='[a-z]*' id='s{number}'.*?(?:/>|</iq>)", 60).group()
            self.assertIn("type='result'", answer)
            one.send(
                f"<iq type='get' id='r{number}' to='{BROKER}'>"
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
                "<items node='grow' max_items='1'/></pubsub></iq>"
            )
            read = one.expect(f"<iq type='result' id='r{number}'.*?</iq>", 60).group()
            root = ET.fromstring(read)
            self.assertEqual("".join(root.find(".//{urn:j}j").itertext()), character * 260_000)

    def test_any_spelling_arrives_with_its_meaning(self):
        """Three thousand messages and iqs of random spelling, from one client to another."""
        seed = int(os.environ.get("GRIDD_SEED", "1"))
        speller = Speller(random.Random(seed))
        one, two = self.peer(self.ann, "s1", speller.header_more()), self.peer(self.ann, "s2")
        to = f"ann@{DOMAIN}/s2"
        for begin in range(ROUNDS):
            meant = {}
            for number in range(100):
                identity = f"{begin}-{number}"
                for kind, name in (("chat", "message"), ("get", "iq")):
                    text = speller.iq(to, identity) if name == "iq" else speller.message(to, kind)
                    meant.setdefault(name, []).append(
                        meaning(opening(speller.more) + text + "</stream:stream>")
                    )
                    one.send(text)
            got = {"message": [], "iq": []}
            for stanza in two.stanzas(200):
                self.assertEqual(stanza.attrib.pop("from"), f"ann@{DOMAIN}/s1")
                got[stanza.tag.split("}")[1]].append(meaning(stanza))
                if "iq" in stanza.tag:
                    identity = stanza.get("id")
                    two.send(f"<iq type='result' id='{identity}' to='ann@{DOMAIN}/s1'/>")
            self.assertEqual(got, meant, f"GRIDD_SEED={seed}")
            self.assertEqual(len(one.stanzas(100)), 100)


if __name__ == "__main__":
    unittest.main()
