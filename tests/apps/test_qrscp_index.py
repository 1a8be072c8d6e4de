"""The index of qrscp: what it counts, and who may write to it at the same time."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import MRImageStorage
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from pynetdicom.apps.qrscp import index as index_module
from pynetdicom.apps.qrscp.attributes import LEVELS, STUDY, TABLES
from pynetdicom.apps.qrscp.index import Index, Record
from tests.benchmarks import qrscp_index
from tests.support.archives import image, image_uid, put, record, search, study_uid

PATIENCE = 30.0


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/index.sqlite"


@pytest.fixture
def index(url: str) -> Any:
    index = Index(url)
    yield index
    index.close()


def counts(index: Index, study: int) -> list[Any]:
    """Return what is counted for a study and its patient."""
    (found,) = search(
        index,
        "STUDY",
        StudyInstanceUID=study_uid(study),
        NumberOfPatientRelatedStudies="",
        NumberOfPatientRelatedSeries="",
        NumberOfPatientRelatedInstances="",
        NumberOfStudyRelatedSeries="",
        NumberOfStudyRelatedInstances="",
        ModalitiesInStudy="",
    )
    values = [element.value for element in found if element.keyword.startswith("NumberOf")]
    return [*(int(value) for value in values), found.ModalitiesInStudy]


def numbers_of_rows(index: Index) -> list[int]:
    """Return how many rows each level has."""
    return [
        next(index.rows(select(func.count()).select_from(TABLES[level])))[0] for level in LEVELS
    ]


class TestIndex:
    def test_counts(self, index: Index) -> None:
        for series in (1, 2):
            for number in (1, 2, 3):
                modality = "CT" if series == 1 else "MR"
                index.add(record(image(1, series, number, Modality=modality)))
        index.add(record(image(2, PatientID="P1")))
        assert counts(index, 1) == [2, 3, 7, 2, 6, ["CT", "MR"]]
        assert counts(index, 2) == [2, 3, 7, 1, 1, "CT"]
        series = search(
            index, "SERIES", StudyInstanceUID=study_uid(1), NumberOfSeriesRelatedInstances=""
        )
        assert [each.NumberOfSeriesRelatedInstances for each in series] == [3, 3]
        assert numbers_of_rows(index) == [1, 2, 3, 7]

    def test_the_same_again(self, index: Index) -> None:
        assert index.add(record(image())) is None
        assert index.add(record(image())) == record(image()).path
        assert counts(index, 1) == [1, 1, 1, 1, 1, "CT"]

    def test_an_instance_moves(self, index: Index) -> None:
        """Levels that have lost all they had go."""
        index.add(record(image(1)))
        index.add(record(image(2)))
        index.add(
            record(
                put(
                    image(1),
                    StudyInstanceUID=study_uid(2),
                    PatientID="P2",
                    SeriesInstanceUID=f"{study_uid(2)}.1",
                )
            )
        )
        assert numbers_of_rows(index) == [1, 1, 1, 2]
        assert counts(index, 2) == [1, 1, 2, 1, 2, "CT"]

    def test_a_study_moves_to_another_patient(self, index: Index) -> None:
        index.add(record(image(1, 1, 1, PatientID="WRONG")))
        index.add(record(image(1, 1, 2, PatientID="RIGHT")))
        assert numbers_of_rows(index) == [1, 1, 1, 2]
        assert [each.PatientID for each in search(index, "PATIENT", PatientID="")] == ["RIGHT"]

    def test_what_is_not_said_stays(self, index: Index) -> None:
        index.add(record(image(1, 1, 1, StudyDescription="Old", AccessionNumber="A1")))
        index.add(record(image(1, 1, 2, StudyDescription="New")))
        (found,) = search(index, "STUDY", StudyDescription="", AccessionNumber="")
        assert (found.StudyDescription, found.AccessionNumber) == ("New", "A1")

    def test_patients_without_id_are_different(self, index: Index) -> None:
        index.add(record(image(1, PatientID="")))
        index.add(record(image(2, PatientID=None)))
        index.add(record(image(3, PatientID="P", IssuerOfPatientID="A")))
        index.add(record(image(4, PatientID="P", IssuerOfPatientID="B")))
        assert numbers_of_rows(index)[0] == 4
        assert len(search(index, "PATIENT", PatientID="P")) == 2

    def test_an_instance_of_no_patient(self, index: Index) -> None:
        palette = record(image())
        index.add(Record(palette.path, palette.rows, is_composite=False))
        assert numbers_of_rows(index) == [0, 0, 0, 1]
        assert list(index.instances([image_uid(1, 1, 1), "1.2"])) == [image_uid(1, 1, 1)]
        assert search(index, "IMAGE", SOPInstanceUID="") == []

    def test_several_of_one_batch(self, index: Index) -> None:
        """The last one of the same instance counts."""
        batch = [image(1, 1, 1, InstanceNumber=5), image(1, 2, 1), image(1, 1, 1)]
        assert index.rebuild(record(each) for each in batch) == 3
        assert numbers_of_rows(index) == [1, 1, 2, 2]
        (found,) = search(index, "IMAGE", SOPInstanceUID=image_uid(1, 1, 1), InstanceNumber="")
        assert found.InstanceNumber == 1

    def test_many(self, index: Index) -> None:
        records = [record(image(1, 1, number)) for number in range(1, 1201)]
        records.append(record(image(1, 2, 1, SOPClassUID=MRImageStorage)))
        assert index.rebuild(records) == 1201
        assert counts(index, 1) == [1, 2, 1201, 2, 1201, "CT"]
        uids = [image_uid(1, 1, number) for number in range(1, 1301)]
        assert sorted(index.instances(uids)) == sorted(uids[:1200])
        assert len(search(index, "IMAGE", SOPInstanceUID="")) == 1201

    def test_rebuild_is_all_or_nothing(self, index: Index) -> None:
        index.add(record(image(1)))

        def failing() -> Any:
            yield record(image(2))
            raise OSError("the disk is gone")

        with pytest.raises(OSError, match="the disk is gone"):
            index.rebuild(failing())
        assert [each.PatientID for each in search(index, "PATIENT", PatientID="")] == ["P1"]

    def test_it_is_there_after_reopening(self, index: Index, url: str) -> None:
        index.add(record(image()))
        index.close()
        again = Index(url)
        assert counts(again, 1) == [1, 1, 1, 1, 1, "CT"]
        again.close()

    def test_many_threads(self, index: Index) -> None:
        """Each record is there when add() returns, whoever has committed it."""
        missing: list[str] = []

        def add(study: int) -> None:
            for number in range(1, 9):
                index.add(record(image(study % 3, study, number)))
                uid = image_uid(study % 3, study, number)
                if uid not in index.instances([uid]):
                    missing.append(uid)

        threads = [threading.Thread(target=add, args=(study,)) for study in range(1, 13)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        assert missing == []
        assert numbers_of_rows(index) == [3, 3, 12, 96]
        assert counts(index, 1) == [1, 4, 32, 4, 32, "CT"]

    def test_two_that_write(self, index: Index, url: str) -> None:
        """As two processes do."""
        other = Index(url)
        failures: list[Exception] = []

        def add(to: Index, first: int) -> None:
            try:
                for number in range(first, first + 30):
                    to.add(record(image(1, 1, number)))
            except Exception as exc:
                failures.append(exc)

        threads = [
            threading.Thread(target=add, args=(to, first))
            for to, first in ((index, 1), (other, 31))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        other.close()
        assert failures == []
        assert counts(index, 1) == [1, 1, 60, 1, 60, "CT"]

    def test_reading_goes_on_while_somebody_writes(self, index: Index) -> None:
        for study in (1, 2, 3):
            index.add(record(image(study)))
        rows = index.rows(select(TABLES[STUDY].c.study_instance_uid))
        first = next(rows)[0]
        index.add(record(image(4)))
        assert {first, *(row[0] for row in rows)} == {study_uid(n) for n in (1, 2, 3)}
        assert numbers_of_rows(index)[1] == 4

    def test_one_that_fails_spoils_no_other(
        self, index: Index, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Records that wait share a transaction; if that fails each has its own."""
        write = index_module._write
        bad = image_uid(1, 1, 2)
        batches: list[int] = []
        waiting, go_on = threading.Event(), threading.Event()

        def watched(connection: Any, records: Any) -> Any:
            batches.append(len(records))
            if len(batches) == 1:
                waiting.set()
                assert go_on.wait(PATIENCE)
            if any(each.sop_instance == bad for each in records):
                raise SQLAlchemyError("bad")
            return write(connection, records)

        monkeypatch.setattr(index_module, "_write", watched)
        outcomes: dict[int, Exception | None] = {}

        def add(number: int) -> None:
            try:
                index.add(record(image(1, 1, number)))
                outcomes[number] = None
            except SQLAlchemyError as exc:
                outcomes[number] = exc

        threads = [threading.Thread(target=add, args=(number,)) for number in range(1, 5)]
        first, *others = [threading.Thread(target=add, args=(5,)), *threads]
        first.start()
        assert waiting.wait(PATIENCE)
        for thread in others:
            thread.start()
        while len(index._pending) < len(others):
            others[0].join(0.001)
        go_on.set()
        for thread in (first, *others):
            thread.join(PATIENCE)
            assert not thread.is_alive()
        assert batches == [1, 4, 1, 1, 1, 1]
        assert {number for number, exc in outcomes.items() if exc} == {2}
        assert counts(index, 1) == [1, 1, 4, 1, 4, "CT"]

    def test_a_conflict_is_tried_again(self, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
        write = index_module._write
        attempts: list[int] = []

        def conflicting(connection: Any, records: Any) -> Any:
            attempts.append(1)
            if len(attempts) < 3:
                row = {"key": "same"}
                connection.execute(insert(TABLES["PATIENT"]), [row, row])
            return write(connection, records)

        monkeypatch.setattr(index_module, "_write", conflicting)
        index.add(record(image()))
        assert len(attempts) == 3
        assert numbers_of_rows(index) == [1, 1, 1, 1]

    def test_a_conflict_that_stays(self, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
        def conflicting(connection: Any, records: Any) -> Any:
            raise IntegrityError("always", None, Exception("conflict"))

        monkeypatch.setattr(index_module, "_write", conflicting)
        with pytest.raises(IntegrityError):
            index.add(record(image()))
        assert numbers_of_rows(index) == [0, 0, 0, 0]


class TestValues:
    """Values of peers, whatever they are, neither fail nor are they kept at any length."""

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            ("PatientName", "a\0b"),
            ("PatientComments", "x" * 60_000),
            ("StudyDescription", "x" * 5_000),
            ("StudyDate", "never"),
            ("PatientWeight", "nan"),
            ("PatientWeight", "1e999"),
        ],
    )
    def test_odd_value(self, index: Index, keyword: str, value: str) -> None:
        index.add(record(image(**{keyword: value})))
        (found,) = search(index, "STUDY", StudyInstanceUID=study_uid(1), **{keyword: ""})
        assert len(str(found[keyword].value)) <= 10240


def test_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    """It can be run; its figures are for people to judge."""
    qrscp_index.main(["--instances", "450"])
    title, *lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"450 instances indexed in \d+\.\d s", title)
    found = [re.fullmatch(r"(by .+?) +(\d+) studies  median +\d+\.\d\d ms", line) for line in lines]
    assert [each and each[1] for each in found] == list(qrscp_index.QUERIES)
    assert found[-1] is not None
    assert found[-1][2] == "5"
