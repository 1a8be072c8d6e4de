"""The default rules for AE titles and UIDs."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.config import IGNORE
from pydicom.uid import UID

from pynetdicom._validators import is_conformant_uid, validate_ae, validate_ui

PRINTABLE = string.ascii_letters + string.digits + string.punctuation + " "
AE_CHARACTERS = PRINTABLE.replace("\\", "")


@given(st.text(AE_CHARACTERS, max_size=16))
def test_ae_title_of_16_printable_characters_is_valid(value):
    assert validate_ae(value) == (True, "")


@given(st.text(AE_CHARACTERS, min_size=17))
def test_longer_ae_title_is_not(value):
    assert validate_ae(value) == (False, "must not exceed 16 characters")


@given(
    st.text(AE_CHARACTERS, max_size=7),
    st.characters(exclude_characters=AE_CHARACTERS),
    st.text(AE_CHARACTERS, max_size=7),
)
def test_ae_title_with_another_character_is_not(head, character, tail):
    is_valid, reason = validate_ae(head + character + tail)
    assert not is_valid
    assert reason == (
        "must not contain control characters or backslashes"
        if character.isascii()
        else "must only contain ASCII characters"
    )


@given(st.text(PRINTABLE, min_size=1, max_size=64))
def test_uid_of_64_printable_characters_is_usable(value):
    assert validate_ui(value) == (True, "")


def test_empty_uid_is_not():
    assert validate_ui("") == (False, "must not be an empty str")


@given(st.text("0123456789.", min_size=65))
def test_longer_uid_is_not(value):
    assert validate_ui(value) == (False, "must not exceed 64 characters")


@given(
    st.text(PRINTABLE, max_size=31),
    st.characters(exclude_characters=PRINTABLE),
    st.text(PRINTABLE, max_size=31),
)
def test_uid_with_another_character_is_not(head, character, tail):
    assert validate_ui(head + character + tail) == (
        False,
        "must only contain printable ASCII characters",
    )


@pytest.mark.parametrize("value", ["1.2.03", "1.2.840.", "abc", "1..2"])
def test_uid_need_not_conform(value):
    assert validate_ui(value) == (True, "")


class TestConformance:
    @given(
        st.text("012.", max_size=8)
        | st.from_regex(r"[0-9]{0,3}(\.[0-9]{1,3}){0,20}", fullmatch=True)
        | st.text(max_size=4)
    )
    def test_as_pydicom_has_it(self, value):
        if not value.endswith("\n"):  # which pydicom lets pass
            assert is_conformant_uid(value) is UID(value, IGNORE).is_valid

    @pytest.mark.parametrize(("length", "expected"), [(64, True), (65, False)])
    def test_length(self, length, expected):
        assert is_conformant_uid("1" * length) is expected
