"""Presentation contexts: what they are, ready-made lists of them, and their negotiation.

A context couples an abstract syntax, which is a SOP class, with the transfer syntaxes for it
(PS3.8 7.1.1.13). The requestor proposes up to 128, the acceptor takes or rejects each.
"""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import pynetdicom._lazy as lazy
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES, DEFAULT_TRANSFER_SYNTAXES
from pynetdicom._lazy import later, make_later
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.utils import check_uid, safe_text, shown_uid, shown_uids, validate_uid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pydicom.uid import UID

LOGGER = logging.getLogger(__name__)

# (SCU, SCP) as proposed for the requestor, or as an acceptor's setting; None is no statement
Roles = tuple[bool | None, bool | None]
# (requestor is SCU, requestor is SCP, acceptor is SCU, acceptor is SCP)
RoleOutcome = tuple[bool, bool, bool, bool]

# Results of the negotiation of a context (PS3.8 Table 9-18)
_ACCEPTED = 0
_USER_REJECTED = 1
_PROVIDER_REJECTED = 2
_ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
_TRANSFER_SYNTAXES_NOT_SUPPORTED = 4

_STATUSES = {
    None: "Pending",
    _ACCEPTED: "Accepted",
    _USER_REJECTED: "User Rejected",
    _PROVIDER_REJECTED: "Provider Rejected",
    _ABSTRACT_SYNTAX_NOT_SUPPORTED: "Abstract Syntax Not Supported",
    _TRANSFER_SYNTAXES_NOT_SUPPORTED: "Transfer Syntax(es) Not Supported",
}

# Transfer syntaxes of one proposed context that are looked at
_MAX_TRANSFER_SYNTAXES = 128

# What most contexts are made of
_TRANSFER_SYNTAXES = frozenset(ALL_TRANSFER_SYNTAXES)
_IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"

DEFAULT_ROLE: RoleOutcome = (True, False, False, True)
BOTH_SCU_SCP_ROLE: RoleOutcome = (True, True, True, True)
INVERTED_ROLE: RoleOutcome = (False, True, True, False)
CONTEXT_REJECTED: RoleOutcome = (False, False, False, False)

_NO_ROLES: Roles = (None, None)  # none proposed, allowed or replied
_NO_ROLE = (False, False)  # neither SCU nor SCP: what a rejected context leaves


def _role_outcome(proposal: Roles, setting: Roles) -> RoleOutcome:
    """Return the roles that a proposal and the acceptor's setting lead to (PS3.7 D.3.3.4)."""
    if None in proposal or None in setting:
        return DEFAULT_ROLE
    scu = bool(proposal[0] and setting[0])
    scp = bool(proposal[1] and setting[1])
    return (scu, scp, scp, scu)


#: The outcome of role selection, by what the requestor proposes and then by what the acceptor
#: allows, each as (SCU, SCP) of the requestor.
SCP_SCU_ROLES: dict[Roles, dict[Roles, RoleOutcome]] = {
    proposal: {
        (scu, scp): _role_outcome(proposal, (scu, scp))
        for scu in (None, True, False)
        for scp in (None, True, False)
    }
    for proposal in ((None, None), (True, True), (True, False), (False, True), (False, False))
}


class PresentationContextTuple(NamedTuple):
    """An accepted presentation context, as events have it.

    Attributes
    ----------
    context_id : int
        Odd, 1 to 255.
    abstract_syntax : pydicom.uid.UID
        The SOP class.
    transfer_syntax : pydicom.uid.UID
        The one transfer syntax that was agreed on.
    """

    context_id: int
    abstract_syntax: UID
    transfer_syntax: UID


