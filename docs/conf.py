# SPDX-License-Identifier: BSD-3-Clause
"""Sphinx: `make docs` builds the site from these pages, the README and the docstrings."""

import inspect
import sys
from operator import attrgetter
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

import relu_simd
from relu_simd import _core, settings
from relu_simd._docs import accuracy
from relu_simd.reference import ROWS

sys.path.insert(0, str(Path(__file__).parent))
import curves
from groups import groups

project = "relu-simd"
author = "The relu-simd developers"
release = relu_simd.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
default_role = "code"

html_theme = "furo"
html_title = f"relu-simd {release}"
html_show_sourcelink = False
html_show_copyright = False
html_use_index = False  # the overview of the API serves as one
html_domain_indices = False
html_search_scorer = str(Path(__file__).with_name("scorer.js"))
html_static_path = ["_static"]
html_css_files = ["site.css"]

# The libraries that an integration plugs into need not be installed for its page.
autodoc_mock_imports = ["autograd", "onnx", "sklearn", "thinc", "threadpoolctl", "torch"]
autodoc_default_options = {"members": True}
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
myst_heading_anchors = 3
exclude_patterns = ["errors.md"]  # a part of accuracy.md
suppress_warnings = ["myst.header"]  # tables of benchmarks.md skip a level

ROOT = Path(__file__).parents[1]
API = Path(__file__).with_name("api")
OPS = {op.name: op for op in _core.OPS}
# The functions by page: those of the README's tables, then what is no function of an array.
FUNCTIONS = groups((ROOT / "README.md").read_text(encoding="utf-8"))
GROUPS = FUNCTIONS | {
    "settings": [*settings.__all__, "get_include", "show_config"],
    "layers": [f"{part}.{name}" for part in ("nn", "init", "diagnostics") for name in getattr(relu_simd, part).__all__],
}


def page_of(group):
    """The page in docs/api that asks for the functions of a group."""
    pages = [path.stem for path in API.glob("*.rst") if f"|functions of {group}|" in path.read_text(encoding="utf-8")]
    if len(pages) != 1:
        raise LookupError(
            f"docs/api: {len(pages)} pages, not one, have |functions of {group}|, a heading of the README"
        )
    return pages[0]


def summary(name):
    """The first paragraph of a docstring, in one line."""
    text = inspect.getdoc(attrgetter(name)(relu_simd))
    return " ".join(text.partition("\n\n")[0].split())


def table(names):
    rows = "\n".join(f"   * - ``{name}``\n     - {summary(name)}" for name in names)
    return f".. list-table::\n   :widths: auto\n\n{rows}"


def described(name):
    """A function as its page has it: those of an operation with a heading, the curves, and what is known of it."""
    signature = f".. autofunction:: {name}\n"
    op = OPS.get(name)
    if op is None or op.inputs[0] == "grad_output":
        return signature
    lines = [name, "-" * len(name), ""]
    if curves.has_curve(op):
        lines += [".. raw:: html", "", f'   <img src="../_static/curves/{name}.svg" alt="{curves.caption(op)}">', ""]
    lines += [f":Definition: ``{op.definition}``"]
    exactness = [f"The result {accuracy(op).strip(',')}."]
    gradient = OPS.get(f"{name}_backward")
    if gradient is not None:
        lines += [f":Gradient: ``{gradient.definition}``"]
        exactness += [f"The gradient {accuracy(gradient).strip(',')}."]
    measured = " :doc:`Measured </accuracy>`." if op.accuracy.max_ulp else ""
    lines += [f":Accuracy: {' '.join(exactness)}{measured}"]
    lines += [f":In NumPy, people write: ``{ROWS[name].idioms[0].new}``", ""]
    return "\n".join([*lines, signature])


def write_lists(app, docname, source):
    """Write out what stands between bars where a page has it: `|functions of GROUP|`, for example."""
    text = source[0]
    for group, names in GROUPS.items():
        text = text.replace(f"|table of {group}|", table(names))
        if f"|functions of {group}|" in text:
            text = text.replace(f"|functions of {group}|", "\n".join(map(described, names)))
    pages = {group: page_of(group) for group in FUNCTIONS}
    if "|tables of functions|" in text:
        sections = [
            f"{group}\n{'-' * len(group)}\n\nOn the page :doc:`{page}`.\n\n{table(FUNCTIONS[group])}\n"
            for group, page in pages.items()
        ]
        text = text.replace("|tables of functions|", "\n".join(sections))
        text = text.replace("|pages of functions|", "\n   ".join(pages.values()))
    if "|rows of functions|" in text:
        rows = [
            f"| [{group}](api/{page}.rst) | {', '.join(f'`{name}`' for name in FUNCTIONS[group])} |"
            for group, page in pages.items()
        ]
        text = text.replace("|rows of functions|", "\n".join(rows))
    source[0] = text


def draw_curves(app, exception):
    """Draw what `described` shows."""
    if exception is None and app.builder.format == "html":
        for op in filter(curves.has_curve, _core.OPS):
            curves.draw(op, Path(app.outdir, "_static", "curves", f"{op.name}.svg"))


class LinkNames(SphinxPostTransform):
    """Make a link of each name in code type that the API reference has, wherever it stands."""

    default_priority = 20  # after Sphinx's own references

    def run(self, **_):
        objects = self.env.domains.python_domain.objects
        for literal in list(self.document.findall(nodes.literal)):
            name = literal.astext().partition("(")[0]
            found = objects.get(name) or objects.get(f"relu_simd.{name}")
            if found is None or isinstance(literal.parent, nodes.reference | nodes.title):
                continue
            page = self.app.builder.get_relative_uri(self.env.current_document.docname, found.docname)
            link = nodes.reference("", "", internal=True, refuri=f"{page}#{found.node_id}")
            literal.replace_self(link)
            link += literal


def setup(app):
    app.connect("source-read", write_lists)
    app.connect("build-finished", draw_curves)
    app.add_post_transform(LinkNames)
