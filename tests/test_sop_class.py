"""The SOP classes, against PS3.4 and against pydicom's dictionary of PS3.6."""

import copy
import pickle

import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

from pynetdicom import service_class, service_class_n, sop_class
from pynetdicom.service_class import (
    BasicWorklistManagementServiceClass,
    HangingProtocolQueryRetrieveServiceClass,
    QueryRetrieveServiceClass,
    ServiceClass,
    StorageServiceClass,
)
from pynetdicom.sop_class import (
    SOPClass,
    is_storage,
    listed_sop_classes,
    register_uid,
    uid_to_service_class,
    uid_to_sop_class,
)

PREFIX = "1.2.840.10008."
STORAGE = PREFIX + "5.1.4.1.1."

# The SOP classes of each service, as its annex of PS3.4 lists them: UIDs without the prefix
SERVICES = {
    "Verification": "1.1",
    "NonPatientObjectStorage": """
        5.1.4.1.1.200.1 5.1.4.1.1.200.3 5.1.4.1.1.200.7 5.1.4.1.1.201.1
        5.1.4.38.1 5.1.4.39.1 5.1.4.43.1 5.1.4.44.1 5.1.4.45.1
    """,
    "QueryRetrieve": """
        5.1.4.1.1.201.6 5.1.4.1.2.1.1 5.1.4.1.2.1.2 5.1.4.1.2.1.3 5.1.4.1.2.2.1 5.1.4.1.2.2.2
        5.1.4.1.2.2.3 5.1.4.1.2.3.1 5.1.4.1.2.3.2 5.1.4.1.2.3.3 5.1.4.1.2.4.2 5.1.4.1.2.4.3
        5.1.4.1.2.5.3
    """,
    "HangingProtocolQueryRetrieve": "5.1.4.38.2 5.1.4.38.3 5.1.4.38.4",
    "ColorPaletteQueryRetrieve": "5.1.4.39.2 5.1.4.39.3 5.1.4.39.4",
    "ImplantTemplateQueryRetrieve": """
        5.1.4.43.2 5.1.4.43.3 5.1.4.43.4 5.1.4.44.2 5.1.4.44.3 5.1.4.44.4 5.1.4.45.2 5.1.4.45.3
        5.1.4.45.4
    """,
    "DefinedProcedureProtocolQueryRetrieve": "5.1.4.20.1 5.1.4.20.2 5.1.4.20.3",
    "ProtocolApprovalQueryRetrieve": "5.1.4.1.1.200.4 5.1.4.1.1.200.5 5.1.4.1.1.200.6",
    "InventoryQueryRetrieve": "5.1.4.1.1.201.2 5.1.4.1.1.201.3 5.1.4.1.1.201.4",
    "BasicWorklistManagement": "5.1.4.31",
    "RelevantPatientInformationQuery": "5.1.4.37.1 5.1.4.37.2 5.1.4.37.3",
    "SubstanceAdministrationQuery": "5.1.4.41 5.1.4.42",
    "ProcedureStep": "3.1.2.3.3 3.1.2.3.4 3.1.2.3.5",
    "PrintManagement": """
        5.1.1.1 5.1.1.14 5.1.1.15 5.1.1.16 5.1.1.16.376 5.1.1.18 5.1.1.2 5.1.1.23 5.1.1.4 5.1.1.4.1
        5.1.1.9
    """,
    "StorageCommitment": "1.20.1",
    "StorageManagement": "5.1.4.1.1.201.5",
    "ApplicationEventLogging": "1.40 1.42",
    "InstanceAvailabilityNotification": "5.1.4.33",
    "MediaCreationManagement": "5.1.1.33",
    "UnifiedProcedureStep": "5.1.4.34.6.1 5.1.4.34.6.2 5.1.4.34.6.3 5.1.4.34.6.4 5.1.4.34.6.5",
    "RTMachineVerification": "5.1.4.34.8 5.1.4.34.9",
    "DisplaySystemManagement": "5.1.1.40",
}

