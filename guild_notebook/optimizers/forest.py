"""Sequential optimization with decision trees: Guild's ``forest``."""

from __future__ import annotations

from guild_notebook.optimizers import shims

_guild = shims.guild_main("guild.plugins.skopt_forest_main")
main = _guild.main
gen_trials = _guild.gen_trials

if __name__ == "__main__":
    shims.run(main)
