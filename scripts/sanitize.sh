#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs the tests with a module that reports what it must not do, built apart from the usual one in build/.
#   scripts/sanitize.sh address [pytest's arguments]   AddressSanitizer and UndefinedBehaviorSanitizer
#   scripts/sanitize.sh threads [pytest's arguments]   ThreadSanitizer
#   scripts/sanitize.sh valgrind                       memcheck, on each kernel
# GCC, whose runtime libraries come with it; memcheck needs Debian's valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD python=$PWD/.venv/bin/python kind=$1
base=$root/build/$kind
shift

# Not the module of this folder, in the processes that tests start, too.
export PYTHONSAFEPATH=1 RELU_SIMD_TEST_PROFILE=$kind

build() { # compiler, linker flags
    echo "$kind: compiling"
    CC=$1 LDFLAGS=$2 "$python" setup.py --quiet build --build-base "$base" >"$base.log" 2>&1 ||
        { tail -n 40 "$base.log"; return 1; }
    PYTHONPATH=$(echo "$base"/lib.*)
    export PYTHONPATH
}

tests() { # the library that has to come first, pytest's arguments
    env LD_PRELOAD="$1" "$python" -c "
from relu_simd import _core
assert _core.__file__.startswith('$base'), _core.__file__"
    echo "$kind: tests"
    env LD_PRELOAD="$1" "$python" -m pytest -p no:cacheprovider "${@:2}"
}

harness() { # compiler and linker flags: the same objects without Python
    echo "$kind: harness"
    local objects
    mapfile -t objects < <(find "$base"/temp.*/csrc -name '*.o')
    "$@" -g -O1 -Wall -Wextra -Icsrc -o "$base/harness" tests/sanitize/harness.c "${objects[@]}" -lm
}

runtime() { gcc -print-file-name="$1"; }

mkdir -p "$base"
case $kind in
address)
    build "gcc -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" ""
    # Python's own allocator would hide the ends of its objects. CPython leaks by design. A fault is a test's to see.
    export PYTHONMALLOC=malloc UBSAN_OPTIONS=print_stacktrace=1
    export ASAN_OPTIONS=detect_leaks=0:handle_segv=0:handle_sigbus=0:allocator_may_return_null=1
    tests "$(runtime libasan.so) $(runtime libubsan.so)" -n auto --dist worksteal "$@"
    ;;
threads)
    build "gcc -fsanitize=thread" ""
    # It warns of threads that a forked child makes, and would end it: its own threads are not copied, either.
    export TSAN_OPTIONS="halt_on_error=1:die_after_fork=0"
    harness gcc -fsanitize=thread
    "$base/harness" pool
    "$base/harness" team
    [ $# != 0 ] || set -- tests/test_threads.py tests/test_pool.py tests/test_concurrency.py tests/test_faults.py
    tests "$(runtime libtsan.so)" "$@"
    ;;
valgrind)
    command -v valgrind >/dev/null || apt-get install --yes --quiet valgrind >/dev/null ||
        { echo 'valgrind: not installed, and apt-get could not: install the package valgrind'; exit 1; }
    build gcc ""
    harness gcc
    "$base/harness" pool # forks too many for a checker to watch
    "$base/harness" team
    valgrind --quiet --error-exitcode=9 "$base/harness" kernels
    ;;
*)
    sed -n '3,7s/^# *//p' "$0"
    exit 2
    ;;
esac
