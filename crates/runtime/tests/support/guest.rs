//! A guest that does what requests and messages tell it, and reports what it hears.
//!
//! The entry passes a request on to the object that its path names, `/NAME/WHAT?TAG`, by a new stub or, for
//! `/NAME/WHAT/kept`, by the one that it has kept; the object does WHAT, and
//! later what the messages on its sockets say. So a test is written from the outside alone. The tests of `runtime`
//! and of `server` share this file.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use dormouse_runtime::TaskId;
use dormouse_runtime::body::Body;
use dormouse_runtime::ctx::Ctx;
use dormouse_runtime::guest::{Event, Guest, GuestError, GuestFactory, Progress};
use dormouse_runtime::node::{Application, ClassSource, WorkerSource};
use dormouse_runtime::object::limits::SOCKETS_MAX;
use dormouse_runtime::object::message::Message;
use dormouse_runtime::object::outbox::{Close, Payload};
use dormouse_runtime::object::sockets::{AutoResponse, SlowClients, SocketId};
use dormouse_runtime::object::time::Time;
use dormouse_runtime::pair::ClientEnd;
use dormouse_runtime::request::{OffersCompression, Request, Response, StubError};
use dormouse_runtime::storage::txn::Span;
use dormouse_runtime::stub::Stub;
use tokio::sync::Semaphore;

/// Nothing in a test takes longer, unless it is broken, on however busy a machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How many times as much time a test of time limits gives its clients at last.
const STRETCHES: [u32; 3] = [1, 8, 64];

/// A time that no test lives to see: alarms that are not to fire come after it.
pub(crate) const NEVER: u64 = 90_000_000_000_000;

/// An application of such guests, and what its test holds of it.
pub(crate) fn application() -> (Application, Watch) {
    let (log, seen) = channel();
    let go = Arc::new(Semaphore::new(0));
    let script = Script { log: Mutex::new(log), go: go.clone() };
    let script = Arc::new(script);
    let room = ClassSource { name: "Room".into(), unique_key: "test-Room".into(), factory: script.clone() };
    (
        Application { workers: vec![WorkerSource { name: "entry".into(), factory: script }], classes: vec![room] },
        Watch { log: seen, go, awake: Cell::default() },
    )
}

/// What a test sees of its objects, and the gate at which they wait for it.
pub(crate) struct Watch {
    log: Receiver<String>,
    go: Arc<Semaphore>,
    /// How many guests of objects there were after the last report that the test has seen.
    awake: Cell<usize>,
}

/// Runs a test in which clients must do something within a time, while others let it pass. A machine that is too busy for
/// a short time gets longer ones; what is wrong with the code is wrong with the longest too.
pub(crate) fn in_time(shortest: Duration, test: impl Fn(Duration)) {
    let (last, before) = STRETCHES.split_last().expect("there are some");
    let is_passed = |stretch: &u32| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(shortest * *stretch)))
            .inspect_err(|_| eprintln!("not within {:?}; a longer time is tried", shortest * *stretch))
            .is_ok()
    };
    if !before.iter().any(is_passed) {
        test(shortest * *last);
    }
}

impl Watch {
    /// The next thing that an object reports.
    pub(crate) fn next(&self) -> String {
        self.note(self.log.recv_timeout(PATIENCE).expect("an object reports something"))
    }

    /// Waits until an object reports this, and tells what was reported before it.
    pub(crate) fn wait_for(&self, line: &str) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut before = Vec::new();
        while let Ok(seen) = self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            let seen = self.note(seen);
            if seen == line {
                return before;
            }
            before.push(seen);
        }
        panic!("no report of {line:?} after {before:?}");
    }

    /// What was reported and not yet asked for.
    pub(crate) fn reported(&self) -> Vec<String> {
        self.log.try_iter().map(|line| self.note(line)).collect()
    }

    /// Waits until all objects are without a guest. When all that woke one has been answered, they sleep for good then,
    /// however often they fell asleep and were woken on the way there.
    pub(crate) fn all_asleep(&self) {
        self.reported();
        while self.awake.get() > 0 {
            self.next();
        }
    }

    fn note(&self, line: String) -> String {
        match &*line {
            "start" => self.awake.set(self.awake.get() + 1),
            "stop" => self.awake.set(self.awake.get() - 1),
            _ => {}
        }
        line
    }

    /// Whether neither a guest nor what makes them is left.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.reported();
        matches!(self.log.try_recv(), Err(TryRecvError::Disconnected))
    }

    /// Lets one go on that waits, or will wait.
    pub(crate) fn release(&self) {
        self.go.add_permits(1);
    }
}

