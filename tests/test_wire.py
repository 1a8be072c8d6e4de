"""Tests for the cursor over bytes and for the fields that structures are declared with."""

from __future__ import annotations

import pytest
from pydicom.uid import UID

from pynetdicom import _config
from pynetdicom._memo import Deferred
from pynetdicom._wire import (
    PACK_UCHAR,
    PACK_UINT2,
    PACK_UINT4,
    UCHAR,
    UINT2,
    UINT4,
    UNPACK_UCHAR,
    UNPACK_UINT2,
    UNPACK_UINT4,
    Bytes,
    BytesBlock,
    Field,
    Flag,
    ItemList,
    Number,
    Part,
    PDUItem,
    Reader,
    Reserved,
    ReservedRest,
    Structure,
    Text,
    UIDBlock,
    UIDField,
    UIDListBlock,
    UIDListField,
    UIDText,
    WireField,
    WireStructure,
    Writer,
    ae_title,
    alias,
    decode_text,
    decode_uid,
    encode_text,
    instance_of,
    integer,
    length_of,
    list_field,
    list_of,
    one_of,
    optional,
    version_name,
)
from pynetdicom.errors import PDUDecodeError


def test_numbers_are_big_endian() -> None:
    assert (PACK_UCHAR(1), PACK_UINT2(1), PACK_UINT4(1)) == (b"\1", b"\0\1", b"\0\0\0\1")
    assert UNPACK_UCHAR(b"\xff") == (0xFF,)
    assert UNPACK_UINT2(b"\x01\x02") == (0x0102,)
    assert UNPACK_UINT4(b"\x01\x02\x03\x04") == (0x01020304,)


class TestReader:
    def test_reads_on_from_where_it_is(self) -> None:
        reader = Reader(b"\x01\x02\x03\x00\x00\x00\x04abcde", "test")
        assert reader.number(UCHAR) == 1
        assert reader.number(UINT2) == 0x0203
        assert reader.number(UINT4) == 4
        assert reader.raw(2) == b"ab"
        assert reader.raw(0) == b""
        assert reader.rest() == b"cde"
        assert reader.rest() == b""

    def test_never_reads_beyond_the_end(self) -> None:
        reader = Reader(b"abc", "test")
        reader.raw(1)
        with pytest.raises(
            PDUDecodeError, match="test: 3 bytes expected at offset 1, but 2 are left"
        ) as caught:
            reader.raw(3)
        assert caught.value.reason == 6
        assert reader.rest() == b"bc"

    @pytest.mark.parametrize("layout", [UCHAR, UINT2, UINT4])
    def test_number_cut_short(self, layout: object) -> None:
        with pytest.raises(PDUDecodeError):
            Reader(bytes(layout.size - 1), "test").number(layout)

    def test_with_statement_wants_all_used_up(self) -> None:
        with Reader(b"ab", "test") as reader:
            reader.raw(2)
        with (
            pytest.raises(PDUDecodeError, match="test: 1 bytes too many at its end"),
            Reader(b"ab", "test") as reader,
        ):
            reader.raw(1)

    def test_with_statement_does_not_hide_an_exception(self) -> None:
        with pytest.raises(KeyError), Reader(b"ab", "test"):
            raise KeyError

    def test_block(self) -> None:
        reader = Reader(b"\0\2ab\0\0c", "test")
        assert reader.block().rest() == b"ab"
        assert reader.block().rest() == b""
        assert reader.rest() == b"c"

    def test_block_longer_than_its_parent(self) -> None:
        with pytest.raises(PDUDecodeError):
            Reader(b"\0\3ab", "test").block()

    def test_blocks(self) -> None:
        reader = Reader(b"\0\2ab\0\0\0\1c", "test")
        assert [block.rest() for block in reader.blocks()] == [b"ab", b"", b"c"]

    def test_items(self) -> None:
        reader = Reader(b"\x10\0\0\1a\x20\7\0\0", "test")
        assert list(reader.items()) == [(0x10, 0, b"a"), (0x20, 7, b"")]
        assert reader.rest() == b""

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"\x10", "ends within the header of an item"),
            (b"\x10\0\0\0\x10\0\0", "ends within the header of an item"),
            (b"\x10\0\0\1", "item of type 0x10 has 1 bytes, but 0 are left"),
            (b"\x10\0\xff\xffabc", "item of type 0x10 has 65535 bytes, but 3 are left"),
        ],
    )
    def test_items_that_do_not_fit(self, data: bytes, message: str) -> None:
        with pytest.raises(PDUDecodeError, match=message):
            list(Reader(data, "test").items())


