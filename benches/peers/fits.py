"""Whole fits beside pymle in one run; writes a table of ratios to standard output.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/peers/requirements.txt
    /tmp/peers/bin/python benches/peers/fits.py data/dgs10.csv > reports/validation/fits.md
"""

import contextlib
import csv
import io
import json
import os
import pathlib
import subprocess
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from pymle.core.TransitionDensity import EulerDensity, ExactDensity
from pymle.fit.AnalyticalMLE import AnalyticalMLE
from pymle.models import CIR, CKLS, OrnsteinUhlenbeck

ROOT = pathlib.Path(__file__).resolve().parents[2]


def rates(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(file))[1:]
    values = []
    for row in rows:
        try:
            values.append(float(row[-1]))
        except ValueError:
            pass
    return np.array(values)


def timed(job, repeats=3):
    """The least of a few runs, on a processor and by the clock, and what the last returned."""
    least, wall, result = float("inf"), float("inf"), None
    for _ in range(repeats):
        clock, start = time.perf_counter(), time.process_time()
        result = job()
        least, wall = min(least, time.process_time() - start), min(wall, time.perf_counter() - clock)
    return min(least, wall), result


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "data/dgs10.csv")
    x = rates(path)
    clean = "/tmp/kramers-rates.csv"
    pathlib.Path(clean).write_text("x\n" + "\n".join(repr(float(v)) for v in x) + "\n")
    command = ["cargo", "bench", "--no-default-features", "--bench", "fits", "--", clean]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    ours = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    dt = 1.0 / 252.0
    jobs = [
        ("ckls", "euler", CKLS, EulerDensity, [(-10, 10), (-10, 10), (1e-3, 10), (0.0, 3.0)], [0.1, -0.1, 0.3, 0.5]),
        ("cir", "exact", CIR, ExactDensity, [(1e-4, 10), (1e-4, 20), (1e-4, 10)], [0.1, 5.0, 0.3]),
        ("ou", "exact", OrnsteinUhlenbeck, ExactDensity, [(1e-4, 10), (1e-4, 20), (1e-4, 10)], [0.1, 5.0, 0.3]),
    ]
    theirs = {}
    for model, density, kind, law, bounds, guess in jobs:
        def job():
            fit = AnalyticalMLE(sample=x, param_bounds=bounds, dt=dt, density=law(kind()))
            # It prints what it does.
            with contextlib.redirect_stdout(io.StringIO()):
                return fit.estimate_params(np.array(guess))
        try:
            seconds, result = timed(job)
            theirs[(model, density)] = (seconds, float(result.log_like))
        except Exception as error:  # a peer that stops is a result too
            theirs[(model, density)] = (None, f"stopped: {type(error).__name__}")
    print("# Whole fits, measured\n")
    print(
        "Maximum likelihood from the same starting values; kramers with standard errors, the certificate and the choice of nothing else; "
        "pymle 0.0.9 without standard errors. kramers by the clock on two cores, pymle the smaller of processor and clock, in one run "
        "on one machine. Made by `benches/peers/fits.py`.\n"
    )
    print("| data | model | density | kramers | log-likelihood | pymle | log-likelihood | pymle / kramers |")
    print("|---|---|---|---|---|---|---|---|")
    for line in ours:
        seconds, value = theirs.get((line["model"], line["density"]), (None, None)) if line["data"] == "DGS10" else (None, None)
        ratio = f"{seconds / line['seconds']:.0f}" if seconds else "–"
        peer = f"{seconds:.3g} s" if seconds else "–"
        shown = f"{value:.6f}" if isinstance(value, float) else (value or "–")
        print(
            f"| {line['data']} | {line['model']} | {line['density']} | {1e3 * line['seconds']:.3g} ms | "
            f"{line['log_likelihood']:.6f} | {peer} | {shown} | {ratio} |"
        )


if __name__ == "__main__":
    main()
