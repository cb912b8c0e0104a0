//! The scores of a backtest as its document and its table tell them.

use super::run::{Place, dated, walk};
use serde_json::Value;

fn rows(document: &Value) -> &[Value] {
    document["scores"].as_array().expect("scores")
}

#[test]
fn a_backtest_tells_calibration_scaled_errors_and_paths() {
    let place = Place::new().with("good.csv", dated(&walk(200)));
    let ran = place.typed("backtest good.csv -m ou --horizon 3 --test 80 --refit never --json -o out").ends(0);
    let document = ran.document();
    let all = rows(&document);
    let changes: Vec<f64> = walk(120).windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    let naive = changes.iter().sum::<f64>() / changes.len() as f64;
    for row in all {
        let (mae, mase) = (row["mae"].as_f64().expect("mae"), row["mase"].as_f64().expect("mase"));
        assert!((mase - mae / naive).abs() < 1e-12, "{row}");
        let reliability = row["reliability"].as_array().expect("an array");
        if row["horizon"] == "all" {
            assert!(reliability.is_empty());
            let pit = &row["pit"];
            let counts: Vec<u64> = pit["counts"].as_array().expect("counts").iter().filter_map(Value::as_u64).collect();
            assert_eq!((counts.len(), counts.iter().sum::<u64>()), (10, 80));
            // R: qbinom(c(0.0025, 0.9975), 80, 0.1) = 2 16.
            assert_eq!((&pit["low"], &pit["high"]), (&Value::from(2), &Value::from(16)));
            // A transform of one or of zero has no normal score, as those of samples beyond all draws.
            assert!(
                row["berkowitz"].is_null() || row["berkowitz"]["p"].as_f64().is_some_and(|p| (0.0..=1.0).contains(&p))
            );
            // Numbers where the model draws paths, null where it knows single times only; never absent.
            for key in [
                "energy",
                "energy_se",
                "variogram",
                "variogram_se",
                "variogram_by_distance",
                "variogram_by_distance_se",
            ] {
                let value = row.get(key).unwrap_or_else(|| panic!("no {key} in {row}"));
                assert_eq!(value.is_f64(), row["joint_windows"] == 78, "{key}: {row}");
            }
        } else {
            assert_eq!(reliability.len(), 11);
            let half = &reliability[4];
            let [low, high, observed] = ["low", "high", "observed"].map(|k| half[k].as_f64().expect("a share"));
            assert!(half["nominal"] == 0.5 && low < 0.5 && high > 0.5 && (0.0..=1.0).contains(&observed), "{half}");
            assert!(row["energy"].is_null() && row["pit"].is_null() && row["berkowitz"].is_null());
        }
    }
    let ou = all.iter().find(|r| r["model"] == "ou" && r["horizon"] == "all").expect("pooled");
    assert!(ou["berkowitz"]["p"].is_f64(), "{ou}");
    for key in ["crps", "log_score", "energy", "variogram", "variogram_by_distance"] {
        assert!(ou["diebold_mariano"]["random-walk"].get(key).is_some(), "{key}: {ou}");
    }
    // The band of three rows ahead is wider: overlapping windows are worth less.
    let width = |h: u64| {
        let row = all.iter().find(|r| r["model"] == "ou" && r["horizon"] == h).expect("a horizon");
        row["reliability"][4]["high"].as_f64().expect("a share")
            - row["reliability"][4]["low"].as_f64().expect("a share")
    };
    assert!(width(3) > 1.2 * width(1), "{} {}", width(3), width(1));
    let table = place.text("out/backtest.csv");
    assert!(table.lines().next().is_some_and(|header| header.ends_with(",pit,energy,variogram,variogram_by_distance")));
}
