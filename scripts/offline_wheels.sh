#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Makes a folder of wheels for `make gpu` on a machine that cannot install anything from outside:
#   scripts/offline_wheels.sh FOLDER [3.12 [x86_64]]    for that version of Python, on Linux
# This package's wheel is in it if that Python is here, as python3.12 or by PYTHON=. Otherwise the other machine compiles
# the sdist, which is in it in any case: it has the tests. The folder's README.txt says what to type there.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 1 ] || { sed -n 's/^# //p' "$0" | sed -n '2,5p' >&2; exit 2; }
folder=$(realpath -m "$1") version=${2:-3.12} machine=${3:-x86_64}
builder=${PYTHON:-python$version} pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet)
needed=(numpy pyopencl pytest pytest-xdist hypothesis ml_dtypes mpmath rich setuptools cython)
[ "$machine" != x86_64 ] || needed+=('pyopencl[pocl]')

mkdir -p "$folder"
make --no-print-directory .venv/.for-wheel
echo "offline: the sdist"
.venv/bin/python -m build --sdist --outdir "$folder" >.venv/offline.log 2>&1 || { tail -n 40 .venv/offline.log; exit 1; }

if command -v "$builder" >/dev/null && "$builder" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" &&
    [ "$(uname -m)" = "$machine" ]; then
    echo "offline: the wheel, by $builder"
    "${pip[@]}" --python "$(command -v "$builder")" wheel --no-deps --wheel-dir "$folder" . >.venv/offline.log 2>&1 ||
        { tail -n 40 .venv/offline.log; exit 1; }
    how="The wheel of relu-simd is here."
else
    how="There was no Python $version to make relu-simd's wheel with: pip compiles the sdist, with the C compiler there."
fi

echo "offline: wheels of others for Python $version on $machine"
platforms=()
for glibc in 17 24 26 27 28; do
    platforms+=(--platform "manylinux_2_${glibc}_$machine")
done
"${pip[@]}" download --only-binary=:all: --python-version "$version" --implementation cp \
    --platform "manylinux2014_$machine" "${platforms[@]}" --dest "$folder" "${needed[@]}"

cat >"$folder/README.txt" <<EOF
relu-simd for Python $version on Linux $machine, without a network. $how

    python$version -m venv env
    env/bin/pip install --no-index --find-links . relu-simd numpy pyopencl pytest hypothesis ml_dtypes mpmath rich
    tar xf relu_simd-*.tar.gz && cd relu_simd-*/ && ../env/bin/python scripts/gpu.py --out ..

The last line writes gpu.md and gpu.json beside this file. --help says what it can do.
EOF
ls "$folder"
