//! What code sees of servers outside, which are played here.

use std::future::{Future, ready};
use std::pin::Pin;

use dormouse_runtime::body::Body;
use dormouse_runtime::request::{Outbound, Request, Response, StubError};

use crate::harness::Server;
use crate::support::{room, run};

const TOO_MANY: &str = "there are too many";

const SOURCE: &str = r#"class Room {
    async fetch(request) {
        const [, , what] = new URL(request.url).pathname.split("/");
        const headers = { Upgrade: "websocket", "Sec-WebSocket-Extensions": "permessage-deflate" };
        if (what === "fetch") {
            try {
                return new Response(await (await fetch("http://far/offer", { headers })).text());
            } catch ({ message, overloaded }) {
                return new Response(`${message} ${overloaded}`);
            }
        }
        const { promise, resolve } = Promise.withResolvers();
        const said = [];
        const ws = new WebSocket("ws://far/full");
        ws.onerror = ({ message, error }) => said.push(`error ${message} ${error.overloaded}`);
        ws.onclose = ({ code }) => resolve(`${said}, close ${code}`);
        return new Response(await promise);
    }
}"#;

/// Has no room for sockets, or says what was offered.
struct Outside {
    is_full: bool,
}

impl Outbound for Outside {
    fn fetch(&self, request: Request) -> Pin<Box<dyn Future<Output = Result<Response, StubError>>>> {
        let offer = request.headers().get("sec-websocket-extensions").map(|offer| offer.to_str().unwrap().to_owned());
        Box::pin(ready(match self.is_full {
            true => Err(StubError::Overloaded(TOO_MANY.into())),
            false => Ok(http::Response::new(Body::from(offer.unwrap_or_default())).into()),
        }))
    }
}

#[test]
fn code_is_told_that_there_are_too_many_sockets() {
    let server = Server::with_outside(run(room(SOURCE)), || Outside { is_full: true });
    assert_eq!(server.ask("http://x/a/fetch").1, format!("{TOO_MANY} true"));
    assert_eq!(server.ask("http://x/a/new").1, format!("error Uncaught Error: {TOO_MANY} true, close 1006"));
}

#[test]
fn a_fetch_offers_what_its_headers_do_where_compression_is_on() {
    for (date, offer) in [("2026-11-01", "permessage-deflate"), ("2023-08-14", "")] {
        let mut worker = room(SOURCE);
        worker.compatibility_date = date.into();
        let server = Server::with_outside(run(worker), || Outside { is_full: false });
        assert_eq!(server.ask("http://x/a/fetch").1, offer, "{date}");
    }
}
