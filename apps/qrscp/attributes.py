"""The attributes that the archive indexes, their tables, and how they are read of a data set."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pydicom.charset import decode_bytes
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine

from ..common.heads import known_encodings
from .matching import (
    INTEGER_VRS,
    NAME_GROUPS,
    MatchingError,
    Value,
    search_keys,
)

PATIENT, STUDY, SERIES, IMAGE = "PATIENT", "STUDY", "SERIES", "IMAGE"
# From the root down; the name of a level is also that of its table, in lower case
LEVELS: Final = (PATIENT, STUDY, SERIES, IMAGE)

# The unique key of each level comes first, then the required ones (PS3.4 C.6.1.1, C.6.2.1)
_KEYWORDS: Final[Mapping[str, str]] = {
    PATIENT: (
        "PatientID PatientName IssuerOfPatientID PatientBirthDate PatientBirthTime PatientSex "
        "EthnicGroup PatientComments PatientSpeciesDescription PatientBreedDescription "
        "ResponsiblePerson"
    ),
    STUDY: (
        "StudyInstanceUID StudyDate StudyTime AccessionNumber StudyID ReferringPhysicianName "
        "StudyDescription NameOfPhysiciansReadingStudy AdmittingDiagnosesDescription PatientAge "
        "PatientSize PatientWeight Occupation AdditionalPatientHistory InstitutionName "
        "RequestingPhysician"
    ),
    SERIES: (
        "SeriesInstanceUID Modality SeriesNumber SeriesDescription SeriesDate SeriesTime "
        "BodyPartExamined ProtocolName Laterality PatientPosition FrameOfReferenceUID "
        "PerformingPhysicianName OperatorsName InstitutionalDepartmentName StationName "
        "Manufacturer ManufacturerModelName PerformedProcedureStepID "
        "PerformedProcedureStepDescription PerformedProcedureStepStartDate "
        "PerformedProcedureStepStartTime"
    ),
    IMAGE: (
        "SOPInstanceUID InstanceNumber SOPClassUID ContentDate ContentTime AcquisitionNumber "
        "AcquisitionDate AcquisitionTime AcquisitionDateTime InstanceCreationDate "
        "InstanceCreationTime NumberOfFrames Rows Columns BitsAllocated ContentLabel "
        "ContentDescription ContentCreatorName CompletionFlag VerificationFlag DocumentTitle "
        "PresentationCreationDate PresentationCreationTime AvailableTransferSyntaxUID"
    ),
}
# Those that the archive finds out itself, by counting and looking at the levels below
_COMPUTED: Final[Mapping[str, str]] = {
    PATIENT: (
        "NumberOfPatientRelatedStudies NumberOfPatientRelatedSeries NumberOfPatientRelatedInstances"
    ),
    STUDY: (
        "NumberOfStudyRelatedSeries NumberOfStudyRelatedInstances ModalitiesInStudy "
        "SOPClassesInStudy"
    ),
    SERIES: "NumberOfSeriesRelatedInstances",
    IMAGE: "",
}
# What queries are likely to look for among all rows of a level
_INDEXED: Final = frozenset(
    (
        "PatientID",
        "PatientName",
        "PatientBirthDate",
        "StudyDate",
        "AccessionNumber",
        "StudyID",
        "Modality",
        "PerformedProcedureStepStartDate",
    )
)
# Dates and times that belong together (PS3.4 C.2.2.2.5.1)
MOMENTS: Final[Mapping[str, str]] = {
    keyword: keyword.replace("Date", "Time")
    for keyword in " ".join(_KEYWORDS.values()).split()
    if dictionary_VR(keyword) == "DA"
}
# Longer values are cut, in characters: a value is no place to keep a peer's megabytes
_LONGEST = {"LT": 10240, "ST": 1024, "UT": 10240}
_LONGEST_OTHERS = 256

# VRs whose text may be in another character set than the default one (PS3.5 6.1.2.2)
_TEXT_VRS = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
_SPECIFIC_CHARACTER_SET = BaseTag(0x00080005)
_TIMEZONE = BaseTag(0x00080201)
_INTEGER_LENGTHS = {"US": (2, False), "SS": (2, True), "UL": (4, False), "SL": (4, True)}

metadata = MetaData()
# Equality and order by code point everywhere, which indexes on prefixes of text need, too
_CODE_POINTS = Text().with_variant(Text(collation="C"), "postgresql")
_ID = BigInteger().with_variant(Integer, "sqlite")


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute in the index.

    Attributes
    ----------
    keyword, vr : str
        Its keyword and value representation.
    tag : pydicom.tag.BaseTag
        Its tag.
    level : str
        The level that it belongs to.
    column : sqlalchemy.Column
        Has its value, as text or number.
    keys : tuple of sqlalchemy.Column
        Have what criteria are compared with: the value itself, if it needs no other form.
    """

    keyword: str
    vr: str
    tag: BaseTag
    level: str
    column: Column[Value]
    keys: tuple[Column[Value], ...]


