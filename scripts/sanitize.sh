#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs the tests with a module that reports what it must not do, built apart from the usual one.
#   scripts/sanitize.sh address [pytest's arguments]   AddressSanitizer and UndefinedBehaviorSanitizer
#   scripts/sanitize.sh threads [pytest's arguments]   ThreadSanitizer, on the tests of threads and memory
#   scripts/sanitize.sh valgrind                       memcheck, on a few calls of everything
# GCC, whose runtime libraries come with it; memcheck needs Debian's valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD python=$PWD/.venv/bin/python kind=$1
shift
base=$root/build/$kind

build() { # compiler flags, linker flags
    echo "$kind: compiling"
    CC=gcc CFLAGS="$1" LDFLAGS="$2" "$python" setup.py --quiet build --build-base "$base" >"$base.log" 2>&1 ||
        { tail -n 40 "$base.log"; return 1; }
    # Not the module of this folder, here and in the processes that tests start.
    PYTHONPATH=$(echo "$base"/lib.*)
    export PYTHONPATH PYTHONSAFEPATH=1
}

runtime() { gcc -print-file-name="$1"; }

tests() { # pytest's arguments; RUNTIME is the library that has to come first
    "$python" - <<<'import relu_simd._core as m; print("tests of", m.__file__)' >/dev/null 2>&1 || true
    env LD_PRELOAD="$RUNTIME" RELU_SIMD_TEST_PROFILE=sanitized "$python" -m pytest -p no:cacheprovider "$@"
}

mkdir -p "$base"
case $kind in
address)
    flags="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
    build "$flags" "$flags"
    # Python's own allocator would hide its objects' ends. A fault is a test's to see. CPython leaks by design.
    export PYTHONMALLOC=malloc UBSAN_OPTIONS=print_stacktrace=1
    export ASAN_OPTIONS=detect_leaks=0:handle_segv=0:allocator_may_return_null=1
    RUNTIME="$(runtime libasan.so) $(runtime libubsan.so)" tests "$@"
    ;;
threads)
    gcc -c -O1 -g -fsanitize=thread -fPIC -fopenmp tests/sanitize/team.c -o "$base/team.o"
    build "-fsanitize=thread" "-fsanitize=thread $base/team.o"
    export TSAN_OPTIONS="halt_on_error=1:suppressions=$root/tests/sanitize/tsan.supp"
    RUNTIME="$(runtime libtsan.so)" tests "${@:-tests/test_threads.py tests/test_pool.py tests/test_concurrency.py}"
    ;;
valgrind)
    ;;
esac