struct Script {
    log: Mutex<Sender<String>>,
    go: Arc<Semaphore>,
}

type Work = Pin<Box<dyn Future<Output = Result<(), GuestError>>>>;

/// The entry Worker or one object.
struct Scripted {
    me: Rc<Me>,
    works: RefCell<HashMap<TaskId, Work>>,
}

/// What its work uses of a guest.
struct Me {
    ctx: Ctx,
    log: Sender<String>,
    go: Arc<Semaphore>,
    /// What `/NAME/WHAT/kept` goes through, by name.
    stubs: RefCell<HashMap<String, Stub>>,
    /// Client ends that nobody connects.
    ends: RefCell<Vec<ClientEnd>>,
    /// The socket of `join`.
    joined: Cell<Option<SocketId>>,
    /// The last socket of `half-open`.
    half_open: Cell<Option<SocketId>>,
    /// Critical sections that the host has yet to resume for the first time.
    sections: RefCell<Vec<TaskId>>,
}

impl GuestFactory for Script {
    fn build(&self, ctx: Ctx) -> Result<Box<dyn Guest>, GuestError> {
        let me = Me {
            ctx,
            log: self.log.lock().unwrap().clone(),
            go: self.go.clone(),
            stubs: RefCell::default(),
            ends: RefCell::default(),
            joined: Cell::default(),
            half_open: Cell::default(),
            sections: RefCell::default(),
        };
        if me.is_object() {
            me.report("start");
        }
        Ok(Box::new(Scripted { me: Rc::new(me), works: RefCell::default() }))
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        if self.me.is_object() {
            self.me.report("stop");
        }
    }
}

impl Guest for Scripted {
    fn deliver(&self, task: TaskId, event: Event) -> Progress {
        let me = self.me.clone();
        let work: Work = match event {
            Event::Fetch(request) if me.is_object() => Box::pin(async move { me.fetch(task, *request).await }),
            Event::Fetch(request) => Box::pin(async move { me.pass_on(task, *request).await }),
            Event::Message { socket, message: Message::Text(text) } => {
                Box::pin(async move { me.told(socket, &text).await })
            }
            Event::Message { socket, message: Message::Binary(bytes) } if me.joined.get() == Some(socket) => {
                Box::pin(async move { me.broadcast(socket, Payload::Binary(&bytes)) })
            }
            Event::Message { socket, message: Message::Binary(bytes) } => {
                Box::pin(async move { me.send(socket, Payload::Binary(&bytes)) })
            }
            Event::Close { code, reason, was_clean, .. } => {
                me.report(&format!("close {code} {reason} {was_clean}"));
                return Progress::Done(Ok(()));
            }
            Event::Error { error, .. } => {
                me.report(&format!("error {error}"));
                return Progress::Done(Ok(()));
            }
            Event::Alarm { retry_count, .. } => Box::pin(async move { me.alarm(retry_count).await }),
        };
        self.poll(task, work)
    }

    fn resume(&self, task: TaskId) -> Progress {
        let is_section = self.me.sections.borrow().contains(&task);
        if is_section {
            self.me.sections.borrow_mut().retain(|have| *have != task);
            let me = self.me.clone();
            return self.poll(task, Box::pin(async move { me.wait("section").await }));
        }
        let work = self.works.borrow_mut().remove(&task);
        work.map_or(Progress::Done(Ok(())), |work| self.poll(task, work))
    }
}

impl Scripted {
    fn poll(&self, task: TaskId, mut work: Work) -> Progress {
        let waker = self.me.ctx.waker(task);
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => Progress::Done(result),
            Poll::Pending => {
                self.works.borrow_mut().insert(task, work);
                Progress::Pending
            }
        }
    }
}

impl Me {
    fn is_object(&self) -> bool {
        self.ctx.id().is_some()
    }

    fn report(&self, line: &str) {
        // A test that has ended hears nothing more.
        let _ = self.log.send(line.to_owned());
    }

    /// Waits for [`Watch::release`].
    async fn wait(&self, what: &str) -> Result<(), GuestError> {
        self.report(&format!("{what} waits"));
        self.go.acquire().await.map_err(failed)?.forget();
        self.report(&format!("{what} goes on"));
        Ok(())
    }

