"""The defaults of the settings of the package; what they do is tested where they do it."""

import pytest

from pynetdicom import _config
from pynetdicom._validators import validate_ae, validate_ui

DEFAULTS = {
    "CODECS": ("ascii",),
    "ENFORCE_UID_CONFORMANCE": False,
    "LOG_HANDLER_LEVEL": "standard",
    "LOG_PATIENT_DATA": True,
    "LOG_REQUEST_IDENTIFIERS": True,
    "LOG_RESPONSE_IDENTIFIERS": True,
    "PASS_CONTEXTVARS": False,
    "STORE_RECV_CHUNKED_DATASET": False,
    "STORE_SEND_CHUNKED_DATASET": False,
    "UNRESTRICTED_STORAGE_SERVICE": False,
    "USE_SHORT_DIMSE_AET": True,
    "VALIDATORS": {"AE": validate_ae, "UI": validate_ui},
    "WINDOWS_TIMER_RESOLUTION": 1,
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_default(name):
    assert getattr(_config, name) == DEFAULTS[name]
    assert type(getattr(_config, name)) is type(DEFAULTS[name])


def test_there_are_no_others():
    assert {name for name in vars(_config) if name.isupper()} == {*DEFAULTS, "TYPE_CHECKING"}
