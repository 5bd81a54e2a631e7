"""The text of a fault, and the sentence for one that cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.sandbox import Fault, parse_fault
from batchpatch.sandbox.faults import FaultKind

UUID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status=503,rate=0.1", Fault(kind=FaultKind.STATUS, status=503, rate=0.1)),
        ("status=403, times=always", Fault(kind=FaultKind.STATUS, status=403, times=None)),
        ("kind=latency,ms=250", Fault(kind=FaultKind.LATENCY, ms=250, times=None)),
        ("kind=latency,ms=250,times=2", Fault(kind=FaultKind.LATENCY, ms=250, times=2)),
        ("kind=late,ms=40", Fault(kind=FaultKind.LATE, ms=40)),
        ("kind=drop,rate=0.05", Fault(kind=FaultKind.DROP, rate=0.05)),
        ("status=500,on=read", Fault(kind=FaultKind.STATUS, status=500, on="read")),
        ("kind=reset_before,on=any", Fault(kind=FaultKind.RESET_BEFORE, on="any")),
        ("kind=late,ms=40,on=patch", Fault(kind=FaultKind.LATE, ms=40)),
        ("kind=html", Fault(kind=FaultKind.HTML, status=502)),
        ("kind=malformed,status=500", Fault(kind=FaultKind.MALFORMED, status=500)),
        ("kind=429", Fault(kind=FaultKind.STATUS, status=429)),
        (
            "status=429,retry_after=7",
            Fault(kind=FaultKind.STATUS, status=429, retry_after_s=7),
        ),
        (
            "kind=429,retry_after=none",
            Fault(kind=FaultKind.STATUS, status=429, retry_after_s=None),
        ),
        ("status=503", Fault(kind=FaultKind.STATUS, status=503, retry_after_s="usual")),
        (
            "status=503,retry_after=3600",
            Fault(kind=FaultKind.STATUS, status=503, retry_after_s=3600),
        ),
        ("kind=bare_429", Fault(kind=FaultKind.BARE_429, status=429)),
        ("kind=html,status=200,on=any", Fault(kind=FaultKind.HTML, status=200, on="any")),
        ("kind=empty,status=204", Fault(kind=FaultKind.EMPTY, status=204)),
        (
            "status=400,on=token,times=always",
            Fault(kind=FaultKind.STATUS, status=400, on="token", times=None),
        ),
        (
            f"kind=reset_after,participant={UUID.upper()}",
            Fault(kind=FaultKind.RESET_AFTER, participant_id=UUID),
        ),
        (
            f"kind=empty,conversation={UUID},rate=0",
            Fault(kind=FaultKind.EMPTY, status=502, conversation_id=UUID, rate=0),
        ),
    ],
)
def test_a_fault_is_read_from_its_text(text: str, expected: Fault) -> None:
    """The text is what users type and what documents show: each documented form must be read."""
    assert parse_fault(text) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "key=value"),
        ("503", "key=value"),
        ("rate=0.1", "status= or kind="),
        ("status=200", "from 400 to 599"),
        ("status=5e2", "from 400 to 599"),
        ("status=503,staus=1", "'staus'"),
        ("status=503,status=500", "given twice"),
        ("status=503,rate=1.5", "from 0 to 1"),
        ("status=503,rate=nan", "from 0 to 1"),
        ("status=503,times=4", "from 1 to 3 or always"),
        ("status=503,times=never", "from 1 to 3"),
        ("status=503,ms=5", "takes no ms="),
        ("status=500,retry_after=5", "status=429 or status=503 only"),
        ("kind=html,status=503,retry_after=5", "status=429 or status=503 only"),
        ("kind=bare_429,retry_after=5", "status=429 or status=503 only"),
        ("status=503,retry_after=100000", "from 0 to 86400"),
        ("kind=bare_429,status=503", "takes no status="),
        ("kind=html,status=204", "has no body"),
        ("kind=html,status=199", "from 200 to 599"),
        (f"status=503,on=token,participant={UUID}", "token endpoint"),
        (f"status=503,on=token,conversation={UUID}", "token endpoint"),
        ("kind=drop,on=token", "on=patch only"),
        ("status=503,participant=me", "UUID"),
        ("kind=explosion", "reset_before"),
        ("kind=latency", "needs ms="),
        ("kind=reset_before,status=503", "takes no status="),
        ("kind=429,status=503", "contradicts"),
        ("kind=status", "needs status="),
        ("status=503,on=write", "patch, read, any"),
        ("kind=drop,on=read", "on=patch only"),
        ("kind=late,ms=5,on=any", "on=patch only"),
        ("kind=reset_after,on=read", "on=patch only"),
        ("kind=drop,ms=5", "takes no ms="),
        ("kind=drop,status=503", "takes no status="),
        (f"status=503,on=any,participant={UUID}", "conversation="),
    ],
)
def test_what_cannot_be_read_is_explained_in_one_sentence(text: str, named: str) -> None:
    """The command line shows the error as it is, so it must say what to change."""
    with pytest.raises(ValueError, match=r"^Fault ") as caught:
        parse_fault(text)
    sentence = str(caught.value)
    assert named in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@given(st.text() | st.from_regex(r"(status|kind|on|rate|ms|times)=[^,]*(,[a-z_]+=[^,]*)*"))
def test_any_text_is_a_fault_or_a_value_error(text: str) -> None:
    """A slip of the keyboard must never be a traceback."""
    try:
        fault = parse_fault(text)
    except ValueError:
        return
    assert 0 <= fault.rate <= 1