# What is known beyond those; not part of the ready-made lists of presentation contexts
FURTHER = {
    "Storage": """
        5.1.1.27 5.1.1.29 5.1.1.30 5.1.4.1.1.3 5.1.4.1.1.5 5.1.4.1.1.6 5.1.4.1.1.8 5.1.4.1.1.9
        5.1.4.1.1.10 5.1.4.1.1.11 5.1.4.1.1.12.3 5.1.4.1.1.77.1 5.1.4.1.1.77.2 5.1.4.1.1.129
        5.1.4.1.1.9.1 5.1.4.1.1.88.1 5.1.4.1.1.88.2 5.1.4.1.1.88.3 5.1.4.1.1.88.4 5.1.4.34.1
        5.1.4.1.1.501.1 5.1.4.1.1.501.2.1 5.1.4.1.1.501.2.2 5.1.4.1.1.501.3 5.1.4.1.1.501.4
        5.1.4.1.1.501.5 5.1.4.1.1.501.6 5.1.4.1.1.601.1 5.1.4.1.1.601.2
    """,
    "PrintManagement": """
        5.1.1.4.2 5.1.1.9.1 5.1.1.18.1 5.1.1.22 5.1.1.24 5.1.1.24.1 5.1.1.26 5.1.1.31 5.1.1.32
    """,
    "StorageCommitment": "1.20.2",
    "BasicWorklistManagement": "5.1.4.32.1",
    "RTMachineVerification": "5.1.4.34.2 5.1.4.34.3",
    "UnifiedProcedureStep": "5.1.4.34.4.1 5.1.4.34.4.2 5.1.4.34.4.3 5.1.4.34.4.4",
    "": """
        1.3.10 1.9 3.1.2.1.1 3.1.2.1.4 3.1.2.2.1 3.1.2.3.1 3.1.2.3.2 3.1.2.5.1 3.1.2.5.4 3.1.2.5.5
        3.1.2.6.1 5.1.4.32 5.1.4.32.2 5.1.4.32.3 10.1 10.2 10.3 10.4
    """,
}

# Where a name is not the keyword that PS3.6 has now
OTHER_NAMES = {
    "ColorPaletteInformationModelFind": "ColorPaletteQueryRetrieveInformationModelFind",
    "ColorPaletteInformationModelGet": "ColorPaletteQueryRetrieveInformationModelGet",
    "ColorPaletteInformationModelMove": "ColorPaletteQueryRetrieveInformationModelMove",
    "ModalityWorklistInformationFind": "ModalityWorklistInformationModelFind",
    "OphthlamicOpticalCoherenceTomographyBscanVolumeAnalysisStorage": (
        "OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage"
    ),
    "PseudoColorSoftcopyPresentationStageStorage": "PseudoColorSoftcopyPresentationStateStorage",
    "RTBrachyApplicationSetupDeliveryInstructionsStorage": (
        "RTBrachyApplicationSetupDeliveryInstructionStorage"
    ),
    "RoboticArmRadiationRecordStorage": "RoboticRadiationRecordStorage",
    "VariableModalityLUTSoftcopyPresentationStageStorage": (
        "VariableModalityLUTSoftcopyPresentationStateStorage"
    ),
}


SERVICE_CLASSES = [
    getattr(module, name)
    for module in (service_class, service_class_n)
    for name in module.__all__
    if name != "InformationModelServiceClass"  # which serves nothing by itself
]


NAMES = {name: value for name, value in vars(sop_class).items() if isinstance(value, UID)}
CLASSES = {name: value for name, value in NAMES.items() if isinstance(value, SOPClass)}
INSTANCES = {name: value for name, value in NAMES.items() if type(value) is UID}


def uids(suffixes):
    """Return the UIDs for suffixes as the tables above have them."""
    return {PREFIX + suffix for suffix in suffixes.split()}


def pairs(table):
    return [(uid, service) for service, suffixes in table.items() for uid in sorted(uids(suffixes))]


