//! First passage against closed laws and reference values.

use super::*;
use crate::base::math;
use crate::models::{built_in, read};

fn well() -> Model {
    let text = "schema = 1\nid = \"w\"\ntitle = \"w\"\nkind = \"diffusion\"\n[state.x]\ndomain = [-inf, inf]\n[params.D]\nmeaning = \"D\"\nunit = \"1\"\ndefault = 0.1\nbounds = [0.0, inf]\n[dynamics]\ndrift.x = \"x - x^3\"\ndiffusion.x = \"sqrt(2*D)\"\n";
    read("w.toml", text).expect("reads")
}

#[test]
fn an_ornstein_uhlenbeck_process_reaches_its_mean_as_the_reflection_says() -> Result<()> {
    // Survival erf(|d| e^{-kt}/√(2v)) (reference value of ou_fpt_mean_level).
    let model = built_in("ou")?;
    let crossing = Crossing { theta: &[1.5, 0.5, 0.8], start: -1.0, levels: [None, Some(0.5)] };
    let accuracy = Accuracy::default();
    let passage = first_passage(&model, &crossing, 0.0, &[0.3, 0.7, 2.0], accuracy)?;
    let gap = (passage.survival[1] - 0.774_931_630_498_739_9).abs();
    assert!(gap < 1e-7 && gap < 3.0 * passage.error && passage.error < 1e-5, "{gap} {}", passage.error);
    let mean = mean_passage(&model, &crossing)?;
    // ∫ S dt by Gauss in the closed law, in s = e^{-2kt}: independent of the form.
    let survival = |t: f64| {
        let v = 0.64 / 3.0 * -math::exp_m1(-3.0 * t);
        math::erf(1.5 * math::exp(-1.5 * t) / (2.0 * v).sqrt())
    };
    let h = 1e-4;
    let sum: f64 = (0..200_000).map(|i| survival((f64::from(i) + 0.5) * h) * h).sum();
    assert!((mean.mean / sum - 1.0).abs() < 1e-8, "{} {sum}", mean.mean);
    assert_eq!(mean.split, [0.0, 1.0]);
    Ok(())
}

#[test]
fn drifted_brownian_motion_arrives_by_the_inverse_gaussian() -> Result<()> {
    // Reference values of bm_inverse_gaussian: v = 0.5, sigma = 0.7, L = 1, t = 1.3.
    let model = built_in("bm")?;
    let crossing = Crossing { theta: &[0.5, 0.7], start: 0.0, levels: [None, Some(1.0)] };
    let mut gaps = Vec::new();
    for cells in [125, 250, 500] {
        let passage = first_passage(&model, &crossing, 0.0, &[1.3], Accuracy { cells, ..Accuracy::default() })?;
        let cdf = (passage.reached[0][1] - 0.479_440_426_104_595_5).abs();
        let density = (passage.density[0][1] - 0.349_251_204_468_948_9).abs();
        assert!(cdf < 3.0 * passage.error, "{cells}: {cdf} {}", passage.error);
        assert!((passage.survival[0] + passage.reached[0][1] - 1.0).abs() < 1e-15);
        gaps.push((cdf, density));
    }
    assert!(gaps[2].0 < 1e-7 && gaps[2].1 < 1e-6, "{gaps:?}");
    // Spacings are rounded to put the level on every grid, so orders are measured on nested grids elsewhere.
    assert!(gaps[2].0 < gaps[0].0 / 50.0, "{gaps:?}");
    // E T = L/v.
    assert!((mean_passage(&model, &crossing)?.mean - 2.0).abs() < 1e-10);
    Ok(())
}

