"""Parquet by row group, after its declared size was checked; what comes is counted again while it is read."""

from pathlib import Path
from typing import Any

import numpy as np

from scorax._errors import InputError, explain
from scorax._text import quote, shown_path
from scorax.data._bad_cells import BadCells
from scorax.data._integers import distances, joined, too_large
from scorax.data._pages import check_pages
from scorax.data._table import Limits, Missing, Table, check_bytes, check_count, check_names

_ROWS = 65_536
_METADATA = 64 * 2**20
_GROUPS = 20_000


def _refusal(path: Path, expected: str, got: str, do: str) -> InputError:
    return InputError(f"{shown_path(path)}: " + explain(expected=expected, got=got, do=do))


def _decimals(path: Path, name: str, kind: Any) -> int | None:
    """Decimals of a column type; refuses the types that hold no numbers."""
    import pyarrow.types as types

    if types.is_integer(kind) or types.is_boolean(kind):
        return 0
    if types.is_decimal(kind):
        return kind.scale if 0 <= kind.scale <= 12 else None
    if types.is_floating(kind):
        return None
    raise _refusal(
        path,
        "columns of numbers",
        f"type {quote(str(kind), 30)} in column {quote(name)}",
        "remove the column or encode it as numbers",
    )


def read_parquet(path: Path, limits: Limits, missing: Missing) -> Table:
    """Reads a Parquet file; see ``read_table``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(
            path,
            memory_map=False,
            thrift_string_size_limit=_METADATA,
            thrift_container_size_limit=max(_GROUPS, 2 * limits.columns),
            arrow_extensions_enabled=False,
        ) as file:
            return _read(path, file, limits, missing)
    except InputError:
        raise
    # Arrow reports damage through most of these; none of them is a fault of this program.
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError, TypeError) as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _refusal(path, "a Parquet file", quote(message, 100), "write the file again") from None


def _read(path: Path, file: Any, limits: Limits, missing: Missing) -> Table:
    check_count(file.metadata.num_columns, path, limits)
    check_bytes(file.metadata.num_rows * file.metadata.num_columns * 8, path, limits)
    schema = file.schema_arrow
    names = tuple(schema.names)
    check_names(names, path, limits)
    decimals = tuple(_decimals(path, name, kind) for name, kind in zip(names, schema.types, strict=True))
    if file.metadata.num_rows == 0:
        raise _refusal(path, "rows", "none", "check the file")
    check_pages(path, file.metadata)
    bad, blocks, rows = BadCells(path), [], 0
    for batch in file.iter_batches(batch_size=_ROWS, use_threads=False):
        block, origins = np.empty((batch.num_rows, len(names))), []
        for j, cells in enumerate(batch.columns):
            block[:, j], origin = _numbers(cells, path, names[j])
            origins.append(origin)
            bad.note_values(j, block[:, j], rows + 1)
        rows += batch.num_rows
        check_bytes(rows * len(names) * 8, path, limits)
        blocks.append((block, origins))
    if rows != file.metadata.num_rows:
        raise _refusal(path, f"{file.metadata.num_rows} rows", f"{rows}", "the file is damaged: write it again")
    values, formats = joined(blocks, names, decimals, path)
    return bad.settle(Table(names, values, formats), missing)


def _numbers(cells: Any, path: Path, name: str) -> tuple[np.ndarray, int | None]:
    """A column of a batch as float64 distances from its origin; the origin is ``None`` where it holds no integers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
    kind = cells.type
    absent = np.from_dlpack(ask.cast(cells.is_null(), pa.uint8())).astype(bool) if cells.null_count else None
    if pa.types.is_boolean(kind):
        cells = ask.cast(cells, pa.uint8())
    elif pa.types.is_decimal(kind) and kind.scale == 0:
        try:
            cells = ask.cast(cells, pa.int64())
        except pa.ArrowInvalid:
            raise too_large(path, name) from None
    if pa.types.is_integer(cells.type):
        whole = np.from_dlpack(ask.fill_null(cells, 0) if absent is not None else cells)
        return distances(whole, path, name, absent)
    numbers = ask.cast(cells, pa.float64())
    return np.from_dlpack(ask.fill_null(numbers, float("nan")) if absent is not None else numbers), None
