"""The head of a page: which run it is of, how that has ended, with what flags and what results.

Everything in RunFacts is text of somebody: all of it is escaped here, and stands in elements of its
own (``bdi``), so that a name that is written from right to left leaves what is around it in order.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence

from ...texts import duration, number
from .curves import curve_html
from .facts import COMPLETED, CellError, FlagValue, RunFacts, Scalar

MOST_ROWS = 12  # rows of a table that are not folded
MOST_ERRORS = 5  # cells that are named, of those after whose error the run went on
LONG, MOST_LINES = 200, 6  # characters and lines of a text that is not folded
MOST = 20_000  # characters of a value that the page has: the run has all of it


def header_html(facts: RunFacts, images_html: str = "") -> str:
    """The head as HTML; ``images_html`` is the strip of images (``Pictures.strip_html``)."""
    parts = [
        f"<h1>{_text(facts.operation or 'Run')}</h1>",
        *_state(facts),
        *_words(facts),
        f'<dl class="run-facts">{"".join(_facts(facts))}</dl>',
        *_flags(facts.flags),
        *_scalars(facts),
        f"<h2>Images</h2>{images_html}" if images_html else "",
        *_commands(facts),
    ]
    kind = facts.state if facts.state in (COMPLETED, "running") else "not-completed"
    content = "\n".join(filter(None, parts))
    return f'<header class="run-head {kind}">\n{content}\n</header>\n'


def _state(facts: RunFacts) -> Iterator[str]:
    state = f'<strong class="run-state">{_text(facts.state)}</strong>'
    yield f'<p class="run-end">{state} {_reason(facts)}</p>'
    if facts.failed and facts.failed.text:
        yield f'<div class="run-error">{_long(facts.failed.text)}</div>'
    lines = [
        f"<li>{_link(error, error.text, facts)}, and the run went on.</li>"
        for error in facts.errors
    ]
    first, rest = lines[:MOST_ERRORS], lines[MOST_ERRORS:]
    if first:
        yield f'<ul class="run-errors">{"".join(first)}</ul>'
    if rest:
        yield _folded(
            f"{len(rest):,} more cells failed", f'<ul class="run-errors">{"".join(rest)}</ul>'
        )


def _reason(facts: RunFacts) -> str:
    """The reason, in which what the failed cell is called is a link to it."""
    failed = facts.failed
    if not failed:
        return html.escape(facts.reason)
    before, where, after = facts.reason.partition(failed.where or "\0")
    if not where:
        link = _link(failed, failed.where, facts)
        return f"in {link}: {html.escape(facts.reason)}" if facts.reason else f"in {link}"
    return f"{html.escape(before)}{_link(failed, where, facts)}{html.escape(after)}"


def _link(error: CellError, text: str, facts: RunFacts) -> str:
    return f'<a href="#{facts.anchors[error.index]}">{html.escape(text)}</a>'


def failures(facts: RunFacts) -> list[str]:
    """The same in few words: lines of HTML with links to the cells that failed."""
    lines = [f"{_link(error, error.text, facts)}, and the run went on." for error in facts.errors]
    if facts.failed:
        lines.append(f"This run failed in {_link(facts.failed, facts.failed.where, facts)}.")
    return lines


def _words(facts: RunFacts) -> Iterator[str]:
    """What people have said of the run."""
    tags = "".join(f'<li class="run-tag">{_text(tag)}</li>' for tag in facts.tags)
    if tags:
        yield f'<ul class="run-tags" aria-label="Tags">{tags}</ul>'
    for comment in facts.comments:
        yield f'<blockquote class="run-comment">{_long(comment)}</blockquote>'


def _facts(facts: RunFacts) -> Iterator[str]:
    if facts.run_id:
        yield _fact("Run", _id(facts.run_id))
    if facts.label:
        yield _fact("Label", _long(facts.label))
    if facts.batch:
        varied = ", ".join(map(_text, facts.varied))
        yield _fact("Trial of", f"{_id(facts.batch)}{f', which varies {varied}' if varied else ''}")
    yield from _times(facts)
    if facts.user:
        where = f" on {_text(facts.host)}" if facts.host else ""
        yield _fact("By", f"{_text(facts.user)}{where}")
    elif facts.host:
        yield _fact("Host", _text(facts.host))
    if facts.kernel:
        yield _fact("Kernel", _text(facts.kernel))
    if facts.commit:
        modified = ' <span class="run-modified">modified</span>' if facts.is_modified else ""
        yield _fact("Commit", f"{_id(facts.commit)}{modified}")


def _times(facts: RunFacts) -> Iterator[str]:
    if facts.started:
        iso = facts.started.isoformat(timespec="seconds")
        shown = f"{facts.started:%Y-%m-%d %H:%M:%S} {iso[-6:]}"
        yield _fact("Started", f'<time datetime="{iso}">{shown}</time>')
    if facts.seconds is not None:
        yield _fact("Took", duration(max(facts.seconds, 0), is_exact=True))
    if facts.shared:
        count = f"{facts.shared:,} cells were" if facts.shared > 1 else "1 cell was"
        took = duration(facts.shared_seconds, is_exact=True)
        yield _fact("Shared", f"{count} executed once for several runs, in {took} (nb-fork)")


def _fact(name: str, value_html: str) -> str:
    return f"<div><dt>{name}</dt><dd>{value_html}</dd></div>"


def _id(text: str) -> str:
    """An id of which the beginning is seen, and all is copied."""
    name = html.escape(text)
    return f'<code class="run-id" title="{name}">{name}</code>'


def _flags(flags: Sequence[FlagValue]) -> Iterator[str]:
    if not flags:
        return
    differing = [flag for flag in flags if flag.differs]
    others = [flag for flag in flags if not flag.differs]
    said = (
        f"{len(differing)} of {len(flags)} differ from the notebook"
        if differing
        else ("as in the notebook" if all(flag.default is not None for flag in flags) else "")
    )
    yield f"<h2>Flags{f' <small>{said}</small>' if said else ''}</h2>"
    shown = others[: max(MOST_ROWS - len(differing), 0)]
    yield _flag_table([*differing, *shown])
    if rest := others[len(shown) :]:
        yield _folded(f"{len(rest):,} more flags that do not differ", _flag_table(rest, "More "))


def _flag_table(flags: Iterable[FlagValue], more: str = "") -> str:
    rows = []
    for flag in flags:
        default = (
            ""
            if flag.default is None
            else _value(flag.default)
            if flag.differs
            else "<small>the same</small>"
        )
        kind = ' class="differs"' if flag.differs else ""
        rows.append(
            f'<tr{kind}><th scope="row">{_text(flag.name)}</th><td>{_value(flag.value)}</td>'
            f"<td>{default}</td></tr>"
        )
    return _table("run-flags", ("Flag", "Value", "In the notebook"), rows, more)


def _scalars(facts: RunFacts) -> Iterator[str]:
    if not facts.scalars:
        return
    rows = [_scalar_row(scalar) for scalar in facts.scalars]
    headers = ("Scalar", "Last", "Curve", "Step", "Lowest", "Highest")
    yield "<h2>Scalars</h2>"
    yield _table("run-scalars", headers, rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        said = f"{len(rows) - MOST_ROWS:,} more scalars"
        yield _folded(said, _table("run-scalars", headers, rows[MOST_ROWS:], "More "))
    if facts.has_last_values_only:
        said = "The run has more values than are read here: its first are in Guild only"
        yield f'<p class="notice">{said}</p>'
    if facts.more_scalars:
        yield f'<p class="notice">{facts.more_scalars:,} more scalars are in the run only</p>'


def _scalar_row(scalar: Scalar) -> str:
    low, high = (
        number(value, 6) if value is not None else "" for value in (scalar.lowest, scalar.highest)
    )
    curve = curve_html(scalar.points, f"{scalar.count:,} values between {low} and {high}")
    if scalar.not_finite and scalar.count > 1:
        curve += f" <small>{scalar.not_finite:,} of {scalar.count:,} not finite</small>"
    if scalar.count < 2:
        low = high = ""
    cells = (number(scalar.value, 6), curve, str(scalar.step), low, high)
    return (
        f'<tr><th scope="row">{_text(scalar.name)}</th>'
        f"{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    )


def _commands(facts: RunFacts) -> Iterator[str]:
    told = [
        (facts.command, "with the project's code as it is now, in its folder"),
        (facts.proto_command, "with the code of this run, where Guild has it"),
    ]
    items = [
        f"<div><dt>{how}</dt><dd><pre><code>{html.escape(command)}</code></pre></dd></div>"
        for command, how in told
        if command
    ]
    if not items:
        return
    yield "<h2>Run it again</h2>"
    yield f'<dl class="run-commands">{"".join(items)}</dl>'
    if facts.variables:
        names = ", ".join(f"<code>{html.escape(name)}</code>" for name in facts.variables)
        yield f'<p class="notice">Secret flags need their values in the environment: {names}</p>'


def _table(kind: str, headers: Sequence[str], rows: Iterable[str], more: str = "") -> str:
    head = "".join(f'<th scope="col">{header}</th>' for header in headers)
    return (
        f'<div class="run-table" tabindex="0" role="region" aria-label="{more}{headers[0]}s">'
        f'<table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _folded(said: str, content_html: str) -> str:
    return f"<details><summary>{said}</summary>{content_html}</details>"


def _value(text: str) -> str:
    """A flag's value, or a word for one that is not seen."""
    if text and not text.strip():
        return f"<small>{len(text):,} blanks</small>"
    return (
        f"<code>{_text(text)}</code>" if _is_short(text) else _long(text) or "<small>empty</small>"
    )


def _is_short(text: str) -> bool:
    return 0 < len(text) <= LONG and text.count("\n") < MOST_LINES


def _long(text: str) -> str:
    """A text of any length, of which the most is folded."""
    if not text or _is_short(text):
        return _text(text) if text else ""
    first = text[: LONG // 2].split("\n")[0]
    rest = len(text) - MOST
    cut = f"<p>{rest:,} more characters are in the run only</p>" if rest > 0 else ""
    return (
        f"<details><summary>{_text(first)}… <small>({len(text):,} characters)</small></summary>"
        f"{_text(text[:MOST])}{cut}</details>"
    )


def _text(text: str) -> str:
    return f"<bdi>{html.escape(text)}</bdi>"
