//! Which module a specifier names, and what is in it.
//!
//! A realm has three kinds: the platform's own (`dormouse:…`), which only the platform may import; modules that the
//! platform offers (`cloudflare:…`, `node:…`); and the Worker's. Invariant: nothing is read from a disk or a network.

use std::borrow::Cow;
use std::sync::Arc;

use crate::platform::{self, Platform};
use crate::worker::{ModuleSource, Version};

/// Finds modules for an engine.
pub(crate) trait Loader {
    /// The name of the module that `specifier` means in the module `base`, or why there is none.
    fn resolve(&self, base: &str, specifier: &str) -> Result<String, String>;

    /// What the module of that name is made of.
    fn load(&self, name: &str) -> Option<Loaded<'_>>;
}

/// What a module is made of.
pub(crate) enum Loaded<'a> {
    Source(Cow<'a, str>),
    /// By [`crate::engine::Engine::compile`] of this process.
    Compiled(Cow<'a, [u8]>),
}

/// The modules of one version of a Worker, over those of the platform.
pub(crate) struct Modules {
    pub(crate) version: Arc<Version>,
    pub(crate) platform: Arc<Platform>,
}

impl Loader for Modules {
    fn resolve(&self, base: &str, specifier: &str) -> Result<String, String> {
        if let Some(name) = platform::resolve(base, specifier) {
            return Ok(name);
        }
        let name = match specifier.starts_with("./") || specifier.starts_with("../") {
            true => join(base, specifier),
            false => specifier.trim_start_matches('/').to_owned(),
        };
        match self.version.module(&name) {
            Some(_) => Ok(name),
            None => Err(format!("No such module \"{specifier}\".\n  imported from \"{base}\"")),
        }
    }

    fn load(&self, name: &str) -> Option<Loaded<'_>> {
        if platform::owns(name) {
            return self.platform.load(name);
        }
        Some(match &self.version.module(name)?.source {
            ModuleSource::Script(source) => Loaded::Source(Cow::Borrowed(source)),
            ModuleSource::Text(text) => Loaded::Source(Cow::Owned(format!("export default {};", quoted(text)))),
            ModuleSource::Json(text) => {
                Loaded::Source(Cow::Owned(format!("export default JSON.parse({});", quoted(text))))
            }
            ModuleSource::Data(bytes) => {
                let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
                Loaded::Source(Cow::Owned(format!("export default new Uint8Array([{}]).buffer;", numbers.join(","))))
            }
        })
    }
}

/// For compiling the platform, module by module. An engine wants to have what a module imports before it compiles it, and
/// looks into that only when the module is run, which these never are: so the others are empty.
pub(crate) struct Unlinked;

impl Loader for Unlinked {
    fn resolve(&self, base: &str, specifier: &str) -> Result<String, String> {
        platform::resolve(base, specifier).ok_or_else(|| format!("the platform has no module {specifier}"))
    }

    fn load(&self, name: &str) -> Option<Loaded<'_>> {
        platform::owns(name).then_some(Loaded::Source(Cow::Borrowed("")))
    }
}

/// A JavaScript string literal.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The path that `relative` means beside the module `base`.
fn join(base: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::{join, quoted};

    #[test]
    fn paths_are_joined() {
        for (base, relative, path) in [
            ("index.js", "./a.js", "a.js"),
            ("src/index.js", "./a.js", "src/a.js"),
            ("src/x/index.js", "../a/b.js", "src/a/b.js"),
            ("index.js", "../../a.js", "a.js"),
        ] {
            assert_eq!(join(base, relative), path);
        }
    }

    #[test]
    fn any_text_is_a_literal() {
        assert_eq!(quoted("a\"\n\u{2028}\\"), "\"a\\\"\\n\u{2028}\\\\\"");
    }
}
