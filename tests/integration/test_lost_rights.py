# tests/integration/test_lost_rights.py: rights that are lost, and rights not had yet.
"""S39, S46, S66: what was kept back, what was sent ahead, and what is filtered, by raw clients."""

import time
import unittest

from gridd import ADMIN, CONTROLLER, DOMAIN, Operated
from topic import Topic

ALL = "allow any any any\n"
OPTIONS = "http://jabber.org/protocol/pubsub#subscribe_options"


def form(kind, **fields):
    inside = f"<field var='FORM_TYPE'><value>{kind}</value></field>" if kind else ""
    for name, values in fields.items():
        values = "".join(f"<value>{value}</value>" for value in values)
        inside += f"<field var='{name.replace('__', '#')}'>{values}</field>"
    return f"<x xmlns='jabber:x:data' type='submit'>{inside}</x>"


class Case(unittest.TestCase):
    policy = ALL

    def setUp(self):
        self.server = Operated(self.policy, {"accounts.auto_approve": "true"}).start()
        self.addCleanup(self.server.close)
        self.bundles = {}

    def client(self, name, resource="raw", source="127.0.0.1", bundle=None):
        if bundle is None and name not in self.bundles:
            self.bundles[name] = self.server.authority.client(f"{name}@{DOMAIN}")
        topic = Topic(
            self.server, bundle or self.bundles[name], "alerts-1.0", resource, source
        )
        self.addCleanup(topic.close)
        return topic

    def install(self, text):
        self.server.admin_ctl("policy", "set", "-", stdin=text)

    def grid(self, client, operation):
        request = f"<grid xmlns='xgrid' type='request'>{operation}</grid>"
        return client.ask("set", request, CONTROLLER)

    def subscribe(self, client, name, **options):
        wanted = f"<options>{form(OPTIONS, **options)}</options>"
        return client.pubsub(
            "set", f"<subscribe node='alerts-1.0' jid='{name}@{DOMAIN}'/>{wanted}"
        )[0]

    def provider(self, more=""):
        provider = self.client("provider")
        answer = self.grid(
            provider,
            "<initPublishRequest><topicName>alerts-1.0</topicName>"
            f"{more}</initPublishRequest>",
        )
        self.assertEqual(answer[0], "ok", answer[1])
        for name in ("reader", "other"):
            self.assertEqual(
                provider.ask(
                    "set",
                    "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><affiliations "
                    f"node='alerts-1.0'><affiliation jid='{name}@{DOMAIN}' affiliation='member'/>"
                    "</affiliations></pubsub>",
                )[0],
                "ok",
            )
        return provider


class LostRights(Case):
    def test_s46_what_a_digest_kept_back_is_not_told_to_who_lost_the_right(self):
        provider = self.provider()
        reader, other = self.client("reader"), self.client("other")
        for client, name in ((reader, "reader"), (other, "other")):
            self.assertEqual(
                self.subscribe(
                    client, name, pubsub__digest=["1"], pubsub__digest_frequency=["6000"]
                ),
                "ok",
            )
        self.assertEqual(provider.publish("kept")[0], "ok")
        began = time.monotonic()
        self.install(f"deny client reader subscribe any\n{ALL}")
        self.assertLess(time.monotonic() - began, 5.9, "too slow to show anything")
        other.take("kept", 30)
        self.assertEqual(reader.ping(), "ok")
        time.sleep(0.5)
        self.assertEqual(reader.ping(), "ok")
        self.assertNotIn("kept", reader.raw.seen)

    def test_s66_a_rule_about_networks_counts_for_what_is_filtered(self):
        self.install(f"deny any subscribe alerts-1.0 network 127.0.0.2/32\n{ALL}")
        provider = self.provider(
            "<filterSupport><attribute name='place' type='string'/></filterSupport>"
            "<serverSideFilter>true</serverSideFilter>"
        )
        inside = self.client("reader", "inside")
        outside = self.client("reader", "outside", "127.0.0.2")
        self.assertEqual(outside.ping(), "ok")
        outside.raw.send("<presence/>")
        inside.raw.send("<presence/>")
        wanted = {"x-grid__filter": ["place = 'A'"]}
        self.assertEqual(self.subscribe(inside, "reader", **wanted), "ok")
        self.assertEqual(outside.ping(), "ok")
        for place in ("A", "B", "A"):
            answer = provider.pubsub(
                "set",
                f"<publish node='alerts-1.0'><item id='at-{place}'><e xmlns='urn:e'>"
                f"<place>{place}</place></e></item></publish>",
            )
            self.assertEqual(answer[0], "ok")
        inside.take("at-A.*at-A", 10)
        self.assertEqual(outside.ping(), "ok")
        self.assertNotIn("at-", outside.raw.seen)
        self.assertNotIn("at-B", inside.raw.seen)


class NewRights(Case):
    policy = "allow group makers any any\nallow any discover any\n"

    def test_s39_what_was_sent_ahead_of_a_login_is_not_done_with_its_rights(self):
        admin = self.client("", bundle=self.server.admin)
        groups = form(
            "", accountjid=[ADMIN], **{"x-grid__group": ["administrators", "makers"]}
        )
        command = (
            "<iq type='set' id='c' to='" + CONTROLLER + "'><command "
            "xmlns='http://jabber.org/protocol/commands' action='complete' "
            f"node='com.domain.gi.gcl.controller#account-group'>{groups}</command></iq>"
        )
        ahead = (
            f"<iq type='set' id='p' to='{CONTROLLER}'><grid xmlns='xgrid' type='request'>"
            "<initPublishRequest><topicName>ahead-1.0</topicName></initPublishRequest>"
            "</grid></iq>"
        )
        admin.raw.send(command + ahead)   # in one piece: read before the stream is ended
        said = admin.raw.until_closed()
        self.assertIn("<reset", said)
        self.assertNotIn("registrationId", said)
        self.assertEqual(
            sorted(self.server.admin_json("accounts", "show", ADMIN)["groups"]),
            ["administrators", "makers"],
        )
        again = self.client("", bundle=self.server.admin)
        describe = (
            "<grid xmlns='gi' type='request'><DiscoveryQuery "
            "xmlns='com.domain.gi.gcl.controller'><describe><param>ahead-1.0</param></describe>"
            "</DiscoveryQuery></grid>"
        )
        self.assertEqual(again.ask("get", describe, CONTROLLER)[0], "item-not-found")
        answer = self.grid(
            again, "<initPublishRequest><topicName>ahead-1.0</topicName></initPublishRequest>"
        )
        self.assertEqual(answer[0], "ok")


if __name__ == "__main__":
    unittest.main()
