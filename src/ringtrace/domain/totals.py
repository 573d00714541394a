"""Expected calls per channel, with intervals that own up to what was only learnt.

A total is the sum of credits. It is uncertain because each call is (the variance of a sum of
independent chances) and because the rates that share it out were estimated from few calls (the
delta method on the logarithms of the model's main rates; the rate of noise is tried out instead).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from ringtrace.domain.batch import Batch, sums
from ringtrace.domain.evidence import CallEvidence
from ringtrace.domain.exposure import CELLS, Segments
from ringtrace.domain.hazard import LEVELS, Floats
from ringtrace.domain.model import Model, Rates, channel_codes

TAP: Final = len(LEVELS)
NOISE: Final = TAP + 1
REPEAT: Final = TAP + 2
CHANNELS: Final = TAP + 3
"""Positions of the main rates: first the levels of the hazard, at the end the channels."""

UNKNOWN: Final = 0
"""The column of what remains unknown; a channel's column is its code (channel_codes) plus 1."""

_NOISES: Final = 15
"""So many rates of noise are tried."""
_HALVINGS: Final = 40
_CHUNK: Final = 1_000


@dataclass(frozen=True, slots=True)
class Total:
    """Expected calls and the borders of their 95 % interval."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Account:
    """Calls shared out, at `at` (ms since 1970).

    `credit` and `spread` (its variance) by call and column; `slope` by call, column and main rate
    is the change of credit with the logarithm of the rate.
    """

    at: Floats
    credit: Floats
    spread: Floats
    slope: Floats


def account(calls: Sequence[CallEvidence], rates: Rates, segments: Segments) -> Account:
    """The calls shared out with these rates."""
    starts = range(0, max(1, len(calls)), _CHUNK)
    parts = [_shared_out(calls[start : start + _CHUNK], rates, segments) for start in starts]
    credit, spread, joint = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    slope = joint - credit[:, :, None] * joint.sum(axis=1)[:, None, :]
    return Account(np.array([call.at for call in calls], dtype=np.float64), credit, spread, slope)


def information(calls: Sequence[CallEvidence], rates: Rates, segments: Segments) -> Floats:
    """What the calls tell of the logarithms of the main rates (observed information)."""
    size = CHANNELS + len(channel_codes(segments)[0])
    found = np.zeros((size, size))
    for start in range(0, len(calls), _CHUNK):
        _, _, joint = _shared_out(calls[start : start + _CHUNK], rates, segments)
        by_rate = joint.sum(axis=1)
        found += by_rate.T @ by_rate
    return found


def _shared_out(
    calls: Sequence[CallEvidence], rates: Rates, segments: Segments
) -> tuple[Floats, Floats, Floats]:
    """Credit, spread and the joint shares by call, column and main rate."""
    names, channel_of = channel_codes(segments)
    columns = 1 + len(names)
    batch = Batch(calls)
    shares = batch.share_by(rates)
    key = batch.of_call * columns + 1 + channel_of[batch.cells // CELLS]
    size = len(calls) * columns
    flat = np.zeros((size, CHANNELS + len(names)))
    for level, part in enumerate(LEVELS):
        flat[:, level] = sums(key, shares.plain * part[batch.states], size)
    flat[:, TAP] = sums(key, shares.tapped, size)
    plain = sums(key, shares.plain, size)
    credit = (plain + flat[:, TAP]).reshape(-1, columns)
    joint = flat.reshape(-1, columns, CHANNELS + len(names))
    by_channel = plain.reshape(-1, columns)
    for code in range(len(names)):
        joint[:, 1 + code, CHANNELS + code] = by_channel[:, 1 + code]
    credit[:, UNKNOWN] = joint[:, UNKNOWN, NOISE] = shares.noise
    linked = _add_repeats(calls, shares.repeats, credit, joint)
    return credit, credit * (1 - credit) + linked, joint


def _add_repeats(
    calls: Sequence[CallEvidence], shares: Floats, credit: Floats, joint: Floats
) -> Floats:
    """Pass on the credits of the calls repeated; what that adds to the spread of a total.

    A repeat is right or wrong together with the call that it repeats.
    """
    linked = np.zeros_like(credit)
    for position, call in enumerate(calls):
        if not call.repeats.sum():
            continue
        parts = shares[position] * call.repeats / call.repeats.sum()
        repeated = parts @ call.repeated
        known = slice(0, len(repeated))
        credit[position, known] += repeated
        joint[position, known, REPEAT] += repeated
        linked[position, known] = 2 * parts @ (call.repeated * (1 - call.repeated))
    return linked


def totals(
    accounts: Iterable[Account], since: float, until: float, model: Model, names: Sequence[str]
) -> dict[str, Total]:
    """Totals by channel over the calls in [since, until), ms.

    `model` is the one that shared the last calls out, `names` the channels by their code.
    """
    columns, rates = 1 + len(names), CHANNELS + len(names)
    credits_ = [np.zeros((0, columns))]
    spread, slope = np.zeros(columns), np.zeros((columns, rates))
    for one in accounts:
        chosen = (one.at >= since) & (one.at < until)
        width, depth = one.slope.shape[1:]
        credits_.append(np.pad(one.credit[chosen], ((0, 0), (0, columns - width))))
        spread[:width] += one.spread[chosen].sum(axis=0)
        slope[:width, :depth] += one.slope[chosen].sum(axis=0)
    credit = np.concatenate(credits_)
    means, variances = _outcomes(credit, spread, slope, _covariance(model, rates))
    return {
        name: Total(
            float(credit[:, column].sum()),
            max(0.0, _quantile(0.025, means[:, column], variances[:, column])),
            _quantile(0.975, means[:, column], variances[:, column]),
        )
        for column, name in enumerate(names, start=1)
    }


def _outcomes(
    credit: Floats, spread: Floats, slope: Floats, covariance: Floats
) -> tuple[Floats, Floats]:
    """Mean and variance of each column's total, a row for each of the equally probable noises.

    How much is noise is often known but to a factor, and it is the one rate that takes calls from
    all channels at once: so it is not linearised as the others are.
    """
    doubt = covariance[NOISE, NOISE]
    others = np.arange(len(covariance)) != NOISE
    along = covariance[NOISE, others] / doubt
    free = covariance[np.ix_(others, others)] - doubt * np.outer(along, along)
    reach = slope[:, others]
    learnt = np.einsum("ij,jk,ik->i", reach, free, reach)
    still = spread - (credit * (1 - credit)).sum(axis=0)
    means, variances = [], []
    for factor in _noise_factors(doubt):
        unknown = credit[:, UNKNOWN, None]
        shared = credit / (1 + unknown * (factor - 1))
        means.append(shared.sum(axis=0) + reach @ along * (factor - 1))
        variances.append((shared * (1 - shared)).sum(axis=0) + still + learnt)
    return np.array(means), np.maximum(np.array(variances), 1e-12)


def _noise_factors(variance: float) -> list[float]:
    """Equally probable factors on the noise rate, of a gamma distribution: it is counted in calls.

    Its quantiles are those of Wilson and Hilferty; its mean is 1.
    """
    drift, scale = variance / 9, math.sqrt(variance) / 3
    middles = [(step + 0.5) / _NOISES for step in range(_NOISES)]
    return [max(0.1, 1 - drift + scale * NormalDist().inv_cdf(one)) ** 3 for one in middles]


def _quantile(level: float, means: Floats, variances: Floats) -> float:
    """Of a mixture of normal distributions, equally probable; by bisection."""
    parts = [
        NormalDist(*one) for one in zip(means.tolist(), np.sqrt(variances).tolist(), strict=True)
    ]
    low = min(part.mean - 4 * part.stdev for part in parts)
    high = max(part.mean + 4 * part.stdev for part in parts)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = sum(part.cdf(middle) for part in parts) / len(parts)
        low, high = (middle, high) if below < level else (low, middle)
    return (low + high) / 2


def _covariance(model: Model, size: int) -> Floats:
    """That of the model; what it has not learnt is uncertain by a factor of e."""
    covariance = np.eye(size)
    known = len(model.covariance)
    if known:
        covariance[:known, :known] = model.covariance
    return covariance
