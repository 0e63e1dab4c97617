//! What `console_log!` and its kin write to the log.

use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use worker::{
    App, Context, DurableObject, Env, Request, Response, Result, State, console_debug, console_error, console_log,
    console_warn, durable_object,
};

use crate::harness::Server;

/// Collects events as text.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "worker::console"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

/// What all four macros log here.
fn log() -> String {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let who = "you";
        console_log!("hello, {who}");
        console_debug!("{}", 1);
        console_warn!("a {:?}", "b");
        console_error!("plain");
    });
    let lines = std::mem::take(&mut *lines.0.lock().unwrap());
    lines.join("; ")
}

#[durable_object]
struct Logger;

impl DurableObject for Logger {
    fn new(_state: State, _env: Env) -> Self {
        Self
    }

    async fn fetch(&self, _req: Request) -> Result<Response> {
        Response::ok(log())
    }
}

#[test]
fn lines_carry_their_object() {
    async fn entry(req: Request, env: Env, _ctx: Context) -> Result<Response> {
        match req.path().as_str() {
            "/object" => env.durable_object("LOGGER")?.get_by_name("one")?.fetch_with_request(req).await,
            _ => Response::ok(log()),
        }
    }
    fn expected(class: &str, object: &str) -> String {
        [("INFO", "hello, you"), ("DEBUG", "1"), ("WARN", "a \"b\""), ("ERROR", "plain")]
            .map(|(level, text)| format!("{level} message={text} class=\"{class}\" object={object}"))
            .join("; ")
    }
    let server = Server::new(App::new(entry).object::<Logger>("LOGGER"));
    assert_eq!(log(), expected("", ""));
    assert_eq!(server.ask("/"), (200, expected("", "")));
    assert_eq!(server.ask("/object"), (200, expected("Logger", "one")));
}
