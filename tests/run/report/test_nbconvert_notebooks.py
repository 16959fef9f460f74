"""The notebooks of nbconvert's own tests as reports: they show what nbconvert's page shows.

Both pages are opened in a browser, and what a reader sees is compared: words, headings, tables,
links, images by their data, formulas by their TeX. The notebooks are nbconvert's, under the licence
beside them (nbconvert/LICENSE); `make corpus` compares those that are too large to be kept here.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter

from guild_notebook.run.report.reports import ReportWriter
from tests.helpers.browser import Browser
from tests.helpers.slow import but_slow

FOLDER = Path(__file__).parent / "nbconvert"

NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))

IN_MAKE_TEST = ("attachment", "notebook2", "notebook3_with_errors", "rawtest")

NOT_CONTENT = {
    "nbconvert": [".jp-InputPrompt", ".jp-OutputPrompt", ".clipboard-copy-txt"],
    "guild": ["header", "button", ".live", ".source > summary", ".more > summary"],
}
"""What the pages have beside what is in the notebook: numbers, times, buttons."""

READ = """dropped => {
    const root = document.querySelector('main');
    for (const folded of root.querySelectorAll('details')) folded.open = true;
    dropped = [...dropped, '.anchor-link', 'script', 'style'].join();
    for (const e of root.querySelectorAll(dropped)) e.remove();
    for (const e of root.querySelectorAll('math')) {
        const tex = e.querySelector('annotation')?.textContent ?? e.getAttribute('alttext');
        e.replaceWith(` ${tex ?? e.textContent} `);
    }
    const all = selector => [...root.querySelectorAll(selector)];
    const text = e => e.innerText.replace(/\\s+/g, ' ').trim();
    return {
        text: root.innerText,
        headings: all('h1, h2, h3, h4, h5, h6').map(e => e.localName + ' ' + text(e)),
        tables: all('table').map(table => [...table.rows].map(row => [...row.cells].map(text))),
        links: all('a[href]').map(a => a.getAttribute('href')).filter(to => !to.startsWith('#')),
        images: all('img').map(e => e.getAttribute('src')).concat(
            all('svg image').map(e => e.getAttribute('href'))),
        drawings: all('svg').filter(e => !e.querySelector('image, use')).length,
    };
}"""


@dataclass
class Seen:
    """What a reader sees of a page's cells. ``images`` are digests of their data."""

    words: list[str]
    headings: list[str]
    tables: list[Any]
    links: list[str]
    images: list[str]


def seen(browser: Browser, page: Path, maker: str) -> Seen:
    with browser.open(page) as visit:
        visit.text()  # so that all is drawn
        read = visit.page.evaluate(READ, NOT_CONTENT[maker])
    text = re.sub(r"\$+|\\[()\[\]]", " ", read["text"])  # which nbconvert leaves around formulas
    drawings = ["a drawing"] * read["drawings"]
    images = [_digest(image) for image in read["images"]] + drawings
    return Seen(text.split(), read["headings"], read["tables"], read["links"], images)


def _digest(address: str) -> str:
    """What an image shows: its data, or where they are."""
    if address.startswith("data:image/svg+xml"):
        return "a drawing"
    if not address.startswith("data:"):
        return address
    kind, _, data = address.partition(",")
    written = re.sub(r"\s|%0A", "", data)
    return f"{kind} {hashlib.sha256(written.encode()).hexdigest()[:12]}"


def compared(browser: Browser, notebook: Path, folder: Path) -> list[str]:
    """The differences between nbconvert's page and the report, a line for each."""
    nb = nbformat.read(notebook, as_version=4)
    theirs = folder / "theirs.html"
    theirs.write_text(HTMLExporter().from_notebook_node(nb)[0], "utf-8")
    writer = ReportWriter({"html": {}}, lambda _path: None)
    (ours,) = writer.write(nb, str(folder / notebook.name))
    a, b = seen(browser, theirs, "nbconvert"), seen(browser, Path(ours), "guild")
    found = []
    for kind in ("words", "headings", "tables", "links", "images"):
        before, after = ([*map(str, getattr(page, kind))] for page in (a, b))
        matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
        for operation, i, j, k, n in matcher.get_opcodes():
            if operation != "equal":
                found.append(f"{kind}: {' '.join(before[i:j])} -> {' '.join(after[k:n])}")
    return found


