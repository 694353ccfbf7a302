"""The templates of pages, and what every page does with its records."""

import json
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from scorax._text import percent
from scorax.records import ColumnDistance, Generated
from scorax.report._text import label, number, signed, visible

WORST_COLUMNS = 12
"""Columns in a table; beyond, those that are farthest off."""

_PICTURE_DATA = {
    "path": ("frames",),
    "field": ("log_density", "arrows", "x", "y"),
    "pairs": ("pairs", "edges", "marginals"),
}
"""What the embedded numbers leave out: arrays that exist to be drawn."""


def template(name: str) -> Template:
    """A template; names of columns are untrusted, so whatever it shows is escaped."""
    environment = Environment(
        loader=PackageLoader("scorax.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"label": label, "number": number, "signed": signed, "visible": visible, "percent": percent}
    return environment.get_template(name)


def far_columns(generated: Generated | None) -> list[ColumnDistance]:
    """The columns whose distance exceeds most what chance gives."""
    columns = () if generated is None else generated.columns.columns
    return sorted(columns, key=lambda column: column.expected - column.distance)[:WORST_COLUMNS]


def numbers_text(records: Mapping[str, Any]) -> str:
    """Records as JSON, without what exists to be drawn."""
    numbers = {
        name: {key: value for key, value in record.items() if key not in _PICTURE_DATA.get(name, ())}
        if isinstance(record, dict)
        else record
        for name, record in records.items()
    }
    return json.dumps(numbers, indent=1, ensure_ascii=True)
