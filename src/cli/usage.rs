//! A command line that cannot be read: what clap says, and the slips of the first hour, answered with the line meant.

use super::args::Cli;
use crate::base::hints::shell;
use crate::models;
use clap::CommandFactory;

/// What clap says, as a message and hints.
pub(super) fn told(text: &str) -> (String, Vec<String>) {
    let paragraphs: Vec<&str> = text.split("\n\n").map(str::trim_end).collect();
    let message = paragraphs[0].strip_prefix("error: ").unwrap_or(paragraphs[0]);
    // What the standard library says of a number is for programmers.
    let message = message.replace("invalid digit found in string", "not a whole number such as 20");
    let tips = paragraphs.iter().flat_map(|p| p.lines()).filter_map(|l| l.trim_start().strip_prefix("tip: "));
    // Passing a mistyped flag on as a value helps nobody here.
    let mut hints: Vec<String> = tips.filter(|t| !t.contains("as a value")).map(str::to_string).collect();
    let typed: Vec<String> = std::env::args().skip(1).collect();
    let verbs: Vec<String> = Cli::command().get_subcommands().map(|c| c.get_name().to_string()).collect();
    hints.extend(slip(&message, &typed, &verbs));
    match typed.iter().find(|a| verbs.contains(a)) {
        Some(verb) => hints.push(format!("kramers {verb} --help shows every flag and what it takes")),
        None => hints.push("kramers --help lists the commands".to_string()),
    }
    (message, hints)
}

/// The line that was meant, where it can be told.
fn slip(message: &str, typed: &[String], verbs: &[String]) -> Option<String> {
    if let Some(word) = quoted(message, "unrecognized subcommand ") {
        return is_data(word).then(|| format!("a file stands behind a command: kramers report {}", shell(word)));
    }
    if message.contains("required") && message.contains("--model <MODEL>") {
        return Some("say which model: -m ou, or another of kramers models".to_string());
    }
    if let Some((before, _)) = message.split_once("' is not name=value") {
        let word = before.rsplit('\'').next()?;
        return Some(match word.parse::<f64>() {
            Ok(_) => format!("say what it is the value of: x={word}"),
            Err(_) => format!("give it a value: {word}=1"),
        });
    }
    let word = quoted(message, "unexpected argument ")?;
    let at = typed.iter().rposition(|t| t == word)?;
    let verb = typed.iter().find(|t| verbs.contains(t))?;
    if word.starts_with('-') {
        let asked = ["simulate", "solve", "compare", "models", "init"].contains(&verb.as_str());
        let model = matches!(word, "-m" | "--model").then(|| typed.get(at + 1)).flatten().filter(|_| asked)?;
        return Some(format!("the model stands without a flag: kramers {verb} {}", shell(model)));
    }
    let before = |steps: usize| at.checked_sub(steps).and_then(|i| typed.get(i));
    if word == "=" {
        return Some(format!("no blanks around =: {}={}", before(1)?, typed.get(at + 1)?));
    }
    match (before(2), before(1)) {
        // --value Adj Close, --model ou cir
        (Some(flag), Some(first)) if flag.starts_with('-') && !first.starts_with('-') => {
            let words: Vec<&str> =
                typed[at - 1..].iter().map(String::as_str).take_while(|t| !t.starts_with('-')).collect();
            Some(match matches!(flag.as_str(), "-m" | "--model" | "--baselines" | "--at" | "--levels") {
                true => format!("several are joined by commas, without blanks: {flag} {}", words.join(",")),
                false => format!("a name with a blank in it wants quotes: {flag} {}", shell(&words.join(" "))),
            })
        }
        // fit ou data.csv
        (_, Some(first)) if is_data(word) && is_model(first) => {
            Some(format!("the data come first, and the model behind -m: kramers {verb} {} -m {first}", shell(word)))
        }
        _ => is_model(word).then(|| format!("a model stands behind -m: -m {}", shell(word))),
    }
}

/// The word in single quotes behind the start of a message.
fn quoted<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.strip_prefix('\'')?.split('\'').next()
}

fn is_data(word: &str) -> bool {
    [".csv", ".csv.gz", ".txt", ".tsv", ".parquet"].iter().any(|end| word.ends_with(end))
}

fn is_model(word: &str) -> bool {
    word.ends_with(".toml") || models::built_in_text(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::slip;

    #[test]
    fn slips_of_the_first_hour_are_answered_with_the_line_that_was_meant() {
        let verbs = ["fit", "report", "simulate"].map(String::from);
        for (line, wrong, meant) in [
            ("fit a.csv --value Adj Close -m ou", "Close", "--value 'Adj Close'"),
            ("report a.csv --model ou cir", "cir", "--model ou,cir"),
            ("fit a.csv -m ou --fix kappa = 1", "=", "kappa=1"),
            ("fit a.csv ou", "ou", "-m ou"),
            ("fit ou a.csv", "a.csv", "kramers fit a.csv -m ou"),
            ("simulate -m ou", "-m", "kramers simulate ou"),
        ] {
            let typed: Vec<String> = line.split(' ').map(String::from).collect();
            let hint = slip(&format!("unexpected argument '{wrong}' found"), &typed, &verbs);
            assert!(hint.as_ref().is_some_and(|h| h.ends_with(meant)), "{line}: {hint:?}");
        }
        let hint =
            slip("invalid value '2' for '--from <STATE=VALUE>': '2' is not name=value, such as x=1", &[], &verbs);
        assert!(hint.is_some_and(|h| h.ends_with(": x=2")));
        let hint = slip("unrecognized subcommand 'a.csv'", &["a.csv".to_string()], &verbs);
        assert!(hint.is_some_and(|h| h.ends_with("kramers report a.csv")));
        assert_eq!(slip("unexpected argument '--bogus' found", &["fit".into(), "--bogus".into()], &verbs), None);
    }
}
