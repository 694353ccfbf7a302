"""Formats: what a value means comes back from the cells, and from the text, that it is written as."""

import datetime
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorax.data import BooleanFormat, Format, NumberFormat, TextFormat, TimeFormat
from scorax.data.formats import UNITS
from scorax.spec import from_mapping, to_json

NAN = float("nan")
TICKS = {
    "day": "D",
    "minute": "m",
    "second": "s",
    "millisecond": "ms",
    "microsecond": "us",
    "nanosecond": "ns",
}


def written(form: Format, values) -> list[str | None]:
    return pa.array(form.text(np.array(values, float)).cast(pa.string())).to_pylist()


@pytest.mark.parametrize(
    ("form", "values", "texts"),
    [
        (NumberFormat(0), [1, -2], ["1", "-2"]),
        (NumberFormat(2), [1, -0.25, NAN], ["1.00", "-0.25", None]),
        (NumberFormat(9), [1e-9, NAN], ["0.000000001", None]),
        (NumberFormat(3, fewest=1), [100.0, -0.25, NAN, 0], ["100.0", "-0.25", None, "0.0"]),
        (NumberFormat(3, fewest=0), [100.0, -0.25, 0.125], ["100", "-0.25", "0.125"]),
        (NumberFormat(9, fewest=2), [100.0, 1e-9], ["100.00", "0.000000001"]),
        (NumberFormat(), [1 / 3, NAN, 5], ["0.3333333333333333", None, "5"]),
        (NumberFormat(0, 2**62), [1, 0], [str(2**62 + 1), str(2**62)]),
        (NumberFormat(0), [3, NAN], ["3", None]),
        (TextFormat(("", "a,b", "é")), [2, 0, NAN, 1], ["é", "", None, "a,b"]),
        (BooleanFormat("FALSE", "TRUE"), [0, 1, NAN], ["FALSE", "TRUE", None]),
        (TimeFormat("day", "day"), [0, -1, NAN], ["1970-01-01", "1969-12-31", None]),
        (TimeFormat("day", "day", origin=19782), [0, 1], ["2024-02-29", "2024-03-01"]),
        (TimeFormat("day", "second", " "), [1], ["1970-01-02 00:00:00"]),
        (TimeFormat("minute", "minute", "T", "Z"), [1.0, NAN], ["1970-01-01T00:01Z", None]),
        (TimeFormat("second", "millisecond", "T", "-03:30"), [0.0], ["1969-12-31T20:30:00.000-03:30"]),
        (TimeFormat("nanosecond", "nanosecond"), [7.0], ["1970-01-01T00:00:00.000000007"]),
        (TimeFormat("second", "second", " ", "Europe/Berlin"), [0.0], ["1970-01-01 00:00:00Z"]),
    ],
)
def test_what_a_csv_file_has(form, values, texts):
    assert written(form, values) == texts


@given(st.data())
def test_values_come_back_from_their_cells(data):
    """For every kind: the place, the truth value or the count is found again in what the table has."""
    absent = data.draw(st.lists(st.booleans(), min_size=5, max_size=5))
    values = np.array(data.draw(st.lists(st.integers(0, 1), min_size=5, max_size=5)), float)
    values[absent] = np.nan
    levels = tuple(sorted(data.draw(st.sets(st.text(max_size=4), min_size=2, max_size=4))))
    found = TextFormat(levels).cells(values)
    assert [np.nan if cell is None else levels.index(cell) for cell in found] == pytest.approx(values, nan_ok=True)
    found = BooleanFormat().cells(values)
    assert [np.nan if cell is None else float(cell) for cell in found] == pytest.approx(values, nan_ok=True)


@given(st.data())
def test_times_come_back_from_their_cells_and_their_text(data):
    """The oracle is Python's own reading of ISO 8601; numbers of days from its ordinals."""
    unit = data.draw(st.sampled_from(["day", "minute", "second", "millisecond", "microsecond"]))
    finer = [u for u in UNITS if UNITS.index(unit) <= UNITS.index(u) < UNITS.index("nanosecond")]
    to = data.draw(st.sampled_from(finer))
    zone = data.draw(st.sampled_from([None, "Z", " UTC", "+05:45", "-11:00"])) if to != "day" else None
    form = TimeFormat(unit, to, data.draw(st.sampled_from(["T", " "])), zone, data.draw(st.integers(-(10**4), 10**4)))
    values = np.array(data.draw(st.lists(st.integers(-(10**4), 10**4), min_size=1, max_size=4)), float)
    ticks = form.cells(values).astype(f"datetime64[{TICKS[unit]}]").astype(np.int64) - form.origin
    assert ticks.tolist() == values.tolist()
    step = datetime.timedelta(days=1) if unit == "day" else datetime.timedelta(**{f"{unit}s": 1})
    for text, value in zip(written(form, values), values.tolist(), strict=True):
        assert text is not None
        read = datetime.datetime.fromisoformat(text.replace(" UTC", "Z"))
        read = read.replace(tzinfo=datetime.UTC) if zone is None else read
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        assert read - epoch == (form.origin + int(value)) * step