class PresentationContext:
    """A presentation context that is supported, proposed or negotiated (PS3.8 7.1.1.13).

    Attributes
    ----------
    result : int or None
        The result of its negotiation, None before (PS3.8 Table 9-18): 0 accepted,
        1 rejected by the user, 2 rejected by the provider, 3 abstract syntax not supported,
        4 transfer syntaxes not supported.
    """

    def __init__(self) -> None:
        self._context_id: int | None = None
        # As text until somebody reads them, see shown_uid()
        self._abstract_syntax: str | None = None
        self._transfer_syntax: list[str] = []
        self._scu_role: bool | None = None
        self._scp_role: bool | None = None
        self._as_scu: bool | None = None
        self._as_scp: bool | None = None
        self.result: int | None = None

    @classmethod
    def _from_wire(
        cls,
        context_id: int | None,
        abstract_syntax: str | None,
        transfer_syntaxes: Iterable[str],
        result: int | None = None,
    ) -> PresentationContext:
        """Return a context of values that came from a peer: nothing is checked or logged."""
        context = cls()
        context._context_id = context_id
        context._abstract_syntax = abstract_syntax
        context._transfer_syntax = list(transfer_syntaxes)
        context.result = result
        return context

    def __copy__(self) -> PresentationContext:
        """Return a context with the same values and its own list of transfer syntaxes."""
        context = PresentationContext()
        vars(context).update(vars(self))
        context._transfer_syntax = list(self._transfer_syntax)
        return context

    def __deepcopy__(self, memo: dict[int, object]) -> PresentationContext:
        # All that is below the list is immutable, so that nothing deeper needs to be copied
        return self.__copy__()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PresentationContext):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[object, ...]:
        """Return all that makes up the context."""
        return (
            self._context_id,
            self._abstract_syntax,
            tuple(self._transfer_syntax),
            self.result,
            self._scu_role,
            self._scp_role,
            self._as_scu,
            self._as_scp,
        )

    def __repr__(self) -> str:
        return _name(self._abstract_syntax)

    def __str__(self) -> str:
        lines = []
        if self._context_id is not None:
            lines.append(f"ID: {self._context_id}")
        if self._abstract_syntax is not None:
            lines.append(f"Abstract Syntax: {_name(self._abstract_syntax)}")
        lines.append("Transfer Syntax(es):")
        lines.extend(f"    ={_name(syntax)}" for syntax in self._transfer_syntax)
        if not self._transfer_syntax:
            lines.append("    (none)")
        if self.result is not None:
            lines.append(f"Result: {self.status}")
        if self._as_scu is not None or self._as_scp is not None:
            roles = {
                (True, True): "SCU and SCP",
                (True, False): "SCU only",
                (False, True): "SCP only",
                (False, False): "(none)",
            }
            lines.append(f"Role: {roles[bool(self._as_scu), bool(self._as_scp)]}")
        return "\n".join(lines)

    @property
    def context_id(self) -> int | None:
        """The presentation context ID (int or None).

        Raises
        ------
        TypeError
            If set to something other than an int or None.
        ValueError
            If set to an even number or to one that is not from 1 to 255.
        """
        return self._context_id

    @context_id.setter
    def context_id(self, value: int | None) -> None:
        if value is not None:
            if not isinstance(value, int):
                raise TypeError(f"'context_id' must be int or None, not '{type(value).__name__}'")
            if not 1 <= value <= 255 or value % 2 == 0:
                raise ValueError(f"'context_id' must be odd and from 1 to 255, not {value}")
        self._context_id = value

    @property
    def abstract_syntax(self) -> UID | None:
        """The abstract syntax (UID or None).

        Raises
        ------
        TypeError
            If set to something other than a str, bytes or UID.
        ValueError
            If set to something that cannot be a UID.
        """
        if self._abstract_syntax is None:
            return None
        self._abstract_syntax = uid = shown_uid(self._abstract_syntax)
        return uid

    @abstract_syntax.setter
    def abstract_syntax(self, uid: str | bytes) -> None:
        self._abstract_syntax = check_uid(uid, "abstract_syntax")

    @property
    def transfer_syntax(self) -> list[UID]:
        """The transfer syntaxes, the preferred one first (list of UID).

        Raises
        ------
        TypeError
            If set to something other than a list.
        ValueError
            If set to a list with something that cannot be a UID.
        """
        return shown_uids(self._transfer_syntax)

    @transfer_syntax.setter
    def transfer_syntax(self, syntaxes: list[str]) -> None:
        if not isinstance(syntaxes, list):
            raise TypeError(f"'transfer_syntax' must be a list, not '{type(syntaxes).__name__}'")
        previous, self._transfer_syntax = self._transfer_syntax, []
        try:
            for syntax in syntaxes:
                self.add_transfer_syntax(syntax)
        except ValueError:
            self._transfer_syntax = previous
            raise

    def add_transfer_syntax(self, syntax: str | bytes | None) -> None:
        """Append a transfer syntax unless the context has it already.

        Parameters
        ----------
        syntax : str, bytes, pydicom.uid.UID or None
            The transfer syntax. None and other types are left out, with a line in the log. So
            is logged a UID that is known to be something else than a transfer syntax.

        Raises
        ------
        ValueError
            `syntax` cannot be a UID.
        """
        if not isinstance(syntax, (str, bytes)):
            LOGGER.warning("Transfer syntax of type '%s' left out", type(syntax).__name__)
            return
        if isinstance(syntax, str) and syntax in _TRANSFER_SYNTAXES:
            uid = syntax
        else:
            uid = check_uid(syntax, "transfer_syntax", allow_empty=False)
            entry = lazy.uids.UID_dictionary.get(uid)
            if entry is not None and entry[1] != "Transfer Syntax":
                LOGGER.warning("'%s' is not a transfer syntax but '%s'", uid, entry[0])
        if uid not in self._transfer_syntax:
            self._transfer_syntax.append(uid)

    @property
    def scu_role(self) -> bool | None:
        """Whether an acceptor allows the requestor to be SCU (bool); None for the default roles.

        Raises
        ------
        TypeError
            If set to something other than a bool or None.
        """
        return self._scu_role

    @scu_role.setter
    def scu_role(self, value: bool | None) -> None:
        self._scu_role = _check_role(value, "scu_role")

    @property
    def scp_role(self) -> bool | None:
        """Whether an acceptor allows the requestor to be SCP (bool); None for the default roles.

        Raises
        ------
        TypeError
            If set to something other than a bool or None.
        """
        return self._scp_role

    @scp_role.setter
    def scp_role(self, value: bool | None) -> None:
        self._scp_role = _check_role(value, "scp_role")

    @property
    def as_scu(self) -> bool | None:
        """Whether this side may act as SCU (bool), None before the negotiation."""
        return self._as_scu

    @property
    def as_scp(self) -> bool | None:
        """Whether this side may act as SCP (bool), None before the negotiation."""
        return self._as_scp

    @property
    def as_tuple(self) -> PresentationContextTuple:
        """The context with the first of its transfer syntaxes (PresentationContextTuple).

        Raises
        ------
        IndexError
            The context has no transfer syntax.
        """
        syntax = self.transfer_syntax[0]
        # What events have is negotiated, and so has an ID and an abstract syntax
        return PresentationContextTuple(self._context_id, self.abstract_syntax, syntax)  # type: ignore[arg-type]

    @property
    def status(self) -> str:
        """What :attr:`result` means (str)."""
        return _STATUSES.get(self.result, "Unknown")


