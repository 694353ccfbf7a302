"""Settings that were left out, filled in from the size of a table, and how large the model is that they describe. No JAX."""

import math
import os
from typing import NamedTuple

from scorax._equal_parts import require_equal_parts
from scorax._errors import EnvironmentFailure, InputError, explain
from scorax.tables._bootstrap import MEMBERS
from scorax.tables._config import (
    FitConfig,
    ResolvedConfig,
    ResolvedEnsemble,
    ResolvedNetwork,
    ResolvedTraining,
    Start,
    Times,
    Weighting,
)

_EMBEDDING_WIDTH = 32
"""Units of the noise-level embedding of a :class:`~scorax.networks.ResMLP`."""

SMALL_TABLE = 2000
"""Rows up to which a table is fitted by five cross-validation members of a small network."""

MEDIUM_TABLE = 5000
"""Rows up to which a table is fitted by five members of a medium one; beyond, by one large network."""

MOST_COLUMNS = 16
"""Columns up to which members start from the Gaussian of their rows. Measured on the tuning splits: it gained 0 to 0.25 nats at 4
to 13 columns and lost 1 at 30."""

MOST_MIXED_COLUMNS = 64
"""Columns up to which small tables are fitted from a mixture too, whose field asks for the square of them."""

MOST_TOLD_COLUMNS = 64
"""Columns up to which members start from the Gaussian under masks. Told parts of a row it is the linear regression of the others
on them, for every question, which a network would have to learn one by one; what it asks for is the cube of the columns."""

_ROWS_A_COLUMN = 5
"""Rows that a regression needs for each column: with fewer it is too sure."""

FEW_COLUMNS = 3
"""Columns up to which a large table is fitted with waves and from a mixture too; measured in two and three."""

SPEED = 5e10
"""Operations a second that a training is planned for: what two cores do in products of matrices."""

_FAR = 0.5
"""Of questions at high noise: given an informative column a class is decided at levels that log-normal times seldom draw."""

_TRAINING_SHARE = 0.5
"""Of the minutes; the rest is for the choices after the training and the report."""


