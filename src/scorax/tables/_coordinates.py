"""The way between the columns of a file and the states of a model: standardised numbers, then the codes of categories."""

from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np
from jaxtyping import Bool, Float, Int64

from scorax.models import Evidence
from scorax.networks import codebook, decode_categories, line_codebook
from scorax.tables._cell_noise import CellNoise
from scorax.tables._schema import Schema
from scorax.tables.columns import Encoded
from scorax.transforms import Standardize, encode_rows


@dataclass(frozen=True, eq=False)
class States:
    """Rows as states of a model, with noise inside their cells.

    Attributes:
        z: standardised numbers, then codes; noise in the place of numbers that do not apply.
        auxiliary: which numbers do not apply.
        categories: of every discrete quantity; -1 where the cell is missing, or has a level that was never seen.
        present: which coordinates are of cells that are there; ``None`` where all are.
        log_weight: what turns a log-density of the numbers that apply into one in file units: the slopes of maps and
            scales, and the masses of what was never seen; of the cells that are asked for.
        known: which of the coordinates that are there are given, and not asked for; ``None`` where none is.
    """

    z: Float[np.ndarray, "n d"]
    auxiliary: Bool[np.ndarray, "n numbers"]
    categories: Int64[np.ndarray, "n codes"]
    present: Bool[np.ndarray, "n d"] | None
    log_weight: Float[np.ndarray, " n"]
    known: Bool[np.ndarray, "n d"] | None = None

    def __len__(self) -> int:
        return len(self.z)

    @property
    def numbers(self) -> Float[np.ndarray, "n numbers"]:
        """The numbers, NaN where one does not apply."""
        return np.where(self.auxiliary, np.nan, self.z[:, : self.auxiliary.shape[1]])

    @property
    def evidence(self) -> Evidence | None:
        """The question for the law of the cells that are there given those that are known; ``None`` where all are asked for."""
        if self.known is None:
            return question_of(self.present)
        there = np.ones_like(self.known) if self.present is None else self.present
        return self.asked(there & ~self.known)

    def asked(self, target: Bool[np.ndarray, "*n d"]) -> Evidence:
        """The question for the law of these coordinates, of all rows or of each, given those that are known."""
        assert self.known is not None
        value = np.where(self.known, self.z, 0).astype(np.float32)
        return Evidence(value, self.known, np.broadcast_to(target, self.known.shape))

    def take(self, rows: Int64[np.ndarray, " m"] | slice) -> "States":
        """The states of these rows."""
        present, known = (None if own is None else own[rows] for own in (self.present, self.known))
        return States(self.z[rows], self.auxiliary[rows], self.categories[rows], present, self.log_weight[rows], known)


def question_of(present: Bool[np.ndarray, "n d"] | None) -> Evidence | None:
    """The question for the law of the coordinates that are there, of each row; ``None`` where all are."""
    if present is None:
        return None
    return Evidence(np.zeros(present.shape, np.float32), np.zeros(present.shape, bool), present)


