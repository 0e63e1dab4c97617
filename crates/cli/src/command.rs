//! The verbs of `dormouse`, and what they have in common.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::flags::ServerFlags;
use crate::objects::Objects;
use crate::{check, dev, finish, objects, serve};

/// A self-hosted server for durable objects with WebSockets.
#[derive(Debug, Parser)]
#[command(name = "dormouse", version)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serves projects and reloads them when a file changes; sockets stay open
    Dev {
        #[command(flatten)]
        projects: Projects,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Serves projects
    Serve {
        #[command(flatten)]
        projects: Projects,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Looks into what objects store, copies and deletes it; the server may run meanwhile
    Objects(Objects),
    /// Tells what a project uses, and what of it is not supported
    Check {
        #[command(flatten)]
        projects: Projects,
    },
}

/// What is to be served.
#[derive(Clone, Debug, Args)]
pub(crate) struct Projects {
    /// Project folders, wrangler files, or single .js or .ts files; the first one answers requests [default: .]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// The environment of the wrangler files to use
    #[arg(long, value_name = "NAME", env = "DORMOUSE_ENV")]
    pub(crate) env: Option<String>,

    /// Memory that each Worker may hold on each shard, in MiB
    #[arg(long, value_name = "MIB", env = "DORMOUSE_MEMORY", default_value = "128")]
    pub(crate) memory: NonZeroU16,
}

impl Projects {
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        if self.paths.is_empty() { vec![PathBuf::from(".")] } else { self.paths.clone() }
    }
}

/// Reads the command line of the process and does what it says.
///
/// `--help` and faulty flags end the process, as usual.
pub fn main() -> ExitCode {
    finish(match Command::parse().verb {
        Verb::Dev { projects, server } => dev::run(&projects, &server),
        Verb::Serve { projects, server } => serve::run(&projects, &server),
        Verb::Objects(objects) => objects::run(&objects),
        Verb::Check { projects } => check::run(&projects),
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_the_verbs_is_sound() {
        super::Command::command().debug_assert();
    }
}
