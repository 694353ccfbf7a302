"""What was fitted: label and value pairs found in `run.json`, `config.json` and `schema.json`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from scorax.report._text import label, number, visible

NOT_RECORDED = "not recorded"
_CONSTANTS_NAMED = 6


def facts(
    records: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]], info: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Rows of the table "what was fitted"; a value that no file holds is called so, never guessed."""
    columns = find(info, "schema.columns")
    columns = columns if isinstance(columns, list) else records.get("marginals", {}).get("columns", [])
    rows = find(info, "run.data.rows", "run.rows", "schema.rows", "data.rows")
    steps = [line["step"] for line in metrics if isinstance(line.get("step"), int)]
    return [
        ("rows", _shown(rows if rows is not None else records.get("marginals", {}).get("rows"))),
        ("columns", _columns(columns)),
        ("constant columns, left out of the density", _constants(columns)),
        ("members", _shown(find(info, "run.members", "config.members", "config.folds"))),
        ("start of the members kept", _start(find(info, "run.start"), find(info, "run.candidates"))),
        ("steps", _steps(steps, find(info, "run.best_step", "run.best_steps"))),
        ("smallest noise level sigma_min", _shown(find(info, "run.sigma_min", "config.sigma_min"))),
        ("seed", _shown(find(info, "run.seed", "config.seed"))),
        ("time", _time(find(info, "run.seconds", "run.times.total", "run.times.fit"))),
        ("device", _shown(find(info, "run.device", "run.backend", "run.platform"))),
        ("versions", _versions(find(info, "run.versions"))),
    ]


def find(info: Mapping[str, Any], *paths: str) -> Any:
    """The first value present among dotted paths, or None."""
    for path in paths:
        value: Any = info
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def _start(start: Any, candidates: Any) -> str:
    """The start that was kept, and what the others would have been worth."""
    if not isinstance(candidates, Mapping) or not all(isinstance(table, Mapping) for table in candidates.values()):
        return _shown(start)
    best = {
        name: max((v for v in table.values() if isinstance(v, float)), default=None)
        for name, table in candidates.items()
    }
    others = [f"{visible(name)} {number(v)}" for name, v in best.items() if name != start and v is not None]
    own = best.get(start)
    if not others or own is None:
        return _shown(start)
    return f"{visible(start)} (held-out nats {number(own)}; {', '.join(others)})"


def _shown(value: Any) -> str:
    if value is None:
        return NOT_RECORDED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value[:12]) + (" …" if len(value) > 12 else "")
    return number(value) if isinstance(value, float) else label(value, 80)


def _columns(columns: Sequence[Any]) -> str:
    kinds = Counter(visible(c.get("kind", "column")) for c in columns if isinstance(c, Mapping))
    if not kinds:
        return NOT_RECORDED
    return f"{sum(kinds.values())}: " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())


def _constants(columns: Sequence[Any]) -> str:
    names = [label(c.get("name", "")) for c in columns if isinstance(c, Mapping) and c.get("kind") == "constant"]
    if not names:
        return "none"
    more = len(names) - _CONSTANTS_NAMED
    return ", ".join(names[:_CONSTANTS_NAMED]) + (f" and {more} more" if more > 0 else "")


def _steps(steps: Sequence[int], best: Any) -> str:
    trained = f"{max(steps):,} trained" if steps else NOT_RECORDED
    return trained if best is None else f"{trained}, best at {_shown(best)}"


def _time(seconds: Any) -> str:
    if not isinstance(seconds, int | float):
        return NOT_RECORDED
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _versions(versions: Any) -> str:
    if not isinstance(versions, Mapping) or not versions:
        return NOT_RECORDED
    return ", ".join(f"{visible(name)} {visible(version)}" for name, version in versions.items())
