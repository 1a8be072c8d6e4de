"""The helpers for text, UIDs, AE titles and threads."""

import contextvars
import ctypes
import inspect
import io
import logging
import string
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from pynetdicom import _config, utils
from pynetdicom.utils import (
    as_ae_title,
    as_uid,
    decode_bytes,
    make_target,
    make_uid,
    pretty_bytes,
    safe_text,
    set_ae,
    set_timer_resolution,
    set_uid,
    validate_uid,
)

PRINTABLE = set(string.ascii_letters + string.digits + string.punctuation + " ")


class TestSafeText:
    @given(st.one_of(st.text(), st.binary(), st.binary().map(bytearray)), st.integers(0, 200))
    def test_is_printable_and_bounded(self, value, limit):
        text = safe_text(value, limit)
        assert set(text) <= PRINTABLE
        assert len(text) <= max(limit, 3)

    @given(st.text(sorted(PRINTABLE - {"\\"}), max_size=64))
    def test_printable_text_stays(self, value):
        assert safe_text(value) == value

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\x1b[31mred\x00", "\\x1b[31mred\\x00"),
            ("Zürich \u2028 \U0001f4a9", "Z\\xfcrich \\u2028 \\U0001f4a9"),
            ("a\\nb", "a\\\\nb"),
            ("\ud800", "\\ud800"),
            ("\x7f", "\\x7f"),
            (b"TITLE\xff\n", "TITLE\\xff\\n"),
            (memoryview(b"TITLE"), "TITLE"),
            (None, "None"),
            (12, "12"),
        ],
    )
    def test_escapes(self, value, expected):
        assert safe_text(value) == expected

    def test_cut(self):
        assert safe_text("a" * 64) == "a" * 64
        assert safe_text("a" * 65) == "a" * 61 + "..."
        assert safe_text(b"abcdef", 5) == "ab..."
        assert safe_text("\n" * 10, 8) == "\\n\\n\\..."

    def test_large_value_is_not_escaped_as_a_whole(self):
        class Counting(str):
            def encode(self, *args):
                raise AssertionError("encoded as a whole")

        assert safe_text(Counting("a" * 10**6)) == "a" * 61 + "..."

    def test_never_raises(self):
        class Broken:
            def __str__(self):
                raise RuntimeError

        assert safe_text(Broken()) == "<Broken>"


class TestDecodeBytes:
    @given(st.text(st.characters(max_codepoint=127)))
    def test_ascii(self, text):
        assert decode_bytes(text.encode()) == text

    def test_any_buffer(self):
        assert decode_bytes(memoryview(b"abc ")) == "abc "

    def test_not_ascii(self):
        with pytest.raises(ValueError, match=r"'A\\xe9' with the codec\(s\) ascii; .*CODECS"):
            decode_bytes(b"A\xe9")

    @pytest.mark.parametrize("codecs", [("ascii", "utf-8"), ("no-such-codec", "latin-1")])
    def test_codecs(self, monkeypatch, codecs):
        monkeypatch.setattr(_config, "CODECS", codecs)
        assert decode_bytes("caf\u00e9 1".encode(codecs[1])) == "caf 1"

    def test_first_codec_that_fits(self, monkeypatch):
        monkeypatch.setattr(_config, "CODECS", ("utf-8", "latin-1"))
        assert decode_bytes(b"\xe9!") == "!"

    def test_str(self):
        with pytest.raises(TypeError):
            decode_bytes("abc")


class TestMakeTarget:
    variable = contextvars.ContextVar("variable", default="nothing")

    def run(self, function, *args):
        results = []
        thread = threading.Thread(target=lambda: results.append(function(*args)))
        thread.start()
        thread.join()
        return results[0]

    def test_off(self):
        assert make_target(self.variable.get) == self.variable.get

    def test_on(self, monkeypatch):
        monkeypatch.setattr(_config, "PASS_CONTEXTVARS", True)
        token = self.variable.set("something")
        try:
            target = make_target(lambda *args, **kwargs: (self.variable.get(), args, kwargs))
        finally:
            self.variable.reset(token)
        assert self.run(target, 1, 2) == ("something", (1, 2), {})
        assert target(a=1) == ("something", (), {"a": 1})
        assert self.variable.get() == "nothing"


