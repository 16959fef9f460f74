"""docs/messages.md explains each message of the package, and none that it does not have."""

from __future__ import annotations

import re

import pytest

from tests.helpers.messages import all_messages, in_source, pattern
from tests.helpers.reader import DOCS

PAGE = (DOCS / "messages.md").read_text("utf-8")

ENTRIES = dict(re.findall(r"^- `(.+)`\n\n  (\S.*)$", PAGE, re.MULTILINE))
"""Each message as the page has it, and the first line of what it says about it."""


@pytest.fixture(scope="module")
def messages() -> dict[str, str]:
    return all_messages()


def test_the_page_has_an_entry_with_an_explanation_for_each_line_that_begins_one():
    assert len(re.findall(r"^- `", PAGE, re.MULTILINE)) == len(ENTRIES) > 100


def test_each_message_of_the_source_has_its_entry(messages: dict[str, str]):
    assert len(messages) > 100
    lacking = [
        f"docs/messages.md lacks what {where} says: {message}"
        for message, where in messages.items()
        if not any(map(pattern(message).fullmatch, ENTRIES))
    ]
    assert lacking == []


def test_each_entry_is_a_message_of_the_source(messages: dict[str, str]):
    patterns = [pattern(message) for message in messages]
    assert [entry for entry in ENTRIES if not any(p.fullmatch(entry) for p in patterns)] == []


def test_messages_are_found_however_they_are_written():
    source = '''
def one(name):
    """FlagError("not this")"""
    raise FlagError(
        f"flag {name} is odd "
        "- mend it"
    )

def two(status_lines, late):
    text = f"cell {late} is {'slow' if late else 'fast'}"
    text += ", at last"
    status_lines.write(text, "a shorter form")
    status_lines.write(f"guild-notebook: {late}")

def three(warnings, others):
    warnings.append("it is odd")
    others.append("not this")

def four(out, number, seconds, path):
    end = f"({duration(seconds)})"
    out.write_line(f"[{number}] {end}")
    out.write_line(f"{path or 'the file'}: {number or '-'}")

def duration(seconds):
    return f"{seconds} s" if seconds < 60 else "long"
'''
    assert list(in_source(source)) == [
        "flag … is odd - mend it",
        "cell … is slow",
        "cell … is fast",
        "…, at last",
        "flag …: it is odd",
        "[…] (… s)",
        "[…] (long)",
        "the file: …",
    ]
