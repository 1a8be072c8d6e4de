"""What is loaded when, and that nobody sees the difference."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import UID
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, STANDARD_VR

import pynetdicom
from pynetdicom import (
    ALL_TRANSFER_SYNTAXES,
    _lazy,
    dsutils,
    presentation,
    service_class,
    sop_class,
    status,
)
from pynetdicom.apps.common import heads
from tests.support.apps import TIMEOUT, RunningApp, environment, run_app
from tests.support.sockets import HOST

FILE = get_testdata_file("CT_small.dcm", download=False)

# Runs an application, and has its last line say which of some modules were loaded in the end
PROGRAM = """
import json, sys
from pynetdicom.__main__ import main
code = main(sys.argv[1:])
print(json.dumps([name for name in ("pydicom", "ssl") if name in sys.modules]))
sys.exit(code)
"""


def run(code: str) -> str:
    """Run code in an interpreter of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def start(*args: object) -> subprocess.Popen[str]:
    """Start an application that tells in the end what it loaded."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, args)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


class TestImport:
    @pytest.mark.parametrize(
        "code",
        [
            "import pynetdicom",
            "from pynetdicom import AE, evt, Association, build_context, debug_logger",
            "from pynetdicom import AE; ae = AE(); ae.add_requested_context('1.2.840.10008.1.1')",
            "import pynetdicom.status, pynetdicom.dsutils, pynetdicom.events, pynetdicom.transport",
            "from pynetdicom import AE; ae = AE(); ae.add_supported_context('1.2.840.10008.1.1')",
        ],
    )
    def test_what_is_left_out(self, code: str) -> None:
        left_out = [
            "pydicom",
            "ssl",
            "inspect",
            "tempfile",
            "socketserver",
            "pathlib",
            "json",
            "argparse",
        ]
        # Editable installations of packages load some before any program begins
        begin = "import sys; before = {*sys.modules}"
        end = f"print({{*{left_out}}} & {{*sys.modules}} - before)"
        assert run(f"{begin}\n{code}\n{end}") == "set()"

    def test_main_loads_the_one_application(self) -> None:
        code = "from pynetdicom.__main__ import main; main(['echoscu', '--help'])"
        loaded = run(f"{code}\nimport sys; print(*(m for m in sys.modules if '.apps.' in m))")
        apps = {name.split(".")[2] for name in loaded.split() if name.startswith("pynetdicom.apps")}
        assert apps == {"common", "echoscu"}


class TestApplications:
    @pytest.mark.parametrize(
        ("server", "client"), [("echoscp", ["echoscu"]), ("storescp", ["storescu"])]
    )
    def test_send_without_pydicom(self, server: str, client: list[str], tmp_path: Path) -> None:
        more = ["-od", tmp_path] if server == "storescp" else []
        scp = RunningApp(start(server, 0, "--json", "--bind-address", HOST, *more))
        scu = start(*client, HOST, scp.port, *([FILE] if more else []))
        out, err = scu.communicate(timeout=TIMEOUT)
        ended = scp.stop()
        assert (scu.returncode, err, ended.code, ended.err) == (0, "", 0, "")
        assert json.loads(out.splitlines()[-1]) == []
        if more:
            (received,) = tmp_path.iterdir()
            assert (
                dsutils.read_file_head(received.read_bytes())[:3]
                == (dsutils.read_file_head(Path(FILE).read_bytes())[:3])
            )

    def test_conversion_loads_it(self, tmp_path: Path) -> None:
        scp = RunningApp(start("storescp", 0, "--json", "--bind-address", HOST, "-od", tmp_path))
        scu = start("storescu", "-xi", HOST, scp.port, FILE)
        out, _ = scu.communicate(timeout=TIMEOUT)
        ended = scp.stop()
        assert scu.returncode == ended.code == 0
        assert "pydicom" in json.loads(out.splitlines()[-1])

    def test_width_of_help(self) -> None:
        wide, narrow = (run_app("echoscu", "--help", COLUMNS=width).out for width in ("200", "60"))
        assert max(map(len, narrow.splitlines())) < 80 < max(map(len, wide.splitlines()))


class TestUIDs:
    NAME = "print(UID('1.2.840.10008.1.2.4.110').name)"

    @pytest.mark.parametrize(
        "code",
        [
            f"from pydicom.uid import UID\nimport pynetdicom.sop_class\n{NAME}",
            f"import pynetdicom.sop_class\nfrom pydicom.uid import UID\n{NAME}",
            f"from pynetdicom import VerificationPresentationContexts\n"
            f"from pydicom.uid import UID\n{NAME}",
            f"from pydicom.uid import UID\nfrom pynetdicom import build_context\n"
            f"build_context('1.2', UID('1.2.840.10008.1.2')).abstract_syntax\n{NAME}",
        ],
    )
    def test_newer_ones_have_names(self, code: str) -> None:
        assert run(code) == "JPEG XL Lossless"

    def test_every_one_is_of_pydicom(self) -> None:
        code = """
import sys
from pynetdicom import AE, build_context
from pynetdicom.pdu_items import PresentationContextItemRQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, SOPClassCommonExtendedNegotiation

