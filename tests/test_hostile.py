# SPDX-License-Identifier: BSD-3-Clause
"""Objects that raise, lie, change size or call back: an exception at most, as NumPy's own ufuncs would raise it.

Each test is in a process of its own: what goes wrong here ends one.
"""

import textwrap

import pytest
from cases import EMULATED, run

pytestmark = pytest.mark.skipif(EMULATED, reason="Python and NumPy alone decide here")

BEGIN = """
import gc, mmap, sys, sysconfig, threading
import numpy as np
import relu_simd as rs
from relu_simd import ufuncs

BIG = 4_000_000  # mapped memory, that goes back to the system when it is freed
NO_GIL = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

def functions():
    for name in ufuncs.__all__:
        for face in (getattr(rs, name), getattr(ufuncs, name)):
            yield name, face, getattr(ufuncs, name).nin

def outcome(call):
    try:
        return type(call()).__name__
    except Exception as error:
        return f"{type(error).__name__}: {error}"
"""


def check(code):
    done = run("-X", "faulthandler", "-W", "error", "-c", BEGIN + textwrap.dedent(code) + "\nprint('fine')")
    assert done.stderr == ""
    assert (done.stdout, done.returncode) == ("fine\n", 0)


@pytest.mark.parametrize(
    "protocol", ["__array__", "__array_interface__", "__array_struct__", "__array_ufunc__", "__float__"]
)
def test_what_a_protocol_raises_passes_through(protocol):
    check(f"""
        class Broken:
            pass
        def broken(*args, **kwargs):
            raise RuntimeError("not today")
        setattr(Broken, "{protocol}", property(broken) if "{protocol}".endswith(("face__", "struct__")) else broken)
        x = np.ones(100, np.float32)
        for name, face, nin in functions():
            for k in range(nin):
                inputs = [x] * nin
                inputs[k] = Broken()
                said = outcome(lambda: face(*inputs))
                assert "not today" in said or "{protocol}" == "__float__" and said.startswith("TypeError"), said
        if "{protocol}" not in ("__array_ufunc__", "__float__"):
            for call in (lambda: rs.relu_with_mask(Broken()), lambda: rs.count_active(Broken()),
                         lambda: rs.relu_backward_from_mask(x, Broken()), lambda: rs.prelu_backward(x, x, Broken()),
                         lambda: rs.prelu_backward(Broken(), x, x)):
                assert "not today" in outcome(call)
    """)


def test_lies_about_type_shape_dtype_and_flags():
    """Neither __class__ nor the attributes of a subclass decide where is written."""
    check("""
        class Liar(np.ndarray):
            shape = property(lambda self: (10,))
            dtype = property(lambda self: np.dtype("f4"))
            size = property(lambda self: 10)
            strides = property(lambda self: (4,))
            flags = property(lambda self: np.ones(10, np.float32).flags)
            nbytes = property(lambda self: 40)
        class Flags:
            writeable = c_contiguous = aligned = True
        class Poser:
            __class__ = np.ndarray
            shape, dtype, ndim, flags = (10,), np.dtype("f4"), 1, Flags()
        class MaskPoser:
            flags = Flags()
            def __array__(self, dtype=None, copy=None):
                return np.zeros(2, np.uint8)
            def __setitem__(self, key, value):
                raise AssertionError("nothing is to be set")

        x = np.ones(10, np.float32)
        ends = np.full(3, 7, np.float32)
        for lie in (ends.view(Liar), np.full(100, 7, np.uint8)[::60].view(Liar), np.ones((2, 5)).view(Liar)):
            for name, face, nin in functions():
                assert "Error" in outcome(lambda: face(*[x] * nin, out=lie))
                outcome(lambda: face(*[lie] * nin))
            for call in (lambda: rs.relu_with_mask(x, out=(lie, None)),
                    lambda: rs.relu_backward_from_mask(x, np.zeros(2, np.uint8), out=lie),
                         lambda: rs.prelu_backward(x, x, x, out=(lie, lie))):
                assert "Error" in outcome(call), outcome(call)
        assert (ends == 7).all()

        room = np.full(200, 9, np.uint8)
        rs.relu_with_mask(x, out=(None, room[::150].view(Liar)))  # strided, though it says that it is not
        assert list(np.flatnonzero(room != 9)) == [0, 150]
        for poser in (Poser(), MaskPoser(), [0, 0], bytearray(2), memoryview(bytearray(2)), None.__class__):
            for call in (lambda: rs.relu_with_mask(x, out=(None, poser)),
                    lambda: rs.relu_with_mask(x, out=(poser, None)),
                         lambda: rs.relu(x, out=poser), lambda: rs.relu(Poser())):
                assert outcome(call).startswith("TypeError"), outcome(call)
    """)


