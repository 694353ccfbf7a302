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
from scorax._errors import refusal
from scorax._text import quote
from scorax.data._arrow_tables import arrow_batch, arrow_schema, integer_type, integers_of_type
from scorax.data._dialect import Dialect
from scorax.data._render import render_header, render_rows
from scorax.data._table import Limits, check_names
from scorax.data.formats import AbstractFormat, Format, NumberFormat

RESULTS = Dialect(missing="nan")
"""Of a table of results, in which a number that is not finite is a finding."""


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
            raise refusal(
                path,
                expected="an output ending in .csv, .tsv, .parquet or .npy",
                got=f"the ending {quote(suffix, 20)}",
                do="rename the output",
            )
        self._open = kinds[suffix]
        if suffix == ".npy":
            self._npy_type()  # what it cannot hold is refused before there are rows
        self._dialect = replace(dialect, delimiter="\t") if suffix == ".tsv" else dialect
        self._raw, self._header, self._announced, self.rows = raw_names, header, rows, 0
        self._stream: Any = None
        self._put: Callable[[np.ndarray, Sequence[Format]], None] = lambda values, formats: None
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

    def write(self, values: np.ndarray, formats: Sequence[Format] | None = None) -> None:
        """Appends rows, shape (any number, columns).

        ``formats`` are those of these rows where they have texts of their own; the columns are of the same kinds.
        """
        values = np.asarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise ValueError(f"expected rows of {len(self.columns)} columns, got shape {values.shape}")
        if len(values):
            self._put(values, self._formats if formats is None else formats)
            self.rows += len(values)

    def _open_csv(self) -> None:
        if self._header:
            self._stream.write(render_header(self.columns, self._dialect, raw=self._raw))

        def put(values: np.ndarray, formats: Sequence[Format]) -> None:
            self._stream.write(render_rows(values, formats, self._dialect))

        self._put = put

    def _open_parquet(self) -> None:
        import pyarrow.parquet as pq

        writer = pq.ParquetWriter(self._stream, arrow_schema(self.columns, self._formats))

        def put(values: np.ndarray, formats: Sequence[Format]) -> None:
            writer.write_batch(arrow_batch(values, self.columns, formats, self._path))

        self._put, self._end = put, writer.close

    def _npy_type(self) -> str:
        """The type of all numbers of a ``.npy``."""
        other = next(
            (name for name, form in zip(self.columns, self._formats, strict=True) if form.kind != "number"), None
        )
        if other is not None:
            raise refusal(
                self._path,
                expected=f".csv or .parquet for the column {quote(other)}",
                got="an ending that holds numbers only",
                do="rename the output",
            )
        kinds = {integer_type(form) or "<f8" for form in self._formats}
        kind = "<f8" if "<f8" in kinds else max(kinds)  # unsigned before signed: a negative value is then refused
        if kind == "<f8" and any(form.origin for form in self._formats):
            raise refusal(
                self._path,
                expected=".csv or .parquet for large integers beside other columns",
                got="an ending that holds one type of number",
                do="rename the output",
            )
        return kind

    def _open_npy(self) -> None:
        kind = self._npy_type()

        def header(rows: int) -> bytes:
            text = io.BytesIO()
            shape = (rows, len(self.columns))
            np.lib.format.write_array_header_1_0(text, {"descr": kind, "fortran_order": False, "shape": shape})
            return text.getvalue()

        if self._announced is None and not self._stream.seekable():
            raise refusal(
                self._path, expected="a file for .npy", got="a pipe or device", do="write .csv there, or to a file"
            )
        self._stream.write(header(self._announced or 0))

        def put(values: np.ndarray, formats: Sequence[Format]) -> None:
            cells = values
            if kind != "<f8":
                named = enumerate(zip(formats, self.columns, strict=True))
                own = [integers_of_type(values[:, j], form, kind, name, self._path) for j, (form, name) in named]
                cells = np.column_stack(own)
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
