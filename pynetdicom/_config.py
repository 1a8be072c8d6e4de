"""Settings that apply to the whole package; assign to them to change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynetdicom._validators import validate_ae, validate_ui

if TYPE_CHECKING:
    from collections.abc import Callable

LOG_HANDLER_LEVEL: str = "standard"
"""``"standard"`` binds the default logging handlers to every new association and server: those
of EVT_PDU_RECV, EVT_PDU_SENT, EVT_DIMSE_RECV and EVT_DIMSE_SENT. Any other value, say
``"none"``, binds none."""

ENFORCE_UID_CONFORMANCE: bool = False
"""True to refuse UIDs that do not conform to PS3.5 9.1; False to refuse only those that
are empty, longer than 64 characters or not printable ASCII, and to log the others."""

USE_SHORT_DIMSE_AET: bool = True
"""True to send AE titles in DIMSE messages as short as they are, padded to an even length;
False to pad them to 16 characters with trailing spaces."""

LOG_RESPONSE_IDENTIFIERS: bool = True
"""True to log the identifiers of C-FIND, C-GET and C-MOVE responses."""

LOG_REQUEST_IDENTIFIERS: bool = True
"""True to log the identifiers of C-FIND, C-GET and C-MOVE requests."""

LOG_PATIENT_DATA: bool = True
"""False to keep out of the log what can be about patients: the identifiers of C-FIND, C-GET and
C-MOVE, SOP Instance UIDs, Error Comments, and the bytes of data sets. ``AE.log_patient_data`` sets
it for one AE."""

STORE_SEND_CHUNKED_DATASET: bool = False
"""True to send a file given by path to ``send_c_store()`` as it is, without decoding it.
The peer must then have accepted the file's own transfer syntax."""

STORE_RECV_CHUNKED_DATASET: bool = False
"""True to receive the data sets of C-STORE requests into temporary files in the DICOM File
Format, which handlers of EVT_C_STORE find as ``event.dataset_path``."""

PASS_CONTEXTVARS: bool = False
"""True to run new threads in a copy of the context variables of the thread that starts them."""

WINDOWS_TIMER_RESOLUTION: int | None = 1
"""Timer resolution to ask from Windows while associations run, in milliseconds; None to leave
it as it is. Without meaning on other systems."""

CODECS: tuple[str, ...] = ("ascii",)
"""Codecs to try, in this order, for received text of association negotiation that is not ASCII.
Characters outside ASCII are dropped from the result."""

VALIDATORS: dict[str, Callable[[str], tuple[bool, str]]] = {
    "AE": validate_ae,
    "UI": validate_ui,
}
"""The rules for AE titles (``"AE"``) and UIDs (``"UI"``). Each takes the value and returns
whether it is acceptable and, if not, the reason."""

UNRESTRICTED_STORAGE_SERVICE: bool = False
"""True to have acceptors take the presentation contexts of every storage SOP class, also of
private and of unknown ones, whatever contexts they support."""