#[test]
fn escape_from_a_well_has_its_reference_times_however_high_the_barrier() -> Result<()> {
    let model = well();
    for (d, level, wanted) in [
        (0.25, 0.0, 5.743_437_068_035_236),
        (0.25, 1.0, 14.277_736_636_508_05),
        (0.05, 0.0, 361.903_759_500_924_4),
        (0.05, 1.0, 729.670_691_942_322_8),
    ] {
        let crossing = Crossing { theta: &[d], start: -1.0, levels: [None, Some(level)] };
        let found = mean_passage(&model, &crossing)?;
        assert!((found.mean / wanted - 1.0).abs() < 1e-12, "{d} {level}: {found:?}");
        let mirrored = Crossing { theta: &[d], start: 1.0, levels: [Some(-level), None] };
        assert!((mean_passage(&model, &mirrored)?.mean / wanted - 1.0).abs() < 1e-12);
    }
    // At D = 0.001 the time to the top is one over the smallest rate, 1.199749506786592e-109, but for what is lost in a relaxation.
    let crossing = Crossing { theta: &[0.001], start: -1.0, levels: [None, Some(0.0)] };
    let found = mean_passage(&model, &crossing)?;
    assert!((found.mean * 1.199_749_506_786_592e-109 - 1.0).abs() < 1e-10, "{found:?}");
    Ok(())
}

#[test]
fn two_levels_split_as_scale_says() -> Result<()> {
    let model = built_in("bm")?;
    let (mu, sigma, low, high) = (0.5, 0.7, -1.5, 1.0);
    let crossing = Crossing { theta: &[mu, sigma], start: 0.0, levels: [Some(low), Some(high)] };
    let found = mean_passage(&model, &crossing)?;
    let k = 2.0 * mu / (sigma * sigma);
    let up = math::exp_m1(-k * low) / (math::exp_m1(-k * low) - math::exp_m1(-k * high));
    assert!((found.split[1] - up).abs() < 1e-13 && (found.split[0] + up - 1.0).abs() < 1e-13, "{found:?}");
    // Wald: E X_T = mu E T.
    assert!((found.mean - (up * high + (1.0 - up) * low) / mu).abs() < 1e-12, "{found:?}");
    let passage = first_passage(&model, &crossing, 0.0, &[40.0], Accuracy::default())?;
    assert!((passage.reached[0][1] - up).abs() < 1e-7, "{passage:?} {up}");
    Ok(())
}

#[test]
fn what_has_no_answer_says_so() -> Result<()> {
    let bm = built_in("bm")?;
    let at = |theta: &'static [f64], levels: [Option<f64>; 2]| Crossing { theta, start: 0.0, levels };
    let why = |crossing: &Crossing| mean_passage(&bm, crossing).map_err(|e| e.to_string());
    assert!(why(&at(&[0.0, 1.0], [None, Some(1.0)])).is_err_and(|e| e.contains("infinite")));
    assert!(why(&at(&[-0.5, 1.0], [None, Some(1.0)])).is_err_and(|e| e.contains("infinite")));
    assert!(why(&at(&[0.5, 1.0], [None, None])).is_err_and(|e| e.contains("no level")));
    assert!(why(&at(&[0.5, 1.0], [Some(0.5), None])).is_err_and(|e| e.contains("not between")));
    let jumps = built_in("merton-jump")?;
    let theta = jumps.default_params().values;
    let crossing = Crossing { theta: &theta, start: 1.0, levels: [Some(0.5), None] };
    assert!(mean_passage(&jumps, &crossing).is_err());
    let early = first_passage(&jumps, &crossing, 0.0, &[0.5, 0.2], Accuracy::default());
    assert!(early.is_err());
    Ok(())
}

#[test]
fn a_start_far_above_its_level_has_room_for_its_way_down() -> Result<()> {
    // An Ornstein-Uhlenbeck process and its mean level: survival erf(|d| e^{-kt}/√(2v)).
    let model = built_in("ou")?;
    let crossing = Crossing { theta: &[1.0, 0.0, 1.0], start: 8.0, levels: [Some(0.0), None] };
    for goal in [None, Some(1e-8)] {
        let passage = first_passage(&model, &crossing, 0.0, &[3.0], Accuracy { goal, ..Accuracy::default() })?;
        let v = -0.5 * math::exp_m1(-6.0);
        let off = (passage.survival[0] - math::erf(8.0 * math::exp(-3.0) / (2.0 * v).sqrt())).abs();
        assert!(off <= passage.error, "{off:.1e} {:.1e}", passage.error);
        assert!(goal.is_none_or(|goal| passage.error <= goal), "{goal:?} {:.1e}", passage.error);
    }
    Ok(())
}

