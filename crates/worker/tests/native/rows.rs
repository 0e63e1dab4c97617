//! SQL, as an object's author sees it.

use serde::Deserialize;
use worker::*;

use crate::kept::Kept;

#[durable_object]
struct Rows {
    state: State,
}

impl DurableObject for Rows {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, req: Request) -> Result<Response> {
        let sql = self.state.storage().sql();
        let text = match req.path().as_str() {
            "/values" => values(&sql)?,
            "/typed" => typed(&sql)?,
            "/mistyped" => mistyped(&sql)?,
            "/cursor" => cursor(&sql)?,
            "/one" => one(&sql)?,
            "/lazy" => lazy(&sql)?,
            "/open" => open(&sql)?,
            "/over-turns" => over_turns(&sql).await?,
            "/failing" => failing(&sql)?,
            "/errors" => errors(&sql)?,
            "/size" => size(&sql)?,
            path => return Err(Error::from(format!("no test {path}"))),
        };
        Response::ok(text)
    }
}

/// Some times as many rows as are read in advance.
const NUMBERS: &str = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000) SELECT n FROM n";

fn values(sql: &SqlStorage) -> Result<String> {
    let bound: Vec<SqlStorageValue> = vec![
        None::<i32>.into(),
        true.into(),
        7.into(),
        i64::MAX.into(),
        1.5.into(),
        2.0.into(),
        "text".into(),
        vec![0_u8, 255].into(),
    ];
    let marks = vec!["?"; bound.len()].join(", ");
    let back = sql.exec(&format!("SELECT {marks}"), bound)?.raw().next().ok_or("no row")??;
    let types = sql.exec(
        "SELECT typeof(?), typeof(?), typeof(?), ? / 2",
        vec![1.into(), i64::MAX.into(), false.into(), 5.into()],
    )?;
    let types = types.raw().next().ok_or("no row")??;
    let safe = SqlStorageValue::try_from_i64((1 << 53) - 1)?;
    let unsafe_ones = [1 << 53, -(1 << 53), i64::MIN].map(|value| SqlStorageValue::try_from_i64(value).is_err());
    Ok(format!("{back:?}\n{types:?}\n{safe:?} {unsafe_ones:?}"))
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Small,
    Large,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "shown by `Debug`")]
struct Typed {
    id: u64,
    small: i8,
    real: f64,
    whole: i32,
    yes: bool,
    no: bool,
    name: String,
    void: Option<String>,
    missing: Option<u8>,
    bytes: Vec<u8>,
    #[serde(with = "serde_bytes")]
    same: Vec<u8>,
    kind: Kind,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "shown by `Debug`")]
struct Doubled {
    a: String,
    b: u8,
}

fn typed(sql: &SqlStorage) -> Result<String> {
    let query = "SELECT 9007199254740993 AS id, -5 AS small, 3 AS real, 4.0 AS whole, 1 AS yes, ? AS no, 'é' AS name, \
        NULL AS void, x'00ff' AS bytes, x'01' AS same, 'large' AS kind, 'ignored' AS more";
    let row: Typed = sql.exec(query, vec![false.into()])?.one()?;
    let doubled: Doubled = sql.exec("SELECT 1 AS a, 2 AS b, 'last' AS a", None)?.one()?;
    let open: serde_json::Value = sql.exec("SELECT 1.0 AS a, NULL AS b, 'x' AS c", None)?.one()?;
    Ok(format!("{row:?}\n{doubled:?}\n{open}"))
}

fn mistyped(sql: &SqlStorage) -> Result<String> {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never made")]
    struct Small {
        a: u8,
    }
    let said = ["256 AS a", "1.5 AS a", "'1' AS a", "NULL AS a", "1 AS b"].map(|columns| {
        let row = sql.exec(&format!("SELECT {columns}"), None).and_then(|cursor| cursor.one::<Small>());
        row.map_or_else(|error| error.to_string(), |row| format!("{row:?}"))
    });
    Ok(said.join("\n"))
}

