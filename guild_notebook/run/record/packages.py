"""The packages of a Python environment as ``pip freeze`` prints them, read without pip.

The rules are those of pip 26.3: pip/_internal/operations/freeze.py, commands/freeze.py,
metadata/importlib/_envs.py and _dists.py, vcs/git.py and vcs/mercurial.py. Releases before 26.1
take a direct_url.json with mistakes for what can be read of it, newer ones for none. Of an
editable install in a work tree of Subversion or Bazaar its place alone is told, as pip does where
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
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

from packaging.version import InvalidVersion, Version

_STDLIB = {"python", "wsgiref", "argparse"}

_BUILD_BACKENDS = {"setuptools", "distribute", "wheel"}
"""Not listed for a Python that has distutils."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)

_NAME_HEADER = re.compile(rb"^Name:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_VERSION_HEADER = re.compile(rb"^Version:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)

_SCP = re.compile(r"(\w+@)?([^/:]+):(\w[^:]*)")
"""``git@example.com:user/project.git``"""

_COMMAND_SECONDS = 10.0
"""The longest that a version control system may take to answer."""


class _CommandError(Exception):
    """A command of a version control system has failed, or there is none."""


def freeze(path: Sequence[str], python: tuple[int, int]) -> list[str]:
    """The lines of ``pip freeze`` for the Python of version ``python`` with ``sys.path`` ``path``.
    What cannot be read is left out, as is a package whose name is not valid."""
    skipped = _STDLIB | {"pip"} | (_BUILD_BACKENDS if python < (3, 12) else set())
    egg_links = {name for folder in path for name in _names(folder) if _is_egg_link(name)}
    installed: dict[str, tuple[str, list[str]]] = {}
    seen: set[str] = set()
    for folder in path:
        for found in _distributions(folder, by_pkg_resources=python < (3, 11)):
            key = canonical(_name_in_file(found) or "")
            if key not in seen and _NAME.fullmatch(key):
                seen.add(key)
                name = _name(found)
                installed[canonical(name)] = name, _requirement(found, name, egg_links)
    listed = sorted(installed.items(), key=lambda entry: entry[1][0].lower())
    return [line for key, (_, lines) in listed if key not in skipped for line in lines]


