# tests/integration/test_audit.py: the audit of the real server: its records, its chain, its export.
"""Clients with certificates do things; gridctl reads what was noted, and checks that it holds."""

import asyncio
import json
import os
import re
import socket
import threading
import time
import unittest

from configured import Rest
from gridd import BROKER, DOMAIN, Operated
from stock import Client
from stock_pubsub import alert

POLICY = """allow group everyone create, publish, manage alerts*
allow group everyone subscribe, retrieve alerts
"""
HEAD = re.compile(r'audit_head"? .*?number=(\d+) hash=([0-9a-f]{64})')


class Audited(unittest.IsolatedAsyncioTestCase):
    settings = {}

    async def asyncSetUp(self):
        self.server = Operated(POLICY, {"accounts.auto_approve": "true", **self.settings})
        self.addCleanup(self.server.close)
        self.prepare()
        self.server.start()
        self.client = await self.log_in("sensor")

    def prepare(self):
        pass

    async def log_in(self, name):
        client = Client(self.server.authority.client(f"{name}@{DOMAIN}"))
        client.register_plugin("xep_0050")
        await client.login(self.server.c2s)
        self.addCleanup(client.drop)
        return client

    async def publish(self, count, node="alerts", client=None):
        pubsub = (client or self.client)["xep_0060"]
        for _ in range(count):
            await pubsub.publish(BROKER, node, payload=alert())

    def records(self, **query):
        arguments = [f"--{name}={value}" for name, value in query.items()]
        return self.server.admin_json("audit", "--all", *arguments)["records"]

    def verified(self, *arguments):
        return self.server.admin_json(
            "--data", self.server.data, "audit", "verify", *arguments
        )

    async def until(self, found, seconds=30):
        """Records of the queue are there a second later."""
        deadline = time.monotonic() + seconds
        while not found():
            self.assertLess(time.monotonic(), deadline, "it never came")
            await asyncio.sleep(0.1)


class OnRecord(Audited):
    async def test_s73_who_connects_and_who_accesses_what(self):
        await self.client["xep_0060"].create_node(BROKER, "alerts")
        await self.publish(3)
        await self.client["xep_0060"].get_items(BROKER, "alerts")
        for _ in range(3):
            with self.assertRaises(Exception):
                await self.client["xep_0060"].create_node(BROKER, "forbidden")
        await self.client.leave()
        await self.until(lambda: self.records(operation="disconnect", account=f"sensor@{DOMAIN}"))
        seen = {record["operation"]: record for record in self.records(account=f"sensor@{DOMAIN}")}
        for operation in ("connect", "login", "account-register", "publish", "retrieve"):
            self.assertIn(operation, seen)
        self.assertEqual(seen["publish"]["decision"], "allow")
        self.assertIn("line 1", seen["publish"]["rule"])
        self.assertEqual(seen["publish"]["topic"], "alerts")
        self.assertRegex(seen["publish"]["address"], r"^127\.0\.0\.1:\d+$")
        self.assertEqual(len(self.records(operation="publish")), 3)
        (denial,) = self.records(decision="deny", topic="forbidden")
        self.assertEqual((denial["rule"], denial["count"]), ("default deny", 3))
        self.assertEqual(
            self.records(operation="policy-set")[0]["actor"], "system", "the first policy"
        )

    async def test_s73_a_node_that_keeps_nothing_is_no_way_around(self):
        form = self.client["xep_0004"].make_form(ftype="submit")
        form.add_field(var="FORM_TYPE", ftype="hidden",
                       value="http://jabber.org/protocol/pubsub#node_config")
        form.add_field(var="pubsub#persist_items", value="0")
        await self.client["xep_0060"].create_node(BROKER, "alerts", config=form)
        await self.publish(2)
        await self.until(
            lambda: sum(record["count"] for record in self.records(operation="publish")) == 2
        )
        self.assertTrue(self.verified()["ok"])


