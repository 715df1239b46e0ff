#!/usr/bin/env python3
"""Compares fits with those of scipy.optimize.curve_fit on random data sets, the same ones for the same seed.

Needs numpy and scipy, and the example built:

    cargo build -p chemistry --example fits --profile server
    python3 shared/chemistry/tests/against_scipy.py target/server/examples/fits [--million]

Both fit the same points, every other set with weights, each from its own starting values: ours finds them by itself,
scipy's are the true parameters times a random factor. Where both converge, parameters and standard errors must agree to
1e-6. `scipy short` are sets where the sums of squares are equal to the last digits and only ours has its residuals at
right angles to the tangents. Sets that only one of them fits are listed: as a rule they have no best fit, a parameter
goes to infinity or two points hold all there is, and scipy stops somewhere on the way.

With --million it also times 1,000,000 points of first-order decay in the same run: ours may take half of scipy's time
at most. Ours is timed with its search for starting values; scipy is given good ones, once with the analytic derivatives
and once without.
"""

import argparse
import json
import subprocess
import sys
import time
import warnings

import numpy as np
from scipy.optimize import curve_fit

TOLERANCE = 1e-6
TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}
TINY = np.finfo(float).tiny


def langmuir(c, q, k):
    return q * k * c / (1 + k * c)


# Of each model: the curve, its derivatives, ranges of true parameters (logarithmic), lower bounds.
MODELS = {
    "decay_zero": (lambda t, c, k: c - k * t, lambda t, c, k: [np.ones_like(t), -t], [(5, 500), (0.05, 5)], (0, 0)),
    "decay_first": (
        lambda t, c, k: c * np.exp(-k * t),
        lambda t, c, k: [np.exp(-k * t), -t * c * np.exp(-k * t)],
        [(1, 1000), (0.02, 2)],
        (0, 0),
    ),
    "decay_second": (
        lambda t, c, k: c / (1 + k * c * t),
        lambda t, c, k: [1 / (1 + k * c * t) ** 2, -t * (c / (1 + k * c * t)) ** 2],
        [(1, 100), (0.005, 0.5)],
        (0, 0),
    ),
    "bod_first": (
        lambda t, b, k: -b * np.expm1(-k * t),
        lambda t, b, k: [-np.expm1(-k * t), b * t * np.exp(-k * t)],
        [(10, 1000), (0.05, 1)],
        (0, 0),
    ),
    "langmuir": (
        langmuir,
        lambda c, q, k: [k * c / (1 + k * c), q * c / (1 + k * c) ** 2],
        [(0.1, 100), (0.05, 10)],
        (0, 0),
    ),
    "freundlich": (
        lambda c, k, n: k * c ** (1 / n),
        lambda c, k, n: [c ** (1 / n), -k * c ** (1 / n) * np.log(c) / n**2],
        [(0.1, 100), (0.5, 8)],
        (0, TINY),
    ),
    "linear": (lambda c, k: k * c, lambda c, k: [c], [(0.01, 100)], (0,)),
    "temkin": (
        lambda c, b, a: b * np.log(a * c),
        lambda c, b, a: [np.log(a * c), np.full_like(c, b / a)],
        [(0.1, 50), (0.5, 100)],
        (0, TINY),
    ),
}


def sets(model, count, random):
    """Random data sets: 6 to 40 points, noise of 0.5 to 10 % of the curve's height; every other set has weights."""
    curve, _, ranges, _ = MODELS[model]
    for index in range(count):
        true = [float(np.exp(random.uniform(*np.log(r)))) for r in ranges]
        size = int(random.integers(6, 41))
        x = np.sort(random.uniform(0.2, 20, size))
        y = curve(x, *true)
        noise = random.uniform(0.005, 0.1) * np.max(np.abs(y))
        sigma = noise * np.exp(random.uniform(-1, 1, size)) if index % 2 else np.full(size, noise)
        y = y + random.normal(0, sigma)
        options = {"weights": {"sigma": sigma.tolist()}} if index % 2 else {}
        start = [value * float(np.exp(random.uniform(-0.4, 0.4))) for value in true]
        yield {"model": model, "x": x.tolist(), "y": y.tolist(), "options": options}, start


def by_scipy(data, start):
    """Parameters and standard errors, or why there are none."""
    model, x, y = data["model"], data["x"], data["y"]
    sigma = data["options"].get("weights", {}).get("sigma")
    curve, derivatives, ranges, lower = MODELS[model]
    jacobian = lambda x, *p: np.column_stack(derivatives(x, *p))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            p, covariance = curve_fit(
                curve, np.array(x), np.array(y), p0=start, jac=jacobian, bounds=(lower, np.inf), x_scale="jac",
                sigma=sigma, max_nfev=20000, **TIGHT,
            )
        except (RuntimeError, ValueError) as error:
            return None, None, str(error)
    if not np.all(np.isfinite(covariance)):
        return p, None, "no covariance"
    return p, np.sqrt(np.diag(covariance)), None


def angle(data, p):
    """The share of the residuals that lies along the tangents: 0 at a minimum. Without units."""
    curve, derivatives, _, _ = MODELS[data["model"]]
    x, y = np.array(data["x"]), np.array(data["y"])
    sigma = np.array(data["options"].get("weights", {}).get("sigma", 1.0))
    matrix = np.column_stack(derivatives(x, *p)) / np.reshape(sigma, (-1, 1))
    residuals = (y - curve(x, *p)) / sigma
    tangents = np.linalg.qr(matrix / np.linalg.norm(matrix, axis=0))[0]
    return float(np.linalg.norm(tangents.T @ residuals) / np.linalg.norm(residuals))