class TestData:
    @pytest.mark.parametrize("name", NAMES)
    def test_name_is_keyword_of_the_standard(self, name):
        entry = UID_dictionary[NAMES[name]]
        assert entry[4] == OTHER_NAMES.get(name, name)
        assert entry[1] in {"SOP Class", "Meta SOP Class", "Well-known SOP Instance"}
        assert (entry[1] == "Well-known SOP Instance") is (name in INSTANCES)

    def test_nothing_of_the_standard_is_missing(self):
        kinds = {"SOP Class", "Meta SOP Class", "Well-known SOP Instance"}
        standard = {
            entry[4]: uid
            for uid, entry in UID_dictionary.items()
            # Two that were retired have no name any more
            if entry[1] in kinds and entry[4]
        }
        assert len(standard) >= 334
        assert {name: NAMES.get(name) for name in standard} == standard

    def test_counts(self):
        assert len({*CLASSES.values()}) == 252 + sum(map(len, map(str.split, FURTHER.values()))) - 1
        assert len(INSTANCES) == 19
        assert len(NAMES) == len({*NAMES.values()}) + len(OTHER_NAMES)

    @pytest.mark.parametrize(("name", "other"), OTHER_NAMES.items())
    def test_both_spellings_are_the_same(self, name, other):
        assert getattr(sop_class, name) is getattr(sop_class, other)

    @pytest.mark.parametrize("service", SERVICES)
    def test_listed_classes(self, service):
        listed = listed_sop_classes(f"{service}ServiceClass")
        assert listed == sorted(uids(SERVICES[service]))
        assert all(type(uid) is SOPClass for uid in listed)

    def test_listed_storage_classes(self):
        listed = listed_sop_classes("StorageServiceClass")
        assert len(listed) == 170
        others = {uid for suffixes in SERVICES.values() for uid in uids(suffixes)}
        further = {uid for suffixes in FURTHER.values() for uid in uids(suffixes)}
        named = {uid for name, uid in CLASSES.items() if "Storage" in name}
        assert {*listed} == named - others - further

    def test_listed_classes_of_several_services(self):
        listed = listed_sop_classes("VerificationServiceClass", "StorageCommitmentServiceClass")
        assert listed == [PREFIX + "1.1", PREFIX + "1.20.1"]

    @pytest.mark.parametrize(("uid", "service"), pairs(SERVICES) + pairs(FURTHER))
    def test_service_class(self, uid, service):
        name = f"{service}ServiceClass"
        assert uid_to_service_class(uid).__name__ == name
        assert uid_to_sop_class(uid).service_class.__name__ == name
        assert SOPClass(uid).service_class.__name__ == name

    @pytest.mark.parametrize("name", CLASSES)
    def test_every_class_is_found_by_its_uid(self, name):
        assert uid_to_sop_class(str(CLASSES[name])) is CLASSES[name]
        assert issubclass(CLASSES[name].service_class, ServiceClass)

    @pytest.mark.parametrize("uid", listed_sop_classes("StorageServiceClass"))
    def test_storage_service_class(self, uid):
        assert uid.service_class is StorageServiceClass

    def test_operations_of_query_retrieve(self):
        operations = {}
        for service, suffixes in SERVICES.items():
            for uid in sorted(uids(suffixes)):
                operation = uid_to_sop_class(uid).dimse_msg_type
                operations.setdefault(service, []).append(operation.removeprefix("C-"))
        three = ["FIND", "MOVE", "GET"]
        expected = {
            "QueryRetrieve": ["FIND", *three * 3, "MOVE", "GET", "GET"],
            "HangingProtocolQueryRetrieve": three,
            "ColorPaletteQueryRetrieve": three,
            "ImplantTemplateQueryRetrieve": three * 3,
            "DefinedProcedureProtocolQueryRetrieve": three,
            "ProtocolApprovalQueryRetrieve": three,
            "InventoryQueryRetrieve": three,
            "BasicWorklistManagement": ["FIND"],
            "SubstanceAdministrationQuery": ["FIND", "FIND"],
        }
        assert {s: o for s, o in operations.items() if any(o)} == expected

    def test_uids_of_service_classes(self):
        assert uid_to_service_class(PREFIX + "4.2") is StorageServiceClass
        unified = uid_to_service_class(PREFIX + "5.1.4.34.6")
        assert unified is sop_class.UnifiedProcedureStepPush.service_class

    @pytest.mark.parametrize(
        ("suffix", "name"),
        [
            ("9.100.1", "Waveform Presentation State Storage"),
            ("9.100.2", "Waveform Acquisition Presentation State Storage"),
            ("66.7", "Label Map Segmentation Storage"),
            ("66.8", "Height Map Segmentation Storage"),
        ],
    )
    def test_names_that_pydicom_learns(self, suffix, name):
        uid = UID(STORAGE + suffix)
        assert (uid.name, uid.type) == (name, "SOP Class")
        assert getattr(sop_class, uid.keyword) == uid


