//! House rules that a compiler does not check, read off the sources under `src/`.
//!
//! The reader is a small scanner, not a parser: comments, strings and `#[cfg(test)]` items are blanked, and the rules look
//! at what is left, line by line.

mod detector;

use std::fmt;
use std::path::{Path, PathBuf};

/// Rooms from the ground floor up; an import may only run down. Rooms on one floor don't import each other.
const FLOORS: [&[&str]; 17] = [
    &["base"],
    &["expr"],
    &["process"],
    &["models"],
    &["predictive"],
    &["stats"],
    &["form"],
    &["filter"],
    &["fit"],
    &["contract"],
    &["baseline", "discover"],
    &["forecast"],
    &["backtest"],
    &["tune"],
    &["report"],
    &["cli"],
    // The binary and the crate root stand outside the house.
    &["main", "lib"],
];
const LONGEST: usize = 500;

/// One source file with everything that is not shipped code blanked out, line numbers kept.
struct Source {
    /// Path below `src/`, with `/`.
    path: String,
    /// `fit` of `fit/kl.rs`, `forecast` of `forecast.rs`.
    room: String,
    lines: usize,
    code: String,
}

#[derive(Debug, PartialEq)]
struct Finding {
    path: String,
    line: usize,
    what: String,
    instead: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "src/{}:{}: {}\n    instead: {}", self.path, self.line, self.what, self.instead)
    }
}

impl Source {
    fn new(path: &str, text: &str) -> Source {
        let first = path.split('/').next().unwrap_or_default();
        let room = first.strip_suffix(".rs").unwrap_or(first).to_string();
        let code = without_tests(&without_words(text));
        Source { path: path.to_string(), room, lines: text.lines().count(), code }
    }

    fn finding(&self, at: usize, what: String, instead: &'static str) -> Finding {
        let line = self.code[..at].matches('\n').count() + 1;
        Finding { path: self.path.clone(), line, what, instead }
    }

    /// Offsets of `word` where it is not part of a longer name.
    fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let starts_name = word.starts_with(is_name);
        let ends_name = word.ends_with(is_name);
        self.code.match_indices(word).map(|(at, _)| at).filter(move |at| {
            let before = self.code[..*at].chars().next_back();
            let after = self.code[at + word.len()..].chars().next();
            let glued = starts_name && before.is_some_and(is_name) || ends_name && after.is_some_and(is_name);
            !glued
        })
    }
}

/// Every file under `src/`, except those that a `#[cfg(test)] mod name;` declares.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let texts: Vec<(String, String)> = files
        .iter()
        .map(|file| {
            let path = file.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
            (path, std::fs::read_to_string(file).expect("readable"))
        })
        .collect();
    let for_tests: Vec<String> = texts.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    let shipped =
        |path: &str| !for_tests.iter().any(|t| path == format!("{t}.rs") || path.starts_with(&format!("{t}/")));
    texts.iter().filter(|(path, _)| shipped(path)).map(|(path, text)| Source::new(path, text)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Paths (without `.rs`) of modules declared as `#[cfg(test)] mod name;` in the file at `path`.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let folder = match path.rsplit_once('/') {
        _ if matches!(path, "lib.rs" | "main.rs") => String::new(),
        Some((folder, "mod.rs")) => format!("{folder}/"),
        _ => format!("{}/", path.trim_end_matches(".rs")),
    };
    let code = without_words(text);
    let declared = code.match_indices("#[cfg(test)]").filter_map(|(at, attribute)| {
        let item = code[at + attribute.len()..].trim_start();
        // `pub(in crate::form) mod name;` is seen by the tests of other rooms.
        let item = if item.starts_with("pub(") { item.split_once(") ")?.1 } else { item };
        let name = item.strip_prefix("mod ")?.split_once(';')?.0;
        name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| format!("{folder}{name}"))
    });
    declared.collect()
}

