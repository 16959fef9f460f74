"""Kernels that do not keep to the protocol: each ends in one line, with everything saved."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import nbformat
import pytest

from tests.helpers.causes import of_home
from tests.helpers.figures import figure
from tests.helpers.project import CHECKOUT, Command, Project, start, wait_for
from tests.helpers.runner import attempt, execute

KERNEL = CHECKOUT / "tests" / "helpers" / "odd_kernel.py"
HANG = 90
"""Seconds that no run takes, also on a machine that has much other work."""

STARTS = ["", "silent", "mute", "fail", "stubborn", "after 3", "after 61"]


@pytest.fixture
def odd(project: Project, tmp_path: Path) -> Project:
    return with_odd_kernels(project, tmp_path)


def with_odd_kernels(project: Project, folder: Path) -> Project:
    for how in STARTS:
        kernels = folder / "jupyter" / "kernels" / name_of(how)
        kernels.mkdir(parents=True)
        argv = [sys.executable, str(KERNEL), "{connection_file}", how]
        spec = {"argv": argv, "display_name": "Odd", "language": "odd", "interrupt_mode": "signal"}
        (kernels / "kernel.json").write_text(json.dumps(spec))
    project.env["JUPYTER_PATH"] = str(folder / "jupyter")
    return project


def name_of(how: str) -> str:
    return f"odd-{how.replace(' ', '-')}".rstrip("-")


def notebook(project: Project, *cells: str, how: str = "") -> None:
    kernelspec = {"name": name_of(how), "language": "odd", "display_name": "Odd"}
    project.notebook("nb.ipynb", *cells, metadata={"kernelspec": kernelspec})


def run(project: Project, *options: str) -> tuple[Command, float]:
    """Run the notebook; sees that it is saved, says nothing of ours and leaves nothing."""
    started = time.monotonic()
    done = attempt(project, "nb.ipynb", *options)
    seconds = time.monotonic() - started
    check_end(project, done)
    return done, seconds


def check_end(project: Project, done: Command) -> None:
    assert "guild_notebook" not in done.stderr and "Traceback" not in done.stderr, done.stderr
    saved = nbformat.from_dict(done.run.notebook("nb.ipynb"))
    nbformat.validate(saved)
    wait_for(lambda: not of_home(project))


def said(done: Command) -> str:
    """The one line of ours that says how it ended."""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("guild-notebook: ")]
    return line


# ---- at its start


def test_a_kernel_that_ends_at_its_start_is_said_with_its_last_line(odd: Project):
    notebook(odd, "never", how="fail")
    done, _ = run(odd)
    assert done.status == 1
    assert "kernel 'odd-fail' ended before it was ready: odd kernel: no licence" in said(done)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("mute", "waiting for the licence server"),
        pytest.param("silent", "nobody is to know", marks=pytest.mark.slow),
    ],
)
def test_a_kernel_that_never_answers_is_ended_after_its_time(odd: Project, how: str, words: str):
    notebook(odd, "never", how=how)
    done, seconds = run(odd, "--startup-timeout", "8")  # in which a kernel has said its words
    assert done.status == 1 and seconds < HANG
    assert "was not ready after 8 seconds (nb-startup-timeout): odd kernel: " + words in said(done)


def test_a_kernel_that_is_slow_to_start_is_waited_for(odd: Project):
    notebook(odd, "shown", how="after 3")
    done, _ = run(odd, "--startup-timeout", "60")
    assert done.status == 0 and "shown\n" in done.stdout


@pytest.mark.faults
@pytest.mark.timeout(400)
def test_the_time_of_a_start_is_a_minute_unless_an_option_says_more(odd: Project):
    notebook(odd, "shown", how="after 61")
    done, seconds = run(odd)
    assert done.status == 1
    assert "was not ready after 60 seconds (nb-startup-timeout)" in said(done)
    figure("kernel that starts after 61 s", f"error after {seconds:.0f} s", "60 s, and an option")
    notebook(odd, "shown", how="after 61")
    done, _ = run(odd, "--startup-timeout", "90")
    assert done.status == 0 and "shown\n" in done.stdout


# ---- while it executes


def test_a_kernel_that_never_replies_is_killed_after_the_cell_s_time(odd: Project):
    notebook(odd, "before", "hang")
    done, seconds = run(odd, "--cell-timeout", "5")
    assert done.status == 1 and "before\n" in done.stdout and seconds < HANG
    assert "cell [2] (hang) was killed: over 5 s (nb-cell-timeout)" in said(done)


def test_a_kernel_that_never_replies_is_ended_by_a_stop(odd: Project):
    notebook(odd, "before", "hang")
    odd.without_reports("nb.ipynb")
    with start(odd, "run", "-y", "nb.ipynb") as process:
        wait_for(
            lambda: any("[1/2]" in r.read_text() for r in odd.home.glob("runs/*/.guild/output"))
        )
        (run_dir,) = odd.run_dirs()
        started = time.monotonic()
        assert odd.guild("stop", "-y", run_dir.name).status == 0
        shown, _ = process.communicate(timeout=HANG)
    assert time.monotonic() - started < HANG
    assert "cell [2] (hang) was stopped by SIGTERM" in shown
    check_end(odd, Command(shown, shown, 1, [run_dir]))


def test_a_kernel_that_is_done_but_does_not_reply_fails_its_cell(odd: Project):
    notebook(odd, "before", "kept\nsend no reply", "never")
    done, seconds = run(odd)
    assert done.status == 1 and "kept\n" in done.stdout and "never" not in done.stdout
    assert "the kernel is done with cell [2] (kept) but has not replied in 10 s" in said(done)
    assert seconds < HANG


@pytest.mark.parametrize("action", ["die", "reply and die"])
def test_a_kernel_that_dies_is_said_with_its_last_words(odd: Project, action: str):
    notebook(odd, f"kept\n{action}", "never")
    done, seconds = run(odd)
    assert done.status == 1 and seconds < HANG and "kept\n" in done.stdout
    assert "the kernel died in cell [1] (kept): exit status 9" in said(done)
    assert "odd kernel: out of memory" in done.stderr


def test_a_kernel_that_closes_its_channels_is_killed_after_the_cell_s_time(odd: Project):
    notebook(odd, "kept\nclose channels", how="stubborn")
    done, seconds = run(odd, "--cell-timeout", "1")
    assert done.status == 1 and seconds < HANG
    assert "over 1 s (nb-cell-timeout)" in said(done)


def test_a_kernel_that_does_not_end_is_killed_at_the_end(odd: Project):
    notebook(odd, "shown", how="stubborn")
    done, seconds = run(odd)
    assert done.status == 0 and seconds < HANG


@pytest.mark.parametrize(
    ("action", "words"),
    [("reply nonsense", "failed"), ("reply aborted", "failed")],
)
def test_a_reply_that_is_not_ok_is_a_failure(odd: Project, action: str, words: str):
    notebook(odd, action, "never")
    done, _ = run(odd)
    assert done.status == 1 and "never" not in done.stdout
    assert f"cell [1] ({action}) {words}" in said(done)


ODD_CELLS = [
    "send no idle", "send junk", "send bad signature", "send broken content", "send wrong parents",
    "send deep data", "send huge message", "send bad widgets", "reply odd count",
]  # fmt: skip


def test_messages_that_are_none_are_passed_over_and_nothing_else_is_lost(odd: Project):
    cells = [f"before {action}\n{action}\nafter {action}" for action in ODD_CELLS]
    notebook(odd, *cells)
    done, seconds = run(odd, "--report", "html")
    assert done.status == 0, done.stderr
    saved = json.dumps(done.run.notebook("nb.ipynb"))
    report = (done.run.dir / "nb.html").read_text("utf-8")
    for action in ODD_CELLS:
        for text in (f"before {action}\n", f"after {action}\n"):
            assert text in done.stdout and text.strip() in saved and text.strip() in report
    for text in ("in odd stream", "in a list", "data beside bad metadata", "traceback in parts"):
        assert text in done.stdout + done.stderr and text in saved
    assert "bottom of 90" in saved and done.stdout.count("nested too deeply to be kept") == 3
    assert "forged" not in done.stdout + saved
    assert done.stdout.count("h" * 99) == 30_000
    figure("odd messages of a kernel", f"{len(ODD_CELLS)} kinds, {seconds:.1f} s", "nothing lost")


LOSES_A_REQUEST = """
import time
kernel = get_ipython().kernel
thread = getattr(kernel, "shell_channel_thread", None)

