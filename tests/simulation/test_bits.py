"""Bits of a row, with the optimised programs of a user."""

import jax
import numpy as np

from scorax.processes import OrnsteinUhlenbeck
from scorax.simulation import simulate

KEY = jax.random.key(0)
OU = OrnsteinUhlenbeck(2.0, 0.5, 0.7)


def test_a_row_depends_on_its_start_its_key_and_its_number_alone():
    x0 = np.random.default_rng(0).standard_normal((300, 2)).astype(np.float32)
    ts = [0.0, 0.25, 1.0]
    every = np.asarray(simulate(OU, x0, ts, key=KEY, num_steps=4))
    for rows in (slice(0, 1), slice(0, 7), slice(127, 130)):
        some = simulate(OU, x0[rows], ts, key=KEY, num_steps=4, start=rows.start)
        np.testing.assert_array_equal(some, every[rows])
    assert np.unique(every[:, 1:]).size == every[:, 1:].size
    assert simulate(OU, x0[:0], ts, key=KEY).shape == (0, 3, 2)
