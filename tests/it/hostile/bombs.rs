//! Bombs: files and flags that ask for more than a machine has. Each is refused with exit code 2, the name of the limit, what was asked and
//! the flag that moves it; the run may hold 2 GiB of addresses, and takes seconds at most.

use super::super::run::{Place, Ran, dated, walk, words};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Addresses a run may hold, KiB: threads and their arenas take some hundred megabytes of these without touching them.
const ADDRESSES: u64 = 2 << 20;
/// A refusal takes far less; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// A run under a ceiling of memory; what it is fed may have no end.
fn run(place: &Place, line: &str, feed: Option<&[u8]>) -> Ran {
    let program = place.command::<&str>(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {ADDRESSES}; exec \"$@\""), "sh"]).arg(program.get_program());
    command.args(words(line)).args(["--threads", "2"]).current_dir(place.path(""));
    let started = Instant::now();
    let mut child = command
        .stdin(if feed.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let (mut pipe, feed) = (child.stdin.take(), feed.map(<[u8]>::to_vec));
    // Until the other end is closed.
    let feeding = std::thread::spawn(move || {
        if let (Some(pipe), Some(feed)) = (&mut pipe, feed) {
            while pipe.write_all(&feed).is_ok() {}
        }
    });
    let read = |mut from: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut text = String::new();
            from.read_to_string(&mut text).map(|_| text)
        })
    };
    let stdout = read(Box::new(child.stdout.take().expect("a pipe")));
    let stderr = read(Box::new(child.stderr.take().expect("a pipe")));
    let status = loop {
        match child.try_wait().expect("a child") {
            Some(status) => break status,
            None if started.elapsed() > PATIENCE => {
                let _ = child.kill();
                panic!("{line}: still running after {PATIENCE:?}");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    feeding.join().expect("a thread");
    let text =
        |thread: std::thread::JoinHandle<std::io::Result<String>>| thread.join().expect("a thread").expect("UTF-8");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// Refused with exit code 2 for this limit: the message names it, and a hint is the flag.
#[track_caller]
fn over(place: &Place, line: &str, limit: &str) {
    over_fed(place, line, limit, None);
}

#[track_caller]
fn over_fed(place: &Place, line: &str, limit: &str, feed: Option<&[u8]>) {
    let ran = run(place, line, feed).ends(2);
    assert!(ran.stderr.contains(&format!("'{limit}'")), "{line}: no '{limit}'\n{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("--limit {limit}=")), "{line}: no --limit {limit}=\n{}", ran.stderr);
    assert!(ran.stderr.len() < 4_000 && !ran.stderr.contains("panicked"), "{line}\n{}", ran.stderr);
}

/// Refused with exit code 2 and these words.
#[track_caller]
fn refused(place: &Place, line: &str, says: &str) {
    let ran = run(place, line, None).ends(2);
    assert!(ran.stderr.contains(says), "{line}: '{says}' is missing\n{}", ran.stderr);
    assert!(ran.stderr.contains("hint: ") && ran.stderr.len() < 4_000, "{line}\n{}", ran.stderr);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a Vec takes every byte")
}

#[test]
fn long_lines_and_wide_tables() {
    let line = "1,2.5,".repeat(10_000_000 / 6);
    let columns = format!("{}\n{}\n", vec!["a"; 1_000_000].join(","), vec!["1"; 1_000_000].join(","));
    let place = Place::new()
        .with("line.csv", &line)
        .with("later.csv", format!("t,x\n1,2\n2,3\n{line}\n"))
        .with("columns.csv", columns)
        .with("rows.csv", dated(&walk(200)))
        .with("panel.csv", "id,t,x\na,1,1\na,2,2\na,3,1\nb,1,1\nb,2,2\nb,3,1\n");
    over(&place, "check line.csv", "line-bytes");
    over(&place, "check later.csv", "line-bytes");
    over(&place, "check columns.csv", "columns");
    over(&place, "report rows.csv --limit rows=100", "rows");
    over(&place, "check rows.csv --limit cells=100", "cells");
    over(&place, "check rows.csv --limit file-bytes=100", "file-bytes");
    over(&place, "check panel.csv --limit series=1", "series");
    assert_eq!(run(&place, "check rows.csv --limit rows=200 --limit cells=400,columns=2", None).code, Some(0));
}

#[test]
fn a_table_of_many_columns_is_looked_at_in_reasonable_time() {
    // Half of them text that groups rows, half numbers that are not sorted until the last row.
    let names: Vec<String> = (0..6_000).map(|i| format!("c{i}")).collect();
    let mut table = names.join(",") + "\n";
    for row in 0..40 {
        let cell = |i: usize| {
            if i.is_multiple_of(2) { format!("g{}", row / 10) } else { format!("{}", if row == 39 { 0 } else { row }) }
        };
        table += &((0..6_000).map(cell).collect::<Vec<_>>().join(",") + "\n");
    }
    let place = Place::new().with("wide.csv", table);
    let ran = run(&place, "check wide.csv --value c1", None);
    assert!(
        matches!(ran.code, Some(0..=2)) && ran.stderr.len() < 20_000,
        "{:?} {}",
        ran.code,
        &ran.stderr[..ran.stderr.len().min(3000)]
    );
}

#[test]
fn packed_bombs() {
    // Ten gigabytes of text in ten megabytes, in members of 64 MiB each; the same of bytes that are no text; packed twice; broken off.
    let member = gzip(&vec![b'0'; 64 << 20]);
    let nothing = gzip(&vec![0; 64 << 20]);
    let bomb = member.repeat(160);
    assert!(bomb.len() < 11_000_000, "{}", bomb.len());
    let place = Place::new()
        .with("bomb.csv.gz", &bomb)
        .with("zeros.csv.gz", nothing.repeat(160))
        .with("twice.csv.gz", gzip(&bomb))
        .with("cut.csv.gz", &gzip(b"t,x\n1,2\n2,3\n3,5\n")[..30])
        .with("members.csv.gz", gzip(b"").repeat(200_000));
    over(&place, "check bomb.csv.gz", "gzip-ratio");
    over(&place, "check zeros.csv.gz", "gzip-ratio");
    over(&place, "check bomb.csv.gz --limit gzip-ratio=1e6 --limit unpacked-bytes=100e6", "unpacked-bytes");
    refused(&place, "check twice.csv.gz", "packed once more");
    refused(&place, "check cut.csv.gz", "cannot be unpacked");
    refused(&place, "check members.csv.gz", "the file is empty");
}

#[cfg(unix)]
#[test]
fn devices_pipes_and_folders() {
    let place = Place::new().with("x.csv", dated(&walk(60)));
    std::fs::create_dir(place.path("folder")).expect("a folder");
    refused(&place, "check /dev/zero", "this is not text");
    refused(&place, "fit /dev/urandom -m ou", "this is not text");
    refused(&place, "check /dev/null", "the file is empty");
    refused(&place, "check folder", "it is a directory");
    refused(&place, "simulate /dev/zero.toml", "no such file");
    // Text without an end.
    over_fed(&place, "check - --limit file-bytes=3e6", "file-bytes", Some(b"1,2.5\n"));
    over_fed(&place, "report /dev/stdin --limit file-bytes=3e6", "file-bytes", Some(b"1,2.5\n"));
    over_fed(&place, "check -", "gzip-ratio", Some(&gzip(&vec![b'1'; 8 << 20])));
    // A named pipe: read where somebody writes, refused where the writer never ends.
    let made = Command::new("mkfifo").arg(place.path("pipe.csv")).status().is_ok_and(|s| s.success());
    if made {
        let path = place.path("pipe.csv");
        let text = place.text("x.csv");
        let writer = std::thread::spawn({
            let path = path.clone();
            move || std::fs::write(path, text)
        });
        run(&place, "check pipe.csv", None).ends(0);
        writer.join().expect("a thread").expect("a reader");
        let writer = std::thread::spawn(move || {
            let mut pipe = std::fs::OpenOptions::new().write(true).open(path).expect("a pipe");
            while pipe.write_all(b"1,2.5\n").is_ok() {}
        });
        over(&place, "check pipe.csv --limit file-bytes=3e6", "file-bytes");
        writer.join().expect("a thread");
    }
}

fn model(drift: &str, more: &str) -> String {
    format!(
        "schema = 1\nid = \"bomb\"\ntitle = \"a bomb\"\nkind = \"diffusion\"\n[state.x]\n[params.k]\ndefault = 1.0\n{more}\n[dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"1\"\n"
    )
}

#[test]
fn deep_and_long_models() {
    const DEEP: usize = 100_000;
    let parentheses = format!("{}x{}", "(".repeat(DEEP), ")".repeat(DEEP));
    let signs = format!("{}x", "-".repeat(DEEP));
    let powers = format!("x{}", "^x".repeat(DEEP));
    let header = "schema = 1\nid = \"bomb\"\ntitle = \"a bomb\"\nkind = \"diffusion\"\n";
    let place = Place::new()
        .with("parentheses.toml", model(&parentheses, ""))
        .with("signs.toml", model(&signs, ""))
        .with("powers.toml", model(&powers, ""))
        .with("arrays.toml", format!("{header}noise = {}{}\n", "[".repeat(DEEP), "]".repeat(DEEP)))
        .with("tables.toml", format!("{header}noise = {}1{}\n", "{a=".repeat(DEEP), "}".repeat(DEEP)))
        .with("dotted.toml", format!("{header}{}a = 1\n", "a.".repeat(DEEP)))
        .with("headers.toml", format!("{header}[{}a]\nb = 1\n", "a.".repeat(DEEP)))
        .with("long.toml", format!("{header}# {}\n", "x".repeat(17 << 20)));
    for file in ["parentheses", "signs", "powers"] {
        over(&place, &format!("models {file}.toml"), "expression-length");
        over(&place, &format!("models {file}.toml --limit expression-length=1e6"), "nesting");
        over(&place, &format!("models {file}.toml --limit expression-length=1e6,nesting=1000"), "nesting");
    }
    for file in ["arrays", "tables", "dotted", "headers"] {
        let ran = run(&place, &format!("models {file}.toml"), None).ends(2);
        assert!(ran.stderr.contains(&format!("{file}.toml:")) && ran.stderr.len() < 4_000, "{}", ran.stderr);
    }
    over(&place, "models long.toml", "model-bytes");
    refused(&place, "models long.toml --limit nesting=1e6", "goes from 1 to");
    refused(&place, "models ou --limit columns", "NAME=VALUE");
}

#[test]
fn a_model_of_a_hundred_thousand_terms() {
    // A thousand named parts of a hundred terms each, all different; and parts that double forty times.
    let term = |i: usize| format!("{}*x/(1 + {}*x^2)", i % 7 + 1, i + 1);
    let part = |p: usize| (0..100).map(|i| term(100 * p + i)).collect::<Vec<_>>().join(" + ");
    let parts: String = (0..1_000).map(|p| format!("p{p} = \"{}\"\n", part(p))).collect();
    let sum = (0..1_000).map(|p| format!("p{p}")).collect::<Vec<_>>().join(" + ");
    let doubled: String = (1..=40).map(|i| format!("d{i} = \"d{0}*d{0} + d{0}\"\n", i - 1)).collect();
    let place = Place::new()
        .with("terms.toml", model(&sum, &format!("[let]\n{parts}")))
        .with("doubled.toml", model("0*d40 - x", &format!("[let]\nd0 = \"x + k\"\n{doubled}")));
    let ran = run(&place, "models terms.toml", None);
    assert!(matches!(ran.code, Some(0 | 2)) && ran.stdout.len() + ran.stderr.len() < 200_000, "{:?}", ran.code);
    let ran = run(&place, "simulate terms.toml --paths 1 --until 0.01 --every 0.01 --step 0.01", None);
    assert!(matches!(ran.code, Some(0 | 2)), "{:?} {}", ran.code, ran.stderr);
    over(&place, "models terms.toml --limit terms=50000", "terms");
    let ran = run(&place, "models doubled.toml", None);
    assert!(matches!(ran.code, Some(0 | 2)) && ran.stdout.len() + ran.stderr.len() < 200_000, "{:?}", ran.code);
}

#[test]
fn xml_bombs() {
    let laughs: String =
        (1..10).map(|i| format!("<!ENTITY l{i} \"{}\">", format!("&l{};", i - 1).repeat(10))).collect();
    let core =
        "<sbml xmlns=\"http://www.sbml.org/sbml/level3/version2/core\" level=\"3\" version=\"2\"><model id=\"m\">";
    let mathml = "<math xmlns=\"http://www.w3.org/1998/Math/MathML\">";
    let deep =
        |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(100_000), close.repeat(100_000));
    let rule = |formula: String| {
        format!(
            "{core}<listOfParameters><parameter id=\"k\" constant=\"false\"/></listOfParameters><listOfRules><assignmentRule variable=\"k\">{mathml}{formula}</math></assignmentRule></listOfRules></model></sbml>"
        )
    };
    // Functions that call the one before twice, forty deep.
    let lambda = |i: usize, body: &str| {
        format!(
            "<functionDefinition id=\"f{i}\">{mathml}<lambda><bvar><ci>x</ci></bvar>{body}</lambda></math></functionDefinition>"
        )
    };
    let call = |i: usize| format!("<apply><ci>f{i}</ci><ci>x</ci></apply>");
    let functions: String =
        (1..=40).map(|i| lambda(i, &format!("<apply><plus/>{0}{0}</apply>", call(i - 1)))).collect();
    let calls = rule("<apply><ci>f40</ci><cn>1</cn></apply>".to_string()).replacen(
        "<listOfParameters>",
        &format!(
            "<listOfFunctionDefinitions>{}{functions}</listOfFunctionDefinitions><listOfParameters>",
            lambda(0, "<ci>x</ci>")
        ),
        1,
    );
    let place = Place::new()
        .with(
            "laughs.xml",
            format!("<?xml version=\"1.0\"?><!DOCTYPE s [<!ENTITY l0 \"ha\">{laughs}]>{core}&l9;</model></sbml>"),
        )
        .with("deep.xml", format!("{core}{}</model></sbml>", deep("<annotation>", "", "</annotation>")))
        .with("notes.xml", format!("{core}<notes>{}</notes></model></sbml>", deep("<p>", "x", "</p>")))
        .with("formula.xml", rule(deep("<apply><minus/>", "<cn>1</cn>", "</apply>")))
        .with("calls.xml", calls)
        .with("open.xml", format!("{core}{}", "<a>".repeat(100_000)));
    refused(&place, "models laughs.xml", "document type");
    over(&place, "models formula.xml", "nesting");
    over(&place, "models calls.xml", "terms");
    for file in ["deep", "notes", "open"] {
        let ran = run(&place, &format!("models {file}.xml"), None);
        assert!(matches!(ran.code, Some(0 | 2)) && ran.stderr.len() < 4_000, "{file}: {:?} {}", ran.code, ran.stderr);
    }
}

#[test]
fn documents_of_runs_that_are_none() {
    let place = Place::new()
        .with("x.csv", dated(&walk(60)))
        .with("deep.json", format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000)))
        .with("cut.json", "{\"schema\": \"kramers/fit@1\", \"model\": \"o")
        .with("huge.json", format!("{{\"schema\": [{}0]}}", "[],".repeat(1_000_000)))
        .with("binary.json", [0_u8, 1, 2, 3]);
    refused(&place, "forecast deep.json x.csv", "no JSON document");
    refused(&place, "forecast cut.json x.csv", "no JSON document");
    refused(&place, "forecast huge.json x.csv", "no parameters can be taken");
    refused(&place, "forecast binary.json x.csv", "not text");
    over(&place, "forecast huge.json x.csv --limit document-bytes=1e6", "document-bytes");
    over(&place, "forecast huge.json x.csv --limit document-values=1e5", "document-values");
    let place = place
        .with("many.json", format!("{{\"schema\": \"kramers/fit@1\", \"series\": [{}0]}}", "0,".repeat(11_000_000)));
    over(&place, "forecast many.json x.csv", "document-values");
}

#[test]
fn more_paths_rows_and_steps_than_there_is_time() {
    let place = Place::new().with("x.csv", dated(&walk(120)));
    over(&place, "simulate ou --paths 1000000000", "values-held");
    over(&place, "simulate ou --paths 1000000000 --summary", "path-steps");
    over(&place, "simulate lotka-volterra --paths 1000000000", "values-held");
    over(&place, "simulate lotka-volterra --paths 1000000000 --summary", "reactions");
    over(&place, "solve heat-rod --step 1e-300", "field-steps");
    over(&place, "simulate ou --until 1e12 --every 1", "values-held");
    over(&place, "simulate ou --until 1e12 --every 1 --summary", "values-held");
    over(&place, "simulate ou --until 1 --every 1e-300", "values-held");
    let told = run(&place, "simulate ou --until 1 --every 1e-9 --paths 7", None).ends(2);
    assert!(told.stderr.contains("hint: --every 1.8e-7 is the shortest that fits"), "{}", told.stderr);
    over(&place, "simulate ou --step 1e-300", "path-steps");
    over(&place, "solve ou --form monte-carlo --at 1 --step 1e-300", "path-steps");
    over(&place, "forecast x.csv -m ou --horizon 1000000000000", "horizon");
    refused(&place, "backtest x.csv -m ou --horizon 1000000000000", "held out");
    refused(&place, "report x.csv --horizon 1000000000000", "held out");
    over(&place, "backtest x.csv -m ou --limit forecasts=10", "forecasts");
    refused(&place, "simulate ou --threads 1000000000", "threads");
    // Far, but not much: answered.
    let far = run(&place, "simulate ou --until 1e12 --paths 2 --summary", None);
    assert!(matches!(far.code, Some(0 | 2)), "{}", far.stderr);
}

#[test]
fn a_checkpoint_longer_than_a_file_may_be() {
    let place = Place::new().with("x.csv", dated(&walk(120)));
    std::fs::create_dir(place.path("out")).expect("a folder");
    let place = place.with("out/checkpoint.txt", "0 4294967296 18446744073709551615 99999999999 #0\n".repeat(40_000));
    over(&place, "backtest x.csv -m ou -o out --resume --limit file-bytes=1e6", "file-bytes");
    refused(&place, "backtest x.csv -m ou -o out --resume", "it is of other data, models or flags");
}

#[test]
fn a_network_whose_states_explode() {
    // Eight species that are made and meet: states beyond counting.
    let names: Vec<String> = (0..8).map(|i| format!("s{i}")).collect();
    let species: String = names.iter().map(|n| format!("[species.{n}]\ninitial = 100\n")).collect();
    let mut reactions = String::new();
    for (i, a) in names.iter().enumerate() {
        let b = &names[(i + 1) % names.len()];
        reactions += &format!(
            "[[reaction]]\nequation = \"{a} -> {b} + {b}\"\nrate = \"k\"\n[[reaction]]\nequation = \"{a} + {b} -> {a}\"\nrate = \"k\"\n"
        );
    }
    let text = format!(
        "schema = 1\nid = \"many\"\ntitle = \"many\"\nkind = \"network\"\ncounting = \"combinations\"\n{species}[params.k]\ndefault = 1.0\n{reactions}"
    );
    let place = Place::new().with("many.toml", text);
    // Foreseen, at the defaults; or met, where so few are allowed that nothing need be foreseen.
    over(&place, "solve many.toml --form master-equation --at 1", "network-states");
    over(&place, "solve many.toml --form master-equation --at 1 --limit network-states=2000", "network-states");
    over(&place, "solve lotka-volterra --form master-equation --at 100 --limit network-work=1e6", "network-work");
    // A law at rest over more states than are eliminated.
    let rest = "schema = 1\nid = \"rest\"\ntitle = \"rest\"\nkind = \"network\"\ncounting = \"combinations\"\n[species.X]\ninitial = \"stationary\"\n\
                [[reaction]]\nequation = \"0 -> X\"\nrate = 1e6\n[[reaction]]\nequation = \"X -> 0\"\nrate = 1\n";
    let place = place.with("rest.toml", rest);
    over(&place, "solve rest.toml --form master-equation --at 1", "eliminated-states");
}
