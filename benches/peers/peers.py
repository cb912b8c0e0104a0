"""The peers of the eight bars, timed on one core unless said: each prints one JSON line {bar, tool, seconds, error, note}.

Run through `run.py`, which runs kramers beside them and makes the table.
"""

import json
import math
import os
import sys
import time

# One core for every library, so that ratios are of work and not of threads.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
import scipy.linalg as sl
import scipy.optimize as so
import scipy.sparse as sp
import scipy.sparse.linalg as spl
import scipy.special as ss
from scipy.stats import norm


def best(function, repeats=5, budget=20.0):
    """The shortest of a few runs, in seconds on a processor, and what the last returned."""
    shortest, spent, result = math.inf, 0.0, None
    for _ in range(repeats):
        start = time.process_time()
        result = function()
        took = time.process_time() - start
        shortest, spent = min(shortest, took), spent + took
        if spent > budget:
            break
    return shortest, result


def bernoulli_weight(v):
    """v / (e^v - 1), one at zero."""
    small = np.abs(v) < 1e-12
    return np.where(small, 1.0, v / np.where(small, 1.0, np.expm1(v)))


def say(bar, tool, seconds, error, note=""):
    print(json.dumps({"bar": bar, "tool": tool, "seconds": seconds, "error": error, "note": note}), flush=True)


# 1. The smallest rate of a double well, dX = (X - X^3) dt + sqrt(2 D) dW.
RATES = {0.25: 0.187170418087098538, 0.05: 0.00277614063657272552, 0.01: 6.15465017590693404e-12}


def well_rate(noise, cells=4000):
    """Scharfetter-Gummel operator, made symmetric, by LAPACK."""
    edges = np.linspace(-2.2, 2.2, cells + 1)
    x, h = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
    potential = x**4 / 4 - x**2 / 2
    w = np.diff(potential) / noise
    up, down = noise / h**2 * bernoulli_weight(w), noise / h**2 * bernoulli_weight(-w)
    diagonal = np.zeros(cells)
    diagonal[:-1] += up
    diagonal[1:] += down
    rates = sl.eigh_tridiagonal(diagonal, -np.sqrt(up * down), select="i", select_range=(0, 1), eigvals_only=True)
    return rates[1]


def bar_1():
    for noise, exact in RATES.items():
        seconds, rate = best(lambda: well_rate(noise), 3)
        say(1, "scipy eigh_tridiagonal", seconds, abs(rate / exact - 1), f"D = {noise}, 4000 cells")


# 2. Master equation of 0 -> A -> B -> 0 on 320 x 320 states, t = 2: product Poisson.
def chain(n=320):
    birth, convert, decay = 60.0, 1.0, 1.0
    a, b = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    index = lambda i, j: i * n + j
    rows, cols, rates = [], [], []
    for da, db, rate in ((1, 0, np.full((n, n), birth)), (-1, 1, convert * a), (0, -1, decay * b)):
        inside = (a + da >= 0) & (a + da < n) & (b + db >= 0) & (b + db < n) & (rate > 0)
        rows.append(index(a + da, b + db)[inside])
        cols.append(index(a, b)[inside])
        rates.append(rate[inside].astype(float))
    rows, cols, rates = (np.concatenate(v) for v in (rows, cols, rates))
    out = np.zeros(n * n)
    np.add.at(out, cols, rates)
    out[index(n - 1, np.arange(n))] += birth
    generator = sp.csr_matrix((rates, (rows, cols)), shape=(n * n, n * n)) - sp.diags(out)
    return generator.tocsr(), birth, convert, decay


def chain_means(t, birth, convert, decay):
    mean_a = birth / convert * (1 - math.exp(-convert * t))
    mean_b = birth / decay * (1 - math.exp(-decay * t) - decay * t * math.exp(-decay * t))
    return mean_a, mean_b


