/* SPDX-License-Identifier: BSD-3-Clause */
/* The choice of stores, and the hand-over to threads. Contract in run/run.h. */
#include "run/run.h"

#include <stdint.h>
#include <string.h>

#include "run/cpu.h"
#include "run/dispatch.h"
#include "run/parallel.h"
#include "run/threads.h"
#if RS_X86
#include <emmintrin.h>
#endif

enum {
    /* Below this no thread and no streaming store is ever worth a thought. */
    SMALL_BYTES = 65536,
    /* What sigmoid and tanh compute for a byte takes so many times as long as moving it. */
    COMPUTED = 4,
    /* Last-level cache assumed where the CPU does not tell. */
    DEFAULT_CACHE_BYTES = 32 << 20,
    /* No CPU has more of it for each core. */
    PLAUSIBLE_SHARE = 32 << 20,
    /* Of a server's, whose cores have 2 to 4 MB each, but seldom all use it at the same time. */
    SERVER_SHARE = 16 << 20
};

/* Results stream past the cache when inputs and output together do not fit what this process may count on of it.
 * That is the last level, but a virtual machine with two CPUs is told the whole server's: then it is a server's share
 * for each CPU, or the second level if that is more.
 *
 * Streaming against plain stores, two threads: relu of float32 with out= in a loop, and in brackets when its result is
 * read next, as most results are (benchmarks/bench_stores.py):
 *   AMD EPYC (Zen 4), 32 MB told and counted: 0.3x at 8 MB read and written, 1.35x at 40 MB
 *   Intel Xeon (AVX-512), 480 MB told, 32 MB counted: 0.9x at 16 MB (0.8x), 0.9x at 32 MB (0.8x), 0.9x at 48 MB (1.1x),
 *   1.0x at 80 MB (1.5x), 1.4x at 400 MB (1.1x)
 * Whose neighbours use the same cache, has less of it: another such Intel machine broke even at 32 MB. */
static size_t cache_bytes = DEFAULT_CACHE_BYTES;

size_t rs_run_cache_share(const size_t *levels, size_t cpus)
{
    const size_t second = levels[1] * cpus, last = levels[2] != 0 ? levels[2] : second;
    const size_t share = last / cpus > PLAUSIBLE_SHARE ? SERVER_SHARE * cpus : last;
    const size_t counted = share > second ? share : second;
    return counted != 0 ? counted : DEFAULT_CACHE_BYTES;
}

void rs_run_init(void)
{
    const size_t levels[] = {rs_cpu_cache_bytes(1), rs_cpu_cache_bytes(2), rs_cpu_cache_bytes(3)};
    rs_place place;
    rs_look_around(&place);
    RS_ATOMIC_STORE(&cache_bytes, rs_run_cache_share(levels, (size_t)place.cpus));
}

size_t rs_run_counts_on(void) { return RS_ATOMIC_LOAD(&cache_bytes); }

size_t rs_run_assume_cache(size_t bytes)
{
    const size_t before = RS_ATOMIC_LOAD(&cache_bytes);
    RS_ATOMIC_STORE(&cache_bytes, bytes);
    return before;
}

int rs_run_streams(size_t bytes) { return bytes > RS_ATOMIC_LOAD(&cache_bytes); }

typedef struct {
    rs_kernel *const *kernels; /* one a form */
    const void *const *in;
    void *out;
    int op, dtype, arrays, form;
} call;

static void run_share(const void *context, size_t from, size_t to)
{
    const call *c = context;
    const int form = to - from < RS_STREAM_MIN ? c->form & ~RS_STREAM : c->form;
    const void *in[RS_MAX_IN] = {0};
    for (int k = 0; k < c->arrays; k++) {
        in[k] = (const char *)c->in[k] + from * rs_operand_size(c->op, c->dtype, k);
    }
    for (int k = c->arrays; k < rs_ops[c->op].nin; k++) {
        in[k] = c->in[k];
    }
    c->kernels[form](in, (char *)c->out + from * rs_dtypes[c->dtype].itemsize, to - from);
}

void rs_run(int op, int dtype, int form, const void *const *in, void *out, size_t n)
{
    rs_kernel *const *kernels = rs_isa_active()->dtypes[dtype]->ops[op];
    const int arrays = rs_arrays_in(op, form);
    const size_t bytes = n * rs_dtypes[dtype].itemsize * (size_t)(arrays + 1);
    if (bytes < SMALL_BYTES) {
        kernels[form](in, out, n);
        return;
    }
    int in_place = 0;
    for (int k = 0; k < arrays; k++) {
        in_place |= in[k] == out;
    }
    if (rs_run_streams(bytes) && !in_place) {
        form |= RS_STREAM;
    }
    const call c = {kernels, in, out, op, dtype, arrays, form};
    rs_parallel_for(run_share, &c, n, RS_GRAIN, rs_ops[op].compute ? COMPUTED * bytes : bytes);
}

typedef struct {
    char *out;
    const char *in;
    int stream;
} copy;

static void copy_share(const void *context, size_t from, size_t to)
{
    const copy *c = context;
#if RS_X86
    if (c->stream && (uintptr_t)(c->out + from) % 16 == 0) {
        for (; from + 16 <= to; from += 16) {
            _mm_stream_si128((__m128i *)(c->out + from), _mm_loadu_si128((const __m128i *)(c->in + from)));
        }
        _mm_sfence();
    }
#endif
    memcpy(c->out + from, c->in + from, to - from);
}

void rs_copy(void *out, const void *in, size_t bytes, int stream)
{
    const copy c = {out, in, stream};
    rs_parallel_for(copy_share, &c, bytes, RS_GRAIN, 2 * bytes);
}
