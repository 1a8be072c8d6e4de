"""The engine of requests: which context one goes out in, and what the status says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from pynetdicom import build_role
from pynetdicom.association.requests import encoded, new_request, status_of
from pynetdicom.dimse_primitives import C_FIND, C_STORE
from pynetdicom.dsutils import encoding_of
from tests.support.associations import CT, ECHO, association, port_of

StartSCP = Callable[..., Any]

LITTLE_ENDIAN = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
]


def test_status_of_a_response() -> None:
    response = C_STORE()
    response.Status = 0xA900
    response.OffendingElement = [0x00100010, 0x00100020]
    response.ErrorComment = "both"
    status = status_of(response)
    assert status.Status == 0xA900
    assert status.OffendingElement == [0x00100010, 0x00100020]
    assert status.ErrorComment == "both"
    assert len(status) == 3


def test_further_elements_of_a_status() -> None:
    response = C_STORE()
    response.Status = 0x0000
    response.AffectedSOPInstanceUID = "1.2.3"
    assert len(status_of(response)) == 1
    assert status_of(response, "AffectedSOPInstanceUID").AffectedSOPInstanceUID == "1.2.3"


def test_new_request() -> None:
    request = new_request(C_FIND, 7, AffectedSOPClassUID="1.2.3", Priority=1)
    assert (request.MessageID, request.AffectedSOPClassUID, request.Priority) == (7, "1.2.3", 1)


@pytest.mark.parametrize(("uid", "error"), [(None, TypeError), ("", ValueError)])
def test_new_request_without_what_it_must_have(uid: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="'AffectedSOPClassUID' of a C-FIND request must not be"):
        new_request(C_FIND, 1, AffectedSOPClassUID=uid)


def test_encoded() -> None:
    dataset = Dataset()
    dataset.PatientID = "1"
    data = encoded(dataset, encoding_of(ImplicitVRLittleEndian), "identifier", True)
    assert data.getbuffer() == b"\x10\0\x20\0\2\0\0\0" + b"1 "
    dataset.Rows = 1
    dataset["Rows"]._value = "many"
    with pytest.raises(ValueError, match="Failed to encode the identifier"):
        encoded(dataset, encoding_of(ImplicitVRLittleEndian), "identifier", True)


class TestValidContext:
    @pytest.fixture
    def assoc(self, start_scp: StartSCP) -> Any:
        syntaxes = [*LITTLE_ENDIAN, JPEGBaseline8Bit]
        port = port_of(start_scp([ECHO, (CT, syntaxes, True, True)]))
        contexts = [(CT, syntax) for syntax in (*LITTLE_ENDIAN, JPEGBaseline8Bit)]
        role = build_role(CT, True, True)
        with association(port, [ECHO, *contexts, CT], ext_neg=[role]) as assoc:
            yield assoc

    @pytest.mark.parametrize(
        ("syntax", "arguments", "expected"),
        [
            ("", {}, 3),
            (ExplicitVRLittleEndian, {}, 5),
            (str(JPEGBaseline8Bit), {}, 9),
            (ImplicitVRLittleEndian, {"context_id": 11}, 11),
            (ImplicitVRLittleEndian, {"context_id": 5}, 3),
            ("", {"context_id": 7}, 7),
            ("", {"context_id": 99}, 3),
            ("", {"role": "scp"}, 3),
            (DeflatedExplicitVRLittleEndian, {"role": "scp", "allow_conversion": False}, 7),
        ],
    )
    def test_found(self, assoc: Any, syntax: str, arguments: Any, expected: int) -> None:
        assert assoc._get_valid_context(CT, syntax, **arguments).context_id == expected

    def test_not_found(self, assoc: Any) -> None:
        with pytest.raises(ValueError, match="as SCP: the role of SCP was not agreed"):
            assoc._get_valid_context(ECHO, "", "scp")
        with pytest.raises(ValueError, match=r"1\.2\.3 as SCU: none was proposed"):
            assoc._get_valid_context("1.2.3", "", "scu")
        with pytest.raises(ValueError, match=r"1\.2\.3: none was proposed"):
            assoc._get_valid_context("1.2.3", "")
        with pytest.raises(ValueError, match="in 'Explicit VR Big Endian': the peer accepted it"):
            assoc._get_valid_context(ECHO, ExplicitVRBigEndian)
        with pytest.raises(ValueError, match="in 'Explicit VR Little Endian': the peer accepted"):
            assoc._get_valid_context(ECHO, ExplicitVRLittleEndian, allow_conversion=False)

    def test_role(self, start_scp: StartSCP) -> None:
        """Either will do if none is asked for."""
        port = port_of(start_scp([(CT, ImplicitVRLittleEndian, True, True)]))
        with association(port, [CT], ext_neg=[build_role(CT, scp_role=True)]) as assoc:
            assert assoc._get_valid_context(CT, "").context_id == 1
            assert assoc._get_valid_context(CT, "", "scp").context_id == 1
            with pytest.raises(ValueError, match="the role of SCU was not agreed"):
                assoc._get_valid_context(CT, "", "scu")
