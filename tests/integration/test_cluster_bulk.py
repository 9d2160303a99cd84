# tests/integration/test_cluster_bulk.py: files and byte streams in a cluster: each at any member,
# whichever took them, and whatever ends.
"""Files go to all members; what is acknowledged survives the loss of the member that took it."""

import base64
import os
import threading
import time
import unittest

from cluster.members import Cluster
from component import Component
from files import MIB, POLICY, FilesCase, content, until
from gridd import ADMIN, CONTROLLER, DOMAIN
from policies import EVERYTHING
from socks import BYTESTREAMS, PROXY, SECONDS, Pair, Socks, ended, log_in, records, stream_hash
from test_cluster import Three, needs_etcd
from test_permits import CLOSED, GCL, IBB, OPEN, offer, question

LEASE_SECONDS = 30   # until etcd has forgotten a member that was killed, on a busy machine


class FilesOnMembers(Three, FilesCase):
    """`at(n)`: requests go to that member."""

    members = 3

    @classmethod
    def setUpClass(cls):
        settings = {"accounts.auto_approve": "true", "files.free_bytes_min": "1"}
        cls.cluster = Cluster(members=cls.members, policy=POLICY, settings=settings)
        cls.addClassCleanup(cls.cluster.close)
        cls.prepare_members()
        cls.cluster.start()
        cls.bundles = {}
        cls.server = cls.cluster[0]
        for name in ("ann", "bob", "eve"):
            setattr(cls, name, cls.cluster.client(name))
            cls.log_in(getattr(cls, name)).close()
        cls.cluster.wait_same()

    @classmethod
    def tearDownClass(cls):
        """The cluster closes by its clean-up."""

    def at(self, number):
        type(self).server = self.cluster[number]
        return self

    def there(self, number, path):
        """The size of the whole file on that member's disk; None: it is not there."""
        return self.at(number).on_disk(path)

    def missing(self, number):
        return self.cluster[number].cluster_status()["files_missing"]

    def is_everywhere(self, path, size):
        return all(self.there(n, path) == size for n in range(self.members))

    def begun(self, number, path, data, count):
        """An upload that breaks off at that member when so many bytes have come."""
        part = os.path.join(self.cluster[number].data, "files", path.split("/")[2] + ".part")
        with self.at(number).https(self.ann) as broken:
            broken.send(
                f"PUT {path} HTTP/1.1", f"Content-Length: {len(data)}", body=data[:count]
            )
            until(lambda: os.path.exists(part) and os.path.getsize(part) == count)


