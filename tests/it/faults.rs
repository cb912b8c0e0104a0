//! Runs that are killed, interrupted, or find no room: what stands under its own name is whole, and what was finished can be gone on from.

use super::run::{Place, dated, day, table, walk, words};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Small jobs that write files, each into `OUT`, in a folder with `good.csv` and `panel.csv`.
const JOBS: [&str; 4] = [
    "backtest panel.csv -m ou,bm --baselines random-walk --test 20 --horizon 2 --refit every -o OUT",
    "report good.csv -m bm --test 20 --horizon 2 --step 5 -o OUT",
    "simulate ou --paths 400 --every 0.02 --seed 3 -o OUT/paths.csv",
    "fit good.csv -m ou --starts 5 -o OUT",
];
const BACKTEST: &str = JOBS[0];

fn place() -> Place {
    let values = walk(4 * 7 + 90);
    let panel = (0..4 * 90).map(|i| format!("s{},{},{}", i / 90, day(i % 90), values[7 * (i / 90) + i % 90]));
    Place::new().with("good.csv", dated(&walk(150))).with("panel.csv", table("unique_id,ds,y", panel))
}

fn into(line: &str, folder: &str) -> String {
    format!("{} --no-progress", line.replace("OUT", folder))
}

/// Start the program with the signals that a person sends: whoever runs the tests in the background may have them ignored.
fn start(place: &Place, line: &str) -> Child {
    let program = place.command::<&str>(&[]).get_program().to_os_string();
    Command::new("env")
        .arg("--default-signal=INT,TERM,HUP")
        .arg(program)
        .args(words(line))
        .env("NO_COLOR", "1")
        .env("XDG_CONFIG_HOME", place.path("."))
        .current_dir(place.path("."))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program")
}

/// Run a script of the shell in which `$K` is the program.
fn shell(place: &Place, script: &str) -> (Option<i32>, String, String) {
    let mut command = place.command::<&str>(&[]);
    let program = command.get_program().to_os_string();
    command = Command::new("sh");
    let output = command
        .args(["-c", script])
        .env("K", program)
        .env("NO_COLOR", "1")
        .env("XDG_CONFIG_HOME", place.path("."))
        .current_dir(place.path("."))
        .output()
        .expect("a shell");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Every file in a folder and those below it, by path; none where it is not there.
fn files(place: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![place.path(folder)];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                found.insert(path.strip_prefix(place.path("")).expect("below").to_string_lossy().into_owned(), bytes);
            }
        }
    }
    found
}

fn below(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    files.into_iter().map(|(path, bytes)| (path.split_once('/').expect("a folder").1.to_string(), bytes)).collect()
}

fn is_temporary(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with(".kramers-") && name.ends_with(".part")
}

/// What stands under its own name is as the whole run wrote it, and a document only where everything is.
#[track_caller]
fn whole_or_absent(found: &BTreeMap<String, Vec<u8>>, whole: &BTreeMap<String, Vec<u8>>, when: &str) {
    let named = |path: &&String| !is_temporary(path) && *path != "checkpoint.txt";
    for path in found.keys().filter(named) {
        let expected = whole.get(path).unwrap_or_else(|| panic!("{when}: {path} is no file of a whole run"));
        assert!(found[path] == *expected, "{when}: {path} is torn: {} of {} bytes", found[path].len(), expected.len());
    }
    if found.contains_key("run.json") {
        let missing: Vec<&String> = whole.keys().filter(|path| !found.contains_key(*path)).collect();
        assert!(missing.is_empty(), "{when}: run.json stands there without {missing:?}");
    }
}

/// The run that was cut off, gone on with, gives the files of the whole run and nothing else.
#[track_caller]
fn goes_on(place: &Place, job: &str, whole: &BTreeMap<String, Vec<u8>>, when: &str) {
    let resume = if job.starts_with("backtest") { " --resume" } else { "" };
    place.typed(&format!("{}{resume}", into(job, "cut"))).ends(0);
    let found = below(files(place, "cut"));
    assert!(found.keys().eq(whole.keys()), "{when}: {:?} beside {:?}", found.keys(), whole.keys());
    whole_or_absent(&found, whole, when);
}

