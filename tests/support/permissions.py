"""Permissions that bind, also where the tests run as root.

    with bound_by_permissions():
        folder.chmod(0)
        ...  # neither this thread nor `dyntop list` can read it

It is this thread that gives up root's rights, and takes them back at the end. Every process and
every thread that it starts meanwhile has none of them. The files are still its own, so that nothing
has to be handed to another user first. Who is not root is bound anyway.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.namespace import NotAllowed

CAPABILITY_VERSION = 0x20080522
"""Of <linux/capability.h>: 64 capabilities, as two words each."""
PR_GET_SECUREBITS, PR_SET_SECUREBITS = 27, 28
"""Of <linux/prctl.h>."""
SECBIT_NOROOT = 1
"""Of <linux/securebits.h>: to be root gives a program that is started no rights by itself."""


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Rights(ctypes.Structure):
    """One of the two words of each set."""

    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


@contextlib.contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Be kept from what a file's mode forbids.

    Raises `NotAllowed` where root cannot give up its rights, so that permissions do not bind it.
    """
    if not _passes_over_permissions():
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    ours, none = (_Rights * 2)(), (_Rights * 2)()
    try:
        _done(libc.capget(ctypes.byref(_Header(CAPABILITY_VERSION, 0)), ours))
        bits = libc.prctl(PR_GET_SECUREBITS, 0, 0, 0, 0)
        _done(libc.prctl(PR_SET_SECUREBITS, bits | SECBIT_NOROOT, 0, 0, 0))
    except (AttributeError, OSError) as error:
        raise NotAllowed(f"root's rights cannot be given up here: {error}") from error
    for word, held in zip(none, ours, strict=True):
        # What is permitted can be taken back.
        word.permitted = held.permitted
    try:
        _done(libc.capset(ctypes.byref(_Header(CAPABILITY_VERSION, 0)), none))
        yield
    finally:
        _done(libc.capset(ctypes.byref(_Header(CAPABILITY_VERSION, 0)), ours))
        _done(libc.prctl(PR_SET_SECUREBITS, bits, 0, 0, 0))


def _done(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _passes_over_permissions() -> bool:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0)
        try:
            os.listdir(folder)
        except PermissionError:
            return False
        return True
