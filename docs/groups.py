# SPDX-License-Identifier: BSD-3-Clause
"""The groups of functions: the README's tables name them, and the site has a page for each."""

import re


def groups(readme):
    """The functions of each table below the README's heading Functions, by the heading of the table.

    A row is `| function | result |` or `| function | result | gradient |`.
    """
    section = readme.partition("\n## Functions\n")[2].partition("\n## ")[0]
    found = {}
    for part in section.split("\n### ")[1:]:
        title, _, text = part.partition("\n")
        cells = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in text.splitlines() if line.startswith("| `")]
        calls = [re.match(r"`(\w+)\(", cell) for row in cells for cell in (row[0], *row[2:])]
        found[title] = [call[1] for call in calls if call]
    return found
