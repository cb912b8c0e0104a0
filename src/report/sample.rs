//! Made-up views for the tests: a good one, a panel, a hostile one, an empty one and a broken one.

use super::view::*;

const DAY: f64 = 86_400.0;

/// A small generator of its own: a test picture needs no statistics.
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Sum of twelve uniforms less six: near enough to normal.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// One series of interest rates, daily on weekdays.
pub fn single() -> ReportView {
    long(900)
}

/// The same with `n` rows.
pub fn long(n: usize) -> ReportView {
    let finding = |rule: &str, count, action: &str| FindingRow { rule: rule.into(), count, action: action.into() };
    let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
    ReportView {
        title: "dgs10".into(),
        version: "0.1.0".into(),
        command: "kramers report data/dgs10.csv --test 20% --horizon 20".into(),
        seed: 1,
        provenance: vec![
            pair("file", "dgs10.csv"),
            pair("sha256", "3fcdc6e42bc81e4c996080ae41289ec67be8896e2164a3ed3bba75156e5d01e2"),
            pair("rows", "14,802 read, 14,786 used"),
            pair("columns", "time Date (m/d/yyyy), value Rate"),
            pair("clock", "business: one raw row is 1/252 year"),
            pair("held out", "the last 20 %: 2,957 rows from 2009-06-30"),
            pair("backtest", "147 windows of 20 rows, refit every 5 windows"),
        ],
        findings: vec![
            finding(
                "missing",
                12,
                "Twelve rows without a value were left out, the first on 1962-11-22; they still count as time.",
            ),
            finding("duplicate-time", 4, "The later of two rows with the same date was kept, the first on 1987-10-19."),
        ],
        series: vec![series("dgs10", n, 7)],
        notes: vec!["The clock is business days: gaps over weekends are one row long.".into()],
    }
}

/// Five tickers.
pub fn panel() -> ReportView {
    let mut view = single();
    view.title = "stocks".into();
    view.series =
        ["AAPL", "FB", "GOOG", "IBM", "MSFT"].iter().zip(11..).map(|(id, seed)| series(id, 400, seed)).collect();
    for (i, s) in view.series.iter_mut().enumerate() {
        s.warnings.truncate(i % 2);
        for score in s.scores.iter_mut().filter(|s| s.chosen) {
            score.skill = Some(0.02 - 0.009 * i as f64);
        }
    }
    view
}

/// A series with nothing in it but its name.
pub fn bare(id: &str) -> SeriesView {
    let none = || Fan { before: vec![], x: vec![], median: vec![], bands: vec![], truth: vec![] };
    let text = String::new;
    SeriesView {
        id: id.into(),
        value_name: text(),
        time_unit: text(),
        score_unit: text(),
        axis: Axis::Numbers,
        verdict: vec![],
        answers: vec![],
        history: vec![],
        test_from: f64::NAN,
        model: ModelView {
            id: text(),
            title: text(),
            equation: text(),
            mathml: Vec::new(),
            source: text(),
            domain: text(),
            transform: text(),
            form: text(),
        },
        params: vec![],
        fit_facts: vec![],
        held_out: none(),
        forecast: none(),
        pit: vec![],
        pit_ks_p: f64::NAN,
        through: Through::default(),
        residuals: vec![],
        coefficients: vec![],
        profiles: vec![],
        no_profiles: text(),
        counts: Vec::new(),
        conserved: text(),
        step: 1,
        by_horizon: vec![],
        scores: vec![],
        risk: vec![],
        losses: LossesView::default(),
        candidates: vec![],
        warnings: vec![],
    }
}

/// No series at all.
pub fn empty() -> ReportView {
    ReportView { series: vec![], findings: vec![], provenance: vec![], notes: vec![], ..single() }
}

/// Every value NaN or infinite, and one series without rows.
pub fn broken() -> ReportView {
    let mut view = single();
    let s = &mut view.series[0];
    for (i, p) in s.history.iter_mut().enumerate() {
        p.y = [f64::NAN, f64::INFINITY, 1e305][i % 3];
    }
    s.test_from = f64::INFINITY;
    s.held_out.median.fill(f64::NAN);
    s.held_out.x.truncate(3);
    s.forecast.bands[0].upper.fill(f64::INFINITY);
    s.pit.fill(f64::NAN);
    s.pit_ks_p = f64::NAN;
    s.residuals.fill(f64::NAN);
    s.through.quantiles.iter_mut().for_each(|q| q.fill(f64::NEG_INFINITY));
    s.coefficients[0].value.fill(f64::NAN);
    s.profiles[0].curve.iter_mut().for_each(|p| p.1 = f64::INFINITY);
    s.losses.limits[0].fill(f64::NEG_INFINITY);
    for h in &mut s.by_horizon {
        h.crps = f64::NAN;
    }
    for row in &mut s.scores {
        (row.crps, row.mae, row.coverage_80, row.skill) = (f64::NAN, f64::INFINITY, f64::NAN, Some(f64::NAN));
    }
    s.params[0].estimate = f64::NAN;
    view.series.push(bare("nothing"));
    view
}

