"""Notebooks made malformed: valid ones to begin with, and what can be wrong with a file.

``mutant(seed)`` is the same bytes for the same seed, so a seed names a failure.
"""

from __future__ import annotations

import copy
import functools
import json
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import nbformat

from tests.helpers.project import code, markdown, notebook

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Er"
    "kJggg=="
)

OUTPUTS = [
    {"output_type": "stream", "name": "stdout", "text": ["loss: 0.5\n", "loss: 0.4\n"]},
    {"output_type": "stream", "name": "stderr", "text": "careful\n"},
    {
        "output_type": "display_data",
        "data": {"image/png": PNG, "text/plain": ["<Figure>"], "application/json": {"a": [1]}},
        "metadata": {"image/png": {"width": 10}},
    },
    {
        "output_type": "execute_result",
        "execution_count": 3,
        "data": {"text/html": "<b>x</b>", "text/plain": "x"},
        "metadata": {},
    },
    {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["a", "b"]},
]


def _forms() -> dict[str, Any]:
    return notebook(
        markdown("# Train\n\nSome *text*."),
        '#@title Settings { run: "auto" }\n'
        'lr = 0.1  #@param {type:"number", min:0, max:1}\n'
        'mode = "fast"  #@param ["fast", "slow"] {allow-input: true}\n'
        'deep = True  #@param {type:"boolean"}\n'
        'day = "2024-02-29"  #@param {type:"date"}\n'
        'n = 5  #@param {type:"slider", min:0, max:10, step:1}',
        code("import sys\nprint(lr, mode)", outputs=OUTPUTS, execution_count=3),
        {"cell_type": "raw", "metadata": {"format": "text/x-rst"}, "source": ["a\n", "b"]},
    )


def _tagged() -> dict[str, Any]:
    widgets = {
        "application/vnd.jupyter.widget-state+json": {
            "state": {"a1": {"model_name": "IntSliderModel", "model_module": "x", "state": {}}},
            "version_major": 2,
            "version_minor": 0,
        }
    }
    language = {"name": "python", "version": "3.11", "codemirror_mode": {"name": "ipython"}}
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook(
        code("x: int = 1  # how many\nname = 'a'\nlayers = [64, 32]", tags=["parameters"], id="p1"),
        code("x = 7", tags=["injected-parameters"], id="p2"),
        code(
            "%%time\nprint(x)",
            tags=["slow", "raises-exception"],
            id="p3",
            outputs=OUTPUTS[:2],
        ),
        {
            "cell_type": "markdown",
            "metadata": {"name": "picture", "jupyter": {"source_hidden": True}},
            "source": "![](attachment:a.png)",
            "attachments": {"a.png": {"image/png": PNG}},
            "id": "p4",
        },
        code("y = x * 2\ny", id="p5", outputs=OUTPUTS[2:]),
        nbformat_minor=5,
        metadata={
            "kernelspec": kernelspec,
            "language_info": language,
            "widgets": widgets,
            "title": "A title",
            "authors": [{"name": "A"}],
            "orig_nbformat": 3,
        },
    )


def _plain() -> dict[str, Any]:
    return notebook(
        "epochs = 3\nrate = 1e-5\nnames = {'a': (1, 2)}\ntext = 'ü漢🙂'",
        code("for i in range(epochs):\n    print(f'loss: {i}')\n!ls\n?print", outputs=OUTPUTS),
        code("", metadata={"collapsed": True, "scrolled": "auto", "tags": []}),
        nbformat_minor=0,
        metadata={},
    )


def _bash() -> dict[str, Any]:
    kernelspec = {"name": "bash", "language": "bash", "display_name": "Bash"}
    return notebook("x=1  # how many\necho $x", metadata={"kernelspec": kernelspec})


def _old(version: int) -> dict[str, Any]:
    document = nbformat.from_dict(copy.deepcopy(_forms()))  # it is changed in place
    for step in range(3, version - 1, -1):
        document = nbformat.convert(document, step)
    made = json.loads(json.dumps(document))
    assert made["nbformat"] == version and made["worksheets"]
    return made


BASES: dict[str, Callable[[], dict[str, Any]]] = {
    "forms": _forms,
    "tagged": _tagged,
    "plain": _plain,
    "bash": _bash,
    "format 3": lambda: _old(3),
    "format 2": lambda: _old(2),
}


@functools.cache
def _base(name: str) -> str:
    return json.dumps(BASES[name]())


