//! Files a run reads: data and models, found where people expect them.

use super::args::{DataArgs, EstimateArgs, ObjectiveArg};
use super::output::{Output, reason};
use crate::base::text::{file_stem, visible};
use crate::base::{Error, Limit, Result, Seed, suggest::nearest};
use crate::data::{LoadOptions, Loaded, glance, load};
use crate::fit::{FormRequest, Objective, Settings, Stochastic};
use crate::form::Form;
use crate::models::{self, Model};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A data file, read.
pub(super) struct Data {
    /// File name without its folder, for documents.
    pub file: String,
    /// File name without folder and endings, for output folders.
    pub stem: String,
    pub loaded: Loaded,
}

pub(super) fn read_data(args: &DataArgs, output: &Output) -> Result<Data> {
    read(args, output, Repeats::Refused)
}

/// What `read` reads for a model: where several columns could be the value, the one that is called as a variable of the model is it.
pub(super) fn called_as(
    model: &Model,
    args: &DataArgs,
    output: &Output,
    read: fn(&DataArgs, &Output) -> Result<Data>,
) -> Result<Data> {
    let error = match read(args, output) {
        Err(error) if args.input != "-" => error,
        other => return other,
    };
    let named = match &error {
        Error::AmbiguousColumn { role, candidates, .. } if role == "value" => {
            model.variables().into_iter().map(|v| v.0).find(|v| candidates.contains(v))
        }
        _ => None,
    };
    let Some(named) = named else { return Err(error) };
    let mut data = read(&DataArgs { value: Some(named.clone()), ..args.clone() }, output)?;
    let told = format!("value column '{named}', called as in '{}'", model.id);
    if !output.json {
        output.say(&format!("note: {told}"));
    }
    data.loaded.inference.push(told);
    Ok(data)
}

/// The same to look at only: rows that share a time are counted instead of refused.
pub(super) fn look_at_data(args: &DataArgs, output: &Output) -> Result<Data> {
    match read(args, output, Repeats::Refused) {
        Err(Error::RepeatedTimes { .. }) if args.input != "-" => read(args, output, Repeats::Kept),
        other => other,
    }
}

/// The points of a curve: rows may share an input.
pub(super) fn read_points(args: &DataArgs, output: &Output) -> Result<Data> {
    read(args, output, Repeats::Kept)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    Refused,
    Kept,
}

fn read(args: &DataArgs, output: &Output, repeats: Repeats) -> Result<Data> {
    let bytes = read_bytes(&args.input, Limit::FileBytes)?;
    let file = if args.input == "-" { "stdin".to_string() } else { name_of(Path::new(&args.input)) };
    let options = LoadOptions {
        time: args.time.clone(),
        value: args.value.clone(),
        id: args.id.clone(),
        only: args.only.clone(),
        since: args.since.clone(),
        before: args.before.clone(),
        clean: args.clean,
        clock: args.clock.map(Into::into),
        dt: args.dt,
        dates: args.dates,
        needs_positive: args.transform.needs_positive(),
        allow_repeats: repeats == Repeats::Kept,
    };
    // Messages name the file as it was typed, documents without its folder.
    let typed = if args.input == "-" { "stdin".into() } else { visible(&args.input) };
    let loaded = load(&typed, &bytes, &options)?;
    if !output.json {
        for sentence in &loaded.inference {
            output.say(&format!("note: {sentence}"));
        }
        for finding in &loaded.findings {
            output.say(&format!("note: {} {}: {}", finding.count, finding.rule, finding.action));
        }
    }
    let stem = file_stem(file.split('.').next().filter(|s| !s.is_empty()).unwrap_or("data"));
    Ok(Data { stem, file, loaded })
}

/// The bytes of a file as typed; - is standard input. `most` is the limit for what it should be.
///
/// # Errors
/// [`Error::FileMissing`] with the nearest name beside it, [`Error::FileUnreadable`], [`Error::OverLimit`]; [`Error::DataNotText`] at once
/// for a stream that begins as no text does, however long it is.
pub(super) fn read_bytes(typed: &str, most: Limit) -> Result<Vec<u8>> {
    if typed == "-" { read_stream(std::io::stdin().lock(), "stdin", most) } else { read_file(Path::new(typed), most) }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().map_or_else(|| path.as_os_str().to_string_lossy(), |n| n.to_string_lossy());
    visible(&name).into_owned()
}

/// Read to its end, or to the limit: a device or a pipe may have none.
fn read_stream(mut stream: impl Read, name: &str, most: Limit) -> Result<Vec<u8>> {
    /// Enough to tell text from what is none, and a packed bomb.
    const BEGINNING: u64 = 1 << 17;
    let unreadable = |e: std::io::Error| Error::FileUnreadable { path: PathBuf::from(name), reason: reason(&e) };
    let mut bytes = Vec::new();
    stream.by_ref().take(BEGINNING).read_to_end(&mut bytes).map_err(unreadable)?;
    glance(&visible(name), &bytes)?;
    let left = (most.most() + 1).saturating_sub(BEGINNING);
    stream.take(left).read_to_end(&mut bytes).map_err(unreadable)?;
    if most.allows(bytes.len() as f64) { Ok(bytes) } else { Err(most.over(None, &visible(name))) }
}

