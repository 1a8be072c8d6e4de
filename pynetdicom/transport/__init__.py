"""TCP connections, with TLS or without, and the servers that accept them (PS3.8 9.1).

Sockets are non-blocking. A thread waits in one place, :meth:`AssociationSocket.wait`, for the
socket, for another thread's :meth:`~AssociationSocket.wake` and for a deadline, all in one system
call; and an :class:`AssociationServer` waits for connections in the same way.
"""

from typing import TYPE_CHECKING

import pynetdicom._lazy as _lazy

if TYPE_CHECKING:
    from pynetdicom.transport.address import AddressInformation
    from pynetdicom.transport.connection import AssociationSocket, BindError, looks_like_tls
    from pynetdicom.transport.server import (
        AssociationServer,
        RequestHandler,
        ThreadedAssociationServer,
    )

__all__ = [
    "AddressInformation",
    "AssociationServer",
    "AssociationSocket",
    "BindError",
    "RequestHandler",
    "ThreadedAssociationServer",
    "looks_like_tls",
]

# Python's modules for all this are loaded with the first connection, or the first server
_lazy.make_later(globals(), *(f"{__name__}.{part}" for part in ("address", "connection", "server")))
