//! Keys and values, as an object's author sees them.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use worker::*;

use crate::harness::Server;
use crate::kept::Kept;

#[durable_object]
struct Keys {
    state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Profile {
    name: String,
    age: u8,
    #[serde(with = "serde_bytes")]
    key: Vec<u8>,
    tags: Vec<Option<f64>>,
    more: BTreeMap<String, bool>,
    at: i64,
}

impl DurableObject for Keys {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, req: Request) -> Result<Response> {
        let storage = self.state.storage();
        let text = match req.path().as_str() {
            "/values" => values(&storage).await?,
            "/one" => one(&storage).await?,
            "/several" => several(&storage).await?,
            "/list" => list(&storage).await?,
            "/options" => options(&storage).await?,
            "/sync" => without_async(&storage)?,
            "/too-long" => too_long(&storage).await?,
            "/all" => all(&storage).await?,
            "/keys" => keys(&storage.list().await?),
            "/put" => {
                storage.put("a", 1).await?;
                "put".to_owned()
            }
            "/unsettled" => {
                storage.put("unsettled", 1).await?;
                storage.sync().await?;
                self.state.abort("after sync");
                String::new()
            }
            path => return Err(Error::from(format!("no test {path}"))),
        };
        Response::ok(text)
    }
}

async fn values(storage: &Storage) -> Result<String> {
    let profile = Profile {
        name: "é☃".into(),
        age: 255,
        key: vec![0, 255],
        tags: vec![None, Some(-0.5)],
        more: [("x".into(), true)].into(),
        at: i64::MIN,
    };
    storage.put("profile", &profile).await?;
    storage.put("u64", u64::MAX).await?;
    storage.put("f64", f64::INFINITY).await?;
    storage.put("unit", ()).await?;
    storage.put("map", HashMap::from([(1, "one")])).await?;
    storage.put("", "empty").await?;
    Ok(format!(
        "{} {:?} {:?} {:?} {:?} {:?} {:?} {}",
        storage.get::<Profile>("profile").await? == Some(profile),
        storage.get::<u64>("u64").await?,
        storage.get::<f64>("f64").await?,
        storage.get::<u8>("unit").await?,
        storage.get::<HashMap<u8, String>>("map").await?,
        storage.get::<String>("").await?,
        storage.get::<String>("missing").await?,
        storage.get::<String>("u64").await.unwrap_err(),
    ))
}

async fn one(storage: &Storage) -> Result<String> {
    let before = storage.delete("a").await?;
    storage.put("a", 1).await?;
    storage.put("a", "again").await?;
    let got = storage.get::<String>("a").await?;
    Ok(format!("{before} {got:?} {} {:?}", storage.delete("a").await?, storage.get::<String>("a").await?))
}

#[derive(Serialize)]
struct Fields {
    b: u8,
    a: &'static str,
    skipped: Option<u8>,
}

async fn several(storage: &Storage) -> Result<String> {
    storage.put_multiple(Fields { b: 2, a: "one", skipped: None }).await?;
    storage.put_multiple(BTreeMap::from([("c", 3), ("d", 4), ("☃", 5)])).await?;
    let got = storage.get_multiple(vec!["d", "missing", "a", "d"]).await?;
    let refused = [
        storage.put_multiple(vec![1]).await.unwrap_err(),
        storage.put_multiple("text").await.unwrap_err(),
        storage.put_multiple(HashMap::from([(1, 1)])).await.unwrap_err(),
    ];
    let too_long = BTreeMap::from([("e", String::new()), ("f", "x".repeat(9 << 20))]);
    let failed = storage.put_multiple(too_long).await.unwrap_err();
    Ok(format!(
        "{} {:?} {:?} {} {} {} | {refused:?} | {failed} | {} {}",
        keys(&got),
        got.get::<String>("a")?,
        got.get::<u8>("missing")?,
        got.size(),
        got.has("d"),
        got.is_empty(),
        storage.delete_multiple(vec!["a".to_owned(), "x".to_owned(), "d".to_owned()]).await?,
        keys(&storage.list().await?),
    ))
}

fn keys(map: &StorageMap) -> String {
    map.keys().collect::<Vec<_>>().join(",")
}

