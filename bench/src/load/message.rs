//! Text of a message: who sent it, and which one it is.
//!
//! `echo:` if the server shall answer it, then five digits of sender, a blank, ten digits of sequence number, a blank,
//! and filling up to the size asked for.

use std::io::Write as _;

/// Messages with this in front go back to their sender, which then sees the rest.
const ECHO: &str = "echo:";
/// Digits and blanks.
const HEAD_LEN: usize = 17;
/// The shortest message that can be asked for.
pub(super) const SIZE_MIN: u16 = (ECHO.len() + HEAD_LEN) as u16;
/// So that the sender fits into its digits.
pub(super) const SENDERS_MAX: u32 = 100_000;

/// Who shall get a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// Its sender.
    Sender,
    /// All others.
    Others,
}

/// Writes messages of one size, over and over into the same buffer.
#[derive(Debug)]
pub(super) struct Writer {
    to: To,
    text: Vec<u8>,
}

impl Writer {
    pub(super) fn new(to: To, size: u16) -> Self {
        Self { to, text: vec![b'.'; usize::from(size.max(SIZE_MIN))] }
    }

    /// The text of one message, as it is sent.
    pub(super) fn write(&mut self, sender: usize, sequence: u64) -> &[u8] {
        let prefix = match self.to {
            To::Sender => ECHO,
            To::Others => "",
        };
        // The text is at least `SIZE_MIN` long: there is room.
        let _ = write!(&mut self.text[..], "{prefix}{sender:05} {sequence:010} ");
        &self.text
    }

    /// How long a message is when it arrives.
    pub(super) fn received_len(&self) -> usize {
        match self.to {
            To::Sender => self.text.len() - ECHO.len(),
            To::Others => self.text.len(),
        }
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
        let mut writer = Writer::new(To::Sender, 64);
        let text = writer.write(99_999, 1_234_567_890).to_vec();
        assert_eq!(text.len(), 64);
        let answer = text.strip_prefix(b"echo:").unwrap();
        assert_eq!((answer.len(), parse(answer)), (writer.received_len(), Some((99_999, 1_234_567_890))));
        let mut writer = Writer::new(To::Others, 0);
        assert_eq!((parse(writer.write(7, 8)), writer.received_len()), (Some((7, 8)), usize::from(SIZE_MIN)));
        assert_eq!(parse(b"hello"), None);
        assert_eq!(parse(b"0000x 0000000000 "), None);
    }
}
