"""What a page shows of widgets, figures and tables: each example in a real browser, and no network.

A visit's requests are all those to the network, which nobody answers.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import v4

from guild_notebook.run.report.reports import ReportWriter
from tests.helpers.browser import LIMIT, Browser, Visit
from tests.helpers.examples import EXAMPLES, copied
from tests.helpers.project import Project, Run, wait_for
from tests.helpers.runner import execute
from tests.helpers.slow import but_slow

EXAMPLE = EXAMPLES / "outputs"
OPERATIONS = list(yaml.safe_load((EXAMPLE / "guild.yml").read_text("utf-8")))

REQUIRE = "https://cdnjs.cloudflare.com/ajax/libs/require.js/"
MANAGER = "https://unpkg.com/@jupyter-widgets/html-manager@"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copied(EXAMPLE.name, tmp_path_factory)


@pytest.fixture(scope="module")
def done(example: Project) -> Callable[[str], Run]:
    """The run of an operation, that is made when it is first asked for."""
    return functools.cache(lambda name: example.run(name, "decay=0.8").run)


IN_MAKE_TEST = ("widgets", "plotly")


def wait_for_colors(visit: Visit, selector: str, colors: int = 3) -> None:
    """Wait until the first element is to be seen, and drawn in at least so many colors."""
    from PIL import Image

    element = visit.page.locator(selector).first
    element.wait_for(state="visible", timeout=LIMIT)

    def is_drawn() -> bool:
        picture = Image.open(io.BytesIO(element.screenshot())).convert("RGB")
        is_large = picture.width > 100 and picture.height > 100
        return is_large and len(picture.getcolors(1 << 24)) >= colors

    wait_for(is_drawn)


def text(visit: Visit) -> str:
    return " ".join(visit.page.locator("body").inner_text().split())


def color_of(visit: Visit, selector: str, which: str) -> str:
    found = visit.page.locator(selector).first
    return found.evaluate(f"element => getComputedStyle(element).{which}")


def widgets(visit: Visit) -> None:
    seen = text(visit)
    for part in ("decay: 0.8", "steps: 20", "optimizer: adam", "☑ shuffled"):
        assert part in seen
    assert "what came of it the first losses: [1.0, 0.8, 0.64]" in seen
    assert "HBox(children" not in seen


def progress(visit: Visit) -> None:
    bar = visit.page.locator("progress")
    assert bar.is_visible() and bar.evaluate("bar => [bar.value, bar.max]") == [20, 20]
    assert "training: 100% 20/20" in text(visit)


def plotly(visit: Visit) -> None:
    wait_for_colors(visit, ".js-plotly-plot")
    visit.page.get_by_text("Losses of Plotly").first.wait_for()
    assert visit.page.locator(".scatterlayer path.js-line").count() == 1


def altair(visit: Visit) -> None:
    wait_for_colors(visit, ".vega-embed canvas, .vega-embed svg.marks")
    assert "Error" not in text(visit)


def bokeh(visit: Visit) -> None:
    wait_for_colors(visit, ".bk-Figure canvas")


def styles(visit: Visit) -> None:
    backgrounds = visit.page.locator("td.col1").evaluate_all(
        "cells => cells.map(cell => getComputedStyle(cell).backgroundColor)"
    )
    assert len(set(backgrounds)) == 5 and "rgba(0, 0, 0, 0)" not in backgrounds


def rich(visit: Visit) -> None:
    assert "Losses of Rich" in text(visit) and "┃ step ┃ loss ┃" in text(visit)
    green = color_of(visit, "pre span:text-is('0.328')", "color")
    assert green != color_of(visit, "pre span:text-is('Losses of Rich')", "color")


def extensions(visit: Visit) -> None:
    assert "the curve: 0.0 s on the stopwatch" in text(visit)


CHECKS = {
    check.__name__: check
    for check in (widgets, progress, plotly, altair, bokeh, styles, rich, extensions)
}


def test_there_is_a_check_of_each_example():
    assert list(CHECKS) == OPERATIONS


@pytest.mark.parametrize("name", but_slow(CHECKS, *IN_MAKE_TEST))
def test_the_report_shows_it_without_a_network(name, done, browser: Browser):
    report = done(name).dir / f"{name}.html"
    with browser.open(report) as visit:
        CHECKS[name](visit)
        # Jupyter's own widgets are better to have where there is a network, and only there.
        wanted = (REQUIRE, MANAGER) if name in ("widgets", "progress") else ()
        assert [url for url in visit.requests if not url.startswith(wanted or ("-",))] == []
        assert len(visit.requests) <= 2 and visit.errors == []


@pytest.mark.parametrize("name", but_slow(OPERATIONS, *IN_MAKE_TEST))
def test_the_flag_and_the_scalar_are_those_of_the_run(name, done):
    run = done(name)
    assert run.attr("flags")["decay"] == 0.8
    assert "loss: 0.01" in run.output


@pytest.mark.parametrize("name", but_slow(["widgets", "progress"], "widgets"))
def test_a_sanitized_page_shows_widgets_as_they_were(name, done, browser: Browser, tmp_path: Path):
    nb = nbformat.read(done(name).dir / f"{name}.ipynb", as_version=4)
    (report,) = ReportWriter({"sanitized": {}}, lambda _path: None).write(
        nb, str(tmp_path / f"{name}.ipynb")
    )
    with browser.open(Path(report)) as visit:
        CHECKS[name](visit)
        assert visit.requests == []


def test_each_cell_that_prints_into_a_widget_has_its_reply(shared: Project):
    """For each output nbclient sends something to the kernel, on the channel of the replies."""
    cell = "with out:\n    for i in range(20):\n        print(i, flush=True)"
    made = "import ipywidgets\nout = ipywidgets.Output()\nout"
    shared.notebook("out.ipynb", made, *[cell] * 20)
    nb = execute(shared, "out.ipynb").run.notebook("out.ipynb")
    states = nb["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    (held,) = (m["state"] for m in states.values() if m["model_name"] == "OutputModel")
    texts = ["".join(output["text"]) for output in held["outputs"]]
    assert "".join(texts).split() == [str(i) for i in range(20)] * 20


DATA = """
from IPython.display import display
values = [{'x': i, 'y': i * i} for i in range(10)]
lite = {'$schema': 'https://vega.github.io/schema/vega-lite/v5.json', 'data': {'values': values},
    'title': '</script>', 'width': 300, 'mark': 'line',
    'encoding': {'x': {'field': 'x', 'type': 'quantitative'},
                 'y': {'field': 'y', 'type': 'quantitative'}}}