def _column_name(keyword: str) -> str:
    """Return a keyword as SQL has names: PatientID becomes patient_id."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", keyword).lower()


def _new_attribute(keyword: str, level: str) -> Attribute:
    """Return an attribute with new columns."""
    vr = dictionary_VR(keyword)
    name, is_indexed = _column_name(keyword), keyword in _INDEXED
    kind: TypeEngine[Value] = _CODE_POINTS  # type: ignore[assignment]
    if vr in INTEGER_VRS:
        kind = BigInteger()  # type: ignore[assignment]
    elif vr == "DS":
        kind = Float()  # type: ignore[assignment]
    has_keys = vr in ("PN", "TM", "DT")
    column: Column[Value] = Column(name, kind, index=is_indexed and not has_keys)
    keys: tuple[Column[Value], ...] = (column,)
    if has_keys:
        keys = tuple(
            Column(f"{name}_key{n}", kind, index=is_indexed)
            for n in range(1, 1 + (NAME_GROUPS if vr == "PN" else 1))
        )
    tag = BaseTag(tag_for_keyword(keyword) or 0)
    return Attribute(keyword, vr, tag, level, column, keys)


ATTRIBUTES: Final[Mapping[str, Attribute]] = {
    keyword: _new_attribute(keyword, level)
    for level in LEVELS
    for keyword in f"{_KEYWORDS[level]} {_COMPUTED[level]}".split()
}
UNIQUE_KEYS: Final[Mapping[str, str]] = {level: _KEYWORDS[level].split()[0] for level in LEVELS}
# Everything that is read of a data set
_READ = tuple(ATTRIBUTES[keyword] for level in LEVELS for keyword in _KEYWORDS[level].split())
TAGS: Final[Sequence[int]] = (_SPECIFIC_CHARACTER_SET, _TIMEZONE, *(a.tag for a in _READ))


def _new_table(level: str, *columns: Column[object]) -> Table:
    """Return the table of a level.

    Column `key` has what makes a row unique: not always the unique key of the query model, as
    two patients without ID are two.
    """
    attributes = [a for a in ATTRIBUTES.values() if a.level == level]
    cells = {column.name: column for a in attributes for column in (a.column, *a.keys)}
    return Table(
        level.lower(),
        metadata,
        Column("id", _ID, primary_key=True),
        Column("key", _CODE_POINTS, nullable=False, unique=True),
        *columns,
        *cells.values(),
    )


def _parent(level: str, nullable: bool = False) -> Column[object]:
    """Return the column with the row of the level above."""
    return Column("parent", _ID, ForeignKey(f"{level.lower()}.id"), nullable=nullable, index=True)


# An instance that belongs to no patient, a colour palette for example, has no series
TABLES: Final[Mapping[str, Table]] = {
    PATIENT: _new_table(PATIENT),
    STUDY: _new_table(STUDY, _parent(PATIENT)),
    SERIES: _new_table(SERIES, _parent(STUDY)),
    IMAGE: _new_table(
        IMAGE, _parent(SERIES, nullable=True), Column("path", Text(), nullable=False)
    ),
}


# -- reading ---------------------------------------------------------------------------------

Row: TypeAlias = dict[str, Value | None]


def text_reader(data_set: Dataset) -> Callable[[BaseTag, str], str]:
    """Return a function that returns the text of an element, empty if there is none.

    It takes the tag and the value representation. What a peer has sent is neither validated nor
    complained about: a value that is not what it should be is still better than none.

    Parameters
    ----------
    data_set : pydicom.dataset.Dataset
        The data set. It is not changed: elements stay as they were received.
    """

    def read(tag: BaseTag, vr: str) -> str:
        if tag not in data_set:
            return ""
        element = data_set.get_item(tag)
        value = element.value
        if isinstance(element, RawDataElement):
            return _decoded(value or b"", vr, encodings, element.is_little_endian)
        values = value if isinstance(value, MutableSequence) else [value]
        return "\\".join("" if each is None else str(each) for each in values)

    encodings = ["iso8859"]
    names = read(_SPECIFIC_CHARACTER_SET, "CS").split("\\")
    encodings = known_encodings([name.strip() for name in names])
    return read


def _decoded(value: bytes, vr: str, encodings: Sequence[str], is_little_endian: bool) -> str:
    """Return the value of an element as text."""
    if vr in _INTEGER_LENGTHS:
        length, signed = _INTEGER_LENGTHS[vr]
        order = "little" if is_little_endian else "big"
        number = int.from_bytes(value[:length], order, signed=signed)  # type: ignore[arg-type]
        return str(number) if len(value) >= length else ""
    if vr not in _TEXT_VRS:
        text = value.decode("latin-1")
    elif len(encodings) == 1:
        text = value.decode(encodings[0], "replace")
    else:
        delimiters = PN_DELIMS if vr == "PN" else TEXT_VR_DELIMS
        try:
            text = decode_bytes(value, encodings, delimiters)
        except (UnicodeError, LookupError, Warning):
            text = value.decode("ascii", "replace")
    return text.replace("\0", "").strip(" ")


def zone_of(read: Callable[[BaseTag, str], str]) -> str:
    """Return *Timezone Offset From UTC* with a function of :func:`text_reader`."""
    return read(_TIMEZONE, "SH")


def read_rows(data_set: Dataset, transfer_syntax: str) -> dict[str, Row]:
    """Return what the tables hold about an instance, by level.

    Parameters
    ----------
    data_set : pydicom.dataset.Dataset
        The instance.
    transfer_syntax : str
        Its transfer syntax.
    """
    read = text_reader(data_set)
    zone = zone_of(read)
    rows: dict[str, Row] = {level: {} for level in LEVELS}
    for attribute in _READ:
        text = read(attribute.tag, attribute.vr)
        if attribute.vr != "UI":
            text = text[: _LONGEST.get(attribute.vr, _LONGEST_OTHERS)]
        _fill(rows[attribute.level], attribute, text, zone)
    rows[IMAGE]["available_transfer_syntax_uid"] = transfer_syntax
    return rows


def _fill(row: Row, attribute: Attribute, text: str, zone: str) -> None:
    """Put an attribute into its columns; a value that makes no sense is only returned."""
    try:
        keys = search_keys(attribute.vr, text, zone)
    except MatchingError:
        keys = [None] * len(attribute.keys)
    if attribute.keys != (attribute.column,):
        row[attribute.column.name] = text or None
    for column, key in zip(attribute.keys, keys, strict=True):
        row[column.name] = key
