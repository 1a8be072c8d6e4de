"""Presentation contexts, the ready-made lists of them, and their negotiation."""

import copy
import logging
import pickle
import warnings
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from pynetdicom import _config, presentation
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES, DEFAULT_TRANSFER_SYNTAXES
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import (
    BOTH_SCU_SCP_ROLE,
    CONTEXT_REJECTED,
    DEFAULT_ROLE,
    INVERTED_ROLE,
    SCP_SCU_ROLES,
    PresentationContext,
    PresentationContextTuple,
    build_context,
    build_role,
    negotiate_as_acceptor,
    negotiate_as_requestor,
    negotiate_unrestricted,
)
from pynetdicom.sop_class import (
    CTImageStorage,
    HangingProtocolStorage,
    MRImageStorage,
    StoredPrintStorage,
    Verification,
)

IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN = DEFAULT_TRANSFER_SYNTAXES
JPEG = "1.2.840.10008.1.2.4.50"
PRIVATE = "1.2.246.1"
LOGGER = "pynetdicom.presentation"

NONE = (None, None)
BOOLS = list(product((True, False), repeat=2))


def context(context_id, abstract_syntax, transfer_syntax=None, roles=NONE, result=None):
    """Return a context as a user builds it."""
    built = build_context(abstract_syntax, transfer_syntax)
    built.context_id = context_id
    built.scu_role, built.scp_role = roles
    built.result = result
    return built


def received(context_id, abstract_syntax, *transfer_syntaxes, result=None):
    """Return a context as a decoder builds it."""
    return PresentationContext._from_wire(context_id, abstract_syntax, transfer_syntaxes, result)


def summary(contexts):
    return [(cx.context_id, cx.abstract_syntax, cx.transfer_syntax, cx.result) for cx in contexts]


def role_values(items):
    return [(item.sop_class_uid, item.scu_role, item.scp_role) for item in items]


