"""The exit codes of the applications, and the exception that ends one of them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes; scripts may rely on them."""

    #: Everything that was asked for has been done
    SUCCESS = 0
    #: Something on this side failed: a file, a port, a program error
    LOCAL = 1
    #: The command line or a configuration file is wrong
    USAGE = 2
    #: There is no connection to the peer
    NO_CONNECTION = 3
    #: The TLS handshake failed, or a key or certificate can't be used
    TLS = 4
    #: The peer rejected the association
    REJECTED = 5
    #: The peer aborted, did not answer in time, or the connection was lost
    ABORTED = 6
    #: The peer accepted none of the presentation contexts that are needed
    NO_CONTEXT = 7
    #: Some of the operations failed
    SOME_FAILED = 8
    #: All of the operations failed
    ALL_FAILED = 9
    #: Ended by Ctrl-C
    INTERRUPTED = 130
    #: Ended by SIGTERM
    TERMINATED = 143


class AppError(Exception):
    """Why an application can't go on.

    Parameters
    ----------
    code : Exit
        The exit code.
    reason : str
        What went wrong, in words and without a full stop.
    advice : str, optional
        What to try.
    is_transient : bool, optional
        Whether the same may succeed a little later.
    """

    def __init__(
        self, code: Exit, reason: str, advice: str = "", is_transient: bool = False
    ) -> None:
        # What a library says may end with a full stop
        super().__init__(f"{reason.rstrip('.')}; {advice}" if advice else reason)
        self.code = code
        self.is_transient = is_transient


def overall(succeeded: int, failures: set[Exit]) -> Exit:
    """Return the exit code of several operations.

    Parameters
    ----------
    succeeded : int
        How many succeeded.
    failures : set of Exit
        The codes of those that failed: `Exit.ALL_FAILED` for an operation that the peer
        refused, otherwise why it could not even be asked for.
    """
    if not failures:
        return Exit.SUCCESS
    if succeeded:
        return Exit.SOME_FAILED
    return failures.pop() if len(failures) == 1 else Exit.ALL_FAILED
