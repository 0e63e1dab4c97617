//! An upgrade through several hops: no code of the middle sees a message (reference 1.7).

use dormouse_js::{Binding, Worker, application};
use dormouse_runtime::request::Uncompressed;

use crate::harness::Server;
use crate::support::with_room;

const INNER: &str = r#"
    export class Room {
        constructor(ctx) { this.ctx = ctx; }
        fetch(request) {
            if (request.headers.get("Upgrade") !== "websocket") return new Response("no upgrade", { status: 426 });
            const [client, server] = Object.values(new WebSocketPair());
            this.ctx.acceptWebSocket(server, [request.headers.get("account-id")]);
            return new Response(null, { status: 101, webSocket: client, headers: { "x-inner": "1" } });
        }
        webSocketMessage(ws, message) { ws.send(`${this.ctx.getTags(ws)} ${message}`); }
    }
    export default {
        async fetch(request, env) {
            const account = request.headers.get("account-id");
            if (account === null) return new Response("account-id is missing", { status: 400 });
            const stub = env.ROOM.getByName(account);
            switch (new URL(request.url).pathname) {
                case "/original": return stub.fetch(request);
                case "/rebuilt": return stub.fetch(new Request(request));
                case "/other-url": return stub.fetch(new Request("http://other/", request));
                case "/parts": return stub.fetch(request.url, { headers: request.headers, body: request.body });
                case "/response": { const r = await stub.fetch(request); return new Response(r.body, r); }
                case "/init": return stub.fetch("http://other/", request);
            }
        }
    };"#;

const OUTER: &str = r#"export default {
    fetch(request, env) {
        const headers = new Headers(request.headers);
        headers.set("account-id", "from-outer");
        return env.INNER.fetch(new Request(request, { headers }));
    }
};"#;

fn server() -> Server {
    let mut outer = Worker::new("outer", OUTER);
    outer.bindings.push(Binding::Service { name: "INNER".into(), service: "inner".into(), entrypoint: None });
    Server::new(application(vec![outer, with_room("inner", INNER)]).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn an_upgrade_survives_every_way_of_passing_it_on() {
    let server = server();
    for path in ["original", "rebuilt", "other-url", "parts", "response", "init"] {
        let mut socket = server.connect(&format!("http://x/{path}"));
        socket.send(path);
        assert_eq!(socket.next(), format!("from-outer {path}"));
    }
}

#[test]
fn headers_of_the_handshake_response_are_passed_on() {
    let server = server();
    let request = http::Request::get("http://x/response").header("upgrade", "websocket");
    let answer = server.fetch(request.body(Default::default()).unwrap()).unwrap();
    assert_eq!(answer.head.status, 101);
    assert_eq!(answer.header("x-inner"), Some("1"));
}

#[test]
fn a_worker_from_before_there_was_compression_asks_for_none() {
    let refuses = |change: fn(&mut Worker)| {
        let mut worker = with_room("main", INNER);
        change(&mut worker);
        let server = Server::new(application(vec![worker]).unwrap_or_else(|error| panic!("{error}")));
        let request = http::Request::get("http://x/response").header("upgrade", "websocket").header("account-id", "a");
        let answer = server.fetch(request.body(Default::default()).unwrap()).unwrap();
        assert_eq!(answer.head.status, 101);
        answer.head.extensions.get::<Uncompressed>().is_some()
    };
    assert!(!refuses(|_| {}));
    assert!(!refuses(|worker| worker.compatibility_date = "2023-08-15".into()));
    assert!(refuses(|worker| worker.compatibility_date = "2023-08-14".into()));
    assert!(refuses(|worker| worker.compatibility_flags.push("no_web_socket_compression".into())));
}

#[test]
fn what_is_no_upgrade_is_answered_as_an_ordinary_request() {
    assert_eq!(server().ask("http://x/original"), (426, "no upgrade".into()));
}

#[test]
fn a_worker_reaches_its_own_exports() {
    let source = r#"
        import { WorkerEntrypoint, exports } from "cloudflare:workers";
        export class Room { fetch() { return new Response("room"); } }
        export class Admin extends WorkerEntrypoint {
            fetch(request) { return new Response(`admin ${request.headers.get("x")} ${this.env.ROOM !== undefined}`); }
        }
        export default {
            async fetch(request, env, ctx) {
                if (new URL(request.url).pathname === "/inner") return new Response("inner");
                const said = [await ctx.exports.Admin.fetch("http://x/", { headers: { x: "y" } }),
                    await ctx.exports.default.fetch("http://x/inner"),
                    await ctx.exports.Room.getByName("a").fetch("http://x/")];
                const texts = await Promise.all(said.map((response) => response.text()));
                return new Response([...texts, ctx.exports === exports, Object.keys(exports).sort()].join("|"));
            }
        };"#;
    let application = application(vec![with_room("main", source)]).unwrap_or_else(|error| panic!("{error}"));
    let said = Server::new(application).ask("http://x/").1;
    assert_eq!(said, "admin y true|inner|room|true|Admin,Room,default");
}

#[test]
fn a_named_entrypoint_answers_for_its_worker() {
    let mut outer = Worker::new("outer", "export default { fetch: (request, env) => env.ADMIN.fetch(request) };");
    let bind = |entrypoint: &str| Binding::Service {
        name: "ADMIN".into(),
        service: "inner".into(),
        entrypoint: Some(entrypoint.into()),
    };
    let inner = "import { WorkerEntrypoint } from 'cloudflare:workers';
        export class Admin extends WorkerEntrypoint { fetch() { return new Response('admin'); } }
        export default { fetch: () => new Response('default') };";
    outer.bindings.push(bind("Admin"));
    let both = application(vec![outer.clone(), Worker::new("inner", inner)]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(Server::new(both).ask("http://x/").1, "admin");
    outer.bindings[0] = bind("Gone");
    let error = application(vec![outer, Worker::new("inner", inner)]).err().unwrap();
    let says = "binding `ADMIN` of Worker `outer` names export `Gone` of Worker `inner`, which is not there";
    assert_eq!(error.to_string(), says);
}
