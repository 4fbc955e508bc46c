"""How the documentation is built: `sphinx-build -W docs docs/_build/html`."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "atsbridge"
author = "The atsbridge maintainers"
copyright = "the atsbridge maintainers"
version = release = installed("atsbridge")

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "atsbridge_docs"]
exclude_patterns = ["_build"]
root_doc = "index"
default_role = "code"  # docstrings write names in single backquotes

html_theme = "furo"
html_title = f"atsbridge {release}"
html_static_path = ["_static"]
html_css_files = ["atsbridge.css"]
html_show_sourcelink = False
html_show_copyright = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
toc_object_entries = False
napoleon_numpy_docstring = False
napoleon_attr_annotations = False
