/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of large results, recycled: the pages of a dropped array serve the next one, instead of
 * going back to the system and being faulted in anew. Idle memory is bounded by a limit, and the
 * system may take it back, but for the block freed last if that is below 256 MB. Safe to call from
 * any thread; pointers are aligned to a page.
 * Included by the Cython module, which hands these functions to NumPy (NEP 49), and run/reduce.c. */
#ifndef RS_POOL_H
#define RS_POOL_H
#include <stddef.h>

enum { RS_POOL_MIN_BYTES = 1 << 20 }; /* smaller results: malloc recycles them well by itself */

/* As malloc, calloc, realloc and free; `context` is unused, and `bytes` of free not relied on. */
void *rs_pool_malloc(void *context, size_t bytes);
void *rs_pool_calloc(void *context, size_t count, size_t bytes);
void *rs_pool_realloc(void *context, void *data, size_t bytes);
void rs_pool_free(void *context, void *data, size_t bytes);

typedef struct {
    size_t limit, idle_bytes, idle_blocks, recycled, fresh;
} rs_pool_info;

/* Once, at import. */
void rs_pool_init(void);
/* Largest sum of idle bytes; 0 keeps nothing. What is above goes back to the system at once. */
void rs_pool_set_limit(size_t bytes);
/* That limit, read without the lock: asked before each large result. */
size_t rs_pool_limit(void);
void rs_pool_trim(void);
/* All of one moment: idle_bytes is never above limit. */
rs_pool_info rs_pool_get_info(void);

#endif
