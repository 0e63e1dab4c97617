//! When an alarm is to be, and what its handler can learn about it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::Result;
use crate::date::Date;
use crate::error::Error;
use crate::limits::ALARM_MILLIS_MAX;

/// When an alarm is to be: a point in time (`DateTime<Utc>`, [`Date`]), or an offset from the present (`Duration`, or
/// milliseconds as an `i64`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledTime {
    init: Init,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Init {
    At(i64),
    In(i64),
}

// The texts are the runtime's, in all languages.
const EARLY: &str = "TypeError: setAlarm() cannot be called with an alarm time <= 0";
const LATE: &str = "TypeError: This API doesn't support dates after 2189.";

impl ScheduledTime {
    /// A point in time.
    pub fn new(date: Date) -> Self {
        date.into()
    }

    /// In milliseconds since 1970.
    pub(super) fn millis(self) -> Result<u64> {
        let millis = match self.init {
            Init::At(millis) => millis,
            Init::In(offset) => offset.saturating_add_unsigned(Date::now().as_millis()),
        };
        match u64::try_from(millis) {
            Err(_) | Ok(0) => Err(Error::JsError(EARLY.to_owned())),
            Ok(ALARM_MILLIS_MAX..) => Err(Error::JsError(LATE.to_owned())),
            Ok(millis) => Ok(millis),
        }
    }
}

impl From<i64> for ScheduledTime {
    fn from(offset_ms: i64) -> Self {
        Self { init: Init::In(offset_ms) }
    }
}

impl From<Duration> for ScheduledTime {
    fn from(offset: Duration) -> Self {
        i64::try_from(offset.as_millis()).unwrap_or(i64::MAX).into()
    }
}

impl From<DateTime<Utc>> for ScheduledTime {
    fn from(date: DateTime<Utc>) -> Self {
        Self { init: Init::At(date.timestamp_millis()) }
    }
}

impl From<Date> for ScheduledTime {
    fn from(date: Date) -> Self {
        Self { init: Init::At(i64::try_from(date.as_millis()).unwrap_or(i64::MAX)) }
    }
}

/// Accepted, without effect: reading never lets another event in.
#[derive(Clone, Debug, Default)]
pub struct GetAlarmOptions {
    /// Without effect.
    pub allow_concurrency: Option<bool>,
}

/// Accepted, without effect: what is sent always waits until the alarm is safe on the disk.
#[derive(Clone, Debug, Default)]
pub struct SetAlarmOptions {
    /// Without effect.
    pub allow_concurrency: Option<bool>,
    /// Without effect.
    pub allow_unconfirmed: Option<bool>,
}

/// Which run of its alarm a handler is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlarmInvocationInfo {
    /// How many runs of this alarm have failed before.
    pub retry_count: u32,
    /// Whether one has.
    pub is_retry: bool,
    /// When the alarm was set for, in milliseconds since 1970.
    pub scheduled_time: i64,
}

impl AlarmInvocationInfo {
    pub(crate) fn new(retry_count: u32, scheduled_ms: u64) -> Self {
        let scheduled_time = i64::try_from(scheduled_ms).unwrap_or(i64::MAX);
        Self { retry_count, is_retry: retry_count > 0, scheduled_time }
    }
}
