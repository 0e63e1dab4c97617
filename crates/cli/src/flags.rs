//! The flags of a server.
//!
//! Each has a variable of the same name, `DORMOUSE_…`; the flag wins.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use dormouse_server::{Builder, Compression, Durability, LogFormat, Server, SlowClients, init_logging};

/// The data folder in a project's own.
pub(crate) const DATA: &str = ".dormouse";

/// How a server runs, whatever it serves.
#[derive(Debug, Args)]
pub(crate) struct ServerFlags {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", env = "DORMOUSE_LISTEN", default_value = "127.0.0.1:8787")]
    listen: String,

    /// Serve HTTPS, with the chain of certificates in this PEM file; looked at again while the server runs
    #[arg(long, value_name = "FILE", env = "DORMOUSE_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The private key of the first certificate, in PEM and without a password
    #[arg(long, value_name = "FILE", env = "DORMOUSE_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Threads that serve objects [default: one per core]
    #[arg(long, value_name = "N", env = "DORMOUSE_SHARDS")]
    shards: Option<NonZeroUsize>,

    /// Folder for what objects store [default: .dormouse in the project's folder]
    #[arg(long, value_name = "DIR", env = "DORMOUSE_DATA")]
    data: Option<PathBuf>,

    /// When a write counts as safe: strict survives a power loss, relaxed the death of the process
    #[arg(long, value_name = "MODE", env = "DORMOUSE_DURABILITY", default_value = "strict", value_parser = durability)]
    durability: Durability,

    /// How long an object stays in memory after its last activity
    #[arg(long, value_name = "TIME", env = "DORMOUSE_HIBERNATE_AFTER", default_value = "10s", value_parser = duration)]
    hibernate_after: Duration,

    /// How often silent clients are pinged; one that gives no sign of life is taken for vanished. off never pings
    #[arg(long, value_name = "TIME", env = "DORMOUSE_PING_INTERVAL", default_value = "25s", value_parser = interval)]
    ping_interval: Interval,

    /// What becomes of clients that read too slowly, unless their object asks for something else: close (their socket) or
    /// drop-oldest (of the messages that wait for them)
    #[arg(long, value_name = "RULE", env = "DORMOUSE_SLOW_CLIENTS", default_value = "close", value_parser = slow_clients)]
    slow_clients: SlowClients,

    /// How messages of sockets are compressed, where clients offer it: messages (each by itself), streams (may refer to
    /// earlier ones; 8 KiB a socket) or off
    #[arg(long, value_name = "KIND", env = "DORMOUSE_COMPRESSION", default_value = "messages")]
    compression: Compression,

    /// WebSockets to servers outside that may be open at a time
    #[arg(long, value_name = "N", env = "DORMOUSE_OUTGOING_SOCKETS", default_value = "16384")]
    outgoing_sockets: NonZeroUsize,

    /// How long events under way may take when the server stops
    #[arg(long, value_name = "TIME", env = "DORMOUSE_STOP_GRACE", default_value = "5s", value_parser = duration)]
    stop_grace: Duration,

    /// How log lines look: compact, pretty or json [default: compact; pretty for `dev`]
    #[arg(long, value_name = "FORMAT", env = "DORMOUSE_LOG")]
    log: Option<LogFormat>,

    /// What is logged: a level, or a list of target=level
    #[arg(long, value_name = "FILTER", env = "DORMOUSE_LOG_FILTER", default_value = "info")]
    log_filter: String,
}

/// A time, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interval(Option<Duration>);

impl ServerFlags {
    /// Sets up the log, as the flags say or else as `format`.
    pub(crate) fn init_logging(&self, format: LogFormat) -> anyhow::Result<()> {
        Ok(init_logging(self.log.unwrap_or(format), Some(&self.log_filter))?)
    }

