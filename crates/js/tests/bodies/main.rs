//! Bodies that the host has, as they go into user code, out of it, and past it.
//!
//! A front Worker and an object behind it run on one shard; the test is the network on both sides. What workerd does in
//! the same situations was looked at by hand, because its transcripts have no bindings.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use dormouse_js::{Binding, Cf, Class, ClassStorage, Module, ModuleSource, Worker, application};
use dormouse_runtime::Shard;
use dormouse_runtime::body::Body;
use dormouse_runtime::node::{Node, Options};
use dormouse_runtime::request::{Response, StubError};
use http_body::{Body as _, Frame};
use tokio::sync::{mpsc as channel, oneshot};

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `check` on the shard of a node whose entry is `front` and whose class `Back` is in it too.
fn on_shard<F>(front: &str, check: impl FnOnce(Rc<Shard>) -> F + Send + 'static)
where
    F: Future<Output = ()> + 'static,
{
    let mut worker = Worker::new("main", "");
    worker.modules =
        vec![Module { name: worker.main.clone(), source: ModuleSource::Script(format!("{front}\n{BACK}")) }];
    worker.classes = vec![Class { name: "Back".to_owned(), unique_key: "back".to_owned(), storage: ClassStorage::Sql }];
    let (name, class) = ("BACK".to_owned(), "Back".to_owned());
    worker.bindings = vec![Binding::Namespace { name, class, worker: None }];
    let (done, finished) = mpsc::channel();
    let once = Mutex::new(Some((check, done)));
    let start = move |shard: Rc<Shard>| {
        let (check, done) = once.lock().unwrap().take().expect("one shard");
        Box::pin(async move {
            check(shard).await;
            let _ = done.send(());
        }) as Pin<Box<dyn Future<Output = ()>>>
    };
    let application = application(vec![worker]).unwrap_or_else(|error| panic!("{error}"));
    let node = Node::start(application, Options { shards: 1, ..Options::default() }, Arc::new(start)).unwrap();
    let finished = finished.recv_timeout(PATIENCE);
    node.stop(Duration::ZERO);
    finished.expect("the test on the shard ends well");
}

/// What is behind the front.
const BACK: &str = r#"
const bytes = (text) => new TextEncoder().encode(text);
export class Back {
    constructor(ctx) { this.ctx = ctx; }
    async fetch(request) {
        const { pathname } = new URL(request.url);
        switch (pathname) {
            case "/echo": return new Response(request.body, { headers: { "x-method": request.method } });
            case "/describe": return Response.json({
                none: request.body === null, length: request.headers.get("content-length"),
                coding: request.headers.get("transfer-encoding"), cf: request.cf ?? null, text: await request.text(),
            });
            case "/redirect": {
                const { searchParams } = new URL(request.url);
                const headers = searchParams.has("to") ? { location: searchParams.get("to") } : {};
                return new Response("redirecting", { status: Number(searchParams.get("status")), headers });
            }
            case "/nothing": return new Response(null);
            case "/unread": return new Response("unread");
            case "/fail": return new Response(new ReadableStream({
                start(controller) { controller.enqueue(bytes("a")); },
                pull() { throw new RangeError("broken"); },
            }, { highWaterMark: 0 }));
            case "/endless": return new Response(new ReadableStream({
                start(controller) { controller.enqueue(bytes("a")); },
                cancel() { globalThis.cancelled = (globalThis.cancelled ?? 0) + 1; },
            }));
            case "/abort": {
                setTimeout(() => this.ctx.abort("gone"), 0);
                return new Response(new ReadableStream({ start(controller) { controller.enqueue(bytes("a")); } }));
            }
        }
    }
}
const back = (env) => env.BACK.get(env.BACK.idFromName("one"));
"#;

/// A body that the test writes, and whose end it hears of.
struct Incoming {
    chunks: channel::UnboundedReceiver<Bytes>,
    _stays: oneshot::Sender<()>,
}

/// The other end of [`Incoming`].
struct Outside {
    chunks: Option<channel::UnboundedSender<Bytes>>,
    gone: oneshot::Receiver<()>,
}

impl Incoming {
    fn pair() -> (Body, Outside) {
        let (sender, chunks) = channel::unbounded_channel();
        let (stays, gone) = oneshot::channel();
        (Body::stream(Self { chunks, _stays: stays }), Outside { chunks: Some(sender), gone })
    }
}

impl Outside {
    fn write(&self, text: &'static str) {
        self.chunks.as_ref().unwrap().send(Bytes::from_static(text.as_bytes())).unwrap();
    }

    fn end(&mut self) {
        self.chunks = None;
    }

    /// Waits until nobody can read the body any more.
    async fn dropped(self) {
        let _chunks = self.chunks;
        let _ = self.gone.await;
    }
}

impl http_body::Body for Incoming {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.chunks.poll_recv(context).map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

async fn fetch(shard: &Rc<Shard>, path: &str, body: Body) -> Result<Response, StubError> {
    let request = http::Request::post(format!("http://example.com{path}"));
    shard.fetch(request.body(body).unwrap()).await
}

async fn text(response: Result<Response, StubError>) -> String {
    match response {
        Ok(response) => match response.http.into_body().collect(1 << 20).await {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("BROKEN {error}"),
        },
        Err(error) => format!("FAILED {error}"),
    }
}

async fn chunk(body: &mut Body) -> Option<Bytes> {
    let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
    Some(frame.unwrap().into_data().unwrap())
}

/// A Worker whose handler is the body of this function.
fn front(code: &str) -> String {
    format!("export default {{ async fetch(request, env, ctx) {{ {code} }} }};")
}

#[test]
fn a_body_is_passed_on_while_it_comes() {
    for code in [
        "return back(env).fetch(request);",
        "return back(env).fetch(new Request(request));",
        "return back(env).fetch('http://x/echo', request);",
        "return back(env).fetch('http://x/echo', { method: 'PUT', body: request.body });",
        "const response = await back(env).fetch(request); return new Response(response.body, response);",
        "const response = await back(env).fetch(request.clone()); return response.clone();",
    ] {
        on_shard(&front(code), |shard| async move {
            let (body, mut outside) = Incoming::pair();
            outside.write("one");
            let response = fetch(&shard, "/echo", body).await.unwrap();
            assert!(response.http.headers().contains_key("x-method"));
            let mut body = response.http.into_body();
            assert_eq!(chunk(&mut body).await.unwrap(), "one");
            outside.write("two");
            assert_eq!(chunk(&mut body).await.unwrap(), "two");
            outside.end();
            assert_eq!(chunk(&mut body).await, None);
        });
    }
}

#[test]
fn a_body_is_read_as_a_whole() {
    for (code, expected) in [
        ("return new Response(await request.text());", "{\"a\":1}"),
        ("return Response.json(await request.json());", "{\"a\":1}"),
        ("return new Response(await request.arrayBuffer());", "{\"a\":1}"),
        ("return new Response(await request.bytes());", "{\"a\":1}"),
        ("return new Response(await request.blob());", "{\"a\":1}"),
        ("return new Response((await new Response(request.body).text()) + request.bodyUsed);", "{\"a\":1}true"),
        (
            "const copy = request.clone(); return new Response(await copy.text() + await request.text());",
            "{\"a\":1}{\"a\":1}",
        ),
        (
            "let text = ''; for await (const chunk of request.body) text += new TextDecoder().decode(chunk) + '|'; \
          return new Response(text);",
            "{\"a|\":1}|",
        ),
        (
            "await request.text(); return new Response(await request.text().catch((error) => error.message));",
            "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.",
        ),
    ] {
        on_shard(&front(code), move |shard| async move {
            let (body, mut outside) = Incoming::pair();
            outside.write("{\"a");
            outside.write("\":1}");
            outside.end();
            assert_eq!(text(fetch(&shard, "/", body).await).await, expected, "{code}");
        });
    }
}

#[test]
fn an_object_hears_how_long_a_body_is() {
    for (init, expected) in [
        ("{}", (true, "null", "null", "")),
        ("{ method: 'POST' }", (true, "null", "null", "")),
        ("{ method: 'POST', body: '' }", (false, "\"0\"", "null", "")),
        ("{ method: 'POST', body: 'hey' }", (false, "\"3\"", "null", "hey")),
        ("{ method: 'POST', body: new Uint8Array([65]) }", (false, "\"1\"", "null", "A")),
        ("{ method: 'POST', body: new Response('s').body }", (false, "\"1\"", "null", "s")),
        ("{ method: 'POST', body: request.body }", (false, "null", "\"chunked\"", "in")),
        ("{ method: 'PUT', body: 'x', headers: { 'Content-Length': '5' } }", (false, "\"5\"", "null", "x")),
    ] {
        let code = format!("return back(env).fetch('http://x/describe', {init});");
        on_shard(&front(&code), move |shard| async move {
            let (body, mut outside) = Incoming::pair();
            outside.write("in");
            outside.end();
            let (none, length, coding, text_in) = expected;
            let expected = format!(
                "{{\"none\":{none},\"length\":{length},\"coding\":{coding},\"cf\":null,\"text\":\"{text_in}\"}}"
            );
            assert_eq!(text(fetch(&shard, "/", body).await).await, expected, "{init}");
        });
    }
}

#[test]
fn cf_goes_on_unless_it_is_replaced() {
    for (code, expected) in [
        ("return Response.json(request.cf);", "{\"colo\":\"X\"}"),
        (
            "return Response.json((await (await back(env).fetch('http://x/describe', request)).json()).cf);",
            "{\"colo\":\"X\"}",
        ),
        (
            "return Response.json((await (await back(env).fetch('http://x/describe', { cf: { a: 1 } })).json()).cf);",
            "{\"a\":1}",
        ),
        ("return Response.json((await (await back(env).fetch('http://x/describe')).json()).cf);", "null"),
    ] {
        on_shard(&front(code), move |shard| async move {
            let mut request = http::Request::get("http://example.com/").body(Body::empty()).unwrap();
            request.extensions_mut().insert(Cf("{\"colo\":\"X\"}".to_owned()));
            assert_eq!(text(shard.fetch(request).await).await, expected, "{code}");
        });
    }
}

#[test]
fn a_body_that_nobody_reads_is_let_go_of() {
    for code in [
        "return new Response('unread');",
        "request.body; return new Response('touched');",
        "await request.body.cancel(); return new Response('cancelled');",
        "const reader = request.body.getReader(); await reader.read(); await reader.cancel(); \
         return new Response('begun');",
        "const reader = request.body.getReader(); await reader.read(); const waits = reader.read(); \
         await reader.cancel(); await waits; return new Response('waiting');",
        "return (await back(env).fetch('http://x/unread', request));",
        "new Request(request); return new Response('moved');",
        "const init = { headers: [['\u{e4}', '1']], method: 'PUT', body: request.body }; \
         await back(env).fetch('http://x/', init).catch(() => {}); \
         return new Response('refused');",
    ] {
        on_shard(&front(code), |shard| async move {
            let (body, outside) = Incoming::pair();
            outside.write("one");
            let said = text(fetch(&shard, "/", body).await).await;
            assert!(!said.starts_with("FAILED"), "{said}");
            // What is found unreachable when a turn has ended is let go of in the next one.
            text(fetch(&shard, "/", Body::empty()).await).await;
            outside.dropped().await;
        });
    }
}

#[test]
fn bodies_that_are_touched_and_forgotten_do_not_pile_up() {
    let code = r#"
        const { pathname } = new URL(request.url);
        if (pathname === "/count") return new Response(globalThis.cancelled > 100 ? "many" : "few");
        for (let at = 0; at < 300; at += 1) (await back(env).fetch("http://x/endless")).body.locked;
        return new Response("made");
    "#;
    on_shard(&front(code), |shard| async move {
        assert_eq!(text(fetch(&shard, "/make", Body::empty()).await).await, "made");
        assert_eq!(text(fetch(&shard, "/count", Body::empty()).await).await, "many");
    });
}

#[test]
fn a_body_is_not_read_after_its_request_was_answered() {
    let code = r#"
        const { pathname } = new URL(request.url);
        if (pathname === "/late") return new Response(await globalThis.late());
        const reader = request.body.getReader();
        await reader.read();
        globalThis.late = () => reader.read().catch(String);
        return new Response("answered");
    "#;
    on_shard(&front(code), |shard| async move {
        let (body, outside) = Incoming::pair();
        outside.write("one");
        assert_eq!(text(fetch(&shard, "/", body).await).await, "answered");
        outside.dropped().await;
        let said = text(fetch(&shard, "/late", Body::empty()).await).await;
        assert_eq!(said, "TypeError: Can't read from request stream after response has been sent.");
    });
}

#[test]
fn a_body_is_read_while_the_answer_is_written() {
    let code = r#"
        const reader = request.body.getReader();
        return new Response(new ReadableStream({
            async pull(controller) {
                const { done, value } = await reader.read();
                if (done) controller.close(); else controller.enqueue(value);
            },
        }, { highWaterMark: 0 }));
    "#;
    on_shard(&front(code), |shard| async move {
        let (body, mut outside) = Incoming::pair();
        let response = fetch(&shard, "/", body).await.unwrap();
        let mut body = response.http.into_body();
        outside.write("one");
        assert_eq!(chunk(&mut body).await.unwrap(), "one");
        outside.write("two");
        assert_eq!(chunk(&mut body).await.unwrap(), "two");
        outside.end();
        assert_eq!(chunk(&mut body).await, None);
    });
}

#[test]
fn a_stream_of_code_is_sent_as_it_comes() {
    let code = r#"
        let at = 0;
        return new Response(new ReadableStream({
            async pull(controller) {
                await new Promise((resolve) => setTimeout(resolve, 0));
                at += 1;
                controller.enqueue(at === 2 ? "text" : bytes(`bytes ${at}`));
                if (at === 3) controller.close();
            },
        }, { highWaterMark: 0 }));
    "#;
    on_shard(&front(code), |shard| async move {
        let response = fetch(&shard, "/", Body::empty()).await.unwrap();
        let mut body = response.http.into_body();
        assert_eq!(chunk(&mut body).await.unwrap(), "bytes 1");
        assert_eq!(chunk(&mut body).await.unwrap(), "text");
        assert_eq!(chunk(&mut body).await.unwrap(), "bytes 3");
        assert_eq!(chunk(&mut body).await, None);
    });
}

#[test]
fn a_stream_is_cancelled_when_its_reader_goes() {
    let code = r#"
        if (new URL(request.url).pathname === "/reason") return new Response(await globalThis.reason);
        globalThis.reason = new Promise((resolve) => (globalThis.cancelled = resolve));
        return new Response(new ReadableStream({
            start(controller) { controller.enqueue(bytes("one")); },
            cancel(reason) { globalThis.cancelled(String(reason)); },
        }));
    "#;
    on_shard(&front(code), |shard| async move {
        let response = fetch(&shard, "/", Body::empty()).await.unwrap();
        let mut body = response.http.into_body();
        assert_eq!(chunk(&mut body).await.unwrap(), "one");
        drop(body);
        assert_eq!(text(fetch(&shard, "/reason", Body::empty()).await).await, "Error: Network connection lost.");
    });
}

#[test]
fn an_error_in_a_stream_reaches_its_reader() {
    let read =
        "return new Response(await response.text().catch((error) => `${error instanceof RangeError} ${error}`));";
    let code = format!("const response = await back(env).fetch('http://x/fail'); {read}");
    on_shard(&front(&code), |shard| async move {
        assert_eq!(text(fetch(&shard, "/", Body::empty()).await).await, "true RangeError: broken");
    });
    on_shard(&front("return back(env).fetch('http://x/fail');"), |shard| async move {
        let said = text(fetch(&shard, "/", Body::empty()).await).await;
        assert_eq!(said, "BROKEN the body ended early: RangeError: broken");
    });
}

#[test]
fn a_body_is_not_short_when_its_writer_is_reset() {
    on_shard(&front("return back(env).fetch('http://x/abort');"), |shard| async move {
        let said = text(fetch(&shard, "/", Body::empty()).await).await;
        assert_eq!(said, "BROKEN the body ended early: the writer of the body has gone");
    });
    let code = "const response = await back(env).fetch('http://x/abort'); \
                return new Response(await response.text().catch(String));";
    on_shard(&front(code), |shard| async move {
        assert_eq!(text(fetch(&shard, "/", Body::empty()).await).await, "Error: Network connection lost.");
    });
}

#[test]
fn what_is_no_response_is_refused() {
    for (code, message) in [
        ("return 'x';", "Incorrect type for Promise: the Promise did not resolve to 'Response'."),
        (
            "return Response.error();",
            "Return value from serve handler must not be an error response (like Response.error())",
        ),
        (
            "const used = new Response('x'); await used.text(); return used;",
            "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.",
        ),
        (
            "const locked = new Response('x'); locked.body.getReader(); return locked;",
            "The ReadableStream has been locked to a reader.",
        ),
        (
            "return new Response(null, { status: 101, webSocket: new WebSocketPair()[0] });",
            "Worker tried to return a WebSocket in a response to a request which did not contain the header \
             \"Upgrade: websocket\".",
        ),
        (
            "const used = new Request(request, { method: 'PUT', body: 'x' }); await used.text(); \
             return back(env).fetch(used);",
            "Cannot reconstruct a Request with a used body.",
        ),
    ] {
        on_shard(&front(code), move |shard| async move {
            let said = text(fetch(&shard, "/", Body::empty()).await).await;
            assert_eq!(said, format!("FAILED TypeError: {message}"), "{code}");
        });
    }
}

#[test]
fn redirects_are_followed() {
    const ONE_TIME: &str = "TypeError: A request with a one-time-use body (it was initialized from a stream, not a \
        buffer) encountered a redirect requiring the body to be retransmitted. To avoid this error in the future, \
        construct this request from a buffer-like body initializer.";
    for (path, init, expected) in [
        ("status=302&to=/echo", "{}", "200 http://x/echo true GET "),
        ("status=302&to=/echo%23f", "{}", "200 http://x/echo true GET "),
        ("status=302&to=http://y/echo", "{}", "200 http://y/echo true GET "),
        ("status=301&to=/echo", "{ method: 'POST', body: 'b' }", "200 http://x/echo true GET "),
        ("status=303&to=/echo", "{ method: 'PUT', body: 'b' }", "200 http://x/echo true GET "),
        ("status=303&to=/echo", "{ method: 'HEAD' }", "200 http://x/echo true HEAD "),
        ("status=307&to=/echo", "{ method: 'POST', body: 'b' }", "200 http://x/echo true POST b"),
        ("status=308&to=/echo", "{ method: 'PUT', body: bytes('b') }", "200 http://x/echo true PUT b"),
        ("status=303&to=/echo", "{ method: 'POST', body: request.body }", "200 http://x/echo true GET "),
        ("status=307&to=/echo", "{ method: 'POST', body: request.body }", ONE_TIME),
        ("status=302", "{}", "302 http://x/redirect?status=302 false null redirecting"),
        ("status=300&to=/echo", "{}", "300 http://x/redirect?status=300&to=/echo false null redirecting"),
        (
            "status=302&to=/echo",
            "{ redirect: 'manual' }",
            "302 http://x/redirect?status=302&to=/echo false null redirecting",
        ),
        ("status=302&to=/echo", "request", "302 http://x/redirect?status=302&to=/echo false null redirecting"),
        ("status=302&to=http://", "{}", "TypeError: Invalid Location header; unable to follow redirect."),
    ] {
        let code = format!(
            "try {{ const r = await back(env).fetch('http://x/redirect?{path}', {init}); return new Response( \
             `${{r.status}} ${{r.url}} ${{r.redirected}} ${{r.headers.get('x-method')}} ${{await r.text()}}`); }} \
             catch (error) {{ return new Response(String(error)); }}"
        );
        on_shard(&front(&code), move |shard| async move {
            let (body, mut outside) = Incoming::pair();
            outside.end();
            assert_eq!(text(fetch(&shard, "/", body).await).await, expected, "{path} {init}");
        });
    }
}

#[test]
fn a_response_without_bytes_has_a_body_where_there_could_be_one() {
    for (path, init, expected) in [
        ("nothing", "{}", "false"),
        ("nothing", "{ method: 'HEAD' }", "true"),
        (
            "redirect?status=204",
            "{}",
            "TypeError: Response with null body status (101, 204, 205, or 304) cannot have a body.",
        ),
    ] {
        let code = format!(
            "const response = back(env).fetch('http://x/{path}', {init}); \
             return new Response(await response.then((r) => r.body === null).catch(String));"
        );
        on_shard(&front(&code), move |shard| async move {
            assert_eq!(text(fetch(&shard, "/", Body::empty()).await).await, expected, "{path} {init}");
        });
    }
}

#[test]
fn what_cannot_be_fetched_is_refused() {
    for (call, expected) in [
        (
            "fetch()",
            "TypeError: Failed to execute 'fetch' on 'Fetcher': parameter 1 is not of type 'Request or string'.",
        ),
        ("fetch('/x')", "TypeError: Invalid URL: /x"),
        ("fetch('ws://x')", "TypeError: Fetch API cannot load: ws://x/"),
        ("fetch('foo:bar')", "TypeError: Fetch API cannot load: foo:bar"),
    ] {
        let code = format!("return new Response(await back(env).{call}.then(String, String));");
        on_shard(&front(&code), move |shard| async move {
            assert_eq!(text(fetch(&shard, "/", Body::empty()).await).await, expected, "{call}");
        });
    }
}
