"""The lines of guild.yml that bring a file into a run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from guild_notebook.plugin import not_copied
from tests.helpers.growth import check_growth


def test_aliases_in_guild_yml_are_looked_into_once(tmp_path: Path):
    def opdef_in(count: int) -> SimpleNamespace:
        lines = [f"x{i}: &x{i} {{a: *x{i - 1}, b: *x{i - 1}}}" for i in range(1, count)]
        path = tmp_path / f"{count}.yml"
        path.write_text("\n".join(["x0: &x0 {a: 1}", *lines, "train: {notebook: train.ipynb}"]))
        return SimpleNamespace(guildfile=SimpleNamespace(src=str(path)))

    found = not_copied._attributes(opdef_in(3), "train")
    assert [(key.value, value.value) for key, value in found.value] == [("notebook", "train.ipynb")]
    check_growth(lambda opdef: not_copied._attributes(opdef, "none"), opdef_in, 3)
