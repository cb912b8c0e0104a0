//! The page of a fit, from made-up parts.

use super::super::sample;
use super::super::view::Axis;
use super::*;
use crate::stats::{Bars, Tally};

fn tally(off: usize) -> Tally {
    let bars = Bars { first: 0, width: 1, len: 3 };
    Tally {
        bars,
        n: 20,
        observed: vec![10 + off, 6, 4],
        expected: vec![9.0, 7.0, 4.0],
        range: vec![(3, 15), (2, 12), (0, 9)],
    }
}

fn part(id: &str, times: usize) -> FittedPart {
    let series = sample::single().series.remove(0);
    let times = (0..times).map(|k| (format!("t = {k}"), tally(usize::from(k == 5) * 9)));
    let wave: Vec<f64> = (0..60).map(|i| (f64::from(i) * 0.3).sin() * 2.5).collect();
    let points = wave.iter().enumerate().map(|(i, z)| (i as f64, *z)).collect();
    FittedPart {
        id: id.into(),
        verdict: vec!["The fit converged.".into()],
        answers: vec![("Which model?".into(), "cir".into())],
        model: series.model,
        params: series.params,
        facts: vec![("status".into(), "converged".into())],
        sections: vec![
            FittedSection::replicates_counted(times.collect(), "rna (molecules)"),
            FittedSection::residuals(vec![(String::new(), points)], Axis::Numbers, "t", "Dots."),
            FittedSection::pit(vec![("a".into(), wave.clone()), ("b".into(), wave.clone())]),
            FittedSection::quantiles(vec![(String::new(), wave.clone())]),
            FittedSection::acf(vec![(String::new(), wave)]),
            FittedSection::law(vec![(String::new(), series.coefficients[0].clone())]),
            FittedSection::profiles(series.profiles),
            FittedSection { panels: vec![], name: "conserved", ..FittedSection::acf(vec![]) },
        ],
        tables: vec![FittedTable {
            subject: "Summary",
            question: "What?",
            said: "Said.".into(),
            table: TableView {
                caption: "Means".into(),
                header: vec!["t".into(), "mean".into()],
                rows: vec![vec!["0".into(), "1".into()]],
            },
        }],
        warnings: vec!["flat (b)".into()],
    }
}

fn view(parts: Vec<FittedPart>) -> FittedView {
    FittedView {
        title: "<script>alert(1)</script>".into(),
        version: "0".into(),
        command: "kramers fit <b>".into(),
        provenance: vec![("sha256".into(), "abc".into())],
        parts,
        files: vec!["run.json".into()],
    }
}

#[test]
fn the_page_stands_alone_and_every_figure_has_a_question_and_its_numbers() {
    for parts in [vec![part("gene", 4)], vec![part("one", 4), part("two", 1)]] {
        let page = fitted_html(&view(parts)).unwrap();
        for bad in ["<script", "http:", "https:", "NaN", "<img", " src="] {
            assert!(!page.contains(bad), "{bad}");
        }
        assert!(page.contains("href=\"run.json\"") && page.contains("t = 3") && page.contains("kramers fit &lt;b&gt;"));
        assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
        assert!(page.matches("<figure").count() <= page.matches("aria-label=").count());
        for name in ["counts", "residuals", "pit", "quantiles", "acf", "drift", "profiles"] {
            assert!(page.contains(&format!("figures/{name}.csv")), "{name}");
        }
        let levels: Vec<u32> =
            page.match_indices("<h").filter_map(|(i, _)| page[i + 2..].chars().next()?.to_digit(10)).collect();
        assert!(levels.windows(2).all(|w| w[1] <= w[0] + 1), "{levels:?}");
    }
}

#[test]
fn of_many_times_the_ends_and_the_most_telling_are_drawn_and_all_are_told() {
    let many = part("gene", 30);
    let drawn: Vec<&str> = many.sections[0].drawn().into_iter().map(|p| p.title.as_str()).collect();
    assert_eq!(drawn.len(), MOST_PANELS);
    assert!(drawn.contains(&"t = 0") && drawn.contains(&"t = 5") && drawn.contains(&"t = 29"), "{drawn:?}");
    assert!(many.sections[0].said.contains("At 1 of 30 times some bar lies outside"), "{}", many.sections[0].said);
    let page = fitted_html(&view(vec![many.clone()])).unwrap();
    assert!(page.contains("Of 30 panels the first, the last and the most telling are drawn."));
    let all = fitted_figures(&view(vec![many]));
    assert_eq!(all[0].csv("panel").lines().count(), 1 + 30 * 3);
}

#[test]
fn every_panel_has_its_numbers_in_a_file_and_parts_are_told_apart() {
    let all = fitted_figures(&view(vec![part("gene", 4)]));
    let names: Vec<&str> = all.iter().map(|f| f.name).collect();
    assert_eq!(names, ["counts", "residuals", "pit", "quantiles", "acf", "drift", "profiles"]);
    let lines: Vec<String> = all[0].csv("panel").lines().take(2).map(String::from).collect();
    assert_eq!(lines, ["panel,from,to,observed,expected,least_by_chance,most_by_chance", "t = 0,0,0,10,9,3,15"]);
    assert!(all[1].csv("panel").lines().nth(1).unwrap().starts_with("gene,0,0,-1.959964,1.959964"));
    let both = fitted_figures(&view(vec![part("one", 4), part("two", 1)]));
    let csv = both[0].csv("panel");
    assert!(csv.contains("\none: t = 3,") && csv.contains("\ntwo: t = 0,"), "{csv}");
}

#[test]
fn residuals_that_wave_are_said_to_tell_of_the_next() {
    let part = part("gene", 4);
    let said = |name: &str| part.sections.iter().find(|s| s.name == name).map(|s| s.said.as_str()).unwrap();
    assert!(said("acf").contains("still tell of the next ones"), "{}", said("acf"));
    assert!(
        said("pit").contains("a: The outcomes are") && said("pit").contains("b: The outcomes are"),
        "{}",
        said("pit")
    );
    assert!(
        said("residuals").contains("of 60 lie outside the grey range; 3.0 would be expected"),
        "{}",
        said("residuals")
    );
}
