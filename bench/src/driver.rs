//! The driver: runs the contenders side by side and compares them.
//!
//! Noise on a machine comes and goes, so contenders take turns (A B C A B C …), each run gets a fresh server, and a
//! ratio is the median of the ratios within each round rather than the ratio of two medians.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::system;

/// The servers that are compared, and how each is started.
mod contender;
/// What is measured.
mod scenario;
/// Medians and ratios as text.
mod table;

use contender::Contender;
use scenario::{SCENARIOS, Scenario};

/// Options of `bench run`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Contenders, by name, in the order in which they take turns. Default: all that are installed.
    #[arg(long, value_delimiter = ',')]
    contenders: Vec<String>,
    /// A contender of your own, as `NAME=COMMAND ARGUMENTS`; `{addr}`, `{host}`, `{port}` and `{data}` are filled in.
    #[arg(long)]
    custom: Vec<String>,
    /// The binary of the contender `dormouse`.
    #[arg(long, default_value = "../target/release/client-socket-rust")]
    dormouse: PathBuf,
    /// Scenarios, by name. Default: all.
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<String>,
    /// The contender that the others are divided by.
    #[arg(long, default_value = "floor")]
    base: String,
    /// Rounds.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Rounds of the scenarios that wait for hibernation.
    #[arg(long, default_value_t = 2)]
    slow_rounds: u32,
    /// Length of the measured phase of echo and relay, in seconds.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// How long servers are given to hibernate, in seconds. workerd and Dormouse take ten.
    #[arg(long, default_value_t = 13.0)]
    settle: f64,
    /// The server's core.
    #[arg(long, default_value_t = 0)]
    server_cpu: usize,
    /// The load generator's core.
    #[arg(long, default_value_t = 1)]
    load_cpu: usize,
    /// Let the scheduler place both.
    #[arg(long)]
    no_pin: bool,
    /// Let the load generator spin instead of sleep, so that servers do not pay for waking it.
    #[arg(long)]
    spin: bool,
    /// Write every run to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Folder of this package, where the other contenders are installed.
    #[arg(long, default_value_os_t = package_folder())]
    home: PathBuf,
}

/// One run of one contender.
#[derive(Debug)]
struct Run {
    scenario: &'static str,
    contender: usize,
    round: u32,
    /// What `load` said, or why there is nothing.
    report: Result<Value, String>,
}

/// Runs everything that was asked for and prints a table per scenario.
///
/// # Errors
/// An unknown name, a contender that was asked for and is not installed, or, at the end, runs that failed.
pub fn run(options: &Options) -> Result<()> {
    system::raise_open_files();
    let contenders = contender::select(options)?;
    let scenarios = scenario::select(&options.scenarios)?;
    let names: Vec<&str> = contenders.iter().map(Contender::name).collect();
    println!("{}", machine());
    println!("contenders: {}\n", names.join(", "));
    let mut runs = Vec::new();
    for scenario in scenarios {
        let rounds = if scenario.slow { options.slow_rounds.min(options.rounds) } else { options.rounds };
        let first = runs.len();
        for round in 0..rounds {
            for (index, contender) in contenders.iter().enumerate() {
                eprintln!("{} {}/{rounds} {}", scenario.name, round + 1, contender.name());
                let report = measure(options, contender, scenario).map_err(|error| format!("{error:#}"));
                if let Err(error) = &report {
                    eprintln!("failed: {error}");
                }
                runs.push(Run { scenario: scenario.name, contender: index, round, report });
            }
        }
        println!("{}", table::render(scenario, &names, &options.base, &runs[first..]));
    }
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", to_json(&names, &runs)))
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    let failed = runs.iter().filter(|run| run.report.is_err()).count();
    ensure!(failed == 0, "{failed} of {} runs failed", runs.len());
    Ok(())
}

/// What can be measured, and what is installed, as text.
///
/// # Errors
/// A custom contender that cannot be understood.
pub fn list(options: &Options) -> Result<String> {
    let scenarios = SCENARIOS.iter().map(|scenario| format!("  {:<14} {}\n", scenario.name, scenario.title));
    let contenders = contender::all(options)?.into_iter().map(|contender| {
        let state = contender.missing().map_or_else(|| "ready".to_owned(), |hint| format!("not installed: {hint}"));
        format!("  {:<14} {state}\n", contender.name())
    });
    Ok(format!("scenarios\n{}contenders\n{}", scenarios.collect::<String>(), contenders.collect::<String>()))
}

/// Starts a server, drives it, and stops it.
fn measure(options: &Options, contender: &Contender, scenario: &Scenario) -> Result<Value> {
    let cpu = |cpu| Some(cpu).filter(|_| !options.no_pin);
    let server = contender.start(cpu(options.server_cpu))?;
    let mut load = Command::new(contender::sibling("load")?);
    load.args(["--json", "--addr", &server.addr().to_string(), "--pid", &server.pid().to_string()]);
    if let Some(cpu) = cpu(options.load_cpu) {
        load.args(["--cpu", &cpu.to_string()]);
    }
    if options.spin {
        load.arg("--spin");
    }
    load.args(scenario.arguments(options.seconds, options.settle));
    let output = load.stdin(Stdio::null()).output().context("failed to start the load generator")?;
    if !output.status.success() {
        let (data, talk) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("{} {}\n{}", talk.trim(), data.trim(), server.last_words());
    }
    serde_json::from_slice(&output.stdout).context("failed to understand the load generator")
}

fn to_json(names: &[&str], runs: &[Run]) -> Value {
    let runs: Vec<Value> = runs
        .iter()
        .map(|run| {
            let (key, value) = match &run.report {
                Ok(report) => ("report", report.clone()),
                Err(error) => ("error", error.clone().into()),
            };
            json!({ "scenario": run.scenario, "contender": names[run.contender], "round": run.round, key: value })
        })
        .collect();
    json!({ "machine": machine(), "runs": runs })
}

/// What a reader of the figures must know of the machine.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ");
    let model = model.map_or("unknown processor", |(_, model)| model);
    format!("{cores} cores, {model}, Linux {}, load average {load}", kernel.trim())
}

/// `cargo run` says where the package is; otherwise this is started in it.
fn package_folder() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}
