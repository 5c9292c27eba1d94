/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary in aarch64 NEON, 16 bytes a vector; meanings in isa_scalar.c. NEON has no masked
 * memory access: a partial vector goes through a copy on the stack. fmax and fmin are not used,
 * they quiet NaNs and order zeros. No target region: NEON is the aarch64 baseline. */
#include <stdint.h>

#include "dispatch.h"

#if RS_ARM64
#include <arm_neon.h>

typedef float32x4_t vec_f32;
typedef uint32x4_t mask_f32;
enum { LANES_f32 = 4 };

RS_INLINE vec_f32 load_f32(const float *p) { return vld1q_f32(p); }
RS_INLINE void store_f32(float *p, vec_f32 v) { vst1q_f32(p, v); }
RS_INLINE void stream_f32(float *p, vec_f32 v) { vst1q_f32(p, v); }
RS_INLINE vec_f32 load_n_f32(const float *p, size_t n)
{
    float lanes[4] = {p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, 0};
    return vld1q_f32(lanes);
}
RS_INLINE void store_n_f32(float *p, vec_f32 v, size_t n)
{
    vst1q_lane_f32(p, v, 0);
    if (n > 1) {
        vst1q_lane_f32(p + 1, v, 1);
    }
    if (n > 2) {
        vst1q_lane_f32(p + 2, v, 2);
    }
}
RS_INLINE vec_f32 splat_f32(float s) { return vdupq_n_f32(s); }
RS_INLINE vec_f32 mul_f32(vec_f32 a, vec_f32 b) { return vmulq_f32(a, b); }
RS_INLINE mask_f32 lt_f32(vec_f32 a, vec_f32 b) { return vcltq_f32(a, b); }
RS_INLINE mask_f32 le_f32(vec_f32 a, vec_f32 b) { return vcleq_f32(a, b); }
RS_INLINE vec_f32 select_f32(mask_f32 m, vec_f32 a, vec_f32 b) { return vbslq_f32(m, a, b); }
RS_INLINE vec_f32 drop_f32(mask_f32 m, vec_f32 v)
{
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(v), m));
}

typedef float64x2_t vec_f64;
typedef uint64x2_t mask_f64;
enum { LANES_f64 = 2 };

RS_INLINE vec_f64 load_f64(const double *p) { return vld1q_f64(p); }
RS_INLINE void store_f64(double *p, vec_f64 v) { vst1q_f64(p, v); }
RS_INLINE void stream_f64(double *p, vec_f64 v) { vst1q_f64(p, v); }
RS_INLINE vec_f64 load_n_f64(const double *p, size_t n RS_UNUSED) { return vsetq_lane_f64(*p, vdupq_n_f64(0), 0); }
RS_INLINE void store_n_f64(double *p, vec_f64 v, size_t n RS_UNUSED) { vst1q_lane_f64(p, v, 0); }
RS_INLINE vec_f64 splat_f64(double s) { return vdupq_n_f64(s); }
RS_INLINE vec_f64 mul_f64(vec_f64 a, vec_f64 b) { return vmulq_f64(a, b); }
RS_INLINE mask_f64 lt_f64(vec_f64 a, vec_f64 b) { return vcltq_f64(a, b); }
RS_INLINE mask_f64 le_f64(vec_f64 a, vec_f64 b) { return vcleq_f64(a, b); }
RS_INLINE vec_f64 select_f64(mask_f64 m, vec_f64 a, vec_f64 b) { return vbslq_f64(m, a, b); }
RS_INLINE vec_f64 drop_f64(mask_f64 m, vec_f64 v)
{
    return vreinterpretq_f64_u64(vbicq_u64(vreinterpretq_u64_f64(v), m));
}

/* The cores find write streams by themselves. */
RS_INLINE void fence(void) {}

#define ISA neon
#include "isa_body.h"
#endif