FORMULA = "nbconvert shows TeX without a network, a report shows the formula"
MISSING = "is not shown: there is no such file in the run or the project"
LARGE = "./containerized_deployments.jpeg"
INJECTED = "\"><script>alert('{} filenames')</script>"

DIFFERENCES: dict[str, dict[str, str]] = {
    "latex-linked-image": {
        f"words:  -> image testimage.png {MISSING}": "a broken image says nothing",
        "images: testimage.png -> ": "it is not beside the notebook",
    },
    "notebook1": {
        "words: x^{2} + 2.0 y + \\sin{\\left (z \\right )} -> x2+2.0y+sin\u2061(z)": FORMULA,
        "words: 2 x -> 2x": FORMULA,
        "words: x^{2} z + 2.0 y z - \\cos{\\left (z \\right )} -> "
        "x2z+2.0yz\u2212cos\u2061(z)": FORMULA,
    },
    "notebook2": {
        "words: evs = np.linalg.eigvals(a) -> ": "its tag is remove_cell",
        "words: (100,) -> ": "its tag is remove_output",
        "words: hist(evs.real) -> ": "its tag is remove_input",
        "words: This cell is just markdown testing whether an ASCIIDoc quirk is caught and whether "
        "header links are rendered even if they don't resolve correctly now. one test two tests. "
        "three tests -> ": "its tag is remove_cell",
    },
    "notebook3": {
        "words:  -> test input: input value": "nbconvert shows no stream that is called stdin",
    },
    "notebook5_embed_images": {
        f"words:  -> {' '.join([f'image {LARGE} {MISSING}'] * 3)}": "a broken image says nothing",
        f"images: {' '.join([LARGE] * 3)} -> ": "it is not beside the notebook",
    },
    "notebook_inject": {
        "words:  -> [image/png: not shown here] [image/jpeg: not shown here] "
        "[image/png: not shown here] [image/jpeg: not shown here] "
        "[application/vnd.jupyter.widget-view+json: not shown here]": "these have no valid data",
        f"images: {INJECTED.format('png')} {INJECTED.format('jpg')} data:image/png;base64 "
        "9fdc44b0fdd0 data:image/jpeg;base64 759ce8fe7473 -> ": "nor have these",
    },
    "rawtest": {"words: html# -> html #": "raw cells do not follow each other in one line"},
}
"""What a report shows otherwise, by the notebook's name: each difference with its reason."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", but_slow(NAMES, *IN_MAKE_TEST))
def test_a_report_shows_what_the_page_of_nbconvert_shows(
    name: str, browser: Browser, tmp_path: Path
):
    found = compared(browser, FOLDER / f"{name}.ipynb", tmp_path)
    assert found == [*DIFFERENCES.get(name, {})]


@pytest.mark.corpus
@pytest.mark.filterwarnings("ignore")
def test_so_do_the_others_of_its_tests(browser: Browser, tmp_path: Path):
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, "--dest", str(tmp_path), "nbconvert"], check=True, timeout=300)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    paths = [p for p in tmp_path.rglob("*.ipynb") if "tests" in p.parts and p.stem not in NAMES]
    assert len(paths) > 3
    wrong = {}
    for number, path in enumerate(sorted(paths)):
        (folder := tmp_path / f"report{number}").mkdir()
        found = compared(browser, path, folder)
        if found != [*DIFFERENCES.get(path.stem, {})]:
            wrong[path.name] = found
    assert wrong == {}