/// The text with comments, strings and character literals replaced by blanks, newlines kept.
fn without_words(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    let blank = |from: usize, to: usize, out: &mut String| {
        out.extend(chars[from..to.min(chars.len())].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
    };
    while i < chars.len() {
        let before = if i > 0 { chars[i - 1] } else { ' ' };
        let in_name = before.is_alphanumeric() || before == '_';
        let hashes = (i + 1..).take_while(|k| at(*k) == '#').count();
        let end = if at(i) == '/' && at(i + 1) == '/' {
            (i..chars.len()).find(|k| at(*k) == '\n').unwrap_or(chars.len())
        } else if at(i) == '/' && at(i + 1) == '*' {
            (i + 2..chars.len()).find(|k| at(*k) == '*' && at(k + 1) == '/').map_or(chars.len(), |k| k + 2)
        } else if at(i) == 'r' && at(i + 1 + hashes) == '"' && (!in_name || before == 'b') {
            let closes = |k: usize| at(k) == '"' && (1..=hashes).all(|h| at(k + h) == '#');
            (i + 2 + hashes..chars.len()).find(|k| closes(*k)).map_or(chars.len(), |k| k + 1 + hashes)
        } else if at(i) == '"' {
            end_of_string(&chars, i)
        } else if at(i) == '\'' && at(i + 1) == '\\' {
            (i + 3..chars.len()).find(|k| at(*k) == '\'').map_or(chars.len(), |k| k + 1)
        } else if at(i) == '\'' && at(i + 2) == '\'' {
            i + 3
        } else {
            i
        };
        if end > i {
            blank(i, end, &mut out);
            i = end;
        } else {
            out.push(chars[i]);
            i += 1;
        }
    }
    out
}

fn end_of_string(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// Code (already without words) with every item under `#[cfg(test)]` or `#[test]` blanked.
fn without_tests(code: &str) -> String {
    let mut out = code.to_string();
    for attribute in ["#[cfg(test)]", "#[cfg(all(test", "#[test]"] {
        while let Some(start) = out.find(attribute) {
            let after = start + attribute.len();
            // The item ends with its braces, or with a semicolon before any opens.
            let mut depth = 0;
            let mut end = out.len();
            for (at, c) in out[after..].char_indices() {
                match c {
                    '{' | '(' | '[' => depth += 1,
                    '}' | ')' | ']' => depth -= 1,
                    _ => {}
                }
                if depth == 0 && (c == '}' || c == ';') {
                    end = after + at + 1;
                    break;
                }
            }
            let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            out.replace_range(start..end, &blank);
        }
    }
    out
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Whether `from` may name `to`.
fn may_import(from: &str, to: &str) -> bool {
    if from == to || matches!(from, "lib" | "main") {
        return true;
    }
    if from == "data" || to == "data" {
        // What data reads becomes base values; only the command line calls it.
        return (from == "data" && to == "base") || from == "cli";
    }
    matches!((floor(from), floor(to)), (Some(from), Some(to)) if to < from)
}

/// Offset and text after every `crate::`, and after every `super::super::` that reaches the crate's root.
fn from_the_root(source: &Source) -> Vec<(usize, &str)> {
    let depth = source.path.split('/').filter(|part| *part != "mod.rs").count();
    let by_crate = source.words("crate").filter_map(|at| Some((at, source.code[at..].strip_prefix("crate::")?)));
    let by_super = source.words("super").filter_map(|at| {
        let inside = source.code[..at].ends_with("super::");
        let mut rest = &source.code[at..];
        for _ in 0..depth {
            rest = rest.strip_prefix("super::")?;
        }
        (!inside).then_some((at, rest))
    });
    by_crate.chain(by_super).collect()
}

/// `crate::room` in any position, and every room of `crate::{a, b::c}`.
fn imports(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, rest) in from_the_root(source) {
        let name =
            |text: &str| -> String { text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
        if !rest.starts_with('{') {
            found.push((at, name(rest)));
            continue;
        }
        let (mut depth, mut item) = (0, String::new());
        for c in rest.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 || (depth == 1 && c == ',') {
                found.push((at, name(&item)));
                item.clear();
            } else if !(depth == 1 && c == '{') {
                item.push(c);
            }
            if depth == 0 {
                break;
            }
        }
    }
    found.retain(|(_, room)| !room.is_empty());
    found
}

fn uphill_imports(source: &Source) -> Vec<Finding> {
    let wrong = imports(source).into_iter().filter(|(_, room)| !may_import(&source.room, room));
    wrong
        .map(|(at, room)| {
            source.finding(
                at,
                format!("`{}` imports `{room}`, which is not below it", source.room),
                "move the thing down to where both rooms can see it, or pass it in as a value (DESIGN section 1; a new room gets a floor in tests/it/tidy.rs)",
            )
        })
        .collect()
}

/// A name that belongs to some places only.
struct Fence {
    names: &'static [&'static str],
    /// Rooms, or paths below `src/`.
    places: &'static [&'static str],
    instead: &'static str,
}

const FENCES: [Fence; 7] = [
    Fence {
        names: &["roxmltree"],
        places: &["models"],
        instead: "use models::read::sbml::document, which limits what is read",
    },
    Fence { names: &["polars"], places: &["data"], instead: "read through kramers::data; no other room knows polars" },
    Fence {
        names: &["argmin", "argmin_math"],
        places: &["fit"],
        instead: "call fit's own optimiser, which guards argmin",
    },
    Fence {
        names: &["plotters", "minijinja"],
        places: &["report"],
        instead: "hand report the values to show; no other room draws or renders",
    },
    Fence {
        names: &[
            "StdRng",
            "SmallRng",
            "ThreadRng",
            "OsRng",
            "SysRng",
            "ChaCha8Rng",
            "ChaCha12Rng",
            "ChaCha20Rng",
            "thread_rng",
            "rand::rng",
            "rand::random",
            "from_entropy",
            "from_os_rng",
            "seed_from_u64",
            "from_seed",
            "SeedableRng",
        ],
        places: &["base"],
        instead: "take a Key or Stream from the caller: Seed(n).key(purpose, series, window)",
    },
    Fence {
        names: &["println!", "eprintln!", "print!", "eprint!", "dbg!"],
        places: &["cli", "main.rs"],
        instead: "return the words or a Finding; cli prints them",
    },
    Fence {
        names: &["std::fs", "fs::", "File::open", "File::create", "OpenOptions"],
        places: &["cli", "main.rs"],
        instead: "take bytes in and give bytes out; cli opens the files",
    },
];

