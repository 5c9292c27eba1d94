# SPDX-License-Identifier: BSD-3-Clause
# The ufuncs: their loops, what they do with dtypes that no loop fits, and bfloat16. Included by _core.pyx.

cdef enum:
    MAX_LOOPS = 16

cdef rs_loop loops[RS_OPS][RS_DTYPES]
cdef void *loop_data[RS_OPS][MAX_LOOPS]
cdef char loop_types[RS_OPS][MAX_LOOPS * (RS_MAX_IN + 1)]
cdef cnp.PyUFuncGenericFunction loop_functions[MAX_LOOPS]

# bool, as torch refuses it, and what has no safe way into float64.
cdef tuple REFUSED = (
    np.bool_, np.complexfloating, complex, np.longdouble, np.object_, np.flexible, str, np.datetime64,
    np.timedelta64)


cdef int check_kind(name, operand, kind) except -1:
    if issubclass(kind, REFUSED):
        # What NumPy makes of an array of pyopencl where it does not ask here first: in outer, reduce and the like.
        device = "; of a pyopencl array give .get()" if kind is np.object_ and "pyopencl.array" in sys.modules else ""
        raise TypeError(
            f"{name}: {operand} has dtype {kind.__name__}; use a float of 16, 32 or 64 bits or an integer, "
            f"for example {operand}.astype(np.float32){device}")
    return 0


cdef int promote(PyObject *ufunc, PyObject **op_dtypes, PyObject **signature, PyObject **new_op_dtypes) except? -1:
    """A promoter in NumPy's sense, asked when no loop fits exactly: names what is refused, and takes ``dtype=``.

    Here each ufunc meets bfloat16 for the first time: from then on it has a loop for it. -1 leaves the choice to NumPy.
    """
    cdef int k, row = ROWS[(<object>ufunc).__name__], nin = rs_ops[row].nin
    for k in range(nin):
        if op_dtypes[k] == NULL:  # a reduction's first operand
            continue
        kind = (<object>op_dtypes[k]).type
        check_kind(OPS[row].name, OPS[row].inputs[k], kind)
        meet(ufunc, kind)
    for k in range(nin + 1):
        if signature[k] != NULL:
            meet(ufunc, (<object>signature[k]).type)
    # The result's dtype, where the caller demands one, says what loop it is. NumPy's own choice would be by the
    # inputs and would not find the loop of a slope function, whose dtypes differ, nor that of bfloat16.
    cdef PyObject *wanted = signature[nin] if signature[nin] != NULL else signature[0]
    if wanted == NULL:
        return -1
    cdef int dtype = row_of_typenum(np.dtype((<object>wanted).type).num)
    if dtype < 0 or not facts[row].dtypes[dtype].has_kernel:
        return -1
    for k in range(nin):
        chosen = <object>wanted
        if signature[k] != NULL:
            chosen = <object>signature[k]
        elif rs_is_float_param(row, dtype, k):
            chosen = type(np.dtype(np.float32))
        Py_INCREF(chosen)
        new_op_dtypes[k] = <PyObject *>chosen
    new_op_dtypes[nin] = NULL  # the inputs tell; and NumPy would give up if nothing were to change
    return 0


cdef int meet(PyObject *ufunc, kind) except -1:
    """Makes bfloat16 known to the ufunc, if the kind is its scalar type."""
    if kind.__name__ == "bfloat16":
        add_bfloat16(<object>ufunc, np.dtype(kind))
    return 0


# NumPy looks for a loop like these in two places, which PyUFunc_RegisterLoopForType fills one after the other: a
# thread that comes in between finds one half. So the half that nobody finds alone is put there first, from here.
cdef PyUFunc_Loop1d bfloat16_loops[RS_OPS]
cdef int bfloat16_types[RS_OPS][RS_MAX_IN + 1]
cdef int knows_bfloat16[RS_OPS]
cdef object bfloat16_lock = RLock()


