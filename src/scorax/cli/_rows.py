"""What the commands say about rows that were read or computed. Imports NumPy: commands import this module inside."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scorax._errors import InputError
from scorax._text import listing, shown_path
from scorax._write import is_special
from scorax.cli._console import note, say
from scorax.cli._paths import stream
from scorax.data import Format, Table, TableFacts, fingerprint, read_as_missing
from scorax.tables import EvaluationRows, FitRows, Schema, Unseen, notes
from scorax.tables.columns import KINDS


def describe_table(path: Path, rows: FitRows) -> None:
    """Say what was found: rows, columns by kind, which columns are constant or left out, and why others are what they are."""
    try:
        schema = rows.found.schema
    except InputError:
        for line in rows.table.remarks:
            note(f"note: {line}")
        raise
    kinds = Counter(column.kind for column in schema.columns)
    counts = ", ".join(f"{kinds[kind]} {kind}" for kind in reversed(KINDS) if kinds[kind]) or "none to model"
    width = len(rows.table.columns)
    note(f"{shown_path(path)}: {rows.count} rows, {width} column{'s' if width > 1 else ''} ({counts})")
    if rows.streamed is not None:
        note(
            f"trained from its files; {rows.table.rows:,} rows are in memory, which decide its columns, where the model starts, "
            "and by what is held out when it ends"
        )
    constant = [column.name for column in schema.columns if column.kind == "constant"]
    if constant:
        note(f"constant, stored and put back when sampling: {listing(constant)}")
    stated = [name for name in constant if name in rows.choices.kinds]
    if stated:
        note(f"note: one value is constant, also where another kind is stated: {listing(stated)}")
    describe_unknown(rows.table, schema)
    if schema.left_out:
        note(f"left out, neither modelled nor generated: {listing(one.name for one in schema.left_out)}")
    for line in notes(rows.table, schema):
        note(f"note: {line}")


def describe_rows(table: Table, values: np.ndarray, schema: Schema) -> None:
    """Say what rows have that the fit has not: columns, and values that it never saw, with what they count."""
    describe_unknown(table, schema)
    describe_unseen(Unseen.of(table, values, schema), len(values))


def warn_of_rows_of_the_fit(path: Path, table: Table, fit: TableFacts | None) -> None:
    """Say where a table that is to be held out is the one of the fit."""
    if fit is not None and fingerprint(table) == fit:
        note(f"warning: {shown_path(path)} is the table of the fit: what is said of held-out rows does not hold for it")


def describe_test(path: Path, asked: EvaluationRows) -> None:
    """Say what a test file has that the fit has not, and which of its rows are in memory where these are not all."""
    warn_of_rows_of_the_fit(path, asked.test, asked.saved.facts.data)
    describe_unknown(asked.test, asked.saved.schema)
    describe_unseen(asked.unseen, asked.count)
    if asked.count > len(asked.held):
        note(f"{len(asked.held):,} of {asked.count:,} held-out rows, drawn by the seed of the run, stand for all")


def describe_unseen(found: Unseen, rows: int) -> None:
    """Say what some of so many rows have that the fit never saw, and what it counts."""
    if found.rows:
        note(
            f"{found.rows} of {rows} rows have {found}; it has the mass 1 / (2 (n + K)), "
            "of n rows of the fit and K levels, and the rest of the row is scored with it summed over"
        )


def describe_unknown(table: Table, schema: Schema) -> None:
    """Say which columns are passed over."""
    unknown = schema.unknown(table)
    if unknown:
        note(f"passed over, no columns of the model: {listing(unknown)}")


class NotFinite:
    """Counts rows with a value that is not finite. Such results are written as they are, never redrawn."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0

    def add(self, rows: np.ndarray) -> None:
        self.total += len(rows)
        self.count += int(np.count_nonzero(~np.isfinite(rows).all(axis=1)))

    def warn(self, what: str) -> None:
        if self.count:
            note(f"warning: {self.count} of {self.total} {what} are not finite; they are written as they are")


class ReadAsMissing:
    """Counts texts of rows that a reader of CSV takes for missing cells. They are written as they are."""

    def __init__(self, output: Path) -> None:
        self._csv = is_special(stream(output)) or output.suffix.lower() in (".csv", ".tsv")
        self._found: dict[str, Counter[str]] = {}

    def add(self, columns: Sequence[str], values: np.ndarray, formats: Sequence[Format]) -> None:
        """Takes rows; of another output than CSV there is nothing to say."""
        for name, cells, form in zip(columns, values.T, formats, strict=True) if self._csv else ():
            if found := read_as_missing(cells, form):
                self._found[name] = self._found.get(name, Counter()) + found

    def warn(self) -> None:
        """Say how many cells of which columns they are."""
        if self._found:
            words: Counter[str] = sum(self._found.values(), Counter())
            texts = f"{listing(sorted(words))} in {words.total():,} cells of {listing(self._found)}"
            note(f"warning: a reader of CSV takes {texts} for missing, not for text; write .parquet to keep them apart")


class MeanDensity:
    """The mean of log-densities that are finite, with its standard error, in one pass (Chan, Golub and LeVeque 1983)."""

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0

    def add(self, values: np.ndarray) -> None:
        finite = values[np.isfinite(values)]
        if len(finite):
            count, own = self.count + len(finite), float(finite.mean())
            away = own - self.mean
            self._squares += float(np.sum((finite - own) ** 2)) + away**2 * self.count * len(finite) / count
            self.mean += away * len(finite) / count
            self.count = count

    def say(self, schema: Schema) -> None:
        """The mean on standard output; what it is a density of on standard error."""
        if self.count > 1:
            error = math.sqrt(self._squares / (self.count - 1) / self.count)
            say(f"mean log-density {self.mean:.4f} ± {error:.4f} nats per row ({self.count} rows)")
        elif self.count == 1:
            say(f"log-density {self.mean:.4f} nats (1 row)")
        rounded = [column.name for column in schema.columns if any(column.widths)]
        if rounded:
            note(f"density of the dequantised row: noise as wide as its gap was added to {listing(rounded)}")