class TestPresentationContext:
    def test_new(self):
        new = PresentationContext()
        names = ["context_id", "abstract_syntax", "scu_role", "scp_role", "as_scu", "as_scp"]
        assert [getattr(new, name) for name in [*names, "result"]] == [None] * 7
        assert new.transfer_syntax == []
        assert new.status == "Pending"
        assert str(new) == "Transfer Syntax(es):\n    (none)"
        assert repr(new) == "(none)"

    @pytest.mark.parametrize("value", [None, *range(1, 256, 2)])
    def test_context_id(self, value):
        new = PresentationContext()
        new.context_id = value
        assert new.context_id == value

    @pytest.mark.parametrize("value", [-1, 0, 2, 254, 256, 257])
    def test_context_id_value(self, value):
        with pytest.raises(ValueError, match=f"must be odd and from 1 to 255, not {value}"):
            PresentationContext().context_id = value

    @pytest.mark.parametrize("value", ["1", 1.0, []])
    def test_context_id_type(self, value):
        with pytest.raises(TypeError, match="'context_id' must be int or None"):
            PresentationContext().context_id = value

    @pytest.mark.parametrize("value", ["1.2.3", b"1.2.3", UID("1.2.3"), " 1.2.3\0"])
    def test_abstract_syntax(self, value):
        new = PresentationContext()
        new.abstract_syntax = value
        assert new.abstract_syntax == "1.2.3"
        assert type(new.abstract_syntax) is UID

    def test_abstract_syntax_may_be_empty(self):
        new = PresentationContext()
        new.abstract_syntax = ""
        assert new.abstract_syntax == ""

    def test_abstract_syntax_errors(self, caplog):
        new = PresentationContext()
        for value in (None, 12):
            with pytest.raises(TypeError, match="'abstract_syntax' must be str, bytes or UID"):
                new.abstract_syntax = value
        with pytest.raises(ValueError, match=r"'abstract_syntax' value .* exceed 64 characters"):
            new.abstract_syntax = "1" * 65
        assert new.abstract_syntax is None
        new.abstract_syntax = "1.02"
        assert caplog.messages == ["Non-conformant 'abstract_syntax' value '1.02'"]

    def test_transfer_syntax(self):
        new = PresentationContext()
        new.transfer_syntax = [EXPLICIT, IMPLICIT.encode(), UID(JPEG), EXPLICIT, PRIVATE]
        assert new.transfer_syntax == [EXPLICIT, IMPLICIT, JPEG, PRIVATE]
        assert all(type(uid) is UID for uid in new.transfer_syntax)
        new.transfer_syntax = []
        assert new.transfer_syntax == []

    @pytest.mark.parametrize("value", [None, IMPLICIT, (IMPLICIT,), {IMPLICIT}])
    def test_transfer_syntax_must_be_a_list(self, value):
        with pytest.raises(TypeError, match="'transfer_syntax' must be a list, not "):
            PresentationContext().transfer_syntax = value

    @pytest.mark.parametrize("value", ["", b"", "1" * 65])
    def test_transfer_syntax_value(self, value):
        built = build_context(Verification, EXPLICIT)
        with pytest.raises(ValueError, match="'transfer_syntax' value"):
            built.transfer_syntax = [IMPLICIT, value]
        with pytest.raises(ValueError, match="'transfer_syntax' value"):
            built.add_transfer_syntax(value)
        assert built.transfer_syntax == [EXPLICIT]

    def test_transfer_syntax_of_other_types(self, caplog):
        built = build_context(Verification, [None, IMPLICIT, 12])
        assert built.transfer_syntax == [IMPLICIT]
        assert caplog.messages == [
            "Transfer syntax of type 'NoneType' left out",
            "Transfer syntax of type 'int' left out",
        ]

    def test_transfer_syntax_that_is_something_else(self, caplog):
        built = build_context(Verification, [CTImageStorage, IMPLICIT])
        assert built.transfer_syntax == [CTImageStorage, IMPLICIT]
        assert caplog.record_tuples == [
            (
                LOGGER,
                logging.WARNING,
                f"'{CTImageStorage}' is not a transfer syntax but 'CT Image Storage'",
            )
        ]

    def test_all_transfer_syntaxes_without_a_warning(self, caplog):
        retired = "1.2.840.10008.1.2.4.52"
        built = build_context(Verification, [*ALL_TRANSFER_SYNTAXES, retired])
        assert built.transfer_syntax == [*ALL_TRANSFER_SYNTAXES, retired]
        assert not caplog.records

    @pytest.mark.parametrize("name", ["scu_role", "scp_role"])
    def test_roles(self, name):
        new = PresentationContext()
        for value in (True, False, None):
            setattr(new, name, value)
            assert getattr(new, name) is value
        for value in (0, 1, "True"):
            with pytest.raises(TypeError, match=f"'{name}' must be a bool or None"):
                setattr(new, name, value)

    @pytest.mark.parametrize(
        ("result", "text"),
        [
            (None, "Pending"),
            (0, "Accepted"),
            (1, "User Rejected"),
            (2, "Provider Rejected"),
            (3, "Abstract Syntax Not Supported"),
            (4, "Transfer Syntax(es) Not Supported"),
            (5, "Unknown"),
        ],
    )
    def test_status(self, result, text):
        new = PresentationContext()
        new.result = result
        assert new.status == text

    def test_as_tuple(self):
        built = context(3, CTImageStorage, [EXPLICIT, IMPLICIT])
        assert built.as_tuple == PresentationContextTuple(3, CTImageStorage, UID(EXPLICIT))
        assert built.as_tuple.transfer_syntax == EXPLICIT
        with pytest.raises(IndexError):
            _ = PresentationContext().as_tuple

    def test_str(self):
        built = context(5, CTImageStorage, [IMPLICIT, JPEG, PRIVATE])
        assert repr(built) == "CT Image Storage"
        assert str(built).splitlines() == [
            "ID: 5",
            "Abstract Syntax: CT Image Storage",
            "Transfer Syntax(es):",
            "    =Implicit VR Little Endian",
            "    =JPEG Baseline (Process 1)",
            "    =1.2.246.1",
        ]

    @pytest.mark.parametrize(
        ("roles", "text"),
        [
            ((True, False), "SCU only"),
            ((False, True), "SCP only"),
            ((True, True), "SCU and SCP"),
        ],
    )
    def test_str_of_negotiated_context(self, roles, text):
        built = context(1, Verification, IMPLICIT, (True, True))
        (answer,) = negotiate_as_requestor(
            [built], [context(1, Verification, IMPLICIT, result=0)], {Verification: roles}
        )
        assert str(answer).endswith(f"Result: Accepted\nRole: {text}")

    def test_str_of_rejected_context(self):
        (answer,) = negotiate_as_requestor([context(1, Verification)], [])
        assert str(answer).endswith("Result: Provider Rejected\nRole: (none)")

    def test_values_of_a_peer_are_shown_safely(self):
        hostile = received(1, "1.2\n\x1b[2J", "1.2\r\n" + "9" * 1000)
        text = str(hostile)
        assert text.splitlines()[1] == "Abstract Syntax: 1.2\\n\\x1b[2J"
        assert max(map(len, text.splitlines())) <= 70
        assert repr(hostile) == "1.2\\n\\x1b[2J"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("context_id", 3),
            ("abstract_syntax", MRImageStorage),
            ("transfer_syntax", [EXPLICIT, IMPLICIT]),
            ("result", 0),
            ("scu_role", True),
            ("scp_role", True),
            ("_as_scu", True),
            ("_as_scp", True),
        ],
    )
    def test_equality(self, name, value):
        first = context(1, CTImageStorage, [IMPLICIT, EXPLICIT])
        second = context(1, str(CTImageStorage), [IMPLICIT, EXPLICIT])
        assert first == second
        assert hash(first) == hash(second)
        setattr(second, name, value)
        assert first != second
        assert len({first, second}) == 2

    def test_other_types_are_not_equal(self):
        assert PresentationContext() != 1
        assert PresentationContext() != "context"

    @pytest.mark.parametrize(
        "clone", [copy.copy, copy.deepcopy, lambda cx: pickle.loads(pickle.dumps(cx))]
    )
    def test_copies(self, clone):
        (original,) = negotiate_as_requestor(
            [context(1, CTImageStorage)], [context(1, CTImageStorage, EXPLICIT, result=0)]
        )
        original.scu_role = True
        copied = clone(original)
        assert copied == original
        copied.add_transfer_syntax(JPEG)
        assert original.transfer_syntax == [EXPLICIT]