def bar_2(n=320, t=2.0):
    generator, *rates = chain(n)
    mean_a, mean_b = chain_means(t, *rates)
    k = np.arange(n)
    poisson = lambda m: np.exp(k * math.log(m) - m - ss.gammaln(k + 1))
    exact = np.outer(poisson(mean_a), poisson(mean_b)).ravel()
    p0 = np.zeros(n * n)
    p0[0] = 1.0

    def uniformised():
        q = -generator.diagonal().min()
        step = (generator / q + sp.identity(n * n)).tocsr()
        mean = q * t
        last = int(mean + 8 * math.sqrt(mean) + 20)
        weights = np.exp(np.arange(last + 1) * math.log(mean) - mean - ss.gammaln(np.arange(last + 1) + 1))
        v, total = p0.copy(), weights[0] * p0
        for weight in weights[1:]:
            v = step @ v
            if weight > 0:
                total += weight * v
        return total

    seconds, p = best(uniformised, 2)
    say(2, "scipy CSR uniformisation", seconds, np.abs(p - exact).sum(), f"{n * n} states, birth {rates[0]:g}, rates 1, t = {t:g}")
    seconds, p = best(lambda: spl.expm_multiply(t * generator, p0), 1)
    say(2, "scipy expm_multiply", seconds, np.abs(p - exact).sum(), f"{n * n} states, birth {rates[0]:g}, rates 1, t = {t:g}")


# 3. Euler-Maruyama of geometric Brownian motion: a million paths of a hundred steps.
def bar_3():
    paths, steps, mu, sigma = 1_000_000, 100, 0.05, 0.2
    h = 1.0 / steps

    def blocked():
        rng, total = np.random.Generator(np.random.SFC64(1)), 0.0
        for _ in range(0, paths, 10_000):
            s, z = np.full(10_000, 100.0), np.empty(10_000)
            for _ in range(steps):
                rng.standard_normal(out=z)
                s *= 1 + mu * h + sigma * math.sqrt(h) * z
            total += s.sum()
        return total / paths

    seconds, mean = best(blocked, 2)
    say(3, "numpy blocked", seconds, abs(mean / (100 * math.exp(mu)) - 1), "1e8 steps, one core")
    import numba

    @numba.njit(fastmath=True)
    def loop(seed):
        np.random.seed(seed)
        total, a, b = 0.0, 1 + mu * h, sigma * math.sqrt(h)
        for _ in range(paths):
            s = 100.0
            for _ in range(steps):
                s *= a + b * np.random.standard_normal()
            total += s
        return total / paths

    loop(0)
    seconds, mean = best(lambda: loop(1), 2)
    say(3, "numba", seconds, abs(mean / (100 * math.exp(mu)) - 1), "1e8 steps, one core, compiled before")


# 4. Exact likelihood of the square-root process, 2500 observations, and its maximum.
def cir_series(n=2500, kappa=2.0, theta=0.05, sigma=0.2, dt=1 / 252):
    rng = np.random.default_rng(4)
    x, c = [theta], 2 * kappa / (sigma**2 * (1 - math.exp(-kappa * dt)))
    for _ in range(n):
        x.append(rng.noncentral_chisquare(4 * kappa * theta / sigma**2, 2 * c * x[-1] * math.exp(-kappa * dt)) / (2 * c))
    return np.array(x), dt


def cir_minus_log_likelihood(log_theta, x, dt):
    kappa, theta, sigma = np.exp(log_theta)
    decay = math.exp(-kappa * dt)
    c = 2 * kappa / (sigma**2 * (1 - decay))
    q = 2 * kappa * theta / sigma**2 - 1
    u, v = c * x[:-1] * decay, c * x[1:]
    z = 2 * np.sqrt(u * v)
    return -np.sum(math.log(c) - u - v + q / 2 * np.log(v / u) + np.log(ss.ive(q, z)) + z)


def bar_4():
    x, dt = cir_series()
    # kramers fits the same series.
    if path := os.environ.get("KRAMERS_CIR_CSV"):
        np.savetxt(path, np.column_stack([np.arange(len(x)) * dt, x]), delimiter=",", header="t,x", comments="", fmt="%.17g")
    start = np.log([1.0, x.mean(), 0.1])
    evaluate = lambda: cir_minus_log_likelihood(start, x, dt)
    seconds, _ = best(evaluate, 20)
    say(4, "scipy ive, one likelihood", seconds, None, "2500 transitions")
    tight = so.minimize(cir_minus_log_likelihood, start, (x, dt), "Nelder-Mead", options={"xatol": 1e-12, "fatol": 1e-12, "maxiter": 5000, "maxfev": 5000})
    for method in ("Nelder-Mead", "L-BFGS-B"):
        seconds, found = best(lambda: so.minimize(cir_minus_log_likelihood, start, (x, dt), method), 3)
        say(4, f"scipy {method}", seconds, found.fun - tight.fun, f"maximum likelihood, no standard errors; -ln L = {tight.fun:.9f}")


