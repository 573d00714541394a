"""Draws the newest results as one SVG. See README.md.

python -m benchmarks.chart [--results DIR] [--output FILE]

The same results make the same file; it follows the reader's light or dark scheme.
"""

import argparse
import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import msgspec
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from benchmarks.results import RESULTS

OUTPUT: Final = Path(__file__).with_name("results.svg")
Document = Mapping[str, Any]

_INK: Final = "#010203"
"""Stands for the colour of the text, which the SVG takes from the reader's scheme."""
_SCHEMES: Final = (
    "<style>svg{color:#1f2328}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}</style>"
)
_COLOURS: Final = ("#2f81f7", "#d9730d", "#2da44e", "#a371f7", "#db61a2")
_STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none", "svg.hashsalt": "ringtrace", "font.family": "DejaVu Sans",
    "font.size": 8.5, "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _INK,
    "xtick.color": _INK, "ytick.color": _INK, "axes.titlesize": 9.5, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "axes.linewidth": 0.6, "legend.frameon": False, "legend.fontsize": 8, "lines.linewidth": 1.6,
    "lines.markersize": 4, "axes.prop_cycle": cycler(color=_COLOURS),
}  # fmt: skip
_NAMES: Final = {
    "hit_page": "hit, new visitor", "hit_beat": "sign of life", "plan": "plan",
    "plan_pool": "plan, pool number", "report": "report", "report_pool": "report, pool number",
    "hit_page_floor": "floor", "overview": "overview", "calls": "call log", "call": "one call",
    "channels": "channels, 30 days", "channels_ever": "channels, ever",
}  # fmt: skip
_BARS: Final = {"hit_page": 0.5, "plan": 0.8, "plan_pool": 0.8}
_AT: Final = 64


def newest(results: Path, name: str) -> Document | None:
    """The youngest result of that name: its date is what follows the name."""
    files = sorted(results.glob(f"{name}-[0-9][0-9][0-9][0-9]-*.json"))
    return msgspec.json.decode(files[-1].read_bytes()) if files else None


