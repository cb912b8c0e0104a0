"""GJR-GARCH with Student's innovations refitted at every origin: kramers and arch on the S&P 500 that arch brings, in one run.

    python3 -m venv target/peers && target/peers/bin/pip install -r benches/peers/requirements.txt
    target/peers/bin/python benches/peers/garch.py > reports/validation/garch.md

arch takes minutes: --every K fits it at every K-th origin only, and says so.
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import arch
import numpy as np
from arch import arch_model
from arch.data import sp500

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = ["mu", "omega", "alpha", "alpha_down", "beta", "nu"]


def fit(returns, start=None, backcast=None):
    model = arch_model(returns, mean="Constant", vol="GARCH", p=1, o=1, q=1, dist="t", rescale=False)
    return model.fit(disp="off", show_warning=False, starting_values=start, backcast=backcast)


def ours(result):
    """arch's parameters in our names: its gamma is what a fall adds."""
    mu, omega, alpha, gamma, beta, nu = result.params.to_numpy()
    return dict(zip(NAMES, [mu, omega, alpha, alpha + gamma, beta, nu]))


def likelihood(returns, p):
    """The log-likelihood of both, written down once more: h1 = omega + ((alpha + alpha_down) / 2 + beta) mean(e^2)."""
    from math import lgamma, log, pi

    e = returns - p["mu"]
    nu = p["nu"]
    h = p["omega"] + (0.5 * (p["alpha"] + p["alpha_down"]) + p["beta"]) * float(np.mean(e * e))
    constant = lgamma(0.5 * (nu + 1)) - lgamma(0.5 * nu) - 0.5 * log(pi * (nu - 2))
    total = 0.0
    for x in e:
        total += constant - 0.5 * log(h) - 0.5 * (nu + 1) * log(1 + x * x / ((nu - 2) * h))
        h = p["omega"] + (p["alpha_down"] if x < 0 else p["alpha"]) * x * x + p["beta"] * h
    return total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1, help="fit arch at every so many origins")
    parser.add_argument("--origins", type=int, default=2530)
    args = parser.parse_args()
    prices = sp500.load()["Adj Close"].to_numpy()
    path = "/tmp/kramers-sp500.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "price"])
        writer.writerows((i, repr(float(p))) for i, p in enumerate(prices))
    command = ["cargo", "bench", "--no-default-features", "--bench", "garch", "--", path, str(args.origins)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    whole = [line for line in lines if line["what"] == "backtest"]
    fits = [line for line in lines if line["what"] == "fit"]

    returns = 100.0 * np.diff(np.log(prices))
    first = len(returns) - args.origins
    fit(returns[:first])  # numba compiles
    origins = range(first, len(returns), args.every)
    wall, processor, start, stopped = time.perf_counter(), time.process_time(), None, 0
    for n in origins:
        result = fit(returns[:n], start)
        stopped += result.convergence_flag != 0
        start = result.params.to_numpy()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    scale = args.origins / len(origins)

    print("# GJR-t, refitted at every origin, beside arch\n")
    print(
        f"S&P 500, {len(prices)} days from 1999 to 2018 (the record that arch {arch.__version__} brings), log-returns in percent; the last "
        f"{args.origins} rows are origins, each fit learns from all rows before its own. kramers forecasts and scores one row ahead as well. "
        "Both start a fit from the one before it (kramers in blocks of 20 origins; the first fit of a block starts from nothing). kramers by the "
        "clock, arch the smaller of clock and processor, in one run on one machine. Made by "
        "`benches/peers/garch.py`.\n"
    )
    theirs = min(wall, processor) * scale
    print("| | origins | seconds | a fit | fits that stopped early |\n|---|---|---|---|---|")
    for line in whole:
        threads = f"{line['threads']} thread" + ("s" if line["threads"] > 1 else "")
        each = f"{1e3 * line['seconds'] / line['origins']:.3g} ms"
        print(f"| kramers, {threads} | {line['origins']} | {line['seconds']:.2f} | {each} | {line['failures']} |")
    note = "" if args.every == 1 else f" (timed at every {args.every}th: {len(origins)}, scaled)"
    print(f"| arch{note} | {args.origins} | {theirs:.1f} | {1e3 * theirs / args.origins:.3g} ms | {stopped} of {len(origins)} |")
    print(
        f"\narch / kramers on one thread: {theirs / whole[0]['seconds']:.0f}. The bar is 3 s.\n"
    )
    print(
        "## The same optimum\n\nCold fits at eleven origins. arch begins its recursion at a weighted mean of the first squares; here it is given "
        "ours (`backcast`, the mean square about our mean). The log-likelihood of both is that of one function, written once more in the script. "
        "The largest relative difference is over the six parameters; where it is larger than 1e-5 the log-likelihood says whose optimum is higher.\n"
    )
    print("| returns | log-likelihood, kramers | at arch's parameters | difference | mu | omega | alpha | alpha_down | beta | nu | largest rel. difference |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for line in fits:
        r = returns[: line["returns"]]
        mine = {name: line[name] for name in NAMES}
        backcast = float(np.mean((r - mine["mu"]) ** 2))
        peer = ours(fit(r, backcast=backcast))
        a, b = likelihood(r, mine), likelihood(r, peer)
        assert abs(a - line["log_likelihood"]) < 1e-6 * abs(a), (a, line)
        scale_of = {"mu": np.std(r) / np.sqrt(len(r)), "alpha": 0.01}
        worst = max(abs(mine[k] - peer[k]) / max(abs(mine[k]), scale_of.get(k, 0.0)) for k in NAMES)
        values = " | ".join(f"{mine[k]:.6g}" for k in NAMES)
        print(f"| {line['returns']} | {a:.6f} | {b:.6f} | {a - b:.1e} | {values} | {worst:.1e} |")


if __name__ == "__main__":
    main()
