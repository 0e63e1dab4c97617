//! The configuration from its text to a project, or to problems with their exact words.

mod damage;
mod disk;
mod environments;
mod limits;
mod migrations;
mod problems;
mod syntaxes;

use super::of_text as project;

/// Every key that is read, in both syntaxes, with two environments.
const JSONC: &str = include_str!("tests/whole.jsonc");
const TOML: &str = include_str!("tests/whole.toml");

/// The problems of a JSON text without the name of the file, a line each.
fn problems(text: &str, environment: Option<&str>) -> String {
    let error = project("w.json", text, environment).expect_err(text);
    error.to_string().replace("w/w.json:", "")
}

/// The notices of a JSON text in the same form.
fn notices(text: &str, environment: Option<&str>) -> String {
    let project = project("w.json", text, environment).expect(text);
    let lines: Vec<String> = project.notices.iter().map(|notice| notice.to_string().replace("w/w.json:", "")).collect();
    lines.join("\n")
}