def test_operands_that_shrink_others():
    """The conversion of one operand frees the memory of another: sizes are read when all are arrays."""
    check("""
        def shrinking(array, value):
            class Shrinks:
                def __array__(self, dtype=None, copy=None):
                    array.resize(5, refcheck=False)
                    return np.array(value)
                def __index__(self):
                    array.resize(5, refcheck=False)
                    return 0
                def __bool__(self):
                    array.resize(5, refcheck=False)
                    return False
                def __iter__(self):
                    array.resize(5, refcheck=False)
                    return iter((None, None))
            return Shrinks()
        class Pair(tuple):
            def __iter__(self):
                self.array.resize(5, refcheck=False)
                return iter((None, None))
            def __len__(self):
                self.array.resize(5, refcheck=False)
                return 2

        new = lambda: np.ones(BIG, np.float32)
        for name, face, nin in functions():
            for k in range(1, nin):
                arrays = [new() for _ in range(nin)]
                arrays[k] = shrinking(arrays[0], np.full(5, 0.5, np.float32))
                said = outcome(lambda: face(*arrays))
                assert said == "ndarray" or nin >= 3 and said.startswith("ValueError: operands could not"), said
            first = new()
            assert outcome(lambda: face(first, *[shrinking(first, np.ones(5, "f4"))] * (nin - 1), out=first))
        x = new()
        said = outcome(lambda: rs.relu_backward_from_mask(x, shrinking(x, np.zeros(BIG // 8, np.uint8))))
        assert said.startswith("ValueError: relu_backward_from_mask: mask must be uint8[1]"), said
        mask = np.zeros(BIG // 8, np.uint8)
        said = outcome(lambda: rs.relu_backward_from_mask(shrinking(mask, np.ones(BIG, np.float32)), mask))
        assert said.startswith("ValueError"), said
        x = new()
        assert rs.count_active(x, keepdims=shrinking(x, 0)) == 5
        x = new()
        assert rs.count_active(x, shrinking(x, 0)) == 5
        x = new()
        pair = Pair((None, None))
        pair.array = x
        y, mask = rs.relu_with_mask(x, out=pair)
        assert (y.size, mask.size) == (5, 1)
        for k in range(3):
            arrays = [new(), new(), new()]
            arrays[k] = shrinking(arrays[k - 1], np.ones(5, np.float32))
            said = outcome(lambda: rs.prelu_backward(*arrays))
            assert said == "tuple" or "ValueError" in said, said
            arrays = [new(), new(), new()]
            pair.array = arrays[k]
            outcome(lambda: rs.prelu_backward(*arrays, out=pair))
    """)


