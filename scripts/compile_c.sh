#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Compiles the C sources, warnings as errors, with GCC (or what cc is) and with Clang for every platform
# that the wheels are for. Compile only: running is what the tests do. Clang is the one in pip's ziglang.
# The kernels, which know nothing of the system, are compiled for each CPU and each size of `long`.
#   PYTHON=.venv/bin/python scripts/compile_c.sh
set -euo pipefail
cd "$(dirname "$0")/.."

flags=(-std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -ffp-contract=off -Icsrc)
of_x86=(x86_64-linux-gnu x86_64-windows-gnu)
without_kernels=(x86_64-macos aarch64-macos aarch64-windows-gnu)
read -ra cc <<<"${CC:-cc}" # it may have words, as in CC="ccache gcc"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

compile() { # sources, compiler...: as many at a time as there are CPUs
    local source sources=$1
    shift
    for source in $sources; do
        printf '%s\0' -c "$source" -o "$out/${source//\//_}.o"
    done | xargs -0 -n 4 -P "$(getconf _NPROCESSORS_ONLN)" "$@" "${flags[@]}" || { echo "failed: $*" >&2; return 1; }
}

echo "  this one, by ${cc[*]}"
compile "csrc/*/*.c" "${cc[@]}"
# Of the kernels for x86-64 only what Clang's front end does, from which all its warnings come: optimizing takes five
# times as long, and `make test-windows` does it.
for target in "${of_x86[@]}"; do
    echo "  $target"
    compile "csrc/isa/*.c" "$PYTHON" -m ziglang cc -target "$target" -Xclang -disable-llvm-passes
    compile "csrc/run/*.c" "$PYTHON" -m ziglang cc -target "$target"
done
echo '  aarch64-linux-gnu'
compile "csrc/*/*.c" "$PYTHON" -m ziglang cc -target aarch64-linux-gnu
for target in "${without_kernels[@]}"; do
    echo "  $target, without the kernels"
    compile "csrc/run/*.c" "$PYTHON" -m ziglang cc -target "$target"
done

# What Cython makes of _core.pyx: C, but not pedantic C.
echo '  this one, src/_core.pyx'
"$PYTHON" -m cython -3 src/_core.pyx -o "$out/_core.c"
mapfile -t headers < <("$PYTHON" -c "
import sysconfig, numpy
print('-isystem', sysconfig.get_path('include'), '-isystem', numpy.get_include(), sep='\n')")
"${cc[@]}" -std=c11 -O2 -Wall -Wextra -Werror -DNPY_NO_DEPRECATED_API=NPY_2_0_API_VERSION \
    -DNPY_TARGET_VERSION=NPY_2_0_API_VERSION -Icsrc -Isrc "${headers[@]}" -c "$out/_core.c" -o "$out/_core.o"
