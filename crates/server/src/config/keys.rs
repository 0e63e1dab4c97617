//! Every key of a wrangler file that this version knows, as data.
//!
//! One row is one key: what it does here, whether an environment inherits it, and what may stand under it. Nothing else
//! in this module tree lists keys; docs/wrangler.md is checked against this table. A `[]` in a path is any element of
//! the list before it. The rows follow wrangler's own types (`EnvironmentInheritable` and its neighbours in
//! workers-sdk, packages/wrangler/src/config).

/// What a key does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It is read and does what Cloudflare's documentation says.
    Supported,
    /// It changes nothing here, and that is said once.
    Harmless,
    /// A Worker that has it needs something that is not there: it is refused.
    NotYet,
}

/// Where a key may stand, and what an environment without it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// At the top level and in environments; an environment without it has the value of the top level.
    Inherited,
    /// At the top level and in environments; an environment without it has none.
    Own,
    /// At the top level only, and in effect for every environment.
    TopLevel,
    /// Inside another key.
    Within,
}

/// What may stand under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A string that is not empty and not longer than a name may be.
    Name,
    /// A name of the characters that wrangler allows for Workers.
    WorkerName,
    /// Any string.
    Text,
    /// A day, `YYYY-MM-DD`.
    Date,
    Bool,
    /// A whole number from 0.
    Count,
    /// A list of names.
    Names,
    /// A list of strings.
    Texts,
    /// A string or a list of strings.
    TextOrTexts,
    /// A boolean or a list of strings.
    BoolOrTexts,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A table whose keys are rows of this file.
    Table,
    /// A list of tables whose keys are rows of this file.
    Rows,
    /// A table of names and strings.
    TextMap,
    /// A table of names and any values.
    Map,
    /// A table of names in `env` and any values.
    Vars,
    /// A table of environments.
    Environments,
    /// Not looked at.
    Any,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its path from the top level, such as `durable_objects.bindings[].name`.
    pub path: &'static str,
    /// What it does here.
    pub support: Support,
    /// Where it may stand.
    pub scope: Scope,
    /// Whether the table that holds it must have it.
    pub required: bool,
    pub(crate) shape: Shape,
}

impl Key {
    /// The path of the table that holds this key, and the key's own name.
    pub(crate) fn split(&self) -> (&'static str, &'static str) {
        self.path.rsplit_once('.').unwrap_or(("", self.path))
    }
}

/// Keys that are read and checked and that no server serves yet: who loads a project to serve it refuses them.
pub const UNSERVED: &[&str] =
    &["assets", "base_dir", "find_additional_modules", "no_bundle", "services[].props", "triggers"];

/// The keys that may stand in the table at `pattern`; the empty pattern is the top level.
pub(crate) fn keys_in(pattern: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.split().0 == pattern)
}

/// The row of a key at the top level.
pub(crate) fn top_level_key(name: &str) -> Option<&'static Key> {
    keys_in("").find(|key| key.path == name)
}

/// Values of `assets.not_found_handling`.
pub(crate) const NOT_FOUND: &[&str] = &["none", "404-page", "single-page-application"];
/// Values of `assets.html_handling`.
pub(crate) const HTML: &[&str] = &["auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"];
/// Values of `rules[].type`.
pub(crate) const MODULES: &[&str] = &["ESModule", "CommonJS", "CompiledWasm", "Text", "Data"];

