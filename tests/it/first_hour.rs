//! A stranger's first hour: the mistakes people make first, typed as they type them, with the hint typed after it; and every
//! hint, flag and verb that the program ever names held to exist.

use super::run::{Place, Ran, day, table, walk};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const ROWS: usize = 300;

/// A mistake, the line that makes it, what of the answer is typed next, and the lines that it makes possible.
struct Mistake {
    what: &'static str,
    typed: &'static str,
    /// Words of the message.
    says: &'static str,
    /// Words of a hint, typed as they stand in one of the lines of `then`.
    hint: &'static str,
    then: &'static [&'static str],
}

const MISTAKES: [Mistake; 25] = [
    Mistake {
        what: "the name of the file is misspelt",
        typed: "kramers check price.csv",
        says: "no such file",
        hint: "prices.csv",
        then: &["kramers check prices.csv"],
    },
    Mistake {
        what: "a column is misspelt",
        typed: "kramers fit prices.csv -m ou --value Clsoe -q",
        says: "no column 'Clsoe'",
        hint: "Close",
        then: &["kramers fit prices.csv -m ou --value Close -q"],
    },
    Mistake {
        what: "quotes are forgotten",
        typed: "kramers fit adjusted.csv -m ou --value Adj Close -q",
        says: "unexpected argument 'Close'",
        hint: "--value 'Adj Close'",
        then: &["kramers fit adjusted.csv -m ou --value 'Adj Close' -q"],
    },
    Mistake {
        what: "several columns could be meant",
        typed: "kramers fit wide.csv -m ou -q",
        says: "more than one column could be the value",
        hint: "--value AAPL",
        then: &["kramers fit wide.csv -m ou -q --value AAPL"],
    },
    Mistake {
        what: "the model is misspelt",
        typed: "kramers fit prices.csv -m cirr -q",
        says: "there is no model 'cirr'",
        hint: "cir",
        then: &["kramers fit prices.csv -m cir -q"],
    },
    Mistake {
        what: "the model is called by its long name",
        typed: "kramers fit prices.csv -m ornstein-uhlenbeck -q",
        says: "there is no model 'ornstein-uhlenbeck'",
        hint: "ou",
        then: &["kramers fit prices.csv -m ou -q"],
    },
    Mistake {
        what: "no model is named",
        typed: "kramers fit prices.csv",
        says: "--model <MODEL>",
        hint: "-m ou",
        then: &["kramers fit prices.csv -m ou"],
    },
    Mistake {
        what: "the model stands where the data should",
        typed: "kramers fit ou prices.csv",
        says: "unexpected argument 'prices.csv'",
        hint: "kramers fit prices.csv -m ou",
        then: &["kramers fit prices.csv -m ou"],
    },
    Mistake {
        what: "several models with blanks between them",
        typed: "kramers report prices.csv --model ou bm --refit never -q",
        says: "unexpected argument 'bm'",
        hint: "--model ou,bm",
        then: &["kramers report prices.csv --model ou,bm --refit never -q"],
    },
    Mistake {
        what: "a parameter is misspelt",
        typed: "kramers fit prices.csv -m ou --fix kapa=10 -q",
        says: "no parameter 'kapa'",
        hint: "kappa",
        then: &["kramers fit prices.csv -m ou --fix kappa=10 -q"],
    },
    Mistake {
        what: "blanks around an equals sign",
        typed: "kramers fit prices.csv -m ou --fix kappa = 10 -q",
        says: "unexpected argument '='",
        hint: "kappa=10",
        then: &["kramers fit prices.csv -m ou --fix kappa=10 -q"],
    },
    Mistake {
        what: "a start without the name of the state",
        typed: "kramers simulate cir --from 1 --summary",
        says: "'1' is not name=value",
        hint: "x=1",
        then: &["kramers simulate cir --from x=1 --summary"],
    },
    Mistake {
        what: "a file without a command",
        typed: "kramers prices.csv",
        says: "unrecognized subcommand 'prices.csv'",
        hint: "kramers report prices.csv",
        then: &["kramers report prices.csv -m ou --refit never -q"],
    },
    Mistake {
        what: "a folder instead of a file",
        typed: "kramers check data",
        says: "directory",
        hint: "ls data",
        then: &["ls data", "kramers check data/prices.csv"],
    },
    Mistake {
        what: "dates that can be read both ways",
        typed: "kramers check both-ways.csv",
        says: "both as day/month and as month/day",
        hint: "--dates dmy",
        then: &["kramers check both-ways.csv --dates dmy"],
    },
    Mistake {
        what: "a line of totals at the end",
        typed: "kramers check totals.csv",
        says: "'Total', which is not a date",
        hint: "sed '302d' totals.csv > totals.clean.csv",
        then: &["sed '302d' totals.csv > totals.clean.csv", "kramers check totals.clean.csv"],
    },
    Mistake {
        what: "a title above the header",
        typed: "kramers check titled.csv",
        says: "titled.csv:3: 2 fields where the header has 1",
        hint: "tail -n +3 titled.csv > titled.clean.csv",
        then: &["tail -n +3 titled.csv > titled.clean.csv", "kramers check titled.clean.csv"],
    },
    Mistake {
        what: "decimal commas between commas",
        typed: "kramers check commas.csv",
        says: "commas.csv:2: 3 fields where the header has 2",
        hint: "sed 's/,/;/' commas.csv > commas.clean.csv",
        then: &["sed 's/,/;/' commas.csv > commas.clean.csv", "kramers check commas.clean.csv"],
    },
    Mistake {
        what: "percent signs",
        typed: "kramers check percent.csv",
        says: "%', which is not a number",
        hint: "sed '1!s/%//g' percent.csv > percent.clean.csv",
        then: &["sed '1!s/%//g' percent.csv > percent.clean.csv", "kramers check percent.clean.csv"],
    },
    Mistake {
        what: "a currency before every number",
        typed: "kramers check euros.csv",
        says: "which is not a number",
        hint: "sed '1!s/€//g' euros.csv > euros.clean.csv",
        then: &["sed '1!s/€//g' euros.csv > euros.clean.csv", "kramers check euros.clean.csv"],
    },
    Mistake {
        what: "a logarithm of negative values",
        typed: "kramers fit spread.csv -m ou --transform log -q",
        says: "which needs positive values",
        hint: "--clean positive",
        then: &[
            "kramers fit spread.csv -m ou --transform log --clean positive -q",
            "kramers fit spread.csv -m ou --transform none -q",
        ],
    },
    Mistake {
        what: "a model of prices for data that are negative",
        typed: "kramers fit spread.csv -m gbm -q",
        says: "model 'gbm' lives on [0, inf]",
        hint: "-m ou",
        then: &["kramers fit spread.csv -m ou -q"],
    },
    Mistake {
        what: "too few rows",
        typed: "kramers report few.csv",
        says: "series 'Close' has 10 usable rows",
        hint: "kramers fit DATA -m MODEL",
        then: &["kramers fit few.csv -m ou -q"],
    },
    Mistake {
        what: "a horizon longer than what is held out",
        typed: "kramers backtest prices.csv -m ou --horizon 500",
        says: "from 1 to the 60 held out",
        hint: "--horizon 5",
        then: &["kramers backtest prices.csv -m ou --horizon 5 --refit never -q"],
    },
    Mistake {
        what: "a horizon in days",
        typed: "kramers forecast prices.csv -m ou --horizon 30d",
        says: "not a whole number such as 20",
        hint: "kramers forecast --help",
        then: &["kramers forecast --help", "kramers forecast prices.csv -m ou --horizon 20 -q"],
    },
];

