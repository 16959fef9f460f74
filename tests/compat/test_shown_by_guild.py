"""What Guild's own ways of showing runs make of notebooks: ``guild view`` in a real browser,
``guild publish``, ``guild tensorboard`` and ``guild open``."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.helpers.project import (
    LIMIT,
    Project,
    Run,
    code,
    free_port,
    markdown,
    new_project,
    notebook,
    start,
)
from tests.helpers.slow import but_slow

NAME = "my train [1].ipynb"
REPORT = "my train [1].html"

SPY = """<!DOCTYPE html><title>spy</title><body><script>
const tried = {
  runs: () => fetch("/runs").then(answer => answer.text()),
  file: () => fetch("other.ipynb").then(answer => answer.text()),
  page: async () => parent.document.body.innerHTML,
  kept: async () => localStorage.length + document.cookie,
};
for (const [name, read] of Object.entries(tried))
  Promise.resolve().then(read).then(() => "READ", () => "refused").then(
    end => document.body.append(`${name}: ${end}; `));
</script>"""
"""A page that a notebook writes: it tries to read what Guild View has, and what it says is seen."""

OTHER = notebook(markdown("# Another notebook"), code("'its code'"))

WRITES = f"""
from pathlib import Path
Path("spy.html").write_text({SPY!r})
Path("other #1.ipynb").write_text({json.dumps(OTHER)!r})
Path("broken.ipynb").write_text("no notebook")
"""


@dataclass
class Shown:
    """A project with a run of NAME that has a report, and two trials of ``plain.ipynb`` that print
    no scalars."""

    project: Project
    run: Run


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    project = new_project(tmp_path_factory.mktemp("shown"))
    descent = "lr = 0.1\nlayers = [8, 4]\nname = 'a'\nprint(f'loss: {lr:.2f} (step 3)')"
    project.notebook(
        NAME, markdown("# A descent\n[elsewhere](http://127.0.0.1:9/)"), code(descent), code(WRITES)
    )
    project.file("helper_of_it.py", "x = 1\n")
    run = project.run(NAME, "lr=0.2").run
    return Shown(project, run)


@contextlib.contextmanager
def served(project: Project, *args: str) -> Iterator[str]:
    """The address of ``guild ARGS``, a server, as soon as it answers."""
    port = free_port()
    server = start(project, *args, "--no-open", "--host", "127.0.0.1", "--port", str(port))
    address, limit = f"http://127.0.0.1:{port}", time.monotonic() + LIMIT
    try:
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(address, timeout=10).close()
                break
            assert server.poll() is None and time.monotonic() < limit
            time.sleep(0.05)
        yield address
    finally:
        server.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)
        server.kill()
        server.communicate()


@pytest.fixture(scope="module")
def view(shown: Shown) -> Iterator[str]:
    with served(shown.project, "view") as address:
        yield address


def click_file(page: Any, address: str, name: str, shown_in: str) -> Any:
    """Open the files of the run and click one, as a user does, until there is what it is
    ``shown_in``: Guild View draws its page anew meanwhile, and a click may come to nothing."""
    from playwright.sync_api import Error

    page.goto(address)
    page.get_by_text("Files", exact=True).click()
    link = page.locator(".btn-link", has_text=re.compile(re.escape(name)))
    shown, limit = page.locator(shown_in), time.monotonic() + LIMIT
    while True:
        try:
            link.click(timeout=10_000)
            shown.wait_for(timeout=10_000)
            return shown
        except Error:
            if shown.is_visible():
                return shown
            assert time.monotonic() < limit


@contextlib.contextmanager
def clicked(page: Any, address: str, name: str) -> Iterator[Any]:
    """The frame that is shown when a user opens the files of the run and clicks one."""
    yield click_file(page, address, name, "iframe").content_frame


def test_guild_view_shows_the_report_the_notebook_and_other_notebooks_as_pages(
    view: str, browser: Any
):
    headings = {REPORT: "A descent", NAME: "A descent", "other #1.ipynb": "Another notebook"}
    for name, heading in headings.items():
        with browser.page() as page, clicked(page, view, name) as frame:
            frame.get_by_role("heading", name=heading).wait_for()
            assert page.locator("textarea").count() == 0
            for link in frame.get_by_role("link", name="elsewhere").all():
                assert link.get_attribute("target") == "_blank"
            box = page.locator("iframe").bounding_box()
            assert box["height"] > 400 and box["width"] > 600


@pytest.mark.slow
def test_what_is_not_a_notebook_is_shown_as_its_text(view: str, browser: Any):
    with browser.page() as page, clicked(page, view, "broken.ipynb") as frame:
        frame.get_by_text("no notebook").wait_for()


@pytest.mark.slow
def test_other_files_are_shown_as_before(shown: Shown, view: str, browser: Any):
    with browser.page() as page:
        click_file(page, view, "helper_of_it.py", "textarea")
        page.wait_for_function("document.querySelector('textarea')?.value === 'x = 1\\n'")


@pytest.mark.parametrize("opens", but_slow(["in the viewer", "by its address"], "in the viewer"))
def test_a_page_of_a_run_reads_nothing_of_guild_view(
    shown: Shown, view: str, browser: Any, opens: str
):
    said = ["file: refused", "kept: refused", "page: refused", "runs: refused"]
    with browser.page() as page, contextlib.ExitStack() as stack:
        if opens == "in the viewer":
            frame = stack.enter_context(clicked(page, view, "spy.html"))
        else:
            page.goto(f"{view}/files/{shown.run.id}/spy.html")
            frame = page
            said.remove("page: refused")  # its own
        for each in said:
            frame.get_by_text(each).wait_for()
        assert ("READ" in frame.locator("body").inner_text()) == (frame is page)


def test_a_page_may_be_asked_for_by_its_path_alone(shown: Shown, view: str):
    folder = f"{view}/files/{shown.run.id}"
    for name, content_type in {
        "other%20%231.ipynb": ("application/octet-stream", "application/x-ipynb+json"),
        "other%20%231.ipynb?page": ("text/html; charset=utf-8",),
        "broken.ipynb?page": ("text/plain; charset=utf-8",),
        "helper_of_it.py": ("text/x-python; charset=utf-8", "text/plain; charset=utf-8"),
    }.items():
        with urllib.request.urlopen(f"{folder}/{name}") as answer:
            assert answer.headers["Content-Type"] in content_type, name
            is_page = content_type[0].startswith("text/html")
            assert ("sandbox" in (answer.headers["Content-Security-Policy"] or "")) == is_page
    outside = (
        "..%2f..%2fsecret.ipynb",
        "../../secret.ipynb",
        "%2fetc%2fsecret.ipynb",
        "none.ipynb",
    )
    (shown.project.home / "secret.ipynb").write_text(json.dumps(OTHER))
    for name in outside:
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{folder}/{name}?page")


def links(page: Path) -> dict[str, Path]:
    """The links of a page of Markdown by their texts, as files."""
    from markdown_it import MarkdownIt

    found = {}
    for block in MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8")):
        href = ""
        for token in block.children or ():
            if token.type == "link_open":
                href = token.attrs["href"]
            elif token.type == "text" and href and not href.startswith("#"):
                found[token.content] = page.parent / unquote(href)
            elif token.type == "link_close":
                href = ""
    return found


@pytest.mark.parametrize(
    "options", but_slow(["", "--files", "--all-files"], "--all-files"), ids=["none", "some", "all"]
)
def test_guild_publish_has_links_that_lead_to_files(shown: Shown, options: str, tmp_path: Path):
    done = shown.project.guild(
        "publish", "-y", shown.run.id, "--dest", str(tmp_path), *options.split()
    )
    assert done.status == 0, done.stderr
    assert set(links(tmp_path / "README.md")) == {shown.run.id[:8]}
    page = tmp_path / shown.run.id / "README.md"
    found = links(page)
    assert [text for text, file in found.items() if not file.is_file()] == []
    assert found["helper_of_it.py"].read_text() == "x = 1\n"
    if options:
        text = page.read_text("utf-8")
        assert text.index(r"my train \[1\].html") < text.index("## Contents")
        assert found[REPORT].read_text("utf-8").startswith("<!DOCTYPE html>")
        assert found[REPORT].parent.name == "runfiles"
    source = page.parent / "sourcecode" / NAME
    assert json.loads(source.read_text())["cells"][1]["outputs"] == []
    assert ".guild" not in page.read_text("utf-8")


def test_a_run_that_has_not_begun_is_published_with_links_that_lead_to_files(
    shown: Shown, tmp_path: Path
):
    text = "name=a|b\n```\nc"
    shown.project.guild("run", "-y", "--stage", "--run-dir", str(tmp_path / "run"), NAME, text)
    (shown.project.home / "runs" / ("a" * 32)).symlink_to(tmp_path / "run")
    out = tmp_path / "out"
    done = shown.project.guild("publish", "-y", "--dest", str(out), "a" * 32)
    (shown.project.home / "runs" / ("a" * 32)).unlink()
    assert done.status == 0, done.stderr
    page = out / ("a" * 32) / "README.md"
    found = links(page)
    assert NAME in found
    assert [text for text, file in found.items() if not file.is_file()] == []
    assert r"| name | a\|b \`\`\` c |" in page.read_text("utf-8")


@pytest.mark.slow
def test_source_code_in_a_folder_of_its_own_is_linked_as_well(project: Project, tmp_path: Path):
    project.file("plain.py", "print('x')\n")
    project.guildfile("op:\n  main: plain\n  sourcecode: {dest: src, select: ['*.py']}\n")
    run = project.run("op").run
    assert project.guild("publish", "-y", "--dest", str(tmp_path)).status == 0
    found = links(tmp_path / run.id / "README.md")
    assert found["src/plain.py"].read_text() == "print('x')\n"


@pytest.mark.slow
def test_no_label_scalar_or_output_is_markdown_of_a_published_run(project: Project, tmp_path: Path):
    code = r"print('~' * 25 + '\n# No heading\n<b>a: 1\n__a__: 2')"
    project.notebook("train.ipynb", code)
    project.guildfile("op:\n  notebook: train.ipynb\n  output-scalars: '(\\S+): (\\value)'\n")
    run = project.run("op", "--label", "a | <b> [x](y)").run
    assert project.guild("publish", "-y", "--dest", str(tmp_path)).status == 0
    page = (tmp_path / run.id / "README.md").read_text("utf-8")
    assert r"| completed | a \| \<b\> \[x\](y) |" in page
    assert r"| \<b\>a | 0 | 1.0 |" in page and r"| \_\_a\_\_ | 0 | 2.0 |" in page
    fence = "~" * 30
    before, shown, after = page.split(f"{fence}\n")
    assert "# No heading" in shown and "# No heading" not in before + after


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has a browser")
def test_guild_open_and_guild_notebook_open_have_the_same_report(shown: Shown):
    opened = shown.project.guild("open", shown.run.id, "--path", REPORT, "--cmd", "ls")
    windows = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    environment = {n: v for n, v in shown.project.environment().items() if n not in windows}
    ours = subprocess.run(
        [sys.executable, "-m", "guild_notebook.cli", "open", shown.run.id],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert opened.stdout == ours.stdout == f"{shown.run.dir / REPORT}\n"
    folder = shown.project.guild("open", shown.run.id, "--cmd", "ls -d")
    assert folder.stdout == f"{shown.run.dir}/\n"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two trials with a scalar, and one of another notebook without any."""
    project = new_project(tmp_path_factory.mktemp("sweep"))
    flags = "lr = 0.1\nlayers = [8]\nname = 'a'\nuse = True\nempty = None\nmany = 1\n"
    project.notebook("train.ipynb", flags + "print(f'loss: {lr * 2} (step 3)')")
    project.notebook("quiet.ipynb", flags)
    project.without_reports("train.ipynb", "quiet.ipynb")
    project.run(
        "train.ipynb", "lr=[0.1,0.2]", "layers=[[8, 4]]", "empty=null", f"many=1{'0' * 400}"
    )
    project.run("quiet.ipynb", "name=b", "use=no")
    return project