    /// What the entry does.
    async fn pass_on(&self, task: TaskId, request: Request) -> Result<(), GuestError> {
        if request.headers().contains_key("hold") {
            self.wait("entry").await?;
        }
        let rooms = self.ctx.namespace("Room").unwrap();
        let mut path = request.uri().path().split('/').skip(1);
        let name = path.next().unwrap_or_default().to_owned();
        let stub = rooms.stub(rooms.id_from_name(&name));
        let stub = match path.nth(1) {
            Some("kept") => self.stubs.borrow_mut().entry(name).or_insert(stub).clone(),
            _ => stub,
        };
        let response = self.ctx.fetch(&stub, request).await.map_err(|error| match error {
            StubError::Broken(failure) => failed(format!("broken before: {}", failure.text)),
            StubError::Thrown(failure) if failure.reset => failed(format!("reset: {}", failure.text)),
            error => failed(error),
        });
        self.ctx.respond(task, response?);
        Ok(())
    }

    /// What an object does when it is asked.
    async fn fetch(&self, task: TaskId, request: Request) -> Result<(), GuestError> {
        let (head, body) = request.into_parts();
        let query = head.uri.query().unwrap_or_default().to_owned();
        match head.uri.path().split('/').nth(2).unwrap_or_default() {
            what @ ("" | "socket" | "greet" | "shout-first" | "reject" | "doomed" | "standard" | "half-open") => {
                self.open(task, what, &query)?;
            }
            "shown" => {
                let (socket, client) = self.accept("")?;
                self.send(socket, Payload::Text(&format!("{} {} {:?}", head.method, head.uri, head.headers)))?;
                self.ctx.respond(task, Response::switching_protocols(client));
            }
            "join" => self.join(task, &query).await?,
            "dial" => self.dial(task, self.ask_outside(&query, None).await?).await?,
            "dial-compressed" => self.dial(task, self.ask_outside(&query, Some(OffersCompression)).await?).await?,
            "forward" => {
                let mut request = http::Request::get(&*query).body(Body::empty()).map_err(failed)?;
                *request.headers_mut() = head.headers;
                self.ctx.respond(task, self.ctx.fetch_outside(request).await.map_err(failed)?);
            }
            "try-dial" => match self.ask_outside(&query, None).await {
                Ok(response) => self.dial(task, response).await?,
                Err(error) => self.answer(task, error.to_string()),
            },
            "dial-and-forget" => {
                drop(self.ask_outside(&query, None).await?);
                self.answer(task, "forgotten");
            }
            "pass" | "pass-compressed" => {
                let offers = head.uri.path().ends_with("compressed").then_some(OffersCompression);
                self.ctx.respond(task, self.ask_outside(&query, offers).await?);
            }
            "drop" => {
                let (_, client) = self.accept("")?;
                drop(client);
                self.answer(task, "dropped");
            }
            "fill" => {
                let text = self.fill();
                self.answer(task, text);
            }
            "wait" => {
                self.wait("request").await?;
                self.answer(task, "waited");
            }
            "echo" => {
                let bytes = body.collect(64 << 20).await.map_err(failed)?;
                self.answer(task, bytes);
            }
            "bytes" => self.answer(task, vec![b'x'; query.parse().map_err(failed)?]),
            "head" => self.answer(task, format!("{} {} {:?}", head.method, head.uri, head.headers)),
            "status" => {
                let response = http::Response::builder().status(&*query).body(Body::empty()).map_err(failed)?;
                self.ctx.respond(task, response.into());
            }
            "fail" => return Err(GuestError::new("told to fail")),
            "panic" => panic!("told to"),
            "silent" => {}
            "hold" => self.hold(task, &query).await?,
            "auto" => self.answer(task, self.auto_respond()?),
            "do" => {
                let told = query.replace('+', " ");
                let text = self.keep(&told)?.unwrap_or_else(|| format!("{told}?"));
                self.answer(task, text);
            }
            other => self.store(task, other, &query)?,
        }
        Ok(())
    }