    /// Sets up the server of a project that is in this folder.
    pub(crate) fn builder(&self, project: &Path) -> Builder {
        let mut server = Server::builder()
            .listen(&self.listen)
            .data(self.data.clone().unwrap_or_else(|| project.join(DATA)))
            .durability(self.durability)
            .hibernate_after(self.hibernate_after)
            .compression(self.compression)
            .ping_interval(self.ping_interval.0)
            .slow_clients(self.slow_clients)
            .outgoing_sockets_max(self.outgoing_sockets.get())
            .stop_grace(self.stop_grace);
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            server = server.tls(certificate, key);
        }
        if let Some(shards) = self.shards {
            server = server.shards(shards.get());
        }
        server
    }
}

fn durability(text: &str) -> Result<Durability, String> {
    match text {
        "strict" => Ok(Durability::Strict),
        "relaxed" => Ok(Durability::Relaxed),
        _ => Err("there are strict and relaxed".into()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a number and a unit, such as `10s` or `500ms`"))
}

fn interval(text: &str) -> Result<Interval, String> {
    if text == "off" {
        return Ok(Interval(None));
    }
    match duration(text)? {
        Duration::ZERO => Err("an interval must be longer than nothing; `off` is never".into()),
        interval => Ok(Interval(Some(interval))),
    }
}

fn slow_clients(text: &str) -> Result<SlowClients, String> {
    match text {
        "close" => Ok(SlowClients::Close),
        "drop-oldest" => Ok(SlowClients::DropOldest),
        _ => Err("there are close and drop-oldest".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{CommandFactory, Parser};

    use dormouse_server::{Compression, SlowClients};

    use super::{Interval, ServerFlags};

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        server: ServerFlags,
    }

    #[test]
    fn the_definition_of_the_flags_is_sound() {
        Flags::command().debug_assert();
    }

    #[test]
    fn flags_are_read() {
        let flags =
            Flags::try_parse_from(["x", "--hibernate-after", "250ms", "--shards", "3", "--log", "json"]).unwrap();
        assert_eq!(flags.server.hibernate_after, Duration::from_millis(250));
        assert_eq!(flags.server.shards.map(usize::from), Some(3));
        assert_eq!(flags.server.compression, Compression::Messages);
        assert_eq!(flags.server.log.unwrap().to_string(), "json");
        assert_eq!(flags.server.ping_interval, Interval(Some(Duration::from_secs(25))));
        assert_eq!(flags.server.slow_clients, SlowClients::Close);
        assert_eq!(flags.server.outgoing_sockets.get(), dormouse_server::limits::OUTBOUND_SOCKETS_MAX);
        let flags = Flags::try_parse_from(["x", "--ping-interval", "off", "--slow-clients", "drop-oldest"]).unwrap();
        assert_eq!(flags.server.ping_interval, Interval(None));
        assert_eq!(flags.server.slow_clients, SlowClients::DropOldest);
    }

    #[test]
    fn a_certificate_and_its_key_belong_together() {
        for (given, missing) in [("--tls-cert", "--tls-key <FILE>"), ("--tls-key", "--tls-cert <FILE>")] {
            let error = Flags::try_parse_from(["x", given, "file.pem"]).unwrap_err().to_string();
            assert!(error.contains("not provided") && error.contains(missing), "{error}");
        }
        assert!(Flags::try_parse_from(["x", "--tls-cert", "a", "--tls-key", "b"]).is_ok());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (flag, value, says) in [
            ("--hibernate-after", "10", "such as `10s`"),
            ("--ping-interval", "0s", "longer than nothing"),
            ("--shards", "0", "zero"),
            ("--compression", "gzip", "write `messages`, `streams` or `off`"),
            ("--log", "loud", "no log format"),
            ("--durability", "lax", "strict and relaxed"),
            ("--outgoing-sockets", "0", "zero"),
            ("--slow-clients", "drop", "close and drop-oldest"),
        ] {
            let error = Flags::try_parse_from(["x", flag, value]).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains(flag), "{error}");
        }
    }
}
