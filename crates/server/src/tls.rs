//! TLS for clients: the certificate and its key, as files that may be replaced while the server runs.
//!
//! A thread looks at the files now and then; connections that are made after it has found a new pair get that, those
//! that are there go on. Reading and comparing them costs nothing that counts, and is right whatever way they are
//! replaced: times of files are coarse, and a link may change instead of the file.
//!
//! Invariant: there is always a certificate with the key that belongs to it. A pair that cannot be used is said in the
//! log, once, and changes nothing. No early data is taken: whoever records it could send it again.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::error::Error;
use crate::limits::{TLS_FILE_LEN_MAX, TLS_HANDSHAKE_TIMEOUT};
use crate::wire::{Movable, Wire};

/// HTTP/2 within TLS, as clients and servers agree on it (RFC 9113, section 3.2).
pub(crate) const HTTP2: &[u8] = b"h2";

/// HTTP/1.1 within TLS (RFC 7301, section 6).
const HTTP1: &[u8] = b"http/1.1";

/// Where a server finds its certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Why a file cannot be used.
#[derive(Debug, PartialEq, Eq)]
struct Unusable {
    path: PathBuf,
    problem: String,
}

/// What is in both files.
type Contents = (Vec<u8>, Vec<u8>);

impl Files {
    fn read(&self) -> Result<Contents, Unusable> {
        Ok((read(&self.certificate)?, read(&self.key)?))
    }

    /// Makes what connections need of what is in the files.
    fn load(&self, (certificate, key): &Contents, provider: &CryptoProvider) -> Result<CertifiedKey, Unusable> {
        let of_certificate = |problem| Unusable { path: self.certificate.clone(), problem };
        let of_key = |problem| Unusable { path: self.key.clone(), problem };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
        let chain = chain.map_err(|error| of_certificate(format!("it is no sound PEM file: {error}")))?;
        if chain.is_empty() {
            return Err(of_certificate("there is no `-----BEGIN CERTIFICATE-----` in it".into()));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| of_key(no_key(key, &error)))?;
        let key = provider.key_provider.load_private_key(key);
        let key = key.map_err(|error| of_key(format!("its key cannot be used: {error}")))?;
        let pair = CertifiedKey::new(chain, key);
        match pair.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(pair),
            Err(rustls::Error::InconsistentKeys(_)) => {
                let certificate = self.certificate.display();
                Err(of_key(format!("its key does not belong to the first certificate in `{certificate}`")))
            }
            Err(error) => Err(of_certificate(format!("its first certificate cannot be used: {error}"))),
        }
    }
}

