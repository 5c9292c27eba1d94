# SPDX-License-Identifier: BSD-3-Clause
"""Made-up calls of every function against the reference, until one differs.

    python tests/tools/fuzz.py                      100,000 calls, a new seed each time
    python tests/tools/fuzz.py --cases 5000000      for a night
    python tests/tools/fuzz.py --seed 7             the same calls again

A call is a function or ufunc, a dtype, an instruction set, a shape, for every operand a layout (steps in both
directions, axes in any order, an offset in bytes, a byte order, broadcasting), where the result goes (new, into an
array of any layout, over an operand, into memory that an operand overlaps) and keyword arguments. One that fails is
made as simple as it can be while it fails, and printed as a line for FOUND in tests/test_fuzz.py. Exit status 1.
"""

import argparse
import math
import random
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from cases import (
    FLOATS,
    HALVES,
    INTEGERS,
    ISAS,
    OPS,
    expected,
    here,
    is_float,
    isnan,
    made_ordinary,
    operand_dtypes,
    ordinary,
    same,
    sample,
    using_isa,
)

import relu_simd
from relu_simd import _core, reference, ufuncs

OTHERS = ("relu_with_mask", "relu_backward_from_mask", "prelu_backward", "count_active")
CASTINGS = ("no", "equiv", "safe", "same_kind", "unsafe")
POOL = 8192


class Sub(np.ndarray):
    """A subclass: what a ufunc makes of it is one, too."""


@dataclass(frozen=True)
class View:
    """How an operand lies in memory."""

    axes: tuple = ()  # in the order of their strides
    steps: tuple = ()
    offset: int = 0  # bytes
    swapped: bool = False
    ones: tuple = ()  # axes along which it is broadcast
    dropped: int = 0  # leading axes that it lacks


@dataclass(frozen=True)
class Case:
    """One call. The values come from `seed`."""

    function: str
    dtype: str
    shape: tuple
    views: tuple
    ufunc: bool = False
    isa: str = "scalar"
    slope: float | None = None
    out: str | None = None  # "other", "operand", "overlap"
    out_view: View = View()
    operand: int = 0  # that `out` is or overlaps
    shift: int = 0  # elements between the two
    positional: bool = False
    where: bool = False
    cast: str | None = None  # dtype=
    casting: str | None = None
    order: str | None = None
    subclass: bool = False
    axis: object = None
    keepdims: bool = False
    seed: int = 0


# ---------------------------------------------------------------------------------------------
# Making them up


def made_up_shape(r):
    kind = r.random()
    if kind < 0.35:
        return (r.randrange(300),)
    if kind < 0.36:
        return (r.randrange(60_000, 140_000),)  # threads, the GIL released
    return tuple(
        r.choice((0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33)) if r.random() < 0.9 else r.randrange(70)
        for _ in range(r.randrange(5))
    )[: 3 if kind < 0.7 else 4]


def made_up_view(r, shape, broadcast):
    plain = r.random() < 0.4
    axes = tuple(range(len(shape))) if plain else tuple(r.sample(range(len(shape)), len(shape)))
    return View(
        axes,
        tuple(1 if plain else r.choice((1, 1, 1, -1, 2, -3)) for _ in shape),
        0 if plain or r.random() < 0.7 else r.randrange(1, 64),
        not plain and r.random() < 0.1,
        tuple(k for k in range(len(shape)) if r.random() < 0.5) if broadcast else (),
        r.randrange(len(shape) + 1) if broadcast and r.random() < 0.5 else 0,
    )


