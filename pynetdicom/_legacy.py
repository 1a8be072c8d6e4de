"""The call forms of versions 0 and 1, each with a warning that shows the present form.

:func:`install` puts them in place. The facade calls it: Python runs that before any other module of
the package, so that the forms are there whatever a program imports, and the modules that they
belong to need not know of them. Type checkers do not see them, which is as good as a warning.

To be rid of the older forms delete this module, its tests, the two lines of the facade, and
``__getattr__()`` of ``sop_class``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any

import pynetdicom._lazy as lazy
import pynetdicom.events as evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association, Responses
from pynetdicom.utils import safe_text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

# What names of version 1 had, and what they have now
_RENAMED = (
    ("SOPClass", ""),
    ("SOPInstance", "Instance"),
    ("ImagePresentationStorage", "ImageStorageForPresentation"),
    ("ImageProcessingStorage", "ImageStorageForProcessing"),
    ("Multiframe", "MultiFrame"),
    ("QueryInformationModelFind", "Query"),
    ("BScanVolume", "BscanVolume"),
    ("Pseudocolor", "PseudoColor"),
    ("ImagingAgest", "ImagingAgent"),
    ("VolumeReport", "VolumeReportStorage"),
    ("ObjectSelectionStorage", "ObjectSelectionDocumentStorage"),
    ("ProcedureSRStorage", "ProcedureLogStorage"),
)

# What callbacks may take, in this order; they need not take all of it
_CALLBACKS: dict[str, tuple[evt.InterventionEvent, tuple[str, ...]]] = {
    "on_c_echo": (evt.EVT_C_ECHO, ("context", "info")),
    "on_c_store": (evt.EVT_C_STORE, ("dataset", "context", "info")),
    "on_c_find": (evt.EVT_C_FIND, ("dataset", "context", "info")),
    "on_c_get": (evt.EVT_C_GET, ("dataset", "context", "info")),
    "on_c_move": (evt.EVT_C_MOVE, ("dataset", "move_aet", "context", "info")),
}


def install() -> None:
    """Put the older forms in place."""
    members: dict[str, Any] = {name: _Callback(name) for name in _CALLBACKS}
    members |= {"start": _start, "stop": _stop}
    members["__init__"] = _with_older_arguments(ApplicationEntity.__init__)
    for name, member in members.items():
        setattr(ApplicationEntity, name, member)
    for name, operation in (("find", "C-FIND"), ("get", "C-GET"), ("move", "C-MOVE")):
        send = getattr(Association, f"send_c_{name}")
        setattr(Association, f"send_c_{name}", _without_model(send, operation))


def _warn(text: str, stacklevel: int = 3) -> None:
    """Warn whoever called the function that calls this one."""
    warnings.warn(text, DeprecationWarning, stacklevel)


# -- names of SOP classes ----------------------------------------------------------------------


def sop_class(name: str, known: dict[str, Any]) -> UID:
    """Return what a name of version 1 in ``sop_class`` stands for; called by its __getattr__()."""
    present = name
    for old, new in _RENAMED:
        present = present.replace(old, new)
    value = known.get(present)
    if not isinstance(value, lazy.uids.UID):
        raise AttributeError(f"module '{known['__name__']}' has no attribute '{safe_text(name)}'")
    _warn(f"'{name}' is now called '{present}'", 4)
    return value


# -- application entities ----------------------------------------------------------------------


def _with_older_arguments(init: Callable[[Any, str], None]) -> Callable[..., None]:
    """Return the constructor of an AE that takes the older arguments, too."""

    @wraps(init)
    def init_with_older_arguments(
        self: ApplicationEntity,
        ae_title: str = "PYNETDICOM",
        port: int = 0,
        scu_sop_class: Iterable[Any] | None = None,
        scp_sop_class: Iterable[Any] | None = None,
    ) -> None:
        init(self, ae_title)
        vars(self)["_port"] = port
        if scu_sop_class is not None:
            _warn("AE(scu_sop_class=[uid]) is deprecated, use ae.add_requested_context(uid)")
        for uid in scu_sop_class or ():
            self.add_requested_context(uid)
        if port or scp_sop_class is not None:
            _warn(
                "AE(port=port, scp_sop_class=[uid]) is deprecated, use "
                "ae.add_supported_context(uid) and ae.start_server((host, port))"
            )
        for uid in scp_sop_class or ():
            self.add_supported_context(uid)
        for name in _CALLBACKS:  # those that a subclass defines
            if not isinstance(getattr(type(self), name), _Callback):
                _bind_callback(self, name, 4)

    return init_with_older_arguments


def _start(self: ApplicationEntity) -> None:
    """Serve the port that was given to the constructor, until :func:`_stop`."""
    _warn("ae.start() is deprecated, use ae.start_server((host, port))")
    self.start_server(("", vars(self).get("_port", 0)), block=True)


def _stop(self: ApplicationEntity) -> None:
    """Stop the servers, and the associations with them."""
    _warn("ae.stop() is deprecated, use ae.shutdown()")
    self.shutdown()


# -- callbacks ---------------------------------------------------------------------------------


class _Callback:
    """The attribute of an AE that takes a callback: what is assigned gets bound to its event."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, ae: ApplicationEntity | None, owner: type) -> Any:
        if ae is None:
            return self
        if self._name not in vars(ae):
            raise AttributeError(f"'{owner.__name__}' object has no attribute '{self._name}'")
        return vars(ae)[self._name]

    def __set__(self, ae: ApplicationEntity, callback: Callable[..., Any]) -> None:
        vars(ae)[self._name] = callback
        _bind_callback(ae, self._name, 4)


