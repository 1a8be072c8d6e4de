"""Both ends of all services, for either version: ``services.py scp|scu PORT SPEC``.

What to propose, to ask and to answer is in SPEC, a file in JSON; what the handlers of the SCP
received and what the SCU got goes to standard output, a line of JSON each.
"""

import json
import sys
import threading
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import UID

from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)

HOST = "127.0.0.1"
# Seconds to wait for a response; the older version loses one now and then
TIMEOUT = 5
SERVICES = ("C_FIND", "C_GET", "C_MOVE", "C_STORE")
SERVICES += ("N_ACTION", "N_CREATE", "N_DELETE", "N_EVENT_REPORT", "N_GET", "N_SET")
# What an event has besides its request, by the service
DATA_SETS = {
    "C_FIND": "identifier",
    "C_GET": "identifier",
    "C_MOVE": "identifier",
    "N_ACTION": "action_information",
    "N_CREATE": "attribute_list",
    "N_EVENT_REPORT": "event_information",
    "N_SET": "modification_list",
}
FIELDS = (
    "AffectedSOPClassUID",
    "AffectedSOPInstanceUID",
    "RequestedSOPClassUID",
    "RequestedSOPInstanceUID",
    "ActionTypeID",
    "EventTypeID",
    "AttributeIdentifierList",
    "MoveDestination",
    "MoveOriginatorApplicationEntityTitle",
    "MoveOriginatorMessageID",
    "Priority",
)


def to_json(data):
    """Return a data set, or nothing, as JSON can hold it."""
    return None if data is None else data.to_json_dict()


def from_json(value):
    """Return the data set that JSON holds; anything else as it is."""
    return Dataset.from_json(value) if isinstance(value, dict) else value


def status_of(value):
    """Return a status that a handler gives: a number, or a data set of keywords and values."""
    if not isinstance(value, dict):
        return value
    status = Dataset()
    for keyword, element in value.items():
        setattr(status, keyword, element)
    return status


class Provider:
    """Answers requests as their Message IDs say.

    Parameters
    ----------
    spec : dict
        ``answers`` by Message ID: for a C-FIND, C-GET or C-MOVE a list of what to yield, where
        "cancelled" waits for the C-CANCEL, else a status and a data set. ``destinations`` are the
        ports of move destinations, ``stores`` what to answer to C-STORE requests by SOP
        instance.
    note : callable
        Is given what has been received: a dict.
    folder : pathlib.Path
        Where stored data sets go.
    """

    def __init__(self, spec, note, folder):
        self.spec = spec
        self.note = note
        self.folder = folder

    def handlers(self):
        """Return what to bind."""
        handlers = [(getattr(evt, f"EVT_{name}"), self.handle, [name]) for name in SERVICES]
        handlers.append((evt.EVT_USER_ID, self.identify))
        handlers.append((evt.EVT_SOP_EXTENDED, self.extend))
        handlers.append((evt.EVT_SOP_COMMON, self.extend_common))
        return handlers

    def handle(self, event, name):
        """Handle a request."""
        if name == "C_STORE":
            return self.store(event)
        self.note(self.received(event, name))
        answer = self.spec["answers"][str(event.message_id)]
        if name in ("C_FIND", "C_GET", "C_MOVE"):
            return self.several(event, answer)
        if "report" in answer:
            self.report(event, **answer["report"])
        if "raise" in answer:
            raise ValueError(answer["raise"])
        status = status_of(answer["status"])
        return status if name == "N_DELETE" else (status, from_json(answer.get("data_set")))

    def received(self, event, name):
        """Return what has been received."""
        found = {"service": name, "id": event.message_id}
        for field in FIELDS:
            value = getattr(event.request, field, None)
            if field == "AttributeIdentifierList" and value is not None:
                value = [int(tag) for tag in (value if isinstance(value, list) else [value])]
            if value is not None:
                found[field] = value
        if name in DATA_SETS:
            found["data_set"] = to_json(getattr(event, DATA_SETS[name]))
        return found

    def store(self, event):
        """Keep a data set as it came."""
        request = event.request
        uid = str(request.AffectedSOPInstanceUID)
        (self.folder / uid).write_bytes(event.encoded_dataset(False))
        self.note(
            {
                "service": "C_STORE",
                "instance": uid,
                "syntax": str(event.context.transfer_syntax),
                "originator": request.MoveOriginatorApplicationEntityTitle,
                "originator_id": request.MoveOriginatorMessageID,
            }
        )
        return self.spec.get("stores", {}).get(uid, 0x0000)

    def several(self, event, answer):
        """Yield what the handler of a C-FIND, C-GET or C-MOVE request is to yield."""
        if "destination" in answer:
            title = event.move_destination
            port = self.spec.get("destinations", {}).get(title)
            yield (None, None) if port is None else (HOST, port)
        if "number" in answer:
            yield answer["number"]
        for item in answer["items"]:
            if item == "cancelled":
                pause = threading.Event()  # never set: there is nothing else to wait for
                while not event.is_cancelled:
                    pause.wait(0.01)
                yield 0xFE00, None
            elif item == "raise":
                raise ValueError("as it was to be")
            else:
                status, data = item
                yield status_of(status), dcmread(data) if isinstance(data, str) else from_json(data)

    def report(self, event, event_type, data_set):
        """Report an event to the requestor of an action, before that is answered."""
        request = event.request
        status, reply = event.assoc.send_n_event_report(
            from_json(data_set),
            event_type,
            request.RequestedSOPClassUID,
            request.RequestedSOPInstanceUID,
            msg_id=event.message_id + 1000,
        )
        self.note({"reported": event.message_id, "reply": [to_json(status), to_json(reply)]})

    def identify(self, event):
        """Check a user identity."""
        self.note(
            {
                "identity": event.user_id_type,
                "primary": event.primary_field.decode(),
                "secondary": event.secondary_field.decode(),
            }
        )
        return event.primary_field != b"nobody", b"come in"

    def extend(self, event):
        """Answer SOP class extended negotiation with the same, backwards."""
        return {uid: info[::-1] for uid, info in event.app_info.items()}

    def extend_common(self, event):
        """Accept all SOP class common extended negotiation."""
        self.note(
            {
                "common": {
                    uid: [item.service_class_uid, *item.related_general_sop_class_identification]
                    for uid, item in event.items.items()
                }
            }
        )
        return event.items


