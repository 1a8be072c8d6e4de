"""The service primitives of the upper layer (PS3.8 7) and of its negotiation (PS3.7 Annex D).

Primitives are what the service user and the upper layer hand each other. What a user assigns is
checked; what comes from a peer is kept as it came, without padding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pynetdicom._globals import DEFAULT_MAX_LENGTH
from pynetdicom._wire import (
    Field,
    Structure,
    UIDField,
    UIDListField,
    ae_title,
    instance_of,
    integer,
    list_field,
    one_of,
    optional,
    version_name,
)
from pynetdicom.utils import make_uid, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydicom.uid import UID

    from pynetdicom.presentation import PresentationContext

NO_VALUE = "(no value available)"

# PS3.8 Table 9-21: the result of an association request, who decided, and why
REJECTED_TRANSIENT = 2
RESULTS = {0: "Accepted", 1: "Rejected Permanent", REJECTED_TRANSIENT: "Rejected Transient"}
RESULT_SOURCES = {
    1: "Service User",
    2: "Service Provider (ACSE)",
    3: "Service Provider (Presentation)",
}
DIAGNOSTICS = {
    (1, 1): "No reason given",
    (1, 2): "Application context name not supported",
    (1, 3): "Calling AE title not recognised",
    (1, 7): "Called AE title not recognised",
    (2, 1): "No reason given",
    (2, 2): "Protocol version not supported",
    (3, 1): "Temporary congestion",
    (3, 2): "Local limit exceeded",
}

# PS3.8 Table 9-26: who aborted, and why if it was the service provider
ABORT_SOURCES = {0: "Service user", 2: "Service provider"}
ABORT_REASONS = {
    0: "Reason not specified",
    1: "Unrecognised PDU",
    2: "Unexpected PDU",
    4: "Unrecognised PDU parameter",
    5: "Unexpected PDU parameter",
    6: "Invalid PDU parameter value",
}

# PS3.7 Table D.3-14
USER_IDENTITY_TYPES = {
    1: "Username",
    2: "Username and passcode",
    3: "Kerberos service ticket",
    4: "SAML assertion",
    5: "JSON web token",
}

_ItemT = TypeVar("_ItemT", bound="ServiceParameter")


def meaning(texts: Mapping[Any, str], value: int | None, key: Any = None) -> str:
    """Return `value` in words out of one of the tables above, where `key` is if not `value`."""
    if value is None:
        return NO_VALUE
    return texts.get(value if key is None else key, f"Unknown ({value})")


def describe_uid(uid: str | None) -> str:
    """Return the name of a UID, or the UID itself if it has none, for the log."""
    if uid is None:
        return "(none)"
    name = make_uid(uid).name
    return safe_text(uid) if name == uid else name


# Negotiation items of the user information (PS3.7 Annex D.3.3, PS3.8 Annex D) ----------------


class ServiceParameter(Structure):
    """Base of the negotiation items, which are equal if their content is."""

    # The sub-items that carry it in a request and in a response, which only user identity has
    # two of. `pdu_items` enters them, because it is above this module.
    _item_classes: ClassVar[tuple[type[Any], ...]] = ()

    @property
    def _is_response(self) -> bool:
        return False

    def from_primitive(self) -> Any:
        """Return the sub-item that carries this in a PDU, see :mod:`pynetdicom.pdu_items`.

        Raises
        ------
        ValueError
            A mandatory value is missing.
        """
        item = self._item_classes[-1 if self._is_response else 0]()
        item.from_primitive(self)
        return item


class MaximumLengthNotification(ServiceParameter):
    """The largest P-DATA-TF PDU that the sender wants to receive (PS3.8 D.1).

    Attributes
    ----------
    maximum_length_received : int
        Bytes, without the PDU's first six; 0 for no limit. ValueError below 0 and above
        2**32 - 1, TypeError for anything but int.
    """

    maximum_length_received = Field(DEFAULT_MAX_LENGTH, integer(0, 2**32 - 1))

    def __str__(self) -> str:
        return f"Maximum length: {self.maximum_length_received or 'unlimited'}"


class ImplementationClassUIDNotification(ServiceParameter):
    """What identifies the sender's implementation (PS3.7 D.3.3.2).

    Attributes
    ----------
    implementation_class_uid : pydicom.uid.UID or None
        Also takes str and bytes. ValueError for an unusable UID, TypeError for another type.
    """

    implementation_class_uid = UIDField()

    def __str__(self) -> str:
        return f"Implementation class UID: {describe_uid(self.implementation_class_uid)}"


class ImplementationVersionNameNotification(ServiceParameter):
    """The name of the version of the sender's implementation (PS3.7 D.3.3.2).

    Attributes
    ----------
    implementation_version_name : str or None
        1 to 16 characters of ISO 646, otherwise ValueError; TypeError for another type.
    """

    implementation_version_name = Field(None, optional(version_name))

    def __str__(self) -> str:
        name = self.implementation_version_name
        return f"Implementation version name: {'(none)' if name is None else safe_text(name)}"


class AsynchronousOperationsWindowNegotiation(ServiceParameter):
    """How many operations may be outstanding (PS3.7 D.3.3.3); 0 means no limit.

    Attributes
    ----------
    maximum_number_operations_invoked : int
        Operations the sender may have outstanding, 0 to 65535 (ValueError, TypeError).
    maximum_number_operations_performed : int
        Operations it performs at a time, 0 to 65535 (ValueError, TypeError).
    """

    maximum_number_operations_invoked = Field(1, integer(0, 65535))
    maximum_number_operations_performed = Field(1, integer(0, 65535))

    def __str__(self) -> str:
        return (
            f"Asynchronous operations window: {self.maximum_number_operations_invoked} invoked, "
            f"{self.maximum_number_operations_performed} performed"
        )


class SCP_SCU_RoleSelectionNegotiation(ServiceParameter):
    """The roles of the association requestor for a SOP class (PS3.7 D.3.3.4).

    Attributes
    ----------
    sop_class_uid : pydicom.uid.UID or None
        Also takes str and bytes. ValueError for an unusable UID, TypeError for another type.
    scu_role, scp_role : bool or None
        Whether the requestor may be SCU, and SCP; None counts as False. TypeError for another
        type. One of them must be True for the item to be sent.
    """

    sop_class_uid = UIDField()
    scu_role = Field(None, optional(instance_of(bool)))
    scp_role = Field(None, optional(instance_of(bool)))

    def __str__(self) -> str:
        roles = [name for name, role in (("SCU", self.scu_role), ("SCP", self.scp_role)) if role]
        return (
            f"Role selection: {describe_uid(self.sop_class_uid)}, "
            f"requestor is {' and '.join(roles) or 'neither SCU nor SCP'}"
        )


class SOPClassExtendedNegotiation(ServiceParameter):
    """What a service class wants to have negotiated for a SOP class (PS3.7 D.3.3.5).

    Attributes
    ----------
    sop_class_uid : pydicom.uid.UID or None
        Also takes str and bytes. ValueError for an unusable UID, TypeError for another type.
    service_class_application_information : bytes or None
        As the service class defines it in PS3.4. TypeError for another type.
    """

    sop_class_uid = UIDField()
    service_class_application_information = Field(None, optional(instance_of(bytes)))

    def __str__(self) -> str:
        information = self.service_class_application_information or b""
        shown = information[:16].hex(" ") + (" ..." if len(information) > 16 else "")
        return (
            f"SOP class extended negotiation: {describe_uid(self.sop_class_uid)}, "
            f"{shown or 'no information'}"
        )


class SOPClassCommonExtendedNegotiation(ServiceParameter):
    """Which service class a SOP class belongs to, and what it resembles (PS3.7 D.3.3.6).

    Attributes
    ----------
    sop_class_uid, service_class_uid : pydicom.uid.UID or None
        Also take str and bytes. ValueError for an unusable UID, TypeError for another type.
    related_general_sop_class_identification : list of pydicom.uid.UID
        The SOP classes that the SOP class is a specialisation of. ValueError for an unusable
        UID, TypeError for anything but a list or tuple of UIDs.
    """

    sop_class_uid = UIDField()
    service_class_uid = UIDField()
    related_general_sop_class_identification = UIDListField()

    def __str__(self) -> str:
        related = ", ".join(map(describe_uid, self.related_general_sop_class_identification))
        return (
            f"SOP class common extended negotiation: {describe_uid(self.sop_class_uid)}, "
            f"service class {describe_uid(self.service_class_uid)}, "
            f"related general SOP classes: {related or '(none)'}"
        )


class UserIdentityNegotiation(ServiceParameter):
    """Who the user is, or the acceptor's response to that (PS3.7 D.3.3.7).

    It is a response if `server_response` has a value.

    Attributes
    ----------
    user_identity_type : int or None
        1 username, 2 username and passcode, 3 Kerberos service ticket, 4 SAML assertion,
        5 JSON web token; otherwise ValueError. TypeError for another type.
    positive_response_requested : bool
        Whether the acceptor shall respond if it accepts the user. TypeError for another type.
    primary_field : bytes or None
        The username in UTF-8, ticket, assertion or token. TypeError for another type.
    secondary_field : bytes
        The passcode in UTF-8 for type 2, else empty. TypeError for another type.
    server_response : bytes or None
        The acceptor's Kerberos server ticket, SAML response or JSON web token, empty for the
        other types. TypeError for another type.
    """

    user_identity_type = Field(None, optional(integer(1, 5)))
    positive_response_requested = Field(False, instance_of(bool))
    primary_field = Field(None, optional(instance_of(bytes)))
    secondary_field = Field(b"", instance_of(bytes))
    server_response = Field(None, optional(instance_of(bytes)))

    @property
    def _is_response(self) -> bool:
        return self.server_response is not None

    def __str__(self) -> str:
        # Of all that may be in here only the name of the user is no secret
        if self._is_response:
            return "User identity: response of the server (not shown)"
        kind = self.user_identity_type
        shown = f"'{safe_text(self.primary_field or b'')}'" if kind in {1, 2} else "not shown"
        asked = "requested" if self.positive_response_requested else "not requested"
        return (
            f"User identity: {meaning(USER_IDENTITY_TYPES, kind)} ({shown}), "
            f"positive response {asked}"
        )


# A-ASSOCIATE, A-RELEASE, A-ABORT, A-P-ABORT and P-DATA (PS3.8 7) -----------------------------


def _unchecked(value: Any, name: str) -> Any:
    """Accept anything."""
    return value


def _context(value: Any, name: str) -> PresentationContext:
    """Check a presentation context by its looks: its class is above this module."""
    if not hasattr(value, "transfer_syntax"):
        raise TypeError(
            f"'{name}' must be a list of PresentationContext, not of '{type(value).__name__}'"
        )
    context: PresentationContext = value
    return context


class A_ASSOCIATE(Structure):
    """Request, indication, response or confirmation of an association (PS3.8 7.1.1).

    Setting a value that is out of range raises ValueError, one of a wrong type TypeError.

    Attributes
    ----------
    application_context_name : pydicom.uid.UID or None
        Also takes str and bytes.
    calling_ae_title, called_ae_title : str
        The AE titles of requestor and acceptor, 1 to 16 characters of ISO 646.
    calling_presentation_address, called_presentation_address : object
        The TCP/IP addresses of requestor and acceptor, which are not part of the PDU.
    user_information : list of ServiceParameter
        The negotiation items.
    result : int or None
        None in a request, 0 accepted, 1 rejected permanent, 2 rejected transient.
    result_source : int or None
        1 service user, 2 service provider (ACSE), 3 service provider (presentation).
    diagnostic : int or None
        Why it was rejected: 1, 2, 3 or 7, see PS3.8 Table 9-21.
    presentation_context_definition_list : list of PresentationContext
        What the requestor proposes.
    presentation_context_definition_results_list : list of PresentationContext
        What the acceptor answers.
    """

    application_context_name = UIDField()
    calling_ae_title = Field("DEFAULT", ae_title)
    called_ae_title = Field("DEFAULT", ae_title)
    calling_presentation_address = Field[Any](None, _unchecked)
    called_presentation_address = Field[Any](None, _unchecked)
    user_information = list_field(instance_of(ServiceParameter))
    result = Field(None, one_of(None, 0, 1, 2))
    result_source = Field(None, one_of(None, 1, 2, 3))
    diagnostic = Field(None, one_of(None, 1, 2, 3, 7))
    presentation_context_definition_list = list_field(_context)
    presentation_context_definition_results_list = list_field(_context)

    @property
    def mode(self) -> str:
        """Return ``"normal"``."""
        return "normal"

    @property
    def session_requirements(self) -> str:
        """Return an empty str."""
        return ""

    @property
    def presentation_requirements(self) -> str:
        """Return ``"Presentation Kernel"``."""
        return "Presentation Kernel"

    @property
    def responding_ae_title(self) -> str:
        """Return the AE title of the acceptor, which is the called one."""
        return self.called_ae_title

    @property
    def responding_presentation_address(self) -> Any:
        """Return the address of the acceptor, which is the called one."""
        return self.called_presentation_address

    @property
    def maximum_length_received(self) -> int | None:
        """Get or set the maximum length item of the user information, None if there is none."""
        item = self._item(MaximumLengthNotification)
        return None if item is None else item.maximum_length_received

    @maximum_length_received.setter
    def maximum_length_received(self, value: int) -> None:
        item = MaximumLengthNotification()
        item.maximum_length_received = value
        self._replace_item(item)

    @property
    def implementation_class_uid(self) -> UID | None:
        """Get or set the implementation class UID item of the user information.

        Raises
        ------
        ValueError
            There is none.
        """
        item = self._item(ImplementationClassUIDNotification)
        if item is None:
            raise ValueError("The user information has no implementation class UID")
        return item.implementation_class_uid

    @implementation_class_uid.setter
    def implementation_class_uid(self, value: str | bytes) -> None:
        item = ImplementationClassUIDNotification()
        item.implementation_class_uid = value
        self._replace_item(item)

    def response(self, **values: Any) -> A_ASSOCIATE:
        """Return a new primitive with what a response repeats of a request.

        That are the AE titles and addresses, whether acceptable or not (PS3.8 9.3.3). `values`
        are further ones, which need no check.
        """
        primitive = A_ASSOCIATE._with(**values)
        for name in (
            "calling_ae_title",
            "called_ae_title",
            "calling_presentation_address",
            "called_presentation_address",
        ):
            primitive.__dict__[name] = self.__dict__[name]
        return primitive

    def _item(self, item_class: type[_ItemT]) -> _ItemT | None:
        """Return the first negotiation item of a class."""
        return next((i for i in self.user_information if isinstance(i, item_class)), None)

    def _replace_item(self, item: ServiceParameter) -> None:
        """Put `item` in the place of those of its class."""
        others = [i for i in self.user_information if type(i) is not type(item)]
        self.user_information = [*others, item]

    @property
    def result_str(self) -> str:
        """Return the result in words."""
        return meaning(RESULTS, self.result)

    @property
    def source_str(self) -> str:
        """Return the result source in words."""
        return meaning(RESULT_SOURCES, self.result_source)

    @property
    def reason_str(self) -> str:
        """Return the diagnostic in words."""
        return meaning(DIAGNOSTICS, self.diagnostic, (self.result_source, self.diagnostic))


class A_RELEASE(Structure):
    """Request, indication, response or confirmation of a release (PS3.8 7.2.1).

    Attributes
    ----------
    result : str or None
        None in a request, ``"affirmative"`` in a response; otherwise ValueError.
    """

    result = Field(None, one_of(None, "affirmative"))

    @property
    def reason(self) -> str:
        """Return ``"normal"``."""
        return "normal"


class _MandatoryNumber(Field["int | None"]):
    """One of a few numbers, which cannot be read before it was set."""

    def __init__(self, *allowed: int) -> None:
        super().__init__(None, one_of(*allowed))

    def __get__(self, obj: Any, owner: type) -> Any:
        value = super().__get__(obj, owner)
        if value is None:
            raise ValueError(f"No value has been set for '{self.name}'")
        return value


class A_ABORT(Structure):
    """Request or indication of an abort by a service user (PS3.8 7.3.1).

    Attributes
    ----------
    abort_source : int
        0 service user, 2 service provider; otherwise ValueError, also if read before it is set.
    """

    abort_source = _MandatoryNumber(0, 2)


class A_P_ABORT(Structure):
    """Indication of an abort by the service provider (PS3.8 7.4.1).

    Attributes
    ----------
    provider_reason : int
        0, 1, 2, 4, 5 or 6, see PS3.8 Table 9-26; otherwise ValueError, also if read before it
        is set.
    """

    provider_reason = _MandatoryNumber(*ABORT_REASONS)


class P_DATA:
    """Fragments of DIMSE messages (PS3.8 7.6).

    Attributes
    ----------
    pdvs : list of (int, int, bytes or memoryview)
        For each fragment the presentation context ID, the message control header and the data.
        Views of received data are valid until more is received.
    """

    def __init__(self) -> None:
        self.pdvs: list[tuple[int, int, bytes | memoryview]] = []

    @property
    def presentation_data_value_list(self) -> list[list[int | bytes]]:
        """Get a copy of the fragments, or set them.

        It is a list of ``[context ID, data]``, with data that begins with the message control
        header. Anything else raises TypeError, data without that byte ValueError.
        """
        return [[context_id, bytes((header,)) + data] for context_id, header, data in self.pdvs]

    @presentation_data_value_list.setter
    def presentation_data_value_list(self, value: Iterable[Iterable[Any]]) -> None:
        self.pdvs = [_pdv(*pair) for pair in value]

    def __eq__(self, other: object) -> bool:
        return self.pdvs == other.pdvs if isinstance(other, P_DATA) else NotImplemented

    # What can be changed has no lasting hash
    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return "\n".join(["P-DATA", *(f"  {describe_pdv(*pdv)}" for pdv in self.pdvs)])


def _pdv(context_id: Any, data: Any) -> tuple[int, int, bytes]:
    """Return a fragment in the form that P_DATA keeps."""
    name = "presentation_data_value_list"
    context_id = integer(0, 255)(context_id, name)
    data = instance_of(bytes)(data, name)
    if not data:
        raise ValueError(f"The data in '{name}' must begin with the message control header")
    return context_id, data[0], data[1:]


def describe_pdv(context_id: int, header: int, data: bytes | memoryview) -> str:
    """Return one line on a fragment for the log; the header is that of PS3.8 E.2."""
    kind = "command" if header & 1 else "data set"
    place = "last" if header & 2 else "not the last"
    return (
        f"Presentation data value: context {context_id}, {kind}, {place} fragment, "
        f"{len(data)} bytes"
    )
