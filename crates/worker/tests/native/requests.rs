//! What the entry Worker does with requests, errors, panics and streams.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use futures_util::stream;
use tokio::sync::Notify;
use worker::{
    App, Context, Delay, Env, Error, HttpRequest, Request, Response, ResponseBody, Result, Router, spawn_local,
};

use crate::harness::Server;

async fn fails(req: Request, _env: Env, _ctx: Context) -> Result<Response> {
    if req.path() == "/late" {
        Delay::from(Duration::from_millis(1)).await;
    }
    Err("no luck".into())
}

#[test]
fn errors_are_hidden_unless_asked_for() {
    let hidden = Server::new(App::new(fails));
    let shown = Server::new(App::new(fails).respond_with_errors());
    for url in ["/", "/late"] {
        assert_eq!(hidden.ask(url), (500, "INTERNAL SERVER ERROR".into()));
        assert_eq!(shown.ask(url), (500, "no luck".into()));
    }
}

#[test]
fn any_error_type_will_do() {
    let app = App::new(|_: Request, _: Env, _: Context| async { Err::<Response, _>(std::fmt::Error) });
    let server = Server::new(app.respond_with_errors());
    assert_eq!(server.ask("/").0, 500);
}

#[test]
fn a_panic_costs_one_request() {
    let (started, starts) = mpsc::channel();
    let released = Arc::new(Notify::new());
    let release = released.clone();
    let server = Server::new(App::new(move |req: Request, _: Env, ctx: Context| {
        let (started, released) = (started.clone(), released.clone());
        async move {
            match req.path().as_str() {
                "/panic" => panic!("at once"),
                "/late" => {
                    Delay::from(Duration::from_millis(1)).await;
                    panic!("late")
                }
                "/background" => ctx.wait_until(async { panic!("in the background") }),
                "/slow" => {
                    let _ = started.send(());
                    released.notified().await;
                }
                _ => {}
            }
            Response::ok("fine")
        }
    }));
    let fine = (200, "fine".to_owned());
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| server.ask("/slow"));
        starts.recv().unwrap();
        for url in ["/panic", "/late"] {
            assert_eq!(server.ask(url), (500, "INTERNAL SERVER ERROR".into()), "{url}");
        }
        assert_eq!(server.ask("/background"), fine);
        release.notify_one();
        assert_eq!(slow.join().unwrap(), fine);
    });
    assert_eq!(server.ask("/"), fine);
}

#[test]
fn responses_that_cannot_be_sent_are_errors() {
    async fn odd(req: Request, _env: Env, _ctx: Context) -> Result<Response> {
        let status = req.path().trim_start_matches('/').parse().unwrap_or(200);
        Ok(Response::ok("body")?.with_status(status))
    }
    let server = Server::new(App::new(odd).respond_with_errors());
    let range = "Responses may only be constructed with status codes in the range 200 to 599, inclusive.";
    let null_body = "Response with null body status (101, 204, 205, or 304) cannot have a body.";
    let check = |url: &str, status: u16, text: &str| assert_eq!(server.ask(url), (status, text.to_owned()), "{url}");
    check("/299", 299, "body");
    check("/599", 599, "body");
    check("/600", 500, range);
    check("/199", 500, range);
    check("/101", 500, range);
    check("/204", 500, null_body);
}

#[test]
fn http_types_are_taken_and_returned() {
    async fn echo(
        req: HttpRequest,
        _env: Env,
        _ctx: Context,
    ) -> std::result::Result<http::Response<worker::Body>, Error> {
        let builder = http::Response::builder().status(202).header("x-path", req.uri().path());
        Ok(builder.body(req.into_body())?)
    }
    let server = Server::new(App::new(echo));
    let answer = server.fetch(http::Request::post("/some/path").body("body".into()).unwrap()).unwrap();
    assert_eq!((answer.head.status.as_u16(), answer.header("x-path")), (202, Some("/some/path")));
    assert_eq!(answer.text(), "body");
}

/// A body that comes in parts, as from a connection.
fn in_parts(parts: &'static [&'static str]) -> worker::Body {
    struct Parts(std::slice::Iter<'static, &'static str>);
    impl http_body::Body for Parts {
        type Data = bytes::Bytes;
        type Error = Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<std::result::Result<http_body::Frame<bytes::Bytes>, Infallible>>> {
            std::task::Poll::Ready(self.0.next().map(|part| Ok(http_body::Frame::data((*part).into()))))
        }
    }
    worker::Body::stream(Parts(parts.iter()))
}

