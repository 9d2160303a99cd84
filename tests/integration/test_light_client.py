# tests/integration/test_light_client.py: gridctl as a client of the grid, in processes of its own.
"""publish, subscribe, query, topics find against the real server, as a script would have them."""

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import xml.etree.ElementTree as ET

from gridd import DOMAIN, Operated, binary, wait_taken
from policies import EVERYTHING
from relay import Relay
from topic import Topic

DONE, REFUSED, USAGE, NO_CONNECTION, NOT_FOUND, INTERRUPTED = 0, 1, 2, 3, 4, 130
EVENT = "{http://jabber.org/protocol/pubsub#event}"
SECONDS = 60
POLICY = EVERYTHING + "allow group everyone to query on *\nallow any to publish on service *\n"


def wait_for(condition, what, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("no " + what() if callable(what) else "no " + what)
        time.sleep(0.02)


class Run:
    """A gridctl that runs: its lines as they come, its errors when it has ended."""

    def __init__(self, command, stdin=subprocess.DEVNULL):
        self.lines = []
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def wait_lines(self, count, seconds=SECONDS):
        wait_for(
            lambda: len(self.lines) >= count or self.process.poll() is not None,
            lambda: f"{count} lines, but {len(self.lines)}: {self.lines[-3:]} {self.said()}",
            seconds,
        )
        assert len(self.lines) >= count, (len(self.lines), self.process.poll(), self.said())

    def end(self, seconds=SECONDS):
        """Waits for its end; the exit code."""
        code = self.process.wait(seconds)
        self.thread.join(seconds)
        return code

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.thread.join(5)
        self.process.stdout.close()
        self.errors.close()


class LightCase(unittest.TestCase):
    settings = {"accounts.auto_approve": "true"}

    @classmethod
    def setUpClass(cls):
        cls.server = Operated(POLICY, dict(cls.settings)).start()
        cls.addClassCleanup(cls.server.close)
        cls.sensor = cls.server.authority.client(f"sensor@{DOMAIN}")
        cls.desk = cls.server.authority.client(f"desk@{DOMAIN}")

    def command(self, who, *arguments, port=None, json_lines=False):
        host, own_port = self.server.c2s
        command = [binary("gridctl"), "--server", f"{host}:{port or own_port}"]
        command += ["--cert", who.cert, "--key", who.key, "--ca", who.ca]
        return command + (["--json"] if json_lines else []) + [str(one) for one in arguments]

    def run_it(self, who, *arguments, stdin="", code=DONE, **how):
        done = subprocess.run(
            self.command(who, *arguments, **how), input=stdin, capture_output=True, text=True,
            timeout=SECONDS, check=False,
        )
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def start(self, who, *arguments, stdin=subprocess.DEVNULL, **how):
        run = Run(self.command(who, *arguments, **how), stdin)
        self.addCleanup(run.close)
        return run

    def publish(self, topic, lines, *arguments, **how):
        return self.run_it(
            self.sensor, "publish", topic, "-", "--lines", "--create", *arguments,
            stdin="".join(line + "\n" for line in lines), **how,
        )

    def subscribe(self, *arguments, who=None, **how):
        """Started, and subscribed to its first topic."""
        topic = arguments[0]
        before = self.subscribers(topic)
        run = self.start(who or self.desk, "subscribe", *arguments, **how)
        wait_for(
            lambda: self.subscribers(topic) > before or run.process.poll() is not None,
            lambda: "subscription: " + run.said(),
        )
        return run

    def subscribers(self, topic):
        return len(self.server.admin_json("topics", "subscribers", topic)["subscribers"])


class Items(LightCase):
    """From a file or a pipe to lines."""

    def test_a_document_and_its_id(self):
        self.publish("docs", ["<first xmlns='urn:x'/>"])
        run = self.subscribe("docs", "--count", 1)
        self.run_it(
            self.sensor, "publish", "docs", "-", "--id", "mine",
            stdin="<?xml version='1.0'?>\n"
            "<a:alert xmlns:a='urn:x'>\n  two &lt; lines\r\n</a:alert>\n",
        )
        self.assertEqual(run.end(), DONE, run.said())
        self.assertEqual(len(run.lines), 1, "a line break of the payload is none of the output")
        item = ET.fromstring(run.lines[0])
        self.assertEqual(item.tag, EVENT + "item")
        self.assertEqual(
            (item.get("node"), item.get("id"), item.get("publisher")),
            ("docs", "mine", self.sensor.jid),
        )
        self.assertRegex(item.get("stamp"), r"^20\d\d-.*Z$")
        self.assertEqual(item[0].tag, "{urn:x}alert")
        self.assertEqual(item[0].text.split(), ["two", "<", "lines"])
        self.assertEqual(self.subscribers("docs"), 0, "the subscription was this run's own")

    def test_json_in_json_out(self):
        self.publish("json", ["0"])
        run = self.subscribe("json", "--count", 3, json_lines=True)
        values = [{"n": 1, "text": "a <b> & \u0007"}, [1, 2], "text"]
        done = self.publish("json", [json.dumps(value) for value in values], json_lines=True)
        self.assertEqual(
            json.loads(done.stdout), {"topic": "json", "published": 3, "refused": 0}
        )
        self.assertEqual(run.end(), DONE, run.said())
        lines = [json.loads(line) for line in run.lines]
        self.assertEqual([line["payload"] for line in lines], values)
        self.assertEqual({line["publisher"] for line in lines}, {self.sensor.jid})
        self.assertEqual(set(lines[0]), {"topic", "id", "publisher", "time", "payload"})

    def test_refused_items_are_named_and_the_others_arrive(self):
        self.publish("mixed", ["<first xmlns='urn:x'/>"])
        run = self.subscribe("mixed", "--count", 2)
        large = "<x xmlns='urn:x'>" + "x" * 300_000 + "</x>"
        lines = ["<ok xmlns='urn:x'/>", "<broken", "plain text", large, "", "<ok xmlns='urn:x'/>"]
        done = self.publish("mixed", lines, code=REFUSED)
        self.assertRegex(done.stderr, r"line 2 was refused: no XML document")
        self.assertRegex(done.stderr, r"line 3 was refused: neither XML nor JSON")
        self.assertRegex(done.stderr, r"\(line 4\) was refused: .*262144")
        self.assertRegex(done.stderr, r"3 of 5 items refused")
        self.assertEqual(run.end(), DONE, run.said())

    def test_a_stanza_that_would_end_the_stream_is_not_sent(self):
        large = "<x xmlns='urn:x'>" + "x" * 600_000 + "</x>"
        deep = "<x xmlns='urn:x'>" + "<y>" * 70 + "</y>" * 70 + "</x>"
        done = self.publish("large", [large, deep, "1"], code=REFUSED)
        self.assertRegex(done.stderr, r"\(line 1\) was refused: it has 600\d* bytes; .* 524288")
        self.assertRegex(done.stderr, r"line 2 was refused: no XML document that can be sent")
        self.assertRegex(done.stderr, r"2 of 3 items refused")

    def test_unknown_topics(self):
        for command in (("publish", "nowhere", "-"), ("subscribe", "nowhere")):
            done = self.run_it(self.sensor, *command, stdin="1", code=NOT_FOUND)
            self.assertIn("nowhere", done.stderr)
        done = self.run_it(
            self.desk, "query", "nobody", "-", stdin="<q xmlns='u'/>", code=NOT_FOUND
        )
        self.assertIn("no provider of 'nobody'", done.stderr)

    def test_a_filter(self):
        topic = Topic(self.server, self.sensor, "filtered")
        self.addCleanup(topic.close)
        said, whole = topic.ask(
            "get",
            "<grid xmlns='xgrid' type='request'><initPublishRequest>"
            "<topicName>filtered</topicName><filterSupport>"
            "<attribute name='n' type='number' path='/x/@n'/></filterSupport>"
            "<serverSideFilter>true</serverSideFilter></initPublishRequest></grid>",
            f"controller.{DOMAIN}",
        )
        self.assertEqual(said, "ok", whole)
        run = self.start(self.desk, "subscribe", "filtered", "--filter", "n >= 7", "--count", 2)
        wait_for(lambda: self.subscribers("filtered") > 0, lambda: "subscription " + run.said())
        lines = [f"<x xmlns='urn:x' n='{n}'/>" for n in (1, 7, 3, 9)]
        self.run_it(self.sensor, "publish", "filtered", "-", "--lines", stdin="\n".join(lines))
        self.assertEqual(run.end(), DONE, run.said())
        self.assertEqual([ET.fromstring(line)[0].get("n") for line in run.lines], ["7", "9"])
        done = self.run_it(
            self.desk, "subscribe", "filtered", "--filter", "colour = 'red'", code=REFUSED
        )
        self.assertRegex(done.stderr, "colour")

    def test_since_begins_with_the_archive_and_goes_on_live(self):
        self.publish("past", [str(n) for n in range(450)])
        run = self.subscribe(
            "past", "--since", "2020-01-01T00:00:00Z", "--count", 460, json_lines=True
        )
        self.publish("past", [str(n) for n in range(450, 460)])
        self.assertEqual(run.end(), DONE, run.said())
        self.assertEqual([json.loads(line)["payload"] for line in run.lines], list(range(460)))
        last = self.run_it(
            self.desk, "subscribe", "past", "--since", "last", "--count", 1, json_lines=True
        )
        self.assertEqual(json.loads(last.stdout)["payload"], 459)
        self.run_it(self.desk, "subscribe", "past", "--since", "yesterday", code=USAGE)

    def test_kept_subscriptions_go_on_in_the_next_run(self):
        self.publish("kept", ["0"])
        keep = ("--keep", "--resource", "archive")
        run = self.subscribe("kept", *keep, "--count", 2, json_lines=True)
        self.publish("kept", ["1", "2", "3", "4"])
        self.assertEqual(run.end(), DONE, run.said())
        more = self.run_it(self.desk, "subscribe", "kept", *keep, "--count", 2, json_lines=True)
        got = run.lines + more.stdout.splitlines()
        self.assertEqual([json.loads(line)["payload"] for line in got], [1, 2, 3, 4])
        self.run_it(self.desk, "subscribe", "kept", "--keep", code=USAGE)

    def test_items_of_the_account_stay_for_its_other_clients(self):
        """A client that subscribed by its bare address gets, at its next login, the items that
        were published while only gridctl was there."""
        self.publish("own", ["0"])
        reader = Topic(self.server, self.sensor, "own", resource="reader")
        self.assertEqual(reader.subscribe(self.sensor.jid)[0], "ok")
        reader.raw.send("</stream:stream>")
        wait_for(lambda: not self.sessions("reader"), "end of the session")
        reader.close()
        self.publish("own", ['"for the reader"'], "--id-prefix", "kept-")
        self.run_it(self.sensor, "topics", "find")
        reader = Topic(self.server, self.sensor, "own", resource="reader")
        self.addCleanup(reader.close)
        reader.raw.send("<presence/>")
        self.assertEqual(reader.event(), "kept-1")

    def sessions(self, resource):
        listed = self.server.admin_json("sessions", "list")["sessions"]
        return [one for one in listed if one["jid"].endswith("/" + resource)]

    def test_topics_that_this_client_may_see(self):
        self.publish("seen/Alpha", ["0"])
        self.publish("seen/beta", ["0"])
        found = json.loads(
            self.run_it(self.desk, "topics", "find", "ALPHA", json_lines=True).stdout
        )
        self.assertEqual([one["name"] for one in found["topics"]], ["seen/Alpha"])
        table = self.run_it(self.desk, "topics", "find", "seen/").stdout.splitlines()
        self.assertRegex(table[0], "^TOPIC +TITLE")
        self.assertEqual([line.split()[0] for line in table[1:]], ["seen/Alpha", "seen/beta"])

    def test_a_query_goes_to_the_provider_that_is_found(self):
        provider = Topic(self.server, self.sensor, "served", resource="provider")
        self.addCleanup(provider.close)
        said, whole = provider.ask(
            "get",
            "<grid xmlns='xgrid' type='request'><initPublishRequest>"
            "<topicName>served</topicName><query name='com.example.Ask'/>"
            "</initPublishRequest></grid>",
            f"controller.{DOMAIN}",
        )
        self.assertEqual(said, "ok", whole)
        run = self.start(
            self.desk, "query", "com.example.Ask", "-", stdin=subprocess.PIPE, json_lines=True
        )
        run.process.stdin.write("<Ask xmlns='com.example'><user>ann</user></Ask>")
        run.process.stdin.close()
        asked = provider.take(r"<iq\b[^>]*>.*?<Ask.*?</iq>", SECONDS).group()
        sender = re.search(r"from='([^']+)'", asked).group(1)
        number = re.search(r"\bid='([^']+)'", asked).group(1)
        self.assertIn("<user>ann</user>", asked)
        provider.raw.send(
            f"<iq type='result' id='{number}' to='{sender}'>"
            "<Told xmlns='com.example'>SJC</Told></iq>"
        )
        self.assertEqual(run.end(), DONE, run.said())
        answer = json.loads(run.lines[0])
        self.assertEqual(answer["provider"], f"{self.sensor.jid}/provider")
        self.assertEqual(ET.fromstring(answer["answer"]).text, "SJC")


class Ends(LightCase):
    """How a run ends, and what a script sees of it."""

    def test_wrong_certificates(self):
        expired = self.server.authority.expired(f"late@{DOMAIN}")
        done = self.run_it(expired, "topics", "find", code=NO_CONNECTION)
        self.assertRegex(done.stderr, "expired")
        other = type(self.server.authority)(os.path.join(self.server.folder, "other"), "other CA")
        stranger = other.client(f"sensor@{DOMAIN}", trust=self.server.authority.path)
        done = self.run_it(stranger, "topics", "find", "--domain", DOMAIN, code=NO_CONNECTION)
        self.assertRegex(done.stderr, "its issuer CN=other CA is not among the trusted CAs")

    def refuse(self, who, trusted, says):
        """By a server that looks at certificates in the handshake, as one before gridd may."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own = self.server.authority.server(DOMAIN)
        context.load_cert_chain(own.cert, own.key)
        context.load_verify_locations(trusted)
        context.verify_mode = ssl.CERT_REQUIRED
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        listener.settimeout(2)
        tried = []

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                tried.append(connection)
                connection.settimeout(SECONDS)
                wrapped = context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
                with contextlib.suppress(OSError):
                    wrapped.do_handshake()
                # All that the client has sent is read: a reset would take the alert from it.
                with wrapped, contextlib.suppress(OSError):
                    wrapped.shutdown(socket.SHUT_WR)
                    while wrapped.recv(4096):
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        done = self.run_it(
            who, "topics", "find", "--direct-tls", port=listener.getsockname()[1],
            code=NO_CONNECTION,
        )
        thread.join(SECONDS)
        self.assertRegex(done.stderr, says)
        self.assertEqual(len(tried), 1)

    def test_a_refusal_says_what_is_wrong_and_is_not_asked_for_again(self):
        authority = self.server.authority
        self.refuse(
            authority.expired(f"late@{DOMAIN}"), authority.path,
            r"our certificate .*alert: certificate expired\): it has expired",
        )
        other = type(authority)(os.path.join(self.server.folder, "third"), "other CA")
        self.refuse(
            self.sensor, other.path, r"unknown ca\): it must be issued by a CA that gridd trusts"
        )

    def test_a_server_that_is_not_the_one(self):
        other = type(self.server.authority)(os.path.join(self.server.folder, "else"), "other CA")
        mine = self.server.authority.client(f"sensor@{DOMAIN}", file="else", trust=other.path)
        done = self.run_it(mine, "topics", "find", code=NO_CONNECTION)
        self.assertRegex(done.stderr, f"was not issued by the CA in {re.escape(other.path)}")
        elsewhere = ("topics", "find", "--domain", "grid.elsewhere")
        done = self.run_it(
            self.sensor, *elsewhere, "--direct-tls", port=self.server.c2s_tls[1],
            code=NO_CONNECTION,
        )
        self.assertRegex(done.stderr, "certificate is for .*, not for grid.elsewhere")
        done = self.run_it(self.sensor, *elsewhere, code=NO_CONNECTION)
        self.assertRegex(done.stderr, f"this server serves {DOMAIN} only")
        closed = socket.socket()
        closed.bind(("127.0.0.1", 0))
        self.addCleanup(closed.close)
        done = self.run_it(
            self.sensor, "topics", "find", port=closed.getsockname()[1], code=NO_CONNECTION
        )
        self.assertRegex(done.stderr, "cannot connect")

    def test_direct_tls_and_variables(self):
        host, port = self.server.c2s_tls
        self.run_it(self.sensor, "topics", "find", "--direct-tls", port=port)
        environment = dict(os.environ, GRIDCTL_SERVER=f"{host}:{self.server.c2s[1]}")
        environment.update(
            GRIDCTL_CERT=self.sensor.cert, GRIDCTL_KEY=self.sensor.key, GRIDCTL_CA=self.sensor.ca
        )
        subprocess.run(
            [binary("gridctl"), "topics", "find"], env=environment, check=True,
            capture_output=True, timeout=SECONDS,
        )

    def test_ctrl_c(self):
        self.publish("stopped", ["0"])
        run = self.subscribe("stopped")
        mark = self.server.log_mark()
        self.assertEqual(run.interrupt(), DONE, run.said())
        self.assertEqual(self.subscribers("stopped"), 0)
        self.server.wait_log("session_ended|stream_closed|closed", mark)
        writer = self.start(
            self.sensor, "publish", "stopped", "-", "--lines", stdin=subprocess.PIPE
        )
        writer.process.stdin.write("1\n")
        writer.process.stdin.flush()
        wait_for(
            lambda: self.server.admin_json("topics", "show", "stopped")["items"] == 2,
            "first item",
        )
        self.assertEqual(writer.interrupt(), INTERRUPTED)
        self.assertRegex(writer.said(), "interrupted after 1 item")
        writer.process.stdin.close()

    def test_a_second_ctrl_c_ends_at_once(self):
        """The server stands still, so that an orderly end has to wait."""
        self.publish("frozen", ["0"])
        run = self.subscribe("frozen")
        self.server.process.send_signal(signal.SIGSTOP)
        try:
            run.process.send_signal(signal.SIGINT)
            wait_taken(run.process.pid, signal.SIGINT)   # or the two would be one
            time.sleep(0.3)
            self.assertIsNone(run.process.poll())
            run.process.send_signal(signal.SIGINT)
            self.assertEqual(run.end(5), INTERRUPTED)
        finally:
            self.server.process.send_signal(signal.SIGCONT)

    def test_a_reader_that_goes(self):
        self.publish("piped", ["0"])
        reader, writer = os.pipe()
        process = subprocess.Popen(
            self.command(self.desk, "subscribe", "piped"), stdout=writer, stderr=subprocess.PIPE
        )
        self.addCleanup(process.kill)
        os.close(writer)
        wait_for(lambda: self.subscribers("piped") == 1, "subscription")
        os.close(reader)
        self.assertEqual(process.communicate(timeout=SECONDS), (None, b""))
        self.assertEqual(process.returncode, DONE)
        wait_for(lambda: self.subscribers("piped") == 0, "end of the subscription")

    def test_a_topic_that_is_deleted(self):
        self.publish("gone", ["0"])
        run = self.subscribe("gone")
        self.server.admin_ctl("topics", "delete", "gone")
        self.assertEqual(run.end(), NOT_FOUND)
        self.assertIn("topic 'gone' was deleted", run.said())

    def test_help_and_usage(self):
        for command in (("publish",), ("subscribe",), ("query",), ("topics", "find")):
            done = subprocess.run(
                [binary("gridctl"), *command, "--help"], capture_output=True, text=True,
                timeout=SECONDS, check=True,
            )
            self.assertIn("--password-file", done.stdout)
        self.run_it(self.sensor, "publish", "t", "/nonexistent/file", code=USAGE)
        self.run_it(self.sensor, "publish", "t", "-", "--lines", "--id", "x", code=USAGE)
        for wrong in (("publish", "t", "--id", ""), ("publish", "t", "--id-prefix", "", "--lines"),
                      ("subscribe", "t", "--count", "0"), ("bulk", "receive", "--count", "0")):
            self.run_it(self.sensor, *wrong, code=USAGE)
        done = self.run_it(self.sensor, "publish", "t", code=REFUSED)
        self.assertIn("nothing was published: standard input has no text", done.stderr)


class Passwords(LightCase):
    settings = {"accounts.auto_approve": "true", "sasl.passwords": "true"}

    def test_a_login_by_password(self):
        control = self.server.gridctl(
            "accounts", "add", f"ann@{DOMAIN}", "--password", "-", "--group", "everyone",
            identity=self.server.admin, stdin="right, =horse\n",
        )
        self.assertEqual(control.returncode, 0, control.stderr)
        path = os.path.join(self.server.folder, "password")

        def find(password, code):
            with open(path, "w", encoding="utf-8") as file:
                file.write(password + "\n")
            return subprocess.run(
                [
                    binary("gridctl"), "--server", "127.0.0.1:%d" % self.server.c2s[1],
                    "--ca", self.sensor.ca, "topics", "find", "--account", f"ann@{DOMAIN}",
                    "--password-file", path,
                ],
                capture_output=True, text=True, timeout=SECONDS, check=False,
            ), code

        done, code = find("right, =horse", DONE)
        self.assertEqual(done.returncode, code, done.stderr)
        done, code = find("wrong", NO_CONNECTION)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertRegex(done.stderr, "login was refused: not-authorized")


class Breaks(LightCase):
    """Connections and servers that go away in the middle."""

    def test_every_item_once_and_in_order_through_two_kills(self):
        total = 10_000
        self.publish("long", ["0"])
        run = self.subscribe("long", "--count", total, json_lines=True)
        writer = self.start(
            self.sensor, "publish", "long", "-", "--lines", stdin=subprocess.PIPE
        )

        def feed():
            for n in range(total):
                writer.process.stdin.write(f"{n}\n")
            writer.process.stdin.close()

        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        # The same port, as a server has that is restarted.
        for one in self.server.each():
            for name in ("c2s", "c2s_tls", "http"):
                host, port = one.addresses[name]
                one.settings[f"listen.{name}"] = f"{host}:{port}"
        for part in (total // 4, total // 2):
            run.wait_lines(part)
            self.server.kill9()
            self.server.start()
        feeder.join(SECONDS)
        self.assertEqual(writer.end(), DONE, writer.said())
        self.assertEqual(run.end(), DONE, run.said())
        self.assertEqual([json.loads(line)["payload"] for line in run.lines], list(range(total)))

    def test_a_cut_line_is_resumed(self):
        self.publish("cut", ["0"])
        relay = Relay(self.server.c2s)
        self.addCleanup(relay.close)
        run = self.subscribe("cut", "--count", 2000, json_lines=True, port=relay.address[1])
        writer = self.start(
            self.sensor, "publish", "cut", "-", "--lines", stdin=subprocess.PIPE,
            port=relay.address[1],
        )
        for n in range(2000):
            writer.process.stdin.write(f"{n}\n")
            if n % 500 == 250:
                writer.process.stdin.flush()
                run.wait_lines(n // 2)   # both are logged in
                relay.cut()
                relay.mend()
        writer.process.stdin.close()
        self.assertEqual(writer.end(), DONE, writer.said())
        self.assertEqual(run.end(), DONE, run.said())
        self.assertEqual([json.loads(line)["payload"] for line in run.lines], list(range(2000)))
        resumed = self.server.admin_json("audit", "--operation", "resume")["records"]
        clients = {one["actor"].split("/")[0] for one in resumed}
        self.assertEqual(clients, {self.sensor.jid, self.desk.jid})

    def test_a_server_that_does_not_come_back(self):
        relay = Relay(self.server.c2s)
        self.addCleanup(relay.close)
        self.publish("lost", ["0"])
        run = self.subscribe("lost", "--reconnect", 0, port=relay.address[1])
        relay.cut()
        self.assertEqual(run.end(), NO_CONNECTION)
        self.assertRegex(run.said(), "did not come back")


if __name__ == "__main__":
    unittest.main()