#[derive(Debug, Deserialize)]
struct Number {
    n: u32,
}

fn cursor(sql: &SqlStorage) -> Result<String> {
    let written =
        sql.exec("CREATE TABLE t (n INTEGER PRIMARY KEY, m); INSERT INTO t VALUES (1, 2), (2, 3), (3, 4)", None)?;
    let cursor = sql.exec("SELECT n FROM t ORDER BY n", None)?;
    let first = cursor.next::<Number>().next().ok_or("no row")??.n;
    let second = cursor.clone().raw().next().ok_or("no row")??;
    let rest: Vec<Number> = cursor.to_array()?;
    let over = cursor.next::<Number>().next().is_none() && cursor.raw().next().is_none();
    Ok(format!(
        "{} {} {first} {second:?} {:?} {over} {:?} {} {}",
        written.rows_written(),
        written.column_names().len(),
        rest[0].n,
        cursor.column_names(),
        cursor.rows_read(),
        cursor.rows_written(),
    ))
}

fn one(sql: &SqlStorage) -> Result<String> {
    let none = sql.exec("SELECT 1 AS n WHERE 0", None)?.one::<Number>().unwrap_err();
    let several = sql.exec("SELECT 1 AS n UNION SELECT 2 UNION SELECT 3", None)?;
    let error = several.one::<Number>().unwrap_err();
    Ok(format!("{} {none} {error} {}", sql.exec("SELECT 5 AS n", None)?.one::<Number>()?.n, several.raw().count()))
}

fn lazy(sql: &SqlStorage) -> Result<String> {
    sql.exec(&format!("CREATE TABLE numbers (n); INSERT INTO numbers {NUMBERS}"), None)?;
    let cursor = sql.exec("SELECT n FROM numbers", None)?;
    let mut sum = 0_u64;
    for (at, row) in cursor.next::<Number>().enumerate() {
        sum += u64::from(row?.n);
        if at == 0 {
            assert!(cursor.rows_read() < 5_000, "all was read in advance: {}", cursor.rows_read());
        }
    }
    let all = sql.exec(NUMBERS, None)?.to_array::<Number>()?.len();
    Ok(format!("{sum} {all} {}", cursor.rows_read()))
}

/// Cursors that nobody has any more are closed, so those that are kept stay open.
fn open(sql: &SqlStorage) -> Result<String> {
    let kept = sql.exec(NUMBERS, None)?;
    for _ in 0..200 {
        drop(sql.exec(NUMBERS, None)?);
        sql.exec(NUMBERS, None)?.one::<Number>().unwrap_err();
    }
    let also = (0..63).map(|_| sql.exec(NUMBERS, None)).collect::<Result<Vec<_>>>()?;
    let counts = (kept.raw().count(), also[0].raw().count());
    let too_many = (0..65).map(|_| sql.exec(NUMBERS, None)).collect::<Result<Vec<_>>>()?;
    let error = too_many[0].to_array::<Number>().unwrap_err();
    Ok(format!("{counts:?} {error}"))
}

async fn over_turns(sql: &SqlStorage) -> Result<String> {
    let cursor = sql.exec(NUMBERS, None)?;
    let first = cursor.raw().take(300).count();
    sql.exec("CREATE TABLE t (a)", None)?;
    Delay::from(std::time::Duration::from_millis(1)).await;
    Ok(format!("{first} {}", cursor.raw().count()))
}

/// The second row is an error.
fn failing(sql: &SqlStorage) -> Result<String> {
    sql.exec("CREATE TABLE t (a); INSERT INTO t VALUES ('[]'), ('x'), ('[]')", None)?;
    let cursor = sql.exec("SELECT json_array_length(a) AS n FROM t", None)?;
    let rows: Vec<_> =
        cursor.next::<Number>().map(|row| row.map_or_else(|e| e.to_string(), |n| n.n.to_string())).collect();
    Ok(rows.join(" | "))
}

