//! Points in time with the reading, range and text of JavaScript's `Date`, in UTC as in a Worker.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone, Utc};

/// A point in time, to the millisecond. Text that is no date makes an invalid one, which prints as `Invalid
/// Date`.
///
/// ```
/// use worker::{Date, DateInit};
///
/// let date: Date = DateInit::Millis(1_630_611_511_000).into();
/// assert_eq!(date, Date::new(DateInit::String("Thu, 02 Sep 2021 19:38:31 GMT".into())));
/// assert_eq!(date.to_string(), "Thu Sep 02 2021 19:38:31 GMT+0000 (Coordinated Universal Time)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Date {
    /// Milliseconds since 1970, or none for an invalid date.
    millis: Option<i64>,
}

/// What a [`Date`] can be made of.
#[derive(Debug)]
pub enum DateInit {
    /// Milliseconds since the start of 1970.
    Millis(u64),
    /// ISO 8601, an HTTP date, an e-mail date, or what [`Date`] prints.
    String(String),
}

/// The largest distance from 1970 that a JavaScript date has.
const MILLIS_MAX: i64 = 8_640_000_000_000_000;

impl Date {
    /// The date that `init` stands for.
    pub fn new(init: DateInit) -> Self {
        let millis = match init {
            DateInit::Millis(millis) => i64::try_from(millis).ok(),
            DateInit::String(text) => parse(text.trim()),
        };
        Self { millis: millis.filter(|millis| millis.abs() <= MILLIS_MAX) }
    }

    /// The present.
    pub fn now() -> Self {
        Utc::now().into()
    }

    /// Milliseconds since the start of 1970; 0 for what lies before, and for an invalid date.
    pub fn as_millis(&self) -> u64 {
        self.millis.map_or(0, |millis| millis.try_into().unwrap_or(0))
    }
}

impl From<DateInit> for Date {
    fn from(init: DateInit) -> Self {
        Date::new(init)
    }
}

impl<T: TimeZone> From<DateTime<T>> for Date {
    fn from(date: DateTime<T>) -> Self {
        Self { millis: Some(date.timestamp_millis()) }
    }
}

#[expect(deprecated, reason = "the original converts from this type too")]
impl<T: TimeZone> From<chrono::Date<T>> for Date {
    fn from(date: chrono::Date<T>) -> Self {
        Self { millis: at_midnight(date.naive_local()) }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.millis.and_then(DateTime::from_timestamp_millis) {
            Some(date) => write!(f, "{} (Coordinated Universal Time)", date.format(PRINTED)),
            None => f.write_str("Invalid Date"),
        }
    }
}

/// How a date prints, before the name of its zone.
const PRINTED: &str = "%a %b %d %Y %H:%M:%S GMT+0000";

fn parse(text: &str) -> Option<i64> {
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        return Some(date.timestamp_millis());
    }
    if let Ok(date) = DateTime::parse_from_rfc2822(text) {
        return Some(date.timestamp_millis());
    }
    // A time without a zone is local time, and a Worker's local time is UTC.
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(date) = NaiveDateTime::parse_from_str(text, format) {
            return Some(date.and_utc().timestamp_millis());
        }
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return at_midnight(date);
    }
    let printed = text.split(" (").next().unwrap_or(text);
    let date = DateTime::parse_from_str(printed, "%a %b %d %Y %H:%M:%S GMT%z").ok()?;
    Some(date.timestamp_millis())
}

fn at_midnight(date: NaiveDate) -> Option<i64> {
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};

    use super::{Date, DateInit};

    #[test]
    fn text_is_read_as_javascript_reads_it() {
        fn check(text: &str, expected: u64) {
            let date = Date::new(DateInit::String(text.to_owned()));
            assert_eq!(date.as_millis(), expected, "{text}");
        }
        let millis = 1_630_611_511_000;
        check("Thu, 02 Sep 2021 19:38:31 GMT", millis);
        check("02 Sep 2021 21:38:31 +0200", millis);
        check("2021-09-02T19:38:31Z", millis);
        check("2021-09-02T19:38:31.250Z", millis + 250);
        check("2021-09-02T21:38:31+02:00", millis);
        check("2021-09-02T19:38:31", millis);
        check("2021-09-02T19:38", millis - 31_000);
        check("2021-09-02 19:38:31", millis);
        check("2021-09-02", 1_630_540_800_000);
        check(&Date::new(DateInit::Millis(millis)).to_string(), millis);
        check("next Tuesday", 0);
        check("", 0);
    }

    #[test]
    fn dates_outside_the_range_are_invalid() {
        fn check(init: DateInit, expected: &str) {
            assert_eq!(Date::new(init).to_string(), expected);
        }
        let epoch = "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)";
        check(DateInit::Millis(0), epoch);
        check(DateInit::Millis(8_640_000_000_000_001), "Invalid Date");
        check(DateInit::Millis(u64::MAX), "Invalid Date");
        check(DateInit::String("no".into()), "Invalid Date");
    }

    #[test]
    fn chrono_converts() {
        let date = Utc.timestamp_millis_opt(1_630_611_511_042).unwrap();
        assert_eq!(Date::from(date).as_millis(), 1_630_611_511_042);
        #[expect(deprecated, reason = "tests the conversion from the deprecated type")]
        let day = Date::from(date.date());
        assert_eq!(day.as_millis(), 1_630_540_800_000);
        assert!(Date::now().as_millis() > 1_630_540_800_000);
    }
}
