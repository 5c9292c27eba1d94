# SPDX-License-Identifier: BSD-3-Clause
"""What make targets and tests share and is no test itself.

A tool is run from the repository's root by `PYTHONPATH=tests python -m tools.NAME`, which `make fuzz` and others do.
"""
