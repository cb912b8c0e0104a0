use super::basis::Basis;
use super::modes::{Coefficients, Coordinate, Ground, Modes};
use super::{kramers, log_transitions, spectrum};
use crate::base::{Error, Purpose, Result, Seed, math};
use crate::form::{Accuracy, Form, Pairs, Question, answer};
use crate::models::{Model, built_in, read};

fn diffusion(state: &str, drift: &str, noise: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"d\"\ntitle = \"d\"\nkind = \"diffusion\"\n[state.x]\n{state}\n[dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"{noise}\"\n"
    );
    read("d.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

fn double_well(d: f64) -> Model {
    diffusion("domain = [-inf, inf]", "x - x^3", &format!("sqrt(2*{d})"))
}

fn question<'a>(theta: &'a [f64], start: &'a [f64], times: &'a [f64]) -> Question<'a> {
    Question { theta, start, t0: 0.0, times, accuracy: Accuracy::default(), key: Seed(1).key(Purpose::Forecast, 0, 0) }
}

fn pairs(x0: &[f64], x1: &[f64], dt: &[f64]) -> Pairs {
    Pairs { x0: x0.to_vec(), x1: x1.to_vec(), dt: dt.to_vec(), t0: vec![0.0; x0.len()] }
}

#[test]
fn the_gap_of_a_double_well_has_its_digits_down_to_1e_minus_109() -> Result<()> {
    // Two independent methods at 40 digits: sine functions and a harmonic basis; the last by the integral operator.
    let cases: [(f64, &[f64]); 5] = [
        (0.25, &[0.187_170_418_087_098_54, 1.501_028_417_712_726_9, 2.915_173_889_417_815]),
        (0.05, &[0.002_776_140_636_572_725_5, 0.822_247_124_500_734_8, 1.314_155_318_671_553]),
        (0.02, &[1.623_215_088_723_853_8e-6]),
        (0.01, &[6.154_650_175_906_934e-12]),
        (0.001, &[1.199_749_506_786_592_1e-109]),
    ];
    for (d, rates) in cases {
        let found = spectrum(&double_well(d), &[], rates.len() + 1)?;
        assert_eq!(found.rates[0], 0.0);
        for (k, rate) in rates.iter().enumerate() {
            let off = (found.rates[k + 1] / rate - 1.0).abs();
            let said = found.errors[k + 1] / rate;

            assert!(off < 1e-10 && off < said.max(1e-12), "{d} {k}: {off:e} {said:e}");
        }
    }
    Ok(())
}

#[test]
fn kramers_rate_nears_the_true_one_as_the_noise_falls() -> Result<()> {
    let of = |d: f64| kramers(&double_well(d), &[]);
    for (d, rate) in [
        (0.25, 0.082_801_965_816_351_94),
        (0.05, 0.001_516_570_905_169_613_9),
        (0.02, 0.5 * 1.677_583_327_740_531_5e-6),
    ] {
        let found = of(d)?;
        assert!(
            (found.rates[0] / rate - 1.0).abs() < 1e-12 && (found.rates[1] / rate - 1.0).abs() < 1e-12,
            "{found:?}"
        );
        assert!((found.barriers[0] * d - 0.25).abs() < 1e-13 && found.saddle.abs() < 1e-12, "{found:?}");
        // λ₁ = 2 r (1 - 3D/2 + …): the first correction of Edholm & Leimar (1979).
    }
    let (one, two) = (of(0.01)?.ratio - 1.0, of(0.005)?.ratio - 1.0);
    assert!((one / two).log2() > 0.9 && (one / two).log2() < 1.1, "first order in the noise: {one} {two}");
    // Uneven wells and uneven noise: the rates out of both are summed.
    let skew = kramers(&diffusion("domain = [-inf, inf]", "100*(x - x^3) + 12", "0.5*(4 + x)"), &[])?;
    assert!(skew.barriers[1] > skew.barriers[0] && (skew.ratio - 1.0).abs() < 0.1, "{skew:?}");
    assert!(matches!(kramers(&built_in("ou")?, &[1.0, 0.0, 1.0]), Err(Error::Numerics { .. })));
    Ok(())
}

