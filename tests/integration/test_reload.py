# tests/integration/test_reload.py: configuration, certificates and policy are read anew, as a whole
# or not at all.
"""GRIDD_RELOADS=1000: so many under load instead of 60."""

import json
import os
import re
import shutil
import signal
import threading
import time
import unittest

from configured import Configured, Rest, der, replace
from gridd import ADMIN, DOMAIN, binary
from policies import EVERYTHING
from talker import Talker

RELOADS = int(os.environ.get("GRIDD_RELOADS", "60"))
SECONDS = 60   # for what must come, on a machine that has others to serve
GROWTH_MAX = 16 * 1024 * 1024


def settings(**more):
    return {"accounts.auto_approve": "true", "reload.on_change": "false",
            **{key.replace("__", "."): value for key, value in more.items()}}


class Reload(unittest.TestCase):
    def setUp(self):
        self.server = Configured(EVERYTHING, settings(**self.more()))
        self.addCleanup(self.server.close)
        self.server.start()

    @staticmethod
    def more():
        return {}

    def reload(self, *, refused=False):
        done = self.server.gridctl("reload", identity=self.server.admin)
        self.assertEqual(done.returncode, 1 if refused else 0, done.stdout + done.stderr)
        return done.stderr if refused else done.stdout

    def audit(self, operation):
        return self.server.admin_json("audit", "--operation", operation)["records"]


