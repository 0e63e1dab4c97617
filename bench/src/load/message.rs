//! Text of a message: what shall happen to it, who sent it, and which one it is.
//!
//! A verb and a colon if the server shall answer it, then five digits of sender, a blank, ten digits of sequence number,
//! a blank, and filling up to the size asked for. The answer is the text after the colon.

use std::io::Write as _;

/// The longest prefix of a message.
const PREFIX_LEN_MAX: usize = "write:".len();
/// Digits and blanks.
const HEAD_LEN: usize = 17;
/// The shortest message that can be asked for.
pub(super) const SIZE_MIN: u16 = (PREFIX_LEN_MAX + HEAD_LEN) as u16;
/// So that the sender fits into its digits.
pub(super) const SENDERS_MAX: u32 = 100_000;

/// What shall happen to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// It goes back to its sender.
    Echo,
    /// It goes to all others.
    Relay,
    /// The object writes it into a row and then sends it back.
    Write,
    /// The object reads the row that the sequence number stands for and sends the message back with that as filling.
    Read,
    /// The object answers with the number of rows written in place of the sequence number.
    Count,
}

impl Verb {
    fn prefix(self) -> &'static str {
        match self {
            Verb::Echo => "echo:",
            Verb::Relay => "",
            Verb::Write => "write:",
            Verb::Read => "read:",
            Verb::Count => "count:",
        }
    }
}

/// Writes messages of one size, over and over into the same buffer.
#[derive(Debug)]
pub(super) struct Writer {
    verb: Verb,
    text: Vec<u8>,
}

impl Writer {
    pub(super) fn new(verb: Verb, size: u16) -> Self {
        Self { verb, text: vec![b'.'; usize::from(size.max(SIZE_MIN))] }
    }

    /// The text of one message, as it is sent.
    pub(super) fn write(&mut self, sender: usize, sequence: u64) -> &[u8] {
        // The text is at least `SIZE_MIN` long: there is room.
        let _ = write!(&mut self.text[..], "{}{sender:05} {sequence:010} ", self.verb.prefix());
        &self.text
    }

    /// How long a message is when it arrives.
    pub(super) fn received_len(&self) -> usize {
        self.text.len() - self.verb.prefix().len()
    }
}

/// Sender and sequence number of a message that has arrived; `None` if it is none of ours.
pub(super) fn parse(text: &[u8]) -> Option<(usize, u64)> {
    let digits = |bytes: &[u8]| {
        bytes.iter().try_fold(0_u64, |number, byte| Some(number * 10 + u64::from(char::from(*byte).to_digit(10)?)))
    };
    let head = text.get(..HEAD_LEN)?;
    (head[5] == b' ' && head[16] == b' ').then_some(())?;
    Some((digits(&head[..5])? as usize, digits(&head[6..16])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_parsed() {
        let mut writer = Writer::new(Verb::Echo, 64);
        let text = writer.write(99_999, 1_234_567_890).to_vec();
        assert_eq!(text.len(), 64);
        let answer = text.strip_prefix(b"echo:").unwrap();
        assert_eq!((answer.len(), parse(answer)), (writer.received_len(), Some((99_999, 1_234_567_890))));
        let mut writer = Writer::new(Verb::Relay, 0);
        assert_eq!((parse(writer.write(7, 8)), writer.received_len()), (Some((7, 8)), usize::from(SIZE_MIN)));
        for verb in [Verb::Write, Verb::Read, Verb::Count] {
            let mut writer = Writer::new(verb, 0);
            let length = writer.received_len();
            let text = writer.write(7, 8);
            assert_eq!(parse(&text[text.len() - length..]), Some((7, 8)), "{verb:?}");
        }
        assert_eq!(parse(b"hello"), None);
        assert_eq!(parse(b"0000x 0000000000 "), None);
    }
}
