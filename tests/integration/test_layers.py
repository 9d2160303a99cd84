# tests/integration/test_layers.py: each of the three security layers alone refuses (S40).
"""Certificate, account, policy: all but one in place, and the missing one keeps the client out."""

import ssl
import unittest
import xml.etree.ElementTree as ET

from slixmpp.exceptions import IqError

import iodef
from certs import Authority
from gridd import BROKER, CONTROLLER, DOMAIN, Operated
from policies import EVERYTHING, NOTHING, SEE_ONLY
from raw import Raw, header
from stock import Client, LoginFailed


class Certificates(unittest.TestCase):
    """Layer 1: no or a wrong certificate. Approval and policy would let everybody in."""

    @classmethod
    def setUpClass(cls):
        cls.server = Operated(EVERYTHING, {"accounts.auto_approve": "true"}).start()
        cls.authority = cls.server.authority
        cls.jid = f"alice@{DOMAIN}"

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def refused(self, bundle, log, authzid="", condition="not-authorized"):
        """EXTERNAL is not offered, asking for it all the same fails with a reason, and the log has
        the cause."""
        mark = self.server.log_mark()
        with Raw(self.server.c2s, DOMAIN) as client:
            client.starttls(bundle)
            if bundle is None:   # no mechanism can be offered: refused at once (RFC 6120 §4.3.5)
                client.send(header(DOMAIN))
                answer = client.until_closed()
                self.assertNotIn("<stream:features", answer)
                self.assertIn("<stream:error", answer)
            else:
                self.assertNotIn("EXTERNAL", client.open())
                answer = client.authenticate(authzid)
            self.assertIn(f"<{condition}", answer)
            self.assertRegex(answer, r"<text\b[^>]*>[^<]{10,}</text>")
        # A line of an earlier connection that ends only now is not meant.
        line = self.server.wait_log(rf"what=(login|certificate)_refused.*({log})", mark)
        if bundle is not None:
            self.assertRegex(line, "subject=")
            self.assertRegex(line, "issuer=")
            self.assertRegex(line, "depth=")
        return answer

    def test_s84_s86_no_certificate(self):
        self.refused(None, "certificate")

    def test_s86_wrong_ca_with_the_same_name(self):
        stranger = Authority(self.server.folder + "/stranger")
        self.refused(stranger.client(self.jid, trust=self.authority.path), "issuer|trust|chain|CA")

    def test_s86_self_signed(self):
        stranger = Authority(self.server.folder + "/self", name=self.jid)
        base = stranger.client(self.jid, trust=self.authority.path)
        self.refused(base, "issuer|trust|chain|self|CA")

    def test_s86_expired(self):
        answer = self.refused(self.authority.expired(self.jid), "expired")
        self.assertIn("expired", answer)

    def test_s86_not_yet_valid(self):
        answer = self.refused(self.authority.not_yet_valid(self.jid), "not valid until")
        self.assertIn("not valid until", answer)
        self.assertIn("clock", answer)

    def test_s86_a_server_certificate_is_no_client_certificate(self):
        self.refused(self.authority.server_only(self.jid), "clientAuth|purpose|usage")

    def test_an_address_of_another_domain(self):
        bundle = self.authority.client("alice@elsewhere.example")
        self.refused(bundle, "elsewhere.example")

    def test_no_address_and_no_mapping_rule(self):
        bundle = self.authority.client(self.jid, file="nameless", addresses=[])
        self.refused(bundle, "xmppAddr|address")

    def test_two_addresses_need_an_authzid(self):
        both = [self.jid, f"bob@{DOMAIN}"]
        bundle = self.authority.client(self.jid, file="two", addresses=both)
        with Raw(self.server.c2s, DOMAIN) as client:
            mark = self.server.log_mark()
            client.starttls(bundle)
            self.assertIn("EXTERNAL", client.open())
            self.assertIn("<invalid-authzid", client.authenticate())
            self.server.wait_log("authzid", mark)
        with Raw(self.server.c2s, DOMAIN) as client:
            client.starttls(bundle)
            client.open()
            self.assertIn("<success", client.authenticate(f"bob@{DOMAIN}"))
            self.assertRegex(client.bind(), f"^bob@{DOMAIN}/")

    def test_an_authzid_that_the_certificate_does_not_hold(self):
        bundle = self.authority.client(self.jid)
        with Raw(self.server.c2s, DOMAIN) as client:
            mark = self.server.log_mark()
            client.starttls(bundle)
            client.open()
            self.assertRegex(
                client.authenticate(f"admin@{DOMAIN}"), "<invalid-authzid|<not-authorized"
            )
            self.server.wait_log("authzid", mark)

    def test_attempts_are_counted(self):
        with Raw(self.server.c2s, DOMAIN) as client:
            client.starttls(self.authority.expired(self.jid))
            client.open()
            for _ in range(10):
                client.send_quietly(
                    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>"
                )
            self.assertLessEqual(client.until_closed().count("<failure"), 5)

    def test_old_tls_versions_are_refused(self):
        # RFC 8600 §8.3.1: TLS 1.2 at least.
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with self.subTest(version), Raw(self.server.c2s, DOMAIN) as client:
                client.open()
                client.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
                client.expect("<proceed")
                with self.assertRaises((ssl.SSLError, OSError)):
                    client.handshake(None, low=version, high=version)

    def test_s84_tls_1_2_and_1_3_are_accepted(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version), Raw(self.server.c2s_tls, DOMAIN) as client:
                client.handshake(
                    self.authority.client(self.jid), alpn=["xmpp-client"], low=version, high=version
                )
                self.assertEqual(client.socket.selected_alpn_protocol(), "xmpp-client")
                self.assertIn("EXTERNAL", client.open())
                self.assertIn("<success", client.authenticate())


