"""The flags of settings: what a person calls what `run.json` keeps. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FLAG_OF = {
    "read.write": "--write",
    "read.names_file": "--codes",
    "read.format": "--format",
    "read.sheet": "--sheet",
    "read.encoding": "--encoding",
    "read.delimiter": "--delimiter",
    "read.quote": "--quote",
    "read.escape": "--escape",
    "read.comment": "--comment",
    "read.skip_lines": "--skip-lines",
    "read.columns_given": "--columns",
    "read.multiline": "--multiline",
    "read.null": "--null",
    "read.columns": "--map",
    "read.deadline_s": "--deadline",
    "read.participant": "--participant",
    "read.attributes": "--attributes",
    "read.all_columns": "--all-columns",
    "read.constants": "--set",
    "read.only_keys": "--only-keys",
    "read.rules_file": "--rules",
    "read.rules_sha256": "--rules",
    "read.empty": "--empty",
    "read.nested": "--nested",
    "read.limit": "--limit",
    "find.lookup_batch": "--lookup-batch",
    "find.ambiguous": "--ambiguous",
    "find.ended": "--ended",
    "find.learn_ended": "--ended",
    "merge.window_rows": "--window",
    "merge.live_first": "--live-first",
    "route": "--route",
    "safeguards.guard": "--guard",
    "safeguards.skip_unchanged": "--skip-unchanged",
    "safeguards.keep_before": "--keep-before",
    "safeguards.verify.share": "--verify",
    "safeguards.verify.for_s": "--verify-for",
    "safeguards.check_choices": "--check-codes",
    "connect.concurrency": "--concurrency",
    "connect.total_s": "--timeout",
    "connect.ca_file": "--ca-file",
    "retry.retries": "--retries",
    "retry.max_wait_s": "--max-wait",
    "pace.rate": "--rate",
    "pace.assumed": "--rate",
    "pace.share": "--share",
    "pace.tokens": "--tokens",
}
"""By the place of the setting; one that no flag sets is the library's alone."""


def flags_for(places: Iterable[str]) -> list[str]:
    """What settings are called on a command line, each once, in alphabetical order."""
    return sorted({FLAG_OF.get(place, place) for place in places})
