"""Daily returns of real series: kramers' latent volatility, alone and combined with GARCH, beside GARCH and other baselines, on the last half of
each record.

    python3 benches/peers/returns.py [path of kramers [folder for finished series [names of series]]] > reports/validation/returns.md

Which of the candidates is "chosen" is settled on the last quarter of the rows before the test part, by the mean log score one row ahead, before any
row of the test part is read. Everything else is what `kramers backtest --json` says. A finished series is kept in the folder and not run again.
"""

import csv
import json
import os
import subprocess
import sys
import time

KRAMERS = sys.argv[1] if len(sys.argv) > 1 else "target/release/kramers"
KEPT = sys.argv[2] if len(sys.argv) > 2 else "target/returns"
STOCKS = [f"data/stocks.csv --id Ticker --value Adj~Close --only {t}" for t in ["AAPL", "IBM", "GOOG", "FB", "MSFT"]]
# name, arguments, transform of one row, of levels, candidates
# log-volatility-jumps is left out: with eight numbers of jumps a row its refits take minutes a series.
PRICES = ["log-volatility", "log-volatility-t", "log-volatility-t+gjr-t"]
LEVELS = ["log-volatility-level", "log-volatility-level-t", "log-volatility-level-t+gjr-t"]
SERIES = [(args.split()[-1], args, "log-return", "log", PRICES) for args in STOCKS]
SERIES += [
    ("EURUSD", "data/eurusd.csv", "log-return", "log", PRICES),
    ("WTI", "data/wti.csv", "log-return", "log", PRICES),
    ("DGS10", "data/dgs10.csv --since 1990-01-01", "diff", "none", LEVELS),
]
BASELINES = "climatology,ewma,garch,garch-t,gjr,gjr-t"
REFIT = "250"


