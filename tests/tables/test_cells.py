"""Rows as metrics take them: a column is one number or one level, whatever a model sees of it."""

from pathlib import Path

import numpy as np

from scorax.data import read_table
from scorax.tables import examine
from scorax.tables._cells import cells_of_rows, places_of_cells


def test_every_column_is_a_number_or_a_level_and_what_was_never_seen_is_one_more_level(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    numbers = generator.normal(size=200)
    lines = ["word,count,spiked,flag,unit,twice"]
    for row, x in enumerate(numbers):
        spiked = 0 if row % 3 == 0 else f"{np.exp(x):.5f}"
        count = row % 7
        lines.append(f"{'abc'[row % 3]},{count},{spiked},{'yes' if x > 0 else 'no'},5,{2 * count}")
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    schema = examine(read_table(tmp_path / "a.csv", missing="keep")).schema
    places = places_of_cells(schema)
    # Constants and images of other columns are none: a classifier that predicts would read the answer off them.
    assert [schema.names[j] for j in places] == ["count", "spiked", "word", "flag"]

    (tmp_path / "b.csv").write_text("word,count,spiked,flag,unit,twice\nb,3,0,yes,5,6\nnew,,1.5,,5,\n")
    rows = cells_of_rows(schema, schema.match(read_table(tmp_path / "b.csv", missing="keep"), "b.csv"))
    np.testing.assert_array_equal(rows.numbers, [[3.0, 0.0], [np.nan, 1.5]])
    np.testing.assert_array_equal(rows.levels, [[1, 1], [3, -1]])
    assert rows.num_levels == (4, 3)
