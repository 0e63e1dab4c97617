//! What clients do and see in a test of `conformance/sockets`: its Worker says the steps, this carries them out.
//!
//! The steps are explained in `conformance/README.md`. The transcript has a line for each thing that a client saw and
//! that an object noted, in the order of that client or object: nothing in it depends on which of two was first.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::client::{self, Client, PATIENCE};

/// How long silence must last to be told.
const SILENCE: Duration = Duration::from_millis(200);
/// How long a client is waited for that something was missed from already.
const IMPATIENCE: Duration = Duration::from_millis(100);
/// Between two looks at what an object has noted.
const LOOK: Duration = Duration::from_millis(5);
/// Headers of a handshake's answer that are told, beside those that begin with `x-`.
const HEADERS: [&str; 3] = ["sec-websocket-protocol", "sec-websocket-extensions", "set-cookie"];

/// The server under test.
pub(crate) struct Place {
    pub(crate) address: String,
    /// How long an object without activity takes to hibernate.
    pub(crate) sleep: Duration,
    /// How long frames and notes are waited for that do not come.
    pub(crate) patience: Duration,
}

type Result<T> = std::result::Result<T, String>;

/// Asks the Worker for its cases and carries them out.
pub(crate) fn run(place: &Place) -> Result<String> {
    let steps =
        client::get(&place.address, &place.address, "/", PATIENCE).map_err(|error| format!("no steps: {error}"))?;
    if steps.status != 200 {
        return Err(format!("no steps: {} {}", steps.status, steps.body));
    }
    let mut cases = Vec::new();
    for line in steps.body.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match (line.strip_prefix("case "), cases.last_mut()) {
            (Some(name), _) => cases.push(Case::new(place, name)),
            (None, Some(case)) => case.steps.push(line),
            (None, None) => return Err(format!("a step before any case: {line}")),
        }
    }
    // Cases wait for hibernation together: it takes long.
    let mut waiting = Vec::new();
    for case in &mut cases {
        if case.go_on()? {
            waiting.push(case);
        }
    }
    if !waiting.is_empty() {
        std::thread::sleep(place.sleep);
    }
    for case in waiting {
        if case.go_on()? {
            return Err(format!("{}: only one `hibernate` in a case", case.name));
        }
    }
    let said: String = cases.iter().map(|case| case.said.as_str()).collect();
    Ok(said.replace(&place.address, "HOST"))
}

struct Case<'a> {
    place: &'a Place,
    name: &'a str,
    steps: Vec<&'a str>,
    /// The step that comes next.
    at: usize,
    clients: BTreeMap<&'a str, Client>,
    /// How many lines there are of each client and of other things.
    counts: BTreeMap<String, usize>,
    patience: Duration,
    said: String,
}

impl<'a> Case<'a> {
    fn new(place: &'a Place, name: &'a str) -> Self {
        Self {
            place,
            name,
            steps: Vec::new(),
            at: 0,
            clients: BTreeMap::new(),
            counts: BTreeMap::new(),
            patience: place.patience,
            said: String::new(),
        }
    }

    /// Carries steps out, up to the end or up to where objects shall hibernate: then it is true.
    fn go_on(&mut self) -> Result<bool> {
        while let Some(&step) = self.steps.get(self.at) {
            self.at += 1;
            if step == "hibernate" {
                return Ok(true);
            }
            self.step(step).map_err(|problem| format!("{}, step `{step}`: {problem}", self.name))?;
        }
        self.clients.clear();
        Ok(false)
    }

