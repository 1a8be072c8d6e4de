"""C-GET and C-MOVE as SCP (PS3.7 9.1.3, 9.1.4; PS3.4 C.4.2, C.4.3), and the service classes.

A handler yields how many instances there are and then each of them; a C-MOVE's first says where
they go. What follows is the same for both: a sub-operation for each instance, and responses that
count them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

import pynetdicom.events as evt
from pynetdicom._globals import (
    STATUS_CANCEL,
    STATUS_SUCCESS,
    STATUS_UNKNOWN,
    STATUS_WARNING,
)
from pynetdicom.dimse_primitives import C_FIND, C_GET, C_MOVE, DIMSEPrimitive, DimseServiceType
from pynetdicom.dsutils import encode, encoding_of
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.service_class.base import Operations, ServiceClass, pair_of
from pynetdicom.service_class.query import InformationModelServiceClass, find
from pynetdicom.service_class.responses import Pace, is_awaited, log_request_identifier
from pynetdicom.service_class.suboperations import (
    Destination,
    DestinationError,
    Recipient,
    SameAssociation,
    as_instance,
    name_of,
    without_bulk_data,
)
from pynetdicom.sop_class import CompositeInstanceRetrieveWithoutBulkDataGet
from pynetdicom.status import (
    QR_FIND_SERVICE_CLASS_STATUS,
    QR_GET_SERVICE_CLASS_STATUS,
    QR_MOVE_SERVICE_CLASS_STATUS,
    STORAGE_SERVICE_CLASS_STATUS,
    StatusDictType,
)
from pynetdicom.utils import safe_text

LOGGER = logging.getLogger("pynetdicom.service_class")

_SUCCESS = 0x0000
_PENDING = 0xFF00
_ALSO_PENDING = 0xFF01
_SOME_FAILED = 0xB000
_ALL_FAILED = 0xA702
_DESTINATION_UNKNOWN = 0xA801
_DESTINATION_UNUSABLE = 0xC515

_UNKNOWN = (STATUS_UNKNOWN, "not one of Storage")

# The counters of a response have 16 bits
_MOST_SUBOPERATIONS = 0xFFFF
# Sub-operations of one retrieval whose failure is told each in a line of its own
_TOLD_FAILURES = 10
_FAILED_SOP_INSTANCE_UID_LIST = BaseTag(0x00080058)


class _RefusedError(Exception):
    """The request is answered with nothing but a status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"0x{status:04X}")
        self.status = status


class _DesertedError(Exception):
    """The requestor awaits no more responses."""