def test_calling_back():
    """An operand, a subclass and a handler of another library call the same functions again, and raise."""
    check("""
        x = np.linspace(-1, 1, 50_000).astype(np.float32)
        want = np.maximum(x, 0)
        class Nested:
            def __array__(self, dtype=None, copy=None):
                rs.set_isa("scalar"); rs.trim_pool(); rs.set_num_threads(1)
                return rs.relu(rs.relu_with_mask(x)[0])
            def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
                return getattr(rs, ufunc.__name__)(*(x if i is self else i for i in inputs), **kwargs)
        class Finalizes(np.ndarray):
            def __array_finalize__(self, obj):
                rs.relu(x)
                if Finalizes.raises:
                    raise RuntimeError("finalized")
            def __array_wrap__(self, *args, **kwargs):
                rs.relu(x)
                return super().__array_wrap__(*args, **kwargs)
        Finalizes.raises = False
        assert (rs.relu(Nested()) == want).all()
        assert (rs.relu_with_mask(Nested())[0] == want).all()
        assert (rs.leaky_relu(x, Nested()) == np.where(x > 0, x, x * x)).all()
        given = x.view(Finalizes)
        assert type(rs.relu(given)) is Finalizes and (rs.relu(given) == want).all()
        Finalizes.raises = True
        for name, face, nin in functions():
            assert "finalized" in outcome(lambda: face(*[given] * nin))
        Finalizes.raises = False
        class Endless:
            def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
                return getattr(rs, ufunc.__name__)(*inputs, **kwargs)
            def __array__(self, dtype=None, copy=None):
                return rs.relu_with_mask(self)[0]
        assert outcome(lambda: rs.relu(Endless())).startswith("RecursionError")
        assert outcome(lambda: rs.relu_with_mask(Endless())).startswith("RecursionError")
    """)


def test_numbers_that_are_none():
    """A float may be a subclass whose conversion raises; its own value counts where no conversion is needed."""
    check("""
        class Raises(float):
            def __float__(self):
                raise RuntimeError("no number today")
        class Lies(float):
            def __float__(self):
                return "a number"
        class Index(int):
            def __index__(self):
                raise RuntimeError("no index today")
            __float__ = __index__
        x = np.linspace(-1, 1, 100).astype(np.float32)
        for dtype in ("f4", "f8", "f2", "i4", ">f4"):
            for slope in (Raises(0.5), Lies(0.5), Index(2)):
                for given in (x.astype(dtype), x.astype(dtype)[::2]):
                    for call in (lambda: rs.leaky_relu(given, slope),
                            lambda: rs.leaky_relu_backward(given, given, slope),
                                 lambda: rs.prelu(given, slope), lambda: rs.add_relu(given, slope),
                                 lambda: rs.prelu_backward(given, given, slope)):
                        said = outcome(call)
                        assert said in ("ndarray", "tuple") or "today" in said or said.startswith("TypeError"), said
        for bad in (Index(2), Raises(2)):
            for call in (lambda: rs.set_num_threads(bad), lambda: rs.set_pool_limit(bad)):
                said = outcome(call)
                assert said == "NoneType" or "Error" in said, said
    """)


def test_attributes_that_raise():
    """The words that an error gets must not replace it."""
    check("""
        class Prickly(np.ndarray):
            dtype = property(lambda self: 1 / 0)
            shape = property(lambda self: 1 / 0)
            flags = property(lambda self: 1 / 0)
        class Thing:
            def __getattr__(self, name):
                raise ZeroDivisionError(name)
            def __repr__(self):
                raise ZeroDivisionError("repr")
            __class__ = property(lambda self: 1 / 0)
        prickly = np.zeros(3, np.float32).view(Prickly)
        x = np.ones(10, np.float32)
        said = outcome(lambda: rs.relu(x, out=prickly))
        assert said.startswith("ValueError: operands could not be broadcast"), said
        said = outcome(lambda: rs.relu_with_mask(x, out=(prickly, None)))
        assert said.startswith("ValueError: relu_with_mask: out has shape (3,)"), said
        for call in (lambda: rs.relu(x, out=Thing()), lambda: rs.relu(Thing()),
                lambda: rs.relu_with_mask(x, out=Thing()),
                     lambda: rs.relu(x, Thing(), 3), lambda: rs.relu_with_mask(x, out=(None, Thing())),
                     lambda: rs.set_isa("x" * 10**6)):
            assert "Error" in outcome(call)
    """)