#[test]
fn streams_flow_both_ways() {
    async fn handle(mut req: Request, _env: Env, _ctx: Context) -> Result<Response> {
        match req.path().as_str() {
            "/text" => Response::ok(req.text().await?),
            // The body goes back as it came, untouched.
            "/same" => Response::from_body(ResponseBody::Stream(req.stream()?)),
            "/again" => Response::from_stream(req.stream()?),
            "/twice" => {
                let mut copy = req.clone()?;
                Response::ok(format!("{} {}", req.text().await?, copy.text().await?))
            }
            "/slow" => Response::from_stream(stream::unfold(0, |at| async move {
                Delay::from(Duration::from_millis(1)).await;
                (at < 9).then(|| (Ok::<_, Error>(format!("{at}")), at + 1))
            })),
            "/broken" => Response::from_stream(stream::iter([Ok("a"), Err("gone")])),
            _ => {
                let mut response = Response::from_stream(stream::iter([Ok::<_, Error>("a"), Ok("b")]))?;
                let mut copy = response.cloned()?;
                Response::ok(format!("{} {}", response.text().await?, copy.text().await?))
            }
        }
    }
    let server = Server::new(App::new(handle));
    let ask = |url: &str| server.fetch(http::Request::post(url).body(in_parts(&["one ", "two"])).unwrap()).unwrap();
    let check = |url: &str, text: &str| assert_eq!(ask(url).text(), text, "{url}");
    check("/text", "one two");
    check("/same", "one two");
    check("/again", "one two");
    check("/twice", "one two one two");
    check("/slow", "012345678");
    check("/cloned", "ab ab");
    assert!(ask("/broken").is_broken());
}

#[test]
fn background_work_goes_on_after_the_response() {
    let (done, ends) = mpsc::channel();
    let server = Server::new(App::new(move |_: Request, _: Env, ctx: Context| {
        let done = done.clone();
        async move {
            for name in ["waited for", "spawned"] {
                let done = done.clone();
                let work = async move {
                    Delay::from(Duration::from_millis(1)).await;
                    let _ = done.send(name);
                };
                if name == "spawned" { spawn_local(work) } else { ctx.wait_until(work) }
            }
            Response::empty()
        }
    }));
    assert_eq!(server.ask("/"), (200, String::new()));
    let mut ended = [ends.recv().unwrap(), ends.recv().unwrap()];
    ended.sort_unstable();
    assert_eq!(ended, ["spawned", "waited for"]);
}

#[test]
fn applications_are_checked() {
    use crate::source::{Echo, Room};

    mod other {
        use worker::*;

        #[durable_object]
        pub(super) struct Room;

        impl DurableObject for Room {
            fn new(_state: State, _env: Env) -> Self {
                Room
            }
        }
    }
    fn check(app: App, expected: Option<&str>) {
        let mistake = app.into_application().err().map(|error| error.to_string());
        assert_eq!(mistake.as_deref(), expected);
    }
    let app = || App::new(fails).object::<Room>("ROOM");
    check(app().object::<Echo>("ECHO").var("X", 1), None);
    check(app().object::<Room>("ALSO_ROOM"), None);
    check(app().object::<Echo>("ROOM"), Some("two bindings are called `ROOM`"));
    check(app().var("ROOM", "x"), Some("two bindings are called `ROOM`"));
    check(app().object::<other::Room>("OTHER"), Some("two classes are called `Room`"));
}

#[test]
fn routes_that_clash_are_an_error_of_the_run() {
    async fn entry(req: Request, env: Env, _ctx: Context) -> Result<Response> {
        let router = Router::new().get("/a/:one", |_, _| Response::ok("one"));
        router
            .get_async("/a/:two", |_, _| async { Response::ok("two") })
            .on("/b", |_, _| Response::empty())
            .run(req, env)
            .await
    }
    let server = Server::new(App::new(entry).respond_with_errors());
    assert_eq!(server.ask("/a/x"), (500, "route cannot be added".into()));
}

#[test]
fn nothing_works_outside_of_a_worker_and_nothing_panics() {
    assert!(worker::WebSocketPair::new().is_err());
    spawn_local(async {});
    worker::console_log!("from {}", "nowhere");
    let waited = futures_util::FutureExt::now_or_never(Delay::from(Duration::from_secs(9)));
    assert!(waited.is_some());
}
