"""Fits a published generator of tables and writes samples; run by ``mixed_tables.py`` in an environment that has it.

``python _mixed_peers.py utrees fit.csv schema.json samples.csv SEED REPEATS``: needs numpy, pandas and the package. Settings are
the defaults of the package but for ``duplicate_K``, the number of noisy copies of a row, on which its time depends.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def utrees(x: np.ndarray, kinds: list[str], seed: int, repeats: int) -> np.ndarray:
    """UnmaskingTrees (McCarter 2024)."""
    from utrees import UnmaskingTrees

    names = {"category": "categorical", "count": "integer", "number": "continuous"}
    model = UnmaskingTrees(duplicate_K=repeats, random_state=seed)
    model.fit(x, quantize_cols=[names[kind] for kind in kinds])
    return np.asarray(model.generate(n_generate=len(x)))


def forest_diffusion(x: np.ndarray, kinds: list[str], seed: int, repeats: int) -> np.ndarray:
    """ForestDiffusion, its flow (Jolicoeur-Martineau, Fatras and Kachman 2024)."""
    from ForestDiffusion import ForestDiffusionModel

    places: dict[str, list[int]] = {"binary": [], "category": [], "count": []}
    for j, kind in enumerate(kinds):
        binary = kind == "category" and len(np.unique(x[:, j])) == 2
        if kind != "number":
            places["binary" if binary else kind].append(j)
    options: dict[str, Any] = {
        "bin_indexes": places["binary"],
        "cat_indexes": places["category"],
        "int_indexes": places["count"],
    }
    model = ForestDiffusionModel(x, duplicate_K=repeats, n_jobs=1, seed=seed, **options)
    return np.asarray(model.generate(batch_size=len(x)))


PEERS = {"utrees": utrees, "ForestDiffusion": forest_diffusion}


def main() -> None:
    """Read, fit, generate, write."""
    name, fit, schema, samples, seed, repeats = sys.argv[1:]
    columns = json.loads(Path(schema).read_text())
    frame = pd.read_csv(fit)
    coded = []
    for column in columns:
        cells = frame[column["name"]]
        coded.append(cells.map({text: k for k, text in enumerate(column["levels"])}) if column["levels"] else cells)
    began = time.perf_counter()
    drawn = PEERS[name](
        np.column_stack(coded).astype(float), [c["kind"] for c in columns], int(seed), int(repeats)
    ).astype(float)
    seconds = time.perf_counter() - began
    out = {}
    for column, values in zip(columns, drawn.T, strict=True):
        if column["levels"]:
            out[column["name"]] = np.array(column["levels"])[np.rint(values).astype(int)]
        else:
            decimals = 0 if column["kind"] == "count" else column["decimals"]
            out[column["name"]] = values if decimals is None else np.round(values, decimals)
    pd.DataFrame(out).to_csv(samples, index=False)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
