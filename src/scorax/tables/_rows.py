"""The rows of a fit: what is trained on, what the report is held against, and what cannot be fitted."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int64, Num

from scorax._errors import InputError, refusal
from scorax._text import listing, quote
from scorax.data import Table, TableFacts, fingerprint
from scorax.tables._choices import Choices
from scorax.tables._config import FitConfig, ResolvedConfig
from scorax.tables._examine import Found, examine
from scorax.tables._schema import Schema
from scorax.tables._scorable import given_cells, require_scorable, require_seen
from scorax.tables._settings import resolved
from scorax.tables._streamed import Streamed, require_streamable

FEWEST_ROWS = 10
_NAMED = 3


class Split(NamedTuple):
    """A table taken apart: its schema, the settings that fit it, and rows in all columns for the fit and for the report."""

    schema: Schema
    settings: ResolvedConfig
    train: Float[np.ndarray, "n columns"]
    held: Float[np.ndarray, "m columns"] | None
    numbers: Int64[np.ndarray, " n"] | None = None
    """Numbers of the rows for the fit in a table that is fitted from its files."""


@dataclass(frozen=True)
class FitRows:
    """A table to fit, and the rows its report is held against.

    Attributes:
        table: the rows.
        name: what messages call the table.
        holdout: share of its rows kept from the fit for the report.
        test: rows for the report, never trained on.
        test_name: what messages call them.
        choices: what a person says of its columns.
        given: the schema of the table, where a person brings one; then nothing else is said of the columns.
        streamed: a table that is fitted from its files, of which ``table`` is the sample.
    """

    table: Table
    name: str = "the table"
    holdout: float | None = None
    test: Table | None = None
    test_name: str = "the test file"
    choices: Choices = field(default_factory=Choices)
    given: Schema | None = None
    streamed: Streamed | None = None

    @property
    def count(self) -> int:
        """Number of rows of the table, also where it is fitted from its files."""
        return self.table.rows if self.streamed is None else self.streamed.source.rows

    @property
    def facts(self) -> TableFacts:
        """What tells the table from others."""
        return fingerprint(self.table) if self.streamed is None else self.streamed.facts

    @property
    def source(self) -> Literal["hold-out", "test file"]:
        """Where the rows come from that the report is held against."""
        return "hold-out" if self.test is None else "test file"

    @cached_property
    def found(self) -> Found:
        """The schema of the table.

        Raises:
            InputError: a column is of a kind that cannot be fitted, or not what a person says, or there is no such one.
        """
        if self.given is not None:
            self.given.match(self.table, self.name)  # it may be that of another table
            return self._with_holes(Found(self.given, ()))
        try:
            plain = self.table.is_array and self.choices == Choices() and not np.isnan(self.table.values).any()
            found = examine(self.table, self.choices, plain=plain)
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from error
        return self._with_holes(found)

    def _with_holes(self, found: Found) -> Found:
        lacking = np.asarray(np.isnan(self.table.values).any(axis=0))
        holed = {name for name, some in zip(self.table.columns, lacking, strict=True) if some}
        names = tuple(name for name in found.schema.names if name in holed)
        return found._replace(schema=replace(found.schema, holed=names))

    def split(self, config: FitConfig, seed: int) -> Split:
        """What a fit takes from the table under a configuration.

        Raises:
            InputError: the rows cannot be fitted, or not under this configuration, or the test rows have other columns.
            EnvironmentFailure: the model does not fit into the memory of this machine.
        """
        schema, held = self.found.schema, None
        values = schema.match(self.table, self.name)
        numbers = None if self.streamed is None else self.streamed.numbers
        if self.holdout is not None:
            values, held = held_apart(values, self.holdout, seed)
            numbers = None if numbers is None else held_apart(numbers[:, None], self.holdout, seed)[0][:, 0]
        elif self.test is not None:
            held = schema.match(self.test, self.test_name)
        if held is not None and len(values) < FEWEST_ROWS <= self.table.rows:
            got = f"{len(values)} of {self.table.rows}"
            expected = f"a hold-out that leaves at least {FEWEST_ROWS} rows to fit"
            raise refusal(self.name, expected=expected, got=got, do="hold fewer rows out")
        require_fittable(values, schema, name=self.name)
        if held is not None and not len(held):
            got = f"{self.holdout or 0:g} of {len(values)} rows"
            raise refusal(self.name, expected="a hold-out of at least one row", got=got, do="hold more rows out")
        require_seen(values, schema, where=self.name)
        schema = schema.refitted(values)
        count = self.count - (self.table.rows - len(values))
        # A cell that a constant or a copy lacks is put in, and nothing to learn from.
        settings = resolved(config, schema.size(count, holes=bool(np.isnan(values[:, schema.free]).any())))
        if self.streamed is not None:
            require_streamable(bootstrap=settings.ensemble.bootstrap, given=settings.training.given, name=self.name)
        given_cells(values, schema, settings)
        if held is not None:
            where = f"the {self.source}" if self.test is None else self.test_name
            require_scorable(held, schema, settings, where=where)
        return Split(schema, settings, values, held, numbers)


def held_apart(
    values: Num[np.ndarray, "n columns"], holdout: float, seed: int
) -> tuple[Num[np.ndarray, "k columns"], Num[np.ndarray, "m columns"]]:
    """Rows to fit, and a share of them that is kept for the report, drawn by the seed; both in their order."""
    order = np.random.default_rng([seed, 2]).permutation(len(values))
    cut = round(holdout * len(values))
    return values[np.sort(order[cut:])], values[np.sort(order[:cut])]


def require_fittable(values: Float[np.ndarray, "n columns"], schema: Schema, *, name: str) -> None:
    """Refuse rows from which nothing can be learned.

    Raises:
        InputError: too few rows, no column that varies, or one that varies only in rows kept from the fit.
    """
    count, free = len(values), schema.free
    still = [schema.columns[j].name for j in free if count and len(np.unique(_known(values[:, j]))) < 2]
    if count < FEWEST_ROWS:
        raise refusal(name, expected=f"at least {FEWEST_ROWS} rows to fit", got=str(count), do="bring more data")
    if len(free) == 0:
        raise _nothing_to_model(schema, name)
    if still:
        expected, do = "columns with different values in the rows of the fit", "hold fewer rows out, or drop the column"
        raise refusal(name, expected=expected, got=f"{listing(still)} with others in the hold-out only", do=do)


def _nothing_to_model(schema: Schema, name: str) -> InputError:
    """The refusal of a table whose columns are constant or left out: which, why, and how one of them is had in."""
    constant, left_out = schema.names, schema.left_out
    if not left_out:
        got, do = "constant columns only", "nothing is left to model"
    else:
        few = [f"{quote(one.name)} ({one.why})" for one in left_out[:_NAMED]]
        more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
        still = f"; constant {listing(constant)}" if constant else ""
        got = f"left out {', '.join(few)}{more}{still}"
        do = f"take one in with --column {left_out[0].name}=KIND or --category {left_out[0].name}, or bring other columns"
    return refusal(name, expected="a column with different values", got=got, do=do)


def _known(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
    return values[~np.isnan(values)]
