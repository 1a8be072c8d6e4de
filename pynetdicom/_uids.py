"""pydicom's UID, which knows the newer UIDs of the standard as soon as this module is loaded.

Whatever makes a UID takes it from here: :func:`pynetdicom.utils.make_uid` and the SOP classes.
"""

from __future__ import annotations

from typing import Final

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

__all__ = ["UID", "UID_dictionary"]

# UIDs of the standard that pydicom does not know yet (PS3.6 Annex A). They are registered with it,
# so that their names show wherever one of them is printed.
_TRANSFER_SYNTAX, _SOP_CLASS = "Transfer Syntax", "SOP Class"
_NEWER_UIDS: Final = {
    "1.2.840.10008.1.2.4.110": ("JPEG XL Lossless", _TRANSFER_SYNTAX),
    "1.2.840.10008.1.2.4.111": ("JPEG XL JPEG Recompression", _TRANSFER_SYNTAX),
    "1.2.840.10008.1.2.4.112": ("JPEG XL", _TRANSFER_SYNTAX),
    "1.2.840.10008.1.2.8.1": ("Deflated Image Frame Compression", _TRANSFER_SYNTAX),
    "1.2.840.10008.5.1.4.1.1.9.100.1": ("Waveform Presentation State Storage", _SOP_CLASS),
    "1.2.840.10008.5.1.4.1.1.9.100.2": (
        "Waveform Acquisition Presentation State Storage",
        _SOP_CLASS,
    ),
    "1.2.840.10008.5.1.4.1.1.66.7": ("Label Map Segmentation Storage", _SOP_CLASS),
    "1.2.840.10008.5.1.4.1.1.66.8": ("Height Map Segmentation Storage", _SOP_CLASS),
}

for _uid, (_name, _kind) in _NEWER_UIDS.items():
    UID_dictionary.setdefault(_uid, (_name, _kind, "", "", _name.replace(" ", "")))
