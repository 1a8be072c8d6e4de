"""The reference pages, against what the package has."""

from __future__ import annotations

import re

import pytest

from pynetdicom import presentation, status
from pynetdicom.sop_class import uid_to_service_class
from tests.test_docs import DOCS
from tests.test_layers import MODULES

REFERENCE = {
    page.stem: page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.rst")
}
# A row of the table of services: a list of contexts and the statuses, or one of them
ROW = re.compile(
    r"^(?:\\|\S+(?: \S+)*)? +(?:``(?P<contexts>\w+PresentationContexts)``)?"
    r" *(?:``(?P<statuses>\w+_STATUS)``)?$",
    re.MULTILINE,
)
ROWS = [row.groupdict() for row in ROW.finditer(REFERENCE["contexts"]) if any(row.groups())]


def test_ready_lists_and_tables() -> None:
    named = {name for row in ROWS for name in row.values()}
    text = REFERENCE["contexts"]
    lists = {name for name in dir(presentation) if name.endswith("PresentationContexts")}
    assert {name for name in lists - named if f"``{name}`` " not in text} == set()
    tables = {name for name in dir(status) if name.endswith("_STATUS") and name[0] != "_"}
    assert tables - named == {"MODALITY_WORKLIST_SERVICE_CLASS_STATUS"}
    assert "``MODALITY_WORKLIST_SERVICE_CLASS_STATUS``" in text


PAIRS = [(row["contexts"], row["statuses"]) for row in ROWS if all(row.values())]


@pytest.mark.parametrize(("contexts", "statuses"), PAIRS)
def test_statuses_are_those_of_the_service(contexts: str, statuses: str) -> None:
    table = getattr(status, statuses)
    for context in getattr(presentation, contexts):
        service = uid_to_service_class(context.abstract_syntax)
        by_operation = getattr(service, "_statuses", {})
        assert table is service.statuses or table in by_operation.values()


def test_every_module_has_an_entry() -> None:
    documented = set(re.findall(r"automodule:: pynetdicom\.(\S+)", "".join(REFERENCE.values())))
    public = {name for name in MODULES if not re.search(r"(^|\.)_|^apps|^facade", name)}
    top = {name.partition(".")[0] for name in public}
    assert top - documented == set()
