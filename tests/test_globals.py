"""The transfer syntaxes and the other constants."""

import pytest
from pydicom.uid import UID

from pynetdicom import _globals

PREFIX = "1.2.840.10008.1.2"
# PS3.6 Table A-1, in the order in which they are offered
SUFFIXES = """
    - .1 .1.99 .2 .4.50 .4.51 .4.57 .4.70 .4.80 .4.81 .4.90 .4.91 .4.92 .4.93 .4.94 .4.95 .4.100
    .4.100.1 .4.101 .4.101.1 .4.102 .4.102.1 .4.103 .4.103.1 .4.104 .4.104.1 .4.105 .4.105.1 .4.106
    .4.106.1 .4.107 .4.108 .4.110 .4.111 .4.112 .4.201 .4.202 .4.203 .4.204 .4.205 .5 .7.1 .7.2 .7.3
    .8.1
"""


def test_all_transfer_syntaxes():
    expected = [PREFIX + suffix.strip("-") for suffix in SUFFIXES.split()]
    assert expected == _globals.ALL_TRANSFER_SYNTAXES
    assert len(expected) == 45


def test_default_transfer_syntaxes():
    assert [UID(uid).keyword for uid in _globals.DEFAULT_TRANSFER_SYNTAXES] == [
        "ImplicitVRLittleEndian",
        "ExplicitVRLittleEndian",
        "DeflatedExplicitVRLittleEndian",
        "ExplicitVRBigEndian",
    ]


@pytest.mark.parametrize("uid", _globals.ALL_TRANSFER_SYNTAXES)
def test_pydicom_knows_every_transfer_syntax(uid):
    assert UID(uid).is_transfer_syntax
    assert UID(uid).name != uid


@pytest.mark.parametrize(
    ("suffix", "keyword"),
    [
        (".4.110", "JPEGXLLossless"),
        (".4.111", "JPEGXLJPEGRecompression"),
        (".4.112", "JPEGXL"),
        (".8.1", "DeflatedImageFrameCompression"),
    ],
)
def test_newer_transfer_syntaxes_are_registered(suffix, keyword):
    assert UID(PREFIX + suffix).keyword == keyword


def test_names_and_numbers():
    assert _globals.APPLICATION_CONTEXT_NAME == "1.2.840.10008.3.1.1.1"
    assert UID(_globals.APPLICATION_CONTEXT_NAME).type == "Application Context Name"
    assert _globals.DEFAULT_MAX_LENGTH == 16382
    assert (_globals.MODE_REQUESTOR, _globals.MODE_ACCEPTOR) == ("requestor", "acceptor")


def test_status_categories():
    names = ["SUCCESS", "FAILURE", "WARNING", "CANCEL", "PENDING", "UNKNOWN"]
    assert [getattr(_globals, f"STATUS_{name}") for name in names] == [
        name.capitalize() for name in names
    ]
