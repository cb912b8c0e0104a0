//! What the exact simulation and the master equation of a network share: where counts begin, when events fire, and what is
//! refused.

use crate::base::rng::Stream;
use crate::base::{Error, Result, math};
use crate::models::Model;
use crate::process::{Amount, Event, Family, Initial, Law, Network, ValuesFrom, symbol};

/// Largest count of one species; beyond it a float no longer holds every whole number.
const MOST: f64 = 9e15;
/// Events that set off others, one after another, before they are taken to go on for ever.
const LONGEST_CASCADE: usize = 1_000;

/// Where one species starts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin {
    At(f64),
    Drawn(Law),
    Stationary,
}

/// Where every species starts: `start` where it is given, else as the file says.
///
/// # Errors
/// [`Error::BadOption`] for what is no whole number, [`Error::ModelInvalid`] for laws that are not of counts.
pub(super) fn origins(model: &Model, network: &Network, theta: &[f64], start: &[f64]) -> Result<Vec<Origin>> {
    let symbols = network.frame.symbols(theta, 0.0);
    let invalid = |name: &str, what: &str| Error::ModelInvalid {
        file: model.file.clone(),
        message: format!("species.{name}.initial {what}"),
        hint: "counts start at a whole number, or a law of whole numbers: poisson(mean), binomial(n, p), constant(c)"
            .to_string(),
    };
    if !start.is_empty() && start.len() != network.species.len() {
        return Err(Error::BadOption {
            flag: "start".to_string(),
            value: format!("of {} numbers", start.len()),
            expected: format!("one for each of {} species", network.species.len()),
            hint: None,
        });
    }
    let each = |(i, species): (usize, &crate::process::Species)| {
        let whole = |name: &str, x: f64| match species.amount {
            Amount::Real if x.is_finite() => Ok(x),
            _ => whole(name, x),
        };
        if let Some(x) = start.get(i) {
            return whole(&species.name, *x).map(Origin::At);
        }
        match &species.initial {
            Initial::Value(id) => whole(&species.name, network.frame.pool.eval(*id, &symbols)).map(Origin::At),
            Initial::Stationary => Ok(Origin::Stationary),
            Initial::Law(law) => match law.at(&network.frame, &symbols) {
                None => Err(invalid(&species.name, "has arguments that make no law")),
                Some(law) if law.family() == Family::Constant => whole(&species.name, law.mean()).map(Origin::At),
                Some(law) if law.family().is_discrete() || species.amount == Amount::Real => Ok(Origin::Drawn(law)),
                Some(law) => {
                    Err(invalid(&species.name, &format!("is {}, which is no law of counts", law.family().name())))
                }
            },
        }
    };
    network.species.iter().enumerate().map(each).collect()
}

/// # Errors
/// [`Error::BadOption`] unless `x` is a whole number of molecules.
fn whole(name: &str, x: f64) -> Result<f64> {
    if is_count(x) {
        return Ok(x);
    }
    Err(Error::BadOption {
        flag: "the start of".to_string(),
        value: format!("{name} = {x}"),
        expected: "a count of molecules is a whole number, zero or more".to_string(),
        hint: Some(format!("--from {name}={}", x.round().max(0.0))),
    })
}

pub(super) fn is_count(x: f64) -> bool {
    (0.0..=MOST).contains(&x) && x.fract() == 0.0
}

