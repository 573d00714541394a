"""When each packet of one direction is to sound, on the clock that stamped the arrivals.

A sender's timestamps say exactly where its packets belong among each other, but its clock runs a
little fast or slow. The delay from sending to arrival is the network's, which is never less than
its shortest, and the drift of the two clocks: so the drift is the slope of the line under all
delays (Moon, Skelly and Towsley, "Estimation and removal of clock skew from network delay
measurements", INFOCOM 1999), and what the shortest delay does beyond that, such as another route,
is followed slowly.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from ringtrace.gateways.sip.capture import Packet
from ringtrace.gateways.sip.g711 import RATE

Seconds = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

STRAY: Final = 0.5
"""Seconds by which a delay may jump; beyond that the sender has started anew."""

_FIELDS: Final = np.dtype([("arrival", "f8"), ("ssrc", "i8"), ("stamp", "i8"), ("length", "f8")])
_LATE: Final = 10.0  # seconds behind the newest packet: a late one, and no new start
_BIN: Final = 0.5  # seconds of which the shortest delay is looked at
_WINDOW: Final = 3.0  # seconds over which the shortest delay is followed
_SHORTEST: Final = 2.0  # seconds from which on a drift can be seen
_FASTEST: Final = 0.02  # drift of telephones is below 0.0002, of bad ones 0.0125


def play_out(packets: Iterable[Packet]) -> tuple[Seconds, Seconds]:
    """When each packet begins and ends to sound, in epoch seconds.

    `packets` are in the order of their arrival. Where one follows another without a gap, it ends
    exactly when the other begins.
    """
    read = np.fromiter(
        ((one.arrival, one.ssrc, one.timestamp, len(one.payload)) for one in packets), _FIELDS
    )
    count, arrival, length = len(read), read["arrival"], read["length"] / RATE
    begins = np.empty(count)
    ends = np.empty(count)
    for stream in _streams(read["ssrc"]):
        sent = _unwrapped(read["stamp"][stream]) / RATE
        for part in _parts(sent, arrival[stream]):
            rows = stream[part]
            order = np.argsort(sent[part], kind="stable")
            rows, at = rows[order], sent[part][order]
            begins[rows] = at + _delay(at, arrival[rows] - at)
            ends[rows] = begins[rows] + length[rows]
            follows = np.abs(np.diff(at) - length[rows][:-1]) < 1 / (2 * RATE)
            ends[rows[:-1][follows]] = begins[rows[1:][follows]]
    return begins, ends


def _streams(ssrc: Rows) -> list[Rows]:
    """The rows of each sender, as they arrived."""
    order = np.argsort(ssrc, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(ssrc[order])) + 1) if len(order) else []


def _unwrapped(stamp: Rows) -> Rows:
    """Samples since the first packet, across the wrap at 2**32."""
    steps = (np.diff(stamp) + 2**31) % 2**32 - 2**31
    return np.concatenate(([0], np.cumsum(steps)))


def _parts(sent: Seconds, arrival: Seconds) -> Iterator[slice]:
    """Between two of these the sender's clock was set anew, or stood still."""
    delay = arrival - sent
    start = looked = 0
    newest = sent[0]
    usual: float | None = None  # the delay before packets that were late
    for row in (np.flatnonzero(np.abs(np.diff(delay)) > STRAY) + 1).tolist():
        newest = max(newest, sent[looked:row].max())
        looked = row
        if usual is not None and abs(delay[row] - usual) <= STRAY:
            usual = None
        elif 0 < newest - sent[row] < _LATE:
            usual = delay[row - 1] if usual is None else usual
        else:
            yield slice(start, row)
            start, newest, usual = row, sent[row], None
    yield slice(start, len(sent))


def _delay(sent: Seconds, delay: Seconds) -> Seconds:
    """The shortest delay of the network at each moment of the sender's clock, drift included.

    `sent` is ascending.
    """
    drift = _drift(sent, delay)
    rest = delay - drift * sent
    window = ((sent - sent[0]) // _WINDOW).astype(np.int64)
    firsts = np.flatnonzero(np.diff(window, prepend=-1))
    shortest = np.minimum.reduceat(rest, firsts)
    centres = sent[0] + (window[firsts] + 0.5) * _WINDOW
    followed: Seconds = drift * sent + np.interp(sent, centres, shortest)
    return followed


def _drift(sent: Seconds, delay: Seconds) -> float:
    """Seconds a second that the sender's clock is slow: the slope of the line under all delays."""
    if sent[-1] - sent[0] < _SHORTEST:
        return 0.0
    bins = ((sent - sent[0]) // _BIN).astype(np.int64)
    firsts = np.flatnonzero(np.diff(bins, prepend=-1)).tolist()
    lows = [
        first + int(np.argmin(delay[first:stop]))
        for first, stop in zip(firsts, [*firsts[1:], len(sent)], strict=True)
    ]
    hull: list[int] = []
    for row in lows:
        while len(hull) > 1 and _is_above(sent, delay, hull[-2], hull[-1], row):
            hull.pop()
        hull.append(row)
    middle = sent[lows].mean()
    edge = min(max(1, int(np.searchsorted(sent[hull], middle))), len(hull) - 1)
    low, high = hull[edge - 1], hull[edge]
    slope = (delay[high] - delay[low]) / (sent[high] - sent[low])
    return float(np.clip(slope, -_FASTEST, _FASTEST))


def _is_above(sent: Seconds, delay: Seconds, first: int, second: int, third: int) -> bool:
    """Whether `second` lies on or above the line from `first` to `third`."""
    run, rise = sent[second] - sent[first], delay[second] - delay[first]
    return bool(rise * (sent[third] - sent[first]) >= (delay[third] - delay[first]) * run)
