"""What to do about a module that a cell wants to import and the kernel's Python does not have."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...kernels.interpreters import install_command

_MISSING = re.compile(r"No module named '(\w+)'")
"""Python's own text. Of a submodule, whose name has a dot, the package is there."""

_DISTRIBUTIONS = """
    Bio=biopython Crypto=pycryptodome IPython=ipython MySQLdb=mysqlclient OpenSSL=pyOpenSSL
    PIL=pillow attr=attrs bs4=beautifulsoup4 community=python-louvain cv2=opencv-python
    dateutil=python-dateutil docx=python-docx dotenv=python-dotenv faiss=faiss-cpu fitz=PyMuPDF
    git=GitPython github=PyGithub guild=guildai imblearn=imbalanced-learn jose=python-jose
    jwt=PyJWT magic=python-magic mpl_toolkits=matplotlib nacl=PyNaCl osgeo=GDAL
    pkg_resources='setuptools<82' pptx=python-pptx psycopg2=psycopg2-binary pylab=matplotlib
    serial=pyserial skimage=scikit-image sklearn=scikit-learn skopt=scikit-optimize
    slugify=python-slugify umap=umap-learn usb=pyusb websocket=websocket-client yaml=PyYAML
    zmq=pyzmq
"""
"""Modules of well-known distributions that have another name, as these say in their own documents.
Others mostly have the module's name, with hyphens for underscores."""

_OF_PYTHON = """
    ConfigParser Queue StringIO Tkinter __builtin__ _bz2 _ctypes _curses _lzma _sqlite3 _tkinter
    aifc annotationlib asynchat asyncore audioop binhex cPickle cStringIO cgi cgitb chunk commands
    compression crypt distutils dummy_threading formatter graphlib imghdr imp lib2to3 macpath
    mailcap msilib nis nntplib ossaudiodev parser pipes readline smtpd sndhdr spwd sqlite3 sunau
    symbol telnetlib tkinter tomllib urllib2 urlparse uu winreg xdrlib zoneinfo
"""
"""Modules of Python's standard library that some release, or build, does not have."""


def advice(error: str, python: dict[str, str], path: Sequence[str]) -> str:
    """A line on a ModuleNotFoundError with the text ``error`` for the user of the kernel whose
    Python is ``python`` (environment.ASK_PYTHON), with this ``sys.path``; "" where nothing is
    known: of a module of Python, of a submodule, of a name that is no module's."""
    match = _MISSING.fullmatch(error.strip())
    if not match or not python:
        return ""
    module, interpreter = match[1], python["interpreter"]
    if not module.isidentifier() or module in _OF_PYTHON.split():
        return ""
    if module.startswith("_") or not module.isascii():
        return ""  # a part of some package, or no name of one
    others = dict(pair.split("=", 1) for pair in _DISTRIBUTIONS.split())
    distribution = others.get(module, module.rstrip("_").replace("_", "-"))
    command = install_command(interpreter, python["prefix"], path, distribution)
    said = f"the kernel's Python, {interpreter}, has no module '{module}'"
    return f"{said} - install it there: {command}"