class TestPrettyBytes:
    def test_default(self):
        lines = pretty_bytes(bytes(range(18)))
        assert lines == [
            "  00  01  02  03  04  05  06  07  08  09  0a  0b  0c  0d  0e  0f",
            "  10  11",
        ]

    def test_arguments(self):
        assert pretty_bytes(b"abcde", ">", "-", 2, None, "<") == [">61-62<", ">63-64<", ">65<"]

    def test_empty(self):
        assert pretty_bytes(b"") == []

    def test_bytes_io(self):
        stream = io.BytesIO(b"abc")
        stream.seek(2)
        assert pretty_bytes(stream) == ["  61  62  63"]
        assert stream.tell() == 2

    def test_cut(self):
        lines = pretty_bytes(bytes(513), items_per_line=512)
        assert lines == ["  First 512 of 513 bytes:", "  " + "  ".join(["00"] * 512)]
        assert len(pretty_bytes(bytes(512))) == 32

    @given(st.binary(max_size=100), st.integers(1, 20))
    def test_all_bytes_are_there(self, data, items):
        lines = pretty_bytes(data, prefix="", delimiter="", items_per_line=items)
        assert bytes.fromhex("".join(lines)) == data


class TestSetAE:
    @pytest.mark.parametrize("value", ["A", " STORE SCP ", "a" * 16, "", "  ", None])
    def test_valid(self, value):
        assert set_ae(value, "title") == value

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("a" * 17, "must not exceed 16 characters"),
            ("a\\b", "must not contain control characters or backslashes"),
            ("é", "must only contain ASCII characters"),
        ],
    )
    def test_invalid(self, value, reason):
        with pytest.raises(ValueError, match=f"^Invalid 'title' value '.*' - {reason}$"):
            set_ae(value, "title")

    def test_message_is_escaped(self):
        with pytest.raises(ValueError, match=r"'a\\nb'"):
            set_ae("a\nb", "title")

    @pytest.mark.parametrize(
        ("value", "reason"),
        [("", "must not be an empty str"), ("   ", "must not consist entirely of spaces")],
    )
    def test_empty_not_allowed(self, value, reason):
        with pytest.raises(ValueError, match=f"Invalid 'title' value - {reason}"):
            set_ae(value, "title", allow_empty=False)

    def test_not_empty(self):
        assert set_ae(" A", "title", False, False) == " A"

    @pytest.mark.parametrize("value", [None, 12, ["A"]])
    def test_type(self, value):
        with pytest.raises(TypeError, match=f"'title' must be str, not '{type(value).__name__}'"):
            set_ae(value, "title", allow_none=False)
        with pytest.raises(TypeError):
            as_ae_title(value, "title")

    def test_as_ae_title(self):
        assert as_ae_title(" A", "title") == " A"
        assert as_ae_title("", "title") == ""
        with pytest.raises(ValueError, match="must not be an empty str"):
            as_ae_title("", "title", allow_empty=False)

    @pytest.mark.parametrize("function", [set_ae, as_ae_title])
    def test_who_is_blamed_for_bytes(self, function):
        class Holder:
            title = property(None, lambda self, value: function(value, "title"))

        with pytest.warns(DeprecationWarning, match="Pass 'title' as str") as caught:
            Holder().title = b"SCP"
        line = inspect.currentframe().f_lineno - 1
        assert (caught[0].filename, caught[0].lineno) == (__file__, line)

    def test_bytes(self):
        with pytest.warns(DeprecationWarning, match="Pass 'title' as str"):
            assert set_ae(b"SCP ", "title") == "SCP "
        with (
            pytest.warns(DeprecationWarning, match="Pass 'title' as str"),
            pytest.raises(ValueError, match="codec"),
        ):
            set_ae(b"\xff", "title")

    def test_other_validator(self, monkeypatch):
        validators = {**_config.VALIDATORS, "AE": lambda value: (value == "x", "must be x")}
        monkeypatch.setattr(_config, "VALIDATORS", validators)
        assert set_ae("x", "title") == "x"
        with pytest.raises(ValueError, match="must be x"):
            set_ae("y", "title")


CONFORMANT = st.lists(st.integers(0, 10**6), min_size=1, max_size=9).map(
    lambda parts: ".".join(map(str, [1, *parts]))[:64].rstrip(".")
)


