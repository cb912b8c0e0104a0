//! What payoffs are worth.

use super::table::{Table, text};
use kramers::base::{Purpose, Seed};
use kramers::form::value::{Method, value, value_by};
use kramers::form::{Accuracy, Form};
use kramers::models::Model;

/// A payoff on a process of its own.
fn payoff(process: &str, payoff: &str, discount: &str, expiry: f64, more: &str) -> Model {
    text(&format!(
        "schema = 1\nid = \"worth\"\ntitle = \"w\"\nkind = \"value\"\nsource = \"t\"\ntags = []\npayoff = \"{payoff}\"\ndiscount = \"{discount}\"\n\
         expiry = \"{expiry}\"\n{process}\n{more}"
    ))
}

const GBM: &str = "[process.state.x]\nunit = \"1\"\ndomain = [0.0, inf]\n[process.dynamics]\ndrift.x = \"0.05*x\"\ndiffusion.x = \"0.2*x\"\n";

/// A value by every form, grids to `relative`, paths to four standard errors and what is left of their steps.
fn add_value(table: &mut Table, problem: &str, quantity: &str, model: &Model, start: &[f64], relative: f64, eps: f64) {
    let key = Seed(2).key(Purpose::Simulation, 0, 0);
    let accuracy = Accuracy { cells: 1000, ..Accuracy::default() };
    for form in [Form::Exact, Form::FokkerPlanck, Form::Schroedinger, Form::MasterEquation] {
        if form.why_not(model).is_some() {
            continue;
        }
        match value(model, form, &[], start, accuracy, key) {
            Ok(found) => {
                let (relative, why) =
                    if form == Form::Exact { (1e-9, "closed or inverted") } else { (relative, "grid") };
                table.add(problem, quantity, form.name(), found.value, relative, why);
            }
            Err(refusal) => eprintln!("{problem} {quantity} by {}: {refusal}", form.name()),
        }
    }
    for method in Method::ALL {
        // Plain paths where nothing better applies: jumps.
        let is_plain = method == Method::Plain;
        if is_plain != (problem == "merton_jump") || !table.is_thorough && method != Method::Multilevel {
            continue;
        }
        let accuracy = Accuracy { goal: Some(eps), ..Accuracy::default() };
        match value_by(model, method, &[], start, accuracy, key) {
            Ok(found) => {
                let form = format!("monte-carlo, {}", method.name());
                let allowed = 4.0 * found.error.max(eps);
                table.add_absolute(problem, quantity, &form, found.value, allowed, "4 s.e.");
            }
            Err(refusal) => eprintln!("{problem} {quantity} by {}: {refusal}", method.name()),
        }
    }
}

pub fn add(table: &mut Table) {
    let call = payoff(GBM, "max(x - 105, 0)", "0.05", 1.0, "");
    add_value(table, "gbm", "call_price(K=105,r=mu)", &call, &[100.0], 1e-5, 2e-2);
    let asian = text(&format!(
        "schema = 1\nid = \"asian\"\ntitle = \"w\"\nkind = \"value\"\nsource = \"t\"\ntags = []\npayoff = \"max(average - 100, 0)\"\n\
         average = \"geometric\"\nfixings = 12\ndiscount = \"0.05\"\nexpiry = \"1\"\n{GBM}"
    ));
    add_value(table, "gbm", "geometric_asian_call(K=100,12 monthly fixings,r=mu)", &asian, &[100.0], 1e-5, 2e-2);
    let out = payoff(GBM, "max(x - 100, 0)", "0.05", 1.0, "[barrier]\nkind = \"down-and-out\"\nlevel = \"90\"\n");
    add_value(table, "gbm", "down_and_out_call(K=100,H=90,r=mu)", &out, &[100.0], 1e-5, 2e-2);
    let cev = "[process.state.x]\nunit = \"1\"\ndomain = [0.0, inf]\n[process.dynamics]\ndrift.x = \"0.05*x\"\ndiffusion.x = \"sqrt(2)*sqrt(x)\"\n";
    add_value(table, "cev", "call", &payoff(cev, "max(x - 100, 0)", "0.05", 1.0, ""), &[100.0], 1e-5, 2e-2);
    let cir = "[process.state.x]\nunit = \"1\"\ndomain = [0.0, inf]\n[process.dynamics]\ndrift.x = \"1.2*(0.06 - x)\"\ndiffusion.x = \"0.25*sqrt(x)\"\n";
    add_value(table, "cir_feller", "zero_coupon_bond(T=5)", &payoff(cir, "1", "x", 5.0, ""), &[0.04], 1e-6, 1e-4);
    let vasicek = "[process.state.x]\nunit = \"1\"\ndomain = [-inf, inf]\n[process.dynamics]\ndrift.x = \"0.6*(0.05 - x)\"\ndiffusion.x = \"0.02\"\n";
    add_value(table, "vasicek_bond", "P(0,5)", &payoff(vasicek, "1", "x", 5.0, ""), &[0.03], 1e-6, 1e-4);
    let merton = "[process.state.y]\nunit = \"1\"\ndomain = [-inf, inf]\n[process.dynamics]\n\
         drift.y = \"0.05 - 0.02 - 0.8*(exp(-0.1 + 0.5*0.25^2) - 1)\"\ndiffusion.y = \"0.2\"\n\
         [[process.jump]]\nrate = \"0.8\"\nmark.J = \"normal(-0.1, 0.25)\"\nafter.y = \"y + J\"\n";
    let call = payoff(merton, "max(100*exp(y) - 100, 0)", "0.05", 1.0, "");
    add_value(table, "merton_jump", "call_price", &call, &[0.0], 1e-4, 5e-2);
    let heston = "[process]\nnoise = [\"w1\", \"w2\"]\ncorrelation = { \"w1,w2\" = \"-0.5711\" }\n[process.state.y]\nunit = \"1\"\ndomain = [-inf, inf]\n\
         [process.state.v]\nunit = \"1\"\ndomain = [0.0, inf]\n[process.dynamics]\ndrift.y = \"-v/2\"\ndrift.v = \"1.5768*(0.0398 - v)\"\n\
         diffusion.y.w1 = \"sqrt(v)\"\ndiffusion.v.w2 = \"0.5751*sqrt(v)\"\n";
    for (expiry, relative, eps) in [(1.0, 1e-4, 5e-2), (10.0, 2e-3, 2e-1)] {
        let call = payoff(heston, "max(100*exp(y) - 100, 0)", "0", expiry, "");
        add_value(table, "heston_fang_oosterlee", &format!("call(T={expiry})"), &call, &[0.0, 0.0175], relative, eps);
    }
}
