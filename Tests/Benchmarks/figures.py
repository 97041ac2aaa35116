"""Pure arithmetic of the comparisons, and their tables."""
import statistics


def percentile(ordered, fraction):
    """The nearest-rank percentile of ascending values: the smallest that at least `fraction` of them do not exceed."""
    if not ordered:
        raise ValueError("no values to take a percentile of")
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction: found {fraction}, expected above 0 and at most 1")
    # Ceiling in integers: 0.999 * 1000 is 999.0000000000001 for some neighbours of these numbers.
    rank = -(-len(ordered) * round(fraction * 1_000_000) // 1_000_000)
    return ordered[max(rank, 1) - 1]


def steady_throughput(appended):
    """Records a second between the first append and the last.

    `appended` maps the broker's append time in milliseconds to the number of records. Those of the first append are
    what the interval starts with and so do not count. NaN when all were appended at once.
    """
    first, last = min(appended), max(appended)
    if first == last:
        return float("nan")
    return (sum(appended.values()) - appended[first]) * 1000 / (last - first)


def median_ratio(ours, theirs):
    """The median over the rounds of ours / theirs, each pair of one round; NaN where a divisor is 0."""
    if len(ours) != len(theirs) or not ours:
        raise ValueError(f"found {len(ours)} and {len(theirs)} values, expected equally many and at least one")
    return statistics.median(a / b if b else float("nan") for a, b in zip(ours, theirs))


def table(header, rows):
    """Columns padded to their widest cell; the first to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        first, *others = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join(lines)


def show(value):
    """Three significant digits or whole numbers, whichever is longer; a dash for what could not be measured."""
    if value is None or value != value:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
