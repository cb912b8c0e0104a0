//! The binary as a user runs it: a folder of its own, words in, exit code and two streams out.

use serde_json::Value;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run left behind.
#[derive(Debug, Clone)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    #[track_caller]
    pub fn ends(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The one document on stdout, and nothing beside it.
    #[track_caller]
    pub fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}\nstdout:\n{}\n{}", self.stdout, self.stderr))
    }
}

/// A folder to run in, gone at the end of the test.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Place {
        Place(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn with(self, name: &str, content: impl AsRef<[u8]>) -> Place {
        std::fs::write(self.path(name), content).expect("a writable folder");
        self
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Names in a folder, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
        let mut names: Vec<_> =
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub fn command<S: AsRef<OsStr>>(&self, words: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kramers"));
        // No model of the user's own, and no colour.
        command.args(words).current_dir(self.0.path()).env("XDG_CONFIG_HOME", self.0.path()).env("NO_COLOR", "1");
        command
    }

    pub fn run<S: AsRef<OsStr>>(&self, words: &[S]) -> Ran {
        self.run_with(words, "")
    }

    /// Run with this on standard input.
    pub fn run_with<S: AsRef<OsStr>>(&self, words: &[S], input: &str) -> Ran {
        let mut command = self.command(words);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // A run that refuses early does not read its input.
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("the program ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Run a line of a shell that finds `kramers` on its path.
    pub fn shell(&self, line: &str) -> Ran {
        let program = Path::new(env!("CARGO_BIN_EXE_kramers"));
        let path = format!(
            "{}:{}",
            program.parent().expect("a folder").display(),
            std::env::var("PATH").expect("a search path")
        );
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.0.path()).env("PATH", path);
        command.env("XDG_CONFIG_HOME", self.0.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        let output = command.output().expect("a shell");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Run a command line as it is typed: words between blanks, single quotes around words with blanks in them.
    pub fn typed(&self, line: &str) -> Ran {
        self.run(&words(line))
    }
}

/// Words of a command line.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (i, part) in line.split('\'').enumerate() {
        match i % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_string)),
            _ => words.push(part.to_string()),
        }
    }
    words
}

/// A file of `data/`.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

/// The same as a word of a command line.
pub fn data_word(name: &str) -> String {
    data(name).to_string_lossy().into_owned()
}

/// Days from 2020-01-01 on as ISO dates (2020 to 2022).
pub fn day(i: usize) -> String {
    let mut left = i;
    for year in 2020.. {
        let february = if year % 4 == 0 { 29 } else { 28 };
        for (m, days) in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].into_iter().enumerate() {
            if left < days {
                return format!("{year}-{:02}-{:02}", m + 1, left + 1);
            }
            left -= days;
        }
    }
    String::new()
}

/// A mean-reverting walk about 1 that stays positive: the same numbers everywhere, without a generator's dependency.
pub fn walk(n: usize) -> Vec<f64> {
    let mut state = 12345_u64;
    let mut x = 1.0;
    (0..n)
        .map(|_| {
            // Numerical Recipes' quick linear congruential generator; twelve uniforms make nearly a normal number.
            let mut sum = -6.0;
            for _ in 0..12 {
                state = (state * 1_664_525 + 1_013_904_223) % (1 << 32);
                sum += state as f64 / (1_u64 << 32) as f64;
            }
            x += 0.1 * (1.0 - x) + 0.05 * sum;
            (x * 1e6_f64).round() / 1e6
        })
        .collect()
}

/// Rows `date,value` under their header.
pub fn dated(values: &[f64]) -> String {
    table("date,value", values.iter().enumerate().map(|(i, v)| format!("{},{v}", day(i))))
}

pub fn table(header: &str, rows: impl IntoIterator<Item = String>) -> String {
    let mut text = format!("{header}\n");
    for row in rows {
        text.push_str(&row);
        text.push('\n');
    }
    text
}
