//! The loader as a whole: every rule and every refusal, from bytes to series.

use super::decode::gzip;
use super::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn with(set: impl FnOnce(&mut LoadOptions)) -> LoadOptions {
    let mut options = LoadOptions::default();
    set(&mut options);
    options
}

fn read(text: &str) -> Result<Loaded> {
    load("t.csv", text.as_bytes(), &LoadOptions::default())
}

fn read_with(text: &str, set: impl FnOnce(&mut LoadOptions)) -> Result<Loaded> {
    load("t.csv", text.as_bytes(), &with(set))
}

fn good(text: &str) -> Loaded {
    read(text).expect(text)
}

fn bad(text: &str) -> Error {
    read(text).expect_err(text)
}

fn clean(rules: &str) -> CleanRules {
    rules.parse().expect(rules)
}

/// `(count, dropped)` of one rule.
fn found(loaded: &Loaded, rule: &str) -> Option<(usize, usize)> {
    loaded.findings.iter().find(|f| f.rule == rule).map(|f| (f.count, f.dropped))
}

fn says(loaded: &Loaded, text: &str) -> bool {
    loaded.inference.iter().any(|s| s.contains(text))
}

/// Weekday rows from Monday 2021-01-04, one price each.
fn days(prices: &[f64]) -> String {
    let mut text = "date,price\n".to_string();
    for (i, price) in prices.iter().enumerate() {
        let stamp = 18_631 * 86_400 + (i / 5 * 7 + i % 5) as i64 * 86_400;
        text.push_str(&format!("{},{price}\n", crate::base::series::format_stamp(stamp)));
    }
    text
}

#[test]
fn a_plain_file_is_read_as_it_stands() {
    let loaded = good("date,price\n2021-01-04,10\n2021-01-05,11\n2021-01-06,12.5\n");
    let series = &loaded.series[0];
    assert_eq!(series.value, [10.0, 11.0, 12.5]);
    assert_eq!((loaded.rows, loaded.used, loaded.dropped()), (3, 3, 0));
    assert_eq!(series.stamps, Some(vec![1_609_718_400, 1_609_804_800, 1_609_891_200]));
    assert_eq!((loaded.time_column.as_deref(), loaded.value_column.as_str()), (Some("date"), "price"));
    assert_eq!(loaded.findings, []);
}

#[test]
fn gzip_gives_the_same_series_and_the_hash_of_the_file_as_given() {
    let text = days(&[1.0, 2.0, 3.0]);
    let packed = gzip(text.as_bytes());
    let loaded = load("t.csv.gz", &packed, &LoadOptions::default()).expect("a gzip");
    assert_eq!(loaded.series, good(&text).series);
    assert_ne!(loaded.sha256, good(&text).sha256);
    // sha256 of "abc", FIPS 180-2.
    assert!(hex(&sha2::Sha256::digest(b"abc")).starts_with("ba7816bf8f01cfea"));
}

#[test]
fn semicolons_and_decimal_commas() {
    let text = "Datum;Kurs;Volumen\n04.01.2021;1.013,25;1.500\n05.01.2021;12,5;2.500\n14.01.2021;12,75;3.000\n";
    let loaded = read_with(text, |o| o.value = Some("Kurs".into())).expect("Kurs");
    assert_eq!(loaded.series[0].value, [1013.25, 12.5, 12.75]);
    assert!(says(&loaded, "decimal comma in 'Kurs'"));
    assert!(
        says(&loaded, "separator semicolon") && says(&loaded, "d/m/y: 14 cannot be a month"),
        "{:?}",
        loaded.inference
    );
}

