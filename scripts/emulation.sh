#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Tests this checkout on CPUs that the machine does not have, by qemu's user mode:
#   scripts/emulation.sh aarch64  [pytest arguments]   builds for aarch64, so that the NEON kernels run
#   scripts/emulation.sh old-cpus [pytest arguments]   tests the wheel in dist/ without AVX-512, then without AVX2
# Needs an x86-64 Debian machine and, the first time, root. What is downloaded and built stays in the user's
# cache folder. Emulated code is 10 to 50 times slower: it says nothing about speed. Called by the Makefile.
set -euo pipefail
cd "$(dirname "$0")/.."

work=${XDG_CACHE_HOME:-$HOME/.cache}/relu-simd-emulation
python=$PWD/.venv/bin/python
. scripts/common.sh
export RELU_SIMD_TEST_PROFILE=emulated
unset RELU_SIMD_ISA

# An extracted arm64 Debian, of the same release as this one: no package's scripts run, so nothing is emulated yet.
make_sysroot() {
    local release
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mmdebstrap --quiet --arch=arm64 --variant=extract --include=python3,libpython3-dev,libstdc++6 "$release" "$1" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $release main"
    rm -rf "$1"/{tmp,var,dev,root,home} # qemu's -L would show these in place of the host's
}

install_arm64_wheels() { # folder, Python version
    local platform platforms=()
    for platform in manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014; do
        platforms+=(--platform "${platform}_aarch64")
    done
    "$python" scripts/requirements.py build run test >"$work/requirements.txt"
    "$python" -m pip install -q --target "$1" --only-binary=:all: "${platforms[@]}" \
        --python-version "$2" --require-hashes -r "$work/requirements.txt"
}

setup_aarch64() { # folder
    local sysroot=$1/sysroot version
    rm -rf "$1"
    mkdir -p "$1/bin"
    step "extracting an arm64 Debian" make_sysroot "$sysroot"
    version=$(basename "$(readlink "$sysroot/usr/bin/python3")") # such as python3.11
    # By -0, sys.executable is the wrapper.
    make_python "$1" "$sysroot/usr/bin" $qemu-aarch64-static -L "$sysroot" -0 "$1/bin/python" "$sysroot/usr/bin/$version"
    # The compiler runs natively. setuptools passes the host's include folder: the sysroot's has to come before it.
    cat >"$1/bin/aarch64-linux-gnu-gcc" <<END
#!/bin/sh
exec /usr/bin/aarch64-linux-gnu-gcc -I"$sysroot/usr/include/$version" -idirafter "$sysroot/usr/include" "\$@"
END
    chmod +x "$1/bin/aarch64-linux-gnu-gcc"
    step "installing arm64 wheels" install_arm64_wheels "$1/lib/$version/site-packages" "${version#python}"
}

build_aarch64() { # folder of the emulated Python, folder of the copy
    local sources modules
    sources=$(find csrc src setup.py -type f | sort | xargs cat | sha256sum | cut -c 1-16)
    modules=$1/built/$sources
    if [ ! -d "$modules" ]; then
        (
            cd "$2"
            step "building" env -u CC "$1/bin/python" setup.py -q build_ext --inplace
        )
        rm -rf "$1/built"
        mkdir -p "$modules"
        cp "$2"/relu_simd/*.so "$modules"
    fi
    cp "$modules"/*.so "$2/relu_simd"
    "$python" "$2/src/make_c_api.py" # setup.py does this too, when it runs
}

check_isa() { # python, name
    "$1" -c "import sys, relu_simd; sys.exit(relu_simd.isa() != '$2' and f'chose {relu_simd.isa()}, not $2')"
}

test_aarch64() {
    local key folder
    need_packages git qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross mmdebstrap
    key=$({ cat scripts/emulation.sh; "$python" scripts/requirements.py build run test; } | sha256sum | cut -c 1-16)
    folder=$work/aarch64
    if [ "$(cat "$folder/ready" 2>/dev/null)" != "$key" ]; then
        setup_aarch64 "$folder"
        echo "$key" >"$folder/ready"
    fi
    write_digests
    copy_checkout "$folder/checkout"
    build_aarch64 "$folder" "$folder/checkout"
    cd "$folder/checkout"
    check_isa "$folder/bin/python" neon
    echo "  testing on an emulated aarch64"
    "$folder/bin/python" -m pytest -p no:cacheprovider -n auto --dist worksteal "$@"
}

install_wheel() { # folder
    "$python" scripts/requirements.py run test >"$work/requirements.txt"
    "$python" -m venv --clear "$1"
    "$1/bin/python" -m pip install -q --require-hashes -r "$work/requirements.txt"
    "$1/bin/python" -m pip install -q --no-deps dist/*.whl
}

test_old_cpus() {
    local folder=$work/x86-64 installed=$work/x86-64-wheel real cpu
    need_packages qemu-user-static
    real=$(readlink -f "$python")
    write_digests
    step "installing the wheel" install_wheel "$installed"
    export PYTHONSAFEPATH=1 # the wheel's package, not the one in this folder
    for cpu in avx2=max,-avx512f scalar=max,-avx2; do
        make_python "$folder" "$(dirname "$real")" $qemu-x86_64-static -cpu "${cpu#*=}" -0 "$folder/bin/python" "$real"
        ln -sfn "$installed/lib" "$folder/lib"
        check_isa "$folder/bin/python" "${cpu%=*}"
        # NumPy keeps to its baseline: Debian 12's qemu crashes in the AVX2 code of np.fmax.
        export NPY_DISABLE_CPU_FEATURES=
        NPY_DISABLE_CPU_FEATURES=$("$folder/bin/python" -c "
from numpy._core import _multiarray_umath as core
print(*(name for name in core.__cpu_dispatch__ if core.__cpu_features__[name]))")
        echo "  testing on an emulated x86-64 CPU, best instruction set ${cpu%=*}"
        "$folder/bin/python" -m pytest -p no:cacheprovider -n auto --dist worksteal "$@"
    done
}

qemu=/usr/bin/qemu
case ${1:-} in
    aarch64) shift; test_aarch64 "$@" ;;
    old-cpus) shift; test_old_cpus "$@" ;;
    *) sed -n '3,7s/^# //p' "$0"; exit 2 ;;
esac
