"""Bayesian optimization with Gaussian processes: Guild's ``gp``."""

from __future__ import annotations

from . import guild_module, run

_guild = guild_module("guild.plugins.skopt_gp_main")
main = _guild.main
gen_trials = _guild.gen_trials

if __name__ == "__main__":
    run(main)
