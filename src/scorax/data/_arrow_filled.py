"""Arrow's columns with other cells in place of those that are missing: of the same type, all others as they are."""

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from scorax._errors import refusal
from scorax._text import quote
from scorax.data._arrow import flags
from scorax.data._arrow_tables import arrow_schema
from scorax.data._table import Table
from scorax.data.formats import CODES, Format

if TYPE_CHECKING:
    import pyarrow as pa

_DIGITS = 80
"""More than a decimal number of Arrow has."""


def filled_schema(schema: "pa.Schema", formats: Mapping[str, Format]) -> "pa.Schema":
    """The schema with a type for columns that have none, as all their cells are missing, and a format."""
    import pyarrow as pa

    for j, name in enumerate(schema.names):
        if name in formats and pa.types.is_null(schema.field(j).type):
            schema = schema.set(j, arrow_schema([name], [formats[name]]).field(0))
    return schema


def filled_batch(batch: "pa.RecordBatch", table: Table, schema: "pa.Schema", where: object) -> "pa.RecordBatch":
    """The rows with values of a table of some of their columns in place of missing cells, where it has any.

    A value becomes the nearest that the type of its column holds. ``schema`` is that of :func:`filled_schema`.

    Raises:
        InputError: the type of a column holds nothing near to a value; ``where`` begins the message.
    """
    import pyarrow as pa

    place = {name: j for j, name in enumerate(table.columns)}
    columns = []
    for field, cells in zip(schema, batch.columns, strict=True):
        j = place.get(field.name)
        if j is not None:
            values, form = table.values[:, j], table.formats[j]
            try:
                cells = _filled(cells, values, form, field.type)
            except (pa.ArrowException, ValueError, ArithmeticError) as error:
                got = f"another value to fill column {quote(field.name)} with ({quote(str(error), 80)})"
                do = "write .csv, which holds any; or state the ends of the column in the fit, --column NAME=KIND,LOW..HIGH"
                expected = f"cells of the type {quote(str(field.type), 40)}"
                raise refusal(where, expected=expected, got=got, do=do) from None
        columns.append(cells)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _filled(cells: Any, values: Float[np.ndarray, " n"], form: Format, kind: "pa.DataType") -> Any:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        whole = _filled(cells.dictionary_decode(), values, form, kind.value_type).dictionary_encode()
        return pa.DictionaryArray.from_arrays(
            whole.indices.cast(kind.index_type), whole.dictionary, ordered=kind.ordered
        )
    cells = pa.nulls(len(cells), kind) if pa.types.is_null(cells.type) else cells
    holes = np.flatnonzero(flags(cells.is_null(nan_is_null=True)) & ~np.isnan(values))
    if not len(holes):
        return cells
    places = np.arange(len(cells))
    places[holes] = len(cells) + np.arange(len(holes))
    return pa.concat_arrays([cells, _of_type(values[holes], form, kind)]).take(pa.array(places))


def _of_type(values: Float[np.ndarray, " n"], form: Format, kind: "pa.DataType") -> Any:
    """Values, none of them missing, as an array of a type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return ask.cast(ask.cast(form.text(values), pa.large_string()), kind)
    if form.kind == "text":
        return ask.cast(form.text(values), kind)
    if types.is_date(kind) or types.is_timestamp(kind):
        return _times(form.cells(values), kind)
    numbers = form.cells(values)
    numbers = numbers.astype(np.int64) if numbers.dtype.kind == "b" else numbers
    if types.is_floating(kind):
        with np.errstate(over="ignore"):
            near = numbers.astype(f"f{kind.bit_width // 8}")
        if np.isinf(near[np.isfinite(numbers)]).any():
            raise OverflowError("too large")
        return pa.array(near, kind)
    if types.is_decimal(kind):
        step, exact = Decimal(1).scaleb(-kind.scale), Context(_DIGITS)
        return pa.array([Decimal(repr(number)).quantize(step, context=exact) for number in numbers.tolist()], kind)
    near = numbers if numbers.dtype.kind in "iu" else np.rint(numbers)
    if not types.is_boolean(kind):
        return ask.cast(pa.array(near), kind)
    if not np.isin(near, (0, 1)).all():
        raise ValueError("neither 0 nor 1")
    return pa.array(near == 1)


def _times(times: np.ndarray, kind: "pa.DataType") -> Any:
    """NumPy's dates or times, in UTC, as those of a type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
    date = pa.types.is_date(kind)
    unit = "day" if date else next(unit for unit, code in CODES.items() if code == kind.unit)
    known = times.dtype in [f"datetime64[{code}]" for code in ("s", "ms", "us", "ns")]
    cells = pa.array(times if known else times.astype("datetime64[s]"))  # Arrow has no minutes
    near = ask.round_temporal(cells, unit=unit)
    return ask.cast(
        ask.cast(near, pa.date32()) if date else ask.cast(ask.cast(near, pa.timestamp(kind.unit)), pa.int64()), kind
    )
