"""Attribute matching of qrscp: what values ask for, and what matches them in the index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.datadict import dictionary_VR

from pynetdicom.apps.qrscp.attributes import ATTRIBUTES
from pynetdicom.apps.qrscp.index import Index
from pynetdicom.apps.qrscp.matching import (
    Criterion,
    Equal,
    MatchingError,
    Name,
    Range,
    Wildcard,
    criteria,
    fold_name,
    search_keys,
)
from tests.support.archives import image, record, search


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/index.sqlite"


ANY = (0, 1, 2)

CRITERIA: list[tuple[str, str, list[Criterion]]] = [
    ("LO", "", []),
    ("LO", "*", []),
    ("LO", "**", []),
    ("UI", "*", []),
    ("DA", "-", []),
    ("PN", "=*=", []),
    ("LO", "A\\*", []),
    ("LO", " A b ", [Equal("A b")]),
    ("LO", "A\\B", [Equal("A"), Equal("B")]),
    ("LO", "A*b?", [Wildcard("A*b?")]),
    ("LT", "A\\B", [Equal("A\\B")]),
    ("UI", "1.2\\1.3\0", [Equal("1.2"), Equal("1.3")]),
    ("AS", "03?Y", [Equal("03?Y")]),
    ("IS", " 007", [Equal(7)]),
    ("US", "7", [Equal(7)]),
    ("DS", "72.50", [Equal(72.5)]),
    ("DA", "20200131", [Range("20200131", "20200131")]),
    ("DA", "2020.01.31", [Range("20200131", "20200131")]),
    ("DA", "20200131-", [Range("20200131", None)]),
    ("DA", "-20200131", [Range(None, "20200131")]),
    ("DA", "20200101 - 20200131", [Range("20200101", "20200131")]),
    ("TM", "10", [Range("100000.000000", "105959.999999")]),
    ("TM", "10:15", [Range("101500.000000", "101559.999999")]),
    ("TM", "1015-1130", [Range("101500.000000", "113059.999999")]),
    ("TM", "101530.5-", [Range("101530.500000", None)]),
    ("TM", "101530.5", [Range("101530.500000", "101530.599999")]),
    ("DT", "2020", [Range("20200101000000.000000", "20201231235959.999999")]),
    ("DT", "202002", [Range("20200201000000.000000", "20200229235959.999999")]),
    ("DT", "202001-202002", [Range("20200101000000.000000", "20200229235959.999999")]),
    ("DT", "20200101-0500", [Range("20200101050000.000000", "20200102045959.999999")]),
    ("DT", "20200101+0100-", [Range("20191231230000.000000", None)]),
    (
        "DT",
        "20200101-0500-20200102-0500",
        [Range("20200101050000.000000", "20200103045959.999999")],
    ),
    ("DT", "20161231235960+0000", [Range("20161231235959.000000", "20161231235959.999999")]),
    ("PN", "Doe^John^^", [Name(((ANY, Equal("doe^john")),))]),
    ("PN", "DOE*", [Name(((ANY, Wildcard("doe*")),))]),
    ("PN", "Doe=*=", [Name((((0,), Equal("doe")),))]),
    ("PN", "=山*", [Name((((1,), Wildcard("山*")),))]),
]


class TestCriteria:
    @pytest.mark.parametrize(
        ("vr", "text", "expected"), CRITERIA, ids=[f"{vr}-{text!a}" for vr, text, _ in CRITERIA]
    )
    def test_criteria(self, vr: str, text: str, expected: list[Criterion]) -> None:
        assert criteria(vr, text) == expected

    @pytest.mark.parametrize(
        ("vr", "text", "reason"),
        [
            ("DA", "20201301", "not a date nor a range"),
            ("DA", "2020", "not a date nor a range"),
            ("DA", "20200101-20200102-20200103", "not a date nor a range"),
            ("TM", "25", "not a time nor a range"),
            ("TM", "1", "not a time nor a range"),
            ("DT", "x", "not a date-time nor a range"),
            ("DT", "0000+0000", "not a date-time nor a range"),
            ("IS", "1*", "not a number"),
            ("DS", "heavy", "not a number"),
            ("IS", str(2**63), "too large a number"),
        ],
    )
    def test_no_sense(self, vr: str, text: str, reason: str) -> None:
        with pytest.raises(MatchingError) as raised:
            criteria(vr, text)
        assert str(raised.value) == reason

    def test_zone_of_the_query(self) -> None:
        (found,) = criteria("DT", "2020010112", "+0200")
        assert found == Range("20200101100000.000000", "20200101105959.999999")

    def test_keys_of_a_name(self) -> None:
        keys = search_keys("PN", "Yamada^Tarou=山田^太郎")
        assert keys == ["yamada^tarou", "山田^太郎", None]
        assert search_keys("PN", "") == [None, None, None]

    def test_folding(self) -> None:
        assert fold_name("M\u00fcLLER ^ Eva^^^ ") == fold_name("Mu\u0308ller^EVA")


# Stored value, value of the query, and whether it matches
MATCHES: list[tuple[str, Any, str, bool]] = [
    ("PatientName", "Doe^John", "doe^john", True),
    ("PatientName", "Doe^John", "DOE^JOHN^^^", True),
    ("PatientName", "Doe^John", "Doe", False),
    ("PatientName", "Doe^John", "D?e^*", True),
    ("PatientName", "Doe^John", "*john", True),
    ("PatientName", "Do_^John", "Doe*", False),
    ("PatientName", "Doe^John", "Do_*", False),
    ("PatientName", "100%^X", "100%*", True),
    ("PatientName", "Yamada^Tarou=Ideo=Phon", "phon", True),
    ("PatientName", "Yamada^Tarou=Ideo=Phon", "yamada*=ideo", True),
    ("PatientName", "Yamada^Tarou=Ideo=Phon", "ideo=ideo", False),
    ("PatientName", "", "Doe", False),
    ("PatientID", "aB1", "aB1", True),
    ("PatientID", "aB1", "AB1", False),
    ("PatientID", "aB1", "A*", False),
    ("PatientID", "aB1", "a??", True),
    ("PatientID", "a/b", "a/?", True),
    ("PatientID", "aB1", "x\\aB1", True),
    ("PatientComments", "some\\thing", "some\\*", True),
    ("PatientBirthDate", "20000101", "-20000101", True),
    ("PatientBirthDate", "2000.01.01", "20000101", True),
    ("PatientBirthDate", "", "-20000101", False),
    ("PatientBirthDate", "20000101", "20000102-", False),
    ("PatientBirthTime", "101530", "10", True),
    ("PatientBirthTime", "101530", "1015-1020", True),
    ("PatientBirthTime", "1015", "101501-", False),
    ("StudyDate", "20200131", "20200101-20200201", True),
    ("StudyTime", "10:15:30", "101530", True),
    ("PatientWeight", "72.50", "72.5", True),
    ("PatientWeight", "72.50", "72", False),
    ("ModalitiesInStudy", "", "CT", True),
    ("ModalitiesInStudy", "", "MR\\CT", True),
    ("ModalitiesInStudy", "", "C?", True),
    ("ModalitiesInStudy", "", "MR", False),
    ("SOPClassesInStudy", "", "1.2.840.10008.5.1.4.1.1.2", True),
    ("SOPClassesInStudy", "", "1.2.840.10008.5.1.4.1.1.4", False),
    ("NumberOfStudyRelatedInstances", "", "1", True),
    ("SeriesNumber", "7", "007", True),
    ("SeriesNumber", "7", "8", False),
    ("Rows", 512, "512", True),
    ("AcquisitionDateTime", "20200101120000+0100", "20200101110000+0000", True),
    ("AcquisitionDateTime", "20200101120000+0100", "20200101-20200101", True),
    ("AcquisitionDateTime", "20200101003000+0100", "20191231+0000", True),
    ("AcquisitionDateTime", "2020", "20200102-", False),
]


class TestMatches:
    @pytest.mark.parametrize(
        ("keyword", "stored", "asked", "expected"),
        MATCHES,
        ids=[f"{keyword}-{stored}-{asked}" for keyword, stored, asked, _ in MATCHES],
    )
    def test_match(self, url: str, keyword: str, stored: Any, asked: str, expected: bool) -> None:
        index = Index(url)
        index.add(record(image(**({keyword: stored} if stored else {}))))
        if not stored and keyword in ("PatientName", "PatientBirthDate"):
            index.add(record(image(**{keyword: ""})))
        level = ATTRIBUTES[keyword].level
        value: Any = int(asked) if dictionary_VR(keyword) == "US" else asked
        found = search(index, level, **{keyword: value})
        index.close()
        assert len(found) == expected

    def test_joined_times(self, url: str) -> None:
        index = Index(url)
        moments = [
            ("20200101", "0900"),
            ("20200101", "1800"),
            ("20200102", "0900"),
            ("20200103", "0100"),
        ]
        for n, (date, time) in enumerate(moments, 1):
            index.add(record(image(n, StudyDate=date, StudyTime=time)))

        def days(asked_date: str, asked_time: str, joined: bool) -> list[str]:
            found = search(
                index, "STUDY", joins_times=joined, StudyDate=asked_date, StudyTime=asked_time
            )
            return sorted(f"{each.StudyDate} {each.StudyTime}" for each in found)

        texts = [" ".join(moment) for moment in moments]
        assert days("20200101-20200103", "1200-0500", True) == texts[1:]
        assert days("20200101-20200102", "1200-0500", True) == texts[1:2]
        assert days("20200101-20200103", "0100-1200", False) == [texts[0], *texts[2:]]
        assert days("20200102-", "0800-", True) == texts[2:]
        assert days("-20200101", "-1000", True) == texts[:1]
        assert days("20200101-", "-1000", True) == texts
        index.close()

    def test_values_without_sense_are_returned(self, url: str) -> None:
        """They match nothing but universal matching."""
        index = Index(url)
        index.add(record(image(StudyTime="noon")))
        (found,) = search(index, "STUDY", StudyTime="")
        assert found.StudyTime == "noon"
        assert search(index, "STUDY", StudyTime="12-") == []
        index.close()
