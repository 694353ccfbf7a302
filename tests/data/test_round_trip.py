"""What goes out is what came in: tables come back from their files, and plain files come back to the byte."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorax.data import (
    BooleanFormat,
    Dialect,
    Format,
    NumberFormat,
    Table,
    TextFormat,
    TimeFormat,
    read_as_missing,
    read_table,
    write_table,
)

MARKS: tuple[Literal["T", " "], ...] = ("T", " ")
FILES = {
    "numbers": "a,b\n1,2.50\n-3,0.05\n",
    "floats": "a,b\n27.0,-0.5\n0.125,1.25\n100.0,3.0\n",
    "floats as R has them": "a,b\n27,1.50\n0.125,0.25\n100,3.00\n-1.5,2.00\n",
    "holes": "a,b,c\n1,,x\n,2.5,\n3,0.1,y\n",
    "words for holes": "a,b\n1,NA\nNA,x\n3,y\n",
    "a lone column of commas": '"a"\n1,50\n""\n-0,25\n""\n',
    "a lone column of texts": '"a"\nx\n"b,c"\n"d;e"\n',
    "semicolons and commas": "a;b;c\n1,5;2;x,y\n-0,2;3;z\n",
    "byte order mark and returns": "\ufeffgröße,b\r\n1,2.5\r\n2,0.1\r\n",
    "tabs": "a\tb\nx y\t1\nz\t2\n",
    "pipes": "a|b\nx,y|1\nz|2\n",
    "texts in quotes": '"name","value"\n"a ""b""",1.5\n"c,d",2.5\n',
    "all in quotes": '"name","value"\n"a","1,5"\n"b","0,2"\n',
    "quotes where needed": 'name,value\n"a,b",1\nc,2\n"d\ne",3\n',
    "codes": "zip,price\n00501,1.50\n10001,2.25\n",
    "truth values": "a,b,c\nyes,TRUE,F\nno,FALSE,T\n",
    "dates": "day,at\n2024-02-29,2024-02-29T12:30:00.250+02:00\n1969-12-31,1970-01-01T00:00:00.000+02:00\n",
    "minutes and zones": "at,b\n2024-02-29 12:30Z,1\n2024-03-01 00:00Z,2\n",
    "offsets": "a,b,c\n2024-02-29 12:30:00+00,2024-02-29T12:30-0330,2024-02-29 12:30:00.500+14\n"
    "2024-02-28 12:30:00+00,2024-02-29T12:31-0330,2024-02-29 12:30:00.700+14\n",
    "large integers": "id,x\n4539578763621486,0.50\n4539578763621487,0.25\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_back_to_the_byte(tmp_path: Path, name: str) -> None:
    (tmp_path / "in.csv").write_bytes(FILES[name].encode())
    table = read_table(tmp_path / "in.csv", missing="keep")
    write_table(tmp_path / "out.csv", table.columns, table.values, table.formats, dialect=table.dialect)
    assert (tmp_path / "out.csv").read_bytes() == FILES[name].encode()


def same(one: Table, other: Table) -> None:
    assert one.columns == other.columns
    assert one.formats == other.formats
    np.testing.assert_array_equal(one.values, other.values)


# Texts that are taken for something else, or for a hole, are not among them.
_TEXTS = st.text(st.sampled_from("xyzé ,;\t|\"'\n=-"), min_size=1, max_size=5).map(lambda text: text + "w")


