"""What a run found, as one dictionary, and as text for people."""
import bisect
import json
import statistics

# A process is judged by its second half, when it lived for so long.
MINIMUM_MEMORY_SECONDS = 120
MEMORY_TOLERANCE = 0.05
# How long after a kill a silence is attributed to it, if no other comes.
RECOVERY_WINDOW_SECONDS = 20


def percentiles(values, shares=(50, 95, 99, 99.9, 100)):
    """Share to value, by nearest rank."""
    ordered = sorted(values)
    if not ordered:
        return {}
    return {f"p{share:g}": ordered[min(len(ordered) - 1, round(share / 100 * (len(ordered) - 1)))] for share in shares}


def recoveries(kills, arrivals, end):
    """For each kill the longest time that any partition went without a result, from the kill to the next one.

    `arrivals`: for each partition the sorted times of its results.
    """
    longest = []
    for index, kill in enumerate(kills):
        until = min(kill + RECOVERY_WINDOW_SECONDS, end, kills[index + 1] if index + 1 < len(kills) else end)
        gaps = []
        for times in arrivals:
            # From the last result before the kill to the first after the window: a silence may reach over either edge.
            points = times[max(0, bisect.bisect_right(times, kill) - 1):bisect.bisect_left(times, until) + 1]
            gaps += [b - a for a, b in zip(points, points[1:])]
        if gaps:
            longest.append(max(gaps))
    return longest


def memory(samples):
    """For each process that lived long enough: growth over its second half, first quarter of it against the last."""
    lives = {}
    for time, instance, incarnation, resident in samples:
        lives.setdefault((instance, incarnation), []).append((time, resident))
    judged = []
    for (instance, incarnation), life in lives.items():
        if life[-1][0] - life[0][0] < MINIMUM_MEMORY_SECONDS:
            continue
        late = [resident for _, resident in life[len(life) // 2:]]
        quarter = max(1, len(late) // 4)
        start, end = statistics.median(late[:quarter]), statistics.median(late[-quarter:])
        judged.append({"instance": instance, "process": incarnation, "seconds": round(life[-1][0] - life[0][0]),
                       "mebibytes": round(end / 2**20, 1), "growth": round(end / start - 1, 4),
                       "flat": abs(end / start - 1) <= MEMORY_TOLERANCE})
    peak = max((resident for *_, resident in samples), default=0)
    return {"peak_mebibytes": round(peak / 2**20, 1), "processes_long_enough": judged,
            "verdict": "no process lived long enough" if not judged
            else "flat" if all(life["flat"] for life in judged) else "not flat"}


def text(report):
    """The report as a table."""
    audit, chaos = report["audit"], report["chaos"]
    lines = [f"run {report['run']}: {report['minutes']:.1f} minutes of load, seed {report['seed']}", ""]

    def row(name, value):
        lines.append(f"  {name:<34}{value}")

    row("requests", f"{audit['requests']} ({audit['rows']} rows, {report['rate']:.0f}/s)")
    row("results, dead letters", f"{audit['results']}, {audit['dead_letters']}")
    for status, count in sorted(audit["statuses"].items()):
        row(f"  {status}", count)
    row("rows compared bit for bit", f"{audit['rows_checked']} of {audit['images']} images")
    for kind, count in audit["counts"].items():
        row(kind.replace("_", " "), count)
    row("offsets not at the end", json.dumps(report["lag"]) if report["lag"] else "none")
    row("transactions left open", json.dumps(report["open_transactions"]) if report["open_transactions"] else "none")
    row("kills", chaos["kills"])
    row("joins, leaves", f"{chaos['joins']}, {chaos['leaves']}")
    row("freezes", chaos["freezes"])
    row("broker restarts", chaos["broker_restarts"])
    row("exits nobody asked for", len(report["unasked_exits"]))
    row("stops that were not graceful", len(report["bad_stops"]))
    for name, unit, values in (("latency", "s", report["latency_seconds"]),
                               ("silence after a kill", "s", report["recovery_seconds"])):
        row(name, "  ".join(f"{share} {value:.3f} {unit}" for share, value in values.items()) or "none measured")
    row("resident memory", f"peak {report['memory']['peak_mebibytes']} MiB, {report['memory']['verdict']}")
    for life in report["memory"]["processes_long_enough"]:
        row(f"  {life['instance']}, process {life['process']}",
            f"{life['seconds']} s, {life['mebibytes']} MiB, {life['growth']:+.1%} over its second half")
    for problem in report["problems"]:
        lines.append(f"  problem: {problem}")
    for example in audit["examples"]:
        lines.append(f"  {example['kind']}: {example['what'][:400]}")
    for ended in report["unasked_exits"] + report["bad_stops"]:
        lines.append(f"  {ended['instance']} ended with {ended['code']}:")
        lines += [f"    {line[:240]}" for line in ended["last_lines"][-3:]]
    lines += ["", "PASSED" if report["passed"] else "FAILED"]
    return "\n".join(lines)
