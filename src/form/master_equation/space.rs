//! States of a network that are in play, in one order, with their probabilities; and the reactions between them.

use super::super::counts::{self, Events};
use crate::base::{Error, Result};
use crate::expr::{Scratch, Tape};
use crate::models::Model;
use crate::process::{Network, symbol};
use std::collections::HashSet;

/// A network at one parameter value, over many states at once.
pub(super) struct Reactions<'a> {
    pub model: &'a Model,
    pub network: &'a Network,
    /// Species in the order in which states are sorted: those with few values first, so that neighbours stand together.
    pub order: Vec<usize>,
    /// `[reaction][position]`
    pub changes: Vec<Vec<i64>>,
    pub events: Events<'a>,
    tape: Tape,
    symbols: Vec<f64>,
    scratch: Scratch,
}

impl<'a> Reactions<'a> {
    pub fn new(model: &'a Model, network: &'a Network, theta: &[f64], start: &[f64]) -> Reactions<'a> {
        let frame = &network.frame;
        let mut bounds = vec![f64::INFINITY; network.species.len()];
        for law in network.conservation_laws().iter().filter(|l| l.is_non_negative()) {
            for (s, w) in &law.weights {
                bounds[*s] = bounds[*s].min(law.total(start) / *w as f64);
            }
        }
        let mut order: Vec<usize> = (0..network.species.len()).collect();
        order.sort_by(|a, b| bounds[*a].total_cmp(&bounds[*b]));
        let mut changes = vec![vec![0; order.len()]; network.reactions.len()];
        for (r, reaction) in network.reactions.iter().enumerate() {
            for (s, n) in reaction.change() {
                let position = order.iter().position(|o| *o == s).unwrap_or_default();
                changes[r][position] = n;
            }
        }
        let lanes: Vec<usize> = order.iter().map(|s| frame.variable(*s)).collect();
        let propensities: Vec<_> = network.reactions.iter().map(|r| r.propensity).collect();
        Reactions {
            order,
            changes,
            events: Events::new(model, network, theta),
            tape: Tape::compile(&frame.pool, &propensities, &lanes),
            symbols: frame.symbols(theta, 0.0),
            scratch: Scratch::default(),
            model,
            network,
        }
    }

    pub fn n(&self) -> usize {
        self.order.len()
    }

    /// `[reaction][state]` of `states`, one after another.
    ///
    /// # Errors
    /// [`Error::NonFiniteCoefficient`] where a propensity is negative or no number.
    pub fn rates(&mut self, states: &[i64], time: f64) -> Result<Vec<Vec<f64>>> {
        let n = self.n();
        let columns: Vec<Vec<f64>> =
            (0..n).map(|i| states.iter().skip(i).step_by(n).map(|x| *x as f64).collect()).collect();
        let rates = self.rates_of(&columns, time);
        let bad = rates.iter().find_map(|row| row.iter().position(|a| !(*a >= 0.0 && *a < f64::INFINITY)));
        if let Some(i) = bad {
            let a: Vec<f64> = rates.iter().map(|row| row[i]).collect();
            let x = self.in_file_order(&states[i * n..(i + 1) * n]);
            counts::check_propensities(self.model, self.network, &a, &x, time)?;
        }
        Ok(rates)
    }

    /// `[reaction][state]` of states by columns, `[position][state]`, whatever the expressions give.
    pub fn rates_of(&mut self, columns: &[Vec<f64>], time: f64) -> Vec<Vec<f64>> {
        let inputs: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let mut rates = vec![vec![0.0; columns.first().map_or(0, Vec::len)]; self.changes.len()];
        let mut out: Vec<&mut [f64]> = rates.iter_mut().map(Vec::as_mut_slice).collect();
        self.symbols[symbol::TIME] = time;
        self.tape.run(&self.symbols, &inputs, &mut out, &mut self.scratch);
        rates
    }

    /// A sorted state's counts in the order of the file.
    pub fn in_file_order(&self, state: &[i64]) -> Vec<f64> {
        let mut x = vec![0.0; state.len()];
        for (position, s) in self.order.iter().enumerate() {
            x[*s] = state[position] as f64;
        }
        x
    }

    pub fn sorted(&self, x: &[f64]) -> Vec<i64> {
        self.order.iter().map(|s| x[*s] as i64).collect()
    }

    /// Where a reaction leads, after the events it sets off.
    ///
    /// # Errors
    /// [`Error::ModelInvalid`] below zero, and the events' own.
    pub fn target(&self, reaction: usize, state: &[i64], time: f64) -> Result<Vec<i64>> {
        let next: Vec<i64> = state.iter().zip(&self.changes[reaction]).map(|(x, n)| x + n).collect();
        if next.iter().any(|x| *x < 0) {
            return Err(self.below_zero(reaction, state, time));
        }
        if !self.events.watch() {
            return Ok(next);
        }
        let mut held = self.events.hold(&self.in_file_order(state), time);
        let mut x = self.in_file_order(&next);
        match self.events.settle(&mut x, &mut held, time)? {
            true => Ok(self.sorted(&x)),
            false => Ok(next),
        }
    }

    pub fn below_zero(&self, reaction: usize, state: &[i64], time: f64) -> Error {
        counts::below_zero(self.model, self.network, reaction, &self.in_file_order(state), time)
    }

    /// States that `seeds` lead to and `cloud` does not have, ring by ring, until there are `enough` or `rings`.
    ///
    /// # Errors
    /// Refused propensities.
    pub fn neighbours(
        &mut self,
        cloud: &Cloud,
        seeds: Vec<i64>,
        (rings, enough): (usize, usize),
        time: f64,
    ) -> Result<Vec<i64>> {
        let n = self.n();
        let mut frontier = seeds;
        let mut added: Vec<i64> = Vec::new();
        let mut seen: HashSet<Vec<i64>> = HashSet::new();
        for _ in 0..rings {
            let rates = self.rates(&frontier, time)?;
            let mut next: Vec<i64> = Vec::new();
            for (i, state) in frontier.chunks(n).enumerate() {
                for r in (0..self.changes.len()).filter(|r| rates[*r][i] > 0.0) {
                    let target = self.target(r, state, time)?;
                    if cloud.find(&target).is_none() && seen.insert(target.clone()) {
                        next.extend(target);
                    }
                }
            }
            added.extend_from_slice(&next);
            if next.is_empty() || added.len() / n >= enough {
                break;
            }
            frontier = next;
        }
        Ok(added)
    }
}

