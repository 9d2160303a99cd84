# tests/integration/test_directed.py: queries from client to client, over real streams.
"""Two slixmpp clients: a provider that registered, and those who ask it."""

import asyncio
import time
import xml.etree.ElementTree as ET

from grid_protocol import GridCase, answer_queries, find, init_publish, is_authorized, texts, xgrid
from gridd import DOMAIN
from raw import Raw
from stock import SECONDS

SERVICE = "com.domain.ise.session.SessionQuery"
SESSION = "com.domain.ise.session"
QUERY = f"<SessionQuery xmlns='{SESSION}'><ip>192.0.2.7</ip></SessionQuery>"
ANSWER = f"<SessionQuery xmlns='{SESSION}'><user>alice</user></SessionQuery>"
TAG = f"{{{SESSION}}}SessionQuery"

POLICY = f"""\
allow client ise@{DOMAIN} to discover, create, publish, subscribe on any
allow client asa@{DOMAIN} to discover, query on Session-*
allow client eve@{DOMAIN} to discover on any
"""


class Directed(GridCase):
    policy = POLICY

    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.ise = await self.log_in("ise", "provider")
        await init_publish(self.ise, "Session-1.0", f"<query name='{SERVICE}'/>")
        self.asa = await self.log_in("asa")
        self.eve = await self.log_in("eve")
        self.provider = self.ise.boundjid.full

    async def test_s71_s72_a_query_reaches_the_provider_and_its_answer_comes_back(self):
        seen = answer_queries(self.ise, TAG, ANSWER)
        self.assertEqual(await find(self.asa, SERVICE), [self.provider])
        answer = await self.asa.send_iq(self.provider, "get", QUERY)
        self.assertEqual(texts(answer)["user"], ["alice"])
        self.assertEqual(answer.get("from"), self.provider)
        self.assertEqual(str(seen[0]["from"]), self.asa.boundjid.full)
        # An error of the provider's is an answer, too.
        await self.refused(
            "feature-not-implemented",
            self.asa.send_iq(self.provider, "set", "<other xmlns='urn:other'/>"),
        )

    async def test_s72_any_namespace_passes_untouched(self):
        # On bare sockets: slixmpp itself loses attributes of foreign namespaces.
        issue = self.server.authority.client
        body = (
            "<q xmlns='urn:a'><b xmlns:p='urn:p' p:c='d'>\u00e4 &lt;</b>"
            "<p:x xmlns:p='urn:p'/></q>"
        )
        with Raw(self.server.c2s, DOMAIN).login(issue(f"ise@{DOMAIN}"), "raw") as ise:
            ise.send("<presence/>")
            with Raw(self.server.c2s, DOMAIN).login(issue(f"asa@{DOMAIN}"), "raw") as asa:
                asa.send(f"<iq type='get' id='a&apos;1' to='ise@{DOMAIN}/raw'>{body}</iq>")
                query = await asyncio.to_thread(ise.expect, "<iq [^>]*>(.*?)</iq>")
                self.assertIn(f"from='asa@{DOMAIN}/raw'", query.group())
                ise.send(f"<iq type='result' id='a&apos;1' to='asa@{DOMAIN}/raw'>{body}</iq>")
                answer = await asyncio.to_thread(asa.expect, "<iq [^>]*>(.*?)</iq>")
        for text in (query.group(1), answer.group(1)):
            self.assertEqual(ET.canonicalize(text), ET.canonicalize(body))

    async def test_s71_a_grid_message_between_clients(self):
        answer_queries(self.ise, "{gi}grid", "<grid xmlns='gi' type='response'/>")
        grid = f"<grid xmlns='gi' type='request'>{QUERY}</grid>"
        answer = await self.asa.send_iq(self.provider, "get", grid)
        self.assertIsNotNone(answer.find("{gi}grid"))
        await self.refused("forbidden", self.eve.send_iq(self.provider, "get", grid))
        # Of somebody who provides nothing the same is said as of a missing account.
        for nobody in (self.asa.boundjid.full, f"nobody@{DOMAIN}/x"):
            await self.refused("service-unavailable", self.eve.send_iq(nobody, "get", grid))

    async def test_stock_discovery_of_the_providers_features(self):
        info = await self.asa["xep_0030"].get_info(jid=self.provider)
        self.assertTrue(info["disco_info"]["features"])

    async def test_s71_refusals(self):
        seen = answer_queries(self.ise, TAG, ANSWER)
        error = await self.refused("forbidden", self.eve.send_iq(self.provider, "get", QUERY))
        self.assertEqual(error.iq.xml.get("from"), self.provider)
        self.assertEqual(error.iq["error"]["type"], "auth")
        gone = f"ise@{DOMAIN}/elsewhere"
        await self.refused("recipient-unavailable", self.asa.send_iq(gone, "get", QUERY))
        # A missing account, one that provides nothing, and a bare JID look alike.
        for nobody in (f"nobody@{DOMAIN}/x", self.eve.boundjid.full, f"ise@{DOMAIN}"):
            await self.refused("service-unavailable", self.asa.send_iq(nobody, "get", QUERY))
        self.server.admin_ctl("accounts", "disable", f"ise@{DOMAIN}")
        await self.refused("service-unavailable", self.asa.send_iq(self.provider, "get", QUERY))
        self.assertEqual(seen, [])

    async def test_s71_every_refusal_and_query_is_on_record(self):
        answer_queries(self.ise, TAG, ANSWER)
        await self.asa.send_iq(self.provider, "get", QUERY)
        await self.refused("forbidden", self.eve.send_iq(self.provider, "get", QUERY))
        deadline = time.monotonic() + SECONDS
        while True:
            records = self.server.admin_json("audit", "--topic", "Session-1.0")["records"]
            queries = {r["actor"].split("/")[0]: r for r in records if r["operation"] == "query"}
            if len(queries) == 2 or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)
        self.assertEqual(queries[f"asa@{DOMAIN}"]["decision"], "allow")
        self.assertEqual(queries[f"eve@{DOMAIN}"]["decision"], "deny")
        self.assertEqual(queries[f"eve@{DOMAIN}"]["target"], self.provider)

    async def on_record(self, operation, *wanted):
        """Decision and detail of the topic's latest records with that operation."""
        deadline = time.monotonic() + SECONDS
        while True:
            records = self.server.admin_json("audit", "--topic", "Session-1.0")["records"]
            found = [r for r in records if r["operation"] == operation][: len(wanted)]
            said = [(r["decision"], r["detail"]) for r in reversed(found)]
            if said == list(wanted) or time.monotonic() > deadline:
                return self.assertEqual(said, list(wanted))
            await asyncio.sleep(0.1)

    async def test_s71_a_provider_that_goes_leaves_nobody_waiting(self):
        answer_queries(self.ise, TAG, None)
        waiting = asyncio.ensure_future(self.asa.send_iq(self.provider, "get", QUERY))
        await self.asa["xep_0199"].send_ping(DOMAIN)   # the query was taken
        self.ise.drop()
        await self.refused("recipient-unavailable", waiting)
        self.assertEqual(await find(self.asa, SERVICE), [])

    async def waiting(self):
        """The answer to come of a query that the provider has, and the query."""
        seen = answer_queries(self.ise, TAG, None)
        waiting = asyncio.ensure_future(self.asa.send_iq(self.provider, "get", QUERY))
        while not seen:
            await asyncio.sleep(0.02)
        return waiting, seen[0]

    async def set_policy(self, text):
        await asyncio.to_thread(self.server.admin_ctl, "policy", "set", "-", stdin=text)

    async def test_s71_a_right_that_ends_while_a_query_waits(self):
        for reply in ("result", "error"):   # an error can say as much as a result
            with self.subTest(reply=reply):
                await self.set_policy(POLICY)
                waiting, asked = await self.waiting()
                await self.set_policy(POLICY.replace("discover, query on", "discover on"))
                answer = asked.reply()
                answer["type"] = reply
                answer.append(ET.fromstring(ANSWER))
                answer.send()
                error = await self.refused("forbidden", waiting)
                self.assertEqual(error.iq.xml.get("from"), self.provider)
                self.assertIn("has ended before its answer", error.iq["error"]["text"])
                self.assertNotIn("alice", str(error.iq))
                answered = ("deny", SERVICE + ", the answer")
                await self.on_record("query", ("allow", SERVICE), answered)

    async def test_s71_a_right_that_ends_and_with_it_the_sight_of_the_provider(self):
        waiting, asked = await self.waiting()
        await self.set_policy(POLICY.replace(f"allow client asa@{DOMAIN}", "allow client nobody"))
        asked.reply().send()
        await self.refused("service-unavailable", waiting)

    async def test_s71_a_right_that_stays_while_the_policy_changes(self):
        waiting, asked = await self.waiting()
        await self.set_policy(POLICY + "# another text\n")
        asked.reply().send()
        self.assertEqual((await waiting).get("type"), "result")

    async def test_s71_a_provider_that_is_blocked_while_a_query_waits(self):
        waiting, asked = await self.waiting()
        block = self.asa.make_iq(id="block", ito=self.asa.boundjid.bare, itype="set")
        block.append(ET.fromstring(
            f"<block xmlns='urn:xmpp:blocking'><item jid='ise@{DOMAIN}'/></block>"
        ))
        await block.send(timeout=SECONDS)
        reply = asked.reply()
        reply.append(ET.fromstring(ANSWER))
        reply.send()
        error = await self.refused("not-acceptable", waiting)
        self.assertEqual(error.iq.xml.get("from"), self.provider)

    async def test_s71_answers_go_only_to_who_asked(self):
        eve = self.server.authority.client(f"eve@{DOMAIN}")
        with Raw(self.server.c2s, DOMAIN).login(eve, "raw") as raw:
            seen = answer_queries(self.ise, TAG, None)
            waiting = asyncio.ensure_future(self.asa.send_iq(self.provider, "get", QUERY))
            while not seen:
                await asyncio.sleep(0.02)
            asked = seen[0]
            identity = asked["id"]
            # Somebody else answers in the provider's place, with the right id: dropped.
            raw.send(
                f"<iq type='result' id='{identity}' to='{self.asa.boundjid.full}'>"
                "<forged xmlns='urn:f'/></iq>"
                f"<iq type='get' id='p' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>"
            )
            await asyncio.to_thread(raw.expect, "id='p'")
            self.assertFalse(waiting.done())
            # The provider answers to somebody who did not ask: dropped.
            stray = self.ise.make_iq_result(id=identity, ito=f"eve@{DOMAIN}/raw")
            stray.send()
            reply = asked.reply()
            reply.send()
            answer = await waiting
            self.assertIsNone(answer.find("{urn:f}forged"))
            # And a second answer to the same query is one to nobody.
            asked.reply().send()
            raw.send(f"<iq type='get' id='q' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>")
            await asyncio.to_thread(raw.expect, "id='q'")
            self.assertNotIn(identity, raw.seen)

    async def test_s48_s49_s51_the_provider_asks_and_enforces(self):
        asa, eve = self.asa.boundjid.full, self.eve.boundjid.full
        self.assertEqual(
            await is_authorized(self.ise, identity=asa, service=SERVICE, operation="query"),
            (True, "read-only", f"asa@{DOMAIN}"),
        )
        self.assertEqual(
            await is_authorized(self.ise, identity=eve, service=SERVICE),
            (False, None, f"eve@{DOMAIN}"),
        )
        self.assertEqual(
            await is_authorized(self.ise, identity=asa, service=SERVICE, operation="write"),
            (False, None, f"asa@{DOMAIN}"),
        )
        self.assertEqual(
            await is_authorized(
                self.ise, kind="set", identity=self.provider, service=SERVICE, operation="write"
            ),
            (True, "write-only", f"ise@{DOMAIN}"),
        )
        # Only a provider of the service may ask; what is no question is refused as such.
        await self.refused(
            "forbidden", is_authorized(self.asa, identity=asa, service=SERVICE), "denied"
        )
        for params in (
            {"service": SERVICE},
            {"identity": asa},
            {"identity": asa, "service": SERVICE, "operation": "conquer"},
            {"identity": "@@@", "service": SERVICE},
        ):
            await self.refused(
                "bad-request", is_authorized(self.ise, **params), "malformed-request"
            )

    async def test_s49_identity_groups_are_asked_of_the_controller(self):
        user = "<user><name>asa</name></user>"
        question = f"<getIdentityGroupRequest>{user}</getIdentityGroupRequest>"
        await self.refused("forbidden", xgrid(self.eve, question, "get"), "denied")
        own = texts(await xgrid(self.asa, question, "get"))
        self.assertEqual(own["name"], ["asa", "everyone"])
        self.assertEqual(own["type"], ["Identity"])


