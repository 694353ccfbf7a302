"""Former names work for one release, and say what takes their place in the line that asks for them."""

import subprocess
import sys
from importlib import import_module

import pytest

from scorax import models
from scorax._moved import FORMER, MOVED
from scorax.processes import EDM, GaussianLaw
from scorax.targets import ExactDenoiser, gaussian

ROOMS = sorted({name.rpartition(".")[0] for name in FORMER | MOVED})


@pytest.mark.parametrize("former", FORMER)
def test_a_former_name_works_and_names_the_new_one(former):
    room, _, name = former.rpartition(".")
    with pytest.warns(DeprecationWarning, match=name) as caught:
        value = getattr(import_module(room), name)
    assert value is FORMER[former].value
    assert [str(warning.message) for warning in caught] == [f"{former} goes with the next release; {FORMER[former].do}"]
    assert caught[0].filename == __file__
    assert name not in getattr(import_module(room), "__all__", ())


@pytest.mark.parametrize("former", MOVED)
def test_a_name_that_moved_is_the_same_thing_in_its_new_room(former):
    room, _, name = former.rpartition(".")
    home, _, today = MOVED[former].rpartition(".")
    with pytest.warns(
        DeprecationWarning, match=f"{former} goes with the next release; import {today} from {home}"
    ) as caught:
        value = getattr(import_module(room), name)
    assert value is getattr(import_module(home), today)
    assert caught[0].filename == __file__
    assert name not in getattr(import_module(room), "__all__", ())
    assert today in import_module(home).__all__


@pytest.mark.parametrize("room", ROOMS)
def test_other_names_are_refused_as_ever(room):
    with pytest.raises(AttributeError, match=f"{room} .*nothing|'{room}' .*'nothing'"):
        _ = import_module(room).nothing


def test_the_line_of_the_import_is_shown():
    """Python shows such a warning to whoever runs the line as a script, and to tests; libraries in between stay quiet."""
    ran = subprocess.run(
        [sys.executable, "-c", "from scorax.models import data_moments"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert "DeprecationWarning: scorax.models.data_moments goes with the next release" in ran.stderr


def test_the_moments_of_a_model_by_their_former_name():
    model = ExactDenoiser.create(gaussian([0.3], [[2.0]]), EDM())
    with pytest.warns(DeprecationWarning, match="data_moments"):
        moments = models.data_moments(model)
    assert isinstance(moments, GaussianLaw)
    assert moments is model.moments