def made_up(r):
    """A call, from the random numbers of `r`."""
    name = r.choice((*OPS, *OPS, *OTHERS))
    op = OPS.get(name)
    floats_only = name == "prelu_backward"
    dtype = r.choice(here(op.dtypes if op else FLOATS if floats_only else _core.DTYPES)).name
    shape = made_up_shape(r)
    if floats_only:
        shape = tuple(min(extent, 200) for extent in shape)
    count = len(op.inputs) if op else {"prelu_backward": 3}.get(name, 1)
    views = tuple(made_up_view(r, shape, k > 0 and r.random() < 0.3) for k in range(count))
    case = Case(name, dtype, shape, views, isa=r.choice(ISAS), seed=r.randrange(1 << 32))
    out = r.choice((None, None, "other", "operand", "overlap"))
    if name == "count_active":
        axes = (
            None
            if not shape or r.random() < 0.3
            else tuple(sorted(r.sample(range(len(shape)), r.randrange(len(shape) + 1))))
        )
        return replace(case, axis=axes, keepdims=r.random() < 0.5)
    if name == "prelu_backward":
        return replace(case, out=r.choice((None, "other")), out_view=made_up_view(r, shape, False))
    case = replace(
        case,
        out=out,
        out_view=made_up_view(r, shape, False),
        operand=r.randrange(count),
        shift=r.choice((0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 65)) * r.choice((1, -1)),
    )
    if op is None:
        return case
    if op.params and r.random() < 0.4:
        numbers = (0.01, 0.0, -0.0, 1.0, -2.5, 1e-30, 0.1) if is_float(dtype) else (0, 1, 6, 100)
        case = replace(case, slope=r.choice([number for number in numbers if not op.computes or ordinary(number)]))
        if case.operand >= len(op.arrays):
            case = replace(case, operand=0)
    if r.random() < 0.3:
        choice = r.randrange(4)
        if choice == 0:
            case = replace(case, where=True)
        elif choice == 1 and case.slope is None:
            # NumPy looks among a user's dtypes, and for loops of mixed ones, only if the inputs have them.
            far = {"bfloat16"} | (set(HALVES) if op.params else set())
            # A float beyond an integer's range becomes what the hardware and the loop make of it.
            far |= set(INTEGERS) if is_float(dtype) else set()
            wanted = [each.name for each in here(op.dtypes) if each.name not in far or each.name == dtype]
            case = replace(case, cast=r.choice(wanted), casting=r.choice(CASTINGS))
        elif choice == 2:
            case = replace(case, order=r.choice("CFAK"))
        elif choice == 3:
            case = replace(case, subclass=True)
    return replace(case, ufunc=r.random() < 0.4, positional=r.random() < 0.2)


# ---------------------------------------------------------------------------------------------
# Carrying them out


class Values:
    """Slices of a stock of values, whose making would take longer than the calls."""

    def __init__(self):
        self.stock = {}

    def take(self, dtype, n, random_numbers, without_nan):
        key = dtype.name, without_nan
        if key not in self.stock:
            values = sample(dtype, POOL, seed=len(self.stock))
            if without_nan and is_float(dtype):
                values[isnan(values)] = 0.25
            self.stock[key] = np.concatenate([values, values])
        stock = self.stock[key]
        start = random_numbers.randrange(POOL)
        return stock[start : start + n] if n <= POOL else np.resize(stock, n)


VALUES = Values()


def span(view, shape, itemsize):
    """Bytes from an array's first in memory to its last, rounded up to its whole steps."""
    return math.prod(extent * abs(step) for extent, step in zip(shape, view.steps, strict=True)) * itemsize


def laid(view, shape, dtype, memory, start):
    """An array of that layout in `memory` from byte `start` on."""
    turned = [shape[axis] for axis in view.axes]
    steps = [view.steps[axis] for axis in view.axes]
    whole = [extent * abs(step) for extent, step in zip(turned, steps, strict=True)]
    nbytes = math.prod(whole) * dtype.itemsize
    if view.swapped:
        dtype = dtype.newbyteorder()
    array = memory[start : start + nbytes].view(dtype).reshape(whole)
    array = array[(*(slice(None, None, step) for step in steps), ...)]
    back = [0] * len(shape)
    for k, axis in enumerate(view.axes):
        back[axis] = k
    return array.transpose(back)


def narrowed(view, shape):
    """The shape of an operand that broadcasts, and its view."""
    own = tuple(1 if k in view.ones else extent for k, extent in enumerate(shape))[view.dropped :]
    axes = tuple(axis - view.dropped for axis in view.axes if axis >= view.dropped)
    return own, replace(view, axes=axes, steps=view.steps[view.dropped :])


def alone(view, shape, dtype):
    """An array of that layout in memory of its own."""
    return laid(view, shape, dtype, np.zeros(view.offset + span(view, shape, dtype.itemsize), np.uint8), view.offset)


