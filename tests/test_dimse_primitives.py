"""The service primitives: parameters, defaults, validation, responses and data sets."""

import logging
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from pynetdicom import _config, dimse_primitives
from pynetdicom.dimse_primitives import (
    C_CANCEL,
    C_ECHO,
    C_FIND,
    C_GET,
    C_MOVE,
    C_STORE,
    N_ACTION,
    N_CREATE,
    N_DELETE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    DataSource,
    DIMSEPrimitive,
)
from tests.support.laws import QUIET

# Parameters of the request and of the response, mandatory ones marked with *; data sets in
# parentheses (PS3.7 Tables 9.1-1 to 9.1-5 and 10.1-1 to 10.1-6, status elements of Annex C)
PARAMETERS = """
C_STORE: MessageID* AffectedSOPClassUID* AffectedSOPInstanceUID* Priority*
    MoveOriginatorApplicationEntityTitle MoveOriginatorMessageID (DataSet)*
  : MessageIDBeingRespondedTo* AffectedSOPClassUID AffectedSOPInstanceUID Status*
    OffendingElement ErrorComment
C_FIND: MessageID* AffectedSOPClassUID* Priority* (Identifier)*
  : MessageIDBeingRespondedTo* AffectedSOPClassUID (Identifier) Status* OffendingElement
    ErrorComment
C_GET: MessageID* AffectedSOPClassUID* Priority* (Identifier)*
  : MessageIDBeingRespondedTo* AffectedSOPClassUID (Identifier) Status* OffendingElement
    ErrorComment NumberOfRemainingSuboperations NumberOfCompletedSuboperations
    NumberOfFailedSuboperations NumberOfWarningSuboperations
C_MOVE: MessageID* AffectedSOPClassUID* Priority* MoveDestination* (Identifier)*
  : MessageIDBeingRespondedTo* AffectedSOPClassUID (Identifier) Status* OffendingElement
    ErrorComment NumberOfRemainingSuboperations NumberOfCompletedSuboperations
    NumberOfFailedSuboperations NumberOfWarningSuboperations
C_ECHO: MessageID* AffectedSOPClassUID*
  : MessageIDBeingRespondedTo* AffectedSOPClassUID Status* ErrorComment
N_EVENT_REPORT: MessageID* AffectedSOPClassUID* AffectedSOPInstanceUID* EventTypeID*
    (EventInformation)
  : MessageIDBeingRespondedTo* AffectedSOPClassUID AffectedSOPInstanceUID EventTypeID (EventReply)
    Status* ErrorComment ErrorID
N_GET: MessageID* RequestedSOPClassUID* RequestedSOPInstanceUID* AttributeIdentifierList
  : MessageIDBeingRespondedTo* AffectedSOPClassUID AffectedSOPInstanceUID (AttributeList) Status*
    AttributeIdentifierList ErrorComment ErrorID
N_SET: MessageID* RequestedSOPClassUID* RequestedSOPInstanceUID* (ModificationList)*
  : MessageIDBeingRespondedTo* AffectedSOPClassUID AffectedSOPInstanceUID (AttributeList) Status*
    AttributeIdentifierList ErrorComment ErrorID
N_ACTION: MessageID* RequestedSOPClassUID* RequestedSOPInstanceUID* ActionTypeID*
    (ActionInformation)
  : MessageIDBeingRespondedTo* AffectedSOPClassUID AffectedSOPInstanceUID ActionTypeID
    (ActionReply) Status* AttributeIdentifierList ErrorComment ErrorID
N_CREATE: MessageID* AffectedSOPClassUID* AffectedSOPInstanceUID (AttributeList)
  : MessageIDBeingRespondedTo* AffectedSOPClassUID AffectedSOPInstanceUID (AttributeList) Status*
    AttributeIdentifierList ErrorComment ErrorID
N_DELETE: MessageID* RequestedSOPClassUID* RequestedSOPInstanceUID*
  : MessageIDBeingRespondedTo* AffectedSOPClassUID AffectedSOPInstanceUID Status* ErrorComment
    ErrorID
"""


