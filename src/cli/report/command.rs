//! The command that makes a report again.

use crate::base::hints::shell;
use crate::cli::input::model_name;

/// Global flags that change nothing in a report, with and without a value of their own.
const LEFT_OUT: [&str; 6] = ["--json", "--quiet", "--verbose", "--no-progress", "-q", "-v"];
const LEFT_OUT_WITH_VALUE: [&str; 3] = ["--output", "-o", "--threads"];

/// The words as they were typed, less those that change nothing, and without folders of this machine.
pub(in crate::cli) fn command(words: impl Iterator<Item = String>) -> String {
    let mut line = vec!["kramers".to_string()];
    let mut words = words.skip(1);
    while let Some(word) = words.next() {
        if LEFT_OUT_WITH_VALUE.contains(&word.as_str()) {
            words.next();
            continue;
        }
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        let is_left_out = LEFT_OUT.contains(&word.as_str())
            || LEFT_OUT_WITH_VALUE.contains(&name)
            || is_short(&word, |first, rest| first == 'o' || rest.chars().all(|c| "qv".contains(c)));
        if !is_left_out {
            line.push(shell(&without_folders(&word)));
        }
    }
    line.join(" ")
}

/// Of a word such as `-qv` or `-oDIR`: whether this holds of its first letter and all of them.
fn is_short(word: &str, holds: impl Fn(char, &str) -> bool) -> bool {
    let Some(letters) = word.strip_prefix('-').filter(|l| !l.starts_with('-')) else { return false };
    letters.chars().next().is_some_and(|first| holds(first, letters))
}

/// A path below the working folder is told as typed, others by their name alone; so in lists, and after `=`.
fn without_folders(word: &str) -> String {
    let piece = |p: &str| if p.starts_with('/') { model_name(p) } else { p.to_string() };
    let list = |text: &str| text.split(',').map(piece).collect::<Vec<_>>().join(",");
    match word.split_once('=') {
        Some((name, value)) if name.starts_with('-') => format!("{name}={}", list(value)),
        _ => list(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &[&str]) -> String {
        command(line.iter().map(|w| w.to_string()))
    }

    #[test]
    fn only_what_changes_the_report_is_told() {
        let line = [
            "/usr/bin/kramers",
            "report",
            "data/x.csv",
            "-o",
            "/tmp/out",
            "--threads",
            "2",
            "-qv",
            "--json",
            "--test",
            "20%",
        ];
        assert_eq!(told(&line), "kramers report data/x.csv --test 20%");
        assert_eq!(
            told(&["k", "report", "x.csv", "--output=/a/b", "-oout", "--seed", "3"]),
            "kramers report x.csv --seed 3"
        );
    }

    #[test]
    fn folders_of_this_machine_are_left_out() {
        let line = ["k", "report", "/home/me/x.csv", "-m", "ou,/home/me/own.toml", "--model=/home/me/own.toml"];
        assert_eq!(told(&line), "kramers report x.csv -m ou,own.toml --model=own.toml");
    }

    #[test]
    fn words_with_blanks_and_quotes_come_back_whole() {
        assert_eq!(
            told(&["k", "report", "my data.csv", "--value", "it's"]),
            r"kramers report 'my data.csv' --value 'it'\''s'"
        );
    }
}
