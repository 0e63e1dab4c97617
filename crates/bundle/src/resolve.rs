//! What an import names before anyone looks at the disk: an alias, a module of the platform, an address.
//!
//! Wrangler leaves `cloudflare:*` and `node:*` to the runtime, and so do we.

use std::collections::BTreeMap;
use std::path::Path;

use nodejs_built_in_modules::is_nodejs_builtin_module;

use crate::error::Problem;
use crate::limits::ALIAS_HOPS_MAX;

/// What a specifier names by its form alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A module that the platform has: the import stays.
    Platform,
    /// Something on another machine.
    Network,
    /// A file or a package: the disk decides.
    Disk,
}

/// Tells what `specifier` names.
pub(crate) fn target(specifier: &str) -> Target {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| specifier.starts_with(prefix));
    if starts(&["cloudflare:", "node:"]) {
        Target::Platform
    } else if starts(&["http://", "https://", "//"]) {
        Target::Network
    } else {
        Target::Disk
    }
}

/// The name under which the platform has a built-in module of Node that is imported by its bare name.
pub(crate) fn built_in(specifier: &str) -> Option<String> {
    is_nodejs_builtin_module(specifier).then(|| format!("node:{specifier}"))
}

/// What stands for `specifier`: the alias of itself, or of the package that it is a path in.
pub(crate) fn alias(aliases: &BTreeMap<String, String>, specifier: &str) -> Option<String> {
    let mut found: Option<String> = None;
    for _ in 0..ALIAS_HOPS_MAX {
        let at = found.as_deref().unwrap_or(specifier);
        match hop(aliases, at) {
            Some(next) if next != at => found = Some(next),
            _ => break,
        }
    }
    found
}

fn hop(aliases: &BTreeMap<String, String>, specifier: &str) -> Option<String> {
    if let Some(whole) = aliases.get(specifier) {
        return Some(whole.clone());
    }
    let inside = |(name, stands): (&String, &String)| {
        let rest = specifier.strip_prefix(name.as_str())?;
        rest.starts_with('/').then(|| (name.len(), format!("{stands}{rest}")))
    };
    aliases.iter().filter_map(inside).max_by_key(|(len, _)| *len).map(|(_, found)| found)
}

/// What to say of an import in `importer` that leads nowhere.
pub(crate) fn missing(specifier: &str, importer: &Path) -> Problem {
    if specifier.starts_with(['.', '/']) {
        return Problem::new(format!("cannot find \"{specifier}\""));
    }
    let is_installed = |name: &str| {
        let folders = importer.ancestors().skip(1);
        folders.into_iter().any(|folder| folder.join("node_modules").join(name).is_dir())
    };
    match package(specifier) {
        Some(name) if is_installed(name) => {
            Problem::new(format!("cannot find \"{specifier}\", though the package \"{name}\" is installed"))
        }
        Some(name) => {
            Problem::new(format!("cannot find the package \"{name}\"")).with_hint(format!("npm install {name}"))
        }
        None => Problem::new(format!("cannot find \"{specifier}\"")).with_hint(
            "a name that is no package needs `paths` in tsconfig.json, `imports` in package.json or an alias",
        ),
    }
}

/// The name of the package that `specifier` is in, if it can be the name of one.
fn package(specifier: &str) -> Option<&str> {
    let end = if specifier.starts_with('@') {
        let slash = specifier.find('/')?;
        specifier[slash + 1..].find('/').map(|next| slash + 1 + next)
    } else {
        specifier.find('/')
    };
    let name = &specifier[..end.unwrap_or(specifier.len())];
    let is_plain = |part: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
        !part.is_empty() && !part.starts_with(['.', '_', '~']) && part.chars().all(allowed)
    };
    let parts = name.strip_prefix('@').unwrap_or(name).split('/');
    parts.into_iter().all(is_plain).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_by_form() {
        let cases = [
            ("cloudflare:workers", Target::Platform),
            ("node:buffer", Target::Platform),
            ("https://esm.sh/x", Target::Network),
            ("buffer", Target::Disk),
            ("./a", Target::Disk),
        ];
        for (specifier, expected) in cases {
            assert_eq!(target(specifier), expected, "{specifier}");
        }
        assert_eq!(built_in("fs/promises").as_deref(), Some("node:fs/promises"));
        assert_eq!(built_in("hono"), None);
    }

    #[test]
    fn aliases_replace_names_and_paths_in_them() {
        let pairs = [("a", "b"), ("b", "./b.js"), ("@x/y", "@z/y"), ("loop", "pool"), ("pool", "loop")];
        let aliases = pairs.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect();
        let cases = [("a", Some("./b.js")), ("@x/y/sub", Some("@z/y/sub")), ("ab", None), ("c", None)];
        for (specifier, expected) in cases {
            assert_eq!(alias(&aliases, specifier).as_deref(), expected, "{specifier}");
        }
        assert!(alias(&aliases, "loop").is_some(), "a circle ends");
    }

    #[test]
    fn names_of_packages() {
        let cases = [
            ("hono", Some("hono")),
            ("hono/cors", Some("hono")),
            ("@a/b", Some("@a/b")),
            ("@a/b/c/d", Some("@a/b")),
            ("@/components", None),
            ("~/x", None),
            ("#internal", None),
            ("virtual:x", None),
        ];
        for (specifier, expected) in cases {
            assert_eq!(package(specifier), expected, "{specifier}");
        }
    }
}
