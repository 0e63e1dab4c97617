//! What an environment has of its own, and what it has from the top level.

use std::path::Path;

use super::{JSONC, notices, project};
use crate::config::keys::{KEYS, Scope, Support};

#[test]
fn an_environment_without_a_name_is_called_after_both() {
    let staging = project("wrangler.jsonc", JSONC, Some("staging")).unwrap();
    let production = project("wrangler.jsonc", JSONC, Some("production")).unwrap();
    assert_eq!((staging.name.as_str(), staging.environment.as_deref()), ("room-staging", Some("staging")));
    assert_eq!((production.name.as_str(), production.environment.as_deref()), ("live", Some("production")));
    let unnamed = project("w.json", r#"{"main": "a.js", "env": {"x": {}}}"#, Some("x")).unwrap();
    assert_eq!(unnamed.name, "worker-x");
}

#[test]
fn inherited_keys_are_replaced_as_a_whole() {
    let top = project("wrangler.jsonc", JSONC, None).unwrap();
    let staging = project("wrangler.jsonc", JSONC, Some("staging")).unwrap();
    let production = project("wrangler.jsonc", JSONC, Some("production")).unwrap();

    let assets = staging.assets.unwrap();
    assert_eq!((assets.directory.as_path(), assets.binding), (Path::new("w/other"), None));
    assert_eq!((staging.migrations, staging.classes), (Vec::new(), Vec::new()));
    assert_eq!((production.limits.cpu_ms, production.limits.subrequests), (Some(1), None));

    assert_eq!(production.assets, top.assets);
    assert_eq!(production.migrations, top.migrations);
    assert_eq!(production.classes, top.classes);
    assert_eq!(staging.limits, top.limits);
    for project in [&staging.crons, &production.crons] {
        assert_eq!(project, &top.crons);
    }
    assert_eq!((&staging.main, &staging.rules, &staging.build), (&top.main, &top.rules, &top.build));
    assert_eq!(staging.compatibility_date, top.compatibility_date);
    assert_eq!(staging.compatibility_flags, top.compatibility_flags);
    assert_eq!(staging.alias, top.alias);
}

#[test]
fn bindings_are_not_inherited_and_that_is_said() {
    let staging = project("wrangler.jsonc", JSONC, Some("staging")).unwrap();
    assert_eq!(serde_json::Value::from(staging.vars), serde_json::json!({"TEXT": "staging"}));
    assert!(staging.durable_objects.is_empty() && staging.services.is_empty() && staging.define.is_empty());
    let lost = staging.notices.iter().filter(|notice| notice.message.starts_with("is not inherited"));
    let lost: Vec<String> = lost.map(ToString::to_string).collect();
    let expected = [
        "w/wrangler.jsonc:8:3: `durable_objects` is not inherited by `env.staging`; repeat it there when it is needed",
        "w/wrangler.jsonc:25:3: `services` is not inherited by `env.staging`; repeat it there when it is needed",
        "w/wrangler.jsonc:42:3: `define` is not inherited by `env.staging`; repeat it there when it is needed",
    ];
    assert_eq!(lost, expected);
}

#[test]
fn harmless_keys_are_mentioned_once_and_only_in_effect() {
    let text = r#"{
  "main": "a.js", "routes": [], "dev": {},
  "durable_objects": { "code_update_strategy": {} },
  "services": [{ "binding": "A", "service": "a", "remote": true }, { "binding": "B", "service": "b", "remote": true }],
  "env": {
    "x": { "routes": [], "logpush": true },
    "y": { "minify": true }
  }
}"#;
    let top = "2:19: `routes` changes nothing here
2:33: `dev` changes nothing here
3:24: `durable_objects.code_update_strategy` changes nothing here
4:50: `services[0].remote` changes nothing here";
    assert_eq!(notices(text, None), top);
    let x = "2:33: `dev` changes nothing here
3:3: `durable_objects` is not inherited by `env.x`; repeat it there when it is needed
4:3: `services` is not inherited by `env.x`; repeat it there when it is needed
6:12: `env.x.routes` changes nothing here
6:26: `env.x.logpush` changes nothing here";
    assert_eq!(notices(text, Some("x")), x);
}

#[test]
fn what_is_not_supported_stops_only_who_has_it() {
    let text = r#"{"main": "a.js", "kv_namespaces": [], "env": {"x": {"r2_buckets": []}, "y": {}}}"#;
    assert!(project("w.json", text, Some("y")).is_ok());
    let error = project("w.json", text, None).unwrap_err().to_string();
    assert!(error.starts_with("w/w.json:1:18: `kv_namespaces` is not supported yet by Dormouse; "), "{error}");
    let error = project("w.json", text, Some("x")).unwrap_err().to_string();
    assert!(error.starts_with("w/w.json:1:53: `env.x.r2_buckets` is not supported yet by Dormouse; "), "{error}");
}

#[test]
fn each_key_of_the_top_level_follows_its_row() {
    for key in KEYS.iter().filter(|key| key.scope != Scope::Within && key.support == Support::NotYet) {
        let name = key.path;
        let top = format!(r#"{{"main": "a.js", "{name}": 1, "env": {{"x": {{}}}}}}"#);
        let refused = format!("`{name}` is not supported yet by Dormouse");
        assert!(project("w.json", &top, None).unwrap_err().to_string().contains(&refused), "{name}");
        let inherits = key.scope != Scope::Own;
        assert_eq!(project("w.json", &top, Some("x")).is_err(), inherits, "{name}");
    }
    for key in KEYS.iter().filter(|key| key.scope != Scope::Within && key.support == Support::Harmless) {
        let text = format!(r#"{{"main": "a.js", "{}": 1}}"#, key.path);
        assert_eq!(notices(&text, None), format!("1:18: `{}` changes nothing here", key.path));
    }
    for key in KEYS.iter().filter(|key| key.scope == Scope::TopLevel) {
        let text = format!(r#"{{"main": "a.js", "env": {{"x": {{"{}": {{}}}}}}}}"#, key.path);
        let error = project("w.json", &text, None).unwrap_err().to_string();
        let expected = format!("w/w.json:1:32: `env.x.{}` may only stand at the top level; move it out", key.path);
        assert!(error.starts_with(&expected), "{error}");
    }
}
