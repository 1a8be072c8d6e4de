"""What is loaded or made when it is used for the first time, so that programs start quickly.

To load pydicom takes longer than all the rest, and much can be done without it: who echoes, or
sends and saves files, looks into no data set. The same goes for TLS and a few others. Such modules
are attributes of this one::

    import pynetdicom._lazy as lazy

    dataset = lazy.pydicom.dataset.Dataset()

For type hints alone names are imported from where they are, below ``if TYPE_CHECKING``.

Constants of a module that take long to make are declared with :func:`later`, and
:func:`make_later` at its end has them made when they are asked for (PEP 562)::

    VerificationPresentationContexts = later(_contexts_of, "Verification")

    make_later(globals())

Several threads may be the first.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    import contextvars as contextvars
    import datetime as datetime
    import glob as glob
    import inspect as inspect
    import json as json
    import pathlib as pathlib
    import queue as queue
    import ssl as ssl
    import tempfile as tempfile
    import zlib as zlib
    from collections.abc import Callable

    import pydicom as pydicom

    import pynetdicom._dataset_reader as _dataset_reader
    import pynetdicom._dataset_writer as _dataset_writer
    import pynetdicom._uids as _uids
    import pynetdicom.sop_class as _sop_class

    dataset_reader, dataset_writer = _dataset_reader, _dataset_writer
    sop_class, uids = _sop_class, _uids
else:
    # Modules of ours that make much use of pydicom, and so import it as usual
    _OURS = {
        "dataset_reader": "pynetdicom._dataset_reader",
        "dataset_writer": "pynetdicom._dataset_writer",
        "sop_class": "pynetdicom.sop_class",
        "uids": "pynetdicom._uids",
    }

    def __getattr__(name):
        """Return a module, which is an attribute from then on."""
        if name.startswith("_"):
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
        module = import_module(_OURS.get(name, name))
        globals()[name] = module
        return module


_P = ParamSpec("_P")
_T = TypeVar("_T")

_LOCK = RLock()


class _Later(partial[Any]):
    """A constant that is not made yet."""


def later(make: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Declare a constant that is what `make` returns; see :func:`make_later`."""
    constant: _T = _Later(make, *args, **kwargs)  # type: ignore[assignment]
    return constant


def make_later(namespace: dict[str, Any], *others: str) -> None:
    """Take what was declared with :func:`later` out of a module until somebody asks for it.

    Parameters
    ----------
    namespace : dict
        The ``globals()`` of the module.
    *others : str
        Modules that have the rest of its ``__all__``; one after the other is loaded to look.
    """
    module = namespace["__name__"]
    declared = {name: make for name, make in namespace.items() if isinstance(make, _Later)}
    for name in declared:
        del namespace[name]
    if others:
        missing = set(namespace["__all__"]) - set(namespace)
        declared |= {name: _Later(_find, name, others) for name in missing}

    def get(name: str) -> Any:
        if name not in declared:
            raise AttributeError(f"module '{module}' has no attribute '{name}'")
        with _LOCK:
            if name not in namespace:
                namespace[name] = declared[name]()
        return namespace[name]

    def names() -> list[str]:
        return sorted({*namespace, *declared})

    namespace |= {"__getattr__": get, "__dir__": names}


def _find(name: str, modules: tuple[str, ...]) -> Any:
    """Return what the first module that has it knows by a name."""
    return next(getattr(m, name) for m in map(import_module, modules) if hasattr(m, name))