class Accounts(unittest.IsolatedAsyncioTestCase):
    """Layer 2: a good certificate and a policy that allows everything, but nobody approved."""

    async def asyncSetUp(self):
        self.server = Operated(EVERYTHING).start()
        self.addCleanup(self.server.close)
        self.bundle = self.server.authority.client(f"alice@{DOMAIN}")

    async def log_in(self):
        client = Client(self.bundle)
        await client.login(self.server.c2s)
        self.addAsyncCleanup(client.leave)
        return client

    async def register(self, client):
        await client.send_iq(
            CONTROLLER,
            "set",
            "<grid xmlns='gi' type='request'><AccountQuery "
            "xmlns='com.domain.gi.gcl.controller'><register/></AccountQuery></grid>",
        )

    async def test_s40_s43_s85_pending_account_is_confined_to_the_controller(self):
        client = await self.log_in()
        await self.register(client)
        accounts = self.server.admin_json("accounts", "list")["accounts"]
        states = {account["jid"]: account["state"] for account in accounts}
        self.assertEqual(states[self.bundle.jid], "pending")
        pubsub = client["xep_0060"]
        for request in (
            pubsub.create_node(BROKER, "n"),
            pubsub.subscribe(BROKER, "n"),
            pubsub.publish(BROKER, "n", payload=ET.fromstring(iodef.incident())),
            pubsub.get_items(BROKER, "n"),
            pubsub.get_nodes(jid=BROKER),
        ):
            with self.assertRaises(IqError) as caught:
                await request
            self.assertEqual(caught.exception.condition, "registration-required")
        # Approved, the same session or the next may.
        self.server.admin_ctl("accounts", "approve", self.bundle.jid)
        client = await self.log_in()
        await client["xep_0060"].create_node(BROKER, "n")

    async def test_s40_s82_disabled_account_is_thrown_out_and_kept_out(self):
        client = await self.log_in()
        await self.register(client)
        self.server.admin_ctl("accounts", "approve", self.bundle.jid)
        client = await self.log_in()
        ended = client.disconnected
        self.server.admin_ctl("accounts", "disable", self.bundle.jid)
        await ended
        with self.assertRaises(LoginFailed) as caught:
            await self.log_in()
        self.assertIn("account-disabled", str(caught.exception))

    async def test_s42_same_name_with_a_certificate_of_another_ca_is_a_conflict(self):
        # S42. Two CAs are trusted; the client that registered first holds the name.
        other = Authority(self.server.folder + "/other", name="other CA")
        bundle_path = self.server.folder + "/both.pem"
        with open(bundle_path, "w", encoding="ascii") as both:
            for path in (self.server.authority.path, other.path):
                with open(path, encoding="ascii") as one:
                    both.write(one.read())
        self.server.stop()
        self.server.settings["tls.client_ca"] = bundle_path
        self.server.start()
        await self.register(await self.log_in())
        impostor = Client(other.client(self.bundle.jid, trust=self.server.authority.path))
        try:
            await impostor.login(self.server.c2s)
        except LoginFailed as refused:
            self.assertIn("not-authorized", str(refused))
            return
        with self.assertRaises(IqError) as caught:
            await self.register(impostor)
        self.assertEqual(caught.exception.condition, "conflict")
        await impostor.leave()


class Policies(unittest.IsolatedAsyncioTestCase):
    """Layer 3: a good certificate and an enabled account, but no policy."""

    async def test_s40_s74_default_deny_and_a_change_bites_at_once(self):
        server = Operated(NOTHING, {"accounts.auto_approve": "true"}).start()
        self.addCleanup(server.close)
        client = Client(server.authority.client(f"alice@{DOMAIN}"))
        await client.login(server.c2s)
        self.addAsyncCleanup(client.leave)
        with self.assertRaises(IqError) as caught:
            await client["xep_0060"].create_node(BROKER, "n")
        self.assertEqual(caught.exception.condition, "forbidden")
        path = server.folder + "/everything"
        with open(path, "w", encoding="utf-8") as file:
            file.write(EVERYTHING)
        server.admin_ctl("policy", "set", path)
        await client["xep_0060"].create_node(BROKER, "n")
        await client["xep_0060"].subscribe(BROKER, "n")
        document = ET.fromstring(iodef.incident())
        for policy in (NOTHING, SEE_ONLY):
            with open(path, "w", encoding="utf-8") as file:
                file.write(policy)
            server.admin_ctl("policy", "set", path)
            # The owner of the topic hears the same as one who asks for a topic that does not exist.
            for node in ("n", "missing"):
                for request in ("publish", "get_items", "subscribe"):
                    options = {"payload": document} if request == "publish" else {}
                    with self.assertRaises(IqError) as caught:
                        await getattr(client["xep_0060"], request)(BROKER, node, **options)
                    self.assertEqual(caught.exception.condition, "forbidden", (node, request))


if __name__ == "__main__":
    unittest.main()
