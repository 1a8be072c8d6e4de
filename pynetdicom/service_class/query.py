"""C-FIND as SCP (PS3.7 9.1.2), and the service classes that have nothing else.

A handler of EVT_C_FIND yields a status and a data set for each match. Every service class that
can be queried answers with :func:`find`, but for the one whose queries have one match at most.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, TypeAlias

from pydicom.dataset import Dataset

import pynetdicom._config as _config
import pynetdicom.events as evt
from pynetdicom._globals import STATUS_UNKNOWN, STATUS_WARNING
from pynetdicom.dimse_messages import encode_command, message_type
from pynetdicom.dimse_primitives import C_FIND, DimseServiceType
from pynetdicom.dsutils import encode, encoding_of, log_identifier
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.service_class.base import Operations, ServiceClass, pair_of
from pynetdicom.service_class.responses import Pace, is_awaited, log_request_identifier
from pynetdicom.sop_class import uid_to_sop_class
from pynetdicom.status import (
    QR_FIND_SERVICE_CLASS_STATUS,
    RELEVANT_PATIENT_SERVICE_CLASS_STATUS,
    SUBSTANCE_ADMINISTRATION_SERVICE_CLASS_STATUS,
)
from pynetdicom.utils import safe_text

LOGGER = logging.getLogger("pynetdicom.service_class")

# What a handler yields: pairs, if it is right
_Matches: TypeAlias = Generator[Any, None, None]

_SUCCESS = 0x0000
# After these more responses follow, whatever the service (PS3.7 9.1.2.1.6)
_PENDING = (0xFF00, 0xFF01)
# What is answered when the handler fails, and when a match can't be sent
_HANDLER_FAILED = 0xC311
_NOT_ENCODED = 0xC312


# -- C-FIND ----------------------------------------------------------------------------------


class _Answer:
    """Sends the responses to a C-FIND request."""

    def __init__(
        self, service: ServiceClass, req: C_FIND, context: PresentationContextTuple
    ) -> None:
        self._service = service
        self._req = req
        self._context_id = context.context_id
        self._encoding = encoding_of(context.transfer_syntax)
        # By status, and of matches with the command set, which all with one status share. What
        # comes with Error Comment, for example, is made each time
        self._known: dict[int, tuple[C_FIND, bytes | None]] = {}
        self._pace = Pace()

    def send(self, status: object, identifier: object = None) -> int | None:
        """Send a response, with the identifier if it is Pending; return its status."""
        rsp, command = self._response(status)
        data = None
        if rsp.Status in _PENDING:
            data = self._encode(identifier)
            if data is None:
                rsp, command = self._response(_NOT_ENCODED)
        more = data is not None and self._pace.may_wait()
        self._service.dimse.send_msg(rsp, self._context_id, data, command, more)
        return rsp.Status

    def _response(self, status: object) -> tuple[C_FIND, bytes | None]:
        """Return the response with a status, and the command set if that is remembered."""
        if isinstance(status, int) and status in self._known:
            return self._known[status]
        rsp = self._req.response()
        self._service.validate_status(status, rsp)
        if not isinstance(status, int):
            return rsp, None
        is_match = status in _PENDING
        command = encode_command(message_type(rsp), rsp, True) if is_match else None
        self._known[status] = rsp, command
        return rsp, command

    def _encode(self, identifier: object) -> bytes | None:
        """Return an encoded identifier, None if it can't be sent, which is logged."""
        if not isinstance(identifier, Dataset) or not len(identifier):
            what = "empty" if isinstance(identifier, Dataset) else type(identifier).__name__
            LOGGER.error("A match must be a data set with elements, not '%s'", what)
            return None
        is_open = self._service.ae.log_patient_data
        if _config.LOG_RESPONSE_IDENTIFIERS and is_open:
            log_identifier(LOGGER, logging.DEBUG, "C-FIND response identifier", identifier)
        return encode(identifier, *self._encoding, log_patient_data=is_open)


