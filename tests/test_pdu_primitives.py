"""Tests for the service primitives and the negotiation items."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest
from pydicom.uid import UID

from pynetdicom import pdu_items
from pynetdicom.pdu_primitives import (
    A_ABORT,
    A_ASSOCIATE,
    A_P_ABORT,
    A_RELEASE,
    P_DATA,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    ServiceParameter,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
    describe_uid,
)
from pynetdicom.presentation import build_context

CT = "1.2.840.10008.5.1.4.1.1.2"


def build(kind: type, **values: Any) -> Any:
    """Return a primitive with values that a user set."""
    primitive = kind()
    for name, value in values.items():
        setattr(primitive, name, value)
    return primitive


# Each negotiation item with values, its item class, and its log form
NEGOTIATION = [
    (
        build(MaximumLengthNotification, maximum_length_received=16384),
        pdu_items.MaximumLengthSubItem,
        "Maximum length: 16384",
    ),
    (
        build(MaximumLengthNotification, maximum_length_received=0),
        pdu_items.MaximumLengthSubItem,
        "Maximum length: unlimited",
    ),
    (
        build(ImplementationClassUIDNotification, implementation_class_uid="1.2.3"),
        pdu_items.ImplementationClassUIDSubItem,
        "Implementation class UID: 1.2.3",
    ),
    (
        build(ImplementationVersionNameNotification, implementation_version_name="NAME 1"),
        pdu_items.ImplementationVersionNameSubItem,
        "Implementation version name: NAME 1",
    ),
    (
        build(
            AsynchronousOperationsWindowNegotiation,
            maximum_number_operations_invoked=2,
            maximum_number_operations_performed=0,
        ),
        pdu_items.AsynchronousOperationsWindowSubItem,
        "Asynchronous operations window: 2 invoked, 0 performed",
    ),
    (
        build(SCP_SCU_RoleSelectionNegotiation, sop_class_uid=CT, scu_role=True, scp_role=False),
        pdu_items.SCP_SCU_RoleSelectionSubItem,
        "Role selection: CT Image Storage, requestor is SCU",
    ),
    (
        build(SCP_SCU_RoleSelectionNegotiation, sop_class_uid=CT, scu_role=True, scp_role=True),
        pdu_items.SCP_SCU_RoleSelectionSubItem,
        "Role selection: CT Image Storage, requestor is SCU and SCP",
    ),
    (
        build(
            SOPClassExtendedNegotiation,
            sop_class_uid=CT,
            service_class_application_information=b"\x01\x00",
        ),
        pdu_items.SOPClassExtendedNegotiationSubItem,
        "SOP class extended negotiation: CT Image Storage, 01 00",
    ),
    (
        build(
            SOPClassExtendedNegotiation,
            sop_class_uid=CT,
            service_class_application_information=bytes(17),
        ),
        pdu_items.SOPClassExtendedNegotiationSubItem,
        "SOP class extended negotiation: CT Image Storage, "
        "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 ...",
    ),
    (
        build(
            SOPClassCommonExtendedNegotiation,
            sop_class_uid="1.2.3",
            service_class_uid="1.2.840.10008.4.2",
            related_general_sop_class_identification=[CT, "1.2.4"],
        ),
        pdu_items.SOPClassCommonExtendedNegotiationSubItem,
        "SOP class common extended negotiation: 1.2.3, service class Storage Service Class, "
        "related general SOP classes: CT Image Storage, 1.2.4",
    ),
    (
        build(UserIdentityNegotiation, user_identity_type=1, primary_field=b"me"),
        pdu_items.UserIdentitySubItemRQ,
        "User identity: Username ('me'), positive response not requested",
    ),
    (
        build(
            UserIdentityNegotiation,
            user_identity_type=2,
            primary_field=b"me",
            secondary_field=b"SECRET",
            positive_response_requested=True,
        ),
        pdu_items.UserIdentitySubItemRQ,
        "User identity: Username and passcode ('me'), positive response requested",
    ),
    *(
        (
            build(UserIdentityNegotiation, user_identity_type=kind, primary_field=b"SECRET"),
            pdu_items.UserIdentitySubItemRQ,
            f"User identity: {name} (not shown), positive response not requested",
        )
        for kind, name in [
            (3, "Kerberos service ticket"),
            (4, "SAML assertion"),
            (5, "JSON web token"),
        ]
    ),
    (
        build(UserIdentityNegotiation, server_response=b"SECRET"),
        pdu_items.UserIdentitySubItemAC,
        "User identity: response of the server (not shown)",
    ),
]
NEGOTIATION_CLASSES = sorted({type(row[0]) for row in NEGOTIATION}, key=lambda c: c.__name__)


class TestNegotiationItems:
    @pytest.mark.parametrize(("primitive", "item_class", "text"), NEGOTIATION)
    def test_item_and_back(self, primitive: ServiceParameter, item_class: type, text: str) -> None:
        item = primitive.from_primitive()
        assert type(item) is item_class
        assert item.to_primitive() == primitive

    @pytest.mark.parametrize(("primitive", "item_class", "text"), NEGOTIATION)
    def test_log_form(self, primitive: ServiceParameter, item_class: type, text: str) -> None:
        assert str(primitive) == text
        assert str(primitive.from_primitive()) == text

    @pytest.mark.parametrize(("primitive", "item_class", "text"), NEGOTIATION)
    def test_no_secret_in_any_form(
        self, primitive: ServiceParameter, item_class: type, text: str
    ) -> None:
        for shown in (primitive, primitive.from_primitive()):
            assert "SECRET" not in f"{shown} {shown!r}"

    @pytest.mark.parametrize("kind", NEGOTIATION_CLASSES)
    def test_equality(self, kind: type) -> None:
        assert kind() == kind()
        assert kind() != object()
        for other in NEGOTIATION_CLASSES:
            assert (kind() == other()) is (kind is other)
        with pytest.raises(TypeError):
            hash(kind())

    @pytest.mark.parametrize(("primitive", "item_class", "text"), NEGOTIATION)
    def test_copies_are_equal(
        self, primitive: ServiceParameter, item_class: type, text: str
    ) -> None:
        assert copy.deepcopy(primitive) == primitive
        assert copy.copy(primitive) != type(primitive)()

    @pytest.mark.parametrize("kind", NEGOTIATION_CLASSES)
    def test_log_form_of_an_empty_one(self, kind: type) -> None:
        assert str(kind())

    @pytest.mark.parametrize(
        ("kind", "values", "missing"),
        [
            (ImplementationClassUIDNotification, {}, "implementation_class_uid"),
            (ImplementationVersionNameNotification, {}, "implementation_version_name"),
            (SCP_SCU_RoleSelectionNegotiation, {"scu_role": True}, "sop_class_uid"),
            (SCP_SCU_RoleSelectionNegotiation, {"sop_class_uid": CT}, "scu_role"),
            (
                SCP_SCU_RoleSelectionNegotiation,
                {"sop_class_uid": CT, "scu_role": False, "scp_role": False},
                "scp_role",
            ),
            (
                SOPClassExtendedNegotiation,
                {"sop_class_uid": CT},
                "service_class_application_information",
            ),
            (
                SOPClassExtendedNegotiation,
                {"service_class_application_information": b""},
                "sop_class_uid",
            ),
            (SOPClassCommonExtendedNegotiation, {"sop_class_uid": CT}, "service_class_uid"),
            (SOPClassCommonExtendedNegotiation, {"service_class_uid": CT}, "sop_class_uid"),
            (UserIdentityNegotiation, {"primary_field": b"a"}, "user_identity_type"),
            (UserIdentityNegotiation, {"user_identity_type": 1}, "primary_field"),
            (
                UserIdentityNegotiation,
                {"user_identity_type": 2, "primary_field": b"a"},
                "secondary_field",
            ),
        ],
    )
    def test_mandatory_values(self, kind: type, values: dict[str, Any], missing: str) -> None:
        with pytest.raises(ValueError, match=f"{kind.__name__} needs .*'{missing}'"):
            build(kind, **values).from_primitive()

    def test_role_of_none_counts_as_false(self) -> None:
        primitive = build(SCP_SCU_RoleSelectionNegotiation, sop_class_uid=CT, scp_role=True)
        item = primitive.from_primitive()
        assert (item.scu_role, item.scp_role) == (False, True)

    @pytest.mark.parametrize(
        ("kind", "name", "good"),
        [
            (MaximumLengthNotification, "maximum_length_received", [0, 1, 2**32 - 1]),
            (
                AsynchronousOperationsWindowNegotiation,
                "maximum_number_operations_invoked",
                [0, 65535],
            ),
            (
                AsynchronousOperationsWindowNegotiation,
                "maximum_number_operations_performed",
                [0, 65535],
            ),
            (ImplementationClassUIDNotification, "implementation_class_uid", [None, UID("1.2")]),
            (
                ImplementationVersionNameNotification,
                "implementation_version_name",
                [None, "A", "A" * 16],
            ),
            (SCP_SCU_RoleSelectionNegotiation, "scu_role", [None, True, False]),
            (SCP_SCU_RoleSelectionNegotiation, "scp_role", [None, True, False]),
            (SOPClassExtendedNegotiation, "service_class_application_information", [b"", b"a"]),
            (
                SOPClassCommonExtendedNegotiation,
                "related_general_sop_class_identification",
                [[], ["1.2", "1.3"]],
            ),
            (UserIdentityNegotiation, "user_identity_type", [None, 1, 5]),
            (UserIdentityNegotiation, "positive_response_requested", [True, False]),
            (UserIdentityNegotiation, "primary_field", [None, b"", b"a"]),
            (UserIdentityNegotiation, "secondary_field", [b"", b"a"]),
            (UserIdentityNegotiation, "server_response", [None, b"", b"a"]),
        ],
    )
    def test_accepted_values(self, kind: type, name: str, good: list[Any]) -> None:
        primitive = kind()
        for value in good:
            setattr(primitive, name, value)
            assert getattr(primitive, name) == value

    @pytest.mark.parametrize(
        ("kind", "name", "bad", "error"),
        [
            (MaximumLengthNotification, "maximum_length_received", -1, ValueError),
            (MaximumLengthNotification, "maximum_length_received", 2**32, ValueError),
            (MaximumLengthNotification, "maximum_length_received", "1", TypeError),
            (MaximumLengthNotification, "maximum_length_received", None, TypeError),
            (
                AsynchronousOperationsWindowNegotiation,
                "maximum_number_operations_invoked",
                -1,
                ValueError,
            ),
            (
                AsynchronousOperationsWindowNegotiation,
                "maximum_number_operations_performed",
                1.5,
                TypeError,
            ),
            (ImplementationClassUIDNotification, "implementation_class_uid", 1, TypeError),
            (ImplementationClassUIDNotification, "implementation_class_uid", "1" * 65, ValueError),
            (ImplementationVersionNameNotification, "implementation_version_name", "", ValueError),
            (
                ImplementationVersionNameNotification,
                "implementation_version_name",
                "A" * 17,
                ValueError,
            ),
            (ImplementationVersionNameNotification, "implementation_version_name", b"A", TypeError),
            (SCP_SCU_RoleSelectionNegotiation, "sop_class_uid", 1, TypeError),
            (SCP_SCU_RoleSelectionNegotiation, "scu_role", 1, TypeError),
            (SCP_SCU_RoleSelectionNegotiation, "scp_role", "yes", TypeError),
            (
                SOPClassExtendedNegotiation,
                "service_class_application_information",
                "a",
                TypeError,
            ),
            (
                SOPClassCommonExtendedNegotiation,
                "related_general_sop_class_identification",
                "1.2",
                TypeError,
            ),
            (
                SOPClassCommonExtendedNegotiation,
                "related_general_sop_class_identification",
                [1],
                TypeError,
            ),
            (SOPClassCommonExtendedNegotiation, "service_class_uid", 1, TypeError),
            (UserIdentityNegotiation, "user_identity_type", 0, ValueError),
            (UserIdentityNegotiation, "user_identity_type", 6, ValueError),
            (UserIdentityNegotiation, "user_identity_type", "1", TypeError),
            (UserIdentityNegotiation, "positive_response_requested", 1, TypeError),
            (UserIdentityNegotiation, "primary_field", "a", TypeError),
            (UserIdentityNegotiation, "secondary_field", None, TypeError),
            (UserIdentityNegotiation, "server_response", "a", TypeError),
        ],
    )
    def test_refused_values(self, kind: type, name: str, bad: Any, error: type[Exception]) -> None:
        primitive = kind()
        with pytest.raises(error, match=name):
            setattr(primitive, name, bad)
        assert primitive == kind()

    def test_uids_become_uids(self) -> None:
        for value in ("1.2.3", b"1.2.3", UID("1.2.3")):
            item = build(SCP_SCU_RoleSelectionNegotiation, sop_class_uid=value)
            assert type(item.sop_class_uid) is UID
            assert item.sop_class_uid == "1.2.3"

    def test_lists_are_copied(self) -> None:
        primitive = build(
            SOPClassCommonExtendedNegotiation,
            sop_class_uid="1.2",
            service_class_uid="1.3",
            related_general_sop_class_identification=["1.4"],
        )
        item = primitive.from_primitive()
        primitive.related_general_sop_class_identification.append(UID("1.5"))
        assert item.related_general_sop_class_identification == ["1.4"]
        again = item.to_primitive()
        again.related_general_sop_class_identification.append(UID("1.6"))
        assert item.related_general_sop_class_identification == ["1.4"]

    def test_username_is_escaped(self) -> None:
        item = build(UserIdentityNegotiation, user_identity_type=1, primary_field=b"a\n\x1b[0m")
        assert "\n" not in str(item)
        assert "\x1b" not in str(item)

    def test_describe_uid(self) -> None:
        assert describe_uid(None) == "(none)"
        assert describe_uid("1.2.840.10008.1.1") == "Verification SOP Class"
        assert describe_uid("1.2\n3") == "1.2\\n3"
        assert len(describe_uid("1" * 100)) == 64


class TestAssociate:
    def test_defaults(self) -> None:
        primitive = A_ASSOCIATE()
        assert primitive.mode == "normal"
        assert primitive.session_requirements == ""
        assert primitive.presentation_requirements == "Presentation Kernel"
        assert primitive.application_context_name is None
        assert primitive.calling_ae_title == "DEFAULT"
        assert primitive.called_ae_title == primitive.responding_ae_title == "DEFAULT"
        assert primitive.calling_presentation_address is None
        assert primitive.called_presentation_address is None
        assert primitive.responding_presentation_address is None
        assert primitive.user_information == []
        assert primitive.presentation_context_definition_list == []
        assert primitive.presentation_context_definition_results_list == []
        assert primitive.maximum_length_received is None
        assert (primitive.result, primitive.result_source, primitive.diagnostic) == (None,) * 3
        with pytest.raises(ValueError, match="no implementation class UID"):
            _ = primitive.implementation_class_uid

    def test_titles(self) -> None:
        primitive = A_ASSOCIATE()
        primitive.calling_ae_title = "CALLING"
        primitive.called_ae_title = "CALLED"
        assert primitive.calling_ae_title == "CALLING"
        assert primitive.called_ae_title == primitive.responding_ae_title == "CALLED"
        for value in ("", "   ", "A" * 17, "A\n"):
            with pytest.raises(ValueError):
                primitive.called_ae_title = value
        with pytest.raises(TypeError):
            primitive.calling_ae_title = None

    def test_addresses(self) -> None:
        primitive = A_ASSOCIATE()
        primitive.calling_presentation_address = ("127.0.0.1", 1)
        primitive.called_presentation_address = ("127.0.0.1", 2)
        assert primitive.calling_presentation_address == ("127.0.0.1", 1)
        assert primitive.called_presentation_address == ("127.0.0.1", 2)
        assert primitive.responding_presentation_address == ("127.0.0.1", 2)

    def test_application_context(self) -> None:
        primitive = A_ASSOCIATE()
        primitive.application_context_name = "1.2.3"
        assert isinstance(primitive.application_context_name, UID)
        with pytest.raises(TypeError):
            primitive.application_context_name = 1

    def test_maximum_length(self) -> None:
        primitive = A_ASSOCIATE()
        primitive.maximum_length_received = 1
        primitive.implementation_class_uid = "1.2"
        primitive.maximum_length_received = 2
        assert primitive.maximum_length_received == 2
        assert len(primitive.user_information) == 2
        with pytest.raises(ValueError):
            primitive.maximum_length_received = -1

    def test_implementation_class_uid(self) -> None:
        primitive = A_ASSOCIATE()
        primitive.implementation_class_uid = "1.2"
        primitive.implementation_class_uid = "1.3"
        assert primitive.implementation_class_uid == UID("1.3")
        assert len(primitive.user_information) == 1

    def test_user_information(self) -> None:
        primitive = A_ASSOCIATE()
        items = [MaximumLengthNotification()]
        primitive.user_information = items
        assert primitive.user_information == items
        primitive.user_information.append(UserIdentityNegotiation())
        assert len(primitive.user_information) == 2
        for value in ("a", [1], [pdu_items.MaximumLengthSubItem()]):
            with pytest.raises(TypeError):
                primitive.user_information = value

    @pytest.mark.parametrize(
        "name",
        [
            "presentation_context_definition_list",
            "presentation_context_definition_results_list",
        ],
    )
    def test_contexts(self, name: str) -> None:
        primitive = A_ASSOCIATE()
        contexts = [build_context("1.2.840.10008.1.1")]
        setattr(primitive, name, contexts)
        assert getattr(primitive, name) == contexts
        for value in ("a", ["1.2.840.10008.1.1"], None):
            with pytest.raises(TypeError, match=name):
                setattr(primitive, name, value)

    @pytest.mark.parametrize(
        ("name", "good", "bad"),
        [
            ("result", (None, 0, 1, 2), (-1, 3, "0")),
            ("result_source", (None, 1, 2, 3), (0, 4)),
            ("diagnostic", (None, 1, 2, 3, 7), (0, 4, 8)),
        ],
    )
    def test_result(self, name: str, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
        primitive = A_ASSOCIATE()
        for value in good:
            setattr(primitive, name, value)
            assert getattr(primitive, name) == value
        for value in bad:
            with pytest.raises(ValueError, match=name):
                setattr(primitive, name, value)

    def test_result_in_words(self) -> None:
        primitive = A_ASSOCIATE()
        assert primitive.result_str == "(no value available)"
        assert primitive.source_str == "(no value available)"
        assert primitive.reason_str == "(no value available)"
        primitive.result, primitive.result_source, primitive.diagnostic = 1, 1, 7
        assert primitive.result_str == "Rejected Permanent"
        assert primitive.source_str == "Service User"
        assert primitive.reason_str == "Called AE title not recognised"
        primitive.result, primitive.result_source, primitive.diagnostic = 2, 3, 2
        assert primitive.result_str == "Rejected Transient"
        assert primitive.source_str == "Service Provider (Presentation)"
        assert primitive.reason_str == "Local limit exceeded"
        primitive.diagnostic = 7
        assert primitive.reason_str == "Unknown (7)"

    def test_response_repeats_titles_however_odd(self) -> None:
        request = A_ASSOCIATE()
        vars(request).update(calling_ae_title="", called_ae_title="\xdc" * 16)
        request.called_presentation_address = ("127.0.0.1", 2)
        request.maximum_length_received = 1
        response = request.response()
        assert (response.calling_ae_title, response.called_ae_title) == ("", "\xdc" * 16)
        assert response.called_presentation_address == ("127.0.0.1", 2)
        assert response.user_information == []


class TestRelease:
    def test_result(self) -> None:
        primitive = A_RELEASE()
        assert primitive.reason == "normal"
        assert primitive.result is None
        primitive.result = "affirmative"
        assert primitive.result == "affirmative"
        with pytest.raises(ValueError, match="result"):
            primitive.result = "negative"


class TestAborts:
    @pytest.mark.parametrize(
        ("kind", "name", "good", "bad"),
        [
            (A_ABORT, "abort_source", (0, 2), (1, 3, None)),
            (A_P_ABORT, "provider_reason", (0, 1, 2, 4, 5, 6), (3, 7, None)),
        ],
    )
    def test_value(
        self, kind: type, name: str, good: tuple[int, ...], bad: tuple[Any, ...]
    ) -> None:
        primitive = kind()
        with pytest.raises(ValueError, match=f"No value has been set for '{name}'"):
            getattr(primitive, name)
        for value in good:
            setattr(primitive, name, value)
            assert getattr(primitive, name) == value
        for value in bad:
            with pytest.raises(ValueError, match=name):
                setattr(primitive, name, value)


class TestPData:
    def test_empty(self) -> None:
        primitive = P_DATA()
        assert primitive.pdvs == []
        assert primitive.presentation_data_value_list == []
        assert str(primitive) == "P-DATA"

    def test_list_of_3_0(self) -> None:
        primitive = P_DATA()
        primitive.presentation_data_value_list = [[1, b"\x03ab"], (3, b"\x02")]
        assert primitive.pdvs == [(1, 3, b"ab"), (3, 2, b"")]
        assert primitive.presentation_data_value_list == [[1, b"\x03ab"], [3, b"\x02"]]

    def test_list_of_views(self) -> None:
        primitive = P_DATA()
        primitive.pdvs = [(1, 3, memoryview(b"ab"))]
        assert primitive.presentation_data_value_list == [[1, b"\x03ab"]]

    @pytest.mark.parametrize(
        ("value", "error"),
        [
            ([["1", b"\x00"]], TypeError),
            ([[1, "a"]], TypeError),
            ([[256, b"\x00"]], ValueError),
            ([[1, b""]], ValueError),
            ([[1]], TypeError),
            (1, TypeError),
        ],
    )
    def test_refused(self, value: Any, error: type[Exception]) -> None:
        primitive = P_DATA()
        with pytest.raises(error):
            primitive.presentation_data_value_list = value
        assert primitive.pdvs == []

    def test_equality(self) -> None:
        one, other = P_DATA(), P_DATA()
        one.pdvs = [(1, 3, b"ab")]
        assert one != other
        other.pdvs = [(1, 3, memoryview(b"ab"))]
        assert one == other
        assert one != 1
        with pytest.raises(TypeError):
            hash(one)

    def test_log_form_has_no_data(self) -> None:
        primitive = P_DATA()
        primitive.pdvs = [(1, 3, b"DATA"), (3, 0, b"DATA")]
        assert str(primitive).splitlines() == [
            "P-DATA",
            "  Presentation data value: context 1, command, last fragment, 4 bytes",
            "  Presentation data value: context 3, data set, not the last fragment, 4 bytes",
        ]


def test_odd_uids_of_users_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "pynetdicom"):
        build(ImplementationClassUIDNotification, implementation_class_uid="1.02.x")
    assert "implementation_class_uid" in caplog.text
