"""How PDUs become bytes: a cursor for each direction, and what structures are declared with.

A structure of PS3.8 9.3 or PS3.7 Annex D is a class that names its fields in the order of the
standard's table. A field is the attribute of the class, its check and its encoding in one, so
there is a single description to read against the table, and encoder and decoder cannot differ.
"""

from __future__ import annotations

from operator import attrgetter, index
from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

from pynetdicom._memo import Deferred
from pynetdicom.errors import PDUDecodeError
from pynetdicom.utils import as_ae_title, check_uid, decode_bytes, shown_uid, shown_uids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from pydicom.uid import UID
    from typing_extensions import Self

_T = TypeVar("_T")

# Numbers in PDUs are unsigned and big endian (PS3.8 9.3.1)
UCHAR = Struct(">B")
PACK_UCHAR = UCHAR.pack
UNPACK_UCHAR = UCHAR.unpack
UINT2 = Struct(">H")
PACK_UINT2 = UINT2.pack
UNPACK_UINT2 = UINT2.unpack
UINT4 = Struct(">I")
PACK_UINT4 = UINT4.pack
UNPACK_UINT4 = UINT4.unpack

# Type, reserved, length: what every item of a PDU begins with (PS3.8 9.3.1)
ITEM_HEADER = Struct(">BBH")

# Of items and of fields with a length of their own
MAX_LENGTH = 0xFFFF

# PS3.8 wants AE titles padded with spaces and UIDs not padded at all; peers pad both with
# NUL or space, and AE titles with line ends too
PADDING = " \0\r\n\t"


