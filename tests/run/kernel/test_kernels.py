"""Kernels of other languages: the same is true of them as of Python's."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from guild_notebook.document.measures import measures_of
from guild_notebook.errors import KernelError
from guild_notebook.kernels.kernelspecs import KernelSpecs, choose
from tests.helpers.causes import processes_with
from tests.helpers.figures import figure
from tests.helpers.project import LIMIT, Command, Project, Run, code, start, wait_for
from tests.helpers.runner import attempt

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Er"
    "kJggg=="
)


@dataclass(frozen=True)
class Language:
    """A kernel and how its language says what tests need; ``missing`` says why it is not here."""

    name: str
    argv: list[str]
    missing: Callable[[], str]
    declare: str
    show: str
    writes: str
    fail: str
    wait: str
    image: str
    die: str
    much: str
    ask: str
    child: str


def _reason_without_bash() -> str:
    return "" if importlib.util.find_spec("bash_kernel") else "bash_kernel is not installed"


def reason_without_r() -> str:
    if not shutil.which("R"):
        return "R is not installed (Debian: apt install r-cran-irkernel)"
    done = subprocess.run(["R", "--slave", "-e", "library(IRkernel)"], capture_output=True)
    return "" if done.returncode == 0 else "R has no IRkernel (Debian: r-cran-irkernel)"


BASH = Language(
    name="bash",
    argv=[sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"],
    missing=_reason_without_bash,
    declare="x=1  # keep\nname='a b'",
    show="echo loss: $x; echo $name",
    writes="echo one; sleep 0.3; echo two; echo three >&2; printf four",
    fail="false",
    wait="sleep 600",
    image=f"echo {PNG} | base64 -d | display",
    die="kill -9 $PPID",
    much="for i in $(seq {count}); do echo line $i; done",
    ask="read answer; echo \"got '$answer' $?\"; cat; python3 -c 'input()' 2>/dev/null; echo asked",
    child="sleep {mark} & setsid sleep {mark} &\necho started",
)
R = Language(
    name="R",
    argv=["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"],
    missing=reason_without_r,
    declare="x <- 1  # keep\nname <- 'a b'",
    show="cat('loss:', x, '\\n'); cat(name, '\\n')",
    writes="cat('one\\n'); Sys.sleep(0.3); cat('two\\n'); message('three'); cat('four')",
    fail="stop('no luck')",
    wait="Sys.sleep(600)",
    image="plot(1:3)",
    die="tools::pskill(Sys.getpid(), 9)",
    much="for (i in 1:{count}) cat('line', i, '\\n')",
    ask="cat('got', length(readLines(file('stdin'), 1)), '\\n'); cat('asked\\n')",
    child="system('sleep {mark} & setsid sleep {mark} &')\ncat('started\\n')",
)
LANGUAGES = {language.name: language for language in (BASH, R)}


@dataclass
class Kernel:
    """A project with notebooks of one language."""

    project: Project
    language: Language

    def notebook(self, name: str, *cells: Any) -> None:
        language = self.language.name
        spec = {"name": f"a-{language.lower()}", "language": language, "display_name": language}
        self.project.notebook(f"{name}.ipynb", *cells, metadata={"kernelspec": spec})
        self.project.without_reports(f"{name}.ipynb")

    def run(self, name: str, *options: str) -> Command:
        return attempt(self.project, f"{name}.ipynb", *options)


@pytest.fixture(scope="module")
def kernel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kernel]:
    language = LANGUAGES[request.param]
    missing = language.missing()
    if missing:
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp(language.name)
    kernels = folder / "jupyter" / "kernels" / f"a-{language.name.lower()}"
    kernels.mkdir(parents=True)
    spec = {"argv": language.argv, "display_name": language.name, "language": language.name}
    (kernels / "kernel.json").write_text(json.dumps(spec))
    project = Project(folder / "project", folder / "home")
    project.dir.mkdir()
    project.home.mkdir()
    project.env["JUPYTER_PATH"] = str(folder / "jupyter")
    yield Kernel(project, language)


def of(*names: str, slow: str = "") -> pytest.MarkDecorator:
    """Parametrize a test by languages, one of them for ``make slow`` alone."""
    mark = pytest.mark.slow
    kernels = [pytest.param(name, marks=mark) if name == slow else name for name in names]
    return pytest.mark.parametrize("kernel", kernels, indirect=True, scope="module")


BY_R = of("R", "bash", slow="bash")
BY_BASH = of("R", "bash", slow="R")


def text_of(run: Run, name: str) -> str:
    return json.dumps(run.notebook(f"{name}.ipynb")["cells"])


@BY_R
def test_a_run_has_its_flags_output_and_scalars(kernel: Kernel):
    kernel.notebook("flags", kernel.language.declare, kernel.language.show)
    kernel.project.guildfile("")
    done = kernel.project.guild("run", "-y", "flags.ipynb", "x=5", "name=c d'e")
    assert done.status == 0, done.stderr
    assert re.search(r"loss: 5 ?\nc d'e ?\n", done.stdout)
    source = done.run.sources("flags.ipynb")[0]
    assert re.match(r"x ?(=|<-) ?5L?  # keep\nname ?(=|<-) ?", source), source
    assert "loss: 5.0" in kernel.project.guild("runs", "info", done.run.id).stdout
    assert "loss: 5" in (done.run.dir / "flags.html").read_text("utf-8")


@BY_BASH
def test_all_that_a_cell_writes_is_shown_in_order_and_kept(kernel: Kernel):
    kernel.notebook("writes", kernel.language.writes)
    done = kernel.run("writes")
    assert done.status == 0, done.stderr
    assert re.sub(r"three ?\n", "", done.stdout) == "one\ntwo\nfour\n"
    assert "three" in done.stdout + done.stderr
    for word in ("one", "two", "three", "four"):
        assert word in text_of(done.run, "writes")


@BY_BASH
def test_what_is_written_is_shown_while_the_cell_runs(kernel: Kernel):
    show = {"bash": "echo early", "R": "cat('early\\n')"}[kernel.language.name]
    kernel.notebook("live", f"{show}\n{kernel.language.wait}")
    with start(kernel.project, "run", "-y", "live.ipynb", start_new_session=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "early\n"
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=LIMIT)


@BY_R
def test_a_cell_that_fails_ends_the_run(kernel: Kernel):
    show = {"bash": "echo {}", "R": "cat('{}\\n')"}[kernel.language.name]
    fail = kernel.language.fail
    kernel.notebook("fail", show.format("before"), fail, show.format("never"))
    done = kernel.run("fail", "--report", "html")
    assert done.status == 1
    assert "before" in done.stdout and "never" not in done.stdout
    last = done.stderr.splitlines()[-1]
    assert f"cell [2] ({fail}) failed" in last and last.endswith("- see fail.html")
    if kernel.language.name == "R":
        assert "no luck" in done.stderr and "no luck" in text_of(done.run, "fail")


@pytest.mark.slow
@of("R", "bash")
def test_an_error_may_be_allowed(kernel: Kernel):
    show = {"bash": "echo after", "R": "cat('after\\n')"}[kernel.language.name]
    kernel.notebook("allowed", code(kernel.language.fail, tags=["raises-exception"]), show)
    done = kernel.run("allowed")
    assert done.status == 0 and "after" in done.stdout


@BY_R
def test_an_image_is_saved(kernel: Kernel):
    kernel.notebook("image", kernel.language.image)
    done = kernel.run("image")
    assert done.status == 0, done.stderr
    assert (done.run.dir / "image_1_0.png").read_bytes().startswith(b"\x89PNG")
    assert "image saved to image_1_0.png" in done.stderr


@BY_BASH
def test_a_cell_over_its_time_is_interrupted(kernel: Kernel):
    show = {"bash": "echo before", "R": "cat('before\\n')"}[kernel.language.name]
    kernel.notebook("long", f"{show}\n{kernel.language.wait}")
    done = kernel.run("long", "--cell-timeout", "5")
    assert done.status == 1 and "was interrupted: over 5 s (nb-cell-timeout)" in done.stderr
    assert "before" in text_of(done.run, "long")


@pytest.mark.parametrize(
    ("kernel", "how"),
    [
        pytest.param("R", "guild stop", marks=pytest.mark.slow),
        ("bash", "Ctrl-C"),
        pytest.param("R", "Ctrl-C", marks=pytest.mark.slow),
        pytest.param("bash", "guild stop", marks=pytest.mark.slow),
    ],
    indirect=["kernel"],
)
def test_a_stop_saves_all_and_leaves_no_process(kernel: Kernel, how: str):
    mark = str(600 + time.monotonic_ns() % 1_000_000_000 / 1e9)
    kernel.notebook("stop", kernel.language.child.format(mark=mark), kernel.language.wait)
    before = kernel.project.run_dirs()
    with start(kernel.project, "run", "-y", "stop.ipynb", start_new_session=True) as process:

        def made() -> list[Path]:
            return [
                d
                for d in kernel.project.run_dirs() - before
                if (d / ".guild/output").exists() and "[1/2]" in Run(d).output
            ]

        wait_for(made)
        (run,) = map(Run, made())
        wait_for(lambda: processes_with(mark))
        if how == "Ctrl-C":
            os.killpg(process.pid, signal.SIGINT)
        else:
            assert kernel.project.guild("stop", "-y", run.id).status == 0
        wait_for(lambda: not processes_with(mark))
        wait_for(lambda: run.attr("exit_status") is not None)
        process.communicate(timeout=LIMIT)
    assert "status: terminated" in kernel.project.guild("runs", "info", run.id).stdout
    saved = run.notebook("stop.ipynb")
    assert [c["metadata"]["guild"]["status"] for c in saved["cells"]] == ["completed", "stopped"]
    assert "started" in json.dumps(saved)
    nbformat.validate(nbformat.from_dict(saved))


@BY_BASH
def test_a_kernel_that_dies_is_said(kernel: Kernel):
    kernel.notebook("die", kernel.language.declare, kernel.language.die)
    done = kernel.run("die", "--report", "html")
    assert done.status == 1
    assert f"the kernel died in cell [2] ({kernel.language.die}): signal SIGKILL" in done.stderr
    assert (done.run.dir / "die.html").exists()


@pytest.mark.slow
@of("R", "bash")
def test_much_output_is_all_there(kernel: Kernel):
    count = 10_000
    kernel.notebook("much", kernel.language.much.format(count=count))
    check_much(kernel.run("much", "--output-limit", "100 MB"), count)


@pytest.mark.faults
@pytest.mark.timeout(900)
@of("R", "bash")
def test_a_hundred_thousand_lines_are_all_there(kernel: Kernel):
    count = 100_000
    kernel.notebook("much", kernel.language.much.format(count=count))
    started = time.monotonic()
    check_much(kernel.run("much", "--output-limit", "100 MB"), count)
    seconds = time.monotonic() - started
    figure(f"{count:,} lines of {kernel.language.name}", f"none lost, {seconds:.0f} s", "none lost")


def check_much(done: Command, count: int) -> None:
    assert done.status == 0, done.stderr
    wanted = [f"line {i}" for i in range(1, count + 1)]
    assert [line.rstrip() for line in done.stdout.splitlines()] == wanted
    (output,) = done.run.notebook("much.ipynb")["cells"][0]["outputs"]
    assert [line.rstrip() for line in output["text"]] == wanted


@pytest.mark.slow
@of("R", "bash")
def test_nothing_waits_for_a_keyboard(kernel: Kernel):
    kernel.notebook("ask", kernel.language.ask)
    done = kernel.run("ask", "--cell-timeout", "60")
    assert "asked" in done.stdout, done.stdout + done.stderr
    assert "nb-cell-timeout" not in done.stderr


@of("R")
def test_a_question_of_r_is_an_error_that_says_what_to_do(kernel: Kernel):
    kernel.notebook("question", "answer <- readline('Name? ')", "cat('never\\n')")
    done = kernel.run("question")
    assert done.status == 1 and "never" not in done.stdout
    assert "a run has no keyboard" in done.stderr and "name=value" in done.stderr
    assert "('Name?')" in text_of(done.run, "question")
    assert (
        "cell [1] (answer <- readline('Name? ')) failed with NoKeyboard"
        in done.stderr.splitlines()[-1]
    )


@of("bash")
def test_a_bash_shell_that_ends_is_begun_anew_by_its_kernel(kernel: Kernel):
    kernel.notebook("shell", "kill -9 $$", "echo again")
    done = kernel.run("shell")
    assert "Restarting Bash" in done.stdout and "again" in done.stdout


@of("R")
def test_a_result_of_r_is_shown_and_kept(kernel: Kernel):
    kernel.notebook("result", "data.frame(a = 1:2)\nwarning('take care')\n6 * 7")
    done = kernel.run("result")
    assert done.status == 0 and "42" in done.stdout and "take care" in done.stderr
    assert "text/html" in text_of(done.run, "result")


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"argv": []}, "its argv [] is not a command"),
        ({}, "its argv [] is not a command"),
        ({"argv": [1, "x"]}, "its argv [1, 'x'] is not a command"),
        ({"argv": None}, "'argv'"),
        ({"argv": ["x"], "env": []}, "'env'"),
        ({"argv": ["x"], "language": 5}, "'language'"),
        ([], "mapping"),
        ("{", "Expecting"),
    ],
)
def test_a_kernelspec_that_is_not_one_is_named(spec: Any, why: str, tmp_path: Path, monkeypatch):
    file = tmp_path / "kernels" / "odd" / "kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text(spec if isinstance(spec, str) else json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with pytest.raises(KernelError) as error:
        choose(KernelSpecs(), None, "odd", lambda: "python")
    said = str(error.value)
    assert said.startswith("the kernelspec of 'odd' cannot be read: ") and why in said


@pytest.mark.slow
@of("R", "bash")
def test_a_file_that_the_run_lacks_is_named_whatever_the_language(kernel: Kernel):
    (kernel.project.dir / "x.csv").write_text("1\n")
    read = {"bash": "rm x.csv\ncat x.csv", "R": "file.remove('x.csv')\nread.csv('x.csv')"}
    kernel.notebook("reads", read[kernel.language.name])
    done = kernel.run("reads")
    said = "x.csv is in the project (x.csv) and not where the cells of the run look for it\n"
    assert done.status == 1 and done.stderr.endswith(said)


FILL = {
    "R": "k <- list(); while (TRUE) { k[[length(k) + 1]] <- rep(1.5, 1e6); Sys.sleep(0.01) }",
    "bash": f"{sys.executable} -c 'import time; k = []\nwhile True:\n"
    " k.append(bytearray(8_000_000)); time.sleep(0.01)'",
}


@BY_R
def test_cells_are_measured_and_limited_in_each_language(kernel: Kernel):
    kernel.notebook("fill", kernel.language.declare, FILL[kernel.language.name])
    done = kernel.run("fill", "--memory-limit", "400 MB", "--fail-on-command", "yes")
    last = done.stderr.splitlines()[-1]
    assert done.status == 1 and "of memory, over 400 MB (nb-memory-limit)" in last
    declare, fill = (measures_of(cell) for cell in done.run.notebook("fill.ipynb")["cells"])
    assert declare.seconds is not None and declare.kernel is not None
    assert fill.memory is not None and fill.memory > 300_000_000
    assert fill.cpu_seconds is not None and 0.02 < fill.cpu_seconds < 20
    assert "nb-fail-on-command has no effect: kernel 'a-" in done.stderr
