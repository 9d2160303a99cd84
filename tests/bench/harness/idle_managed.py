# tests/bench/harness/idle_managed.py: the memory of sessions with stream management (XEP-0198).
from harness.workload import Metric, Workload, gridload


class IdleManaged(Workload):
    """Idle clients of new accounts; then, with a server started anew that knows these accounts,
    the same clients cut off: a session that waits to be resumed, without what its account takes."""

    def __init__(self):
        super().__init__(
            "idle_managed", "5,000 idle clients with stream management, then cut off", "idle",
            [Metric("kib_per_client", "resident KiB / client", 1, "less"),
             Metric("hibernating_kib", "KiB / hibernating session", 1, "less")],
            ["--clients", "5000", "--concurrency", "64", "--managed"],
            ["--clients", "200", "--settle", "1", "--managed"], kinds=("gridd",))

    def load(self, bench, kind, arguments):
        where = bench.fresh_directory(kind)
        server = bench.start(kind, where)
        try:
            connected = gridload(bench, server, self.mode, arguments)
        finally:
            bench.stop(server)
        server = bench.start(kind, where)
        try:
            hibernating = gridload(bench, server, self.mode, [*arguments, "--hibernate"])
        finally:
            bench.stop(server)
        return {**connected, "hibernating_kib": hibernating["hibernating_kib"],
                "kib_per_client_of_known_account": hibernating["kib_per_client"]}
