# tests/integration/test_doap.py: the features of the server, xeps.txt and gridd.doap agree.
"""A feature without a row, and a row whose feature is gone, both fail."""

import importlib.machinery
import importlib.util
import os
import re
import unittest

from gridd import BROKER, CONTROLLER, DOMAIN, ROOT, Operated
from raw import Raw
from topic import Topic

INFO = "http://jabber.org/protocol/disco#info"
# Of RFC 6120 and RFC 6121, and the Grid protocol's own.
OTHERS = {
    "urn:ietf:params:xml:ns:xmpp-tls", "urn:ietf:params:xml:ns:xmpp-sasl",
    "urn:ietf:params:xml:ns:xmpp-bind", "urn:ietf:params:xml:ns:xmpp-session",
    "urn:xmpp:features:rosterver", "urn:xmpp:features:pre-approval",
    "gi", "xgrid", "com.domain.gi.gcl.controller",
}


def make_doap():
    path = os.path.join(ROOT, "conf", "make-doap")
    loader = importlib.machinery.SourceFileLoader("make_doap", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("make_doap", loader))
    loader.exec_module(module)
    return module


class Doap(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = list(make_doap().rows())
        settings = {
            "accounts.auto_approve": "true", "controller.incident_topic": "incidents",
            "external.services": "stun:stun.example.com", "archive.messages": "true",
            "sasl.passwords": "true", "registration.in_band": "true",
        }
        cls.server = Operated("allow any to any on any\n", settings).start()
        cls.addClassCleanup(cls.server.close)

    def stream_features(self):
        found = set()
        with Raw(self.server.c2s, DOMAIN) as raw:
            for step in (
                lambda: raw.open(), lambda: raw.open(), lambda: raw.open(),
            ):
                features = step()
                # Namespaces of the features themselves, not of what is in them.
                inside = re.sub(r"^<stream:features[^>]*>", "", features)
                found |= set(re.findall(r"<\S+ [^>]*?xmlns='(.*?)'", inside))
                if "<starttls" in features:
                    raw.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
                    raw.expect(r"<proceed\b.*?>")
                    raw.handshake(self.server.authority.client(f"anna@{DOMAIN}"))
                elif "<mechanisms" in features:
                    raw.authenticate()
        return found

    def advertised(self):
        client = Topic(self.server, self.server.authority.client(f"anna@{DOMAIN}"))
        self.addCleanup(client.close)
        client.raw.send("<presence/>")
        self.assertEqual(client.create()[0], "ok")
        found = self.stream_features()
        for address, node in (
            (DOMAIN, ""), (BROKER, ""), (CONTROLLER, ""), (f"anna@{DOMAIN}", ""),
            (BROKER, " node='alerts'"), ("proxy." + DOMAIN, ""), ("bulk." + DOMAIN, ""),
        ):
            said, whole = client.ask("get", f"<query xmlns='{INFO}'{node}/>", address)
            self.assertEqual(said, "ok", whole)
            found |= set(re.findall(r"<feature var='(.*?)'", whole))
        return found

    def test_each_feature_has_its_row_and_each_row_its_feature(self):
        advertised = self.advertised()
        patterns = [feature for row in self.rows for feature in row[4]]

        def fits(pattern, feature):
            if pattern.endswith("*"):
                return feature.startswith(pattern[:-1])
            return feature == pattern

        without_row = [
            feature for feature in sorted(advertised - OTHERS)
            if not any(fits(pattern, feature) for pattern in patterns)
        ]
        self.assertEqual(without_row, [], "add them to conf/xeps.txt")
        gone = [p for p in patterns if not any(fits(p, feature) for feature in advertised)]
        self.assertEqual(gone, [], "conf/xeps.txt names them, and the server does not")

    def test_the_doap_file_is_made_of_the_rows(self):
        self.assertTrue(make_doap().is_current(), "run conf/make-doap")
        numbers = [row[0] for row in self.rows]
        self.assertEqual(numbers, sorted(set(numbers)))


if __name__ == "__main__":
    unittest.main()
