"""An archive for storage commitment with the older pynetdicom.

``commitment.py PORT CLIENT_PORT [UID...]``: it takes whatever it is sent, loses the instances with
the UIDs, and reports on an association that it requests.
"""

import sys
import threading

from pydicom.dataset import Dataset

from pynetdicom import AE, StoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

HOST = "127.0.0.1"
NO_SUCH_INSTANCE = 0x0112

port, client_port, *lost = sys.argv[1:]
stored = set()


def handle_store(event):
    stored.add(event.request.AffectedSOPInstanceUID)
    return 0x0000


def report(request):
    """Tell the client what has become of its instances."""
    outcome = Dataset()
    outcome.TransactionUID = request.TransactionUID
    outcome.ReferencedSOPSequence = []
    failed = []
    for item in request.ReferencedSOPSequence:
        uid = item.ReferencedSOPInstanceUID
        if uid in stored and uid not in lost:
            outcome.ReferencedSOPSequence.append(item)
        else:
            item.FailureReason = NO_SUCH_INSTANCE
            failed.append(item)
    if failed:
        outcome.FailedSOPSequence = failed
    assoc = ae.associate(HOST, int(client_port), ext_neg=[role])
    status, _ = assoc.send_n_event_report(
        outcome,
        2 if failed else 1,
        StorageCommitmentPushModel,
        StorageCommitmentPushModelInstance,
    )
    print(f"reported 0x{status.Status:04x}" if status else "not reported", flush=True)
    assoc.release()


def handle_action(event):
    threading.Thread(target=report, args=[event.action_information]).start()
    return 0x0000, None


ae = AE("COMMITTER")
ae.dimse_timeout = 5  # it loses a response now and then
ae.add_requested_context(StorageCommitmentPushModel)
role = build_role(StorageCommitmentPushModel, scp_role=True)
ae.supported_contexts = StoragePresentationContexts
ae.add_supported_context(StorageCommitmentPushModel)
handlers = [(evt.EVT_C_STORE, handle_store), (evt.EVT_N_ACTION, handle_action)]
ae.start_server((HOST, int(port)), block=True, evt_handlers=handlers)
