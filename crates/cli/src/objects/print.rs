//! What `dormouse objects` prints: columns for people, JSON for programs.
//!
//! Text from the database is never printed raw to people: a control character would do something to their terminal.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Stdout, Write, stdout};
use std::time::{Duration, UNIX_EPOCH};

use dormouse_server::admin::{Details, Object, Rows, Value};
use serde_json::{Map, Number, Value as Json};

/// Standard output.
pub(crate) struct Out {
    to: BufWriter<Stdout>,
    json: bool,
}

/// What a list has printed so far.
#[derive(Default)]
pub(crate) struct Lines {
    has_head: bool,
}

impl Out {
    pub(crate) fn new(json: bool) -> Self {
        Self { to: BufWriter::new(stdout()), json }
    }

    /// Everything is out.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.to.flush()
    }

    pub(crate) fn objects(&mut self, objects: &[Object], lines: &mut Lines) -> io::Result<()> {
        for object in objects {
            if self.json {
                writeln!(self.to, "{}", Json::Object(json_of(object)))?;
                continue;
            }
            if !std::mem::replace(&mut lines.has_head, true) {
                writeln!(self.to, "{:<24} {:<64} {:>10} {:<20} NAME", "CLASS", "ID", "SIZE", "ALARM")?;
            }
            let (class, id, size) = (printable(&object.class), &object.id, size(object.bytes));
            let name = object.name.as_deref().map(printable).unwrap_or_default();
            let refused = object.refused.as_ref().map_or("", |_| " (damaged)");
            writeln!(self.to, "{class:<24} {id:<64} {size:>10} {:<20} {name}{refused}", alarm(object.alarm_ms))?;
        }
        Ok(())
    }

    pub(crate) fn details(&mut self, details: &Details) -> io::Result<()> {
        let Details { object, tables, keys, unreadable, is_resident, sockets } = details;
        if self.json {
            let mut json = json_of(object);
            let counts = |tables: &Vec<(String, u64)>| {
                Json::Object(tables.iter().map(|(name, rows)| (name.clone(), Json::from(*rows))).collect())
            };
            json.insert("tables".into(), tables.as_ref().map_or(Json::Null, counts));
            json.insert("keys".into(), Json::from(*keys));
            json.insert("unreadable".into(), Json::from(unreadable.clone()));
            json.insert("resident".into(), Json::from(*is_resident));
            json.insert("sockets".into(), Json::from(*sockets));
            return writeln!(self.to, "{}", Json::Object(json));
        }
        let mut line = |what: &str, value: &str| writeln!(self.to, "{what:<8} {value}");
        line("class", &printable(&object.class))?;
        line("id", &object.id)?;
        line("name", &object.name.as_deref().map_or_else(|| "-".into(), printable))?;
        line("size", &size(object.bytes))?;
        line("alarm", &alarm(object.alarm_ms))?;
        let memory = if *is_resident { "its code is in memory" } else { "asleep" };
        line("state", &format!("{memory}, {sockets} sockets"))?;
        if let Some(why) = unreadable.as_ref().or(object.refused.as_ref()) {
            return line("damaged", &printable(why));
        }
        line("keys", &keys.unwrap_or(0).to_string())?;
        for (name, rows) in tables.iter().flatten() {
            line("table", &format!("{} ({rows} rows)", printable(name)))?;
        }
        Ok(())
    }

    pub(crate) fn rows(&mut self, rows: &Rows) -> io::Result<()> {
        let width = rows.columns.len();
        if self.json {
            for row in rows.values.chunks(width.max(1)) {
                // By hand: a column's name may come twice, and their order counts.
                let mut line = String::new();
                for (name, value) in rows.columns.iter().zip(row) {
                    let comma = if line.is_empty() { "" } else { "," };
                    let _ = write!(line, "{comma}{}:{}", Json::from(name.as_str()), json_value(value));
                }
                writeln!(self.to, "{{{line}}}")?;
            }
            return Ok(());
        }
        if width > 0 {
            let table: Vec<String> = rows.values.iter().map(text_value).collect();
            self.table(&rows.columns, &table)?;
        }
        match rows.rows_written {
            0 => Ok(()),
            1 => writeln!(self.to, "1 row written"),
            count => writeln!(self.to, "{count} rows written"),
        }
    }

    fn table(&mut self, columns: &[String], cells: &[String]) -> io::Result<()> {
        let heads: Vec<String> = columns.iter().map(|name| printable(name)).collect();
        let mut widths: Vec<usize> = heads.iter().map(|head| head.chars().count()).collect();
        for row in cells.chunks(columns.len()) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        for row in [&heads[..], &rules[..]].into_iter().chain(cells.chunks(columns.len())) {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                let _ = write!(line, "{cell:<width$}  ");
            }
            writeln!(self.to, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn json_of(object: &Object) -> Map<String, Json> {
    let mut json = Map::new();
    json.insert("class".into(), object.class.clone().into());
    json.insert("id".into(), object.id.clone().into());
    json.insert("name".into(), object.name.clone().into());
    json.insert("bytes".into(), object.bytes.into());
    json.insert("alarm".into(), object.alarm_ms.into());
    json.insert("refused".into(), object.refused.clone().into());
    json
}

/// JSON has no bytes and no infinity: those are `{"blob": hex}` and `{"real": text}`.
fn json_value(value: &Value) -> Json {
    let wrapped = |kind: &str, text: &str| Json::Object(Map::from_iter([(kind.to_owned(), Json::from(text))]));
    match value {
        Value::Null => Json::Null,
        Value::Integer(integer) => (*integer).into(),
        Value::Real(real) => {
            let number = real.parse().ok().and_then(Number::from_f64);
            number.map_or_else(|| wrapped("real", real), Json::Number)
        }
        Value::Text(text) => Json::from(text.as_str()),
        Value::Blob(hex) => wrapped("blob", hex),
    }
}

fn text_value(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => real.clone(),
        Value::Text(text) => printable(text),
        Value::Blob(hex) => format!("x'{hex}'"),
    }
}

/// Text without what a terminal would take for a command.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

fn size(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    match bytes {
        0..KIB => format!("{bytes} B"),
        bytes if bytes < KIB * KIB => format!("{} KiB", bytes / KIB),
        bytes => format!("{} MiB", bytes / KIB / KIB),
    }
}

fn alarm(at: Option<u64>) -> String {
    let Some(at) = at else { return "-".into() };
    match UNIX_EPOCH.checked_add(Duration::from_millis(at)) {
        // Later than the year 9999 there is no way to write it.
        Some(time) if at < 253_402_300_800_000 => humantime::format_rfc3339_seconds(time).to_string(),
        _ => at.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use dormouse_server::admin::Value;

    use super::{alarm, json_value, printable, size, text_value};

    #[test]
    fn values_are_written_for_programs_and_for_people() {
        for (value, json, text) in [
            (Value::Null, "null", "NULL"),
            (Value::Integer(i64::MAX), "9223372036854775807", "9223372036854775807"),
            (Value::Real("1.5".into()), "1.5", "1.5"),
            (Value::Real("inf".into()), r#"{"real":"inf"}"#, "inf"),
            (Value::Text("a\"\u{1b}[2J".into()), "\"a\\\"\\u001b[2J\"", "a\"\\u{1b}[2J"),
            (Value::Blob("00ff".into()), r#"{"blob":"00ff"}"#, "x'00ff'"),
        ] {
            assert_eq!((json_value(&value).to_string().as_str(), text_value(&value).as_str()), (json, text));
        }
    }

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!([size(0), size(1_023), size(1_024), size(5 << 20)], ["0 B", "1023 B", "1 KiB", "5 MiB"]);
        assert_eq!(alarm(None), "-");
        assert_eq!(alarm(Some(1_700_000_000_000)), "2023-11-14T22:13:20Z");
        assert_eq!(alarm(Some(u64::MAX)), u64::MAX.to_string());
        assert_eq!(printable("Räume\n"), "Räume\\n");
    }
}
