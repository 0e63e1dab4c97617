//! The driver: runs the contenders side by side and compares them.
//!
//! Noise on a machine comes and goes, so contenders take turns (A B C A B C …), each run gets a fresh server, and a
//! ratio is the median of the ratios within each round rather than the ratio of two medians.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::http::Connection;
use crate::{disk, process, system};

/// The servers that are compared.
mod contender;
/// What is measured.
mod scenario;
/// A server at work, and its data.
mod server;
/// Medians and ratios as text.
mod table;

use contender::Contender;
use scenario::{ACCOUNT, Before, Cache, SCENARIOS, Scenario, Work, Worker};
use server::{Folder, Server, Syncs};

/// Options of `bench run`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Contenders, by name, in the order in which they take turns. Default: all that are installed.
    #[arg(long, value_delimiter = ',')]
    contenders: Vec<String>,
    /// A contender of your own, as `NAME=COMMAND ARGUMENTS`; `{addr}`, `{host}`, `{port}` and `{data}` are filled in.
    #[arg(long)]
    custom: Vec<String>,
    /// The same for the scenarios about storage; it must serve `storage/worker.js` or what acts alike.
    #[arg(long)]
    custom_storage: Vec<String>,
    /// The binary of the contender `dormouse`.
    #[arg(long, default_value = "../target/release/client-socket-rust")]
    dormouse: PathBuf,
    /// The binary of the contender `dormouse` in the scenarios about storage: the one with the verb `serve`.
    #[arg(long, default_value = "../target/release/dormouse")]
    dormouse_serve: PathBuf,
    /// Folder for the data of servers, on a real disk. Default: `bench-data` beside this program.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Scenarios, by name or group (`relay-all`, `storage-all`). Default: all.
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<String>,
    /// The contender that the others are divided by. Default: `floor`; `workerd-disk` where it is about storage.
    #[arg(long)]
    base: Option<String>,
    /// Rounds.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Rounds of the scenarios that wait for hibernation.
    #[arg(long, default_value_t = 2)]
    slow_rounds: u32,
    /// Length of the measured phase where traffic is steady, in seconds.
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
    let scenarios = scenario::select(&options.scenarios)?;
    let workers: Vec<Worker> = scenarios.iter().map(|scenario| scenario.worker).collect();
    let contenders = contender::select(options, &workers)?;
    let names: Vec<&str> = contenders.iter().map(Contender::name).collect();
    let bench = Bench::new(options, &workers)?;
    println!("{}", machine());
    println!("contenders: {}; data in {}\n", names.join(", "), bench.data.display());
    let mut runs = Vec::new();
    for scenario in scenarios {
        let rounds = if scenario.slow { options.slow_rounds.min(options.rounds) } else { options.rounds };
        let first = runs.len();
        let takes_part = |(_, contender): &(usize, &Contender)| contender.ready(scenario.worker);
        let mut part: Vec<_> = contenders.iter().enumerate().filter(takes_part).map(|part| (part, None)).collect();
        for round in 0..rounds {
            for ((index, contender), prepared) in &mut part {
                eprintln!("{} {}/{rounds} {}", scenario.name, round + 1, contender.name());
                let report = bench.measure(contender, scenario, prepared).map_err(|error| format!("{error:#}"));
                if let Err(error) = &report {
                    eprintln!("failed: {error}");
                }
                runs.push(Run { scenario: scenario.name, contender: *index, round, report });
            }
        }
        let base = options.base.as_deref().unwrap_or(scenario.worker.base());
        println!("{}", table::render(scenario, &names, base, &runs[first..]));
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
    Ok([list_group(options, Worker::Relay)?, list_group(options, Worker::Storage)?].join("\n"))
}

fn list_group(options: &Options, worker: Worker) -> Result<String> {
    let scenarios = SCENARIOS.iter().filter(|scenario| scenario.worker == worker);
    let scenarios = scenarios.map(|scenario| format!("  {:<14} {}\n", scenario.name, scenario.title));
    let contenders = contender::all(options)?.into_iter().filter_map(|contender| {
        let missing = contender.program(worker)?.missing();
        let state = missing.map_or_else(|| "ready".to_owned(), |hint| format!("not installed: {hint}"));
        Some(format!("  {:<14} {state}\n", contender.name()))
    });
    let (scenarios, contenders) = (scenarios.collect::<String>(), contenders.collect::<String>());
    Ok(format!("{}: scenarios\n{scenarios}{}: contenders\n{contenders}", worker.group(), worker.group()))
}

/// What all runs have in common.
struct Bench<'o> {
    options: &'o Options,
    /// Folder for all data.
    data: PathBuf,
    /// Whether syncs can be counted.
    can_trace: bool,
}

impl<'o> Bench<'o> {
    fn new(options: &'o Options, workers: &[Worker]) -> Result<Self> {
        let data = options.data.clone().map_or_else(|| contender::sibling("bench-data"), Ok)?;
        std::fs::create_dir_all(&data).with_context(|| format!("failed to make the folder {}", data.display()))?;
        let data = std::fs::canonicalize(data)?;
        let about_storage = workers.contains(&Worker::Storage);
        if about_storage && disk::is_memory(&data)? {
            bail!("{} is in memory, where durability costs nothing: give --data on a disk", data.display());
        }
        let can_trace = about_storage && server::can_trace();
        if about_storage && !can_trace {
            eprintln!("syncs are not counted: there is no strace, or it may not trace");
        }
        Ok(Self { options, data, can_trace })
    }

