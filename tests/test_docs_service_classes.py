"""The tables of the pages on service classes, against what the package has."""

from __future__ import annotations

import re

import pytest

import pynetdicom.service_class_n
from pynetdicom import service_class, sop_class
from pynetdicom.service_class import ServiceClass
from pynetdicom.sop_class import SOPClass, listed_sop_classes
from pynetdicom.status import GENERAL_STATUS
from tests.test_docs import DOCS

PAGES = {
    page.stem: page.read_text(encoding="utf-8")
    for page in sorted((DOCS / "service_classes").glob("*.rst"))
}
# On which page a service class is
PAGE_OF = {
    "Verification": "verification",
    "Storage": "storage",
    "NonPatientObjectStorage": "storage",
    "QueryRetrieve": "query_retrieve",
    "HangingProtocolQueryRetrieve": "query_retrieve",
    "ColorPaletteQueryRetrieve": "query_retrieve",
    "ImplantTemplateQueryRetrieve": "query_retrieve",
    "DefinedProcedureProtocolQueryRetrieve": "query_retrieve",
    "ProtocolApprovalQueryRetrieve": "query_retrieve",
    "InventoryQueryRetrieve": "query_retrieve",
    "BasicWorklistManagement": "worklist",
    "ProcedureStep": "procedure_steps",
    "UnifiedProcedureStep": "procedure_steps",
    "StorageCommitment": "storage_commitment",
    "InstanceAvailabilityNotification": "storage_commitment",
    "PrintManagement": "print",
    "MediaCreationManagement": "media_creation",
    "RelevantPatientInformationQuery": "others",
    "SubstanceAdministrationQuery": "others",
    "ApplicationEventLogging": "others",
    "DisplaySystemManagement": "others",
    "RTMachineVerification": "others",
    "StorageManagement": "others",
}
# A row of a table of SOP classes: name, UID
ROW = re.compile(r"^(?P<name>[A-Z]\w+) {2,}(?P<uid>1\.2\.840\.10008[.\d]+)", re.MULTILINE)
# Statuses, alone or as the ends of a range
STATUS = re.compile(r"0x(?P<first>[0-9A-F]{4})(?: to 0x(?P<last>[0-9A-F]{4}))?")
# Of these the status is told in words, or on the page that theirs refers to
ELSEWHERE = {"Storage", "SubstanceAdministrationQuery", "BasicWorklistManagement"}


def known(name: str) -> type[ServiceClass]:
    """Return the service class of a name."""
    for module in (service_class, pynetdicom.service_class_n):
        found: type[ServiceClass] | None = getattr(module, f"{name}ServiceClass", None)
        if found is not None:
            return found
    raise AssertionError(f"there is no service class {name}")


def test_every_service_class_has_its_page() -> None:
    exported = [*service_class.__all__, *pynetdicom.service_class_n.__all__]
    names = {name.removesuffix("ServiceClass") for name in exported} - {""}
    assert {name for name in names if known(name).operations} == set(PAGE_OF)
    assert set(PAGES) == {"index", *PAGE_OF.values()}


@pytest.mark.parametrize("page", PAGES)
def test_uids(page: str) -> None:
    for row in ROW.finditer(PAGES[page]):
        assert getattr(sop_class, row["name"]) == row["uid"]


@pytest.mark.parametrize("name", sorted(set(PAGE_OF) - {"Storage"}))
def test_sop_classes(name: str) -> None:
    """All that the ready lists of contexts have are named, in full or by what they differ in."""
    text = PAGES[PAGE_OF[name]]
    names = {
        value: key
        for key, value in reversed(vars(sop_class).items())
        if isinstance(value, SOPClass)
    }
    listed = listed_sop_classes(f"{name}ServiceClass")
    assert listed
    for uid in listed:
        whole = names[uid]
        shortened = re.sub("(Move|Get)$", "Find", whole) + "``, ``...Move``, ``...Get``"
        assert whole in text or shortened in " ".join(text.split())


@pytest.mark.parametrize("name", sorted(set(PAGE_OF) - ELSEWHERE))
def test_statuses(name: str) -> None:
    told: set[int] = set(GENERAL_STATUS)
    for status in STATUS.finditer(PAGES[PAGE_OF[name]]):
        first, last = (int(code or status["first"], 16) for code in status.groups())
        told.update(range(first, last + 1))
    assert set(known(name).statuses) - told == set()


def test_general_statuses() -> None:
    told = {int(status["first"], 16) for status in STATUS.finditer(PAGES["index"])}
    assert set(GENERAL_STATUS) - told == set()