def run(binary, sets):
    text = "".join(json.dumps(s) + "\n" for s in sets)
    done = subprocess.run([binary], input=text, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def far(ours, theirs):
    return max(abs(a - b) / max(abs(b), 1e-300) for a, b in zip(ours, theirs))


def unlike(fit, p, errors):
    """The greatest relative differences, of parameters and of errors, and whether a parameter is at a bound."""
    at_bound = [e["at_bound"] is not None for e in fit["parameters"]]
    values = [e["value"] for e in fit["parameters"]]
    open_ones = [i for i, at in enumerate(at_bound) if not at]
    if any(at_bound):
        scale = max(abs(v) for v in p)
        is_near = all(abs(values[i] - p[i]) <= 1e-6 * scale for i, at in enumerate(at_bound) if at)
        return (0.0 if is_near else np.inf), 0.0, True
    ours = [e["standard_error"] for e in fit["parameters"]]
    return far(values, p), far([ours[i] or np.nan for i in open_ones], errors), False


def rss(data, p):
    sigma = data["options"].get("weights", {}).get("sigma", 1.0)
    residuals = np.array(data["y"]) - MODELS[data["model"]][0](np.array(data["x"]), *p)
    return float(np.sum((residuals / sigma) ** 2))


def compare(binary, model, count, seed, listed):
    random = np.random.default_rng([seed, list(MODELS).index(model)])
    made = list(sets(model, count, random))
    counts = ["both", "bound", "ours alone", "scipy alone", "neither", "scipy short"]
    row = {**dict.fromkeys(counts, 0), "values": 0.0, "errors": 0.0}
    differences = 0
    for index, ((data, start), fit) in enumerate(zip(made, run(binary, [s for s, _ in made]))):
        p, errors, why = by_scipy(data, start)
        kinds = [warning["kind"] for warning in fit.get("warnings", [])]
        has_ours = "error" not in fit and not {"did_not_converge", "not_identifiable"} & set(kinds)
        if p is not None and why is None and has_ours:
            values, spread, is_bound = unlike(fit, p, errors)
            row["bound" if is_bound else "both"] += 1
            if not (values <= TOLERANCE and spread <= TOLERANCE):
                ours = [e["value"] for e in fit["parameters"]]
                sums, angles = [[of(data, q) for q in (ours, p)] for of in (rss, angle)]
                # In a flat valley scipy can stop short: the sums are the same, and ours is at the right angle.
                is_short = abs(sums[0] / sums[1] - 1) < 1e-11 and angles[0] < 2e-9 and angles[0] < angles[1]
                row["scipy short"] += is_short
                differences += not is_short
                listed.append(f"{model} {index}: ours {ours}, scipy {p.tolist()}, rss {sums}, angles {angles}")
            else:
                row["values"], row["errors"] = max(row["values"], values), max(row["errors"], spread)
        else:
            key = "ours alone" if has_ours else "scipy alone" if why is None and p is not None else "neither"
            row[key] += 1
            told = fit.get("error") or f"{', '.join(kinds)} at {[e['value'] for e in fit['parameters']]}"
            listed.append(f"{model} {index}: {key}; ours: {told}; scipy: {why or p.tolist()}")
    return row, differences


def million(binary):
    """Times one million points in the same run. Gives whether ours is quick enough and the same."""
    random = np.random.default_rng(7)
    t = np.sort(random.uniform(0, 10, 1_000_000))
    y = 100 * np.exp(-0.3 * t) + random.normal(0, 2, t.size)
    (fit,) = run(binary, [{"model": "decay_first", "x": t.tolist(), "y": y.tolist(), "brief": True}])
    curve, derivatives, _, _ = MODELS["decay_first"]
    jacobian = lambda t, *p: np.column_stack(derivatives(t, *p))
    least = {}
    for name, options in {"derivatives given": {"jac": jacobian}, "as it comes": {}}.items():
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            p, covariance = curve_fit(curve, t, y, p0=[90.0, 0.25], **options)
            times.append(time.perf_counter() - begin)
        least[name] = min(times)
    difference = max(far(fit["values"], p), far(fit["errors"], np.sqrt(np.diag(covariance))))
    print(f"1,000,000 points: ours {fit['seconds']:.3f} s, {fit['iterations']} iterations; differs by {difference:.1e}")
    for name, seconds in least.items():
        print(f"  scipy, {name}: {seconds:.3f} s, ratio {fit['seconds'] / seconds:.3f}")
    return fit["seconds"] <= 0.5 * min(least.values()) and difference <= 1e-5


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", help="the example, built")
    parser.add_argument("--sets", type=int, default=200, help="data sets per model")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--million", action="store_true", help="time a million points, too")
    asked = parser.parse_args()
    listed, differences = [], 0
    print(f"{'model':14} both  bound  ours alone  scipy alone  neither  scipy short  values   errors")
    for model in MODELS:
        row, found = compare(asked.binary, model, asked.sets, asked.seed, listed)
        differences += found
        print(
            f"{model:14} {row['both']:4}  {row['bound']:5}  {row['ours alone']:10}  {row['scipy alone']:11}  "
            f"{row['neither']:7}  {row['scipy short']:11}  {row['values']:.1e}  {row['errors']:.1e}"
        )
    print(*listed, sep="\n")
    is_quick = million(asked.binary) if asked.million else True
    sys.exit(1 if differences or not is_quick else 0)


if __name__ == "__main__":
    main()
