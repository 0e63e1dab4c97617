//! `dormouse serve`: projects, as they are now.

use dormouse_server::LogFormat;
use dormouse_server::js::Platform;

use crate::command::Projects;
use crate::flags::ServerFlags;
use crate::project::Loaded;

pub(crate) fn run(projects: &Projects, flags: &ServerFlags) -> anyhow::Result<()> {
    flags.init_logging(LogFormat::Compact)?;
    let platform = Platform::compile()?;
    let loaded = Loaded::load(projects, &platform)?;
    for notice in &loaded.notices {
        tracing::info!("{notice}");
    }
    Ok(flags.builder(&loaded.root).run(platform.application(loaded.workers)?)?)
}
