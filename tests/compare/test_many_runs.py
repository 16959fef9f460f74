"""Two hundred real runs in one page: of the sweep example, and of a random search with continuous
flags, in which runs fail in two ways, lack a scalar, and are of two versions of the notebook."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.both_browsers import InChromium, fragment
from tests.helpers.browser import Browser, Visit
from tests.helpers.project import CHECKOUT, Project, Run, code, new_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SWEEP = 30
SEARCH = 85
"""Runs of each of the two versions."""

LONGEST = 900.0
"""Seconds for a sweep; a limit for a hang."""

SETTINGS = "#@title Settings\nlr = 0.1\nmomentum = 0.5"
TRAIN = """#@title Train
if lr > 0.8:
    raise ValueError("the loss is not finite")
for step in range(1, 6):
    print(f"loss: {(1 - lr) ** step + momentum / 10:.6f} (step {step})")
"""
CHECK = '#@title Check\nassert momentum < 0.75, "the momentum is too high"'
SCORE = """#@title Score
if momentum > 0.2:
    print(f"score: {1 - momentum * lr:.4f}")
"""
PICTURE = """#@title Picture
import struct, zlib
from IPython.display import Image

def chunk(name, body):
    crc = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + crc

row = b"\\0" + bytes(int(255 * lr) if x < 80 * momentum else 255 for x in range(80))
header = struct.pack(">IIBBBBB", 80, 60, 8, 0, 0, 0, 0)
Image(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header)
      + chunk(b"IDAT", zlib.compress(row * 60)) + chunk(b"IEND", b""))