def together(view, other, shape, dtypes, shift):
    """Two arrays in one piece of memory, the second `shift` elements off, as far as there is room."""
    first, second = view.offset, max(0, view.offset + shift * dtypes[1].itemsize)
    ends = first + span(view, shape, dtypes[0].itemsize), second + span(other, shape, dtypes[1].itemsize)
    memory = np.zeros(max(ends), np.uint8)
    return laid(view, shape, dtypes[0], memory, first), laid(other, shape, dtypes[1], memory, second)


def fits(values, dtype):
    """Where a cast to `dtype` is defined: of a float beyond an integer's range, hardware and loop make something."""
    if not is_float(values.dtype) or is_float(dtype):
        return np.ones(values.shape, bool)
    info, whole = np.iinfo(dtype), np.trunc(values.astype(np.float64))
    return (whole >= info.min) & (whole < float(info.max) + 1)


def plain(value):
    return np.array(value, value.dtype.newbyteorder("="), order="C", subok=False)


def same_as_before(operands, originals, except_for):
    for value, original in zip(operands, originals, strict=True):
        if not np.shares_memory(value, except_for) if except_for is not None else True:
            same(plain(value), original)


def run_elementwise(case, r):
    op, dtype = OPS[case.function], np.dtype(case.dtype)
    dtypes = operand_dtypes(op, dtype)
    operands, out = [], None
    for k, (view, each) in enumerate(zip(case.views, dtypes, strict=True)):
        own, own_view = narrowed(view, case.shape)
        if case.out == "overlap" and k == case.operand and own == case.shape:
            array, out = together(own_view, case.out_view, own, (each, dtype), case.shift)
        else:
            array = alone(own_view, own, each)
        values = VALUES.take(each, array.size, r, op.arithmetic and k > 0)
        if op.computes and k >= len(op.arrays):
            (values,) = made_ordinary([values])
        array[...] = values.reshape(own)
        operands.append(array)
    arrays = operands
    if case.slope is not None:
        operands[len(op.arrays) :] = [case.slope] * len(op.params)
        arrays = operands[: len(op.arrays)]
    if case.out == "operand" and operands[case.operand].shape == case.shape and dtypes[case.operand] == dtype:
        out = operands[case.operand]
    elif case.out is not None and out is None:
        out = alone(case.out_view, case.shape, dtype)
        out[...] = VALUES.take(dtype, out.size, r, False).reshape(case.shape)
    if case.subclass:
        operands[0] = operands[0].view(Sub)
        if out is not None:
            out = out.view(Sub)

    keywords, loop = {}, dtype
    mask = np.True_
    if case.where:
        mask = np.array([r.random() < 0.5 for _ in range(min(math.prod(case.shape), 64))] or [True])
        mask = keywords["where"] = np.resize(mask, case.shape)
    if case.cast is not None:
        keywords["dtype"] = np.dtype(case.cast)
        keywords["casting"] = case.casting
        loop = keywords["dtype"]
    if case.order is not None:
        keywords["order"] = case.order
    originals = [plain(value) for value in arrays]
    before = None if out is None else plain(out)

    face = getattr(ufuncs if case.ufunc else relu_simd, op.name)
    given = [*operands, out] if out is not None and case.positional else operands
    if not (out is not None and case.positional) and (out is not None or case.where):
        keywords["out"] = out  # without the word, NumPy warns of what `where` leaves
    shape = np.broadcast_shapes(*(np.shape(value) for value in operands))
    if out is not None and shape != case.shape:
        shape = case.shape
    takes = operand_dtypes(op, loop)
    refused = case.cast is not None and not (
        all(np.can_cast(value.dtype, want, case.casting) for value, want in zip(arrays, takes, strict=False))
        and (out is None or np.can_cast(loop, out.dtype, case.casting))
    )
    with np.errstate(all="ignore"), using_isa(case.isa):
        if refused:
            try:
                face(*given, **keywords)
            except TypeError:
                same_as_before(operands, originals, None)
                assert out is None or plain(out).tobytes() == before.tobytes(), "written in spite of the TypeError"
                return
            raise AssertionError("no TypeError, though a cast is not allowed")
        got = face(*given, **keywords)
    with np.errstate(all="ignore"):
        inputs = [value.astype(want) for value, want in zip(originals, takes, strict=False)]
        inputs = [np.broadcast_to(value, shape) for value in inputs]
        if op.arithmetic:
            # of two NaNs, which a cast can make, the hardware chooses
            taken = np.zeros(shape, bool)
            for value in inputs:
                if (taken & isnan(value)).any():
                    return
                taken = taken | isnan(value)
        want = np.asarray(expected(op, [*inputs, *operands[len(inputs) :]]))
    if out is not None:
        assert got is out, "out is not returned"
        defined = fits(want, dtype) | ~mask
        with np.errstate(all="ignore"):
            want = want.astype(dtype)
        want = np.where(mask, want, before).astype(dtype, copy=False)
        same(plain(got)[defined], want[defined])
    else:
        assert got.dtype.isnative
        got = np.asarray(got)
        assert got.shape == want.shape
        if case.where:
            got, want = got[mask], want[mask]
        if case.order in ("C", "F") and not case.where:
            assert got.flags[f"{case.order}_CONTIGUOUS"], f"not in order {case.order}"
        same(plain(got), want)
    same_as_before(arrays, originals, out)


