//! Figures as SVG: each answers one question and survives missing, infinite or empty data. Those of the page are inline and take
//! its colours from the style sheet; heat maps are files of their own. The only folder that names plotters.

mod axis;
mod canvas;
mod coefficients;
mod compare;
mod counts;
mod dates;
mod fan;
mod fitted;
mod heat_map;
mod history;
mod horizon;
mod labels;
mod law;
mod losses;
mod mark;
mod pit;
mod profile;
mod residuals;
mod skill;
mod thin;
mod through;

pub use canvas::Size;
pub use coefficients::{CurveView, coefficients};
pub use compare::{cost, densities, key};
pub use counts::counts;
pub use fan::{fan, held};
pub use fitted::{Beside, FittedPanel, beside};
pub use heat_map::{HeatMap, HeatMapLabels, heat_maps, heat_maps_of_page};
pub use history::history;
pub use horizon::{MOST_LINES, Measure, above_frame, by_horizon, coverage_by_chance, drawable};
pub use law::law;
pub use losses::{hits, losses};
pub use mark::interval_mark;
pub use pit::{PitBins, pit};
pub use profile::profile;
pub use residuals::{Acf, Quantiles, acf, quantiles};
pub use skill::{interval, skill, validation};
pub use through::through;

/// A figure in the two widths the style sheet chooses between: a desktop or printed page, and a phone.
pub fn both<E>(draw: impl Fn(Size) -> Result<String, E>) -> Result<String, E> {
    Ok(draw(Size::WIDE)? + &draw(Size::NARROW)?)
}

/// Whether a value can be placed on an axis; sizes near the end of the range would overflow a difference.
fn usable(value: f64) -> bool {
    value.is_finite() && value.abs() < 1e300
}
