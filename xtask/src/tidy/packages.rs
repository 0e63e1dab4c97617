//! Who may depend on whom, which foreign crate lives where, and what every manifest takes from the workspace.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Finding;

/// What a package of ours may depend on among our packages.
pub(crate) struct Edges {
    /// A package, or a folder that ends in `/`: every package in it.
    pub(crate) package: &'static str,
    /// What its code may use.
    pub(crate) uses: &'static [&'static str],
    /// What its tests may use besides.
    pub(crate) tests_use: &'static [&'static str],
}

/// A foreign system and the packages of ours that may know it.
pub(crate) struct Home {
    /// Names of crates; one that ends in `*` stands for all that begin so.
    pub(crate) crates: &'static [&'static str],
    /// Where they may be used: packages, or folders that end in `/`.
    pub(crate) only_in: &'static [&'static str],
    /// Whether tests elsewhere may use them.
    pub(crate) in_tests: Tests,
}

/// Whether tests of other packages may use a foreign crate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tests {
    /// They may.
    Free,
    /// They may not either.
    Bound,
}

/// The packages that bind something that is C: the engine, SQLite.
const UNSAFE_PACKAGES: &[&str] = &["dormouse-js", "dormouse-storage"];

/// Foreign crates that a package of ours may not know at all.
pub(crate) struct Ban {
    /// The package.
    pub(crate) package: &'static str,
    /// Names of crates.
    pub(crate) crates: &'static [&'static str],
    /// Why.
    pub(crate) reason: &'static str,
}

/// One package of the workspace.
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// The path of its manifest, relative to the root.
    pub(crate) path: String,
    /// The text of its manifest.
    pub(crate) manifest: String,
    /// Its direct dependencies.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependencies.
pub(crate) struct Dependency {
    /// The name of the package that is depended on.
    pub(crate) name: String,
    /// The name under which the manifest lists it.
    pub(crate) key: String,
    /// Whether only tests see it.
    pub(crate) is_dev: bool,
}

/// Reads the answer of `cargo metadata --no-deps`.
pub(crate) fn parse(metadata: &str, root: &Path) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let packages = metadata["packages"].as_array().context("no packages in cargo's metadata")?;
    packages.iter().map(|package| parse_package(package, root)).collect()
}

fn parse_package(package: &Value, root: &Path) -> Result<Package> {
    let file = Path::new(text(&package["manifest_path"])?);
    let manifest = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let path = file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/");
    let dependencies = package["dependencies"].as_array().context("no dependencies in cargo's metadata")?;
    let dependencies = dependencies.iter().map(|dependency| {
        let name = text(&dependency["name"])?.to_owned();
        let key = dependency["rename"].as_str().unwrap_or(&name).to_owned();
        Ok(Dependency { name, key, is_dev: dependency["kind"] == "dev" })
    });
    let dependencies = dependencies.collect::<Result<_>>()?;
    Ok(Package { name: text(&package["name"])?.to_owned(), path, manifest, dependencies })
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("cargo's metadata lacks a text that it always has")
}

/// Edges between our packages that the table does not have.
pub(crate) fn edges(packages: &[Package], table: &[Edges]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let Some(edges) = table.iter().find(|edges| covers(edges.package, package)) else {
            let message = "the package is not in the table of edges; add it to `EDGES` in tidy.rs";
            findings.push(Finding::error(&package.path, 1, message));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let is_ours = packages.iter().any(|other| other.name == name);
            let allowed = edges.uses.contains(&name) || dependency.is_dev && edges.tests_use.contains(&name);
            // A package may name itself in its own tests, to switch a feature on.
            let is_self = dependency.is_dev && package.name == name;
            if is_ours && !allowed && !is_self {
                let whose = if dependency.is_dev { "the tests of " } else { "" };
                let message =
                    format!("{whose}{} may not depend on {name}; see `EDGES` in tidy.rs for what may", package.name);
                findings.push(Finding::error(&package.path, line_of(package, dependency), message));
            }
        }
    }
    findings
}

/// Whether `pattern` is the package's name, or a folder (it ends in `/`) that the package is in.
fn covers(pattern: &str, package: &Package) -> bool {
    let is_folder = pattern.ends_with('/');
    pattern == package.name || is_folder && package.path.starts_with(pattern)
}

