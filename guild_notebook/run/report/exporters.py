"""Reports that nbconvert makes, with the user's own configuration and templates."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ... import start
from ...document import text_formats
from ...errors import OptionError
from ...options.reports import HTML_NO_INPUT, OF_NBCONVERT, SANITIZED

CONFIGURATION = ("jupyter_config", "jupyter_nbconvert_config")
"""The files that ``jupyter nbconvert`` reads, without their endings; the last one counts."""


def exporter(report: str, given: Mapping[str, Any]) -> Any:
    """The exporter of nbconvert that makes a report, which is named as in ``nb-report``, with or
    without OF_NBCONVERT, and ``given`` are its options. Raises OptionError where there is none of
    that name, and where it, its template or the user's configuration cannot be used."""
    from nbconvert.exporters import base

    text_formats.find_format_packages()  # for exporters of others
    name = report[len(OF_NBCONVERT) :] if report.startswith(OF_NBCONVERT) else report
    if "." in name:  # a class, perhaps of a module of the project
        sys.path += [os.getcwd(), *start.python_path()[0]]
    config = _configuration()
    try:
        made = base.get_exporter(name, config)
        return made(config=config, **_template(made, given, config))
    except base.ExporterNameError:
        known = ", ".join([HTML_NO_INPUT, SANITIZED, *base.get_export_names()])
        raise OptionError(f"nb-report: unknown report '{report}' - there are {known}") from None
    except Exception as e:
        raise OptionError(f"nb-report: {report} cannot be made: {_line(e)}") from e


def _folders() -> list[str]:
    """The run's copy of the project's folder, and that folder."""
    return [os.getcwd(), *filter(None, [os.environ.get("PROJECT_DIR")])]


def _configuration() -> Any:
    """What ``jupyter nbconvert`` would find in the folders of Jupyter's configuration, and what the
    project has beside its guild.yml, which wins. It is Python, and may do anything: Guild's own
    process never reads it. Raises OptionError for a file that cannot be read."""
    from jupyter_core.paths import jupyter_config_path
    from traitlets.config import Config

    config = Config()
    # The first folder wins, and JSON over Python, as in jupyter_core.application.
    folders = [*reversed(jupyter_config_path()), *reversed(_folders())]
    for name in CONFIGURATION:
        for folder in folders:
            for loaded in _loaded(folder, name):
                config.merge(loaded)
    return config


def _loaded(folder: str, name: str) -> Iterator[Any]:
    from traitlets.config.loader import JSONFileConfigLoader, PyFileConfigLoader

    for loader, ending in ((PyFileConfigLoader, ".py"), (JSONFileConfigLoader, ".json")):
        file = os.path.join(folder, name + ending)
        if os.path.isfile(file):
            try:
                yield loader(name + ending, path=folder).load_config()
            except (Exception, SystemExit) as e:
                raise OptionError(f"nb-report: {file} cannot be read: {_line(e)}") from e


def _template(made: Any, given: Mapping[str, Any], config: Any) -> dict[str, Any]:
    """The arguments of an exporter's class for the template of the options ``given``: a name in
    Jupyter's data folders, or the path of a folder or file of the project."""
    template = given.get("template")
    if not template:
        return {}
    if not hasattr(made, "template_name"):
        raise ValueError(f"{made.__name__} has no templates")
    folders = _folders()
    paths = (os.path.join(folder, template) for folder in folders)
    if file := next(filter(os.path.isfile, paths), None):
        return {"template_file": file}
    configured = made(config=config).extra_template_basedirs
    return {"template_name": template, "extra_template_basedirs": [*configured, *folders]}


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