class TestSetUID:
    @given(CONFORMANT)
    def test_conformant(self, value):
        uid = set_uid(value, "uid")
        assert uid == value
        assert type(uid) is UID
        assert validate_uid(uid)

    @given(CONFORMANT, st.text(" \0", max_size=3))
    def test_padding_goes(self, value, padding):
        assert set_uid(value + padding, "uid") == value
        assert set_uid((value + padding).encode(), "uid") == value

    def test_uid_stays(self):
        class Special(UID):
            pass

        uid = Special("1.2.3")
        assert set_uid(uid, "uid") is uid

    @pytest.mark.parametrize("value", ["1.02", "abc", "1."])
    def test_not_conformant(self, value, caplog, monkeypatch):
        assert set_uid(value, "uid") == value
        assert caplog.record_tuples == [
            ("pynetdicom.utils", logging.WARNING, f"Non-conformant 'uid' value '{value}'")
        ]
        monkeypatch.setattr(_config, "ENFORCE_UID_CONFORMANCE", True)
        with pytest.raises(ValueError, match=f"'uid' value '{value}' - UID is non-conformant"):
            set_uid(value, "uid")
        assert set_uid(value, "uid", validate=False) == value

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("1" * 65, "must not exceed 64 characters"),
            ("1.2.é", "must only contain printable ASCII characters"),
            ("1.2\n3", "must only contain printable ASCII characters"),
        ],
    )
    def test_unusable(self, value, reason):
        with pytest.raises(ValueError, match=f"Invalid 'uid' value '.*' - {reason}"):
            set_uid(value, "uid")
        assert set_uid(value, "uid", validate=False) == value

    def test_length_of_64(self):
        assert set_uid("1" * 64, "uid") == "1" * 64

    def test_bytes_that_are_no_text(self):
        with pytest.raises(ValueError, match="codec"):
            set_uid(b"\xff", "uid")

    def test_empty(self):
        assert set_uid("", "uid") == ""
        assert set_uid(b"\0", "uid") == ""
        for value in ("", b"", " "):
            with pytest.raises(ValueError, match="Invalid 'uid' value - must not be an empty str"):
                set_uid(value, "uid", allow_empty=False)

    def test_none(self):
        assert set_uid(None, "uid") is None
        with pytest.raises(TypeError, match="'uid' must be str, bytes or UID, not 'NoneType'"):
            set_uid(None, "uid", allow_none=False)

    def test_type(self):
        with pytest.raises(TypeError, match="'uid' must be str, bytes or UID, not 'int'"):
            as_uid(12, "uid")

    def test_other_validator(self, monkeypatch):
        validators = {**_config.VALIDATORS, "UI": lambda value: (value != "1.2", "not 1.2")}
        monkeypatch.setattr(_config, "VALIDATORS", validators)
        with pytest.raises(ValueError, match=r"'1\.2' - not 1\.2"):
            set_uid("1.2", "uid")
        assert not validate_uid(UID("1.2"))


@given(st.text())
def test_make_uid_takes_anything(value):
    uid = make_uid(value)
    assert type(uid) is UID
    assert uid == value.strip(" \0")


@pytest.mark.parametrize(
    ("value", "usable", "conformant"),
    [
        ("1.2.3", True, True),
        ("1.02", True, False),
        ("a", True, False),
        ("", False, False),
        ("1" * 64, True, True),
        ("1" * 65, False, False),
        ("1.2\n", False, False),
    ],
)
def test_validate_uid(monkeypatch, value, usable, conformant):
    uid = str.__new__(UID, value)
    assert validate_uid(uid) is usable
    monkeypatch.setattr(_config, "ENFORCE_UID_CONFORMANCE", True)
    assert validate_uid(uid) is conformant


class TestSetTimerResolution:
    @pytest.fixture
    def calls(self, monkeypatch):
        """Return what is called of the multimedia library of Windows."""
        calls = []

        class WinMM:
            def timeBeginPeriod(self, resolution):
                calls.append(("begin", resolution))

            def timeEndPeriod(self, resolution):
                calls.append(("end", resolution))

        class WinDLL:
            winmm = WinMM()

        monkeypatch.setattr(ctypes, "windll", WinDLL(), raising=False)
        return calls

    def test_windows(self, monkeypatch, calls):
        monkeypatch.setattr(sys, "platform", "win32")
        with set_timer_resolution(5):
            assert calls == [("begin", 5)]
        assert calls == [("begin", 5), ("end", 5)]

    def test_windows_with_exception(self, monkeypatch, calls):
        monkeypatch.setattr(sys, "platform", "win32")
        with pytest.raises(KeyError), set_timer_resolution(5):
            raise KeyError
        assert calls == [("begin", 5), ("end", 5)]

    def test_none(self, monkeypatch, calls):
        monkeypatch.setattr(sys, "platform", "win32")
        with set_timer_resolution(None):
            pass
        assert calls == []

    def test_elsewhere(self, monkeypatch, calls):
        monkeypatch.setattr(sys, "platform", "linux")
        with set_timer_resolution(5):
            pass
        assert calls == []


def test_logger():
    assert utils.LOGGER.name == "pynetdicom.utils"


class TestRateLimit:
    def test_each_kind_so_often_a_second(self) -> None:
        limit = utils.RateLimit(lambda: 2)
        assert [limit.allows("a", 7.5) for _ in range(4)] == [True, True, False, False]
        assert limit.allows("b", 7.9)
        assert limit.allows("a", 8.0)
