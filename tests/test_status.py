"""The statuses of DIMSE responses, against PS3.7 Annex C and the annexes of PS3.4."""

import pytest
from pydicom.dataset import Dataset

from pynetdicom import status
from pynetdicom.status import Status, code_to_category, code_to_status

S, F, W, C, P = "Success", "Failure", "Warning", "Cancel", "Pending"

GENERAL = {
    S: "0000",
    F: """
        0105 0106 0110 0111 0112 0113 0114 0115 0117 0118 0119 0120 0121 0122 0123 0124
        0210 0211 0212 0213
    """,
    W: "0107 0116",
    C: "FE00",
}

# What each service has besides the general ones; "A700-A7FF" is a range
SERVICES = {
    "VERIFICATION_SERVICE_CLASS_STATUS": {},
    "STORAGE_SERVICE_CLASS_STATUS": {F: "A700-A7FF A900-A9FF C000-CFFF", W: "B000 B006 B007"},
    "NON_PATIENT_SERVICE_CLASS_STATUS": {F: "A700 A900 C000"},
    "QR_FIND_SERVICE_CLASS_STATUS": {F: "A700 A710 A900 C000-CFFF", W: "B001", P: "FF00 FF01"},
    "QR_MOVE_SERVICE_CLASS_STATUS": {
        F: "A701 A702 A801 A900 AA00 AA01 AA02 AA03 AA04 C000-CFFF",
        W: "B000",
        P: "FF00",
    },
    "QR_GET_SERVICE_CLASS_STATUS": {
        F: "A701 A702 A900 AA00 AA01 AA02 AA03 AA04 C000-CFFF",
        W: "B000",
        P: "FF00",
    },
    "MODALITY_WORKLIST_SERVICE_CLASS_STATUS": {F: "A700 A900 C000-CFFF", P: "FF00 FF01"},
    "RELEVANT_PATIENT_SERVICE_CLASS_STATUS": {F: "A700 A900 C000 C100 C200", P: "FF00"},
    "SUBSTANCE_ADMINISTRATION_SERVICE_CLASS_STATUS": {F: "A700 A900 C000-CFFF", P: "FF00 FF01"},
    "PROCEDURE_STEP_STATUS": {W: "0001"},
    "PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS": {
        W: "B600 B601 B602 B603 B604 B605 B609 B60A",
        F: "C600 C601 C602 C603 C605 C613 C616",
    },
    "STORAGE_COMMITMENT_SERVICE_CLASS_STATUS": {},
    "STORAGE_MANAGEMENT_SERVICE_CLASS_STATUS": {W: "B010"},
    "APPLICATION_EVENT_LOGGING_SERVICE_CLASS_STATUS": {
        W: "B101 B102 B104",
        F: "C101 C102 C103 C104 C10E C110 C111",
    },
    "MEDIA_CREATION_MANAGEMENT_SERVICE_CLASS_STATUS": {W: "0001", F: "A510 C201 C202 C203"},
    "UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS": {
        W: "0001 B300 B301 B304 B305 B306",
        F: "A700 A900 C000-CFFF",
        P: "FF00 FF01",
    },
    "RT_MACHINE_VERIFICATION_SERVICE_CLASS_STATUS": {F: "C112 C221 C222 C223 C224 C225 C226 C227"},
}

# The failures of the procedure step service with a meaning of their own
NAMED_FAILURES = """
    C300 C301 C302 C303 C304 C307 C308 C309 C310 C311 C312 C313 C314 C315
"""


def codes(text):
    """Return the codes of a cell of the tables above."""
    for cell in text.split():
        first, _, last = cell.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def categories(table):
    return {code: category for category, text in table.items() for code in codes(text)}


def test_general():
    table = status.GENERAL_STATUS
    assert {code: category for code, (category, _) in table.items()} == categories(GENERAL)
    assert len(table) == 24


