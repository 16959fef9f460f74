"""A secret value is in no file of a run, in whatever form and by whatever way a cell writes it."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.project import Command, Project
from tests.helpers.secret_values import LONG, VALUE, documented_forms, written

# ``t`` is a text of all forms of a value, a line for each, and ``each`` has them one by one.
WAYS = {
    "print": "print(t)",
    "a character at a time": "n = 1 if len(value) < 99 else 40\nfor t in each:\n"
    "  for i in range(0, len(t), n): print(t[i:i + n], end='', flush=True)\n  print()",
    "in three pieces": "for t in each:\n  for p in (t[:16], t[16:22], t[22:], '\\n'):\n"
    "    sys.stdout.write(p); sys.stdout.flush()",
    "with stderr between": "for t in each:\n  print(t[:22], end='', flush=True)\n"
    "  print('between', file=sys.stderr, flush=True)\n  print(t[22:], flush=True)",
    "stderr": "print(t, file=sys.stderr)",
    "descriptor 1": "os.write(1, (t + '\\n').encode())",
    "descriptor 2": "os.write(2, (t + '\\n').encode())",
    "another process": "subprocess.run(['printf', '%s\\n', t])",
    "logging": "logging.getLogger('a').error('%s', t)",
    "a warning": "with warnings.catch_warnings():\n  warnings.simplefilter('always')\n"
    "  for t in each: warnings.warn(t)",
    "a progress line": "for t in each: print(t.replace('\\n', ' '), end='\\r'); print()",
    "a long line": "for t in each: print('-' * 980 + t)",
    "wrapped in a box": "for t in each:\n"
    "  for line in textwrap.wrap(t, 40): print('│ ' + line.ljust(40) + ' │')",
    "wrapped in colours": "for t in each:\n"
    "  for line in textwrap.wrap(t, 30): print(f'\\x1b[32m{line}\\x1b[0m')",
    "indented": "for t in each: print(textwrap.indent(textwrap.fill(t, 50), ' ' * 30))",
    "a result": "ip.displayhook(each)",
    "a result in a table": "ip.displayhook(pd.DataFrame({'a': each}))",
    "plain text": "display({'text/plain': t}, raw=True)",
    "HTML": "display(HTML('<p title=\"%s\">%s</p>' % (html.escape(t), html.escape(t))))",
    "HTML with tags": "display(HTML(''.join('<p><b>%s</b><i>%s</i></p>' % "
    "(html.escape(t[:22]), html.escape(t[22:])) for t in each)))",
    "Markdown": "display(Markdown('\\n'.join(f'**{t[:22]}**{t[22:]}' for t in each)))",
    "LaTeX": "display(Latex('$' + t + '$'))",
    "JavaScript": "display(Javascript('/* ' + json.dumps(t) + ' */'))",
    "JSON": "display(JSON({'a': {t: [1, {'b': [t[:22], t[22:]]}] for t in each}}))",
    "SVG": "display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\">%s</svg>' % ''.join("
    "'<text>%s</text><text>%s</text>' % (html.escape(t[:22]), html.escape(t[22:]))"
    " for t in each)))",
    "a type of its own": "for t in each:\n"
    "  display({t: t, 'application/x.own+json': {t: t}}, raw=True)",
    "metadata": "display({'text/plain': ''}, raw=True, metadata={t: {t: t} for t in each})",
    "text of a PNG": "display(Image(png(value)))",
    "an update": "h = display(0, display_id=True); h.update(HTML(html.escape(t)))",
    "a display's id": "for t in each: display({'text/plain': t}, raw=True, display_id=t)",
    "after clear_output": "print(t); clear_output(); print(t)",
    "an exception": "ip.run_cell('raise ValueError(t)')",
    "an exception's name": 'ip.run_cell(\'raise type(t.replace("\\\\0", ""), (Exception,), {})\')',
    "a chain of exceptions": "ip.run_cell('try:\\n raise KeyError(t)\\nexcept KeyError as e:\\n "
    "raise RuntimeError(1) from e')",
    "an Output widget": "o = widgets.Output(); display(o)\nwith o: print(t); display(Markdown(t))",
    "widgets": "display(widgets.VBox([widgets.Text(t, description=t), widgets.HTML(t), "
    "widgets.Dropdown(options=each), widgets.Image(value=png(value))]))",
    "a comm": "for t in each:\n"
    "  create_comm(target_name=t, data={t: t}, metadata={t: t}).send({t: [t]})",
    "a page": "ip.payload_manager.write_payload({'source': 'page', 'data': {'text/plain': t}})",
    "the next input": "ip.set_next_input(t)",
    "another cell": "ip.run_cell(f'print({t!r})')",
    "a thread": "th = threading.Thread(target=print, args=(t,)); th.start(); th.join()",
    "a process that was forked": "p = os.fork()\nif not p: print(t, flush=True); os._exit(0)\n"
    "os.waitpid(p, 0)",
}
NOT_SAVED = {
    "after clear_output",
    "a comm",
    "a page",
    "the next input",
    "text of a PNG",
    "a display's id",
}

SHELL = ("cat", "base64", "base64 -w 20", "base32", "od -An -v -tx1", "fold -w 30", "rev | rev")

START = """
import base64, html, json, logging, os, quopri, struct, subprocess, sys, textwrap, threading
import urllib.parse, warnings, zlib
import ipywidgets as widgets, pandas as pd
from comm import create_comm
from IPython.display import (HTML, JSON, SVG, Image, Javascript, Latex, Markdown, clear_output,
                             display)