/// Foreign crates outside their home, and foreign crates that a package must not know.
pub(crate) fn foreign(packages: &[Package], homes: &[Home], bans: &[Ban]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        for dependency in &package.dependencies {
            let strays = homes.iter().filter(|home| strays(home, package, dependency));
            let strays = strays.map(|home| match home.only_in {
                [] => format!("`{}` is for tests; make it a dev-dependency or do without it", dependency.name),
                only_in => format!("`{}` is known only in {}; ask there", dependency.name, only_in.join(", ")),
            });
            let banned = bans.iter().filter(|ban| ban.package == package.name && matches(ban.crates, &dependency.name));
            let banned = banned.map(|ban| format!("`{}` has no place here; {}", dependency.name, ban.reason));
            let line = line_of(package, dependency);
            findings.extend(strays.chain(banned).map(|message| Finding::error(&package.path, line, message)));
        }
    }
    findings
}

fn strays(home: &Home, package: &Package, dependency: &Dependency) -> bool {
    let is_free = dependency.is_dev && home.in_tests == Tests::Free;
    let is_home = home.only_in.iter().any(|pattern| covers(pattern, package));
    matches(home.crates, &dependency.name) && !is_free && !is_home
}

fn matches(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => *pattern == name,
    })
}

/// What a manifest should take from the workspace and does not.
pub(crate) fn inheritance(package: &Package) -> Vec<Finding> {
    let manifest = keys_of(&package.manifest);
    let keys = ["package.version", "package.edition", "package.rust-version", "package.license", "lints"];
    let missing = keys.iter().filter(|key| !manifest.contains(&format!("{key}.workspace=true")));
    missing
        .filter(|key| **key != "lints" || !has_own_lints(package, &manifest))
        .map(|key| {
            let message = format!("`{key}` is not the workspace's; write `{key}.workspace = true`");
            Finding::error(&package.path, 1, message)
        })
        .collect()
}

/// Whether it is a package whose lints are its own: the only ones that may allow unsafe code, each in one file.
fn has_own_lints(package: &Package, manifest: &[String]) -> bool {
    UNSAFE_PACKAGES.contains(&package.name.as_str()) && manifest.contains(&"lints.rust.unsafe_code=\"deny\"".to_owned())
}

/// The lines of a manifest as `table.key=value`, without blanks.
fn keys_of(manifest: &str) -> Vec<String> {
    let mut table = String::new();
    let mut keys = Vec::new();
    for line in manifest.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => table = format!("{}.", name.trim()),
            None => keys.push(format!("{table}{line}").replace([' ', '\t'], "")),
        }
    }
    keys
}