#[test]
fn a_level_outside_the_domain_is_refused() -> Result<()> {
    let cir = built_in("cir")?;
    let crossing = Crossing { theta: &[1.0, 0.04, 3.0], start: 0.1, levels: [Some(-1.0), None] };
    for answer in [
        first_passage(&cir, &crossing, 0.0, &[1.0], Accuracy::default()).map(|_| ()),
        mean_passage(&cir, &crossing).map(|_| ()),
    ] {
        match answer {
            Err(Error::Numerics { why, .. }) => assert!(why.contains("between 0 and inf"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}

#[test]
fn no_passage_is_stated_right_to_nothing_and_all_of_it_is_told() -> Result<()> {
    let text = "schema = 1\nid = \"b\"\ntitle = \"b\"\nkind = \"diffusion\"\n[state.x]\ndomain = [0, 1]\nboundary = \"absorbing\"\n[dynamics]\ndrift.x = 0\ndiffusion.x = 1\n";
    let model = read("b.toml", text)?;
    let crossing = Crossing { theta: &[], start: 0.3, levels: [None, Some(0.9)] };
    let times = [1e-4, 0.2, 5.0];
    let passage = first_passage(&model, &crossing, 0.0, &times, Accuracy::default())?;
    assert!(passage.error >= 1e-10, "{}", passage.error);
    assert_eq!(passage.places, [Some(0.0), Some(0.9)]);
    for (survival, [below, above]) in passage.survival.iter().zip(&passage.reached) {
        assert!((survival + below + above - 1.0).abs() < 1e-12);
    }
    // In the end the level is reached as often as its share of the way says.
    assert!((passage.reached[2][1] - 1.0 / 3.0).abs() <= passage.error, "{passage:?}");
    Ok(())
}

#[test]
fn paths_with_bridges_the_equation_and_the_reflection_principle_agree_on_a_barrier() -> Result<()> {
    use crate::base::{Purpose, Seed};
    let model = built_in("gbm")?;
    let theta = model.default_params().values;
    let (mu, sigma) = (theta[0], theta[1]);
    let (start, level, times) = (100.0, 90.0, [0.1, 0.5, 1.0]);
    let crossing = Crossing { theta: &theta, start, levels: [Some(level), None] };
    let equation = first_passage(&model, &crossing, 0.0, &times, Accuracy::default())?;
    let key = Seed(3).key(Purpose::Simulation, 0, 0);
    let walked = passage_by_paths(&model, &crossing, 0.0, &times, 20_000, key)?;
    for (i, t) in times.into_iter().enumerate() {
        // Φ((b - νt)/σ√t) + e^{2νb/σ²} Φ((b + νt)/σ√t) for the logarithm, drift ν and b = ln(level/start).
        let (nu, b) = (mu - 0.5 * sigma * sigma, math::ln(level / start));
        let root = sigma * f64::sqrt(t);
        let exact = math::normal_cdf((b - nu * t) / root)
            + math::exp(2.0 * nu * b / (sigma * sigma)) * math::normal_cdf((b + nu * t) / root);
        assert!((equation.reached[i][0] - exact).abs() < 1e-6, "{t}: {} {exact}", equation.reached[i][0]);
        let off = (walked.probability[i] - exact).abs();
        assert!(
            off < 4.0 * walked.se[i] && walked.se[i] < 0.004,
            "{t}: {} {exact} {}",
            walked.probability[i],
            walked.se[i]
        );
    }
    Ok(())
}
