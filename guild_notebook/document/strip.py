"""The document that a run executes: the notebook without its outputs, valid by nbformat's schema.

A notebook file can hold anything beside the sources of its cells: other programs add keys, and
people edit JSON by hand. Jupyter must open the executed notebook without a complaint, so what the
schema forbids is left out of it and reported. The source notebook keeps it.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..errors import NotebookError
from .cells import Cell
from .mime import valid_bundle
from .reader import NEWEST_MAJOR, Notebook

KNOWN_MINOR = 5  # the newest minor version of nbformat 4 whose keys are known here

DEEPEST = 100
"""Levels of nesting in metadata and outputs: real ones have some ten. nbformat, copy.deepcopy and
nbconvert recurse several times for each, up to Python's limit."""

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")

Document = dict[str, Any]


def strip_outputs(
    notebook: Notebook, sources: Mapping[int, str], dropped: Collection[int] = ()
) -> tuple[Document, list[str]]:
    """The document to execute, and what the schema does not allow in it, as "cell [2] (Train):
    attachments".

    ``sources`` replace the sources of the cells with these indexes, and the cells ``dropped`` are
    left out. Outputs, execution counts and the state of widgets are removed. Required keys that the
    file lacks are added: metadata, outputs, ids. Raises NotebookError for metadata that is nested
    deeper than DEEPEST levels.
    """
    raw_cells = notebook.data["cells"]
    copy = _ValidCopy(notebook)
    minor = notebook.data.get("nbformat_minor")
    minor = minor if type(minor) is int and minor >= 0 else 0
    if minor == 0 and any(cell.get("attachments") for cell in raw_cells):
        minor = 1  # the first with attachments
    data: Document = {
        "metadata": copy.mapping(notebook.data.get("metadata"), _NOTEBOOK_METADATA, "metadata"),
        "nbformat": NEWEST_MAJOR,
        "nbformat_minor": minor,
    }
    for key in ("widgets", "orig_nbformat", "guild", "guild_kernel"):
        data["metadata"].pop(key, None)  # of outputs, of an upgrade, of an earlier run
    if "jupytext" in data["metadata"]:
        # Where Jupyter knows of a paired text it shows the text's cells, without the flag values.
        data["metadata"]["jupytext"] = {"formats": "ipynb"}
    others = {key: value for key, value in notebook.data.items() if key not in {*data, "cells"}}
    data.update(copy.others(others, minor, ""))
    data["cells"] = [
        copy.cell(raw, cell, sources.get(cell.index, cell.source), minor)
        for raw, cell in zip(raw_cells, notebook.cells)
        if cell.index not in dropped
    ]
    return data, copy.left_out


