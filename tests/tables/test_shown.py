"""What the report shows of the columns of a table: the values of the file, and the places of categories."""

from pathlib import Path

import numpy as np

from scorax.data import read_table
from scorax.tables._axes import axis_of, shown_rows
from scorax.tables._choices import Choices
from scorax.tables._examine import examine


def test_rows_are_shown_as_the_file_has_them_and_categories_by_place(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    amount = np.round(np.exp(5 + 1.5 * generator.standard_normal(400)))
    colour = generator.choice(["blue", "red", "green"], 400)
    day = np.datetime64("2020-01-01") + generator.integers(900, size=400)
    grade = generator.integers(3, 6, size=400)
    yes = generator.choice(["no", "yes"], 400)
    rows = zip(amount, colour, day, grade, yes, strict=True)
    lines = ["amount,colour,day,grade,yes", *(f"{a:.0f},{c},{d},{g},{y}" for a, c, d, g, y in rows)]
    file = tmp_path / "table.csv"
    file.write_text("\n".join(lines).replace(",blue,", ",,") + "\n")
    table = read_table(file, missing="keep")
    schema = examine(table, Choices(), plain=False).schema
    values = schema.match(table, "the table")
    axes = [axis_of(column, label) for column, label in zip(schema.columns, schema.labels, strict=True)]
    shown = shown_rows(axes, schema, values)
    assert [axis.categories for axis in axes] == [None, ("green", "red"), None, ("3", "4", "5"), ("no", "yes")]
    assert [axis.ordered for axis in axes] == [False, False, False, True, False]
    # The image of a map has other cells than the file: the column is shown in those of the file.
    assert not axes[0].differentiable
    np.testing.assert_array_equal(shown[:, 0], amount)
    np.testing.assert_array_equal(shown[:, 2], values[:, 2])
    np.testing.assert_array_equal(shown[:, 3], grade - 3)
    np.testing.assert_array_equal(shown[:, 1], np.select([colour == "green", colour == "red"], [0.0, 1.0], np.nan))
    assert axes[2].name == "day"
    assert axes[2].written is not None
    assert axes[2].written(values[:2, 2]) == [str(one) for one in day[:2]]
