"""Sequential optimization with decision trees: Guild's ``forest``."""

from __future__ import annotations

from ..compat import skopt

_guild = skopt.guild_main("guild.plugins.skopt_forest_main")
main = _guild.main
gen_trials = _guild.gen_trials

if __name__ == "__main__":
    skopt.run(main)