def _check_role(value: bool | None, name: str) -> bool | None:
    """Return `value`, TypeError if it is neither bool nor None."""
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"'{name}' must be a bool or None, not '{type(value).__name__}'")
    return value


def _name(uid: str | None) -> str:
    """Return the name of a UID as it may be logged."""
    if uid is None:
        return "(none)"
    entry = lazy.uids.UID_dictionary.get(uid)
    return entry[0] if entry else safe_text(uid)


def build_context(
    abstract_syntax: str, transfer_syntax: str | list[str] | None = None
) -> PresentationContext:
    """Return a new presentation context.

    Parameters
    ----------
    abstract_syntax : str or pydicom.uid.UID
        The abstract syntax, usually a SOP class.
    transfer_syntax : str, pydicom.uid.UID or list of these, optional
        The transfer syntaxes, those of :data:`DEFAULT_TRANSFER_SYNTAXES` if there are none given.

    Raises
    ------
    TypeError
        An argument has another type.
    ValueError
        One of the values cannot be a UID.
    """
    if transfer_syntax is None:
        transfer_syntax = DEFAULT_TRANSFER_SYNTAXES
    elif isinstance(transfer_syntax, str):
        transfer_syntax = [transfer_syntax]
    context = PresentationContext()
    context.abstract_syntax = abstract_syntax
    context.transfer_syntax = transfer_syntax
    return context