class _Retrieval:
    """Serves one C-GET or C-MOVE request."""

    event: ClassVar[evt.InterventionEvent]
    # What is answered when the handler fails; when it yields nothing, nothing that is the number
    # of sub-operations, or too large a number
    handler_failed: ClassVar[int]
    nothing_yielded: ClassVar[int]
    no_number: ClassVar[int]
    too_many: ClassVar[int]

    def __init__(
        self, service: ServiceClass, req: C_GET | C_MOVE, context: PresentationContextTuple
    ) -> None:
        self._service = service
        self._req = req
        self._context = context
        # For all responses: what a handler sets besides the status stays
        self._rsp = req.response()
        self._yielded: Any = None
        self._recipient: Recipient | None = None
        self._total = self._remaining = 0
        self._completed = self._failed = self._warned = 0
        self._failed_uids: list[str] = []
        self._told = ""
        self._leaves_bulk_data = (
            context.abstract_syntax == CompositeInstanceRetrieveWithoutBulkDataGet
        )

    # -- what the handler yields before the instances ------------------------------------------

    def serve(self) -> None:
        """Serve the request."""
        log_request_identifier(self._service, self._req, self._context)
        outcome = "not ended, as there was an error"
        try:
            outcome = f"status 0x{self._serve():04X}"
        except _DesertedError:
            outcome = "given up, as its requestor has gone"
        finally:
            try:
                self._close_handler()
            finally:
                if self._recipient is not None:
                    self._recipient.close(self._service.assoc.is_established)
            self._log_outcome(outcome)

    def _serve(self) -> int:
        """Serve the request and return the status of the final response."""
        try:
            self._retrieve()
        except _RefusedError as refusal:
            self._rsp.Status = refusal.status
            self._send_final()
        return self._rsp.Status or 0

    def _retrieve(self) -> None:
        """Do what the handler yields, up to the final response."""
        self._yielded = self._call_handler()
        self._read_destination()
        self._total = self._remaining = self._read_number()
        if self._total < 1:
            self._end_with(_SUCCESS)
            return
        self._recipient = self._find_recipient()
        for index, item in enumerate(self._items()):
            self._check_awaited()
            status, source = pair_of(self.event, item, "yield", "a data set, a path or None")
            code = self._service.validate_status(status, self._rsp).Status
            if code != _PENDING:
                self._end(code or 0, source)
                return
            self._perform(index, source)
            self._check_awaited()
            self._count_in_response(self._remaining)
            self._send(more=self._may_wait())
        self._end_as_counted()

    def _call_handler(self) -> Any:
        """Return what the handler returns."""
        try:
            return self._service._handle(self.event, self._req, self._context)
        except Exception as exc:
            raise self._refusal(exc, self.handler_failed) from None

    def _refusal(self, error: Exception, status: int) -> _RefusedError:
        """Return the answer to what was raised by the handler, which is logged."""
        return _RefusedError(self._service._failure_status(self.event, self._req, error, status))

    def _next(self, otherwise: int) -> Any:
        """Return the next thing that the handler yields; if there is none refuse the request."""
        try:
            return next(self._yielded)
        except StopIteration:
            LOGGER.error("The handler of %s ended before all was yielded", self.event)
        except Exception as exc:
            raise self._refusal(exc, otherwise) from None
        raise _RefusedError(otherwise)

    def _read_destination(self) -> None:
        """Take what the handler yields before the number of sub-operations."""

    def _read_number(self) -> int:
        """Return the number of sub-operations that the handler yields."""
        value = self._next(self.no_number)
        try:
            number = int(value)
        except Exception:
            LOGGER.error(
                "The handler of %s must yield the number of sub-operations, not %s",
                self.event,
                type(value).__name__,
            )
            raise _RefusedError(self.no_number) from None
        if number > _MOST_SUBOPERATIONS:
            LOGGER.error("%d sub-operations: one request can't have so many", number)
            raise _RefusedError(self.too_many)
        return number

    def _find_recipient(self) -> Recipient:
        """Return where the instances go."""
        raise NotImplementedError

    # -- the instances -------------------------------------------------------------------------

    def _items(self) -> Iterator[object]:
        """Yield what the handler yields, as far as it was announced; a failure if it raises."""
        while True:
            try:
                item = next(self._yielded)
            except StopIteration:
                return
            except Exception as exc:
                status = self._refusal(exc, self.handler_failed).status
                if self._remaining:
                    yield status, None
                return
            if not self._remaining:
                LOGGER.warning(
                    "The handler of %s yields more than the %d sub-operations that it announced",
                    self.event,
                    self._total,
                )
                return
            yield item

    def _perform(self, index: int, source: object) -> None:
        """Perform the sub-operation for an instance, and count how it went."""
        assert self._recipient is not None
        message_id = (self._req.MessageID or 0) + 1 + index
        if message_id > 0xFFFF:
            message_id -= 0xFFFF
        uid = ""
        try:
            instance = as_instance(source)
            uid = instance.sop_instance
            instance.check()
            if self._leaves_bulk_data:
                instance = without_bulk_data(instance)
            status = self._recipient.store(instance, message_id)
        except DestinationError as exc:
            if self._remaining == self._total:  # the same as if it had been before the first
                LOGGER.error("%s request refused: %s", self._req.msg_type, exc)
                raise _RefusedError(exc.status) from None
            self._count_failure(uid or name_of(source), uid, str(exc), str(exc))
        except Exception as exc:
            reason = str(exc) if self._is_open else ""
            LOGGER.debug("Sub-operation failed", exc_info=exc if self._is_open else None)
            self._count_failure(uid or name_of(source), uid, reason or type(exc).__name__)
        else:
            self._count(uid, status)
        self._remaining -= 1

    def _count(self, uid: str, status: Dataset) -> None:
        """Count a sub-operation by the status of its response."""
        code = status.get("Status")
        category, meaning = STORAGE_SERVICE_CLASS_STATUS.get(code, _UNKNOWN)
        if category == STATUS_SUCCESS:
            self._completed += 1
        elif category == STATUS_WARNING:
            self._warned += 1
        elif code is None:
            self._count_failure(uid, uid, "no response came")
        else:
            comment = safe_text(str(status.get("ErrorComment", ""))) if self._is_open else ""
            self._count_failure(uid, uid, f"status 0x{code:04X} ({meaning}) {comment}".rstrip())

    def _count_failure(self, what: str, uid: str, reason: str, once: str = "") -> None:
        """Count a failed sub-operation and log the reason, unless `once` says it was logged."""
        self._check_awaited()  # else that is why
        self._failed += 1
        if uid:
            self._failed_uids.append(uid)
        is_told = self._failed > _TOLD_FAILURES or (bool(once) and once == self._told)
        self._told = once
        LOGGER.log(
            logging.DEBUG if is_told else logging.ERROR,
            "C-STORE sub-operation for %s failed: %s",
            safe_text(what, 256) if self._is_open else "an instance",
            reason,
        )

    @property
    def _is_open(self) -> bool:
        """Whether the log may name instances and what the destination says of them."""
        return self._service.ae.log_patient_data

    # -- the responses -------------------------------------------------------------------------

    def _check_awaited(self) -> None:
        """Raise _DesertedError if the requestor has aborted, or asks for release."""
        if not is_awaited(self._service):
            raise _DesertedError

    def _count_in_response(self, remaining: int | None) -> None:
        """Give the counters to the response; those that remain only to Pending and Cancel."""
        rsp = self._rsp
        rsp.NumberOfRemainingSuboperations = remaining
        rsp.NumberOfCompletedSuboperations = self._completed
        rsp.NumberOfFailedSuboperations = self._failed
        rsp.NumberOfWarningSuboperations = self._warned

    def _end(self, code: int, own: object) -> None:
        """Send the final response that the handler asks for."""
        category, _ = self._service.statuses.get(code, _UNKNOWN)
        if category == STATUS_SUCCESS:
            self._end_with(_SOME_FAILED if self._failed or self._warned else _SUCCESS)
        elif category == STATUS_CANCEL:
            self._end_with(code, self._remaining, own)
        elif category == STATUS_UNKNOWN:  # as it is, with the counters of the last response
            if code != _ALSO_PENDING:
                self._rsp.NumberOfRemainingSuboperations = None
            self._send_final()
        else:
            self._failed += self._remaining
            self._end_with(code, None, own)

    def _end_as_counted(self) -> None:
        """Send the final response when the handler has come to its end."""
        if not (self._failed or self._warned):
            self._end_with(_SUCCESS)
        else:
            self._end_with(_ALL_FAILED if self._failed == self._total else _SOME_FAILED)

    def _end_with(self, code: int, remaining: int | None = None, own: object = None) -> None:
        """Send the final response with a status, and if it is no success with what failed."""
        self._rsp.Status = code
        self._count_in_response(remaining)
        self._send_final(None if code == _SUCCESS else self._encoded_list(own))

    def _encoded_list(self, own: object) -> bytes | None:
        """Return the encoded Failed SOP Instance UID List, the handler's own if it has one."""
        uids: list[str] | str = self._failed_uids
        identifier = Dataset()
        # Not validated: the UIDs are those of the instances, whatever these are
        identifier[_FAILED_SOP_INSTANCE_UID_LIST] = DataElement(
            _FAILED_SOP_INSTANCE_UID_LIST, "UI", uids or "", already_converted=True
        )
        encoding = encoding_of(self._context.transfer_syntax)
        if isinstance(own, Dataset) and _FAILED_SOP_INSTANCE_UID_LIST in own:
            encoded = encode(own, *encoding, log_patient_data=self._service.ae.log_patient_data)
            if encoded is not None:
                return encoded
        return encode(identifier, *encoding)

    def _send_final(self, identifier: bytes | None = None) -> None:
        """Send the final response, once the destination has been left."""
        if self._recipient is not None:
            self._recipient.close(True)
        self._check_awaited()
        self._send(identifier)

    def _send(self, identifier: bytes | None = None, more: bool = False) -> None:
        context_id = self._context.context_id
        self._service.dimse.send_msg(self._rsp, context_id, identifier, more=more)

    def _may_wait(self) -> bool:
        """Return whether the Pending response that is sent now may wait for the next."""
        return False

    # -- the end -------------------------------------------------------------------------------

    def _close_handler(self) -> None:
        """Close the handler's generator (GeneratorExit is raised in it)."""
        close = getattr(self._yielded, "close", None)
        if close is None:
            return
        try:
            close()
        except Exception:
            LOGGER.exception("Exception in the handler of %s when it was closed", self.event)

    def _log_outcome(self, outcome: str) -> None:
        """Log how the retrieval went, in one line."""
        LOGGER.info(
            "%s of %s: %s; of %d sub-operations %d completed, %d failed, %d with a warning",
            self._req.msg_type,
            self._service.assoc._peer,
            outcome,
            self._total,
            self._completed,
            self._failed,
            self._warned,
        )


