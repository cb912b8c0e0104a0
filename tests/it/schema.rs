//! Documents keep to their JSON Schemas, every key they have is described there, and documents of earlier builds are still read.
//!
//! The schemas use a handful of keywords; the reader here knows these and refuses any other, so that none is passed over.
//! Continuous integration holds the same files to a complete implementation (`.ci/schemas`).

use super::run::{Place, data_word, dated, day, table, walk};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

struct Schema(Value);

impl Schema {
    /// As the program prints it, whole.
    fn named(name: &str) -> Schema {
        Schema(Place::new().shell(&format!("kramers schema {name}")).ends(0).document())
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            None => schema,
            Some("#") => &self.0,
            Some(reference) => {
                let name = reference.strip_prefix("common-1.json#/$defs/").expect("a reference to a common part");
                let found = &self.0["$defs"]["common"]["$defs"][name];
                assert!(found.is_object(), "{reference} leads nowhere");
                found
            }
        }
    }

    /// What is wrong with a value, and the keys of it that the schema does not know.
    fn faults(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let schema = self.resolve(schema);
        let mut faults = Vec::new();
        let rules: &Map<String, Value> = schema.as_object().expect("a schema is an object");
        for (keyword, rule) in rules {
            let wrong = |what: String| format!("{at}: {what}");
            match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" => {}
                "type" => {
                    let names = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                    if !names.iter().any(|name| is_of(value, name.as_str().expect("a name"))) {
                        faults.push(wrong(format!("{value:.40} is not {rule}")));
                    }
                }
                "const" if rule != value => faults.push(wrong(format!("{value} is not {rule}"))),
                "enum" if !rule.as_array().expect("a list").contains(value) => {
                    faults.push(wrong(format!("{value} is none of {rule}")));
                }
                "const" | "enum" => {}
                "minimum" => {
                    if value.as_f64().is_some_and(|v| v < rule.as_f64().expect("a number")) {
                        faults.push(wrong(format!("{value} is below {rule}")));
                    }
                }
                "pattern" => {
                    let text = value.as_str().unwrap_or_default();
                    let holds = match rule.as_str().expect("a pattern") {
                        "^[0-9a-f]{64}$" => {
                            text.len() == 64 && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
                        }
                        "^[a-z0-9-]+$" => {
                            !text.is_empty()
                                && text.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '-')
                        }
                        other => panic!("a pattern this reader does not know: {other}"),
                    };
                    if value.is_string() && !holds {
                        faults.push(wrong(format!("{text} is not like {rule}")));
                    }
                }
                "required" => {
                    let missing = |key: &&Value| value.get(key.as_str().expect("a key")).is_none();
                    let keys = rule.as_array().expect("a list").iter().filter(missing);
                    faults.extend(keys.filter(|_| value.is_object()).map(|key| wrong(format!("{key} is missing"))));
                }
                "properties" => {
                    for (key, one) in value.as_object().into_iter().flatten() {
                        match rule.get(key) {
                            Some(schema) => faults.extend(self.faults(schema, one, &format!("{at}.{key}"))),
                            None if rules.contains_key("additionalProperties") => {}
                            None => faults.push(wrong(format!("the schema does not know {key}"))),
                        }
                    }
                }
                "additionalProperties" => {
                    let known = rules.get("properties");
                    for (key, one) in value.as_object().into_iter().flatten() {
                        if known.is_none_or(|known| known.get(key).is_none()) {
                            faults.extend(self.faults(rule, one, &format!("{at}.{key}")));
                        }
                    }
                }
                "items" => {
                    for (i, one) in value.as_array().into_iter().flatten().enumerate() {
                        faults.extend(self.faults(rule, one, &format!("{at}[{i}]")));
                    }
                }
                "anyOf" => {
                    let each = rule.as_array().expect("a list").iter().map(|one| self.faults(one, value, at));
                    let fewest = each.min_by_key(Vec::len).expect("an alternative");
                    faults.extend(fewest);
                }
                other => panic!("a keyword this reader does not know: {other}"),
            }
        }
        faults
    }

    #[track_caller]
    fn holds(&self, document: &Value, of: &str) {
        let faults = self.faults(&self.0, document, "");
        assert!(faults.is_empty(), "{of}\n{}", faults[..faults.len().min(8)].join("\n"));
    }
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("no type {other}"),
    }
}

