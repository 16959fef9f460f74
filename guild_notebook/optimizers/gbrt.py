"""Sequential optimization with gradient boosted regression trees: Guild's ``gbrt``."""

from __future__ import annotations

from . import guild_module, run

_guild = guild_module("guild.plugins.skopt_gbrt_main")
main = _guild.main
gen_trials = _guild.gen_trials

if __name__ == "__main__":
    run(main)
