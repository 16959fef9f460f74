"""A deterministic notebook that is run twice is the same in all cells; what is random differs."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from guild_notebook.compare.differences import between
from guild_notebook.compare.model import RunDifference
from guild_notebook.compare.reading import read_run
from tests.helpers import runner
from tests.helpers.project import Project

PRINTED = {
    "setup": "import datetime, random, sys, tempfile, time, uuid\nfrom tqdm import tqdm",
    "a duration": "%time time.sleep(0.01)",
    "durations": (
        "began = time.time()\ntime.sleep(0.02)\ntook = time.time() - began\n"
        "print(f'Trained in {took:.3f} s')\nprint('--- %s seconds ---' % took)\n"
        "print('Elapsed time:', took)\nprint({'fit_time': took, 'score': 0.5})"
    ),
    "objects": "print(object(), lambda: 0)\n[object()]",
    "ids and temporary files": (
        "print(tempfile.mkdtemp(), tempfile.mkstemp()[1], uuid.uuid4(), uuid.uuid4().hex)"
    ),
    "the date": (
        "now = datetime.datetime.now()\nprint(now, now.date(), now.isoformat(), time.time())\n"
        "print(time.strftime('%c'), now.strftime('run_%Y%m%d_%H%M%S.csv'))"
    ),
    "a bar": "for i in tqdm(range(20)):\n    time.sleep(0.003)\nprint('done')",
    "bars": (
        "for i in tqdm(range(3), desc='outer'):\n    for j in tqdm(range(5), leave=False):\n"
        "        time.sleep(0.002)"
    ),
    "both streams": "print('out')\nprint('err', file=sys.stderr)\nprint('out')",
}

SHOWN = {
    "setup": (
        "import random\nimport matplotlib.pyplot as plt, numpy as np, pandas as pd\n"
        "from tqdm.auto import tqdm\nrng = np.random.default_rng(3)\n"
        "df = pd.DataFrame({'a': rng.normal(size=5), 'b': list('vwxyz')})"
    ),
    "a table": "df",
    "a summary": "df.describe()",
    "a style": "df.style.background_gradient(subset=['a'])",
    "dates of data": "pd.date_range('2020-01-01', periods=3).to_frame()",
    "facts": "df.info()",
    "a plot": "plt.plot(df.a)\nplt.title('a');",
    "two plots": "plt.imshow(rng.random((20, 20)))\nplt.show()\nplt.hist(df.a)",
    "an axes": "print(df.plot())",
    "an svg": (
        "%config InlineBackend.figure_formats = ['svg']\n"
        "plt.plot(df.a); plt.scatter(df.a, df.a); plt.imshow(rng.random((4, 4)));"
    ),
    "an estimator": "from sklearn.linear_model import LogisticRegression\nLogisticRegression()",
    "timing": "%timeit -n 10 -r 3 sum(range(10))",
    "a widget's bar": "for i in tqdm(range(10)):\n    pass",
}

RANDOM = {
    "random text": "print('value', random.random())",
    "a random table": "pd.DataFrame({'x': np.random.rand(3)})",
    "a random plot": (
        "%config InlineBackend.figure_formats = ['png']\nplt.plot(np.random.rand(50));"
    ),
}


def twice(project: Project, cells: Mapping[str, str]) -> RunDifference:
    """The difference of two runs of the cells, each with its name."""
    project.notebook("n.ipynb", *(f"# {name}\n{source}" for name, source in cells.items()))
    runs = []
    for _ in range(2):
        done = runner.execute(project, "n.ipynb")
        (done.run.dir / ".guild" / "attrs" / "started").write_text(
            str(time.time_ns() // 1_000), "utf-8"
        )
        runs.append(read_run(str(done.run.dir)))
    return between(*runs)


def that_differ(found: RunDifference) -> dict[str, list[str]]:
    return {
        cell.name: [each.summary for each in cell.outputs]
        for cell in found.cells
        if not cell.is_same
    }


def test_what_is_printed_is_the_same(project: Project):
    assert that_differ(twice(project, PRINTED)) == {}


@pytest.mark.slow
def test_what_is_shown_is_the_same_and_what_is_random_differs(project: Project):
    pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    found = that_differ(twice(project, {**SHOWN, **RANDOM}))
    assert list(found) == list(RANDOM)
    assert found["random text"][0].startswith("value 0.")
    assert found["a random table"] == ["3 cells of the table changed"]
    assert found["a random plot"][0].startswith("plot changed (")


@pytest.mark.slow
def test_figures_of_libraries_are_the_same(project: Project):
    for name in ("plotly", "altair", "bokeh", "ipywidgets"):
        pytest.importorskip(name)
    cells = {
        "setup": "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2], 'b': [3, 4]})",
        "plotly": "import plotly.express as px\npx.scatter(df, x='a', y='b')",
        "altair": "import altair\naltair.Chart(df).mark_point().encode(x='a', y='b')",
        "bokeh": (
            "from bokeh.io import output_notebook\nfrom bokeh.plotting import figure, show\n"
            "output_notebook()\np = figure()\np.line([1, 2], [3, 4])\nshow(p)"
        ),
        "a widget": "import ipywidgets\nipywidgets.IntSlider(value=7)",
    }
    found = twice(project, cells)
    assert that_differ(found) == {}
    kinds = {cell.name: [o.kind for o in cell.after.outputs] for cell in found.cells if cell.after}
    assert kinds == {
        "setup": [],
        "plotly": ["figure"],
        "altair": ["figure"],
        "bokeh": ["figure"],
        "a widget": ["text"],
    }
