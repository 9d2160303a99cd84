# tests/integration/test_backup.py: a backup of a server at work, and what a restore makes of it.
"""Every item that was acknowledged before a backup began is in it, and a restore gives all of them
back, or refuses."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from files import MIB, FilesCase, Https, content
from gridd import ADMIN, DOMAIN
from topic import Topic

PUBLISHERS = 2
BEFORE = 200   # publishes of each, at the least, before the backup begins


class BackupCase(FilesCase):
    """Each test has a server of its own: it is killed, and another is made of its backup."""

    settings = {"pubsub.access_open": "true", "pubsub.max_items_max": 1_000_000}

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        FilesCase.setUpClass.__func__(type(self))
        self.server = type(self).server
        self.addCleanup(self.server.close)

    def topic(self, bundle, resource="raw"):
        made = Topic(self.server, bundle, resource=resource)
        self.addCleanup(made.close)
        return made

    def create(self):
        owner = self.topic(self.ann, "owner")
        said = owner.create(max_items=500_000, access_model="open", publish_model="open")
        self.assertEqual(said[0], "ok", said)
        return owner

    def back_up(self, *options):
        return self.server.admin_json("backup", *options)

    def folder_of(self, backup):
        return os.path.join(self.server.data, "backups", backup["name"])

    def restore(self, backup, data, **settings):
        """`gridd --restore` with the server's configuration: its exit code and what it said."""
        command = [self.server.program, "--data", data, "--restore", backup]
        for key, value in (self.server.settings | settings).items():
            command += ["--set", f"{key}={value}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    def refused(self, said, backup, data=None, **settings):
        data = data or os.path.join(self.server.folder, "elsewhere")
        before = sorted(os.listdir(data)) if os.path.isdir(data) else []
        code, text = self.restore(backup, data, **settings)
        self.assertEqual(code, 1, text)
        self.assertIn(said, text)
        self.assertEqual(sorted(os.listdir(data)) if os.path.isdir(data) else [], before)

    def unpack(self, archive):
        target = os.path.join(self.server.folder, "unpacked")
        os.mkdir(target)
        subprocess.run(["tar", "-xf", archive, "-C", target], check=True, timeout=60)
        (name,) = os.listdir(target)
        return os.path.join(target, name)


class Publishing:
    """Clients that publish one item after the other, and note what was acknowledged."""

    def __init__(self, case):
        self.acknowledged, self.over, self.faults = [], threading.Event(), []
        self.threads = []
        for number in range(PUBLISHERS):
            topic = case.topic(case.ann, f"publisher{number}")
            self.threads.append(threading.Thread(target=self.run, args=(topic, number)))
        for thread in self.threads:
            thread.start()
        case.addCleanup(self.end)

    def run(self, topic, number):
        count = 0
        try:
            while not self.over.is_set():
                item = f"p{number}-{count}"
                if topic.publish(item)[0] != "ok":
                    raise AssertionError("a publish was refused")
                self.acknowledged.append(item)
                count += 1
        except Exception as fault:   # pylint: disable=broad-except
            if not self.over.is_set():
                self.faults.append(repr(fault))

    def wait(self, more):
        """Until so many more are acknowledged; all that are."""
        wanted = len(self.acknowledged) + more
        deadline = time.monotonic() + 90
        while len(self.acknowledged) < wanted:
            assert not self.faults, self.faults
            assert time.monotonic() < deadline, f"{len(self.acknowledged)} of {wanted} publishes"
            time.sleep(0.01)
        return list(self.acknowledged)

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


class UnderLoad(BackupCase):
    def test_what_was_acknowledged_before_is_restored(self):
        owner = self.create()
        reader = self.topic(self.bob, "reader")
        reader.raw.send("<presence/>")
        self.assertEqual(reader.subscribe(f"bob@{DOMAIN}")[0], "ok")
        self.assertEqual(owner.publish("read")[0], "ok")
        self.assertEqual(reader.event(), "read")
        reader.raw.send("</stream:stream>")
        reader.raw.until_closed()
        data = content(300_000)
        path = self.stored(data)
        half = self.slot(self.ann, 1000)   # given, and not filled
        head = self.server.admin_json("audit", "verify")["head"]

        publishing = Publishing(self)
        before = publishing.wait(PUBLISHERS * BEFORE)
        archive = os.path.join(self.server.folder, "grid.tar")
        backup = self.back_up("-o", archive)
        publishing.wait(PUBLISHERS)   # the server works on beside it
        publishing.end()
        self.assertEqual(publishing.faults, [])
        self.server.wait_log("backup_made", seconds=20)
        self.server.kill9()

        self.server.data = os.path.join(self.server.folder, "restored")
        code, said = self.restore(self.unpack(archive), self.server.data)
        self.assertEqual(code, 0, said)
        self.assertIn(f"revision {backup['revision']}", said)
        self.server.start()

        status = self.server.admin_json("status")["store"]
        self.assertEqual(status["epoch"], backup["epoch"] + 1)
        self.assertGreater(status["revision"], backup["revision"] + 2**39)
        verified = self.server.admin_json(
            "audit", "verify", "--number", str(head["number"]), "--hash", head["hash"]
        )
        self.assertTrue(verified["ok"] and verified["passed"], verified)
        (record,) = self.server.admin_json("audit", "--operation", "restore")["records"]
        self.assertIn(backup["name"], record["detail"])

        # In order and once: what the account had not read, and what is published from now on.
        owner = self.topic(self.ann, "owner")
        self.assertEqual(owner.publish("afterwards")[0], "ok")
        kept = owner.items()
        self.assertEqual(set(before) - set(kept), set())
        reader = self.topic(self.bob, "reader")
        reader.raw.send("<presence/>")
        events = []
        while not events or events[-1] != "afterwards":
            events.append(reader.event(30))
        self.assertEqual(events, [item for item in kept if item != "read"])

        self.assertEqual(self.get(path).body, data)
        self.assertEqual(self.put(half, content(1000)).status, 201)

    def test_a_backup_of_a_restored_grid_is_one_like_others(self):
        self.create().publish("one")
        first = self.back_up()
        data = os.path.join(self.server.folder, "second")
        self.assertEqual(self.restore(self.folder_of(first), data)[0], 0)
        self.server.stop()
        self.server.data = data
        self.server.start()
        self.topic(self.ann).publish("two")
        second = self.back_up()
        self.assertEqual(second["epoch"], first["epoch"] + 1)
        self.assertGreater(second["audit"]["number"], first["audit"]["number"])
        data = os.path.join(self.server.folder, "third")
        folder = self.folder_of(second)
        self.server.stop()
        self.assertEqual(self.restore(folder, data)[0], 0)
        self.server.data = data
        self.server.start()
        self.assertEqual(self.topic(self.ann).items(), ["one", "two"])


    def test_a_version_of_a_roster_from_the_lost_life_is_none(self):
        def roster(topic, version):
            said, whole = topic.ask(
                "get", f"<query xmlns='jabber:iq:roster' ver='{version}'/>", f"ann@{DOMAIN}"
            )
            self.assertEqual(said, "ok", whole)
            return re.findall(r"<item[^>]* jid='([^']*)'", whole), whole

        def add(topic, contact):
            said = topic.ask(
                "set", f"<query xmlns='jabber:iq:roster'><item jid='{contact}'/></query>",
                f"ann@{DOMAIN}",
            )
            self.assertEqual(said[0], "ok", said)

        ann = self.topic(self.ann)
        add(ann, f"bob@{DOMAIN}")
        folder = self.folder_of(self.back_up())
        add(ann, f"eve@{DOMAIN}")
        _, whole = roster(ann, "")
        version = re.search(r"<query[^>]* ver='(\d+)'", whole).group(1)
        self.assertEqual(roster(ann, version)[0], [])   # the client has it all
        self.server.kill9()
        self.server.data = os.path.join(self.server.folder, "restored")
        self.assertEqual(self.restore(folder, self.server.data)[0], 0)
        self.server.start()
        ann = self.topic(self.ann)
        self.assertEqual(roster(ann, version)[0], [f"bob@{DOMAIN}"])
        add(ann, f"dan@{DOMAIN}")
        self.assertEqual(
            sorted(roster(ann, version)[0]), [f"bob@{DOMAIN}", f"dan@{DOMAIN}"]
        )

    def test_a_backup_that_is_restored_twice_gives_no_revision_twice(self):
        self.create().publish("one")
        folder = self.folder_of(self.back_up())
        self.server.kill9()
        revisions = []
        for life in ("first", "second"):
            self.server.data = os.path.join(self.server.folder, life)
            self.assertEqual(self.restore(folder, self.server.data)[0], 0)
            self.server.start()
            revisions.append(self.server.admin_json("status")["store"]["revision"])
            for number in range(20):
                self.assertEqual(self.topic(self.ann, f"r{number}").publish(f"{number}")[0], "ok")
            revisions.append(self.server.admin_json("status")["store"]["revision"])
            self.server.kill9()
        self.assertEqual(revisions, sorted(set(revisions)))


class Elsewhere(BackupCase):
    """On a volume to which nothing can be linked."""

    def setUp(self):
        super().setUp()
        self.elsewhere = tempfile.mkdtemp(prefix="gridd-backups-", dir="/dev/shm")
        self.addCleanup(shutil.rmtree, self.elsewhere, True)

    def folder_of(self, backup):
        return os.path.join(self.elsewhere, backup["name"])

    def begin(self, **settings):
        if os.stat(self.elsewhere).st_dev == os.stat(self.server.data).st_dev:
            self.skipTest("there is one volume only")
        self.server.stop()
        self.server.settings |= {"backup.dir": self.elsewhere} | settings
        self.server.start()

    def test_a_backup_that_has_no_room_is_none(self):
        free = {
            path: os.statvfs(path).f_bavail * os.statvfs(path).f_frsize
            for path in (self.elsewhere, self.server.data)
        }
        if free[self.server.data] < free[self.elsewhere] + 1024 * MIB:
            self.skipTest("the other volume has more room")
        self.begin(**{"storage.free_bytes_min": free[self.elsewhere] + 256 * MIB})
        done = self.server.gridctl("backup", identity=self.server.admin)
        self.assertEqual(done.returncode, 1)
        self.assertIn("storage.free_bytes_min", done.stderr)
        self.assertEqual(os.listdir(self.elsewhere), [])

    def test_a_backup_is_copied_there(self):
        self.begin()
        self.create().publish("one")
        path = self.stored(content(50_000))
        backup = self.back_up()
        self.assertFalse(os.path.exists(os.path.join(self.server.data, "checkpoint")))
        for folder, _, files in os.walk(self.folder_of(backup)):
            self.assertEqual(os.stat(folder).st_mode & 0o077, 0)
            for name in files:
                about = os.stat(os.path.join(folder, name))
                self.assertEqual((about.st_nlink, about.st_mode & 0o077), (1, 0), name)
        self.server.kill9()
        self.server.data = os.path.join(self.server.folder, "restored")
        self.assertEqual(self.restore(self.folder_of(backup), self.server.data)[0], 0)
        self.server.start()
        self.assertEqual(self.topic(self.ann).items(), ["one"])
        self.assertEqual(self.get(path).body, content(50_000))


class Kept(BackupCase):
    settings = BackupCase.settings | {"backup.keep": 2}

    def names(self):
        return [one["name"] for one in self.server.admin_json("backups", "list")["backups"]]

    def test_the_newest_are_kept_and_found_again(self):
        made = [self.back_up()["name"] for _ in range(3)]
        deadline = time.monotonic() + 20
        while self.names() != made[:0:-1]:
            self.assertLess(time.monotonic(), deadline, self.names())
            time.sleep(0.05)
        # A crash leaves one half done, which counts as none.
        self.server.kill9()
        folder = os.path.join(self.server.data, "backups")
        own, other = (f"{made[0]}.{digest}.unfinished" for digest in (
            hashlib.sha256(DOMAIN.encode()).hexdigest()[:16], "0123456789abcdef"))
        for name in (own, other, "of the operator"):
            os.mkdir(os.path.join(folder, name))
        os.mkdir(os.path.join(self.server.data, "checkpoint"))
        self.server.start()
        self.assertEqual(self.names(), made[:0:-1])
        # Another grid may be making one in the same folder.
        self.assertEqual(sorted(os.listdir(folder)), sorted(made[1:] + [other, "of the operator"]))
        self.assertFalse(os.path.exists(os.path.join(self.server.data, "checkpoint")))
        self.server.admin_ctl("backups", "remove", made[1])
        self.assertEqual(self.names(), [made[2]])
        for identity, name, code in (
            (self.server.admin, made[1], 4),
            (self.server.admin, "../store", 4),
            (self.ann, made[2], 1),
        ):
            done = self.server.gridctl("backups", "remove", name, identity=identity)
            self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(self.names(), [made[2]])

    def like(self, backup, name, **changes):
        """A copy of that name, with a manifest that says so."""
        folder = os.path.join(self.server.data, "backups")
        shutil.copytree(os.path.join(folder, backup["name"]), os.path.join(folder, name))
        path = os.path.join(folder, name, "manifest.json")
        with open(path, encoding="utf-8") as file:
            manifest = json.load(file)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(manifest | {"name": name} | changes, file)

    def kept_on_disk(self):
        return sorted(os.listdir(os.path.join(self.server.data, "backups")))

    def test_those_of_another_grid_are_left_alone(self):
        first = self.back_up()
        self.server.stop()
        theirs = ["20200101T000000Z", "20200102T000000Z"]
        for name in theirs:
            self.like(first, name, domain="other.example")
        mark = self.server.log_mark()
        self.server.start()
        self.assertIn("of the domain other.example", self.server.log(mark))
        self.assertEqual(self.names(), [first["name"]])
        made = [first["name"]] + [self.back_up()["name"] for _ in range(2)]
        wanted = sorted(theirs + made[1:])
        deadline = time.monotonic() + 20
        while self.kept_on_disk() != wanted:
            self.assertLess(time.monotonic(), deadline, self.kept_on_disk())
            time.sleep(0.05)

    def test_the_one_just_made_stays_where_the_clock_went_back(self):
        first = self.back_up()
        self.server.stop()
        for name in ("20990101T000000Z", "20990102T000000Z"):
            self.like(first, name)
        shutil.rmtree(self.folder_of(first))
        self.server.start()
        out = os.path.join(self.server.folder, "now.tar")
        made = self.back_up("-o", out)["name"]
        wanted = [made, "20990102T000000Z"]
        deadline = time.monotonic() + 20
        while self.kept_on_disk() != wanted:
            self.assertLess(time.monotonic(), deadline, self.kept_on_disk())
            time.sleep(0.05)
        self.assertTrue(os.path.exists(out))

    def test_the_archive_is_the_backup(self):
        self.stored(content(70_000))
        name = self.back_up()["name"]
        out = os.path.join(self.server.folder, "one.tar")
        self.server.admin_ctl("backups", "fetch", name, "-o", out)
        self.assertEqual(os.stat(out).st_mode & 0o777, 0o600)
        with tarfile.open(out) as archive:
            members = {one.name: archive.extractfile(one).read() for one in archive}
        manifest = json.loads(members.pop(f"{name}/manifest.json"))
        self.assertEqual(
            {f"{name}/{one['path']}": one["sha256"] for one in manifest["files"]},
            {path: hashlib.sha256(data).hexdigest() for path, data in members.items()},
        )
        self.assertEqual(manifest["domain"], DOMAIN)
        self.assertEqual(sum(path.startswith(f"{name}/files/") for path in members), 1)
        # Of an archive that did not come whole no part is left.
        done = self.server.gridctl("backups", "fetch", "20000101T000000Z", "-o", out + "2",
                                   identity=self.server.admin)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual([f for f in os.listdir(self.server.folder) if "tar" in f], ["one.tar"])

    def test_the_archive_takes_the_place_of_no_device_and_no_link(self):
        folder = self.server.folder
        os.mkfifo(pipe := os.path.join(folder, "pipe"))
        os.symlink(os.path.join(folder, "elsewhere"), link := os.path.join(folder, "link"))
        os.mkdir(directory := os.path.join(folder, "directory"))
        for place in (pipe, link, directory):
            kind = stat.S_IFMT(os.lstat(place).st_mode)
            for command in (("backup",), ("backups", "fetch", "20000101T000000Z")):
                done = self.server.gridctl(*command, "-o", place, identity=self.server.admin)
                self.assertEqual(done.returncode, 2, done)
                self.assertIn("no regular file", done.stderr)
            self.assertEqual(stat.S_IFMT(os.lstat(place).st_mode), kind)
        for command in (("backup",), ("backups", "fetch", "20000101T000000Z")):
            done = self.server.gridctl(*command, "-o", "-", identity=self.server.admin)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn("-o takes a FILE", done.stderr)
        self.assertEqual(self.server.admin_json("backups", "list")["backups"], [])


class Refused(BackupCase):
    def ask(self, bundle, *lines, body=b""):
        with Https(self.server, bundle) as https:
            return https.send(*lines, f"Content-Length: {len(body)}", body=body).answer()

    def test_only_administrators_make_and_read_them(self):
        name = self.back_up()["name"]
        typed = "Content-Type: application/json"
        for line in (
            "POST /api/v1/backups", "GET /api/v1/backups", f"GET /api/v1/backups/{name}",
            f"GET /api/v1/backups/{name}/archive", f"DELETE /api/v1/backups/{name}",
        ):
            answer = self.ask(self.ann, f"{line} HTTP/1.1", typed)
            self.assertEqual(answer.status, 403, (line, answer))
        # A path is the server's alone.
        answer = self.ask(
            self.server.admin, "POST /api/v1/backups HTTP/1.1", typed, body=b'{"dir": "/tmp"}'
        )
        self.assertEqual((answer.status, answer.code), (400, "malformed-request"))
        answer = self.ask(self.server.admin, "GET /api/v1/backups/..%2Fstore/archive HTTP/1.1")
        self.assertEqual((answer.status, answer.code), (404, "unknown-backup"))
        # Questions are put on record a moment later.
        deadline = time.monotonic() + 20
        while not (made := self.audit("backup")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertEqual({(one["actor"], one["decision"]) for one in made}, {(ADMIN, "allow")})

    def test_a_right_that_is_taken_away_ends_an_archive(self):
        """A client that reads slowly, so that its right goes in the middle. An auditor is told of
        backups, and reads none."""
        self.stored(content(80 * MIB))
        name = self.back_up()["name"]
        line = f"GET /api/v1/backups/{name}/archive HTTP/1.1"
        # An auditor may see that there are backups, and read none.
        for left in ("--none", "auditors"):
            self.server.admin_ctl("accounts", "groups", f"ann@{DOMAIN}", "administrators")
            with Https(self.server, self.ann, buffer=MIB) as https:
                status, headers = https.send(line).head()
                self.assertEqual(status, 200)
                size = int(headers["content-length"])
                self.assertGreater(size, 80 * MIB)
                self.server.admin_ctl("accounts", "groups", f"ann@{DOMAIN}", left)
                got = len(https.seen)
                try:
                    while got < size and (more := https.socket.recv(65536)):
                        got += len(more)
                except OSError:
                    pass   # a reset is an end, too
                self.assertLess(got, size, left)
            self.assertEqual(self.ask(self.ann, line).status, 403)

    def test_it_ends_a_small_archive_that_is_read_slowly(self):
        self.stored(content(24 * MIB))
        name = self.back_up()["name"]
        self.server.admin_ctl("accounts", "groups", f"ann@{DOMAIN}", "administrators")
        with Https(self.server, self.ann, buffer=MIB) as https:
            status, headers = https.send(f"GET /api/v1/backups/{name}/archive HTTP/1.1").head()
            self.assertEqual(status, 200)
            self.server.admin_ctl("accounts", "groups", f"ann@{DOMAIN}", "--none")
            time.sleep(3)
            self.assertLess(len(https.until_closed()), int(headers["content-length"]))

    def test_a_folder_that_takes_none(self):
        self.server.stop()
        blocked = os.path.join(self.server.folder, "blocked")
        with open(blocked, "w", encoding="utf-8") as file:
            file.write("no folder")
        self.server.settings["backup.dir"] = blocked
        self.server.start()
        self.assertIn("no backup can be made", self.server.log())
        done = self.server.gridctl("backup", identity=self.server.admin)
        self.assertEqual(done.returncode, 1)
        self.assertIn(blocked, done.stderr)
        (failed,) = self.server.admin_json("backups", "list")["backups"]
        self.assertEqual(failed["state"], "failed")
        self.assertFalse(os.path.exists(os.path.join(self.server.data, "checkpoint")))

    def test_damaged_foreign_and_newer_backups_are_not_restored(self):
        self.create().publish("one")
        self.stored(content(5_000))
        folder = self.folder_of(self.back_up())
        self.server.stop()
        manifest = os.path.join(folder, "manifest.json")
        with open(manifest, encoding="utf-8") as file:
            good = file.read()

        def with_manifest(old, new):
            with open(manifest, "w", encoding="utf-8") as file:
                file.write(good.replace(old, new, 1))

        self.refused("domain", folder, domain="other.example")
        self.refused("is not empty", folder, data=self.server.data)
        self.refused("manifest", os.path.join(folder, "store"))
        self.refused("unpack it", manifest)
        with_manifest('"format":1', '"format":2')
        self.refused("newer gridd", folder)
        with_manifest('"schema":1', '"schema":2')
        self.refused("newer gridd", folder)
        with_manifest('"path":"store/CURRENT"', '"path":"../CURRENT"')
        self.refused("no file of a data directory", folder)
        with_manifest('"path":"store/CURRENT"', '"path":"store/../../CURRENT"')
        self.refused("no file of a data directory", folder)
        with_manifest(good[-200:], "")
        self.refused("is no JSON", folder)
        with_manifest("", "")

        with_manifest('"name":"2', '"name":"../2')
        self.refused("no name of a backup", folder)
        with_manifest("", "")

        # The copied store alone shows these.
        lies = {
            "is not the one": ({"epoch": 7}, None),
            "the backup lacks files/": ({}, "files/"),
        }
        for number, (said, (store, left_out)) in enumerate(lies.items()):
            lie = json.loads(good)
            lie["store"] |= store
            if left_out:
                lie["files"] = [e for e in lie["files"] if not e["path"].startswith(left_out)]
            with_manifest(good, json.dumps(lie))
            code, text = self.restore(folder, os.path.join(self.server.folder, f"lie{number}"))
            self.assertEqual(code, 1, text)
            self.assertIn(said, text)
        with_manifest("", "")

        (upload,) = os.listdir(os.path.join(folder, "files"))
        for name in (f"files/{upload}", "store/CURRENT"):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                bytes_of = file.read()
            os.unlink(path)   # the server may have the same bytes linked
            self.refused("is not whole", folder)
            os.symlink(manifest, path)
            self.refused("is not whole", folder)
            os.unlink(path)
            with open(path, "wb") as file:
                file.write(bytes([bytes_of[0] ^ 1]) + bytes_of[1:])
            self.refused("is damaged", folder)
            with open(path, "wb") as file:
                file.write(bytes_of)
        code, said = self.restore(folder, os.path.join(self.server.folder, "elsewhere"))
        self.assertEqual(code, 0, said)

    def test_a_restore_that_was_cut_short_starts_nothing(self):
        self.create().publish("one")
        folder = self.folder_of(self.back_up())
        self.server.stop()
        data = os.path.join(self.server.folder, "half")
        self.assertEqual(self.restore(folder, data)[0], 0)
        # As a crash leaves it: the mark is the first that is written, and the last that goes.
        with open(os.path.join(data, "restore.unfinished"), "w", encoding="utf-8"):
            pass
        self.refused("not finished", folder, data=data)
        self.server.data = data
        with self.assertRaisesRegex(AssertionError, "not finished"):
            self.server.start()
        shutil.rmtree(data)
        os.mkdir(data)
        self.assertEqual(self.restore(folder, data)[0], 0)
        self.server.start()
        self.assertEqual(self.topic(self.ann).items(), ["one"])

    def test_two_restores_at_once_end_with_one_of_them(self):
        """The second one is told that the first is at work, and so is a server."""
        owner = self.create()
        for number in range(200):
            owner.publish(f"i{number}")
        folder = self.folder_of(self.back_up())
        self.server.stop()
        data = os.path.join(self.server.folder, "both")
        os.mkdir(data)
        with open(os.path.join(data, "restore.unfinished"), "w", encoding="utf-8"):
            pass
        # As a restore that is at work has it.
        descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self.refused("another restore is at work", folder, data=data)
        self.server.data, kept = data, self.server.data
        with self.assertRaisesRegex(AssertionError, "a restore is at work"):
            self.server.start()
        self.server.data = kept
        os.close(descriptor)
        self.refused("not finished", folder, data=data)
        shutil.rmtree(data)
        with ThreadPoolExecutor(4) as pool:
            ended = [one.result() for one in
                     [pool.submit(self.restore, folder, data) for _ in range(4)]]
        codes = sorted(code for code, _ in ended)
        self.assertEqual(codes, [0, 1, 1, 1], ended)
        for code, said in ended:
            if code:
                self.assertRegex(said, "another restore is at work|is not empty")
        self.server.data = data
        self.server.start()
        self.assertEqual(len(self.topic(self.ann).items()), 200)

    def test_an_account_that_was_made_an_administrator_stays_one(self):
        folder = self.folder_of(self.back_up())
        self.server.stop()
        data = os.path.join(self.server.folder, "other")
        self.assertEqual(self.restore(folder, data)[0], 0)
        with open(os.path.join(data, "administrators"), encoding="utf-8") as file:
            self.assertTrue(re.search(rf"^{ADMIN}$", file.read(), re.M))
        self.server.data = data
        self.server.start()
        self.assertEqual(self.server.admin_json("status")["administrator"], ADMIN)


if __name__ == "__main__":
    unittest.main()
