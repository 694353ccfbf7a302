"""Simulations as rows of a fit: parameters with their priors, and what was observed."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from scorax._errors import refusal
from scorax.data import Table
from scorax.tables._config import FitConfig, ResolvedConfig
from scorax.tables._priors import odd_priors, parameter_columns
from scorax.tables._rows import FitRows
from scorax.tables._schema import Schema
from scorax.tables._scorable import require_cells, require_told
from scorax.tables.columns import Prior

_FAR = 0.1
"""Share of the visits at high noise. What an observation determines precisely is learned at small noise: with half of the
visits at high noise two moons lose .18 nats and .06 of detection (``benchmarks/README.md``)."""


@dataclass(frozen=True)
class Simulations:
    """A table of simulations: a row is parameters, and what the simulator made of them.

    Attributes:
        table: the rows.
        parameters: names of the columns of parameters.
        priors: of every parameter, or ``None``.
        name: what messages call the table.
    """

    table: Table
    parameters: tuple[str, ...]
    priors: Mapping[str, Prior] | None
    name: str

    @cached_property
    def observed(self) -> FitRows:
        """The table without its parameters."""
        kept = [j for j, name in enumerate(self.table.columns) if name not in self.parameters]
        if not kept:
            got, do = "parameters only", "leave the columns of the simulator in"
            raise refusal(self.name, expected="columns of an observation", got=got, do=do)
        return FitRows(part(self.table, kept), self.name)

    @cached_property
    def rows(self) -> FitRows:
        """The rows of the fit, with their schema: what was observed, then the parameters.

        Raises:
            InputError: a column cannot be fitted, or is not what its prior says, or no column of an observation varies.
        """
        found = self.observed.found.schema
        own = parameter_columns(self.table, self.parameters, self.priors, self.name)
        if not len(found.free):
            do = "nothing is to be learned from what was observed"
            raise refusal(self.name, expected="a column that varies beside the parameters", got="none", do=do)
        schema = dataclasses.replace(found, columns=(*found.columns, *own))
        return FitRows(self.table, self.name, given=schema)

    def named(self, seen: Table) -> Table:
        """Observations under the names of the simulations: an array of as many columns has them in their order."""
        names = self.observed.table.columns
        return dataclasses.replace(seen, columns=names) if seen.is_array and len(seen.columns) == len(names) else seen

    @property
    def odd(self) -> tuple[str, ...]:
        """Lines on priors that the parameters do not look drawn from."""
        values = {name: self.table.values[:, self.table.columns.index(name)] for name in self.parameters}
        return tuple(odd_priors(self.rows.found.schema.columns, values))

    def asked(self, config: FitConfig) -> FitConfig:
        """The configuration of the law of the parameters given the rest.

        What is left out is chosen as posteriors of simulators ask for: they are narrow, often with fine structure, and their rows
        are as many as a person has time to simulate.
        """
        found = self.observed.found.schema
        training, network = config.training, config.network
        return dataclasses.replace(
            config,
            network=dataclasses.replace(network, width=network.width or 128, depth=network.depth or 3),
            training=dataclasses.replace(
                training,
                given=tuple(found.names[j] for j in found.free),
                times=training.times or "likelihood",
                weighting=training.weighting or "likelihood",
                far=_FAR if training.far is None else training.far,
            ),
        )


def part(table: Table, columns: Sequence[int]) -> Table:
    """Some columns of a table."""
    names, formats = (tuple(each[j] for j in columns) for each in (table.columns, table.formats))
    return dataclasses.replace(table, columns=names, formats=formats, values=table.values[:, list(columns)])


def observations(
    schema: Schema, config: ResolvedConfig, parameters: Sequence[str], table: Table, where: str
) -> Float[np.ndarray, "n columns"]:
    """Rows of an observation as a model of the schema takes them, with nothing in the place of parameters.

    Raises:
        InputError: a column is missing, or a cell that no simulation lacks, or a cell has a value that the fit never saw.
    """
    others = [j for j, column in enumerate(schema.columns) if column.name not in parameters]
    values = np.full((table.rows, len(schema.columns)), np.nan)
    seen = Schema(tuple(schema.columns[j] for j in others))
    values[:, others] = own = seen.match(table, where)
    require_cells(values, schema, config, where=where, asked=parameters)
    require_told(own, seen, where=where)
    return values