    /// Starts a server, drives it, and stops it.
    fn measure(&self, contender: &Contender, scenario: &Scenario, prepared: &mut Option<Rc<Folder>>) -> Result<Value> {
        let folder = self.folder(contender, scenario, prepared)?;
        match scenario.work {
            Work::Boot => self.boot(contender, scenario.worker, &folder),
            Work::Load(load) => {
                let server = self.start(contender, scenario.worker, Syncs::Untouched, &folder)?;
                if matches!(scenario.before, Before::Nothing) {
                    return self.load(&server, load, None, &[]);
                }
                let report = self.load(&server, load, Some(ACCOUNT), &[])?;
                server.stop()?;
                Ok(report)
            }
            Work::LoadAndSyncs(load) => {
                let server = self.start(contender, scenario.worker, Syncs::Untouched, &folder)?;
                let data = ["--data".to_owned(), folder.data().to_string_lossy().into_owned()];
                let mut report = self.load(&server, load, None, &data)?;
                drop(server);
                if self.can_trace {
                    let syncs = self.count_syncs(contender, scenario.worker, load)?;
                    report["syncs"] = syncs;
                }
                Ok(report)
            }
        }
    }

    /// The data that a run starts with.
    fn folder(
        &self,
        contender: &Contender,
        scenario: &Scenario,
        prepared: &mut Option<Rc<Folder>>,
    ) -> Result<Rc<Folder>> {
        let Before::Prepared { load, cache } = scenario.before else { return Folder::new(&self.data) };
        let folder = match prepared {
            Some(folder) => Rc::clone(folder),
            None => {
                let folder = Folder::new(&self.data)?;
                let syncs = if self.can_trace { Syncs::Skipped } else { Syncs::Untouched };
                let server = self.start(contender, scenario.worker, syncs, &folder)?;
                self.load(&server, load, Some(ACCOUNT), &[]).context("failed to prepare the data")?;
                server.stop()?;
                // Or the disk would still be busy with it while something is measured.
                disk::write_out(&folder.data()).context("failed to write the data to the disk")?;
                Rc::clone(prepared.insert(folder))
            }
        };
        if cache == Cache::Cold {
            // A round before may have written.
            disk::write_out(&folder.data())?;
            disk::evict(&folder.data()).context("failed to make the kernel forget the data")?;
        }
        Ok(folder)
    }

    fn start(&self, contender: &Contender, worker: Worker, syncs: Syncs, folder: &Rc<Folder>) -> Result<Server> {
        let cpu = self.cpu(self.options.server_cpu);
        Server::start(contender, server::Run { worker, cpu, syncs }, folder)
    }

    /// A core, if anything is pinned.
    fn cpu(&self, cpu: usize) -> Option<usize> {
        Some(cpu).filter(|_| !self.options.no_pin)
    }

    /// Syncs per message, by a server that is slowed down by being watched.
    fn count_syncs(&self, contender: &Contender, worker: Worker, load: &str) -> Result<Value> {
        let folder = Folder::new(&self.data)?;
        let server = self.start(contender, worker, Syncs::Logged, &folder)?;
        let syncs = ["--syncs".to_owned(), folder.syncs().to_string_lossy().into_owned()];
        Ok(self.load(&server, load, None, &syncs)?["syncs"].take())
    }

    /// From a server's start to its first answer, by an object that has stored a row for it.
    fn boot(&self, contender: &Contender, worker: Worker, folder: &Rc<Folder>) -> Result<Value> {
        let server = self.start(contender, worker, Syncs::Untouched, folder)?;
        let mut connection = Connection::open(server.addr())?;
        connection.send("/write", &format!("{ACCOUNT}-0"))?;
        let answer = connection.receive().with_context(|| server.last_words())?;
        let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let cpu = process::cpu(server.pid()).context("failed to read the server's CPU time")?;
        let memory = process::memory(server.pid()).context("failed to read the server's memory")?;
        let report = json!({
            "mode": "boot",
            "boot_ms": millis(answer.first_byte - server.started()),
            "listen_ms": millis(server.listening()),
            "server_ms": cpu.exact_ns as f64 / 1e6,
            "rss_kb": memory.rss / 1024,
        });
        drop(connection);
        server.stop()?;
        Ok(report)
    }

    /// Runs the load generator.
    fn load(&self, server: &Server, load: &str, account: Option<&str>, more: &[String]) -> Result<Value> {
        let options = self.options;
        let mut command = Command::new(contender::sibling("load")?);
        command.args(["--json", "--addr", &server.addr().to_string(), "--pid", &server.pid().to_string()]);
        command.args(more);
        if let Some(cpu) = self.cpu(options.load_cpu) {
            command.args(["--cpu", &cpu.to_string()]);
        }
        if options.spin {
            command.arg("--spin");
        }
        if let Some(account) = account {
            command.args(["--account", account]);
        }
        command.args(scenario::arguments(load, options.seconds, options.settle));
        let output = command.stdin(Stdio::null()).output().context("failed to start the load generator")?;
        if !output.status.success() {
            let (data, talk) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            bail!("{} {}\n{}", talk.trim(), data.trim(), server.last_words());
        }
        serde_json::from_slice(&output.stdout).context("failed to understand the load generator")
    }
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
