"""The state machine against a second transcription of PS3.8 9.2."""

from __future__ import annotations

from typing import Any

import pytest

from pynetdicom import fsm
from pynetdicom.errors import DICOMNetworkError, PDUDecodeError, UpperLayerError
from pynetdicom.fsm import (
    ACTIONS,
    EVENTS,
    STATES,
    TRANSITION_TABLE,
    InvalidEventError,
    StateMachine,
)
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT

# PS3.8 Table 9-10 read down its columns: per state, what each action is taken on. The grid in
# the module is the same table read along its rows.
COLUMNS: dict[int, dict[str, list[int]]] = {
    1: {"AE-1": [1], "AE-5": [5]},
    2: {
        "AA-1": [3, 4, 10, 12, 13, 19],
        "AE-6": [6],
        "AA-2": [16, 18],
        "AA-5": [17],
    },
    3: {
        "AA-8": [3, 4, 6, 10, 12, 13, 19],
        "AE-7": [7],
        "AE-8": [8],
        "AA-1": [15],
        "AA-3": [16],
        "AA-4": [17],
    },
    4: {"AE-2": [2], "AA-2": [15], "AA-4": [17]},
    5: {
        "AE-3": [3],
        "AE-4": [4],
        "AA-8": [6, 10, 12, 13, 19],
        "AA-1": [15],
        "AA-3": [16],
        "AA-4": [17],
    },
    6: {
        "AA-8": [3, 4, 6, 13, 19],
        "DT-1": [9],
        "DT-2": [10],
        "AR-1": [11],
        "AR-2": [12],
        "AA-1": [15],
        "AA-3": [16],
        "AA-4": [17],
    },
    7: {
        "AA-8": [3, 4, 6, 19],
        "AR-6": [10],
        "AR-8": [12],
        "AR-3": [13],
        "AA-1": [15],
        "AA-3": [16],
        "AA-4": [17],
    },
    8: {
        "AA-8": [3, 4, 6, 10, 12, 13, 19],
        "AR-7": [9],
        "AR-4": [14],
        "AA-1": [15],
        "AA-3": [16],
        "AA-4": [17],
    },
    9: {
        "AA-8": [3, 4, 6, 10, 12, 13, 19],
        "AR-9": [14],
        "AA-1": [15],
        "AA-3": [16],
        "AA-4": [17],
    },
    10: {
        "AA-8": [3, 4, 6, 10, 12, 19],
        "AR-10": [13],
        "AA-1": [15],
        "AA-3": [16],
        "AA-4": [17],
    },
    11: {
        "AA-8": [3, 4, 6, 10, 12, 19],
        "AR-3": [13],
        "AA-1": [15],
        "AA-3": [16],
        "AA-4": [17],
    },
    12: {
        "AA-8": [3, 4, 6, 10, 12, 13, 19],
        "AR-4": [14],
        "AA-1": [15],
        "AA-3": [16],
        "AA-4": [17],
    },
    13: {
        "AA-6": [3, 4, 10, 12, 13],
        "AA-7": [6, 19],
        "AA-2": [16, 18],
        "AR-5": [17],
    },
}

CELLS = {
    (f"Evt{event}", f"Sta{state}"): action
    for state, actions in COLUMNS.items()
    for action, events in actions.items()
    for event in events
}

# PS3.8 Tables 9-6 to 9-9: what each action does, in the verbs of the provider, and the next state
ACCEPT_TIME, CLOSE_TIME = 30.0, 5.0
EFFECTS: dict[str, tuple[list[str], str]] = {
    "AE-1": (["open"], "Sta4"),
    "AE-2": (["send A_ASSOCIATE_RQ of the user"], "Sta5"),
    "AE-3": (["indicate the PDU"], "Sta6"),
    "AE-4": (["indicate the PDU", "close"], "Sta1"),
    "AE-5": (["start ARTIM 30.0"], "Sta2"),
    "AE-6": (["stop ARTIM", "indicate the PDU"], "Sta3"),
    "AE-7": (["send A_ASSOCIATE_AC of the user"], "Sta6"),
    "AE-8": (["send A_ASSOCIATE_RJ of the user", "start ARTIM 5.0"], "Sta13"),
    "DT-1": (["send P_DATA_TF of the user"], "Sta6"),
    "DT-2": (["indicate the PDU"], "Sta6"),
    "AR-1": (["send A_RELEASE_RQ of the user"], "Sta7"),
    "AR-2": (["indicate the PDU"], "Sta8"),
    "AR-3": (["indicate the PDU", "close"], "Sta1"),
    "AR-4": (["send A_RELEASE_RP of the user", "start ARTIM 5.0"], "Sta13"),
    "AR-5": (["stop ARTIM"], "Sta1"),
    "AR-6": (["indicate the PDU"], "Sta7"),
    "AR-7": (["send P_DATA_TF of the user"], "Sta8"),
    "AR-8": (["indicate the PDU"], "Sta10"),
    "AR-9": (["send A_RELEASE_RP of the user"], "Sta11"),
    "AR-10": (["indicate the PDU"], "Sta12"),
    "AA-1": (["send A_ABORT_RQ of A_ABORT 0", "start ARTIM 5.0"], "Sta13"),
    "AA-2": (["stop ARTIM", "close"], "Sta1"),
    "AA-3": (["indicate the PDU", "close"], "Sta1"),
    "AA-4": (["indicate A_P_ABORT 0"], "Sta1"),
    "AA-5": (["stop ARTIM"], "Sta1"),
    "AA-6": ([], "Sta13"),
    "AA-7": (["send A_ABORT_RQ of A_P_ABORT 0"], "Sta13"),
    "AA-8": (
        ["send A_ABORT_RQ of A_P_ABORT 0", "indicate A_P_ABORT 0", "start ARTIM 5.0"],
        "Sta13",
    ),
}