def send_and_lose(message):
    socket = kernel.shell_stream.socket
    socket.send_multipart(message)
    time.sleep(0.5)  # the next request comes
    socket.EVENTS    # and what would have told of it is gone

if thread:  # of ipykernel 7
    pair = thread.manager._main_to_shell_channel
    thread.io_loop.add_callback(pair.on_recv, thread.io_loop, send_and_lose)
"""


def test_a_kernel_that_sleeps_on_a_request_is_woken(project: Project):
    project.notebook("nb.ipynb", LOSES_A_REQUEST, "print('loss: 1')", "print('loss: 2')")
    done = execute(project, "nb.ipynb")
    assert done.stdout.split("\n")[:2] == ["loss: 1", "loss: 2"]


REPLIES_LATE = """
import time
from ipykernel.subshell_manager import SubshellManager

def note(what):
    with open({log!r}, "a") as log:
        print(what, file=log)

kernel = get_ipython().kernel
take, send = kernel.shell_channel_thread_main, SubshellManager._send_on_shell_channel

def noted(message):
    note("request")
    return take(message)

def send_late(manager, message):
    time.sleep(0.3)
    note("reply")
    send(manager, message)  # and what has come meanwhile would stay unread

kernel.shell_channel_thread_main = noted
SubshellManager._send_on_shell_channel = send_late
"""


def test_a_request_waits_for_the_reply_to_the_one_before(project: Project, tmp_path: Path):
    """So a kernel has nothing to miss, and none has to be woken."""
    pytest.importorskip("ipykernel.subshell_manager", reason="of ipykernel 7")
    log = tmp_path / "log"
    startup = tmp_path / "ipython/profile_default/startup/late.py"
    startup.parent.mkdir(parents=True)
    startup.write_text(REPLIES_LATE.format(log=str(log)))
    project.env["IPYTHONDIR"] = str(tmp_path / "ipython")
    project.notebook("nb.ipynb", "print('loss: 1')", "print('loss: 2')")
    execute(project, "nb.ipynb")
    noted = log.read_text().split()
    assert len(noted) >= 6 and noted == ["request", "reply"] * (len(noted) // 2)