fn fenced_names(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for fence in FENCES.iter().filter(|f| !f.places.iter().any(|p| *p == source.room || *p == source.path)) {
        for name in fence.names {
            let what = || format!("`{name}` outside {}", fence.places.join(", "));
            found.extend(source.words(name).map(|at| source.finding(at, what(), fence.instead)));
        }
    }
    // `std::fs::read` is one finding, not two.
    found.dedup_by(|a, b| a.line == b.line && a.instead == b.instead);
    found
}

/// A `Key` or `Stream` written out (`Key(…)`, `Stream { … }`) rather than asked of a `Seed`.
fn generators_by_hand(source: &Source) -> Vec<Finding> {
    if source.room == "base" {
        return Vec::new();
    }
    let mut found = Vec::new();
    for name in ["Key", "Stream"] {
        for at in source.words(name) {
            let before = source.code[..at].trim_end();
            let after = source.code[at + name.len()..].trim_start();
            // `-> Stream {` opens a function and `impl Key {` a block; a literal stands where a value can.
            let is_type =
                ["->", "impl", "for", "struct", "enum", "dyn", "&", "mut", ":"].iter().any(|w| before.ends_with(w));
            let path = before.ends_with("::");
            if (after.starts_with('(') || after.starts_with('{')) && (path || !is_type) {
                found.push(source.finding(
                    at,
                    format!("a `{name}` made by hand"),
                    "Seed(n).key(purpose, series, window), then .stream(path)",
                ));
            }
        }
    }
    found
}

/// Methods of `f64` whose last bits are the platform's, by name without the dot.
const PLATFORM_METHODS: [&str; 31] = [
    "exp", "exp2", "exp_m1", "ln", "ln_1p", "log", "log2", "log10", "powf", "powi", "sin", "cos", "tan", "sin_cos",
    "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "cbrt", "hypot", "mul_add",
    "gamma", "ln_gamma", "erf", "erfc",
];

/// Methods of the same name on types of ours: file, the text of the call, and the type it is on. A call that is not here
/// is taken for one on a float.
const OUR_METHODS: [(&str, &str, &str); 5] = [
    ("predictive/mod.rs", "e.exp()", "Ensemble"),
    ("predictive/mod.rs", "l.exp()", "Lattice"),
    ("predictive/mod.rs", "m.exp()", "Mixed and Mixture"),
    ("predictive/mixed.rs", "law.exp()", "Predictive"),
    ("predictive/mixture.rs", "law.exp()", "Predictive"),
];

fn platform_arithmetic(source: &Source) -> Vec<Finding> {
    const INSTEAD: &str = "crate::base::math::NAME(x) (a plain product for small powers); if it is a method of our own type, list it in OUR_METHODS of tests/it/tidy.rs";
    let ours = |at: usize| {
        OUR_METHODS.iter().any(|(path, call, _)| {
            let dot = call.find('.').expect("a method call");
            *path == source.path && at >= dot && source.code[at - dot..].starts_with(call)
        })
    };
    let mut found = Vec::new();
    for name in PLATFORM_METHODS {
        for at in source.words(name) {
            let before = &source.code[..at];
            let called = source.code[at + name.len()..].starts_with('(');
            // `x.exp()`, also where the dot starts a new line.
            if called && before.ends_with('.') && !before.ends_with("..") && !ours(at - 1) {
                found.push(source.finding(at, format!("the platform's `.{name}()`"), INSTEAD));
            }
            // `f64::exp`, called or passed.
            if before.ends_with("f64::") || before.ends_with("f32::") || before.ends_with("<f64>::") {
                found.push(source.finding(at, format!("the platform's `f64::{name}`"), INSTEAD));
            }
        }
    }
    found
}

fn length(source: &Source) -> Vec<Finding> {
    if source.lines <= LONGEST {
        return Vec::new();
    }
    vec![Finding {
        path: source.path.clone(),
        line: source.lines,
        what: format!("{} lines, more than {LONGEST}", source.lines),
        instead: "a file tells one story: move the second one to its own file",
    }]
}

#[track_caller]
fn assert_none(rule: impl Fn(&Source) -> Vec<Finding>) {
    let sources = sources();
    assert!(sources.len() > 50, "only {} sources were read", sources.len());
    let found: Vec<String> = sources.iter().flat_map(&rule).map(|f| f.to_string()).collect();
    assert!(found.is_empty(), "{} found:\n{}", found.len(), found.join("\n"));
}

#[test]
fn imports_run_downhill() {
    assert_none(uphill_imports);
}

#[test]
fn a_foreign_crate_a_print_and_a_file_stay_in_their_rooms() {
    assert_none(fenced_names);
}

#[test]
fn generators_are_made_in_base_only() {
    assert_none(generators_by_hand);
}

#[test]
fn arithmetic_is_the_same_on_every_machine() {
    assert_none(platform_arithmetic);
}

#[test]
fn a_file_tells_one_story() {
    assert_none(length);
}
