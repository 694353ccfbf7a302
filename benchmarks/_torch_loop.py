"""The same training as a plain torch loop, in a process of its own: ``python _torch_loop.py INDEX`` with torch installed.

Prints one JSON line when ready, then one for every line it reads: seconds, and the mean loss of the last 100 steps.
"""

import itertools
import json
import math
import sys
import time

import torch

from _setting import SETTINGS, Setting


class Network(torch.nn.Module):
    """The perceptron of ``scorax.networks.MLP``."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        sizes = setting.sizes
        self.layers = torch.nn.ModuleList(torch.nn.Linear(m, n) for m, n in itertools.pairwise(sizes))
        torch.nn.init.zeros_(self.layers[-1].weight)
        torch.nn.init.zeros_(self.layers[-1].bias)
        self.frequencies = torch.tensor(setting.frequencies)

    def forward(self, c_noise: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Output of the shape of ``x``."""
        phase = c_noise[:, None] * self.frequencies
        h = torch.cat([x, torch.sin(phase), torch.cos(phase)], dim=1)
        for layer in self.layers[:-1]:
            h = torch.nn.functional.silu(layer(h))
        return self.layers[-1](h)


def loss_of(network: Network, rows: torch.Tensor, setting: Setting) -> torch.Tensor:
    """Likelihood-weighted denoising score matching on one batch drawn with replacement."""
    size, (low, high) = setting.batch_size, setting.log_sines
    x0 = rows[torch.randint(len(rows), (size,))]
    noise = torch.randn_like(x0)
    log_sine = low + (high - low) * (torch.arange(size) + torch.rand(())) / size
    log_sigma = log_sine - 0.5 * torch.log(-torch.expm1(2 * log_sine))
    sigma = torch.exp(log_sigma)[:, None]
    radius = torch.sqrt(1 + sigma**2)
    output = network(8 * torch.tanh(log_sigma / 8), (x0 + sigma * noise) / radius)
    return (high - low) * (output + (noise - sigma * x0) / radius).square().sum(dim=1).mean()


def rate(setting: Setting, step: int) -> float:
    """Linear warm-up, then a cosine to zero; the factor on the peak rate."""
    if step < setting.warmup_steps:
        return step / setting.warmup_steps
    progress = (step - setting.warmup_steps) / (setting.schedule_steps - setting.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * progress))


def train(setting: Setting, rows: torch.Tensor) -> dict[str, float]:
    """Train from the start."""
    network = Network(setting)
    weights = list(network.parameters())
    ema = [weight.detach().clone() for weight in weights]
    optimizer = torch.optim.AdamW(
        weights, lr=setting.learning_rate, weight_decay=setting.weight_decay, fused=True
    )  # fused is torch's fastest on a CPU
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(setting, step))
    total = torch.zeros(())
    began = time.perf_counter()
    for step in range(setting.num_steps):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(network, rows, setting)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, setting.clip_norm)
        optimizer.step()
        scheduler.step()
        decay = min(setting.ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(ema, weights, 1 - decay)
        if step >= setting.num_steps - 100:
            total += loss.detach() / 100
    return {"seconds": time.perf_counter() - began, "loss": float(total)}


def main() -> None:
    """Answer requests until the input ends."""
    setting = SETTINGS[int(sys.argv[1])]
    torch.set_flush_denormal(True)  # without it torch loses a factor wherever weights or moments fade out
    torch.manual_seed(0)
    rows = torch.randn(setting.num_rows, setting.dimension)
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for _ in sys.stdin:
        print(json.dumps(train(setting, rows)), flush=True)


if __name__ == "__main__":
    main()
