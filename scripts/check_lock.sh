#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Whether what is locked can be had on every Python that the package supports, without a compiler and without
# installing anything: everything in requirements-dev.lock on Linux, what builds and tests on the platforms that CI has
# besides. What the lock holds for a Python must have a wheel for it. `make lock` runs this.
#   UV=.venv/bin/uv scripts/check_lock.sh
set -euo pipefail
cd "$(dirname "$0")/.."

pythons=(3.11 3.12 3.13 3.14 3.15)
linux=(x86_64-manylinux_2_28 aarch64-manylinux_2_28)
others=(x86_64-pc-windows-msvc aarch64-apple-darwin x86_64-apple-darwin)
# What may come as source: PyYAML builds in Python alone, and is late to a new one.
source=(pyyaml)

wheels=()
for name in $(sed -nE 's/^([a-z0-9.-]+)==.*/\1/p' requirements-dev.lock | sort -u); do
    [[ " ${source[*]} " == *" $name "* ]] || wheels+=(--only-binary "$name")
done
failed=0

check() { # list of pins, platforms...
    local list=$1 python platform
    for python in "${pythons[@]}"; do
        for platform in "${@:2}"; do
            "$UV" pip compile --quiet --no-deps --no-header --no-annotate --python-version "$python" \
                --python-platform "$platform" "${wheels[@]}" - <<<"$list" >/dev/null ||
                { echo "requirements-dev.lock does not hold on Python $python, $platform" >&2; failed=1; }
        done
    done
}

check "$(cat requirements-dev.lock)" "${linux[@]}"
check "$("$(dirname "$UV")/python" scripts/requirements.py build run test)" "${others[@]}"
exit $failed
