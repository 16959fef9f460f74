"""The README says nothing that is not so: its commands, guild.yml parts, links and examples."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from guild_notebook.document import text_formats
from guild_notebook.options import OPTIONS
from guild_notebook.plugin.flagdefs import ATTRIBUTES
from tests.helpers.project import CHECKOUT, Command, Project
from tests.helpers.slow import but_slow

README = (CHECKOUT / "README.md").read_text("utf-8")
MAKEFILE = (CHECKOUT / "Makefile").read_text("utf-8")
OPERATIONS = yaml.safe_load((CHECKOUT / "guild.yml").read_text("utf-8"))

SECTIONS = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL))
WITH_GUILD_FILE = sorted(name for name, text in SECTIONS.items() if "```yaml" in text)


def commands(start: str, text: str = README) -> list[str]:
    """The commands in ``text`` that begin with ``start``, without comments."""
    written = re.findall(r"^ {4}(\S.*)$|`([^`\n]+)`", text, re.MULTILINE)
    found = {re.split(r"\s+#", line or quoted)[0] for line, quoted in written}
    return sorted(command for command in found if command.startswith(start))


def guild_file(section: str) -> str:
    (text,) = re.findall(r"```yaml\n(.*?)```", SECTIONS[section], re.DOTALL)
    return text


def test_the_first_screen_has_two_commands_a_picture_and_the_pip_way():
    first = README.splitlines()[:24]
    text = "\n".join(first)
    assert [line.split("#")[0].strip() for line in first if line.startswith("    make")] == [
        "make demo",
        "make test",
    ]
    picture = re.search(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert picture
    assert (CHECKOUT / picture.group(1)).stat().st_size < 100_000
    assert "    pip install ." in first


@pytest.mark.parametrize("command", commands("make "))
def test_make_has_each_target_that_the_readme_names(command):
    target = command.split()[1]
    assert re.search(rf"^{re.escape(target)}:", MAKEFILE, re.MULTILINE)
    assert target in re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE).group(1).split()


def test_the_commands_of_development_are_told_as_make_help_tells_them():
    helped = dict(re.findall(r'^\t@echo "make (\w+) +(.*)"$', MAKEFILE, re.MULTILINE))
    helped = {name: text.replace("$(VENV)", ".venv") for name, text in helped.items()}
    line = re.compile(r"^ {4}make (\w+) +# (.*)$", re.MULTILINE)
    told = dict(line.findall(SECTIONS["Development"]))
    assert told.keys() >= {"test", "lint"}
    assert told == {name: helped[name] for name in told}
    contributing = (CHECKOUT / "CONTRIBUTING.md").read_text("utf-8")
    assert dict(line.findall(contributing)) == helped


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """What ``make demo`` prints once all is installed, and its project."""
    project = Project(CHECKOUT, tmp_path_factory.mktemp("home"))
    commands = str(Path(sys.executable).parent)
    env = {**project.environment(), "PATH": os.pathsep.join([commands, os.environ["PATH"]])}
    done = subprocess.run(
        ["sh", "tools/demo.sh"], cwd=CHECKOUT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return project, done.stdout


def test_make_demo_is_that_script():
    if not shutil.which("make"):
        pytest.skip("there is no make")
    command = ["make", "--no-print-directory", "--dry-run", "--always-make", "demo"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].endswith("sh tools/demo.sh")


@pytest.mark.slow
def test_make_demo_says_what_it_does_before_each_command(demo: tuple[Project, str]):
    parts = re.split(r"^\$ (.*)$", demo[1], flags=re.MULTILINE)
    first, second, compare = parts[1::2]
    assert first == "guild run digits -y"
    assert second.startswith("guild run digits learning_rate=") and second.endswith(" -y")
    assert compare.startswith("guild compare --table ")
    for number, text in enumerate(parts[0:-1:2], start=1):
        title, *explained = text.rstrip().rpartition(f"\n{number}. ")[2].splitlines()
        assert title and len(explained) >= 2
        assert max(map(len, explained)) < 100
    rows = parts[-1].split("\n\n")[0].split()
    assert rows.count("completed") == 2


@pytest.mark.slow
def test_make_demo_ends_with_the_report_and_with_commands_that_work(demo: tuple[Project, str]):
    project, printed = demo
    end = printed[printed.index("Now look at") :]
    (report,) = re.findall(r"^  (/.*\.html)$", end, re.MULTILINE)
    assert "<html" in Path(report).read_text("utf-8")
    (setting,) = re.findall(r"^  (export .*)$", end, re.MULTILINE)
    typed = re.findall(r"^  (guild .*?)(?:  +.*)?$", end, re.MULTILINE)
    assert len(typed) == 4
    for command in typed:
        if command != "guild view":  # which goes on until it is ended
            command += " --table" * (command == "guild compare")
            command += " epochs=1 -y" * ("hidden_units=" in command)
            script = f"{setting}\n{command}"
            done = subprocess.run(["bash", "-c", script], cwd=CHECKOUT, capture_output=True)
            assert done.returncode == 0, done.stderr
    assert f'GUILD_HOME="{project.home}"' in setting


@pytest.mark.parametrize("command", commands("guild run ", SECTIONS["Examples"]))
def test_guild_takes_the_commands_that_run_the_examples(command, tmp_path):
    done = Project(CHECKOUT, tmp_path).guild(*shlex.split(command)[1:], "--print-cmd", "-y")
    assert done.status == 0, done.stderr


def test_each_example_is_named_with_a_command():
    for folder in (CHECKOUT / "examples").glob("*/guild.yml"):
        name = folder.parent.name
        assert re.search(rf"\(examples/{name}\) \| .* \| `guild run [\w-]+", README)


CELLS = {
    "Log scalars": ("print('Epoch 3')\nprint('validation loss = 0.25')",),
    "Keep images and reports": ("# # Slides", "1 + 1"),
    "Keep secrets": ("hub_token = ''", "print(hub_token)"),
}
"""Cells of the notebook of a section, where any will not do."""

TOKEN = "a-token-that-nobody-sees"


@pytest.mark.parametrize("section", but_slow(WITH_GUILD_FILE, "Log scalars"))
def test_guild_takes_each_guild_file_of_the_readme_and_what_is_run_with_it(section, project):
    """The first command really runs, where it is that of one notebook."""
    operations = yaml.safe_load(guild_file(section))
    project.guildfile(guild_file(section))
    project.env["HUB_TOKEN"] = TOKEN
    for operation in operations.values():
        if text_formats.is_text(operation.get("notebook", "")):
            project.file(operation["notebook"], "# %%\nlr = 0.1\n")
        elif "notebook" in operation:
            cells = CELLS.get(section, ("lr = 0.1\nDense = print", "Dense(64)"))
            project.notebook(operation["notebook"], *cells)
    done = project.guild("operations")
    assert (done.status, done.stderr) == (0, "")
    assert {line.split()[0] for line in done.stdout.splitlines()} == set(operations)
    shown = [c for c in commands("guild run ", SECTIONS[section]) if "RUN_ID" not in c]
    typed = [*shown, *(f"guild run {name}" for name in operations)]
    first, *others = sorted(typed, key=lambda c: c.split()[2] not in operations)
    if "steps" in operations[first.split()[2]]:  # docs/pipelines.md runs one
        others.append(first)
    else:
        done = project.guild(*shlex.split(first)[1:], "-y")
        assert done.status == 0, f"{first}: {done.stderr}"
        CHECKS[section](project, done)
    for command in others:
        done = project.guild(*shlex.split(command)[1:], "--print-cmd", "-y")
        assert done.status == 0, f"{command}: {done.stderr}"


def flag_is_set(_project: Project, done: Command) -> None:
    assert "lr = 0.01" in done.run.sources("notebooks/train.ipynb")[0]
    assert done.run.flags == {"lr": 0.01, "layers": 64}


def secret_is_kept(project: Project, done: Command) -> None:
    assert done.stdout == "***\n"
    files = [path for path in project.home.rglob("*") if path.is_file()]
    assert files and not any(TOKEN.encode() in path.read_bytes() for path in files)


def text_is_executed(_project: Project, done: Command) -> None:
    assert done.run.source("train.py") == b"# %%\nlr = 0.1\n"
    assert done.run.notebook("train.ipynb")["metadata"]["guild"] == {"status": "completed"}


def scalar_is_logged(project: Project, _done: Command) -> None:
    assert "loss: 0.250000 (step 3)" in project.guild("runs", "info").stdout


def reports_are_made(_project: Project, done: Command) -> None:
    names = ["train.html", "train.sanitized.html", "train.slides.html"]
    assert sorted(path.name for path in (done.run.dir / "notebooks").glob("*.html")) == names


CHECKS = {
    "Name operations": flag_is_set,
    "Keep secrets": secret_is_kept,
    "Keep notebooks as text": text_is_executed,
    "Log scalars": scalar_is_logged,
    "Keep images and reports": reports_are_made,
}
"""What the section says of its run."""


def test_the_readme_names_no_attribute_that_does_not_exist():
    known = {option.attribute for option in OPTIONS} | set(ATTRIBUTES)
    assert set(re.findall(r"\bnb-[\w-]+", README)) <= known


def test_links_lead_somewhere():
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in anchors
        elif not target.startswith("https://"):
            assert (CHECKOUT / target.partition("#")[0]).exists()


def test_the_commands_of_guild_notebook_are_as_the_readme_shows_them(tmp_path):
    project = Project(tmp_path, tmp_path)
    program = Path(sys.executable).parent / "guild-notebook"
    subprocess.run([program, "example"], cwd=tmp_path, check=True)
    run = project.run("train.ipynb").run
    printed = {
        " open": f"{run.dir}/train.html\n",
        " share": "1 run: reports/index.html\n",
        " compare": "1 run: compare.html\n",
    }
    browsers = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    env = {name: v for name, v in project.environment().items() if name not in browsers}
    typed = commands("guild-notebook ")
    assert "guild-notebook example" in typed
    of_kernels = {"guild-notebook attach RUN_ID", "guild-notebook stack RUN_ID"}
    for command in set(typed) - {"guild-notebook example"} - of_kernels:
        command = command.replace("RUN_ID", run.id).replace("reproduce", "reproduce --delete")
        done = subprocess.run(
            [program, *shlex.split(command)[1:]],
            cwd=tmp_path, env=env, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        if " reproduce" in command:
            assert f" came out as {run.id[:8]}: " in done.stdout
            continue
        (expected,) = [text for word, text in printed.items() if word in command] or ["lr"]
        assert done.stdout == expected if expected != "lr" else "lr" in done.stdout


MORE = {"guild open": " --cmd true", "guild compare": " --table", "='": " --max-trials 1"}
"""Added to commands that would open a program, a view on the terminal, or run many trials."""


def as_typed(line: str, run_ids: list[str]) -> str:
    """A command of the README for a test: without its comment, for runs that there are."""
    command = re.split(r"\s+#", line)[0].replace(" --max-trials 20", "")
    for name in dict.fromkeys(re.findall(r"RUN_\w+", command)):
        command = command.replace(name, run_ids.pop())
    command += "".join(more for part, more in MORE.items() if part in command)
    return command + " -y" * command.startswith("guild run")


COMMANDS = ("make", "pip", "uv", "guild", "guild-notebook", "export", "echo")


def shown_output() -> dict[str, str]:
    """By section the indented lines that are not commands: what a command prints."""
    found = {}
    for section, text in SECTIONS.items():
        plain = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        lines = re.findall(r"^ {4}(\S.*)$", plain, re.MULTILINE)
        shown = [line for line in lines if line.split()[0] not in COMMANDS]
        found[section] = "\n".join(line for line in shown if line[0] not in "✓⠸")  # not recorded
    return {section: text for section, text in found.items() if text}


def test_output_is_shown_as_it_is(shared):
    """As an excerpt, with other times."""
    second = {
        "Run a notebook": "#@title Training\nprint('loss: 0.5292 (step 4)')",
        "See what failed": "# Train\n1 / 0",
    }
    printed = {}
    for section, cell in second.items():
        shared.notebook("train.ipynb", "#@title Settings\nlr = 0.05", cell, "#@title Result")
        done = shared.guild("run", "train.ipynb", "-y")
        assert done.status == (section == "See what failed"), done.stderr
        printed[section] = shared.guild("cat", "--output").stdout
    assert printed.keys() == shown_output().keys()
    for section, shown in shown_output().items():
        pattern = re.sub(r"\d+\\\.\d\\ s", r"[\\d.]+ s", re.escape(shown))
        assert re.search(f"^{pattern}$", printed[section], re.MULTILINE), printed[section]


@pytest.mark.slow
def test_the_commands_of_a_session_run_in_their_order(shared):
    """What the README types where it needs no guild.yml, in one project and Guild home."""
    cells = ("lr = 0.05", "units = 16", 'print(f"loss: {lr * units}")')
    for name in ("train.ipynb", "notebooks/first try.ipynb"):
        shared.notebook(name, *cells)
    typed = ["guild run train.ipynb lr=0.05", "guild compare"]
    for section in ("Run a notebook", "Sweep", "Compare and reproduce", "See what failed"):
        typed += re.findall(r"^ {4}(guild .*)$", SECTIONS[section], re.MULTILINE)
        typed += re.findall(r"`(guild (?:cat|diff)[^`]*)`", SECTIONS[section])
    assert len(typed) > 10
    run_ids: list[str] = []
    for line in typed:
        command = as_typed(line, run_ids[-2:])
        done = shared.guild(*shlex.split(command)[1:])
        assert done.status == 0, f"{command}: {done.stdout}{done.stderr}"
        run_ids += [run.id for run in done.runs if run.dir.joinpath("train.html").exists()]
