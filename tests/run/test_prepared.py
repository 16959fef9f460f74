"""What stands for Guild in tests of runs (tests/helpers/runner.py) is as Guild does it."""

from __future__ import annotations

import json

from tests.helpers.project import Project, Run
from tests.helpers.runner import environment, execute, prepared

NAMES = ("RUN_DIR", "RUN_ID", "PROJECT_DIR", "GUILD_SOURCECODE", "PYTHONPATH", "FLAG_X")
SEEN = f"import json, os\nprint(json.dumps([os.getcwd(), *map(os.environ.get, {NAMES})]))"


def test_a_prepared_run_is_what_guild_stages(project: Project):
    project.notebook("nb.ipynb", "x = 1", SEEN)
    project.file("sub/helper.py", "y = 1\n")
    staged = project.run("nb.ipynb", "x=2", "--stage").run
    ours = prepared(project, {"x": 2})
    assert ours.flags == staged.flags
    assert sorted(ours.manifest) == sorted(staged.manifest)
    for name in ("nb.ipynb", "sub/helper.py"):
        assert (ours.dir / name).read_bytes() == (staged.dir / name).read_bytes()
    assert ours.attr("op")["sourcecode"]["dest"] == staged.attr("op")["sourcecode"]["dest"]


def test_the_environment_of_a_run_is_that_of_guild(project: Project):
    project.notebook("nb.ipynb", "x = 1", SEEN)
    project.without_reports("nb.ipynb")
    done = project.run("nb.ipynb", "x=2")
    recorded, ours = done.run.attr("env"), environment(project, done.run)
    assert [recorded[name] for name in NAMES] == [ours[name] for name in NAMES]
    # In the kernel no folder stands twice, nor the installed packages that Guild adds for itself.
    ours["PYTHONPATH"] = str(done.run.dir)
    ours["GUILD_SOURCECODE"] = str(done.run.dir)  # cells may work in another folder
    assert json.loads(done.stdout) == [str(done.run.dir), *map(ours.get, NAMES)]


def test_a_run_of_the_runner_leaves_what_one_of_guild_leaves(project: Project):
    project.notebook(
        "nb.ipynb", "x = 1", "print(x)\ndisplay({'image/svg+xml': '<svg/>'}, raw=True)"
    )

    def left(run: Run) -> set[str]:
        found = {path.relative_to(run.dir).as_posix() for path in run.dir.rglob("*")}
        return {name for name in found if not name.startswith(".guild/") or "/sourcecode/" in name}

    ours = execute(project, "nb.ipynb", "--report", "html", flags={"x": 2})
    theirs = project.run("nb.ipynb", "x=2")
    assert left(ours.run) == left(theirs.run)
    assert ours.stdout == theirs.stdout == "2\n"
    assert ours.run.sources("nb.ipynb") == theirs.run.sources("nb.ipynb")
