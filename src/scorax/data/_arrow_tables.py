"""Values as Arrow's columns and batches, as Parquet files have them, and record batches as tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Integer

from scorax._decimals import whole
from scorax._errors import refusal
from scorax._text import quote
from scorax.data._bad_cells import BadCells
from scorax.data._table import Limits, Table, check_names
from scorax.data.formats import CODES, ENDS_OF_UTC, Format, TimeFormat

if TYPE_CHECKING:
    import pyarrow as pa


def integer_type(form: Format) -> str | None:
    """NumPy's name of the type of a column of integers, ``None`` of another one."""
    if form.kind != "number" or form.decimals != 0:
        return None
    return "<u8" if form.unsigned else "<i8"


def integers_of_type(
    values: Float[np.ndarray, " n"], form: Format, kind: str, name: str, where: object
) -> Integer[np.ndarray, " n"]:
    """The values of a column of integers in a type.

    Raises:
        InputError: a value is not finite or too large; ``where`` begins the message.
    """
    found = whole(values, form.origin)
    if found is None or not (info := np.iinfo(kind)).min <= found.min() <= found.max() <= info.max:
        raise refusal(
            where,
            expected=f"finite integers of 64 bits in column {quote(name)}",
            got="another value",
            do="write .csv, which holds what is not finite too",
        )
    return found.astype(kind)


def arrow_schema(columns: Sequence[str], formats: Sequence[Format]) -> "pa.Schema":
    """Names and Arrow's types of columns of these formats."""
    import pyarrow as pa

    return pa.schema([(name, _arrow_type(form)) for name, form in zip(columns, formats, strict=True)])


def arrow_batch(
    values: Float[np.ndarray, "n columns"], columns: Sequence[str], formats: Sequence[Format], where: object
) -> "pa.RecordBatch":
    """Rows as a record batch of :func:`arrow_schema`; what is missing is null.

    Raises:
        InputError: an integer is not finite or too large; ``where`` begins the message.
    """
    import pyarrow as pa

    named = zip(columns, formats, strict=True)
    arrays = [_arrow_column(values[:, j], form, name, where) for j, (name, form) in enumerate(named)]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns, formats))


def table_of_batch(batch: "pa.RecordBatch", where: str) -> Table:
    """The rows of a record batch, its null cells missing, under the rules of a file.

    Raises:
        InputError: names that are missing or repeated, a type that is none of a table, an infinite number, or integers or times
            that range too far; ``where`` begins the message.
    """
    names = batch.schema.names
    check_names(names, where, Limits())
    table = Table.of_arrow(dict(zip(names, batch.columns, strict=True)), where)
    bad = BadCells(where, names)
    for j in range(len(names)):
        bad.note_values(j, table.values[:, j], 1)
    return bad.settle(table, "keep")


def _arrow_type(form: Format) -> Any:
    import pyarrow as pa

    if form.kind == "text":
        return pa.string()
    if form.kind == "boolean":
        return pa.bool_()
    if form.kind == "time":
        return pa.date32() if form.written == "day" else pa.timestamp(_unit(form), _zone(form))
    return {"<i8": pa.int64(), "<u8": pa.uint64(), None: pa.float64()}[integer_type(form)]


def _arrow_column(values: Float[np.ndarray, " n"], form: Format, name: str, where: object) -> Any:
    import pyarrow as pa

    if (kind := integer_type(form)) is not None:
        absent = np.isnan(values)
        return pa.array(integers_of_type(np.where(absent, 0.0, values), form, kind, name, where), mask=absent)
    if form.kind == "text":
        return form.text(values)
    cells = form.cells(values)
    cells = cells.astype(f"datetime64[{_unit(form)}]") if form.kind == "time" and form.written == "minute" else cells
    return pa.array(cells, _arrow_type(form), mask=np.isnan(values))


def _unit(form: TimeFormat) -> str:
    """Of times with a time of day, as Arrow names it, which knows no minutes."""
    return CODES["second" if form.written == "minute" else form.written]


def _zone(form: TimeFormat) -> str | None:
    """As Arrow names it, which knows offsets of hours and minutes only; of the names of UTC it is pandas that knows no Z."""
    if form.zone is None or form.zone[:1] not in ("+", "-"):
        return "UTC" if form.zone in ENDS_OF_UTC else form.zone
    hours, minutes = divmod(abs(form.offset), 60)
    return f"{form.zone[0]}{hours:02d}:{minutes:02d}"
