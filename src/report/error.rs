//! The two things that can go wrong between a view and a page; both are our bugs, never the user's data.

/// A page or figure that could not be made: a bug of this crate, never of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportError {
    /// The template engine refused; carries its message with the line of the template.
    Template(String),
    /// The drawing backend refused.
    Figure(String),
}

impl std::fmt::Display for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReportError::Template(why) => write!(f, "the report page could not be written: {why}"),
            ReportError::Figure(why) => write!(f, "a figure could not be drawn: {why}"),
        }
    }
}

impl std::error::Error for ReportError {}

impl From<minijinja::Error> for ReportError {
    fn from(error: minijinja::Error) -> Self {
        // The alternate form adds the chain of causes.
        ReportError::Template(format!("{error:#}"))
    }
}
