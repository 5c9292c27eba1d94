# SPDX-License-Identifier: BSD-3-Clause
# What relu_simd/settings.py, which checks the arguments, and the benchmark are made of. Included by _core.pyx.


# (name, whether this CPU has it) of each instruction set in this build, best first. Asked once: that takes a virtual
# machine 20 us.
ISAS = tuple((rs_isa_name(row).decode(), bool(rs_isa_supported(row))) for row in range(rs_isa_count()))


def _active_isa():
    return rs_isa_active().name.decode()


def _activate_isa(int row):
    rs_isa_activate(row)


MAX_THREADS = RS_MAX_THREADS


def _num_threads():
    return rs_get_num_threads()


def _use_threads(int n, bint follow=False):
    """Up to n threads from now on; with `follow`, no more than the CPUs that the calling thread may use."""
    rs_set_num_threads(n, follow)


def _pool_info():
    return rs_pool_get_info()


def _limit_pool(size_t nbytes):
    rs_pool_set_limit(nbytes)


def _trim_pool():
    rs_pool_trim()


def _assume_cache(size_t nbytes):
    """For tests: stream from `nbytes` on. Returns what counted as the last-level cache before."""
    return rs_run_assume_cache(nbytes)


def _cache_share(levels, size_t cpus):
    """Bytes of the last-level cache that a process on `cpus` CPUs counts on, from the sizes of levels 1 to 3."""
    cdef size_t[3] sizes = levels
    return rs_run_cache_share(sizes, cpus)


def _counted_cache():
    """Bytes of the last-level cache that this process counts on: results beyond them bypass it."""
    return rs_run_counts_on()


def _cache_bytes(int level):
    """Bytes of the data cache at `level`, 1 to 3; 0 where it is not known."""
    return rs_cpu_cache_bytes(level)


def _copy(cnp.ndarray out, cnp.ndarray source, bint stream):
    """The benchmark's roofline: copies contiguous `source` to `out` on this module's threads, in plain C."""
    if source.nbytes != out.nbytes or not (source.flags.c_contiguous and out.flags.c_contiguous):
        raise ValueError("out and source must be contiguous and of one size")
    cdef void *to = cnp.PyArray_DATA(out)
    cdef const void *origin = cnp.PyArray_DATA(source)
    cdef size_t nbytes = source.nbytes
    with nogil:
        rs_copy(to, origin, nbytes, stream)
