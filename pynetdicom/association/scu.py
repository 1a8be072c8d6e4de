"""What an association can ask of its peer: the ``send_*`` methods."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, ExplicitVRBigEndian, ImplicitVRLittleEndian

import pynetdicom._config as _config
from pynetdicom.dimse import Buffer, DataSource
from pynetdicom.dimse_messages import command_elements
from pynetdicom.dimse_primitives import C_ECHO, C_STORE, DimseServiceType
from pynetdicom.dsutils import FileHead, encode, read_file_head
from pynetdicom.errors import UpperLayerError
from pynetdicom.sop_class import Verification
from pynetdicom.utils import make_uid

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.dimse import DIMSEServiceProvider
    from pynetdicom.dul import DULServiceProvider
    from pynetdicom.presentation import PresentationContext

LOGGER = logging.getLogger("pynetdicom.association")


class ServiceClassUser:
    """The requests of a DIMSE service user (PS3.7 9, 10); a part of :class:`Association`."""

    # What the other part provides
    dimse: DIMSEServiceProvider
    dul: DULServiceProvider
    is_established: bool
    _accepted: list[PresentationContext]
    _by_syntax: dict[str, list[PresentationContext]]
    _rejected_contexts: list[PresentationContext]

    @property
    def ae(self) -> ApplicationEntity:  # noqa: D102
        raise NotImplementedError

    @property
    def dimse_timeout(self) -> float | None:  # noqa: D102
        raise NotImplementedError

    def abort(self, block: bool = True) -> None:  # noqa: D102
        raise NotImplementedError

    def _peer_text(self) -> str:
        raise NotImplementedError

    # -- presentation contexts ---------------------------------------------------------------

    def _get_valid_context(
        self,
        ab_syntax: str,
        tr_syntax: str,
        role: str | None = None,
        context_id: int | None = None,
        allow_conversion: bool = True,
    ) -> PresentationContext:
        """Return the accepted context to send a request in.

        Parameters
        ----------
        ab_syntax : str
            The abstract syntax, which is the SOP class UID.
        tr_syntax : str
            The transfer syntax of the data set; empty if any will do.
        role : str, optional
            The role that we need: ``"scu"`` (default) or ``"scp"``.
        context_id : int, optional
            A context to try first.
        allow_conversion : bool, optional
            Whether a context will do into whose transfer syntax the data set can be converted
            without loss: uncompressed, of the same byte order.

        Raises
        ------
        ValueError
            If there is none; says what was proposed, what was answered and what to do.
        """
        candidates = [
            context
            for context in self._by_syntax.get(ab_syntax, ())
            if (context.as_scp if role == "scp" else context.as_scu)
        ]
        if context_id is not None:
            candidates.sort(key=lambda context: context.context_id != context_id)
        for context in candidates:
            if not tr_syntax or context.transfer_syntax[0] == tr_syntax:
                return context
        if allow_conversion:
            for context in candidates:
                if _is_convertible(make_uid(tr_syntax), context.transfer_syntax[0]):
                    return context
        raise ValueError(self._explain_no_context(make_uid(ab_syntax), tr_syntax, role or "scu"))

    def _explain_no_context(self, ab_syntax: UID, tr_syntax: str, role: str) -> str:
        """Say why no context will do for a request, and what would."""
        name = f"'{ab_syntax.name}' ({ab_syntax})" if ab_syntax.name != ab_syntax else ab_syntax
        what = f"{name} in '{make_uid(tr_syntax).name}'" if tr_syntax else name
        accepted = [c for c in self._accepted if c.abstract_syntax == ab_syntax]
        rejected = [c for c in self._rejected_contexts if c.abstract_syntax == ab_syntax]
        if accepted:
            syntaxes = ", ".join(f"'{c.transfer_syntax[0].name}'" for c in accepted)
            why = f"the peer accepted it with {syntaxes} only"
            advice = "propose a context for this transfer syntax alone, or convert the data set"
            if not any(c.as_scp if role == "scp" else c.as_scu for c in accepted):
                why, advice = f"the role of {role.upper()} was not agreed", "propose the role"
        elif rejected:
            why = f"the peer answered '{rejected[0].status}'"
            advice = "ask its administrator, or propose other transfer syntaxes"
        else:
            why = "none was proposed"
            advice = f"use AE.add_requested_context('{ab_syntax}')"
        return f"No presentation context accepted for {what} as {role.upper()}: {why}; {advice}"

    def _check_established(self) -> None:
        if not self.is_established:
            raise RuntimeError(
                "The association with the peer must be established before a request can be sent"
            )

    # -- the request engine ------------------------------------------------------------------

    def _request(
        self, primitive: DimseServiceType, context_id: int, data_set: DataSource | None = None
    ) -> Dataset:
        """Send a request that has one response; return its status, empty if none came."""
        if primitive.MessageID is None:
            raise TypeError("msg_id must be an int, not None")
        response: DimseServiceType | None = None
        try:
            with self.dimse.exchange(primitive, context_id, data_set) as exchange:
                response = self.dimse.next_response(exchange, self.dimse_timeout)
        except UpperLayerError as exc:
            why = exc if self.is_established else "the association is over"
            self._give_up(f"{primitive.msg_type} request not sent to %s: %s", why)
            return Dataset()
        if response is None:
            if self.is_established:
                timeout = self.dimse_timeout
                self._give_up(
                    f"No {primitive.msg_type} response from %s in %s s, aborting", timeout
                )
            return Dataset()
        if not response.is_valid_response:
            self._give_up(f"{response.msg_type} response of %s without a mandatory element")
            return Dataset()
        return status_of(response)

    def _give_up(self, message: str, *values: object) -> None:
        """Log why the association is no longer of use, and abort it."""
        LOGGER.error(message, self._peer_text(), *values)
        if self.is_established:
            self.abort(block=False)

    # -- C-ECHO ------------------------------------------------------------------------------

    def send_c_echo(self, msg_id: int = 1) -> Dataset:
        """Send a C-ECHO request, to verify the connection (PS3.7 9.1.5, PS3.4 A).

        Parameters
        ----------
        msg_id : int, optional
            The Message ID, 0 to 65535.

        Returns
        -------
        pydicom.dataset.Dataset
            The response's Status and, if given, Error Comment; empty if no valid response came
            within the DIMSE timeout, in which case the association has been aborted.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If Verification was not accepted, or `msg_id` is out of range.
        """
        self._check_established()
        primitive = C_ECHO._from_values({"AffectedSOPClassUID": Verification})
        primitive.MessageID = msg_id
        context = self._get_valid_context(Verification, "", "scu")
        return self._request(primitive, context.context_id or 0)

    # -- C-STORE -----------------------------------------------------------------------------

    def send_c_store(
        self,
        dataset: Dataset | str | os.PathLike[str],
        msg_id: int = 1,
        priority: int = 2,
        originator_aet: str | None = None,
        originator_id: int | None = None,
    ) -> Dataset:
        """Send a C-STORE request, to have an instance stored (PS3.7 9.1.1, PS3.4 B).

        A file goes out as it is, without being decoded or loaded, if its transfer syntax was
        accepted. Else, and from a data set, it is converted if it can be without loss: among
        the uncompressed transfer syntaxes of one byte order.

        Parameters
        ----------
        dataset : pydicom.dataset.Dataset, str or os.PathLike
            The instance with its file meta information, or the path of a DICOM file.
        msg_id : int, optional
            The Message ID, 0 to 65535.
        priority : int, optional
            0 medium, 1 high, 2 low.
        originator_aet : str, optional
            Who asked for it by C-MOVE, for a sub-operation of one. Left out, with an error in
            the log, if it can't be an AE title.
        originator_id : int, optional
            The Message ID of that C-MOVE request.

        Returns
        -------
        pydicom.dataset.Dataset
            The response's Status and, if given, Offending Element and Error Comment; empty if
            no valid response came within the DIMSE timeout, in which case the association has
            been aborted.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If there is no accepted context for the instance, it can't be encoded, or another
            parameter is out of range.
        AttributeError
            If the instance has no SOP Class UID, SOP Instance UID or Transfer Syntax UID.
        FileNotFoundError, OSError
            If the file can't be read.
        pydicom.errors.InvalidDicomError
            If the file is no DICOM file.
        """
        self._check_established()
        primitive = C_STORE()
        primitive.MessageID = msg_id
        primitive.Priority = priority
        try:
            primitive.MoveOriginatorApplicationEntityTitle = originator_aet
        except ValueError as exc:  # it is optional, and for the peer's log
            LOGGER.error("Move Originator AE title left out: %s", exc)
        primitive.MoveOriginatorMessageID = originator_id
        if isinstance(dataset, Dataset):
            return self._store_data_set(primitive, dataset)
        if not isinstance(dataset, (str, os.PathLike)):
            raise TypeError(
                f"dataset must be a pydicom Dataset or a path, not {type(dataset).__name__}"
            )
        return self._store_file(primitive, os.fspath(dataset))

    def _store_data_set(self, primitive: C_STORE, dataset: Dataset) -> Dataset:
        """Encode a data set for the context that fits best, and send it."""
        syntax = _transfer_syntax_of(dataset)
        primitive.AffectedSOPClassUID = _required(dataset, "SOPClassUID")
        primitive.AffectedSOPInstanceUID = _required(dataset, "SOPInstanceUID")
        context = self._get_valid_context(dataset.SOPClassUID, syntax, "scu")
        syntax = context.transfer_syntax[0]
        encoded = encode(
            dataset, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated
        )
        if encoded is None:
            raise ValueError(
                f"Failed to encode the data set {dataset.SOPInstanceUID} in '{syntax.name}'; "
                "the log of pynetdicom.dsutils says why"
            )
        return self._request(primitive, context.context_id or 0, encoded)

    def _store_file(self, primitive: C_STORE, path: str) -> Dataset:
        """Send a file as it is if that can be; else decode it and send the data set."""
        with _opened(path) as fd:
            head = read_file_head(fd)
            context = self._context_for_file(head, path)
            if context is not None:
                primitive.AffectedSOPClassUID = head.sop_class_uid
                primitive.AffectedSOPInstanceUID = head.sop_instance_uid
                source = _file_pieces(fd, head.offset, self.ae.limits.output_length)
                return self._request(primitive, context.context_id or 0, source)
        return self._store_data_set(primitive, dcmread(path))

    def _context_for_file(self, head: FileHead, path: str) -> PresentationContext | None:
        """Return the context in which a file can go out undecoded, or None."""
        must = _config.STORE_SEND_CHUNKED_DATASET
        missing = [name for name, value in zip(_HEAD_NAMES, head, strict=False) if not value]
        if missing:
            if must:
                raise AttributeError(
                    f"The file meta information of '{Path(path).name}' has no {missing[0]}"
                )
            return None
        try:
            return self._get_valid_context(
                head.sop_class_uid or "", head.transfer_syntax or "", "scu", None, False
            )
        except ValueError:
            if must:
                raise
            return None


_HEAD_NAMES = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")


def status_of(response: DimseServiceType) -> Dataset:
    """Return the Status of a response, and what else it says about it, as a data set."""
    values = response._values
    keywords = ("Status", *response.STATUS_OPTIONAL_KEYWORDS)
    return command_elements({k: values[k] for k in keywords if values.get(k) is not None})


def _is_convertible(source: UID, target: UID) -> bool:
    """Return True if a data set can be converted without loss and without pixel codecs."""
    try:
        return (
            not source.is_compressed
            and not target.is_compressed
            and source.is_little_endian == target.is_little_endian
        )
    except ValueError:  # not a known transfer syntax
        return False


def _required(dataset: Dataset, keyword: str) -> UID:
    """Return a UID of a data set; AttributeError if it has none."""
    value = getattr(dataset, keyword, None)
    if not value:
        raise AttributeError(f"The data set has no {keyword}, which a C-STORE request needs")
    return make_uid(value)


def _transfer_syntax_of(dataset: Dataset) -> UID:
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
    if (implicit, little) == (stated.is_implicit_VR, stated.is_little_endian):
        return stated
    if implicit == little:  # implicit little or explicit big endian: no other can be meant
        actual = ImplicitVRLittleEndian if implicit else ExplicitVRBigEndian
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


@contextmanager
def _opened(path: str) -> Iterator[int]:
    """Open a file for reading; gives its descriptor. What is wrong with it names the file."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        yield fd
    except InvalidDicomError as exc:
        raise InvalidDicomError(f"'{path}': {exc}") from exc
    except OSError as exc:
        if exc.errno is not None and exc.filename is None:
            exc.filename = path
        raise
    finally:
        os.close(fd)


def _file_pieces(fd: int, offset: int, size: int) -> Iterator[tuple[Buffer, bool]]:
    """Yield the data set of a file from `offset` on, in pieces that are read when they are due."""
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
