//! Any bytes as a data file: read or refused; what is read is finite, in order, and counted to the last row. The first byte says how it is
//! asked for.

use kramers::base::text::visible;
use kramers::data::{LoadOptions, load, numbers};

pub fn walk(bytes: &[u8]) {
    let Some((how, file)) = bytes.split_first() else { return };
    let bit = |k: u8| how & (1 << k) != 0;
    let options = LoadOptions {
        time: bit(0).then(|| "row".to_string()),
        clean: if bit(1) { "strict".parse().unwrap_or_default() } else { Default::default() },
        since: bit(2).then(|| "2020".to_string()),
        needs_positive: bit(3),
        allow_repeats: bit(4),
        dt: bit(5).then_some(0.5),
        ..LoadOptions::default()
    };
    let _ = numbers("fuzz.csv", file, &["x", "y"]);
    let loaded = match load("fuzz.csv", file, &options) {
        Ok(loaded) => loaded,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let _ = error.hints();
            return;
        }
    };
    let held: usize = loaded.series.iter().map(|s| s.len()).sum();
    assert_eq!(held, loaded.used);
    assert!(loaded.used + loaded.dropped() <= loaded.rows, "{} {} {}", loaded.used, loaded.dropped(), loaded.rows);
    for series in &loaded.series {
        assert!(series.len() >= 3 && series.time.len() == series.value.len());
        assert!(series.value.iter().chain(&series.time).all(|v| v.is_finite()), "{:?}", series);
        let ordered = |w: &[f64]| w[0] < w[1] || (options.allow_repeats && w[0] == w[1]);
        assert!(series.time.windows(2).all(ordered), "{:?}", series.time);
        assert_eq!(visible(&series.id), series.id);
    }
    for column in &loaded.columns {
        assert_eq!(visible(&column.name), column.name);
    }
}
