use super::joint::fit_joint;
use super::joint_tests::exact_record;
use super::several::{fit_several, fit_several_joint};
use super::{FormRequest, Observed, Settings, Status};
use crate::base::{Error, Purpose, Result, Seed};
use crate::form::joint::JointPairs;
use crate::form::joint::tests::ROTATION;
use crate::form::{Form, Pairs};
use crate::models::{built_in, read};

const DT: f64 = 0.1;

/// An Ornstein-Uhlenbeck record from its exact law.
fn ou(kappa: f64, theta: f64, sigma: f64, rows: usize, path: u64) -> Observed {
    let b = (-kappa * DT).exp();
    let sd = sigma * ((1.0 - b * b) / (2.0 * kappa)).sqrt();
    let mut stream = Seed(11).key(Purpose::Simulation, 0, 0).stream(path);
    let mut x = vec![theta];
    for i in 0..rows {
        x.push(theta + b * (x[i] - theta) + sd * stream.normal());
    }
    let pairs = Pairs {
        x0: x[..rows].to_vec(),
        x1: x[1..].to_vec(),
        dt: vec![DT; rows],
        t0: (0..rows).map(|i| i as f64 * DT).collect(),
    };
    Observed { pairs, ln_jacobian: 0.0, weight: Vec::new() }
}

fn exact(starts: usize) -> Settings {
    Settings { starts, form: FormRequest::Asked(Form::Exact), ..Settings::default() }
}

/// Sums of products about the means of each series: of x0 with itself, with x1, and x1 with itself.
fn centred(data: &[Observed]) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for d in data {
        let (a, b) = (crate::stats::mean(&d.pairs.x0), crate::stats::mean(&d.pairs.x1));
        for (x, y) in d.pairs.x0.iter().zip(&d.pairs.x1) {
            sums[0] += (x - a) * (x - a);
            sums[1] += (x - a) * (y - b);
            sums[2] += (y - b) * (y - b);
        }
    }
    sums
}

#[test]
fn three_series_with_levels_of_their_own_are_the_regression_with_one_slope_and_three_intercepts() -> Result<()> {
    let model = built_in("ou")?;
    let data = [ou(2.0, -1.0, 0.5, 300, 0), ou(2.0, 4.0, 0.5, 500, 1), ou(2.0, 40.0, 0.5, 200, 2)];
    let fit = fit_several(&model, &data, &["theta".to_string()], &exact(2))?;
    assert_eq!(fit.status, Status::Converged, "{fit:?}");
    // Least squares with one slope: x1 = c_s + b x0 + noise of variance v.
    let [xx, xy, yy] = centred(&data);
    let (n, b) = (1000.0, xy / xx);
    let v = (yy - b * xy) / n;
    let kappa = -b.ln() / DT;
    let sigma = (2.0 * kappa * v / (1.0 - b * b)).sqrt();
    // At the optimum the information of the slope is Sxx/v, and that of the variance stands apart.
    let kappa_se = (v / xx).sqrt() / (b * DT);
    let close = |found: f64, truth: f64, by: f64| assert!((found / truth - 1.0).abs() < by, "{found} {truth}");
    let names: Vec<&str> = fit.shared.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["kappa", "sigma"]);
    close(fit.shared[0].estimate, kappa, 1e-7);
    close(fit.shared[1].estimate, sigma, 1e-7);
    close(fit.shared[0].se.expect("se"), kappa_se, 1e-5);
    for (s, d) in data.iter().enumerate() {
        let own = &fit.local[s][0];
        let (m0, m1) = (crate::stats::mean(&d.pairs.x0), crate::stats::mean(&d.pairs.x1));
        assert_eq!(own.name, format!("theta[{}]", s + 1));
        close(own.estimate, (m1 - b * m0) / (1.0 - b), 1e-7);
        assert!(own.se.is_some() && fit.theta[s] == [fit.shared[0].estimate, own.estimate, fit.shared[1].estimate]);
        // Three series tell the speed better than any of them alone.
        let alone = super::fit(&model, d, &exact(1))?;
        assert!(alone.params[0].se.expect("se") > kappa_se);
    }
    let truth = -0.5 * n * ((2.0 * std::f64::consts::PI * v).ln() + 1.0);
    close(fit.log_likelihood.expect("log-likelihood"), truth, 1e-10);
    assert_eq!((fit.transitions.clone(), fit.checks.len()), (vec![300, 500, 200], 3));
    Ok(())
}