/// Numbers in [0, 1) that are the same everywhere.
fn uniforms() -> impl Iterator<Item = f64> {
    let mut state = 2026_u64;
    std::iter::repeat_with(move || {
        // Knuth's MMIX generator; its high bits are good enough for moments.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    })
}

/// How many of `kills` found the run at work; the first panics that finds a file torn or a run that does not go on.
fn kill(kills: usize) -> usize {
    let place = place();
    let jobs: Vec<_> = JOBS
        .iter()
        .map(|job| {
            let begun = Instant::now();
            place.typed(&into(job, "whole")).ends(0);
            let took = begun.elapsed();
            let whole = below(files(&place, "whole"));
            std::fs::remove_dir_all(place.path("whole")).expect("a folder");
            (*job, took, whole)
        })
        .collect();
    let mut moments = uniforms();
    let mut struck = 0;
    for k in 0..kills {
        let (job, took, whole) = &jobs[k % jobs.len()];
        let after = took.mul_f64(moments.next().expect("a number"));
        let mut run = start(&place, &into(job, "cut"));
        std::thread::sleep(after);
        run.kill().expect("a process");
        let ended: ExitStatus = run.wait().expect("a process");
        struck += usize::from(!ended.success());
        let when = format!("kill {k} after {after:?} of {job}");
        whole_or_absent(&below(files(&place, "cut")), whole, &when);
        goes_on(&place, job, whole, &when);
        std::fs::remove_dir_all(place.path("cut")).expect("a folder");
    }
    struck
}

#[test]
fn killed_at_fifty_random_moments_every_run_goes_on_to_the_same_bytes() {
    // Moments are spread over the time of a run by itself: on a busy machine more of them find it at work, on none few.
    let struck = kill(50);
    assert!(struck >= 25, "only {struck} of 50 kills found the run at work");
}

#[test]
#[ignore = "minutes; `just kills`"]
fn killed_at_a_thousand_random_moments_every_run_goes_on_to_the_same_bytes() {
    println!("| kills | found the run at work | torn files | runs that did not go on |\n|---|---|---|---|");
    println!("| 1000 | {} | 0 | 0 |", kill(1000));
}

/// A file that grows beyond the limit kills the program in the middle of a write, or, where that signal is ignored, is refused as a full disk is.
#[test]
fn no_room_at_any_length_leaves_whole_files_and_says_so() {
    let place = place();
    for job in [BACKTEST, JOBS[1], JOBS[2]] {
        place.typed(&into(job, "whole")).ends(0);
        let whole = below(files(&place, "whole"));
        std::fs::remove_dir_all(place.path("whole")).expect("a folder");
        let longest = whole.values().map(Vec::len).max().expect("files");
        let line = into(job, "cut");
        for blocks in (0..6).map(|k| longest / 512 * k / 6) {
            let (code, _, said) = shell(&place, &format!("trap '' XFSZ; ulimit -f {blocks}; exec $K {line}"));
            let when = format!("{blocks} blocks for {line}");
            assert_eq!(code, Some(2), "{when}: {said}");
            assert!(said.contains("cannot be written: file too large") && said.contains("hint: "), "{when}: {said}");
            let found = below(files(&place, "cut"));
            whole_or_absent(&found, &whole, &when);
            assert!(!found.keys().any(|path| is_temporary(path)), "{when}: {:?}", found.keys());
            // The same, and killed by it.
            shell(&place, &format!("ulimit -f {blocks}; exec $K {line}"));
            whole_or_absent(&below(files(&place, "cut")), &whole, &when);
        }
        goes_on(&place, job, &whole, job);
        std::fs::remove_dir_all(place.path("cut")).expect("a folder");
    }
}

fn send(signal: &str, run: &Child) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", run.id())]).status().expect("a shell");
    assert!(sent.success());
}

/// Wait until a run has kept a block, or has ended.
fn wait_for_block(place: &Place, run: &mut Child) {
    let kept = || std::fs::read_to_string(place.path("cut/checkpoint.txt")).map_or(0, |text| text.lines().count());
    while kept() < 2 && run.try_wait().expect("a process").is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A backtest long enough to be met at work.
const LONG: &str = "backtest panel.csv -m ou,ckls --baselines random-walk --test 16 --horizon 2 --refit every -o cut --threads 1 --no-progress";

#[test]
fn an_interrupted_run_cleans_up_says_how_to_go_on_and_goes_on() {
    let place = place();
    place.typed(&LONG.replace("-o cut", "-o whole")).ends(0);
    let whole = below(files(&place, "whole"));
    for (signal, json) in [("INT", ""), ("TERM", " --json"), ("HUP", "")] {
        let mut run = start(&place, &format!("{LONG}{json}"));
        wait_for_block(&place, &mut run);
        send(signal, &run);
        let ended = run.wait_with_output().expect("a process");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(130), "{signal}: {said}");
        assert!(said.contains("error: interrupted\n\nhint: kramers backtest panel.csv"), "{signal}: {said}");
        let left: Vec<String> = files(&place, "cut").into_keys().collect();
        assert_eq!(left, ["cut/checkpoint.txt"], "{signal}");
        if json.is_empty() {
            assert!(ended.stdout.is_empty());
        } else {
            let document: Value = serde_json::from_slice(&ended.stdout).expect("one document");
            assert_eq!(document["error"]["code"], "interrupted");
        }
        // What the hint says is typed.
        let typed = said.lines().find_map(|l| l.strip_prefix("hint: kramers ")).expect("a hint");
        let typed = typed.split(" goes on").next().expect("words");
        assert!(typed.ends_with("--resume"), "{typed}");
        let resumed = place.typed(typed).ends(0);
        assert!(resumed.stderr.contains("blocks were done") || !json.is_empty(), "{}", resumed.stderr);
        assert!(below(files(&place, "cut")) == whole, "{signal}: the files differ");
        std::fs::remove_dir_all(place.path("cut")).expect("a folder");
    }
}

/// `nohup` ignores the hangup of a terminal for its program, which shall not take that back.
#[test]
fn a_signal_that_the_caller_ignores_stays_ignored() {
    let place = place();
    let script = format!("trap '' HUP; $K {LONG} >said 2>&1 & run=$!; sleep 0.1; kill -HUP $run; wait $run");
    let (code, ..) = shell(&place, &script);
    assert_eq!(code, Some(0), "{}", place.text("said"));
    assert_eq!(place.names("cut"), ["backtest.csv", "run.json"]);
}

#[test]
fn of_two_runs_into_one_folder_the_second_is_refused_and_the_first_is_whole() {
    let place = place();
    let mut first = start(&place, LONG);
    wait_for_block(&place, &mut first);
    let second = place.typed(&into(JOBS[3], "cut")).ends(2);
    assert!(
        second.stderr.contains("cut: cannot be written: another run is at work in this folder"),
        "{}",
        second.stderr
    );
    assert!(second.stderr.contains("hint: choose another place with -o PATH"), "{}", second.stderr);
    let ended = first.wait_with_output().expect("a process");
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    place.typed(&LONG.replace("-o cut", "-o whole")).ends(0);
    assert!(below(files(&place, "cut")) == below(files(&place, "whole")));
    // Once it has ended the folder is free.
    place.typed(&into(JOBS[3], "cut")).ends(0);
}

#[test]
fn what_vanishes_half_way_is_not_missed_or_is_said() {
    let place = place();
    // The data and the model were read.
    let model = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/models/ou.toml")).expect("a model");
    std::fs::write(place.path("mine.toml"), model).expect("a file");
    let long = LONG.replace("-m ou,ckls", "-m mine.toml,ckls");
    let mut run = start(&place, &long);
    wait_for_block(&place, &mut run);
    let panel = place.text("panel.csv");
    std::fs::remove_file(place.path("panel.csv")).expect("a file");
    std::fs::rename(place.path("mine.toml"), place.path("was.toml")).expect("a file");
    let ended = run.wait_with_output().expect("a process");
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    std::fs::write(place.path("panel.csv"), panel).expect("a file");
    std::fs::rename(place.path("was.toml"), place.path("mine.toml")).expect("a file");
    place.typed(&long.replace("-o cut", "-o whole")).ends(0);
    assert!(below(files(&place, "cut")) == below(files(&place, "whole")));
    // The folder is gone: a table on its way there is lost, which is said as soon as it is known.
    std::fs::remove_dir_all(place.path("cut")).expect("a folder");
    let mut run = start(&place, &long);
    wait_for_block(&place, &mut run);
    std::fs::remove_dir_all(place.path("cut")).expect("a folder");
    let ended = run.wait_with_output().expect("a process");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("was removed while the run was at work") && said.contains("hint: "), "{said}");
    assert!(!place.path("cut").exists());
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error_and_files_are_written_all_the_same() {
    let place = place();
    for line in ["models", "--help", "completions bash", "simulate ou --paths 400 --every 0.02", "man"] {
        let mut run = start(&place, line);
        drop(run.stdout.take());
        let ended = run.wait_with_output().expect("a process");
        assert_eq!(ended.status.code(), Some(0), "{line}: {}", String::from_utf8_lossy(&ended.stderr));
        assert!(!String::from_utf8_lossy(&ended.stderr).contains("error"), "{line}");
    }
    let mut run = start(&place, &into(BACKTEST, "cut"));
    drop(run.stdout.take());
    drop(run.stderr.take());
    assert_eq!(run.wait().expect("a process").code(), Some(0));
    assert_eq!(place.names("cut"), ["backtest.csv", "run.json"]);
}

#[test]
fn an_answer_that_cannot_be_told_is_an_error() {
    let place = place();
    let verbs = [
        "models",
        "--help",
        "--version",
        "man",
        "completions zsh",
        "init ou -o -",
        "check good.csv --json",
        "solve ou --at 1 --json",
        "simulate ou --paths 3",
        &JOBS[3].replace("-o OUT", "--json"),
    ];
    for line in verbs {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device that is full");
        let ran = place.command(&words(line)).stdout(full).output().expect("the program");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(2), "{line}: {said}");
        assert!(said.contains("error: standard output: cannot be written: no space left on device"), "{line}: {said}");
        assert!(said.contains("\nhint: choose another place with -o PATH"), "{line}: {said}");
    }
}

