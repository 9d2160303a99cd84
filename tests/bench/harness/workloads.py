# tests/bench/harness/workloads.py: what is run, and which of its figures are shown and compared.
import dataclasses
import json
import os
import subprocess

RUN_SECONDS_MAX = 300


@dataclasses.dataclass
class Failure:
    message: str


@dataclasses.dataclass
class Metric:
    key: str
    label: str
    decimals: int = 0
    better: str = "more"       # or "less", or "" when no ratio makes sense


@dataclasses.dataclass
class Workload:
    key: str
    title: str
    mode: str
    metrics: list
    full: list                 # arguments of gridload
    quick: list                # those that differ in a smoke run; the last of an option counts
    commits: int = 0           # the floor is the bare committer with so many outstanding
    half_of: str = ""          # at half the rate that this workload reached

    def runs_on(self, kind):
        return kind != "floor" or (self.mode != "ping" and self.key != "stored")

    def run(self, bench, kind, results):
        try:
            if kind == "floor" and self.commits:
                return self._commit(bench)
            arguments = list(self.full) + (self.quick if bench.options.quick else [])
            if self.half_of:
                peak = results.get((self.half_of, kind))
                if not isinstance(peak, dict):
                    return Failure(f"needs the result of {self.half_of}")
                arguments += ["--rate", f"{peak['publishes_per_second'] / 2:.2f}"]
            return self._load(bench, kind, arguments)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            return Failure(str(error))

    def _commit(self, bench):
        # In the directory where the servers' data goes: the same disk.
        path = bench.fresh_directory("commits")
        seconds = "1" if bench.options.quick else "5"
        return result_of([os.path.join(bench.programs, "floor_commit"), path, seconds,
                          str(self.commits)])

    def _load(self, bench, kind, arguments):
        server = bench.start(kind)
        try:
            command = [os.path.join(bench.programs, "gridload"), self.mode, "--name", kind,
                       "--server", server.address, "--server-pid", str(server.pid),
                       "--certs", bench.certs, "--deadline", str(RUN_SECONDS_MAX - 20)]
            if kind == "floor":
                command.append("--raw")
            elif bench.options.direct:
                command.append("--direct")
            warm = ["logins", *command[2:], "--clients", "20"]
            result_of([command[0], *warm])   # what a server sets up on first use is not a client's
            return result_of(command + arguments)
        except RuntimeError as error:
            raise RuntimeError(f"{error} [{server.tail()}]") from error
        finally:
            bench.stop(server)


def result_of(command):
    """Runs a tool and returns its line of JSON. Losing a delivery is a failure."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=RUN_SECONDS_MAX)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        detail = done.stderr.strip() or f"exit code {done.returncode}"
        raise RuntimeError(detail + (" " + lines[-1] if lines else ""))
    return json.loads(lines[-1])


def median(runs, work):
    good = sorted((run for run in runs if isinstance(run, dict)),
                  key=lambda run: run[work.metrics[0].key])
    return good[len(good) // 2] if good else runs[0]


FAN_OUT = [
    Metric("per_second", "deliveries/s"),
    Metric("cpu_s_per_million", "CPU s / million deliveries", 2, "less"),
    Metric("p99_ms", "p99 ms", 1, "less"),
    Metric("lost", "lost", 0, ""),
    Metric("reordered", "reordered or twice", 0, ""),
]
PUBLISH = [
    Metric("per_second", "acknowledged/s"),
    Metric("p50_ms", "p50 ms", 2, "less"),
    Metric("p99_ms", "p99 ms", 2, "less"),
    Metric("server_cpu_us", "CPU µs / publish", 1, "less"),
]
FAN = ["--subscribers", "1000", "--seconds", "8", "--warmup", "2"]
SMALL_FAN = ["--subscribers", "50", "--seconds", "1", "--warmup", "0.3"]
SHORT = ["--seconds", "1", "--warmup", "0.3"]

WORKLOADS = [
    Workload("idle", "5,000 idle, bound clients", "idle",
             [Metric("kib_per_client", "resident KiB / client", 1, "less"),
              Metric("rss_after_mib", "resident MiB in all", 1, "less"),
              Metric("idle_cpu_percent", "CPU % when idle", 1, "")],
             ["--clients", "5000", "--concurrency", "64"], ["--clients", "200", "--settle", "1"]),
    Workload("logins", "logins, full handshake each, 32 at a time", "logins",
             [Metric("per_second", "logins/s", 0),
              Metric("p99_ms", "p99 ms", 1, "less"),
              Metric("server_cpu_us", "CPU µs / login", 0, "less")],
             ["--clients", "4000"], ["--clients", "200"]),
    Workload("fanout", "fan-out, 1 publisher × 16 → 1,000, 1 KiB, not stored", "fanout",
             FAN_OUT, [*FAN, "--no-persist"], SMALL_FAN),
    Workload("fanout10", "fan-out, 10 publishers × 16 → 1,000, 1 KiB, not stored", "fanout",
             FAN_OUT, [*FAN, "--no-persist", "--publishers", "10"], SMALL_FAN),
    Workload("stored", "fan-out, 1 publisher × 16 → 1,000, 1 KiB, stored", "fanout",
             FAN_OUT, FAN, SMALL_FAN),
    Workload("half", "fan-out, 1 publisher, not stored, at half its own maximum", "fanout",
             [Metric("p50_ms", "p50 ms", 1, "less"), Metric("p99_ms", "p99 ms", 1, "less"),
              Metric("per_second", "deliveries/s", 0, ""), Metric("lost", "lost", 0, ""),
              Metric("reordered", "reordered or twice", 0, "")],
             [*FAN, "--no-persist"], SMALL_FAN, half_of="fanout"),
    Workload("publish1", "durable publish, 1 publisher × 1", "publish", PUBLISH,
             ["--publishers", "1", "--outstanding", "1"], SHORT, commits=1),
    Workload("publish8", "durable publish, 8 publishers × 8", "publish", PUBLISH,
             ["--publishers", "8", "--outstanding", "8"], SHORT, commits=64),
    Workload("publish100", "durable publish, 100 publishers × 16", "publish", PUBLISH,
             ["--publishers", "100", "--outstanding", "16"],
             ["--publishers", "20", *SHORT], commits=1600),
    Workload("ping", "pings, 100 clients × 4", "ping",
             [Metric("per_second", "pings/s"), Metric("p99_ms", "p99 ms", 2, "less"),
              Metric("server_cpu_us", "CPU µs / ping", 1, "less")],
             ["--clients", "100", "--outstanding", "4"], SHORT),
]
