//! `ctx.broadcast` and `ctx.setSlowClients`, which are ours.

use crate::harness::Server;
use crate::support::{room, run};

/// Accepts sockets with the tags of the query, hibernatable or not, and does what a message names.
const ROOM: &str = r#"class Room extends DurableObject {
    fetch(request) {
        const { searchParams } = new URL(request.url);
        const [client, server] = Object.values(new WebSocketPair());
        if (searchParams.has("standard")) {
            server.accept();
            this.standard = server;
        } else {
            this.ctx.acceptWebSocket(server, searchParams.getAll("tag"));
        }
        return new Response(null, { status: 101, webSocket: client });
    }
    webSocketMessage(ws, message) {
        const { ctx } = this;
        const others = ctx.getWebSockets().filter((other) => other !== ws);
        const bytes = new Uint8Array([0, 1, 2, 3]);
        const does = {
            all: () => ctx.broadcast("all"),
            others: () => ctx.broadcast("ünï\u{1f600}", { except: ws }),
            list: () => ctx.broadcast("list", { except: others }),
            set: () => ctx.broadcast("set", { except: new Set([ws, ...others]) }),
            nothing: () => ctx.broadcast("nothing", { except: [], tag: undefined }),
            tag: () => ctx.broadcast("red", { tag: "red" }),
            both: () => ctx.broadcast("red, not me", { tag: "red", except: ws }),
            nobody: () => ctx.broadcast("nobody", { tag: "green" }),
            null: () => ctx.broadcast("null", null),
            buffer: () => ctx.broadcast(bytes.buffer, { except: others }),
            view: () => ctx.broadcast(bytes.subarray(1, 3), { except: others }),
            data: () => ctx.broadcast(new DataView(bytes.buffer, 3), { except: others }),
            number: () => ctx.broadcast(5, { except: others }),
            surrogate: () => ctx.broadcast("\ud800", { except: others }),
            order: () => {
                for (const [at, send] of [(m) => ctx.broadcast(m), (m) => ws.send(m), (m) => ctx.broadcast(m)].entries()) {
                    send(`${at}`);
                }
                return 0;
            },
            write: () => { ctx.storage.kv.put("key", 1); return ctx.broadcast("after a write"); },
            close: () => { others[0].close(1000, "enough"); return ctx.broadcast("after a close"); },
            keep: () => { globalThis.foreign = ws; return 0; },
            new: () => ctx.broadcast("new", { except: new WebSocketPair()[0] }),
            foreign: () => ctx.broadcast("x", { except: [ws, globalThis.foreign] }),
            none: () => ctx.broadcast(),
            symbol: () => ctx.broadcast(Symbol("x")),
            options: () => ctx.broadcast("x", "red"),
            tags: () => ctx.broadcast("x", { tag: ["red"] }),
            except: () => ctx.broadcast("x", { except: "me" }),
            excepts: () => ctx.broadcast("x", { except: [ws, null] }),
            slow: () => { ctx.setSlowClients("drop-oldest"); ctx.setSlowClients("close"); ctx.setSlowClients(); return 0; },
            rule: () => ctx.setSlowClients("drop"),
            shape: () => [ctx.broadcast.length, Object.keys(ctx).includes("broadcast")].join(),
            flood: () => { ctx.setSlowClients("drop-oldest"); return ctx.broadcast(new ArrayBuffer(1 << 20), { except: ws }); },
        };
        let answer;
        try {
            answer = does[message]();
        } catch (error) {
            answer = String(error);
        }
        if (ws.readyState === 1) ws.send(`= ${answer}`);
    }
}"#;

#[test]
fn a_broadcast_reaches_whom_its_options_say() {
    let server = Server::new(run(room(ROOM)));
    let mut one = server.connect("http://x/a/ws?tag=red");
    let mut red = server.connect("http://x/a/ws?tag=red&tag=blue");
    let mut standard = server.connect("http://x/a/ws?standard");
    let mut check = |message: &str, mine: Option<&str>, answer: &str| {
        one.send(message);
        if let Some(mine) = mine {
            assert_eq!(one.next(), mine, "{message}");
        }
        assert_eq!(one.next(), answer, "{message}");
    };
    check("all", Some("all"), "= 3");
    check("others", None, "= 2");
    check("list", Some("list"), "= 2");
    check("set", None, "= 1");
    check("nothing", Some("nothing"), "= 3");
    check("tag", Some("red"), "= 2");
    check("both", None, "= 1");
    check("nobody", None, "= 0");
    check("null", Some("null"), "= 3");
    check("new", Some("new"), "= 3");
    for text in ["all", "ünï\u{1f600}", "nothing", "red", "red, not me", "null", "new"] {
        assert_eq!(red.next(), text);
    }
    for text in ["all", "ünï\u{1f600}", "list", "set", "nothing", "null", "new"] {
        assert_eq!(standard.next(), text);
    }
}

