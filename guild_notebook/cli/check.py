"""``guild-notebook check``: what would go wrong in a run of a notebook; executes nothing."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Generator, Sequence

from ..analysis import checks
from ..analysis.findings import ERROR, LEVELS, NOTE, Finding
from ..document.reader import Notebook
from ..errors import KernelError
from ..flags import languages
from ..flags.discover import Discovered

_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


def lines(nb: Notebook, found: Discovered, form: str) -> Generator[str, None, int]:
    """What there is to say of a notebook, in the ``form`` "text", "json" or "github"; returns 1
    where there are errors or warnings, else 0."""
    folder = os.path.dirname(os.path.abspath(nb.path))
    kernel = _Kernel(nb, folder)
    findings = checks.findings(nb, found, [os.getcwd(), folder], kernel.lacking)
    findings = [*kernel.findings, *findings]
    if form == "json":
        yield json.dumps({"notebook": nb.path, "findings": list(map(dataclasses.asdict, findings))})
    elif form == "github":
        yield from (_annotation(nb, each) for each in findings)
    else:
        yield from (_line(nb, each) for each in findings)
        yield _summary(findings)
    return int(any(each.level != NOTE for each in findings))


class _Kernel:
    """The kernel of a notebook: what there is to say of it is among its ``findings``."""

    def __init__(self, nb: Notebook, folder: str) -> None:
        self._nb = nb
        self._folder = folder
        self.findings: list[Finding] = []

    def lacking(self, modules: Sequence[str]) -> dict[str, str]:
        """Which modules it does not have, each with what to do about it."""
        from ..kernels.modules import lacking

        language = languages.name_of(self._nb)
        try:
            found = lacking(None, self._nb.kernel_name, language, self._folder, modules)
        except KernelError as e:
            self.findings.append(Finding(0, 1, 1, "missing-kernel", ERROR, str(e)))
            return {}
        if found.why:
            text = f"imports are not checked: {found.why}"
            self.findings.append(Finding(0, 1, 1, "not-read", NOTE, text))
        texts = {}
        for module, lacks in found.modules.items():
            command = found.install(module)
            how = f"install it there: {command}" if command else "import what it has"
            texts[module] = f"the kernel's Python, {found.python}, has no module '{lacks}' - {how}"
        return texts


def _line(nb: Notebook, each: Finding) -> str:
    place = f"{nb.path}:cell {each.cell + 1}:{each.line}:{each.column}"
    return f"{place}: {each.level}: {each.text} ({each.rule})"


def _summary(findings: Sequence[Finding]) -> str:
    said = [level for each in LEVELS if (level := _counted(findings, each))]
    return ", ".join(said) or "nothing is found that would go wrong in a run"


def _counted(findings: Sequence[Finding], level: str) -> str:
    number = sum(each.level == level for each in findings)
    return f"{number} {level}{'s' * (number != 1)}" if number else ""


def _annotation(nb: Notebook, each: Finding) -> str:
    """A command of a GitHub workflow, which shows what is found at the file."""
    text = each.text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    path = nb.path.replace("%", "%25").replace(",", "%2C").replace(":", "%3A")
    return f"::{_GITHUB[each.level]} file={path},title={each.rule}::{text}"
