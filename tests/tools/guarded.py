# SPDX-License-Identifier: BSD-3-Clause
"""Memory whose ends are known: between two pages that nobody may touch."""

import ctypes
import faulthandler
import mmap
import os
import signal
import traceback
import warnings

import numpy as np

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)
NONE, READ = 0, mmap.PROT_READ


def protect(start, length, mode):
    if LIBC.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(length), mode) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")


class Region:
    """`nbytes` or more, whole pages, an unmapped page before and one behind."""

    def __init__(self, nbytes):
        self.nbytes = -(-nbytes // PAGE) * PAGE
        whole = np.frombuffer(mmap.mmap(-1, self.nbytes + 2 * PAGE), np.uint8)
        self.bytes = whole[PAGE:-PAGE]
        self.start = whole.ctypes.data + PAGE
        protect(self.start - PAGE, PAGE, NONE)
        protect(self.start + self.nbytes, PAGE, NONE)

    def freeze(self):
        """From now on a write is a fault."""
        protect(self.start, self.nbytes, READ)

    def elements(self, dtype, shift=0):
        """All of it, or less `shift` bytes at the front."""
        count = (self.nbytes - shift) // dtype.itemsize
        return self.bytes[shift : shift + count * dtype.itemsize].view(dtype)


def survive(work):
    """Call work(note) in a forked process; a fault there is a failure here that tells the last thing noted."""
    notes = mmap.mmap(-1, 1 << 16)

    def note(text):
        data = text.encode()[: len(notes) - 1] + b"\0"
        notes[: len(data)] = data

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the other threads are asleep
        child = os.fork()
    if child == 0:
        faulthandler.disable()
        try:
            work(note)
            os._exit(0)
        except BaseException:
            note(notes[: notes.find(b"\0")].decode() + "\n" + traceback.format_exc())
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    if status != 0:
        what = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "failed"
        raise AssertionError(f"{what}: {notes[: notes.find(bytes(1))].decode()}")
