//! What a hint says is typed, and works.

use super::{ROWS, ambiguous_dates, below_zero, place, two_values, with_row};
use crate::run::{Place, data_word, dated, walk, words};

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
    assert_eq!(place.names("elsewhere"), ["figures", "figures.json", "index.html", "run.json"]);
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
