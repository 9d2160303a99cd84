# tests/bench/harness/many.py: a broker that has much: many nodes, items, subscriptions of others.
import time

from harness.workload import Metric, Workload, gridload


class ManyNodes(Workload):
    """Filled over the wire, stopped, started again against the clock, then asked."""

    def __init__(self):
        super().__init__(
            "manynodes", "20,000 nodes, 200,000 subscriptions: start, then a mix of requests",
            "mix",
            [Metric("worst_p99_ms", "p99 ms of the worst request", 2, "less"),
             Metric("p99_ms", "p99 ms of all", 2, "less"),
             Metric("start_seconds", "start, s", 2, "less"),
             Metric("rss_mib", "resident MiB after the start", 0, "less"),
             Metric("per_second", "requests/s", 0)],
            ["--nodes", "20000", "--clients", "4", "--seconds", "10"],
            ["--nodes", "200", "--clients", "4", "--seconds", "1"], kinds=("gridd",))

    def load(self, bench, kind, arguments):
        quick = bench.options.quick
        where = bench.fresh_directory(kind)
        server = bench.start(kind, where)
        try:
            filled = gridload(bench, server, "fill", [
                "--clients", "200", "--nodes", "200" if quick else "20000",
                "--subscriptions", "2000" if quick else "200000",
                "--items", "200" if quick else "20000"])
        finally:
            bench.stop(server)
        begin = time.monotonic()
        server = bench.start(kind, where)
        seconds = time.monotonic() - begin
        try:
            resident = resident_mib(server.pid)
            result = gridload(bench, server, self.mode, arguments)
        finally:
            bench.stop(server)
        return {**result, "start_seconds": seconds, "rss_mib": resident,
                "fill_seconds": filled["seconds"]}


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return None


class Cost(Workload):
    """Durable publishes to nodes of their own, beside so much that is somebody else's."""

    def __init__(self, key, title, fill):
        super().__init__(key, "durable publish 8 × 8 beside " + title, "publish", [
            Metric("server_cpu_us", "CPU µs / publish", 1, "less"),
            Metric("p50_ms", "p50 ms", 2, "less"), Metric("p99_ms", "p99 ms", 2, "less"),
            Metric("per_second", "acknowledged/s")],
            ["--publishers", "8", "--outstanding", "8", "--seconds", "3", "--max-items", "100000"],
            ["--seconds", "1", "--warmup", "0.3"], kinds=("gridd",))
        self.fill = fill

    def load(self, bench, kind, arguments):
        server = bench.start(kind)
        try:
            fill = [text for key, count in self.fill.items()
                    for text in (f"--{key}", str(max(1, count // 100 if bench.options.quick
                                                     else count)))]
            gridload(bench, server, "fill", ["--clients", "100", *fill])
            return gridload(bench, server, self.mode, arguments)
        finally:
            bench.stop(server)


COSTS = [
    Cost("cost_nodes_100", "100 nodes", {"nodes": 100}),
    Cost("cost_nodes_2k", "2,000 nodes", {"nodes": 2000}),
    Cost("cost_nodes_20k", "20,000 nodes", {"nodes": 20000}),
    Cost("cost_items_1k", "1,000 items", {"nodes": 1000, "items": 1000}),
    Cost("cost_items_10k", "10,000 items", {"nodes": 1000, "items": 10000}),
    Cost("cost_items_100k", "100,000 items", {"nodes": 1000, "items": 100000}),
    Cost("cost_subs_1k", "1,000 subscriptions", {"nodes": 1000, "subscriptions": 1000}),
    Cost("cost_subs_10k", "10,000 subscriptions", {"nodes": 1000, "subscriptions": 10000}),
    Cost("cost_subs_100k", "100,000 subscriptions", {"nodes": 1000, "subscriptions": 100000}),
]
