# tests/integration/test_metrics.py: /metrics, its rules and its dashboard, by Prometheus itself.
"""The text is judged by promtool; what it says, by what was done to the server before."""

import json
import os
import re
import shutil
import subprocess
import time
import unittest
import urllib.parse
import urllib.request

from gridd import DOMAIN, ROOT, Operated
from policies import EVERYTHING
from raw import Raw
from topic import Topic

MONITORING = os.path.join(ROOT, "conf", "monitoring")
SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$')


def samples(text):
    """By name and labels, the labels in the order of the text."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            assert (name, labels or "") not in found, f"{line}: a second time"
            found[name, labels or ""] = float(value)
    return found


class Metered(unittest.TestCase):
    settings = {"accounts.auto_approve": "true", "listen.metrics": "127.0.0.1:0",
                "metrics.probe_seconds": "1"}

    def setUp(self):
        self.server = Operated(EVERYTHING, self.settings)
        self.addCleanup(self.server.close)
        self.server.start()

    def client(self, name):
        return self.server.authority.client(f"{name}@{DOMAIN}")

    def fetch(self, path="/metrics"):
        host, port = self.server.addresses["metrics"]
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=20) as answer:
            return answer.headers["Content-Type"], answer.read().decode()

    def read(self):
        return samples(self.fetch()[1])

    def publish(self, count):
        desk, sensor = Topic(self.server, self.client("desk")), Topic(
            self.server, self.client("sensor"))
        self.addCleanup(desk.close)
        self.addCleanup(sensor.close)
        self.assertEqual("ok", sensor.create()[0])
        self.assertEqual("ok", desk.subscribe(f"desk@{DOMAIN}")[0])
        for number in range(count):
            self.assertEqual("ok", sensor.publish(f"i{number}")[0])
        return desk, sensor


    def be_refused(self):
        """A login by a certificate that has expired."""
        mark = self.server.log_mark()
        expired = self.server.authority.expired(f"old@{DOMAIN}")
        with Raw(self.server.c2s, DOMAIN) as stranger, self.assertRaises((AssertionError, OSError)):
            stranger.login(expired, "x")
        self.server.wait_log("login_refused", mark)


class Text(Metered):
    def test_prometheus_takes_it(self):
        kind, text = self.fetch()
        self.assertEqual("text/plain; version=0.0.4; charset=utf-8", kind)
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                              text=True, timeout=30, check=False)
        self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr))

    def test_it_says_what_was_done(self):
        before = self.read()
        self.publish(10)
        self.be_refused()
        after = self.read()

        def grown(name, labels=""):
            return after[name, labels] - before.get((name, labels), 0)

        self.assertEqual(10, grown("gridd_broker_events_total", 'event="item_published"'))
        self.assertEqual(10, grown("gridd_items_delivered_total"))
        self.assertEqual(1, grown("gridd_nodes"))
        self.assertEqual(10, after["gridd_items", ""])
        self.assertEqual(2, after["gridd_sessions", 'transport="c2s"'])
        self.assertEqual(2, grown("gridd_log_events_total",
                                  'event="session_started",level="info"'))
        self.assertGreaterEqual(grown("gridd_policy_decisions_total",
                                      'operation="publish",decision="allow"'), 10)
        self.assertGreaterEqual(grown("gridd_commit_seconds_count"), 12)
        self.assertGreaterEqual(grown("gridd_tls_handshake_seconds_count"), 3)
        self.assertGreaterEqual(grown("gridd_stanzas_received_total"), 12)
        refused = {labels: value for (name, labels), value in after.items()
                   if name == "gridd_refusals_total"}
        self.assertEqual(1, sum(value for labels, value in refused.items()
                                if 'what="login-refused"' in labels), refused)
        self.assertEqual(1, after["gridd_store_writable", ""])
        self.assertGreater(after["gridd_certificate_expiry_timestamp_seconds", 'use="xmpp"'],
                           time.time())

    def test_the_probe_goes_through_the_store(self):
        deadline = time.monotonic() + 20
        while self.read()["gridd_probe_seconds_count", ""] < 2:
            self.assertLess(time.monotonic(), deadline, "no probe came back")
            time.sleep(0.1)
        self.server.stop()   # a store that holds one is opened as any other
        self.server.start()
        self.publish(1)

    def test_no_name_of_a_client_is_in_it(self):
        self.publish(3)
        text = self.fetch()[1]
        for name in ("sensor", "desk", "alerts", "i0", DOMAIN):
            self.assertNotIn(name, text)

    def test_its_size_is_that_of_the_program(self):
        _, sensor = self.publish(1)
        before = len(self.fetch()[1])
        for number in range(300):
            self.assertEqual("ok", sensor.pubsub("set", f"<create node='n{number}'/>")[0])
        self.assertLess(len(self.fetch()[1]) - before, 2_000)


class Doors(Metered):
    def curl(self, identity=None, path="/metrics", method="GET"):
        host, port = self.server.http
        command = ["curl", "-sS", "--max-time", "15", "--cacert", self.server.authority.path,
                   "-X", method, "--resolve", f"{DOMAIN}:{port}:{host}", "-w", "\n%{http_code}"]
        if identity is not None:
            command += ["--cert", identity.cert, "--key", identity.key]
        done = subprocess.run(command + [f"https://{DOMAIN}:{port}{path}"], capture_output=True,
                              text=True, timeout=30, check=True)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def test_https_is_for_administrators(self):
        self.assertEqual(401, self.curl()[0])
        status, body = self.curl(self.client("sensor"))
        self.assertEqual(403, status)
        self.assertIn("listen.metrics", body)
        status, body = self.curl(self.server.admin)
        self.assertEqual(200, status)
        self.assertEqual(1, samples(body)["gridd_store_writable", ""])
        self.assertEqual(405, self.curl(self.server.admin, method="DELETE")[0])

    def test_the_listener_has_nothing_else(self):
        self.assertIn("true", self.fetch("/readyz")[1])
        for path in ("/", "/metrics/", "/api/v1/status", "/xmpp-websocket"):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                self.fetch(path)
            self.assertEqual(404, refused.exception.code)
            refused.exception.close()


class Operators(Metered):
    """Rules and dashboard, in a run of Prometheus against a server that is used."""

    def test_the_files_are_right(self):
        for what, file in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
            done = subprocess.run(["promtool", "check", what, os.path.join(MONITORING, file)],
                                  capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        made = subprocess.run([os.path.join(MONITORING, "make-dashboard"), "--check"],
                              timeout=30, check=False)
        self.assertEqual(0, made.returncode, "run conf/monitoring/make-dashboard")

    def prometheus(self):
        """Its address, once it has scraped the server twice."""
        folder = os.path.join(self.server.folder, "prometheus")
        os.mkdir(folder)
        shutil.copy(os.path.join(MONITORING, "alerts.yml"), folder)
        host, port = self.server.addresses["metrics"]
        with open(os.path.join(folder, "prometheus.yml"), "w", encoding="utf-8") as file:
            file.write("global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
                       "rule_files: [alerts.yml]\n"
                       "scrape_configs: [{job_name: gridd, static_configs: "
                       f"[{{targets: ['{host}:{port}']}}]}}]\n")
        log_path = os.path.join(folder, "log")
        with open(log_path, "wb") as log:
            process = subprocess.Popen(
                ["prometheus", "--config.file=" + os.path.join(folder, "prometheus.yml"),
                 "--storage.tsdb.path=" + os.path.join(folder, "data"),
                 "--web.listen-address=127.0.0.1:0", "--log.level=info"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 30
        while True:
            with open(log_path, encoding="utf-8") as log:
                found = re.search(r'"Listening on" address=127\.0\.0\.1:([1-9]\d*)', log.read())
            if found:
                return f"http://127.0.0.1:{found.group(1)}"
            self.assertLess(time.monotonic(), deadline, "Prometheus did not start")
            time.sleep(0.1)

    @staticmethod
    def ask(base, path, **query):
        url = f"{base}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]

    def test_every_query_of_the_dashboard_and_no_alert(self):
        base = self.prometheus()
        _, sensor = self.publish(5)
        with open(os.path.join(MONITORING, "gridd-dashboard.json"), encoding="utf-8") as file:
            panels = json.load(file)["panels"]
        queries = {target["expr"].replace("$__rate_interval", "20s"): panel["title"]
                   for panel in panels for target in panel["targets"]}
        self.assertGreater(len(queries), 25)
        self.be_refused()
        deadline, number = time.monotonic() + 60, 0
        missing = dict(queries)
        while missing and time.monotonic() < deadline:
            number += 1
            self.assertEqual("ok", sensor.publish(f"more{number}")[0])
            time.sleep(0.5)
            missing = {query: title for query, title in missing.items()
                       if not self.ask(base, "query", query=query)["result"]}
        self.assertEqual({}, missing)
        rules = [rule for group in self.ask(base, "rules")["groups"] for rule in group["rules"]]
        self.assertEqual(12, len(rules))
        self.assertEqual({"ok"}, {rule["health"] for rule in rules}, rules)
        firing = [alert for alert in self.ask(base, "alerts")["alerts"]
                  if alert["state"] == "firing"]
        self.assertEqual([], [alert["labels"]["alertname"] for alert in firing])


if __name__ == "__main__":
    unittest.main()
