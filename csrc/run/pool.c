/* SPDX-License-Identifier: BSD-3-Clause */
/* A short list of idle blocks, newest last. A block is whole pages, of 2 MB if it is large, with one
 * small page before them, which holds its size and stays when the system takes the rest.
 * Contract in run/pool.h. */
#define _DEFAULT_SOURCE
#include "run/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compiler.h"
#ifdef _WIN32
#include <malloc.h>
#include <windows.h>
#else
#include <pthread.h>
#include <sys/mman.h>
#endif

#define HUGE_PAGE ((size_t)2 << 20)
#define HEADER ((size_t)65536) /* a page on every system, so that what follows is whole pages */

enum { SLOTS = 32 };

/* Telling the system that it may take a block back costs up to 0.1 ms, since every CPU must forget its
 * addresses: on 8 MB that was 60 % of a call. So the block freed last is told of only when it is
 * large; a loop that drops one result for each new one then never pays. */
#define HOT_BYTES ((size_t)256 << 20)

typedef struct {
    char *data;
    size_t capacity;
    int reclaimable;
} block;

/* All of this belongs to whoever holds the lock. It is held for a few dozen instructions, never during a call of
 * the system: with several threads that would make each wait for the others' pages. */
static block idle[SLOTS];
static rs_pool_info info = {.limit = (size_t)512 << 20};

#ifdef _WIN32
static SRWLOCK lock = SRWLOCK_INIT;
static void acquire(void) { AcquireSRWLockExclusive(&lock); }
static void release(void) { ReleaseSRWLockExclusive(&lock); }
#else
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void acquire(void) { pthread_mutex_lock(&lock); }
static void release(void) { pthread_mutex_unlock(&lock); }
#endif

static size_t *capacity_of(char *data) { return (size_t *)(data - HEADER); }

#ifdef _WIN32
static char *map_block(size_t capacity)
{
    char *start = _aligned_offset_malloc(HEADER + capacity, 4096, HEADER);
    return start ? start + HEADER : NULL;
}

static void unmap_block(block b) { _aligned_free(b.data - HEADER); }