@dataclass(frozen=True)
class Coordinates:
    """The way from the columns of a file to the states of a model, and back.

    Columns of large integers count from the origins of the schema, here and in all rows that a fitted table takes and gives.

    Attributes:
        schema: all columns, and the numbers and categories of each.
        standardize: shift and scale of the numbers.
    """

    schema: Schema
    standardize: Standardize

    @staticmethod
    def fit(values: Float[np.ndarray, "n columns"], schema: Schema) -> "Coordinates":
        """Coordinates of training rows given in all columns of the schema; cells that are missing are left out of account."""
        encoded = schema.encode(values)
        laws = []
        for column, widths, name in zip(encoded.numbers.T, encoded.widths.T, schema.coordinate_names, strict=True):
            there = ~np.isnan(column)
            spread = np.sqrt(np.mean(np.square(widths[there]), keepdims=True))
            laws.append(Standardize.fit(column[there][:, None], widths=spread, names=[name]))
        shift, scale = (np.array([getattr(law, part)[0] for law in laws]) for part in ("shift", "scale"))
        return Coordinates(schema, Standardize(shift, scale))

    @cached_property
    def codebooks(self) -> tuple[Float[np.ndarray, "categories m"], ...]:
        """The points of every discrete quantity: on a line where its categories have an order."""
        return tuple(line_codebook(c.size, root=c.root) if c.ordered else codebook(c.size) for c in self.schema.codes)

    @cached_property
    def largest_cut_off(self) -> float:
        """Noise up to which the points of every code are eight deviations apart: beyond, a category would be in doubt."""
        apart = [
            np.min(np.linalg.norm(book[:, None] - book[None], axis=2)[np.triu_indices(len(book), 1)])
            for book in self.codebooks
        ]
        return float(min(apart, default=np.inf)) / 8

    @property
    def num_numbers(self) -> int:
        """How many coordinates of a state are numbers; they come first."""
        return len(self.standardize.shift)

    @property
    def dimension(self) -> int:
        """Length of a state."""
        return self.num_numbers + sum(book.shape[1] for book in self.codebooks)

    @cached_property
    def columns(self) -> Int64[np.ndarray, " d"]:
        """Of every coordinate of a state the index of its column."""
        columns = self.schema.columns
        numbers = [j for j, column in enumerate(columns) for _ in column.widths]
        owners = [j for j, column in enumerate(columns) for _ in column.codes]
        codes = [j for j, book in zip(owners, self.codebooks, strict=True) for _ in range(book.shape[1])]
        return np.array(numbers + codes, dtype=np.int64)

    @property
    def visit(self) -> CellNoise:
        """What is drawn anew at every visit of a row of :meth:`encode`."""
        return CellNoise(self.num_numbers)

    def encode(self, values: Float[np.ndarray, "n columns"]) -> Float[np.ndarray, "n e"]:
        """Standardised numbers, the widths of their cells, and codes: what is visited.

        A number that does not apply is NaN; all of a missing cell is zero.
        """
        return self.encode_with_levels(values)[0]

    def encode_with_levels(
        self, values: Float[np.ndarray, "n columns"]
    ) -> tuple[Float[np.ndarray, "n e"], Int64[np.ndarray, "n codes"]]:
        """:meth:`encode`, and the category of every discrete quantity; -1 where a cell is missing."""
        encoded = self.schema.encode(values)
        return self._visited(values, encoded), encoded.levels

    def _visited(self, values: Float[np.ndarray, "n columns"], encoded: Encoded) -> Float[np.ndarray, "n e"]:
        scale = self.standardize.scale
        numbers, widths = (encoded.numbers - self.standardize.shift) / scale, encoded.widths / scale
        numbers[np.isnan(values)[:, self.columns[: self.num_numbers]]] = 0
        codes = [
            np.where((own < 0)[:, None], 0.0, book[np.maximum(own, 0)])
            for own, book in zip(encoded.levels.T, self.codebooks, strict=True)
        ]
        return np.concatenate([numbers, widths, *codes], axis=1)

    def states(
        self,
        values: Float[np.ndarray, "n columns"],
        seed: int | None,
        known: Bool[np.ndarray, "n columns"] | None = None,
    ) -> States:
        """Rows as states; the noise of a row follows from its content and the seed.

        Rounded values stay in the middle of their cells where the seed is ``None``. What of the cells is ``known`` is told and
        not asked for: a column as a whole; a number of it that does not apply is told as zero.
        """
        encoded = self.schema.encode(values)
        rows = self._visited(values, encoded)
        if seed is None:
            rows[:, self.num_numbers : 2 * self.num_numbers] = 0
        missing = np.isnan(values)[:, self.columns]
        auxiliary = np.isnan(rows[:, : self.num_numbers])
        z = encode_rows(self.visit, rows, key=jax.random.key(seed or 0))[0]
        counted, told = ~np.isnan(encoded.numbers), None
        if known is not None:
            told = known[:, self.columns] & ~missing
            counted = counted & ~told[:, : self.num_numbers]
            z = np.array(z)  # JAX's own cannot be written to
            z[:, : self.num_numbers][auxiliary & told[:, : self.num_numbers]] = 0
        weight = self.schema.log_weight(values, known) - counted @ np.log(self.standardize.scale)
        return States(z, auxiliary, encoded.levels, ~missing if missing.any() else None, weight, told)

    def told(self, states: States) -> States:
        """What is known of states, as states of which nothing else is there."""
        assert states.known is not None
        firsts = self.num_numbers + np.cumsum([0, *(book.shape[1] for book in self.codebooks)])[:-1]
        categories = np.where(states.known[:, firsts], states.categories, -1)
        auxiliary = states.auxiliary & states.known[:, : self.num_numbers]
        return States(states.z, auxiliary, categories, states.known, np.zeros(len(states)))

    def invert(self, z: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n columns"]:
        """Rows in all columns, the noise left in them; of codes the category of the nearest point."""
        return self.schema.invert(self._encoded(z))

    def decode(
        self, z: Float[np.ndarray, "n d"], known: Float[np.ndarray, "n columns"] | None = None
    ) -> Float[np.ndarray, "n columns"]:
        """Rows in all columns as the file has them; cells of ``known`` that are no NaN stay as they are."""
        return self.schema.decode(self._encoded(z), known)

    def _encoded(self, z: Float[np.ndarray, "n d"]) -> Encoded:
        numbers = self.standardize.shift + self.standardize.scale * z[:, : self.num_numbers]
        return Encoded.of(numbers, levels=decode_categories(self.codebooks, z[:, self.num_numbers :]))
