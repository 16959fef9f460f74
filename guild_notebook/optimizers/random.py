"""Random search: Guild's ``random``, also where ``a=[0.0:1.0]`` stands without an optimizer."""

from __future__ import annotations

from . import guild_module, run

_guild = guild_module("guild.plugins.random_main")
main = _guild.main
gen_trials = _guild.gen_trials

if __name__ == "__main__":
    run(main)
