//! Bad input of every kind: exit code 2, what, where and why, and the next thing to type. Some tests type it.

use super::run::{Place, Ran, data_word, dated, day, table, walk, words};
use std::io::Write;

/// Rows of the usable file.
const ROWS: usize = 120;

/// A folder with one usable file, `good.csv`.
fn place() -> Place {
    Place::new().with("good.csv", dated(&walk(ROWS)))
}

fn ou() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/ou.toml");
    std::fs::read_to_string(path).expect("a model file")
}

/// A folder with the usable file and a spoilt model, `mine.toml`.
fn spoilt(from: &str, to: &str) -> Place {
    let text = ou();
    assert!(text.contains(from), "{from}");
    place().with("mine.toml", text.replacen(from, to, 1))
}

/// The command is refused in words and as a document; every needle is in the message, or in a hint if it starts with
/// "hint: ".
#[track_caller]
fn refused(place: &Place, line: &str, code: &str, needles: &[&str]) -> Ran {
    let ran = place.typed(line).ends(2);
    let says = said(&ran);
    assert!(ran.stdout.is_empty(), "{line}: on stdout:\n{}", ran.stdout);
    let (message, hints) = says.split_once("\n\n").unwrap_or_else(|| panic!("{line}: no hint\n{says}"));
    assert!(hints.lines().all(|l| l.starts_with("hint: ") && l.len() > 10), "{line}\n{says}");
    for needle in needles {
        let holds = match needle.strip_prefix("hint: ") {
            Some(hint) => hints.contains(hint),
            None => message.contains(needle),
        };
        assert!(holds, "{line}: '{needle}' is missing\n{says}");
    }
    let json = place.typed(&format!("{line} --json")).ends(2);
    let document = json.document();
    assert_eq!(document["schema"], "kramers/error@1", "{line}");
    assert_eq!(document["error"]["code"], code, "{line}");
    assert_eq!(format!("error: {}", document["error"]["message"].as_str().expect("a message")), message, "{line}");
    let listed: Vec<&str> =
        document["error"]["hints"].as_array().expect("hints").iter().filter_map(|h| h.as_str()).collect();
    assert_eq!(
        listed.iter().map(|h| format!("hint: {h}")).collect::<Vec<_>>(),
        hints.lines().collect::<Vec<_>>(),
        "{line}"
    );
    ran
}

/// stderr from "error: " on. Before it may stand what was read, a note a line.
#[track_caller]
fn said(ran: &Ran) -> &str {
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    let mut start = 0;
    for line in ran.stderr.split_inclusive('\n') {
        if line.starts_with("error: ") {
            return ran.stderr[start..].trim_end();
        }
        assert!(line.starts_with("note: "), "neither note nor error: {line}");
        start += line.len();
    }
    panic!("no error in\n{}", ran.stderr);
}

/// One test a refusal: its name, the folder, the command, the code, and what must be said.
macro_rules! refusals {
    ($($name:ident: $place:expr, $line:expr, $code:literal, [$($needle:expr),* $(,)?];)*) => {
        $(
            #[test]
            fn $name() {
                refused(&$place, &$line, $code, &[$($needle),*]);
            }
        )*
    };
}

fn broken_gzip() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(dated(&walk(ROWS)).as_bytes()).expect("in memory");
    let whole = encoder.finish().expect("in memory");
    whole[..whole.len() / 2].to_vec()
}

