"""What an association can ask of its peer: the ``send_*`` methods."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, MutableSequence
from functools import partial
from typing import TYPE_CHECKING

import pynetdicom._config as _config
import pynetdicom._lazy as lazy
from pynetdicom._globals import VERIFICATION
from pynetdicom.association.instances import (
    file_pieces,
    missing_in,
    read_start,
    required_uid,
    transfer_syntax_of,
)
from pynetdicom.association.requests import (
    Reply,
    RequestEngine,
    Responses,
    encoded,
    new_request,
    status_of,
)
from pynetdicom.dimse_primitives import (
    C_CANCEL,
    C_ECHO,
    C_FIND,
    C_GET,
    C_MOVE,
    C_STORE,
    N_ACTION,
    N_CREATE,
    N_DELETE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    DimseServiceType,
)
from pynetdicom.dsutils import FileHead, encoding_of, opened, read_file_head
from pynetdicom.presentation import PresentationContext

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import TagType

LOGGER = logging.getLogger("pynetdicom.association")

_LOW_PRIORITY = 2


class ServiceClassUser(RequestEngine):
    """The requests of a DIMSE service user (PS3.7 9, 10); a part of :class:`Association`.

    All of them raise RuntimeError if the association is not established, ValueError if there
    is no accepted presentation context for the request, and ValueError or TypeError if an
    argument can't be sent, all of that before anything is sent. They return when the peer has
    answered; those with any number of responses return when the request has been sent.

    A response that does not come within the DIMSE timeout, or is not valid, and the loss of the
    connection raise nothing: the status is an empty data set, and the association is aborted.
    """

    # -- C-ECHO ------------------------------------------------------------------------------

    def send_c_echo(self, msg_id: int = 1) -> Dataset:
        """Send a C-ECHO request, to verify the connection (PS3.7 9.1.5, PS3.4 A).

        Parameters
        ----------
        msg_id : int, optional
            The Message ID, 0 to 65535.

        Returns
        -------
        pydicom.dataset.Dataset
            The response's Status and, if given, Error Comment; empty if no valid response came
            within the DIMSE timeout, in which case the association has been aborted.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If Verification was not accepted, or `msg_id` is out of range.
        """
        return status_of(self._echo(msg_id))

    def _echo(self, msg_id: int) -> DimseServiceType | None:
        """Do what send_c_echo() does, but return the response itself, which needs no pydicom."""
        self._check_established()
        primitive = C_ECHO._from_values({"AffectedSOPClassUID": VERIFICATION})
        primitive.MessageID = msg_id
        context = self._get_valid_context(VERIFICATION, "", "scu")
        return self._ask(primitive, context.context_id or 0)

    # -- C-STORE -----------------------------------------------------------------------------

    def send_c_store(
        self,
        dataset: Dataset | str | os.PathLike[str],
        msg_id: int = 1,
        priority: int = 2,
        originator_aet: str | None = None,
        originator_id: int | None = None,
    ) -> Dataset:
        """Send a C-STORE request, to have an instance stored (PS3.7 9.1.1, PS3.4 B).

        A file goes out as it is, without being decoded or loaded, if its transfer syntax was
        accepted. Else, and from a data set, it is converted if it can be without loss: among
        the uncompressed transfer syntaxes of one byte order.

        Parameters
        ----------
        dataset : pydicom.dataset.Dataset, str or os.PathLike
            The instance with its file meta information, or the path of a DICOM file.
        msg_id : int, optional
            The Message ID, 0 to 65535.
        priority : int, optional
            0 medium, 1 high, 2 low.
        originator_aet : str, optional
            Who asked for it by C-MOVE, for a sub-operation of one. Left out, with an error in
            the log, if it can't be an AE title.
        originator_id : int, optional
            The Message ID of that C-MOVE request.

        Returns
        -------
        pydicom.dataset.Dataset
            The response's Status and, if given, Offending Element and Error Comment; empty if
            no valid response came within the DIMSE timeout, in which case the association has
            been aborted.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If there is no accepted context for the instance, it can't be encoded, or another
            parameter is out of range.
        AttributeError
            If the instance has no SOP Class UID, SOP Instance UID or Transfer Syntax UID.
        FileNotFoundError, OSError
            If the file can't be read.
        pydicom.errors.InvalidDicomError
            If the file is no DICOM file.
        """
        return status_of(self._store(dataset, msg_id, priority, originator_aet, originator_id))

    def _store(
        self,
        dataset: Dataset | str | os.PathLike[str],
        msg_id: int,
        priority: int = 2,
        originator_aet: str | None = None,
        originator_id: int | None = None,
    ) -> DimseServiceType | None:
        """Do what send_c_store() does, but return the response itself, which needs no pydicom."""
        self._check_established()
        primitive = new_request(C_STORE, msg_id, Priority=priority)
        try:
            primitive.MoveOriginatorApplicationEntityTitle = originator_aet
        except ValueError as exc:  # it is optional, and for the peer's log
            LOGGER.error("Move Originator AE title left out: %s", exc)
        primitive.MoveOriginatorMessageID = originator_id
        if isinstance(dataset, (str, os.PathLike)):
            return self._store_file(primitive, os.fspath(dataset))
        if not isinstance(dataset, lazy.pydicom.dataset.Dataset):
            raise TypeError(
                f"dataset must be a pydicom Dataset or a path, not {type(dataset).__name__}"
            )
        return self._store_data_set(primitive, dataset)

    def _store_data_set(self, primitive: C_STORE, dataset: Dataset) -> DimseServiceType | None:
        """Encode a data set for the context that fits best, and send it."""
        syntax = transfer_syntax_of(dataset)
        sop_class = required_uid(dataset, "SOPClassUID")
        sop_instance = required_uid(dataset, "SOPInstanceUID")
        primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = sop_class, sop_instance
        context = self._get_valid_context(sop_class, syntax, "scu")
        accepted = context.transfer_syntax[0]
        what = f"data set {sop_instance} in '{accepted.name}'"
        data_set = encoded(dataset, encoding_of(accepted), what, self.ae.log_patient_data)
        return self._ask(primitive, context.context_id or 0, data_set)

    def _store_file(self, primitive: C_STORE, path: str) -> DimseServiceType | None:
        """Send a file as it is if that can be; else decode it and send the data set."""
        wait = self._begin_file(primitive, path)
        if wait is not None:
            return wait()
        return self._store_data_set(primitive, lazy.pydicom.filereader.dcmread(path))

    def _begin_file(
        self, primitive: C_STORE, path: str
    ) -> Callable[[], DimseServiceType | None] | None:
        """Send a file as it is; return what waits for the response, None if it can't go so."""
        with opened(path) as fd:
            data = read_start(fd)
            head = read_file_head(fd if data is None else data)
            context = self._context_for_file(head, path)
            if context is None:
                return None
            primitive.AffectedSOPClassUID = head.sop_class_uid
            primitive.AffectedSOPInstanceUID = head.sop_instance_uid
            source = file_pieces(fd, head.offset, self.ae.limits.output_length, data)
            return self._begin_asking(primitive, context.context_id or 0, source)

    def _begin_c_store(
        self, path: str, msg_id: int
    ) -> Callable[[], DimseServiceType | None] | None:
        """Send a file as :meth:`send_c_store` does; return what waits for the response.

        That need not be called before the next request, if a window has room for that; but in
        the thread that has sent it. None if the file can't go out as it is.
        """
        self._check_established()
        return self._begin_file(new_request(C_STORE, msg_id, Priority=_LOW_PRIORITY), path)

    def _context_for_file(self, head: FileHead, path: str) -> PresentationContext | None:
        """Return the context in which a file can go out undecoded, or None."""
        must = _config.STORE_SEND_CHUNKED_DATASET
        missing = missing_in(head)
        if missing:
            if must:
                name = lazy.pathlib.Path(path).name
                raise AttributeError(f"The file meta information of '{name}' has no {missing}")
            return None
        try:
            return self._get_valid_context(
                head.sop_class_uid or "", head.transfer_syntax or "", "scu", None, False
            )
        except ValueError:
            if must:
                raise
            return None

    # -- C-FIND, C-GET, C-MOVE ---------------------------------------------------------------

    def send_c_find(
        self, dataset: Dataset, query_model: str, msg_id: int = 1, priority: int = 2
    ) -> Responses:
        """Send a C-FIND request, to query (PS3.7 9.1.2; PS3.4 C.4.1, K, Q, V, CC).

        Parameters
        ----------
        dataset : pydicom.dataset.Dataset
            The *Identifier*: what to look for, and the attributes to be returned.
        query_model : str
            The SOP class, for example
            ``sop_class.PatientRootQueryRetrieveInformationModelFind``.
        msg_id : int, optional
            The Message ID, 0 to 65535.
        priority : int, optional
            0 medium, 1 high, 2 low.

        Returns
        -------
        Responses
            Yields ``(status, identifier)``: for each match the status 0xFF00 or 0xFF01 (Pending)
            and the identifier, which is None if it can't be decoded, and in the end another
            status and None. The status has Status and, if given, Offending Element and Error
            Comment. With *Repository Query* 0xB001 is not the end.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If `query_model` was not accepted, the identifier is empty or can't be encoded, or
            another parameter is out of range.
        """
        self._check_established()
        request = new_request(C_FIND, msg_id, AffectedSOPClassUID=query_model, Priority=priority)
        return self._query(request, dataset)

    def send_c_get(
        self, dataset: Dataset, query_model: str, msg_id: int = 1, priority: int = 2
    ) -> Responses:
        """Send a C-GET request, to be sent instances on this association (PS3.4 C.4.3).

        They come as C-STORE requests, in contexts for which the role of SCP was agreed
        (:func:`~pynetdicom.presentation.build_role`), and go to the handler of ``EVT_C_STORE``.
        The DIMSE timeout begins anew with whatever the peer sends.

        Parameters
        ----------
        dataset : pydicom.dataset.Dataset
            The *Identifier*: what to send.
        query_model : str
            The SOP class, for example ``sop_class.PatientRootQueryRetrieveInformationModelGet``.
        msg_id : int, optional
            The Message ID, 0 to 65535.
        priority : int, optional
            0 medium, 1 high, 2 low.

        Returns
        -------
        Responses
            Yields ``(status, identifier)``: while it goes on the status 0xFF00 (Pending) and
            None; in the end 0x0000 and None, or another status and a data set that may have
            *Failed SOP Instance UID List*. The status has Status and, if given, the numbers of
            Remaining, Completed, Failed and Warning Suboperations, Offending Element and Error
            Comment.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If `query_model` was not accepted, the identifier is empty or can't be encoded, or
            another parameter is out of range.
        """
        self._check_established()
        request = new_request(C_GET, msg_id, AffectedSOPClassUID=query_model, Priority=priority)
        return self._query(request, dataset)

    def send_c_move(
        self,
        dataset: Dataset,
        move_aet: str,
        query_model: str,
        msg_id: int = 1,
        priority: int = 2,
    ) -> Responses:
        """Send a C-MOVE request, to have instances sent to an AE (PS3.7 9.1.4, PS3.4 C.4.2).

        Parameters
        ----------
        dataset : pydicom.dataset.Dataset
            The *Identifier*: what to send.
        move_aet : str
            The AE title of the destination, which the peer must know.
        query_model : str
            The SOP class, for example
            ``sop_class.PatientRootQueryRetrieveInformationModelMove``.
        msg_id : int, optional
            The Message ID, 0 to 65535.
        priority : int, optional
            0 medium, 1 high, 2 low.

        Returns
        -------
        Responses
            As of :meth:`send_c_get`.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If `query_model` was not accepted, the identifier is empty or can't be encoded,
            `move_aet` is no AE title, or another parameter is out of range.
        """
        self._check_established()
        request = new_request(C_MOVE, msg_id, AffectedSOPClassUID=query_model, Priority=priority)
        request.MoveDestination = move_aet
        return self._query(request, dataset)

    def send_c_cancel(
        self, msg_id: int, context_id: int | None = None, query_model: str | None = None
    ) -> None:
        """Send a C-CANCEL request, to end a C-FIND, C-GET or C-MOVE early (PS3.7 9.3.2.3).

        It has no response of its own. :meth:`Responses.cancel` does the same without having to
        know the Message ID and the context.

        Parameters
        ----------
        msg_id : int
            The Message ID of the request to cancel.
        context_id : int, optional
            The presentation context of that request.
        query_model : str, optional
            Its SOP class; used to find the context, whatever `context_id` is.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If `query_model` was not accepted, neither it nor `context_id` is given, or a number
            is out of range.
        """
        self._check_established()
        if query_model is not None:
            context_id = self._find_context(query_model).context_id
        if not isinstance(context_id, int) or not 1 <= context_id <= 255:
            raise ValueError(
                f"context_id is {context_id!r}: give that of the request to cancel, 1 to 255, or "
                "its query_model"
            )
        request = C_CANCEL()
        request.MessageIDBeingRespondedTo = msg_id
        if request.MessageIDBeingRespondedTo is None:
            raise TypeError("msg_id must be an int, not None")
        self._cancel(partial(self.dimse.send_cancel, msg_id, context_id))

    # -- DIMSE-N -----------------------------------------------------------------------------

    def send_n_event_report(
        self,
        dataset: Dataset | None,
        event_type: int,
        class_uid: str,
        instance_uid: str,
        msg_id: int = 1,
        meta_uid: str | None = None,
    ) -> Reply:
        """Send an N-EVENT-REPORT request, to report an event (PS3.7 10.1.1).

        This is mostly for the SCP of the SOP class, which may be the acceptor of the association
        and may do it in a handler; any accepted context will do, whatever the role.

        Parameters
        ----------
        dataset : pydicom.dataset.Dataset or None
            The *Event Information*.
        event_type : int
            The Event Type ID.
        class_uid : str
            The Affected SOP Class UID.
        instance_uid : str
            The Affected SOP Instance UID.
        msg_id : int, optional
            The Message ID, 0 to 65535.
        meta_uid : str, optional
            The Meta SOP Class UID, if the context is that of one.

        Returns
        -------
        tuple of (pydicom.dataset.Dataset, pydicom.dataset.Dataset or None)
            The status and the *Event Reply*; see :meth:`send_n_get`. The status may also have
            Affected SOP Class UID, Affected SOP Instance UID and Event Type ID.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If there is no accepted context, the data set can't be encoded, or another
            parameter is out of range.
        """
        self._check_established()
        request = new_request(
            N_EVENT_REPORT,
            msg_id,
            EventTypeID=event_type,
            AffectedSOPClassUID=class_uid,
            AffectedSOPInstanceUID=instance_uid,
        )
        return self._invoke(request, meta_uid or class_uid, dataset, role=None)

    def send_n_get(
        self,
        identifier_list: MutableSequence[TagType] | TagType | None,
        class_uid: str,
        instance_uid: str,
        msg_id: int = 1,
        meta_uid: str | None = None,
    ) -> Reply:
        """Send an N-GET request, for attributes of a SOP instance (PS3.7 10.1.2).

        Parameters
        ----------
        identifier_list : list or pydicom.tag.BaseTag or None
            The attributes: a list of tags or a single one, each as int, keyword or tuple of
            group and element number. All attributes with None or an empty list.
        class_uid : str
            The Requested SOP Class UID.
        instance_uid : str
            The Requested SOP Instance UID.
        msg_id : int, optional
            The Message ID, 0 to 65535.
        meta_uid : str, optional
            The Meta SOP Class UID, if the context is that of one.

        Returns
        -------
        tuple of (pydicom.dataset.Dataset, pydicom.dataset.Dataset or None)
            The status, with Status and, if given, Error Comment, Error ID and Attribute
            Identifier List; and the *Attribute List* if the status is a Success or a Warning,
            empty if none was sent, else None. A data set that can't be decoded is None, too, and
            the Status is 0x0110 then. The status is empty if no valid response came within the
            DIMSE timeout, in which case the association has been aborted.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If there is no accepted context, `identifier_list` has something that is no tag, or
            another parameter is out of range.
        """
        self._check_established()
        request = new_request(
            N_GET,
            msg_id,
            RequestedSOPClassUID=class_uid,
            RequestedSOPInstanceUID=instance_uid,
            AttributeIdentifierList=identifier_list,
        )
        return self._invoke(request, meta_uid or class_uid)

    def send_n_set(
        self,
        dataset: Dataset,
        class_uid: str,
        instance_uid: str,
        msg_id: int = 1,
        meta_uid: str | None = None,
    ) -> Reply:
        """Send an N-SET request, to modify a SOP instance (PS3.7 10.1.3).

        Parameters
        ----------
        dataset : pydicom.dataset.Dataset
            The *Modification List*: attributes and their new values.
        class_uid : str
            The Requested SOP Class UID.
        instance_uid : str
            The Requested SOP Instance UID.
        msg_id : int, optional
            The Message ID, 0 to 65535.
        meta_uid : str, optional
            The Meta SOP Class UID, if the context is that of one.

        Returns
        -------
        tuple of (pydicom.dataset.Dataset, pydicom.dataset.Dataset or None)
            The status and the *Attribute List*; see :meth:`send_n_get`.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If there is no accepted context, the data set is empty or can't be encoded, or
            another parameter is out of range.
        """
        self._check_established()
        request = new_request(
            N_SET, msg_id, RequestedSOPClassUID=class_uid, RequestedSOPInstanceUID=instance_uid
        )
        if not dataset:
            raise ValueError("The Modification List of an N-SET request must not be empty")
        return self._invoke(request, meta_uid or class_uid, dataset)

    def send_n_action(
        self,
        dataset: Dataset | None,
        action_type: int,
        class_uid: str,
        instance_uid: str,
        msg_id: int = 1,
        meta_uid: str | None = None,
    ) -> Reply:
        """Send an N-ACTION request, to have an action performed (PS3.7 10.1.4).

        Parameters
        ----------
        dataset : pydicom.dataset.Dataset or None
            The *Action Information*.
        action_type : int
            The Action Type ID.
        class_uid : str
            The Requested SOP Class UID.
        instance_uid : str
            The Requested SOP Instance UID.
        msg_id : int, optional
            The Message ID, 0 to 65535.
        meta_uid : str, optional
            The Meta SOP Class UID, if the context is that of one.

        Returns
        -------
        tuple of (pydicom.dataset.Dataset, pydicom.dataset.Dataset or None)
            The status and the *Action Reply*; see :meth:`send_n_get`.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If there is no accepted context, the data set can't be encoded, or another
            parameter is out of range.
        """
        self._check_established()
        request = new_request(
            N_ACTION,
            msg_id,
            ActionTypeID=action_type,
            RequestedSOPClassUID=class_uid,
            RequestedSOPInstanceUID=instance_uid,
        )
        return self._invoke(request, meta_uid or class_uid, dataset)

    def send_n_create(
        self,
        dataset: Dataset | None,
        class_uid: str,
        instance_uid: str | None = None,
        msg_id: int = 1,
        meta_uid: str | None = None,
    ) -> Reply:
        """Send an N-CREATE request, to have a SOP instance created (PS3.7 10.1.5).

        Parameters
        ----------
        dataset : pydicom.dataset.Dataset or None
            The *Attribute List*: its attributes.
        class_uid : str
            The Affected SOP Class UID.
        instance_uid : str, optional
            The Affected SOP Instance UID; the peer assigns one if it is not given.
        msg_id : int, optional
            The Message ID, 0 to 65535.
        meta_uid : str, optional
            The Meta SOP Class UID, if the context is that of one.

        Returns
        -------
        tuple of (pydicom.dataset.Dataset, pydicom.dataset.Dataset or None)
            The status and the *Attribute List*; see :meth:`send_n_get`. The status has the
            Affected SOP Instance UID that the peer assigned.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If there is no accepted context, the data set can't be encoded, or another
            parameter is out of range.
        """
        self._check_established()
        request = new_request(
            N_CREATE, msg_id, AffectedSOPClassUID=class_uid, AffectedSOPInstanceUID=instance_uid
        )
        return self._invoke(request, meta_uid or class_uid, dataset)

    def send_n_delete(
        self, class_uid: str, instance_uid: str, msg_id: int = 1, meta_uid: str | None = None
    ) -> Dataset:
        """Send an N-DELETE request, to have a SOP instance deleted (PS3.7 10.1.6).

        Parameters
        ----------
        class_uid : str
            The Requested SOP Class UID.
        instance_uid : str
            The Requested SOP Instance UID.
        msg_id : int, optional
            The Message ID, 0 to 65535.
        meta_uid : str, optional
            The Meta SOP Class UID, if the context is that of one.

        Returns
        -------
        pydicom.dataset.Dataset
            The status, with Status and, if given, Error Comment and Error ID; empty as for
            :meth:`send_n_get`.

        Raises
        ------
        RuntimeError
            If the association is not established.
        ValueError
            If there is no accepted context, or a parameter is out of range.
        """
        self._check_established()
        request = new_request(
            N_DELETE, msg_id, RequestedSOPClassUID=class_uid, RequestedSOPInstanceUID=instance_uid
        )
        return self._invoke(request, meta_uid or class_uid)[0]
