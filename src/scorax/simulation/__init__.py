"""Paths of a process forward in time, from any starting points."""

from scorax.simulation._brownian import brownian_increments
from scorax.simulation._methods import AbstractMethod, Euler, Exact, Milstein
from scorax.simulation._simulate import simulate

__all__ = ["AbstractMethod", "Euler", "Exact", "Milstein", "brownian_increments", "simulate"]
