# tests/bench/harness/report.py: the table for people and the line of JSON for programs.
import json
import os
import platform
import subprocess
import time

from harness.servers import NATS_SERVER


def table(results, kinds, works, quick):
    """One block a workload, one line a figure; after the servers, gridd's factor over each: above 1
    is better than that one, whether more or less is better."""
    others = [kind for kind in kinds if kind != "gridd"] if "gridd" in kinds else []
    header = ["", *kinds, *("× " + kind for kind in others)]
    rows = [header]
    for work in works:
        rows.append([work.title])
        for metric in work.metrics:
            cells = [cell(results.get((work.key, kind)), metric) for kind in kinds]
            factors = [show(factor(results, work, metric, kind), 2) for kind in others]
            rows.append(["  " + metric.label, *cells, *factors])
        rows.append(["  other load, CPU %", *(cell(results.get((work.key, kind)), None)
                                              for kind in kinds)])
    warning = ("A smoke run: smaller and shorter than the titles say; that it works is all that it "
               "shows.\n" if quick else "")
    return warning + aligned(rows)


def cell(result, metric):
    if result is None:
        return ""
    if not isinstance(result, dict):
        return "failed"
    if metric is None:
        return show(result.get("others_cpu_percent"), 0)
    return show(result.get(metric.key), metric.decimals)


def factor(results, work, metric, other):
    ours, theirs = (results.get((work.key, kind)) for kind in ("gridd", other))
    if not metric.better or not isinstance(ours, dict) or not isinstance(theirs, dict):
        return None
    ours, theirs = ours.get(metric.key), theirs.get(metric.key)
    if not ours or not theirs:
        return None
    return ours / theirs if metric.better == "more" else theirs / ours


def show(value, decimals):
    return "" if value is None else f"{value:,.{decimals}f}"


def aligned(rows):
    width = max(len(row[0]) for row in rows if len(row) > 1)
    columns = [max(len(row[i]) for row in rows if len(row) > i) for i in range(1, len(rows[0]))]
    lines = []
    for row in rows:
        if len(row) == 1:
            lines.append(row[0])
            continue
        cells = (text.rjust(wide) for text, wide in zip(row[1:], columns))
        lines.append((row[0].ljust(width) + "  " + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def json_line(results, kinds, works, options):
    document = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "quick": options.quick, "repeat": options.repeat, "direct": options.direct,
        "machine": machine(), "versions": versions(kinds, options), "results": {}, "gridd_over": {},
    }
    for work in works:
        document["results"][work.key] = {
            kind: result if isinstance(result, dict) else {"failed": result.message}
            for kind in kinds if (result := results.get((work.key, kind))) is not None}
        for kind in kinds:
            for metric in work.metrics:
                value = factor(results, work, metric, kind) if kind != "gridd" else None
                if value is not None:
                    document["gridd_over"].setdefault(work.key, {}).setdefault(kind, {})[
                        metric.key] = round(value, 3)
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def machine():
    model = ""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return {"cpu": model, "cpus": os.cpu_count(), "memory_mib": memory,
            "kernel": platform.release()}


def versions(kinds, options):
    found = {}
    for kind in kinds:
        if kind.startswith("floor"):
            continue
        if kind == "gridd":
            command = [options.gridd, "--version"]
        elif kind.startswith("nats-"):
            command = [NATS_SERVER, "--version"]
        else:
            command = ["dpkg-query", "-W", "-f", "${Version}", kind]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        found[kind] = done.stdout.strip()
    return found
