"""Runs the peers and kramers one after another on this machine and writes the table of ratios.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/peers/requirements.txt
    /tmp/peers/bin/python benches/peers/run.py > reports/validation/bars.md
"""

import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Kept by hand: what the last measurement showed, and how it was taken.
SHORTFALLS = [
    "How it was taken: the two cores were shared throughout. The peers were timed at a load near 8 (their times are of the processor), kramers "
    "some ten minutes later at 3 to 5. kramers was run several times; this is the last and least disturbed run. In the earlier ones one core "
    "gave 0.28 to 0.29 s on bar 3 again, but two cores 0.27 to 0.57 s by the clock, as other programs had the second one.",
    "Bar 3: 0.142 s on two cores, 1.97 times one, in that run alone; the margin to 0.15 s is small. Normals are half of the time, Philox words "
    "a fifth (0.60 ns each against 0.44).",
    "Threads: 1.9 is reached by paths of diffusions only. Values by paths and by levels gave 1.7, reactions and the plane 1.3, the plane at "
    "1250 cells nothing. Other programs took part of the second core, and an idle thread that looks for work counts as busy, so neither ratio "
    "tells how much of that is ours. To be measured again on a free machine.",
    "Bar 4, fit: missed. 26 ms from the peers' start against 5 ms asked; a pass with its gradient takes 0.35 ms, so there are some seventy "
    "passes' worth of work. Not profiled. The monthly likelihoods by the spectrum are within their 50 ms.",
    "Bar 5: at one time 3 to 4 ms, at three times 10 ms. The square root that reaches zero is met by the grid.",
    "Bar 6: 750 cells asked leave the density off by 2.0e-4, 1000 bring it to 8.7e-5. The call's error rises again from 750 to 1250 cells "
    "(1.3e-5, 4.4e-5, 6.5e-5), which is not explained.",
    "Bar 7: 20 repeats; the bar asks for 200, as the ignored test study_of_levels_over_200_repeats has.",
    "Bar 8: paths are compared by their mean only.",
]


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


def off(value):
    return "–" if value is None else f"{value:.1e}"


def against(line, mine):
    """Our line of the same question: the first whose `against` is part of the peer's note; "-" matches none."""
    return next((m for m in mine if m["seconds"] and m["against"] != "-" and m["against"] in line["note"]), None)


def processor():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def main():
    with tempfile.TemporaryDirectory() as folder:
        # Both fit the series that the peers draw.
        env = {**os.environ, "KRAMERS_CIR_CSV": f"{folder}/cir.csv"}
        theirs = lines([sys.executable, str(ROOT / "benches/peers/peers.py")], env=env)
        ours = lines(["cargo", "bench", "--no-default-features", "--bench", "bars"], cwd=ROOT, env=env)
    print("# The eight bars, measured\n")
    print(
        "Each line is one tool on one question; kramers and its peers ran one after another on the same machine "
        f"({processor()}, {os.cpu_count()} cores). Time is the least of a few runs: of the peers on the processor; of kramers by the "
        "clock, for jobs of one thread longer than 50 ms on the processor. “× ours” is the peer's time over that of kramers for the same "
        "question; where the errors differ, it is no more than that. Made by `benches/peers/run.py`.\n"
    )
    for bar in sorted({line["bar"] for line in ours + theirs}):
        mine = [line for line in ours if line["bar"] == bar]
        print(f"## {bar}. {mine[0]['title'] if mine else ''}\n")
        if mine:
            print(f"{'Bar' if bar else 'Measured against'}: {mine[0]['bar_text']}\n")
        print("| tool | question | time | error | × ours |\n|---|---|---|---|---|")
        for line in mine:
            print(f"| **kramers** {line['tool']} | {line['note']} | {seconds(line['seconds'])} | {off(line['error'])} | |")
        for line in (line for line in theirs if line["bar"] == bar):
            match = against(line, mine)
            ratio = f"{line['seconds'] / match['seconds']:.3g}" if match and line["seconds"] else "–"
            print(f"| {line['tool']} | {line['note']} | {seconds(line['seconds'])} | {off(line['error'])} | {ratio} |")
        print()
    if SHORTFALLS:
        print("## How to read it, what falls short, and why\n")
        for text in SHORTFALLS:
            print(f"- {text}")


if __name__ == "__main__":
    main()