class Answer(Reload):
    def test_it_says_what_was_taken_and_what_waits_for_a_restart(self):
        server = self.server
        session = Talker(server.c2s, DOMAIN).login(server.authority.client("ann@" + DOMAIN))
        self.addCleanup(session.socket.close)
        self.assertEqual(self.reload(), "changed: nothing\n")
        fresh = server.fresh()
        server.install(fresh)
        replace(server.policy, EVERYTHING + "# and more\n")
        server.configure(log__level="debug", pubsub__nodes_max=7, listen__health="127.0.0.1:0")
        said = self.reload()
        self.assertIn("changed: certificates, policy, log.level\n", said)
        self.assertIn("a restart is needed for: listen.health, pubsub.nodes_max\n", said)
        self.assertEqual(server.shown(), der(fresh.cert))
        self.assertIn("# and more", server.admin_ctl("policy", "show"))
        # An option that waits for a restart is named until it comes.
        answer = json.loads(server.admin_ctl("--json", "reload"))
        self.assertEqual([], answer["changed"])
        self.assertEqual(["listen.health", "pubsub.nodes_max"], answer["needs_restart"])
        server.configure(listen__health="", pubsub__nodes_max=None, log__level="info")
        answer = json.loads(server.admin_ctl("--json", "reload"))
        self.assertEqual((["log.level"], []), (answer["changed"], answer["needs_restart"]))
        # Options of TLS: a client that has no newer version is refused from now on.
        server.configure(tls__min_version="1.3")
        self.assertEqual(self.reload(), "changed: tls.min_version\n")
        session.presence()

    def test_every_mistake_is_named_with_its_place_and_nothing_is_taken(self):
        server = self.server
        other = server.fresh()
        shutil.copy(other.cert, server.certificate)   # the key is still the old one
        shown = server.shown()
        replace(server.policy, "allow any nonsense on *\nallow any to any on any\ndeny\n")
        server.configure(log__level="debug", limits__idle_seconds_max="soon", tls__ocsp="maybe",
                         no__such="x")
        mark = server.log_mark()
        said = self.reload(refused=True)
        self.assertRegex(said, r"everything stays as it was: \d mistakes")

        def named(key):
            return rf"{re.escape(server.config)}:{server.line(key)}:\d+: "

        wanted = [
            named("limits.idle_seconds_max") + ".*whole number",
            named("tls.ocsp") + "tls.ocsp must be",
            named("no.such") + "there is no option 'no.such'",
            named("tls.key") + ".*does not belong",
            re.escape(server.policy) + r":1:\d+: ",
            re.escape(server.policy) + r":3:\d+: ",
        ]
        log = server.log(mark)
        for pattern in wanted:
            self.assertRegex(said, f"(?m)^(?:{pattern})")
            self.assertRegex(log, f"what=reload_refused reason=\"(?:{pattern})")
        self.assertEqual(server.shown(), shown)
        self.assertNotIn("nonsense", server.admin_ctl("policy", "show"))
        with Rest(server) as rest:
            status, answer = rest.ask("POST", "reload")
        self.assertEqual((409, "reload-refused"), (status, answer["code"]))
        self.assertEqual(len(wanted), len(answer["mistakes"]))
        # A file that is no TOML at all.
        replace(server.config, "domain = 'a'\n[listen\n")
        self.assertRegex(self.reload(refused=True), re.escape(server.config) + r":2:\d+: ")
        os.unlink(server.config)
        self.assertIn("No such file", self.reload(refused=True))

    def test_an_unreadable_revocation_list_refuses_all(self):
        lists = os.path.join(self.server.folder, "lists")
        os.mkdir(lists)
        self.server.configure(tls__crl=[lists], log__level="debug")
        self.assertIn("tls.crl", self.reload())   # waits for a restart
        replace(os.path.join(lists, "bad.pem"), "no list\n")
        self.assertRegex(self.reload(refused=True), "tls.crl: .*bad.pem")

    def test_files_that_were_cut_to_nothing_are_refused(self):
        server = self.server
        with open(server.config, encoding="utf-8") as file:
            good = file.read()
        policy = server.admin_ctl("policy", "show")
        replace(server.config, "")
        self.assertIn("tls.certificate is not set", self.reload(refused=True))
        replace(server.config, good)
        replace(server.policy, "")
        self.assertIn("is empty", self.reload(refused=True))
        self.assertEqual(policy, server.admin_ctl("policy", "show"))
        replace(server.policy, "# no rule\n")   # as its author wants it
        self.assertEqual(self.reload(), "changed: policy\n")

    def test_only_administrators_may(self):
        server = self.server
        sensor = server.authority.client("sensor@" + DOMAIN)
        with Talker(server.c2s, DOMAIN) as client:
            client.login(sensor)
        mark = server.log_mark()
        done = server.gridctl("reload", identity=sensor)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("group administrators", done.stderr)
        server.configure(accounts__administrators=["sensor@" + DOMAIN])
        self.assertIn("accounts.administrators", self.reload())
        deadline = time.monotonic() + SECONDS
        while server.gridctl("reload", identity=sensor).returncode != 0:
            self.assertLess(time.monotonic(), deadline)
        self.assertIn(f"by=sensor@{DOMAIN}", server.log(mark))

    def test_each_is_on_record(self):
        server = self.server
        server.configure(log__level="debug")
        self.reload()
        server.configure(log__level="loud")
        self.reload(refused=True)
        mark = server.log_mark()
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("what=reload_refused .*by=SIGHUP", mark, SECONDS)
        deadline = time.monotonic() + SECONDS
        while len(refused := self.audit("reload-refused")) < 2:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        by_signal, by_person = refused
        self.assertEqual((ADMIN, "allow"), (by_person["actor"], by_person["decision"]))
        self.assertEqual(("system", "info"), (by_signal["actor"], by_signal["decision"]))
        for record in refused:
            self.assertRegex(record["detail"], rf"{re.escape(server.config)}:\d+:\d+: log.level")
        taken = self.audit("reload")
        self.assertEqual([ADMIN], [record["actor"] for record in taken])
        self.assertIn("changed log.level", taken[0]["detail"])
        server.admin_ctl("audit", "verify")


