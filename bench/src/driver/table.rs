//! Medians and ratios as text.

use std::fmt::Write as _;

use super::Run;
use super::scenario::Scenario;
use crate::stats::median;

/// The table of one scenario. `runs` are those of this scenario only.
pub(super) fn render(scenario: &Scenario, names: &[&str], base: &str, runs: &[Run]) -> String {
    let lead = scenario.figures[0];
    let base = names.iter().position(|name| *name == base);
    let rounds = runs.iter().map(|run| run.round + 1).max().unwrap_or(0);
    let mut text = format!("{}; medians of {rounds} rounds\n", scenario.title);
    let mut row = format!("  {:<14} {lead:>14} {:>10} {:>19}", "", "ratio", "min to max");
    for figure in &scenario.figures[1..] {
        let _ = write!(row, " {figure:>14}");
    }
    let _ = writeln!(text, "{row}");
    for (contender, name) in names.iter().enumerate() {
        if of(runs, contender).next().is_none() {
            // It takes no part in this scenario.
            continue;
        }
        let values = values(runs, contender, lead);
        let ratio = base.and_then(|base| ratio(runs, contender, base, lead));
        let low = values.iter().copied().reduce(f64::min);
        let high = values.iter().copied().reduce(f64::max);
        let range = format!("{} to {}", number(low), number(high));
        let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}x"));
        let mut row = format!("  {name:<14} {:>14} {ratio:>10} {range:>19}", number(median(&values)));
        for figure in &scenario.figures[1..] {
            let _ = write!(row, " {:>14}", number(median(&self::values(runs, contender, figure))));
        }
        let _ = writeln!(text, "{row}");
    }
    text
}

/// The median over rounds of this contender's figure divided by the base's of the same round.
fn ratio(runs: &[Run], contender: usize, base: usize, figure: &str) -> Option<f64> {
    let ratios: Vec<f64> = of(runs, contender)
        .filter_map(|run| {
            let beside = of(runs, base).find(|beside| beside.round == run.round)?;
            Some(value(run, figure)? / value(beside, figure).filter(|value| *value > 0.0)?)
        })
        .collect();
    median(&ratios)
}

fn values(runs: &[Run], contender: usize, figure: &str) -> Vec<f64> {
    of(runs, contender).filter_map(|run| value(run, figure)).collect()
}

fn of(runs: &[Run], contender: usize) -> impl Iterator<Item = &Run> {
    runs.iter().filter(move |run| run.contender == contender)
}

fn value(run: &Run, figure: &str) -> Option<f64> {
    run.report.as_ref().ok()?.get(figure)?.as_f64()
}

fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value.abs() < 100.0 && value.fract() != 0.0 => format!("{value:.2}"),
        Some(value) => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::driver::scenario::SCENARIOS;

    #[test]
    fn ratios_are_taken_within_rounds() {
        // The second round is noisy for both, the third failed for one.
        let figures = [[Some(1.0), Some(2.0)], [Some(10.0), Some(30.0)], [Some(1.0), None]];
        let runs: Vec<Run> = (0..)
            .zip(figures)
            .flat_map(|(round, figures)| {
                figures.into_iter().enumerate().map(move |(contender, figure)| {
                    let report = figure.map(|figure| json!({ "server_us": figure })).ok_or_else(|| "gone".to_owned());
                    Run { scenario: "echo", contender, round, report }
                })
            })
            .collect();
        assert_eq!(ratio(&runs, 1, 0, "server_us"), Some(2.5));
        let text = render(&SCENARIOS[0], &["floor", "other"], "floor", &runs);
        assert!(text.lines().nth(3).unwrap().contains("2.50x"), "{text}");
    }
}
