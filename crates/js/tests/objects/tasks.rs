//! Promises, timers, critical sections and background work (reference 2.1, 2.3, 2.4, 2.10).

use crate::harness::Server;
use crate::support::{room, run};

const ROOM: &str = r#"class Room {
    constructor(ctx, env) {
        this.ctx = ctx;
        this.log = [];
        ctx.blockConcurrencyWhile(async () => {
            await new Promise((resolve) => setTimeout(resolve, 5));
            this.log.push("ready");
        });
    }
    async fetch(request) {
        const [, , what] = new URL(request.url).pathname.split("/");
        switch (what) {
            case "log": return new Response(this.log.join(" "));
            case "ws": {
                const pair = new WebSocketPair();
                this.ctx.acceptWebSocket(pair[1]);
                return new Response(null, { status: 101, webSocket: pair[0] });
            }
            case "timer": {
                const order = [];
                setTimeout(() => order.push("b"), 10);
                setTimeout((x) => order.push(x), 1, "a");
                const never = setTimeout(() => order.push("never"), 2);
                clearTimeout(never);
                let ticks = 0;
                await new Promise((resolve) => {
                    const id = setInterval(() => { if (++ticks === 3) { clearInterval(id); resolve(); } }, 6);
                });
                return new Response(`${order} ${ticks}`);
            }
            case "section": {
                const value = await this.ctx.blockConcurrencyWhile(async () => {
                    await new Promise((resolve) => setTimeout(resolve, 5));
                    return 7;
                });
                return new Response(String(value));
            }
            case "broken-section":
                this.born = 1;
                await this.ctx.blockConcurrencyWhile(async () => { throw new RangeError("on purpose"); });
                return new Response("not reached");
            case "wait":
                this.ctx.waitUntil(new Promise((resolve) => setTimeout(() => { this.log.push("background"); resolve(); }, 5)));
                return new Response("at once");
            case "abort":
                this.ctx.abort("enough");
                return new Response("not reached");
            case "catch-abort":
                try { this.ctx.abort("enough"); } catch { this.log.push("caught"); }
                return new Response("not reached");
            case "slow":
                this.log.push("slow begins");
                await new Promise((resolve) => { this.go = resolve; });
                this.log.push("slow ends");
                return new Response("done");
            case "go": this.go(); return new Response("went");
            default: return new Response("?", { status: 404 });
        }
    }
    async webSocketMessage(ws, message) {
        this.log.push(`> ${message}`);
        if (message === "wait") {
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
        if (message === "block") {
            await this.ctx.blockConcurrencyWhile(() => new Promise((resolve) => setTimeout(resolve, 5)));
        }
        this.log.push(`< ${message}`);
        ws.send(this.log.join(" "));
    }
}"#;

#[test]
fn a_section_of_the_constructor_holds_the_first_event_back() {
    let server = Server::new(run(room(ROOM)));
    assert_eq!(server.ask("http://x/a/log"), (200, "ready".into()));
}

#[test]
fn timers_fire_in_order_and_can_be_cleared() {
    let server = Server::new(run(room(ROOM)));
    assert_eq!(server.ask("http://x/a/timer"), (200, "a,b 3".into()));
}

#[test]
fn a_section_returns_what_its_code_returns() {
    let server = Server::new(run(room(ROOM)));
    assert_eq!(server.ask("http://x/a/section"), (200, "7".into()));
}

#[test]
fn a_failed_section_resets_the_object_and_its_caller_hears_why() {
    let server = Server::new(run(room(ROOM)));
    let failed = server.fetch(http::Request::get("http://x/a/broken-section").body(Default::default()).unwrap());
    assert_eq!(failed.err().unwrap().to_string(), "RangeError: on purpose");
    assert_eq!(server.ask("http://x/a/log"), (200, "ready".into()));
}

#[test]
fn the_next_message_comes_while_a_handler_waits_but_not_into_a_section() {
    let server = Server::new(run(room(ROOM)));
    let mut one = server.connect("http://x/a/ws");
    one.send("wait");
    one.send("quick");
    assert_eq!(one.next(), "ready > wait > quick < quick");
    assert_eq!(one.next(), "ready > wait > quick < quick < wait");
    let mut two = server.connect("http://x/b/ws");
    two.send("block");
    two.send("quick");
    assert_eq!(two.next(), "ready > block < block");
    assert_eq!(two.next(), "ready > block < block > quick < quick");
}

#[test]
fn background_work_delays_no_response_and_keeps_the_object() {
    let server = Server::sleepy(run(room(ROOM)));
    assert_eq!(server.ask("http://x/a/wait"), (200, "at once".into()));
    // The instance still lives, or its log would begin anew.
    while server.ask("http://x/a/log").1 != "ready" {}
}

#[test]
fn abort_ends_the_code_that_calls_it() {
    let server = Server::new(run(room(ROOM)));
    for path in ["abort", "catch-abort"] {
        let failed = server.fetch(http::Request::get(format!("http://x/a/{path}")).body(Default::default()).unwrap());
        assert!(failed.err().unwrap().to_string().ends_with("enough"));
        assert_eq!(server.ask("http://x/a/log"), (200, "ready".into()));
    }
}

#[test]
fn handlers_of_one_object_interleave_at_awaits() {
    let server = Server::new(run(room(ROOM)));
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| server.ask("http://x/a/slow"));
        while server.ask("http://x/a/log").1 != "ready slow begins" {}
        assert_eq!(server.ask("http://x/a/go").1, "went");
        assert_eq!(slow.join().unwrap(), (200, "done".into()));
    });
    assert_eq!(server.ask("http://x/a/log").1, "ready slow begins slow ends");
}
