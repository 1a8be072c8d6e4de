"""What an application entity is set to: its name, its limits and its presentation contexts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pynetdicom._config as _config
from pynetdicom._globals import (
    DEFAULT_MAX_LENGTH,
    DEFAULT_TRANSFER_SYNTAXES,
    MAXIMUM_CONTEXTS,
)
from pynetdicom._validators import is_conformant_uid
from pynetdicom._version import IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION
from pynetdicom.limits import Limits
from pynetdicom.presentation import PresentationContext
from pynetdicom.utils import as_ae_title, check_uid, set_ae, shown_uid

if TYPE_CHECKING:
    from pydicom.uid import UID

    from pynetdicom.association import Association

LOGGER = logging.getLogger("pynetdicom.ae")


class Settings:
    """The settings of an :class:`~pynetdicom.ae.ApplicationEntity`, which it inherits."""

    def __init__(self, ae_title: str) -> None:
        self.ae_title = ae_title
        self.limits = Limits()
        self.require_application_context = True
        self._log_patient_data: bool | None = None
        self._implementation_uid: str = IMPLEMENTATION_UID
        self._implementation_version: str | None = PYNETDICOM_IMPLEMENTATION_VERSION
        self._acse_timeout: float | None = 30
        self._dimse_timeout: float | None = 30
        self._network_timeout: float | None = 60
        self._connection_timeout: float | None = None
        self._maximum_associations = 10
        self._concurrent_operations = 1
        self._transient_retries = 0
        self._maximum_pdu_size = DEFAULT_MAX_LENGTH
        self._require_calling_aet: list[str] = []
        self._require_called_aet = False
        self._requested_contexts: list[PresentationContext] = []
        self._supported_contexts: dict[str, PresentationContext] = {}

    @property
    def active_associations(self) -> list[Association]:
        raise NotImplementedError

    # -- who it is ---------------------------------------------------------------------------

    @property
    def ae_title(self) -> str:
        """The AE title: 1 to 16 characters of ASCII, not only spaces."""
        return self._ae_title

    @ae_title.setter
    def ae_title(self, value: str) -> None:
        self._ae_title = as_ae_title(value, "ae_title", allow_empty=False)

    @property
    def implementation_class_uid(self) -> UID:
        """The implementation class UID that is sent to peers (PS3.7 D.3.3.2)."""
        self._implementation_uid = uid = shown_uid(self._implementation_uid)
        return uid

    @implementation_class_uid.setter
    def implementation_class_uid(self, value: str | bytes | UID) -> None:
        uid = check_uid(value, "implementation_class_uid", validate=False)
        if not is_conformant_uid(uid):
            raise ValueError(f"implementation_class_uid {value!r} is no valid UID")
        self._implementation_uid = uid

    @property
    def implementation_version_name(self) -> str | None:
        """The implementation version name that is sent to peers, None for none."""
        return self._implementation_version

    @implementation_version_name.setter
    def implementation_version_name(self, value: str | None) -> None:
        if value is not None and not isinstance(value, str):
            raise TypeError("implementation_version_name must be str or None")
        self._implementation_version = set_ae(
            value, "implementation_version_name", allow_empty=False
        )

    # -- time-outs and limits ----------------------------------------------------------------

    def _set_timeout(
        self, name: str, value: float | None, default: float | None, or_zero: bool = True
    ) -> None:
        """Set a time-out of the AE and of its associations; `default` if it is unusable."""
        if value is not None and not (
            isinstance(value, (int, float)) and (value > 0 or (or_zero and value == 0))
        ):
            LOGGER.warning("%s can't be %r; it is set to %s", name, value, default)
            value = default
        setattr(self, f"_{name}", value)
        for assoc in self.active_associations:
            setattr(assoc, name, value)

    @property
    def acse_timeout(self) -> float | None:
        """Seconds to wait for a peer's part in beginning or ending an association; None: ever."""
        return self._acse_timeout

    @acse_timeout.setter
    def acse_timeout(self, value: float | None) -> None:
        self._set_timeout("acse_timeout", value, 30)

    @property
    def dimse_timeout(self) -> float | None:
        """Seconds to wait for each response to a request; None: for ever."""
        return self._dimse_timeout

    @dimse_timeout.setter
    def dimse_timeout(self, value: float | None) -> None:
        self._set_timeout("dimse_timeout", value, 30)

    @property
    def network_timeout(self) -> float | None:
        """Seconds of silence after which an idle association is ended; None: never."""
        return self._network_timeout

    @network_timeout.setter
    def network_timeout(self, value: float | None) -> None:
        self._set_timeout("network_timeout", value, 60)

    @property
    def connection_timeout(self) -> float | None:
        """Seconds to connect in, the TLS handshake included; None leaves it to the system."""
        return self._connection_timeout

    @connection_timeout.setter
    def connection_timeout(self, value: float | None) -> None:
        # Not to connect at all is no time-out
        self._set_timeout("connection_timeout", value, None, or_zero=False)

    @property
    def maximum_associations(self) -> int:
        """How many associations may be accepted at a time, at least 1."""
        return self._maximum_associations

    @maximum_associations.setter
    def maximum_associations(self, value: int) -> None:
        if not isinstance(value, int) or value < 1:
            LOGGER.warning("maximum_associations can't be %r; it is set to 1", value)
            value = 1
        self._maximum_associations = value

    @property
    def concurrent_operations(self) -> int:
        """How many requests of one association its handlers may serve at the same time.

        One, in the order in which they come, is the default. More are served by so many threads
        if the peer has negotiated asynchronous operations (PS3.7 D.3.3.3). ValueError for less
        than 1.
        """
        return self._concurrent_operations

    @concurrent_operations.setter
    def concurrent_operations(self, value: int) -> None:
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"concurrent_operations must be an int of at least 1, not {value!r}")
        self._concurrent_operations = value

    @property
    def transient_retries(self) -> int:
        """How many times at the most ``associate()`` tries again when a peer is busy, 0 for never.

        That is if it rejects the association transiently (PS3.8 9.3.4, result 2). The pause
        before is half a second at first, doubled each time, and 8 seconds at the most.
        ValueError for less than 0.
        """
        return self._transient_retries

    @transient_retries.setter
    def transient_retries(self, value: int) -> None:
        if not isinstance(value, int) or value < 0:
            raise ValueError(f"transient_retries must be an int of at least 0, not {value!r}")
        self._transient_retries = value

    @property
    def maximum_pdu_size(self) -> int:
        """The longest P-DATA-TF variable field that is announced as acceptor, in bytes; 0: any."""
        return self._maximum_pdu_size

    @maximum_pdu_size.setter
    def maximum_pdu_size(self, value: int) -> None:
        if not isinstance(value, int):
            raise TypeError("maximum_pdu_size must be an int, in bytes")
        if value > 0xFFFFFFFF:
            raise ValueError("maximum_pdu_size must be 0 (no limit) to 4294967295 bytes")
        if value >= 0:
            self._maximum_pdu_size = value
        else:
            LOGGER.warning("maximum_pdu_size can't be negative; it stays %d", self.maximum_pdu_size)

    @property
    def log_patient_data(self) -> bool:
        """Whether the log may show what can be about patients (bool).

        That is identifiers, SOP Instance UIDs, Error Comments and the bytes of data sets; see
        :data:`_config.LOG_PATIENT_DATA<pynetdicom._config.LOG_PATIENT_DATA>`, which counts until
        this is set, and again if it is set to None.
        """
        own = self._log_patient_data
        return _config.LOG_PATIENT_DATA if own is None else own

    @log_patient_data.setter
    def log_patient_data(self, value: bool | None) -> None:
        if value is not None and not isinstance(value, bool):
            raise TypeError(f"log_patient_data must be a bool or None, not {value!r}")
        self._log_patient_data = value

    # -- whom it accepts ---------------------------------------------------------------------

    @property
    def require_calling_aet(self) -> list[str]:
        """The AE titles that may associate with this AE; anybody if empty."""
        return self._require_calling_aet

    @require_calling_aet.setter
    def require_calling_aet(self, titles: Iterable[str]) -> None:
        self._require_calling_aet = [
            as_ae_title(title, "require_calling_aet", allow_empty=False) for title in titles
        ]

    @property
    def require_called_aet(self) -> bool:
        """Whether a peer has to call this AE, or its server, by its AE title."""
        return self._require_called_aet

    @require_called_aet.setter
    def require_called_aet(self, value: bool) -> None:
        self._require_called_aet = bool(value)

    # -- presentation contexts ---------------------------------------------------------------

    @property
    def requested_contexts(self) -> list[PresentationContext]:
        """The presentation contexts that are proposed by default, at most 128."""
        return self._requested_contexts

    @requested_contexts.setter
    def requested_contexts(self, contexts: Sequence[PresentationContext] | None) -> None:
        self._requested_contexts = copies_of(check_contexts(contexts or []))

    def add_requested_context(
        self,
        abstract_syntax: str | UID | PresentationContext,
        transfer_syntax: str | UID | Sequence[str | UID] | None = None,
    ) -> None:
        """Add a presentation context to those that are proposed by default.

        Parameters
        ----------
        abstract_syntax : str, pydicom.uid.UID or presentation.PresentationContext
            Its abstract syntax: the SOP class. Or a context to take a copy of.
        transfer_syntax : str, pydicom.uid.UID or list of them, optional
            Its transfer syntaxes; by default ``DEFAULT_TRANSFER_SYNTAXES``, or those of the
            context given.

        Raises
        ------
        ValueError
            If there are 128 already, or a UID is unusable.
        """
        if len(self._requested_contexts) >= MAXIMUM_CONTEXTS:
            raise ValueError(
                f"An association can propose {MAXIMUM_CONTEXTS} presentation contexts at the most"
            )
        self._requested_contexts.append(_new_context(abstract_syntax, transfer_syntax))

    def remove_requested_context(
        self, abstract_syntax: str | UID, transfer_syntax: str | Sequence[str] | None = None
    ) -> None:
        """Remove presentation contexts from those that are proposed by default.

        Parameters
        ----------
        abstract_syntax : str or pydicom.uid.UID
            The abstract syntax of the contexts.
        transfer_syntax : str or list of str, optional
            The transfer syntaxes to remove from them; all of them by default.
        """
        self._requested_contexts = [
            context
            for context in self._requested_contexts
            if context._abstract_syntax != abstract_syntax or _left_over(context, transfer_syntax)
        ]

    @property
    def supported_contexts(self) -> list[PresentationContext]:
        """The presentation contexts that are accepted by default, by abstract syntax."""
        return [self._supported_contexts[uid] for uid in sorted(self._supported_contexts)]

    @supported_contexts.setter
    def supported_contexts(self, contexts: Iterable[PresentationContext]) -> None:
        contexts = list(contexts)
        for context in contexts:
            if not isinstance(context, PresentationContext):
                raise ValueError("supported_contexts must be a list of PresentationContext")
        self._supported_contexts = {}
        for context in contexts:
            self._support(_copy_of(context))

    def add_supported_context(
        self,
        abstract_syntax: str | UID | PresentationContext,
        transfer_syntax: str | UID | Sequence[str | UID] | None = None,
        scu_role: bool | None = None,
        scp_role: bool | None = None,
    ) -> None:
        """Add a presentation context to those that are accepted by default.

        There is one for each abstract syntax: a second call adds transfer syntaxes to it and
        sets its roles.

        Parameters
        ----------
        abstract_syntax : str, pydicom.uid.UID or presentation.PresentationContext
            Its abstract syntax: the SOP class. Or a context to take a copy of.
        transfer_syntax : str, pydicom.uid.UID or list of them, optional
            Its transfer syntaxes, the preferred one first; by default
            ``DEFAULT_TRANSFER_SYNTAXES``, or those of the context given.
        scu_role, scp_role : bool or None, optional
            Whether a requestor that asks for the role of SCU, or SCP, gets it. None for both
            leaves role selection unanswered, so that the requestor is SCU, or as it is in the
            context given.

        Raises
        ------
        ValueError
            If a UID is unusable.
        TypeError
            If a role is not bool or None.
        """
        for role in (scu_role, scp_role):
            if role is not None and not isinstance(role, bool):
                raise TypeError("scu_role and scp_role must be bool or None")
        context = _new_context(abstract_syntax, transfer_syntax)
        if scu_role is not None or scp_role is not None:
            context.scu_role, context.scp_role = scu_role, scp_role
        self._support(context)

    def _support(self, context: PresentationContext) -> None:
        """Add a supported context, or what is new in it to the one that is there."""
        uid = context._abstract_syntax or ""
        known = self._supported_contexts.setdefault(uid, context)
        if known is not context:
            for syntax in context._transfer_syntax:
                known.add_transfer_syntax(syntax)
            known.scu_role, known.scp_role = context.scu_role, context.scp_role

    def remove_supported_context(
        self, abstract_syntax: str | UID, transfer_syntax: str | Sequence[str] | None = None
    ) -> None:
        """Remove a presentation context from those that are accepted by default.

        Parameters
        ----------
        abstract_syntax : str or pydicom.uid.UID
            Its abstract syntax.
        transfer_syntax : str or list of str, optional
            The transfer syntaxes to remove from it; all of them by default.
        """
        uid = check_uid(abstract_syntax, "abstract_syntax", validate=False)
        context = self._supported_contexts.get(uid)
        if context is not None and not _left_over(context, transfer_syntax):
            del self._supported_contexts[uid]


