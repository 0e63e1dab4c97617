//! The class of `project/room.ts` in Rust, written as for Cloudflare.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::json;
use worker::*;

#[durable_object]
pub(crate) struct Room {
    state: State,
}

#[derive(Debug, Serialize, Deserialize)]
struct Person {
    id: u32,
    name: String,
    tags: Vec<Option<String>>,
    more: HashMap<String, f64>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle { radius: f32 },
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "shown by `Debug`")]
struct Once {
    once: u8,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "shown by `Debug`")]
struct Thrown {
    name: String,
    message: String,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "shown by `Debug`")]
struct Row {
    id: i64,
    body: String,
    score: f64,
    data: ByteBuf,
    gone: Option<String>,
}

impl DurableObject for Room {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, req: Request) -> Result<Response> {
        let storage = self.state.storage();
        let url = req.url()?;
        let text = match url.path().split('/').nth(2) {
            Some("store") => {
                store(&storage).await?;
                "stored".to_owned()
            }
            Some("tell") => self.tell(&storage).await?,
            Some("ring") => {
                let due = url.query_pairs().find(|(name, _)| name == "due").ok_or("no time")?.1;
                let due = due.parse().map_err(|_| "no number")?;
                storage.set_alarm(ScheduledTime::new(DateInit::Millis(due).into())).await?;
                "set".to_owned()
            }
            _ => storage.get::<String>("rang").await?.unwrap_or_else(|| "not yet".to_owned()),
        };
        Response::ok(text)
    }

    async fn alarm(&self) -> Result<Response> {
        self.state.storage().put("rang", "in Rust").await?;
        Response::empty()
    }
}

async fn store(storage: &Storage) -> Result<()> {
    storage.put("number", 42_u8).await?;
    storage.put("fraction", -0.5_f32).await?;
    storage.put("infinite", f64::NEG_INFINITY).await?;
    storage.put("whole", 9_007_199_254_740_991_i64).await?;
    storage.put("large", i64::MIN).await?;
    storage.put("huge", u128::MAX).await?;
    storage.put("text", "Größe ☃ 😀 \0").await?;
    storage.put("letter", 'ß').await?;
    storage.put("yes", true).await?;
    storage.put("nothing", ()).await?;
    storage.put("none", None::<u8>).await?;
    storage.put("some", Some("thing")).await?;
    storage.put("bytes", ByteBuf::from([0, 1, 255])).await?;
    storage.put("list", vec![0_u8, 1, 255]).await?;
    storage.put("tuple", (1, "two", [3.5])).await?;
    storage.put("map", BTreeMap::from([(1, "one"), (2, "two")])).await?;
    storage.put("names", BTreeMap::from([("a", vec![1]), ("b", vec![])])).await?;
    storage.put("set", BTreeSet::from(["x", "y"])).await?;
    let tags = vec![Some("a".into()), None];
    let person = Person { id: 7, name: "Ada".into(), tags, more: HashMap::from([("x".into(), 1.5)]) };
    storage.put("person", &person).await?;
    storage.put("kind", Shape::Circle { radius: 2.0 }).await?;
    storage.put("plain", Shape::Empty).await?;
    storage.put("json", json!({ "a": [null, true, 1, -1.5, "x"], "b": {} })).await?;
    storage.kv().put("sync", ["by", "kv"])?;
    let sql = storage.sql();
    sql.exec("CREATE TABLE message (id INTEGER PRIMARY KEY, body TEXT, score REAL, data BLOB, gone TEXT)", None)?;
    for (body, score, data, gone) in [
        ("from Rust", SqlStorageValue::Float(1.5), vec![1, 2, 3], SqlStorageValue::Null),
        ("☃", SqlStorageValue::Integer(3), vec![], "no".into()),
    ] {
        let values = vec![body.into(), score, SqlStorageValue::Blob(data), gone];
        sql.exec("INSERT INTO message (body, score, data, gone) VALUES (?, ?, ?, ?)", values)?;
    }
    storage.set_alarm(ScheduledTime::new(DateInit::Millis(4_102_444_800_123).into())).await
}

/// One value of a list, as the type that it should have.
macro_rules! told {
    ($lines:ident, $map:ident, $($key:literal: $type:ty),+ $(,)?) => {
        $($lines.push(match $map.get::<$type>($key)? {
            Some(value) => format!("{}: {value:?}", $key),
            None => format!("{}: nothing", $key),
        });)+
    };
}

impl Room {
    async fn tell(&self, storage: &Storage) -> Result<String> {
        let map = storage.list().await?;
        let mut lines = vec![format!("name: {:?}", self.state.id().name())];
        lines.push(format!("keys: {}", map.keys().collect::<Vec<_>>().join(" ")));
        told!(lines, map, "number": u8, "number": f64, "fraction": f32, "infinite": f64, "whole": u64, "text": String);
        told!(lines, map, "yes": bool, "nothing": u8, "holes": Vec<Option<u8>>, "big": u128, "negative": i8);
        told!(lines, map, "date": i64, "map": BTreeMap<u8, String>, "names": BTreeMap<String, Vec<u8>>);
        told!(lines, map, "set": BTreeSet<String>, "bytes": ByteBuf, "bytes": Vec<u8>, "buffer": ByteBuf);
        told!(lines, map, "words": Vec<i16>, "floats": [f64; 2], "nested": Person);
        let inner = json!({ "deep": { "deeper": [[1], [2, 3]] } });
        let nested = json!({ "id": 7, "name": "Ada", "tags": ["a", null], "inner": inner, "more": { "x": 1.5 } });
        lines.push(format!("nested as JSON: {}", map.get::<serde_json::Value>("nested")? == Some(nested)));
        told!(lines, map, "shared": Vec<Once>, "kind": Shape, "plain": Shape, "pattern": String, "error": Thrown);
        lines.push(format!("sync: {:?}", storage.kv().get::<(String, String)>("sync")?));
        for row in storage.sql().exec("SELECT * FROM message ORDER BY id", None)?.to_array::<Row>()? {
            lines.push(format!("{row:?}"));
        }
        lines.push(format!("alarm: {:?}", storage.get_alarm().await?));
        Ok(lines.join("\n"))
    }
}

#[event(fetch)]
async fn fetch(req: Request, env: Env, _ctx: Context) -> Result<Response> {
    let rooms = env.durable_object("ROOM")?;
    let path = req.path();
    let name = path.split('/').nth(1).ok_or("no name")?;
    if name == "unique" {
        return Response::ok(rooms.unique_id()?.to_string());
    }
    let id = if name.len() == 64 { rooms.id_from_string(name)? } else { rooms.id_from_name(name)? };
    id.get_stub()?.fetch_with_request(req).await
}

pub(crate) fn app() -> App {
    App::new(fetch).object::<Room>("ROOM").respond_with_errors()
}