class WhileDown(Reload):
    """policy.file is edited while the server is down."""

    def restart(self, text=None):
        """The log of the start."""
        self.server.stop()
        if text is not None:
            replace(self.server.policy, text)
        mark = self.server.log_mark()
        self.server.start()
        return self.server.log(mark)

    def in_force(self):
        return self.server.admin_ctl("policy", "show")

    def test_an_edited_file_is_taken_at_the_start(self):
        edited = EVERYTHING + "# edited\n"
        self.restart(edited)
        self.assertIn("# edited", self.in_force())
        taken = self.audit("policy-set")[0]
        self.assertEqual("system", taken["actor"])
        self.assertIn("edited while the server was down", taken["detail"])
        count = len(self.audit("policy-set"))
        self.assertNotIn("policy_file_differs", self.restart())
        self.assertEqual(count, len(self.audit("policy-set")))
        # Within the second before a crash, too.
        replace(self.server.policy, EVERYTHING + "# at the last moment\n")
        self.server.kill9()
        self.server.start()
        self.assertIn("# at the last moment", self.in_force())

    def test_a_policy_that_was_set_since_stays(self):
        self.server.admin_ctl("policy", "set", "-", stdin=EVERYTHING + "# by hand\n")
        for _ in range(2):
            self.assertRegex(self.restart(), "warn  what=policy_file_differs .*version=2")
            self.assertIn("# by hand", self.in_force())
        self.assertIn("changed: nothing", self.reload())
        self.assertIn("# by hand", self.in_force())
        replace(self.server.policy, EVERYTHING + "# of the file\n")
        self.assertIn("changed: policy", self.reload())
        self.assertNotIn("policy_file_differs", self.restart())
        self.assertIn("# of the file", self.in_force())

    def test_a_file_that_was_cut_to_nothing_is_not_taken(self):
        self.assertIn("what=policy_file_differs", self.restart("\n"))
        self.assertIn("allow", self.in_force())


class BadDisk(Reload):
    """A policy that cannot be stored: its reload takes nothing else either."""

    def setUp(self):
        self.server = Configured(EVERYTHING, settings(storage__reopen_after_seconds=0))
        self.addCleanup(self.server.close)
        self.server.program = binary("gridd_forgetful")
        self.server.start()

    def test_nothing_is_taken_until_the_store_takes_writes(self):
        server = self.server
        fresh, shown = server.fresh(), server.shown()
        self.reload()   # from now on the administrator is bound to its certificate
        server.process.send_signal(signal.SIGHUP)   # to that program: no file can be appended to
        deadline = time.monotonic() + SECONDS
        number = 0
        while True:   # the order is carried out by another thread
            number += 1
            replace(server.policy, EVERYTHING + f"# {number}\n")
            done = server.gridctl("reload", identity=server.admin)
            if done.returncode:
                break
            self.assertLess(time.monotonic(), deadline)
        self.assertRegex(done.stderr, r"gridd.toml:\d+:\d+: the policy cannot be stored: ")
        server.install(fresh)
        server.configure(log__level="debug")
        self.assertIn("the policy cannot be stored", self.reload(refused=True))
        self.assertEqual(shown, server.shown())
        self.assertNotIn(f"# {number}", server.admin_ctl("policy", "show"))
        server.process.send_signal(signal.SIGHUP)
        while server.gridctl("store", "reopen", identity=server.admin).returncode:
            self.assertLess(time.monotonic(), deadline + SECONDS)
        self.assertIn("changed: certificates, policy, log.level", self.reload())
        self.assertEqual(der(fresh.cert), server.shown())


class Changing(Reload):
    @staticmethod
    def more():
        return {"reload__on_change": "true"}

    def change(self, pattern, act):
        mark = self.server.log_mark()
        act()
        return self.server.wait_log(pattern, mark, SECONDS)


class OnChange(Changing):
    def test_files_that_are_written_or_renamed_into_their_place(self):
        server = self.server
        line = self.change("what=reloaded changed=log.level",
                           lambda: server.configure(log__level="debug"))
        self.assertIn(f"file change: {server.config}", line)
        self.change("what=reloaded changed=policy",
                    lambda: replace(server.policy, EVERYTHING + "# renamed\n"))

        def in_place():
            with open(server.policy, "a", encoding="utf-8") as file:
                file.write("# written\n")

        self.change("what=reloaded changed=policy", in_place)
        self.assertIn("# written", server.admin_ctl("policy", "show"))
        # Bad files change nothing; when they are mended, that is a change.
        line = self.change("what=reload_refused",
                           lambda: replace(server.policy, EVERYTHING + "nonsense\n"))
        self.assertRegex(line, r"policy:2:\d+: ")
        self.change("what=reloaded changed=policy",
                    lambda: replace(server.policy, EVERYTHING + "# mended\n"))
        # Gone, and there again.
        self.change("what=reload_refused.*No such file", lambda: os.unlink(server.policy))
        self.change("what=reloaded changed=policy",
                    lambda: replace(server.policy, EVERYTHING + "# again\n"))
        fresh = server.fresh()
        self.change("what=reloaded changed=certificates", lambda: server.install(fresh))
        self.assertEqual(server.shown(), der(fresh.cert))

    def test_it_can_be_switched_off_and_on_again(self):
        server = self.server
        self.change("what=reloaded changed=reload.on_change",
                    lambda: server.configure(reload__on_change="false"))
        mark = server.log_mark()
        replace(server.policy, EVERYTHING + "# unseen\n")
        time.sleep(2)   # a reload would have come by then
        self.assertNotIn("what=reload", server.log(mark))
        server.configure(reload__on_change="true")
        self.assertIn("policy, reload.on_change", self.reload())
        self.change("what=reloaded changed=policy",
                    lambda: replace(server.policy, EVERYTHING + "# seen\n"))


