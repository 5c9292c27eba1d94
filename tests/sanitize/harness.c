/* SPDX-License-Identifier: BSD-3-Clause */
/* The C sources without Python, for checkers that Python would drown in noise or guard by its lock.
 *   harness kernels   each kernel of each instruction set, dtype and form, on blocks of exactly its size
 *   harness pool      threads take, resize and give back memory, while the process forks
 *   harness team      threads share out work at once, workers stall, the number of threads changes, children fork
 * Prints "N passed, 0 failed". Built by scripts/sanitize.sh from its module's objects. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/dispatch.h"
#include "run/parallel.h"
#include "run/pool.h"
#include "run/run.h"

enum { SIZES = 70, THREADS = 4 };
#ifdef __SANITIZE_THREAD__
enum { ROUNDS = 300, FORKS = 60 };
#else
enum { ROUNDS = 4000, FORKS = 300 };
#endif

static void fail(const char *what)
{
    fprintf(stderr, "harness: %s\n0 passed, 1 failed\n", what); /* unbuffered: a checker may end the process itself */
    exit(1);
}

/* A block of its own, so that memcheck and AddressSanitizer know its ends; of small positive numbers. */
static void *filled(size_t bytes, int value)
{
    char *block = malloc(bytes);
    if (bytes != 0 && block == NULL) {
        fail("no memory");
    }
    for (size_t i = 0; i < bytes; i++) {
        block[i] = (char)(i % 2 ? value : 64 - value);
    }
    return block;
}

/* A jump on each bit: memcheck reports one that nobody wrote. */
static int ones(const void *block, size_t bytes)
{
    int count = 0;
    for (size_t i = 0; i < 8 * bytes; i++) {
        if (((const unsigned char *)block)[i / 8] >> i % 8 & 1) {
            count++;
        }
    }
    return count;
}

static long elementwise(int op, int dtype, size_t n)
{
    const int nin = rs_ops[op].nin;
    for (int form = RS_ARRAYS; form <= RS_LAST_SCALAR; form++) {
        void *in[RS_MAX_IN] = {0}, *out = malloc(n * rs_dtypes[dtype].itemsize);
        for (int k = 0; k < nin; k++) {
            const size_t count = form == RS_LAST_SCALAR && k == nin - 1 ? 1 : n;
            in[k] = filled(count * rs_operand_size(op, dtype, k), 1 + k);
        }
        rs_run(op, dtype, form, (const void *const *)in, out, n);
        ones(out, n * rs_dtypes[dtype].itemsize);
        for (int k = 0; k < nin; k++) {
            free(in[k]);
        }
        free(out);
    }
    return 2;
}

static long others(int dtype, size_t n)
{
    const size_t bytes = n * rs_dtypes[dtype].itemsize;
    void *x = filled(bytes, 3), *y = malloc(bytes), *g = filled(bytes, 5);
    uint8_t *bits = malloc((n + 7) / 8);
    rs_run_with_mask(dtype, x, y, bits, n);
    ones(bits, (n + 7) / 8);
    ones(y, bytes);
    rs_run_from_mask(dtype, g, bits, y, n);
    ones(y, bytes);
    const void *in[] = {g, x};
    for (int reduction = 0; reduction < RS_REDUCTIONS; reduction++) {
        if (reduction == RS_WEIGHT_GRADS && rs_dtypes[dtype].dtype_class == RS_INTEGER) {
            continue;
        }
        const size_t shapes[][3] = {{1, 1, n}, {1, n, 1}, {n / 2, 2, 1}, {n / 3, 1, 3}, {1, n / 5, 5}};
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
            double *sums = malloc(shapes[k][1] * sizeof *sums);
            rs_run_reduction(reduction, dtype, in, shapes[k][0], shapes[k][1], shapes[k][2], sums);
            ones(sums, shapes[k][1] * sizeof *sums);
            free(sums);
        }
    }
    free(x), free(y), free(g), free(bits);
    return 12;
}

static long kernels(void)
{
    long calls = 0;
    for (int row = 0; row < rs_isa_count(); row++) {
        if (!rs_isa_supported(row)) {
            continue;
        }
        rs_isa_activate(row);
        printf("%s ", rs_isa_name(row));
        for (int dtype = 0; dtype < RS_DTYPES; dtype++) {
            for (size_t n = 0; n <= SIZES; n++) {
                for (int op = 0; op < RS_OPS; op++) {
                    calls += rs_has_kernel(op, dtype) ? elementwise(op, dtype, n) : 0;
                }
                calls += others(dtype, n);
            }
        }
    }
    return calls;
}