/// Probabilities of a law of counts until 1e-17 is left, from the file's arguments.
pub(super) fn pmf(law: &Law) -> Vec<(f64, f64)> {
    let (mean, variance) = (law.mean(), law.variance());
    let at = |k: f64| match law.family() {
        Family::Poisson if mean == 0.0 => f64::from(u8::from(k == 0.0)),
        Family::Poisson => math::exp(k * math::ln(mean) - mean - math::ln_gamma(k + 1.0)),
        Family::Binomial => {
            // mean = n p and variance = n p (1 - p) give both back.
            let p = if mean > 0.0 { 1.0 - variance / mean } else { 0.0 };
            let n = if p > 0.0 { (mean / p).round() } else { 0.0 };
            if k > n {
                0.0
            } else if p >= 1.0 || n == 0.0 {
                f64::from(u8::from(k == n))
            } else {
                let ways = math::ln_gamma(n + 1.0) - math::ln_gamma(k + 1.0) - math::ln_gamma(n - k + 1.0);
                math::exp(ways + k * math::ln(p) + (n - k) * math::ln_1p(-p))
            }
        }
        _ => f64::from(u8::from(k == mean)),
    };
    // Nine standard deviations and the longer tail of small means.
    let reach = 9.0 * variance.sqrt() + 40.0;
    let (from, to) = ((mean - reach).floor().max(0.0), (mean + reach).ceil());
    let all = (0..=(to - from) as usize).map(|i| from + i as f64).map(|k| (k, at(k)));
    all.filter(|(_, m)| *m > 1e-17).collect()
}

/// A time at which a path is stopped.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stop {
    pub time: f64,
    /// Events that fire here, in the order of the file.
    pub fires: Vec<usize>,
    /// Whether propensities may jump here.
    pub breaks: bool,
    pub is_output: bool,
}

/// Output times, breaks and times of events from `t0` on, in order. An event at `t0` itself fires unless its condition is taken to
/// have held before.
///
/// # Errors
/// [`Error::Numerics`] where a time is not finite.
pub(super) fn stops(model: &Model, network: &Network, theta: &[f64], t0: f64, times: &[f64]) -> Result<Vec<Stop>> {
    let last = times.last().copied().unwrap_or(t0);
    let mut stops: Vec<Stop> = Vec::new();
    let mut at = |time: f64| -> Result<usize> {
        if !time.is_finite() {
            return Err(Error::Numerics {
                what: format!("the schedule of model '{}'", model.id),
                why: format!("the time of an event or break is {time}"),
                hint: "check the parameters its time hangs on".to_string(),
            });
        }
        Ok(stops.iter().position(|s| s.time == time).unwrap_or_else(|| {
            stops.push(Stop { time, fires: Vec::new(), breaks: false, is_output: false });
            stops.len() - 1
        }))
    };
    let (mut fires, mut breaks, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
    for (e, event) in network.events.iter().enumerate() {
        if let Some(id) = event.at {
            let time = network.frame.at(id, theta, t0);
            // Never, rather than an error, where the time is infinite.
            if time > t0 && time <= last || time == t0 && !event.initially || time.is_nan() {
                fires.push((at(time)?, e));
            }
        }
    }
    for id in &network.breaks {
        let time = network.frame.at(*id, theta, t0);
        if time > t0 && time < last || time.is_nan() {
            breaks.push(at(time)?);
        }
    }
    for time in times {
        outputs.push(at(*time)?);
    }
    fires.into_iter().for_each(|(k, e)| stops[k].fires.push(e));
    breaks.into_iter().for_each(|k| stops[k].breaks = true);
    outputs.into_iter().for_each(|k| stops[k].is_output = true);
    stops.sort_by(|a, b| a.time.total_cmp(&b.time));
    Ok(stops)
}

/// How propensities change with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timing {
    Constant,
    /// Only at the breaks: no slope in time anywhere.
    Stepwise,
    Smooth,
}

pub(super) fn timing(network: &Network) -> Timing {
    let moves = network.frame.pool.dependents(symbol::TIME);
    let timed: Vec<_> = network.reactions.iter().map(|r| r.propensity).filter(|id| moves[id.index()]).collect();
    if timed.is_empty() {
        return Timing::Constant;
    }
    let mut pool = network.frame.pool.clone();
    let flat = timed.into_iter().all(|id| {
        let slope = pool.derivative(id, symbol::TIME);
        pool.constant(slope) == Some(0.0)
    });
    if flat { Timing::Stepwise } else { Timing::Smooth }
}

