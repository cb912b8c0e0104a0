//! `.net` files: what is made of them, what is refused, and how long it takes.

use super::read;
use crate::base::Error;
use crate::models::Model;
use crate::process::{Initial, Network, Process};
use std::time::Instant;

fn network(model: &Model) -> &Network {
    let Process::Network(network) = &model.process else { panic!("{} is no network", model.id) };
    network
}

const SMALL: &str = "# Created by hand\nbegin parameters\n 1 k 2.5 # Constant\n 2 t 0.5\n 3 kt 2*t*k # ConstantExpression\n 4 neg -1\nend parameters\n\
    begin functions\n 1 f() kt*(1 + Atot)/(1 + time())\nend functions\n\
    begin species\n 1 A(b~U,c!1) 10*t\n 2 $B() 3\n 3 A(b~U,c!1).A(b~U,c!1).A(b~U,c!1) 0\nend species\n\
    begin reactions\n 1 1,1 3 0.5*k #symmetric\n 2 1,2 2 k\n 3 3 0 f()\n 4 0 1,1,2 kt\nend reactions\n\
    begin groups\n 1 Atot 1,3*3\nend groups\n";

#[test]
fn a_small_file_means_what_bionetgen_means() -> Result<(), Error> {
    let model = read("small.net", SMALL)?;
    let network = network(&model);
    let names: Vec<&str> = network.species.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["A_bU_c1", "B", "S3"]);
    assert_eq!(network.species[0].meaning, "A(b~U,c!1)");
    let params: Vec<(&str, f64, f64)> = model.params.iter().map(|p| (p.name.as_str(), p.default, p.lower)).collect();
    assert_eq!(params, [("k", 2.5, 0.0), ("t_", 0.5, 0.0), ("neg", -1.0, f64::NEG_INFINITY)]);
    let theta = [2.5, 0.5, -1.0];
    let mut symbols = network.frame.symbols(&theta, 3.0);
    let Initial::Value(start) = network.species[0].initial else { panic!("a number") };
    assert_eq!(network.frame.pool.eval(start, &symbols), 5.0);
    symbols[2..5].copy_from_slice(&[7.0, 3.0, 2.0]);
    let at: Vec<f64> = network.reactions.iter().map(|r| network.frame.pool.eval(r.propensity, &symbols)).collect();
    // 0.5 k n (n-1); k n B; f() of Atot = 7 + 6 and t = 3, times S3; kt.
    assert_eq!(at, [0.5 * 2.5 * 7.0 * 6.0, 2.5 * 7.0 * 3.0, 2.5 * (1.0 + 13.0) / 4.0 * 2.0, 2.5]);
    let changes: Vec<Vec<(usize, i64)>> = network.reactions.iter().map(|r| r.change()).collect();
    // B is held fixed.
    assert_eq!(changes, [vec![(0, -2), (2, 1)], vec![(0, -1)], vec![(2, -1)], vec![(0, 2)]]);
    assert_eq!(network.reactions[0].equation, "2 A_bU_c1 -> S3");
    assert!(network.reactions[2].rate.is_none() && network.reactions[0].rate.is_some());
    Ok(())
}

#[test]
fn a_file_in_which_nothing_happens_is_refused() {
    for text in ["begin parameters\n1 k 1\nend parameters\n", "begin species\n1 A() 1\nend species\n"] {
        let refused = read("small.net", text);
        assert!(
            matches!(&refused, Err(Error::ModelSyntax { message, .. }) if message.contains("nothing happens")),
            "{refused:?}"
        );
    }
}

#[test]
fn what_is_not_read_is_refused_by_name_and_line() {
    for (from, to, line, says) in [
        ("k #symmetric", "k extra #", 17, "operator is missing"),
        (" 2 1,2 2 k", " 2 1,2 2 Sat k t", 18, "'Sat' of BioNetGen is not read"),
        (" 2 1,2 2 k", " 2 1,2 2 MM k t", 18, "'MM' of BioNetGen is not read"),
        (" 2 1,2 2 k", " 2 1,9 2 k", 18, "no species '9'"),
        (" 2 1,2 2 k", " 2 1,2 2", 18, "number reactants products rate"),
        (" 2 1,2 2 k", " 2 1,2 2 q", 18, "unknown name 'q'"),
        ("2*t*k", "log(k)", 5, "'log' of BioNetGen is not read"),
        ("f() kt", "f(x) kt", 9, "has arguments"),
        ("begin groups", "begin compartments", 23, "'compartments' of a .net file is not read"),
        ("end groups\n", "", 24, "never closed"),
        (" 2 $B() 3", " 5 $B() 3", 13, "numbered from 1"),
        (" 2 t 0.5", " 2 k 0.5", 4, "two parameters called 'k'"),
        ("# Created by hand", "substanceUnits(\"Concentration\")", 1, "stands outside every block"),
    ] {
        let text = SMALL.replacen(from, to, 1);
        match read("small.net", &text) {
            Err(Error::ModelSyntax { line: at, message, .. } | Error::Expression { line: at, message, .. }) => {
                assert!(message.contains(says) && at == line, "{to}: {at}: {message}");
            }
            other => panic!("{to}: {other:?}"),
        }
    }
}

#[test]
fn published_networks_are_read_in_time() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/networks");
    for (file, species, reactions) in [
        ("multistate", 9, 18),
        ("multisite2", 66, 288),
        ("egfr_net", 356, 3_749),
        ("BCR", 1_122, 24_388),
        ("fceri_gamma2", 3_744, 58_276),
    ] {
        let path = format!("{folder}/{file}_no_obs.net");
        let Ok(text) = std::fs::read_to_string(&path) else {
            println!("skipped: {path} is not there");
            continue;
        };
        let begin = Instant::now();
        let model = read(&path, &text).unwrap_or_else(|e| panic!("{e}"));
        let seconds = begin.elapsed().as_secs_f64();
        println!("{file}: {seconds:.3} s, {} nodes", network(&model).frame.pool.len());
        assert_eq!((network(&model).species.len(), network(&model).reactions.len()), (species, reactions), "{file}");
        // Two seconds is what release takes at most; the profile of daily work is slower.
        assert!(seconds < 10.0, "{file}: {seconds}");
    }
}
