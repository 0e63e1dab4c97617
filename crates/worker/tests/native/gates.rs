//! Critical sections, background work, resets and hibernation, as an object's author sees them.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use worker::*;

use crate::harness::Server;

/// Counts its requests and does what their paths say.
#[durable_object]
struct Gated {
    state: State,
    count: Cell<u32>,
    loaded: Rc<Cell<&'static str>>,
}

fn pause() -> Delay {
    Delay::from(Duration::from_millis(20))
}

impl DurableObject for Gated {
    fn new(state: State, _env: Env) -> Self {
        Self { state, count: Cell::new(0), loaded: Rc::new(Cell::new("nothing")) }
    }

    async fn fetch(&self, req: Request) -> Result<Response> {
        self.count.set(self.count.get() + 1);
        let loaded = self.loaded.clone();
        match req.path().as_str() {
            "/load" => {
                // Not awaited: the gate is closed all the same.
                let _loading = self.state.block_concurrency_while(async move {
                    pause().await;
                    loaded.set("everything");
                    Ok(())
                });
            }
            "/value" => {
                let value = self.state.block_concurrency_while(async { Ok(5) }).await?;
                return Response::ok(value.to_string());
            }
            "/nested" => {
                let state = self.state.clone();
                let outer = self.state.block_concurrency_while(async move {
                    let inner = state.block_concurrency_while(async { Ok("inner") });
                    Ok(format!("outer {}", inner.await?))
                });
                return Response::ok(outer.await?);
            }
            "/fail" => {
                self.state.block_concurrency_while(async { Err::<(), _>("loading failed".into()) }).await?;
            }
            "/abort" => self.state.abort("enough"),
            "/panic" => panic!("half way"),
            "/wait" => self.state.wait_until(async { pause().await }),
            "/slow" => {
                pause().await;
                loaded.set("slowly");
            }
            _ => {}
        }
        Response::ok(format!("{} {}", self.count.get(), self.loaded.get()))
    }
}

async fn entry(req: Request, env: Env, _ctx: Context) -> Result<Response> {
    env.durable_object("GATED")?.get_by_name("one")?.fetch_with_request(req).await
}

fn app() -> App {
    App::new(entry).object::<Gated>("GATED").respond_with_errors()
}

fn ok(text: &str) -> (u16, String) {
    (200, text.to_owned())
}

fn failed(text: &str) -> (u16, String) {
    (500, text.to_owned())
}

#[test]
fn the_gate_closes_with_the_call() {
    let server = Server::new(app());
    assert_eq!(server.ask("/load"), ok("1 nothing"));
    assert_eq!(server.ask("/"), ok("2 everything"));
}

#[test]
fn a_section_yields_its_value() {
    let server = Server::new(app());
    assert_eq!(server.ask("/value"), ok("5"));
    assert_eq!(server.ask("/nested"), ok("outer inner"));
}

#[test]
fn a_failed_section_resets_the_object() {
    let server = Server::new(app());
    assert_eq!(server.ask("/"), ok("1 nothing"));
    assert_eq!(server.ask("/fail"), failed("Error: loading failed"));
    assert_eq!(server.ask("/"), ok("1 nothing"));
}

#[test]
fn an_abort_resets_the_object() {
    let server = Server::new(app());
    assert_eq!(server.ask("/"), ok("1 nothing"));
    assert_eq!(server.ask("/abort"), failed("Error: enough"));
    assert_eq!(server.ask("/"), ok("1 nothing"));
}

#[test]
fn a_panic_costs_the_guest() {
    let server = Server::new(app());
    assert_eq!(server.ask("/"), ok("1 nothing"));
    assert_eq!(server.ask("/panic"), failed("Error: panicked: half way"));
    assert_eq!(server.ask("/"), ok("1 nothing"));
}

#[test]
fn handlers_interleave_where_they_await() {
    let server = Server::new(app());
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| server.ask("/slow"));
        // Whichever of the two comes first, both have been counted when the slow one ends.
        let quick = server.ask("/");
        assert!([ok("1 nothing"), ok("2 nothing")].contains(&quick), "{quick:?}");
        assert_eq!(slow.join().unwrap(), ok("2 slowly"));
    });
}

#[test]
fn background_work_keeps_an_object_awake() {
    let server = Server::sleepy(app());
    assert_eq!(server.ask("/"), ok("1 nothing"));
    assert_eq!(server.ask("/wait"), ok("1 nothing"), "it slept in between");
    assert_eq!(server.ask("/"), ok("2 nothing"), "it was kept awake");
}
