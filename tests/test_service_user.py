"""The two users of an association: what they propose before, and show after, negotiation."""

from __future__ import annotations

import pytest
from pydicom.uid import UID

from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association, ServiceUser
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import build_context, build_role
from pynetdicom.transport import AddressInformation

CT = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"


@pytest.fixture
def assoc() -> Association:
    return Association(ApplicationEntity(), "requestor")


@pytest.fixture
def acceptance() -> Association:
    return Association(ApplicationEntity(), "acceptor")


def window(invoked: int, performed: int) -> AsynchronousOperationsWindowNegotiation:
    item = AsynchronousOperationsWindowNegotiation()
    item.maximum_number_operations_invoked = invoked
    item.maximum_number_operations_performed = performed
    return item


def identity(name: bytes) -> UserIdentityNegotiation:
    item = UserIdentityNegotiation()
    item.user_identity_type = 1
    item.primary_field = name
    return item


def extended(uid: str, information: bytes) -> SOPClassExtendedNegotiation:
    item = SOPClassExtendedNegotiation()
    item.sop_class_uid = uid
    item.service_class_application_information = information
    return item


def common(uid: str) -> SOPClassCommonExtendedNegotiation:
    item = SOPClassCommonExtendedNegotiation()
    item.sop_class_uid = uid
    item.service_class_uid = "1.2.840.10008.4.2"
    return item


def negotiated(user: ServiceUser, *items: object) -> None:
    """Let negotiation have begun with these items of user information."""
    primitive = A_ASSOCIATE()
    primitive.user_information = list(items)
    user.primitive = primitive


class TestIdentity:
    @pytest.mark.parametrize("mode", ["requestor", "Acceptor"])
    def test_mode(self, assoc: Association, mode: str) -> None:
        user = ServiceUser(assoc, mode)
        assert user.mode == mode.lower()
        assert user.is_requestor is (mode == "requestor")
        assert user.is_acceptor is not user.is_requestor

    def test_unknown_mode(self, assoc: Association) -> None:
        with pytest.raises(ValueError, match="'requestor' or 'acceptor'"):
            ServiceUser(assoc, "both")

    def test_address_is_unknown_at_first(self, assoc: Association) -> None:
        with pytest.raises(ValueError, match="address of the requestor"):
            _ = assoc.requestor.address
        with pytest.raises(ValueError, match="port of the acceptor"):
            _ = assoc.acceptor.port

    def test_info(self, assoc: Association) -> None:
        user = assoc.acceptor
        user.ae_title = "STORE"
        assert user.info == {
            "ae_title": "STORE",
            "address": None,
            "port": None,
            "mode": "acceptor",
        }
        user.address_info = AddressInformation("127.0.0.1", 104)
        assert (user.address, user.port) == ("127.0.0.1", 104)
        item = MaximumLengthNotification()
        item.maximum_length_received = 4096
        negotiated(user, item)
        assert user.info == {
            "ae_title": "STORE",
            "address": "127.0.0.1",
            "port": 104,
            "mode": "acceptor",
            "pdv_size": 4096,
        }

    @pytest.mark.parametrize("title", ["", "   ", "a" * 17, "back\\slash", "new\nline"])
    def test_unusable_ae_title(self, assoc: Association, title: str) -> None:
        with pytest.raises(ValueError, match="ae_title"):
            assoc.requestor.ae_title = title


class TestProposal:
    def test_defaults(self, assoc: Association) -> None:
        user = assoc.requestor
        assert user.writeable
        assert user.maximum_length == 16382
        assert user.implementation_version_name is None
        assert user.asynchronous_operations == (1, 1)
        assert user.role_selection == {}
        assert user.sop_class_extended == {}
        assert user.sop_class_common_extended == {}
        assert user.user_identity is None
        assert user.extended_negotiation == []
        kinds = [type(item) for item in user.user_information]
        assert kinds == [MaximumLengthNotification, ImplementationClassUIDNotification]

    def test_what_is_set_is_what_is_sent(self, assoc: Association) -> None:
        user = assoc.requestor
        user.maximum_length = 0
        user.implementation_class_uid = "1.2.3"
        user.implementation_version_name = "VERSION 1"
        length, uid, version = user.user_information
        assert length.maximum_length_received == user.maximum_length == 0
        assert uid.implementation_class_uid == user.implementation_class_uid == UID("1.2.3")
        assert version.implementation_version_name == user.implementation_version_name
        assert user.implementation_version_name == "VERSION 1"

    @pytest.mark.parametrize("value", [-1, 1 << 32])
    def test_unusable_maximum_length(self, assoc: Association, value: int) -> None:
        with pytest.raises(ValueError, match="maximum_length"):
            assoc.requestor.maximum_length = value

    def test_maximum_length_of_wrong_type(self, assoc: Association) -> None:
        with pytest.raises(TypeError, match="maximum_length"):
            assoc.requestor.maximum_length = "16384"  # type: ignore[assignment]

    def test_items(self, assoc: Association) -> None:
        user = assoc.requestor
        role = build_role(CT, scp_role=True)
        items = [extended(CT, b"\x01"), common(CT), role, window(3, 2), identity(b"me")]
        for item in items:
            user.add_negotiation_item(item)
        assert user.user_information[-5:] == items
        assert sorted(map(id, user.extended_negotiation)) == sorted(map(id, items))
        assert user.role_selection == {CT: role}
        assert user.sop_class_extended == {CT: b"\x01"}
        assert user.sop_class_common_extended == {CT: items[1]}
        assert user.asynchronous_operations == (3, 2)
        assert user.user_identity is items[4]

    def test_only_one_window_and_one_identity(self, assoc: Association) -> None:
        user = assoc.requestor
        for item in (window(3, 2), identity(b"me"), window(5, 4), identity(b"you")):
            user.add_negotiation_item(item)
        assert len(user.extended_negotiation) == 2
        assert user.asynchronous_operations == (5, 4)
        assert user.user_identity is not None
        assert user.user_identity.primary_field == b"you"

    def test_remove_and_reset(self, assoc: Association) -> None:
        user = assoc.requestor
        first, second = extended(CT, b"\x01"), build_role(CT, scu_role=True)
        user.add_negotiation_item(first)
        user.add_negotiation_item(second)
        user.remove_negotiation_item(first)
        user.remove_negotiation_item(first)
        assert user.extended_negotiation == [second]
        user.reset_negotiation_items()
        assert user.extended_negotiation == []

    @pytest.mark.parametrize("item", [None, "role", MaximumLengthNotification()])
    def test_no_item_of_extended_negotiation(self, assoc: Association, item: object) -> None:
        with pytest.raises(TypeError, match="extended negotiation"):
            assoc.requestor.add_negotiation_item(item)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="extended negotiation"):
            assoc.requestor.remove_negotiation_item(item)  # type: ignore[arg-type]

    def test_nothing_changes_after_negotiation_has_begun(self, assoc: Association) -> None:
        user = assoc.requestor
        negotiated(user)
        assert not user.writeable
        role = build_role(CT, scu_role=True)
        changes = [
            lambda: setattr(user, "ae_title", "OTHER"),
            lambda: setattr(user, "maximum_length", 1),
            lambda: setattr(user, "implementation_class_uid", "1.2"),
            lambda: setattr(user, "implementation_version_name", "A"),
            lambda: setattr(user, "requested_contexts", []),
            lambda: user.add_negotiation_item(role),
            lambda: user.remove_negotiation_item(role),
            user.reset_negotiation_items,
        ]
        for change in changes:
            with pytest.raises(RuntimeError, match="negotiation has started"):
                change()