def _parameters() -> dict[str, tuple[list[str], list[str]]]:
    """Return the marked parameters of request and response by the name of the primitive."""
    table: dict[str, tuple[list[str], list[str]]] = {}
    words: list[str] = []
    for line in PARAMETERS.splitlines():
        head, colon, rest = line.rpartition(":")
        if head.strip():
            table[head] = ([], [])
            words = table[head][0]
        elif colon:
            words = table[list(table)[-1]][1]
        words += rest.split()
    return table


TABLE = _parameters()
NAMES = sorted(TABLE)

REQUEST_KEYWORDS = {
    C_STORE: "MessageID AffectedSOPClassUID AffectedSOPInstanceUID Priority DataSet",
    C_FIND: "MessageID AffectedSOPClassUID Priority Identifier",
    C_GET: "MessageID AffectedSOPClassUID Priority Identifier",
    C_MOVE: "MessageID AffectedSOPClassUID Priority Identifier MoveDestination",
    C_ECHO: "MessageID AffectedSOPClassUID",
    N_EVENT_REPORT: "MessageID AffectedSOPClassUID EventTypeID AffectedSOPInstanceUID",
    N_GET: "MessageID RequestedSOPClassUID RequestedSOPInstanceUID",
    N_SET: "MessageID RequestedSOPClassUID RequestedSOPInstanceUID ModificationList",
    N_ACTION: "MessageID RequestedSOPClassUID RequestedSOPInstanceUID ActionTypeID",
    N_CREATE: "MessageID AffectedSOPClassUID",
    N_DELETE: "MessageID RequestedSOPClassUID RequestedSOPInstanceUID",
    DIMSEPrimitive: "",
}
_KINDS = ("Remaining", "Completed", "Failed", "Warning")
COUNTERS = [f"NumberOf{what}Suboperations" for what in _KINDS]
STATUS_KEYWORDS = {
    C_STORE: ["OffendingElement", "ErrorComment"],
    C_FIND: ["OffendingElement", "ErrorComment"],
    C_GET: ["ErrorComment", "OffendingElement", *COUNTERS],
    C_MOVE: ["ErrorComment", "OffendingElement", *COUNTERS],
    C_ECHO: ["ErrorComment"],
    N_EVENT_REPORT: [
        "AffectedSOPClassUID",
        "AffectedSOPInstanceUID",
        "EventTypeID",
        "ErrorComment",
        "ErrorID",
    ],
    N_GET: ["AttributeIdentifierList", "ErrorComment", "ErrorID"],
    N_SET: ["ErrorComment", "ErrorID", "AttributeIdentifierList"],
    N_ACTION: ["ErrorComment", "ErrorID", "AttributeIdentifierList"],
    N_CREATE: ["ErrorComment", "ErrorID"],
    N_DELETE: ["ErrorComment", "ErrorID"],
    DIMSEPrimitive: [],
}


