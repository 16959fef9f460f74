"""Figures of Matplotlib are images of the run, or a line says which backend shows none."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from tests.helpers.figures import figure
from tests.helpers.project import PYTHON, Command, Project, new_project
from tests.helpers.runner import execute
from tests.helpers.slow import but_slow

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="without a display, which other systems always have"
)

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"


def backends() -> list[str]:
    from matplotlib.backends import backend_registry  # here, as it takes its time

    return sorted(backend_registry.list_all())


def names() -> list[str]:
    """What may stand after ``%matplotlib``, now or with earlier versions."""
    from IPython.core import pylabtools
    from matplotlib.backends import backend_registry

    return sorted(
        {
            *backends(),
            *backend_registry.list_gui_frameworks(),
            *getattr(pylabtools, "_deprecated_backends", ()),
            *getattr(pylabtools, "backends", ()),
            *("auto", "gtk", "osx", "qt4", "widget", "no-such-name"),
        }
    )


WITHOUT_FIGURES = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}
"""Backends that a notebook chooses to write files only."""

INLINE = {"auto", "inline"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = new_project(tmp_path_factory.mktemp("project"))
    made.env.update(DISPLAY="", WAYLAND_DISPLAY="")
    return made


def has_figure(cell: dict[str, Any]) -> bool:
    return any("image/png" in out.get("data", {}) for out in cell["outputs"])


def lines_of(cell: dict[str, Any]) -> list[str]:
    text = "".join("".join(out.get("text", "")) for out in cell["outputs"])
    return [line for line in text.splitlines() if line.startswith("guild-notebook: ")]


def check(name: str, cell: dict[str, Any], done: Command) -> None:
    """A name of a backend that a notebook has chosen: a figure, or a line in cell and output."""
    lines = lines_of(cell)
    assert len(lines) == (name not in INLINE), name
    assert all(repr(name) in line and line in done.stderr.splitlines() for line in lines), lines
    replaced = [line for line in lines if "figures are shown inline, as images" in line]
    lost = [line for line in lines if "no figure is shown" in line]
    assert has_figure(cell) == (bool(replaced) or name in INLINE), name
    assert bool(lost) == (not has_figure(cell)), name
    assert name in WITHOUT_FIGURES or not lost, name


CHOICES = {
    "magic": (names, f"%matplotlib {{}}\n{PLOT}\n%matplotlib inline"),
    "use": (backends, f"import matplotlib\nmatplotlib.use('{{}}')\n{PLOT}"),
}


@pytest.mark.parametrize("way", but_slow(CHOICES, "use"))
def test_each_backend_that_a_notebook_chooses_shows_figures_or_is_said_to_show_none(
    way, project: Project
):
    listed, source = CHOICES[way]
    project.notebook("nb.ipynb", *[source.format(name) for name in listed()])
    done = execute(project, "nb.ipynb")
    for name, cell in zip(listed(), done.run.notebook("nb.ipynb")["cells"]):
        check(name, cell, done)


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("way", CHOICES)
def test_each_backend_as_the_first_of_a_kernel(way, project: Project):
    listed, source = CHOICES[way]
    kept = 0
    for name in listed():
        project.notebook("nb.ipynb", source.format(name))
        done = execute(project, "nb.ipynb")
        (cell,) = done.run.notebook("nb.ipynb")["cells"]
        check(name, cell, done)
        kept += has_figure(cell)
    figure(f"backends chosen by {way} whose figure is kept", f"{kept} of {len(listed())}", "all")


NOT_INSTALLED = """
import sys
print([name for name in sys.modules if name.startswith('matplotlib')])
sys.modules['matplotlib'] = None
try:
    get_ipython().run_line_magic('matplotlib', 'inline')
except ImportError as e:
    print(e)
del sys.modules['matplotlib']
"""


def test_what_a_machine_and_a_kernel_prefer_takes_no_figure(project: Project):
    """Also that of a figure that nobody calls ``show`` for. The kernel imports nothing before, and
    says what Python says where Matplotlib is not installed."""
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "P", "language": "python", "env": {"MPLBACKEND": "Agg"}}
    folder = project.jupyter / "kernels" / "preferring"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec))
    project.file("matplotlibrc", "backend: pdf\n")
    metadata = {"kernelspec": {**PYTHON["kernelspec"], "name": "preferring"}}
    silent = "fig, ax = plt.subplots()\nax.plot([1, 2]);"
    project.notebook("nb.ipynb", NOT_INSTALLED, PLOT, silent, metadata=metadata)
    done = execute(project, "nb.ipynb", MPLBACKEND="Agg")
    first, *cells = done.run.notebook("nb.ipynb")["cells"]
    assert "".join(first["outputs"][0]["text"]).startswith("[]\nimport of matplotlib halted")
    assert [has_figure(cell) for cell in cells] == [True, True]
    assert "guild-notebook: " not in done.stderr
    assert (done.run.dir / "nb_2_0.png").exists() and (done.run.dir / "nb_3_0.png").exists()


def test_agg_that_a_cell_chooses_is_kept_and_each_loss_said_once(project: Project):
    saved = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('saved.png')"
    project.notebook("nb.ipynb", "%env MPLBACKEND=Agg", saved, PLOT, PLOT)
    done = execute(project, "nb.ipynb")
    _, *cells = done.run.notebook("nb.ipynb")["cells"]
    assert not any(has_figure(cell) for cell in cells)
    assert [len(lines_of(cell)) for cell in cells] == [0, 1, 0]
    assert (done.run.dir / "saved.png").read_bytes().startswith(b"\x89PNG")
    assert done.stderr.count("'Agg' of Matplotlib, which shows none") == 1


def test_a_backend_that_a_setting_names_shows_figures_inline(project: Project):
    """Matplotlib looks at it when the first figure is made, and would take Agg in silence."""
    project.notebook("nb.ipynb", "import os\nos.environ['MPLBACKEND'] = 'TkAgg'", PLOT, PLOT[:-10])
    cells = execute(project, "nb.ipynb").run.notebook("nb.ipynb")["cells"]
    assert [has_figure(cell) for cell in cells] == [False, True, True]
