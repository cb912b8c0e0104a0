//! One state of a diffusion as a diffusion of its own, where it drives itself alone.

use super::diffusion::Diffusion;
use super::frame::{Frame, symbol};
use super::rebuild::rebuild;
use crate::expr::Id;

impl Diffusion {
    /// The `i`-th state alone, with the same parameters: its own drift and noises, where none of them reads another state. It has no start of its
    /// own then.
    ///
    /// # Errors
    /// What it hangs on besides itself, or that it jumps, as a sentence.
    pub fn component(&self, i: usize) -> Result<Diffusion, String> {
        let Some(state) = self.states.get(i) else { return Err(format!("there is no state {}", i + 1)) };
        let name = &state.name;
        let pool = &self.frame.pool;
        let others = || (0..self.states.len()).filter(move |j| *j != i);
        let hangs = |id: Id| others().find(|j| pool.depends_on(id, self.frame.variable(*j)));
        for id in self.diffusion[i].iter().chain([&self.drift[i]]) {
            if let Some(j) = hangs(*id) {
                return Err(format!("{name} does not move by itself: it hangs on {}", self.states[j].name));
            }
        }
        for jump in &self.jumps {
            if pool.node(jump.after[i]) != crate::expr::Node::Symbol(self.frame.variable(i) as u32) {
                return Err(format!("{name} jumps"));
            }
        }
        let names = pool.symbols();
        let params = (0..self.frame.n_params).map(|k| names[self.frame.param(k)].as_str());
        let mut frame = Frame::new([name.as_str()], params);
        let mut bring = |id: Id| {
            rebuild(pool, id, &mut frame.pool, &mut |to, s| match s {
                symbol::TIME | symbol::STEP => to.symbol_at(s),
                s => {
                    let name = names.get(s).cloned().unwrap_or_default();
                    to.symbol(&name).unwrap_or_else(|| to.number(f64::NAN))
                }
            })
        };
        let drift = vec![bring(self.drift[i])];
        let diffusion = vec![self.diffusion[i].iter().map(|id| bring(*id)).collect()];
        let correlation = self.correlation.iter().map(|row| row.iter().map(|id| bring(*id)).collect()).collect();
        let breaks = self.breaks.iter().map(|id| bring(*id)).collect();
        let mut alone = Diffusion {
            states: vec![super::State { initial: None, ..state.clone() }],
            frame,
            drift,
            noises: self.noises.clone(),
            diffusion,
            correlation,
            jumps: Vec::new(),
            breaks,
        };
        alone.keep_acting_noises();
        alone.merge_noises();
        Ok(alone)
    }

    /// Leave out the noises that move nothing.
    fn keep_acting_noises(&mut self) {
        let acting: Vec<usize> = (0..self.noises.len())
            .filter(|k| self.diffusion.iter().any(|row| self.frame.pool.constant(row[*k]) != Some(0.0)))
            .collect();
        let acting = if acting.is_empty() { vec![0] } else { acting };
        let pick = |row: &Vec<Id>| acting.iter().filter_map(|k| row.get(*k).copied()).collect::<Vec<_>>();
        self.diffusion = self.diffusion.iter().map(pick).collect();
        self.correlation = acting.iter().filter_map(|k| self.correlation.get(*k)).map(pick).collect();
        self.noises = acting.iter().filter_map(|k| self.noises.get(*k).cloned()).collect();
    }
}

#[cfg(test)]
mod tests {
    use crate::models::built_in;
    use crate::process::Process;

    #[test]
    fn the_variance_of_heston_is_a_square_root_process_of_its_own() {
        let model = built_in("bates").expect("built in");
        let Process::Diffusion(process) = &model.process else { panic!("a diffusion") };
        let alone = process.component(1).expect("v moves by itself");
        let scalar = alone.scalar().expect("one state");
        assert_eq!(scalar.pool().print(scalar.drift), "kappa*(theta - v)");
        assert_eq!(scalar.pool().print(scalar.diffusion), "xi*sqrt(v)");
        assert_eq!(process.component(0).expect_err("y hangs on v"), "y does not move by itself: it hangs on v");
    }
}
