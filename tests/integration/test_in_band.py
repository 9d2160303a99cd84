# tests/integration/test_in_band.py: accounts that strangers make for themselves (XEP-0077).
"""Off unless the operator wants it; then an account waits for an administrator like all others."""

import re
import unittest

from gridd import CONTROLLER, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw
from scram import Scram, authenticate

REGISTER = "jabber:iq:register"
FEATURE = "<register xmlns='http://jabber.org/features/iq-register'/>"


class InBand(unittest.TestCase):
    def setUp(self):
        settings = {"sasl.passwords": "true", "registration.in_band": "true"}
        settings["accounts.auto_approve"] = "true"   # which is about certificates
        settings["registration.per_address_max"] = "6"
        self.server = Operated(EVERYTHING, settings)
        self.addCleanup(self.server.close)
        self.server.start()
        self.streams = []

    def raw(self, bundle=None):
        raw = Raw(self.server.c2s, DOMAIN)
        self.addCleanup(lambda: raw.socket.close())
        raw.starttls(bundle)
        raw.features = raw.open()
        return raw

    def ask(self, raw, kind, inner, to=DOMAIN):
        """The answer's type, or the condition of its error, and the whole answer."""
        to = f" to='{to}'" if to else ""
        raw.send(f"<iq type='{kind}' id='q'{to}><query xmlns='{REGISTER}'>{inner}</query></iq>")
        whole = raw.expect(r"<iq\b[^>]*\bid='q'[^>]*(?:/>|>.*?</iq>)").group()
        error = re.search(r"<error\b[^>]*><([a-z-]+)", whole)
        return (error.group(1) if error else re.search("type='(.*?)'", whole).group(1)), whole

    def register(self, name, password, raw=None):
        inner = f"<username>{name}</username><password>{password}</password>"
        return self.ask(raw or self.raw(), "set", inner)[0]

    def log_in(self, password="pencil", raw=None):
        raw = raw or self.raw()
        self.assertIsNone(authenticate(raw, Scram("SCRAM-SHA-256", "ann", password)))
        raw.bind("r")
        return raw

    def test_from_the_wish_to_the_end(self):
        raw = self.raw()
        self.assertIn(FEATURE, raw.features)
        said, whole = self.ask(raw, "get", "")
        self.assertEqual(said, "result")
        self.assertRegex(whole, "<username/>.*<password/>")
        for name, password in (("", "x"), ("a b", "x"), ("ann", ""), ("ann", "&#x7F;")):
            self.assertEqual(self.register(name, password, raw), "not-acceptable")
        self.assertEqual(self.ask(raw, "set", "<username>ann</username>")[0], "not-acceptable")
        self.assertEqual(self.ask(raw, "set", "<remove/>")[0], "not-allowed")
        raw = self.raw()
        self.assertEqual(self.register("ann", "pencil", raw), "result")
        self.assertEqual(self.register("ann", "other", raw), "conflict")
        self.assertEqual(self.register("admin", "other", raw), "conflict")
        # On the same stream; the account waits, and may ask about itself.
        self.log_in(raw=raw)
        self.assertRegex(self.ask(raw, "get", "", CONTROLLER)[1], "<registered/>.*pending")
        account = self.server.admin_json("accounts", "show", "ann")
        self.assertEqual((account["state"], account["password"]), ("pending", True))
        self.server.admin_ctl("accounts", "approve", "ann")
        raw = self.log_in()
        for to in (DOMAIN, None, CONTROLLER):
            said, whole = self.ask(raw, "get", "", to)
            self.assertRegex(whole, "<registered/><username>ann</username><password/>")

    def test_an_account_changes_its_password(self):
        self.assertEqual(self.register("ann", "pencil"), "result")
        raw = self.log_in()
        inner = "<username>bob</username><password>x</password>"
        self.assertEqual(self.ask(raw, "set", inner)[0], "bad-request")
        inner = "<username>ann</username><password>\t</password>"
        self.assertEqual(self.ask(raw, "set", inner)[0], "not-acceptable")
        inner = "<username>ann</username><password>crayon</password>"
        self.assertEqual(self.ask(raw, "set", inner)[0], "result")
        self.assertEqual(raw.stream_error(), "reset")   # log in with the new one
        wrong = authenticate(self.raw(), Scram("SCRAM-SHA-256", "ann", "pencil"))
        self.assertEqual(wrong, "not-authorized")
        self.log_in("crayon")
        # An account that has no password gets none by asking.
        admin = Raw(self.server.c2s, DOMAIN)
        self.addCleanup(lambda: admin.socket.close())
        admin.login(self.server.admin)
        self.assertEqual(self.ask(admin, "set", "<password>x</password>")[0], "not-allowed")

    def test_an_account_gives_itself_up(self):
        self.assertEqual(self.register("ann", "pencil"), "result")
        raw = self.log_in()
        self.assertEqual(self.ask(raw, "set", "<remove/>")[0], "result")
        self.assertEqual(raw.stream_error(), "not-authorized")
        wrong = authenticate(self.raw(), Scram("SCRAM-SHA-256", "ann", "pencil"))
        self.assertEqual(wrong, "not-authorized")
        self.assertEqual(self.register("ann", "crayon"), "result")

    def test_an_address_makes_a_few(self):
        self.server.stay()   # each member counts
        raw = self.raw()
        for i in range(6):
            self.assertEqual(self.register(f"n{i}", "x", raw), "result")
        self.assertEqual(self.register("more", "x", raw), "resource-constraint")
        self.assertEqual(self.register("more", "x"), "resource-constraint")
        inner = "<username>more</username><password>x</password>"
        self.assertRegex(self.ask(self.raw(), "set", inner)[1],
                         r"too many registrations from here: try again in [0-9]+ s<")


class Off(unittest.TestCase):
    def test_without_the_operators_wish_strangers_make_none(self):
        server = Operated(EVERYTHING, {"sasl.passwords": "true"}).start()
        self.addCleanup(server.close)
        with Raw(server.c2s, DOMAIN) as raw:
            raw.starttls()
            self.assertNotIn("iq-register", raw.open())
            raw.send(f"<iq type='get' id='q'><query xmlns='{REGISTER}'/></iq>")
            self.assertEqual(raw.stream_error(), "not-authorized")


if __name__ == "__main__":
    unittest.main()