/// What is wrong with a file in which no key was found.
fn no_key(file: &[u8], error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound if file.windows(9).any(|bytes| bytes == b"ENCRYPTED") => {
            "its key is encrypted; the server needs it without a password".into()
        }
        pem::Error::NoItemsFound => "there is no `-----BEGIN PRIVATE KEY-----` in it".into(),
        error => format!("it is no sound PEM file: {error}"),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Unusable> {
    let unusable = |problem| Unusable { path: path.to_owned(), problem };
    let cannot_read = |error: std::io::Error| unusable(format!("it cannot be read: {error}"));
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(cannot_read)?;
    file.take(TLS_FILE_LEN_MAX + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
    if bytes.len() as u64 > TLS_FILE_LEN_MAX {
        return Err(unusable(format!("it is longer than {TLS_FILE_LEN_MAX} bytes")));
    }
    Ok(bytes)
}

impl From<Unusable> for Error {
    fn from(Unusable { path, problem }: Unusable) -> Self {
        Error::Tls { path, problem }
    }
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    fn replace(&self, pair: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// TLS for the connections of a server.
#[derive(Clone)]
pub(crate) struct Tls(TlsAcceptor);

/// Looks for new files until it is dropped.
pub(crate) struct Watch(#[expect(dead_code, reason = "the thread ends when it is dropped")] mpsc::Sender<()>);

impl Tls {
    /// Loads the files, and begins to look for new ones this often.
    pub(crate) fn start(files: Files, look_interval: Duration) -> Result<(Self, Watch), Error> {
        let provider = Arc::new(default_provider());
        let contents = files.read()?;
        let current = Arc::new(Current(RwLock::new(Arc::new(files.load(&contents, &provider)?))));
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| Error::Threads(std::io::Error::other(error)))?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(current.clone());
        config.alpn_protocols = vec![HTTP2.into(), HTTP1.into()];
        // Clients that come back keep what they need for that themselves, so there is no table here to overflow.
        config.ticketer = Ticketer::new().map_err(|error| Error::Threads(std::io::Error::other(error)))?;
        let (watch, dropped) = mpsc::channel();
        let look = move || {
            let mut seen = Ok(contents);
            while dropped.recv_timeout(look_interval) == Err(RecvTimeoutError::Timeout) {
                look(&files, &mut seen, &current, &provider);
            }
        };
        std::thread::Builder::new().name("tls".into()).spawn(look).map_err(Error::Threads)?;
        Ok((Self(TlsAcceptor::from(Arc::new(config))), Watch(watch)))
    }

    /// Makes the handshake with a client, which may take no longer than [`TLS_HANDSHAKE_TIMEOUT`] and `patience`.
    pub(crate) async fn accept(&self, stream: TcpStream, patience: Duration) -> std::io::Result<Wire> {
        let patience = patience.min(TLS_HANDSHAKE_TIMEOUT);
        let handshake = timeout(patience, self.0.accept(Movable::Attached(stream)));
        Ok(Wire::secure(handshake.await.map_err(std::io::Error::from)??))
    }
}

/// Takes what is in the files if that is something new. `seen` is what they held at the last look.
fn look(files: &Files, seen: &mut Result<Contents, Unusable>, current: &Current, provider: &CryptoProvider) {
    let found = files.read();
    if found == *seen {
        return;
    }
    let loaded = match &found {
        Ok(contents) => files.load(contents, provider).map_err(|unusable| (unusable.path, unusable.problem)),
        Err(unusable) => Err((unusable.path.clone(), unusable.problem.clone())),
    };
    match loaded {
        Ok(pair) => {
            current.replace(pair);
            tracing::info!(certificate = %files.certificate.display(), "new connections get a new certificate");
        }
        Err((path, problem)) => {
            tracing::error!(path = %path.display(), problem, "the new certificate cannot be used; the old one stays");
        }
    }
    *seen = found;
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::{Arc, RwLock};

    use rcgen::{CertifiedKey as Made, KeyPair, generate_simple_self_signed};
    use rustls::crypto::ring::default_provider;

    use super::{Current, Files, TLS_FILE_LEN_MAX, look};

    const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";

    /// A certificate and its key, in PEM.
    fn make() -> (String, String) {
        let Made { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    fn write(folder: &Path, certificate: &[u8], key: &[u8]) -> Files {
        let files = Files { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        files
    }

    #[test]
    fn files_that_cannot_be_used_are_named_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = make();
        let cut = &certificate[..certificate.len() / 2];
        let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let long = " ".repeat(usize::try_from(TLS_FILE_LEN_MAX).unwrap() + 1);
        for (certificate, key, file, problem) in [
            ("", &*key, "cert.pem", "there is no `-----BEGIN CERTIFICATE-----` in it"),
            (&*key, &*key, "cert.pem", "there is no `-----BEGIN CERTIFICATE-----` in it"),
            (cut, &*key, "cert.pem", "it is no sound PEM file"),
            (no_der, &*key, "cert.pem", "its first certificate cannot be used"),
            (&*long, &*key, "cert.pem", "it is longer than 1048576 bytes"),
            (&*certificate, "", "key.pem", "there is no `-----BEGIN PRIVATE KEY-----` in it"),
            (&*certificate, ENCRYPTED, "key.pem", "its key is encrypted"),
            (&*certificate, no_key, "key.pem", "its key cannot be used"),
            (&*certificate, &*KeyPair::generate().unwrap().serialize_pem(), "key.pem", "does not belong to"),
        ] {
            let files = write(folder.path(), certificate.as_bytes(), key.as_bytes());
            let loaded = files.read().and_then(|contents| files.load(&contents, &default_provider()));
            let unusable = loaded.unwrap_err();
            assert!(unusable.path.ends_with(file) && unusable.problem.contains(problem), "{unusable:?}");
        }
        let files = Files { certificate: folder.path().join("none.pem"), key: folder.path().join("key.pem") };
        let unusable = files.read().unwrap_err();
        assert!(unusable.path.ends_with("none.pem") && unusable.problem.contains("cannot be read"), "{unusable:?}");
    }

    #[test]
    fn both_may_be_in_one_file_of_any_length_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = make();
        let both = format!("{key}{certificate}");
        let both = format!("{both}{}", " ".repeat(usize::try_from(TLS_FILE_LEN_MAX).unwrap() - both.len()));
        let files = write(folder.path(), both.as_bytes(), both.as_bytes());
        files.load(&files.read().unwrap(), &default_provider()).unwrap();
    }

    #[test]
    fn a_new_pair_is_taken_and_a_broken_one_is_not() {
        let (folder, provider) = (tempfile::tempdir().unwrap(), default_provider());
        let ((first, first_key), (second, second_key)) = (make(), make());
        let files = write(folder.path(), first.as_bytes(), first_key.as_bytes());
        let contents = files.read().unwrap();
        let current = Current(RwLock::new(Arc::new(files.load(&contents, &provider).unwrap())));
        let mut seen = Ok(contents);
        let mut certificate = |certificate: &str, key: &str| {
            write(folder.path(), certificate.as_bytes(), key.as_bytes());
            look(&files, &mut seen, &current, &provider);
            current.0.read().unwrap().end_entity_cert().unwrap().to_vec()
        };
        let old = certificate(&first, &first_key);
        assert_eq!(certificate(&second, &first_key), old, "the key comes later");
        assert_eq!(certificate("", ""), old);
        assert_eq!(certificate(&second, "no key"), old);
        let new = certificate(&second, &second_key);
        assert_ne!(new, old);
        fs::remove_file(folder.path().join("key.pem")).unwrap();
        look(&files, &mut seen, &current, &provider);
        assert_eq!(current.0.read().unwrap().end_entity_cert().unwrap().to_vec(), new);
        assert!(seen.is_err());
    }
}
