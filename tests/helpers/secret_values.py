"""Values of secret flags, and where they have got to that they should not."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import quopri
import random
import re
import string
import urllib
import urllib.parse
from pathlib import Path

from tests.helpers.project import CHECKOUT, Command, Project

VALUE = "s3cr'et\"/Valü&99$x \\end"

LONG = "".join(random.Random(1).choices(string.ascii_letters + string.digits + "+/-_.", k=160))


OTHER = "0ther-Value-of-it"


OF_THE_USER = "a-key-of-the-user/1"


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:12]


def leaks(project: Project, *commands: Command, values: tuple[str, ...] = (VALUE, OTHER)):
    """Where a value, or a form of it, is found: in any file of the Guild home, whoever wrote it,
    and in what commands have printed."""
    found = []
    forms = {form for value in (*values, OF_THE_USER) for form in all_forms(value)}
    for path in project.home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            hits = [(str(path), form) for form in forms if form.encode() in content]
            found += [hit for hit in hits if not _is_guilds_own(path, hit[1])]
    for done in commands:
        found += [("output", form) for form in forms if form in done.stdout + done.stderr]
    return found


def _is_guilds_own(path: Path, value: str) -> bool:
    """The two files in which Guild writes its user's environment: that of a staged run, until it
    starts, and that of an operation which is no notebook. No flag's value is in them."""
    if value != OF_THE_USER or ".guild" not in path.parts:
        return False
    guild = path.parents[len(path.parts) - 2 - path.parts.index(".guild")]
    if path == guild / "ENV":
        return (guild / "STAGED").exists() or (guild / "PENDING").exists()
    return path == guild / "attrs" / "env" and b"queue" in (guild / "opref").read_bytes()


def all_forms(value: str) -> set[str]:
    """A value as it may be written, without its last characters, which a mask may not tell from
    what follows."""
    content = value.encode()
    forms = {
        value,
        repr(value)[1:-1],
        json.dumps(value)[1:-1],
        json.dumps(json.dumps(value))[1:-1].strip('\\"'),
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value),
        urllib.parse.quote(value),
        base64.b64encode(content)[:-4].decode(),
        base64.b64encode(b"me:" + content)[4:-4].decode(),
        content.hex(),
    }
    return {form for form in forms if len(form) >= 5}


def documented_forms() -> list[str]:
    """The expressions of the table in docs/secrets.md."""
    rows = re.findall(
        r"^\| [^|]+ \| (`.+`) \|$", (CHECKOUT / "docs" / "secrets.md").read_text("utf-8"), re.M
    )
    return [form for row in rows for form in re.findall("`([^`]+)`", row)]


def written(form: str, value: str) -> str:
    modules = {"urllib": urllib, **{m.__name__: m for m in (base64, html, json, quopri)}}
    text = eval(form, {**modules, "value": value, "data": value.encode()})
    return text.decode() if isinstance(text, bytes) else str(text)
