//! Transition laws of diffusions.

use super::table::{Ask, GOAL, Table, diffusion, law, text};
use kramers::base::{Purpose, Seed};
use kramers::form::fokker_planck::plane::joints;
use kramers::form::passage::{Crossing, first_passage};
use kramers::form::stationary::stationary;
use kramers::form::{Accuracy, Form, Pairs, Question, Transitions, affine, answer};
use kramers::models::built_in;

const GRIDS: [(Form, f64, &str); 2] = [(Form::FokkerPlanck, 1e-6, "grid"), (Form::MasterEquation, 1e-5, "lattice")];

pub fn add(table: &mut Table) {
    ornstein_uhlenbeck(table);
    first_passages(table);
    geometric(table);
    square_root(table);
    elastic(table);
    wright_fisher(table);
    bistable(table);
    student(table);
    stratonovich(table);
    gyrator(table);
    jumping(table);
    heston(table);
}

fn ornstein_uhlenbeck(table: &mut Table) {
    let ou = built_in("ou").expect("built in");
    let theta = [1.5, 0.5, 0.8];
    let asks = [
        ("mean", Ask::Mean),
        ("variance", Ask::Variance),
        ("pdf(0.2)", Ask::Pdf(0.2)),
        ("cdf(0.2)", Ask::Cdf(0.2)),
        ("log_pdf(0.2)", Ask::LogPdf(0.2)),
    ];
    table.law("ou_transition", &ou, &theta, -1.0, 0.7, &asks);
    let density = affine::density(&ou, &theta, &[-1.0], 0.7, 0, &[0.2]).expect("affine");
    table.add("ou_transition", "pdf(0.2)", "characteristic function", density.values[0], 1e-11, "inversion");
}

fn first_passages(table: &mut Table) {
    let ou = built_in("ou").expect("built in");
    let accuracy = Accuracy { goal: Some(GOAL), ..Accuracy::default() };
    let theta = [1.5, 0.5, 0.8];
    let crossing = Crossing { theta: &theta, start: -1.0, levels: [None, Some(0.5)] };
    let found = first_passage(&ou, &crossing, 0.0, &[0.7], accuracy).expect("solved");
    table.add_absolute(
        "ou_fpt_mean_level",
        "survival(t)",
        "fokker-planck",
        found.survival[0],
        found.error,
        "its own error",
    );
    let stopped = diffusion(
        "kappa*(theta - x)",
        "sigma",
        "[-inf, 0.5]",
        "boundary = \"absorbing\"",
        &["kappa", "theta", "sigma"],
    );
    for form in [Form::Schroedinger, Form::MasterEquation] {
        if form.why_not(&stopped).is_none() {
            let (law, error) = law(&stopped, form, &theta, &[-1.0], 0.7, GOAL).expect("answered");
            let survival = law.cdf(0.5 - 1e-9);
            table.add_absolute(
                "ou_fpt_mean_level",
                "survival(t)",
                form.name(),
                survival,
                error.expect("an error") + 1e-8,
                "its own error",
            );
        }
    }
    let bm = built_in("bm").expect("built in");
    let theta = [0.5, 0.7];
    let crossing = Crossing { theta: &theta, start: 0.0, levels: [None, Some(1.0)] };
    let found = first_passage(&bm, &crossing, 0.0, &[1.3], accuracy).expect("solved");
    let problem = "bm_inverse_gaussian";
    table.add_absolute(problem, "cdf(t)", "fokker-planck", found.reached[0][1], found.error, "its own error");
    table.add(problem, "density(t)", "fokker-planck", found.density[0][1], 1e-6, "grid");
}

fn geometric(table: &mut Table) {
    let asks = [
        ("mean", Ask::Mean),
        ("variance", Ask::Variance),
        ("pdf(110)", Ask::Pdf(110.0)),
        ("cdf(110)", Ask::Cdf(110.0)),
    ];
    table.law("gbm", &built_in("gbm").expect("built in"), &[0.05, 0.2], 100.0, 1.0, &asks);
}

