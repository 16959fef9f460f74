"""What the tests of faults measure, for the table that ``make faults`` prints."""

from __future__ import annotations

import json
import os


def figure(name: str, value: str, demand: str = "") -> None:
    """Note one figure and what was demanded of it, where ``FAULTS_FIGURES`` names a file."""
    path = os.environ.get("FAULTS_FIGURES")
    if path:
        with open(path, "a", encoding="utf-8") as f:
            f.write(json.dumps({"name": name, "value": value, "demand": demand}) + "\n")
