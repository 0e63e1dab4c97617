//! What the bytes of a connection go over: TCP, or TLS over it, with us as the server or as the client.
//!
//! A connection that becomes a socket moves to its object's shard, and TLS moves with it: only the TCP stream below it
//! leaves one thread's reactor for another's.
//!
//! Invariant: what was read to find out what a connection speaks is read again by whoever serves it. What the bytes
//! mean is not known here.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use dormouse_runtime::sockets::stream::{Io, Stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use crate::limits::{FIRST_READ_LEN, TCP_UNANSWERED_MAX};
use crate::tls::HTTP2;

/// What a client sends first that speaks HTTP/2 (RFC 9113, section 3.4). No request of HTTP/1.1 begins like this.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection.
pub(crate) enum Wire {
    /// TCP, and what was read from it in advance.
    Plain(Bytes, TcpStream),
    Tls(Box<Secure>),
}

impl Wire {
    pub(crate) fn plain(stream: TcpStream) -> Self {
        Self::Plain(Bytes::new(), stream)
    }

    pub(crate) fn secure(stream: impl Into<TlsStream<Movable>>) -> Self {
        Self::Tls(Box::new(Secure(stream.into())))
    }

    pub(crate) fn is_secure(&self) -> bool {
        matches!(self, Wire::Tls(_))
    }

    /// Has the kernel notice a peer that leaves unanswered what was sent to it.
    pub(crate) fn notice_unanswered(&self) {
        let stream = match self {
            Wire::Plain(_, stream) => Some(stream),
            Wire::Tls(secure) => secure.0.get_ref().0.attached().ok(),
        };
        stream.into_iter().for_each(notice_unanswered);
    }

    /// The address that the client has connected to.
    pub(crate) fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        match self {
            Wire::Plain(_, stream) => stream.local_addr(),
            Wire::Tls(secure) => secure.0.get_ref().0.attached()?.local_addr(),
        }
    }

    /// Whether the client speaks HTTP/2: as it was agreed on within TLS, and else by what it sends first.
    ///
    /// # Cancel safety
    ///
    /// What was read is lost when the future is dropped.
    pub(crate) async fn speaks_http2(&mut self) -> io::Result<bool> {
        let (read, stream) = match self {
            Wire::Plain(read, stream) => (read, stream),
            Wire::Tls(secure) => return Ok(secure.0.get_ref().1.alpn_protocol() == Some(HTTP2)),
        };
        let mut first = BytesMut::with_capacity(FIRST_READ_LEN);
        let speaks_http2 = loop {
            let is_over = stream.read_buf(&mut first).await? == 0;
            if first.starts_with(PREFACE) {
                break true;
            }
            if is_over || !PREFACE.starts_with(&first) {
                break false;
            }
        };
        *read = first.freeze();
        Ok(speaks_http2)
    }

    /// The stream for the socket that the connection becomes, and what was read from it already: `read` after what is
    /// here.
    pub(crate) fn into_stream(self, read: Bytes) -> (Stream, Bytes) {
        match self {
            Wire::Plain(first, stream) if first.is_empty() => (stream.into(), read),
            Wire::Plain(first, stream) => (stream.into(), [first, read].concat().into()),
            Wire::Tls(secure) => (secure.into(), read),
        }
    }
}

/// As [`Wire::notice_unanswered`].
pub(crate) fn notice_unanswered(stream: &TcpStream) {
    // Other kernels have no such limit that can be set, and without it a peer that is gone costs a connection for longer.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(TCP_UNANSWERED_MAX));
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, TCP_UNANSWERED_MAX);
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(read, stream) if read.is_empty() => Pin::new(stream).poll_read(context, into),
            Wire::Plain(read, _) => {
                let len = read.len().min(into.remaining());
                into.put_slice(&read[..len]);
                read.advance(len);
                if read.is_empty() {
                    // Its buffer is not kept for as long as the connection lasts.
                    *read = Bytes::new();
                }
                Poll::Ready(Ok(()))
            }
            Wire::Tls(secure) => Pin::new(&mut **secure).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(_, stream) => Pin::new(stream).poll_write(context, bytes),
            Wire::Tls(secure) => Pin::new(&mut **secure).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(_, stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Wire::Tls(secure) => Pin::new(&mut **secure).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(_, stream) => Pin::new(stream).poll_flush(context),
            Wire::Tls(secure) => Pin::new(&mut **secure).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(_, stream) => Pin::new(stream).poll_shutdown(context),
            Wire::Tls(secure) => Pin::new(&mut **secure).poll_shutdown(context),
        }
    }
}

/// TLS that can move to another thread.
pub(crate) struct Secure(TlsStream<Movable>);

impl Io for Secure {
    fn leave(&mut self) -> io::Result<()> {
        self.0.get_mut().0.leave()
    }

    fn arrive(&mut self) -> io::Result<()> {
        self.0.get_mut().0.arrive()
    }
}

impl AsyncRead for Secure {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Secure {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// A TCP stream that can leave its reactor while something holds it.
pub(crate) enum Movable {
    Attached(TcpStream),
    /// Between two threads.
    Travelling(std::net::TcpStream),
    /// It could not leave or arrive.
    Lost,
}

impl Movable {
    fn attached(&self) -> io::Result<&TcpStream> {
        match self {
            Movable::Attached(stream) => Ok(stream),
            Movable::Travelling(_) | Movable::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn attached_mut(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        match self {
            Movable::Attached(stream) => Ok(Pin::new(stream)),
            Movable::Travelling(_) | Movable::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn leave(&mut self) -> io::Result<()> {
        if let Movable::Attached(stream) = mem::replace(self, Movable::Lost) {
            *self = Movable::Travelling(stream.into_std()?);
        }
        Ok(())
    }

    fn arrive(&mut self) -> io::Result<()> {
        if let Movable::Travelling(stream) = mem::replace(self, Movable::Lost) {
            *self = Movable::Attached(TcpStream::from_std(stream)?);
        }
        Ok(())
    }
}

impl AsyncRead for Movable {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.attached_mut()?.poll_read(context, into)
    }
}

impl AsyncWrite for Movable {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.attached_mut()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.attached_mut()?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.attached_mut()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.attached_mut()?.poll_shutdown(context)
    }
}
