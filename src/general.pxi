# SPDX-License-Identifier: BSD-3-Clause
# Every call that the fast path leaves: everything the ufunc can do, by the function's own argument names, and the
# errors. Included by _core.pyx.

cdef tuple NUMBERS = (int, float, np.integer, np.floating)


cdef object general(int row, PyObject **args, Py_ssize_t nargs, PyObject *kwnames):
    """Everything the ufunc can do, by the function's own argument names."""
    cdef general_call c = general_call(row, args, nargs, kwnames)
    return in_mode(general_in_mode, &c, True)  # NumPy's casts depend on it


cdef struct general_call:
    int row
    PyObject **args
    Py_ssize_t nargs
    PyObject *kwnames


cdef object general_in_mode(void *context):
    cdef const general_call *c = <const general_call *>context
    cdef int row = c.row
    cdef PyObject **args = c.args
    cdef PyObject *kwnames = c.kwnames
    cdef Py_ssize_t k, nargs = c.nargs
    result = small(row, args, nargs) if kwnames == NULL else None
    if result is None:
        result = straight(row, args, nargs, kwnames)
    if result is not None:
        return result
    positional = [<object>args[k] for k in range(nargs)]
    keywords = {}
    if kwnames != NULL:
        keywords = {name: <object>args[nargs + k] for k, name in enumerate(<tuple><object>kwnames)}
    op = OPS[row]
    device = on_device((*positional, *keywords.values()))
    if device is not None:
        return getattr(device, op.name)(*positional, **keywords)
    operands = bind(op, positional, keywords)
    try:
        if op.params and not op.weight:
            weaken(op, operands, "dtype" in keywords or "signature" in keywords or "sig" in keywords)
            if any([type(value) is int for value in operands[len(op.arrays):]]):
                return beyond(op, operands, keywords)
        return UFUNCS[op.name](*operands, **keywords)
    except MemoryError:
        # NumPy takes all it needs before it writes; another's object may have begun.
        if rs_pool_get_info().idle_bytes == 0 or not all_of_numpy(operands, keywords):
            raise
    except (TypeError, ValueError, OverflowError) as error:
        explain(error, op, operands, keywords)
        raise
    rs_pool_trim()
    return UFUNCS[op.name](*operands, **keywords)


cdef object on_device(tuple values):
    """The module relu_simd.opencl if one of these is an array of pyopencl, else None."""
    arrays = sys.modules.get("pyopencl.array")  # whoever has such an array has imported it
    if arrays is None or not any([isinstance(value, arrays.Array) for value in values]):
        return None
    from relu_simd import opencl

    return opencl


cdef bint all_of_numpy(operands, dict keywords):
    return all(type(value).__module__ in ("builtins", "numpy") for value in (*operands, *keywords.values()))


cdef bint is_number(value):
    return isinstance(value, NUMBERS) and type(value) not in (bool, np.longdouble)


cdef int weaken(op, list operands, bint demanded) except -1:
    """Makes the parameters that are numbers leave the result the dtype that it would have without them.

    Where a dtype is demanded of an operation that takes integers, that one says what its parameters are.
    """
    cdef int k
    arrays = [value for k, value in enumerate(operands) if k < len(op.arrays) or not is_number(value)]
    kinds = [kind(value) for value in arrays]
    common = None
    if not (demanded and op.takes_integers) and all(
            [type(each) is int or (isinstance(each, np.dtype) and each.kind in "iu") for each in kinds]):
        # Beside integers NumPy would take a Python number for float64.
        common = np.result_type(*kinds)
        if not op.takes_integers:
            numbers = (np.dtype("f2"),) * len(op.params)
            common = UFUNCS[op.name].resolve_dtypes((common,) * len(op.arrays) + numbers + (None,))[-2]
    for k in range(len(op.arrays), len(operands)):
        if is_number(operands[k]):
            operands[k] = weak(op.inputs[k], operands[k], common)
    return 0


cdef object kind(value):
    """For np.result_type: an int leaves the others their dtype, as it does in NumPy. None where there is no dtype."""
    if type(value) is int:
        return value
    return np.asarray(value).dtype if is_list_of_ints(value) else getattr(value, "dtype", None)


cdef bint is_list_of_ints(value):
    """Lists of other objects are NumPy's to look into: one may be an array on a device."""
    return type(value) in (list, tuple) and all(
        [isinstance(each, (int, np.integer)) or is_list_of_ints(each) for each in value])


cdef object beyond(op, list operands, dict keywords):
    """A call on integers with a parameter that their dtype cannot hold: rare, and so left to NumPy's comparisons."""
    from relu_simd import reference

    arrays = [np.asarray(value) for value in operands if type(value) is not int]
    common = np.result_type(*arrays)
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    operands = [
        value if type(value) is int else np.broadcast_to(np.asarray(value, common), shape) for value in operands]
    return np.positive(getattr(reference, op.name)(*operands), **keywords)


cdef object weak(str name, number, common):
    """A number in the dtype `common` or, without one, as a Python float; an int where integers cannot hold it."""
    if common is None:
        return float(number)
    if common.kind not in "iu":
        return common.type(number)
    if number != number or number in (float("inf"), -float("inf")) or number != int(number):
        raise TypeError(f"{name}={number} is no whole number, as it must be beside integers")
    limits = np.iinfo(common)
    return common.type(int(number)) if limits.min <= number <= limits.max else int(number)


cdef list bind(op, list positional, dict keywords):
    """The operands in order; keywords keeps what is for the ufunc. TypeError as Python would word it."""
    limit = len(op.inputs) + 1
    if len(positional) > limit:
        raise TypeError(f"{op.name}() takes at most {limit} positional arguments but {len(positional)} were given")
    for name, _ in zip((*op.inputs, "out"), positional):
        if name in keywords:
            raise TypeError(f"{op.name}() got multiple values for argument '{name}'")
    if len(positional) == limit:
        keywords["out"] = positional.pop()
    for name in op.inputs[len(positional):]:
        if name in keywords:
            positional.append(keywords.pop(name))
        elif name not in op.required:
            positional.append(op.defaults[op.params.index(name)])
        else:
            raise TypeError(f"{op.name}() missing required argument: '{name}'")
    return positional


def _describe(value):
    if issubclass(type(value), np.ndarray):  # isinstance would ask the object, and a subclass may say anything
        value = np.ndarray.view(value, np.ndarray)
        return f"{value.dtype}{list(value.shape)}" + ("" if value.flags.writeable else " read-only")
    if type(value) in (bool, str) or issubclass(type(value), (type, np.dtype)):
        return repr(value)[:80]
    return type(value).__name__


def explain(error, op, operands, keywords):
    """Adds what each argument was, by name; the error's type stays, and that of others its text, too."""
    given = dict(zip(op.inputs, operands), **keywords)
    words = ", ".join(f"{name}: {_describe(value)}" for name, value in given.items())
    if all_of_numpy(operands, keywords) and type(error) in (TypeError, ValueError, OverflowError):
        error.args = (f"{error} [{op.name}({words})]",)
    else:
        error.add_note(f"{op.name}({words})")