class TestWriter:
    def test_collects(self) -> None:
        writer = Writer()
        writer.raw(b"a")
        writer.number(UINT4, 1)
        writer.block(b"bc")
        writer.item(0x10, 2, b"d")
        assert writer.getvalue() == b"a\0\0\0\1\0\2bc\x10\2\0\1d"

    def test_longest_block(self) -> None:
        writer = Writer()
        writer.block(bytes(65535))
        assert len(writer.getvalue()) == 65537

    def test_too_long(self) -> None:
        writer = Writer()
        with pytest.raises(ValueError, match="65536 bytes are too long to encode, 65535 at most"):
            writer.block(bytes(65536))
        with pytest.raises(ValueError, match="too long"):
            writer.item(0x10, 0, bytes(65536))
        assert writer.getvalue() == b""


class TestText:
    @pytest.mark.parametrize(
        "raw", [b"AE", b"AE ", b"  AE", b"AE\0\0", b"AE \0", b"AE\r\n", b"\tAE"]
    )
    def test_padding(self, raw: bytes) -> None:
        assert decode_text(raw) == "AE"

    def test_padding_inside_stays(self) -> None:
        assert decode_text(b"A E\0F ") == "A E\0F"

    @pytest.mark.parametrize("raw", [b"", b"  ", b"\0\0"])
    def test_blank(self, raw: bytes) -> None:
        assert decode_text(raw) == ""

    def test_not_ascii_goes_back_as_it_came(self) -> None:
        text = decode_text(b"M\xdcLLER ")
        assert text == "M\xdcLLER"
        assert encode_text(text) == b"M\xdcLLER"

    def test_codecs_of_the_user(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_config, "CODECS", ("utf-8",))
        assert decode_text("MÜLLER ".encode()) == "MLLER"

    def test_encode(self) -> None:
        assert encode_text(None) == b""
        assert encode_text("") == b""
        assert encode_text("A\u20ac") == b"A?"

    @pytest.mark.parametrize("raw", [b"1.2.3", b"1.2.3\0", b"1.2.3 ", b" 1.2.3\0\0"])
    def test_uid(self, raw: bytes) -> None:
        uid = decode_uid(raw)
        assert type(uid) is str
        assert uid == "1.2.3"

    @pytest.mark.parametrize("raw", [b"", b"unknown", b"1.02.x", b"1." * 200 + b"1", b"\xff\xfe"])
    def test_odd_uid_is_kept(self, raw: bytes) -> None:
        assert encode_text(decode_uid(raw)) == raw


class TestChecks:
    def test_integer(self) -> None:
        check = integer(1, 5)
        assert [check(value, "x") for value in (1, 5, True)] == [1, 5, 1]
        for value in (0, 6, -1):
            with pytest.raises(ValueError, match=f"'x' must be from 1 to 5, not {value}"):
                check(value, "x")
        for value in (1.0, "1", None):
            with pytest.raises(TypeError, match="'x' must be int, not '"):
                check(value, "x")

    def test_one_of(self) -> None:
        check = one_of(None, 0, 1)
        assert [check(value, "x") for value in (None, 0, 1)] == [None, 0, 1]
        with pytest.raises(ValueError, match="'x' must be one of None, 0, 1"):
            check(2, "x")

    def test_instance_of(self) -> None:
        check = instance_of(bytes)
        assert check(b"a", "x") == b"a"
        with pytest.raises(TypeError, match="'x' must be bytes, not 'str'"):
            check("a", "x")

    def test_optional(self) -> None:
        check = optional(instance_of(bytes))
        assert (check(None, "x"), check(b"a", "x")) == (None, b"a")
        with pytest.raises(TypeError):
            check(1, "x")

    def test_list_of(self) -> None:
        check = list_of(integer(0, 9))
        given = [1, 2]
        assert check(given, "x") == given
        assert check(given, "x") is not given
        assert check((1, 2), "x") == [1, 2]
        with pytest.raises(TypeError, match="'x' must be a list, not 'int'"):
            check(1, "x")
        with pytest.raises(ValueError):
            check([10], "x")

    def test_ae_title(self) -> None:
        assert ae_title(" AE ", "x") == " AE "
        for value in ("", "   ", "A" * 17, "A\nB", "A\\B", "\xdc"):
            with pytest.raises(ValueError):
                ae_title(value, "x")
        for value in (None, 1):
            with pytest.raises(TypeError):
                ae_title(value, "x")

    def test_version_name(self) -> None:
        assert version_name("NAME_1", "x") == "NAME_1"
        for value in ("", "A" * 17):
            with pytest.raises(ValueError):
                version_name(value, "x")
        for value in (None, b"NAME"):
            with pytest.raises(TypeError):
                version_name(value, "x")


