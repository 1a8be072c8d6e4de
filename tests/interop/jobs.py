"""What SCUs ask and SCPs answer in the tests of all services, whoever is at which end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pydicom import Dataset
from pydicom import Sequence as Items

from tests.interop.library import PATIENT_ROOT, STUDY_ROOT, VARIOUS, WORKLIST, keys
from tests.support.retrievals import failed_list
from tests.support.samples import instance_uid

PREFIX = "1.2.840.10008."
IMPLICIT, EXPLICIT = PREFIX + "1.2", PREFIX + "1.2.1"
INSTANCE = "1.2.826.0.1.3680043.9.3811.7.1"
MPPS, MPPS_RETRIEVE, MPPS_NOTIFICATION = (PREFIX + f"3.1.2.3.{n}" for n in (3, 4, 5))
COMMITMENT, COMMITMENT_INSTANCE = PREFIX + "1.20.1", PREFIX + "1.20.1.1"
PRINT = PREFIX + "5.1.1."
UPS = {
    name: f"{PREFIX}5.1.4.34.6.{number}"
    for number, name in enumerate(("push", "watch", "pull", "event", "query"), start=1)
}
FIND_MODELS = {
    "repository": PREFIX + "5.1.4.1.1.201.6",
    "hanging-protocol": PREFIX + "5.1.4.38.2",
    "color-palette": PREFIX + "5.1.4.39.2",
    "substance": PREFIX + "5.1.4.41",
    "implant": PREFIX + "5.1.4.43.2",
    "generic-implant": PREFIX + "5.1.4.44.2",
    "implant-group": PREFIX + "5.1.4.45.2",
    "defined-protocol": PREFIX + "5.1.4.20.1",
    "protocol-approval": PREFIX + "5.1.4.1.1.200.4",
    "inventory": PREFIX + "5.1.4.1.1.201.2",
}
RELEVANT = [PREFIX + f"5.1.4.37.{number}" for number in (1, 2, 3)]

# The words of PS3.7 10.3 for the parameters of the send_n_* methods
_AFFECTED = ("n_create", "n_event_report")
_ids = count(1)


def element(keyword: str, value: Any) -> Dataset:
    """Return a data set of one element."""
    data = Dataset()
    setattr(data, keyword, value)
    return data


def elements(**values: Any) -> Dataset:
    """Return a data set."""
    data = Dataset()
    for keyword, value in values.items():
        setattr(data, keyword, value)
    return data


@dataclass
class Call:
    """A request and what becomes of it.

    Attributes
    ----------
    service : str
        ``"n_get"`` for example.
    arguments : dict
        Those of the method that sends it, but for the data set and the Message ID.
    answer : dict
        What the SCP does; see `Provider`.
    responses : list
        What the SCU gets: the elements of the status, and a data set or None.
    data_set : Dataset, optional
        What is sent with it.
    cancel_after : int, optional
        After so many responses the SCU cancels.
    stored : list of str
        The SOP Instance UIDs of what arrives.
    """

    service: str
    arguments: Mapping[str, Any]
    answer: Mapping[str, Any]
    responses: Sequence[tuple[Mapping[str, Any], Dataset | None]]
    data_set: Dataset | None = None
    cancel_after: int | None = None
    stored: Sequence[str] = ()
    id: int = field(default_factory=lambda: next(_ids))

    def to_json(self) -> dict[str, Any]:
        """Return it as `perform` takes it."""
        call = {"service": self.service, "id": self.id, "arguments": self.arguments}
        if self.service not in ("n_get", "n_delete"):
            call["dataset"] = None if self.data_set is None else self.data_set.to_json_dict()
        if self.cancel_after is not None:
            call["cancel_after"] = self.cancel_after
        return call

    def received(self) -> dict[str, Any]:
        """Return what the SCP notes of it."""
        given = self.arguments
        found = {"service": self.service.upper(), "id": self.id}
        if self.service.startswith("c_"):
            found["AffectedSOPClassUID"] = given["query_model"]
            found["Priority"] = given.get("priority", 2)
            names = {"move_aet": "MoveDestination"}
        else:
            kind = "Affected" if self.service in _AFFECTED else "Requested"
            names = {
                "class_uid": f"{kind}SOPClassUID",
                "instance_uid": f"{kind}SOPInstanceUID",
                "action_type": "ActionTypeID",
                "event_type": "EventTypeID",
                "identifier_list": "AttributeIdentifierList",
            }
        for name, value in given.items():
            if name in names and value is not None:
                found[names[name]] = value
        if self.service not in ("n_get", "n_delete"):
            found["data_set"] = (self.data_set or Dataset()).to_json_dict()
        return found


@dataclass
class Job:
    """An association: what is proposed and asked.

    Attributes
    ----------
    contexts, negotiation, calls
        What is proposed, and what is asked.
    stores, more_answers
        How the SCU answers C-STORE requests, and others by Message ID.
    agreed : dict
        What is to be agreed.
    noted : sequence of dict
        What the SCP is to notice besides the requests.
    """

    contexts: Sequence[tuple[str, Sequence[str]]]
    calls: Sequence[Call]
    negotiation: Sequence[Sequence[Any]] = ()
    stores: Mapping[str, int] = field(default_factory=dict)
    more_answers: Mapping[int, Any] = field(default_factory=dict)
    agreed: Mapping[str, Any] = field(default_factory=dict)
    noted: Sequence[Mapping[str, Any]] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as `perform` takes it."""
        return {
            "contexts": self.contexts,
            "negotiation": self.negotiation,
            "stores": self.stores,
            "answers": {str(number): answer for number, answer in self.more_answers.items()},
            "calls": [call.to_json() for call in self.calls],
        }