class Swapped(Changing):
    """Links on the way to the files."""

    def setUp(self):
        self.server = Configured(EVERYTHING, settings(**self.more()))
        self.addCleanup(self.server.close)
        self.at = os.path.join(self.server.folder, "links")
        os.mkdir(self.at)

    def path(self, *names):
        return os.path.join(self.at, *names)

    def start_with(self, certificate, key):
        self.server.configure(tls__certificate=certificate, tls__key=key)
        self.server.start()

    def test_a_secret_of_kubernetes(self):
        """Its files are links through ..data, which leads to another folder from then on."""
        def secret(name):
            os.mkdir(self.path(name))
            fresh = self.server.fresh()
            shutil.copy(fresh.cert, self.path(name, "tls.crt"))
            shutil.copy(fresh.key, self.path(name, "tls.key"))
            os.symlink(name, self.path("..data_tmp"))
            os.rename(self.path("..data_tmp"), self.path("..data"))
            return der(fresh.cert)

        secret("..2026_1")
        for name in ("tls.crt", "tls.key"):
            os.symlink(f"..data/{name}", self.path(name))
        self.start_with(self.path("tls.crt"), self.path("tls.key"))
        for name in ("..2026_2", "..2026_3"):
            new = []
            self.change("what=reloaded changed=certificates", lambda: new.append(secret(name)))
            self.assertEqual(self.server.shown(), new[0])

    def test_a_renewal_of_certbot(self):
        """Links of live/ lead to other files of archive/."""
        os.mkdir(self.path("archive"))
        os.mkdir(self.path("live"))

        def renew(number):
            fresh = self.server.fresh()
            for name, file in (("cert", fresh.cert), ("key", fresh.key)):
                target = self.path("archive", f"{name}{number}.pem")
                shutil.copy(file, target)
                link = self.path("live", f"{name}.pem")
                if os.path.lexists(link):
                    os.unlink(link)
                os.symlink(f"../archive/{name}{number}.pem", link)
            return der(fresh.cert)

        renew(1)
        self.start_with(self.path("live", "cert.pem"), self.path("live", "key.pem"))
        for number in (2, 3):
            new = []
            self.change("what=reloaded changed=certificates", lambda: new.append(renew(number)))
            self.assertEqual(self.server.shown(), new[0])


class Subscriber(threading.Thread):
    """Reads what comes until it is told to stop; the numbers of the items, in their order."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client, self.numbers, self.rest = client, [], ""
        self.until = None

    def run(self):
        client = self.client
        while not client.closed and (self.until is None or len(self.numbers) < self.until):
            try:
                client.receive(time.monotonic() + 1)
            except AssertionError:
                continue
            *whole, self.rest = (self.rest + client.seen).split("</alert>")
            client.seen = ""
            self.numbers += [int(item.rpartition(">")[2]) for item in whole]


class Worker(threading.Thread):
    """Does the same again and again; the first failure ends it, and is kept."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work, self.failure, self.count, self.is_over = work, None, 0, False

    def run(self):
        while not self.is_over:
            try:
                self.work(self.count + 1)
            except Exception as failure:   # pylint: disable=broad-except
                self.failure = failure
                return
            self.count += 1

    def end(self):
        self.is_over = True
        self.join(SECONDS)
        if self.failure:
            raise self.failure