#[test]
fn transient_densities_have_ten_digits() -> Result<()> {
    let model = double_well(0.1);
    let cases = [
        (-1.0, 0.5, 1.919_027_842_954_144),
        (0.0, 0.5, 0.002_263_019_641_889_648),
        (0.5, 0.5, 7.076_768_294_646e-6),
        (-1.0, 2.0, 1.661_148_384_998_944),
        (0.0, 2.0, 0.046_342_644_115_542_15),
        (0.5, 2.0, 0.012_779_124_996_045_53),
        (1.0, 2.0, 0.003_710_576_763_383_307),
        (-1.0, 20.0, 1.253_472_532_789_158),
        (0.0, 20.0, 0.065_918_724_563_766_08),
        (0.5, 20.0, 0.103_155_085_728_307_2),
        (1.0, 20.0, 0.352_636_425_358_541_3),
    ];
    let [x1, dt, p]: [Vec<f64>; 3] = [0, 1, 2].map(|i| cases.iter().map(|c| [c.0, c.1, c.2][i]).collect());
    let found = log_transitions(&model, &[], &pairs(&[-1.0; 11], &x1, &dt))?;
    for (i, value) in found.value.iter().enumerate() {
        assert!((math::exp(*value) - p[i]).abs() < 1e-10, "{i}: {} {}", math::exp(*value), p[i]);
    }
    let laws = answer(&model, Form::Schroedinger, &question(&[], &[-1.0], &[0.5, 2.0, 20.0]))?;
    for (i, (x, t)) in x1.iter().zip(&dt).enumerate() {
        let k = [0.5, 2.0, 20.0].iter().position(|s| s == t).expect("asked");
        let off = math::exp(laws.laws[k][0].log_pdf(*x).expect("a density")) - p[i];
        assert!(off.abs() < 1e-8, "{x} {t}: {off:e}");
    }
    assert!(laws.error.is_some_and(|e| e < 1e-9), "{:?}", laws.error);
    Ok(())
}

/// Largest error of the density of the double well half a time after it left -1, over three places, by so many sine cardinals.
pub(in crate::form) fn error_by_functions(n: usize) -> Result<f64> {
    let model = double_well(0.1);
    let crate::process::Process::Diffusion(process) = &model.process else { panic!("a diffusion") };
    let scalar = process.scalar().expect("one-dimensional");
    let mut coefficients = Coefficients::new(&scalar, &[]);
    let basis = Basis::Sinc { first: -5.5, h: 11.0 / (n - 1) as f64, n };
    let ground = Ground::new(basis, Coordinate::UnitNoise, &mut coefficients, 0.0).expect("finite");
    let modes = Modes::new(ground, &mut coefficients, f64::INFINITY).expect("finite");
    let start = modes.ground.place(&mut coefficients, -1.0);
    let solution = [modes.evolved(&start, 0.5)];
    let mut chi = vec![0.0; n];
    let mut error = |(x, p): (f64, f64)| {
        let place = modes.ground.place(&mut coefficients, x);
        (modes.densities(&solution, &start, &place, &mut chi)[0] - p).abs()
    };
    let known = [(-1.0, 1.919_027_842_954_144), (0.0, 0.002_263_019_641_889_648), (0.5, 7.076_768_294_646e-6)];
    Ok(known.map(&mut error).into_iter().fold(0.0, f64::max))
}

#[test]
fn closed_laws_come_out_of_the_spectrum_also_at_an_end() -> Result<()> {
    let cases: [(&str, &[f64], f64, &[f64]); 6] = [
        ("ou", &[1.5, 0.5, 0.8], -1.0, &[0.05, 0.7, 9.0]),
        ("gbm", &[0.1, 0.3], 1.3, &[0.1, 1.0]),
        ("bm", &[0.3, 0.7], 0.0, &[0.01, 1.0]),
        ("exp-ou", &[1.2, 0.1, 0.3], 1.5, &[0.3, 4.0]),
        // Feller's condition holds, and fails.
        ("cir", &[1.2, 0.06, 0.25], 0.04, &[0.1, 0.5, 3.0]),
        ("cir", &[1.0, 0.25, 1.0], 0.3, &[0.2, 1.0, 5.0]),
    ];
    for (id, theta, x0, times) in cases {
        let model = built_in(id)?;
        let asked = question(theta, std::slice::from_ref(&x0), times);
        let exact = answer(&model, Form::Exact, &asked)?;
        let found = answer(&model, Form::Schroedinger, &asked)?;
        let said = found.error.expect("an estimate");
        let mut most: f64 = 0.0;
        for (e, f) in exact.laws.iter().zip(&found.laws) {
            for p in (1..200).map(|i| f64::from(i) / 200.0) {
                most = most.max((f[0].cdf(e[0].quantile(p)) - p).abs());
            }
        }
        // No cubic in the state follows a density that is infinite at zero.
        let bound = if x0 == 0.3 { 5e-7 } else { 1e-10 };
        assert!(most < 2.0 * said && most < bound, "{id}: {most:e} {said:e}");
    }
    Ok(())
}

