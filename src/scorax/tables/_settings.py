"""Settings that were left out, filled in from the size of a table, and how large the model is that they describe. No JAX."""

import os
from typing import NamedTuple

from scorax._errors import EnvironmentFailure, InputError, explain
from scorax.tables._config import (
    FitConfig,
    ResolvedConfig,
    ResolvedEnsemble,
    ResolvedNetwork,
    ResolvedTraining,
    Start,
)

_EMBEDDING_WIDTH = 32
"""Units of the noise-level embedding of a :class:`~scorax.networks.ResMLP`."""

SMALL_TABLE = 2000
"""Rows up to which a table is fitted by five cross-validation members of a small network."""

MOST_COLUMNS = 16
"""Columns up to which members start from laws fitted to their rows. Measured on the tuning splits: the Gaussian gained 0 to
0.25 nats at 4 to 13 columns and lost 1 at 30, where the mixture lost 0.8 and 1.5 and took twice as long."""

FEW_COLUMNS = 3
"""Columns up to which a large table is fitted with waves and from a mixture too; measured in two and three."""


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


def resolved(config: FitConfig, size: TableSize) -> ResolvedConfig:
    """The configuration with every value that was left out filled in from the size of the table.

    Raises:
        InputError: more folds than rows, or fewer than two rows to train on.
        EnvironmentFailure: the model does not fit into the memory of this machine.
    """
    num_rows, coded = size.rows, size.categories > 0
    small = num_rows <= SMALL_TABLE
    flat = not small and size.dimension <= FEW_COLUMNS and not coded
    network, training, ensemble = config.network, config.training, config.ensemble
    _require_start(ensemble.starts, size)
    folds = ensemble.folds or (min(5, num_rows) if small else 1)
    if folds > num_rows:
        raise InputError(
            explain(expected=f"ensemble.folds of at most the {num_rows} rows", got=str(folds), do="ask for fewer folds")
        )
    if folds == 1 and num_rows - num_held_out(ensemble.holdout, num_rows) < 2:
        got = f"ensemble.holdout = {ensemble.holdout:g} of {num_rows} rows"
        raise InputError(explain(expected="two rows or more to train on", got=got, do="hold fewer rows out"))
    max_steps = training.max_steps or (3000 if flat else 5000)
    settings = ResolvedConfig(
        network=ResolvedNetwork(
            width=network.width or (64 if small else 128),
            depth=network.depth or 2,
            dropout=(0.1 if small else 0.0) if network.dropout is None else network.dropout,
            num_frequencies=network.num_frequencies,
            # 32 radians a standard deviation resolve an edge to a thirtieth of it: about what 5,000 rows tell.
            waves=(6 if flat else 0) if network.waves is None else network.waves,
            masks=size.holes or bool(network.masks),
        ),
        training=ResolvedTraining(
            **{
                **vars(training),
                "max_steps": max_steps,
                "batch_size": training.batch_size or (256 if small or flat else 512),
                "learning_rate": training.learning_rate or (1e-3 if small else 2e-3),
                # A large table hardly overfits: its held-out loss is noise around a slope until the schedule has decayed.
                "patience": training.patience or (8 if small else 25),
                "filling_rounds": min(training.filling_rounds or 3, max_steps) if size.holes else 1,
            }
        ),
        ensemble=ResolvedEnsemble(
            folds=folds,
            holdout=ensemble.holdout,
            starts=ensemble.starts or _starts(size, mixture=(small or flat) and not coded and not size.holes),
            components=ensemble.components or (20 if flat else 8),
        ),
        noise=config.noise,
        sampling=config.sampling,
    )
    require_memory(settings, size, training=True)
    return settings


def _starts(size: TableSize, *, mixture: bool) -> tuple[Start, ...]:
    """Where to start from. In many dimensions the narrow directions of a fitted law make a field that is hard to correct.

    Few rows: a mixture is often most of what can be learned (wine gains half a nat), and sometimes a bad start (diabetes
    loses as much), so both are trained and held-out rows decide. Few columns: a mixture is the better start for a smooth
    law, and the worse one for a law with edges, which are learned on top of it far more slowly. Where cells are missing
    the Gaussian is the likeliest of those that are there, and no mixture is fitted.
    """
    if not 0 < size.numbers <= MOST_COLUMNS:
        return ("normal",)
    return ("gaussian", "mixture") if mixture else ("gaussian",)


def _require_start(starts: tuple[Start, ...] | None, size: TableSize) -> None:
    if starts is None:
        return
    known: tuple[Start, ...] = ("normal",) if not size.numbers else ("normal", "gaussian") if size.holes else starts
    if not set(starts) <= set(known):
        why = "missing cells" if size.numbers else "no numbers"
        raise InputError(
            explain(
                expected=f"ensemble.starts among {', '.join(known)}, or left out, for a table with {why}",
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


def num_inputs(network: ResolvedNetwork, size: TableSize) -> int:
    """What the residual perceptron sees of a state: its coordinates, and beside them which are known and which absent."""
    return (3 if network.masks else 1) * size.dimension


def num_outputs(size: TableSize) -> int:
    """What it says: a number for each number, and a logit for each category."""
    return size.numbers + size.categories


def num_parameters(network: ResolvedNetwork, size: TableSize) -> int:
    """Parameters of the residual perceptron of one member, in Python's integers: nothing is built to count them."""
    width, depth, embedding = network.width, network.depth, _EMBEDDING_WIDTH
    inputs, outputs = (1 + 2 * network.waves) * num_inputs(network, size), num_outputs(size)
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
        activations = (1 + 2 * network.waves) * num_inputs(network, size) + 8 * network.depth * network.width
        numbers += config.training.batch_size * activations
    law = num_components(config) * size.numbers * (size.numbers + 2) + size.dimension * (size.dimension + 2)
    needed = 4 * num_members(config) * (numbers + law)
    present = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > present:
        raise EnvironmentFailure(
            explain(
                expected=f"a model that fits into {present / 2**30:.1f} GiB of memory",
                got=f"about {needed / 2**30:,.1f} GiB ({num_members(config)} members of width {network.width}, "
                f"depth {network.depth}, {num_components(config)} components, on {size.dimension} coordinates)",
                do="lower network.width, network.depth, training.batch_size or ensemble.folds",
            )
        )
