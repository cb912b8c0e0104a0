//! README and guide, typed word for word: every command in them runs, in its order, in a folder with `data/` and `guide/`, and
//! answers what the page shows.

use super::run::{Place, Ran};
use std::path::{Path, PathBuf};

/// The pages whose blocks of kind `console` show commands and their answers.
const PAGES: [&str; 5] =
    ["README.md", "guide/chemistry.md", "guide/finance.md", "guide/your-own-model.md", "guide/reading-a-report.md"];

/// Lines of an answer that a page shows before it breaks off, and from how many on it does.
const SHOWN: usize = 40;
const LONG: usize = 46;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap_or_else(|e| panic!("{page}: {e}"))
}

/// A command of a page, and the answer below it.
struct Shown {
    line: String,
    answer: String,
}

/// The commands of the console blocks, in their order.
fn shown(page: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut is_console = false;
    for line in page.lines() {
        match (line.strip_prefix("```"), line.strip_prefix("$ ")) {
            (Some(kind), _) => is_console = kind == "console",
            (None, Some(typed)) if is_console => all.push(Shown { line: typed.to_string(), answer: String::new() }),
            (None, None) if is_console => {
                let last = all.last_mut().expect("a command above its answer");
                last.answer.push_str(line);
                last.answer.push('\n');
            }
            _ => {}
        }
    }
    all
}

/// Model files that a page shows whole, by the name that the text says to save them under.
fn files(page: &str) -> Vec<(String, String)> {
    let blocks = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks
        .filter_map(|block| {
            let id = block.lines().find_map(|l| l.strip_prefix("id     = \"")?.strip_suffix('"'))?;
            Some((format!("{id}.toml"), block.to_string()))
        })
        .collect()
}

/// What the page shows of a run: answer before talk, or the refusal; without blanks at the ends of lines.
fn told(ran: &Ran) -> String {
    let whole = match ran.code {
        Some(2) => format!("{}{}", ran.stderr, ran.stdout),
        _ => format!("{}{}", ran.stdout, ran.stderr),
    };
    let mut lines: Vec<&str> = whole.trim_end().lines().map(str::trim_end).collect();
    if lines.len() > LONG {
        lines.truncate(SHOWN);
        lines.push("…");
    }
    lines.iter().map(|l| format!("{l}\n")).collect()
}

fn place_of(text: &str) -> Place {
    let place = Place::new();
    for folder in ["data", "guide", "models"] {
        std::os::unix::fs::symlink(root().join(folder), place.path(folder)).expect("a link");
    }
    files(text).into_iter().fold(place, |place, (name, content)| place.with(&name, content))
}

/// Run what the page shows; the same page with the answers of now.
fn walked(page: &str) -> String {
    let text = text_of(page);
    let place = place_of(&text);
    let mut anew = text.clone();
    for Shown { line, answer } in shown(&text) {
        // The mistake that the page is about to show is made first.
        let is_refusal = answer.starts_with("error: ");
        let name = line.split(' ').find(|word| is_refusal && word.ends_with(".toml"));
        let right = name.map(|name| place.text(name));
        if let (Some(name), Some(right)) = (name, &right) {
            let wrong = right.replacen("kappa*(theta", "kapa*(theta", 1);
            std::fs::write(place.path(name), wrong).expect("a file");
        }
        let ran = place.shell(&line);
        // 1 is an answer that is flagged, which the text shows.
        let expected = if is_refusal { ran.code == Some(2) } else { matches!(ran.code, Some(0 | 1)) };
        assert!(expected, "{page}: {line}\n{}", ran.stderr);
        if let (Some(name), Some(right)) = (name, right) {
            std::fs::write(place.path(name), right).expect("a file");
        }
        // Its column of times is measured, and differs from run to run.
        if !line.starts_with("kramers compare ") {
            anew = anew.replacen(&format!("$ {line}\n{answer}"), &format!("$ {line}\n{}", told(&ran)), 1);
        }
    }
    anew
}

#[track_caller]
fn word_for_word(page: &str) {
    let (text, anew) = (text_of(page), walked(page));
    let differs = text.lines().zip(anew.lines()).enumerate().find(|(_, (old, new))| old != new);
    if let Some((line, (old, new))) = differs {
        panic!("{page}:{}: the page shows\n{old}\nand the program says\n{new}\n`just pages` writes it anew", line + 1);
    }
    assert_eq!(text.lines().count(), anew.lines().count(), "{page}: `just pages` writes it anew");
}

#[test]
fn the_readme() {
    word_for_word("README.md");
}

#[test]
fn chemistry() {
    word_for_word("guide/chemistry.md");
}

#[test]
fn finance() {
    word_for_word("guide/finance.md");
}

#[test]
fn your_own_model() {
    word_for_word("guide/your-own-model.md");
}

#[test]
fn reading_a_report() {
    word_for_word("guide/reading-a-report.md");
}

#[test]
#[ignore = "writes the answers in README and guide anew: `just pages`"]
fn pages_written_anew() {
    for page in PAGES {
        std::fs::write(root().join(page), walked(page)).expect("written");
    }
}

/// `kramers …` in running text: a line with a file that is there runs; of others verb and flags exist.
#[test]
fn commands_in_running_text_can_be_typed() {
    let mut seen = 0;
    for page in PAGES.into_iter().chain(["models/README.md", "CONTRIBUTING.md", "guide/README.md"]) {
        let text = text_of(page);
        let place = place_of(&text);
        let inline = text.lines().filter(|l| !l.starts_with("$ ")).flat_map(|l| l.split('`').skip(1).step_by(2));
        for line in inline.filter(|code| code.starts_with("kramers ") && !code.contains('=')) {
            let is_open =
                line.split_whitespace().any(|w| w.chars().all(|c| c.is_ascii_uppercase() || ".[]|".contains(c)));
            let names_a_file = line.split(' ').any(|w| Path::new(w).extension().is_some() && place.path(w).exists());
            let verb = line.split(' ').nth(1).expect("a verb");
            let help = place.shell(&format!("kramers {verb} --help")).ends(0).stdout;
            for flag in line.split_whitespace().filter(|w| w.starts_with("--")) {
                assert!(help.contains(flag), "{page}: {line}: no flag {flag}");
            }
            if names_a_file && !is_open {
                assert!(matches!(place.shell(line).code, Some(0 | 1)), "{page}: {line}");
            }
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen} commands in running text");
}