class TestFromWire:
    def test_values(self):
        built = received(7, CTImageStorage, IMPLICIT, PRIVATE, result=4)
        assert summary([built]) == [(7, CTImageStorage, [IMPLICIT, PRIVATE], 4)]
        assert built == context(7, CTImageStorage, [IMPLICIT, PRIVATE], result=4)

    def test_without_abstract_syntax(self):
        assert received(7, None, IMPLICIT).abstract_syntax is None

    @given(st.integers(0, 255), st.text(max_size=70), st.lists(st.text(max_size=70), max_size=5))
    def test_nothing_is_checked_or_logged(self, context_id, abstract_syntax, syntaxes):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            built = PresentationContext._from_wire(context_id, abstract_syntax, syntaxes)
        assert not caught
        assert summary([built]) == [(context_id, abstract_syntax, syntaxes, None)]
        assert all(type(uid) is UID for uid in [built.abstract_syntax, *built.transfer_syntax])
        assert str(built).isascii()


class TestBuildContext:
    def test_default(self):
        built = build_context("1.2.840.10008.1.1")
        assert summary([built]) == [(None, Verification, DEFAULT_TRANSFER_SYNTAXES, None)]
        assert built.transfer_syntax is not build_context(Verification).transfer_syntax

    @pytest.mark.parametrize("value", [JPEG, UID(JPEG), [JPEG]])
    def test_transfer_syntax(self, value):
        assert build_context(CTImageStorage, value).transfer_syntax == [JPEG]

    def test_empty_list(self):
        assert build_context(CTImageStorage, []).transfer_syntax == []

    def test_errors(self):
        for value in ((JPEG,), 12):
            with pytest.raises(TypeError):
                build_context(CTImageStorage, value)
        with pytest.raises(TypeError):
            build_context(None)
        with pytest.raises(ValueError, match="exceed 64"):
            build_context("1" * 65)


class TestBuildRole:
    @pytest.mark.parametrize("roles", BOOLS)
    def test_values(self, roles):
        item = build_role(CTImageStorage, *roles)
        assert type(item) is SCP_SCU_RoleSelectionNegotiation
        assert role_values([item]) == [(CTImageStorage, *roles)]

    def test_default(self):
        assert role_values([build_role("1.2.3")]) == [("1.2.3", False, False)]
        assert role_values([build_role("1.2.3", scp_role=True)]) == [("1.2.3", False, True)]

    def test_errors(self):
        with pytest.raises(TypeError):
            build_role(None)
        with pytest.raises(TypeError):
            build_role(CTImageStorage, 1)
        with pytest.raises(ValueError, match="exceed 64"):
            build_role("1" * 65)


# What role selection leads to (PS3.7 D.3.3.4): rows are the requestor's proposal, columns the
# acceptor's setting, both (SCU, SCP) with - for None; a cell is "requestor/acceptor roles" and,
# where one is sent, the reply
ROLES = """
        T T                  T F              F T              F F
-  -    SCU/SCP              SCU/SCP          SCU/SCP          SCU/SCP
T  T    both/both,TT         SCU/SCP,TF       SCP/SCU,FT       rejected
T  F    SCU/SCP,TF           SCU/SCP,TF       rejected         rejected
F  T    SCP/SCU,FT           rejected         SCP/SCU,FT       rejected
F  F    rejected             rejected         rejected         rejected
"""
FLAGS = {"-": None, "T": True, "F": False}
PARTS = {"SCU": (True, False), "SCP": (False, True), "both": (True, True)}


