//! Errors across a stub, of constructors and of Workers that cannot start (reference 0, 2.3, 2.8).

use dormouse_js::{Binding, Worker, application};

use crate::harness::Server;
use crate::support::{room, run, with_room};

fn answer(class: &str, entry: &str) -> String {
    let source = format!("export {class}\nexport default {{ async fetch(request, env) {{ {entry} }} }};");
    Server::new(run(with_room("main", &source))).ask("http://x/a").1
}

#[test]
fn an_error_keeps_its_class_across_a_stub() {
    let class = "class Room { fetch() { throw new TypeError('no such thing'); } }";
    let entry = "try { await env.ROOM.getByName('a').fetch('http://x'); } catch (error) {
        return new Response([error instanceof TypeError, error.message, error.remote].join('|'));
    }";
    assert_eq!(answer(class, entry), "true|no such thing|true");
}

#[test]
fn a_constructor_that_throws_is_tried_again_for_the_next_event() {
    let class = "class Room {
        constructor() { globalThis.tries = (globalThis.tries ?? 0) + 1; if (tries < 3) throw new RangeError(`try ${tries}`); }
        fetch() { return new Response('built'); }
    }";
    let entry = "const said = [];
        for (let n = 0; n < 3; n++) {
            try { said.push(await (await env.ROOM.getByName('a').fetch('http://x')).text()); } catch (error) { said.push(String(error)); }
        }
        return new Response(said.join('|'));";
    assert_eq!(answer(class, entry), "RangeError: try 1|RangeError: try 2|built");
}

#[test]
fn a_missing_fetch_handler_is_said_so() {
    let entry = "try { await env.ROOM.getByName('a').fetch('http://x'); } catch (error) { return new Response(error.message); }";
    assert_eq!(answer("class Room {}", entry), "Handler does not export a fetch() function.");
}

#[test]
fn an_uncaught_error_of_the_entry_reaches_the_server() {
    let server = Server::new(run(Worker::new("main", "export default { fetch() { throw new Error('lost'); } };")));
    let failed = server.fetch(http::Request::get("http://x/").body(Default::default()).unwrap());
    assert_eq!(failed.err().unwrap().to_string(), "Error: lost");
}

#[test]
fn ids_are_checked_as_the_reference_says() {
    let entry = r#"const said = [];
        const attempt = (run) => { try { said.push(String(run())); } catch (error) { said.push(String(error)); } };
        const id = env.ROOM.idFromName("a");
        attempt(() => id.name);
        attempt(() => Object.keys(id).sort());
        attempt(() => id.equals(env.ROOM.idFromString(id.toString())));
        attempt(() => env.ROOM.idFromString(id.toString()).name);
        attempt(() => env.ROOM.idFromString("abc"));
        attempt(() => env.ROOM.idFromString("0".repeat(64)));
        attempt(() => env.ROOM.newUniqueId().equals(env.ROOM.newUniqueId()));
        attempt(() => env.ROOM.newUniqueId({ jurisdiction: "eu" }));
        attempt(() => Object.keys(env.ROOM.get(id)));
        attempt(() => env.ROOM.get(id, { routingMode: "x" }));
        return new Response(said.join("\n"));"#;
    assert_eq!(
        answer("class Room {}", entry).lines().collect::<Vec<_>>(),
        [
            "a",
            "jurisdiction,name",
            "true",
            "undefined",
            "TypeError: Invalid Durable Object ID: must be 64 hex digits",
            "TypeError: Durable Object ID is not valid for this namespace.",
            "false",
            "Error: Jurisdiction restrictions are not implemented in workerd.",
            "id,name",
            "RangeError: unknown routingMode: x",
        ]
    );
}

#[test]
fn what_is_wrong_with_a_worker_is_said_before_it_runs() {
    let said = |worker: Worker| application(vec![worker]).err().unwrap().to_string();
    let syntax = said(Worker::new("w", "export default {\n  fetch( { }\n"));
    assert!(syntax.starts_with("Worker `w` cannot start: SyntaxError") && syntax.contains("worker.js:"), "{syntax}");
    let thrown = said(Worker::new("w", "throw new TypeError('at the top');"));
    assert!(thrown.contains("TypeError: at the top"), "{thrown}");
    let io = said(Worker::new("w", "await fetch('http://x/');"));
    assert!(io.contains("Disallowed operation called within global scope."), "{io}");
    let missing = said(Worker::new("w", "import './gone.js';"));
    assert!(missing.contains("No such module \"./gone.js\"."), "{missing}");
    let private = said(Worker::new("w", "import 'dormouse:ops';"));
    assert!(private.contains("No such module \"dormouse:ops\"."), "{private}");
    let class = said(with_room("w", "export default {};"));
    assert!(class.contains("exports no class `Room`"), "{class}");
    let mut worker = Worker::new("w", "export default {};");
    worker.bindings.push(Binding::Service { name: "OTHER".into(), service: "gone".into(), entrypoint: None });
    assert_eq!(said(worker), "binding `OTHER` of Worker `w` names Worker `gone`, which is not there");
}

#[test]
fn a_guest_may_not_use_the_sockets_of_another() {
    let class = "class Room {
        constructor(ctx) { this.ctx = ctx; }
        fetch(request) {
            const [, name] = new URL(request.url).pathname.split('/');
            if (name === 'a') {
                const pair = new WebSocketPair();
                this.ctx.acceptWebSocket(pair[1]);
                globalThis.stolen = pair[1];
                return new Response(null, { status: 101, webSocket: pair[0] });
            }
            try { stolen.send('x'); return new Response('sent'); } catch (error) { return new Response(error.message); }
        }
    }";
    let server = Server::new(run(room(class)));
    let _socket = server.connect("http://x/a/ws");
    let (_, said) = server.ask("http://x/b");
    assert!(said.starts_with("Cannot perform I/O on behalf of a different Durable Object."), "{said}");
}

#[test]
fn a_socket_of_another_object_can_be_used_for_nothing() {
    let class = "class Room {
        constructor(ctx) { this.ctx = ctx; }
        fetch(request) {
            const [client, server] = Object.values(new WebSocketPair());
            this.ctx.acceptWebSocket(server, ['mine']);
            server.serializeAttachment('own');
            if (globalThis.foreign === undefined) {
                globalThis.foreign = server;
                return new Response(null, { status: 101, webSocket: client });
            }
            const said = ['readyState', 'send', 'close', 'serializeAttachment', 'deserializeAttachment'].map((name) => {
                try { return typeof foreign[name] === 'function' ? foreign[name](1000) : foreign[name]; } catch (error) { return error.message.slice(0, 58); }
            });
            for (const name of ['getTags', 'getWebSocketAutoResponseTimestamp']) {
                try { said.push(this.ctx[name](foreign)); } catch (error) { said.push(error.message.slice(0, 58)); }
            }
            return new Response(`${new Set(said).size} ${said[0]} ${server.deserializeAttachment()} ${server.readyState}`);
        }
    }";
    let entry = "return env.ROOM.getByName(new URL(request.url).pathname).fetch(request);";
    let source = format!("export {class}\nexport default {{ async fetch(request, env) {{ {entry} }} }};");
    let server = Server::new(run(with_room("main", &source)));
    let _socket = server.connect("http://x/one");
    let expected = "1 Cannot perform I/O on behalf of a different Durable Object own 1";
    assert_eq!(server.ask("http://x/two").1, expected);
}
