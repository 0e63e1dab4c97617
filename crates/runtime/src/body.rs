//! The body of a request or a response: bytes at hand, or a stream of them.
//!
//! A body can cross threads, because the connection that it comes from and the object that reads it may live on
//! different shards. It is read once. What the bytes mean is the reader's matter.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

/// A body that was or will be received, or is to be sent.
#[derive(Default)]
pub struct Body(Inner);

#[derive(Default)]
enum Inner {
    #[default]
    Empty,
    Full(Bytes),
    Stream(Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send>>),
}

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than its reader takes.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// Its source failed.
    #[error("the body ended early: {0}")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Body {
    /// No bytes.
    pub fn empty() -> Self {
        Self(Inner::Empty)
    }

    /// A body that comes bit by bit.
    pub fn stream<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self(Inner::Stream(Box::pin(body.map_err(|error| BodyError::Broken(error.into())))))
    }

    /// Whether there is certainly nothing in it.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Inner::Empty => true,
            Inner::Full(bytes) => bytes.is_empty(),
            Inner::Stream(body) => http_body::Body::is_end_stream(body),
        }
    }

    /// The bytes, if all are at hand.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Inner::Full(bytes) => Some(bytes),
            Inner::Empty | Inner::Stream(_) => None,
        }
    }

    /// Reads the body to its end.
    ///
    /// # Errors
    ///
    /// When it is longer than `len_max` bytes, or its source fails.
    ///
    /// # Cancel safety
    ///
    /// What was read is lost when the future is dropped.
    pub async fn collect(self, len_max: usize) -> Result<Bytes, BodyError> {
        let mut stream = match self.0 {
            Inner::Empty => return Ok(Bytes::new()),
            Inner::Full(bytes) if bytes.len() <= len_max => return Ok(bytes),
            Inner::Full(_) => return Err(BodyError::TooLong(len_max)),
            Inner::Stream(stream) => stream,
        };
        let mut whole = BytesMut::new();
        while let Some(frame) = stream.frame().await {
            if let Ok(data) = frame?.into_data() {
                if whole.len() + data.len() > len_max {
                    return Err(BodyError::TooLong(len_max));
                }
                whole.extend_from_slice(&data);
            }
        }
        Ok(whole.freeze())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(if bytes.is_empty() { Inner::Empty } else { Inner::Full(bytes) })
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Inner::Empty => Poll::Ready(None),
            Inner::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Inner::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Inner::Stream(body) => body.as_mut().poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Empty => SizeHint::with_exact(0),
            Inner::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Stream(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Empty => f.write_str("Body(empty)"),
            Inner::Full(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Inner::Stream(_) => f.write_str("Body(stream)"),
        }
    }
}
