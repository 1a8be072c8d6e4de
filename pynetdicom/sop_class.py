"""The SOP classes and well-known SOP instances of DICOM (PS3.6 Annex A) and their services.

This is data. A SOP class names its service class, which is imported only when it is asked for.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from pynetdicom._uids import UID
from pynetdicom.utils import as_uid


class SOPClass(UID):
    """The UID of a SOP class.

    Parameters
    ----------
    val : str
        The UID. It is not validated.
    service : str or type, optional
        The service class that serves it, or the name of one of the package's own. Without, what
        is known about the UID is used.
    dimse_msg_type : str, optional
        What :attr:`dimse_msg_type` shall be.
    """

    _service: str | type[Any]
    _dimse_msg_type: str

    def __new__(
        cls, val: str, service: str | type[Any] = "ServiceClass", dimse_msg_type: str = ""
    ) -> SOPClass:
        """Create the UID."""
        if not isinstance(val, str):
            raise TypeError(f"A SOP class UID must be a str, not '{type(val).__name__}'")
        uid = str.__new__(cls, val.strip())
        uid._service = service
        uid._dimse_msg_type = dimse_msg_type
        return uid

    @property
    def service_class(self) -> type[Any]:
        """The service class, the base class ``ServiceClass`` if none is known (type)."""
        service = _SOP_CLASSES.get(self, self)._service
        return _load_service_class(service) if isinstance(service, str) else service

    @property
    def dimse_msg_type(self) -> str:
        """The operation of a query/retrieve class, ``"C-FIND"`` for example (str).

        Empty if the service class alone says which operations there are.
        """
        return _SOP_CLASSES.get(self, self)._dimse_msg_type


@cache
def _load_service_class(name: str) -> type[Any]:
    """Return the service class `name`, or the base class if there is none of that name."""
    # Not imported above: the service classes stand on top of all that uses this module
    for module in ("pynetdicom.service_class", "pynetdicom.service_class_n"):
        services = import_module(module)
        if name in services.__all__:
            found: type[Any] = getattr(services, name)
            return found
    return _load_service_class("ServiceClass")


def uid_to_sop_class(uid: str) -> SOPClass:
    """Return the SOP class with that UID, a new one without a service if it is not known."""
    return _SOP_CLASSES.get(uid) or SOPClass(uid)


def uid_to_service_class(uid: str) -> type[Any]:
    """Return the service class for the UID of a SOP class or service class.

    Parameters
    ----------
    uid : str
        The UID.

    Returns
    -------
    type
        The base class :class:`~pynetdicom.service_class.ServiceClass` if the UID is not known.
    """
    return uid_to_sop_class(uid).service_class


def is_storage(uid: str) -> bool:
    """Return whether the Storage service takes `uid` if storage is not restricted.

    These are the storage SOP classes and whatever is not known here, private UIDs above all.
    """
    return uid not in _SOP_CLASSES or _SOP_CLASSES[uid]._service == _STORAGE


def listed_sop_classes(*services: str) -> list[SOPClass]:
    """Return the SOP classes that the ready-made lists of contexts have for some services.

    Parameters
    ----------
    *services : str
        Names of service classes.

    Returns
    -------
    list[SOPClass]
        In the order of their UIDs as text.
    """
    return sorted(sop_class for sop_class in _LISTED if sop_class._service in services)


# All that register_uid() has made known; what followed before it did is not valid any more
registered: list[SOPClass] = []


def register_uid(
    uid: str, keyword: str, service_class: type[Any], dimse_msg_type: str = ""
) -> None:
    """Make a private or new SOP class known, as ``pynetdicom.sop_class.<keyword>``.

    Parameters
    ----------
    uid : str
        Its UID.
    keyword : str
        Its name, a Python identifier. One that a SOP class already has passes to this one.
    service_class : type
        The service class that shall serve it: one of the package's own or a class derived
        from them.
    dimse_msg_type : str, optional
        ``"C-FIND"``, ``"C-GET"`` or ``"C-MOVE"``, the operation that the SOP class is for, if it
        is one of query/retrieve or of a worklist. Required with ``QueryRetrieveServiceClass``,
        ``"C-FIND"`` if it is missing with the others, without meaning for other services.

    Raises
    ------
    TypeError
        `service_class` is no service class.
    ValueError
        `keyword` cannot be used, `dimse_msg_type` does not fit or `uid` is no UID.
    """
    if not keyword.isidentifier() or iskeyword(keyword):
        raise ValueError(f"The keyword '{keyword}' is not an identifier or reserved by Python")
    if keyword in globals() and not isinstance(globals()[keyword], UID):
        raise ValueError(f"The keyword '{keyword}' is in use in pynetdicom.sop_class")
    if not isinstance(service_class, type) or not issubclass(
        service_class, _load_service_class("ServiceClass")
    ):
        raise TypeError("'service_class' must be a class derived from ServiceClass")

    if issubclass(service_class, _load_service_class("InformationModelServiceClass")):
        if not dimse_msg_type and service_class.__name__ != _QUERY_RETRIEVE:
            dimse_msg_type = "C-FIND"
        operations = getattr(service_class, "operations", ())
        served = [kind.__name__.replace("_", "-") for kind in operations]
        if dimse_msg_type not in served:
            raise ValueError(
                f"'dimse_msg_type' must be one of {served} with {service_class.__name__}, not "
                f"'{dimse_msg_type}'"
            )
    else:
        dimse_msg_type = ""

    uid = as_uid(uid, "uid", allow_empty=False)
    name = service_class.__name__
    is_ours = service_class is _load_service_class(name)
    sop_class = SOPClass(uid, name if is_ours else service_class, dimse_msg_type)
    _SOP_CLASSES[uid] = globals()[keyword] = sop_class
    registered.append(sop_class)


_VERIFICATION = "VerificationServiceClass"
_STORAGE = "StorageServiceClass"
_NON_PATIENT_OBJECT = "NonPatientObjectStorageServiceClass"
_QUERY_RETRIEVE = "QueryRetrieveServiceClass"
_HANGING_PROTOCOL = "HangingProtocolQueryRetrieveServiceClass"
_COLOR_PALETTE = "ColorPaletteQueryRetrieveServiceClass"
_IMPLANT_TEMPLATE = "ImplantTemplateQueryRetrieveServiceClass"
_DEFINED_PROCEDURE = "DefinedProcedureProtocolQueryRetrieveServiceClass"
_PROTOCOL_APPROVAL = "ProtocolApprovalQueryRetrieveServiceClass"
_INVENTORY = "InventoryQueryRetrieveServiceClass"
_BASIC_WORKLIST = "BasicWorklistManagementServiceClass"
_RELEVANT_PATIENT = "RelevantPatientInformationQueryServiceClass"
_SUBSTANCE_ADMINISTRATION = "SubstanceAdministrationQueryServiceClass"
_PROCEDURE_STEP = "ProcedureStepServiceClass"
_PRINT = "PrintManagementServiceClass"
_MEDIA_CREATION = "MediaCreationManagementServiceClass"
_STORAGE_COMMITMENT = "StorageCommitmentServiceClass"
_STORAGE_MANAGEMENT = "StorageManagementServiceClass"
_EVENT_LOGGING = "ApplicationEventLoggingServiceClass"
_INSTANCE_AVAILABILITY = "InstanceAvailabilityNotificationServiceClass"
_UNIFIED_PROCEDURE = "UnifiedProcedureStepServiceClass"
_RT_VERIFICATION = "RTMachineVerificationServiceClass"
_DISPLAY_SYSTEM = "DisplaySystemManagementServiceClass"

# Verification (PS3.4 Annex A)
Verification = SOPClass("1.2.840.10008.1.1", _VERIFICATION)

# Storage (PS3.4 Annex B)
ComputedRadiographyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.1", _STORAGE)
DigitalXRayImageStorageForPresentation = SOPClass("1.2.840.10008.5.1.4.1.1.1.1", _STORAGE)
DigitalXRayImageStorageForProcessing = SOPClass("1.2.840.10008.5.1.4.1.1.1.1.1", _STORAGE)
DigitalMammographyXRayImageStorageForPresentation = SOPClass(
    "1.2.840.10008.5.1.4.1.1.1.2", _STORAGE
)
DigitalMammographyXRayImageStorageForProcessing = SOPClass(
    "1.2.840.10008.5.1.4.1.1.1.2.1", _STORAGE
)
DigitalIntraOralXRayImageStorageForPresentation = SOPClass("1.2.840.10008.5.1.4.1.1.1.3", _STORAGE)
DigitalIntraOralXRayImageStorageForProcessing = SOPClass("1.2.840.10008.5.1.4.1.1.1.3.1", _STORAGE)
CTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.2", _STORAGE)
EnhancedCTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.2.1", _STORAGE)
LegacyConvertedEnhancedCTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.2.2", _STORAGE)
UltrasoundMultiFrameImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.3.1", _STORAGE)
MRImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.4", _STORAGE)
EnhancedMRImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.4.1", _STORAGE)
MRSpectroscopyStorage = SOPClass("1.2.840.10008.5.1.4.1.1.4.2", _STORAGE)
EnhancedMRColorImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.4.3", _STORAGE)
LegacyConvertedEnhancedMRImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.4.4", _STORAGE)
UltrasoundImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.6.1", _STORAGE)
EnhancedUSVolumeStorage = SOPClass("1.2.840.10008.5.1.4.1.1.6.2", _STORAGE)
PhotoacousticImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.6.3", _STORAGE)
SecondaryCaptureImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.7", _STORAGE)
MultiFrameSingleBitSecondaryCaptureImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.7.1", _STORAGE)
MultiFrameGrayscaleByteSecondaryCaptureImageStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.7.2", _STORAGE
)
MultiFrameGrayscaleWordSecondaryCaptureImageStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.7.3", _STORAGE
)
MultiFrameTrueColorSecondaryCaptureImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.7.4", _STORAGE)
TwelveLeadECGWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.1.1", _STORAGE)
GeneralECGWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.1.2", _STORAGE)
AmbulatoryECGWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.1.3", _STORAGE)
General32bitECGWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.1.4", _STORAGE)
HemodynamicWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.2.1", _STORAGE)
CardiacElectrophysiologyWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.3.1", _STORAGE)
BasicVoiceAudioWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.4.1", _STORAGE)
GeneralAudioWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.4.2", _STORAGE)
ArterialPulseWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.5.1", _STORAGE)
RespiratoryWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.6.1", _STORAGE)
MultichannelRespiratoryWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.6.2", _STORAGE)
RoutineScalpElectroencephalogramWaveformStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.9.7.1", _STORAGE
)
ElectromyogramWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.7.2", _STORAGE)
ElectrooculogramWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.7.3", _STORAGE)
SleepElectroencephalogramWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.7.4", _STORAGE)
BodyPositionWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.8.1", _STORAGE)
WaveformPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.100.1", _STORAGE)
WaveformAcquisitionPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.100.2", _STORAGE)
GrayscaleSoftcopyPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.1", _STORAGE)
ColorSoftcopyPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.2", _STORAGE)
PseudoColorSoftcopyPresentationStageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.3", _STORAGE)
BlendingSoftcopyPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.4", _STORAGE)
XAXRFGrayscaleSoftcopyPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.5", _STORAGE)
GrayscalePlanarMPRVolumetricPresentationStateStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.11.6", _STORAGE
)
CompositingPlanarMPRVolumetricPresentationStateStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.11.7", _STORAGE
)
AdvancedBlendingPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.8", _STORAGE)
VolumeRenderingVolumetricPresentationStateStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.11.9", _STORAGE
)
SegmentedVolumeRenderingVolumetricPresentationStateStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.11.10", _STORAGE
)
MultipleVolumeRenderingVolumetricPresentationStateStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.11.11", _STORAGE
)
VariableModalityLUTSoftcopyPresentationStageStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.11.12", _STORAGE
)
XRayAngiographicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.12.1", _STORAGE)
EnhancedXAImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.12.1.1", _STORAGE)
XRayRadiofluoroscopicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.12.2", _STORAGE)
EnhancedXRFImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.12.2.1", _STORAGE)
XRay3DAngiographicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.13.1.1", _STORAGE)
XRay3DCraniofacialImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.13.1.2", _STORAGE)
BreastTomosynthesisImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.13.1.3", _STORAGE)
BreastProjectionXRayImageStorageForPresentation = SOPClass(
    "1.2.840.10008.5.1.4.1.1.13.1.4", _STORAGE
)
BreastProjectionXRayImageStorageForProcessing = SOPClass("1.2.840.10008.5.1.4.1.1.13.1.5", _STORAGE)
IntravascularOpticalCoherenceTomographyImageStorageForPresentation = SOPClass(
    "1.2.840.10008.5.1.4.1.1.14.1", _STORAGE
)
IntravascularOpticalCoherenceTomographyImageStorageForProcessing = SOPClass(
    "1.2.840.10008.5.1.4.1.1.14.2", _STORAGE
)
NuclearMedicineImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.20", _STORAGE)
ParametricMapStorage = SOPClass("1.2.840.10008.5.1.4.1.1.30", _STORAGE)
RawDataStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66", _STORAGE)
SpatialRegistrationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.1", _STORAGE)
SpatialFiducialsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.2", _STORAGE)
DeformableSpatialRegistrationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.3", _STORAGE)
SegmentationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.4", _STORAGE)
SurfaceSegmentationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.5", _STORAGE)
TractographyResultsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.6", _STORAGE)
LabelMapSegmentationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.7", _STORAGE)
HeightMapSegmentationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.8", _STORAGE)
RealWorldValueMappingStorage = SOPClass("1.2.840.10008.5.1.4.1.1.67", _STORAGE)
SurfaceScanMeshStorage = SOPClass("1.2.840.10008.5.1.4.1.1.68.1", _STORAGE)
SurfaceScanPointCloudStorage = SOPClass("1.2.840.10008.5.1.4.1.1.68.2", _STORAGE)
VLEndoscopicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.1", _STORAGE)
VideoEndoscopicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.1.1", _STORAGE)
VLMicroscopicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.2", _STORAGE)
VideoMicroscopicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.2.1", _STORAGE)
VLSlideCoordinatesMicroscopicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.3", _STORAGE)
VLPhotographicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.4", _STORAGE)
VideoPhotographicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.4.1", _STORAGE)
OphthalmicPhotography8BitImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.5.1", _STORAGE)
OphthalmicPhotography16BitImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.5.2", _STORAGE)
StereometricRelationshipStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.5.3", _STORAGE)
OphthalmicTomographyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.5.4", _STORAGE)
WideFieldOphthalmicPhotographyStereographicProjectionImageStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.77.1.5.5", _STORAGE
)
WideFieldOphthalmicPhotography3DCoordinatesImageStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.77.1.5.6", _STORAGE
)
OphthalmicOpticalCoherenceTomographyEnFaceImageStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.77.1.5.7", _STORAGE
)
OphthlamicOpticalCoherenceTomographyBscanVolumeAnalysisStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.77.1.5.8", _STORAGE
)
VLWholeSlideMicroscopyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.6", _STORAGE)
DermoscopicPhotographyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.7", _STORAGE)
ConfocalMicroscopyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.8", _STORAGE)
ConfocalMicroscopyTiledPyramidalImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.9", _STORAGE)
LensometryMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.1", _STORAGE)
AutorefractionMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.2", _STORAGE)
KeratometryMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.3", _STORAGE)
SubjectiveRefractionMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.4", _STORAGE)
VisualAcuityMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.5", _STORAGE)
SpectaclePrescriptionReportStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.6", _STORAGE)
OphthalmicAxialMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.7", _STORAGE)
IntraocularLensCalculationsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.8", _STORAGE)
MacularGridThicknessAndVolumeReportStorage = SOPClass("1.2.840.10008.5.1.4.1.1.79.1", _STORAGE)
OphthalmicVisualFieldStaticPerimetryMeasurementsStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.80.1", _STORAGE
)
OphthalmicThicknessMapStorage = SOPClass("1.2.840.10008.5.1.4.1.1.81.1", _STORAGE)
CornealTopographyMapStorage = SOPClass("1.2.840.10008.5.1.4.1.1.82.1", _STORAGE)
BasicTextSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.11", _STORAGE)
EnhancedSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.22", _STORAGE)
ComprehensiveSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.33", _STORAGE)
Comprehensive3DSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.34", _STORAGE)
ExtensibleSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.35", _STORAGE)
ProcedureLogStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.40", _STORAGE)
MammographyCADSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.50", _STORAGE)
KeyObjectSelectionDocumentStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.59", _STORAGE)
ChestCADSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.65", _STORAGE)
XRayRadiationDoseSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.67", _STORAGE)
RadiopharmaceuticalRadiationDoseSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.68", _STORAGE)
ColonCADSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.69", _STORAGE)
ImplantationPlanSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.70", _STORAGE)
AcquisitionContextSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.71", _STORAGE)
SimplifiedAdultEchoSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.72", _STORAGE)
PatientRadiationDoseSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.73", _STORAGE)
PlannedImagingAgentAdministrationSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.74", _STORAGE)
PerformedImagingAgentAdministrationSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.75", _STORAGE)
EnhancedXRayRadiationDoseSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.76", _STORAGE)
WaveformAnnotationSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.77", _STORAGE)
ContentAssessmentResultsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.90.1", _STORAGE)
MicroscopyBulkSimpleAnnotationsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.91.1", _STORAGE)
EncapsulatedPDFStorage = SOPClass("1.2.840.10008.5.1.4.1.1.104.1", _STORAGE)
EncapsulatedCDAStorage = SOPClass("1.2.840.10008.5.1.4.1.1.104.2", _STORAGE)
EncapsulatedSTLStorage = SOPClass("1.2.840.10008.5.1.4.1.1.104.3", _STORAGE)
EncapsulatedOBJStorage = SOPClass("1.2.840.10008.5.1.4.1.1.104.4", _STORAGE)
EncapsulatedMTLStorage = SOPClass("1.2.840.10008.5.1.4.1.1.104.5", _STORAGE)
PositronEmissionTomographyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.128", _STORAGE)
LegacyConvertedEnhancedPETImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.128.1", _STORAGE)
EnhancedPETImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.130", _STORAGE)
BasicStructuredDisplayStorage = SOPClass("1.2.840.10008.5.1.4.1.1.131", _STORAGE)
CTPerformedProcedureProtocolStorage = SOPClass("1.2.840.10008.5.1.4.1.1.200.2", _STORAGE)
XAPerformedProcedureProtocolStorage = SOPClass("1.2.840.10008.5.1.4.1.1.200.8", _STORAGE)
RTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.1", _STORAGE)
RTDoseStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.2", _STORAGE)
RTStructureSetStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.3", _STORAGE)
RTBeamsTreatmentRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.4", _STORAGE)
RTPlanStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.5", _STORAGE)
RTBrachyTreatmentRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.6", _STORAGE)
RTTreatmentSummaryRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.7", _STORAGE)
RTIonPlanStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.8", _STORAGE)
RTIonBeamsTreatmentRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.9", _STORAGE)
RTPhysicianIntentStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.10", _STORAGE)
RTSegmentAnnotationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.11", _STORAGE)
RTRadiationSetStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.12", _STORAGE)
CArmPhotonElectronRadiationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.13", _STORAGE)
TomotherapeuticRadiationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.14", _STORAGE)
RoboticArmRadiationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.15", _STORAGE)
RTRadiationRecordSetStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.16", _STORAGE)
RTRadiationSalvageRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.17", _STORAGE)
TomotherapeuticRadiationRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.18", _STORAGE)
CArmPhotonElectronRadiationRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.19", _STORAGE)
RoboticArmRadiationRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.20", _STORAGE)
RTRadiationSetDeliveryInstructionStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.21", _STORAGE)
RTTreatmentPreparationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.22", _STORAGE)
EnhancedRTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.23", _STORAGE)
EnhancedContinuousRTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.24", _STORAGE)
RTPatientPositionAcquisitionInstructionStorage = SOPClass(
    "1.2.840.10008.5.1.4.1.1.481.25", _STORAGE
)
RTBeamsDeliveryInstructionStorage = SOPClass("1.2.840.10008.5.1.4.34.7", _STORAGE)
RTBrachyApplicationSetupDeliveryInstructionsStorage = SOPClass(
    "1.2.840.10008.5.1.4.34.10", _STORAGE
)

# Non-Patient Object Storage (PS3.4 Annex GG)
CTDefinedProcedureProtocolStorage = SOPClass("1.2.840.10008.5.1.4.1.1.200.1", _NON_PATIENT_OBJECT)
ProtocolApprovalStorage = SOPClass("1.2.840.10008.5.1.4.1.1.200.3", _NON_PATIENT_OBJECT)
XADefinedProcedureProtocolStorage = SOPClass("1.2.840.10008.5.1.4.1.1.200.7", _NON_PATIENT_OBJECT)
InventoryStorage = SOPClass("1.2.840.10008.5.1.4.1.1.201.1", _NON_PATIENT_OBJECT)
HangingProtocolStorage = SOPClass("1.2.840.10008.5.1.4.38.1", _NON_PATIENT_OBJECT)
ColorPaletteStorage = SOPClass("1.2.840.10008.5.1.4.39.1", _NON_PATIENT_OBJECT)
GenericImplantTemplateStorage = SOPClass("1.2.840.10008.5.1.4.43.1", _NON_PATIENT_OBJECT)
ImplantAssemblyTemplateStorage = SOPClass("1.2.840.10008.5.1.4.44.1", _NON_PATIENT_OBJECT)
ImplantTemplateGroupStorage = SOPClass("1.2.840.10008.5.1.4.45.1", _NON_PATIENT_OBJECT)

# Query/Retrieve (PS3.4 Annexes C, Y and Z)
RepositoryQuery = SOPClass("1.2.840.10008.5.1.4.1.1.201.6", _QUERY_RETRIEVE, "C-FIND")
PatientRootQueryRetrieveInformationModelFind = SOPClass(
    "1.2.840.10008.5.1.4.1.2.1.1", _QUERY_RETRIEVE, "C-FIND"
)
PatientRootQueryRetrieveInformationModelMove = SOPClass(
    "1.2.840.10008.5.1.4.1.2.1.2", _QUERY_RETRIEVE, "C-MOVE"
)
PatientRootQueryRetrieveInformationModelGet = SOPClass(
    "1.2.840.10008.5.1.4.1.2.1.3", _QUERY_RETRIEVE, "C-GET"
)
StudyRootQueryRetrieveInformationModelFind = SOPClass(
    "1.2.840.10008.5.1.4.1.2.2.1", _QUERY_RETRIEVE, "C-FIND"
)
StudyRootQueryRetrieveInformationModelMove = SOPClass(
    "1.2.840.10008.5.1.4.1.2.2.2", _QUERY_RETRIEVE, "C-MOVE"
)
StudyRootQueryRetrieveInformationModelGet = SOPClass(
    "1.2.840.10008.5.1.4.1.2.2.3", _QUERY_RETRIEVE, "C-GET"
)
PatientStudyOnlyQueryRetrieveInformationModelFind = SOPClass(
    "1.2.840.10008.5.1.4.1.2.3.1", _QUERY_RETRIEVE, "C-FIND"
)
PatientStudyOnlyQueryRetrieveInformationModelMove = SOPClass(
    "1.2.840.10008.5.1.4.1.2.3.2", _QUERY_RETRIEVE, "C-MOVE"
)
PatientStudyOnlyQueryRetrieveInformationModelGet = SOPClass(
    "1.2.840.10008.5.1.4.1.2.3.3", _QUERY_RETRIEVE, "C-GET"
)
CompositeInstanceRootRetrieveMove = SOPClass(
    "1.2.840.10008.5.1.4.1.2.4.2", _QUERY_RETRIEVE, "C-MOVE"
)
CompositeInstanceRootRetrieveGet = SOPClass("1.2.840.10008.5.1.4.1.2.4.3", _QUERY_RETRIEVE, "C-GET")
CompositeInstanceRetrieveWithoutBulkDataGet = SOPClass(
    "1.2.840.10008.5.1.4.1.2.5.3", _QUERY_RETRIEVE, "C-GET"
)

# Hanging Protocol Query/Retrieve (PS3.4 Annex U)
HangingProtocolInformationModelFind = SOPClass(
    "1.2.840.10008.5.1.4.38.2", _HANGING_PROTOCOL, "C-FIND"
)
HangingProtocolInformationModelMove = SOPClass(
    "1.2.840.10008.5.1.4.38.3", _HANGING_PROTOCOL, "C-MOVE"
)
HangingProtocolInformationModelGet = SOPClass(
    "1.2.840.10008.5.1.4.38.4", _HANGING_PROTOCOL, "C-GET"
)

# Color Palette Query/Retrieve (PS3.4 Annex X)
ColorPaletteInformationModelFind = SOPClass("1.2.840.10008.5.1.4.39.2", _COLOR_PALETTE, "C-FIND")
ColorPaletteInformationModelMove = SOPClass("1.2.840.10008.5.1.4.39.3", _COLOR_PALETTE, "C-MOVE")
ColorPaletteInformationModelGet = SOPClass("1.2.840.10008.5.1.4.39.4", _COLOR_PALETTE, "C-GET")

# Implant Template Query/Retrieve (PS3.4 Annex BB)
GenericImplantTemplateInformationModelFind = SOPClass(
    "1.2.840.10008.5.1.4.43.2", _IMPLANT_TEMPLATE, "C-FIND"
)
GenericImplantTemplateInformationModelMove = SOPClass(
    "1.2.840.10008.5.1.4.43.3", _IMPLANT_TEMPLATE, "C-MOVE"
)
GenericImplantTemplateInformationModelGet = SOPClass(
    "1.2.840.10008.5.1.4.43.4", _IMPLANT_TEMPLATE, "C-GET"
)
ImplantAssemblyTemplateInformationModelFind = SOPClass(
    "1.2.840.10008.5.1.4.44.2", _IMPLANT_TEMPLATE, "C-FIND"
)
ImplantAssemblyTemplateInformationModelMove = SOPClass(
    "1.2.840.10008.5.1.4.44.3", _IMPLANT_TEMPLATE, "C-MOVE"
)
ImplantAssemblyTemplateInformationModelGet = SOPClass(
    "1.2.840.10008.5.1.4.44.4", _IMPLANT_TEMPLATE, "C-GET"
)
ImplantTemplateGroupInformationModelFind = SOPClass(
    "1.2.840.10008.5.1.4.45.2", _IMPLANT_TEMPLATE, "C-FIND"
)
ImplantTemplateGroupInformationModelMove = SOPClass(
    "1.2.840.10008.5.1.4.45.3", _IMPLANT_TEMPLATE, "C-MOVE"
)
ImplantTemplateGroupInformationModelGet = SOPClass(
    "1.2.840.10008.5.1.4.45.4", _IMPLANT_TEMPLATE, "C-GET"
)

# Defined Procedure Protocol Query/Retrieve (PS3.4 Annex HH)
DefinedProcedureProtocolInformationModelFind = SOPClass(
    "1.2.840.10008.5.1.4.20.1", _DEFINED_PROCEDURE, "C-FIND"
)
DefinedProcedureProtocolInformationModelMove = SOPClass(
    "1.2.840.10008.5.1.4.20.2", _DEFINED_PROCEDURE, "C-MOVE"
)
DefinedProcedureProtocolInformationModelGet = SOPClass(
    "1.2.840.10008.5.1.4.20.3", _DEFINED_PROCEDURE, "C-GET"
)

# Protocol Approval Query/Retrieve (PS3.4 Annex II)
ProtocolApprovalInformationModelFind = SOPClass(
    "1.2.840.10008.5.1.4.1.1.200.4", _PROTOCOL_APPROVAL, "C-FIND"
)
ProtocolApprovalInformationModelMove = SOPClass(
    "1.2.840.10008.5.1.4.1.1.200.5", _PROTOCOL_APPROVAL, "C-MOVE"
)
ProtocolApprovalInformationModelGet = SOPClass(
    "1.2.840.10008.5.1.4.1.1.200.6", _PROTOCOL_APPROVAL, "C-GET"
)

# Inventory Query/Retrieve (PS3.4 Annex JJ)
InventoryFind = SOPClass("1.2.840.10008.5.1.4.1.1.201.2", _INVENTORY, "C-FIND")
InventoryMove = SOPClass("1.2.840.10008.5.1.4.1.1.201.3", _INVENTORY, "C-MOVE")
InventoryGet = SOPClass("1.2.840.10008.5.1.4.1.1.201.4", _INVENTORY, "C-GET")

# Basic Worklist Management (PS3.4 Annex K)
ModalityWorklistInformationFind = SOPClass("1.2.840.10008.5.1.4.31", _BASIC_WORKLIST, "C-FIND")

# Relevant Patient Information Query (PS3.4 Annex Q)
GeneralRelevantPatientInformationQuery = SOPClass("1.2.840.10008.5.1.4.37.1", _RELEVANT_PATIENT)
BreastImagingRelevantPatientInformationQuery = SOPClass(
    "1.2.840.10008.5.1.4.37.2", _RELEVANT_PATIENT
)
CardiacRelevantPatientInformationQuery = SOPClass("1.2.840.10008.5.1.4.37.3", _RELEVANT_PATIENT)

# Substance Administration Query (PS3.4 Annex V)
ProductCharacteristicsQuery = SOPClass(
    "1.2.840.10008.5.1.4.41", _SUBSTANCE_ADMINISTRATION, "C-FIND"
)
SubstanceApprovalQuery = SOPClass("1.2.840.10008.5.1.4.42", _SUBSTANCE_ADMINISTRATION, "C-FIND")

# Modality Performed Procedure Step (PS3.4 Annex F)
ModalityPerformedProcedureStep = SOPClass("1.2.840.10008.3.1.2.3.3", _PROCEDURE_STEP)
ModalityPerformedProcedureStepRetrieve = SOPClass("1.2.840.10008.3.1.2.3.4", _PROCEDURE_STEP)
ModalityPerformedProcedureStepNotification = SOPClass("1.2.840.10008.3.1.2.3.5", _PROCEDURE_STEP)

# Print Management (PS3.4 Annex H)
BasicFilmSession = SOPClass("1.2.840.10008.5.1.1.1", _PRINT)
BasicFilmBox = SOPClass("1.2.840.10008.5.1.1.2", _PRINT)
BasicGrayscaleImageBox = SOPClass("1.2.840.10008.5.1.1.4", _PRINT)
BasicColorImageBox = SOPClass("1.2.840.10008.5.1.1.4.1", _PRINT)
BasicGrayscalePrintManagementMeta = SOPClass("1.2.840.10008.5.1.1.9", _PRINT)
PrintJob = SOPClass("1.2.840.10008.5.1.1.14", _PRINT)
BasicAnnotationBox = SOPClass("1.2.840.10008.5.1.1.15", _PRINT)
Printer = SOPClass("1.2.840.10008.5.1.1.16", _PRINT)
PrinterConfigurationRetrieval = SOPClass("1.2.840.10008.5.1.1.16.376", _PRINT)
BasicColorPrintManagementMeta = SOPClass("1.2.840.10008.5.1.1.18", _PRINT)
PresentationLUT = SOPClass("1.2.840.10008.5.1.1.23", _PRINT)

# Media Creation Management (PS3.4 Annex S)
MediaCreationManagement = SOPClass("1.2.840.10008.5.1.1.33", _MEDIA_CREATION)

# Storage Commitment (PS3.4 Annex J)
StorageCommitmentPushModel = SOPClass("1.2.840.10008.1.20.1", _STORAGE_COMMITMENT)

# Storage Management (PS3.4 Annex KK)
InventoryCreation = SOPClass("1.2.840.10008.5.1.4.1.1.201.5", _STORAGE_MANAGEMENT)

# Application Event Logging (PS3.4 Annex P)
ProceduralEventLogging = SOPClass("1.2.840.10008.1.40", _EVENT_LOGGING)
SubstanceAdministrationLogging = SOPClass("1.2.840.10008.1.42", _EVENT_LOGGING)

# Instance Availability Notification (PS3.4 Annex R)
InstanceAvailabilityNotification = SOPClass("1.2.840.10008.5.1.4.33", _INSTANCE_AVAILABILITY)

# Unified Worklist and Procedure Step (PS3.4 Annex CC)
UnifiedProcedureStepPush = SOPClass("1.2.840.10008.5.1.4.34.6.1", _UNIFIED_PROCEDURE)
UnifiedProcedureStepWatch = SOPClass("1.2.840.10008.5.1.4.34.6.2", _UNIFIED_PROCEDURE)
UnifiedProcedureStepPull = SOPClass("1.2.840.10008.5.1.4.34.6.3", _UNIFIED_PROCEDURE)
UnifiedProcedureStepEvent = SOPClass("1.2.840.10008.5.1.4.34.6.4", _UNIFIED_PROCEDURE)
UnifiedProcedureStepQuery = SOPClass("1.2.840.10008.5.1.4.34.6.5", _UNIFIED_PROCEDURE)

# RT Machine Verification (PS3.4 Annex DD)
RTConventionalMachineVerification = SOPClass("1.2.840.10008.5.1.4.34.8", _RT_VERIFICATION)
RTIonMachineVerification = SOPClass("1.2.840.10008.5.1.4.34.9", _RT_VERIFICATION)

# Display System Management (PS3.4 Annex EE)
DisplaySystem = SOPClass("1.2.840.10008.5.1.1.40", _DISPLAY_SYSTEM)

# Media Storage: a class of files, not of messages (PS3.4 Annex I)
MediaStorageDirectoryStorage = SOPClass("1.2.840.10008.1.3.10")

# The ready-made lists of presentation contexts hold the SOP classes down to here. Those below are
# served as well, but retired or seldom wanted, and would take up contexts in every association.
_LISTED = [value for value in list(globals().values()) if isinstance(value, SOPClass)]

# Retired storage classes
StoredPrintStorage = SOPClass("1.2.840.10008.5.1.1.27", _STORAGE)
HardcopyGrayscaleImageStorage = SOPClass("1.2.840.10008.5.1.1.29", _STORAGE)
HardcopyColorImageStorage = SOPClass("1.2.840.10008.5.1.1.30", _STORAGE)
UltrasoundMultiFrameImageStorageRetired = SOPClass("1.2.840.10008.5.1.4.1.1.3", _STORAGE)
NuclearMedicineImageStorageRetired = SOPClass("1.2.840.10008.5.1.4.1.1.5", _STORAGE)
UltrasoundImageStorageRetired = SOPClass("1.2.840.10008.5.1.4.1.1.6", _STORAGE)
StandaloneOverlayStorage = SOPClass("1.2.840.10008.5.1.4.1.1.8", _STORAGE)
StandaloneCurveStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9", _STORAGE)
WaveformStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.9.1", _STORAGE)
StandaloneModalityLUTStorage = SOPClass("1.2.840.10008.5.1.4.1.1.10", _STORAGE)
StandaloneVOILUTStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11", _STORAGE)
XRayAngiographicBiPlaneImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.12.3", _STORAGE)
VLImageStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.77.1", _STORAGE)
VLMultiFrameImageStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.77.2", _STORAGE)
TextSRStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.88.1", _STORAGE)
AudioSRStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.88.2", _STORAGE)
DetailSRStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.88.3", _STORAGE)
ComprehensiveSRStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.88.4", _STORAGE)
StandalonePETCurveStorage = SOPClass("1.2.840.10008.5.1.4.1.1.129", _STORAGE)
RTBeamsDeliveryInstructionStorageTrial = SOPClass("1.2.840.10008.5.1.4.34.1", _STORAGE)

# DICOS, security screening (NEMA IIC 1)
DICOSCTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.501.1", _STORAGE)
DICOSDigitalXRayImageStorageForPresentation = SOPClass("1.2.840.10008.5.1.4.1.1.501.2.1", _STORAGE)
DICOSDigitalXRayImageStorageForProcessing = SOPClass("1.2.840.10008.5.1.4.1.1.501.2.2", _STORAGE)
DICOSThreatDetectionReportStorage = SOPClass("1.2.840.10008.5.1.4.1.1.501.3", _STORAGE)
DICOS2DAITStorage = SOPClass("1.2.840.10008.5.1.4.1.1.501.4", _STORAGE)
DICOS3DAITStorage = SOPClass("1.2.840.10008.5.1.4.1.1.501.5", _STORAGE)
DICOSQuadrupoleResonanceStorage = SOPClass("1.2.840.10008.5.1.4.1.1.501.6", _STORAGE)

# DICONDE, non-destructive testing (ASTM E2339)
EddyCurrentImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.601.1", _STORAGE)
EddyCurrentMultiFrameImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.601.2", _STORAGE)

# Print Management classes that few offer, and retired ones
ReferencedImageBox = SOPClass("1.2.840.10008.5.1.1.4.2", _PRINT)
ReferencedGrayscalePrintManagementMeta = SOPClass("1.2.840.10008.5.1.1.9.1", _PRINT)
ReferencedColorPrintManagementMeta = SOPClass("1.2.840.10008.5.1.1.18.1", _PRINT)
VOILUTBox = SOPClass("1.2.840.10008.5.1.1.22", _PRINT)
ImageOverlayBox = SOPClass("1.2.840.10008.5.1.1.24", _PRINT)
BasicPrintImageOverlayBox = SOPClass("1.2.840.10008.5.1.1.24.1", _PRINT)
PrintQueueManagement = SOPClass("1.2.840.10008.5.1.1.26", _PRINT)
PullPrintRequest = SOPClass("1.2.840.10008.5.1.1.31", _PRINT)
PullStoredPrintManagementMeta = SOPClass("1.2.840.10008.5.1.1.32", _PRINT)

# Retired classes of services that go on
StorageCommitmentPullModel = SOPClass("1.2.840.10008.1.20.2", _STORAGE_COMMITMENT)
GeneralPurposeWorklistInformationModelFind = SOPClass(
    "1.2.840.10008.5.1.4.32.1", _BASIC_WORKLIST, "C-FIND"
)
RTConventionalMachineVerificationTrial = SOPClass("1.2.840.10008.5.1.4.34.2", _RT_VERIFICATION)
RTIonMachineVerificationTrial = SOPClass("1.2.840.10008.5.1.4.34.3", _RT_VERIFICATION)
UnifiedProcedureStepPushTrial = SOPClass("1.2.840.10008.5.1.4.34.4.1", _UNIFIED_PROCEDURE)
UnifiedProcedureStepWatchTrial = SOPClass("1.2.840.10008.5.1.4.34.4.2", _UNIFIED_PROCEDURE)
UnifiedProcedureStepPullTrial = SOPClass("1.2.840.10008.5.1.4.34.4.3", _UNIFIED_PROCEDURE)
UnifiedProcedureStepEventTrial = SOPClass("1.2.840.10008.5.1.4.34.4.4", _UNIFIED_PROCEDURE)

# Retired classes of retired services, which no service class serves
BasicStudyContentNotification = SOPClass("1.2.840.10008.1.9")
DetachedPatientManagement = SOPClass("1.2.840.10008.3.1.2.1.1")
DetachedPatientManagementMeta = SOPClass("1.2.840.10008.3.1.2.1.4")
DetachedVisitManagement = SOPClass("1.2.840.10008.3.1.2.2.1")
DetachedStudyManagement = SOPClass("1.2.840.10008.3.1.2.3.1")
StudyComponentManagement = SOPClass("1.2.840.10008.3.1.2.3.2")
DetachedResultsManagement = SOPClass("1.2.840.10008.3.1.2.5.1")
DetachedResultsManagementMeta = SOPClass("1.2.840.10008.3.1.2.5.4")
DetachedStudyManagementMeta = SOPClass("1.2.840.10008.3.1.2.5.5")
DetachedInterpretationManagement = SOPClass("1.2.840.10008.3.1.2.6.1")
GeneralPurposeWorklistManagementMeta = SOPClass("1.2.840.10008.5.1.4.32")
GeneralPurposeScheduledProcedureStep = SOPClass("1.2.840.10008.5.1.4.32.2")
GeneralPurposePerformedProcedureStep = SOPClass("1.2.840.10008.5.1.4.32.3")

# Real-Time Communication: streams over RTP, never an association (PS3.22)
VideoEndoscopicImageRealTimeCommunication = SOPClass("1.2.840.10008.10.1")
VideoPhotographicImageRealTimeCommunication = SOPClass("1.2.840.10008.10.2")
AudioWaveformRealTimeCommunication = SOPClass("1.2.840.10008.10.3")
RenditionSelectionDocumentRealTimeCommunication = SOPClass("1.2.840.10008.10.4")

# The spellings of PS3.6 where the names above differ
PseudoColorSoftcopyPresentationStateStorage = PseudoColorSoftcopyPresentationStageStorage
VariableModalityLUTSoftcopyPresentationStateStorage = (
    VariableModalityLUTSoftcopyPresentationStageStorage
)
OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage = (
    OphthlamicOpticalCoherenceTomographyBscanVolumeAnalysisStorage
)
RoboticRadiationRecordStorage = RoboticArmRadiationRecordStorage
ModalityWorklistInformationModelFind = ModalityWorklistInformationFind
RTBrachyApplicationSetupDeliveryInstructionStorage = (
    RTBrachyApplicationSetupDeliveryInstructionsStorage
)
ColorPaletteQueryRetrieveInformationModelFind = ColorPaletteInformationModelFind
ColorPaletteQueryRetrieveInformationModelMove = ColorPaletteInformationModelMove
ColorPaletteQueryRetrieveInformationModelGet = ColorPaletteInformationModelGet

# Well-known SOP instances
HotIronPalette = UID("1.2.840.10008.1.5.1")
PETPalette = UID("1.2.840.10008.1.5.2")
HotMetalBluePalette = UID("1.2.840.10008.1.5.3")
PET20StepPalette = UID("1.2.840.10008.1.5.4")
SpringPalette = UID("1.2.840.10008.1.5.5")
SummerPalette = UID("1.2.840.10008.1.5.6")
FallPalette = UID("1.2.840.10008.1.5.7")
WinterPalette = UID("1.2.840.10008.1.5.8")
StorageCommitmentPushModelInstance = UID("1.2.840.10008.1.20.1.1")
StorageCommitmentPullModelInstance = UID("1.2.840.10008.1.20.2.1")
ProceduralEventLoggingInstance = UID("1.2.840.10008.1.40.1")
SubstanceAdministrationLoggingInstance = UID("1.2.840.10008.1.42.1")
PrinterInstance = UID("1.2.840.10008.5.1.1.17")
PrinterConfigurationRetrievalInstance = UID("1.2.840.10008.5.1.1.17.376")
PrintQueueInstance = UID("1.2.840.10008.5.1.1.25")
DisplaySystemInstance = UID("1.2.840.10008.5.1.1.40.1")
StorageManagementInstance = UID("1.2.840.10008.5.1.4.1.1.201.1.1")
UPSGlobalSubscriptionInstance = UID("1.2.840.10008.5.1.4.34.5")
UPSFilteredGlobalSubscriptionInstance = UID("1.2.840.10008.5.1.4.34.5.1")

# UIDs of service classes, which SOP Class Common Extended Negotiation uses (PS3.7 D.3.3.6)
_SERVICE_CLASSES = (
    SOPClass("1.2.840.10008.4.2", _STORAGE),
    SOPClass("1.2.840.10008.5.1.4.34.6", _UNIFIED_PROCEDURE),
)

# What is known, by UID; the one place where a UID is looked up
_SOP_CLASSES: dict[str, SOPClass] = {
    value: value
    for value in [*globals().values(), *_SERVICE_CLASSES]
    if isinstance(value, SOPClass)
}

if not TYPE_CHECKING:  # to type checkers there are none but those above

    def __getattr__(name):
        """Return what a name of version 1 stands for."""
        return import_module("pynetdicom._legacy").sop_class(name, globals())
