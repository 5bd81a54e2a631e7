"""The yardstick for many tokens: the bare loop with a token that the sandbox has minted for it.

    bare_minted.py URL REQUESTS CONCURRENCY

All else is as in `bare_loop.py`.
"""

from __future__ import annotations

import base64
import json
import sys
import urllib.request

import bare_loop


def mint(url: str) -> str:
    """A token, for any client and secret."""
    request = urllib.request.Request(  # noqa: S310 - the sandbox
        f"{url}/oauth/token",
        b"grant_type=client_credentials",
        {"Authorization": "Basic " + base64.b64encode(b"bare:loop").decode("ascii")},
    )
    with urllib.request.urlopen(request) as reply:  # noqa: S310
        return str(json.load(reply)["access_token"])


if __name__ == "__main__":
    bare_loop.HEADERS["Authorization"] = f"Bearer {mint(sys.argv[1])}"
    bare_loop.main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
