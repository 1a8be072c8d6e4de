"""The C-STORE sub-operations of a retrieval: what is sent, and where to.

An instance goes out on the association of the request itself (C-GET), or on associations with
another AE (C-MOVE): the :class:`Recipient` of a retrieval knows.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pynetdicom._globals import MAXIMUM_CONTEXTS
from pynetdicom.dsutils import opened, read_file_head
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.utils import make_uid, safe_text

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.association import Association

LOGGER = logging.getLogger("pynetdicom.service_class")

# The result of a context whose abstract syntax is not supported (PS3.8 Table 9-18)
_ABSTRACT_SYNTAX_NOT_SUPPORTED = 3

# Transfer syntaxes that a data set can be converted to from each other, the usual ones first
_CONVERTIBLE: Sequence[str] = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
)

# Elements of a file that are longer stay there until they are needed, in bytes
_DEFERRED = 64 * 1024
_WAVEFORM_SEQUENCE = BaseTag(0x54000100)
# What is left out without bulk data (PS3.4 Z.1.3): elements wherever they are, ...
_BULK_DATA = frozenset(
    (
        0x00287FE0,  # Pixel Data Provider URL
        0x00420011,  # Encapsulated Document
        0x54001010,  # Waveform Data, of an item of the Waveform Sequence
        0x56000020,  # Spectroscopy Data
        0x7FE00008,  # Float Pixel Data
        0x7FE00009,  # Double Float Pixel Data
        0x7FE00010,  # Pixel Data
    )
)
# ... and those of repeating groups: audio sample, curve and overlay data
_REPEATED_BULK_DATA = frozenset((0x5000200C, 0x50003000, 0x60003000))
_REPEATED = 0xFF01FFFF


# -- what is sent ----------------------------------------------------------------------------


class Instance(NamedTuple):
    """A composite SOP instance that a handler yielded.

    Attributes
    ----------
    source : pydicom.dataset.Dataset, str or os.PathLike
        The instance, or the path of the file that holds it.
    sop_class, sop_instance, transfer_syntax : str
        Its UIDs; empty where they are missing.
    """

    source: Dataset | str | os.PathLike[str]
    sop_class: str
    sop_instance: str
    transfer_syntax: str

    def check(self) -> None:
        """Raise AttributeError if it lacks what a C-STORE request needs."""
        needed = ("SOPClassUID", "SOPInstanceUID", "file_meta.TransferSyntaxUID")
        missing = [name for name, uid in zip(needed, self[1:], strict=True) if not uid]
        if missing:
            raise AttributeError(f"the data set has no {' and no '.join(missing)}")


def as_instance(source: object) -> Instance:
    """Return what a handler yielded as an instance; of a file no more than the head is read.

    Raises
    ------
    TypeError
        It is neither a data set nor a path.
    OSError
        The file can't be read.
    pydicom.errors.InvalidDicomError
        The file is not in the DICOM File Format.
    """
    if isinstance(source, Dataset):
        meta = getattr(source, "file_meta", None)
        syntax = "" if meta is None else meta.get("TransferSyntaxUID")
        return Instance(
            source,
            source.get("SOPClassUID") or "",
            source.get("SOPInstanceUID") or "",
            syntax or "",
        )
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(
            f"the handler yielded {type(source).__name__} where a data set or a path is due"
        )
    path = os.fspath(source)
    with opened(path) as fd:
        head = read_file_head(fd)
    if head.sop_class_uid and head.sop_instance_uid and head.transfer_syntax:
        return Instance(path, head.sop_class_uid, head.sop_instance_uid, head.transfer_syntax)
    return as_instance(dcmread(path))  # the data set may have what its file meta lacks


def without_bulk_data(instance: Instance) -> Instance:
    """Return an instance without bulk data; the data set that was given stays as it is.

    See PS3.4 Z.1.3. Of a file the bulk data is not read.
    """
    source = instance.source
    if not isinstance(source, Dataset):
        source = dcmread(source, defer_size=_DEFERRED)
    return instance._replace(source=_without_bulk_data(source))


def _without_bulk_data(data_set: Dataset) -> Dataset:
    """Return a copy of a data set that shares all elements but those with bulk data."""
    kept = Dataset(
        {
            tag: data_set.get_item(tag)
            for tag in data_set.keys()  # noqa: SIM118 - iterating itself converts the elements
            if tag not in _BULK_DATA and (tag & _REPEATED) not in _REPEATED_BULK_DATA
        }
    )
    implicit, little = data_set.original_encoding
    kept.set_original_encoding(implicit, little, data_set.original_character_set)
    for name in ("file_meta", "_is_implicit_VR", "_is_little_endian"):
        if name in vars(data_set):
            setattr(kept, name, vars(data_set)[name])
    if _WAVEFORM_SEQUENCE in kept:
        items = [_without_bulk_data(item) for item in kept[_WAVEFORM_SEQUENCE].value]
        kept[_WAVEFORM_SEQUENCE] = DataElement(_WAVEFORM_SEQUENCE, "SQ", items)
    return kept


# -- where it is sent to ---------------------------------------------------------------------


class Recipient(Protocol):
    """Where the instances of a retrieval go."""

    def store(self, instance: Instance, message_id: int) -> Dataset:
        """Send an instance and return the status, empty if no response came.

        Raises
        ------
        DestinationError
            The recipient can't be reached.
        Exception
            The instance can't be sent.
        """

    def close(self, orderly: bool) -> None:
        """End the associations made for it: release them, or abort them if not `orderly`."""


class SameAssociation:
    """Where the instances of a C-GET go: back to the requestor (PS3.4 C.4.3)."""

    def __init__(self, assoc: Association) -> None:
        self._assoc = assoc

    def store(self, instance: Instance, message_id: int) -> Dataset:
        """Send an instance; see :class:`Recipient`."""
        # Before a file is decoded, for a conversion, that can't be sent then
        self._assoc._get_valid_context(instance.sop_class, instance.transfer_syntax, "scu")
        return self._assoc.send_c_store(instance.source, message_id)

    def close(self, orderly: bool) -> None:
        """Leave the association to its owner."""


class DestinationError(Exception):
    """There is no association with the destination.

    Parameters
    ----------
    status : int
        The status that a C-MOVE ends with that has not begun: 0xA801 if the destination can't
        be reached or refuses, 0xC515 if what the handler said about it is of no use.
    reason : str
        Why.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Destination:
    """Where the instances of a C-MOVE go: the AE that was named (PS3.4 C.4.2).

    There is one association at a time, as there are destinations that let a second one wait until
    the first is over. The first proposes the contexts that the handler or the AE name. For an
    instance that none of them fits it gives way to one that proposes the SOP class with the
    instance's own transfer syntax, besides what was proposed before. A destination is asked for
    nothing twice: what it has refused is remembered, and one that was lost while it was sent to
    is not called again.

    Parameters
    ----------
    ae : ae.ApplicationEntity
        Requests the associations.
    ae_title : str
        The AE title of the destination.
    address : str or tuple, port : int, options : dict
        Where it is, and further arguments of ``AE.associate()``.
    originator_id : int
        The Message ID of the C-MOVE request.

    Raises
    ------
    TypeError
        If `options` is no mapping, or its contexts can't be used.
    """

    def __init__(
        self,
        ae: ApplicationEntity,
        ae_title: str,
        address: Any,
        port: Any,
        options: Mapping[str, Any],
        originator_id: int,
    ) -> None:
        if not isinstance(options, Mapping):
            raise TypeError(f"{type(options).__name__} where keyword arguments are due")
        arguments = {"ae_title": ae_title, **options}
        contexts = arguments.pop("contexts", None) or ae.requested_contexts
        self._associate = partial(ae.associate, address, port, **arguments)
        self._originator = ae.ae_title, originator_id
        self._release_timeout = ae.limits.close_timeout
        self._name = safe_text(f"{arguments['ae_title']} at {address}:{port}", 128)
        # The others are proposed when an instance needs them
        self._first = contexts[:MAXIMUM_CONTEXTS]
        # SOP class and transfer syntaxes of the contexts to propose, the last needed last
        self._planned: list[tuple[str, list[str]]] = []
        self._assoc: Association | None = None
        # Why a SOP class in a transfer syntax is not taken
        self._unfit: dict[tuple[str, str], str] = {}
        # What was proposed and rejected; without transfer syntax, the SOP class itself
        self._rejected: set[tuple[str, str]] = set()
        self._lost: str | None = None

    def __str__(self) -> str:
        return self._name

    def connect(self) -> None:
        """Request the first association, if it is known what to propose.

        Raises
        ------
        DestinationError
            If it is not established.
        """
        if not self._first:
            return
        assoc = self._open(self._first)
        if not assoc.is_established:
            raise DestinationError(0xA801, f"{self} accepts none of the presentation contexts")
        self._planned = [
            (str(context.abstract_syntax), [str(uid) for uid in context.transfer_syntax])
            for context in assoc.requestor.requested_contexts
        ]

    def store(self, instance: Instance, message_id: int) -> Dataset:
        """Send an instance; see :class:`Recipient`."""
        assoc = self._association_for(instance)
        status = assoc.send_c_store(instance.source, message_id, 2, *self._originator)
        if not status:
            self._lost = f"the association with {self} was lost"
        return status

    def close(self, orderly: bool) -> None:
        """End the association."""
        assoc, self._assoc = self._assoc, None
        if assoc is None:
            return
        if not orderly:
            assoc.abort(block=False)
            return
        # Who waits for the retrieval does not have to wait for a destination that has it all
        timeout = assoc.acse_timeout
        assoc.acse_timeout = min(self._release_timeout, timeout or self._release_timeout)
        assoc.release()

    def _association_for(self, instance: Instance) -> Association:
        """Return an association that takes an instance, a new one if need be."""
        kind = instance.sop_class, instance.transfer_syntax
        if self._assoc is not None and self._assoc.is_established:
            try:
                self._assoc._get_valid_context(*kind, "scu")
            except ValueError:
                return self._make(kind)
            return self._assoc
        return self._make(kind)

    def _make(self, kind: tuple[str, str]) -> Association:
        """Return a new association that takes a kind of instance, ValueError if it does not."""
        if kind in self._unfit:
            raise ValueError(self._unfit[kind])
        if self._lost:
            raise DestinationError(0xA801, self._lost)
        contexts = self._plan(*kind)
        if not contexts:
            name, syntax = (make_uid(uid).name for uid in kind)
            self._unfit[kind] = f"{self} has refused '{name}' in '{syntax}'"
            raise ValueError(self._unfit[kind])
        assoc = self._open(contexts)
        try:
            assoc._get_valid_context(*kind, "scu")
        except ValueError as exc:
            self._unfit[kind] = str(exc)
            raise
        return assoc

    def _plan(self, sop_class: str, syntax: str) -> list[PresentationContext]:
        """Return contexts for a kind of instance and others like it; none if all were rejected.

        So that few associations do for many kinds, those proposed before are among them.
        """
        wanted = [(sop_class, [syntax])]
        if syntax in _CONVERTIBLE:
            wanted.append((sop_class, [uid for uid in _CONVERTIBLE if uid != syntax]))
        wanted = [context for context in wanted if self._is_worth_asking(*context)]
        if not wanted:
            return []
        others = [
            context
            for context in self._planned
            if context not in wanted and self._is_worth_asking(*context)
        ]
        self._planned = [*others, *wanted]
        return [build_context(*context) for context in self._planned[-MAXIMUM_CONTEXTS:]]

    def _is_worth_asking(self, sop_class: str, syntaxes: list[str]) -> bool:
        """Return False if a context would be rejected, as it was before."""
        return (sop_class, "") not in self._rejected and any(
            (sop_class, syntax) not in self._rejected for syntax in syntaxes
        )

    def _open(self, contexts: Sequence[PresentationContext]) -> Association:
        """Return a new association; not established if the contexts were rejected, all of them."""
        self.close(True)
        assoc = self._request(contexts)
        if assoc.is_established:
            self._assoc = assoc
        elif not assoc.rejected_contexts:
            how = "rejected the association" if assoc.is_rejected else "can't be reached"
            self._lost = f"{self} {how}"
            raise DestinationError(0xA801, self._lost)
        proposed = {cx.context_id: cx for cx in assoc.requestor.requested_contexts}
        for context in assoc.rejected_contexts:
            uid = str(context.abstract_syntax)
            syntaxes = proposed[context.context_id].transfer_syntax
            self._rejected.update((uid, str(syntax)) for syntax in syntaxes)
            if context.result == _ABSTRACT_SYNTAX_NOT_SUPPORTED:
                self._rejected.add((uid, ""))
        return assoc

    def _request(self, contexts: Sequence[PresentationContext]) -> Association:
        try:
            return self._associate(contexts=contexts)
        except Exception as exc:
            self._lost = f"no association with {self} can be requested: {exc}"
            raise DestinationError(0xC515, self._lost) from exc


def name_of(source: object) -> str:
    """Return how to call something that a handler yielded, if it has no SOP Instance UID."""
    if isinstance(source, (str, os.PathLike)):
        return safe_text(os.fspath(source), 256)
    return f"a {type(source).__name__}"
