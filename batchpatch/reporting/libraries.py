"""Libraries of the extra `report`, loaded where a page is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from batchpatch.errors import SettingsError, with_extra


def load(name: str) -> Any:
    """The module of that name.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        raise SettingsError(
            f"--html needs {name.partition('.')[0]}, which is not installed: "
            f"{with_extra('report')}."
        ) from None
