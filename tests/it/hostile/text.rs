//! Names that mean harm, in columns, series, models and files: what is written and said shows them, and nothing happens.

use super::super::run::{Place, day, walk};
use kramers::base::text::visible;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Names of series; two pairs differ in case or in what cannot be seen alone.
fn names() -> Vec<String> {
    let plain = [
        "<script>alert(1)</script>",
        "</title></style><img src=x onerror=alert(1)>",
        "=HYPERLINK(\"http://x.example\",\"y\")",
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "'\" onmouseover='alert(1)",
        "javascript:alert(1)",
        "{{ 7*7 }}{% raw %}",
        "../../etc/passwd",
        "back\\slash\\n",
        "\u{202e}gnp.exe\u{202c}",
        "zero\u{200b}width\u{feff}",
        "zerowidth",
        "c1\u{9b}31mred\u{7f}",
        "line\nbreak: error: all is well",
        "CON",
        "con",
        "سعر السهم",
        "&lt;b&gt;&amp;",
    ];
    plain.iter().map(|n| n.to_string()).chain([format!("{}{}", "long ", "x".repeat(10_000))]).collect()
}

fn cell(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Rows of every name, under a header that is hostile too.
fn panel(names: &[String], rows: usize) -> String {
    let mut table = format!("{},Date,{}\n", cell("<b>id</b>\u{202e}\n"), cell("=price\n<i>\u{200b}"));
    for (k, name) in names.iter().enumerate() {
        for (i, x) in walk(rows + k)[k..].iter().enumerate() {
            table += &format!("{},{},{x}\n", cell(name), day(i));
        }
    }
    table
}

/// Nothing in it acts on a terminal.
#[track_caller]
fn harmless(text: &str) {
    for line in text.lines() {
        let safe = line.replace('\t', " ");
        assert_eq!(visible(&safe), safe, "{line:?}");
    }
}

/// Every tag of a page is one that our templates have, no attribute is a script, and tags close in order.
#[track_caller]
fn sound_page(page: &str) {
    const VOID: [&str; 4] = ["meta", "br", "!doctype", "col"];
    const TAGS: &str = "a abbr article aside b body br caption circle code col colgroup dd details div dl dt em figcaption figure footer g h1 h2 h3 h4 head \
        header html i li line main math merror meta mfrac mi mn mo mover mpadded mphantom mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext \
        mtr munder munderover nav ol p path polygon polyline pre rect section small span strong style sub summary sup svg table tbody td text tfoot th thead title \
        tr tspan u ul !doctype";
    let known: BTreeSet<&str> = TAGS.split_whitespace().collect();
    let mut open: Vec<&str> = Vec::new();
    for piece in page.split('<').skip(1) {
        let tag = piece.split('>').next().unwrap_or("");
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap_or("");
        assert!(known.contains(name), "<{name}> in the page: {}", &piece[..piece.len().min(200)]);
        let lower = tag.to_lowercase();
        for bad in [" on", "javascript:", " src=", "style=\"b", "http:", "https:"] {
            // What stands inside of a value is text; attributes begin outside of quotes.
            let outside: String = lower.split('"').step_by(2).collect();
            assert!(!outside.contains(bad) || (bad == " on" && !outside.contains(" on=")), "{bad} in <{tag}>");
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{}", &piece[..piece.len().min(200)]);
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    harmless(page);
}

/// The cells of a CSV.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => cell.extend(chars.next()),
            ('"', _) => quoted = !quoted,
            (',', false) => row.push(std::mem::take(&mut cell)),
            ('\n', false) => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (c, _) => cell.push(c),
        }
    }
    assert!(cell.is_empty() && row.is_empty() && !quoted);
    rows
}

