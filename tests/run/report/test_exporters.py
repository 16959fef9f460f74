"""nbconvert's exporters as reports: with the user's configuration and templates, and with the files
that they make."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4

from guild_notebook.errors import OptionError
from guild_notebook.run.report import exporters, reports
from tests.helpers.project import Command, Project, markdown
from tests.helpers.runner import attempt, execute

TEMPLATE = """\
{%- extends 'lab/index.html.j2' -%}
{%- block body_header -%}<body><h1>The company</h1>{%- endblock -%}
"""

ASIDE = "{%- extends 'base/null.j2' -%}{%- block body -%}Aside{%- endblock -%}"

LOG = """
import os, sys
with open({log!r}, "a") as f:
    f.write("__main__ of " + getattr(sys.modules["__main__"].__spec__, "name", "another") + "\\n")
"""


@pytest.fixture
def user(project: Project) -> Project:
    """A project whose user has a template, and a configuration that says when it is read."""
    templates = project.jupyter / "nbconvert" / "templates"
    (templates / "company").mkdir(parents=True)
    conf = {"base_template": "lab", "mimetypes": {"text/html": True}}
    (templates / "company" / "conf.json").write_text(json.dumps(conf))
    (templates / "company" / "index.html.j2").write_text(TEMPLATE)
    configuration = project.home / "configuration"
    configuration.mkdir()
    log = LOG.format(log=str(project.home / "log"))
    text = f"{log}\nc.TagRemovePreprocessor.remove_cell_tags = ['internal']\n"
    text += "c.HTMLExporter.preprocessors = ['nbconvert.preprocessors.TagRemovePreprocessor']\n"
    (configuration / "jupyter_nbconvert_config.py").write_text(text)
    project.env["JUPYTER_CONFIG_DIR"] = str(configuration)
    shown = {"cell_type": "code", "metadata": {}, "source": "print('all')", "outputs": []}
    hidden = {**shown, "metadata": {"tags": ["internal"]}, "source": "print('secret')"}
    project.notebook(
        "nb.ipynb", {**shown, "execution_count": None}, {**hidden, "execution_count": 1}
    )
    return project


def log(project: Project) -> list[str]:
    path = project.home / "log"
    return path.read_text().splitlines() if path.exists() else []


def test_a_template_and_the_configuration_of_the_user_are_used(user: Project):
    user.guildfile(
        "a:\n  notebook: nb.ipynb\n"
        "  nb-report: [html, 'nbconvert:html': {template: company}, slides]\n"
    )
    run = user.run("a").run
    own = (run.dir / "nb.html").read_text("utf-8")
    assert "The company" not in own and "secret" in own and "jp-Notebook" not in own
    made = (run.dir / "nb.nbconvert-html.html").read_text("utf-8")
    assert "The company" in made and "all" in made and "secret" not in made and "jp-Cell" in made
    assert "reveal" in (run.dir / "nb.slides.html").read_text("utf-8")
    # Guild's own process does not read the configuration, which is code.
    assert set(log(user)) == {"__main__ of guild_notebook.run.__main__"}


def test_own_reports_do_not_read_the_configuration(user: Project):
    user.file("jupyter_nbconvert_config.py", "raise SystemExit")
    execute(user, "nb.ipynb", "--report", "html,html-no-input,sanitized")
    assert log(user) == []


@pytest.fixture
def made(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], str]:
    """What an exporter with a template makes of a notebook, in a run of ``project`` whose copy is
    ``tmp_path``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROJECT_DIR", str(project.dir))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(project.home / "configuration"))
    cell = v4.new_code_cell("print('code')", outputs=[v4.new_output("stream", text="printed")])

    def make(name: str, template: str = "") -> str:
        given = {"template": template} if template else {}
        return exporters.exporter(name, given).from_notebook_node(v4.new_notebook(cells=[cell]))[0]

    return make


def test_the_projects_configuration_is_used_before_the_users_and_the_runs_copy_before_it(
    project: Project, tmp_path: Path, made: Callable[..., str]
):
    def write(path: Path, name: str, **settings: Any) -> None:
        path.mkdir(exist_ok=True)
        (path / f"{name}.json").write_text(json.dumps({"MarkdownExporter": settings}))

    name = "jupyter_nbconvert_config"
    assert "code" in made("markdown") and "printed" in made("markdown")
    write(project.home / "configuration", name, exclude_input=True, exclude_output=True)
    assert "code" not in made("markdown") and "printed" not in made("markdown")
    write(project.dir, name, exclude_output=False)
    assert "code" not in made("markdown") and "printed" in made("markdown")
    write(tmp_path, name, exclude_input=False)
    assert "code" in made("markdown") and "printed" in made("markdown")
    write(tmp_path, "jupyter_config", exclude_input=True)
    assert "code" in made("markdown")


@pytest.mark.parametrize("given", ["templates/aside", "aside.html.j2", "./templates/aside"])
@pytest.mark.parametrize("is_copied", [True, False])
def test_a_template_may_be_a_folder_or_a_file_of_the_project(
    project: Project, tmp_path: Path, made: Callable[..., str], given: str, is_copied: bool
):
    of_template = {"templates/aside/conf.json": '{"base_template": "base"}'}
    of_template |= dict.fromkeys(("templates/aside/index.html.j2", "aside.html.j2"), ASIDE)
    for name, text in of_template.items():
        path = (tmp_path if is_copied else project.dir) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert made("nbconvert:html", given).strip() == "Aside"
    assert made("nbconvert.exporters.HTMLExporter", given).strip() == "Aside"


