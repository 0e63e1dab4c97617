//! The negotiation of permessage-deflate (RFC 7692, section 7.1) in the words of `Sec-WebSocket-Extensions`.
//!
//! Invariant: an offer that is not understood to its last parameter is declined, and the next one looked at; when
//! none is left, the socket is an uncompressed one. A header that is no list of extensions declines them all: what a
//! client, or whoever is on the way, has wrong there shall not cost it its socket (workerd holds it the same way).
//!
//! What an agreement costs and who pays for it is in `dormouse_runtime::sockets::frame::agreement`.

use std::fmt::Write;

use dormouse_runtime::limits::{RECEIVED_HISTORY_BITS, SENT_HISTORY_BITS};
use dormouse_runtime::sockets::frame::agreement::{
    Agreement, History, Reserved, Streams, WINDOW_BITS_MAX, WINDOW_BITS_MIN,
};

/// How messages of sockets are compressed, where the client offers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Off,
    /// Each message by itself: an idle socket costs nothing, and a broadcast is compressed once.
    #[default]
    Messages,
    /// Messages may refer to earlier ones of the same socket. That makes short messages much shorter, costs memory for
    /// each socket (8 KiB as a rule, 36 KiB at most), and a broadcast is compressed for each receiver.
    Streams,
}

/// What a server has answered is nothing that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotOffered;

/// What a server outside is asked for. What we send ourselves is compressed message by message in any case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked(Offer);

impl Asked {
    /// What the header of the request says.
    pub(crate) fn text(&self) -> String {
        self.0.text()
    }

    /// What both ends do after the server has answered with these values of the header, and what is to be said to a
    /// client that the socket is passed on to. `reserve` sets memory aside for what the server's messages refer to, if
    /// they do.
    pub(crate) fn read_answer<'a>(
        &self,
        values: impl Iterator<Item = Option<&'a str>>,
        reserve: impl FnOnce(usize) -> Option<Reserved>,
    ) -> Result<Option<(Agreement, String)>, NotOffered> {
        let mut answers = Vec::new();
        for value in values {
            answers.extend(value.and_then(extensions).ok_or(NotOffered)?);
        }
        let answer = match &answers[..] {
            [] => return Ok(None),
            [answer] if answer.name == "permessage-deflate" => Offer::read(&answer.parameters).ok_or(NotOffered)?,
            _ => return Err(NotOffered),
        };
        // A server may say what its own window is, within what it was asked for, and must not tell us ours.
        let window = Offer { server_no_context_takeover: false, ..self.0 };
        if answer.client_max_window_bits.is_some() || !window.permits(&answer) {
            return Err(NotOffered);
        }
        let client_no_context_takeover = answer.client_no_context_takeover || self.0.client_no_context_takeover;
        let told = Offer { client_no_context_takeover, ..answer }.text();
        if answer.server_no_context_takeover {
            return Ok(Some((Agreement::Messages { server_bits: WINDOW_BITS_MAX }, told)));
        }
        let received = History::new(answer.server_max_window_bits.unwrap_or(WINDOW_BITS_MAX));
        let reserved = reserve(received.len_max()).ok_or(NotOffered)?;
        let streams = Streams { server_bits: WINDOW_BITS_MAX, sent: None, received: Some(received), reserved };
        Ok(Some((Agreement::Streams(Box::new(streams)), told)))
    }
}

impl std::str::FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "messages" => Ok(Self::Messages),
            "streams" => Ok(Self::Streams),
            _ => Err(format!("there is no compression `{text}`; write `messages`, `streams` or `off`")),
        }
    }
}

/// The parameters of one offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// Whether the client can be told a window, and the one that it will not exceed in any case.
    client_max_window_bits: Option<u8>,
}

/// What a client offers, in its order of preference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offers(Vec<Offer>);

