# tests/integration/test_events.py: events are told as they happen: GET /api/v1/events.
"""The listener reads bytes over TLS; what it hears is compared with what REST answers."""

import time
import unittest

import console
from events import Listening
from files import MIB, FilesCase, Https, content
from gridd import DOMAIN

ADMIN = f"admin@{DOMAIN}"


class Heard(unittest.TestCase):
    """The kinds of events, and what each says."""

    @classmethod
    def setUpClass(cls):
        cls.server = console.Administered(console.POLICY, {
            "pubsub.access_open": "true", "limits.idle_seconds_max": "3600",
        }).start()
        cls.addClassCleanup(cls.server.close)
        cls.server.rest("POST", "accounts", {"jid": f"probe@{DOMAIN}", "groups": ["sensors"]})
        cls.server.rest("POST", "accounts", {"jid": f"desk@{DOMAIN}", "groups": ["desks"]})
        cls.probe = cls.server.log_in("probe")
        console.create(cls.probe, "incidents/ssh")

    def listen(self, query="", *headers):
        listening = Listening(self.server, self.server.admin, query, *headers)
        self.addCleanup(listening.close)
        self.assertEqual(listening.status, 200, listening.refusal)
        return listening

    def publish(self, count=1):
        for number in range(count):
            console.publish(self.probe, "incidents/ssh", f"item-{number}")

    def test_the_head(self):
        heard = self.listen("?kinds=state")
        self.assertEqual(heard.headers["content-type"], "text/event-stream")
        self.assertEqual(heard.headers["cache-control"], "no-store")
        self.assertEqual(heard.headers["x-content-type-options"], "nosniff")
        heard.expect("state")

    def test_figures_each_second_and_rates_from_the_second_one_on(self):
        with self.server.at(self.probe):   # each member has figures of its own
            heard = self.listen("?kinds=state")
            first = heard.expect("state").data
            status = self.server.rest("GET", "status")
        self.assertIsNone(first["rates"])
        self.assertEqual(first["accounts"], status["accounts"])
        self.assertEqual(first["topics"], status["topics"])
        self.assertEqual(first["policy_version"], status["policy"]["version"])
        self.assertTrue(first["store_writable"])
        self.assertGreater(first["memory_bytes"], MIB)
        self.publish()
        busy = heard.expect("state", lambda state: state["rates"]
                            and state["rates"]["published"] > 0).data
        self.assertGreater(busy["rates"]["commit_seconds_p99"], 0)
        self.assertGreater(busy["rates"]["stanzas_received"], 0)
        quiet = heard.expect("state", lambda state: state["rates"]
                             and state["rates"]["published"] == 0).data
        self.assertGreaterEqual(quiet["rates"]["cpu"], 0)

    def test_sessions_that_come_and_go(self):
        heard = self.listen("?kinds=sessions,state")
        heard.expect("state")
        full = f"desk@{DOMAIN}/tablet"
        with self.server.at(heard.https):   # each member tells of its own
            client = self.server.log_in("desk", "tablet")

        def has(what):
            return lambda data: any(one["what"] == what and one["jid"] == full
                                    for one in data["changes"])
        came = heard.expect("sessions", has("opened")).data
        self.assertGreaterEqual(came["counts"]["opened"], 1)
        one = next(one for one in came["changes"] if one["jid"] == full)
        listed = self.server.rest("GET", f"sessions?jid=desk@{DOMAIN}")["sessions"]
        self.assertIn(one["id"], [session["id"] for session in listed])
        self.assertEqual(one["transport"], "c2s")
        client.socket.close()
        heard.expect("sessions", has("closed"))

    def test_accounts_that_wait_and_are_approved(self):
        heard = self.listen("?kinds=accounts")
        before = heard.expect("accounts").data["pending"]
        client = self.server.log_in("newcomer", "boot", present=False)
        self.addCleanup(client.socket.close)
        console.register(client, ["sensors"], "camera")
        waits = heard.expect("accounts", lambda data: data["pending"] == before + 1).data
        self.assertEqual(waits["disabled"], 0)
        self.server.rest("POST", f"accounts/newcomer@{DOMAIN}/approve")
        heard.expect("accounts", lambda data: f"newcomer@{DOMAIN}" in data["changed"]
                     and data["pending"] == before)
        self.server.rest("POST", f"accounts/newcomer@{DOMAIN}/disable")
        heard.expect("accounts", lambda data: data["disabled"] == 1)
        self.server.rest("DELETE", f"accounts/newcomer@{DOMAIN}")
        heard.expect("accounts", lambda data: data["disabled"] == 0)

    def test_decisions_as_the_audit_has_them(self):
        heard = self.listen("?kinds=audit,state")
        heard.expect("state")
        desk = self.server.log_in("desk", "denied")
        self.addCleanup(desk.socket.close)
        desk.is_refused(desk.publish("incidents/ssh"))
        denied = heard.expect("audit", lambda record: record["decision"] == "deny"
                              and record["operation"] == "publish")
        self.assertEqual(denied.data["actor"].split("/")[0], f"desk@{DOMAIN}")
        self.assertEqual(denied.data["topic"], "incidents/ssh")
        self.assertEqual(denied.id, denied.data["id"])
        records = self.server.rest("GET", f"audit?account=desk@{DOMAIN}&decision=deny")["records"]
        self.assertIn(denied.data, records)

    def test_one_that_comes_back_is_told_what_it_missed_once_and_in_order(self):
        heard = self.listen("?kinds=audit,state")
        heard.expect("state")
        self.publish()
        last = heard.expect("audit", lambda record: record["operation"] == "publish")
        heard.close()
        self.publish(30)
        self.server.rest("POST", "announce", {"text": "the last of them"})
        for query, headers in ((f"?kinds=audit&after={last.id}", ()),
                               ("?kinds=audit", (f"Last-Event-ID: {last.id}",)),
                               (f"?kinds=audit&after={'0' * 18}", (f"Last-Event-ID: {last.id}",))):
            with self.subTest(query):
                back = self.listen(query, *headers)
                ids = []
                while True:
                    event = back.expect("audit")
                    ids.append(event.id)
                    if event.data["operation"] == "announce":
                        break
                back.close()
                self.assertEqual(ids, sorted(set(ids)))
                wanted = []
                for record in self.server.rest("GET", "audit?max=200")["records"]:
                    if record["id"] == last.id:
                        break
                    wanted.append(record["id"])
                self.assertEqual(ids, [one for one in reversed(wanted) if one <= ids[-1]])

    def test_one_that_missed_more_than_is_kept_for_it_is_told_how_many(self):
        newest = self.server.rest("GET", "audit?max=1")["records"][0]
        self.publish(700)
        back = self.listen(f"?kinds=audit&after={newest['id']}")
        lost = back.expect("lost").data
        first = back.expect("audit").data
        self.assertEqual(first["number"], newest["number"] + lost["records"] + 1)
        self.assertGreaterEqual(lost["records"], 200)

    def test_more_records_in_a_second_than_are_told(self):
        heard = self.listen("?kinds=audit,state")
        heard.expect("state")
        last = self.server.rest("GET", "audit?max=1")["records"][0]["number"]
        others = [self.server.log_in("probe", f"many-{n}") for n in range(2)]
        for other in others:
            self.addCleanup(other.socket.close)
            stanzas = "".join(
                f"<iq type='set' id='m{n}' to='pubsub.{DOMAIN}'><pubsub "
                "xmlns='http://jabber.org/protocol/pubsub'><publish node='incidents/ssh'>"
                f"<item id='x{n}'><alert xmlns='urn:x:alert'/></item></publish></pubsub></iq>"
                for n in range(1500)
            )
            other.send(stanzas)
        # Each record is told, or counted.
        count, seen = 0, last
        heard.deadline = time.monotonic() + 60
        while seen < last + 3000:
            event = heard.next()
            if event.kind == "lost":
                count += event.data["records"]
            elif event.kind == "audit" and event.data["number"] > last:
                count += 1
                seen = max(seen, event.data["number"])
        self.assertEqual(count, seen - last)

    def test_a_quiet_listener_sees_that_its_connection_lives(self):
        heard = self.listen("?kinds=transfers")
        self.assertRegex(heard.comment(), "^:\n\n$")

    def test_kinds_are_left_out(self):
        heard = self.listen("?kinds=state,transfers")
        self.publish()
        kinds = {heard.next().kind for _ in range(3)}
        self.assertEqual(kinds, {"state"})


