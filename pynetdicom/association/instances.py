"""How a data set or a file becomes the instance that a C-STORE request sends."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pynetdicom._lazy as lazy
from pynetdicom.dimse import Buffer
from pynetdicom.dsutils import FileHead, encoding_of
from pynetdicom.utils import make_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

LOGGER = logging.getLogger("pynetdicom.association")

# What is read of a file at first: most are smaller, and are read as a whole then
_SMALL_FILE = 64 * 1024
_HEAD_NAMES = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")


def missing_in(head: FileHead) -> str | None:
    """Return what a file's meta information lacks for the file to be sent undecoded, or None."""
    named = zip(_HEAD_NAMES, head, strict=False)
    return next((name for name, value in named if not value), None)


def required_uid(dataset: Dataset, keyword: str) -> UID:
    """Return a UID of a data set; AttributeError if it has none."""
    value = getattr(dataset, keyword, None)
    if not value:
        raise AttributeError(f"The data set has no {keyword}, which a C-STORE request needs")
    return make_uid(value)


def transfer_syntax_of(dataset: Dataset) -> UID:
    """Return the transfer syntax of a data set: what it says, or what it is if that differs."""
    meta = getattr(dataset, "file_meta", None)
    stated = getattr(meta, "TransferSyntaxUID", None)
    if not stated:
        raise AttributeError(
            "The data set has no file_meta.TransferSyntaxUID; set it to the transfer syntax "
            "that its pixel data has, for example pydicom.uid.ExplicitVRLittleEndian"
        )
    stated = make_uid(stated)
    implicit, little = dataset.original_encoding
    if implicit is None or little is None:
        # the public attributes of the same names are deprecated and warn
        implicit = getattr(dataset, "_is_implicit_VR", None)
        little = getattr(dataset, "_is_little_endian", None)
    if implicit is None or little is None:
        return stated
    if (implicit, little) == encoding_of(stated)[:2]:
        return stated
    if implicit == little:  # implicit little or explicit big endian: no other can be meant
        uid = lazy.pydicom.uid
        actual = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRBigEndian
        LOGGER.warning(
            "The data set is encoded in '%s' though its file meta information says '%s'; sent "
            "as the former",
            actual.name,
            stated.name,
        )
        return actual
    raise AttributeError(
        f"The data set is encoded in explicit VR little endian but its TransferSyntaxUID is "
        f"'{stated.name}'; set file_meta.TransferSyntaxUID to what it is"
    )


def read_start(fd: int) -> bytes | None:
    """Return a file that is small as a whole, None if it is not."""
    data = os.read(fd, _SMALL_FILE)
    # It is not all if the file is larger, or its file system gives less at a time
    return data if len(data) == os.fstat(fd).st_size else None


def file_pieces(
    fd: int, offset: int, size: int, data: bytes | None = None
) -> Iterator[tuple[Buffer, bool]]:
    """Yield the data set of a file from `offset` on, in pieces that are read when they are due.

    `data` is the whole file if that was read before.
    """
    if data is not None and len(data) % 2 == offset % 2 and len(data) - offset <= size:
        yield memoryview(data)[offset:], True
        return
    remaining = os.lseek(fd, 0, os.SEEK_END) - offset
    is_odd = remaining % 2
    os.lseek(fd, offset, os.SEEK_SET)
    while True:
        piece = os.read(fd, min(size, remaining))
        remaining -= len(piece)
        if remaining and not piece:
            raise OSError(errno.EIO, "the file became shorter while it was sent")
        if is_odd and not remaining:  # a fragment of odd length is not allowed (PS3.8 E.1)
            piece += b"\0"
        yield piece, not remaining
        if not remaining:
            break
