"""Metadata of the package; the configuration of tools is in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
README = HERE / "README.md"
INIT = HERE / "guild_notebook" / "__init__.py"

# Read, not imported: the package must build where Guild is not installed.
VERSION = re.search(r'^__version__ = "([^"]+)"$', INIT.read_text("utf-8"), re.MULTILINE).group(1)

# What Guild 0.9.0 needs in order to start and to be quiet, on current releases of all the rest.
# A bound from above holds back whatever is installed beside this package: what newer releases have
# changed is for guild_notebook/compat.
GUILD = [
    "guildai==0.9.*",
    # For `guild package`, which needs a bdist_wheel: setuptools has one of its own from 70.1.
    # Those before 71.1 build no wheel on Python 3.15.
    "setuptools>=70.1",
    "setuptools>=71.1; python_version >= '3.15'",
    # Guild runs `pip freeze` for each run of a script, and an environment made by uv has no pip.
    # Those before 23.1.2 do not start on Python 3.12, those before 24.1 warn on 3.14, and some
    # before 25.3 do not start on 3.15.
    "pip>=23.1.2",
    "pip>=24.1; python_version >= '3.14'",
    "pip>=25.3; python_version >= '3.15'",
    # `guild compare` shows "no data to display" with 1.5.
    "tabview>=1.4.3,<1.5",
    # 8.2.2 gives options other defaults, and has been withdrawn for it.
    "click>=8,!=8.2.2",
]

# The lower bounds are those that `make matrix` passes with, or the oldest wheel of a Python.
NOTEBOOK = [
    "nbclient>=0.7",
    "nbconvert>=7.6",
    "nbformat>=5.2",
    "ipykernel>=6.16",
    "jupyter_client>=8.0.2",
    # Formulas of reports. math-core has none of Python 3.9.
    "math-core>=0.8.2; python_version >= '3.10'",
    "latex2mathml>=3.75; python_version < '3.10'",
    "mistune>=3",
    "nh3>=0.2.15",
    "packaging>=22",
    "PyYAML>=5.4",
    "pyzmq>=25",
    "regex>=2022.1.18",
    "tornado>=6.2",
    # Those before parse a date without a year, which Python 3.15 refuses.
    "nbclient>=0.10.1; python_version >= '3.15'",
    "ipykernel>=6.30; python_version >= '3.15'",
    "jupyter_client>=8.6.3; python_version >= '3.15'",
]

# The oldest that the tests have passed with, and the newest for Python 3.9.
DASK = ["distributed>=2024.8"]

# The examples in examples/outputs, which requirements.txt there lists for its readers.
OUTPUTS = ["altair", "bokeh", "ipywidgets", "plotly", "rich", "vl-convert-python>=1.7"]

# The contracts of pyproject.toml are of types that it has since then, and not on Python 3.9.
CONTRACTS = ["import-linter>=2.6; python_version >= '3.10'"]

EXTRAS = {
    "dask": DASK,  # the operation dask:cluster
    "test": [
        *CONTRACTS,
        *DASK,
        *OUTPUTS,
        "axe-playwright-python>=0.1.4,<1",  # axe-core, which looks whether all can read a page
        "bash_kernel",
        "coverage>=7.10",  # of which on it measures processes that tests start
        "hypothesis",
        "jupyter_console>=6.6.3",
        "jupyterlab",
        "jupytext>=1.15",  # see jupytext
        "markdown-it-py",
        "matplotlib",
        "nox",
        "pandas",
        "papermill",  # docs/papermill.md is about all of its options
        "pexpect",
        "pillow",
        "playwright",
        "pyte>=0.8",  # the screens of terminals
        "pytest",
        "pytest-timeout",
        "pytest-xdist",
        "scikit-learn",
        "tabulate",
        "towncrier",
        "tqdm",
        "twine",  # tests of `make release`
        "uv",
        "virtualenv",
        "websocket-client>=1",  # what Firefox is told by
    ],
    # Altair's charts in reports, with no network.
    "altair": ["vl-convert-python>=1.7"],
    "lint": [*CONTRACTS, "mypy", "pre-commit", "ruff", "types-PyYAML", "types-psutil"],
    # Notebooks that are kept as text (`notebook: train.py`).
    "jupytext": ["jupytext>=1.15"],
    # Comparing images by their pixels, and thumbnails of them.
    "compare": ["pillow>=9.1"],
    "console": ["jupyter_console>=6.6.3"],  # guild-notebook attach
    "docs": ["furo", "myst-parser", "sphinx", "sphinx-copybutton"],
    "ipy": ["pandas"],  # what `from guild import ipy` needs
}

setup(
    name="guild-notebook",
    version=VERSION,
    description="Run Jupyter notebooks as Guild AI experiments",
    long_description=README.read_text("utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.9",
    packages=find_packages(include=["guild_notebook", "guild_notebook.*"]),
    py_modules=["guild_notebook_hooks"],  # tools/backend.py adds guild_notebook_hooks.pth
    package_data={
        "guild_notebook": [
            *("py.typed", "cli/train.ipynb", "compat/published/*.md"),
            *("run/report/*.css", "run/report/*.js", "compare/assets/*"),
        ]
    },
    install_requires=GUILD + NOTEBOOK,
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": ["guild-notebook = guild_notebook.cli:main"],
        "guild.plugins": ["notebook = guild_notebook.plugin:NotebookPlugin"],
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Framework :: Jupyter",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Programming Language :: Python :: 3.15",
        "Topic :: Scientific/Engineering",
        "Typing :: Typed",
    ],
)
