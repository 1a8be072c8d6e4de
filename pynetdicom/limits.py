"""What an AE accepts from a peer before it refuses: one number per limit."""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class Limits:
    """Bounds on what a peer can make an application entity hold, and for how long.

    Each AE has its own (:attr:`pynetdicom.ae.ApplicationEntity.limits`); a change applies to the
    associations made after it. Lengths are in bytes, times in seconds.

    Attributes
    ----------
    associate_length : int
        Largest A-ASSOCIATE-RQ or -AC PDU.
    p_data_length : int or None
        Largest P-DATA-TF PDU, whatever was announced. None: 1 MiB or twice the announced
        maximum length, whichever is more, and 16 MiB if that is unlimited.
    command_set_length : int
        Largest command set of one DIMSE message.
    empty_pdvs : int
        PDVs without data, or P-DATA-TF PDUs without a PDV, in a row.
    spool_threshold : int
        A received data set that grows beyond this goes on in a temporary file.
    spool_directory : str or None
        Where such files are made; None for the system's folder for temporary files.
    store_data_length : int or None
        Largest data set of a C-STORE; None for no limit.
    data_set_length : int or None
        Largest data set of any other message; None for no limit.
    inflated_length : int
        Largest data set that a deflated one may grow to when it is decoded.
    inflate_ratio : int
        Largest ratio of inflated to deflated size, tested beyond 16 MiB.
    sequence_depth : int
        Deepest nesting of sequences in a data set that is decoded.
    sequence_items : int or None
        Most items of sequences in a data set that is decoded, all levels together; None for no
        limit. It does not apply to what C-STORE brings in a transfer syntax that compresses
        pixel data, whose frames look like items.
    data_set_elements : int or None
        Most elements of a data set that is decoded, not counting those in sequences.
    cancel_requests : int
        C-CANCEL requests kept for an association.
    unserved_requests : int
        Requests kept for an association while a handler is busy; then its socket is not read.
    unread_responses : int
        Responses kept for a request until they are taken; then the socket is not read.
    operation_time : float or None
        Time for the whole of a C-FIND, C-GET or C-MOVE of ours, however many responses there are;
        None for any time.
    output_length : int
        Bytes handed to the socket at a time; who sends waits for them to leave.
    tls_timeout : float
        Time for a TLS handshake as acceptor.
    close_timeout : float
        Time given to the peer to close the connection after an abort, a rejection or a release.
    stall_rate : int
        Bytes a second below which a PDU that has begun counts as stalled, once the
        network timeout has passed.
    backlog : int
        Connections that the system may queue for a server. What comes when the queue is full is
        lost, and its sender tries again only a second later.
    pending_connections : int
        Connections that have not yet sent an A-ASSOCIATE-RQ; the oldest is closed for a new one.
    pending_per_address : int
        The same for one peer address. Not counted are those whose request is to be read, or began
        to come within the last second.
    error_lines : int
        Lines a second that broken peers at one address may add to the log.
    """

    # Not a dataclass, which would do without the assignments: `dataclasses` loads `inspect`, which
    # takes long, and a program that starts an SCU has no other use for either
    def __init__(
        self,
        *,
        associate_length: int = MIB,
        p_data_length: int | None = None,
        command_set_length: int = 64 * KIB,
        empty_pdvs: int = 64,
        spool_threshold: int = MIB,
        spool_directory: str | None = None,
        store_data_length: int | None = 4 * GIB,
        data_set_length: int | None = 16 * MIB,
        inflated_length: int = 512 * MIB,
        inflate_ratio: int = 200,
        sequence_depth: int = 64,
        sequence_items: int | None = 100_000,
        data_set_elements: int | None = 100_000,
        cancel_requests: int = 16,
        unserved_requests: int = 8,
        unread_responses: int = 64,
        operation_time: float | None = 86400.0,
        output_length: int = MIB,
        tls_timeout: float = 10.0,
        close_timeout: float = 5.0,
        stall_rate: int = 16 * KIB,
        backlog: int = 1024,
        pending_connections: int = 256,
        pending_per_address: int = 32,
        error_lines: int = 10,
    ) -> None:
        self.associate_length = associate_length
        self.p_data_length = p_data_length
        self.command_set_length = command_set_length
        self.empty_pdvs = empty_pdvs
        self.spool_threshold = spool_threshold
        self.spool_directory = spool_directory
        self.store_data_length = store_data_length
        self.data_set_length = data_set_length
        self.inflated_length = inflated_length
        self.inflate_ratio = inflate_ratio
        self.sequence_depth = sequence_depth
        self.sequence_items = sequence_items
        self.data_set_elements = data_set_elements
        self.cancel_requests = cancel_requests
        self.unserved_requests = unserved_requests
        self.unread_responses = unread_responses
        self.operation_time = operation_time
        self.output_length = output_length
        self.tls_timeout = tls_timeout
        self.close_timeout = close_timeout
        self.stall_rate = stall_rate
        self.backlog = backlog
        self.pending_connections = pending_connections
        self.pending_per_address = pending_per_address
        self.error_lines = error_lines

    __slots__ = tuple(__init__.__kwdefaults__ or ())

    def _values(self) -> dict[str, float | str | None]:
        return {name: getattr(self, name) for name in self.__slots__}

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Limits) else NotImplemented

    # What can be changed has no lasting hash
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Limits({', '.join(f'{k}={v!r}' for k, v in self._values().items())})"

    def p_data_limit(self, announced: int) -> int:
        """Return the largest P-DATA-TF accepted when `announced` is our maximum length."""
        if self.p_data_length is not None:
            return self.p_data_length
        return max(MIB, 2 * announced) if announced else 16 * MIB
