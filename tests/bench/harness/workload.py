# tests/bench/harness/workload.py: one workload: how it is run on a server, and what is shown of it.
import dataclasses
import json
import os
import subprocess

from harness.servers import PROTOCOLS

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
    identities: int = 0        # clients with a certificate of their own, when they are many
    is_second: bool = False    # it runs twice, and is measured the second time
    kinds: tuple = ()          # the only servers for which it is, when not for all

    def runs_on(self, kind):
        if self.kinds:
            return kind in self.kinds
        if kind == "mosquitto":
            return self.mode == "fanout" and self.key != "stored"
        if kind in ("floor-tls", "nats-sync"):
            return self.mode == "publish"   # the rest does not touch the disk
        if kind == "nats-lazy":
            return self.key != "stored"
        return kind != "floor" or self.key != "stored"

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
            return self.load(bench, kind, arguments)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            return Failure(str(error))

    def _commit(self, bench):
        # In the directory where the servers' data goes: the same disk.
        path = bench.fresh_directory("commits")
        seconds = "1" if bench.options.quick else "5"
        return result_of([os.path.join(bench.programs, "floor_commit"), path, seconds,
                          str(self.commits)])

    def load(self, bench, kind, arguments):
        server = bench.start(kind)
        try:
            # The server's work on first use is not a client's.
            gridload(bench, server, "logins", ["--clients", "20"])
            if self.is_second:
                gridload(bench, server, self.mode, arguments)
            return gridload(bench, server, self.mode, arguments)
        except RuntimeError as error:
            raise RuntimeError(f"{error} [{server.tail()}]") from error
        finally:
            bench.stop(server)


def gridload_command(bench, server, mode, is_websocket=False):
    address = server.https if is_websocket else server.address
    command = [os.path.join(bench.programs, "gridload"), mode, "--name", server.kind,
               "--server", address, "--server-pid", str(server.pid),
               "--certs", bench.certs, "--deadline", str(RUN_SECONDS_MAX - 20)]
    if server.kind in PROTOCOLS:
        command.append(PROTOCOLS[server.kind])
    elif is_websocket:
        command.append("--websocket")
    elif bench.options.direct:
        command.append("--direct")
    return command


def gridload(bench, server, mode, arguments, nice=0):
    """Its line of JSON. Below 0, `nice` puts it before others that want a processor, where this
    user may do so."""
    own = [word for word in arguments if word != "--websocket"]
    command = gridload_command(bench, server, mode, len(own) < len(arguments))
    if nice < 0 and os.geteuid() == 0:
        command = ["nice", "-n", str(nice), *command]
    return result_of(command + own)


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