/// The line on which the manifest lists a dependency, or 1.
fn line_of(package: &Package, dependency: &Dependency) -> usize {
    let lists = |line: &str| {
        let rest = line.trim().strip_prefix(dependency.key.as_str());
        rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    package.manifest.lines().position(lists).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::super::{BANS, EDGES, HOMES};
    use super::*;

    const NORMAL: bool = false;
    const DEV: bool = true;

    fn package(name: &str, path: &str, dependencies: &[(&str, bool)]) -> Package {
        let lines: String = dependencies.iter().map(|(name, _)| format!("{name} = \"1\"\n")).collect();
        let dependencies = dependencies.iter().map(|(name, is_dev)| Dependency {
            name: (*name).to_owned(),
            key: (*name).to_owned(),
            is_dev: *is_dev,
        });
        Package {
            name: name.to_owned(),
            path: format!("{path}/Cargo.toml"),
            manifest: format!("[dependencies]\n{lines}"),
            dependencies: dependencies.collect(),
        }
    }

    /// All packages of the table, without dependencies, and in the place of one of them the one that is checked.
    fn edges_of(name: &str, path: &str, dependencies: &[(&str, bool)]) -> Vec<String> {
        let mut packages = vec![package(name, path, dependencies)];
        let others = EDGES.iter().filter(|edges| edges.package != name && !edges.package.ends_with('/'));
        packages.extend(others.map(|edges| package(edges.package, "crates/other", &[])));
        edges(&packages, EDGES).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_is_found() {
        assert_eq!(
            edges_of("dormouse-object", "crates/object", &[("bytes", NORMAL), ("dormouse-runtime", NORMAL)]),
            ["crates/object/Cargo.toml:3: dormouse-object may not depend on dormouse-runtime; \
              see `EDGES` in tidy.rs for what may"]
        );
        assert_eq!(edges_of("dormouse-server", "crates/server", &[("dormouse-runtime", NORMAL)]).len(), 0);
        assert_eq!(edges_of("dormouse-runtime", "crates/runtime", &[("dormouse-worker", DEV)]).len(), 1);
        assert_eq!(edges_of("dormouse-object", "crates/object", &[("dormouse-object", DEV)]).len(), 0);
        assert_eq!(edges_of("chat", "examples/chat", &[("dormouse-worker", NORMAL)]).len(), 0);
        assert_eq!(edges_of("chat", "examples/chat", &[("dormouse-object", NORMAL)]).len(), 1);
    }

    #[test]
    fn a_package_that_is_not_in_the_table_is_found() {
        assert_eq!(
            edges_of("dormouse-new", "crates/new", &[]),
            ["crates/new/Cargo.toml:1: the package is not in the table of edges; add it to `EDGES` in tidy.rs"]
        );
    }

    #[test]
    fn a_foreign_crate_outside_its_home_is_found() {
        let foreign = |name: &str, dependencies: &[(&str, bool)]| {
            let found = foreign(&[package(name, "crates/a", dependencies)], HOMES, BANS);
            found.iter().map(Finding::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            foreign("dormouse-runtime", &[("rusqlite", NORMAL)]),
            ["crates/a/Cargo.toml:2: `rusqlite` is known only in dormouse-storage; ask there"]
        );
        assert_eq!(foreign("dormouse-runtime", &[("rusqlite", DEV)]).len(), 1);
        assert_eq!(foreign("dormouse-storage", &[("rusqlite", NORMAL)]).len(), 0);
        assert_eq!(foreign("dormouse-server", &[("clap", NORMAL), ("rquickjs-core", NORMAL)]).len(), 2);
        assert_eq!(
            foreign("dormouse-server", &[("tungstenite", NORMAL)]),
            ["crates/a/Cargo.toml:2: `tungstenite` is for tests; make it a dev-dependency or do without it"]
        );
        assert_eq!(foreign("dormouse-server", &[("tokio-tungstenite", DEV)]).len(), 0);
        assert_eq!(foreign("dormouse-server", &[("anyhow", NORMAL)]).len(), 1);
        assert_eq!(foreign("dormouse-cli", &[("anyhow", NORMAL)]).len(), 0);
        assert_eq!(foreign("dormouse-object", &[("tokio", DEV)]).len(), 1);
        assert_eq!(foreign("dormouse-storage", &[("tokio", NORMAL)]).len(), 1);
    }

    #[test]
    fn a_home_may_be_a_folder() {
        let example = package("chat", "examples/chat", &[("anyhow", NORMAL)]);
        assert_eq!(foreign(&[example], HOMES, BANS), []);
    }

    #[test]
    fn a_manifest_takes_what_is_common_from_the_workspace() {
        let manifest = |manifest: &str| Package { manifest: manifest.to_owned(), ..package("a", "crates/a", &[]) };
        let good = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true # why\n\
                    rust-version.workspace = true\nlicense.workspace = true\n[lints]\nworkspace = true\n";
        assert_eq!(inheritance(&manifest(good)).len(), 0);
        let bad = good.replace("edition.workspace = true", "edition = \"2024\"").replace("[lints]", "[other]");
        let found: Vec<_> = inheritance(&manifest(&bad)).iter().map(Finding::to_string).collect();
        assert_eq!(
            found,
            [
                "crates/a/Cargo.toml:1: `package.edition` is not the workspace's; write `package.edition.workspace = true`",
                "crates/a/Cargo.toml:1: `lints` is not the workspace's; write `lints.workspace = true`"
            ]
        );
    }

    #[test]
    fn cargos_answer_is_read() {
        let metadata = crate::shell::output(super::super::METADATA).unwrap();
        let packages = parse(&metadata, crate::shell::root()).unwrap();
        let xtask = packages.iter().find(|package| package.name == "xtask").unwrap();
        assert_eq!(xtask.path, "xtask/Cargo.toml");
        assert!(xtask.dependencies.iter().any(|dependency| dependency.name == "anyhow" && !dependency.is_dev));
    }
}