    fn step(&mut self, step: &'a str) -> Result<()> {
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            "get" => self.get(rest),
            "report" => self.report(rest),
            "until" => self.noted(rest).map(drop),
            "log" => self.log(rest),
            _ => {
                let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                if verb == "open" { self.open(name, rest) } else { self.act(verb, name, rest) }
            }
        }
    }

    fn say(&mut self, who: &str, what: &str) {
        let count = self.counts.entry(who.to_owned()).or_default();
        *count += 1;
        self.said += &format!("{} {who} {count}: {what}\n", self.name);
    }

    fn ask(&mut self, path: &str) -> Result<client::Answer> {
        let path = format!("/{}/{path}", self.name);
        client::get(&self.place.address, &self.place.address, &path, PATIENCE).map_err(|error| error.to_string())
    }

    fn get(&mut self, path: &str) -> Result<()> {
        let answer = self.ask(path)?;
        self.say("get", &format!("{} {:?}", answer.status, masked(answer.body.trim_end())));
        Ok(())
    }

    /// Takes over the labelled lines that the Worker answers with.
    fn report(&mut self, path: &str) -> Result<()> {
        let answer = self.ask(path)?;
        if answer.status != 200 {
            self.say("report", &format!("{} {:?}", answer.status, masked(answer.body.trim_end())));
            return Ok(());
        }
        for line in answer.body.lines() {
            self.said += &format!("{} {}\n", self.name, masked(line));
        }
        Ok(())
    }

    /// What the objects have noted, once that is a number of lines; or fewer, when no more came.
    fn noted(&mut self, count: &str) -> Result<String> {
        let count: usize = count.parse().map_err(|_| "no number of lines".to_owned())?;
        let deadline = Instant::now() + self.patience;
        loop {
            let text = self.ask("log")?.body;
            if text.lines().count() >= count {
                return Ok(text);
            }
            if Instant::now() > deadline {
                self.patience = IMPATIENCE;
                return Ok(text);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn log(&mut self, count: &str) -> Result<()> {
        let text = if let Some(first) = count.strip_suffix('+') {
            self.noted(first)?;
            std::thread::sleep(SILENCE);
            self.ask("log")?.body
        } else {
            self.noted(count)?
        };
        // More may come at any moment, such as what the end of a connection does.
        for line in text.lines().take(count.parse().unwrap_or(usize::MAX)) {
            self.say("log", &masked(line));
        }
        Ok(())
    }

    fn open(&mut self, name: &'a str, rest: &str) -> Result<()> {
        let mut parts = rest.split('|');
        let path = format!("/{}/{}", self.name, parts.next().unwrap_or_default().trim());
        let headers = parts.map(|header| header.split_once(':').ok_or("a header without a colon"));
        let headers = headers.map(|pair| pair.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())));
        let headers = headers.collect::<std::result::Result<Vec<_>, _>>()?;
        let (answer, client) = match Client::open(&self.place.address, &path, &headers) {
            Ok(opened) => opened,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                self.say(name, "the connection ends");
                return Ok(());
            }
            Err(error) => {
                self.say(name, &format!("no answer: {error}"));
                return Ok(());
            }
        };
        let mut what = answer.status.to_string();
        let told = |name: &str| HEADERS.contains(&name) || name.starts_with("x-");
        let mut headers: Vec<_> = answer.headers.iter().filter(|(name, _)| told(name)).collect();
        headers.sort();
        for (name, value) in headers {
            what += &format!(" {name}={value:?}");
        }
        if client.is_none() {
            what += &format!(" {:?}", masked(answer.body.trim_end()));
        }
        self.say(name, &what);
        self.clients.extend(client.map(|client| (name, client)));
        Ok(())
    }

    fn act(&mut self, verb: &str, name: &'a str, rest: &str) -> Result<()> {
        let patience = self.patience;
        let Some(client) = self.clients.get_mut(name) else {
            self.say(name, "is not connected");
            // What it should have caused will not come either.
            self.patience = IMPATIENCE;
            return Ok(());
        };
        match verb {
            "send" => client.frame(0x81, rest.as_bytes()),
            "bytes" => client.frame(0x82, &hex(rest)?),
            "long" => client.frame(0x81, &vec![b'x'; rest.parse().map_err(|_| "no length")?]),
            "ping" => client.frame(0x89, rest.as_bytes()),
            "close" => client.frame(0x88, &close_payload(rest)?),
            "frame" => {
                let (first, payload) = rest.split_once(' ').unwrap_or((rest, ""));
                client.frame(hex(first)?[0], payload.as_bytes());
            }
            "raw" => client.write(&hex(rest)?),
            "half" => client.shut_down(),
            "drop" => {
                self.clients.remove(name);
            }
            "recv" => {
                let count = if rest.is_empty() { 1 } else { rest.parse().map_err(|_| "no number".to_owned())? };
                self.receive(name, patience, count);
            }
            "silent" => {
                let what = client.next(SILENCE).unwrap_or_else(|| "silence".to_owned());
                self.say(name, &what);
            }
            _ => return Err("no such step".to_owned()),
        }
        Ok(())
    }

    fn receive(&mut self, name: &'a str, patience: Duration, count: usize) {
        for _ in 0..count {
            let Some(client) = self.clients.get_mut(name) else { return };
            if let Some(what) = client.next(patience) {
                self.say(name, &masked(&what));
            } else {
                // Whoever was silent once is not waited for as long again.
                self.patience = IMPATIENCE;
                self.say(name, "nothing comes");
                return;
            }
        }
    }
}

/// Without the numbers that internal errors have.
fn masked(text: &str) -> String {
    let Some((before, after)) = text.split_once("reference = ") else { return text.to_owned() };
    let end = after.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(after.len());
    format!("{before}reference = …{}", masked(&after[end..]))
}

fn hex(text: &str) -> Result<Vec<u8>> {
    let digits: Vec<u32> = text.chars().filter(|character| *character != ' ').filter_map(|c| c.to_digit(16)).collect();
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).ok();
    let bytes: Option<Vec<u8>> = digits.as_chunks::<2>().0.iter().map(|pair| byte(pair)).collect();
    bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(|| format!("no bytes in hexadecimal: {text}"))
}

/// `CODE REASON`, or nothing.
fn close_payload(text: &str) -> Result<Vec<u8>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let (code, reason) = text.split_once(' ').unwrap_or((text, ""));
    let code: u16 = code.parse().map_err(|_| "no code".to_owned())?;
    Ok([&code.to_be_bytes()[..], reason.as_bytes()].concat())
}
