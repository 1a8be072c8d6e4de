"""DICOM networking: application entities, associations and services, on pydicom.

The names that most programs need; everything else is in the modules of the package.
"""

from typing import TYPE_CHECKING

import pynetdicom._lazy as _lazy
import pynetdicom._legacy as _legacy
import pynetdicom.events as evt
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES, DEFAULT_TRANSFER_SYNTAXES
from pynetdicom._handlers import debug_logger
from pynetdicom._version import (
    PYNETDICOM_IMPLEMENTATION_VERSION,
    PYNETDICOM_UID_PREFIX,
    __version__,
)
from pynetdicom.ae import ApplicationEntity as AE
from pynetdicom.association import Association
from pynetdicom.presentation import build_context, build_role

if TYPE_CHECKING:
    from pynetdicom._version import PYNETDICOM_IMPLEMENTATION_UID
    from pynetdicom.presentation import (
        AllStoragePresentationContexts,
        ApplicationEventLoggingPresentationContexts,
        BasicWorklistManagementPresentationContexts,
        ColorPalettePresentationContexts,
        DefinedProcedureProtocolPresentationContexts,
        DisplaySystemPresentationContexts,
        HangingProtocolPresentationContexts,
        ImplantTemplatePresentationContexts,
        InstanceAvailabilityPresentationContexts,
        InventoryPresentationContexts,
        MediaCreationManagementPresentationContexts,
        MediaStoragePresentationContexts,
        ModalityPerformedPresentationContexts,
        NonPatientObjectPresentationContexts,
        PrintManagementPresentationContexts,
        ProcedureStepPresentationContexts,
        ProtocolApprovalPresentationContexts,
        QueryRetrievePresentationContexts,
        RelevantPatientInformationPresentationContexts,
        RTMachineVerificationPresentationContexts,
        StorageCommitmentPresentationContexts,
        StorageManagementPresentationContexts,
        StoragePresentationContexts,
        SubstanceAdministrationPresentationContexts,
        UnifiedProcedurePresentationContexts,
        VerificationPresentationContexts,
    )
    from pynetdicom.sop_class import register_uid

__all__ = [
    "AE",
    "ALL_TRANSFER_SYNTAXES",
    "DEFAULT_TRANSFER_SYNTAXES",
    "PYNETDICOM_IMPLEMENTATION_UID",
    "PYNETDICOM_IMPLEMENTATION_VERSION",
    "PYNETDICOM_UID_PREFIX",
    "AllStoragePresentationContexts",
    "ApplicationEventLoggingPresentationContexts",
    "Association",
    "BasicWorklistManagementPresentationContexts",
    "ColorPalettePresentationContexts",
    "DefinedProcedureProtocolPresentationContexts",
    "DisplaySystemPresentationContexts",
    "HangingProtocolPresentationContexts",
    "ImplantTemplatePresentationContexts",
    "InstanceAvailabilityPresentationContexts",
    "InventoryPresentationContexts",
    "MediaCreationManagementPresentationContexts",
    "MediaStoragePresentationContexts",
    "ModalityPerformedPresentationContexts",
    "NonPatientObjectPresentationContexts",
    "PrintManagementPresentationContexts",
    "ProcedureStepPresentationContexts",
    "ProtocolApprovalPresentationContexts",
    "QueryRetrievePresentationContexts",
    "RTMachineVerificationPresentationContexts",
    "RelevantPatientInformationPresentationContexts",
    "StorageCommitmentPresentationContexts",
    "StorageManagementPresentationContexts",
    "StoragePresentationContexts",
    "SubstanceAdministrationPresentationContexts",
    "UnifiedProcedurePresentationContexts",
    "VerificationPresentationContexts",
    "__version__",
    "build_context",
    "build_role",
    "debug_logger",
    "evt",
    "register_uid",
]

# The ready-made lists of contexts, and what else needs pydicom, are made when they are asked for
_lazy.make_later(
    globals(), "pynetdicom._version", "pynetdicom.presentation", "pynetdicom.sop_class"
)

# The call forms of versions 0 and 1, of which nothing else knows
_legacy.install()
