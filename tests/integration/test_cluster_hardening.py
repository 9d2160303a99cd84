# tests/integration/test_cluster_hardening.py: members that start before etcd, certificates that are
# renewed and revoked, an etcd that is full, limits and the audit's export over all members.
import base64
import http.client
import ipaddress
import json
import os
import re
import shutil
import socket
import tempfile
import threading
import time
import types
import unittest

from certs import DAY, Authority
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cluster.etcd import Ensemble, is_installed
from cluster.members import Cluster, Member, Refused
from gridd import ADMIN, DOMAIN
from raw import PATIENCE
from revoking import RevokingAuthority, free_port, serial_of
from talker import Talker

WAIT_SECONDS = 60   # on a machine that has others to serve
ALL = "allow any any any\n"

needs_etcd = unittest.skipUnless(is_installed(), "etcd is not installed (conf/install-deps --test)")


def until(condition, what):
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.05)
    return found


def revoke(authority, path, bundles):
    """A list of that CA."""
    of = types.SimpleNamespace(name=authority.certificate.subject, key=authority.key)
    RevokingAuthority.crl(of, path, [serial_of(bundle) for bundle in bundles])


def probe(port):
    """Status and body of /readyz, in plain HTTP; None: no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return None
    finally:
        connection.close()


def seen_by(member, other):
    """The other member, as this one shows it; {} where it shows none."""
    found = member.cluster_status()["members"]
    return next((one for one in found if one["name"] == other.name), {})


class Clustered(unittest.TestCase):
    def cluster(self, settings=None, before=None, **named):
        cluster = Cluster(
            policy=ALL, settings={"accounts.auto_approve": "true", **(settings or {})}, **named
        )
        self.addCleanup(cluster.close)
        self.bundles, self.talkers = {}, []
        if before:
            before(cluster)
        return cluster

    def talker(self, cluster, name, member, resource="r"):
        if name not in self.bundles:
            self.bundles[name] = cluster.client(name)
        talker = Talker(member.c2s, DOMAIN)
        self.talkers.append(talker)   # one that is let go of closes
        self.addCleanup(lambda: talker.socket.close())
        talker.login(self.bundles[name], resource, PATIENCE)
        return talker

    @staticmethod
    def linked(cluster):
        def are_linked():
            found = cluster.status().values()
            return len(found) == len(cluster.members) and all(
                one["linked"] or one["self"] for status in found for one in status["members"]
            ) and all(len(status["members"]) == len(cluster.members) for status in found)
        until(are_linked, lambda: f"the links: {cluster.status()}")


@needs_etcd
class LongLeases(Clustered):
    def test_a_patient_etcd_is_heard_as_often_as_any(self):
        """With an --election-timeout of five seconds, as between sites, it grants eight seconds
        where two were asked for."""
        cluster = self.cluster(members=1, etcds=1, fabric=False, tls=False)
        cluster.etcd.options = ["--election-timeout", "5000", "--heartbeat-interval", "500"]
        cluster.start()
        # A machine that has others to serve may not hear for so long once, or twice.
        self.assertTrue(any(self.is_heard_throughout(cluster[0]) for _ in range(3)))

    @staticmethod
    def is_heard_throughout(member):
        mark, oldest = member.log_mark(), 0
        end = time.monotonic() + 10
        while time.monotonic() < end:
            oldest = max(oldest, member.cluster_status()["heard_ms"])
            time.sleep(0.1)
        print(f"    etcd was heard at most {oldest} ms ago")
        return "cluster_cut_off" not in member.log(mark)


@needs_etcd
class LateMember(Clustered):
    LATE, STALE = 0.7, 6   # seconds: of each word of etcd, and what it may be out of date

    def test_a_member_that_hears_late_serves_while_others_write(self):
        """It never has all that was written by the time of the newest answer."""
        settings = {"cluster.max_staleness_ms": str(1000 * self.STALE)}
        cluster = self.cluster(settings, etcds=1, tls=False).start()
        self.linked(cluster)
        leader, late = cluster.wait_leader(), cluster.followers()[0]
        writer = self.talker(cluster, "writer", leader)
        writer.does("<create node='written'/>")
        end = threading.Event()

        def write():
            while not end.is_set():
                writer.pubsub("set", writer.publish("written"))
                time.sleep(0.03)   # more would wait for each other on so slow a line

        writing = threading.Thread(target=write, daemon=True)
        self.addCleanup(writing.join)
        self.addCleanup(end.set)
        writing.start()
        cluster.fabric.slow(cluster.etcd.all[0].name, late.name, self.LATE)
        time.sleep(self.STALE + 2)   # a reading of before is too old by now
        looks = [self.look(cluster, late) for _ in range(50)]
        print(f"    beside writes a late member heard {max(ms for _, ms in looks)} ms ago at most")
        self.assertGreater(sum(is_ready for is_ready, _ in looks), len(looks) // 2, looks)

    @staticmethod
    def look(cluster, member):
        time.sleep(0.1)
        return cluster.says_ready(member), member.cluster_status()["heard_ms"]


@needs_etcd
class OlderEtcd(Clustered):
    """An operator puts an older etcd in its place while members run that have more: whoever was
    away must not lead, as that would leave out what was acknowledged."""

    HEAD = "/gridd/test/head"

    def setUp(self):
        self.cluster_of_three = cluster = self.cluster(fabric=False, tls=False).start()
        self.linked(cluster)
        self.ahead, self.away = cluster.members[:2], cluster.members[2]
        self.owner = self.talker(cluster, "owner", self.ahead[0])
        self.owner.does("<create node='kept'/>")
        cluster.wait_same()

    def publish(self, count):
        for number in range(count):
            self.owner.does(self.owner.publish("kept", "x", f"i{number}"))
        # An acknowledged item is at a majority of etcds, and at the other member a moment later.
        self.cluster_of_three.wait_same()

    def folders(self):
        return [(one.folder, one.folder + ".older") for one in self.cluster_of_three.etcd.all]

    def exchange(self, restore):
        for one in self.cluster_of_three.etcd.all:
            one.kill9()
        for folder, older in self.folders():
            shutil.rmtree(folder)
            if restore:
                shutil.copytree(older, folder)

    def put_in_place(self, restore):
        marks = [one.log_mark() for one in self.ahead]
        self.exchange(restore)
        self.cluster_of_three.etcd.start()
        for one, mark in zip(self.ahead, marks):
            until(lambda o=one, m=mark: "cluster_not_waited_for" in o.log(m), "it refuses the log")

    def leads_nowhere(self, head):
        """Not the one that was away, in whatever time; the log has that head and keeps it."""
        cluster = self.cluster_of_three
        mark = self.away.log_mark()
        self.away.spawn()   # without a leader a new store does not begin
        cluster.etcd.start()   # where the member was first
        until(lambda: "cluster_log_behind" in self.away.log(mark), "it says why it does not lead")
        end = time.monotonic() + 5
        while time.monotonic() < end:
            self.assertEqual([], [one.name for one in cluster if cluster.is_ready(one)])
            time.sleep(0.2)
        self.assertEqual(head, cluster.etcd.keys(self.HEAD))

    def is_emptied(self):
        self.away.stop()
        self.away.wipe()
        os.mkdir(self.away.data, 0o700)

    def is_of_a_snapshot(self):
        """The head in it."""
        cluster = self.cluster_of_three
        self.away.stop()
        head = cluster.etcd.keys(self.HEAD)
        for one in cluster.etcd.all:
            one.kill9()
        for folder, older in self.folders():
            shutil.copytree(folder, older)
        mark = self.ahead[0].log_mark()
        cluster.etcd.start()
        # An answer of before would count else.
        until(lambda: any(
            word in self.ahead[0].log(mark) for word in ("cluster_heard_again", "etcd_failed")
        ), "it hears")
        cluster.wait_ready(self.ahead)
        self.owner = self.talker(cluster, "owner", self.ahead[0], "again")
        return head

    def test_an_emptied_etcd(self):
        self.publish(5)
        self.is_emptied()
        self.put_in_place(restore=False)
        self.leads_nowhere({})

    def test_an_emptied_etcd_and_a_member_that_waits_for_it(self):
        self.publish(5)
        self.is_emptied()
        self.exchange(restore=False)
        self.leads_nowhere({})

    def test_an_etcd_of_an_older_snapshot(self):
        head = self.is_of_a_snapshot()
        self.publish(5)
        self.put_in_place(restore=True)
        self.leads_nowhere(head)

    def test_an_etcd_of_an_older_snapshot_and_a_member_that_waits_for_it(self):
        head = self.is_of_a_snapshot()
        self.publish(5)
        self.exchange(restore=True)
        self.leads_nowhere(head)


@needs_etcd
class Certificates(Clustered):
    def test_a_reload_renews_certificates_and_a_revoked_member_is_cut_off(self):
        with tempfile.TemporaryDirectory(prefix="gridd-test-") as folder:
            self.lists = os.path.join(folder, "members.crl")
            self.renewed_and_revoked()

    def renewed_and_revoked(self):
        def with_lists(cluster):
            revoke(cluster.members_authority, self.lists, [])

        settings = {"cluster.crl": self.lists, "reload.on_change": "false"}
        cluster = self.cluster(settings, with_lists).start()
        self.linked(cluster)
        first, second, third = cluster.members
        own = first.settings["cluster.certificate"]

        # A file that is none changes nothing, and is named.
        with open(own, "rb") as file:
            good = file.read()
        with open(own, "wb") as file:
            file.write(b"nothing\n")
        done = first.gridctl("reload", identity=cluster.admin)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("cluster.certificate", done.stdout + done.stderr)
        with open(own, "wb") as file:
            file.write(good)

        # A new one is shown on the next connection.
        before = seen_by(first, first)["certificate_expires"]
        linked = seen_by(second, first)["certificate_expires"]
        renewed = self.renewed(cluster.members_authority, first.name)
        os.replace(renewed.cert, own)
        os.replace(renewed.key, first.settings["cluster.key"])
        report = first.admin_json("reload")
        self.assertIn("cluster-certificates", json.dumps(report))
        after = seen_by(first, first)["certificate_expires"]
        self.assertLess(after, before)
        self.assertEqual(seen_by(second, first)["certificate_expires"], linked)   # the link stays
        second.kill9()
        second.start()
        self.linked(cluster)
        self.assertEqual(seen_by(second, first)["certificate_expires"], after)

        # A member that is revoked is cut off by both others, and stays so.
        bundle = types.SimpleNamespace(cert=third.settings["cluster.certificate"])
        mark = third.log_mark()
        revoke(cluster.members_authority, self.lists, [bundle])
        for one in (first, second):
            until(lambda one=one: not seen_by(one, third).get("linked"), "the link is cut")
        until(lambda: "revoked" in third.log(mark) or "revoked" in first.log(), "a reason")
        until(
            lambda: re.search(
                "cluster_link_(down|refused|failed).*revoked", first.log() + second.log()
            ), lambda: first.log()[-2000:] + second.log()[-2000:],
        )
        # The member tries again with its old files, and must not get in.
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            self.assertFalse(seen_by(first, third).get("linked"))
            time.sleep(0.2)
        self.assertTrue(seen_by(first, second)["linked"])

    def renewed(self, authority, name):
        """For 20 days, which is less than what it replaces, and can be told from that."""
        names = [
            x509.UniformResourceIdentifier(f"urn:gridd:member:{name}"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        issue = authority._issue   # pylint: disable=protected-access
        return issue("renewed", "renewed", names, usage, -DAY, 20 * DAY, None)


@needs_etcd
class Starts(Clustered):
    def test_members_that_start_before_etcd_wait_and_say_so(self):
        cluster = self.cluster()
        first = cluster[0]
        first.settings["listen.health"] = f"127.0.0.1:{(port := free_port())}"
        os.mkdir(first.data, 0o700)
        first.ctl("admin", "add", ADMIN)
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(path := os.path.join(cluster.folder, "notify"))
        manager.settimeout(WAIT_SECONDS)
        os.environ["NOTIFY_SOCKET"] = path
        try:
            first.spawn()
        finally:
            del os.environ["NOTIFY_SOCKET"]
        for one in cluster.members[1:]:
            one.spawn()
        words = manager.recv(4096).decode()
        self.assertRegex(words, r"EXTEND_TIMEOUT_USEC=\d+")
        self.assertRegex(words, "STATUS=starting: https://127.0.0.1")
        status, body = until(lambda: probe(port), "probes are answered")
        self.assertEqual(status, 503)
        self.assertIn("starting: ", body)
        # Longer than one call of etcd may take.
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            for one in cluster:
                self.assertIsNone(one.process.poll(), one.log())
            time.sleep(0.2)
        self.assertEqual(len(re.findall("start_waits", first.log())), 1)
        cluster.etcd.start()
        for one in cluster:
            one.wait_started()
        cluster.wait_ready()
        self.assertIn("start_goes_on", first.log())
        until(lambda: (probe(port) or (0,))[0] == 200, "it says that it is ready")

    def test_what_does_not_heal_is_refused_at_once(self):
        cluster = self.cluster(members=1)
        cluster.etcd.start()
        one = cluster[0]
        stranger = Authority(os.path.join(cluster.folder, "stranger"), "another CA")
        bundle = stranger.both_ways("stranger", [])
        for settings, says in (
            ({"cluster.etcd_ca": stranger.path}, "cluster.etcd_ca"),
            ({"cluster.etcd_certificate": bundle.cert, "cluster.etcd_key": bundle.key},
             "cluster.etcd_certificate"),
        ):
            with self.subTest(says):
                kept = {key: one.settings[key] for key in settings}
                one.settings.update(settings)
                mark = one.log_mark() if os.path.exists(one.log_path) else 0
                one.spawn()
                self.assertNotEqual(one.process.wait(WAIT_SECONDS), 0)
                self.assertIn(says, one.log()[mark:])
                one.settings.update(kept)
                one.kill9()

    def test_two_etcds_in_one_list_are_refused(self):
        cluster = self.cluster(members=1, etcds=1, fabric=False, tls=False)
        other = Ensemble(os.path.join(cluster.folder, "other"), 1, tls=False)
        self.addCleanup(other.close)
        one = cluster[0]
        where = {}
        for ensemble in (cluster.etcd, other):
            ensemble.start()
            header = ensemble.wait_leader().status()["header"]
            where[ensemble.endpoints[0]] = f"{int(header['cluster_id']):x}"
        for urls in (list(where), list(where)[::-1]):
            one.settings["cluster.etcd"] = ",".join(urls)
            mark = one.log_mark() if os.path.exists(one.log_path) else 0
            one.spawn()
            self.assertNotEqual(one.process.wait(WAIT_SECONDS), 0)
            said = one.log()[mark:]
            self.assertIn("cluster.etcd: the endpoints are of different etcds", said)
            for url in urls:
                self.assertIn(f"{url} of {where[url]}", said)
            one.kill9()
        sets = [f"{key}={value}" for key, value in one.settings.items()]
        done = one.gridctl("doctor", *[word for text in sets for word in ("--set", text)])
        self.assertRegex(done.stdout, "FAIL +etcd +the endpoints are of different etcds")

    def test_another_etcd_that_comes_after_the_start_is_told(self):
        cluster = self.cluster(members=1, etcds=1, fabric=False, tls=False)
        other = Ensemble(os.path.join(cluster.folder, "other"), 1, tls=False)
        self.addCleanup(other.close)
        one = cluster[0]
        one.settings["cluster.etcd"] = ",".join(cluster.etcd.endpoints + other.endpoints)
        cluster.start()
        other.start()
        self.assertNotIn("etcd_other_cluster", one.log())
        cluster.etcd.all[0].kill9()
        line = one.wait_log("etcd_other_cluster", seconds=WAIT_SECONDS)
        self.assertIn(f"endpoint={other.endpoints[0]} ", line)
        self.assertIn(f"another etcd than {cluster.etcd.endpoints[0]}", line)

    def test_a_new_name_beside_others_is_told(self):
        cluster = self.cluster(members=1, etcds=1, fabric=False, tls=False)
        cluster.start()
        self.assertNotIn("cluster_name_new", cluster[0].log())
        late = Member(cluster, "late", {"cluster.name": "tset"})
        cluster.members.append(late)
        late.start()
        self.assertRegex(
            late.log(), "warn .*cluster_name_new cluster=tset others=test .*correct cluster.name"
        )
        late.stop()
        mark = late.log_mark()
        late.start()
        self.assertNotIn("cluster_name_new", late.log(mark), "it is not new any more")

    def test_ready_means_that_a_leader_is_known(self):
        """From the first answer on, whatever the moment."""
        cluster = self.cluster(members=1, settings={
            "listen.health": f"127.0.0.1:{(port := free_port())}"
        })
        cluster.etcd.start()
        one = cluster[0]
        os.mkdir(one.data, 0o700)
        one.ctl("admin", "add", ADMIN)
        for _ in range(3):
            one.spawn()
            while (found := probe(port)) is None or found[0] != 200:
                self.assertIsNone(one.process.poll(), one.log())
                time.sleep(0.002)
            one.wait_started()
            self.assertTrue(one.cluster_status()["leader"])
            one.kill9()


@needs_etcd
class FullEtcd(Clustered):
    QUOTA = 24 * 1024 * 1024

    def fill(self):
        """As another program would, or a log without bounds."""
        for number in range(200):
            key = base64.b64encode(f"/other/{number}".encode()).decode()
            value = base64.b64encode(os.urandom(512 * 1024)).decode()
            leader = until(self.etcd.leader, "etcd has a leader")
            try:
                leader.ask("/v3/kv/put", {"key": key, "value": value}, WAIT_SECONDS)
            except AssertionError as error:
                self.assertIn("space exceeded", str(error))
                return
        self.fail("etcd is not full")

    def make_room(self):
        """As conf/manual/etcd.md says."""
        ends = [base64.b64encode(end).decode() for end in (b"/other/", b"/other0")]
        leader = until(self.etcd.leader, "etcd has a leader")
        revision = leader.ask(
            "/v3/kv/deleterange", {"key": ends[0], "range_end": ends[1]}, WAIT_SECONDS
        )["header"]["revision"]
        leader.ask("/v3/kv/compaction", {"revision": revision, "physical": True}, WAIT_SECONDS)
        for one in self.etcd.all:
            one.ask("/v3/maintenance/defragment", {}, WAIT_SECONDS)
        for alarm in leader.ask("/v3/maintenance/alarm", {}).get("alarms", []):
            leader.ask("/v3/maintenance/alarm", {**alarm, "action": "DEACTIVATE"})

    def test_changes_are_refused_with_the_remedy_and_go_on_behind_it(self):
        def with_quota(cluster):
            cluster.etcd.options = [f"--quota-backend-bytes={self.QUOTA}"]

        cluster = self.cluster(members=2, before=with_quota).start()
        self.etcd = cluster.etcd
        client = self.talker(cluster, "pub", cluster[1])
        client.presence()
        client.does("<create node='n'/>")
        client.does(client.publish("n", "x", "before"))
        self.fill()
        answer = until(
            lambda: found if "type='error'" in (
                found := client.pubsub("set", client.publish("n", "x", "full"))) else None,
            "a publish is refused",
        )
        self.assertRegex(answer, "type='wait'")
        for one in cluster:
            until(lambda one=one: not cluster.says_ready(one), "not ready")
            problems = until(
                lambda one=one: [
                    text for text in one.rest("GET", "status")["problems"] if "defrag" in text
                ],
                "the remedy is said",
            )
            self.assertIn("alarm disarm", problems[0])
            self.assertTrue(one.cluster_status()["etcd"]["full"])
        # Items that were there are read.
        self.assertIn("before", client.pubsub("get", "<items node='n'/>"))
        self.make_room()
        for one in cluster:
            until(lambda one=one: cluster.is_ready(one), lambda one=one: one.log()[-2000:])
        until(
            lambda: "type='result'" in client.pubsub("set", client.publish("n", "x", "after")),
            "publishes are taken again",
        )


@needs_etcd
class OverAllMembers(Clustered):
    def test_limits_sessions_and_the_export_are_of_all_members(self):
        def with_export(cluster):
            for one in cluster:
                one.settings["audit.export_to"] = f"file:{one.folder}/audit.jsonl"

        cluster = self.cluster({"limits.resources_per_account_max": "2"}, with_export).start()
        self.linked(cluster)
        self.accounts_sessions(cluster)
        self.doctor(cluster)
        self.export(cluster)

    def accounts_sessions(self, cluster):
        for number, one in enumerate(cluster.members[:2]):
            self.talker(cluster, "twice", one, f"r{number}").presence()
        third = cluster[2]
        jid = f"twice@{DOMAIN}"
        found = until(
            lambda: len(all_ := third.rest("GET", f"sessions?jid={jid}")["sessions"]) == 2 and all_,
            "the other members' sessions",
        )
        self.assertEqual({one["member"] for one in found}, {"m0", "m1"})
        until(
            lambda: {None, "m1"} == {
                one["member"] for one in cluster[0].rest("GET", f"sessions?jid={jid}")["sessions"]
            }, "the other one's session",
        )
        self.assertIn("m0", third.admin_ctl("sessions", "list"))
        with self.assertRaises(AssertionError) as caught:
            self.talker(cluster, "twice", third, "r2")
        self.assertIn("resource-constraint", str(caught.exception))
        # The same address takes the place of its own.
        self.talker(cluster, "twice", third, "r0")

    def doctor(self, cluster):
        """From elsewhere the members are seen, and on the machine itself etcd."""
        def look(identity):
            command = ["--json", "doctor"]
            for key, value in one.settings.items() if identity is None else ():
                command += ["--set", f"{key}={value}"]
            return json.loads(one.gridctl(*command, identity=identity).stdout)["checks"]

        one = cluster[0]
        checks = look(cluster.admin)
        said = [line["text"] for line in checks]
        self.assertEqual([line for line in checks if line["state"] == "fail"], [])
        self.assertTrue(any(text.startswith("test is led by m") for text in said), said)
        for other in ("m1", "m2"):
            self.assertIn(True, [f"{other} is linked" in text for text in said], said)
            self.assertIn(True, [text.startswith(f"{other}: cluster.address") for text in said])
            self.assertIn(f"link of {other}", [line["check"] for line in checks])
        said = [line["text"] for line in look(None) if line["check"] == "etcd"]
        self.assertEqual(len([text for text in said if "answers: version 3." in text]), 3, said)
        self.assertIn("has a quorum", said)
        cluster.etcd.all[2].kill9()
        failed = [line for line in look(None) if line["state"] == "fail"]
        gone = one.settings["cluster.etcd"].split(",")[2]
        self.assertIn(True, [gone in line["text"] for line in failed], failed)
        cluster.etcd.start()

    @staticmethod
    def exported(cluster):
        numbers = []
        for one in cluster:
            path = os.path.join(one.folder, "audit.jsonl")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    numbers += [json.loads(line)["number"] for line in file if line.endswith("\n")]
        return sorted(numbers)

    def acts(self, member, count):
        for number in range(count):
            until(lambda number=number: self.is_done(member, number), "an act")
        return member.admin_json("audit", "verify")["head"]["number"]

    @staticmethod
    def is_done(member, number):
        try:
            member.rest("PUT", "welcome", {"text": f"{number} {time.time_ns()}"})
            return True
        except Refused:
            return False

    def all_are_exported(self, cluster, head):
        def is_whole():
            numbers = set(self.exported(cluster))
            return numbers and set(range(1, head + 1)) <= numbers
        until(is_whole, lambda: f"{head} of {self.exported(cluster)}")

    def export(self, cluster):
        cluster.wait_ready()
        leader = cluster.wait_leader()
        self.all_are_exported(cluster, self.acts(leader, 20))
        numbers = self.exported(cluster)
        self.assertEqual(len(numbers), len(set(numbers)), "one record was exported twice")
        follower = cluster.followers()[0]
        follower.admin_ctl("cluster", "promote", follower.name)
        until(lambda: cluster.leader() is follower, lambda: cluster.status())
        self.all_are_exported(cluster, self.acts(follower, 20))
        follower.kill9()
        third = cluster.wait_leader(other_than=follower)
        self.all_are_exported(cluster, self.acts(third, 20))
        numbers = self.exported(cluster)
        # Records that the one before had under way may come again, and no more.
        self.assertLess(len(numbers) - len(set(numbers)), 45)


if __name__ == "__main__":
    unittest.main()