/// Lines that write each kind of document in its various shapes.
fn lines() -> Vec<(&'static str, Vec<String>)> {
    let (stocks, puromycin, pinene) =
        (data_word("stocks.csv"), data_word("puromycin.csv"), data_word("alpha-pinene.csv"));
    let own = |lines: &[&str]| lines.iter().map(|l| l.to_string()).collect::<Vec<_>>();
    let mut fits = own(&[
        "fit good.csv -m ou",
        "fit good.csv -m ou --intervals profile --of log(2)/kappa --null kappa=10",
        "fit good.csv -m ou --intervals bootstrap --replicates 20",
        "fit good.csv -m ou --objective mse",
        "fit panel.csv -m ou --id id",
        "fit panel.csv -m ou --id id --joint --local theta",
        "fit counts.csv -m birth-death",
        "fit counts.csv -m birth-death --as snapshots --from first",
        "fit good.csv -m noisy.toml --value y=value --starts 1",
    ]);
    fits.push(format!(
        "fit {puromycin} -m michaelis-menten-rate --time conc --value rate --id state --joint --local vmax"
    ));
    fits.push(format!("fit {puromycin} -m michaelis-menten-rate --time conc --value rate --id state"));
    let columns =
        "pinene=alpha_pinene_pct,dipentene=dipentene_pct,allo=allo_ocimene_pct,pyronene=pyronene_pct,dimer=dimer_pct";
    fits.push(format!("fit {pinene} -m alpha-pinene --as trajectories --starts 1 --time time_min --value {columns}"));
    vec![
        ("check", vec!["check good.csv".to_string(), "check gaps.csv".to_string(), format!("check {stocks}")]),
        ("models", own(&["models", "models heston", "models schloegl", "models ou --verify"])),
        ("fit", fits),
        (
            "forecast",
            own(&[
                "forecast good.csv -m ou --horizon 3",
                "forecast good.csv -m ou+random-walk --horizon 3 --from x=1.2",
                "forecast good.csv -m ou+bm --horizon 3 --weights stack",
                "forecast good.csv -m ou --horizon 3 --params normal --draws 20",
                "forecast good.csv -m ou --horizon 3 --event value<1.0_by_5_rows --event first_passage_of_1.1",
                "forecast panel.csv -m ou --id id --horizon 2",
            ]),
        ),
        (
            "backtest",
            own(&[
                "backtest good.csv -m ou --refit never --horizon 2 --step 6 --prove-no-leak",
                "backtest panel.csv -m ou+bm --id id --refit never --horizon 2 --step 12",
                "backtest good.csv -m bm --transform log-return --refit never --horizon 2 --step 6",
            ]),
        ),
        ("report", own(&["report good.csv -m ou,bm --refit never --horizon 3 --step 6 -o out"])),
        (
            "simulate",
            own(&[
                "simulate ou --paths 2 --every 0.5",
                "simulate ou --paths 20 --every 0.5 --summary",
                "simulate birth-death --paths 2 --until 1 --every 0.5",
                "simulate birth-death --paths 5 --until 1 --every 0.5 --summary --scheme tau-leaping",
            ]),
        ),
        (
            "solve",
            own(&[
                "solve ou",
                "solve ou --grid 0,1 --at 1",
                "solve black-scholes",
                "solve black-scholes --form monte-carlo --tol 0.5",
                "solve heat-rod --at 0.1 --cells 40",
                "solve heat-plate --at 0.01 --cells 12",
                "solve double-well --form schroedinger",
                "solve ou --from x=-1 --passage x=0.5 --at 1",
                "solve schloegl --at 1",
                "solve birth-death --passage X=200",
                "solve michaelis-menten-rate --at 0.1,0.2",
                "solve harmonic-oscillator",
                "solve correlated-gbm --at 1",
            ]),
        ),
        ("compare", own(&["compare ou --tol 1e-3", "compare birth-death --tol 0.1 --at 0.1"])),
        ("discover", own(&["discover good.csv"])),
        ("tune", own(&["tune good.csv -m ou --trials 3 --over starts,transform"])),
    ]
}