vega = {'$schema': 'https://vega.github.io/schema/vega/v5.json', 'width': 200, 'height': 200,
    'marks': [{'type': 'rect', 'encode': {'enter': {'x': {'value': 10}, 'y': {'value': 10},
    'width': {'value': 99}, 'height': {'value': 99}, 'fill': {'value': 'steelblue'}}}}]}
display({'application/vnd.vegalite.v5+json': lite, 'text/plain': 'lite'}, raw=True)
display({'application/vnd.vega.v5+json': vega, 'text/plain': 'vega'}, raw=True)
display({'application/vnd.plotly.v1+json': {'data': [{'y': [1, 2]}], 'layout': {'title': {'text':
    '<b>one</b></script>'}}}, 'text/plain': 'plotly'}, raw=True)
display({'application/vnd.plotly.v1+json': {'data': [{'y': [2, 1]}]}}, raw=True)
"""


def test_figures_that_are_data_alone_are_drawn(shared: Project, browser: Browser):
    shared.notebook("nb.ipynb", DATA)
    page = execute(shared, "nb.ipynb", "--report", "html").run.dir / "nb.html"
    assert page.read_text("utf-8").count("plotly.js v") == 1
    with browser.open(page) as visit:
        for number in (1, 2):
            wait_for_colors(visit, f":nth-match(.vega-embed svg.marks, {number})", 2)
            wait_for_colors(visit, f":nth-match(.js-plotly-plot, {number})")
        assert visit.requests == [] and visit.errors == []


WITHOUT = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: (
    None if name in ("plotly", "vl_convert") else find(name, *more)
)
"""


def test_a_library_that_is_not_there_is_said_in_the_place_of_its_figure(shared: Project):
    """Only the runner lacks it: the kernel may be that of another environment."""
    shared.file("site/sitecustomize.py", WITHOUT)
    shared.notebook("nb.ipynb", DATA)
    done = shared.run("nb.ipynb", PYTHONPATH=str(shared.dir / "site"))
    page = (done.run.dir / "nb.html").read_text("utf-8")
    # Its file is found in the kernel's environment, in which a module cannot be imported.
    assert page.count('Plotly.newPlot("plotly-') == 2 and "a figure of Plotly" not in page
    assert page.count("a figure of Vega: install vl-convert-python beside guild-notebook") == 2


def box(*children: str) -> dict:
    state = {"children": [f"IPY_MODEL_{name}" for name in children]}
    return {"model_name": "VBoxModel", "state": state}


TWICE = {str(i): box(str(i + 1), str(i + 1)) for i in range(45)}
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = {"application/vnd.jupyter.widget-view+json": {"model_id": "0"}, "text/plain": "a widget"}


@pytest.mark.parametrize(
    "states",
    [
        {"0": box("0")},
        TWICE,
        {"0": {"model_name": "OutputModel", "state": {"outputs": ["odd", 1]}}},
        {"0": {"model_name": "DropdownModel", "state": {"_options_labels": 7, "index": 0}}},
        {"0": {"model_name": "VBoxModel", "state": {"children": [1], "layout": []}}},
        {"0": {"model_name": ["odd"], "state": {"value": {"a": 1}}}},
    ],
    ids=["itself", "twice", "outputs", "choice", "layout", "name"],
)
def test_any_state_of_widgets_makes_a_page(states, tmp_path: Path):
    """What kernels send; that of the source's own metadata is taken out before."""
    shown = v4.new_output("display_data", data=VIEW)
    cell = v4.new_code_cell("show()", outputs=[shown])
    nb = v4.new_notebook(cells=[cell], metadata={"widgets": {STATE: {"state": states}}})
    reports = ReportWriter({"html": {}, "sanitized": {}}, lambda _path: None)
    _, sanitized = reports.write(nb, str(tmp_path / "nb.ipynb"))
    assert reports.failures == {}
    assert "show()" in re.sub("<[^>]*>", "", Path(sanitized).read_text("utf-8"))