/// Markup, formulas and control characters wherever text can come from a file.
pub fn hostile() -> ReportView {
    let evil = "=<script>alert(\"x\")</script><b>bold & 'q' onerror\u{0}=\n,";
    let mut view = panel();
    let s = &mut view.series[0];
    for field in [&mut s.id, &mut s.value_name, &mut s.time_unit, &mut s.score_unit, &mut s.model.equation] {
        *field = evil.into();
    }
    s.axis = Axis::Numbers;
    s.scores[0].model = evil.into();
    s.by_horizon[0].model = evil.into();
    s.candidates[0].remark = evil.into();
    s.verdict = vec![evil.into()];
    s.warnings = vec![evil.into()];
    s.params[0].name = evil.into();
    s.profiles[0].name = evil.into();
    s.through.variable = evil.into();
    s.coefficients[0].state = evil.into();
    s.losses.variable = evil.into();
    s.answers = vec![(evil.into(), evil.into())];
    (view.title, view.command) = (evil.into(), evil.into());
    view.notes = vec![evil.into()];
    view
}

fn series(id: &str, n: usize, seed: u64) -> SeriesView {
    let mut dice = Dice(seed);
    let mut rate: f64 = 4.1;
    let mut history = Vec::new();
    for i in 0..n {
        // 1962-01-02; five rows a week.
        let x = (-2921 + (i / 5 * 7 + i % 5) as i64) as f64 * DAY;
        history.push(Point { x, y: rate });
        rate = (rate + 0.0006 * (5.0 - rate) + 0.034 * rate.abs().sqrt() * dice.normal()).max(0.05);
    }
    let cut = n * 4 / 5;
    let held_out = fan(&history[cut - 60..cut], &history[cut..cut + 20], true, seed);
    let forecast = fan(&history[n - 60..], &[], false, seed);
    let pit = (0..2940).map(|_| (dice.uniform() + 0.07 * dice.normal()).clamp(0.0, 1.0)).collect();
    let (by_horizon, scores) = scored();
    SeriesView {
        id: id.into(),
        value_name: "Rate (% per year)".into(),
        time_unit: "year".into(),
        score_unit: "% per year".into(),
        axis: Axis::Dates,
        verdict: vec![
            "A square-root diffusion (cir) describes the 10-year yield best of the nine models tried.".into(),
            "On 147 held-out windows it saves 1.4 ± 0.4 % of the random walk’s error: better, but not by much.".into(),
            "Twenty rows ahead the yield lies between 1.38 and 1.99 % with probability 80 %.".into(),
        ],
        answers: ["Which model?", "How sure is it?", "Better than naive?", "Can I redo it?"]
            .map(|q| (q.to_string(), "yes, in a few words".to_string()))
            .to_vec(),
        test_from: history[cut].x,
        model: ModelView {
            id: "cir".into(),
            title: "Cox-Ingersoll-Ross square-root diffusion".into(),
            equation: "dx = kappa*(theta - x) dt + sigma*sqrt(x) dW".into(),
            mathml: vec!["<mi>dx</mi><mo>=</mo><mi>κ</mi>".into()],
            source: "Cox, Ingersoll & Ross (1985), doi:10.2307/1911242".into(),
            domain: "[0, inf)".into(),
            transform: "none".into(),
            form: "exact: the law claimed, scaled non-central chi-square, follows from the equation".into(),
        },
        params: params(),
        fit_facts: [
            ("status", "converged in 17 iterations, L-BFGS"),
            ("log-likelihood", "20,118.4 over 11,828 transitions"),
            ("AIC", "−40,230.8"),
            ("objective", "kl, exact transition density"),
            ("residuals", "Ljung-Box p = 0.012 at 20 lags"),
        ]
        .map(|(a, b)| (a.to_string(), b.to_string()))
        .to_vec(),
        held_out,
        forecast,
        pit,
        pit_ks_p: 0.0034,
        through: through(&history[cut..], seed),
        residuals: (0..n).map(|_| dice.normal()).collect(),
        coefficients: coefficients(),
        profiles: profiles(),
        no_profiles: String::new(),
        counts: Vec::new(),
        conserved: String::new(),
        step: 20,
        by_horizon,
        scores,
        risk: risk(),
        losses: losses(&history[cut..], seed),
        history,
        candidates: candidates(),
        warnings: vec![
            "The speed of mean reversion is weakly determined: its interval reaches down to 0.01 per year.".into(),
            "Residuals are correlated (Ljung-Box p = 0.012): the bands may be too narrow after calm weeks.".into(),
        ],
    }
}

