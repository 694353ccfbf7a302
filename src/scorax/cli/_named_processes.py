"""The processes that `scorax simulate` and `scorax noise` know by name: their numbers, their equations, and how they are made."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scorax._errors import InputError, explain
from scorax._text import quote, suggest

if TYPE_CHECKING:
    from scorax.processes import AbstractExactSDE

Numbers = Mapping[str, float]


@dataclass(frozen=True)
class NamedProcess:
    """What one name stands for.

    Attributes:
        name: on the command line.
        options: the numbers it takes and their defaults.
        x0: where its paths start unless the user says otherwise.
        until: the end of the picture likewise; ``longest`` is the latest one.
        equation: with the numbers in it.
        make: the process from its numbers and the end of its clock; imports JAX.
        positive: whether its states are.
    """

    name: str
    options: Numbers
    x0: float
    until: float
    longest: float
    equation: Callable[[Numbers], str]
    make: Callable[[Numbers, float], "AbstractExactSDE"]
    positive: bool = False


_ANY_SIGN = ("drift", "mean")
"""Options whose number may be zero or negative."""


def find(name: str) -> NamedProcess:
    """The process of this name.

    Raises:
        InputError: there is none.
    """
    if name not in PROCESSES:
        got = quote(name) + suggest(name, PROCESSES)
        raise InputError(explain(expected=f"one of {', '.join(PROCESSES)}", got=got, do="name one of them"))
    return PROCESSES[name]


def settings(named: NamedProcess, given: Numbers) -> dict[str, float]:
    """Defaults with what was given put in their place.

    Raises:
        InputError: an option that this process does not have, or a number that it cannot have.
    """
    chosen = dict(named.options)
    for option, value in given.items():
        if option not in named.options:
            has = ", ".join(flag(own) for own in named.options)
            raise InputError(explain(expected=f"options of {named.name} ({has})", got=flag(option), do="leave it out"))
        chosen[option] = require_finite(flag(option), value)
        if option not in _ANY_SIGN and value <= 0:
            raise InputError(explain(expected=f"a positive number for {flag(option)}", got=f"{value:g}", do="pass one"))
    for option in (name for name in chosen if name.endswith("_min")):
        last = option.removesuffix("_min") + "_max"
        if chosen[option] > chosen[last]:
            got = f"{chosen[option]:g} and {chosen[last]:g}"
            raise InputError(
                explain(expected=f"{flag(option)} of at most {flag(last)}", got=got, do="change one of them")
            )
    return chosen


def flag(option: str) -> str:
    """How an option is written on the line."""
    return "--" + option.replace("_", "-")


def require_finite(what: str, value: float) -> float:
    """The number, if it is one.

    Raises:
        InputError: infinite, or not a number.
    """
    if not math.isfinite(value):
        raise InputError(explain(expected=f"a finite number for {what}", got=f"{value}", do="pass a number"))
    return value


def _brownian(numbers: Numbers, until: float) -> "AbstractExactSDE":
    from scorax.processes import BrownianMotion

    return BrownianMotion(drift_rate=numbers["drift"], sigma=numbers["sigma"], t1=until)


def _ou(numbers: Numbers, until: float) -> "AbstractExactSDE":
    from scorax.processes import OrnsteinUhlenbeck

    return OrnsteinUhlenbeck(rate=numbers["rate"], mean=numbers["mean"], sigma=numbers["sigma"], t1=until)


def _gbm(numbers: Numbers, until: float) -> "AbstractExactSDE":
    from scorax.processes import GeometricBrownianMotion

    return GeometricBrownianMotion(drift_rate=numbers["drift"], sigma=numbers["sigma"], t1=until)


def _vp(numbers: Numbers, until: float) -> "AbstractExactSDE":
    from scorax.processes import VP

    return VP(**numbers)


def _subvp(numbers: Numbers, until: float) -> "AbstractExactSDE":
    from scorax.processes import SubVP

    return SubVP(**numbers)


def _ve(numbers: Numbers, until: float) -> "AbstractExactSDE":
    from scorax.processes import VE

    return VE(**numbers)


def _ddpm(numbers: Numbers, until: float) -> "AbstractExactSDE":
    import numpy as np

    from scorax.processes import Tabulated

    return Tabulated.from_betas(np.linspace(numbers["beta_min"], numbers["beta_max"], int(numbers["nodes"])))


_RATES = {"beta_min": 0.1, "beta_max": 20.0}
_AGES = 1e6  # clocks are float32: beyond this a step would be lost in the rounding of the time

PROCESSES = {
    named.name: named
    for named in (
        NamedProcess(
            "brownian", {"drift": 0.0, "sigma": 1.0}, 0.0, 1.0, _AGES,
            lambda n: f"dX = {n['drift']:g} dt + {n['sigma']:g} dW", _brownian,
        ),
        NamedProcess(
            "ou", {"rate": 1.0, "mean": 0.0, "sigma": 1.0}, 3.0, 3.0, _AGES,
            lambda n: f"dX = {n['rate']:g} ({n['mean']:g} − X) dt + {n['sigma']:g} dW", _ou,
        ),
        NamedProcess(
            "gbm", {"drift": 0.5, "sigma": 0.4}, 1.0, 2.0, _AGES,
            lambda n: f"dX = {n['drift']:g} X dt + {n['sigma']:g} X dW", _gbm, positive=True,
        ),
        NamedProcess(
            "vp", _RATES, 2.0, 1.0, 1.0,
            lambda n: f"dX = −½ β(t) X dt + √β(t) dW, β from {n['beta_min']:g} to {n['beta_max']:g}", _vp,
        ),
        NamedProcess(
            "ve", {"sigma_min": 0.1, "sigma_max": 10.0}, 0.0, 1.0, 1.0,
            lambda n: f"dX = √(dσ²/dt) dW, σ(t) from {n['sigma_min']:g} to {n['sigma_max']:g}", _ve,
        ),
        NamedProcess(
            "subvp", _RATES, 2.0, 1.0, 1.0,
            lambda n: (
                "dX = −½ β X dt + √(β (1 − exp(−2 ∫β))) dW, "
                f"β(t) from {n['beta_min']:g} to {n['beta_max']:g}"
            ), _subvp,
        ),
        NamedProcess(
            "ddpm", {"beta_min": 1e-4, "beta_max": 0.02, "nodes": 1000.0}, 2.0, 1.0, 1.0,
            lambda n: (
                f"X(k) = √(1 − β) X(k−1) + √β Z, β from {n['beta_min']:g} to {n['beta_max']:g}, "
                f"{n['nodes']:.0f} nodes at t = k/{n['nodes']:.0f}"
            ), _ddpm,
        ),
    )
}  # fmt: skip
