//! Hibernatable and standard sockets (reference 1.3, 1.6, 2.4 to 2.6).

use crate::harness::Server;
use crate::support::{room, run};

/// An object that accepts every socket with the tags of the query and does with a message what it says.
const ROOM: &str = r#"class Room extends DurableObject {
    constructor(ctx, env) {
        super(ctx, env);
        this.born = Math.random();
        this.seen = [];
    }
    fetch(request) {
        const { pathname, searchParams } = new URL(request.url);
        const [, , what] = pathname.split("/");
        if (what === "closes") return new Response(this.seen.join(", "));
        if (what === "count") return new Response(String(this.ctx.getWebSockets().length));
        const [client, server] = Object.values(new WebSocketPair());
        this.ctx.acceptWebSocket(server, searchParams.getAll("tag"));
        if (searchParams.has("attach")) server.serializeAttachment({ name: searchParams.get("attach") });
        return new Response(null, { status: 101, webSocket: client });
    }
    webSocketMessage(ws, message) {
        if (typeof message !== "string") {
            const bytes = new Uint8Array(message);
            ws.send(bytes.map((byte) => byte + 1));
            return;
        }
        const [verb, ...words] = message.split(" ");
        const rest = words.join(" ");
        switch (verb) {
            case "echo": ws.send(rest); break;
            case "relay": for (const other of this.ctx.getWebSockets()) if (other !== ws) other.send(rest); break;
            case "long": {
                // Texts that are alike, one that changes, and short ones between: each must be what it was.
                const long = `${rest} `.repeat(200);
                for (const text of [long, long, rest, long, `${rest} `.repeat(200), `${long}!`, long, "\u00e4".repeat(300)]) {
                    for (const other of this.ctx.getWebSockets()) other.send(text);
                }
                break;
            }
            case "tag": for (const other of this.ctx.getWebSockets(rest)) other.send(`to ${rest}`); break;
            case "tags": ws.send(this.ctx.getTags(ws).join(",")); break;
            case "attachment": ws.send(JSON.stringify(ws.deserializeAttachment())); break;
            case "attach": ws.serializeAttachment({ name: rest }); break;
            case "mark": ws.mark = rest; break;
            case "marked": ws.send(String(ws.mark)); break;
            case "born": ws.send(String(this.born)); break;
            case "order": ws.send(this.ctx.getWebSockets().map((s) => s.deserializeAttachment()?.name).join(",")); break;
            case "same": ws.send(String(this.ctx.getWebSockets().includes(ws))); break;
            case "state": ws.send(String(ws.readyState)); break;
            case "close": ws.close(Number(words[0]), words[1]); break;
            case "throw": throw new TypeError("on purpose");
            case "auto": this.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(words[0], words[1])); break;
            case "number": ws.send(5); break;
            case "object": ws.send({}); break;
            case "sendafter": ws.close(1000); try { ws.send("x"); } catch (error) { this.seen.push(String(error)); } break;
        }
    }
    webSocketClose(ws, code, reason, wasClean) {
        this.seen.push(`${code} ${reason} ${wasClean} ${ws.readyState} ${this.ctx.getWebSockets().includes(ws)}`);
    }
    webSocketError(ws, error) {
        this.seen.push(`${error.name}: ${error.message} ${ws.readyState}`);
    }
}"#;

#[test]
fn messages_are_answered_and_relayed_in_order() {
    let server = Server::new(run(room(ROOM)));
    let (mut one, mut two) = (server.connect("http://x/a/ws"), server.connect("http://x/a/ws"));
    for number in 0..100 {
        one.send(&format!("relay {number}"));
    }
    for number in 0..100 {
        assert_eq!(two.next(), number.to_string());
    }
    two.send_bytes(&[1, 2, 255]);
    assert_eq!(two.next(), "[2, 3, 0]");
    for (message, answer) in [("number", "5"), ("object", "[object Object]"), ("same", "true"), ("state", "1")] {
        one.send(message);
        assert_eq!(one.next(), answer);
    }
    one.send("echo ünï\u{1f600}");
    assert_eq!(one.next(), "ünï\u{1f600}");
}