# ---- values that do not belong where they come


def _nested(depth: int, kind: str) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


ODD: list[Callable[[random.Random], Any]] = [
    lambda _r: None,
    lambda _r: True,
    lambda _r: False,
    lambda r: r.choice([0, 1, -1, 4, 5, 2**63, -(2**64), 10**400]),
    lambda r: r.choice([0.5, 4.0, -0.0, 1e308, math.nan, math.inf, -math.inf]),
    lambda _r: "",
    lambda r: r.choice(["x", "code", "4", "null", "a,b", "../..", "python3", "${x}", "%s {0}"]),
    lambda r: r.choice(["\ud800", "a\udfffb", "\x00", "\x1b[31m", "\u2028", "\ufeffx", "ü漢🙂"]),
    lambda r: "x" * r.choice([1000, 100_000]),
    lambda r: r.choice(["(" * 5000, "[" * 3000 + "]" * 3000, "x = " + "-" * 20_000 + "1"]),
    lambda r: r.choice(['"""' * 501, "'" * 999, "x = (\n" * 400, "\\\n" * 3000, "\r" * 500]),
    lambda _r: [],
    lambda _r: {},
    lambda r: [r.choice([1, None, "a\n", {}, []]) for _ in range(r.randrange(1, 4))],
    lambda r: {r.choice(["", "a", "name", "text/plain", "\ud800"]): r.choice([1, None, "b", []])},
    lambda r: _nested(r.choice([5, 60, 150, 400, 900]), r.choice(["list", "dict"])),
    lambda r: ["line\n"] * r.choice([2, 5000]),
]

SOURCES = [
    "x = 1\x00",
    "#@param\nx = 1 #@param {type:",
    'x = "\ud800" #@param {type:"string"}',
    "x = 1 #@param {type:'slider', min:1e999, max:'a', step:[]}",
    "a = b = c = 1; d: int; e += 1; *f, g = h",
    "lr = 0.1\nlr = lr",
    "%%bash\nx=1",
    "\tx = 1\n  y = 2\n\x0cz = 3",
    "lr = {'a': float('nan'), **{}}",
    "lr = 0x" + "f" * 5000,
    "lr = " + "9" * 5000,
    "lr = '" + "\\N{DIGIT ONE}" * 50 + "'",
    "x = 1 #@param " + "[" * 2000,
    "mode = 'a' #@param ['a', 'b', 'a', 1, None, {}]",
    "\ufefflr = 1",
    "lr = 1\r\nmode = 'x'\rn = 2",
    "x <- 1L; lr = TRUE",
]

KEYS = [
    "cells", "cell_type", "source", "metadata", "outputs", "output_type", "execution_count", "id",
    "tags", "nbformat", "nbformat_minor", "kernelspec", "language_info", "name", "text", "data",
    "worksheets", "attachments", "collapsed", "scrolled", "jupyter", "format", "guild",
    "authors", "title", "orig_nbformat", "widgets", "execution", "display_name", "language",
    "input", "level", "unknown", "",
]  # fmt: skip


def _places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Each container of a document with each of its keys; the outer ones first."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], (dict, list)) and depth < 12:
            yield from _places(value[key], depth + 1)