static void *take_and_give(void *data)
{
    unsigned seed = (unsigned)(uintptr_t)data;
    void *kept[4] = {0};
    size_t sizes[4] = {0};
    for (int i = 0; i < ROUNDS; i++) {
        const int k = (int)(rand_r(&seed) % 4);
        if (kept[k] != NULL) {
            const unsigned char *bytes = kept[k];
            if (bytes[0] != (unsigned char)(uintptr_t)data || bytes[sizes[k] - 1] != bytes[0]) {
                fail("another thread wrote to this block");
            }
        }
        sizes[k] = (1u << 20) + rand_r(&seed) % (1u << 20);
        if (kept[k] != NULL && rand_r(&seed) % 2) {
            kept[k] = rs_pool_realloc(NULL, kept[k], sizes[k]);
        } else {
            rs_pool_free(NULL, kept[k], 0);
            kept[k] = rs_pool_malloc(NULL, sizes[k]);
        }
        memset(kept[k], (int)(uintptr_t)data, 1);
        memset((char *)kept[k] + sizes[k] - 1, (int)(uintptr_t)data, 1);
        if (i % 50 == 0) {
            rs_pool_trim();
        }
        const rs_pool_info now = rs_pool_get_info();
        if (now.idle_bytes > now.limit) {
            fail("more idle memory than the limit allows");
        }
        if (i % 10 == 0) {
            const void *in[] = {kept[k]};
            rs_run(RS_relu, RS_u8, RS_ARRAYS, in, kept[k], sizes[k]);
        }
    }
    for (int k = 0; k < 4; k++) {
        rs_pool_free(NULL, kept[k], 0);
    }
    return NULL;
}

/* Until *data is set. */
static void *change_limit(void *data)
{
    for (size_t i = 0; !RS_ATOMIC_LOAD((int *)data); i++) {
        rs_pool_set_limit((i % 50 + 1) << 20);
        usleep(20);
    }
    return NULL;
}

static void use_pool_in_child(void)
{
    for (int i = 0; i < 20; i++) {
        rs_pool_free(NULL, rs_pool_malloc(NULL, 1 << 20), 0);
    }
    rs_pool_trim();
}

/* THREADS threads do the work while the process forks; a child does its own, and must end. */
static long fork_beside(void *(*work)(void *), void (*in_child)(void))
{
    pthread_t threads[THREADS];
    rs_set_num_threads(2, 0);
    for (uintptr_t k = 0; k < THREADS; k++) {
        if (pthread_create(&threads[k], NULL, work, (void *)(k + 1)) != 0) {
            fail("no thread");
        }
    }
    for (int k = 0; k < FORKS; k++) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(20); /* what hangs ends by a signal */
            in_child();
            _exit(0);
        }
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
            fail("a forked process failed, or hung");
        }
    }
    for (int k = 0; k < THREADS; k++) {
        pthread_join(threads[k], NULL);
    }
    return (long)THREADS * ROUNDS + FORKS;
}

static long pool(void)
{
    pthread_t changer;
    int done = 0;
    if (pthread_create(&changer, NULL, change_limit, &done) != 0) {
        fail("no thread");
    }
    const long calls = fork_beside(take_and_give, use_pool_in_child);
    RS_ATOMIC_STORE(&done, 1);
    pthread_join(changer, NULL);
    rs_pool_trim();
    if (rs_pool_get_info().idle_bytes != 0) {
        fail("idle memory after a trim");
    }
    return calls;
}

/* In place of the C library's: on two CPUs there would be no team while another thread calls, too. */
int sched_getaffinity(pid_t process, size_t size, cpu_set_t *set)
{
    (void)process;
    memset(set, 0, size);
    *(unsigned char *)set = 0xff;
    return 0;
}

/* Each element is to be done once. Now and then a thread stalls in the midst of it, as one that loses its CPU does. */
typedef struct {
    unsigned char *done;
    int stalls;
} job;

static void do_once(const void *context, size_t from, size_t to)
{
    const job *j = context;
    if (j->stalls && from % 7 == 0) {
        usleep(300);
    }
    for (size_t i = from; i < to; i++) {
        j->done[i]++;
    }
}

enum { MOST = 20000 };

/* On the stack: ThreadSanitizer's allocator is not ready for fork (GCC 12), and a child would wait in calloc for ever. */
static void share_out(unsigned *seed, size_t n)
{
    unsigned char done[MOST] = {0};
    const job j = {done, rand_r(seed) % 20 == 0};
    const size_t grain = rand_r(seed) % 2 ? RS_GRAIN : 1;
    rs_parallel_for(do_once, &j, n, grain, (size_t)200000 + (size_t)rand_r(seed) % 5000000);
    for (size_t i = 0; i < n; i++) {
        if (done[i] != 1) {
            fail("an element that was not done once");
        }
    }
}

static void *share_out_again_and_again(void *data)
{
    unsigned seed = (unsigned)(uintptr_t)data;
    for (int i = 0; i < ROUNDS; i++) {
        share_out(&seed, 1 + (size_t)rand_r(&seed) % MOST);
        if (rand_r(&seed) % 50 == 0) {
            rs_set_num_threads(1 + (int)(rand_r(&seed) % 6), (int)(rand_r(&seed) % 2));
        }
        if (rand_r(&seed) % 50 == 0) {
            usleep(200); /* so that the workers go to sleep */
        }
    }
    return NULL;
}

static void share_out_in_child(void)
{
    unsigned seed = 1;
    for (int i = 0; i < 20; i++) {
        share_out(&seed, 5000);
    }
}

int main(int argc, char **argv)
{
    rs_parallel_init();
    rs_pool_init();
    rs_run_init();
    const char *what = argc > 1 ? argv[1] : "";
    const long calls = strcmp(what, "pool") == 0   ? pool()
                       : strcmp(what, "team") == 0 ? fork_beside(share_out_again_and_again, share_out_in_child)
                                                   : kernels();
    printf("harness: %ld passed, 0 failed\n", calls);
    return 0;
}
