//! What is asked of storage: which keys to list, and when an alarm is due.
//!
//! The options that only tell Cloudflare how to wait are taken and change nothing: here a call of storage never lets
//! another event in between, and what was written is confirmed before anything leaves.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::date::{Date, DateInit};

/// Which keys are listed, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ListOptions<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reverse: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
}

impl<'a> ListOptions<'a> {
    /// All keys, in the order of their bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keys from this one on.
    pub fn start(mut self, key: &'a str) -> Self {
        self.start = Some(key);
        self
    }

    /// Keys before this one.
    pub fn end(mut self, key: &'a str) -> Self {
        self.end = Some(key);
        self
    }

    /// Keys that begin like this.
    pub fn prefix(mut self, prefix: &'a str) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// Whether the last key comes first.
    pub fn reverse(mut self, reverse: bool) -> Self {
        self.reverse = Some(reverse);
        self
    }

    /// So many at most.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }
}

/// How an alarm is asked for. It changes nothing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GetAlarmOptions {
    /// Whether other events may come in between: none can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_concurrency: Option<bool>,
}

/// How an alarm is set or deleted. It changes nothing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SetAlarmOptions {
    /// Whether other events may come in between: none can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_concurrency: Option<bool>,
    /// Whether messages may leave before the alarm is durable: none do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_unconfirmed: Option<bool>,
}

/// When an alarm is due: a point in time, or so long after it is set.
///
/// ```
/// use std::time::Duration;
/// use worker::{Date, DateInit, ScheduledTime};
///
/// let now = Date::new(DateInit::Millis(1000));
/// assert_eq!(ScheduledTime::from(Duration::from_secs(2)).counted_from(&now).as_millis(), 3000);
/// assert_eq!(ScheduledTime::from(-400).counted_from(&now).as_millis(), 600);
/// assert_eq!(ScheduledTime::new(DateInit::Millis(7).into()).counted_from(&now).as_millis(), 7);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledTime(Due);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Due {
    At(Date),
    /// Milliseconds after it is set.
    After(i64),
}

impl ScheduledTime {
    /// At a point in time.
    pub fn new(date: Date) -> Self {
        Self(Due::At(date))
    }

    /// The point in time, when the alarm is set now. What would lie before 1970 is 1970.
    pub fn counted_from(&self, now: &Date) -> Date {
        match &self.0 {
            Due::At(date) => date.clone(),
            Due::After(offset) => Date::new(DateInit::Millis(now.as_millis().saturating_add_signed(*offset))),
        }
    }
}

impl From<Date> for ScheduledTime {
    fn from(date: Date) -> Self {
        Self::new(date)
    }
}

impl From<DateTime<Utc>> for ScheduledTime {
    fn from(date: DateTime<Utc>) -> Self {
        Self::new(date.into())
    }
}

impl From<i64> for ScheduledTime {
    /// Milliseconds after it is set.
    fn from(offset: i64) -> Self {
        Self(Due::After(offset))
    }
}

impl From<Duration> for ScheduledTime {
    /// Rounded down to milliseconds, as in the original.
    fn from(offset: Duration) -> Self {
        Self(Due::After(i64::try_from(offset.as_millis()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{TimeZone, Utc};

    use super::{ListOptions, ScheduledTime, SetAlarmOptions};
    use crate::date::{Date, DateInit};

    #[test]
    fn alarms_are_due_at_a_time_or_after_one() {
        fn check(due: impl Into<ScheduledTime>, expected: u64) {
            let now = Date::new(DateInit::Millis(5000));
            assert_eq!(due.into().counted_from(&now).as_millis(), expected);
        }
        check(Utc.timestamp_millis_opt(70).unwrap(), 70);
        check(Date::new(DateInit::Millis(80)), 80);
        check(0, 5000);
        check(250, 5250);
        check(-6000, 0);
        check(Duration::from_micros(1999), 5001);
        // What no date can say is none, and `as_millis` has zero for that.
        check(Duration::MAX, 0);
    }

    #[test]
    fn options_serialize_as_javascript_takes_them() {
        let options = ListOptions::new().start("a").end("b").prefix("c").reverse(true).limit(3);
        let expected = serde_json::json!({"start": "a", "end": "b", "prefix": "c", "reverse": true, "limit": 3});
        assert_eq!(serde_json::to_value(options).unwrap(), expected);
        assert_eq!(serde_json::to_value(ListOptions::new()).unwrap(), serde_json::json!({}));
        let options = SetAlarmOptions { allow_concurrency: None, allow_unconfirmed: Some(true) };
        assert_eq!(serde_json::to_value(options).unwrap(), serde_json::json!({"allow_unconfirmed": true}));
    }
}
