"""Negotiation: who is let in, with which roles, identities and extended negotiation."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from pynetdicom import AE, Association, _config, build_role, evt
from pynetdicom.acse import REJECTIONS
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from tests.support import raw
from tests.support.associations import (
    CT,
    ECHO,
    EventLog,
    association,
    port_of,
)
from tests.support.watch import complaints

PRIVATE = "1.2.826.0.1.3680043.9.3811.99.1"
MODALITY_WORKLIST = "1.2.840.10008.5.1.4.31"

StartSCP = Callable[..., Any]
Roles = tuple[bool | None, bool | None]


def outcome(assoc: Association) -> tuple[int, int, int]:
    """Return result, source and diagnostic of a rejection, as the requestor has seen it."""
    assert assoc.is_rejected
    assert not any((assoc.is_established, assoc.is_aborted, assoc.is_released))
    answer = assoc.acceptor.primitive
    assert answer is not None
    assert answer.result is not None
    assert answer.result_source is not None
    assert answer.diagnostic is not None
    return answer.result, answer.result_source, answer.diagnostic


def identity(
    kind: int, primary: bytes = b"name", secondary: bytes = b"", response: bool = False
) -> UserIdentityNegotiation:
    item = UserIdentityNegotiation()
    item.user_identity_type = kind
    item.primary_field = primary
    item.secondary_field = secondary
    item.positive_response_requested = response
    return item


def extended(uid: str, information: bytes) -> SOPClassExtendedNegotiation:
    item = SOPClassExtendedNegotiation()
    item.sop_class_uid = uid
    item.service_class_application_information = information
    return item


def common(uid: str, service: str, *related: str) -> SOPClassCommonExtendedNegotiation:
    item = SOPClassCommonExtendedNegotiation()
    item.sop_class_uid = uid
    item.service_class_uid = service
    item.related_general_sop_class_identification = list(related)
    return item


def window(invoked: int, performed: int) -> AsynchronousOperationsWindowNegotiation:
    item = AsynchronousOperationsWindowNegotiation()
    item.maximum_number_operations_invoked = invoked
    item.maximum_number_operations_performed = performed
    return item


class TestRejection:
    def test_reasons_come_in_order(self, start_scp: StartSCP) -> None:
        """What is checked first is told first, and nobody asks who somebody is for nothing."""
        asked: list[bytes] = []

        def refuse(event: Any) -> tuple[bool, None]:
            asked.append(event.primary_field)
            return False, None

        server = start_scp(
            handlers=[(evt.EVT_USER_ID, refuse)],
            maximum_associations=1,
            require_calling_aet=["WANTED"],
            require_called_aet=True,
        )
        port, ext_neg = port_of(server), [identity(1)]
        with association(port, ae=AE("WANTED"), ae_title="TEST_SCP"):
            with association(port, ext_neg=ext_neg) as assoc:
                assert outcome(assoc) == REJECTIONS["local limit"] == (2, 3, 2)
            server.ae.maximum_associations = 2
            with association(port, ext_neg=ext_neg) as assoc:
                assert outcome(assoc) == REJECTIONS["calling AE title"] == (1, 1, 3)
            with association(port, ae=AE("WANTED"), ext_neg=ext_neg) as assoc:
                assert outcome(assoc) == REJECTIONS["called AE title"] == (1, 1, 7)
            assert asked == []
            with association(port, ae=AE("WANTED"), ae_title="TEST_SCP", ext_neg=ext_neg) as assoc:
                assert outcome(assoc) == REJECTIONS["user identity"] == (2, 2, 1)
            assert asked == [b"name"]

    def test_application_context(self, start_scp: StartSCP) -> None:
        server = start_scp()
        with raw.connect(port_of(server)) as peer:
            peer.send(raw.associate_rq(raw.ECHO_CONTEXT, application=b"1.2.3"))
            assert peer.expect_rejection() == REJECTIONS["application context"]
        server.ae.require_application_context = False
        with raw.associated(port_of(server), raw.ECHO_CONTEXT, application=b"1.2.3") as peer:
            peer.release()

    @pytest.mark.parametrize(
        ("required", "calling", "accepted"),
        [
            ([], "ANYBODY", True),
            (["ONE", "TWO"], "TWO", True),
            ([" TWO "], "TWO", True),
            (["TWO"], "  TWO ", True),
            (["ONE", "TWO"], "THREE", False),
            (["TWO"], "two", False),
        ],
    )
    def test_calling_title(
        self, start_scp: StartSCP, required: list[str], calling: str, accepted: bool
    ) -> None:
        port = port_of(start_scp(require_calling_aet=required))
        with association(port, ae=AE(calling)) as assoc:
            assert assoc.is_established is accepted
            assert assoc.is_rejected is not accepted

    @pytest.mark.parametrize(
        ("own", "called", "accepted"),
        [
            ("SCP", "SCP", True),
            (" SCP", "SCP ", True),
            ("SCP", "scp", False),
            ("SCP", "ANY-SCP", False),
        ],
    )
    def test_called_title(self, start_scp: StartSCP, own: str, called: str, accepted: bool) -> None:
        port = port_of(start_scp(ae_title=own, require_called_aet=True))
        with association(port, ae_title=called) as assoc:
            assert assoc.is_established is accepted
            assert assoc.is_rejected is not accepted

    def test_what_is_known_of_it(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        there, here = EventLog("REJECTED CONN_CLOSE"), EventLog()
        port = port_of(start_scp(handlers=there.bindings, require_called_aet=True))
        with association(port, evt_handlers=here.bindings) as assoc:
            answer = assoc.acceptor.primitive
            assert answer is not None
            assert answer.result_str == "Rejected Permanent"
            assert answer.source_str == "Service User"
            assert answer.reason_str == "Called AE title not recognised"
            assert not assoc.is_alive()
            assert assoc.accepted_contexts == assoc.rejected_contexts == []
        acceptance = there.wait_for("REJECTED").assoc
        there.wait_for("CONN_CLOSE")
        assert acceptance.is_rejected
        assert here.names("FSM_TRANSITION", "DATA_SENT", "DATA_RECV") == [
            "ACSE_SENT",
            "REQUESTED",
            "CONN_OPEN",
            "PDU_SENT",
            "PDU_RECV",
            "CONN_CLOSE",
            "ACSE_RECV",
            "REJECTED",
        ]
        theirs, ours = complaints(caplog.records)
        assert "the called AE title ANY-SCP" in theirs
        assert "is not TEST_SCP" in theirs
        assert ours.startswith("Association rejected by ANY-SCP at 127.0.0.1:")
        assert ours.endswith(": Rejected Permanent, Service User: Called AE title not recognised")

    def test_abort_of_a_rejected_association(self, start_scp: StartSCP) -> None:
        log = EventLog("REJECTED ABORTED")
        port = port_of(start_scp(require_called_aet=True))
        with association(port, evt_handlers=log.bindings) as assoc:
            assoc.release()
            assert assoc.is_rejected
            assert not assoc.is_aborted
            for _ in range(2):
                assoc.abort()
                assert assoc.is_aborted
        assert log.names() == ["REJECTED", "ABORTED"]

    @pytest.mark.parametrize("reason", [(1, 1, 1), (2, 1, 7), (1, 2, 2), (2, 3, 1)])
    def test_by_a_handler(self, start_scp: StartSCP, reason: tuple[int, int, int]) -> None:
        def reject(event: Any) -> None:
            event.assoc.acse.send_reject(*reason)

        log = EventLog("REQUESTED REJECTED ABORTED ACCEPTED")
        handlers = [*log.bindings, (evt.EVT_REQUESTED, reject)]
        server = start_scp(handlers=handlers, maximum_associations=1)
        for count in (1, 2):
            with association(port_of(server)) as assoc:
                assert outcome(assoc) == reason
            log.wait_for("REJECTED", count)
        assert log.names() == ["REQUESTED", "REJECTED"] * 2

    def test_contexts_of_one_association(self, start_scp: StartSCP) -> None:
        def refuse_first(event: Any) -> None:
            contexts = event.assoc.acceptor.supported_contexts
            asked.append(sorted(context.abstract_syntax for context in contexts))
            if len(asked) == 1:
                for context in contexts:
                    context.transfer_syntax = ["1.2.3"]
                contexts.pop()

        asked: list[list[str]] = []
        server = start_scp(handlers=[(evt.EVT_REQUESTED, refuse_first)])
        with association(port_of(server)) as assoc:
            assert not assoc.accepted_contexts
        with association(port_of(server)) as assoc:
            assert assoc.accepted_contexts
        assert asked[0] == asked[1]

    def test_log_cannot_be_flooded(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = start_scp(require_called_aet=True)
        server.ae.limits.error_lines = 0
        with association(port_of(server)) as assoc:
            assert assoc.is_rejected
        assert "refused" not in caplog.text

    @pytest.mark.parametrize("result", [0, 3, None])
    def test_no_such_result(self, result: Any) -> None:
        assoc = Association(AE(), "acceptor")
        with pytest.raises(ValueError, match="result of a rejection"):
            assoc.acse.send_reject(result, 1, 1)
        assert not assoc.is_rejected

    @pytest.mark.parametrize(
        ("source", "diagnostic"),
        [*product([0, 4], [1]), (1, 0), (1, 4), (1, 8), (2, 0), (2, 3), (3, 0), (3, 3)],
    )
    def test_no_such_reason(self, source: int, diagnostic: int) -> None:
        assoc = Association(AE(), "acceptor")
        with pytest.raises(ValueError, match="has no diagnostic"):
            assoc.acse.send_reject(1, source, diagnostic)
        assert not assoc.is_rejected


class TestUserIdentity:
    @pytest.mark.parametrize(
        ("item", "secondary"),
        [
            (identity(1), b""),
            (identity(2, secondary=b"secret"), b"secret"),
            (identity(3), b""),
            (identity(4), b""),
            (identity(5), b""),
        ],
        ids=["name", "passcode", "kerberos", "saml", "jwt"],
    )
    def test_what_the_handler_is_given(
        self, start_scp: StartSCP, item: UserIdentityNegotiation, secondary: bytes
    ) -> None:
        seen: list[tuple[Any, ...]] = []

        def accept(event: Any) -> tuple[bool, None]:
            seen.append((event.user_id_type, event.primary_field, event.secondary_field))
            return True, None

        port = port_of(start_scp(handlers=[(evt.EVT_USER_ID, accept)]))
        with association(port, ext_neg=[item]) as assoc:
            assert assoc.is_established
            assert assoc.acceptor.user_identity is None
            assert assoc.requestor.user_identity == item
        assert seen == [(item.user_identity_type, b"name", secondary)]

    @pytest.mark.parametrize("kind", [1, 2, 3, 4, 5])
    @pytest.mark.parametrize("wanted", [True, False])
    def test_response(self, start_scp: StartSCP, kind: int, wanted: bool) -> None:
        """Only some kinds of identity have one, and it has to be asked for (PS3.7 D.3.3.7)."""
        answer = [(evt.EVT_USER_ID, lambda event: (True, b"ticket"))]
        item = identity(kind, secondary=b"x" if kind == 2 else b"", response=wanted)
        with association(port_of(start_scp(handlers=answer)), ext_neg=[item]) as assoc:
            assert assoc.is_established
            reply = assoc.acceptor.user_identity
            if wanted and kind > 2:
                assert reply is not None
                assert reply.server_response == b"ticket"
            else:
                assert reply is None

    @pytest.mark.parametrize("response", ["ticket", 5, None])
    def test_no_response(
        self, start_scp: StartSCP, response: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = [(evt.EVT_USER_ID, lambda event: (True, response))]
        item = identity(3, response=True)
        with association(port_of(start_scp(handlers=answer)), ext_neg=[item]) as assoc:
            assert assoc.is_established
            assert assoc.acceptor.user_identity is None
        assert bool(complaints(caplog.records)) is (response is not None)

    def test_nobody_checks(self, start_scp: StartSCP) -> None:
        item = identity(3, response=True)
        with association(port_of(start_scp()), ext_neg=[item]) as assoc:
            assert assoc.is_established
            assert assoc.acceptor.user_identity is None

    @pytest.mark.parametrize(
        "answer",
        [(False, None), (False, b"ticket"), (0, None), None, True, (True,), (True, b"", 1)],
    )
    def test_refused(self, start_scp: StartSCP, answer: Any) -> None:
        handlers = [(evt.EVT_USER_ID, lambda event: answer)]
        item = identity(1)
        with association(port_of(start_scp(handlers=handlers)), ext_neg=[item]) as assoc:
            assert outcome(assoc) == (2, 2, 1)

    def test_handler_raises(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        def fail(event: Any) -> tuple[bool, None]:
            raise LookupError("no such user")

        port = port_of(start_scp(handlers=[(evt.EVT_USER_ID, fail)]))
        with association(port, ext_neg=[identity(2, b"name", b"hidden")]) as assoc:
            assert outcome(assoc) == (2, 2, 1)
        assert "no such user" in caplog.text
        assert "hidden" not in caplog.text

    def test_handler_declines(self, start_scp: StartSCP) -> None:
        def decline(event: Any) -> tuple[bool, None]:
            raise NotImplementedError

        port = port_of(start_scp(handlers=[(evt.EVT_USER_ID, decline)]))
        with association(port, ext_neg=[identity(1)]) as assoc:
            assert assoc.is_established

    def test_only_if_presented(self, start_scp: StartSCP) -> None:
        port = port_of(start_scp(handlers=[(evt.EVT_USER_ID, lambda event: (False, None))]))
        with association(port) as assoc:
            assert assoc.is_established


PROPOSALS: list[Roles] = [(None, None), (True, True), (True, False), (False, True)]
SETTINGS: list[Roles] = [(None, None), (True, True), (True, False), (False, True), (False, False)]


def agreed(proposed: Roles, allowed: Roles) -> tuple[bool, bool] | None:
    """Return the roles of a requestor after negotiation, None if the context is rejected."""
    if None in proposed or None in allowed:
        return True, False
    both = (
        bool(proposed[0] and allowed[0]),
        bool(proposed[1] and allowed[1]),
    )
    return both if any(both) else None


class TestRoles:
    @pytest.mark.parametrize("proposed", PROPOSALS)
    @pytest.mark.parametrize("allowed", SETTINGS)
    def test_outcome_on_both_sides(
        self, start_scp: StartSCP, proposed: Roles, allowed: Roles
    ) -> None:
        log = EventLog("ESTABLISHED")
        contexts = [ECHO, (CT, "1.2.840.10008.1.2", *allowed)]
        port = port_of(start_scp(contexts, log.bindings))
        item = build_role(CT, bool(proposed[0]), bool(proposed[1]))
        ext_neg = [] if None in proposed else [item]
        # One item is for all contexts of the SOP class
        with association(port, [CT, ECHO, CT], ext_neg=ext_neg) as assoc:
            acceptance = log.wait_for("ESTABLISHED").assoc
            expected = agreed(proposed, allowed)
            assert {cx.context_id for cx in assoc.accepted_contexts} == (
                {1, 3, 5} if expected else {3}
            )
            for cx in assoc.accepted_contexts:
                scu, scp = expected if expected and cx.context_id != 3 else (True, False)
                assert (cx.as_scu, cx.as_scp) == (scu, scp)
            for cx in acceptance.accepted_contexts:
                scu, scp = expected if expected and cx.context_id != 3 else (True, False)
                assert (cx.as_scu, cx.as_scp) == (scp, scu)
            for cx in [*assoc.rejected_contexts, *acceptance.rejected_contexts]:
                assert cx.result == 1
                assert cx.abstract_syntax == CT
            replies = assoc.acceptor.role_selection
            if expected is None or None in (*proposed, *allowed):
                assert replies == {}
            else:
                assert list(replies) == [CT]
                assert (replies[CT].scu_role, replies[CT].scp_role) == expected  # type: ignore[index]
            assert acceptance.requestor.role_selection == assoc.requestor.role_selection

    def test_warning_if_unanswered(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        port = port_of(start_scp([CT]))
        with association(port, [CT], ext_neg=[build_role(CT, scp_role=True)]) as assoc:
            assert assoc.is_established
        (line,) = complaints(caplog.records)
        assert "role selection proposed for 1 SOP classes" in line

    def test_no_warning_for_contexts_that_are_refused(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        port = port_of(start_scp([ECHO]))
        with association(port, [ECHO, CT], ext_neg=[build_role(CT, scp_role=True)]) as assoc:
            assert assoc.is_established
        assert complaints(caplog.records) == []


class TestExtendedNegotiation:
    @staticmethod
    def replies(start_scp: StartSCP, handler: Callable[[Any], object]) -> dict[str, bytes]:
        """Return what the acceptor replies when a handler answers."""
        port = port_of(start_scp(handlers=[(evt.EVT_SOP_EXTENDED, handler)]))
        items = [extended(CT, b"\x00\x01"), extended(ECHO, b"\x02")]
        with association(port, ext_neg=items) as assoc:
            assert assoc.is_established
            assert assoc.requestor.sop_class_extended == {CT: b"\x00\x01", ECHO: b"\x02"}
            return dict(assoc.acceptor.sop_class_extended)

    def test_reply(self, start_scp: StartSCP) -> None:
        assert self.replies(start_scp, lambda event: event.app_info) == {
            CT: b"\x00\x01",
            ECHO: b"\x02",
        }
        assert self.replies(start_scp, lambda event: {CT: b"\x09"}) == {CT: b"\x09"}

    @pytest.mark.parametrize("answer", [None, {}, [], "reply", 5])
    def test_no_reply(self, start_scp: StartSCP, answer: Any) -> None:
        assert self.replies(start_scp, lambda event: answer) == {}

    def test_unusable_replies_are_left_out(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = {CT: "text", 5: b"\x01", ECHO: b"\x03", "1." * 40: b"\x04"}
        assert self.replies(start_scp, lambda event: answer) == {ECHO: b"\x03"}
        assert len(complaints(caplog.records)) == 3

    def test_handler_raises(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        def fail(event: Any) -> dict[str, bytes]:
            raise LookupError("nothing known")

        assert self.replies(start_scp, fail) == {}
        assert "nothing known" in caplog.text

    def test_unbound(self, start_scp: StartSCP) -> None:
        with association(port_of(start_scp()), ext_neg=[extended(CT, b"\x01")]) as assoc:
            assert assoc.acceptor.sop_class_extended == {}

    def test_asked_also_without_items(self, start_scp: StartSCP) -> None:
        seen: list[Any] = []
        handlers = [
            (evt.EVT_SOP_EXTENDED, lambda event: seen.append(event.app_info)),
            (evt.EVT_SOP_COMMON, lambda event: seen.append(event.items)),
        ]
        with association(port_of(start_scp(handlers=handlers))) as assoc:
            assert assoc.is_established
        assert seen == [{}, {}]


class TestCommonExtendedNegotiation:
    STORAGE = "1.2.840.10008.4.2"

    def accepted(self, start_scp: StartSCP, handler: Callable[[Any], object]) -> dict[str, Any]:
        """Return what is accepted when a handler answers."""
        log = EventLog("ESTABLISHED")
        handlers = [(evt.EVT_SOP_COMMON, handler), *log.bindings]
        port = port_of(start_scp(handlers=handlers))
        items = [common(PRIVATE, self.STORAGE, CT), common(CT, self.STORAGE)]
        with association(port, ext_neg=items) as assoc:
            assert assoc.requestor.sop_class_common_extended == dict(
                zip([PRIVATE, CT], items, strict=True)
            )
            assert assoc.acceptor.sop_class_common_extended == {}
            acceptance = log.wait_for("ESTABLISHED").assoc
            return dict(acceptance.acceptor.accepted_common_extended)

    def test_accepted(self, start_scp: StartSCP) -> None:
        assert self.accepted(start_scp, lambda event: event.items) == {
            PRIVATE: (self.STORAGE, [CT]),
            CT: (self.STORAGE, []),
        }
        assert self.accepted(start_scp, lambda event: {CT: event.items[CT]}) == {
            CT: (self.STORAGE, [])
        }

    @pytest.mark.parametrize(
        "answer", [None, {}, [], "all", {CT: "item"}, {CT: SOPClassCommonExtendedNegotiation()}]
    )
    def test_ignored(self, start_scp: StartSCP, answer: Any) -> None:
        assert self.accepted(start_scp, lambda event: answer) == {}

    def test_handler_raises(self, start_scp: StartSCP) -> None:
        def fail(event: Any) -> None:
            raise LookupError

        assert self.accepted(start_scp, fail) == {}

    @pytest.mark.parametrize("accept", [True, False])
    def test_service_of_the_request(self, start_scp: StartSCP, accept: bool) -> None:
        """A SOP class that nobody knows is served as a specialisation of what is known."""
        log = EventLog("ABORTED")
        handlers = [
            (evt.EVT_SOP_COMMON, lambda event: event.items if accept else {}),
            (evt.EVT_C_STORE, lambda event: 0x0000),
            *log.bindings,
        ]
        port = port_of(start_scp([PRIVATE], handlers))
        context = raw.proposal(3, PRIVATE.encode(), raw.IMPLICIT)
        text = PRIVATE.encode()
        fields = b"".join(
            len(uid).to_bytes(2, "big") + uid for uid in (text, self.STORAGE.encode())
        ) + bytes(2)
        user = raw.user_information(raw.item(0x57, fields))
        request = raw.message(raw.store_rq(sop_class=text), 3, raw.data_set())
        with raw.associated(port, context, user=user) as peer:
            peer.send(request)
            if accept:
                assert peer.read_message().status == 0x0000
                peer.release()
            else:
                assert peer.expect_abort() == (0, 0)
                log.wait_for("ABORTED")


class TestAsynchronousOperations:
    @pytest.mark.parametrize(
        ("proposed", "agreed", "reply"),
        [
            ((5, 3), (2, 4), (2, 3)),
            ((0, 0), (2, 0), (2, 0)),
            ((0, 1), (0, 0), (0, 1)),
            ((2, 2), (0, 1), (2, 1)),
        ],
    )
    def test_smaller_number(
        self,
        start_scp: StartSCP,
        proposed: tuple[int, int],
        agreed: tuple[int, int],
        reply: tuple[int, int],
    ) -> None:
        """Of each two the smaller is replied; 0 is no limit."""
        seen: list[tuple[int, int]] = []

        def handle(event: Any) -> Any:
            seen.append((event.nr_invoked, event.nr_performed))
            return agreed

        port = port_of(start_scp(handlers=[(evt.EVT_ASYNC_OPS, handle)]))
        with association(port, ext_neg=[window(*proposed)]) as assoc:
            assert assoc.requestor.asynchronous_operations == proposed
            assert assoc.acceptor.asynchronous_operations == reply
            assert assoc.dimse.exchanges.window == (reply[0] or 0xFFFF)
        assert seen == [proposed]

    @pytest.mark.parametrize("answer", [None, 5, (2,), ("a", 2), (2, -1), LookupError("no")])
    def test_unusable_answer(
        self, start_scp: StartSCP, answer: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        def handle(event: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        port = port_of(start_scp(handlers=[(evt.EVT_ASYNC_OPS, handle)]))
        with association(port, ext_neg=[window(5, 5)]) as assoc:
            assert assoc.acceptor.extended_negotiation == [window(1, 1)]
            assert assoc.dimse.exchanges.window == 1
        assert "EVT_ASYNC_OPS" in caplog.text

    def test_without_handler(self, start_scp: StartSCP) -> None:
        """The answer is how many operations the AE serves at a time."""
        server = start_scp()
        server.ae.concurrent_operations = 3
        with association(port_of(server), ext_neg=[window(5, 2)]) as assoc:
            assert assoc.acceptor.extended_negotiation == [window(3, 2)]

    def test_no_reply(self, start_scp: StartSCP) -> None:
        seen: list[Any] = []
        server = start_scp()
        with association(port_of(server), ext_neg=[window(5, 5)]) as assoc:
            assert assoc.acceptor.extended_negotiation == []
        server.bind(evt.EVT_ASYNC_OPS, seen.append)
        with association(port_of(server), ext_neg=[window(1, 1)]) as assoc:
            assert assoc.acceptor.extended_negotiation == []
        assert seen == []


def test_handlers_run_in_order(start_scp: StartSCP) -> None:
    order: list[str] = []

    def note(event: Any) -> Any:
        order.append(event.event.name.removeprefix("EVT_"))
        return True, None

    events = (evt.EVT_ASYNC_OPS, evt.EVT_SOP_COMMON, evt.EVT_SOP_EXTENDED, evt.EVT_USER_ID)
    port = port_of(start_scp(handlers=[(event, note) for event in events]))
    with association(port, ext_neg=[window(2, 2), identity(1)]) as assoc:
        assert assoc.is_established
    assert order == ["USER_ID", "SOP_EXTENDED", "SOP_COMMON", "ASYNC_OPS"]


class TestContexts:
    def test_results(self, start_scp: StartSCP) -> None:
        port = port_of(start_scp([ECHO, (CT, ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])]))
        contexts = [
            (CT, ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]),
            (CT, "1.2.840.10008.1.2.4.50"),
            (PRIVATE, "1.2.840.10008.1.2"),
            ECHO,
        ]
        with association(port, contexts) as assoc:
            accepted, rejected = assoc.accepted_contexts, assoc.rejected_contexts
            assert [(cx.context_id, cx.result) for cx in accepted] == [(1, 0), (7, 0)]
            assert [(cx.context_id, cx.result) for cx in rejected] == [(3, 4), (5, 3)]
            # the acceptor's preference counts
            assert accepted[0].transfer_syntax == ["1.2.840.10008.1.2.1"]
            assert [cx.status for cx in rejected] == [
                "Transfer Syntax(es) Not Supported",
                "Abstract Syntax Not Supported",
            ]
            results = {cx.context_id: cx.result for cx in assoc.acceptor.supported_contexts}
            assert results == {1: 0, 3: 4, 5: 3, 7: 0}

    def test_none_accepted(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        there, here = EventLog(), EventLog()
        port = port_of(start_scp([ECHO], there.bindings))
        with association(port, [CT], evt_handlers=here.bindings) as assoc:
            assert assoc.is_aborted
            assert not assoc.is_rejected
            assert [cx.result for cx in assoc.rejected_contexts] == [3]
        there.wait_for("ABORTED")
        relevant = ("ACCEPTED", "ESTABLISHED", "ABORTED", "REJECTED", "RELEASED")
        assert [name for name in here.names() if name in relevant] == ["ACCEPTED", "ABORTED"]
        assert [name for name in there.names() if name in relevant] == [
            "ACCEPTED",
            "ESTABLISHED",
            "ABORTED",
        ]
        assert here.all("ACSE_SENT")[-1].primitive.abort_source == 2
        assert "No accepted presentation contexts" in caplog.text


class TestUnrestrictedStorage:
    @pytest.fixture(autouse=True)
    def unrestricted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_config, "UNRESTRICTED_STORAGE_SERVICE", True)

    def test_what_is_accepted(self, start_scp: StartSCP) -> None:
        log = EventLog("ESTABLISHED")
        port = port_of(start_scp([ECHO], log.bindings))
        contexts = [
            (CT, ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2"]),
            PRIVATE,
            ECHO,
            MODALITY_WORKLIST,
        ]
        roles = [build_role(CT, scp_role=True), build_role(ECHO, True, True)]
        with association(port, contexts, ext_neg=roles) as assoc:
            found = {str(cx.abstract_syntax): cx for cx in assoc.accepted_contexts}
            assert set(found) == {CT, PRIVATE, ECHO}
            assert found[CT].transfer_syntax == ["1.2.840.10008.1.2.4.50"]
            assert (found[CT].as_scu, found[CT].as_scp) == (False, True)
            (rejected,) = assoc.rejected_contexts
            assert rejected.abstract_syntax == MODALITY_WORKLIST
            theirs = {
                str(cx.abstract_syntax): (cx.as_scu, cx.as_scp)
                for cx in log.wait_for("ESTABLISHED").assoc.accepted_contexts
            }
            assert theirs == {CT: (True, False), PRIVATE: (True, True), ECHO: (False, True)}

    @pytest.mark.parametrize("uid", [CT, PRIVATE, "1.2.840.10008.5.1.4.1.1.3"])
    def test_what_is_stored(self, start_scp: StartSCP, uid: str) -> None:
        stored: list[str] = []

        def store(event: Any) -> int:
            stored.append(event.request.AffectedSOPClassUID)
            return 0x0000

        port = port_of(start_scp([], [(evt.EVT_C_STORE, store)]))
        context = raw.proposal(3, uid.encode(), raw.IMPLICIT)
        with raw.associated(port, context) as peer:
            peer.send(raw.message(raw.store_rq(sop_class=uid.encode()), 3, raw.data_set()))
            assert peer.read_message().status == 0x0000
            peer.release()
        assert stored == [uid]