# -- C-FIND ----------------------------------------------------------------------------------

SUCCESS = {"Status": 0x0000}
PENDING = {"Status": 0xFF00}


def find(
    model: str,
    items: Sequence[tuple[Any, Dataset | None]],
    *final: Mapping[str, Any],
    query: Dataset | None = None,
    **more: Any,
) -> Call:
    """Return a query that has some matches, and ends with Success if not otherwise."""
    yielded = [[status, None if match is None else match.to_json_dict()] for status, match in items]
    responses = [({"Status": status}, match) for status, match in items if match is not None]
    return Call(
        "c_find",
        {"query_model": model},
        {"items": [*yielded, *([[last, None] for last in final])]},
        [*responses, (final[0] if final else SUCCESS, None)],
        query or keys("STUDY", PatientID="*", StudyInstanceUID=""),
        **more,
    )


MATCHES = [
    keys("STUDY", SpecificCharacterSet="ISO_IR 192", PatientName="Yamada^Tarou=山田^太郎"),
    keys("STUDY", SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jürgen", StudyDate=""),
    keys("STUDY", OtherPatientIDs=["1", "2"], NumberOfStudyRelatedInstances=17),
]
STEP = elements(
    SpecificCharacterSet="ISO_IR 192",
    PatientName="Ж^Ж",
    ScheduledProcedureStepSequence=[
        elements(Modality="CT", ScheduledProtocolCodeSequence=[elements(CodeValue="1")]),
        elements(Modality="MR", ScheduledProtocolCodeSequence=[]),
    ],
)


def find_job() -> Job:
    """Return queries of all kinds."""
    patient, study = PATIENT_ROOT["find"], STUDY_ROOT["find"]
    refused = {"Status": 0xA900, "ErrorComment": "no such level", "OffendingElement": 0x00080052}
    cancelled = find(patient, [(0xFF00, MATCHES[2]), (0xFF00, MATCHES[1])], cancel_after=2)
    cancelled.answer["items"].append("cancelled")
    cancelled.responses[-1] = ({"Status": 0xFE00}, None)
    failing = find(patient, [(0xFF00, MATCHES[2])])
    failing.answer["items"].append("raise")
    failing.responses[-1] = ({"Status": 0xC311}, None)
    warned = [(0xFF00, MATCHES[2]), (0xFF01, MATCHES[1])]
    calls = [
        find(patient, list(zip((0xFF00, 0xFF01, 0xFF00), MATCHES, strict=True))),
        find(study, []),
        find(study, [], refused),
        find(study, [(0xFF00, MATCHES[2])], {"Status": 0xA700}),
        cancelled,
        failing,
        find(WORKLIST, [(0xFF00, STEP)], query=STEP),
        find(study, warned * 100),
        *(find(model, [(0xFF00, MATCHES[0])]) for model in FIND_MODELS.values()),
        *(find(model, [(0xFF00, MATCHES[0])]) for model in RELEVANT),
        find(RELEVANT[0], [], {"Status": 0xC100}),
        find(UPS["pull"], [(0xFF00, MATCHES[0])], query=STEP),
        find(UPS["push"], [(0xFF00, MATCHES[0])], query=STEP),
    ]
    models = [patient, study, WORKLIST, *FIND_MODELS.values(), *RELEVANT, UPS["pull"]]
    return Job([(model, [EXPLICIT, IMPLICIT]) for model in models], calls)


# -- C-GET and C-MOVE ------------------------------------------------------------------------

PATHS = [str(sample.path) for sample in VARIOUS]
UIDS = [instance_uid(sample.path) for sample in VARIOUS]
STORAGE = sorted({(str(sample.sop_class), str(sample.transfer_syntax)) for sample in VARIOUS})
CLASSES = sorted({sop_class for sop_class, _ in STORAGE})


def counters(completed: int, failed: int = 0, warned: int = 0) -> dict[str, int]:
    """Return the counters of a response, but for those that remain."""
    return {
        "NumberOfCompletedSuboperations": completed,
        "NumberOfFailedSuboperations": failed,
        "NumberOfWarningSuboperations": warned,
    }


def pending(number: int, *outcomes: str) -> list[tuple[dict[str, int], None]]:
    """Return the Pending responses of a retrieval of so many instances."""
    done = [
        [sum(outcome == kind for outcome in outcomes[: index + 1]) for kind in "cfw"]
        for index in range(len(outcomes))
    ]
    return [
        (
            {**PENDING, "NumberOfRemainingSuboperations": number - index, **counters(*counts)},
            None,
        )
        for index, counts in enumerate(done, start=1)
    ]


def retrieve(service: str, destination: str = "") -> Iterator[Call]:
    """Yield retrievals with all kinds of ends."""
    model = PATIENT_ROOT[service]
    arguments = {"query_model": model}
    answer: dict[str, Any] = {}
    if service == "move":
        arguments["move_aet"] = destination
        answer["destination"] = True
    name, query = f"c_{service}", keys("PATIENT", PatientID="12")
    number = len(PATHS)
    items = [[0xFF00, path] for path in PATHS]
    yield Call(
        name,
        {**arguments, "priority": 1},
        {**answer, "number": number, "items": items},
        [*pending(number, *"c" * number), ({**SUCCESS, **counters(number)}, None)],
        query,
        stored=UIDS,
    )
    yield Call(
        name,
        arguments,
        {**answer, "number": 0, "items": []},
        [({**SUCCESS, **counters(0)}, None)],
        query,
    )
    yield Call(
        name,
        arguments,
        {**answer, "number": 3, "items": [items[0], "cancelled"]},
        [
            *pending(3, "c"),
            ({"Status": 0xFE00, **counters(1)}, failed_uids()),
        ],
        query,
        cancel_after=1,
        stored=UIDS[:1],
    )
    yield Call(
        name,
        arguments,
        {**answer, "number": 3, "items": [items[0], [0xA701, None]]},
        [*pending(3, "c"), ({"Status": 0xA701, **counters(1, 2)}, failed_uids())],
        query,
        stored=UIDS[:1],
    )
    failed = {"get": 0xC411, "move": 0xC511}[service]
    yield Call(
        name,
        arguments,
        {**answer, "number": 3, "items": [items[0], "raise"]},
        [*pending(3, "c"), ({"Status": failed, **counters(1, 2)}, failed_uids())],
        query,
        stored=UIDS[:1],
    )


def partly(service: str, destination: str = "") -> Call:
    """Return a retrieval of which one instance is refused and one taken with a warning."""
    arguments = {"query_model": STUDY_ROOT[service]}
    answer: dict[str, Any] = {"number": 3, "items": [[0xFF00, path] for path in PATHS[:3]]}
    if service == "move":
        arguments["move_aet"] = destination
        answer["destination"] = True
    return Call(
        f"c_{service}",
        arguments,
        answer,
        [
            *pending(3, *"fwc"),
            ({"Status": 0xB000, **counters(1, 1, 1)}, failed_uids(UIDS[0])),
        ],
        keys("STUDY", StudyInstanceUID="1.2.3"),
        stored=UIDS[:3],
    )


def failed_uids(*uids: str) -> Dataset:
    """Return a Failed SOP Instance UID List."""
    found = failed_list(*uids)
    del found.PatientID
    return found


PARTLY = {UIDS[0]: 0xA700, UIDS[1]: 0xB000}


def get_job(is_partial: bool) -> Job:
    """Return retrievals on the association itself."""
    calls = [partly("get")] if is_partial else list(retrieve("get"))
    models = [(model["get"], [IMPLICIT]) for model in (PATIENT_ROOT, STUDY_ROOT)]
    return Job(
        [*models, *((sop_class, [syntax]) for sop_class, syntax in STORAGE)],
        calls,
        [("role", sop_class, False, True) for sop_class in CLASSES],
        PARTLY if is_partial else {},
    )


def move_job(destination: str) -> Job:
    """Return retrievals to another AE."""
    calls = list(retrieve("move", destination))
    nowhere = {"query_model": PATIENT_ROOT["move"], "move_aet": "NOWHERE"}
    query = keys("PATIENT", PatientID="12")
    unknown = [({"Status": 0xA801}, Dataset())]
    calls.append(Call("c_move", nowhere, {"destination": True, "items": []}, unknown, query))
    return Job([(PATIENT_ROOT["move"], [EXPLICIT])], calls)


# -- DIMSE-N ---------------------------------------------------------------------------------


def normalized(
    service: str,
    sop_class: str,
    instance: str | None = INSTANCE,
    data_set: Dataset | None = None,
    reply: Dataset | None = None,
    status: Any = 0x0000,
    **more: Any,
) -> Call:
    """Return a request that is answered as given."""
    arguments = {"class_uid": sop_class, "instance_uid": instance, **more}
    answer: dict[str, Any] = {"status": status}
    if reply is not None:
        answer["data_set"] = reply.to_json_dict()
    found = dict(status) if isinstance(status, dict) else {"Status": status}
    if service == "n_event_report":
        found.update(AffectedSOPClassUID=sop_class, EventTypeID=more["event_type"])
    is_served = found["Status"] in (0x0000, 0x0001, 0x0107, 0x0116, 0xB600)
    received = (reply or Dataset()) if is_served and service != "n_delete" else None
    if service == "n_create" and received is not None:
        received = Dataset(received)
        received.pop("AffectedSOPInstanceUID", None)
    return Call(service, arguments, answer, [(found, received)], data_set)


def performed(status: str) -> Dataset:
    """Return attributes of a performed procedure step."""
    return elements(
        SpecificCharacterSet="ISO_IR 100",
        PatientName="Müller^Jürgen",
        PerformedProcedureStepStatus=status,
        PerformedSeriesSequence=[elements(ReferencedImageSequence=Items([])), Dataset()],
    )


def procedure_step_job() -> Job:
    """Return the life of a performed procedure step, and what goes wrong in it."""
    begun, ended = performed("IN PROGRESS"), performed("COMPLETED")
    comment = {"Status": 0x0110, "ErrorComment": "it has been completed", "ErrorID": 0xA710}
    tags = [0x00400252, 0x00100010]
    named = {"Status": 0x0107, "AttributeIdentifierList": [0x00400253, 0x00400254]}
    assigned = elements(PatientID="9")
    assigned.add_new(0x00001000, "UI", INSTANCE)
    raising = normalized("n_set", MPPS, data_set=ended, status=0x0110)
    raising.answer = {"raise": "as it was to be"}
    calls = [
        normalized("n_create", MPPS, data_set=begun, reply=begun),
        normalized("n_create", MPPS, None, data_set=begun, reply=assigned),
        normalized("n_create", MPPS, data_set=None),
        normalized("n_create", MPPS, data_set=begun, status=0x0111),
        normalized("n_set", MPPS, data_set=ended, reply=element("PatientID", "9")),
        normalized("n_set", MPPS, data_set=ended),
        normalized("n_set", MPPS, data_set=ended, status=comment),
        normalized("n_set", MPPS, data_set=ended, reply=ended, status=0x0001),
        normalized("n_set", MPPS, data_set=ended, reply=ended, status=named),
        raising,
        normalized("n_get", MPPS_RETRIEVE, reply=ended, identifier_list=tags),
        normalized("n_get", MPPS_RETRIEVE, reply=ended, identifier_list=tags[:1]),
        normalized("n_get", MPPS_RETRIEVE, reply=ended, identifier_list=tags, status=named),
        normalized("n_get", MPPS_RETRIEVE, identifier_list=tags, status=0x0112),
        normalized("n_event_report", MPPS_NOTIFICATION, event_type=3, data_set=ended),
        normalized("n_event_report", MPPS_NOTIFICATION, event_type=4, data_set=None, status=0x0113),
    ]
    return Job([(uid, [IMPLICIT]) for uid in (MPPS, MPPS_RETRIEVE, MPPS_NOTIFICATION)], calls)


def print_job() -> Job:
    """Return the life of a film session."""
    meta = PRINT + "9"
    box = elements(
        ImageDisplayFormat="STANDARD\\1,1",
        ReferencedFilmSessionSequence=[
            elements(ReferencedSOPClassUID=PRINT + "1", ReferencedSOPInstanceUID=INSTANCE)
        ],
    )
    pixels = elements(
        BasicGrayscaleImageSequence=[elements(Rows=2, Columns=2, BitsAllocated=8)],
    )
    pixels.BasicGrayscaleImageSequence[0].add_new(0x7FE00010, "OB", bytes(range(4)))
    calls = [
        normalized("n_get", PRINT + "16", PREFIX + "5.1.1.17", reply=element("PrinterName", "P")),
        normalized("n_create", PRINT + "1", data_set=element("NumberOfCopies", "2")),
        normalized("n_create", PRINT + "2", INSTANCE + ".2", data_set=box, reply=box),
        normalized("n_set", PRINT + "4", INSTANCE + ".3", data_set=pixels, status=0xB600),
        normalized("n_action", PRINT + "2", INSTANCE + ".2", reply=box, action_type=1),
        normalized("n_action", PRINT + "1", action_type=1, status=0xC600),
        normalized("n_delete", PRINT + "2", INSTANCE + ".2"),
        normalized("n_delete", PRINT + "1", status={"Status": 0x0112, "ErrorComment": "gone"}),
        normalized("n_event_report", PRINT + "16", PREFIX + "5.1.1.17", event_type=2, data_set=box),
    ]
    for call in calls:
        call.arguments = {**call.arguments, "meta_uid": meta}
        if "identifier_list" not in call.arguments and call.service == "n_get":
            call.arguments["identifier_list"] = [0x21100030]
    return Job([(meta, [EXPLICIT])], calls)


def commitment_job() -> Job:
    """Return a storage commitment whose outcome is reported on the same association."""
    wanted = elements(
        TransactionUID="1.2.3",
        ReferencedSOPSequence=[
            elements(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=uid)
            for uid, sop_class in zip(UIDS, CLASSES, strict=False)
        ],
    )
    calls = []
    answers = {}
    for event_type, status in ((1, 0x0000), (2, 0x0110)):
        call = normalized(
            "n_action", COMMITMENT, COMMITMENT_INSTANCE, data_set=wanted, action_type=1
        )
        call.answer = {
            **call.answer,
            "report": {"event_type": event_type, "data_set": wanted.to_json_dict()},
        }
        answers[call.id + 1000] = {"status": status}
        calls.append(call)
    calls.append(
        normalized(
            "n_action",
            COMMITMENT,
            COMMITMENT_INSTANCE,
            data_set=wanted,
            action_type=2,
            status=0x0123,
        )
    )
    # On an association of its own it is the requestor's to report
    calls.append(
        normalized("n_event_report", COMMITMENT, COMMITMENT_INSTANCE, data_set=wanted, event_type=1)
    )
    return Job([(COMMITMENT, [EXPLICIT, IMPLICIT])], calls, more_answers=answers)


def worklist_job() -> Job:
    """Return the life of a unified procedure step, in whatever context there is."""
    push = UPS["push"]
    step = elements(ProcedureStepState="SCHEDULED", InputInformationSequence=[STEP])
    state = elements(ProcedureStepState="IN PROGRESS", TransactionUID="1.2.3")
    calls = [
        normalized("n_create", push, data_set=step, reply=step),
        normalized("n_action", push, data_set=state, action_type=1),
        normalized("n_set", push, data_set=step, status=0x0001),
        normalized("n_get", push, reply=step, identifier_list=[0x00741000, 0x00404021]),
        normalized("n_action", push, data_set=state, action_type=3, status=0xC301),
        normalized("n_event_report", push, data_set=state, event_type=1),
    ]
    return Job([(UPS["watch"], [IMPLICIT]), (UPS["event"], [EXPLICIT])], calls)


def other_job() -> Job:
    """Return a request for each other service class."""
    data = elements(PatientID="1", ReferencedSOPSequence=[elements(ReferencedSOPClassUID=MPPS)])
    logging, substance = PREFIX + "1.40", PREFIX + "1.42"
    availability, media = PREFIX + "5.1.4.33", PREFIX + "5.1.1.33"
    conventional, ion = (PREFIX + f"5.1.4.34.{number}" for number in (8, 9))
    display, management = PREFIX + "5.1.1.40", PREFIX + "5.1.4.1.1.201.5"
    calls = [
        normalized("n_action", logging, logging + ".1", data_set=data, action_type=1),
        normalized("n_action", substance, substance + ".1", data_set=data, action_type=1),
        normalized("n_create", availability, data_set=data, reply=data),
        normalized("n_create", media, data_set=data, reply=data),
        normalized("n_action", media, data_set=data, action_type=1, status=0xC202),
        normalized("n_get", media, reply=data, identifier_list=[0x00100020]),
        normalized("n_create", conventional, data_set=data, reply=data),
        normalized("n_delete", conventional),
        normalized("n_get", ion, status=0xC112, identifier_list=[0x00100020, 0x00100010]),
        normalized("n_get", display, display + ".1", reply=data, identifier_list=[0x00280010]),
        normalized("n_action", management, management + ".1", data_set=data, action_type=1),
        normalized("n_event_report", management, management + ".1", data_set=data, event_type=1),
    ]
    classes = [logging, substance, availability, media, conventional, ion, display, management]
    return Job([(uid, [EXPLICIT]) for uid in classes], calls)


# -- negotiation -----------------------------------------------------------------------------


def negotiation_job(*items: Any, noted: Sequence[Any] = (), **agreed: Any) -> Job:
    """Return an association for which something is negotiated and nothing asked."""
    sop_class, syntax = STORAGE[0]
    contexts = [(PATIENT_ROOT["find"], [EXPLICIT]), (sop_class, [syntax])]
    return Job(contexts, [], items, agreed=agreed, noted=noted)


def identity_job(kind: int, primary: str, secondary: str = "", **agreed: Any) -> Job:
    """Return an association with a user identity."""
    noted = {"identity": kind, "primary": primary, "secondary": secondary}
    return negotiation_job(("identity", kind, primary, secondary, True), noted=[noted], **agreed)


def role_job(scu: bool, scp: bool, *outcome: bool) -> Job:
    """Return an association with a role selection; the acceptor takes that of SCP alone."""
    (found, _), (sop_class, syntax) = (PATIENT_ROOT["find"], EXPLICIT), STORAGE[0]
    accepted = [[found, EXPLICIT, True, False]]
    if not outcome:
        agreed = {"accepted": accepted, "rejected": [[sop_class, 1]]}
    else:
        agreed = {"accepted": [*accepted, [sop_class, syntax, *outcome]], "rejected": []}
    return negotiation_job(("role", sop_class, scu, scp), **agreed)


_COMMON = (STORAGE[0][0], PREFIX + "4.2", [PREFIX + "5.1.4.1.1.88.22"])
NEGOTIATIONS: dict[str, Job] = {
    "user": identity_job(1, "somebody", identity=None),
    "user-and-passcode": identity_job(2, "somebody", "knows", identity=None),
    "kerberos": identity_job(3, "ticket", identity="come in"),
    "saml": identity_job(4, "assertion", identity="come in"),
    "jwt": identity_job(5, "token", identity="come in"),
    "refused": identity_job(1, "nobody", rejected=[2, 2, 1]),
    "scp-role": role_job(False, True, False, True),
    "both-roles": role_job(True, True, False, True),
    "scu-role": role_job(True, False),
    "extended": negotiation_job(
        ("extended", PATIENT_ROOT["find"], [1, 1, 0]),
        extended={PATIENT_ROOT["find"]: [0, 1, 1]},
    ),
    "common-extended": negotiation_job(
        ("common", *_COMMON), noted=[{"common": {_COMMON[0]: [_COMMON[1], *_COMMON[2]]}}]
    ),
    "operations-window": negotiation_job(("window", 5, 3), window=[1, 1]),
}
JOBS: dict[str, Job] = {
    "find": find_job(),
    "get": get_job(False),
    "get-partly": get_job(True),
    "move-to-ours": move_job("OURS"),
    "move-to-older": move_job("OLDER"),
    "procedure-step": procedure_step_job(),
    "print": print_job(),
    "storage-commitment": commitment_job(),
    "unified-procedure-step": worklist_job(),
    "others": other_job(),
}