def role_cells():
    """Yield proposal, setting, the requestor's and the acceptor's (SCU, SCP), and the reply."""
    header, *rows = [row.split() for row in ROLES.strip().splitlines()]
    settings = [
        (FLAGS[scu], FLAGS[scp]) for scu, scp in zip(header[::2], header[1::2], strict=True)
    ]
    for row in rows:
        proposal = (FLAGS[row[0]], FLAGS[row[1]])
        for setting, cell in zip(settings, row[2:], strict=True):
            if cell == "rejected":
                yield proposal, setting, (False, False), (False, False), None
                continue
            outcome, _, reply = cell.partition(",")
            requestor, acceptor = (PARTS[part] for part in outcome.split("/"))
            yield proposal, setting, requestor, acceptor, tuple(FLAGS[c] for c in reply) or None
        for setting in product((None, True, False), repeat=2):
            if None in setting:
                yield proposal, setting, (True, False), (False, True), None


ROLE_CELLS = list(role_cells())


class TestRoles:
    def test_table_is_complete(self):
        assert len(ROLE_CELLS) == 45
        assert SCP_SCU_ROLES.keys() == {NONE, *BOOLS}
        assert all(len(row) == 9 for row in SCP_SCU_ROLES.values())

    def test_outcomes(self):
        assert DEFAULT_ROLE == (True, False, False, True)
        assert INVERTED_ROLE == (False, True, True, False)
        assert BOTH_SCU_SCP_ROLE == (True, True, True, True)
        assert CONTEXT_REJECTED == (False, False, False, False)

    @pytest.mark.parametrize(("proposal", "setting", "requestor", "acceptor", "reply"), ROLE_CELLS)
    def test_table(self, proposal, setting, requestor, acceptor, reply):
        assert SCP_SCU_ROLES[proposal][setting] == requestor + acceptor

    @pytest.mark.parametrize(("proposal", "setting", "requestor", "acceptor", "reply"), ROLE_CELLS)
    def test_acceptor(self, proposal, setting, requestor, acceptor, reply):
        roles = {} if proposal == NONE else {CTImageStorage: proposal}
        (answer,), items = negotiate_as_acceptor(
            [context(1, CTImageStorage)], [context(None, CTImageStorage, None, setting)], roles
        )
        accepted = True in acceptor
        assert answer.result == (0 if accepted else 1)
        assert (answer.as_scu, answer.as_scp) == acceptor
        assert role_values(items) == ([(CTImageStorage, *reply)] if reply else [])

    @pytest.mark.parametrize(("proposal", "setting", "requestor", "acceptor", "reply"), ROLE_CELLS)
    def test_requestor(self, proposal, setting, requestor, acceptor, reply):
        proposed = [context(1, CTImageStorage, None, proposal)]
        supported = [context(None, CTImageStorage, None, setting)]
        roles = {} if proposal == NONE else {CTImageStorage: proposal}
        answers, items = negotiate_as_acceptor(proposed, supported, roles)
        replies = {item.sop_class_uid: (item.scu_role, item.scp_role) for item in items}
        (result,) = negotiate_as_requestor(proposed, answers, replies)
        assert (result.as_scu, result.as_scp) == requestor

    @pytest.mark.parametrize("proposal", BOOLS)
    def test_requestor_without_a_reply(self, proposal):
        (result,) = negotiate_as_requestor(
            [context(1, CTImageStorage, None, proposal)],
            [context(1, CTImageStorage, IMPLICIT, result=0)],
        )
        assert (result.as_scu, result.as_scp) == (True, False)

    @pytest.mark.parametrize("reply", BOOLS)
    def test_reply_without_a_proposal(self, reply):
        (result,) = negotiate_as_requestor(
            [context(1, CTImageStorage)],
            [context(1, CTImageStorage, IMPLICIT, result=0)],
            {CTImageStorage: reply},
        )
        assert (result.as_scu, result.as_scp) == (True, False)

    def test_reply_with_a_role_not_proposed(self):
        (result,) = negotiate_as_requestor(
            [context(1, CTImageStorage, None, (True, False))],
            [context(1, CTImageStorage, IMPLICIT, result=0)],
            {CTImageStorage: (False, True)},
        )
        assert (result.as_scu, result.as_scp) == (False, False)

    def test_one_item_for_all_contexts_of_a_class(self):
        answers, items = negotiate_as_acceptor(
            [context(1, CTImageStorage), context(3, MRImageStorage), context(5, CTImageStorage)],
            [context(None, uid, None, (True, True)) for uid in (MRImageStorage, CTImageStorage)],
            {CTImageStorage: (False, True), PRIVATE: (True, True)},
        )
        assert role_values(items) == [(CTImageStorage, False, True)]
        assert [(cx.as_scu, cx.as_scp) for cx in answers] == [
            (True, False),
            (False, True),
            (True, False),
        ]

    def test_no_reply_for_rejected_contexts(self):
        answers, items = negotiate_as_acceptor(
            [context(1, CTImageStorage, JPEG), context(3, MRImageStorage)],
            [context(None, CTImageStorage, IMPLICIT, (True, True))],
            {CTImageStorage: (True, True), MRImageStorage: (True, True)},
        )
        assert [cx.result for cx in answers] == [4, 3]
        assert items == []