def canonical(name: str) -> str:
    """A project's name in its normalized form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def modified(path: Sequence[str]) -> list[int]:
    """When each folder of ``sys.path`` was last changed: it is another value once a package has
    been installed or removed."""
    times = []
    for folder in path:
        try:
            times.append(os.stat(folder).st_mtime_ns)
        except OSError:
            times.append(0)
    return times


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder) if folder else []
    except OSError:
        return []


def _is_egg_link(name: str) -> bool:
    return name.endswith(".egg-link")


def _distributions(folder: str, by_pkg_resources: bool) -> Iterator[Any]:
    """What is installed in a folder of ``sys.path``, and what its .egg-link files name. pip reads
    ``by_pkg_resources`` for Python 3.9 and 3.10: in the order of names, and without such files."""
    if not folder or folder.endswith(".whl"):
        return
    found = list(importlib.metadata.distributions(path=[folder]))
    if by_pkg_resources:
        yield from sorted(found, key=_info_name)
        return
    yield from found
    for name in filter(_is_egg_link, _names(folder)):
        target = _link_target(folder, name)
        yield from importlib.metadata.distributions(path=[target]) if target else ()


def _link_target(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            target = next(filter(None, map(str.strip, f)), "")
    except (OSError, ValueError):
        return ""
    return os.path.join(folder, target) if target else ""


def _info_name(found: Any) -> str:
    """The name of the folder, or the file, that holds the metadata of a distribution."""
    return str(found._path.name)


def _name_in_file(found: Any) -> str | None:
    stem, suffix = os.path.splitext(_info_name(found))
    name, has_version, _ = stem.partition("-")
    if suffix == ".egg-info" or (suffix == ".dist-info" and has_version):
        return name
    return _header(found, _NAME_HEADER)


def _header(found: Any, pattern: re.Pattern[bytes]) -> str | None:
    """A line of the metadata; what follows its first empty line, mostly a README, is not looked at:
    importlib.metadata would parse all of it."""
    for file in ("METADATA", "PKG-INFO", ""):
        data = _read(found, file)
        if data:
            header = data.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0]
            match = pattern.search(header)
            try:
                return match[1].decode("utf-8") if match else None
            except UnicodeDecodeError:
                return None
    return None


def _read(found: Any, file: str) -> bytes:
    """A file beside the metadata, empty where there is none."""
    try:
        if not isinstance(found._path, pathlib.Path):  # in an archive
            return (found.read_text(file) or "").encode()
        with open(os.path.join(found._path, file) if file else found._path, "rb") as f:
            return f.read()
    except (OSError, ValueError):
        return b""


def _name(found: Any) -> str:
    return _header(found, _NAME_HEADER) or canonical(_name_in_file(found) or "")


def _requirement(found: Any, name: str, egg_links: set[str]) -> list[str]:
    """The line of a distribution, for an editable one with comments before it."""
    direct_url = _direct_url(found)
    if direct_url and direct_url.get("dir_info", {}).get("editable"):
        return _editable(_local_path(direct_url["url"]), name, _exact(found, name))
    if direct_url:
        return [f"{name} @ {_url_of(direct_url)}"]
    link_names = {re.sub("[^A-Za-z0-9.]+", "-", name) + ".egg-link", f"{name}.egg-link"}
    if link_names & egg_links:
        return _editable(str(found._path.parent), name, _exact(found, name))
    return [_exact(found, name)]


def _exact(found: Any, name: str) -> str:
    stem, suffix = os.path.splitext(_info_name(found))
    version = stem.partition("-")[2] if suffix == ".dist-info" else ""
    version = version or _header(found, _VERSION_HEADER) or ""
    try:
        return f"{name}=={Version(version)}"
    except InvalidVersion:
        return f"{name}==={_header(found, _VERSION_HEADER) or version}"


def _direct_url(found: Any) -> dict[str, Any] | None:
    """The content of direct_url.json (PEP 610), None where there is none that is valid."""
    try:
        data = json.loads(_read(found, "direct_url.json") or "null")
        kinds = [k for k in ("vcs_info", "archive_info", "dir_info") if data.get(k) is not None]
        (kind,) = kinds
        is_valid = isinstance(data["url"], str) and isinstance(data[kind], dict)
        is_valid &= isinstance(data.get("subdirectory"), (str, type(None)))
        if kind == "vcs_info":
            is_valid &= all(isinstance(data[kind][key], str) for key in ("vcs", "commit_id"))
        elif kind == "dir_info":
            is_valid &= isinstance(data[kind].get("editable"), (bool, type(None)))
            is_valid &= data["url"].startswith("file:")
            is_valid &= urllib.parse.urlsplit(data["url"]).path.startswith("/")
        else:
            _hashes(data[kind])
        return data if is_valid else None
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError):
        return None


def _hashes(archive_info: dict[str, Any]) -> dict[str, str]:
    """The hashes of an archive by their algorithms. Raises ValueError, AttributeError."""
    hashes, one = archive_info.get("hashes"), archive_info.get("hash")
    if one is not None:
        algorithm, separator, value = one.partition("=")
        hashes = {algorithm: value} if hashes is None else hashes
        if not separator or hashes.get(algorithm) != value:
            raise ValueError(one)
    if not all(isinstance(value, str) for value in (hashes or {}).values()):
        raise ValueError(hashes)
    return hashes or {}


def _url_of(direct_url: dict[str, Any]) -> str:
    url, fragments = direct_url["url"], []
    vcs = direct_url.get("vcs_info")
    if vcs:
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    elif direct_url.get("archive_info") is not None:
        fragments = [f"{k}={v}" for k, v in [*_hashes(direct_url["archive_info"]).items()][:1]]
    if direct_url.get("subdirectory"):
        fragments.append(f"subdirectory={direct_url['subdirectory']}")
    return f"{url}#{'&'.join(fragments)}" if fragments else str(url)


def _local_path(url: str) -> str:
    return urllib.request.url2pathname(urllib.parse.urlsplit(url).path)


def _editable(location: str, name: str, exact: str) -> list[str]:
    """The lines of an editable install, whose project lies in the folder ``location``."""
    location = os.path.abspath(location)
    vcs, root = _version_control(location)
    if not vcs:
        return [f"# Editable install with no version control ({exact})", f"-e {location}"]
    try:
        url = _git_remote(location) if vcs == "git" else _hg_remote(location)
        if not url:
            return [f"# Editable Git install with no remote ({exact})", f"-e {location}"]
        if url.startswith("!"):
            said = f"# Editable Git install ({exact}) with either a deleted local remote or "
            return [f"{said}invalid URI:", f"# '{url[1:]}'", f"-e {location}"]
        is_git = vcs == "git"
        asked = ["rev-parse", "HEAD"] if is_git else ["parents", "--template={node}"]
        revision = urllib.parse.quote(_run(location, vcs, *asked), "/")
    except FileNotFoundError:
        return [f"-e {location}"]
    except _CommandError:
        return ["## !! Could not determine repository location", f"-e {location}"]
    prefix = "" if not is_git and url.lower().startswith("hg:") else f"{vcs}+"
    egg = name.replace("-", "_")
    below = _project_root(location, root)
    subdirectory = f"&subdirectory={below}" if below else ""
    return [f"-e {prefix}{url}@{revision}#egg={egg}{subdirectory}"]


def _version_control(location: str) -> tuple[str, str]:
    """The version control system of a folder and the root of its work tree, the innermost one;
    two empty texts for none."""
    roots = {}
    for vcs, asked in (("git", ["rev-parse", "--show-toplevel"]), ("hg", ["root"])):
        root = _holder(location, f".{vcs}")
        if root and root != location:
            try:
                root = os.path.normpath(_run(location, vcs, *asked))
            except (_CommandError, FileNotFoundError):
                continue
        if root:
            roots[root] = vcs
    for vcs in ("svn", "bzr"):
        root = _holder(location, f".{vcs}")
        if root == location:
            roots[root] = vcs
    root = max(roots, key=len, default="")
    return roots.get(root, ""), root


def _holder(location: str, name: str) -> str:
    """The folder that holds ``name``, ``location`` itself or the first one above it."""
    for folder in (location, *map(str, pathlib.PurePath(location).parents)):
        if os.path.exists(os.path.join(folder, name)):
            return folder
    return ""


def _git_remote(location: str) -> str:
    """The URL of ``origin``, or of the first remote; "" where there is none, and after ``!`` one
    that is not a URL."""
    try:
        output = _run(location, "git", "config", "--get-regexp", r"remote\..*\.url")
    except _CommandError as e:
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


def _hg_remote(location: str) -> str:
    url = _run(location, "hg", "showconfig", "paths.default")
    return pathlib.Path(os.path.normpath(url)).as_uri() if url.startswith(os.sep) else url


def _project_root(location: str, repository: str) -> str:
    """The folder of the project's pyproject.toml or setup.py, relative to the repository; "" where
    it is the same, or there is none."""
    for folder in (location, *map(str, pathlib.PurePath(location).parents)):
        files = (os.path.join(folder, name) for name in ("pyproject.toml", "setup.py"))
        if any(map(os.path.isfile, files)):
            is_root = os.path.samefile(folder, repository)
            return "" if is_root else os.path.relpath(folder, repository)
    return ""


def _run(location: str, *command: str) -> str:
    """What a command prints in a folder. Raises FileNotFoundError where there is no such command,
    and _CommandError with its exit status."""
    env = {k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE")}
    try:
        result = subprocess.run(
            command,
            cwd=location,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_SECONDS,
        )
    except subprocess.TimeoutExpired as e:
        raise _CommandError(None) from e
    if result.returncode:
        raise _CommandError(result.returncode)
    return os.fsdecode(result.stdout).strip()