def test_what_the_values_of_another_format_are():
    levels = TextFormat(("a", "b", "c"))
    assert levels.taken(np.array([0.0, 1, NAN]), TextFormat(("b", "d")))[:2].tolist() == [1, -1]
    assert np.isnan(levels.taken(np.array([0.0, 1, NAN]), TextFormat(("b", "d")))[2])
    codes = TextFormat(("00501", "10001"))
    assert codes.taken(np.array([10001.0, 501, NAN])[:2], NumberFormat(0)).tolist() == [1, -1]
    assert BooleanFormat("F", "T").taken(np.array([0.0, 1]), BooleanFormat()).tolist() == [0, 1]
    words = BooleanFormat("no", "yes")
    np.testing.assert_array_equal(words.taken(np.array([0.0, NAN]), TextFormat(("yes",))), [1, NAN])
    assert NumberFormat(0).taken(np.array([0.0, 1]), BooleanFormat()).tolist() == [0, 1]
    nothing = np.array([NAN, NAN])
    for form in FORMATS:
        for other in (NumberFormat(0), TextFormat(())):  # what a file without any cell has
            assert np.isnan(form.taken(nothing, other)).all()
    assert NumberFormat(0, 10).taken(np.array([0.0]), NumberFormat(0, 2**60)).tolist() == [float(2**60 - 10)]
    days = TimeFormat("day", "day", origin=10)
    assert days.taken(np.array([864_000.0, 907_200, NAN]), TimeFormat("second", "second"))[:2].tolist() == [0, 0.5]
    late = 1_700_000_000_123_456_789
    clock = TimeFormat("nanosecond", "nanosecond", origin=late - 5)
    assert clock.taken(np.array([7.0]), TimeFormat("nanosecond", "nanosecond", origin=late)).tolist() == [12]


@pytest.mark.parametrize(
    ("form", "other"),
    [
        (NumberFormat(), TextFormat(("a",))),
        (BooleanFormat(), TextFormat(("a",))),
        (TimeFormat("day", "day"), NumberFormat()),
        (TimeFormat("second", "second"), TimeFormat("second", "second", "T", "Z")),
    ],
)
def test_what_means_another_thing_is_refused(form, other):
    with pytest.raises(ValueError, match=r"of (text|number|times)"):
        form.taken(np.zeros(1), other)


@pytest.mark.parametrize(
    "make",
    [
        lambda: NumberFormat(13),
        lambda: NumberFormat(1, 5),
        lambda: NumberFormat(1, fewest=1),
        lambda: TextFormat(("b", "a")),
        lambda: TextFormat(("a", "a")),
        lambda: BooleanFormat("x", "x"),
        lambda: TimeFormat("second", "day"),
        lambda: TimeFormat("day", "day", "T", "Z"),
        lambda: TextFormat(("a",)).cells(np.array([1.0])),
        lambda: TimeFormat("day", "nanosecond").cells(np.array([1e9])),
    ],
)
def test_what_no_format_is(make):
    with pytest.raises(ValueError, match=r"expected|only|cannot|dates"):
        make()


FORMATS: list[Format] = [
    NumberFormat(2),
    NumberFormat(3, fewest=1),
    NumberFormat(0, 2**63, unsigned=True),
    TextFormat(("a", "b")),
    BooleanFormat("no", "yes"),
    TimeFormat("day", "second", " ", "+01:00", 5),
]


@pytest.mark.parametrize("form", FORMATS, ids=[form.kind for form in FORMATS])
def test_formats_come_back_from_json(form):
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Column:
        format: NumberFormat | TextFormat | BooleanFormat | TimeFormat

    written = json.loads(json.dumps(to_json(form)))
    assert written["kind"] == form.kind
    assert from_mapping(Column, {"format": written}).format == form


@pytest.mark.parametrize(
    ("form", "given", "values", "kept"),
    [
        (NumberFormat(0), NumberFormat(1), [1, 2, NAN], True),
        (NumberFormat(0), NumberFormat(1), [1, 2.5], False),
        (NumberFormat(0, origin=2**60), NumberFormat(0, origin=2**60 + 5), [1, 2], True),
        (NumberFormat(2), NumberFormat(3), [0.25, 0.3], True),
        (NumberFormat(2), NumberFormat(3), [0.25, 0.301], False),
        (NumberFormat(), NumberFormat(3), [0.25, 0.301], True),
        (NumberFormat(1, single=True), NumberFormat(), [float(np.float32(0.1)), 0.5], True),
        (NumberFormat(1, single=True), NumberFormat(), [0.1, 0.5], False),
        (TimeFormat("day", "day"), TimeFormat("second", "second", origin=86_400), [0, 86_400, NAN], True),
        (TimeFormat("day", "day"), TimeFormat("second", "second"), [86_400, 43_200], False),
        (TextFormat(("a",)), TextFormat(("a", "b")), [0, 1], True),
    ],
)
def test_which_cells_another_format_would_round(form, given, values, kept):
    assert form.keeps(np.array(values, float), given) is kept
