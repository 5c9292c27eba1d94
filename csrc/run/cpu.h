/* SPDX-License-Identifier: BSD-3-Clause */
/* What this CPU can do and how large its caches are. Each answer is of the machine the process runs
 * on now; asked once at import. Included by run/dispatch.c and by the Cython module. */
#ifndef RS_CPU_H
#define RS_CPU_H
#include <stddef.h>

#include "compiler.h"

#if RS_X86
int rs_cpu_has_avx2(void);   /* with FMA and F16C, which every such CPU has */
int rs_cpu_has_avx512(void); /* F, BW, DQ and VL: every server and desktop part since 2017 */
#endif

/* Bytes of the data cache at `level` (1 to 3) as one core sees it; 0 where it is not known. */
size_t rs_cpu_cache_bytes(int level);

#endif
