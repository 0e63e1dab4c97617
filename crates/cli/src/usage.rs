//! What a project's code uses that is not supported, and where: for `dormouse check`.
//!
//! It looks for names in the bundled code and asks the source map where they come from. It is no parser: a name in a
//! string counts too, and what hides behind a computed property is not found.

use dormouse_bundle::Bundle;

/// Places that are shown of one thing; more are counted.
const PLACES_MAX: usize = 5;

/// Names in code, and what they are of.
const NAMES: &[(&str, &str)] = &[
    ("new WebSocket(", "sockets to the outside"),
    ("new HTMLRewriter", "HTMLRewriter"),
    ("new EventSource", "EventSource"),
    ("WebAssembly.", "WebAssembly"),
    ("Intl.", "Intl"),
    ("scheduled(", "scheduled()"),
    ("queue(batch", "queue()"),
];

/// Modules of the platform that there are.
const MODULES: &[&str] = &["cloudflare:workers", "node:async_hooks"];

/// Lines that say what is used and not supported, with the places in the sources.
pub(crate) fn unsupported(bundle: &Bundle) -> Vec<String> {
    let modules = bundle.imports.iter().filter(|name| !MODULES.contains(&name.as_str()));
    let mut lines: Vec<String> = modules.map(|name| format!("module {name}")).collect();
    let mut whats: Vec<&str> = NAMES.iter().map(|(_, what)| *what).collect();
    whats.dedup();
    for what in whats {
        let names = NAMES.iter().filter(|(_, of)| *of == what);
        let places: Vec<String> = names.flat_map(|(name, _)| places(bundle, name)).collect();
        match places.as_slice() {
            [] => {}
            few if few.len() <= PLACES_MAX => lines.push(format!("{what}: {}", few.join(", "))),
            many => {
                let rest = many.len() - PLACES_MAX;
                lines.push(format!("{what}: {}, and {rest} more", many[..PLACES_MAX].join(", ")));
            }
        }
    }
    lines
}

/// Where a name stands in the sources.
fn places(bundle: &Bundle, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in bundle.code.lines().enumerate() {
        for (at, _) in line.match_indices(name) {
            if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
                continue;
            }
            let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
            let column = number(line[..at].encode_utf16().count());
            // Code that no source has is the bundler's own.
            if let Some(place) = bundle.source_map.lookup(number(index), column) {
                found.push(format!("{}:{}:{}", place.source.display(), place.line, place.column));
            }
        }
    }
    found
}