#[test]
fn all_parameters_local_are_the_fits_apart_and_none_local_is_the_pooled_fit() -> Result<()> {
    let model = built_in("ou")?;
    let data = [ou(2.0, 1.0, 0.5, 300, 3), ou(4.0, 1.2, 0.3, 300, 4)];
    let all: Vec<String> = ["kappa", "theta", "sigma"].map(str::to_string).to_vec();
    let apart = fit_several(&model, &data, &all, &exact(1))?;
    for (s, d) in data.iter().enumerate() {
        let alone = super::fit(&model, d, &exact(1))?;
        for (a, b) in apart.local[s].iter().zip(&alone.params) {
            assert!((a.estimate / b.estimate - 1.0).abs() < 1e-6, "{} {}", a.name, a.estimate);
            assert!((a.se.expect("se") / b.se.expect("se") - 1.0).abs() < 1e-4, "{}", a.name);
        }
    }
    let together = fit_several(&model, &data, &[], &exact(1))?;
    let both = |f: fn(&Pairs) -> &Vec<f64>| data.iter().flat_map(|d| f(&d.pairs).clone()).collect();
    let pairs = Pairs { x0: both(|p| &p.x0), x1: both(|p| &p.x1), dt: both(|p| &p.dt), t0: both(|p| &p.t0) };
    let pooled = super::fit(&model, &Observed { pairs, ln_jacobian: 0.0, weight: Vec::new() }, &exact(1))?;
    for (a, b) in together.shared.iter().zip(&pooled.params) {
        assert!((a.estimate / b.estimate - 1.0).abs() < 1e-7, "{} {} {}", a.name, a.estimate, b.estimate);
    }
    Ok(())
}

#[test]
fn series_of_several_states_share_what_is_not_local() -> Result<()> {
    let model = read("test.toml", ROTATION)?;
    let mut theta = model.default_params().values;
    let first = exact_record(&model, &theta, &[0.4, 0.0], 0.1, 300, 5)?;
    theta[2] = 3.0;
    let second = exact_record(&model, &theta, &[3.0, 0.0], 0.1, 300, 6)?;
    let settings = Settings { starts: 1, ..Settings::default() };
    let records = [first, second];
    let fit = fit_several_joint(&model, &records, None, &["mu".to_string()], &settings)?;
    assert_eq!(fit.status, Status::Converged, "{fit:?}");
    for (own, truth) in fit.local.iter().zip([0.4, 3.0]) {
        assert!((own[0].estimate - truth).abs() < 3.0 * own[0].se.expect("se"), "{own:?}");
    }
    let together = fit_several_joint(&model, &records, None, &[], &settings)?;
    let pooled = fit_joint(&model, &JointPairs::pooled(&records), None, &settings)?;
    assert!((together.objective_value - pooled.objective_value).abs() < 1e-11);
    assert!(fit.objective_value < together.objective_value);
    Ok(())
}

#[test]
fn a_local_name_that_is_none_and_series_too_short_are_refused() -> Result<()> {
    let model = built_in("ou")?;
    let data = [ou(2.0, 1.0, 0.5, 100, 7), ou(2.0, 1.0, 0.5, 2, 8)];
    let local = |name: &str| vec![name.to_string()];
    assert!(matches!(fit_several(&model, &data[..1], &local("thta"), &exact(1)), Err(Error::UnknownParam { .. })));
    assert!(matches!(fit_several(&model, &data, &local("theta"), &exact(1)), Err(Error::TooFewRows { .. })));
    assert!(matches!(fit_several(&model, &[], &[], &exact(1)), Err(Error::BadOption { .. })));
    Ok(())
}