#[test]
fn pearson_diffusions_have_their_published_rates_and_the_grid_agrees() -> Result<()> {
    let student = spectrum(&built_in("pearson-student")?, &[1.0, 0.0, 0.1, 1.0], 9)?;
    assert!(student.closed);
    assert_eq!(student.rates.len(), 6, "the others are a continuum");
    for (k, rate) in [0.0, 1.0, 1.8, 2.4, 2.8, 3.0].into_iter().enumerate() {
        assert!((student.rates[k] - rate).abs() < 1e-14, "{:?}", student.rates);
    }
    let jacobi = spectrum(&built_in("jacobi")?, &[0.9, 0.4, 0.7], 4)?;
    assert!((jacobi.rates[3] - 4.17).abs() < 1e-14);
    for (id, theta, n) in [
        ("ou", &[1.5, 0.5, 0.8][..], 6),
        ("cir", &[1.2, 0.06, 0.25], 6),
        ("cir", &[1.0, 0.25, 1.0], 6),
        ("jacobi", &[0.9, 0.4, 0.7], 6),
        ("pearson-student", &[1.0, 0.0, 0.1, 1.0], 9),
    ] {
        let model = built_in(id)?;
        let exact = spectrum(&model, theta, n)?;
        let grid = super::line::rates(&model.scalar().expect("one state"), theta, n).expect("rates");
        for (k, (g, e)) in grid.rates.iter().zip(&exact.rates).enumerate().skip(1) {
            assert!(
                (g / e - 1.0).abs() < 1e-9 && (g - e).abs() < 2.0 * grid.errors[k],
                "{id} {k}: {g} {e} {:e}",
                grid.errors[k]
            );
        }
        assert!(grid.rates.len() >= 4);
    }
    Ok(())
}

#[test]
fn ends_that_absorb_or_reflect_and_rings_have_the_rates_of_waves() -> Result<()> {
    use std::f64::consts::PI;
    let on = |boundary: &str| diffusion(&format!("domain = [0.0, 2.0]\nboundary = \"{boundary}\""), "0", "0.6");
    let unit = 0.18 * PI * PI / 4.0;
    for (boundary, waves) in [
        ("absorbing", [1.0, 4.0, 9.0, 16.0]),
        ("reflecting", [0.0, 1.0, 4.0, 9.0]),
        ("periodic", [0.0, 4.0, 4.0, 16.0]),
    ] {
        let found = spectrum(&on(boundary), &[], 4)?;
        for (rate, wave) in found.rates.iter().zip(waves) {
            assert!((rate / unit - wave).abs() < 1e-10 * (1.0 + wave), "{boundary}: {:?}", found);
        }
    }
    // Drift c to an absorbing end on the half line: none; with one end far, x' = -x from 0: λ = 1, 3, 5 (odd Hermite functions).
    let half = diffusion("domain = [0.0, inf]\nboundary = \"absorbing\"", "-x", "1");
    for (rate, exact) in spectrum(&half, &[], 3)?.rates.iter().zip([1.0, 3.0, 5.0]) {
        assert!((rate / exact - 1.0).abs() < 1e-9, "{rate}");
    }
    Ok(())
}

