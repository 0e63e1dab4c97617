//! The files of the platform: what user code sees, in JavaScript.
//!
//! Each is a module `dormouse:NAME`, which only the platform itself may import. They are compiled once;
//! all realms load the compiled code. `main.js` imports all that is installed, and is the door of the host.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::engine::{Engine, Fault};
use crate::limits::MEMORY_MAX;
use crate::modules::{Loaded, Unlinked};
use crate::ops;

/// The module that the host runs first and calls from then on.
pub(crate) const MAIN: &str = "dormouse:main";

/// The global that holds the ops while the platform is loaded.
pub(crate) const OPS: &str = "__ops";

/// Every file, by the name of its module.
const FILES: &[(&str, &str)] = &[
    ("abort", include_str!("platform/abort.js")),
    ("async_context", include_str!("platform/async_context.js")),
    ("blob", include_str!("platform/blob.js")),
    ("body", include_str!("platform/body.js")),
    ("cache", include_str!("platform/cache.js")),
    ("compat", include_str!("platform/compat.js")),
    ("compression", include_str!("platform/compression.js")),
    ("console", include_str!("platform/console.js")),
    ("content", include_str!("platform/content.js")),
    ("crypto", include_str!("platform/crypto.js")),
    ("crypto_aes", include_str!("platform/crypto_aes.js")),
    ("crypto_asymmetric", include_str!("platform/crypto_asymmetric.js")),
    ("crypto_derive", include_str!("platform/crypto_derive.js")),
    ("crypto_digest_stream", include_str!("platform/crypto_digest_stream.js")),
    ("crypto_ec", include_str!("platform/crypto_ec.js")),
    ("crypto_hmac", include_str!("platform/crypto_hmac.js")),
    ("crypto_jwk", include_str!("platform/crypto_jwk.js")),
    ("crypto_key", include_str!("platform/crypto_key.js")),
    ("crypto_okp", include_str!("platform/crypto_okp.js")),
    ("crypto_params", include_str!("platform/crypto_params.js")),
    ("crypto_rsa", include_str!("platform/crypto_rsa.js")),
    ("crypto_subtle", include_str!("platform/crypto_subtle.js")),
    ("encoding", include_str!("platform/encoding.js")),
    ("env", include_str!("platform/env.js")),
    ("errors", include_str!("platform/errors.js")),
    ("events", include_str!("platform/events.js")),
    ("exchange", include_str!("platform/exchange.js")),
    ("exports", include_str!("platform/exports.js")),
    ("fetch", include_str!("platform/fetch.js")),
    ("form_data", include_str!("platform/form_data.js")),
    ("format", include_str!("platform/format.js")),
    ("headers", include_str!("platform/headers.js")),
    ("identity", include_str!("platform/identity.js")),
    ("idl", include_str!("platform/idl.js")),
    ("inspect", include_str!("platform/inspect.js")),
    ("install", include_str!("platform/install.js")),
    ("iterators", include_str!("platform/iterators.js")),
    ("language", include_str!("platform/language.js")),
    ("main", include_str!("platform/main.js")),
    ("message_channel", include_str!("platform/message_channel.js")),
    ("namespace", include_str!("platform/namespace.js")),
    ("navigator", include_str!("platform/navigator.js")),
    ("node_async_hooks", include_str!("platform/node_async_hooks.js")),
    ("node_errors", include_str!("platform/node_errors.js")),
    ("performance", include_str!("platform/performance.js")),
    ("pipe", include_str!("platform/pipe.js")),
    ("pump", include_str!("platform/pump.js")),
    ("queuing", include_str!("platform/queuing.js")),
    ("readable", include_str!("platform/readable.js")),
    ("readable_byte", include_str!("platform/readable_byte.js")),
    ("readable_core", include_str!("platform/readable_core.js")),
    ("readable_iterator", include_str!("platform/readable_iterator.js")),
    ("readable_reader", include_str!("platform/readable_reader.js")),
    ("readable_source", include_str!("platform/readable_source.js")),
    ("readable_tee", include_str!("platform/readable_tee.js")),
    ("readable_value", include_str!("platform/readable_value.js")),
    ("report", include_str!("platform/report.js")),
    ("request", include_str!("platform/request.js")),
    ("response", include_str!("platform/response.js")),
    ("sections", include_str!("platform/sections.js")),
    ("sql", include_str!("platform/sql.js")),
    ("stack", include_str!("platform/stack.js")),
    ("state", include_str!("platform/state.js")),
    ("storage", include_str!("platform/storage.js")),
    ("storage_operations", include_str!("platform/storage_operations.js")),
    ("storage_place", include_str!("platform/storage_place.js")),
    ("streams", include_str!("platform/streams.js")),
    ("streams_core", include_str!("platform/streams_core.js")),
    ("structured_clone", include_str!("platform/structured_clone.js")),
    ("sync_kv", include_str!("platform/sync_kv.js")),
    ("table", include_str!("platform/table.js")),
    ("tasks", include_str!("platform/tasks.js")),
    ("timers", include_str!("platform/timers.js")),
    ("transform", include_str!("platform/transform.js")),
    ("url", include_str!("platform/url.js")),
    ("url_pattern", include_str!("platform/url_pattern.js")),
    ("url_search_params", include_str!("platform/url_search_params.js")),
    ("values", include_str!("platform/values.js")),
    ("websocket", include_str!("platform/websocket.js")),
    ("websocket_claim", include_str!("platform/websocket_claim.js")),
    ("websocket_client", include_str!("platform/websocket_client.js")),
    ("websocket_events", include_str!("platform/websocket_events.js")),
    ("websocket_state", include_str!("platform/websocket_state.js")),
    ("wording", include_str!("platform/wording.js")),
    ("workers", include_str!("platform/workers.js")),
    ("writable", include_str!("platform/writable.js")),
    ("writable_core", include_str!("platform/writable_core.js")),
    ("writable_sink", include_str!("platform/writable_sink.js")),
];

