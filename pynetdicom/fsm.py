"""The state machine of the DICOM upper layer: PS3.8 9.2.

The grid below is PS3.8 Table 9-10 as the standard prints it: events down, states across, in each
cell the action to take, ``-`` where the event cannot happen or is not allowed. Everything else
about transitions is derived from it.

An action does what Tables 9-6 to 9-9 say with the few verbs of :class:`Provider` and returns the
next state. It has no other effect, so that :meth:`StateMachine.do_action` is the one place where
the state changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pynetdicom.errors import UpperLayerError
from pynetdicom.pdu import (
    A_ABORT_RQ,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    P_DATA_TF,
)
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, A_RELEASE, P_DATA

if TYPE_CHECKING:
    from collections.abc import Callable

    from pynetdicom.errors import PDUDecodeError
    from pynetdicom.pdu import PDU

#: What service user and upper layer give each other (PS3.8 7).
ServicePrimitive = A_ASSOCIATE | A_RELEASE | A_ABORT | A_P_ABORT | P_DATA

# The version of the protocol: bit 0 of the field (PS3.8 9.3.2)
PROTOCOL_VERSION = 0x0001

# fmt: off
TABLE_9_10 = """
      Sta1 Sta2 Sta3 Sta4 Sta5 Sta6 Sta7 Sta8 Sta9 Sta10 Sta11 Sta12 Sta13