def negotiation_item(kind, *values):
    """Return an item of extended negotiation."""
    if kind == "role":
        return build_role(values[0], scu_role=values[1], scp_role=values[2])
    if kind == "identity":
        item = UserIdentityNegotiation()
        item.user_identity_type = values[0]
        item.primary_field = values[1].encode()
        if values[2]:
            item.secondary_field = values[2].encode()
        item.positive_response_requested = values[3]
    elif kind == "extended":
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid = values[0]
        item.service_class_application_information = bytes(values[1])
    elif kind == "common":
        item = SOPClassCommonExtendedNegotiation()
        item.sop_class_uid = values[0]
        item.service_class_uid = values[1]
        item.related_general_sop_class_identification = [UID(uid) for uid in values[2]]
    else:
        item = AsynchronousOperationsWindowNegotiation()
        item.maximum_number_operations_invoked = values[0]
        item.maximum_number_operations_performed = values[1]
    return item


def ask(assoc, call):
    """Send a request and return all its responses."""
    arguments = dict(call["arguments"])
    if "dataset" in call:
        arguments["dataset"] = from_json(call["dataset"])
    send = getattr(assoc, f"send_{call['service']}")
    found = send(msg_id=call["id"], **arguments)
    if call["service"] == "n_delete":
        return [[to_json(found), None]]
    if call["service"].startswith("n_"):
        return [[to_json(part) for part in found]]
    responses = []
    for status, identifier in found:
        responses.append([to_json(status), to_json(identifier)])
        if len(responses) == call.get("cancel_after"):
            assoc.send_c_cancel(call["id"], query_model=arguments["query_model"])
    return responses


def negotiated(assoc):
    """Return what has been agreed in an association."""
    peer = assoc.acceptor
    identity = peer.user_identity
    return {
        "accepted": [
            [cx.abstract_syntax, cx.transfer_syntax[0], cx.as_scu, cx.as_scp]
            for cx in assoc.accepted_contexts
        ],
        "rejected": [[cx.abstract_syntax, cx.result] for cx in assoc.rejected_contexts],
        "identity": identity.server_response.decode() if identity else None,
        "extended": {uid: list(info) for uid, info in peer.sop_class_extended.items()},
        "window": list(peer.asynchronous_operations),
    }


def perform(port, job, note, folder):
    """Ask an SCP for what a job says, in an association of its own; return how that went.

    The job has ``contexts``, ``negotiation``, ``calls`` and what :class:`Provider` takes.
    """
    ae = AE("SCU")
    ae.dimse_timeout = TIMEOUT
    contexts = [build_context(*context) for context in job["contexts"]]
    items = [negotiation_item(*item) for item in job.get("negotiation", ())]
    provider = Provider(job, note, folder)
    served = (evt.EVT_C_STORE, evt.EVT_N_EVENT_REPORT)
    handlers = [binding for binding in provider.handlers() if binding[0] in served]
    assoc = ae.associate(HOST, port, contexts, ae_title="SCP", ext_neg=items, evt_handlers=handlers)
    report = {"established": assoc.is_established, "responses": {}}
    if assoc.is_rejected:
        answer = assoc.acceptor.primitive
        report["rejected"] = [answer.result, answer.result_source, answer.diagnostic]
    if assoc.is_established:
        report["negotiated"] = negotiated(assoc)
        for call in job["calls"]:
            report["responses"][str(call["id"])] = ask(assoc, call)
            if not assoc.is_established:
                break
        assoc.release()
    report["released"] = assoc.is_released
    return report


def start(port, spec, note, folder):
    """Start an SCP for what a specification says, and return its AE and the server."""
    ae = AE("SCP")
    for context in spec["contexts"]:
        ae.add_supported_context(*context)
    ae.requested_contexts = [build_context(*context) for context in spec.get("storage", ())]
    handlers = Provider(spec, note, folder).handlers()
    return ae, ae.start_server((HOST, port), block=False, evt_handlers=handlers)


def say(found):
    """Print what happened as a line."""
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    role, number, path = sys.argv[1:]
    given = json.loads(Path(path).read_text("utf-8"))
    store = Path(path).parent / f"{role}-stored"
    store.mkdir(exist_ok=True)
    if role == "scp":
        start(int(number), given, say, store)
        threading.Event().wait()  # until it is terminated
    say(perform(int(number), given, say, store))
