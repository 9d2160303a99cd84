# tests/integration/test_is_authorized.py: a provider asks about certificate chains.
"""The chains are real ones, of the CA that the grid trusts and of others."""

import base64
import ssl

from certs import Authority
from grid_protocol import GridCase, init_publish, is_authorized
from gridd import DOMAIN

SERVICE = "com.domain.ise.session.SessionQuery"


def der(path):
    """The certificates of a PEM file, base64 of each one's DER."""
    with open(path, encoding="ascii") as file:
        text = file.read()
    end = "-----END CERTIFICATE-----"
    parts = [part + end for part in text.split(end)[:-1]]
    return [base64.b64encode(ssl.PEM_cert_to_DER_cert(part.strip())).decode() for part in parts]


class Chains(GridCase):
    policy = (
        f"allow client ise@{DOMAIN} any any\n"
        f"allow client asa@{DOMAIN} to discover, query on Session-*\n"
    )

    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.ise = await self.log_in("ise", "provider")
        await init_publish(self.ise, "Session-1.0", f"<query name='{SERVICE}'/>")
        self.asa = await self.log_in("asa")
        self.authority = self.server.authority
        self.own = f"{self.server.folder}/pki/asa_at_{DOMAIN}.crt"

    async def ask(self, chain, **params):
        return await is_authorized(
            self.ise, certificateChain=chain, service=SERVICE, operation="query", **params
        )

    async def test_s50_the_leaf_says_who_it_is(self):
        asa = f"asa@{DOMAIN}"
        leaf, anchor = der(self.own), der(self.authority.path)
        for chain in (leaf, leaf + anchor):
            self.assertEqual(await self.ask(chain), (True, "read-only", asa))
        self.assertEqual(await self.ask(leaf, identity=f"{asa}/any"), (True, "read-only", asa))
        # A renewed certificate is the same; one of a name without an account is nobody's.
        renewed = self.authority.client(asa, file="renewed")
        self.assertEqual(await self.ask(der(renewed.cert)), (True, "read-only", asa))
        nobody = self.authority.client(f"nobody@{DOMAIN}")
        self.assertEqual((await self.ask(der(nobody.cert)))[0], False)

    async def test_s50_identity_and_chain_must_agree(self):
        chain = der(self.own)
        self.assertEqual((await self.ask(chain, identity=f"ise@{DOMAIN}"))[0], False)

    async def test_s50_what_would_not_log_in_is_denied(self):
        asa = f"asa@{DOMAIN}"
        stranger = Authority(self.server.folder + "/stranger")   # the same name, another key
        for bundle in (
            stranger.client(asa),
            self.authority.expired(asa),
            self.authority.not_yet_valid(asa),
            self.authority.server_only(asa),
            self.authority.client("asa@elsewhere.example"),
        ):
            with self.subTest(bundle.cert):
                self.assertEqual((await self.ask(der(bundle.cert)))[0], False)
        chain = der(stranger.client(asa).cert) + der(stranger.path)
        self.assertEqual((await self.ask(chain))[0], False)

    async def test_s50_what_is_no_chain_is_refused(self):
        leaf = der(self.own)
        broken = base64.b64encode(base64.b64decode(leaf[0])[:-5]).decode()
        longer = base64.b64encode(base64.b64decode(leaf[0]) + b"x").decode()
        for chain in ([], ["?"], ["AAAA"], [broken], [longer], leaf * 9):
            with self.subTest(len(chain)):
                await self.refused("bad-request", self.ask(chain), "malformed-request")

    async def test_s48_s50_only_a_registered_provider_may_ask(self):
        question = is_authorized(self.asa, certificateChain=der(self.own), service=SERVICE)
        await self.refused("forbidden", question, "denied")
