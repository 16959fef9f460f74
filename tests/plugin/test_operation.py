"""What is said of an operation before it has a run, and what Guild's definitions are meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from guild import guildfile

from guild_notebook.errors import FlagError
from guild_notebook.plugin import flagdefs, operation
from guild_notebook.plugin.checks import Checks
from guild_notebook.plugin.pending_operation import PendingOperation
from tests.helpers.project import Project, code


@pytest.fixture
def opdef(project: Project) -> Any:
    """An operation with a number of 0 to 1, and a secret of which guild.yml says that it is one of
    two."""
    form = code('lr = 0.5 #@param {type: "slider", min: 0, max: 1, step: 0.1}\npin = ""')
    project.notebook("nb.ipynb", form)
    flags = {"lr": {}, "pin": {"nb-secret": True, "required": True, "choices": ["one", "two"]}}
    data = [{"model": "", "operations": {"train": {"notebook": "nb.ipynb", "flags": flags}}}]
    gf = guildfile.Guildfile(data, dir=str(project.dir))
    opdef = gf.models[""].get_operation("train")
    path = str(Path(project.dir, "nb.ipynb"))
    flagdefs.merge(opdef, flagdefs.flag_data(opdef, path, path))
    return opdef


def demands(opdef: Any) -> dict[str, tuple[Any, ...]]:
    return {
        flag.name: (flag.type, len(flag.choices), flag.min, flag.max, flag.required)
        for flag in opdef.flags
    }


def pending_operation(opdef: Any) -> PendingOperation:
    spec = operation.spec_for_opdef(opdef)
    assert spec is not None
    return PendingOperation(opdef, spec)


def guild_operation(opdef: Any, **values: Any) -> Any:
    """As much of Guild's operation as the plugin reads (guild/commands/run_impl.py)."""
    return SimpleNamespace(
        _opdef=opdef, _op_flag_vals=values, _user_flag_vals=dict(values), _batch_trials=None,
        _flags_extra={},
        _run=None, _label_template=None, _comment=None, _tags=[], run_attrs={}, cmd_env={},
    )  # fmt: skip


def test_guilds_definitions_demand_nothing_until_the_values_are_settled(opdef: Any):
    before = demands(opdef)
    assert before == {
        "lr": ("number", 0, 0, 1, False),
        "pin": (before["pin"][0], 2, None, None, True),
    }
    pending = pending_operation(opdef)
    nothing = (None, 0, None, None, False)
    assert demands(opdef) == {"lr": nothing, "pin": nothing}
    op = guild_operation(opdef, lr=0.1, pin="two")
    assert pending.settle_values(op) == []
    assert demands(opdef) == before
    assert op._op_flag_vals == {"lr": 0.1, "pin": "***"}
    pending.secrets.set_environment({}, op)
    assert op.cmd_env == {"GUILD_SECRET_PIN": "two\n...\n"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lr": 5, "pin": "one"}, "flag lr in the 1st cell"),
        ({"lr": 0.1, "pin": "three"}, "secret flag pin"),
        ({"lr": 0.1, "pin": [1, 2]}, "takes one value for all trials"),
    ],
)
def test_they_are_restored_where_a_value_is_refused(opdef: Any, values: Any, said: str):
    before = demands(opdef)
    with pytest.raises(FlagError) as raised:
        pending_operation(opdef).settle_values(guild_operation(opdef, **values))
    assert said in str(raised.value)
    assert demands(opdef) == before


def test_they_are_restored_where_guild_ends_in_between(opdef: Any):
    before = demands(opdef)
    pending_operation(opdef).restore_flagdefs()
    assert demands(opdef) == before


@pytest.mark.parametrize("space", ["[0:1]", "uniform[0:1]"])
def test_the_search_space_of_a_field_of_any_type_is_left_to_guild(project: Project, space: str):
    path = project.notebook("nb.ipynb", code('on = True #@param {type: "boolean"}'))
    operations = {"train": {"notebook": "nb.ipynb", "flags-import": "all"}}
    gf = guildfile.Guildfile([{"model": "", "operations": operations}], dir=str(project.dir))
    opdef = gf.models[""].get_operation("train")
    flagdefs.merge(opdef, flagdefs.flag_data(opdef, str(path), "n"))
    nb, found = flagdefs.discovered(opdef, str(path), "nb.ipynb")
    values = {"on": space}
    Checks(opdef, found, nb).check(values)
    assert values == {"on": space}


def test_a_cache_of_flags_that_holds_something_else_is_made_anew(project: Project):
    project.notebook("nb.ipynb", "lr = 0.5")
    first = project.guild("run", "nb.ipynb", "--help-op")
    assert "lr" in first.stdout and first.status == 0
    (cached,) = (project.home / "cache" / "notebook-flags").iterdir()
    for content in ["[]", "null", "{", "", '{"lr": 5}', "[" * 100_000]:
        cached.write_text(content)
        again = project.guild("run", "nb.ipynb", "--help-op")
        assert (again.stdout, again.status) == (first.stdout, 0)


def test_the_cache_of_flags_keeps_what_was_used_last(project: Project) -> None:
    project.notebook("nb.ipynb", "lr = 0.5")
    project.guild("run", "nb.ipynb", "--help-op")
    cache = project.home / "cache" / "notebook-flags"
    (own,) = cache.iterdir()
    for number in range(600):  # each a second younger than the one before; two are large
        path = cache / f"{number:064x}"
        path.write_bytes(b"x" * (9_000_000 if number in (300, 560) else 1))
        os.utime(path, (number + 10, number + 10))
    os.utime(own, (0, 0))
    project.guild("run", "nb.ipynb", "--help-op")  # from the cache
    project.notebook("other.ipynb", "lr = 0.25")
    assert "lr" in project.guild("run", "other.ipynb", "--help-op").stdout
    kept = {path.name for path in cache.iterdir()}
    assert own.name in kept
    assert len(kept) == 500
    assert kept >= {f"{number:064x}" for number in range(102, 600)}

    (cache / "large").write_bytes(b"x" * 5_000_000)
    project.notebook("third.ipynb", "lr = 0.125")
    project.guild("run", "third.ipynb", "--help-op")
    sizes = [path.stat().st_size for path in cache.iterdir()]
    assert sum(sizes) <= 20_000_000
    assert (cache / "large").exists() and not (cache / f"{300:064x}").exists()


def test_processes_that_use_and_prune_one_cache_do_not_disturb_each_other(project: Project) -> None:
    path = project.notebook("nb.ipynb", "lr = 0.5")
    code = """if True:
        import sys
        from guild import config, guildfile
        from guild_notebook.plugin import flagdefs
        flagdefs.MOST_FILES = 3
        for number in range(150):
            flags = {f"x{number % 7}": {}, "lr": {}}
            data = [{"model": "", "operations": {"t": {"notebook": "nb.ipynb", "flags": flags}}}]
            gf = guildfile.Guildfile(data, dir=sys.argv[1])
            opdef = gf.models[""].get_operation("t")
            assert flagdefs.flag_data(opdef, sys.argv[2], "n")["lr"]["default"] == 0.5
        """
    env = {**os.environ, "GUILD_HOME": str(project.home)}
    command = [sys.executable, "-c", code, str(project.dir), str(path)]
    processes = [
        subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate()[1] for process in processes] == ["", "", ""]
    assert len(list((project.home / "cache" / "notebook-flags").iterdir())) <= 3