"""
FIRST = [SETTINGS, TRAIN, CHECK, SCORE, PICTURE]
SECOND = [SETTINGS, "#@title Data\nprint('120 rows')", TRAIN + "print('trained')", *FIRST[2:]]
"""The second version has a cell more, and another one has grown."""


@dataclass
class Home:
    """A project with all runs, which are grouped as they were made."""

    project: Project
    sweep: list[Run]
    first: list[Run]
    second: list[Run]

    @property
    def search(self) -> list[Run]:
        return [*self.first, *self.second]

    @property
    def all(self) -> list[Run]:
        return [*self.sweep, *self.search]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    project = new_project(tmp_path_factory.mktemp("many"))
    shutil.copytree(CHECKOUT / "examples" / "sweep", project.dir, dirs_exist_ok=True)
    guildfile = project.dir / "guild.yml"
    search = "search:\n  notebook: search.ipynb\n  flags-import: all\n  nb-report: none\n"
    guildfile.write_text(f"{guildfile.read_text('utf-8').rstrip()}\n  nb-report: none\n\n{search}")
    values = ",".join(str(each + 1) for each in range(SWEEP // 6))
    grid = f"C=[{values}]", "gamma=[0.0001,0.0005,0.001,0.002,0.005,0.01]"
    random = "lr=[0.001:1.0]", "momentum=[0.0:0.9]", "-o", "random", "-m", str(SEARCH)
    made = [project.guild("run", "-y", "sweep", *grid, limit=LONGEST).runs]
    for seed, cells in enumerate([FIRST, SECOND]):
        project.notebook("search.ipynb", *map(code, cells))
        args = "run", "-y", "search", *random, "--random-seed", str(seed)
        made.append(project.guild(*args, limit=LONGEST).runs)
    for runs, count in zip(made, [SWEEP, SEARCH, SEARCH]):
        runs[:] = [run for run in runs if not (run.dir / ".guild/proto").exists()]  # no batch
        assert len(runs) == count
    return Home(project, *made)


@dataclass
class Page:
    """A page that the command has written, and its data."""

    path: Path
    said: str
    data: dict[str, Any]

    @property
    def runs(self) -> dict[str, dict[str, Any]]:
        return {run["id"]: run for run in self.data["runs"]}

    def slots(self, notebook: str) -> dict[str, int]:
        """The cells of a notebook with code, in their order: index in the data, by name."""
        (section,) = (each for each in self.data["sections"] if each["notebook"] == notebook)
        return {self.data["slots"][slot]["name"]: slot for slot in section["slots"]}

    def cell(self, notebook: str, name: str, run: Run) -> dict[str, Any]:
        slot = self.slots(notebook)[name]
        (section,) = (each for each in self.data["sections"] if each["notebook"] == notebook)
        ids = [self.data["runs"][place]["id"] for place in section["runs"]]
        cell: dict[str, Any] = self.data["cells"][slot][ids.index(run.id)]
        return cell


def written(home: Home, name: str, *args: str) -> Page:
    command = [sys.executable, "-m", "guild_notebook.cli", "compare", "-o", name, *args]
    done = subprocess.run(
        command,
        cwd=home.project.dir,
        env=home.project.environment(),
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=True,
    )
    path = home.project.dir / name
    found = re.search(r'id="data">(.*)</script>', path.read_text("utf-8"))
    assert found and not done.stderr
    return Page(path, done.stdout, json.loads(found[1]))


@pytest.fixture(scope="module")
def page(home: Home) -> Page:
    return written(home, "all.html", ":")


def is_diverged(run: Run) -> bool:
    return bool(run.flags["lr"] > 0.8)


def is_unstable(run: Run) -> bool:
    return bool(not is_diverged(run) and run.flags["momentum"] >= 0.75)


def test_all_runs_are_in_the_page_whatever_they_lack(home: Home, page: Page):
    assert page.said == "200 runs: all.html\n"
    assert set(page.runs) == {run.id for run in home.all}
    for run in home.search:
        has_failed = is_diverged(run) or is_unstable(run)
        shown = page.runs[run.id]
        assert shown["state"] == ("failed" if has_failed else "completed")
        assert ("loss" in shown["scalars"]) == (not is_diverged(run))
        assert ("score" in shown["scalars"]) == (not has_failed and run.flags["momentum"] > 0.2)
        assert shown["flags"] == run.flags
    for run in home.sweep:
        assert [*page.runs[run.id]["scalars"]] == ["train_accuracy", "accuracy", "support_vectors"]


def test_without_a_choice_the_page_is_of_the_newest_sweep(home: Home):
    assert set(written(home, "newest.html").runs) == {run.id for run in home.second}


def test_cells_of_two_versions_are_matched_and_each_hole_is_explained(home: Home, page: Page):
    slots = page.slots("search.ipynb")
    assert [*slots] == ["Settings", "Data", "Train", "Check", "Score", "Picture"]
    versions = [len(page.data["slots"][slot]["sources"]) for slot in slots.values()]
    assert versions == [1, 1, 2, 1, 1, 1]
    for run in home.search:
        cells = {name: page.cell("search.ipynb", name, run) for name in slots}
        holes = {name: cell["hole"] for name, cell in cells.items() if "hole" in cell}
        expected = {} if run in home.second else {"Data": "not in this notebook"}
        if is_diverged(run):
            expected |= dict.fromkeys(["Check", "Score", "Picture"], "not run: failed in Train")
        elif is_unstable(run):
            expected |= dict.fromkeys(["Score", "Picture"], "not run: failed in Check")
        assert holes == expected
    assert [*page.slots("svm.ipynb")] == ["Data", "Settings", "Fit and test", "Result"]


def test_flags_of_a_search_are_continuous_and_those_of_a_grid_are_not(page: Page):
    flags = {flag["name"]: flag for flag in page.data["flags"]}
    assert {name for name, flag in flags.items() if flag["continuous"]} == {"lr", "momentum"}
    assert flags["C"]["values"] == [*range(1, SWEEP // 6 + 1)]
    assert flags["gamma"]["values"] == [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01]


@pytest.fixture
def visit(page: Page, browser: Browser) -> Iterator[Visit]:
    with browser.open(page.path, viewport={"width": 1500, "height": 1000}) as visit:
        yield visit
        assert not visit.errors and not visit.requests


def chosen(visit: Visit) -> str:
    """The short ID of the run that is shown."""
    return fragment(InChromium(visit.page))["run"]


def test_no_row_is_missing_in_the_table_sorted_by_what_few_runs_have(home: Home, visit: Visit):
    """Runs without a value come last."""
    visit.page.locator("table.runs th[data-key='scalar:score'] button").first.click()
    visit.page.locator("table.runs th[data-key='scalar:score'][aria-sort]").wait_for()
    InChromium(visit.page).frame()
    rows = visit.page.locator("table.runs tbody tr")
    assert rows.count() == len(home.all)
    column = 1 + visit.page.locator("table.runs thead th").evaluate_all(
        "all => all.findIndex(th => th.dataset.key === 'scalar:score')"
    )
    shown = visit.page.locator(f"table.runs tbody tr td:nth-child({column})").all_inner_texts()
    values = [float(text) for text in shown if text not in ("", "–")]
    has_score = [run for run in home.search if not is_diverged(run) and not is_unstable(run)]
    assert len(values) == sum(run.flags["momentum"] > 0.2 for run in has_score)
    assert values == sorted(values)
    assert all(text in ("", "–") for text in shown[len(values) :])


def test_failures_are_grouped_by_their_causes(home: Home, visit: Visit):
    groups = visit.page.locator("li.failure")
    said = {" ".join(text.split()) for text in groups.locator(".failure-head").all_inner_texts()}
    diverged, unstable = (sum(map(is_it, home.search)) for is_it in (is_diverged, is_unstable))
    assert said == {
        f"ValueError in Train {diverged} runs",
        f"AssertionError in Check {unstable} runs",
    }
    of_train = groups.filter(has_text="ValueError")
    least = min(run.flags["lr"] for run in home.search if is_diverged(run))
    assert f"lr>={least}" in of_train.locator(".failure-common").inner_text()
    of_train.locator(".only").click()
    matched = visit.page.locator(".matched", has_text=f"{diverged} of {len(home.all)} runs")
    matched.wait_for()


def test_a_step_of_a_continuous_flag_goes_to_the_next_value_and_says_what_else_has_moved(
    home: Home, visit: Visit
):
    visit.page.locator("nav.cells button", has_text="Score").click()
    slider = visit.page.get_by_role("slider", name="lr", exact=True)
    ordered = sorted(home.search, key=lambda run: run.flags["lr"])
    visit.page.locator("table.runs tbody tr", has_text=ordered[50].id[:8]).click()
    assert chosen(visit) == ordered[50].id[:8]
    for key, place in ("ArrowRight", 51), ("ArrowRight", 52), ("ArrowLeft", 51):
        slider.press(key)
        assert chosen(visit) == ordered[place].id[:8]
        assert "also moved: momentum" in visit.page.locator(".said").inner_text()


def test_the_sweep_is_a_sheet_of_its_two_flags(home: Home, visit: Visit):
    visit.page.locator("nav.cells button", has_text="Result").click()
    visit.page.keyboard.press("1")
    grid = visit.page.locator(".sheet .grid")
    grid.locator(".tile").nth(SWEEP - 1).wait_for(state="attached")
    assert grid.locator("tbody tr").count() * grid.locator("thead th").count() == SWEEP
    assert grid.locator(".tile").count() == SWEEP
    assert visit.page.locator(".off-grid .tile").count() == 0
