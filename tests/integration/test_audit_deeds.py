# tests/integration/test_audit_deeds.py: the audit says what was done, by whom, to whom, and when.
"""One server; bare clients do one thing after the other, and gridctl reads what was noted."""

import calendar
import hashlib
import re
import ssl
import subprocess
import time
import unittest

from certs import Authority
from gridd import BROKER, CONTROLLER, DOMAIN, Operated
from talker import PUBSUB, Talker, form

POLICY = """deny any to any on shut*
allow group everyone to any on *
"""


def seconds_of(stamp):
    """Wall-clock seconds of an XMPP time with milliseconds."""
    whole, _, rest = stamp.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (rest or "0"))


class AuditCase(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Operated(POLICY, {"accounts.auto_approve": "true", **cls.settings})
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    def log_in(self, name, presence=True):
        bundle = self.server.authority.client(f"{name}@{DOMAIN}")
        client = Talker(self.server.c2s, DOMAIN)
        self.addCleanup(client.socket.close)
        client.login(bundle, "r")
        if presence:
            client.presence()
        return client

    def records(self, **query):
        arguments = [f"--{name}={value}" for name, value in query.items()]
        return self.server.admin_json("audit", "--all", *arguments)["records"]

    def verified(self):
        return self.server.admin_json("audit", "verify")

    def until(self, found, seconds=30):
        deadline = time.monotonic() + seconds
        while True:
            result = found()
            if result:
                return result
            self.assertLess(time.monotonic(), deadline, "it never came")
            time.sleep(0.1)

    def row(self, operation, seconds=30, **fields):
        """The newest record of that operation which has these fields; the detail in part."""

        def look():
            for record in self.records(operation=operation):
                if all(
                    value in record[name] if name == "detail" else record[name] == value
                    for name, value in fields.items()
                ):
                    return record
            return None

        return self.until(look, seconds)


class Logins(AuditCase):
    def test_the_certificate_is_on_record(self):
        """At each login, also of two that follow each other at once, and where it is bound."""
        prints = set()
        for _ in range(2):
            bundle = self.server.authority.client(f"shows@{DOMAIN}")
            with open(bundle.cert, encoding="ascii") as file:
                der = ssl.PEM_cert_to_DER_cert(re.search(
                    "-----BEGIN CERT.*?END CERTIFICATE-----\n", file.read(), re.S
                ).group())
            prints.add(hashlib.sha256(der).hexdigest())
            client = Talker(self.server.c2s, DOMAIN)
            client.login(bundle, "r")
            client.presence()
            client.socket.close()
            time.sleep(0.1)
        account = f"shows@{DOMAIN}"
        for one in prints:
            self.row("connect", actor=account, detail=f"certificate {one}, serial ")
        bound = {one for one in prints
                 for record in self.records(account=account)
                 if record["operation"] in ("account-register", "account-bind")
                 and one in record["detail"]}
        self.assertTrue(bound)   # the later one only where its second is another


class GridProtocol(AuditCase):
    """Refusals in the Grid protocol, as by XEP-0060."""

    def test_what_may_not_be_discovered(self):
        provider, other = self.log_in("provides"), self.log_in("shutout")

        def grid(client, kind, operation):
            return client.ask(
                kind, f"<grid xmlns='{'xgrid' if kind == 'set' else 'gi'}' type='request'>"
                f"{operation}</grid>", CONTROLLER,
            )

        topic = "<topicName>secret-1.0</topicName>"
        self.assertIn("type='result'", grid(
            provider, "set", f"<initPublishRequest>{topic}</initPublishRequest>"
        ))
        self.server.admin_ctl(
            "policy", "set", "-", stdin=f"deny client shutout to any on secret*\n{POLICY}"
        )
        self.addCleanup(self.server.admin_ctl, "policy", "set", "-", stdin=POLICY)
        service = "xmlns='com.domain.gi.gcl.controller'"
        asked = {
            "subscribe": ("set", f"<subscribeRequest>{topic}</subscribeRequest>"),
            "unsubscribe": ("set", f"<unsubscribeRequest>{topic}</unsubscribeRequest>"),
            "describe": ("get", f"<DiscoveryQuery {service}><describe><param>secret-1.0</param>"
                         "</describe></DiscoveryQuery>"),
        }
        for kind, operation in asked.values():
            self.assertIn("<item-not-found", grid(other, kind, operation))
        for operation in asked:
            record = self.row(
                operation, topic="secret-1.0", decision="deny", actor=f"shutout@{DOMAIN}/r"
            )
            self.assertIn("deny client shutout", record["rule"])
        # Of another account.
        grid(other, "get", f"<AccountQuery {service}><status><param name='username'>provides"
             "</param></status></AccountQuery>")
        self.row("status", decision="deny", target=f"provides@{DOMAIN}")


class Sessions(AuditCase):
    def test_each_account_whose_sessions_end_is_on_record(self):
        for name in ("ends1", "ends2"):
            self.log_in(name)
        admin = Talker(self.server.c2s, DOMAIN)
        self.addCleanup(admin.socket.close)
        admin.login(self.server.admin, "r")
        admin.presence()
        node = "http://jabber.org/protocol/admin#end-user-session"
        command = f"<command xmlns='http://jabber.org/protocol/commands' node='{node}'"
        session = re.search("sessionid='([^']*)'", admin.ask("set", command + "/>", CONTROLLER))
        values = "".join(f"<value>ends{number}@{DOMAIN}</value>" for number in (1, 2))
        admin.ask(
            "set",
            f"{command} sessionid='{session.group(1)}' action='complete'><x "
            "xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
            "http://jabber.org/protocol/admin</value></field><field var='accountjids'>"
            f"{values}</field></x></command>",
            CONTROLLER,
        )
        for number in (1, 2):
            self.row("end-session", target=f"ends{number}@{DOMAIN}")
            self.assertTrue(
                self.records(operation="end-session", account=f"ends{number}@{DOMAIN}")
            )


class Named(AuditCase):
    def test_an_account_by_any_of_its_spellings(self):
        self.log_in("known")
        self.row("login", actor=f"known@{DOMAIN}")
        for text in ("known", "KNOWN", f"Known@{DOMAIN.upper()}"):
            self.assertTrue(self.records(operation="login", account=text), text)
        self.assertTrue(self.records(account="system"))
        done = self.server.gridctl(
            "audit", "--account", "no body@", identity=self.server.admin
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("is no account", done.stderr)


class Order(AuditCase):
    def test_one_session_lies_in_the_order_of_what_happened(self):
        """found M3: with the times at which it happened"""
        begin = time.time()
        client = self.log_in("pub")
        client.does("<create node='flow'/>")
        client.does(client.publish("flow"))
        until = time.time() + 0.01   # records have milliseconds: the next one has another
        while time.time() < until:
            client.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)
        client.is_refused("<create node='shut1'/>")
        refused_at = time.time()
        client.send("</stream:stream>")
        client.until_closed()
        policy = self.server.folder + "/policy2"
        with open(policy, "w", encoding="utf-8") as file:
            file.write(POLICY + "# again\n")
        self.server.admin_ctl("policy", "set", policy)
        end = time.time()
        account = f"pub@{DOMAIN}"
        self.until(lambda: self.records(operation="disconnect", account=account))
        mine = [
            (record["operation"], record["decision"], record)
            for record in reversed(self.records())
            if record["actor"].startswith(account) or record["operation"] == "policy-set"
        ]
        names = [(operation, decision) for operation, decision, _ in mine][1:]   # the first policy
        expected = [
            ("connect", "info"), ("login", "info"), ("create", "allow"), ("publish", "allow"),
            ("create", "deny"), ("disconnect", "info"), ("policy-set", "allow"),
        ]
        self.assertEqual([name for name in names if name in expected], expected)
        times = [seconds_of(record["time"]) for _, _, record in mine][1:]
        self.assertEqual(times, sorted(times))
        self.assertGreaterEqual(times[0], begin - 0.01)
        self.assertLessEqual(times[-1], end + 0.01)
        denial = self.row("create", topic="shut1")
        self.assertLessEqual(seconds_of(denial["time"]), refused_at + 0.01)
        # --from and --to cut between them, not a second later.
        stamp = denial["time"]
        self.assertTrue(self.records(operation="create", topic="shut1", to=stamp))
        self.assertTrue(self.records(operation="create", topic="shut1", **{"from": stamp}))
        published = self.row("publish", topic="flow")["time"]
        self.assertFalse(self.records(operation="create", topic="shut1", to=published))

    def test_repetitions_are_one_record_with_its_first_and_last_time(self):
        client = self.log_in("often")
        begin = time.time()
        for _ in range(5):
            client.is_refused("<create node='shut2'/>")
        client.does("<create node='between'/>")
        for _ in range(5):
            client.is_refused("<create node='shut2'/>")
        end = time.time()
        counted = self.until(
            lambda: sum(r["count"] for r in self.records(topic="shut2")) == 10
            and self.records(topic="shut2")
        )
        for record in counted:
            self.assertLessEqual(begin - 0.01, seconds_of(record["time"]))
            self.assertLessEqual(record["time"], record["last"])
            self.assertLessEqual(seconds_of(record["last"]), end + 0.01)
        # The first refusal stands before the change that came after it.
        order = [
            record["topic"]
            for record in reversed(self.records(account=f"often@{DOMAIN}", operation="create"))
        ]
        self.assertLess(order.index("shut2"), order.index("between"))


class Deeds(AuditCase):
    def test_each_act_of_a_client_has_its_name_target_and_detail(self):
        """found M4"""
        owner, desk = self.log_in("owner"), self.log_in("desk")
        whom = f"desk@{DOMAIN}"
        owner.does(
            "<create node='room'/><configure>" + form("node_config", access_model="authorize")
            + "</configure>"
        )
        self.row("create", topic="room", detail="pubsub#access_model=authorize")
        owner.does(owner.publish("room", item="one"))
        owner.does(f"<retract node='room'><item id='one'/></retract>")
        self.row("retract", topic="room", detail="one")
        owner.does(
            "<configure node='room'>" + form("node_config", title="Room") + "</configure>",
            owner=True
        )
        self.row("configure", topic="room", detail="pubsub#title=Room")
        for answer, name in (("false", "subscription-deny"), ("true", "subscription-approve")):
            desk.does(f"<subscribe node='room' jid='{whom}'/>")
            asked = owner.expect(r"var='pubsub#subid'.*?<value>([^<]*)</value>").group(1)
            owner.send(
                f"<message to='{BROKER}'><x xmlns='jabber:x:data' type='submit'>"
                f"<field var='FORM_TYPE'><value>{PUBSUB}#subscribe_authorization</value></field>"
                f"<field var='pubsub#subid'><value>{asked}</value></field>"
                "<field var='pubsub#node'><value>room</value></field>"
                f"<field var='pubsub#subscriber_jid'><value>{whom}</value></field>"
                f"<field var='pubsub#allow'><value>{answer}</value></field></x></message>"
            )
            self.row(name, topic="room", target=whom, actor=f"owner@{DOMAIN}/r")
        desk.does(
            f"<options node='room' jid='{whom}'>"
            + form("subscribe_options", digest="1") + "</options>"
        )
        self.row("subscription-options", topic="room", detail="pubsub#digest=1")
        desk.does(f"<unsubscribe node='room' jid='{whom}'/>")
        self.row("unsubscribe", topic="room", actor=f"{whom}/r")
        for state, name in (("subscribed", "owner-subscribe"), ("none", "owner-unsubscribe")):
            entry = f"<subscription jid='{whom}' subscription='{state}'/>"
            owner.does(f"<subscriptions node='room'>{entry}</subscriptions>", owner=True)
            self.row(name, topic="room", target=whom)
        owner.does(
            f"<affiliations node='room'><affiliation jid='{whom}' affiliation='member'/>"
            f"<affiliation jid='eve@{DOMAIN}' affiliation='outcast'/></affiliations>", owner=True
        )
        self.row("affiliation-set", topic="room", target=whom, detail="none becomes member")
        self.row(
            "affiliation-set", topic="room", target=f"eve@{DOMAIN}", detail="none becomes outcast"
        )
        self.assertTrue(
            any(r["operation"] == "affiliation-set" for r in self.records(account=f"eve@{DOMAIN}"))
        )
        owner.does("<purge node='room'/>", owner=True)
        self.row("purge", topic="room")
        owner.does(
            "<create node='set'/><configure>" + form("node_config", node_type="collection")
            + "</configure>"
        )
        for verb in ("associate", "dissociate"):
            answer = owner.ask(
                "set",
                f"<pubsub xmlns='{PUBSUB}#owner'><collection node='set'><{verb} node='room'/>"
                "</collection></pubsub>"
            )
            self.assertIn("result", answer)
        self.row("associate", topic="set", detail="room")
        self.row("dissociate", topic="set", detail="room")
        owner.does("<delete node='room'/>", owner=True)
        self.row("delete", topic="room", actor=f"owner@{DOMAIN}/r")
        # Refusals have the same names.
        owner.does("<create node='kept'/>")
        desk.is_refused("<delete node='kept'/>", owner=True)
        self.row("delete", topic="kept", decision="deny")
        self.assertTrue(self.verified()["ok"])

    def test_publishes_that_were_not_taken_are_on_record(self):
        """found M4"""
        owner = self.log_in("writer")
        owner.does(
            "<create node='typed'/><configure>"
            + form("node_config", type="urn:x:other", max_payload_size="1000") + "</configure>"
        )
        owner.is_refused(owner.publish("typed"))
        self.row("publish", topic="typed", decision="deny", rule="invalid-payload")
        owner.is_refused(owner.publish("typed", "x" * 2000))
        self.row("publish", topic="typed", decision="deny", rule="payload-too-big")
        owner.does("<create node='off'/>")
        self.server.admin_ctl("topics", "disable", "off")
        owner.is_refused(owner.publish("off"))
        self.row("publish", topic="off", decision="deny", rule="not-allowed")

    def test_subtopics_and_a_second_provider_break_no_chain(self):
        """found A2: the record of the second provider is there"""
        def grid(client, inner):
            answer = client.ask("set", f"<grid xmlns='xgrid' type='request'>{inner}</grid>",
                                CONTROLLER)
            self.assertIn("result", answer)
            return answer

        begin = "<initPublishRequest><capability><name>Poc</name></capability>"
        carol, dave = self.log_in("carol"), self.log_in("dave")
        grid(carol, begin + "<filterSupport><attribute name='ip' type='address'/></filterSupport>"
                            "</initPublishRequest>")
        self.until(lambda: "result" in carol.ask(
            "get", "<query xmlns='http://jabber.org/protocol/disco#info' node='Poc#subtopics'/>"
        ).partition("id=")[0] or "identity" in carol.ask(
            "get", "<query xmlns='http://jabber.org/protocol/disco#info' node='Poc#subtopics'/>"
        ))
        grid(dave, begin + "</initPublishRequest>")
        self.row("affiliation-set", topic="Poc", target=f"dave@{DOMAIN}",
                 detail="none becomes publisher")
        self.row("subscribe", topic="Poc#subtopics", target=f"dave@{DOMAIN}")
        self.row("initPublish", topic="Poc", actor=f"dave@{DOMAIN}/r")
        grid(carol, "<subscribeRequest><topicName>Poc</topicName>"
                    "<filter>ip = '192.0.2.7'</filter></subscribeRequest>")
        self.assertRegex(
            self.row("subtopic-create", detail="192.0.2.7")["topic"], r"^Poc/[0-9a-f]{16}$"
        )
        verified = self.verified()
        self.assertTrue(verified["ok"], verified)
        self.assertEqual(verified["lost_count"], 0)


class ByThePolicy(AuditCase):
    def set_policy(self, text):
        path = self.server.folder + "/next-policy"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.server.admin_ctl("policy", "set", path)

    def test_messages_and_ends_of_subscriptions_are_on_record(self):
        """found M4: also what the grid itself ends"""
        anna, bert = self.log_in("anna"), self.log_in("bert")
        message = f"<message to='bert@{DOMAIN}' type='normal'><body>x</body></message>"
        anna.send(message)
        denied = self.row("message", decision="deny", actor=f"anna@{DOMAIN}/r")
        self.assertTrue(denied["target"].startswith(f"bert@{DOMAIN}"), denied)
        self.set_policy("allow client anna to message client bert\n" + POLICY)
        anna.send(message)
        bert.expect("<body>x</body>")
        self.row("message", decision="allow", actor=f"anna@{DOMAIN}/r")
        anna.does("<create node='news'/>")
        bert.does(f"<subscribe node='news' jid='bert@{DOMAIN}'/>")
        self.set_policy("deny client bert to any on news\n" + POLICY)
        ended = self.row("unsubscribe", topic="news", target=f"bert@{DOMAIN}", actor="system")
        self.assertIn("policy", ended["detail"])
        self.assertTrue(self.verified()["ok"])


class AbsentOwner(AuditCase):
    def test_an_owner_who_was_away_is_asked_at_the_next_login(self):
        owner = self.log_in("landlord")
        owner.does(
            "<create node='house'/><configure>" + form("node_config", access_model="authorize")
            + "</configure>"
        )
        owner.send("</stream:stream>")
        owner.until_closed()
        self.until(lambda: self.records(operation="disconnect", account=f"landlord@{DOMAIN}"))
        guest = f"guest@{DOMAIN}"
        self.log_in("guest").does(f"<subscribe node='house' jid='{guest}'/>")
        owner = self.log_in("landlord", presence=False)
        owner.send("<presence/>")
        asked = owner.expect(
            rf"<message [^>]*from=['\"]{BROKER}['\"][^>]*>.*?subscribe_authorization.*?</message>"
        ).group()
        self.assertIn(f"<value>{guest}</value>", asked)
        self.assertIn("<delay", asked)


class StrangersCase(AuditCase):
    def attempt(self, bundle, authzid=""):
        with Talker(self.server.c2s, DOMAIN) as client:
            client.starttls(bundle)
            client.send_quietly(
                f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' "
                "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
            )
            client.expect(r"<stream:features|<stream:error|</stream:stream>")
            try:
                return client.authenticate(authzid)
            except (AssertionError, OSError):
                return client.seen


class Strangers(StrangersCase):
    def test_logins_that_were_refused_are_on_record(self):
        """found M4: with the reason and the name that was claimed"""
        own = self.server.authority
        foreign = Authority(self.server.folder + "/other", "another CA")
        bundle = foreign.client(f"mallory@{DOMAIN}", trust=own.path)
        self.attempt(bundle)
        seen = self.row("login-refused", decision="deny")
        self.assertTrue(seen["detail"], seen)
        self.assertRegex(seen["address"], r"^127\.0\.0\.1:\d+$")
        good = own.client(f"alice@{DOMAIN}")
        self.attempt(good, f"root@{DOMAIN}")
        self.row("login-refused", target=f"root@{DOMAIN}", decision="deny")
        self.log_in("gone").socket.close()
        self.server.admin_ctl("accounts", "disable", f"gone@{DOMAIN}")
        self.attempt(own.client(f"gone@{DOMAIN}", file="again"))
        self.row("login-refused", target=f"gone@{DOMAIN}")

    def test_requests_by_https_that_were_refused_are_on_record(self):
        """found M4"""
        host, port = self.server.http
        subprocess.run(
            ["curl", "-sk", "--resolve", f"{DOMAIN}:{port}:{host}",
             f"https://{DOMAIN}:{port}/api/v1/status"],
            check=True, stdout=subprocess.DEVNULL, timeout=30
        )
        self.row("rest-refused", rule="certificate-required", detail="GET /api/v1/status")
        self.log_in("user").socket.close()
        user = self.server.authority.client(f"user@{DOMAIN}")
        self.assertNotEqual(self.server.gridctl("status", identity=user).returncode, 0)
        self.row("rest-refused", rule="forbidden", target=f"user@{DOMAIN}", detail="GET /api/v1/")

    def test_a_request_by_https_that_was_refused_is_on_record_once(self):
        """An account that was disabled, and a name without an account."""
        bundles = {name: self.server.authority.client(f"{name}@{DOMAIN}")
                   for name in ("barred", "unknown")}
        self.log_in("barred").socket.close()
        self.server.admin_ctl("accounts", "disable", f"barred@{DOMAIN}")
        for name, bundle in bundles.items():
            host, port = self.server.http
            status = subprocess.run(
                ["curl", "-sk", "--resolve", f"{DOMAIN}:{port}:{host}", "--cert", bundle.cert,
                 "--key", bundle.key, "-o", "/dev/null", "-w", "%{http_code}",
                 f"https://{DOMAIN}:{port}/api/v1/topics"],
                check=True, capture_output=True, text=True, timeout=30
            ).stdout
            self.assertEqual(status, "403")
            self.row("rest-refused", target=f"{name}@{DOMAIN}")
            self.server.stop()   # waiting records are written
            self.server.start()
            (only,) = [record for record in self.records(operation="rest-refused")
                       if record["target"] == f"{name}@{DOMAIN}"]
            self.assertEqual(only["count"], 1)
            self.assertRegex(only["detail"], r"^GET /api/v1/topics: .+")


class ManyStrangers(StrangersCase):
    def test_many_refusals_of_strangers_are_few_records(self):
        """found A11: strangers cannot fill the audit"""
        good = self.server.authority.client(f"bob@{DOMAIN}")
        for i in range(60):
            self.attempt(good, f"name{i}@{DOMAIN}")
        rows = [r for r in self.records(operation="login-refused")]
        self.assertLess(len(rows), 60)
        self.assertTrue(self.verified()["ok"])


class Washing(AuditCase):
    settings = {"audit.keep_bytes": 60_000}

    def test_a_flood_of_publishes_leaves_denials_and_administration_in_place(self):
        """found A11"""
        victim = self.log_in("victim")
        victim.is_refused("<create node='shut-secret'/>")
        self.row("create", topic="shut-secret", decision="deny")
        self.server.admin_ctl("groups", "create", "evidence", "--description", "before the flood")
        washer = self.log_in("washer")
        node = "n" * 900
        washer.does(f"<create node='{node}'/>")
        for batch in range(4):
            many = "".join(
                f"<iq type='set' id='w{batch}-{i}' to='{BROKER}'><pubsub xmlns='{PUBSUB}'>"
                f"{washer.publish(node)}</pubsub></iq>" for i in range(150)
            )
            washer.send(many)
            washer.expect(rf"id=['\"]w{batch}-149['\"]", 60)
        newest = self.records(operation="publish")[0]
        self.assertLess(len(newest["topic"]), 140, "long names are cut")
        self.assertRegex(newest["topic"], r"#[0-9a-f]{16}$")
        self.server.stop()
        self.server.start()   # the audit is cut at the start, and every minute
        self.row("audit-cut", seconds=90)
        self.until(lambda: len(self.records(operation="publish")) < 300)
        denial = self.row("create", topic="shut-secret", decision="deny")
        self.assertEqual(denial["actor"], f"victim@{DOMAIN}/r")
        self.assertTrue(self.records(operation="group-put"))
        self.assertTrue(self.records(operation="policy-set"))
        verified = self.verified()
        self.assertTrue(verified["ok"], verified)
        self.assertGreater(verified["kept"], 2)
        cut = self.server.admin_json("status")["audit"]["cut"]
        self.assertEqual((cut["for"], cut["alarm"]), ("audit.keep_bytes", True))
        self.server.wait_log(r"audit_cut.*audit\.keep_bytes")

    def test_a_flood_of_deeds_at_ones_own_topic_leaves_administration_in_place(self):
        self.server.admin_ctl("groups", "create", "proof", "--description", "before the flood")
        owner = self.log_in("busy")
        owner.does("<create node='busy'/>")
        for batch in range(6):
            many = "".join(
                f"<iq type='set' id='c{batch}-{i}' to='{BROKER}'><pubsub xmlns='{PUBSUB}#owner'>"
                "<configure node='busy'>" + form("node_config", title=f"{batch}-{i}")
                + "</configure></pubsub></iq>" for i in range(150)
            )
            owner.send(many)
            owner.expect(rf"id=['\"]c{batch}-149['\"]", 60)
        self.server.stop()
        self.server.start()
        self.row("audit-cut", seconds=90)
        self.until(lambda: len(self.records(operation="configure")) < 500)
        groups = [record["target"] for record in self.records(operation="group-put")]
        self.assertIn("proof", groups)
        self.assertTrue(self.records(operation="policy-set"))
        self.assertTrue(self.verified()["ok"])


if __name__ == "__main__":
    unittest.main()