/// States in lexicographic order and their probabilities.
#[derive(Debug, Clone)]
pub(super) struct Cloud {
    n: usize,
    /// One after another.
    pub states: Vec<i64>,
    pub p: Vec<f64>,
    /// `[parameter][state]`: slopes of the probabilities, of no parameter unless they are asked for.
    pub slopes: Vec<Vec<f64>>,
}

impl Cloud {
    /// Sorted; probabilities of equal states are added up.
    pub fn new(n: usize, states: &[i64], p: &[f64]) -> Cloud {
        Cloud::with_slopes(n, states, p, &[])
    }

    /// As [`Cloud::new`], slopes likewise.
    pub fn with_slopes(n: usize, states: &[i64], p: &[f64], slopes: &[Vec<f64>]) -> Cloud {
        let state = |i: usize| &states[i * n..(i + 1) * n];
        let mut rank: Vec<usize> = (0..p.len()).collect();
        rank.sort_by(|a, b| state(*a).cmp(state(*b)));
        let (all, none) = (Vec::with_capacity(states.len()), vec![Vec::new(); slopes.len()]);
        let mut cloud = Cloud { n, states: all, p: Vec::with_capacity(p.len()), slopes: none };
        for i in rank {
            let same = cloud.states.len() >= n && cloud.states[cloud.states.len() - n..] == *state(i);
            if !same {
                cloud.states.extend_from_slice(state(i));
                cloud.p.push(0.0);
                cloud.slopes.iter_mut().for_each(|column| column.push(0.0));
            }
            let last = cloud.p.len() - 1;
            cloud.p[last] += p[i];
            cloud.slopes.iter_mut().zip(slopes).for_each(|(column, slope)| column[last] += slope[i]);
        }
        cloud
    }

    pub fn len(&self) -> usize {
        self.p.len()
    }

    pub fn state(&self, i: usize) -> &[i64] {
        &self.states[i * self.n..(i + 1) * self.n]
    }

    pub fn find(&self, state: &[i64]) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            match self.state(middle).cmp(state) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// States at even quantiles of the law, in their order.
    pub fn drawn(&self, n: usize) -> Vec<Vec<i64>> {
        let (mass, mut below, mut drawn) = (self.p.iter().sum::<f64>(), 0.0, Vec::with_capacity(n));
        for (i, p) in self.p.iter().enumerate() {
            below += p;
            while drawn.len() < n && below * n as f64 > (drawn.len() as f64 + 0.5) * mass {
                drawn.push(self.state(i).to_vec());
            }
        }
        drawn
    }

    /// With these states too, at probability zero.
    pub fn joined(&self, states: &[i64]) -> Cloud {
        let all = [self.states.as_slice(), states].concat();
        let longer = |column: &Vec<f64>| {
            let mut column = column.clone();
            column.resize(all.len() / self.n, 0.0);
            column
        };
        let slopes: Vec<Vec<f64>> = self.slopes.iter().map(longer).collect();
        Cloud::with_slopes(self.n, &all, &longer(&self.p), &slopes)
    }

    /// Only the states whose probability is at least `least`.
    pub fn pruned(&self, least: f64) -> Cloud {
        self.kept(&|i| self.p[i] >= least)
    }

    /// Only the states that are to be kept.
    pub fn kept(&self, keep: &dyn Fn(usize) -> bool) -> Cloud {
        let places: Vec<usize> = (0..self.len()).filter(|i| keep(*i)).collect();
        let column = |all: &Vec<f64>| places.iter().map(|i| all[*i]).collect::<Vec<f64>>();
        Cloud {
            n: self.n,
            states: places.iter().flat_map(|i| self.state(*i)).copied().collect(),
            p: column(&self.p),
            slopes: self.slopes.iter().map(column).collect(),
        }
    }
}
