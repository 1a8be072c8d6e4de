"""The Storage and Non-Patient Object Storage service classes (PS3.4 B, GG)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pynetdicom.events as evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.service_class.base import Operations, ServiceClass
from pynetdicom.status import NON_PATIENT_SERVICE_CLASS_STATUS, STORAGE_SERVICE_CLASS_STATUS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_OUT_OF_RESOURCES = 0xA700
_HANDLER_FAILED = 0xC211


def store(service: ServiceClass, req: C_STORE, context: PresentationContextTuple) -> None:
    """Serve a C-STORE request (PS3.7 9.3.1) with what the handler of EVT_C_STORE returns.

    It is not called if there was no room for the data set.
    """
    rsp = req.response()
    is_answered = False

    def respond(status: int | Dataset) -> None:
        """Answer now, while the handler goes on."""
        nonlocal is_answered
        if is_answered:
            raise RuntimeError("the request has been answered already")
        service.validate_status(status, rsp)
        service.dimse.send_msg(rsp, context.context_id)
        is_answered = True

    if getattr(req.data_source, "error", None) is not None:  # which has been logged
        rsp.ErrorComment = "No room for a temporary file"
        respond(_OUT_OF_RESOURCES)
        return
    try:
        status = service._handle(evt.EVT_C_STORE, req, context, respond=respond)
    except Exception as exc:
        status = service._failure_status(evt.EVT_C_STORE, req, exc, _HANDLER_FAILED)
    if not is_answered and service.assoc.is_established:
        respond(status)


class StorageServiceClass(ServiceClass):
    """Answers C-STORE requests (PS3.4 B.2)."""

    uid = "1.2.840.10008.4.2"
    statuses = STORAGE_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = {C_STORE: store}


class NonPatientObjectStorageServiceClass(StorageServiceClass):
    """Answers C-STORE requests for instances that belong to no patient (PS3.4 GG)."""

    statuses = NON_PATIENT_SERVICE_CLASS_STATUS