def kramers(args, *more):
    words = [w.replace("~", " ") for w in args.split()] + list(more)
    command = [KRAMERS, "backtest", *words, "--clock", "business", "--json", "-q", "--starts", "1", "--no-progress"]
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
    since = words[words.index("--since") + 1] if "--since" in words else ""
    with open(words[0]) as file:
        rows = [r for r in csv.reader(file)][1:]
    dates = [r[1] for r in rows if r[0] == only] if only else [r[0] for r in rows if r[1] not in ("", ".")]
    dates = [d for d in dates if iso(d) >= since]
    return dates[len(dates) // 2]


def iso(date):
    if "/" not in date:
        return date
    month, day, year = date.split("/")
    return f"{year}-{int(month):02}-{int(day):02}"


def scored(case):
    name, args, move, level, models = case
    asked = ["-m", ",".join(models), "--baselines", BASELINES, "--refit", REFIT]
    began = time.time()
    before, _ = kramers(args, "--before", iso(first_test_date(args)), "--test", "25%", "--horizon", "1", "--step", "1",
                        "--transform", move, "-m", ",".join(models), "--refit", "never", "--baselines", "gjr-t")
    own = [s for s in at(before, "all") if s["model"] in models and s["log_score"] is not None]
    past = {s["model"]: s["log_score"] for s in at(before, "all")}
    chosen = min(own, key=lambda s: s["log_score"])["model"]
    one, warned = kramers(args, *asked, "--test", "50%", "--horizon", "1", "--step", "1", "--transform", move)
    far, more = kramers(args, *asked, "--test", "50%", "--horizon", "20", "--step", "10", "--transform", level)
    return {"chosen": chosen, "past": past, "one": at(one, "all"), "far": at(far, 20), "warned": warned + more,
            "seconds": time.time() - began}


def study(case):
    path = os.path.join(KEPT, f"{case[0]}.json")
    if not os.path.exists(path):
        try:
            found = scored(case)
        except ValueError as why:
            found = {"chosen": None, "why": str(why)}
        os.makedirs(KEPT, exist_ok=True)
        with open(path, "w") as file:
            json.dump(found, file)
    with open(path) as file:
        return json.load(file)


def number(value, digits=4):
    return "-" if value is None else f"{value:.{digits}g}"


def against(s, kind, base="gjr-t"):
    return ((s["diebold_mariano"] or {}).get(base) or {}).get(kind)


def table(scores, chosen, ahead):
    print(f"\n{ahead}\n")
    print("| model | CRPS | log score | 50 % | 80 % | 95 % | PIT p | DM against gjr-t: log score, p | CRPS, p | in the 90 % confidence set |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for s in scores:
        cell = lambda test: "-" if not test else f"{test['difference']:+.2g}, {number(test['p'], 2)}"
        mark = " (chosen)" if s["model"] == chosen else ""
        cover = [f"{100 * s['coverage'][k]:.1f}" for k in ("0.5", "0.8", "0.95")]
        kept = s.get("confidence_set_p")
        print(f"| {s['model']}{mark} | {number(s['crps'])} | {number(s['log_score'])} | {' | '.join(cover)} | {number(s['pit_ks_p'], 2)} | "
              f"{cell(against(s, 'log_score'))} | {cell(against(s, 'crps'))} | {'' if kept is None else ('yes' if kept >= 0.1 else 'no')} |")


def risks(scores):
    print("\nValue at risk one row ahead: p-values of the tests.\n")
    print("| model | level | hits | expected | Kupiec | Christoffersen | dynamic quantile | Acerbi-Szekely |")
    print("|---|---|---|---|---|---|---|---|")
    for s in scores:
        for r in s["value_at_risk"] or []:
            cells = [r.get(k) for k in ("kupiec_p", "christoffersen_p", "dynamic_quantile_p", "acerbi_szekely_p")]
            print(f"| {s['model']} | {r['level']} | {r['hits']} | {number(r['level'] * r['observations'])} | {' | '.join(number(c, 2) for c in cells)} |")


def short(found, part, kind):
    """Every candidate's difference to gjr-t, with its p-value."""
    for name, told in found:
        for s in told[part]:
            test = against(s, kind)
            if test and (s["model"] == told["chosen"] or "volatility" in s["model"]):
                mark = " (chosen)" if s["model"] == told["chosen"] else ""
                verdict = "level" if test["p"] >= 0.05 else ("won" if test["difference"] < 0 else "lost")
                print(f"| {name} | {s['model']}{mark} | {test['difference']:+.2g} | {number(test['p'], 2)} | {verdict} |")


if __name__ == "__main__":
    found = []
    for case in SERIES:
        if len(sys.argv) <= 3 or case[0] in sys.argv[3:]:
            found.append((case[0], study(case)))
            print(case[0], found[-1][1].get("seconds"), file=sys.stderr, flush=True)
    print("# Daily returns: latent volatility, GARCH, and both together\n")
    print(f"Test part: the last half of each record. All models are fitted again every {REFIT} rows, on all rows before (twenty rows ahead: windows 10 rows apart).")
    print("The chosen model is the candidate of the best log score on the last quarter of the rows *before* the test part. A name with + is a combination under equal weights.")
    print("DM: mean loss less gjr-t's (negative is better), Diebold & Mariano with the correction of Harvey, Leybourne & Newbold.")
    told = [(name, f) for name, f in found if f["chosen"]]
    print("\n## In short\n")
    for part, ahead in (("one", "one row ahead"), ("far", "twenty rows ahead (tests of all horizons to twenty together)")):
        for kind, what in (("log_score", "Log score"), ("crps", "CRPS")):
            print(f"\n{what} less gjr-t's, {ahead}\n\n| series | model | difference | p | |\n|---|---|---|---|---|")
            short(told, part, kind)
    for name, f in found:
        print(f"\n## {name}")
        if not f["chosen"]:
            print(f"\nNo scores: {f['why']}.")
            continue
        print("\nLog scores on the rows the choice was made on: " + ", ".join(f"{m} {number(v)}" for m, v in f["past"].items()) + ".")
        table(f["one"], f["chosen"], "One row ahead")
        table(f["far"], f["chosen"], "Twenty rows ahead (tests and the confidence set are of all horizons to twenty together)")
        risks(f["one"])
        for warning in f["warned"]:
            print(f"\nWarning: {warning}")
