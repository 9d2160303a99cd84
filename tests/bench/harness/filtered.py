# tests/bench/harness/filtered.py: the cost of 1,000 filters on a topic, beside the topic without.
from harness.workload import Metric, Workload

BAR = 2   # times the publish without filters, with as many deliveries


class Filtered(Workload):
    """The same publishes, to the same number of receivers: once subscribed without a filter, once
    each with a filter of its own that matches, among others that do not."""

    def __init__(self, matching):
        super().__init__(
            f"filters{matching}", f"1,000 filters on one topic, {matching:,} match, 1 KiB, stored",
            "fanout",
            [Metric("cpu_ratio", f"CPU × without filters (bar: {BAR})", 2, ""),
             Metric("wall_ratio", f"time × without filters (bar: {BAR})", 2, ""),
             Metric("cpu_us", "CPU µs / publish", 0, "less"),
             Metric("plain_cpu_us", "  without filters", 0, ""),
             Metric("wall_us", "µs / publish", 0, "less"),
             Metric("plain_wall_us", "  without filters", 0, ""),
             Metric("lost", "lost", 0, ""),
             Metric("reordered", "reordered or twice", 0, "")],
            ["--subscribers", str(matching), "--seconds", "4", "--warmup", "1", "--attributes"],
            ["--seconds", "1", "--warmup", "0.3"], kinds=("gridd",))

    def load(self, bench, kind, arguments):
        plain = super().load(bench, kind, arguments)
        result = super().load(bench, kind, [*arguments, "--filters", "1000"])
        for name, side in (("plain_", plain), ("", result)):
            result[name + "cpu_us"] = side["cpu_s_per_million"] * side["subscribers"]
            result[name + "wall_us"] = 1e6 / side["publishes_per_second"]
        for what in ("cpu", "wall"):
            result[what + "_ratio"] = result[what + "_us"] / result[f"plain_{what}_us"]
        worst = max(result["cpu_ratio"], result["wall_ratio"])
        if worst > BAR and not bench.options.quick:
            raise RuntimeError(f"{worst:.2f} × what a publish costs without filters: {result}")
        return result


FILTERED = [Filtered(10), Filtered(100), Filtered(1000)]