#[test]
fn a_business_clock_counts_rows_without_a_value() {
    let loaded = good("date,x\n2021-01-04,1\n2021-01-05,.\n2021-01-06,2\n2021-01-07,3\n");
    let series = &loaded.series[0];
    assert_eq!(series.time, [0.0, 2.0 / 252.0, 3.0 / 252.0]);
    assert_eq!(series.clock.kind, ClockKind::Business);
    assert_eq!(found(&loaded, "missing"), Some((1, 1)));
    assert!(loaded.findings[0].action.contains("line 3, 2021-01-05"));
    assert!(says(&loaded, "clock business"));
}

#[test]
fn a_weekend_makes_the_clock_calendar_and_dates_may_have_hours() {
    let loaded = good("date,x\n2021-01-01 00:00,1\n2021-01-02 12:00,2\n2021-01-03 00:00,4\n");
    assert_eq!(loaded.series[0].time, [0.0, 1.5 / 365.25, 2.0 / 365.25]);
    let clock = &loaded.series[0].clock;
    assert_eq!((clock.kind, clock.unit.as_str()), (ClockKind::Calendar, "year"));
}

#[test]
fn a_step_of_the_users_counts_raw_rows() {
    let set = |o: &mut LoadOptions| o.dt = Some(1.0 / 12.0);
    let loaded = read_with("month,r\n1964-07,1\n1964-08,NA\n1964-09,2\n1964-10,3\n", set).expect("months");
    assert_eq!(loaded.series[0].time, [0.0, 2.0 / 12.0, 3.0 / 12.0]);
    assert_eq!(
        loaded.series[0].clock,
        crate::base::Clock { kind: ClockKind::Fixed, unit: "year".into(), step: 1.0 / 12.0 }
    );
    for dt in [0.0, -1.0, f64::NAN] {
        let error = read_with("x\n1\n2\n3\n", |o| o.dt = Some(dt));
        assert!(matches!(error, Err(Error::BadOption { .. })));
    }
}

#[test]
fn plain_times_keep_their_unit_and_counted_rows_say_so() {
    let series = &good("time_min,conc (mol/L)\n5,1\n10,0.8\n20,0.5\n").series[0];
    assert_eq!((series.time[0], series.clock.unit.as_str(), series.clock.step), (5.0, "min", 10.0));
    assert_eq!(series.value_name, "conc (mol/L)");
    let counted = good("x\n3\n\n4\n5\n");
    assert_eq!(counted.series[0].time, [0.0, 2.0, 3.0]);
    assert_eq!(counted.series[0].clock.unit, "row");
    assert!(says(&counted, "rows are counted"));
    let calendar = read_with("x\n3\n4\n5\n", |o| o.clock = Some(ClockKind::Calendar));
    assert!(matches!(calendar, Err(Error::BadOption { .. })));
}

#[test]
fn newest_first_and_unsorted_files_are_sorted_and_said() {
    let turned = good("date,x\n2021-01-06,3\n2021-01-05,2\n2021-01-04,1\n");
    assert_eq!(turned.series[0].value, [1.0, 2.0, 3.0]);
    assert_eq!(found(&turned, "newest-first"), Some((3, 0)));
    let sorted = good("date,x\n2021-01-05,2\n2021-01-04,1\n2021-01-06,3\n");
    assert_eq!(sorted.series[0].value, [1.0, 2.0, 3.0]);
    assert_eq!(found(&sorted, "unsorted"), Some((1, 0)));
}

#[test]
fn duplicate_times_follow_their_rule() {
    let text = "t,x\n1,1\n2,2\n2,4\n3,9\n4,9\n5,8\n";
    for (rules, value) in [("duplicates=first", 2.0), ("duplicates=last", 4.0), ("duplicates=mean", 3.0)] {
        let loaded = read_with(text, |o| o.clean = clean(rules)).expect(rules);
        assert_eq!(loaded.series[0].value[1], value, "{rules}");
        assert_eq!(found(&loaded, "duplicate-time"), Some((1, 1)));
    }
    let error = read_with(text, |o| o.clean = clean("duplicates=error"));
    assert!(matches!(error, Err(Error::CleaningRefused { count: 1, .. })));
}