class _Get(_Retrieval):
    """Serves a C-GET request: the instances go back on its association."""

    event = evt.EVT_C_GET
    handler_failed, nothing_yielded, no_number, too_many = 0xC411, 0xC413, 0xC413, 0xC416

    def _find_recipient(self) -> Recipient:
        return SameAssociation(self._service.assoc)


class _Move(_Retrieval):
    """Serves a C-MOVE request: the instances go to the destination that the handler yields."""

    event = evt.EVT_C_MOVE
    handler_failed, nothing_yielded, no_number, too_many = 0xC511, 0xC514, 0xC513, 0xC516

    def __init__(
        self, service: ServiceClass, req: C_MOVE, context: PresentationContextTuple
    ) -> None:
        super().__init__(service, req, context)
        self._title = (req.MoveDestination or "").strip(" ")
        self._destination: Any = None
        self._pace = Pace()

    def _may_wait(self) -> bool:
        # The requestor of a C-GET has to read its response before the next instance, and does so
        # while that is encoded; that of a C-MOVE gets nothing but responses
        return self._pace.may_wait()

    def _read_destination(self) -> None:
        self._destination = self._next(self.nothing_yielded)
        try:
            is_known = None not in self._destination[:2]
        except Exception:
            name = type(self._destination).__name__
            raise self._unusable(f"it is of type '{name}'") from None
        if not is_known:
            LOGGER.error("C-MOVE request refused: %s is not known", safe_text(self._title))
            raise _RefusedError(_DESTINATION_UNKNOWN)

    def _unusable(self, why: object) -> _RefusedError:
        """Return the answer to a destination of no use, which is logged."""
        LOGGER.error("The handler of EVT_C_MOVE yielded no destination that can be used: %s", why)
        return _RefusedError(_DESTINATION_UNUSABLE)

    def _find_recipient(self) -> Recipient:
        ae, message_id = self._service.ae, self._req.MessageID or 0
        try:
            address, port, *more = self._destination
            options = more[0] if more else {}
            destination = Destination(ae, self._title, address, port, options, message_id)
            destination.connect()
        except DestinationError as exc:
            LOGGER.error("C-MOVE request refused: %s", exc)
            raise _RefusedError(exc.status) from None
        except (TypeError, ValueError) as exc:
            raise self._unusable(exc) from None
        return destination


