"""The layers of the package, and a check of every module against them.

The architecture page of the documentation explains the table. Imports run downwards only; within
a layer an arrow points at what a module may import, directly or by way of other arrows, while
modules without arrows between them do not know each other. Below the dashed line there is no
socket, no thread, no clock and no sleep.
"""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

TABLE = """
L8  __main__ -> apps.* -> apps.common.scp -> apps.common.program -> apps.common.output -> facade
L8  apps.common.scp -> apps.common.scu -> apps.common.logs -> apps.common.output
L8  apps.common.scp -> apps.common.options -> apps.common.peers -> apps.common.exits -> facade
L8  apps.common.scu -> apps.common.tls -> apps.common.exits
L8  apps.common.options -> apps.common.logs    apps.common.program -> apps.common.logs
L8  apps.common.program -> apps.common.exits
L8  apps.* -> apps.common.storing -> apps.common.exits
L8  apps.common.storing -> apps.common.heads -> facade
L8  apps.qrscp.attributes -> apps.common.heads
L8  apps.* -> apps.common.retrieving -> apps.common.receiving -> apps.common.storing
L8  apps.common.retrieving -> apps.common.querying -> apps.common.program
L8  apps.common.querying -> apps.common.options    apps.common.querying -> apps.common.scu
L8  apps.common.retrieving -> apps.common.keys -> apps.common.options
L8  apps.common.keys -> apps.common.output    apps.common.receiving -> apps.common.options
L8  apps.common.receiving -> apps.common.output
L8  apps.findscu.findscu -> apps.findscu.matches -> apps.*
L8  apps.getscu.getscu -> apps.getscu.contexts -> apps.*
L8  apps.storescp.storescp -> apps.storescp.studies -> apps.*
L8  apps.storescu.storescu -> apps.storescu.sending -> apps.storescu.inputs -> apps.*
L8  apps.qrscp.qrscp -> apps.qrscp.scp -> apps.qrscp.commitment -> apps.qrscp.settings -> apps.*
L8  apps.qrscp.commitment -> apps.qrscp.archive -> apps.qrscp.index -> apps.qrscp.attributes
L8  apps.qrscp.scp -> apps.qrscp.query -> apps.qrscp.index
L8  apps.qrscp.attributes -> apps.qrscp.matching
L8  __main__ -> apps.demo -> apps.qrscp.qrscp
L8  facade -> _legacy
L7  ae -> _ae_settings
L6  association -> association.association -> association.scu -> association.requests
L6  association.association -> association.service_user    association.scu -> association.instances
L6  association.association -> association.late_start -> association.threads
L6  association.requests -> association.stand_in
L6  association.association -> association.workers
L5  acse    dimse -> exchanges    service_class -> service_class.* -> service_class.base
L5  service_class -> service_class.retrieve -> service_class.query -> service_class.responses
L5  service_class.responses -> service_class.base
L5  service_class_n -> service_class.*    service_class_n -> service_class.query
L5  service_class.retrieve -> service_class.suboperations
L4  dul -> dul.provider -> transport -> transport.server -> transport.connection
L4  transport.connection -> transport.address -> transport.waiting
--------------------------------------------------------------------------------------------------
L3  dul.protocol -> fsm
L2  events -> _handlers
L1  pdu -> pdu_items -> presentation -> pdu_primitives    presentation -> sop_class
L1  _negotiation -> presentation
L1  dimse_messages -> dimse_primitives    dimse_messages -> pdu_primitives    status
L1  dsutils -> _dataset_writer    dsutils -> _dataset_reader    dimse_messages -> _dataset_reader
L0  _wire -> _memo    _wire -> utils -> _config -> _validators    _wire -> errors
L0  _version -> utils -> _uids    utils -> _lazy    utils -> _validators
L0  _spool -> _lazy    _spool -> errors    _encoded -> _lazy
L0  _address    _globals    limits    timer
"""

# What knows about sockets, threads and time; modules that have a reason to use one of them.
IMPURE = {
    "_thread",
    "asyncio",
    "concurrent",
    "datetime",
    "multiprocessing",
    "queue",
    "select",
    "selectors",
    "socket",
    "socketserver",
    "ssl",
    "subprocess",
    "threading",
    "time",
}
PURE_EXCEPT = {
    *(("_lazy", name) for name in ("datetime", "queue", "ssl")),  # it names them, no more
    ("timer", "time"),  # the public Timer of the API reads the clock itself
    ("events", "datetime"),  # Event.timestamp is the time of day
    ("_encoded", "threading"),  # several threads may send the same file
    ("_lazy", "threading"),  # any thread may be the first to use something
    ("events", "threading"),  # any thread may bind handlers, which takes a lock
}
# What may be imported for type hints: by everybody, and by one module of another.
TYPES_FOR_ALL = {"association", "association.association", "ae"}
TYPES_FOR = {
    ("_lazy", "_dataset_reader"),
    ("_lazy", "_dataset_writer"),
    ("_lazy", "_uids"),
    ("_lazy", "sop_class"),
    ("service_class.base", "dimse"),
    ("_handlers", "events"),
    ("pdu_primitives", "presentation"),
}