class TestAcceptor:
    def test_results(self):
        answers, items = negotiate_as_acceptor(
            [
                context(5, CTImageStorage, [JPEG, IMPLICIT, EXPLICIT]),
                context(1, MRImageStorage, [JPEG]),
                context(3, Verification, [EXPLICIT]),
                context(255, CTImageStorage, [IMPLICIT]),
            ],
            [
                context(None, CTImageStorage, [EXPLICIT, IMPLICIT]),
                context(None, MRImageStorage, [EXPLICIT, IMPLICIT]),
            ],
        )
        assert summary(answers) == [
            (1, MRImageStorage, [JPEG], 4),
            (3, Verification, [EXPLICIT], 3),
            (5, CTImageStorage, [EXPLICIT], 0),
            (255, CTImageStorage, [IMPLICIT], 0),
        ]
        assert items == []
        assert [(cx.as_scu, cx.as_scp) for cx in answers] == [(False, False)] * 2 + [
            (False, True)
        ] * 2

    def test_nothing_proposed(self):
        assert negotiate_as_acceptor([], [context(None, Verification)]) == ([], [])

    def test_nothing_supported(self):
        answers, _ = negotiate_as_acceptor([context(1, Verification)], [])
        assert summary(answers) == [(1, Verification, [IMPLICIT], 3)]

    def test_first_of_equal_supported_contexts_counts(self):
        answers, _ = negotiate_as_acceptor(
            [context(1, CTImageStorage)],
            [context(None, CTImageStorage, EXPLICIT), context(None, CTImageStorage, IMPLICIT)],
        )
        assert answers[0].transfer_syntax == [EXPLICIT]

    def test_contexts_given_stay_as_they_are(self):
        proposed = [context(1, CTImageStorage)]
        supported = [context(None, CTImageStorage, None, (True, True))]
        before = copy.deepcopy((proposed, supported))
        (answer,), _ = negotiate_as_acceptor(proposed, supported, {CTImageStorage: (True, True)})
        answer.add_transfer_syntax(JPEG)
        assert (proposed, supported) == before

    @pytest.mark.parametrize("negotiate", [negotiate_as_acceptor, negotiate_unrestricted])
    def test_proposal_without_abstract_or_transfer_syntax(self, negotiate):
        answers, _ = negotiate(
            [received(1, None, EXPLICIT), received(3, Verification), received(5, "")],
            [context(None, Verification)],
        )
        assert summary(answers) == [
            (1, None, [EXPLICIT], 3),
            (3, Verification, [IMPLICIT], 4),
            (5, "", [IMPLICIT], 3),
        ]

    @pytest.mark.parametrize("negotiate", [negotiate_as_acceptor, negotiate_unrestricted])
    @pytest.mark.parametrize("bad", ["1" * 65, "1.2\n", "1.2.é", "9" * 60000])
    def test_unusable_uids(self, negotiate, bad):
        answers, items = negotiate(
            [received(1, bad, EXPLICIT), received(3, CTImageStorage, bad)],
            [context(None, CTImageStorage)],
            {UID(bad, 0): (True, True)},
        )
        assert summary(answers) == [
            (1, bad, [EXPLICIT], 3),
            (3, CTImageStorage, [IMPLICIT], 4),
        ]
        assert items == []

    @pytest.mark.parametrize("negotiate", [negotiate_as_acceptor, negotiate_unrestricted])
    def test_no_more_than_128_transfer_syntaxes_count(self, negotiate):
        junk = ["\0"] * 127
        answers, _ = negotiate(
            [
                received(1, CTImageStorage, *junk, EXPLICIT),
                received(3, CTImageStorage, *junk, "\0", EXPLICIT),
            ],
            [context(None, CTImageStorage)],
        )
        assert [cx.result for cx in answers] == [0, 4]

    def test_odd_but_harmless_uids_are_taken_and_given_back(self):
        supported = context(None, "1.2.003", "1.2.04")
        answers, _ = negotiate_as_acceptor([received(1, "1.2.003", "1.2.04")], [supported])
        assert summary(answers) == [(1, "1.2.003", ["1.2.04"], 0)]

    def test_many(self):
        proposed = [
            received(2 * i + 1, uid, *DEFAULT_TRANSFER_SYNTAXES)
            for i, uid in enumerate(
                cx.abstract_syntax for cx in presentation.AllStoragePresentationContexts[:128]
            )
        ]
        answers, _ = negotiate_as_acceptor(proposed, presentation.AllStoragePresentationContexts)
        assert [cx.context_id for cx in answers] == list(range(1, 256, 2))
        assert {cx.result for cx in answers} == {0}
        results = negotiate_as_requestor(proposed, answers)
        assert [cx.transfer_syntax for cx in results] == [[IMPLICIT]] * 128


