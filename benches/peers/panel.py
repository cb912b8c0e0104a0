"""A panel of a thousand series, twenty windows each: kramers and statsforecast on the same file, in one run.

    python3 -m venv target/peers && target/peers/bin/pip install -r benches/peers/requirements.txt
    target/peers/bin/python benches/peers/panel.py > reports/validation/panel.md

Wants the program built: cargo build --release. statsforecast takes minutes to hours, so each of its models gets as many series as --budget
seconds allow, and the time is scaled by their number (its fits know nothing of each other, so it is linear in them).
"""

import argparse
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("NIXTLA_ID_AS_COL", "1")
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
import pandas as pd
import statsforecast
from statsforecast import StatsForecast
from statsforecast.models import GARCH, AutoARIMA, RandomWalkWithDrift

ROOT = pathlib.Path(__file__).resolve().parents[2]


def panel(series, rows):
    """Half of the series return to a mean, half do not; volatility clusters in all (GARCH(1,1)), so that every model has something to find."""
    draws = np.random.default_rng(7)
    values = np.empty((series, rows))
    for k in range(series):
        pull = 0.0 if k % 2 else draws.uniform(0.02, 0.2)
        omega, alpha, beta = 0.02, draws.uniform(0.03, 0.1), draws.uniform(0.8, 0.88)
        h, x, centre = omega / (1 - alpha - beta), 100.0, 100.0
        drift = draws.normal(0.0, 0.02)
        for i in range(rows):
            e = np.sqrt(h) * draws.normal()
            x += pull * (centre - x) + drift + e
            h = omega + alpha * e * e + beta * h
            values[k, i] = x
    return np.round(values, 6)


