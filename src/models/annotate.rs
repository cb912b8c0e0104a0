//! A model file with a comment at the first of each kind of line: what a person edits from.

/// The first line that begins with the first text gets the second above it.
const NOTES: &[(&str, &str)] = &[
    ("schema", "Edit this file, then: kramers models FILE (its card), kramers models FILE --verify (its contract)."),
    ("id", "The name the model goes by. Keep it different from the built-in ones (kramers models lists them)."),
    ("kind", "diffusion | network | field | curve | potential | value"),
    ("calculus", "ito (the default) or stratonovich, converted on load"),
    ("source", "Where the model is from: author, year, DOI."),
    ("tags", "Words to find it by."),
    ("horizon", "A time over which something happens: the default of --until."),
    (
        "law",
        "A claim that the transition law is known; checked against the equation on load. Remove it if you change the equation.",
    ),
    ("noise", "Names of the Wiener processes, and how they are correlated."),
    ("counting", "How 2 A is counted: \"combinations\" n(n-1)/2 or \"ordered\" n(n-1)."),
    ("volume", "System size; a mass-action reaction of order m has the factor volume^(1-m)."),
    ("of", "The model whose payoff this is; [with] gives its parameters in terms of the ones here."),
    ("payoff", "In the states of that model, at the expiry."),
    ("breaks", "Times at which coefficients jump."),
    (
        "[state.",
        "One table a state. boundary: auto | natural | reflecting | absorbing | periodic.\ninitial: a number, an expression in parameters, a law such as \"normal(0, 1)\", or \"stationary\".",
    ),
    ("[species.", "One table a species, counted in whole molecules."),
    ("[space.", "One table an axis; each end has dirichlet, neumann (outward flux), robin = [a, b, c] or periodic."),
    ("[field.", "The unknown: du/dt = d/dx(diffusion du/dx) - d/dx(advection u) + source."),
    ("[observe.", "What a data column measures of the states; without such a table every state is observed as it is."),
    (
        "[params.",
        "One table a parameter. bounds may be infinite: [-inf, inf]. A list as default makes a vector: k[1], k[2].",
    ),
    ("[let]", "Names for expressions, used below."),
    (
        "[dynamics]",
        "Functions: exp log sqrt sin cos tanh abs min max erf gamma pow hill mm if(cond, a, b) …; t is time, ^ is power.",
    ),
    ("[[jump]]", "Jumps: a rate, the law of each mark, and where the state is after the jump."),
    ("[[reaction]]", "rate = \"k\" is mass action; law = \"…\" is the whole propensity."),
    ("[rate]", "How fast real members move by themselves: dX/dt = …"),
    ("[[event]]", "Happens when the condition becomes true; t >= T exactly at T."),
    ("[[rule]]", "A named expression, usable in laws and reported."),
    ("[potential]", "-(hbar²/2m) ψ'' + V ψ = E ψ"),
];

/// A copy of a model's text under a new id, with a comment before each part of the file that says what it is for: what `kramers init` writes. Nothing is
/// checked; [`read`](super::read) tells whether it is a model.
pub fn annotate(text: &str, id: &str) -> String {
    let mut out = String::with_capacity(2 * text.len());
    let mut said = vec![false; NOTES.len()];
    let mut renamed = false;
    for line in text.lines() {
        let starts = |note: &str| {
            line.strip_prefix(note).is_some_and(|rest| note.starts_with('[') || rest.trim_start().starts_with('='))
        };
        for (i, (start, note)) in NOTES.iter().enumerate() {
            if !said[i] && starts(start) {
                said[i] = true;
                for sentence in note.lines() {
                    out.push_str(&format!("# {sentence}\n"));
                }
            }
        }
        if !renamed && starts("id") {
            renamed = true;
            out.push_str(&format!("id     = \"{id}\"\n"));
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{built_in, built_in_ids, built_in_text, read};

    #[test]
    fn a_commented_copy_is_the_same_model_under_its_new_name() {
        for id in built_in_ids() {
            let copy = annotate(built_in_text(id).expect("built in"), "mine");
            let (model, original) = (read("mine.toml", &copy).expect("reads"), built_in(id).expect("built in"));
            assert_eq!(model.id, "mine");
            assert_eq!(model.equations(), original.equations());
            assert_eq!(model.params, original.params);
            assert!(copy.matches("# ").count() >= 5, "{id}");
        }
    }
}
