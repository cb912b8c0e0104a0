//! Flags of what a forecast is made of: draws of the parameters, weights of a combination.

use crate::forecast::{Parameters, Weighting};
use clap::{Args, ValueEnum};

/// What goes into the law of a forecast.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Law of the forecast")]
pub struct LawArgs {
    /// Parameters it is made at: the estimate; draws from the normal law around it; or refits of simulated records, for short ones
    #[arg(long, value_enum, default_value = "point")]
    pub params: ParamsArg,
    /// Draws of the parameters (of the normal law rounded up to a power of two)
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(20..=4_096))]
    pub draws: u32,
    /// Weights of models joined by +: equal, or stacked by log score on past windows of the training rows
    #[arg(long, value_enum, default_value = "equal")]
    pub weights: WeightsArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ParamsArg {
    Point,
    Normal,
    Bootstrap,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WeightsArg {
    Equal,
    Stack,
}

impl LawArgs {
    pub fn parameters(&self) -> Parameters {
        let draws = self.draws as usize;
        match self.params {
            ParamsArg::Point => Parameters::Point,
            ParamsArg::Normal => Parameters::Normal { draws },
            ParamsArg::Bootstrap => Parameters::Bootstrap { draws },
        }
    }

    pub fn weighting(&self) -> Weighting {
        match self.weights {
            WeightsArg::Equal => Weighting::Equal,
            WeightsArg::Stack => Weighting::Stack,
        }
    }
}
