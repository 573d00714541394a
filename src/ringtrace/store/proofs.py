"""Calls of which the truth is known: which proof counts, and what a correction proves."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ringtrace.domain.attribution import Attribution, Basis
from ringtrace.domain.proof import Proof, ProofKind, proof
from ringtrace.store.rows import Row

_STRENGTH: Final = {kind: place for place, kind in enumerate(ProofKind)}


def strongest(found: Iterable[Row]) -> list[Proof]:
    """One a call, in the order in which the calls come.

    From gateway, call_id, kind, visit_id, stated_visit, stated.
    """
    best: dict[tuple[str, str], Proof] = {}
    for gateway, call, kind, visit_id, stated_visit, stated in found:
        one = Proof(ProofKind(kind), visit_id, stated_visit, stated)
        before = best.setdefault((gateway, call), one)
        if _STRENGTH[one.kind] < _STRENGTH[before.kind]:
            best[gateway, call] = one
    return list(best.values())


def of_correction(visit_id: str | None, known: Proof | None, blind: Attribution) -> Proof | None:
    """What the engine stated before the first correction is held against the last one.

    `known` is the proof by an earlier correction, else the one by an extension, which told the
    engine whose call it was: what it stated without is kept there. `blind` is what stands now.
    """
    if known is not None:
        return replace(known, kind=ProofKind.CORRECTION, visit_id=visit_id)
    if blind.basis is Basis.CORRECTED:
        return None
    return proof(ProofKind.CORRECTION, visit_id, blind)
