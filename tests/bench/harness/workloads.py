# tests/bench/harness/workloads.py: the workloads, and which of their figures are shown.
from harness import fairness, filtered, idle_managed, many
from harness.workload import Failure, Metric, Workload, median

__all__ = ["WORKLOADS", "Failure", "median"]   # the names that tests/bench/run uses

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
RESUMPTIONS = [
    Metric("per_second", "resumptions/s", 0),
    Metric("p99_ms", "p99 ms", 1, "less"),
    Metric("server_cpu_us", "CPU µs / resumption", 0, "less"),
]
FAN = ["--subscribers", "1000", "--seconds", "8", "--warmup", "2"]
SMALL_FAN = ["--subscribers", "50", "--seconds", "1", "--warmup", "0.3"]
SHORT = ["--seconds", "1", "--warmup", "0.3"]
LOGINS = [Metric("per_second", "logins/s", 0), Metric("p99_ms", "p99 ms", 1, "less"),
          Metric("server_cpu_us", "CPU µs / login", 0, "less")]

WORKLOADS = [
    Workload("idle", "9,900 idle, bound clients", "idle",
             [Metric("kib_per_client", "resident KiB / client", 1, "less"),
              Metric("rss_after_mib", "resident MiB in all", 1, "less"),
              Metric("idle_cpu_percent", "CPU % when idle", 1, "")],
             ["--clients", "9900", "--concurrency", "64"], ["--clients", "200", "--settle", "1"],
             identities=9900),
    Workload("logins", "first logins, full handshake each, 32 at a time", "logins", LOGINS,
             ["--clients", "4000"], ["--clients", "200"]),
    Workload("logins_again", "logins of the same clients, full handshake each, 32 at a time",
             "logins", LOGINS, ["--clients", "4000"], ["--clients", "200"], is_second=True),
    idle_managed.IdleManaged(),
    Workload("resumptions", "resumptions after a cut, TLS resumed by tickets, 32 at a time",
             "resumptions", RESUMPTIONS,
             ["--clients", "4000"], ["--clients", "200", "--settle", "1"], kinds=("gridd",)),
    Workload("resumptions_full", "resumptions after a cut, full handshake each, 32 at a time",
             "resumptions", RESUMPTIONS, ["--clients", "4000", "--full-tls"],
             ["--clients", "200", "--settle", "1", "--full-tls"], kinds=("gridd",)),
    Workload("fanout_managed", "fanout, every subscriber with stream management", "fanout",
             FAN_OUT, [*FAN, "--no-persist", "--managed"], [*SMALL_FAN, "--managed"],
             kinds=("gridd",)),
    Workload("fanout", "fan-out, 1 publisher × 16 → 1,000, 1 KiB, not stored", "fanout",
             FAN_OUT, [*FAN, "--no-persist"], SMALL_FAN),
    Workload("fanout_websocket", "fanout, everybody over WebSocket", "fanout",
             FAN_OUT, [*FAN, "--no-persist", "--websocket"], [*SMALL_FAN, "--websocket"],
             kinds=("gridd",)),
    Workload("fanout10", "fan-out, 10 publishers × 16 → 1,000, 1 KiB, not stored", "fanout",
             FAN_OUT, [*FAN, "--no-persist", "--publishers", "10"], SMALL_FAN),
    Workload("stored", "fan-out, 1 publisher × 16 → 1,000, 1 KiB, stored", "fanout",
             FAN_OUT, FAN, SMALL_FAN),
    Workload("half", "fan-out, 1 publisher, not stored, at half its own maximum", "fanout",
             [Metric("p50_ms", "p50 ms", 1, "less"), Metric("p99_ms", "p99 ms", 1, "less"),
              Metric("per_second", "deliveries/s", 0, ""), Metric("lost", "lost", 0, ""),
              Metric("reordered", "reordered or twice", 0, "")],
             [*FAN, "--no-persist"], SMALL_FAN, half_of="fanout"),
    Workload("subscribers18k", "one publish at a time → 18,000 subscribers of one node, 1 KiB",
             "fanout",
             [Metric("max_ms", "ms to the last", 0, "less"), Metric("p50_ms", "p50 ms", 0, "less"),
              Metric("cpu_s_per_million", "CPU s / million deliveries", 2, "less"),
              Metric("lost", "lost", 0, ""), Metric("reordered", "reordered or twice", 0, "")],
             ["--subscribers", "18000", "--publishes", "8", "--outstanding", "1", "--no-persist",
              "--concurrency", "64"], ["--subscribers", "200"], identities=18100,
             kinds=("floor", "gridd", "mosquitto", "nats-lazy")),
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
    Workload("ping50", "pings, 50 clients × 8", "ping",
             [Metric("per_second", "pings/s"), Metric("p99_ms", "p99 ms", 2, "less"),
              Metric("max_ms", "max ms", 1, "less"),
              Metric("server_cpu_us", "CPU µs / ping", 1, "less")],
             ["--clients", "50", "--outstanding", "8"], SHORT),
    fairness.Fairness(),
    many.ManyNodes(),
    *many.COSTS,
    *filtered.FILTERED,
]