class _ValidCopy:
    """Copies parts of a notebook's document as far as they are valid; ``left_out`` lists the
    others."""

    def __init__(self, notebook: Notebook) -> None:
        self.left_out: list[str] = []
        self._name = notebook.name
        self._labels = notebook.labels
        self._ids: set[str] = set()

    def cell(self, raw: Document, cell: Cell, source: str, minor: int) -> Document:
        where = f"{self._labels[cell.index]}: "
        rules = _CODE_METADATA if cell.is_code else _TEXT_METADATA
        metadata = self.mapping(raw.get("metadata"), rules, where + "metadata")
        guild = metadata.pop("guild", None)
        if isinstance(guild, dict) and "timeout" in guild:
            metadata["guild"] = {"timeout": guild["timeout"]}
        new: Document = {"cell_type": cell.kind, "metadata": metadata, "source": source}
        if cell.is_code:
            new.update(outputs=[], execution_count=None)
            metadata.pop("execution", None)  # times of the last execution
        elif raw.get("attachments") is not None:
            new["attachments"] = self.mapping(
                raw["attachments"], _ANY_BUNDLE, where + "attachments"
            )
        if minor >= 5:  # the first with ids
            new["id"] = self._id(raw.get("id"))
        known = {*new, "id", "outputs", "execution_count"}
        others = {key: value for key, value in raw.items() if key not in known}
        new.update(self.others(others, minor, where))
        return new

    def _id(self, cell_id: Any) -> str:
        if not isinstance(cell_id, str) or not _ID.fullmatch(cell_id) or cell_id in self._ids:
            cell_id = uuid.uuid4().hex[:8]
        self._ids.add(cell_id)
        return str(cell_id)

    def others(self, values: Document, minor: int, where: str) -> Document:
        """Copies of unknown keys, where the file's minor version is newer than KNOWN_MINOR."""
        if minor > KNOWN_MINOR:
            return {key: self.copied(value, where + key) for key, value in values.items()}
        self.left_out += [where + key for key, value in values.items() if value is not None]
        return {}

    def mapping(self, value: Any, rules: Rules, where: str) -> Document:
        """A copy of the mapping ``value``, each entry as far as its rule allows; "*" is the rule of
        other keys."""
        if not isinstance(value, dict):
            if value is not None:
                self.left_out.append(where)
            return {}
        new = {}
        for key, entry in value.items():
            rule = rules.get(key) or rules.get("*")
            copied = self.copied(entry, f"{where}.{key}")
            valid = rule(copied) if rule else copied
            if valid is not None or not rule:
                new[key] = valid
            if entry is not None and _lacks_entries(valid, copied):
                self.left_out.append(f"{where}.{key}")
        return new

    def copied(self, value: Any, where: str) -> Any:
        try:
            return json_copy(value)
        except RecursionError:
            raise NotebookError(
                f"notebook {self._name} is nested too deeply ({where.partition('.')[0]}) - "
                "take out what is not metadata of yours"
            ) from None


def _lacks_entries(valid: Any, whole: Any) -> bool:
    if isinstance(valid, dict) and isinstance(whole, dict):
        return any(valid.get(key) != entry for key, entry in whole.items())
    return bool(valid != whole)


def json_copy(value: Any, depth: int = DEEPEST) -> Any:
    """A copy of JSON data, with None for infinity and nan: JSON does not have these, but Python's
    parser takes them. Raises RecursionError for data that is nested deeper than ``depth``."""
    if depth < 0:
        raise RecursionError
    if isinstance(value, dict):
        return {key: json_copy(entry, depth - 1) for key, entry in value.items()}
    if isinstance(value, list):
        return [json_copy(entry, depth - 1) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


Rule = Callable[[Any], Any]  # what nbformat.v4.5.schema.json allows of a value, None for nothing
Rules = Mapping[str, Rule]


def _instance_of(kind: type) -> Rule:
    return lambda value: value if isinstance(value, kind) else None


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and re.search("^.+$", value) else None


def _tags(value: Any) -> list[str] | None:
    if not isinstance(value, list):
        return None
    valid = (tag for tag in value if isinstance(tag, str) and tag and "," not in tag)
    return list(dict.fromkeys(valid))


def _kernelspec(value: Any) -> Document | None:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    shown = value.get("display_name", value["name"])
    return {**value, "display_name": shown if isinstance(shown, str) else value["name"]}


def valid_language_info(value: Any) -> Document | None:
    """The valid entries of a notebook's or a kernel's ``language_info``; None without a name."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    texts = ("file_extension", "mimetype", "pygments_lexer")
    return {
        key: entry
        for key, entry in value.items()
        if isinstance(entry, str)
        or (key not in texts and (key != "codemirror_mode" or isinstance(entry, dict)))
    }


_NOTEBOOK_METADATA: Rules = {
    "kernelspec": _kernelspec,
    "language_info": valid_language_info,
    "title": _instance_of(str),
    "authors": _instance_of(list),
}
_CELL_METADATA: Rules = {"name": _name, "tags": _tags, "jupyter": _instance_of(dict)}
_TEXT_METADATA: Rules = {**_CELL_METADATA, "format": _instance_of(str)}
_CODE_METADATA: Rules = {
    **_CELL_METADATA,
    "collapsed": _instance_of(bool),
    "scrolled": lambda value: value if isinstance(value, bool) or value == "auto" else None,
}
_ANY_BUNDLE: Rules = {"*": valid_bundle}