#[test]
fn a_broadcast_sends_what_send_sends() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::with(run(room(ROOM)), |options| options.storage.data = Some(folder.path().to_owned()));
    let mut one = server.connect("http://x/a/ws");
    let wanted = [
        ("buffer", "[0, 1, 2, 3]"),
        ("view", "[1, 2]"),
        ("data", "[3]"),
        ("number", "5"),
        ("surrogate", "\u{fffd}"),
        ("write", "after a write"),
    ];
    for (message, text) in wanted {
        one.send(message);
        assert_eq!((one.next(), one.next()), (text.into(), "= 1".into()), "{message}");
    }
    one.send("order");
    assert_eq!([(); 4].map(|()| one.next()), ["0", "1", "2", "= 0"]);
    let mut two = server.connect("http://x/a/ws");
    one.send("close");
    assert_eq!((one.next(), one.next()), ("after a close".into(), "= 1".into()));
    assert_eq!(two.next(), "close 1000 enough");
}

#[test]
fn arguments_that_make_no_sense_are_refused_and_nobody_is_sent_to() {
    let server = Server::new(run(room(ROOM)));
    let (mut one, mut two) = (server.connect("http://x/a/ws"), server.connect("http://x/a/ws"));
    let mut stranger = server.connect("http://x/b/ws");
    stranger.send("keep");
    assert_eq!(stranger.next(), "= 0");
    let wrong = "TypeError: Failed to execute";
    let field = "TypeError: Incorrect type for the";
    for (message, error) in [
        ("none", format!("{wrong} 'broadcast' on 'DurableObjectState': parameter 1 is not of type 'ArrayBuffer or ")),
        ("symbol", "TypeError: Cannot convert a Symbol value to a string".into()),
        (
            "options",
            format!("{wrong} 'broadcast' on 'DurableObjectState': parameter 2 is not of type 'BroadcastOptions'."),
        ),
        ("tags", format!("{field} 'tag' field on 'BroadcastOptions': the provided value is not of type 'string'.")),
        (
            "except",
            format!("{field} 'except' field on 'BroadcastOptions': the provided value is not of type 'WebSocket "),
        ),
        ("excepts", format!("{field} 'except' field on 'BroadcastOptions'")),
        ("foreign", "Error: Cannot perform I/O on behalf of a different Durable Object.".into()),
        ("rule", "TypeError: setSlowClients() takes 'close', 'drop-oldest', or nothing".into()),
        ("slow", "0".into()),
        ("shape", "2,false".into()),
    ] {
        one.send(message);
        let answer = one.next();
        assert!(answer.starts_with(&format!("= {error}")), "{message}: {answer}");
    }
    two.send("nobody");
    assert_eq!(two.next(), "= 0", "and nothing before it");
}

#[test]
fn a_sleeping_object_broadcasts_to_sockets_that_its_code_has_not_seen() {
    let server = Server::sleepy(run(room(ROOM)));
    let mut clients: Vec<_> = (0..20).map(|_| server.connect("http://x/a/ws")).collect();
    clients[0].send("others");
    assert_eq!(clients[0].next(), "= 19");
    for client in &mut clients[1..] {
        assert_eq!(client.next(), "ünï\u{1f600}");
    }
}

#[test]
fn the_oldest_messages_of_a_slow_client_are_dropped_where_the_object_asks_for_it() {
    let server = Server::new(run(room(ROOM)));
    let mut slow = server.connect("http://x/a/ws");
    let mut source = server.connect("http://x/a/ws");
    // Far more than what a kernel takes and what may wait.
    for _ in 0..64 {
        source.send("flood");
        assert_eq!(source.next(), "= 1");
    }
    source.send("all");
    let mut heard = 0;
    while slow.next() != "all" {
        heard += 1;
    }
    assert!((2..64).contains(&heard), "{heard} were heard");
}