class Point(Structure):
    x = Field(0, integer(-9, 9))
    names = list_field(instance_of(str))
    also_x = alias("x")


class NamedPoint(Point):
    name = Field("a", instance_of(str))
    name_length = length_of("name")


class Named(Structure):
    uid = UIDField("1.2")
    uids = UIDListField()


class TestUIDs:
    """They are kept as text, and are UIDs to those who read them."""

    def test_one(self) -> None:
        named = Named()
        assert type(named._kept("uid")) is str
        assert type(named.uid) is UID
        assert named.uid is named.uid
        named.uid = None
        assert named.uid is None
        for given in ("1.3 ", b"1.3\0", UID("1.3")):
            named.uid = given
            assert (named.uid, type(named.uid)) == ("1.3", UID)
        with pytest.raises(TypeError):
            named.uid = 1
        with pytest.raises(ValueError):
            named.uid = "1" * 65

    def test_list(self) -> None:
        named = Named()
        named.uids = ["1.2", b"1.3", UID("1.4")]
        assert {*map(type, named._kept("uids"))} == {str, UID}
        assert named.uids == ["1.2", "1.3", "1.4"]
        assert {*map(type, named.uids)} == {UID}
        named.uids.append("1.5")
        assert [type(uid) for uid in named.uids] == [UID] * 4
        assert named.uids is named.uids
        with pytest.raises(TypeError):
            named.uids = [None]
        with pytest.raises(ValueError):
            named.uids = ["1" * 65]

    def test_reading_changes_no_comparison(self) -> None:
        one, other = Named(), Named()
        assert one.uid == "1.2"
        assert one == other


class TestStructure:
    def test_fields_are_on_the_class(self) -> None:
        assert isinstance(Point.x, Field)
        assert Point.x.name == "x"

    def test_defaults(self) -> None:
        point = NamedPoint()
        assert (point.x, point.names, point.name) == (0, [], "a")

    def test_lists_are_not_shared(self) -> None:
        one, other = Point(), Point()
        one.names.append("a")
        assert other.names == []

    def test_setting_is_checked(self) -> None:
        point = Point()
        point.x = 9
        with pytest.raises(ValueError, match="'x' must be from -9 to 9"):
            point.x = 10
        assert point.x == 9

    def test_equality(self) -> None:
        one, other = Point(), Point()
        assert one == other
        other.x = 1
        assert one != other
        assert one != NamedPoint()
        assert one != 0

    def test_not_hashable(self) -> None:
        with pytest.raises(TypeError):
            hash(Point())

    def test_alias(self) -> None:
        point = Point()
        point.x = 3
        assert point.also_x == 3
        with pytest.raises(AttributeError):
            point.also_x = 4

    def test_length_of(self) -> None:
        point = NamedPoint()
        assert point.name_length == 1
        vars(point)["name"] = None
        assert point.name_length == 0


def encode(structure: WireStructure) -> bytes:
    writer = Writer()
    structure._write_parts(writer)
    return writer.getvalue()


def structure_of(part: Part) -> type[WireStructure]:
    """Return a structure with one part."""
    return type("One", (WireStructure,), {"field": part})