class Refused(unittest.TestCase):
    """Who may not listen, who may no more, and who has to wait."""

    @classmethod
    def setUpClass(cls):
        cls.server = console.Administered(console.POLICY, {"accounts.auto_approve": "true"}).start()
        cls.addClassCleanup(cls.server.close)
        cls.user = cls.server.authority.client(f"user@{DOMAIN}")
        cls.server.log_in("user").socket.close()

    def refused(self, status, identity, query="", *headers):
        with Listening(self.server, identity, query, *headers) as heard:
            self.assertEqual(heard.status, status, heard.refusal)
            return heard.refusal

    def test_strangers_and_clients(self):
        self.refused(401, None)
        self.refused(403, self.user)
        self.refused(403, self.user, "?kinds=state")

    def test_a_wish_that_is_none(self):
        for query in ("?kinds=state,nonsense", "?kinds=State", "?kinds=,", "?after=x",
                      "?after=" + "g" * 18, "?since=1", "?kinds=%zz"):
            with self.subTest(query):
                self.refused(400, self.server.admin, query)
        self.refused(400, self.server.admin, "", "Last-Event-ID: 7")

    def test_methods_versions_and_heads(self):
        answer = console.ask(self.server, "POST", "/api/v1/events", self.server.admin, {})
        self.assertEqual(answer.status, 405)
        with Https(self.server, self.server.admin) as old:
            old.send("GET /api/v1/events HTTP/1.0")
            self.assertEqual(old.head()[0], 505)
        head = console.ask(self.server, "HEAD", "/api/v1/events", self.server.admin)
        self.assertEqual((head.status, head.body), (200, b""))

    def administrator(self, name):
        """A second administrator, and what takes the right away again."""
        bundle = self.server.authority.client(f"{name}@{DOMAIN}")
        self.server.rest("POST", "accounts", {"jid": bundle.jid})
        self.server.log_in(name).socket.close()
        self.server.rest("PUT", "administrators", {"administrators": [ADMIN, bundle.jid]})
        return bundle

    def test_one_who_may_listen_no_more(self):
        losses = {
            "removed": lambda name: self.server.rest("PUT", "administrators",
                                                     {"administrators": [ADMIN]}),
            "off": lambda name: self.server.rest("POST", f"accounts/{name}@{DOMAIN}/disable"),
        }
        for name, lose in losses.items():
            with self.subTest(name):
                bundle = self.administrator(name)
                with Listening(self.server, bundle) as heard:
                    heard.expect("state")
                    lose(name)
                    end = heard.expect_end()[-1]
                    self.assertEqual(end.kind, "end")
                    self.assertIn("code", str(end.data))
                    self.assertEqual(heard.https.until_closed(), b"")
                self.refused(403, bundle)

    def test_so_many_of_one_account(self):
        self.server.stay()   # each member counts its own
        listeners = [self.admitted("?kinds=transfers") for _ in range(16)]
        refusal = self.refused(429, self.server.admin)
        self.assertIn("too-many-listeners", str(refusal))
        # Another account's are not counted with them.
        other = self.administrator("other")
        with Listening(self.server, other, "?kinds=state") as heard:
            heard.expect("state")
        for one in listeners:
            one.close()
        self.admitted("?kinds=state").expect("state")

    def admitted(self, query):
        """A listener of the administrator, once there is a place: the server sees that one is gone
        when it has something to say to it."""
        deadline = time.monotonic() + 60
        while True:
            heard = Listening(self.server, self.server.admin, query)
            self.addCleanup(heard.close)
            if heard.status == 200:
                return heard
            self.assertEqual(heard.status, 429)
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)

    def test_listeners_that_go_away_without_a_word_leave_their_places(self):
        for _ in range(40):
            self.admitted("?kinds=state").close()


