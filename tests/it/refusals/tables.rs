//! Tables whose columns, cells and dates cannot be used.

use super::{ambiguous_dates, below_zero, place, refusals, refused, two_values, with_row};
use crate::run::{data_word, dated, day, table, walk};

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