/// Why events and members go beyond what [`Events`] follows, if so: counts alone, and assignments made at once, in the order of the
/// file, from the state they find.
pub(super) fn refused_events(network: &Network) -> Option<String> {
    if let Some(why) = network.beyond_counts() {
        return Some(why);
    }
    network.events.iter().enumerate().find_map(|(e, event)| {
        // One that waits for the state may meet any other, one with a time those of the same time.
        let meets = |other: &Event| match (event.at, other.at) {
            (Some(a), Some(b)) => match (network.frame.pool.constant(a), network.frame.pool.constant(b)) {
                (Some(a), Some(b)) => a == b,
                _ => true,
            },
            (Some(_), None) => false,
            _ => true,
        };
        let several = network.events.iter().enumerate().any(|(o, other)| o != e && meets(other));
        unfollowed(network, event, several).map(|what| format!("event {} {what}", called(network, e)))
    })
}

/// An event by its name, or its number in the file.
pub(super) fn called(network: &Network, e: usize) -> String {
    let name = &network.events[e].name;
    if name.is_empty() { format!("{}", e + 1) } else { format!("'{name}'") }
}

/// What of one event [`Events`] does not follow; `several`: others may fire at the same time.
fn unfollowed(network: &Network, event: &Event, several: bool) -> Option<&'static str> {
    let waits = event.at.is_none();
    let varies = event.after.iter().any(|(_, id)| network.frame.varies(*id));
    let what = match event {
        Event { delay: Some(_), .. } => "is delayed",
        Event { draws, .. } if !draws.is_empty() => "draws random numbers",
        _ if waits && network.frame.is_timed(event.when) => {
            "watches time and state together; write `t >= …` or a condition of the state"
        }
        _ if waits && !event.initially => "may happen at the start, where its condition holds",
        Event { priority: Some(_), .. } if several => "has a priority",
        Event { persistent: true, .. } if several && waits => "happens even where another has made its condition false",
        Event { values: ValuesFrom::Trigger, .. } if several && varies => {
            "computes its values before others that happen at the same time"
        }
        _ => return None,
    };
    Some(what)
}

/// Events of a network at one parameter value.
pub(super) struct Events<'a> {
    model: &'a Model,
    network: &'a Network,
    /// Events that watch the state.
    watching: Vec<usize>,
    symbols: Vec<f64>,
}

impl<'a> Events<'a> {
    pub fn new(model: &'a Model, network: &'a Network, theta: &[f64]) -> Events<'a> {
        let watching = (0..network.events.len()).filter(|e| network.events[*e].at.is_none()).collect();
        Events { model, network, watching, symbols: network.frame.symbols(theta, 0.0) }
    }

    /// Whether any event watches the state.
    pub fn watch(&self) -> bool {
        !self.watching.is_empty()
    }

    /// The state after event `e`, all its assignments made from the state before.
    ///
    /// # Errors
    /// [`Error::NonFiniteCoefficient`] where a new value is no count.
    pub fn fire(&self, e: usize, x: &[f64], time: f64) -> Result<Vec<f64>> {
        let symbols = self.symbols_at(x, time);
        let mut after = x.to_vec();
        for (species, id) in &self.network.events[e].after {
            let value = self.network.frame.pool.eval(*id, &symbols);
            after[*species] = assigned(self.model, self.network, e, (*species, value), x, time)?;
        }
        Ok(after)
    }

    /// Which watching events hold in a state.
    pub fn hold(&self, x: &[f64], time: f64) -> Vec<bool> {
        let symbols = self.symbols_at(x, time);
        let pool = &self.network.frame.pool;
        self.watching.iter().map(|e| pool.eval(self.network.events[*e].when, &symbols) != 0.0).collect()
    }

    /// Fire the watching events that came true in `x` and were not in `held`, in the order of the file, until none does; `held` is
    /// brought up to date. Whether any fired.
    ///
    /// # Errors
    /// Those of [`Events::fire`]; [`Error::Numerics`] where events set off one another without end.
    pub fn settle(&self, x: &mut Vec<f64>, held: &mut Vec<bool>, time: f64) -> Result<bool> {
        let mut any = false;
        for _ in 0..LONGEST_CASCADE {
            let now = self.hold(x, time);
            let came = now.iter().zip(held.iter()).position(|(now, before)| *now && !*before);
            let Some(k) = came else {
                *held = now;
                return Ok(any);
            };
            // Only what fires is marked: the others that came true have their turn, if they still hold.
            held.iter_mut().zip(&now).for_each(|(held, now)| *held = *held && *now);
            held[k] = true;
            *x = self.fire(self.watching[k], x, time)?;
            any = true;
        }
        Err(Error::Numerics {
            what: format!("the events of model '{}'", self.model.id),
            why: format!("they set off one another without end at {}", place(self.network, x, time)),
            hint: "let an event leave the state where its own condition is false, or write it as a reaction"
                .to_string(),
        })
    }

    fn symbols_at(&self, x: &[f64], time: f64) -> Vec<f64> {
        let mut symbols = self.symbols.clone();
        symbols[symbol::TIME] = time;
        symbols[symbol::STATE..symbol::STATE + x.len()].copy_from_slice(x);
        symbols
    }
}

