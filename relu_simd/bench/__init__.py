# SPDX-License-Identifier: BSD-3-Clause
"""The benchmark behind `python -m relu_simd bench`.

cli.py reads the command line, runner.py does the whole, one cell (function, dtype, size) at a time.
functions.py lists what is measured. For each cell data.py gives real inputs; ways.py, peers/ and
roofline.py say what is run; contest.py runs it once, check.py looks at the results, timing.py takes the
time, results.py makes a record of it. report.py, picture.py, markdown.py and heatmap.py show the records.

A function that is not in ops.def needs a row in functions.py; another library needs a loader in peers/.
"""
