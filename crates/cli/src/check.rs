//! `dormouse check`: what a project uses, what is supported of it, and where it stands.

use std::sync::Arc;

use dormouse_server::js::{Binding, ExportKind, Platform, Worker};

use crate::command::Projects;
use crate::project::Loaded;

#[expect(clippy::print_stdout, reason = "what was asked for goes to standard output")]
pub(crate) fn run(projects: &Projects) -> anyhow::Result<()> {
    let platform = Platform::compile()?;
    let loaded = Loaded::load(projects, &platform)?;
    for worker in &loaded.workers {
        println!("{}", report(worker, &platform)?);
    }
    for notice in &loaded.notices {
        println!("note: {notice}");
    }
    for line in &loaded.unsupported {
        println!("not supported: {line}");
    }
    platform.application(loaded.workers)?;
    println!("ok: it starts");
    Ok(())
}

/// What one Worker has.
fn report(worker: &Worker, platform: &Arc<Platform>) -> anyhow::Result<String> {
    let mut lines =
        vec![format!("Worker {}", worker.name), format!("  compatibility date  {}", worker.compatibility_date)];
    if !worker.compatibility_flags.is_empty() {
        lines.push(format!("  compatibility flags {}", worker.compatibility_flags.join(", ")));
    }
    for export in platform.exports(worker)? {
        let kind = match export.kind {
            ExportKind::Object => "class of durable objects",
            ExportKind::Entrypoint => "entrypoint",
            ExportKind::Handlers => "handlers",
            ExportKind::Other => "other",
        };
        lines.push(format!("  export {:<20} {kind}", export.name));
    }
    for binding in &worker.bindings {
        let (name, what) = match binding {
            Binding::Var { name, .. } => (name, "variable or secret".to_owned()),
            Binding::Namespace { name, class, worker: None } => (name, format!("objects of class {class}")),
            Binding::Namespace { name, class, worker: Some(worker) } => {
                (name, format!("objects of class {class} of Worker {worker}"))
            }
            Binding::Service { name, service, entrypoint: None } => (name, format!("Worker {service}")),
            Binding::Service { name, service, entrypoint: Some(entrypoint) } => {
                (name, format!("{entrypoint} of Worker {service}"))
            }
        };
        lines.push(format!("  env.{name:<23} {what}"));
    }
    Ok(lines.join("\n"))
}