class TestNegotiated:
    def test_nothing_said(self, assoc: Association) -> None:
        user = assoc.acceptor
        negotiated(user)
        assert user.maximum_length == 0
        assert user.implementation_class_uid is None
        assert user.implementation_version_name is None
        assert user.asynchronous_operations == (1, 1)

    def test_what_the_peer_said(self, assoc: Association) -> None:
        user = assoc.acceptor
        role = SCP_SCU_RoleSelectionNegotiation()
        role.sop_class_uid = CT
        negotiated(user, role, window(0, 0), common(CT))
        assert user.role_selection == {CT: role}
        assert user.asynchronous_operations == (0, 0)
        assert user.sop_class_common_extended == {}  # an acceptor proposes none
        assert user.user_information == [role, window(0, 0), common(CT)]
        assert user.extended_negotiation == user.user_information

    def test_accepted_common_extended(self, acceptance: Association) -> None:
        assert acceptance.acceptor.accepted_common_extended == {}
        with pytest.raises(RuntimeError, match="only an acceptor"):
            _ = acceptance.requestor.accepted_common_extended


class TestContexts:
    def test_local_requestor(self, assoc: Association) -> None:
        contexts = [build_context(VERIFICATION)]
        user = assoc.requestor
        user.requested_contexts = contexts
        assert user.requested_contexts == user.get_contexts("requested") == contexts
        assert user.get_contexts("pcdl") == []
        with pytest.raises(ValueError, match="no supported contexts"):
            _ = user.supported_contexts
        with pytest.raises(AttributeError, match="no supported contexts"):
            user.supported_contexts = contexts

    def test_remote_acceptor(self, assoc: Association) -> None:
        user = assoc.acceptor
        assert user.supported_contexts == []
        primitive = A_ASSOCIATE()
        context = build_context(VERIFICATION)
        context.context_id = 1
        primitive.presentation_context_definition_results_list = [context]
        user.primitive = primitive
        assert user.supported_contexts == user.get_contexts("pcdrl") == [context]
        with pytest.raises(ValueError, match="'supported'"):
            user.get_contexts("supported")
        with pytest.raises(AttributeError, match="set by the peer"):
            user.supported_contexts = []

    def test_local_acceptor(self, acceptance: Association) -> None:
        contexts = [build_context(VERIFICATION)]
        user = acceptance.acceptor
        user.supported_contexts = contexts
        assert user.supported_contexts == user.get_contexts("supported") == contexts
        assert user.get_contexts("pcdrl") == []
        with pytest.raises(ValueError, match="no requested contexts"):
            _ = user.requested_contexts
        with pytest.raises(AttributeError, match="no requested contexts"):
            user.requested_contexts = contexts

    def test_remote_requestor(self, acceptance: Association) -> None:
        user = acceptance.requestor
        assert user.requested_contexts == []
        primitive = A_ASSOCIATE()
        context = build_context(VERIFICATION)
        context.context_id = 1
        primitive.presentation_context_definition_list = [context]
        user.primitive = primitive
        assert user.requested_contexts == user.get_contexts("pcdl") == [context]
        with pytest.raises(ValueError, match="'requested'"):
            user.get_contexts("requested")
        with pytest.raises(AttributeError, match="set by the peer"):
            user.requested_contexts = []

    @pytest.mark.parametrize("kind", ["", "pcdrl", "supported", "other"])
    def test_no_such_list(self, assoc: Association, kind: str) -> None:
        with pytest.raises(ValueError, match="no list"):
            assoc.requestor.get_contexts(kind)