class TheChain(Audited):
    settings = {"audit.head_log_seconds": 1}

    async def test_s73_the_chain_is_whole_after_kill_9_and_goes_on(self):
        await self.client["xep_0060"].create_node(BROKER, "alerts")
        numbers = []
        for _ in range(3):
            running = asyncio.ensure_future(self.publish(10_000))
            await asyncio.sleep(0.7)
            self.server.kill9()
            running.cancel()
            try:
                await running
            except BaseException:  # noqa: the stream is gone, whatever that is called
                pass
            self.client.drop()
            offline = self.verified("--offline")
            self.assertTrue(offline["ok"], offline)
            self.server.start()
            online = self.verified()
            self.assertTrue(online["ok"], online)
            self.assertGreaterEqual(online["head"]["number"], offline["head"]["number"])
            numbers.append(offline["head"]["number"])
            self.client = await self.log_in("sensor")
        self.assertEqual(numbers, sorted(set(numbers)), "each life of the server adds to it")
        self.assertGreater(numbers[-1], 20)

    async def test_s73_the_head_goes_to_the_log_and_pins_the_chain(self):
        await self.client["xep_0060"].create_node(BROKER, "alerts")
        await self.publish(5)
        await self.until(lambda: HEAD.search(self.server.log()))
        number, digest = HEAD.search(self.server.log()).groups()
        await self.publish(5)
        self.assertTrue(self.verified("--number", number, "--hash", digest)["passed"])
        wrong = self.server.gridctl(
            "audit", "verify", "--number", number, "--hash", "0" * 64, identity=self.server.admin
        )
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("written anew", wrong.stderr)
        # At the end of the server it is the whole chain's.
        self.client.drop()
        mark = self.server.log_mark()
        self.server.stop()
        # Members of a cluster end one after the other.
        number, digest = max(
            HEAD.findall(self.server.log(mark)), key=lambda found: int(found[0])
        )
        offline = self.verified("--offline", "--number", number, "--hash", digest)
        self.assertTrue(offline["passed"])
        self.assertEqual(str(offline["head"]["number"]), number)
        self.server.start()


class Retention(Audited):
    settings = {"audit.keep_bytes": 20_000}

    async def test_s73_retention_cuts_on_record(self):
        await self.client["xep_0060"].create_node(BROKER, "alerts")
        await self.publish(300)
        before = self.verified()
        self.client.drop()
        self.server.stop()
        self.server.start()   # the audit is cut at the start, and every minute
        await self.until(lambda: self.records(operation="audit-cut"))
        after = self.verified()
        self.assertTrue(after["ok"], after)
        self.assertGreater(after["cut"], 100)
        self.assertLess(after["checked"], before["checked"])
        self.assertGreater(after["head"]["number"], before["head"]["number"])