@needs_etcd
class Files(FilesOnMembers):
    def test_a_file_is_at_every_member(self):
        data = content(3 * MIB + 17)
        path = self.at(0).stored(data)
        self.cluster.wait_same()
        for number in range(3):
            got = self.at(number).get(path)
            self.assertEqual((got.status, got.body), (200, data), self.cluster[number].name)
            part = self.get(path, self.bob, f"Range: bytes={MIB}-{MIB + 99}")
            self.assertEqual((part.status, part.body), (206, data[MIB : MIB + 100]))
            head = self.get(path, method="HEAD")
            self.assertEqual((head.status, head.headers["content-length"]), (200, str(len(data))))
            self.assertEqual(self.get(path, self.eve).status, 404)
        until(lambda: self.is_everywhere(path, len(data)))
        until(lambda: not any(self.missing(number) for number in range(3)))
        names = [set(self.at(number).on_disk()) for number in range(3)]
        self.assertFalse([n for found in names for n in found if "." in n])

    def test_the_owner_removes_it_from_every_member(self):
        data = content(MIB, seed=3)
        path = self.at(0).stored(data)
        until(lambda: self.is_everywhere(path, len(data)))
        self.assertEqual(self.at(1).get(path, self.ann, method="DELETE").status, 204)
        until(lambda: all(self.there(number, path) is None for number in range(3)))
        self.assertEqual(self.at(2).get(path).status, 404)

    def test_a_change_of_the_policy_at_another_member_ends_a_download(self):
        data = content(16 * MIB, seed=9)
        path = self.at(0).stored(data)
        self.cluster.wait_same()
        slow = self.at(1).https(self.bob, buffer=65536)
        slow.send(f"GET {path} HTTP/1.1")
        self.assertEqual(slow.head()[0], 200)
        self.cluster[2].admin_ctl("policy", "set", "-", stdin=EVERYTHING)
        self.assertLess(len(slow.until_closed()), len(data))
        self.assertEqual(self.get(path).status, 404)
        self.cluster[2].admin_ctl("policy", "set", "-", stdin=POLICY)
        self.cluster.wait_same()
        self.assertEqual(self.get(path).status, 200)

    def test_what_was_acknowledged_survives_its_member_and_comes_back_to_an_empty_disk(self):
        data = content(2 * MIB + 5, seed=4)
        path = self.at(2).stored(data)
        self.cluster[2].kill9()
        for number in (0, 1):
            until(lambda n=number: self.at(n).get(path).status == 200, LEASE_SECONDS)
            self.assertEqual(self.get(path).body, data)
        self.cluster[2].wipe()
        self.cluster[2].start()
        self.cluster.wait_ready()
        until(lambda: self.there(2, path) == len(data), LEASE_SECONDS)
        self.assertEqual(self.at(2).get(path).body, data)
        self.assertIn("files_missing", self.cluster[2].admin_ctl("cluster", "status"))

    def test_an_upload_goes_on_at_another_member(self):
        data = content(2 * MIB, seed=5)
        half = MIB + 12345
        path = self.at(0).slot(self.ann, len(data))
        self.cluster.wait_same()
        self.begun(0, path, data, half)
        shown = self.at(1).get(path, self.ann, method="HEAD")
        self.assertEqual((shown.status, shown.headers["upload-offset"]), (204, str(half)), shown)
        rest = f"Content-Range: bytes {half}-{len(data) - 1}/{len(data)}"
        sent = self.put(path, data[half:], self.ann, rest)
        self.assertEqual(sent.status, 201, sent)
        self.cluster.wait_same()
        for number in range(3):
            self.assertEqual(self.at(number).get(path).body, data)
        until(lambda: self.is_everywhere(path, len(data)))
        until(lambda: not [n for n in self.at(0).on_disk() if "." in n])

    def test_an_upload_whose_member_is_gone_says_how_far_it_is(self):
        data = content(MIB, seed=6)
        path = self.at(2).slot(self.ann, len(data))
        self.cluster.wait_same()
        self.begun(2, path, data, len(data) // 2)
        self.cluster[2].kill9()
        until(lambda: self.at(0).get(path, self.ann, method="HEAD").headers.get("upload-offset")
              == "0", LEASE_SECONDS)
        half = len(data) // 2
        refused = self.put(
            path, data[half:], self.ann,
            f"Content-Range: bytes {half}-{len(data) - 1}/{len(data)}",
        )
        self.assertEqual((refused.status, refused.code), (409, "wrong-offset"))
        self.assertEqual(refused.headers["upload-offset"], "0")
        until(lambda: self.put(path, data).status in (201, 409), LEASE_SECONDS)
        self.assertEqual(self.at(1).get(path).body, data)


@needs_etcd
class NoRoom(FilesOnMembers):
    """The second of two members has no room for files."""

    members = 2

    @classmethod
    def prepare_members(cls):
        cls.cluster[1].settings["files.free_bytes_min"] = str(1 << 60)

    def on_the_first_alone(self, data):
        """The path of a file that only the first member has."""
        path = self.at(0).slot(self.ann, len(data))
        refused = self.put(path, data)
        self.assertEqual((refused.status, refused.code), (503, "not-kept-elsewhere"), refused)
        self.assertIn("retry-after", refused.headers)
        self.assertEqual(refused.headers["upload-offset"], str(len(data)))
        self.assertIn("file_not_kept", self.cluster[0].log())
        self.assertEqual(self.get(path).status, 404)   # a slot is no file yet
        # Alone it is as a server of its own: all bytes are there already.
        self.cluster[1].kill9()
        begin = time.monotonic()
        while True:
            ending = self.https(self.ann).send(
                f"PATCH {path} HTTP/1.1", "Content-Length: 0", f"Upload-Offset: {len(data)}"
            ).answer()
            if ending.status == 201:
                break
            self.assertEqual(ending.status, 503, ending)
            self.assertLess(time.monotonic() - begin, LEASE_SECONDS)
            time.sleep(0.2)
        self.assertEqual(self.get(path).body, data)
        self.cluster[1].start()
        self.cluster.wait_ready()
        until(lambda: self.at(1).get(path).status == 200)
        return path

    def test_a_download_whose_giver_dies_ends_before_its_last_byte(self):
        data = content(16 * MIB, seed=8)
        path = self.on_the_first_alone(data)
        slow = self.at(1).https(self.bob, buffer=65536)
        slow.send(f"GET {path} HTTP/1.1")
        status, headers = slow.head()
        self.assertEqual((status, headers["content-length"]), (200, str(len(data))))
        self.cluster[0].kill9()
        came = slow.until_closed()
        self.assertLess(len(came), len(data))
        self.assertEqual(came, data[: len(came)])

    def test_an_upload_that_no_other_member_takes_waits_and_is_given_from_where_it_is(self):
        data = content(MIB, seed=7)
        path = self.on_the_first_alone(data)
        # A member without room gives it from the other one, and keeps none of it.
        got = self.get(path, self.bob, "Range: bytes=5-")
        self.assertEqual((got.status, got.body), (206, data[5:]))
        until(lambda: "file_not_fetched" in self.cluster[1].log())
        self.assertGreaterEqual(self.missing(1), 1)
        self.assertIsNone(self.there(1, path))
        # While no member that has it is there, the client is to come again.
        self.cluster[0].kill9()
        begin = time.monotonic()
        while True:
            got = self.at(1).get(path)
            if got.status == 503 and got.code == "not-here":
                break
            self.assertLess(time.monotonic() - begin, LEASE_SECONDS, got)
            time.sleep(0.2)
        self.assertIn("retry-after", got.headers)


@needs_etcd
class Turned(FilesCase):
    """A server of its own becomes the first member of a cluster, and is one of its own again."""

    @classmethod
    def setUpClass(cls):
        settings = {"accounts.auto_approve": "true", "files.free_bytes_min": "1"}
        cls.cluster = Cluster(members=1, policy=POLICY, settings=settings)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.etcd.start()
        cls.server = cls.cluster[0]
        whole = cls.server.settings
        cls.membership = {
            key: whole[key] for key in whole if "cluster" in key.split(".")
        }
        cls.be_member(False)
        os.mkdir(cls.server.data, 0o700)
        cls.server.ctl("admin", "add", ADMIN)
        cls.server.start()
        for name in ("ann", "bob"):
            setattr(cls, name, cls.cluster.client(name))
            cls.log_in(getattr(cls, name)).close()

    @classmethod
    def tearDownClass(cls):
        """The cluster closes by its clean-up."""

    @classmethod
    def be_member(cls, is_member):
        for key, value in cls.membership.items():
            if is_member:
                cls.server.settings[key] = value
            else:
                cls.server.settings.pop(key, None)

    def restart(self, is_member):
        self.server.stop()
        self.be_member(is_member)
        self.server.start()
        if is_member:
            self.cluster.wait_ready()

    def begin(self, data):
        """The path of a slot for which half of the bytes have come."""
        path, half = self.slot(self.ann, len(data)), len(data) // 2
        with self.https(self.ann) as broken:
            broken.send(f"PUT {path} HTTP/1.1", f"Content-Length: {len(data)}", body=data[:half])
            until(lambda: self.offset(path) == half)
        return path

    def offset(self, path):
        return int(self.get(path, self.ann, method="HEAD").headers["upload-offset"])

    def end(self, path, data):
        half = self.offset(path)
        self.assertEqual(half, len(data) // 2)
        rest = f"Content-Range: bytes {half}-{len(data) - 1}/{len(data)}"
        self.assertEqual(self.put(path, data[half:], self.ann, rest).status, 201)
        self.assertEqual(self.get(path).body, data)

    def test_files_and_uploads_stay(self):
        datas = [content(MIB, seed) for seed in range(10, 14)]
        whole = self.stored(datas[0])
        begun = self.begin(datas[1])
        self.restart(is_member=True)
        self.assertEqual(self.get(whole).body, datas[0])
        self.end(begun, datas[1])
        of_member = self.stored(datas[2])
        begun = self.begin(datas[3])
        self.restart(is_member=False)
        for path, data in ((whole, datas[0]), (of_member, datas[2])):
            self.assertEqual(self.get(path).body, data)
        self.end(begun, datas[3])
        self.assertFalse([name for name in self.on_disk() if "." in name])


STREAMS = (
    EVERYTHING
    + "allow client anna to bulk client bert\nallow client anna, echo to message any\n"
    + f"allow client asa, eve to bulk on {OPEN}\n"
)
ECHO = "echo." + DOMAIN
SECRET = "a-secret-that-is-long-enough"


class Apart(Pair):
    """The two clients are at two members; the proxy is the sender's."""

    def __init__(self, one, other, sender, receiver, resource="p"):
        self.server = one
        self.sender = log_in(one, sender, resource)
        self.receiver = log_in(other, receiver, resource)
        self.sender_jid, self.receiver_jid = (f"{b.jid}/{resource}" for b in (sender, receiver))
        self.proxy = one.addresses["socks5"]
        knows(one, self.receiver_jid)
        knows(other, self.sender_jid)


def knows(member, jid):
    """That member has been told of the session, or of one of the account, wherever it is."""
    until(lambda: any(
        found["jid"].startswith(jid) for found in member.admin_json("sessions", "list")["sessions"]
    ))


@needs_etcd
class Streams(Three):
    @classmethod
    def setUpClass(cls):
        known = f"{ECHO} echo@{DOMAIN} {SECRET}"
        cls.cluster = Cluster(
            policy=STREAMS,
            settings={
                "bulk.proxy_host": "127.0.0.1", "accounts.auto_approve": "true",
                "listen.component": "127.0.0.1:0", "components.known": known,
            },
        )
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()
        cls.bundles = {}
        for name in ("anna", "bert", "ise", "asa", "eve", "echo"):
            account = f"{name}@{DOMAIN}"
            cls.cluster[0].admin_ctl("accounts", "add", account)
            cls.bundles[name] = cls.cluster.client(name)
        cls.cluster.wait_same()

    def pair(self, sender, receiver):
        pair = Apart(
            self.cluster[0], self.cluster[1], self.bundles[sender], self.bundles[receiver],
            self.id()[-20:],
        )
        self.addCleanup(pair.close)
        return pair

    def takes(self, client, to, number):
        """The client gets that query and answers it."""
        client.take(rf"<iq\b[^>]*id='{number}'.*?(?:/>|</iq>)", SECONDS)
        client.raw.send(f"<iq type='result' id='{number}' to='{to}'/>")

    def test_a_byte_stream_between_two_members(self):
        pair = self.pair("anna", "bert")
        said, whole = pair.sender.ask("get", f"<query xmlns='{BYTESTREAMS}'/>", PROXY)
        self.assertEqual(said, "ok", whole)
        self.assertIn(f"port='{pair.proxy[1]}'", whole)
        sid = "sid-" + os.urandom(8).hex()
        hosts = (
            f"<query xmlns='{BYTESTREAMS}' sid='{sid}'><streamhost jid='{PROXY}' "
            f"host='127.0.0.1' port='{pair.proxy[1]}'/></query>"
        )
        number = pair.sender.send("set", hosts, pair.receiver_jid)
        self.takes(pair.receiver, pair.sender_jid, number)
        self.assertEqual(pair.sender.answer(number)[0], "ok")
        data = content(4 * MIB)
        with pair.stream(sid) as (here, there):
            sender = threading.Thread(target=here.send, args=(data,))
            sender.start()
            self.assertEqual(there.read(len(data)), data)
            sender.join()
        self.assertEqual(ended(self.cluster[0], sid)["bytes"], len(data))
        self.assertTrue(records(self.cluster[0], "bulk-start", sid))

    def test_who_may_not_send_may_not_across_members_either(self):
        pair = self.pair("bert", "anna")
        sid = "sid-" + os.urandom(8).hex()
        connections = pair.connections(sid)
        for one in connections:
            self.addCleanup(one.close)
        self.assertEqual(pair.activate(sid)[0], "forbidden")

    def test_a_change_of_the_policy_at_a_third_member_cuts_the_stream(self):
        pair = self.pair("anna", "bert")
        sid = "sid-" + os.urandom(8).hex()
        with pair.stream(sid) as (here, there):
            here.send(b"half of it")
            self.assertEqual(there.read(10), b"half of it")
            self.cluster[2].admin_ctl("policy", "set", "-", stdin=EVERYTHING)
            self.assertTrue(there.is_reset())
        self.cluster[2].admin_ctl("policy", "set", "-", stdin=STREAMS)
        self.assertEqual(ended(self.cluster[0], sid)["state"], "denied")
        self.cluster.wait_same()

    def test_the_stream_ends_with_the_session_at_the_other_member(self):
        pair = self.pair("anna", "bert")
        sid = "sid-" + os.urandom(8).hex()
        with pair.stream(sid) as (here, there):
            here.send(b"half of it")
            self.assertEqual(there.read(10), b"half of it")
            self.cluster[2].admin_ctl("accounts", "disable", f"bert@{DOMAIN}")
            self.assertTrue(here.is_reset())
        self.cluster[2].admin_ctl("accounts", "enable", f"bert@{DOMAIN}")
        self.cluster.wait_same()

    def test_a_receiver_that_says_goodbye_at_the_other_member_still_gets_all(self):
        pair = self.pair("anna", "bert")
        sid = "sid-" + os.urandom(8).hex()
        with pair.stream(sid) as (here, there):
            here.send(b"half of it")
            self.assertEqual(there.read(10), b"half of it")
            pair.receiver.raw.send("</stream:stream>")
            pair.receiver.raw.until_closed()
            until(lambda: not any(
                found["jid"] == pair.receiver_jid
                for found in self.cluster[0].admin_json("sessions", "list")["sessions"]
            ))
            here.send(b"and the rest")
            self.assertEqual(there.read(12), b"and the rest")
        self.assertEqual(ended(self.cluster[0], sid)["state"], "complete")

    def test_a_session_that_is_ended_at_the_other_member_ends_the_stream(self):
        pair = self.pair("anna", "bert")
        sid = "sid-" + os.urandom(8).hex()
        with pair.stream(sid) as (here, there):
            here.send(b"half of it")
            self.assertEqual(there.read(10), b"half of it")
            self.cluster[2].admin_ctl("sessions", "end", pair.receiver_jid)
            self.assertTrue(there.is_reset())
        found = ended(self.cluster[0], sid)
        self.assertEqual(found["state"], "ended")
        self.assertIn(pair.receiver_jid, found["detail"])

    def test_a_stream_in_band(self):
        pair = self.pair("anna", "bert")
        opening = f"<open xmlns='{IBB}' sid='in' block-size='4096'/>"
        data = base64.b64encode(b"x" * 1000).decode()
        for payload in (
            opening, f"<data xmlns='{IBB}' sid='in' seq='0'>{data}</data>",
            f"<close xmlns='{IBB}' sid='in'/>",
        ):
            number = pair.sender.send("set", payload, pair.receiver_jid)
            self.takes(pair.receiver, pair.sender_jid, number)
            self.assertEqual(pair.sender.answer(number)[0], "ok", payload)
        found = ended(self.cluster[1], "in")
        self.assertEqual((found["state"], found["bytes"]), ("complete", 1000))
        said, whole = pair.receiver.ask("set", opening, pair.sender_jid)
        self.assertIn(said, ("forbidden", "service-unavailable"), whole)

    def test_both_ways_in_band(self):
        """The packets back are of the stream that the other side opened."""
        pair = self.pair("anna", "bert")
        opening = f"<open xmlns='{IBB}' sid='two' block-size='4096'/>"
        number = pair.sender.send("set", opening, pair.receiver_jid)
        self.takes(pair.receiver, pair.sender_jid, number)
        self.assertEqual(pair.sender.answer(number)[0], "ok")
        data = base64.b64encode(b"y" * 10).decode()
        number = pair.receiver.send(
            "set", f"<data xmlns='{IBB}' sid='two' seq='0'>{data}</data>", pair.sender_jid
        )
        self.takes(pair.sender, pair.receiver_jid, number)
        self.assertEqual(pair.receiver.answer(number)[0], "ok")

    def test_packets_in_messages_go_both_ways(self):
        pair = self.pair("anna", "bert")
        opening = f"<open xmlns='{IBB}' sid='words' block-size='4096' stanza='message'/>"
        number = pair.sender.send("set", opening, pair.receiver_jid)
        data = base64.b64encode(b"z" * 10).decode()
        packet = f"<data xmlns='{IBB}' sid='%s' seq='%d'>{data}</data>"

        def says(client, to, number, *inside):
            client.raw.send(f"<message to='{to}' id='{number}'>{packet % inside}</message>")

        # Not before the other side agrees.
        says(pair.sender, pair.receiver_jid, "early", "words", 0)
        pair.sender.take(r"<message\b[^>]*id='early'.*?<item-not-found", SECONDS)
        self.takes(pair.receiver, pair.sender_jid, number)
        self.assertEqual(pair.sender.answer(number)[0], "ok")
        for client, to, other in (
            (pair.sender, pair.receiver_jid, pair.receiver),
            (pair.receiver, pair.sender_jid, pair.sender),
        ):
            for seq in range(3):
                says(client, to, f"w{seq}", "words", seq)
                other.take(rf"<message\b[^>]*id='w{seq}'.*?</message>", SECONDS)
            says(client, to, "none", "another", 0)
            client.take(r"<message\b[^>]*id='none'.*?<item-not-found", SECONDS)
        number = pair.sender.send("set", f"<close xmlns='{IBB}' sid='words'/>", pair.receiver_jid)
        self.takes(pair.receiver, pair.sender_jid, number)
        self.assertEqual(pair.sender.answer(number)[0], "ok")
        self.assertEqual(ended(self.cluster[1], "words")["bytes"], 60)

    # --- BulkQuery to a provider at another member ---------------------------------------------

    def permitted(self, pair, transport):
        """asa at the second member has asked ise at the first one, who has answered."""
        for topic in (OPEN, CLOSED):
            said, whole = pair.sender.ask(
                "get",
                "<grid xmlns='xgrid' type='request'><initPublishRequest><capability>"
                f"<name>{topic}</name></capability></initPublishRequest></grid>",
                CONTROLLER,
            )
            self.assertEqual(said, "ok", whole)
        self.cluster.wait_same()
        sid = "bd-" + os.urandom(6).hex()
        number = pair.receiver.send("get", question(OPEN), pair.sender_jid)
        got = pair.sender.take(rf"<iq\b[^>]*id='{number}'.*?</iq>", SECONDS)
        self.assertIn(GCL, got.group())
        pair.sender.raw.send(
            f"<iq type='result' id='{number}' to='{pair.receiver_jid}'>{offer(sid, transport)}"
            "</iq>"
        )
        said, whole = pair.receiver.answer(number)
        self.assertEqual(said, "ok", whole)
        self.assertIn(sid, whole)
        return sid

    def test_a_history_through_the_proxy_by_the_permit(self):
        pair = self.pair("ise", "asa")
        sid = self.permitted(pair, "s5b")
        with pair.stream(sid) as (here, there):
            here.send(b"x" * 1000)
            self.assertEqual(there.read(1000), b"x" * 1000)
        self.assertEqual(ended(self.cluster[0], sid)["bytes"], 1000)
        for _ in range(2):
            one = Socks(pair.proxy).connect(
                stream_hash(sid, pair.sender_jid, pair.receiver_jid)
            )
            self.addCleanup(one.close)
        self.assertEqual(pair.activate(sid)[0], "forbidden")

    def test_a_history_in_band_by_the_permit(self):
        pair = self.pair("ise", "asa")
        sid = self.permitted(pair, "ibb")
        data = base64.b64encode(b"past items").decode()
        for payload in (
            f"<open xmlns='{IBB}' sid='{sid}' block-size='4096'/>",
            f"<data xmlns='{IBB}' sid='{sid}' seq='0'>{data}</data>",
            f"<close xmlns='{IBB}' sid='{sid}'/>",
        ):
            number = pair.sender.send("set", payload, pair.receiver_jid)
            self.takes(pair.receiver, pair.sender_jid, number)
            self.assertEqual(pair.sender.answer(number)[0], "ok", payload)
        again = f"<open xmlns='{IBB}' sid='{sid}' block-size='4096'/>"
        self.assertIn(
            pair.sender.ask("set", again, pair.receiver_jid)[0],
            ("service-unavailable", "forbidden"),
        )

    def test_a_topic_that_may_not_be_taken_is_refused_on_the_way(self):
        pair = self.pair("ise", "asa")
        self.permitted(pair, "s5b")
        number = pair.receiver.send("get", question(CLOSED), pair.sender_jid)
        self.assertEqual(pair.receiver.answer(number)[0], "forbidden")

    # --- components ---------------------------------------------------------------------------

    def test_a_component_of_another_member(self):
        echo = Component(self.cluster[2].addresses["component"], ECHO)
        self.addCleanup(echo.close)
        echo.login(SECRET)
        knows(self.cluster[0], f"echo@{DOMAIN}/")
        anna = log_in(self.cluster[0], self.bundles["anna"], "c")
        self.addCleanup(anna.close)
        knows(self.cluster[2], f"{self.bundles['anna'].jid}/c")
        anna.raw.send(f"<message to='x@{ECHO}' type='chat'><body>hello</body></message>")
        got = echo.next()
        self.assertEqual(got.get("to"), f"x@{ECHO}")
        number = anna.send("get", "<question xmlns='urn:x:question'/>", ECHO)
        asked = echo.next("iq")
        self.assertEqual(asked.get("from"), f"{self.bundles['anna'].jid}/c")
        echo.send(
            f"<iq type='result' id='{asked.get('id')}' from='{ECHO}' to='{asked.get('from')}'>"
            "<answer xmlns='urn:x:question'/></iq>"
        )
        said, whole = anna.answer(number)
        self.assertEqual(said, "ok", whole)
        self.assertIn("<answer", whole)
        echo.send(
            f"<message from='{ECHO}' to='{self.bundles['anna'].jid}/c'><body>back</body></message>"
        )
        anna.take("back", SECONDS)


if __name__ == "__main__":
    unittest.main()
