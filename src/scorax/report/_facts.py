"""What was fitted: label and value pairs of the table on the page."""

from collections import Counter
from collections.abc import Mapping, Sequence

from scorax.checkpoint import RunFacts
from scorax.records import Marginals, MetricsLine
from scorax.report._text import label, number, visible

NOT_RECORDED = "not recorded"
_CONSTANTS_NAMED = 6


def fitted(
    facts: RunFacts, kinds: Mapping[str, str], metrics: Sequence[MetricsLine], marginals: Marginals | None
) -> list[tuple[str, str]]:
    """Rows of the table "what was fitted"; a value that no file holds is called so, never guessed."""
    table_rows = None if marginals is None else marginals.rows
    return [
        ("rows", _count(table_rows if facts.data is None else facts.data.rows)),
        ("columns", _columns(kinds)),
        ("constant columns, left out of the density", _constants(kinds)),
        ("members", _count(facts.members)),
        ("start of the members kept", _start(facts.start, facts.candidates)),
        ("steps", _steps([line.step for line in metrics], facts.best_steps)),
        ("smallest noise level sigma_min", NOT_RECORDED if facts.sigma_min is None else number(facts.sigma_min)),
        ("seed", _count(facts.seed)),
        ("time", _time(facts.seconds)),
        ("device", NOT_RECORDED if facts.device is None else label(facts.device, 80)),
        ("versions", _versions(facts.versions)),
    ]


def _count(value: int | None) -> str:
    return NOT_RECORDED if value is None else f"{value:,}"


def _start(start: str | None, candidates: Mapping[str, Mapping[str, float | None]] | None) -> str:
    """The start that was kept, and what the others would have been worth."""
    if start is None:
        return NOT_RECORDED
    best = {
        name: max((v for v in table.values() if v is not None), default=None)
        for name, table in (candidates or {}).items()
    }
    others = [f"{visible(name)} {number(v)}" for name, v in best.items() if name != start and v is not None]
    own = best.get(start)
    if not others or own is None:
        return label(start, 80)
    return f"{visible(start)} (held-out nats {number(own)}; {', '.join(others)})"


def _columns(kinds: Mapping[str, str]) -> str:
    if not kinds:
        return NOT_RECORDED
    counts = Counter(visible(kind) for kind in kinds.values())
    return f"{len(kinds)}: " + ", ".join(f"{count} {kind}" for kind, count in counts.most_common())


def _constants(kinds: Mapping[str, str]) -> str:
    names = [label(name) for name, kind in kinds.items() if kind == "constant"]
    if not names:
        return "none"
    more = len(names) - _CONSTANTS_NAMED
    return ", ".join(names[:_CONSTANTS_NAMED]) + (f" and {more} more" if more > 0 else "")


def _steps(steps: Sequence[int], best: Sequence[int] | None) -> str:
    trained = f"{max(steps):,} trained" if steps else NOT_RECORDED
    if best is None:
        return trained
    return f"{trained}, best at {', '.join(map(_count, best[:12]))}" + (" …" if len(best) > 12 else "")


def _time(seconds: float | None) -> str:
    if seconds is None:
        return NOT_RECORDED
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _versions(versions: Mapping[str, str] | None) -> str:
    if not versions:
        return NOT_RECORDED
    return ", ".join(f"{visible(name)} {visible(version)}" for name, version in versions.items())
