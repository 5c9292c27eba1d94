# SPDX-License-Identifier: BSD-3-Clause
"""Sphinx: `make docs` builds the site from these pages, the README and the docstrings."""

import relu_simd

project = "relu-simd"
author = "The relu-simd developers"
release = relu_simd.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
default_role = "code"

html_theme = "furo"
html_title = f"relu-simd {release}"
html_show_sourcelink = False
html_show_copyright = False

# The libraries that an integration plugs into need not be installed for its page.
autodoc_mock_imports = ["autograd", "onnx", "sklearn", "thinc", "torch"]
autodoc_default_options = {"members": True}
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # tables of benchmarks.md skip a level