#[test]
fn a_missing_value_gives_way_to_its_duplicate() {
    let loaded = good("t,x\n1,1\n2,.\n2,4\n3,9\n4,9\n5,8\n");
    assert_eq!(loaded.series[0].value[1], 4.0);
    assert_eq!(found(&loaded, "missing"), None);
}

#[test]
fn replicates_are_refused_or_kept_but_never_merged() {
    let text = "time,x\n0,1\n0,1\n1,3\n1,4\n2,5\n2,7\n";
    assert!(matches!(bad(text), Error::RepeatedTimes { count: 3, .. }));
    let kept = read_with(text, |o| o.allow_repeats = true).expect("replicates");
    assert_eq!(kept.series[0].time, [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
    assert_eq!(found(&kept, "repeated-times"), Some((3, 0)));
}

#[test]
fn missing_marks_and_infinities_are_counted_apart() {
    let loaded = good("t,x\n1,1\n2,NA\n3,inf\n4,\n5,2\n6,null\n7,3\n,4\n");
    assert_eq!(loaded.series[0].value, [1.0, 2.0, 3.0]);
    assert_eq!(found(&loaded, "missing"), Some((3, 3)));
    assert_eq!(found(&loaded, "non-finite"), Some((1, 1)));
    assert_eq!(found(&loaded, "missing-time"), Some((1, 1)));
}

#[test]
fn values_that_are_not_positive_are_reported_where_it_matters_and_dropped_when_told() {
    let text = "t,x\n1,1\n2,-2\n3,0\n4,3\n5,4\n";
    assert_eq!(found(&good(text), "non-positive"), None);
    let asked = read_with(text, |o| o.needs_positive = true).expect("kept");
    assert_eq!((found(&asked, "non-positive"), asked.used), (Some((2, 0)), 5));
    let told = read_with(text, |o| o.clean = clean("positive")).expect("dropped");
    assert_eq!((found(&told, "non-positive"), told.used), (Some((2, 2)), 3));
}

fn split_prices() -> Vec<f64> {
    (0..40).map(|i| (100.0 + (i * i % 7) as f64 * 0.3) / if i < 25 { 1.0 } else { 2.0 }).collect()
}

#[test]
fn a_split_is_reported_and_adjusted_when_told() {
    let text = days(&split_prices());
    let kept = good(&text);
    assert_eq!(found(&kept, "split-like"), Some((1, 0)));
    assert!(kept.findings[0].action.contains("2021-02-08 (near 1/2)"), "{}", kept.findings[0].action);
    let adjusted = read_with(&text, |o| o.clean = clean("splits=adjust")).expect("adjusted");
    assert_eq!(adjusted.series[0].value[0], 50.0);
    assert_eq!(adjusted.series[0].value[30], kept.series[0].value[30]);
    let refused = read_with(&text, |o| o.clean = clean("strict"));
    assert!(matches!(refused, Err(Error::CleaningRefused { .. })));
}

#[test]
fn a_gap_is_reported_with_its_length() {
    let loaded = good("date,x\n2021-01-04,1\n2021-01-05,2\n2021-01-06,1\n2021-01-07,2\n2021-01-29,3\n");
    assert_eq!(found(&loaded, "gap"), Some((1, 0)));
    assert!(loaded.findings[0].action.ends_with("22 days, 2021-01-07 to 2021-01-29"));
}

#[test]
fn since_is_inclusive_and_before_exclusive_in_any_spelling() {
    let text = "month,r\n1964-05,1\n1964-06,2\n1964-07,3\n1964-08,4\n1964-09,5\n1965-01,6\n";
    for (since, before) in [("1964-06", "1965"), ("1964-06-01", "1965-01-01"), ("19640601", "1 Jan 1965")] {
        let loaded = read_with(text, |o| (o.since, o.before) = (Some(since.into()), Some(before.into()))).expect(since);
        assert_eq!(loaded.series[0].value, [2.0, 3.0, 4.0, 5.0]);
        assert_eq!((found(&loaded, "outside-range"), loaded.dropped()), (Some((2, 0)), 0));
    }
    let numbers = read_with("t,x\n1,1\n2,2\n3,3\n4,5\n", |o| o.since = Some("2".into())).expect("numbers");
    assert_eq!(numbers.series[0].value, [2.0, 3.0, 5.0]);
    let error = read_with(text, |o| o.since = Some("soon".into()));
    assert!(matches!(error, Err(Error::BadOption { flag, .. }) if flag == "--since"));
}

#[test]
fn the_long_format_of_nixtla_works_as_it_is() {
    let text = "unique_id,ds,y\nA,2021-01-04,1\nA,2021-01-05,2\nA,2021-01-06,3\nB,2021-01-04,7\nB,2021-01-05,9\nB,2021-01-06,8\n";
    let loaded = good(text);
    let ids: Vec<_> = loaded.series.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["A", "B"]);
    assert_eq!(loaded.id_column.as_deref(), Some("unique_id"));
    let one = read_with(text, |o| o.only = Some("B".into())).expect("B");
    assert_eq!((one.series.len(), one.series[0].value[0]), (1, 7.0));
    let none = read_with(text, |o| o.only = Some("C".into()));
    assert!(matches!(none, Err(Error::UnknownSeries { available, .. }) if available == ["A", "B"]));
}

#[test]
fn numbers_can_name_series_and_a_text_column_that_settles_repeats_is_one() {
    let loaded = good("id,t,x\n7,1,1\n7,2,2\n7,3,4\n9,1,3\n9,2,4\n9,3,6\n");
    assert_eq!(loaded.series[1].id, "9");
    let loaded = good("country,year,gdp\nFR,2001,1\nFR,2002,2\nFR,2003,4\nIT,2001,3\nIT,2002,4\nIT,2003,6\n");
    assert_eq!((loaded.id_column.as_deref(), loaded.series[0].clock.unit.as_str()), (Some("country"), "year"));
}

#[test]
fn a_panel_goes_on_without_a_series_that_cannot_be_used() {
    let loaded = good("id,t,x\na,1,1\na,2,2\na,3,3\nb,1,5\nb,2,5\nb,3,5\nc,1,2\n");
    assert_eq!(loaded.series.len(), 1);
    assert_eq!(found(&loaded, "constant-series"), Some((3, 3)));
    assert_eq!(found(&loaded, "too-few-rows"), Some((1, 1)));
}

#[test]
fn row_numbers_are_neither_time_nor_value() {
    let loaded = good("\"\",\"Time\",\"demand\"\n\"1\",1,8.3\n\"2\",2,10.3\n\"3\",3,19\n");
    assert_eq!((loaded.time_column.as_deref(), loaded.value_column.as_str()), (Some("Time"), "demand"));
    let loaded = good("rownames,time,value\n1,1,5\n2,2,6\n3,3,4\n");
    assert_eq!(loaded.value_column, "value");
}

#[test]
fn replicates_at_sorted_levels_are_seen_as_a_curve() {
    let text = "n,conc,rate,state\n1,0.02,76,a\n2,0.02,47,a\n3,0.06,97,a\n4,0.06,99,a\n5,0.02,67,b\n6,0.02,51,b\n7,0.06,84,b\n8,0.06,86,b\n9,0.1,98,b\n";
    let text = text.replacen("n,", "rownames,", 1);
    assert!(matches!(bad(&text), Error::RepeatedTimes { .. }));
}

#[test]
fn a_column_of_hours_beside_the_date_does_not_name_series() {
    let text = "Date,Time,x\n2021-01-04,09:30,1\n2021-01-04,09:31,2\n2021-01-04,09:32,3\n2021-01-04,09:33,5\n";
    assert!(matches!(bad(text), Error::RepeatedTimes { count: 3, .. }));
}

#[test]
fn columns_are_preferred_by_name_or_asked_for() {
    let loaded = good("Date,Open,Close,Adj Close,Volume\n2021-01-04,1,2,3,4\n2021-01-05,2,3,4,5\n2021-01-06,3,4,6,7\n");
    assert_eq!(loaded.value_column, "Adj Close");
    assert!(says(&loaded, "not used: 'Open', 'Close', 'Volume'"));
    let text = "t,r1,r2\n1,2,3\n2,3,4\n3,5,6\n";
    assert!(
        matches!(bad(text), Error::AmbiguousColumn { role, candidates, .. } if role == "value" && candidates == ["r1", "r2"])
    );
    assert_eq!(read_with(text, |o| o.value = Some("R2".into())).expect("r2").value_column, "r2");
    let error = read_with(text, |o| o.value = Some("r3".into()));
    assert!(matches!(error, Err(Error::UnknownColumn { nearest: Some(n), .. }) if n == "r1" || n == "r2"));
}

#[test]
fn every_refusal_has_its_error() {
    let line = |e: Error| match e {
        Error::NotANumber { line, .. } | Error::NotADate { line, .. } => line,
        other => panic!("{other}"),
    };
    assert_eq!(line(bad("t,x\n1,1\n2,2\n3,oops\n4,3\n")), 4);
    assert_eq!(line(bad("date,x\n2021-01-04,a\n2021-01-05,b\n")), 2);
    assert_eq!(line(bad("date,x\n2021-01-04,1\n2021-01-05,2\n1/6/2021,3\n")), 4);
    assert_eq!(line(bad("date,x\nsoon,1\nlater,2\nnow,3\n")), 2);
    assert_eq!(line(bad("t,x\n1,1\n2,2\nthree,3\n")), 4);
    assert!(matches!(bad("date,x\n1/1/2020,1\n1/2/2020,2\n1/3/2020,3\n"), Error::AmbiguousDate { .. }));
    assert!(matches!(bad("date,x\n2021-01-04,NaN\n2021-01-05,\n"), Error::AllMissing { rows: 2, .. }));
    assert!(matches!(bad("t,x\n1,5\n2,5\n3,5\n"), Error::Constant { rows: 3, value: 5.0, .. }));
    assert!(matches!(bad("t,x\n1,5\n2,6\n"), Error::TooFewRows { rows: 2, needed: LEAST_ROWS, .. }));
    assert!(matches!(bad("d1,d2,x\n2021-01-04,2021-01-05,1\n"), Error::AmbiguousColumn { role, .. } if role == "time"));
    assert!(matches!(bad("date,a,b\n2021-01-04,x,y\n2021-01-05,z,w\n"), Error::NoColumn { .. }));
    let only = read_with("t,x\n1,1\n2,2\n3,3\n", |o| o.only = Some("a".into()));
    assert!(matches!(only, Err(Error::BadOption { .. })));
}

#[test]
fn bad_cells_outside_the_range_do_no_harm() {
    let text = "t,x\n1,oops\n2,2\n3,3\n4,5\n";
    assert!(read_with(text, |o| o.since = Some("2".into())).is_ok());
}

#[test]
fn strict_and_none_refuse_what_they_would_have_to_change() {
    for rules in ["none", "strict", "missing=error"] {
        let error = read_with("t,x\n1,1\n2,.\n3,2\n4,3\n", |o| o.clean = clean(rules));
        assert!(matches!(error, Err(Error::CleaningRefused { rule, .. }) if rule == "missing"), "{rules}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = load("p", &bytes, &LoadOptions::default());
    }

    #[test]
    fn no_text_of_csv_marks_panics(text in "[0-9a-zé,;|\t\"'\n\r ./:+eT-]{0,200}", dt in proptest::option::of(0.1f64..2.0)) {
        let _ = read_with(&text, |o| { o.dt = dt; o.since = Some("2".into()) });
    }

    #[test]
    fn every_series_is_increasing_finite_and_accounted_for(
        cells in proptest::collection::vec(
            ("(2021-0[1-3]-[0-2][0-9]|[1-9]|[1-9]/[1-9]/202[01]|)", "(-?[0-9]{1,3}(\\.[0-9])?|NA|inf|)", "[ab]"), 3..30),
        rules in proptest::sample::select(vec!["default", "duplicates=mean", "positive", "splits=adjust", "strict", "none"]),
        repeats in any::<bool>(),
    ) {
        let body: String = cells.iter().map(|(t, x, id)| format!("{t},{x},{id}\n")).collect();
        let loaded = read_with(&format!("time,value,id\n{body}"), |o| { o.clean = clean(rules); o.allow_repeats = repeats });
        if let Ok(loaded) = loaded {
            for s in &loaded.series {
                prop_assert!(s.value.iter().all(|v| v.is_finite()));
                prop_assert!(s.time.windows(2).all(|w| w[1] > w[0] || repeats && w[1] == w[0]));
                prop_assert!(s.len() >= LEAST_ROWS);
            }
            // Rows that are neither used nor dropped are blank lines, which are no rows.
            prop_assert_eq!(loaded.used + loaded.dropped(), loaded.rows);
        }
    }
}

#[test]
fn numbers_that_mark_what_is_missing_are_found_and_can_be_named() {
    let mut prices: Vec<f64> = (0..60).map(|i| 10.0 + (0.7 * f64::from(i)).sin()).collect();
    for (at, marker) in [(7, -999.0), (20, -999.0), (21, 9999.0), (40, 9999.0), (41, 9999.0)] {
        prices[at] = marker;
    }
    let text = days(&prices);
    let loaded = good(&text);
    assert_eq!(found(&loaded, "marker"), Some((5, 0)));
    assert_eq!(loaded.used, 60, "nothing is dropped unasked");
    let told = &loaded.findings.iter().find(|f| f.rule == "marker").expect("a finding").action;
    assert!(told.contains("line 9, 2021-01-13 is -999; --clean sentinel=-999"), "{told}");
    let named = read_with(&text, |o| o.clean = clean("sentinel=-999,sentinel=9999")).expect("rows");
    assert_eq!((found(&named, "sentinel"), found(&named, "marker")), (Some((5, 5)), None));
    assert!(named.series[0].value.iter().all(|v| (9.0..=11.0).contains(v)));
    assert!(read_with(&text, |o| o.clean = clean("markers=error")).is_err());
    // Not once, not near, and not among two values only.
    let mut once = prices.clone();
    (once[20], once[21], once[40], once[41]) = (10.0, 10.1, 10.2, 10.3);
    assert_eq!(found(&good(&days(&once)), "marker"), None);
    let near: Vec<f64> = (0..60).map(|i| if i % 20 == 3 { 14.0 } else { 10.0 + f64::from(i % 7) / 3.0 }).collect();
    assert_eq!(found(&good(&days(&near)), "marker"), None);
    let spikes: Vec<f64> = (0..60).map(|i| if i % 9 == 3 { 1.0 } else { 0.0 }).collect();
    assert_eq!(found(&good(&days(&spikes)), "marker"), None);
}

#[test]
fn a_line_break_written_out_and_one_typed_are_two_series() {
    let rows = |id: &str| (0..5).map(|i| format!("{id},{i},{}\n", 1.5 * f64::from(i))).collect::<String>();
    let text = format!("id,t,x\n{}{}{}", rows("\"a\nb\""), rows("a\\nb"), rows("c"));
    let loaded = read_with(&text, |o| o.id = Some("id".to_string())).expect("three series");
    let ids: Vec<&str> = loaded.series.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["a\\nb", "a\\nb (2)", "c"]);
}
