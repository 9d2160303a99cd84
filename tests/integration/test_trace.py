# tests/integration/test_trace.py: why an account did or did not get an item, and what goes on.
"""`gridctl trace` says what really happened: each answer is held against what the client saw."""

import json
import threading
import time
import unittest

from gridd import DOMAIN, Operated
from topic import PUBSUB, Topic

POLICY = """\
allow group makers to discover, create, publish on *
allow group readers to discover, subscribe, retrieve on alerts
"""


class GridCase(unittest.TestCase):
    def setUp(self):
        settings = {"accounts.auto_approve": "true", "pubsub.access_open": "true"}
        self.server = Operated(POLICY, settings).start()
        self.addCleanup(self.server.close)
        self.bundles = {}
        for name, group in (("maker", "makers"), ("reader", "readers"), ("guest", "guests")):
            self.bundles[name] = self.server.authority.client(f"{name}@{DOMAIN}")
            self.server.admin_ctl("accounts", "add", f"{name}@{DOMAIN}", "--group", group)
        self.maker = self.log_in("maker")
        said = self.maker.create(access_model="open", max_items=3)
        self.assertEqual(said[0], "ok", said)

    def log_in(self, name):
        topic = Topic(self.server, self.bundles[name])
        self.addCleanup(topic.close)
        topic.raw.send("<presence/>")
        return topic

    def goodbye(self, topic):
        topic.raw.send("</stream:stream>")
        topic.raw.until_closed()

    def trace(self, account, *item, topic="alerts"):
        done = self.server.gridctl(
            "--json", "trace", f"{account}@{DOMAIN}", topic, *item, identity=self.server.admin
        )
        answer = json.loads(done.stdout)
        # "unknown": of a session at another member of a cluster, which is to be asked.
        is_refused = answer["verdict"] in ("no", "waits", "unknown")
        self.assertEqual(done.returncode, 1 if is_refused else 0)
        return answer

    def steps(self, answer):
        return {step["step"]: step["ok"] for step in answer["steps"]}

    def publish(self, item):
        self.assertEqual(self.maker.publish(item)[0], "ok")


class Trace(GridCase):
    def until(self, verdict, *question):
        """How far a session is with reading is asked about once a second, and known by its own
        member alone."""
        deadline = time.monotonic() + 20
        while (answer := self.trace(*question))["verdict"] != verdict:
            self.assertLess(time.monotonic(), deadline, answer)
            time.sleep(0.2)
        return answer

    def test_from_the_subscription_to_the_delivery(self):
        self.publish("early")
        answer = self.trace("reader", "early")
        self.assertEqual(answer["verdict"], "no")
        self.assertIn("no subscription", answer["because"])
        reader = self.log_in("reader")
        self.assertEqual(reader.subscribe(f"reader@{DOMAIN}")[0], "ok")
        self.assertEqual(self.trace("reader")["verdict"], "yes")
        answer = self.trace("reader", "early")
        self.assertEqual(answer["verdict"], "no")
        self.assertIn("older than the subscription", answer["because"])

        self.publish("live")
        self.assertEqual(reader.event(), "live")
        answer = self.until("delivered", "reader", "live")
        self.assertEqual(
            self.steps(answer),
            dict.fromkeys(
                ("account", "topic", "policy", "subscription", "item", "recipient", "delivery"),
                True,
            ),
        )
        self.assertEqual(answer["item"]["publisher"], f"maker@{DOMAIN}")
        self.goodbye(reader)
        self.publish("missed")
        answer = self.until("waits", "reader", "missed")
        self.assertIn("next login", answer["because"])
        reader = self.log_in("reader")
        self.assertEqual(reader.event(), "missed")
        self.until("delivered", "reader", "missed")

    def test_what_stands_in_the_way(self):
        reader = self.log_in("reader")
        self.assertEqual(reader.subscribe(f"reader@{DOMAIN}")[0], "ok")
        self.publish("one")
        self.assertEqual(reader.event(), "one")
        for account, item, step, reason in (
            ("stranger", [], "account", "there is no account"),
            ("guest", [], "policy", "default deny"),
            ("reader", ["none"], "item", "never published, or was retracted"),
        ):
            answer = self.trace(account, *item)
            self.assertEqual(answer["verdict"], "no")
            self.assertIs(self.steps(answer)[step], False, answer)
            self.assertIn(reason, answer["because"])
        self.assertIn("no topic", self.trace("reader", topic="nowhere")["because"])
        self.server.admin_ctl("topics", "disable", "alerts")
        self.assertIn("switched the topic off", self.trace("reader")["because"])
        self.server.admin_ctl("topics", "enable", "alerts")
        self.server.admin_ctl("accounts", "disable", f"reader@{DOMAIN}")
        answer = self.trace("reader")
        self.assertIs(self.steps(answer)["account"], False)
        self.assertIn("disabled", answer["because"])
        done = self.server.gridctl(
            "trace", f"reader@{DOMAIN}", "alerts", identity=self.server.admin
        )
        self.assertRegex(done.stdout, r"(?m)^account +no +reader@")
        done = self.server.gridctl(
            "trace", f"reader@{DOMAIN}", "alerts", identity=self.bundles["maker"]
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("administrators", done.stderr)

    def test_a_switch_of_the_subscription(self):
        reader = self.log_in("reader")
        self.assertEqual(reader.subscribe(f"reader@{DOMAIN}")[0], "ok")
        said = reader.pubsub(
            "set",
            f"<options node='alerts' jid='reader@{DOMAIN}'><x xmlns='jabber:x:data' type='submit'>"
            f"<field var='FORM_TYPE'><value>{PUBSUB}#subscribe_options</value></field>"
            "<field var='pubsub#deliver'><value>0</value></field></x></options>",
        )
        self.assertEqual(said[0], "ok", said)
        answer = self.trace("reader")
        self.assertIs(self.steps(answer)["subscription"], False)
        self.assertIn("pubsub#deliver", answer["because"])


class Top(GridCase):
    """Rates from two looks at the server."""

    def test_what_happens_between_two_looks(self):
        over = threading.Event()

        def publish():
            number = 0
            while not over.is_set():
                self.publish(f"i{number}")
                number += 1

        thread = threading.Thread(target=publish)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(over.set)
        with self.server.at(self.maker.raw):   # each member counts for itself
            shown = self.server.admin_json("top", "--once", "--interval", "1")
            text = self.server.admin_ctl("top", "--once", "--interval", "0.5")
        self.assertGreater(shown["per_second"]["publishes"], 0)
        self.assertGreater(shown["per_second"]["stanzas_in"], 0)
        self.assertEqual(shown["topics"][0]["topic"], "alerts")
        self.assertGreater(shown["topics"][0]["publishes"], 0)
        self.assertEqual(shown["accounts"][0]["account"], f"maker@{DOMAIN}")
        self.assertEqual(shown["sessions"]["all"], 1)
        self.assertTrue(shown["writable"])
        self.assertRegex(text, r"per second +publishes [0-9.]+")
        self.assertRegex(text, r"(?m)^alerts +[0-9.]+$")
        done = self.server.gridctl("top", "--once", identity=self.bundles["maker"])
        self.assertEqual(done.returncode, 1)
        done = self.server.gridctl("top", "--interval", "0", identity=self.server.admin)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
