"""What an application entity is set to, and its presentation contexts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pynetdicom import (
    AE,
    PYNETDICOM_IMPLEMENTATION_UID,
    PYNETDICOM_IMPLEMENTATION_VERSION,
    StoragePresentationContexts,
    VerificationPresentationContexts,
    build_context,
)
from pynetdicom.limits import Limits
from pynetdicom.sop_class import CTImageStorage, MRImageStorage, Verification
from tests.support.associations import CT, ECHO, EventLog, association, port_of
from tests.support.watch import complaints

MR = str(MRImageStorage)
DEFAULT = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
]

TIMEOUTS = {
    "acse_timeout": 30,
    "dimse_timeout": 30,
    "network_timeout": 60,
    "connection_timeout": None,
}


@pytest.fixture
def ae() -> AE:
    return AE()


class TestSettings:
    def test_defaults(self, ae: AE) -> None:
        assert ae.ae_title == "PYNETDICOM"
        assert {name: getattr(ae, name) for name in TIMEOUTS} == TIMEOUTS
        assert ae.maximum_associations == 10
        assert ae.maximum_pdu_size == 16382
        assert ae.implementation_class_uid == PYNETDICOM_IMPLEMENTATION_UID
        assert ae.implementation_version_name == PYNETDICOM_IMPLEMENTATION_VERSION
        assert ae.require_called_aet is False
        assert ae.require_calling_aet == []
        assert ae.requested_contexts == []
        assert ae.supported_contexts == []
        assert ae.active_associations == []
        assert ae.limits == Limits()
        assert ae.require_application_context

    @pytest.mark.parametrize("title", ["A", "A" * 16, " A ", "A B", "~!@#$%^&*()"])
    def test_ae_title(self, title: str) -> None:
        ae = AE(title)
        assert ae.ae_title == title
        ae.ae_title = "OTHER"
        assert ae.ae_title == "OTHER"

    @pytest.mark.parametrize(
        ("title", "error"),
        [
            ("", ValueError),
            ("    ", ValueError),
            ("A" * 17, ValueError),
            ("A\\B", ValueError),
            ("A\nB", ValueError),
            ("Ä", ValueError),
            (None, TypeError),
            (5, TypeError),
        ],
    )
    def test_unusable_ae_title(self, ae: AE, title: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="ae_title"):
            ae.ae_title = title
        assert ae.ae_title == "PYNETDICOM"
        with pytest.raises(error, match="ae_title"):
            AE(title)
        with pytest.raises(error, match="require_calling_aet"):
            ae.require_calling_aet = ["GOOD", title]
        assert ae.require_calling_aet == []

    def test_titles_as_bytes(self, ae: AE) -> None:
        with pytest.warns(DeprecationWarning, match="'ae_title' as str"):
            ae.ae_title = b"BYTES"  # type: ignore[assignment]
        assert ae.ae_title == "BYTES"
        with pytest.warns(DeprecationWarning, match="'require_calling_aet' as str"):
            ae.require_calling_aet = [b"BYTES"]  # type: ignore[list-item]
        assert ae.require_calling_aet == ["BYTES"]

    @pytest.mark.parametrize("name", TIMEOUTS)
    @pytest.mark.parametrize("value", [None, 0.001, 1, 31.5, float("inf")])
    def test_timeouts(self, ae: AE, name: str, value: float | None) -> None:
        setattr(ae, name, value)
        assert getattr(ae, name) == value

    @pytest.mark.parametrize("name", TIMEOUTS)
    @pytest.mark.parametrize("value", [-1, "5", float("nan"), [1]])
    def test_unusable_timeouts_are_set_to_the_default(
        self, ae: AE, name: str, value: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        setattr(ae, name, 7)
        setattr(ae, name, value)
        assert getattr(ae, name) == TIMEOUTS[name]
        assert complaints(caplog.records) == [
            f"{name} can't be {value!r}; it is set to {TIMEOUTS[name]}"
        ]

    @pytest.mark.parametrize("name", TIMEOUTS)
    def test_zero_is_a_timeout_but_none_to_connect_in(
        self, ae: AE, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        setattr(ae, name, 0)
        if name == "connection_timeout":
            assert ae.connection_timeout is None
            assert complaints(caplog.records) == [
                "connection_timeout can't be 0; it is set to None"
            ]
        else:
            assert getattr(ae, name) == 0
            assert complaints(caplog.records) == []

    def test_timeouts_change_live_associations(self, start_scp: Callable[..., Any]) -> None:
        log = EventLog("ESTABLISHED")
        server = start_scp(handlers=log.bindings)
        ae = AE()
        with association(port_of(server), ae=ae) as assoc:
            acceptance = log.wait_for("ESTABLISHED").assoc
            for seconds, name in enumerate(TIMEOUTS, start=100):
                assert getattr(assoc, name) == TIMEOUTS[name]
                for entity in (ae, server.ae):
                    setattr(entity, name, seconds)
                assert getattr(assoc, name) == getattr(acceptance, name) == seconds
        ae.dimse_timeout = 5
        assert assoc.dimse_timeout == 101

    def test_maximum_associations(self, ae: AE) -> None:
        for value in (1, 1000):
            ae.maximum_associations = value
            assert ae.maximum_associations == value

    @pytest.mark.parametrize("value", [0, -1, 2.5, "10", None])
    def test_unusable_maximum_associations(
        self, ae: AE, value: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        ae.maximum_associations = value
        assert ae.maximum_associations == 1
        assert complaints(caplog.records) == [
            f"maximum_associations can't be {value!r}; it is set to 1"
        ]

    @pytest.mark.parametrize("value", [1, 8, 1000])
    def test_concurrent_operations(self, ae: AE, value: int) -> None:
        ae.concurrent_operations = value
        assert ae.concurrent_operations == value

    @pytest.mark.parametrize("value", [0, -1, 2.0, "2", None])
    def test_unusable_concurrent_operations(self, ae: AE, value: Any) -> None:
        with pytest.raises(ValueError, match=f"at least 1, not {value!r}"):
            ae.concurrent_operations = value
        assert ae.concurrent_operations == 1

    @pytest.mark.parametrize("value", [0, 1, 50])
    def test_transient_retries(self, ae: AE, value: int) -> None:
        assert ae.transient_retries == 0
        ae.transient_retries = value
        assert ae.transient_retries == value

    @pytest.mark.parametrize("value", [-1, 2.0, "2", None])
    def test_unusable_transient_retries(self, ae: AE, value: Any) -> None:
        with pytest.raises(ValueError, match=f"at least 0, not {value!r}"):
            ae.transient_retries = value
        assert ae.transient_retries == 0

    def test_maximum_pdu_size(self, ae: AE, caplog: pytest.LogCaptureFixture) -> None:
        for value in (0, 1, 0xFFFFFFFF):
            ae.maximum_pdu_size = value
            assert ae.maximum_pdu_size == value
        assert complaints(caplog.records) == []
        ae.maximum_pdu_size = -1
        assert ae.maximum_pdu_size == 0xFFFFFFFF
        assert complaints(caplog.records) == [
            "maximum_pdu_size can't be negative; it stays 4294967295"
        ]

    @pytest.mark.parametrize(
        ("value", "error"),
        [("1", TypeError), (None, TypeError), (1.5, TypeError), (1 << 32, ValueError)],
    )
    def test_unusable_maximum_pdu_size(self, ae: AE, value: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="maximum_pdu_size"):
            ae.maximum_pdu_size = value
        assert ae.maximum_pdu_size == 16382

    @pytest.mark.parametrize("uid", ["1.2.3", b"1.2.3", UID("1.2.3")])
    def test_implementation_class_uid(self, ae: AE, uid: Any) -> None:
        ae.implementation_class_uid = uid
        assert ae.implementation_class_uid == "1.2.3"
        assert isinstance(ae.implementation_class_uid, UID)

    @pytest.mark.parametrize(
        ("uid", "error"),
        [
            ("", ValueError),
            ("1.02", ValueError),
            ("1.2.a", ValueError),
            ("1." + "2" * 63, ValueError),
            (None, TypeError),
            (1.2, TypeError),
        ],
    )
    def test_unusable_implementation_class_uid(
        self, ae: AE, uid: Any, error: type[Exception]
    ) -> None:
        with pytest.raises(error, match="implementation_class_uid"):
            ae.implementation_class_uid = uid
        assert ae.implementation_class_uid == PYNETDICOM_IMPLEMENTATION_UID

    @pytest.mark.parametrize("name", [None, "A", "A" * 16])
    def test_implementation_version_name(self, ae: AE, name: str | None) -> None:
        ae.implementation_version_name = name
        assert ae.implementation_version_name == name

    @pytest.mark.parametrize(
        ("name", "error"),
        [("", ValueError), ("A" * 17, ValueError), (b"A", TypeError), (1, TypeError)],
    )
    def test_unusable_implementation_version_name(
        self, ae: AE, name: Any, error: type[Exception]
    ) -> None:
        with pytest.raises(error, match="implementation_version_name"):
            ae.implementation_version_name = name
        assert ae.implementation_version_name == PYNETDICOM_IMPLEMENTATION_VERSION

    @pytest.mark.parametrize(("value", "expected"), [(1, True), ("", False), ([0], True)])
    def test_require_called_aet(self, ae: AE, value: Any, expected: bool) -> None:
        ae.require_called_aet = value
        assert ae.require_called_aet is expected

    def test_require_calling_aet(self, ae: AE) -> None:
        ae.require_calling_aet = (title for title in ("A", " B "))
        assert ae.require_calling_aet == ["A", " B "]
        ae.require_calling_aet = []
        assert ae.require_calling_aet == []
        ae.require_calling_aet = "AB"  # a str is an iterable of str
        assert ae.require_calling_aet == ["A", "B"]
        with pytest.raises(TypeError):
            ae.require_calling_aet = None  # type: ignore[assignment]


class TestRequestedContexts:
    def test_add(self, ae: AE) -> None:
        ae.add_requested_context(ECHO)
        ae.add_requested_context(CTImageStorage, ImplicitVRLittleEndian)
        ae.add_requested_context(UID(CT), [ExplicitVRLittleEndian, "1.2.840.10008.1.2"])
        ae.add_requested_context(MR, ("1.2.840.10008.1.2",))
        ae.add_requested_context(MR, [])
        assert [cx.abstract_syntax for cx in ae.requested_contexts] == [ECHO, CT, CT, MR, MR]
        assert [cx.transfer_syntax for cx in ae.requested_contexts] == [
            DEFAULT,
            [ImplicitVRLittleEndian],
            [ExplicitVRLittleEndian, ImplicitVRLittleEndian],
            [ImplicitVRLittleEndian],
            [],
        ]
        assert all(cx.context_id is None for cx in ae.requested_contexts)

    def test_no_more_than_128(self, ae: AE) -> None:
        for _ in range(128):
            ae.add_requested_context(ECHO)
        with pytest.raises(ValueError, match="128 presentation contexts"):
            ae.add_requested_context(ECHO)
        with pytest.raises(ValueError, match="128 presentation contexts at the most, not 129"):
            ae.requested_contexts = [build_context(ECHO)] * 129
        assert len(ae.requested_contexts) == 128

    @pytest.mark.parametrize("uid", [None, 1.2, b"1.2.3"])
    def test_no_uid(self, ae: AE, uid: Any) -> None:
        with pytest.raises(TypeError, match="abstract_syntax"):
            ae.add_requested_context(uid)
        with pytest.raises(TypeError, match="abstract_syntax"):
            ae.add_supported_context(uid)

    def test_too_long_uids(self, ae: AE) -> None:
        long = "1." * 33
        for add in (ae.add_requested_context, ae.add_supported_context):
            with pytest.raises(ValueError, match="abstract_syntax"):
                add(long)
            with pytest.raises(ValueError, match="transfer_syntax"):
                add(ECHO, long)
        assert ae.requested_contexts == ae.supported_contexts == []

    def test_uid_that_does_not_conform_is_taken(
        self, ae: AE, caplog: pytest.LogCaptureFixture
    ) -> None:
        ae.add_requested_context("1.02.3")
        ae.add_supported_context("1.02.3")
        assert ae.requested_contexts[0].abstract_syntax == "1.02.3"
        assert len(complaints(caplog.records)) == 2
        ae.remove_requested_context("1.02.3")
        ae.remove_supported_context("1.02.3")
        assert ae.requested_contexts == ae.supported_contexts == []

    def test_assignment_replaces_and_copies(self, ae: AE) -> None:
        ae.add_requested_context(MR)
        ours = [build_context(ECHO), build_context(CT, ExplicitVRLittleEndian)]
        ae.requested_contexts = ours
        assert ae.requested_contexts == ours
        ours[0].transfer_syntax = []
        assert ae.requested_contexts[0].transfer_syntax == DEFAULT
        ae.requested_contexts = tuple(VerificationPresentationContexts)
        assert ae.requested_contexts == VerificationPresentationContexts
        ae.requested_contexts = StoragePresentationContexts
        assert len(ae.requested_contexts) == 120
        assert all(cx.context_id is None for cx in StoragePresentationContexts)

    @pytest.mark.parametrize("nothing", [None, [], ()])
    def test_clear(self, ae: AE, nothing: Any) -> None:
        ae.add_requested_context(ECHO)
        ae.requested_contexts = nothing
        assert ae.requested_contexts == []

    @pytest.mark.parametrize("wrong", [ECHO, [ECHO], build_context(ECHO), [build_context(CT), 1]])
    def test_no_contexts(self, ae: AE, wrong: Any) -> None:
        ae.add_requested_context(ECHO)
        with pytest.raises(ValueError, match="PresentationContext"):
            ae.requested_contexts = wrong
        assert len(ae.requested_contexts) == 1

    def test_remove(self, ae: AE) -> None:
        ae.add_requested_context(CT)
        ae.add_requested_context(ECHO)
        ae.add_requested_context(CT, ImplicitVRLittleEndian)
        ae.remove_requested_context(CT, ImplicitVRLittleEndian)
        assert [cx.abstract_syntax for cx in ae.requested_contexts] == [CT, ECHO]
        assert ae.requested_contexts[0].transfer_syntax == DEFAULT[1:]
        ae.remove_requested_context(CT, [ExplicitVRLittleEndian, MR])
        assert ae.requested_contexts[0].transfer_syntax == DEFAULT[2:]
        ae.remove_requested_context(CT, [ImplicitVRLittleEndian])
        ae.remove_requested_context(MR)
        assert len(ae.requested_contexts) == 2
        ae.remove_requested_context(CT)
        ae.remove_requested_context(ECHO, DEFAULT)
        assert ae.requested_contexts == []


class TestSupportedContexts:
    def test_one_for_each_abstract_syntax(self, ae: AE) -> None:
        ae.add_supported_context(CT, ImplicitVRLittleEndian, True, False)
        ae.add_supported_context(ECHO)
        ae.add_supported_context(CT, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
        echo, ct = ae.supported_contexts
        assert (echo.abstract_syntax, ct.abstract_syntax) == (ECHO, CT)
        assert echo.transfer_syntax == DEFAULT
        assert ct.transfer_syntax == [ImplicitVRLittleEndian, ExplicitVRLittleEndian]
        assert (ct.scu_role, ct.scp_role) == (None, None)
        ae.add_supported_context(CT, [], scu_role=False, scp_role=True)
        assert (ct.scu_role, ct.scp_role) == (False, True)

    def test_any_number(self, ae: AE) -> None:
        for number in range(300):
            ae.add_supported_context(f"1.2.{number}")
        assert len(ae.supported_contexts) == 300

    @pytest.mark.parametrize("role", [1, "yes"])
    def test_roles_are_bool(self, ae: AE, role: Any) -> None:
        with pytest.raises(TypeError, match="scu_role and scp_role"):
            ae.add_supported_context(CT, scu_role=role)
        with pytest.raises(TypeError, match="scu_role and scp_role"):
            ae.add_supported_context(CT, scp_role=role)
        assert ae.supported_contexts == []

    def test_assignment_replaces_and_copies(self, ae: AE) -> None:
        ae.add_supported_context(MR)
        ct = build_context(CT)
        ct.scu_role, ct.scp_role = False, True
        ae.supported_contexts = (cx for cx in [ct, build_context(ECHO)])  # type: ignore[assignment]
        assert ae.supported_contexts == [build_context(ECHO), ct]
        ct.transfer_syntax = []
        assert ae.supported_contexts[1].transfer_syntax == DEFAULT
        ae.supported_contexts = []
        assert ae.supported_contexts == []

    def test_no_contexts(self, ae: AE) -> None:
        ae.add_supported_context(ECHO)
        with pytest.raises(ValueError, match="PresentationContext"):
            ae.supported_contexts = [build_context(CT), CT]  # type: ignore[list-item]
        with pytest.raises(TypeError):
            ae.supported_contexts = None  # type: ignore[assignment]
        assert len(ae.supported_contexts) == 1

    def test_remove(self, ae: AE) -> None:
        ae.add_supported_context(CT)
        ae.add_supported_context(ECHO)
        ae.remove_supported_context(CT, ExplicitVRLittleEndian)
        ae.remove_supported_context(MR)
        assert ae.supported_contexts[1].transfer_syntax == [DEFAULT[0], *DEFAULT[2:]]
        ae.remove_supported_context(CT, DEFAULT)
        assert [cx.abstract_syntax for cx in ae.supported_contexts] == [ECHO]
        ae.remove_supported_context(Verification)
        assert ae.supported_contexts == []
