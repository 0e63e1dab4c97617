//! What runs too long or takes too much: the isolate goes, its objects wake again, their sockets stay.

use std::time::Duration;

use crate::harness::Server;
use crate::support::{room, run};

const ROOM: &str = r#"class Room {
    constructor(ctx) {
        this.ctx = ctx;
        this.count = 0;
    }
    fetch() {
        const pair = new WebSocketPair();
        this.ctx.acceptWebSocket(pair[1]);
        pair[1].serializeAttachment("kept");
        return new Response(null, { status: 101, webSocket: pair[0] });
    }
    webSocketMessage(ws, message) {
        this.count += 1;
        switch (message) {
            case "loop": for (;;) {}
            case "catch-loop": for (;;) { try { for (;;) {} } catch {} }
            case "bomb": { const all = []; for (;;) all.push(new Uint8Array(1 << 16)); }
            case "catch-bomb": {
                const all = [];
                try { for (;;) all.push(`${all.length}`.repeat(10000)); } catch { all.length = 0; }
                ws.send("went on");
                break;
            }
            case "deep": {
                const down = () => down() + 1;
                try { down(); } catch (error) { ws.send(error.name); }
                break;
            }
            case "promise-loop": { const again = () => Promise.resolve().then(again); again(); break; }
            default: ws.send(`${this.count} ${ws.deserializeAttachment()}`);
        }
    }
}"#;

fn check(message: &str) {
    let mut worker = room(ROOM);
    worker.cpu_time_max = Duration::from_millis(200);
    worker.memory_max = 32 << 20;
    let server = Server::new(run(worker));
    let (mut guilty, mut other) = (server.connect("http://x/a/ws"), server.connect("http://x/b/ws"));
    other.send("");
    assert_eq!(other.next(), "1 kept");
    guilty.send(message);
    guilty.send("");
    // A new instance in a new isolate, on the same socket.
    assert_eq!(guilty.next(), "1 kept", "{message}");
    other.send("");
    assert_eq!(other.next(), "1 kept", "{message}: the isolate was shared");
}

#[test]
fn a_loop_is_stopped() {
    check("loop");
}

#[test]
fn a_loop_cannot_catch_its_end() {
    check("catch-loop");
}

#[test]
fn a_loop_of_microtasks_is_stopped() {
    check("promise-loop");
}

#[test]
fn what_takes_too_much_memory_is_stopped() {
    check("bomb");
}

#[test]
fn code_that_catches_the_memory_limit_loses_its_isolate_all_the_same() {
    let mut worker = room(ROOM);
    worker.memory_max = 32 << 20;
    let server = Server::new(run(worker));
    let mut guilty = server.connect("http://x/a/ws");
    guilty.send("catch-bomb");
    guilty.send("");
    // What it said before the turn had ended is said.
    assert_eq!(guilty.next(), "went on");
    assert_eq!(guilty.next(), "1 kept");
}

#[test]
fn deep_recursion_is_an_error_like_any_other() {
    let server = Server::new(run(room(ROOM)));
    let mut one = server.connect("http://x/a/ws");
    one.send("deep");
    assert_eq!(one.next(), "RangeError");
    one.send("");
    assert_eq!(one.next(), "2 kept");
}

#[test]
fn a_handler_over_its_event_timeout_costs_the_instance_and_no_socket() {
    let class = "class Room {
        constructor(ctx) { this.ctx = ctx; this.count = 0; ctx.setHibernatableWebSocketEventTimeout(50); }
        fetch() {
            const pair = new WebSocketPair();
            this.ctx.acceptWebSocket(pair[1]);
            return new Response(null, { status: 101, webSocket: pair[0] });
        }
        async webSocketMessage(ws, message) {
            this.count += 1;
            if (message === 'hang') { ws.send('hangs'); await new Promise(() => {}); }
            ws.send(`${this.count} ${this.ctx.getHibernatableWebSocketEventTimeout()}`);
        }
    }";
    let server = Server::new(run(room(class)));
    let mut socket = server.connect("http://x/a/ws");
    socket.send("");
    assert_eq!(socket.next(), "1 50");
    socket.send("hang");
    assert_eq!(socket.next(), "hangs");
    let answer = loop {
        socket.send("");
        let answer = socket.next();
        if answer.starts_with("1 ") {
            break answer;
        }
    };
    assert_eq!(answer, "1 50", "a new instance on the same socket");
}
