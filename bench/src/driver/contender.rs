//! The servers that are compared: what there is, what each can run, and what is missing to do so.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::Options;
use super::scenario::Worker;

/// A server that can be started on an address.
#[derive(Debug)]
pub(super) struct Contender {
    name: String,
    /// How it is started for the scenarios about messages; `None` if it takes no part in them.
    relay: Option<Program>,
    /// The same for the scenarios about storage.
    storage: Option<Program>,
}

/// How to start a server.
#[derive(Debug)]
pub(super) struct Program {
    /// Program and arguments, with places for `{addr}`, `{host}`, `{port}` and `{data}`.
    pub(super) command: Vec<String>,
    /// What to do if the program is not there.
    hint: &'static str,
}

/// The contenders asked for; if none are, all that are installed for any of these workers.
pub(super) fn select(options: &Options, workers: &[Worker]) -> Result<Vec<Contender>> {
    let mut all = all(options)?;
    if options.contenders.is_empty() {
        all.retain(|contender| workers.iter().any(|worker| contender.ready(*worker)));
        return Ok(all);
    }
    // A contender of one's own is asked for by being given.
    let own = options.custom.iter().chain(&options.custom_storage);
    let own = own.filter_map(|custom| Some(custom.split_once('=')?.0));
    let mut names: Vec<&str> = options.contenders.iter().map(String::as_str).collect();
    for name in own {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
        .into_iter()
        .map(|name| {
            let place = all.iter().position(|contender| contender.name == name);
            let place = place.with_context(|| format!("there is no contender {name}; `bench list` shows them"))?;
            let contender = all.swap_remove(place);
            contender.check(workers)?;
            Ok(contender)
        })
        .collect()
}

/// All contenders that this driver knows of, installed or not.
pub(super) fn all(options: &Options) -> Result<Vec<Contender>> {
    let home = &options.home;
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "64" };
    let in_home = |path: &str| home.join(path).to_string_lossy().into_owned();
    let workerd = |config: &str, extra: &[&str]| {
        let program = in_home(&format!("workerd/node_modules/@cloudflare/workerd-linux-{architecture}/bin/workerd"));
        let fixed = [&program, "serve", &in_home(config), "--socket-addr", "http={addr}"];
        Program::new(&[&fixed, extra].concat(), "run `npm ci` in workerd/")
    };
    let on_disk = ["--directory-path", "objects={data}"];
    let floor = sibling("floor")?.to_string_lossy().into_owned();
    let floor = |extra: &[&str]| {
        Program::new(&[&[&floor, "--listen", "{addr}"], extra].concat(), "run `cargo build --release`")
    };
    let (bun, bun_server) = (in_home("bun/node_modules/bun/bin/bun.exe"), in_home("bun/server.js"));
    let bun = Program::new(&[&bun, &bun_server, "{host}", "{port}"], "run `npm ci` in bun/");
    let dormouse = Program::new(&[&home.join(&options.dormouse).to_string_lossy()], "see --dormouse");
    let serve = home.join(&options.dormouse_serve);
    let serve = [&serve.to_string_lossy(), "serve", &in_home("storage"), "--listen", "{addr}", "--data", "{data}"];
    let serve = Program::new(&serve, "see --dormouse-serve");
    let mut contenders = vec![
        Contender::new("floor", Some(floor(&[])), None),
        Contender::new("floor-tokio", Some(floor(&["--runtime", "tokio"])), None),
        Contender::new("dormouse", Some(dormouse), Some(serve)),
        Contender::new("bun", Some(bun), None),
        Contender::new("workerd", Some(workerd("workerd/memory.capnp", &[])), None),
        Contender::new(
            "workerd-disk",
            Some(workerd("workerd/disk.capnp", &on_disk)),
            Some(workerd("storage/workerd.capnp", &on_disk)),
        ),
    ];
    for custom in &options.custom {
        own(&mut contenders, custom, Worker::Relay).context("--custom is NAME=COMMAND")?;
    }
    for custom in &options.custom_storage {
        own(&mut contenders, custom, Worker::Storage).context("--custom-storage is NAME=COMMAND")?;
    }
    Ok(contenders)
}

