"""How instances are sent: over one association or several, again if need be, and reported."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from time import monotonic, perf_counter
from typing import IO, TYPE_CHECKING, NamedTuple

import pynetdicom._lazy as lazy
from pynetdicom import Association
from pynetdicom._globals import STATUS_SUCCESS, STATUS_WARNING
from pynetdicom.pdu_primitives import AsynchronousOperationsWindowNegotiation
from pynetdicom.status import code_to_category
from pynetdicom.transport.waiting import SIGNAL_INTERVAL
from pynetdicom.utils import safe_text

from ..common.exits import AppError, Exit
from ..common.output import Advance, Console, status_text, to_json
from ..common.scu import Requestor, lost
from .inputs import Batch, Instance, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from pynetdicom.dimse_primitives import DimseServiceType

STORED, FAILED, IGNORED = "stored", "failed", "ignored"

_LAST_MESSAGE_ID = 65535
# The statuses of a peer that is out of resources, for now (PS3.4 B.2.3)
_OUT_OF_RESOURCES = range(0xA700, 0xA800)
# Seconds between attempts double up to this
_LONGEST_DELAY = 60.0


class Outcome:
    """What became of an instance.

    Parameters
    ----------
    status : int or None, optional
        The status of the response, None if there was none.
    reason : str, optional
        What it says, or why there is none.
    code : Exit, optional
        Why it could not be sent; None if it was stored.
    """

    def __init__(
        self, status: int | None = None, reason: str = "", code: Exit | None = None
    ) -> None:
        self.status = status
        self.reason = reason
        self.code = code
        self.attempts = 1
        self.milliseconds = 0.0

    @property
    def is_transient(self) -> bool:
        """True if the peer may take it a little later."""
        return self.status in _OUT_OF_RESOURCES


class Report:
    """A line of JSON for each instance, in a file and, if that is wanted, on stdout.

    Parameters
    ----------
    console : Console
        For stdout, and for what went wrong.
    file : text file or None
        The file.
    """

    def __init__(self, console: Console, file: IO[str] | None) -> None:
        self._console = console
        self._file = file
        self._lock = threading.Lock()
        self.stored = 0
        self.failures: set[Exit] = set()

    def tell(self, problem: str) -> None:
        """Tell what keeps instances from being sent."""
        self._console.complain(problem)

    def add(self, instance: Instance, outcome: Outcome, is_told: bool = False) -> None:
        """Note what became of an instance, and tell why it failed unless that is told already."""
        result = STORED if outcome.code is None else FAILED
        with self._lock:
            if outcome.code is None:
                self.stored += 1
            else:
                self.failures.add(outcome.code)
            self._write(
                file=instance.path,
                result=result,
                status=status_text(outcome.status),
                reason=outcome.reason,
                sop_class_uid=instance.sop_class,
                sop_instance_uid=instance.sop_instance,
                transfer_syntax_uid=instance.transfer_syntax,
                attempts=outcome.attempts,
                milliseconds=round(outcome.milliseconds, 3),
            )
        if outcome.code is not None and not is_told:
            self._console.complain(f"{instance.path} not stored: {outcome.reason}")

    def add_problem(self, problem: Problem, result: str) -> None:
        """Note a file that was not sent."""
        if result == FAILED:
            self.failures.add(Exit.LOCAL)
            self._console.complain(f"{problem.path} not sent: {problem.reason}")
        self._write(file=problem.path, result=result, reason=problem.reason)

    def _write(self, **fields: str | int | float | None) -> None:
        self._console.record("instance", **fields)
        if self._file is not None:
            self._file.write(to_json("instance", **fields) + "\n")
            self._file.flush()


def stored_before(path: Path) -> set[tuple[str, str]]:
    """Return the paths and the SOP Instance UIDs that a report says are stored.

    Raises
    ------
    AppError
        If the report can't be read.
    """
    stored = set()
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                record = lazy.json.loads(line)
                if record["result"] == STORED:
                    stored.add((record["file"], record["sop_instance_uid"]))
    except OSError as exc:
        raise AppError(Exit.USAGE, f"{path} can't be read: {exc.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise AppError(Exit.USAGE, f"{path} is no report", "it is written by --report") from None
    return stored


class Sender:
    """Sends batches of instances.

    Parameters
    ----------
    requestor : Requestor
        Makes the associations.
    options : argparse.Namespace
        The options of the application.
    report : Report
        Takes what becomes of the instances.
    advance : callable
        Called for each instance that is done with.
    """

    def __init__(
        self, requestor: Requestor, options: Namespace, report: Report, advance: Advance
    ) -> None:
        self._requestor = requestor
        self._options = options
        self._report = report
        self._advance = advance
        self._stopped = threading.Event()

    def send(self, batch: Batch) -> None:
        """Send a batch over as many associations as the options say."""
        waiting = deque(batch.instances)
        workers = [
            _Worker(self, batch, waiting)
            for _ in range(min(self._options.jobs, len(batch.instances)))
        ]
        if len(workers) == 1:
            workers[0].work()
        else:
            self._send_in_threads(workers)
        errors = [worker.error for worker in workers if worker.error is not None]
        if waiting:  # and nobody is left to send them
            self._report.tell(str(errors[0]))
        for instance in waiting:
            self._report.add(instance, _failure(errors[0]), is_told=True)
            self._advance()

    def _send_in_threads(self, workers: Iterable[_Worker]) -> None:
        threads = [
            threading.Thread(target=worker.work, name="sender", daemon=True) for worker in workers
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():  # and look for signals, which join() alone may miss
                    thread.join(SIGNAL_INTERVAL)
        except BaseException:  # Ctrl-C, also while some have not been started yet
            self._stopped.set()
            self._requestor.ae.shutdown()
            for thread in threads:
                if thread.is_alive():
                    thread.join(1)
            raise

    def _finish(self, instance: Instance, outcome: Outcome) -> None:
        self._report.add(instance, outcome)
        self._advance()

    def _pause(self, attempt: int) -> None:
        """Wait before another attempt, twice as long each time."""
        delay = min(self._options.retry_delay * 2 ** (attempt - 1), _LONGEST_DELAY)
        until = monotonic() + delay
        while (left := until - monotonic()) > 0:  # and look for signals, as above
            if self._stopped.wait(min(left, SIGNAL_INTERVAL)):
                break


class _Worker:
    """Sends instances over one association after the other, until none is waiting."""

    def __init__(self, sender: Sender, batch: Batch, waiting: deque[Instance]) -> None:
        self._sender = sender
        self._batch = batch
        self._waiting = waiting
        self._sent = 0
        #: Why it gave up
        self.error: AppError | None = None

    def work(self) -> None:
        """Send instances; the reason to give up is kept in `error`."""
        try:
            while self._waiting and not self._sender._stopped.is_set():
                self._use(self._associate())
        except AppError as error:
            self.error = error
        except Exception as error:
            self.error = AppError(Exit.LOCAL, f"unexpected error: {error!r}")

    def _associate(self) -> Association:
        """Return an association; a transient rejection is not taken for an answer at once."""
        attempt = 1
        while True:
            try:
                return self._sender._requestor.associate(
                    self._batch.contexts, items=self._negotiated()
                )
            except AppError as error:
                if not error.is_transient or attempt > self._sender._options.retry:
                    raise
            self._sender._pause(attempt)
            attempt += 1

    def _negotiated(self) -> list[AsynchronousOperationsWindowNegotiation]:
        """Return what to ask for: that requests need not wait for each other (PS3.7 D.3.3.3)."""
        item = AsynchronousOperationsWindowNegotiation()
        item.maximum_number_operations_invoked = self._sender._options.window
        return [item] if self._sender._options.window > 1 else []

    def _use(self, assoc: Association) -> None:
        """Send instances while the association lasts.

        Raises
        ------
        AppError
            If the association ended before anything was stored: another one would do no better.
        """
        stopped, ahead = self._sender._stopped, _ahead(assoc, self._sender._options.window)
        under_way: deque[_UnderWay] = deque()
        answered = 0
        while not stopped.is_set():
            has_room = assoc.is_established and len(under_way) < ahead
            if has_room and (instance := self._next()) is not None:
                under_way.append(_UnderWay(instance, perf_counter(), self._begin(assoc, instance)))
            elif not under_way:
                break
            elif self._end(assoc, under_way.popleft()):
                answered += 1
            else:
                # What was sent after the one that got no answer may have better luck
                self._waiting.extendleft(each.instance for each in reversed(under_way))
                break
        if assoc.is_established and not stopped.is_set():
            assoc.release()
        elif not answered and self._waiting:
            raise AppError(
                Exit.ABORTED, "the peer ends associations as soon as it is sent something"
            )

    def _next(self) -> Instance | None:
        """Return the next instance that waits, None if there is none."""
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def _end(self, assoc: Association, under_way: _UnderWay) -> bool:
        """See an instance to its end, and report it; return whether there was an answer."""
        outcome = under_way.wait()
        attempt = 1
        while outcome.is_transient and attempt <= self._sender._options.retry:
            self._sender._pause(attempt)
            attempt += 1
            outcome = self._begin(assoc, under_way.instance)()
        outcome.attempts = attempt
        outcome.milliseconds = 1000 * (perf_counter() - under_way.began)
        if outcome.code is Exit.ABORTED and self._sender._stopped.is_set():
            return False
        self._sender._finish(under_way.instance, outcome)
        return outcome.code is not Exit.ABORTED

    def _begin(self, assoc: Association, instance: Instance) -> Callable[[], Outcome]:
        """Send an instance; return what waits for what becomes of it."""
        self._sent += 1
        message_id = (self._sent - 1) % _LAST_MESSAGE_ID + 1
        try:
            wait = assoc._begin_c_store(instance.path, message_id)
        except Exception as exc:
            failure = _why(assoc, exc)
            return lambda: failure
        # What has to be converted is sent when all before it is done. Not send_c_store(), whose
        # data set would have pydicom loaded for one number
        return lambda: _outcome(assoc, wait or partial(assoc._store, instance.path, message_id))


class _UnderWay(NamedTuple):
    """An instance that is sent; `wait` waits for what becomes of it."""

    instance: Instance
    began: float
    wait: Callable[[], Outcome]


def _ahead(assoc: Association, window: int) -> int:
    """Return how many requests may be sent before the first of them is answered."""
    invoked, _ = assoc.acceptor.asynchronous_operations
    return min(window, invoked or window)


def _outcome(assoc: Association, wait: Callable[[], DimseServiceType | None]) -> Outcome:
    """Wait for the status of an instance, and return what it means."""
    try:
        response = wait()
    except Exception as exc:
        return _why(assoc, exc)
    status = None if response is None else response.Status
    if status is None:
        return _failure(lost(assoc))
    comment = safe_text(getattr(response, "ErrorComment", None) or "")
    category = code_to_category(status)
    if category in (STATUS_SUCCESS, STATUS_WARNING):
        return Outcome(status, comment)
    reason = f"status {status_text(status)}" + (f": {comment}" if comment else "")
    return Outcome(status, reason, Exit.ALL_FAILED)


def _why(assoc: Association, error: Exception) -> Outcome:
    """Return why an instance could not be sent."""
    if isinstance(error, RuntimeError):  # the association ended since it was looked at
        return _failure(lost(assoc))
    if isinstance(error, OSError):
        return Outcome(reason=error.strerror or str(error), code=Exit.LOCAL)
    if isinstance(error, (AttributeError, ValueError)):
        return Outcome(reason=str(error), code=Exit.NO_CONTEXT)
    # The file may have changed since it was found
    if isinstance(error, lazy.pydicom.errors.InvalidDicomError):
        return Outcome(reason=str(error), code=Exit.LOCAL)
    return Outcome(reason=f"unexpected error: {error!r}", code=Exit.LOCAL)


def _failure(error: AppError) -> Outcome:
    """Return what becomes of an instance for want of an association."""
    return Outcome(reason=str(error), code=error.code)
