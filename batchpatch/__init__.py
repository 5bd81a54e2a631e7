"""Bulk patches of participant attributes on Genesys Cloud.

The public API, and nothing else. Its one list is the stub beside this file: type checkers read it,
and a name is loaded from where it says when it is first asked for, so that `batchpatch check` does
not pay for the HTTP client that only `run` needs.
"""

import lazy_loader

from batchpatch.version import VERSION

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = VERSION