ip = get_ipython()

def png(text):
    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
    title = text.encode("latin-1", "replace")
    return (b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
            + chunk(b"tEXt", b"Title\\0" + title) + chunk(b"IDAT", zlib.compress(b"\\0\\0"))
            + chunk(b"IEND", b""))
"""
FORMS = documented_forms()
START += f"""
def forms(value):
    data = value.encode()
    made = [{", ".join(FORMS)}]
    return [t.decode() if isinstance(t, bytes) else str(t) for t in made]
"""

VALUES = (VALUE, LONG)


def tag(way: int, form: int, value: int) -> str:
    return f"w{way:02}f{form:02}v{value}"


def cell_of(way: int, body: str) -> str:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return (
        f"for number, value in enumerate([token, key]):\n"
        f"    each = [f'w{way:02}f{{f:02}}v{{number}} {{t}}' for f, t in enumerate(forms(value))]\n"
        f"    t = '\\n'.join(each)\n{lines}\n"
    )


@pytest.fixture(scope="module")
def done(shared: Project) -> Command:
    cells = [cell_of(number, body) for number, body in enumerate(WAYS.values())]
    shell = [f'!printf %s "${name}" | {way}' for name in ("TOKEN", "KEY") for way in SHELL]
    shared.notebook("nb.ipynb", "token = ''\nkey = ''", START, *cells, "\n".join(shell))
    shared.guildfile(
        "a:\n  notebook: nb.ipynb\n  nb-report: [html, sanitized, markdown]\n"
        "  flags: {token: {nb-secret: yes}, key: {nb-secret: yes}}\n"
    )
    return shared.run("a", **dict(zip(("TOKEN", "KEY"), VALUES)))


def letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def pieces(text: str, length: int) -> set[str]:
    """All pieces of so many letters and digits."""
    text = letters(text)
    return {text[start : start + length] for start in range(max(1, len(text) - length + 1))}


def readings_of(path: Path) -> Iterator[str]:
    """What a file says, to a reader who leaves out what may divide a value in it."""
    text = path.read_bytes().decode("utf-8", "replace")
    yield text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    yield plain
    yield html.unescape(re.sub(r"<[^<>]*>", "", plain))
    if path.suffix == ".ipynb":
        for cell in json.loads(text)["cells"]:
            outputs = cell.get("outputs", [])
            yield "".join(texts_of(cell))
            for name in ("stdout", "stderr"):
                yield "".join("".join(o["text"]) for o in outputs if o.get("name") == name)
            for output in outputs:
                for part in output.get("data", {}).get("image/png", "").split("***"):
                    for start in range(4):  # whatever has been taken out before it
                        end = start + (len(part) - start) // 4 * 4
                        yield base64.b64decode(part[start:end]).decode("latin-1")


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (key, *texts_of(item))
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)


def test_no_file_of_the_run_has_a_value_in_any_form_by_any_way(done: Command, shared: Project):
    texts = {written(form, v): form for v in VALUES for form in FORMS}
    # Sixteen letters and digits: fewer may be left of the beginning of a value.
    of = {piece: form for text, form in texts.items() for piece in pieces(text, 16)}
    halves = {half for text in texts for half in pieces(text, 8)}
    files = [path for path in shared.home.rglob("*") if path.is_file() and not path.is_symlink()]
    readings = [(path.name, text) for path in files for text in readings_of(path)]
    readings += [("the command", done.stdout), ("the command", done.stderr)]
    found = set()
    for name, reading in readings:
        text = letters(reading)
        for start in range(0, len(text), 8):  # one of these lies whole in each piece of sixteen
            if text[start : start + 8] in halves:
                around = pieces(text[max(0, start - 8) : start + 16], 16)
                found |= {(name, of[piece], piece) for piece in around & of.keys()}
    assert found == set()
    assert {"nb.ipynb", "nb.html", "nb.sanitized.html", "nb.md", "output"} <= dict(readings).keys()


def test_each_of_them_was_written_and_masked(done: Command):
    text = json.dumps(done.run.notebook("nb.ipynb"), ensure_ascii=False)
    for number, way in enumerate(WAYS):
        for form in range(len(FORMS)):
            for value in range(len(VALUES)) if way not in NOT_SAVED else ():
                assert tag(number, form, value) in text, (way, FORMS[form])
    left_out = "an image/png is left out: the value of a secret flag is in it\n"
    assert left_out in done.run.output
    assert done.run.output.count("***") > 500 and text.count("***") > 1000