Evt1  AE-1  -    -    -    -    -    -    -    -    -     -     -     -
Evt2   -    -    -   AE-2  -    -    -    -    -    -     -     -     -
Evt3   -   AA-1 AA-8  -   AE-3 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-6
Evt4   -   AA-1 AA-8  -   AE-4 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-6
Evt5  AE-5  -    -    -    -    -    -    -    -    -     -     -     -
Evt6   -   AE-6 AA-8  -   AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-7
Evt7   -    -   AE-7  -    -    -    -    -    -    -     -     -     -
Evt8   -    -   AE-8  -    -    -    -    -    -    -     -     -     -
Evt9   -    -    -    -    -   DT-1  -   AR-7  -    -     -     -     -
Evt10  -   AA-1 AA-8  -   AA-8 DT-2 AR-6 AA-8 AA-8 AA-8  AA-8  AA-8  AA-6
Evt11  -    -    -    -    -   AR-1  -    -    -    -     -     -     -
Evt12  -   AA-1 AA-8  -   AA-8 AR-2 AR-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-6
Evt13  -   AA-1 AA-8  -   AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3  AA-8  AA-6
Evt14  -    -    -    -    -    -    -   AR-4 AR-9  -     -    AR-4   -
Evt15  -    -   AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1  AA-1  AA-1   -
Evt16  -   AA-2 AA-3  -   AA-3 AA-3 AA-3 AA-3 AA-3 AA-3  AA-3  AA-3  AA-2
Evt17  -   AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4  AA-4  AA-4  AR-5
Evt18  -   AA-2  -    -    -    -    -    -    -    -     -     -    AA-2
Evt19  -   AA-1 AA-8  -   AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-7
"""
# fmt: on


def _parse_grid(grid: str) -> dict[tuple[str, str], str]:
    """Return the filled cells of the printed table as {(event, state): action}."""
    states, *rows = (line.split() for line in grid.strip().splitlines())
    return {
        (event, state): action
        for event, *cells in rows
        for state, action in zip(states, cells, strict=True)
        if action != "-"
    }


#: {(event, state): action}, the filled cells of PS3.8 Table 9-10.
TRANSITION_TABLE = _parse_grid(TABLE_9_10)

#: The events and what each is; PDUs are those received, primitives those of the service user.
EVENTS = {
    "Evt1": "A-ASSOCIATE request primitive",
    "Evt2": "transport connection confirmed",
    "Evt3": "A-ASSOCIATE-AC PDU",
    "Evt4": "A-ASSOCIATE-RJ PDU",
    "Evt5": "transport connection indicated",
    "Evt6": "A-ASSOCIATE-RQ PDU",
    "Evt7": "A-ASSOCIATE response primitive (accept)",
    "Evt8": "A-ASSOCIATE response primitive (reject)",
    "Evt9": "P-DATA request primitive",
    "Evt10": "P-DATA-TF PDU",
    "Evt11": "A-RELEASE request primitive",
    "Evt12": "A-RELEASE-RQ PDU",
    "Evt13": "A-RELEASE-RP PDU",
    "Evt14": "A-RELEASE response primitive",
    "Evt15": "A-ABORT request primitive",
    "Evt16": "A-ABORT PDU",
    "Evt17": "transport connection closed",
    "Evt18": "ARTIM timer expired",
    "Evt19": "unrecognised or invalid PDU",
}

#: The states and what each waits for (PS3.8 Tables 9-1 to 9-5).
STATES = {
    "Sta1": "idle",
    "Sta2": "connection open, awaiting A-ASSOCIATE-RQ PDU",
    "Sta3": "awaiting local A-ASSOCIATE response primitive",
    "Sta4": "awaiting transport connection",
    "Sta5": "awaiting A-ASSOCIATE-AC or -RJ PDU",
    "Sta6": "association established, ready for data transfer",
    "Sta7": "awaiting A-RELEASE-RP PDU",
    "Sta8": "awaiting local A-RELEASE response primitive",
    "Sta9": "release collision, requestor: awaiting local A-RELEASE response primitive",
    "Sta10": "release collision, acceptor: awaiting A-RELEASE-RP PDU",
    "Sta11": "release collision, requestor: awaiting A-RELEASE-RP PDU",
    "Sta12": "release collision, acceptor: awaiting local A-RELEASE response primitive",
    "Sta13": "awaiting close of the transport connection",
}


class InvalidEventError(UpperLayerError):
    """The event cannot happen, or is not allowed, in the present state (PS3.8 9.2.3)."""


class Provider(Protocol):
    """What the actions see of the upper layer: what the event brought, and the verbs.

    Attributes
    ----------
    primitive : A_ASSOCIATE, A_RELEASE, A_ABORT, A_P_ABORT, P_DATA or None
        The latest primitive of the service user.
    pdu : PDU or None
        The PDU received.
    error : PDUDecodeError or None
        What is wrong with what the peer sent, None while nothing is.
    is_requestor : bool
        True if this side asked for the association.
    artim_timeout, close_timeout : float or None
        Seconds that the ARTIM timer runs for the peer's A-ASSOCIATE-RQ, and for its closing of
        the connection.
    on_transition : callable or None
        Told of each transition: the state before, the event, the action and the state after.
    """

    primitive: ServicePrimitive | None
    pdu: PDU | None
    error: PDUDecodeError | None
    is_requestor: bool
    artim_timeout: float | None
    close_timeout: float | None
    on_transition: Callable[[str, str, str, str], object] | None

    def send_pdu(self, pdu_class: type[PDU], primitive: ServicePrimitive | None = None) -> None:
        """Send the PDU made from a primitive: the service user's, unless another is given."""

    def indicate(self, primitive: ServicePrimitive | None = None) -> None:
        """Give the service user a primitive: the received PDU's, unless another is given."""

    def open(self) -> None:
        """Ask for a transport connection to the peer."""

    def close(self) -> None:
        """Ask for the transport connection to be closed."""

    def start_artim(self, timeout: float | None) -> None:
        """Start the ARTIM timer, anew if it runs; without a timeout it never expires."""

    def stop_artim(self) -> None:
        """Stop the ARTIM timer, if it runs."""


# -- Association establishment: PS3.8 Table 9-6 ---------------------------------------------------


def AE_1(dul: Provider) -> str:
    """Ask for a transport connection."""
    dul.open()
    return "Sta4"


def AE_2(dul: Provider) -> str:
    """Send the A-ASSOCIATE-RQ that was asked for."""
    dul.send_pdu(A_ASSOCIATE_RQ)
    return "Sta5"


def AE_3(dul: Provider) -> str:
    """Confirm the association: accepted."""
    dul.indicate()
    return "Sta6"


def AE_4(dul: Provider) -> str:
    """Confirm the association: rejected; close the connection."""
    dul.indicate()
    dul.close()
    return "Sta1"