fn utf_16(text: &str) -> Vec<u8> {
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// `good.csv` with row `at` (from 0) written by `row` instead.
fn with_row(at: usize, row: impl Fn(&str, f64) -> String) -> String {
    let values = walk(ROWS);
    table(
        "date,value",
        (0..ROWS).map(|i| if i == at { row(&day(i), values[i]) } else { format!("{},{}", day(i), values[i]) }),
    )
}

fn below_zero() -> String {
    dated(&walk(ROWS).iter().map(|x| x - 1.0).collect::<Vec<_>>())
}

/// Dates whose day and month can be exchanged, in no order either way.
fn ambiguous_dates() -> String {
    let values = walk(60);
    table(
        "date,value",
        (0..60).map(|i| format!("{}/{}/{},{}", 1 + (7 * i) % 12, 1 + (5 * i + 3) % 12, 2000 + i / 4, values[i])),
    )
}

fn two_values() -> String {
    let values = walk(ROWS);
    table("date,bid rate,ask rate", (0..ROWS).map(|i| format!("{},{},{}", day(i), values[i], values[i] + 0.01)))
}

// ---- files
refusals! {
    a_missing_file_is_told_with_the_nearest_name:
        place(), "check godo.csv", "file-missing", ["godo.csv: no such file", "hint: did you mean 'good.csv'?"];
    a_missing_file_without_a_neighbour_asks_for_a_path:
        place(), "fit prices-of-last-year.csv -m ou", "file-missing",
        ["prices-of-last-year.csv: no such file", "hint: give the path of a CSV file, or -"];
    a_folder_is_not_a_file:
        place(), "check .", "file-unreadable", [".: cannot be read", "directory", "hint: this is a folder, not a file: ls ."];
    an_empty_file_has_nothing_to_read:
        place().with("empty.csv", ""), "check empty.csv", "data-empty", ["empty.csv: the file is empty", "hint: a header line"];
    nothing_on_standard_input_is_an_empty_file:
        place(), "check -", "data-empty", ["stdin: the file is empty", "hint: a header line"];
    a_header_alone_is_no_data:
        place().with("head.csv", "date,value\n"), "fit head.csv -m ou", "data-header-only",
        ["head.csv", "no row under it", "hint: at least a few rows"];
    a_picture_is_not_text:
        place().with("pic.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"), "check pic.csv", "data-not-text",
        ["pic.csv: this is not text", "offset", "hint: CSV (UTF-8)"];
    utf_16_is_recognised_and_its_conversion_told:
        place().with("wide.csv", utf_16(&dated(&walk(ROWS)))), "check wide.csv", "data-not-text",
        ["wide.csv: this is not text: byte 0xff at offset 0", "hint: iconv -f UTF-16 -t UTF-8"];
    a_cut_gzip_cannot_be_unpacked:
        place().with("cut.csv.gz", broken_gzip()), "check cut.csv.gz", "data-bad-gzip", ["cut.csv.gz: the gzip stream", "hint: gunzip -t"];
    an_error_names_the_file_as_it_was_typed:
        place().with("empty.csv", ""), "check ./empty.csv", "data-empty", ["./empty.csv: the file is empty"];
}

// ---- tables
refusals! {
    one_row_is_no_series:
        place().with("one.csv", "date,value\n2020-01-01,1\n"), "fit one.csv -m ou", "too-few-rows",
        ["1 usable rows", "at least 3", "hint: bring at least 3 rows"];
    a_window_of_time_without_rows_is_no_series:
        place(), "fit good.csv -m ou --since 2031", "too-few-rows", ["0 usable rows", "hint: --since and --before"];
    text_in_the_value_column_is_placed:
        place().with("text.csv", with_row(6, |d, _| format!("{d},oops"))), "fit text.csv -m ou", "not-a-number",
        ["text.csv:8: column 'value' holds 'oops'", "not a number", "hint: --value NAME"];
    text_in_the_time_column_is_placed:
        place().with("text.csv", with_row(6, |_, v| format!("someday,{v}"))), "fit text.csv -m ou", "not-a-date",
        ["text.csv:8: column 'date' holds 'someday'", "hint: --time NAME"];
    dates_in_a_format_nobody_reads_are_placed_at_the_first_that_is_none:
        place().with("ydm.csv", table("date,value", walk(60).iter().enumerate().map(|(i, v)| format!("2020/{}/{},{v}", 1 + i % 28, 1 + i / 28)))),
        "check ydm.csv", "not-a-date", ["ydm.csv:14: column 'date' holds '2020/13/1'", "not a date", "hint: dates are read as 2021-04-08"];
    percent_signs_are_answered_with_the_line_that_takes_them_away:
        place().with("rate.csv", table("date,value", walk(60).iter().enumerate().map(|(i, v)| format!("{},{v} %", day(i))))),
        "check rate.csv", "not-a-number", ["rate.csv:2: column 'value'", "hint: sed '1!s/ %//g' rate.csv > rate.clean.csv"];
    a_column_of_nan_holds_no_number:
        place().with("nan.csv", table("date,value", (0..40).map(|i| format!("{},NaN", day(i))))), "fit nan.csv -m ou",
        "all-missing", ["nan.csv: column 'value'", "40 rows, all missing", "hint: --value NAME"];
    a_constant_series_has_nothing_to_estimate:
        place().with("flat.csv", dated(&[5.0; 40])), "report flat.csv", "constant-series",
        ["series 'value': every one of its 40 values is 5", "hint: nothing to estimate"];
    a_duplicate_header_is_ambiguous:
        place().with("dup.csv", table("date,value,value", (0..40).map(|i| format!("{},1,{i}", day(i))))), "check dup.csv",
        "duplicate-header", ["dup.csv:1: column 'value' stands twice", "columns 2 and 3", "hint: rename one"];
    a_short_row_is_placed:
        place().with("short.csv", with_row(3, |d, _| d.to_string())), "check short.csv", "data-ragged",
        ["short.csv:5: 1 fields where the header has 2", "hint: mend line 5: a missing value keeps its separator"];
    a_long_row_is_placed:
        place().with("long.csv", with_row(3, |d, v| format!("{d},{v},7"))), "check long.csv", "data-ragged",
        ["long.csv:5: 3 fields where the header has 2", "hint: mend line 5", "hint: quotes"];
    a_quote_that_never_closes_is_placed:
        place().with("quote.csv", with_row(3, |d, v| format!("\"{d},{v}"))), "check quote.csv", "data-unclosed-quote",
        ["quote.csv:5: a quote opens here", "hint: close the quote"];
    an_unknown_value_column_offers_the_nearest:
        place(), "fit good.csv -m ou --value valeu", "unknown-column",
        ["good.csv: there is no column 'valeu'", "date, value", "hint: did you mean 'value'?", "hint: kramers check good.csv"];
    an_unknown_time_column_offers_the_nearest:
        place(), "fit good.csv -m ou --time dtae", "unknown-column", ["no column 'dtae'", "hint: did you mean 'date'?"];
    an_unknown_id_column_lists_the_columns:
        place(), "fit good.csv -m ou --id ticker", "unknown-column", ["no column 'ticker'", "date, value", "hint: kramers check"];
    an_unknown_series_lists_the_series:
        place(), format!("fit {} -m gbm --only AAPLE", data_word("stocks.csv")), "unknown-series",
        ["no series 'AAPLE'", "'Ticker' has AAPL, FB, GOOG, IBM, MSFT", "hint: did you mean 'AAPL'?", "hint: --id Ticker"];
    one_series_has_no_name_to_pick:
        place(), "fit good.csv -m ou --only AAPL", "bad-option", ["--only AAPL", "tells series apart", "hint: --id COLUMN"];
    dates_that_read_both_ways_are_not_guessed:
        place().with("dates.csv", ambiguous_dates()), "fit dates.csv -m ou", "ambiguous-date",
        ["dates.csv: the dates of column 'date'", "day/month and as month/day", "hint: --dates mdy or --dates dmy"];
    two_columns_that_could_be_the_value_are_not_guessed:
        place().with("two.csv", two_values()), "fit two.csv -m ou", "ambiguous-column",
        ["two.csv: more than one column could be the value: bid rate, ask rate", "hint: --value 'bid rate'"];
    negative_values_have_no_logarithm:
        place().with("neg.csv", below_zero()), "fit neg.csv -m ou --transform log", "non-positive",
        ["series 'value', row ", "'log', which needs positive values", "hint: --clean positive"];
    negative_values_have_no_logarithm_in_a_report_either:
        place().with("neg.csv", below_zero()), "report neg.csv --transform log", "non-positive",
        ["series 'value', row ", "'log', which needs positive values", "hint: --clean positive"];
    rules_that_are_strict_refuse_what_they_find:
        place().with("gap.csv", with_row(6, |d, _| format!("{d},."))), "check gap.csv --clean strict", "cleaning-refused",
        ["gap.csv: missing, 1 time(s), first at line 8", "missing=error", "hint: --clean "];
}

// ---- models
refusals! {
    an_unknown_model_offers_the_nearest:
        place(), "fit good.csv -m cirr", "unknown-model", ["no model 'cirr'", "hint: did you mean 'cir'?", "hint: kramers models lists"];
    a_missing_model_file_is_told_as_one:
        place().with("mine.toml", ou()), "fit good.csv -m mien.toml", "file-missing",
        ["mien.toml: no such file", "hint: did you mean 'mine.toml'?", "hint: kramers models lists"];
    malformed_toml_is_placed:
        spoilt("unit    = \"1/time\"", "unit    = \"1/time"), "fit good.csv -m mine.toml", "model-syntax",
        ["mine.toml:15:18: ", "string", "hint: kramers init ou"];
    an_unknown_key_is_placed:
        spoilt("meaning = \"speed", "meanin = \"speed"), "models mine.toml", "unknown-key",
        ["mine.toml:14:1: unknown key 'params.kappa.meanin'", "hint: did you mean 'meaning'?", "hint: default, bounds"];
    an_unknown_name_in_a_drift_is_placed:
        spoilt("\"kappa*(theta - x)\"", "\"kapa*(theta - x)\""), "simulate mine.toml", "expression",
        ["mine.toml:32:16: drift.x: unknown name 'kapa'", "| kapa*(theta - x)", "hint: did you mean 'kappa'?"];
    a_parenthesis_left_open_is_placed:
        spoilt("\"kappa*(theta - x)\"", "\"kappa*(theta - x\""), "simulate mine.toml", "expression",
        ["mine.toml:32:32: drift.x: missing ')'", "hint: parentheses"];
    division_by_zero_in_a_drift_is_placed:
        spoilt("\"kappa*(theta - x)\"", "\"kappa*(theta - x)/0\""), "fit good.csv -m mine.toml", "expression",
        ["mine.toml:32:33: drift.x: division by zero", "hint: change the divisor"];
    a_drift_that_is_not_finite_inside_the_domain_is_found:
        spoilt("\"kappa*(theta - x)\"", "\"kappa*(theta - x)/x\""), "fit good.csv -m mine.toml", "non-finite-coefficient",
        ["mine.toml", "drift of x is ", "at x = 0", "hint: domain"];
    a_default_outside_its_bounds_is_refused:
        spoilt("default = 1.0\nbounds  = [1e-30", "default = -1.0\nbounds  = [1e-30"), "models mine.toml",
        "parameter-out-of-bounds", ["mine.toml", "kappa = -1 is outside its bounds", "hint: give kappa a value in [1e-30"];
    a_false_claim_of_a_law_is_refused:
        spoilt("\"kappa*(theta - x)\"", "\"kappa*(theta - x^2)\""), "fit good.csv -m mine.toml", "law-mismatch",
        ["mine.toml", "ornstein-uhlenbeck, does not follow", "at x = ", "hint: remove the line `law"];
    a_parameter_set_out_of_bounds_is_refused:
        place(), "simulate ou --set sigma=-3", "parameter-out-of-bounds",
        ["model 'ou': sigma = -3 is outside its bounds", "hint: give sigma a value in"];
    a_start_out_of_bounds_is_refused:
        place(), "fit good.csv -m ou --set kappa=-3", "parameter-out-of-bounds", ["kappa = -3", "hint: give kappa a value in"];
    setting_an_unknown_parameter_offers_the_nearest:
        place(), "simulate ou --set kapa=1", "unknown-parameter",
        ["model 'ou' has no parameter 'kapa'", "hint: did you mean 'kappa'?", "hint: kappa, theta, sigma"];
    holding_an_unknown_parameter_offers_the_nearest:
        place(), "fit good.csv -m ou --fix sgima=1", "unknown-parameter",
        ["model 'ou' has no parameter 'sgima'", "hint: did you mean 'sigma'?"];
    data_outside_the_domain_is_refused:
        place().with("neg.csv", below_zero()), "report neg.csv -m cir", "outside-domain",
        ["model 'cir' lives on [0, inf]", "series 'value' has the value -", "row ", "hint: -m ou"];
}

// ---- questions without an answer
refusals! {
    a_forecast_needs_a_row_ahead:
        place(), "forecast good.csv -m ou --horizon 0", "bad-option", ["--horizon 0", "at least 1", "hint: --horizon 20"];
    a_backtest_needs_a_row_ahead:
        place(), "backtest good.csv -m ou --horizon 0", "bad-option", ["--horizon 0", "from 1 to the 24 held out", "hint: --horizon 5"];
    a_backtest_cannot_look_further_than_what_is_held_out:
        place(), "report good.csv -m ou --horizon 25", "bad-option", ["--horizon 25", "from 1 to the 24 held out", "hint: --horizon 5"];
    a_horizon_is_not_negative:
        place(), "forecast good.csv -m ou --horizon -3", "usage", ["'-3'", "--horizon", "hint: kramers forecast --help"];
    a_test_share_of_nothing_is_refused:
        place(), "backtest good.csv -m ou --test 0%", "bad-option", ["--test 0%", "strictly between 0 and 1", "hint: 20%"];
    a_test_share_of_everything_is_refused:
        place(), "report good.csv -m ou --test 100%", "bad-option", ["--test 100%", "strictly between 0 and 1", "hint: 20%"];
    no_held_out_row_is_too_few:
        place(), "backtest good.csv -m ou --test 0", "bad-option", ["--test 0", "120 rows to learn from and 0 to test on", "hint: 20%"];
    one_held_out_row_is_too_few:
        place(), "backtest good.csv -m ou --test 1", "bad-option", ["--test 1", "1 to test on", "hint: 20%"];
    a_test_that_is_no_share_number_or_date_is_refused:
        place(), "backtest good.csv -m ou --test sometimes", "bad-option", ["--test sometimes", "a date", "hint: --test 20%"];
    a_spacing_of_zero_is_refused:
        place(), "fit good.csv -m ou --dt 0", "usage", ["'0'", "--dt", "above zero", "hint: kramers fit --help"];
    a_negative_spacing_is_refused:
        place(), "fit good.csv -m ou --dt -1/252", "usage", ["-1/252", "--dt", "hint: kramers fit --help"];
    a_form_nobody_knows_is_refused:
        place(), "fit good.csv -m ou --form nonsense", "bad-option", ["--form nonsense", "auto, exact, euler", "hint: --form auto"];
    a_mistyped_form_offers_the_nearest:
        place(), "fit good.csv -m ou --form eulre", "bad-option", ["--form eulre", "hint: did you mean --form euler?"];
    a_form_that_does_not_fit_is_refused:
        place(), "fit good.csv -m ou --form master-equation", "form-unavailable", ["form 'master-equation'", "model 'ou'", "lattice of a diffusion", "hint: exact, euler"];
    a_closed_law_that_does_not_exist_cannot_be_asked_for:
        place(), "fit good.csv -m ckls --form exact", "form-unavailable", ["form 'exact'", "model 'ckls'", "no closed law", "hint: euler, kessler"];
    a_form_that_does_not_answer_is_refused:
        place(), "forecast good.csv -m ou --answer euler", "bad-option", ["--answer euler", "monte-carlo", "hint: --answer auto"];
    a_file_is_no_folder_to_write_to:
        place(), "report good.csv -m ou -o good.csv", "file-unwritable", ["good.csv: cannot be written", "hint: -o PATH"];
    a_folder_below_a_file_cannot_be_made:
        place(), "fit good.csv -m ou -o good.csv/deep", "file-unwritable", ["good.csv/deep: cannot be written", "hint: -o PATH"];
    a_file_below_a_file_cannot_be_written:
        place(), "simulate ou -o good.csv/paths.csv", "file-unwritable", ["good.csv/paths.csv: cannot be written", "hint: -o PATH"];
    a_start_outside_the_domain_is_refused:
        place(), "simulate cir --from x=-1", "bad-option", ["--from x=-1", "'cir' lives on [0, inf]", "hint: --from x=1"];
    a_start_of_an_unknown_state_is_refused:
        place(), "simulate cir --from y=1", "bad-option", ["--from y", "is called x", "hint: --from x=1"];
    an_output_later_than_the_end_is_refused:
        place(), "simulate ou --every 2 --until 1", "bad-option", ["--every 2", "--until 1", "hint: --every 0.01"];
    more_numbers_than_memory_holds_are_refused:
        place(), "simulate ou --every 1e-9", "over-limit", ["--every", "times", "paths", "hint: --limit values-held=1e10"];
    no_path_is_no_simulation:
        place(), "simulate ou --paths 0", "usage", ["'0'", "--paths", "hint: kramers simulate --help"];
    an_unknown_flag_offers_the_nearest:
        place(), "fit good.csv -m ou --tiem date", "usage", ["'--tiem'", "hint: '--time'", "hint: kramers fit --help"];
    a_flag_nobody_knows_points_to_the_help:
        place(), "fit good.csv -m ou --bogus 1", "usage", ["'--bogus'", "hint: kramers fit --help"];
    an_unknown_verb_offers_the_nearest:
        place(), "forcast good.csv", "usage", ["'forcast'", "hint: 'forecast'", "hint: kramers --help"];
    a_missing_model_is_asked_for:
        place(), "fit good.csv", "usage", ["--model <MODEL>", "hint: kramers fit --help"];
    an_unknown_cleaning_rule_is_answered_with_the_list:
        place(), "check good.csv --clean sometimes", "usage", ["'sometimes'", "--clean", "splits=keep|adjust|error", "hint: kramers check --help"];
    an_unknown_transform_is_answered_with_the_list:
        place(), "fit good.csv -m ou --transform sqrt", "usage", ["'sqrt'", "--transform", "log-return", "hint: kramers fit --help"];
    a_parameter_without_a_value_is_refused:
        place(), "fit good.csv -m ou --fix sigma", "usage", ["'sigma' is not name=value", "hint: kramers fit --help"];
    a_condition_without_a_comparison_is_refused:
        place(), "backtest good.csv -m ou --fail-if nonsense", "bad-option",
        ["--fail-if nonsense", "< or >", "crps", "hint: --fail-if 'skill < 0'"];
    a_condition_on_an_unknown_score_offers_the_nearest:
        place(), "backtest good.csv -m ou --fail-if 'skil < 0'", "expression",
        ["--fail-if:1:1: unknown name 'skil'", "hint: did you mean 'skill'?"];
    a_policy_of_refitting_nobody_knows_is_refused:
        place(), "backtest good.csv -m ou --refit nonsense", "bad-option", ["--refit nonsense", "every, never", "hint: --refit 10"];
    refitting_every_zero_windows_is_refused:
        place(), "backtest good.csv -m ou --refit 0", "bad-option", ["--refit 0", "windows of at least 1", "hint: --refit 10"];
    cutoffs_zero_rows_apart_are_refused:
        place(), "backtest good.csv -m ou --step 0", "bad-option", ["--step 0", "rows of at least 1", "hint: --step 5"];
    a_date_that_is_none_is_refused:
        place(), "fit good.csv -m ou --since someday", "bad-option", ["--since someday", "not a date", "hint: --since 1964-07"];
    six_rows_are_no_backtest_and_a_curve_is_no_series:
        place(), format!("report {}", data_word("bod.csv")), "too-few-rows",
        ["series 'demand' has 6 usable rows", "at least 25", "hint: kramers fit DATA -m MODEL", "hint: a curve y = f(x)"];
    replicates_are_no_series:
        place(), format!("report {}", data_word("puromycin.csv")), "repeated-times",
        ["series 'rate'", "share a time", "curve", "hint: --id COLUMN", "hint: keep one value a time"];
}

// ---- a test types the hint

/// The hint of a refused command that starts so, without the start.
#[track_caller]
fn hint(place: &Place, line: &str, start: &str) -> String {
    let ran = place.typed(line).ends(2);
    let hints: Vec<&str> = ran.stderr.lines().filter_map(|l| l.strip_prefix("hint: ")).collect();
    let found = hints.iter().find_map(|h| h.strip_prefix(start));
    found.unwrap_or_else(|| panic!("{line}: no hint starts with '{start}' in {hints:?}")).to_string()
}

/// What a "did you mean" offers.
fn offered(rest: &str) -> &str {
    rest.trim_end_matches('?').trim_matches('\'')
}

#[test]
fn typing_the_nearest_file_name_reads_it() {
    let place = place();
    let name = hint(&place, "check godo.csv", "did you mean ");
    place.typed(&format!("check {}", offered(&name))).ends(0);
}

#[test]
fn typing_the_nearest_file_name_in_a_folder_reads_it() {
    let place = place();
    std::fs::create_dir(place.path("deep")).expect("a folder");
    let place = place.with("deep/rates.csv", dated(&walk(ROWS)));
    let name = hint(&place, "check deep/raets.csv", "did you mean ");
    place.typed(&format!("check {}", offered(&name))).ends(0);
}

#[test]
fn typing_the_nearest_model_fits_it() {
    let place = place();
    let name = hint(&place, "fit good.csv -m cirr", "did you mean ");
    place.typed(&format!("fit good.csv -m {}", offered(&name))).ends(0);
}

#[test]
fn typing_the_value_column_reads_it() {
    let place = place().with("two.csv", two_values());
    let flag = hint(&place, "fit two.csv -m ou", "say which: ");
    place.typed(&format!("fit two.csv -m ou {flag}")).ends(0);
}

#[test]
fn typing_the_nearest_column_reads_it() {
    let place = place();
    let name = hint(&place, "fit good.csv -m ou --value valeu", "did you mean ");
    place.typed(&format!("fit good.csv -m ou --value {}", offered(&name))).ends(0);
    let check = hint(&place, "fit good.csv -m ou --value valeu", "kramers ");
    place.run(&words(&check)[..2]).ends(0);
}

#[test]
fn typing_either_order_of_dates_reads_them() {
    let place = place().with("dates.csv", ambiguous_dates());
    let flags = hint(&place, "check dates.csv", "say which: ");
    for flag in flags.split(" or ") {
        place.typed(&format!("check dates.csv {flag}")).ends(0);
    }
}

#[test]
fn typing_positive_cleaning_makes_room_for_the_logarithm() {
    let place = place().with("neg.csv", below_zero());
    let line = "fit neg.csv -m ou --transform log";
    assert!(hint(&place, line, "use --transform none or diff, or ").starts_with("--clean positive "));
    place.typed(&format!("{line} --clean positive")).ends(0);
    for transform in ["none", "diff"] {
        place.typed(&format!("fit neg.csv -m ou --transform {transform}")).ends(0);
    }
}

#[test]
fn typing_a_form_that_is_offered_fits() {
    let place = place();
    let line = "fit good.csv -m ckls --form ";
    let forms = hint(&place, &format!("{line}exact"), "forms that apply: ");
    for form in forms.split(", ") {
        assert_eq!(place.typed(&format!("{line}{form}")).code.filter(|c| *c == 2), None, "{form}");
    }
    assert!(hint(&place, &format!("{line}nonsense"), "--form auto ").contains("accurate"));
    place.typed(&format!("{line}auto")).ends(0);
    let near = hint(&place, &format!("{line}eulre"), "did you mean --form ");
    place.typed(&format!("{line}{}", offered(&near))).ends(0);
}

#[test]
fn typing_the_model_that_lives_on_all_numbers_fits_negative_data() {
    let place = place().with("neg.csv", below_zero());
    let hint = hint(&place, "fit neg.csv -m cir", "choose a model whose domain holds the data, such as ");
    let model = hint.split(',').next().expect("a flag");
    place.typed(&format!("fit neg.csv {model}")).ends(0);
}

#[test]
fn typing_another_folder_writes_there() {
    let place = place();
    hint(&place, "fit good.csv -m ou -o good.csv", "choose another place with -o ");
    place.typed("fit good.csv -m ou -o elsewhere").ends(0);
    assert_eq!(place.names("elsewhere"), ["run.json"]);
}

#[test]
fn typing_the_nearest_parameter_holds_it() {
    let place = place();
    let name = hint(&place, "fit good.csv -m ou --fix sgima=1", "did you mean ");
    let ran = place.typed(&format!("fit good.csv -m ou --fix {}=1 --json", offered(&name))).ends(0);
    assert_eq!(ran.document()["params"]["sigma"]["estimate"], 1.0);
}

#[test]
fn typing_a_spacing_of_output_simulates() {
    let place = place();
    let rest = hint(&place, "simulate ou --every 2 --until 1", "--every ");
    let every = rest.split(' ').next().expect("a number");
    let ran = place.typed(&format!("simulate ou --paths 1 --every {every} --until 1")).ends(0);
    assert_eq!(ran.stdout.lines().count(), 1 + 101);
    assert!(hint(&place, "simulate cir --from x=-1", "--from ").starts_with("x=1"));
    place.typed("simulate cir --from x=1").ends(0);
}

#[test]
fn typing_a_condition_judges_the_backtest() {
    let place = place();
    let line = "backtest good.csv -m ou --refit never --step 5";
    let flag = hint(&place, &format!("{line} --fail-if nonsense"), "--fail-if ");
    assert!(matches!(place.typed(&format!("{line} --fail-if {flag}")).code, Some(0 | 1)));
    place.typed(&format!("{line} --fail-if 'crps < 1e9'")).ends(1);
    place.typed(&format!("{line} --fail-if 'crps > 1e9'")).ends(0);
}

#[test]
fn typing_the_nearest_flag_or_the_help_works() {
    let place = place();
    let tip = hint(&place, "fit good.csv -m ou --tiem date", "a similar argument exists: ");
    place.typed(&format!("fit good.csv -m ou {} date", offered(&tip))).ends(0);
    let help = hint(&place, "fit good.csv -m ou --bogus", "kramers ");
    place.run(&words(&help)[..2]).ends(0);
}

#[test]
fn typing_what_a_curve_is_told_shows_it() {
    let place = place();
    let shown = place.typed(&format!("check {}", data_word("puromycin.csv"))).ends(0);
    assert!(shown.stdout.contains("17 repeated"), "{}", shown.stdout);
    let few = data_word("bod.csv");
    let rest = hint(&place, &format!("report {few}"), "a short table or a curve y = f(x) has too little to hold out: ");
    assert!(rest.starts_with("kramers fit DATA -m MODEL "));
    place.typed(&format!("fit {few} -m ou")).ends(0);
}

#[test]
fn typing_the_mend_of_a_strict_rule_lets_the_rows_through() {
    let place = place().with("gap.csv", with_row(6, |d, _| format!("{d},.")));
    let rest = hint(&place, "check gap.csv --clean strict", "--clean ");
    let rule = rest.split(' ').next().expect("a rule");
    // Rows are dropped, so the check is flagged, not refused.
    place.typed(&format!("check gap.csv --clean strict,{rule}")).ends(1);
}

#[test]
fn no_refusal_leaves_a_file_behind() {
    let place = place().with("neg.csv", below_zero());
    for line in [
        "report good.csv -m cirr",
        "report neg.csv -m cir",
        "report good.csv --test 0%",
        "backtest neg.csv -m cir -o out",
    ] {
        place.typed(line).ends(2);
    }
    // A folder is made and tried before the long work; nothing half-written may lie in it.
    for folder in ["reports/neg", "reports/good", "out"] {
        if place.path(folder).exists() {
            assert_eq!(place.names(folder), [""; 0], "{folder}");
        }
    }
}
