"""Whatever happens, the run says what happened, and neither work nor a process is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import nbformat
import psutil
import pytest
from conftest import GUILD, LIMIT, Project, Run, start, wait_for

posix = pytest.mark.skipif(os.name != "posix", reason="signals and processes of Unix")
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc and prctl")


def states(run: Run, name: str = "nb.ipynb") -> list[str]:
    cells = run.notebook(name)["cells"]
    return [cell["metadata"].get("guild", {}).get("status", "") for cell in cells]


def processes_with(word: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if word in process.cmdline():
                found.append(process)
        except psutil.Error:
            pass
    return found


# ---- the kernel dies


DEATHS = {
    "os._exit": ("import os; os._exit(7)", "exit status 7"),
    "SIGKILL": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal SIGKILL"),
    "crash": ("def crash():\n    import ctypes; ctypes.string_at(0)\ncrash()", "signal SIGSEGV"),
}


@posix
@pytest.mark.parametrize("death", DEATHS)
def test_a_kernel_that_dies_is_said_with_cell_and_cause(project: Project, death: str):
    source, said = DEATHS[death]
    project.notebook("nb.ipynb", "print('kept')", f"#@title The end\n{source}", "print('never')")
    done = project.guild("run", "-y", "nb.ipynb")
    assert done.status == 1 and done.run.attr("exit_status") == 1
    assert f"the kernel died in cell 2 (The end): {said}" in done.stderr
    assert states(done.run) == ["completed", "kernel died", "not run"]
    saved = json.dumps(done.run.notebook("nb.ipynb"))
    assert "kept" in saved and said in saved
    assert (done.run.dir / "nb.html").exists()
    if death == "crash":
        assert re.search(r"line \d+ in crash", done.stderr)  # its Python stack


# ---- a cell or the run takes too long


def test_a_cell_over_its_time_is_interrupted(project: Project):
    project.notebook("nb.ipynb", "print('kept')", "import time\ntime.sleep(600)", "print('never')")
    project.guildfile("a:\n  notebook: nb.ipynb\n  nb-cell-timeout: 1\n")
    done = project.guild("run", "-y", "a")
    said = "cell 2 (import time) was interrupted: over 1 s (nb-cell-timeout)"
    assert done.status == 1 and said in done.stderr
    assert states(done.run) == ["completed", "timed out", "not run"]
    assert said in json.dumps(done.run.notebook("nb.ipynb"))


def test_a_cell_that_takes_no_interrupt_is_killed(project: Project):
    stubborn = "import time\nwhile True:\n    try:\n        time.sleep(1)\n"
    stubborn += "    except KeyboardInterrupt:\n        print('no')"
    project.notebook("nb.ipynb", stubborn)
    project.guildfile("a:\n  notebook: nb.ipynb\n  nb-timeout: 1\n")
    done = project.guild("run", "-y", "a")
    assert done.status == 1 and "was killed: over 1 s (nb-timeout)" in done.stderr


# ---- the run is stopped or killed


LONG = """
import subprocess, sys, time
mark = {mark!r}
code = 'import time; time.sleep(600)'
subprocess.Popen([sys.executable, '-c', code, mark])
subprocess.Popen([sys.executable, '-c', code, mark], start_new_session=True)
print('started', flush=True)
time.sleep(600)
"""


@pytest.fixture
def long(project: Project) -> Iterator[tuple[Project, str]]:
    """A project whose notebook runs for ten minutes with two other processes."""
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    project.notebook("nb.ipynb", "print('kept')", LONG.format(mark=mark), "print('never')")
    yield project, mark
    left = processes_with(mark)
    for process in left:
        process.kill()
    assert left == []


def started_run(project: Project) -> Run:
    def run_dirs() -> list:
        return [d for d in project._run_dirs() if (d / ".guild/output").exists()]

    wait_for(lambda: any("started" in Run(d).output for d in run_dirs()))
    return Run(run_dirs()[0])


def runner_of(run: Run) -> int:
    return int((run.dir / ".guild/LOCK").read_text())


def check_stopped(project: Project, run: Run, mark: str) -> None:
    wait_for(lambda: not processes_with(mark), 5)
    wait_for(lambda: run.attr("exit_status") is not None, 5)
    assert "terminated" in project.guild("runs").stdout
    assert states(run) == ["completed", "stopped", "not run"]
    saved = json.dumps(run.notebook("nb.ipynb"))
    assert "kept" in saved and "started" in saved and "KeyboardInterrupt" in saved
    assert (run.dir / "nb.html").exists()


@linux
def test_a_run_that_is_stopped_saves_all_and_leaves_no_process(long):
    project, mark = long
    with start(project, "run", "-y", "nb.ipynb") as process:
        run = started_run(project)
        assert project.guild("stop", "-y", run.id).status == 0
        check_stopped(project, run, mark)
        process.communicate(timeout=LIMIT)


@linux
def test_ctrl_c_stops_the_run(long):
    project, mark = long
    with start(project, "run", "-y", "nb.ipynb", start_new_session=True) as process:
        run = started_run(project)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=LIMIT)
        check_stopped(project, run, mark)


@linux
@pytest.mark.parametrize("who", ["runner", "guild"])
def test_what_is_killed_leaves_no_process_and_a_notebook_that_holds_what_was_shown(long, who):
    project, mark = long
    with start(project, "run", "-y", "nb.ipynb") as process:
        run = started_run(project)
        time.sleep(2.5)  # outputs older than 2 s are on disk
        runner = runner_of(run)
        os.kill(runner if who == "runner" else process.pid, signal.SIGKILL)
        wait_for(lambda: not processes_with(mark), 5)
        process.communicate(timeout=LIMIT)
    wait_for(lambda: not psutil.pid_exists(runner), 5)
    saved = nbformat.read(run.dir / "nb.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(saved)
    assert "kept" in json.dumps(saved) and "started" in json.dumps(saved)


@linux
def test_a_reader_that_goes_away_ends_the_run(long):
    project, mark = long
    command = [*GUILD, "run", "-y", "nb.ipynb"]
    with subprocess.Popen(
        command, cwd=project.dir, env=project._env(), stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout and process.stdout.readline() == b"kept\n"
        run = started_run(project)
        process.stdout.close()
        process.wait(LIMIT)
        check_stopped(project, run, mark)


# ---- outputs


def test_input_is_an_error_that_says_what_to_do(project: Project):
    project.notebook("nb.ipynb", "name = input('Your name? ')")
    done = project.guild("run", "-y", "nb.ipynb")
    assert done.status == 1
    assert "a run has no keyboard" in done.stderr and "name=value" in done.stderr


def test_much_text_reaches_the_output_and_the_notebook_keeps_head_and_tail(project: Project):
    project.notebook(
        "nb.ipynb",
        "for i in range(200_000):\n    print('line', i)",
        "for i in range(20_000):\n    print(i, flush=True)",
        "print('y' * 3_000_000)",
    )
    project.guildfile("a:\n  notebook: nb.ipynb\n  nb-output-limit: 20 KB\n  nb-report: none\n")
    done = project.run("a")
    for number in range(0, 200_000, 9_999):
        assert f"line {number}\n" in done.stdout
    assert "\n".join(map(str, range(20_000))) in done.stdout
    assert done.run.output.count("y") >= 3_000_000
    for cell in done.run.notebook("nb.ipynb")["cells"]:
        text = "".join("".join(output["text"]) for output in cell["outputs"])
        assert len(text) < 21_000
        assert re.search(
            r"\[[\d,]+ characters of output are left out here .* \.guild/output\]", text
        )
    first = "".join(done.run.notebook("nb.ipynb")["cells"][0]["outputs"][0]["text"])
    assert first.startswith("line 0\nline 1\n")


LATE = """
import atexit, threading, time
def work():
    time.sleep(0.5)
    print('from the thread')
