"""Paths of a process forward in time, from any starting points."""

from typing import TYPE_CHECKING

from scorax._moved import former_names
from scorax.simulation._brownian import brownian_increments
from scorax.simulation._image_study import ImageStudy, study_image
from scorax.simulation._methods import AbstractMethod, Euler, Exact, Milstein
from scorax.simulation._path_study import Marginal, PathPlan, PathStart, PathStudy, start_law, study_paths
from scorax.simulation._simulate import simulate

__all__ = [
    "AbstractMethod",
    "Euler",
    "Exact",
    "ImageStudy",
    "Marginal",
    "Milstein",
    "PathPlan",
    "PathStart",
    "PathStudy",
    "brownian_increments",
    "simulate",
    "start_law",
    "study_image",
    "study_paths",
]

if not TYPE_CHECKING:  # a checker would take every wrong name for one of these
    __getattr__ = former_names(__name__)
