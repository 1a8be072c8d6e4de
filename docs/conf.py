"""Configuration of the documentation."""

import sys
from pathlib import Path
from types import GenericAlias

sys.path.insert(0, str(Path(__file__).parents[1]))

from pynetdicom import __version__

project = "pynetdicom"
author = "pynetdicom contributors"
copyright = f"2026, {author}"
version = release = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.viewcode", "numpydoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"pynetdicom {version}"

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings give the types
numpydoc_show_class_members = False


def setup(app):
    """Leave out type aliases: numpydoc takes ``tuple[...]`` for a class and stumbles over it."""
    app.connect("autodoc-skip-member", lambda *args: isinstance(args[3], GenericAlias) or None)