    /// Answers with a socket, and does with it what is asked for.
    fn open(&self, task: TaskId, what: &str, tag: &str) -> Result<(), GuestError> {
        let half_open = what == "half-open";
        if what == "standard" || half_open {
            let (socket, client) = self.ctx.new_pair().unwrap();
            self.ctx.accept_standard(socket, half_open).map_err(failed)?;
            if half_open {
                self.half_open.set(Some(socket));
            }
            self.ctx.respond(task, Response::switching_protocols(client));
            return Ok(());
        }
        let (socket, client) = self.accept(tag)?;
        match what {
            "greet" => {
                ["one", "two", "three"].into_iter().try_for_each(|text| self.send(socket, Payload::Text(text)))?
            }
            "shout-first" => {
                self.ctx.broadcast(Payload::Text("before 101"), None, &[]).map_err(failed)?;
            }
            "reject" => self.close(socket, 4001, "not today")?,
            "doomed" => self.send(socket, Payload::Text("last words"))?,
            _ => {}
        }
        self.ctx.respond(task, Response::switching_protocols(client));
        if what == "doomed" {
            self.ctx.abort("told to");
        }
        Ok(())
    }

    /// Opens a socket to another object, and takes its other end as a socket of its own.
    async fn join(&self, task: TaskId, name: &str) -> Result<(), GuestError> {
        let rooms = self.ctx.namespace("Room").unwrap();
        let request = http::Request::get(format!("http://test/{name}/socket?joined")).body(Body::empty());
        let response = self.ctx.fetch(&rooms.stub(rooms.id_from_name(name)), request.map_err(failed)?);
        let client = response.await.map_err(failed)?.client.ok_or_else(|| GuestError::new("no socket"))?;
        let socket = self.ctx.adopt(client).unwrap();
        self.ctx.accept_standard(socket, false).map_err(failed)?;
        self.joined.set(Some(socket));
        self.answer(task, "joined");
        Ok(())
    }

    /// Opens a socket to a server outside, as a socket of its own; answers with what became of it.
    async fn dial(&self, task: TaskId, Response { http, client }: Response) -> Result<(), GuestError> {
        let status = http.status().as_u16();
        let (_, body) = http.into_parts();
        let Some(client) = client else {
            let body = body.collect(1 << 20).await.map_err(failed)?;
            self.answer(task, format!("{status} {}", String::from_utf8_lossy(&body)));
            return Ok(());
        };
        let socket = self.ctx.adopt(client).unwrap();
        self.ctx.accept_standard(socket, false).map_err(failed)?;
        self.joined.set(Some(socket));
        self.answer(task, format!("{status}"));
        Ok(())
    }

    async fn ask_outside(&self, url: &str, offers: Option<OffersCompression>) -> Result<Response, GuestError> {
        let mut request = http::Request::get(url).header("upgrade", "websocket").body(Body::empty()).map_err(failed)?;
        if let Some(offers) = offers {
            request.extensions_mut().insert(offers);
        }
        self.ctx.fetch_outside(request).await.map_err(failed)
    }

    /// What an object does with its storage.
    fn store(&self, task: TaskId, what: &str, query: &str) -> Result<(), GuestError> {
        let answer = match what {
            "set-alarm" => {
                let at = Time::from_millis(query.parse().map_err(failed)?);
                self.ctx.set_alarm(at).map_err(failed)?;
                "set".to_owned()
            }
            "alarm" => format!("{:?}", self.ctx.alarm().map_err(failed)?.map(Time::as_millis)),
            "sql" => self.sql(query)?,
            "delete-all" => {
                self.ctx.storage(|db| db.delete_all()).map_err(failed)?;
                self.ctx.delete_alarm().map_err(failed)?;
                "deleted".to_owned()
            }
            other => format!("{other}?"),
        };
        self.answer(task, answer);
        Ok(())
    }

    /// Runs SQL, with `+` for spaces, and shows the rows.
    fn sql(&self, query: &str) -> Result<String, GuestError> {
        let sql = query.replace('+', " ");
        let executed = self.ctx.storage(|db| db.exec(&sql, &[])).map_err(failed)?;
        Ok(format!("{:?}", executed.batch.values))
    }

    /// Runs SQL in a transaction that lasts until it is let go.
    async fn hold(&self, task: TaskId, query: &str) -> Result<(), GuestError> {
        self.ctx.begin_transaction(Span::Held).map_err(failed)?;
        let answer = self.sql(query)?;
        self.wait("transaction").await?;
        self.ctx.end_transaction().map_err(failed)?;
        self.answer(task, answer);
        Ok(())
    }

