//! What a case is, and how it is run.

use std::net::SocketAddr;

use dormouse_server::Running;

use crate::echo;
use crate::wire::{CLOSE, Client, FIN, Frame, PONG, TEXT, frame};

/// How a client cuts what it writes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chop {
    /// All in one piece.
    Whole,
    /// A frame at a time.
    Frames,
    /// So many bytes at a time.
    Bytes(usize),
}

/// What ends a case.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// The client closes with 1000, and the server answers in kind.
    Client,
    /// A Close frame with this code from the server, and the end of the connection.
    Server(u16),
    /// A Close frame with this payload, in answer to one among the frames that were sent.
    Answer(Vec<u8>),
}

/// One case: what is sent, what must come, how it ends.
pub(crate) struct Case {
    name: String,
    steps: Vec<Step>,
    end: End,
}

enum Step {
    Send(Vec<Vec<u8>>, Chop),
    Expect(Frame),
}

impl Case {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), steps: Vec::new(), end: End::Client }
    }

    pub(crate) fn send(self, frames: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.send_in(Chop::Whole, frames)
    }

    pub(crate) fn send_in(mut self, chop: Chop, frames: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.steps.push(Step::Send(frames.into_iter().collect(), chop));
        self
    }

    pub(crate) fn hear(mut self, first: u8, payload: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Expect(Frame { first, payload: payload.into() }));
        self
    }

    pub(crate) fn text(self, text: impl Into<Vec<u8>>) -> Self {
        self.hear(FIN | TEXT, text)
    }

    pub(crate) fn pong(self, payload: impl Into<Vec<u8>>) -> Self {
        self.hear(FIN | PONG, payload)
    }

    pub(crate) fn ends(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// The server must refuse it.
    pub(crate) fn fails(self, code: u16) -> Self {
        self.ends(End::Server(code))
    }

    fn run(&self, address: SocketAddr) -> Result<(), String> {
        let mut client = Client::open(address, None);
        for step in &self.steps {
            match step {
                Step::Send(frames, Chop::Whole) => client.write(frames.concat()),
                Step::Send(frames, Chop::Frames) => frames.iter().for_each(|frame| client.write(frame)),
                Step::Send(frames, Chop::Bytes(len)) => {
                    frames.concat().chunks(*len).for_each(|bytes| client.write(bytes));
                }
                Step::Expect(frame) => expect(&mut client, Some(frame))?,
            }
        }
        let close = |code: u16| Frame { first: FIN | CLOSE, payload: code.to_be_bytes().to_vec() };
        match &self.end {
            End::Client => {
                client.write(frame(FIN | CLOSE, 1000_u16.to_be_bytes()));
                expect(&mut client, Some(&close(1000)))?;
            }
            End::Answer(payload) => expect(&mut client, Some(&Frame { first: FIN | CLOSE, payload: payload.clone() }))?,
            End::Server(code) => match client.read() {
                Some(frame) if frame.first == FIN | CLOSE && frame.payload.starts_with(&code.to_be_bytes()) => {}
                other => return Err(format!("a Close with {code} was to come, and there came {other:?}")),
            },
        }
        expect(&mut client, None)
    }
}

fn expect(client: &mut Client, expected: Option<&Frame>) -> Result<(), String> {
    let came = client.read();
    if came.as_ref() == expected { Ok(()) } else { Err(format!("{expected:?} was to come, and there came {came:?}")) }
}

/// Cases of one section, and the server that they are put to.
pub(crate) struct Suite {
    server: Running,
    cases: Vec<Case>,
}

impl Suite {
    pub(crate) fn new() -> Self {
        Self { server: echo::server(|server| server), cases: Vec::new() }
    }

    pub(crate) fn add(&mut self, case: Case) {
        self.cases.push(case);
    }

    /// Runs all cases, of which there must be so many, and tells which of them fail.
    #[track_caller]
    pub(crate) fn run(self, count: usize) {
        let address = self.server.local_addr();
        let outcomes = self.cases.iter().map(|case| (&case.name, case.run(address)));
        let failed: Vec<String> =
            outcomes.filter_map(|(name, outcome)| Some(format!("{name}: {}", outcome.err()?))).collect();
        self.server.stop();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
        assert_eq!(self.cases.len(), count, "the section has changed");
    }
}
