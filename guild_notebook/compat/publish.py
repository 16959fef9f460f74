"""``guild publish`` links the notebook, the report and the sources of a run, by links that work.

Its page of a run (guild/templates/publish-default) links source code by its path in the run, and
copies what is below the folder of source code by its path there (guild/publish.py:455): where that
is not the run itself, as for notebooks and with ``sourcecode: {dest: src}``, no link leads to a
file. Names with blanks or brackets make no link.
"""

from __future__ import annotations

import csv
import functools
import os
from pathlib import Path
from typing import Any

_TEMPLATE = Path(__file__).with_name("published")

_STORED = os.path.join(".guild", "sourcecode", "")
"""Where a run keeps the source of its notebook, whose place the executed one takes
(run/record/source_files.py)."""


def publish_with_links(publish: Any) -> None:
    """Use the template beside this module in place of Guild's default one, which it extends: it
    begins with links to notebooks and reports. Copy source code to where the links lead. Needless
    when Guild's links are escaped and lead to what it copies.
    """
    default_template = publish._default_template

    @functools.wraps(default_template)
    def own_template(name: str) -> Any:
        return default_template(name) and str(_TEMPLATE)

    def write_sourcecode_csv(run: Any, md5s: bool, out: Any) -> None:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["path", "type", "size", "mtime", "md5"])
        paths = publish.run_util.sourcecode_files(run)
        for path in publish.util.natsorted(paths, key=_published):
            file = os.path.join(run.dir, path)
            writer.writerow(publish._file_csv_row(_published(path), file, md5s))

    def copy_sourcecode(state: Any) -> None:
        for path in publish.run_util.sourcecode_files(state.run):
            file = os.path.join(state.run.dir, path)
            is_inside = not os.path.isabs(path) and os.pardir not in Path(path).parts
            if is_inside and os.path.isfile(file):
                copy = os.path.join(publish._sourcecode_dest(state), _published(path))
                publish.util.ensure_dir(os.path.dirname(copy))
                publish.util._try_copy_file(file, copy)

    publish._default_template = own_template
    publish._write_sourcecode_csv = write_sourcecode_csv
    publish._copy_sourcecode = copy_sourcecode


def _published(path: str) -> str:
    return path[len(_STORED) :] if path.startswith(_STORED) else path