def run_with_mask(case, r):
    dtype = np.dtype(case.dtype)
    view, out_view = case.views[0], replace(case.out_view, swapped=False)
    bits_size = -(-math.prod(case.shape) // 8)
    y = bits = None
    if case.out == "overlap":
        x, y = together(view, out_view, case.shape, (dtype, dtype), case.shift)
    else:
        x = alone(view, case.shape, dtype)
        if case.out == "operand":
            y = x
        elif case.out == "other":
            y = alone(out_view, case.shape, dtype)
    x[...] = VALUES.take(dtype, x.size, r, False).reshape(case.shape)
    if case.out is not None and case.positional is False:
        room = np.zeros(3 * bits_size, np.uint8)
        bits = r.choice((None, room[:bits_size], room[::3], room[::-1][:bits_size]))
    original = plain(x)
    with np.errstate(all="ignore"), using_isa(case.isa):
        got, mask = relu_simd.relu_with_mask(x, out=None if case.out is None else (y, bits))
        want, want_mask = reference.relu_with_mask(original)
    assert y is None or got is y
    assert bits is None or mask is bits
    same(plain(np.asarray(got)), np.asarray(want))
    same(plain(mask), want_mask)
    same_as_before([x], [original], y)


def run_from_mask(case, r):
    dtype = np.dtype(case.dtype)
    view, out = case.views[0], None
    if case.out == "overlap":
        g, out = together(view, case.out_view, case.shape, (dtype, dtype), case.shift)
    else:
        g = alone(view, case.shape, dtype)
        out = {None: None, "operand": g}.get(case.out, alone(case.out_view, case.shape, dtype))
    g[...] = VALUES.take(dtype, g.size, r, False).reshape(case.shape)
    bits_size = -(-g.size // 8)
    mask = np.frombuffer(r.randbytes(3 * bits_size), np.uint8)[:: r.choice((1, 2, 3))][:bits_size]
    original = plain(g)
    want = reference.relu_backward_from_mask(original, mask)
    with using_isa(case.isa):
        got = relu_simd.relu_backward_from_mask(g, mask, out=out)
    assert out is None or got is out
    same(plain(np.asarray(got)), np.asarray(want))
    same_as_before([g], [original], out)


def run_count(case, r):
    x = alone(case.views[0], case.shape, np.dtype(case.dtype))
    x[...] = VALUES.take(np.dtype(case.dtype), x.size, r, False).reshape(case.shape)
    with np.errstate(all="ignore"), using_isa(case.isa):
        got = relu_simd.count_active(x, case.axis, keepdims=case.keepdims)
        want = np.count_nonzero(plain(x) > 0, case.axis, keepdims=case.keepdims)
    np.testing.assert_array_equal(got, want, strict=True) if np.ndim(want) else np.testing.assert_equal(got, want)


def run_prelu_backward(case, r):
    """Small whole numbers: their sum is exact in any order."""
    dtype = np.dtype(case.dtype)
    operands = []
    for view in case.views:
        own, own_view = narrowed(view, case.shape)
        array = alone(own_view, own, dtype)
        array[...] = (
            np.array([r.randrange(-4, 5) for _ in range(min(array.size, 500))] or [0])
            .astype(dtype)[np.arange(array.size) % max(1, min(array.size, 500))]
            .reshape(own)
            if array.size
            else 0
        )
        operands.append(array)
    originals = [plain(value) for value in operands]
    shape = np.broadcast_shapes(*(value.shape for value in operands))
    full = [np.broadcast_to(value, shape) for value in originals[:2]]
    want = reference.prelu_backward(*full, originals[2])
    out = None
    if case.out is not None and shape == case.shape:
        out = (
            alone(case.out_view, shape, dtype),
            alone(View(tuple(range(operands[2].ndim)), (1,) * operands[2].ndim), operands[2].shape, dtype),
        )
    with using_isa(case.isa):
        got = relu_simd.prelu_backward(*operands, out=out)
    for have, each in zip(got, want, strict=True):
        same(plain(np.asarray(have)), np.asarray(each))
    same_as_before(operands, originals, None)


RUNS = {
    "relu_with_mask": run_with_mask,
    "relu_backward_from_mask": run_from_mask,
    "prelu_backward": run_prelu_backward,
    "count_active": run_count,
}


def run_case(case):
    RUNS.get(case.function, run_elementwise)(case, random.Random(case.seed))


# ---------------------------------------------------------------------------------------------
# Making them simpler


def simpler(case):
    """Variants of a case that are easier to understand."""
    ndim = len(case.shape)
    plain_view = View(tuple(range(ndim)), (1,) * ndim)
    for name, value in (
        ("subclass", False),
        ("order", None),
        ("where", False),
        ("cast", None),
        ("out", None),
        ("slope", None),
        ("positional", False),
        ("ufunc", False),
        ("isa", "scalar"),
        ("shift", 0),
        ("keepdims", False),
        ("out_view", plain_view),
    ):
        if getattr(case, name) != value:
            yield replace(case, **{name: value})
    for k, view in enumerate(case.views):
        for change in (
            plain_view,
            replace(view, swapped=False),
            replace(view, offset=0),
            replace(view, ones=(), dropped=0),
        ):
            if change != view:
                yield replace(case, views=(*case.views[:k], change, *case.views[k + 1 :]))
    for axis, extent in enumerate(case.shape):
        for less in {0, 1, extent // 2, extent - 1}:
            if 0 <= less < extent:
                yield replace(case, shape=(*case.shape[:axis], less, *case.shape[axis + 1 :]))


def failure(case):
    """What goes wrong, or None."""
    try:
        run_case(case)
    except Exception as error:
        return error
    return None


def simplest(case):
    while True:
        for candidate in simpler(case):
            if failure(candidate) is not None:
                case = candidate
                break
        else:
            return case


def shown(case):
    """As a line of Python, without what is as usual."""
    fields = {name: getattr(case, name) for name in Case.__dataclass_fields__}
    usual = {name: field.default for name, field in Case.__dataclass_fields__.items()}
    return f"Case({', '.join(f'{name}={value!r}' for name, value in fields.items() if value != usual[name])})"


def fuzz(cases, seed, report=None):
    """The first case that fails, as simple as can be, and how; else None."""
    for k in range(cases):
        case = made_up(random.Random(f"{seed}/{k}"))
        if failure(case) is not None:
            case = simplest(case)
            return k, case, failure(case)
        if report is not None and k % 1000 == 999:
            report(k + 1)
    return None


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000, help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="of the calls (default: a new one)")
    args = parser.parse_args(argv)
    seed = random.SystemRandom().randrange(1 << 32) if args.seed is None else args.seed
    start = time.monotonic()
    print(f"fuzz: {args.cases} calls with seed {seed}, on {', '.join(ISAS)}", flush=True)

    def report(done):
        if sys.stderr.isatty():
            print(
                f"\r{done} calls, {done / (time.monotonic() - start):.0f} a second ",
                end="",
                file=sys.stderr,
                flush=True,
            )

    found = fuzz(args.cases, seed, report)
    if found is None:
        print(f"fuzz: {args.cases} passed, 0 failed in {time.monotonic() - start:.0f} s")
        return 0
    k, case, error = found
    print(f"\nfuzz: call {k} of seed {seed} fails: {error}\n    {shown(case)},")
    return 1


if __name__ == "__main__":
    sys.exit(main())
