"""The archive as service class provider: what it answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from sqlalchemy.exc import SQLAlchemyError

from pynetdicom import (
    AE,
    ALL_TRANSFER_SYNTAXES,
    AllStoragePresentationContexts,
    build_context,
    evt,
)
from pynetdicom._globals import MAXIMUM_CONTEXTS
from pynetdicom.errors import DataSetLimitError
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification, uid_to_sop_class
from pynetdicom.utils import make_uid, safe_text

from .archive import Archive, InstanceError
from .commitment import Committer
from .index import Filed, first_line
from .query import MODELS, Query, QueryError, parse_find, parse_retrieve
from .settings import Destination

LOGGER = logging.getLogger("pynetdicom.apps.qrscp")

_SUCCESS, _CANCELLED = 0x0000, 0xFE00
_PENDING, _PENDING_IN_PART = 0xFF00, 0xFF01
_MISMATCH = 0xA900
_CANNOT_COUNT = 0xA701
# What version 3.0 answers when the database fails
_FIND_FAILED, _GET_FAILED, _MOVE_FAILED = 0xC320, 0xC420, 0xC520
_NOT_DECODED = 0xC000

# Most files are in the first one, and of several that are proposed the first is accepted
_SYNTAXES: Final = (
    ExplicitVRLittleEndian,
    *(uid for uid in ALL_TRANSFER_SYNTAXES if uid != ExplicitVRLittleEndian),
)
# What can be negotiated, byte by byte (PS3.4 C.5.1.1, C.5.2.1, C.5.3.1)
_OFFERED: Final = {"C-FIND": b"\1\1\0\0\0", "C-GET": b"\1\0", "C-MOVE": b"\1\0"}
# The counters of a response have 16 bits
_MOST_INSTANCES: Final = 0xFFFF
# What Error Comment has room for, in characters (PS3.7 E.1)
_COMMENT: Final = 64


class ArchiveSCP:
    """Serves an archive: Storage, Query/Retrieve, Storage Commitment and Verification.

    Parameters
    ----------
    ae : AE
        Gets the presentation contexts, and requests associations.
    archive : Archive
        What is served.
    destinations : dict
        The move destinations by AE title; they also get storage commitment reports.
    """

    def __init__(self, ae: AE, archive: Archive, destinations: Mapping[str, Destination]) -> None:
        self._ae = ae
        self._archive = archive
        self._destinations = destinations
        self._committer = Committer(ae, archive, destinations)
        ae.add_supported_context(Verification)
        ae.add_supported_context(StorageCommitmentPushModel)
        for model in MODELS:
            ae.add_supported_context(model)
        for context in AllStoragePresentationContexts:
            # The other role is for what C-GET sends
            ae.add_supported_context(
                str(context.abstract_syntax), _SYNTAXES, scu_role=True, scp_role=True
            )
        ae.limits.spool_directory = str(archive.incoming)  # so that files only have to be moved

    def handlers(self) -> list[evt.EventHandlerType]:
        """Return what to bind."""
        return [
            (evt.EVT_C_STORE, self.handle_store),
            (evt.EVT_C_FIND, self.handle_find),
            (evt.EVT_C_GET, self.handle_get),
            (evt.EVT_C_MOVE, self.handle_move),
            (evt.EVT_N_ACTION, self._committer.handle_action),
            (evt.EVT_SOP_EXTENDED, self.handle_extended),
        ]

    def close(self) -> None:
        """End what goes on beside the associations."""
        self._committer.close()

    # -- negotiation -------------------------------------------------------------------------

    def handle_extended(self, event: evt.Event) -> dict[UID, bytes]:
        """Accept relational queries and retrievals, and date-time matching (PS3.4 C.5).

        Fuzzy matching of names and adjustment of time zones are declined.
        """
        return {
            uid: bytes(map(min, _OFFERED[uid_to_sop_class(uid).dimse_msg_type or ""], info))
            for uid, info in event.app_info.items()
            if uid in MODELS
        }

    # -- Storage -----------------------------------------------------------------------------

    def handle_store(self, event: evt.Event) -> int | Dataset:
        """Answer a C-STORE."""
        request, syntax = event.request, event.context.transfer_syntax
        is_deflated = syntax == DeflatedExplicitVRLittleEndian
        try:
            self._archive.store(
                event.save_as,
                str(request.AffectedSOPClassUID or ""),
                str(request.AffectedSOPInstanceUID or ""),
                str(syntax),
                (lambda: event.dataset) if is_deflated else None,
            )
        except InstanceError as exc:
            LOGGER.error(
                "Instance %s is refused: %s", safe_text(str(request.AffectedSOPInstanceUID)), exc
            )
            return _status(exc.status, str(exc))
        return _SUCCESS

    # -- Query/Retrieve ----------------------------------------------------------------------

    def handle_find(self, event: evt.Event) -> Iterator[tuple[int | Dataset, Dataset | None]]:
        """Answer a C-FIND."""
        try:
            query = self._query(event)
        except _RefusedError as refusal:
            yield refusal.status, None
            return
        status = _PENDING_IN_PART if query.is_partial else _PENDING
        try:
            for row in self._archive.index.rows(query.statement):
                if event.is_cancelled:
                    yield _CANCELLED, None
                    return
                yield status, query.answer(row, self._ae.ae_title)
        except SQLAlchemyError as exc:
            yield _failed(exc, _FIND_FAILED), None

    def handle_get(self, event: evt.Event) -> Iterator[Any]:
        """Answer a C-GET."""
        try:
            found = self._found(event, _GET_FAILED)
        except _RefusedError as refusal:
            yield from refusal.as_retrieval()
            return
        yield from self._retrieve(event, found)

    def handle_move(self, event: evt.Event) -> Iterator[Any]:
        """Answer a C-MOVE."""
        destination = self._destinations.get(event.move_destination or "")
        if destination is None:
            yield None, None
            return
        try:
            found = self._found(event, _MOVE_FAILED)
        except _RefusedError as refusal:
            yield destination.address, destination.port, {"tls_args": destination.tls}
            yield from refusal.as_retrieval()
            return
        kinds = dict.fromkeys((each.sop_class, each.transfer_syntax) for each in found)
        contexts = [build_context(*kind) for kind in list(kinds)[:MAXIMUM_CONTEXTS]]
        arguments = {"contexts": contexts, "tls_args": destination.tls}
        yield destination.address, destination.port, arguments
        yield from self._retrieve(event, found)

    def _query(self, event: evt.Event) -> Query:
        """Return the query of a C-FIND; _RefusedError if it can't be carried out."""
        model = event.context.abstract_syntax
        agreed = self._agreed(event)
        identifier = _identifier(event)
        try:
            return parse_find(identifier, model, agreed[:1] == b"\1", agreed[1:2] == b"\1")
        except QueryError as exc:
            raise _mismatch(event, exc) from None

    def _found(self, event: evt.Event, otherwise: int) -> list[Filed]:
        """Return the instances of a C-GET or C-MOVE; _RefusedError if they can't be found."""
        identifier = _identifier(event)
        is_relational = self._agreed(event)[:1] == b"\1"
        try:
            statement = parse_retrieve(identifier, event.context.abstract_syntax, is_relational)
            found = list(self._archive.instances(statement.limit(_MOST_INSTANCES + 1)))
        except QueryError as exc:
            raise _mismatch(event, exc) from None
        except SQLAlchemyError as exc:
            raise _RefusedError(_failed(exc, otherwise)) from None
        if len(found) > _MOST_INSTANCES:
            raise _RefusedError(_status(_CANNOT_COUNT, f"More than {_MOST_INSTANCES} instances"))
        return found

    def _agreed(self, event: evt.Event) -> bytes:
        """Return what extended negotiation has agreed upon for the SOP class of a request."""
        asked = event.assoc.requestor.sop_class_extended
        info: bytes = asked.get(make_uid(event.context.abstract_syntax), b"")
        return info

    def _retrieve(self, event: evt.Event, found: list[Filed]) -> Iterator[Any]:
        """Yield the number of instances, and then the file of each."""
        yield len(found)
        for each in found:
            if event.is_cancelled:
                yield _CANCELLED, None
                return
            yield _PENDING, self._archive.path(each)


