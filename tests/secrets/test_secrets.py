"""The value of a secret flag goes to the kernel and nowhere else, however a run comes about."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from guild_notebook.errors import OptionError
from guild_notebook.flags.model import Code, Flag, Site
from guild_notebook.flags.source_text import environment_text, source_text
from guild_notebook.secrets import settings
from tests.helpers.project import Command, Project, Run, code, wait_for
from tests.helpers.secret_values import OF_THE_USER, OTHER, VALUE, digest, leaks
from tests.helpers.slow import but_slow

EVERYTHING = [
    "token = ''\nlr = 0.1\npin = 1",
    "import base64, hashlib, html, json, os, sys, urllib.parse\n"
    "print('digest', hashlib.sha256(token.encode()).hexdigest()[:12], pin % 97, lr)\n"
    "print(token, repr(token), json.dumps({token: [token]}), html.escape(token))\n"
    "print(urllib.parse.quote(token), base64.b64encode(('me:' + token).encode()).decode())\n"
    "print(token, file=sys.stderr)\n"
    "for c in token:\n    print(c, end='', flush=True)\n"
    "print(f'\\x1b[31m{token[:4]}\\x1b[0m{token[4:]}')\n"
    "print(token[:5], end='', flush=True); print('between', file=sys.stderr, flush=True)\n"
    "print(token[5:])\n"
    "print('0%', end='\\r'); print(token, end='\\r'); print('100%')\n"
    "print(os.environ['USERS_API_KEY'])",
    "#@title The {0} in a title\n"
    "from IPython.display import HTML, JSON, SVG, Markdown, display\n"
    "import pandas as pd\n"
    "handle = display(HTML(f'<b>{token[:5]}<i>{token[5:]}</i></b>'), display_id=True)\n"
    "print(token[:6], end='', flush=True)\n"
    "handle.update(Markdown(token))\n"
    "print(token[6:])\n"
    "display(JSON({token: [token]}), {'text/plain': token, 'application/x.y+json': [token]},\n"
    "        raw=False, metadata={'of': token})\n"
    "display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><title>%s</title></svg>'\n"
    "            % html.escape(token)))\n"
    "pd.DataFrame({'a': [token, 5 * token]})",
]
SEVERAL = [
    "keys = ['a']\nkey = ''\npin = 1\nok = True\nlr = 1\nprint(len(keys), keys[1][::-1], keys)",
    "print(key)\nprint(len(key))\nkey.encode()",
    "import os\nprint(os.environ['HUB'], os.environ['FLAG_T'][::-1])",
    "print('is 7 of 7', pin, ok)\nprint('lr', lr)",
]
KEY = f"-----BEGIN KEY-----\n{OTHER}\n{VALUE}\n-----END KEY-----"
REFUSED_PIN = "flag pin in the 1st cell takes a number, not ***"
# How a run gets the value that it does not keep: arguments, and variables of the environment.
GIVEN = {
    "assigned": ([f"token={OTHER}"], {}),
    "by its variable": ([], {"TOKEN": OTHER}),
    "by its name": ([], {"token": OTHER}),
}
FAILING = "def f(x):\n    raise ValueError('refused: ' + x)\nif lr > 1:\n    f(token)"


@pytest.fixture(scope="module")
def made(shared: Project) -> Project:
    shared.notebook("nb.ipynb", *EVERYTHING, FAILING)
    shared.notebook("small.ipynb", "token = ''\nlr = 0.1", "print('it:', len(token), token, lr)")
    shared.notebook("several.ipynb", *SEVERAL)
    shared.guildfile(
        "train:\n  notebook: nb.ipynb\n  flags-import: all\n"
        "  flags:\n    token: {nb-secret: yes}\n    pin: {nb-secret: USER_PIN}\n"
        "several:\n  notebook: several.ipynb\n  nb-report: none\n"
        "  flags: {keys: {nb-secret: yes}, key: {nb-secret: yes}, t: {nb-secret: HUB},\n"
        "          pin: {nb-secret: yes}, ok: {nb-secret: yes}, lr: {nb-secret: no}}\n"
        "small:\n  notebook: small.ipynb\n  nb-report: none\n  flags-import: all\n"
        "  flags: {token: {nb-secret: yes}}\n"
        "pipeline:\n  flags: {token: {nb-secret: yes}}\n"
        "  steps:\n    - run: small\n      flags: {token: '${token}', lr: 7}\n"
    )
    shared.env["USERS_API_KEY"] = OF_THE_USER
    return shared


def test_a_value_reaches_the_kernel_and_nothing_that_is_written_nor_an_error_nor_a_report(
    made: Project,
):
    done = made.guild("run", "-y", "train", f"token={VALUE}", "pin=90817263545", "lr=2")
    assert done.status == 1
    assert "ValueError: refused: ***" in done.stderr
    assert f"digest {digest(VALUE)} {90817263545 % 97} 2\n" in done.stdout
    assert '*** \'***\' {"***": ["***"]} ***\n' in done.stdout
    assert leaks(made, done, values=(VALUE, "90817263545")) == []
    assert done.run.flags == {"token": "***", "pin": "***", "lr": 2}
    assert done.run.attr("label") == "lr=2 pin=*** token=***"
    source = done.run.sources("nb.ipynb")[0]
    assert 'token = __import__("os").environ["TOKEN"]\n' in source
    assert 'pin = int(__import__("os").environ["USER_PIN"])' in source
    assert "USERS_API_KEY" not in done.run.attr("env")
    outputs = json.dumps(done.run.notebook("nb.ipynb"))
    assert outputs.count("***") > 15


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["import os; os.write(2, token.encode()); os._exit(3)"], ["the kernel died"]),
        (
            [
                "import atexit, os, threading, time\nos.write(1, token.encode())",
                "threading.Thread(target=lambda: (time.sleep(0.3), print('t', token))).start()",
                "atexit.register(print, 'at exit', token)",
                "from IPython.utils.io import capture_output\nwith capture_output() as c:\n"
                "    print('captured', token)\nc.show()\nget_ipython().run_cell('1/0 # ' + token)",
                "print(token[:6], end='')\nfrom IPython.display import Image\n"
                "Image(__import__('base64').b64decode('iVBORw0KGgo='), format='png')",
                "print(token[6:])\nimport sys; sys.exit('left: ' + token)",
            ],
            ["t ***", "at exit ***", "captured ***", "1/0 # ***", "image saved", "left: ***"],
        ),
    ],
    ids=["killed", "exit"],
)
def test_a_value_is_hidden_however_a_notebook_ends(
    project: Project, cells: list[str], said: list[str]
):
    project.notebook("nb.ipynb", "token = ''", *cells)
    project.guildfile("a:\n  notebook: nb.ipynb\n  flags: {token: {nb-secret: yes}}\n")
    project.env["USERS_API_KEY"] = OF_THE_USER
    done = project.guild("run", "-y", "a", f"token={VALUE}")
    shown = done.stdout + done.stderr
    assert [text for text in said if text not in shown] == []
    assert leaks(project, done) == []


@pytest.fixture(scope="module")
def small(made: Project) -> Command:
    words = {"label": f"with {VALUE} {{lr}}", "tag": f"t-{VALUE}", "comment": f"about {VALUE}"}
    options = [word for name, text in words.items() for word in (f"--{name}", text)]
    return made.run("small", f"token={VALUE}", *options)


def test_words_of_the_command_that_hold_a_value_are_written_without_it(
    small: Command, made: Project
):
    assert small.run.attr("label").startswith("with ***")
    assert small.run.attr("tags") == ["t-***"]
    assert leaks(made, small) == []


def test_guild_asks_and_shows_without_the_value(small: Command, made: Project):
    asked = made.guild("run", "small", f"token={VALUE}", "--print-env")
    assert "FLAG_TOKEN='***'" in asked.stdout or "FLAG_TOKEN=***" in asked.stdout
    confirmed = made.guild("run", "small", f"token={VALUE}")
    assert "token: *** (string)" in confirmed.stdout + confirmed.stderr
    shown = [made.guild(*c.split(), small.run.id) for c in ("runs", "runs info", "cat --output")]
    assert leaks(made, asked, confirmed, *shown) == []


def test_a_run_made_from_another_needs_the_value_too(small: Command, made: Project):
    refused = made.guild("run", "-y", "--proto", small.run.id)
    assert refused.status == 1 and "needs its value" in refused.stderr
    assert leaks(made, refused) == []


@pytest.mark.parametrize("how", but_slow(GIVEN, "assigned"))
def test_a_run_made_from_another_takes_the_value(small: Command, made: Project, how: str):
    flags, variables = GIVEN[how]
    done = made.run("--proto", small.run.id, *flags, **variables)
    assert f"it: {len(OTHER)} ***" in done.stdout
    assert leaks(made, done) == []


def test_a_run_that_is_restarted_asks_for_its_value_and_loses_nothing(
    small: Command, made: Project
):
    run = small.run
    before = {path: path.read_bytes() for path in run.dir.glob("small.*")}
    done = made.guild("run", "-y", "--restart", run.id)
    assert done.status == 1
    line = done.stderr.strip().splitlines()[-1]
    assert "secret flag token needs its value" in line and "TOKEN" in line and "token=VALUE" in line
    refused = made.guild("run", "-y", "--restart", run.id, "lr=3")
    assert refused.status == 1 and "needs its value" in refused.stderr
    assert {path: path.read_bytes() for path in run.dir.glob("small.*")} == before
    assert leaks(made, done, refused) == []


@pytest.mark.parametrize("how", but_slow(GIVEN, "assigned"))
def test_a_run_that_is_restarted_takes_the_value(small: Command, made: Project, how: str):
    flags, variables = GIVEN[how]
    more = [] if how == "assigned" else ["lr=5"]
    done = made.run("--restart", small.run.id, *flags, *more, **variables)
    assert f"it: {len(OTHER)} *** {5 if more else 0.1}" in done.stdout
    assert leaks(made, done) == []


def test_a_staged_run_keeps_no_value_and_says_so(made: Project):
    staged = made.run("small", f"token={VALUE}", "--stage")
    assert "token is not kept in the staged run" in staged.stderr
    assert leaks(made, staged) == []
    done = made.run("--start", staged.run.id, token=OTHER)
    assert f"it: {len(OTHER)} ***" in done.stdout
    assert leaks(made, staged, done) == []


def test_a_queue_has_the_value_in_its_environment(made: Project):
    unsaid = made.run("small", "--stage", TOKEN=VALUE)
    assert "WARNING" not in unsaid.stderr
    assert leaks(made, unsaid) == []
    staged = unsaid.run
    queue = made.run("queue", "run-once=yes", TOKEN=OTHER)
    wait_for(lambda: staged.attr("exit_status") is not None)
    assert f"it: {len(OTHER)} ***" in staged.output
    assert leaks(made, queue) == []


def test_the_trials_of_a_batch_have_the_value(made: Project):
    done = made.run("small", f"token={VALUE}", "lr=[1,2]")
    trials = [run for run in done.runs if not (run.dir / ".guild/proto").exists()]
    assert [run.output.count(f"it: {len(VALUE)} ***") for run in trials] == [1, 1]
    assert {run.flags["token"] for run in trials} == {"***"}
    assert leaks(made, done) == []


@pytest.mark.slow  # on workers of a cluster it is in make test
def test_trials_that_are_staged_get_the_value_when_they_start(made: Project):
    done = made.run("small", f"token={VALUE}", "lr=[1,2]", "--stage-trials", TOKEN=OTHER)
    trials = [run for run in done.runs if not (run.dir / ".guild/proto").exists()]
    assert len(trials) == 2 and leaks(made, done) == []
    started = made.run("--start", trials[0].id, TOKEN=VALUE)
    assert f"it: {len(VALUE)} ***" in started.stdout
    assert leaks(made, started) == []


@pytest.mark.parametrize("how", but_slow(GIVEN, "assigned"))
def test_a_pipeline_hands_its_value_to_its_steps(made: Project, how: str):
    flags, variables = GIVEN[how]
    done = made.run("pipeline", *flags, **variables)
    assert f"it: {len(OTHER)} *** 7" in done.stdout
    assert leaks(made, done) == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (f"pin={VALUE}", REFUSED_PIN),
        pytest.param("pin=a", REFUSED_PIN, marks=pytest.mark.slow),
        pytest.param(f"token={{{OTHER}: 1}}", "not ***", marks=pytest.mark.slow),
        (f"token=[{OTHER},{OTHER}2]", "secret flag token takes one value for all trials"),
    ],
)
def test_a_value_that_is_refused_is_not_shown(made: Project, flags: str, said: str):
    done = made.guild("run", "-y", "train", flags)
    assert (done.status, done.run_dirs) == (1, [])
    assert said in done.stderr.strip().splitlines()[-1]
    assert leaks(made, done) == []


def test_what_guild_yml_demands_of_a_secret_is_checked_without_showing_it(project: Project):
    project.notebook("nb.ipynb", "pin = ''\nlr = 1", "print(pin[::-1], lr)")
    project.guildfile(
        "a:\n  notebook: nb.ipynb\n  nb-report: none\n  flags-import: all\n"
        f"  flags: {{pin: {{nb-secret: yes, required: yes, choices: [{OTHER}, other]}}}}\n"
        "b:\n  notebook: nb.ipynb\n  nb-report: none\n"
        "  flags: {pin: {nb-secret: yes, type: number}}\n"
    )
    missing = project.guild("run", "-y", "a")
    assert missing.status == 1 and "pin is required - set PIN" in missing.stderr
    for operation in ("a", "b"):
        done = project.guild("run", "-y", operation, f"pin={VALUE}")
        assert (done.status, done.run_dirs) == (1, [])
        assert "secret flag pin does not take this value" in done.stderr
        assert leaks(project, done, values=(VALUE,)) == []
    done = project.run("a", PIN=OTHER)
    assert done.stdout == f"{OTHER[::-1]} 1\n"
    assert "2\n" in project.run("--restart", done.run.id, "lr=2", PIN=OTHER).stdout


def test_a_batch_file_with_a_secret_is_refused(made: Project):
    made.file("trials.csv", f"token,lr\n{VALUE},1\n{OTHER},2\n")
    done = made.guild("run", "-y", "small", "@trials.csv")
    assert (done.status, done.run_dirs) == (1, [])
    assert "secret flag token takes one value" in done.stderr
    (made.dir / "trials.csv").unlink()


def test_a_secret_of_the_notebook_itself_is_warned_of_and_in_nothing_but_its_source(
    project: Project,
):
    cells = f"print(token)  # {OTHER}\nprint({OTHER!r})", f"# Refuses {OTHER}\n1 / 0"
    project.notebook("nb.ipynb", f"token = {OTHER!r}", *cells)
    project.guildfile(
        "a:\n  notebook: nb.ipynb\n  nb-allow-errors: yes\n  flags: {token: {nb-secret: yes}}\n"
    )
    shown = [project.guild("run", "a", "--help-op"), project.guild("operations")]
    done = project.run("a")
    assert "token in the 1st cell: its secret value stands in the notebook" in done.stderr
    assert "TOKEN" in done.stderr and done.stdout == "***\n***\n"
    assert {Path(path).relative_to(done.run.dir).as_posix() for path, _ in leaks(project)} == {
        ".guild/sourcecode/nb.ipynb"
    }
    assert leaks(Project(project.dir, project.dir / "none"), done, *shown) == []
    given = project.run("--restart", done.run.id, f"token={VALUE}")
    assert given.stdout.startswith("***\n")


def test_without_nb_secret_the_warning_names_it(project: Project):
    project.notebook("nb.ipynb", "token = 'abc'")
    staged = project.run("nb.ipynb", "--stage")
    assert "say 'nb-secret: yes' for this flag in guild.yml" in staged.stderr


@pytest.mark.parametrize("restarted", but_slow([False, True], False))
def test_values_keep_their_types(project: Project, restarted: bool):
    project.notebook(
        "nb.ipynb",
        code("n = 1 #@param {type: 'integer'}\nf = 0.5 #@param {type: 'number'}\n"
             "r = 1 + 1 #@param {type: 'raw'}\ns = '' #@param {type: 'string'}\n"
             "ok = True #@param {type: 'boolean'}"),
        "print([type(v).__name__ for v in (n, f, r, s, ok)], r == max(12345, 3), ok)",
    )  # fmt: skip
    flags = ", ".join(f"{name}: {{nb-secret: yes}}" for name in ("n", "f", "r", "s", "ok"))
    project.guildfile(f"a:\n  notebook: nb.ipynb\n  nb-report: none\n  flags: {{{flags}}}\n")
    values = {"n": "12345", "f": "0.25", "r": "max(12345, 3)", "s": "0123", "ok": "no"}
    arguments = ["a"]
    said = "['int', 'float', 'int', 'str', 'bool'] True False\n"
    if restarted:
        assigned = project.run("a", *(f"{name}={value}" for name, value in values.items()))
        assert assigned.stdout == said
        arguments = ["--restart", assigned.run.id]
    named = project.run(*arguments, **{name.upper(): value for name, value in values.items()})
    assert named.stdout == said


@pytest.fixture(scope="module")
def several(made: Project) -> Command:
    flags = [f"keys=first-key {OTHER}", f"t={OTHER}", "pin=7", "ok=no", "lr=12345"]
    return made.run("several", *flags, KEY=KEY)


def test_a_list_is_one_secret_value(several: Command, made: Project):
    assert several.stdout.startswith(f"2 {OTHER[::-1]} ['***']\n")
    assert leaks(made, several) == []


def test_a_key_of_several_lines_is_masked_line_by_line(several: Command):
    assert f"\n***\n{len(KEY)}\nb'***" in several.stdout


def test_a_notebook_may_read_its_variable_itself(several: Command):
    assert f"\n*** {OTHER[::-1]}\n" in several.stdout
    warned = [line for line in several.stderr.splitlines() if "WARNING" in line]
    assert len(warned) == 3 and [line for line in warned if re.search(r"\bt\b", line)] == []


def test_a_value_too_short_to_be_masked_is_said_once_and_kept_out_of_the_rest(several: Command):
    assert "\nis 7 of 7 7 False\n" in several.stdout
    assert several.stderr.count("not masked") == 1 and "flag pin" in several.stderr
    assert {several.run.flags[name] for name in ("pin", "ok")} == {"***"}
    assert "pin = 7" not in several.run.sources("several.ipynb")[0]


def test_a_flag_that_is_said_to_be_no_secret_is_none(several: Command):
    assert several.stdout.endswith("\nlr 12345\n") and several.run.flags["lr"] == 12345


def test_a_shell_reads_its_secret_from_the_environment(project: Project):
    cells = "token=x", 'echo "${#token} $token"'
    project.notebook("nb.ipynb", *cells, metadata=project.bash_kernel())
    project.guildfile(
        "a:\n  notebook: nb.ipynb\n  nb-report: none\n  flags: {token: {nb-secret: yes}}\n"
    )
    done = project.run("a", f"token={OTHER}")
    assert done.stdout == f"{len(OTHER)} ***\n"
    assert leaks(project, done) == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("{token: {nb-secret: maybe}}", "flag token: 'nb-secret' takes yes, no, or the name of"),
        ("{token: {nb-secert: yes}}", "unknown attribute 'nb-secert' - did you mean 'nb-secret'?"),
        pytest.param(
            "{token: {nb-x: yes}}",
            "unknown attribute 'nb-x' - there are nb-replace, nb-secret",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_wrong_setting_is_one_line(project: Project, flags: str, said: str):
    project.notebook("nb.ipynb", "token = ''\nlr = 1")
    project.guildfile(f"a:\n  notebook: nb.ipynb\n  nb-report: none\n  flags: {flags}\n")
    done = project.guild("run", "-y", "a")
    assert (done.status, done.run_dirs) == (1, [])
    assert len(done.stderr.strip().splitlines()) == 1 and said in done.stderr
    assert "operation 'a'" in done.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"token": "maybe"}, "flag token: 'nb-secret' takes yes, no, or the name of"),
        ({"token": 3}, "flag token: 'nb-secret' takes yes, no, or the name of"),
        ({"token": "lower_case"}, "flag token: 'nb-secret' takes yes, no, or the name of"),
        ({"token": "A", "lr": "A"}, "flags token and lr have the same"),
        ({"token": "yes", "lr": "TOKEN"}, "flags token and lr have the same"),
    ],
)
def test_a_setting_that_names_no_variable_of_its_own_is_refused(flags: dict, said: str):
    with pytest.raises(OptionError, match="operation 'a'.*" + re.escape(said)):
        settings.variables({name: {"nb-secret": value} for name, value in flags.items()},
                           "operation 'a'")  # fmt: skip


def test_a_secret_of_guild_yml_is_warned_of_and_one_of_another_operation_refused(project: Project):
    project.notebook("nb.ipynb", "token = ''", "print(token)")
    project.file("a.py", "token = ''")
    project.guildfile(
        "a:\n  notebook: nb.ipynb\n  nb-report: none\n"
        f"  flags: {{token: {{nb-secret: yes, default: {OTHER}}}}}\n"
        "b:\n  main: a\n  flags: {token: {nb-secret: yes}}\n"
    )
    done = project.run("a")
    assert "token: its value stands in guild.yml" in done.stderr and done.stdout == "***\n"
    assert {Path(path).name for path, _ in leaks(project, done)} <= {"guild.yml"}
    refused = project.guild("run", "-y", "b", f"token={VALUE}")
    assert (refused.status, refused.run_dirs) == (1, [])
    assert "nb-secret is for notebooks" in refused.stderr


def test_a_run_from_before_nb_secret_is_restarted_without_its_value(project: Project):
    project.notebook("nb.ipynb", "token = ''\nlr = 1", "print(len(token), token, lr)")
    project.guildfile("a:\n  notebook: nb.ipynb\n  nb-report: none\n  flags-import: all\n")
    run = project.run("a", f"token={VALUE}").run
    project.guildfile(
        "a:\n  notebook: nb.ipynb\n  nb-report: none\n"
        "  flags-import: all\n  flags: {token: {nb-secret: yes}}\n"
    )
    done = project.run("--restart", run.id, "lr=2")
    assert done.stdout == f"{len(VALUE)} *** 2\n"
    assert Run(run.dir).flags["token"] == "***"
    assert leaks(project, done) == []


def test_a_preview_shows_no_value_of_what_is_named_like_a_secret(made: Project):
    import subprocess
    import sys

    for args in ([f"token={VALUE}"], [f"token=[{OTHER},b]"], [f"token={{{OTHER}: 1}}"]):
        command = [sys.executable, "-m", "guild_notebook.cli", "preview", "nb.ipynb", *args]
        shown = subprocess.run(command, cwd=made.dir, capture_output=True, text=True)
        done = Command(shown.stdout, shown.stderr, shown.returncode)
        assert "***" in shown.stdout + shown.stderr
        assert leaks(Project(made.dir, made.dir / "none"), done) == []


@pytest.mark.parametrize(
    ("language", "default", "value", "expected", "text"),
    [
        ("r", '"a"', "x y", 'Sys.getenv("KEY")', "x y"),
        ("r", "5L", 7, 'as.integer(Sys.getenv("KEY"))', "7"),
        ("r", "5", 7, 'as.numeric(Sys.getenv("KEY"))', "7"),
        ("r", "TRUE", False, 'as.logical(Sys.getenv("KEY"))', "false"),
        ("r", "c(1)", [1, 2], 'eval(parse(text = Sys.getenv("KEY")))', "c(1, 2)"),
        ("julia", '"a"', "x", 'ENV["KEY"]', "x"),
        ("julia", "1", 7, 'parse(Int, ENV["KEY"])', "7"),
        ("julia", "1.5", 0.5, 'parse(Float64, ENV["KEY"])', "0.5"),
        ("julia", "true", True, 'parse(Bool, ENV["KEY"])', "true"),
        ("julia", "[1]", [1], 'eval(Meta.parse(ENV["KEY"]))', "[1]"),
        ("bash", "a", "x", '"${KEY}"', "x"),
        ("python", "1", float("inf"), 'float(__import__("os").environ["KEY"])', "inf"),
        ("python", "f()", Code("g(1)"), 'eval(__import__("os").environ["KEY"])', "g(1)"),
        ("python", "{}", {"a": 1}, 'eval(__import__("os").environ["KEY"])', "{'a': 1}"),
    ],
)
def test_each_language_reads_the_environment(language, default, value, expected, text):
    flag = Flag("key", "assign", None, None, default, (Site(0, 0, 1),), language=language,
                secret="KEY")  # fmt: skip
    assert source_text(flag, value) == expected
    assert environment_text(flag, value) == text
