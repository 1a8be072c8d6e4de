"""The two users of an association's service: who requested it and who accepts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pynetdicom._globals import DEFAULT_MAX_LENGTH, MODE_ACCEPTOR, MODE_REQUESTOR
from pynetdicom._memo import Deferred
from pynetdicom._version import IMPLEMENTATION_UID
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import PresentationContext
from pynetdicom.utils import as_ae_title, check_uid, set_ae, shown_uid

if TYPE_CHECKING:
    from pydicom.uid import UID

    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.association import Association
    from pynetdicom.transport import AddressInformation

NegotiationItem = (
    AsynchronousOperationsWindowNegotiation
    | SCP_SCU_RoleSelectionNegotiation
    | SOPClassCommonExtendedNegotiation
    | SOPClassExtendedNegotiation
    | UserIdentityNegotiation
)
_EXTENDED = (
    AsynchronousOperationsWindowNegotiation,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
# At most one of each may be proposed; of the others, one for each SOP class
_SINGLE = (AsynchronousOperationsWindowNegotiation, UserIdentityNegotiation)

T = TypeVar("T")


class ServiceUser:
    """The requestor or the acceptor of an association, as one of its two sides sees it.

    What it proposes can be changed until negotiation begins; from then on it is what was
    received or sent in :attr:`primitive`.

    Parameters
    ----------
    assoc : association.Association
        The association that it uses.
    mode : str
        ``"requestor"`` or ``"acceptor"``.

    Attributes
    ----------
    assoc : association.Association
        The association.
    address_info : transport.AddressInformation or None
        Its end of the connection.
    primitive : pdu_primitives.A_ASSOCIATE or None
        Its part in the negotiation: the request or the response (PS3.8 7.1.1).
    """

    def __init__(self, assoc: Association, mode: str) -> None:
        mode = mode.lower()
        if mode not in (MODE_REQUESTOR, MODE_ACCEPTOR):
            raise ValueError(f"mode is {mode!r}, it must be 'requestor' or 'acceptor'")
        self.assoc = assoc
        self._mode = mode
        self.primitive: A_ASSOCIATE | None = None
        self.address_info: AddressInformation | None = None
        self._ae_title = ""
        self._maximum_length = DEFAULT_MAX_LENGTH
        self._implementation_class_uid: str = IMPLEMENTATION_UID
        self._implementation_version_name: str | None = None
        self._extended: list[NegotiationItem] = []
        self._contexts: list[PresentationContext] | Deferred[list[PresentationContext]] = []
        # {SOP class: (service class, [related general SOP classes])}, what was agreed
        self._common_extended: dict[UID, tuple[UID, list[UID]]] = {}

    # -- who it is ---------------------------------------------------------------------------

    @property
    def mode(self) -> str:
        """``"requestor"`` or ``"acceptor"``."""
        return self._mode

    @property
    def is_requestor(self) -> bool:
        """True if it asked for the association."""
        return self._mode == MODE_REQUESTOR

    @property
    def is_acceptor(self) -> bool:
        """True if it was asked for the association."""
        return self._mode == MODE_ACCEPTOR

    @property
    def _is_local(self) -> bool:
        return self._mode == self.assoc.mode

    @property
    def address(self) -> str:
        """The IP address; ValueError while it is not known."""
        if self.address_info is None:
            raise ValueError(f"the address of the {self._mode} is not known yet")
        return self.address_info.address

    @property
    def port(self) -> int:
        """The TCP port; ValueError while it is not known."""
        if self.address_info is None:
            raise ValueError(f"the port of the {self._mode} is not known yet")
        return self.address_info.port

    @property
    def ae_title(self) -> str:
        """The AE title without padding; settable until negotiation begins."""
        return self._ae_title

    @ae_title.setter
    def ae_title(self, value: str) -> None:
        self._check_writeable()
        self._ae_title = as_ae_title(value, "ae_title", allow_empty=False)

    @property
    def info(self) -> dict[str, Any]:
        """The AE title, address, port and mode, after negotiation also the PDV size, as a dict."""
        where = self.address_info
        info: dict[str, Any] = {
            "ae_title": self._ae_title,
            "address": where.address if where else None,
            "port": where.port if where else None,
            "mode": self._mode,
        }
        if not self.writeable:
            info["pdv_size"] = self.maximum_length
        return info

    def _introduce(self, ae: ApplicationEntity, ae_title: str) -> None:
        """Take what an AE says of itself, which has been checked when it was set."""
        self._ae_title = ae_title
        self._implementation_class_uid = ae._implementation_uid
        self._implementation_version_name = ae.implementation_version_name

    # -- what it proposes, or has proposed ---------------------------------------------------

    @property
    def writeable(self) -> bool:
        """True until negotiation begins."""
        return self.primitive is None

    def _check_writeable(self) -> None:
        if not self.writeable:
            raise RuntimeError(
                f"the {self._mode}'s proposal can't be changed after negotiation has started"
            )

    @property
    def user_information(self) -> list[Any]:
        """The items of the user information (PS3.7 D.3.3), as they are or will be on the wire."""
        if self.primitive is not None:
            return list(self.primitive.user_information)
        uid, version = self._implementation_class_uid, self._implementation_version_name
        items: list[Any] = [  # of what was checked when it was set
            MaximumLengthNotification._with(maximum_length_received=self._maximum_length),
            ImplementationClassUIDNotification._with(implementation_class_uid=uid),
        ]
        if version is not None:
            items.append(
                ImplementationVersionNameNotification._with(implementation_version_name=version)
            )
        return items + self._extended

    def _items(self, kind: type[T]) -> list[T]:
        """Return the items of user information that are of one kind."""
        source: list[Any] = (
            self._extended if self.primitive is None else self.primitive.user_information
        )
        return [item for item in source if isinstance(item, kind)]

    def _item(self, kind: type[T]) -> T | None:
        source = self._extended if self.primitive is None else self.primitive.user_information
        for item in source:
            if isinstance(item, kind):
                return item
        return None

    @property
    def maximum_length(self) -> int:
        """The longest P-DATA-TF variable field it takes, in bytes; 0 means no limit (D.3.3.1)."""
        if self.primitive is None:
            return self._maximum_length
        item = self._item(MaximumLengthNotification)
        return item.maximum_length_received if item else 0

    @maximum_length.setter
    def maximum_length(self, value: int) -> None:
        self._check_writeable()
        if not isinstance(value, int):
            raise TypeError("maximum_length must be an int, in bytes")
        if not 0 <= value <= 0xFFFFFFFF:
            raise ValueError("maximum_length must be 0 (no limit) to 4294967295 bytes")
        self._maximum_length = value

    @property
    def implementation_class_uid(self) -> UID | None:
        """The implementation class UID (PS3.7 D.3.3.2)."""
        if self.primitive is None:
            self._implementation_class_uid = uid = shown_uid(self._implementation_class_uid)
            return uid
        item = self._item(ImplementationClassUIDNotification)
        return item.implementation_class_uid if item else None

    @implementation_class_uid.setter
    def implementation_class_uid(self, value: str | bytes | UID) -> None:
        self._check_writeable()
        self._implementation_class_uid = check_uid(
            value, "implementation_class_uid", allow_empty=False
        )

    @property
    def implementation_version_name(self) -> str | None:
        """The implementation version name (PS3.7 D.3.3.2), or None for none."""
        if self.primitive is None:
            return self._implementation_version_name
        item = self._item(ImplementationVersionNameNotification)
        return item.implementation_version_name if item else None

    @implementation_version_name.setter
    def implementation_version_name(self, value: str | None) -> None:
        self._check_writeable()
        self._implementation_version_name = set_ae(
            value, "implementation_version_name", allow_empty=False
        )

    # -- extended negotiation ----------------------------------------------------------------

    def add_negotiation_item(self, item: NegotiationItem) -> None:
        """Add an item to what is proposed.

        Parameters
        ----------
        item : pdu_primitives.ServiceParameter
            Role selection, SOP class (common) extended negotiation, asynchronous operations
            window or user identity. A second one of the last two replaces the first.

        Raises
        ------
        RuntimeError
            If negotiation has started.
        TypeError
            If it is none of these.
        """
        self._check_writeable()
        if not isinstance(item, _EXTENDED):
            raise TypeError(
                f"{type(item).__name__} is no item of extended negotiation; use one of "
                + ", ".join(kind.__name__ for kind in _EXTENDED)
            )
        if isinstance(item, _SINGLE):
            self._extended = [i for i in self._extended if type(i) is not type(item)]
        self._extended.append(item)

    def remove_negotiation_item(self, item: NegotiationItem) -> None:
        """Take an item out of what is proposed; nothing happens if it is not there.

        Raises
        ------
        RuntimeError
            If negotiation has started.
        TypeError
            If it is no item of extended negotiation.
        """
        self._check_writeable()
        if not isinstance(item, _EXTENDED):
            raise TypeError(f"{type(item).__name__} is no item of extended negotiation")
        if item in self._extended:
            self._extended.remove(item)

    def reset_negotiation_items(self) -> None:
        """Propose no extended negotiation; RuntimeError if negotiation has started."""
        self._check_writeable()
        self._extended = []

    @property
    def extended_negotiation(self) -> list[NegotiationItem]:
        """All items of extended negotiation."""
        if self.primitive is None:
            return list(self._extended)
        return [i for i in self.primitive.user_information if isinstance(i, _EXTENDED)]

    @property
    def asynchronous_operations(self) -> tuple[int, int]:
        """Operations that it may have invoked and performed at once; 0 is no limit (D.3.3.3)."""
        item = self._item(AsynchronousOperationsWindowNegotiation)
        if item is None:
            return 1, 1
        return item.maximum_number_operations_invoked, item.maximum_number_operations_performed

    @property
    def role_selection(self) -> dict[UID, SCP_SCU_RoleSelectionNegotiation]:
        """The role selection items by SOP class (PS3.7 D.3.3.4)."""
        return {
            item.sop_class_uid: item
            for item in self._items(SCP_SCU_RoleSelectionNegotiation)
            if item.sop_class_uid is not None
        }

    @property
    def sop_class_extended(self) -> dict[UID, bytes]:
        """The service class application information by SOP class (PS3.7 D.3.3.5)."""
        return {
            item.sop_class_uid: item.service_class_application_information or b""
            for item in self._items(SOPClassExtendedNegotiation)
            if item.sop_class_uid is not None
        }

    @property
    def sop_class_common_extended(self) -> dict[UID, SOPClassCommonExtendedNegotiation]:
        """The common extended negotiation items by SOP class (PS3.7 D.3.3.6)."""
        if self.is_acceptor:
            return {}  # only a requestor proposes them
        return {
            item.sop_class_uid: item
            for item in self._items(SOPClassCommonExtendedNegotiation)
            if item.sop_class_uid is not None
        }

    @property
    def accepted_common_extended(self) -> dict[UID, tuple[UID, list[UID]]]:
        """What the acceptor took of the proposed common extended negotiation.

        ``{SOP class UID: (service class UID, [related general SOP class UIDs])}``;
        RuntimeError for a requestor.
        """
        if self.is_requestor:
            raise RuntimeError("only an acceptor accepts common extended negotiation")
        return self._common_extended

    @property
    def user_identity(self) -> UserIdentityNegotiation | None:
        """The user identity item (PS3.7 D.3.3.7), or None."""
        return self._item(UserIdentityNegotiation)

    # -- presentation contexts ---------------------------------------------------------------

    def get_contexts(self, cx_type: str) -> list[PresentationContext]:
        """Return one of the lists of presentation contexts.

        Parameters
        ----------
        cx_type : str
            ``"requested"`` (a local requestor's wishes), ``"supported"`` (a local acceptor's
            abilities), ``"pcdl"`` or ``"pcdrl"``: the definition list of a request or the
            definition result list of a response (PS3.8 7.1.1.13, 7.1.1.14).

        Raises
        ------
        ValueError
            If this service user has no such list.
        """
        own = "requested" if self.is_requestor else "supported"
        wire = "pcdl" if self.is_requestor else "pcdrl"
        if cx_type == own and self._is_local:
            if isinstance(self._contexts, Deferred):
                self._contexts = self._contexts.make()
            return self._contexts
        if cx_type != wire:
            raise ValueError(f"no list {cx_type!r} of contexts for this {self._mode}")
        if self.primitive is None:
            return []
        if self.is_requestor:
            return self.primitive.presentation_context_definition_list
        return self.primitive.presentation_context_definition_results_list

    def _proposed(self) -> Deferred[list[PresentationContext]] | list[PresentationContext]:
        """Return what this requestor proposes, or has proposed; deferred if nobody has looked."""
        if self._is_local:
            return self._contexts
        if self.primitive is None:
            return []
        name = "presentation_context_definition_list"
        return self.primitive._deferred(name) or self.requested_contexts

    def _set_contexts(self, contexts: list[PresentationContext]) -> None:
        if not self._is_local:
            raise AttributeError(f"the contexts of the {self._mode} are set by the peer")
        self._check_writeable()
        self._contexts = contexts

    @property
    def requested_contexts(self) -> list[PresentationContext]:
        """The contexts that a requestor proposes; ValueError for an acceptor."""
        if self.is_acceptor:
            raise ValueError("an acceptor has no requested contexts")
        return self.get_contexts("requested" if self._is_local else "pcdl")

    @requested_contexts.setter
    def requested_contexts(self, contexts: list[PresentationContext]) -> None:
        if self.is_acceptor:
            raise AttributeError("an acceptor has no requested contexts")
        self._set_contexts(contexts)

    @property
    def supported_contexts(self) -> list[PresentationContext]:
        """The contexts that an acceptor supports, or answered with; ValueError for a requestor."""
        if self.is_requestor:
            raise ValueError("a requestor has no supported contexts")
        return self.get_contexts("supported" if self._is_local else "pcdrl")

    @supported_contexts.setter
    def supported_contexts(self, contexts: list[PresentationContext]) -> None:
        if self.is_requestor:
            raise AttributeError("a requestor has no supported contexts")
        self._set_contexts(contexts)