def build_role(
    uid: str, scu_role: bool = False, scp_role: bool = False
) -> SCP_SCU_RoleSelectionNegotiation:
    """Return a role selection item, to propose roles for a SOP class (PS3.7 D.3.3.4).

    Parameters
    ----------
    uid : str or pydicom.uid.UID
        The SOP class.
    scu_role, scp_role : bool, optional
        Whether the requestor wants to be SCU, and SCP. One of them must be True for the item to
        be sent.

    Raises
    ------
    TypeError
        An argument has another type.
    ValueError
        `uid` cannot be a UID.
    """
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid = check_uid(uid, "uid", validate=False)
    role.scu_role = scu_role
    role.scp_role = scp_role
    return role


def negotiate_as_acceptor(
    rq_contexts: Iterable[PresentationContext],
    ac_contexts: Iterable[PresentationContext],
    roles: Mapping[Any, Roles] | None = None,
) -> tuple[list[PresentationContext], list[SCP_SCU_RoleSelectionNegotiation]]:
    """Return an acceptor's answers to the contexts and roles that a requestor proposes.

    Parameters
    ----------
    rq_contexts : iterable of PresentationContext
        The contexts proposed.
    ac_contexts : iterable of PresentationContext
        The contexts supported. The transfer syntax is their first that is proposed.
    roles : mapping of str to tuple, optional
        The roles proposed, (SCU, SCP) by SOP class.

    Returns
    -------
    list of PresentationContext
        A context for each one proposed, by ID, with a result and one transfer syntax.
    list of SCP_SCU_RoleSelectionNegotiation
        The replies to the roles proposed.
    """
    supported = _by_abstract_syntax(ac_contexts)
    return _answer_all(
        rq_contexts, lambda proposed: supported.get(proposed._abstract_syntax), roles
    )


def negotiate_unrestricted(
    rq_contexts: Iterable[PresentationContext],
    ac_contexts: Iterable[PresentationContext],
    roles: Mapping[Any, Roles] | None = None,
) -> tuple[list[PresentationContext], list[SCP_SCU_RoleSelectionNegotiation]]:
    """Return the answers of an acceptor that takes all storage, supported or not.

    Contexts of storage SOP classes and of unknown and private ones are accepted with their first
    transfer syntax and whatever roles; without a proposal of roles this side may be SCU and SCP.
    The other contexts, the parameters and what is returned are as with
    :func:`negotiate_as_acceptor`.
    """
    supported = _by_abstract_syntax(ac_contexts)

    def find(proposed: PresentationContext) -> PresentationContext | None:
        uid = proposed._abstract_syntax
        if uid is None or not lazy.sop_class.is_storage(uid):
            return supported.get(uid)
        if not validate_uid(uid):
            return None
        usable = filter(validate_uid, proposed._transfer_syntax[:_MAX_TRANSFER_SYNTAXES])
        context = PresentationContext._from_wire(None, uid, islice(usable, 1))
        context._scu_role = context._scp_role = True
        return context

    answers, replies = _answer_all(rq_contexts, find, roles)
    for answer in answers:
        uid = answer._abstract_syntax or ""
        is_asked = uid in (roles or {})
        if answer.result == _ACCEPTED and not is_asked and lazy.sop_class.is_storage(uid):
            answer._as_scu = True
    return answers, replies


def _by_abstract_syntax(
    contexts: Iterable[PresentationContext],
) -> dict[str | None, PresentationContext]:
    """Return contexts by abstract syntax, the first of those that have the same."""
    found: dict[str | None, PresentationContext] = {}
    for context in contexts:
        found.setdefault(context._abstract_syntax, context)
    return found


def _by_id(context: PresentationContext) -> int:
    """Return what contexts are sorted by."""
    return context._context_id or 0