def _place(document: Any, r: random.Random) -> tuple[Any, Any]:
    places = list(_places(document))
    # Half of the changes in the outer parts, of which there are few.
    return r.choice(places[: max(8, len(places) // 6)] if r.random() < 0.3 else places)


def _drop(document: Any, r: random.Random) -> None:
    container, key = _place(document, r)
    del container[key]


def _replace(document: Any, r: random.Random) -> None:
    container, key = _place(document, r)
    container[key] = r.choice(ODD)(r)


def _put(document: Any, r: random.Random) -> None:
    container, _key = _place(document, r)
    if isinstance(container, dict):
        container[r.choice(KEYS)] = r.choice(ODD)(r)
    else:
        container.insert(r.randrange(len(container) + 1), r.choice(ODD)(r))


def _rename(document: Any, r: random.Random) -> None:
    container, key = _place(document, r)
    if isinstance(container, dict):
        container[r.choice(KEYS)] = container.pop(key)


def _swap(document: Any, r: random.Random) -> None:
    (one, a), (other, b) = _place(document, r), _place(document, r)
    x, y = _copied(one[a]), _copied(other[b])
    one[a] = y
    other[b] = x


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(value))  # which takes deeper nesting than copy.deepcopy


def _double(document: Any, r: random.Random) -> None:
    cells = _cells(document)
    if cells:
        cells.insert(r.randrange(len(cells) + 1), _copied(r.choice(cells)))


def _source(document: Any, r: random.Random) -> None:
    cells = [cell for cell in _cells(document) if isinstance(cell, dict)]
    if cells:
        cell = r.choice(cells)
        text = r.choice(SOURCES)
        cell["source" if "source" in cell else "input"] = r.choice([text, text.splitlines(True)])


def _version(document: Any, r: random.Random) -> None:
    key = r.choice(["nbformat", "nbformat_minor"])
    document[key] = r.choice([0, 1, 2, 3, 4, 5, 6, 99, -1, 10**30, "4", 4.0, None, True, [4]])


def _cells(document: Any) -> list[Any]:
    cells = document.get("cells")
    if cells is None:
        sheets = document.get("worksheets")
        first = sheets[0] if isinstance(sheets, list) and sheets else None
        cells = first.get("cells") if isinstance(first, dict) else None
    return cells if isinstance(cells, list) else []


CHANGES = [_drop, _replace, _replace, _put, _rename, _swap, _double, _source, _version]

# ---- bytes


def _truncated(data: bytes, r: random.Random) -> bytes:
    return data[: r.randrange(len(data))]


def _flipped(data: bytes, r: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(r.choice([1, 1, 3, 20])):
        changed[r.randrange(len(changed))] ^= 1 << r.randrange(8)
    return bytes(changed)


def _inserted(data: bytes, r: random.Random) -> bytes:
    at = r.randrange(len(data))
    return (
        data[:at]
        + r.choice([b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"{", b"]", b",", b'"'])
        + data[at:]
    )


def _doubled_keys(data: bytes, r: random.Random) -> bytes:
    key = r.choice([b'"cells"', b'"metadata"', b'"nbformat"', b'"source"', b'"cell_type"'])
    value = r.choice([b"null", b"[]", b"{}", b'"x"', b"5"])
    return data.replace(key, key + b": " + value + b", " + key, r.choice([1, -1]))


def _encoded(data: bytes, r: random.Random) -> bytes:
    text = data.decode("utf-8", "surrogatepass")
    encoding, bom = r.choice(
        [(name, bom) for name in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
         for bom in ("", "\ufeff")] + [("latin-1", ""), ("cp037", "")]
    )  # fmt: skip
    handler = "surrogatepass" if encoding.startswith("utf") else "replace"
    return (bom + text).encode(encoding, handler)


def _line_ends(data: bytes, r: random.Random) -> bytes:
    return data.replace(b"\n", r.choice([b"\r\n", b"\r"]))


def _deep(data: bytes, r: random.Random) -> bytes:
    depth = r.choice([300, 990, 5000, 100_000])
    opening, closing = r.choice([(b"[", b"]"), (b'{"a":', b"}")])
    nested = opening * depth + b"1" + closing * depth
    return data.replace(b'"metadata": {', b'"metadata": {"deep": ' + nested + b", ", 1)


def _huge_number(data: bytes, r: random.Random) -> bytes:
    number = r.choice([b"9" * 6000, b"-" + b"9" * 6000, b"1e999999", b"NaN", b"-Infinity"])
    return data.replace(b'"nbformat_minor": ', b'"nbformat_minor": ' + number + b', "x": ', 1)


BYTES = [
    _truncated, _flipped, _flipped, _inserted, _doubled_keys, _encoded, _encoded, _line_ends,
    _deep, _huge_number,
]  # fmt: skip


def mutant(seed: int) -> bytes:
    """The bytes of one malformed notebook: up to five changes of a document, then, in one of
    four, a change of its bytes."""
    r = random.Random(seed)
    document = json.loads(_base(r.choice(list(BASES))))
    for _ in range(r.choice([0, 1, 1, 1, 2, 5])):
        if any(True for _ in _places(document)):
            r.choice(CHANGES)(document, r)
    data = _written(document, r.choice([None, 1]), r.random() < 0.5)
    return r.choice(BYTES)(data, r) if r.random() < 0.25 else data


def _written(document: Any, indent: int | None, escaped: bool) -> bytes:
    try:
        text = json.dumps(document, indent=indent, ensure_ascii=escaped)
    except RecursionError:  # with an indent json recurses in Python
        text = json.dumps(document, ensure_ascii=escaped)
    return text.encode("utf-8", "surrogatepass")