thread = threading.Thread(target=work)
thread.start()
atexit.register(print, 'at the end')
"""


def test_what_a_thread_prints_later_and_at_exit_is_kept(project: Project):
    project.notebook("nb.ipynb", LATE, "thread.join(); print('second')")
    done = project.run("nb.ipynb")
    for text in ("from the thread", "second", "at the end"):
        assert text in done.stdout
        assert text in json.dumps(done.run.notebook("nb.ipynb")["cells"])


def test_odd_bytes_crash_nothing(project: Project):
    project.notebook(
        "nb.ipynb",
        "import os, sys\nos.write(1, bytes(range(256)))\nprint()",
        "print('\\ud800 lone', '\\x00', '\\x1b[31m')\nsys.stdout.flush()",
        "print('after')",
    )
    done = project.guild("run", "-y", "nb.ipynb")
    assert "after" in done.stdout or "surrogates" in done.stderr
    json.loads((done.run.dir / "nb.ipynb").read_text("utf-8"))


# ---- files


def test_a_disk_that_takes_no_more_is_said_in_one_line(project: Project):
    """A limit to the size of files stands for a full disk."""
    big = "display({'text/html': 'y' * 900_000}, raw=True)"
    project.notebook("nb.ipynb", "print('x' * 500)", big, "print('last')")
    project.guildfile("nb.ipynb:\n  nb-output-limit: 10 MB\n")
    command = " ".join([*GUILD, "run", "-y", "nb.ipynb"])
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 700; exec {command}"],
        cwd=project.dir, env=project._env(), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=LIMIT,
    )  # fmt: skip
    lines = [line for line in done.stderr.splitlines() if "cannot save" in line]
    assert len(lines) == 1 and "nb.ipynb" in lines[0], done.stderr
    assert done.returncode != 0 and "Traceback" not in done.stderr
    (run_dir,) = project._run_dirs()
    saved = Run(run_dir).notebook("nb.ipynb")
    assert len(saved["cells"]) == 3
    assert [p.name for p in run_dir.iterdir() if p.suffix == ".part"] == []


def test_a_run_directory_that_is_deleted_ends_in_one_line(project: Project):
    project.notebook(
        "nb.ipynb", "import os, shutil\nshutil.rmtree(os.environ['RUN_DIR'])", "print('after')"
    )
    done = project.guild("run", "-y", "nb.ipynb")
    assert done.status != 0
    assert "guild_notebook" not in done.stderr


RUDE = [
    "import os, signal, sys, threading, time\nos.chdir('/')",
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "os.remove(os.path.join(os.environ['RUN_DIR'], 'nb.ipynb'))",
    "pid = os.fork()\nif not pid:\n    os._exit(0)\nos.waitpid(pid, 0)[1]",
    "threading.Thread(target=time.sleep, args=(600,)).start()",
    "print('before'); sys.stdout = open(os.devnull, 'w')",
]


@posix
def test_a_rude_notebook_still_ends_and_is_saved(project: Project):
    project.notebook("nb.ipynb", *RUDE)
    done = project.run("nb.ipynb")
    assert states(done.run) == ["completed"] * len(RUDE)
    assert "before" in json.dumps(done.run.notebook("nb.ipynb"))


@linux
def test_runs_at_the_same_time_do_not_mix_and_leave_nothing(project: Project, tmp_path):
    project.notebook("nb.ipynb", "x = 0", "print('value', x)\nx", "import os; print(os.getpid())")
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    project.env["TMPDIR"] = str(scratch)
    running = [start(project, "run", "-y", "nb.ipynb", f"x={n}") for n in range(1, 5)]
    for number, process in enumerate(running, 1):
        shown, _ = process.communicate(timeout=LIMIT)
        assert f"value {number}\n{number}\n" in shown
        assert process.returncode == 0
    assert list(scratch.glob("guild-nb-*")) == []