def name_of(primitive: Any) -> str:
    """Return a primitive in words."""
    if isinstance(primitive, A_ABORT):
        return f"A_ABORT {primitive.abort_source}"
    if isinstance(primitive, A_P_ABORT):
        return f"A_P_ABORT {primitive.provider_reason}"
    assert isinstance(primitive, A_ASSOCIATE)
    return f"A_ASSOCIATE {primitive.result} {primitive.result_source} {primitive.diagnostic}"


class Recorder:
    """An upper layer that only notes what the actions want of it."""

    def __init__(self) -> None:
        self.primitive: Any = None
        self.pdu: Any = None
        self.error: PDUDecodeError | None = None
        self.is_requestor = False
        self.artim_timeout: float | None = ACCEPT_TIME
        self.close_timeout: float | None = CLOSE_TIME
        self.on_transition: Any = None
        self.calls: list[str] = []

    def send_pdu(self, pdu_class: type[Any], primitive: Any = None) -> None:
        whose = "the user" if primitive is None else name_of(primitive)
        self.calls.append(f"send {pdu_class.__name__} of {whose}")

    def indicate(self, primitive: Any = None) -> None:
        self.calls.append(f"indicate {'the PDU' if primitive is None else name_of(primitive)}")

    def open(self) -> None:
        self.calls.append("open")

    def close(self) -> None:
        self.calls.append("close")

    def start_artim(self, timeout: float | None) -> None:
        self.calls.append(f"start ARTIM {timeout}")

    def stop_artim(self) -> None:
        self.calls.append("stop ARTIM")


class TestTable:
    """TRANSITION_TABLE is Table 9-10."""

    @pytest.mark.parametrize("state", range(1, 14))
    @pytest.mark.parametrize("event", range(1, 20))
    def test_cell(self, event: int, state: int) -> None:
        cell = (f"Evt{event}", f"Sta{state}")
        assert TRANSITION_TABLE.get(cell) == CELLS.get(cell)

    def test_number_of_cells(self) -> None:
        assert len(TRANSITION_TABLE) == len(CELLS)
        assert len(CELLS) == sum(len(e) for actions in COLUMNS.values() for e in actions.values())

    def test_printed_grid_is_complete(self) -> None:
        header, *rows = (line.split() for line in fsm.TABLE_9_10.strip().splitlines())
        assert header == [f"Sta{number}" for number in range(1, 14)]
        assert [row[0] for row in rows] == [f"Evt{number}" for number in range(1, 20)]
        assert {len(row) for row in rows} == {14}

    def test_names(self) -> None:
        assert list(STATES) == [f"Sta{number}" for number in range(1, 14)]
        assert list(EVENTS) == [f"Evt{number}" for number in range(1, 20)]
        assert set(ACTIONS) == set(CELLS.values()) == set(EFFECTS)
        assert all(isinstance(text, str) for text in (*STATES.values(), *EVENTS.values()))

    @pytest.mark.parametrize("name", EFFECTS)
    def test_actions_are_public_functions(self, name: str) -> None:
        assert ACTIONS[name] is getattr(fsm, name.replace("-", "_"))


