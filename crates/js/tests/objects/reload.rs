//! New code: the old instance goes at a quiet moment, sockets stay open (reference 2.7, 2.12).

use crate::harness::Server;
use crate::support::{room, run};

fn version(number: u32) -> String {
    format!(
        r#"class Room {{
            constructor(ctx) {{ this.ctx = ctx; this.count = 0; }}
            async fetch(request) {{
                const pathname = new URL(request.url).pathname;
                if (pathname.endsWith("/slow")) {{
                    await new Promise((resolve) => {{ this.go = resolve; }});
                    return new Response("slow {number}");
                }}
                if (pathname.endsWith("/go")) {{ this.go?.(); return new Response("{number}"); }}
                if (pathname.endsWith("/count")) return new Response(`{number} ${{this.count += 1}}`);
                const pair = new WebSocketPair();
                this.ctx.acceptWebSocket(pair[1], ["kept"]);
                return new Response(null, {{ status: 101, webSocket: pair[0] }});
            }}
            webSocketMessage(ws, message) {{
                this.count += 1;
                ws.send(`{number} ${{this.count}} ${{this.ctx.getTags(ws)}} ${{message}}`);
            }}
        }}"#
    )
}

#[test]
fn sockets_stay_open_over_new_code() {
    let server = Server::new(run(room(&version(1))));
    let mut socket = server.connect("http://x/a/ws");
    socket.send("x");
    assert_eq!(socket.next(), "1 1 kept x");
    server.replace(run(room(&version(2))));
    socket.send("y");
    assert_eq!(socket.next(), "2 1 kept y");
    assert_eq!(server.ask("http://x/a/count").1, "2 2");
    assert_eq!(server.ask("http://x/b/count").1, "2 1");
}

#[test]
fn what_is_under_way_ends_in_the_old_code() {
    let server = Server::new(run(room(&version(1))));
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| server.ask("http://x/a/slow"));
        while server.ask("http://x/a/count").1 != "1 1" {}
        server.replace(run(room(&version(2))));
        while !slow.is_finished() {
            server.ask("http://x/a/go");
        }
        assert_eq!(slow.join().unwrap().1, "slow 1");
    });
    assert_eq!(server.ask("http://x/a/count").1, "2 1");
}
