"""Sequential optimization with gradient boosted regression trees: Guild's ``gbrt``."""

from __future__ import annotations

from ..compat import skopt

_guild = skopt.guild_main("guild.plugins.skopt_gbrt_main")
main = _guild.main
gen_trials = _guild.gen_trials

if __name__ == "__main__":
    skopt.run(main)
