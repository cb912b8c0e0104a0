//! Networks written and read back are the same networks.

use super::{Model, built_in, built_in_ids, read, to_toml, write};
use crate::base::{Purpose, Seed};
use crate::expr::Id;
use crate::process::{Event, Initial, Network, Process};
use std::path::Path;

fn network(model: &Model) -> &Network {
    let Process::Network(network) = &model.process else { panic!("{} is no network", model.id) };
    network
}

/// Values of expressions in a state.
fn values(network: &Network, ids: &[Id], theta: &[f64], x: &[f64], time: f64) -> Vec<f64> {
    let mut symbols = network.frame.symbols(theta, time);
    let first = network.frame.variable(0);
    symbols[first..first + x.len()].copy_from_slice(x);
    network.frame.pool.eval_all(ids, &symbols).collect()
}

/// All expressions that have no random number in them.
fn expressions(network: &Network) -> Vec<Id> {
    let of_event = |e: &Event| {
        let laws = e.draws.iter().flat_map(|d| d.law.arguments.clone().into_iter().chain(d.between.map(|b| b.0)));
        let plain = e.after.iter().map(|a| a.1).filter(|_| e.draws.is_empty());
        [Some(e.when), e.at, e.delay, e.priority].into_iter().flatten().chain(laws).chain(plain).collect::<Vec<_>>()
    };
    let of_reactions = network.reactions.iter().flat_map(|r| [r.propensity, r.macroscopic]);
    let starts =
        network.species.iter().filter_map(|s| if let Initial::Value(id) = s.initial { Some(id) } else { None });
    let rest = network.rules.iter().map(|r| r.value).chain(network.rates.iter().map(|r| r.1)).chain(starts);
    of_reactions.chain(rest).chain(network.events.iter().flat_map(of_event)).chain([network.volume]).collect()
}

fn same(model: &Model) {
    let text = write(model).unwrap_or_else(|e| panic!("{}: {e}", model.id));
    let again = read("again.toml", &text).unwrap_or_else(|e| panic!("{}: {e}\n{text}", model.id));
    assert_eq!(
        (&again.id, &again.title, &again.tags, again.horizon),
        (&model.id, &model.title, &model.tags, model.horizon)
    );
    assert_eq!(again.params, model.params);
    let (a, b) = (network(model), network(&again));
    let kinds = |n: &Network| -> Vec<_> {
        n.species.iter().map(|s| (s.name.clone(), s.unit.clone(), s.meaning.clone(), s.amount)).collect()
    };
    assert_eq!((kinds(a), a.counting, a.breaks.len()), (kinds(b), b.counting, b.breaks.len()), "{}", model.id);
    let moves = |n: &Network| -> Vec<_> {
        n.reactions
            .iter()
            .map(|r| (r.name.clone(), r.reactants.clone(), r.products.clone(), r.rate.is_some()))
            .collect()
    };
    assert_eq!(moves(a), moves(b), "{}", model.id);
    let events = |n: &Network| -> Vec<_> {
        let members = |e: &Event| e.after.iter().map(|a| a.0).collect::<Vec<_>>();
        let laws = |e: &Event| e.draws.iter().map(|d| (d.law.family, d.between.is_some())).collect::<Vec<_>>();
        n.events.iter().map(|e| (e.name.clone(), e.initially, e.persistent, e.values, members(e), laws(e))).collect()
    };
    assert_eq!(events(a), events(b), "{}", model.id);
    let theta: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    let mut stream = Seed(1).key(Purpose::Simulation, 0, 0).stream(0);
    let (of_a, of_b) = (expressions(a), expressions(b));
    for _ in 0..5 {
        let x: Vec<f64> = a.species.iter().map(|_| (50.0 * stream.uniform()).floor()).collect();
        let time = 10.0 * stream.uniform();
        let (left, right) = (values(a, &of_a, &theta, &x, time), values(b, &of_b, &theta, &x, time));
        assert_eq!(left.len(), right.len());
        for (l, r) in left.iter().zip(&right) {
            assert!(l.to_bits() == r.to_bits() || l == r || l.is_nan() && r.is_nan(), "{}: {l} {r}", model.id);
        }
    }
    // Written again, it is the same text.
    assert_eq!(write(&again).expect("written"), text);
}

#[test]
fn every_built_in_network_reads_back_as_it_was() {
    let networks =
        built_in_ids().map(|id| built_in(id).expect(id)).filter(|m| matches!(m.process, Process::Network(_)));
    assert!(networks.inspect(same).count() > 10);
    let diffusion = built_in("ou").expect("ou");
    assert!(write(&diffusion).expect_err("refused").to_string().contains("networks are converted"));
}

#[test]
fn files_of_other_programs_are_converted_whole() {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let mut files: Vec<String> = ["multistate", "multisite2", "egfr_net", "BCR", "fceri_gamma2"]
        .iter()
        .map(|n| format!("{shared}/networks/{n}_no_obs.net"))
        .chain(["multistate", "multisite2"].iter().map(|n| format!("{shared}/networks/{n}_no_obs.xml")))
        .collect();
    if let Ok(cases) = std::fs::read_dir(format!("{shared}/dsmts")) {
        let cases = cases.filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()));
        files.extend(cases.map(|c| format!("{shared}/dsmts/{c}/{c}-sbml-l3v1.xml")));
    }
    for file in files.iter().filter(|f| Path::new(f).is_file()) {
        let text = std::fs::read_to_string(file).expect("a text");
        same(&read(file, &text).unwrap_or_else(|e| panic!("{e}")));
    }
    if !Path::new(shared).is_dir() {
        println!("skipped: {shared} is not there");
    }
}

#[test]
fn everything_an_event_can_have_is_written() {
    let text = "schema = 1\nid = \"t\"\ntitle = \"a \\\"t\\\"\"\nkind = \"network\"\ncounting = \"ordered\"\nvolume = \"V\"\nbreaks = [\"2*V\"]\n\
        [params.V]\ndefault = 2\n[species.X]\ninitial = \"poisson(V)\"\n[species.\"Å\"]\nreal = true\nmeaning = \"a\\\\b\"\n[rate]\n\"Å\" = \"-Å\"\n\
        [[rule]]\nset = \"both\"\nto = \"X + Å\"\n[[reaction]]\nequation = \"2 X -> 0\"\nrate = \"V\"\n[[reaction]]\nequation = \"0 -> X\"\nlaw = \"if(t < V, both, 1)\"\n\
        [[event]]\nname = \"e\"\nwhen = \"both > 3 and t > 1\"\ndelay = \"V\"\npriority = -1\npersistent = true\ninitially = false\nvalues = \"trigger\"\n\
        draw.u = \"uniform(0, 1)\"\nafter.X = \"floor(u*u*4) + poisson(V, 1, 9) + gamma(3)\"\nafter.\"Å\" = \"normal(0, V) - u\"\n";
    same(&read("t.toml", text).unwrap_or_else(|e| panic!("{e}")));
    assert_eq!(to_toml("t.toml", text).expect("itself"), text);
}
