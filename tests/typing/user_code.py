"""What users write, for the type checker: it is not run.

Half of it asserts the types that they get, half is there to be accepted.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from typing_extensions import assert_type

from pynetdicom import (
    AE,
    ALL_TRANSFER_SYNTAXES,
    Association,
    StoragePresentationContexts,
    VerificationPresentationContexts,
    build_context,
    build_role,
    debug_logger,
    evt,
    register_uid,
)
from pynetdicom.association import Responses
from pynetdicom.dsutils import decode, encode
from pynetdicom.errors import AssociationError
from pynetdicom.events import Event, EventHandlerType
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    SCP_SCU_RoleSelectionNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import PresentationContext, PresentationContextTuple
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import (
    CTImageStorage,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    Printer,
    PrinterInstance,
    Verification,
)
from pynetdicom.status import code_to_category
from pynetdicom.transport import ThreadedAssociationServer

debug_logger()


# -- handlers --------------------------------------------------------------------------------


def handle_echo(event: Event) -> int:
    assert_type(event.message_id, int)
    assert_type(event.assoc, Association)
    assert_type(event.context, PresentationContextTuple)
    assert_type(event.assoc.requestor.address, str)
    assert_type(event.assoc.requestor.port, int)
    return 0x0000


def handle_store(event: Event, folder: Path, logger: logging.Logger) -> int | Dataset:
    data_set = event.dataset
    assert_type(data_set, Dataset)
    assert_type(event.file_meta, FileMetaDataset)
    assert_type(event.encoded_dataset(), bytes)
    assert_type(event.dataset_path, Path)
    data_set.file_meta = event.file_meta
    logger.info("Instance of %s at %s", event.assoc.requestor.ae_title, event.timestamp)
    try:
        event.save_as(folder / f"{event.request.AffectedSOPInstanceUID}.dcm")
    except OSError:
        status = Dataset()
        status.Status = 0xA700
        status.ErrorComment = "Disk full"
        return status
    return 0x0000


def handle_find(event: Event) -> Iterator[tuple[int, Dataset | None]]:
    assert_type(event.identifier, Dataset)
    assert_type(event.is_cancelled, bool)
    if event.is_cancelled:
        yield 0xFE00, None
    yield 0xFF00, event.identifier


def handle_get(event: Event) -> Iterator[int | tuple[int, Dataset | None]]:
    yield 1
    yield 0xFF00, dcmread("file.dcm")


def handle_move(
    event: Event,
) -> Iterator[tuple[str, int] | tuple[None, None] | int | tuple[int, Dataset | None]]:
    assert_type(event.move_destination, str | None)
    yield "127.0.0.1", 11113
    yield 0


def handle_n_get(event: Event) -> tuple[int, Dataset | None]:
    assert_type(event.attribute_identifiers, list[BaseTag])
    return 0x0000, Dataset()


def handle_n_action(event: Event) -> tuple[int, Dataset | None]:
    assert_type(event.action_type, int | None)
    assert_type(event.action_information, Dataset)
    return 0x0000, None


def handle_n_others(event: Event) -> tuple[int, Dataset | None]:
    assert_type(event.attribute_list, Dataset)
    assert_type(event.modification_list, Dataset)
    assert_type(event.event_information, Dataset)
    return 0x0000, None


def handle_identity(event: Event) -> tuple[bool, bytes | None]:
    assert_type(event.user_id_type, int)
    assert_type(event.primary_field, bytes)
    return event.secondary_field == b"password", None


def tell(event: Event) -> None:
    print(event.event.name, event.assoc.requestor.info)


# -- providers -------------------------------------------------------------------------------

server_ae = AE(ae_title="MY_SCP")
server_ae.supported_contexts = VerificationPresentationContexts
for context in StoragePresentationContexts:
    server_ae.add_supported_context(context, ALL_TRANSFER_SYNTAXES)
server_ae.add_supported_context(CTImageStorage, scu_role=True, scp_role=True)
server_ae.require_calling_aet = ["MY_SCU"]
server_ae.acse_timeout = None
server_ae.network_timeout = 2.5
server_ae.log_patient_data = None
server_ae.register_event_handler(evt.EVT_ABORTED, tell)
server_ae.register_event_handler(evt.EVT_C_STORE, handle_store, [Path()])

# Handlers of both kinds of events, in one list
handlers = [(evt.EVT_C_ECHO, handle_echo), (evt.EVT_ESTABLISHED, tell)]
annotated: list[EventHandlerType] = [
    (evt.EVT_C_STORE, handle_store, [Path("received"), logging.getLogger(__name__)]),
    (evt.EVT_C_FIND, handle_find),
    (evt.EVT_C_MOVE, handle_move, None),
]
with_arguments = [(evt.EVT_C_STORE, handle_store, [Path(), logging.getLogger()])]
context_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)

server = server_ae.start_server(("", 11112), block=False, evt_handlers=handlers)
assert_type(server, ThreadedAssociationServer)
server_ae.start_server(("::", 11113, 0, 0), block=False, evt_handlers=annotated)
server_ae.start_server(("", 2762), ssl_context=context_tls, evt_handlers=with_arguments)
server_ae.start_server(
    ("", 104),
    block=True,
    evt_handlers=[
        (evt.EVT_C_GET, handle_get),
        (evt.EVT_N_GET, handle_n_get),
        (evt.EVT_N_ACTION, handle_n_action),
        (evt.EVT_USER_ID, handle_identity),
        (evt.EVT_C_STORE, handle_store, [Path()]),
    ],
)
assert_type(server.active_associations, list[Association])
server.bind(evt.EVT_RELEASED, tell)
server.unbind(evt.EVT_RELEASED, tell)
server.shutdown()

# -- users -----------------------------------------------------------------------------------

ae = AE()
assert_type(ae.ae_title, str)
assert_type(ae.dimse_timeout, float | None)
assert_type(ae.requested_contexts, list[PresentationContext])
ae.requested_contexts = [build_context(CTImageStorage, [ExplicitVRLittleEndian])]
ae.add_requested_context(Verification)
ae.add_requested_context("1.2.840.10008.5.1.4.1.1.4", ImplicitVRLittleEndian)
ae.add_requested_context(PatientRootQueryRetrieveInformationModelFind, ["1.2.840.10008.1.2"])

identity = UserIdentityNegotiation()
identity.user_identity_type = 2
identity.primary_field = b"user"
identity.secondary_field = b"password"
role = build_role(CTImageStorage, scp_role=True)
assert_type(role, SCP_SCU_RoleSelectionNegotiation)

assoc = ae.associate(
    "127.0.0.1",
    11112,
    ae_title="MY_SCP",
    max_pdu=0,
    ext_neg=[identity, role],
    tls_args=(ssl.create_default_context(), "pacs.example.org"),
    evt_handlers=handlers,
)
assert_type(assoc, Association)
assert_type(assoc.is_established, bool)
assert_type(assoc.accepted_contexts, list[PresentationContext])
assert_type(assoc.accepted_contexts[0].transfer_syntax, list[UID])
assert_type(assoc.acceptor.primitive, A_ASSOCIATE | None)

assert_type(assoc.send_c_echo(), Dataset)
assert_type(assoc.send_c_store("file.dcm"), Dataset)
assert_type(assoc.send_c_store(Path("file.dcm"), msg_id=2, priority=0), Dataset)
status = assoc.send_c_store(dcmread("file.dcm"))
if status:
    print(f"0x{status.Status:04x}", code_to_category(status.Status))

query = Dataset()
query.PatientID = "12"
responses = assoc.send_c_find(query, PatientRootQueryRetrieveInformationModelFind)
assert_type(responses, Responses)
for found, identifier in responses:
    assert_type(found, Dataset)
    assert_type(identifier, Dataset | None)
    if found and found.Status in (0xFF00, 0xFF01) and identifier is not None:
        print(identifier.PatientID)
iterator: Iterator[tuple[Dataset, Dataset | None]] = assoc.send_c_get(
    query, PatientRootQueryRetrieveInformationModelGet
)
final, failed = list(iterator)[-1]
moved = assoc.send_c_move(query, "STORE_SCP", PatientRootQueryRetrieveInformationModelMove)
assert_type(next(moved), tuple[Dataset, Dataset | None])
assoc.send_c_cancel(1, query_model=PatientRootQueryRetrieveInformationModelFind)

assert_type(
    assoc.send_n_get([(0x2110, 0x0010), "PrinterName", 0x21100020], Printer, PrinterInstance),
    tuple[Dataset, Dataset | None],
)
assert_type(assoc.send_n_set(query, Printer, PrinterInstance), tuple[Dataset, Dataset | None])
assert_type(assoc.send_n_create(None, Printer), tuple[Dataset, Dataset | None])
assert_type(assoc.send_n_action(query, 1, Printer, PrinterInstance), tuple[Dataset, Dataset | None])
assert_type(
    assoc.send_n_event_report(None, 1, Printer, PrinterInstance), tuple[Dataset, Dataset | None]
)
assert_type(assoc.send_n_delete(Printer, PrinterInstance), Dataset)
assoc.release()
assoc.abort()
assert_type(assoc.get_handlers(evt.EVT_ABORTED), list[evt.HandlerArgType])
assert_type(assoc.get_handlers(evt.EVT_C_ECHO), evt.HandlerArgType)

try:
    with AE() as client, client.associate("", 104, VerificationPresentationContexts) as echo:
        assert_type(client, AE)
        assert_type(echo, Association)
        echo.send_c_echo()
except AssociationError as exc:
    assert_type(exc.reason, int | None)

# -- utilities -------------------------------------------------------------------------------

encoded = encode(query, is_implicit_vr=True, is_little_endian=True)
assert_type(encoded, bytes | None)
assert_type(decode(BytesIO(encoded or b""), True, True), Dataset)
register_uid("1.2.246.1", "PrivateStorage", StorageServiceClass)
