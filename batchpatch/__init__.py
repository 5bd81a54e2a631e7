"""Bulk patches of participant attributes on Genesys Cloud.

The public API, and nothing else. Its one list is the stub beside this file: type checkers read it,
and a name is loaded from where it says when it is first asked for, so that `batchpatch check` does
not pay for the HTTP client that only `run` needs.
"""

from batchpatch.version import VERSION

__version__ = VERSION


def __getattr__(name: str) -> object:
    """Load the list at the first question: the command line needs no name of it."""
    import lazy_loader  # noqa: PLC0415

    load, names, listed = lazy_loader.attach_stub(__name__, __file__)
    globals().update(__getattr__=load, __dir__=names, __all__=listed)
    return listed if name == "__all__" else load(name)


def __dir__() -> list[str]:
    __getattr__("__all__")
    return list(globals()["__dir__"]())
