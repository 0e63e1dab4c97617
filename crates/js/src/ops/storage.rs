//! An object's storage: SQL, keys and values, transactions and the alarm.
//!
//! Every op names the guest whose storage it means, which must be the one that runs: a transaction is a turn's. Values are
//! cloned before the database is asked and made after it has answered, since both run code, which may ask it too.

use dormouse_runtime::object::time::Time;
use dormouse_runtime::storage::kv::List;
use dormouse_runtime::storage::sql::{Batch, CursorId, End};
use dormouse_runtime::storage::txn::Span;
use dormouse_runtime::storage::{Db, Error, Value};

use super::body::number;
use super::socket::owner;
use crate::engine::{Call, Fault, Op, Out};

pub(crate) const OPS: &[Op] = &[
    Op { name: "storage_exec", run: exec },
    Op { name: "storage_fetch", run: fetch },
    Op { name: "storage_close", run: close },
    Op { name: "storage_size", run: size },
    Op { name: "storage_get", run: get },
    Op { name: "storage_get_all", run: get_all },
    Op { name: "storage_put", run: put },
    Op { name: "storage_put_all", run: put_all },
    Op { name: "storage_delete", run: delete },
    Op { name: "storage_list", run: list },
    Op { name: "storage_delete_all", run: delete_all },
    Op { name: "storage_begin", run: begin },
    Op { name: "storage_end", run: end },
    Op { name: "storage_roll_back", run: roll_back },
    Op { name: "storage_sync", run: sync },
    Op { name: "alarm_set", run: set_alarm },
    Op { name: "alarm_get", run: alarm },
    Op { name: "alarm_delete", run: delete_alarm },
];

/// Uses the database of the guest that the first argument names.
fn with<T>(call: &Call<'_>, ask: impl FnOnce(&mut Db) -> Result<T, Error>) -> Result<T, Fault> {
    owner(call, 0)?.ctx().storage(ask).map_err(fault)
}

fn fault(error: Error) -> Fault {
    Fault::error(error.to_string())
}

/// The same for statements of user code, which may compute for as long as its turn may.
fn with_sql<T>(call: &Call<'_>, ask: impl FnOnce(&mut Db) -> Result<T, Error>) -> Result<T, Fault> {
    let engine = call.isolate().engine();
    let interrupt = engine.interrupt();
    let result = with(call, |db| {
        db.set_interrupt(Some(interrupt))?;
        ask(db)
    });
    match result {
        Err(fault) if engine.is_over() => Err(Fault::uncatchable(fault.message)),
        result => result,
    }
}

/// `(guest, query, bindings…)`: the names of the columns, and what `storage_fetch` gives
fn exec(call: &Call<'_>) -> Result<Out, Fault> {
    let bindings = (2..call.len()).map(|index| binding(call, index)).collect::<Result<Vec<Value>, Fault>>()?;
    let executed = call.with_text(1, |query| with_sql(call, |db| db.exec(query, &bindings)))??;
    Ok(Out::List(vec![executed.columns.into(), rows(executed.batch)]))
}

/// `(guest, cursor)`: values row after row, rows read, rows written, the cursor if there may be more or null, and the text
/// of the error that comes instead of the next row or null
fn fetch(call: &Call<'_>) -> Result<Out, Fault> {
    let cursor = CursorId::from_number(call.index(1)?);
    Ok(rows(with_sql(call, |db| db.fetch(cursor))?))
}

/// `(guest, cursor)`: its rows will not be read.
fn close(call: &Call<'_>) -> Result<Out, Fault> {
    let cursor = CursorId::from_number(call.index(1)?);
    // Nobody may use the `Cursor` any more, so this comes in any guest's turn.
    if let Some(guest) = call.isolate().guest(number(call, 0)?) {
        let closed = guest.ctx().storage(|db| {
            db.drop_cursor(cursor);
            Ok(())
        });
        // When the database is not there, no cursor of it is either.
        drop(closed);
    }
    Ok(Out::Undefined)
}

/// A value of a statement's parameter; the platform has made it one of these.
fn binding(call: &Call<'_>, index: usize) -> Result<Value, Fault> {
    if call.is_nullish(index) {
        return Ok(Value::Null);
    }
    if call.is_text(index) {
        return call.text(index).map(Value::Text);
    }
    match call.number(index) {
        Ok(number) => Ok(Value::Real(number)),
        Err(_) => call.bytes(index).map(|bytes| Value::Blob(bytes.to_vec())),
    }
}

#[expect(clippy::cast_precision_loss, reason = "workerd rounds whole numbers so, and counts are far below 2^53")]
fn rows(batch: Batch) -> Out {
    let values = batch.values.into_iter().map(|value| match value {
        Value::Null => Out::Null,
        Value::Integer(integer) => Out::Number(integer as f64),
        Value::Real(real) => Out::Number(real),
        Value::Text(text) => Out::Text(text),
        Value::Blob(bytes) => Out::Buffer(bytes),
    });
    let (cursor, failure) = match batch.end {
        End::Done => (None, None),
        End::More(cursor) => (Some(cursor.get()), None),
        End::Failed(error) => (None, Some(error.to_string())),
    };
    Out::List(vec![
        Out::List(values.collect()),
        Out::Number(batch.rows_read as f64),
        Out::Number(batch.rows_written as f64),
        cursor.into(),
        failure.into(),
    ])
}