class Reader:
    """A cursor over received bytes that never leaves them.

    As context manager it makes sure that the bytes were used up.

    Parameters
    ----------
    data : bytes
        The bytes to read.
    what : str
        What they are, for error messages.
    """

    __slots__ = ("_data", "_position", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._position = 0
        self._what = what

    def raw(self, length: int) -> bytes:
        """Return the next `length` bytes; PDUDecodeError if there are fewer."""
        start = self._position
        stop = start + length
        if stop > len(self._data):
            left = len(self._data) - start
            raise PDUDecodeError(
                f"{self._what}: {length} bytes expected at offset {start}, but {left} are left"
            )
        self._position = stop
        return self._data[start:stop]

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        start, self._position = self._position, len(self._data)
        return self._data[start:]

    def number(self, layout: Struct) -> int:
        """Return the next number."""
        start = self._position
        if start + layout.size > len(self._data):
            self.raw(layout.size)  # which complains
        self._position = start + layout.size
        value: int = layout.unpack_from(self._data, start)[0]
        return value

    def block(self) -> Reader:
        """Return a reader of the bytes whose number is in the next two bytes."""
        return Reader(self.raw(self.number(UINT2)), self._what)

    def blocks(self) -> Iterator[Reader]:
        """Return all that is left as blocks."""
        while self._position < len(self._data):
            yield self.block()

    def items(self) -> Iterator[tuple[int, int, bytes]]:
        """Cut all that is left into items: type, the reserved byte, and value of each."""
        data = self.rest()
        position, end = 0, len(data)
        while position < end:
            start = position + ITEM_HEADER.size
            if start > end:
                raise PDUDecodeError(f"{self._what}: ends within the header of an item")
            item_type, reserved, length = ITEM_HEADER.unpack_from(data, position)
            position = start + length
            if position > end:
                raise PDUDecodeError(
                    f"{self._what}: item of type 0x{item_type:02X} has {length} bytes, "
                    f"but {end - start} are left"
                )
            yield item_type, reserved, data[start:position]

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        left = len(self._data) - self._position
        if exc_type is None and left:
            raise PDUDecodeError(f"{self._what}: {left} bytes too many at its end")


class Writer:
    """Collects the bytes of a structure."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def raw(self, value: bytes) -> None:
        """Add bytes as they are."""
        self._data += value

    def number(self, layout: Struct, value: int) -> None:
        """Add a number."""
        self._data += layout.pack(value)

    def block(self, value: bytes) -> None:
        """Add bytes behind their length."""
        self._data += UINT2.pack(_length(value)) + value

    def item(self, item_type: int, reserved: int, value: bytes) -> None:
        """Add an item."""
        self._data += ITEM_HEADER.pack(item_type, reserved, _length(value)) + value

    def getvalue(self) -> bytes:
        """Return the bytes added so far."""
        return bytes(self._data)


def _length(value: bytes) -> int:
    """Return the length of `value` if two bytes can tell it."""
    if len(value) > MAX_LENGTH:
        raise ValueError(f"{len(value)} bytes are too long to encode, {MAX_LENGTH} at most")
    return len(value)


def decode_text(raw: bytes) -> str:
    """Return received text without padding.

    What neither is ASCII nor fits one of the user's codecs is taken as Latin-1, where every
    byte is a character: it neither fails nor changes the bytes if the text is sent back.
    """
    try:
        return decode_bytes(raw).strip(PADDING)
    except ValueError:
        return raw.decode("latin-1").strip(PADDING)


def decode_uid(raw: bytes) -> str:
    """Return a received UID without padding, however odd it is."""
    return raw.decode("latin-1").strip(PADDING)


def encode_text(value: str | None) -> bytes:
    """Return a text or UID as bytes, None as none; the reverse of the two above."""
    return value.encode("latin-1", "replace") if value else b""


# What users may assign ----------------------------------------------------------------------


def integer(low: int, high: int) -> Callable[[Any, str], int]:
    """Return the check of an int from `low` to `high`."""

    def check(value: Any, name: str) -> int:
        try:
            number = index(value)
        except TypeError:
            raise TypeError(f"'{name}' must be int, not '{type(value).__name__}'") from None
        if not low <= number <= high:
            raise ValueError(f"'{name}' must be from {low} to {high}, not {number}")
        return number

    return check


def one_of(*allowed: _T) -> Callable[[Any, str], _T]:
    """Return the check of a value out of a few."""

    def check(value: Any, name: str) -> _T:
        if value not in allowed:
            raise ValueError(f"'{name}' must be one of {', '.join(map(repr, allowed))}")
        return allowed[allowed.index(value)]

    return check


def instance_of(expected: type[_T]) -> Callable[[Any, str], _T]:
    """Return the check of a value of one type."""

    def check(value: Any, name: str) -> _T:
        if not isinstance(value, expected):
            raise TypeError(f"'{name}' must be {expected.__name__}, not '{type(value).__name__}'")
        return value

    return check


def optional(check: Callable[[Any, str], _T]) -> Callable[[Any, str], _T | None]:
    """Return `check` widened by None."""
    return lambda value, name: None if value is None else check(value, name)


def ae_title(value: Any, name: str) -> str:
    """Check an AE title."""
    return as_ae_title(value, name, allow_empty=False)


def version_name(value: Any, name: str) -> str:
    """Check an implementation version name: text like an AE title (PS3.7 D.3.3.2)."""
    return as_ae_title(instance_of(str)(value, name), name, allow_empty=False)


def list_of(check: Callable[[Any, str], _T]) -> Callable[[Any, str], list[_T]]:
    """Return the check of a list or tuple of values that pass `check`; they become a new list."""

    def check_all(value: Any, name: str) -> list[_T]:
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"'{name}' must be a list, not '{type(value).__name__}'")
        return [check(element, name) for element in value]

    return check_all


# Structures and their fields ----------------------------------------------------------------


class Field(Generic[_T]):
    """An attribute whose value is checked when a user sets it.

    The value is kept in the ``__dict__`` of the object under the name of the field. Decoders put
    it there directly, without the check: what peers send need not be correct.

    Parameters
    ----------
    default : T
        The value in a new object; a list is copied.
    check : callable
        ``check(value, name)`` returns the value to store or raises ValueError or TypeError.
    """

    name: str

    def __init__(self, default: _T, check: Callable[[Any, str], _T]) -> None:
        self.default = default
        self._check = check

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, obj: None, owner: type) -> Field[_T]: ...

    @overload
    def __get__(self, obj: Any, owner: type) -> _T: ...

    def __get__(self, obj: Any, owner: type) -> Field[_T] | _T:
        if obj is None:
            return self
        value: _T | Deferred[_T] = obj.__dict__[self.name]
        if type(value) is Deferred:
            made: _T = value.make()
            obj.__dict__[self.name] = made
            return made
        return value  # type: ignore[return-value]  # mypy does not narrow by an exact type

    def __set__(self, obj: Any, value: Any) -> None:
        obj.__dict__[self.name] = self._check(value, self.name)


class UIDField(Field["UID | None"]):
    """A UID, kept as text until somebody reads it."""

    def __init__(self, default: str | None = None) -> None:
        check: Any = optional(check_uid)
        kept: Any = default
        super().__init__(kept, check)

    @overload
    def __get__(self, obj: None, owner: type) -> Field[UID | None]: ...

    @overload
    def __get__(self, obj: Any, owner: type) -> UID | None: ...

    def __get__(self, obj: Any, owner: type) -> Any:
        if obj is None:
            return self
        value = obj.__dict__[self.name]
        if type(value) is str:
            value = obj.__dict__[self.name] = shown_uid(value)
        return value


class UIDListField(Field["list[UID]"]):
    """UIDs, kept as text until somebody reads them."""

    def __init__(self) -> None:
        check: Any = list_of(check_uid)
        super().__init__([], check)

    @overload
    def __get__(self, obj: None, owner: type) -> Field[list[UID]]: ...

    @overload
    def __get__(self, obj: Any, owner: type) -> list[UID]: ...

    def __get__(self, obj: Any, owner: type) -> Any:
        return self if obj is None else shown_uids(obj.__dict__[self.name])


def alias(name: str) -> property:
    """Return a read-only property that is another name of the attribute `name`."""
    return property(attrgetter(name), doc=f"The same as `{name}`.")


def length_of(name: str) -> property:
    """Return a property that tells the length of the attribute `name`, 0 while that is None."""
    return property(
        lambda self: len(getattr(self, name) or b""), doc=f"The length of `{name}` in bytes."
    )


def list_field(check: Callable[[Any, str], _T]) -> Field[list[_T]]:
    """Return a field that is a list of values that pass `check`."""
    return Field([], list_of(check))


def copy_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the values of fields; lists are copied too, but not what is in them."""
    return {k: list(v) if isinstance(v, list) else v for k, v in values.items()}


class Structure:
    """An object made of fields; equal to another of its class if all fields are equal."""

    _defaults: ClassVar[dict[str, Any]] = {}
    _lists: ClassVar[list[str]] = []  # the fields whose values are lists

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = (field for field in vars(cls).values() if isinstance(field, Field))
        cls._defaults = cls._defaults | {field.name: field.default for field in own}
        cls._lists = [name for name, value in cls._defaults.items() if isinstance(value, list)]

    def __init__(self) -> None:
        values = self.__dict__
        values.update(self._defaults)
        for name in self._lists:  # each object has its own
            values[name] = list(values[name])

    @classmethod
    def _with(cls, **values: Any) -> Self:
        """Return an object with values that need no check, the others being the defaults."""
        made = cls()
        made.__dict__.update(values)
        return made

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._made() == other._made()

    def _defer(self, name: str, value: Deferred[Any]) -> None:
        """Set a field to a value that is made when somebody reads it; lists only, see _made()."""
        self.__dict__[name] = value

    def _deferred(self, name: str) -> Deferred[Any] | None:
        """Return what makes the value of a field, None if it has been made."""
        value = self.__dict__[name]
        return value if type(value) is Deferred else None

    def _kept(self, name: str) -> Any:
        """Return the value of a field as it is kept: a UID as text, if nobody has read it yet."""
        return self.__dict__[name]

    def _made(self) -> dict[str, Any]:
        """Return the values of all fields, none of which is deferred any longer."""
        for name in self._lists:
            getattr(self, name)
        return self.__dict__

    # What can be changed has no lasting hash
    __hash__ = None  # type: ignore[assignment]


class Part:
    """Something with a place in the encoding of a structure."""

    def encode(self, values: Mapping[str, Any], writer: Writer) -> None:
        """Add the bytes of this part of a structure with the given values."""
        raise NotImplementedError

    def decode(self, values: dict[str, Any], reader: Reader) -> None:
        """Take this part from the bytes and put what it says into `values`."""
        raise NotImplementedError


class WireStructure(Structure):
    """A structure that is sent: its parts, in the order of their declaration."""

    _parts: ClassVar[tuple[Part, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._parts += tuple(part for part in vars(cls).values() if isinstance(part, Part))

    def _write_parts(self, writer: Writer) -> None:
        """Add the bytes of all parts."""
        for part in self._parts:
            part.encode(self.__dict__, writer)

    def _read_parts(self, reader: Reader) -> None:
        """Take all parts from the bytes, which must hold nothing else."""
        with reader:
            for part in self._parts:
                part.decode(self.__dict__, reader)


class Reserved(Part):
    """Bytes without a meaning: sent as zero, never tested on receipt (PS3.8 9.3.1)."""

    def __init__(self, length: int) -> None:
        self._length = length

    def encode(self, values: Mapping[str, Any], writer: Writer) -> None:
        """Add zeros."""
        writer.raw(bytes(self._length))

    def decode(self, values: dict[str, Any], reader: Reader) -> None:
        """Skip them."""
        reader.raw(self._length)


class ReservedRest(Part):
    """What later versions of a structure may put at its end."""

    def encode(self, values: Mapping[str, Any], writer: Writer) -> None:
        """Add nothing."""

    def decode(self, values: dict[str, Any], reader: Reader) -> None:
        """Skip all that is left."""
        reader.rest()


class WireField(Field[_T], Part):
    """A field of a structure that is sent. While it is None, it is sent as zero or empty."""

    #: The value that None in a primitive stands for, None if it must not be None there
    unset: Any = None

    def write(self, value: Any, writer: Writer) -> None:
        """Add the bytes of `value`."""
        raise NotImplementedError

    def read(self, reader: Reader) -> _T:
        """Return the value that the next bytes give."""
        raise NotImplementedError

    def encode(self, values: Mapping[str, Any], writer: Writer) -> None:
        """Add the bytes of the field."""
        self.write(values[self.name], writer)

    def decode(self, values: dict[str, Any], reader: Reader) -> None:
        """Take the field from the bytes."""
        values[self.name] = self.read(reader)


class Number(WireField["int | None"]):
    """An unsigned number."""

    def __init__(self, layout: Struct, default: int | None = None) -> None:
        super().__init__(default, optional(integer(0, 256**layout.size - 1)))
        self._layout = layout

    def write(self, value: Any, writer: Writer) -> None:
        """Add the number."""
        writer.number(self._layout, value or 0)

    def read(self, reader: Reader) -> int | None:
        """Return the number."""
        return reader.number(self._layout)


class Flag(WireField["bool | None"]):
    """A byte that is 0 or 1."""

    unset = False

    def __init__(self) -> None:
        # 0 and 1 pass as well, since they equal False and True
        super().__init__(None, one_of(None, False, True))

    def write(self, value: Any, writer: Writer) -> None:
        """Add the byte."""
        writer.number(UCHAR, value or False)

    def read(self, reader: Reader) -> bool | None:
        """Return whether the byte is not 0."""
        return reader.number(UCHAR) != 0


class Text(WireField["str | None"]):
    """Text that takes the rest of the structure, or a fixed length padded with spaces."""

    def __init__(
        self,
        check: Callable[[Any, str], str | None],
        default: str | None = None,
        length: int | None = None,
    ) -> None:
        super().__init__(default, check)
        self._length = length

    def write(self, value: Any, writer: Writer) -> None:
        """Add the text."""
        text = encode_text(value)
        writer.raw(text if self._length is None else text.ljust(self._length)[: self._length])

    def read(self, reader: Reader) -> str | None:
        """Return the text."""
        return decode_text(reader.rest() if self._length is None else reader.raw(self._length))


class UIDText(UIDField, WireField["UID | None"]):
    """A UID that takes the rest of the structure."""

    def write(self, value: Any, writer: Writer) -> None:
        """Add the UID."""
        writer.raw(encode_text(value))

    def read(self, reader: Reader) -> Any:
        """Return the UID."""
        return decode_uid(reader.rest())


class UIDBlock(UIDText):
    """A UID behind its length."""

    def write(self, value: Any, writer: Writer) -> None:
        """Add length and UID."""
        writer.block(encode_text(value))

    def read(self, reader: Reader) -> Any:
        """Return the UID."""
        return super().read(reader.block())


class UIDListBlock(UIDListField, WireField["list[UID]"]):
    """UIDs, each behind its length, behind the length of them all."""

    def write(self, value: Any, writer: Writer) -> None:
        """Add lengths and UIDs."""
        uids = Writer()
        for uid in value:
            uids.block(encode_text(uid))
        writer.block(uids.getvalue())

    def read(self, reader: Reader) -> Any:
        """Return the UIDs."""
        return [decode_uid(block.rest()) for block in reader.block().blocks()]


class Bytes(WireField["bytes | None"]):
    """Bytes that take the rest of the structure."""

    def __init__(self, default: bytes | None = None) -> None:
        super().__init__(default, optional(instance_of(bytes)))

    def write(self, value: Any, writer: Writer) -> None:
        """Add the bytes."""
        writer.raw(value or b"")

    def read(self, reader: Reader) -> bytes | None:
        """Return the bytes."""
        return reader.rest()


class BytesBlock(Bytes):
    """Bytes behind their length."""

    def write(self, value: Any, writer: Writer) -> None:
        """Add length and bytes."""
        writer.block(value or b"")

    def read(self, reader: Reader) -> bytes | None:
        """Return the bytes."""
        return super().read(reader.block())


# Items --------------------------------------------------------------------------------------

# How often an item may occur in its parent
ONCE = (1, 1)
AT_MOST_ONCE = (0, 1)
ANY_NUMBER = (0, MAX_LENGTH)

PDU_ITEM_TYPES: dict[int, type[PDUItem]] = {}
"""The class for each type of item."""


class PDUItem(WireStructure):
    """Base of items and sub-items: type, a reserved byte, length and value (PS3.8 9.3.1)."""

    _item_type: ClassVar[int]

    def __init_subclass__(cls, item_type: int | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if item_type is not None:
            cls._item_type = item_type
            PDU_ITEM_TYPES[item_type] = cls

    @property
    def _reserved(self) -> int:
        """Return what goes out in the reserved byte."""
        return 0

    @property
    def item_type(self) -> int:
        """Return the type of the item."""
        return self._item_type

    @property
    def item_length(self) -> int:
        """Return the number of bytes in the value of the item."""
        return len(self._encode_value())

    def __len__(self) -> int:
        return 4 + self.item_length

    def encode(self) -> bytes:
        """Return the item as bytes.

        Raises
        ------
        ValueError
            Its value would be longer than 65535 bytes.
        """
        writer = Writer()
        self._write(writer)
        return writer.getvalue()

    def _write(self, writer: Writer) -> None:
        """Add the whole item."""
        writer.item(self._item_type, self._reserved, self._encode_value())

    def decode(self, bytestream: bytes) -> None:
        """Take all values from a whole encoded item.

        Raises
        ------
        PDUDecodeError
            `bytestream` is not exactly one item of this type, or its value is malformed.
        """
        items = list(Reader(bytes(bytestream), type(self).__name__).items())
        if [item_type for item_type, _, _ in items] != [self.item_type]:
            raise PDUDecodeError(
                f"{type(self).__name__}: one item of type 0x{self.item_type:02X} expected", 5
            )
        self._decode_item(*items[0][1:])

    def _decode_item(self, reserved: int, value: bytes) -> None:
        """Take all values from what follows the item type."""
        self._decode_value(value)

    def _encode_value(self) -> bytes:
        """Return what follows the header."""
        writer = Writer()
        self._write_parts(writer)
        return writer.getvalue()

    def _decode_value(self, value: bytes) -> None:
        """Take the values from what follows the header."""
        self._read_parts(Reader(value, type(self).__name__))


class ItemList(WireField["list[PDUItem]"]):
    """All the items that a PDU or an item ends with.

    Parameters
    ----------
    occurrence : dict[type[PDUItem], tuple[int, int]]
        The classes of the items that belong there, with the least and the largest number of
        each. Items of other types are skipped, as PS3.8 9.3.1 has it.
    """

    def __init__(self, occurrence: dict[type[PDUItem], tuple[int, int]]) -> None:
        super().__init__([], list_of(instance_of(PDUItem)))
        self._occurrence = occurrence
        self._classes = {item_class._item_type: item_class for item_class in occurrence}

    def write(self, value: Any, writer: Writer) -> None:
        """Add the items."""
        for item in value:
            item._write(writer)

    def read(self, reader: Reader) -> list[PDUItem]:
        """Return the items."""
        items = []
        for item_type, reserved, value in reader.items():
            item_class = self._classes.get(item_type)
            if item_class is not None:
                # Decoding sets every field, so the defaults that __init__() sets can be spared
                item = item_class.__new__(item_class)
                item._decode_item(reserved, value)
                items.append(item)

        found = [type(item) for item in items]
        for item_class, (least, most) in self._occurrence.items():
            number = found.count(item_class)
            if number < least:
                raise PDUDecodeError(f"{item_class.__name__} is missing")
            if number > most:
                raise PDUDecodeError(f"more than {most} {item_class.__name__}", 5)
        return items
