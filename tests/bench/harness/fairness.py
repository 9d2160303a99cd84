# tests/bench/harness/fairness.py: a quiet client beside clients that take all that they are given.
import json
import os
import subprocess
import sys

from harness.workload import RUN_SECONDS_MAX, Metric, Workload, gridload, gridload_command

FLOODS = ("pings", "publishes", "disco", "malformed", "subscribes")
CLIENTS = (1, 2, 4, 8)
UNDER_WAY = 400
NODES = 500
ASKED = ("ping", "publish", "login")
# The bars of a quiet client, in milliseconds: of the p99 of each, and of any wait at all.
BARS = {"ping": 10, "publish": 20, "login": 100}
BAR_MAX = 100


class Fairness(Workload):
    """Flooding clients of each kind and number, and the quiet client in a process of its own: what
    it waits for a ping, a durable publish, a login. Under the same flood the same client asks the
    floor, and in the same seconds as it a bare program writes and syncs to the same disk, as often
    as it publishes: so long the machine itself makes it wait."""

    def __init__(self, floods=FLOODS, clients=CLIENTS):
        shown = [Metric(f"{prefix}{what}_{figure}_ms", f"{label}{what} {figure} ms", 1, better)
                 for what in ASKED for figure in ("p99", "max")
                 for prefix, label, better in (("", "", "less"),
                                               ("machine_", "  the machine's ", ""))]
        super().__init__("fairness",
                         "a quiet client beside 1 to 8 that flood, 400 under way each: the worst",
                         "quiet", shown, ["--seconds", "5"], ["--seconds", "1"], kinds=("gridd",))
        self.floods, self.clients = floods, clients

    def load(self, bench, kind, arguments):
        rounds = [(None, 0)] + [(flood, clients) for flood in self.floods
                                for clients in self.clients
                                if clients == 2 or not bench.options.quick]
        floor = bench.start("floor")
        try:
            found = {f"{flood or 'none'} {clients}": self.round(bench, kind, floor, arguments,
                                                               flood, clients)
                     for flood, clients in rounds}
        finally:
            bench.stop(floor)
        unfair = [f"{name}: {what}" for name, one in found.items() for what in beyond(one)]
        if unfair and not bench.options.quick:
            raise RuntimeError("; ".join(unfair))
        return {**worst(found), "rounds": found}

    def round(self, bench, kind, floor, arguments, flood, clients):
        server = bench.start(kind)
        try:
            gridload(bench, server, "logins", ["--clients", "20"])
            if flood == "disco":
                gridload(bench, server, "fill", ["--clients", "20", "--nodes", str(NODES)])
            flooding = Flood(bench, server, flood, clients) if flood else None
            try:
                disk = Disk(bench)
                try:
                    result = gridload(bench, server, self.mode, arguments, nice=-10)
                finally:
                    commit = disk.end()
                machine = gridload(bench, floor, self.mode, arguments, nice=-10)
            finally:
                told = flooding.end() if flooding else {}
        finally:
            bench.stop(server)
        machine.update({"publish_" + key: commit[key] for key in ("p50_ms", "p99_ms", "max_ms")})
        print(f"fairness: {flood or 'no flood'} × {clients}: " + ", ".join(
            f"{what} {waits(result, what)} ({waits(machine, what)})" for what in ASKED)
            + " ms p99/max (the machine's)", file=sys.stderr, flush=True)
        return {**result, "machine": machine, "flood": told}


def waits(result, what):
    return f"{result[what + '_p99_ms']:.1f}/{result[what + '_max_ms']:.1f}"


def beyond(result):
    """What the quiet client waited for longer than it may, beside what the machine made it wait."""
    machine = result["machine"]
    for what in ASKED:
        for figure, bar in (("p99", BARS[what]), ("max", BAR_MAX)):
            key = f"{what}_{figure}_ms"
            if result[key] > bar + machine[key]:
                yield f"{what} {figure} {result[key]:.1f} ms, machine {machine[key]:.1f}, bar {bar}"


class Disk:
    """A program that writes and syncs to the server's disk, as often as the quiet client publishes
    and as long as it does."""

    def __init__(self, bench):
        seconds = 1 if bench.options.quick else 5
        self.process = subprocess.Popen(
            [os.path.join(bench.programs, "floor_commit"), bench.fresh_directory("commits"),
             str(seconds), "--every", "10"], stdout=subprocess.PIPE, text=True)

    def end(self):
        """Its report."""
        lines = self.process.communicate(timeout=60)[0].splitlines()
        return json.loads(lines[-1])


class Flood:
    """gridload in a process of its own, from when it has begun until `end`."""

    def __init__(self, bench, server, kind, clients):
        command = gridload_command(bench, server, "flood") + [
            "--flood", kind, "--clients", str(clients), "--outstanding", str(UNDER_WAY),
            "--first", "100", "--seconds", str(RUN_SECONDS_MAX)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "flooding\n":
            self.end()
            raise RuntimeError(f"{clients} clients could not begin to flood with {kind}")

    def end(self):
        """Its report."""
        self.process.terminate()
        lines = self.process.communicate(timeout=60)[0].splitlines()
        return json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}


def worst(found):
    shown = {}
    for what in ASKED:
        for figure in ("p99", "max"):
            key = f"{what}_{figure}_ms"
            shown[key] = max(one[key] for one in found.values())
            shown["machine_" + key] = max(one["machine"][key] for one in found.values())
    return shown