async fn list(storage: &Storage) -> Result<String> {
    for (at, key) in ["a", "b", "ba", "bb", "c", "é"].into_iter().enumerate() {
        storage.put(key, at).await?;
    }
    let mut lists = vec![keys(&storage.list().await?)];
    for options in [
        ListOptions::new().start("b"),
        ListOptions::new().start_after("b"),
        ListOptions::new().end("bb"),
        ListOptions::new().prefix("b"),
        ListOptions::new().reverse(true),
        ListOptions::new().limit(2),
        ListOptions::new().prefix("b").reverse(true).limit(1),
        ListOptions::new().start("b").end("c").limit(usize::MAX),
        ListOptions::new().start("ê"),
    ] {
        lists.push(keys(&storage.list_with_options(options).await?));
    }
    let map = storage.list_with_options(ListOptions::new().prefix("b")).await?;
    let values = map.values::<u8>().collect::<Result<Vec<_>>>()?;
    let entries = map.entries::<u8>().map(|entry| entry.map(|(key, value)| format!("{key}={value}")));
    let entries = entries.collect::<Result<Vec<_>>>()?.join(",");
    let wrong = map.values::<String>().filter(Result::is_err).count();
    Ok(format!("{} | {values:?} {entries} {wrong}", lists.join(" ")))
}

async fn options(storage: &Storage) -> Result<String> {
    let both = ListOptions::new().start("a").start_after("b");
    let errors = [
        storage.list_with_options(both).await.unwrap_err(),
        storage.list_with_options(ListOptions::new().limit(0)).await.unwrap_err(),
    ];
    Ok(errors.map(|error| error.to_string()).join(" "))
}

fn without_async(storage: &Storage) -> Result<String> {
    let kv = storage.kv();
    kv.put("a", [1, 2])?;
    kv.put("b", "b")?;
    let listed = keys(&kv.list()?);
    let part = keys(&kv.list_with_options(ListOptions::new().limit(1))?);
    Ok(format!("{listed} {part} {:?} {} {:?}", kv.get::<[u8; 2]>("a")?, kv.delete("a")?, kv.get::<u8>("a")?))
}

async fn too_long(storage: &Storage) -> Result<String> {
    let error = storage.put("a", "x".repeat(9 << 20)).await.unwrap_err();
    storage.put("b", "x".repeat(8 << 20)).await?;
    Ok(format!("{error} | {}", keys(&storage.list().await?)))
}

async fn all(storage: &Storage) -> Result<String> {
    storage.put("a", 1).await?;
    storage.sql().exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)", None)?;
    storage.set_alarm(i64::from(u32::MAX)).await?;
    storage.delete_all().await?;
    let tables = storage.sql().exec("SELECT name FROM sqlite_schema WHERE name = 't'", None)?.raw().count();
    Ok(format!("{} {tables} {:?}", storage.list().await?.size(), storage.get_alarm().await?))
}

async fn entry(req: Request, env: Env, _ctx: Context) -> Result<Response> {
    env.durable_object("KEYS")?.get_by_name("one")?.fetch_with_request(req).await
}

fn app() -> App {
    App::new(entry).object::<Keys>("KEYS").respond_with_errors()
}

fn check(path: &str, expected: &str) {
    assert_eq!(Kept::new(app).ask(path), expected);
}

#[test]
fn values_come_back_as_they_were() {
    check(
        "/values",
        "true Some(18446744073709551615) Some(inf) None Some({1: \"one\"}) Some(\"empty\") None \
         TypeError: invalid type: integer `18446744073709551615`, expected a string",
    );
}

#[test]
fn one_key_is_put_got_and_deleted() {
    check("/one", "false Some(\"again\") true None");
}

#[test]
fn several_keys_are_put_all_or_none() {
    let refused = "RustError(\"Must pass in a struct type\")";
    check(
        "/several",
        &format!(
            "a,d Some(\"one\") None 2 true false | [{refused}, {refused}, {refused}] | \
             string or blob too big: SQLITE_TOOBIG | 2 b,c,☃"
        ),
    );
}

#[test]
fn lists_follow_their_options() {
    check(
        "/list",
        "a,b,ba,bb,c,é b,ba,bb,c,é ba,bb,c,é a,b,ba b,ba,bb é,c,bb,ba,b,a a,b bb b,ba,bb  | [1, 2, 3] b=1,ba=2,bb=3 3",
    );
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    check(
        "/options",
        "TypeError: list() cannot be called with both start and startAfter values. TypeError: List limit must be positive.",
    );
}

#[test]
fn the_same_is_there_without_async() {
    check("/sync", "a,b a Some([1, 2]) true None");
}

#[test]
fn a_value_that_is_too_long_is_refused_and_the_object_goes_on() {
    check("/too-long", "string or blob too big: SQLITE_TOOBIG | b");
}

#[test]
fn everything_can_be_deleted() {
    check("/all", "0 0 None");
}

#[test]
fn what_is_synced_outlives_a_reset() {
    let kept = Kept::new(app);
    assert_eq!(kept.fail("/unsettled"), "Error: after sync");
    assert_eq!(kept.ask("/keys"), "unsettled");
}

#[test]
fn a_server_without_a_data_folder_says_so() {
    let server = Server::new(app());
    let text = "This server keeps no data: it was started without a data folder.";
    assert_eq!(server.ask("/put"), (500, format!("Error: {text}")));
}
