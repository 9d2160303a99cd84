# tests/integration/test_hidden.py: hidden nodes and bounds of accounts, by raw clients over real
# streams.
"""Hidden nodes, filters of others, who admits to a whitelist, and the bounds of one account.
GRIDD_LONG=1: an account does its worst for a minute instead of a few seconds."""

import os
import re
import time
import unittest

from gridd import BROKER, CONTROLLER, DOMAIN, Operated
from topic import PUBSUB, Topic

# An owner may do anything; mallory neither what is kept by name nor what is secret by type.
POLICY = """\
deny client mallory to any on kept/*
deny client mallory to any on any type urn:secret*
allow any any any
"""
INFO, ITEMS = (f"http://jabber.org/protocol/disco#{what}" for what in ("info", "items"))
OWNER = PUBSUB + "#owner"
RSM = "http://jabber.org/protocol/rsm"
LONG = os.environ.get("GRIDD_LONG", "") not in ("", "0")
WORST_SECONDS = 60 if LONG else 4


def form(kind, **fields):
    inside = "".join(
        f"<field var='{var.replace('__', '#')}'><value>{value}</value></field>"
        for var, value in fields.items()
    )
    return (
        f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{kind}</value>"
        f"</field>{inside}</x>"
    )


def config(**fields):
    return form(PUBSUB + "#node_config", **fields)


class Case(unittest.TestCase):
    policy = POLICY
    settings = {}

    def setUp(self):
        self.server = Operated(
            self.policy, {"accounts.auto_approve": "true", **self.settings}
        ).start()
        self.addCleanup(self.server.close)
        self.bundles = {}

    def client(self, name, resource="raw"):
        if name not in self.bundles:
            self.bundles[name] = self.server.authority.client(f"{name}@{DOMAIN}")
        client = Topic(self.server, self.bundles[name], resource=resource)
        client.raw.send("<presence/>")
        self.addCleanup(client.close)
        return client

    def ok(self, outcome):
        self.assertEqual(outcome[0], "ok", outcome[1])
        return outcome[1]

    def create(self, client, node, **fields):
        inner = f"<create node='{node}'/>"
        if fields:
            inner += f"<configure>{config(**fields)}</configure>"
        return client.pubsub("set", inner)

    def publish(self, client, node, item="i", payload="<a xmlns='urn:a'/>"):
        return client.pubsub(
            "set", f"<publish node='{node}'><item id='{item}'>{payload}</item></publish>"
        )

    def owner(self, client, kind, inner):
        return client.ask(kind, f"<pubsub xmlns='{OWNER}'>{inner}</pubsub>")

    def subscribe(self, client, name, node, options=""):
        return client.pubsub(
            "set", f"<subscribe node='{node}' jid='{name}@{DOMAIN}'/>{options}"
        )

    def grid(self, client, operation, dialect="xgrid"):
        return client.ask(
            "set", f"<grid xmlns='{dialect}' type='request'>{operation}</grid>", CONTROLLER
        )

    def query(self, client, method):
        return client.ask(
            "get",
            "<grid xmlns='gi' type='request'><DiscoveryQuery "
            f"xmlns='com.domain.gi.gcl.controller'>{method}</DiscoveryQuery></grid>",
            CONTROLLER,
        )