/// A level that is read with an error.
const NOISY: &str = r#"
schema = 1
id = "noisy"
title = "Noisy readings of a level that reverts"
kind = "diffusion"

[state.x]

[params]
kappa = { default = 5.0, bounds = [1e-3, 1e3] }
sigma = { default = 0.5, bounds = [1e-3, 1e3] }
noise = { default = 0.02, bounds = [1e-6, 10.0] }

[dynamics]
drift.x = "kappa*(1 - x)"
diffusion.x = "sigma"

[observe.y]
of = "x"
noise = "normal(0, noise)"
"#;

fn place() -> Place {
    let values = walk(240);
    let panel = (0..240).map(|i| format!("{},{},{}", ["a", "b"][i / 120], day(i % 120), walk(240)[i]));
    let gaps = values
        .iter()
        .enumerate()
        .map(|(i, v)| format!("{},{}", day(i), if i == 9 { ".".to_string() } else { v.to_string() }));
    // Births and deaths: a staircase about ten, of whole numbers.
    let counts = walk(40)
        .iter()
        .enumerate()
        .map(|(i, v)| format!("{},{}", 0.2 * i as f64, (10.0 * v).round()))
        .collect::<Vec<_>>();
    Place::new()
        .with("good.csv", dated(&values))
        .with("panel.csv", table("id,date,value", panel))
        .with("gaps.csv", table("date,value", gaps))
        .with("noisy.toml", NOISY)
        .with("counts.csv", table("t,X", counts))
}

#[test]
fn every_document_keeps_to_its_schema_and_has_no_key_beyond_it() {
    let place = place();
    for (name, lines) in lines() {
        let schema = Schema::named(name);
        for line in lines {
            // Blanks within a word are written as _ above.
            let words: Vec<String> = line
                .split(' ')
                .map(|w| if w.contains("_by_") || w.contains("_of_") { w.replace('_', " ") } else { w.to_string() })
                .collect();
            let ran = place.run(&[words, vec!["--json".to_string()]].concat());
            assert!(matches!(ran.code, Some(0 | 1)), "{line}\n{}", ran.stderr);
            schema.holds(&ran.document(), &line);
        }
    }
    let figures = serde_json::from_str(&place.text("out/figures.json")).expect("JSON");
    Schema::named("figures").holds(&figures, "figures.json");
    let run: Value = serde_json::from_str(&place.text("out/run.json")).expect("JSON");
    Schema::named("kramers/report@1").holds(&run, "run.json");
    for line in ["check nothing.csv --json", "fit --json", "solve ou --form nonsense --json"] {
        Schema::named("error").holds(&place.typed(line).ends(2).document(), line);
    }
}

#[test]
fn a_document_that_is_spoilt_does_not_keep_to_its_schema() {
    let schema = Schema::named("fit");
    let place = place();
    let good = place.typed("fit good.csv -m ou --json").ends(0).document();
    let spoilt = |change: &dyn Fn(&mut Value)| {
        let mut document = good.clone();
        change(&mut document);
        schema.faults(&schema.0, &document, "").len()
    };
    assert_eq!(spoilt(&|_| {}), 0);
    assert!(spoilt(&|d| d["schema"] = "kramers/fit@2".into()) > 0);
    assert!(spoilt(&|d| d["status"] = "fine".into()) > 0);
    assert!(spoilt(&|d| d["params"]["kappa"]["estimate"] = "ten".into()) > 0);
    assert!(spoilt(&|d| d["data"]["sha256"] = "abc".into()) > 0);
    assert!(spoilt(&|d| d["seed"] = Value::from(-1)) > 0);
    assert!(spoilt(&|d| d["surprise"] = Value::from(1)) > 0);
    assert!(spoilt(&|d| drop(d.as_object_mut().and_then(|o| o.shift_remove("params")))) > 0);
}