class TestUnrestricted:
    STORAGE = (CTImageStorage, StoredPrintStorage, PRIVATE, "1.2.840.10008.9999", "abc")
    OTHERS = (Verification, HangingProtocolStorage)

    @pytest.mark.parametrize("uid", STORAGE)
    @pytest.mark.parametrize("setting", [None, NONE, (True, False), (False, False)])
    def test_storage(self, uid, setting):
        supported = [context(None, uid, IMPLICIT, setting)] if setting else []
        answers, items = negotiate_unrestricted([received(1, uid, JPEG, EXPLICIT)], supported)
        assert summary(answers) == [(1, uid, [JPEG], 0)]
        assert (answers[0].as_scu, answers[0].as_scp) == (True, True)
        assert items == []

    @pytest.mark.parametrize("uid", STORAGE)
    @pytest.mark.parametrize(
        ("proposal", "acceptor"),
        [
            ((True, True), (True, True)),
            ((True, False), (False, True)),
            ((False, True), (True, False)),
        ],
    )
    def test_roles_of_storage_are_echoed(self, uid, proposal, acceptor):
        (answer,), items = negotiate_unrestricted([received(1, uid, JPEG)], [], {uid: proposal})
        assert answer.result == 0
        assert (answer.as_scu, answer.as_scp) == acceptor
        assert role_values(items) == [(uid, *proposal)]

    def test_no_role_at_all(self):
        (answer,), items = negotiate_unrestricted(
            [received(1, CTImageStorage, JPEG)], [], {CTImageStorage: (False, False)}
        )
        assert (answer.result, answer.as_scu, answer.as_scp) == (1, False, False)
        assert items == []

    @pytest.mark.parametrize("uid", OTHERS)
    def test_others_must_be_supported(self, uid):
        proposed = [received(1, uid, JPEG, EXPLICIT)]
        answers, _ = negotiate_unrestricted(proposed, [])
        assert summary(answers) == [(1, uid, [JPEG], 3)]
        answers, _ = negotiate_unrestricted(proposed, [context(None, uid)])
        assert summary(answers) == [(1, uid, [EXPLICIT], 0)]
        assert (answers[0].as_scu, answers[0].as_scp) == (False, True)

    def test_roles_of_others_are_replied_to(self):
        answers, items = negotiate_unrestricted(
            [received(3, Verification, IMPLICIT), received(1, PRIVATE, IMPLICIT)],
            [context(None, Verification, None, (True, True))],
            {Verification: (False, True), PRIVATE: (True, True)},
        )
        assert [cx.context_id for cx in answers] == [1, 3]
        assert (answers[1].as_scu, answers[1].as_scp) == (True, False)
        assert sorted(role_values(items)) == [
            (PRIVATE, True, True),
            (Verification, False, True),
        ]

    def test_unusable_transfer_syntaxes_are_passed_over(self):
        answers, _ = negotiate_unrestricted(
            [received(1, PRIVATE, "1" * 65, "", "1.2\n", JPEG, EXPLICIT)], []
        )
        assert summary(answers) == [(1, PRIVATE, [JPEG], 0)]

    def test_uids_that_must_conform(self, monkeypatch):
        monkeypatch.setattr(_config, "ENFORCE_UID_CONFORMANCE", True)
        answers, items = negotiate_unrestricted(
            [received(1, "1.02", EXPLICIT), received(3, PRIVATE, "1.02", JPEG)],
            [],
            {"1.02": (True, True)},
        )
        assert summary(answers) == [(1, "1.02", [EXPLICIT], 3), (3, PRIVATE, [JPEG], 0)]
        assert items == []


