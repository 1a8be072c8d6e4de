"""The service classes of the DIMSE-N services (PS3.4), as SCP.

What each of them can be asked for, and the statuses of its responses; what serves the requests
is the same for all of them.
"""

from __future__ import annotations

from typing import ClassVar

from pynetdicom.dimse_primitives import (
    C_FIND,
    N_ACTION,
    N_CREATE,
    N_DELETE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
)
from pynetdicom.service_class.base import Operations, ServiceClass
from pynetdicom.service_class.normalized import serve
from pynetdicom.service_class.query import find
from pynetdicom.status import (
    APPLICATION_EVENT_LOGGING_SERVICE_CLASS_STATUS,
    GENERAL_STATUS,
    MEDIA_CREATION_MANAGEMENT_SERVICE_CLASS_STATUS,
    PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS,
    PROCEDURE_STEP_STATUS,
    RT_MACHINE_VERIFICATION_SERVICE_CLASS_STATUS,
    STORAGE_COMMITMENT_SERVICE_CLASS_STATUS,
    STORAGE_MANAGEMENT_SERVICE_CLASS_STATUS,
    UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS,
)

__all__ = [
    "ApplicationEventLoggingServiceClass",
    "DisplaySystemManagementServiceClass",
    "InstanceAvailabilityNotificationServiceClass",
    "MediaCreationManagementServiceClass",
    "PrintManagementServiceClass",
    "ProcedureStepServiceClass",
    "RTMachineVerificationServiceClass",
    "StorageCommitmentServiceClass",
    "StorageManagementServiceClass",
    "UnifiedProcedureStepServiceClass",
]

_ALL = {
    N_CREATE: serve,
    N_SET: serve,
    N_GET: serve,
    N_DELETE: serve,
    N_ACTION: serve,
    N_EVENT_REPORT: serve,
}


class ApplicationEventLoggingServiceClass(ServiceClass):
    """Answers requests to log an event (PS3.4 P)."""

    statuses = APPLICATION_EVENT_LOGGING_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = {N_ACTION: serve}


class DisplaySystemManagementServiceClass(ServiceClass):
    """Answers questions about a display system (PS3.4 EE)."""

    statuses = GENERAL_STATUS
    operations: ClassVar[Operations] = {N_GET: serve}


class InstanceAvailabilityNotificationServiceClass(ServiceClass):
    """Is told where instances are available (PS3.4 R)."""

    statuses = GENERAL_STATUS
    operations: ClassVar[Operations] = {N_CREATE: serve}


class MediaCreationManagementServiceClass(ServiceClass):
    """Creates media with instances on them (PS3.4 S)."""

    statuses = MEDIA_CREATION_MANAGEMENT_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = {N_CREATE: serve, N_ACTION: serve, N_GET: serve}


class PrintManagementServiceClass(ServiceClass):
    """Prints films (PS3.4 H)."""

    statuses = PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = _ALL


class ProcedureStepServiceClass(ServiceClass):
    """Keeps track of the procedure steps that modalities perform (PS3.4 F)."""

    statuses = PROCEDURE_STEP_STATUS
    operations: ClassVar[Operations] = {
        N_CREATE: serve,
        N_SET: serve,
        N_GET: serve,
        N_EVENT_REPORT: serve,
    }


class RTMachineVerificationServiceClass(ServiceClass):
    """Verifies the set-up of a machine for radiotherapy (PS3.4 DD)."""

    statuses = RT_MACHINE_VERIFICATION_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = _ALL


class StorageCommitmentServiceClass(ServiceClass):
    """Takes over the responsibility for instances, or hears who has (PS3.4 J)."""

    statuses = STORAGE_COMMITMENT_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = {N_ACTION: serve, N_EVENT_REPORT: serve}


class StorageManagementServiceClass(ServiceClass):
    """Makes inventories of a repository (PS3.4 KK)."""

    statuses = STORAGE_MANAGEMENT_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = {N_ACTION: serve, N_EVENT_REPORT: serve}


class UnifiedProcedureStepServiceClass(ServiceClass):
    """Manages a worklist of procedure steps and tells who subscribed (PS3.4 CC)."""

    statuses = UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = {
        N_CREATE: serve,
        N_SET: serve,
        N_GET: serve,
        N_ACTION: serve,
        N_EVENT_REPORT: serve,
        C_FIND: find,
    }