#[test]
fn schemas_are_listed_and_printed_and_written() {
    let place = Place::new();
    let list = place.shell("kramers schema --json").ends(0).document();
    let names: Vec<&str> = list["schemas"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(names.contains(&"kramers/report@1") && names.contains(&"kramers/error@1"), "{names:?}");
    let text = place.shell("kramers schema").ends(0).stdout;
    assert!(names.iter().all(|name| text.contains(name)), "{text}");
    place.shell("kramers schema -o written").ends(0);
    assert_eq!(place.names("written").len(), names.len());
    for name in ["fit", "fit@1", "kramers/fit@1"] {
        let document = place.shell(&format!("kramers schema {name}")).ends(0).document();
        assert_eq!(document["title"], "kramers/fit@1");
    }
    let refused = place.shell("kramers schema fti").ends(2).stderr;
    assert!(refused.contains("hint: kramers schema fit"), "{refused}");
}

/// A file of `tests/it/compat`: what earlier builds wrote.
fn old(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/compat").join(name)
}

fn old_document(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(old(name)).expect("a document")).expect("JSON")
}

/// Fit, forecast and report of 0.1.0 on the first rows go on with the rows that came since, as they did then.
#[test]
fn documents_of_earlier_builds_are_still_read() {
    let place = Place::new();
    let then = old_document("goes-on-0.1.0.json");
    let rows = old("rows.csv").to_string_lossy().into_owned();
    for run in ["fit-0.1.0.json", "forecast-0.1.0.json", "report-0.1.0.json"] {
        let document = old_document(run);
        let name = document["schema"].as_str().expect("a schema").to_string();
        let schema = Schema::named(&name);
        // A key that has gone since is a fault of ours: the document of then has it.
        schema.holds(&document, run);
        let file = old(run).to_string_lossy().into_owned();
        let now = place.run(&["forecast", &file, &rows, "--horizon", "3", "--json"]).ends(0).document();
        assert_eq!(now["series"][0]["new_rows"], 5, "{run}");
        for (one, other) in now["series"][0]["horizons"]
            .as_array()
            .expect("rows")
            .iter()
            .zip(then["series"][0]["horizons"].as_array().expect("rows"))
        {
            for q in ["0.025", "0.5", "0.975"] {
                let [new, was] = [one, other].map(|h| h["quantiles"][q].as_f64().expect("a quantile"));
                assert!((new - was).abs() <= 1e-9 * was.abs(), "{run}: {q}: {new} now, {was} then");
            }
        }
    }
}

/// Every verb has its man page, with its own flags, beside the one of the program.
#[test]
fn every_verb_has_its_man_page() {
    let place = Place::new();
    place.shell("kramers man -o pages").ends(0);
    let pages = place.names("pages");
    let help = place.shell("kramers --help").ends(0).stdout;
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|l| !l.starts_with("Commands:"))
        .skip(1)
        .take_while(|l| !l.is_empty())
        .filter(|l| l.starts_with("  ") && !l.starts_with("   "))
        .filter_map(|l| l.split_whitespace().next())
        .filter(|v| *v != "help")
        .collect();
    assert_eq!(pages.len(), verbs.len() + 1, "{pages:?}");
    for verb in verbs {
        let page = place.text(&format!("pages/kramers-{verb}.1"));
        let flags = place.shell(&format!("kramers {verb} --help")).ends(0).stdout;
        let flags = flags.lines().filter_map(|l| l.trim_start().split([' ', '=']).find(|w| w.starts_with("--")));
        for flag in flags {
            assert!(page.contains(&flag.replace('-', "\\-")), "kramers-{verb}.1 has no {flag}");
        }
        assert!(page.contains(".SH SYNOPSIS"), "{verb}");
        assert_eq!(place.shell(&format!("kramers man {verb}")).ends(0).stdout, page, "{verb}");
    }
    let main = place.shell("kramers man").ends(0).stdout;
    assert_eq!(main, place.text("pages/kramers.1"));
    assert!(place.shell("kramers man fti").ends(2).stderr.contains("hint: kramers man fit"));
}
