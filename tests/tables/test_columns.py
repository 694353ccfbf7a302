"""Every kind of column: values come back from their coordinates, and densities change as the coordinates do."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from scorax._errors import InputError
from scorax.data import NumberFormat, Table
from scorax.tables import Schema
from scorax.tables.columns import KINDS, AbstractColumn, Cells


@dataclass(frozen=True)
class Waves(AbstractColumn):
    """Positive multiples of a tenth as two coordinates: the logarithm, with noise, and the square."""

    name: str
    format: NumberFormat

    @classmethod
    def infer(cls, cells: Cells) -> "Waves | None":
        return cls(cells.name, NumberFormat(1)) if cells.name == "waves" else None

    @property
    def kind(self) -> str:
        return "waves"

    @property
    def widths(self) -> tuple[float, ...]:
        return (0.01, 0.0)

    @property
    def step(self) -> float | None:
        return 0.1

    def require(self, values, where):
        """Nothing is refused."""

    def encode(self, values):
        return np.column_stack([np.log(values), values**2])

    def invert(self, coordinates):
        return np.exp(coordinates[:, 0])

    def decode(self, coordinates):
        return np.round(self.invert(coordinates), 1)

    def log_weight(self, values):
        return -np.log(values)


CELLS = {
    "constant": [3.5, 3.5, 3.5, 3.5],
    "integer": [2.0, 5.0, 8.0, -1.0],
    "rounded": [0.5, 1.25, 0.5, 2.0],
    "continuous": [np.pi, np.e, 1.1, -0.3],
    "waves": [0.1, 0.7, 2.5, 3.0],
}


VALUES = np.array(list(CELLS.values())).T


@pytest.fixture
def schema() -> Schema:
    """A column of every kind, and of one more, which has two coordinates."""
    known = [name for name in CELLS if name != "waves"]
    columns = Schema.infer(Table(tuple(known), VALUES[:, :-1], (NumberFormat(),) * len(known))).columns
    return Schema((*columns, Waves("waves", NumberFormat(1))))


def test_there_is_a_column_of_every_kind(schema):
    assert [column.kind for column in schema.columns] == list(CELLS)
    assert set(CELLS) == {*KINDS, "waves"}


def test_a_column_may_have_no_coordinate_or_several(schema):
    assert [len(column.widths) for column in schema.columns] == [0, 1, 1, 1, 2]
    assert schema.widths.tolist() == [3, 0.75, 0, 0.01, 0]
    assert schema.coordinate_names == ("integer", "rounded", "continuous", "waves", "waves")
    assert schema.free.tolist() == [1, 2, 3, 4]
    coordinates = schema.encode(VALUES)
    assert coordinates.shape == (4, schema.dimension) == (4, 5)
    np.testing.assert_array_equal(coordinates[:, :3], VALUES[:, 1:4])
    np.testing.assert_allclose(coordinates[:, 3:], np.column_stack([np.log(VALUES[:, 4]), VALUES[:, 4] ** 2]))


def test_values_come_back_from_their_coordinates(schema):
    coordinates = schema.encode(VALUES)
    np.testing.assert_allclose(schema.invert(coordinates), VALUES, rtol=1e-15)
    np.testing.assert_array_equal(schema.decode(coordinates), VALUES)
    # Noise within the bins is taken off again; off the grid it stays in what is only inverted.
    moved = coordinates + 0.1 * schema.widths
    back = schema.invert(moved)
    np.testing.assert_allclose(back[:, 1:3], VALUES[:, 1:3] + [0.3, 0.075])
    np.testing.assert_array_equal(schema.decode(moved)[:, [0, 1, 3, 4]], VALUES[:, [0, 1, 3, 4]])


def test_the_weight_is_the_logarithm_of_the_derivative(schema):
    """Of the first coordinate, of which the value is a function; the density of the others given it is no density of rows."""
    expected, size = np.zeros(len(VALUES)), 1e-6
    for j, column in enumerate(schema.columns):
        if column.widths:
            up, down = (column.encode(VALUES[:, j] + sign * size)[:, 0] for sign in (1, -1))
            expected += np.log((up - down) / (2 * size))
    np.testing.assert_allclose(schema.log_weight(VALUES), expected, atol=1e-7)


def test_a_new_kind_is_a_class_and_a_line(schema, monkeypatch):
    written = json.loads(json.dumps(schema.to_json()))
    with pytest.raises(InputError, match=r"columns\[4\]\.kind: expected one of constant, integer, rounded, continuous"):
        Schema.from_json(written)
    monkeypatch.setitem(KINDS, "waves", Waves)
    assert Schema.from_json(written) == schema