CANNOT_BE_USED = [
    ("py", "1 / 0", "cannot be read: ZeroDivisionError: division by zero"),
    ("py", "x =", "cannot be read: SyntaxError: invalid syntax"),
    ("py", "raise SystemExit('over')", "cannot be read: SystemExit: over"),
    ("json", "{", "cannot be read: JSONDecodeError: "),
    ("py", "c.MarkdownExporter.exclude_input = 3", "nb-report: markdown cannot be made: Trait"),
]


@pytest.mark.parametrize(("ending", "text", "said"), CANNOT_BE_USED)
def test_a_configuration_that_cannot_be_used_is_said_in_one_line(
    project: Project, made: Callable[..., str], ending: str, text: str, said: str
):
    file = project.file(f"jupyter_nbconvert_config.{ending}", text)
    with pytest.raises(OptionError) as error:
        made("markdown")
    assert said in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).startswith(("nb-report: markdown", f"nb-report: {file} "))


@pytest.mark.parametrize(
    ("name", "template", "said"),
    [
        ("nbconvert:html", "nowhere", "ValueError: No template sub-directory with name 'nowhere'"),
        ("notebook", "lab", "ValueError: NotebookExporter has no templates"),
        ("pdf", "lab", "ValueError: Unsupported mimetype"),
    ],
)
def test_a_template_that_cannot_be_used_is_said_in_one_line(
    made: Callable[..., str], name: str, template: str, said: str
):
    with pytest.raises(OptionError) as error:
        made(name, template)
    assert str(error.value).startswith(f"nb-report: {name} cannot be made: {said}")


def test_what_cannot_be_used_ends_the_run_before_its_first_cell(project: Project):
    project.notebook("nb.ipynb", "print('executed')")
    project.file("jupyter_nbconvert_config.py", "1 / 0")
    done = attempt(project, "nb.ipynb", "--report", "markdown")
    assert done.status == 1 and "executed" not in done.stdout
    assert "jupyter_nbconvert_config.py cannot be read: ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_misspelled_template_is_refused_before_there_is_a_run(user: Project):
    given = "nb-report={nbconvert:html: {template: compny}}"
    done = user.guild("run", "-y", "nb.ipynb", given)
    assert done.status == 1 and done.run_dirs == []
    assert done.stderr.strip() == (
        "guild: operation 'nb.ipynb': 'nb-report': there is no template 'compny' for "
        "nbconvert:html - did you mean 'company'?"
    )


FIGURE = """\
from IPython.display import Image, display
display(Image(data=b'\\x89PNG first', format='png'))
display(Image(data=b'\\x89PNG second', format='png'))
"""


@pytest.fixture(scope="module")
def with_images(shared: Project) -> Command:
    """A run with two exporters that make files, where the project has a folder of that name."""
    shared.notebook("fig.ipynb", markdown("# Images"), FIGURE)
    shared.file("fig_files/mine.txt", "mine")
    shared.file("md.py", "from nbconvert.exporters import MarkdownExporter as Markdown\n")
    return execute(shared, "fig.ipynb", "--report", "markdown,md.Markdown,html")


def test_the_files_of_an_exporter_are_beside_its_report(with_images: Command):
    folder = with_images.run.dir
    text = (folder / "fig.md").read_text("utf-8")
    assert "![png](fig_files.2/fig_1_0.png)" in text
    assert (folder / "fig_files.2" / "fig_1_0.png").read_bytes() == b"\x89PNG first"
    assert (folder / "fig_files.2" / "fig_1_1.png").read_bytes() == b"\x89PNG second"
    assert (folder / "fig.md.Markdown.md").read_text("utf-8") == text


def test_the_files_of_an_exporter_take_the_place_of_no_other(with_images: Command):
    folder = with_images.run.dir / "fig_files"
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_the_files_of_an_exporter_are_in_the_manifest_and_made_anew(with_images: Command):
    run = with_images.run
    artifacts = (run.dir / ".guild" / "notebook-artifacts").read_text().splitlines()
    assert [json.loads(line) for line in artifacts] == [
        "fig_1_0.png", "fig_1_1.png", "fig.html", "fig_files.2/fig_1_0.png",
        "fig_files.2/fig_1_1.png", "fig.md", "fig.md.Markdown.md"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["../outside.txt", "nb.ipynb"])
def test_an_exporter_writes_nothing_elsewhere_and_over_nothing(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    class Writing:
        file_extension = ".txt"

        def from_notebook_node(self, nb: Any, resources: Any) -> tuple[str, Any]:
            return "text", {"outputs": {name: b"escaped"}, "output_extension": ".txt"}

    monkeypatch.setattr(exporters, "exporter", lambda *_args: Writing())
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "nb.ipynb").write_text("the notebook")
    registered: list[str] = []
    writer = reports.ReportWriter({"any.Exporter": {}}, registered.append)
    made = writer.write(v4.new_notebook(), str(tmp_path / "run" / "nb.ipynb"))
    assert made == registered == []
    assert "no place for its file" in str(writer.failures["any.Exporter"])
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run" / "nb.ipynb").read_text() == "the notebook"
