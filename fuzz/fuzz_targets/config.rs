//! Any text, read as a wrangler file in each syntax, or as `.dev.vars`: a project, or problems, each in one line that says
//! what to do and names a place which is in the text; and no message repeats a secret.

#![no_main]

use dormouse_server::config::Error;
use dormouse_server::fuzz::{project, secrets};
use libfuzzer_sys::fuzz_target;

/// What a value of `.dev.vars` has in it, so that it is known again.
const SECRET: &str = "hunter2";

fuzz_target!(|data: &[u8]| {
    let Some((kind, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let name = ["wrangler.jsonc", "wrangler.json", "wrangler.toml", ".dev.vars"][usize::from(kind & 3)];
    let environment = [None, Some("staging"), Some("x"), Some("")][usize::from(kind >> 2 & 3)];
    if name == ".dev.vars" {
        if let Err(error) = secrets(text) {
            check(&error, text);
            // As a name it may be repeated; a value stands behind something.
            assert!(
                text.starts_with(SECRET)
                    || !text.contains(&format!("='{SECRET}"))
                    || !error.to_string().contains(SECRET)
            );
        }
        return;
    }
    match project(name, text, environment) {
        Ok(project) => {
            for notice in &project.notices {
                assert!(!notice.to_string().contains(['\n', '\r']), "{notice}");
            }
            assert!(!project.name.is_empty());
        }
        Err(error) => check(&error, text),
    }
});

/// Every problem says what, what to do, and where, and that place is in the text.
fn check(error: &Error, text: &str) {
    assert!(!error.problems().is_empty());
    let lines: Vec<usize> =
        text.strip_prefix('\u{feff}').unwrap_or(text).split('\n').map(|line| line.chars().count()).collect();
    for problem in error.problems() {
        assert!(!problem.message.is_empty() && !problem.advice.is_empty(), "{problem}");
        assert!(!problem.to_string().contains(['\n', '\r']), "{problem}");
        let position = problem.position.expect("the text is the whole of it");
        let len = lines.get(position.line.wrapping_sub(1));
        assert!(position.column >= 1 && len.is_some_and(|len| position.column <= len + 1), "{problem}");
    }
}