def get(service: ServiceClass, req: C_GET, context: PresentationContextTuple) -> None:
    """Serve a C-GET request (PS3.7 9.1.3) with what the handler of EVT_C_GET yields."""
    _Get(service, req, context).serve()


def move(service: ServiceClass, req: C_MOVE, context: PresentationContextTuple) -> None:
    """Serve a C-MOVE request (PS3.7 9.1.4) with what the handler of EVT_C_MOVE yields."""
    _Move(service, req, context).serve()


# -- service classes -------------------------------------------------------------------------


class QueryRetrieveServiceClass(InformationModelServiceClass):
    """Answers queries for composite instances, and retrievals of them (PS3.4 C)."""

    operations: ClassVar[Operations] = {C_FIND: find, C_GET: get, C_MOVE: move}
    _statuses: ClassVar[Mapping[type[DIMSEPrimitive], StatusDictType]] = {
        C_FIND: QR_FIND_SERVICE_CLASS_STATUS,
        C_GET: QR_GET_SERVICE_CLASS_STATUS,
        C_MOVE: QR_MOVE_SERVICE_CLASS_STATUS,
    }

    def _prepare(self, req: DimseServiceType, context: PresentationContextTuple) -> None:
        """Make ready for a request; from then on `statuses` are those of its operation."""
        self.statuses = self._statuses.get(type(req), self.statuses)
        super()._prepare(req, context)


class HangingProtocolQueryRetrieveServiceClass(QueryRetrieveServiceClass):
    """Answers queries for hanging protocols, and retrievals of them (PS3.4 U)."""


class ColorPaletteQueryRetrieveServiceClass(QueryRetrieveServiceClass):
    """Answers queries for colour palettes, and retrievals of them (PS3.4 X)."""


class ImplantTemplateQueryRetrieveServiceClass(QueryRetrieveServiceClass):
    """Answers queries for implant templates, and retrievals of them (PS3.4 BB)."""


class DefinedProcedureProtocolQueryRetrieveServiceClass(QueryRetrieveServiceClass):
    """Answers queries for defined procedure protocols, and retrievals of them (PS3.4 HH)."""


class ProtocolApprovalQueryRetrieveServiceClass(QueryRetrieveServiceClass):
    """Answers queries for protocol approvals, and retrievals of them (PS3.4 II)."""


class InventoryQueryRetrieveServiceClass(QueryRetrieveServiceClass):
    """Answers queries for inventories of a repository, and retrievals of them (PS3.4 JJ)."""