fn square_root(table: &mut Table) {
    let cir = built_in("cir").expect("built in");
    let asks = [
        ("pdf(0.05)", Ask::Pdf(0.05)),
        ("log_pdf(0.05)", Ask::LogPdf(0.05)),
        ("cdf(0.05)", Ask::Cdf(0.05)),
        ("mean", Ask::Mean),
        ("variance", Ask::Variance),
    ];
    let theta = [1.2, 0.06, 0.25];
    table.law("cir_feller", &cir, &theta, 0.04, 0.5, &asks);
    let settled = stationary(&cir, &theta, 0).expect("a stationary law");
    table.add("cir_feller", "stationary_cdf(0.05)", "speed density", settled.cdf(0.05), 1e-9, "quadrature");
    let short = [("log_pdf(0.051)", Ask::LogPdf(0.051)), ("log_pdf(0.055)", Ask::LogPdf(0.055))];
    let theta = [0.5, 0.05, 0.05];
    table.law_with("cir_short_step", &cir, &theta, 0.05, 0.004, &short[..1], &GRIDS);
    table.law_with("cir_short_step", &cir, &theta, 0.05, 0.004, &short, &[(Form::Exact, 1e-11, "closed")]);
    let pairs = Pairs { x0: vec![0.05; 2], x1: vec![0.051, 0.055], dt: vec![0.004; 2], t0: vec![0.0; 2] };
    let exact = Transitions::new(&cir, Form::Exact).expect("fits").log_density(&theta, &pairs, false);
    for (k, (quantity, _)) in short.iter().enumerate() {
        table.add_absolute("cir_short_step", quantity, "exact, as a transition", exact.value[k], 1e-11, "closed");
    }
}

fn elastic(table: &mut Table) {
    // The file says delta = 2; its numbers are those of delta = √2 (with 2 the Bessel density gives 0.018012).
    let cev = built_in("cev").expect("built in");
    let theta = [0.05, 2f64.sqrt(), 0.5];
    table.law_with("cev", &cev, &theta, 100.0, 1.0, &[("pdf(110)", Ask::Pdf(110.0))], &GRIDS);
}

fn wright_fisher(table: &mut Table) {
    let jacobi = built_in("jacobi").expect("built in");
    let asks = [("pdf(0.35)", Ask::Pdf(0.35)), ("mean", Ask::Mean), ("second_moment", Ask::Second)];
    let theta = [0.9, 0.4, 0.7];
    let forms = [
        (Form::Exact, 1e-8, "closed, tabulated"),
        (Form::FokkerPlanck, 1e-6, "grid"),
        (Form::Schroedinger, 1e-8, "spectrum"),
        (Form::MasterEquation, 1e-5, "lattice"),
    ];
    table.law_with("jacobi_wright_fisher", &jacobi, &theta, 0.25, 0.6, &asks, &forms);
    let pairs = Pairs { x0: vec![0.25], x1: vec![0.35], dt: vec![0.6], t0: vec![0.0] };
    let exact = Transitions::new(&jacobi, Form::Exact).expect("fits");
    let found = exact.log_density(&theta, &pairs, false).value[0].exp();
    table.add("jacobi_wright_fisher", "pdf(0.35)", "exact, as a transition", found, 1e-12, "closed");
    let moments = exact.moments(&theta, &pairs);
    let (mean, variance) = (moments.mean[0], moments.variance[0]);
    table.add("jacobi_wright_fisher", "mean", "exact, as a transition", mean, 1e-12, "closed");
    let second = variance + mean * mean;
    table.add("jacobi_wright_fisher", "second_moment", "exact, as a transition", second, 1e-12, "closed");
}

fn bistable(table: &mut Table) {
    let model = diffusion("x - x^3", "sqrt(2*d)", "[-inf, inf]", "", &["d"]);
    for (time, states) in
        [(0.5, &["-1", "0", "0.5"][..]), (2.0, &["-1", "0", "0.5", "1"]), (20.0, &["-1", "0", "0.5", "1"])]
    {
        let quantities: Vec<String> = states.iter().map(|x| format!("p({x},t={time}|-1)")).collect();
        let asks: Vec<(&str, Ask)> =
            quantities.iter().zip(states).map(|(q, x)| (q.as_str(), Ask::Pdf(x.parse().expect("a number")))).collect();
        table.law("double_well_transient", &model, &[0.1], -1.0, time, &asks);
    }
}

