//! Ids, stubs and what comes back through them.

use std::time::Duration;

use futures_util::stream;
use worker::*;

use crate::harness::Server;

/// Answers with what it was sent, or fails.
#[durable_object]
struct Target {
    state: State,
    env: Env,
}

impl DurableObject for Target {
    fn new(state: State, env: Env) -> Self {
        Self { state, env }
    }

    async fn fetch(&self, mut req: Request) -> Result<Response> {
        match req.path().as_str() {
            "/fail" => Err(Error::Json(("bad".into(), 422))),
            "/abort" => {
                self.state.abort("on purpose");
                Response::empty()
            }
            // What fails there fails here.
            "/pass-on" => self.env.durable_object("TARGET")?.get_by_name("y")?.fetch_with_str("https://y/abort").await,
            "/late" => {
                Delay::from(Duration::from_millis(1)).await;
                Err("late".into())
            }
            "/url" => Response::ok(format!("{} {}", req.method(), req.url()?)),
            "/echo" => Response::from_stream(req.stream()?),
            "/self" => {
                let id = self.state.id();
                let error = id.get_stub().map(|_| ()).unwrap_err();
                let same = self.env.durable_object("TARGET")?.id_from_string(&id.to_string())? == id;
                Response::ok(format!("{:?} {same} {error}", id.name()))
            }
            // Through another object.
            "/relay" => {
                let other = self.env.durable_object("TARGET")?.get_by_name("other")?;
                other.fetch_with_str("https://x.example/self").await
            }
            path => Response::ok(path.to_owned()),
        }
    }
}

/// Has no handlers.
#[durable_object]
struct Mute;

impl DurableObject for Mute {
    fn new(_state: State, _env: Env) -> Self {
        Self
    }
}

async fn entry(req: Request, env: Env, _ctx: Context) -> Result<Response> {
    let targets = env.durable_object("TARGET")?;
    let stub = targets.get_by_name("one")?;
    match req.path().as_str() {
        "/ids" => {
            let (one, two) = (targets.unique_id()?, targets.unique_id()?);
            let named = targets.id_from_name("one")?;
            assert!(one != two && one.name().is_none());
            assert!(named == targets.id_from_name("one")? && named != targets.id_from_name("two")?);
            assert_eq!(named.name().as_deref(), Some("one"));
            let parsed = targets.id_from_string(&named.to_string())?;
            assert!(parsed == named && parsed.name().is_none());
            let hinted = one.get_stub_with_location_hint("weur")?;
            hinted.fetch_with_str("https://x.example/unique").await
        }
        "/mute" => env.durable_object("MUTE")?.get_by_name("one")?.fetch_with_request(req).await,
        "/bad-id" => targets.id_from_string("00").map(|_| ()).map_or_else(Err, |()| Response::empty()),
        "/other-id" => {
            let mute = env.durable_object("MUTE")?;
            let id = mute.id_from_name("one")?.to_string();
            targets.id_from_string(&id).map(|_| ()).map_or_else(Err, |()| Response::empty())
        }
        "/jurisdiction" => {
            targets.unique_id_with_jurisdiction("eu").map(|_| ()).map_or_else(Err, |()| Response::empty())
        }
        "/relative" => stub.fetch_with_str("/x").await,
        "/stream" => {
            let mut init = RequestInit::new();
            let body = Response::from_stream(stream::iter([Ok::<_, Error>("a"), Ok("b")]))?.stream()?;
            init.with_method(Method::Put).with_body(Some(body.into()));
            let mut response =
                stub.fetch_with_request(Request::new_with_init("https://x.example/echo", &init)?).await?;
            Response::ok(response.text().await?)
        }
        _ => stub.fetch_with_request(req).await,
    }
}

#[test]
fn stubs_reach_their_objects() {
    let server = Server::new(App::new(entry).object::<Target>("TARGET").object::<Mute>("MUTE").respond_with_errors());
    let check = |url: &str, status: u16, text: &str| assert_eq!(server.ask(url), (status, text.to_owned()), "{url}");
    check("/plain", 200, "/plain");
    check("/url?a=b", 200, "GET http://example.com/url?a=b");
    check("/ids", 200, "/unique");
    check("/stream", 200, "ab");
    check("/self", 200, "Some(\"one\") true Cannot get stub from within a Durable Object");
    check("/relay", 200, "Some(\"other\") true Cannot get stub from within a Durable Object");

    check("/fail", 500, "Error: bad (status 422)");
    check("/late", 500, "Error: late");
    check("/mute", 500, "Error: Handler does not export a fetch() function.");
    check("/bad-id", 500, "Invalid Durable Object ID: must be 64 hex digits");
    check("/other-id", 500, "Durable Object ID is not valid for this namespace.");
    check("/jurisdiction", 500, "Jurisdiction restrictions are not implemented in Dormouse: eu");
    check("/relative", 500, "Invalid URL: /x");
}

/// What a caller can tell of the failure of a request to one object, each by the stub that `by` names.
async fn told(req: Request, env: Env, _ctx: Context) -> Result<Response> {
    let targets = env.durable_object("TARGET")?;
    let (one, two) = (targets.get_by_name("x")?, targets.get_by_name("x")?);
    let mut said = Vec::new();
    for step in req.url()?.query().unwrap_or_default().split(',') {
        let (by, path) = step.split_at(1);
        let stub = if by == "1" { &one } else { &two };
        said.push(match stub.fetch_with_str(&format!("https://x.example/{path}")).await {
            Ok(mut response) => response.text().await?,
            Err(Error::UnknownJsError { original, name, message, .. }) => {
                let flags = [(original.remote, "remote"), (original.durable_object_reset, "reset")];
                let flags = flags.iter().filter(|(is_told, _)| *is_told).map(|(_, flag)| *flag);
                format!("{} {message} {}", name.unwrap_or_default(), flags.collect::<Vec<_>>().join("+"))
            }
            Err(error) => format!("{error:?}"),
        });
    }
    Response::ok(said.join("; "))
}

#[test]
fn a_stub_whose_object_was_reset_fails_for_good_and_says_so() {
    let server = Server::new(App::new(told).object::<Target>("TARGET").respond_with_errors());
    let check = |steps: &str, expected: &str| {
        assert_eq!(server.ask(&format!("https://x.example/?{steps}")), (200, expected.to_owned()), "{steps}");
    };
    check(
        "1a,1abort,1a,1a,2a",
        "/a; Error on purpose remote+reset; Error on purpose reset; Error on purpose reset; /a",
    );
    check(
        "1a,2a,2abort,1a,2a",
        "/a; /a; Error on purpose remote+reset; Error on purpose reset; Error on purpose reset",
    );
    check("1late,1a", "Error late remote; /a");
    // The instance that broke is another one, which this stub has not reached.
    check("1pass-on,1a", "Error on purpose remote+reset; /a");
}