/// What event `e` gives a member in state `x`: a count whole up to the round-off of its expression, a real number as it is.
///
/// # Errors
/// [`Error::NonFiniteCoefficient`] where a new value is no count, or no number.
pub(super) fn assigned(
    model: &Model,
    network: &Network,
    e: usize,
    (member, value): (usize, f64),
    x: &[f64],
    time: f64,
) -> Result<f64> {
    let species = &network.species[member];
    let rounded = value.round();
    let (what, good) = match species.amount {
        Amount::Count => ("count", is_count(rounded) && (value - rounded).abs() <= 1e-9 * (1.0 + rounded)),
        Amount::Real => ("value", value.is_finite()),
    };
    if good {
        return Ok(if species.amount == Amount::Count { rounded } else { value });
    }
    Err(Error::NonFiniteCoefficient {
        model: model.id.clone(),
        coefficient: format!("the {what} event {} gives {}", called(network, e), species.name),
        value,
        at: place(network, x, time),
    })
}

/// A state for a message: `S = 3, P = 2, t = 0.5`, the first dozen species.
pub(super) fn place(network: &Network, x: &[f64], time: f64) -> String {
    let mut parts: Vec<String> =
        network.species.iter().zip(x).take(12).map(|(s, x)| format!("{} = {x}", s.name)).collect();
    if network.species.len() > 12 {
        parts.push("…".to_string());
    }
    parts.push(format!("t = {time}"));
    parts.join(", ")
}

/// # Errors
/// [`Error::NonFiniteCoefficient`] naming the first reaction whose propensity is negative or no number.
pub(super) fn check_propensities(model: &Model, network: &Network, a: &[f64], x: &[f64], time: f64) -> Result<()> {
    match a.iter().position(|a| !(*a >= 0.0 && a.is_finite())) {
        None => Ok(()),
        Some(r) => Err(Error::NonFiniteCoefficient {
            model: model.id.clone(),
            coefficient: format!("the propensity of '{}'", network.reactions[r].name),
            value: a[r],
            at: place(network, x, time),
        }),
    }
}

/// The refusal of a reaction that would leave fewer molecules than none.
pub(super) fn below_zero(model: &Model, network: &Network, reaction: usize, x: &[f64], time: f64) -> Error {
    let name = &network.reactions[reaction].name;
    Error::ModelInvalid {
        file: model.file.clone(),
        message: format!("reaction '{name}' happens with fewer molecules than it uses, at {}", place(network, x, time)),
        hint: format!("let the law of '{name}' be zero where its reactants are too few"),
    }
}

/// One draw of every species' start but the stationary ones.
pub(super) fn draw(origins: &[Origin], stream: &mut Stream) -> Vec<f64> {
    let one = |origin: &Origin| match origin {
        Origin::At(x) => *x,
        Origin::Drawn(law) => law.sample(stream),
        Origin::Stationary => 0.0,
    };
    origins.iter().map(one).collect()
}