fn student(table: &mut Table) {
    let model = built_in("pearson-student").expect("built in");
    let theta = by_name(&model, &[("kappa", 1.0), ("a", 0.1)]);
    table.law_with("pearson_student", &model, &theta, 2.0, 0.5, &[("E[X_t^2|x0=2]", Ask::Second)], &GRIDS);
    let settled = stationary(&model, &theta, 0).expect("a stationary law");
    table.add(
        "pearson_student",
        "stationary_pdf(0.3)",
        "speed density",
        Ask::Pdf(0.3).of(&settled),
        1e-8,
        "quadrature",
    );
    table.add(
        "pearson_student",
        "stationary_variance",
        "speed density",
        Ask::Variance.of(&settled),
        1e-6,
        "quadrature",
    );
}

fn by_name(model: &kramers::models::Model, values: &[(&str, f64)]) -> Vec<f64> {
    let mut params = model.default_params();
    values.iter().for_each(|(name, value)| params.set(name, *value).unwrap_or_else(|e| panic!("{e}")));
    params.values
}

fn stratonovich(table: &mut Table) {
    let model = |calculus: &str| {
        text(&format!(
            "schema = 1\nid = \"mine\"\ntitle = \"m\"\nkind = \"diffusion\"\ncalculus = \"{calculus}\"\nsource = \"t\"\ntags = []\n\
             [state.x]\nunit = \"1\"\ndomain = [0.0, inf]\n[params.sigma]\nmeaning = \"m\"\nunit = \"1\"\ndefault = 0.7\nbounds = [0.0, 9.0]\n\
             [dynamics]\ndrift.x = \"0\"\ndiffusion.x = \"sigma*x\"\n"
        ))
    };
    let problem = "ito_stratonovich";
    let forms = [
        (Form::Exact, 1e-8, "inverted, tabulated"),
        (Form::FokkerPlanck, 1e-6, "grid"),
        (Form::Schroedinger, 1e-8, "spectrum"),
        (Form::MasterEquation, 1e-5, "lattice"),
    ];
    let asks = [("E[X_1] Stratonovich", Ask::Mean)];
    table.law_with(problem, &model("stratonovich"), &[0.7], 1.0, 1.0, &asks, &forms);
    table.law_with(problem, &model("ito"), &[0.7], 1.0, 1.0, &[("E[X_1^2] Ito", Ask::Second)], &forms);
}

const GYRATOR: &str = "schema = 1\nid = \"gyrator\"\ntitle = \"g\"\nkind = \"diffusion\"\nsource = \"t\"\ntags = []\nnoise = [\"w1\", \"w2\"]\n\
    [state.x]\nunit = \"1\"\ndomain = [-inf, inf]\n[state.y]\nunit = \"1\"\ndomain = [-inf, inf]\n\
    [dynamics]\ndrift.x = \"-x - 0.5*y\"\ndrift.y = \"0.8*x - 2*y\"\ndiffusion.x.w1 = \"1\"\ndiffusion.y.w2 = \"0.5\"\n";

