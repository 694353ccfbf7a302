"""The chosen sampler is the one that is nearest to the exact flow, by a margin that one can check."""

import jax
import numpy as np
import pytest

from oracles import mixture
from scorax._errors import InputError
from scorax.diagnostics import choose_sampler
from scorax.processes import EDM
from scorax.samplers import DDIM, Heun, KarrasGrid, LogRatioGrid, sample
from scorax.targets import ExactDenoiser

KEY = jax.random.key(0)


def test_the_choice_is_the_smallest_of_the_errors_and_says_so():
    law, process = mixture(), EDM()
    choice = choose_sampler(law, process, 16, key=KEY)
    assert choice.errors[choice.name] == min(choice.errors.values())
    assert choice.name in choice.reason
    assert "16 evaluations" in choice.reason
    assert "a mixture of 2 Gaussians" in choice.reason
    model = ExactDenoiser.create(law, process)
    exact = np.asarray(sample(model, Heun(400, LogRatioGrid()), 256, key=KEY))
    for sampler, name in ((choice.sampler, choice.name), (DDIM(16, KarrasGrid()), "DDIM on KarrasGrid")):
        draws = np.asarray(sample(model, sampler, 256, key=KEY))
        assert np.sqrt(np.mean((draws - exact) ** 2)) == pytest.approx(choice.errors[name], rel=1e-3)
    assert choice.errors["DDIM on KarrasGrid"] > 2 * choice.errors[choice.name]  # order one against order two


def test_too_few_evaluations_are_refused():
    with pytest.raises(InputError, match="at least 4 evaluations"):
        choose_sampler(mixture(), EDM(), 3, key=KEY)