# 5. Fokker-Planck of an Ornstein-Uhlenbeck process, 1000 cells.
def bar_5():
    cells, t, start_mean, start_var = 1000, 1.0, 1.0, 0.05
    edges = np.linspace(-5, 5, cells + 1)
    x, h = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
    law = lambda t: (start_mean * math.exp(-t), start_var * math.exp(-2 * t) + 1 - math.exp(-2 * t))
    averages = lambda t: np.diff(norm.cdf(edges, law(t)[0], math.sqrt(law(t)[1]))) / h
    w = np.diff(x**2 / 2)
    up, down = bernoulli_weight(w) / h**2, bernoulli_weight(-w) / h**2
    diagonal = np.zeros(cells)
    diagonal[:-1] -= up
    diagonal[1:] -= down

    def crank_nicolson(steps=100):
        k, p = t / steps, averages(0.0)
        band = np.zeros((3, cells))
        band[0, 1:], band[1], band[2, :-1] = -0.5 * k * down, 1 - 0.5 * k * diagonal, -0.5 * k * up
        for _ in range(steps):
            right = (1 + 0.5 * k * diagonal) * p
            right[:-1] += 0.5 * k * down * p[1:]
            right[1:] += 0.5 * k * up * p[:-1]
            p = sl.solve_banded((1, 1), band, right)
        return p

    seconds, p = best(crank_nicolson)
    say(5, "scipy solve_banded, Crank-Nicolson", seconds, np.abs(p - averages(t)).max(), "Ornstein-Uhlenbeck, 1000 cells, 100 steps")

    def spectral(modes=60):
        values, vectors = sl.eigh_tridiagonal(diagonal, np.sqrt(up * down), select="i", select_range=(cells - modes, cells - 1))
        root = np.exp(-(x**2) / 4)
        return root * (vectors @ (np.exp(values * t) * (vectors.T @ (averages(0.0) / root))))

    seconds, p = best(spectral)
    say(5, "scipy eigh_tridiagonal, 60 modes", seconds, np.abs(p - averages(t)).max(), "Ornstein-Uhlenbeck, 1000 cells")
    try:
        import pde

        grid = pde.CartesianGrid([[-5, 5]], cells)
        field = pde.ScalarField(grid, averages(0.0))
        equation = pde.PDE({"p": "laplace(p) + x * d_dx(p) + p"}, bc={"x": "neumann"})
        run = lambda: equation.solve(field, t_range=t, dt=2e-5, solver="explicit", tracker=None, backend="numba")
        seconds, result = best(run, 2)
        say(5, "py-pde explicit", seconds, float(np.abs(result.data - averages(t)).max()), "Ornstein-Uhlenbeck, 1000 cells, best of a warm second run")
    except Exception as error:  # a peer that breaks is a finding, not a failure of the table
        say(5, "py-pde explicit", None, None, f"failed: {type(error).__name__}: {str(error)[:120]}")


# 6. Heston call, Feller's condition violated.
def bar_6():
    import QuantLib as ql

    exact = 5.78515543437618903
    day = ql.Date(1, 1, 2026)
    ql.Settings.instance().evaluationDate = day
    count = ql.Actual365Fixed()
    flat = lambda r: ql.YieldTermStructureHandle(ql.FlatForward(day, r, count))
    process = ql.HestonProcess(flat(0.0), flat(0.0), ql.QuoteHandle(ql.SimpleQuote(100.0)), 0.0175, 1.5768, 0.0398, 0.5751, -0.5711)
    option = ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Call, 100.0), ql.EuropeanExercise(day + 365))

    def value(grid):
        option.setPricingEngine(ql.FdHestonVanillaEngine(ql.HestonModel(process), *grid))
        return option.NPV()

    for grid in ((100, 200, 100), (200, 400, 200)):
        seconds, found = best(lambda: value(grid), 2)
        say(6, "QuantLib finite differences (backward)", seconds, abs(found - exact), "call at 100, t x S x v = {} x {} x {}".format(*grid))


def main():
    asked = sys.argv[1:] or ["1", "2", "3", "4", "5", "6"]
    for bar in asked:
        globals()[f"bar_{bar}"]()


if __name__ == "__main__":
    main()