/// `(guest)`: bytes
fn size(call: &Call<'_>) -> Result<Out, Fault> {
    #[expect(clippy::cast_precision_loss, reason = "a file is shorter than 2^53 bytes")]
    let size = with(call, Db::database_size)? as f64;
    Ok(size.into())
}

fn decode(call: &Call<'_>, bytes: &[u8]) -> Result<Out, Fault> {
    call.isolate().engine().decode(bytes).map(Out::Value)
}

/// `(guest, key)`: the value, or undefined
fn get(call: &Call<'_>) -> Result<Out, Fault> {
    match call.with_text(1, |key| with(call, |db| db.kv_get(key)))?? {
        Some(bytes) => decode(call, &bytes),
        None => Ok(Out::Undefined),
    }
}

/// `(guest, keys)`: keys and values of those that are there, in the order of the keys' bytes
fn get_all(call: &Call<'_>) -> Result<Out, Fault> {
    let mut keys = call.texts(1)?;
    keys.sort_unstable();
    keys.dedup();
    let found = with(call, |db| {
        let mut found = Vec::new();
        for key in keys {
            if let Some(bytes) = db.kv_get(&key)? {
                found.push((key, bytes));
            }
        }
        Ok(found)
    })?;
    entries(call, found)
}

fn entries(call: &Call<'_>, found: Vec<(String, Vec<u8>)>) -> Result<Out, Fault> {
    let mut list = Vec::with_capacity(found.len() * 2);
    for (key, bytes) in found {
        list.push(key.into());
        list.push(decode(call, &bytes)?);
    }
    Ok(Out::List(list))
}

/// `(guest, key, value)`
fn put(call: &Call<'_>) -> Result<Out, Fault> {
    let bytes = call.encode(2)?;
    call.with_text(1, |key| with(call, |db| db.kv_put(key, &bytes)))??;
    Ok(Out::Undefined)
}

/// `(guest, keys, values)`: all are cloned before the first is put.
fn put_all(call: &Call<'_>) -> Result<Out, Fault> {
    let keys = call.texts(1)?;
    let engine = call.isolate().engine();
    let values = call.values(2)?.iter().map(|value| engine.encode(value)).collect::<Result<Vec<_>, Fault>>()?;
    with(call, |db| keys.iter().zip(&values).try_for_each(|(key, value)| db.kv_put(key, value)))?;
    Ok(Out::Undefined)
}

/// `(guest, key)`: whether it was there
fn delete(call: &Call<'_>) -> Result<Out, Fault> {
    let was_there = call.with_text(1, |key| with(call, |db| db.kv_delete(key)))??;
    Ok(was_there.into())
}

/// `(guest, start, startAfter, end, prefix, reverse, limit)`, null for none: keys and values
fn list(call: &Call<'_>) -> Result<Out, Fault> {
    let (start, start_after) = (call.optional_text(1)?, call.optional_text(2)?);
    let (end, prefix) = (call.optional_text(3)?, call.optional_text(4)?);
    let list = List {
        start: start.as_deref(),
        start_after: start_after.as_deref(),
        end: end.as_deref(),
        prefix: prefix.as_deref(),
        reverse: call.flag(5),
        limit: if call.is_nullish(6) { None } else { Some(call.index(6)?) },
    };
    entries(call, with(call, |db| db.kv_list(&list))?)
}

/// `(guest)`
fn delete_all(call: &Call<'_>) -> Result<Out, Fault> {
    with(call, Db::delete_all)?;
    Ok(Out::Undefined)
}

/// `(guest, whether it may span turns)`
fn begin(call: &Call<'_>) -> Result<Out, Fault> {
    let span = if call.flag(1) { Span::Held } else { Span::Turn };
    owner(call, 0)?.ctx().begin_transaction(span).map_err(fault)?;
    Ok(Out::Undefined)
}

/// `(guest)`: the innermost transaction ends, and what it wrote is kept.
fn end(call: &Call<'_>) -> Result<Out, Fault> {
    owner(call, 0)?.ctx().end_transaction().map_err(fault)?;
    Ok(Out::Undefined)
}

/// `(guest)`: the innermost transaction ends, and what it wrote is forgotten.
fn roll_back(call: &Call<'_>) -> Result<Out, Fault> {
    owner(call, 0)?.ctx().roll_back_transaction().map_err(fault)?;
    Ok(Out::Undefined)
}

/// `(guest)`: a promise that is resolved when all that was written is durable
fn sync(call: &Call<'_>) -> Result<Out, Fault> {
    let synced = owner(call, 0)?.ctx().synced();
    Out::later(async move {
        synced.await;
        Ok(Out::Undefined)
    })
}

/// `(guest, milliseconds since 1970)`
fn set_alarm(call: &Call<'_>) -> Result<Out, Fault> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the platform has checked its range")]
    let at = Time::from_millis(call.number(1)? as u64);
    owner(call, 0)?.ctx().set_alarm(at).map_err(fault)?;
    Ok(Out::Undefined)
}

/// `(guest)`: milliseconds since 1970, or null
fn alarm(call: &Call<'_>) -> Result<Out, Fault> {
    let at = owner(call, 0)?.ctx().alarm().map_err(fault)?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a date stay below 2^53")]
    let at = at.map(|at| at.as_millis() as f64);
    Ok(at.into())
}

/// `(guest)`
fn delete_alarm(call: &Call<'_>) -> Result<Out, Fault> {
    owner(call, 0)?.ctx().delete_alarm().map_err(fault)?;
    Ok(Out::Undefined)
}