def _answer_all(
    proposals: Iterable[PresentationContext],
    find_supported: Callable[[PresentationContext], PresentationContext | None],
    roles: Mapping[Any, Roles] | None,
) -> tuple[list[PresentationContext], list[SCP_SCU_RoleSelectionNegotiation]]:
    """Answer each context by the supported one that `find_supported` has for it."""
    roles = roles or {}
    answers = []
    replies: dict[str, SCP_SCU_RoleSelectionNegotiation] = {}
    for proposed in proposals:
        uid = proposed._abstract_syntax or ""
        supported = find_supported(proposed)
        proposal = roles.get(uid, _NO_ROLES)
        setting = (supported._scu_role, supported._scp_role) if supported else _NO_ROLES
        outcome = _role_outcome(proposal, setting)
        answer = _answer(proposed, supported, outcome)
        answers.append(answer)
        # The item is for a SOP class, so that one does for all contexts with it
        is_settled = answer.result == _ACCEPTED and None not in (*proposal, *setting)
        if is_settled and uid not in replies:
            replies[uid] = build_role(uid, *outcome[:2])
    return sorted(answers, key=_by_id), list(replies.values())


def _answer(
    proposed: PresentationContext, supported: PresentationContext | None, outcome: RoleOutcome
) -> PresentationContext:
    """Return an acceptor's answer to one context (PS3.8 9.3.3.2)."""
    if supported is None:
        return _rejected(proposed, _ABSTRACT_SYNTAX_NOT_SUPPORTED)
    considered = set(proposed._transfer_syntax[:_MAX_TRANSFER_SYNTAXES])
    common = [syntax for syntax in supported._transfer_syntax if syntax in considered]
    if not common:
        return _rejected(proposed, _TRANSFER_SYNTAXES_NOT_SUPPORTED)
    if outcome == CONTEXT_REJECTED:
        return _rejected(proposed, _USER_REJECTED)
    return _negotiated(proposed, common[:1], _ACCEPTED, outcome[2:])


def _rejected(proposed: PresentationContext, result: int) -> PresentationContext:
    """Return the acceptor's rejection of a context."""
    # Nobody may look at its transfer syntax, but the item that is sent must have one
    first = [syntax for syntax in proposed._transfer_syntax[:1] if validate_uid(syntax)]
    return _negotiated(proposed, first or [_IMPLICIT_VR_LITTLE_ENDIAN], result, _NO_ROLE)


def _negotiated(
    proposed: PresentationContext,
    transfer_syntax: list[str],
    result: int | None,
    local_roles: tuple[bool, bool],
) -> PresentationContext:
    """Return what has become of a proposed context."""
    context = PresentationContext()
    context._context_id = proposed._context_id
    context._abstract_syntax = proposed._abstract_syntax
    context._transfer_syntax = transfer_syntax
    context.result = result
    context._as_scu, context._as_scp = local_roles
    return context


def negotiate_as_requestor(
    rq_contexts: Sequence[PresentationContext],
    ac_contexts: Iterable[PresentationContext],
    roles: Mapping[Any, Roles] | None = None,
) -> list[PresentationContext]:
    """Return what an acceptor's answers make of the contexts that a requestor proposed.

    A context without an answer, and one accepted with a transfer syntax that was not proposed
    for it, count as rejected by the provider.

    Parameters
    ----------
    rq_contexts : sequence of PresentationContext
        The contexts proposed, with the roles proposed.
    ac_contexts : iterable of PresentationContext
        The contexts of the answer; those that are not accepted need no transfer syntax.
    roles : mapping of str to tuple, optional
        The replies to the roles proposed, (SCU, SCP) by SOP class.

    Returns
    -------
    list of PresentationContext
        A context for each one proposed, by ID, with a result and at most one transfer syntax.

    Raises
    ------
    ValueError
        Nothing was proposed.
    """
    if not rq_contexts:
        raise ValueError("Requestor contexts are required")
    roles = roles or {}
    answers = {context._context_id: context for context in ac_contexts}
    contexts = []
    for proposed in rq_contexts:
        answer = answers.pop(proposed._context_id, None)
        reply = roles.get(proposed._abstract_syntax or "", _NO_ROLES)
        contexts.append(_take_answer(proposed, answer, reply))
    if answers:
        LOGGER.warning("Peer answered contexts that were not proposed: IDs %s", list(answers))
    return sorted(contexts, key=_by_id)