#[test]
fn with_json_a_run_that_cannot_write_its_files_tells_that_and_only_that() {
    let place = place();
    let script = format!("trap '' XFSZ; ulimit -f 1; exec $K {} --json", into(BACKTEST, "cut"));
    let (code, told, said) = shell(&place, &script);
    let document: Value = serde_json::from_str(&told).unwrap_or_else(|e| panic!("{e}\n{told}\n{said}"));
    assert_eq!((code, &document["error"]["code"]), (Some(2), &Value::from("file-unwritable")));
}

#[test]
fn a_checkpoint_that_finds_no_room_is_said_and_costs_only_itself() {
    let place = place();
    std::fs::create_dir(place.path("cut")).expect("a folder");
    std::os::unix::fs::symlink("/dev/full", place.path("cut/checkpoint.txt")).expect("a link");
    let ran = place.typed(LONG).ends(0);
    let warnings: Vec<&str> = ran.stderr.lines().filter(|l| l.starts_with("warning")).collect();
    assert_eq!(warnings.len(), 1, "{}", ran.stderr);
    assert!(warnings[0].contains("cut/checkpoint.txt: cannot be written: no space left on device"), "{}", warnings[0]);
    place.typed(&LONG.replace("-o cut", "-o whole")).ends(0);
    assert!(below(files(&place, "cut")) == below(files(&place, "whole")));
}

