use super::{Run, Scheme, Start, Summary, simulate, summarise};
use crate::base::{Purpose, Result, Seed};
use crate::models::{built_in, read};
use crate::stats;

fn run<'a>(theta: &'a [f64], start: &'a [f64], times: &'a [f64], paths: usize) -> Run<'a> {
    let key = Seed(8).key(Purpose::Simulation, 0, 0);
    let (start, scheme) = (Start::At(start), Scheme::EulerMaruyama);
    Run { theta, start, t0: 0.0, times, paths, step: 0.05, scheme, key }
}

#[test]
fn a_summary_is_that_of_the_paths_it_did_not_keep() -> Result<()> {
    let model = built_in("heston")?;
    for paths in [1, 700, 30_000] {
        let run = run(&[2.0, 0.04, 0.3, -0.7, 0.05], &[4.6, 0.09], &[0.5, 1.0], paths);
        let (summary, all) = (summarise(&model, &run)?, simulate(&model, &run)?);
        for (at, states) in summary.at.iter().flatten().zip(all.states.iter().flatten()) {
            assert!((at.mean - stats::mean(states)).abs() < 1e-12 * at.mean.abs());
            assert_eq!(at.min, states.iter().copied().fold(f64::INFINITY, f64::min));
            assert_eq!(at.max, states.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            if paths == 1 {
                assert_eq!((at.quantile(0.3), at.sd), (states[0], 0.0));
                continue;
            }
            assert!((at.sd / stats::sd(states) - 1.0).abs() < 1e-10);
            assert!(at.rank_error() < 0.005, "{}", at.rank_error());
            for p in [0.001, 0.05, 0.25, 0.5, 0.9, 0.999] {
                let q = at.quantile(p);
                let share = |strict: bool| {
                    states.iter().filter(|x| if strict { **x < q } else { **x <= q }).count() as f64 / paths as f64
                };
                let bound = at.rank_error() + 1.0 / paths as f64;
                assert!(share(true) <= p + bound && share(false) >= p - bound, "{p}: {q} {}", share(false));
                // The paths put back inside the domain are an atom: its whole share lies at one value.
                let cdf = at.cdf(q);
                assert!(cdf > share(true) - bound && cdf < share(false) + bound, "{p} {cdf}");
            }
        }
    }
    Ok(())
}

#[test]
fn threads_do_not_change_a_bit() -> Result<()> {
    let model = built_in("gbm")?;
    let run = run(&[0.05, 0.2], &[1.0], &[0.5, 1.0], 20_001);
    let on = |threads: usize| -> Result<Summary> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| summarise(&model, &run))
    };
    let one = on(1)?;
    let bits = |s: &Summary| {
        s.at.iter()
            .flatten()
            .flat_map(|x| [x.mean, x.sd, x.min, x.max, x.quantile(0.3)].map(f64::to_bits))
            .collect::<Vec<_>>()
    };
    for threads in [2, 3] {
        let other = on(threads)?;
        assert_eq!(one, other);
        assert_eq!(bits(&one), bits(&other));
    }
    Ok(())
}

#[test]
fn an_atom_is_a_value_and_not_a_stretch() -> Result<()> {
    let text = "schema = 1\nid = \"h\"\ntitle = \"h\"\nkind = \"diffusion\"\n[state.x]\ndomain = [0.0, inf]\nboundary = \"absorbing\"\n[dynamics]\ndrift.x = \"0\"\ndiffusion.x = \"1\"\n";
    let model = read("m.toml", text)?;
    let at = summarise(&model, &run(&[], &[0.7], &[1.0], 40_000))?.at.remove(0).remove(0);
    // 2Φ(-0.7) = 0.4839 of the paths stand on zero.
    assert_eq!((at.quantile(0.1), at.quantile(0.47)), (0.0, 0.0));
    assert!(at.quantile(0.5) > 0.01 && at.rank_error() < 0.005);
    assert!((at.cdf(0.0) - 0.4839).abs() < 4.0 * 0.5 / 200.0, "{}", at.cdf(0.0));
    Ok(())
}

#[test]
fn antithetic_pairs_narrow_the_mean_and_say_by_how_much() -> Result<()> {
    let model = built_in("gbm")?;
    let plain = run(&[0.05, 0.2], &[1.0], &[1.0], 20_000);
    let pairs = Run { key: plain.key.antithetic(), ..plain.clone() };
    let (a, b) = (summarise(&model, &plain)?, summarise(&model, &pairs)?);
    let (a, b) = (&a.at[0][0], &b.at[0][0]);
    // Euler's mean is (1 + μh)^n exactly.
    let wanted = (1.0f64 + 0.05 * 0.05).powi(20);
    assert!((b.mean - wanted).abs() < 4.0 * b.error && (a.mean - wanted).abs() < 4.0 * a.error);
    // exp(σz) + exp(-σz) varies by σ² as much as its square: a correlation of near -1.
    assert!(b.error < 0.2 * a.error, "{} {}", a.error, b.error);
    assert!((b.sd / a.sd - 1.0).abs() < 0.05);
    let states = simulate(&model, &pairs)?.states.remove(0).remove(0);
    let means: Vec<f64> = states.chunks(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
    assert!((stats::sd(&means) / 100.0 / b.error - 1.0).abs() < 1e-9);
    let even = simulate(&model, &plain)?.states.remove(0).remove(0);
    assert!(states.iter().step_by(2).zip(even.iter().step_by(2)).all(|(a, b)| a == b));
    Ok(())
}

#[test]
fn a_path_that_explodes_is_an_error_of_the_summary_too() -> Result<()> {
    let model = built_in("double-well")?;
    let run = Run { step: 1.0, ..run(&[1000.0, 1.0, 0.7], &[5.0], &[50.0], 10) };
    assert!(summarise(&model, &run).is_err());
    Ok(())
}
