# tests/integration/test_evaluation_end.py: an evaluation does not become a real grid by accident.
"""One data directory: an evaluation first, then certificates of the operator's own."""

import contextlib
import os
import shutil
import subprocess
import time
import tomllib
import unittest

from certs import Authority
from gridd import DOMAIN, ROOT, Evaluation, binary

OWN = "allow group sensors to publish on incidents/*\n"


class End(unittest.TestCase):
    def own(self, server):
        """What an operator configures: certificates, and a policy file."""
        authority = Authority(os.path.join(server.folder, "own"))
        certificate = authority.server(DOMAIN)
        policy = os.path.join(server.folder, "policy")
        with open(policy, "w", encoding="utf-8") as file:
            file.write(OWN)
        return authority, {
            "tls.certificate": certificate.cert,
            "tls.key": certificate.key,
            "tls.client_ca": authority.path,
            "policy.file": policy,
        }

    def run_gridd(self, server, settings, *arguments, data=None):
        command = [binary("gridd"), "--data", data or server.data, *arguments]
        for key, value in {**server.settings, **settings}.items():
            command += ["--set", f"{key}={value}"]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False,
            stdin=subprocess.DEVNULL,
        )

    def test_the_start_is_refused_until_the_evaluation_is_ended(self):
        """found 42"""
        server = Evaluation().start()
        self.addCleanup(server.close)
        sensor = server.client("sensor")
        self.assertIn("EVALUATION", server.ctl("policy", "show"))
        server.stop()
        authority, settings = self.own(server)

        for arguments in (["--check"], []):
            done = self.run_gridd(server, settings, *arguments)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, "--set tls.certificate: .*began as an evaluation")
            self.assertIn("allows every account everything", done.stderr)
            self.assertIn("administrator admin@" + DOMAIN, done.stderr)
            self.assertRegex(done.stderr, f"gridd --data {server.data} .*--end-evaluation")
        # The evaluation itself goes on.
        server.start()
        running = self.run_gridd(server, settings, "--end-evaluation")
        self.assertEqual(running.returncode, 1, running.stdout)   # not under a running server
        server.stop()

        without = self.run_gridd(server, {}, "--end-evaluation")
        self.assertEqual(without.returncode, 1)
        self.assertIn("certificates of your own", without.stderr)

        nowhere = server.data + ".no"
        elsewhere = self.run_gridd(server, settings, "--end-evaluation", data=nowhere)
        self.assertEqual(elsewhere.returncode, 1)
        self.assertIn(f"there is no evaluation in {nowhere}", elsewhere.stderr)
        self.assertFalse(os.path.exists(nowhere))
        for second in (["--check"], ["--restore", server.data]):
            both = self.run_gridd(server, settings, "--end-evaluation", *second)
            self.assertEqual(both.returncode, 2, both.stderr)

        done = self.run_gridd(server, settings, "--end-evaluation")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("deleted the administrator admin@" + DOMAIN, done.stdout)
        self.assertFalse(os.path.exists(os.path.join(server.data, "pki")))
        self.assertTrue(os.path.exists(os.path.join(server.data, "pki.ended", "ca.crt")))
        again = self.run_gridd(server, settings, "--end-evaluation")
        self.assertEqual(again.returncode, 0, again.stderr)

        server.settings.update(settings)
        server.ctl("admin", "add", "boss@" + DOMAIN)
        server.start()
        boss = authority.client("boss@" + DOMAIN)
        self.assertEqual(server.ctl("policy", "show", identity=boss).splitlines()[-1], OWN.strip())
        accounts = server.ctl_json("accounts", "list", identity=boss)
        self.assertNotIn("admin@" + DOMAIN, str(accounts))
        status = server.ctl_json("status", identity=boss)
        self.assertNotEqual(status.get("evaluation"), True)
        audit = server.ctl("audit", identity=boss)
        self.assertIn("policy-set", audit)
        refused = server.gridctl("status", identity=sensor)   # of the evaluation CA
        self.assertNotEqual(refused.returncode, 0)

    def test_the_data_of_a_real_grid_never_become_an_evaluation(self):
        """Started without its configuration, which names the certificates."""
        server = Evaluation()
        self.addCleanup(server.close)
        _, settings = self.own(server)
        plain = dict(server.settings)
        server.settings.update(settings)
        server.start()
        server.stop()
        server.settings = plain
        for arguments in (["--check"], []):
            done = self.run_gridd(server, {}, *arguments)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("is that of a real grid", done.stderr)
        for name in ("pki", "administrators"):
            self.assertFalse(os.path.exists(os.path.join(server.data, name)), name)
        server.settings.update(settings)
        server.start()

    def test_the_administrator_goes_although_the_ca_is_away(self):
        server = Evaluation().start()
        self.addCleanup(server.close)
        server.stop()
        _, settings = self.own(server)
        shutil.rmtree(os.path.join(server.data, "pki"))
        done = self.run_gridd(server, settings, "--end-evaluation")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("deleted the administrator admin@" + DOMAIN, done.stdout)
        with open(os.path.join(server.data, "administrators"), encoding="utf-8") as file:
            self.assertNotIn("admin@", file.read())

    def test_an_interrupted_end_leaves_no_administrator_behind(self):
        """Whatever --check takes for a real grid has no administrator of the evaluation."""
        server = Evaluation().start()
        self.addCleanup(server.close)
        server.stop()
        _, settings = self.own(server)
        command = [binary("gridd"), "--data", server.data, "--end-evaluation"]
        for key, value in {**server.settings, **settings}.items():
            command += ["--set", f"{key}={value}"]
        # Killed a little later each time, however fast the machine is, until one gets far enough.
        pause = 0.005
        while True:
            with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as end:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    end.wait(pause)
                end.kill()
            if self.run_gridd(server, settings, "--check").returncode == 0:
                break
            self.assertNotEqual(end.returncode, 0, "an end that was not interrupted leaves a fault")
            pause = pause + 0.005 if pause < 0.15 else pause * 1.25
        with open(os.path.join(server.data, "administrators"), encoding="utf-8") as file:
            self.assertNotIn("admin@", file.read())

    def test_closed_standard_streams_are_no_files_of_the_store(self):
        server = Evaluation()
        self.addCleanup(server.close)
        command = [binary("gridd"), "--data", server.data]
        for key, value in server.settings.items():
            command += ["--set", f"{key}={value}"]
        shell = ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
        with subprocess.Popen(shell + command) as process:
            deadline = time.monotonic() + 20
            while not os.path.exists(os.path.join(server.data, "store", "LOCK")):
                self.assertIsNone(process.poll())
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
            streams = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
            process.terminate()
        self.assertEqual(streams, ["/dev/null"] * 3)

    def test_a_client_ca_of_the_operators_makes_no_administrator(self):
        """found 42"""
        server = Evaluation()
        self.addCleanup(server.close)
        authority = Authority(os.path.join(server.folder, "own"))
        server.settings["tls.client_ca"] = authority.path
        server.start()
        self.assertFalse(os.path.exists(os.path.join(server.data, "administrators")))
        self.assertFalse(os.path.exists(os.path.join(server.data, "pki", "admin.crt")))
        taken = authority.client("admin@" + DOMAIN)
        self.assertNotEqual(server.gridctl("status", identity=taken).returncode, 0)

    def test_auto_approve_false_is_honoured(self):
        """found M23"""
        server = Evaluation({"accounts.auto_approve": "false"}).start()
        self.addCleanup(server.close)
        settings = server.ctl_json("settings", "show")
        self.assertFalse(settings["auto_approve"])
        self.assertFalse(settings["configured"]["auto_approve"])
        server.stop()
        del server.settings["accounts.auto_approve"]
        server.start()
        self.assertTrue(server.ctl_json("settings", "show")["configured"]["auto_approve"])


