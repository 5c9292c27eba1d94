#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Compiles and tests this checkout by Pythons that the machine does not have:
#   scripts/pythons.sh "3.14 3.15" [pytest's arguments]   Debian's newest packages, extracted: a minute to set up
#   scripts/pythons.sh 3.13t [pytest's arguments]         without the GIL, compiled from Debian's source: 11 minutes
# Needs an x86-64 Debian machine and, the first time, root. What is downloaded and built stays in the user's cache
# folder. Called by the Makefile.
set -euo pipefail
cd "$(dirname "$0")/.."

work=${XDG_CACHE_HOME:-$HOME/.cache}/relu-simd-pythons python=$PWD/.venv/bin/python uv=$PWD/.venv/bin/uv
. scripts/common.sh
unset RELU_SIMD_ISA

# Of a release that Debian is still making, the lists may be out of date, or seem to be from the future.
any_date=(-o 'Acquire::Check-Valid-Until=false' -o 'Acquire::Check-Date=false')
signed="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
# The newest with wheels for 3.13t are older than what the lock has for 3.13.
old_enough="ml-dtypes==0.5.4 --hash=sha256:531eff30e4d368cb6255bc2328d070e35836aa4f282a0fb5f3a0cd7260257298
hypothesis==6.155.7 --hash=sha256:9f634bdb1f9e9b8ab6ba09431cf2deedb750c96978125a6fb3c5a0f6c6db4131"

extract_debian() { # folder: no package's scripts run
    mmdebstrap --quiet --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
        --aptopt='Acquire::Check-Date "false"' \
        --include=python3.14,libpython3.14-dev,python3.15,libpython3.15-dev,libstdc++6 forky "$1" \
        "deb $signed $(mirror) forky main"
}

# By the extracted system's own loader and C library, so that nothing of this machine is changed.
use_extracted() { # version, folder of the environment
    local root=$work/forky libraries=$work/forky/usr/lib/x86_64-linux-gnu
    need_packages mmdebstrap
    if [ ! -e "$root/complete" ]; then
        rm -rf "$root"
        step "extracting Python 3.14 and 3.15 of Debian" extract_debian "$root"
        touch "$root/complete"
    fi
    make_python "$2" "$root/usr/bin" "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" \
        --argv0 "$2/bin/python" "$root/usr/bin/python$1"
    include=$root/usr/include
}

compile_free_threaded() ( # where to
    lists=$work/lists
    rm -rf "$work/source" "$lists"
    mkdir -p "$work/source" "$lists/partial"
    echo "deb-src $signed $(mirror) trixie main" >"$work/source.list"
    cd "$work/source"
    options=(-o "Dir::Etc::SourceList=$work/source.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$lists")
    apt "${options[@]}" "${any_date[@]}" update
    apt "${options[@]}" source --download-only python3.13
    tar -x --strip-components=1 -f python3.13_*.orig.tar.xz
    ./configure --quiet --disable-gil --prefix="$1"
    make --silent -j "$(nproc)"
    make --silent install
    rm -rf "$work/source" "$lists"
)

use_free_threaded() { # folder of the environment
    local prefix=$work/python3.13t
    need_packages dpkg-dev gcc make libffi-dev zlib1g-dev libssl-dev
    if [ ! -e "$prefix/complete" ]; then
        rm -rf "$prefix"
        step "compiling Python 3.13 without the GIL" compile_free_threaded "$prefix"
        touch "$prefix/complete"
    fi
    "$prefix/bin/python3.13t" -m venv --without-pip "$1"
    include=$prefix/include
}

list_wheels() { # version
    "$python" scripts/requirements.py build run test | if [ "$1" = 3.13t ]; then
        "$python" -c '
import re, sys
old = ("numpy==2.5", "ml-dtypes=", "hypothesis=")
entries = [entry for entry in re.split(r"\n(?=\S)", sys.stdin.read()) if not entry.startswith(old)]
print(re.sub(r"(?m)^(numpy==\S+) ; [^\\\\]*", r"\1 ", "\n".join(entries)))'
        echo "$old_enough"
    else
        cat
    fi
}

install_wheels() { # version, folder of the environment
    list_wheels "$1" >"$work/requirements.txt"
    "$uv" pip install --quiet --python "$2/bin/python" --python-platform x86_64-manylinux_2_28 --only-binary :all: \
        --require-hashes -r "$work/requirements.txt"
}

compile() { # folder of the environment, folder of the module that these sources make
    CFLAGS="-idirafter $include" "$1/bin/python" setup.py --quiet build_ext --inplace
    rm -rf "$1"/built-*
    mkdir "$2"
    cp relu_simd/_core.*.so "$2"
}

test_by() { # version, pytest's arguments
    local version=$1 environment=$work/environment-$1 key built
    shift
    rm -rf "$environment/bin/python"
    if [ "$version" = 3.13t ]; then
        use_free_threaded "$environment"
    else
        use_extracted "$version" "$environment"
    fi
    key=$({ cat scripts/pythons.sh; list_wheels "$version"; } | sha256sum)
    if [ "$(cat "$environment/ready" 2>/dev/null)" != "$key" ]; then
        step "installing NumPy and pytest for $version" install_wheels "$version" "$environment"
        echo "$key" >"$environment/ready"
    fi
    copy_checkout "$work/checkout-$version"
    cd "$work/checkout-$version"
    # As if it were installed: processes that tests start in other folders import it, too.
    echo "$PWD" >"$("$environment/bin/python" -c "import sysconfig; print(sysconfig.get_path('purelib'))")/relu_simd.pth"
    built=$environment/built-$(find csrc src setup.py -type f | sort | xargs cat | sha256sum | cut -c 1-16)
    if [ ! -d "$built" ]; then
        step "compiling for $version" compile "$environment" "$built"
    fi
    cp "$built"/*.so relu_simd
    "$python" src/make_c_api.py # setup.py does this too, when it runs
    if [ "$version" = 3.13t ]; then
        # Neither a warning nor the GIL.
        PYTHON_GIL=0 "$environment/bin/python" -W error -c "import relu_simd, sys; sys.exit(sys._is_gil_enabled())"
        "$environment/bin/python" -W error -c "import relu_simd, sys; sys.exit(sys._is_gil_enabled())"
    fi
    "$environment/bin/python" -c "
import sys, numpy
print('  testing by Python', sys.version.split(' (')[0] + ', NumPy', numpy.__version__)"
    "$environment/bin/python" -m pytest -p no:cacheprovider -n auto --dist worksteal "$@" || failed+=("$version")
    cd - >/dev/null
}

failed=()
versions=$1
shift
for version in $versions; do
    test_by "$version" "$@"
done
if [ ${#failed[@]} != 0 ]; then
    echo "Tests failed by Python ${failed[*]}." >&2
    exit 1
fi