fn errors(sql: &SqlStorage) -> Result<String> {
    sql.exec("CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)", None)?;
    let said = [
        sql.exec("SELEC", None),
        sql.exec("", None),
        sql.exec("SELECT ?", None),
        sql.exec("SELECT ?; SELECT 1", vec![1.into()]),
        sql.exec("INSERT INTO t VALUES (1)", None),
        sql.exec("BEGIN", None),
        sql.exec("CREATE TABLE _cf_KV (a)", None),
    ];
    Ok(said.map(|result| result.unwrap_err().to_string().chars().take(60).collect::<String>()).join("\n"))
}

fn size(sql: &SqlStorage) -> Result<String> {
    let before = sql.database_size();
    sql.exec("CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(100000))", None)?;
    let after = sql.database_size();
    Ok(format!("{} {}", before < after, sql.try_database_size()? == after))
}

async fn entry(req: Request, env: Env, _ctx: Context) -> Result<Response> {
    env.durable_object("ROWS")?.get_by_name("one")?.fetch_with_request(req).await
}

fn app() -> App {
    App::new(entry).object::<Rows>("ROWS").respond_with_errors()
}

fn check(path: &str, expected: &str) {
    assert_eq!(Kept::new(app).ask(path), expected);
}

#[test]
fn values_are_bound_and_come_back() {
    check(
        "/values",
        "[Null, String(\"true\"), Integer(7), Integer(9223372036854775807), Float(1.5), Integer(2), String(\"text\"), \
         Blob([0, 255])]\n\
         [String(\"real\"), String(\"integer\"), String(\"text\"), Float(2.5)]\n\
         Integer(9007199254740991) [true, true, true]",
    );
}

#[test]
fn rows_are_structs() {
    check(
        "/typed",
        "Typed { id: 9007199254740993, small: -5, real: 3.0, whole: 4, yes: true, no: false, name: \"é\", void: None, \
         missing: None, bytes: [0, 255], same: [1], kind: Large }\n\
         Doubled { a: \"last\", b: 2 }\n{\"a\":1,\"b\":null,\"c\":\"x\"}",
    );
}

#[test]
fn a_row_that_does_not_fit_says_which_column() {
    check(
        "/mistyped",
        "TypeError: column `a`: invalid value: integer `256`, expected u8\n\
         TypeError: column `a`: invalid type: floating point `1.5`, expected u8\n\
         TypeError: column `a`: invalid type: string \"1\", expected u8\n\
         TypeError: column `a`: invalid type: unit value, expected u8\n\
         TypeError: missing field `a`",
    );
}

#[test]
fn all_ways_over_a_cursor_share_its_place() {
    check("/cursor", "3 0 1 [Integer(2)] 3 true [\"n\"] 3 0");
}

#[test]
fn one_row_is_neither_none_nor_several() {
    check(
        "/one",
        "5 Expected exactly one result from SQL query, but got no results. \
         Expected exactly one result from SQL query, but got multiple results. 0",
    );
}

#[test]
fn thousands_of_rows_are_read_as_they_are_asked_for() {
    check("/lazy", "12502500 5000 5000");
}

#[test]
fn cursors_close_when_nobody_has_them() {
    check(
        "/open",
        "(5000, 5000) This SQL cursor was closed before its rows were read: at most 64 can be open, and none survives \
         deleteAll().",
    );
}

#[test]
fn a_cursor_goes_on_after_its_turn() {
    check("/over-turns", "300 4700");
}

#[test]
fn an_error_in_a_row_ends_the_rows() {
    check("/failing", "0 | malformed JSON: SQLITE_ERROR");
}

#[test]
fn errors_are_those_of_the_runtime() {
    check(
        "/errors",
        "near \"SELEC\": syntax error at offset 0: SQLITE_ERROR\n\
         SQL code did not contain a statement.\n\
         Wrong number of parameter bindings for SQL query.\n\
         When executing multiple SQL statements in a single call, onl\n\
         UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: \n\
         To execute a transaction, please use the state.storage.trans\n\
         not authorized: SQLITE_AUTH",
    );
}

#[test]
fn the_size_grows_with_the_data() {
    check("/size", "true true");
}