class TestSOPClass:
    def test_is_a_uid(self):
        ct = sop_class.CTImageStorage
        assert isinstance(ct, UID)
        assert ct == "1.2.840.10008.5.1.4.1.1.2"
        assert (ct.name, ct.keyword) == ("CT Image Storage", "CTImageStorage")
        assert {ct: 1}["1.2.840.10008.5.1.4.1.1.2"] == 1

    def test_of_unknown_uid(self):
        unknown = SOPClass(" 1.2.3 ")
        assert unknown == "1.2.3"
        assert unknown.service_class is ServiceClass
        assert unknown.dimse_msg_type == ""

    @pytest.mark.parametrize("value", [None, 12, b"1.2.3"])
    def test_type(self, value):
        with pytest.raises(TypeError, match=f"must be a str, not '{type(value).__name__}'"):
            SOPClass(value)

    @pytest.mark.parametrize(
        "clone", [copy.copy, copy.deepcopy, lambda uid: pickle.loads(pickle.dumps(uid))]
    )
    def test_copies(self, clone):
        move = clone(sop_class.StudyRootQueryRetrieveInformationModelMove)
        assert type(move) is SOPClass
        assert move == "1.2.840.10008.5.1.4.1.2.2.2"
        assert move.service_class is QueryRetrieveServiceClass
        assert move.dimse_msg_type == "C-MOVE"

    def test_service_class_that_does_not_exist(self):
        assert SOPClass("1.2.3", "NoSuchServiceClass").service_class is ServiceClass

    def test_unknown_uids(self):
        assert uid_to_service_class("1.2.3") is ServiceClass
        assert uid_to_service_class(sop_class.PrinterInstance) is ServiceClass
        assert type(uid_to_sop_class("1.2.3")) is SOPClass


def test_is_storage():
    unrestricted = {name for name, uid in CLASSES.items() if is_storage(uid)}
    storage = {name for name, uid in CLASSES.items() if uid.service_class is StorageServiceClass}
    assert unrestricted == storage
    assert is_storage("1.2.3")
    assert is_storage(PREFIX + "9999")
    assert not is_storage(PREFIX + "5.1.4.38.1")