/// The files of the first hour: three hundred days about 100, and what people do to them.
fn place() -> Place {
    let values: Vec<f64> = walk(ROWS).iter().map(|x| (x * 1e5).round() / 1e3).collect();
    let rows = |cell: &dyn Fn(f64) -> String| {
        values.iter().enumerate().map(|(i, v)| format!("{},{}", day(i), cell(*v))).collect::<Vec<_>>()
    };
    let plain = rows(&|v| v.to_string());
    let both = (0..60).map(|i| format!("{}/{}/{},{}", 1 + (7 * i) % 12, 1 + (5 * i + 3) % 12, 2000 + i / 4, values[i]));
    let place = Place::new()
        .with("prices.csv", table("Date,Close", plain.clone()))
        .with("adjusted.csv", table("Date,Adj Close", plain.clone()))
        .with("wide.csv", table("Date,AAPL,MSFT", rows(&|v| format!("{v},{}", 2.0 * v))))
        .with("both-ways.csv", table("Date,Close", both))
        .with("totals.csv", table("Date,Close", plain.iter().cloned().chain(["Total,30000".to_string()])))
        .with("titled.csv", format!("Prices of the year\n\n{}", table("Date,Close", plain.clone())))
        .with("commas.csv", table("Date,Close", rows(&|v| v.to_string().replace('.', ","))))
        .with("semicolons.csv", table("Date,Close", plain.clone()).replace(',', ";").replace('.', ","))
        .with(
            "gaps.csv",
            table(
                "Date,Close",
                (0..ROWS).map(|i| {
                    format!("{},{}", day(i), if i % 7 == 3 { "n/a".to_string() } else { values[i].to_string() })
                }),
            ),
        )
        .with("percent.csv", table("Date,Rate", rows(&|v| format!("{v}%"))))
        .with("euros.csv", table("Date,Price", rows(&|v| format!("€{v}"))))
        .with("spread.csv", table("Date,Spread", rows(&|v| format!("{}", v - 100.0))))
        .with("few.csv", table("Date,Close", plain[..10].to_vec()));
    std::fs::create_dir(place.path("data")).expect("a folder");
    place.with("data/prices.csv", table("Date,Close", plain))
}

