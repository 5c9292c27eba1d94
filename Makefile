# SPDX-License-Identifier: BSD-3-Clause
# Every target does its own set-up, in .venv: needed are Python 3.11 or later, a C compiler and make.
#
# The stamps .venv/.* say what is done; make does it again when what it was made from has changed.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
SOURCES := $(wildcard csrc/*.* csrc/*/*.[ch] src/*) setup.py pyproject.toml
BENCH_ARGS ?=
SITE_ARGS ?=
TEST_ARGS ?=
# Tests that PyTorch runs besides those of its integration: this package's layers and weights against its own.
TORCH_TESTS := $(wildcard tests/test_integrations_torch*.py) tests/test_nn.py tests/test_init.py tests/test_diagnostics.py \
    "tests/test_docs.py::test_page[torch]"
PERF_ARGS ?=
EXHAUSTIVE_ARGS ?=
LOCK_ARGS ?=
FUZZ_ARGS ?=
GPU_ARGS ?=
SOAK_SECONDS ?= 60

.PHONY: help bench debug test test-wide test-opencl gpu test-torch test-c-api test-builds test-exhaustive fuzz soak sanitize sanitize-threads valgrind docs check-site perf lint \
    format lock wheel test-aarch64 test-old-cpus test-windows test-pythons test-sdist clean
.SILENT:

help:
	echo 'make bench           measure against NumPy; table on screen, picture and JSON in bench-out/'
	echo '                     BENCH_ARGS="--sizes 16,1e4 --ops relu": options of python -m relu_simd bench'
	echo 'make test            run the tests; TEST_ARGS="-x -k overlap": options of pytest'
	echo 'make test-wide       what make test leaves out because it takes long: examples, layouts on every instruction set,'
	echo '                     cases of ONNX; TEST_ARGS as for make test'
	echo 'make test-opencl     the tests of relu_simd.opencl, also under the simulator oclgrind (Debian; is installed)'
	echo 'make gpu             the same on the GPU of this machine, with bandwidth and costs: a page and JSON in bench-out/;'
	echo '                     GPU_ARGS="--device PoCL --tests none --elements 1e6": see scripts/gpu.py --help'
	echo 'make test-exhaustive all 2^32 float32 through every function of one input, on each instruction set:'
	echo '                     half an hour; EXHAUSTIVE_ARGS="--isas best --ops sigmoid": see --help'
	echo 'make test-builds     builds with -ffast-math and the like, which must change nothing'
	echo 'make test-torch      the tests that need PyTorch, and PyTorch: 0.7 GB on disk (CPU build) or several (CUDA)'
	echo 'make debug           compile for a debugger (gdb --args .venv/bin/python -m pytest ...) until the next change'
	echo 'make docs            build the site into build/docs/, a warning is an error'
	echo 'make check-site      build the site and look at it in Chromium (Debian; is installed): links, widths, search;'
	echo '                     SITE_ARGS="--pictures bench-out/site" takes pictures of pages'
	echo 'make fuzz            100,000 made-up calls against the reference, others each time; about a minute;'
	echo '                     FUZZ_ARGS="--cases 5000000 --seed 7": see --help'
	echo 'make soak            threads at work while every setting changes, for SOAK_SECONDS=60'
	echo 'make sanitize        the tests with AddressSanitizer and UndefinedBehaviorSanitizer (GCC): 10 minutes;'
	echo '                     TEST_ARGS as for make test'
	echo 'make sanitize-threads the tests of threads, memory and faults with ThreadSanitizer (GCC): 5 minutes'
	echo 'make valgrind        every kernel under memcheck (installs valgrind on Debian)'
	echo 'make lint            style, types, and the C sources without a warning for every platform'
	echo 'make format          put Python and C into the style that lint checks'
	echo 'make perf            time every operation in every mode, for developers (pytest-benchmark);'
	echo '                     PERF_ARGS="-k relu --benchmark-autosave --benchmark-compare"'
	echo 'make wheel           build sdist and wheel into dist/, test the wheel in a fresh environment'
	echo 'make test-sdist      the tests and the site from the unpacked sdist; TEST_ARGS="tests/test_table.py": these alone'
	echo 'make test-c-api      call the kernels from C, Cython, ctypes, cffi and numba, which it installs'
	echo 'make test-aarch64    run the tests on an emulated ARM CPU (Debian; installs what it needs)'
	echo 'make test-old-cpus   test the wheel on emulated x86-64 CPUs without AVX-512, without AVX2'
	echo 'make test-windows    compile for Windows and run tests by CPython for Windows under Wine (Debian, x86-64; installs'
	echo '                     what it needs)'
	echo 'make test-pythons    compile and test by Python 3.14, 3.15 and 3.13 without the GIL (Debian, x86-64; the last takes'
	echo '                     11 minutes to set up); PYTHONS="3.15": these alone'
	echo 'make lock            write requirements-dev.lock anew after a change to the requirements in pyproject.toml;'
	echo '                     what it has stays at its version, but with LOCK_ARGS="--upgrade"'
	echo 'make clean           remove everything that was made'
	echo
	echo 'PYTHON=python3.13 chooses the Python of a new .venv (after make clean).'

bench: $(VENV)/.package $(VENV)/.for-bench
	$(PY) -m relu_simd bench --out bench-out $(BENCH_ARGS)

# With all that tests are written for, or they would be skipped; but for PyTorch, which is large.
test: $(VENV)/.package $(VENV)/.for-test $(VENV)/.for-bench $(VENV)/.for-examples $(VENV)/.for-thinc $(VENV)/.for-containers $(VENV)/.for-opencl
	$(PY) -m pytest -n auto --dist worksteal $(TEST_ARGS)

# The same set-up: what is marked `wide`.
test-wide: $(VENV)/.package $(VENV)/.for-test $(VENV)/.for-bench $(VENV)/.for-examples $(VENV)/.for-thinc $(VENV)/.for-containers $(VENV)/.for-opencl
	$(PY) -m pytest -n auto --dist worksteal -m wide $(TEST_ARGS)

test-torch: $(VENV)/.package $(VENV)/.for-test $(VENV)/.for-plot $(VENV)/.for-torch
	$(PY) -m pytest $(TORCH_TESTS) --may-skip='^$$' $(TEST_ARGS)

# The next target that wants the package finds no stamp, and compiles it as usual.
debug: $(VENV)/.for-build $(VENV)/.for-run
	echo 'debug: compiling'
	RELU_SIMD_DEBUG=1 $(PIP) --no-build-isolation --no-deps --editable .
	rm -f $(VENV)/.package

docs: $(VENV)/.package $(VENV)/.for-docs
	rm -rf build/docs
	$(PY) -m sphinx --quiet --fail-on-warning --keep-going docs build/docs
	echo 'docs: build/docs/index.html'

# In Debian's Chromium. Where apt cannot bring it, the links alone are checked, and a line says so.
check-site: docs
	command -v chromium >/dev/null || { apt-get update && apt-get install -y --no-install-recommends chromium; } \
		>$(VENV)/apt.log 2>&1 || true
	$(PY) scripts/check_site.py build/docs $(SITE_ARGS)

# Debian's simulator sees every access of a kernel. Where apt cannot bring it, its test says so and is skipped.
test-opencl: $(VENV)/.package $(VENV)/.for-test $(VENV)/.for-opencl
	command -v oclgrind >/dev/null || { apt-get update && apt-get install -y oclgrind; } >$(VENV)/apt.log 2>&1 || true
	$(PY) -m pytest -rs -m "" $(wildcard tests/test_opencl*.py) $(TEST_ARGS)

gpu: $(VENV)/.package $(VENV)/.for-test $(VENV)/.for-bench $(VENV)/.for-opencl
	$(PY) scripts/gpu.py --out bench-out $(GPU_ARGS)

test-c-api: $(VENV)/.package $(VENV)/.for-test $(VENV)/.for-c-api
	$(PY) -m pytest -m "" tests/test_c_api.py $(TEST_ARGS)

# A whole build with the flags of speed, which must change nothing.
test-builds: $(VENV)/.package $(VENV)/.for-test
	RELU_SIMD_TEST_BUILDS=1 $(PY) -m pytest tests/test_build.py $(TEST_ARGS)

test-exhaustive: $(VENV)/.package $(VENV)/.for-test $(VENV)/.for-bench
	$(PY) tests/tools/exhaustive.py $(EXHAUSTIVE_ARGS)

fuzz: $(VENV)/.package $(VENV)/.for-test
	$(PY) tests/tools/fuzz.py $(FUZZ_ARGS)

soak: $(VENV)/.package $(VENV)/.for-test $(VENV)/.for-bench
	RELU_SIMD_SOAK_SECONDS=$(SOAK_SECONDS) $(PY) -m pytest tests/test_concurrency.py -k soak

sanitize: $(VENV)/.for-build $(VENV)/.for-run $(VENV)/.for-test $(VENV)/.for-bench
	scripts/sanitize.sh address $(TEST_ARGS)

sanitize-threads: $(VENV)/.for-build $(VENV)/.for-run $(VENV)/.for-test $(VENV)/.for-bench
	scripts/sanitize.sh threads $(TEST_ARGS)

valgrind: $(VENV)/.for-build $(VENV)/.for-run $(VENV)/.for-test
	scripts/sanitize.sh valgrind

lint: $(VENV)/.for-lint $(VENV)/.for-release $(VENV)/.for-build $(VENV)/.for-run $(VENV)/.for-bench $(VENV)/.for-opencl
	echo 'lint: ruff check'; $(PY) -m ruff check --quiet
	echo 'lint: ruff format'; $(PY) -m ruff format --check --quiet
	echo 'lint: mypy'; $(PY) src/make_c_api.py && $(PY) -m mypy
	echo 'lint: cython-lint'; PATH=$(abspath $(VENV)/bin):$$PATH cython-lint src
	echo 'lint: clang-format'; $(VENV)/bin/clang-format --dry-run -Werror csrc/*.h csrc/*/*.[ch] src/*.h
	echo 'lint: workflows, issue form, citation'
	$(PY) -m check_jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(PY) -m check_jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml
	$(PY) -m check_jsonschema --quiet --builtin-schema vendor.citation-file-format CITATION.cff
	for platform in linux macos windows; do $(PY) -m cibuildwheel --platform $$platform --print-build-identifiers >/dev/null || exit 1; done
	echo 'lint: C on every platform'; PYTHON=$(PY) scripts/compile_c.sh

format: $(VENV)/.for-lint
	$(PY) -m ruff check --quiet --fix-only
	$(PY) -m ruff format --quiet
	$(VENV)/bin/clang-format -i csrc/*.h csrc/*/*.[ch] src/*.h

wheel: $(VENV)/.wheel
	echo 'wheel: metadata'; $(PY) -m twine check --strict dist/*
	$(PY) scripts/check_wheel.py dist/*.whl $(TEST_ARGS)

# Whoever has only the sdist can run the tests and build the site, with the module that its sources give.
SDIST := build/sdist
test-sdist: $(VENV)/.package $(VENV)/.wheel $(VENV)/.for-test $(VENV)/.for-docs
	rm -rf $(SDIST) && mkdir -p $(SDIST)
	tar --extract --strip-components=1 --directory=$(SDIST) --file=$$(echo dist/*.tar.gz)
	cp relu_simd/_core.*.so $(SDIST)/relu_simd
	cd $(SDIST) && $(abspath $(PY)) src/make_c_api.py
	echo 'test-sdist: every test is found'; cd $(SDIST) && $(abspath $(PY)) -m pytest --collect-only -q >collected.txt || { tail -n 40 collected.txt; exit 1; }
	echo 'test-sdist: tests'; cd $(SDIST) && $(abspath $(PY)) -m pytest -p no:cacheprovider $(TEST_ARGS)
	echo 'test-sdist: site'; cd $(SDIST) && $(abspath $(PY)) -m sphinx --quiet --fail-on-warning --keep-going docs site

# build makes the wheel of the sdist; on Linux auditwheel gives it the tag that the system's glibc allows.
$(VENV)/.wheel: $(SOURCES) $(wildcard relu_simd/*.py* relu_simd/*/* relu_simd/*/*/*) $(VENV)/.for-wheel
	echo 'wheel: building'; rm -rf dist; $(PY) -m build >$(VENV)/wheel.log 2>&1 || { tail -n 40 $(VENV)/wheel.log; exit 1; }
