"""Which presentation contexts to propose for what a C-GET brings."""

from __future__ import annotations

from collections.abc import Sequence

from pynetdicom import (
    StoragePresentationContexts,
    build_context,
)
from pynetdicom._globals import MAXIMUM_CONTEXTS
from pynetdicom.presentation import PresentationContext

from ..common.receiving import SYNTAXES

#: How many there are for storage, besides the one for C-GET
MOST = MAXIMUM_CONTEXTS - 1


def storage_contexts(sop_classes: Sequence[str]) -> list[PresentationContext]:
    """Return contexts for some SOP classes, or for the usual ones if there are none given.

    A context has one transfer syntax in the end, which the peer chooses. So the fewer the SOP
    classes are, the more contexts each has: one for each transfer syntax while there is room, and
    the last one for the rest.
    """
    classes = list(dict.fromkeys(sop_classes))[:MOST] or [
        str(context.abstract_syntax) for context in StoragePresentationContexts
    ]
    alone = min(MOST // len(classes), len(SYNTAXES)) - 1
    groups = [*([uid] for uid in SYNTAXES[:alone]), SYNTAXES[alone:]]
    return [build_context(uid, list[str](group)) for uid in classes for group in groups]
