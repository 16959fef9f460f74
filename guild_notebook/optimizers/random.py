"""Random search: Guild's ``random``, also where ``a=[0.0:1.0]`` stands without an optimizer."""

from __future__ import annotations

from ..compat import skopt

_guild = skopt.guild_main("guild.plugins.random_main")
main = _guild.main
gen_trials = _guild.gen_trials

if __name__ == "__main__":
    skopt.run(main)
