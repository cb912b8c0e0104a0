//! The same three networks in rebop's compiled macro and its run-time interface.

use rebop::define_system;
use rebop::gillespie::{Gillespie, Rate};

define_system! {
    alphaA alphaAa alphaR alphaRa betaA betaR deltaMA deltaMR deltaA deltaR gammaA gammaR gammaC thetaA thetaR;
    Vilar { DA, DAa, DR, DRa, MA, MR, A, R, C }
    bind_a      : A + DA => DAa      @ gammaA
    release_a   : DAa    => A + DA   @ thetaA
    bind_r      : A + DR => DRa      @ gammaR
    release_r   : DRa    => A + DR   @ thetaR
    basal_a     : DA     => DA + MA  @ alphaA
    induced_a   : DAa    => DAa + MA @ alphaAa
    basal_r     : DR     => DR + MR  @ alphaR
    induced_r   : DRa    => DRa + MR @ alphaRa
    translate_a : MA     => MA + A   @ betaA
    translate_r : MR     => MR + R   @ betaR
    complex     : A + R  => C        @ gammaC
    free        : C      => R        @ deltaA
    decay_a     : A      =>          @ deltaA
    decay_r     : R      =>          @ deltaR
    decay_ma    : MA     =>          @ deltaMA
    decay_mr    : MR     =>          @ deltaMR
}

define_system! {
    beta gamma;
    Sir { S, I, R }
    infection : S + I => 2 I @ beta
    recovery  : I     => R   @ gamma
}

define_system! {
    kon koff kaon kaoff kap kadp;
    Multistate { s1, s2, s3, s4, s5, s6, s7, s8, s9 }
    r1  : s1 + s2 => s4      @ kon
    r2  : s1 + s3 => s5      @ kaon
    r3  : s2 + s5 => s6      @ kon
    r4  : s4      => s1 + s2 @ koff
    r5  : s3 + s4 => s6      @ kaon
    r6  : s5      => s1 + s3 @ kaoff
    r7  : s6      => s2 + s5 @ koff
    r8  : s6      => s3 + s4 @ kaoff
    r9  : s6      => s7      @ kap
    r10 : s7      => s2 + s8 @ koff
    r11 : s7      => s4 + s9 @ kaoff
    r12 : s7      => s6      @ kadp
    r13 : s2 + s8 => s7      @ kon
    r14 : s1 + s9 => s8      @ kaon
    r15 : s4 + s9 => s7      @ kaon
    r16 : s8      => s1 + s9 @ kaoff
    r17 : s8      => s5      @ kadp
    r18 : s9      => s3      @ kadp
}

pub fn vilar_macro(seed: u64, until: f64) {
    let mut net =
        Vilar::with_parameters(50.0, 500.0, 0.01, 50.0, 50.0, 5.0, 10.0, 0.5, 1.0, 0.2, 1.0, 1.0, 2.0, 50.0, 100.0);
    net.seed(seed);
    (net.DA, net.DR) = (1, 1);
    net.advance_until(until);
    std::hint::black_box(&net);
}

pub fn sir_macro(seed: u64, until: f64) {
    let mut net = Sir::with_parameters(1e-4, 0.01);
    net.seed(seed);
    (net.S, net.I) = (999, 1);
    net.advance_until(until);
    std::hint::black_box(&net);
}

pub fn multistate_macro(seed: u64, until: f64) {
    let mut net = Multistate::with_parameters(0.01, 0.1, 0.01, 0.1, 0.01, 0.1);
    net.seed(seed);
    (net.s1, net.s2, net.s3) = (5360, 1160, 5360);
    net.advance_until(until);
    std::hint::black_box(&net);
}

/// What the run-time interface is given: rate, reactants, products, by index of species.
pub struct Listed {
    pub start: Vec<isize>,
    pub reactions: Vec<(f64, Vec<usize>, Vec<usize>)>,
}

/// The network in rebop's run-time interface; `sparse` is its choice of layout, of which the faster is reported.
pub fn run_time(listed: &Listed, sparse: bool, seed: u64, until: f64) {
    let mut net = Gillespie::new_with_seed(&listed.start, sparse, seed);
    for (rate, reactants, products) in &listed.reactions {
        let (mut needs, mut change) = (vec![0u32; listed.start.len()], vec![0isize; listed.start.len()]);
        reactants.iter().for_each(|s| (needs[*s], change[*s]) = (needs[*s] + 1, change[*s] - 1));
        products.iter().for_each(|s| change[*s] += 1);
        net.add_reaction(Rate::lma(*rate, needs), change);
    }
    net.advance_until(until);
    std::hint::black_box(&net);
}