def _take_answer(
    proposed: PresentationContext, answer: PresentationContext | None, reply: Roles
) -> PresentationContext:
    """Return what a requestor makes of the answer to one context (PS3.8 9.3.3.2)."""
    if answer is None:
        return _negotiated(proposed, proposed._transfer_syntax[:1], _PROVIDER_REJECTED, _NO_ROLE)
    syntax = answer._transfer_syntax[:1]
    if answer.result != _ACCEPTED:
        return _negotiated(proposed, syntax, answer.result, _NO_ROLE)
    if not syntax or syntax[0] not in proposed._transfer_syntax:
        LOGGER.warning(
            "Context %s (%s) cannot be used: the peer accepted it with the transfer syntax '%s', "
            "which was not proposed",
            proposed._context_id,
            _name(proposed._abstract_syntax),
            safe_text(syntax[0]) if syntax else "(none)",
        )
        return _negotiated(proposed, syntax, _PROVIDER_REJECTED, _NO_ROLE)
    outcome = _role_outcome((proposed._scu_role, proposed._scp_role), reply)
    return _negotiated(proposed, syntax, _ACCEPTED, outcome[:2])


# Ready-made lists ---------------------------------------------------------------------------


def _contexts_of(service: str) -> list[PresentationContext]:
    """Declare the contexts of the SOP classes of a service class."""
    return later(_make_contexts, f"{service}ServiceClass")


def _make_contexts(service: str) -> list[PresentationContext]:
    """Return the contexts of the SOP classes of a service class."""
    return _build_contexts(lazy.sop_class.listed_sop_classes(service))


def _build_contexts(uids: Iterable[str]) -> list[PresentationContext]:
    """Return contexts with the default transfer syntaxes, by abstract syntax."""
    return [build_context(uid) for uid in sorted(uids)]


def _media_storage() -> list[PresentationContext]:
    """Return the context of what may stand on media besides storage: the DICOMDIR."""
    return _build_contexts([lazy.sop_class.MediaStorageDirectoryStorage])


#: All storage SOP classes but retired ones: more than fit into one association.
AllStoragePresentationContexts = _contexts_of("Storage")
ApplicationEventLoggingPresentationContexts = _contexts_of("ApplicationEventLogging")
BasicWorklistManagementPresentationContexts = _contexts_of("BasicWorklistManagement")
ColorPalettePresentationContexts = _contexts_of("ColorPaletteQueryRetrieve")
DefinedProcedureProtocolPresentationContexts = _contexts_of("DefinedProcedureProtocolQueryRetrieve")
DisplaySystemPresentationContexts = _contexts_of("DisplaySystemManagement")
HangingProtocolPresentationContexts = _contexts_of("HangingProtocolQueryRetrieve")
ImplantTemplatePresentationContexts = _contexts_of("ImplantTemplateQueryRetrieve")
InstanceAvailabilityPresentationContexts = _contexts_of("InstanceAvailabilityNotification")
#: Inventories as such are stored: see `NonPatientObjectPresentationContexts`.
InventoryPresentationContexts = _contexts_of("InventoryQueryRetrieve")
MediaCreationManagementPresentationContexts = _contexts_of("MediaCreationManagement")
MediaStoragePresentationContexts = later(_media_storage)
ModalityPerformedPresentationContexts = _contexts_of("ProcedureStep")
NonPatientObjectPresentationContexts = _contexts_of("NonPatientObjectStorage")
PrintManagementPresentationContexts = _contexts_of("PrintManagement")
ProcedureStepPresentationContexts = _contexts_of("ProcedureStep")
ProtocolApprovalPresentationContexts = _contexts_of("ProtocolApprovalQueryRetrieve")
QueryRetrievePresentationContexts = _contexts_of("QueryRetrieve")
RelevantPatientInformationPresentationContexts = _contexts_of("RelevantPatientInformationQuery")
RTMachineVerificationPresentationContexts = _contexts_of("RTMachineVerification")
StorageCommitmentPresentationContexts = _contexts_of("StorageCommitment")
StorageManagementPresentationContexts = _contexts_of("StorageManagement")
SubstanceAdministrationPresentationContexts = _contexts_of("SubstanceAdministrationQuery")
UnifiedProcedurePresentationContexts = _contexts_of("UnifiedProcedureStep")
VerificationPresentationContexts = _contexts_of("Verification")