fn params() -> Vec<ParamRow> {
    let row = |name: &str, meaning: &str, unit: &str, estimate: f64, se: f64| ParamRow {
        name: name.into(),
        meaning: meaning.into(),
        unit: unit.into(),
        estimate,
        se: Some(se),
        lower: Some(estimate - 1.96 * se),
        upper: Some(estimate + 1.96 * se),
        at_bound: false,
        held: false,
    };
    let mut rows = vec![
        row("kappa", "speed of mean reversion", "1/year", 0.1532, 0.0731),
        row("theta", "long-run level", "% per year", 5.013, 0.912),
        row("sigma", "volatility per square root of the level", "(% per year)^0.5/year^0.5", 0.5397, 0.0035),
    ];
    let bound = ParamRow {
        se: None,
        lower: None,
        upper: None,
        at_bound: true,
        held: false,
        ..row("gamma", "exponent of the level", "1", 0.5, 0.0)
    };
    rows.push(bound);
    rows
}

fn fan(before: &[Point], after: &[Point], known: bool, seed: u64) -> Fan {
    let mut dice = Dice(seed + 99);
    let last = before[before.len() - 1];
    let steps = 20;
    let x: Vec<f64> =
        (1..=steps).map(|i| after.get(i - 1).map_or(last.x + (i.div_ceil(5) * 2 + i) as f64 * DAY, |p| p.x)).collect();
    let width = |i: usize| 0.034 * last.y.sqrt() * (i as f64 + 1.0).sqrt();
    let band = |level: f64, z: f64| Band {
        level,
        lower: (0..steps).map(|i| last.y - z * width(i)).collect(),
        upper: (0..steps).map(|i| last.y + 1.06 * z * width(i)).collect(),
    };
    let _ = dice.uniform();
    Fan {
        before: before.to_vec(),
        median: (0..steps).map(|i| last.y + 0.002 * i as f64).collect(),
        bands: vec![band(0.95, 1.96), band(0.8, 1.2816), band(0.5, 0.6745)],
        truth: if known { after.to_vec() } else { vec![] },
        x,
    }
}

fn through(held: &[Point], seed: u64) -> Through {
    let mut dice = Dice(seed + 7);
    let levels = [0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995];
    // Normal quantiles at the levels.
    let z = [-2.576, -1.645, -0.674, 0.0, 0.674, 1.645, 2.576];
    let rows: Vec<&Point> = held.iter().step_by(held.len().div_ceil(72)).collect();
    let width = |p: &Point| 0.15 * p.y.sqrt();
    Through {
        ahead: 20,
        variable: "Rate (% per year)".into(),
        x: rows.iter().map(|p| p.x).collect(),
        actual: rows.iter().map(|p| p.y).collect(),
        levels: levels.to_vec(),
        quantiles: rows
            .iter()
            .map(|p| {
                let centre = p.y + 0.7 * width(p) * dice.normal();
                z.iter().map(|z| centre + z * width(p)).collect()
            })
            .collect(),
    }
}

fn losses(held: &[Point], seed: u64) -> LossesView {
    let mut dice = Dice(seed + 8);
    LossesView {
        variable: "return of Rate".into(),
        x: held.iter().map(|p| p.x).collect(),
        actual: held.iter().map(|_| 0.01 * dice.normal()).collect(),
        levels: vec![0.01, 0.05],
        limits: [-0.0233, -0.0164].map(|l| vec![l; held.len()]).to_vec(),
    }
}

