"""What is remembered of negotiations, and what it must not be mistaken for."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest

import pynetdicom._config as _config
import pynetdicom.sop_class as sop_class
from pynetdicom import _negotiation, build_context
from pynetdicom._memo import Deferred
from pynetdicom._negotiation import Contexts, FrozenContexts, answer, conclude, propose
from pynetdicom.pdu import decode_pdu
from pynetdicom.presentation import (
    PresentationContext,
    build_role,
    negotiate_as_acceptor,
    negotiate_unrestricted,
)
from tests.support import raw

CT, MR, ECHO = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.1"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    for memo in (_negotiation._proposals, _negotiation._answers, _negotiation._outcomes):
        memo.clear()


def numbered(*contexts: PresentationContext) -> list[PresentationContext]:
    for index, context in enumerate(contexts):
        context.context_id = 2 * index + 1
    return list(contexts)


def frozen(*contexts: PresentationContext) -> Deferred[list[PresentationContext]]:
    return FrozenContexts(numbered(*contexts)).deferred()


class Counting:
    """Calls a function and counts that."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        return self.function(*args)


class TestFrozenContexts:
    def test_made_anew(self) -> None:
        context = build_context(CT, [IMPLICIT, EXPLICIT])
        context.context_id, context.result = 5, 0
        context._scu_role, context._scp_role, context._as_scu, context._as_scp = (
            *(True, False),
            *(False, True),
        )
        kept = FrozenContexts([context])
        (first,), (second,) = kept.make(), kept.make()
        assert first == second == context
        first.add_transfer_syntax("1.2.3")
        context.result = 4
        assert kept.make() == [second]
        assert (len(kept), kept.accepted) == (1, 1)

    def test_equal_to_itself_only(self) -> None:
        one, other = FrozenContexts([]), FrozenContexts([])
        assert one == one  # noqa: PLR0124
        assert one != other


class TestPropose:
    def test_remembered(self) -> None:
        copies = Counting(lambda contexts: [build_context(c.abstract_syntax) for c in contexts])
        wanted = [build_context(CT)]
        assert propose(wanted, copies) is propose([build_context(CT)], copies)
        assert copies.calls == 1
        for change in (
            lambda: wanted[0].add_transfer_syntax("1.2.3"),
            lambda: setattr(wanted[0], "scu_role", False),
            lambda: setattr(wanted[0], "abstract_syntax", MR),
            lambda: wanted.append(build_context(MR)),
        ):
            before = copies.calls
            change()
            propose(wanted, copies)
            assert copies.calls == before + 1

    def test_refused_each_time(self) -> None:
        def refuse(contexts: Any) -> Any:
            raise ValueError("no")

        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                propose([build_context(CT)], refuse)


class TestAnswer:
    def test_remembered(self) -> None:
        negotiate = Counting(negotiate_as_acceptor)
        proposed = frozen(build_context(CT), build_context(MR))
        supported = [build_context(MR)]
        first, _ = answer(negotiate, proposed, supported, {})
        second, _ = answer(negotiate, proposed, [build_context(MR)], {})
        assert first is second
        assert negotiate.calls == 1
        assert [context.abstract_syntax for context in first.make()] == [MR, CT]  # accepted first

    @pytest.mark.parametrize(
        "what",
        [
            "proposal",
            "supported",
            "syntaxes",
            "role setting",
            "roles",
            "rules",
            "registered",
            "function",
        ],
    )
    def test_anything_else_is_another(self, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
        proposed, supported = frozen(build_context(CT)), [build_context(CT)]
        roles: dict[Any, Any] = {}
        function: Callable[..., Any] = negotiate_as_acceptor
        before, _ = answer(function, proposed, supported, roles)
        if what == "proposal":
            proposed = frozen(build_context(CT))
        elif what == "supported":
            supported.append(build_context(MR))
        elif what == "syntaxes":
            supported[0].transfer_syntax = [EXPLICIT]
        elif what == "role setting":
            supported[0].scu_role = supported[0].scp_role = True
        elif what == "roles":
            roles[CT] = (True, True)
        elif what == "rules":
            monkeypatch.setattr(_config, "ENFORCE_UID_CONFORMANCE", True)
        elif what == "registered":
            monkeypatch.setattr(sop_class, "registered", [*sop_class.registered, CT])
        else:
            function = negotiate_unrestricted
        assert answer(function, proposed, supported, roles)[0] is not before

    def test_replies_are_new_each_time(self) -> None:
        supported = build_context(CT)
        supported.scu_role, supported.scp_role = True, False
        proposed = frozen(build_context(CT))
        roles = {CT: (True, True)}
        first = answer(negotiate_as_acceptor, proposed, [supported], roles)[1]
        second = answer(negotiate_as_acceptor, proposed, [supported], roles)[1]
        assert first == second == [build_role(CT, True, False)]
        assert first[0] is not second[0]

    def test_requests_are_not_kept(self) -> None:
        """There may be a password in one."""
        pdu = decode_pdu(1, raw.associate_rq()[6:])
        proposed = pdu.to_primitive()._deferred("presentation_context_definition_list")
        answer(negotiate_as_acceptor, proposed, [build_context(CT)], {})
        kept = weakref.ref(pdu)
        del pdu
        assert kept() is None

    def test_what_was_looked_at_is_not_remembered(self) -> None:
        negotiate = Counting(negotiate_as_acceptor)
        for _ in range(2):
            answer(negotiate, numbered(build_context(CT)), [build_context(CT)], {})
        assert negotiate.calls == 2


class TestConclude:
    @staticmethod
    def accepting(context: PresentationContext, syntax: str = IMPLICIT) -> PresentationContext:
        answered = build_context(str(context.abstract_syntax), syntax)
        answered.result = 0
        return answered

    def test_remembered(self) -> None:
        proposed = frozen(build_context(CT))
        answers = frozen(self.accepting(build_context(CT)))
        outcome = conclude(proposed, answers, {})
        assert outcome is conclude(proposed, answers, {})
        assert outcome is not conclude(proposed, answers, {CT: (True, True)})
        assert outcome is not conclude(frozen(build_context(CT)), answers, {})
        assert outcome.accepted == 1

    def test_complaints_are_made_each_time(self, caplog: pytest.LogCaptureFixture) -> None:
        proposed = frozen(build_context(CT, EXPLICIT))
        answers = frozen(self.accepting(build_context(CT), IMPLICIT))
        for _ in range(2):
            caplog.clear()
            assert conclude(proposed, answers, {}).accepted == 0
            assert "which was not proposed" in caplog.text

    @pytest.mark.parametrize("which", ["proposed", "answers"])
    def test_what_was_looked_at(self, which: str) -> None:
        proposed: Any = frozen(build_context(CT))
        answers: Any = frozen(self.accepting(build_context(CT)))
        if which == "proposed":
            proposed = proposed.make()
        else:
            answers = answers.make()
        assert conclude(proposed, answers, {}) is not conclude(proposed, answers, {})


def test_contexts_of_an_association() -> None:
    contexts = numbered(build_context(CT), build_context(MR), build_context(CT))
    for context, result in zip(contexts, (0, 3, 0), strict=True):
        context.result = result
    sorted_out = Contexts(contexts[::-1])
    assert sorted_out.accepted == [contexts[0], contexts[2]]
    assert sorted_out.rejected == [contexts[1]]
    assert sorted_out.by_id == {1: contexts[0], 5: contexts[2]}
    assert sorted_out.by_syntax == {CT: [contexts[0], contexts[2]]}
