import math

import jax
import pytest

from scorax.checks import check_names, run_checks
from scorax.checks._levels import moments
from scorax.checks._run import CHECKS
from scorax.processes import VP


@pytest.mark.parametrize("only", ["JAX", "parametrization", "weighting"])
def test_cheap_checks_pass_and_the_filter_picks_them(only):
    checks = list(run_checks(only.upper()))
    assert checks
    assert all(only.lower() in check.name.lower() for check in checks)
    assert all(check.passed and math.isfinite(check.error) for check in checks)
    assert list(run_checks("no check has this name")) == []


def test_what_is_refused_without_jax_is_what_there_is():
    assert tuple(CHECKS) == check_names()


@pytest.mark.slow  # the whole table: 45 s of compiling; CI runs it
def test_every_check_passes():
    checks = list(run_checks())
    assert [check.name for check in checks if not check.passed] == []
    assert len({check.name for check in checks}) == len(checks)


def test_a_wrong_process_fails_its_check():
    class Shifted(VP):
        def squared_diffusion(self, t):
            return 1.01 * super().squared_diffusion(t)

    with jax.enable_x64(True):
        assert moments(VP()).error < 1e-6
        assert moments(Shifted()).error > 1e-6
