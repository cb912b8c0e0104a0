//! Networks of `.net` files, and any network as the lists that the peer's run-time interface takes.

use super::peers::Listed;
use kramers::models::{Model, read};
use kramers::process::Process;

/// The network of a `.net` file.
pub fn network(text: &str) -> Model {
    read("peer.net", text).expect("a network")
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