MAX_LINES = 800
MAX_STATEMENTS = 40

ROOT = Path(__file__).parents[1]


def parse_table(table: str) -> tuple[dict[str, int], set[tuple[str, str]]]:
    """Return the layer of each module, and the imports allowed within a layer."""
    layers: dict[str, int] = {}
    edges: set[tuple[str, str]] = set()
    for row in table.strip().splitlines():
        if row.startswith("-"):
            continue
        label, *groups = re.split(r" {2,}", row.strip())
        for group in groups:
            names = group.split(" -> ")
            layers |= dict.fromkeys(names, int(label[1:]))
            edges |= set(pairwise(names))
    while more := {(a, d) for a, b in edges for c, d in edges if b == c} - edges:
        edges |= more
    return layers, edges


LAYER, EDGES = parse_table(TABLE)
SANS_IO = 3


def module_name(path: Path) -> str:
    """Return the name of a module as the table writes it."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts).removesuffix(".__init__").removeprefix("pynetdicom.")
    return "facade" if name == "pynetdicom" else name


MODULES = {
    module_name(path): path
    for folder in ("pynetdicom", "apps")
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def row_of(module: str) -> str:
    """Return the entry of the table that a module belongs to."""
    if module in LAYER:
        return module
    return module.partition(".")[0] + ".*"


def imports(tree: ast.AST, type_only: bool = False) -> Iterator[tuple[str, int, bool]]:
    """Yield everything imported: its absolute name, the line, and whether only for types."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, type_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level + (node.module or "")
            yield from ((f"{prefix}.{alias.name}", node.lineno, type_only) for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from imports(node, type_only=True)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "lazy":
            # Which pynetdicom._lazy imports then
            ours = next((name for name in (f"_{node.attr}", node.attr) if name in MODULES), None)
            yield f"pynetdicom.{ours}" if ours else node.attr, node.lineno, type_only
        else:
            yield from imports(node, type_only)


def absolute(name: str, module: str) -> str:
    """Return the absolute form of a name that an application imports relative to its package."""
    rest = name.lstrip(".")
    level = len(name) - len(rest)
    if not level or not module.startswith("apps."):
        return name
    return ".".join(["pynetdicom", *module.split(".")[:-level], rest])


def target_of(name: str, modules: set[str]) -> str | None:
    """Return the module of ours that an imported name lies in, None for somebody else's."""
    parts = name.split(".")
    if parts[0] != "pynetdicom":
        return None
    while parts := parts[1:] if parts[0] == "pynetdicom" else parts[:-1]:
        if ".".join(parts) in modules:
            return ".".join(parts)
    return "facade"


def import_violations(module: str, source: str, modules: set[str]) -> Iterator[str]:
    """Yield a line for each import that the table does not allow."""
    here = row_of(module)
    if here not in LAYER:
        yield f"{module} is missing in the table of layers"
        return
    for written, line, type_only in imports(ast.parse(source)):
        where = f"{module}:{line}"
        name = absolute(written, module)
        top = name.partition(".")[0]
        if name.startswith("."):
            yield f"{where} relative import {name}"
        elif top in IMPURE and LAYER[here] <= SANS_IO and (module, top) not in PURE_EXCEPT:
            yield f"{where} imports {top} below the sans-I/O line"
        target = target_of(name, modules)
        if target is None or target == module:
            continue
        if type_only and (target in TYPES_FOR_ALL or (module, target) in TYPES_FOR):
            continue
        there = row_of(target)
        if target == "facade" and (here, there) not in EDGES:
            yield f"{where} imports from the facade"
        elif LAYER.get(there, 99) >= LAYER[here] and (here, there) not in EDGES:
            yield f"{where} imports {target}, which is not below it"


def sleeps(module: str, source: str) -> Iterator[str]:
    """Yield a line for each ``sleep`` that is called or imported."""
    for node in ast.walk(ast.parse(source)):
        called = isinstance(node, ast.Attribute) and ast.unparse(node) == "time.sleep"
        imported = isinstance(node, ast.ImportFrom) and node.module == "time"
        if called or (imported and any(alias.name == "sleep" for alias in node.names)):
            yield f"{module}:{node.lineno} sleeps"


def long_functions(module: str, source: str) -> Iterator[str]:
    """Yield a line for each function with too many statements, its docstring not counted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            statements = sum(isinstance(part, ast.stmt) for part in ast.walk(node)) - 1
            statements -= ast.get_docstring(node) is not None
            if statements > MAX_STATEMENTS:
                yield f"{module}:{node.lineno} {node.name} has {statements} statements"


@pytest.mark.parametrize("module", MODULES)
def test_module(module: str) -> None:
    source = MODULES[module].read_text(encoding="utf-8")
    found = [
        *import_violations(module, source, set(MODULES)),
        *sleeps(module, source),
        *long_functions(module, source),
    ]
    assert not found, "\n".join(found)
    assert len(source.splitlines()) <= MAX_LINES


def test_table_names_real_modules() -> None:
    families = {module.partition(".")[0] + ".*" for module in MODULES}
    assert set(LAYER) - set(MODULES) - families == set()


def test_tests_do_not_sleep() -> None:
    found = [
        line
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line in sleeps(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
    ]
    assert found == []


class TestChecker:
    """The checks find what they are there for."""

    @pytest.mark.parametrize(
        ("module", "source"),
        [
            ("fsm", "from pynetdicom.dul.protocol import UpperLayer"),
            ("pdu", "from pynetdicom import ae"),
            ("pdu", "import pynetdicom.ae"),
            ("pdu_primitives", "from pynetdicom.pdu import decode_pdu"),
            ("pdu_primitives", "from pynetdicom import pdu_items"),
            ("pdu_primitives", "from pynetdicom.presentation import PresentationContext"),
            ("acse", "from pynetdicom.dimse import DIMSEServiceProvider"),
            ("service_class.base", "from pynetdicom.service_class.storage import x"),
            ("service_class.storage", "from pynetdicom.service_class.verification import x"),
            ("dul.protocol", "from pynetdicom.transport import AssociationSocket"),
            ("utils", "def f():\n    from pynetdicom.pdu import decode_pdu"),
            ("association", "from pynetdicom import AE"),
            ("acse", "import pynetdicom"),
            ("acse", "from .dimse import x"),
            ("acse", "from . import dimse"),
            ("apps.common.exits", "from .output import Console"),
            ("apps.qrscp.matching", "from . import scp"),
            ("apps.echoscu.echoscu", "from ..storescu import sending"),
            ("dul.protocol", "import time"),
            ("dul.protocol", "import pynetdicom._lazy as lazy\nlazy.ssl.SSLContext()"),
            ("pdu", "from threading import Lock"),
            ("status", "import socket, sys"),
            ("events", "import time"),
            ("fsm", "if TYPE_CHECKING:\n    from pynetdicom.dul.provider import x"),
            ("unheard_of", "pass"),
            ("dul.unheard_of", "pass"),
        ],
    )
    def test_import_found(self, module: str, source: str) -> None:
        known = {*MODULES, *(name for name in LAYER if "*" not in name), "service_class.storage"}
        known |= {"service_class.verification", module}
        assert list(import_violations(module, source, known))

    @pytest.mark.parametrize(
        ("module", "source"),
        [
            ("dul.protocol", "from pynetdicom.fsm import StateMachine"),
            ("pdu", "from pynetdicom.pdu_primitives import A_ABORT"),
            ("pdu", "from pynetdicom import _config, pdu_items"),
            ("apps.demo", "from pynetdicom import AE, evt"),
            ("apps.qrscp.scp", "from .query import Query\nfrom ..common.exits import Exit"),
            ("apps.demo", "from .qrscp.qrscp import open_archive"),
            ("ae", "from pynetdicom.association import Association\nimport threading"),
            ("events", "from datetime import datetime"),
            ("events", "if TYPE_CHECKING:\n    from pynetdicom.association import Association"),
            ("service_class.storage", "from pynetdicom.service_class.base import ServiceClass"),
            ("transport", "import socket, ssl\nfrom pynetdicom.limits import Limits"),
        ],
    )
    def test_import_allowed(self, module: str, source: str) -> None:
        known = {*MODULES, *(name for name in LAYER if "*" not in name), "service_class.storage"}
        assert list(import_violations(module, source, known)) == []

    @pytest.mark.parametrize("source", ["import time\ntime.sleep(1)", "from time import sleep"])
    def test_sleep_found(self, source: str) -> None:
        assert list(sleeps("pdu", source))

    def test_long_function_found(self) -> None:
        body = "    x = 1\n" * MAX_STATEMENTS
        assert list(long_functions("pdu", f"def f():\n    '''Doc.'''\n{body}")) == []
        assert list(long_functions("pdu", f"def f():\n{body}    return x\n"))