class Hidden(Case):
    settings = {"pubsub.access_open": "true", "controller.subtopic_grace_seconds": "0"}

    def requests(self, node):
        """Name, kind, payload and address of what mallory asks about a node."""
        jid = f"jid='mallory@{DOMAIN}'"
        item = "<item id='i'><a xmlns='urn:a'/></item>"
        stock = [
            ("subscribe", "set", f"<subscribe node='{node}' {jid}/>"),
            ("unsubscribe", "set", f"<unsubscribe node='{node}' {jid}/>"),
            ("options", "get", f"<options node='{node}' {jid}/>"),
            ("default options", "get", f"<default node='{node}'/>"),
            ("items", "get", f"<items node='{node}'/>"),
            ("items by id", "get", f"<items node='{node}'><item id='i'/></items>"),
            ("page of items", "get",
             f"<items node='{node}'/><set xmlns='{RSM}'><after>1:1</after></set>"),
            ("publish", "set", f"<publish node='{node}'>{item}</publish>"),
            ("retract", "set", f"<retract node='{node}'><item id='i'/></retract>"),
            ("subtopic", "get", f"<items node='{node}/0123456789abcdef'/>"),
            ("subscriptions", "get", f"<subscriptions node='{node}'/>"),
            ("affiliations", "get", f"<affiliations node='{node}'/>"),
        ]
        owners = [
            ("configure", "get", f"<configure node='{node}'/>"),
            ("delete", "set", f"<delete node='{node}'/>"),
            ("purge", "set", f"<purge node='{node}'/>"),
            ("owner affiliations", "get", f"<affiliations node='{node}'/>"),
            ("owner subscriptions", "get", f"<subscriptions node='{node}'/>"),
            ("associate", "set",
             f"<collection node='mine'><associate node='{node}'/></collection>"),
            ("associate to", "set",
             f"<collection node='{node}'><associate node='leaf'/></collection>"),
        ]
        name = f"<capability><name>{node}</name></capability>"
        controller = [
            ("Grid subscribe", f"<subscribeRequest>{name}</subscribeRequest>"),
            ("Grid unsubscribe", f"<unsubscribeRequest>{name}</unsubscribeRequest>"),
            ("Grid finish", f"<finishPublishRequest>{name}</finishPublishRequest>"),
        ]
        discovery = [
            ("Grid describe", f"<describe><param>{node}</param></describe>"),
            ("Grid find", f"<find><param>{node}</param></find>"),
            ("Grid list", f"<list><param name='after'>{node}</param></list>"),
        ]
        yield "disco#info", "get", f"<query xmlns='{INFO}' node='{node}'/>", BROKER
        yield "disco#items", "get", f"<query xmlns='{ITEMS}' node='{node}'/>", BROKER
        yield ("cursor", "get", f"<query xmlns='{ITEMS}'><set xmlns='{RSM}'><after>{node}</after>"
               "</set></query>", BROKER)
        yield "archive", "set", f"<query xmlns='urn:xmpp:mam:2' node='{node}'/>", BROKER
        for label, kind, inner in stock:
            yield label, kind, f"<pubsub xmlns='{PUBSUB}'>{inner}</pubsub>", BROKER
        for label, kind, inner in owners:
            yield label, kind, f"<pubsub xmlns='{OWNER}'>{inner}</pubsub>", BROKER
        for label, inner in controller:
            yield label, "set", f"<grid xmlns='xgrid' type='request'>{inner}</grid>", CONTROLLER
        for label, inner in discovery:
            yield (label, "get", "<grid xmlns='gi' type='request'><DiscoveryQuery xmlns='com."
                   f"domain.gi.gcl.controller'>{inner}</DiscoveryQuery></grid>", CONTROLLER)
        if node.startswith("kept/"):   # a creator is answered with a conflict
            yield ("create", "set", f"<pubsub xmlns='{PUBSUB}'><create node='{node}'/></pubsub>",
                   BROKER)
            for beneath in ("/0123456789abcdef", "#subtopics"):
                yield ("create " + beneath, "set", f"<pubsub xmlns='{PUBSUB}'><create "
                       f"node='{node}{beneath}'/></pubsub>", BROKER)
            yield ("Grid publish", "set", "<grid xmlns='xgrid' type='request'><initPublishRequest>"
                   f"<capability><name>{node}</name></capability></initPublishRequest></grid>",
                   CONTROLLER)

    def test_hidden_nodes_answer_like_absent_ones(self):
        """found A15, A13, M14: every operation at nodes that mallory may not discover."""
        bob, mallory = self.client("bob"), self.client("mallory")
        self.ok(self.create(mallory, "mine", pubsub__node_type="collection"))
        self.ok(self.create(mallory, "leaf"))
        for node in ("kept/real", "real"):
            self.ok(self.create(bob, node, pubsub__type="urn:secret:1"))
            self.ok(self.publish(bob, node, payload="<a xmlns='urn:secret:1'/>"))
        for real, absent in (("kept/real", "kept/none"), ("real", "none")):
            pairs = zip(self.requests(real), self.requests(absent), strict=True)
            for (label, kind, payload, to), (_, _, other, _) in pairs:
                with self.subTest(label, node=real):
                    self.assertEqual(
                        self.bare_answer(mallory, kind, payload, to, real),
                        self.bare_answer(mallory, kind, other, to, absent),
                    )
        self.collections_keep_names(bob, mallory)

    def bare_answer(self, client, kind, payload, to, node):
        _, answer = client.ask(kind, payload, to)
        answer = re.sub(r"\bid='(get|set)\d+'", "", answer, count=1)
        # A page after the name is the same list, whichever name it is.
        return answer.replace(f"{node}", "NODE")

    def collections_keep_names(self, bob, mallory):
        carol = self.client("carol")
        self.ok(self.create(bob, "box", pubsub__node_type="collection"))
        for client, name in ((mallory, "mallory"), (carol, "carol")):
            self.ok(self.subscribe(client, name, "box"))
        for what in ("associate", "dissociate"):
            self.ok(self.owner(
                bob, "set", f"<collection node='box'><{what} node='kept/real'/></collection>"
            ))
            carol.take(rf"<message[^>]*>(?:(?!</message>).)*<{what} node='kept/real'", 20)
        self.ok(self.create(bob, "last"))
        self.ok(self.owner(
            bob, "set", "<collection node='box'><associate node='last'/></collection>"
        ))
        mallory.take(r"<associate node='last'/>", 20)
        self.assertNotIn("kept/real", mallory.raw.seen)

    def test_filters_are_for_those_who_serve_them(self):
        """found A14: a subscriber's filter, and the list of subtopics."""
        ise, asa, eve = self.client("ise"), self.client("asa"), self.client("eve")
        name = "<capability><name>Flow-1.0</name></capability>"
        self.ok(self.grid(ise, f"<initPublishRequest>{name}<filterSupport><attribute name='ip' "
                          "type='address'/></filterSupport></initPublishRequest>"))
        deadline = time.monotonic() + 20
        while self.disco(ise, INFO, "Flow-1.0#subtopics")[0] != "ok":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        wanted = "ip = &apos;203.0.113.77&apos;"
        self.ok(self.subscribe(
            asa, "asa", "Flow-1.0",
            f"<options>{form(PUBSUB + '#subscribe_options', **{'x-grid__filter': wanted})}"
            "</options>",
        ))
        answer = self.ok(self.grid(ise, f"<initPublishRequest>{name}</initPublishRequest>"))
        subtopic = re.search(r"Flow-1\.0/[0-9a-f]{16}", answer).group()
        for client, is_in in ((ise, True), (asa, True), (eve, False)):
            listed = self.ok(self.disco(client, ITEMS, "Flow-1.0#subtopics"))
            self.assertEqual(subtopic in listed, is_in)
            outcome, info = self.disco(client, INFO, subtopic)
            self.assertEqual(outcome, "ok" if is_in else "item-not-found")
            self.assertEqual("203.0.113.77" in info, is_in)
            described = self.ok(
                self.query(client, "<describe><param>Flow-1.0</param></describe>")
            )
            self.assertEqual("count='1'" in described, client is ise)
        absent = "Flow-1.0/0123456789abcdef"
        for inner in ("<items node='{}'/>", "<subscribe node='{}' jid='eve@%s'/>" % DOMAIN,
                      "<unsubscribe node='{}' jid='eve@%s'/>" % DOMAIN):
            kind = "get" if "items" in inner else "set"
            answers = [
                re.sub(r"id='\w+'", "", eve.pubsub(kind, inner.format(node))[1], count=1)
                .replace(node, "NODE")
                for node in (subtopic, absent)
            ]
            self.assertEqual(answers[0], answers[1])
        left = [
            re.sub(r"id='\w+'", "", self.grid(
                eve, f"<unsubscribeRequest>{name}<subtopicName>{node}</subtopicName>"
                "</unsubscribeRequest>")[1], count=1).replace(node, "NODE")
            for node in (subtopic, absent)
        ]
        self.assertEqual(left[0], left[1])
        for label, kind, payload in self.subtopic_requests():
            with self.subTest(label):
                asked = [
                    self.bare_answer(eve, kind, payload.replace("NODE", node), CONTROLLER, node)
                    for node in (subtopic, absent)
                ]
                self.assertEqual(asked[0], asked[1])
        # Clients that the filter is for, or that serve it, ask by all these ways.
        for client in (ise, asa):
            described = self.query(client, f"<describe><param>{subtopic}</param></describe>")
            self.assertIn(subtopic, self.ok(described))
            found = self.query(client, f"<find><param>{subtopic}</param></find>")
            self.assertIn("ise@", self.ok(found))
        # The operator sees them by name.
        listed = self.server.admin_json("topics", "subscribers", "Flow-1.0")["subscribers"]
        self.assertEqual(
            [(one["jid"], one["state"], one["filter"]) for one in listed],
            [(f"asa@{DOMAIN}", "subscribed", "ip = '203.0.113.77'")],
        )

    def subtopic_requests(self):
        """What the controller may be asked about a node, beside service discovery at the broker."""
        name = "<capability><name>NODE</name></capability>"
        wanted = "<filter>ip = '203.0.113.77'</filter>"
        for method in ("describe", "find", "list"):
            yield (method, "get", "<grid xmlns='gi' type='request'><DiscoveryQuery xmlns='com."
                   f"domain.gi.gcl.controller'><{method}><param>NODE</param></{method}>"
                   "</DiscoveryQuery></grid>")
        yield "disco#items", "get", f"<query xmlns='{ITEMS}' node='NODE'/>"
        for request in ("subscribeRequest", "unsubscribeRequest", "initPublishRequest",
                        "finishPublishRequest"):
            for more in ("", wanted, "<filter>ip ==</filter>", "<query name='Other'/>"):
                yield (f"{request} {more}", "set", f"<grid xmlns='xgrid' type='request'><{request}>"
                       f"{name}{more}</{request}></grid>")

    def disco(self, client, kind, node):
        return client.ask("get", f"<query xmlns='{kind}' node='{node}'/>")

    def test_who_admits_to_a_whitelist(self):
        """found M2, M18, M21: the same answer by XEP-0060 and by the Grid protocol."""
        bob, eve, dan = self.client("bob"), self.client("eve"), self.client("dan")
        self.ok(self.create(bob, "listed", pubsub__access_model="whitelist"))
        self.ok(self.create(bob, "policed"))
        self.ok(self.create(bob, "asked", pubsub__access_model="authorize"))
        self.ok(self.grid(
            bob, "<initPublishRequest><capability><name>grid-1.0</name></capability>"
            "</initPublishRequest>"))

        def by_grid(client, node):
            return self.grid(
                client,
                f"<subscribeRequest><capability><name>{node}</name></capability>"
                "</subscribeRequest>",
            )

        for ask in (lambda: self.subscribe(eve, "eve", "listed"), lambda: by_grid(eve, "listed")):
            outcome, answer = ask()
            self.assertEqual(outcome, "not-allowed")
            self.assertIn("closed-node", answer)
        for node in ("policed", "grid-1.0"):
            self.ok(self.subscribe(eve, "eve", node))
            self.ok(by_grid(dan, node))
            members = self.ok(self.owner(bob, "get", f"<affiliations node='{node}'/>"))
            for name in ("eve", "dan"):
                self.assertIn(f"jid='{name}@{DOMAIN}' affiliation='member'", members)
        # An option of the node: the owner may say so afterwards.
        self.ok(self.owner(
            bob, "set", "<configure node='policed'>" + config(**{"x-grid__admission": "owner"})
            + "</configure>"))
        fay = self.client("fay")
        self.assertEqual(by_grid(fay, "policed")[0], "not-allowed")
        self.assertEqual(self.subscribe(fay, "fay", "policed")[0], "not-allowed")
        # Where the owner is asked, the answer says so in both protocols.
        self.assertIn("subscription='pending'", self.ok(self.subscribe(dan, "dan", "asked")))
        self.assertIn("<state>pending</state>", self.ok(by_grid(eve, "asked")))
        self.assertNotIn("<state>", self.ok(by_grid(fay, "grid-1.0")))
        self.operators_see_subscribers()

    def operators_see_subscribers(self):
        listed = self.server.admin_json("topics", "subscribers", "asked")["subscribers"]
        self.assertEqual(
            sorted((one["jid"], one["state"]) for one in listed),
            [(f"dan@{DOMAIN}", "pending"), (f"eve@{DOMAIN}", "pending")],
        )
        shown = self.server.admin_ctl("topics", "subscribers", "policed")
        for word in ("SUBSCRIBER", f"eve@{DOMAIN}", f"dan@{DOMAIN}", "subscribed"):
            self.assertIn(word, shown)
        self.bundles["admin"] = self.server.admin
        admin = self.client("admin")
        node = "com.domain.gi.gcl.controller#topic-subscribers"
        command = f"<command xmlns='http://jabber.org/protocol/commands' node='{node}'"
        asked = self.ok(admin.ask("set", command + "/>", CONTROLLER))
        session = re.search(r"sessionid='([^']*)'", asked).group(1)
        done = self.ok(admin.ask(
            "set",
            f"{command} sessionid='{session}'><x xmlns='jabber:x:data' type='submit'><field "
            "var='pubsub#node'><value>asked</value></field></x></command>",
            CONTROLLER,
        ))
        self.assertIn(f"<value>eve@{DOMAIN}</value>", done)


