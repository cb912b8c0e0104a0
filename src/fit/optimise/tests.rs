//! Every optimiser on a real likelihood ends at the same certified point.

use super::*;
use crate::base::Transform;
use crate::fit::tests::{path, settings};
use crate::fit::{Fit, Objective, Observed, Settings, Status, fit};
use crate::models::built_in;

#[test]
fn every_optimiser_ends_at_the_same_certified_optimum() {
    let model = built_in("cir").expect("built in");
    let series = path(&model, &[2.0, 1.0, 0.5], 1.0, 500, 0.05);
    let data = Observed::of(&series, Transform::None, &model).expect("usable");
    for objective in [Objective::Kl, Objective::Mse] {
        let by = |optimizer| -> Fit {
            fit(&model, &data, &Settings { optimizer, starts: 1, ..settings(objective) }).expect("a fit")
        };
        let reference = by(Optimizer::Lbfgs);
        for optimizer in Optimizer::ALL {
            let found = by(optimizer);
            assert_eq!(found.status, Status::Converged, "{optimizer:?} {objective:?}");
            for (a, b) in reference.theta.iter().zip(&found.theta) {
                assert!((a / b - 1.0).abs() < 1e-6, "{optimizer:?} {objective:?}: {a} {b}");
            }
            assert_eq!(Optimizer::named(optimizer.name()), Some(optimizer));
        }
    }
}

#[test]
fn a_search_along_a_ridge_goes_on_to_the_end() {
    // Near a unit root the long-run mean runs away as the speed falls: a curved ridge, on which a search once came to rest.
    let model = built_in("ou").expect("built in");
    let series = path(&model, &[0.05, 5.0, 1.0], 4.0, 3000, 1.0 / 252.0);
    let data = Observed::of(&series, Transform::None, &model).expect("usable");
    for kappa in [0.1, 1e-3, 10.0] {
        let initial = vec![("kappa".into(), kappa), ("theta".into(), 5.0), ("sigma".into(), 0.3)];
        let fit = fit(&model, &data, &Settings { starts: 1, initial, ..Settings::default() }).expect("a fit");
        assert!(fit.status.can_forecast(), "{kappa}: {} {:?}", fit.status, fit.theta);
    }
}