#[track_caller]
fn sound_table(text: &str) {
    let rows = cells(text);
    for row in &rows {
        assert_eq!(row.len(), rows[0].len(), "{row:?}");
        for cell in row {
            let is_number = cell.parse::<f64>().is_ok();
            assert!(is_number || !cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
        }
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn sound_folder(folder: &Path) {
    let all = files(folder);
    assert!(!all.is_empty());
    for file in all {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{name}");
        let text = std::fs::read_to_string(&file).expect("text");
        match file.extension().and_then(|e| e.to_str()) {
            Some("html") => sound_page(&text),
            Some("csv") => sound_table(&text),
            Some("json") => {
                serde_json::from_str::<Value>(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
                harmless(&text);
            }
            _ => {}
        }
    }
}

fn hostile_model() -> String {
    let escaped = "<script>alert(1)</script> \\\"=1+1\\\" \\u001b[2J \\u202e \\u200b";
    format!(
        "schema = 1\nid = \"mine\"\ntitle = \"{escaped}\"\nsource = \"{escaped}\"\ntags = [\"{escaped}\"]\nkind = \"diffusion\"\n\
         [state.x]\nunit = \"{escaped}\"\n[params.mu]\nmeaning = \"{escaped}\"\nunit = \"=1+1</td>\"\ndefault = 0.0\n[params.sigma]\nmeaning = \"{escaped}\"\nunit = \"@x\"\ndefault = 0.1\nbounds = [1e-6, 10.0]\n\
         [dynamics]\ndrift.x = \"mu\"\ndiffusion.x = \"sigma\"\n"
    )
}

#[test]
fn a_report_of_hostile_names_is_harmless() {
    let all = names();
    let place = Place::new().with("p.csv", panel(&all, 40)).with("mine.toml", hostile_model());
    let ran = place
        .typed("report p.csv -m mine.toml --horizon 2 --test 8 --refit never --baselines random-walk -o out --json");
    assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.stderr);
    harmless(&ran.stderr);
    harmless(&ran.stdout);
    sound_folder(&place.path("out"));
    // Every series is there under its name, what cannot be seen written out.
    let document = ran.document();
    let ids: Vec<&str> =
        document["series"].as_array().expect("series").iter().filter_map(|s| s["id"].as_str()).collect();
    assert_eq!(ids, all.iter().map(|n| visible(n)).collect::<Vec<_>>());
    let page = place.text("out/index.html");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;") && page.contains("\\u{202e}gnp.exe"), "names are shown");
}

#[test]
fn words_on_the_terminal_are_harmless() {
    let place = Place::new().with("p.csv", panel(&names(), 30)).with("mine.toml", hostile_model());
    let lines = [
        "check p.csv",
        "forecast p.csv -m mine.toml --horizon 2 -o f",
        "fit p.csv -m mine.toml",
        "backtest p.csv -m mine.toml --test 6 --horizon 2 --refit never -o b",
        "models mine.toml",
        "init mine.toml -o copy.toml",
        "check p.csv --only nobody\u{1b}[2J",
        "check p.csv --value '\u{1b}]0;x\u{7}'",
        "check 'no\u{1b}[2Jfile\u{202e}.csv'",
        "fit p.csv -m 'no\u{9b}2J.toml'",
    ];
    for line in lines {
        let ran = place.typed(line);
        assert!(matches!(ran.code, Some(0..=2)), "{line}: {:?} {}", ran.code, ran.stderr);
        assert!(ran.code != Some(2) || line.contains("no") || line.contains("--value"), "{line}: {}", ran.stderr);
        harmless(&ran.stderr);
        harmless(&ran.stdout);
        // A name with a line break in it begins no line of its own.
        assert!(!ran.stderr.lines().chain(ran.stdout.lines()).any(|l| l.starts_with("break: error")), "{line}");
    }
    sound_folder(&place.path("f"));
    sound_folder(&place.path("b"));
}

#[cfg(unix)]
#[test]
fn hostile_names_of_files_have_safe_and_distinct_folders() {
    let table = panel(&["a".to_string()], 60);
    let stems = [
        "<img src=x onerror=alert(1)>",
        "a:b",
        "a*b",
        "con",
        "x\ny",
        "\u{202e}vsc",
        "\u{1b}[2J",
        "a\\b",
        "$(touch hacked)",
        "'q\"",
        "Prices",
        "prices",
        "%2e%2e",
        "~",
    ];
    let place = Place::new();
    for stem in stems {
        std::fs::write(place.path(&format!("{stem}.csv")), &table).expect("a file of this name");
        let path = place.path(&format!("{stem}.csv"));
        let word = path.to_string_lossy();
        let words = [
            "report",
            &word,
            "-m",
            "bm",
            "--horizon",
            "1",
            "--test",
            "6",
            "--refit",
            "never",
            "--baselines",
            "random-walk",
        ];
        let ran = place.run(&words);
        assert!(matches!(ran.code, Some(0 | 1)), "{stem}: {}", ran.stderr);
        harmless(&ran.stderr);
        harmless(&ran.stdout);
    }
    let folders: Vec<String> = place.names("reports").into_iter().filter(|n| n != "index.html").collect();
    assert_eq!(folders.len(), stems.len(), "{folders:?}");
    for folder in &folders {
        assert!(!folder.contains(['<', '>', ':', '"', '/', '\\', '|', '?', '*', '\n', '\u{1b}', '$', '~']), "{folder}");
        assert!(folder.to_lowercase() != "con" && visible(folder) == *folder && !folder.starts_with('-'), "{folder}");
        sound_page(&place.text(&format!("reports/{folder}/index.html")));
    }
    sound_page(&place.text("reports/index.html"));
    assert!(!place.path("hacked").exists());
}