class Unchecked(GridCase):
    """The provider alone decides."""

    policy = POLICY
    settings = {"controller.precheck": "false", "controller.query_timeout_seconds": "1"}

    async def test_s51_without_precheck_the_provider_hears_everybody(self):
        ise = await self.log_in("ise", "provider")
        await init_publish(ise, "Session-1.0", f"<query name='{SERVICE}'/>")
        eve = await self.log_in("eve")
        seen = answer_queries(ise, TAG, None)
        # A provider that does not answer in time has not answered.
        await self.refused(
            "remote-server-timeout", eve.send_iq(ise.boundjid.full, "get", QUERY)
        )
        self.assertEqual(len(seen), 1)


class Bounded(GridCase):
    settings = {"controller.queries_per_session_max": "3"}

    async def test_s71_waiting_queries_are_bounded(self):
        ise = await self.log_in("ise", "provider")
        await init_publish(ise, "Session-1.0")
        asa = self.server.authority.client(f"asa@{DOMAIN}")
        answer_queries(ise, TAG, None)
        with Raw(self.server.c2s, DOMAIN).login(asa) as raw:
            for number in range(4):
                raw.send(f"<iq type='get' id='n{number}' to='{ise.boundjid.full}'>{QUERY}</iq>")
            refused = await asyncio.to_thread(raw.expect, r"<iq type='error'.*?</iq>")
            self.assertIn("id='n3'", refused.group())
            self.assertIn("resource-constraint", refused.group())
            raw.send(f"<iq type='get' id='n0' to='{ise.boundjid.full}'>{QUERY}</iq>")
            refused = await asyncio.to_thread(raw.expect, r"<iq type='error'.*?</iq>")
            self.assertIn("bad-request", refused.group())