def test_memory_that_goes_away():
    """A buffer in use cannot be released, and NumPy's own check keeps an array in use from being resized.

    Without the GIL that check comes too early, and under np.maximum the same crashes, too.
    """
    check("""
        memory = bytearray(4 * BIG)
        view = memoryview(memory)
        x = np.frombuffer(view, np.float32)
        mapped = mmap.mmap(-1, 4 * BIG)
        m = np.frombuffer(mapped, np.float32)
        own = np.ones(BIG, np.float32)
        calls = [view.release, mapped.close, lambda: memory.extend(b"1" * 4096)]
        calls += [] if NO_GIL else [lambda: own.resize(10), lambda: own.resize(BIG)]
        said, stop = [], threading.Event()
        def interfere():
            while not stop.is_set():
                said.append([outcome(call) for call in calls])
        thread = threading.Thread(target=interfere)
        thread.start()
        for _ in range(20):
            rs.relu(x, out=m)
            rs.relu(m, out=x)
            rs.leaky_relu(own, out=own)
            y, mask = rs.relu_with_mask(own)
            assert (y.size in (10, BIG) and mask.size == -(-y.size // 8)
                    and rs.count_active(own) <= 10 + (own.size > 10) * BIG)
            rs.count_active(m)
        stop.set()
        thread.join()
        assert len(said) > 3
        kinds = [{words[k].split(":")[0] for words in said} for k in range(len(calls))]
        assert kinds[0] <= {"NoneType", "BufferError"}  # NumPy has an export of its own
        assert kinds[1:3] == [{"BufferError"}] * 2, kinds
        assert all(kind <= {"NoneType", "ValueError"} for kind in kinds[3:]), kinds
    """)


def test_results_are_freed_while_others_are_made():
    """Finalisers that call back while memory goes to the pool, and cycles that the collector finds in a call."""
    check("""
        class Cycle:
            def __init__(self):
                self.self, self.y = self, rs.relu(np.ones(300_000, np.float32))
            def __del__(self):
                rs.relu(self.y)
                rs.trim_pool()
        gc.set_threshold(1)
        for k in range(300):
            Cycle()
            rs.relu_with_mask(np.ones(300_000, np.float32)[::1 + k % 2])
            rs.leaky_relu(np.ones(300_000, np.float32), [0.5])
        gc.collect()
    """)


def test_odd_dtypes_and_metadata():
    check("""
        odd = [np.dtype("f4", metadata={"unit": 1}), np.dtype([("a", "f4")]), np.dtype(("f4", (2,))),
                np.dtype("V4"), np.dtype("M8[s]"),
               np.dtype("U1"), np.dtype("O"), np.dtype("c8"), np.dtype("g"), np.dtypes.StringDType(),
               np.dtype("S0"), np.dtype([])]
        for dtype in odd:
            for make in (lambda: np.zeros(10, dtype), lambda: np.zeros((), dtype),
                    lambda: np.zeros(10, dtype)[::2], lambda: np.zeros(0, dtype)):
                x = make()
                for name, face, nin in functions():
                    said = outcome(lambda: face(*[x] * nin))
                    assert (said.startswith("TypeError") or dtype.kind == "f" and "Error" not in said
                            or dtype.subdtype), (dtype, said)
                for call in (lambda: rs.relu_with_mask(x), lambda: rs.count_active(x),
                        lambda: rs.prelu_backward(x, x, x),
                             lambda: rs.relu_backward_from_mask(x, np.zeros(2, np.uint8))):
                    said = outcome(call)
                    assert "Error" in said or dtype.kind == "f" or dtype.subdtype, (dtype, said)
    """)


def test_the_code_of_others_is_not_run_again():
    """What raises MemoryError, while idle memory could be given back, may already have done its work."""
    check("""
        class Other:
            calls = 0
            def __array_ufunc__(self, *args, **keywords):
                Other.calls += 1
                raise MemoryError("mine")
        class Overridden(np.ndarray):
            __array_ufunc__ = Other.__array_ufunc__
        x = np.ones(BIG, np.float32)
        for name, face, nin in functions():
            for other in (Other(), np.ones(3, np.float32).view(Overridden)):
                rs.relu(x)
                assert rs.pool_info()["idle_bytes"] > 0
                Other.calls = 0
                assert outcome(lambda: face(*[other] * nin)).startswith("MemoryError: mine")
                assert Other.calls == 1, (name, Other.calls)
    """)