class UnderLoad(Reload):
    """No session ends, no request is refused, memory stays; handshakes show what is new."""

    def client(self, name):
        client = Talker(self.server.c2s, DOMAIN)
        self.addCleanup(client.socket.close)
        client.login(self.server.authority.client(f"{name}@{DOMAIN}"))
        client.presence()
        return client

    def begin(self):
        """Subscribers, a publisher, requests by HTTPS, and clients that come and go."""
        server = self.server
        publisher = self.client("publisher")
        publisher.does("<create node='alerts'/>")
        self.readers = []
        for number in range(5):
            reader = self.client(f"reader{number}")
            reader.does(f"<subscribe node='alerts' jid='reader{number}@{DOMAIN}'/>")
            self.readers.append(Subscriber(reader))
        guest = server.authority.client("guest@" + DOMAIN)
        lasting = Rest(server)
        self.addCleanup(lasting.connection.close)

        def publish(number):
            publisher.does(publisher.publish("alerts", number))
            time.sleep(0.005)

        def ask(_):
            for rest in (lasting, Rest(server)):
                status, answer = rest.ask("GET", "status")
                assert status == 200, answer
            rest.connection.close()
            time.sleep(0.02)

        def come_and_go(number):
            with Talker(server.c2s, DOMAIN) as client:
                client.login(guest, f"r{number}")
                client.presence()
            time.sleep(0.05)

        self.workers = [Worker(work) for work in (publish, ask, come_and_go)]
        for thread in self.readers + self.workers:
            thread.start()

    def good(self, number):
        """One of the changes that a reload takes, and what its answer then says."""
        server, kind = self.server, number // 2 % 3
        if kind == 0:
            server.install(server.fresh())
            return ["certificates"]
        if kind == 1:
            replace(server.policy, EVERYTHING + f"# version {number}\n")
            return ["policy"]
        level = "info" if server.options["log.level"] == "warn" else "warn"
        server.configure(log__level=level)
        return ["log.level"]

    def bad(self, number):
        """One of the mistakes, and how it is mended."""
        server, kind = self.server, number // 2 % 3
        if kind == 0:
            with open(server.key, encoding="ascii") as file:
                key = file.read()
            shutil.copy(server.fresh().key, server.key)
            return lambda: replace(server.key, key)
        if kind == 1:
            with open(server.policy, encoding="utf-8") as file:
                text = file.read()
            replace(server.policy, text + "nonsense\n")
            return lambda: replace(server.policy, text)
        replace(server.config, "log.level = 'loud'\nno.such = 1\n")
        return server.configure

    def test_sessions_requests_and_memory(self):
        server = self.server
        server.configure(log__level="info")
        self.begin()
        shown = server.shown()
        resident = 0
        with Rest(server) as rest:
            for number in range(RELOADS):
                if number % 2:
                    mend = self.bad(number)
                    status, answer = rest.ask("POST", "reload")
                    self.assertEqual(409, status, answer)
                    mend()
                else:
                    wanted = self.good(number)
                    status, answer = rest.ask("POST", "reload")
                    self.assertEqual((200, wanted), (status, answer.get("changed")), answer)
                if number % 6 < 2:
                    if number % 6 == 0:
                        before, shown = shown, der(server.certificate)
                        self.assertNotEqual(before, shown)
                    self.assertEqual(shown, server.shown())
                if number == RELOADS // 3:
                    resident = server.resident_bytes()
        grown = server.resident_bytes() - resident
        for worker in self.workers:
            worker.end()
            self.assertGreater(worker.count, 0)
        published = self.workers[0].count
        for reader in self.readers:
            reader.until = published
        for reader in self.readers:
            reader.join(SECONDS)
            self.assertEqual(list(range(1, published + 1)), reader.numbers)
            self.assertFalse(reader.client.closed)
            reader.client.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)
        self.assertLess(grown, GROWTH_MAX)
        if RELOADS > 60:
            print(f"{RELOADS} reloads, {published} publishes, {self.workers[1].count} requests,"
                  f" {self.workers[2].count} logins, grown by {grown} bytes")


if __name__ == "__main__":
    unittest.main()
