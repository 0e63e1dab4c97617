//! Ends of pairs that code lets go of, and half-open sockets: nobody waits for a peer that will never come, and no object
//! is kept in memory by it.

use crate::harness::Server;
use crate::support::{run, with_room};

/// Requests after which something must have come about that needs no more than turns of its guest.
const ASKED_MAX: usize = 10_000;

const SOURCE: &str = r#"import { DurableObject } from "cloudflare:workers";
let held = [];
export class Room extends DurableObject {
    born = Math.random();
    closes = [];
    async fetch(request) {
        const [, , what] = new URL(request.url).pathname.split("/");
        switch (what) {
            case "born": return new Response(String(this.born));
            case "closes": return new Response(this.closes.join(", "));
            case "close-count": return new Response(String(this.closes.length));
            case "unused": new WebSocketPair(); return new Response(String(this.born));
            case "accepted": return new Response(await closeOf(new WebSocketPair()[1]));
            case "never-accepted": return new Response(null, { status: 101, webSocket: new WebSocketPair()[0] });
            case "accepted-never": {
                const [client] = Object.values(new WebSocketPair());
                return new Response(null, { status: 101, webSocket: client });
            }
            case "accepted-later": {
                const [client, server] = Object.values(new WebSocketPair());
                setTimeout(() => { server.accept(); server.send("late"); });
                return new Response(null, { status: 101, webSocket: client });
            }
            case "held": this.held = await open(this.env, "other"); return new Response("held");
            case "abort": this.ctx.abort("told to");
            case "half-open": {
                const [client, server] = Object.values(new WebSocketPair());
                server.addEventListener("close", () => server.send("closed"));
                server.accept({ allowHalfOpen: true });
                server.weight = new Uint8Array(256 << 10);
                return new Response(null, { status: 101, webSocket: client });
            }
            default: {
                const [client, server] = Object.values(new WebSocketPair());
                this.ctx.acceptWebSocket(server);
                return new Response(null, { status: 101, webSocket: client });
            }
        }
    }
    webSocketMessage(ws, message) {
        ws.send(message);
    }
    webSocketClose(ws, code, reason, wasClean) {
        this.closes.push(`${code} ${wasClean}`);
    }
}
function closeOf(ws) {
    const { promise, resolve } = Promise.withResolvers();
    ws.addEventListener("close", ({ code, wasClean }) => resolve(`${code} ${wasClean}`));
    ws.accept();
    return promise;
}
const open = (env, name, signal) =>
    env.ROOM.getByName(name).fetch("http://x/", { headers: { upgrade: "websocket" }, signal });
export default {
    async fetch(request, env) {
        const [, name, what] = new URL(request.url).pathname.split("/");
        switch (what) {
            case "swallow": await open(env, name); return new Response("swallowed");
            case "signalled":
                return env.ROOM.getByName(name).fetch(request, { signal: new AbortController().signal });
            case "aborted": {
                const controller = new AbortController();
                const responses = [];
                for (let number = 0; number < 3; number++) {
                    responses.push(await open(env, name, controller.signal));
                }
                responses[0].webSocket.accept();
                controller.abort();
                return new Response(String(responses.length));
            }
            case "hold": held.push(await open(env, name)); return new Response("held");
            case "cycles":
                for (let number = 0; number < 200; number++) {
                    const cycle = await open(env, name);
                    cycle.self = cycle;
                }
                return new Response("swallowed");
        }
        return env.ROOM.getByName(name).fetch(request);
    },
};"#;

fn source() -> dormouse_runtime::node::Application {
    run(with_room("main", SOURCE))
}

/// Asks until the answer is as wanted.
fn ask_until(server: &Server, url: &str, wanted: impl Fn(&str) -> bool) {
    let mut said = String::new();
    for _ in 0..ASKED_MAX {
        said = server.ask(url).1;
        if wanted(&said) {
            return;
        }
    }
    panic!("{url}: {said}");
}

#[test]
fn the_socket_of_a_response_that_nobody_uses_closes() {
    let server = Server::new(source());
    assert_eq!(server.ask("http://x/a/swallow").1, "swallowed");
    ask_until(&server, "http://x/a/closes", |said| said == "1006 false");
}

#[test]
fn a_signal_ends_all_sockets_that_came_with_it() {
    let server = Server::new(source());
    assert_eq!(server.ask("http://x/a/aborted").1, "3");
    ask_until(&server, "http://x/a/closes", |said| said == "1006 false, 1006 false, 1006 false");
}

#[test]
fn a_socket_outlives_the_signal_that_it_came_with() {
    let server = Server::new(source());
    let mut client = server.connect("http://x/a/signalled");
    for text in ["one", "two", "three"] {
        client.send(text);
        assert_eq!(client.next(), text);
        // Turns in which the signal, which nobody has, would be missed.
        assert_eq!(server.ask("http://x/a/closes").1, "");
    }
}

#[test]
fn sockets_that_only_cycles_hold_are_found() {
    let server = Server::new(source());
    assert_eq!(server.ask("http://x/a/cycles").1, "swallowed");
    ask_until(&server, "http://x/a/close-count", |said| said.parse::<u32>().unwrap() >= 64);
}

#[test]
fn a_socket_that_code_holds_stays_until_its_guest_goes() {
    let server = Server::new(source());
    assert_eq!(server.ask("http://x/a/hold").1, "held");
    assert_eq!(server.ask("http://x/a/held").1, "held");
    for url in ["http://x/a/closes", "http://x/other/closes"] {
        assert_eq!(server.ask(url).1, "");
    }
    assert!(server.try_get("http://x/a/abort").is_err());
    ask_until(&server, "http://x/other/closes", |said| said == "1006 false");
}

#[test]
fn a_pair_that_nobody_uses_does_not_keep_its_object_awake() {
    let server = Server::sleepy(source());
    let born = server.ask("http://x/a/unused").1;
    ask_until(&server, "http://x/a/born", |said| said != born);
}

#[test]
fn the_accepted_end_hears_when_the_other_one_was_let_go_of_before() {
    let server = Server::new(source());
    assert_eq!(server.ask("http://x/a/accepted").1, "1006 false");
}

#[test]
fn a_client_whose_server_end_nobody_can_accept_any_more_is_sent_away() {
    let server = Server::sleepy(source());
    for url in ["http://x/a/never-accepted", "http://x/a/accepted-never"] {
        let mut client = server.connect(url);
        assert!(client.try_next().is_err(), "{url}: the connection ends");
    }
    assert_eq!(server.connect("http://x/a/accepted-later").next(), "late");
}

#[test]
fn a_half_open_socket_keeps_its_object_until_its_client_goes() {
    let server = Server::sleepy(source());
    let mut client = server.connect("http://x/a/half-open");
    let born = server.ask("http://x/a/born").1;
    client.close(1000, "bye");
    assert_eq!(client.next(), "closed");
    assert_eq!(server.ask("http://x/a/born").1, born);
    drop(client);
    ask_until(&server, "http://x/a/born", |said| said != born);
}

#[test]
fn half_open_sockets_whose_clients_are_gone_cost_no_memory() {
    let mut worker = with_room("main", SOURCE);
    worker.memory_max = 64 << 20;
    let server = Server::new(run(worker));
    let born = server.ask("http://x/a/born").1;
    for _ in 0..400 {
        let mut client = server.connect("http://x/a/half-open");
        client.close(1000, "bye");
        assert_eq!(client.next(), "closed");
    }
    assert_eq!(server.ask("http://x/a/born").1, born, "the isolate was not given up");
}
