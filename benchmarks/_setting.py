"""The training that all loops of ``training_throughput`` do, as numbers; imports nothing, so that torch alone can read it."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Setting:
    """One configuration: network, batch, and how many steps a timing takes.

    Noise levels are those of ``EDM()`` with ``log sin a`` uniform (a the angle of the level), loss, optimiser and average
    those of scorax's defaults.
    """

    name: str
    dimension: int
    width: int
    depth: int
    batch_size: int
    num_steps: int
    num_rows: int = 10_000
    num_frequencies: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    clip_norm: float = 1.0
    warmup_steps: int = 100
    schedule_steps: int = 100_000
    ema_decay: float = 0.999
    sigma_min: float = 2e-3
    sigma_max: float = 80.0

    @property
    def sizes(self) -> list[int]:
        """Units of every layer, input and output included."""
        return [self.dimension + 2 * self.num_frequencies, *[self.width] * self.depth, self.dimension]

    @property
    def log_sines(self) -> tuple[float, float]:
        """``log sin a`` at both ends of the noise levels."""
        low, high = (-0.5 * math.log1p(s**-2.0) for s in (self.sigma_min, self.sigma_max))
        return low, high

    @property
    def frequencies(self) -> list[float]:
        """Frequencies of the noise-level features."""
        return [0.125 * 32 ** (i / (self.num_frequencies - 1)) for i in range(self.num_frequencies)]


SETTINGS = (
    Setting("MLP 3x128, d 2, batch 512", dimension=2, width=128, depth=3, batch_size=512, num_steps=1000),
    Setting("MLP 4x256, d 16, batch 1024", dimension=16, width=256, depth=4, batch_size=1024, num_steps=300),
)