/// Modules that user code may import, and the files that they are.
const OFFERED: &[(&str, &str)] =
    &[("cloudflare:workers", "dormouse:workers"), ("node:async_hooks", "dormouse:node_async_hooks")];

/// What user code runs on, compiled: a program does that once, and takes it for all Workers and all their versions.
pub struct Platform {
    code: HashMap<String, Vec<u8>>,
    ops: String,
}

impl Platform {
    /// Compiles all files.
    pub(crate) fn of_files() -> Result<Arc<Self>, Fault> {
        let ops = ops_module();
        let engine = Engine::new(MEMORY_MAX, Rc::from([]), Rc::new(Unlinked))?;
        let mut code = HashMap::new();
        for (name, source) in FILES {
            let name = format!("dormouse:{name}");
            let compiled = engine.compile(&name, source).map_err(|fault| {
                Fault::error(format!("the platform's module {name} is faulty: {fault}\n{}", fault.stack))
            })?;
            code.insert(name, compiled);
        }
        Ok(Arc::new(Self { code, ops }))
    }

    pub(crate) fn load(&self, name: &str) -> Option<Loaded<'_>> {
        if name == "dormouse:ops" {
            return Some(Loaded::Source(Cow::Borrowed(&self.ops)));
        }
        self.code.get(name).map(|code| Loaded::Compiled(Cow::Borrowed(code)))
    }
}

/// Whether a module of that name is the platform's.
pub(crate) fn owns(name: &str) -> bool {
    name.starts_with("dormouse:")
}

/// The platform's module that a specifier means, if it may be imported from `base`.
pub(crate) fn resolve(base: &str, specifier: &str) -> Option<String> {
    if let Some((_, name)) = OFFERED.iter().find(|(offered, _)| *offered == specifier) {
        return Some((*name).to_owned());
    }
    // The host itself imports from nowhere.
    if !base.is_empty() && !owns(base) {
        return None;
    }
    let name = specifier.strip_prefix("./").map_or(specifier, |file| file.strip_suffix(".js").unwrap_or(file));
    match name.strip_prefix("dormouse:").unwrap_or(name) {
        "ops" => Some("dormouse:ops".to_owned()),
        name => FILES.iter().any(|(have, _)| *have == name).then(|| format!("dormouse:{name}")),
    }
}

/// The module that gives the platform its ops.
fn ops_module() -> String {
    let names: Vec<&str> = ops::all().iter().map(|op| op.name).collect();
    format!("export const {{ {} }} = globalThis.{OPS};", names.join(", "))
}
