//! The guide, typed word for word: every command in it runs, in its order, in a folder with `data/` and `guide/`.

use super::run::Place;
use std::path::Path;

/// Lines of a page that a user would type.
fn commands(page: &str) -> Vec<String> {
    page.lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_string).collect()
}

fn walk(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("guide").join(name)).expect("a page of the guide");
    let place = Place::new();
    for folder in ["data", "guide"] {
        std::os::unix::fs::symlink(root.join(folder), place.path(folder)).expect("a link");
    }
    let typed = commands(&page);
    let ours: Vec<&str> = typed.iter().filter_map(|line| line.strip_prefix("kramers ")).collect();
    assert!(!ours.is_empty(), "{name} has no command");
    for line in ours {
        let ran = place.typed(&format!("{line} --no-progress"));
        // 1 is an answer that is flagged, which the text shows.
        assert!(matches!(ran.code, Some(0 | 1)), "{name}: kramers {line}\n{}", ran.stderr);
    }
}

#[test]
fn chemistry() {
    walk("chemistry.md");
}

#[test]
fn finance() {
    walk("finance.md");
}

#[test]
fn your_own_model() {
    walk("your-own-model.md");
}
