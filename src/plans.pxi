# SPDX-License-Identifier: BSD-3-Clause
# Calls of relu_simd.opencl that come again with the same arrays (relu_simd/opencl/_plans.py), and the events of arrays:
# as Python this would take longer than the launch. Nothing of pyopencl is needed here: its arrays are objects with
# attributes, its functions are handed in. Included by _core.pyx.


cdef class _Plan:
    """A call that was checked, without its arrays, so that it keeps no memory of a device alive after them."""

    cdef object enqueue, kernel, queue, global_size, local_size, arguments
    cdef list kernel_has
    cdef object mark
    cdef tuple arrays
    cdef list references

    def __init__(self, enqueue, launch, tuple inputs, out, list references):
        """`launch`: the kernel, a list that says whose arguments it has, the queue, the two sizes, the arguments.

        An input without the attribute `events` is a number, which is in the plan's key. `references` are kept.
        """
        self.enqueue = enqueue
        self.kernel, self.kernel_has, self.queue, self.global_size, self.local_size, self.arguments = launch
        self.mark = object()
        self.arrays = tuple([_State(value) if hasattr(value, "events") else None for value in (*inputs, out)])
        self.references = references

    cdef bint run(self, tuple inputs, out, wait_for) except -1:
        """Enqueues, unless an array is not as it was; a kernel that has the arguments gets them no second time."""
        cdef Py_ssize_t k, last = len(inputs)
        cdef list waited, histories
        for k in range(last + 1):
            state = self.arrays[k]
            if state is not None and not (<_State>state).is_of(inputs[k] if k < last else out):
                return False
        waited = [] if wait_for is None else list(wait_for)
        histories = []
        for state in self.arrays:
            if state is not None:
                histories.append(history((<_State>state).events, waited))
        if self.kernel_has[0] is not self.mark:
            self.kernel_has[0] = None  # if it fails between two arguments, they belong to no plan
            self.kernel.set_args(*self.arguments)
            self.kernel_has[0] = self.mark
        # By position, which is faster.
        event = self.enqueue(self.queue, self.kernel, self.global_size, self.local_size, None, waited)
        record(histories, event)
        return True


cdef class _State:
    """The attributes of an array on which depends what was found when it was checked."""

    cdef object base_data, offset, shape, strides, dtype, queue, events

    def __init__(self, array):
        self.base_data, self.offset, self.queue, self.events = array.base_data, array.offset, array.queue, array.events
        self.shape, self.strides, self.dtype = array.shape, array.strides, array.dtype

    cdef bint is_of(self, array) except -1:
        """Whether none of them was set anew."""
        return (
            array.base_data is self.base_data and array.offset is self.offset and array.shape is self.shape
            and array.strides is self.strides and array.dtype is self.dtype and array.queue is self.queue
            and array.events is self.events
        )


cpdef tuple _plan_key(op, tuple inputs, out):
    """What tells calls apart: the arrays by identity, numbers by type and value; the text of a zero has its sign."""
    if len(inputs) == 1:
        return op, id(out), id(inputs[0])
    return (op, id(out), *[
        (type(value), value or repr(value)) if isinstance(value, NUMBERS) else id(value) for value in inputs])


def _again(dict plans, op, tuple inputs, out, wait_for):
    """Makes a call by its plan, if there is one that still holds."""
    key = _plan_key(op, inputs, out)
    plan = plans.get(key)
    if plan is None:
        return False
    if (<_Plan>plan).run(inputs, out, wait_for):
        return True
    plans.pop(key, None)
    return False


cdef tuple history(events, list waited):
    """An array's list of events with what is in it now, which is added to those that are to be waited for."""
    cdef list past = list(events)
    if not (len(past) == 1 and waited and past[0] is waited[-1]):  # most often all have that of one call
        waited += past
    return events, past


def _histories(arrays, wait_for):
    """The list of events of each array with what is in it now; and all that is to be waited for."""
    cdef list waited = [] if wait_for is None else list(wait_for)
    return [history(array.events, waited) for array in arrays], waited


cdef int record(list histories, event) except -1:
    cdef list past
    for events, past in histories:
        if events and events[-1] is event:  # arrays on the same memory share the list
            continue
        events.append(event)
        for each in past:
            try:
                events.remove(each)
            except ValueError:  # another thread's event stands for it
                pass
    return 0


def _record(list histories, event):
    """Lets the event stand for those that it waited for, in the list of each array: as it is now, and as it was then.

    Inputs need it as well: a later write to one must not overtake. `Array.add_event` would let the lists grow, and
    every call wait for a dozen events. Of two threads that come here at once, neither takes away what the other adds.
    """
    record(histories, event)
