//! Links in Markdown that point into the repository at something that is not there.

use std::path::Path;

use super::Finding;

/// The dead links of the Markdown file `path`, whose contents are `text`; `exists` answers for a path in the repository.
pub(crate) fn dead(path: &str, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in targets(&without_code(line)) {
            if !exists(&resolve(path, target)) {
                let message = format!("the link to `{target}` leads nowhere; mend it or remove it");
                findings.push(Finding::error(path, index + 1, message));
            }
        }
    }
    findings
}

/// The files that a line links to: `[text](target)`, `![text](target "title")` and `[name]: target`.
fn targets(line: &str) -> Vec<&str> {
    let inline = line.match_indices("](").map(|(at, _)| &line[at + 2..]);
    let inline = inline.filter_map(|rest| rest.split([')', ' ']).next());
    let definition = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    let definition = definition.and_then(|(_, target)| target.split_whitespace().next());
    let paths = inline.chain(definition).map(|target| target.trim_matches(['<', '>']));
    let paths = paths.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
    let paths = paths.map(|target| target.split(['#', '?']).next().unwrap_or_default());
    paths.filter(|target| !target.is_empty()).collect()
}

/// The line with blanks in place of code spans.
fn without_code(line: &str) -> String {
    let parts = line.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 0 { part } else { " " }).collect()
}

/// Where a link leads: from the folder of its file, or from the root when it begins with `/`.
fn resolve(path: &str, target: &str) -> std::path::PathBuf {
    match target.strip_prefix('/') {
        Some(from_root) => from_root.into(),
        None => Path::new(path).parent().unwrap_or(Path::new("")).join(target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_are_found() {
        let here = ["docs/here.md", "docs/../README.md", "LICENSE", "docs/picture.png"];
        let cases = [
            ("[a](here.md) [b](here.md#part) [c](../README.md) [d](/LICENSE)", vec![]),
            ("[a](gone.md) and ![b](lost.png \"title\")", vec!["gone.md", "lost.png"]),
            ("[`code`](gone.md)", vec!["gone.md"]),
            ("[a]: gone.md", vec!["gone.md"]),
            ("![a](picture.png) [b](<here.md>)", vec![]),
            ("[a](https://example.com/x) [b](#part) [c](mailto:a@example.com)", vec![]),
            ("`[a](gone.md)`", vec![]),
            ("```\n[a](gone.md)\n```", vec![]),
        ];
        for (text, expected) in cases {
            let exists = |path: &Path| here.iter().any(|known| Path::new(known) == path);
            let found = dead("docs/a.md", text, exists);
            let expected: Vec<_> = expected
                .iter()
                .map(|target| format!("docs/a.md:1: the link to `{target}` leads nowhere; mend it or remove it"))
                .collect();
            assert_eq!(found.iter().map(Finding::to_string).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
