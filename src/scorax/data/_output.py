"""Tables into files, chunk by chunk, so that millions of rows pass through without being held."""

import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from scorax import _write
from scorax._decimals import whole
from scorax._errors import InputError, explain
from scorax._text import quote, shown_path
from scorax.data._dialect import Dialect
from scorax.data._render import render_header, render_rows
from scorax.data._table import Limits, check_names
from scorax.data.formats import CODES, AbstractFormat, Format, NumberFormat

RESULTS = Dialect(missing="nan")
"""Of a table of results, in which a number that is not finite is a finding."""


def _integer_type(form: Format) -> str | None:
    """NumPy's name of the type of a column of integers, ``None`` of another one."""
    if form.kind != "number" or form.decimals != 0:
        return None
    return "<u8" if form.unsigned else "<i8"


def _arrow_type(form: Format) -> Any:
    import pyarrow as pa

    if form.kind == "text":
        return pa.string()
    if form.kind == "boolean":
        return pa.bool_()
    if form.kind == "time":
        return pa.date32() if form.written == "day" else pa.timestamp(CODES[form.written], form.zone)
    return {"<i8": pa.int64(), "<u8": pa.uint64(), None: pa.float64()}[_integer_type(form)]


class TableWriter(AbstractContextManager["TableWriter"]):
    """Writes rows to ``.csv``, ``.tsv``, ``.parquet`` or ``.npy``; the file appears when the block ends well, or not at all.

    Args:
        path: the file; a pipe or device takes CSV whatever its name.
        columns: names of the columns (``.npy`` holds none).
        formats: how each column is written, or with how many decimals alone; ``None`` writes the shortest number that reads
            back. 0 writes integers, in ``.npy`` where all columns are. Values are written as they are and not rounded.
        rows: number of rows, needed only to send ``.npy`` into a pipe.
        dialect: of a CSV file; by default commas, points, no quotes but where needed, and ``nan`` for what is no number. A
            file that ends in ``.tsv`` has tabs.
        raw_names: write names that a spreadsheet would run (``=...``) as they are, without the apostrophe.
        header: begin a CSV file with the names; a part of one that follows another has none.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        columns: Sequence[str],
        formats: Sequence[Format | int | None] | None = None,
        *,
        rows: int | None = None,
        dialect: Dialect = RESULTS,
        raw_names: bool = False,
        header: bool = True,
    ) -> None:
        self._path, self.columns = path, tuple(columns)
        known = (None,) * len(self.columns) if formats is None else formats
        self._formats = [form if isinstance(form, AbstractFormat) else NumberFormat(form) for form in known]
        check_names(self.columns, path, Limits())
        if len(self._formats) != len(self.columns):
            raise ValueError(f"{len(self._formats)} formats do not fit {len(self.columns)} columns")
        suffix = Path(fspath(path)).suffix.lower() or (".csv" if _write.is_special(path) else "")
        kinds: dict[str, Callable[[], None]] = {
            ".csv": self._open_csv,
            ".tsv": self._open_csv,
            ".parquet": self._open_parquet,
            ".npy": self._open_npy,
        }
        if suffix not in kinds:
            raise InputError(
                f"{shown_path(path)}: "
                + explain(
                    expected="an output ending in .csv, .tsv, .parquet or .npy",
                    got=f"the ending {quote(suffix, 20)}",
                    do="rename the output",
                )
            )
        self._open = kinds[suffix]
        self._dialect = replace(dialect, delimiter="\t") if suffix == ".tsv" else dialect
        self._raw, self._header, self._announced, self.rows = raw_names, header, rows, 0
        self._stream: Any = None
        self._put: Callable[[np.ndarray], None] = lambda values: None
        self._end: Callable[[], None] = lambda: None

    def __enter__(self) -> "TableWriter":
        self._replacing = _write.replacing(self._path)
        self._stream = self._replacing.__enter__()
        try:
            self._open()
        except BaseException as error:
            self._replacing.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            try:
                self._end()
            except BaseException as failure:
                self._replacing.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._replacing.__exit__(kind, error, trace)

    def write(self, values: np.ndarray) -> None:
        """Appends rows, shape (any number, columns)."""
        values = np.asarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise ValueError(f"expected rows of {len(self.columns)} columns, got shape {values.shape}")
        if len(values):
            self._put(values)
            self.rows += len(values)

    def _integers(self, values: np.ndarray, j: int, kind: str) -> np.ndarray:
        """A column as integers of a type.

        Raises:
            InputError: a value is not finite or too large.
        """
        found = whole(values, self._formats[j].origin)
        if found is None or not (info := np.iinfo(kind)).min <= found.min() <= found.max() <= info.max:
            raise InputError(
                f"{shown_path(self._path)}: "
                + explain(
                    expected=f"finite integers of 64 bits in column {quote(self.columns[j])}",
                    got="another value",
                    do="write .csv, which holds what is not finite too",
                )
            )
        return found.astype(kind)

    def _open_csv(self) -> None:
        if self._header:
            self._stream.write(render_header(self.columns, self._dialect, raw=self._raw))

        def put(values: np.ndarray) -> None:
            self._stream.write(render_rows(values, self._formats, self._dialect))

        self._put = put

    def _open_parquet(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = [_arrow_type(form) for form in self._formats]
        schema = pa.schema(list(zip(self.columns, kinds, strict=True)))
        writer = pq.ParquetWriter(self._stream, schema)

        def put(values: np.ndarray) -> None:
            arrays = [self._parquet_column(values[:, j], j) for j in range(values.shape[1])]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

        self._put, self._end = put, writer.close

    def _parquet_column(self, values: np.ndarray, j: int) -> Any:
        import pyarrow as pa

        form = self._formats[j]
        if (kind := _integer_type(form)) is not None:
            absent = np.isnan(values)
            return pa.array(self._integers(np.where(absent, 0.0, values), j, kind), mask=absent)
        return form.text(values) if form.kind == "text" else pa.array(form.cells(values), _arrow_type(form))

    def _open_npy(self) -> None:
        other = next(
            (name for name, form in zip(self.columns, self._formats, strict=True) if form.kind != "number"), None
        )
        if other is not None:
            raise InputError(
                f"{shown_path(self._path)}: "
                + explain(
                    expected=f".csv or .parquet for the column {quote(other)}",
                    got="an ending that holds numbers only",
                    do="rename the output",
                )
            )
        kinds = {_integer_type(form) or "<f8" for form in self._formats}
        kind = "<f8" if "<f8" in kinds else max(kinds)  # unsigned before signed: a negative value is then refused
        if kind == "<f8" and any(form.origin for form in self._formats):
            raise InputError(
                f"{shown_path(self._path)}: "
                + explain(
                    expected=".csv or .parquet for large integers beside other columns",
                    got="an ending that holds one type of number",
                    do="rename the output",
                )
            )

        def header(rows: int) -> bytes:
            text = io.BytesIO()
            shape = (rows, len(self.columns))
            np.lib.format.write_array_header_1_0(text, {"descr": kind, "fortran_order": False, "shape": shape})
            return text.getvalue()

        if self._announced is None and not self._stream.seekable():
            raise InputError(
                f"{shown_path(self._path)}: "
                + explain(expected="a file for .npy", got="a pipe or device", do="write .csv there, or to a file")
            )
        self._stream.write(header(self._announced or 0))

        def put(values: np.ndarray) -> None:
            cells = values
            if kind != "<f8":
                cells = np.column_stack([self._integers(values[:, j], j, kind) for j in range(len(self.columns))])
            self._stream.write(np.ascontiguousarray(cells, dtype=kind))

        def end() -> None:
            if self.rows != (self._announced or 0):
                # NumPy pads the header so that the number of rows can grow without moving the data.
                self._stream.seek(0)
                self._stream.write(header(self.rows))

        self._put, self._end = put, end


def write_table(
    path: str | PathLike[str],
    columns: Sequence[str],
    values: np.ndarray,
    formats: Sequence[Format | int | None] | None = None,
    *,
    dialect: Dialect = RESULTS,
    raw_names: bool = False,
) -> None:
    """Writes a whole table; see ``TableWriter``, which it feeds in chunks."""
    with TableWriter(path, columns, formats, rows=len(values), dialect=dialect, raw_names=raw_names) as writer:
        for start in range(0, len(values), 65_536):
            writer.write(values[start : start + 65_536])
