//! Any text: parsed or refused, and what is parsed can be differentiated, evaluated, printed and parsed again.

use kramers::expr::{Pool, Scratch, Tape};

pub fn walk(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut pool = Pool::new(["t", "x", "k", "n"]);
    let Ok(id) = pool.parse(text, "fuzz") else { return };
    let slope = pool.derivative(id, 1);
    let second = pool.derivative(slope, 2);
    let gradient = pool.gradient(id, &[1, 2, 3]);
    let at = [0.5, 0.7, 1.3, 2.0];
    let mut outputs = vec![id, slope, second];
    outputs.extend(gradient);
    let tape = Tape::compile(&pool, &outputs, &[1]);
    let mut out = vec![vec![0.0; 3]; outputs.len()];
    let mut columns: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
    tape.run(&at, &[&[0.7, -0.2, 0.0]], &mut columns, &mut Scratch::default());
    let (tree, block) = (pool.eval(id, &at), out[0][0]);
    assert!(tree.to_bits() == block.to_bits() || (tree.is_nan() && block.is_nan()), "{tree} {block}");
    let printed = pool.print(id);
    let _ = (pool.unicode(id), pool.mathml(id));
    if !printed.contains('…') && !tree.is_nan() {
        let again = match pool.parse(&printed, "printed") {
            Ok(id) => id,
            // More parentheses may be needed than a text may have.
            Err(error) => return assert!(error.to_string().contains("nested too deep"), "{printed}: {error}"),
        };
        let value = pool.eval(again, &at);
        assert!(value == tree || (value - tree).abs() <= 1e-9 * tree.abs(), "{printed}: {value} {tree}");
    }
}