class TestRequestor:
    def test_nothing_proposed(self):
        with pytest.raises(ValueError, match="Requestor contexts are required"):
            negotiate_as_requestor([], [context(1, Verification)])

    def test_results(self, caplog):
        results = negotiate_as_requestor(
            [
                context(7, Verification, [EXPLICIT, IMPLICIT]),
                context(1, CTImageStorage, [EXPLICIT, IMPLICIT]),
                context(3, MRImageStorage, JPEG),
                context(5, CTImageStorage, EXPLICIT),
            ],
            [
                received(1, None, IMPLICIT, result=0),
                received(3, None, JPEG, result=4),
                received(5, None, result=3),
            ],
        )
        assert summary(results) == [
            (1, CTImageStorage, [IMPLICIT], 0),
            (3, MRImageStorage, [JPEG], 4),
            (5, CTImageStorage, [], 3),
            (7, Verification, [EXPLICIT], 2),
        ]
        assert [(cx.as_scu, cx.as_scp) for cx in results] == [(True, False)] + [(False, False)] * 3
        assert not caplog.records

    @pytest.mark.parametrize("result", [1, 2, 3, 4, 7, None])
    def test_rejected(self, result):
        (context_,) = negotiate_as_requestor(
            [context(1, CTImageStorage)], [received(1, None, "unknown", result=result)]
        )
        assert context_.result == result
        assert (context_.as_scu, context_.as_scp) == (False, False)

    @pytest.mark.parametrize("syntax", ["unknown", JPEG, "", "1" * 70])
    def test_transfer_syntax_that_was_not_proposed(self, caplog, syntax):
        results = negotiate_as_requestor(
            [context(1, CTImageStorage), context(3, MRImageStorage)],
            [received(1, None, syntax, result=0), received(3, None, EXPLICIT, result=0)],
        )
        assert [cx.result for cx in results] == [2, 0]
        assert (results[0].as_scu, results[0].as_scp) == (False, False)
        (record,) = caplog.records
        assert (record.name, record.levelno) == (LOGGER, logging.WARNING)
        shown = syntax if len(syntax) <= 64 else "1" * 61 + "..."
        assert record.getMessage() == (
            "Context 1 (CT Image Storage) cannot be used: the peer accepted it with the transfer "
            f"syntax '{shown}', which was not proposed"
        )

    def test_accepted_without_a_transfer_syntax(self, caplog):
        (result,) = negotiate_as_requestor(
            [context(1, CTImageStorage)], [received(1, None, result=0)]
        )
        assert (result.result, result.transfer_syntax) == (2, [])
        assert "with the transfer syntax '(none)'" in caplog.text

    def test_answers_to_what_was_not_proposed(self, caplog):
        results = negotiate_as_requestor(
            [context(1, CTImageStorage)],
            [received(cx_id, None, IMPLICIT, result=0) for cx_id in (1, 9, 2)],
        )
        assert [cx.context_id for cx in results] == [1]
        assert caplog.messages == ["Peer answered contexts that were not proposed: IDs [9, 2]"]


# Ready-made lists: UIDs without 1.2.840.10008., and how many there are
LISTS = {
    "ApplicationEventLogging": "1.40 1.42",
    "BasicWorklistManagement": "5.1.4.31",
    "ColorPalette": "5.1.4.39.2 5.1.4.39.3 5.1.4.39.4",
    "DefinedProcedureProtocol": "5.1.4.20.1 5.1.4.20.2 5.1.4.20.3",
    "DisplaySystem": "5.1.1.40",
    "HangingProtocol": "5.1.4.38.2 5.1.4.38.3 5.1.4.38.4",
    "ImplantTemplate": """
        5.1.4.43.2 5.1.4.43.3 5.1.4.43.4 5.1.4.44.2 5.1.4.44.3 5.1.4.44.4
        5.1.4.45.2 5.1.4.45.3 5.1.4.45.4
    """,
    "InstanceAvailability": "5.1.4.33",
    "Inventory": "5.1.4.1.1.201.2 5.1.4.1.1.201.3 5.1.4.1.1.201.4",
    "MediaCreationManagement": "5.1.1.33",
    "MediaStorage": "1.3.10",
    "ModalityPerformed": "3.1.2.3.3 3.1.2.3.4 3.1.2.3.5",
    "NonPatientObject": """
        5.1.4.1.1.200.1 5.1.4.1.1.200.3 5.1.4.1.1.200.7 5.1.4.1.1.201.1
        5.1.4.38.1 5.1.4.39.1 5.1.4.43.1 5.1.4.44.1 5.1.4.45.1
    """,
    "PrintManagement": """
        5.1.1.1 5.1.1.14 5.1.1.15 5.1.1.16 5.1.1.16.376 5.1.1.18 5.1.1.2 5.1.1.23 5.1.1.4
        5.1.1.4.1 5.1.1.9
    """,
    "ProcedureStep": "3.1.2.3.3 3.1.2.3.4 3.1.2.3.5",
    "ProtocolApproval": "5.1.4.1.1.200.4 5.1.4.1.1.200.5 5.1.4.1.1.200.6",
    "QueryRetrieve": """
        5.1.4.1.1.201.6 5.1.4.1.2.1.1 5.1.4.1.2.1.2 5.1.4.1.2.1.3 5.1.4.1.2.2.1 5.1.4.1.2.2.2
        5.1.4.1.2.2.3 5.1.4.1.2.3.1 5.1.4.1.2.3.2 5.1.4.1.2.3.3 5.1.4.1.2.4.2 5.1.4.1.2.4.3
        5.1.4.1.2.5.3
    """,
    "RTMachineVerification": "5.1.4.34.8 5.1.4.34.9",
    "RelevantPatientInformation": "5.1.4.37.1 5.1.4.37.2 5.1.4.37.3",
    "StorageCommitment": "1.20.1",
    "StorageManagement": "5.1.4.1.1.201.5",
    "SubstanceAdministration": "5.1.4.41 5.1.4.42",
    "UnifiedProcedure": "5.1.4.34.6.1 5.1.4.34.6.2 5.1.4.34.6.3 5.1.4.34.6.4 5.1.4.34.6.5",
    "Verification": "1.1",
}