fn coefficients() -> Vec<CoefficientView> {
    let x: Vec<f64> = (0..40).map(|i| 1.0 + 0.2 * f64::from(i)).collect();
    let one = |name: &str, unit: &str, at: fn(f64) -> f64| CoefficientView {
        name: name.into(),
        unit: unit.into(),
        state: "Rate (% per year)".into(),
        value: x.iter().map(|x| at(*x)).collect(),
        lower: x.iter().map(|x| at(*x) - 0.2).collect(),
        upper: x.iter().map(|x| at(*x) + 0.2).collect(),
        seen: x
            .iter()
            .step_by(5)
            .map(|x| SeenView { x: *x, value: at(*x) + 0.1, lower: at(*x) - 0.3, upper: at(*x) + 0.5 })
            .collect(),
        x: x.clone(),
    };
    vec![
        one("drift", "% per year/year", |x| 0.15 * (5.0 - x)),
        one("diffusion", "% per year/year^0.5", |x| 0.54 * x.sqrt()),
    ]
}

fn profiles() -> Vec<ProfileView> {
    params()
        .iter()
        .filter_map(|p| {
            let se = p.se.filter(|se| *se > 0.0)?;
            let curve = (-10..=10).map(|k| f64::from(k) * 0.25).map(|z| (p.estimate + z * se, 0.5 * z * z)).collect();
            let (name, unit) = (p.name.clone(), p.unit.clone());
            Some(ProfileView { name, unit, estimate: p.estimate, lower: p.lower, upper: p.upper, curve })
        })
        .collect()
}

fn scored() -> (Vec<HorizonRow>, Vec<ScoreRow>) {
    // Model, chosen, baseline, scale of the CRPS.
    let models = [
        ("cir", true, false, 0.986),
        ("ckls", false, false, 0.991),
        ("random-walk", false, true, 1.0),
        ("ou", false, false, 1.012),
        ("gbm", false, false, 1.03),
        ("climatology", false, true, 2.1),
    ];
    let mut by_horizon = Vec::new();
    let mut scores = Vec::new();
    for (i, (model, chosen, baseline, scale)) in models.into_iter().enumerate() {
        for h in 1..=20 {
            let reach = if model == "climatology" { 2.9 } else { (h as f64).sqrt() };
            by_horizon.push(HorizonRow {
                model: model.into(),
                horizon: h,
                windows: 147,
                crps: 0.0325 * scale * reach,
                mae: 0.046 * scale * reach,
                coverage_80: 0.83 - 0.004 * h as f64 + 0.012 * i as f64,
            });
        }
        let walk = model == "random-walk";
        scores.push(ScoreRow {
            model: model.into(),
            chosen,
            baseline,
            windows: 147,
            crps: 0.1021 * scale,
            log_score: -0.42 + (scale - 0.986) * 0.8,
            mae: 0.1436 * scale,
            rmse: 0.1902 * scale,
            coverage_50: 0.523 + 0.01 * i as f64,
            coverage_80: 0.812 + 0.012 * i as f64,
            coverage_95: 0.941 - 0.006 * i as f64,
            skill: (!walk).then_some(1.0 - scale),
            skill_se: (!walk).then_some(if baseline { 0.08 } else { 0.004 }),
            walk_p: (!walk).then_some(0.03),
            rival_p: (!walk).then_some(0.004),
            best_p: Some(if chosen { 1.0 } else { 0.02 }),
        });
    }
    (by_horizon, scores)
}

fn risk() -> Vec<RiskRow> {
    let row = |model: &str, baseline: bool| RiskRow {
        model: model.into(),
        chosen: !baseline,
        baseline,
        level: 0.025,
        hits: 7,
        expected: 6.25,
        kupiec_p: Some(0.7),
        christoffersen_p: None,
        dynamic_quantile_p: Some(f64::NAN),
        acerbi_szekely_p: Some(1e-9),
    };
    vec![row("cir", false), row("random-walk", true)]
}

fn candidates() -> Vec<CandidateRow> {
    [
        ("cir", "converged", Some(0.0987), true, "lowest validation CRPS"),
        ("ckls", "converged", Some(0.0991), false, "one parameter more, no gain"),
        ("ou", "converged", Some(0.1009), false, "allows negative rates"),
        ("gbm", "converged", Some(0.1040), false, "no mean reversion"),
        ("double-well", "flat", None, false, "barrier not determined by these rows"),
        ("logistic", "not tried", None, false, "its tags do not fit: population"),
    ]
    .map(|(model, status, validation_crps, chosen, remark)| CandidateRow {
        model: model.into(),
        status: status.into(),
        validation_crps,
        chosen,
        remark: remark.into(),
    })
    .to_vec()
}
