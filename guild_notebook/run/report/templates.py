"""nbconvert's templates of pages, as jinja2 compiles them.

nbconvert's own exporters import all of nbconvert, with a web server, two parsers of HTML and the
schema of notebooks, which takes as long as a small notebook. Its templates need jinja2 and a dozen
filters. They are found as nbconvert finds them, so those that a user has installed are used.

Compiling takes as long again, so what is compiled is kept in Guild's cache: code, nothing of a run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import sys
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from jinja2.runtime import Context
from jupyter_core.paths import jupyter_path

from ... import __version__
from ...files import write_whole

NAME = "lab"
"""The template of nbconvert's HTML exporter."""

NO_TEXT = "No description has been provided for this image"

_CACHE = "notebook-templates"

_OWN = "guild-notebook.html.j2"
"""The name of the template that is given as text."""

_FOCUSED = re.compile(
    r'<div [^<>]*\bclass="[^"<>]*\b(?:jp-Cell-inputWrapper|jp-OutputArea-output)\b[^"<>]*"'
    r"(?![^<>]*tabindex)"
)
_IMAGE = re.compile(r"<img (?=src=)")


def environment(text: str, filters: Mapping[str, Callable[..., Any]]) -> jinja2.Environment:
    """An environment of nbconvert's templates, with ``filters`` and nbconvert's others.

    ``text`` is a template that may extend them (``template``). Raises jinja2.TemplateError.
    """
    files = _TemplateLoader(_folders(NAME))
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.DictLoader({_OWN: text}), files]),
        extensions=["jinja2.ext.loopcontrols"],
        bytecode_cache=_compiled_templates(),
        auto_reload=False,
    )
    made.context_class = _Context
    made.filters = _Filters({**made.filters, **filters})
    made.globals["uuid4"] = uuid.uuid4
    return made


def template(environment: jinja2.Environment) -> jinja2.Template:
    """The template whose text ``environment`` was made with."""
    return environment.get_template(_OWN)


def source(environment: jinja2.Environment, name: str) -> str:
    """The text of a file of the templates, such as ``static/index.css``."""
    assert environment.loader
    return environment.loader.get_source(environment, name)[0]


class _Context(Context):
    """A context whose copies, one for each part of a cell, share its table of blocks: this does not
    change once a page has begun."""

    def derived(self, locals: dict[str, Any] | None = None) -> Context:  # noqa: A002
        blocks, self.blocks = self.blocks, {}
        try:
            made = super().derived(locals)
        finally:
            self.blocks = blocks
        made.blocks = blocks
        return made


class _Filters(dict[str, Any]):
    """Filters by name; nbconvert is imported for one that is not here, which templates of others
    may use."""

    def __missing__(self, name: str) -> Any:
        from nbconvert.exporters.templateexporter import default_filters

        found = default_filters[name]
        self[name] = found() if isinstance(found, type) else found
        return self[name]

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


class _TemplateLoader(jinja2.FileSystemLoader):
    """Templates with what nbconvert puts into a page when it has been made: cells and outputs can
    be focused, and images have a text."""

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        text, path, is_current = super().get_source(environment, template)
        if template.endswith(".j2"):
            text = _IMAGE.sub(f'<img alt="{NO_TEXT}" ', text)
            text = _FOCUSED.sub(r'\g<0> tabindex="0"', text)
        return text, path, is_current


def _folders(name: str) -> list[str]:
    """The folders in which a template's files are, those of the templates that it extends, and
    those that hold templates (nbconvert/exporters/templateexporter.py)."""
    roots = jupyter_path("nbconvert", "templates")
    folders: list[str] = []
    names: list[str] = []
    while name and name not in names:
        names.append(name)
        own = [path for path in (os.path.join(root, name) for root in roots) if os.path.isdir(path)]
        folders += own
        configured = map(_configuration, own)
        name = next((str(c["base_template"]) for c in configured if c.get("base_template")), "")
    return [*folders, *roots]


def _configuration(folder: str) -> dict[str, Any]:
    try:
        with open(os.path.join(folder, "conf.json"), encoding="utf-8") as f:
            read = json.load(f)
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _compiled_templates() -> jinja2.BytecodeCache | None:
    """The cache of compiled templates; None where Guild has no folder for it."""
    guild_home = os.environ.get("GUILD_HOME")
    if not guild_home:
        return None
    path = os.path.join(os.environ.get("CMD_DIR", ""), guild_home, "cache", _CACHE)
    # A user of the same folder of Guild would be refused in one of another user.
    return _CompiledTemplates(f"{path}-{os.geteuid()}")


class _CompiledTemplates(jinja2.BytecodeCache):
    """Compiled templates in a folder that only its user can enter, by their text and the versions
    that they are compiled with. Where the folder is another user's, others can enter it, or it
    cannot be made, nothing is read from it, nor is what is damaged."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        versions = (__version__, jinja2.__version__, sys.version, sys.implementation.cache_tag)
        self._versions = "\n".join(map(str, versions))

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        return hashlib.sha256(f"{self._versions}\n{name}".encode()).hexdigest()[:20]

    def load_bytecode(self, bucket: Any) -> None:
        folder = None
        try:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            if _is_private(os.fstat(folder)):
                fd = os.open(_file_name(bucket), os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
                with open(fd, "rb") as f:
                    digest, code = f.read(32), f.read()
                if hashlib.sha256(code).digest() == digest:
                    bucket.bytecode_from_string(code)
        except OSError:
            pass
        finally:
            if folder is not None:
                os.close(folder)

    def dump_bytecode(self, bucket: Any) -> None:
        code = bucket.bytecode_to_string()
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(self._folder), exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.mkdir(self._folder, 0o700)
            if _is_private(os.lstat(self._folder)):
                path = os.path.join(self._folder, _file_name(bucket))
                write_whole(path, hashlib.sha256(code).digest() + code)


def _file_name(bucket: Any) -> str:
    return f"{bucket.key}-{bucket.checksum[:20]}"


def _is_private(status: os.stat_result) -> bool:
    is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return is_own and not status.st_mode & 0o077