# What `StoragePresentationContexts` leaves out: UIDs without 1.2.840.10008.5.1.4.
_RARER_STORAGE = frozenset(
    [
        "1.1.6.3",
        "1.1.9.1.4",
        "1.1.9.6.2",
        "1.1.9.7.1",
        "1.1.9.7.2",
        "1.1.9.7.3",
        "1.1.9.7.4",
        "1.1.9.8.1",
        "1.1.9.100.1",
        "1.1.9.100.2",
        "1.1.11.6",
        "1.1.11.7",
        "1.1.11.8",
        "1.1.11.9",
        "1.1.11.10",
        "1.1.11.11",
        "1.1.11.12",
        "1.1.13.1.4",
        "1.1.13.1.5",
        "1.1.30",
        "1.1.66.6",
        "1.1.66.7",
        "1.1.66.8",
        "1.1.77.1.5.5",
        "1.1.77.1.5.6",
        "1.1.77.1.5.7",
        "1.1.77.1.5.8",
        "1.1.77.1.7",
        "1.1.77.1.8",
        "1.1.77.1.9",
        "1.1.82.1",
        "1.1.88.35",
        "1.1.88.68",
        "1.1.88.71",
        "1.1.88.72",
        "1.1.88.73",
        "1.1.88.74",
        "1.1.88.75",
        "1.1.88.76",
        "1.1.88.77",
        "1.1.90.1",
        "1.1.91.1",
        "1.1.104.3",
        "1.1.104.4",
        "1.1.104.5",
        "1.1.200.2",
        "1.1.200.8",
        "1.1.481.10",
        "1.1.481.11",
        "1.1.481.12",
        "1.1.481.13",
        "1.1.481.14",
        "1.1.481.15",
        "1.1.481.16",
        "1.1.481.17",
        "1.1.481.18",
        "1.1.481.19",
        "1.1.481.20",
        "1.1.481.21",
        "1.1.481.22",
        "1.1.481.23",
        "1.1.481.24",
        "1.1.481.25",
        "34.10",
    ]
)


def _commoner_storage() -> list[PresentationContext]:
    """Return the contexts of the SOP classes that archives meet."""
    sop_class = lazy.sop_class
    # Retired ones too, for archives with old objects
    retired = [
        sop_class.StoredPrintStorage,
        sop_class.HardcopyGrayscaleImageStorage,
        sop_class.HardcopyColorImageStorage,
        sop_class.UltrasoundMultiFrameImageStorageRetired,
        sop_class.NuclearMedicineImageStorageRetired,
        sop_class.UltrasoundImageStorageRetired,
        sop_class.StandaloneOverlayStorage,
        sop_class.StandaloneCurveStorage,
        sop_class.StandaloneModalityLUTStorage,
        sop_class.StandaloneVOILUTStorage,
        sop_class.XRayAngiographicBiPlaneImageStorage,
        sop_class.VLImageStorageTrial,
        sop_class.VLMultiFrameImageStorageTrial,
        sop_class.StandalonePETCurveStorage,
    ]
    listed = sop_class.listed_sop_classes("StorageServiceClass")
    common = [u for u in listed if u.removeprefix("1.2.840.10008.5.1.4.") not in _RARER_STORAGE]
    return _build_contexts([*retired, *common])


#: 120 storage SOP classes: few enough for one association, with eight contexts to spare.
StoragePresentationContexts = later(_commoner_storage)

make_later(globals())
