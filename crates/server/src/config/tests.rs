//! The configuration from its text to a project, or to problems with their exact words.

mod damage;
mod disk;
mod environments;
mod limits;
mod migrations;
mod problems;
mod syntaxes;

use super::problem::Error;
use super::project::Project;
use super::source::Source;

/// Every key that is read, in both syntaxes, with two environments.
const JSONC: &str = include_str!("tests/whole.jsonc");
const TOML: &str = include_str!("tests/whole.toml");

/// The project of a text, as if it stood in a file `w/NAME` with nothing beside it.
fn project(name: &str, text: &str, environment: Option<&str>) -> Result<Project, Error> {
    super::of_source(&Source::new(format!("w/{name}"), text), environment)
}

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