class TestRegisterUID:
    @pytest.fixture(autouse=True)
    def _restore(self, monkeypatch):
        """Undo what the tests register."""
        monkeypatch.setattr(sop_class, "_SOP_CLASSES", {**sop_class._SOP_CLASSES})
        before = {**vars(sop_class)}
        yield
        for name in vars(sop_class).keys() - before.keys():
            delattr(sop_class, name)
        vars(sop_class).update(before)

    def test_storage(self):
        register_uid("1.2.246.1", "FooStorage", StorageServiceClass)
        registered = sop_class.FooStorage
        assert type(registered) is SOPClass
        assert registered == "1.2.246.1"
        assert registered.service_class is StorageServiceClass
        assert uid_to_service_class("1.2.246.1") is StorageServiceClass
        assert uid_to_sop_class("1.2.246.1") is registered
        assert is_storage("1.2.246.1")

    @pytest.mark.parametrize("operation", ["C-FIND", "C-GET", "C-MOVE"])
    def test_query_retrieve(self, operation):
        register_uid("1.2.246.1", "FooModel", QueryRetrieveServiceClass, operation)
        assert sop_class.FooModel.dimse_msg_type == operation
        assert not is_storage("1.2.246.1")

    @pytest.mark.parametrize("operation", ["", "C-STORE", "c-find"])
    def test_query_retrieve_needs_an_operation(self, operation):
        with pytest.raises(ValueError, match=r"one of \['C-FIND', 'C-GET', 'C-MOVE'\]"):
            register_uid("1.2.246.1", "FooModel", QueryRetrieveServiceClass, operation)
        assert uid_to_service_class("1.2.246.1") is ServiceClass
        assert not hasattr(sop_class, "FooModel")

    @pytest.mark.parametrize(("given", "kept"), [("", "C-FIND"), ("C-MOVE", "C-MOVE")])
    def test_class_derived_from_query_retrieve(self, given, kept):
        register_uid("1.2.246.1", "FooModel", HangingProtocolQueryRetrieveServiceClass, given)
        assert sop_class.FooModel.dimse_msg_type == kept

    def test_worklist(self):
        register_uid("1.2.246.1", "FooWorklist", BasicWorklistManagementServiceClass)
        assert sop_class.FooWorklist.dimse_msg_type == "C-FIND"
        with pytest.raises(ValueError, match=r"one of \['C-FIND'\] with Basic"):
            register_uid("1.2.246.1", "FooWorklist", BasicWorklistManagementServiceClass, "C-GET")

    def test_operation_of_other_service_is_ignored(self):
        register_uid("1.2.246.1", "FooStorage", StorageServiceClass, "C-FIND")
        assert sop_class.FooStorage.dimse_msg_type == ""

    @pytest.mark.parametrize("service", SERVICE_CLASSES)
    def test_any_service_class(self, service):
        register_uid("1.2.246.1", "Foo", service, "C-FIND")
        assert sop_class.Foo.service_class is service
        is_model = issubclass(service, service_class.InformationModelServiceClass)
        assert sop_class.Foo.dimse_msg_type == ("C-FIND" if is_model else "")

    def test_operation_that_is_not_served(self):
        base = service_class.InformationModelServiceClass
        with pytest.raises(ValueError, match=r"must be one of \[\] with InformationModel"):
            register_uid("1.2.246.1", "Foo", base, "C-FIND")

    def test_class_of_the_user(self):
        class PrivateService(StorageServiceClass):
            pass

        register_uid("1.2.246.1", "Foo", PrivateService)
        assert sop_class.Foo.service_class is PrivateService
        assert uid_to_service_class("1.2.246.1") is PrivateService

    def test_another_service_for_a_known_class(self):
        known = sop_class.CTImageStorage
        register_uid(known, "CTImageStorage", HangingProtocolQueryRetrieveServiceClass)
        assert sop_class.CTImageStorage.service_class is HangingProtocolQueryRetrieveServiceClass
        assert known.service_class is HangingProtocolQueryRetrieveServiceClass

    @pytest.mark.parametrize("keyword", ["", "2nd", "a-b", "class", "None"])
    def test_keyword_that_is_none(self, keyword):
        with pytest.raises(ValueError, match="is not an identifier or reserved by Python"):
            register_uid("1.2.246.1", keyword, StorageServiceClass)

    @pytest.mark.parametrize("keyword", ["SOPClass", "register_uid", "__name__"])
    def test_keyword_in_use(self, keyword):
        with pytest.raises(ValueError, match=f"'{keyword}' is in use"):
            register_uid("1.2.246.1", keyword, StorageServiceClass)

    @pytest.mark.parametrize("service", [int, "StorageServiceClass", None, object()])
    def test_no_service_class(self, service):
        with pytest.raises(TypeError, match="must be a class derived from ServiceClass"):
            register_uid("1.2.246.1", "Foo", service)

    @pytest.mark.parametrize("uid", ["", "1" * 65])
    def test_no_uid(self, uid):
        with pytest.raises(ValueError, match="Invalid 'uid' value"):
            register_uid(uid, "Foo", StorageServiceClass)
