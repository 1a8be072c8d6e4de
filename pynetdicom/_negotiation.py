"""What is remembered of the negotiation of presentation contexts.

Most associations are like others before: the same contexts are proposed, answered by the same
ones. What a proposal or an answer consists of is therefore kept in a form that cannot be changed,
and what follows from it is remembered. The :class:`PresentationContext` objects of an association
are its own, but they are made only if somebody looks at them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pynetdicom._config as _config
import pynetdicom._lazy as lazy
from pynetdicom._memo import Deferred, Memo
from pynetdicom.presentation import PresentationContext, build_role, negotiate_as_requestor

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
    from pynetdicom.presentation import Roles

# Of negotiations, whose keys and values share most of what they hold
_REMEMBERED = 32

MaybeMade = Deferred[list[PresentationContext]] | list[PresentationContext]
# Of what one side does with contexts by itself, what it replies to roles included
Answers = tuple["FrozenContexts", list[tuple[str, bool | None, bool | None]]]


class FrozenContexts:
    """Presentation contexts that nobody can change; equal to themselves only.

    Parameters
    ----------
    contexts : iterable of PresentationContext
        The contexts as they are now.
    """

    __slots__ = ("_values", "accepted")

    def __init__(self, contexts: Iterable[PresentationContext]) -> None:
        self._values: list[tuple[Any, ...]] = [context._values() for context in contexts]
        self.accepted = sum(values[3] == 0 for values in self._values)

    def __len__(self) -> int:
        return len(self._values)

    def make(self) -> list[PresentationContext]:
        """Return the contexts as new objects."""
        return [_context(*values) for values in self._values]

    def deferred(self) -> Deferred[list[PresentationContext]]:
        """Return the contexts as the value of a field."""
        return Deferred(self.make, self)


class Contexts:
    """The contexts of one association.

    Parameters
    ----------
    contexts : list of PresentationContext
        What was negotiated.

    Attributes
    ----------
    accepted, rejected : list of PresentationContext
        The contexts, by ID.
    by_id : dict of {int: PresentationContext}
        The accepted ones.
    by_syntax : dict of {str: list of PresentationContext}
        The accepted ones by their abstract syntax.
    """

    def __init__(self, contexts: list[PresentationContext]) -> None:
        contexts.sort(key=lambda context: context.context_id or 0)
        self.accepted = [context for context in contexts if context.result == 0]
        self.rejected = [context for context in contexts if context.result != 0]
        self.by_id = {c.context_id: c for c in self.accepted if c.context_id is not None}
        self.by_syntax: dict[str, list[PresentationContext]] = {}
        for context in self.accepted:
            self.by_syntax.setdefault(str(context._abstract_syntax), []).append(context)


def _context(
    context_id: int | None,
    abstract_syntax: Any,
    transfer_syntaxes: Iterable[Any],
    result: int | None,
    *roles: bool | None,
) -> PresentationContext:
    """Return a new context with the values of another one."""
    context = PresentationContext()
    context._context_id = context_id
    context._abstract_syntax = abstract_syntax
    context._transfer_syntax = list(transfer_syntaxes)
    context.result = result
    context._scu_role, context._scp_role, context._as_scu, context._as_scp = roles
    return context


_proposals: Memo[FrozenContexts] = Memo(_REMEMBERED)
_answers: Memo[Answers] = Memo(_REMEMBERED)
_outcomes: Memo[FrozenContexts] = Memo(_REMEMBERED)


def _state(contexts: Iterable[PresentationContext]) -> tuple[Hashable, ...]:
    """Return all of some contexts that a negotiation depends on."""
    return tuple(
        [(c._abstract_syntax, c._scu_role, c._scp_role, *c._transfer_syntax) for c in contexts]
    )


def _made(contexts: MaybeMade) -> list[PresentationContext]:
    """Return contexts as a list."""
    return contexts.make() if isinstance(contexts, Deferred) else contexts


def propose(
    contexts: Sequence[PresentationContext],
    copies: Callable[[Sequence[PresentationContext]], list[PresentationContext]],
) -> FrozenContexts:
    """Return what one side begins a negotiation with: what it proposes, or what it supports.

    Parameters
    ----------
    contexts : sequence of PresentationContext
        The contexts.
    copies : callable
        Checks them and returns copies, those to be proposed with IDs.
    """
    key = (copies, _state(contexts))
    proposal = _proposals.get(key)
    if proposal is None:
        proposal = FrozenContexts(copies(contexts))
        _proposals.put(key, proposal)
    return proposal


def answer(
    negotiate: Callable[..., tuple[list[PresentationContext], Iterable[Any]]],
    proposed: MaybeMade,
    supported: MaybeMade,
    roles: Mapping[Any, Roles],
) -> tuple[FrozenContexts, list[SCP_SCU_RoleSelectionNegotiation]]:
    """Return an acceptor's answers to the contexts and roles that a requestor proposes.

    Parameters
    ----------
    negotiate : callable
        Works them out: one of the two functions of :mod:`pynetdicom.presentation`.
    proposed : Deferred or list of PresentationContext
        The contexts proposed. If they are deferred nobody has looked at them, to change them.
    supported : Deferred or list of PresentationContext
        The contexts supported, likewise.
    roles : mapping of str to tuple
        The roles proposed.
    """
    key: Hashable = None
    known: Answers | None = None
    if isinstance(proposed, Deferred):
        rules = (
            _config.ENFORCE_UID_CONFORMANCE,
            _config.VALIDATORS["UI"],
            len(lazy.sop_class.registered),
        )
        abilities = supported.key if isinstance(supported, Deferred) else _state(supported)
        key = (negotiate, proposed.key, abilities, tuple(roles.items()), rules)
        known = _answers.get(key)
    if known is None:
        answers, replies = negotiate(_made(proposed), _made(supported), roles)
        answers.sort(key=lambda context: context.result != 0)  # the accepted ones first
        known = (
            FrozenContexts(answers),
            [(item._kept("sop_class_uid"), item.scu_role, item.scp_role) for item in replies],
        )
        if key is not None:
            _answers.put(key, known)
    return known[0], [build_role(uid, bool(scu), bool(scp)) for uid, scu, scp in known[1]]


def conclude(
    proposed: MaybeMade,
    answers: MaybeMade,
    roles: Mapping[Any, Roles],
) -> FrozenContexts:
    """Return what an acceptor's answers make of the contexts that a requestor proposed.

    Parameters
    ----------
    proposed, answers : Deferred or list of PresentationContext
        The contexts; if they are deferred nobody has looked at them, to change them.
    roles : mapping of str to tuple
        The replies to the roles proposed.
    """
    if not isinstance(proposed, Deferred) or not isinstance(answers, Deferred):
        return FrozenContexts(negotiate_as_requestor(_made(proposed), _made(answers), roles))
    key = (proposed.key, answers.key, tuple(roles.items()))
    outcome = _outcomes.get(key)
    if outcome is None:
        given = answers.make()
        contexts = negotiate_as_requestor(proposed.make(), given, roles)
        outcome = FrozenContexts(contexts)
        results = {context.context_id: context.result for context in given}
        if results == {context.context_id: context.result for context in contexts}:
            _outcomes.put(key, outcome)  # else there is something to be logged each time
    return outcome