# Field, value, its bytes, bytes of an object without a value
FIELDS = [
    (Number(UCHAR), 0xAB, b"\xab", b"\0"),
    (Number(UINT2), 0xABCD, b"\xab\xcd", b"\0\0"),
    (Number(UINT4), 0xABCDEF01, b"\xab\xcd\xef\x01", bytes(4)),
    (Number(UINT2, 1), 2, b"\0\2", b"\0\1"),
    (Flag(), True, b"\1", b"\0"),
    (Flag(), False, b"\0", b"\0"),
    (Text(ae_title), "AE", b"AE", b""),
    (Text(ae_title, "X", 16), "AE", b"AE              ", b"X               "),
    (UIDText(), UID("1.2"), b"1.2", b""),
    (UIDBlock(), UID("1.2"), b"\0\x031.2", b"\0\0"),
    (UIDListBlock(), [UID("1.2"), UID("1.23")], b"\0\x0b\0\x031.2\0\x041.23", b"\0\0"),
    (Bytes(), b"ab\0", b"ab\0", b""),
    (BytesBlock(), b"ab\0", b"\0\3ab\0", b"\0\0"),
    (BytesBlock(b"x"), b"", b"\0\0", b"\0\1x"),
]


class TestDeferred:
    class Shelf(Structure):
        books = list_field(instance_of(str))

    def test_made_when_read(self) -> None:
        shelf, calls = self.Shelf(), []
        shelf._defer("books", Deferred(lambda: calls.append(1) or ["one"], "key"))
        deferred = shelf._deferred("books")
        assert deferred is not None
        assert deferred.key == "key"
        assert calls == []
        assert shelf.books == ["one"]
        assert shelf.books is shelf.books
        assert calls == [1]
        assert shelf._deferred("books") is None

    def test_equal_to_what_was_made(self) -> None:
        shelf, other = self.Shelf(), self.Shelf()
        shelf._defer("books", Deferred(lambda: ["one"], None))
        other.books = ["one"]
        assert other == shelf
        shelf._defer("books", Deferred(lambda: ["two"], None))
        assert other != shelf

    def test_can_be_replaced(self) -> None:
        shelf = self.Shelf()
        shelf._defer("books", Deferred(lambda: ["one"], None))
        shelf.books = []
        assert shelf.books == []


class TestWireFields:
    @pytest.mark.parametrize(("field", "value", "data", "empty"), FIELDS)
    def test_both_ways(
        self, field: WireField[object], value: object, data: bytes, empty: bytes
    ) -> None:
        one = structure_of(field)()
        assert encode(one) == empty
        one.field = value
        assert encode(one) == data

        other = structure_of(field)()
        other._read_parts(Reader(data, "test"))
        assert other.field == value
        assert encode(other) == data

    @pytest.mark.parametrize(
        "part",
        [
            Number(UCHAR),
            Number(UINT4),
            Flag(),
            Text(ae_title, "X", 16),
            UIDBlock(),
            UIDListBlock(),
            BytesBlock(),
            Reserved(2),
        ],
    )
    def test_too_few_bytes(self, part: Part) -> None:
        with pytest.raises(PDUDecodeError):
            structure_of(part)()._read_parts(Reader(b"", "test"))

    @pytest.mark.parametrize("part", [Number(UCHAR), UIDBlock(), UIDListBlock(), Reserved(2)])
    def test_too_many_bytes(self, part: Part) -> None:
        with pytest.raises(PDUDecodeError, match="too many"):
            structure_of(part)()._read_parts(Reader(bytes(3), "test"))

    @pytest.mark.parametrize(
        "data", [b"\0\2\0\1", b"\0\1\0", b"\0\4\0\3ab", b"\0\5\0\3abc\0"], ids=bytes.hex
    )
    def test_uid_list_that_does_not_add_up(self, data: bytes) -> None:
        with pytest.raises(PDUDecodeError):
            structure_of(UIDListBlock())()._read_parts(Reader(data, "test"))

    def test_any_byte_but_zero_is_a_set_flag(self) -> None:
        one = structure_of(Flag())()
        one._read_parts(Reader(b"\x80", "test"))
        assert one.field is True

    def test_flag_takes_numbers_of_the_wire(self) -> None:
        one = structure_of(Flag())()
        one.field = 1
        assert one.field is True
        with pytest.raises(ValueError):
            one.field = 2

    @pytest.mark.parametrize("value", [-1, 256])
    def test_number_must_fit(self, value: int) -> None:
        with pytest.raises(ValueError):
            structure_of(Number(UCHAR))().field = value

    def test_received_text_is_cut_to_its_field(self) -> None:
        one = structure_of(Text(ae_title, "X", 4))()
        vars(one)["field"] = "longer"
        assert encode(one) == b"long"

    def test_reserved(self) -> None:
        structure = structure_of(Reserved(3))
        one = structure()
        one._read_parts(Reader(b"abc", "test"))
        assert one == structure()
        assert encode(one) == bytes(3)

    def test_reserved_rest(self) -> None:
        structure = structure_of(ReservedRest())
        one = structure()
        one._read_parts(Reader(b"anything", "test"))
        assert one == structure()
        assert encode(one) == b""

    def test_order_is_that_of_declaration(self) -> None:
        class Base(WireStructure):
            first = Number(UCHAR, 1)
            _reserved = Reserved(1)

        class Derived(Base):
            second = Number(UCHAR, 2)
            not_sent = Field(9, integer(0, 9))
            rest = Bytes(b"rest")

        assert encode(Derived()) == b"\1\0\2rest"

    def test_base_classes_are_abstract(self) -> None:
        part, field = Part(), WireField(0, integer(0, 9))
        for call in (
            lambda: part.encode({}, Writer()),
            lambda: part.decode({}, Reader(b"", "test")),
            lambda: field.write(0, Writer()),
            lambda: field.read(Reader(b"", "test")),
        ):
            with pytest.raises(NotImplementedError):
                call()


