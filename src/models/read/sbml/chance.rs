//! Random numbers in formulas: the symbols of the package distrib (Level 3 distrib Version 1, section 3.4), and functions that an
//! annotation says draw from a law.

use super::document::{Xml, elements};
use super::quantities::Member;
use super::{Sbml, When};
use crate::base::Result;
use crate::expr::{Id, Unary};
use crate::process::{Amount, Distribution, Draw, Family};

/// A law as distrib writes it; its arguments differ from those of [`Family`] in some.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Random {
    Plain(Family),
    /// Shape and scale.
    Gamma,
    ChiSquare,
    Bernoulli,
    Cauchy,
    Laplace,
    Rayleigh,
}

impl Random {
    /// By the last part of a symbol's address.
    pub fn named(name: &str) -> Option<Random> {
        Some(match name {
            "normal" => Random::Plain(Family::Normal),
            "uniform" => Random::Plain(Family::Uniform),
            "exponential" => Random::Plain(Family::Exponential),
            "poisson" => Random::Plain(Family::Poisson),
            "binomial" => Random::Plain(Family::Binomial),
            "lognormal" => Random::Plain(Family::LogNormal),
            "gamma" => Random::Gamma,
            "chisquare" => Random::ChiSquare,
            "bernoulli" => Random::Bernoulli,
            "cauchy" => Random::Cauchy,
            "laplace" => Random::Laplace,
            "rayleigh" => Random::Rayleigh,
            _ => return None,
        })
    }

    /// By the page that an annotation names.
    pub fn of_page(page: &str) -> Option<Random> {
        let name = page.to_lowercase();
        let name = name.split(['_', '(']).next().unwrap_or_default();
        Random::named(match name {
            "log-normal" => "lognormal",
            "chi-squared" | "chi-square" => "chisquare",
            "gamma" => return None,
            other => other,
        })
    }

    /// Most arguments without the ends of a truncated law, least arguments.
    fn arguments(self) -> (usize, usize) {
        match self {
            Random::Plain(family) => (family.arguments().len(), family.arguments().len()),
            Random::Gamma => (2, 2),
            Random::ChiSquare | Random::Bernoulli | Random::Rayleigh => (1, 1),
            Random::Cauchy | Random::Laplace => (2, 1),
        }
    }
}

impl<'a> Sbml<'a> {
    /// A random number of an event's assignment.
    pub(super) fn random(&mut self, random: Random, arguments: &[Id], at: Xml<'a>) -> Result<Id> {
        if self.draws.is_none() {
            let message =
                "a random number is read in event assignments, and as the whole of an initial assignment, only";
            return Err(self.wrong(at, message));
        }
        let (most, least) = random.arguments();
        let n = arguments.len();
        if n < least || n > most + 2 || n == most + 1 && most == least {
            let message = format!(
                "a random number of {n} arguments is not read here; this law has {most}, truncated {}",
                most + 2
            );
            return Err(self.wrong(at, message));
        }
        let between = if n == most + 2 { Some((arguments[most], arguments[most + 1])) } else { None };
        let own = &arguments[..n.min(most)];
        match random {
            Random::Cauchy | Random::Laplace | Random::Rayleigh => {
                if between.is_some() {
                    return Err(self.wrong(at, "this law is not read truncated"));
                }
                self.inverted(random, own, at)
            }
            _ => {
                let law = self.distribution(random, own);
                self.drawn(law, between, at)
            }
        }
    }

    /// In our arguments.
    fn distribution(&mut self, random: Random, arguments: &[Id]) -> Distribution {
        let pool = &mut self.frame.pool;
        let (family, arguments) = match random {
            Random::Gamma => {
                let one = pool.number(1.0);
                (Family::Gamma, vec![arguments[0], pool.div(one, arguments[1])])
            }
            Random::ChiSquare => {
                let half = pool.number(0.5);
                (Family::Gamma, vec![pool.scale(0.5, arguments[0]), half])
            }
            Random::Bernoulli => (Family::Binomial, vec![pool.number(1.0), arguments[0]]),
            Random::Plain(family) => (family, arguments.to_vec()),
            _ => (Family::Constant, vec![pool.number(f64::NAN)]),
        };
        Distribution { family, arguments }
    }

