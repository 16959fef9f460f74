"""The packages of a Python environment as ``pip freeze`` prints them, read without pip.

The rules are those of pip 26.3: pip/_internal/operations/freeze.py, commands/freeze.py,
metadata/importlib/_envs.py and _dists.py, vcs/git.py. Releases before 26.1 take a direct_url.json
with mistakes for what can be read of it, as is done here, newer ones for none. Of an editable
install in a work tree of Mercurial, Subversion or Bazaar its place alone is told, as pip does where
their commands are not installed.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
import re
import subprocess
import urllib.parse
from collections.abc import Sequence
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_STDLIB = {"python", "wsgiref", "argparse"}

_BUILD_BACKENDS = {"setuptools", "distribute", "wheel"}
"""Not listed for a Python that has distutils."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)

_FIELD = re.compile(r"^(Name|Version):[ \t]*(.*)", re.IGNORECASE | re.MULTILINE)

_SCP = re.compile(r"(\w+@)?([^/:]+):(\w[^:]*)")
"""``git@example.com:user/project.git``"""

_PASSWORD = re.compile(r"(https?://|://[^/@:\s]*:)(?!(\$\{\w+\}:?)+@)[^/\s]+@")
"""Of a URL, where a token may stand for the user too. The name of a variable is none (PEP 610)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_GIT_SECONDS = 10.0
"""The longest that git may take to answer."""


class _GitError(Exception):
    """git has failed, or not answered."""


def freeze(path: Sequence[str], python: tuple[int, int]) -> list[str]:
    """The lines of ``pip freeze``, other than pip's without the passwords of URLs and without
    control characters."""
    return [_CONTROL.sub("?", without_password(line)) for line in pip_freeze(path, python)]


def without_password(line: str) -> str:
    """A line of ``pip freeze`` without the password of a URL in it."""
    return _PASSWORD.sub(r"\1****@", line)


def pip_freeze(path: Sequence[str], python: tuple[int, int]) -> list[str]:
    """The lines of ``pip freeze`` for the Python of version ``python`` with ``sys.path`` ``path``.
    What cannot be read is left out, as is a package whose name is not valid."""
    skipped = _STDLIB | {"pip"} | (_BUILD_BACKENDS if python < (3, 12) else set())
    path = [folder for folder in path if os.path.isdir(folder) or os.path.isfile(folder)]
    egg_links = {name for folder in path for name in _names(folder) if name.endswith(".egg-link")}
    installed: dict[str, tuple[str, list[str]]] = {}
    seen: set[str] = set()
    for folder in path:
        if folder.endswith(".whl"):
            continue
        found = list(importlib.metadata.distributions(path=[folder]))
        if python < (3, 11):
            found.sort(key=_info_name)  # as pkg_resources, by which pip reads them there
        for distribution in found:
            key = canonicalize_name(_name_in_file(distribution) or "")
            if key not in seen and _NAME.fullmatch(key):
                seen.add(key)
                name = _header(distribution, "Name") or key
                lines = _requirement(distribution, name, egg_links)
                installed[canonicalize_name(name)] = name, lines
    listed = sorted(installed.items(), key=lambda entry: entry[1][0].lower())
    return [line for key, (_, lines) in listed if key not in skipped for line in lines]


def modified(path: Sequence[str]) -> list[int]:
    """When each folder of ``sys.path`` was last changed: it is another value once a package has
    been installed or removed."""
    times = []
    for folder in path:
        try:
            times.append(os.stat(folder).st_mtime_ns)
        except (OSError, ValueError):  # a path with a null character
            times.append(0)
    return times


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder) if folder else []
    except OSError:
        return []


def _info_name(found: Any) -> str:
    """The name of the folder, or the file, that holds the metadata of a distribution."""
    return str(found._path.name)


def _name_in_file(found: Any) -> str | None:
    stem, suffix = os.path.splitext(_info_name(found))
    name, has_version, _ = stem.partition("-")
    if suffix == ".egg-info" or (suffix == ".dist-info" and has_version):
        return name
    return _header(found, "Name")


def _header(found: Any, field: str) -> str | None:
    """A field of the metadata; what follows its first empty line, mostly a README, is not looked
    at: importlib.metadata would parse all of it."""
    for file in ("METADATA", "PKG-INFO", ""):
        header = _read(found, file).partition("\n\n")[0]
        if header:
            found_fields = reversed(_FIELD.findall(header))  # the first of a name counts
            return {name.title(): value for name, value in found_fields}.get(field)
    return None


def _read(found: Any, file: str) -> str:
    """A file beside the metadata, empty where there is none."""
    try:
        return found.read_text(file) or ""
    except (OSError, ValueError):
        return ""


def _requirement(found: Any, name: str, egg_links: set[str]) -> list[str]:
    """The line of a distribution, for an editable one with comments before it."""
    stem, suffix = os.path.splitext(_info_name(found))
    version = stem.partition("-")[2] if suffix == ".dist-info" else ""
    version = version or _header(found, "Version") or ""
    try:
        exact = f"{name}=={Version(version)}"
    except InvalidVersion:
        exact = f"{name}==={_header(found, 'Version') or version}"
    try:
        direct_url = json.loads(_read(found, "direct_url.json") or "null")
        if direct_url:
            return _installed_from(direct_url, name, exact)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        pass  # it is not valid
    link_names = {re.sub("[^A-Za-z0-9.]+", "-", name) + ".egg-link", f"{name}.egg-link"}
    if link_names & egg_links:
        return _editable(str(found._path.parent), name, exact)
    return [exact]


def _installed_from(direct_url: dict[str, Any], name: str, exact: str) -> list[str]:
    """The lines of what was installed from a URL (PEP 610). Raises what reading the content of an
    invalid direct_url.json does."""
    url, fragments = direct_url["url"], []
    path = urllib.parse.unquote(urllib.parse.urlsplit(url).path)
    kinds = ("vcs_info", "archive_info", "dir_info")
    ((kind, info),) = ((k, direct_url[k]) for k in kinds if direct_url.get(k) is not None)
    if kind == "dir_info" and info.get("editable"):
        return _editable(path, name, exact)
    if kind == "vcs_info":
        url = f"{info['vcs']}+{url}@{info['commit_id']}"
    elif kind == "archive_info":
        hashes = [f"{algorithm}={value}" for algorithm, value in info.get("hashes", {}).items()]
        fragments += [*hashes, *filter(None, [info.get("hash")])][:1]
    if direct_url.get("subdirectory"):
        fragments.append(f"subdirectory={direct_url['subdirectory']}")
    return [f"{name} @ {url}{'#' * bool(fragments)}{'&'.join(fragments)}"]


def _editable(location: str, name: str, exact: str) -> list[str]:
    """The lines of an editable install, whose project lies in the folder ``location``."""
    location = os.path.abspath(location)
    root = _git_root(location)
    if root != location and not {".hg", ".svn", ".bzr"}.isdisjoint(_names(location)):
        return [f"-e {location}"]
    if not root:
        return [f"# Editable install with no version control ({exact})", f"-e {location}"]
    try:
        url = _git_remote(location)
        if not url:
            return [f"# Editable Git install with no remote ({exact})", f"-e {location}"]
        if url.startswith("!"):
            said = f"# Editable Git install ({exact}) with either a deleted local remote or "
            return [f"{said}invalid URI:", f"# '{url[1:]}'", f"-e {location}"]
        revision = _git(location, "rev-parse", "HEAD")
    except FileNotFoundError:  # there is no git
        return [f"-e {location}"]
    except _GitError:
        return ["## !! Could not determine repository location", f"-e {location}"]
    below = _project_root(location, root)
    subdirectory = f"&subdirectory={below}" if below else ""
    return [f"-e git+{url}@{revision}#egg={name.replace('-', '_')}{subdirectory}"]


def _git_root(location: str) -> str:
    """The root of the work tree of git that a folder is in, "" for none."""
    for folder in _upwards(location):
        if os.path.exists(os.path.join(folder, ".git")):
            try:
                is_it = folder == location
                return folder if is_it else _git(location, "rev-parse", "--show-toplevel")
            except (_GitError, FileNotFoundError):
                break
    return ""


def _upwards(location: str) -> list[str]:
    """A folder and all above it."""
    return [location, *map(str, pathlib.PurePath(location).parents)]


def _git_remote(location: str) -> str:
    """The URL of ``origin``, or of the first remote; "" where there is none, and after ``!`` one
    that is not a URL."""
    try:
        output = _git(location, "config", "--get-regexp", r"remote\..*\.url")
    except _GitError as e:
        if e.args == (1,):  # there is none
            return ""
        raise
    remotes = output.splitlines()
    origin = [remote for remote in remotes if remote.startswith("remote.origin.url ")]
    url = (origin or remotes)[0].split(" ")[1].strip()
    if re.match(r"\w+://", url):
        return url
    if os.path.exists(url):
        return pathlib.Path(url).as_uri()
    short = _SCP.fullmatch(url)
    return f"ssh://{short[1] or ''}{short[2]}/{short[3]}" if short else f"!{url}"


def _project_root(location: str, repository: str) -> str:
    """The folder of the project's pyproject.toml or setup.py, relative to the repository; "" where
    it is the same, or there is none."""
    for folder in _upwards(location):
        if not {"pyproject.toml", "setup.py"}.isdisjoint(_names(folder)):
            is_root = os.path.samefile(folder, repository)
            return "" if is_root else os.path.relpath(folder, repository)
    return ""


def _git(location: str, *arguments: str) -> str:
    """What git prints in a folder. Raises FileNotFoundError where there is no git, and _GitError
    with its exit status."""
    env = {k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE")}
    try:
        result = subprocess.run(
            ["git", *arguments],
            cwd=location,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            start_new_session=True,  # Ctrl-C is for the run
        )
    except subprocess.TimeoutExpired as e:
        raise _GitError(None) from e
    if result.returncode:
        raise _GitError(result.returncode)
    return os.fsdecode(result.stdout).strip()
