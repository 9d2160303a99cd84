# tests/integration/test_sasl2.py: one request from TLS to a bound stream (XEP-0388, 0386, 0484).
"""SASL2 with a certificate or a password, Bind 2, and tokens that stand for the password."""

import base64
import hashlib
import hmac
import re
import time
import unittest

from gridd import DOMAIN, Operated
from managed import SM, Managed
from policies import EVERYTHING
from raw import Raw, header
from scram import Scram, b64

SASL2 = "urn:xmpp:sasl:2"
FAST = "urn:xmpp:fast:0"
ANN = f"ann@{DOMAIN}"
PHONE = "d4565fa7-4d72-4749-b3d3-740edbf87770"
NONE = "HT-SHA-256-NONE"
ENDP = "HT-SHA-256-ENDP"


def hashed(secret, what, binding=b""):
    return hmac.new(secret.encode(), what.encode() + binding, "sha256").digest()


class Sasl2(unittest.TestCase):
    settings = {}

    def setUp(self):
        settings = {"sasl.passwords": "true", "accounts.auto_approve": "true"} | self.settings
        self.server = Operated(EVERYTHING, settings)
        self.addCleanup(self.server.close)
        self.server.start()
        self.server.admin_ctl("accounts", "add", "ann", "--password", "-", stdin="pencil\n")

    def raw(self, bundle=None, sender=None):
        raw = Raw(self.server.c2s, DOMAIN)
        self.addCleanup(lambda: raw.socket.close())
        raw.starttls(bundle)
        raw.features = raw.open(sender)
        return raw

    def begin(self, raw, mechanism, initial, more=""):
        raw.send(
            f"<authenticate xmlns='{SASL2}' mechanism='{mechanism}'>"
            f"<initial-response>{b64(initial)}</initial-response>{more}</authenticate>"
        )

    def end(self, raw):
        """The condition of the failure, or None and the success with the features behind it."""
        whole = raw.expect(
            r"<success xmlns='urn:xmpp:sasl:2'>.*?</success><stream:features\b.*?</stream:features>"
            r"|<failure xmlns='urn:xmpp:sasl:2'>.*?</failure>"
        ).group()
        failure = re.match(r"<failure[^>]*><([a-z-]+)", whole)
        return (failure.group(1), whole) if failure else (None, whole)

    def by_password(self, raw, more="", password="pencil", name="ann"):
        exchange = Scram("SCRAM-SHA-256", name, password)
        self.begin(raw, exchange.mechanism, exchange.first().encode(), more)
        answer = raw.expect(r"<challenge xmlns='urn:xmpp:sasl:2'>([^<]*)</challenge>")
        final = exchange.final(base64.b64decode(answer.group(1)).decode())
        raw.send(f"<response xmlns='{SASL2}'>{b64(final.encode())}</response>")
        failed, whole = self.end(raw)
        if failed is None:
            data = re.search("<additional-data>(.*?)</additional-data>", whole).group(1)
            self.assertEqual(base64.b64decode(data), b"v=" + b64(exchange.signature).encode())
        return failed, whole

    def by_token(self, raw, token, more="", mechanism=NONE, binding=b"", flags="", name="ann"):
        initial = name.encode() + b"\0" + hashed(token, "Initiator", binding)
        agent = f"<user-agent id='{PHONE}'/>" if "<user-agent" not in more else ""
        self.begin(raw, mechanism, initial, f"<fast xmlns='{FAST}'{flags}/>{agent}{more}")
        failed, whole = self.end(raw)
        if failed is None:
            data = re.search("<additional-data>(.*?)</additional-data>", whole).group(1)
            self.assertEqual(base64.b64decode(data), hashed(token, "Responder", binding))
        return failed, whole

    def ping(self, raw):
        raw.send("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        raw.expect("<iq type='result' id='p'")

    @staticmethod
    def wish(mechanism=NONE, client=PHONE):
        return f"<request-token xmlns='{FAST}' mechanism='{mechanism}'/><user-agent id='{client}'/>"

    @staticmethod
    def token_in(whole):
        token = r"<token xmlns='urn:xmpp:fast:0' expiry='[^']*Z' token='([^']*)'/>"
        found = re.search(token, whole)
        return found.group(1) if found else None


class Profile(Sasl2):
    def test_a_certificate_and_bind_2_take_one_request(self):
        bob = self.server.authority.client(f"bob@{DOMAIN}")
        raw = self.raw(bob)
        self.assertRegex(
            raw.features,
            "<authentication xmlns='urn:xmpp:sasl:2'><mechanism>EXTERNAL</mechanism>.*"
            "<inline><bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:carbons:2'/>"
            "<feature var='urn:xmpp:csi:0'/><feature var='urn:xmpp:sm:3'/></inline></bind>"
            "<sm xmlns='urn:xmpp:sm:3'/><fast xmlns='urn:xmpp:fast:0'>",
        )
        tag = "<bind xmlns='urn:xmpp:bind:0'><tag>Desk</tag></bind>"
        self.begin(raw, "EXTERNAL", b"", tag + self.wish())
        failed, whole = self.end(raw)
        self.assertIsNone(failed, whole)
        self.assertRegex(
            whole,
            f"<authorization-identifier>bob@{DOMAIN}/Desk/[0-9a-f]+</authorization-identifier>"
            "<token xmlns='urn:xmpp:fast:0' [^>]*/><bound xmlns='urn:xmpp:bind:0'/></success>",
        )
        self.assertNotIn("urn:ietf:params:xml:ns:xmpp-bind", whole)
        self.ping(raw)

    def test_a_password_and_the_old_way_of_binding(self):
        raw = self.raw()
        failed, whole = self.by_password(raw)
        self.assertIsNone(failed)
        self.assertIn(f"<authorization-identifier>{ANN}</authorization-identifier>", whole)
        self.assertIn("urn:ietf:params:xml:ns:xmpp-bind", whole)
        raw.send(
            "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
        )
        raw.expect(f"<jid>{ANN}/.*</jid>")
        self.ping(raw)

    def test_the_same_installation_takes_the_place_of_its_last_stream(self):
        more = f"<bind xmlns='urn:xmpp:bind:0'/><user-agent id='{PHONE}'/>"
        first, second = self.raw(), self.raw()
        _, whole = self.by_password(first, more)
        _, again = self.by_password(second, more)
        self.assertEqual(
            re.search(f"{ANN}/[^<]*", whole).group(), re.search(f"{ANN}/[^<]*", again).group()
        )
        self.assertEqual(first.stream_error(), "conflict")
        self.ping(second)

    def test_failures_leave_the_stream_as_it_was(self):
        raw = self.raw()
        self.assertEqual(self.by_password(raw, password="x")[0], "not-authorized")
        self.begin(raw, "DIGEST-MD5", b"")
        self.assertEqual(self.end(raw)[0], "invalid-mechanism")
        self.assertIsNone(self.by_password(raw)[0])
        raw = self.raw(sender=f"eve@{DOMAIN}")
        self.assertEqual(self.by_password(raw)[0], "invalid-authzid")
        raw = self.raw()
        raw.send(f"<response xmlns='{SASL2}'/>")
        self.assertEqual(raw.stream_error(), "unsupported-stanza-type")
        raw = self.raw()
        self.by_password(raw)
        raw.send(f"<authenticate xmlns='{SASL2}' mechanism='EXTERNAL'/>")
        self.assertEqual(raw.stream_error(), "unsupported-stanza-type")


class Management(Sasl2):
    """XEP-0198 §9: stream management together with the login."""

    def setUp(self):
        super().setUp()
        self.server.admin_ctl(
            "policy", "set", "-", stdin=f"allow client eve to message client bob\n{EVERYTHING}"
        )
        self.bob = self.server.authority.client(f"bob@{DOMAIN}")

    def connect(self, bundle, inner):
        """Up to the end of `<success/>`; what follows is parsed, and counted."""
        client = Managed(self.server.c2s, DOMAIN)
        self.addCleanup(lambda: client.socket.close())
        client.starttls(bundle)
        client.open()
        self.begin(client, "EXTERNAL", b"", inner)
        success = client.expect(r"<success\b.*?</success>").group()
        rest = client.seen
        client.parse()
        client.seen = rest
        client.feed_seen()
        return client, success

    def managed(self, bundle, inner=""):
        enable = f"<enable xmlns='{SM}' resume='true'/>"
        bind = f"<bind xmlns='urn:xmpp:bind:0'>{enable}</bind>"
        client, success = self.connect(bundle, inner + bind)
        client.is_counting = True
        bound = r"<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3' id='([^']+)' "
        client.token = re.search(bound, success).group(1)
        return client, success

    def resume(self, bundle, token, handled, inner=""):
        return self.connect(
            bundle, f"<resume xmlns='{SM}' previd='{token}' h='{handled}'/>{inner}"
        )

    def cut(self, client):
        mark = self.server.log_mark()
        client.cut()
        self.server.wait_log("connection_ended.*may be resumed", mark)

    def test_enabled_with_the_resource_and_resumed_with_the_login(self):
        client, success = self.managed(self.bob)
        full = re.search("<authorization-identifier>(.*?)</auth", success).group(1)
        client.say("<presence/>")
        client.ping()
        client.say("<r xmlns='urn:xmpp:sm:3'/>")
        client.wait(lambda: client.acknowledged == 2)
        handled = client.handled
        self.cut(client)
        other, _ = self.managed(self.server.authority.client(f"eve@{DOMAIN}"))
        other.say(f"<message to='{full}' type='chat' id='m1'><body>meanwhile</body></message>")
        other.ping()
        agent = f"<user-agent id='{PHONE}'/><bind xmlns='urn:xmpp:bind:0'/>"   # is not done
        again, success = self.resume(self.bob, client.token, handled, agent)
        resumed = f"<resumed xmlns='urn:xmpp:sm:3' previd='{client.token}' h='2'/></success>"
        self.assertIn(resumed, success)
        self.assertIn(f"<authorization-identifier>{full}</authorization-identifier>", success)
        self.assertNotIn("<bound", success)
        again.wait(lambda: any(s.get("id") == "m1" for s in again.stanzas))
        again.ping()
        self.assertEqual(again.errors, [])   # no features: the stream is what it was
        self.assertEqual(
            [s["jid"] for s in self.server.admin_json("sessions", "list")["sessions"]
             if s["jid"].startswith("bob@")], [full],
        )

    def test_where_there_is_no_session_a_resource_is_bound(self):
        client, success = self.managed(
            self.bob, f"<resume xmlns='{SM}' previd='{'0' * 48}' h='3'/>"
        )
        self.assertIn(
            "<failed xmlns='urn:xmpp:sm:3'><item-not-found "
            "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed><bound", success,
        )
        client.ping()
        self.cut(client)
        # Another's token is as good as none.
        thief, success = self.managed(
            self.server.authority.client(f"eve@{DOMAIN}"),
            f"<resume xmlns='{SM}' previd='{client.token}' h='0'/>",
        )
        self.assertIn("<item-not-found", success)
        thief.ping()
        self.resume(self.bob, client.token, client.handled)[0].ping()

    def test_without_bind_the_login_goes_on(self):
        client, success = self.resume(self.bob, "0" * 48, 0)
        self.assertIn("<item-not-found", success)
        self.assertIn(f"<authorization-identifier>bob@{DOMAIN}</auth", success)
        client.bind_after_refusal("raw")

    def test_what_is_malformed_is_said_and_costs_no_login(self):
        enable = f"<enable xmlns='{SM}' max='soon'/>"
        client, success = self.connect(
            self.bob,
            f"<resume xmlns='{SM}' previd='x'/><bind xmlns='urn:xmpp:bind:0'>{enable}</bind>",
        )
        bad = (
            "<failed xmlns='urn:xmpp:sm:3'><bad-request "
            "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
        )
        self.assertIn(f"{bad}<bound xmlns='urn:xmpp:bind:0'>{bad}</bound>", success)
        client.ping()

    def test_a_count_that_is_too_high_ends_the_stream(self):
        client, _ = self.managed(self.bob)
        client.ping()
        handled = client.handled
        self.cut(client)
        again = Managed(self.server.c2s, DOMAIN)
        self.addCleanup(lambda: again.socket.close())
        again.starttls(self.bob)
        again.open()
        resume = f"<resume xmlns='{SM}' previd='{client.token}' h='{handled + 5}'/>"
        self.begin(again, "EXTERNAL", b"", resume)
        self.assertEqual(again.too_high(), (handled + 5, handled))
        self.resume(self.bob, client.token, handled)[0].ping()   # the session is as it was

    def test_a_failed_proof_resumes_nothing(self):
        client, _ = self.managed(self.bob)
        self.cut(client)
        raw = self.raw()
        resume = f"<resume xmlns='{SM}' previd='{client.token}' h='0'/>"
        self.assertEqual(self.by_password(raw, resume, password="x")[0], "not-authorized")
        failed, whole = self.by_password(raw, resume)   # another account
        self.assertIsNone(failed)
        self.assertIn("<item-not-found", whole)
        self.server.admin_ctl("accounts", "disable", f"bob@{DOMAIN}")
        raw = self.raw(self.bob)
        self.begin(raw, "EXTERNAL", b"", resume)
        self.assertEqual(self.end(raw)[0], "account-disabled")

    def test_copies_are_on_from_the_first_message(self):
        copies = "<bind xmlns='urn:xmpp:bind:0'><enable xmlns='urn:xmpp:carbons:2'/></bind>"
        client, _ = self.connect(self.bob, copies)
        second, success = self.managed(self.bob)
        full = re.search("<authorization-identifier>(.*?)</auth", success).group(1)
        second.ping()
        eve, _ = self.managed(self.server.authority.client(f"eve@{DOMAIN}"))
        eve.say(f"<message to='{full}' type='chat' id='m1'><body>x</body></message>")
        client.wait(
            lambda: any(s.find("{urn:xmpp:carbons:2}received") is not None for s in client.stanzas)
        )


class Archive(Sasl2):
    """XEP-0386 §4: what the archive has when the resource is bound, and the client's state."""

    settings = {"archive.messages": "true"}
    BIND = "<bind xmlns='urn:xmpp:bind:0'>{}</bind>"

    def bound(self, bundle, inner=""):
        raw = self.raw(bundle)
        self.begin(raw, "EXTERNAL", b"", self.BIND.format(inner))
        failed, whole = self.end(raw)
        self.assertIsNone(failed, whole)
        return raw, whole

    def test_the_first_and_the_last_message_are_told(self):
        self.server.admin_ctl(
            "policy", "set", "-", stdin=f"allow any to message any\n{EVERYTHING}"
        )
        bob, eve = (self.server.authority.client(f"{n}@{DOMAIN}") for n in ("bob", "eve"))
        reader, whole = self.bound(bob)
        self.assertIn(
            "<bound xmlns='urn:xmpp:bind:0'><metadata xmlns='urn:xmpp:mam:2'/></bound>", whole
        )
        ids = []
        writer, _ = self.bound(eve)
        full = re.search("<authorization-identifier>(.*?)</auth", whole).group(1)
        for number in range(3):
            writer.send(
                f"<message to='{full}' type='chat' id='m{number}'><body>{number}</body></message>"
            )
            got = reader.expect(rf"<message\b[^>]*id='m{number}'.*?</message>").group()
            ids.append(re.search(r"<stanza-id\b[^>]*\bid='([^']*)'", got).group(1))
        _, whole = self.bound(bob)
        told = re.search("<metadata xmlns='urn:xmpp:mam:2'>(.*)</metadata>", whole).group(1)
        found = re.findall(r"<(start|end) id='([^']*)' timestamp='[-0-9T:.]*Z'/>", told)
        self.assertEqual(found, [("start", ids[0]), ("end", ids[2])])

    def test_inactive_from_the_first_stanza_on(self):
        bob = self.server.authority.client(f"bob@{DOMAIN}")
        raw, whole = self.bound(bob, "<tag>t</tag><inactive xmlns='urn:xmpp:csi:0'/>")
        full = re.search("<authorization-identifier>(.*?)</auth", whole).group(1)
        other, _ = self.bound(bob)
        for one in (raw, other):
            one.send("<presence/>")
        other.expect(rf"<presence [^>]*from='{re.escape(full)}'")

        def until(number):
            while f"id='{number}'" not in raw.seen:
                raw.receive(time.monotonic() + 60)
            return raw.seen

        raw.send("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        self.assertNotIn("<presence", until("p"))
        raw.send("<iq type='get' id='d'><query xmlns='jabber:iq:roster'/></iq>")
        self.assertRegex(until("d"), "<presence .*id='d'")


class Tokens(Sasl2):
    def test_a_token_comes_back_in_one_round_trip(self):
        failed, whole = self.by_password(self.raw(), self.wish())
        token = self.token_in(whole)
        self.assertIsNotNone(token, whole)
        self.server.kill9()
        self.server.start()
        raw = self.raw()
        self.assertRegex(raw.features, f"<fast.*<mechanism>{ENDP}</mechanism>.*{NONE}.*</fast>")
        failed, whole = self.by_token(raw, token, "<bind xmlns='urn:xmpp:bind:0'/>")
        self.assertIsNone(failed, whole)
        self.assertIsNone(self.token_in(whole))
        self.ping(raw)

    def test_each_way_to_be_wrong(self):
        _, whole = self.by_password(self.raw(), self.wish())
        token = self.token_in(whole)
        raw = self.raw
        self.assertEqual(self.by_token(raw(), token + "x")[0], "not-authorized")
        self.assertEqual(self.by_token(raw(), token, name="bob")[0], "not-authorized")
        other = "<user-agent id='another'/>"
        self.assertEqual(self.by_token(raw(), token, other)[0], "not-authorized")
        self.assertEqual(self.by_token(raw(), token, "<user-agent/>")[0], "malformed-request")
        stream = raw()
        end = hashlib.sha256(stream.socket.getpeercert(binary_form=True)).digest()
        bound = {"mechanism": ENDP, "binding": end}
        self.assertEqual(self.by_token(stream, token, **bound)[0], "not-authorized")
        _, whole = self.by_password(raw(), self.wish(ENDP))
        bound_token = self.token_in(whole)
        self.assertEqual(self.by_token(raw(), bound_token)[0], "not-authorized")
        self.assertIsNone(self.by_token(raw(), bound_token, **bound)[0])
        self.assertEqual(self.by_token(raw(), token)[0], "not-authorized")   # replaced
        stream = raw()
        self.begin(stream, NONE, b"ann\0x")   # without <fast/>
        self.assertEqual(self.end(stream)[0], "invalid-mechanism")
        self.begin(stream, "SCRAM-SHA-256", b"x", self.wish("HT-SHA-3"))
        self.assertEqual(self.end(stream)[0], "malformed-request")

    def test_a_token_is_given_up(self):
        _, whole = self.by_password(self.raw(), self.wish())
        token = self.token_in(whole)
        failed, whole = self.by_token(self.raw(), token, flags=" invalidate='true'")
        self.assertIsNone(failed)
        self.assertEqual(self.by_token(self.raw(), token)[0], "not-authorized")

    def test_a_new_password_and_a_disabled_account_make_tokens_void(self):
        _, whole = self.by_password(self.raw(), self.wish())
        token = self.token_in(whole)
        self.server.admin_ctl("accounts", "disable", "ann")
        self.assertEqual(self.by_token(self.raw(), token)[0], "account-disabled")
        self.server.admin_ctl("accounts", "enable", "ann")
        stream = self.raw()
        failed, _ = self.by_token(stream, token, "<bind xmlns='urn:xmpp:bind:0'/>")
        self.assertIsNone(failed)
        self.server.admin_ctl("accounts", "password", "ann", "-", stdin="crayon\n")
        self.assertEqual(stream.stream_error(), "reset")
        self.assertEqual(self.by_token(self.raw(), token)[0], "not-authorized")


class TokensOfCertificates(Sasl2):
    """They are of use with the certificate alone."""

    settings = {"sasl.passwords": "false"}

    def setUp(self):
        self.server = Operated(
            EVERYTHING, {"accounts.auto_approve": "true"} | self.settings
        )
        self.addCleanup(self.server.close)
        self.server.start()
        self.bob = self.server.authority.client(f"bob@{DOMAIN}")

    def by_certificate(self, more=""):
        raw = self.raw(self.bob)
        self.begin(raw, "EXTERNAL", b"", more)
        failed, whole = self.end(raw)
        self.assertIsNone(failed, whole)
        return whole

    def token(self):
        self.by_certificate()   # makes the account
        token = self.token_in(self.by_certificate(self.wish()))
        self.assertIsNotNone(token)
        return token

    def test_a_token_comes_back_with_its_certificate(self):
        token = self.token()
        self.server.kill9()
        self.server.start()
        raw = self.raw(self.bob)
        bind = "<bind xmlns='urn:xmpp:bind:0'/>"
        failed, whole = self.by_token(raw, token, bind, name="bob")
        self.assertIsNone(failed, whole)
        self.assertIn(f"<authorization-identifier>bob@{DOMAIN}/", whole)
        self.ping(raw)

    def test_it_is_of_no_use_with_another_or_none(self):
        token = self.token()
        other_key = self.server.authority.client(f"bob@{DOMAIN}", file="other_key")
        raw = self.raw(other_key)
        self.assertEqual(self.by_token(raw, token, name="bob")[0], "not-authorized")
        eve = self.raw(self.server.authority.client(f"eve@{DOMAIN}"))
        self.assertEqual(self.by_token(eve, token, name="bob")[0], "not-authorized")
        self.assertEqual(self.by_token(eve, token, name="eve")[0], "not-authorized")
        nobody = Raw(self.server.c2s, DOMAIN)
        self.addCleanup(lambda: nobody.socket.close())
        nobody.starttls(None)
        nobody.send(header(DOMAIN))
        self.assertEqual(nobody.stream_error(), "not-authorized")
        self.assertIsNone(self.by_token(self.raw(self.bob), token, name="bob")[0])

    def test_wrong_ones_and_one_that_is_given_up(self):
        token = self.token()
        raw = self.raw(self.bob)
        self.assertEqual(self.by_token(raw, token + "x", name="bob")[0], "not-authorized")
        failed, _ = self.by_token(raw, token, flags=" invalidate='true'", name="bob")
        self.assertIsNone(failed)
        failed, _ = self.by_token(self.raw(self.bob), token, name="bob")
        self.assertEqual(failed, "not-authorized")

    def test_a_disabled_account(self):
        token = self.token()
        self.server.admin_ctl("accounts", "disable", f"bob@{DOMAIN}")
        failed, _ = self.by_token(self.raw(self.bob), token, name="bob")
        self.assertEqual(failed, "account-disabled")


class TokensOfBoth(Sasl2):
    def test_a_password_s_and_a_certificate_s_tokens_are_no_substitutes(self):
        bob = self.server.authority.client(f"bob@{DOMAIN}")
        raw = self.raw(bob)
        self.begin(raw, "EXTERNAL", b"")
        self.assertIsNone(self.end(raw)[0])
        raw = self.raw(bob)
        self.begin(raw, "EXTERNAL", b"", self.wish())
        token = self.token_in(self.end(raw)[1])
        self.assertIsNotNone(token)
        # Passwords are on, so that a stream without a certificate gets as far as this.
        self.assertEqual(self.by_token(self.raw(), token, name="bob")[0], "not-authorized")
        self.assertIsNone(self.by_token(self.raw(bob), token, name="bob")[0])
        of_ann = self.token_in(self.by_password(self.raw(), self.wish())[1])
        self.assertIsNone(self.by_token(self.raw(bob), of_ann)[0])   # the password's, from anywhere


class NoTokens(Sasl2):
    settings = {"sasl.token_days": "0"}

    def test_tokens_are_switched_off(self):
        raw = self.raw()
        self.assertNotIn(FAST, raw.features)
        self.begin(raw, "SCRAM-SHA-256", b"x", self.wish())
        self.assertEqual(self.end(raw)[0], "malformed-request")


if __name__ == "__main__":
    unittest.main()
