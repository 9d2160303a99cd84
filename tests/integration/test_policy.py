# tests/integration/test_policy.py: the policy over real streams: attributes, time, who is cut.
"""Sessions of one account come from 127.0.0.1 and 127.0.0.2: the loopback's own networks."""

import json
import re
import time
import unittest

from gridd import CONTROLLER, DOMAIN, Operated
from topic import Topic

ALL = "allow any any any\n"


class Policy(unittest.TestCase):
    def setUp(self):
        self.server = Operated(ALL, {"accounts.auto_approve": "true"}).start()
        self.addCleanup(self.server.close)
        self.bundles = {}

    def bundle(self, name):
        if name not in self.bundles:
            self.bundles[name] = self.server.authority.client(f"{name}@{DOMAIN}")
        return self.bundles[name]

    def client(self, name, resource="raw", source="127.0.0.1", node="alerts"):
        topic = Topic(self.server, self.bundle(name), node, resource, source)
        self.addCleanup(topic.close)
        return topic

    def install(self, text):
        self.server.admin_ctl("policy", "set", "-", stdin=text)

    def topic_with_reader(self):
        """A provider with its topic, and a reader who subscribed to it."""
        provider, reader = self.client("provider"), self.client("reader", "inside")
        self.assertEqual(provider.create(access_model="authorize")[0], "ok")
        self.assertEqual(
            provider.ask(
                "set",
                f"<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><affiliations "
                f"node='alerts'><affiliation jid='reader@{DOMAIN}' affiliation='member'/>"
                "</affiliations></pubsub>",
            )[0],
            "ok",
        )
        self.assertEqual(reader.subscribe(f"reader@{DOMAIN}")[0], "ok")
        return provider, reader

    def told_of_removal(self, reader):
        """XEP-0060 §12.14."""
        reader.take(r"<subscription\b(?=[^>]*\bsubscription='none')[^>]*>", 10)

    def test_s45_s46_a_network_decides_for_each_session_at_requests_and_deliveries(self):
        provider, inside = self.topic_with_reader()
        outside = self.client("reader", "outside", "127.0.0.2")
        self.assertEqual(outside.ping(), "ok")
        self.assertEqual(outside.pubsub("get", "<subscriptions/>")[0], "ok")
        provider.publish("both")
        self.assertEqual(inside.event(), "both")
        self.assertEqual(outside.event(), "both")
        self.install(
            "deny any subscribe, retrieve alerts network 127.0.0.2/32\n"
            "deny any publish any network 127.0.0.2, ::1/128\n" + ALL
        )
        provider.publish("one")
        self.assertEqual(inside.event(), "one")
        self.assertEqual(outside.ping(), "ok")
        self.assertNotIn("one", outside.raw.seen)
        self.assertEqual(outside.items(), "forbidden")
        self.assertEqual(inside.items(), ["both", "one"])
        self.assertEqual(outside.subscribe(f"reader@{DOMAIN}/outside")[0], "forbidden")
        abroad = self.client("provider", "abroad", "127.0.0.2")
        self.assertEqual(abroad.publish("never")[0], "forbidden")
        # The subscription is the account's, and a session that comes later is asked about, too.
        late = self.client("reader", "late", "127.0.0.2")
        self.assertEqual(late.pubsub("get", "<subscriptions/>")[0], "ok")
        provider.publish("two")
        self.assertEqual(inside.event(), "two")
        self.assertEqual(late.ping(), "ok")
        self.assertNotIn("<item", late.raw.seen)
        self.install(ALL)
        provider.publish("three")
        for session in (inside, outside, late):
            self.assertEqual(session.event(), "three")

    def test_s45_what_was_missed_is_not_replayed_to_a_session_that_may_not_have_it(self):
        provider, inside = self.topic_with_reader()
        inside.close()
        self.install("deny any subscribe, retrieve alerts network 127.0.0.2\n" + ALL)
        provider.publish("missed")
        outside = self.client("reader", "outside", "127.0.0.2")
        self.assertEqual(outside.pubsub("get", "<subscriptions/>")[0], "ok")
        time.sleep(0.5)
        self.assertEqual(outside.ping(), "ok")
        self.assertNotIn("missed", outside.raw.seen)

    def test_s45_issuer_by_name_and_by_fingerprint(self):
        provider, _ = self.topic_with_reader()
        account = self.server.admin_json("accounts", "show", f"provider@{DOMAIN}")
        issuer = account["certificate"]["issuer"]
        anchor = account["certificate"]["anchor"]
        self.assertTrue(issuer)
        for value, expected in (
            (issuer, "ok"), (anchor, "ok"), (anchor[:12] + "*", "ok"), ("CN=Another", "forbidden")
        ):
            self.install(f'allow any publish alerts issuer "{value}"\n')
            self.assertEqual(provider.publish("x")[0], expected, value)

    def test_s45_the_type_of_a_topic_at_creation_and_when_it_changes(self):
        self.install(
            "deny any create any type urn:secret:*\nallow any create,publish,manage any\n"
            "allow any subscribe any type urn:open\n"
        )
        owner, reader = self.client("owner", node="a"), self.client("reader", node="a")
        self.assertEqual(owner.create(type="urn:secret:x")[0], "forbidden")
        self.assertEqual(owner.create(type="urn:open", access_model="authorize")[0], "ok")
        self.assertEqual(owner.subscribe(f"owner@{DOMAIN}")[0], "ok")
        self.assertEqual(reader.subscribe(f"reader@{DOMAIN}")[0], "ok")
        # Nor does a topic become what it could not have been made.
        for kind, expected in (("urn:secret:x", "forbidden"), ("urn:closed", "ok")):
            form = (
                "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
                "http://jabber.org/protocol/pubsub#node_config</value></field>"
                f"<field var='pubsub#type'><value>{kind}</value></field></x>"
            )
            self.assertEqual(
                owner.ask(
                    "set",
                    "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>"
                    f"<configure node='a'>{form}</configure></pubsub>",
                )[0],
                expected,
            )
        self.told_of_removal(owner)

    def test_s46_s80_a_change_cuts_a_live_subscription_at_once_and_says_so(self):
        provider, reader = self.topic_with_reader()
        mark = self.server.log_mark()
        self.install(f"deny client reader subscribe any\n{ALL}")
        provider.publish("after")
        self.told_of_removal(reader)
        self.server.wait_log(r"what=swept removed=1\b", mark)
        self.assertEqual(reader.ping(), "ok")
        self.assertNotIn("after", reader.raw.seen)
        # New rights do not bring it back: the client subscribes again.
        self.install(ALL)
        provider.publish("again")
        self.assertEqual(reader.ping(), "ok")
        self.assertNotIn("again", reader.raw.seen)
        self.assertEqual(reader.subscribe(f"reader@{DOMAIN}")[0], "ok")
        provider.publish("third")
        self.assertEqual(reader.event(), "third")

    def test_s46_a_time_window_closes_by_itself_on_live_sessions(self):
        provider, reader = self.topic_with_reader()
        now = time.time()
        end = (int(now) // 60 + 1) * 60
        if end - now < 8:   # time to see it open
            end += 60
        closing = time.gmtime(end)
        opened = time.gmtime(end - 3600)
        window = time.strftime("%H:%M", opened) + "-" + time.strftime("%H:%M", closing)
        self.install(
            f"allow client reader subscribe alerts time daily {window}\n"
            "deny client reader subscribe any\n" + ALL
        )
        provider.publish("open")
        self.assertEqual(reader.event(), "open")
        shown = self.server.admin_json("policy", "show")
        self.assertEqual(
            shown["next_change"], time.strftime("%Y-%m-%dT%H:%M:00.000Z", closing)
        )
        reader.take(r"<subscription\b(?=[^>]*\bsubscription='none')[^>]*>", end - time.time() + 5)
        self.assertGreaterEqual(time.time(), end)
        self.assertEqual(reader.subscribe(f"reader@{DOMAIN}")[0], "forbidden")
        audit = self.server.admin_json("audit", "--decision", "info")
        self.assertIn("policy-window", json.dumps(audit))

    def test_s74_versions_rollback_test_and_dry_run_by_gridctl(self):
        provider, reader = self.topic_with_reader()
        cut = f"deny client reader subscribe any\n{ALL}"
        path = self.server.folder + "/next"
        with open(path, "w", encoding="utf-8") as file:
            file.write(cut)
        dry = self.server.admin_json("policy", "dry-run", path)
        self.assertEqual(
            [(c["kind"], c["jid"], c["topic"], c["online"]) for c in dry["cuts"]],
            [("subscription", f"reader@{DOMAIN}", "alerts", True)],
        )
        self.assertIn("would cut 1", self.server.admin_ctl("policy", "dry-run", path))
        provider.publish("still")
        self.assertEqual(reader.event(), "still")
        self.install(cut)
        self.told_of_removal(reader)
        done = self.server.gridctl(
            "--json", "policy", "test", "--client", f"reader@{DOMAIN}", "--topic", "alerts",
            "--operation", "subscribe", identity=self.server.admin,
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(done.stdout, done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual((answer["allowed"], answer["line"]), (False, 1))
        self.assertIn(f"the client is reader@{DOMAIN}", answer["why"])
        versions = self.server.admin_json("policy", "versions")["versions"]
        self.assertEqual([v["version"] for v in versions], [2, 1])
        self.assertEqual(versions[0]["changed_by"], f"admin@{DOMAIN}")
        without = self.server.gridctl("policy", "rollback", identity=self.server.admin)
        self.assertEqual(without.returncode, 2)
        self.assertIn("gridctl policy versions", without.stderr)
        self.server.admin_ctl("policy", "rollback", "1")
        self.assertEqual(self.server.admin_ctl("policy", "show"), ALL)
        self.assertEqual(reader.subscribe(f"reader@{DOMAIN}")[0], "ok")
        imagined = self.server.admin_json(
            "policy", "test", "--client", f"new@{DOMAIN}", "--group", "g", "--topic", "t",
            "--operation", "publish", "--network", "10.0.0.1", "--time", "2026-11-07T12:00:00Z",
            "--device", "d",
        )
        self.assertEqual((imagined["allowed"], imagined["network"]), (True, "10.0.0.1"))

    def test_s74_a_refused_text_leaves_the_policy_as_it_was(self):
        path = self.server.folder + "/bad"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{ALL}allow any any any network 10.0.0.1/8\n")
        done = self.server.gridctl("policy", "set", path, identity=self.server.admin)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, rf"{re.escape(path)}:2:27: expected a network without bits")
        self.assertEqual(self.server.admin_ctl("policy", "show"), ALL)

    def test_s74_no_policy_locks_the_administrator_out(self):
        self.install("deny any any any\ndeny group administrators any any\n")
        self.install(ALL)
        self.assertEqual(self.client("someone").create()[0], "ok")


class DeviceTypes(unittest.TestCase):
    def test_s45_the_device_type_of_the_registration_decides(self):
        server = Operated("allow any create,publish any device probe-*\n").start()
        self.addCleanup(server.close)
        for name, device, expected in (
            ("a", "probe-1", "ok"), ("b", "printer", "forbidden"), ("c", "", "forbidden")
        ):
            topic = Topic(server, server.authority.client(f"{name}@{DOMAIN}"), name)
            self.addCleanup(topic.close)
            parameter = f"<param name='deviceType'>{device}</param>"
            registered = topic.ask(
                "get",
                "<grid xmlns='gi' type='request'><AccountQuery "
                "xmlns='com.domain.gi.gcl.Controller'><register>"
                f"{parameter if device else ''}</register></AccountQuery></grid>",
                to=CONTROLLER,
            )
            self.assertEqual(registered[0], "ok", registered[1])
            server.admin_ctl("accounts", "approve", f"{name}@{DOMAIN}")
            self.assertEqual(topic.create()[0], expected, device)


if __name__ == "__main__":
    unittest.main()
