//! Errors, logs, promises, time and timers.

use std::time::Duration;

use crate::engine::{Call, Fault, Op, Out, Settled};
use crate::tasks::count;

pub(crate) const OPS: &[Op] = &[
    Op { name: "core_set_error_maker", run: set_error_maker },
    Op { name: "core_keep", run: keep },
    Op { name: "core_log", run: log },
    Op { name: "core_now", run: now },
    Op { name: "core_on_handled", run: on_handled },
    Op { name: "core_promise_state", run: promise_state },
    Op { name: "core_proxy_target", run: proxy_target },
    Op { name: "context_follow", run: follow },
    Op { name: "error_position", run: position },
    Op { name: "error_source", run: source },
    Op { name: "timer_start", run: timer_start },
    Op { name: "timer_cancel", run: timer_cancel },
];

/// The longest delay of a timer, in milliseconds: a year. What waits longer waits as long as its process.
const DELAY_MAX: f64 = 365.0 * 24.0 * 3_600_000.0;

fn set_error_maker(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().engine().set_fault_maker(&call.value(0));
    Ok(Out::Undefined)
}

/// `(value)`: stays alive until the jobs have run.
fn keep(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().engine().keep(&call.value(0));
    Ok(Out::Undefined)
}

/// `(module, line, column)`: source, line and column where the Worker's source map has them, or null
fn position(call: &Call<'_>) -> Result<Out, Fault> {
    let map = call.isolate().source_map();
    let at = map.and_then(|map| map.find(&call.text(0).ok()?, call.index(1).ok()?, call.index(2).ok()?));
    Ok(at.map(|at| vec![Out::from(at.source), at.line.into(), at.column.into()]).into())
}

/// How much of a line an error's message may need.
const SOURCE_LEN_MAX: usize = 200;

/// `(module, line, column)`: what stands before and behind that place in the source, or null
fn source(call: &Call<'_>) -> Result<Out, Fault> {
    let (module, line, column) = (call.text(0)?, call.index(1)? as usize, call.index(2)? as usize);
    let Some(text) = call.isolate().script(&module) else { return Ok(Out::Null) };
    let Some(line) = text.lines().nth(line.saturating_sub(1)) else { return Ok(Out::Null) };
    let at = line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
    let start = line.floor_char_boundary(at.saturating_sub(SOURCE_LEN_MAX));
    let end = line.floor_char_boundary(line.len().min(at + SOURCE_LEN_MAX));
    Ok(vec![&line[start..at], &line[at..end]].into())
}

/// `(level, text)`: a line of user code for the log.
fn log(call: &Call<'_>) -> Result<Out, Fault> {
    let (level, text) = (call.text(0)?, call.text(1)?);
    let object = call.isolate().current().map(|guest| guest.ctx().label()).unwrap_or_default();
    match level.as_str() {
        "debug" => tracing::debug!(target: "console", object, "{text}"),
        "warn" => tracing::warn!(target: "console", object, "{text}"),
        "error" => tracing::error!(target: "console", object, "{text}"),
        _ => tracing::info!(target: "console", object, "{text}"),
    }
    Ok(Out::Undefined)
}

/// `()`: milliseconds since the beginning of 1970, by a clock that never goes back.
fn now(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(call.isolate().now().into())
}

/// `(function)`: what is told of a promise that somebody listens to after its rejection was reported.
fn on_handled(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().engine().on_handled(&call.value(0));
    Ok(Out::Undefined)
}

/// `(promise)`: how it stands, and its result.
fn promise_state(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(Out::List(match call.isolate().engine().peek(&call.value(0)) {
        Settled::Pending => vec!["pending".into(), Out::Undefined],
        Settled::Fulfilled(value) => vec!["fulfilled".into(), value.into()],
        Settled::Rejected(reason) => vec!["rejected".into(), reason.into()],
    }))
}

/// `(value)`: what a proxy stands for, null when it was revoked; undefined when it is no proxy.
fn proxy_target(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(call.isolate().engine().proxy_target(&call.value(0)).map_or(Out::Undefined, Out::Value))
}

/// `(tell, frame, leave)`: functions that follow promises, say in which frame code runs, and end a turn.
fn follow(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().engine().follow_promises(&call.value(0), &call.value(1), &call.value(2));
    Ok(Out::Undefined)
}

/// `(milliseconds)`: a number by which the timer fires.
fn timer_start(call: &Call<'_>) -> Result<Out, Fault> {
    let delay = call.number(0)?;
    // What is no delay fires at once.
    let delay = if delay > 0.0 { delay.min(DELAY_MAX) } else { 0.0 };
    let timer = call.isolate().current()?.start_timer(Duration::from_secs_f64(delay / 1000.0));
    Ok(timer.map_or(Out::Null, count))
}

fn timer_cancel(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().current()?.cancel_timer(call.index(0)? as usize);
    Ok(Out::Undefined)
}
