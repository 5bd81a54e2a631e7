"""What the tests of this stage share: rows of few participants and few names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchpatch.model import Row

if TYPE_CHECKING:
    from collections.abc import Callable


C = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(scope="session")
def make_row() -> Callable[..., Row]:
    """Makes a row of a participant, told by a number, that sets these attributes."""

    def make(number: int, who: int, attributes: dict[str, str]) -> Row:
        participant = f"22222222-2222-4222-8222-{who:012d}"
        names, values = tuple(attributes), tuple(attributes.values())
        return Row(number, number + 1, 0, C, participant, names, values)

    return make
