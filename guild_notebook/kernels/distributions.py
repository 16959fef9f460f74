"""Which distribution has a module: what installs it."""

from __future__ import annotations

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


def distribution_of(module: str) -> str:
    """The distribution that has a module at the top level, "" where that is not known: of a module
    of Python, of a part of some package, of what is not a module's name."""
    is_named = module.isidentifier() and module.isascii() and not module.startswith("_")
    if not is_named or module in _OF_PYTHON.split():
        return ""
    others = dict(pair.split("=", 1) for pair in _DISTRIBUTIONS.split())
    return others.get(module, module.rstrip("_").replace("_", "-"))
