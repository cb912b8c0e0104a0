//! One matrix: every verb at any number of threads, again, and at every width of vectors gives the same bytes, in its files and on both streams.

use super::run::{Place, dated, day, table, walk, words};
use serde_json::Value;
use std::collections::BTreeMap;

/// A small problem of every verb, and of every way of answering that has loops of its own. `OUT` is where it writes.
const LINES: [&str; 24] = [
    "check good.csv -o OUT",
    "models -o OUT",
    "models bm --verify -o OUT",
    "init cir -o OUT/mine.toml",
    "fit good.csv -m ckls --before 2020-03-10 -o OUT",
    "fit good.csv -m ou --optimizer particle-swarm --form euler -o OUT",
    "fit curve.csv -m saturating-growth --time x --value y -o OUT",
    "forecast good.csv -m ou --horizon 3 --answer monte-carlo --paths 5 --event 'value > 1.2 within 3 rows' -o OUT",
    "forecast good.csv -m ou --params normal --horizon 2 -o OUT",
    "backtest panel.csv -m ou,bm --horizon 2 --refit 5 -o OUT",
    "backtest good.csv -m ou+bm --transform diff --horizon 3 --step 5 -o OUT",
    "report good.csv -m bm --horizon 3 --step 20 -o OUT",
    "discover long.csv -o OUT",
    "tune good.csv -m bm --trials 2 --over optimizer -o OUT",
    "solve double-well --form fokker-planck --at 1 -o OUT",
    "solve heston --form fokker-planck --from y=0,v=0.04 --at 0.1 --tol 0.2 -o OUT",
    "solve double-well --form schroedinger --at 1 -o OUT",
    "solve telegraph-gene --at 1 -o OUT",
    "solve heat-rod --at 0.1 --cells 16 -o OUT",
    "solve black-scholes --form monte-carlo --tol 0.05 -o OUT",
    "simulate heston --paths 200 --every 0.25 --summary -o OUT/paths.csv",
    "simulate repressilator --paths 40 --until 2 --every 1 -o OUT/paths.csv",
    "simulate ou --paths 50 --every 0.1 --scheme exact -o OUT/paths.csv",
    "compare bm --at 1 --tol 0.05 -o OUT",
];
/// These write to standard output only.
const SPOKEN: [&str; 4] = ["completions bash", "man", "models ou --json", "schema fit"];

/// All that a run gave, by the name of the file or stream.
type Given = BTreeMap<String, String>;

fn files(place: &Place, folder: &str, given: &mut Given) {
    for name in place.names(folder) {
        let path = format!("{folder}/{name}");
        match place.path(&path).is_dir() {
            true => files(place, &path, given),
            false => drop(given.insert(path.clone(), place.text(&path))),
        }
    }
}

/// `compare` measures how long each form takes: this is an answer of it and differs from run to run. What is left is compared.
fn without_times(given: &mut Given) {
    let mut document: Value = serde_json::from_str(&given["OUT/run.json"]).expect("JSON");
    for form in document["forms"].as_array_mut().expect("forms") {
        assert!(form.as_object_mut().expect("a form").remove("seconds").is_some_and(|s| s.is_number()));
    }
    document.as_object_mut().expect("a document").remove("cheapest").expect("the quickest that is right");
    given.insert("OUT/run.json".to_string(), document.to_string());
    let csv = &given["OUT/compare.csv"];
    assert!(csv.lines().next().is_some_and(|l| l.ends_with(",seconds")));
    let rows: Vec<&str> = csv.lines().map(|line| line.rsplit_once(',').expect("cells").0).collect();
    given.insert("OUT/compare.csv".to_string(), rows.join("\n"));
    for told in ["stdout", "OUT/index.html"] {
        given.remove(told).expect("told");
    }
}

fn run(line: &str, threads: usize, level: &str) -> Given {
    let panel = (0..3 * 60).map(|i| format!("s{},{},{}", i / 60, day(i % 60), walk(200)[i / 60 * 20 + i % 60]));
    let place = Place::new()
        .with("good.csv", dated(&walk(140)))
        .with("long.csv", dated(&walk(220)))
        .with("panel.csv", table("unique_id,ds,y", panel))
        .with("curve.csv", "x,y\n1,8.3\n2,10.3\n3,19\n4,16\n5,15.6\n7,19.8\n");
    std::fs::create_dir(place.path("OUT")).expect("a folder");
    let mut command = place.command(&words(&format!("{line} --threads {threads} --no-progress")));
    let ran = command.env("KRAMERS_SIMD", level).output().expect("the program");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = ran.status.code().expect("an exit code");
    assert!(code < 2, "{line}: {code}\n{}", text(&ran.stderr));
    let mut given = Given::from([
        ("stdout".to_string(), text(&ran.stdout)),
        ("stderr".to_string(), text(&ran.stderr)),
        ("exit code".to_string(), code.to_string()),
    ]);
    files(&place, "OUT", &mut given);
    if line.starts_with("compare") {
        without_times(&mut given);
    }
    if line.starts_with("tune") {
        // Its table for people tells how long each trial took; its files do not.
        assert!(given.remove("stdout").is_some_and(|told| told.contains("seconds")));
    }
    given
}

/// The widths that this processor has, as the program says them.
fn levels() -> Vec<String> {
    let place = Place::new();
    let ran = place.command(&["models", "ou"]).env("KRAMERS_SIMD", "mmx").output().expect("the program");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(2), "{said}");
    assert!(
        said.starts_with("error: KRAMERS_SIMD mmx: this processor has ") && said.contains("\nhint: unset"),
        "{said}"
    );
    let (_, list) = said.lines().next().and_then(|l| l.split_once("has ")).expect("a list");
    list.split(", ").map(str::to_string).collect()
}

#[track_caller]
fn same(line: &str, cell: &str, first: &Given, other: &Given) {
    assert!(first.keys().eq(other.keys()), "{line}: {cell}: {:?} beside {:?}", first.keys(), other.keys());
    for (name, text) in first {
        if let Some((a, b)) = text.lines().zip(other[name].lines()).find(|(a, b)| a != b) {
            panic!("{line}: {name} differs at {cell}:\n{a}\n{b}");
        }
        assert!(text == &other[name], "{line}: {name} differs in length at {cell}");
    }
}

#[test]
fn every_verb_gives_the_same_bytes_at_any_threads_again_and_at_every_width() {
    let levels = levels();
    assert_eq!(levels[0], "baseline");
    for line in LINES.into_iter().chain(SPOKEN) {
        let first = run(line, 1, &levels[0]);
        assert!(first.len() > 3 || SPOKEN.contains(&line), "{line} wrote no file");
        for threads in [1, 2, 4] {
            for level in &levels {
                for again in ["once", "again"] {
                    same(line, &format!("{threads} threads, {level}, {again}"), &first, &run(line, threads, level));
                }
            }
        }
    }
}

/// Every verb of the help is in the matrix.
#[test]
fn no_verb_is_left_out() {
    let help = Place::new().typed("--help").ends(0).stdout;
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|l| *l != "Commands:")
        .skip(1)
        .take_while(|l| !l.is_empty())
        .filter(|l| l.starts_with("  ") && !l.starts_with("   "))
        .filter_map(|l| l.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    assert!(verbs.len() > 10, "{verbs:?}");
    for verb in verbs {
        let tried = LINES.iter().chain(&SPOKEN).any(|line| line.split(' ').next() == Some(verb));
        assert!(tried, "kramers {verb} is not in the matrix");
    }
}