class Stopping(unittest.TestCase):
    def test_a_server_that_stops_ends_the_stream(self):
        server = console.Administered(console.POLICY).start()
        self.addCleanup(server.close)
        with Listening(server, server.admin) as heard:
            heard.expect("state")
            server.stop()
            heard.expect_end()


class Moving(FilesCase):
    """Transfers, with how far they are and their end."""

    settings = {"bulk.bytes_per_second_per_account": 2 * MIB}

    def test_an_upload_and_a_download(self):
        data = content(6 * MIB)
        listening = Listening(self.server, self.server.admin, "?kinds=transfers")
        # Each member tells of its own.
        with listening as heard, self.server.at(heard.https):
            path = self.stored(data)
            up = heard.expect("transfers", lambda event: any(
                one["kind"] == "upload" and 0 < one["bytes"] < len(data)
                for one in event["transfers"])).data
            self.assertEqual(up["running"], 1)
            self.assertEqual(up["transfers"][0]["account"], f"ann@{DOMAIN}")
            done = heard.expect("transfers", lambda event: any(
                one["kind"] == "upload" for one in event["recent"])).data["recent"][0]
            self.assertEqual((done["state"], done["bytes"]), ("complete", len(data)))
            self.assertEqual(self.get(path).body, data)
            heard.expect("transfers", lambda event: any(
                one["kind"] == "download" and one["state"] == "complete"
                for one in event["recent"]))
            # Once more when there are none any longer, and then no more.
            last = heard.expect("transfers", lambda event: event["running"] == 0
                                and event["ended"] == 0).data
            self.assertEqual((last["transfers"], last["recent"]), ([], []))


if __name__ == "__main__":
    unittest.main()