def draw(results: Path) -> str:
    """The SVG. What was not measured is left out; raises FileNotFoundError if nothing was."""
    panels = [
        (draw_panel, found)
        for draw_panel, found in (
            (_floor, newest(results, "hot_routes")),
            (_hot, newest(results, "growth_data")),
            (_hot, newest(results, "growth_pool")),
            (_clients, newest(results, "growth_clients")),
            (_pages, newest(results, "growth_data")),
            (_memory, newest(results, "memory_pools")),
        )
        if found is not None
    ]
    if not panels:
        raise FileNotFoundError(f"no results in {results}: run the benchmarks first")
    with mpl.rc_context(_STYLE):
        rows = -(-len(panels) // 2)
        figure = Figure(figsize=(9.2, 2.75 * rows), layout="constrained")
        axes = list(figure.subplots(rows, 2, squeeze=False).flat)
        for one, (draw_panel, found) in zip(axes, panels, strict=False):
            draw_panel(one, found)
        for one in axes[len(panels) :]:
            one.set_axis_off()
        written = io.StringIO()
        figure.savefig(
            written, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    head, _, rest = written.getvalue().replace(_INK, "currentColor").partition("<defs>")
    return f"{head}{_SCHEMES}\n <defs>{rest}"


def _floor(axes: Axes, found: Document) -> None:
    of_bar = {
        name: one["rate_ratio"]
        for name, results in found["subjects"].items()
        for one in results
        if one["connections"] == _AT
    }
    names = list(reversed(of_bar))
    places = range(len(names))
    medians = [of_bar[name]["median"] for name in names]
    axes.barh(places, medians, height=0.6, color=_COLOURS[0])
    _whiskers(axes, places, medians, [of_bar[name] for name in names])
    for place, name in zip(places, names, strict=True):
        if name in _BARS:
            axes.vlines(_BARS[name], place - 0.42, place + 0.42, color=_COLOURS[1], linewidth=2.2)
    axes.vlines([], 0, 0, color=_COLOURS[1], linewidth=2.2, label="the bar")
    axes.set_yticks(places, [_NAMES[name] for name in names])
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"requests a second over its, {_AT} connections")
    axes.legend(loc="lower right")
    axes.set_title("Beside a server that only echoes")


def _whiskers(
    axes: Axes, places: Iterable[int], medians: Sequence[float], spreads: Sequence[Document]
) -> None:
    below = [median - one["min"] for median, one in zip(medians, spreads, strict=True)]
    above = [one["max"] - median for median, one in zip(medians, spreads, strict=True)]
    axes.errorbar(medians, list(places), xerr=[below, above], fmt="none", ecolor=_INK,
                  elinewidth=0.8, capsize=2)  # fmt: skip


def _hot(axes: Axes, found: Document) -> None:
    for name, points in found["subjects"].items():
        _line(axes, points, "cpu_us", _NAMES[name])
    sizes = _sizes(axes, next(iter(found["subjects"].values())))
    axes.set_ylim(0, max(2.0, 1.35 * _most(found["subjects"], "cpu_us")))
    axes.axhline(1, color=_INK, linewidth=0.6, alpha=0.5)
    axes.set_ylabel(f"over that of {sizes[0]:,}")
    axes.set_xlabel(found["what"])
    axes.legend(loc="upper left")
    axes.set_title(f"CPU of a request, more {found['what']}")


def _clients(axes: Axes, found: Document) -> None:
    for name, points in found["subjects"].items():
        if name in _NAMES:
            style = "--" if name.endswith("_floor") else "-"
            _line(axes, points, "rate", _NAMES[name], style)
    sizes = _sizes(axes, next(iter(found["subjects"].values())))
    axes.set_ylim(bottom=0)
    axes.axhline(1, color=_INK, linewidth=0.6, alpha=0.5)
    axes.set_ylabel(f"over that of {sizes[0]}")
    axes.set_xlabel(f"{found['what']}; {found['machine']['cores']} cores for server and client")
    axes.legend(loc="lower right", ncols=2)
    axes.set_title("Requests a second, more connections")


def _pages(axes: Axes, found: Document) -> None:
    for name, points in found["pages"].items():
        axes.plot([one["size"] for one in points], [one["figures"]["p50_ms"] for one in points],
                  marker="o", label=_NAMES[name])  # fmt: skip
    _sizes(axes, next(iter(found["pages"].values())))
    axes.set_ylim(bottom=0)
    axes.set_ylabel("ms, median")
    axes.set_xlabel(found["what"])
    axes.legend(loc="upper left")
    axes.set_title("Pages of the console")


def _memory(axes: Axes, found: Document) -> None:
    for pool in found["pools"]:
        for name, style in (("hit_page", "-"), ("plan", "--")):
            marks = pool[name]
            first = marks[0]["mib"] - marks[0]["more"]
            axes.plot(
                [0, *(one["requests"] for one in marks)], [first, *(one["mib"] for one in marks)],
                style, marker="o", label=f"{_NAMES[name]}, {pool['numbers']:,} numbers",
            )  # fmt: skip
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("MiB resident")
    axes.set_xlabel("requests")
    axes.legend(loc="lower right")
    axes.set_title("Memory of the server")


def _line(
    axes: Axes, points: Sequence[Document], figure: str, label: str, style: str = "-"
) -> None:
    ratios = [one["ratios"][figure] for one in points]
    sizes = [one["size"] for one in points]
    (line,) = axes.plot(sizes, [one["median"] for one in ratios], style, marker="o", label=label)
    axes.fill_between(sizes, [one["min"] for one in ratios], [one["max"] for one in ratios],
                      color=line.get_color(), alpha=0.15, linewidth=0)  # fmt: skip


def _sizes(axes: Axes, points: Sequence[Document]) -> list[int]:
    sizes = [one["size"] for one in points]
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    return sizes


def _most(subjects: Mapping[str, Sequence[Document]], figure: str) -> float:
    return max(
        float(one["ratios"][figure]["max"]) for points in subjects.values() for one in points
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.chart", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the SVG")
    given = parser.parse_args()
    given.output.write_text(draw(given.results), "utf-8")
    sys.stderr.write(f"wrote {given.output}\n")


if __name__ == "__main__":
    main()
