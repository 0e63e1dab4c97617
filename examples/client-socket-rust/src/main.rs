//! Run: `cargo run -p client-socket-rust`, then open http://127.0.0.1:8787 in two tabs.
//!
//! One durable object per account relays messages between all sockets of that account. Programs name their
//! account in the header `account-id`; a browser cannot set headers, so its session cookie is turned into one.

mod session;

use std::process::ExitCode;

use worker::{
    App, Context, DurableObject, Env, Error, Request, Response, Result, State, WebSocket, WebSocketIncomingMessage,
    WebSocketPair, console_error, console_log, durable_object, event,
};

use crate::session::{Sessions, is_account};

/// Names the account of a request.
const ACCOUNT: &str = "account-id";

fn main() -> ExitCode {
    let key = match session::new_key() {
        Ok(key) => key,
        Err(error) => {
            console_error!("no key for session cookies: {error}");
            return ExitCode::FAILURE;
        }
    };
    let app = App::new(fetch).name("client-socket").object::<Account>("ACCOUNTS").secret("SESSION_KEY", key);
    dormouse_cli::run(app)
}

/// The entry: the page, the login, and the door to the objects.
#[event(fetch)]
async fn fetch(mut req: Request, env: Env, _ctx: Context) -> Result<Response> {
    let sessions = Sessions::new(env.secret("SESSION_KEY")?.to_string());
    match (req.method().as_ref(), req.path().as_str()) {
        ("GET", "/") => Response::from_html(include_str!("../../client-socket/src/page.html")),
        ("POST", "/session") => {
            let account = req.text().await?;
            if !is_account(&account) {
                return Response::error("an account is 1 to 64 letters, digits, dots, dashes or underscores", 400);
            }
            let response = Response::empty()?;
            response.headers().set("set-cookie", &sessions.cookie(&account))?;
            Ok(response)
        }
        ("GET", "/client-socket") => client_socket(authenticate(req, &sessions)?, env).await,
        (_, "/" | "/session" | "/client-socket") => Response::error("method not allowed", 405),
        _ => Response::error("not found", 404),
    }
}

/// Turns the session cookie of a browser into the header that names the account. A page of another site must
/// not open sockets with it, so the request must come from a page of this one (RFC 6455, section 10.2).
fn authenticate(mut req: Request, sessions: &Sessions) -> Result<Request> {
    if req.headers().has(ACCOUNT)? {
        return Ok(req);
    }
    let cookies = req.headers().get("cookie")?.unwrap_or_default();
    if let Some(account) = sessions.account(&cookies)
        && is_same_origin(&req)?
    {
        // A request from outside stays as it came; its copy can be changed.
        req = req.clone_mut()?;
        req.headers_mut()?.set(ACCOUNT, &account)?;
    }
    Ok(req)
}

fn is_same_origin(req: &Request) -> Result<bool> {
    let headers = req.headers();
    let (Some(origin), Some(host)) = (headers.get("origin")?, headers.get("host")?) else { return Ok(false) };
    Ok(origin.split_once("://").is_some_and(|(_, from)| from == host))
}

/// Passes a socket on to the object of its account.
async fn client_socket(req: Request, env: Env) -> Result<Response> {
    if req.headers().get("upgrade")?.is_none_or(|upgrade| !upgrade.eq_ignore_ascii_case("websocket")) {
        return Response::error("this is a WebSocket endpoint: send the header `Upgrade: websocket`", 426);
    }
    let Some(account) = req.headers().get(ACCOUNT)?.filter(|account| !account.is_empty()) else {
        return Response::error("the header `account-id` is missing", 400);
    };
    let accounts = env.durable_object("ACCOUNTS")?;
    accounts.id_from_name(&account)?.get_stub()?.fetch_with_request(req).await
}

/// All sockets of one account.
#[durable_object]
pub struct Account {
    state: State,
}

impl DurableObject for Account {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, _req: Request) -> Result<Response> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        self.state.accept_web_socket(&server);
        Response::from_websocket(client)
    }

    async fn websocket_message(&self, ws: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        if let WebSocketIncomingMessage::String(text) = &message
            && let Some(text) = text.strip_prefix("echo:")
        {
            return ws.send_with_str(text);
        }
        for other in self.state.get_websockets().into_iter().filter(|other| *other != ws) {
            let sent = match &message {
                WebSocketIncomingMessage::String(text) => other.send_with_str(text),
                WebSocketIncomingMessage::Binary(bytes) => other.send_with_bytes(bytes),
            };
            // One that is closing takes nothing more; the others shall have it all the same.
            if let Err(error) = sent {
                console_log!("not relayed to one socket: {error}");
            }
        }
        Ok(())
    }

    async fn websocket_close(&self, _ws: WebSocket, code: usize, reason: String, was_clean: bool) -> Result<()> {
        console_log!("closed with {code} {reason:?}, clean: {was_clean}");
        Ok(())
    }

    async fn websocket_error(&self, _ws: WebSocket, error: Error) -> Result<()> {
        console_error!("failed: {error}");
        Ok(())
    }
}