def _columns(rows: int) -> st.SearchStrategy[tuple[Format, list[float]]]:
    """A format and values of a column that show all of it: every level, the finest decimal, the coarsest unit."""
    holes = st.lists(st.booleans(), min_size=rows - 2, max_size=rows - 2)

    def column(form: Format, first: list[float], more: list[float], absent: list[bool]) -> tuple[Format, list[float]]:
        return form, first + [float("nan") if gone else value for value, gone in zip(more, absent, strict=True)]

    def of(form: Format, first: list[float], values: st.SearchStrategy[float]):
        more = st.lists(values, min_size=rows - 2, max_size=rows - 2)
        return st.builds(column, st.just(form), st.just(first), more, holes)

    integers = st.integers(-(10**6), 10**6).map(float)
    texts = st.lists(_TEXTS, min_size=2, max_size=2, unique=True).map(lambda found: TextFormat(tuple(sorted(found))))
    zones = [None, "Z", "-03:30"]
    times = st.sampled_from([TimeFormat("millisecond", "millisecond", m, zone) for m in MARKS for zone in zones])
    return st.one_of(
        of(NumberFormat(0), [0.0, 1.0], integers),
        of(NumberFormat(2), [0.25, 1.0], integers.map(lambda n: n / 100)),
        of(NumberFormat(3, fewest=1), [0.125, 1.0], integers.map(lambda n: n / 1000)),
        of(NumberFormat(3, fewest=0), [0.125, 1.0], integers.map(lambda n: n / 1000)),
        texts.flatmap(lambda form: of(form, [0.0, 1.0], st.sampled_from([0.0, 1.0]))),
        st.sampled_from([("no", "yes"), ("FALSE", "TRUE"), ("f", "t")]).flatmap(
            lambda words: of(BooleanFormat(*words), [0.0, 1.0], st.sampled_from([0.0, 1.0]))
        ),
        of(TimeFormat("day", "day"), [0.0, 1.0], st.integers(-(10**5), 10**6).map(float)),
        times.flatmap(lambda form: of(form, [0.0, 1.0], integers)),
    )


@st.composite
def tables(draw: st.DrawFn) -> Table:
    rows = draw(st.integers(2, 5))
    found = draw(st.lists(_columns(rows), min_size=2, max_size=5))
    values = np.array([column for _, column in found]).T
    dialect = Dialect(
        delimiter=draw(st.sampled_from([",", ";", "\t", "|"])),
        quoted=draw(st.sampled_from(["needed", "texts", "all"])),
        missing=draw(st.sampled_from(["", "NA", "-"])),
        byte_order_mark=draw(st.booleans()),
        line_end=draw(st.sampled_from(["\n", "\r\n"])),
    )
    names = tuple(f"c{j}" for j in range(len(found)))
    return Table(names, values, tuple(form for form, _ in found), (), dialect)


@settings(max_examples=50)
@given(tables(), st.booleans())
def test_every_table_comes_back_from_every_dialect(
    tmp_path_factory: pytest.TempPathFactory, table: Table, comma: bool
) -> None:
    # Only some numbers with commas are sure to have no thousands: without semicolons one more column says so.
    mark = "," if comma and table.dialect.delimiter == ";" else "."
    dialect = Dialect(
        table.dialect.delimiter,
        mark,
        table.dialect.quoted,
        table.dialect.missing,
        table.dialect.byte_order_mark,
        table.dialect.line_end,
    )
    path = tmp_path_factory.getbasetemp() / "dialects.csv"
    write_table(path, table.columns, table.values, table.formats, dialect=dialect)
    again = read_table(path, missing="keep")
    same(table, again)
    assert again.dialect.delimiter == dialect.delimiter
    first = path.read_bytes()
    write_table(path, again.columns, again.values, again.formats, dialect=again.dialect)
    same(table, read_table(path, missing="keep"))
    if dialect.quoted != "texts" and dialect.missing == again.dialect.missing:
        assert path.read_bytes() == first


@settings(max_examples=30)
@given(tables())
def test_every_table_comes_back_from_parquet(tmp_path_factory: pytest.TempPathFactory, table: Table) -> None:
    path = tmp_path_factory.getbasetemp() / "back.parquet"
    write_table(path, table.columns, table.values, table.formats)
    again = read_table(path, missing="keep")
    np.testing.assert_array_equal(again.values, table.values)
    assert [form.kind for form in again.formats] == [form.kind for form in table.formats]


def test_texts_that_a_reader_takes_for_missing_are_counted(tmp_path: Path) -> None:
    """Parquet keeps ``NA`` and the empty text apart from a missing cell, and CSV does not: the count says of how many."""
    form = TextFormat(("", " NA", "NA", "None", "x"))
    values = np.array([0, 1, 2, 2, 3, 4, np.nan, -0.0])[:, None]
    assert read_as_missing(values[:, 0], form) == {"": 2, " NA": 1, "NA": 2}
    assert read_as_missing(values[:, 0], NumberFormat()) == {}
    for ending, lost in (("parquet", 0), ("csv", 5)):
        write_table(tmp_path / f"t.{ending}", ["a"], values, [form])
        again = read_table(tmp_path / f"t.{ending}", missing="keep")
        assert np.isnan(again.values).sum() == 1 + lost
