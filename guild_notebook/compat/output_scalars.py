"""The output scalars of ``nb-scalars``, which Guild finds with regular expressions only.

Guild compiles each pattern of an operation and asks it for matches in each line
(guild/summary.py:330, _match_line). In place of the pattern that is marked as that of ``nb-scalars:
text`` it gets an object that reads more than an expression can, also for ``--test-output-scalars``.
Needless when Guild takes functions for patterns.
"""

from __future__ import annotations

import functools
import io
import itertools
import logging
import os
import re
from collections.abc import Iterator
from typing import Any

from ..scalars import compiled
from ..scalars.patterns import LINES, TEXT, are_lines
from ..texts import cut
from .scalar_files import OutputWriter

log = logging.getLogger("guild")
READ_BYTES = 1 << 16  # of the end of a run's output in which what looks like a scalar is looked for
MOST_COUNTED = 100  # lines that look like a scalar, after which no more are looked for
LONGEST_EXAMPLE = 60  # characters of the line that is named as an example


_LIKELY = re.compile(
    rb"^(?!\[\d+/\d+\] )[^\n]*?"  # a line that is not of a cell's end
    rb"(?:(?:[^\d\n]\d?|\s)[:=]\*{0,2}\s*['\"]?[-+.\dniNIta]|\w [-+]?\d*(?:\.\d|%)"
    rb"|\d:\s|[|\xe2\xef]|[\w.]  +[-+.\d])",
    re.MULTILINE,
)
"""What is in each output with a scalar in text, and not in most others."""


def find_in_text(summary: Any) -> None:
    """Give Guild the reader of text. A table may end with the output, so that ends with an empty
    line. A run that has no scalars with the default, and has printed what would be one in text,
    says so at its end; of the trials of a batch the first one does."""
    compile_patterns = summary._compile_patterns
    close = summary.OutputScalars.close
    test_output = summary.test_output
    said: list[str] = []

    @functools.wraps(compile_patterns)
    def compile_patterns_and_text(value: Any, key: str | None) -> Iterator[tuple[str | None, Any]]:
        if isinstance(value, str) and value.startswith(TEXT):
            yield key, compiled(value)
        else:
            yield from compile_patterns(value, key)

    @functools.wraps(close)
    def close_after_last_line(self: Any) -> None:
        if _is_text(self._patterns):
            self.write("")
        close(self)
        if not said and are_lines(pattern for _, pattern in self._patterns):
            writer = self._writer
            if isinstance(writer, OutputWriter) and not writer.last:
                said.extend(_likely_scalars(writer.logdir, self._patterns[-1][1].pattern))
                for line in said:
                    log.info(line)

    @functools.wraps(test_output)
    def test_output_and_its_end(f: Any, config: Any, cb: Any = None) -> None:
        is_text = _is_text(summary._init_patterns(config))
        test_output(itertools.chain(f, [""]) if is_text else f, config, cb)

    summary._compile_patterns = compile_patterns_and_text
    summary.OutputScalars.close = close_after_last_line
    summary.test_output = test_output_and_its_end


def _is_text(patterns: list[tuple[str | None, Any]]) -> bool:
    return any(pattern.pattern.startswith(TEXT) for _, pattern in patterns)


def _likely_scalars(guild_dir: str, pattern: str) -> Iterator[str]:
    """What is said of a run whose output has scalars for the mode ``text`` only: a line or none."""
    try:
        with open(os.path.join(guild_dir, "output"), "rb") as f:
            start = max(0, f.seek(0, io.SEEK_END) - READ_BYTES)
            f.seek(start)
            output = f.read()
    except OSError:
        return
    if not _LIKELY.search(output):
        return
    lines = output.decode(errors="ignore").split("\n")[start > 0 :]
    reader = compiled(TEXT + pattern[len(LINES) :])
    found = list(itertools.islice(reader.lines_with_scalars(lines), MOST_COUNTED + 1))
    if found:
        example = cut(" ".join(found[0].split()), LONGEST_EXAMPLE)
        n, over = min(len(found), MOST_COUNTED), "over " * (len(found) > MOST_COUNTED)
        yield (
            "no scalars - "
            f"{'1 line looks like a metric' if n == 1 else f'{over}{n} lines look like metrics'} "
            f"({example}): nb-scalars=text records such lines"
        )
