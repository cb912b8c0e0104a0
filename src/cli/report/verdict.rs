//! What a report says first: three sentences, and four short answers.

use super::Study;
use crate::backtest::ModelScores;
use crate::cli::remarks::{NOTICEABLE, against_random_walk, beaten_by, signed_percent, width_remark};
use crate::cli::table::short;
use crate::cli::values::VERSION;

impl Study<'_> {
    pub(super) fn chosen_scores(&self) -> Option<&ModelScores> {
        self.scores.get(&self.model().model.id)
    }

    /// Three sentences: which model and why, how it did, what it says.
    pub(super) fn verdict(&self) -> Vec<String> {
        let model = &self.model().model;
        let chosen = self.candidates.first();
        let why = chosen.map_or("", |c| c.remark.as_str());
        let first = format!(
            "{} ({}) was chosen ({why}); its fit to all {} rows {}.",
            model.title,
            model.id,
            self.series.len(),
            {
                let status = &self.fitted.fit.status;
                if status.name() == "converged" { "converged".to_string() } else { format!("is {status}") }
            }
        );
        let rows = self.plan.rows - self.plan.first_test;
        let second = match self.chosen_scores() {
            Some(s) => match s.skill {
                Some(skill) => format!(
                    "On the {rows} held-out rows it is {}: CRPS {} (skill {} ± {:.1} %). Its 80 % interval held {:.0} % of what came{}.",
                    against_random_walk(skill),
                    short(s.all.crps),
                    signed_percent(skill.value),
                    100.0 * skill.se,
                    100.0 * s.all.coverage_80,
                    width_remark(s.all.coverage_80),
                ),
                None => format!("On the {rows} held-out rows its CRPS is {}.", short(s.all.crps)),
            },
            None => "It could not answer on the held-out rows.".to_string(),
        };
        let second = match self.chosen_scores().and_then(|chosen| beaten_by(chosen, &self.scores)) {
            Some(rival) => format!("{second} {rival}"),
            None => second,
        };
        let last = self.series.len() - 1;
        let third = match self.ahead.2.last() {
            Some(law) => format!(
                "From {} at {}, {} rows ahead: half of the chance below {}, and 80 % between {} and {}.",
                short(self.series.value[last]),
                self.label(last),
                self.ahead.2.len(),
                short(law.quantile(0.5)),
                short(law.quantile(0.1)),
                short(law.quantile(0.9))
            ),
            None => "No forecast was made.".to_string(),
        };
        vec![first, second, third]
    }

    /// Which model, how sure, better than naive, can it be done again.
    pub(super) fn answers(&self, sha256: &str, seed: u64) -> Vec<(String, String)> {
        let pair = |question: &str, answer: String| (question.to_string(), answer);
        vec![
            pair("Which model?", self.which()),
            pair("How sure is it?", self.how_sure()),
            pair("Better than naive?", self.better()),
            pair(
                "Can I redo it?",
                format!(
                    "Yes: the command is below, under that question. kramers {VERSION}, seed {seed}, data with SHA-256 {}….",
                    sha256.get(..12).unwrap_or(sha256)
                ),
            ),
        ]
    }

    fn which(&self) -> String {
        let model = &self.model().model;
        let free = self.fitted.fit.params.iter().filter(|p| !p.fixed).count();
        let tried = self.candidates.iter().filter(|c| c.validation_crps.is_some()).count();
        let among = if tried > 1 { format!(", chosen among {tried}") } else { String::new() };
        format!("{} ({}), {free} parameters{among}. The fit is {}.", model.title, model.id, self.fitted.fit.status)
    }

    fn how_sure(&self) -> String {
        let Some(scores) = self.chosen_scores() else { return "It could not be tested.".to_string() };
        let held = format!("Its 80 % interval held {:.0} % of what came", 100.0 * scores.all.coverage_80);
        let p = scores.pit_ks_p;
        match p {
            p if !p.is_finite() => format!("{held}."),
            p if p < 0.05 => format!(
                "{held}, and the outcomes are not spread as it said (p {}): take its probabilities with care.",
                if p < 0.001 { "< 0.001".to_string() } else { format!("= {p:.3}") }
            ),
            p => format!(
                "{held}, and the outcomes are spread as it said (p = {p:.2}): its probabilities can be taken as they are."
            ),
        }
    }

    /// Yes, no, or not to be told; and the baseline that did better, if one did.
    fn better(&self) -> String {
        let Some(scores) = self.chosen_scores() else { return "It could not be tested.".to_string() };
        let Some(skill) = scores.skill else { return "The windows are too few to tell.".to_string() };
        let numbers = format!("{} ± {:.1} % of its error saved", signed_percent(skill.value), 100.0 * skill.se);
        let rival = beaten_by(scores, &self.scores).unwrap_or_default();
        let told = match (skill.verdict(), skill.value.abs() < NOTICEABLE, rival.is_empty()) {
            (1, false, true) => format!("Yes: better than a random walk, {numbers}, and no baseline did better."),
            (1, false, false) => format!("Than a random walk, yes: {numbers}. But not than every baseline."),
            (0, ..) => format!("Not so that one could tell: {numbers} against a random walk."),
            (_, true, _) => format!("As good as a random walk, no better: {numbers}."),
            _ => format!("No: a random walk does better, {numbers}."),
        };
        format!("{told} {rival}").trim_end().to_string()
    }
}