class Leaf(PDUItem):
    _item_type = 0xF0
    number = Number(UCHAR, 7)


class Twig(PDUItem):
    _item_type = 0xF1


class Branch(PDUItem):
    _item_type = 0xF2
    leaves = ItemList({Leaf: (1, 2), Twig: (0, 1)})


class TestItems:
    def test_header(self) -> None:
        leaf = Leaf()
        assert leaf.encode() == b"\xf0\0\0\1\7"
        assert (leaf.item_type, leaf.item_length, len(leaf)) == (0xF0, 1, 5)

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_decode(self, kind: type) -> None:
        leaf = Leaf()
        leaf.decode(kind(b"\xf0\xff\0\1\x09"))
        assert leaf.number == 9

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", 5),
            (b"\xf1\0\0\0", 5),
            (b"\xf0\0\0\1\7\xf0\0\0\1\7", 5),
            (b"\xf0\0\0\1", 6),
            (b"\xf0\0\0\0", 6),
            (b"\xf0\0\0\2\7\7", 6),
        ],
        ids=lambda value: value.hex() if isinstance(value, bytes) else None,
    )
    def test_decode_wants_one_item(self, data: bytes, reason: int) -> None:
        with pytest.raises(PDUDecodeError) as caught:
            Leaf().decode(data)
        assert caught.value.reason == reason

    def test_nested(self) -> None:
        branch = Branch()
        branch.leaves = [Leaf(), Twig(), Leaf()]
        data = b"\xf2\0\0\x0e" + b"\xf0\0\0\1\7" + b"\xf1\0\0\0" + b"\xf0\0\0\1\7"
        assert branch.encode() == data
        other = Branch()
        other.decode(data)
        assert other == branch
        assert [type(leaf) for leaf in other.leaves] == [Leaf, Twig, Leaf]

    def test_other_items_are_skipped(self) -> None:
        branch = Branch()
        branch.decode(b"\xf2\0\0\x0b" + b"\xee\0\0\2xy" + b"\xf0\0\0\1\7")
        assert branch.leaves == [Leaf()]

    @pytest.mark.parametrize(
        ("leaves", "message", "reason"),
        [
            ([], "Leaf is missing", 6),
            ([Leaf()] * 3, "more than 2 Leaf", 5),
            ([Leaf(), Twig(), Twig()], "more than 1 Twig", 5),
        ],
    )
    def test_occurrence(self, leaves: list[PDUItem], message: str, reason: int) -> None:
        branch = Branch()
        branch.leaves = leaves
        with pytest.raises(PDUDecodeError, match=message) as caught:
            Branch().decode(branch.encode())
        assert caught.value.reason == reason

    def test_nothing_but_items_can_be_set(self) -> None:
        with pytest.raises(TypeError, match="'leaves' must be PDUItem, not 'bytes'"):
            Branch().leaves = [b"\xf0\0\0\1\7"]
