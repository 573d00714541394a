"""The figures of all workers as those of one server."""

from collections.abc import Hashable, Iterable, Sequence

from ringtrace.services.figures import Family, Joint, Sample

_Key = tuple[str, tuple[tuple[str, str], ...]]


class Ledger:
    """What a worker counted stays counted when he is gone, as far as it was ever told.

    A counter never falls from one telling to the next, whoever ended in between.
    """

    def __init__(self) -> None:
        self._newest: dict[Hashable, tuple[str, Sequence[Family]]] = {}
        self._past: list[Family] = []

    def note(self, worker: Hashable, name: str, families: Sequence[Family]) -> None:
        """What a worker says now, in place of what it said before."""
        self._newest[worker] = (name, families)

    def close(self, worker: Hashable) -> None:
        """The worker is gone; another one of its name begins at nothing."""
        name, families = self._newest.pop(worker, ("", []))
        grown = [one for one in families if one.only_grows and one.joint is Joint.SUM]
        self._past = _joined([("", self._past), (name, grown)])

    def sum(self) -> list[Family]:
        return _joined([*self._newest.values(), ("", self._past)])


def _joined(told: Iterable[tuple[str, Sequence[Family]]]) -> list[Family]:
    kinds: dict[str, Family] = {}
    values: dict[str, dict[_Key, float]] = {}
    for worker, families in told:
        for family in families:
            kinds.setdefault(family.name, family)
            known = values.setdefault(family.name, {})
            for sample in family.samples:
                labels = dict(sample.labels)
                if family.joint is Joint.EACH:
                    labels["worker"] = worker
                key = (sample.name, tuple(labels.items()))
                if key not in known:
                    known[key] = sample.value
                elif family.joint is Joint.GREATEST:
                    known[key] = max(known[key], sample.value)
                else:
                    known[key] += sample.value
    return [
        Family(
            one.name,
            one.help,
            one.kind,
            one.joint,
            [Sample(name, dict(labels), value) for (name, labels), value in values[name_].items()],
        )
        for name_, one in kinds.items()
    ]
