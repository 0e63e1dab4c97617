//! A list of named steps, run in order up to the first that fails, and a summary at the end.
//!
//! A step that cannot run on this machine says so by [`Outcome::Skipped`] with its reason, which the summary repeats:
//! nothing is left out in silence.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// One step of a verb.
pub(crate) struct Step {
    /// The name shown before the step and in the summary.
    pub(crate) name: &'static str,
    /// The command that runs this step and nothing else.
    pub(crate) alone: &'static str,
    /// Does the work.
    pub(crate) run: fn() -> Result<Outcome>,
}

/// How a step ended when it did not fail.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It ran and all is well.
    Passed,
    /// It could not run here, for this reason.
    Skipped(String),
}

/// Runs `steps` in order.
///
/// # Errors
///
/// The first step that fails ends the run; the error names it and says how to run it alone.
pub(crate) fn run(verb: &str, steps: &[Step]) -> Result<()> {
    let mut summary = Vec::new();
    let mut skipped = 0;
    for (index, step) in steps.iter().enumerate() {
        println!("\n== {verb} {}/{}: {}", index + 1, steps.len(), step.name);
        let started = Instant::now();
        let outcome = (step.run)();
        summary.push(line(step.name, &outcome, started.elapsed()));
        match outcome {
            Ok(Outcome::Passed) => {}
            Ok(Outcome::Skipped(_)) => skipped += 1,
            Err(error) => {
                print_summary(verb, &summary);
                bail!("{verb}: step `{}` failed: {error:#}\nrun it alone: {}", step.name, step.alone);
            }
        }
    }
    print_summary(verb, &summary);
    println!("{verb}: {} passed, {skipped} skipped", steps.len() - skipped);
    Ok(())
}

fn print_summary(verb: &str, summary: &[String]) {
    println!("\n== {verb}: summary");
    for line in summary {
        println!("{line}");
    }
}

fn line(name: &str, outcome: &Result<Outcome>, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    match outcome {
        Ok(Outcome::Passed) => format!("   passed  {seconds:7.1} s  {name}"),
        Ok(Outcome::Skipped(reason)) => format!("   SKIPPED {seconds:7.1} s  {name}: {reason}"),
        Err(_) => format!("   FAILED  {seconds:7.1} s  {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes() -> Result<Outcome> {
        Ok(Outcome::Passed)
    }

    fn fails() -> Result<Outcome> {
        bail!("two is not three")
    }

    fn must_not_run() -> Result<Outcome> {
        panic!("a step after a failed one has run")
    }

    #[test]
    fn the_first_failure_ends_the_run_and_is_named() {
        let steps = [
            Step { name: "first", alone: "one", run: passes },
            Step { name: "second", alone: "two", run: fails },
            Step { name: "third", alone: "three", run: must_not_run },
        ];
        let error = run("verb", &steps).unwrap_err().to_string();
        assert_eq!(error, "verb: step `second` failed: two is not three\nrun it alone: two");
    }

    #[test]
    fn a_skipped_step_gives_its_reason() {
        let outcome = Ok(Outcome::Skipped("no node here".to_owned()));
        assert_eq!(line("e2e", &outcome, Duration::from_secs(1)), "   SKIPPED     1.0 s  e2e: no node here");
    }
}
