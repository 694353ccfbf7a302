"""Files of schemas with every kind of column: a field that was tampered with is refused by name, in one line."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from scorax._errors import InputError
from scorax.data import BooleanFormat, NumberFormat, TextFormat, TimeFormat
from scorax.tables import LeftOut, Schema
from scorax.tables.columns import (
    Asinh,
    Boolean,
    Category,
    Continuous,
    Copy,
    Count,
    Difference,
    Grid,
    Integer,
    Knots,
    Log,
    Logit,
    Map,
    Ordered,
    Softplus,
    Span,
    Time,
)

UNITS = Grid(0, 1.0, 0.0, 1.0)
KNOTS = Knots((-1.0, 0.0, 2.5), (-2.0, 0.5, 1.0), 0.3, 2.0)
SCHEMA = Schema(
    (
        Boolean("flag", BooleanFormat()),
        Category("town", TextFormat(("a", "b", "c")), None),
        Category("code", NumberFormat(0), (501.0, 7.0)),
        Count("visits", NumberFormat(0), 0.0, 12.0, 3.0, None, 0.5),
        Ordered("size", TextFormat(("L", "M", "S")), (2.0, 1.0, 0.0)),
        Time("day", TimeFormat("day", "day"), Span(0, 9), UNITS),
        Integer("age", NumberFormat(0), Span(0, 9), UNITS, Map(Logit(0.0, 120.0)), (-999.0,)),
        Continuous("length", NumberFormat(), Span(1, 9), Map(Log(0.0), KNOTS)),
        Continuous("width", NumberFormat(), Span(1, 9), Map(Softplus(0.0, 2.0))),
        Continuous("height", NumberFormat(), Span(1, 9), Map(Asinh(0.0, 2.0))),
        Copy("inches", NumberFormat(1), "length", 1 / 2.54, 0.0, 1),
        Difference("until", TimeFormat("day", "day"), "day", Span(0, 4), UNITS, Map(Log(0.0))),
        Copy("state", TextFormat(("x", "y")), "code", images=(1.0, 0.0), at=(7.0, 501.0)),
    ),
    (LeftOut("id", "identifier"),),
    holed=("age", "width"),
)
WRITTEN: dict[str, Any] = json.loads(json.dumps(SCHEMA.to_json()))


def test_a_schema_with_every_kind_comes_back():
    assert Schema.from_json(WRITTEN) == SCHEMA


def test_where_nothing_is_said_of_columns_left_out_none_is():
    obj = {key: value for key, value in WRITTEN.items() if key != "left_out"}
    assert Schema.from_json(obj).left_out == ()


def _at(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda obj: next(column for column in obj["columns"] if column["name"] == name)


EDITS: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], dict[str, Any]]] = {
    "no left out": (lambda obj: obj, {"left_out": None}),
    "holes that are no list": (lambda obj: obj, {"holed": "age"}),
    "holes in another column": (lambda obj: obj, {"holed": ["id"]}),
    "left out of another kind": (lambda obj: obj, {"left_out": ["id"]}),
    "left out and there": (lambda obj: obj, {"left_out": [{"name": "age", "why": ""}]}),
    "left out with more": (lambda obj: obj, {"left_out": [{"name": "x", "why": "", "more": 1}]}),
    "numbers as texts": (_at("town"), {"levels": ["a", "b"]}),
    "a place that is none": (_at("town"), {"levels": [0, 3]}),
    "one level": (_at("code"), {"levels": [5]}),
    "no levels of numbers": (_at("code"), {"levels": None}),
    "a level twice": (_at("size"), {"levels": [0, 1, 1]}),
    "an order of other levels": (_at("size"), {"levels": [0, 1, 7]}),
    "a flag of numbers": (_at("flag"), {"format": {"kind": "number", "decimals": 0, "origin": 0, "unsigned": False}}),
    "an end between points": (_at("visits"), {"high": 13}),
    "an end that is no integer": (_at("visits"), {"low": 0.5}),
    "ends that do not ascend": (_at("visits"), {"low": 12}),
    "too many levels": (_at("visits"), {"high": 3e9}),
    "no step": (_at("visits"), {"by": 0}),
    "a ratio of 1": (_at("visits"), {"above": 1.0}),
    "a ratio as text": (_at("visits"), {"below": "open"}),
    "a day with decimals": (_at("day"), {"grid": {"decimals": 1, "gap": 1, "offset": 0, "step": 1}}),
    "a number as a time": (_at("day"), {"format": {"kind": "number", "decimals": 0, "origin": 0, "unsigned": False}}),
    "an unknown base": (lambda obj: _at("age")(obj)["map"], {"base": {"kind": "probit", "low": 0, "high": 1}}),
    "ends of a base that do not ascend": (lambda obj: _at("age")(obj)["map"]["base"], {"low": 120}),
    "an infinite end": (lambda obj: _at("age")(obj)["map"]["base"], {"high": float("inf")}),
    "a spike twice": (_at("age"), {"spikes": [0, 0]}),
    "too many spikes": (_at("age"), {"spikes": list(range(1001))}),
    "a side that is none": (lambda obj: _at("length")(obj)["map"]["base"], {"side": "left"}),
    "knots that do not ascend": (lambda obj: _at("length")(obj)["map"]["knots"], {"at": [0, 0, 1]}),
    "images that do not ascend": (lambda obj: _at("length")(obj)["map"]["knots"], {"to": [0, 2, 1]}),
    "fewer images than knots": (lambda obj: _at("length")(obj)["map"]["knots"], {"to": [0, 1]}),
    "one knot": (lambda obj: _at("length")(obj)["map"]["knots"], {"to": [0], "at": [0]}),
    "too many knots": (
        lambda obj: _at("length")(obj)["map"]["knots"],
        {"to": list(range(1001)), "at": list(range(1001))},
    ),
    "a flat tail": (lambda obj: _at("length")(obj)["map"]["knots"], {"upper": 0}),
    "no scale of a softplus": (lambda obj: _at("width")(obj)["map"]["base"], {"scale": 0}),
    "no scale of an asinh": (lambda obj: _at("height")(obj)["map"]["base"], {"scale": -1}),
    "a copy of nothing": (_at("inches"), {"source": "depth"}),
    "a copy of itself": (_at("inches"), {"source": "inches"}),
    "a copy without scale": (_at("inches"), {"scale": 0}),
    "a copy with too many decimals": (_at("inches"), {"decimals": 13}),
    "more levels than images": (_at("state"), {"images": [1]}),
    "levels without images": (_at("state"), {"images": None}),
    "levels that do not ascend": (_at("state"), {"at": [7, 7]}),
    "no image": (_at("state"), {"images": [], "at": []}),
    "a field too many": (_at("age"), {"more": 1}),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_file_that_was_tampered_with_is_refused_in_one_line(name):
    obj = copy.deepcopy(WRITTEN)
    place, change = EDITS[name]
    place(obj).update(change)
    with pytest.raises(InputError, match=r"schema\.json") as caught:
        Schema.from_json(obj)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [column.name for column in SCHEMA.columns])
def test_a_field_too_few_or_of_another_type_is_refused(name):
    optional = {"map", "spikes", "scale", "shift", "decimals", "images", "at", "rows"}
    for field in _at(name)(WRITTEN):
        for changed in (None, {"odd": 1}):
            obj = copy.deepcopy(WRITTEN)
            column = _at(name)(obj)
            if changed is None:
                column.pop(field)
            else:
                column[field] = changed
            if field in optional and changed is None and (name, field) not in {("state", "images"), ("until", "map")}:
                Schema.from_json(obj)
                continue
            with pytest.raises(InputError, match=r"schema\.json") as caught:
                Schema.from_json(obj)
            assert "\n" not in str(caught.value)