def loss_of(group: dict[str, Any]) -> float | None:
    return {m["name"]["tag"]: m["value"] for m in group["metricValues"]}.get("loss")


def test_tensorboards_hparams_has_the_flags_and_scalars_of_each_run(sweep: Project):
    request = {
        "experimentName": "",
        "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
        "colParams": [{"metric": {"group": "", "tag": tag}} for tag in ("loss", "time")],
        "startIndex": 0,
        "sliceSize": 100,
    }
    with served(sweep, "tensorboard") as address:
        limit, groups = time.monotonic() + LIMIT, []
        # A group may be there before the values of its scalars are.
        while [loss_of(group) is None for group in groups].count(True) != 1 or len(groups) < 3:
            assert time.monotonic() < limit, groups
            with contextlib.suppress(OSError):
                asked = urllib.request.Request(
                    f"{address}/data/plugin/hparams/session_groups",
                    json.dumps(request).encode(),
                    {"Content-Type": "application/json"},
                )
                with urllib.request.urlopen(asked, timeout=10) as answer:
                    groups = json.load(answer).get("sessionGroups", [])
            time.sleep(0.2)
    found = sorted(
        (
            [group["hparams"][name] for name in ("lr", "layers", "name", "use", "empty")],
            loss_of(group),
        )
        for group in groups
    )
    assert found == [
        ([0.1, "8", "b", False, ""], None),
        ([0.1, "8 4", "a", True, ""], pytest.approx(0.2)),
        ([0.2, "8 4", "a", True, ""], pytest.approx(0.4)),
    ]
