//! Objects that echo, and the server that they live on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use dormouse_runtime::TaskId;
use dormouse_runtime::ctx::Ctx;
use dormouse_runtime::guest::{Event, Guest, GuestError, GuestFactory, Progress};
use dormouse_runtime::node::{Application, ClassSource, WorkerSource};
use dormouse_runtime::object::message::Message;
use dormouse_runtime::object::outbox::Payload;
use dormouse_runtime::request::{Request, Response};
use dormouse_server::{Builder, Running, Server};

/// A server on a free port.
pub(crate) fn server(change: impl FnOnce(Builder) -> Builder) -> Running {
    let factory = Arc::new(Factory);
    let class = ClassSource { name: "Echo".into(), unique_key: "test-Echo".into(), factory: factory.clone() };
    let application =
        Application { workers: vec![WorkerSource { name: "entry".into(), factory }], classes: vec![class] };
    let server = Server::builder().listen("127.0.0.1:0").shards(2).stop_grace(Duration::ZERO);
    change(server).start(application).unwrap()
}

struct Factory;

/// The entry Worker, which passes requests on, or one object, which takes sockets.
struct Echo {
    ctx: Ctx,
    passing: RefCell<HashMap<TaskId, Passing>>,
}

type Passing = Pin<Box<dyn Future<Output = Result<Response, GuestError>>>>;

impl GuestFactory for Factory {
    fn build(&self, ctx: Ctx) -> Result<Box<dyn Guest>, GuestError> {
        Ok(Box::new(Echo { ctx, passing: RefCell::default() }))
    }
}

impl Guest for Echo {
    fn deliver(&self, task: TaskId, event: Event) -> Progress {
        match event {
            Event::Fetch(_) if self.ctx.id().is_some() => Progress::Done(self.accept(task)),
            Event::Fetch(request) => {
                self.passing.borrow_mut().insert(task, self.pass_on(*request));
                self.resume(task)
            }
            Event::Message { socket, message } => {
                let payload = match &message {
                    Message::Text(text) => Payload::Text(text),
                    Message::Binary(bytes) => Payload::Binary(bytes),
                };
                Progress::Done(self.ctx.send(socket, payload).map_err(failed))
            }
            _ => Progress::Done(Ok(())),
        }
    }

    fn resume(&self, task: TaskId) -> Progress {
        let Some(mut passing) = self.passing.borrow_mut().remove(&task) else { return Progress::Done(Ok(())) };
        let waker = self.ctx.waker(task);
        match passing.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(response)) => {
                self.ctx.respond(task, response);
                Progress::Done(Ok(()))
            }
            Poll::Ready(Err(error)) => Progress::Done(Err(error)),
            Poll::Pending => {
                self.passing.borrow_mut().insert(task, passing);
                Progress::Pending
            }
        }
    }
}

impl Echo {
    fn accept(&self, task: TaskId) -> Result<(), GuestError> {
        let (socket, client) = self.ctx.new_pair().unwrap();
        self.ctx.accept_hibernatable(socket, &[]).map_err(failed)?;
        self.ctx.respond(task, Response::switching_protocols(client));
        Ok(())
    }

    fn pass_on(&self, request: Request) -> Passing {
        let objects = self.ctx.namespace("Echo").unwrap();
        let response = self.ctx.fetch(&objects.stub(objects.id_from_name("echo")), request);
        Box::pin(async move { response.await.map_err(failed) })
    }
}

fn failed(error: impl std::fmt::Display) -> GuestError {
    GuestError::new(error.to_string())
}
