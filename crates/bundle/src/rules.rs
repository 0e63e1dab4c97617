//! What a file is by its name: wrangler's module rules, and the files that need none.
//!
//! The order of rules is wrangler's (`deployment-bundle/rules.ts`): those of the project, then its own, and a rule
//! without `fallthrough` hides later ones of its kind. Globs match a file's path from the project's folder, where
//! wrangler matches what the import says, so `./a.txt` and `../b.txt` are one case.

use std::path::Path;

use crate::options::{Rule, RuleKind};

/// Extensions of files that the bundler understands without a rule. None at all is code, as npm's binaries are.
const KNOWN: [&str; 9] = ["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "json"];

/// The rules that hold, in order.
#[derive(Debug)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    /// The project's rules before wrangler's own.
    pub(crate) fn new(project: &[Rule]) -> Self {
        let mut closed = Vec::new();
        let mut rules = Vec::new();
        for rule in project.iter().cloned().chain(defaults()) {
            if closed.contains(&rule.kind) {
                continue;
            }
            if !rule.fallthrough {
                closed.push(rule.kind);
            }
            rules.push(rule);
        }
        Self { rules }
    }

    /// What the file at `path` is, or `None` where nothing says how to load it.
    pub(crate) fn kind(&self, root: &Path, path: &Path) -> Option<RuleKind> {
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        let name = name.trim_start_matches('/');
        let is_match = |rule: &&Rule| rule.globs.iter().any(|glob| fast_glob::glob_match(glob_of(glob), name));
        if let Some(rule) = self.rules.iter().find(is_match) {
            return Some(rule.kind);
        }
        let Some(extension) = path.extension() else { return Some(RuleKind::Code) };
        KNOWN.iter().any(|known| extension == *known).then_some(RuleKind::Code)
    }
}

/// A glob may be written as an import is.
fn glob_of(glob: &str) -> &str {
    glob.strip_prefix("./").unwrap_or(glob)
}

/// Wrangler's `DEFAULT_MODULE_RULES`.
fn defaults() -> [Rule; 3] {
    [
        rule(RuleKind::Text, &["**/*.txt", "**/*.html", "**/*.sql"]),
        rule(RuleKind::Data, &["**/*.bin"]),
        rule(RuleKind::CompiledWasm, &["**/*.wasm"]),
    ]
}

fn rule(kind: RuleKind, globs: &[&str]) -> Rule {
    Rule { kind, globs: globs.iter().map(ToString::to_string).collect(), fallthrough: true }
}

#[cfg(test)]
mod tests {
    use super::{Path, Rule, RuleKind, Rules, rule};

    fn check(project: &[Rule], path: &str, expected: Option<RuleKind>) {
        assert_eq!(Rules::new(project).kind(Path::new("/app"), Path::new(path)), expected, "{path}");
    }

    #[test]
    fn files_without_a_rule_of_the_project() {
        check(&[], "/app/a.txt", Some(RuleKind::Text));
        check(&[], "/app/src/deep/a.html", Some(RuleKind::Text));
        check(&[], "/elsewhere/a.sql", Some(RuleKind::Text));
        check(&[], "/app/a.bin", Some(RuleKind::Data));
        check(&[], "/app/a.wasm", Some(RuleKind::CompiledWasm));
        check(&[], "/app/a.ts", Some(RuleKind::Code));
        check(&[], "/app/bin/tool", Some(RuleKind::Code));
        check(&[], "/app/a.png", None);
    }

    #[test]
    fn the_projects_rules_come_first_and_hide_later_ones_of_their_kind() {
        let mut markdown = rule(RuleKind::Text, &["./src/**/*.md"]);
        check(&[markdown.clone()], "/app/src/a.md", Some(RuleKind::Text));
        check(&[markdown.clone()], "/app/a.md", None);
        check(&[markdown.clone()], "/app/a.txt", Some(RuleKind::Text));
        markdown.fallthrough = false;
        check(&[markdown.clone()], "/app/src/a.md", Some(RuleKind::Text));
        check(&[markdown], "/app/a.txt", None);
        check(&[rule(RuleKind::Data, &["**/*.txt"])], "/app/a.txt", Some(RuleKind::Data));
    }
}
