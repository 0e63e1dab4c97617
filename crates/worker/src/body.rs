//! A body on the guest's side: absent, in memory, or a stream. What [`Request`](crate::Request) and the
//! conversions share.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

use crate::Result;
use crate::error::{Error, with_causes};
use crate::limits::BODY_BYTES_MAX;
use crate::streams::ByteStream;

/// What a message carries.
#[derive(Debug, Default)]
pub(crate) enum Payload {
    #[default]
    Empty,
    Full(Bytes),
    Stream(ByteStream),
}

impl Payload {
    /// All of it, in memory.
    pub(crate) async fn collect(self) -> Result<Bytes> {
        match self {
            Payload::Empty => Ok(Bytes::new()),
            Payload::Full(bytes) => Ok(bytes),
            Payload::Stream(stream) => stream.read_to_end(BODY_BYTES_MAX).await,
        }
    }

    /// A second body of the same bytes.
    pub(crate) fn tee(&self) -> Self {
        match self {
            Payload::Empty => Payload::Empty,
            Payload::Full(bytes) => Payload::Full(bytes.clone()),
            Payload::Stream(stream) => Payload::Stream(stream.tee()),
        }
    }

    /// Wraps the body of any framework that speaks `http_body`.
    pub(crate) fn from_http<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match body.is_end_stream() {
            true => Payload::Empty,
            false => Payload::Stream(ByteStream::new(HttpChunks::new(body))),
        }
    }
}

/// The data frames of an `http_body`; trailers have no place in the Fetch model and are dropped.
pub(crate) struct HttpChunks<B>(Pin<Box<B>>);

impl<B> HttpChunks<B> {
    pub(crate) fn new(body: B) -> Self {
        Self(Box::pin(body))
    }
}

impl<B> Stream for HttpChunks<B>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(frame) = std::task::ready!(self.0.as_mut().poll_frame(cx)) else {
                return Poll::Ready(None);
            };
            match frame.map(http_body::Frame::into_data) {
                Ok(Ok(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(Err(_trailers)) => {}
                Err(error) => {
                    let text = with_causes(error.into().as_ref());
                    return Poll::Ready(Some(Err(Error::from(text))));
                }
            }
        }
    }
}

/// Text as the Fetch standard decodes it: UTF-8 with replacement, without a byte order mark.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn text_decodes_as_in_fetch() {
        assert_eq!(decode(b"plain"), "plain");
        assert_eq!(decode(b"\xef\xbb\xbfmarked"), "marked");
        assert_eq!(decode(b"a\xffb"), "a\u{fffd}b");
    }
}
