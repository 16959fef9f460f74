"""Lists of what Guild's guild.yml may have, held against Guild itself: a new one may have more."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from guild import guildfile, op_util

from guild_notebook.plugin import attributes, flagdefs


class Asked(dict[str, Any]):
    """The attributes of an operation, which notes those that it is asked for."""

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__(data)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)


def opdef_in(folder: Path) -> Any:
    (folder / "guild.yml").write_text("train:\n  main: train\n")
    return guildfile.for_dir(str(folder)).default_model.get_operation("train")


def test_the_attributes_of_operations_are_those_that_guild_asks_for(tmp_path: Path):
    asked = Asked({"main": "train"})
    guildfile.OpDef("train", asked, opdef_in(tmp_path).modeldef)
    assert asked.names == set(attributes.OF_GUILD)


def test_the_attributes_of_flags_are_those_that_guild_keeps(tmp_path: Path):
    kept = vars(guildfile.FlagDef("lr", {}, opdef_in(tmp_path)))
    names = {name.replace("_", "-") for name in kept} - {"name", "opdef", "extra"}
    assert names == set(flagdefs.OF_GUILD)


def test_guild_takes_each_attribute_of_a_flag_for_its_own(tmp_path: Path):
    values: dict[str, Any] = dict.fromkeys(flagdefs.OF_GUILD)
    assert guildfile.FlagDef("lr", values, opdef_in(tmp_path)).extra.keys() <= {"distribution"}


def test_the_types_of_flags_are_those_that_guild_knows():
    source = inspect.getsource(op_util._coerce_typed_flag_value)
    compared = "".join(re.findall(r"flagdef\.type (?:==|in) (.*):", source))
    assert {*re.findall(r'"([\w-]+)"', compared), "auto"} == set(flagdefs.TYPES)