@pytest.mark.parametrize("name", SERVICES)
def test_service(name):
    table = getattr(status, name)
    expected = categories(SERVICES[name]) | categories(GENERAL)
    assert {code: category for code, (category, _) in table.items()} == expected
    assert type(table) is dict


@pytest.mark.parametrize("name", SERVICES)
def test_texts(name):
    table = getattr(status, name)
    for code, (category, text) in table.items():
        assert bool(text) is (category not in {S, C}), f"{code:04X}"
        assert text.isascii()
        assert not text.endswith(".")


@pytest.mark.parametrize("name", SERVICES)
def test_general_statuses_win(name):
    assert getattr(status, name).items() >= status.GENERAL_STATUS.items()


def test_named_failures_of_unified_procedure_step():
    table = status.UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS
    named = {code for code in codes("C000-CFFF") if table[code] != table[0xC000]}
    assert named == set(codes(NAMED_FAILURES))


def test_there_are_no_other_tables():
    names = {name for name in dir(status) if name.endswith("_STATUS")}
    assert names == {*SERVICES, "GENERAL_STATUS"}


def test_tables_are_independent():
    tables = [getattr(status, name) for name in SERVICES]
    assert len({id(table) for table in tables}) == len(tables)


CATEGORIES = {
    S: "0000",
    F: "0105 0106 0110-0115 0117-0119 0120-0124 0210-0213 A000-AFFF C000-CFFF",
    W: "0001 0107 0116 B000-BFFF",
    C: "FE00",
    P: "FF00 FF01",
}


def test_code_to_category():
    expected = categories(CATEGORIES)
    for code in range(0x10001):
        assert code_to_category(code) == expected.get(code, "Unknown"), f"{code:04X}"


@pytest.mark.parametrize("name", SERVICES)
def test_category_of_a_code_is_that_of_the_service(name):
    for code, (category, _) in getattr(status, name).items():
        assert code_to_category(code) == category


@pytest.mark.parametrize("function", [code_to_category, code_to_status])
@pytest.mark.parametrize("code", [-1, "0000", 1.0, None])
def test_no_code(function, code):
    with pytest.raises(ValueError, match="'code' must be a non-negative integer"):
        function(code)


@pytest.mark.parametrize("code", [0, 0xA801, Status.PENDING])
def test_code_to_status(code):
    result = code_to_status(code)
    assert type(result) is Dataset
    assert [(element.keyword, element.value) for element in result] == [("Status", code)]


class TestStatus:
    def test_members(self):
        assert {member.name: member.value for member in Status} == {
            "SUCCESS": 0x0000,
            "CANCEL": 0xFE00,
            "PENDING": 0xFF00,
            "MOVE_DESTINATION_UNKNOWN": 0xA801,
        }
        assert Status.PENDING == 0xFF00
        assert f"{Status.CANCEL:04x}" == "fe00"

    def test_add(self):
        Status.add("UNABLE_TO_PROCESS", 0xC000)
        try:
            assert type(Status.UNABLE_TO_PROCESS) is int
            assert Status.UNABLE_TO_PROCESS == 0xC000
            Status.add("UNABLE_TO_PROCESS", 0xC001)
            assert Status.UNABLE_TO_PROCESS == 0xC001
            assert len(Status) == 4
        finally:
            del Status.UNABLE_TO_PROCESS

    def test_member_stays(self):
        with pytest.raises(AttributeError):
            Status.add("SUCCESS", 0x0001)

    @pytest.mark.parametrize("name", ["2ND", "", "A B", "add"])
    def test_bad_name(self, name):
        with pytest.raises(ValueError, match=f"'{name}' cannot be used"):
            Status.add(name, 0x0001)

    @pytest.mark.parametrize("code", [-1, 0x10000, "0000", None, 1.0])
    def test_bad_code(self, code):
        with pytest.raises(ValueError, match="'FOO' must be an int from 0 to 65535"):
            Status.add("FOO", code)
        assert not hasattr(Status, "FOO")