def run(program, path, out, flags, threads):
    """Wall seconds and megabytes of a run of kramers."""
    shutil.rmtree(out, ignore_errors=True)
    command = [program, "backtest", path, "--no-progress", "-q", "-o", out, "--threads", str(threads), *flags]
    usage = os.path.join(out, "usage")
    os.makedirs(out)
    started = time.perf_counter()
    # GNU time, since a child of this process would be told the memory of this one.
    done = subprocess.run(
        ["/usr/bin/time", "-o", usage, "-f", "%M %U %S", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wall = time.perf_counter() - started
    assert done.returncode in (0, 1), done.returncode
    # Where the program ends with a code of its own, a line says so before.
    kilobytes, user, system = map(float, pathlib.Path(usage).read_text().splitlines()[-1].split())
    document = json.loads((pathlib.Path(out) / "run.json").read_text())
    scores = {row["model"]: row for row in document["scores"] if row["series"] == "all" and row["horizon"] == "all"}
    return {
        "wall": wall,
        "processor": user + system,
        "memory": kilobytes / 1024,
        "scores": scores,
        "failed": len(document["warnings"]),
        "bytes": (pathlib.Path(out) / "backtest.csv").read_bytes(),
    }


def peer(frame, model, windows, budget, series, level):
    """Wall and processor seconds for `series` series, scaled from as many as the budget allows, and how many those were."""
    ids = frame["unique_id"].unique()

    def cross_validate(count):
        part = frame[frame["unique_id"].isin(ids[:count])]
        forecaster = StatsForecast(models=[model], freq="B", n_jobs=1)
        wall, processor = time.perf_counter(), time.process_time()
        table = forecaster.cross_validation(df=part, h=1, step_size=1, n_windows=windows, refit=True, level=level)
        return time.perf_counter() - wall, time.process_time() - processor, table

    cross_validate(1)  # numba compiles
    wall, _, _ = cross_validate(2)
    count = int(min(series, max(2, budget / max(wall / 2, 1e-6))))
    wall, processor, table = cross_validate(count)
    name = [c for c in table.columns if c not in ("unique_id", "ds", "cutoff", "y") and "-lo-" not in c and "-hi-" not in c][0]
    error = float(np.sqrt(np.mean((table["y"] - table[name]) ** 2)))
    return wall * series / count, min(wall, processor) * series / count, count, error


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--windows", type=int, default=20)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each model of statsforecast")
    parser.add_argument("--program", default=str(ROOT / "target/release/kramers"))
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="kramers-panel-")
    path = os.path.join(folder, "panel.csv")
    values = panel(args.series, args.rows)
    days = pd.bdate_range("2020-01-01", periods=args.rows)
    labels = days.strftime("%Y-%m-%d")
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["unique_id", "ds", "y"])
        for k in range(args.series):
            writer.writerows((f"s{k:05d}", labels[i], values[k, i]) for i in range(args.rows))
    base = ["--test", str(args.windows), "--horizon", "1", "--step", "1", "--refit", "every"]
    jobs = {
        "bm, ou, random-walk": ["-m", "bm,ou", "--baselines", "random-walk", *base],
        "bm, random-walk, garch": ["-m", "bm", "--baselines", "random-walk,garch", *base],
        "bm, random-walk": ["-m", "bm", "--baselines", "random-walk", *base],
    }
    fits = args.series * args.windows
    print("# A panel beside statsforecast\n")
    print(
        f"{args.series:,} series of {args.rows} rows, {args.windows} windows one row ahead, every model refitted at every window: {fits:,} fits a "
        "model. Levels with clustering volatility, half of them returning to a mean, the same file for both. kramers by the clock, reading the file, "
        "densities, quantiles and scores, and writing the long table (CSV) and the checkpoint included; statsforecast "
        f"{statsforecast.__version__} `cross_validation(refit=True)` with intervals at 50, 80 and 95 %, one process, the table in memory. One run on "
        "one machine of two cores. Made by `benches/peers/panel.py`.\n"
    )
    print("## kramers\n\n| models | threads | wall | processor | a fit | memory | failures |\n|---|---|---|---|---|---|---|")
    scores, walls = {}, {}
    for name, flags in jobs.items():
        tables = []
        for threads in (1, 2):
            ran = run(args.program, path, os.path.join(folder, "out"), flags, threads)
            tables.append(ran["bytes"])
            walls[(name, threads)] = ran
            scores.update(ran["scores"])
            models = len(name.split(", "))
            print(
                f"| {name} | {threads} | {ran['wall']:.1f} s | {ran['processor']:.1f} s | {1e6 * ran['processor'] / (models * fits):.0f} µs | "
                f"{ran['memory']:.0f} MiB | {ran['failed']} |",
                flush=True,
            )
        assert tables[0] == tables[1], "the long table differs between 1 and 2 threads"
    three = [walls[("bm, ou, random-walk", n)]["wall"] for n in (1, 2)]
    print(
        f"\nFrom one thread to two the three models are {three[0] / three[1]:.2f} times as fast; the long tables of both are the same bytes. A fit is the "
        "processor's time over all fits, everything included.\n"
    )
    print("## statsforecast\n\n| model | series timed | wall for all | processor | a fit |\n|---|---|---|---|---|")
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{k:05d}" for k in range(args.series)], args.rows),
            "ds": np.tile(days, args.series),
            "y": values.ravel(),
        }
    )
    # GARCH there is of returns, not of levels.
    changes = frame.assign(y=frame.groupby("unique_id")["y"].diff()).dropna()
    peers = {}
    for name, model, data in (
        ("RandomWalkWithDrift", RandomWalkWithDrift(), frame),
        ("GARCH(1,1), of the differences", GARCH(1, 1), changes),
        ("AutoARIMA", AutoARIMA(season_length=1), frame),
    ):
        wall, processor, count, error = peer(data, model, args.windows, args.budget, args.series, [50, 80, 95])
        peers[name] = (min(wall, processor), error)
        print(f"| {name} | {count} | {wall:.0f} s | {processor:.0f} s | {1e6 * min(wall, processor) / fits:.0f} µs |", flush=True)
    added = lambda name: walls[(name, 1)]["processor"] - walls[("bm, random-walk", 1)]["processor"]
    both = walls[("bm, random-walk", 1)]["processor"]
    print(
        "\n## Side by side, on one thread\n\n| question | kramers | statsforecast | ratio |\n|---|---|---|---|\n"
        f"| random walk with drift (kramers: with `bm` beside it, reading and writing) | {both:.1f} s | {peers['RandomWalkWithDrift'][0]:.1f} s | "
        f"{peers['RandomWalkWithDrift'][0] / both:.2g} |\n"
        f"| GARCH(1,1) (what it adds) | {added('bm, random-walk, garch'):.1f} s | {peers['GARCH(1,1), of the differences'][0]:.0f} s | "
        f"{peers['GARCH(1,1), of the differences'][0] / added('bm, random-walk, garch'):.2g} |\n"
        f"| a model that returns to a mean: `ou` (what it adds), AutoARIMA | {added('bm, ou, random-walk'):.1f} s | {peers['AutoARIMA'][0]:.0f} s | "
        f"{peers['AutoARIMA'][0] / added('bm, ou, random-walk'):.2g} |\n"
    )
    print("A ratio above 1 says how much longer statsforecast takes, below 1 how much longer kramers does. `ou` is one model, AutoARIMA a search over many.\n")
    print("| model | CRPS | RMSE, all series |\n|---|---|---|")
    for name, row in scores.items():
        print(f"| kramers {name} | {row['crps']:.5f} | {row['rmse']:.5f} |")
    print(f"| statsforecast RandomWalkWithDrift (its timed series) | – | {peers['RandomWalkWithDrift'][1]:.5f} |")
    print(f"| statsforecast AutoARIMA (its timed series) | – | {peers['AutoARIMA'][1]:.5f} |")
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
