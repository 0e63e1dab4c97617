//! A counter with SQL, keys and an alarm as one is written for Cloudflare: but for the tests at its foot, this file names
//! nothing that the `worker` crate 0.8 does not have. `cargo check` against that crate accepts it as it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use worker::*;

#[event(fetch)]
pub async fn main(req: Request, env: Env, _ctx: Context) -> Result<Response> {
    Router::new()
        .on_async("/counter/:name/*action", |req, ctx| async move {
            let name = ctx.param("name").ok_or("no name")?;
            ctx.durable_object("COUNTER")?.id_from_name(name)?.get_stub()?.fetch_with_request(req).await
        })
        .run(req, env)
        .await
}

#[durable_object]
pub struct SqlCounter {
    state: State,
    sql: SqlStorage,
}

#[derive(Debug, Serialize, Deserialize)]
struct Settings {
    step: i64,
    label: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    id: i32,
    amount: i64,
    note: Option<String>,
}

impl DurableObject for SqlCounter {
    fn new(state: State, _env: Env) -> Self {
        let sql = state.storage().sql();
        sql.exec(
            "CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY AUTOINCREMENT, amount INTEGER, note TEXT);",
            None,
        )
        .expect("create table");
        Self { state, sql }
    }

    async fn fetch(&self, req: Request) -> Result<Response> {
        let storage = self.state.storage();
        match req.path().rsplit('/').next() {
            Some("add") => {
                let step = storage.get::<Settings>("settings").await?.map_or(1, |settings| settings.step);
                let mut note = None;
                if let Some((_, value)) = req.url()?.query_pairs().find(|(key, _)| key == "note") {
                    note = Some(value.into_owned());
                }
                let bindings: Vec<SqlStorageValue> = vec![step.into(), note.into()];
                self.sql.exec("INSERT INTO entries (amount, note) VALUES (?, ?)", bindings)?;
                Response::ok(self.total()?.to_string())
            }
            Some("settings") => {
                storage.put("settings", Settings { step: 5, label: None }).await?;
                storage.put_multiple(Settings { step: 7, label: Some("seven".into()) }).await?;
                Response::from_json(&storage.get::<Settings>("settings").await?)
            }
            Some("entries") => self.entries(),
            Some("clear") => {
                storage.set_alarm(Duration::from_millis(1)).await?;
                Response::ok("soon")
            }
            Some("alarm") => self.alarms(&storage).await,
            Some("move") => move_keys(&storage).await,
            _ => Response::error("Not Found", 404),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        console_log!("clearing {}", self.state.id().to_string());
        self.sql.exec("DELETE FROM entries", None)?;
        self.state.storage().delete_multiple(vec!["step", "label"]).await?;
        Response::ok("cleared")
    }
}

impl SqlCounter {
    fn total(&self) -> Result<i64> {
        #[derive(Deserialize)]
        struct Total {
            total: Option<i64>,
        }
        let cursor: SqlCursor = self.sql.exec("SELECT sum(amount) AS total FROM entries", None)?;
        Ok(cursor.one::<Total>()?.total.unwrap_or_default())
    }

    fn entries(&self) -> Result<Response> {
        let cursor = self.sql.exec("SELECT * FROM entries ORDER BY id", None)?;
        let mut lines = vec![cursor.column_names().join(",")];
        for entry in cursor.next::<Entry>() {
            let Entry { id, amount, note } = entry?;
            lines.push(format!("{id} {amount} {}", note.unwrap_or_default()));
        }
        let raw = self.sql.exec("SELECT amount, note FROM entries WHERE id = ?", vec![SqlStorageValue::Integer(1)])?;
        for row in raw.raw() {
            for value in row? {
                lines.push(match value {
                    SqlStorageValue::Integer(value) => value.to_string(),
                    SqlStorageValue::String(value) => value,
                    SqlStorageValue::Null => "null".to_string(),
                    other => format!("{other:?}"),
                });
            }
        }
        let all: Vec<Entry> = self.sql.exec("SELECT * FROM entries", None)?.to_array()?;
        lines.push(format!("{} {}", all.len(), self.sql.database_size() > 0));
        Response::ok(lines.join("|"))
    }

    async fn alarms(&self, storage: &Storage) -> Result<Response> {
        let none = storage.get_alarm().await?;
        storage.set_alarm(worker::durable::ScheduledTime::from(60_000_i64)).await?;
        let set = storage.get_alarm_with_options(GetAlarmOptions::default()).await?;
        let options = SetAlarmOptions { allow_concurrency: Some(false), allow_unconfirmed: None };
        storage.set_alarm_with_options(Duration::from_secs(60), options.clone()).await?;
        storage.delete_alarm_with_options(options).await?;
        storage.delete_alarm().await?;
        Response::ok(format!("{none:?} {} {:?}", set.is_some(), storage.get_alarm().await?))
    }
}

/// Moves what belongs together, or nothing.
async fn move_keys(storage: &Storage) -> Result<Response> {
    storage.put("from", 10).await?;
    storage
        .transaction(|txn| async move {
            let amount: i64 = txn.get("from").await?;
            txn.delete("from").await?;
            txn.put("to", amount).await
        })
        .await?;
    let failed = storage
        .transaction(|txn: Transaction| async move {
            txn.put("to", 0).await?;
            Err(Error::RustError("changed my mind".into()))
        })
        .await;
    storage
        .transaction(|txn| async move {
            txn.put("to", 0).await?;
            txn.rollback()
        })
        .await?;
    let listed = storage.list_with_options(ListOptions::new().prefix("to").limit(5).reverse(true)).await?.size();
    storage.sync().await?;
    Response::ok(format!(
        "{:?} {:?} {listed} {}",
        storage.get::<i64>("from").await?,
        storage.get::<i64>("to").await?,
        failed.is_err()
    ))
}

mod tests {
    use worker::App;

    use super::SqlCounter;
    use crate::kept::Kept;

    fn app() -> App {
        App::new(super::main).object::<SqlCounter>("COUNTER")
    }

    #[test]
    fn it_counts_and_still_knows_after_a_restart() {
        let mut kept = Kept::new(app);
        assert_eq!(kept.ask("/counter/a/add?note=first"), "1");
        assert_eq!(kept.ask("/counter/a/settings"), "{\"step\":5,\"label\":null}");
        kept.restart();
        assert_eq!(kept.ask("/counter/a/add"), "6");
        assert_eq!(kept.ask("/counter/b/add"), "1", "another object has another database");
        assert_eq!(kept.ask("/counter/a/entries"), "id,amount,note|1 1 first|2 5 |1|first|2 true");
    }

    #[test]
    fn its_alarm_clears_it() {
        let kept = Kept::new(app);
        assert_eq!(kept.ask("/counter/a/alarm"), "None true None");
        kept.ask("/counter/a/add");
        assert_eq!(kept.ask("/counter/a/clear"), "soon");
        kept.wait_for("/counter/a/entries", "id,amount,note|0 true");
    }

    #[test]
    fn what_it_moves_is_moved_once() {
        assert_eq!(Kept::new(app).ask("/counter/a/move"), "None Some(10) 1 true");
    }
}
