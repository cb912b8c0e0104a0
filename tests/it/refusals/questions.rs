//! Questions without an answer: parameters, forms, options.

use super::{place, refusals, refused};
use crate::run::data_word;

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
