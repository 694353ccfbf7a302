"""Bounds of numbers on the command line that several commands have."""

LARGEST_SEED = 2**32 - 1
"""JAX keeps the lowest 32 bits of a seed: a larger one would be another seed under a new name."""

MOST_ROWS = 2**32
"""The number of a row has 32 bits in its key: the rows beyond would be the first ones again."""
