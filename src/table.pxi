# SPDX-License-Identifier: BSD-3-Clause
# The table of operations as Python sees it, and the dtypes by NumPy's numbers. Included by _core.pyx.


class Accuracy(namedtuple("Accuracy", "max_ulp steps crosses")):
    """How far a result may be from the definition.

    `max_ulp` is 0 where every byte is determined: by the definition rounded at most once or, with `steps`, by
    rounding each of its operations in the order that they are written in. A gradient whose factor `crosses` zero has
    an absolute error near there, of the factor's, in place of a relative one.
    """


class Op(namedtuple(
    "Op", "name arrays params defaults weight takes_integers arithmetic widens computes accuracy dtypes definition"
          " summary example result")):
    """A row of csrc/ops.def, which says what the columns mean.

    `arrays` and `params` are names; `defaults` has a number, or None, for each parameter.
    """

    @property
    def inputs(self):
        """The names of all inputs, in order."""
        return self.arrays + self.params

    @property
    def required(self):
        """The names of the inputs that have no default."""
        return self.arrays + tuple(
            name for name, default in zip(self.params, self.defaults, strict=True) if default is None)


def _read_row(int row):
    names, defaults = [], []
    for part in rs_ops[row].signature.decode().split(", "):
        name, _, value = part.partition("=")
        names.append(name)
        defaults.append(float(value) if value else None)
    arrays = rs_ops[row].arrays
    return Op(
        rs_ops[row].name.decode(), tuple(names[:arrays]), tuple(names[arrays:]), tuple(defaults[arrays:]),
        bool(rs_ops[row].weight), bool(rs_ops[row].integers), bool(rs_ops[row].arithmetic),
        bool(rs_ops[row].widen), bool(rs_ops[row].compute),
        Accuracy(
            max(rs_ops[row].accuracy, 0) % RS_CROSSES, rs_ops[row].accuracy < 0, rs_ops[row].accuracy >= RS_CROSSES),
        tuple(rs_dtypes[dtype].name.decode() for dtype in range(RS_DTYPES) if rs_has_kernel(row, dtype)),
        rs_ops[row].definition.decode(), rs_ops[row].summary.decode(),
        rs_ops[row].example.decode(), rs_ops[row].result.decode(),
    )


OPS = tuple(_read_row(row) for row in range(RS_OPS))
ROWS = {op.name: row for row, op in enumerate(OPS)}
DTYPES = tuple(rs_dtypes[dtype].name.decode() for dtype in range(RS_DTYPES))

# NumPy has two types of the same width among its integers; each loop order is its ufuncs' own. bfloat16
# has no number before somebody brings it.
cdef int dtype_of_typenum[NPY_NTYPES_LEGACY]
cdef int bfloat16_typenum = -1
cdef list TYPENUMS = []  # (NumPy's type number, dtype)


def _map_types():
    cdef int typenum
    for typenum in range(NPY_NTYPES_LEGACY):
        dtype_of_typenum[typenum] = -1
    for code in "bBhHiIlLqQefd":
        descr = np.dtype(code)
        dtype_of_typenum[<int>descr.num] = DTYPES.index(descr.name)
        TYPENUMS.append((descr.num, DTYPES.index(descr.name)))


_map_types()


cdef inline int dtype_of(PyArrayObject *array) noexcept:
    """The row of dtypes.def, or -1."""
    return row_of_typenum(PyArray_TYPE(array))


cdef inline int row_of_typenum(int typenum) noexcept:
    if 0 <= typenum < NPY_NTYPES_LEGACY:
        return dtype_of_typenum[typenum]
    return RS_bf16 if typenum == atomic_load(&bfloat16_typenum) else -1