class Bounds(Case):
    """found A10, A28: an account that takes what it can, beside one that works."""

    policy = "deny any to create on shut/*\nallow any any any\n"
    settings = {
        "audit.keep_bytes": "200000",
        "pubsub.nodes_per_account_max": "12",
        "pubsub.item_index_bytes_per_account_max": str(64 * 1024),
        "pubsub.item_index_bytes_max": str(256 * 1024),
        "pubsub.affiliations_per_account_max": "40",
        "pubsub.subscriptions_per_account_max": "30",
    }

    def greedy(self, client):
        """Does its worst until each bound has named itself; what it heard."""
        heard = set()
        for number in range(40):
            self.heard(heard, self.create(client, f"greedy/{number}", pubsub__max_items="max"))
            self.heard(heard, self.owner(
                client, "set",
                "<affiliations node='greedy/0'>" + "".join(
                    f"<affiliation jid='m{number}-{one}@{DOMAIN}' affiliation='member'/>"
                    for one in range(4)) + "</affiliations>"))
            self.heard(heard, client.pubsub(
                "set", f"<subscribe node='greedy/{number % 12}' "
                f"jid='mallory@{DOMAIN}/{number}'/>"))
        for number in range(600):
            client.send(
                "set", f"<pubsub xmlns='{PUBSUB}'><publish node='greedy/1'><item "
                f"id='{number:0200}'><a xmlns='urn:a'/></item></publish></pubsub>")
        self.heard(heard, self.publish(client, "greedy/1", "x" * 200))
        self.assertEqual(
            self.publish(client, "greedy/1", "x" * 257)[0], "not-acceptable"
        )
        return heard

    @staticmethod
    def heard(into, outcome):
        if outcome[0] != "ok":
            into.add(outcome[0] + " " + " ".join(re.findall(r"\((pubsub\.\w+)\)", outcome[1])))

    def test_one_account_is_stopped_and_others_work(self):
        wanted = {
            "resource-constraint pubsub." + key
            for key in ("nodes_per_account_max", "item_index_bytes_per_account_max",
                        "affiliations_per_account_max")
        }
        mallory = self.client("mallory")
        before = self.server.resident_bytes()
        heard = self.greedy(mallory)
        self.assertLessEqual(wanted, heard)
        self.assertLess(self.server.resident_bytes(), before + 32 * 1024 * 1024)
        mallory.close()
        for _ in range(2):
            bob = self.client("bob")
            node = f"bob-{time.monotonic_ns()}"
            self.ok(self.create(bob, node))
            self.ok(self.publish(bob, node))
            self.ok(self.owner(
                bob, "set", f"<affiliations node='{node}'><affiliation jid='eve@{DOMAIN}' "
                "affiliation='member'/></affiliations>"))
            bob.close()
            # The same after a restart: what is bounded is counted from what is stored.
            self.server.stop()
            self.server.start()
            mallory = self.client("mallory")
            again = set()
            self.heard(again, self.create(mallory, "greedy/again"))
            self.heard(again, self.publish(mallory, "greedy/1", "y" * 200))
            self.heard(again, self.owner(
                mallory, "set", "<affiliations node='greedy/0'>" + "".join(
                    f"<affiliation jid='n{one}@{DOMAIN}' affiliation='member'/>"
                    for one in range(4)) + "</affiliations>"))
            self.assertEqual(again, wanted)
            mallory.close()
        self.assertLess(self.server.resident_bytes(), before + 32 * 1024 * 1024)

    def worst(self, client, turn):
        """One turn of an account that takes what it can, all at once; the ids of its requests."""
        name = "<capability><name>Flow-1.0</name></capability>"
        return [client.send("set", inner, to) for inner, to in (
            *((f"<pubsub xmlns='{PUBSUB}'><create node='worst/{turn}-{one}-{'n' * 200}'/></pubsub>",
               BROKER) for one in range(4)),
            *((f"<pubsub xmlns='{PUBSUB}'><publish node='hoard'><item id='{turn}-{one}-{'i' * 200}'"
               "><a xmlns='urn:a'/></item></publish></pubsub>", BROKER) for one in range(8)),
            (f"<pubsub xmlns='{OWNER}'><affiliations node='hoard'>" + "".join(
                f"<affiliation jid='m{turn}-{one}@{DOMAIN}' affiliation='member'/>"
                for one in range(8)) + "</affiliations></pubsub>", BROKER),
            *((f"<pubsub xmlns='{PUBSUB}'><subscribe node='hoard' "
               f"jid='mallory@{DOMAIN}/{turn}-{one}'/></pubsub>", BROKER) for one in range(4)),
            *((f"<grid xmlns='xgrid' type='request'><subscribeRequest>{name}<filter>"
               f"ip = '10.{one}.{turn // 256 % 256}.{turn % 256}'</filter></subscribeRequest>"
               "</grid>", CONTROLLER) for one in range(2)),
            # Each of these is another record of the audit: a deed, and a refusal.
            (f"<pubsub xmlns='{OWNER}'><configure node='hoard'>{config(pubsub__title=turn)}"
             "</configure></pubsub>", BROKER),
            *((f"<pubsub xmlns='{PUBSUB}'><create node='shut/{turn}-{one}'/></pubsub>", BROKER)
              for one in range(4)),
        )]

    def test_an_account_does_its_worst_for_a_while(self):
        """Bounds that name themselves stop the account, and others work all the time."""
        self.server.admin_ctl("groups", "create", "proof", "--description", "before the flood")
        ise, bob, mallory = self.client("ise"), self.client("bob"), self.client("mallory")
        self.ok(self.grid(
            ise, "<initPublishRequest><capability><name>Flow-1.0</name></capability><filterSupport>"
            "<attribute name='ip' type='address'/></filterSupport><subtopicLimit>8</subtopicLimit>"
            "</initPublishRequest>"))
        self.ok(self.create(mallory, "hoard", pubsub__max_items="max"))
        self.ok(self.create(bob, "work"))
        before, most, turns, heard = self.server.resident_bytes(), 0, 0, set()
        deadline = time.monotonic() + WORST_SECONDS
        while time.monotonic() < deadline or turns < 60:
            sent = self.worst(mallory, turns)
            self.ok(self.publish(bob, "work", f"i{turns % 50}"))
            for condition, text in (mallory.answer(number, 60) for number in sent):
                if condition != "ok":
                    named = re.findall(r"\b(?:pubsub|controller)\.\w+_\w+", text)
                    heard.add(" ".join((condition, *named)))
            most = max(most, self.server.resident_bytes())
            turns += 1
        print(f"{turns} turns, {(most - before) // 1024 // 1024} MiB: {sorted(heard)}", flush=True)
        for key in ("nodes_per_account_max", "item_index_bytes_per_account_max",
                    "affiliations_per_account_max", "subscriptions_per_account_max",
                    "subtopics_share_percent"):
            self.assertTrue(any(key in one for one in heard), f"{key}: {sorted(heard)}")
        self.assertLess(most - before, 32 * 1024 * 1024)
        self.server.stop()
        self.server.start()
        self.ok(self.publish(self.client("bob"), "work", "after"))
        self.assertTrue(self.server.admin_json("audit", "verify")["ok"])
        kept = self.server.admin_json("audit", "--all", "--operation", "group-put")["records"]
        self.assertIn("proof", [record["target"] for record in kept])

    def test_an_account_has_a_share_of_the_subtopics(self):
        ise, eve, asa = self.client("ise"), self.client("eve"), self.client("asa")
        name = "<capability><name>Flow-1.0</name></capability>"
        self.ok(self.grid(
            ise, f"<initPublishRequest>{name}<filterSupport><attribute name='ip' type='address'/>"
            "</filterSupport><subtopicLimit>8</subtopicLimit></initPublishRequest>"))

        def ask(client, number):
            return self.grid(client, f"<subscribeRequest>{name}<filter>ip = '192.0.2.{number}'"
                             "</filter></subscribeRequest>")

        for number in range(2):
            self.ok(ask(eve, number))
        outcome, answer = ask(eve, 3)
        self.assertEqual(outcome, "resource-constraint")
        self.assertIn("subtopics_share_percent", answer)
        # Nor by leaving them at once: they stay for a while, and count.
        self.ok(self.grid(eve, f"<unsubscribeRequest>{name}<filter>ip = '192.0.2.1'</filter>"
                          "</unsubscribeRequest>"))
        self.assertEqual(ask(eve, 3)[0], "resource-constraint")
        for number in range(2):
            self.ok(ask(asa, 100 + number))
        self.ok(ask(eve, 100))   # one that is there takes no slot