static void make_reclaimable(block *b) { (void)b; }
#else
static char *map_block(size_t capacity)
{
    const size_t length = HUGE_PAGE + HEADER + capacity;
    if (length < capacity) {
        return NULL;
    }
    char *start = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) {
        return NULL;
    }
    char *data = (char *)(((uintptr_t)start + HEADER + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
    char *const end = data + capacity, *const mapped_end = start + length;
    if (data - HEADER > start) {
        munmap(start, (size_t)(data - HEADER - start));
    }
    if (mapped_end > end) {
        munmap(end, (size_t)(mapped_end - end));
    }
#ifdef MADV_HUGEPAGE
    madvise(data, capacity, MADV_HUGEPAGE);
#endif
    return data;
}

static void unmap_block(block b)
{
    RS_UNPOISON(b.data, b.capacity);
    munmap(b.data - HEADER, HEADER + b.capacity);
}

static void make_reclaimable(block *b)
{
#ifdef MADV_FREE
    if (!b->reclaimable) {
        madvise(b->data, b->capacity, MADV_FREE);
    }
#endif
    b->reclaimable = 1;
}
#endif

/* Takes slot i out of the list. The caller holds the lock. */
static block take(size_t i)
{
    const block b = idle[i];
    info.idle_blocks--;
    info.idle_bytes -= b.capacity;
    memmove(idle + i, idle + i + 1, (info.idle_blocks - i) * sizeof b);
    return b;
}

/* Puts b into the list before slot i, where there is room. The caller holds the lock. */
static void put(size_t i, block b)
{
    memmove(idle + i + 1, idle + i, (info.idle_blocks - i) * sizeof b);
    idle[i] = b;
    info.idle_blocks++;
    info.idle_bytes += b.capacity;
}

/* Blocks on their way back to the system, which is called after the lock is released. */
typedef struct {
    block blocks[SLOTS + 1];
    size_t count;
} leaving;

/* Takes the oldest idle blocks out until at most `bytes` and `blocks` are left. The caller holds the lock. */
static void evict(size_t bytes, size_t blocks, leaving *out)
{
    while (info.idle_bytes > bytes || info.idle_blocks > blocks) {
        out->blocks[out->count++] = take(0);
    }
}

static void unmap_all(const leaving *out)
{
    for (size_t i = 0; i < out->count; i++) {
        unmap_block(out->blocks[i]);
    }
}

/* Whether there may be one more idle block of this capacity. The caller holds the lock. */
static int has_room(size_t capacity)
{
    return info.idle_blocks < SLOTS && capacity <= info.limit && info.idle_bytes <= info.limit - capacity;
}

/* Of a block in use the bytes asked for may be touched, of an idle one none. */
static void lend(char *data, size_t bytes)
{
    RS_UNPOISON(data, bytes);
    RS_POISON(data + bytes, *capacity_of(data) - bytes);
    (void)data;
    (void)bytes;
}

/* The newest idle block that fits without wasting more than a quarter, or none. */
static char *recycle(size_t capacity)
{
    char *data = NULL;
    acquire();
    for (size_t i = info.idle_blocks; i-- > 0 && data == NULL;) {
        if (idle[i].capacity >= capacity && idle[i].capacity - capacity <= capacity / 4) {
            data = take(i).data;
            info.recycled++;
        }
    }
    release();
    return data;
}

void *rs_pool_malloc(void *context, size_t bytes)
{
    (void)context;
    /* Whole huge pages, but for small blocks, half of which could be waste. */
    const size_t unit = bytes < 2 * HUGE_PAGE ? HEADER : HUGE_PAGE;
    const size_t capacity = (bytes + unit - 1) & ~(unit - 1);
    if (capacity < bytes) {
        return NULL;
    }
    char *data = recycle(capacity);
    if (data == NULL) {
        data = map_block(capacity);
        if (data == NULL) {
            rs_pool_trim();
            data = map_block(capacity);
        }
        if (data == NULL) {
            return NULL;
        }
        *capacity_of(data) = capacity;
        acquire();
        info.fresh++;
        release();
    }
    lend(data, bytes);
    return data;
}

void *rs_pool_calloc(void *context, size_t count, size_t bytes)
{
    if (bytes != 0 && count > SIZE_MAX / bytes) {
        return NULL;
    }
    void *data = rs_pool_malloc(context, count * bytes);
    return data ? memset(data, 0, count * bytes) : NULL;
}

/* The block that was the newest until now. Nobody may take it while it is marked, so it is out of the list
 * meanwhile, and comes back below the newest if the limit still allows it. */
static void mark_and_return(block b)
{
    make_reclaimable(&b);
    acquire();
    const int room = has_room(b.capacity);
    if (room) {
        put(info.idle_blocks > 0 ? info.idle_blocks - 1 : 0, b);
    }
    release();
    if (!room) {
        unmap_block(b);
    }
}

void rs_pool_free(void *context, void *data, size_t bytes)
{
    (void)context;
    (void)bytes;
    if (data == NULL) {
        return;
    }
    block b = {data, *capacity_of(data), 0}, former = {NULL, 0, 0};
    RS_POISON(b.data, b.capacity);
    if (b.capacity > HOT_BYTES) {
        make_reclaimable(&b);
    }
    leaving out = {.count = 0};
    acquire();
    if (b.capacity > info.limit) {
        out.blocks[out.count++] = b;
    } else {
        evict(info.limit - b.capacity, SLOTS - 1, &out);
        if (info.idle_blocks > 0 && !idle[info.idle_blocks - 1].reclaimable) {
            former = take(info.idle_blocks - 1);
        }
        put(info.idle_blocks, b);
    }
    release();
    unmap_all(&out);
    if (former.data != NULL) {
        mark_and_return(former);
    }
}

void *rs_pool_realloc(void *context, void *data, size_t bytes)
{
    if (data == NULL) {
        return rs_pool_malloc(context, bytes);
    }
    const size_t capacity = *capacity_of(data);
    if (bytes <= capacity && bytes >= capacity / 2) {
        lend(data, bytes);
        return data;
    }
    void *moved = rs_pool_malloc(context, bytes);
    if (moved != NULL) {
        RS_UNPOISON(data, capacity);
        memcpy(moved, data, bytes < capacity ? bytes : capacity);
        rs_pool_free(context, data, capacity);
    }
    return moved;
}

void rs_pool_init(void)
{
#ifndef _WIN32
    /* Nobody is within the list while it is copied: the child's copy could stay locked for ever. */
    pthread_atfork(acquire, release, release);
#endif
}

void rs_pool_set_limit(size_t bytes)
{
    leaving out = {.count = 0};
    acquire();
    RS_ATOMIC_STORE(&info.limit, bytes);
    evict(bytes, SLOTS, &out);
    release();
    unmap_all(&out);
}

size_t rs_pool_limit(void) { return RS_ATOMIC_LOAD(&info.limit); }

void rs_pool_trim(void)
{
    leaving out = {.count = 0};
    acquire();
    evict(0, 0, &out);
    release();
    unmap_all(&out);
}

rs_pool_info rs_pool_get_info(void)
{
    acquire();
    const rs_pool_info now = info;
    release();
    return now;
}
