//! Ten model files as users write them, each with one typical mistake, and what the user sees.

use crate::run::{Place, Ran};

/// (what went wrong, the file, what the message must say)
const MISTAKES: [(&str, &str, &[&str]); 10] = [
    (
        "a multiplication sign is missing",
        "schema = 1\nid = \"mine\"\ntitle = \"Mine\"\nkind = \"diffusion\"\n[state.x]\n[params.k]\ndefault = 1.0\n[dynamics]\ndrift.x = \"-2 k x\"\ndiffusion.x = \"0.3\"\n",
        &["mine.toml:9:15", "drift.x", "2*k"],
    ),
    (
        "a parameter is not declared",
        "schema = 1\nid = \"mine\"\ntitle = \"Mine\"\nkind = \"diffusion\"\n[state.x]\n[params.kappa]\ndefault = 1.0\n[dynamics]\ndrift.x = \"kapa*(theta - x)\"\ndiffusion.x = \"0.3\"\n",
        &["mine.toml:9:12", "unknown name 'kapa'", "kappa"],
    ),
    (
        "a key is mistyped",
        "schema = 1\nid = \"mine\"\ntitle = \"Mine\"\nkind = \"diffusion\"\n[state.x]\ndomian = [0.0, inf]\n[dynamics]\ndrift.x = \"1 - x\"\ndiffusion.x = \"sqrt(x)\"\n",
        &["mine.toml:6:1", "unknown key 'state.x.domian'", "domain"],
    ),
    (
        "a square root of a state that may be negative",
        "schema = 1\nid = \"mine\"\ntitle = \"Mine\"\nkind = \"diffusion\"\n[state.x]\n[dynamics]\ndrift.x = \"1 - x\"\ndiffusion.x = \"sqrt(x)\"\n",
        &["mine.toml", "diffusion of x", "domain"],
    ),
    (
        "a default outside its bounds",
        "schema = 1\nid = \"mine\"\ntitle = \"Mine\"\nkind = \"diffusion\"\n[state.x]\n[params.sigma]\ndefault = -0.2\nbounds = [0.0, 10.0]\n[dynamics]\ndrift.x = \"-x\"\ndiffusion.x = \"sigma\"\n",
        &["mine.toml", "sigma = -0.2 is outside its bounds"],
    ),
    (
        "a correlation of two noises, one of which does not exist",
        "schema = 1\nid = \"mine\"\ntitle = \"Mine\"\nkind = \"diffusion\"\nnoise = [\"w1\", \"w2\"]\ncorrelation = { \"w1,w3\" = \"0.5\" }\n[state.x]\n[state.y]\n[dynamics]\ndrift.x = \"-x\"\ndrift.y = \"-y\"\ndiffusion.x.w1 = \"1\"\ndiffusion.y.w2 = \"1\"\n",
        &["mine.toml:6", "'w1,w3' is not a pair of noises", "w1, w2"],
    ),
    (
        "a species that is not declared",
        "schema = 1\nid = \"mine\"\ntitle = \"Mine\"\nkind = \"network\"\ncounting = \"combinations\"\n[species.rna]\ninitial = 0\n[[reaction]]\nname = \"transcription\"\nequation = \"0 -> mrna\"\nrate = \"10\"\n",
        &["mine.toml:10", "there is no species 'mrna'", "rna"],
    ),
    (
        "the counting of repeated reactants is not said",
        "schema = 1\nid = \"mine\"\ntitle = \"Mine\"\nkind = \"network\"\n[species.A]\ninitial = 100\n[[reaction]]\nname = \"dimerise\"\nequation = \"2 A -> 0\"\nrate = \"0.01\"\n",
        &["mine.toml", "'counting'"],
    ),
    (
        "a rate that already holds the reactants",
        "schema = 1\nid = \"mine\"\ntitle = \"Mine\"\nkind = \"network\"\ncounting = \"combinations\"\n[species.A]\ninitial = 100\n[[reaction]]\nname = \"decay\"\nequation = \"A -> 0\"\nrate = \"0.1*A\"\n",
        &["mine.toml:10", "changes with a species", "law"],
    ),
    (
        "one end of a rod has no condition",
        "schema = 1\nid = \"mine\"\ntitle = \"Mine\"\nkind = \"field\"\n[space.x]\nfrom = 0\nto = 1\nleft.dirichlet = 100\n[field.u]\ninitial = 0\ndiffusion = 1\n",
        &["mine.toml:5", "space.x", "'right'"],
    ),
];

fn seen(text: &str) -> Ran {
    Place::new().with("mine.toml", text).typed("models mine.toml")
}

#[test]
fn each_typical_mistake_is_refused_with_its_place_and_the_way_out() {
    for (what, text, expected) in MISTAKES {
        let ran = seen(text).ends(2);
        for part in expected {
            assert!(ran.stderr.contains(part), "{what}: '{part}' is missing\n{}", ran.stderr);
        }
        assert!(ran.stderr.contains("hint: "), "{what}: no hint\n{}", ran.stderr);
    }
}

#[test]
#[ignore = "writes reports/validation/mistakes.md: `just mistakes`"]
fn transcript_of_mistakes() {
    let mut out = String::from(
        "# Ten mistakes, and what the user sees\n\nEach file is shown, then what `kramers models mine.toml` answers. `just mistakes` makes this page again.\n",
    );
    for (i, (what, text, _)) in MISTAKES.iter().enumerate() {
        let ran = seen(text);
        out.push_str(&format!("\n## {}. {what}\n\n```toml\n{text}```\n\n```text\n{}```\n", i + 1, ran.stderr));
    }
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/reports/validation/mistakes.md"), out).expect("written");
}