class ExportToFile(Audited):
    def prepare(self):
        self.path = os.path.join(self.server.folder, "audit.jsonl")
        self.server.settings["audit.export_to"] = "file:" + self.path

    def lines(self):
        with open(self.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    async def test_s73_every_record_is_a_json_line_over_restarts(self):
        await self.client["xep_0060"].create_node(BROKER, "alerts")
        await self.publish(10)
        self.client.drop()
        self.server.stop()
        first = self.lines()[-1]["number"]
        self.server.start()
        self.client = await self.log_in("sensor")
        await self.publish(10)
        self.client.drop()
        self.server.stop()
        lines = self.lines()
        numbers = [line["number"] for line in lines]
        self.assertEqual(numbers, list(range(1, numbers[-1] + 1)), "each once, in order")
        self.assertGreater(numbers[-1], first)
        self.assertEqual(sum(line["operation"] == "publish" for line in lines), 20)
        self.server.start()
        recorded = {record["number"]: record["hash"] for record in self.records()}
        for line in lines:
            self.assertEqual(recorded[line["number"]], line["hash"])
        # A file that was moved away is begun anew.
        os.rename(self.path, self.path + ".1")
        await self.log_in("desk")
        await self.until(lambda: os.path.exists(self.path) and self.lines())


class ExportToSyslog(Audited):
    MESSAGE = re.compile(
        r'<(\d+)>1 (\S+Z) (\S+) gridd \d+ audit \[gridd@32473 number="(\d+)"(.*?)\] '
    )

    def prepare(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(10)
        self.addCleanup(self.udp.close)
        self.server.settings["audit.export_to"] = f"udp:127.0.0.1:{self.udp.getsockname()[1]}"

    async def test_s73_syslog_by_udp_is_rfc_5424(self):
        await self.client["xep_0060"].create_node(BROKER, "alerts")
        with self.assertRaises(Exception):
            await self.client["xep_0060"].create_node(BROKER, 'x"]\\')
        numbers, seen = [], ""
        while 'decision="deny" operation="create"' not in seen:
            seen = (await asyncio.to_thread(self.udp.recv, 65536)).decode()
            message = self.MESSAGE.match(seen)
            self.assertTrue(message, seen)
            self.assertEqual(message[3], DOMAIN)
            numbers.append(int(message[4]))
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertEqual(message[1], str(13 * 8 + 4), "a denial is a warning")
        self.assertIn(r'topic="x\"\]\\"', seen)


class ExportByTcp(Audited):
    """A receiver that is away, comes, goes and comes again."""

    def prepare(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.listener.close()
        self.server.settings["audit.export_to"] = f"tcp:127.0.0.1:{self.port}"
        self.numbers = []

    def receive(self, stop_at):
        with socket.create_server(("127.0.0.1", self.port)) as listener:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as stream:
                while not self.numbers or self.numbers[-1] < stop_at:
                    length = b""
                    while (byte := stream.read(1)) != b" ":
                        if not byte:
                            return
                        length += byte
                    message = stream.read(int(length)).decode()
                    self.numbers.append(int(re.search(r'number="(\d+)"', message)[1]))

    def problems(self):
        return self.server.admin_json("status")["problems"]

    def waiting(self):
        return self.metrics()["gridd_audit_export_waiting"]

    def fetch(self, path):
        with Rest(self.server) as rest:
            rest.connection.request("GET", path)
            return rest.connection.getresponse().read().decode()

    def ready(self):
        return json.loads(self.fetch("/readyz"))

    def metrics(self):
        lines = re.findall(r"(?m)^(gridd_audit_export_\w+) (\S+)$", self.fetch("/metrics"))
        return {name: float(value) for name, value in lines}

    async def test_s73_syslog_by_tcp_waits_for_its_receiver(self):
        await self.client["xep_0060"].create_node(BROKER, "alerts")
        await self.publish(20)
        await self.until(lambda: "cannot connect" in self.server.log())
        await self.until(lambda: self.waiting() >= 20)
        metrics = self.metrics()
        self.assertGreater(metrics["gridd_audit_export_failing_seconds"], 0)
        self.assertEqual(metrics["gridd_audit_export_lost_total"], 0)
        problem = self.problems()[0]
        self.assertRegex(problem, r"^audit.export_to: the receiver has taken no records for \d+ s "
                                  r"\(cannot connect: .*\): \d+ of them wait in the store")
        told = self.ready()["problems"][0]
        self.assertRegex(told, r"taken no records for \d+ s: \d+ of them wait .*see gridctl status")
        self.assertNotIn("cannot connect", told)
        self.assertTrue(self.ready()["ready"], "it serves all the same")
        doctor = self.server.gridctl("doctor", identity=self.server.admin)
        self.assertIn(problem[:60], doctor.stdout)
        receiver = threading.Thread(target=self.receive, args=(20,))
        receiver.start()
        await asyncio.to_thread(receiver.join, 15)
        self.assertEqual(self.numbers, list(range(1, self.numbers[-1] + 1)))
        self.assertGreaterEqual(self.numbers[-1], 20)
        # Publishing does not wait for the exporter: it goes on as if the receiver were there.
        await self.publish(20)
        receiver = threading.Thread(target=self.receive, args=(self.numbers[-1] + 1,))
        receiver.start()
        await asyncio.to_thread(receiver.join, 15)

    async def test_a_receiver_that_takes_all_is_no_problem(self):
        receiver = threading.Thread(target=self.receive, args=(1_000_000,), daemon=True)
        receiver.start()
        await self.until(lambda: self.numbers)
        await self.until(lambda: self.waiting() == 0)
        self.assertEqual(self.problems(), [])
        self.assertEqual(self.ready()["problems"], [])
        self.assertEqual(self.metrics()["gridd_audit_export_failing_seconds"], 0)


if __name__ == "__main__":
    unittest.main()