/// The table.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    inherited("name", Shape::WorkerName),
    inherited("main", Shape::Text),
    inherited("compatibility_date", Shape::Date),
    inherited("compatibility_flags", Shape::Names),
    top_level("env", Shape::Environments),

    own("durable_objects", Shape::Table),
    within("durable_objects.bindings", Shape::Rows),
    needed("durable_objects.bindings[].name", Shape::Name),
    needed("durable_objects.bindings[].class_name", Shape::Name),
    within("durable_objects.bindings[].script_name", Shape::Name),
    within("durable_objects.bindings[].environment", Shape::Name),
    harmless("durable_objects.code_update_strategy", Scope::Within),
    inherited("migrations", Shape::Rows),
    needed("migrations[].tag", Shape::Name),
    within("migrations[].new_sqlite_classes", Shape::Names),
    within("migrations[].new_classes", Shape::Names),
    within("migrations[].renamed_classes", Shape::Rows),
    needed("migrations[].renamed_classes[].from", Shape::Name),
    needed("migrations[].renamed_classes[].to", Shape::Name),
    within("migrations[].deleted_classes", Shape::Names),
    within("migrations[].transferred_classes", Shape::Rows),
    needed("migrations[].transferred_classes[].from", Shape::Name),
    needed("migrations[].transferred_classes[].from_script", Shape::Name),
    needed("migrations[].transferred_classes[].to", Shape::Name),
    not_yet("exports", Scope::Inherited),

    own("vars", Shape::Vars),
    own("services", Shape::Rows),
    needed("services[].binding", Shape::Name),
    needed("services[].service", Shape::Name),
    within("services[].entrypoint", Shape::Name),
    within("services[].props", Shape::Map),
    harmless("services[].environment", Scope::Within),
    harmless("services[].remote", Scope::Within),
    inherited("assets", Shape::Table),
    needed("assets.directory", Shape::Text),
    within("assets.binding", Shape::Name),
    within("assets.not_found_handling", Shape::Choice(NOT_FOUND)),
    within("assets.html_handling", Shape::Choice(HTML)),
    within("assets.run_worker_first", Shape::BoolOrTexts),
    inherited("triggers", Shape::Table),
    within("triggers.crons", Shape::Texts),
    inherited("limits", Shape::Table),
    within("limits.cpu_ms", Shape::Count),
    within("limits.subrequests", Shape::Count),

    inherited("rules", Shape::Rows),
    needed("rules[].type", Shape::Choice(MODULES)),
    needed("rules[].globs", Shape::Texts),
    within("rules[].fallthrough", Shape::Bool),
    own("define", Shape::TextMap),
    top_level("alias", Shape::TextMap),
    inherited("build", Shape::Table),
    within("build.command", Shape::Text),
    within("build.cwd", Shape::Text),
    within("build.watch_dir", Shape::TextOrTexts),
    inherited("no_bundle", Shape::Bool),
    inherited("find_additional_modules", Shape::Bool),
    inherited("base_dir", Shape::Text),
    inherited("preserve_file_names", Shape::Bool),
    inherited("tsconfig", Shape::Text),
    inherited("jsx_factory", Shape::Text),
    inherited("jsx_fragment", Shape::Text),
    inherited("keep_names", Shape::Bool),

    harmless("$schema", Scope::TopLevel),
    harmless("account_id", Scope::Inherited),
    harmless("cache", Scope::Inherited),
    harmless("compliance_region", Scope::Inherited),
    harmless("dependencies_instrumentation", Scope::TopLevel),
    harmless("dev", Scope::TopLevel),
    harmless("first_party_worker", Scope::Inherited),
    harmless("keep_vars", Scope::TopLevel),
    harmless("legacy_env", Scope::TopLevel),
    harmless("logfwdr", Scope::Inherited),
    harmless("logpush", Scope::Inherited),
    harmless("minify", Scope::Inherited),
    harmless("observability", Scope::Inherited),
    harmless("placement", Scope::Inherited),
    harmless("preview_urls", Scope::Inherited),
    harmless("previews", Scope::Inherited),
    harmless("route", Scope::Inherited),
    harmless("routes", Scope::Inherited),
    harmless("send_metrics", Scope::TopLevel),
    harmless("upload_source_maps", Scope::Inherited),
    harmless("usage_model", Scope::Inherited),
    harmless("workers_dev", Scope::Inherited),

    not_yet("ai", Scope::Own),
    not_yet("ai_search", Scope::Own),
    not_yet("ai_search_namespaces", Scope::Own),
    not_yet("analytics_engine_datasets", Scope::Own),
    not_yet("artifacts", Scope::Own),
    not_yet("browser", Scope::Own),
    not_yet("cloudchamber", Scope::Own),
    not_yet("containers", Scope::Own),
    not_yet("d1_databases", Scope::Own),
    not_yet("data_blobs", Scope::TopLevel),
    not_yet("dispatch_namespaces", Scope::Own),
    not_yet("flagship", Scope::Own),
    not_yet("hyperdrive", Scope::Own),
    not_yet("images", Scope::Own),
    not_yet("kv_namespaces", Scope::Own),
    not_yet("media", Scope::Own),
    not_yet("mtls_certificates", Scope::Own),
    not_yet("pages_build_output_dir", Scope::TopLevel),
    not_yet("pipelines", Scope::Own),
    not_yet("python_modules", Scope::Inherited),
    not_yet("queues", Scope::Own),
    not_yet("r2_buckets", Scope::Own),
    not_yet("ratelimits", Scope::Own),
    not_yet("secrets", Scope::Own),
    not_yet("secrets_store_secrets", Scope::Own),
    not_yet("send_email", Scope::Own),
    not_yet("site", Scope::TopLevel),
    not_yet("stream", Scope::Own),
    not_yet("streaming_tail_consumers", Scope::Own),
    not_yet("tail_consumers", Scope::Own),
    not_yet("text_blobs", Scope::TopLevel),
    not_yet("unsafe", Scope::Own),
    not_yet("unsafe_hello_world", Scope::Own),
    not_yet("vectorize", Scope::Own),
    not_yet("version_metadata", Scope::Own),
    not_yet("vpc_networks", Scope::Own),
    not_yet("vpc_services", Scope::Own),
    not_yet("wasm_modules", Scope::TopLevel),
    not_yet("worker_loaders", Scope::Own),
    not_yet("workflows", Scope::Own),
];

