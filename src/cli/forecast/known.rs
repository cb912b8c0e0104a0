//! The document of an earlier run, whose parameters are used as they stand on rows that came since.

use crate::base::{Error, Limit, Result, Series, Transform};
use crate::cli::args::{DataArgs, ForecastArgs};
use crate::cli::input::{model_name, read_bytes};
use crate::cli::json;
use crate::cli::record::{adopt_clock, new_rows};
use crate::models::Model;
use serde_json::Value;

/// Parameters by their names.
type Values = Vec<(String, f64)>;

/// What an earlier run knows.
pub(super) struct Known {
    /// As typed.
    file: String,
    pub model: String,
    transform: Transform,
    data: Value,
    /// Series and their parameters.
    fits: Vec<(String, Values)>,
}

fn refuse(file: &str, expected: String, hint: &str) -> Error {
    Error::BadOption { flag: "RUN".to_string(), value: file.to_string(), expected, hint: Some(hint.to_string()) }
}

const TYPE: &str = "kramers forecast run.json ROWS, with the run.json that fit, forecast or report wrote with -o";

impl Known {
    /// The run that is asked to go on, where DATA is one.
    ///
    /// # Errors
    /// [`Error::BadOption`] where rows are missing or too many files are given, or the document is of another kind; what reading refuses.
    pub fn asked(args: &ForecastArgs) -> Result<Option<Known>> {
        let file = &args.data.input;
        let is_run = file.ends_with(".json");
        match (&args.rows, is_run) {
            (None, false) => Ok(None),
            (Some(_), true) => Known::read(file, &read_bytes(file, Limit::DocumentBytes)?).map(Some),
            (None, true) => Err(refuse(file, "it is a run, and the file of the rows is missing".to_string(), TYPE)),
            (Some(rows), false) => {
                let expected = format!("two files are given, and the first is no run.json (the second is {rows})");
                Err(refuse(file, expected, TYPE))
            }
        }
    }

    /// Of the bytes of a file.
    ///
    /// # Errors
    /// [`Error::BadOption`] where they are no document of a run whose parameters can be taken.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Known> {
        Limit::DocumentValues.require(json::values(bytes) as f64, file)?;
        let document: Value =
            serde_json::from_slice(bytes).map_err(|e| refuse(file, format!("it is no JSON document: {e}"), TYPE))?;
        let schema = document["schema"].as_str().unwrap_or_default().to_string();
        // Of fits of several series each has a whole document of its own.
        let first = match (schema.as_str(), document["data"].is_object()) {
            ("kramers/fit@1", false) => &document["series"][0],
            _ => &document,
        };
        let each: Vec<&Value> = match schema.as_str() {
            "kramers/fit@1" if document["data"].is_object() => vec![&document],
            "kramers/fit@1" | "kramers/forecast@1" | "kramers/report@1" => {
                document["series"].as_array().map_or_else(Vec::new, |all| all.iter().collect())
            }
            _ => {
                let expected = format!("its schema is '{schema}', and no parameters can be taken from that");
                return Err(refuse(file, expected, TYPE));
            }
        };
        let fits = each.iter().filter_map(|one| fit_of(one)).collect::<Vec<_>>();
        let models: Vec<&str> = fits.iter().map(|f| f.0.as_str()).collect();
        let Some(model) = models.first().map(|model| model.to_string()) else {
            let expected = "it holds no fit of one model (combinations and baselines are fitted anew)".to_string();
            return Err(refuse(file, expected, "kramers forecast DATA -m MODEL fits anew"));
        };
        if models.iter().any(|other| *other != model) {
            let expected = "its series have different models".to_string();
            return Err(refuse(file, expected, "take them one by one: kramers forecast DATA --only SERIES -m MODEL"));
        }
        let transform = first["data"]["transform"].as_str().and_then(|name| name.parse().ok());
        Ok(Known {
            file: file.to_string(),
            model,
            transform: transform.unwrap_or(Transform::None),
            data: first["data"].clone(),
            fits: fits.into_iter().map(|(_, id, params)| (id, params)).collect(),
        })
    }

    /// Its file, without folders.
    pub fn name(&self) -> String {
        model_name(&self.file)
    }

    /// The flags of the data as in the run, where the user left them open.
    pub fn data_args(&self, args: &DataArgs, rows: &str) -> DataArgs {
        let mut data = DataArgs { input: rows.to_string(), transform: self.transform, ..args.clone() };
        let column = |key: &str| self.data[key].as_str().map(str::to_string);
        data.time = data.time.or_else(|| column("time_column"));
        data.value = data.value.or_else(|| column("value_column"));
        data.id = data.id.or_else(|| column("id_column"));
        if let Some(record) = self.data["records"].as_array().and_then(|all| all.first()) {
            adopt_clock(record, &mut data);
        }
        data
    }

    /// # Errors
    /// [`Error::BadOption`] for a model that is not the one of the run.
    pub fn require_model(&self, model: &Model) -> Result<()> {
        if self.model == model.id {
            return Ok(());
        }
        Err(Error::BadOption {
            flag: "-m".to_string(),
            value: model.id.clone(),
            expected: format!("the run is of '{}'", self.model),
            hint: Some("leave -m out, or give the file of that model".to_string()),
        })
    }

    /// The parameters of a series, and how many rows it has that the run did not see; `None` where the run does not know it.
    ///
    /// # Errors
    /// As [`new_rows`].
    pub fn of(&self, series: &Series, rows: &str) -> Result<Option<(Values, usize)>> {
        let Some((_, params)) = self.fits.iter().find(|(id, _)| *id == series.id) else { return Ok(None) };
        let records = self.data["records"].as_array();
        let record = records.and_then(|all| all.iter().find(|r| r["id"].as_str() == Some(series.id.as_str())));
        let new = new_rows(series, record.unwrap_or(&Value::Null), rows)?;
        Ok(Some((params.clone(), new)))
    }

    /// No series of the file is one of the run.
    pub fn stranger(&self, series: &[Series]) -> Error {
        let ids = |all: Vec<&str>| all.join(", ");
        let expected = format!(
            "the run is of {}, and the file holds {}",
            ids(self.fits.iter().map(|f| f.0.as_str()).collect()),
            ids(series.iter().map(|s| s.id.as_str()).collect())
        );
        refuse(&self.file, expected, "give the file that goes on, or --value and --id as in the run")
    }
}

/// Model, series and parameters of one fit in a document.
fn fit_of(one: &Value) -> Option<(String, String, Values)> {
    let fit = if one["fit"].is_object() { &one["fit"] } else { one };
    let id = one["id"].as_str().or(one["data"]["series"].as_str())?;
    let params = fit["params"].as_object()?;
    let values = params.iter().map(|(name, p)| Some((name.clone(), p["estimate"].as_f64()?))).collect::<Option<_>>()?;
    Some((fit["model"].as_str()?.to_string(), id.to_string(), values))
}
