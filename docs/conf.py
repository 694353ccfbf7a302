"""The documentation site: strict (warnings are errors in CI), and every page with code is executed when it is built."""

import hashlib
import importlib.metadata
import os
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

project = "scorax"
author = "The scorax developers"
project_copyright = "The scorax developers, Apache-2.0"
release = importlib.metadata.version("scorax")
version = release

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_design",
    "offline",
]
exclude_patterns = ["_build", "node_modules", "**/.ipynb_checkpoints"]
default_role = "code"

# Pages.
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3  # cli.md#scorax-fit is a link here and on a code host

# Formulas, by the MathJax of `offline`: its fonts would otherwise come from a network.
mathjax_path = "mathjax/tex-chtml.js"
mathjax4_config = {
    "loader": {"paths": {"fonts": "[mathjax]/../@mathjax"}},
    "output": {"displayOverflow": "linebreak"},  # a formula wider than the column goes on in the next line
}
exclude_patterns += [
    "@mathjax/*/cjs",
    "@mathjax/*/mjs",
    "@mathjax/*/svg",
    "mathjax/*-svg*",
    "mathjax/mml-*",
]  # not in the site

# Pages with code: run once, kept by their code and that of the package, run again when either changes. An assertion that fails
# fails the build.
nb_execution_mode = "cache"
_package = sorted(Path(__file__).parents[1].glob("src/scorax/**/*.py"))
_digest = hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in _package)).hexdigest()
nb_execution_cache_path = str(Path(__file__).parent / "_build" / f"executed-{_digest[:16]}")
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
os.environ.setdefault("JAX_PLATFORMS", "cpu")  # the numbers on the pages are those of a processor

# The reference.
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # a method is described where its contract is, not in every class that keeps it
autodoc_preserve_defaults = True
autodoc_typehints = "none"  # shapes and types stand in the source; signatures stay readable
autodoc_default_options = {
    "members": True,
    "special-members": "__call__",
    "show-inheritance": True,
    "exclude-members": "set_fit_request, set_score_request",  # scikit-learn's own words refer to its own glossary
}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["References"]
napoleon_use_ivar = True  # the fields of a record once, as a list
napoleon_attr_annotations = False  # jaxtyping shapes are no reStructuredText

# The look.
html_theme = "furo"
html_title = f"scorax {release}"
html_static_path = ["_static", "node_modules"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False

# `literal`, $$display$$ and $inline$ mathematics of a docstring. Literals are matched to be left alone.
_LITERAL_OR_MATH = re.compile(r"``.+?``|\$\$(?P<display>.+?)\$\$|(?<![\\$\w])\$(?P<inline>[^$]+?)\$", re.DOTALL)


def mathematics(text: str) -> str:
    r"""Docstring with ``$x$`` and ``$$x$$`` as the roles and directives of reStructuredText.

    Docstrings are written with dollars, as the pages are: shorter in the source, and in the terminal.
    """

    def translated(match: re.Match[str]) -> str:
        if match["display"]:
            line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
            indent = " " * (len(line) - len(line.lstrip()))
            formula = " ".join(match["display"].split())
            return f"\n\n{indent}.. math:: {formula}\n\n{indent}"
        if match["inline"]:
            # A backslash and a space end the role where a letter follows: "$d$s".
            end = "\\ " if text[match.end() : match.end() + 1].isalnum() else ""
            return f":math:`{' '.join(match['inline'].split())}`{end}"
        return match[0]

    return _LITERAL_OR_MATH.sub(translated, text)


def _translate_docstring(app: Any, kind: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = mathematics("\n".join(lines)).split("\n")


# Files beside this folder that are pages of the site too: their addresses in the repository, and here.
_INCLUDED = {"../benchmarks/README.md": "benchmarks.md"}


def _link_included(app: Any, name: str, source: list[str]) -> None:
    for there, here in _INCLUDED.items():
        source[0] = source[0].replace(f"]({there})", f"]({here})")


def setup(app: Any) -> None:
    app.connect("source-read", _link_included)
    # After napoleon (500), which needs the sections as they were written.
    app.connect("autodoc-process-docstring", _translate_docstring, priority=600)
