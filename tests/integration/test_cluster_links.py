# tests/integration/test_cluster_links.py: members that reach etcd and not each other, a leader that
# is revoked, an etcd that refuses writes, and members that start and take no clients yet.
import http.client
import json
import os
import re
import shutil
import signal
import socket
import tempfile
import threading
import time
import types
import unittest

from certs import Authority
from cluster.etcd import is_installed
from cluster.members import Cluster
from gridd import DOMAIN
from raw import PATIENCE
from revoking import free_port
from talker import Talker, form
from test_cluster_hardening import revoke
from websocket import WebSocket

WAIT_SECONDS = 60   # on a machine that has others to serve
ALL = "allow any any any\n"
OPEN = form("node_config", publish_model="open")

needs_etcd = unittest.skipUnless(is_installed(), "etcd is not installed (conf/install-deps --test)")


def until(condition, what):
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.05)
    return found


class Linked(unittest.TestCase):
    """Three members that are linked to each other at the begin of each test."""

    more = {}

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(
            policy=ALL, settings={"accounts.auto_approve": "true"}, **cls.more
        )
        cls.addClassCleanup(cls.cluster.close)
        cls.prepare()
        cls.cluster.start()

    @classmethod
    def prepare(cls):
        pass

    def setUp(self):
        self.linked()

    def linked(self):
        members = self.cluster.members
        until(lambda: len(found := self.cluster.status().values()) == len(members) and all(
            one["linked"] or one["self"] for status in found for one in status["members"]
        ), self.cluster.tails)
        self.cluster.wait_ready()

    def client(self, name, member, resource="r"):
        talker = Talker(member.c2s, DOMAIN)
        self.addCleanup(lambda: talker.socket.close())
        talker.login(self.cluster.client(name), resource, PATIENCE)
        return talker

    def fetched(self, member, path):
        connection = http.client.HTTPSConnection(
            *member.http, timeout=10, context=self.cluster.admin_context
        )
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def says(self, member, pattern):
        return re.search(pattern, self.fetched(member, "/readyz"))

    def node(self, client):
        name = f"n{time.monotonic_ns()}"
        client.does(f"<create node='{name}'/><configure>{OPEN}</configure>")
        return name


@needs_etcd
class Unlinked(Linked):
    def tearDown(self):
        self.cluster.fabric.mend()

    def test_a_leader_that_lost_one_link_hands_the_lead_to_a_member_that_has_both(self):
        leader = self.cluster.wait_leader()
        cut, third = [one for one in self.cluster if one is not leader]
        client = self.client("ann", cut)
        node = self.node(client)
        mark = leader.log_mark()
        self.cluster.fabric.cut(leader.name, cut.name)
        until(lambda: self.cluster.leader() is third, self.cluster.tails)
        self.assertRegex(leader.log(mark), f"cluster_lead_handed_on .*member={third.name}")
        until(lambda: self.cluster.is_ready(cut), "it serves")
        client.does(client.publish(node, "after", "x"))
        # The lead stays where it is, also when the link is back.
        self.cluster.fabric.mend()
        self.linked()
        time.sleep(4)
        self.assertIs(self.cluster.leader(), third)

    def test_a_leader_without_a_link_is_followed_by_another(self):
        leader = self.cluster.wait_leader()
        others = [one for one in self.cluster if one is not leader]
        client = self.client("ben", others[0])
        node = self.node(client)
        for one in others:
            self.cluster.fabric.cut(leader.name, one.name)
        until(lambda: self.cluster.wait_leader() in others, self.cluster.tails)
        for one in others:
            until(lambda one=one: self.cluster.is_ready(one), "it serves")
        client.does(client.publish(node, "after", "x"))
        until(lambda: self.says(leader, "no connection to the leader of the cluster, m"), "why")
        self.cluster.fabric.mend()
        self.linked()

    def test_a_member_that_does_not_reach_the_leader_says_so(self):
        """Where no third one could lead in its place."""
        leader = self.cluster.wait_leader()
        cut, third = [one for one in self.cluster if one is not leader]
        client = self.client("cat", cut)
        node = self.node(client)
        third.kill9()
        try:
            until(lambda: third.name not in str(leader.cluster_status()["members"]), "its lease")
            mark = cut.log_mark()
            self.cluster.fabric.cut(leader.name, cut.name)
            why = f"no connection to the leader of the cluster, {leader.name}: "
            until(lambda: self.says(cut, why), "/readyz says why")
            self.assertIn("gridd_store_writable 0", self.fetched(cut, "/metrics"))
            answer = client.pubsub("set", client.publish(node, "never", "x"))
            self.assertIn("does not reach the member that leads", answer)
            self.assertRegex(cut.log(mark), f"store_not_writable .*{why}")
            self.assertRegex(cut.log(mark), f"commit_refused .*{why}")
            self.assertIs(self.cluster.wait_leader(), leader)
            self.cluster.fabric.mend()
            until(lambda: self.cluster.is_ready(cut), "it serves again")
            client.does(client.publish(node, "after", "x"))
            self.assertNotIn("never", client.pubsub("get", f"<items node='{node}'/>"))
        finally:
            third.start()

    def test_notices_are_kept_for_a_client_whose_end_was_not_heard(self):
        """The member that ends its subscription takes it for one that is online elsewhere."""
        leader = self.cluster.wait_leader()
        here, there = [one for one in self.cluster if one is not leader]
        ann, dan = self.client("ann", here), self.client("dan", there)
        jid, node = f"dan@{DOMAIN}", self.node(ann)
        self.cluster.wait_same()
        dan.does(f"<subscribe node='{node}' jid='{jid}'/>")
        self.cluster.wait_same()
        mark = here.log_mark()
        self.cluster.fabric.cut(here.name, there.name)
        until(lambda: "cluster_link_down" in here.log(mark), "the loss of the link")
        dan.send("</stream:stream>")
        dan.until_closed(WAIT_SECONDS)
        ann.does(
            f"<subscriptions node='{node}'><subscription jid='{jid}' subscription='none'/>"
            "</subscriptions>", owner=True,
        )
        here.rest("PUT", f"accounts/{jid}/groups", {"groups": ["sensors"]}, seconds=WAIT_SECONDS)
        self.assertIn(f"{jid}/r", str(here.rest("GET", "sessions")), "it is not heard yet")
        self.cluster.fabric.mend()
        self.linked()
        self.cluster.wait_same()
        dan = self.client("dan", leader)
        dan.send("<presence/>")
        told = "<state>enabled</state><group>sensors</group>.*subscription='none'"
        dan.expect(told, WAIT_SECONDS)


