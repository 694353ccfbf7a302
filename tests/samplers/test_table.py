"""The table of samplers in the documentation is made of the classes. ``python tests/samplers/test_table.py`` writes it."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from scorax import samplers
from scorax.models import ScoreFunction
from scorax.processes import VP
from scorax.samplers import AbstractSampler

PAGE = Path(__file__).parents[2] / "docs" / "samplers.md"
BEGIN, END = "<!-- table: python tests/samplers/test_table.py -->\n", "<!-- end -->"
HEAD = "| sampler | follows | order | evaluations a step | needs | recommended for |\n|---|---|---|---|---|---|\n"


def concrete() -> list[type[AbstractSampler]]:
    found = [getattr(samplers, name) for name in samplers.__all__]
    return [c for c in found if inspect.isclass(c) and issubclass(c, AbstractSampler) and not inspect.isabstract(c)]


def table() -> str:
    rows = [
        f"| `{c.__name__}` | {' | '.join(part for part in (f.kind, f.order, f.evaluations, f.needs, f.advice))} |"
        for c in concrete()
        for f in (c.traits,)
    ]
    return HEAD + "\n".join(rows) + "\n"


def rewritten(page: str) -> str:
    before, rest = page.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END, 1)[1]


def test_the_page_has_the_table_of_the_classes():
    page = PAGE.read_text()
    assert page == rewritten(page), "run: python tests/samplers/test_table.py"
    assert len(concrete()) >= 12


@pytest.mark.parametrize("sampler", concrete(), ids=lambda c: c.__name__)
def test_what_the_table_says_a_sampler_needs_is_what_it_asks_for(sampler: type[AbstractSampler]):
    """A score and nothing else is refused by those that need a denoiser or a density, in these words, and by no other."""
    score = ScoreFunction(fn=lambda t, x, condition: -x, process=VP())
    needs = sampler.traits.needs
    if needs in ("a denoiser", "a density"):
        with pytest.raises(TypeError, match=needs.removeprefix("a ")):
            sampler().check(score)
    else:
        sampler().check(score)


def test_the_examples_of_the_page_run():
    """Draws, paths and edits, one example after the other; edits of N(0, I) have its moments, 4.5 SE of 1,000 rows."""
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(block, names)
    assert names["states"].shape == (100, len(names["times"]), 2)
    edited = np.asarray(names["edited"], np.float64)
    assert np.all(np.abs(edited.mean(0)) < 4.5 / np.sqrt(len(edited)))
    assert np.all(np.abs(edited.var(0) - 1) < 4.5 * np.sqrt(2 / len(edited)))


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
