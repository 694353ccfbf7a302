"""The page of a table with categories, times and missing cells."""

import re
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import numpy as np

from scorax import diagnostics
from scorax.checkpoint import RunFacts
from scorax.diagnostics import Axis
from scorax.records import HeldOut, Records, Sampling
from scorax.report import render


def _mixed_records(names: tuple[str, ...]) -> Records:
    """Records of a column of categories of these names, with holes, beside one of times."""
    generator = np.random.default_rng(0)
    axes = [
        Axis("kind", "category", categories=names),
        Axis("day", "time", 1.0, written=lambda values: [f"day {value:g}" for value in values]),
    ]
    data, samples = (generator.integers(len(names), size=(n, 2)).astype(float) for n in (400, 300))
    data[:100, 0] = np.nan
    values = generator.standard_normal(60)
    law = diagnostics.MIXED_LAW
    comparison = diagnostics.held_out_records(values, {"Gaussian copula": values - 1}, source="test file", law=law)
    return Records(
        held_out=HeldOut((comparison,)),
        sampling=Sampling(drawn=300, failed=0, complete=300),
        marginals=diagnostics.marginal_records(axes, data, samples),
    )


def _page(records: Records) -> str:
    return render(replace(records, verdict=diagnostics.verdict(records)), [], RunFacts(seed=0), {}, Path("runs/x"))


def test_categories_are_named_on_the_page_and_what_is_missing_is_told() -> None:
    page = " ".join(_page(_mixed_records(("red", "green", "blue"))).split())
    drawn = b64decode(re.findall(r'columns?" src="data:image/svg\+xml;base64,([^"]+)"', page)[0]).decode()
    assert all(f">{text}<" in drawn for text in ("red", "green", "blue"))
    assert ">day 1<" in drawn
    assert re.search(r"green: [0-9.]+ % → [0-9.]+ %", page)
    for words in (
        "category, 25 % missing",
        "among the 300 of 400 rows of data that have no missing cell",
        "log-probability of the categories and density of the numbers that are there, by the flow of the model",
        "gained over the Gaussian copula baseline",
        "fewer than two columns have an order",
        "total variation",
    ):
        assert words in page


def test_hostile_categories_stay_text() -> None:
    names = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "$x^2$", "line\nbreak", "\u202egnp.exe")
    page = _page(_mixed_records(names))
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert "&lt;img src=x onerror=al" in page


def test_a_share_of_tens_of_percent_is_written_in_full() -> None:
    """Every category of the data is of one row: a fresh row is in another one for certain."""
    names = tuple(f"name {j}" for j in range(80))
    data, samples = np.arange(40.0)[:, None], np.arange(80.0)[:, None]
    axis = Axis("name", "category", categories=names)
    page = _page(Records(marginals=diagnostics.marginal_records([axis], data, samples)))
    assert "50 % (100 %)" in page
    assert not re.search(r"name \d", page)