class _RefusedError(Exception):
    """A request is answered with nothing but a status."""

    def __init__(self, status: Dataset) -> None:
        super().__init__(status.ErrorComment)
        self.status = status

    def as_retrieval(self) -> Iterator[Any]:
        """Yield what the handler of a retrieval yields for it: there has to be a number first."""
        yield 1
        yield self.status, None


def _identifier(event: evt.Event) -> Dataset:
    """Return the identifier of a request; _RefusedError if it can't be decoded."""
    try:
        return event.identifier
    except DataSetLimitError:
        raise
    except Exception as exc:
        LOGGER.error("An identifier can't be decoded: %s", safe_text(str(exc), 256))
        raise _RefusedError(_status(_NOT_DECODED, "The identifier can't be decoded")) from None


def _mismatch(event: evt.Event, error: QueryError) -> _RefusedError:
    """Return the answer to an identifier that does not match the SOP class, which is logged."""
    LOGGER.error("%s refused: %s", event.request.msg_type, error)
    return _RefusedError(_status(_MISMATCH, str(error)))


def _failed(error: SQLAlchemyError, status: int) -> Dataset:
    """Return the answer when the index fails, which is logged."""
    LOGGER.error("The index can't be read: %s", first_line(error))
    return _status(status, "The index can't be read")


def _status(code: int, comment: str) -> Dataset:
    """Return a status that tells why."""
    status = Dataset()
    status.Status = code
    status.ErrorComment = comment[:_COMMENT]
    return status
