//! Just enough of BioNetGen's `.net` for the benchmark networks: parameters, species, mass-action reactions.

use super::peers::Listed;
use kramers::expr::{Id, Pool};
use kramers::models::{Model, built_in};
use kramers::process::{Counting, Frame, Initial, Network, Process, Reaction, Species, symbol};
use std::collections::HashMap;

/// The network of a `.net` file as a model without parameters.
pub fn network(text: &str) -> Model {
    let rows = |block: &str| -> Vec<Vec<&str>> {
        let (begin, end) = (format!("begin {block}"), format!("end {block}"));
        let inside = text.lines().skip_while(|l| *l != begin).skip(1).take_while(|l| *l != end);
        inside.map(|l| l.split('#').next().unwrap_or("").split_whitespace().collect()).collect()
    };
    // Every expression by our own language, parameters as definitions; equal texts are read once.
    let mut words = Pool::new(Vec::<String>::new());
    let mut known: HashMap<String, f64> = HashMap::new();
    for row in rows("parameters") {
        let id = words.parse(row[2], "a parameter").expect("an expression");
        words.define(row[1], id);
    }
    let mut value = |text: &str| -> f64 {
        if let Some(value) = known.get(text) {
            return *value;
        }
        let id = words.parse(text, "a rate").expect("an expression");
        *known.entry(text.to_string()).or_insert(words.eval(id, &[]))
    };
    let listed = rows("species");
    let names: Vec<String> = (1..=listed.len()).map(|i| format!("s{i}")).collect();
    let mut frame = Frame::new(names.iter().map(String::as_str), []);
    let species = names.iter().zip(&listed).map(|(name, row)| Species {
        name: name.clone(),
        unit: "molecules".to_string(),
        initial: Initial::Value(frame.pool.number(value(row[2]))),
    });
    let species: Vec<Species> = species.collect();
    let side = |text: &str| -> Vec<(usize, u32)> {
        let mut side: Vec<(usize, u32)> = Vec::new();
        for s in text.split(',').map(|s| s.parse::<usize>().expect(s)).filter(|s| *s > 0) {
            match side.iter_mut().find(|(k, _)| *k == s - 1) {
                Some((_, n)) => *n += 1,
                None => side.push((s - 1, 1)),
            }
        }
        side
    };
    let mut reactions = Vec::new();
    for row in rows("reactions") {
        let (reactants, products) = (side(row[1]), side(row[2]));
        let rate = frame.pool.number(value(row[3]));
        let mut propensity: Id = rate;
        for (s, count) in &reactants {
            let n = frame.pool.symbol_at(symbol::STATE + s);
            for j in 0..*count {
                let j = frame.pool.number(f64::from(j));
                let left = frame.pool.sub(n, j);
                propensity = frame.pool.mul(propensity, left);
            }
        }
        let (name, equation) = (format!("reaction {}", row[0]), format!("{} -> {}", row[1], row[2]));
        reactions.push(Reaction {
            name,
            equation,
            reactants,
            products,
            rate: Some(rate),
            propensity,
            macroscopic: propensity,
        });
    }
    let volume = frame.pool.number(1.0);
    // The file's rates have the factors of repeated reactants in them.
    let counting = Counting::Ordered;
    let network =
        Network { frame, species, reactions, counting, volume, events: vec![], rules: vec![], breaks: vec![] };
    let like = built_in("dimerisation").expect("built in");
    Model { id: "net".to_string(), params: vec![], process: Process::Network(network), observe: vec![], ..like }
}

/// The same network as lists, for interfaces that take lists.
pub fn listed(model: &Model) -> Listed {
    let Process::Network(network) = &model.process else { panic!("no network") };
    let theta = model.default_params().values;
    let side = |side: &[(usize, u32)]| side.iter().flat_map(|(s, n)| vec![*s; *n as usize]).collect();
    let reactions = network.reactions.iter();
    Listed {
        start: model.default_start(&theta).expect("numbers").iter().map(|x| *x as isize).collect(),
        reactions: reactions
            .map(|r| {
                (network.frame.at(r.rate.expect("mass action"), &theta, 0.0), side(&r.reactants), side(&r.products))
            })
            .collect(),
    }
}