def _bind_callback(ae: ApplicationEntity, name: str, stacklevel: int) -> None:
    """Have a callback of an AE called wherever no handler is bound for its event."""
    event = _CALLBACKS[name][0]
    _warn(
        f"{name}() is deprecated, write a handler(event) and use "
        f"start_server(address, evt_handlers=[(evt.{event}, handler)])",
        stacklevel,
    )
    with ae._lock:
        if event not in (binding[0] for binding in ae._bindings):
            ae._bindings.append((event, _call_back, [name]))
        servers = list(ae._servers)
    for server in servers:
        if not server._is_bound(event):
            server.bind(event, _call_back, [name])


def _call_back(event: evt.Event, name: str) -> Any:
    """Handle a request by the callback of that name: give it as many arguments as it takes."""
    callback = getattr(event.assoc.ae, name)
    names = _CALLBACKS[name][1]
    parameters = lazy.inspect.signature(callback).parameters.values()
    known = [each.name for each in parameters if each.name in names]
    if len(known) != len(parameters):  # it has names of its own for them
        is_open = any(each.kind is each.VAR_POSITIONAL for each in parameters)
        known = list(names if is_open else names[: len(parameters)])
    answer = callback(*(_argument(event, each) for each in known))
    return 0x0000 if name == "on_c_echo" and answer is None else answer


def _argument(event: evt.Event, name: str) -> Any:
    """Return an argument of a callback."""
    if name == "context":
        return event.context
    if name == "move_aet":
        return event.move_destination
    if name == "dataset":
        is_store = event.event is evt.EVT_C_STORE
        return event.dataset if is_store else event.identifier
    request = event.request
    return {
        "requestor": event.assoc.requestor.info,
        "acceptor": event.assoc.acceptor.info,
        "parameters": {
            "message_id": event.message_id,
            "priority": getattr(request, "Priority", None),
            "originator_aet": getattr(request, "MoveOriginatorApplicationEntityTitle", None),
            "originator_message_id": getattr(request, "MoveOriginatorMessageID", None),
        },
        "sop_class_extended": event.assoc.requestor.sop_class_extended,
    }


# -- queries without a model -------------------------------------------------------------------


def _without_model(send: Callable[..., Responses], operation: str) -> Callable[..., Responses]:
    """Return `send_c_find`, or one of its kind, that does without a query model."""
    place = send.__code__.co_varnames.index("query_model") - 2

    @wraps(send)
    def send_with_model(self: Association, dataset: Dataset, *args: Any, **kwargs: Any) -> Any:
        if len(args) <= place and "query_model" not in kwargs:
            method = send.__name__
            _warn(f"{method}() without query_model is deprecated, use {method}(..., query_model)")
            kwargs["query_model"] = _first_model(self, operation)
        return send(self, dataset, *args, **kwargs)

    return send_with_model


def _first_model(assoc: Association, operation: str) -> str:
    """Return the SOP class of the first accepted context for an operation, patient root first."""
    patient_root: str = getattr(
        lazy.sop_class, f"PatientRootQueryRetrieveInformationModel{operation[2:].capitalize()}"
    )
    accepted = [
        context.abstract_syntax
        for context in assoc.accepted_contexts
        if context.as_scu and context.abstract_syntax
    ]
    models = [
        uid for uid in accepted if lazy.sop_class.uid_to_sop_class(uid).dimse_msg_type == operation
    ]
    return models[0] if models and patient_root not in models else patient_root