#[test]
fn a_long_text_that_is_sent_to_many_is_what_it_was() {
    let server = Server::new(run(room(ROOM)));
    let (mut one, mut two) = (server.connect("http://x/a/ws"), server.connect("http://x/a/ws"));
    for word in ["one", "two", "dr\u{e4}i \u{1f600}"] {
        one.send(&format!("long {word}"));
        let long = format!("{word} ").repeat(200);
        let sent = [&long, &long, word, &long, &long, &format!("{long}!"), &long, &"\u{e4}".repeat(300)];
        for client in [&mut one, &mut two] {
            for text in sent {
                assert_eq!(client.next(), text);
            }
        }
    }
}

#[test]
fn tags_and_attachments_are_kept() {
    let server = Server::new(run(room(ROOM)));
    let mut one = server.connect("http://x/a/ws?tag=red&tag=blue&attach=one");
    let mut two = server.connect("http://x/a/ws?tag=red&attach=two");
    one.send("tags");
    assert_eq!(one.next(), "red,blue");
    one.send("tag blue");
    assert_eq!(one.next(), "to blue");
    one.send("tag red");
    assert_eq!((one.next(), two.next()), ("to red".into(), "to red".into()));
    two.send("attachment");
    assert_eq!(two.next(), r#"{"name":"two"}"#);
    two.send("attach changed");
    two.send("attachment");
    assert_eq!(two.next(), r#"{"name":"changed"}"#);
    // Newest first (reference, section 0).
    one.send("order");
    assert_eq!(one.next(), "changed,one");
}

#[test]
fn an_object_sleeps_and_wakes_with_its_sockets() {
    let server = Server::sleepy(run(room(ROOM)));
    let mut one = server.connect("http://x/a/ws?tag=red&attach=one");
    let mut two = server.connect("http://x/a/ws?attach=two");
    one.send("mark me");
    one.send("born");
    let born = one.next();
    one.send("born");
    assert_ne!(one.next(), born, "an instance of its own for each message");
    one.send("marked");
    assert_eq!(one.next(), "undefined", "a fresh WebSocket for each instance");
    one.send("tags");
    assert_eq!(one.next(), "red");
    one.send("attachment");
    assert_eq!(one.next(), r#"{"name":"one"}"#);
    one.send("order");
    assert_eq!(one.next(), "two,one");
    one.send("relay still here");
    assert_eq!(two.next(), "still here");
}

#[test]
fn a_socket_is_one_object_while_the_instance_lives() {
    let server = Server::new(run(room(ROOM)));
    let mut one = server.connect("http://x/a/ws");
    one.send("mark me");
    one.send("marked");
    assert_eq!(one.next(), "me");
}

#[test]
fn a_throwing_handler_costs_its_event_only() {
    let server = Server::new(run(room(ROOM)));
    let mut one = server.connect("http://x/a/ws");
    one.send("mark me");
    one.send("throw");
    one.send("marked");
    assert_eq!(one.next(), "me");
}

#[test]
fn closes_are_seen_from_both_sides() {
    let server = Server::new(run(room(ROOM)));
    let mut one = server.connect("http://x/a/ws");
    one.close(4001, "bye");
    assert_eq!(one.next(), "close 4001 bye", "answered once the handler has settled");
    let mut two = server.connect("http://x/a/ws");
    two.send("close 3000 enough");
    assert_eq!(two.next(), "close 3000 enough");
    let mut three = server.connect("http://x/a/ws");
    three.break_protocol();
    assert!(three.next().starts_with("close 1002"));
    let mut four = server.connect("http://x/a/ws");
    four.send("sendafter");
    assert_eq!(four.next(), "close 1000 ");
    drop((two, three, four));
    let seen = loop {
        let (_, seen) = server.ask("http://x/a/closes");
        if seen.split(", ").count() >= 4 {
            break seen;
        }
    };
    assert!(seen.contains("4001 bye true 2 true"), "{seen}");
    assert!(seen.contains("Error: "), "{seen}");
    assert!(seen.contains("TypeError: Can't call WebSocket send() after close()."), "{seen}");
}

#[test]
fn an_auto_response_wakes_nobody() {
    let server = Server::sleepy(run(room(ROOM)));
    let mut one = server.connect("http://x/a/ws");
    one.send("auto ping pong");
    one.send("ping");
    assert_eq!(one.next(), "pong");
    one.send("echo ping");
    assert_eq!(one.next(), "ping");
}