impl Offers {
    /// Reads all values of the header.
    pub(crate) fn read<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut offers = Vec::new();
        for value in values {
            let Some(extensions) = value.and_then(extensions) else { return Self::default() };
            let ours = extensions.into_iter().filter(|extension| extension.name == "permessage-deflate");
            offers.extend(ours.filter_map(|extension| Offer::read(&extension.parameters)));
        }
        // No window of zlib is as small as 8 bits; to a client that has room for no larger one nothing can be sent.
        offers.retain(|offer: &Offer| offer.server_max_window_bits.is_none_or(|bits| bits >= WINDOW_BITS_MIN));
        Self(offers)
    }

    /// What anybody offers who can do all.
    pub(crate) fn any() -> Self {
        Self(vec![Offer::default()])
    }

    /// What a server outside is asked for when user code offers this: no more than a client can do that the offer came
    /// from, so that the socket can be passed on to it.
    pub(crate) fn asked(&self, compression: Compression) -> Option<Asked> {
        let offer = Offer { client_no_context_takeover: false, client_max_window_bits: None, ..*self.0.first()? };
        match compression {
            Compression::Off => None,
            Compression::Messages => {
                Some(Asked(Offer { server_no_context_takeover: true, client_no_context_takeover: true, ..offer }))
            }
            Compression::Streams => Some(Asked(offer)),
        }
    }

    /// Whether a client that has offered this can be told that.
    pub(crate) fn permit(&self, told: &str) -> bool {
        let told = extensions(told).and_then(|told| Offer::read(&told.first()?.parameters));
        told.is_some_and(|told| self.0.iter().any(|offer| offer.permits(&told)))
    }

    /// The same, with what the response of user code asks for in the same words: less of anything, never more.
    pub(crate) fn restricted_by(self, wishes: &Self) -> Self {
        let Some(wish) = wishes.0.first() else { return Self::default() };
        Self(self.0.into_iter().map(|offer| offer.restricted_by(wish)).collect())
    }

    /// Accepts the first offer: what the answer says, and what both ends then do. `reserve` sets memory aside.
    pub(crate) fn accept(
        &self,
        compression: Compression,
        reserve: impl FnOnce(usize) -> Option<Reserved>,
    ) -> Option<(String, Agreement)> {
        let offer = self.0.first()?;
        match compression {
            Compression::Off => None,
            Compression::Messages => Some(offer.accept_messages()),
            Compression::Streams => Some(offer.accept_streams(reserve).unwrap_or_else(|| offer.accept_messages())),
        }
    }
}

impl Offer {
    /// `None` when a parameter is unknown, comes twice, or has a value that it cannot have.
    fn read(parameters: &[(&str, Option<String>)]) -> Option<Self> {
        let mut offer = Self::default();
        for (index, (name, value)) in parameters.iter().enumerate() {
            if parameters[..index].iter().any(|(earlier, _)| earlier == name) {
                return None;
            }
            match (*name, value.as_deref()) {
                ("server_no_context_takeover", None) => offer.server_no_context_takeover = true,
                ("client_no_context_takeover", None) => offer.client_no_context_takeover = true,
                ("server_max_window_bits", Some(value)) => offer.server_max_window_bits = Some(window_bits(value)?),
                ("client_max_window_bits", None) => offer.client_max_window_bits = Some(WINDOW_BITS_MAX),
                ("client_max_window_bits", Some(value)) => offer.client_max_window_bits = Some(window_bits(value)?),
                _ => return None,
            }
        }
        Some(offer)
    }