/// The refusal of a mistake and the answers to what is typed after it.
#[track_caller]
fn made(place: &Place, mistake: &Mistake) -> (Ran, Vec<Ran>) {
    let Mistake { what, typed, says, hint, then } = mistake;
    let ran = place.shell(typed).ends(2);
    assert!(ran.stderr.contains(says), "{what}: '{says}' is missing\n{}", ran.stderr);
    let hinted = ran.stderr.lines().any(|l| l.starts_with("hint: ") && l.contains(hint));
    assert!(hinted, "{what}: no hint with '{hint}'\n{}", ran.stderr);
    // A hint with placeholders is typed with its words in their places.
    let is_typed = hint.contains("DATA") || then.iter().any(|line| line.contains(hint));
    assert!(is_typed, "{what}: nobody types '{hint}'");
    let next = then.iter().map(|line| place.shell(line).ends(0)).collect();
    (ran, next)
}

#[test]
fn typing_the_hint_mends_each_mistake_of_the_first_hour() {
    let place = place();
    for mistake in &MISTAKES {
        made(&place, mistake);
    }
}

#[test]
fn files_as_spreadsheets_write_them_are_no_mistake() {
    let place = place();
    let semicolons = place.shell("kramers fit semicolons.csv -m ou -q").ends(0);
    assert_eq!(semicolons.stdout, place.shell("kramers fit prices.csv -m ou -q").ends(0).stdout);
    let gaps = place.shell("kramers fit gaps.csv -m ou").ends(0);
    assert!(gaps.stderr.contains("43 missing: dropped"), "{}", gaps.stderr);
}

#[test]
#[ignore = "writes reports/validation/newcomer.md: `just newcomer`"]
fn transcript_of_the_first_hour() {
    const SHOWN: usize = 7;
    let place = place();
    let mut out = format!(
        "# A stranger's first hour: {} mistakes\n\nEach is typed as people type it, with what the program answers and what is typed after its hint. `just newcomer` makes this page again;\nan ordinary test types all of it.\n",
        MISTAKES.len()
    );
    for (i, mistake) in MISTAKES.iter().enumerate() {
        let (ran, next) = made(&place, mistake);
        out.push_str(&format!("\n## {}. {}\n\n```console\n$ {}\n{}", i + 1, mistake.what, mistake.typed, ran.stderr));
        for (line, ran) in mistake.then.iter().zip(next) {
            let answer: Vec<&str> = ran.stdout.lines().chain(ran.stderr.lines()).filter(|l| !l.is_empty()).collect();
            out.push_str(&format!("\n$ {line}\n"));
            out.extend(answer.iter().take(SHOWN).map(|l| format!("{}\n", l.trim_end())));
            if answer.len() > SHOWN {
                out.push_str("…\n");
            }
        }
        out.push_str("```\n");
    }
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/reports/validation/newcomer.md"), out).expect("written");
}

