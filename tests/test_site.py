"""The documentation site: nothing is loaded from a network, and the code on its executed pages is seen whole."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
COLUMNS = 88  # of code, as wide as the column of text (docs/_static/site.css)
PAGES = [
    DOCS / "objectives.md",
    DOCS / "processes.md",
    DOCS / "samplers.md",
    DOCS / "index.md",
    DOCS / "getting-started.md",
    *sorted(DOCS.glob("guides/*.md")),
    *sorted(DOCS.glob("theory/*.md")),
]


@pytest.fixture(scope="module")
def offline():
    spec = importlib.util.spec_from_file_location("offline", DOCS / "offline.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<script defer src="https://cdn.example/mathjax.js"></script>', ["https://cdn.example/mathjax.js"]),
        ('<SCRIPT SRC=" //cdn.example/a.js">', [" //cdn.example/a.js"]),
        ('<link rel="stylesheet" href="http://fonts.example/css">', ["http://fonts.example/css"]),
        ('<img srcset="a.png 1x, https://img.example/b.png 2x">', ["https://img.example/b.png"]),
        ('<object data="https://img.example/c.svg"></object>', ["https://img.example/c.svg"]),
        ('<svg><use xlink:href="https://img.example/d.svg#x"/></svg>', ["https://img.example/d.svg#x"]),
        ("<style>@import url('https://fonts.example/e.css');</style>", ["https://fonts.example/e.css"]),
        ('<div style="background: url(//img.example/f.png)"></div>', ["//img.example/f.png"]),
        ('<a href="https://www.example/read">read</a>', []),
        ('<link rel="canonical" href="https://www.example/">', []),
        ('<script src="../_static/mathjax/tex-chtml.js"></script><img src="data:image/png;base64,AA">', []),
        ('<svg xmlns="http://www.w3.org/2000/svg"></svg>', []),
    ],
)
def test_what_a_browser_fetches_by_itself(offline, page: str, found: list[str]) -> None:
    assert offline.loaded_from_elsewhere(page) == found


def test_a_style_sheet_that_fetches_a_font(offline) -> None:
    assert offline.loaded_from_elsewhere("@font-face { src: url(https://f.example/a.woff2) }", css=True) == [
        "https://f.example/a.woff2"
    ]
    assert offline.loaded_from_elsewhere("@font-face { src: url(fonts/a.woff2) }", css=True) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_fits_the_column(page: Path) -> None:
    blocks = re.findall(
        r"^```(?!\{grid|\{toctree)[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert [line for block in blocks for line in block.splitlines() if len(line) > COLUMNS] == []


def test_packages_of_npm_are_pinned_by_hash_and_by_no_address() -> None:
    packages = json.loads((DOCS / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    fetched = {name: package for name, package in packages.items() if name}
    assert {"node_modules/mathjax", "node_modules/@mathjax/mathjax-newcm-font"} <= set(fetched)
    for package in fetched.values():
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package
