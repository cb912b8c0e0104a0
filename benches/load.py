"""Time and peak memory of kramers over three decades of rows, series and path-steps: python3 benches/load.py KRAMERS [FOLDER] [TABLE ...]

Every line is one run of the program under GNU time. The exponents of a table are the slopes of the logarithms of processor time and of peak
memory, each above that of a run on next to nothing, against that of the size, by least squares: 1 is linear, 0 is flat. Processor time, because a
machine that does other work too tells nothing by its clock. KRAMERS_LOAD_MOST=N leaves out what is larger.
"""

import math
import os
import subprocess
import sys
import tempfile

KRAMERS = os.path.abspath(sys.argv[1])
FOLDER = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()
WANTED = sys.argv[3:]
MOST = float(os.environ.get("KRAMERS_LOAD_MOST", "inf"))


def timed(line, cwd=FOLDER):
    """Seconds of the clock and of the processors, and peak resident MB of one run."""
    told = os.path.join(cwd, "time.txt")
    words = ["/usr/bin/time", "-o", told, "-f", "%e %U %S %M", KRAMERS] + line.split()
    ran = subprocess.run(words, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if ran.returncode > 1:
        sys.exit(f"{line}\n{ran.stderr}")
    elapsed, user, system, kilobytes = open(told).read().split("\n")[-2].split()
    return float(elapsed), float(user) + float(system), int(kilobytes) / 1024


def normals():
    """Normal numbers that are the same everywhere, a million times over again."""
    import random

    random.seed(5)
    return [random.gauss(0, 1) for _ in range(1 << 16)]


NORMALS = normals()


def csv_rows(n):
    """A mean-reverting record of n rows, one a minute."""
    path = os.path.join(FOLDER, f"rows-{n}.csv")
    if os.path.exists(path):
        return os.path.basename(path)
    with open(path, "w") as out:
        out.write("t,value\n")
        x, lines = 1.0, []
        for i in range(n):
            x += 0.01 * (1.0 - x) + 0.02 * NORMALS[(i * 40503) & 0xFFFF]
            lines.append(f"{i},{x:.6f}\n")
            if len(lines) == 100_000:
                out.write("".join(lines))
                lines = []
        out.write("".join(lines))
    return os.path.basename(path)


ROWS = 60


def panel(n):
    """n series of sixty rows."""
    path = os.path.join(FOLDER, f"panel-{n}.csv")
    if os.path.exists(path):
        return os.path.basename(path)
    with open(path, "w") as out:
        out.write("unique_id,t,y\n")
        for s in range(n):
            x, lines = 1.0, []
            for i in range(ROWS):
                x += 0.1 * (1.0 - x) + 0.05 * NORMALS[(s * 7919 + i * 40503) & 0xFFFF]
                lines.append(f"s{s:06},{i},{x:.5f}\n")
            out.write("".join(lines))
    return os.path.basename(path)


def exponent(sizes, values):
    points = [(math.log(s), math.log(v)) for s, v in zip(sizes, values) if v > 0]
    if len(points) < 2:
        return float("nan")
    mx = sum(p[0] for p in points) / len(points)
    my = sum(p[1] for p in points) / len(points)
    return sum((x - mx) * (y - my) for x, y in points) / sum((x - mx) ** 2 for x, _ in points)


def table(name, title, sizes, make, line):
    """One table. `make(size)` gives the names to put into `line`; the program's own time and memory are those of a hundredth of the smallest size."""
    if WANTED and name not in WANTED:
        return
    sizes = [size for size in sizes if size <= MOST]
    _, base_seconds, base_memory = timed(line.format(**make(sizes[0] // 100)))
    print(f"## {title}\n\n`kramers {line}`\n\n| size | seconds | of processors | peak, MB | bytes a unit |\n|---|---|---|---|---|")
    rows = []
    for size in sizes:
        elapsed, seconds, memory = timed(line.format(**make(size)))
        rows.append((seconds - base_seconds, memory - base_memory))
        unit = rows[-1][1] * 2**20 / size
        print(f"| {size:.0e} | {elapsed:.2f} | {seconds:.2f} | {memory:.0f} | {unit:.0f} |", flush=True)
    times, room = exponent(sizes, [r[0] for r in rows]), exponent(sizes, [r[1] for r in rows])
    base = f"on next to nothing {base_seconds:.2f} s and {base_memory:.0f} MB"
    print(f"\nexponents: time {times:.2f}, memory {room:.2f}; {base}\n", flush=True)


ROW_SIZES = [10**5, 10**6, 10**7]
SERIES_SIZES = [10**3, 10**4, 10**5]
STEPS = [10**6, 10**7, 10**8]


def steps(n):
    """Paths of a hundred steps with ten output times each."""
    return {"paths": max(1, n // 100)}


def main():
    table("check", "Rows of a CSV through `check`", ROW_SIZES, lambda n: {"file": csv_rows(n)}, "check {file} --time t --value value -o check")
    table("fit", "Rows of a CSV through `fit`", ROW_SIZES, lambda n: {"file": csv_rows(n)}, "fit {file} -m ou --time t --value value -o fit")
    table(
        "panel",
        f"Series of {ROWS} rows through `backtest`, twelve windows of two rows each, a model and a baseline",
        SERIES_SIZES,
        lambda n: {"file": panel(n)},
        "backtest {file} -m bm --baselines random-walk --test 12 --horizon 2 --step 1 --refit never -o panel --resume",
    )
    table("summary", "Path-steps of `simulate --summary`", STEPS, steps, "simulate gbm --until 1 --every 0.1 --step 0.01 --paths {paths} --summary -o summary.csv")
    table("paths", "Path-steps of `simulate` to a CSV of all paths", STEPS, steps, "simulate gbm --until 1 --every 0.1 --step 0.01 --paths {paths} -o paths.csv")
    table("counts", "Reactions of `simulate --summary` of a network, ten a path and unit of time", [10**5, 10**6, 10**7], lambda n: {"paths": n // 10}, "simulate immigration-death --until 1 --every 0.1 --paths {paths} --summary -o counts.csv")


main()