ifeq ($(shell uname -s),Linux)
	PATH=$(abspath $(VENV)/bin):$$PATH auditwheel repair --wheel-dir dist dist/*-linux_*.whl 2>$(VENV)/wheel.log \
		|| { cat $(VENV)/wheel.log; exit 1; }
	rm dist/*-linux_*.whl
endif
	touch $@

# On an ARM machine the tests need no emulation.
ifneq ($(filter aarch64 arm64,$(shell uname -m)),)
test-aarch64: test
else
test-aarch64: $(VENV)/.package $(VENV)/.for-test
	scripts/emulation.sh aarch64 $(TEST_ARGS)
endif

test-old-cpus: $(VENV)/.package $(VENV)/.for-test $(VENV)/.wheel
	scripts/emulation.sh old-cpus $(TEST_ARGS)

# Wine is not Windows. Most tests of processes and those of memory limits are not among these.
WINDOWS_TESTS := $(addprefix tests/test_,accuracy.py digests.py dispatch.py encoding.py environment.py errors.py main.py \
    masks.py overlap.py pool.py properties.py reductions.py semantics.py small.py table.py threads.py ufuncs.py)
test-windows: $(VENV)/.package $(VENV)/.for-test $(VENV)/.for-lint $(VENV)/.for-lock
	scripts/windows.sh $(WINDOWS_TESTS) $(TEST_ARGS)

# Whatever tests the package alone. 3.13t, the one without the GIL, takes 11 minutes to set up.
PYTHONS ?= 3.14 3.15 3.13t
CORE_TESTS := $(addprefix tests/test_,accuracy.py bfloat16.py broadcast.py concurrency.py digests.py dispatch.py \
    environment.py errors.py faults.py fpmode.py hostile.py kernels.py layouts.py masks.py overlap.py pool.py \
    reductions.py semantics.py small.py table.py threads.py ufuncs.py)
test-pythons: $(VENV)/.package $(VENV)/.for-lock
	scripts/pythons.sh "$(PYTHONS)" $(CORE_TESTS) $(TEST_ARGS)

clean:
	rm -rf $(VENV) build dist bench-out *.egg-info relu_simd/*.so .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

$(PY):
	echo 'set-up: $(VENV)'
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "relu-simd needs Python 3.11 or later: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.for-%: pyproject.toml scripts/requirements.py requirements-dev.lock | $(PY)
	echo 'set-up: packages to $*'
	$(PY) scripts/requirements.py $* >$(VENV)/$*.txt
	$(PIP) --require-hashes -r $(VENV)/$*.txt
	touch $@

# Held to a version, so that a second one is never fetched: 0.7 GB on disk if pip finds a CPU build.
$(VENV)/.for-torch: | $(PY)
	echo 'set-up: PyTorch'
	$(PIP) torch==2.13.0
	touch $@

lock: $(VENV)/.for-lock
	$(PY) scripts/requirements.py --unlocked | $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes \
		--python-version 3.11 --custom-compile-command 'make lock' --output-file requirements-dev.lock $(LOCK_ARGS) -
	UV=$(VENV)/bin/uv scripts/check_lock.sh

perf: $(VENV)/.package $(VENV)/.for-perf $(VENV)/.for-bench
	$(PY) -m pytest benchmarks/bench_ops.py $(PERF_ARGS)

# Without isolation, so that an installed package is compiled once and the tests see this checkout.
# make wheel shows that an isolated build works.
$(VENV)/.package: $(SOURCES) $(VENV)/.for-build $(VENV)/.for-run
	echo 'set-up: compiling relu-simd'
	$(PIP) --no-build-isolation --no-deps --editable .
	touch $@