@needs_etcd
class Longer(Linked):
    """One of them serves for longer without a word of etcd than the others would."""

    @classmethod
    def prepare(cls):
        cls.cluster[2].settings["cluster.max_staleness_ms"] = "9000"

    def test_the_answer_to_a_revocation_waits_for_as_long_as_the_lost_member_serves(self):
        there = self.cluster[2]
        eve = self.client("eve", there)
        node = self.node(eve)
        self.cluster.wait_same()
        self.cluster.isolate(there.name)
        self.cluster[0].rest("POST", f"accounts/eve@{DOMAIN}/disable", {}, seconds=WAIT_SECONDS)
        self.assertIn("type='wait'", eve.pubsub("get", f"<items node='{node}'/>"))
        self.cluster.fabric.mend()
        self.linked()


@needs_etcd
class Revoked(Linked):
    more = {"etcds": 1, "fabric": False, "tls": False}

    @classmethod
    def prepare(cls):
        folder = tempfile.TemporaryDirectory(prefix="gridd-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.lists = os.path.join(folder.name, "members.crl")
        revoke(cls.cluster.members_authority, cls.lists, [])
        for one in cls.cluster:
            one.settings["cluster.crl"] = cls.lists

    def test_a_leader_whose_certificate_is_revoked_leads_no_more(self):
        leader = self.cluster.wait_leader()
        others = [one for one in self.cluster if one is not leader]
        here, there = self.client("ann", leader, "here"), self.client("ann", others[0], "there")
        node = self.node(there)
        bundle = types.SimpleNamespace(cert=leader.settings["cluster.certificate"])
        mark = leader.log_mark()
        revoke(self.cluster.members_authority, self.lists, [bundle])
        until(lambda: self.cluster.wait_leader() in others, self.cluster.tails)
        until(lambda: self.says(leader, "certificate of this member of the cluster is revoked"), "")
        self.assertIn("cluster_revoked", leader.log(mark))
        self.assertIn("type='error'", here.pubsub("set", here.publish(node, "never", "x")))
        until(lambda: self.cluster.is_ready(others[0]), "it serves")
        there.does(there.publish(node, "after", "x"))
        self.assertNotIn("never", there.pubsub("get", f"<items node='{node}'/>"))


@needs_etcd
class Refusing(Linked):
    more = {"etcds": 1, "fabric": False, "tls": False}

    def alarm(self, action):
        self.cluster.etcd.all[0].ask(
            "/v3/maintenance/alarm", {"action": action, "memberID": "0", "alarm": "CORRUPT"}
        )

    def test_an_etcd_that_takes_no_writes_is_told_in_its_words(self):
        leader = self.cluster.wait_leader()
        other = next(one for one in self.cluster if one is not leader)
        client = self.client("ann", other)
        node = self.node(client)
        self.alarm("ACTIVATE")
        try:
            trial = threading.Thread(
                target=client.pubsub, args=("set", client.publish(node, "one", "x"))
            )
            trial.start()
            until(lambda: self.says(leader, "takes no changes: .*corrupt cluster"), "etcd's words")
            trial.join()
            until(lambda: self.says(other, "did not answer changes"), "the other one says it")
        finally:
            self.alarm("DEACTIVATE")
        until(lambda: self.cluster.is_ready(leader), "it serves again")
        until(lambda: "type='result'" in client.pubsub("set", client.publish(node, "two", "x")),
              "changes go on")
        until(lambda: self.cluster.is_ready(other), "it serves again")

    def test_a_member_without_any_link_says_why_of_each(self):
        late = self.cluster[2]
        good = late.settings["cluster.ca"]
        late.kill9()
        late.settings["cluster.ca"] = self.cluster.authority.path   # no link comes up
        late.settings["listen.health"] = f"127.0.0.1:{(port := free_port())}"
        mark = late.log_mark()
        try:
            late.spawn()
            line = late.wait_log("cluster_no_link", mark, WAIT_SECONDS)
            for other in self.cluster.members[:2]:
                address = other.settings["cluster.address"]
                self.assertRegex(line, rf"{other.name} \({address}\): \S+")
            self.assertIn("certificate", line)
            found = until(lambda: self.probe(port), "probes are answered")
            self.assertIn("no connection to any other member of the cluster: m", found)
            for other in self.cluster.members[:2]:
                self.assertIn(f"{other.name} ({other.settings['cluster.address']}): ", found)
        finally:
            late.kill9()
            late.settings["cluster.ca"] = good
            del late.settings["listen.health"]
            late.start()
        self.linked()
        self.assertNotIn("no connection to any other", self.fetched(late, "/readyz"))

    @staticmethod
    def probe(port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().read().decode()
        except OSError:
            return ""
        finally:
            connection.close()

    def test_members_that_trust_other_cas_for_clients_are_told(self):
        def warnings():
            return [status["warnings"] for status in self.cluster.status().values()]

        self.assertEqual(warnings(), [[], [], []])
        one = self.cluster[2]
        own = os.path.join(one.folder, "clients.pem")
        kept = one.settings["tls.client_ca"]
        shutil.copy(kept, own)
        one.stop()
        one.settings["tls.client_ca"] = own
        one.start()
        self.linked()
        self.assertEqual(warnings(), [[], [], []], "the same CAs in another file")
        other = Authority(os.path.join(one.folder, "other"), "other CA")
        with open(own, "ab") as file, open(other.path, "rb") as more:
            file.write(more.read())
        one.process.send_signal(signal.SIGHUP)
        try:
            until(lambda: all(warnings()), warnings)
            words = "other CAs are trusted for clients at {} than at {}: "
            for name, at in (("m0", "m2"), ("m1", "m2"), ("m2", "m0, m1")):
                self.assertIn(words.format(at, name), self.cluster.status()[name]["warnings"][0])
            said = one.admin_ctl("cluster", "status")
            self.assertIn("\nwarning: " + words.format("m0, m1", "m2"), said)
            report = json.loads(one.gridctl("--json", "doctor", identity=one.admin).stdout)
            lines = [line for line in report["checks"] if "other CAs are trusted" in line["text"]]
            self.assertEqual([line["state"] for line in lines], ["warn"], report)
        finally:
            one.stop()
            one.settings["tls.client_ca"] = kept
            one.start()
        until(lambda: warnings() == [[], [], []], warnings)

    def test_a_drain_sends_clients_only_to_members_whose_ports_are_open(self):
        late = self.cluster[2]
        good = late.settings["cluster.ca"]
        late.kill9()
        late.settings["cluster.ca"] = self.cluster.authority.path   # no link comes up
        try:
            until(lambda: "m2" not in str(self.cluster[1].cluster_status()["members"]), "its lease")
            late.spawn()
            until(lambda: "m2" in str(self.cluster[1].cluster_status()["members"]), "it joins")
            clients = [self.client(f"u{number}", self.cluster[1]) for number in range(4)]
            self.cluster[1].admin_ctl("cluster", "drain")
            sent = [one.expect("<see-other-host[^>]*>([^<]*)<", WAIT_SECONDS) for one in clients]
            for found in sent:   # the late one may be among them, as soon as its own are open
                host, port = found.group(1).rsplit(":", 1)
                socket.create_connection((host, int(port)), 5).close()
        finally:
            late.kill9()
            late.settings["cluster.ca"] = good
            self.cluster[1].admin_ctl("cluster", "join")
            late.start()

    def test_a_drain_sends_no_client_of_http_to_a_port_of_xmpp(self):
        member = self.cluster[1]
        web = WebSocket(member.http, DOMAIN, self.cluster.client("web"))
        self.addCleanup(web.socket.close)
        web.login()
        member.admin_ctl("cluster", "drain")
        try:
            self.assertEqual(web.stream_error(WAIT_SECONDS), "system-shutdown")
        finally:
            member.admin_ctl("cluster", "join")


if __name__ == "__main__":
    unittest.main()