    fn text(&self) -> String {
        let mut text = "permessage-deflate".to_owned();
        if self.server_no_context_takeover {
            text.push_str("; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            text.push_str("; client_no_context_takeover");
        }
        push_bits(&mut text, "server_max_window_bits", self.server_max_window_bits);
        push_bits(&mut text, "client_max_window_bits", self.client_max_window_bits);
        text
    }

    /// Whether an answer does what this offer asks of a server (RFC 7692, section 7.1). Of the client it may ask in any
    /// case not to refer to earlier messages, and is not to ask anything else.
    fn permits(&self, answer: &Self) -> bool {
        let has_window =
            self.server_max_window_bits.is_none_or(|max| answer.server_max_window_bits.is_some_and(|bits| bits <= max));
        let has_context = !self.server_no_context_takeover || answer.server_no_context_takeover;
        has_window && has_context && answer.client_max_window_bits.is_none()
    }

    fn restricted_by(self, wish: &Self) -> Self {
        Self {
            server_no_context_takeover: self.server_no_context_takeover || wish.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover || wish.client_no_context_takeover,
            server_max_window_bits: least(self.server_max_window_bits, wish.server_max_window_bits),
            // A client that has not said that it can be told must not be.
            client_max_window_bits: self
                .client_max_window_bits
                .map(|bits| bits.min(wish.client_max_window_bits.unwrap_or(WINDOW_BITS_MAX))),
        }
    }

    /// Both may be told not to refer to earlier messages, whatever was offered (RFC 7692, section 7.1.1).
    fn accept_messages(&self) -> (String, Agreement) {
        let server_max_window_bits = self.server_max_window_bits;
        let answer = Self {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits,
            client_max_window_bits: None,
        };
        (answer.text(), Agreement::Messages { server_bits: server_max_window_bits.unwrap_or(WINDOW_BITS_MAX) })
    }

    fn accept_streams(&self, reserve: impl FnOnce(usize) -> Option<Reserved>) -> Option<(String, Agreement)> {
        let server_bits = self.server_max_window_bits.unwrap_or(WINDOW_BITS_MAX);
        let client_bits = self.client_max_window_bits.map(|bits| bits.min(RECEIVED_HISTORY_BITS));
        let sent = (!self.server_no_context_takeover).then(|| History::new(server_bits.min(SENT_HISTORY_BITS)));
        let received = (!self.client_no_context_takeover).then(|| History::new(client_bits.unwrap_or(WINDOW_BITS_MAX)));
        let reserved = match (&sent, &received) {
            (None, None) => return None,
            (sent, received) => reserve([sent, received].into_iter().flatten().map(History::len_max).sum())?,
        };
        // We may always use less than we say; so nothing is said to a client that did not ask.
        let answer = Self {
            server_no_context_takeover: sent.is_none(),
            client_no_context_takeover: received.is_none(),
            server_max_window_bits: self.server_max_window_bits,
            client_max_window_bits: client_bits,
        };
        Some((answer.text(), Agreement::Streams(Box::new(Streams { server_bits, sent, received, reserved }))))
    }
}

fn least(one: Option<u8>, other: Option<u8>) -> Option<u8> {
    one.into_iter().chain(other).min()
}

fn push_bits(answer: &mut String, name: &str, bits: Option<u8>) {
    if let Some(bits) = bits {
        // Writing to a string cannot fail.
        let _ = write!(answer, "; {name}={bits}");
    }
}

/// A number from 8 to 15 without leading zeros (RFC 7692, section 7.1.2).
fn window_bits(value: &str) -> Option<u8> {
    value.parse().ok().filter(|bits| (8..=WINDOW_BITS_MAX).contains(bits) && *value == bits.to_string())
}

/// One extension of the header (RFC 6455, section 9.1).
#[derive(Debug)]
struct Extension<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, Option<String>)>,
}

/// The extensions of one line, or `None` if that is no list of them. By hand because the crates for lists of this
/// shape read structured fields (RFC 9651), whose keys and values are not these.
fn extensions(line: &str) -> Option<Vec<Extension<'_>>> {
    let mut rest = line;
    let mut extensions = Vec::new();
    loop {
        // Lists may have empty elements (RFC 9110, section 5.6.1).
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(extensions);
        }
        let name = token(&mut rest)?;
        let mut parameters = Vec::new();
        while punctuation(&mut rest, ';') {
            let name = token(&mut rest)?;
            let value = if punctuation(&mut rest, '=') { Some(value(&mut rest)?) } else { None };
            parameters.push((name, value));
        }
        extensions.push(Extension { name, parameters });
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

/// Takes this character, with the spaces around it, if it is next.
fn punctuation(rest: &mut &str, wanted: char) -> bool {
    let after = rest.trim_start_matches([' ', '\t']).strip_prefix(wanted);
    match after {
        Some(after) => *rest = after.trim_start_matches([' ', '\t']),
        None => *rest = rest.trim_start_matches([' ', '\t']),
    }
    after.is_some()
}

fn token<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (token, after) = rest.split_at(rest.find(|c| !is_of_token(c)).unwrap_or(rest.len()));
    *rest = after;
    (!token.is_empty()).then_some(token)
}

/// A token, in quotes or not.
fn value(rest: &mut &str) -> Option<String> {
    let Some(quoted) = rest.strip_prefix('"') else { return token(rest).map(str::to_owned) };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    loop {
        match characters.next()? {
            (at, '"') => {
                *rest = &quoted[at + 1..];
                return (!value.is_empty()).then_some(value);
            }
            (_, '\\') => value.push(characters.next()?.1),
            (_, character) => value.push(character),
        }
        if !value.ends_with(is_of_token) {
            return None;
        }
    }
}

fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use dormouse_runtime::sockets::frame::agreement::{Agreement, Budget};

    use super::{Compression, Offers};

    fn read(lines: &[&str]) -> Offers {
        Offers::read(lines.iter().map(|line| Some(*line)))
    }

    /// The answer to this header, and the memory that it set aside.
    fn answer(lines: &[&str], compression: Compression) -> Option<(String, usize)> {
        let mut reserved = 0;
        let reserve = |len| {
            reserved = len;
            Budget::default().reserve(len, usize::MAX)
        };
        let (answer, agreement) = read(lines).accept(compression, reserve)?;
        assert_eq!(matches!(agreement, Agreement::Streams(_)), reserved > 0);
        Some((answer, reserved))
    }

    const BOTH: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

    #[test]
    fn what_clients_offer_is_accepted_for_each_message_by_itself() {
        for (offer, says) in [
            ("permessage-deflate", ""),
            // Chromium, Firefox and `ws`.
            ("permessage-deflate; client_max_window_bits", ""),
            ("permessage-deflate; client_max_window_bits=8", ""),
            ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", ""),
            ("permessage-deflate; server_max_window_bits=9", "; server_max_window_bits=9"),
            (
                "permessage-deflate;server_max_window_bits=\"1\\0\" ;\tclient_max_window_bits",
                "; server_max_window_bits=10",
            ),
            ("x-other; a=b; c=\"d\" , ,permessage-deflate; server_max_window_bits=15", "; server_max_window_bits=15"),
        ] {
            assert_eq!(answer(&[offer], Compression::Messages), Some((format!("{BOTH}{says}"), 0)), "{offer}");
            assert_eq!(answer(&[offer], Compression::Off), None);
        }
    }

    #[test]
    fn a_server_outside_is_asked_for_what_the_client_of_user_code_can_do() {
        for (offer, messages, streams) in [
            ("permessage-deflate", BOTH, "permessage-deflate"),
            ("permessage-deflate; client_max_window_bits", BOTH, "permessage-deflate"),
            ("x-other, permessage-deflate; client_no_context_takeover", BOTH, "permessage-deflate"),
            (
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=10, permessage-deflate",
                &format!("{BOTH}; server_max_window_bits=10"),
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
            ),
        ] {
            let asked = |compression| read(&[offer]).asked(compression).map(|asked| asked.text());
            assert_eq!(asked(Compression::Messages).as_deref(), Some(messages), "{offer}");
            assert_eq!(asked(Compression::Streams).as_deref(), Some(streams), "{offer}");
            assert_eq!(asked(Compression::Off), None);
        }
        for offer in ["", "x-other", "permessage-deflate; nonsense", "permessage-deflate; server_max_window_bits=8"] {
            assert!(read(&[offer]).asked(Compression::Messages).is_none(), "{offer}");
        }
    }

    #[test]
    fn what_a_client_is_told_is_what_the_server_outside_does() {
        for (offer, answer, told) in [
            ("permessage-deflate", BOTH, BOTH),
            // Ours has said that it does not refer back, and the server may rely on it.
            ("permessage-deflate", "permessage-deflate; server_no_context_takeover", BOTH),
            (
                "permessage-deflate; server_max_window_bits=12",
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
                &format!("{BOTH}; server_max_window_bits=9"),
            ),
            ("permessage-deflate", "permessage-deflate", "permessage-deflate; client_no_context_takeover"),
        ] {
            let offers = read(&[offer]);
            let asked = offers.asked(Compression::Messages).unwrap();
            let reserve = |len| Budget::default().reserve(len, usize::MAX);
            let (_, text) = asked.read_answer([Some(answer)].into_iter(), reserve).unwrap().unwrap();
            assert_eq!(text, told, "{offer}: {answer}");
            assert!(offers.permit(told));
        }
    }

    #[test]
    fn a_client_is_told_nothing_that_it_has_not_offered() {
        for (offer, told, is_permitted) in [
            ("permessage-deflate", BOTH, true),
            ("permessage-deflate; client_max_window_bits", "permessage-deflate", true),
            ("permessage-deflate", "permessage-deflate; server_max_window_bits=9", true),
            ("permessage-deflate; server_max_window_bits=10", BOTH, false),
            ("permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=11", false),
            ("permessage-deflate; server_max_window_bits=10, permessage-deflate", BOTH, true),
            ("permessage-deflate; server_no_context_takeover", "permessage-deflate", false),
            ("", BOTH, false),
            ("x-other", BOTH, false),
        ] {
            assert_eq!(read(&[offer]).permit(told), is_permitted, "{offer}: {told}");
        }
    }

    #[test]
    fn what_is_not_understood_is_declined() {
        for offer in [
            "",
            "x-webkit-deflate-frame",
            "permessage-deflate; unknown",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=010",
            "permessage-deflate; server_max_window_bits=+10",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        ] {
            assert_eq!(answer(&[offer], Compression::Messages), None, "{offer}");
            // The next one is taken, in the same line or in another.
            let next = "permessage-deflate; server_max_window_bits=11";
            let taken = Some((format!("{BOTH}; server_max_window_bits=11"), 0));
            assert_eq!(answer(&[offer, next], Compression::Messages), taken, "{offer}");
            assert_eq!(answer(&[&format!("{offer}, {next}")], Compression::Messages), taken, "{offer}");
        }
    }

    #[test]
    fn what_is_no_list_of_extensions_declines_all() {
        for line in [
            "permessage-deflate permessage-deflate",
            "permessage-deflate;",
            "permessage-deflate; =10",
            "permessage-deflate; a=",
            "permessage-deflate; client_max_window_bits=\"10",
            "permessage-deflate; client_max_window_bits=\"1 0\"",
            "permessage-deflate; a=\"b\"c",
            "permessage-deflate; client_max_window_bits=\"\"",
            "(permessage-deflate)",
        ] {
            assert_eq!(answer(&["permessage-deflate", line], Compression::Messages), None, "{line}");
        }
        assert_eq!(Offers::read([Some("permessage-deflate"), None].into_iter()), Offers::default(), "no text");
    }

    #[test]
    fn with_context_a_client_pays_for_what_it_keeps() {
        for (offer, says, reserved) in [
            ("permessage-deflate", "", 4096 + 32768),
            ("permessage-deflate; client_max_window_bits", "; client_max_window_bits=12", 4096 + 4096),
            ("permessage-deflate; client_max_window_bits=9", "; client_max_window_bits=9", 4096 + 512),
            ("permessage-deflate; server_max_window_bits=10", "; server_max_window_bits=10", 1024 + 32768),
            ("permessage-deflate; server_no_context_takeover", "; server_no_context_takeover", 32768),
            ("permessage-deflate; client_no_context_takeover", "; client_no_context_takeover", 4096),
            (BOTH, "; server_no_context_takeover; client_no_context_takeover", 0),
        ] {
            let expected = Some((format!("permessage-deflate{says}"), reserved));
            assert_eq!(answer(&[offer], Compression::Streams), expected, "{offer}");
        }
    }

    #[test]
    fn without_memory_for_its_context_a_client_gets_none() {
        let (answer, agreement) = read(&["permessage-deflate"]).accept(Compression::Streams, |_| None).unwrap();
        assert_eq!(answer, BOTH);
        assert!(matches!(agreement, Agreement::Messages { server_bits: 15 }));
    }

    #[test]
    fn user_code_can_ask_for_less() {
        let check = |offer: &str, wish: &str| {
            let offers = read(&[offer]).restricted_by(&read(&[wish]));
            offers.accept(Compression::Messages, |_| None).map(|(answer, _)| answer)
        };
        assert_eq!(check("permessage-deflate", "permessage-deflate").as_deref(), Some(BOTH));
        assert_eq!(check("permessage-deflate", "none"), None);
        assert_eq!(check("", "permessage-deflate"), None);
        let less = Some(format!("{BOTH}; server_max_window_bits=10"));
        assert_eq!(check("permessage-deflate", "permessage-deflate; server_max_window_bits=10"), less);
        let offer = "permessage-deflate; server_max_window_bits=10";
        assert_eq!(check(offer, "permessage-deflate; server_max_window_bits=12; client_max_window_bits"), less);
    }

    #[test]
    fn kinds_of_compression_have_names() {
        assert_eq!("messages".parse(), Ok(Compression::default()));
        assert_eq!("streams".parse(), Ok(Compression::Streams));
        assert_eq!("off".parse(), Ok(Compression::Off));
        let error = "gzip".parse::<Compression>().unwrap_err();
        assert_eq!(error, "there is no compression `gzip`; write `messages`, `streams` or `off`");
    }
}