    fn drawn(&mut self, law: Distribution, between: Option<(Id, Id)>, at: Xml<'a>) -> Result<Id> {
        let event = self.event;
        let k = self.draws.as_ref().map_or(0, Vec::len) + 1;
        let symbol = self.frame.pool.add_symbol(&super::super::event::draw_symbol(event, &format!("ξ{k}")));
        let nested = |id: &Id| self.draws.iter().flatten().any(|d| self.frame.pool.depends_on(*id, d.symbol));
        if law.arguments.iter().any(nested) {
            return Err(self.wrong(at, "a random number with a random argument is not read"));
        }
        self.draws.get_or_insert_default().push(Draw { symbol, law, between });
        Ok(self.frame.pool.symbol_at(symbol))
    }

    /// Laws by the inverse of their distribution function at a uniform number.
    fn inverted(&mut self, random: Random, arguments: &[Id], at: Xml<'a>) -> Result<Id> {
        let (zero, one) = (self.frame.pool.number(0.0), self.frame.pool.number(1.0));
        let u = self.drawn(Distribution { family: Family::Uniform, arguments: vec![zero, one] }, None, at)?;
        let pool = &mut self.frame.pool;
        let half = pool.number(0.5);
        let centred = pool.sub(u, half);
        let (place, scale) = match arguments {
            [place, scale] => (*place, *scale),
            [scale] => (zero, *scale),
            _ => (zero, one),
        };
        let standard = match random {
            Random::Cauchy => {
                let angle = pool.scale(std::f64::consts::PI, centred);
                pool.unary(Unary::Tan, angle)
            }
            Random::Laplace => {
                // -sign(c) log(1 - 2 |c|)
                let size = pool.unary(Unary::Abs, centred);
                let twice = pool.scale(-2.0, size);
                let (log, sign) = (pool.unary(Unary::Log1p, twice), pool.unary(Unary::Sign, centred));
                let product = pool.mul(sign, log);
                pool.unary(Unary::Neg, product)
            }
            _ => {
                let log = pool.unary(Unary::Log, u);
                let square = pool.scale(-2.0, log);
                pool.unary(Unary::Sqrt, square)
            }
        };
        let spread = pool.mul(scale, standard);
        Ok(pool.add(place, spread))
    }

    /// The law of a start, where an initial assignment is a random number and nothing else.
    pub(super) fn law(&mut self, member: &Member<'a>, assignment: Xml<'a>) -> Result<Option<Distribution>> {
        let body = self.body(assignment)?;
        let mut parts = elements(body);
        let head = parts.next().filter(|h| body.tag_name().name() == "apply" && h.tag_name().name() == "csymbol");
        let Some((head, url)) = head.and_then(|h| Some((h, h.attribute("definitionURL")?))) else { return Ok(None) };
        let name = url.rsplit('/').next().unwrap_or_default();
        let Some(random) = Random::named(name).filter(|_| url.contains("/distrib/")) else { return Ok(None) };
        let scaled = match self.size_of(member.id) {
            Some(size) => {
                let size = self.resolve(size, When::Start, head)?;
                self.frame.pool.constant(size) != Some(1.0)
            }
            None => false,
        };
        let rest: Vec<Xml> = parts.collect();
        let fits = random.arguments() == (rest.len(), rest.len());
        if scaled || !fits || matches!(random, Random::Rayleigh) {
            let message = "this random start is not read: write an amount, of a law that is not truncated";
            return Err(self.wrong(head, message));
        }
        let mut arguments = Vec::new();
        for node in rest {
            arguments.push(self.formula(node, When::Start)?);
        }
        let law = self.distribution(random, &arguments);
        if member.amount == Amount::Count && !law.family.is_discrete() {
            let message = format!("'{}' counts molecules, but its start has a law of real numbers", member.id);
            return Err(self.wrong(head, message));
        }
        Ok(Some(law))
    }
}