/// Adds a contender of the user's, or to one that the user has given for the other worker.
fn own(contenders: &mut Vec<Contender>, custom: &str, worker: Worker) -> Result<()> {
    let (name, command) = custom.split_once('=').context("there is no `=`")?;
    let command: Vec<&str> = command.split_whitespace().collect();
    ensure!(!command.is_empty(), "{name} has no command");
    let program = Some(Program::new(&command, "see --custom and --custom-storage"));
    let mut contender = match contenders.iter().position(|contender| contender.name == name) {
        Some(place) => contenders.remove(place),
        None => Contender::new(name, None, None),
    };
    let place = match worker {
        Worker::Relay => &mut contender.relay,
        Worker::Storage => &mut contender.storage,
    };
    ensure!(place.is_none(), "there is another contender {name}");
    *place = program;
    contenders.push(contender);
    Ok(())
}

/// A program that is built together with this one.
pub(super) fn sibling(program: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("failed to find this program")?;
    Ok(own.with_file_name(program))
}

impl Contender {
    fn new(name: &str, relay: Option<Program>, storage: Option<Program>) -> Self {
        Self { name: name.to_owned(), relay, storage }
    }

    /// Its name, for tables and the command line.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How it serves this worker; `None` if it cannot.
    pub(super) fn program(&self, worker: Worker) -> Option<&Program> {
        match worker {
            Worker::Relay => self.relay.as_ref(),
            Worker::Storage => self.storage.as_ref(),
        }
    }

    /// Whether it can serve this worker and is installed.
    pub(super) fn ready(&self, worker: Worker) -> bool {
        self.program(worker).is_some_and(|program| program.missing().is_none())
    }

    /// That it is installed for those of the workers that it can serve, and can serve one.
    fn check(&self, workers: &[Worker]) -> Result<()> {
        let mut programs = workers.iter().filter_map(|worker| self.program(*worker)).peekable();
        ensure!(programs.peek().is_some(), "contender {} takes no part in these scenarios", self.name);
        match programs.find_map(Program::missing) {
            None => Ok(()),
            Some(hint) => bail!("contender {} is not installed: {hint}", self.name),
        }
    }
}

impl Program {
    fn new(command: &[&str], hint: &'static str) -> Self {
        Self { command: command.iter().map(|part| (*part).to_owned()).collect(), hint }
    }

    /// What to do to install it; `None` if it is there.
    pub(super) fn missing(&self) -> Option<&'static str> {
        let program = &self.command[0];
        // A bare name is looked up by the system.
        (program.contains('/') && !Path::new(program).is_file()).then_some(self.hint)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        options: Options,
    }

    fn options(arguments: &[&str]) -> Options {
        Arguments::parse_from([&["bench"], arguments].concat()).options
    }

    fn names(arguments: &[&str], workers: &[Worker]) -> Result<Vec<String>> {
        Ok(select(&options(arguments), workers)?.iter().map(|contender| contender.name.clone()).collect())
    }

    #[test]
    fn own_contenders_take_part_where_they_are_given() {
        let given = ["--custom", "one=a {addr}", "--custom-storage", "one=b", "--custom-storage", "two=c"];
        let all = all(&options(&given)).unwrap();
        let one = all.iter().find(|contender| contender.name == "one").unwrap();
        assert_eq!(one.program(Worker::Relay).unwrap().command, ["a", "{addr}"]);
        assert_eq!(one.program(Worker::Storage).unwrap().command, ["b"]);
        let two = all.iter().find(|contender| contender.name == "two").unwrap();
        assert!(two.ready(Worker::Storage) && !two.ready(Worker::Relay));
        for wrong in ["none", "empty=", "one=d", "workerd-disk=d"] {
            let given = ["--custom-storage", "one=b", "--custom-storage", wrong];
            assert!(super::all(&options(&given)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn who_cannot_take_part_is_named() {
        let given = ["--contenders", "floor", "--custom-storage", "one=b"];
        let error = names(&given, &[Worker::Storage]).unwrap_err().to_string();
        assert!(error.contains("floor takes no part"), "{error}");
        let given = ["--contenders", "dormouse", "--dormouse-serve", "/does/not/exist"];
        let error = names(&given, &[Worker::Storage]).unwrap_err().to_string();
        assert!(error.contains("not installed: see --dormouse-serve"), "{error}");
        let given = ["--home", "/does/not/exist", "--custom-storage", "one=b"];
        assert_eq!(names(&given, &[Worker::Storage]).unwrap(), ["one"]);
    }
}
