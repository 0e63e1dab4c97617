//! Certificates that a test makes for itself, and clients that trust them.

use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use dormouse_server::Builder;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use crate::client::Http;
use crate::world::World;

/// A certificate and its key, in files.
pub(crate) struct Certificate {
    folder: TempDir,
    der: CertificateDer<'static>,
}

/// TLS of a client that this project did not write.
pub(crate) type Secure = StreamOwned<ClientConnection, TcpStream>;

impl Certificate {
    pub(crate) fn new() -> Self {
        let mut made = Self { folder: tempfile::tempdir().unwrap(), der: Vec::new().into() };
        made.renew();
        made
    }

    /// Puts another one in its place, and returns the old one.
    pub(crate) fn renew(&mut self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(self.path("key.pem"), signing_key.serialize_pem()).unwrap();
        std::fs::write(self.path("cert.pem"), cert.pem()).unwrap();
        std::mem::replace(&mut self.der, cert.der().clone())
    }

    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Has a server use it.
    pub(crate) fn serve(&self, server: Builder) -> Builder {
        server.tls(self.path("cert.pem"), self.path("key.pem"))
    }

    /// What a client needs to know that trusts it and offers these protocols.
    pub(crate) fn client(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// A connection of such a client, after its handshake.
    pub(crate) fn connect(&self, world: &World, protocols: &[&str]) -> std::io::Result<Secure> {
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(self.client(protocols), name).unwrap();
        let mut stream = StreamOwned::new(client, Http::connect(world.address()).into_stream());
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    /// A WebSocket of such a client.
    pub(crate) fn open(&self, world: &World, path: &str) -> tungstenite::WebSocket<Secure> {
        let stream = self.connect(world, &["http/1.1"]).unwrap();
        let (socket, response) = tungstenite::client(format!("wss://localhost{path}"), stream).unwrap();
        assert_eq!(response.status(), 101);
        socket
    }
}