# Storage SOP classes in both lists of them, without 1.2.840.10008.5.1.4.1.1. or =full
COMMON_STORAGE = """
    1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 104.1 104.2 11.1 11.2 11.3 11.4 11.5 12.1 12.1.1 12.2 12.2.1
    128 128.1 13.1.1 13.1.2 13.1.3 130 131 14.1 14.2 2 2.1 2.2 20 3.1 4 4.1 4.2 4.3 4.4
    481.1 481.2 481.3 481.4 481.5 481.6 481.7 481.8 481.9 6.1 6.2 66 66.1 66.2 66.3 66.4 66.5 67
    68.1 68.2 7 7.1 7.2 7.3 7.4 77.1.1 77.1.1.1 77.1.2 77.1.2.1 77.1.3 77.1.4 77.1.4.1
    77.1.5.1 77.1.5.2 77.1.5.3 77.1.5.4 77.1.6 78.1 78.2 78.3 78.4 78.5 78.6 78.7 78.8 79.1 80.1
    81.1 88.11 88.22 88.33 88.34 88.40 88.50 88.59 88.65 88.67 88.69 88.70 9.1.1 9.1.2 9.1.3 9.2.1
    9.3.1 9.4.1 9.4.2 9.5.1 9.6.1 =5.1.4.34.7
"""
RETIRED_STORAGE = "=5.1.1.27 =5.1.1.29 =5.1.1.30 3 5 6 8 9 10 11 12.3 77.1 77.2 129"
FURTHER_STORAGE = """
    104.3 104.4 104.5 11.6 11.7 11.8 11.9 11.10 11.11 11.12 13.1.4 13.1.5 200.2 200.8 30
    481.10 481.11 481.12 481.13 481.14 481.15 481.16 481.17 481.18 481.19 481.20 481.21 481.22
    481.23 481.24 481.25 6.3 66.6 66.7 66.8 77.1.5.5 77.1.5.6 77.1.5.7 77.1.5.8 77.1.7 77.1.8
    77.1.9 82.1 88.35 88.68 88.71 88.72 88.73 88.74 88.75 88.76 88.77 9.1.4 9.100.1 9.100.2 9.6.2
    9.7.1 9.7.2 9.7.3 9.7.4 9.8.1 90.1 91.1 =5.1.4.34.10
"""


def storage_uids(*tables):
    return sorted(
        "1.2.840.10008." + (row[1:] if row[0] == "=" else "5.1.4.1.1." + row)
        for table in tables
        for row in table.split()
    )


class TestReadyMadeLists:
    @pytest.mark.parametrize("name", LISTS)
    def test_services(self, name):
        contexts = getattr(presentation, f"{name}PresentationContexts")
        expected = sorted(f"1.2.840.10008.{suffix}" for suffix in LISTS[name].split())
        assert [cx.abstract_syntax for cx in contexts] == expected

    def test_storage(self):
        contexts = presentation.StoragePresentationContexts
        expected = storage_uids(COMMON_STORAGE, RETIRED_STORAGE)
        assert [cx.abstract_syntax for cx in contexts] == expected
        assert len(contexts) == 120

    def test_all_storage(self):
        contexts = presentation.AllStoragePresentationContexts
        expected = storage_uids(COMMON_STORAGE, FURTHER_STORAGE)
        assert [cx.abstract_syntax for cx in contexts] == expected
        assert len(contexts) == 170

    @pytest.mark.parametrize("name", [*LISTS, "Storage", "AllStorage"])
    def test_contexts(self, name):
        contexts = getattr(presentation, f"{name}PresentationContexts")
        assert contexts == [build_context(cx.abstract_syntax) for cx in contexts]

    def test_there_are_no_others(self):
        suffix = "PresentationContexts"
        names = {name.removesuffix(suffix) for name in dir(presentation) if name.endswith(suffix)}
        assert names == {*LISTS, "Storage", "AllStorage"}