    /// Does what a text says with the storage, and tells what came of it; nothing when it says something else.
    fn keep(&self, told: &str) -> Result<Option<String>, GuestError> {
        let ctx = &self.ctx;
        let get = |key: &str| ctx.storage(|db| db.kv_get(key)).map_err(failed);
        let put = |key: &str, value: &[u8]| ctx.storage(|db| db.kv_put(key, value)).map_err(failed);
        let text = |value: Option<Vec<u8>>| value.map_or("none".into(), |value| String::from_utf8(value).unwrap());
        match *told.split(' ').collect::<Vec<_>>() {
            ["put", key, value] => put(key, value.as_bytes())?,
            ["get", key] => return Ok(Some(text(get(key)?))),
            // The same number in three places, far apart: so half of a transaction would be seen.
            ["trio", number, len] => {
                let padding = ".".repeat(len.parse().map_err(failed)?);
                put("a", format!("{number}{padding}").as_bytes())?;
                ctx.set_alarm(Time::from_millis(NEVER + number.parse::<u64>().map_err(failed)?)).map_err(failed)?;
                put("b", format!("{padding}{number}").as_bytes())?;
            }
            ["trio"] => {
                let alarm = ctx.alarm().map_err(failed)?.map(|at| (at.as_millis() - NEVER).to_string());
                let (a, b) = (text(get("a")?), text(get("b")?));
                return Ok(Some(format!(
                    "{} {} {}",
                    a.trim_end_matches('.'),
                    b.trim_start_matches('.'),
                    alarm.unwrap_or("none".into())
                )));
            }
            ["ring", after] => {
                put("ring", b"set")?;
                let after = Duration::from_millis(after.parse().map_err(failed)?);
                ctx.set_alarm(ctx.now().after(after)).map_err(failed)?;
            }
            _ => return Ok(None),
        }
        Ok(Some(told.to_owned()))
    }

    /// Reports a run of the alarm. One that was set by `ring` is noted too.
    async fn alarm(&self, retry_count: u32) -> Result<(), GuestError> {
        self.report(&format!("alarm {retry_count}"));
        if self.keep("get ring")?.is_some_and(|ring| ring == "set") {
            self.keep("put ring rung")?;
            self.report(&format!("ring {}", self.ctx.id().and_then(|id| id.name()).unwrap_or_default()));
        }
        Ok(())
    }

    /// What an object does when a message tells it to.
    async fn told(&self, socket: SocketId, text: &str) -> Result<(), GuestError> {
        let ctx = &self.ctx;
        match text.split_once(' ').unwrap_or((text, "")) {
            ("who", "") => {
                let (attachment, tags) =
                    (ctx.attachment(socket).unwrap_or_default(), ctx.tags(socket).map_err(failed)?);
                let text = format!("{attachment:?} {tags:?} {}", ctx.sockets(None).len());
                self.send(socket, Payload::Text(&text))?;
            }
            ("panic", "") => {
                self.send(socket, Payload::Text("last words"))?;
                panic!("told to");
            }
            ("fail", "") => return Err(GuestError::new("told to fail")),
            ("abort", "") => ctx.abort("told to"),
            ("close", "") => self.close(socket, 4000, "told to")?,
            ("break-off", "") => {
                self.send(socket, Payload::Text("last words"))?;
                ctx.disconnect(socket);
            }
            ("half-open", told) => self.half_open(socket, told)?,
            ("block", "") => self.sections.borrow_mut().extend(ctx.block().map_err(failed)?),
            ("wait", "") => {
                self.wait("message").await?;
                self.send(socket, Payload::Text("waited"))?;
            }
            ("set", at) => {
                ctx.set_alarm(Time::from_millis(at.parse().map_err(failed)?)).map_err(failed)?;
                self.send(socket, Payload::Text(&format!("set {at}")))?;
            }
            ("log", text) => self.report(text),
            ("over", text) => self.over(|joined| self.send(joined, Payload::Text(text)))?,
            ("over-close", "") => self.over(|joined| self.close(joined, 4002, "over"))?,
            ("over-flood", len) => {
                let bytes = vec![b'x'; len.parse().map_err(failed)?];
                self.over(|joined| self.send(joined, Payload::Binary(&bytes)))?;
            }
            ("shout", text) => self.shout(socket, None, text)?,
            ("shout-at", told) => {
                let (tag, text) = told.split_once(' ').unwrap_or((told, ""));
                self.shout(socket, Some(tag), text)?;
            }
            ("burst", told) => {
                let (count, len) = told.split_once(' ').unwrap_or((told, "0"));
                let bytes = vec![b'x'; len.parse().map_err(failed)?];
                for _ in 0..count.parse().map_err(failed)? {
                    self.send(socket, Payload::Binary(&bytes))?;
                }
            }
            ("mixed", text) => self.mixed(socket, text)?,
            ("slow", rule) => ctx.set_slow_clients(match rule {
                "drop" => Some(SlowClients::DropOldest),
                "close" => Some(SlowClients::Close),
                _ => None,
            }),
            ("flood", len) => {
                let bytes = vec![b'x'; len.parse().map_err(failed)?];
                self.broadcast(socket, Payload::Binary(&bytes))?;
            }
            _ => match self.keep(text) {
                Ok(Some(text)) => self.send(socket, Payload::Text(&text))?,
                Ok(None) => self.broadcast(socket, Payload::Text(text))?,
                Err(error) => self.send(socket, Payload::Text(&format!("failed: {}", error.message)))?,
            },
        }
        Ok(())
    }

