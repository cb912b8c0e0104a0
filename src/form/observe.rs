//! What an instrument would have read along simulated paths: observations with their errors of measurement.

use crate::base::rng::Key;
use crate::expr::{Scratch, Tape};
use crate::models::Model;
use crate::process::symbol;

/// The observed columns of simulated states, `[observation][time][path]`, in the order of [`Model::readings`].
///
/// `states` are `[time][component][path]`. Errors are drawn from a stream of each path's own, so they are the same whatever
/// else is simulated. Cost: one evaluation a state.
pub fn observe(model: &Model, theta: &[f64], times: &[f64], states: &[Vec<Vec<f64>>], key: Key) -> Vec<Vec<Vec<f64>>> {
    let frame = model.process.frame();
    let lanes: Vec<usize> = (0..frame.n_variables).map(|i| frame.variable(i)).collect();
    // Paths draw from the key, jumps from its twin, starts from the twin of that.
    let errors = key.twin().twin().twin();
    let mut drawn = 0;
    let mut columns = Vec::with_capacity(model.observe.len());
    for observation in model.readings() {
        let tape = Tape::compile(&frame.pool, &[observation.of], &lanes);
        let mut scratch = Scratch::default();
        let mut column = Vec::with_capacity(times.len());
        for (time, state) in times.iter().zip(states) {
            let inputs: Vec<&[f64]> = state.iter().map(Vec::as_slice).collect();
            let mut read = vec![0.0; inputs.first().map_or(0, |x| x.len())];
            let mut symbols = frame.symbols(theta, *time);
            tape.run(&symbols, &inputs, &mut [&mut read], &mut scratch);
            if let Some(noise) = &observation.noise {
                for (path, value) in read.iter_mut().enumerate() {
                    for (i, x) in state.iter().enumerate() {
                        symbols[symbol::STATE + i] = x[path];
                    }
                    // One stream a path and reading: errors are independent of each other and of the path.
                    let mut stream = errors.stream((drawn << 40) | path as u64);
                    *value += noise.at(frame, &symbols).map_or(f64::NAN, |law| law.sample(&mut stream));
                }
                drawn += 1;
            }
            column.push(read);
        }
        columns.push(column);
    }
    columns
}