#[test]
fn what_has_no_symmetric_form_is_refused_by_name() -> Result<()> {
    let why = |model: &Model, theta: &[f64]| match spectrum(model, theta, 3) {
        Err(Error::FormUnavailable { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    let gyrator = "schema = 1\nid = \"g\"\ntitle = \"g\"\nkind = \"diffusion\"\n[state.x]\n[state.y]\n[dynamics]\ndrift.x = \"-x - 0.5*y\"\ndrift.y = \"SIGN0.8*x - 2*y\"\ndiffusion.x = \"1\"\ndiffusion.y = \"1\"\n";
    let turning = read("g.toml", &gyrator.replace("SIGN", "")).unwrap_or_else(|e| panic!("{e}"));
    assert!(why(&turning, &[]).contains("detailed balance fails, its spectrum is complex"), "{}", why(&turning, &[]));
    let still = read("g.toml", &gyrator.replace("SIGN0.8", "-0.5")).unwrap_or_else(|e| panic!("{e}"));
    assert!(why(&still, &[]).contains("2 states"), "{}", why(&still, &[]));
    assert!(why(&built_in("tilted-periodic")?, &[0.5, 1.0, 0.3]).contains("current"));
    assert!(spectrum(&built_in("tilted-periodic")?, &[0.0, 1.0, 0.3], 3).is_ok());
    assert!(why(&built_in("gbm")?, &[0.1, 0.2]).contains("no discrete spectrum"));
    assert!(why(&built_in("heston")?, &[2.0, 0.04, 0.3, -0.7, 0.05]).contains("detailed balance"));
    assert!(why(&built_in("brownian-motor")?, &[0.25, 1.0, 2.0, 1.0, 0.05]).contains("time"));
    assert!(Form::Schroedinger.why_not(&built_in("kou")?).is_some());
    assert!(why(&built_in("lotka-volterra")?, &[1.0; 3]).contains("detailed balance"));
    let death = "schema = 1\nid = \"n\"\ntitle = \"n\"\nkind = \"network\"\ncounting = \"combinations\"\n[species.X]\ninitial = 5\n[[reaction]]\nequation = \"X -> 0\"\nrate = \"1\"\n";
    let death = read("n.toml", death).unwrap_or_else(|e| panic!("{e}"));
    assert!(why(&death, &[]).contains("no way back"));
    Ok(())
}

#[test]
fn schloegl_has_its_gap_and_its_transients() -> Result<()> {
    let model = built_in("schloegl")?;
    let theta = model.default_params().values;
    let found = spectrum(&model, &theta, 3)?;
    assert!((found.rates[1] / 2.549_665_551_561_54e-5 - 1.0).abs() < 1e-12, "{:?}", found.rates);
    assert!((found.rates[2] / 0.782_198_335_900_846_7 - 1.0).abs() < 1e-12);
    let laws = answer(&model, Form::Schroedinger, &question(&theta, &[250.0], &[1.0, 5.0]))?;
    for (k, n, p) in [
        (0, 85.0, 1.100_909_989_848e-5),
        (0, 250.0, 0.005_132_359_018_726),
        (0, 560.0, 1.597_789_757_972e-5),
        (1, 85.0, 0.010_946_378_948_73),
        (1, 250.0, 0.000_180_276_950_717_7),
        (1, 560.0, 0.003_857_634_635_911),
    ] {
        let law = laws.laws[k][0].log_pdf(n).expect("a probability");
        assert!((math::exp(law) - p).abs() < 2e-13 + 1e-11 * p, "{k} {n}: {} {p}", math::exp(law));
    }
    assert!((laws.laws[0][0].mean().expect("a mean") / 257.697_641_776_57 - 1.0).abs() < 1e-11);
    assert!(matches!(
        answer(&model, Form::Schroedinger, &question(&theta, &[250.0], &[1e-5])),
        Err(Error::FormUnavailable { .. })
    ));
    Ok(())
}

#[test]
fn likelihoods_of_uneven_steps_are_the_closed_ones() -> Result<()> {
    for (id, theta, x0) in
        [("ou", [1.5, 0.5, 0.8], 0.5), ("cir", [1.2, 0.06, 0.1], 0.06), ("cir", [0.8, 0.06, 0.35], 0.06)]
    {
        let model = built_in(id)?;
        let exact = crate::form::Transitions::new(&model, Form::Exact)?;
        // A path of its own law, with months and quarters between.
        let mut stream = Seed(7).key(Purpose::Simulation, 0, 0).stream(0);
        let mut x = vec![x0];
        let mut dt = Vec::new();
        for i in 0..300 {
            let step = if i % 3 == 0 { 0.25 } else { 1.0 / 12.0 };
            let law = answer(&model, Form::Exact, &question(&theta, &x[i..=i], &[step]))?;
            x.push(law.laws[0][0].sample(&mut stream));
            dt.push(step);
        }
        let pairs = pairs(&x[..300], &x[1..], &dt);
        let found = log_transitions(&model, &theta, &pairs)?;
        let closed = exact.log_density(&theta, &pairs, false).value;
        let off: f64 = found.value.iter().zip(&closed).map(|(a, b)| a - b).sum();
        assert!(off.abs() < 1e-6 && off.abs() < 10.0 * found.error + 1e-9, "{id}: {off:e} {:e}", found.error);
        assert_eq!(found.doubtful, 0);
    }
    Ok(())
}

#[test]
fn imaginary_time_is_relaxation() -> Result<()> {
    // H = -D ∂² + V, V = U'²/(4D) - U''/2 with U = x⁴/4 - x²/2 (Risken 1996, eq. 5.57): mass 1/2 and ħ² = D.
    let d = 0.25_f64;
    let text = format!(
        "schema = 1\nid = \"p\"\ntitle = \"p\"\nkind = \"potential\"\n[state.x]\ndomain = [-inf, inf]\n[potential]\nV = \"(x^3 - x)^2/(4*{d}) - (3*x^2 - 1)/2\"\nmass = 0.5\nhbar = {}\n",
        d.sqrt()
    );
    let potential = read("p.toml", &text).unwrap_or_else(|e| panic!("{e}"));
    let energies = spectrum(&potential, &[], 5)?.rates;
    let rates = spectrum(&double_well(d), &[], 5)?.rates;
    for (e, r) in energies.iter().zip(&rates) {
        assert!((e - r).abs() < 1e-10, "{e} {r}");
    }
    Ok(())
}

#[test]
fn fokker_planck_and_the_spectrum_agree_on_a_well_with_a_sine() -> Result<()> {
    let model = diffusion("domain = [-inf, inf]", "x - x^3 + 0.4*sin(3*x)", "0.5 + 0.1*cos(x)");
    let mut asked = question(&[], &[-0.7], &[0.5, 3.0]);
    let spectral = answer(&model, Form::Schroedinger, &asked)?;
    // The grid's own error is of second order here: 1e-9 with 4000 cells, a quarter of it with 8000.
    asked.accuracy.cells = 8000;
    let grid = answer(&model, Form::FokkerPlanck, &asked)?;
    let mut most: f64 = 0.0;
    for (s, g) in spectral.laws.iter().zip(&grid.laws) {
        for x in (-150..=150).map(|i| f64::from(i) / 100.0) {
            most = most.max((s[0].cdf(x) - g[0].cdf(x)).abs());
        }
    }
    assert!(most < 1e-9, "{most:e}");
    Ok(())
}

#[test]
fn the_jacobi_law_is_its_series() -> Result<()> {
    // By the eigenexpansion and by Griffiths' mixture of beta laws, at 40 digits.
    let model = built_in("jacobi")?;
    let theta = [0.9, 0.4, 0.7];
    let exact = crate::form::Transitions::new(&model, Form::Exact)?;
    let at = |x0: f64, x1: f64, dt: f64| exact.log_density(&theta, &pairs(&[x0], &[x1], &[dt]), true);
    assert!((math::exp(at(0.25, 0.35, 0.6).value[0]) - 1.812_930_402_081_593_4).abs() < 1e-13);
    let moments = exact.moments(&theta, &pairs(&[0.25], &[0.3], &[0.6]));
    assert!((moments.mean[0] - 0.312_587_762_143_901_55).abs() < 1e-15);
    assert!((moments.variance[0] + moments.mean[0].powi(2) - 0.130_634_974_870_307).abs() < 1e-15);
    let asked = question(&theta, &[0.25], &[0.6, 3.0]);
    let closed = answer(&model, Form::Exact, &asked)?;
    let spectral = answer(&model, Form::Schroedinger, &asked)?;
    let mut most: f64 = 0.0;
    for (c, s) in closed.laws.iter().zip(&spectral.laws) {
        for x in (1..100).map(|i| f64::from(i) / 100.0) {
            most = most.max((c[0].cdf(x) - s[0].cdf(x)).abs());
        }
    }
    assert!(most < 1e-8, "{most:e}");
    assert!((closed.laws[0][0].mean().expect("a mean") - moments.mean[0]).abs() < 1e-7);
    // Where the series has cancelled, its continuation is near: of first order in the step.
    let sd = |dt: f64| 0.7 * (0.25f64 * 0.75 * dt).sqrt();
    for dt in [0.01, 0.001] {
        let value = |z: f64| at(0.25, 0.25 + z * sd(dt), dt).value[0];
        let bends: Vec<f64> =
            (6..18).map(|i| f64::from(i) * 0.5).map(|z| value(z + 0.5) - 2.0 * value(z) + value(z - 0.5)).collect();
        let jump = bends.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max);
        assert!(jump < 20.0 * dt + 0.02, "{dt}: {jump} {bends:?}");
    }
    // Slopes by differences, of the series and of its continuation.
    for (x1, dt) in [(0.35, 0.6), (0.25 + 9.0 * sd(0.01), 0.01)] {
        let slopes = at(0.25, x1, dt).gradient;
        for k in 0..3 {
            let moved = |h: f64| {
                let mut theta = theta;
                theta[k] += h;
                exact.log_density(&theta, &pairs(&[0.25], &[x1], &[dt]), false).value[0]
            };
            let h = 1e-3;
            let quotient = (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
            assert!(
                (slopes[k][0] - quotient).abs() < 1e-6 * (1.0 + quotient.abs()),
                "{k}: {} {quotient}",
                slopes[k][0]
            );
        }
    }
    Ok(())
}
