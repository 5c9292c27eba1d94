/* SPDX-License-Identifier: BSD-3-Clause */
/* The drivers of relu_with_mask and relu_backward_from_mask (rs_mask_kernel and rs_unmask_kernel in
 * run/dispatch.h): 64 elements and their 8 bytes of bits a step. In place as in loops/elementwise.h; large results
 * bypass the cache where their alignment allows it, since the bits cannot wait for a first vector.
 * Included by isa/dtype.h once a dtype. */

#ifndef RS_LOOPS_MASK_H
#define RS_LOOPS_MASK_H
/* The lowest `count` bytes of 64 bits, the first bit lowest; a step's 8 become one store. */
RS_INLINE void put_bits(uint8_t *p, uint64_t bits, size_t count)
{
    for (size_t b = 0; b < count; b++) {
        p[b] = (uint8_t)(bits >> 8 * b);
    }
}

RS_INLINE uint64_t get_bits(const uint8_t *p, size_t count)
{
    uint64_t bits = 0;
    for (size_t b = 0; b < count; b++) {
        bits |= (uint64_t)p[b] << 8 * b;
    }
    return bits;
}
#endif

#ifdef JOINS
RS_INLINE joined mask_quarter(int form, const elem *x, elem *out)
{
    mask stopped[16 / LANES];
    for (size_t k = 0; k < 16; k += LANES) {
        const vec v = load(x + k);
        stopped[k / LANES] = nonpositive(v);
        put(form, out + k, drop(negative(v), v));
    }
    return join(stopped);
}
#endif

RS_INLINE void mask_block(int form, const elem *x, elem *out, uint8_t *bits)
{
#ifdef JOINS
    const joined stopped[4] = {mask_quarter(form, x, out), mask_quarter(form, x + 16, out + 16),
                               mask_quarter(form, x + 32, out + 32), mask_quarter(form, x + 48, out + 48)};
    put_bits(bits, ~joined_bits(stopped), 8);
#else
    uint64_t stopped = 0;
    for (size_t k = 0; k < 64; k += LANES) {
        const vec v = load(x + k);
        stopped |= to_bits(nonpositive(v)) << k;
        put(form, out + k, drop(negative(v), v));
    }
    put_bits(bits, ~stopped, 8);
#endif
}

static void with_mask(const void *from, void *to, uint8_t *bits, size_t n, int streamed)
{
    const elem *x = from;
    elem *out = to;
    if (streamed && (uintptr_t)out % (LANES * sizeof(elem)) == 0) {
        for (; n >= 64; n -= 64, x += 64, out += 64, bits += 8) {
            mask_block(RS_STREAM, x, out, bits);
        }
        fence();
    }
    for (; n >= 64; n -= 64, x += 64, out += 64, bits += 8) {
        mask_block(RS_ARRAYS, x, out, bits);
    }
    if (n != 0) {
        uint64_t stopped = 0;
        for (size_t k = 0; k < n; k += LANES) {
            const vec v = load_up_to(x + k, n - k);
            stopped |= to_bits(nonpositive(v)) << k;
            store_up_to(out + k, drop(negative(v), v), n - k);
        }
        put_bits(bits, ~stopped & (((uint64_t)1 << n) - 1), (n + 7) / 8);
    }
}

RS_INLINE void unmask_block(int form, const elem *x, const uint8_t *bits, elem *out)
{
    const uint64_t stopped = ~get_bits(bits, 8);
#ifdef JOINS
    for (int quarter = 0; quarter < 4; quarter++) {
        mask of_lanes[16 / LANES];
        split(joined_from(stopped, quarter), of_lanes);
        for (size_t k = 0; k < 16; k += LANES) {
            put(form, out + 16 * quarter + k, drop(of_lanes[k / LANES], load(x + 16 * quarter + k)));
        }
    }
#else
    for (size_t k = 0; k < 64; k += LANES) {
        put(form, out + k, drop(from_bits(stopped >> k), load(x + k)));
    }
#endif
}

static void from_mask(const void *from, const uint8_t *bits, void *to, size_t n, int streamed)
{
    const elem *x = from;
    elem *out = to;
    if (streamed && (uintptr_t)out % (LANES * sizeof(elem)) == 0) {
        for (; n >= 64; n -= 64, x += 64, out += 64, bits += 8) {
            unmask_block(RS_STREAM, x, bits, out);
        }
        fence();
    }
    for (; n >= 64; n -= 64, x += 64, out += 64, bits += 8) {
        unmask_block(RS_ARRAYS, x, bits, out);
    }
    if (n != 0) {
        const uint64_t stopped = ~get_bits(bits, (n + 7) / 8);
        for (size_t k = 0; k < n; k += LANES) {
            store_up_to(out + k, drop(from_bits(stopped >> k), load_up_to(x + k, n - k)), n - k);
        }
    }
}
