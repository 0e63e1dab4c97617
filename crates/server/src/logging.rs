//! The log: structured lines on standard error.

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

use crate::error::Error;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people, one line an event.
    #[default]
    Compact,
    /// For people, several lines an event.
    Pretty,
    /// For machines, one JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "compact" => Ok(Self::Compact),
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err(format!("`{text}` is no log format; there are compact, pretty and json")),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compact => "compact",
            Self::Pretty => "pretty",
            Self::Json => "json",
        })
    }
}

/// Sends the log to standard error. `filter` is a comma-separated list of `target=level`; `None` is `info`.
///
/// # Errors
///
/// When the filter cannot be read, or a log was set up before.
pub fn init_logging(format: LogFormat, filter: Option<&str>) -> Result<(), Error> {
    let filter = EnvFilter::try_new(filter.unwrap_or("info")).map_err(|error| Error::Logging(error.to_string()))?;
    let colour = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    match format {
        LogFormat::Compact => lines.compact().with_target(false).try_init(),
        LogFormat::Pretty => lines.pretty().try_init(),
        LogFormat::Json => lines.json().try_init(),
    }
    .map_err(|error| Error::Logging(error.to_string()))
}
