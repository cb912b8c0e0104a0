"""Daily returns of real series: kramers' latent volatility beside GARCH and other baselines, on the last half of each record.

    python3 benches/peers/returns.py [path of kramers [names of series]] > reports/validation/returns.md

Which of the models is "chosen" is settled on the last quarter of the rows before the test part, by the mean log score, before any
row of the test part is read. Everything else is what `kramers backtest --json` says.
"""

import csv
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

KRAMERS = sys.argv[1] if len(sys.argv) > 1 else "target/release/kramers"
STOCKS = [f"data/stocks.csv --id Ticker --value Adj~Close --only {t}" for t in ["AAPL", "IBM", "GOOG", "FB", "MSFT"]]
# name, arguments, transform of one row, of levels, models
PRICES = ["log-volatility"]
SERIES = [(args.split()[-1], args, "log-return", "log", PRICES) for args in STOCKS]
SERIES += [
    ("EURUSD", "data/eurusd.csv", "log-return", "log", PRICES),
    ("WTI", "data/wti.csv", "log-return", "log", PRICES),
    ("DGS10", "data/dgs10.csv --since 1990-01-01", "diff", "none", ["log-volatility-level"]),
]
BASELINES = "climatology,ewma,garch,garch-t,gjr,gjr-t"


def kramers(args, *more):
    words = [w.replace("~", " ") for w in args.split()] + list(more)
    command = [KRAMERS, "backtest", *words, "--clock", "business", "--json", "-q", "--starts", "1", "--no-progress", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    document = json.loads(done.stdout)
    if "error" in document:
        raise ValueError(document["error"]["message"])
    return [s for s in document["scores"] if s["series"] == "all"], document["warnings"]


def at(scores, horizon):
    """Scores at one horizon, with the tests that are made of all horizons together."""
    pooled = {s["model"]: s for s in scores if s["horizon"] == "all"}
    here = [s for s in scores if s["horizon"] == horizon]
    tests = ("diebold_mariano", "confidence_set_p", "value_at_risk", "pit_ks_p")
    return [{**s, **{key: pooled[s["model"]].get(key) for key in tests}} for s in here]


def first_test_date(args):
    words = [w.replace("~", " ") for w in args.split()]
    only = words[words.index("--only") + 1] if "--only" in words else None
    with open(words[0]) as file:
        rows = [r for r in csv.reader(file)][1:]
    dates = [r[1] for r in rows if r[0] == only] if only else [r[0] for r in rows if r[1] not in ("", ".")]
    return dates[len(dates) // 2]


def iso(date):
    if "/" not in date:
        return date
    month, day, year = date.split("/")
    return f"{year}-{int(month):02}-{int(day):02}"


def study(case):
    try:
        return scored(case)
    except ValueError as why:
        return case[0], None, str(why), [], []


def scored(case):
    name, args, move, level, models = case
    asked = ["-m", ",".join(models), "--baselines", BASELINES, "--refit", "1000"]
    chosen = models[0]
    if len(models) > 1:
        before, _ = kramers(args, "--before", iso(first_test_date(args)), "--test", "25%", "--horizon", "1", "--step", "1",
                            "--transform", move, "-m", ",".join(models), "--refit", "never", "--baselines", "gjr-t")
        own = [s for s in at(before, "all") if s["model"] in models]
        chosen = min(own, key=lambda s: s["log_score"])["model"]
    one, warned = kramers(args, *asked, "--test", "50%", "--horizon", "1", "--step", "1", "--transform", move)
    far, more = kramers(args, *asked[:-2], "--refit", "100", "--test", "50%", "--horizon", "20", "--step", "10", "--transform", level)
    return name, chosen, at(one, "all"), at(far, 20), warned + more


def number(value, digits=4):
    return "-" if value is None else f"{value:.{digits}g}"


def table(scores, chosen, ahead):
    print(f"\n{ahead}\n")
    print("| model | CRPS | log score | 50 % | 80 % | 95 % | PIT p | DM against gjr-t: log score, p | CRPS, p | in the 90 % confidence set |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for s in scores:
        against = s["diebold_mariano"].get("gjr-t") or {}
        cell = lambda test: "-" if not test else f"{test['difference']:+.2g}, {number(test['p'], 2)}"
        mark = " (chosen)" if s["model"] == chosen else ""
        cover = [f"{100 * s['coverage'][k]:.1f}" for k in ("0.5", "0.8", "0.95")]
        kept = s.get("confidence_set_p")
        print(f"| {s['model']}{mark} | {number(s['crps'])} | {number(s['log_score'])} | {' | '.join(cover)} | {number(s['pit_ks_p'], 2)} | "
              f"{cell(against.get('log_score'))} | {cell(against.get('crps'))} | {'' if kept is None else ('yes' if kept >= 0.1 else 'no')} |")


def risks(scores):
    print("\nValue at risk one row ahead: p-values of the tests.\n")
    print("| model | level | hits | expected | Kupiec | Christoffersen | dynamic quantile | Acerbi-Szekely |")
    print("|---|---|---|---|---|---|---|---|")
    for s in scores:
        for r in s["value_at_risk"]:
            cells = [r.get(k) for k in ("kupiec_p", "christoffersen_p", "dynamic_quantile_p", "acerbi_szekely_p")]
            print(f"| {s['model']} | {r['level']} | {r['hits']} | {number(r['level'] * r['observations'])} | {' | '.join(number(c, 2) for c in cells)} |")


if __name__ == "__main__":
    print("# Daily returns: latent volatility and GARCH\n")
    print("Test part: the last half of each record, fits on all rows before each block of 1,000 windows (20 rows ahead: 100 windows, 10 rows apart).")
    print("DM: mean loss less gjr-t's (negative is better), Diebold & Mariano with the correction of Harvey, Leybourne & Newbold.")
    better, worse = [], []
    with ThreadPoolExecutor(2) as pool:
        for name, chosen, one, far, warned in pool.map(study, [s for s in SERIES if s[0] in sys.argv[2:] or not sys.argv[2:]]):
            if chosen is None:
                print(f"\n## {name}\n\nNo scores: {one}.")
                continue
            ours = next(s for s in one if s["model"] == chosen)
            test = (ours["diebold_mariano"].get("gjr-t") or {}).get("log_score")
            if test:
                (better if test["difference"] < 0 else worse).append(f"{name} (p = {number(test['p'], 2)})")
            print(f"\n## {name}")
            table(one, chosen, "One row ahead")
            table(far, chosen, "Twenty rows ahead (tests and the confidence set are of all horizons to twenty together)")
            risks(one)
            for warning in warned:
                print(f"\nWarning: {warning}")
            sys.stdout.flush()
    print("\n## In short\n")
    print(f"One row ahead, log score of the chosen model against gjr-t: lower on {', '.join(better) or 'none'}; higher on {', '.join(worse) or 'none'}.")
