//! `dormouse serve`: projects, as they are now.

use dormouse_server::LogFormat;
use dormouse_server::js::application;

use crate::command::Projects;
use crate::flags::ServerFlags;
use crate::project::Loaded;

pub(crate) fn run(projects: &Projects, flags: &ServerFlags) -> anyhow::Result<()> {
    flags.init_logging(LogFormat::Compact)?;
    let loaded = Loaded::load(projects)?;
    for notice in &loaded.notices {
        tracing::info!("{notice}");
    }
    Ok(flags.builder(&loaded.root).run(application(loaded.workers)?)?)
}
