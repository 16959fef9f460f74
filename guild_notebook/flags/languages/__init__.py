"""The languages of cells, each an object in a file of its own, and which of them a notebook's is.

May use ``document`` and ``errors``.
"""

from __future__ import annotations

from ...document.reader import Notebook
from .bash import Bash
from .julia import Julia
from .language import Language, OtherLanguage
from .python import Python
from .r import R

LANGUAGES: tuple[Language, ...] = (Python(), R(), Julia(), Bash())

TYPE_NAMES = {name: type_ for each in LANGUAGES for name, type_ in each.type_names.items()}
"""Types as annotations of any language spell them, and the flag types that they stand for."""

_BY_NAME = {each.name: each for each in LANGUAGES}
_BY_ALIAS = {alias: each.name for each in LANGUAGES for alias in each.aliases}
_BY_KERNEL = {kernel: each.name for each in LANGUAGES for kernel in each.kernels}
_BY_KERNEL["swift"] = "swift"  # its notebooks may not name their language
_OTHER = OtherLanguage()


def named(name: str) -> Language:
    """The language called ``name``, as ``name_of`` gives it, known or not."""
    return _BY_NAME.get(name, _OTHER)


def name_of(notebook: Notebook) -> str:
    """The language of the notebook's kernel: the name of a known one, else its own name for it."""
    name = notebook.language
    kernel = notebook.kernel_name.lower().split("-")[0].rstrip("0123456789.")
    of_kernel = _BY_KERNEL.get(kernel)
    if name == "python" and of_kernel:
        return of_kernel
    bare = name.rstrip("0123456789. ")
    bare = _BY_ALIAS.get(bare, bare)
    return bare if bare in _BY_NAME else name


def is_known(notebook: Notebook) -> bool:
    """Whether the flags of a notebook in its language can be found."""
    return name_of(notebook) in _BY_NAME
