"""Prints how much of the Colab form grammar the tests cover, in two lines."""

from __future__ import annotations

from collections import Counter

from tests.helpers.grammar import ROWS


def pytest_terminal_summary(terminalreporter):
    outcomes = Counter(
        (dict(report.user_properties)["grammar"], outcome)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if "grammar" in dict(getattr(report, "user_properties", ()))
    )
    if not outcomes:
        return
    passed = sum(n for (_kind, outcome), n in outcomes.items() if outcome == "passed")
    kinds = (f"{kind} {outcome} {n}" for (kind, outcome), n in sorted(outcomes.items()))
    write = terminalreporter.write_line
    write(f"Colab form grammar: {passed} of {len(ROWS)} constructs are read as they must be")
    write(f"Colab form grammar by kind: {', '.join(kinds)}")
