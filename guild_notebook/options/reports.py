"""The option ``nb-report``: which reports a run makes, and how."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import nearest, shown
from . import readers
from .readers import Option

HTML = "html"
HTML_NO_INPUT = "html-no-input"
SANITIZED = "sanitized"
OWN_REPORTS = (HTML, HTML_NO_INPUT, SANITIZED)
"""The reports that this package makes itself; others are exporters of nbconvert."""

OF_NBCONVERT = "nbconvert:"  # before an exporter that has the name of one of OWN_REPORTS

Reports = dict[str, dict[str, Any]]
"""The options of each report that are given, by the report's name, in the order of the names."""


class PartError(ValueError):
    """What is wrong with a part of an option's value, with all that is to be said of it."""


@dataclass(frozen=True)
class ReportOption(Option):
    """One option of the reports that have the names ``of``, "" standing for nbconvert's."""

    of: tuple[str, ...] = OWN_REPORTS

    def is_of(self, report: str) -> bool:
        return (report if report in OWN_REPORTS else "") in self.of


REPORT_OPTIONS = (
    ReportOption(
        "code",
        "shown|folded|none",
        "shown",
        "the code of cells: shown, behind a line that opens it, or not in the report",
        readers.one_of("shown", "folded", "none"),
        of=(HTML, SANITIZED),
    ),
    ReportOption(
        "outputs",
        "shown|folded",
        "shown",
        "what cells print and show, or a line that opens it",
        readers.one_of("shown", "folded"),
    ),
    ReportOption(
        "contents", "yes|no", True, "headings and named cells at the side", readers.yes_or_no
    ),
    ReportOption(
        "header", "yes|no", True, "what there is to say of the run, above", readers.yes_or_no
    ),
    ReportOption(
        "network",
        "yes|no",
        False,
        "the page loads what its outputs ask other hosts for",
        readers.yes_or_no,
        of=(HTML, HTML_NO_INPUT),
    ),
    ReportOption(
        "template", "NAME", None, "the template in place of the exporter's", readers.name, ("",)
    ),
)


@dataclass(frozen=True)
class ReportOptions:
    """The values of REPORT_OPTIONS for a report of OWN_REPORTS."""

    code: str = "shown"
    outputs: str = "shown"
    contents: bool = True
    header: bool = True
    network: bool = False

    @classmethod
    def of(cls, report: str, given: Mapping[str, Any]) -> ReportOptions:
        return cls(**{**({"code": "none"} if report == HTML_NO_INPUT else {}), **given})


def read_reports(value: Any) -> Reports:
    """The value of the option. Raises ValueError, as PartError what has a part of it."""
    # YAML reads a bare `no` or `off` as false: it means no report.
    if value is False or value is None:
        return {}
    if isinstance(value, str) and ("{" in value or value.lstrip()[:1] == "["):
        value = _from_yaml(value)
    parts = value if isinstance(value, list) else [value]
    found: Reports = {}
    for part in parts:
        part = "none" if part is False else part
        given = part if isinstance(part, dict) else dict.fromkeys(readers.names(part))
        for key, report_options in given.items():
            name = "none" if key is False else readers.name(shown(key))
            found.setdefault(name, {}).update(_report_options(name, report_options))
    return {name: given for name, given in found.items() if name not in ("none", "no", "off")}


def _from_yaml(text: str) -> Any:
    with contextlib.suppress(ValueError):
        return json.loads(text)  # as it is recorded
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        said = f"cannot be read: {getattr(e, 'problem', e)}"
        raise PartError(f"{said} - write it as {{html: {{code: folded}}}}") from e


def _report_options(name: str, given: Any) -> dict[str, Any]:
    """The options of a report, as the run uses them."""
    known = {row.name: row for row in REPORT_OPTIONS}
    rows = {key: row for key, row in known.items() if row.is_of(name)}
    if given is None:
        return {}
    if not isinstance(given, dict):
        first = f"{next(iter(rows))}: {next(iter(rows.values())).takes.partition('|')[0]}"
        raise PartError(f"{name} takes options, like {{{first}}}, not '{shown(given)}'")
    result = {}
    for key, value in given.items():
        if key not in rows:
            hint = f"there are {', '.join(rows)}"
            if near := "" if key in known else nearest(shown(key), rows):
                hint = f"did you mean '{near}'?"
            elif name == HTML and key in known:
                hint = f"nbconvert's page, {OF_NBCONVERT}{HTML}, has it"
            elif name not in OWN_REPORTS and key in known:
                having = [of for of in OWN_REPORTS if known[key].is_of(of)]
                near = nearest(name, having)
                hint = f"did you mean '{near}'?" if near else f"{', '.join(having)} have it"
            raise PartError(f"{name} has no option '{shown(key)}' - {hint}")
        try:
            result[key] = rows[key].read(value)
        except ValueError as e:
            raise PartError(f"'{key}' of {name} {e}, not '{shown(value)}'") from None
    return result
