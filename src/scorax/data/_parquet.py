"""Parquet by row group, after its declared size was checked; what comes is counted again while it is read."""

from pathlib import Path
from typing import Any

import numpy as np

from scorax._errors import InputError, explain
from scorax._text import quote, shown_path
from scorax.data._arrow_blocks import READABLE, block_of, readable
from scorax.data._bad_cells import BadCells
from scorax.data._blocks import Block, joined
from scorax.data._pages import check_pages
from scorax.data._row_names import without_pandas_index
from scorax.data._table import Limits, Missing, Table, check_bytes, check_count, check_names

_ROWS = 65_536
_METADATA = 64 * 2**20
_GROUPS = 20_000


def _refusal(path: Path, expected: str, got: str, do: str) -> InputError:
    return InputError(f"{shown_path(path)}: " + explain(expected=expected, got=got, do=do))


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
    for name, kind in zip(names, schema.types, strict=True):
        if not readable(kind):
            got, do = (
                f"type {quote(str(kind), 30)} in column {quote(name)}",
                "remove the column or write it as one of these",
            )
            raise _refusal(path, READABLE, got, do)
    if file.metadata.num_rows == 0:
        raise _refusal(path, "rows", "none", "check the file")
    check_pages(path, file.metadata, limits)
    bad, rows = BadCells(path, names), 0
    blocks: list[list[Block]] = [[] for _ in names]
    for batch in file.iter_batches(batch_size=_ROWS, use_threads=False):
        for j, cells in enumerate(batch.columns):
            block = block_of(cells, path, names[j])
            bad.note_block(j, block, rows + 1)
            blocks[j].append(block)
        rows += batch.num_rows
        check_bytes(rows * len(names) * 8, path, limits)
    if rows != file.metadata.num_rows:
        raise _refusal(path, f"{file.metadata.num_rows} rows", f"{rows}", "the file is damaged: write it again")
    values, formats = np.empty((rows, len(names))), []
    for j, name in enumerate(names):
        values[:, j], form = joined(blocks[j], name, path)
        formats.append(form)
    table = Table(names, values, tuple(formats))
    return bad.settle(without_pandas_index(table, schema.pandas_metadata, bad), missing)
