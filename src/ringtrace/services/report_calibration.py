"""Whether what is stated of calls comes true, judged by those of which the truth is known."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.calibration import Reliability, reliability
from ringtrace.domain.proof import ProofKind
from ringtrace.services.call_records import ProofFilter
from ringtrace.services.directory import Directory
from ringtrace.services.errors import NotFoundError
from ringtrace.services.ports import Reads


@dataclass(frozen=True, slots=True)
class Calibration:
    """Each call counts once, by its strongest proof; `kinds` has every kind.

    `only_holder` counts calls to pool numbers that one visit alone was shown in the attribution
    window. They are in no table: of them a wrong number would count as right. Where visits have
    left the store it counts those from `only_holder_since` (ms since 1970 UTC) on, else None.
    """

    together: Reliability
    kinds: Mapping[ProofKind, Reliability]
    only_holder: int
    only_holder_since: int | None = None


class ReportCalibration:
    def __init__(self, store: Reads, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    async def __call__(self, account_id: int, where: ProofFilter) -> Calibration:
        """Raises NotFoundError: a site that is not the account's."""
        if where.site_key is not None:
            site = self._directory.site(where.site_key)
            if site is None or site.account_id != account_id:
                raise NotFoundError("no such site", "site")
        proofs = await self._store.proofs(account_id, where)
        told = await self._told_since(account_id, where)
        alone = where if told is None else replace(where, since=told)
        return Calibration(
            together=reliability(one.outcome for one in proofs),
            kinds={
                kind: reliability(one.outcome for one in proofs if one.kind is kind)
                for kind in ProofKind
            },
            only_holder=await self._store.only_holder(account_id, alone),
            only_holder_since=told,
        )

    async def _told_since(self, account_id: int, where: ProofFilter) -> int | None:
        """Of calls before it is not known any more whom their number was shown to."""
        complete = await self._store.complete_since(account_id)
        if not complete or (where.since or 0) >= complete + WINDOW_MS:
            return None
        return complete + WINDOW_MS