class Turns(Case):
    """found A22, A29: what one account does all the time does not stop others."""

    policy = "allow any any any\n"

    def test_a_toggling_subscriber_gets_what_it_may_and_others_all(self):
        bob = self.client("bob")
        self.ok(self.create(bob, "n"))
        steady, toggling = self.client("eve"), self.client("dan", "one")
        second = self.client("dan", "two")
        for client, name in ((steady, "eve"), (toggling, "dan")):
            self.ok(self.subscribe(client, name, "n"))
        for number in range(30):
            away = number % 3 == 0
            show = "dnd" if number % 2 else "away"
            state = "<priority>-1</priority>" if away else f"<show>{show}</show>"
            toggling.raw.send(f"<presence>{state}</presence>")
            toggling.ask("get", f"<query xmlns='{INFO}'/>")
            self.ok(self.publish(bob, "n", f"item-{number}-"))
            for client in (steady, second):
                client.take(rf"<message[^>]*>(?:(?!</message>).)*item-{number}-", 20)
            if not away:
                toggling.take(rf"<message[^>]*>(?:(?!</message>).)*item-{number}-", 20)
        # An account that comes and goes: each of its sessions, and none that left.
        second.close()
        third = self.client("dan", "three")
        toggling.raw.send("<presence type='unavailable'/>")
        # A request to the broker would log in again.
        account = f"dan@{DOMAIN}"
        toggling.ask("get", "<q xmlns='urn:q'/>", account)
        self.ok(third.ask("get", f"<query xmlns='{INFO}'/>"))
        self.ok(self.publish(bob, "n", "late"))
        third.take(r"<message[^>]*>(?:(?!</message>).)*'late'", 20)
        toggling.ask("get", "<q xmlns='urn:q'/>", account)
        self.assertNotIn("'late'", toggling.raw.seen)

    def test_creation_order_after_changes(self):
        bob = self.client("bob")
        self.ok(self.create(bob, "n"))
        ids = [f"i{number}" for number in range(20)]
        for item in ids + ["i3", "i11", "i3"]:
            self.ok(self.publish(bob, "n", item))

        def listed():
            answer = self.ok(bob.pubsub(
                "get", "<items node='n'/><order xmlns='urn:xmpp:order-by:1' by='creation'/>"))
            return re.findall(r"<item id='(\w+)'", answer)

        self.assertEqual(listed(), ids)
        self.ok(bob.pubsub("set", "<retract node='n'><item id='i4'/></retract>"))
        self.ok(self.publish(bob, "n", "i5"))
        self.ok(self.publish(bob, "n", "i4"))
        self.assertEqual(listed(), [item for item in ids if item != "i4"] + ["i4"])


if __name__ == "__main__":
    unittest.main()
