"""``DiT`` and ``UNet`` of scorax in torch, layer by layer, channels last: what ``picture_steps.py`` is timed against."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Level(nn.Module):
    """The embedding of the noise level."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frequencies = torch.logspace(math.log2(0.125), math.log2(4.0), 8, base=2.0)
        self.inner, self.outer = nn.Linear(16, width), nn.Linear(width, width)

    def forward(self, c: torch.Tensor) -> torch.Tensor:
        phase = c[:, None] * self.frequencies
        features = torch.cat([torch.sin(phase), torch.cos(phase)], 1)
        return F.silu(self.outer(F.silu(self.inner(features))))


class Attention(nn.Module):
    """Self-attention with queries and keys of unit root mean square."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.inner, self.outer = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        n, length, width = h.shape
        q, k, v = self.inner(h).reshape(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) for x in (q, k))
        return self.outer(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, length, width))


def modulated(h: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, weights: nn.LayerNorm | None) -> torch.Tensor:
    """A norm over the channels, scaled and shifted."""
    shape = (len(h), *[1] * (h.ndim - 2), -1)
    own = F.layer_norm(h, h.shape[-1:]) if weights is None else weights(h)
    return own * (1 + scale.reshape(shape)) + shift.reshape(shape)


class DiTBlock(nn.Module):
    """Attention and a perceptron behind gates."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.modulation, self.attention = nn.Linear(width, 6 * width), Attention(width, heads)
        self.inner, self.outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, h: torch.Tensor, e: torch.Tensor) -> torch.Tensor:
        told = self.modulation(e).chunk(6, 1)
        h = h + told[2][:, None] * self.attention(modulated(h, told[0], told[1], None))
        z = F.gelu(self.inner(modulated(h, told[3], told[4], None)), approximate="tanh")
        return h + told[5][:, None] * self.outer(z)


class DiT(nn.Module):
    """``DiT((28, 28, 1), patch=..., width=..., depth=..., heads=...)``."""

    def __init__(self, size: int, patch: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.size, self.patch, count = size, patch, size // patch
        self.level, self.entry = Level(width), nn.Linear(patch**2, width)
        self.places = torch.randn(count**2, width)
        self.blocks = nn.ModuleList(DiTBlock(width, heads) for _ in range(depth))
        self.modulation, self.exit = nn.Linear(width, 2 * width), nn.Linear(width, patch**2)

    def forward(self, c: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        n, p, count = len(x), self.patch, self.size // self.patch
        cut = x.reshape(n, count, p, count, p).permute(0, 1, 3, 2, 4).reshape(n, count**2, p * p)
        e, h = self.level(c), self.entry(cut) + self.places
        for block in self.blocks:
            h = block(h, e)
        h = self.exit(modulated(h, *self.modulation(e).chunk(2, 1), None))
        return h.reshape(n, count, count, p, p).permute(0, 1, 3, 2, 4).reshape(n, self.size, self.size, 1)


class Conv(nn.Module):
    """3x3 on channels last."""

    def __init__(self, ins: int, outs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(ins, outs, 3, padding=1).to(memory_format=torch.channels_last)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return self.conv(h.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class UNetBlock(nn.Module):
    """Two convolutions behind norms."""

    def __init__(self, ins: int, outs: int, embedding: int, heads: int) -> None:
        super().__init__()
        self.norm, self.inner, self.modulation = nn.LayerNorm(ins), Conv(ins, outs), nn.Linear(embedding, 2 * outs)
        self.outer_norm, self.outer = nn.LayerNorm(outs), Conv(outs, outs)
        self.skip = nn.Identity() if ins == outs else nn.Linear(ins, outs)
        self.attention = Attention(outs, heads) if heads else None
        self.attention_norm = nn.LayerNorm(outs) if heads else None

    def forward(self, h: torch.Tensor, e: torch.Tensor) -> torch.Tensor:
        z = self.inner(F.silu(self.norm(h)))
        z = self.outer(F.silu(modulated(z, *self.modulation(e).chunk(2, 1), self.outer_norm)))
        h = z + self.skip(h)
        if self.attention is not None and self.attention_norm is not None:
            flat = self.attention_norm(h).reshape(len(h), -1, h.shape[-1])
            h = h + self.attention(flat).reshape(h.shape)
        return h


class UNet(nn.Module):
    """``UNet((28, 28, 1), width=..., multiples=..., depth=1, heads=...)``."""

    def __init__(self, width: int, multiples: tuple[int, ...], heads: int) -> None:
        super().__init__()
        sizes, e = [width * m for m in multiples], 4 * width
        self.level, self.entry = Level(e), Conv(1, width)
        ins = [width, *sizes[:-1]]
        low = len(sizes) - 1
        self.down = nn.ModuleList(
            UNetBlock(i, o, e, heads * (k == low)) for k, (i, o) in enumerate(zip(ins, sizes, strict=True))
        )
        self.middle = UNetBlock(sizes[-1], sizes[-1], e, 0)
        back = [sizes[-1], *reversed(sizes[1:])]
        self.up = nn.ModuleList(
            UNetBlock(b + o, o, e, heads * (k == 0)) for k, (b, o) in enumerate(zip(back, reversed(sizes), strict=True))
        )
        self.norm, self.exit = nn.LayerNorm(width), Conv(sizes[0], 1)

    def forward(self, c: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        e, h, kept = self.level(c), self.entry(x), []
        for k, block in enumerate(self.down):
            if k:
                n, height, across, channels = h.shape
                h = h.reshape(n, height // 2, 2, across // 2, 2, channels).mean((2, 4))
            h = block(h, e)
            kept.append(h)
        h = self.middle(h, e)
        for k, block in enumerate(self.up):
            h = h.repeat_interleave(2, 1).repeat_interleave(2, 2) if k else h
            h = block(torch.cat([h, kept.pop()], -1), e)
        return self.exit(F.silu(self.norm(h)))