class Image(unittest.TestCase):
    """The image's ENTRYPOINT with a configuration that is mounted at /etc/gridd, in a mount
    namespace of its own."""

    def test_the_entry_point_reads_the_mounted_configuration(self):
        """found 42"""
        with open(os.path.join(ROOT, "Dockerfile"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        entry = [line for line in lines if line.startswith("ENTRYPOINT ")][-1]
        command = tomllib.loads("entry = " + entry.removeprefix("ENTRYPOINT "))["entry"]
        self.assertEqual(command[0], "gridd")
        config = command[command.index("--config") + 1]
        data = command[command.index("--data") + 1]
        self.assertEqual((config, data), ("/etc/gridd/gridd.toml", "/var/lib/gridd"))
        copied = [line for line in lines if line.startswith("COPY conf/gridd.toml")]
        self.assertEqual(copied, ["COPY conf/gridd.toml " + config])
        if os.geteuid() != 0:
            self.skipTest("a mount namespace needs root")
        server = Evaluation()
        self.addCleanup(server.close)
        mounted = os.path.join(server.folder, "etc")
        os.mkdir(mounted)
        os.mkdir(server.data)
        with open(os.path.join(mounted, "gridd.toml"), "w", encoding="utf-8") as file:
            file.write("domain = 'mounted.example'\nlog.format = 'loud'\n")
        script = (
            "mkdir -p /run/gridd-root && mount -t tmpfs none /run/gridd-root && "
            "mkdir -p /run/gridd-root/w /run/gridd-root/u && "
            "mount -t overlay none -o lowerdir=/etc,upperdir=/run/gridd-root/u,"
            "workdir=/run/gridd-root/w /etc && mkdir -p /etc/gridd && "
            f"mount --bind {mounted} /etc/gridd && "
            f"mkdir -p {data} && mount --bind {server.data} {data} && "
            f"exec {binary('gridd')} " + " ".join(command[1:])
        )
        done = subprocess.run(
            ["unshare", "-m", "--propagation", "private", "bash", "-c", script],
            capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
        )
        if "mount:" in done.stderr or "unshare:" in done.stderr:
            self.skipTest("no mount namespace here: " + done.stderr.strip())
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^gridd: /etc/gridd/gridd.toml:2:\d+: log.format must be")
        self.assertEqual(os.listdir(server.data), [])


if __name__ == "__main__":
    unittest.main()
