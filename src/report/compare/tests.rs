use super::*;

/// Five forms that nearly agree, and a rough one, on two components.
fn view() -> CompareView {
    let bell = |mean: f64, sd: f64| {
        let at = |k: i32| {
            let z = f64::from(k) / 40.0;
            (mean + sd * z, (-0.5 * z * z).exp() / (sd * (2.0 * std::f64::consts::PI).sqrt()))
        };
        let density = (-140..=140).map(at).collect();
        LawView { mean: Some(mean), sd: Some(sd), quantiles: [-1.6449, 0.0, 1.6449].map(|z| mean + sd * z), density }
    };
    let form = |form: &str, error: f64, seconds: f64, off: f64| FormView {
        form: form.into(),
        laws: vec![bell(0.3 + off, 0.8), bell(-1.0 + off, 2.0)],
        error: Some(error),
        distance: Some(error),
        seconds,
        ..FormView::default()
    };
    let rough = FormView {
        error: None,
        is_rough: true,
        note: "one step over a long time".into(),
        ..form("euler", 0.0, 1e-5, 0.2)
    };
    CompareView {
        title: "Two factors, Gaussian".into(),
        version: "0".into(),
        command: "kramers compare two-factor-gaussian --tol 1e-2".into(),
        equations: vec!["dx = -κ x dt + σ dW₁".into(), "dy = -λ y dt + η dW₂".into()],
        question: "What is the law of x, y at t = 1, from 0, 0?".into(),
        verdict: "The quickest form right to 1e-2 is exact, in 30 µs.".into(),
        variables: ["1", "percent"]
            .map(|unit| VariableView {
                name: if unit == "1" { "x" } else { "y" }.into(),
                unit: unit.into(),
                is_count: false,
            })
            .to_vec(),
        components: 2,
        tolerance: 1e-2,
        forms: vec![
            form("exact", 0.0, 3e-5, 0.0),
            rough,
            form("fokker-planck", 6e-3, 1.1e-2, 0.0),
            form("schroedinger", 4e-4, 1.2e-1, 0.0),
            form("master-equation", 5.6e-3, 1.3e-2, 0.0),
            form("monte-carlo", 9.2e-3, 6.1e-1, 0.004),
        ],
        absent: vec![("expansion".into(), "it has two states".into())],
    }
}

#[test]
fn the_page_stands_alone_and_shows_hostile_text_harmless() {
    let view = CompareView {
        title: "<script>alert(1)</script>".into(),
        variables: vec![VariableView { name: "<b>x".into(), ..VariableView::default() }],
        components: 9,
        forms: vec![FormView { form: "<b>exact".into(), laws: vec![LawView::default()], ..FormView::default() }],
        absent: vec![("schroedinger".into(), "it <b>jumps</b>".into())],
        tolerance: 1e-6,
        ..CompareView::default()
    };
    let page = compare_html(&view).unwrap();
    assert!(page.starts_with("<!doctype html>") && !page.contains("<script") && !page.contains("<b>"), "{page}");
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("NaN"), "{page}");
    assert!(page.contains("The first 1 of 9 components"), "{page}");
    assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
}

#[test]
fn every_component_has_its_rows_and_its_figure() {
    let page = compare_html(&view()).unwrap();
    assert_eq!(page.matches("density (1/percent)").count(), 2, "wide and narrow");
    for name in ["x", "y"] {
        assert_eq!(page.matches(&format!("The density of {name} by")).count(), 2);
        assert_eq!(page.matches(&format!("<td class=\"text short\">{name}</td>")).count(), 6);
    }
    assert!(!page.contains("(1)") && !page.contains("(1/1)") && !page.contains("<script"));
    assert_eq!(page.matches("good enough").count(), 2);
    for line in 0..5 {
        assert!(page.contains(&format!("class=\"s-over{line}\"")), "{line}");
    }
}

#[test]
#[ignore = "writes a page to look at"]
fn a_page_to_look_at() {
    std::fs::write(std::env::temp_dir().join("compare.html"), compare_html(&view()).unwrap()).unwrap();
}