def AE_5(dul: Provider) -> str:
    """Take the transport connection and give the peer a time for its A-ASSOCIATE-RQ."""
    dul.start_artim(dul.artim_timeout)
    return "Sta2"


def AE_6(dul: Provider) -> str:
    """Indicate the A-ASSOCIATE-RQ, or reject it if the protocol version is not ours."""
    dul.stop_artim()
    # Versions are bits, so that one request can offer several (PS3.8 9.3.2)
    pdu = dul.pdu
    if isinstance(pdu, A_ASSOCIATE_RQ) and not (pdu.protocol_version or 0) & PROTOCOL_VERSION:
        rejection = A_ASSOCIATE()
        # Permanent, by the provider (ACSE), protocol version not supported (PS3.8 9.3.4)
        rejection.result, rejection.result_source, rejection.diagnostic = 1, 2, 2
        dul.send_pdu(A_ASSOCIATE_RJ, rejection)
        dul.start_artim(dul.close_timeout)
        return "Sta13"
    dul.indicate()
    return "Sta3"


def AE_7(dul: Provider) -> str:
    """Send the A-ASSOCIATE-AC."""
    dul.send_pdu(A_ASSOCIATE_AC)
    return "Sta6"


def AE_8(dul: Provider) -> str:
    """Send the A-ASSOCIATE-RJ and give the peer a time to close the connection."""
    dul.send_pdu(A_ASSOCIATE_RJ)
    dul.start_artim(dul.close_timeout)
    return "Sta13"


# -- Data transfer: PS3.8 Table 9-7 ---------------------------------------------------------------


def DT_1(dul: Provider) -> str:
    """Send the P-DATA-TF."""
    dul.send_pdu(P_DATA_TF)
    return "Sta6"


def DT_2(dul: Provider) -> str:
    """Indicate the P-DATA."""
    dul.indicate()
    return "Sta6"


# -- Association release: PS3.8 Table 9-8 ---------------------------------------------------------


def AR_1(dul: Provider) -> str:
    """Send the A-RELEASE-RQ."""
    dul.send_pdu(A_RELEASE_RQ)
    return "Sta7"


def AR_2(dul: Provider) -> str:
    """Indicate the release."""
    dul.indicate()
    return "Sta8"


def AR_3(dul: Provider) -> str:
    """Confirm the release; close the connection."""
    dul.indicate()
    dul.close()
    return "Sta1"


def AR_4(dul: Provider) -> str:
    """Send the A-RELEASE-RP and give the peer a time to close the connection."""
    dul.send_pdu(A_RELEASE_RP)
    dul.start_artim(dul.close_timeout)
    return "Sta13"


def AR_5(dul: Provider) -> str:
    """Stop to wait for the close that has come."""
    dul.stop_artim()
    return "Sta1"


def AR_6(dul: Provider) -> str:
    """Indicate P-DATA that came after we had asked for the release."""
    dul.indicate()
    return "Sta7"


def AR_7(dul: Provider) -> str:
    """Send a P-DATA-TF although the peer has asked for the release."""
    dul.send_pdu(P_DATA_TF)
    return "Sta8"


def AR_8(dul: Provider) -> str:
    """Indicate a release that collides with ours; the requestor is the first to answer."""
    dul.indicate()
    return "Sta9" if dul.is_requestor else "Sta10"


def AR_9(dul: Provider) -> str:
    """Send the A-RELEASE-RP of the requestor, in a release collision."""
    dul.send_pdu(A_RELEASE_RP)
    return "Sta11"


def AR_10(dul: Provider) -> str:
    """Confirm the release to the acceptor, whose own answer is still due."""
    dul.indicate()
    return "Sta12"


# -- Association abort: PS3.8 Table 9-9 -----------------------------------------------------------


def AA_1(dul: Provider) -> str:
    """Send the user's A-ABORT, or one in its name before there is one (Sta2)."""
    dul.send_pdu(A_ABORT_RQ, dul.primitive or _user_abort())
    dul.start_artim(dul.close_timeout)
    return "Sta13"


def AA_2(dul: Provider) -> str:
    """Close the connection."""
    dul.stop_artim()
    dul.close()
    return "Sta1"


