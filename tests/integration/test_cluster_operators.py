# tests/integration/test_cluster_operators.py: acts of operators on the members of a cluster, and
# members that hear from nobody.
import subprocess
import threading
import time
import unittest

from cluster.etcd import is_installed
from cluster.members import Cluster, Refused
from gridd import DOMAIN, Operated, binary
from managed import Managed
from policies import EVERYTHING
from raw import PATIENCE
from talker import Talker

WAIT_SECONDS = 40   # on a machine that has others to serve

needs_etcd = unittest.skipUnless(is_installed(), "etcd is not installed (conf/install-deps --test)")


def until(condition, what):
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


@needs_etcd
class Operators(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(settings={"accounts.auto_approve": "true"})
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()
        cls.bundles = {}

    def client(self, name, member):
        if name not in self.bundles:
            self.bundles[name] = self.cluster.client(name)
        talker = Talker(member.c2s, DOMAIN)
        self.addCleanup(lambda: talker.socket.close())
        talker.login(self.bundles[name], "r", PATIENCE)
        talker.presence()
        return talker

    def linked(self):
        """Every member has a link to each other one."""
        def are_linked():
            found = self.cluster.status().values()
            return len(found) == 3 and all(
                one["linked"] or one["self"] for status in found for one in status["members"]
            )
        until(are_linked, "the links")

    def test_a_drained_member_sends_its_clients_to_others_and_takes_them_again(self):
        self.linked()
        member = self.cluster.wait_leader()
        others = [one.settings["cluster.clients"] for one in self.cluster if one is not member]
        client = self.client("drained", member)
        # By another member: over the link.
        by = next(one for one in self.cluster if one is not member)
        by.rest("POST", f"cluster/members/{member.name}/drain", {})
        found = client.expect(
            r"<see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>([^<]*)</see-other-host>",
            WAIT_SECONDS,
        )
        self.assertIn(found.group(1), others)
        until(lambda: not self.cluster.is_ready(member), "it says that it is drained")
        leader = self.cluster.wait_leader(other_than=member)
        self.assertIsNot(leader, member)
        # A client that comes all the same is sent away, too.
        talker = Talker(member.c2s, DOMAIN)
        self.addCleanup(talker.socket.close)
        talker.login(self.bundles["drained"], "late")
        talker.expect("see-other-host", WAIT_SECONDS)
        view = by.rest("GET", "cluster")
        self.assertTrue(next(o for o in view["members"] if o["name"] == member.name)["draining"])
        member.admin_ctl("cluster", "join")
        until(lambda: self.cluster.is_ready(member), "it takes clients again")
        self.client("drained", member)
        acts = {"cluster-drain", "cluster-join"}
        until(
            lambda: acts <= {
                one["operation"] for one in by.rest("GET", "audit?max=100")["records"]
            },
            "the acts are on record",
        )

    def joins(self, *members):
        for one in members:
            one.rest("POST", f"cluster/members/{one.name}/join", {})
        self.cluster.wait_ready()

    def test_drained_members_serve_when_no_other_one_does(self):
        """The last one that was not drained is lost: an upgrade must not end the grid."""
        self.linked()
        first, second, third = self.cluster
        self.addCleanup(self.joins, first, second)
        for one in (first, second):
            one.rest("POST", f"cluster/members/{one.name}/drain", {})
        for one in (first, second):
            until(lambda o=one: not self.cluster.is_ready(o), "it says that it is drained")
        until(lambda: self.cluster.leader() is third, "the third one leads")
        third.kill9()
        begin = time.monotonic()
        for one in (first, second):
            until(lambda o=one: self.cluster.is_ready(o), "it serves again")
        client = self.client("left", first)
        client.does(f"<create node='left-{time.monotonic_ns()}'/>")
        print(f"    drained members serve {time.monotonic() - begin:.1f} s after the other's end")
        # The third one leads again when it is back, and takes the clients.
        third.spawn()
        third.wait_started()
        client.expect("see-other-host", WAIT_SECONDS)
        until(lambda: self.cluster.leader() is third, "it leads again")
        for one in (first, second):
            until(lambda o=one: not self.cluster.is_ready(o), "it says that it is drained")

    def ask_all_at_once(self, act):
        """Each by another one. False: one of them knew of the others in time, and refused."""
        names = [one.name for one in self.cluster]
        answers = []

        def ask(by, name):
            try:
                answers.append(by.rest("POST", f"cluster/members/{name}/{act}", {}))
            except Refused:
                pass

        acts = [
            threading.Thread(target=ask, args=pair)
            for pair in zip(self.cluster, names[1:] + names[:1])
        ]
        for one in acts:
            one.start()
        for one in acts:
            one.join()
        return len(answers) == len(names)

    def test_all_are_drained_at_once(self):
        """Before any of them knows of the others: the grid goes on."""
        self.linked()
        self.addCleanup(self.joins, *self.cluster)
        for _ in range(10):
            if self.ask_all_at_once("drain"):
                break
            self.joins(*self.cluster)
        else:
            self.skipTest("on this machine one is always drained before the others are asked")
        until(
            lambda: all(
                row["draining"] for one in self.cluster for row in one.cluster_status()["members"]
            ), "all are drained",
        )
        for one in self.cluster:
            until(lambda o=one: self.cluster.is_ready(o), "it serves")
        client = self.client("ring", self.cluster[1])
        client.does(f"<create node='ring-{time.monotonic_ns()}'/>")

    def test_all_leave_at_once(self):
        """As where one command is run on all machines: one stays, serves, is sent the others'
        clients, and leaves when another one is back."""
        self.linked()
        clients = {one: self.client(f"of-{one.name}", one) for one in self.cluster}
        self.ask_all_at_once("leave")
        until(
            lambda: sum(one.process.poll() is not None for one in self.cluster) == 2, "two leave"
        )
        (last,) = (one for one in self.cluster if one.process.poll() is None)
        gone = [one for one in self.cluster if one is not last]
        for one in gone:
            clients[one].expect("<see-other-host [^>]*>127.0.0.1:")
            self.assertRegex(one.log(), r"cluster_left .*sessions=.?0")
        stays = last.gridctl("cluster", "leave", identity=self.cluster.admin)
        self.assertNotEqual(stays.returncode, 0)
        self.assertIn(f"{last.name} stays", stays.stderr)
        for one in gone:
            self.assertEqual(one.process.wait(), 0, one.log()[-2000:])
            one.process = None
        until(lambda: self.cluster.is_ready(last), "the last one serves")
        client = self.client("last", last)
        client.does(f"<create node='last-{time.monotonic_ns()}'/>")
        time.sleep(5)   # a member that may leave ends within four seconds
        client.does(f"<create node='last-{time.monotonic_ns()}'/>")
        (is_leaving,) = (
            one["draining"] for one in last.cluster_status()["members"] if one["name"] == last.name
        )
        gone[0].start()
        if is_leaving:   # no member refused to be the last
            client.expect("see-other-host|system-shutdown", WAIT_SECONDS)
            client.socket.close()
            self.assertEqual(last.process.wait(WAIT_SECONDS), 0)
            last.process = None
            last.start()
        gone[1].start()
        self.linked()

    def test_an_empty_name_is_not_taken_for_none(self):
        """As that of a shell's variable that is not set."""
        for act in ("drain", "leave", "promote", "join"):
            done = self.cluster[0].gridctl("cluster", act, "", identity=self.cluster.admin)
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertIn("the name of the member is empty", done.stderr)
        self.assertFalse(self.cluster[0].cluster_status()["draining"])

    def test_a_member_is_promoted(self):
        self.linked()
        old = self.cluster.wait_leader()
        new = next(one for one in self.cluster if one is not old)
        old.admin_ctl("cluster", "promote", new.name)
        until(lambda: self.cluster.leader() is new, "it leads")
        new.rest("POST", "announce", {"text": "it writes"})

    def test_what_cannot_be_done_is_refused(self):
        one = self.cluster[0]
        with self.assertRaises(Refused) as caught:
            one.rest("POST", "cluster/members/nobody/drain", {})
        self.assertEqual(caught.exception.status, 409)
        with self.assertRaises(Refused) as caught:
            one.rest("POST", "cluster/members/m0/dance", {})
        self.assertEqual(caught.exception.status, 404)

    def begin_to_leave(self, member, by):
        """`gridctl cluster leave`, and what it says line by line."""
        (host, port), admin = by.http, self.cluster.admin
        return subprocess.Popen(
            [binary("gridctl"), "--server", f"{host}:{port}", "--ca", admin.ca, "--server-name",
             DOMAIN, "--cert", admin.cert, "--key", admin.key, "cluster", "leave", member.name],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )

    def managed(self, name, member):
        client = Managed(member.c2s, DOMAIN)
        self.addCleanup(client.socket.close)
        self.bundles.setdefault(name, self.cluster.client(name))
        client.login(self.bundles[name], "managed")
        client.enable()
        return client

    def leaving(self, member, by):
        return next(
            (one["leaving"] for one in by.rest("GET", "cluster")["members"]
             if one["name"] == member.name), None,
        )

    def test_a_member_leaves_when_its_clients_are_elsewhere(self):
        self.linked()
        member, by = self.cluster[2], self.cluster[0]
        client = self.managed("lea", member)
        mark = member.log_mark()
        leaving = self.begin_to_leave(member, by)
        self.addCleanup(leaving.kill)
        until(lambda: self.leaving(member, by), "its session is still there")
        # Leaving takes more than a moment, and can be called back.
        time.sleep(5)
        self.assertIsNone(member.process.poll())
        member.admin_ctl("cluster", "join")
        self.assertNotEqual(leaving.wait(WAIT_SECONDS), 0)
        said = leaving.stdout.read()
        self.assertIn("1 sessions and transfers are still there", said)
        self.assertIn("asked to join", said)
        until(lambda: self.cluster.is_ready(member), "it takes clients again")
        # The next time the client goes on elsewhere, and it leaves at once.
        leaving = self.begin_to_leave(member, by)
        self.addCleanup(leaving.kill)
        until(lambda: self.leaving(member, by), "its session is still there")
        again = Managed(by.c2s, DOMAIN)
        self.addCleanup(again.socket.close)
        begin = time.monotonic()
        again.resume(self.bundles["lea"], client)
        self.assertEqual(leaving.wait(WAIT_SECONDS), 0, leaving.stdout.read())
        print(f"    it left {time.monotonic() - begin:.1f} s after its last session")
        self.assertEqual(member.process.wait(WAIT_SECONDS), 0)
        self.assertRegex(member.log(mark), r"cluster_left .*sessions=.?0")
        member.process = None
        member.start()
        self.cluster.wait_ready()

    def test_the_answer_to_a_revocation_comes_when_all_members_follow_it(self):
        """Each time the session at another member is already told its end."""
        self.linked()
        for number in range(3):
            name = f"revoked{number}"
            at = self.cluster[(number + 1) % 3]
            client = self.client(name, at)
            self.cluster[number].rest("POST", "announce", {"text": "behind the registration"})
            self.cluster[number].rest("POST", f"accounts/{name}@{DOMAIN}/disable", {})
            sessions = at.rest("GET", f"sessions?jid={name}@{DOMAIN}")["sessions"]
            self.assertEqual(
                [], [one for one in sessions if one["state"] != "ended" and one["active"]]
            )
            client.expect("<stream:error", WAIT_SECONDS)

    def test_metrics_have_the_cluster(self):
        text = self.cluster[0].ctl("cluster", "status", identity=self.cluster.admin)
        self.assertIn("applied_group", text)

    def test_without_etcd_members_refuse_and_come_back_by_themselves(self):
        member = self.cluster[1]
        client = self.client("patient", member)
        node = f"cut-{time.monotonic_ns()}"
        client.does(f"<create node='{node}'/>")
        for one in self.cluster.etcd.all:
            one.stop()
        try:
            until(lambda: not self.cluster.is_ready(member), "/readyz says that it is cut off")
            answer = client.pubsub("set", client.publish(node, "x", "refused"))
            self.assertIn("type='wait'", answer)
            self.assertIn("<retry-after xmlns='gi#errors'", answer)
            with self.assertRaises(Refused) as caught:
                member.rest("GET", "accounts")
            self.assertEqual(caught.exception.status, 503)
            self.assertEqual(caught.exception.body["code"], "cut-off")
            self.assertTrue(member.rest("GET", "cluster")["cut_off"])
            with self.assertRaises(Refused) as caught:
                member.rest("POST", "cluster/members/m0/promote", {})
            self.assertEqual(caught.exception.status, 409)
            self.assertIn("etcd is not heard", str(caught.exception))
            stranger = Talker(member.c2s, DOMAIN)
            self.addCleanup(stranger.socket.close)
            with self.assertRaises(AssertionError):
                stranger.login(self.bundles["patient"], "second")
        finally:
            for one in self.cluster.etcd.all:
                one.go_on()
        until(lambda: self.cluster.is_ready(member), "it is back")
        until(
            lambda: "type='result'" in client.pubsub("set", client.publish(node, "x", "taken")),
            "publishes are taken again",
        )


class Alone(unittest.TestCase):
    def test_a_server_of_its_own_has_no_cluster(self):
        server = Operated(EVERYTHING)
        self.addCleanup(server.close)
        server.start()
        done = server.gridctl("cluster", "status", identity=server.admin)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no member of a cluster", done.stderr)

    def test_half_a_cluster_does_not_start(self):
        server = Operated(EVERYTHING, {"cluster.member": "one"})
        self.addCleanup(server.close)
        with self.assertRaises(AssertionError) as caught:
            server.start()
        self.assertIn("cluster.name", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
