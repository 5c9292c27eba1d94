# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the scripts that test this checkout elsewhere: on emulated CPUs, under Wine, by other Pythons. They run in
# the root of the checkout, and have set `work`, the folder of what they download and build.
# shellcheck shell=bash

mkdir -p "$work"
exec 9>"$work/lock"
flock 9 # one run at a time uses the folder

exec 3>&2
step() { # words, command...; the command's output is shown only when it fails
    echo "  $1"
    trap 'tail -n 40 "$work/log" >&3' EXIT # not by ||, inside of which set -e has no effect
    "${@:2}" >"$work/log" 2>&1
    trap - EXIT
}

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

install_packages() {
    local try
    for try in {1..30}; do # the lock's timeout does not cover the lists' lock
        apt update && break
        sleep 5
    done
    apt install -y --no-install-recommends "$@"
}

need_packages() {
    if dpkg -s "$@" >/dev/null 2>&1; then
        return
    fi
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "These tests need the Debian packages $*: install them, then run this again." >&2
        exit 1
    fi
    step "installing $*" install_packages "$@"
}

mirror() { # of Debian, the one that apt uses
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | sed -n 1p
}

# A folder that Python takes for a virtual environment, whose python is a wrapper: `command` is to call Python in such a
# way that sys.executable is the wrapper, so that the processes that tests start go through it, too.
make_python() { # folder, home, command...
    local folder=$1 home=$2
    shift 2
    mkdir -p "$folder/bin"
    printf 'home = %s\ninclude-system-site-packages = false\n' "$home" >"$folder/pyvenv.cfg"
    printf '#!/bin/sh\nPATH="%s:$PATH" exec %s"$@"\n' "$folder/bin" "$(printf '%q ' "$@")" >"$folder/bin/python"
    chmod +x "$folder/bin/python"
}

# A copy of what git would commit: the checkout's own compiled module is for another machine.
copy_checkout() { # folder
    rm -rf "$1"
    mkdir -p "$1"
    git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
        [ ! -e "$file" ] || printf '%s\0' "$file"
    done | tar -c --null -T - | tar -x -C "$1"
}

# What this machine's scalar kernels give, for others to be compared with (tests/tools/digests.py).
write_digests() {
    env --unset=RELU_SIMD_DIGESTS RELU_SIMD_ISA=scalar PYTHONPATH=tests "$python" -m tools.digests >"$work/digests.json"
    export RELU_SIMD_DIGESTS=$work/digests.json
}
