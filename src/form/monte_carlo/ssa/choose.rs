//! Which method simulates a network: by its size, and where it is large by what a short pilot did. Only counts of work decide, never
//! a clock, so that the choice is the same on every machine.

use super::super::super::counts::Timing;
use super::chemistry::Chemistry;
use super::composition::Groups;
use super::lanes::{LANES, WIDEST};
use super::path::{Course, Limits, Sampler, Span, Tally};
use super::rejection::Rejection;

/// Propensities in a round of lanes beyond which one path at a time is faster.
const MOST_IN_LANES: usize = 160;
/// Propensities that an operation of the tape costs.
const OF_AN_OPERATION: usize = 2;
/// Reactions below which the direct method needs no pilot: their sums are two levels deep.
const SMALL: usize = 64;
/// Reactions of a pilot.
const PILOT: u64 = 5_000;
/// What a candidate costs, drawn and judged, in propensities of the direct method: by sums a search down the levels of eight, by
/// composition a group and a member of it, each in memory that was not just used.
const OF_A_LEVEL: f64 = 3.0;
const OF_A_GROUP: f64 = 15.0;

/// How a network is simulated, by the names `--scheme` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Exact, by size and activity of the network.
    #[default]
    Auto,
    /// Exact: Gillespie (1976).
    Direct,
    /// Exact, by rejection: Thanh, Priami & Zunino (2014).
    Rejection,
    /// Exact, by composition and rejection: Thanh, Zunino & Priami (2017).
    CompositionRejection,
    /// Many reactions in a leap: Cao, Gillespie & Petzold (2006).
    TauLeaping,
    /// Leaps of large populations, small ones a reaction at a time: as Haseltine & Rawlings (2002).
    Hybrid,
}

impl Method {
    /// Every method, the choice among the exact ones first.
    pub const ALL: [Method; 6] = [
        Method::Auto,
        Method::Direct,
        Method::Rejection,
        Method::CompositionRejection,
        Method::TauLeaping,
        Method::Hybrid,
    ];

    /// Name on the command line and in documents; only that [`Method::Auto`] is typed as `ssa`.
    pub fn name(self) -> &'static str {
        match self {
            Method::Auto => "auto",
            Method::Direct => "direct",
            Method::Rejection => "rssa",
            Method::CompositionRejection => "rssacr",
            Method::TauLeaping => "tau-leaping",
            Method::Hybrid => "hybrid",
        }
    }

    /// Whether its paths have the network's own law; leaps, over which propensities stand still, have not.
    pub fn is_exact(self) -> bool {
        !matches!(self, Method::TauLeaping | Method::Hybrid)
    }
}

/// A method, and why it.
pub(super) struct Chosen {
    pub method: Method,
    pub why: String,
}

/// The method asked for, or the exact one that a pilot makes the cheapest.
pub(super) fn choose(chemistry: &Chemistry, course: &Course) -> Chosen {
    let n = chemistry.laws.len();
    let direct = |why: String| Chosen { method: Method::Direct, why };
    if course.run.method != Method::Auto {
        return Chosen { method: course.run.method, why: "asked for".to_string() };
    }
    if chemistry.timing == Timing::Smooth {
        return direct("propensities change smoothly with time".to_string());
    }
    if in_lanes(chemistry, course) {
        return direct(format!("{n} reactions, many paths at once"));
    }
    if n <= SMALL {
        return direct(format!("{n} reactions"));
    }
    let done = pilot(chemistry, course);
    if done.tally.events == 0 {
        return direct(format!("{n} reactions, and none happens in a pilot"));
    }
    let each = |count: u64| count as f64 / done.tally.events as f64;
    let (touched, bounds, candidates) = (each(done.touched), each(done.tally.computed), each(done.tally.candidates));
    let levels = (1..).take_while(|k| crate::base::math::powi(8.0, *k - 1) < n as f64).count() as f64;
    let costs = [
        (Method::Direct, touched * (1.0 + 0.5 * levels) + OF_A_LEVEL * levels),
        (Method::Rejection, bounds * (1.0 + 0.5 * levels) + candidates * OF_A_LEVEL * levels),
        (Method::CompositionRejection, 2.0 * bounds + candidates * OF_A_GROUP),
    ];
    let method = costs.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(Method::Direct, |c| c.0);
    let why = format!(
        "{n} reactions; in a pilot of {}, a reaction changed {touched:.1} propensities, or {bounds:.1} bounds at {candidates:.2} candidates",
        done.tally.events
    );
    Chosen { method, why }
}

/// Whether the direct method takes many paths at once: few reactions of few counts each, enough paths to fill half the lanes, laws
/// that stand still and no event that watches the state.
pub(super) fn in_lanes(chemistry: &Chemistry, course: &Course) -> bool {
    let work = chemistry.laws.len() + OF_AN_OPERATION * chemistry.tape.operations();
    let narrow = (0..chemistry.changes.len()).all(|r| chemistry.changes.row(r).len() <= WIDEST);
    chemistry.timing == Timing::Constant
        && !course.events.watch()
        && narrow
        && work <= MOST_IN_LANES
        && 2 * course.run.paths >= LANES
}

struct Pilot {
    tally: Tally,
    /// Propensities that the direct method would have computed.
    touched: u64,
}

/// The first reactions of the first path, as far as they go: what is refused is met again by the run itself. Events do not fire.
fn pilot(chemistry: &Chemistry, course: &Course) -> Pilot {
    let limits = Limits { model: course.model, most_events: PILOT };
    let mut sampler = Rejection::<Groups>::new(chemistry, limits, course.run.key);
    let (mut x, draw) = course.start(0);
    let mut done = Pilot { tally: Tally::default(), touched: 0 };
    let (mut now, stop) = (course.run.t0, course.stops.last().map_or(course.run.t0, |s| s.time));
    sampler.begin(0, draw);
    if sampler.set(&x, now).is_err() {
        return done;
    }
    while now < stop && done.tally.events < PILOT {
        let before = x.clone();
        let Ok(time) = sampler.advance(&mut x, Span { now, stop, watched: true }, &mut done.tally) else { break };
        now = time;
        for s in (0..x.len()).filter(|s| x[*s] != before[*s]) {
            done.touched += (chemistry.readers.row(s).len() + chemistry.taped_readers.row(s).len()) as u64;
        }
    }
    done
}