/// A model as documents name it: without the folders of this machine.
pub(super) fn model_name(typed: &str) -> String {
    name_of(Path::new(typed))
}

fn read_file(path: &Path, most: Limit) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => Error::FileMissing { path: path.to_path_buf(), nearest: neighbour(path) },
        _ => Error::FileUnreadable { path: path.to_path_buf(), reason: reason(&e) },
    };
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    let name = path.to_string_lossy();
    if about.is_dir() {
        return Err(Error::FileUnreadable { path: path.to_path_buf(), reason: "it is a directory".to_string() });
    }
    if about.is_file() {
        most.require(about.len() as f64, &visible(&name))?;
    }
    read_stream(file, &name, most)
}

/// The file in the same folder whose name is nearest.
fn neighbour(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    let found = nearest(&name_of(path), names.iter().map(String::as_str))?;
    Some(folder.join(found).to_string_lossy().trim_start_matches("./").to_string())
}

/// A model by id or path: an explicit path, `./models/`, the user's folder, built in.
///
/// # Errors
/// [`Error::UnknownModel`], [`Error::FileMissing`], or what the file's text refuses.
pub(super) fn read_model(name: &str, output: &Output) -> Result<Model> {
    let (file, text) = read_model_text(name, output)?;
    models::read(&file, &text)
}

/// As [`read_model`], of what the data measure: where a file says that one function of its one state is observed without error,
/// the model of that (by Itô's formula).
pub(super) fn read_observed_model(name: &str, output: &Output) -> Result<Model> {
    let model = read_model(name, output)?;
    match model.observed() {
        None => Ok(model),
        Some(observed) => {
            output.say(&format!("note: '{}' as its observation sees it: {}", model.id, observed.equation()));
            Ok(observed)
        }
    }
}

/// As [`read_model`], the file's name and text.
pub(super) fn read_model_text(name: &str, output: &Output) -> Result<(String, String)> {
    let ends = [".toml", ".xml", ".sbml", ".net"];
    let is_path = ends.iter().any(|e| name.ends_with(e)) || name.contains('/') || name.contains('\\');
    if is_path {
        return Ok((visible(name).into_owned(), text_of(Path::new(name))?));
    }
    for folder in [Some(PathBuf::from("models")), user_models()].into_iter().flatten() {
        let path = folder.join(format!("{name}.toml"));
        if !path.is_file() {
            continue;
        }
        let text = text_of(&path)?;
        match models::built_in_text(name) {
            // The repository's own file is the built-in one.
            Some(built_in) if built_in == text => break,
            Some(_) => output.say(&format!("note: {} is used instead of the built-in model '{name}'", path.display())),
            None => {}
        }
        return Ok((path.to_string_lossy().into_owned(), text));
    }
    match models::built_in_text(name) {
        Some(text) => Ok((format!("models/{name}.toml"), text.to_string())),
        None => models::built_in(name).map(|m| (m.file, String::new())),
    }
}

fn user_models() -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    Some(config.join("kramers").join("models"))
}

fn text_of(path: &Path) -> Result<String> {
    let bytes = read_file(path, Limit::ModelBytes)?;
    String::from_utf8(bytes).map_err(|e| Error::DataNotText {
        name: visible(&path.to_string_lossy()).into_owned(),
        byte: e.as_bytes().get(e.utf8_error().valid_up_to()).copied().unwrap_or_default(),
        offset: e.utf8_error().valid_up_to(),
    })
}

/// Fit settings from the flags.
///
/// # Errors
/// [`Error::BadOption`] for a form that is not one to fit with.
pub(super) fn settings(args: &EstimateArgs, seed: u64) -> Result<Settings> {
    let form = form_of_fit(&args.form)?;
    Ok(Settings {
        objective: match args.objective {
            ObjectiveArg::Kl => Objective::Kl,
            ObjectiveArg::Mse => Objective::Mse,
        },
        form,
        optimizer: args.optimizer,
        stochastic: Stochastic { learning_rate: args.learning_rate, batch_size: args.batch_size as usize },
        starts: args.starts as usize,
        max_iterations: args.max_iterations,
        fixed: args.fix.clone(),
        initial: Vec::new(),
        seed: Seed(seed),
        robust: None,
    })
}

/// The transition density asked for.
fn form_of_fit(typed: &str) -> Result<FormRequest> {
    let names = Form::ALL.map(Form::name);
    match typed {
        "auto" => Ok(FormRequest::Auto),
        name => match Form::named(name) {
            Some(form) => Ok(FormRequest::Asked(form)),
            None => Err(Error::BadOption {
                flag: "--form".to_string(),
                value: name.to_string(),
                expected: format!("it is not a form; one of auto, {}", names.join(", ")),
                hint: Some(match nearest(name, names) {
                    Some(near) if near != name => format!("did you mean --form {near}?"),
                    _ => "--form auto takes the cheapest form that is accurate enough".to_string(),
                }),
            }),
        },
    }
}
