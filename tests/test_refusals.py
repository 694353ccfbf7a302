"""Every wrong argument ends in one sentence: what was expected, what came, what to do. ``refusals.py`` makes the calls.

They run in one process of their own, without the type checks of the other tests, which would speak first.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SENTENCE = re.compile(r"expected [^\n]+, got [^\n]+; [^\n]+")


PROGRAM = """
import json, sys
import counts, refusals
json.dump(refusals.report(), sys.stdout)
counts.check()
"""


@pytest.fixture(scope="module")
def process() -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    given = {**os.environ, "PYTHONPATH": path}
    return subprocess.run([sys.executable, "-c", PROGRAM], env=given, capture_output=True, text=True)


@pytest.fixture(scope="module")
def raised(process: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    assert process.stdout, process.stderr
    return json.loads(process.stdout)


def test_counts_that_numpy_made_are_counts(process: subprocess.CompletedProcess[str]) -> None:
    assert process.returncode == 0, process.stderr


def test_each_refusal_is_one_sentence(raised):
    assert len(raised) > 700
    others = {
        name: error
        for name, error in raised.items()
        if not error or error[0] not in ("TypeError", "ValueError") or not SENTENCE.fullmatch(error[1])
    }
    assert others == {}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("DPMSolver: ends at sigma = 0", r"noise and signal at every node, got sigma = 0 at t = 0;"),
        ("DDIM: grid not t0", r"to t0 = 0.002, both exactly, got 5 from 80 to 0;"),
        ("Heun: grid too few", r"5 strictly decreasing times .*, got 4 from"),
        ("Heun: grid repeated", r"with 1 after 1;"),
        ("DDIM: grid traced", r"as a tuple of numbers"),
        ("Denoiser(parametrization='v')", r"got the string 'v'; pass .*PredictV"),
        ("Denoiser(process=VP)", r"got the class VP; make one of the class, as in VP\(\.\.\.\)"),
        ("DDIM(grid=DefaultGrid)", r"as in DefaultGrid"),
        ("DDIM(num_steps=2.5)", r"num_steps of DDIM as a whole number, got 2.5;"),
        ("DDIM.draw: seed", r"one random key, got 0; pass jax.random.key\(0\)"),
        ("DDIM.draw: float64 without it", r"jax_enable_x64"),
        ("network of three", r"a state of shape \(3,\), got \(2,\)"),
        ("plain network", r"an instance of AbstractNetwork, got equinox.nn._mlp.MLP; pass .*or one of your own"),
        ("parametrization Unbalanced", r"alpha a \+ sigma c = 1 in Unbalanced|alpha b \+ sigma d = 0 in Unbalanced"),
        ("parametrization HalfNoise", r"alpha a \+ sigma c = 1 in HalfNoise, got a difference of -0.1 "),
        ("fit: generator", r"floating-point rows, .*, got generator; pass np.asarray"),
        ("fit: uint8", r"got an array of uint8\[8, 2\]"),
        ("fit 2: optimizer", r"Optax transformation, got 0.001; pass optax.adam"),
        ("fit 7: state", r"a state of this model and optimizer"),
        ("nodes without the first", r"to t0 = 0.333"),
        (
            "simulate: drift of (x, t)",
            r"a drift\(t, x\) of SDE like its state, float32\[2\], got float32\[\]; .*the time first",
        ),
        ("fit: diffusion of (x, t)", r"Diagonal of float32\[2\] in the diffusion\(t, x\) of SDE, .*, got float32\[\];"),
        ("sample: diffusion that is a number", r"a Scalar, a Diagonal or a Matrix, got float32\[\]; .*Scalar\(g\)"),
        ("log_prob: diffusion of a Matrix of one row", r"expected Matrix of float32\[2, 2\] .*, got float32\[1, 2\];"),
        ("a drift that is a number", r"drift_function of SDE as a function, got 1.0;"),
        ("fit: target of (x, t)", r"a score fn\(t, x, condition\) like its state, of shape \[2\], got shape \[\];"),
        (
            "log_prob: prior by coordinates",
            r"one number from log_density of .*Entrywise, the prior of SDE, got shape \[2\]",
        ),
        ("log_prob: tolerance 1e-3", r"tolerance as a number or None, got the string '1e-3'; convert it"),
        ("simulate: a hole", r"finite starting points, got 1 of NaN or infinity; fill"),
        ("log_prob: one row", r"a state of shape \(2,\), got \(\); pass one row as x\[None\]"),
        ("MLP: the state first", r"a state of shape \(2,\), got \(\)"),
        ("MLP: rows", r"a state of shape \(2,\), got \(\d+, 2\); map over rows by jax.vmap"),
        ("MLP: many levels", r"a noise level of one number, got shape \(2,\)"),
        ("EnergyScore of Short: call", r"an output of .*Short like its state, of shape \[2\], got shape \[1\];"),
        ("fit: loss by coordinates", r"one number from Loss.at for one example, got shape \[2\]; take the sum"),
        (
            "GaussianMixture of 2.log_density of 11 rows",
            r"one row of shape \[2\] for GaussianMixture, got shape \[11, 2\]; map",
        ),
        ("ScoreFunction of whole numbers", r"an array of floating-point numbers, got an array of int32\[2\];"),
        ("ScoreFunction of times", r"one time, and then one state, got times of shape \[2\]; map over rows"),
        (
            "fit: inverse",
            r"time_of of WrongInverse as the inverse .*, got a time for -\S+ at which that is -\S+; mend time_of",
        ),
        ("fit: weight", r"one number from EachWeight for one example, got shape \[2\];"),
    ],
)
def test_what_a_refusal_says(raised, name, words):
    assert re.search(words, raised[name][1]), raised[name]