#[test]
fn few_descriptors_and_little_memory_give_the_answer_or_a_reason() {
    let place = place();
    for job in JOBS {
        place.typed(&into(job, "whole")).ends(0);
        let whole = below(files(&place, "whole"));
        let (code, _, said) = shell(&place, &format!("ulimit -n 12; exec $K {}", into(job, "few")));
        assert_eq!(code, Some(0), "{job}: {said}");
        assert!(below(files(&place, "few")) == whole, "{job}");
        // Kilobytes of address space, of which threads take their share: too few to begin, too few to end, enough.
        for room in [40_000, 60_000, 150_000, 200_000, 1_000_000] {
            let script = format!("ulimit -c 0; ulimit -v {room}; exec $K {} --threads 2", into(job, "cut"));
            let (code, _, said) = shell(&place, &script);
            let when = format!("{room} kB for {job}");
            // None and 127 are the system's: it gave no memory to the program, or to its loader.
            assert!(matches!(code, Some(0 | 2 | 127) | None), "{when}: {code:?} {said}");
            whole_or_absent(&below(files(&place, "cut")), &whole, &when);
        }
        goes_on(&place, job, &whole, job);
        for folder in ["whole", "few", "cut"] {
            std::fs::remove_dir_all(place.path(folder)).expect("a folder");
        }
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_is_refused_before_the_work() {
    let place = place().with("taken", "a file");
    // Nobody, not even root, makes a folder there.
    for folder in ["/proc/kramers", "taken", "taken/below"] {
        let begun = Instant::now();
        let line = format!("backtest panel.csv -m ou --refit every --test 60 -o {folder}");
        let ran = place.typed(&line).ends(2);
        assert!(
            ran.stderr.contains("cannot be written: ") && ran.stderr.contains("hint: choose another"),
            "{}",
            ran.stderr
        );
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(place.text("taken"), "a file");
}