// ---- whatever the program tells people to type exists

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match path.is_dir() {
            true => rust_files(&path, into),
            false if name.ends_with(".rs") && !name.contains("tests") => into.push(path),
            false => {}
        }
    }
}

/// Text between quotes in the code of a file, without comments and without its unit tests.
fn strings(text: &str) -> Vec<String> {
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = code.lines().filter(|l| !l.trim_start().starts_with("//"));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("'\"'", "' '").replace("\\\"", "'");
    joined.split('"').skip(1).step_by(2).map(str::to_string).collect()
}

/// Words of a text as a shell would part them, less the marks of a sentence around them.
fn typed_words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\n', '`', '(', ')', ';', '[', ']', '|', '='])
        .map(|w| w.trim_matches([',', '.', ':', '\'', '?', '…']))
}

#[test]
fn every_command_and_flag_the_program_names_exists() {
    let place = Place::new();
    let verbs: BTreeSet<String> = place
        .shell("kramers --help")
        .ends(0)
        .stdout
        .lines()
        .skip_while(|l| !l.starts_with("Commands:"))
        .skip(1)
        .take_while(|l| !l.is_empty())
        .filter(|l| l.starts_with("  ") && !l.starts_with("   "))
        .filter_map(|l| l.split_whitespace().next().map(str::to_string))
        .collect();
    assert!(verbs.len() > 14, "{verbs:?}");
    let helps: Vec<String> = verbs
        .iter()
        .filter(|v| *v != "help")
        .map(|v| place.shell(&format!("kramers {v} --help")).ends(0).stdout)
        .collect();
    let flags: BTreeSet<String> =
        helps.iter().flat_map(|h| typed_words(h)).filter(|w| w.starts_with("--")).map(str::to_string).collect();
    let mut files = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let (mut seen_flags, mut seen_verbs) = (0, 0);
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a source file");
        for string in strings(&text) {
            let words: Vec<&str> = typed_words(&string).filter(|w| !w.is_empty()).collect();
            for (i, word) in words.iter().enumerate() {
                let name = word.strip_prefix("--").unwrap_or_default();
                let is_flag = name.starts_with(|c: char| c.is_ascii_lowercase())
                    && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
                if is_flag {
                    // Of cargo, where it says how to build with a feature.
                    let is_foreign = ["--features", "--path", "--locked", "--release", "--help"].contains(word);
                    let exists = is_foreign || flags.contains(*word);
                    assert!(exists, "{}: no flag {word} ({string})", path.display());
                    seen_flags += 1;
                }
                // Typed with something behind it, it is a command; else it is talk of the program.
                let behind = words.get(i + 2).is_some_and(|w| {
                    w.starts_with(['-', '{']) || w.len() > 1 && w.chars().all(|c| c.is_ascii_uppercase())
                });
                if *word == "kramers" && behind {
                    let next = words[i + 1];
                    let exists = verbs.contains(next) || next.starts_with(['-', '{']);
                    assert!(exists, "{}: no command {next} ({string})", path.display());
                    seen_verbs += 1;
                }
            }
        }
    }
    assert!(seen_flags > 150 && seen_verbs > 8, "{seen_flags} flags and {seen_verbs} commands were found");
}

/// Help of every verb: an example of use, each flag explained, and nothing wider than a terminal.
#[test]
fn every_flag_of_every_verb_is_explained() {
    let place = Place::new();
    for verb in [
        "report", "check", "models", "init", "fit", "forecast", "backtest", "discover", "tune", "solve", "compare",
        "simulate",
    ] {
        let help = place.shell(&format!("kramers {verb} --help")).ends(0).stdout;
        let lines: Vec<&str> = help.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let starts = line.trim_start();
            if !starts.starts_with('-') || starts.starts_with("- ") {
                continue;
            }
            // A flag at the start of a line that goes on about another.
            let is_talk = starts.starts_with("--") && starts.ends_with(')');
            if is_talk {
                continue;
            }
            let same_line = starts.split_once("  ").is_some_and(|(_, told)| !told.trim().is_empty());
            let below = lines.get(i + 1).is_some_and(|l| l.starts_with("          ") && !l.trim().is_empty());
            assert!(same_line || below, "{verb}: nothing is said of {starts}");
        }
        assert!(lines.iter().all(|l| l.chars().count() <= 120), "{verb}: a line is too wide");
    }
}
