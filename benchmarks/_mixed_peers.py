"""Fits a published generator of tables and writes samples; run by ``mixed_tables.py`` in an environment that has it.

``python _mixed_peers.py utrees fit.csv schema.json utrees SEED REPEATS DRAWS SECONDS``: needs numpy, pandas and the package.
Writes ``utrees_0.csv``, ``utrees_1.csv``, ..., each as long as the fit, and prints the seconds after each; the process ends after
SECONDS. All are seconds of the processor. Settings are the defaults of the package but for ``duplicate_K``, the number of noisy
copies of a row, on which its time depends.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Draw = Callable[[int], np.ndarray]
"""As many rows as are asked for."""


def utrees(x: np.ndarray, kinds: list[str], seed: int, repeats: int) -> Draw:
    """UnmaskingTrees (McCarter 2024)."""
    from utrees import UnmaskingTrees

    names = {"category": "categorical", "count": "integer", "number": "continuous"}
    model = UnmaskingTrees(duplicate_K=repeats, random_state=seed)
    model.fit(x, quantize_cols=[names[kind] for kind in kinds])
    return lambda count: np.asarray(model.generate(n_generate=count))


def forest_diffusion(x: np.ndarray, kinds: list[str], seed: int, repeats: int) -> Draw:
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
    return lambda count: np.asarray(model.generate(batch_size=count))


PEERS = {"utrees": utrees, "ForestDiffusion": forest_diffusion}


def coded(frame: pd.DataFrame, columns: list[dict[str, Any]]) -> np.ndarray:
    """Rows as numbers: of a category the place of its level."""
    cells = []
    for column in columns:
        own = frame[column["name"]]
        cells.append(own.map({text: k for k, text in enumerate(column["levels"])}) if column["levels"] else own)
    return np.column_stack(cells).astype(float)


def decoded(rows: np.ndarray, columns: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as the file has them: texts, whole counts, as many decimals."""
    out = {}
    for column, values in zip(columns, rows.astype(float).T, strict=True):
        if column["levels"]:
            out[column["name"]] = np.array(column["levels"])[np.rint(values).astype(int)]
        else:
            decimals = 0 if column["kind"] == "count" else column["decimals"]
            out[column["name"]] = values if decimals is None else np.round(values, decimals)
    return pd.DataFrame(out)


def main() -> None:
    """Read, fit, draw, write."""
    name, fit, schema, samples, seed, repeats, draws, most = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_CPU, (int(most), int(most) + 5))
    columns = json.loads(Path(schema).read_text())
    x = coded(pd.read_csv(fit), columns)
    began = time.process_time()
    draw = PEERS[name](x, [column["kind"] for column in columns], int(seed), int(repeats))
    seconds: dict[str, Any] = {"fit": time.process_time() - began, "draws": []}
    for k in range(int(draws)):
        began = time.process_time()
        rows = draw(len(x))
        seconds["draws"].append(time.process_time() - began)
        decoded(rows, columns).to_csv(f"{samples}_{k}.csv", index=False)
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
