# SPDX-License-Identifier: BSD-3-Clause
"""Text files are read and written as UTF-8: Python on Windows takes another encoding where none is named."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "docs", "examples", "relu_simd", "scripts", "src", "tests")


def opens_text(call):
    name = getattr(call.func, "attr", getattr(call.func, "id", None))
    if name != "open":
        return name in {"read_text", "write_text"}
    words = [word.value for word in call.args if isinstance(word, ast.Constant) and isinstance(word.value, str)]
    return ast.unparse(call.func) != "os.open" and not any("b" in mode for mode in words[-1:])


def test_every_text_file_is_utf_8():
    for path in [ROOT / "setup.py", *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call) and opens_text(node):
                named = any(keyword.arg == "encoding" for keyword in node.keywords)
                assert named, f"{path}, line {node.lineno}: {ast.unparse(node)}"
