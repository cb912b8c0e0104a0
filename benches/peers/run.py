"""Runs the peers and kramers one after another on this machine and writes the table of ratios.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/peers/requirements.txt
    /tmp/peers/bin/python benches/peers/run.py > reports/validation/bars.md
"""

import json
import pathlib
import platform
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def lines(command, **options):
    """The JSON lines a command prints."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, **options)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def seconds(value):
    if value is None:
        return "–"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def main():
    ours = lines(["cargo", "bench", "--bench", "bars"], cwd=ROOT)
    theirs = lines([sys.executable, str(ROOT / "benches/peers/peers.py")])
    print("# The eight bars, measured\n")
    print(
        "Each line is one run of one tool on one question; kramers and its peers ran one after another on the same machine "
        f"({platform.processor() or platform.machine()}), on one core unless the note says otherwise. Time is the shortest of a few runs; "
        "“× ours” is the peer's time over kramers' first line of the same bar and note. "
        "Made by `benches/peers/run.py`.\n"
    )
    bars = sorted({line["bar"] for line in ours + theirs})
    for bar in bars:
        mine = [line for line in ours if line["bar"] == bar]
        print(f"## {bar}. {mine[0]['title'] if mine else ''}\n")
        if mine:
            print(f"Bar: {mine[0]['bar_text']}\n")
        print("| tool | question | time | error | × ours |\n|---|---|---|---|---|")
        for line in mine:
            print(f"| **kramers** {line['tool']} | {line['note']} | {seconds(line['seconds'])} | {line['error'] if line['error'] is None else format(line['error'], '.1e')} | |")
        for line in (line for line in theirs if line["bar"] == bar):
            match = next((m for m in mine if m.get("against") and m["against"] in line["note"]), mine[0] if mine else None)
            ratio = line["seconds"] / match["seconds"] if match and match["seconds"] and line["seconds"] else None
            error = "–" if line["error"] is None else format(line["error"], ".1e")
            print(f"| {line['tool']} | {line['note']} | {seconds(line['seconds'])} | {error} | {'–' if ratio is None else format(ratio, '.3g')} |")
        print()


if __name__ == "__main__":
    main()