    /// Tells the state of the last half-open socket, or says something on it and closes it.
    fn half_open(&self, socket: SocketId, told: &str) -> Result<(), GuestError> {
        let half_open = self.half_open.get().ok_or_else(|| GuestError::new("nothing is half-open"))?;
        if told == "state" {
            return self.send(socket, Payload::Text(&format!("{:?}", self.ctx.ready_state(half_open))));
        }
        self.send(half_open, Payload::Text(told))?;
        self.close(half_open, 4000, "mine")
    }

    /// Does something with the socket of `join`.
    fn over(&self, act: impl FnOnce(SocketId) -> Result<(), GuestError>) -> Result<(), GuestError> {
        act(self.joined.get().ok_or_else(|| GuestError::new("nothing was joined"))?)
    }

    fn accept(&self, tag: &str) -> Result<(SocketId, ClientEnd), GuestError> {
        let (socket, client) = self.ctx.new_pair().unwrap();
        let tags = [tag];
        self.ctx.accept_hibernatable(socket, if tag.is_empty() { &[] } else { &tags }).map_err(failed)?;
        self.ctx.set_attachment(socket, Some(tag.to_owned().into())).map_err(failed)?;
        Ok((socket, client))
    }

    /// Accepts sockets until the object takes no more, and tells how many it took and why no more.
    fn fill(&self) -> String {
        for count in 0..=SOCKETS_MAX {
            match self.accept("") {
                Ok((_, client)) => self.ends.borrow_mut().push(client),
                Err(error) => return format!("{count}: {error}"),
            }
        }
        "there is no end".into()
    }

    fn auto_respond(&self) -> Result<&'static str, GuestError> {
        self.ctx.set_auto_response(Some(AutoResponse::new("marco", "polo").map_err(failed)?));
        Ok("set")
    }

    fn answer(&self, task: TaskId, body: impl Into<Body>) {
        self.ctx.respond(task, http::Response::new(body.into()).into());
    }

    fn send(&self, socket: SocketId, payload: Payload<'_>) -> Result<(), GuestError> {
        self.ctx.send(socket, payload).map_err(failed)
    }

    /// Sends to all but one, from one buffer.
    fn broadcast(&self, from: SocketId, payload: Payload<'_>) -> Result<(), GuestError> {
        self.ctx.sockets(None).into_iter().filter(|to| *to != from).try_for_each(|to| self.send(to, payload))
    }

    /// Sends to all but one by the verb for it, and tells that one how many they were.
    fn shout(&self, from: SocketId, tag: Option<&str>, text: &str) -> Result<(), GuestError> {
        let count = self.ctx.broadcast(Payload::Text(text), tag, &[from]).map_err(failed)?;
        self.send(from, Payload::Text(&format!("to {count}")))
    }

    /// Sends in all ways, with writes and a close between.
    fn mixed(&self, from: SocketId, text: &str) -> Result<(), GuestError> {
        let shout = |text: &str| self.ctx.broadcast(Payload::Text(text), None, &[]).map_err(failed).map(|_| ());
        shout(&format!("{text} 1"))?;
        self.broadcast(from, Payload::Text(&format!("{text} 2")))?;
        shout(&format!("{text} 3"))?;
        self.close(from, 4000, "told to")?;
        shout(&format!("{text} 4"))
    }

    fn close(&self, socket: SocketId, code: u16, reason: &'static str) -> Result<(), GuestError> {
        self.ctx.close(socket, Close { code: Some(code), reason: reason.into() }).map_err(failed)
    }
}

fn failed(error: impl std::fmt::Display) -> GuestError {
    GuestError::new(error.to_string())
}
