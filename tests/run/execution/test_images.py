"""Each image of the executed notebook is a file under the name of the cell that shows it."""

from __future__ import annotations

import base64

import pytest
from ipykernel import version_info

from tests.helpers.project import Project, Run

SETUP = """
import asyncio, base64
from IPython.display import clear_output, display, update_display
def bundle(text, mime='image/png'):
    if mime == 'image/svg+xml':
        return {mime: f'<svg>{text}</svg>'}
    return {mime: base64.b64encode(text.encode()).decode()}
def show(text, mime='image/png', **options):
    return display(bundle(text, mime), raw=True, **options)
def update(handle, text, mime='image/png'):
    handle.update(bundle(text, mime), raw=True)
"""
"""An image is the text that its file is to hold: what decodes images is not under test."""

WIDGET = "import ipywidgets\nout = ipywidgets.Output()\nout\n"

TABLE = [
    (
        "a later cell updates a display that holds an image and shows its own",
        ["a = show('old', display_id=True)", "show('own'); update(a, 'new')"],
        {"2_0.png": "new", "3_0.png": "own"},
    ),
    (
        "a later cell updates it before it shows its own",
        ["a = show('old', display_id=True)", "update(a, 'new'); show('own')"],
        {"2_0.png": "new", "3_0.png": "own"},
    ),
    (
        "one of several images is updated by its own cell and by a later one",
        ["show('1'); a = show('2', display_id=True); show('3'); update(a, 'now')",
         "show('4'); update(a, 'later'); show('5')"],
        {"2_0.png": "1", "2_1.png": "later", "2_2.png": "3", "3_0.png": "4", "3_1.png": "5"},
    ),
    (
        "an image becomes one of another kind",
        ["a = show('1', display_id=True); show('2')", "update(a, 'new', 'image/svg+xml')"],
        {"2_0.svg": "<svg>new</svg>", "2_1.png": "2"},
    ),
    (
        "an image becomes a text and another takes its place",
        ["a = show('1', display_id=True); show('2')",
         "a.update({'text/plain': 'no image'}, raw=True); show('3')"],
        {"2_1.png": "2", "3_0.png": "3"},
    ),
    (
        "a text becomes an image of the cell that showed the text",
        ["a = display({'text/plain': 'wait'}, raw=True, display_id=True); show('1')",
         "show('2'); update(a, 'new')"],
        {"2_0.png": "1", "2_1.png": "new", "3_0.png": "2"},
    ),
    (
        "a display is shown in two cells and updated by a third",
        ["show('1', display_id='d')", "show('2', display_id='d')",
         "update_display(bundle('3'), raw=True, display_id='d'); show('own')"],
        {"2_0.png": "3", "3_0.png": "3", "4_0.png": "own"},
    ),
    (
        "a display that is shown again changes where it was shown before",
        ["show('1', display_id='e')", "show('own'); show('2', display_id='e')"],
        {"2_0.png": "2", "3_0.png": "own", "3_1.png": "2"},
    ),
    (
        "a cell clears its images before it shows another",
        ["show('1'); show('2'); show('3')\nfor i in range(3):\n"
         "    clear_output(wait=True); show(f'frame {i}')"],
        {"2_0.png": "frame 2"},
    ),
    (
        "a cell clears its images and shows none",
        ["show('1'); show('2'); clear_output(); print('over')", "show('3')"],
        {"3_0.png": "3"},
    ),
    (
        "a display that has been cleared is updated",
        ["a = show('1', display_id=True); clear_output(); show('2')", "update(a, 'gone')"],
        {"2_0.png": "2"},
    ),
    (
        "images are shown in an Output widget of another cell, which is cleared",
        [WIDGET, "with out:\n    show('1'); a = show('2', display_id=True)\nshow('3')",
         "show('4'); update(a, 'new')", "with out:\n    clear_output(wait=True); show('5')"],
        {"3_2.png": "3", "4_0.png": "4", "5_0.png": "5"},
    ),
    (
        "an animation in an Output widget",
        [WIDGET + "for i in range(3):\n    with out:\n"
         "        clear_output(wait=True); show(f'frame {i}')\nshow('own')"],
        {"2_0.png": "frame 2", "2_1.png": "own"},
    ),
    (
        "an Output widget is given an image",
        [WIDGET, "from IPython.display import Image\n"
         "out.append_display_data(Image(b'\\x89PNG 1', format='png'))"],
        {"3_0.png": "\x89PNG 1"},
    ),
    (
        "a task shows an image while a later cell runs",
        ["gate = asyncio.Event()\nasync def later():\n    await gate.wait(); show('late')\n"
         "task = asyncio.ensure_future(later())",
         "show('1'); gate.set(); await task; show('2')"],
        # Before ipykernel 7 what a task shows belongs to the cell that runs.
        {"2_0.png": "late", "3_0.png": "1", "3_1.png": "2"} if version_info[0] >= 7 else
        {"3_0.png": "1", "3_1.png": "late", "3_2.png": "2"},
    ),
]  # fmt: skip
"""What is shown, cells that show it, and the files; the first of the cells is number 2."""


@pytest.fixture(scope="module")
def run(shared: Project) -> Run:
    """All rows in one run: each is of its own cells only."""
    shared.notebook("nb.ipynb", SETUP, *[cell for _, cells, _ in TABLE for cell in cells])
    shared.without_reports("nb.ipynb")
    return shared.run("nb.ipynb").run


@pytest.mark.parametrize("row", TABLE, ids=[name for name, _, _ in TABLE])
def test_each_image_of_the_notebook_has_the_name_of_its_cell_and_no_other_is_left(row, run: Run):
    _, cells, expected = row
    before = sum(len(each) for _, each, _ in TABLE[: TABLE.index(row)])
    files = {}
    for path in run.dir.glob("nb_*"):
        number, _, rest = path.name[len("nb_") :].partition("_")
        if 2 <= int(number) - before < 2 + len(cells):
            files[f"{int(number) - before}_{rest}"] = path.read_text("latin-1")
    assert files == expected


def test_the_notebook_holds_the_same_images(run: Run):
    nb = run.notebook("nb.ipynb")
    ((_, states),) = nb["metadata"]["widgets"].items()
    outputs = [out for cell in nb["cells"] for out in cell["outputs"]]
    for model in states["state"].values():
        outputs += model["state"].get("outputs", [])
    bundles = [out["data"] for out in outputs if "data" in out]
    pngs = ["".join(data["image/png"]) for data in bundles if "image/png" in data]
    svgs = ["".join(data["image/svg+xml"]) for data in bundles if "image/svg+xml" in data]
    kept = [base64.b64decode(png).decode("latin-1") for png in pngs] + svgs
    assert sorted(kept) == sorted(text for _, _, files in TABLE for text in files.values())


def test_a_restarted_run_has_the_same_files(run: Run, shared: Project):
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in run.dir.glob("nb_*")}

    before = files()
    assert len(before) == sum(len(expected) for _, _, expected in TABLE)
    shared.run("--restart", run.id)
    assert files() == before