def AA_3(dul: Provider) -> str:
    """Indicate the peer's abort, by its user or its provider; close the connection."""
    dul.indicate()
    dul.close()
    return "Sta1"


def AA_4(dul: Provider) -> str:
    """Indicate an abort by the provider: the connection is lost."""
    dul.indicate(_provider_abort(dul.error))
    return "Sta1"


def AA_5(dul: Provider) -> str:
    """Stop to wait for the A-ASSOCIATE-RQ: the connection is closed."""
    dul.stop_artim()
    return "Sta1"


def AA_6(dul: Provider) -> str:
    """Ignore the PDU."""
    return "Sta13"


def AA_7(dul: Provider) -> str:
    """Send an A-ABORT to a peer that should have closed the connection."""
    dul.send_pdu(A_ABORT_RQ, _provider_abort(dul.error))
    return "Sta13"


def AA_8(dul: Provider) -> str:
    """Send an A-ABORT of the provider, indicate it, and give the peer a time to close."""
    abort = _provider_abort(dul.error)
    dul.send_pdu(A_ABORT_RQ, abort)
    dul.indicate(abort)
    dul.start_artim(dul.close_timeout)
    return "Sta13"


def _user_abort() -> A_ABORT:
    """Return an A-ABORT by the service user."""
    abort = A_ABORT()
    abort.abort_source = 0
    return abort


def _provider_abort(error: PDUDecodeError | None) -> A_P_ABORT:
    """Return an A-P-ABORT for what is wrong; without that its reason is not specified."""
    abort = A_P_ABORT()
    abort.provider_reason = error.reason if error else 0
    return abort


#: {name as in the table: action}. An action takes the upper layer and returns the next state.
ACTIONS: dict[str, Callable[[Provider], str]] = {
    action.__name__.replace("_", "-"): action
    for action in (
        *(AE_1, AE_2, AE_3, AE_4, AE_5, AE_6, AE_7, AE_8),
        *(DT_1, DT_2),
        *(AR_1, AR_2, AR_3, AR_4, AR_5, AR_6, AR_7, AR_8, AR_9, AR_10),
        *(AA_1, AA_2, AA_3, AA_4, AA_5, AA_6, AA_7, AA_8),
    )
}


class StateMachine:
    """The state of one association (PS3.8 9.2).

    Parameters
    ----------
    dul : Provider
        What the actions act on: the upper layer of the association.

    Attributes
    ----------
    current_state : str
        The present state, ``"Sta1"`` to ``"Sta13"``; it begins as ``"Sta1"``.
    """

    def __init__(self, dul: Provider) -> None:
        self.current_state = "Sta1"
        self.dul = dul

    def action(self, event: str) -> str:
        """Return the action that an event leads to in the present state.

        Parameters
        ----------
        event : str
            ``"Evt1"`` to ``"Evt19"``.

        Returns
        -------
        str
            The name of the action, such as ``"AE-1"``.

        Raises
        ------
        InvalidEventError
            If there is none.
        """
        state = self.current_state
        try:
            return TRANSITION_TABLE[event, state]
        except KeyError:
            what = EVENTS.get(event, "no such event")
            raise InvalidEventError(
                f"{event} ({what}) is not allowed in {state} ({STATES[state]})"
            ) from None

    def do_action(self, event: str) -> None:
        """Take the action that an event leads to, and go to its next state.

        Parameters
        ----------
        event : str
            ``"Evt1"`` to ``"Evt19"``.

        Raises
        ------
        InvalidEventError
            If the event is not allowed in the present state, which is kept.
        """
        state, action = self.current_state, self.action(event)
        next_state = ACTIONS[action](self.dul)
        self.transition(next_state)
        if self.dul.on_transition is not None:
            self.dul.on_transition(state, event, action, next_state)

    def transition(self, state: str) -> None:
        """Go to a state.

        Parameters
        ----------
        state : str
            ``"Sta1"`` to ``"Sta13"``.

        Raises
        ------
        ValueError
            If there is no such state.
        """
        if state not in STATES:
            raise ValueError(f"No such state: {state!r}; states are 'Sta1' to 'Sta13'")
        self.current_state = state
