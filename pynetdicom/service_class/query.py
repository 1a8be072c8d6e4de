"""C-FIND as SCP (PS3.7 9.1.2), and the service classes that have nothing else.

A handler of EVT_C_FIND yields a status and a data set for each match. Every service class that
can be queried answers with :func:`find`, but for the one whose queries have one match at most.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, ClassVar, TypeAlias

from pydicom.dataset import Dataset

import pynetdicom._config as _config
import pynetdicom.events as evt
from pynetdicom._globals import STATUS_UNKNOWN, STATUS_WARNING
from pynetdicom.dimse_primitives import C_FIND, C_GET, C_MOVE, DimseServiceType
from pynetdicom.dsutils import decode, encode, pretty_dataset
from pynetdicom.errors import DataSetLimitError
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.service_class.base import Operations, ServiceClass
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


# -- what serves operations with several responses -------------------------------------------


def failure_status(
    service: ServiceClass,
    event: evt.InterventionEvent,
    req: DimseServiceType,
    error: Exception,
    otherwise: int,
) -> int:
    """Log what the handler of a request raised, and return the status that tells the peer.

    Parameters
    ----------
    service : ServiceClass
        What serves the request.
    event : events.InterventionEvent
        The event of the handler.
    req : dimse_primitives.DIMSEPrimitive
        The request.
    error : Exception
        What was raised.
    otherwise : int
        The status, unless the request's data set exceeds a limit: then it is 0xC000.
    """
    if isinstance(error, DataSetLimitError):
        LOGGER.error("%s request refused: %s", req.msg_type, error)
        return 0xC000
    if isinstance(error, NotImplementedError) and not service.assoc._is_bound(event):
        LOGGER.error("%s request refused: no handler is bound to %s", req.msg_type, event)
    else:
        LOGGER.error("Exception in the handler of %s", event, exc_info=error)
    return otherwise


def is_awaited(service: ServiceClass) -> bool:
    """Look at what the peer has sent; return whether it still awaits responses.

    That is not so when the association has ended, or the peer asks for its release.
    """
    assoc = service.assoc
    assoc.dul.pump()
    return assoc.is_established and assoc.dul.peek_next_pdu() is None


def log_request_identifier(
    service: ServiceClass, req: C_FIND | C_GET | C_MOVE, context: PresentationContextTuple
) -> None:
    """Log the identifier of a request, if that is wanted (``_config.LOG_REQUEST_IDENTIFIERS``)."""
    if not _config.LOG_REQUEST_IDENTIFIERS or not LOGGER.isEnabledFor(logging.INFO):
        return
    syntax = context.transfer_syntax
    try:
        identifier = decode(
            req.Identifier or BytesIO(),
            syntax.is_implicit_VR,
            syntax.is_little_endian,
            syntax.is_deflated,
            limits=service.ae.limits,
        )
    except Exception as exc:  # which the handler will see as well, if it looks
        reason = safe_text(str(exc), 256)
        LOGGER.info("%s request identifier can't be decoded: %s", req.msg_type, reason)
        return
    log_identifier(logging.INFO, f"{req.msg_type} request identifier", identifier)


def log_identifier(level: int, title: str, identifier: Dataset) -> None:
    """Log an identifier; whatever is wrong with it, the operation goes on."""
    try:
        LOGGER.log(level, "%s:\n%s", title, "\n".join(pretty_dataset(identifier, 1)))
    except Exception:
        LOGGER.exception("Unable to log a %s", title)


# -- C-FIND ----------------------------------------------------------------------------------


class _Answer:
    """Sends the responses to a C-FIND request."""

    def __init__(
        self, service: ServiceClass, req: C_FIND, context: PresentationContextTuple
    ) -> None:
        self._service = service
        self._req = req
        self._context_id = context.context_id
        syntax = context.transfer_syntax
        self._encoding = (syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
        # By status; one that comes with Error Comment, for example, is made each time
        self._plain: dict[int, C_FIND] = {}
        self._is_logged = _config.LOG_RESPONSE_IDENTIFIERS and LOGGER.isEnabledFor(logging.DEBUG)

    def send(self, status: object, identifier: object = None) -> int | None:
        """Send a response, with the identifier if it is Pending; return its status."""
        rsp, data = self._response(status), None
        if rsp.Status in _PENDING:
            data = self._encode(identifier)
            if data is None:
                rsp = self._response(_NOT_ENCODED)
        self._service.dimse.send_msg(rsp, self._context_id, data)
        return rsp.Status

    def _response(self, status: object) -> C_FIND:
        """Return the response with a status."""
        rsp = self._plain.get(status) if isinstance(status, int) else None
        if rsp is None:
            rsp = self._req.response()
            self._service.validate_status(status, rsp)
            if isinstance(status, int):
                self._plain[status] = rsp
        return rsp

    def _encode(self, identifier: object) -> bytes | None:
        """Return an encoded identifier, None if it can't be sent, which is logged."""
        if not isinstance(identifier, Dataset) or not len(identifier):
            what = "empty" if isinstance(identifier, Dataset) else type(identifier).__name__
            LOGGER.error("A match must be a data set with elements, not '%s'", what)
            return None
        if self._is_logged:
            log_identifier(logging.DEBUG, "C-FIND response identifier", identifier)
        return encode(identifier, *self._encoding)


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
        yield failure_status(service, evt.EVT_C_FIND, req, exc, otherwise), None


@contextmanager
def _closing(matches: _Matches) -> Iterator[_Matches]:
    """Close a handler's generator in the end (GeneratorExit is raised in it)."""
    try:
        yield matches
    finally:
        with suppress(RuntimeError):  # it has failed to end, which is logged by now
            matches.close()


def _pair(item: Any) -> tuple[Any, Any]:
    """Return the status and the identifier that a handler yielded."""
    try:
        status, identifier = item
    except (TypeError, ValueError):
        raise TypeError(
            "The handler of EVT_C_FIND must yield two things, a status and a data set or None; "
            f"it yielded '{type(item).__name__}'"
        ) from None
    return status, identifier


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
            status = answer.send(*_pair(item))
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
            status, identifier = _pair(item)
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

    def SCP(self, req: DimseServiceType, context: PresentationContextTuple) -> None:
        """Serve a request.

        Parameters
        ----------
        req : dimse_primitives.DIMSEPrimitive
            The request.
        context : presentation.PresentationContextTuple
            The presentation context that it came in.

        Raises
        ------
        NotImplementedError
            If the SOP class of the context is for another operation.
        """
        model = uid_to_sop_class(context.abstract_syntax)
        if model.dimse_msg_type != req.msg_type:
            raise NotImplementedError(
                f"{req.msg_type} is not the operation of {safe_text(model.name)}"
            )
        super().SCP(req, context)


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
