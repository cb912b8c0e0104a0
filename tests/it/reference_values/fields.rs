//! Heat in a rod.

use super::table::{Table, text};
use kramers::form::field::{Options, solve};

fn rod(left: &str, right: &str, initial: &str) -> kramers::models::Model {
    text(&format!(
        "schema = 1\nid = \"rod\"\ntitle = \"r\"\nkind = \"field\"\nsource = \"t\"\ntags = []\n[space.x]\nfrom = \"0\"\nto = \"1\"\n\
         left.{left}\nright.{right}\n[field.u]\ninitial = \"{initial}\"\ndiffusion = \"0.01\"\nadvection = \"0\"\nsource = \"0\"\n"
    ))
}

pub fn add(table: &mut Table) {
    let step = "if(x < 0.3, 1, 0)";
    for (left, right, initial, asks) in [
        (
            "dirichlet = \"0\"",
            "dirichlet = \"0\"",
            "x*(1 - x)",
            &[("D: u(0.3,2)", 0.3, 2.0), ("D: u(0.3,0.02)", 0.3, 0.02)][..],
        ),
        ("neumann = \"0\"", "neumann = \"0\"", step, &[("N: u(0.3,2)", 0.3, 2.0), ("N: u(0.05,2)", 0.05, 2.0)]),
        ("dirichlet = \"1\"", "dirichlet = \"3\"", "0", &[("I: u(0.3,2)", 0.3, 2.0)]),
        ("dirichlet = \"0\"", "neumann = \"0\"", "1", &[("R: u(0.3,2)", 0.3, 2.0)]),
    ] {
        let model = rod(left, right, initial);
        for (quantity, x, t) in asks {
            // Two grids and Richardson's extrapolation; 0.3 and 0.05 are nodes of both.
            let on = |cells: usize| {
                let options = Options { cells, tolerance: 1e-9, ..Options::default() };
                let found = solve(&model, &[], &[*t], &options).expect("solved");
                found.u[0][(x * cells as f64).round() as usize]
            };
            let (coarse, fine) = (on(400), on(800));
            let found = fine + (fine - coarse) / 3.0;
            table.add("heat_rod", quantity, "finite volumes, extrapolated", found, 1e-6, "two grids");
        }
    }
}
