//! What the bytes of a connection go over: a TCP stream, or anything else that can be read and written.
//!
//! Almost all are TCP, and for them nothing stands between a frame and its system call. The others (TLS, a stream of
//! HTTP/2, the pipe between two objects) are behind a trait. A stream can move to another thread; on its way it belongs
//! to no reactor.
//!
//! Invariant: to write never waits. What is not taken now can be tried again when the task of the connection is woken.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

/// A stream that is no plain TCP stream.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {
    /// Leaves the reactor of the thread that it is on, if it is known to one. Not to be used until it has arrived.
    ///
    /// # Errors
    ///
    /// When it cannot; it is then dropped.
    fn leave(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Registers with the reactor of the thread that it has come to.
    ///
    /// # Errors
    ///
    /// When it cannot; it is then dropped.
    fn arrive(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Whether the other end is on this node, so that its end is always heard of.
    fn is_local(&self) -> bool {
        false
    }
}

/// A pipe knows no reactor.
impl Io for DuplexStream {
    fn is_local(&self) -> bool {
        true
    }
}

/// What the bytes of a connection go over.
pub enum Stream {
    /// A plain TCP stream.
    Tcp(TcpStream),
    /// Anything else.
    Other(Box<dyn Io>),
}

/// A [`Stream`] between two threads.
pub(crate) enum Travelling {
    Tcp(std::net::TcpStream),
    Other(Box<dyn Io>),
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Stream::Tcp(stream)
    }
}

impl<T: Io + 'static> From<Box<T>> for Stream {
    fn from(stream: Box<T>) -> Self {
        Stream::Other(stream)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stream::Tcp(stream) => stream.fmt(f),
            Stream::Other(_) => f.write_str("Stream::Other"),
        }
    }
}

impl Stream {
    /// Lets the kernel send what is written at once. Frames are written whole, one call a turn: waiting for more would
    /// only delay them.
    pub(crate) fn send_at_once(&self) {
        if let Stream::Tcp(stream) = self {
            // Without it, everything works a little slower.
            let _ = stream.set_nodelay(true);
        }
    }

    /// Takes it away from this thread.
    pub(crate) fn leave(self) -> io::Result<Travelling> {
        Ok(match self {
            Stream::Tcp(stream) => Travelling::Tcp(stream.into_std()?),
            Stream::Other(mut stream) => {
                stream.leave()?;
                Travelling::Other(stream)
            }
        })
    }

    /// Writes what is taken at once. With `WouldBlock`, [`Stream::poll_write_ready`] tells when more is; a stream that
    /// is no TCP stream wakes `task` as well, which it needs.
    pub(crate) fn try_write(&mut self, slices: &[IoSlice<'_>], task: Option<&Waker>) -> io::Result<usize> {
        match (self, slices) {
            (Stream::Tcp(stream), [one]) => stream.try_write(one),
            (Stream::Tcp(stream), all) => stream.try_write_vectored(all),
            (Stream::Other(stream), all) => at_once(task, |context| Pin::new(stream).poll_write_vectored(context, all)),
        }
    }

    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Other(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    /// Passes on what the stream itself still holds of what was written. As [`Stream::try_write`].
    pub(crate) fn try_flush(&mut self, task: Option<&Waker>) -> io::Result<()> {
        match self {
            Stream::Tcp(_) => Ok(()),
            Stream::Other(stream) => at_once(task, |context| Pin::new(stream).poll_flush(context)),
        }
    }

    /// Ready when the stream itself holds nothing more of what was written.
    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(_) => Poll::Ready(Ok(())),
            Stream::Other(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    /// Ready when it is worth to write again. Only a TCP stream knows; any other is to be tried.
    pub(crate) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => stream.poll_write_ready(context),
            Stream::Other(_) => Poll::Ready(Ok(())),
        }
    }

    pub(crate) fn poll_read(&mut self, context: &mut Context<'_>, read: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(context, read),
            Stream::Other(stream) => Pin::new(stream).poll_read(context, read),
        }
    }

    /// Whether the other end is on this node.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Stream::Tcp(_) => false,
            Stream::Other(stream) => stream.is_local(),
        }
    }

    /// Ends our direction.
    pub(crate) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Other(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl Travelling {
    /// Makes it a stream of the thread that it has come to.
    pub(crate) fn arrive(self) -> io::Result<Stream> {
        Ok(match self {
            Travelling::Tcp(stream) => Stream::Tcp(TcpStream::from_std(stream)?),
            Travelling::Other(mut stream) => {
                stream.arrive()?;
                Stream::Other(stream)
            }
        })
    }
}

/// The result of what can be done at once. Without a task there is nobody to wake, so nothing is tried.
fn at_once<T>(task: Option<&Waker>, poll: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<T>>) -> io::Result<T> {
    match task.map(|task| poll(&mut Context::from_waker(task))) {
        Some(Poll::Ready(result)) => result,
        Some(Poll::Pending) | None => Err(io::ErrorKind::WouldBlock.into()),
    }
}
