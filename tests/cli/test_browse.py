"""``guild-notebook browse``: who is answered, with what, and that nothing else is."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.browse import COMMAND, Answer, Served, served
from tests.helpers.project import LIMIT, Project, Run, free_port, start, wait_for

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlE"
    "QVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

CELLS = (
    "lr = 0.1\npause = ''",
    "print('rate', lr)",
    f"import base64\nfrom IPython.display import Image\nImage(base64.b64decode('{PNG}'))",
    "import os, time\nwhile pause and not os.path.exists(pause):\n    time.sleep(0.05)",
    "print('after the pause')",
)

GUILDFILE = """
train:
  notebook: train.ipynb
  flags-import: all
quiet:
  notebook: train.ipynb
  flags-import: all
  nb-report: none
"""


@pytest.fixture(scope="module")
def home(shared: Project) -> Project:
    """A project with a sweep of two trials, then a run of another operation without a report."""
    shared.notebook("train.ipynb", *CELLS)
    shared.guildfile(GUILDFILE)
    shared.run("train", "lr=[0.1,0.2]")
    shared.run("quiet", "lr=0.3")
    return shared


@pytest.fixture(scope="module")
def server(home: Project) -> Iterator[Served]:
    with served(home) as made:
        yield made


def runs(project: Project) -> list[Run]:
    """Newest first."""
    return sorted(map(Run, project.run_dirs()), key=lambda run: -run.attr("started"))


def data_of(answer: Answer) -> dict:
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


# What is there


def test_it_begins_with_the_newest_sweep_and_lists_all_else(server: Served, home: Project):
    quiet, *trials = runs(home)
    data = data_of(server.get("data"))
    assert data["live"] is True
    assert [run["id"] for run in data["runs"]] == [run.id for run in trials]
    page = server.get("")
    assert "text/html" in page.headers["content-type"] and "train" in page.text
    listed = server.get(server.start).text
    row = '<a href="(.*?)">(.*?)</a></th><td>(.*?)</td><td>[-0-9: ]+</td><td>(.*?)</td>'
    links = re.findall(row, listed)
    assert [link[1:] for link in links] == [
        ("train", "2 completed", "lr"),
        ("quiet", "1 completed", ""),
        ("train", "2 completed", "lr"),
    ]
    assert server.start + links[0][0] == server.page
    of_quiet = data_of(server.get(f"{server.start}{links[1][0]}data"))
    assert [run["id"] for run in of_quiet["runs"]] == [quiet.id]


@pytest.mark.parametrize("chosen", [("1", "2"), ("-F", "lr > 0.15"), ("-Fo", "quiet", "3")])
def test_runs_are_chosen_as_by_compare(chosen: tuple[str, ...], home: Project):
    quiet, second, first = runs(home)
    expected = {"1": [quiet, second], "-F": [quiet, second], "-Fo": [quiet]}[chosen[0]]
    if chosen[0] == "-Fo":
        chosen = chosen[:2]
    with served(home, *chosen) as made:
        assert made.page == f"{made.start}runs/chosen/"
        ids = [run["id"] for run in data_of(made.get("data"))["runs"]]
        assert ids == [run.id for run in expected]
        assert 'href="runs/chosen/"' in made.get(made.start).text
    assert first.id not in ids


def test_images_are_sent_by_their_digests(server: Served):
    (image,) = data_of(server.get("data"))["images"]
    answer = server.get(f"image/{image['digest']}")
    assert answer.status == 200 and answer.body.startswith(b"\x89PNG")
    assert answer.headers["content-type"] == "image/png"
    assert server.get(f"image/{'0' * 64}").status == 404


def test_a_report_is_sent_as_it_is_kept_in_an_origin_of_its_own(server: Served, home: Project):
    trial = runs(home)[1]
    sent_to = server.get(f"run/{trial.id}/report")
    assert sent_to.status == 302
    report = server.ask(sent_to.headers["location"])  # whose scripts have no cookie
    assert report.body == (trial.dir / "train.html").read_bytes()
    policy = report.headers["content-security-policy"]
    assert re.search(r"sandbox(?! allow-same-origin)", policy) and "same-origin" not in policy
    beside = sent_to.headers["location"].rpartition("/")[0]
    assert server.ask(f"{beside}/train_3_0.png").body.startswith(b"\x89PNG")
    for other in ("train.ipynb", ".guild/attrs/env", "..%2f..%2fruns", "%2e%2e/x"):
        assert server.ask(f"{beside}/{other}").status == 404, other
    assert "token" not in sent_to.headers["location"]
    assert server.cookie.split("=")[1] not in sent_to.headers["location"]


def test_a_run_without_a_report_has_a_page_that_runs_no_script_of_it(home: Project):
    quiet = runs(home)[0]
    with served(home, "1") as made:
        sent_to = made.get(f"run/{quiet.id}/report")
        assert (sent_to.status, sent_to.headers["location"]) == (302, "notebook")
        page = made.get(f"run/{quiet.id}/notebook")
        assert page.status == 200 and "rate 0.3" in page.text
        assert "sandbox" in page.headers["content-security-policy"]
        assert made.get(f"run/{'0' * 32}/notebook").status == 404


def test_data_that_is_as_it_was_is_not_sent_again(server: Served):
    first = server.get("data")
    tag = first.headers["etag"]
    again = server.get("data", If_None_Match=tag)
    assert (again.status, again.body) == (304, b"")
    assert server.get("data", If_None_Match='"other"').status == 200
    assert data_of(first)["tag"] == tag.strip('"')


def test_head_has_the_headers_and_no_body(server: Served):
    for path in ("", "data", server.start):
        head, get = server.get(path, "HEAD"), server.get(path)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == str(len(get.body)) != "0"


# Who is answered


def test_nobody_is_answered_without_the_token_or_the_cookie(server: Served, home: Project):
    trial = runs(home)[1]
    paths = ["", "data", "image/" + "0" * 64, f"run/{trial.id}/report", f"run/{trial.id}/notebook"]
    for path in ["/", "/?token=", "/?token=%C3%A9", f"/?token={'a' * 32}", server.start, "/x"] + [
        server.page + path for path in paths
    ]:
        for cookie in ("", "guild-notebook=", "guild-notebook=é", f"{server.cookie}x"):
            answer = server.ask(path, Cookie=cookie.encode("utf-8").decode("latin-1"))
            assert answer.status == 403, (path, cookie)
            assert answer.text == "403: open the address that guild-notebook browse has printed\n"
            assert "set-cookie" not in answer.headers
    token = server.path.partition("=")[2]
    assert server.ask(server.page, Cookie=f"guild-notebook={token}").status == 403


def test_the_cookie_is_for_this_server_and_what_it_shows_alone(server: Served):
    given = server.ask(server.path).headers["set-cookie"]
    parts = {part.strip() for part in given.split(";")}
    assert {"HttpOnly", "SameSite=Strict", f"Path={server.start}"} < parts
    assert server.path.partition("=")[2] not in given


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "127.0.0.1@evil.example"},
        {"Host": "[::1"},
        {"Host": "0.0.0.0"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1"},
    ],
    ids=lambda headers: " ".join(*headers.items()).replace("http://127.0.0.1:1", "another port"),
)
def test_a_page_of_another_host_is_refused_with_the_cookie_and_with_the_token(
    headers: dict[str, str], server: Served
):
    for path in (server.path, server.page, server.page + "data"):
        answer = server.get(path, **headers)
        assert answer.status in (400, 403), path
        assert "access-control-allow-origin" not in answer.headers
        assert "set-cookie" not in answer.headers


def test_a_forwarded_port_and_the_name_of_this_machine_are_answered(server: Served):
    for host in ("localhost:8888", "127.0.0.1:8888", "LOCALHOST"):
        assert server.get("data", Host=host, Origin=f"http://{host}").status == 200, host


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"])
def test_nothing_but_get_and_head_is_answered(method: str, server: Served):
    for path in ("/", server.page, server.page + "data"):
        answer = server.get(path, method)
        assert answer.status in (403, 405), path
        assert server.ask(path, method).status in (403, 405)
    with contextlib.suppress(ConnectionError):  # what is sent is not read
        assert server.ask(server.page, method, b"x" * 100_000, Cookie=server.cookie).status >= 400
    assert server.get("data").status == 200


def test_each_answer_says_how_a_browser_is_to_treat_it(server: Served, home: Project):
    trial = runs(home)[1]
    (image,) = data_of(server.get("data"))["images"]
    report = server.get(f"run/{trial.id}/report").headers["location"]
    paths = ["/x", server.path, server.start, "", "data", f"image/{image['digest']}", report]
    for path in paths:
        headers = server.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        is_image = path.startswith("image/")
        assert headers["cache-control"].startswith("private" if is_image else "no-store"), path
        assert "server" not in headers and "access-control-allow-origin" not in headers, path
    assert "default-src 'none'" in server.get("").text


@pytest.mark.parametrize(
    "path",
    [
        "../../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "run/../../x/report",
        "run/..%2f..%2fproject/notebook",
        "run/%2e%2e/report",
        "run/%00/report",
        "run/%ff/report",
        "image/..%2f..%2fx",
        "image/" + "0" * 63 + "%0a",
        "data/x",
        "static/x",
    ],
)
def test_there_is_nothing_at_any_other_path(path: str, server: Served):
    assert server.get(path).status in (400, 404)


@pytest.mark.parametrize(
    "path", ["sweep/1/", "operation/x/", "runs/chosen/data", "operation/%2e%2e/"]
)
def test_there_is_nothing_of_runs_that_are_not_there(path: str, server: Served):
    answer = server.get(server.start + path)
    assert (answer.status, answer.text) == (404, "404: there is no such run now\n")


def test_it_listens_on_loopback_only(server: Served):
    listening = Path("/proc/net/tcp")
    if not listening.exists():
        pytest.skip("this system does not list sockets in /proc")
    port = f"{int(server.port):04X}"
    rows = [row.split() for row in listening.read_text().splitlines()[1:]]
    assert {row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port}")} == {
        f"0100007F:{port}"
    }
    six = Path("/proc/net/tcp6")
    assert not six.exists() or f":{port} " not in "".join(
        line for line in six.read_text().splitlines(True) if " 0A " in line
    )


# Runs that are hostile, or that change


def test_links_in_a_run_lead_to_nothing_outside_of_it(home: Project, tmp_path: Path):
    secret = tmp_path / "secret.html"
    secret.write_text("TOP SECRET")
    run = home.run("train", "lr=0.9").run
    (run.dir / "train.html").unlink()
    (run.dir / "train.html").symlink_to(secret)
    (run.dir / "train_3_0.png").unlink()
    (run.dir / "train_3_0.png").symlink_to(secret)
    with (run.dir / ".guild" / "notebook-artifacts").open("a") as file:
        names = str(secret), f"../../../{secret.name}", "other.html", ".guild/attrs/env"
        file.writelines(f"{json.dumps(name)}\n" for name in names)
    (run.dir / "other.html").symlink_to(secret)
    try:
        with served(home, run.id) as made:
            assert made.get(f"run/{run.id}/report").headers["location"] == "notebook"
            os.unlink(run.dir / "other.html")
            (run.dir / "other.html").write_text("own")
            beside = made.get(f"run/{run.id}/report").headers["location"].rpartition("/")[0]
            assert made.get(f"{beside}/other.html").text == "own"
            for name in ("train.html", "train_3_0.png", ".guild/attrs/env", str(secret)):
                assert made.get(f"{beside}/{name}").status == 404, name
            (run.dir / "train.ipynb").unlink()
            (run.dir / "train.ipynb").symlink_to(secret)
            assert made.get(f"run/{run.id}/notebook").status == 404
            for path in ("", "data"):
                assert b"TOP SECRET" not in made.get(path).body
    finally:
        subprocess.run(["rm", "-r", str(run.dir)], check=True)


def test_a_run_whose_attributes_are_broken_is_there_with_all_others(home: Project, tmp_path: Path):
    hostile = Project(home.dir, tmp_path / "home")
    good = runs(home)[-1]
    broken = {"started": ":\n- ][", "initialized": "[1", "flags": "{a: [", "exit_status": "!!x/y"}
    for number, (name, text) in enumerate({"": "", **broken}.items()):
        copy = hostile.home / "runs" / f"{number:032x}"
        shutil.copytree(good.dir, copy, symlinks=True)
        (copy / ".guild" / "attrs" / "id").unlink()
        if name:
            (copy / ".guild" / "attrs" / name).write_text(text)
    (hostile.home / "runs" / f"{0:032x}" / ".guild" / "attrs" / "label").unlink()
    os.mkfifo(hostile.home / "runs" / f"{0:032x}" / ".guild" / "attrs" / "label")
    with served(hostile) as made:
        assert made.get(made.start).status == 200
        ids = {run["id"] for run in data_of(made.get(f"{made.start}operation/train/data"))["runs"]}
        assert ids == {f"{number:032x}" for number in range(5)}
        assert made.end() == (0, "", "")


def test_nothing_in_a_home_is_changed(home: Project):
    def state() -> dict[str, tuple[int, int]]:
        paths = [p for p in (home.home / "runs").rglob("*") if not p.is_symlink()]
        return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in paths}

    before = state()
    with served(home, ":") as made:
        for run in data_of(made.get("data"))["runs"]:
            made.get(f"run/{run['id']}/report")
            made.get(f"run/{run['id']}/notebook")
        made.get("")
        made.get(made.start)
    assert state() == before


def test_a_run_that_executes_is_there_with_its_cell_and_what_it_has_shown(
    home: Project, tmp_path: Path
):
    go_on = tmp_path / "go-on"
    with served(home, "-Fo", "quiet") as made:
        before = data_of(made.get("data"))
        running = start(home, "run", "-y", "quiet", "lr=0.7", f"pause={go_on}")
        try:

            def now() -> dict:
                return data_of(made.get("data"))["runs"][0]

            wait_for(lambda: now()["progress"] == {"cell": 4, "of": 5})
            data = data_of(made.get("data"))
            assert len(data["runs"]) == len(before["runs"]) + 1
            assert (now()["status"], now()["state"]) == ("running", "running")
            assert "rate 0.7\n" in [each.get("text") for each in data["outputs"]]
            page = made.get(f"run/{now()['id']}/notebook")
            assert page.status == 200 and "rate 0.7" in page.text
            with served(home) as begun:  # and not with the newest sweep
                assert data_of(begun.get("data"))["runs"][0]["id"] == now()["id"]
            assert made.get(f"run/{now()['id']}/report").headers["location"] == "notebook"
            go_on.touch()
            wait_for(lambda: now()["status"] == "completed")
            data = data_of(made.get("data"))
            assert "after the pause\n" in [each.get("text") for each in data["outputs"]]
            assert data["runs"][0]["progress"] is None
        finally:
            go_on.touch()
            running.communicate(timeout=LIMIT)


# The command


def test_it_ends_quietly_with_ctrl_c_and_when_it_is_told_to(home: Project):
    with served(home) as made:
        made.get("data")
        assert made.end() == (0, "", "")
    with served(home) as made:
        made.process.send_signal(signal.SIGTERM)
        assert made.process.communicate(timeout=LIMIT) == ("", "")
        assert made.process.returncode == 0


def test_the_port_can_be_chosen_and_one_that_is_taken_is_one_line(home: Project):
    port = free_port()
    with served(home, "--port", str(port)) as made:
        assert made.port == str(port)
        assert said(home, "--port", str(port)) == (
            f"port {port} is taken - give another, or leave --port out"
        )


def said(project: Project, *args: str) -> str:
    """What a command says that fails, which is one line."""
    done = subprocess.run(
        [*COMMAND, *args],
        cwd=project.dir,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line.removeprefix("guild-notebook: ")


def test_mistakes_are_one_line(home: Project):
    assert "65536 is not in the range" in said(home, "--port", "65536")
    assert "see guild-notebook browse --help" in said(home, "--prot", "1")
    assert "could not find a run" in said(home, "f" * 32)
    assert said(home, "-Fo", "none") == (
        "no run of a notebook is among these - guild runs, with the same filters, lists them"
    )


def test_a_home_without_runs_says_how_to_make_one(project: Project):
    with served(project) as made:
        assert made.page == made.start
        assert "guild run NOTEBOOK.ipynb" in made.get("").text


def test_a_browser_is_told_a_file_of_the_user_alone_and_not_the_token(
    home: Project, tmp_path: Path
):
    told = tmp_path / "told"
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > {told}.new\nmv {told}.new {told}\n')
    program.chmod(0o755)
    process = subprocess.Popen(
        [*COMMAND[:-1]],
        cwd=home.dir,
        env={**home.environment(), "BROWSER": f"{program} %s"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = process.stdout.readline().split()[0]
        wait_for(told.exists)
        file = Path(told.read_text().strip().removeprefix("file://"))
        token = address.partition("=")[2]
        assert token in file.read_text() and token not in told.read_text()
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT)
        assert not file.exists()
    finally:
        process.kill()
        process.communicate(timeout=LIMIT)
