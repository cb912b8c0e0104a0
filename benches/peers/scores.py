"""Every score beside scoringrules on the same numbers, and how long the CRPS of ensembles takes; writes a table to standard output.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/peers/requirements.txt
    /tmp/peers/bin/python benches/peers/scores.py > reports/validation/scores.md

kramers' scores come out of `examples/scores.rs`, a line a question. Ends with an error where one is off by more than 1e-12.
"""

import json
import os
import pathlib
import platform
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "2"

import mpmath
import numpy as np
import properscoring
import scoringrules as sr

ROOT = pathlib.Path(__file__).resolve().parents[2]
BAR = 1e-12


def asked(lines):
    """What kramers answers to each line."""
    command = ["cargo", "run", "-q", "--release", "--no-default-features", "--example", "scores"]
    done = subprocess.run(command, cwd=ROOT, input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def words(name, *numbers):
    flat = np.concatenate([np.ravel(np.asarray(n, dtype=float)) for n in numbers])
    return " ".join([name, *map(repr, map(float, flat))])


def normal_log(mean, sd, y):
    """The negative log density of a normal law; scoringrules takes the logarithm of a density that has underflowed to zero out there."""
    return 0.5 * ((y - mean) / sd) ** 2 + np.log(sd) + 0.5 * np.log(2.0 * np.pi)


def student_log(df, location, scale, y):
    """The negative log density of Student's law in forty digits."""
    mpmath.mp.dps = 40
    z, nu = (mpmath.mpf(y) - mpmath.mpf(location)) / mpmath.mpf(scale), mpmath.mpf(df)
    density = mpmath.gamma((nu + 1) / 2) / mpmath.gamma(nu / 2) / mpmath.sqrt(nu * mpmath.pi) * (1 + z * z / nu) ** (-(nu + 1) / 2)
    return float(-mpmath.log(density / mpmath.mpf(scale)))


def student_crps(df, location, scale, y):
    """E|X - y| - E|X - X'|/2 of Student's law (Jordan, Krueger & Lerch 2019, appendix A) in forty digits."""
    mpmath.mp.dps = 40
    nu, z = mpmath.mpf(df), (mpmath.mpf(y) - mpmath.mpf(location)) / mpmath.mpf(scale)
    density = mpmath.gamma((nu + 1) / 2) / mpmath.gamma(nu / 2) / mpmath.sqrt(nu * mpmath.pi) * (1 + z * z / nu) ** (-(nu + 1) / 2)
    x = nu / (nu + z * z)
    tail = mpmath.betainc(nu / 2, mpmath.mpf(1) / 2, 0, x, regularized=True) / 2
    below = 1 - tail if z > 0 else tail
    spread = 2 * mpmath.sqrt(nu) / (nu - 1) * mpmath.beta(mpmath.mpf(1) / 2, nu - mpmath.mpf(1) / 2) / mpmath.beta(mpmath.mpf(1) / 2, nu / 2) ** 2
    return float(mpmath.mpf(scale) * (z * (2 * below - 1) + 2 * density * (nu + z * z) / (nu - 1) - spread))


def cases(rng):
    """(score, peer, line, what the peer says) of each question."""
    out = []
    for _ in range(200):
        mean, sd = rng.normal(0, 3), np.exp(rng.normal())
        y, far = mean + sd * rng.uniform(-20, 20), mean + sd * rng.uniform(40, 1e4)
        out.append(("CRPS, normal", "sr.crps_normal", words("normal-crps", mean, sd, y), sr.crps_normal(y, mean, sd)))
        out.append(("log score, normal", "sr.logs_normal", words("normal-log", mean, sd, y), sr.logs_normal(y, mean, sd)))
        out.append(("log score, normal, 40 sd out and more", "closed form", words("normal-log", mean, sd, far), normal_log(mean, sd, far)))
        out.append(("CRPS, normal", "properscoring.crps_gaussian", words("normal-crps", mean, sd, y), properscoring.crps_gaussian(y, mean, sd)))
        mu, sigma, y = rng.normal(), np.exp(rng.normal(-0.7, 0.5)), np.exp(rng.normal())
        out.append(("CRPS, log-normal", "sr.crps_lognormal", words("lognormal-crps", mu, sigma, y), sr.crps_lognormal(y, mu, sigma)))
        out.append(("log score, log-normal", "sr.logs_lognormal", words("lognormal-log", mu, sigma, y), sr.logs_lognormal(y, mu, sigma)))
        df, location, scale, y = rng.uniform(1.5, 40), rng.normal(), np.exp(rng.normal()), rng.normal(0, 4)
        out.append(("CRPS, Student's t", "sr.crps_t", words("student-crps", location, scale, df, y), sr.crps_t(y, df, location, scale)))
        out.append(("CRPS, Student's t", "mpmath, 40 digits", words("student-crps", location, scale, df, y), student_crps(df, location, scale, y)))
        out.append(("log score, Student's t", "sr.logs_t", words("student-log", location, scale, df, y), sr.logs_t(y, df, location, scale)))
        out.append(("log score, Student's t", "mpmath, 40 digits", words("student-log", location, scale, df, y), student_log(df, location, scale, y)))
        level, q, y = rng.uniform(0.01, 0.99), rng.normal(), rng.normal()
        out.append(("quantile (pinball) loss", "sr.quantile_score", words("pinball", level, q, y), sr.quantile_score(y, q, level)))
        alpha, lower, y = rng.uniform(0.01, 0.9), rng.normal(), rng.normal(0, 3)
        upper = lower + rng.exponential()
        out.append(("interval score (Winkler)", "sr.interval_score", words("interval", alpha, lower, upper, y), sr.interval_score(y, lower, upper, alpha)))
    for members in [2, 3, 10, 51, 400] * 8:
        x, y = rng.normal(1, 2, members), rng.normal(1, 2)
        for estimator in ("qd", "nrg", "int"):
            out.append(("CRPS, ensemble, empirical", f'sr.crps_ensemble, "{estimator}"', words("ensemble-crps", y, x), sr.crps_ensemble(y, x, estimator=estimator)))
        out.append(("CRPS, ensemble, empirical", "properscoring.crps_ensemble", words("ensemble-crps", y, x), properscoring.crps_ensemble(y, x)))
        for estimator in ("fair", "pwm"):
            out.append(("CRPS, ensemble, fair", f'sr.crps_ensemble, "{estimator}"', words("ensemble-crps-fair", y, x), sr.crps_ensemble(y, x, estimator=estimator)))
        d = int(rng.integers(2, 8))
        x, y = rng.normal(0, 1, (members, d)).cumsum(1), rng.normal(0, 1, d).cumsum()
        out.append(("energy score, empirical", 'sr.es_ensemble, "nrg"', words("energy", d, y, x), sr.es_ensemble(y, x, estimator="nrg")))
        out.append(("energy score, fair", 'sr.es_ensemble, "fair"', words("energy-fair", d, y, x), sr.es_ensemble(y, x, estimator="fair")))
        for p in (0.5, 1.0, 2.0):
            out.append(("variogram score, empirical", 'sr.vs_ensemble, "nrg"', words("variogram", p, d, y, x), sr.vs_ensemble(y, x, p=p, estimator="nrg")))
            out.append(("variogram score, fair", 'sr.vs_ensemble, "fair"', words("variogram-fair", p, d, y, x), sr.vs_ensemble(y, x, p=p, estimator="fair")))
        apart = np.abs(np.subtract.outer(np.arange(d), np.arange(d))).astype(float)
        weights = np.divide(1.0, apart, out=np.zeros_like(apart), where=apart > 0)
        out.append(("variogram score, by distance", 'sr.vs_ensemble, weights', words("variogram-by-distance", 0.5, d, y, x), sr.vs_ensemble(y, x, w=weights, p=0.5, estimator="nrg")))
    return out


def least(job, repeats=100):
    job()
    best = float("inf")
    for _ in range(repeats):
        clock = time.perf_counter()
        job()
        best = min(best, time.perf_counter() - clock)
    return best


def processor():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def timings():
    command = ["cargo", "bench", "--no-default-features", "--bench", "crps"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    ours = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(1000, 1000)), rng.normal(size=1000)
    theirs = [
        (f"scoringrules {sr.__version__}, {backend}, \"{estimator}\"", least(lambda: sr.crps_ensemble(y, x, estimator=estimator, backend=backend)))
        for backend, estimator in (("numba", "qd"), ("numba", "pwm"), ("numpy", "qd"), ("numpy", "pwm"))
    ]
    theirs.append(("properscoring 0.1", least(lambda: properscoring.crps_ensemble(y, x))))
    return ours, theirs


def main():
    rows = cases(np.random.default_rng(7))
    ours = asked([line for _, _, line, _ in rows])
    table = {}
    for (score, peer, _, value), mine in zip(rows, ours):
        kept = table.setdefault((score, peer), [0, 0.0])
        kept[0] += 1
        # Relative to one or the score, whichever is larger: log scores and fair scores pass through zero.
        off = abs(mine - float(value)) / max(1.0, abs(float(value)))
        # A NaN counts as the worst there is.
        kept[1] = max(kept[1], off) if off == off else float("inf")
    print("# Scores, beside scoringrules\n")
    print(
        f"kramers by `examples/scores.rs`, scoringrules {sr.__version__}, properscoring 0.1 and closed forms in forty digits (mpmath), on the same "
        "random numbers. The difference is relative to the score, or to one where it is smaller. Bar: 1e-12. Made by `benches/peers/scores.py` "
        "(`just scores-peer`).\n"
    )
    print("| score | beside | questions | largest difference |\n|---|---|---|---|")
    failed = []
    for (score, peer), (n, worst) in table.items():
        if not worst <= BAR:
            failed.append(f"{score} beside {peer}: {worst:.1e}")
        print(f"| {score} | {peer} | {n} | {worst:.1e} |")
    print("\n## Where conventions differ\n")
    for text in CONVENTIONS:
        print(f"- {text}")
    own, theirs = timings()
    print("\n## 1,000 observations of 1,000 members\n")
    print(
        f"From members in no order to 1,000 scores; the least of a hundred runs by the clock, one after another on one machine ({processor()}, "
        f"{os.cpu_count()} cores).Bar: 15 ms on two cores.\n"
    )
    print("| | threads | time | × ours on one thread |\n|---|---|---|---|")
    one = min(line["seconds"] for line in own if line["what"].startswith("CRPS") and line["threads"] == 1)
    for line in own:
        print(f"| **kramers** {line['what']} | {line['threads']} | {1e3 * line['seconds']:.3g} ms | |")
    for name, seconds in theirs:
        print(f"| {name} | 1 | {1e3 * seconds:.3g} ms | {seconds / one:.3g} |")
    print(f"\n{TAKEN}")
    if failed:
        sys.exit("above the bar: " + "; ".join(failed))


# Kept by hand: how the last measurement was taken.
TAKEN = (
    "How it was taken: on a machine with nothing else to do. Ratios are to kramers on as many threads as the peers take, one. properscoring is quick by "
    "numpy's sort in vectors (AVX-512); ours puts numbers into places first."
)

CONVENTIONS = [
    "CRPS of an ensemble: backtests score samples as the law that gives each the same weight (`empirical` here; scoringrules `qd`, its default, `nrg` "
    "and `int`; properscoring). `fair` takes the pairs of different members only and so estimates the score of the law the members are "
    "from (scoringrules `fair` and `pwm`); `akr` depends on the order of the members and is not offered.",
    "Energy and variogram scores of backtests are the fair ones of 200 joint draws; scoringrules' default is the empirical one.",
    "The variogram score sums over ordered pairs of components, so each pair counts twice, as in scoringrules and in Scheuerer & Hamill (2015).",
    "The log score is the negative natural logarithm of the density, as there. Beyond some 38 standard deviations scoringrules' is infinite, as the "
    "density it takes the logarithm of is zero in double precision; ours stays exact.",
    "The pinball column of backtests is the mean over seven levels (2.5, 10, 25, 50, 75, 90 and 97.5 %), without the factor of two of "
    "scoringrules' `crps_quantile`.",
    "Winkler's score is that of `interval_score`; the weighted sum over intervals (`weighted_interval_score`) is not offered.",
]


if __name__ == "__main__":
    main()