class Source:
    """A data set that lies elsewhere, and counts how often it is read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.reads = 0
        self.is_discarded = False

    def getbuffer(self) -> memoryview:
        self.reads += 1
        return memoryview(self.data)

    def discard(self) -> None:
        self.is_discarded = True


def filled(name: str) -> DIMSEPrimitive:
    """Return a primitive of which every parameter of both directions has a value."""
    primitive = getattr(dimse_primitives, name)()
    for keyword, field in primitive._FIELDS.items():
        value: object = 1
        if keyword.endswith("UID"):
            value = "1.2.3"
        elif isinstance(field, dimse_primitives._DataSetField):
            value = BytesIO(b"\0\0")
        elif keyword in ("MoveDestination", "MoveOriginatorApplicationEntityTitle"):
            value = "AET"
        elif keyword == "ErrorComment":
            value = "text"
        setattr(primitive, keyword, value)
    return primitive


class TestTable:
    @pytest.mark.parametrize("name", NAMES)
    def test_parameters_are_those_of_the_standard(self, name):
        request, response = TABLE[name]
        fields = getattr(dimse_primitives, name)._FIELDS
        for words, usage in (
            (request, {key: field.request for key, field in fields.items()}),
            (response, {key: field.response for key, field in fields.items()}),
        ):
            expected = {word.strip("*()"): "M" if "*" in word else "U" for word in words}
            assert {key: used for key, used in usage.items() if used} == expected

    @pytest.mark.parametrize("name", NAMES)
    def test_data_sets_are_those_of_the_standard(self, name):
        expected = tuple(
            next((word.strip("*()") for word in words if "(" in word), None)
            for words in TABLE[name]
        )
        data_sets = getattr(dimse_primitives, name)._DATA_SETS
        assert data_sets == expected

    @pytest.mark.parametrize("primitive", REQUEST_KEYWORDS, ids=lambda cls: cls.__name__)
    def test_keyword_lists(self, primitive):
        assert list(primitive.REQUEST_KEYWORDS) == REQUEST_KEYWORDS[primitive].split()
        assert list(primitive.RESPONSE_KEYWORDS) == ["MessageIDBeingRespondedTo", "Status"]
        assert list(primitive.STATUS_OPTIONAL_KEYWORDS) == STATUS_KEYWORDS[primitive]

    @pytest.mark.parametrize("primitive", STATUS_KEYWORDS, ids=lambda cls: cls.__name__)
    def test_status_keywords_can_be_had_of_a_response(self, primitive):
        for keyword in primitive.STATUS_OPTIONAL_KEYWORDS:
            assert getattr(primitive(), keyword) is None

    @pytest.mark.parametrize("name", [*NAMES, "C_CANCEL", "DIMSEPrimitive"])
    def test_new_primitives_are_empty_but_for_the_priority(self, name):
        primitive = getattr(dimse_primitives, name)()
        assert primitive.msg_type == name.replace("_", "-")
        for keyword in primitive._FIELDS:
            assert getattr(primitive, keyword) == (2 if keyword == "Priority" else None)
        assert primitive.data_source is None

    def test_defaults_are_not_shared(self):
        first, second = C_STORE(), C_STORE()
        first.Priority = 0
        assert second.Priority == C_STORE().Priority == 2

    def test_cancel_is_no_service_with_a_response(self):
        assert not isinstance(C_CANCEL(), DIMSEPrimitive)
        assert not isinstance(C_MOVE(), C_GET)

    def test_a_field_of_the_class_is_the_field(self):
        assert C_ECHO.MessageID.name == "MessageID"

    def test_every_service_is_in_the_type_aliases(self):
        services = {getattr(dimse_primitives, name) for name in NAMES}
        assert set(dimse_primitives.DimseServiceType.__args__) == services
        assert set(dimse_primitives.DimsePrimitiveType.__args__) == {C_CANCEL, *services}


class TestValidity:
    @pytest.mark.parametrize("name", NAMES)
    def test_request_is_valid_with_all_mandatory_parameters(self, name):
        primitive = filled(name)
        assert primitive.is_valid_request
        for keyword in primitive.REQUEST_KEYWORDS:
            if keyword != "Priority":
                other = filled(name)
                setattr(other, keyword, None)
                assert not other.is_valid_request, keyword

    @pytest.mark.parametrize("name", NAMES)
    def test_response_is_valid_with_all_mandatory_parameters(self, name):
        primitive = getattr(dimse_primitives, name)()
        assert not primitive.is_valid_response
        primitive.MessageIDBeingRespondedTo = 0
        assert not primitive.is_valid_response
        primitive.Status = 0
        assert primitive.is_valid_response

    def test_base_class(self):
        assert DIMSEPrimitive().is_valid_request
        assert not DIMSEPrimitive().is_valid_response

    def test_a_data_set_elsewhere_counts_and_is_not_read(self):
        values = {"MessageID": 1, "AffectedSOPClassUID": "1", "AffectedSOPInstanceUID": "2"}
        source = Source(b"data")
        assert C_STORE._from_values(values, source).is_valid_request
        assert not C_STORE._from_values(values).is_valid_request
        assert source.reads == 0


UIDS = [
    (C_STORE, "AffectedSOPClassUID"),
    (C_STORE, "AffectedSOPInstanceUID"),
    (N_SET, "RequestedSOPClassUID"),
    (N_SET, "RequestedSOPInstanceUID"),
]
USHORTS = [
    (C_ECHO, "MessageID"),
    (C_CANCEL, "MessageIDBeingRespondedTo"),
    (C_STORE, "MoveOriginatorMessageID"),
    (N_EVENT_REPORT, "EventTypeID"),
    (N_ACTION, "ActionTypeID"),
    (N_GET, "ErrorID"),
    *[(cls, keyword) for cls in (C_GET, C_MOVE) for keyword in COUNTERS],
]
DATA_SETS = [
    (C_STORE, "DataSet"),
    (C_FIND, "Identifier"),
    (C_GET, "Identifier"),
    (C_MOVE, "Identifier"),
    (N_EVENT_REPORT, "EventInformation"),
    (N_EVENT_REPORT, "EventReply"),
    (N_GET, "AttributeList"),
    (N_SET, "ModificationList"),
    (N_SET, "AttributeList"),
    (N_ACTION, "ActionInformation"),
    (N_ACTION, "ActionReply"),
    (N_CREATE, "AttributeList"),
]


class TestAssignment:
    @pytest.mark.parametrize(("cls", "keyword"), UIDS)
    def test_uid(self, cls, keyword):
        primitive = cls()
        for value in ("1.2.3", b"1.2.3", UID("1.2.3")):
            setattr(primitive, keyword, value)
            assert getattr(primitive, keyword) == "1.2.3"
            assert isinstance(getattr(primitive, keyword), UID)
        for empty in (None, "", b""):
            setattr(primitive, keyword, "1.2.3")
            setattr(primitive, keyword, empty)
            assert getattr(primitive, keyword) is None
        with pytest.raises(TypeError, match=f"'{keyword}' must be str"):
            setattr(primitive, keyword, 1)
        with pytest.raises(ValueError, match=keyword):
            setattr(primitive, keyword, "1." * 32 + "3")
        assert getattr(primitive, keyword) is None

    def test_non_conformant_uid(self, monkeypatch, caplog):
        primitive = C_ECHO()
        with caplog.at_level(logging.WARNING, "pynetdicom"):
            primitive.AffectedSOPClassUID = "1.02.x"
        assert primitive.AffectedSOPClassUID == "1.02.x"
        monkeypatch.setattr(_config, "ENFORCE_UID_CONFORMANCE", True)
        with pytest.raises(ValueError, match="AffectedSOPClassUID"):
            primitive.AffectedSOPClassUID = "1.02.x"

    @pytest.mark.parametrize(("cls", "keyword"), USHORTS)
    def test_ushort(self, cls, keyword):
        primitive = cls()
        for value in (0, 1, 65535, None):
            setattr(primitive, keyword, value)
            assert getattr(primitive, keyword) == value
        for value in (-1, 65536):
            with pytest.raises(ValueError, match=f"'{keyword}' must be between 0 and 65535"):
                setattr(primitive, keyword, value)
        for wrong in ("1", 1.0, b"\1"):
            with pytest.raises(TypeError, match=f"'{keyword}' must be int or None"):
                setattr(primitive, keyword, wrong)

    def test_status_may_be_any_int(self):
        primitive = C_ECHO()
        for value in (0, 0xFF00, 70000, -1, None):
            primitive.Status = value
            assert primitive.Status == value
        with pytest.raises(TypeError, match="'Status' must be int or None, not 'str'"):
            primitive.Status = "0x0000"

    @pytest.mark.parametrize("cls", [C_STORE, C_FIND, C_GET, C_MOVE])
    def test_priority(self, cls):
        primitive = cls()
        for value in (0, 1, 2):
            primitive.Priority = value
            assert primitive.Priority == value
        for wrong in (-1, 3, None, "low", []):
            with pytest.raises(ValueError, match=r"'Priority' must be 0 \(medium\)"):
                primitive.Priority = wrong
        assert primitive.Priority == 2

    @pytest.mark.parametrize(
        ("cls", "keyword"),
        [(C_MOVE, "MoveDestination"), (C_STORE, "MoveOriginatorApplicationEntityTitle")],
    )
    def test_ae_title(self, cls, keyword):
        primitive = cls()
        for value in ("A", "SIXTEEN_LETTERS_", " A B ", None):
            setattr(primitive, keyword, value)
            assert getattr(primitive, keyword) == value
        with pytest.warns(DeprecationWarning, match=keyword):
            setattr(primitive, keyword, b"BYTES")
        assert getattr(primitive, keyword) == "BYTES"
        for wrong in ("", "   ", "SEVENTEEN_LETTERS", "A\\B", "A\n", "\u00c4"):
            with pytest.raises(ValueError, match=keyword):
                setattr(primitive, keyword, wrong)
        with pytest.raises(TypeError, match=keyword):
            setattr(primitive, keyword, 1)

    def test_error_comment(self):
        primitive = C_ECHO()
        for value in ("", "text", "x" * 100, None):
            primitive.ErrorComment = value
            assert primitive.ErrorComment == value
        dataset = Dataset()
        dataset.ErrorComment = "C:\\temp"
        primitive.ErrorComment = dataset.ErrorComment
        assert primitive.ErrorComment == "C:\\temp"
        for wrong in (1, b"text", [1]):
            with pytest.raises(TypeError, match="'ErrorComment' must be str or None"):
                primitive.ErrorComment = wrong

    @pytest.mark.parametrize(
        ("cls", "keyword"),
        [(C_STORE, "OffendingElement"), (N_GET, "AttributeIdentifierList")],
    )
    def test_tags(self, cls, keyword):
        primitive = cls()
        for one in (0x00100020, "PatientID", (0x0010, 0x0020), Tag("PatientID"), ["PatientID"]):
            setattr(primitive, keyword, one)
            assert getattr(primitive, keyword) == 0x00100020
            assert isinstance(getattr(primitive, keyword), BaseTag)
        setattr(primitive, keyword, [0x0010, (0x0020, 0x000D)])
        assert getattr(primitive, keyword) == [0x0010, 0x0020000D]
        assert all(isinstance(tag, BaseTag) for tag in getattr(primitive, keyword))
        dataset = Dataset()
        dataset.OffendingElement = ["PatientID", "PatientName"]
        setattr(primitive, keyword, dataset.OffendingElement)
        assert getattr(primitive, keyword) == [0x00100020, 0x00100010]
        for empty in ([], None):
            setattr(primitive, keyword, empty)
            assert getattr(primitive, keyword) is None
        for wrong in (-1, 2**32, "NoSuchKeyword", object(), [None], [["PatientID"]]):
            with pytest.raises(ValueError, match=f"'{keyword}' must be a tag or a list of tags"):
                setattr(primitive, keyword, wrong)

    @pytest.mark.parametrize(("cls", "keyword"), DATA_SETS)
    def test_data_set(self, cls, keyword):
        primitive = cls()
        stream = BytesIO(b"data")
        setattr(primitive, keyword, stream)
        assert getattr(primitive, keyword) is stream
        for wrong in (b"data", Dataset(), "data"):
            with pytest.raises(TypeError, match=f"'{keyword}' must be BytesIO or None"):
                setattr(primitive, keyword, wrong)
        setattr(primitive, keyword, None)
        assert getattr(primitive, keyword) is None

    def test_other_attributes_are_free(self):
        primitive = C_ECHO()
        primitive.note = "mine"
        assert primitive.note == "mine"
        assert not hasattr(primitive, "OffendingElement")


class TestReceived:
    def test_values_come_out_as_they_came(self):
        uid = "1.02.x\xe4" * 20
        values = {"MessageID": 1, "AffectedSOPClassUID": uid, "AttributeIdentifierList": [1]}
        primitive = N_GET._from_values(values)
        assert primitive.AffectedSOPClassUID == uid
        assert isinstance(primitive.AffectedSOPClassUID, UID)
        assert primitive.AttributeIdentifierList == BaseTag(1)
        primitive.MessageID = 2
        assert values["MessageID"] == 1

    def test_missing_priority_is_low(self):
        assert C_FIND._from_values({"MessageID": 1}).Priority == 2
        assert C_FIND._from_values({"Priority": 7}).Priority == 7

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("index", [0, 1], ids=["request", "response"])
    def test_data_source_is_read_when_asked_for(self, name, index):
        cls = getattr(dimse_primitives, name)
        source = Source(b"data")
        values = {"MessageIDBeingRespondedTo": 1} if index else {"MessageID": 1}
        primitive = cls._from_values(values, source)
        assert isinstance(source, DataSource)
        assert primitive.data_source is source
        for keyword in {key for key in cls._DATA_SETS if key}:
            stream = getattr(primitive, keyword)
            if keyword == cls._DATA_SETS[index]:
                assert stream.getvalue() == b"data"
                assert stream is getattr(primitive, keyword)
                assert source.reads == 1
            else:
                assert stream is None
        assert primitive.data_source is source

    def test_assigned_data_set_takes_the_place_of_the_source(self):
        primitive = C_STORE._from_values({}, Source(b"data"))
        stream = BytesIO(b"other")
        primitive.DataSet = stream
        assert primitive.data_source is None
        assert primitive.DataSet is stream

    def test_source_is_told_when_nobody_needs_it(self):
        source = Source(b"")
        C_STORE._from_values({}, source)._discard_data_set()
        assert source.is_discarded
        C_STORE._from_values({}, BytesIO())._discard_data_set()
        C_STORE()._discard_data_set()


class TestEncodedDataSet:
    @pytest.mark.parametrize("name", NAMES)
    def test_is_that_of_the_direction(self, name):
        cls = getattr(dimse_primitives, name)
        primitive = cls()
        for keyword in {key for key in cls._DATA_SETS if key}:
            setattr(primitive, keyword, BytesIO(keyword.encode()))
        for message_id, keyword in zip((None, 1), cls._DATA_SETS, strict=True):
            primitive.MessageIDBeingRespondedTo = message_id
            assert primitive._encoded_data_set() == (keyword.encode() if keyword else None)

    def test_empty_ones_are_sent_where_there_must_be_one(self):
        request = C_FIND()
        assert request._encoded_data_set() is None
        request.Identifier = BytesIO()
        assert request._encoded_data_set() == b""
        response = request.response()
        response.MessageIDBeingRespondedTo = 1
        response.Identifier = BytesIO()
        assert response._encoded_data_set() is None

    def test_of_a_source(self):
        assert C_STORE._from_values({}, Source(b"data"))._encoded_data_set() == b"data"

    def test_leaves_the_stream_writable(self):
        primitive = C_STORE()
        primitive.DataSet = BytesIO(b"ab")
        data = primitive._encoded_data_set()
        primitive.DataSet.seek(0, 2)
        primitive.DataSet.write(b"cd")
        assert data == b"ab"
        assert primitive._encoded_data_set() == b"abcd"

    def test_cancel_has_none(self):
        cancel = C_CANCEL()
        cancel.MessageIDBeingRespondedTo = 1
        assert cancel._encoded_data_set() is None


class TestResponse:
    @pytest.mark.parametrize("name", NAMES)
    def test_repeats_what_the_standard_asks_for(self, name):
        request = filled(name)
        request.MessageIDBeingRespondedTo = None
        request.MessageID = 7
        response = request.response()
        assert type(response) is type(request)
        assert response.MessageIDBeingRespondedTo == 7
        assert response.Status is None
        assert response.AffectedSOPClassUID == "1.2.3"
        expected = {"MessageIDBeingRespondedTo", "AffectedSOPClassUID"}
        fields = request._FIELDS
        if "AffectedSOPInstanceUID" in fields and (
            fields["AffectedSOPInstanceUID"].request or "RequestedSOPInstanceUID" in fields
        ):
            expected.add("AffectedSOPInstanceUID")
            assert response.AffectedSOPInstanceUID == "1.2.3"
        expected |= {"EventTypeID", "ActionTypeID"} & set(fields)
        given = {key for key, value in response._values.items() if value is not None}
        assert given - {"Priority"} == expected

    def test_repeats_what_could_not_be_assigned(self):
        uid = "1." * 50 + "x"
        request = N_DELETE._from_values(
            {"MessageID": 1, "RequestedSOPClassUID": uid, "RequestedSOPInstanceUID": None}
        )
        response = request.response()
        assert response.AffectedSOPClassUID == uid
        assert response.AffectedSOPInstanceUID is None

    @QUIET
    @given(st.integers(0, 65535), st.text(min_size=1))
    def test_repeats_anything(self, message_id, uid):
        request = C_STORE._from_values({"MessageID": message_id, "AffectedSOPInstanceUID": uid})
        values = request.response()._values
        assert values["MessageIDBeingRespondedTo"] == message_id
        assert values["AffectedSOPInstanceUID"] == uid
