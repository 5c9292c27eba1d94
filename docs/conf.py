# SPDX-License-Identifier: BSD-3-Clause
"""Sphinx: `make docs` builds the site from these pages, the README and the docstrings."""

import inspect
from operator import attrgetter
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

import relu_simd
from relu_simd import _core, settings

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
suppress_warnings = ["myst.header"]  # tables of benchmarks.md skip a level

# The public functions by group, from the table of operations: a new row is on its page without an edit here.
OPERATIONS = [op.name for op in _core.OPS]
COMPUTING = {op.name.removesuffix("_backward") for op in _core.OPS if op.computes}
GROUPS = {
    "rectifiers": [name for name in OPERATIONS if name.removesuffix("_backward") not in COMPUTING],
    "smooth": [name for name in OPERATIONS if name.removesuffix("_backward") in COMPUTING],
    "others": sorted({*_core.__all__, "rrelu"} - set(OPERATIONS)),
    "settings": [*settings.__all__, "get_include", "show_config"],
    "layers": [f"{part}.{name}" for part in ("nn", "init", "diagnostics") for name in getattr(relu_simd, part).__all__],
}


def summary(name):
    """The first paragraph of a docstring, in one line."""
    text = inspect.getdoc(attrgetter(name)(relu_simd))
    return " ".join(text.partition("\n\n")[0].split())


def write_lists(app, docname, source):
    """Write out `|names of GROUP|`, `|table of GROUP|` and `|functions of GROUP|` where a page has them."""
    for group, names in GROUPS.items():
        rows = "\n".join(f"   * - ``{name}``\n     - {summary(name)}" for name in names)
        table = f".. list-table::\n   :widths: auto\n\n{rows}"
        source[0] = source[0].replace(f"|names of {group}|", ", ".join(f"`{name}`" for name in names))
        functions = "\n\n".join(f".. autofunction:: {name}" for name in names)
        source[0] = source[0].replace(f"|table of {group}|", table).replace(f"|functions of {group}|", functions)


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
    app.add_post_transform(LinkNames)