fn gyrator(table: &mut Table) {
    let model = text(GYRATOR);
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    let accuracy = Accuracy { cells: if table.is_thorough { 600 } else { 300 }, ..Accuracy::default() };
    let question = |t| Question { theta: &[], start: &[1.0, -0.5], t0: 0.0, times: t, accuracy, key };
    let problem = "ou_2d_gyrator";
    let quantities = [
        ("mean_1", 0, Ask::Mean),
        ("mean_2", 1, Ask::Mean),
        ("cov_11(t)", 0, Ask::Variance),
        ("cov_22(t)", 1, Ask::Variance),
    ];
    for (form, relative, why) in [(Form::Exact, 1e-12, "closed"), (Form::FokkerPlanck, 1e-3, "grid")] {
        let laws = answer(&model, form, &question(&[0.9])).expect("answered").laws.remove(0);
        for (quantity, i, ask) in quantities {
            table.add(problem, quantity, form.name(), ask.of(&laws[i]), relative, why);
        }
    }
    let joint = joints(&model, &question(&[0.9])).expect("solved").remove(0);
    let pdf = joint.log_density(0.4, -0.1).expect("inside").exp();
    table.add(problem, "pdf(0.4,-0.1;t)", "fokker-planck", pdf, 1e-3, "grid");
    table.add(problem, "cov_12(t)", "fokker-planck", joint.covariance[0][1], 1e-3, "grid");
    let late = answer(&model, Form::Exact, &question(&[40.0])).expect("answered").laws.remove(0);
    table.add(problem, "stationary_cov_11", "exact, at t = 40", Ask::Variance.of(&late[0]), 1e-11, "closed");
    let late = joints(&model, &question(&[12.0])).expect("solved").remove(0);
    table.add(problem, "stationary_cov_12", "fokker-planck, at t = 12", late.covariance[0][1], 1e-3, "grid");
    table.absent(problem, "entropy_production_rate", "not asked of a form");
    table.absent(problem, "eigenvalue_1 real", "its spectrum is complex, and the Schrödinger form refuses it");
    table.absent(problem, "eigenvalue_1 |imag|", "its spectrum is complex, and the Schrödinger form refuses it");
}

fn jumping(table: &mut Table) {
    if !table.is_thorough {
        table.absent("merton_jump", "pdf of ln(S_T/S0) at -0.15", "minutes");
        return;
    }
    let quantity = "pdf of ln(S_T/S0) at -0.15";
    let model = text(
        "schema = 1\nid = \"jumps\"\ntitle = \"j\"\nkind = \"diffusion\"\nsource = \"t\"\ntags = []\n[state.x]\nunit = \"1\"\ndomain = [-inf, inf]\n\
         [dynamics]\ndrift.x = \"0.05 - 0.02 - 0.8*(exp(-0.1 + 0.5*0.25^2) - 1)\"\ndiffusion.x = \"0.2\"\n\
         [[jump]]\nrate = \"0.8\"\nmark.J = \"normal(-0.1, 0.25)\"\nafter.x = \"x + J\"\n",
    );
    let forms = [(Form::FokkerPlanck, 1e-5, "grid"), (Form::MasterEquation, 1e-4, "lattice")];
    table.law_with("merton_jump", &model, &[], 0.0, 1.0, &[(quantity, Ask::Pdf(-0.15))], &forms);
    let density = affine::density(&model, &[], &[0.0], 1.0, 0, &[-0.15]).expect("affine");
    table.add("merton_jump", quantity, "characteristic function", density.values[0], 1e-10, "inversion");
}

fn heston(table: &mut Table) {
    let model = built_in("heston").expect("built in");
    let theta = by_name(&model, &[("kappa", 1.5768), ("theta", 0.0398), ("xi", 0.5751), ("rho", -0.5711), ("mu", 0.0)]);
    let problem = "heston_fang_oosterlee";
    let points = [0.0, -0.2, 0.1];
    let density = affine::density(&model, &theta, &[0.0, 0.0175], 1.0, 0, &points).expect("affine");
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    let accuracy = Accuracy { cells: if table.is_thorough { 1000 } else { 400 }, ..Accuracy::default() };
    let question = Question { theta: &theta, start: &[0.0, 0.0175], t0: 0.0, times: &[1.0], accuracy, key };
    let grid = answer(&model, Form::FokkerPlanck, &question).expect("answered").laws.remove(0).remove(0);
    for (k, x) in points.iter().enumerate() {
        let quantity = match k {
            0 => "pdf of ln(S_T/F) at 0, T=1".to_string(),
            _ => format!("pdf of ln(S_T/F) at {x}, T=1"),
        };
        table.add(problem, &quantity, "characteristic function", density.values[k], 1e-10, "inversion");
        let allowed = if table.is_thorough { 1e-4 } else { 2e-3 };
        table.add_absolute(problem, &quantity, "fokker-planck", Ask::Pdf(*x).of(&grid), allowed, "grid");
    }
}