class TestActions:
    """Each action does what its table says."""

    @pytest.mark.parametrize("name", EFFECTS)
    def test_effects(self, name: str) -> None:
        dul = Recorder()
        calls, next_state = EFFECTS[name]
        assert ACTIONS[name](dul) == next_state
        assert dul.calls == calls

    def test_ae_6_rejects_another_protocol_version(self) -> None:
        dul = Recorder()
        dul.pdu = A_ASSOCIATE_RQ()
        dul.pdu.protocol_version = 0x0002
        assert fsm.AE_6(dul) == "Sta13"
        assert dul.calls == [
            "stop ARTIM",
            "send A_ASSOCIATE_RJ of A_ASSOCIATE 1 2 2",
            "start ARTIM 5.0",
        ]

    @pytest.mark.parametrize("version", [0x0001, 0x0003, 0xFFFF])
    def test_ae_6_tests_one_bit_of_the_version(self, version: int) -> None:
        dul = Recorder()
        dul.pdu = A_ASSOCIATE_RQ()
        dul.pdu.protocol_version = version
        assert fsm.AE_6(dul) == "Sta3"

    def test_ae_6_rejection_can_be_encoded(self) -> None:
        sent: list[Any] = []
        dul = Recorder()
        dul.pdu = A_ASSOCIATE_RQ()
        dul.pdu.protocol_version = 0
        dul.send_pdu = lambda *args: sent.append(args)  # type: ignore[method-assign]
        fsm.AE_6(dul)
        ((pdu_class, primitive),) = sent
        pdu = pdu_class()
        pdu.from_primitive(primitive)
        assert isinstance(pdu, A_ASSOCIATE_RJ)
        assert pdu.encode() == bytes.fromhex("03 00 00000004 00 01 02 02")

    def test_ar_8_depends_on_who_asked_for_the_association(self) -> None:
        dul = Recorder()
        dul.is_requestor = True
        assert fsm.AR_8(dul) == "Sta9"

    def test_aa_1_sends_the_abort_of_the_user(self) -> None:
        dul = Recorder()
        dul.primitive = A_P_ABORT()
        dul.primitive.provider_reason = 6
        fsm.AA_1(dul)
        assert dul.calls[0] == "send A_ABORT_RQ of A_P_ABORT 6"

    @pytest.mark.parametrize("reason", [0, 1, 2, 4, 5, 6])
    @pytest.mark.parametrize("name", ["AA-7", "AA-8"])
    def test_aborts_give_the_reason(self, name: str, reason: int) -> None:
        dul = Recorder()
        dul.error = PDUDecodeError("what is wrong", reason)
        ACTIONS[name](dul)
        assert dul.calls[0] == f"send A_ABORT_RQ of A_P_ABORT {reason}"

    @pytest.mark.parametrize(
        ("action", "encoded"),
        [("AA-1", "07 00 00000004 0000 00 00"), ("AA-8", "07 00 00000004 0000 02 06")],
    )
    def test_aborts_can_be_encoded(self, action: str, encoded: str) -> None:
        sent: list[Any] = []
        dul = Recorder()
        dul.error = PDUDecodeError("what is wrong", 6)
        dul.send_pdu = lambda *args: sent.append(args)  # type: ignore[method-assign]
        ACTIONS[action](dul)
        pdu = A_ABORT_RQ()
        pdu.from_primitive(sent[0][1])
        assert pdu.encode() == bytes.fromhex(encoded)


class TestStateMachine:
    """The machine goes from state to state."""

    def test_begins_idle(self) -> None:
        assert StateMachine(Recorder()).current_state == "Sta1"

    @pytest.mark.parametrize("cell", CELLS, ids="-".join)
    def test_do_action(self, cell: tuple[str, str]) -> None:
        event, state = cell
        dul = Recorder()
        machine = StateMachine(dul)
        machine.transition(state)
        seen: list[tuple[str, ...]] = []
        dul.on_transition = lambda *values: seen.append((*values, machine.current_state))
        machine.do_action(event)
        calls, next_state = EFFECTS[CELLS[cell]]
        assert dul.calls == calls
        assert machine.current_state == next_state
        assert seen == [(state, event, CELLS[cell], next_state, next_state)]

    @pytest.mark.parametrize("state", STATES)
    def test_event_that_is_not_allowed(self, state: str) -> None:
        dul = Recorder()
        machine = StateMachine(dul)
        machine.transition(state)
        for event in EVENTS:
            if (event, state) not in CELLS:
                with pytest.raises(InvalidEventError, match=rf"{event} \(.+{state} "):
                    machine.do_action(event)
        assert machine.current_state == state
        assert dul.calls == []

    def test_unknown_event(self) -> None:
        machine = StateMachine(Recorder())
        with pytest.raises(InvalidEventError, match=r"^Evt20 \(no such event\)"):
            machine.do_action("Evt20")

    def test_invalid_event_error_is_one_of_ours(self) -> None:
        assert issubclass(InvalidEventError, UpperLayerError)
        assert issubclass(InvalidEventError, DICOMNetworkError)

    def test_action(self) -> None:
        machine = StateMachine(Recorder())
        assert machine.action("Evt1") == "AE-1"
        assert machine.current_state == "Sta1"

    def test_failing_action_keeps_the_state(self) -> None:
        dul = Recorder()

        def fail() -> None:
            raise ValueError("no")

        dul.open = fail  # type: ignore[method-assign]
        machine = StateMachine(dul)
        with pytest.raises(ValueError, match="no"):
            machine.do_action("Evt1")
        assert machine.current_state == "Sta1"

    @pytest.mark.parametrize("state", ["Sta0", "Sta14", "sta1", ""])
    def test_unknown_state(self, state: str) -> None:
        machine = StateMachine(Recorder())
        with pytest.raises(ValueError, match="No such state"):
            machine.transition(state)
        assert machine.current_state == "Sta1"