def _new_context(
    abstract_syntax: str | UID | PresentationContext,
    transfer_syntax: str | UID | Sequence[str | UID] | None,
) -> PresentationContext:
    """Return a context made of an abstract syntax and transfer syntaxes, or of another one."""
    if isinstance(abstract_syntax, PresentationContext):
        context = _copy_of(abstract_syntax)
        if transfer_syntax is None:
            return context
    elif isinstance(abstract_syntax, str):
        context = PresentationContext()
        context.abstract_syntax = abstract_syntax
    else:
        raise TypeError(
            f"abstract_syntax must be a UID as str or a PresentationContext, not "
            f"{abstract_syntax!r}"
        )
    if transfer_syntax is None:
        transfer_syntax = DEFAULT_TRANSFER_SYNTAXES
    elif isinstance(transfer_syntax, str):
        transfer_syntax = [transfer_syntax]
    context.transfer_syntax = list(transfer_syntax)
    return context


def _copy_of(context: PresentationContext) -> PresentationContext:
    """Return a context with the same syntaxes and roles and no ID."""
    copy = PresentationContext._from_wire(None, context._abstract_syntax, context._transfer_syntax)
    copy.scu_role, copy.scp_role = context.scu_role, context.scp_role
    return copy


def check_contexts(contexts: Sequence[PresentationContext]) -> Sequence[PresentationContext]:
    """Return contexts that are to be proposed; ValueError for anything else."""
    if not isinstance(contexts, (list, tuple)):
        raise ValueError("the contexts must be a list of PresentationContext")
    if len(contexts) > MAXIMUM_CONTEXTS:
        raise ValueError(
            f"An association can propose {MAXIMUM_CONTEXTS} presentation contexts at the most, "
            f"not {len(contexts)}"
        )
    for context in contexts:
        if not isinstance(context, PresentationContext):
            raise ValueError(f"{context!r} is no PresentationContext")
    return contexts


def copies_of(contexts: Iterable[PresentationContext]) -> list[PresentationContext]:
    """Return contexts with the same syntaxes and roles and no IDs."""
    return [_copy_of(context) for context in contexts]


def _left_over(context: PresentationContext, transfer_syntax: str | Sequence[str] | None) -> bool:
    """Remove transfer syntaxes from a context, all if None; return whether any is left."""
    if transfer_syntax is None:
        return False
    unwanted = [transfer_syntax] if isinstance(transfer_syntax, str) else transfer_syntax
    context.transfer_syntax = [ts for ts in context._transfer_syntax if ts not in unwanted]
    return bool(context._transfer_syntax)
