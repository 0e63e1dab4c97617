//! Alarms, as an object's author sees them.

use std::time::{Duration, Instant};

use chrono::DateTime;
use worker::*;

use crate::kept::Kept;

/// Logs each run of its alarm.
#[durable_object]
struct Clock {
    state: State,
}

impl DurableObject for Clock {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, req: Request) -> Result<Response> {
        let storage = self.state.storage();
        let path = req.path();
        match path.as_str() {
            "/log" => return Response::ok(storage.get::<String>("log").await?.unwrap_or_default()),
            "/get" => return Response::ok(format!("{:?}", storage.get_alarm().await?)),
            "/bounds" => return bounds(&storage).await,
            "/forms" => return forms(&storage).await,
            _ => {}
        }
        // The first is what the handler will do, the second in how many milliseconds.
        let (what, offset) = path.trim_start_matches('/').split_once('/').ok_or("no offset")?;
        storage.put("what", what).await?;
        storage.set_alarm(offset.parse::<i64>().map_err(|error| error.to_string())?).await?;
        Response::ok("set")
    }

    async fn alarm_with_info(&self, info: AlarmInvocationInfo) -> Result<Response> {
        let storage = self.state.storage();
        let AlarmInvocationInfo { retry_count, is_retry, scheduled_time, .. } = info;
        let what = storage.get::<String>("what").await?.unwrap_or_default();
        let seen = storage.get_alarm().await?;
        let is_due = scheduled_time <= i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX);
        let log = storage.get::<String>("log").await?.unwrap_or_default();
        storage.put("log", format!("{log}{what} {retry_count} {is_retry} {seen:?} {is_due};")).await?;
        match what.as_str() {
            "fail-once" if !is_retry => Err("on purpose".into()),
            "again" => {
                storage.put("what", "last").await?;
                storage.set_alarm(1).await?;
                Response::empty()
            }
            "panic-once" => {
                storage.put("what", "after a panic").await?;
                // What this turn wrote goes with the panic; what was written before stays.
                if storage.get::<bool>("panicked").await?.is_none() {
                    storage.put("panicked", true).await?;
                    storage.sync().await?;
                    storage.put("log", "lost").await?;
                    panic!("on purpose");
                }
                Response::empty()
            }
            _ => Response::empty(),
        }
    }
}

async fn bounds(storage: &Storage) -> Result<Response> {
    let date = |millis| DateTime::from_timestamp_millis(millis).ok_or("no date");
    let mut said = Vec::new();
    for millis in [-1, 0, 1, 6_942_671_999_999, 6_942_672_000_000] {
        said.push(match storage.set_alarm(date(millis)?).await {
            Ok(()) => format!("{}", storage.get_alarm().await?.is_some()),
            Err(error) => error.to_string(),
        });
        storage.delete_alarm().await?;
    }
    said.push(storage.set_alarm(Duration::MAX).await.unwrap_err().to_string());
    said.push(storage.set_alarm(i64::MIN).await.unwrap_err().to_string());
    Response::ok(said.join("|"))
}

async fn forms(storage: &Storage) -> Result<Response> {
    let mut said = Vec::new();
    let now = i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX);
    storage.set_alarm(ScheduledTime::new(DateInit::Millis(4_102_444_800_000).into())).await?;
    said.push(format!("{:?}", storage.get_alarm().await?));
    for time in [ScheduledTime::from(Duration::from_secs(3_600)), ScheduledTime::from(3_600_000)] {
        storage.set_alarm(time).await?;
        let offset = storage.get_alarm().await?.unwrap_or(0) - now;
        said.push((3_600_000..3_700_000).contains(&offset).to_string());
    }
    storage.delete_alarm().await?;
    Response::ok(said.join(" "))
}

async fn entry(req: Request, env: Env, _ctx: Context) -> Result<Response> {
    env.durable_object("CLOCK")?.get_by_name("one")?.fetch_with_request(req).await
}

fn app() -> App {
    App::new(entry).object::<Clock>("CLOCK").respond_with_errors()
}

#[test]
fn an_alarm_fires_in_an_object_that_sleeps() {
    let kept = Kept::new(app);
    assert_eq!(kept.ask("/once/1"), "set");
    kept.wait_for("/log", "once 0 false None true;");
    assert_eq!(kept.ask("/get"), "None");
}

#[test]
fn an_alarm_that_its_handler_sets_fires_too() {
    let kept = Kept::new(app);
    kept.ask("/again/1");
    kept.wait_for("/log", "again 0 false None true;last 0 false None true;");
}

#[test]
fn an_alarm_that_fails_is_run_again_and_told_so() {
    let kept = Kept::new(app);
    kept.ask("/fail-once/1");
    kept.wait_for("/log", "fail-once 0 false None true;fail-once 1 true None true;");
    assert_eq!(kept.ask("/get"), "None");
}

#[test]
fn an_alarm_whose_handler_panics_is_run_again() {
    let kept = Kept::new(app);
    kept.ask("/panic-once/1");
    kept.wait_for("/log", "panic-once 0 false None true;after a panic 1 true None true;");
}

#[test]
fn an_alarm_survives_a_restart() {
    let mut kept = Kept::new(app);
    kept.ask("/kept/3600000");
    let set = kept.ask("/get");
    kept.restart();
    assert_eq!(kept.ask("/get"), set);
    assert!(set.starts_with("Some("), "{set}");
}

#[test]
fn an_alarm_that_became_due_while_no_server_ran_fires_at_once() {
    for offset in [100, 1_000, 10_000, 100_000] {
        let mut kept = Kept::new(app);
        let before = Instant::now();
        kept.ask(&format!("/late/{offset}"));
        let due = Instant::now() + Duration::from_millis(offset);
        kept.stop();
        if before.elapsed() >= Duration::from_millis(offset) {
            // The machine is so busy that it may have fired already.
            continue;
        }
        while Instant::now() < due {
            std::thread::yield_now();
        }
        kept.start();
        return kept.wait_for("/log", "late 0 false None true;");
    }
    panic!("a server takes minutes to stop");
}

#[test]
fn alarms_are_after_1970_and_before_2190() {
    let early = "TypeError: setAlarm() cannot be called with an alarm time <= 0";
    let late = "TypeError: This API doesn't support dates after 2189.";
    let expected = [early, early, "true", "true", late, late, early].join("|");
    assert_eq!(Kept::new(app).ask("/bounds"), expected);
}

#[test]
fn times_are_points_or_offsets() {
    assert_eq!(Kept::new(app).ask("/forms"), "Some(4102444800000) true true");
}