ae, request, common = AE(), A_ASSOCIATE(), SOPClassCommonExtendedNegotiation()
ae.add_requested_context("1.2.3")
request.application_context_name = "1.2.4"
common.sop_class_uid, common.related_general_sop_class_identification = "1.2.5", ["1.2.6", b"1.7"]
context = ae.requested_contexts[0]
item = PresentationContextItemRQ()
item.from_primitive(build_context("1.2.7", "1.2.840.10008.1.2"))
assert "pydicom" not in sys.modules

uids = [context.abstract_syntax, *context.transfer_syntax, *context.as_tuple[1:]]
uids += [ae.implementation_class_uid, request.application_context_name, common.sop_class_uid]
uids += [*common.related_general_sop_class_identification, item.abstract_syntax]
uids += [*item.transfer_syntax, item.abstract_transfer_syntax_sub_items[0].abstract_syntax_name]
from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID
from pydicom.uid import UID
print({type(uid) is UID for uid in [*uids, PYNETDICOM_IMPLEMENTATION_UID]}, len(uids))
"""
        assert run(code) == "{True} 15"

    def test_list_of_a_context_stays_the_same(self) -> None:
        context = presentation.build_context("1.2", ["1.2.840.10008.1.2"])
        syntaxes = context.transfer_syntax
        syntaxes.append("1.2.840.10008.1.2.1")  # type: ignore[arg-type]
        assert context.transfer_syntax is syntaxes
        assert [type(uid) for uid in syntaxes] == [UID, UID]

    def test_pickled_context_is_the_same(self) -> None:
        context = presentation.build_context(sop_class.CTImageStorage)
        for twin in (copy.deepcopy(context), pickle.loads(pickle.dumps(context))):
            assert twin == context
            assert isinstance(twin.abstract_syntax, UID)

    def test_conversions_without_pydicom(self) -> None:
        for uid in map(UID, ALL_TRANSFER_SYNTAXES):
            expected = (uid.is_implicit_VR, uid.is_little_endian, uid.is_deflated)
            assert dsutils.encoding_of(uid) == expected

    def test_value_representations(self) -> None:
        assert {vr.encode() for vr in EXPLICIT_VR_LENGTH_32} == dsutils.LONG_VRS
        assert {vr.encode() for vr in STANDARD_VR} == heads._VRS
        for tag, vr in heads._KNOWN_VRS.items():
            assert pydicom.datadict.dictionary_VR(tag) == vr


LAZY: list[tuple[ModuleType, str]] = [
    *((module, name) for module in (pynetdicom, service_class) for name in module.__all__),
    *((presentation, name) for name in dir(presentation) if name.endswith("Contexts")),
    *((status, name) for name in dir(status) if name.endswith("_STATUS")),
]


class TestConstants:
    def test_there_are_some(self) -> None:
        assert len(LAZY) > 90

    @pytest.mark.parametrize(
        ("module", "name"), LAZY, ids=[f"{module.__name__}.{name}" for module, name in LAZY]
    )
    def test_each(self, module: ModuleType, name: str) -> None:
        assert name in dir(module)
        value = getattr(module, name)
        assert value is getattr(module, name)
        assert type(value).__name__ != "_Later"
        assert name in vars(module)

    def test_star(self) -> None:
        names = run("from pynetdicom import *\nprint(*sorted(globals()))").split()
        assert set(pynetdicom.__all__) <= set(names)

    @pytest.mark.parametrize("module", [pynetdicom, presentation, service_class, status, _lazy])
    def test_unknown_name(self, module: ModuleType) -> None:
        with pytest.raises(AttributeError, match=f"'{module.__name__}' has no .*'_unheard_of'"):
            _ = module._unheard_of

    def test_lists_are_the_same_by_both_names(self) -> None:
        assert pynetdicom.StoragePresentationContexts is presentation.StoragePresentationContexts


class TestThreads:
    def test_constant_is_made_once(self) -> None:
        calls, barrier = [], threading.Barrier(8)

        def make() -> list[int]:
            calls.append(1)
            return calls

        namespace = {"__name__": "mine", "CONSTANT": _lazy.later(make)}
        _lazy.make_later(namespace)
        found = []

        def get() -> None:
            barrier.wait(TIMEOUT)
            found.append(namespace["__getattr__"]("CONSTANT"))  # type: ignore[operator]

        threads = [threading.Thread(target=get) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT)
        assert calls == [1]
        assert [each is calls for each in found] == [True] * 8

    def test_pydicom_is_loaded_by_several_at_once(self) -> None:
        code = """
import threading
import pynetdicom._lazy as lazy
from pynetdicom.sop_class import CTImageStorage
from pynetdicom.utils import make_uid

barrier, found = threading.Barrier(6), []
uses = [
    lambda: lazy.pydicom.dataset.Dataset() == lazy.pydicom.dataset.Dataset(),
    lambda: CTImageStorage.name == "CT Image Storage",
    lambda: make_uid("1.2.840.10008.1.2.4.110").name == "JPEG XL Lossless",
] * 2

def use(one):
    barrier.wait()
    found.append(one())

threads = [threading.Thread(target=use, args=(one,)) for one in uses]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(found)
"""
        assert run(code) == str([True] * 6)