def _matches(
    service: ServiceClass,
    req: C_FIND,
    context: PresentationContextTuple,
    misused: int = _HANDLER_FAILED,
) -> _Matches:
    """Yield what the handler yields, and if it fails a status for that.

    `misused` is the one for what can't be iterated, and any other TypeError.
    """
    try:
        found = service._handle(evt.EVT_C_FIND, req, context)
        if found is not None:
            yield from found
    except Exception as exc:
        otherwise = misused if isinstance(exc, TypeError) else _HANDLER_FAILED
        yield service._failure_status(evt.EVT_C_FIND, req, exc, otherwise), None


@contextmanager
def _closing(matches: _Matches) -> Iterator[_Matches]:
    """Close a handler's generator in the end (GeneratorExit is raised in it)."""
    try:
        yield matches
    finally:
        with suppress(RuntimeError):  # it has failed to end, which is logged by now
            matches.close()


def find(service: ServiceClass, req: C_FIND, context: PresentationContextTuple) -> None:
    """Serve a C-FIND request (PS3.7 9.1.2) with what the handler of EVT_C_FIND yields.

    Responses go on after Pending and Warning, until the handler ends: then Success follows.
    """
    log_request_identifier(service, req, context)
    answer = _Answer(service, req, context)
    with _closing(_matches(service, req, context)) as matches:
        for item in matches:
            if not is_awaited(service):
                return
            status = answer.send(*pair_of(evt.EVT_C_FIND, item, "yield"))
            if status not in _PENDING:
                category, _ = service.statuses.get(status or 0, (STATUS_UNKNOWN, ""))
                if category != STATUS_WARNING:
                    return
    if is_awaited(service):
        answer.send(_SUCCESS)


def find_one(service: ServiceClass, req: C_FIND, context: PresentationContextTuple) -> None:
    """Serve a C-FIND request that has one match at most (PS3.4 Q.2.1.1.4).

    Only the first thing that the handler yields counts; if there is none, or it makes no sense,
    nothing matches.
    """
    log_request_identifier(service, req, context)
    answer = _Answer(service, req, context)
    with _closing(_matches(service, req, context, _SUCCESS)) as matches:
        item = next(matches, (_SUCCESS, None))
        if not is_awaited(service):
            return
        try:
            status, identifier = pair_of(evt.EVT_C_FIND, item, "yield")
        except TypeError as exc:
            LOGGER.error("%s", exc)
            status, identifier = _SUCCESS, None
        if answer.send(status, identifier) in _PENDING:
            answer.send(_SUCCESS)


# -- service classes -------------------------------------------------------------------------


class InformationModelServiceClass(ServiceClass):
    """Base of service classes whose SOP classes are for one operation each.

    Such a SOP class stands for an information model and what can be done with it, for example
    "Study Root Query/Retrieve Information Model - FIND" (PS3.4 C.3).
    """

    def _prepare(self, req: DimseServiceType, context: PresentationContextTuple) -> None:
        """Make ready for a request; it has to be for the operation of the SOP class."""
        model = uid_to_sop_class(context.abstract_syntax)
        if model.dimse_msg_type != req.msg_type:
            raise NotImplementedError(
                f"{req.msg_type} is not the operation of {safe_text(model.name)}"
            )
        super()._prepare(req, context)


class BasicWorklistManagementServiceClass(InformationModelServiceClass):
    """Answers queries for a worklist (PS3.4 K)."""

    statuses = QR_FIND_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = {C_FIND: find}


class SubstanceAdministrationQueryServiceClass(InformationModelServiceClass):
    """Answers queries about products and the approval of their use (PS3.4 V)."""

    statuses = SUBSTANCE_ADMINISTRATION_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = {C_FIND: find}


class RelevantPatientInformationQueryServiceClass(ServiceClass):
    """Answers queries for what is relevant about one patient (PS3.4 Q)."""

    statuses = RELEVANT_PATIENT_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = {C_FIND: find_one}