const fn inherited(path: &'static str, shape: Shape) -> Key {
    Key { path, support: Support::Supported, scope: Scope::Inherited, required: false, shape }
}

const fn own(path: &'static str, shape: Shape) -> Key {
    Key { path, support: Support::Supported, scope: Scope::Own, required: false, shape }
}

const fn top_level(path: &'static str, shape: Shape) -> Key {
    Key { path, support: Support::Supported, scope: Scope::TopLevel, required: false, shape }
}

const fn within(path: &'static str, shape: Shape) -> Key {
    Key { path, support: Support::Supported, scope: Scope::Within, required: false, shape }
}

const fn needed(path: &'static str, shape: Shape) -> Key {
    Key { path, support: Support::Supported, scope: Scope::Within, required: true, shape }
}

const fn harmless(path: &'static str, scope: Scope) -> Key {
    Key { path, support: Support::Harmless, scope, required: false, shape: Shape::Any }
}

const fn not_yet(path: &'static str, scope: Scope) -> Key {
    Key { path, support: Support::NotYet, scope, required: false, shape: Shape::Any }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const DOCS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/wrangler.md"));

    #[test]
    fn every_row_is_there_once_and_has_a_home() {
        let paths: HashSet<_> = KEYS.iter().map(|key| key.path).collect();
        assert_eq!(paths.len(), KEYS.len());
        for key in KEYS {
            let (parent, _) = key.split();
            assert_eq!(parent.is_empty(), key.scope != Scope::Within, "{}", key.path);
            let (home, shape) = match parent.strip_suffix("[]") {
                Some(list) => (list, Shape::Rows),
                None => (parent, Shape::Table),
            };
            let home = KEYS.iter().find(|key| key.path == home);
            assert!(parent.is_empty() || home.is_some_and(|key| key.shape == shape), "{}", key.path);
        }
    }

    #[test]
    fn the_documentation_names_every_key_in_its_section() {
        let sections: Vec<&str> = DOCS.split("\n## ").collect();
        let section = |title: &str| *sections.iter().find(|section| section.starts_with(title)).unwrap();
        for key in KEYS {
            let section = match key.support {
                Support::Supported => section("Keys that are read"),
                Support::Harmless => section("Keys that change nothing"),
                Support::NotYet => section("Keys that are refused"),
            };
            let (parent, name) = key.split();
            assert!(section.contains(&format!("`{name}`")) || section.contains(&format!("`{}`", key.path)), "{name}");
            assert!(parent.is_empty() || DOCS.contains(parent.trim_end_matches("[]")), "{parent}");
        }
    }
}
