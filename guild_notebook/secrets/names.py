"""Names of flags and of environment variables that say that they hold a secret."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORDS = {"token", "secret", "password", "passwd", "pwd", "key", "credential", "credentials"}
_SECRET_WORDS |= {"apikey", "passphrase"}


def names_secret(name: str) -> bool:
    """Whether the name of a flag or of an environment variable says that it holds a secret."""
    return not _SECRET_WORDS.isdisjoint(word.lower() for word in _WORD.findall(name))