class TableSize(NamedTuple):
    """What of a table decides the settings that are left out.

    Attributes:
        rows: of the fit.
        numbers: coordinates that are numbers.
        dimension: all coordinates of a state, those of codes too.
        categories: of all discrete quantities together.
        holes: whether cells are missing.
    """

    rows: int
    numbers: int
    dimension: int
    categories: int = 0
    holes: bool = False

    @property
    def few_numbers(self) -> bool:
        """Whether these are complete rows of numbers alone, few enough of them and for them."""
        most = min(MOST_COLUMNS, self.rows // _ROWS_A_COLUMN)
        return self.numbers == self.dimension <= most and not self.holes


class _Usual(NamedTuple):
    """What tables of a size have in common.

    Attributes:
        passes: over the rows at most, ``None`` for as many steps as there is time for.
    """

    folds: int
    width: int
    depth: int
    dropout: float
    waves: int
    batch_size: int
    learning_rate: float
    ema_decay: float
    patience: int
    times: Times
    weighting: Weighting
    most_steps: int
    passes: float

    def steps(self, rows: int, batch_size: int) -> int:
        """Steps at most."""
        return max(1, int(min(self.most_steps, self.passes * rows / batch_size)))


_SMALL = _Usual(5, 64, 2, 0.1, 0, 256, 1e-3, 0.999, 8, "likelihood", "likelihood", 5000, math.inf)
_SMALL_CODED = _SMALL._replace(times="lognormal", weighting="edm", most_steps=1000)
# 32 radians a standard deviation resolve an edge to a thirtieth of it: about what 5,000 rows tell.
_FLAT = _Usual(1, 128, 2, 0.0, 6, 256, 2e-3, 0.999, 25, "likelihood", "likelihood", 3000, math.inf)
_MEDIUM = _Usual(5, 128, 2, 0.1, 0, 256, 1e-3, 0.999, 10, "lognormal", "edm", 10**8, 90)
# A large table hardly overfits: its held-out loss is noise around a slope until the schedule has decayed.
_LARGE = _Usual(1, 256, 4, 0.0, 5, 256, 2e-3, 0.9995, 50, "lognormal", "edm", 10**8, 500)


def _usual(size: TableSize) -> _Usual:
    if size.rows <= SMALL_TABLE:
        return _SMALL_CODED if size.categories else _SMALL
    if size.dimension <= FEW_COLUMNS and not size.categories:
        return _FLAT
    return _MEDIUM if size.rows <= MEDIUM_TABLE else _LARGE


def resolved(config: FitConfig, size: TableSize) -> ResolvedConfig:
    """The configuration with every value that was left out filled in from the size of the table.

    Raises:
        InputError: more folds than rows, fewer than two rows to train on, or a network that is not to see masks where cells are
            missing or are told.
        EnvironmentFailure: the model does not fit into the memory of this machine.
    """
    num_rows, usual = size.rows, _usual(size)
    network, training, ensemble = config.network, config.training, config.ensemble
    masks = size.holes or training.masks > 0 or bool(training.given)
    _require_start(ensemble.starts, size, told=masks or bool(network.masks))
    if masks and network.masks is False:
        got = "network.masks = false"
        raise InputError(
            explain(expected="a network that sees which cells it is told", got=got, do="leave it out or say true")
        )
    folds = ensemble.folds or min(MEMBERS if ensemble.bootstrap else usual.folds, num_rows)
    if folds > num_rows:
        raise InputError(
            explain(expected=f"ensemble.folds of at most the {num_rows} rows", got=str(folds), do="ask for fewer folds")
        )
    if folds == 1 and num_rows - num_held_out(ensemble.holdout, num_rows) < 2:
        got = f"ensemble.holdout = {ensemble.holdout:g} of {num_rows} rows"
        raise InputError(explain(expected="two rows or more to train on", got=got, do="hold fewer rows out"))
    shape = ResolvedNetwork(
        width=network.width or usual.width,
        depth=network.depth or usual.depth,
        dropout=usual.dropout if network.dropout is None else network.dropout,
        num_frequencies=network.num_frequencies,
        waves=usual.waves if network.waves is None else network.waves,
        masks=masks or bool(network.masks),
        waved_masks=bool(network.waved_masks),
    )
    asked = training.masks > 0 and not training.given
    fits = size.few_numbers if asked else usual in (_SMALL, _SMALL_CODED, _FLAT) and not shape.masks
    # The settings of a mixture are cross-validated, which rows that stand there several times would deceive.
    mixture = fits and not ensemble.bootstrap
    starts = ensemble.starts or _starts(size, told=shape.masks, mixture=mixture)
    batch_size = training.batch_size or usual.batch_size
    require_equal_parts(batch_size, 1, training.accumulate)
    components = ensemble.components or (20 if usual is _FLAT else 8)
    # The field of a mixture is evaluated without a gradient.
    mixed = 4 * components * size.numbers**2 if "mixture" in starts else 0
    operations = folds * batch_size * (6 * len(starts) * num_parameters(shape, size) + mixed)
    planned = max(1, int(60 * training.minutes * _TRAINING_SHARE * SPEED / operations))
    # What is given is never drawn: a hole in it is summed over.
    rounds = (training.filling_rounds or 3) if size.holes and not training.given else 1
    max_steps = training.max_steps or min(rounds * usual.steps(num_rows, batch_size), planned)
    settings = ResolvedConfig(
        network=shape,
        training=ResolvedTraining(
            **{
                **vars(training),
                "times": training.times or usual.times,
                "weighting": training.weighting or usual.weighting,
                "max_steps": max_steps,
                "batch_size": batch_size,
                "learning_rate": training.learning_rate or usual.learning_rate,
                "ema_decay": usual.ema_decay if training.ema_decay is None else training.ema_decay,
                "patience": training.patience or usual.patience,
                "filling_rounds": min(rounds, max_steps),
                "far": _FAR if training.far is None else training.far,
            }
        ),
        ensemble=ResolvedEnsemble(
            folds=folds,
            holdout=ensemble.holdout,
            starts=starts,
            bootstrap=ensemble.bootstrap,
            components=components,
        ),
        noise=config.noise,
        sampling=config.sampling,
    )
    require_memory(settings, size, training=True)
    return settings


def _starts(size: TableSize, *, told: bool, mixture: bool) -> tuple[Start, ...]:
    """Where to start from. In many dimensions the narrow directions of a fitted law make a field that is hard to correct.

    Told parts of a row they are what is wanted: :data:`MOST_TOLD_COLUMNS`. Known categories then tell the numbers too: what
    members would have to learn of it before they stop is more than small tables teach (``benchmarks/coefficients.py``).

    Few rows: a mixture is often most of what can be learned (wine gains half a nat, 61 pixels of digits five), and sometimes a
    bad start (diabetes and breast_cancer lose as much or more), so both are trained and held-out rows decide. Few columns: a
    mixture is the better start for a smooth law, and the worse one for a law with edges, which are learned on top of it far more
    slowly. Where cells are missing the Gaussian is the likeliest of those that are there. Under masks a mixture is exact for
    every question; where rows lie in clusters a network would have to learn them one by one. Given parts of a row it asks for
    a factorisation of every component at each visit, so it is tried up to :data:`MOST_COLUMNS` numbers. Fewer rows than
    numbers teach little beyond a shrunk covariance: of 60 rows in 300 columns N(0, I) ends 180 nats a row below it.
    """
    most = min(MOST_TOLD_COLUMNS, size.rows // _ROWS_A_COLUMN) if told else 0
    if size.numbers and size.categories and size.dimension <= most:
        return ("joint",)
    if size.numbers > max(MOST_COLUMNS, most):
        if size.rows <= size.numbers and not size.holes:
            return ("gaussian",)
        return ("normal", "mixture") if mixture and size.numbers <= MOST_MIXED_COLUMNS else ("normal",)
    if not size.numbers:
        return ("normal",)
    return ("gaussian", "mixture") if mixture else ("gaussian",)


def _require_start(starts: tuple[Start, ...] | None, size: TableSize, *, told: bool) -> None:
    if starts is None:
        return
    known: list[Start] = ["normal"]
    if size.numbers:
        known.append("gaussian")
        if not size.holes:
            known.append("mixture")
        if told and size.categories:
            known.append("joint")
    if not set(starts) <= set(known):
        masks, categories = ("" if there else "out" for there in (told, size.categories))
        holes, numbers = (("" if there else "no ") for there in (size.holes, size.numbers))
        raise InputError(
            explain(
                expected=f"ensemble.starts among {', '.join(known)}, or left out, for a table with {holes}missing cells, "
                f"{numbers}numbers, with{categories} categories, and with{masks} masks",
                got=", ".join(starts),
                do="leave it out",
            )
        )


def num_members(config: ResolvedConfig) -> int:
    """Networks trained side by side: one for each start and fold."""
    return len(config.ensemble.starts) * config.ensemble.folds


def round_steps(training: ResolvedTraining) -> int:
    """Optimiser steps of each round, at most."""
    return training.max_steps // training.filling_rounds


def num_held_out(holdout: float, num_rows: int) -> int:
    """Rows held out where there is one fold."""
    return max(1, round(holdout * num_rows))


def num_components(config: ResolvedConfig) -> int:
    """Components that the starting law of every member has room for."""
    return config.ensemble.components if "mixture" in config.ensemble.starts else 1


def waves_apart(network: ResolvedNetwork) -> bool:
    """Whether waves are made before the residual perceptron, of all that it sees but the masks."""
    return network.masks and network.waves > 0 and not network.waved_masks


def num_inputs(network: ResolvedNetwork, size: TableSize) -> int:
    """What the residual perceptron sees of a state: coordinates, which are known and which absent, waves made before it."""
    beside = 2 * network.waves if waves_apart(network) else 0
    return ((3 if network.masks else 1) + beside) * size.dimension


def num_waves(network: ResolvedNetwork) -> int:
    """Frequencies of the waves that it makes itself of all that it sees."""
    return 0 if waves_apart(network) else network.waves


def num_entries(network: ResolvedNetwork, size: TableSize) -> int:
    """What its first layer reads: what it sees, and the waves that it makes."""
    return (1 + 2 * num_waves(network)) * num_inputs(network, size)


def num_outputs(size: TableSize) -> int:
    """What it says: a number for each number, and a logit for each category."""
    return size.numbers + size.categories


def num_parameters(network: ResolvedNetwork, size: TableSize) -> int:
    """Parameters of the residual perceptron of one member, in Python's integers: nothing is built to count them."""
    width, depth, embedding = network.width, network.depth, _EMBEDDING_WIDTH
    inputs, outputs = num_entries(network, size), num_outputs(size)
    entry = (2 * network.num_frequencies + 1) * embedding + (inputs + 1) * width
    block = 2 * width + 2 * (width + 1) * width + (embedding + 1) * 2 * width
    return entry + depth * block + 2 * width + (width + 1) * outputs


def require_memory(config: ResolvedConfig, size: TableSize, *, training: bool) -> None:
    """Refuse a resolved configuration whose model cannot be held in the memory of this machine.

    A member that trains is held eight times (weights, their average, the best ones, two moments, gradient, update and a copy to
    save), and beside it the activations of one batch; one that is used is held twice.

    Raises:
        EnvironmentFailure: it needs more than there is.
    """
    network = config.network
    numbers = (8 if training else 2) * num_parameters(network, size)
    if training:
        activations = num_entries(network, size) + 8 * network.depth * network.width
        numbers += config.training.batch_size // config.training.accumulate * activations
    law = num_components(config) * size.numbers * (size.numbers + 2) + size.dimension * (size.dimension + 2)
    needed = 4 * num_members(config) * (numbers + law)
    present = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > present:
        raise EnvironmentFailure(
            explain(
                expected=f"a model that fits into {present / 2**30:.1f} GiB of memory",
                got=f"about {needed / 2**30:,.1f} GiB ({num_members(config)} members of width {network.width}, "
                f"depth {network.depth}, {num_components(config)} components, on {size.dimension} coordinates)",
                do="raise training.accumulate, or lower network.width, network.depth or ensemble.folds",
            )
        )
