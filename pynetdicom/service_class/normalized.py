"""The DIMSE-N services as SCP (PS3.7 10.1): one engine for all six."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from pydicom.dataset import Dataset

import pynetdicom.events as evt
from pynetdicom._globals import STATUS_SUCCESS, STATUS_UNKNOWN, STATUS_WARNING
from pynetdicom.dimse_messages import message_type
from pynetdicom.dimse_primitives import (
    N_ACTION,
    N_CREATE,
    N_DELETE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    DIMSEPrimitive,
    DimseServiceType,
)
from pynetdicom.dsutils import encode, encoding_of
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.service_class.base import ServiceClass, pair_of

LOGGER = logging.getLogger("pynetdicom.service_class_n")

_PROCESSING_FAILURE = 0x0110  # PS3.7 C.5.21

# The services, and what their handlers are bound to
_EVENTS: Final[Mapping[type[DIMSEPrimitive], evt.InterventionEvent]] = {
    N_ACTION: evt.EVT_N_ACTION,
    N_CREATE: evt.EVT_N_CREATE,
    N_DELETE: evt.EVT_N_DELETE,
    N_EVENT_REPORT: evt.EVT_N_EVENT_REPORT,
    N_GET: evt.EVT_N_GET,
    N_SET: evt.EVT_N_SET,
}


def serve(service: ServiceClass, req: DimseServiceType, context: PresentationContextTuple) -> None:
    """Serve a request of a DIMSE-N service with what the handler of its event returns."""
    event = _EVENTS[type(req)]
    rsp = req.response()
    data_set = None
    try:
        answer = service._handle(event, req, context)
    except Exception as exc:
        failed = _PROCESSING_FAILURE
        rsp.Status = service._failure_status(event, req, exc, failed, failed)
    else:
        if not service.assoc.is_established:
            return
        data_set = _answer(service, event, rsp, answer, context)
    service.dimse.send_msg(rsp, context.context_id, data_set)


def _answer(
    service: ServiceClass,
    event: evt.InterventionEvent,
    rsp: DimseServiceType,
    answer: Any,
    context: PresentationContextTuple,
) -> bytes | None:
    """Give a response what the handler returned; return its encoded data set, if it has one."""
    if message_type(rsp).data_set is None:
        service.validate_status(answer, rsp)
        return None
    status, data_set = pair_of(event, answer, "return")
    service.validate_status(status, rsp)
    category, _ = service.statuses.get(rsp.Status or 0, (STATUS_UNKNOWN, ""))
    if category not in (STATUS_SUCCESS, STATUS_WARNING):
        return None
    problem = _instance_problem(rsp, data_set, category)
    if data_set and not isinstance(data_set, Dataset):
        problem = f"'{type(data_set).__name__}' is no data set"
    if problem:
        LOGGER.error("The answer of the handler of %s can't be sent: %s", event, problem)
        rsp.Status = _PROCESSING_FAILURE
        return None
    if not data_set:
        return None
    is_open = service.ae.log_patient_data
    encoding = encoding_of(context.transfer_syntax)
    encoded = encode(data_set, *encoding, log_patient_data=is_open)
    if encoded is None:
        rsp.Status = _PROCESSING_FAILURE
    return encoded or None  # none if there are group lengths only


def _instance_problem(rsp: DimseServiceType, data_set: Any, category: str) -> str:
    """Name a created instance in the response; return why that can't be, or nothing.

    The handler may have put the UID into the data set, where no element of group 0000 may be.
    """
    if not isinstance(rsp, N_CREATE):
        return ""
    if isinstance(data_set, Dataset):
        assigned = data_set.pop("AffectedSOPInstanceUID", None)
        if assigned is not None and rsp.AffectedSOPInstanceUID is None:
            rsp.AffectedSOPInstanceUID = assigned.value
    if rsp.AffectedSOPInstanceUID is None and category == STATUS_SUCCESS:
        return "neither the request nor the data set has an Affected SOP Instance UID"
    return ""
