"""The statuses of DIMSE responses: categories, and one table for each service (PS3.7 Annex C).

A table maps a status code to its category and its meaning: ``{0x0000: ("Success", ""), ...}``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

import pynetdicom._lazy as lazy
from pynetdicom._globals import (
    STATUS_CANCEL,
    STATUS_FAILURE,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNKNOWN,
    STATUS_WARNING,
)
from pynetdicom._lazy import later, make_later

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

StatusDictType = dict[int, tuple[str, str]]


class Status(IntEnum):
    """Names for statuses that handlers return; :meth:`add` makes more."""

    SUCCESS = 0x0000
    CANCEL = 0xFE00
    PENDING = 0xFF00
    MOVE_DESTINATION_UNKNOWN = 0xA801

    @classmethod
    def add(cls, name: str, code: int) -> None:
        """Make `code` available as ``Status.<name>``, a plain int.

        Parameters
        ----------
        name : str
            A Python identifier.
        code : int
            The status code, 0 to 65535.

        Raises
        ------
        AttributeError
            `name` is one of the four of the class.
        ValueError
            `name` or `code` cannot be used.
        """
        if not name.isidentifier() or not isinstance(getattr(cls, name, 0), int):
            raise ValueError(f"'{name}' cannot be used as the name of a status")
        if not isinstance(code, int) or not 0 <= code <= 0xFFFF:
            raise ValueError(f"The code of '{name}' must be an int from 0 to 65535")
        setattr(cls, name, code)


# General statuses (PS3.7 Annex C), which every service may use
GENERAL_STATUS: Final[StatusDictType] = {
    0x0000: (STATUS_SUCCESS, ""),
    0x0105: (STATUS_FAILURE, "An attribute does not exist for this SOP class or instance"),
    0x0106: (STATUS_FAILURE, "The value of an attribute is not allowed"),
    0x0107: (STATUS_WARNING, "Some attributes do not exist for this SOP class; done without them"),
    0x0110: (STATUS_FAILURE, "The operation failed while it was processed"),
    0x0111: (STATUS_FAILURE, "The SOP instance exists already"),
    0x0112: (STATUS_FAILURE, "The SOP instance does not exist"),
    0x0113: (STATUS_FAILURE, "The event type is not one of this SOP class"),
    0x0114: (STATUS_FAILURE, "An argument is not one of this action or event"),
    0x0115: (STATUS_FAILURE, "The value of an argument is not allowed"),
    0x0116: (STATUS_WARNING, "The value of an attribute was out of range"),
    0x0117: (STATUS_FAILURE, "The SOP instance UID is not a valid one"),
    0x0118: (STATUS_FAILURE, "The SOP class is not known"),
    0x0119: (STATUS_FAILURE, "The SOP instance does not belong to the SOP class"),
    0x0120: (STATUS_FAILURE, "A required attribute is missing"),
    0x0121: (STATUS_FAILURE, "A required attribute has no value"),
    0x0122: (STATUS_FAILURE, "The SOP class is not supported"),
    0x0123: (STATUS_FAILURE, "The action type is not one of this SOP class"),
    0x0124: (STATUS_FAILURE, "The requestor is not authorised for the operation"),
    0x0210: (STATUS_FAILURE, "The message ID is that of another operation in progress"),
    0x0211: (STATUS_FAILURE, "The operation is not one of this SOP class"),
    0x0212: (STATUS_FAILURE, "A parameter of the request is not one of the operation"),
    0x0213: (STATUS_FAILURE, "Resources do not suffice"),
    0xFE00: (STATUS_CANCEL, ""),
}


# The first and the last of a range of failures with one meaning, and that meaning
_Range = tuple[int, int, str]


def _service(*tables: StatusDictType | _Range) -> StatusDictType:
    """Declare the table of a service: later rows replace earlier ones, general ones all others."""
    return later(_merged, *tables, GENERAL_STATUS)


def _merged(*tables: StatusDictType | _Range) -> StatusDictType:
    """Return one table with the rows of several."""
    merged: StatusDictType = {}
    for table in tables:
        if isinstance(table, tuple):
            first, last, meaning = table
            merged |= dict.fromkeys(range(first, last + 1), (STATUS_FAILURE, meaning))
        else:
            merged |= table
    return merged


_UNABLE: Final = (0xC000, 0xCFFF, "Unable to process")

# Verification (PS3.4 Annex A)
VERIFICATION_SERVICE_CLASS_STATUS: Final = _service()

# Storage (PS3.4 B.2.3)
STORAGE_SERVICE_CLASS_STATUS: Final = _service(
    (0xA700, 0xA7FF, "Refused: out of resources"),
    (0xA900, 0xA9FF, "The data set does not match its SOP class"),
    (0xC000, 0xCFFF, "The data set cannot be understood"),
    {
        0xB000: (STATUS_WARNING, "Stored; values of some elements were changed"),
        0xB006: (STATUS_WARNING, "Stored; some elements were discarded"),
        0xB007: (STATUS_WARNING, "Stored, though the data set does not match its SOP class"),
    },
)

# What all services with C-FIND have, but for Relevant Patient Information Query
_FIND: Final = (
    _UNABLE,
    {
        0xA700: (STATUS_FAILURE, "Refused: out of resources"),
        0xA900: (STATUS_FAILURE, "The identifier does not match the SOP class"),
        0xFF00: (STATUS_PENDING, "A match; all optional keys were used"),
        0xFF01: (STATUS_PENDING, "A match; some optional keys were not used"),
    },
)

# Query/Retrieve, C-FIND (PS3.4 C.4.1.1.4)
QR_FIND_SERVICE_CLASS_STATUS: Final = _service(
    *_FIND,
    {
        0xA710: (STATUS_FAILURE, "The prior record key is not valid"),
        0xB001: (STATUS_WARNING, "The limit of matches was reached; more can be asked for"),
    },
)

# What C-GET and C-MOVE have both
_RETRIEVE: Final = (
    _UNABLE,
    {
        0xA701: (STATUS_FAILURE, "Refused: unable to count the matches for lack of resources"),
        0xA702: (STATUS_FAILURE, "Refused: unable to perform the sub-operations"),
        0xA900: (STATUS_FAILURE, "The identifier does not match the SOP class"),
        0xAA00: (STATUS_FAILURE, "None of the requested frames is in the SOP instance"),
        0xAA01: (STATUS_FAILURE, "Unable to make a new object of the SOP class"),
        0xAA02: (STATUS_FAILURE, "Unable to extract frames"),
        0xAA03: (STATUS_FAILURE, "Frames asked for by time, but the SOP instance has no times"),
        0xAA04: (STATUS_FAILURE, "The request is not valid"),
        0xB000: (STATUS_WARNING, "Sub-operations ended, some of them with failures or warnings"),
        0xFF00: (STATUS_PENDING, "Sub-operations go on"),
    },
)

# Query/Retrieve, C-GET (PS3.4 C.4.3.1.4)
QR_GET_SERVICE_CLASS_STATUS: Final = _service(*_RETRIEVE)

# Query/Retrieve, C-MOVE (PS3.4 C.4.2.1.5)
QR_MOVE_SERVICE_CLASS_STATUS: Final = _service(
    *_RETRIEVE,
    {0xA801: (STATUS_FAILURE, "Refused: the move destination is not known")},
)

# Modality Worklist (PS3.4 K.4.1.1.4)
MODALITY_WORKLIST_SERVICE_CLASS_STATUS: Final = _service(*_FIND)

# Relevant Patient Information Query (PS3.4 Q.2.1.1.4)
RELEVANT_PATIENT_SERVICE_CLASS_STATUS: Final = _service(
    {
        0xA700: (STATUS_FAILURE, "Refused: out of resources"),
        0xA900: (STATUS_FAILURE, "The identifier does not match the SOP class"),
        0xC000: (STATUS_FAILURE, "Unable to process"),
        0xC100: (STATUS_FAILURE, "More than one patient matches"),
        0xC200: (STATUS_FAILURE, "The template is not supported"),
        0xFF00: (STATUS_PENDING, "The match follows"),
    },
)

# Substance Administration Query (PS3.4 V.4.1.1.4)
SUBSTANCE_ADMINISTRATION_SERVICE_CLASS_STATUS: Final = _service(*_FIND)

# Modality Performed Procedure Step (PS3.4 Annex F)
PROCEDURE_STEP_STATUS: Final = _service(
    {0x0001: (STATUS_WARNING, "Requested optional attributes are not supported")},
)

# Print Management (PS3.4 H.4)
PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS: Final = _service(
    {
        0xB600: (STATUS_WARNING, "Memory allocation is not supported"),
        0xB601: (STATUS_WARNING, "Film sessions cannot be printed as a whole (collation)"),
        0xB602: (STATUS_WARNING, "The film session has no image; an empty page will be printed"),
        0xB603: (STATUS_WARNING, "The film box has no image; an empty page will be printed"),
        0xB604: (STATUS_WARNING, "The image is larger than its box and was demagnified"),
        0xB605: (STATUS_WARNING, "The density is outside the printer's range; the limit is used"),
        0xB609: (STATUS_WARNING, "The image is larger than its box and was cropped"),
        0xB60A: (STATUS_WARNING, "The image is larger than its box and was decimated"),
        0xC600: (STATUS_FAILURE, "The film session has no film box"),
        0xC601: (STATUS_FAILURE, "No print job for the film session: the queue is full"),
        0xC602: (STATUS_FAILURE, "No print job for the film box: the queue is full"),
        0xC603: (STATUS_FAILURE, "The image is larger than its box"),
        0xC605: (STATUS_FAILURE, "The printer has too little memory for the image"),
        0xC613: (STATUS_FAILURE, "The combined image is larger than its box"),
        0xC616: (STATUS_FAILURE, "A film box was not printed, and the session cannot be"),
    },
)

# Media Creation Management (PS3.4 Annex S)
MEDIA_CREATION_MANAGEMENT_SERVICE_CLASS_STATUS: Final = _service(
    {
        0x0001: (STATUS_WARNING, "Requested optional attributes are not supported"),
        0xA510: (STATUS_FAILURE, "The creation of this media was initiated before"),
        0xC201: (STATUS_FAILURE, "The media creation has been completed"),
        0xC202: (STATUS_FAILURE, "The media creation is in progress and cannot be interrupted"),
        0xC203: (STATUS_FAILURE, "The cancellation was denied"),
    },
)

# Storage Commitment (PS3.4 Annex J)
STORAGE_COMMITMENT_SERVICE_CLASS_STATUS: Final = _service()

# Storage Management (PS3.4 Annex KK)
STORAGE_MANAGEMENT_SERVICE_CLASS_STATUS: Final = _service(
    {0xB010: (STATUS_WARNING, "Some key attributes are not supported for matching")},
)

# Application Event Logging (PS3.4 Annex P)
APPLICATION_EVENT_LOGGING_SERVICE_CLASS_STATUS: Final = _service(
    {
        0xB101: (STATUS_WARNING, "The synchronisation frame of reference is another one"),
        0xB102: (STATUS_WARNING, "Logged under another study instance UID"),
        0xB104: (STATUS_WARNING, "Logged, though the IDs do not agree with a current study"),
        0xC101: (STATUS_FAILURE, "No procedural log can be kept for the study instance UID"),
        0xC102: (STATUS_FAILURE, "The event information does not match the template"),
        0xC103: (STATUS_FAILURE, "The event belongs to no current study"),
        0xC104: (STATUS_FAILURE, "Not logged: the IDs do not agree with a current study"),
        0xC10E: (STATUS_FAILURE, "The operator may not add to the medication record"),
        0xC110: (STATUS_FAILURE, "The patient cannot be identified from the IDs given"),
        0xC111: (STATUS_FAILURE, "The medication record could not be updated"),
    },
)

# Non-Patient Object Storage (PS3.4 Annex GG)
NON_PATIENT_SERVICE_CLASS_STATUS: Final = _service(
    {
        0xA700: (STATUS_FAILURE, "Refused: out of resources"),
        0xA900: (STATUS_FAILURE, "The data set does not match its SOP class"),
        0xC000: (STATUS_FAILURE, "The data set cannot be understood"),
    },
)

# Unified Worklist and Procedure Step (PS3.4 Annex CC)
UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS: Final = _service(
    *_FIND,
    {
        0x0001: (STATUS_WARNING, "Requested optional attributes are not supported"),
        0xB300: (STATUS_WARNING, "The procedure step was created with changes"),
        0xB301: (STATUS_WARNING, "The deletion lock was not granted"),
        0xB304: (STATUS_WARNING, "The procedure step has been cancelled already"),
        0xB305: (STATUS_WARNING, "Values were changed into valid ones"),
        0xB306: (STATUS_WARNING, "The procedure step has been completed already"),
        0xC300: (STATUS_FAILURE, "The procedure step can no longer be updated"),
        0xC301: (STATUS_FAILURE, "The transaction UID is missing or not the right one"),
        0xC302: (STATUS_FAILURE, "The procedure step is in progress already"),
        0xC303: (STATUS_FAILURE, "Only N-CREATE makes a procedure step scheduled"),
        0xC304: (STATUS_FAILURE, "The final state's requirements are not met"),
        0xC307: (STATUS_FAILURE, "There is no such procedure step here"),
        0xC308: (STATUS_FAILURE, "The receiving AE title is not known"),
        0xC309: (STATUS_FAILURE, "A new procedure step must be in the state SCHEDULED"),
        0xC310: (STATUS_FAILURE, "The procedure step is not in progress yet"),
        0xC311: (STATUS_FAILURE, "The procedure step has been completed already"),
        0xC312: (STATUS_FAILURE, "The performer cannot be reached"),
        0xC313: (STATUS_FAILURE, "The performer does not cancel"),
        0xC314: (STATUS_FAILURE, "The action does not fit the procedure step"),
        0xC315: (STATUS_FAILURE, "Event reports are not supported"),
    },
)

# RT Machine Verification (PS3.4 Annex DD)
RT_MACHINE_VERIFICATION_SERVICE_CLASS_STATUS: Final = _service(
    {
        0xC112: (STATUS_FAILURE, "The machine verification instance was not found"),
        0xC221: (STATUS_FAILURE, "The plan has no such fraction group"),
        0xC222: (STATUS_FAILURE, "The fraction group has no beams"),
        0xC223: (STATUS_FAILURE, "Another verification is in progress"),
        0xC224: (STATUS_FAILURE, "The fraction group has no such beam"),
        0xC225: (STATUS_FAILURE, "The device or accessory is not supported"),
        0xC226: (STATUS_FAILURE, "The beam has no such device or accessory"),
        0xC227: (STATUS_FAILURE, "The RT plan was not found"),
    },
)

# The categories of codes, whatever the service (PS3.7 Annex C)
_CATEGORIES: Final = (
    (0x0000, 0x0000, STATUS_SUCCESS),
    (0x0001, 0x0001, STATUS_WARNING),
    (0x0105, 0x0106, STATUS_FAILURE),
    (0x0107, 0x0107, STATUS_WARNING),
    (0x0110, 0x0115, STATUS_FAILURE),
    (0x0116, 0x0116, STATUS_WARNING),
    (0x0117, 0x0119, STATUS_FAILURE),
    (0x0120, 0x0124, STATUS_FAILURE),
    (0x0210, 0x0213, STATUS_FAILURE),
    (0xA000, 0xAFFF, STATUS_FAILURE),
    (0xB000, 0xBFFF, STATUS_WARNING),
    (0xC000, 0xCFFF, STATUS_FAILURE),
    (0xFE00, 0xFE00, STATUS_CANCEL),
    (0xFF00, 0xFF01, STATUS_PENDING),
)


def code_to_category(code: int) -> str:
    """Return the category of a status code, whatever the service (PS3.7 Annex C).

    Parameters
    ----------
    code : int
        The status code.

    Returns
    -------
    str
        ``"Success"``, ``"Failure"``, ``"Warning"``, ``"Cancel"``, ``"Pending"`` or
        ``"Unknown"``.

    Raises
    ------
    ValueError
        `code` is negative or no int.
    """
    _check_code(code)
    for first, last, category in _CATEGORIES:
        if first <= code <= last:
            return category
    return STATUS_UNKNOWN


def code_to_status(code: int) -> Dataset:
    """Return a data set whose only element is Status (0000,0900) with the value `code`.

    Parameters
    ----------
    code : int
        The status code.

    Raises
    ------
    ValueError
        `code` is negative or no int.
    """
    _check_code(code)
    status = lazy.pydicom.dataset.Dataset()
    status.Status = code
    return status


def _check_code(code: int) -> None:
    """Raise ValueError unless `code` is an int and not negative."""
    if not isinstance(code, int) or code < 0:
        raise ValueError("'code' must be a non-negative integer")


make_later(globals())
