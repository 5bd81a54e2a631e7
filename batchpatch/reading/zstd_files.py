"""Files packed with zstd: the standard library's module, or on older Pythons its backport."""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from batchpatch.errors import InputError, with_extra

if TYPE_CHECKING:
    import io


def open_zstd(packed: io.BufferedReader, *, name: str) -> BinaryIO:
    """What a file packs. It raises EOFError where it is cut off, and zlib's error where damaged.

    Raises:
        InputError: there is no library for it.
    """
    zstd = _library(name)

    class Unpacked(zstd.ZstdFile):  # type: ignore[misc,name-defined]
        def read1(self, size: int = -1) -> bytes:
            try:
                return cast("bytes", super().read1(size))
            except zstd.ZstdError as error:
                raise zlib.error(str(error)) from error

    return cast("BinaryIO", Unpacked(packed))


def _library(name: str) -> Any:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415 - an extra
        else:
            from backports import zstd  # noqa: PLC0415
    except ImportError:
        raise InputError(
            f"{name} is packed with zstd: unpack it (zstd -d FILE), or {with_extra('zst')}."
        ) from None
    return zstd
