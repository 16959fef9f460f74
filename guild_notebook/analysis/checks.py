"""All that there is to say of a notebook before it runs: the rules together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..document import states
from ..document.reader import Notebook
from ..flags import languages
from ..flags.discover import Discovered
from ..flags.sources import parameters
from . import blocks, flag_rules, imports, interaction, names, order, paths
from .events import with_events
from .findings import NOTE, Finding


@dataclass
class Checked:
    """A notebook that is checked, with its flags. ``sources`` are the cells that the values of the
    run change, by their indexes, ``given`` the names of the flags that these are of. ``folders``
    are those from which cells import modules of their own, that in which they work first.
    ``startup`` is code that the kernel executes before. ``skip_tags`` and ``until`` say which cells
    run: those with the ``indexes``. ``project`` is where the notebook lies, None where its paths
    are not looked at."""

    notebook: Notebook
    found: Discovered
    folders: Sequence[str] = ()
    sources: Mapping[int, str] = field(default_factory=dict)
    given: Collection[str] = ()
    startup: str = ""
    skip_tags: Sequence[str] = ()
    until: str | None = None
    project: paths.Project | None = None

    def __post_init__(self) -> None:
        kept = parameters.kept_cells(self.notebook)
        self.indexes = states.indexes_to_run(kept, self.skip_tags, self.until)


def findings(checked: Checked, lacking: imports.Lacking) -> list[Finding]:
    """What all rules find in a notebook, in the order of its cells. ``lacking`` says which modules
    are not there; it is always asked, also for none, since it knows whether the kernel is there."""
    each = set(_findings(checked, lacking))
    return sorted(each, key=lambda finding: (finding.place, finding.text))


def _findings(checked: Checked, lacking: imports.Lacking) -> Iterator[Finding]:
    notebook = checked.notebook
    yield from flag_rules.findings(notebook, checked.found, checked.given)
    language = languages.name_of(notebook)
    if language != "python":
        text = f"the cells are written in {language}, of which only the flags are read"
        yield Finding(0, 1, 1, "not-read", NOTE, text)
        lacking([])
        return
    read = with_events(blocks.read(notebook, checked.indexes, checked.sources))
    known = names.names(notebook, read, checked.startup)
    yield from names.findings(known)
    yield from imports.findings(notebook, known, checked.folders, lacking)
    yield from order.findings(notebook, read)
    yield from interaction.findings(read, known.calls)
    if checked.project:
        yield from paths.findings(read, checked.project)