cdef int add_bfloat16(ufunc, descr) except -1:
    """Give this ufunc its loop for ml_dtypes.bfloat16, whose module is loaded if an array has that dtype.

    Any number of threads may come here at once. Each ufunc gets its loop within a call of its own: where there is no
    GIL, NumPy 2.2 to 2.4 hold a lock of that ufunc meanwhile, without which others must not read its list of loops.
    """
    cdef int k, typenum = descr.num, row = ROWS[ufunc.__name__], paused
    cdef PyUFuncObject *target = <PyUFuncObject *>ufunc
    cdef PyUFunc_Loop1d *loop = &bfloat16_loops[row]
    if atomic_load(&knows_bfloat16[row]) or not rs_has_kernel(row, RS_bf16):
        return 0
    with bfloat16_lock:
        for k in range(rs_ops[row].nin + 1):
            bfloat16_types[row][k] = cnp.NPY_FLOAT32 if rs_is_float_param(row, RS_bf16, k) else typenum
        loop.func = <cnp.PyUFuncGenericFunction>rs_ufunc_loop
        loop.data = &loops[row][RS_bf16]
        loop.arg_types = bfloat16_types[row]
        paused = rs_pause_collection()  # a finaliser may use this ufunc
        try:
            if target.userloops == NULL:
                made = {}
                Py_INCREF(made)  # the ufunc's own
                atomic_publish(&target.userloops, <PyObject *>made)
            (<dict>target.userloops).setdefault(typenum, PyCapsule_New(loop, NULL, NULL))
            cnp.PyUFunc_RegisterLoopForType(ufunc, typenum, loop.func, bfloat16_types[row], loop.data)
        finally:
            rs_resume_collection(paused)
        atomic_store(&bfloat16_typenum, typenum)
        atomic_store(&knows_bfloat16[row], True)
    return 0


cdef object make_ufunc(int row, str doc):
    cdef int nin = rs_ops[row].nin, dtype, count = 0, k
    for dtype in range(RS_DTYPES):
        loops[row][dtype] = rs_loop(row, dtype)
    for typenum, dtype in TYPENUMS:
        if rs_has_kernel(row, dtype):
            loop_functions[count] = <cnp.PyUFuncGenericFunction>rs_ufunc_loop
            loop_data[row][count] = &loops[row][dtype]
            for k in range(nin + 1):
                slope = rs_is_float_param(row, dtype, k)
                loop_types[row][count * (nin + 1) + k] = <char>(cnp.NPY_FLOAT32 if slope else <int>typenum)
            count += 1
    keep_alive.append(doc.encode())
    ufunc = cnp.PyUFunc_FromFuncAndData(
        loop_functions, loop_data[row], loop_types[row], count, nin, 1, cnp.PyUFunc_None,
        rs_ops[row].name, <const char *>keep_alive[-1], 0)
    promoter = PyCapsule_New(<void *>promote, "numpy._ufunc_promoter", NULL)
    PyUFunc_AddPromoter(ufunc, (None,) * (nin + 1), promoter)
    global call_of_numpy
    call_of_numpy = (<PyUFuncObject *>ufunc).vectorcall
    (<PyUFuncObject *>ufunc).vectorcall = <vectorcallfunc>call_ufunc
    return ufunc


cdef vectorcallfunc call_of_numpy  # the same for every ufunc


cdef PyObject *call_ufunc(PyObject *ufunc, PyObject **args, size_t nargsf, PyObject *kwnames) except NULL:
    """A ufunc's call. NumPy would read some objects element by element; and it casts by the floating-point mode."""
    cdef Py_ssize_t k, count = PyVectorcall_NARGS(nargsf)
    cdef PyObject *result
    cdef int row
    for k in range(count):
        if not (PyArray_Check(args[k]) or PyFloat_Check(args[k]) or PyLong_Check(args[k])):
            row = ROWS[(<object>ufunc).__name__]
            if k < rs_ops[row].nin:
                _foreign.refuse(OPS[row].name, OPS[row].inputs[k], <object>args[k])
            else:
                _foreign.refuse_out(OPS[row].name, <object>args[k])
    if kwnames != NULL:
        for k in range(PyTuple_GET_SIZE(kwnames)):
            if PyArray_Check(args[count + k]):
                continue
            if PyTuple_GET_ITEM(kwnames, k) == where_name:
                _foreign.refuse((<object>ufunc).__name__, "where", <object>args[count + k])
            elif PyTuple_GET_ITEM(kwnames, k) == out_name:
                _foreign.refuse_out((<object>ufunc).__name__, <object>args[count + k])
    cdef rs_fpmode mode = rs_fp_enter()
    result = call_of_numpy(ufunc, args, nargsf, kwnames)
    rs_fp_leave(mode)
    return result
