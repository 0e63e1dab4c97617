//! `dormouse objects`: what objects store, looked into, copied and deleted; of a server that runs or of one that does not.

mod print;

use std::io::ErrorKind::BrokenPipe;
use std::io::{self, IsTerminal as _, Write as _, stdin};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use dormouse_server::admin::{Admin, Answer, Ask};

use crate::flags::DATA;
use crate::objects::print::{Lines, Out};

/// How many objects are asked for at a time.
const PAGE_LEN: usize = 1_000;

#[derive(Debug, Args)]
pub(crate) struct Objects {
    #[command(subcommand)]
    verb: Verb,

    /// The data folder
    #[arg(long, value_name = "DIR", env = "DORMOUSE_DATA", default_value = DATA, global = true)]
    data: PathBuf,

    /// Print JSON, one value a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Lists objects: class, id, size on disk, next alarm, name
    List {
        /// Only those of a class: its name, or WORKER-CLASS
        #[arg(long)]
        class: Option<String>,

        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Shows one object: also its tables and keys, and what there is of it in memory
    Show {
        #[command(flatten)]
        object: Object,
    },
    /// Runs SQL on the database of an object, between two of its turns
    Sql {
        #[command(flatten)]
        object: Object,

        /// The statements; the rows of the last one are printed
        sql: String,

        /// Let them change something
        #[arg(long)]
        write: bool,
    },
    /// Copies the database of an object into a new file that any SQLite opens
    Export {
        #[command(flatten)]
        object: Object,

        /// The new file
        file: PathBuf,
    },
    /// Deletes an object with all that it stores, and closes its sockets
    Delete {
        #[command(flatten)]
        object: Object,

        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Which object.
#[derive(Debug, Args)]
struct Object {
    /// Its class: the name of the class, or WORKER-CLASS where several Workers have one of that name
    class: String,

    /// Its name, or its id in 64 hex digits
    #[arg(value_name = "NAME-OR-ID")]
    object: String,
}

pub(crate) fn run(objects: &Objects) -> anyhow::Result<()> {
    match answer(objects) {
        // Such as `head`: a reader that has heard enough is no failure.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == BrokenPipe) => Ok(()),
        result => result,
    }
}

fn answer(objects: &Objects) -> anyhow::Result<()> {
    let mut out = Out::new(objects.json);
    let admin = Admin::open(&objects.data)?;
    match &objects.verb {
        Verb::List { class, limit } => list(&admin, class.as_deref(), limit.unwrap_or(usize::MAX), &mut out)?,
        Verb::Show { object: Object { class, object } } => {
            let ask = Ask::Show { class: class.clone(), object: object.clone() };
            let Answer::Object(details) = admin.ask(&ask)? else { bail!(OTHER_VERSION) };
            out.details(&details)?;
        }
        Verb::Sql { object: Object { class, object }, sql, write } => {
            let ask = Ask::Sql { class: class.clone(), object: object.clone(), sql: sql.clone(), write: *write };
            let answer = admin.ask(&ask).map_err(|error| match error.to_string() {
                text if !write && text.contains("only reading is asked for") => {
                    anyhow::anyhow!("the statement writes; --write lets it")
                }
                _ => error.into(),
            });
            let Answer::Rows(rows) = answer? else { bail!(OTHER_VERSION) };
            out.rows(&rows)?;
        }
        Verb::Export { object: Object { class, object }, file } => {
            let file = std::path::absolute(file).with_context(|| format!("cannot write {}", file.display()))?;
            admin.ask(&Ask::Export { class: class.clone(), object: object.clone(), file })?;
        }
        Verb::Delete { object, yes } => {
            if !yes {
                confirm(object)?;
            }
            admin.ask(&Ask::Delete { class: object.class.clone(), object: object.object.clone() })?;
        }
    }
    Ok(out.finish()?)
}

/// What a server answers that is of another version than this.
const OTHER_VERSION: &str = "the server's answer is none to this question: it is of another version than this program";

fn list(admin: &Admin, class: Option<&str>, mut limit: usize, out: &mut Out) -> anyhow::Result<()> {
    let mut after = None;
    let mut lines = Lines::default();
    while limit > 0 {
        let ask = Ask::List { class: class.map(str::to_owned), after: after.take(), limit: limit.min(PAGE_LEN) };
        let Answer::Objects(objects) = admin.ask(&ask)? else { bail!(OTHER_VERSION) };
        let Some(last) = objects.last() else { break };
        after = Some((last.class.clone(), last.id.clone()));
        limit -= objects.len();
        out.objects(&objects, &mut lines)?;
    }
    Ok(())
}

/// Asks the person at the terminal.
fn confirm(object: &Object) -> anyhow::Result<()> {
    let Object { class, object } = object;
    if !stdin().is_terminal() {
        bail!("deleting cannot be undone; --yes says that it is meant");
    }
    let mut terminal = io::stderr().lock();
    write!(terminal, "Delete the object `{object}` of class {class} and all that it stores? [y/N] ")?;
    terminal.flush()?;
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    match line.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => bail!("not deleted"),
    }
}
