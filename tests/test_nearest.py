"""Which of the known names a mistyped one was probably meant to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guild_notebook.errors import misspelled, nearest

FLAGS = ["lr", "learning_rate", "batch_size", "numEpochs", "dropout", "hidden-units"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LR", "lr"),
        ("Lr", "lr"),
        ("learning-rate", "learning_rate"),
        ("learningRate", "learning_rate"),
        ("learn_rate", "learning_rate"),
        ("rate_learning", "learning_rate"),
        ("rate", "learning_rate"),
        ("bs", "batch_size"),
        ("batchsize", "batch_size"),
        ("batch", "batch_size"),
        ("num_epochs", "numEpochs"),
        ("epochs", "numEpochs"),
        ("drop_out", "dropout"),
        ("dropuot", "dropout"),
        ("hidden_units", "hidden-units"),
        ("units", "hidden-units"),
        ("seed", ""),
        ("x", ""),
        ("", ""),
        ("_", ""),
        ("=", ""),
    ],
)
def test_the_nearest_name(name: str, meant: str):
    assert nearest(name, FLAGS) == meant


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("notebok", "notebook"),
        ("NoteBook", "notebook"),
        ("flags_import", "flags-import"),
        ("import-flags", "flags-import"),
        ("notes", ""),
        ("flags-note", ""),
        ("run", ""),
        ("fi", ""),
        ("author", ""),
    ],
)
def test_another_spelling_is_a_narrower_notion(name: str, meant: str):
    assert misspelled(name, ["notebook", "flags-import", "run-attrs"]) == meant


NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)


@given(NAMES, st.lists(NAMES, max_size=8))
def test_the_nearest_is_one_of_the_known_names_and_not_the_name_itself(name: str, known: list[str]):
    found = nearest(name, known)
    assert found == "" or (found in known and found != name)


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=5))
def test_no_name_is_too_odd(name: str, known: list[str]):
    assert nearest(name, known) in ["", *known]


@given(st.lists(st.sampled_from(["learning", "rate", "batch", "size"]), min_size=1, unique=True))
def test_neither_case_nor_signs_between_words_count(words: list[str]):
    known = "_".join(words)
    for other in ("-".join(words).upper(), "".join(map(str.title, words)), " ".join(words)):
        if other != known:
            assert misspelled(other, ["other", known]) == known
